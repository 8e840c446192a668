"""What the requests that run at once hold together: nodes that several of them share are held once.

Works on a tree as arrays: `parents[n]` and `lengths[n]` tokens per node, node 0 the empty prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec


class Running(msgspec.Struct, frozen=True):
    """A request while it runs: its last node, its tokens (answer included), its bytes by format, from when to when.

    Only requests of one `pool` share nodes.
    """

    node: int
    tokens: int
    bytes: tuple[int, ...]
    started: float
    ended: float
    pool: str = ""


class Moment(msgspec.Struct, frozen=True):
    """From `at` on: requests running, their tokens one by one and with what they share once, their bytes by format."""

    at: float
    running: int
    alone: int
    distinct: int
    bytes: tuple[int, ...]


class _Live:
    """The nodes on the paths of running requests, each counted by what keeps it alive: requests and live children."""

    def __init__(self, parents: Sequence[int], lengths: Sequence[int]) -> None:
        self.parents, self.lengths = parents, lengths
        self.holders: dict[int, int] = {}
        self.tokens = 0

    def enter(self, node: int) -> None:
        while node:
            known = self.holders.get(node, 0)
            self.holders[node] = known + 1
            if known:
                return
            self.tokens += self.lengths[node]
            node = self.parents[node]

    def leave(self, node: int) -> None:
        while node:
            self.holders[node] -= 1
            if self.holders[node]:
                return
            del self.holders[node]
            self.tokens -= self.lengths[node]
            node = self.parents[node]


def moments(parents: Sequence[int], lengths: Sequence[int], requests: Sequence[Running]) -> Iterator[Moment]:
    """Every moment at which requests start or end, in order: first those that end there leave, then others start.

    A request that ends as it starts is there at that moment only, which is then told twice: with it and without it.
    A request's tokens off its path (its answer, what a log hides) are its own.
    """
    pools = {request.pool: _Live(parents, lengths) for request in requests}
    held = _Held(pools, _reach(parents, lengths, {request.node for request in requests}))
    starts: dict[float, list[Running]] = {}
    ends: dict[float, list[Running]] = {}
    for request in requests:
        starts.setdefault(request.started, []).append(request)
        if request.ended > request.started:
            ends.setdefault(request.ended, []).append(request)
    for at in sorted({*starts, *ends}):
        for request in ends.get(at, ()):
            held.change(request, -1)
        for request in starts.get(at, ()):
            held.change(request, 1)
        yield held.moment(at)
        gone = [request for request in starts.get(at, ()) if request.ended <= at]
        for request in gone:
            held.change(request, -1)
        if gone:
            yield held.moment(at)


class _Held(msgspec.Struct):
    """What is in use; `shared` are tokens of nodes, each once, `own` tokens off the tree."""

    pools: dict[str, _Live]
    reach: dict[int, int]
    running: int = 0
    alone: int = 0
    shared: int = 0
    own: int = 0
    bytes: tuple[int, ...] = ()

    def change(self, request: Running, sign: int) -> None:
        live = self.pools[request.pool]
        before = live.tokens
        if sign > 0:
            live.enter(request.node)
        else:
            live.leave(request.node)
        self.shared += live.tokens - before
        self.running += sign
        self.alone += sign * request.tokens
        self.own += sign * (request.tokens - self.reach[request.node])
        held = self.bytes or (0,) * len(request.bytes)
        self.bytes = tuple(one + sign * more for one, more in zip(held, request.bytes, strict=True))

    def moment(self, at: float) -> Moment:
        return Moment(at, self.running, self.alone, self.shared + self.own, self.bytes)


def _reach(parents: Sequence[int], lengths: Sequence[int], nodes: set[int]) -> dict[int, int]:
    """Tokens up to and with each of the nodes."""
    found = {}
    for node in nodes:
        total, above = 0, node
        while above:
            total += lengths[above]
            above = parents[above]
        found[node] = total
    return found
