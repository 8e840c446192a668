"""Every tool of a conversation from its first request on.

    [Read]        rules  go  call             becomes   [Read Edit]  rules  go  call
    [Read Edit]   rules  go  call  result               [Read Edit]  rules  go  call  result

A tool that changes on the way stays as it was first sent.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from agentcost.cache.prompts import Prompt
from agentcost.cache.told import Told
from agentcost.lineage import Standing
from agentcost.model import ROOT, Ends
from agentcost.prefix import Entry, Tree
from agentcost.whatifs.growing import Growing, Set
from agentcost.whatifs.scene import Ground, Scene


class Tools(msgspec.Struct, frozen=True):
    """The tools of prompts: by node the last one of its path (ROOT: none), and by that one the run it ends."""

    last: Sequence[int]
    runs: Mapping[int, Sequence[int]]


def tools_of(tree: Tree, leaves: Sequence[int]) -> Tools:
    """One pass over the tree, and one over each run."""
    last = [ROOT] * len(tree)
    for node in range(1, len(tree)):
        last[node] = node if tree.entry(node).level == "tools" else last[tree.parents[node]]
    runs: dict[int, list[int]] = {}
    for end in sorted({last[leaf] for leaf in leaves} - {ROOT}):
        node, run = end, []
        while node != ROOT and tree.entry(node).level == "tools":
            run.append(node)
            node = tree.parents[node]
        runs[end] = run[::-1]
    return Tools(last, runs)


def unions(scene: Scene, ground: Ground, standing: Sequence[Standing]) -> dict[int, tuple[int, ...]]:
    """By row the tools of its conversation in the order in which they came, where not all its requests send them so.

    A tool that changes stays as it was first sent.
    """
    tree = ground.tree
    tools = tools_of(tree, [prompt.leaf for prompt in scene.prompts])
    members: dict[int, list[int]] = {}
    for row, prompt in enumerate(scene.prompts):
        if tools.last[prompt.leaf] != ROOT:
            members.setdefault(standing[row].lineage, []).append(row)
    found: dict[int, tuple[int, ...]] = {}
    for rows in members.values():
        ends = dict.fromkeys(tools.last[scene.prompts[row].leaf] for row in rows)
        runs = [tuple(tree.segments[node] for node in tools.runs[end]) for end in ends]
        if len(set(runs)) > 1:
            every: dict[Hashable, int] = {}
            for segment in (segment for run in runs for segment in run):
                every.setdefault(_tool(tree.entries[segment], segment), segment)
            found |= dict.fromkeys(rows, tuple(every.values()))
    return found


def _tool(entry: Entry, segment: int) -> Hashable:
    return (entry.name, entry.server) if entry.name else segment


def with_union(scene: Scene, ground: Ground, standing: Sequence[Standing]) -> Set:
    """Every tool of a conversation from its first request on; what is given where all send the same ones already."""
    wanted = unions(scene, ground, standing)
    if not wanted:
        return Set(scene, ground)
    growing = Growing(ground)
    moving = _Moving(growing, tools_of(ground.tree, [prompt.leaf for prompt in scene.prompts]))
    prompts, told = list(scene.prompts), dict[object, Told]()
    for row, union in wanted.items():
        prompts[row] = moving.moved(scene.prompts[row], union, ground.ruler[row])
    for row, union in wanted.items():
        key = ground.ruler[row], union, moving.above(scene.prompts[row].leaf)
        if key not in told:
            told[key] = moving.told(scene.prompts[row], union, ground.ruler[row])
        prompts[row] = replace(prompts[row], told=told[key])
    return growing.grown(scene, prompts, ground.ruler)


class _Moving(msgspec.Struct):
    """Puts what follows on one run of tools behind another: each node once for each run it goes behind."""

    growing: Growing
    tools: Tools
    went: dict[tuple[int, int], int] = {}
    gained: dict[tuple[int, int, Sequence[int]], int] = {}

    def moved(self, prompt: Prompt, union: Sequence[int], ruler: int) -> Prompt:
        """A prompt behind other tools; the lengths that bills told are not yet those of its path."""
        end = self._end(self.tools.last[prompt.leaf], union)
        leaf = self._to(end, prompt.leaf)
        total = max(0, prompt.total + self._more(prompt.leaf, union, ruler))
        known = None
        if prompt.known and self._whole(prompt.known[0]):
            node, tokens = prompt.known
            known = self._to(end, node), max(0, tokens + self._more(node, union, ruler))
        marks = {self._to(end, node): ttl for node, ttl in prompt.marks}
        answer = None if prompt.answer is None else self._to(end, prompt.answer)
        return replace(prompt, leaf=leaf, total=total, known=known, marks=tuple(marks.items()), answer=answer)

    def told(self, prompt: Prompt, union: Sequence[int], ruler: int) -> Told:
        """The lengths that bills told, at the places that what followed on the prompt's tools went to; the first of
        several stands."""
        end = self._end(self.tools.last[prompt.leaf], union)
        found: dict[int, int] = {}
        for node, tokens in prompt.told.lengths.items():
            place = end if node == self.tools.last[prompt.leaf] else self.went.get((end, node))
            if place is not None:
                found.setdefault(place, max(0, tokens + self._more(node, union, ruler)))
        return Told(found)

    def above(self, leaf: int) -> int:
        """What stands before the tools of a path."""
        return self.growing.tree.parents[self.tools.runs[self.tools.last[leaf]][0]]

    def _whole(self, node: int) -> bool:
        """Whether a path ends with none of its tools left out."""
        last = self.tools.last[node]
        return last == ROOT or last in self.tools.runs

    def _end(self, last: int, union: Sequence[int]) -> int:
        """The last of the tools, grown where the first of the old ones stood."""
        tree = self.growing.tree
        node = tree.parents[self.tools.runs[last][0]]
        for number, segment in enumerate(union, 1):
            ends = Ends.BLOCK | (Ends.LEVEL if number == len(union) else Ends.NOTHING)
            node = tree.child(node, segment, ends)
        return node

    def _to(self, end: int, node: int) -> int:
        """Where a node goes: a tool to the last one, what stands before the tools nowhere."""
        if self.tools.last[node] == ROOT:
            return node
        tree, waiting = self.growing.tree, []
        while (end, node) not in self.went and tree.entry(node).level != "tools":
            waiting.append(node)
            node = tree.parents[node]
        place = self.went.get((end, node), end)
        for below in reversed(waiting):
            place = self.went[end, below] = tree.child(place, tree.segments[below], Ends(tree.ends[below]))
        return place

    def _more(self, node: int, union: Sequence[int], ruler: int) -> int:
        """Tokens that a path gains: those of the tools it did not have, less those it had otherwise."""
        last = self.tools.last[node]
        if last == ROOT:
            return 0
        key = ruler, last, union
        found = self.gained.get(key)
        if found is None:
            step, segments = self.growing.step, self.growing.tree.segments
            had = sum(step(ruler, segments[tool]) for tool in self.tools.runs[last])
            found = self.gained[key] = sum(step(ruler, segment) for segment in union) - had
        return found
