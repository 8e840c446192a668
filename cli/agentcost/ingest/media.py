"""How large an image or a document is, read from the first bytes of its base64."""

from __future__ import annotations

import base64
import binascii
import re
import struct

_PAGE = re.compile(rb"/Type\s*/Page[^s]")


def decoded(payload: str, characters: int | None = None) -> bytes:
    """The bytes behind base64, or behind a data: URL; of a prefix of it where `characters` is given."""
    text = payload.partition("base64,")[2] if payload.startswith("data:") else payload
    text = text[: characters - characters % 4] if characters else text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def image_size(payload: str) -> tuple[int, int] | None:
    """(width, height) in pixels of a PNG, GIF, JPEG or WebP; None where the bytes do not tell."""
    if payload.startswith(("http:", "https:")) or not payload:
        return None
    head = decoded(payload, 64)
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if head.startswith(b"GIF8") and len(head) >= 10:
        return struct.unpack("<HH", head[6:10])
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(decoded(payload, 262_144))
    if head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp_size(head)
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def pdf_pages(payload: str) -> int | None:
    """Pages of a PDF, by its page objects; None where they are not visible (compressed or no PDF)."""
    head = decoded(payload)
    if not head.startswith(b"%PDF"):
        return None
    return len(_PAGE.findall(head)) or None
