"""Reading only what is new in a line gives what reading all of it gives, whatever the conversation and the layout."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conversations import BODIES, LAYOUTS, LOOK_ALIKE, Json, Log, Talk, Turn
from tests.reading import Reading, memory_source, read_all
from tests.replacing import replace

from agentcost.ingest import skipping
from agentcost.ingest.captured import READER
from agentcost.model import Request

NEVER, ALWAYS = 1 << 40, 1
MARKS = ("none", "moving", "shape")


def read(content: bytes, short: int) -> Reading:
    """The log read with lines below `short` bytes parsed whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skipping, "SHORT", short)
        return read_all(READER, memory_source("log.jsonl", content))


def same(content: bytes) -> tuple[Reading, Reading]:
    """The log read with skipping and without: items, nodes and segments alike."""
    skipped, whole = read(content, ALWAYS), read(content, NEVER)
    assert skipped.items == whole.items
    assert skipped.tree.parent == whole.tree.parent
    assert skipped.tree.segment == whole.tree.segment
    return skipped, whole


def log_of(*records: Any) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


# --- the law -------------------------------------------------------------------------------------------------------

HOSTILE = (
    '"messages":[',
    '\\"tools\\":',
    '{"role":"user"}',
    '"}]',
    "\\",
    '"',
    "0",
    "[0,",
    "é",
    "漢字",
    "🙂",
    "\n",
    "\u2028",
)
TEXTS = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)),
                 max_size=4).map("".join)  # fmt: skip
STEPS = st.tuples(
    st.sampled_from(
        ["say", "say", "say", "tool", "tool", "nested", "retry", "edit", "rewind", "fork", "compact", "head", "other"]
    ),
    st.integers(0, 3),
    TEXTS,
)


def stepped(talk: Talk, step: str, number: int, text: str) -> Talk:
    """The conversation after one step; call ids are unique, as providers make them."""
    call = Turn("call", text, f"call{number}", step == "nested")
    turns = talk.turns
    if step == "edit":
        at = len(turns) // 2
        return replace(talk, turns=(*turns[:at], replace(turns[at], text=text), *turns[at + 1 :]))
    changes: dict[str, Talk] = {
        "say": talk.said(Turn("assistant", text), Turn("user", text[::-1])),
        "tool": talk.said(call, Turn("result", text, call.id)),
        "nested": talk.said(call, Turn("result", text, call.id)),
        "rewind": replace(talk, turns=turns[: max(1, len(turns) - 3)]),
        "fork": replace(talk, session=f"s{number}"),
        "compact": replace(talk, turns=(Turn("user", f"Summary {text}"),)),
        "head": replace(talk, tools=number % 4) if number % 2 else replace(talk, system=f"You help {text}"),
        "other": replace(talk, anonymous=not talk.anonymous, limit=number),
    }
    return changes.get(step, talk)


def written(api: str, layout: str, marks: str, steps: list[tuple[str, int, str]]) -> bytes:
    """Interleaved sessions, a line a step; forks go on beside what they came from."""
    log = Log(api, layout, marks)
    talks = [Talk(session=f"s{n}", turns=(Turn("user", "Hello"),)) for n in range(4)]
    for number, (step, who, text) in enumerate(steps):
        talk = stepped(talks[who], step, number, text)
        talks[(who + 1) % 4 if step == "fork" else who] = talk
        log.send(talk)
    return log.content()


@pytest.mark.parametrize("api", BODIES)
@settings(max_examples=60)
@given(
    layout=st.sampled_from(list(LAYOUTS)),
    marks=st.sampled_from(MARKS),
    steps=st.lists(STEPS, min_size=2, max_size=24),
)
def test_skipping_changes_nothing(api: str, layout: str, marks: str, steps: list[tuple[str, int, str]]) -> None:
    _, whole = same(written(api, layout, marks, steps))
    assert len(whole.requests) == len(steps)


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if "look-alike" not in layout])
@pytest.mark.parametrize("api", BODIES)
def test_only_what_is_new_is_parsed(api: str, layout: str, marks: str) -> None:
    log, talk = Log(api, layout, marks), Talk(turns=(Turn("user", "Hello"),))
    for number in range(20):
        call = Turn("call", f'say "{number}" \\ é', f"c{number}")
        talk = talk.said(call, Turn("result", f"result {number}\n", call.id))
        log.send(talk)
    skipped, whole = same(log.content())
    answers = 20 if layout == "pair" and api == "anthropic" else 0
    lengths = [len(whole.tree.path(request.node)) for request in whole.requests]
    assert whole.tree.asked == sum(lengths) + answers
    assert skipped.tree.asked <= lengths[0] + 3 * 19 + answers  # the two new turns, and the marked one before them


# --- one case each -------------------------------------------------------------------------------------------------


def body(*texts: str, **more: Any) -> Json:
    return {
        "model": "claude-opus-4-6", "max_tokens": 9, "system": "You help.", "tools": LOOK_ALIKE["tools"],
        "messages": [{"role": "user", "content": text} for text in texts], **more,
    }  # fmt: skip


def segments(request: Request, reading: Reading) -> list[str]:
    return [segment.text for segment in reading.tree.path(request.node)]


def test_a_look_alike_in_a_call_is_not_taken_for_the_body() -> None:
    """Messages first, and in them the old tools, while the tools of the body are new."""
    call = {"type": "tool_use", "id": "c", "name": "bash", "input": LOOK_ALIKE}
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [call]}]
    new = [{"name": "tool1", "description": "other", "input_schema": {"type": "object"}}]
    first = {"model": "claude-opus-4-6", "max_tokens": 9, "messages": messages[:1], "tools": LOOK_ALIKE["tools"]}
    skipped, _ = same(log_of(first, {**first, "messages": messages, "tools": new}))
    assert '"other"' in segments(skipped.requests[1], skipped)[0]


def test_a_look_alike_in_the_answer_before_the_request_is_passed_over() -> None:
    answer = {"type": "message", "id": "m", "usage": {"input_tokens": 1},
              "content": [{"type": "tool_use", "id": "c", "name": "bash", "input": LOOK_ALIKE}]}  # fmt: skip
    lines = [{"response": {"body": answer}, "request": {"body": body(*"abc"[:n])}} for n in (1, 2, 3)]
    skipped, _ = same(log_of(*lines))
    assert skipped.tree.asked == 3 + 1 + 1 + 3  # the first line's path, a message each, three answers


def test_a_line_that_ends_before_a_boundary() -> None:
    long, short = body("a" * 50, "b" * 50, "c" * 50), body("a" * 50)
    same(log_of(long, short, long))
    broken = log_of(long) + log_of(long)[:120] + b"\n" + log_of(long)
    skipped, _ = same(broken)
    assert [type(item).__name__ for item in skipped.items] == ["Request", "Skipped", "Request"]


def test_more_conversations_than_chains_are_remembered() -> None:
    """With more sessions than chains every line is new to the reader, and still read right."""
    lines = [body(*(f"{n} {turn}" for turn in range(turns))) for turns in (1, 2) for n in range(80)]
    skipped, whole = same(log_of(*lines))
    assert skipped.tree.asked == whole.tree.asked
    near = [body(*(f"{n} {turn}" for turn in range(turns))) for turns in (1, 2) for n in range(40)]
    assert read(log_of(*near), ALWAYS).tree.asked == 40 * 3 + 40


def test_another_model_tools_or_path_is_another_conversation() -> None:
    more = body("a", "b")
    del more["tools"]
    lines = [body("a"), {**body("a", "b"), "model": "claude-haiku-4-5"}, more, {"request": {"body": body("a", "b")}}]
    skipped, _ = same(log_of(*lines, {"body": json.dumps(body("a", "b"))}, body("a", "b", "c")))
    assert [request.model for request in skipped.requests][:2] == ["claude-opus-4-6", "claude-haiku-4-5"]


def test_who_sent_a_line_is_told_by_that_line() -> None:
    """A body without metadata has no session, though it goes on from one that has."""
    named = body("a", metadata={"user_id": "user_u_account_a_session_s"})
    skipped, _ = same(log_of(named, body("a", "b")))
    assert [request.session for request in skipped.requests] == ["s", ""]


def test_a_model_that_stands_in_the_url() -> None:
    def call(model: str, *texts: str) -> Json:
        contents = [{"role": "user", "parts": [{"text": text}]} for text in texts]
        return {
            "request": {"url": f"https://example.com/models/{model}:generateContent", "body": {"contents": contents}}
        }

    skipped, _ = same(log_of(call("gemini-2.5-pro", "a"), call("gemini-2.5-flash", "a", "b")))
    assert [request.model for request in skipped.requests] == ["gemini-2.5-pro", "gemini-2.5-flash"]


def test_a_prompt_that_goes_on_from_an_answer_by_its_id() -> None:
    def call(name: str, before: str, text: str) -> Json:
        output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": name}]}]
        sent = {"model": "gpt-5", "input": [{"role": "user", "content": text}], "previous_response_id": before or None}
        return {"request": {"body": sent}, "response": {"body": {"id": name, "output": output}}}

    skipped, _ = same(log_of(call("A", "", "go"), call("B", "", "no"), call("C", "A", "go"), call("D", "B", "go")))
    assert [segments(request, skipped) for request in skipped.requests] == [
        ["go"], ["no"], ["go", "A", "go"], ["no", "B", "go"],
    ]  # fmt: skip


@pytest.mark.parametrize("odd", [None, "text", 0, [], 1.5])
def test_elements_that_are_no_messages(odd: Any) -> None:
    first, later = body("a", "b"), body("a", "b", "c")
    first["messages"].insert(1, odd)
    later["messages"].insert(2, odd)
    skipped, _ = same(log_of(first, later, body("a", "b", "c", "d")))
    assert [segments(request, skipped)[2:] for request in skipped.requests] == [[*"ab"], [*"abc"], [*"abcd"]]


def test_zeros_of_the_log_are_no_cuts() -> None:
    zero = {**body("a"), "tools": 0, "messages": [0, {"role": "user", "content": "b"}]}
    same(log_of(body("a"), zero, body("a", "b"), {**zero, "messages": [0]}))
