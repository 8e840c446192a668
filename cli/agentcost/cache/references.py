"""Which earlier request each one is compared with: the one it goes on from, else the latest with most in common."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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
    shape = partings.shape
    touches = Touches(shape.branches)
    latest: dict[Hashable, int] = {}
    found: list[Reference | None] = []
    for row, prompt in enumerate(prompts):
        own = before[row]
        if own is None:
            own = latest.get(threads[row])
            own = own if own is not None and partings.goes_on(prompt.leaf, prompts[own].leaf) else None
        if own is not None:
            found.append(Reference(own, fork(shape.branches, prompt.leaf, prompts[own].leaf), other=False))
        else:
            found.append(_deepest(shape, touches, prompts, row))
        latest[threads[row]] = row
        touches.touch((prompt.scope, prompt.model), prompt.leaf, row)
        touches.touch(prompt.scope, prompt.leaf, row)
    return found


def _deepest(shape: Shape, touches: Touches, prompts: Sequence[Prompt], row: int) -> Reference | None:
    """The latest request with the longest common beginning. One of another model only if it is gone on from."""
    prompt = prompts[row]
    for key in ((prompt.scope, prompt.model), prompt.scope):
        node = touches.deepest_live(key, prompt.leaf, row, inf)
        last = touches.last(key, node) if node is not None else None
        if node is None or last is None:
            continue
        whole = prompts[int(last)].leaf == node
        if whole and node != prompt.leaf and shape.levels[node] == LEVELS["messages"]:
            return Reference(int(last), node, other=False)
        if key != prompt.scope:
            return Reference(int(last), node, other=True)
    return None


def shared_with_another(
    policy: Policy, partings: Partings, prompt: Prompt, reference: Prompt, common: int
) -> tuple[int, Sequence[Change]]:
    """(tokens, changes): what a request of another conversation left that this one can read, and what is in the way.

    Heads that have less than half in common are those of other agents: there nothing was to be read.
    """
    shape = partings.shape
    depth, opening = shape.branches.depth, shape.opening
    mine, theirs = opening[prompt.leaf], opening[reference.leaf]
    if depth[common] >= min(depth[mine], depth[theirs]):
        return _left(policy, shape, reference, common), ()
    if 2 * reference.tokens(common) < reference.tokens(theirs):
        return 0, ()
    kept = min(_left(policy, shape, reference, theirs), prompt.tokens(mine))
    return kept, partings.heads(prompt.leaf, reference.leaf, common)


def _left(policy: Policy, shape: Shape, prompt: Prompt, node: int) -> int:
    """Tokens up to the deepest entry that a request left at or before a node of its path."""
    if policy.mechanism in ("block", "best_effort"):
        return cacheable(policy, prompt.model, prompt.tokens(node), prompt.total) if node != ROOT else 0
    depth = shape.branches.depth
    reached = [prompt.tokens(mark) for mark, _ in prompt.marks if depth[mark] <= depth[node]]
    longest = max(reached, default=0)
    return longest if longest >= minimum_of(policy, prompt.model) else 0
