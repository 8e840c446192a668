"""The Mooncake reader: blocks, clocks, dialects, and the recorded traces to the token."""

from __future__ import annotations

import json

import pytest
from tests.reading import (
    FIXTURES,
    SHARED,
    Reading,
    claimed,
    memory_source,
    needs_shared,
    quantile,
    read_all,
    read_file,
    reused,
)

from agentcost.ingest.mooncake import READER, block_size
from agentcost.model import Knowledge, Skipped


def lengths(reading: Reading, index: int) -> list[int | None]:
    """The tokens of each segment of a request's path."""
    return [segment.tokens for segment in reading.tree.path(reading.requests[index].node)]


def test_fixture_rows() -> None:
    reading = read_file(READER, FIXTURES / "mooncake" / "shared_prefix.jsonl")
    rows = [(request.place.line, request.started, request.knowledge.value) for request in reading.requests]
    assert rows == [(1, 0.0, "blocks"), (2, 1.5, "blocks"), (3, 2.0, "blocks"), (4, 2.5, "counts"), (5, 3.0, "blocks")]
    assert [lengths(reading, index) for index in range(5)] == [
        [512, 512, 276],
        [512, 512, 512, 64],
        [512, 512, 276],
        [100],
        [0],
    ]
    assert reading.requests[0].node == reading.requests[2].node
    assert [(request.usage.plain, request.usage.output) for request in reading.requests if request.usage] == [
        (1300, 40), (1600, 7), (1300, 40), (100, 1), (0, 2),
    ]  # fmt: skip


def test_every_request_is_local_to_the_file_and_on_a_relative_clock() -> None:
    reading = read_file(READER, FIXTURES / "mooncake" / "shared_prefix.jsonl")
    assert {(request.local_ids, request.settings) for request in reading.requests} == {(True, (("clock", "relative"),))}


def test_rows_that_cannot_be_are_skipped_with_a_reason() -> None:
    reading = read_file(READER, FIXTURES / "mooncake" / "shared_prefix.jsonl")
    skipped = [item for item in reading.items if isinstance(item, Skipped)]
    assert [item.place.line for item in skipped] == [6, 7]
    assert "1 more blocks of 512 tokens" in skipped[0].reason
    assert "input_length" in skipped[1].reason


@pytest.mark.parametrize("line", ["{", "[]", "", '{"input_length": 5', '{"output_length": 5}', "\ufeff"])
def test_a_broken_line_costs_only_itself(line: str) -> None:
    good = '{"timestamp": 1, "input_length": 5, "output_length": 1, "hash_ids": [1]}'
    reading = read_all(READER, memory_source("t", f"\ufeff{good}\n{line}\n{good}"))
    assert len(reading.requests) == 2
    assert len(reading.items) == 2 + bool(line)


def test_bailian_has_small_blocks_seconds_and_chains_of_chats() -> None:
    reading = read_file(READER, FIXTURES / "mooncake" / "bailian.jsonl")
    assert [(request.session, request.started) for request in reading.requests] == [
        ("7", 61.5), ("8", 62.0), ("7", 90.25), ("7", 99.0),
    ]  # fmt: skip
    assert [lengths(reading, index) for index in range(4)] == [[16, 16, 8], [16], [16, 16, 16, 2], [16] * 4]
    assert reused(reading) == 32 + 48


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        ([], 512),
        ([(10, 1)], 512),
        ([(10, 1), (17, 2)], 16),
        ([(2048, 16)], 128),
        ([(2048, 2), (3000, 3)], 1024),
        ([(2048, 7)], 512),
    ],
)
def test_the_block_size_is_what_fits_the_first_rows(rows: list[tuple[int, int]], size: int) -> None:
    text = "\n".join(
        json.dumps({"input_length": tokens, "output_length": 1, "hash_ids": list(range(count))})
        for tokens, count in rows
    )
    assert block_size(memory_source("t", text).peek()) == size


def test_the_example_is_a_row() -> None:
    source = memory_source("t", READER.example)
    assert READER.sniff(source.peek())
    assert [request.knowledge for request in read_all(READER, source).requests] == [Knowledge.BLOCKS]


@needs_shared
@pytest.mark.parametrize("name", ["conversation_trace.jsonl", "synthetic_trace.jsonl"])
def test_recorded_traces(name: str) -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["mooncake"][name]
    path = SHARED / "hash-block" / "mooncake" / name
    reading = read_file(READER, path)
    assert READER.sniff(memory_source(name, path.read_bytes()).peek())
    assert len(reading.items) == len(reading.requests) == truth["requests"]
    inputs = [request.usage.prompt for request in reading.requests if request.usage]
    outputs = [request.usage.output or 0 for request in reading.requests if request.usage]
    for values, expected in ((inputs, truth["input"]), (outputs, truth["output"])):
        assert sum(values) == expected["sum"]
        assert [quantile(values, part) for part in (0.1, 0.5, 0.9, 0.99, 1)] == [
            expected[key] for key in ("p10", "p50", "p90", "p99", "max")
        ]
    assert sum(value > 128_000 for value in inputs) == truth["input"]["over_128000"]
    assert reused(reading) == truth["hit_infinite"]["tokens"]


@needs_shared
def test_no_other_recorded_log_is_claimed() -> None:
    assert claimed(READER) == {"mooncake": 2}
