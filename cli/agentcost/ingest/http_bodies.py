"""Bodies as recorders of HTTP keep them, as what was sent: text, or the events of a stream.

They may be bytes, base64, compressed (gzip, deflate, zstd), and of Bedrock the frames of an AWS event stream.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from typing import Any

import zstandard

from agentcost.ingest.json_values import decode

_DEFLATED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""How gzip and the usual levels of zlib begin."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_BASE64_GZIP = "H4sI"
_MOST = 1 << 30
"""Bytes that a body may decompress to."""


def text_or_events(body: Any) -> Any:
    """What was sent: text, a decoded value as it is, or a list of events."""
    if isinstance(body, str) and body.startswith(_BASE64_GZIP):
        body = from_base64(body)
    elif isinstance(body, str) and body[:1] == "\0":  # the frames of a stream, kept as text
        body = body.encode("latin-1", "ignore")
    if not isinstance(body, bytes):
        return body
    plain = inflated(body)
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
