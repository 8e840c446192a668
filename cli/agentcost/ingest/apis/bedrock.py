"""Bedrock's Converse API, and the bodies of Nova models, which are alike: tools, then system, then messages.

    {"system": [{"text": "…"}, {"cachePoint": {"type": "default"}}], "messages": [{"role": "user", "content":
     [{"text": "Hello"}]}], "toolConfig": {"tools": [{"toolSpec": {"name": "ls", "inputSchema": {"json": {}}}}]}}

A block is named by its key. Blocks are read as Anthropic's that say the same, so that a prompt is one path in either
API; a cache point is a marker behind the block before it. Input excludes what was read from or written to the cache.
The model stands in the URL. Session and user: `requestMetadata`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis import anthropic
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.parameters import as_text
from agentcost.ingest.counts import count_at
from agentcost.model import Segment, Usage

_SETTINGS = (
    "inferenceConfig", "additionalModelRequestFields", "performanceConfig", "serviceTier", "guardrailConfig",
    "promptVariables",
)  # fmt: skip
_OWN = frozenset({"inferenceConfig", "toolConfig", "additionalModelRequestFields", "guardrailConfig"})
_BLOCKS = frozenset({
    "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
    "reasoningContent", "citationsContent", "searchResult",
})  # fmt: skip
_EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")


def owns(body: Body) -> bool:
    """Messages whose blocks are named by their key, or parameters that only Converse has."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(item, dict) for item in messages[:1]):
        return False
    own = any(isinstance(body[key], dict) for key in _OWN.intersection(body))
    if own or body.get("schemaVersion") == "messages-v1":
        return True
    content = messages[0].get("content") if messages else None
    return isinstance(content, list) and bool(content) and all(map(_is_block, content))


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and len(block) == 1 and not _BLOCKS.isdisjoint(block)


def head(body: Body) -> list[Segment]:
    """Tools in their order, then the system blocks."""
    config = body.get("toolConfig")
    tools = _marked(config.get("tools") if isinstance(config, dict) else None, _tool)
    return anthropic.head({"model": body.get("model"), "tools": tools, "system": _marked(body.get("system"), _block)})


def _tool(tool: Body) -> Body:
    given = tool.get("toolSpec")
    if not isinstance(given, dict):
        return {"name": next(iter(tool), ""), **tool}
    schema = given.get("inputSchema") or {}
    return {"name": given.get("name"), "description": given.get("description") or "",
            "input_schema": schema.get("json", schema)}  # fmt: skip


def _marked(blocks: Any, read: Any) -> list[Body]:
    """Blocks in Anthropic's words; a cache point becomes the mark of the block before it."""
    found: list[Body] = []
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, dict):
            continue
        point = block.get("cachePoint")
        if isinstance(point, dict) and found:
            found[-1]["cache_control"] = {"type": "ephemeral", "ttl": point.get("ttl") or "5m"}
        if len(block) > 1 or not isinstance(point, dict):
            found.append(read(block))
    return found


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message."""
    given = [item if isinstance(item, dict) else {} for item in items]
    return anthropic.elements(
        [{"role": item.get("role", "user"), "content": _content(item.get("content"))} for item in given], start, calls
    )


def _content(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else _marked(content, _block)


def _block(block: Body) -> Body:
    """A block in Anthropic's words; one that they have none for stays as it is."""
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    kind, value = next(((key, value) for key, value in block.items() if isinstance(value, dict)), ("", {}))
    if kind == "toolUse":
        return {"type": "tool_use", "id": value.get("toolUseId"), "name": value.get("name"), "input": value["input"]}
    if kind == "toolResult":
        failed = {"is_error": True} if value.get("status") == "error" else {}
        given = [_block(item) for item in value.get("content") or () if isinstance(item, dict)]
        return {"type": "tool_result", "tool_use_id": value.get("toolUseId"), "content": given, **failed}
    if kind == "reasoningContent":
        said = value.get("reasoningText") or {}
        opaque = said.get("signature") or value.get("redactedContent")
        return {"type": "thinking", "thinking": said.get("text") or "", "signature": opaque}
    if kind in ("image", "document"):
        return _media(kind, value)
    if kind in ("json", "guardContent", "citationsContent"):
        return {"type": "text", "text": _text(kind, value)}
    return {"type": kind or "unknown", **block}


def _text(kind: str, value: Body) -> str:
    if kind == "guardContent":
        return str((value.get("text") or {}).get("text") or "")
    if kind == "citationsContent":
        return "".join(str(item.get("text") or "") for item in value.get("content") or () if isinstance(item, dict))
    return parts.canonical(value)


def _media(kind: str, value: Body) -> Body:
    """Bytes, or where they lie; a document may be text."""
    source = value.get("source") or {}
    if isinstance(source.get("text"), str):
        return {"type": kind, "title": value.get("name"), "source": {"type": "text", "data": source["text"]}}
    data = source.get("bytes") or (source.get("s3Location") or {}).get("uri") or ""
    return {"type": kind, "source": {"type": "base64", "data": data}}


def settings(body: Body) -> dict[str, str]:
    """What decides caching, tier and billing."""
    found = {key: body[key] for key in _SETTINGS if body.get(key)}
    choice = (body.get("toolConfig") or {}).get("toolChoice")
    if choice:
        found["tool_choice"] = choice
    tier = found.pop("serviceTier", None)
    if tier:
        found["service_tier"] = tier.get("type", "") if isinstance(tier, dict) else tier
    return as_text(found)


def identity(body: Body) -> Identity:
    """Session and user as far as the request's metadata names them; the project as Claude's system prompt does."""
    system = [block for block in body.get("system") or () if isinstance(block, dict)]
    known = anthropic.identity({"system": system})
    given = body.get("requestMetadata")
    named = given if isinstance(given, dict) else {}
    return Identity(
        session=str(named.get("session_id") or named.get("sessionId") or ""),
        user=str(named.get("user_id") or named.get("userId") or ""),
        project=known.project,
        client=known.client,
    )


def answers(answer: Body) -> bool:
    """A message under `output`."""
    output = answer.get("output")
    return isinstance(output, dict) and isinstance(output.get("message"), dict)


def usage(answer: Body) -> Usage | None:
    """Billed tokens; the time to live of what was written stands in `cacheDetails`."""
    billed = answer.get("usage")
    plain = count_at(billed, "inputTokens") if isinstance(billed, dict) else None
    if not isinstance(billed, dict) or plain is None:
        return None
    written, ttl = _count(billed, "cacheWriteInputTokens", "cacheWriteInputTokenCount"), {"5m": 0, "1h": 0}
    for detail in billed.get("cacheDetails") or ():
        if isinstance(detail, dict) and detail.get("ttl") in ttl:
            ttl[detail["ttl"]] += _count(detail, "inputTokens")
    return Usage(
        plain=plain,
        read=_count(billed, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        write_5m=ttl["5m"],
        write_1h=ttl["1h"],
        write=max(0, written - ttl["5m"] - ttl["1h"]),
        output=count_at(billed, "outputTokens"),
    )


def _count(billed: Body, *keys: str) -> int:
    return count_at(billed, *keys) or 0


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The answer as the message it becomes in the next prompt."""
    return elements([{**answer["output"]["message"], "role": "assistant"}], 0, calls)[0]


def assemble(events: Sequence[Body]) -> Body:
    """Blocks by their index, usage from the metadata; Nova names an event by a key, Converse in a header."""
    blocks: dict[int, Body] = {}
    whole: Body = {"output": {"message": {"role": "assistant", "content": []}}}
    for event in events:
        own = next((event[key] for key in _EVENTS if isinstance(event.get(key), dict)), event)
        whole.update({key: own[key] for key in ("usage", "metrics", "stopReason") if key in own})
        if isinstance(own.get("start"), dict):
            blocks[_index(own)] = {"toolUse": {**(own["start"].get("toolUse") or {}), "input": ""}}
        if isinstance(own.get("delta"), dict):
            _add(blocks.setdefault(_index(own), {}), own["delta"])
    for index in sorted(blocks):
        whole["output"]["message"]["content"].append(_closed(blocks[index]))
    return whole if blocks or "usage" in whole else {}


def _index(event: Body) -> int:
    return int(event.get("contentBlockIndex") or 0)


def _add(block: Body, delta: Body) -> None:
    if isinstance(delta.get("text"), str):
        block["text"] = block.get("text", "") + delta["text"]
    if isinstance(delta.get("toolUse"), dict):
        call = block.setdefault("toolUse", {"input": ""})
        call["input"] += str(delta["toolUse"].get("input") or "")
    thought = delta.get("reasoningContent")
    if isinstance(thought, dict):
        known = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
        known["reasoningText"]["text"] += str(thought.get("text") or "")
        known["reasoningText"].update({"signature": thought["signature"]} if "signature" in thought else {})
        known.update({"redactedContent": thought["redactedContent"]} if "redactedContent" in thought else {})


def _closed(block: Body) -> Body:
    call = block.get("toolUse")
    if isinstance(call, dict):
        try:
            call["input"] = parts.json_object(call["input"] or "{}")
        except ValueError:  # the stream was cut inside the arguments
            call["input"] = {"partial": call["input"]}
    return block


API = Api(
    name="bedrock",
    provider="bedrock",
    growing="messages",
    stable=("toolConfig", "system"),
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
