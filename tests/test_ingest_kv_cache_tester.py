"""The kv-cache-tester reader: nested clocks, shared ids, places, and the recorded traces to the token."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.reading import FIXTURES, SHARED, claimed, memory_source, needs_shared, quantile, read_all, read_file, reused

from agentcost.errors import BrokenLog
from agentcost.ingest.kv_cache_tester import READER
from agentcost.model import Other, Skipped

FIXTURE = FIXTURES / "kv-cache-tester" / "subagent.json"


def test_clocks_nest() -> None:
    rows = [
        (request.place.line, request.role, request.started, request.first_token, request.ended)
        for request in read_file(READER, FIXTURE).requests
    ]
    assert rows == [
        (3, "main", 0.0, 1.0, 2.5),
        (5, "subagent", 20.0, None, 24.0),  # the sub-agent finished at 60 after 40 s
        (6, "subagent", 30.0, None, None),
        (7, "main", 61.0, None, 64.0),
        (9, "subagent", 71.5, None, None),  # no duration: 70 is its launch
    ]


def test_tails_are_shared_with_nothing_and_ids_with_sub_agents() -> None:
    reading = read_file(READER, FIXTURE)
    paths = [[segment.tokens for segment in reading.tree.path(request.node)] for request in reading.requests]
    assert paths == [[64, 64, 64, 8], [64, 6], [64, 64, 12], [64, 64, 64, 64, 4], [64, 6]]
    assert reused(reading) == 0 + 0 + 64 + 3 * 64 + 64
    first, last = reading.requests[1].node, reading.requests[4].node
    assert reading.tree.parent[first] == reading.tree.parent[last]
    assert first != last


def test_what_every_request_says() -> None:
    requests = read_file(READER, FIXTURE).requests
    assert {(r.session, r.provider, r.local_ids, r.settings) for r in requests} == {
        ("trace_1", "anthropic", True, (("clock", "relative"),))
    }
    assert [request.usage.prompt for request in requests if request.usage] == [200, 70, 140, 260, 70]
    assert [request.usage.output for request in requests if request.usage] == [9, 3, 4, 5, 3]


def test_other_records_and_skips_are_counted() -> None:
    items = read_file(READER, FIXTURE).items
    assert [(item.what, item.place.line) for item in items if isinstance(item, Other)] == [
        ("sub-agent", 4),
        ("sub-agent", 8),
    ]
    reasons = [item.reason for item in items if isinstance(item, Skipped)]
    words = ("more blocks", "`in`", "t is text")
    assert [word in reason for word, reason in zip(words, reasons, strict=True)] == [True] * 3


def test_places_are_those_of_the_bytes() -> None:
    data = FIXTURE.read_bytes()
    items = read_file(READER, FIXTURE).items
    for item in items:
        where = item.place
        text = data[where.offset : where.offset + where.length]
        assert isinstance(json.loads(text), dict)
        assert data.count(b"\n", 0, where.offset) + 1 == where.line
    assert len({item.place.offset for item in items}) == len(items)


def test_global_ids_are_shared_between_files() -> None:
    trace = {"block_size": 64, "hash_id_scope": "global", "requests": [{"t": 0, "in": 64, "out": 1, "hash_ids": ["a"]}]}
    shared = [read_all(READER, memory_source(name, json.dumps(trace))) for name in ("one", "two")]
    local = [
        read_all(READER, memory_source(name, json.dumps(trace | {"hash_id_scope": "local"}))) for name in ("one", "two")
    ]
    assert [request.local_ids for reading in shared for request in reading.requests] == [False, False]
    digests = [[segment.digest for segment in reading.tree.path(1)] for reading in (*shared, *local)]
    assert digests[0] == digests[1]
    assert digests[2] != digests[3]


def test_one_trace_a_line() -> None:
    lines = [json.dumps(json.loads(FIXTURE.read_text()) | {"id": name}) for name in ("a", "b")]
    reading = read_all(READER, memory_source("t.jsonl", "\n".join([lines[0], "{broken", lines[1]])))
    assert Counter(request.session for request in reading.requests) == {"a": 5, "b": 5}
    assert [item.place.line for item in reading.items if isinstance(item, Skipped)] == [1, 1, 1, 2, 3, 3, 3]
    assert reused(reading) == 2 * reused(read_file(READER, FIXTURE))
    assert len({item.place.offset for item in reading.items}) == len(reading.items)


@pytest.mark.parametrize("text", ["{", '{"block_size": 64, "requests": 5}', '{"block_size": 0, "requests": []}', "[]"])
def test_a_broken_document_says_what_to_do(text: str) -> None:
    with pytest.raises(BrokenLog, match="get it again"):
        read_all(READER, memory_source("trace.json", text))


def test_the_example_is_a_trace() -> None:
    source = memory_source("t", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1


@needs_shared
def test_recorded_traces() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["kv-cache-tester"]
    readings = [read_file(READER, path) for path in sorted((SHARED / "hash-block/kv-cache-tester").glob("*.json"))]
    requests = [request for reading in readings for request in reading.requests]
    assert not [item for reading in readings for item in reading.items if isinstance(item, Skipped)]
    assert len(requests) == truth["requests"]
    assert sum(request.role == "subagent" for request in requests) == truth["subagent_requests"]
    assert sum(isinstance(item, Other) for reading in readings for item in reading.items) == truth["subagent_items"]
    assert Counter(request.model for request in requests) == truth["requests_by_model"]
    inputs = [request.usage.prompt for request in requests if request.usage]
    outputs = [request.usage.output or 0 for request in requests if request.usage]
    for values, expected in ((inputs, truth["input"]), (outputs, truth["output"])):
        assert sum(values) == expected["sum"]
        assert [quantile(values, part) for part in (0.1, 0.5, 0.9, 0.99, 1)] == [
            expected[key] for key in ("p10", "p50", "p90", "p99", "max")
        ]
    assert sum(value > 128_000 for value in inputs) == truth["input"]["over_128000"]
    hits = truth["hit_tokens"]
    assert sum(reused(reading) for reading in readings) == hits["all_files|infinite|file scope"]
    by_model = sum(reused(reading, by_model=True) for reading in readings)
    assert by_model == hits["all_files|infinite|file+model scope"]


@needs_shared
def test_no_other_recorded_log_is_claimed() -> None:
    assert claimed(READER) == {"kv-cache-tester": 18}
