"""The Gemini CLI reader: documents, JSON lines with rewrites and rewinds, and the recorded sessions to the token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.reading import FIXTURES, SHARED, Reading, claimed, memory_source, needs_shared, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest.gemini_cli import READER
from agentcost.ingest.source import open_source
from agentcost.model import Kind, Other, Skipped, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""


def read(name: str) -> Reading:
    return read_file(READER, FIXTURES / "gemini-cli" / name)


def texts(reading: Reading, node: int) -> list[str]:
    return [segment.text for segment in reading.tree.path(node)]


CALL = "read_file file_path cart.py read_file"


def test_a_document() -> None:
    reading = read("session.json")
    first, second, third = reading.requests
    assert [request.usage for request in reading.requests] == [
        Usage(plain=1000, read=0, output=50, reasoning=30),
        Usage(plain=205, read=900, output=10, reasoning=0),  # 1100 and 5 for tools
        None,
    ]
    assert [item.what for item in reading.items if isinstance(item, Other)] == [
        "user message", "info message", "user message",
    ]  # fmt: skip
    assert (first.started, first.ended) == (NOON + 1, NOON + 5)
    assert (second.started, second.ended) == (NOON + 6, NOON + 9)  # the tool's result came at 6
    assert [(request.finished, request.answer is None) for request in reading.requests] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    assert texts(reading, third.node) == ["Fix the total", CALL, "total = 0", "Done.", "Thanks"]
    result = reading.tree.path(second.node)[-1]
    assert (result.kind, result.name) == (Kind.FILE, "read_file")


def test_what_a_request_says() -> None:
    first = read("session.json").requests[0]
    assert (first.session, first.project, first.client, first.provider) == ("s1", "p1", "gemini-cli", "google")
    assert (first.id, first.model, first.role) == ("s1:m2", "gemini-2.5-pro", "main")
    assert first.place.line == 13


def test_lines_are_rewritten_and_rewound() -> None:
    reading = read("session.jsonl")
    ids = [(request.id, request.finished, request.usage is None) for request in reading.requests]
    assert ids == [("s1:m2", False, True), ("s1:m2", True, False), ("s1:m4", True, False), ("s1:m8", True, False)]
    assert texts(reading, reading.requests[-1].node) == ["Fix the total", CALL, "total = 0", "Done.", "Go on"]
    assert reading.requests[0].node == reading.requests[1].node
    assert reading.requests[-1].project == "shop"
    assert [isinstance(item, Skipped) for item in reading.items] == [False] * 10 + [True]


def message(name: str, kind: str, text: str) -> dict[str, object]:
    tokens = {"input": 10, "output": 1, "cached": 0} if kind == "gemini" else None
    return {"id": name, "type": kind, "content": text, "tokens": tokens}


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ([message("a", "gemini", "2 again")], ["1", "2", "3"]),  # an old answer rewritten: what follows it stays
        ([{"$rewindTo": "nowhere"}], []),
        ([{"$rewindTo": "a"}], ["1"]),
        ([{"$set": {"messages": [message("x", "user", "9")]}}], ["9"]),
    ],
)
def test_changes_of_the_session(rows: list[dict[str, object]], last: list[str]) -> None:
    head: dict[str, object] = {"sessionId": "s", "projectHash": "p"}
    known = [head, message("u", "user", "1"), message("a", "gemini", "2"), message("v", "user", "3")]
    log = "\n".join(map(json.dumps, [*known, *rows, message("b", "gemini", "4")]))
    reading = read_all(READER, memory_source("s.jsonl", log))
    assert texts(reading, reading.requests[-1].node) == last


def test_a_broken_document(tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes((FIXTURES / "gemini-cli" / "session.json").read_bytes()[:-40])
    assert READER.sniff(open_source(cut).peek())
    with pytest.raises(BrokenLog, match="get it again"):
        read_all(READER, open_source(cut))


@needs_shared
def test_the_recorded_sessions() -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["gemini-cli"]
    for name, truth in truths.items():
        reading = read_all(READER, open_source(SHARED / "sessions" / "gemini-cli" / name))
        usages = [request.usage for request in reading.requests if request.usage]
        tokens = truth["tokens"]
        assert len(reading.items) == truth["messages"]
        assert len(usages) == len(reading.requests) == truth["model_turns_with_tokens"]
        assert sum(usage.prompt for usage in usages) == tokens["input"] + tokens["tool"]
        assert sum(usage.read for usage in usages) == tokens["cached"]
        assert sum(usage.output or 0 for usage in usages) == tokens["output"] + tokens["thoughts"]
        assert sum(usage.reasoning or 0 for usage in usages) == tokens["thoughts"]
    assert len(truths) == 2


@needs_shared
def test_claims_no_other_log() -> None:
    assert claimed(READER) == {"gemini-cli": 2}


@pytest.mark.parametrize("name", ["session.json", "session.jsonl"])
def test_sniffs_its_own(name: str) -> None:
    assert READER.sniff(memory_source(name, (FIXTURES / "gemini-cli" / name).read_bytes()).peek())
    assert READER.sniff(memory_source("example", READER.example).peek())
