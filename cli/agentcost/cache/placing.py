"""Where breakpoints could stand: rules that put them behind tools, system blocks, messages, or every few blocks.

Placement(tools=True, system="last", messages=2)      as most harnesses do
Placement(system="last")                              the system prompt only
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import msgspec

from agentcost.cache.prompts import LEVELS, Prompt, Shape
from agentcost.model import ROOT, Ends

_MESSAGES = LEVELS["messages"]
SPACINGS = (10, 15, 20)
"""Blocks between two breakpoints of the history: a look-back sees 20."""


class Placement(msgspec.Struct, frozen=True):
    """Behind the last tool, behind the last or each block of the system prompt, behind the last `messages` messages
    that the client sends, at the latest multiple of `every` blocks; `calm`: behind what precedes the first tool call.
    """

    tools: bool = False
    system: Literal["", "last", "each"] = ""
    messages: int = 0
    every: int = 0
    calm: bool = False

    @property
    def least(self) -> int:
        """Breakpoints that it takes at least."""
        system = {"": 0, "last": 1, "each": 2}[self.system]
        return self.tools + system + self.messages + bool(self.every) + self.calm

    @property
    def words(self) -> str:
        """The rule as a phrase: tools, each system block, last 2 messages, every 15 blocks."""
        found = ["tools"] * self.tools
        found += [{"last": "system", "each": "each system block"}[self.system]] if self.system else []
        found += [f"last {self.messages} messages" if self.messages > 1 else "last message"] if self.messages else []
        found += [f"every {self.every} blocks"] * bool(self.every)
        found += ["what precedes the first tool call"] * self.calm
        return ", ".join(found)


HARNESSES = Placement(tools=True, system="last", messages=2)
"""As most harnesses do."""

STUDIED: dict[str, Placement] = {
    "full context": Placement(tools=True, system="last", messages=1),
    "system prompt only": Placement(tools=True, system="last"),
    "without tool results": Placement(tools=True, system="last", calm=True),
}
"""The three strategies of arXiv 2601.06007, as breakpoints."""


def placements(most: int) -> list[Placement]:
    """Every rule that fits into so many breakpoints."""
    systems: tuple[Literal["last", "each", ""], ...] = ("last", "each", "")
    grid = product((True, False), systems, (1, 2, 3), (0, *SPACINGS))
    found = [Placement(tools, system, messages, every) for tools, system, messages, every in grid]
    return [rule for rule in (*found, *STUDIED.values()) if rule.least <= most]


SHORTLIST = (
    *STUDIED.values(),
    HARNESSES,
    Placement(system="last", messages=2, every=15),
    Placement(system="each", messages=2),
    Placement(messages=3),
)
"""The rules tried where a log is too long for all of them."""


@dataclass(slots=True)
class Places:
    """The places of a tree that rules name. What lies before a node is looked at once, whatever the requests."""

    shape: Shape
    calm: list[int] = field(init=False)
    blocks: list[int] = field(init=False)
    anchors: dict[int, list[int]] = field(default_factory=dict)
    heads: dict[int, tuple[int, list[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.shape
        self.calm, self.blocks = [ROOT] * len(shape.parents), [0] * len(shape.parents)
        for node in range(1, len(shape.parents)):
            parent = shape.parents[node]
            quiet = self.calm[parent] == parent and not shape.runs[node]
            self.calm[node] = node if quiet else self.calm[parent]
            counts = shape.levels[node] == _MESSAGES and shape.ends[node] & Ends.BLOCK
            self.blocks[node] = self.blocks[parent] + bool(counts)

    def nodes(self, rule: Placement, leaf: int, most: int) -> list[int]:
        """Where a rule puts breakpoints on the path of `leaf`, in its order, at most `most`: the first go."""
        tools, system = self._head(leaf)
        found = [tools] if rule.tools and tools != ROOT else []
        found += system if rule.system == "each" else system[-1:] if rule.system else []
        found += [self.calm[leaf]] if rule.calm else []
        tail = self._tail(rule, leaf)
        room = max(0, most - len(tail))
        return list(dict.fromkeys([*(found[-room:] if room else []), *tail]))

    def _tail(self, rule: Placement, leaf: int) -> list[int]:
        """The last messages, and before them the latest block whose number is a multiple."""
        shape = self.shape
        found = [leaf] if rule.messages else []
        for _ in range(rule.messages - 1):
            node = shape.endings[shape.parents[found[-1]]] if found[-1] != ROOT else ROOT
            if node == ROOT or shape.levels[node] != _MESSAGES:
                break
            found.append(node)
        if rule.every and found and found[-1] != ROOT:
            anchor = self._anchors(rule.every)[shape.parents[found[-1]]]
            found += [anchor] if anchor != ROOT else []
        return found[::-1]

    def _head(self, leaf: int) -> tuple[int, list[int]]:
        """The last tool (ROOT: none) and the ends of system blocks; where the log hides them, the root stands for all.

        Looked up once for each end of a head.
        """
        end = self.shape.opening[leaf]
        found = self.heads.get(end)
        if found is None:
            found = self.heads[end] = self._walked(end)
        return found

    def _walked(self, end: int) -> tuple[int, list[int]]:
        shape, node, tools = self.shape, end, ROOT
        system: list[int] = []
        while node != ROOT and tools == ROOT:
            if shape.levels[node] == LEVELS["tools"]:
                tools = node
            elif shape.ends[node] & Ends.BLOCK:
                system.append(node)
            node = shape.parents[node]
        return tools, system[::-1]

    def _anchors(self, every: int) -> list[int]:
        """Per node, the latest block of its path whose number is a multiple."""
        found = self.anchors.get(every)
        if found is None:
            found = self.anchors[every] = [ROOT] * len(self.blocks)
            for node in range(1, len(found)):
                count = self.blocks[node]
                own = count % every == 0 and count > self.blocks[self.shape.parents[node]]
                found[node] = node if own else found[self.shape.parents[node]]
        return found


def placed(
    places: Places, prompts: Sequence[Prompt], rule: Placement, most: int
) -> Iterator[tuple[tuple[int, str], ...]]:
    """The marks of each prompt under a rule. Those of the head ask for the time to live that its first mark asks for,
    those of the messages for that of its last."""
    levels = places.shape.levels
    for prompt in prompts:
        first, last = (prompt.marks[0][1], prompt.marks[-1][1]) if prompt.marks else ("", "")
        nodes = places.nodes(rule, prompt.leaf, most)
        yield tuple((node, last if levels[node] == _MESSAGES else first) for node in nodes)
