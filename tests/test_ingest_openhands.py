"""OpenHands' conversations: prompts rebuilt from events, joined to their bills, with what condensations left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reading import FIXTURES, SHARED, Growth, Reading, memory_source, needs_shared, read_all

from agentcost.analyze import evaluate
from agentcost.ingest import litellm
from agentcost.ingest.openhands import READER
from agentcost.ingest.openhands_conversation import Conversation
from agentcost.ingest.openhands_events import clipped, events_of
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading as Choices
from agentcost.loading.logs import load_logs
from agentcost.model import Kind, Knowledge, Other, Segment, Skipped, Usage
from agentcost.rendering import claude_call

FOLDER = FIXTURES / "openhands" / "conversation"
MODEL = "claude-sonnet-4-5"


def kinds(found: Reading, number: int) -> list[tuple[Kind, str, str]]:
    return [(part.kind, part.name, part.server) for part in found.tree.path(found.requests[number].node)]


HEAD = [
    (Kind.TOOL, "terminal", ""),
    (Kind.MCP_TOOL, "get_issue", "tracker"),
    (Kind.SYSTEM, "", ""),
    (Kind.MEMORY, "dynamic context", ""),
    (Kind.USER, "", ""),
    (Kind.SKILL, "python", ""),
]


def test_prompts_are_what_the_model_was_shown() -> None:
    found = read_all(READER, open_source(FOLDER / "base_state.json"))
    assert kinds(found, 0) == HEAD
    assert kinds(found, 1) == [
        *HEAD,
        (Kind.THINKING, "", ""),
        (Kind.ASSISTANT, "", ""),
        (Kind.TOOL_CALL, "get_issue", "tracker"),
        (Kind.TOOL_CALL, "terminal", ""),
        (Kind.TOOL_RESULT, "get_issue", "tracker"),
        (Kind.TOOL_RESULT, "get_issue", "tracker"),
        (Kind.TOOL_RESULT, "terminal", ""),
    ]
    assert kinds(found, 2) == [*HEAD, (Kind.SUMMARY, "", "")]
    path = found.tree.path(found.requests[1].node)
    assert path[-1].text == (
        "1 failed, 8 passed\n[The command completed with exit code 1.]\n"
        "[Current working directory: /home/ada/shop]\n[Command finished with exit code 1]"
    )
    assert found.tree.path(found.requests[0].answer or 0) == path[:10]


def test_calls_have_their_bills_and_bills_without_a_call_stay() -> None:
    found = read_all(READER, open_source(FOLDER / "base_state.json"))
    assert [(call.id, call.role, call.knowledge) for call in found.requests] == [
        ("msg_1", "main", Knowledge.TRANSCRIPT), ("msg_2", "main", Knowledge.TRANSCRIPT),
        ("msg_4", "main", Knowledge.TRANSCRIPT), ("msg_3", "side", Knowledge.COUNTS),
    ]  # fmt: skip
    assert [call.usage for call in found.requests] == [
        Usage(plain=760, output=90, reasoning=0), Usage(plain=1010, output=70, reasoning=0),
        Usage(plain=800, output=20, reasoning=0), Usage(plain=420, output=30, reasoning=0),
    ]  # fmt: skip
    first = found.requests[0]
    assert (first.provider, first.model, first.session, first.client) == ("anthropic", MODEL, "c2", "openhands")
    assert (first.started, first.ended, first.recorded_cost) == (1768075201.5, 1768075203.0, "0.00363")


def test_a_folder_counts_every_call_once() -> None:
    files = sorted(FOLDER.rglob("*.json"))
    record = load_logs([open_source(path) for path in files], Choices(threads=False))
    assert [request.id for request in record.ordered()] == ["msg_1", "msg_2", "msg_3", "msg_4"]
    told = Counter[str]()
    for log in record.logs:
        told += Counter(log.others)
    assert told == {"event of a conversation; its calls are in base_state.json": 10}


def test_a_state_alone_is_its_bills_and_one_without_bills_its_calls(tmp_path: Path) -> None:
    state = json.loads((FOLDER / "base_state.json").read_text())
    alone = read_all(READER, memory_source("base_state.json", json.dumps(state)))
    assert [call.knowledge for call in alone.requests] == [Knowledge.COUNTS] * 4
    state["stats"] = {"usage_to_metrics": {}}
    empty = memory_source("base_state.json", json.dumps(state))
    assert READER.sniff(empty.peek())
    assert [item.what for item in read_all(READER, empty).items if isinstance(item, Other)] == [
        "conversation without calls"
    ]
    (tmp_path / "base_state.json").write_text(json.dumps(state))
    (tmp_path / "events").symlink_to(FOLDER / "events")
    found = read_all(READER, open_source(tmp_path / "base_state.json"))
    assert [(call.usage, call.model, call.naive_time) for call in found.requests] == [(None, MODEL, True)] * 3
    assert [call.ended for call in found.requests] == [1768075203.0, 1768075208.0, 1768075217.0]


def test_a_call_has_its_bill_whatever_its_model_was_used_for(tmp_path: Path) -> None:
    state = json.loads((FOLDER / "base_state.json").read_text())
    state["agent"]["llm"]["usage_id"] = "routed"
    (tmp_path / "base_state.json").write_text(json.dumps(state))
    (tmp_path / "events").symlink_to(FOLDER / "events")
    found = read_all(READER, open_source(tmp_path / "base_state.json"))
    assert [(call.id, call.role) for call in found.requests] == [
        ("msg_1", "main"), ("msg_2", "main"), ("msg_4", "main"), ("msg_3", "side"),
    ]  # fmt: skip
    assert all(call.usage for call in found.requests)


def test_an_evaluation_holds_its_events_itself() -> None:
    state = json.loads((FOLDER / "base_state.json").read_text())
    events = [json.loads(path.read_text()) for path in sorted((FOLDER / "events").iterdir())]
    metrics = state["stats"]["usage_to_metrics"]["coder"]
    line = json.dumps({"instance_id": "shop-7", "history": events, "metrics": metrics})
    found = read_all(READER, memory_source("output.jsonl", line))
    assert [(call.id, call.task, call.knowledge) for call in found.requests] == [
        (name, "shop-7", Knowledge.TRANSCRIPT) for name in ("msg_1", "msg_2", "msg_4")
    ]


# --- events --------------------------------------------------------------------------------------------------------


def event(number: int, kind: str, **own: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "timestamp": "2026-01-10T20:00:00", "source": "agent", "kind": kind, **own}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def action(number: int, answer: str = "", **own: Any) -> dict[str, Any]:
    call = {"id": f"c{number}", "name": "terminal", "arguments": "{}", "origin": "completion"}
    known = {"tool_call": call, "tool_call_id": f"c{number}", "llm_response_id": answer or f"r{number}", "thought": []}
    return event(number, "ActionEvent", **known, **own)


def result(number: int, of: int, kind: str = "ObservationEvent", **own: Any) -> dict[str, Any]:
    known = {"tool_name": "terminal", "tool_call_id": f"c{of}", "observation": {"content": [text(f"result of {of}")]}}
    return event(number, kind, **{**known, **own})


RESULTS: dict[str, tuple[dict[str, Any], list[tuple[Kind, str]]]] = {
    "an error": (
        {"observation": {"content": "no such file", "is_error": True}},
        [(Kind.TOOL_RESULT, "[An error occurred during execution.]\n"), (Kind.TOOL_RESULT, "no such file")],
    ),
    "an older one": ({"observation": {"output": "done"}}, [(Kind.TOOL_RESULT, "done")]),
    "a picture": (
        {"observation": {"content": [{"type": "image", "image_urls": ["data:image/png;base64,AAAA"]}]}},
        [(Kind.IMAGE, "")],
    ),
    "a page": (
        {"observation": {"content": "a page", "screenshot_data": "AAAA"}},
        [(Kind.TOOL_RESULT, "a page"), (Kind.IMAGE, "")],
    ),
    "one with a rule": (
        {"extended_content": [text("Keep it short.")]},
        [(Kind.TOOL_RESULT, "result of 2"), (Kind.MEMORY, "Keep it short.")],
    ),
    "a rejection": (
        {"kind": "UserRejectObservation", "rejection_reason": "not now"},
        [(Kind.TOOL_RESULT, "Action rejected: not now")],
    ),
    "a failure": ({"kind": "AgentErrorEvent", "error": "no such tool"}, [(Kind.TOOL_RESULT, "no such tool")]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("model", [MODEL, "gpt-4.1"])
def test_results(name: str, model: str) -> None:
    own, wanted = RESULTS[name]
    events = [asked(1), action(2), {**result(3, 2), **own}, action(4)]
    path = shown(events, model)["r4"]
    assert [(part.kind, part.text) for part in path[2:]] == wanted


def asked(number: int, words: str = "Mend it.", **own: Any) -> dict[str, Any]:
    return event(number, "MessageEvent", llm_message={"role": "user", "content": [text(words)]}, **own)


def shown(events: list[dict[str, Any]], model: str = MODEL) -> dict[str, list[Segment]]:
    """The path of the prompt of every answer."""
    tree, found = Growth(), dict[str, list[Segment]]()
    talk = Conversation(tree.grow, (), {})
    for one in events_of(events):
        talk.turn(one)
        if one.response and one.kind == "ActionEvent":
            found[one.response] = tree.path(talk.ask(model))
            talk.answer(one, model)
        else:
            talk.hear(one)
    return found


def words(path: list[Segment]) -> list[str]:
    return [part.text.replace(claude_call("terminal", {}), "call") for part in path]


def test_calls_of_one_answer_are_one_message() -> None:
    path = shown([asked(1), action(2, "r"), action(3, "r"), result(4, 3), result(5, 2), action(6)])["r6"]
    assert [part.opens_message for part in path] == [True, True, False, True, False]


def test_what_is_not_whole_is_not_sent() -> None:
    events = [asked(1), action(2, "r"), action(3, "r"), result(4, 2), action(5), result(6, 5), action(7)]
    assert words(shown(events)["r5"]) == ["Mend it."]
    assert words(shown(events)["r7"]) == ["Mend it.", "call", "result of 5"]
    assert words(shown([*events[:4], result(8, 3), *events[4:]])["r5"]) == [
        "Mend it.", "call", "call", "result of 2", "result of 3",
    ]  # fmt: skip


def test_a_conversation_goes_back_to_where_an_event_says() -> None:
    line = [asked(1), action(2), result(3, 2), action(4), result(5, 4)]
    told = [{**one, "parent_id": line[number - 1]["id"]} if number else one for number, one in enumerate(line)]
    told += [asked(6, "Another way.", parent_id="e3"), action(7, parent_id="e6")]
    assert words(shown(told)["r7"]) == ["Mend it.", "call", "result of 2", "Another way."]
    assert words(shown([*line, asked(6, "More."), action(7)])["r7"])[-3:] == ["call", "result of 4", "More."]


def test_thinking_is_sent_to_those_who_read_it_again() -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    for thought, model, wanted in (
        ({"thinking_blocks": [block]}, MODEL, ["Hm."]),
        ({"reasoning_content": "Hm."}, MODEL, []),
        ({"reasoning_content": "Hm."}, "gpt-4.1", []),
        ({"reasoning_content": "Hm."}, "kimi-k2-thinking", ["Hm."]),
    ):
        path = shown([asked(1), action(2, **thought), result(3, 2), action(4)], model)["r4"]
        assert [part.text for part in path if part.kind is Kind.THINKING] == wanted


def test_long_results_keep_their_ends() -> None:
    assert clipped("a" * 50_000) == "a" * 50_000
    short = clipped("a" * 40_000 + "b" * 40_000)
    assert (len(short), short[:9], short[-9:]) == (50_000, "a" * 9, "b" * 9)


# --- condensations -------------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of any order: messages, calls with and without results, condensations that forget some of them."""
    events = [asked(0)]
    for number in range(1, draw(st.integers(2, 14))):
        before = [one["id"] for one in events]
        calls = [one for one in events if one["kind"] == "ActionEvent"]
        kind = draw(st.sampled_from(["asked", "action", "action", "result", "result", "condensation"]))
        if kind == "result" and calls:
            events.append(result(number, int(draw(st.sampled_from(calls))["id"][1:])))
        elif kind == "condensation":
            events.append(condensation(number, draw(st.lists(st.sampled_from(before), unique=True)), draw))
        elif kind == "asked":
            events.append(asked(number, f"message {number}"))
        else:
            events.append(action(number))
    return [*events, action(99)]


def condensation(number: int, forgotten: list[str], draw: Callable[[Any], Any]) -> dict[str, Any]:
    offset = draw(st.integers(0, 3))
    summed = draw(st.booleans())
    own = {"summary": f"summary {number}", "summary_offset": offset} if summed else {}
    return event(number, "Condensation", forgotten_event_ids=forgotten, llm_response_id="x", **own)


def naive(events: list[dict[str, Any]]) -> list[str]:
    """What the last answer was shown, as OpenHands' documents say it: every step from the whole view."""
    view: list[tuple[str, str, dict[str, Any]]] = []
    for one in events:
        if one["kind"] == "Condensation":
            view = [item for item in view if item[0] not in one["forgotten_event_ids"]]
            if one.get("summary"):
                view = [item for item in view if item[2]["kind"] != "Condensation"]
                view.insert(one["summary_offset"], (f"{one['id']}-summary", one["summary"], one))
        elif one["kind"] == "MessageEvent":
            view.append((one["id"], one["llm_message"]["content"][0]["text"], one))
        elif one["kind"] == "ActionEvent":
            view.append((one["id"], "call", one))
        else:
            view.append((one["id"], one["observation"]["content"][0]["text"], one))
    made = {one["tool_call_id"] for _, _, one in view if one["kind"] == "ActionEvent"}
    given_back = {one["tool_call_id"]: name for name, _, one in view if one["kind"] == "ObservationEvent"}
    whole = made & given_back.keys()
    return [said for _, said, one in view if "tool_call_id" not in one or one["tool_call_id"] in whole]


@given(histories())
def test_a_prompt_is_the_view_after_all_condensations(events: list[dict[str, Any]]) -> None:
    firsts = [one for number, one in enumerate(events) if not repeats(one, events[:number])]
    assert words(shown(firsts)["r99"]) == naive(firsts[:-1])


def repeats(one: dict[str, Any], before: list[dict[str, Any]]) -> bool:
    """Whether an event is a second result of the same call, which OpenHands does not write."""
    return one["kind"] == "ObservationEvent" and any(
        other["kind"] == one["kind"] and other["tool_call_id"] == one["tool_call_id"] for other in before
    )


# --- recorded calls as the conversation they were ------------------------------------------------------------------

CALLS = SHARED / "raw-http" / "openhands-litellm" / "llm-logs"


def conversation(folder: Path, *, schemas: bool) -> Path:
    """Recorded completions as the events that their conversation keeps, with or without the schemas of tools."""
    calls = [json.loads(path.read_text()) for path in sorted(CALLS.glob("*.json"))]
    first, tools = calls[0]["messages"], [tool["function"] for tool in calls[0]["tools"]]
    declared = calls[0]["tools"] if schemas else [{"title": t["name"], "description": t["description"]} for t in tools]
    events = [event(0, "SystemPromptEvent", system_prompt=first[0]["content"][0], tools=declared)]
    events.append(event(1, "MessageEvent", llm_message=first[1]))
    for number, call in enumerate(calls):
        following = calls[number + 1 : number + 2] or [{"messages": [*call["messages"], last_of(call)]}]
        for message in following[0]["messages"][len(call["messages"]) :]:
            events += kept(len(events), message, call["response"]["id"])
    (folder / "events").mkdir()
    for number, one in enumerate(events):
        (folder / "events" / f"event-{number:05d}-{one['id']}.json").write_text(json.dumps(one))
    (folder / "base_state.json").write_text(json.dumps(state_of(calls)))
    return folder / "base_state.json"


def last_of(call: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = call["response"]["choices"][0]["message"]
    return message


def kept(number: int, message: dict[str, Any], answer: str) -> list[dict[str, Any]]:
    content = message.get("content") or []
    if message["role"] == "tool":
        own = {"tool_call_id": message["tool_call_id"], "tool_name": message["name"]}
        return [event(number, "ObservationEvent", observation={"content": content}, **own)]
    parts = [text(content)] if isinstance(content, str) else content
    return [
        event(number + place, "ActionEvent", thought=[] if place else parts, tool_call_id=call["id"],
              tool_call={"id": call["id"], **call["function"]}, llm_response_id=answer)
        for place, call in enumerate(message["tool_calls"])
    ]  # fmt: skip


def state_of(calls: list[dict[str, Any]]) -> dict[str, Any]:
    model = "litellm_proxy/anthropic/claude-sonnet-4-20250514"
    bills = [{"model": model, "response_id": call["response"]["id"], **call["response"]["usage"]} for call in calls]
    return {
        "id": "recorded", "agent": {"llm": {"model": model}}, "workspace": {},
        "stats": {"usage_to_metrics": {"agent": {"model_name": model, "token_usages": bills}}},
    }  # fmt: skip


SAID = (Kind.SYSTEM, Kind.USER, Kind.ASSISTANT, Kind.TOOL_RESULT)


@needs_shared
def test_events_say_what_was_sent(tmp_path: Path) -> None:
    found = read_all(READER, open_source(conversation(tmp_path, schemas=True)))
    sent = [read_all(litellm.READER, open_source(path)) for path in sorted(CALLS.glob("*.json"))]
    assert len(found.requests) == len(sent) == 6
    for own, other in zip(found.requests, sent, strict=True):
        [recorded] = other.requests
        assert own.usage == recorded.usage
        texts = [
            [part.text for part in tree.path(call.node) if part.kind in SAID]
            for tree, call in ((found.tree, own), (other.tree, recorded))
        ]
        assert texts[0] == texts[1]
        named = [
            [part.name for part in tree.path(call.node) if part.kind in (Kind.TOOL, Kind.TOOL_CALL)]
            for tree, call in ((found.tree, own), (other.tree, recorded))
        ]
        assert named[0] == named[1]
    assert not any(isinstance(item, Skipped) for item in found.items)
    assert {call.knowledge for call in found.requests} == {Knowledge.FULL}
    state = json.loads((tmp_path / "base_state.json").read_text())
    state["agent"]["llm"]["native_tool_calling"] = False
    (tmp_path / "base_state.json").write_text(json.dumps(state))
    folded = read_all(READER, open_source(tmp_path / "base_state.json"))
    assert {call.knowledge for call in folded.requests} == {Knowledge.TRANSCRIPT}


@needs_shared
@pytest.mark.parametrize(("schemas", "known", "hidden"), [(True, "full", (0, 0)), (False, "transcript", (770, 1070))])
def test_events_count_what_was_billed(tmp_path: Path, schemas: bool, known: str, hidden: tuple[int, int]) -> None:
    """Without schemas of tools what they lack is the hidden prefix: their 799 tokens, and what a count is off."""
    record = load_logs([open_source(conversation(tmp_path, schemas=schemas))], Choices(threads=False))
    assert {request.knowledge.value for request in record.requests} == {known}
    requests = evaluate(record).tables["requests"]
    assert requests["prompt"].to_list() == [4812, 5002, 6123, 6277, 6485, 6729]
    off = [abs(left) / billed for left, billed in zip(requests["unexplained"], requests["prompt"], strict=True)]
    assert max(off) < 0.05
    assert hidden[0] <= min(requests["hidden"]) <= max(requests["hidden"]) <= hidden[1]
