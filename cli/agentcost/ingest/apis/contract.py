"""What an API's dialect tells: how its request bodies become segments, and how its answers are billed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agentcost.model import Segment, Usage

Body = dict[str, Any]
"""A decoded request body, or answer."""


class Calls(msgspec.Struct):
    """Which tool each call id of a conversation named, so that a result can be given to its tool; and the model."""

    tools: dict[str, str] = {}
    model: str = ""

    def named(self, call_id: str, otherwise: str = "") -> str:
        """The tool that a call id belongs to; `otherwise` where the log does not hold the call."""
        return self.tools.get(call_id, otherwise)


class Identity(msgspec.Struct, frozen=True):
    """Who a body says it is from; "" is unknown."""

    session: str = ""
    user: str = ""
    project: str = ""
    client: str = ""
    task: str = ""


class Api(msgspec.Struct, frozen=True):
    """A provider API's dialect.

    `growing` is the body's key that holds the list of messages; `stable` the keys of the large values beside it.
    `owns` says by its keys whether a body is in this dialect.
    `head(body)` gives the segments that a model sees before the messages (tools, system…), in the provider's
    order. `elements(items, start, calls)` gives one list of segments per element of the growing list, where
    `start` elements went before the first of them; the last segment of each message has Ends.MESSAGE.
    `settings(body)` are the parameters that decide caching, tier and billing, as text. `usage(answer)` are
    the billed tokens or None; `answer(answer, calls)` the answer as it would stand in the next prompt.
    `assemble(events)` joins a stream's events to the answer that the unstreamed call would have given.
    `answers(answer)` says whether a decoded response is this API's generating answer (not an error, not a count).
    """

    name: str
    provider: str
    growing: str
    stable: tuple[str, ...]
    owns: Callable[[Body], bool]
    head: Callable[[Body], list[Segment]]
    elements: Callable[[Sequence[Any], int, Calls], list[list[Segment]]]
    settings: Callable[[Body], dict[str, str]]
    identity: Callable[[Body], Identity]
    answers: Callable[[Body], bool]
    usage: Callable[[Body], Usage | None]
    answer: Callable[[Body, Calls], list[Segment]]
    assemble: Callable[[Sequence[Body]], Body]
