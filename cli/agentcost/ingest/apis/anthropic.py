"""The Anthropic Messages API: tools, then system, then messages; usage in exclusive classes.

Cache markers (`cache_control`) become breakpoints and leave the canonical form; a bare string is one text
block. `metadata.user_id` holds user and session as Claude Code writes them, either joined by underscores or as a
JSON object; the working directory in the system prompt's environment block names the project.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.extras import with_server_tools
from agentcost.ingest.apis.parameters import as_text, chosen
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Level, Segment, Usage
from agentcost.rendering import claude_call, claude_tool, is_claude

_USER_ID = re.compile(r"user_(?P<user>[^_]+)_account_(?P<account>[^_]*)_session_(?P<session>.+)")
_DIRECTORY = re.compile(r"[Ww]orking directory: *(\S+)")
_SETTINGS = frozenset({
    "thinking", "tool_choice", "speed", "service_tier", "max_tokens", "context_management", "output_config",
    "inference_geo", "cache_control", "container",
})  # fmt: skip


def owns(body: Body) -> bool:
    """Messages with Anthropic's marks: max_tokens beside messages, system apart, tools with input_schema."""
    if not isinstance(body.get("messages"), list) or not isinstance(body.get("model"), str):
        return False
    if "system" in body or "anthropic_version" in body or "anthropic_beta" in body:
        return True
    tools = body.get("tools")
    if isinstance(tools, list) and tools and isinstance(tools[0], dict):
        return "input_schema" in tools[0] or ("name" in tools[0] and "function" not in tools[0])
    if any(isinstance(item, dict) and item.get("role") in ("system", "tool", "developer") for item in body["messages"]):
        return False
    return "max_tokens" in body and "claude" in body["model"]


def ttl_of(block: Any) -> str:
    """The time to live of a block's cache marker, "" without one. The API's default is 5 minutes."""
    mark = block.get("cache_control") if isinstance(block, dict) else None
    return str(mark.get("ttl") or "5m") if isinstance(mark, dict) else ""


def bare(block: Body) -> Body:
    """A block without its cache marker."""
    return {key: value for key, value in block.items() if key != "cache_control"}


def head(body: Body) -> list[Segment]:
    """Tools in their order, then the system blocks."""
    claude = is_claude(str(body.get("model") or ""))
    tools = [tool_segment(tool, claude) for tool in body.get("tools") or () if isinstance(tool, dict)]
    system = body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    texts = [
        segment
        for block in blocks
        for segment in parts.text_segments(
            Spot("system", "system", breakpoint=ttl_of(block)), Kind.SYSTEM, str(block.get("text", ""))
        )
    ]
    return tools + texts


def tool_segment(tool: Body, claude: bool = True) -> Segment:
    """A tool as Claude is shown it; as it was sent where another model takes it, or Anthropic defines it."""
    server = str(tool.get("mcp_server_name", "")) if tool.get("type") == "mcp_toolset" else ""
    name, kind = str(tool.get("name") or server or tool.get("type", "")), tool.get("type", "custom")
    exact, spot = parts.canonical(bare(tool)), Spot("tools", "system", breakpoint=ttl_of(tool))
    if kind != "custom" or not claude:
        return parts.tool_definition(spot, name, exact, server=server)
    return parts.tool_definition(spot, name, claude_tool(tool), exact=exact)


_ENDS = {
    (run, last): Ends.BLOCK | (Ends.TOOL_RUN if run else 0) | (Ends.MESSAGE if last else 0)
    for run in (False, True)
    for last in (False, True)
}
"""What a block ends, by whether it is the last of a run of tool blocks, and of its message."""


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message."""
    del start
    return [_message(item, calls) for item in items]


def _message(message: Body, calls: Calls) -> list[Segment]:
    role, content = str(message.get("role", "user")), message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    blocks = [block for block in blocks if isinstance(block, dict)]
    level: Level = "system" if role == "system" else "messages"
    segments: list[Segment] = []
    for number, block in enumerate(blocks):
        last = number + 1 == len(blocks)
        run_ends = _is_tool(block) and (last or not _is_tool(blocks[number + 1]))
        spot = Spot(level, role, not segments, ttl_of(block), _ENDS[run_ends, last])
        segments += _block(spot, block, calls)
    return segments


def _is_tool(block: Body) -> bool:
    return str(block.get("type", "")).endswith(("tool_use", "tool_result"))


def _block(spot: Spot, block: Body, calls: Calls) -> list[Segment]:
    kind = str(block.get("type", ""))
    if kind == "text":
        own = {"user": Kind.USER, "assistant": Kind.ASSISTANT}.get(spot.role, Kind.SYSTEM)
        return parts.text_segments(spot, own, str(block.get("text", "")))
    if kind in ("thinking", "redacted_thinking"):
        opaque = str(block.get("signature") or block.get("data") or "")
        return [parts.segment(spot, Kind.THINKING, str(block.get("thinking", "")), identity=opaque)]
    if kind.endswith("tool_use"):
        return [_call(spot, block, calls)]
    if kind.endswith("tool_result"):
        return _result(spot, block, calls)
    if kind in ("image", "document"):
        return _media(spot, block)
    if kind == "compaction":
        return [parts.segment(spot, Kind.SUMMARY, str(block.get("content") or ""))]
    return [parts.segment(spot, Kind.USER if spot.role == "user" else Kind.ASSISTANT, parts.canonical(bare(block)))]


def _call(spot: Spot, block: Body, calls: Calls) -> Segment:
    name, call_id = str(block.get("name", "")), str(block.get("id", ""))
    if block.get("server_name"):
        name = f"mcp__{block['server_name']}__{name}"
    calls.tools[call_id] = name
    given = block.get("input")
    text = claude_call(name, given) if is_claude(calls.model) else ""
    return parts.tool_call(spot, name, parts.canonical(given), call_id, text=text)


def _result(spot: Spot, block: Body, calls: Calls) -> list[Segment]:
    call_id, content = str(block.get("tool_use_id", "")), block.get("content")
    tool = calls.named(call_id, str(block.get("type", "")).removesuffix("tool_result").strip("_"))
    inner = [content] if isinstance(content, str | dict) else content or [""]
    segments: list[Segment] = []
    for number, item in enumerate(inner):
        last = number + 1 == len(inner)
        here = Spot(
            spot.level, spot.role, spot.opens and not segments, spot.breakpoint or ttl_of(item) if last else "",
            spot.ends if last else Ends.NOTHING,
        )  # fmt: skip
        segments += _result_item(here, tool, item, f"{call_id} {block.get('is_error', False)}")
    return segments


def _result_item(spot: Spot, tool: str, item: Any, identity: str) -> list[Segment]:
    if isinstance(item, str):
        return parts.tool_result(spot, tool, item, identity)
    kind = item.get("type")
    if kind == "text":
        return parts.tool_result(spot, tool, str(item.get("text", "")), identity)
    if kind in ("image", "document"):
        return _media(spot, item)
    opaque = {key: value for key, value in bare(item).items() if not key.startswith("encrypted_")}
    return parts.tool_result(spot, tool, parts.canonical(opaque), identity)


def _media(spot: Spot, block: Body) -> list[Segment]:
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    if source.get("type") == "text":
        return parts.text_segments(spot, Kind.DOCUMENT, str(source.get("data", "")), name=str(block.get("title") or ""))
    if source.get("type") == "content":
        return parts.text_segments(spot, Kind.DOCUMENT, parts.canonical(source.get("content")))
    payload = str(source.get("data") or source.get("url") or source.get("file_id") or "")
    return [parts.image(spot, payload) if block["type"] == "image" else parts.document(spot, payload)]


def settings(body: Body) -> dict[str, str]:
    """What decides caching, tier and billing."""
    return as_text(chosen(body, _SETTINGS))


def identity(body: Body) -> Identity:
    """User and session from metadata.user_id, the project from the system prompt's working directory."""
    metadata = body.get("metadata")
    user_id = str(metadata.get("user_id") or "") if isinstance(metadata, dict) else ""
    user, session = _user_and_session(user_id)
    system = body.get("system")
    text = system if isinstance(system, str) else "\n".join(
        str(block.get("text", "")) for block in system or () if isinstance(block, dict)
    )  # fmt: skip
    directory = _DIRECTORY.search(text) if "orking directory:" in text else None
    project = directory.group(1).rstrip("/").rpartition("/")[2] if directory else ""
    client = "claude-code" if text[:2000].find("You are Claude Code") >= 0 else ""
    return Identity(session=session, user=user, project=project, client=client)


@lru_cache(maxsize=256)
def _user_and_session(user_id: str) -> tuple[str, str]:
    found = _USER_ID.fullmatch(user_id)
    if found:
        return found["user"], found["session"]
    if user_id.startswith("{"):
        try:
            value = parts.json_object(user_id)
        except ValueError:
            return user_id, ""
        return str(value.get("account_uuid") or value.get("device_id") or ""), str(value.get("session_id") or "")
    return user_id, ""


def answers(answer: Body) -> bool:
    """A generated message, not an error and not a token count."""
    return answer.get("type") == "message" and isinstance(answer.get("usage"), dict)


def usage(answer: Body) -> Usage | None:
    """Billed tokens; `input_tokens` excludes what was read from or written to the cache."""
    billed = answer.get("usage")
    if not isinstance(billed, dict) or billed.get("input_tokens") is None:
        return None
    ttl = billed.get("cache_creation") or {}
    short, long = int(ttl.get("ephemeral_5m_input_tokens") or 0), int(ttl.get("ephemeral_1h_input_tokens") or 0)
    written = int(billed.get("cache_creation_input_tokens") or 0)
    details = billed.get("output_tokens_details") or {}
    output = billed.get("output_tokens")
    found = Usage(
        plain=int(billed["input_tokens"]),
        read=int(billed.get("cache_read_input_tokens") or 0),
        write_5m=short,
        write_1h=long,
        write=max(0, written - short - long),
        output=None if output is None else int(output),
        reasoning=details.get("thinking_tokens"),
    )
    return with_server_tools(found, billed)


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The answer as the assistant message it becomes in the next prompt."""
    return elements([{"role": "assistant", "content": answer.get("content")}], 0, calls)[0]


def assemble(events: Sequence[Body]) -> Body:
    """message_start holds the input usage, message_delta the final output tokens and stop reason."""
    message: Body = {}
    for event in events:
        kind = event.get("type")
        if kind == "message_start":
            message = dict(event.get("message") or {})
            message["content"], message["usage"] = [], dict(message.get("usage") or {})
        elif kind == "content_block_start":
            message.setdefault("content", []).append(dict(event.get("content_block") or {}))
        elif kind == "content_block_delta" and message.get("content"):
            _add_delta(message["content"][-1], event.get("delta") or {})
        elif kind == "message_delta":
            message.update({key: value for key, value in (event.get("delta") or {}).items() if value is not None})
            more = {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
            message.setdefault("usage", {}).update(more)
    for block in message.get("content", ()):
        _close_block(block)
    return message


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def _add_delta(block: Body, delta: Body) -> None:
    if delta.get("type") == "input_json_delta":
        block["partial"] = block.get("partial", "") + str(delta.get("partial_json", ""))
    key = _DELTAS.get(str(delta.get("type")))
    if key:
        block[key] = str(block.get(key) or "") + str(delta.get(key, ""))


def _close_block(block: Body) -> None:
    partial = block.pop("partial", "")
    if partial:
        try:
            block["input"] = parts.json_object(partial)
        except ValueError:  # the stream was cut inside the arguments
            block["input"] = {"partial": partial}


API = Api(
    name="anthropic",
    provider="anthropic",
    growing="messages",
    stable=("tools", "system"),
    owns=owns,
    head=head,
    elements=elements,
    settings=settings,
    identity=identity,
    answers=answers,
    usage=usage,
    answer=answer,
    assemble=assemble,
)
