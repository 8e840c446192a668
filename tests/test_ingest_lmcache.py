"""LMCache's look-ups: shared chunks, repeats, tails without a hash, and lines that are none."""

from __future__ import annotations

from tests.reading import FIXTURES, memory_source, read_all, read_file

from agentcost.ingest.lmcache import READER
from agentcost.model import Skipped, Usage

READING = read_file(READER, FIXTURES / "lmcache" / "lookup_hashes.jsonl")


def test_prompts_share_the_chunks_whose_hashes_they_share() -> None:
    paths = [[segment.tokens for segment in READING.tree.path(request.node)] for request in READING.requests]
    assert paths == [[256, 256, 188], [256, 256, 188], [256, 256, 256], [256, 256], [100]]
    first, again, second, other, _ = (READING.tree.steps(request.node) for request in READING.requests)
    assert first == again
    assert first[:2] == second[:2]
    assert other[0] != first[0]  # another model's cache


def test_what_every_request_says() -> None:
    first, again, *_ = READING.requests
    assert (first.id, again.id, first.model, first.started) == ("r1", "r1", "Qwen3-8B", 1768075200.5)
    assert first.usage == Usage(plain=700, classes_known=False)
    assert not first.local_ids


def test_lines_that_are_no_look_up() -> None:
    reasons = [item.reason for item in READING.items if isinstance(item, Skipped)]
    words = ("1 more chunks", "chunk_hashes is a whole number")
    assert [word in reason for word, reason in zip(words, reasons, strict=True)] == [True, True]


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1
