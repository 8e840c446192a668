"""Where units end that are only read whole (DeepSeek): ends of prompts and answers, and prefixes seen twice.

After A+B, A+C reads nothing, but shows that A is common: A+D reads A.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Iterator

import msgspec

from agentcost.cache.branches import Branches
from agentcost.model import ROOT


class Units(msgspec.Struct):
    """Ends of units by scope: of each branch the depths in order, and from when on each can be read."""

    branches: Branches
    depths: dict[tuple[Hashable, int], list[int]] = {}
    visible: dict[tuple[Hashable, int], float] = {}

    def add(self, scope: Hashable, node: int, visible: float) -> None:
        """A unit ends at `node`; one that is there stays visible from when it was."""
        if node == ROOT:
            return
        known = self.visible.get((scope, node))
        self.visible[scope, node] = visible if known is None else min(known, visible)
        if known is None:
            insort(self.depths.setdefault((scope, self.branches.branch[node]), []), self.branches.depth[node])

    def deepest(self, scope: Hashable, node: int | None, now: float) -> int | None:
        """The deepest end that can be read, on the path to a node that is kept."""
        if node is None:
            return None
        return next((end for end in self._upwards(scope, node) if self.visible[scope, end] <= now), None)

    def drop_behind(self, scope: Hashable, leaf: int, known: int | None, now: float) -> None:
        """Forget the ends on a path behind the deepest node that is kept: they are gone, or not there yet."""
        least = self.branches.depth[known] if known is not None else 0
        gone = []
        for end in self._upwards(scope, leaf):
            if self.branches.depth[end] <= least:
                break
            if self.visible[scope, end] <= now:
                gone.append(end)
        for end in gone:
            del self.visible[scope, end]
            self.depths[scope, self.branches.branch[end]].remove(self.branches.depth[end])

    def _upwards(self, scope: Hashable, node: int) -> Iterator[int]:
        """The ends on the path to a node, the deepest first."""
        for branch, depth in self.branches.stretches(node):
            ends = self.depths.get((scope, branch), [])
            for place in range(bisect_right(ends, depth) - 1, -1, -1):
                yield self.branches.node(branch, ends[place])
