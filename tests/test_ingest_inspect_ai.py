"""inspect_ai logs: bodies and messages, attachments and pools, archives, and the recorded evaluations to the token."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from io import BytesIO

import pytest
import zstandard
from tests.reading import FIXTURES, SHARED, memory_source, needs_shared, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest.inspect_ai import READER
from agentcost.ingest.source import StreamSource, open_source
from agentcost.model import Kind, Other, Skipped, Usage

LOG = FIXTURES / "inspect_ai" / "mending.json"
NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""


def archive(*, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The log as an archive, the samples zipped, or (93) in Zstandard, which Python 3.11 cannot write."""
    document = json.loads(LOG.read_text())
    sample = json.dumps(document["samples"][0]).encode()
    zstd = method == 93
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if zstd else method) as file:
        file.writestr("_journal/start.json", json.dumps({"version": 2, "eval": document["eval"]}))
        file.writestr("samples/cart_epoch_1.json", zstandard.compress(sample) if zstd else sample)
    data = buffer.getvalue()
    if zstd:
        local, central = data.rindex(b"PK\3\4"), data.rindex(b"PK\1\2")
        changed = bytearray(data)
        changed[local + 8] = changed[central + 10] = 93
        data = bytes(changed)
    return data


def test_bodies_messages_and_pools_are_one_conversation() -> None:
    reading = read_file(READER, LOG)
    first, second, grader = reading.requests
    assert [request.usage for request in reading.requests] == [
        Usage(plain=90, output=12), Usage(plain=46, read=64, output=3),
        Usage(plain=20, read=100, write=50, output=4),  # the total tells that cached tokens are beside the input
    ]  # fmt: skip
    path = reading.tree.path(second.answer or 0)
    assert [segment.kind for segment in path] == [
        Kind.TOOL, Kind.SYSTEM, Kind.USER, Kind.TOOL_CALL, Kind.FILE, Kind.ASSISTANT,
    ]  # fmt: skip
    assert first.answer in reading.tree.steps(second.node)
    assert (path[1].text[:15], path[4].text) == ("You mend carts,", "total = 0")
    assert [segment.kind for segment in reading.tree.path(grader.answer or 0)] == [
        Kind.USER, Kind.IMAGE, Kind.THINKING, Kind.ASSISTANT,
    ]  # fmt: skip


def test_what_requests_say() -> None:
    first, second, grader = read_file(READER, LOG).requests
    assert (first.id, second.id, first.session, first.task) == ("chatcmpl-1", "e2", "r1:cart:1", "cart")
    assert (first.project, first.client, first.model) == ("mending", "inspect_ai", "gpt-4.1-2025-04-14")
    assert (first.started, first.ended, second.ended) == (NOON + 1, NOON + 3, NOON + 5.5)
    assert [(r.provider, r.role, r.api) for r in (first, grader)] == [
        ("openai", "main", "openai-chat"), ("anthropic", "side", "anthropic"),
    ]  # fmt: skip


def test_what_is_no_call() -> None:
    assert Counter(item.what for item in read_file(READER, LOG).items if isinstance(item, Other)) == {
        "sample_init event": 1, "tool event": 1, "failed call": 1,
        "answer from inspect's own cache, not asked of a provider": 1,
    }  # fmt: skip


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, 93])
def test_archives_say_the_same(method: int) -> None:
    source = StreamSource("log.eval", BytesIO(archive(method=method)))
    assert READER.sniff(source.peek())
    reading, wanted = read_all(READER, source), read_file(READER, LOG)
    assert [(r.id, r.node, r.answer, r.usage, r.session) for r in reading.requests] == [
        (r.id, r.node, r.answer, r.usage, r.session) for r in wanted.requests
    ]
    assert len(reading.items) == len(wanted.items)


def test_an_archive_that_was_not_finished() -> None:
    with pytest.raises(BrokenLog, match="recover"):
        read_all(READER, memory_source("log.eval", archive()[:-60]))


def test_a_damaged_sample_is_skipped() -> None:
    data = bytearray(archive())
    at = data.rindex(b"PK\3\4") + 80
    data[at : at + 20] = b"\xff" * 20
    [item] = read_all(READER, memory_source("log.eval", bytes(data))).items
    assert isinstance(item, Skipped)


def test_a_log_without_samples() -> None:
    log = '{"version": 2, "status": "cancelled", "eval": {"task": "t"}, "samples": null}'
    [item] = read_all(READER, memory_source("log.json", log)).items
    assert isinstance(item, Other)
    with pytest.raises(BrokenLog):
        read_all(READER, memory_source("log.json", "{}"))


@needs_shared
def test_the_recorded_evaluations() -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["inspect_ai"]
    for name, truth in truths.items():
        source = open_source(SHARED / "eval-logs" / "inspect_ai" / name)
        assert READER.sniff(source.peek())
        reading = read_all(READER, source)
        assert not [item for item in reading.items if isinstance(item, Skipped)]
        usages = [request.usage for request in reading.requests if request.usage]
        assert len(reading.requests) == len(usages) == truth.get("with_usage", 0)
        assert sum(usage.prompt for usage in usages) == truth.get("input", 0)
        assert sum(usage.read for usage in usages) == truth.get("cached", 0)
        assert sum(usage.output or 0 for usage in usages) == truth.get("output", 0)
        if "events" in truth:
            assert [[usage.prompt, usage.read, usage.output] for usage in usages] == truth["events"]


@needs_shared
def test_attachments_are_put_back() -> None:
    for path in (SHARED / "eval-logs" / "inspect_ai").iterdir():
        if path.name != "LICENSE":
            tree = read_all(READER, open_source(path)).tree
            assert not [segment for segment in tree.segment if segment and "attachment://" in segment.text]


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert [request.usage for request in read_all(READER, source).requests] == [Usage(plain=8, output=3)]
