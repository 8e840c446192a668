"""Tokens that are read from a cache, for every capacity, and the capacities worth a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy

from agentcost.capacity.stack import Ints, Reuse, sums


class Curve(msgspec.Struct, frozen=True):
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
    slopes = numpy.cumsum(sums(where, bends, len(edges)))
    hits = numpy.concatenate([numpy.zeros(1, dtype=numpy.int64), numpy.cumsum(slopes[:-1] * numpy.diff(edges))])
    return Curve(edges, hits, slopes, total, unit, max(len(pools), 1))


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
