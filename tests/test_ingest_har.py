"""HTTP archives: compressed answers, streams of three kinds, other traffic, and what a broken one says."""

from __future__ import annotations

import json
import sys

import pytest
from tests.reading import FIXTURES, Reading, memory_source, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest.har import READER
from agentcost.model import Other, Request, Skipped, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""
ARCHIVE = FIXTURES / "har" / "proxy.har"


def test_calls_among_other_traffic() -> None:
    reading = read_file(READER, ARCHIVE)
    assert [(r.provider, r.model, r.usage) for r in reading.requests] == [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=12, output=3)),
        ("bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", Usage(plain=5, output=4)),
        ("openai", "gpt-4.1", Usage(plain=9, output=2)),
    ]
    texts = [[segment.text for segment in reading.tree.path(r.answer or 0)] for r in reading.requests]
    assert texts == [["Fix the total", "Done."], ["Hello", "Hi."], ["Hello", "Hi."]]
    assert [item.what for item in reading.items if isinstance(item, Other)] == [
        "call to another API", "failed call (status 429)",
    ]  # fmt: skip


def test_times_client_and_places() -> None:
    reading, data = read_file(READER, ARCHIVE), ARCHIVE.read_bytes()
    first = reading.requests[0]
    assert (first.started, first.ended, first.client, first.format) == (NOON + 2, NOON + 3.5, "claude-code", "har")
    for item in reading.items:
        entry = json.loads(data[item.place.offset : item.place.offset + item.place.length])
        assert "startedDateTime" in entry
        assert data.count(b"\n", 0, item.place.offset) + 1 == item.place.line


def test_values_that_only_python_takes() -> None:
    text = ARCHIVE.read_text().replace('"time": 1500.0', '"time": NaN', 1)
    assert len(read_all(READER, memory_source("x.har", text)).requests) == 3


def packed(status: int = 200, url: str = "https://api.anthropic.com/v1/messages") -> Reading:
    """The archive with its first answer of a model packed with Brotli."""
    archive = json.loads(ARCHIVE.read_text())
    entry = archive["log"]["entries"][1]
    entry["request"]["url"] = url
    answer = {"status": status, "headers": [{"name": "Content-Encoding", "value": "br"}]}
    entry["response"] |= answer | {"content": {"text": BROTLI, "encoding": "base64"}}
    return read_all(READER, memory_source("x.har", json.dumps(archive)))


BROTLI = (
    "G9sAgIzTFfeivEwyENhc6svAvSVxKRadpycemJUEWYsK25oXWWQHP2huY2cFSho6XseXOiP9WoYG2O4pJzQCsIwdhxjA5ErSLt6zXK7jMOSb"
    "tKUDRIvuq0WWhqH5it6H3xes2ziFCXaSD1kYZ4CQki/nS1j0XGmYaICWliwkH7pg3DfErf8H"
)


def test_an_answer_in_brotli() -> None:
    pytest.importorskip("brotli")
    assert next(request.usage for request in packed().requests) == Usage(plain=12, output=3)


def test_an_answer_in_brotli_without_its_library_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    reading = packed()
    assert [type(item) for item in reading.items].count(Request) == 2
    [skipped] = [item for item in reading.items if isinstance(item, Skipped)]
    assert skipped.reason.startswith("its body is Brotli: pip install 'agentcost-analyzer[brotli]'")
    told = [
        [item.what for item in packed(*given).items if isinstance(item, Other)][1]
        for given in ((500,), (200, "https://api.anthropic.com/v1/messages/count_tokens"))
    ]
    assert told == ["failed call (status 500)", "token count"]  # nothing is missing of those


@pytest.mark.parametrize("text", ['{"log": {"entries": 5}}', '{"log": {"entries": [', "[]"])
def test_a_broken_archive_says_what_to_do(text: str) -> None:
    with pytest.raises(BrokenLog, match="export it again"):
        read_all(READER, memory_source("x.har", text))


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert [request.model for request in read_all(READER, source).requests] == ["gpt-4.1"]
