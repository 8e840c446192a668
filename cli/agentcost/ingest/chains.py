"""Prompts that grow message by message: what each amounts to, remembered so that later lines go on from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agentcost.ingest.contract import Line
from agentcost.ingest.json_values import WRONG_TYPE, Record
from agentcost.ingest.skipping import Cut, Skipper, extend_chain, is_short, new_chain
from agentcost.ingest.spread import ends_behind, locate
from agentcost.model import ROOT, Breakpoint, Grow, Item, Segment, Skipped


class State(msgspec.Struct):
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


class Chains(msgspec.Struct):
    """The chains of one log, and how the line that is being read was shortened (None: it was not)."""

    skipper: Skipper = msgspec.field(default_factory=Skipper)
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
        ends = self._new_ends(record, body, self.cut)
        if ends and len(ends) == len(states):
            extend_chain(self.cut, record.line, ends, states)

    def _new_ends(self, record: Record, body: Location, cut: Cut) -> list[int] | None:
        """Where in its document the messages end that a shortened line adds."""
        if body.inner is None:
            ends = ends_behind(record.document, body.path, body.growing, cut.zero)
            if ends is not None:
                return ends
        found = locate(record.document, body.path, body.inner, body.growing, ())
        return [end for _, end in found.elements[1:]] if found else None  # the zero stands before what is new


class Location(msgspec.Struct):
    """Where a body stands in its record: its path, its bytes where it is a string, and its large values."""

    path: tuple[str, ...]
    inner: bytes | None
    growing: str
    stable: tuple[str, ...]


def guarded(record: Record, read: Callable[[Record], Item]) -> Item:
    """What `read` makes of a record; a Skipped where that is nothing a dialect can read."""
    if record.reason:
        return Skipped(record.place, record.reason)
    try:  # a dialect may meet what its API never sends
        return read(record)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        return Skipped(record.place, f"{WRONG_TYPE} ({error})")
