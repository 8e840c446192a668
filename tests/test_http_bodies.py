"""Bodies of recorders are what was sent, however they were packed, and what cannot be unpacked stays as it is."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import tomllib
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.reading import ROOT_FOLDER

from agentcost.ingest.http_bodies import Packed, encoding_of, frames_of, from_base64, text_or_events

TEXT = '{"id": "msg_1"}'


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (None, None),
        ({"id": "msg_1"}, {"id": "msg_1"}),
        (TEXT, TEXT),
        (TEXT.encode(), TEXT),
        (gzip.compress(TEXT.encode(), mtime=0), TEXT),
        (zlib.compress(TEXT.encode()), TEXT),
        (zstandard.compress(TEXT.encode()), TEXT),
        (base64.b64encode(gzip.compress(TEXT.encode(), mtime=0)).decode(), TEXT),
        (b"\x1f\x8b broken", "\x1f\ufffd broken"),
    ],
)
def test_what_was_sent(body: object, sent: object) -> None:
    assert text_or_events(body) == sent


BROTLI = base64.b64decode("CweAeyJpZCI6ICJtc2dfMSJ9Aw==")
"""TEXT, as `brotli.compress` packs it."""


@pytest.mark.parametrize(
    ("headers", "encoding"),
    [
        ({"Content-Encoding": "gzip, BR"}, "br"),
        ({"content-encoding": "gzip"}, "gzip"),
        ({"content-encoding": None}, "none"),
        ({5: "br"}, ""),
        ({}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_what_a_body_was_packed_in_last(headers: object, encoding: str) -> None:
    assert encoding_of(headers) == encoding


@pytest.mark.parametrize(("body", "sent"), [(TEXT, TEXT), (TEXT.encode(), TEXT), (None, None)])
def test_text_that_is_only_said_to_be_brotli(body: object, sent: object) -> None:
    assert text_or_events(body, "br") == sent


@pytest.mark.parametrize("body", [BROTLI, base64.b64encode(BROTLI).decode()], ids=["bytes", "base64"])
def test_brotli_is_unpacked(body: object) -> None:
    pytest.importorskip("brotli")
    assert text_or_events(body, "br") == TEXT


def test_brotli_around_gzip() -> None:
    brotli = pytest.importorskip("brotli")
    assert text_or_events(brotli.compress(gzip.compress(TEXT.encode(), mtime=0)), "br") == TEXT


def test_brotli_that_was_cut_off_is_read_up_to_there() -> None:
    brotli = pytest.importorskip("brotli")
    text = "".join(f"data: {number}\n\n" for number in range(9000))
    packed = brotli.compress(text.encode())
    found = text_or_events(packed[: len(packed) // 2], "br")
    assert isinstance(found, str)
    assert text.startswith(found)
    assert 0 < len(found) < len(text)


@pytest.mark.parametrize("body", [b"\xff\xff no stream", b"\x00\xff", BROTLI[:1]])
def test_brotli_that_is_damaged_says_so(body: bytes) -> None:
    pytest.importorskip("brotli")
    found = text_or_events(body, "br")
    assert isinstance(found, Packed)
    assert "record it again" in found.reason


def test_brotli_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    found = text_or_events(BROTLI, "br")
    assert isinstance(found, Packed)
    project = tomllib.loads((ROOT_FOLDER / "pyproject.toml").read_text())["project"]
    assert f"pip install '{project['name']}[brotli]'" in found.reason
    assert project["optional-dependencies"]["brotli"]


def frame(kind: str, payload: bytes) -> bytes:
    """A frame of an AWS event stream; nobody checks the checksums of what was recorded."""
    name, value = b":event-type", kind.encode()
    headers = bytes([len(name)]) + name + b"\x07" + len(value).to_bytes(2, "big") + value
    length = 16 + len(headers) + len(payload)
    return length.to_bytes(4, "big") + len(headers).to_bytes(4, "big") + b"0000" + headers + payload + b"0000"


def test_frames_of_either_call() -> None:
    inner = base64.b64encode(b'{"type":"message_stop"}').decode()
    stream = frame("messageStart", b'{"role":"assistant"}') + frame("chunk", json.dumps({"bytes": inner}).encode())
    assert text_or_events(stream) == [
        {"event": "messageStart", "data": {"role": "assistant"}}, {"event": "chunk", "data": {"type": "message_stop"}},
    ]  # fmt: skip
    assert text_or_events(stream.decode("latin-1")) == text_or_events(stream)
    assert len(list(frames_of(stream[:-3]))) == 1
    assert not list(frames_of(frame("chunk", b'{"bytes": "eHg="}')))


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(data: bytes) -> None:
    text_or_events(data)
    text_or_events(data, "br")
    text_or_events(frame("chunk", data))
    from_base64(data.decode("latin-1"))
