"""Exports of Helicone, Langfuse, LangSmith and Portkey, as their documentation describes them."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.reading import FIXTURES, Reading, memory_source, read_all, read_file

from agentcost.ingest import helicone, langfuse, langsmith, portkey
from agentcost.ingest.contract import Reader
from agentcost.model import Kind, Knowledge, Other, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""

HELICONE = read_file(helicone.READER, FIXTURES / "helicone" / "export.jsonl")
LANGFUSE = read_file(langfuse.READER, FIXTURES / "langfuse" / "observations.jsonl")
LANGSMITH = read_file(langsmith.READER, FIXTURES / "langsmith" / "runs.jsonl")
PORTKEY = read_file(portkey.READER, FIXTURES / "portkey" / "logs.jsonl")


@pytest.mark.parametrize(
    ("reading", "usages"),
    [
        (HELICONE, [
            Usage(plain=12, read=1100, output=3),
            Usage(plain=20, read=1100, write=300, output=4),  # Anthropic's prompt tokens leave out what was cached
        ]),
        (LANGFUSE, [
            Usage(plain=40, read=1024, output=16, reasoning=6),  # disjoint: they sum to the total
            Usage(plain=76, read=1024, output=3),  # the total tells that the input holds the cached tokens
            Usage(plain=8, write_1h=900, output=2),
        ]),
        (LANGSMITH, [
            Usage(plain=10, read=1100, write=20, output=12), Usage(plain=8, output=2),
            Usage(plain=6, read=64, output=2),
        ]),
        (PORTKEY, [Usage(plain=12, read=1100, output=3), Usage(plain=90, output=5)]),
    ],
    ids=["helicone", "langfuse", "langsmith", "portkey"],
)  # fmt: skip
def test_usage_of_every_call(reading: Reading, usages: list[Usage]) -> None:
    assert [request.usage for request in reading.requests] == usages


@pytest.mark.parametrize(
    ("reading", "whats"),
    [
        (HELICONE, {"answer from Helicone's own cache, not asked of a provider": 1, "failed call (status 429)": 1,
                    "call without tokens": 1}),
        (LANGFUSE, {"span observation": 1, "failed call": 1}),
        (LANGSMITH, {"chain run": 1, "failed run": 1}),
        (PORTKEY, {"failed call (status 500)": 1}),
    ],
    ids=["helicone", "langfuse", "langsmith", "portkey"],
)  # fmt: skip
def test_what_is_no_call(reading: Reading, whats: dict[str, int]) -> None:
    assert Counter(item.what for item in reading.items if isinstance(item, Other)) == whats


@pytest.mark.parametrize(
    ("reading", "number", "kinds"),
    [
        (HELICONE, 0, [Kind.SYSTEM, Kind.USER, Kind.ASSISTANT]),
        (LANGFUSE, 1, [Kind.TOOL, Kind.SYSTEM, Kind.USER, Kind.TOOL_CALL, Kind.FILE, Kind.ASSISTANT]),
        (LANGSMITH, 0, [Kind.TOOL, Kind.SYSTEM, Kind.USER, Kind.THINKING, Kind.TOOL_CALL]),
        (LANGSMITH, 2, [Kind.USER, Kind.ASSISTANT]),
        (PORTKEY, 0, [Kind.SYSTEM, Kind.USER, Kind.ASSISTANT]),
    ],
)
def test_prompts_and_answers(reading: Reading, number: int, kinds: list[Kind]) -> None:
    request = reading.requests[number]
    assert [segment.kind for segment in reading.tree.path(request.answer or 0)] == kinds
    assert request.knowledge is Knowledge.FULL


def test_a_conversation_goes_on_from_its_answer() -> None:
    first, second, _ = LANGFUSE.requests
    assert first.answer in LANGFUSE.tree.steps(second.node)


def test_who_sent_it() -> None:
    told = [(r.session, r.user, r.project) for r in (HELICONE.requests[0], *LANGFUSE.requests, LANGSMITH.requests[0])]
    assert told == [
        ("k1", "ada", ""), ("t1", "", ""), ("k1", "ada", "mending"), ("k2", "bob", ""), ("k1", "", "shop"),
    ]  # fmt: skip
    first = PORTKEY.requests[0]
    assert (first.session, first.user, first.labels, first.recorded_cost) == ("k1", "ada", (("team", "carts"),), "")
    assert LANGSMITH.requests[0].labels == (("tags", "prod"),)


def test_times_models_and_costs() -> None:
    for reading in (HELICONE, LANGFUSE, LANGSMITH):
        first = reading.requests[0]
        assert (first.started, first.ended) == (NOON + 1, NOON + 3)
        assert first.first_token in (NOON + 1.4, NOON + 1.5)
    assert [r.recorded_cost for r in (HELICONE.requests[0], *LANGFUSE.requests[:2])] == ["0.0005", "0.0009", ""]
    assert [(r.provider, r.model) for r in LANGSMITH.requests] == [
        ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4.1"), ("google", "gemini-2.5-flash"),
    ]  # fmt: skip
    assert [(r.provider, r.knowledge) for r in PORTKEY.requests] == [
        ("anthropic", Knowledge.FULL), ("vertex", Knowledge.COUNTS),
    ]  # fmt: skip
    assert LANGSMITH.requests[0].naive_time


def test_a_page_of_the_api() -> None:
    page = '{"data":[{"id":"o","traceId":"t","type":"GENERATION","startTime":"2026-01-10T20:00:01Z","input":"Hello"}]}'
    source = memory_source("page", page)
    assert langfuse.READER.sniff(source.peek())
    assert len(read_all(langfuse.READER, source).requests) == 1


@pytest.mark.parametrize("reader", [helicone.READER, langfuse.READER, langsmith.READER, portkey.READER])
def test_the_examples(reader: Reader) -> None:
    source = memory_source("example", reader.example)
    assert reader.sniff(source.peek())
    assert [request.usage for request in read_all(reader, source).requests] == [Usage(plain=8, output=3)]
