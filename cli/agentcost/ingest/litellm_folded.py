"""Prompts into which OpenHands folded its tools, for models that it does not let call functions.

The system prompt describes the tools, an answer's text holds the call, a user message the result:

    ---- BEGIN FUNCTION #1: terminal ---- … ---- END FUNCTION #1 ----
    I look first.\\n\\n<function=terminal>\\n<parameter=command>ls</parameter>\\n</function>
    EXECUTION RESULT of [terminal]:\\nhello.py

The text is left as it was sent; only the components are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment

_TOOL = re.compile(r"---- BEGIN FUNCTION #\d+: (?P<name>.+?) ----\n.*?---- END FUNCTION #\d+ ----\n*", re.DOTALL)
_CALL = re.compile(r"<function=(?P<name>[^>\n]+)>.*", re.DOTALL)
_RESULT = re.compile(r"EXECUTION RESULT of \[(?P<name>[^\]\n]*)\]:\n.*", re.DOTALL)
_CLOSE = "</function>"

_WITHIN = {Kind.SYSTEM: _TOOL, Kind.ASSISTANT: _CALL, Kind.USER: _RESULT}
"""What may stand in a component's text."""


def unfolded(segments: Sequence[Segment]) -> list[Segment]:
    """The same text, tools, calls and results apart."""
    return [piece for segment in segments for piece in _pieces(segment)]


def _pieces(segment: Segment) -> Sequence[Segment]:
    if segment.kind not in _WITHIN or segment.lead:
        return [segment]
    found = list(_stretches(segment))
    if len(found) == 1 and found[0][0] is segment.kind:
        return [segment]
    pieces, lead = [], ""
    for number, (kind, name, text) in enumerate(found, 1):
        last = number == len(found)
        spot = Spot(
            segment.level, segment.role, segment.opens_message and number == 1, segment.breakpoint if last else "",
            segment.ends if last else Ends.NOTHING,
        )  # fmt: skip
        pieces.append(parts.segment(spot, kind, text, name=name, server=parts.split_mcp(name)[0], lead=lead))
        lead += text
    return pieces


def _stretches(segment: Segment) -> Iterator[tuple[Kind, str, str]]:
    """(component, name, text) of each stretch; a result is one only where its message begins with it."""
    pattern, at = _WITHIN[segment.kind], 0
    for found in pattern.finditer(segment.text):
        if pattern is _RESULT and found.start():
            break
        if found.start() > at:
            yield segment.kind, segment.name, segment.text[at : found.start()]
        yield _kind(segment.kind, found["name"]), found["name"], found.group()
        at = found.end()
    if at < len(segment.text) or at == 0:
        yield segment.kind, segment.name, segment.text[at:]


def _kind(within: Kind, name: str) -> Kind:
    if within is Kind.SYSTEM:
        return parts.tool_definition(Spot("tools", "system"), name, "").kind
    return Kind.TOOL_CALL if within is Kind.ASSISTANT else parts.result_kind(name)


def written(answer: Body, raw: Body) -> Body:
    """The answer with the text that the model wrote, closed where the stop word `</function` cut it.

    `raw` is the answer before its calls were parsed, empty where the log keeps that one alone. A model that called
    a function all the same has its call in `answer` only.
    """
    given = raw if raw.get("choices") else answer
    message = (given["choices"][0] or {}).get("message") or {}
    text = message.get("content")
    if not isinstance(text, str) or not _CALL.search(text):
        return answer
    if _CLOSE not in text[text.rindex("<function=") :]:
        text += _CLOSE
    return {**answer, "choices": [{"message": {**message, "content": text, "tool_calls": None}}]}
