"""Decompression of logs, known by their first bytes and never by their name."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import zstandard

from agentcost.errors import BrokenLog

_BITE = 1 << 16
"""Compressed bytes taken at once: few, because repeated prompts shrink to a hundredth."""
_BLOCK = 1 << 20
_GZIP_WINDOW = 31
_ZSTD_WINDOW = 1 << 31
"""Prompts repeat over long distances, so logs are often compressed with `zstd --long=31`."""


class _Engine(Protocol):
    """One member or frame of an archive."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip() -> _Engine:
    return zlib.decompressobj(wbits=_GZIP_WINDOW)


def _zstd() -> _Engine:
    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = tuple(bytes((kind,)) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60))
"""A zstd archive may begin with a frame of somebody's own; pzstd writes those."""
MAGIC_BYTES = 4


def engine_of(head: bytes) -> Callable[[], _Engine] | None:
    """What decompresses an archive that begins with `head`; None for plain bytes."""
    if head.startswith(_GZIP_MAGIC):
        return _gzip
    return _zstd if head.startswith((_ZSTD_MAGIC, *_SKIPPABLE)) else None


def blocks(name: str, stream: BinaryIO) -> Iterator[bytes]:
    """The decompressed bytes of a stream, from where it stands. BrokenLog behind the last readable ones."""
    head = stream.read(MAGIC_BYTES)
    new = engine_of(head)
    if new is None:
        while head:
            yield head
            head = stream.read(_BLOCK)
    else:
        yield from _decompressed(name, head, stream, new)


def _decompressed(name: str, head: bytes, stream: BinaryIO, new: Callable[[], _Engine]) -> Iterator[bytes]:
    engine = new()
    fresh = True
    while head:
        try:
            block = engine.decompress(head)
        except (zlib.error, zstandard.ZstdError) as error:
            raise BrokenLog(name, f"damaged archive ({error}); only what stands before was read") from error
        fresh = False
        if block:
            yield block
        head = b""
        if engine.eof:
            head = engine.unused_data.lstrip(b"\0")  # tapes and some writers pad with zeros
            engine, fresh = new(), True
        head = head or stream.read(_BITE).lstrip(b"\0" if fresh else b"")
    if not fresh:
        raise BrokenLog(name, "the archive is cut off; only what stands before was read, copy it again")
