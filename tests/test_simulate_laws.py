"""What must hold of every simulation, whatever the tree, the requests and the policy."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caching import Block, Forest, blocks

from agentcost.cache.catalogue import load_policies
from agentcost.cache.policy import Policy, Ttl, minimum_of, ttl_of
from agentcost.cache.simulate import ENGINES, Prompt, Shape, salted, simulate
from agentcost.cache.switches import apply, with_switch
from agentcost.cache.touches import Branches
from agentcost.model import ROOT, Ends

POLICIES = load_policies()
FULL_BLOCKS = [name for name, policy in POLICIES.items() if policy.mechanism in ("block", "best_effort")
               and policy.creates == "full_blocks"]  # fmt: skip
MARKED = [name for name, policy in POLICIES.items() if policy.mechanism == "breakpoint" and policy.refresh != "none"]

MODELS = ("claude-opus-5", "claude-haiku-4-5", "gpt-5.4", "gpt-6.1-sol", "kimi-k3", "gemini-2.5-pro")
TTLS = ("", "5m", "1h", "30m", "12h", "24h")
GAPS = (0.0, 1.0, 2.0, 30.0, 299.0, 300.0, 301.0, 1800.0, 4000.0, 90_000.0)
SETTINGS = ("tool_choice", "images", "speed", "prompt_cache_key", "thinking")

HEAD = [Block(f"tool {n}", 400 * n + 40, "tools") for n in range(2)]
SYSTEM = [Block(f"system {n}", 900 * n + 64, "system") for n in range(2)]
TALK = [
    Block("user", 333), Block("long", 5000), Block("assistant", 70, eligible=False),
    Block("call a", 50, run="calls", eligible=False), Block("call b", 700, run="calls", eligible=False),
    Block("result a", 300, run="results"), Block("result b", 1100, run="results"),
    Block("piece", 128, eligible=False, whole=False),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A log."""

    forest: Forest
    shape: Shape
    prompts: list[Prompt]

    def __repr__(self) -> str:
        return f"Case({self.prompts})"


@st.composite
def cases(draw: st.DrawFn, *, consistent: bool = False, at_once: bool = False) -> Case:
    """Requests in the order of their start. `consistent`: every prompt has the same lengths of the same prefixes;
    `at_once`: what they write is there when the next one starts, and times rise strictly."""
    forest, at = Forest(), 0.0
    prompts: list[Prompt] = []
    contents: list[list[Block]] = []
    offset = draw(st.integers(0, 5000))
    for _ in range(draw(st.integers(1, 7))):
        at += draw(st.sampled_from(GAPS)) + (1 if at_once else 0)
        contents.append(draw(paths(contents)))
        prompts.append(draw(requests(forest, contents[-1], at, offset, consistent=consistent, at_once=at_once)))
    for (parent, _), node in list(forest.nodes.items()):
        for (above, _), other in list(forest.nodes.items()):
            if parent == above and node != other and draw(st.booleans()):
                forest.shared[node, other] = draw(st.sampled_from((0.1, 0.5, 1.0)))
    return Case(forest, forest.shape(), prompts)


@st.composite
def paths(draw: st.DrawFn, earlier: list[list[Block]]) -> list[Block]:
    """Tools, system, messages; often those of an earlier request, whole or in part, and more."""
    if earlier and draw(st.integers(0, 2)):
        base = draw(st.sampled_from(earlier))
        kept = draw(st.integers(0, len(base))) if draw(st.booleans()) else len(base)
        if draw(st.booleans()):
            return base[:kept]
        return base[:kept] + draw(st.lists(st.sampled_from(TALK), max_size=3))
    content = [block for block in HEAD if draw(st.booleans())] + [block for block in SYSTEM if draw(st.booleans())]
    return content + draw(st.lists(st.sampled_from(TALK), max_size=6))


@st.composite
def requests(
    draw: st.DrawFn, forest: Forest, content: list[Block], at: float, offset: int, *, consistent: bool, at_once: bool
) -> Prompt:
    """A request of that content, with settings, breakpoints and times of any kind."""
    numbers = sorted(draw(st.sets(st.integers(0, len(content)), max_size=5)))
    prompt = forest.prompt(
        content, at, {number: draw(st.sampled_from(TTLS)) for number in numbers},
        plain=draw(st.sampled_from((0, 77))), wait=0 if at_once else draw(st.sampled_from((0, 1, 400))),
        model=draw(st.sampled_from((MODELS[0], MODELS[0], *MODELS))),
        offset=offset if consistent else draw(st.integers(-600, 5000)),
        settings={
            **{name: draw(st.sampled_from(("", "1", "2"))) for name in draw(st.sets(st.sampled_from(SETTINGS)))},
            "cache_mode": draw(st.sampled_from(("implicit", "explicit"))),
        },
        scope=draw(st.sampled_from(("", "", "other"))),
        answer=draw(st.sampled_from((None, TALK[2], TALK[3]))),
    )  # fmt: skip
    prompt = replace(prompt, total=max(0, prompt.total))
    if consistent or not prompt.marks:
        return prompt
    lengths = {node: draw(st.integers(0, 9000)) for node in draw(st.sets(st.integers(0, len(forest.parents) - 1)))}
    known = draw(st.sampled_from((None, (prompt.marks[-1][0], draw(st.integers(0, 9000))))))
    return replace(prompt, known=known, lengths=lengths)


def path(shape: Shape, node: int) -> list[int]:
    """The nodes from the root, the first, to `node`."""
    found = [node]
    while node != ROOT:
        node = shape.parents[node]
        found.append(node)
    return found[::-1]


# ---------------------------------------------------------------- the four classes are the prompt


@settings(max_examples=150, deadline=None)
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


# ---------------------------------------------------------------- replays


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_a_replay_returns_the_same(case: Case) -> None:
    for policy in POLICIES.values():
        assert simulate(policy, case.shape, case.prompts) == simulate(policy, case.shape, case.prompts)


@settings(max_examples=25, deadline=None)
@given(case=cases())
def test_a_switch_set_to_its_default_changes_nothing(case: Case) -> None:
    for policy in POLICIES.values():
        same = apply(policy, {switch.name: switch.default for switch in policy.switches})
        assert simulate(policy, case.shape, case.prompts) == simulate(same, case.shape, case.prompts), policy.name


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_scopes_know_nothing_of_each_other(case: Case) -> None:
    for policy in POLICIES.values():
        whole = simulate(policy, case.shape, case.prompts)
        alone = [prompt for prompt in case.prompts if prompt.scope == ""]
        kept = [served for prompt, served in zip(case.prompts, whole, strict=True) if prompt.scope == ""]
        assert simulate(policy, case.shape, alone) == kept, policy.name


# ---------------------------------------------------------------- more time, more hits; never more than the content


@settings(max_examples=100, deadline=None)
@given(case=cases(), less=st.sampled_from((1, 30, 300, 301)), more=st.sampled_from((2, 299, 1800, 4000, 100_000)))
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


@settings(max_examples=100, deadline=None)
@given(case=cases(consistent=True))
def test_no_policy_reads_more_than_the_content_allows(case: Case) -> None:
    for policy in POLICIES.values():
        for number, served in enumerate(simulate(policy, case.shape, case.prompts)):
            assert served.read <= content_bound(policy, case, number), policy.name


ANY_CACHE = replace(POLICIES["vllm"], grid=None, salts=())


@settings(max_examples=150, deadline=None)
@given(case=cases(consistent=True, at_once=True))
def test_a_cache_that_forgets_nothing_reads_what_the_content_allows(case: Case) -> None:
    prompts = [replace(prompt, marks=((ROOT, ""),)) for prompt in case.prompts]
    case = replace(case, prompts=prompts)
    for number, served in enumerate(simulate(ANY_CACHE, case.shape, prompts)):
        assert served.read == int(content_bound(ANY_CACHE, case, number))


# ---------------------------------------------------------------- breakpoints against the algorithm as it is published


@dataclass
class Published:
    """The reference algorithm over whole paths: every position of every window, and the deepest entry among them."""

    policy: Policy
    shape: Shape
    kept: dict[Hashable, list[float]] = field(default_factory=dict)

    def serve(self, prompt: Prompt) -> tuple[int, int | None, int]:
        """Read, the node of the hit, and the tokens up to the last breakpoint."""
        marks, least = list(dict(prompt.marks).items())[-4:], minimum_of(self.policy, prompt.model)
        if not marks or prompt.tokens(marks[-1][0]) < least:
            return 0, None, 0
        tested = {node for mark, _ in marks for node in self.window(path(self.shape, mark))}
        alive = [node for node in tested if self.alive(prompt, node)]
        hit = max(alive, key=prompt.tokens, default=None)
        read = prompt.tokens(hit) if hit is not None else 0
        for node, ttl in marks:
            behind = prompt.tokens(node) > read or hit is None
            if prompt.tokens(node) >= least and (behind or self.alive(prompt, node)):
                self.write(prompt, node, ttl, renewed=not behind)
        if hit is not None and self.policy.refresh != "none":
            entry = self.kept[self.key(prompt, hit)]
            entry[0] = max(entry[0], prompt.start + entry[2])
        return read, hit, max(read, prompt.tokens(marks[-1][0]))

    def key(self, prompt: Prompt, node: int) -> Hashable:
        return prompt.scope, salted(self.policy, prompt)[self.shape.levels[node]], node

    def alive(self, prompt: Prompt, node: int) -> bool:
        entry = self.kept.get(self.key(prompt, node))
        return entry is not None and entry[1] <= prompt.start < entry[0]

    def write(self, prompt: Prompt, node: int, ttl: str, *, renewed: bool) -> None:
        found = ttl_of(self.policy, prompt.model, ttl)
        assert found is not None
        visible = prompt.end if self.policy.visible == "end" else prompt.first_token
        old = self.kept.get(self.key(prompt, node), [0.0, 0.0, 0.0])
        if renewed:
            if self.policy.refresh != "hit_only":
                old[0] = max(old[0], prompt.start + found.seconds)
        elif old[0] > prompt.start:
            until = max(old[0], prompt.start + found.seconds)
            self.kept[self.key(prompt, node)] = [until, min(old[1], visible), max(old[2], found.seconds)]
        else:
            self.kept[self.key(prompt, node)] = [prompt.start + found.seconds, visible, found.seconds]

    def window(self, nodes: list[int]) -> list[int]:
        """The positions from the end of a path, a run of tool blocks as one where the policy says so."""
        collapsed = self.policy.collapse_tool_runs != "off"
        found = [nodes[-1]]
        inside = self.shape.runs[nodes[-1]]
        for node in reversed(nodes[:-1]):
            ends = self.shape.ends[node]
            if node != ROOT and not ends & Ends.BLOCK:
                continue
            if not (collapsed and inside and self.shape.runs[node] and not ends & Ends.TOOL_RUN):
                found.append(node)
            inside = self.shape.runs[node]
        return found[: self.policy.lookback]


@settings(max_examples=200, deadline=None)
@given(case=cases(consistent=True), lookback=st.sampled_from((1, 2, 3, 20)))
def test_breakpoints_follow_the_published_algorithm(case: Case, lookback: int) -> None:
    for name in MARKED:
        policy = replace(POLICIES[name], lookback=lookback)
        published = Published(policy, case.shape)
        for prompt, served in zip(case.prompts, simulate(policy, case.shape, case.prompts), strict=True):
            read, hit, reached = published.serve(prompt)
            priced = policy.ttls[0].write is not None
            assert (served.read, served.hit) == (read, hit if read else served.hit), name
            assert served.written == (reached - read if priced else 0), name


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
