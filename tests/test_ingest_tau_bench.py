"""tau-bench results: conversations that grow, bills where there are some, and the simulated user's calls apart."""

from __future__ import annotations

import pytest
from tests.reading import FIXTURES, Reading, memory_source, read_all, read_file

from agentcost.ingest.source import open_source
from agentcost.ingest.tau_bench import READER
from agentcost.model import Kind, Knowledge, Other, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""


def read(name: str) -> Reading:
    return read_all(READER, open_source(FIXTURES / "tau-bench" / name))


def test_results_of_tau_bench() -> None:
    reading = read("results.json")
    first, second, other = reading.requests
    assert [segment.kind for segment in reading.tree.path(second.answer or 0)] == [
        Kind.SYSTEM, Kind.USER, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.ASSISTANT,
    ]  # fmt: skip
    assert first.answer in reading.tree.steps(second.node)
    assert first.node == other.node
    assert [(r.session, r.task, r.usage) for r in reading.requests] == [
        ("3:0", "3", None), ("3:0", "3", None), ("3:1", "3", None),
    ]  # fmt: skip
    assert len(reading.items) == 5 + 3


def test_simulations_of_tau2() -> None:
    reading = read("simulations.json")
    told = [(r.role, r.model, r.provider, r.usage, r.recorded_cost) for r in reading.requests]
    assert told == [
        ("side", "claude-haiku-4-5", "anthropic", Usage(plain=400, output=6), "0.001"),
        ("main", "gpt-4.1", "openai", Usage(plain=900, output=20), "0.002"),
        ("main", "gpt-4.1", "openai", Usage(plain=950, output=5), "0.0021"),
    ]
    last = reading.requests[-1]
    assert [segment.text for segment in reading.tree.path(last.answer or 0)] == [
        "How can I help?", "Where is my cart?", 'get_order\n{"order_id":"#W1"}\n.get_order', "shipped",
        "It was shipped.",
    ]  # fmt: skip
    assert reading.items[0] == Other(last.place, "greeting, which was asked of no model")
    assert (last.started, last.ended, last.session, last.task) == (NOON + 5, NOON + 6, "s1", "7")
    assert [r.knowledge for r in reading.requests[:2]] == [Knowledge.COUNTS, Knowledge.TRANSCRIPT]


@pytest.mark.parametrize("name", ["results.json", "simulations.json"])
def test_sniffs_its_own(name: str) -> None:
    assert READER.sniff(open_source(FIXTURES / "tau-bench" / name).peek())
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1
    assert not read_file(READER, FIXTURES / "lmcache" / "lookup_hashes.jsonl").requests
