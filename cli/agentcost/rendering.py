"""What an API turns the structured parts of a request into before a tokenizer sees them.

    {"name": "ping", "description": "Answer", "parameters": {}}

becomes, for OpenAI's models,

    // Answer
    type ping = () => any;
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from agentcost.names import CLAUDE_NAME, GEMINI_NAME, bare_name

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value."""

HEADER = "namespace functions {\n\n"
FOOTER = "} // namespace functions"


class Style(msgspec.Struct, frozen=True):
    """How a family of models is shown its functions.

    `form` is `types` (TypeScript), `json` (as chat templates in Python write it), `claude` (JSON and
    XML) or `texts` (names, descriptions and values alone). Of types: `remark` opens the description of
    a property, `bare` is a function without parameters, `apart` says that no token spans two functions, and
    `parallel` that calls made at once are one call of a wrapper.
    """

    form: str
    remark: str = "// "
    bare: str = "type {name} = () => any;\n\n"
    apart: bool = False
    parallel: bool = False


PUBLISHED = Style("types")
"""As openai-chat-tokens 0.2.8 has it, for gpt-3.5 and gpt-4."""

STYLES: tuple[tuple[str, Style], ...] = tuple(
    (pattern, style)
    for pattern, style in (
        (CLAUDE_NAME, Style("claude")),
        (GEMINI_NAME, Style("texts")),
        (r"gpt-?3\.5|gpt-35|gpt-4(?![.\do])", Style("types", parallel=True)),
        # Observed: a description of a property costs one token more, a function without parameters five fewer.
        (r"gpt-4|^o[134]\b", Style("types", "//  ", "{name}\n\n", parallel=True)),
        (r"gpt-oss", Style("types", "//  ")),
        # Observed: each is counted by itself, and one without parameters has a token more than this form.
        (r"gpt", Style("types", "//  ", "type {name} = ( ) => any;\n\n", apart=True)),
        (r"deepseek|qwen|qwq|kimi|moonshot|glm|llama|stral|mixtral|nova|minimax|grok", Style("json")),
    )
)
"""Bare names of models, and how they are shown functions; others as PUBLISHED."""


@lru_cache(maxsize=1024)
def style_of(model: str) -> Style:
    """The style of a model; the published one where none is known."""
    name = bare_name(model)
    return next((style for pattern, style in STYLES if re.search(pattern, name)), PUBLISHED)


def is_claude(model: str) -> bool:
    """Whether a model is shown tools and calls as Claude is; where none is named, Anthropic's API means Claude."""
    return not model or style_of(model).form == "claude"


def shown_tools(tools: Sequence[Mapping[str, Json]], model: str) -> list[tuple[str, str]]:
    """(text before it that decides its tokens, its text) of every tool in order, as the model is shown it.

    A tool is a function definition, bare or under `function`, with its schema under `parameters` or `input_schema`.
    """
    style = style_of(model)
    if style.form == "types":
        texts = openai_tools(tools, style)
        leads = [""] * len(texts) if style.apart else [HEADER, *texts]
        return list(zip(leads, texts, strict=False))
    write = {"json": spaced_tool, "claude": claude_tool, "texts": gemini_tool}[style.form]
    return [("", write(function_of(tool))) for tool in tools]


def openai_tools(tools: Sequence[Mapping[str, Json]], style: Style = PUBLISHED) -> list[str]:
    """The text of every tool in order: HEADER + the texts + FOOTER, joined, is what the model sees."""
    return [openai_tool(function_of(tool), style) for tool in tools]


def openai_tools_text(tools: Sequence[Mapping[str, Json]]) -> str:
    """The whole rendered definitions; "" without tools."""
    return HEADER + "".join(openai_tools(tools)) + FOOTER if tools else ""


def spaced_tool(function: Mapping[str, Json]) -> str:
    """A function as the chat templates of open models print it."""
    return json_text({"type": "function", "function": function}, spaced=True)


def claude_tool(function: Mapping[str, Json]) -> str:
    """A function as Claude is shown it: JSON with blanks, in which an empty description is none.

    Observed: a tool of ten recordings costs 6 to 10 tokens more than this text, 8 to 19 more than what was sent.
    """
    schema = function.get("parameters", function.get("input_schema")) or {}
    told = {"description": function["description"]} if function.get("description") else {}
    return json_text({**told, "name": function.get("name"), "parameters": schema}, spaced=True)


def gemini_tool(function: Mapping[str, Json]) -> str:
    """What Google counts of a declaration: its texts, as google-genai's local tokenizer gathers them.

    The Gemini API counts a JSON Schema as JSON (its SDK sends that under the snake_case key, Vertex's under the other).
    """
    name, description = function.get("name"), function.get("description")
    schema = function.get("parameters_json_schema")
    if schema:
        told = {"description": description} if description else {}
        return json_text({**told, "name": name, "parameters": _without(schema, ("additionalProperties", "title"))})
    schema = function.get("parameters", function.get("parametersJsonSchema"))
    return spoken([name, description, *_schema_texts(mapping(schema))])


def _without(schema: Json, keys: Sequence[str]) -> Json:
    """A JSON Schema without what no model is shown; names of properties are no keys of it."""
    if isinstance(schema, Mapping):
        kept = {key: value for key, value in schema.items() if key not in keys}
        return {
            key: {name: _without(inner, keys) for name, inner in value.items()}
            if key in ("properties", "$defs") and isinstance(value, Mapping)
            else _without(value, keys)
            for key, value in kept.items()
        }
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_without(item, keys) for item in schema]
    return schema


def _schema_texts(schema: Mapping[str, Json]) -> Iterator[Json]:
    yield from (schema.get("format"), schema.get("description"))
    yield from listed(schema.get("enum"))
    yield from listed(schema.get("required"))
    yield from _schema_texts(mapping(schema["items"])) if schema.get("items") else ()
    for key, value in mapping(schema.get("properties")).items():
        yield key
        yield from _schema_texts(mapping(value))


def gemini_values(value: Json) -> str:
    """The keys and strings of arguments or of a result, which are what Google counts of them."""
    return spoken(_texts_of(value))


def _texts_of(value: Json) -> Iterator[Json]:
    if isinstance(value, Mapping):
        yield from value
        value = list(value.values())
    if isinstance(value, str):
        yield value
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts_of(item)


def spoken(texts: Iterable[Json]) -> str:
    """Texts that are counted one by one: with a blank between them they come to the same."""
    return " ".join(text for text in texts if isinstance(text, str) and text)


def openai_call(name: str, arguments: str) -> str:
    """A call as OpenAI's models see it: arguments are written anew, and the name opens the result as well."""
    return f"{name}\n{compact(arguments)}\n.{name}"


def shown_calls(calls: Sequence[tuple[str, str]], model: str) -> list[str]:
    """The calls of one message (name, arguments as JSON), each as the model sees it."""
    style = style_of(model)
    if style.form == "claude":
        return [claude_call(name, parsed(arguments)) for name, arguments in calls]
    if len(calls) < 2 or not style.parallel:
        return [openai_call(name, arguments) for name, arguments in calls]
    opening, last = 'multi_tool_use.parallel{"tool_uses":[{"', len(calls) - 1
    return [
        f'{"" if number else opening}recipient_name":"functions.{name}","parameters":{compact(arguments)}'
        + ("}]}" if number == last else '},{"')  # no token spans what is cut here
        for number, (name, arguments) in enumerate(calls)
    ]


def claude_call(name: str, arguments: Json) -> str:
    """A call as Claude writes it: texts as they are, other values as JSON.

    Observed: 26 recorded answers have the tokens of this text and of what stands around all calls, give or take 3.
    """
    values = arguments if isinstance(arguments, Mapping) else {"arguments": arguments} if arguments else {}
    lines = [f'<antml:invoke name="{name}">']
    for key, value in values.items():
        text = value if isinstance(value, str) else json_text(value, spaced=True)
        lines.append(f'<antml:parameter name="{key}">{text}</antml:parameter>')
    return "\n".join((*lines, "</antml:invoke>"))


def parsed(arguments: str) -> Json:
    """The value of JSON, or the text itself where it is none."""
    try:
        value: Json = json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
    return value


def compact(arguments: str) -> str:
    """JSON without blanks between its parts; what is no JSON stays as it is."""
    if ": " not in arguments and ", " not in arguments:
        return arguments
    value = parsed(arguments)
    return arguments if value == arguments else json_text(value)


def json_text(value: Json, spaced: bool = False) -> str:
    """JSON with every character as itself."""
    return json.dumps(value, ensure_ascii=False, separators=None if spaced else (",", ":"))


def function_of(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """The function definition in a tool, which Chat Completions wraps and Responses does not."""
    function = tool.get("function")
    return function if isinstance(function, Mapping) else tool


def openai_tool(function: Mapping[str, Json], style: Style = PUBLISHED) -> str:
    """One function as a TypeScript type, with the empty line behind it."""
    name = function.get("name", "")
    schema = mapping(function.get("parameters", function.get("input_schema")))
    if not mapping(schema.get("properties")):
        return comment(function) + style.bare.format(name=name)
    return f"{comment(function)}type {name} = (_: {{\n{properties(schema, 0, style.remark)}\n}}) => any;\n\n"


def properties(schema: Mapping[str, Json], indent: int, remark: str = "// ") -> str:
    """The properties of an object, a line each, each under its description; deep ones go undescribed."""
    margin = " " * indent
    return "\n".join(margin + line for line in property_lines(schema, indent, remark))


def property_lines(schema: Mapping[str, Json], indent: int, remark: str) -> Iterator[str]:
    """The lines of an object's properties before they are indented."""
    required = listed(schema.get("required"))
    for name, value in mapping(schema.get("properties")).items():
        definition = mapping(value)
        if indent < 2 and definition.get("description"):
            yield f"{remark}{definition['description']}"
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
