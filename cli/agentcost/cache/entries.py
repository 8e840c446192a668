"""Entries at exact places of the tree: what is live, what is kept or renewed, and how a bill splits what is written."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby

from agentcost.cache.policy import Policy, Ttl, minimum_of, ttl_of
from agentcost.cache.prompts import Prompt, Served, Shape, visible_from

Key = tuple[Hashable, Hashable, int]
"""Scope, salts of the level, node."""


@dataclass(slots=True)
class Entry:
    """A prefix that is kept: until when, from when on it can be read, and its length as its writer had it."""

    expires: float
    visible: float
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request wants an entry."""

    node: int
    key: Key
    ttl: Ttl | None
    tokens: int

    @property
    def seconds(self) -> float:
        """How long the entry lives."""
        return float(self.ttl.seconds) if self.ttl else float("inf")


class Entries:
    """Entries by scope, salts and node."""

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.kept: dict[Key, Entry] = {}
        self.minimum = cache(partial(minimum_of, policy))
        self.ttl = cache(partial(ttl_of, policy))

    def live(self, key: Key, now: float) -> Entry | None:
        """The entry of that key, if it can be read now."""
        entry = self.kept.get(key)
        return entry if entry and entry.visible <= now and self._lasts(entry, now) else None

    def target(self, prompt: Prompt, node: int, key: Hashable, ttl: str) -> Target:
        """A place for an entry, with the time to live that the model has for what is asked."""
        return Target(node, (prompt.scope, key, node), self.ttl(prompt.model, ttl), prompt.tokens(node))

    def settle(
        self, prompt: Prompt, targets: Sequence[Target], hit: tuple[int, Entry] | None, *, fill: bool = False
    ) -> Served:
        """Write what lies behind the hit, renew what lies before it, and bill.

        What lies before a hit and is gone costs nothing and comes back only with `fill`.
        """
        depth = self.shape.branches.depth
        read, reached = (min(prompt.total, hit[1].tokens), depth[hit[0]]) if hit else (0, -1)
        behind = [target for target in targets if depth[target.node] > reached]
        for target in targets:
            if depth[target.node] > reached or (fill and not self.live(target.key, prompt.start)):
                self._write(target, prompt)
            elif self.policy.refresh in ("own_breakpoints", "path"):
                self._renew(self.live(target.key, prompt.start), prompt.start, target.seconds)
        if hit and self.policy.refresh != "none":
            self._renew(hit[1], prompt.start, hit[1].seconds)
        writes = split(behind, read)
        return Served(read, writes, prompt.total - read - sum(writes.values()), hit[0] if hit else None)

    def _lasts(self, entry: Entry, now: float) -> bool:
        return now < entry.expires or (self.policy.expiry == "inclusive" and now == entry.expires)

    def _write(self, target: Target, prompt: Prompt) -> None:
        """Keep a prefix. One that lasts stays visible from when it was, and lives by the longer time to live."""
        new = Entry(prompt.start + target.seconds, visible_from(self.policy, prompt), target.seconds, target.tokens)
        old = self.kept.get(target.key)
        if old and self._lasts(old, prompt.start):
            new.visible = min(old.visible, new.visible)
            new.expires = max(old.expires, new.expires)
            new.seconds = max(old.seconds, new.seconds)
        self.kept[target.key] = new

    @staticmethod
    def _renew(entry: Entry | None, now: float, seconds: float) -> None:
        if entry:
            entry.expires = max(entry.expires, now + seconds)


def split(targets: Sequence[Target], read: int) -> dict[str, int]:
    """What is written, by time to live: up to the highest place of the longest one, from there on the next.

    Where writes are no class of the bill (a time to live without a multiplier), they are plain input.
    """
    writes: dict[str, int] = {}
    reached = read
    longest_first = sorted(targets, key=lambda target: -target.seconds)
    for _, alike in groupby(longest_first, key=lambda target: target.seconds):
        group = list(alike)
        highest = max(target.tokens for target in group)
        ttl = group[0].ttl
        if highest > reached and ttl is not None and ttl.write is not None:
            writes[ttl.name] = highest - reached
        reached = max(reached, highest)
    return writes
