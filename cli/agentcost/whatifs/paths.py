"""A prefix tree rewritten by an edit: where every node goes, and what its length rests on.

    tools [B, A], system "at 12:01", user "hi"     becomes, in order and with what is volatile at the end,
    tools [A, B], system "at …", user "hi", "12:01"

Nodes are looked at once each, runs of tools once for each of their ends, whatever the number of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from agentcost.model import ROOT, Ends, Kind
from agentcost.prefix import Entry, Tree
from agentcost.whatifs.edits import CLEARED, RESULTS, Edit, Split

UNCUT = 1 << 60
_NOT_YET = -1
_ENDS = [Ends(value) for value in range(2 * Ends.LEVEL)]
_MESSAGE = int(Ends.MESSAGE)


class Origins(msgspec.Struct):
    """What new nodes are made of, a row each time an old one goes somewhere: of its tokens the share `kept` (where
    `moved`, what that leaves), at most `cap`."""

    new: list[int] = []
    old: list[int] = []
    kept: list[float] = []
    cap: list[int] = []
    moved: list[bool] = []

    def add(self, new: int, old: int, kept: float, cap: int = UNCUT, *, moved: bool = False) -> None:
        """An old node, or a part of it, goes to a new one."""
        self.new.append(new)
        self.old.append(old)
        self.kept.append(kept)
        self.cap.append(cap)
        self.moved.append(moved)


class Toolbox(msgspec.Struct, frozen=True):
    """The tools of a path, old and new: `sent` are the old nodes that are still sent, in their old order."""

    old: Sequence[int]
    sent: Sequence[int]
    new: Sequence[int]
    above: int
    search: bool


@dataclass(slots=True)
class Paths:
    """The new tree, and where the nodes of the old one went (`_NOT_YET`: a tool whose run nobody asked for).

    By old node: `carried` are the nodes of its path of which a part goes to the end, `last_tool` the last tool on it,
    `turns` how many messages of the client it holds. `fixed` are new nodes of a fixed length, `first` segments as they
    were first sent, by those that have their keys in another order.
    """

    old: Tree
    edit: Edit
    first: Mapping[int, int] = field(default_factory=dict)
    new: Tree = field(init=False)
    went: list[int] = field(init=False)
    carried: list[tuple[int, ...]] = field(init=False)
    splits: dict[int, Split] = field(init=False)
    last_tool: list[int] = field(init=False)
    turns: list[int] = field(init=False)
    origins: Origins = field(default_factory=Origins)
    fixed: dict[int, int] = field(default_factory=dict)
    toolboxes: dict[int, Toolbox] = field(default_factory=dict)
    short: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        old, count = self.old, len(self.old)
        self.new = Tree(list(old.entries), by_digest=dict(old.by_digest))
        self.went, self.carried = [ROOT] * count, [()] * count
        self.last_tool, self.turns = [ROOT] * count, [0] * count
        self.splits = {split.segment: split for split in self.edit.split if split.segment not in self.edit.dropped}
        for node in range(1, count):
            parent, entry = old.parents[node], old.entry(node)
            above = self.carried[parent]
            self.carried[node] = (*above, node) if self.split_at(node) else above
            is_tool = entry.level == "tools"
            self.last_tool[node] = node if is_tool else self.last_tool[parent]
            self.turns[node] = self.turns[parent] + (entry.level == "messages" and _ends_turn(entry, old.ends[node]))
            self.went[node] = _NOT_YET if is_tool and self.edit.tools else self._put(self.to(parent), node)

    def to(self, node: int) -> int:
        """Where a node went."""
        if self.went[node] == _NOT_YET:
            self.went[node] = (self.toolbox(node).new or [self.toolbox(node).above])[-1]
        return self.went[node]

    def tool(self, node: int, end: int) -> int:
        """Where a tool went on paths that end their tools with `end`: behind as many as are sent of those up to it."""
        box = self.toolbox(end)
        count = sum(1 for tool in box.sent if tool <= node)
        return self.to(end) if node == end else box.new[count - 1] if count else box.above

    def toolbox(self, end: int) -> Toolbox:
        """The run of tools that ends with a node, in the new tree."""
        found = self.toolboxes.get(end)
        if found is None:
            found = self.toolboxes[end] = self._toolbox(end)
        return found

    def _toolbox(self, end: int) -> Toolbox:
        old, node, edit = self.old, end, self.edit
        run: list[int] = []
        while node != ROOT and old.entry(node).level == "tools":
            run.append(node)
            node = old.parents[node]
        run.reverse()
        above = place = self.to(node)
        sent = [tool for tool in run if old.segments[tool] not in edit.dropped]
        order = sorted(sent, key=lambda tool: old.entry(tool).name) if edit.ordered else sent
        new = []
        for tool in order:
            place = self._put(place, tool)
            new.append(place)
        search = bool(edit.search) and len(sent) < len(run)
        if search:
            place = self.new.child(place, self._segment(old.entry(end), b"search"), Ends.BLOCK)
            self.fixed[place] = edit.search
            new.append(place)
        return Toolbox(run, sent, new, above, search)

    def split_at(self, node: int) -> Split | None:
        """What of an old node goes to the end."""
        return self.splits.get(self.old.segments[node]) if self.splits else None

    def _put(self, parent: int, node: int, *, cleared: bool = False) -> int:
        """The new node behind a new parent for what an old node holds, or the parent where nothing stays."""
        entry, number, ends = self.old.entry(node), self.old.segments[node], _ENDS[self.old.ends[node]]
        number = self.first.get(number, number)
        result, split = entry.kind in RESULTS, self.split_at(node)
        if split and not split.kept:
            if parent != ROOT and not entry.opens_message and self.new.entry(parent).level == entry.level:
                self.new.ends[parent] |= ends
            return parent
        if split:
            number = self._segment(entry, split.alias)
        elif cleared and result:
            number = self._segment(entry, b"cleared")
        cap = CLEARED if cleared and result else (self.edit.cap or UNCUT) if result else UNCUT
        place = self.new.child(parent, number, ends)
        self.origins.add(place, node, split.kept if split else 1.0, cap)
        return place

    def _segment(self, entry: Entry, name: bytes) -> int:
        """The segment that stands for another one, changed as the name says."""
        place = "/".join((entry.level, entry.kind, entry.name, entry.server)).encode()
        digest = blake2b(place + b"/" + name, digest_size=16, person=b"what if").digest()
        return self.new.add(replace(entry, digest=digest, runs=b"", marks=(), counts={}))

    # --- the parts of a path that depend on where it ends ---------------------------------------------------------

    def cut(self, leaf: int) -> int:
        """The last node of a path up to which tool results are cleared, or all is summed up: ROOT for none."""
        keep = self.edit.kept
        if not keep or self.turns[leaf] < 2 * keep:
            return ROOT
        until = (self.turns[leaf] // keep - 1) * keep
        node = leaf
        while self.turns[node] > until:
            node = self.old.parents[node]
        while self.edit.compacted and self.turns[self.old.parents[node]] == until:
            node = self.old.parents[node]  # what is said to a result that stays, stays: its call
        return node

    def cleared(self, cut: int) -> int:
        """Where a node goes with every tool result up to it cleared, or with a summary of all up to it."""
        if self.edit.compacted:
            return self._summary(cut)
        waiting, node = [], cut
        while node not in self.short and node != ROOT and self.old.entry(node).level == "messages":
            waiting.append(node)
            node = self.old.parents[node]
        place = self.short.get(node, ROOT) if node in self.short else self.to(node)
        for node in reversed(waiting):
            place = self.short[node] = self._put(place, node, cleared=True)
        return place

    def _summary(self, cut: int) -> int:
        """The summary of a conversation up to a cut, behind what stands before the conversation."""
        if cut not in self.short:
            top = cut
            while top != ROOT and self.old.entry(top).level == "messages":
                top = self.old.parents[top]
            entry = replace(self.old.entry(cut), role="user", kind=Kind.SUMMARY, name="", server="", opens_message=True)
            number = self._segment(entry, b"summary %d" % cut)
            self.short[cut] = self.new.child(self.to(top), number, Ends.BLOCK | Ends.MESSAGE)
            self.fixed[self.short[cut]] = self.edit.summary
        return self.short[cut]

    def below(self, cut: int, leaf: int, place: int) -> Iterator[tuple[int, int]]:
        """(old, new) of the nodes between a cut and a leaf, behind the new place of the cut."""
        path = []
        while leaf != cut:
            path.append(leaf)
            leaf = self.old.parents[leaf]
        for node in reversed(path):
            place = self._put(place, node)
            yield node, place

    def tail(self, place: int, leaf: int) -> int:
        """The end of a path with what goes to the end behind it."""
        for node in self.carried[leaf]:
            entry = replace(self.old.entry(node), level="messages", role="user", kind=Kind.MEMORY)
            place = self.new.child(place, self._segment(entry, entry.digest), Ends.BLOCK | Ends.MESSAGE)
            split = self.split_at(node)
            self.origins.add(place, node, split.kept if split else 1.0, moved=True)
        return place


def _ends_turn(entry: Entry, ends: int) -> bool:
    return bool(ends & _MESSAGE) and entry.role not in ("assistant", "model")
