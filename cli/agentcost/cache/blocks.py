"""Caches that keep full blocks of tokens (OpenAI up to 5.5, engines): the longest chain of kept blocks is read."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, partial
from math import inf, nextafter

from agentcost.cache.branches import branches_of
from agentcost.cache.lengths import cacheable
from agentcost.cache.policy import Policy, Ttl, minimum_of, ttl_of
from agentcost.cache.prompts import Keys, Prompt, Served, Shape, visible_from
from agentcost.cache.touches import Touches
from agentcost.cache.units import Units
from agentcost.model import ROOT


class Blocks:
    """Every full block is kept, and renewed by every use; with a hit probability, what is read is expected tokens.

    Where units are kept instead, only whole ones are read. A use renews the whole path. Where a time to live ends some
    time after the first write (`at_most`), a prefix ends as one: with its first block all behind that is lost, and is
    written anew.
    """

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.touches = Touches(shape.branches)
        self.hidden = Touches(branches_of([ROOT, ROOT]))
        self.units = Units(shape.branches) if policy.creates == "request_ends" else None
        self.alike = shape.alike()
        self.born: dict[Hashable, float] = {}
        self.generations: dict[tuple[int, int], int] = {}
        self.keys = Keys(policy)
        self.minimum = cache(partial(minimum_of, policy))
        self.ttl = cache(partial(ttl_of, policy))

    def serve(self, prompt: Prompt) -> Served:
        """Read the blocks that agree with what is kept; keep those of the prompt, and of the answer where it is."""
        policy, key = self.policy, self.keys.of(prompt)[2]
        ttl = self.ttl(prompt.model, prompt.settings.get("cache_ttl", ""))
        scope = self._generation(key, prompt, prompt.leaf, ttl)
        known = self._deepest(scope, prompt, self._seconds(ttl))
        if known is None and ttl and ttl.at_most:
            self.born[scope] = prompt.start
        unit = self.units.deepest(scope, known, prompt.start) if self.units else known
        matched = prompt.tokens(unit) if unit is not None else 0
        if self.units is None and (unit or ROOT) != prompt.leaf:
            matched = max(matched, self._into_next(key, prompt, unit, ttl))
        read = round(cacheable(policy, prompt.model, matched, prompt.total) * policy.hit_probability)
        self._keep(scope, prompt, known)
        short = prompt.total < self.minimum(prompt.model)
        writes = {} if short else _written(ttl, prompt.total - read)
        plain = prompt.total - read - sum(writes.values())
        return Served(read, writes, plain, (unit or ROOT) if read else None, "below_minimum" if short else "")

    def _seconds(self, ttl: Ttl | None) -> float:
        """The idle time from which on a block is gone."""
        if ttl is None:
            return inf
        return nextafter(ttl.seconds, inf) if self.policy.expiry == "inclusive" else float(ttl.seconds)

    def _deepest(self, scope: Hashable, prompt: Prompt, seconds: float) -> int | None:
        """The deepest node of the path that is kept: the root where only the hidden prefix is."""
        found = self.touches.deepest_live(scope, prompt.leaf, prompt.start, seconds)
        if found is None and _marks_root(prompt) and self.hidden.deepest_live(scope, 1, prompt.start, seconds):
            return ROOT
        return found

    def _generation(self, key: int, prompt: Prompt, node: int, ttl: Ttl | None) -> Hashable:
        """What shares blocks with a node: where they end some time after their first write, what has the same first
        block (the root for a hidden prefix) and was written since."""
        if ttl is None or ttl.at_most is None:
            return key
        branches = self.shape.branches
        stretches = () if _marks_root(prompt) else branches.stretches(node)
        first = branches.node(stretches[-1][0], 1) if stretches else ROOT
        scope = key, first, self.generations.get((key, first), 0)
        if prompt.start - self.born.get(scope, prompt.start) >= ttl.at_most:
            scope = key, first, scope[2] + 1
            self.generations[key, first] = scope[2]
        self.born.setdefault(scope, prompt.start)
        return scope

    def _into_next(self, key: int, prompt: Prompt, hit: int | None, ttl: Ttl | None) -> int:
        """Tokens that agree up to somewhere inside the node behind `hit`, whose text a kept sibling begins with."""
        parent, seconds = ROOT if hit is None else hit, self._seconds(ttl)
        node = self._step(prompt.leaf, parent)
        before = prompt.tokens(parent)
        for share, other in self.alike.get(node, ()):
            scope = self._generation(key, prompt, other, ttl)
            self.touches.advance(scope, prompt.start)
            last = self.touches.last(scope, other)
            if last is not None and prompt.start - last < seconds:
                return before + int(share * max(0, prompt.tokens(node) - before))
        return 0

    def _step(self, leaf: int, above: int) -> int:
        """The node behind `above` on the path of `leaf`, found along the branches."""
        branches = self.shape.branches
        depth = branches.depth[above] + 1
        branch = next(branch for branch, _ in branches.stretches(leaf) if branches.tops[branch] <= depth)
        return branches.node(branch, depth)

    def _keep(self, scope: Hashable, prompt: Prompt, known: int | None) -> None:
        """Renew what agreed when the prompt starts; the rest can be read once it is there."""
        visible = visible_from(self.policy, prompt)
        answer = prompt.answer if self.policy.caches_answer else None
        answered = max(visible, prompt.end)
        if self.units:
            self.units.drop_behind(scope, prompt.leaf, known, prompt.start)
            if known:
                self.units.add(scope, known, visible)
            self.units.add(scope, prompt.leaf, visible)
            if answer is not None:
                self.units.add(scope, answer, answered)
        if known:
            self.touches.touch(scope, known, prompt.start)
        self.touches.touch(scope, prompt.leaf, prompt.start, visible)
        if answer is not None:
            self.touches.touch(scope, answer, prompt.start, answered)
        if _marks_root(prompt):
            self.hidden.touch(scope, 1, prompt.start, prompt.start if known is not None else visible)


def _marks_root(prompt: Prompt) -> bool:
    return any(node == ROOT for node, _ in prompt.marks)


def _written(ttl: Ttl | None, tokens: int) -> dict[str, int]:
    """What is billed as written: nothing, where writes are no class of the bill."""
    return {ttl.name: tokens} if ttl is not None and ttl.write is not None and tokens else {}
