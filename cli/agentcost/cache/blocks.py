"""Caches that keep full blocks of tokens (OpenAI up to 5.5, engines): the longest chain of kept blocks is read."""

from __future__ import annotations

from collections.abc import Hashable
from math import inf, nextafter

from agentcost.cache.lengths import cacheable
from agentcost.cache.policy import Policy, Ttl, minimum_of, ttl_of
from agentcost.cache.prompts import Prompt, Served, Shape, salted, visible_from
from agentcost.cache.touches import Touches, branches_of
from agentcost.cache.units import Units
from agentcost.model import ROOT


class Blocks:
    """Every full block is kept, and renewed by every use; with a hit probability, what is read is expected tokens.

    Where units are kept instead, only whole ones are read. A use renews the whole path; `at_most` is not simulated.
    """

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.touches = Touches(shape.branches)
        self.hidden = Touches(branches_of([ROOT, ROOT]))
        self.units = Units(shape.branches) if policy.creates == "request_ends" else None
        self.alike: dict[int, list[tuple[float, int]]] = {}
        for (node, other), share in shape.shared.items():
            self.alike.setdefault(node, []).append((share, other))
        for found in self.alike.values():
            found.sort(reverse=True)

    def serve(self, prompt: Prompt) -> Served:
        """Read the blocks that agree with what is kept; keep those of the prompt, and of the answer where it is."""
        policy, scope = self.policy, (prompt.scope, salted(self.policy, prompt)[2])
        ttl = ttl_of(policy, prompt.model, prompt.settings.get("cache_ttl", ""))
        known = self._deepest(scope, prompt, self._seconds(ttl))
        unit = self.units.deepest(scope, known, prompt.start) if self.units else known
        matched = prompt.tokens(unit) if unit is not None else 0
        if self.units is None and (unit or ROOT) != prompt.leaf:
            matched = max(matched, self._into_next(scope, prompt, unit, self._seconds(ttl)))
        read = round(cacheable(policy, prompt.model, matched, prompt.total) * policy.hit_probability)
        self._keep(scope, prompt, known)
        short = prompt.total < minimum_of(policy, prompt.model)
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

    def _into_next(self, scope: Hashable, prompt: Prompt, hit: int | None, seconds: float) -> int:
        """Tokens that agree up to somewhere inside the node behind `hit`, whose text a kept sibling begins with."""
        parent = ROOT if hit is None else hit
        node = self._step(prompt.leaf, parent)
        before = prompt.tokens(parent)
        for share, other in self.alike.get(node, ()):
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
