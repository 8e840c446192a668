"""Tool lists and content parts, which both OpenAI dialects share.

Tools are counted as the model is shown them (see `agentcost.rendering`), one text per tool. OpenAI's are led by the
tool before them (the first by the header), so that the counts join exactly.
Cache markers are `cache_control` (OpenRouter, LiteLLM) and `prompt_cache_breakpoint` (OpenAI).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Level, Segment
from agentcost.rendering import shown_tools

_MARKS = {"cache_control": "5m", "prompt_cache_breakpoint": "30m"}
"""Cache markers, and the time to live of each where it names none."""

_SECRET = ("authorization", "headers")
"""Keys of an MCP server's entry that no model sees and no record may hold."""

CLIENTS = (
    ("Codex", "codex"), ("OpenHands", "openhands"), ("opencode", "opencode"), ("OpenCode", "opencode"),
    ("Claude Code", "claude-code"), ("Qwen Code", "qwen-code"), ("Cline", "cline"),
)  # fmt: skip
"""Clients by a word in the first sentence of their system prompt."""

_OWN = "gpt-5"
"""The model that is meant where a list of tools does not say for which it is."""

Write = Callable[[Spot, str], list[Segment]]
"""Makes segments of a text in a spot: a message's own text, or a tool's result."""


def ttl_of(*holders: Any) -> str:
    """The time to live of the first cache marker on these values, "" without one."""
    for holder in holders:
        for key, default in _MARKS.items():
            mark = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(mark, dict):
                return str(mark.get("ttl") or default)
    return ""


def bare(value: Body) -> Body:
    """A value without cache markers and without secrets."""
    return {key: item for key, item in value.items() if key not in _MARKS and key not in _SECRET}


class _Declared(msgspec.Struct, frozen=True):
    """A tool as declared; `function` is what OpenAI renders of it, None for a built-in or a server."""

    name: str
    server: str
    value: Body
    function: Body | None
    breakpoint: str


def tool_segments(level: Level, role: str, tools: Any, model: str = "") -> list[Segment]:
    """One segment per tool, in the order declared, each as the model is shown it."""
    values = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    declared = [found for tool in values for found in _declared(tool)]
    rendered = iter(shown_tools([tool.function for tool in declared if tool.function], model or _OWN))
    segments = []
    for tool in declared:
        spot, exact = Spot(level, role, breakpoint=tool.breakpoint), parts.canonical(tool.value)
        if not tool.function:
            segments.append(parts.tool_definition(spot, tool.name, exact, server=tool.server))
            continue
        lead, text = next(rendered)
        # the rendering drops what the cache may still see: key order, formats, defaults
        segments.append(parts.tool_definition(spot, tool.name, text, server=tool.server, lead=lead, exact=exact))
    return segments


def _declared(tool: Body, namespace: str = "") -> Iterator[_Declared]:
    kind = str(tool.get("type", "function"))
    if kind == "namespace":
        for member in tool.get("tools") or ():
            if isinstance(member, dict):
                yield from _declared(member, str(tool.get("name", "")))
        return
    inner = tool.get(kind)
    function = inner if isinstance(inner, dict) else tool
    server = str(tool.get("server_label", "")) if kind == "mcp" else ""
    name = qualified(namespace, str(function.get("name") or server or kind))
    value = bare(tool)
    if isinstance(inner, dict):
        value[kind] = bare(inner)
    yield _Declared(
        name, server, value, _rendered(tool, function, name) if kind == "function" else None, ttl_of(tool, inner)
    )


def _rendered(tool: Body, function: Body, name: str) -> Body:
    """A function in the shape that the renderer takes; a deferred one shows its parameters only when it is loaded."""
    shown = {"name": name, "description": function.get("description") or ""}
    if not tool.get("defer_loading"):
        shown["parameters"] = function.get("parameters") or {}
    return {"type": "function", "function": shown}


def qualified(namespace: str, name: str) -> str:
    """A tool's name with the MCP server that its namespace names."""
    return f"{namespace.rstrip('_')}__{name}" if namespace.startswith("mcp__") else name


def listed_tools(spot: Spot, tools: Any, server: str) -> list[Segment]:
    """Tools that an MCP server listed inside the conversation."""
    values = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return [
        parts.tool_definition(
            structs.replace(spot, opens=spot.opens and not number), str(tool.get("name", "")),
            parts.canonical(bare(tool)), server=server,
        )
        for number, tool in enumerate(values)
    ]  # fmt: skip


def response_format(value: Any) -> list[Segment]:
    """The schema of the answer, which stands in the prompt; nothing for plain text."""
    if not isinstance(value, dict) or value.get("type") in (None, "text"):
        return []
    form = value.get("json_schema")
    shown = form.get("schema") or form if isinstance(form, dict) else None
    text, exact = parts.canonical(shown) if shown else "", parts.canonical(value)
    spot = Spot("system", "system")
    return [parts.segment(spot, Kind.SYSTEM, text, name="response format", identity=exact, sent=("", exact))]


def content_segments(spot: Spot, content: Any, write: Write) -> list[Segment]:
    """A message's content: a bare string is one text part, and an empty text is none."""
    blocks = content if isinstance(content, list) else [content]
    blocks = [block for block in blocks if _holds_something(block)]
    segments: list[Segment] = []
    for number, block in enumerate(blocks):
        last = number + 1 == len(blocks)
        here = Spot(
            spot.level, spot.role, spot.opens and not segments, ttl_of(block) or (spot.breakpoint if last else ""),
            spot.ends if last else Ends.BLOCK,
        )  # fmt: skip
        segments += _part(here, block, write)
    return segments


def _holds_something(block: Any) -> bool:
    if isinstance(block, dict):
        return block.get("text") != "" if str(block.get("type", "text")).endswith("text") else True
    return isinstance(block, str) and block != ""


def _part(spot: Spot, block: Any, write: Write) -> list[Segment]:
    if isinstance(block, str):
        return write(spot, block)
    kind = str(block.get("type", "text"))
    if isinstance(block.get("text"), str):
        return write(spot, block["text"])
    if kind == "refusal":
        return write(spot, str(block.get("refusal", "")))
    if kind == "thinking":
        return [parts.segment(spot, Kind.THINKING, text_of(block.get("thinking")))]
    media = _media(spot, kind, block)
    return [media] if media else write(spot, parts.canonical(bare(block)))


def _media(spot: Spot, kind: str, block: Body) -> Segment | None:
    """An image, a document, or sound and film; None for anything else."""
    inner = block.get(kind)
    holder = inner if isinstance(inner, dict) else block
    payload = next((str(holder[key]) for key in _PAYLOADS if isinstance(holder.get(key), str) and holder[key]), "")
    if kind in ("image_url", "input_image", "computer_screenshot"):
        return parts.image(spot, payload, str(holder.get("detail") or ""))
    if kind in ("file", "input_file", "document_url"):
        return parts.document(spot, payload)
    if kind in ("input_audio", "video_url"):
        return sound_or_film(spot, payload, "audio" if kind == "input_audio" else "video")
    return None


_PAYLOADS = ("data", "file_data", "url", "image_url", "document_url", "video_url", "file_url", "file_id")


def sound_or_film(spot: Spot, payload: str, media: str) -> Segment:
    """Audio or video sent as bytes or by reference."""
    return parts.segment(spot, Kind.DOCUMENT, "", identity=payload, media=media)


def text_of(content: Any) -> str:
    """All text of a content: a string, or text parts joined."""
    if isinstance(content, str):
        return content
    blocks: Sequence[Any] = content if isinstance(content, list) else ()
    return "".join(str(block.get("text") or "") if isinstance(block, dict) else str(block) for block in blocks)


def opening_client(instructions: str) -> str:
    """The client that a system prompt's first sentence names, "" where it names none we know."""
    opening = instructions[:200].partition(". ")[0]
    return next((client for word, client in CLIENTS if word in opening), "")


def identity_of(body: Body, session: str, project: str, client: str) -> Identity:
    """User, and session as far as parameters name them: metadata, a gateway's own field, the cache key."""
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    named = [metadata.get("session_id"), body.get("session_id"), body.get("litellm_session_id"), session]
    users = [body.get("user"), body.get("safety_identifier"), metadata.get("user_id")]
    return Identity(
        session=next((value for value in named if isinstance(value, str) and value), ""),
        user=next((value for value in users if isinstance(value, str) and value), ""),
        project=project,
        client=client,
    )
