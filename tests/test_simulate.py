"""The simulation against cases worked out by hand: what is read, written and plain, in tokens."""

from __future__ import annotations

import pytest
from tests.caching import Block, Forest, after, blocks, tokens
from tests.replacing import replace

from agentcost.cache.catalogue import load_policies, policy_named
from agentcost.cache.policy import Policy
from agentcost.cache.switches import apply
from agentcost.model import Ends

POLICIES = load_policies()
ANTHROPIC = policy_named("anthropic")
SONNET = "claude-sonnet-4-5"
"""Caches from 1,024 tokens on."""


def switched(name: str, **values: str) -> Policy:
    """A policy with switches set: `__` for the dot of a switch's name."""
    return apply(policy_named(name), {key.replace("__", "."): value for key, value in values.items()})


# ---------------------------------------------------------------- breakpoints: Anthropic


@pytest.mark.parametrize(
    ("count", "marks", "expected"),
    [
        (34, [34], (3000, 3800, 0)),
        (35, [35], (0, 7000, 0)),
        (35, [15, 35], (3000, 4000, 0)),
    ],
    ids=["19 new blocks", "20 new blocks", "20 new blocks and the earlier breakpoint kept"],
)
def test_the_lookback_is_20_positions_with_the_breakpoint(
    count: int, marks: list[int], expected: tuple[int, int, int]
) -> None:
    forest = Forest()
    served = forest.serve(
        ANTHROPIC,
        forest.prompt(blocks(10), 0, [10], model=SONNET),
        forest.prompt(blocks(15), 60, [15], model=SONNET),
        forest.prompt(blocks(count), 120, marks, model=SONNET),
    )
    assert [tokens(one) for one in served] == [(0, 2000, 0), (2000, 1000, 0), expected]


def test_another_lookback_reaches_one_position_farther() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(15), 0, [15]), forest.prompt(blocks(35), 60, [35])]
    reads = [forest.serve(switched("anthropic", anthropic__lookback=str(n)), *prompts)[1].read for n in (20, 21)]
    assert reads == [0, 3000]


def test_an_entry_lives_from_the_start_of_its_last_use() -> None:
    forest = Forest()
    served = forest.serve(
        ANTHROPIC,
        *(forest.prompt(blocks(n), at, [n]) for n, at in ((10, 0), (11, 299), (12, 598), (13, 899))),
    )
    assert [one.read for one in served] == [0, 2000, 2200, 0]
    assert served[-1].writes == {"5m": 2600}


def test_an_entry_is_read_from_its_writers_first_token_on() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(1, 10_000), at, [1], plain=50) for at in (0, 0, 0, 1.5, 2.5)]
    served = forest.serve(ANTHROPIC, *prompts)
    assert [tokens(one) for one in served] == [(0, 10_000, 50)] * 4 + [(10_000, 0, 50)]


@pytest.mark.parametrize(
    ("model", "expected", "blocked"),
    [("claude-opus-4-5", (0, 0, 4100), "below_minimum"), (SONNET, (0, 4000, 100), "")],
)
def test_a_short_prefix_is_not_kept(model: str, expected: tuple[int, int, int], blocked: str) -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 4000), 0, [1], plain=100, model=model)
    served = forest.serve(ANTHROPIC, first, after(first, 60))
    assert (tokens(served[0]), served[0].blocked) == (expected, blocked)
    assert served[1].read == expected[1]


@pytest.mark.parametrize(
    ("mark", "expected"),
    [(6, [(0, 6500, 0), (0, 6500, 0)]), (5, [(0, 6000, 500), (6000, 0, 500)])],
    ids=["on what changes", "before what changes"],
)
def test_a_breakpoint_on_a_block_that_changes_is_never_read(mark: int, expected: list[tuple[int, int, int]]) -> None:
    forest = Forest()
    prompts = [forest.prompt([*blocks(5, 1200), Block(f"now {at}", 500)], at, [mark]) for at in (0, 60)]
    assert [tokens(one) for one in forest.serve(ANTHROPIC, *prompts)] == expected


@pytest.mark.parametrize(("collapse", "expected"), [("on", (2000, 3000, 0)), ("off", (0, 5000, 0))])
def test_a_run_of_tool_blocks_is_one_position(collapse: str, expected: tuple[int, int, int]) -> None:
    forest = Forest()
    calls = [Block(f"call {n}", 50, run="calls") for n in range(15)]
    results = [Block(f"result {n}", 150, run="results") for n in range(15)]
    policy = switched("anthropic", anthropic__collapse_tool_runs=collapse)
    prompts = [forest.prompt(blocks(10), 0, [10]), forest.prompt([*blocks(10), *calls, *results], 60, [-1])]
    assert tokens(forest.serve(policy, *prompts)[1]) == expected


def test_tool_runs_collapse_from_the_day_on_that_the_page_says_so() -> None:
    forest = Forest()
    calls = [Block(f"call {n}", 50, run="calls") for n in range(30)]
    september = 1_789_516_800  # 2026-09-16
    reads = []
    for day in (september - 86_400, september):
        prompts = [forest.prompt(blocks(10), day, [10]), forest.prompt([*blocks(10), *calls], day + 60, [-1])]
        reads.append(forest.serve(ANTHROPIC, *prompts)[1].read)
    assert reads == [0, 2000]


def test_a_breakpoint_inside_a_run_is_tested_before_what_lies_above_it() -> None:
    forest = Forest()
    calls = [Block(f"call {n}", 100, run="calls") for n in range(4)]
    prompts = [
        forest.prompt([*blocks(10), *calls], 0, [10, 12]),
        forest.prompt([*blocks(10), *calls], 60, [12, 14]),
    ]
    assert tokens(forest.serve(ANTHROPIC, *prompts)[1]) == (2200, 200, 0)


def test_a_block_before_another_kind_is_a_position_even_if_its_run_has_no_end() -> None:
    forest = Forest()
    call, after_it = Block("call", 100, run="calls"), Block("user", 100)
    prompts = [forest.prompt([*blocks(10), call], 0, [-1]), forest.prompt([*blocks(10), call, after_it], 60, [-1])]
    forest.ends = [ends & ~Ends.TOOL_RUN for ends in forest.ends]
    assert tokens(forest.serve(ANTHROPIC, *prompts)[1]) == (2100, 100, 0)


def test_pieces_of_a_block_are_no_positions() -> None:
    forest = Forest()
    pieces = [Block(f"piece {n}", 10, whole=False) for n in range(50)]
    prompts = [forest.prompt(blocks(10), 0, [10]), forest.prompt([*blocks(10), *pieces, Block("end", 10)], 60, [-1])]
    assert tokens(forest.serve(ANTHROPIC, *prompts)[1]) == (2000, 510, 0)


MIXED = [Block("tools", 3000, "tools"), Block("system", 5000, "system")]


def test_two_times_to_live_split_what_is_written() -> None:
    forest = Forest()
    turns = [*MIXED, Block("turn 1", 12_000), Block("turn 2", 3000), Block("turn 3", 3000)]
    served = forest.serve(
        ANTHROPIC,
        forest.prompt(turns[:3], 0, {2: "1h", 3: "5m"}, plain=500),
        forest.prompt(turns[:4], 180, {2: "1h", 4: "5m"}, plain=400),
        forest.prompt(turns[:5], 1380, {2: "1h", 5: "5m"}, plain=300),
    )
    assert [(one.read, one.writes, one.plain) for one in served] == [
        (0, {"1h": 8000, "5m": 12_000}, 500),
        (20_000, {"5m": 3000}, 400),
        (8000, {"5m": 18_000}, 300),
    ]


OTHER_TOOLS = [Block("other tools", 3000, "tools"), Block("system", 5000, "system"), Block("first", 12_000)]


@pytest.mark.parametrize(
    ("change", "content", "expected"),
    [
        ({}, None, (20_000, 0, 400)),
        ({"tool_choice": "any"}, None, (8000, 12_000, 400)),
        ({"disable_parallel_tool_use": "true"}, None, (8000, 12_000, 400)),
        ({"images": "present"}, None, (8000, 12_000, 400)),
        ({"thinking": "enabled"}, None, (8000, 12_000, 400)),
        ({}, [*MIXED, Block("edited", 12_000)], (8000, 12_000, 400)),
        ({}, [MIXED[0], Block("edited", 5000, "system"), Block("first", 12_000)], (3000, 17_000, 400)),
        ({"web_search": "on"}, None, (3000, 17_000, 400)),
        ({"speed": "fast"}, None, (3000, 17_000, 400)),
        ({}, OTHER_TOOLS, (0, 20_000, 400)),
        ({"model": "claude-opus-5-1"}, None, (0, 20_000, 400)),
    ],
    ids=[
        "none", "tool choice", "parallel", "images", "thinking", "first message", "system", "web search", "speed",
        "tools", "model",
    ],
)  # fmt: skip
def test_what_a_change_loses(
    change: dict[str, str], content: list[Block] | None, expected: tuple[int, int, int]
) -> None:
    forest, stable = Forest(), [*MIXED, Block("first", 12_000)]
    before = forest.prompt(stable, 0, [1, 2, 3], plain=400)
    changed = forest.prompt(content or stable, 60, [1, 2, 3], plain=400, settings=change)
    assert tokens(forest.serve(ANTHROPIC, before, changed)[1]) == expected


def test_thinking_may_be_rendered_before_the_tools() -> None:
    forest, stable = Forest(), [*MIXED, Block("first", 12_000)]
    before = forest.prompt(stable, 0, [1, 2, 3], plain=400)
    served = forest.serve(
        switched("anthropic", anthropic__thinking_scope="all"),
        before,
        replace(after(before, 60), settings={"thinking": "enabled"}),
    )
    assert tokens(served[1]) == (0, 20_000, 400)


def test_another_model_is_another_cache_without_a_setting_that_says_so() -> None:
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [10])
    served = forest.serve(ANTHROPIC, first, replace(after(first, 60), model="claude-sonnet-5"))
    assert tokens(served[1]) == (0, 2000, 0)


@pytest.mark.parametrize(
    ("policy", "before", "after_", "read"),
    [
        ("presence", "1", "2", 2000),
        ("presence", "", "0", 2000),
        ("presence", "0", "1", 0),
        ("any_change", "1", "2", 0),
    ],
)
def test_further_images_may_lose_the_messages(policy: str, before: str, after_: str, read: int) -> None:
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [10], settings={"images": before})
    more = replace(after(first, 60), settings={"images": after_})
    assert forest.serve(switched("anthropic", anthropic__images_policy=policy), first, more)[1].read == read


def agent_loop(forest: Forest, ttl: str, gap: float) -> list[tuple[int, dict[str, int], int]]:
    """Ten requests 30 s apart, each with the answer to the one before and a tool's result."""
    content, served, at = [Block("tools", 7000, "tools"), Block("system", 5000, "system"), Block("user", 800)], [], 0.0
    for turn in range(10):
        if turn:
            content = [*content, Block(f"call {turn}", 400, run="call"), Block(f"result {turn}", 800, run="result")]
            at += gap if turn == 5 else 30
        served.append(forest.prompt(content, at, {-1: ttl} if ttl else []))
    return [(one.read, dict(one.writes), one.plain) for one in forest.serve(ANTHROPIC, *served)]


@pytest.mark.parametrize(
    ("ttl", "gap", "expected"),
    [
        ("", 30, (0, 0, 0, 182_000)),
        ("5m", 30, (158_400, 23_600, 0, 0)),
        ("1h", 30, (158_400, 0, 23_600, 0)),
        ("5m", 360, (140_800, 41_200, 0, 0)),
        ("1h", 360, (158_400, 0, 23_600, 0)),
    ],
)
def test_an_agents_loop(ttl: str, gap: float, expected: tuple[int, int, int, int]) -> None:
    rows = agent_loop(Forest(), ttl, gap)
    written = [sum(writes.get(name, 0) for _, writes, _ in rows) for name in ("5m", "1h")]
    assert (sum(row[0] for row in rows), *written, sum(row[2] for row in rows)) == expected
