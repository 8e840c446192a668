"""A tree's nodes by depth: sums down the paths and up to the root, one level at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.model import ROOT
from agentcost.prefix import Tree

Ints = NDArray[numpy.int64]
Floats = NDArray[numpy.float64]
Summed = TypeVar("Summed", Ints, Floats)


class Levels(msgspec.Struct, frozen=True):
    """The parent of every node, and the nodes of each depth but the root's."""

    parents: Ints
    rows: tuple[Ints, ...]

    def down(self, own: Summed) -> Summed:
        """Per node, the sum of `own` over its path."""
        total = own.copy()
        for row in self.rows:
            total[row] += total[self.parents[row]]
        return total

    def up(self, leaves: Iterable[int]) -> Ints:
        """Per node, how many of the leaves (repeats counted) lie on or behind it."""
        found = numpy.zeros(len(self.parents), dtype=numpy.int64)
        numpy.add.at(found, numpy.fromiter(leaves, dtype=numpy.int64), 1)
        for row in reversed(self.rows):
            numpy.add.at(found, self.parents[row], found[row])
        return found


def levels_of(tree: Tree) -> Levels:
    """The tree's nodes by depth, without the root."""
    parents = numpy.array(tree.parents, dtype=numpy.int64)
    up, depth = parents, numpy.ones(len(tree), dtype=numpy.int64)
    depth[ROOT] = 0
    while up.any():  # by strides of two, four, eight…: a path of any length in a few steps
        depth += depth[up]
        up = up[up]
    order = numpy.argsort(depth, kind="stable")
    edges = numpy.cumsum(numpy.bincount(depth))
    return Levels(parents, tuple(numpy.split(order, edges[:-1])[1:]))
