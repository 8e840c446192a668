"""When each node of the prefix tree was last used, by scope, without visiting the nodes one by one.

A request uses every node of its path. So along a path last uses never grow later with depth, and a few pairs
(depth, time) per branch hold them all. With the root's first branch 0 and a fork after its second node:

    parents [0, 0, 1, 2, 2]      branch 0: nodes 0 1 2 3      branch 1: node 4, hanging off node 2
    touch(3, time=1)             branch 0: (3, 1)
    touch(4, time=2)             branch 0: (3, 1) (2, 2)      branch 1: (3, 2)

The root is the empty prefix: it is never in a cache, and no request's last use of it is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

import msgspec

from agentcost.cache.branches import Branches
from agentcost.model import ROOT


class Run(NamedTuple):
    """Nodes of a path from depth `top` to depth `bottom`, both included, that were last used at one `time`."""

    top: int
    bottom: int
    time: float


class Stack(msgspec.Struct):
    """Last uses along one branch: a node's is the latest time that stands with its depth or a greater one.

    Both lists rise strictly, `heights` being negated depths: the shallowest and latest use stands last.
    """

    heights: list[int] = []
    times: list[float] = []

    def put(self, depth: int, time: float) -> int:
        """Use the branch down to `depth`; returns what it cost: 1, and 1 for each use that this one hides for good.

        A use older than some that stand (it became visible late) goes below them: a node keeps its latest.
        """
        heights, times = self.heights, self.times
        end = len(times)
        if end and time < times[-1]:
            end = bisect_right(times, time)
            if -heights[end] >= depth:
                return 1
        start = end
        while start and -heights[start - 1] <= depth:
            start -= 1
        if start and times[start - 1] == time:
            return 1
        heights[start:end] = [-depth]
        times[start:end] = [time]
        return 1 + end - start

    def last(self, depth: int) -> float | None:
        """When the node at `depth` was last used."""
        place = bisect_right(self.heights, -depth) - 1
        return self.times[place] if place >= 0 else None

    def live(self, now: float, ttl: float) -> int:
        """The greatest depth used less than `ttl` before `now`; 0 for none."""
        place = bisect_left(self.times, True, key=lambda time: now - time < ttl)
        return -self.heights[place] if place < len(self.times) else 0

    def above(self, depth: int) -> Iterator[tuple[int, float]]:
        """The uses that speak for depths up to `depth`, from the top, the last one cut off there."""
        for height, time in zip(reversed(self.heights), reversed(self.times), strict=True):
            yield min(-height, depth), time
            if -height >= depth:
                return


class Scope(msgspec.Struct):
    """The last uses within one scope as of its `clock`, and the uses that come to count after it.

    `waiting` is a heap of (visible at, leaf, time).
    """

    stacks: dict[int, Stack] = {}
    waiting: list[tuple[float, int, float]] = []
    clock: float = -inf


class Touches(msgspec.Struct):
    """When nodes were last used, by scope. Times are numbers of any unit: seconds, or the numbers of requests.

    A scope's clock is the latest time it was told, and what is read from it holds as of then. A node's last
    use is the latest *start* among the uses that are visible by then: one that becomes visible out of order
    changes nothing that a later one already renewed.

    Using a path costs its branches, not its length: `operations` counts one for each, and one for each use
    taken out of its stack, which happens to none twice.
    """

    branches: Branches
    scopes: dict[Hashable, Scope] = {}
    operations: int = 0

    def touch(self, scope: Hashable, leaf: int, time: float, visible_at: float | None = None) -> None:
        """Use the path of `leaf` at `time`, visible from `visible_at` on: at once unless told.

        What a request reads is renewed when it starts, what it writes can be read from its first token on:
        touch the node it hit at its start, then its leaf with `visible_at`.
        """
        since = time if visible_at is None else visible_at
        if not since >= time:
            raise ValueError(f"visible at {since}, before its start at {time}")
        state = self.scopes.get(scope)
        if state is None:
            state = self.scopes[scope] = Scope()
        if time > state.clock:
            self._advance(state, time)
        if since <= state.clock:
            self._apply(state, leaf, time)
        else:
            heappush(state.waiting, (since, leaf, time))

    def advance(self, scope: Hashable, now: float) -> None:
        """Let what is visible by `now` count. A scope's time does not go back: ValueError."""
        state = self.scopes.get(scope)
        if state is None:
            return
        if not now >= state.clock:
            raise ValueError(f"asked about {now}, but the scope is already at {state.clock}")
        self._advance(state, now)

    def last(self, scope: Hashable, node: int) -> float | None:
        """When `node` was last used: O(log uses of its branch)."""
        stack = self._stack(scope, self.branches.branch[node])
        return stack.last(self.branches.depth[node]) if stack and node != ROOT else None

    def deepest_live(self, scope: Hashable, leaf: int, now: float, ttl: float) -> int | None:
        """The deepest node of a path used less than `ttl` before `now`, advancing to `now`.

        O(log uses) for each branch from the leaf up to that node's.
        """
        self.advance(scope, now)
        for branch, depth in self.branches.stretches(leaf):
            stack = self._stack(scope, branch)
            live = stack.live(now, ttl) if stack else 0
            if live:
                return self.branches.node(branch, min(live, depth))
        return None

    def runs(self, scope: Hashable, leaf: int) -> list[Run]:
        """The used part of a path from the top, split where the time of last use changes: O(branches + runs).

        With the numbers of requests as times, a run is what one earlier request was the last to use.
        """
        found: list[Run] = []
        top = 1
        for branch, depth in reversed(self.branches.stretches(leaf)):
            stack = self._stack(scope, branch)
            for bottom, time in stack.above(depth) if stack else ():
                if found and found[-1].time == time:
                    found[-1] = found[-1]._replace(bottom=bottom)
                else:
                    found.append(Run(top, bottom, time))
                top = bottom + 1
        return found

    def _stack(self, scope: Hashable, branch: int) -> Stack | None:
        state = self.scopes.get(scope)
        return state.stacks.get(branch) if state else None

    def _advance(self, state: Scope, now: float) -> None:
        state.clock = now
        while state.waiting and state.waiting[0][0] <= now:
            _, leaf, time = heappop(state.waiting)
            self._apply(state, leaf, time)

    def _apply(self, state: Scope, leaf: int, time: float) -> None:
        for branch, depth in self.branches.stretches(leaf):
            stack = state.stacks.get(branch)
            if stack is None:
                stack = state.stacks[branch] = Stack()
            self.operations += stack.put(depth, time)
