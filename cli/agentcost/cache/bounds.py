"""What content alone allows: everything that an earlier request of the same model began with, whatever is cached.

It is what a policy reads that keeps every token for ever, worked out without simulating it: a request costs the nodes
of its path that are new, so all of them cost as much as the tree has nodes, in each scope.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush

import msgspec

from agentcost.cache.prompts import Prompt, Shape
from agentcost.model import ROOT


class _Seen(msgspec.Struct):
    """The nodes seen in a scope, and whether the hidden prefix was; and what comes to be seen later: a heap of (when,
    number, node, whether the hidden prefix with it)."""

    nodes: set[int] = set()
    hidden: bool = False
    waiting: list[tuple[float, int, int, bool]] = []


def content_bounds(
    shape: Shape, prompts: Sequence[Prompt], *, answers: bool = True, at_once: bool = False
) -> list[int]:
    """Tokens of each prompt that an earlier one began with; prompts come in the order of their start.

    Without `answers` only what was sent counts; `at_once` counts it from the moment it was sent.
    """
    scopes: dict[Hashable, _Seen] = {}
    alike = shape.alike()
    found = []
    for number, prompt in enumerate(prompts):
        if prompt.opaque:
            found.append(0)
            continue
        key = prompt.scope, prompt.settings.get("model", prompt.model)
        seen = scopes.get(key)
        if seen is None:
            seen = scopes[key] = _Seen()
        marked = any(node == ROOT for node, _ in prompt.marks)
        _catch_up(shape, seen, prompt.start)
        node, behind = _parting(shape, seen, prompt.leaf)
        seen.hidden = seen.hidden or (marked and node != ROOT)
        known = node != ROOT or (marked and seen.hidden)
        found.append(max(prompt.tokens(node) if known else 0, _into(seen, prompt, node, alike.get(behind, ()), behind)))
        visible = prompt.start if at_once else max(prompt.start, prompt.first_token)
        heappush(seen.waiting, (visible, number, prompt.leaf, marked))
        if answers and prompt.answer is not None:
            heappush(seen.waiting, (max(visible, prompt.end), number, prompt.answer, False))
    return found


def _catch_up(shape: Shape, seen: _Seen, now: float) -> None:
    """Take in what is there by now: every node once."""
    nodes, parents = seen.nodes, shape.parents
    while seen.waiting and seen.waiting[0][0] <= now:
        _, _, node, marked = heappop(seen.waiting)
        seen.hidden = seen.hidden or marked
        while node != ROOT and node not in nodes:
            nodes.add(node)
            node = parents[node]


def _parting(shape: Shape, seen: _Seen, leaf: int) -> tuple[int, int]:
    """The deepest node of a path that was seen, and the one behind it; ROOT where there is none."""
    nodes, parents = seen.nodes, shape.parents
    behind, node = ROOT, leaf
    while node != ROOT and node not in nodes:
        behind, node = node, parents[node]
    return node, behind


def _into(seen: _Seen, prompt: Prompt, node: int, alike: Sequence[tuple[float, int]], behind: int) -> int:
    """Tokens up to where the text of the node behind parts from that of a sibling that was seen."""
    for share, other in alike:
        if other in seen.nodes:
            before = prompt.tokens(node)
            return before + int(share * max(0, prompt.tokens(behind) - before))
    return 0
