"""The conversation of a Cline or Roo Code task as the prompts that its calls sent, with the bills that lie beside it.

    api_conversation_history.json   [{"role":"user","content":[…]},{"role":"assistant","content":[…],"modelInfo":{…}}]
    ui_messages.json                its bills: see `cline`

A message of the assistant is a call. What was condensed or cut off stays in the file and is marked
(`condenseParent`, `truncationParent`); Cline marks it on the bill (`conversationHistoryDeletedRange`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.cline_words import MODEL, known, message_segments
from agentcost.ingest.exported import object_of, text_at
from agentcost.ingest.times import moment
from agentcost.model import ROOT, Grow, Segment, Usage


def provider_of(name: str) -> str:
    """A provider as it is called elsewhere: `openai-native` is OpenAI itself."""
    return name.removesuffix("-native")


class Bill(msgspec.Struct, frozen=True):
    """A call as the task's window tells of it; `behind` is the last message that stood before its prompt's last."""

    time: float
    usage: Usage | None
    cost: str
    model: str
    provider: str
    behind: int | None = None
    cut: tuple[int, int] | None = None


class Call(msgspec.Struct, frozen=True):
    """A call of the conversation: nodes of its prompt and answer, and its bill."""

    node: int
    answer: int
    model: str
    provider: str
    bill: Bill | None
    started: float | None
    ended: float | None


class _Entry(msgspec.Struct, frozen=True):
    segments: Sequence[Segment]
    parents: tuple[str, ...]


class Conversation(msgspec.Struct):
    """What was said so far: `shown` are the messages that are not hidden, by number; where `stale` is set, look again.

    `grown` are those of the last prompt and its answer, the first of `shown`, and `node` stands behind them.
    """

    grow: Grow
    prefix: Sequence[Segment]
    entries: list[_Entry] = []
    shown: list[int] = []
    stale: bool = False
    cut: tuple[int, int] | None = None
    grown: list[int] = []
    node: int = ROOT
    calls: Calls = msgspec.field(default_factory=Calls)
    present: set[str] = set()
    thought: list[Any] = []
    model: str = ""
    since: float | None = None

    def hear(self, message: Body) -> None:
        """Something that later prompts hold: a user's message, or reasoning, which belongs to the next answer."""
        told = known(message)
        if message.get("type") == "reasoning":
            self.thought += told["content"]
            return
        new = {text_at(message, "condenseId"), text_at(message, "truncationId")} - {""} - self.present
        self.present |= new
        self.stale = self.stale or bool(new)
        self._add(told)
        texts = (str(block.get("text") or "") for block in told["content"])
        named = [found["model"] for text in texts if "<environment_details>" in text for found in MODEL.finditer(text)]
        self.model = named[-1] if named else self.model
        self.since = moment(message.get("ts"))[0]

    def ask(self, message: Body, bill: Bill | None) -> Call:
        """The call that a message of the assistant answered."""
        told = known(message)
        told["content"], self.thought = [*self.thought, *told["content"]], []
        info = object_of(message.get("modelInfo"))
        model = text_at(info, "modelId") or (bill.model if bill else "") or self.model
        node = self._prompt(model, bill.cut if bill else None)
        self._add(told)
        started = bill.time if bill else self.since
        ended = self.since = moment(message.get("ts"))[0]
        answer = self._extend([len(self.entries) - 1], model)
        provider = provider_of(text_at(info, "providerId")) or (bill.provider if bill else "")
        return Call(node, answer, model, provider, bill, started, ended)

    def _add(self, message: Body) -> None:
        named = (text_at(message, "condenseParent"), text_at(message, "truncationParent"))
        self.entries.append(_Entry(message_segments(message, self.calls), tuple(name for name in named if name)))
        if self._is_shown(len(self.entries) - 1):
            self.shown.append(len(self.entries) - 1)
        else:  # an answer stands behind its prompt all the same
            self.stale = True

    def _is_shown(self, number: int) -> bool:
        parents = self.entries[number].parents
        return self.present.isdisjoint(parents) and not (self.cut and self.cut[0] <= number <= self.cut[1])

    def _prompt(self, model: str, cut: tuple[int, int] | None) -> int:
        """The node of a prompt of all that is not hidden; looked at again only where something was hidden since."""
        if self.stale or cut != self.cut:
            self.stale, self.cut = False, cut
            self.shown = [number for number in range(len(self.entries)) if self._is_shown(number)]
            if self.shown[: len(self.grown)] != self.grown:
                self.grown = []
        if not self.grown:
            self.node = [ROOT, *self.grow(ROOT, self.prefix, model)][-1]
        return self._extend(self.shown[len(self.grown) :], model)

    def _extend(self, numbers: Sequence[int], model: str) -> int:
        segments = [segment for number in numbers for segment in self.entries[number].segments]
        self.grown += numbers
        if segments:
            self.node = self.grow(self.node, segments, model)[-1]
        return self.node


def is_answer(message: Body) -> bool:
    """Whether a message is what a call of the conversation gave; a summary is from a call beside it."""
    return message.get("role") == "assistant" and not message.get("isSummary")


def paired(messages: Sequence[Body], bills: Sequence[Bill]) -> dict[int, Bill] | None:
    """The bill of each message that is an answer, by its number; None where they cannot be told apart.

    By time where the messages have one, else one by one where there are as many, else by what stood before them.
    """
    answers = [number for number, message in enumerate(messages) if is_answer(message)]
    times = [moment(messages[number].get("ts"))[0] for number in answers]
    if answers and all(time is not None for time in times):
        return dict(_by_time(answers, [time for time in times if time is not None], bills))
    billed = [bill for bill in bills if bill.usage]
    if len(billed) == len(answers):
        return dict(zip(answers, billed, strict=True))
    if all(bill.behind is not None for bill in billed):
        return dict(_by_place(answers, billed))
    return None


def _by_time(answers: Sequence[int], times: Sequence[float], bills: Sequence[Bill]) -> Iterator[tuple[int, Bill]]:
    """The last bill begun between the answer before and this one."""
    begun = sorted((bill for bill in bills if bill.usage), key=lambda bill: bill.time)
    moments, before = [bill.time for bill in begun], float("-inf")
    for number, time in zip(answers, times, strict=True):
        last = bisect_right(moments, time)
        if last > bisect_right(moments, before):
            yield number, begun[last - 1]
        before = time


def _by_place(answers: Sequence[int], bills: Sequence[Bill]) -> Iterator[tuple[int, Bill]]:
    """The first answer behind the message that a bill names; of several bills the last."""
    for bill in bills:
        place = bisect_right(answers, bill.behind) if bill.behind is not None else len(answers)
        if place < len(answers):
            yield answers[place], bill
