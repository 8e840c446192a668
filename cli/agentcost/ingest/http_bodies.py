"""Bodies as recorders of HTTP keep them, as what was sent: text, or the events of a stream.

They may be bytes, base64, compressed (gzip, deflate, zstd, Brotli), and of Bedrock the frames of an AWS event stream.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import zstandard

from agentcost.ingest.json_values import decode

_DEFLATED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""How gzip and the usual levels of zlib begin."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_BASE64_GZIP = "H4sI"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{8,}={0,2}\s*")
_MOST = 1 << 30
"""Bytes that a body may decompress to."""
_BROTLI_ABSENT = "its body is Brotli: pip install 'agentcost-analyzer[brotli]', and read the log again"
_BROTLI_BROKEN = "its body is said to be Brotli and is damaged; record it again, with gzip"


class Packed(msgspec.Struct, frozen=True):
    """A body that cannot be unpacked here: why, and what to do."""

    reason: str


def encoding_of(headers: Any) -> str:
    """What a body was packed in last, by its headers: `br` of `content-encoding: gzip, br`."""
    given = headers.items() if isinstance(headers, Mapping) else ()
    said = next((str(value) for key, value in given if str(key).lower() == "content-encoding"), "")
    return said.lower().rpartition(",")[2].strip()


def text_or_events(body: Any, encoding: str = "") -> Any:
    """What was sent: text, a decoded value as it is, a list of events, or what could not be unpacked."""
    if isinstance(body, str) and (body.startswith(_BASE64_GZIP) or (encoding == "br" and _BASE64.fullmatch(body))):
        body = from_base64(body)
    elif isinstance(body, str) and body[:1] == "\0":  # the frames of a stream, kept as text
        body = body.encode("latin-1", "ignore")
    if not isinstance(body, bytes):
        return body
    plain = _without_brotli(body) if encoding == "br" else body
    if isinstance(plain, Packed):
        return plain
    plain = inflated(plain)
    frames = list(frames_of(plain))
    return frames or plain.decode("utf-8", "replace")


def from_base64(text: str) -> bytes:
    """The bytes behind base64; none where it is no such thing."""
    try:
        return base64.b64decode("".join(text.split()))
    except (binascii.Error, ValueError):
        return b""


def inflated(data: bytes) -> bytes:
    """The bytes that were compressed; as they are where they were not, or cannot be read."""
    try:
        if data.startswith(_DEFLATED):
            return zlib.decompressobj(47).decompress(data, _MOST)
        if data.startswith(_ZSTD):
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except (zlib.error, zstandard.ZstdError):
        return data
    return data


def _without_brotli(data: bytes) -> bytes | Packed:
    """The bytes that Brotli packed, as they are where they are text already; Brotli has no mark of its own."""
    if _is_text(data):  # many recorders unpack a body and keep its headers
        return data
    try:
        import brotli  # noqa: PLC0415 — an extra, for these bodies alone
    except ImportError:
        return Packed(_BROTLI_ABSENT)
    engine = brotli.Decompressor()
    if not hasattr(engine, "can_accept_more_data"):  # before 1.2 nothing limits what comes out
        return Packed(_BROTLI_ABSENT)
    try:
        plain: bytes = engine.process(data, output_buffer_limit=_MOST)
    except brotli.error:
        return Packed(_BROTLI_BROKEN)
    return plain or Packed(_BROTLI_BROKEN)


def _is_text(data: bytes) -> bool:
    """Whether bytes are text as they stand: UTF-8 without control characters."""
    try:
        return _CONTROL.search(data.decode()) is None
    except UnicodeDecodeError:
        return False


def frames_of(data: bytes) -> Iterator[dict[str, Any]]:
    """The events of an AWS event stream: `{"event": its type, "data": its payload}`; none where it is no stream.

    A frame is its length, that of its headers, a checksum, headers, payload and a checksum. InvokeModel's payload
    holds the model's own event as base64 in `bytes`.
    """
    at = 0
    while len(data) - at >= 16:
        length, headers = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
        if not 16 <= length <= len(data) - at or headers > length - 16:
            return
        payload = data[at + 12 + headers : at + length - 4]
        try:
            value = decode(payload) if payload else {}
            inner = value.get("bytes") if isinstance(value, dict) else None
            own = decode(from_base64(inner)) if isinstance(inner, str) and inner else value
        except ValueError:
            return
        yield {"event": _event_type(data[at + 12 : at + 12 + headers]), "data": own}
        at += length


def _event_type(headers: bytes) -> str:
    """The header `:event-type` or `:exception-type`: names and values are led by their lengths, 7 is text."""
    at = 0
    while at < len(headers):
        size = headers[at]
        name, kind = headers[at + 1 : at + 1 + size], headers[at + 1 + size : at + 2 + size]
        at += 2 + size
        if kind != b"\x07":
            return ""
        size = int.from_bytes(headers[at : at + 2], "big")
        if name in (b":event-type", b":exception-type"):
            return headers[at + 2 : at + 2 + size].decode("utf-8", "replace")
        at += 2 + size
    return ""
