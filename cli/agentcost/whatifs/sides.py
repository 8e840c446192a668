"""Side calls of the main model sent behind the main prompt, so that they read what it left in the cache.

    main  [Read Edit]   rules  go  call  result
    side  summarise            go  call  result     becomes   [Read Edit]  rules  go  call  result  summarise

Calls without tools, in a session whose other requests have some, are side calls: titles, probes, summaries.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from msgspec.structs import replace

from agentcost.cache.prompts import Prompt
from agentcost.lineage import Standing
from agentcost.model import ROOT, Ends, Knowledge, Request
from agentcost.prefix import Tree
from agentcost.whatifs.edits import Behind
from agentcost.whatifs.growing import Growing, Set
from agentcost.whatifs.scene import Ground, Scene
from agentcost.whatifs.unions import tools_of


def sides(
    scene: Scene, requests: Sequence[Request], standing: Sequence[Standing], which: Behind, tree: Tree
) -> dict[int, tuple[int, int]]:
    """By row of a side call: the main request that it could follow, and how many of its messages they have in common.

    Both are of one session and model; `carrying` are the calls that say again what was said there.
    """
    latest: dict[Hashable, int] = {}
    found = {}
    last = tools_of(tree, ()).last
    for row, request in enumerate(requests):
        key = standing[row].session, scene.policies[row], scene.prompts[row].model
        if request.knowledge is not Knowledge.FULL or not scene.policies[row]:
            continue
        if request.role == "main" and last[scene.prompts[row].leaf] != ROOT:
            latest[key] = row
        elif request.role in ("main", "side") and key in latest:
            main, side = scene.prompts[latest[key]].leaf, scene.prompts[row].leaf
            common = _common(_segments(tree, main), _segments(tree, side))
            apart = scene.shape.opening[main] != scene.shape.opening[side]
            if apart and (common or which == "all"):
                found[row] = latest[key], common
    return found


def _said(tree: Tree, leaf: int) -> list[int]:
    """The messages of a path: its nodes, the first first."""
    return [node for node in tree.path(leaf) if tree.entry(node).level == "messages"]


def _segments(tree: Tree, leaf: int) -> list[int]:
    return [tree.segments[node] for node in _said(tree, leaf)]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def with_sides(
    scene: Scene, ground: Ground, requests: Sequence[Request], standing: Sequence[Standing], which: Behind
) -> Set:
    """Side calls sent as one more message behind the main prompt; what is given where there are none."""
    found = sides(scene, requests, standing, which, ground.tree)
    if not found:
        return Set(scene, ground)
    growing, prompts, rulers = Growing(ground), list(scene.prompts), list(ground.ruler)
    for row, (main, common) in found.items():
        rulers[row] = ground.ruler[main]
        prompts[row] = _behind(growing, prompts[row], scene.prompts[main], common, ground.ruler[main])
    return growing.grown(scene, prompts, rulers)


def _behind(growing: Growing, side: Prompt, main: Prompt, common: int, ruler: int) -> Prompt:
    """A side call that goes on from a prompt, up to the message that both have last in common, else from its end."""
    tree = growing.tree
    node = _said(tree, main.leaf)[common - 1] if common else main.leaf
    total, marks = main.tokens(node), dict(_up_to(tree, main.marks, node))
    ttl = main.marks[-1][1] if main.marks else ""
    for segment, ends in _rest(growing, side.leaf, common):
        node = tree.child(node, segment, ends)
        total += growing.step(ruler, segment)
    if main.marks:
        marks[node] = ttl
    return replace(
        side, scope=main.scope, leaf=node, total=total, known=None, told=main.told, marks=tuple(marks.items()),
        settings=main.settings, answer=None,
    )  # fmt: skip


def _up_to(tree: Tree, marks: Sequence[tuple[int, str]], node: int) -> Iterator[tuple[int, str]]:
    path = {ROOT, *tree.path(node)}
    return ((place, ttl) for place, ttl in marks if place in path)


def _rest(growing: Growing, leaf: int, common: int) -> Iterator[tuple[int, Ends]]:
    """What a side call says beyond the conversation: its messages, then what its system prompt told."""
    tree = growing.tree
    for node in _said(tree, leaf)[common:]:
        yield tree.segments[node], Ends(tree.ends[node])
    for node in tree.path(leaf):
        if tree.entry(node).level == "system":
            yield growing.said(tree.segments[node]), Ends.BLOCK | Ends.MESSAGE
