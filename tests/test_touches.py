"""Last uses of nodes: equal to lists of uses per node, at a cost that does not grow with the length of a path."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import inf, log2

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading import SHARED

from agentcost.cache.branches import Branches, branches_of, depths, heaviest_children, nearest
from agentcost.cache.touches import Run, Stack, Touches
from agentcost.model import ROOT
from agentcost.prefix import Tree

TTLS = (0, 1, 2, 5, 9, inf)


def path(parents: list[int], node: int) -> list[int]:
    """The nodes from the first below the root down to `node`."""
    found = []
    while node != ROOT:
        found.append(node)
        node = parents[node]
    return found[::-1]


@dataclass
class Naive:
    """Every node with all of its uses (start, visible at); what is asked is asked as of the scope's clock."""

    parents: list[int]
    uses: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)

    def touch(self, scope: str, leaf: int, time: float, visible_at: float) -> None:
        self.clocks[scope] = max(self.clocks.get(scope, -inf), time)
        for node in path(self.parents, leaf):
            self.uses.setdefault((scope, node), []).append((time, visible_at))

    def last(self, scope: str, node: int) -> float | None:
        clock = self.clocks.get(scope, -inf)
        return max((time for time, visible in self.uses.get((scope, node), []) if visible <= clock), default=None)

    def deepest_live(self, scope: str, leaf: int, ttl: float) -> int | None:
        now = self.clocks.get(scope, -inf)
        live = [n for n in path(self.parents, leaf) if (t := self.last(scope, n)) is not None and now - t < ttl]
        return live[-1] if live else None

    def runs(self, scope: str, leaf: int) -> list[tuple[int, int, float]]:
        found: list[tuple[int, int, float]] = []
        for depth, node in enumerate(path(self.parents, leaf), 1):
            time = self.last(scope, node)
            if time is None:
                break
            if found and found[-1][2] == time:
                found[-1] = (found[-1][0], depth, time)
            else:
                found.append((depth, depth, time))
        return found


@dataclass(frozen=True)
class Step:
    """A use of `leaf`, or a question about it, `gap` after the one before; `late` moves a use back in time."""

    asks: bool
    scope: str
    leaf: int
    gap: int
    late: int
    delay: int


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    """Parents by node: any tree, or one of long branches."""
    size = draw(st.integers(1, 25))
    reach = draw(st.sampled_from((2, 25)))
    return [ROOT] + [max(0, node - draw(st.integers(1, reach))) for node in range(1, size)]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[Step]]:
    parents = draw(trees())
    step = st.builds(
        Step,
        asks=st.booleans(),
        scope=st.sampled_from("xy"),
        leaf=st.integers(0, len(parents) - 1),
        gap=st.integers(0, 3),
        late=st.sampled_from((0, 0, 2)),
        delay=st.sampled_from((0, 0, 1, 2, 7)),
    )
    return parents, draw(st.lists(step, max_size=20))


@given(trees(), st.booleans())
def test_stretches_make_up_the_path(parents: list[int], heaviest: bool) -> None:
    branches = branches_of(parents, heaviest_children(parents) if heaviest else None)
    for node in range(len(parents)):
        whole = path(parents, node)
        assert branches.depth[node] == len(whole)
        walked: list[int] = []
        for branch, depth in reversed(branches.stretches(node)):
            on_it = [branches.node(branch, each) for each in range(len(walked) + 1, depth + 1)]
            assert {branches.branch[each] for each in on_it} == {branch}
            walked += on_it
        assert walked == whole


@given(trees(), st.integers(0, 25))
def test_branches_grow_with_their_tree(parents: list[int], cut: int) -> None:
    grown = Branches()
    grown.extend(parents[: max(cut, 1)])
    grown.extend(parents)
    assert grown == branches_of(parents)
    assert len(grown.nodes) == 1 + sum(n in parents[1:node] for node, n in enumerate(parents) if node)


@given(trees())
def test_the_heaviest_child_has_most_nodes_below_it(parents: list[int]) -> None:
    sizes = [sum(top in path(parents, node) for node in range(len(parents))) for top in range(len(parents))]
    branches = branches_of(parents, heaviest_children(parents))
    for node, heir in enumerate(heaviest_children(parents)):
        children = [child for child in range(1, len(parents)) if parents[child] == node]
        assert heir == max(children, key=lambda child: sizes[child], default=-1)
        assert len(branches.stretches(node)) <= log2(len(parents)) + 1


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12))
def test_a_stack_keeps_the_latest_use_of_every_depth_and_no_more(uses: list[tuple[int, int]]) -> None:
    """In whatever order they come."""
    stack = Stack()
    cost = sum(stack.put(depth, time) for depth, time in uses)
    for depth in range(1, 8):
        assert stack.last(depth) == max((time for below, time in uses if below >= depth), default=None)
    for ttl in range(9):
        assert stack.live(6, ttl) == max((depth for depth, time in uses if 6 - time < ttl), default=0)
    assert stack.heights == sorted(set(stack.heights))
    assert stack.times == sorted(set(stack.times))
    assert len(uses) <= cost <= 2 * len(uses)


@settings(max_examples=300)
@given(histories(), st.booleans())
def test_equal_to_every_node_with_all_its_uses(history: tuple[list[int], list[Step]], heaviest: bool) -> None:
    parents, steps = history
    branches = branches_of(parents, heaviest_children(parents) if heaviest else None)
    touches, naive = Touches(branches), Naive(parents)
    now = 0
    for step in steps:
        now += step.gap
        if step.asks:
            touches.advance(step.scope, now)
            if step.scope in naive.clocks:
                naive.clocks[step.scope] = now
        else:
            time = now - step.late
            touches.touch(step.scope, step.leaf, time, time + step.delay)
            naive.touch(step.scope, step.leaf, time, time + step.delay)
        for scope in "xy":
            clock = naive.clocks.get(scope, -inf)
            for node in range(len(parents)):
                assert touches.last(scope, node) == naive.last(scope, node)
                assert touches.runs(scope, node) == naive.runs(scope, node)
                found = [touches.deepest_live(scope, node, clock, ttl) for ttl in TTLS]
                assert found == [naive.deepest_live(scope, node, ttl) for ttl in TTLS]
                depths = [0 if hit is None else touches.branches.depth[hit] for hit in found]
                assert depths == sorted(depths), "a hit fell with a longer TTL"
    used = sum(len(state.stacks) for state in touches.scopes.values())
    assert used <= len({(scope, touches.branches.branch[node]) for scope, node in naive.uses})


@given(trees(), st.lists(st.integers(0, 24), max_size=20))
def test_last_uses_never_grow_with_depth(parents: list[int], leaves: list[int]) -> None:
    """With the numbers of requests as times, a path is a run per request, from the latest back."""
    touches = Touches(branches_of(parents))
    for number, leaf in enumerate(leaf % len(parents) for leaf in leaves):
        runs = touches.runs("x", leaf)
        times = [run.time for run in runs]
        assert times == sorted(set(times), reverse=True)
        assert [run.top for run in runs] == [1, *(run.bottom + 1 for run in runs)][: len(runs)]
        touches.touch("x", leaf, number)
        assert touches.runs("x", leaf) == ([Run(1, touches.branches.depth[leaf], number)] if leaf else [])


FORK = [ROOT, 0, 1, 2, 2]
"""Nodes 1 2 3 in a row, 4 beside 3."""


@pytest.mark.parametrize(
    ("now", "ttl", "expected"),
    [(1, 9, None), (4, 9, 2), (5, 9, 3), (5, 5, 2), (5, 3, None), (11, inf, 3), (11, 10, 2), (11, 9, None)],
)
def test_a_use_counts_from_its_start_once_it_is_visible(now: float, ttl: float, expected: int | None) -> None:
    touches = Touches(branches_of(FORK))
    touches.touch("x", 3, time=0, visible_at=5)
    if now >= 2:
        touches.touch("x", 4, time=2, visible_at=4)
    assert touches.deepest_live("x", 3, now, ttl) == expected


def test_a_hit_is_renewed_at_its_start_and_what_was_written_later() -> None:
    touches = Touches(branches_of(FORK))
    touches.touch("x", 2, time=0)
    touches.touch("x", 2, time=4)
    touches.touch("x", 3, time=4, visible_at=6)
    assert touches.deepest_live("x", 3, now=5, ttl=5) == 2
    assert touches.deepest_live("x", 3, now=8, ttl=5) == 3


def test_scopes_share_nothing() -> None:
    touches = Touches(branches_of(FORK))
    touches.touch(("a", 1), 3, time=7)
    assert touches.last(("b", 1), 1) is None
    assert touches.deepest_live(("b", 1), 3, now=1, ttl=inf) is None
    assert touches.last(("a", 1), 1) == 7


def test_the_empty_prefix_is_in_no_cache() -> None:
    touches = Touches(branches_of(FORK))
    touches.touch("x", ROOT, time=1)
    assert touches.last("x", ROOT) is None
    assert touches.runs("x", ROOT) == []
    assert touches.deepest_live("x", ROOT, now=1, ttl=inf) is None


def test_time_does_not_go_back() -> None:
    touches = Touches(branches_of(FORK))
    touches.touch("x", 3, time=5)
    with pytest.raises(ValueError, match="already at 5"):
        touches.deepest_live("x", 3, now=4, ttl=1)
    for visible_at in (4, float("nan")):
        with pytest.raises(ValueError, match="before its start"):
            touches.touch("x", 3, time=5, visible_at=visible_at)


def test_a_long_session_costs_the_same_for_every_request() -> None:
    turns, per_turn = 2_000, 3
    touches = Touches(branches_of([ROOT, *range(turns * per_turn)]))
    for turn in range(turns):
        before = touches.operations
        touches.touch("x", (turn + 1) * per_turn, time=turn)
        assert touches.operations - before <= 2
    assert len(touches.scopes["x"].stacks) == 1
    assert touches.runs("x", turns * per_turn) == [Run(1, turns * per_turn, turns - 1)]


def test_a_session_whose_last_node_never_stays_needs_the_heaviest_children() -> None:
    parents, leaves, tip = [ROOT], [], ROOT
    for _ in range(300):
        leaves.append(len(parents))
        parents += [tip, tip]
        tip = len(parents) - 1
    costs = []
    for heirs in (None, heaviest_children(parents)):
        touches = Touches(branches_of(parents, heirs))
        for number, leaf in enumerate(leaves):
            touches.touch("x", leaf, number)
        costs.append(touches.operations)
    assert costs[0] > 300 * 300 / 2
    assert costs[1] <= 300 * 4


@given(trees(), st.lists(st.tuples(st.integers(0, 24), st.integers(0, 9)), max_size=40))
def test_the_cost_is_the_branches_used(parents: list[int], uses: list[tuple[int, int]]) -> None:
    """In whatever order uses become visible: a stretch goes in once and comes out at most once."""
    touches = Touches(branches_of(parents))
    stretches = 0
    for number, (leaf, delay) in enumerate(uses):
        stretches += len(touches.branches.stretches(leaf % len(parents)))
        touches.touch("x", leaf % len(parents), number, number + delay)
    touches.advance("x", inf)
    assert stretches <= touches.operations <= 2 * stretches


@pytest.mark.parametrize(("seconds", "hits"), [(10, 13_024), (60, 39_202), (300, 71_228), (3_600, 77_953)])
def test_hits_of_a_published_trace(seconds: int, hits: int) -> None:
    """Mooncake FAST'25, synthetic trace, sliding TTL, counted block by block elsewhere with `<=` on milliseconds."""
    file = SHARED / "hash-block" / "mooncake" / "synthetic_trace.jsonl"
    if not file.is_file():
        pytest.skip("the Mooncake traces are not on this machine")
    tree, requests = Tree(), []
    for line in file.read_text().splitlines():
        row, leaf = json.loads(line), ROOT
        for block in row["hash_ids"]:
            leaf = tree.child(leaf, block)
        requests.append((row["timestamp"], leaf))
    touches = Touches(branches_of(tree.parents))
    found = 0
    for time, leaf in requests:
        hit = touches.deepest_live("all", leaf, time, seconds * 1_000 + 1)
        found += touches.branches.depth[hit] if hit else 0
        touches.touch("all", leaf, time)
    assert found == hits


# ---------------------------------------------------------------- all nodes at once


@given(trees(), st.data())
def test_the_nearest_marked_node_of_a_path(parents: list[int], data: st.DataObject) -> None:
    marked = [False, *(data.draw(st.booleans()) for _ in parents[1:])]
    found = nearest(numpy.array(parents), numpy.array(marked)).tolist()
    for node in range(len(parents)):
        expected = next((each for each in reversed(path(parents, node)) if marked[each]), ROOT)
        assert found[node] == expected


@given(trees())
def test_the_depth_of_every_node(parents: list[int]) -> None:
    assert depths(numpy.array(parents)).tolist() == [len(path(parents, node)) for node in range(len(parents))]


@given(trees())
def test_branches_of_heirs_are_those_that_grow_along_them(parents: list[int]) -> None:
    heirs = heaviest_children(parents)
    found = branches_of(parents, heirs)
    for node, parent in enumerate(parents[1:], 1):
        assert (found.branch[node] == found.branch[parent]) == (heirs[parent] == node)
        stretches, above = [], node
        while above != ROOT:
            stretches.append((found.branch[above], found.depth[above]))
            above = found.stems[found.branch[above]]
        assert found.stretches(node) == tuple(stretches)
