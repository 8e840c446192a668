"""What only OpenAI's dialects have: items of Responses, tools by namespace and server, odd streams, references."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialects import PNG, Body

from agentcost.ingest.apis import openai_chat, openai_responses
from agentcost.ingest.apis.contract import Calls
from agentcost.model import Ends, Kind, Segment
from agentcost.rendering import openai_tool

FUNCTION: Body = {
    "type": "function",
    "name": "find",
    "description": "Finds.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}
SHOWN = "// Finds.\ntype find = (_: {\nq?: string,\n}) => any;\n\n"


def told(segment: Segment) -> tuple[Kind, str, str, str]:
    return segment.kind, segment.name, segment.server, segment.text


def read(*items: Body) -> list[Segment]:
    return [segment for group in openai_responses.API.elements(items, 0, Calls()) for segment in group]


ITEMS: list[tuple[Body, list[tuple[Kind, str, str, str]]]] = [
    ({"type": "reasoning", "summary": [{"text": "no model reads this"}], "encrypted_content": "e"},
     [(Kind.THINKING, "", "", "")]),
    ({"type": "compaction", "encrypted_content": "e"}, [(Kind.SUMMARY, "", "", "")]),
    ({"type": "item_reference", "id": "msg_1"}, [(Kind.HIDDEN, "", "", "")]),
    ({"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin"},
     [(Kind.TOOL_CALL, "apply_patch", "", "apply_patch\n*** Begin\n.apply_patch")]),
    ({"type": "function_call", "call_id": "c", "namespace": "mcp__github__", "name": "find", "arguments": "{}"},
     [(Kind.TOOL_CALL, "mcp__github__find", "github", "mcp__github__find\n{}\n.mcp__github__find")]),
    ({"type": "local_shell_call", "call_id": "c", "id": "lsh_1", "status": "completed", "action": {"command": ["ls"]}},
     [(Kind.TOOL_CALL, "local_shell", "", 'local_shell\n{"action":{"command":["ls"]}}')]),
    ({"type": "local_shell_call_output", "call_id": "c", "output": "a.py"},
     [(Kind.TOOL_RESULT, "local_shell", "", "a.py")]),
    ({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": PNG}},
     [(Kind.IMAGE, "", "", "")]),
    ({"type": "file_search_call", "queries": ["q"], "results": [{"text": "t"}]},
     [(Kind.TOOL_CALL, "file_search", "", 'file_search\n{"queries":["q"]}'),
      (Kind.TOOL_RESULT, "file_search", "", '[{"text":"t"}]')]),
    ({"type": "mcp_list_tools", "server_label": "docs", "tools": [{"name": "find", "input_schema": {}}]},
     [(Kind.MCP_TOOL, "find", "docs", '{"name":"find","input_schema":{}}')]),
    ({"type": "mcp_call", "server_label": "docs", "name": "find", "arguments": "{}", "output": "found"},
     [(Kind.TOOL_CALL, "mcp__docs__find", "docs", "mcp__docs__find\n{}"),
      (Kind.TOOL_RESULT, "mcp__docs__find", "docs", "found")]),
    ({"type": "tool_search_output", "call_id": "c", "tools": [{**FUNCTION, "defer_loading": True}]},
     [(Kind.TOOL, "find", "", SHOWN)]),
    ({"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}, [(Kind.TOOL, "find", "", SHOWN)]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "expected"), ITEMS, ids=[str(item["type"]) for item, _ in ITEMS])
def test_items(item: Body, expected: list[tuple[Kind, str, str, str]]) -> None:
    assert [told(segment) for segment in read(item)] == expected


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (FUNCTION, [(Kind.TOOL, "find", "", SHOWN)]),
        ({**FUNCTION, "defer_loading": True}, [(Kind.TOOL, "find", "", "// Finds.\ntype find = ( ) => any;\n\n")]),
        (
            {"type": "namespace", "name": "mcp__github__", "description": "GitHub", "tools": [FUNCTION]},
            [(Kind.MCP_TOOL, "mcp__github__find", "github", SHOWN.replace("type find", "type mcp__github__find"))],
        ),
        ({"type": "web_search"}, [(Kind.TOOL, "web_search", "", '{"type":"web_search"}')]),
        (
            {"type": "mcp", "server_label": "docs", "authorization": "not ours to keep", "headers": {"a": "b"}},
            [(Kind.MCP_TOOL, "docs", "docs", '{"type":"mcp","server_label":"docs"}')],
        ),
    ],
)
def test_tools(tool: Body, expected: list[tuple[Kind, str, str, str]]) -> None:
    assert [told(segment) for segment in openai_responses.API.head({"tools": [tool]})] == expected


def test_legacy_functions_and_the_schema_of_the_answer() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "n"}}
    legacy = {key: FUNCTION[key] for key in ("name", "description", "parameters")}
    head = openai_chat.API.head({"functions": [legacy], "response_format": schema})
    assert [told(segment) for segment in head] == [
        (Kind.TOOL, "find", "", openai_tool(legacy)),
        (Kind.SYSTEM, "response format", "", '{"name":"n"}'),
    ]
    assert openai_chat.API.head({"response_format": {"type": "text"}}) == []


def test_a_run_of_results_ends_once() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "output": "x"}
    items = [{**call, "call_id": "a"}, {**result, "call_id": "a"}, {**result, "call_id": "b"}, {**call, "call_id": "c"}]
    assert [bool(segment.ends & Ends.TOOL_RUN) for segment in read(*items)] == [True, False, True, True]
    chat = [{"role": "tool", "content": "x"}, {"role": "tool", "content": "y"}, {"role": "user", "content": "z"}]
    groups = openai_chat.API.elements(chat, 0, Calls())
    assert [bool(group[-1].ends & Ends.TOOL_RUN) for group in groups] == [False, True, False]


def test_what_is_sent_by_reference_is_a_setting_and_texts_are_not() -> None:
    secret = {"type": "json_schema", "name": "n", "schema": {"description": "private words"}}
    body = {
        "previous_response_id": "resp_1",
        "text": {"verbosity": "low", "format": secret},
        "prompt": {"id": "pmpt_1", "variables": {"who": "private words"}},
    }
    found = openai_responses.API.settings(body)
    assert found["previous_response_id"] == "resp_1"
    assert found["prompt"].startswith("pmpt_1 ")
    assert found["verbosity"] == "low"
    assert found["text_format"].startswith("json_schema ")
    assert "private" not in "".join(found.values())


def test_identity() -> None:
    body = {
        "prompt_cache_key": "k1",
        "user": "u1",
        "instructions": "You are Codex, a coding agent. <cwd>/home/me/shop</cwd>",
    }
    who = openai_responses.API.identity(body)
    assert (who.session, who.user, who.project, who.client) == ("k1", "u1", "shop", "codex")
    assert openai_responses.API.identity({**body, "metadata": {"session_id": "s1"}}).session == "s1"


@pytest.mark.parametrize(
    "body",
    [
        {"model": "text-embedding-3-small", "input": "Hello"},
        {"model": "m", "input": ["Hello"]},
        {"model": "m", "input": "Hello", "voice": "alloy"},
        {"messages": "Hello"},
        {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {}},
    ],
)
def test_other_bodies_are_nobodys(body: Body) -> None:
    assert not openai_responses.API.owns(body)
    assert not openai_chat.API.owns(body)


def chunk(**delta: Any) -> Body:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def call(name: str, arguments: str | None, **more: Any) -> Body:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (  # Gemini's gateway: whole calls, no index
            [chunk(tool_calls=[call("a", "{}", id="1")]), chunk(tool_calls=[call("b", "{}", id="2")])],
            [(Kind.TOOL_CALL, "a", "", "a\n{}\n.a"), (Kind.TOOL_CALL, "b", "", "b\n{}\n.b")],
        ),
        (  # several calls under one index
            [chunk(tool_calls=[call("a", "{}", id="1", index=0), call("b", "{}", id="2", index=0)])],
            [(Kind.TOOL_CALL, "a", "", "a\n{}\n.a"), (Kind.TOOL_CALL, "b", "", "b\n{}\n.b")],
        ),
        ([chunk(tool_calls=[call("a", None, id="1", index=0)])], [(Kind.TOOL_CALL, "a", "", "a\n\n.a")]),
        (  # Mistral: thinking as content parts, then plain strings
            [
                chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
                chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]),
                chunk(content="O"),
                chunk(content="K"),
            ],
            [(Kind.THINKING, "", "", "Hmm"), (Kind.ASSISTANT, "", "", "OK")],
        ),
        (  # OpenRouter: the same reasoning twice, and a signature
            [
                chunk(reasoning="Hm", reasoning_details=[{"type": "reasoning.text", "text": "Hm", "index": 0}]),
                chunk(reasoning="m", reasoning_details=[{"type": "reasoning.text", "text": "m", "index": 0}]),
                chunk(reasoning_details=[{"type": "reasoning.text", "signature": "s", "index": 0}], content="OK"),
            ],
            [(Kind.THINKING, "", "", "Hmm"), (Kind.ASSISTANT, "", "", "OK")],
        ),
        ([chunk(refusal="I "), chunk(refusal="can't")], [(Kind.ASSISTANT, "", "", "I can't")]),
    ],
)
def test_odd_streams_of_chat_completions(chunks: list[Body], expected: list[tuple[Kind, str, str, str]]) -> None:
    joined = openai_chat.API.assemble(chunks)
    assert [told(segment) for segment in openai_chat.API.answer(joined, Calls())] == expected


def test_groq_bills_in_its_own_key() -> None:
    billed = {"prompt_tokens": 5, "completion_tokens": 2}
    usage = openai_chat.API.usage(openai_chat.API.assemble([chunk(content="OK"), {"x_groq": {"usage": billed}}]))
    assert usage is not None
    assert usage.prompt == 5


@pytest.mark.parametrize(("error_usage", "answered"), [(None, False), ({"input_tokens": 1, "output_tokens": 1}, True)])
def test_a_stream_that_failed_counts_if_it_was_billed(error_usage: Body | None, answered: bool) -> None:
    failed: Body = {"error": {"code": 500}, "output": [], "usage": error_usage}
    joined = openai_responses.API.assemble([{"type": "response.failed", "response": failed}])
    assert openai_responses.API.answers(joined) is answered
