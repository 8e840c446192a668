"""What a template puts around the text of every prompt: how many things of each kind its path has, and their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.measuring.levels import Ints, Levels
from agentcost.model import Kind, Knowledge, Request
from agentcost.prefix import Entry, Tree
from agentcost.tokens import Choice, Shape, Template, overhead


class Counts(msgspec.Struct, frozen=True):
    """Per node, how many messages, tools, calls… its path has, in the words of `Shape`; and how many media."""

    messages: Ints
    systems: Ints
    replies: Ints
    tools: Ints
    calls: Ints
    more_calls: Ints
    parallel: Ints
    loaded: Ints
    media: Ints

    @classmethod
    def of(cls, tree: Tree, levels: Levels) -> Counts:
        numbers: dict[tuple[object, ...], int] = {}  # few kinds of segments, in many texts
        shapes: list[tuple[int, ...]] = []
        of = []
        for entry in tree.entries:
            key = entry.kind, entry.level, entry.role, entry.opens_message, entry.media
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(shapes)
                shapes.append(_shape(entry))
            of.append(number)
        own = numpy.array([*shapes, (0,) * len(cls.__struct_fields__)], dtype=numpy.int64)
        of.append(len(shapes))  # the root's, at -1
        each = own[numpy.array(of, dtype=numpy.int64)[numpy.array(tree.segments, dtype=numpy.int64)]]
        _mark_second(each[:, cls.__struct_fields__.index("parallel")], levels.parents)
        there = each.any(axis=0)
        each[:, there] = levels.down(each[:, there])
        return cls(*each.T)


_OPENS, _INSIDE = 1, 2
"""A call that opens its message, and one that stands behind another block of it."""


def _mark_second(calls: Ints, parents: Ints) -> None:
    """Of the calls of every message mark the second, in place: it is there once where there are several."""
    before, further = calls[parents], calls[parents[parents]]
    calls[:] = (calls == _INSIDE) & (before > 0) & ~((before == _INSIDE) & (further > 0))


def _shape(entry: Entry) -> tuple[int, ...]:
    """What a segment adds to each of the counts. Encrypted reasoning is no message of its own."""
    if entry.kind is Kind.BLOCK:
        return (0,) * len(Counts.__struct_fields__)
    system, call, state = entry.level == "system", entry.kind is Kind.TOOL_CALL, entry.media.startswith(_STATE)
    opens = entry.opens_message and not state
    reply = opens and entry.role == "assistant" and entry.kind is Kind.ASSISTANT
    tool, loaded = entry.level == "tools", entry.level == "messages" and entry.kind in (Kind.TOOL, Kind.MCP_TOOL)
    media = bool(entry.media) and not state
    inside = call and not opens
    parallel = (_INSIDE if inside else _OPENS) if call else 0
    return opens and not system, opens and system, reply, tool, call, inside, parallel, loaded, media


_STATE = "state "
"""What the media of encrypted reasoning begin with; its length follows."""


BARE = (Knowledge.BLOCKS, Knowledge.COUNTS)
"""Logs whose lengths have inside what stands around the text."""


def framed(template: Template, counts: Counts, used: NDArray[numpy.bool_], levels: Levels) -> Ints:
    """Per node, the tokens along its path that stand around single tools and calls; 0 off the paths that are used."""
    along = template.per_tool * counts.tools + template.per_call * counts.calls
    along += template.per_more_calls * counts.more_calls + template.per_parallel * counts.parallel
    return levels.down(numpy.where(used, along - along[levels.parents], 0))


def speaks(request: Request) -> str:
    """The API that the model was asked by in the end: OpenRouter asks OpenAI's by Responses, as its answers say
    (`"format": "openai-responses-v1"`)."""
    through = request.provider == "openrouter" and request.api == "openai-chat"
    return "openai-responses" if through else request.api


def around_of(template: Template, counts: Counts, requests: Sequence[Request], knowledge: Knowledge) -> Ints:
    """All tokens that stand around the text of each request. A transcript's tools are hidden."""
    if knowledge in BARE:
        return numpy.zeros(len(requests), dtype=numpy.int64)
    nodes = [request.node for request in requests]
    shapes = zip(*(getattr(counts, name)[nodes].tolist() for name in _SHAPE), strict=True)
    known: dict[tuple[object, ...], int] = {}  # few shapes and settings differ
    found = []
    for request, shape in zip(requests, shapes, strict=True):
        key = shape, request.settings
        tokens = known.get(key)
        if tokens is None:
            tokens = known[key] = _around(template, Shape(**dict(zip(_SHAPE, shape, strict=True))), request)
        found.append(tokens)
    return numpy.array(found, dtype=numpy.int64)


_SHAPE = tuple(name for name in Counts.__struct_fields__ if name in Shape.__struct_fields__)


def _around(template: Template, shape: Shape, request: Request) -> int:
    settings = dict(request.settings)
    formed = '"json_schema"' in settings.get("output_config", "") or settings.get("text_format", "")[:4] == "json"
    formed = formed or "responseSchema" in settings
    return overhead(
        template, shape, _choice(settings), thinking=_thinks(settings), schema=formed, chosen="toolConfig" in settings
    )


def arounds(template: Template, counts: Counts) -> Ints:
    """`around_of` every node at once, for the usual settings."""
    per_system = template.per_message if template.per_system is None else template.per_system
    for_tools = template.tools + template.per_tool * counts.tools + template.system_adjust * (counts.systems > 0)
    found: Ints = template.base + template.per_message * counts.messages + per_system * counts.systems
    found += template.per_reply * counts.replies
    found += template.per_call * counts.calls + template.per_more_calls * counts.more_calls
    found += template.per_parallel * counts.parallel
    found += for_tools * (counts.tools > 0) + template.loaded * (counts.loaded > 0)
    return found


def _choice(settings: Mapping[str, str]) -> Choice:
    value = settings.get("tool_choice", "auto")
    if '"none"' in value or value == "none":
        return "none"
    if '"any"' in value or value == "required":
        return "any"
    return "named" if '"name"' in value or '"function"' in value else "auto"


def _thinks(settings: Mapping[str, str]) -> bool:
    """Whether a request turns thinking on, in Anthropic's words, OpenRouter's or Bedrock's."""
    asked = settings.get("thinking") or settings.get("reasoning") or settings.get("additionalModelRequestFields", "")
    if '"effort"' in asked:
        return '"effort":"none"' not in asked
    return '"enabled"' in asked and '"enabled":false' not in asked and '"disabled"' not in asked
