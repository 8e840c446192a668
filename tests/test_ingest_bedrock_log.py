"""Bedrock's invocation logs: bodies of either API, streams, counts without bodies, and what is no call."""

from __future__ import annotations

from tests.reading import FIXTURES, memory_source, read_all, read_file

from agentcost.ingest.bedrock_log import READER
from agentcost.model import Kind, Knowledge, Other, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""
READING = read_file(READER, FIXTURES / "bedrock-log" / "invocations.jsonl")


def test_usage_of_every_call() -> None:
    assert [request.usage for request in READING.requests] == [
        Usage(plain=40, write_1h=1000, write=100, output=20),
        Usage(plain=60, read=1100, output=5),
        Usage(plain=8, output=4),
        Usage(plain=70_000, read=60_000, output=300),
    ]


def test_prompts_answers_and_markers() -> None:
    first, second, third, fourth = READING.requests
    assert [segment.kind for segment in READING.tree.path(second.answer or 0)] == [
        Kind.TOOL, Kind.SYSTEM, Kind.USER, Kind.TOOL_CALL, Kind.FILE, Kind.ASSISTANT,
    ]  # fmt: skip
    assert first.answer in READING.tree.steps(second.node)
    assert [mark.ttl for mark in first.breakpoints] == ["5m"]
    assert [request.knowledge for request in READING.requests] == [Knowledge.FULL] * 3 + [Knowledge.COUNTS]
    assert [request.api for request in (first, third, fourth)] == ["bedrock", "anthropic", "bedrock"]


def test_who_and_when() -> None:
    first, second, *_ = READING.requests
    assert (first.id, first.session, first.user) == ("r1", "k1", "assumed-role/agents/ada")
    assert first.labels == (("region", "eu-west-1"), ("team", "carts"))
    assert (first.model, first.provider) == ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock")
    assert (first.started, first.ended) == (NOON + 1, NOON + 2.5)
    assert (second.started, second.ended) == (NOON + 4, NOON + 4.9)


def test_what_is_no_call() -> None:
    assert [item.what for item in READING.items if isinstance(item, Other)] == [
        "failed call (ThrottlingException)", "call that asks for no text",
    ]  # fmt: skip


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    [request] = read_all(READER, source).requests
    assert request.usage == Usage(plain=2, output=3)
