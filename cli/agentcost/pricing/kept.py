"""What was looked up in the price list stays in the user's cache: where models are known, the list is not loaded."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from agentcost.files import replace
from agentcost.pricing.priced import Found

MOST = 5_000
"""Answers kept; a file with more is begun anew."""


class Answers(msgspec.Struct):
    """What the list says of models, by provider and model as they were asked for, and of providers."""

    models: dict[str, Found | None] = {}
    hosts: dict[str, bool] = {}


class Shelf(msgspec.Struct):
    """The answers of one version of the list, in a file of `folder`: a line that names it, a CRC-32, and the answers.

    A file that is broken, or belongs to another version, is read as empty and written anew. It holds names of
    providers and models, and prices.
    """

    path: Path
    heading: bytes
    answers: Answers
    new: bool = False

    def is_of(self, folder: Path, version: str) -> bool:
        """Whether it is that of the version in a folder."""
        return (self.path, self.heading) == (_path(folder), _heading(version))

    def save(self) -> None:
        """Write what is new, in one atomic step. A folder that cannot be written only costs time."""
        if not self.new:
            return
        self.new = False
        body = msgspec.msgpack.encode(self.answers if len(self.answers.models) <= MOST else Answers())
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self.path, self.heading + zlib.crc32(body).to_bytes(4, "little") + body)
        except OSError:
            return  # `Counts.save` has told it already


def shelf_in(folder: Path, version: str) -> Shelf:
    """The shelf of a version of the list."""
    path, heading = _path(folder), _heading(version)
    return Shelf(path, heading, _read(path, heading))


def _path(folder: Path) -> Path:
    return folder / "models.prices"


def _heading(version: str) -> bytes:
    return f"agentcost prices 1 {version}\n".encode()


def _read(path: Path, heading: bytes) -> Answers:
    try:
        content = path.read_bytes()
        checksum, body = content[len(heading) :][:4], content[len(heading) + 4 :]
        if content.startswith(heading) and checksum == zlib.crc32(body).to_bytes(4, "little"):
            return msgspec.msgpack.decode(body, type=Answers)
    except (OSError, msgspec.MsgspecError):
        pass  # nothing kept, or by another version: the list is asked
    return Answers()
