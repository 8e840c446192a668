"""The shape of a prefix tree, worked out for all nodes at once: what each one's path says to a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from agentcost.cache.branches import Flags, Ints, branches_of, heaviest_children, nearest
from agentcost.cache.prompts import LEVELS, Shape
from agentcost.cache.stripping import Paths
from agentcost.model import ROOT, Ends, Kind

_CLOSING = {"tool": 2, "user": 1, "function": 1, "developer": 1, "system": 1}
"""Roles whose messages end a prompt: an endpoint may stand behind them."""

_MESSAGES = LEVELS["messages"]
_MESSAGE, _TOOL_RUN = int(Ends.MESSAGE), int(Ends.TOOL_RUN)

_SIBLINGS = 8
"""Children of one node that are compared with each other: the latest ones."""

_RUN = 8
"""Bytes of the digest of 64 bytes of text."""


def shape_of(paths: Paths) -> Shape:
    """The tree as caches see it."""
    parents, ends = numpy.array(paths.parents, dtype=numpy.int64), numpy.array(paths.ends, dtype=numpy.int64)
    levels, runs, closes = _by_node(paths)
    answers = (closes == 1) | ((closes > 0) & (ends & _TOOL_RUN != 0))
    endings = nearest(parents, (ends & _MESSAGE != 0) & answers)
    opens = nearest(parents, levels == _MESSAGES) == ROOT
    opens[ROOT] = False
    own = parents.tolist()
    return Shape(
        paths.parents, levels.tolist(), paths.ends, runs.tolist(), endings.tolist(), nearest(parents, opens).tolist(),
        branches_of(own, heaviest_children(own)), _shared(paths, _siblings(parents)),
    )  # fmt: skip


def _by_node(paths: Paths) -> tuple[Ints, Flags, Ints]:
    """Of every node its level, whether it is part of a run of tool calls or results, and whether a message that ends
    with it can end a prompt (2: if it also ends such a run)."""
    entries, result, call, file = paths.entries, Kind.TOOL_RESULT, Kind.TOOL_CALL, Kind.FILE
    levels = _each(paths, [LEVELS[piece.level] for piece in entries])
    tools = _each(paths, [piece.kind is result or piece.kind is call or piece.kind is file for piece in entries])
    return levels, (tools > 0) & (levels == _MESSAGES), _each(paths, [_CLOSING.get(piece.role, 0) for piece in entries])


def _each(paths: Paths, values: Sequence[int]) -> Ints:
    """By node what is told by segment; 0 of the root."""
    found: Ints = numpy.array([*values, 0], dtype=numpy.int64)[numpy.array(paths.segments, dtype=numpy.int64)]
    return found


def _siblings(parents: Ints) -> dict[int, list[int]]:
    """The latest children of every node that has several: their texts may begin alike."""
    several = numpy.bincount(parents[1:], minlength=len(parents)) > 1
    children: dict[int, list[int]] = {}
    for node in (numpy.flatnonzero(several[parents[1:]]) + 1).tolist():
        children.setdefault(int(parents[node]), []).append(node)
    return {parent: found[-_SIBLINGS:] for parent, found in children.items()}


def _shared(paths: Paths, siblings: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], float]:
    """The share of a node's text that a sibling begins with, where that is more than nothing."""
    found: dict[tuple[int, int], float] = {}
    for nodes in siblings.values():
        pieces = [paths.entries[paths.segments[node]] for node in nodes]
        for node, own in zip(nodes, pieces, strict=True):
            if not own.runs:
                continue
            for other, piece in zip(nodes, pieces, strict=True):
                share = alike_bytes(own.runs, piece.runs) if other != node else 0
                if share:
                    found[node, other] = min(1.0, share / max(1, own.size))
    return found


def alike_bytes(left: bytes, right: bytes) -> int:
    """Bytes that two texts surely begin alike with, by the digests of their runs of 64; short by at most 63."""
    count, most = 0, min(len(left), len(right)) // _RUN
    while count < most and left[_RUN * count : _RUN * (count + 1)] == right[_RUN * count : _RUN * (count + 1)]:
        count += 1
    return 64 * count
