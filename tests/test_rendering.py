"""Rendered tools against the published vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.rendering import (
    FOOTER,
    HEADER,
    Json,
    claude_call,
    claude_tool,
    compact,
    gemini_tool,
    gemini_values,
    openai_call,
    openai_tools,
    openai_tools_text,
    shown_calls,
    shown_tools,
)
from agentcost.tokens import Choice, Shape, counter, overhead, template_of

WEATHER: dict[str, Json] = {
    "name": "get_weather",
    "description": "Get the weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "City name"},
            "unit": {"type": "string", "enum": ["c", "f"]},
            "opts": {
                "type": "object",
                "properties": {"days": {"type": "integer", "description": "hidden"}},
                "required": ["days"],
            },
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city"],
    },
}
PING: dict[str, Json] = {"name": "ping", "parameters": {"type": "object", "properties": {}}}
T = [WEATHER, PING]

RENDERED = """namespace functions {

// Get the weather
type get_weather = (_: {
// City name
city: string,
unit?: "c" | "f",
opts?: {
  days: number,
},
tags?: string[],
}) => any;

type ping = () => any;

} // namespace functions"""

Message = tuple[str, str, str]
S: Message = ("system", "You are a helpful assistant.", "")
U: Message = ("user", "What is the weather in Paris?", "")
ALICE: Message = ("user", "What is the weather in Paris?", "alice")


def prompt_tokens(
    encoding: str, messages: list[Message], tools: list[dict[str, Json]], choice: Choice, chosen: str
) -> int:
    """A prompt of Chat Completions: the text, and the template around it, which holds header and footer."""
    count = counter(encoding).count
    template = template_of("gpt-4", "openai-chat")
    systems = sum(role == "system" for role, _, _ in messages)
    texts = [content + (template.system_suffix if tools and role == "system" else "") for role, content, _ in messages]
    names = [name for _, _, name in messages if name]
    shape = Shape(messages=len(messages) - systems, systems=systems, tools=len(tools), names=len(names))
    around = 7 if tools else 0
    return (
        overhead(template, shape, choice) - around + sum(map(count, [*texts, *names, openai_tools_text(tools), chosen]))
    )


@pytest.mark.parametrize(
    ("messages", "tools", "choice", "chosen", "o200k", "cl100k"),
    [
        ([U], [], "auto", "", 14, 14),
        ([S, U], [], "auto", "", 24, 24),
        ([ALICE], [], "auto", "", 16, 16),
        ([U], T, "auto", "", 81, 83),
        ([S, U], T, "auto", "", 87, 89),
        ([S, U], T, "none", "", 88, 90),
        ([S, U], T, "named", "ping", 92, 94),
    ],
)
def test_prompts_of_chat_completions(
    *, messages: list[Message], tools: list[dict[str, Json]], choice: Choice, chosen: str, o200k: int, cl100k: int
) -> None:
    assert prompt_tokens("o200k_base", messages, tools, choice, chosen) == o200k
    assert prompt_tokens("cl100k_base", messages, tools, choice, chosen) == cl100k


def test_rendered_tools() -> None:
    assert openai_tools_text(T) == RENDERED
    assert HEADER + "".join(openai_tools(T)) + FOOTER == RENDERED
    assert counter("o200k_base").count(RENDERED) == 58
    assert counter("cl100k_base").count(RENDERED) == 60
    assert openai_tools_text([]) == ""


def test_every_way_a_tool_is_wrapped_renders_alike() -> None:
    schema = WEATHER["parameters"]
    anthropic: dict[str, Json] = {"name": "get_weather", "description": "Get the weather", "input_schema": schema}
    responses: dict[str, Json] = {"type": "function", **WEATHER}
    chat: dict[str, Json] = {"type": "function", "function": WEATHER}
    assert openai_tools([anthropic]) == openai_tools([responses]) == openai_tools([chat]) == openai_tools([WEATHER])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "enum": ["a", "b"]}, '"a" | "b"'),
        ({"type": "integer"}, "number"),
        ({"type": "number", "enum": [1, 2.5]}, "1 | 2.5"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "null"}, "null"),
        ({"type": "array"}, "any[]"),
        ({"type": "array", "items": {"type": "integer"}}, "number[]"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": ["string", "null"]}, "any"),
        ({"$ref": "#/x"}, "any"),
        ({}, "any"),
        (True, "any"),
        ({"type": "object"}, "{\n\n}"),
        (
            {
                "type": "object",
                "properties": {"deep": {"type": "object", "properties": {"x": {"type": "null", "description": "no"}}}},
            },
            "{\n  deep?: {\n    x?: null,\n},\n}",
        ),
    ],
)
def test_types(schema: Json, expected: str) -> None:
    tool: dict[str, Json] = {"name": "f", "parameters": {"properties": {"p": schema}}}
    assert openai_tools([tool]) == [f"type f = (_: {{\np?: {expected},\n}}) => any;\n\n"]


VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "anyOf", "enum", "required", "description"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(tools=st.lists(st.dictionaries(st.sampled_from(["name", "description", "parameters", "function"]), VALUES)))
def test_any_json_renders_a_text_for_every_tool(tools: list[dict[str, Json]]) -> None:
    texts = openai_tools(tools)
    assert len(texts) == len(tools)
    assert all(text.endswith(" => any;\n\n") for text in texts)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gpt-4", "// Get it\ntype get = (_: {\n// The id\nid: string,\n}) => any;\n\n"),
        ("gpt-4o", "// Get it\ntype get = (_: {\n//  The id\nid: string,\n}) => any;\n\n"),
        (
            "deepseek-chat",
            '{"type": "function", "function": {"name": "get", "description": "Get it", "parameters": '
            '{"type": "object", "properties": {"id": {"type": "string", "description": "The id"}}, '
            '"required": ["id"]}}}',
        ),
        (
            "claude-sonnet-4-5",
            '{"description": "Get it", "name": "get", "parameters": {"type": "object", "properties": {"id": '
            '{"type": "string", "description": "The id"}}, "required": ["id"]}}',
        ),
        ("gemini-2.5-pro", "get Get it id id The id"),
    ],
)
def test_every_family_is_shown_its_functions_in_its_own_way(model: str, text: str) -> None:
    schema: dict[str, Json] = {
        "type": "object", "properties": {"id": {"type": "string", "description": "The id"}}, "required": ["id"],
    }  # fmt: skip
    function: dict[str, Json] = {"name": "get", "description": "Get it", "parameters": schema}
    ((_, shown),) = shown_tools([{"type": "function", "function": function}], model)
    assert shown == text


def test_types_are_led_by_what_stands_before_them() -> None:
    leads = [lead for lead, _ in shown_tools(T, "gpt-4")]
    assert leads == [HEADER, openai_tools(T)[0]]
    assert [lead for lead, _ in shown_tools(T, "claude-opus-4-8")] == ["", ""]
    assert shown_tools([PING], "gpt-4o")[0][1] == "ping\n\n"


def test_functions_of_gpt_5_are_counted_by_themselves() -> None:
    """A description adds its own tokens and no more; without parameters a function has 2 fewer than with empty ones."""
    count = counter("o200k_base").count
    leads, texts = zip(*shown_tools([{**PING, "description": "Get weather"}, PING], "gpt-5"), strict=True)
    assert leads == ("", "")
    assert count(texts[0]) - count(texts[1]) == count("// Get weather\n") == 4
    assert count(texts[1]) == count("type ping = (_: {\n}) => any;\n\n") - 2


CALLS = [("delete_file", '{"path": ".env"}'), ("create_file", '{"path":"test.txt"}')]


def test_calls_at_once_are_one_call_of_a_wrapper() -> None:
    count = counter("o200k_base").count
    whole = (
        'multi_tool_use.parallel{"tool_uses":[{"recipient_name":"functions.delete_file","parameters":{"path":".env"}},'
        '{"recipient_name":"functions.create_file","parameters":{"path":"test.txt"}}]}'
    )
    texts = shown_calls(CALLS, "gpt-4o")
    assert "".join(texts) == whole
    assert sum(map(count, texts)) == count(whole)


@pytest.mark.parametrize(("model", "calls"), [("gpt-4o", CALLS[:1]), ("gpt-5", CALLS), ("deepseek-chat", CALLS)])
def test_calls_one_by_one(model: str, calls: list[tuple[str, str]]) -> None:
    assert shown_calls(calls, model) == [openai_call(*call) for call in calls]


def test_claude_writes_calls_as_xml() -> None:
    """Texts as they are, other values as JSON with blanks; what is no object is one value."""
    tag = "antml:"
    assert claude_call("edit", {"path": "ä.py", "lines": [1, 2], "all": True, "more": {"a": None}}) == (
        f'<{tag}invoke name="edit">\n<{tag}parameter name="path">ä.py</{tag}parameter>\n'
        f'<{tag}parameter name="lines">[1, 2]</{tag}parameter>\n<{tag}parameter name="all">true</{tag}parameter>\n'
        f'<{tag}parameter name="more">{{"a": null}}</{tag}parameter>\n</{tag}invoke>'
    )
    for arguments in ("", "{}"):
        assert shown_calls([("ping", arguments)], "claude-opus-5") == [f'<{tag}invoke name="ping">\n</{tag}invoke>']
    assert shown_calls([("run", '{"code": 1}'), ("run", "no JSON")], "claude-sonnet-4-5") == [
        claude_call("run", {"code": 1}), claude_call("run", {"arguments": "no JSON"}),
    ]  # fmt: skip


def test_claude_is_told_of_no_empty_description() -> None:
    assert claude_tool({"name": "f", "description": "", "input_schema": {}}) == '{"name": "f", "parameters": {}}'


def test_google_counts_json_schema_as_json() -> None:
    title: dict[str, Json] = {"title": {"type": "string", "title": "Title"}}
    schema: dict[str, Json] = {"type": "object", "properties": title, "additionalProperties": False}
    assert gemini_tool({"name": "f", "description": "", "parameters_json_schema": schema}) == (
        '{"name":"f","parameters":{"type":"object","properties":{"title":{"type":"string"}}}}'
    )
    assert gemini_tool({"name": "f", "parametersJsonSchema": schema}) == "f title"
    assert gemini_values({"path": "a.py", "lines": [1, {"to": "end"}], "all": True}) == "path lines all a.py to end"


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"a": 1, "b": [2, 3]}', '{"a":1,"b":[2,3]}'), ('{"a":1}', '{"a":1}'), ("*** Begin, and: no JSON", None),
        ('{"a": "x: y, z"}', '{"a":"x: y, z"}'), ("", ""),
    ],
)  # fmt: skip
def test_arguments_are_written_anew(arguments: str, written: str | None) -> None:
    assert compact(arguments) == (arguments if written is None else written)
    assert openai_call("f", arguments) == f"f\n{compact(arguments)}\n.f"
