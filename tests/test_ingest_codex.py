"""The Codex reader: bills and their repeats, compaction, copied histories, and the recorded session to the token."""

from __future__ import annotations

import json

import pytest
from tests.reading import FIXTURES, SHARED, Reading, claimed, memory_source, needs_shared, read_all, read_file

from agentcost.ingest.codex import READER
from agentcost.ingest.contract import Hand
from agentcost.ingest.parts import Spot, segment
from agentcost.ingest.source import open_source
from agentcost.model import Item, Kind, Other, Request, Skipped, Usage

PARENT = "01980000-0000-7000-8000-00000000000a"
CHILD = "01980000-3000-7000-8000-00000000000c"
NOON = 1772359200.0
"""2026-03-01T10:00:00Z."""


def read(name: str) -> Reading:
    return read_file(READER, FIXTURES / "codex" / name)


def kinds(reading: Reading, node: int) -> list[tuple[Kind, str]]:
    return [(segment.kind, segment.name) for segment in reading.tree.path(node)]


def test_a_bill_is_a_request_and_its_repeat_is_the_same_one() -> None:
    requests = read("session.jsonl").requests
    assert [request.place.line for request in requests] == [10, 11, 14, 17, 20]
    assert [request.usage for request in requests] == [
        Usage(plain=1000, read=0, output=50, reasoning=10),
        Usage(plain=1000, read=0, output=50, reasoning=10),
        Usage(plain=304, read=896, output=30, reasoning=0),
        Usage(plain=304, read=896, output=30, reasoning=0),  # behind the compaction: the total did not change
        Usage(plain=516, read=256, write=128, output=20, reasoning=5),
    ]
    first, repeat, second, again, third = requests
    assert first.id == repeat.id != second.id == again.id != third.id
    assert (repeat.node, repeat.ended, again.ended) == (first.node, first.ended, second.ended)


def test_every_line_is_one_item() -> None:
    items = read("session.jsonl").items
    assert len(items) == 21
    assert [item.reason[:4] for item in items if isinstance(item, Skipped)] == ["ends"]
    assert [item.place.line for item in items if isinstance(item, Other) and item.what == "rate limits"] == [7]


def test_what_a_request_says() -> None:
    first = read("session.jsonl").requests[0]
    assert (first.session, first.project, first.client, first.role) == (PARENT, "shop", "codex", "main")
    assert (first.provider, first.model, first.settings) == ("openai", "gpt-5.4", (("reasoning_effort", "high"),))
    assert (first.started, first.ended) == (NOON + 2, NOON + 6)


def test_the_path_is_what_was_sent() -> None:
    reading = read("session.jsonl")
    first, _, second, _, third = reading.requests
    opening = [
        (Kind.SYSTEM, ""),
        (Kind.SYSTEM, ""),
        (Kind.MEMORY, "AGENTS.md"),
        (Kind.MEMORY, "reminder"),
        (Kind.USER, ""),
    ]
    called = [(Kind.THINKING, ""), (Kind.TOOL_CALL, "exec_command")]
    assert kinds(reading, first.node) == opening
    assert first.answer is not None
    assert kinds(reading, first.answer) == opening + called
    assert kinds(reading, second.node) == [*opening, *called, (Kind.TOOL_RESULT, "exec_command")]
    assert reading.tree.parent[second.node] == first.answer
    assert kinds(reading, third.node) == [(Kind.SYSTEM, ""), (Kind.USER, ""), (Kind.SUMMARY, ""), (Kind.USER, "")]
    assert set(reading.tree.models[1:]) == {"gpt-5.4"}


def test_a_fork_repeats_its_parent_and_goes_on() -> None:
    copied, own = read("fork.jsonl").requests
    parent = read("session.jsonl").requests[0]
    assert (copied.id, copied.session, copied.started, copied.ended) == (parent.id, PARENT, None, None)
    assert (own.session, own.role, own.started, own.ended) == (CHILD, "subagent", NOON + 41, NOON + 44)
    assert own.id.startswith(CHILD)


def test_without_turn_ids_a_copy_is_told_by_its_time() -> None:
    text = (FIXTURES / "codex" / "fork.jsonl").read_text().replace('"turn_id"', '"unknown"')
    assert [request.session for request in read_all(READER, memory_source("fork.jsonl", text)).requests] == [
        PARENT,
        CHILD,
    ]


def test_lines_without_payload() -> None:
    reading = read("bare.jsonl")
    assert [(request.place.line, request.usage, request.model) for request in reading.requests] == [
        (5, None, ""),
        (7, None, ""),
    ]
    assert len(reading.items) == 7
    assert [kind for kind, _ in kinds(reading, reading.requests[1].node)] == [
        Kind.SYSTEM, Kind.USER, Kind.THINKING, Kind.TOOL_CALL, Kind.TOOL_RESULT,
    ]  # fmt: skip


def said(role: str, text: str) -> dict[str, object]:
    return {
        "type": "response_item",
        "payload": {"role": role, "type": "message", "content": [{"type": "t", "text": text}]},
    }


def billed(total: int) -> dict[str, object]:
    usage = {"input_tokens": total, "output_tokens": 1}
    return {"type": "event_msg", "payload": {"type": "token_count", "info": {
        "last_token_usage": usage, "total_token_usage": usage,
    }}}  # fmt: skip


def texts(*rows: dict[str, object]) -> list[list[str]]:
    """The prompts' texts of a log of these rows."""
    reading = read_all(READER, memory_source("rollout-1.jsonl", "\n".join(map(json.dumps, rows))))
    return [[segment.text for segment in reading.tree.path(request.node)] for request in reading.requests]


def test_a_summary_alone_keeps_what_the_user_said() -> None:
    compacted: dict[str, object] = {"type": "compacted", "payload": {"message": "It went well."}}
    summary = "Another language model started to solve this problem and produced a summary:\n"
    rows = [said("user", "One"), said("assistant", "Two"), billed(5), compacted]
    once = [*rows, said("user", "Three"), said("assistant", "Four"), billed(9)]
    assert texts(*once)[1] == ["One", f"{summary}It went well.", "Three"]
    twice = [*once, compacted, said("user", "Five"), said("assistant", "Six"), billed(12)]
    assert texts(*twice)[2] == ["One", "Three", f"{summary}It went well.", "Five"]


def test_turns_are_taken_back() -> None:
    rollback: dict[str, object] = {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1}}
    rows = [said("user", "One"), said("assistant", "Two"), billed(5), said("user", "Three"), said("assistant", "Four")]
    assert texts(*rows, billed(9), rollback, said("user", "Five"), billed(12))[2] == ["One", "Two", "Five"]


def test_an_interrupted_answer_is_part_of_the_next_prompt() -> None:
    rows = [said("user", "One"), said("assistant", "Half"), said("user", "Stop"), said("assistant", "Yes"), billed(5)]
    assert texts(*rows) == [["One", "Half", "Stop"]]


def test_a_captured_system_prompt_stands_for_the_logged_one() -> None:
    prefix = (segment(Spot("system", "system"), Kind.SYSTEM, "Captured"),)
    tree = Reading([], read("session.jsonl").tree).tree
    source = memory_source("session.jsonl", (FIXTURES / "codex" / "session.jsonl").read_bytes())
    items: list[Item] = list(READER.read(source, Hand(tree.grow, prefix)))
    first = next(item for item in items if isinstance(item, Request))
    assert [segment.text for segment in tree.path(first.node)][:2] == ["Captured", "Files may be written."]


@needs_shared
def test_the_recorded_session() -> None:
    path = SHARED / "sessions" / "tracelab" / "tracelab-codex.jsonl"
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["codex"][path.name]
    reading = read_all(READER, open_source(path))
    usages = [request.usage for request in reading.requests if request.usage]
    sums = truth["sums_of_last_token_usage"]
    assert (len(reading.items), len(reading.requests)) == (truth["records"], truth["requests"])
    assert len({request.id for request in reading.requests}) == truth["requests"]
    assert sum(usage.prompt for usage in usages) == sums["input_tokens"]
    assert sum(usage.read for usage in usages) == sums["cached_input_tokens"]
    assert sum(usage.plain for usage in usages) == truth["uncached_input"]
    assert sum(usage.output or 0 for usage in usages) == sums["output_tokens"]
    assert sum(usage.reasoning or 0 for usage in usages) == sums["reasoning_output_tokens"]
    assert max(usage.prompt for usage in usages) == truth["input"]["max"]


@needs_shared
def test_claims_no_other_log() -> None:
    assert claimed(READER) == {"tracelab": 1}


@pytest.mark.parametrize("name", ["session.jsonl", "fork.jsonl", "bare.jsonl"])
def test_sniffs_its_own(name: str) -> None:
    assert READER.sniff(memory_source(name, (FIXTURES / "codex" / name).read_bytes()).peek())
    assert READER.sniff(memory_source("example", READER.example).peek())
