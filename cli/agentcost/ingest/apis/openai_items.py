"""Items of the Responses API become segments.

    {"type": "function_call", "call_id": "call_1", "name": "read_file", "arguments": "{\\"path\\":\\"a.py\\"}"}
    {"type": "function_call_output", "call_id": "call_1", "output": "…"}

Ids and statuses of items are the API's book-keeping and leave the canonical form; call ids stay. Of reasoning the
model reads `encrypted_content` (or the stored item that `id` names) and open `content`; never the summary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.apis.openai_content import (
    bare,
    content_segments,
    listed_tools,
    qualified,
    text_of,
    tool_segments,
    ttl_of,
)
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Level, Segment
from agentcost.rendering import shown_calls

_RUN = Ends.BLOCK | Ends.TOOL_RUN
_ASSISTANT = Spot("messages", "assistant", True)
_BOOK_KEEPING = ("id", "status", "type", "call_id", "created_by", "execution")


def is_result(item: Any) -> bool:
    """Whether an item is what a tool gave back."""
    return isinstance(item, dict) and str(item.get("type", "")).endswith("_output")


def item_segments(item: Body, calls: Calls, run_ends: bool) -> list[Segment]:
    """The segments of one item; `run_ends` says that no other result follows it."""
    kind = str(item.get("type") or "message")
    if kind in _ITEMS:
        return _ITEMS[kind](item, calls)
    if is_result(item):
        return _result(item, calls, run_ends)
    if kind.endswith("_call"):
        return _built_in(item, calls)
    return [parts.segment(Spot("messages", str(item.get("role") or "user"), True), Kind.USER, _rest(item))]


def _rest(item: Body) -> str:
    return parts.canonical({key: value for key, value in bare(item).items() if key not in _BOOK_KEEPING})


def _message(item: Body, _: Calls) -> list[Segment]:
    role = str(item.get("role") or "user")
    level: Level = "system" if role in ("system", "developer") else "messages"
    kind = {"user": Kind.USER, "assistant": Kind.ASSISTANT}.get(role, Kind.SYSTEM)
    # the channel that the text was said on; a message without one is a final answer
    phase = str(item.get("phase") or "").replace("final_answer", "")

    def write(spot: Spot, text: str) -> list[Segment]:
        return parts.text_segments(spot, kind, text, identity=phase)

    spot = Spot(level, role, True, ttl_of(item))
    return content_segments(spot, item.get("content"), write) or write(spot, "")


def _reasoning(item: Body, _: Calls) -> list[Segment]:
    text = text_of(item.get("content"))
    opaque = str(item.get("encrypted_content") or "")
    if opaque and not text:
        return [parts.state(_ASSISTANT, opaque)]
    identity = opaque or str(("" if text else item.get("id")) or "")
    return [parts.segment(_ASSISTANT, Kind.THINKING, text, identity=identity)]


def _compaction(item: Body, _: Calls) -> list[Segment]:
    identity = str(item.get("encrypted_content") or item.get("id") or "")
    return [parts.segment(_ASSISTANT, Kind.SUMMARY, text_of(item.get("content")), identity=identity)]


def _call(item: Body, calls: Calls) -> list[Segment]:
    """A function's or custom tool's call."""
    name, call_id = str(item.get("name") or ""), str(item.get("call_id") or item.get("id") or "")
    name = qualified(str(item.get("namespace") or ""), name)
    calls.tools[call_id] = name
    given = item.get("arguments") if "arguments" in item else item.get("input")
    arguments = given if isinstance(given, str) else parts.canonical(given) if given is not None else ""
    spot, (text,) = Spot("messages", "assistant", True, ends=_RUN), shown_calls([(name, arguments)], calls.model)
    return [parts.tool_call(spot, name, arguments, call_id, text=text)]


def _built_in(item: Body, calls: Calls) -> list[Segment]:
    """A call of a tool that the API brings; where it holds what the tool found, the result follows."""
    name = str(item["type"]).removesuffix("_call")
    call_id = str(item.get("call_id") or "")
    calls.tools[call_id] = name
    found = [item[key] for key in ("results", "outputs", "result") if item.get(key)]
    asked = {key: value for key, value in item.items() if key not in ("results", "outputs", "result")}
    segments = [parts.tool_call(Spot("messages", "assistant", True, ends=_RUN), name, _rest(asked), call_id)]
    spot = Spot("messages", "tool", ends=_RUN)
    if found and name == "image_generation":
        return [*segments, parts.image(spot, str(found[0]))]
    texts = [value if isinstance(value, str) else parts.canonical(value) for value in found]
    return segments + [segment for text in texts for segment in parts.tool_result(spot, name, text, call_id)]


def _server_call(item: Body, calls: Calls) -> list[Segment]:
    """A call of a remote MCP server, which the API made: call and result in one item."""
    name = f"mcp__{item.get('server_label', '')}__{item.get('name', '')}"
    calls.tools[str(item.get("id") or "")] = name
    segments = [parts.tool_call(Spot("messages", "assistant", True, ends=_RUN), name, str(item.get("arguments") or ""))]
    found = item.get("output") or item.get("error")
    if found is None:
        return segments
    text = found if isinstance(found, str) else parts.canonical(found)
    return segments + parts.tool_result(Spot("messages", "tool", ends=_RUN), name, text)


def _result(item: Body, calls: Calls, run_ends: bool) -> list[Segment]:
    """A result: text, parts, or a screenshot."""
    call_id, given = str(item.get("call_id") or ""), item.get("output")
    tool = calls.named(call_id, str(item.get("name") or _tool_of(str(item["type"]))))
    spot = Spot("messages", "tool", True, ttl_of(item), _RUN if run_ends else Ends.BLOCK)

    def write(here: Spot, text: str) -> list[Segment]:
        return parts.tool_result(here, tool, text, call_id)

    return content_segments(spot, given, write) or write(spot, "")


def _tool_of(kind: str) -> str:
    name = kind.removesuffix("_output").removesuffix("_call")
    return "" if name in ("function", "custom_tool") else name


def _listed(item: Body, _: Calls) -> list[Segment]:
    """What a remote MCP server's list of tools put into the conversation."""
    server = str(item.get("server_label") or "")
    return listed_tools(Spot("messages", "developer", True), item.get("tools"), server)


def _loaded(item: Body, _: Calls) -> list[Segment]:
    """Tools that joined the conversation later: a tool search's finds, or additional tools."""
    tools = item.get("tools")
    loaded = [{**tool, "defer_loading": False} for tool in tools or () if isinstance(tool, dict)]
    return tool_segments("messages", str(item.get("role") or "tool"), loaded)


def _reference(item: Body, _: Calls) -> list[Segment]:
    """An item that the API has kept; the log shows its id only."""
    return [parts.segment(_ASSISTANT, Kind.HIDDEN, "", identity=str(item.get("id") or ""))]


_ITEMS: dict[str, Callable[[Body, Calls], list[Segment]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "compaction": _compaction,
    "compaction_summary": _compaction,
    "context_compaction": _compaction,
    "function_call": _call,
    "custom_tool_call": _call,
    "mcp_call": _server_call,
    "mcp_approval_request": _server_call,
    "mcp_list_tools": _listed,
    "tool_search_output": _loaded,
    "additional_tools": _loaded,
    "item_reference": _reference,
}
