"""The entries of pi's sessions, and what their messages put into a prompt."""

from __future__ import annotations

from typing import Any

import msgspec

from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.counts import Count
from agentcost.ingest.turns import Part, content_blocks, text_block
from agentcost.model import Kind


class Cost(msgspec.Struct):
    """What pi made of a call, in USD."""

    total: float | int | None = None


class Billed(msgspec.Struct, rename="camel"):
    """The usage of a call; its input counts exclude each other."""

    input: Count = 0
    output: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    cost: Cost | None = None


class Message(msgspec.Struct, rename="camel"):
    """A message of any role."""

    role: str = ""
    content: str | list[Any] | None = None
    timestamp: str | int | float | None = None
    provider: str = ""
    api: str = ""
    model: str = ""
    usage: Billed | None = None
    stop_reason: str = ""
    response_id: str | None = None
    tool_call_id: str = ""
    tool_name: str = ""
    is_error: bool = False
    command: str = ""
    output: str = ""
    exclude_from_context: bool = False
    summary: str = ""
    custom_type: str = ""


class Entry(msgspec.Struct, rename="camel"):
    """An entry of a session, whatever its type."""

    type: str = ""
    id: str = ""
    parent_id: str | msgspec.UnsetType | None = msgspec.UNSET
    timestamp: str | int | float | None = None
    message: Message | None = None
    version: int = 1
    cwd: str = ""
    thinking_level: str = ""
    summary: str = ""
    first_kept_entry_id: str = ""
    first_kept_entry_index: int | None = None
    content: str | list[Any] | None = None
    custom_type: str = ""


def entry_of(value: Any) -> Entry:
    """The record as an Entry. ValidationError where it is written otherwise."""
    try:
        return msgspec.convert(value, Entry)
    except UnicodeEncodeError as error:  # how msgspec fails to name a key or a value that it cannot take
        raise msgspec.ValidationError("a lone surrogate where none may stand") from error


def summary_part(text: str) -> Part | None:
    """A summary in place of what it sums up; None where it is empty."""
    return Part("user", [text_block(text)], Kind.SUMMARY) if text else None


def part_of(message: Message, calls: Calls) -> Part | None:
    """What a message of another role than the assistant's puts into the prompt."""
    blocks = blocks_of(message.content)
    if message.role == "user":
        return Part("user", blocks)
    if message.role == "toolResult":
        calls.tools[message.tool_call_id] = message.tool_name
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": blocks}
        return Part("user", [{**result, "is_error": message.is_error}])
    if message.role == "bashExecution" and not message.exclude_from_context:
        return Part("user", [text_block(f"Ran `{message.command}`\n```\n{message.output}\n```")])
    if message.role in ("compactionSummary", "branchSummary"):
        return summary_part(message.summary)
    return Part("user", blocks, Kind.MEMORY, message.custom_type) if message.role in ("custom", "hookMessage") else None


def blocks_of(content: Any) -> list[Body]:
    """pi's content as the blocks of Anthropic's API."""
    return [_block(block) for block in content_blocks(content)]


def _block(block: Body) -> Body:
    kind = block.get("type")
    if kind == "toolCall":
        return {"type": "tool_use", "id": block.get("id"), "name": block.get("name"), "input": block.get("arguments")}
    if kind == "thinking":
        return {**block, "signature": block.get("thinkingSignature")}
    if kind == "image":
        return {"type": "image", "source": {"data": block.get("data")}}
    return text_block(str(block.get("text", ""))) if kind == "text" else block
