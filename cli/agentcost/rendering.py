"""What an API turns the structured parts of a request into before a tokenizer sees them.

    {"name": "ping", "description": "Answer", "parameters": {}}

becomes, for OpenAI's models,

    // Answer
    type ping = () => any;
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value."""

HEADER = "namespace functions {\n\n"
FOOTER = "} // namespace functions"


def openai_tools(tools: Sequence[Mapping[str, Json]]) -> list[str]:
    """The text of every tool in order, as openai-chat-tokens 0.2.8 has it.

    HEADER + the texts + FOOTER, joined, is what the model sees. A tool is a function definition, bare or
    under `function`, with its schema under `parameters` or `input_schema`.
    """
    return [openai_tool(function_of(tool)) for tool in tools]


def openai_tools_text(tools: Sequence[Mapping[str, Json]]) -> str:
    """The whole rendered definitions; "" without tools."""
    return HEADER + "".join(openai_tools(tools)) + FOOTER if tools else ""


def json_tool(tool: Mapping[str, Json], spaced: bool = False) -> str:
    """The tool as JSON in the order it was sent: compact, or `spaced` as chat templates in Python write it.

    Anthropic's cache markers are no part of it.
    """
    seen = {key: value for key, value in tool.items() if key != "cache_control"}
    return json_text(seen, spaced)


def tool_call_text(name: str, arguments: Json) -> str:
    """A call as text: the name, then the arguments, which may be JSON text already."""
    return name + (arguments if isinstance(arguments, str) else json_text(arguments))


def json_text(value: Json, spaced: bool = False) -> str:
    """JSON with every character as itself."""
    return json.dumps(value, ensure_ascii=False, separators=None if spaced else (",", ":"))


def function_of(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """The function definition in a tool, which Chat Completions wraps and Responses does not."""
    function = tool.get("function")
    return function if isinstance(function, Mapping) else tool


def openai_tool(function: Mapping[str, Json]) -> str:
    """One function as a TypeScript type, with the empty line behind it."""
    name = function.get("name", "")
    schema = mapping(function.get("parameters", function.get("input_schema")))
    if not mapping(schema.get("properties")):
        return f"{comment(function)}type {name} = () => any;\n\n"
    return f"{comment(function)}type {name} = (_: {{\n{properties(schema, 0)}\n}}) => any;\n\n"


def properties(schema: Mapping[str, Json], indent: int) -> str:
    """The properties of an object, a line each, each under its description; deep ones go undescribed."""
    margin = " " * indent
    return "\n".join(margin + line for line in property_lines(schema, indent))


def property_lines(schema: Mapping[str, Json], indent: int) -> Iterator[str]:
    """The lines of an object's properties before they are indented."""
    required = listed(schema.get("required"))
    for name, value in mapping(schema.get("properties")).items():
        definition = mapping(value)
        if indent < 2 and definition.get("description"):
            yield f"// {definition['description']}"
        yield f"{name}{'' if name in required else '?'}: {type_text(definition, indent)},"


def type_text(definition: Mapping[str, Json], indent: int) -> str:
    """The TypeScript type of a JSON schema; what is not known is `any`."""
    if "anyOf" in definition:
        return " | ".join(type_text(mapping(option), indent) for option in listed(definition["anyOf"]))
    kind = definition.get("type")
    if kind == "array":
        return f"{type_text(mapping(definition['items']), indent)}[]" if definition.get("items") else "any[]"
    if kind == "object":
        return f"{{\n{properties(definition, indent + 2)}\n}}"
    if kind in ("string", "number", "integer"):
        choices = listed(definition.get("enum"))
        plain = "string" if kind == "string" else "number"
        return " | ".join(f'"{choice}"' if kind == "string" else str(choice) for choice in choices) or plain
    return str(kind) if kind in ("boolean", "null") else "any"


def comment(function: Mapping[str, Json]) -> str:
    """The description as a comment line, if there is one."""
    description = function.get("description")
    return f"// {description}\n" if description else ""


def mapping(value: Json) -> Mapping[str, Json]:
    """The value if it is an object, else an empty one: schemas in logs are not always well formed."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Json) -> Sequence[Json]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
