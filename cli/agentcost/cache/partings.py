"""Where the paths of two requests part, level by level, and what differs there, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from agentcost.cache.branches import Branches, branches_of, heaviest_children
from agentcost.cache.prompts import Shape
from agentcost.cache.shapes import alike_bytes
from agentcost.cache.stripping import Paths, Piece
from agentcost.model import ROOT, Kind, Mark

_WINDOW = 64
"""Segments behind the parting that are compared: what one step of a harness rewrites."""

_SET = frozenset({Kind.MEMORY, Kind.SKILL})
"""What a harness puts into every conversation: it tells nothing about which one it is."""

_LAST = 2
"""Pieces at the end of a conversation that tell that another one goes on from it: a call and its result."""

_NAMED = 3
"""How many tools are named before the rest is only counted."""


class Change(NamedTuple):
    """What differs between a request and its reference: the cause, and the evidence in words.

    `node` is the first one of the request's path that the reference does not have, None where its path just ends.
    """

    cause: str
    evidence: str
    node: int | None = None


def fork(branches: Branches, left: int, right: int) -> int:
    """The last node that two paths have in common: O(branches)."""
    branch = branches.branch[left]
    if branch == branches.branch[right]:
        return branches.node(branch, min(branches.depth[left], branches.depth[right]))
    depths = dict(branches.stretches(left))
    for branch, depth in branches.stretches(right):
        if branch in depths:
            return branches.node(branch, min(depth, depths[branch]))
    return ROOT


def ahead(branches: Branches, leaf: int, above: int, most: int = _WINDOW) -> list[int]:
    """The nodes behind `above` on the path to `leaf`, the nearest first, at most so many: O(branches + most)."""
    found: list[int] = []
    start = branches.depth[above] + 1
    for branch, depth in reversed(branches.stretches(leaf)):
        top = max(start, branches.tops[branch])
        room = min(depth, top + most - len(found) - 1)
        found += [branches.node(branch, at) for at in range(top, room + 1)]
    return found


class Conversations(msgspec.Struct):
    """The tree without the heads of its paths: `of` gives a node's place in it, a conversation goes on from a place.

    Paths whose tools or system prompts differ have their messages compared here. `summaries` counts those on a path.
    """

    of: list[int]
    segments: list[int]
    nodes: list[int]
    summaries: list[int]
    branches: Branches


def conversations(shape: Shape, paths: Paths) -> Conversations:
    """One pass over the tree."""
    of, parents, segments, nodes, summaries = [ROOT], [ROOT], [-1], [ROOT], [0]
    places: dict[tuple[int, int], int] = {}
    for node in range(1, len(shape.parents)):
        before, segment = of[shape.parents[node]], paths.segments[node]
        if shape.opening[node] == node:
            of.append(before)
            continue
        place = places.get((before, segment))
        if place is None:
            place = places[before, segment] = len(parents)
            parents.append(before)
            segments.append(segment)
            nodes.append(node)
            summaries.append(summaries[before] + (paths.entries[segment].kind is Kind.SUMMARY))
        of.append(place)
    return Conversations(of, segments, nodes, summaries, branches_of(parents, heaviest_children(parents)))


class Partings(msgspec.Struct):
    """Compares paths of one tree. `stripped` are nodes that only rendered paths have, from that number on."""

    shape: Shape
    paths: Paths
    stripped: int
    built: Conversations | None = None

    @property
    def talks(self) -> Conversations:
        """The conversations, made when they are first needed."""
        if self.built is None:
            self.built = conversations(self.shape, self.paths)
        return self.built

    def changes(self, leaf: int, reference: int, common: int) -> list[Change]:
        """What differs, the first in the order of the prompt first; nothing where the path goes on from the other."""
        if common in (reference, leaf):
            return []
        return [*self.heads(leaf, reference, common), *self._messages(leaf, reference)]

    def heads(self, leaf: int, reference: int, common: int) -> list[Change]:
        """What differs in tools and system prompt."""
        opening = self.shape.opening
        now, before = self._behind(opening[leaf], common), self._behind(opening[reference], common)
        found = []
        for cause, words, level in (("tools_changed", _tools, "tools"), ("system_changed", _system, "system")):
            mine = [piece for piece in map(self._piece, now) if piece.level == level]
            theirs = [piece for piece in map(self._piece, before) if piece.level == level]
            if list(map(id, mine)) != list(map(id, theirs)):
                node = next((node for node in now if self._piece(node).level == level), None)
                found.append(Change(cause, words(theirs, mine), node))
        first = next(iter(now or before), ROOT)
        return found[::-1] if first and self._piece(first).level == "system" else found

    def goes_on(self, leaf: int, reference: int) -> bool:
        """Whether a request is of the reference's conversation: the end of that is still there, or most of it, or a
        summary took its place."""
        talks = self.talks
        mine, theirs = talks.of[leaf], talks.of[reference]
        common = fork(talks.branches, mine, theirs)
        if common == theirs or talks.summaries[mine] > talks.summaries[common]:
            return True
        latest = [piece for piece in self._said(theirs, _WINDOW // 2) if piece.kind not in _SET]
        known = set(map(id, self._said(mine, 2 * _WINDOW)))
        kept = [id(piece) in known for piece in latest]
        return bool(kept) and (all(kept[:_LAST]) or 2 * sum(kept) > len(kept))

    def _said(self, place: int, most: int) -> list[Piece]:
        """The last pieces of a conversation."""
        talks = self.talks
        return [self.paths.entries[talks.segments[at]] for at in islice(_upwards(talks.branches, place), most)]

    def _messages(self, leaf: int, reference: int) -> list[Change]:
        """What differs behind the heads."""
        talks = self.talks
        mine, theirs = talks.of[leaf], talks.of[reference]
        common = fork(talks.branches, mine, theirs)
        if common in (mine, theirs):
            return []
        now, before = ahead(talks.branches, mine, common), ahead(talks.branches, theirs, common)
        node = talks.nodes[now[0]]
        if talks.summaries[mine] > talks.summaries[common]:
            return [Change("compaction", "a summary took the place of the history", node)]
        segments = talks.segments
        lost = self.paths.entries[segments[before[0]]]
        if lost.kind is Kind.THINKING and leaf >= self.stripped:
            told = "thinking of earlier turns is stripped on this model after a user turn"
            return [Change("messages_changed", told, node)]
        told = self._edited([segments[place] for place in before], [segments[place] for place in now])
        return [Change("messages_changed", told, node)]

    def _edited(self, before: Sequence[int], now: Sequence[int]) -> str:
        """What became of the history: put in another order, cut, filled up, or rewritten."""
        entries = self.paths.entries
        lost, came = entries[before[0]], entries[now[0]]
        if before[0] in now and now[0] in before:
            return f"the same messages in another order, from {_words(lost)} on"
        if now[0] in before:
            count = before.index(now[0])
            return f"{_words(lost)} dropped" + (f", and {count - 1} more blocks" if count > 1 else "")
        if before[0] in now:
            count = now.index(before[0])
            return f"{_words(came)} put in before {_words(lost)}" + (f", {count} blocks" if count > 1 else "")
        if (lost.kind, lost.name, lost.role) != (came.kind, came.name, came.role):
            return f"{_words(came)} where {_words(lost)} stood"
        return f"{_words(came)} rewritten{_how(lost, came)}"

    def _behind(self, node: int, above: int) -> list[int]:
        """The nodes of a head behind `above`, from the top."""
        found = []
        depth = self.shape.branches.depth
        while depth[node] > depth[above]:
            found.append(node)
            node = self.shape.parents[node]
        return found[::-1]

    def _piece(self, node: int) -> Piece:
        return self.paths.entries[self.paths.segments[node]]


def _tools(before: Sequence[Piece], now: Sequence[Piece]) -> str:
    """Which tools changed, came or went; or that they are the same in another order."""
    theirs, mine = {_words(piece): piece for piece in before}, {_words(piece): piece for piece in now}
    found = [f"{name} removed" for name in theirs if name not in mine]
    found += [f"{name} added" for name in mine if name not in theirs]
    both = [name for name in mine if name in theirs]
    changed = [name for name in both if not _same(theirs[name], mine[name])]
    found += [f"{name} changed{_how(theirs[name], mine[name])}" for name in changed]
    if not found and both != [name for name in theirs if name in mine]:
        return "the same tools in another order"
    if not found:
        names = [name for name in both if theirs[name] is not mine[name]]
        found = [f"{name}: the same text with JSON keys in another order" for name in names]
    return _listed(found) or "the same tools, repeated"


def _system(before: Sequence[Piece], now: Sequence[Piece]) -> str:
    """Which block of the system prompt changed, came or went."""
    if Counter(map(id, before)) == Counter(map(id, now)):
        return "the same blocks of the system prompt in another order"
    for place, (old, new) in enumerate(zip(before, now, strict=False)):
        if old is new:
            continue
        if new in before[place:]:
            return f"{_words(old)} removed"
        if old in now[place:]:
            return f"{_words(new)} added"
        return f"{_words(new)} changed{_how(old, new)}"
    longer, verb = (before, "removed") if len(before) > len(now) else (now, "added")
    return f"{_words(longer[min(len(before), len(now))])} {verb}"


def _how(before: Piece, now: Piece) -> str:
    """How two texts of one thing differ, as far as that is known without them."""
    if before.unordered and before.unordered == now.unordered:
        return ": the same JSON with its keys in another order"
    alike = alike_bytes(before.runs, now.runs)
    marks = _marks(now.marks, alike) or _marks(before.marks, alike)
    if before.size == now.size and not marks:
        same = "the same beginning and length, another end or id" if alike else "the same length"
        return f": {same}, perhaps JSON keys in another order"
    size = "" if before.size == now.size else f": {before.size:,} → {now.size:,} bytes"
    return (f" (holds a {marks})" if marks else "") + size + (f", alike for its first {alike:,} bytes" if alike else "")


def _same(left: Piece, right: Piece) -> bool:
    """Whether two tools render to the same text, as far as its runs tell."""
    return left.size == right.size and left.runs == right.runs


def _words(piece: Piece) -> str:
    """A segment by its component and name, a tool by its name."""
    component = "tool" if piece.kind in (Kind.TOOL, Kind.MCP_TOOL) else piece.kind.value
    return f"{component} {piece.name}".strip()


def _listed(found: Sequence[str]) -> str:
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f", and {more} more" if more > 0 else "")


def _marks(marks: Sequence[Mark], start: int) -> str:
    """The volatile things behind a place, each kind once."""
    return ", a ".join(dict.fromkeys(mark.what for mark in marks if mark.start + mark.length > start))


def _upwards(branches: Branches, node: int) -> Iterator[int]:
    """The places of a path from its end."""
    for branch, depth in branches.stretches(node):
        for at in range(depth, max(branches.tops[branch], 1) - 1, -1):
            yield branches.node(branch, at)
