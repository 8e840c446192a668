"""A conversation that a client wrote down message by message, grown into paths as its model would have been sent it.

Messages are in the words of Chat Completions (see retold.py). What is said waits until a model is asked: only then is
it known whose tokenizer reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.model import ROOT, Grow, Kind, Segment


class Talk(msgspec.Struct):
    """A conversation: the node it stands at, and what was said since. `prefix` is what the client hides before it."""

    grow: Grow
    prefix: Sequence[Segment] = ()
    node: int = ROOT
    waiting: list[Body] = []
    calls: Calls = msgspec.field(default_factory=Calls)
    said: int = 0
    begun: bool = False

    def hear(self, message: Body) -> None:
        """Something that the next prompt will hold."""
        self.waiting.append(message)

    def ask(self, model: str) -> int:
        """The node of the prompt that holds all that was said."""
        if not self.begun:
            self.node, self.begun = [self.node, *self.grow(self.node, self.prefix, model)][-1], True
        self._take(self.waiting, model)
        self.waiting = []
        return self.node

    def answer(self, message: Body, model: str) -> int:
        """The node behind an answer to what was asked last."""
        self._take([message], model)
        return self.node

    def restart(self, summary: str) -> None:
        """The context was compacted: from here on it begins with a summary."""
        self.again([{"role": "user", "content": summary, _SUMMARY: True}] if summary else [])

    def again(self, messages: Sequence[Body]) -> None:
        """The context was edited: from here on these messages are all of it."""
        self.node, self.begun, self.said = ROOT, False, 0
        self.waiting = list(messages)

    def _take(self, messages: Sequence[Body], model: str) -> None:
        if not messages:
            return
        api, body = retold.body_of(model, messages, [])
        segments = [*(api.head(body) if body.get("system") else ())]
        groups = api.elements(body[api.growing], self.said, self.calls)
        self.said += len(groups)
        if messages[0].get(_SUMMARY):
            groups[0] = [replace(part, kind=Kind.SUMMARY) for part in groups[0]]
        segments += [segment for group in groups for segment in group]
        if segments:
            self.node = self.grow(self.node, segments, model)[-1]


_SUMMARY = "_summary"
"""Marks a message that sums up what went before."""
