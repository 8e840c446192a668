"""Messages of a transcript whose records each hold a part of one: an answer's block, a tool's result, a reminder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.ingest import parts
from agentcost.ingest.apis import anthropic
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment


class Part(msgspec.Struct, frozen=True):
    """What a record adds to a message: content blocks as Anthropic's API has them, at least one.

    `kind` and `name` say what its texts are where the log knows; else their text tells.
    """

    role: str
    blocks: Sequence[Body]
    kind: Kind | None = None
    name: str = ""


def content_blocks(content: Any) -> list[Body]:
    """The blocks of a message's content, of which a bare string is one. What is no block is left out."""
    if isinstance(content, str):
        return [text_block(content)] if content else []
    return [_sound(block) for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _sound(block: Body) -> Body:
    """The block; of a tool's result that holds neither text nor blocks, the JSON as its text."""
    content = block.get("content")
    listed = content if isinstance(content, list) else [content]
    if not is_result(block) or content is None or all(isinstance(item, str | dict) for item in listed):
        return block
    return {**block, "content": parts.canonical(content)}


def text_block(text: str) -> Body:
    """A text as a content block."""
    return {"type": "text", "text": text}


def is_result(block: Body) -> bool:
    """Whether a block is a tool's result."""
    return str(block.get("type", "")).endswith("tool_result")


def turn_segments(turn: Sequence[Part], calls: Calls, goes_on: bool = False) -> list[list[Segment]]:
    """The segments of every part. Parts of one role in a row are one message.

    `goes_on` where the first part goes on with a message that was begun before.
    """
    found: list[list[Segment]] = []
    role = turn[0].role if goes_on and turn else ""
    for part in turn:
        found.append(_segments(part, calls, opens=part.role != role))
        role = part.role
    for number, (part, following) in enumerate(pairwise(turn)):
        if part.role == following.role:
            ended = Ends.MESSAGE
            if _is_tool(part.blocks[-1]) and _is_tool(following.blocks[0]):
                ended |= Ends.TOOL_RUN
            found[number][-1] = without(found[number][-1], ended)
    return found


def without(segment: Segment, ends: Ends) -> Segment:
    """The segment when more follows it."""
    return replace(segment, ends=segment.ends & ~ends)


def _is_tool(block: Body) -> bool:
    return str(block.get("type", "")).endswith(("tool_use", "tool_result"))


def _segments(part: Part, calls: Calls, opens: bool) -> list[Segment]:
    """The segments of a part, the last of which ends the message."""
    found: list[Segment] = []
    for known, run in groupby(part.blocks, key=lambda block: part.kind is not None and block.get("type") == "text"):
        if known:
            for block in run:
                spot = Spot("messages", part.role, opens and not found)
                found.append(parts.segment(spot, part.kind or Kind.USER, str(block.get("text", "")), name=part.name))
        else:
            found += _plain(part.role, list(run), calls, opens and not found)
    return [without(segment, Ends.MESSAGE) for segment in found[:-1]] + parts.close_message(found[-1:])


def _plain(role: str, blocks: list[Body], calls: Calls, opens: bool) -> list[Segment]:
    """Blocks whose kind their own content tells; an empty text stands for what the message began with."""
    before = [] if opens else [text_block("")]
    segments = anthropic.elements([{"role": role, "content": [*before, *blocks]}], 0, calls)[0]
    return segments[len(before) :]
