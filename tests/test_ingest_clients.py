"""Clients whose layout is documented: opencode, Cline, Copilot CLI, OpenHands, aider. Totals are checked by hand."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.reading import FIXTURES, Reading, memory_source, read_all, read_file

from agentcost.ingest import aider, cline, copilot_cli, opencode, openhands
from agentcost.ingest.contract import Reader
from agentcost.ingest.peeking import peek_of
from agentcost.model import Kind, Knowledge, Other, Skipped, Usage


def reading(reader: Reader, name: str) -> Reading:
    return read_file(reader, FIXTURES / reader.name / name)


def others(found: Reading) -> Counter[str]:
    return Counter(item.what for item in found.items if isinstance(item, Other))


BILLS: list[tuple[Reader, str, list[tuple[str, str, Usage, str]]]] = [
    (opencode.READER, "session.json", [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=10, write=1000, output=25, reasoning=5), "0.004"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=4, read=1000, write=200, output=12, reasoning=3), "0.006"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=6, read=1200, write=50, output=30, reasoning=0), "0.01"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=5, read=1250, output=40, reasoning=0), "0.01"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=90, output=4, reasoning=0), "0.01"),
    ]),
    (opencode.READER, "message.json", [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=6, read=1200, write=50, output=30, reasoning=0), "0.01"),
    ]),
    (cline.READER, "ui_messages.json", [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=10, write=1000, output=20), "0.0041"),
        ("", "", Usage(plain=300, read=1000, output=8), "0.002"),
    ]),
    (openhands.READER, "base_state.json", [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=10, write=1000, output=20, reasoning=5), "0.01"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=30, read=1000, output=8, reasoning=0), "0.002"),
        ("openai", "gpt-4.1-mini", Usage(plain=500, output=50), ""),
    ]),
    (openhands.READER, "events.json", [
        ("anthropic", "claude-sonnet-4-5", Usage(plain=10, write=1000, output=20), ""),
    ]),
    (aider.READER, "analytics.jsonl", [
        ("openai", "gpt-4.1", Usage(plain=2500, output=120, classes_known=False), "0.00596"),
        ("anthropic", "claude-sonnet-4-5", Usage(plain=3000, output=40, classes_known=False), ""),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "name", "wanted"), BILLS, ids=[f"{reader.name}/{name}" for reader, name, _ in BILLS]
)
def test_bills(reader: Reader, name: str, wanted: list[tuple[str, str, Usage, str]]) -> None:
    found = reading(reader, name).requests
    assert [(call.provider, call.model, call.usage, call.recorded_cost) for call in found] == wanted
    assert len({call.id or call.place for call in found}) == len(found)


def test_opencode_steps_are_calls_that_go_on_from_each_other() -> None:
    found = reading(opencode.READER, "session.json")
    first, second, third, summing, after = found.requests
    kinds = [segment.kind for segment in found.tree.path(third.node)]
    assert kinds == [Kind.USER, Kind.THINKING, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.ASSISTANT, Kind.USER]
    assert found.tree.path(second.node)[:3] == found.tree.path(first.answer or 0)
    assert [call.id for call in found.requests] == ["prt_4", "msg_2", "msg_4", "msg_6", "msg_8"]
    assert (first.started, first.ended, second.started, second.ended) == (
        1768075200.0, None, 1768075203.0, 1768075205.0
    )  # fmt: skip
    assert {(call.session, call.project, call.client) for call in found.requests} == {("ses_1", "shop", "opencode")}
    assert summing.node != after.node
    assert [segment.kind for segment in found.tree.path(after.node)] == [Kind.SUMMARY, Kind.USER]
    assert others(found) == {"user message": 3, "call that failed or was interrupted": 1}


def test_opencode_tells_sub_agents_and_failed_calls() -> None:
    document = json.loads((FIXTURES / "opencode" / "session.json").read_text())
    document["info"]["parentID"] = "ses_0"
    found = read_all(opencode.READER, memory_source("log", json.dumps(document)))
    assert {call.role for call in found.requests} == {"subagent"}


def test_a_task_is_named_by_its_folder() -> None:
    data = (FIXTURES / "cline" / "ui_messages.json").read_bytes()
    found = read_all(cline.READER, memory_source("tasks/1768075200000/ui_messages.json", data))
    assert {call.session for call in found.requests} == {"1768075200000"}


def test_copilot_conversations_and_the_bills_that_were_kept() -> None:
    found = reading(copilot_cli.READER, "events.jsonl")
    calls = {call.id: call for call in found.requests}
    assert list(calls) == ["m1", "m2", "m3", "m4"]
    assert calls["m1"].usage == Usage(plain=10, write=1000, output=20)
    assert [calls[name].usage for name in ("m2", "m3", "m4")] == [None] * 3  # not kept on disk
    assert [calls[name].model for name in calls] == ["claude-sonnet-4.5", "gpt-5.1", "gpt-5.1", "gpt-5.1"]
    assert [segment.kind for segment in found.tree.path(calls["m2"].node)] == [
        Kind.SYSTEM, Kind.USER, Kind.THINKING, Kind.TOOL_CALL, Kind.TOOL_RESULT,
    ]  # fmt: skip
    assert found.tree.path(calls["m1"].node)[1].text == "Which tests fail? (now)"
    assert (calls["m3"].role, found.tree.path(calls["m3"].node)) == ("subagent", [])
    assert [segment.kind for segment in found.tree.path(calls["m4"].node)] == [Kind.SUMMARY, Kind.USER]
    assert (calls["m1"].session, calls["m1"].project) == ("s1", "shop")
    assert (calls["m1"].started, calls["m1"].ended) == (1768075201.0, 1768075203.0)
    assert len(found.items) == 16


def test_openhands_times_roles_and_tasks() -> None:
    first, second, beside = reading(openhands.READER, "base_state.json").requests
    assert (first.started, first.ended, second.started) == (1768075201.0, 1768075203.5, 1768075209.0)
    assert (first.role, beside.role, first.session) == ("main", "side", "c1")
    found = reading(openhands.READER, "output.jsonl")
    assert {(call.task, call.id) for call in found.requests} == {("django-1", "msg_a2"), ("django-1", "msg_b2")}
    assert others(found) == {"conversation without calls": 1}
    assert others(reading(openhands.READER, "events.json")) == {"event: message": 1, "event: run": 1}


def test_aider_launches_are_sessions() -> None:
    found = reading(aider.READER, "analytics.jsonl")
    assert [(call.session, call.user, call.started) for call in found.requests] == [
        ("launch 1", "7c4c", 1768075204.0), ("launch 2", "7c4c", 1768075404.0),
    ]  # fmt: skip
    assert all(call.knowledge is Knowledge.COUNTS for call in found.requests)


@pytest.mark.parametrize(
    ("reader", "name"), [(reader, name) for reader, name, _ in BILLS] + [(copilot_cli.READER, "events.jsonl")]
)
def test_examples_and_fixtures_are_in_the_format(reader: Reader, name: str) -> None:
    example = memory_source("example", reader.example)
    assert reader.sniff(peek_of("example", reader.example.encode(), complete=True))
    assert not any(isinstance(item, Skipped) for item in read_all(reader, example).items)
    assert read_all(reader, example).requests
    assert not any(isinstance(item, Skipped) for item in reading(reader, name).items)
