"""Bodies of recorders are what was sent, however they were packed, and what cannot be unpacked stays as it is."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest.http_bodies import frames_of, from_base64, text_or_events

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
    text_or_events(frame("chunk", data))
    from_base64(data.decode("latin-1"))
