"""What must hold of every simulation, whatever the tree, the requests and the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caching import Block, Case, Forest, blocks, cases, path
from tests.replacing import replace

from agentcost.cache.branches import Branches
from agentcost.cache.catalogue import load_policies
from agentcost.cache.policy import Policy, Ttl
from agentcost.cache.prompts import Prompt, Shape, salted
from agentcost.cache.simulate import ENGINES, simulate
from agentcost.cache.switches import apply, with_switch
from agentcost.cache.told import Told
from agentcost.model import ROOT

POLICIES = load_policies()
FULL_BLOCKS = [name for name, policy in POLICIES.items() if policy.mechanism in ("block", "best_effort")
               and policy.creates == "full_blocks"]  # fmt: skip

# ---------------------------------------------------------------- the four classes are the prompt


@settings(max_examples=150)
@given(case=cases())
def test_the_classes_sum_to_the_prompt_and_none_is_negative(case: Case) -> None:
    for policy in POLICIES.values():
        for prompt, served in zip(case.prompts, simulate(policy, case.shape, case.prompts), strict=True):
            assert served.read + served.written + served.plain == prompt.total, policy.name
            assert served.read >= 0 <= served.plain, policy.name
            assert all(tokens > 0 for tokens in served.writes.values()), policy.name
            assert set(served.writes) <= {ttl.name for ttl in policy.ttls if ttl.write is not None}
            assert (served.read == 0) >= (served.hit is None), policy.name
            assert served.hit is None or served.hit in path(case.shape, prompt.leaf), policy.name
            assert not served.blocked or not served.read + served.written, policy.name


# ---------------------------------------------------------------- lengths along a path


@settings(max_examples=200)
@given(case=cases())
def test_tokens_never_fall_along_a_path(case: Case) -> None:
    """Whatever rulers estimate and bills tell, be it at odds."""
    for prompt in case.prompts:
        lengths = [prompt.tokens(node) for node in path(case.shape, prompt.leaf)]
        assert lengths == sorted(lengths)
        assert 0 <= lengths[0] <= lengths[-1] <= prompt.total


@settings(max_examples=100)
@given(case=cases(), data=st.data())
def test_a_told_length_holds_where_no_bill_contradicts_it(case: Case, data: st.DataObject) -> None:
    prompt = data.draw(st.sampled_from(case.prompts))
    nodes = path(case.shape, prompt.leaf)
    told = Told({node: 10 * place for place, node in enumerate(nodes) if data.draw(st.booleans())})
    told.settle(case.shape.parents)
    bare = replace(prompt, told=told, known=None, total=10**6)
    assert {node: bare.tokens(node) for node in told.lengths} == told.lengths


# ---------------------------------------------------------------- replays


@settings(max_examples=60)
@given(case=cases())
def test_a_replay_returns_the_same(case: Case) -> None:
    for policy in POLICIES.values():
        assert simulate(policy, case.shape, case.prompts) == simulate(policy, case.shape, case.prompts)


@settings(max_examples=25)
@given(case=cases())
def test_a_switch_set_to_its_default_changes_nothing(case: Case) -> None:
    for policy in POLICIES.values():
        same = apply(policy, {switch.name: switch.default for switch in policy.switches})
        assert simulate(policy, case.shape, case.prompts) == simulate(same, case.shape, case.prompts), policy.name


@settings(max_examples=60)
@given(case=cases())
def test_scopes_know_nothing_of_each_other(case: Case) -> None:
    for policy in POLICIES.values():
        whole = simulate(policy, case.shape, case.prompts)
        alone = [prompt for prompt in case.prompts if prompt.scope == ""]
        kept = [served for prompt, served in zip(case.prompts, whole, strict=True) if prompt.scope == ""]
        assert simulate(policy, case.shape, alone) == kept, policy.name


# ---------------------------------------------------------------- more time, more hits; never more than the content


@settings(max_examples=100)
@given(
    case=cases(consistent=True), less=st.sampled_from((1, 30, 300, 301)),
    more=st.sampled_from((2, 299, 1800, 4000, 100_000)),
)  # fmt: skip
def test_block_caches_that_slide_serve_no_less_for_a_longer_time_to_live(case: Case, less: int, more: int) -> None:
    lives = sorted((less, more))
    for name in FULL_BLOCKS:
        short, long = (
            simulate(replace(POLICIES[name], ttls=(Ttl("any", seconds, "V"),)), case.shape, case.prompts)
            for seconds in lives
        )
        assert all(one.read <= other.read for one, other in zip(short, long, strict=True)), name


def test_breakpoint_caches_may_serve_less_for_a_longer_time_to_live() -> None:
    """While the entry at block 10 lives, the second request has no need to write one at block 5. When it has expired,
    both are written, and every later prompt that shares only the first five blocks reads them."""
    forest = Forest()
    prompts = [
        forest.prompt(blocks(10), 0, {10: ""}),
        forest.prompt(blocks(10), 400, {5: "", 10: ""}),
        *(forest.prompt([*blocks(5), Block(f"tail {n}", 500)], 500 + n, {6: ""}) for n in range(3)),
    ]
    reads = {
        ttl: [one.read for one in forest.serve(POLICIES[name], *prompts)]
        for ttl, name in (("5m", "anthropic"), ("1h", "anthropic-1h"))
    }
    assert reads == {"5m": [0, 0, 1000, 1000, 1000], "1h": [0, 2000, 0, 0, 0]}


def content_bound(policy: Policy, case: Case, number: int) -> float:
    """The tokens that a prompt has in common with any before it, under the same salts, by looking at every node."""
    shape, prompt = case.shape, case.prompts[number]
    keys = salted(policy, prompt)
    seen: set[int] = set()
    for earlier in case.prompts[:number]:
        own = salted(policy, earlier)
        nodes = path(shape, earlier.leaf) + (path(shape, earlier.answer) if earlier.answer is not None else [])
        if earlier.scope == prompt.scope:
            seen |= {node for node in nodes if own[shape.levels[node]] == keys[shape.levels[node]]}
    bound = 0.0
    for node in path(shape, prompt.leaf):
        if node in seen:
            bound = max(bound, prompt.tokens(node))
        elif node != ROOT:
            before = prompt.tokens(shape.parents[node])
            shares = [share for (one, other), share in shape.shared.items() if one == node and other in seen]
            return max(bound, before + max(shares, default=0) * (prompt.tokens(node) - before) if shares else 0)
    return bound


@settings(max_examples=100)
@given(case=cases(consistent=True))
def test_no_policy_reads_more_than_the_content_allows(case: Case) -> None:
    for policy in POLICIES.values():
        for number, served in enumerate(simulate(policy, case.shape, case.prompts)):
            assert served.read <= content_bound(policy, case, number), policy.name


ANY_CACHE = replace(POLICIES["vllm"], grid=None, salts=())


@settings(max_examples=150)
@given(case=cases(consistent=True, at_once=True))
def test_a_cache_that_forgets_nothing_reads_what_the_content_allows(case: Case) -> None:
    prompts = [replace(prompt, marks=((ROOT, ""),)) for prompt in case.prompts]
    case = replace(case, prompts=prompts)
    for number, served in enumerate(simulate(ANY_CACHE, case.shape, prompts)):
        assert served.read == int(content_bound(ANY_CACHE, case, number))


# ---------------------------------------------------------------- what a request costs


class Counted(list[Any]):
    """A sequence that counts what is read of it."""

    reads = 0

    def __getitem__(self, place: Any) -> Any:
        Counted.reads += 1
        return super().__getitem__(place)


class Looked(dict[Any, Any]):
    """A mapping that counts what is looked up."""

    def get(self, key: Any, default: Any = None) -> Any:
        Counted.reads += 1
        return super().get(key, default)


def counted(shape: Shape) -> Shape:
    """The same shape, counting."""
    known = shape.branches
    branches = Branches(known.branch, known.depth, known.nodes, known.tops, known.stems)
    for column in ("branch", "depth", "tops", "stems"):
        setattr(branches, column, Counted(getattr(known, column)))
    return Shape(
        Counted(shape.parents), Counted(shape.levels), Counted(shape.ends), Counted(shape.runs),
        Counted(shape.endings), Counted(shape.opening), branches,
    )  # fmt: skip


def session(forest: Forest, turns: int) -> Iterator[Prompt]:
    """Each turn adds a call of a tool and its result, in three blocks, and marks the end and the system prompt."""
    content = [Block("tools", 3000, "tools"), Block("system", 5000, "system")]
    for turn in range(turns):
        call, result = Block(f"call {turn}", 40, run="call"), Block(f"result {turn}", 90, run="result", whole=False)
        content = [*content, call, result, Block(f"end {turn}", 5, run="result")]
        yield forest.prompt(content, 30 * turn, [1, 2, -1])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_a_request_costs_no_more_behind_a_longer_path(policy: Policy) -> None:
    costs = []
    for turns in (40, 400):
        forest = Forest()
        prompts = list(session(forest, turns))
        engine = ENGINES[policy.mechanism](policy, counted(forest.shape()))
        if hasattr(engine, "kept"):
            engine.kept = Looked()
        for prompt in prompts:
            Counted.reads = 0
            engine.serve(prompt)
        costs.append(Counted.reads)
    assert 0 < costs[1] <= costs[0] <= 600


def test_a_long_run_of_tool_calls_is_walked_once() -> None:
    forest = Forest()
    calls = [Block(f"call {n}", 50, run="calls") for n in range(2000)]
    policy = with_switch(POLICIES["anthropic"], "anthropic.collapse_tool_runs", "on")
    prompts = [forest.prompt([*blocks(10), *calls, *blocks(n, 90, "more")], n, [-1]) for n in range(1, 5)]
    engine = ENGINES[policy.mechanism](policy, counted(forest.shape()))
    costs = []
    for prompt in prompts:
        Counted.reads = 0
        engine.serve(prompt)
        costs.append(Counted.reads)
    assert costs[0] > 2000
    assert max(costs[1:]) < 100
