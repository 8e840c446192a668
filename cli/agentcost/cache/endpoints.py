"""Caches that keep exact boundaries (OpenAI 5.6 and later): the end of the latest eligible message, and markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentcost.cache.entries import Entries, Entry
from agentcost.cache.prompts import Prompt, Served
from agentcost.model import ROOT


class Endpoints(Entries):
    """Entries at the end of the latest eligible message and at markers; boundaries match exactly or not at all."""

    def serve(self, prompt: Prompt) -> Served:
        """Read up to the longest candidate that is kept, write at the endpoint and the latest markers."""
        implicit = prompt.settings.get("cache_mode", "implicit") != "explicit" and self.policy.implicit_endpoint
        endpoint = self.shape.endings[prompt.leaf] if implicit else ROOT
        depth = self.shape.branches.depth
        places = sorted(self._places(prompt, implicit, endpoint).items(), key=lambda place: depth[place[0]])
        if not places:
            return Served(0, {}, prompt.total, blocked="no_breakpoint")
        least = self.minimum(prompt.model)
        if prompt.tokens(places[-1][0]) < least:
            return Served(0, {}, prompt.total, blocked="below_minimum")
        key = self.keys.of(prompt)[2]
        targets = [self.target(prompt, node, key, ttl) for node, ttl in places]
        explicit = [node for node, _ in prompt.marks]
        hit = self._hit(prompt, key, self._candidates(prompt, explicit, endpoint))
        return self.settle(prompt, [target for target in targets if target.tokens >= least], hit, fill=True)

    def _places(self, prompt: Prompt, implicit: bool, endpoint: int) -> dict[int, str]:
        """Where entries are wanted, with the time to live asked for there: a marker's own, else the request's."""
        asked = prompt.settings.get("cache_ttl", "")
        room = max(0, self.policy.max_breakpoints - implicit)
        ends = {endpoint: asked} if endpoint != ROOT else {}
        latest = prompt.marks[-room:] if room else ()
        return ends | {node: ttl or asked for node, ttl in latest}

    def _candidates(self, prompt: Prompt, explicit: Sequence[int], endpoint: int) -> Iterator[int]:
        rule = self.policy.candidates
        if rule is None:
            return
        yield from explicit[: rule.first]
        yield from explicit[-rule.latest :] if rule.latest else ()
        if endpoint == ROOT:
            return
        node = endpoint
        for _ in range(rule.endings + 1):
            yield node
            node = self.shape.endings[self.shape.parents[node]]
            if node == ROOT:
                break
        if rule.initial:
            yield self.shape.opening[prompt.leaf]

    def _hit(self, prompt: Prompt, key: int, candidates: Iterator[int]) -> tuple[int, Entry] | None:
        """The deepest candidate that is kept."""
        depth = self.shape.branches.depth
        found: tuple[int, Entry] | None = None
        for node in candidates:
            if found and depth[node] <= depth[found[0]]:
                continue
            entry = self.live((key, node), prompt.start)
            if entry:
                found = node, entry
        return found
