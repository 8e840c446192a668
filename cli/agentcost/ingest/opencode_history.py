"""What an opencode session has said so far, as its next prompt will hold it.

A summary takes the place of what it sums up, but for a tail that is kept; results of tools are cleared when they
are old (`state.time.compacted`): prompts of before hold them, later ones do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.talking import Talk


class Said(msgspec.Struct, frozen=True):
    """A message of the prompt, the message of the log that it is from, and when it was cleared."""

    message: Body
    source: str
    cleared: float | None = None

    def gone(self, when: float | None) -> bool:
        """Whether a prompt of a time holds it without its content."""
        return self.cleared is not None and when is not None and self.cleared <= when

    def at(self, when: float | None) -> Body:
        """The message as a prompt of a time holds it."""
        return {**self.message, "content": ""} if self.gone(when) else self.message


class History(msgspec.Struct):
    """A conversation with all that was said in it since its last summary, and of it what is cleared some time.

    `before` is when it was last asked.
    """

    talk: Talk
    said: list[Said] = []
    cleared: list[Said] = []
    before: float | None = None

    def hear(self, messages: Sequence[Said]) -> None:
        """What the next prompt will hold."""
        self.said += messages
        self.cleared += [one for one in messages if one.cleared is not None]
        for one in messages:
            self.talk.hear(one.at(self.before))

    def ask(self, model: str, when: float | None) -> int:
        """The node of the prompt of a time; it parts from the last one where results were cleared since."""
        now = when if when is not None else self.before
        if any(one.gone(now) != one.gone(self.before) for one in self.cleared):
            self.talk.again([one.at(now) for one in self.said])
        self.before = now
        return self.talk.ask(model)

    def answer(self, message: Body, model: str, source: str) -> int:
        """The node behind an answer to what was asked last."""
        self.said.append(Said(message, source))
        return self.talk.answer(message, model)

    def restart(self, summary: str, kept_from: str) -> None:
        """The session was summed up: its messages from `kept_from` on stay behind the summary."""
        first = next((number for number, one in enumerate(self.said) if kept_from and one.source == kept_from), None)
        tail = self.said[first:-1] if first is not None else []  # the last one is the summary itself
        self.talk.restart(summary)
        self.said, self.cleared = [Said(message, "") for message in self.talk.waiting], []
        self.hear(tail)
