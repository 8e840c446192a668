"""The stack of a prefix cache that evicts what was used longest ago: how deep everything lies when it is used again.

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
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
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


class Reuse(msgspec.Struct, frozen=True):
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


class _Stack(msgspec.Struct):
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


def sums(places: NDArray[numpy.intp], values: Ints, size: int) -> Ints:
    """The sum of the values at each place."""
    found = numpy.zeros(size, dtype=numpy.int64)
    numpy.add.at(found, places, values)
    return found


def by_request(reuse: Reuse, capacity: int) -> tuple[Ints, Ints]:
    """(units, tokens) that each request reads with this capacity in units."""
    inside = numpy.clip(capacity - reuse.depths, 0, reuse.units)
    return (sums(reuse.rows, inside, reuse.requests), sums(reuse.rows, inside * reuse.tokens, reuse.requests))
