"""Which earlier request each one is compared with: the one it goes on from, else the latest with most in common."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from agentcost.cache.lengths import cacheable
from agentcost.cache.partings import Change, Partings, fork
from agentcost.cache.policy import Policy, minimum_of
from agentcost.cache.prompts import LEVELS, Prompt, Shape
from agentcost.cache.touches import Touches
from agentcost.model import ROOT


class Reference(NamedTuple):
    """The request compared with, by its number, and the last node that both paths have.

    `other`: it is of another conversation; only what both begin with can be read.
    """

    row: int
    common: int
    other: bool


def references(
    partings: Partings, prompts: Sequence[Prompt], before: Sequence[int | None], threads: Sequence[Hashable]
) -> list[Reference | None]:
    """One per prompt, None where no earlier prompt of its scope and model begins like it.

    `before` is the request that each goes on from by its messages, `threads` its session and role: a prompt whose
    messages were compacted or rewritten is still compared with the latest of its thread.
    """
    branches = partings.shape.branches
    earlier = _Earlier(partings.shape, prompts)
    latest: dict[Hashable, int] = {}
    found: list[Reference | None] = []
    for row, prompt in enumerate(prompts):
        if prompt.opaque:
            found.append(None)
            continue
        own = before[row]
        if own is None:
            own = latest.get(threads[row])
            own = own if own is not None and partings.goes_on(prompt.leaf, prompts[own].leaf) else None
        if own is not None:
            common = fork(branches, prompt.leaf, prompts[own].leaf)
            found.append(Reference(own, common, other=False))
            earlier.add(row, own if common == prompts[own].leaf else None)
        else:
            found.append(earlier.deepest(row))
            earlier.add(row)
        latest[threads[row]] = row
    return found


@dataclass(slots=True)
class _Earlier:
    """The requests so far, by scope and model. They wait until one is asked for, and of those that wait one that
    another goes on from tells nothing more than that: only the rest is taken in."""

    shape: Shape
    prompts: Sequence[Prompt]
    waiting: dict[int, None] = field(default_factory=dict)
    alone: list[int] = field(default_factory=list)
    """Taken in by scope and model, and not yet by scope alone: that is seldom asked for."""
    touches: Touches = field(init=False)

    def __post_init__(self) -> None:
        self.touches = Touches(self.shape.branches)

    def add(self, row: int, over: int | None = None) -> None:
        """Take in a request; `over` is one that it goes on from with nothing left out."""
        self.waiting[row] = None
        if over is not None and over in self.waiting:
            mine, theirs = self.prompts[row], self.prompts[over]
            if mine.scope == theirs.scope and mine.model == theirs.model:
                del self.waiting[over]

    def deepest(self, row: int) -> Reference | None:
        """The latest request with the longest common beginning. One of another model only if it is gone on from."""
        for waiting in self.waiting:
            prompt = self.prompts[waiting]
            self.touches.touch((prompt.scope, prompt.model), prompt.leaf, waiting)
        self.alone += self.waiting
        self.waiting.clear()
        own = self.prompts[row]
        found = self._latest((own.scope, own.model), row)
        if found:
            return found
        for before in self.alone:
            prompt = self.prompts[before]
            self.touches.touch(prompt.scope, prompt.leaf, before)
        self.alone.clear()
        found = self._latest(own.scope, row)
        return found if found and not found.other else None

    def _latest(self, key: Hashable, row: int) -> Reference | None:
        """The latest of a key, gone on from (not `other`) or only with a common beginning."""
        leaf = self.prompts[row].leaf
        node = self.touches.deepest_live(key, leaf, row, inf)
        last = self.touches.last(key, node) if node is not None else None
        if node is None or last is None:
            return None
        whole = self.prompts[int(last)].leaf == node
        goes_on = whole and node != leaf and self.shape.levels[node] == LEVELS["messages"]
        return Reference(int(last), node, other=not goes_on)


class Shared(NamedTuple):
    """What a request of another conversation left that can be read: tokens, up to which node of its path, and what is
    in the way."""

    tokens: int
    node: int
    changes: Sequence[Change] = ()


def shared_with_another(policy: Policy, partings: Partings, prompt: Prompt, reference: Prompt, common: int) -> Shared:
    """What two conversations share. Heads that have less than half in common are those of other agents: there nothing
    was to be read."""
    shape = partings.shape
    depth, opening = shape.branches.depth, shape.opening
    mine, theirs = opening[prompt.leaf], opening[reference.leaf]
    if depth[common] >= min(depth[mine], depth[theirs]):
        return _left(policy, shape, reference, common)
    if 2 * reference.tokens(common) < reference.tokens(theirs):
        return Shared(0, common)
    left = _left(policy, shape, reference, theirs)
    changes = partings.heads(prompt.leaf, reference.leaf, common)
    return Shared(min(left.tokens, prompt.tokens(mine)), left.node, changes)


def _left(policy: Policy, shape: Shape, prompt: Prompt, node: int) -> Shared:
    """The deepest entry that a request left at or before a node of its path."""
    if policy.mechanism in ("block", "best_effort"):
        whole = policy.creates != "request_ends" or node == prompt.leaf
        return Shared(kept_of(policy, prompt, prompt.tokens(node)) if whole and node != ROOT else 0, node)
    depth = shape.branches.depth
    marks = [mark for mark, _ in prompt.marks if depth[mark] <= depth[node]]
    if not marks or prompt.tokens(marks[-1]) < minimum_of(policy, prompt.model):
        return Shared(0, node)
    return Shared(prompt.tokens(marks[-1]), marks[-1])


def kept_of(policy: Policy, prompt: Prompt, tokens: int) -> int:
    """Of the first so many tokens of a prompt, those that a cache of blocks keeps, as far as it keeps its word."""
    return round(cacheable(policy, prompt.model, tokens, prompt.total) * policy.hit_probability)
