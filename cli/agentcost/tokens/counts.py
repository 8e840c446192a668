"""Remembers on disk how many tokens a text has, by digest, so that no text is ever counted twice."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from agentcost.errors import AgentcostError
from agentcost.files import replace

RECORD = struct.Struct("<16sI")
CHECKSUM = struct.Struct("<I")
MOST_ENTRIES = 1_000_000
"""20 MB on disk; the oldest entries go first."""


class Counts:
    """Digest of a text -> its tokens, for one encoding and engine version, in a file of `folder`.

    The file holds no text: a line that names what it is, a CRC-32, and 20 bytes a count. A file that is
    broken, or belongs to another version, is read as empty and rewritten by `save`.
    """

    def __init__(self, folder: Path, encoding: str, version: str) -> None:
        self.path = folder / (re.sub(r"[^\w.-]+", "-", f"{encoding}-{version}") + ".counts")
        self.heading = f"agentcost counts 1 {encoding} {version}\n".encode()
        self.known: dict[bytes, int] = dict(RECORD.iter_unpack(self.records()))
        self.new: dict[bytes, int] = {}

    def get(self, digest: bytes) -> int | None:
        """The count of the text with this 16-byte digest, if it was ever put."""
        return self.known.get(digest)

    def put(self, digest: bytes, count: int) -> None:
        """Remember a count; `save` writes it."""
        if self.known.get(digest) != count:
            self.known[digest] = self.new[digest] = count

    def records(self) -> bytes:
        """The records of the file, oldest first, or none when it is not intact."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return b""
        start = len(self.heading) + CHECKSUM.size
        records = content[start:]
        intact = (
            content.startswith(self.heading)
            and len(content) >= start
            and len(records) % RECORD.size == 0
            and CHECKSUM.unpack_from(content, len(self.heading)) == (zlib.crc32(records),)
        )
        return records if intact else b""

    def save(self) -> None:
        """Add the new counts to what the file holds by now, in one atomic step; readable by the owner only.

        Raises AgentcostError when the folder cannot be written.
        """
        if not self.new:
            return
        added = b"".join(RECORD.pack(digest, count) for digest, count in self.new.items())
        records = (self.records() + added)[-MOST_ENTRIES * RECORD.size :]
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self.path, self.heading + CHECKSUM.pack(zlib.crc32(records)) + records)
        except OSError as error:
            raise AgentcostError(
                f"cannot keep token counts in {self.path.parent} ({error.strerror}): "
                "name a folder that can be written, or go without a cache"
            ) from error
        self.new = {}
