"""Logs as sources of lines: files (mapped into memory or decompressed) and streams."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from agentcost.errors import AgentcostError, BrokenLog
from agentcost.ingest.compression import MAGIC_BYTES, blocks, engine_of
from agentcost.ingest.contract import Line, Peek
from agentcost.ingest.json_values import BOM
from agentcost.ingest.peeking import LONGEST_HEAD, SHORTEST_HEAD, peek_of

_WINDOW = 1 << 24
"""A mapped file is given back in pieces of this size, so that memory does not grow with it."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file. Lines begin at byte `start` of what it decompresses to, which is line number `line`."""

    name: str
    path: Path
    start: int = 0
    line: int = 1

    def peek(self) -> Peek:
        """The beginning of the file, wherever its lines begin."""
        with _opened(self.name, self.path) as file:
            head, complete = _head(blocks(self.name, file), [])
        return peek_of(self.name, head, complete)

    def lines(self) -> Iterator[Line]:
        """The lines that are not blank; BrokenLog behind the last one of a damaged archive."""
        with _opened(self.name, self.path) as file:
            if engine_of(file.read(MAGIC_BYTES)):
                file.seek(0)
                yield from _lines_of_blocks(_behind(blocks(self.name, file), self.start), self.start, self.line)
            elif file.seek(0, 2) > self.start:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                yield from _lines_of_map(mapped, self.start, self.line)

    def whole(self) -> bytes:
        """All of it, decompressed. BrokenLog where the archive is damaged."""
        with _opened(self.name, self.path) as file:
            return b"".join(blocks(self.name, file))


@dataclass(slots=True)
class StreamSource:
    """A pipe: read once, but for the peek, which keeps what it took."""

    name: str
    stream: BinaryIO
    _taken: list[bytes] = field(default_factory=list, init=False)
    _rest: Iterator[bytes] | None = field(default=None, init=False)
    _spent: bool = field(default=False, init=False)

    def peek(self) -> Peek:
        """The beginning, which `lines` and `whole` still give."""
        head, complete = _head(self._unread(), self._taken)
        return peek_of(self.name, head, complete)

    def lines(self) -> Iterator[Line]:
        """The lines that are not blank, once; BrokenLog behind the last one of a damaged archive."""
        return _lines_of_blocks(self._all(), 0, 1)

    def whole(self) -> bytes:
        """All of it, once. BrokenLog where the archive is damaged."""
        return b"".join(self._all())

    def _unread(self) -> Iterator[bytes]:
        if self._spent:
            raise AgentcostError(f"{self.name} can be read only once; save it to a file and name that")
        if self._rest is None:
            self._rest = blocks(self.name, self.stream)
        return self._rest

    def _all(self) -> Iterator[bytes]:
        rest = self._unread()
        self._spent = True
        while self._taken:
            yield self._taken.pop(0)
        yield from rest


def open_source(path: Path | str, name: str = "") -> FileSource:
    """The file at a path, under its own name unless told."""
    return FileSource(name or str(path), Path(path))


def _opened(name: str, path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise AgentcostError(f"{name} is gone; check the path and run again") from error
    except IsADirectoryError as error:
        raise AgentcostError(f"{name} is a folder; name the logs in it") from error
    except PermissionError as error:
        raise AgentcostError(f"{name} may not be read; allow it (chmod u+r) or leave it out") from error
    except OSError as error:
        raise AgentcostError(f"{name} cannot be read ({error.strerror}); leave it out") from error


def _head(unread: Iterator[bytes], taken: list[bytes]) -> tuple[bytes, bool]:
    """The beginning, and whether it is all. What is read from `unread` is put behind `taken`."""
    size = sum(map(len, taken))
    ended = any(b"\n" in block for block in taken)
    try:
        while size < SHORTEST_HEAD or (not ended and size < LONGEST_HEAD):
            block = next(unread, b"")
            if not block:
                return b"".join(taken), True
            taken.append(block)
            size += len(block)
            ended = ended or b"\n" in block
    except BrokenLog:  # `lines` tells it, behind the last line that can be read
        return b"".join(taken), False
    return b"".join(taken)[:LONGEST_HEAD], False


def _behind(parts: Iterator[bytes], start: int) -> Iterator[bytes]:
    """The blocks without their first `start` bytes."""
    for block in parts:
        if start < len(block):
            yield block[start:]
        start = max(0, start - len(block))


def _lines_of_map(mapped: mmap.mmap, start: int, number: int) -> Iterator[Line]:
    given_back = 0
    for line in _lines(mapped, start, len(mapped), number, 0):
        if line.start - given_back > _WINDOW and hasattr(mapped, "madvise"):  # Windows has none
            behind = (line.start - given_back) // mmap.PAGESIZE * mmap.PAGESIZE
            mapped.madvise(mmap.MADV_DONTNEED, given_back, behind)
            given_back += behind
        yield line


def _lines_of_blocks(parts: Iterator[bytes], offset: int, number: int) -> Iterator[Line]:
    """The lines of blocks of any size; a line that spans many is put together once."""
    pending: list[bytes] = []
    try:
        for block in parts:
            pending.append(block)
            if b"\n" not in block:
                continue
            buffer = b"".join(pending)
            end = buffer.rfind(b"\n") + 1
            yield from _lines(buffer, 0, end, number, offset)
            number += buffer.count(b"\n")
            offset += end
            pending = [buffer[end:]]
    except BrokenLog:
        yield from _lines(b"".join(pending), 0, sum(map(len, pending)), number, offset)
        raise
    buffer = b"".join(pending)
    yield from _lines(buffer, 0, len(buffer), number, offset)


def _lines(buffer: Any, start: int, end: int, number: int, before: int) -> Iterator[Line]:
    """The lines of a buffer from `start` to `end`; `before` bytes and number - 1 lines stand before it."""
    if start + before == 0 and buffer[:3] == BOM:
        start = len(BOM)
    find = buffer.find
    while start < end:
        stop = find(b"\n", start, end)
        if stop < 0:
            stop = end
        last = stop - 1 if stop > start and buffer[stop - 1] == 0x0D else stop  # \r
        if last > start and (buffer[start] > 0x20 or not _blank(buffer, start, last)):
            yield Line(buffer, start, last, number, before + start)
        start = stop + 1
        number += 1


def _blank(buffer: Any, start: int, end: int) -> bool:
    return bool(bytes(buffer[start:end]).isspace())
