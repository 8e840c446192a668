"""Caches that keep content blocks up to breakpoints (Anthropic): a lookup goes back a few positions from each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from agentcost.cache.entries import Entries, Entry
from agentcost.cache.policy import Policy, collapses
from agentcost.cache.prompts import Prompt, Served, Shape, day_of
from agentcost.model import ROOT, Ends

_BLOCK, _TOOL_RUN = int(Ends.BLOCK), int(Ends.TOOL_RUN)
"""As plain integers: a flag's own `&` is ten times slower."""


class Breakpoints(Entries):
    """Entries at breakpoints only; a lookup tests each breakpoint and a few positions before it."""

    def __init__(self, policy: Policy, shape: Shape) -> None:
        super().__init__(policy, shape)
        self.most = policy.max_breakpoints
        self._before: dict[tuple[int, bool], int] = {}

    def serve(self, prompt: Prompt) -> Served:
        """Read up to the deepest entry in reach, write at every breakpoint behind it."""
        marks = list(dict(prompt.marks).items())[-self.most :]
        least = self.minimum(prompt.model)
        if not marks:
            return Served(0, {}, prompt.total, blocked="no_breakpoint")
        keys, levels = self.keys.of(prompt), self.shape.levels
        targets = [self.target(prompt, node, keys[levels[node]], ttl) for node, ttl in marks]
        if targets[-1].tokens < least:
            return Served(0, {}, prompt.total, blocked="below_minimum")
        hit = self._hit(prompt, [node for node, _ in marks], keys)
        return self.settle(prompt, [target for target in targets if target.tokens >= least], hit)

    def _hit(self, prompt: Prompt, nodes: Sequence[int], keys: Sequence[int]) -> tuple[int, Entry] | None:
        """The first entry that a lookup finds. A breakpoint tests positions down to the one before it: from there on,
        that one sees farther."""
        collapsed, levels, depth = self._collapses(prompt), self.shape.levels, self.shape.branches.depth
        for node, earlier in zip(reversed(nodes), [*reversed(nodes[:-1]), None], strict=True):
            end = -1 if earlier is None else depth[earlier]
            for position in islice(self.positions(node, collapsed), self.policy.lookback):
                if depth[position] <= end:
                    break
                entry = self.live((keys[levels[position]], position), prompt.start)
                if entry:
                    return position, entry
        return None

    def _collapses(self, prompt: Prompt) -> bool:
        """Whether a tool run is one position; the day is looked at only where it decides."""
        since = self.policy.collapse_tool_runs == "since"
        return collapses(self.policy, day_of(prompt.start) if since else None)

    def positions(self, node: int, collapsed: bool) -> Iterator[int]:
        """The positions of a look-back from a breakpoint, itself first; with `collapsed` a tool run is one."""
        yield node
        while node != ROOT:
            node = self._previous(node, collapsed)
            yield node

    def _previous(self, node: int, collapsed: bool) -> int:
        """The position before one. Remembered: the blocks between two are walked once, not with every request."""
        found = self._before.get((node, collapsed))
        if found is None:
            found = self._before[node, collapsed] = self._walked(node, collapsed)
        return found

    def _walked(self, node: int, collapsed: bool) -> int:
        shape = self.shape
        inside = collapsed and shape.runs[node]
        node = shape.parents[node]
        while node != ROOT:
            ends = shape.ends[node]
            if ends & _BLOCK and not (inside and shape.runs[node] and not ends & _TOOL_RUN):
                break
            node = shape.parents[node]
        return node
