"""Sizes of images and pages of documents, from headers made by hand; what does not tell is unknown."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest import parts
from agentcost.ingest.media import decoded, image_size, pdf_pages
from agentcost.ingest.parts import Spot

W, H = 1023, 517
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", W, H) + b"\x08\x06\0\0\0"
GIF = b"GIF89a" + struct.pack("<HH", W, H) + b"\0\0\0"
SIZE = struct.pack(">HH", H, W)
TABLES = b"\xff\xdb" + struct.pack(">H", 67) + bytes(65) + b"\xff\xc4" + struct.pack(">H", 20) + bytes(18)
EXIF = b"\xff\xe1" + struct.pack(">H", 60_002) + bytes(60_000)
WEBP = b"RIFF" + struct.pack("<I", 99) + b"WEBP"
LOSSY = WEBP + b"VP8 " + struct.pack("<I", 80) + b"\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", W | 0x4000, H)
LOSSLESS = WEBP + b"VP8L" + struct.pack("<I", 80) + b"\x2f" + struct.pack("<I", (W - 1) | (H - 1) << 14)
EXTENDED = (
    WEBP + b"VP8X" + struct.pack("<I", 10) + bytes(4) + (W - 1).to_bytes(3, "little") + (H - 1).to_bytes(3, "little")
)


def jpeg(*before: bytes, marker: int = 0xC0) -> bytes:
    return b"\xff\xd8" + b"".join(before) + bytes((0xFF, marker)) + struct.pack(">H", 17) + b"\x08" + SIZE + bytes(12)


IMAGES = {
    "png": PNG, "gif": GIF, "gif 87": b"GIF87a" + GIF[6:], "jpeg": jpeg(), "jpeg, tables first": jpeg(TABLES),
    "jpeg, photograph": jpeg(EXIF, TABLES), "jpeg, progressive": jpeg(TABLES, marker=0xC2), "webp": LOSSY,
    "webp, lossless": LOSSLESS, "webp, extended": EXTENDED,
}  # fmt: skip


def coded(content: bytes) -> str:
    return base64.b64encode(content + bytes(40)).decode()


@pytest.mark.parametrize("name", IMAGES)
def test_sizes(name: str) -> None:
    payload = coded(IMAGES[name])
    assert image_size(payload) == (W, H)
    assert image_size(f"data:image/x;base64,{payload}") == (W, H)
    assert image_size(payload.rstrip("=")) == (W, H)


@pytest.mark.parametrize(
    "payload",
    ["", "https://example.com/a.png", "file-123", "é", "!!!", "data:image/png;base64,", "data:image/png,raw",
     coded(b"BM" + bytes(50)), coded(b"\xff\xd8\xff\xda" + bytes(30)), coded(WEBP + b"ABCD")],
)  # fmt: skip
def test_what_does_not_tell(payload: str) -> None:
    assert image_size(payload) is None


@pytest.mark.parametrize("name", IMAGES)
def test_a_header_that_is_cut_off_tells_nothing(name: str) -> None:
    """As where a log shortens what is long; a size that is there is right, and nothing crashes."""
    content = IMAGES[name]
    for length in range(min(len(content), 64)):
        assert image_size(base64.b64encode(content[:length]).decode()) in (None, (W, H))


@given(st.binary(max_size=80), st.sampled_from([b"", *(content[:14] for content in IMAGES.values())]))
def test_no_bytes_crash(content: bytes, start: bytes) -> None:
    payload = base64.b64encode(start + content).decode()
    size = image_size(payload)
    assert size is None or all(side >= 0 for side in size)
    assert pdf_pages(payload) is None
    assert decoded(payload) == start + content


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        (b"%PDF-1.4\n<< /Type /Pages /Count 2 >> << /Type /Page >> << /Type/Page/Parent 1 >>", 2),
        (b"%PDF-1.4\n<< /Type\n/Page\n>>", 1),
        (b"%PDF-1.7\n<< /Type /ObjStm >> compressed", None),
        (b"%PDF-1.4\n<< /Type /Pages >>", None),
        (b"<< /Type /Page >>", None),
        (b"", None),
    ],
)
def test_pages(content: bytes, pages: int | None) -> None:
    assert pdf_pages(coded(content)) == pages


def test_media_of_segments() -> None:
    spot = Spot("messages", "user")
    assert parts.image(spot, coded(PNG), "high").media == f"image {W}x{H} high"
    assert parts.image(spot, "https://example.com/a.png").media == "image"
    assert parts.document(spot, coded(b"%PDF-1.4 /Type /Page >>")).media == "document 1"
    assert parts.document(spot, "file-1").media == "document"
    assert parts.document(spot, "file-1", 7).media == "document 7"
    assert parts.image(spot, "a").digest != parts.image(spot, "b").digest
