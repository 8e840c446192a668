"""Prompts that grow message by message: what each amounts to, remembered so that later lines go on from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentcost.ingest.contract import Line
from agentcost.ingest.json_values import WRONG_TYPE, Record
from agentcost.ingest.skipping import Cut, Skipper, extend_chain, is_short, new_chain
from agentcost.ingest.spread import locate
from agentcost.model import ROOT, Breakpoint, Grow, Item, Segment, Skipped


@dataclass(slots=True)  # not frozen: one is made per line or block, and freezing doubles its cost
class State:
    """What a prompt amounts to behind one of its messages."""

    node: int = ROOT
    breakpoints: tuple[Breakpoint, ...] = ()
    messages: int = 0


def advance(grow: Grow, state: State, groups: Sequence[Sequence[Segment]], model: str) -> list[State]:
    """The state behind each group of segments (a message each), going on from `state`."""
    nodes = iter(grow(state.node, [segment for group in groups for segment in group], model))
    states, node, marks = [], state.node, state.breakpoints
    for number, group in enumerate(groups, state.messages + 1):
        for segment in group:
            node = next(nodes)
            if segment.breakpoint:
                marks = (*marks, Breakpoint(node, segment.breakpoint))
        states.append(State(node, marks, number))
    return states


@dataclass(slots=True)
class Chains:
    """The chains of one log, and how the line that is being read was shortened (None: it was not)."""

    skipper: Skipper = field(default_factory=Skipper)
    cut: Cut | None = None

    def shorten(self, line: Line) -> bytes | None:
        """The line without what is known of it; None where nothing is."""
        self.cut = self.skipper.cut(line)
        return self.cut.document if self.cut else None

    def remember(self, record: Record, body: Location, states: Sequence[State], context: Any) -> None:
        """A line was read whole: later ones may go on from behind any of its messages."""
        if record.line is None or not states or is_short(record.line):
            return
        found = locate(record.document, body.path, body.inner, body.growing, body.stable)
        if found and len(found.elements) == len(states):
            chain = new_chain(record.line, found, body.growing, states, context)
            if chain:
                self.skipper.add(chain)

    def go_on(self, record: Record, body: Location, states: Sequence[State]) -> None:
        """A shortened line was read: its chain ends behind it."""
        if record.line is None or not states or self.cut is None:
            return
        found = locate(record.document, body.path, body.inner, body.growing, ())
        if found and len(found.elements) == len(states) + 1:  # the zero stands before what is new
            extend_chain(self.cut, record.line, found, states)


@dataclass(slots=True)  # not frozen: one is made per line or block, and freezing doubles its cost
class Location:
    """Where a body stands in its record: its path, its bytes where it is a string, and its large values."""

    path: tuple[str, ...]
    inner: bytes | None
    growing: str
    stable: tuple[str, ...]


def guarded(record: Record, read: Callable[[Record], Item]) -> Item:
    """What `read` makes of a record; a Skipped where that is nothing a dialect can read."""
    if record.reason:
        return Skipped(record.place, record.reason)
    try:
        return read(record)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # a dialect met what its API never sends
        return Skipped(record.place, f"{WRONG_TYPE} ({error})")
