"""Hit rate of a prefix cache that evicts what was used longest ago: for every capacity, and for every time to live.

LRU is a stack (Mattson et al. 1970): a cache of C units holds the C units used last, so a unit is read exactly where
its depth in the stack is at most C. Depths are taken before a request touches anything; it then touches its path from
the leaf to the root, as engines do, so that what is evicted first is always a leaf. With paths of letters:

    A B C     all new                   stack A B C
    A B D     depths 1 2 new            stack A B D C
    A B C     depths 1 2 4              stack A B C D

What one earlier request was the last to use lies together in the stack. So a path is a few runs, each of which starts
at one depth and goes down unit by unit, and a request costs its runs, whatever its length: (1, 2) is one run above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

Ints = NDArray[numpy.int64]

NEW = -1
"""The `last` of what no earlier request had."""


class Run(NamedTuple):
    """Units of a path, next to each other, that the same earlier request was the last to use.

    `last` is that request's number (NEW: nobody's), `tokens` what each of the `units` holds.
    """

    last: int
    units: int
    tokens: int


class Access(NamedTuple):
    """A request: the runs of its path from the root, their `last` never rising; those `behind` it, of an answer that is
    kept but not read; and units of its `own` that no other shares.

    `start` and `end` are in seconds; while a request runs, what it holds cannot be evicted. Without an end it is over
    at once.
    """

    runs: Sequence[Run]
    behind: Sequence[Run] = ()
    own: int = 0
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Reuse:
    """Every run that some earlier request had, as columns: of request `rows`, last used by `lasts`, lying in the stack
    right below `depths` units, `units` long, of `tokens` per unit.

    `depths` hold what is above, and what running requests hold further below: they leave that much less room. `moved`
    are (row, last, units) of everything used again, answers included. `left` is by request: the units it was the last
    to use when everything was over.
    """

    rows: Ints
    lasts: Ints
    depths: Ints
    units: Ints
    tokens: Ints
    moved: tuple[Ints, Ints, Ints]
    left: Ints

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return len(self.left)


def reuse(accesses: Iterable[Access], requests: int) -> Reuse:
    """The stack distance of everything that is used again: one pass, a few steps of O(log requests) per run.

    Of a running request counts what no later one has used since: the rest lies higher in the stack by itself.
    """
    stack = _Stack([0] * (requests + 1), [0] * requests)
    running: list[tuple[float, int]] = []
    read: list[tuple[int, int, int, int, int]] = []
    moved: list[tuple[int, int, int]] = []
    for row, access in enumerate(accesses):
        while running and running[0][0] <= access.start:
            heappop(running)
        own, start, before, depth = access.own, len(moved), NEW, 0
        for last, units, tokens in access.runs:
            own += units
            if last == NEW:
                continue
            if last != before:
                before, depth = last, stack.above(last) + sum(stack.left[other] for _, other in running if other < last)
            read.append((row, last, depth, units, tokens))
            moved.append((row, last, units))
            depth += units
        for last, units, _ in access.behind:
            own += units
            if last != NEW:
                moved.append((row, last, units))
        for _, last, units in moved[start:]:
            stack.add(last, -units)
        stack.add(row, own)
        if access.end is not None:
            heappush(running, (access.end, row))
    rows, lasts, depths, lengths, worth = _columns(read, 5)
    users, sources, gone = _columns(moved, 3)
    left = numpy.array(stack.left, dtype=numpy.int64)
    return Reuse(rows, lasts, depths, lengths, worth, (users, sources, gone), left)


def _columns(found: Sequence[Sequence[int]], count: int) -> list[Ints]:
    table = numpy.array(found, dtype=numpy.int64).reshape(-1, count)
    return [table[:, column].copy() for column in range(count)]


@dataclass(slots=True)
class _Stack:
    """Units by the request that was the last to use them: `left` each, `tree` their sums (a Fenwick tree)."""

    tree: list[int]
    left: list[int]
    inside: int = 0

    def above(self, row: int) -> int:
        """Units that later requests than `row` were the last to use."""
        tree, place, older = self.tree, row + 1, 0
        while place:
            older += tree[place]
            place &= place - 1
        return self.inside - older

    def add(self, row: int, units: int) -> None:
        """More units, or fewer, that `row` was the last to use."""
        tree, place, end = self.tree, row + 1, len(self.tree)
        while place < end:
            tree[place] += units
            place += place & -place
        self.left[row] += units
        self.inside += units


# --- by capacity ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """Tokens that are read, by capacity in units: exact at every capacity, rising, constant from `full` on.

    `edges` are the capacities at which the slope changes, `hits` the tokens read there, `slopes` the tokens that each
    further unit adds. `total` are the tokens of all prompts, `unit` those that a unit of capacity holds. With
    `replicas` the capacity is that of all together, each has an equal part of it.
    """

    edges: Ints
    hits: Ints
    slopes: Ints
    total: int
    unit: int
    replicas: int = 1

    def at(self, capacity: int) -> int:
        """Tokens read with this capacity in units, a whole number of them for each replica."""
        own = capacity // self.replicas
        place = int(numpy.searchsorted(self.edges, own, side="right")) - 1
        return int(self.hits[place] + self.slopes[place] * (own - self.edges[place])) if place >= 0 else 0

    def rate(self, capacity: int) -> float | None:
        """`at` of all input tokens; None where there are none."""
        return self.at(capacity) / self.total if self.total else None

    @property
    def bound(self) -> int:
        """Tokens read where nothing is ever evicted: what the content allows."""
        return int(self.hits[-1])

    @property
    def full(self) -> int:
        """The smallest capacity in units with which as much is read as with any."""
        return int(self.edges[-1]) * self.replicas

    def needed(self, tokens: int) -> int | None:
        """The smallest capacity in units with which so many tokens are read; None where none is enough."""
        if tokens > self.bound:
            return None
        place = int(numpy.searchsorted(self.hits, tokens, side="left"))
        if place == 0:
            return 0
        short = tokens - int(self.hits[place - 1])
        return (int(self.edges[place - 1]) + -(-short // int(self.slopes[place - 1]))) * self.replicas


def curve(pools: Sequence[Reuse], total: int, unit: int) -> Curve:
    """The curve of one pool, or of several equal ones among which the requests were divided."""
    depths = numpy.concatenate([pool.depths for pool in pools]) if pools else numpy.zeros(0, dtype=numpy.int64)
    units = numpy.concatenate([pool.units for pool in pools]) if pools else depths
    tokens = numpy.concatenate([pool.tokens for pool in pools]) if pools else depths
    places = numpy.concatenate([numpy.zeros(1, dtype=numpy.int64), depths, depths + units])
    bends = numpy.concatenate([numpy.zeros(1, dtype=numpy.int64), tokens, -tokens])
    edges, where = numpy.unique(places, return_inverse=True)
    slopes = numpy.cumsum(_sums(where, bends, len(edges)))
    hits = numpy.concatenate([numpy.zeros(1, dtype=numpy.int64), numpy.cumsum(slopes[:-1] * numpy.diff(edges))])
    return Curve(edges, hits, slopes, total, unit, max(len(pools), 1))


def _sums(places: NDArray[numpy.intp], values: Ints, size: int) -> Ints:
    found = numpy.zeros(size, dtype=numpy.int64)
    numpy.add.at(found, places, values)
    return found


def by_request(reuse: Reuse, capacity: int) -> tuple[Ints, Ints]:
    """(units, tokens) that each request reads with this capacity in units."""
    inside = numpy.clip(capacity - reuse.depths, 0, reuse.units)
    return (_sums(reuse.rows, inside, reuse.requests), _sums(reuse.rows, inside * reuse.tokens, reuse.requests))


KNEES = (("half", 0.5), ("most", 0.9), ("nearly all", 0.99), ("all", 1.0))
"""Names of the capacities that read this share of what the content allows."""


class Knee(NamedTuple):
    """A capacity with a name: in units, and the tokens read with it."""

    name: str
    units: int
    hits: int


def knees(curve: Curve) -> list[Knee]:
    """The capacities worth a name, the smallest first; none where nothing is ever read.

    `knee` is where the curve lies furthest above the straight line to its end: beyond it, memory buys less than on
    average.
    """
    if not curve.bound:
        return []
    found = [Knee("knee", _bend(curve), 0)]
    for name, share in KNEES:
        needed = curve.needed(-int(-curve.bound * share // 1))
        found.append(Knee(name, needed if needed is not None else curve.full, 0))
    filled = [Knee(knee.name, knee.units, curve.at(knee.units)) for knee in found]
    return sorted(filled, key=lambda knee: (knee.units, knee.hits, knee.name != "knee"))


def _bend(curve: Curve) -> int:
    end = max(int(curve.edges[-1]), 1)
    above = curve.hits * end - curve.bound * curve.edges
    return int(curve.edges[int(numpy.argmax(above))]) * curve.replicas


def spread(curve: Curve, most: int) -> list[int]:
    """About `most` capacities in units, or fewer, that show the curve: every edge where they are few, else spread
    evenly by ratio from the first that reads anything to that which reads all; of those on a level its two ends."""
    edges = [int(edge) for edge in curve.edges * curve.replicas]
    if len(edges) > most:
        low = max(curve.needed(1) or 1, 1)
        steps = numpy.geomspace(low, max(curve.full, low + 1), most) / curve.replicas
        edges = sorted({0, low, *(int(step) * curve.replicas for step in numpy.rint(steps)), curve.full})
    hits = [-1, *(curve.at(edge) for edge in edges), -1]
    return [edge for place, edge in enumerate(edges) if not hits[place] == hits[place + 1] == hits[place + 2]]


# --- by time to live -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Tokens that are read, by time to live that every use renews: exact for each.

    `gaps` are the times in microseconds between two uses, rising; `hits` the tokens read with a time to live that is
    not shorter. `total` are the tokens of all prompts.
    """

    gaps: Ints
    hits: Ints
    total: int

    def at(self, seconds: float) -> int:
        """Tokens read: what was used at most so many seconds before."""
        place = int(numpy.searchsorted(self.gaps, round(seconds * 1e6), side="right"))
        return int(self.hits[place - 1]) if place else 0


def lifetimes(reuse: Reuse, starts: Sequence[float], total: int) -> Lifetimes:
    """The curve by time to live. `starts` are in seconds, one per request, never falling."""
    times = _microseconds(starts)
    gaps = times[reuse.rows] - times[reuse.lasts]
    order = numpy.argsort(gaps, kind="stable")
    return Lifetimes(gaps[order], numpy.cumsum((reuse.units * reuse.tokens)[order]), total)


def _microseconds(starts: Sequence[float]) -> Ints:
    """Whole numbers: 300.0 s between two floats of an epoch is 300.0 s."""
    return numpy.rint(numpy.array(starts, dtype=numpy.float64) * 1e6).astype(numpy.int64)


def peak(reuse: Reuse, starts: Sequence[float], seconds: float) -> int:
    """The most units that are alive at once, right behind a request, with this time to live."""
    if not reuse.requests:
        return 0
    times = _microseconds(starts)
    gone = numpy.searchsorted(times, times + round(seconds * 1e6), side="right")
    rows, lasts, units = reuse.moved
    change = numpy.zeros(reuse.requests + 1, dtype=numpy.int64)
    numpy.add.at(change, lasts, units)
    numpy.subtract.at(change, numpy.minimum(rows, gone[lasts]), units)
    numpy.add.at(change, numpy.arange(reuse.requests), reuse.left)
    numpy.subtract.at(change, gone, reuse.left)
    return int(numpy.cumsum(change).max())


# --- several replicas ----------------------------------------------------------------------------------------------

ROUTINGS = ("round-robin", "session", "prefix")
"""How requests are divided among replicas."""

PREFIX_SHARE = 0.3
"""The share of a prompt that a replica must have seen to be sent it: the default of vLLM's and SGLang's routers
(`--cache-threshold`); below it the replica with the least work is chosen. Their fallback for an imbalance of running
requests is left out: it depends on how fast the engines are."""


def round_robin(requests: int, replicas: int) -> list[int]:
    """Each request to the next replica."""
    return [row % replicas for row in range(requests)]


def by_session(sessions: Iterable[str], replicas: int) -> list[int]:
    """Each session to one replica, dealt in the order in which sessions begin."""
    known: dict[str, int] = {}
    return [known.setdefault(session, len(known) % replicas) for session in sessions]


def nearest(matches: Sequence[int], total: int, work: Sequence[int]) -> int:
    """The replica that has seen the most of a prompt of `total` tokens, or the one with the least work where that is
    not enough; of equals the one with less work."""
    best = max(range(len(matches)), key=lambda replica: (matches[replica], -work[replica], -replica))
    if matches[best] > PREFIX_SHARE * total:
        return best
    return min(range(len(work)), key=lambda replica: (work[replica], replica))
