"""Paths as models see them that keep the thinking of the last turn only: there a prompt leaves the path it was sent on.

    sent        user  thinking  call  result  thinking  text  user
    rendered    user            call  result            text  user

A turn opens with a user message that answers no tool call. Within a turn all its thinking stays. So the first request
of a turn parts from the one before it at the first block that is stripped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from agentcost.model import ROOT, Kind, Level, Mark
from agentcost.names import bare_name

_LAST_TURN_ONLY = re.compile(r"claude-(?:opus-(?:3|4(?!\.[5-9]))|sonnet-(?:3|4(?!\.[6-9]))|haiku-[34])(?!\d)")
"""Opus before 4.5, Sonnet before 4.6, Haiku through 4.5: Anthropic's page on thinking (2026-08-21)."""


@cache
def strips(model: str) -> bool:
    """Whether the thinking of earlier turns is not shown to a model."""
    return _LAST_TURN_ONLY.search(bare_name(model)) is not None


class Piece(Protocol):
    """What is known of a segment without its text."""

    @property
    def level(self) -> Level: ...
    @property
    def role(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def name(self) -> str: ...
    @property
    def opens_message(self) -> bool: ...
    @property
    def size(self) -> int: ...
    @property
    def runs(self) -> bytes: ...
    @property
    def marks(self) -> tuple[Mark, ...]: ...
    @property
    def unordered(self) -> bytes: ...


class Paths(Protocol):
    """A prefix tree: of every node its parent, its segment, and what ends there; `entries` by segment."""

    @property
    def parents(self) -> Sequence[int]: ...
    @property
    def segments(self) -> Sequence[int]: ...
    @property
    def ends(self) -> Sequence[int]: ...
    @property
    def entries(self) -> Sequence[Piece]: ...
    @property
    def children(self) -> Mapping[int, int]: ...


_RESULTS = frozenset({Kind.TOOL_RESULT, Kind.FILE})


@dataclass(slots=True)
class Rendered:
    """A prefix tree with the rendered paths grown into it: nodes from len(tree.parents) on are only in them.

    `origin` is the node of the tree that a node was rendered from. Of every node that was taken in, `whole` is it
    with the thinking of its turn, `stripped` without any; `turn` the node that opens its turn.
    """

    tree: Paths
    parents: list[int] = field(init=False)
    segments: list[int] = field(init=False)
    ends: list[int] = field(init=False)
    origin: list[int] = field(init=False)
    children: dict[int, int] = field(default_factory=dict)
    whole: dict[int, int] = field(default_factory=lambda: {ROOT: ROOT})
    stripped: dict[int, int] = field(default_factory=lambda: {ROOT: ROOT})
    turn: dict[int, int] = field(default_factory=lambda: {ROOT: ROOT})

    def __post_init__(self) -> None:
        tree = self.tree
        self.parents, self.segments, self.ends = list(tree.parents), list(tree.segments), list(tree.ends)
        self.origin = list(range(len(self.parents)))

    @property
    def entries(self) -> Sequence[Piece]:
        """Segments are those of the tree."""
        return self.tree.entries

    def take(self, node: int) -> None:
        """Take in a node whose parent is known."""
        parent = self.tree.parents[node]
        if opens_turn(self.tree, node):
            self.turn[node] = node
            self.whole[node] = self._child(self._without(parent), node)
        else:
            self.turn[node] = self.turn[parent]
            self.whole[node] = self._child(self.whole[parent], node)

    def at(self, node: int, leaf: int) -> int:
        """Where a node of the path of `leaf` is rendered in the prompt that ends with `leaf`."""
        return self.whole[node] if node >= self.turn[leaf] else self._without(node)

    def reach(self, told: Sequence[int]) -> list[int]:
        """Tokens up to every node, given those up to the nodes of the tree."""
        found, parents = list(told), self.tree.parents
        for node in range(len(parents), len(self.parents)):
            origin = self.origin[node]
            found.append(found[self.parents[node]] + told[origin] - told[parents[origin]])
        return found

    def _without(self, node: int) -> int:
        """A node without any thinking before it: worked out once for each."""
        waiting = []
        while node not in self.stripped:
            waiting.append(node)
            node = self.tree.parents[node]
        found = self.stripped[node]
        for below in reversed(waiting):
            if self.tree.entries[self.tree.segments[below]].kind is not Kind.THINKING:
                found = self._child(found, below)
            self.stripped[below] = found
        return found

    def _child(self, parent: int, origin: int) -> int:
        """The node behind `parent` with the segment of `origin`; made when it is new."""
        if parent == self.tree.parents[origin]:
            return origin
        key = parent << 32 | self.tree.segments[origin]
        found = self.tree.children.get(key) or self.children.get(key)
        if found is None:
            found = self.children[key] = len(self.parents)
            self.parents.append(parent)
            self.segments.append(self.tree.segments[origin])
            self.ends.append(self.tree.ends[origin])
            self.origin.append(origin)
        return found


def opens_turn(tree: Paths, node: int) -> bool:
    """Whether a user's turn opens with a node: a message that answers no tool call."""
    piece = tree.entries[tree.segments[node]]
    if piece.role != "user" or not piece.opens_message or piece.kind in _RESULTS:
        return False
    parent = tree.parents[node]
    before = tree.entries[tree.segments[parent]] if parent != ROOT else None
    return before is None or (before.role != "user" and before.kind is not Kind.TOOL_CALL)


def rendered(tree: Paths, leaves: Iterable[int]) -> Rendered | None:
    """The tree with the paths of `leaves` as models see them that strip thinking; None where that changes none."""
    taken = {ROOT}
    for leaf in leaves:
        node = leaf
        while node not in taken:
            taken.add(node)
            node = tree.parents[node]
    taken.remove(ROOT)
    if not any(tree.entries[tree.segments[node]].kind is Kind.THINKING for node in taken):
        return None
    found = Rendered(tree)
    for node in sorted(taken):
        found.take(node)
    return found if len(found.parents) > len(tree.parents) else None
