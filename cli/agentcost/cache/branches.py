"""A prefix tree cut into branches, so that a path is told by a few of them instead of by its nodes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.model import ROOT

Ints = NDArray[numpy.int64]
Flags = NDArray[numpy.bool_]
Stretches = tuple[tuple[int, int], ...]


class Branches(msgspec.Struct):
    """A prefix tree cut into branches: one child of a node goes on its branch, every other opens one.

    `branch[n]` is the branch of node n, `depth[n]` how many nodes its path has, the root not counted.
    `nodes[b]` are the nodes of branch b from the top, the first of them at depth `tops[b]`; it hangs off
    node `stems[b]`, the root where there is none above. `above[b]` are the stretches of that node, where they
    are worked out ahead.
    """

    branch: array[int] = msgspec.field(default_factory=lambda: array("q", [0]))
    depth: array[int] = msgspec.field(default_factory=lambda: array("q", [0]))
    nodes: list[array[int]] = msgspec.field(default_factory=lambda: [array("q", [ROOT])])
    tops: array[int] = msgspec.field(default_factory=lambda: array("q", [0]))
    stems: array[int] = msgspec.field(default_factory=lambda: array("q", [ROOT]))
    above: list[Stretches] = []

    def extend(self, parents: Sequence[int]) -> None:
        """Take in the nodes of a tree that are not yet known: O(1) for each. First children go on their branch."""
        for node in range(len(self.branch), len(parents)):
            parent = parents[node]
            branch, depth = self.branch[parent], self.depth[parent] + 1
            if self.nodes[branch][-1] == parent:
                self.nodes[branch].append(node)
            else:
                branch = len(self.nodes)
                self.nodes.append(array("q", [node]))
                self.tops.append(depth)
                self.stems.append(parent)
            self.branch.append(branch)
            self.depth.append(depth)

    def node(self, branch: int, depth: int) -> int:
        """The node of a branch at a depth of the whole path."""
        return self.nodes[branch][depth - self.tops[branch]]

    def stretches(self, node: int) -> Stretches:
        """The branches that a node's path runs along, its own first, each with the depth where the path leaves it."""
        found: list[tuple[int, int]] = []
        while node != ROOT:
            branch = self.branch[node]
            if branch < len(self.above):
                return (*found, (branch, self.depth[node]), *self.above[branch])
            found.append((branch, self.depth[node]))
            node = self.stems[branch]
        return tuple(found)


def branches_of(parents: Sequence[int], heirs: Sequence[int] | None = None) -> Branches:
    """The branches of a tree, given each node's parent; a parent's number is smaller than its children's.

    Of a node's children the first goes on its branch, or with `heirs` (a child per node) that one.
    """
    if heirs is not None:
        return _inherited(numpy.array(parents, dtype=numpy.int64), numpy.array(heirs, dtype=numpy.int64))
    branches = Branches()
    branches.extend(parents)
    return branches


def _inherited(parents: Ints, heirs: Ints) -> Branches:
    """The branches that run along heirs, all nodes at once."""
    opens = heirs[parents] != numpy.arange(len(parents))
    opens[ROOT] = True
    first = numpy.flatnonzero(opens)
    branch = (numpy.cumsum(opens) - 1)[nearest(parents, opens)]
    depth = depths(parents)
    order = _packed(numpy.argsort(branch, kind="stable"))
    ends = numpy.cumsum(numpy.bincount(branch)).tolist()
    nodes = [order[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    found = Branches(_packed(branch), _packed(depth), nodes, _packed(depth[first]), _packed(parents[first]))
    for stem in found.stems:
        found.above.append(found.stretches(stem))
    return found


def _packed(numbers: Ints) -> array[int]:
    found = array("q")
    found.frombytes(numbers.astype(numpy.int64).tobytes())
    return found


def nearest(parents: Ints, marked: Flags) -> Ints:
    """Per node the nearest marked one of its path, itself included; ROOT where there is none.

    Every step doubles how far a node sees, so there are as many as the longest path has binary digits.
    """
    found: Ints = numpy.where(marked, numpy.arange(len(parents)), parents)
    while True:
        farther: Ints = found[found]
        if numpy.array_equal(farther, found):
            return found
        found = farther


def depths(parents: Ints) -> Ints:
    """How many nodes the path of each node has, the root not counted."""
    found: Ints = numpy.ones(len(parents), dtype=numpy.int64)
    found[ROOT] = 0
    above = parents
    while above.any():
        found, above = found + found[above], above[above]
    return found


def heaviest_children(parents: Sequence[int]) -> list[int]:
    """Of each node the child with most nodes below it, -1 where there is none, the first among equals.

    Branches that follow them are at most log2(nodes) + 1 on any path. Branches of first children are as many as
    a session has turns where each turn's last node is not in the next one's prompt (a partial last block, a
    reminder at the end): what stays is then always the second child.
    """
    sizes, heirs = [1] * len(parents), [-1] * len(parents)
    for node in range(len(parents) - 1, 0, -1):
        parent = parents[node]
        sizes[parent] += sizes[node]
        if heirs[parent] < 0 or sizes[node] >= sizes[heirs[parent]]:
            heirs[parent] = node
    return heirs
