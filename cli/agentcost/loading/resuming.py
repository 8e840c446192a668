"""What was read of a large log stays in the user's cache: a log that grew is read on from where it ended."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from agentcost.errors import BrokenLog
from agentcost.files import replace
from agentcost.ingest.compression import engine_of
from agentcost.ingest.source import FileSource
from agentcost.record import Record, load, save

_HEAD, _WINDOW = 65_536, 65_536
_MOST = 64
"""Records kept; the oldest go first."""


class Note(msgspec.Struct, frozen=True):
    """How far a log was read: up to byte `offset`, before line `line`, and what stood at its head and before there."""

    offset: int
    line: int
    modified: int
    head: bytes
    window: bytes


class Kept(msgspec.Struct, frozen=True):
    """A record that was kept; `complete` says that the log has not changed since."""

    record: Record
    offset: int
    line: int
    complete: bool


def kept(cache: Path, source: FileSource, key: str) -> Kept | None:
    """What was kept of a log; None where nothing was, or where what was read has changed."""
    path = _path(cache, source, key)
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:4], "little")
        note = msgspec.msgpack.decode(content[4 : 4 + length], type=Note)
        status = source.path.stat()
        if status.st_size < note.offset or _digests(source.path, note.offset) != (note.head, note.window):
            return None
        complete = status.st_size == note.offset and status.st_mtime_ns == note.modified
        return Kept(load(content[4 + length :], str(path)), note.offset, note.line, complete)
    except (OSError, msgspec.MsgspecError, BrokenLog):
        return None  # nothing kept, or by another version: read the log whole


def keep(cache: Path, source: FileSource, key: str, record: Record) -> None:
    """Keep the record of a log of text that ends with a whole line (another is still being written)."""
    status, path = source.path.stat(), _path(cache, source, key)
    with source.path.open("rb") as file:
        head = file.read(_HEAD)
        if engine_of(head) or b"\0" in head:
            return
        file.seek(max(0, status.st_size - 1))
        if file.read(1) != b"\n":
            return
    lines = next((log.lines for log in record.logs if log.name == source.name), 0)
    note = Note(status.st_size, lines + 1, status.st_mtime_ns, *_digests(source.path, status.st_size))
    packed = msgspec.msgpack.encode(note)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(path, len(packed).to_bytes(4, "little") + packed + save(record))
        for old in sorted(path.parent.glob("*.record"), key=lambda found: found.stat().st_mtime)[:-_MOST]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a cache that cannot be written only costs time: `Counts.save` has told it already


def _path(cache: Path, source: FileSource, key: str) -> Path:
    name = hashlib.blake2b(f"{source.path.resolve()} {source.name} {key}".encode(), digest_size=16).hexdigest()
    return cache / "logs" / f"{name}.record"


def _digests(path: Path, offset: int) -> tuple[bytes, bytes]:
    """Of the first bytes of a file, and of those before `offset`."""
    with path.open("rb") as file:
        head = file.read(min(_HEAD, offset))
        file.seek(max(0, offset - _WINDOW))
        window = file.read(min(_WINDOW, offset))
    return hashlib.blake2b(head, digest_size=16).digest(), hashlib.blake2b(window, digest_size=16).digest()
