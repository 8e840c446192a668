"""What each component was charged when every request's tokens fall into stretches with a weight of their own.

A prompt is read up to a position, then written, then plain: `Stretches.ends` says up to where, `weights` what a token
there counts (a price, or 1 to count tokens). Every node on a path is weighed for what it was in each request, once per
node and once per end of a stretch, never once per request and node; so parts add up to tokens × weights exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy

from agentcost.measuring.levels import Ints, Levels
from agentcost.measuring.measure import COLUMN, Measured
from agentcost.model import ROOT, Kind
from agentcost.prefix import Tree
from agentcost.pricing import exact_sum

_FRONT = (Kind.HIDDEN, Kind.OVERHEAD, Kind.UNEXPLAINED)
"""What stands before the path, in this order: what the log hides, what the template adds, what the bill has beyond."""


class Stretches(msgspec.Struct, frozen=True):
    """Of each request the positions at which its stretches end, ascending and without the last (that is the prompt's
    own end), and the weight of a token of each stretch: one more column than `ends`."""

    ends: Ints
    weights: Ints


class Attribution(msgspec.Struct, frozen=True):
    """What was charged by part: `segments` by number of the tree's segments, `kinds` for what is no segment.

    Values are whole numbers of any size.
    """

    segments: dict[int, int]
    kinds: dict[Kind, int]

    def by_kind(self, tree: Tree) -> dict[Kind, int]:
        """All of it by component."""
        found = dict(self.kinds)
        for number, value in self.segments.items():
            kind = tree.entries[number].kind
            found[kind] = found.get(kind, 0) + value
        return found


def plus(one: Attribution, other: Attribution) -> Attribution:
    """Both together."""
    segments, kinds = dict(one.segments), dict(one.kinds)
    for number, value in other.segments.items():
        segments[number] = segments.get(number, 0) + value
    for kind, value in other.kinds.items():
        kinds[kind] = kinds.get(kind, 0) + value
    return Attribution(segments, kinds)


NOTHING = Attribution({}, {})


class Ladder(msgspec.Struct, frozen=True):
    """The ancestors of every node, in powers of two: a position on a path is found in a few steps for all at once."""

    ups: tuple[Ints, ...]

    @classmethod
    def of(cls, levels: Levels) -> Ladder:
        ups = [levels.parents]
        for _ in range(max(len(levels.rows), 1).bit_length() - 1):
            ups.append(ups[-1][ups[-1]])
        return cls(tuple(ups))

    def first(self, leaves: Ints, reach: Ints, targets: Ints) -> Ints:
        """The node nearest to the root on each leaf's path that reaches the target; `reach` ascends along paths."""
        found = leaves.copy()
        for up in reversed(self.ups):
            above = up[found]
            further = reach[above] >= targets
            found[further] = above[further]
        return found


class Paths(msgspec.Struct, frozen=True):
    """The chosen requests of one ruler: `rows` are their places in the group; `content` is tokens of segments up to a
    node, `overhead` those of the template up to it (together they are the group's reach)."""

    group: Measured
    levels: Levels
    ladder: Ladder
    rows: Ints
    leaves: Ints
    content: Ints
    overhead: Ints

    @property
    def totals(self) -> Ints:
        """Tokens of each prompt."""
        found: Ints = self.group.kinds[self.rows].sum(axis=1)
        return found


def paths_of(group: Measured, levels: Levels, ladder: Ladder, rows: Sequence[int], leaves: Sequence[int]) -> Paths:
    """The requests at these places of the group, whose prompts end at `leaves`."""
    content = levels.down(group.lengths)
    return Paths(
        group, levels, ladder, numpy.array(rows, dtype=numpy.int64), numpy.array(leaves, dtype=numpy.int64), content,
        group.reach - content,
    )  # fmt: skip


def attributed(tree: Tree, paths: Paths, stretches: Stretches) -> Attribution:
    """What every part of the prompts was charged; the sum is that of every request's tokens × weights."""
    return charged(tree, placed(paths, stretches.ends), stretches.weights)


class Cut(msgspec.Struct, frozen=True):
    """Where a stretch ends in the prompts of `rows`: in `node`, of which `text` and `beside` (of its template) lie
    before it; `above` is the last node wholly before it (-1: none). Ends before a path are left out."""

    rows: Ints
    node: Ints
    above: Ints
    text: Ints
    beside: Ints


class Placed(msgspec.Struct, frozen=True):
    """The ends of all stretches, found once for any weights."""

    paths: Paths
    ends: Ints
    front: _Front
    cuts: tuple[Cut, ...]


def placed(paths: Paths, ends: Ints) -> Placed:
    """Where the stretches end on each path."""
    front = _Front.of(paths)
    return Placed(paths, ends, front, tuple(_cut(paths, front, ends[:, column]) for column in range(ends.shape[1])))


def charged(tree: Tree, place: Placed, weights: Ints) -> Attribution:
    """What every part was charged when the tokens of each stretch have a weight of their own."""
    paths = place.paths
    weight = numpy.zeros(len(tree), dtype=numpy.int64)
    inside = _Exact(len(tree))
    numpy.add.at(weight, paths.leaves, weights[:, -1])
    kinds = place.front.charged(place.ends, weights)
    for column, cut in enumerate(place.cuts):
        change = (weights[:, column] - weights[:, column + 1])[cut.rows]
        below = cut.above >= 0
        numpy.add.at(weight, cut.above[below], change[below])
        inside.add(cut.node, cut.text, change)
        kinds[Kind.OVERHEAD] += total_of(cut.beside, change)
    _carry(paths.levels, weight)
    around = paths.overhead.copy()
    around[1:] -= paths.overhead[paths.levels.parents[1:]]
    kinds[Kind.OVERHEAD] += total_of(around, weight)
    segments = inside.values()
    used = numpy.flatnonzero((weight != 0) & (paths.group.lengths != 0))
    own = paths.group.lengths[used].astype(object) * weight[used]
    for node, value in zip(used.tolist(), own.tolist(), strict=True):
        segments[node] = segments.get(node, 0) + value
    return Attribution(_by_segment(tree, segments), kinds)


def _by_segment(tree: Tree, nodes: dict[int, int]) -> dict[int, int]:
    """Values of nodes as those of their segments."""
    found: dict[int, int] = {}
    for node, value in nodes.items():
        number = tree.segments[node]
        found[number] = found.get(number, 0) + value
    return {number: value for number, value in found.items() if value}


class _Exact:
    """Sums of products by node, in two halves so that 64 bits are enough."""

    def __init__(self, nodes: int) -> None:
        self.high = numpy.zeros(nodes, dtype=numpy.int64)
        self.low = numpy.zeros(nodes, dtype=numpy.int64)

    def add(self, nodes: Ints, tokens: Ints, weights: Ints) -> None:
        """Add tokens × weights to each node."""
        product = tokens * weights
        numpy.add.at(self.high, nodes, product >> 32)
        numpy.add.at(self.low, nodes, product & 0xFFFFFFFF)

    def values(self) -> dict[int, int]:
        """The sum of each node that has one."""
        used = numpy.flatnonzero((self.high != 0) | (self.low != 0))
        high, low = self.high[used].tolist(), self.low[used].tolist()
        return {node: (top << 32) + rest for node, top, rest in zip(used.tolist(), high, low, strict=True)}


class _Front(msgspec.Struct, frozen=True):
    """What stands before the path of each request: a column per kind of _FRONT; `size` is its sum, which may be < 0."""

    parts: Ints
    size: Ints

    @classmethod
    def of(cls, paths: Paths) -> _Front:
        kinds = paths.group.kinds[paths.rows]
        parts = kinds[:, [COLUMN[kind] for kind in _FRONT]].copy()
        parts[:, 1] -= paths.overhead[paths.leaves]
        size: Ints = kinds.sum(axis=1) - paths.group.reach[paths.leaves]
        parts[:, 2] += size - parts.sum(axis=1)  # texts of these kinds on the path
        return cls(parts, size)

    def up_to(self, positions: Ints) -> Ints:
        """How much of each part lies before a position: all of it from the path on, nothing at 0."""
        first = numpy.minimum(numpy.maximum(self.parts[:, 0], 0), positions)
        second = numpy.minimum(numpy.maximum(self.parts[:, 1], 0), positions - first)
        inside = numpy.stack([first, second, positions - first - second], axis=1)
        found: Ints = numpy.where((positions >= self.size)[:, None], self.parts, inside)
        found[positions <= 0] = 0
        return found

    def charged(self, ends: Ints, weights: Ints) -> dict[Kind, int]:
        """What the parts before the path were charged."""
        found = dict.fromkeys(_FRONT, 0)
        before = numpy.zeros_like(self.parts)
        for column in range(weights.shape[1]):
            last = column == ends.shape[1]
            upto = self.parts if last else self.up_to(ends[:, column])
            for number, kind in enumerate(_FRONT):
                found[kind] += total_of((upto - before)[:, number], weights[:, column])
            before = upto
        return found


def _cut(paths: Paths, front: _Front, at: Ints) -> Cut:
    """Where a position lies on each path."""
    reach, parents = paths.group.reach, paths.levels.parents
    rows = numpy.flatnonzero((at > 0) & (at >= front.size))
    target = at[rows] - front.size[rows]
    node = paths.ladder.first(paths.leaves[rows], reach, target)
    inside = node != ROOT
    above = numpy.where(inside, parents[node], ROOT)
    start = numpy.where(inside, reach[above], 0)
    around = numpy.where(inside, paths.overhead[node] - paths.overhead[above], paths.overhead[ROOT])
    beside = numpy.minimum(target - start, around)
    return Cut(rows, node, numpy.where(inside, above, -1), target - start - beside, beside)


def _carry(levels: Levels, weight: Ints) -> None:
    """Every node's weight is its own and that of all behind it."""
    for row in reversed(levels.rows):
        numpy.add.at(weight, levels.parents[row], weight[row])


def total_of(tokens: Ints, weights: Ints) -> int:
    """The sum of products, however large."""
    high, low = weights >> 32, weights & 0xFFFFFFFF
    return (exact_sum(tokens * high) << 32) + exact_sum(tokens * low)
