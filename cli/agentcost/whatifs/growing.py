"""New paths in the tree of a log, for prompts that get another head.

The tree of the log stays as it is: a prompt whose head does not change is not touched.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec
import numpy
from msgspec import structs
from msgspec.structs import replace

from agentcost.cache.prompts import Prompt
from agentcost.cache.shapes import shape_of
from agentcost.measuring.levels import Ints, levels_of
from agentcost.measuring.measure import Measured
from agentcost.model import ROOT
from agentcost.prefix import Tree
from agentcost.whatifs.scene import Ground, Scene, added


class Set(msgspec.Struct, frozen=True):
    """Requests in their scene, and what they stand on."""

    scene: Scene
    ground: Ground


@dataclass(slots=True)
class Growing:
    """A tree that grows new paths. By ruler and segment, `steps` are tokens with the template's, `texts` without."""

    ground: Ground
    tree: Tree = field(init=False)
    first: int = field(init=False)
    steps: list[dict[int, int]] = field(init=False)
    texts: list[dict[int, int]] = field(init=False)
    aliases: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        old = self.ground.tree
        pairs = enumerate(zip(old.parents[1:], old.segments[1:], strict=True), 1)
        children = {parent << 32 | segment: node for node, (parent, segment) in pairs}
        self.tree = Tree(
            list(old.entries), array("q", old.parents), array("q", old.segments), array("b", old.ends),
            dict(old.by_digest), children,
        )  # fmt: skip
        self.first = len(old)
        self.steps, self.texts = [], []
        for number in range(len(self.ground.measured)):
            steps, texts = _by_segment(self.ground, number)
            self.steps.append(steps)
            self.texts.append(texts)

    def said(self, segment: int) -> int:
        """The segment that says a text of a system prompt as a message of the user."""
        found = self.aliases.get(segment)
        if found is None:
            entry = self.tree.entries[segment]
            digest = blake2b(entry.digest, digest_size=16, person=b"said by the user").digest()
            found = self.tree.add(
                structs.replace(entry, digest=digest, level="messages", role="user", opens_message=True)
            )
            self.aliases[segment] = found
            for known in (*self.steps, *self.texts):
                if segment in known:
                    known[found] = known[segment]
        return found

    def step(self, ruler: int, segment: int) -> int:
        """Tokens that a segment adds to a prompt; under another ruler where its own never saw it."""
        own = self.steps[ruler].get(segment)
        return next((known[segment] for known in self.steps if segment in known), 0) if own is None else own

    def grown(self, scene: Scene, prompts: Sequence[Prompt], rulers: Sequence[int]) -> Set:
        """The scene with its new prompts, their `reach` stretched over the new nodes."""
        new, reaches = range(self.first, len(self.tree)), {}
        for row, prompt in enumerate(scene.prompts):
            ruler = self.ground.ruler[row]
            if ruler not in reaches:
                reaches[ruler] = self._reach(prompt.reach, ruler, new)
        told = {id(prompt.told): prompt.told.on(self.tree.parents) for prompt in prompts}
        made = [
            replace(_measuring(prompt, reaches[ruler]), told=told[id(prompt.told)])
            for prompt, ruler in zip(prompts, rulers, strict=True)
        ]
        levels = levels_of(self.tree)
        rows: list[list[int]] = [[] for _ in self.ground.measured]
        for row, ruler in enumerate(rulers):
            rows[ruler].append(row)
        own = [_differences(levels.parents, reaches.get(ruler), len(self.tree)) for ruler in range(len(rows))]
        measured = [self._stretched(group, ruler, new) for ruler, group in enumerate(self.ground.measured)]
        passing = [levels.up(made[row].leaf for row in group) for group in rows]
        ground = Ground(self.tree, levels, measured, own, passing, list(rulers))
        return Set(Scene(shape_of(self.tree), made, scene.policies), ground)

    def _reach(self, old: Sequence[int], ruler: int, new: range) -> list[int]:
        """Tokens up to every node; what a ruler never saw, as paths that other models see, adds none."""
        found = list(old[: self.first])
        for node in range(len(found), self.first):
            found.append(found[self.tree.parents[node]])
        for node in new:
            found.append(found[self.tree.parents[node]] + self.step(ruler, self.tree.segments[node]))
        return found

    def _stretched(self, group: Measured, ruler: int, new: range) -> Measured:
        texts = self.texts[ruler]
        more = numpy.array([texts.get(self.tree.segments[node], 0) for node in new], dtype=numpy.int64)
        known = numpy.zeros(self.first, dtype=numpy.int64)
        known[: len(group.lengths)] = group.lengths[: self.first]
        return structs.replace(group, lengths=numpy.concatenate([known, more]))


def _by_segment(ground: Ground, ruler: int) -> tuple[dict[int, int], dict[int, int]]:
    """Tokens of every segment that a ruler measured, with the template's and without; a tool as one more is."""
    group = ground.measured[ruler]
    tree, own, lengths = ground.tree, ground.own[ruler], group.lengths
    used = [node for node in numpy.flatnonzero(ground.passing[ruler]).tolist() if node != ROOT]
    steps = {tree.segments[node]: int(own[node]) for node in reversed(used)}
    texts = {tree.segments[node]: int(lengths[node]) for node in reversed(used) if node < len(lengths)}
    tools = [segment for segment in steps if tree.entries[segment].level == "tools"]
    return steps | {segment: texts.get(segment, 0) for segment in tools}, texts


def _measuring(prompt: Prompt, reach: Sequence[int]) -> Prompt:
    return replace(prompt, reach=reach, offset=prompt.total - reach[prompt.leaf])


def _differences(parents: Ints, reach: Sequence[int] | None, count: int) -> Ints:
    return numpy.zeros(count, dtype=numpy.int64) if reach is None else added(parents, reach)
