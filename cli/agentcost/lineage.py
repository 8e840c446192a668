"""Which requests go on from which: lineages, turns, and the sessions of logs that name none.

A lineage is a chain of requests in which each extends the one before. A request belongs to the lineage whose
latest prompt it goes on from; it may part from that prompt near its end, as harnesses rewrite their last messages.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentcost.model import ROOT, Request
from agentcost.prefix import Tree

_KEPT = 0.8
"""A prompt goes on from another when it keeps this share of the other's messages."""


class Standing(msgspec.Struct, frozen=True):
    """Where a request stands: its session (given or inferred), lineage, turn from 1, and the request before it."""

    session: str
    inferred: bool
    lineage: int
    turn: int
    before: int | None


class Chain(msgspec.Struct):
    """A lineage as far as it has come: `tip` is its latest prompt, `request` the index of its latest request."""

    session: str
    tip: int
    request: int
    turns: int = 1


def standings(tree: Tree, requests: Sequence[Request]) -> list[Standing]:
    """A standing per request; requests come in the order of their start.

    Only messages are compared: a system prompt that changes breaks a cache, not a conversation. Calls with tools and
    calls without are never of one lineage.
    """
    spine = _spine(tree)
    owners: dict[tuple[str, bool], dict[int, int]] = {}
    chains: list[Chain] = []
    found = []
    for index, request in enumerate(requests):
        tip = spine.of[request.node]
        scope = request.session or f"{request.format} {request.model}", spine.tools[request.node]
        owned = owners.setdefault(scope, {})
        lineage = _goes_on(spine, owned, chains, tip)
        before = None if lineage is None else chains[lineage].request
        if lineage is None:
            lineage = len(chains)
            chains.append(Chain(request.session or str(request.place), tip, index))
        else:
            chain = chains[lineage]
            chain.tip, chain.request, chain.turns = tip, index, chain.turns + 1
        _own(spine, owned, tip, lineage)
        chain = chains[lineage]
        found.append(Standing(chain.session, not request.session, lineage, chain.turns, before))
    return found


class Spine(msgspec.Struct):
    """The tree without tools and system: `of` gives a node's place in it, `parents` and `depth` are of places.

    `tools` says per node of the tree whether its path holds a tool definition.
    """

    of: list[int]
    tools: list[bool]
    parents: list[int]
    depth: list[int]


def _spine(tree: Tree) -> Spine:
    of, tools, parents, depth = [0], [False], [0], [0]
    levels = [entry.level for entry in tree.entries]
    places: dict[int, int] = {}
    for parent, segment in zip(tree.parents[1:], tree.segments[1:], strict=True):
        level, before = levels[segment], of[parent]
        tools.append(tools[parent] or level == "tools")
        if level != "messages":
            of.append(before)
            continue
        key = before << 32 | segment
        place = places.get(key)
        if place is None:
            place = places[key] = len(parents)
            parents.append(before)
            depth.append(depth[before] + 1)
        of.append(place)
    return Spine(of, tools, parents, depth)


def _goes_on(spine: Spine, owned: dict[int, int], chains: Sequence[Chain], tip: int) -> int | None:
    """The lineage that owns the deepest known place of the path, if the path keeps enough of its latest prompt."""
    place = tip
    while place != ROOT and place not in owned:
        place = spine.parents[place]
    if place == ROOT:
        return None
    lineage = owned[place]
    return lineage if spine.depth[place] >= _KEPT * spine.depth[chains[lineage].tip] else None


def _own(spine: Spine, owned: dict[int, int], tip: int, lineage: int) -> None:
    parents, place = spine.parents, tip
    while place != ROOT and owned.get(place) != lineage:
        owned[place] = lineage
        place = parents[place]
