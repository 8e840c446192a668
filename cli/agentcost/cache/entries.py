"""Entries at exact places of the tree: what is live, what is kept or renewed, and how a bill splits what is written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from itertools import groupby
from math import inf

import msgspec

from agentcost.cache.policy import Policy, Ttl, minimum_of, ttl_of
from agentcost.cache.prompts import Keys, Prompt, Served, Shape, visible_from

Key = tuple[int, int]
"""The number of the scope and the salts of the level, and the node."""


class Entry(msgspec.Struct, gc=False):
    """A prefix that is kept: until when, and from when on it can be read. How long it is, its reader says."""

    expires: float
    visible: float
    seconds: float


class Target(msgspec.Struct, frozen=True, gc=False):
    """Where a request wants an entry, and how long it lives."""

    node: int
    key: Key
    ttl: Ttl | None
    seconds: float
    tokens: int


class Entries:
    """Entries by scope, salts and node."""

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.keys = Keys(policy)
        self.kept: dict[Key, Entry] = {}
        self.inclusive = policy.expiry == "inclusive"
        self.renews = policy.refresh in ("own_breakpoints", "path")
        self.minimum = cache(partial(minimum_of, policy))
        self.ttl = cache(self._ttl)

    def _ttl(self, model: str, name: str) -> tuple[Ttl | None, float]:
        """The time to live that a model has for what is asked, and its seconds."""
        found = ttl_of(self.policy, model, name)
        return found, float(found.seconds) if found else inf

    def live(self, key: Key, now: float) -> Entry | None:
        """The entry of that key, if it can be read now."""
        entry = self.kept.get(key)
        return entry if entry and entry.visible <= now and self._lasts(entry, now) else None

    def target(self, prompt: Prompt, node: int, key: int, ttl: str) -> Target:
        """A place for an entry, with the time to live that the model has for what is asked."""
        own, seconds = self.ttl(prompt.model, ttl)
        return Target(node, (key, node), own, seconds, prompt.tokens(node))

    def settle(
        self, prompt: Prompt, targets: Sequence[Target], hit: tuple[int, Entry] | None, *, fill: bool = False
    ) -> Served:
        """Write what lies behind the hit, renew what lies before it, and bill.

        What lies before a hit and is gone costs nothing and comes back only with `fill`.
        """
        depth, now = self.shape.branches.depth, prompt.start
        read, reached = (prompt.tokens(hit[0]), depth[hit[0]]) if hit else (0, -1)
        visible, behind = visible_from(self.policy, prompt), []
        for target in targets:
            if depth[target.node] > reached:
                behind.append(target)
                self._write(target, now, visible)
                continue
            entry = self.live(target.key, now) if fill or self.renews else None
            if entry is None and fill:
                self._write(target, now, visible)
            elif entry is not None and self.renews:
                entry.expires = max(entry.expires, now + target.seconds)
        if hit and self.policy.refresh != "none":
            hit[1].expires = max(hit[1].expires, now + hit[1].seconds)
        writes = split(behind, read)
        return Served(read, writes, prompt.total - read - sum(writes.values()), hit[0] if hit else None)

    def _lasts(self, entry: Entry, now: float) -> bool:
        return now < entry.expires or (self.inclusive and now == entry.expires)

    def _write(self, target: Target, now: float, visible: float) -> None:
        """Keep a prefix. One that lasts stays visible from when it was, and lives by the longer time to live."""
        new = Entry(now + target.seconds, visible, target.seconds)
        old = self.kept.get(target.key)
        if old and self._lasts(old, now):
            new.visible = min(old.visible, new.visible)
            new.expires = max(old.expires, new.expires)
            new.seconds = max(old.seconds, new.seconds)
        self.kept[target.key] = new


def split(targets: Sequence[Target], read: int) -> dict[str, int]:
    """What is written, by time to live: up to the highest place of the longest one, from there on the next.

    Where writes are no class of the bill (a time to live without a multiplier), they are plain input.
    """
    writes: dict[str, int] = {}
    reached = read
    for group in _longest_first(targets):
        highest = max(target.tokens for target in group)
        ttl = group[0].ttl
        if highest > reached and ttl is not None and ttl.write is not None:
            writes[ttl.name] = highest - reached
        reached = max(reached, highest)
    return writes


def _longest_first(targets: Sequence[Target]) -> list[list[Target]]:
    """The targets of each time to live, those of the longest one first."""
    if len({target.seconds for target in targets}) == 1:
        return [list(targets)]
    ordered = sorted(targets, key=lambda target: -target.seconds)
    return [list(alike) for _, alike in groupby(ordered, key=lambda target: target.seconds)]
