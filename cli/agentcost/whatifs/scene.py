"""The requests as they are replayed: as they were sent, or with their paths rewritten by an edit."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.cache.catalogue import policy_named
from agentcost.cache.prompts import Prompt, Shape
from agentcost.cache.shapes import shape_of
from agentcost.cache.told import Told
from agentcost.caching.run import Run
from agentcost.measuring.levels import Ints, Levels, levels_of
from agentcost.measuring.measure import Measured
from agentcost.model import ROOT
from agentcost.prefix import Tree
from agentcost.whatifs.edits import CLEARED, RESULTS, Edit
from agentcost.whatifs.keys import first_sent, formats_as_first_sent, lengths_as_first_sent
from agentcost.whatifs.paths import UNCUT, Paths


class Scene(msgspec.Struct, frozen=True):
    """Requests, the tree that they stand in, and the name of each one's policy ("" where none is known)."""

    shape: Shape
    prompts: Sequence[Prompt]
    policies: Sequence[str]


class Ground(msgspec.Struct, frozen=True):
    """What rewriting starts from: the tree that the prompts stand in, its nodes by depth, and by ruler the tokens that
    every node adds (the root: those before any) and how many prompts pass it; `ruler` is by request."""

    tree: Tree
    levels: Levels
    measured: Sequence[Measured]
    own: Sequence[Ints]
    passing: Sequence[Ints]
    ruler: Sequence[int]


def ground_of(tree: Tree, measured: Sequence[Measured], run: Run) -> Ground:
    """The log as it ran: the tree with the paths as models see them, which may have more nodes."""
    shape = run.shape
    whole = Tree(
        tree.entries, array("q", shape.parents), array("q", run.segments), array("b", shape.ends), tree.by_digest
    )
    levels = levels_of(whole)
    ruler = {row: number for number, group in enumerate(measured) for row in group.rows}
    return Ground(
        whole, levels, measured,
        [added(levels.parents, run.prompts[group.rows[0]].reach) for group in measured],
        [levels.up(run.prompts[row].leaf for row in group.rows) for group in measured],
        [ruler[row] for row in range(len(ruler))],
    )  # fmt: skip


def added(parents: Ints, reach: Sequence[int]) -> Ints:
    """Tokens that every node adds; none where a ruler knows nothing of a node, which it then does not measure."""
    found = numpy.zeros(len(parents), dtype=numpy.int64)
    told = numpy.array(reach, dtype=numpy.int64)
    found[: len(told)] = told - told[parents[: len(told)]]
    found[ROOT] = told[ROOT]
    return found


class Lengths(msgspec.Struct, frozen=True):
    """Lengths under one ruler: `reach` by new node; the rest by old one, over its path.

    `gone` are tokens no longer sent, `away` those and what stands at the end instead, `cleared` what is gone more
    with every tool result cleared, or with a summary instead. `framing` are the tokens that any tool at all brings.
    """

    reach: list[int]
    gone: list[int]
    away: list[int]
    cleared: list[int]
    framing: int


def rewritten(scene: Scene, ground: Ground, edit: Edit) -> Scene:
    """The same requests with their paths rewritten. The empty edit gives what it was given."""
    leaves = (prompt.leaf for prompt in scene.prompts)
    paths = Paths(ground.tree, edit, first_sent(ground.tree, leaves) if edit.keyed else {})
    routes = [_route(paths, prompt) for prompt in scene.prompts]
    levels = levels_of(paths.new)
    lengths = [_lengths(paths, ground, levels, number) for number in range(len(ground.measured))]
    prompts = []
    told: dict[int, Told] = {}
    for row, (prompt, route) in enumerate(zip(scene.prompts, routes, strict=True)):
        number = ground.ruler[row]
        if number not in told:
            told[number] = _told(paths, prompt.told.lengths, lengths[number])
        prompts.append(_prompt(paths, prompt, route, lengths[number], told[number], scene.policies[row]))
    return Scene(shape_of(paths.new), formats_as_first_sent(prompts) if edit.keyed else prompts, scene.policies)


class Route(msgspec.Struct, frozen=True):
    """Where a prompt's path goes: its new leaf, the node before what was moved behind it, its answer's, the cut up to
    which results are cleared, and where the nodes below the cut went."""

    leaf: int
    stable: int
    answer: int | None
    cut: int
    below: Mapping[int, int]


def _route(paths: Paths, prompt: Prompt) -> Route:
    cut = paths.cut(prompt.leaf)
    below = dict(paths.below(cut, prompt.leaf, paths.cleared(cut))) if cut != ROOT else {}
    stable = below[prompt.leaf] if cut != ROOT else paths.to(prompt.leaf)
    leaf = paths.tail(stable, prompt.leaf)
    if leaf != stable or prompt.answer is None:
        return Route(leaf, stable, None, cut, below)
    if cut == ROOT:
        return Route(leaf, stable, paths.to(prompt.answer), cut, below)
    answer = [place for _, place in paths.below(prompt.leaf, prompt.answer, stable)]
    return Route(leaf, stable, answer[-1] if answer else stable, cut, below)


def _prompt(paths: Paths, prompt: Prompt, route: Route, lengths: Lengths, told: Told, policy: str) -> Prompt:
    """A prompt on its new path."""
    end = paths.last_tool[prompt.leaf]

    summed_up = bool(paths.edit.compacted) and route.cut != ROOT
    fewer = lengths.cleared[route.cut] - summed_up * paths.edit.summary + _tools_lost(paths, end, lengths)

    def place(node: int) -> int:
        if summed_up and node not in route.below and node != ROOT and paths.old.entry(node).level == "messages":
            return paths.short[route.cut]
        if paths.edit.tools and node != ROOT and paths.old.entry(node).level == "tools":
            return paths.tool(node, end)
        return route.below.get(node) or (paths.short.get(node) if route.cut != ROOT else None) or paths.to(node)

    total = max(0, prompt.total - lengths.gone[prompt.leaf] - fewer)
    marks = {place(node): ttl for node, ttl in prompt.marks if place(node) != ROOT or node == ROOT}
    if route.leaf != route.stable and policy and policy_named(policy).mechanism == "endpoint":
        marks.setdefault(route.stable, "")
    known = None
    if prompt.known and not (summed_up and prompt.known[0] not in route.below):
        node, tokens = prompt.known
        known = place(node), max(0, tokens - lengths.away[node] - fewer)
    return replace(
        prompt, leaf=route.leaf, total=total, reach=lengths.reach, offset=total - lengths.reach[route.leaf],
        known=known, told=told, marks=tuple(marks.items()), answer=route.answer,
    )  # fmt: skip


def _tools_lost(paths: Paths, end: int, lengths: Lengths) -> int:
    """Tokens that go with the last of the tools, less those of a tool that finds what was dropped."""
    if not paths.edit.tools or end == ROOT:
        return 0
    box = paths.toolbox(end)
    return (0 if box.new else lengths.framing) - box.search * paths.edit.search


def _told(paths: Paths, lengths: Mapping[int, int], found: Lengths) -> Told:
    """The lengths that bills told, at the new places; the first stands where two nodes became one."""
    told: dict[int, int] = {}
    ends = set(paths.toolboxes)
    for node, tokens in lengths.items():
        end = paths.last_tool[node]
        if not paths.edit.tools or node != end or node in ends:
            left = tokens - found.away[node] - _tools_lost(paths, end, found)
            told.setdefault(paths.to(node), left)
            if node in paths.short:
                more = paths.edit.summary if paths.edit.compacted else 0
                told.setdefault(paths.short[node], left - found.cleared[node] + more)
    return Told(told).on(paths.new.parents)


def _lengths(paths: Paths, ground: Ground, levels: Levels, ruler: int) -> Lengths:
    """How long the new nodes are, and what the old paths lose, under one ruler."""
    before, framing = _own(paths, ground, ruler)
    texts, passing = ground.measured[ruler].lengths, ground.passing[ruler]
    own = lengths_as_first_sent(ground.tree, paths.first, before, texts, passing)
    origins = paths.origins
    new, old, cap = (numpy.array(part, dtype=numpy.int64) for part in (origins.new, origins.old, origins.cap))
    kept, moved = numpy.array(origins.kept, dtype=numpy.float64), numpy.array(origins.moved, dtype=numpy.bool_)
    stays = numpy.rint(own[old] * kept).astype(numpy.int64)
    sizes = numpy.where(moved, own[old] - stays, numpy.minimum(stays, cap))
    used = numpy.flatnonzero(passing[old] > 0)[::-1]  # of several origins the first decides
    lengths = numpy.zeros(len(paths.new), dtype=numpy.int64)
    lengths[new[used]] = sizes[used]
    for node, tokens in paths.fixed.items():
        lengths[node] = tokens
    firsts = sorted({box.new[0] for box in paths.toolboxes.values() if box.new})
    lengths[firsts] += framing
    lengths[ROOT] = int(ground.own[ruler][ROOT])
    gone, away, cleared = _lost(paths, ground.tree, own)
    parts = gone + before - own, away + before - own, cleared
    gone_by, away_by, cleared_by = (ground.levels.down(part).tolist() for part in parts)
    return Lengths(levels.down(lengths).tolist(), gone_by, away_by, cleared_by, framing)


def _own(paths: Paths, ground: Ground, ruler: int) -> tuple[Ints, int]:
    """Tokens of each old node with what the template puts around it, and what the template brings with any tool."""
    own = ground.own[ruler].copy()
    own[ROOT] = 0
    if not paths.edit.tools:
        return own, 0
    tools = numpy.fromiter((node for node in range(1, len(own)) if paths.last_tool[node] == node), dtype=numpy.int64)
    tools = tools[ground.passing[ruler][tools] > 0]
    if not len(tools):
        return own, 0
    texts = ground.measured[ruler].lengths[tools]
    framing = int((own[tools] - texts).max())
    own[tools] = texts
    return own, framing


def _lost(paths: Paths, tree: Tree, own: Ints) -> tuple[Ints, Ints, Ints]:
    """By old node: tokens no longer sent, no longer sent there, and gone beside where results are cleared."""
    gone, cleared = numpy.zeros_like(own), numpy.zeros_like(own)
    edit = paths.edit
    if edit.dropped or edit.cap or edit.kept:
        for node in range(1, len(own)):
            if tree.segments[node] in edit.dropped:
                gone[node] = own[node]
            elif tree.entry(node).kind in RESULTS and (edit.cap or edit.cleared):
                whole = int(own[node])
                sent = min(whole, edit.cap or UNCUT)
                gone[node] = whole - sent
                cleared[node] = sent - min(whole, CLEARED) if edit.cleared else 0
    away = gone.copy()
    for node in range(1, len(own)):
        split = paths.split_at(node)
        if split:
            away[node] += int(own[node]) - round(int(own[node]) * split.kept)
    if edit.compacted:
        said = [node for node in range(1, len(own)) if tree.entry(node).level == "messages"]
        cleared[:] = 0
        cleared[said] = own[said] - away[said]
    return gone, away, cleared
