"""What a part of a prompt is called, so that the same part is found in another run.

tools     mcp__github__create_issue      its name and server
system    block 2                        its place among the blocks of the system prompt
messages  tool results, Read             the component, and the tool it is of
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from agentcost.gate.baseline import HISTORY, PREFIX, Part
from agentcost.measuring.measure import Measured
from agentcost.model import ROOT, Kind
from agentcost.prefix import Entry, Tree
from agentcost.results import KIND_COLUMNS
from agentcost.study import Study

PartKey = tuple[str, str, str, str]
"""Section, component column, name, server."""

_TOOLED = frozenset({Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.FILE, Kind.SKILL})
"""What of a conversation is named by its tool."""

_DIGESTED = 8
"""Texts of one part up to which they are told apart."""

_WORDS = ("reminder",)
"""Memory that is no file: it comes and goes with the conversation, and its name is no path."""


class Numbered(msgspec.Struct):
    """The parts of a run: `keys` by number, `of_segment` the number of each segment of the tree."""

    tree: Tree
    keys: list[PartKey] = []
    numbers: dict[PartKey, int] = {}
    of_segment: dict[int, int] = {}
    used: list[int] = []
    order: dict[PartKey, int] = {}

    def number(self, key: PartKey) -> int:
        """The number of a part; a new one where it is not known."""
        if key not in self.numbers:
            self.numbers[key] = len(self.keys)
            self.keys.append(key)
        return self.numbers[key]

    def of_kind(self, kind: Kind) -> int:
        """The part of what is no segment: hidden, overhead, unexplained."""
        return self.number((PREFIX if kind is Kind.HIDDEN else HISTORY, KIND_COLUMNS[kind], "", ""))

    def parts(self, measured: Sequence[Measured], lengths: Sequence[Mapping[int, int]]) -> tuple[Part, ...]:
        """Every part with its size, place and texts. `lengths` are tokens by segment, by ruler."""
        sizes = self._sizes(measured, lengths)
        texts: dict[int, set[bytes]] = {}
        marks: dict[int, set[str]] = {}
        for segment in sorted({self.tree.segments[node] for node in self.used}):
            entry, number = self.tree.entries[segment], self.of_segment[segment]
            texts.setdefault(number, set()).add(entry.digest)
            if self.keys[number][0] == PREFIX:
                marks.setdefault(number, set()).update(mark.what for mark in entry.marks)
        return tuple(
            Part(
                *key, sizes.get(number, 0), self.order.get(key, 0), len(texts.get(number, ())),
                _digest(texts.get(number, set())) if key[0] == PREFIX else "",
                key[1] == KIND_COLUMNS[Kind.MEMORY] and key[2] not in ("", *_WORDS),
                tuple(sorted(marks.get(number, ()))),
            )
            for number, key in enumerate(self.keys)
        )  # fmt: skip

    def _sizes(self, measured: Sequence[Measured], lengths: Sequence[Mapping[int, int]]) -> dict[int, int]:
        """The most tokens of each part of the prefix that one prompt holds."""
        sizes: Counter[int] = Counter()
        for group, own in zip(measured, lengths, strict=True):
            along: dict[int, Mapping[int, int]] = {ROOT: {}}
            passing = group.passing.tolist()
            for node in self.used:
                if not passing[node]:
                    continue
                number, above = self.of_segment[self.tree.segments[node]], along[self.tree.parents[node]]
                if self.keys[number][0] != PREFIX:
                    along[node] = above  # the same one: a conversation adds nothing
                    continue
                size = above.get(number, 0) + own[self.tree.segments[node]]
                along[node] = {**above, number: size}
                sizes[number] = max(sizes[number], size)
        return dict(sizes)


def numbered(tree: Tree, study: Study, roles: Mapping[int, str]) -> Numbered:
    """The parts of the chosen requests, by their row in the record's order and role."""
    found = Numbered(tree)
    passing = [0] * len(tree)
    for row in roles:
        passing[study.requests[row].node] += 1
    for node in range(len(tree) - 1, 0, -1):
        passing[tree.parents[node]] += passing[node]
    systems = [0] * len(tree)
    for node in range(1, len(tree)):
        parent, entry = tree.parents[node], tree.entry(node)
        systems[node] = systems[parent] + (entry.level == "system")
        if passing[node]:
            found.used.append(node)
            segment = tree.segments[node]
            if segment not in found.of_segment:
                found.of_segment[segment] = found.number(_key(entry, systems[node]))
    found.order = _order(found, study, roles)
    return found


def _order(found: Numbered, study: Study, roles: Mapping[int, str]) -> dict[PartKey, int]:
    """The rank of every part of the prefix in the usual prompt: that of most of the main requests."""
    tree, heads = found.tree, Counter[int]()
    ends: dict[int, int] = {ROOT: ROOT}
    for node in found.used:
        entry = tree.entry(node)
        ends[node] = node if entry.level != "messages" else ends[tree.parents[node]]
    for row, role in sorted(roles.items()):
        if role == "main":
            heads[ends.get(study.requests[row].node, ROOT)] += 1
    usual = max(heads, key=lambda node: (heads[node], -node), default=ROOT)
    ranks: dict[PartKey, int] = {}
    for node in tree.path(usual):
        key = found.keys[found.of_segment[tree.segments[node]]]
        ranks.setdefault(key, len(ranks) + 1)
    return ranks


def key_of(tree: Tree, node: int) -> PartKey:
    """The part that a node belongs to."""
    block = sum(tree.entry(above).level == "system" for above in tree.path(node))
    return _key(tree.entry(node), block)


def _key(entry: Entry, block: int) -> PartKey:
    column = KIND_COLUMNS[entry.kind]
    if entry.level == "system" and entry.kind is Kind.SYSTEM:
        return PREFIX, column, entry.name or f"block {block}", ""
    if entry.level in ("tools", "system") or (entry.kind is Kind.MEMORY and entry.name not in _WORDS):
        return PREFIX, column, entry.name, entry.server
    return HISTORY, column, entry.name if entry.kind in _TOOLED else "", entry.server if entry.kind in _TOOLED else ""


def _digest(texts: set[bytes]) -> str:
    if not texts or len(texts) > _DIGESTED:
        return ""
    return hashlib.blake2b(b"".join(sorted(texts)), digest_size=8).hexdigest()
