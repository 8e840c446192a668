"""The history of a Codex session: which items a request sent, which it answered, and the path they make.

Codex writes the items of the Responses API in the order they came, and what was billed behind each answer. Between
two bills, the last run of answer items (the assistant's messages, reasoning, calls) is the answer; what stands
before it was sent with the request, what follows it will be sent with the next.

Blocks that Codex itself puts into a user message (`CONTEXT`) are memory: AGENTS.md, the environment, skills.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.apis.openai_content import content_segments, text_of
from agentcost.ingest.apis.openai_items import is_result, item_segments
from agentcost.ingest.parts import Spot
from agentcost.model import ROOT, Grow, Kind, Segment

CONTEXT = re.compile(
    r"\s*(?:# AGENTS\.md instructions|<(?:environment_context|user_instructions|INSTRUCTIONS|skills_instructions"
    r"|apps_instructions|plugins_instructions|turn_aborted|subagent_notification|user_shell_command|model_switch)>)"
)
"""How a block opens that Codex wrote into a user message; with `<skill>` it holds a skill's text."""
_SKILL = re.compile(r"\s*<skill>")

_NOT_SENT = frozenset({"ghost_snapshot", "compaction_trigger", "other"})
"""Items that Codex keeps for itself."""

_SUMMARY = "Another language model started to solve this problem and produced a summary"
"""How Codex opens the message that holds a summary."""


def is_answer(item: Body) -> bool:
    """Whether the model wrote an item."""
    kind = str(item.get("type") or "message")
    if kind == "message":
        return item.get("role") == "assistant"
    return kind in ("reasoning", "compaction", "context_compaction") or kind.endswith("_call")


class History(msgspec.Struct):
    """The conversation so far: `node` is its path, `items` came since the last bill.

    `head` are the segments before every conversation. `turns` are the nodes before each of the user's messages;
    `said` are all messages but the assistant's, for a compaction that keeps only those.
    """

    grow: Grow
    head: tuple[Segment, ...] = ()
    node: int = ROOT
    items: list[Body] = []
    turns: list[int] = []
    said: list[Body] = []
    calls: Calls = msgspec.field(default_factory=Calls)
    opened: bool = False

    def add(self, item: Body) -> None:
        """One more item, wherever it belongs."""
        if str(item.get("type")) not in _NOT_SENT:
            self.items.append(item)

    def answered(self) -> bool:
        """Whether the last item is an answer's."""
        return bool(self.items) and is_answer(self.items[-1])

    def bill(self, model: str) -> tuple[int, int | None]:
        """A request came to its end: (its prompt, its answer or None), and the path goes on behind them."""
        end = len(self.items)
        while end and not is_answer(self.items[end - 1]):
            end -= 1
        start = end
        while start and is_answer(self.items[start - 1]):
            start -= 1
        if not end:  # nothing was answered that the log shows, as when the history was summed up
            start = end = len(self.items)
        prompt = self._place(self.items[:start], model)
        answer = self._place(self.items[start:end], model)
        del self.items[:end]
        return prompt, answer if end > start else None

    def replace(self, items: list[Body], model: str) -> None:
        """A compaction: the history is these items from here on."""
        self.node, self.opened, self.turns, self.said = ROOT, False, [], []
        self.items.clear()
        self._place(items, model)

    def sum_up(self, summary: str, model: str) -> None:
        """A compaction of which only the summary is known: Codex keeps the messages that are not the assistant's."""
        self._place(self.items, model)
        text = summary if summary.startswith(_SUMMARY) else f"{_SUMMARY}:\n{summary}"
        kept = [item for item in self.said if not text_of(item.get("content")).startswith(_SUMMARY)]
        self.replace([*kept, {"role": "user", "content": [{"type": "input_text", "text": text}]}], model)

    def roll_back(self, count: int, model: str) -> None:
        """The last turns are taken back."""
        self._place(self.items, model)
        self.items.clear()
        if count > 0 and self.turns:
            self.node = self.turns[max(0, len(self.turns) - count)]
            del self.turns[max(0, len(self.turns) - count) :]

    def _place(self, items: list[Body], model: str) -> int:
        """Put items behind the path."""
        if not self.opened:
            self.opened = True
            self.node = [self.node, *self.grow(self.node, self.head, model)][-1]
        for number, item in enumerate(items):
            if item.get("role") in ("user", "developer"):
                self.said.append(item)
            if item.get("role") == "user" and not is_context(item):
                self.turns.append(self.node)
            run_ends = number + 1 == len(items) or not is_result(items[number + 1])
            self.node = [self.node, *self.grow(self.node, segments_of(item, self.calls, run_ends), model)][-1]
        return self.node


def is_context(item: Body) -> bool:
    """Whether a message holds nothing but what Codex put there."""
    content = item.get("content")
    blocks = content if isinstance(content, list) else [content]
    return all(CONTEXT.match(text_of([block])) or _SKILL.match(text_of([block])) for block in blocks)


def segments_of(item: Body, calls: Calls, run_ends: bool) -> list[Segment]:
    """The segments of an item; Codex's own blocks in a user message apart."""
    if item.get("role") != "user":
        return parts.close_message(item_segments(item, calls, run_ends))
    segments = content_segments(Spot("messages", "user", True), item.get("content"), _user_text)
    return parts.close_message(segments or _user_text(Spot("messages", "user", True), ""))


def _user_text(spot: Spot, text: str) -> list[Segment]:
    if _SKILL.match(text):
        return [parts.segment(spot, Kind.SKILL, text, name=_named(text))]
    if CONTEXT.match(text):
        piece = parts.reminder(text)
        return [parts.segment(spot, piece.kind, text, name=piece.name)]
    return parts.text_segments(spot, Kind.USER, text)


def _named(text: str) -> str:
    found = re.search(r"<name>\s*(.+?)\s*</name>", text)
    return found.group(1) if found else "skill"


def head_segments(prefix: tuple[Segment, ...], instructions: Any) -> tuple[Segment, ...]:
    """What stands before every conversation: the user's captured prefix, else the instructions the log holds."""
    text = instructions.get("text") if isinstance(instructions, dict) else instructions
    if not isinstance(text, str) or not text or any(segment.level == "system" for segment in prefix):
        return prefix
    return (*prefix, *parts.text_segments(Spot("system", "system", True), Kind.SYSTEM, text))
