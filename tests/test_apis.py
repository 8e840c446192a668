"""Every API's dialect: which component each part of a request is, what its digest covers, how answers are joined."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import ANTHROPIC, CHAT, DIALECTS, GEMINI, MEMORY, RESPONSES, TWIN, Body, Dialect, path

from agentcost.ingest.apis import APIS, anthropic, gemini, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api, Calls
from agentcost.ingest.sse import events
from agentcost.model import Ends, Kind, Segment
from agentcost.rendering import FOOTER, HEADER, openai_tools, openai_tools_text
from agentcost.tokens import counter

NAMES = [dialect.api.name for dialect in DIALECTS]
every_api = pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
PARTS = [pytest.param(d, kind, id=f"{d.api.name}-{kind.value}") for d in DIALECTS for kind in d.add]


def kinds(segments: list[Segment]) -> list[tuple[Kind, str]]:
    return [(segment.kind, segment.text) for segment in segments]


def text_of(segments: list[Segment], kind: Kind) -> str:
    return "".join(segment.text for segment in segments if segment.kind is kind)


def digests(segments: list[Segment]) -> list[bytes]:
    return [segment.digest for segment in segments]


def changed(body: Body, change: Callable[[Body], Any]) -> Body:
    copy = deepcopy(body)
    change(copy)
    return copy


@every_api
def test_only_its_own_dialect_owns_a_body(dialect: Dialect) -> None:
    assert [api.name for api in APIS if api.owns(dialect.base)] == [dialect.api.name]


@every_api
def test_every_component_is_tried(dialect: Dialect) -> None:
    from_logs_only = {Kind.BLOCK, Kind.HIDDEN, Kind.OVERHEAD, Kind.UNEXPLAINED, Kind.UNKNOWN}
    assert set(dialect.add) == set(Kind) - from_logs_only


@pytest.mark.parametrize(("dialect", "kind"), PARTS)
def test_a_part_grows_its_own_component_and_no_other(dialect: Dialect, kind: Kind) -> None:
    add, text = dialect.add[kind]
    before, after = path(dialect.api, dialect.base), path(dialect.api, changed(dialect.base, add))
    assert len(after) == len(before) + 1
    at = next(
        (n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old.digest != new.digest), len(before)
    )
    assert kinds(after[at : at + 1]) == [(kind, text)]
    assert kinds(after[:at] + after[at + 1 :]) == kinds(before)
    assert digests(after[:at] + after[at + 1 :]) == digests(before)


@every_api
def test_sizes_of_media_are_read(dialect: Dialect) -> None:
    image, document = (
        path(dialect.api, changed(dialect.base, dialect.add[kind][0]))[-1] for kind in (Kind.IMAGE, Kind.DOCUMENT)
    )
    assert image.media.removesuffix(" low") == "image 2x3"
    assert document.media == "document 1"


@every_api
def test_twins_without_the_mark_stay_what_they_are(dialect: Dialect) -> None:
    growing = dialect.api.growing
    said = path(dialect.api, changed(dialect.base, lambda body: body[growing].append(dialect.user(TWIN))))
    assert kinds(said)[-1] == (Kind.USER, TWIN)
    tools = path(dialect.api, changed(dialect.base, lambda body: body["tools"].append(dialect.tool("mcp_x"))))
    assert (Kind.TOOL, dialect.tool_text("mcp_x")) in kinds(tools)
    assert not any(segment.server for segment in tools)


@every_api
def test_a_reminder_leaves_the_text_around_it(dialect: Dialect) -> None:
    text = f"Look:\n{MEMORY}\nThanks"
    said = path(dialect.api, {**dialect.base, dialect.api.growing: [dialect.user(text)]})[-3:]
    assert [segment.kind for segment in said] == [Kind.USER, Kind.MEMORY, Kind.USER]
    assert "".join(segment.text for segment in said) == text
    assert [segment.opens_message for segment in said] == [True, False, False]
    assert [bool(segment.ends & Ends.MESSAGE) for segment in said] == [False, False, True]
    assert said[1].name == "CLAUDE.md"


@every_api
def test_every_message_opens_once_and_ends_once(dialect: Dialect) -> None:
    body = dialect.base
    for add, _ in dialect.add.values():
        body = changed(body, add)
    groups = dialect.api.elements(body[dialect.api.growing], 0, Calls())
    assert len(groups) == len(body[dialect.api.growing])
    for group in groups:
        assert [segment.opens_message for segment in group] == [True] + [False] * (len(group) - 1)
        assert [bool(segment.ends & Ends.MESSAGE) for segment in group] == [False] * (len(group) - 1) + [True]


@every_api
def test_reading_in_two_goes_is_reading_at_once(dialect: Dialect) -> None:
    body = changed(changed(dialect.base, dialect.add[Kind.FILE][0]), dialect.add[Kind.TOOL_RESULT][0])
    items = body[dialect.api.growing]
    whole = dialect.api.elements(items, 0, Calls())
    for cut in range(len(items) + 1):
        calls = Calls()
        twice = dialect.api.elements(items[:cut], 0, calls) + dialect.api.elements(items[cut:], cut, calls)
        assert [digests(group) for group in twice] == [digests(group) for group in whole]


MARKS: list[tuple[Dialect, str, list[str | int], str]] = [
    (ANTHROPIC, "cache_control", ["tools", 1], "5m"),
    (ANTHROPIC, "cache_control", ["system", 0], "5m"),
    (ANTHROPIC, "cache_control", ["messages", 0, "content", 0], "5m"),
    (CHAT, "cache_control", ["tools", 0], "5m"),
    (CHAT, "cache_control", ["tools", 0, "function"], "5m"),
    (CHAT, "cache_control", ["messages", 0, "content", 0], "5m"),
    (CHAT, "cache_control", ["messages", 2], "5m"),
    (CHAT, "prompt_cache_breakpoint", ["messages", 1, "content", 0], "30m"),
    (RESPONSES, "prompt_cache_breakpoint", ["input", 0, "content", 0], "30m"),
    (RESPONSES, "cache_control", ["tools", 1], "5m"),
]


@pytest.mark.parametrize(("dialect", "mark", "place", "ttl"), MARKS)
@pytest.mark.parametrize("named", ["", "1h"])
def test_a_cache_marker_is_a_breakpoint_and_no_content(
    dialect: Dialect, mark: str, place: list[str | int], ttl: str, named: str
) -> None:
    body = deepcopy(dialect.base)
    holder: Any = body
    for step in place:
        holder = holder[step]
    holder[mark] = {"type": "ephemeral", **({"ttl": named} if named else {})}
    plain, marked = path(dialect.api, dialect.base), path(dialect.api, body)
    assert digests(marked) == digests(plain)
    assert kinds(marked) == kinds(plain)
    assert [segment.breakpoint for segment in marked if segment.breakpoint] == [named or ttl]


def _user(part: Body) -> Body:
    return {"role": "user", "content": [part]}


ALIKE: list[tuple[Api, Body, Body]] = [
    (
        anthropic.API,
        {"system": "S", "messages": [{"role": "user", "content": "Q"}]},
        {"system": [{"type": "text", "text": "S"}], "messages": [_user({"text": "Q", "type": "text"})]},
    ),
    (
        openai_chat.API,
        {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": ""}]},
        {"messages": [_user({"type": "text", "text": "Q"}), {"role": "assistant", "content": None}]},
    ),
    (
        openai_responses.API,
        {"input": "Q", "instructions": "S"},
        {"instructions": "S", "input": [{"type": "message", **_user({"type": "input_text", "text": "Q"})}]},
    ),
    (
        gemini.API,
        {"systemInstruction": "S", "contents": [{"parts": [{"functionCall": {"id": "a", "name": "f", "args": {}}}]}]},
        {"system_instruction": {"parts": [{"text": "S"}]}, "contents": [{"parts": [{"function_call": {"name": "f"}}]}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("api", "one", "other"), ALIKE, ids=NAMES)
def test_two_ways_to_write_one_prompt(api: Api, one: Body, other: Body) -> None:
    assert digests(path(api, one)) == digests(path(api, other))
    assert len(path(api, one)) > 0


@every_api
def test_shuffled_keys_are_another_tool(dialect: Dialect) -> None:
    def reverse(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reverse(value[key]) for key in reversed(value)}
        return [reverse(item) for item in value] if isinstance(value, list) else value

    shuffled = {**dialect.base, "tools": [dialect.base["tools"][0], reverse(dialect.base["tools"][1])]}
    before, after = path(dialect.api, dialect.base), path(dialect.api, shuffled)
    assert before[0].digest == after[0].digest
    assert before[1].digest != after[1].digest
    assert digests(before[2:]) == digests(after[2:])


def test_tool_texts_join_to_what_openai_renders() -> None:
    count = counter("o200k_base").count
    for dialect in (CHAT, RESPONSES):
        tools = [dialect.tool(name) for name in ("read_file", "bash", "mcp__github__list_issues")]
        segments = dialect.api.head({"tools": tools, "model": "gpt-4"})
        assert "".join(segment.text for segment in segments) == "".join(openai_tools(tools))
        joined = sum(count(segment.lead + segment.text) - count(segment.lead) for segment in segments)
        assert count(HEADER) + joined + count(FOOTER) == count(openai_tools_text(tools))


# --- answers and streams -------------------------------------------------------------------------------------------

ANTHROPIC_ANSWER: Body = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "THOUGHT", "signature": "c2ln"},
        {"type": "text", "text": "TEXT"},
        {"type": "tool_use", "id": "c9", "name": "bash", "input": {"command": "TEXT"}},
    ],
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7, "output_tokens": 11},
}  # fmt: skip
CHAT_ANSWER: Body = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4.1",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "TEXT", "reasoning_content": "THOUGHT",
        "tool_calls": [
            {"id": "c8", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}},
            {"id": "c9", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a.py"}'}},
        ],
    }}],
    "usage": {"prompt_tokens": 15, "completion_tokens": 11, "total_tokens": 26,
              "prompt_tokens_details": {"cached_tokens": 5}},
}  # fmt: skip
RESPONSES_ANSWER: Body = {
    "id": "resp_1", "object": "response", "model": "gpt-5", "status": "completed", "error": None,
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "THOUGHT"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "TEXT"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c9", "name": "bash", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 15, "input_tokens_details": {"cached_tokens": 5}, "output_tokens": 11,
              "output_tokens_details": {"reasoning_tokens": 4}},
}  # fmt: skip
GEMINI_ANSWER: Body = {
    "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [
        {"text": "THOUGHT", "thought": True},
        {"text": "TEXT"},
        {"functionCall": {"name": "bash", "args": {"command": "ls"}}, "thoughtSignature": "c2ln"},
    ]}}],
    "responseId": "r1", "modelVersion": "gemini-2.5-pro",
    "usageMetadata": {"promptTokenCount": 15, "cachedContentTokenCount": 5, "candidatesTokenCount": 7,
                      "thoughtsTokenCount": 4, "totalTokenCount": 26},
}  # fmt: skip

Cut = Callable[[str], list[str]]


def filled(answer: Body, text: str, thought: str) -> Body:
    """The answer with these texts in it."""
    words = {"TEXT": text, "THOUGHT": thought}

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        return words.get(value, value) if isinstance(value, str) else value

    return fill(answer)  # type: ignore[no-any-return]  # a dict goes in, a dict comes out


def anthropic_stream(answer: Body, cut: Cut) -> list[Body]:
    first = {**answer, "content": [], "stop_reason": None, "usage": {**answer["usage"], "output_tokens": 1}}
    found: list[Body] = [{"type": "message_start", "message": first}, {"type": "ping"}]
    fields = {"thinking": ("thinking_delta", "thinking"), "text": ("text_delta", "text")}
    for index, block in enumerate(answer["content"]):
        kind = block["type"]
        if kind == "tool_use":
            start, deltas = {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": piece} for piece in cut(json.dumps(block["input"]))
            ]  # fmt: skip
        else:
            delta, field = fields[kind]
            start = {"type": kind, field: ""}
            deltas = [{"type": delta, field: piece} for piece in cut(block[field])]
            if "signature" in block:
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
        found.append({"type": "content_block_start", "index": index, "content_block": start})
        found += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        found.append({"type": "content_block_stop", "index": index})
    usage = {"output_tokens": answer["usage"]["output_tokens"]}
    return [
        *found,
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
        {"type": "message_stop"},
    ]


def chat_stream(answer: Body, cut: Cut) -> list[Body]:
    message = answer["choices"][0]["message"]
    deltas: list[Body] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"reasoning_content": piece} for piece in cut(message["reasoning_content"])]
    deltas += [{"content": piece} for piece in cut(message["content"])]
    for index, call in enumerate(message["tool_calls"]):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        opening = {**call, "index": index, "function": {"name": name, "arguments": ""}}
        deltas.append({"content": None, "tool_calls": [opening]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in cut(arguments)]
    around = {"id": answer["id"], "object": "chat.completion.chunk", "model": answer["model"]}
    chunks = [{**around, "choices": [{"index": 0, "delta": delta}], "usage": None} for delta in deltas]
    end = {**around, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return [*chunks, end, {**around, "choices": [], "usage": answer["usage"]}]


def responses_stream(answer: Body, cut: Cut) -> list[Body]:
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    found: list[Body] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(answer["output"]):
        found += [{"type": "response.output_text.delta", "delta": piece} for piece in cut("some text")]
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    # some back ends leave the items out of the last event
    return [*found, {"type": "response.completed", "response": {**answer, "output": []}}]


def gemini_stream(answer: Body, cut: Cut) -> list[Body]:
    around = {"responseId": answer["responseId"], "modelVersion": answer["modelVersion"]}
    found: list[Body] = []
    for part in answer["candidates"][0]["content"]["parts"]:
        pieces = [{**part, "text": piece} for piece in cut(part["text"])] if "text" in part else [part]
        found += [
            {
                **around,
                "candidates": [{"content": {"role": "model", "parts": [piece]}}],
                "usageMetadata": {"trafficType": "X"},
            }
            for piece in pieces
        ]
    end = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": answer["usageMetadata"],
    }
    return [*found, {**around, **end}]


STREAMS: list[tuple[Api, Body, Callable[[Body, Cut], list[Body]]]] = [
    (anthropic.API, ANTHROPIC_ANSWER, anthropic_stream),
    (openai_chat.API, CHAT_ANSWER, chat_stream),
    (openai_responses.API, RESPONSES_ANSWER, responses_stream),
    (gemini.API, GEMINI_ANSWER, gemini_stream),
]
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.mark.parametrize(("api", "answer", "stream"), STREAMS, ids=NAMES)
@given(text=words, thought=words, size=st.integers(1, 9))
def test_a_joined_stream_is_the_unstreamed_answer(
    api: Api, answer: Body, stream: Callable[[Body, Cut], list[Body]], text: str, thought: str, size: int
) -> None:
    whole = filled(answer, text, thought)
    sent = stream(whole, lambda full: [full[at : at + size] for at in range(0, len(full), size)])
    raw = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in sent) + "data: [DONE]\r\n\r\n"
    joined = api.assemble(events(raw))
    assert api.answers(joined)
    assert api.usage(joined) == api.usage(whole)
    assert api.answer(joined, Calls()) == api.answer(whole, Calls())
    assert len(api.answer(whole, Calls())) >= 3


@pytest.mark.parametrize(("api", "answer", "stream"), STREAMS, ids=NAMES)
def test_an_answer_is_the_message_it_becomes(api: Api, answer: Body, stream: Any) -> None:
    del stream
    if api is anthropic.API:
        items = [{"role": "assistant", "content": answer["content"]}]
    elif api is openai_chat.API:
        items = [answer["choices"][0]["message"]]
    elif api is gemini.API:
        items = [answer["candidates"][0]["content"]]
    else:  # clients send items back with ids or without
        items = [{key: value for key, value in item.items() if key != "id"} for item in answer["output"]]
    sent_back = [segment for group in api.elements(items, 0, Calls()) for segment in group]
    assert digests(api.answer(answer, Calls())) == digests(sent_back)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (anthropic.API, {"input_tokens": 1114}),
        (anthropic.API, {"type": "error", "error": {"type": "overloaded_error"}}),
        (openai_chat.API, {"error": {"message": "no such model"}}),
        (openai_chat.API, {"object": "list", "data": [], "usage": {"prompt_tokens": 3, "total_tokens": 3}}),
        (openai_chat.API, {}),
        (openai_responses.API, {"object": "response.input_tokens", "input_tokens": 11}),
        (openai_responses.API, {"output": [], "error": {"code": "server_error"}, "usage": None}),
        (gemini.API, {"totalTokens": 31}),
        (gemini.API, {"name": "cachedContents/1", "usageMetadata": {"totalTokenCount": 3512}}),
        (gemini.API, {"error": {"code": 400}}),
    ],
)
def test_errors_counts_and_other_calls_are_no_answers(api: Api, body: Body) -> None:
    assert not api.answers(body)
    assert not api.answers(api.assemble([body]))


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, GEMINI], ids=lambda dialect: dialect.api.name)
def test_odd_bodies_are_read_without_falling_over(dialect: Dialect) -> None:
    growing = dialect.api.growing
    odd: Body = {
        growing: [None, 0, {}, {"role": None, "content": 3, "parts": None, "tools": 7}],
        "tools": 0,
        "instructions": 0,
    }
    assert len(dialect.api.elements(odd[growing], 0, Calls())) == 4
    assert dialect.api.head({**odd, "response_format": 0, "systemInstruction": 0}) == []
    dialect.api.settings(odd)
    dialect.api.identity(odd)


def test_a_gemini_stream_may_be_one_array() -> None:
    sent = gemini_stream(GEMINI_ANSWER, list)
    assert gemini.API.assemble(events(json.dumps(sent, indent=1))) == gemini.API.assemble(sent)


@every_api
def test_names_follow_calls(dialect: Dialect) -> None:
    body = changed(dialect.base, dialect.add[Kind.FILE][0])
    assert path(dialect.api, body)[-1].name == "read_file"
    unknown = {**body, dialect.api.growing: body[dialect.api.growing][-1:]}
    assert path(dialect.api, unknown)[-1].name == ("read_file" if dialect is GEMINI else "")
