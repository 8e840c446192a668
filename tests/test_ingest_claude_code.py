"""The Claude Code reader: interleaved answers, parallel results, sub-agents, compaction, and the recorded sessions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reading import FIXTURES, SHARED, Growth, Reading, claimed, memory_source, needs_shared, read_all, read_file
from tests.replacing import replace

from agentcost.ingest.claude_code import READER
from agentcost.ingest.contract import Hand
from agentcost.ingest.parts import Spot
from agentcost.ingest.parts import segment as segment_of
from agentcost.ingest.source import open_source
from agentcost.model import Ends, Kind, Other, Request, Segment, Skipped, Usage
from agentcost.record import Record
from agentcost.rendering import claude_call

NINE = 1770368400.0
"""2026-02-06T09:00:00Z."""

FOLDER = FIXTURES / "claude-code"


def texts(reading: Reading, node: int) -> list[str]:
    return [segment.text for segment in reading.tree.path(node)]


def lines(*records: Mapping[str, Any]) -> str:
    return "\n".join(json.dumps({"sessionId": "s", **record}) for record in records)


def said(uuid: str, parent: str | None, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "user", "uuid": uuid, "parentUuid": parent, "message": {"content": content}, **more}


def answered(uuid: str, parent: str | None, call: str, content: Any, **usage: Any) -> dict[str, Any]:
    message = {"id": call, "model": "claude-opus-4-6", "content": content, "usage": {"input_tokens": 9, **usage}}
    return {"type": "assistant", "uuid": uuid, "parentUuid": parent, "requestId": "r", "message": message}


def text(content: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": content}]


def tool(call: str) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": call}}]


def result(call: str) -> list[dict[str, str]]:
    return [{"type": "tool_result", "tool_use_id": call, "content": f"out {call}"}]


READ, QUERY = (
    claude_call(*call) for call in (("Read", {"file_path": "cart.py"}), ("mcp__db__query", {"sql": "select 1"}))
)
SKILLS = "<system-reminder>\n- pdf: fill forms\n</system-reminder>"


def test_an_answer_takes_the_results_of_its_tools_behind_it() -> None:
    reading = read_file(READER, FOLDER / "session.jsonl")
    first, second, third, last, compacted = reading.requests
    assert [texts(reading, request.node) for request in (first, second, third)] == [["Fix the total"]] * 3
    assert texts(reading, first.answer or 0) == ["Fix the total", "I look."]
    assert texts(reading, third.answer or 0) == ["Fix the total", "I look.", READ, QUERY]
    assert texts(reading, last.node) == ["Fix the total", "I look.", READ, QUERY, "total = 0", "1 row", SKILLS]
    assert [(segment.kind, segment.name, segment.server) for segment in reading.tree.path(last.node)][2:] == [
        (Kind.TOOL_CALL, "Read", ""),
        (Kind.TOOL_CALL, "mcp__db__query", "db"),
        (Kind.FILE, "Read", ""),
        (Kind.TOOL_RESULT, "mcp__db__query", "db"),
        (Kind.SKILL, "skill listing", ""),
    ]
    assert [(segment.kind, segment.text[:12]) for segment in reading.tree.path(compacted.node)] == [
        (Kind.SUMMARY, "This session"),
        (Kind.USER, "Go on"),
    ]


def test_what_requests_say() -> None:
    first, second, third, last, compacted = read_file(READER, FOLDER / "session.jsonl").requests
    assert [request.usage for request in (first, second, third, last)] == [
        Usage(plain=3, write_1h=100, output=2, output_is_lower_bound=True),
        Usage(plain=3, write_1h=100, output=2, output_is_lower_bound=True),
        Usage(plain=3, write_1h=100, output=40),
        Usage(plain=2, read=103, write_5m=50, output=8),
    ]
    assert {request.id for request in (first, second, third)} == {"msg_1:req_1"}
    assert [request.finished for request in (first, second, third)] == [False, False, True]
    assert [(request.started, request.ended) for request in (third, last, compacted)] == [
        (NINE, NINE + 9),
        (NINE + 10, NINE + 15),
        (NINE + 21 * 60 + 30, NINE + 21 * 60 + 35),
    ]
    assert (last.session, last.project, last.client, last.user) == ("s1", "shop", "claude-code", "")
    assert (last.provider, last.model, last.role, last.tier) == ("anthropic", "claude-opus-4-6", "main", "standard")
    assert last.settings == (("version", "2.1.37"),)
    assert last.labels == (("branch", "fix-total"),)
    assert (last.place.line, last.id) == (11, "msg_2:req_2")


def test_every_record_is_accounted_for() -> None:
    reading = read_file(READER, FOLDER / "session.jsonl")
    assert [item.place.line for item in reading.items] == list(range(1, 18))
    assert Counter(item.what for item in reading.items if isinstance(item, Other)) == {
        "summary": 1, "file history snapshot": 1, "user message": 2, "tool result": 2, "progress": 1, "attachment": 1,
        "system note": 1, "message that no model wrote": 1, "compaction": 1, "summary of a compaction": 1,
    }  # fmt: skip


def test_sub_agents_have_conversations_of_their_own() -> None:
    reading = read_file(READER, FOLDER / "subagent.jsonl")
    rows = [(request.role, dict(request.labels).get("agent"), request.id) for request in reading.requests]
    assert rows == [
        ("main", None, "msg_1:req_1"),
        ("subagent", "f00", "msg_9:req_9"),
        ("subagent", "f00", "msg_10:req_10"),
        ("main", None, "msg_2:req_2"),
        ("subagent", "f01", "msg_11:req_11"),
    ]
    paths = [texts(reading, request.node) for request in reading.requests]
    assert paths[2] == ["Look for tests", claude_call("Glob", {"pattern": "test_*"}), "test_cart.py"]
    assert paths[3] == ["Find the tests", claude_call("Task", {"prompt": "Look for tests"}), "One file: test_cart.py"]
    assert paths[4] == ["Warm up"]
    assert {(request.session, request.project, request.settings) for request in reading.requests} == {
        ("s1", "shop", (("version", "2.1.37"),))
    }
    assert [request.started for request in reading.requests[1:3]] == [NINE + 5, NINE + 8]


def test_damage() -> None:
    reading = read_file(READER, FOLDER / "damaged.jsonl")
    kinds = [(type(item).__name__, item.place.line, item.place.offset) for item in reading.items]
    glued = len((FOLDER / "damaged.jsonl").read_bytes().partition(b"}}{")[0]) + 2
    assert [kind[:2] for kind in kinds] == [
        ("Other", 1), ("Request", 2), ("Other", 2), ("Other", 3), ("Request", 4), ("Skipped", 5), ("Skipped", 6),
        ("Skipped", 7),
    ]  # fmt: skip
    assert kinds[2][2] == glued
    first, second = reading.requests
    assert (first.usage, second.usage) == (Usage(plain=5, write=7, output=2), Usage(plain=20, output=2))
    # a parent that the log does not hold: behind what came last
    assert texts(reading, second.node) == ["Hello", "Hi.", "Bye", "Wait"]
    assert (first.project, second.id) == ("shop", "msg_2:")
    reasons = [item.reason for item in reading.items if isinstance(item, Skipped)]
    assert [
        word in reason
        for word, reason in zip(("message.usage.input_tokens", "JSON object", "middle"), reasons, strict=True)
    ] == [True] * 3
    assert all("remove" in reason for reason in reasons)


FORKED = lines(
    said("u1", None, "Go"),
    answered("a1", "u1", "m1", tool("x")),
    answered("a2", "a1", "m1", tool("y")),
    said("r1", "a1", result("x")),
    said("r2", "a2", result("y")),
    answered("b1", "r2", "m2", text("Done")),
)


def test_parallel_results_are_all_in_the_next_prompt() -> None:
    reading = read_all(READER, memory_source("s", FORKED))
    calls = [claude_call("Bash", {"command": name}) for name in "xy"]
    assert texts(reading, reading.requests[-1].node) == ["Go", *calls, "out x", "out y"]


@given(st.integers(1, 4).flatmap(lambda count: st.permutations([*range(count), *range(count)])))
def test_when_tools_ran_changes_no_prompt(order: Sequence[int]) -> None:
    """Wherever results stand between the blocks of an answer, the next prompt is the same, but for their order."""
    records, parent, called = [said("u", None, "Go")], "u", []
    for number in order:
        name = f"t{number}"
        if name in called:
            records.append(said(f"r{number}", f"a{number}", result(name)))
        else:
            records.append(answered(f"a{number}", parent, "m1", tool(name)))
            called.append(name)
        parent = str(records[-1]["uuid"])
    reading = read_all(READER, memory_source("s", lines(*records, answered("b", parent, "m2", text("Done")))))
    path = reading.tree.path(reading.requests[-1].node)
    assert [segment.text for segment in path[1 : 1 + len(called)]] == [
        claude_call("Bash", {"command": n}) for n in called
    ]
    assert sorted(segment.text for segment in path[1 + len(called) :]) == sorted(f"out {name}" for name in called)
    assert [segment.opens_message for segment in path] == [
        True, True, *[False] * (len(called) - 1), True, *[False] * (len(called) - 1)
    ]  # fmt: skip


class Ended(Growth):
    """Growth that adds up what nodes end, as the prefix tree does."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: Counter[int] = Counter()

    def grow(self, node: int, segments: Sequence[Segment], model: str) -> list[int]:
        nodes = super().grow(node, segments, model)
        for grown, segment in zip(nodes, segments, strict=True):
            self.ends[grown] |= segment.ends
        return nodes


def test_only_the_last_block_ends_its_message() -> None:
    tree = Ended()
    *_, last = (item for item in READER.read(memory_source("s", FORKED), Hand(tree.grow)) if isinstance(item, Request))
    ends = [Ends(tree.ends[node]) for node in tree.steps(last.answer or 0)]
    block, run, end = Ends.BLOCK, Ends.TOOL_RUN, Ends.MESSAGE
    assert ends == [block | end, block, block | run | end, block, block | run | end, block | end]


def test_nothing_is_grown_twice() -> None:
    records = [said("u0", None, "Go")]
    for number in range(50):
        records.append(answered(f"a{number}", records[-1]["uuid"], f"m{number}", tool(f"t{number}")))
        records.append(said(f"r{number}", f"a{number}", result(f"t{number}")))
    reading = read_all(READER, memory_source("s", lines(*records)))
    assert reading.tree.asked <= 3 * len(reading.tree.parent)  # each once, and each answer's end again


def test_an_edited_prompt_forks() -> None:
    log = lines(
        said("u1", None, "Go"),
        answered("a1", "u1", "m1", text("Gone")),
        said("u2", "a1", "Left"),
        answered("a2", "u2", "m2", text("Yes")),
        said("u3", "a1", "Right"),
        answered("a3", "u3", "m3", text("No")),
        answered("a4", "u3", "m4", text("Retried")),
    )
    reading = read_all(READER, memory_source("s", log))
    assert [texts(reading, request.node) for request in reading.requests] == [
        ["Go"], ["Go", "Gone", "Left"], ["Go", "Gone", "Right"], ["Go", "Gone", "Right"],
    ]  # fmt: skip


def test_records_written_again_change_nothing() -> None:
    records = [said("u1", None, "Go"), answered("a1", "u1", "m1", tool("x")), said("r1", "a1", result("x"))]
    log = lines(*records, *records, answered("b1", "r1", "m2", text("Done")))
    reading = read_all(READER, memory_source("s", log))
    assert texts(reading, reading.requests[-1].node) == ["Go", claude_call("Bash", {"command": "x"}), "out x"]
    assert [request.id for request in reading.requests] == ["m1:r", "m1:r", "m2:r"]


def test_the_users_prefix_stands_before_the_main_conversation_only() -> None:
    head = segment_of(Spot("system", "system"), Kind.SYSTEM, "You are helpful.")
    tree = Growth()
    source = memory_source("s", (FOLDER / "subagent.jsonl").read_bytes())
    items = READER.read(source, Hand(tree.grow, prefix=(head,)))
    starts = {(r.role, tree.path(r.node)[0].text) for r in items if isinstance(r, Request)}
    assert starts == {
        ("main", "You are helpful."), ("subagent", "Look for tests"), ("subagent", "Warm up"),
    }  # fmt: skip


SKILL = "Base directory for this skill: /home/dev/.claude/skills/pdf\n\nFill forms."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAYAAAC09K7GAAAAAElFTkSuQmCC"
"""An image of 4 by 3 pixels."""


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (said("x", "u", text(SKILL), isMeta=True), [(Kind.SKILL, "pdf", SKILL)]),
        (said("x", "u", "A caveat", isMeta=True), [(Kind.USER, "", "A caveat")]),
        (
            said("x", "u", "<system-reminder>\nCLAUDE.md: Be brief.\n</system-reminder>\nHi"),
            [
                (Kind.MEMORY, "CLAUDE.md", "<system-reminder>\nCLAUDE.md: Be brief.\n</system-reminder>\n"),
                (Kind.USER, "", "Hi"),
            ],
        ),
        (
            said("x", "u", [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]),
            [(Kind.IMAGE, "", "")],
        ),
        ({"type": "system", "subtype": "local_command", "content": "/cost"}, [(Kind.USER, "", "/cost")]),
        ({"type": "system", "subtype": "turn_duration", "content": "9"}, []),
    ],
)
def test_what_user_records_become(record: dict[str, Any], expected: list[tuple[Kind, str, str]]) -> None:
    assert behind(record) == expected


def behind(record: Mapping[str, Any]) -> list[tuple[Kind, str, str]]:
    """What a record puts behind the words "Go"."""
    placed = {**record, "uuid": "x", "parentUuid": "u"}
    log = lines(said("u", None, "Go"), placed, answered("a", "x", "m", text("Done")))
    reading = read_all(READER, memory_source("s", log))
    path = reading.tree.path(reading.requests[0].node)
    assert path[0].text == "Go"
    return [(segment.kind, segment.name, segment.text) for segment in path[1:]]


def reminder(content: str) -> str:
    return f"<system-reminder>\n{content}\n</system-reminder>"


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (
            {
                "type": "nested_memory",
                "path": "/w/CLAUDE.md",
                "content": {"path": "/w/CLAUDE.md", "content": "Be brief."},
            },
            [(Kind.MEMORY, "CLAUDE.md", reminder("Be brief."))],
        ),
        (
            {
                "type": "file",
                "filename": "a.py",
                "content": {"type": "text", "file": {"filePath": "a.py", "content": "1"}},
            },
            [(Kind.FILE, "file", reminder("1"))],
        ),
        (
            {"type": "file", "content": {"type": "image", "file": {"base64": PNG, "type": "image/png"}}},
            [(Kind.IMAGE, "", "")],
        ),
        (
            {"type": "invoked_skills", "skills": [{"name": "a", "content": "A"}, {"name": "b", "content": "B"}]},
            [(Kind.SKILL, "invoked skills", reminder("A\nB"))],
        ),
        ({"type": "queued_command", "prompt": "Stop"}, [(Kind.USER, "", "Stop")]),
        ({"type": "task_reminder", "content": [], "itemCount": 0}, []),
        ({"type": "hook_success", "hookEvent": "PostToolUse", "content": "ok"}, []),
        (
            {"type": "hook_success", "hookEvent": "SessionStart", "content": "ok"},
            [(Kind.MEMORY, "hook success", reminder("ok"))],
        ),
        ({"type": "hook_cancelled", "content": "no"}, []),
    ],
)
def test_what_attachments_become(attachment: dict[str, Any], expected: list[tuple[Kind, str, str]]) -> None:
    assert behind({"type": "attachment", "attachment": attachment}) == expected


def test_media_are_not_text() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    log = lines(said("u", None, [image]), answered("a", "u", "m", text("A cart")))
    reading = read_all(READER, memory_source("s", log))
    assert reading.tree.path(reading.requests[0].node)[0].media == "image 4x3"


def test_signatures_tell_thoughts_apart() -> None:
    def leaf(signature: str) -> bytes:
        thought = [{"type": "thinking", "thinking": "", "signature": signature}]
        reading = read_all(READER, memory_source("s", lines(said("u", None, "Go"), answered("a", "u", "m", thought))))
        return reading.tree.path(reading.requests[0].answer or 0)[-1].digest

    assert leaf("YQ==") == leaf("YQ==") != leaf("Yg==")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 0, "output_tokens": 0}, None),  # a server that counts nothing
        ({"cache_creation_input_tokens": 9, "cache_creation": None}, (9, 0, 0, 9, 0)),
        (
            {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 4}},
            (9, 4, 0, 5, 0),
        ),
        ({"cache_read_input_tokens": 7, "output_tokens": 3}, (9, 0, 0, 0, 7)),
    ],
)
def test_usage(usage: dict[str, Any], expected: tuple[int, ...] | None) -> None:
    reading = read_all(READER, memory_source("s", lines(answered("a", None, "m", text("Hi"), **usage))))
    found = reading.requests[0].usage
    assert (found and (found.plain, found.write_5m, found.write_1h, found.write, found.read)) == expected


KEYS = ("type", "text", "content", "input", "source", "id")
JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["text", "tool_use", "tool_result", "image", "thinking", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("uuid", "parentUuid", "message", "attachment", "data", "content", "timestamp", "requestId", "isSidechain")


@given(
    st.lists(
        st.builds(
            lambda kind, fields, content: {"type": kind, **fields, **content},
            st.sampled_from(["user", "assistant", "attachment", "system", "progress", "mode"]),
            st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
            st.just({}) | st.builds(lambda content: {"message": {"id": "m", "content": content}}, JSON),
        ),
        max_size=5,
    )
)
def test_every_line_is_one_item_whatever_it_holds(records: list[dict[str, Any]]) -> None:
    reading = read_all(READER, memory_source("s", "\n".join(map(json.dumps, records))))
    assert len(reading.items) == len(records)


def test_the_example_is_a_session() -> None:
    source = memory_source("s", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1


def test_a_session_that_was_only_opened_is_one() -> None:
    assert READER.sniff(memory_source("s", '{"type":"summary","summary":"Totals","leafUuid":"b1"}').peek())
    assert not READER.sniff(memory_source("s", '{"type":"summary","text":"Totals"}').peek())


# --- the recorded sessions -----------------------------------------------------------------------------------------

CLASSES = ("plain", "write_5m", "write_1h", "write", "read", "output")


def recorded(paths: Sequence[Path]) -> tuple[list[Request], list[Reading]]:
    """The distinct requests of several files (the last record of a call wins), and their readings."""
    readings = [read_all(READER, open_source(path, path.name)) for path in paths]
    return list({request.id: request for reading in readings for request in reading.requests}.values()), readings


def sums(requests: Sequence[Request]) -> dict[str, int]:
    usages = [request.usage for request in requests if request.usage]
    assert len(usages) == len(requests)
    return {name: sum(getattr(usage, name) for usage in usages) for name in CLASSES}


def expected_sums(truth: Mapping[str, int]) -> dict[str, int]:
    keys = ("input_uncached", "cache_write_5m", "cache_write_1h", "", "cache_read", "output")
    return {name: truth[key] if key else 0 for name, key in zip(CLASSES, keys, strict=True)}


@needs_shared
def test_recorded_sessions() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["claude-code"]
    distinct, readings = recorded(sorted((SHARED / "sessions/claude-code").glob("*.jsonl")))
    items = [item for reading in readings for item in reading.items]
    assert not [item for item in items if isinstance(item, Skipped)]
    assert len(items) == truth["lines"]["records"]
    for role, numbers in (
        ("main", truth["distinct"]),
        ("subagent", truth["subagent_requests_in_agent_progress_lines"]),
    ):
        requests = [request for request in distinct if request.role == role]
        assert len(requests) == numbers["requests"]
        assert sums(requests) == expected_sums(numbers)
        assert Counter(request.model for request in requests) == numbers["by_model"]
        prompts = [request.usage.prompt for request in requests if request.usage]
        assert (max(prompts), sum(prompt > 128_000 for prompt in prompts)) == (
            numbers["context"]["max"],
            numbers["context"]["over_128000"],
        )
    main = [request for request in distinct if request.role == "main"]
    billed = [item for item in items if isinstance(item, Request) and item.role == "main"]
    others = Counter(item.what for item in items if isinstance(item, Other))
    assert len(billed) - len(main) == truth["lines"]["repeat_lines"]
    assert others["message that no model wrote"] == truth["lines"]["synthetic_lines"]
    assert others["compaction"] == others["summary of a compaction"] == truth["lines"]["isCompactSummary"]
    assert (
        sum(not request.finished for request in main)
        == (truth["output_reporting"]["requests_whose_last_line_has_no_stop_reason"])
    )


@needs_shared
def test_recorded_sessions_by_file() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["claude-code"]["per_file"]
    for path in sorted((SHARED / "sessions/claude-code").glob("*.jsonl")):
        found, _ = recorded([path])
        requests = [request for request in found if request.role == "main"]
        assert len(requests) == truth[path.name]["requests"]
        assert sums(requests) == expected_sums(truth[path.name])


@needs_shared
def test_a_record_keeps_the_same_winners() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["claude-code"]["distinct"]
    record = Record()
    for path in sorted((SHARED / "sessions/claude-code").glob("*.jsonl"), reverse=True):
        for request in recorded([path])[1][0].requests:
            record.add(replace(request, node=0, answer=None))
    main = [request for request in record.requests if request.role == "main"]
    assert sums(main) == expected_sums(truth)
    assert sum(record.duplicates.values()) == 412 + 10


@needs_shared
def test_recorded_conversations_go_on() -> None:
    """Every prompt of the main conversation holds the answer before it, but for the one behind the compaction."""
    resets = 0
    for path in sorted((SHARED / "sessions/claude-code").glob("*.jsonl")):
        distinct, [reading] = recorded([path])
        main = [request for request in distinct if request.role == "main"]
        for before, request in pairwise(main):
            resets += before.answer not in reading.tree.steps(request.node)
        assert reading.tree.asked <= 1.5 * len(reading.tree.parent)
    assert resets == 1


@needs_shared
def test_recorded_tracelab_session() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["tracelab"]["tracelab-claude.jsonl"]
    distinct, [reading] = recorded([SHARED / "sessions/tracelab/tracelab-claude.jsonl"])
    assert len(distinct) == truth["requests"]
    assert sums(distinct) == expected_sums(truth)
    assert len(reading.requests) - len(distinct) == truth["lines"]["repeat_lines"]
    assert len(reading.items) == truth["lines"]["records"]
    assert all(request.finished for request in distinct)
    assert {dict(request.settings)["speed"] for request in distinct} == {"standard"}


@needs_shared
def test_no_other_recorded_log_is_claimed() -> None:
    assert claimed(READER) == {"claude-code": 8, "tracelab": 1}
