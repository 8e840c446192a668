"""Logs as sources of lines: files (read block by block or decompressed) and streams."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import msgspec

from agentcost.errors import AgentcostError, BrokenLog
from agentcost.ingest.compression import MAGIC_BYTES, blocks, engine_of
from agentcost.ingest.contract import Line, Peek
from agentcost.ingest.json_values import BOM
from agentcost.ingest.peeking import LONGEST_HEAD, SHORTEST_HEAD, peek_of

_BLOCK = 1 << 22
"""Bytes that are read at once; a longer line is read whole."""


class FileSource(msgspec.Struct, frozen=True):
    """A file. Lines begin at byte `start` of what it decompresses to, which is line number `line`.

    A `stop` ends them: only of a plain file, and where a line does.
    """

    name: str
    path: Path
    start: int = 0
    line: int = 1
    stop: int | None = None

    def peek(self) -> Peek:
        """The beginning of the file, wherever its lines begin."""
        taken: list[bytes] = []
        with _opened(self.name, self.path) as file:
            ended, broken = _take_head(blocks(self.name, file), taken)
        return peek_of(self.name, b"".join(taken)[:LONGEST_HEAD], ended and not broken)

    def lines(self) -> Iterator[Line]:
        """The lines that are not blank; BrokenLog behind the last one of a damaged archive."""
        with _opened(self.name, self.path) as file:
            if engine_of(file.read(MAGIC_BYTES)):
                file.seek(0)
                yield from _lines_of_blocks(_behind(blocks(self.name, file), self.start), self.start, self.line)
            else:
                yield from _lines_of_file(file, self.start, self.stop, self.line)

    def is_plain(self) -> bool:
        """Whether the file is no archive: offsets are its own."""
        with _opened(self.name, self.path) as file:
            return engine_of(file.read(MAGIC_BYTES)) is None

    def piece(self, offset: int, length: int) -> bytes:
        """The bytes of a record of a plain file."""
        with _opened(self.name, self.path) as file:
            return _block(file, offset, None, length)

    def whole(self) -> bytes:
        """All of it, decompressed. BrokenLog where the archive is damaged."""
        with _opened(self.name, self.path) as file:
            return b"".join(blocks(self.name, file))


class StreamSource(msgspec.Struct):
    """A pipe: read once, but for the peek, which keeps what it took."""

    name: str
    stream: BinaryIO
    _taken: list[bytes] = []
    _rest: Iterator[bytes] | None = None
    _broken: BrokenLog | None = None
    _spent: bool = False

    def peek(self) -> Peek:
        """The beginning, which `lines` and `whole` still give."""
        ended, broken = _take_head(self._unread(), self._taken)
        self._broken = self._broken or broken
        return peek_of(self.name, b"".join(self._taken)[:LONGEST_HEAD], ended and not self._broken)

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
        if self._broken:
            raise self._broken


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


def _take_head(unread: Iterator[bytes], taken: list[bytes]) -> tuple[bool, BrokenLog | None]:
    """Put blocks behind `taken` up to what a peek needs; whether they have ended, and what broke them off."""
    size = sum(map(len, taken))
    line_ended = any(b"\n" in block for block in taken)
    try:
        while size < SHORTEST_HEAD or (not line_ended and size < LONGEST_HEAD):
            block = next(unread, b"")
            if not block:
                return True, None
            taken.append(block)
            size += len(block)
            line_ended = line_ended or b"\n" in block
    except BrokenLog as error:
        return True, error
    return False, None


def _behind(parts: Iterator[bytes], start: int) -> Iterator[bytes]:
    """The blocks without their first `start` bytes."""
    for block in parts:
        if start < len(block):
            yield block[start:]
        start = max(0, start - len(block))


def _lines_of_file(file: BinaryIO, offset: int, stop: int | None, number: int) -> Iterator[Line]:
    """The lines of a file from `offset` on. What a block cuts off is read again with the next one.

    Blocks are copies and no memory map: searching bytes is several times faster, memory stays bounded, and a log
    that is truncated while it is read does no harm. The next block is read while the lines of one are used.
    """
    with ThreadPoolExecutor(1) as ahead:
        size, buffer = _BLOCK, _block(file, offset, stop, _BLOCK)
        while buffer:
            end = buffer.rfind(b"\n") + 1
            if len(buffer) == size and not end:
                size *= 2
                buffer = _block(file, offset, stop, size)
                continue
            if len(buffer) < size:
                yield from _lines(buffer, 0, len(buffer), number, offset)
                return
            size, following = _BLOCK, ahead.submit(_block, file, offset + end, stop, _BLOCK)
            number = yield from _lines(buffer, 0, end, number, offset)
            offset += end
            buffer = following.result()


def _block(file: BinaryIO, offset: int, stop: int | None, size: int) -> bytes:
    """Up to `size` bytes at `offset`, none from `stop` on; fewer at the end."""
    file.seek(offset)
    return file.read(size if stop is None else max(0, min(size, stop - offset)))


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
            number = yield from _lines(buffer, 0, end, number, offset)
            offset += end
            pending = [buffer[end:]]
    except BrokenLog:
        yield from _lines(b"".join(pending), 0, sum(map(len, pending)), number, offset)
        raise
    buffer = b"".join(pending)
    yield from _lines(buffer, 0, len(buffer), number, offset)


def _lines(buffer: bytes, start: int, end: int, number: int, before: int) -> Generator[Line, None, int]:
    """The lines of a buffer from `start` to `end`, and the number of the one behind them.

    `before` bytes and number - 1 lines stand before the buffer.
    """
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
    return number


def _blank(buffer: bytes, start: int, end: int) -> bool:
    return buffer[start:end].isspace()
