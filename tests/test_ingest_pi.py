"""The pi reader: lists and trees of entries, compaction, turns that broke off, and the recorded session."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.reading import FIXTURES, SHARED, Growth, Reading, claimed, memory_source, needs_shared, read_all, read_file

from agentcost.ingest.contract import Hand
from agentcost.ingest.parts import Spot
from agentcost.ingest.parts import segment as segment_of
from agentcost.ingest.pi import READER
from agentcost.ingest.source import open_source
from agentcost.model import Kind, Other, Request, Skipped, Usage
from agentcost.rendering import claude_call

EIGHT = 1768075200.0
"""2026-01-10T20:00:00Z."""

FOLDER = FIXTURES / "pi"


def texts(reading: Reading, node: int) -> list[str]:
    return [segment.text for segment in reading.tree.path(node)]


READ, WRITE = (claude_call(name, {"path": "cart.py"}) for name in ("read", "write"))


def test_a_list() -> None:
    reading = read_file(READER, FOLDER / "list.jsonl")
    first, broken, last = reading.requests
    assert texts(reading, first.node) == ["Fix the total"]
    assert texts(reading, broken.node) == ["Fix the total", "I look.", READ, "total = 0"]
    assert texts(reading, broken.answer or 0)[4:] == ["I wr", WRITE]
    # of the answer that broke off the text was sent again; its call never ran
    assert texts(reading, last.node)[4:] == ["I wr", "Go on"]
    assert texts(reading, last.answer or 0)[6:] == ["Sum up.", "Done."]
    kinds = [(segment.kind, segment.name) for segment in reading.tree.path(last.answer or 0)]
    assert kinds[2:4] == [(Kind.TOOL_CALL, "read"), (Kind.FILE, "read")]
    assert kinds[6] == (Kind.THINKING, "")


def test_what_requests_say() -> None:
    first, broken, last = read_file(READER, FOLDER / "list.jsonl").requests
    assert [request.usage for request in (first, broken, last)] == [
        Usage(plain=3, write=100, output=40),
        Usage(plain=5, read=100, write=60, output=1, output_is_lower_bound=True),
        Usage(plain=2, read=160, write=12, output=9),
    ]
    assert [(request.started, request.ended) for request in (first, last)] == [
        (EIGHT + 2, EIGHT + 6),
        (EIGHT + 20, EIGHT + 25),
    ]
    assert [request.recorded_cost for request in (first, broken, last)] == ["0.000984", "0.00027", "0.000234"]
    assert [request.finished for request in (first, broken, last)] == [True, False, True]
    assert [request.settings for request in (first, last)] == [(("thinking", "off"),), (("thinking", "high"),)]
    assert (first.session, first.project, first.client, first.role) == ("s1", "shop", "pi", "main")
    assert (first.provider, first.model, first.api) == ("anthropic", "claude-sonnet-4-5", "anthropic")
    assert first.id == "anthropic/claude-sonnet-4-5@1768075202000:3+0+100+40"


def test_every_entry_is_accounted_for() -> None:
    reading = read_file(READER, FOLDER / "list.jsonl")
    assert [item.place.line for item in reading.items] == list(range(1, 10))
    assert Counter(item.what for item in reading.items if isinstance(item, Other)) == {
        "session": 1, "user message": 2, "aborted turn": 1, "tool result": 1, "thinking level change": 1,
    }  # fmt: skip


COMPACTED = (
    "The conversation history before this point was compacted into the following summary:\n\n"
    "<summary>\nAll of it.\n</summary>"
)


def test_a_tree() -> None:
    reading = read_file(READER, FOLDER / "tree.jsonl")
    paths = [texts(reading, request.node) for request in reading.requests]
    shell = "Ran `ls`\n```\ncart.py\n```"
    assert paths[:3] == [
        ["One"],
        ["One", "First.", "Two"],
        ["One", "First.", "Two was tried.", shell],
    ]
    # kept from the shell command on; what broke off is not sent again in this version
    assert paths[3:] == [
        [COMPACTED, shell, "Third.", "Keep going"],
        [COMPACTED, shell, "Third.", "Keep going", "Last"],
    ]
    assert [segment.kind for segment in reading.tree.path(reading.requests[3].node)] == [
        Kind.SUMMARY, Kind.USER, Kind.ASSISTANT, Kind.MEMORY,
    ]  # fmt: skip
    assert reading.requests[3].api == "openai-responses"


def test_another_model_reads_the_path_anew() -> None:
    entries = [
        {"type": "session", "id": "s", "timestamp": "2026-01-10T20:00:00Z", "cwd": "/w"},
        entry("user", "One"),
        answered("First.", "claude-sonnet-4-5"),
        entry("user", "Two"),
        answered("Second.", "gpt-5"),
    ]
    grown: list[tuple[str, str]] = []
    tree = Growth()

    def grow(node: int, segments: Any, model: str) -> list[int]:
        grown.extend((model, segment.text) for segment in segments)
        return tree.grow(node, segments, model)

    head = segment_of(Spot("system", "system"), Kind.SYSTEM, "Be brief.")
    source = memory_source("s", "\n".join(map(json.dumps, entries)))
    requests = [item for item in READER.read(source, Hand(grow, prefix=(head,))) if isinstance(item, Request)]
    assert [text for model, text in grown if model == "gpt-5"] == ["Be brief.", "One", "First.", "Two", "Second."]
    assert [text for model, text in grown if model != "gpt-5"] == ["Be brief.", "One", "First."]
    assert [segment.text for segment in tree.path(requests[1].node)] == ["Be brief.", "One", "First.", "Two"]


def entry(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", "message": {"role": role, "content": content, **more}}


def answered(text: str, model: str = "claude-sonnet-4-5", stop: str = "stop", **usage: int) -> dict[str, Any]:
    billed = {"input": 9, "output": 1, "cacheRead": 0, "cacheWrite": 0, **usage}
    return entry("assistant", [{"type": "text", "text": text}], model=model, usage=billed, stopReason=stop)


def test_a_server_that_counts_nothing() -> None:
    reading = read_all(READER, memory_source("s", json.dumps(answered("Hi", input=0, output=0))))
    assert [request.usage for request in reading.requests] == [None]


def test_results_of_one_answer_are_one_message() -> None:
    call = {"type": "toolCall", "name": "bash", "arguments": {}}
    entries = [
        entry("user", "Go"),
        entry("assistant", [{**call, "id": "a"}, {**call, "id": "b"}], usage={"input": 9}, stopReason="toolUse"),
        entry("toolResult", [{"type": "text", "text": "1"}], toolCallId="a", toolName="bash"),
        entry("toolResult", [{"type": "text", "text": "2"}], toolCallId="b", toolName="bash"),
        answered("Done."),
    ]
    reading = read_all(READER, memory_source("s", "\n".join(map(json.dumps, entries))))
    path = reading.tree.path(reading.requests[-1].node)
    assert [(segment.text, segment.opens_message) for segment in path[3:]] == [("1", True), ("2", False)]


def test_what_is_no_entry_says_what_to_do() -> None:
    log = '[1]\n{"type":"message","message":{"role":"assistant","usage":{"input":-1}}}\n{"type":"message","mess'
    reading = read_all(READER, memory_source("s", log))
    reasons = [item.reason for item in reading.items if isinstance(item, Skipped)]
    found = [
        word in reason
        for word, reason in zip(
            ("JSON object", "message.usage.input is not a whole number >= 0", "middle"), reasons, strict=True
        )
    ]
    assert found == [True] * 3
    assert all("remove" in reason for reason in reasons)


KEYS = ("type", "text", "content", "arguments", "id", "role", "data")
JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["text", "toolCall", "image", "thinking", "assistant", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.builds(
            lambda kind, role, content, more: {"type": kind, **more, "message": {"role": role, "content": content}},
            st.sampled_from(["session", "message", "compaction", "custom_message", "label"]),
            st.sampled_from(["user", "assistant", "toolResult", "bashExecution", "custom"]),
            JSON,
            st.dictionaries(st.sampled_from(["id", "parentId", "summary", "firstKeptEntryId"]), JSON, max_size=3),
        ),
        max_size=5,
    )
)
def test_every_line_is_one_item_whatever_it_holds(entries: list[dict[str, Any]]) -> None:
    reading = read_all(READER, memory_source("s", "\n".join(map(json.dumps, entries))))
    assert len(reading.items) == len(entries)


def test_the_example_is_a_session() -> None:
    source = memory_source("s", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1


@needs_shared
def test_recorded_session() -> None:
    name = "pi/large-session.jsonl"
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["pi"][name]
    path = SHARED / "sessions" / name
    reading = read_all(READER, open_source(path, path.name))
    requests = reading.requests
    usages = [request.usage for request in requests if request.usage]
    assert len(reading.items) == truth["records"]
    assert not [item for item in reading.items if isinstance(item, Skipped)]
    assert len(requests) == len(usages) == len({request.id for request in requests}) == truth["requests"]
    assert (
        sum(isinstance(item, Other) and item.what == "aborted turn" for item in reading.items)
        == (truth["zero_usage_turns"])
    )
    assert truth["tokens"] == {
        "input": sum(usage.plain for usage in usages),
        "output": sum(usage.output or 0 for usage in usages),
        "cacheRead": sum(usage.read for usage in usages),
        "cacheWrite": sum(usage.write for usage in usages),
    }
    assert Counter(f"{request.provider}/{request.model}" for request in requests) == truth["models"]
    cost = sum(Decimal(request.recorded_cost) for request in requests)
    assert round(cost, 7) == Decimal(str(truth["recorded_usd"]["total"]))
    prompts = [usage.prompt for usage in usages]
    assert (max(prompts), sum(prompt > 128_000 for prompt in prompts)) == (
        truth["context"]["max"],
        truth["context"]["over_128000"],
    )


@needs_shared
def test_the_recorded_session_goes_on() -> None:
    """Every prompt holds the prompt before it, and every segment is grown once."""
    path = SHARED / "sessions/pi/large-session.jsonl"
    reading = read_all(READER, open_source(path, path.name))
    for before, request in pairwise(reading.requests):
        assert before.node in reading.tree.steps(request.node)
    assert reading.tree.asked < 1.02 * len(reading.tree.parent)


@needs_shared
def test_no_other_recorded_log_is_claimed() -> None:
    assert claimed(READER) == {"pi": 1}
