"""Entries at exact places: how long they live, when they can be read, how long they are, and what writing is called."""

from __future__ import annotations

import pytest
from tests.caching import Block, Forest, after, blocks, tokens
from tests.replacing import replace

from agentcost.cache.catalogue import load_policies
from agentcost.cache.switches import apply

POLICIES = load_policies()
ANTHROPIC = POLICIES["anthropic"]


@pytest.mark.parametrize(("refresh", "read"), [("own_breakpoints", 1000), ("hit_only", 0)])
def test_a_long_read_may_renew_the_breakpoints_before_it(refresh: str, read: int) -> None:
    forest = Forest()
    served = forest.serve(
        apply(ANTHROPIC, {"anthropic.refresh": refresh}),
        forest.prompt(blocks(10), 0, [5, 10]),
        forest.prompt(blocks(10), 200, [5, 10]),
        forest.prompt([*blocks(5), Block("else", 500)], 400, [5]),
    )
    assert [one.read for one in served] == [0, 2000, read]


@pytest.mark.parametrize(("expiry", "read"), [("exclusive", 0), ("inclusive", 2000)])
@pytest.mark.parametrize("policy", ["anthropic", "cerebras"])
def test_the_boundary_of_expiry_is_a_switch(policy: str, expiry: str, read: int) -> None:
    forest = Forest()
    first = forest.prompt(blocks(10, 256), 0, [10])
    served = forest.serve(apply(POLICIES[policy], {"expiry": expiry}), first, after(first, 300))
    assert served[1].read == (2560 if read else 0)


def test_a_concurrent_duplicate_stays_visible_from_when_it_first_was() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(10), at, [10], wait=wait) for at, wait in ((0, 2), (1, 30), (5, 2))]
    assert [one.read for one in forest.serve(ANTHROPIC, *prompts)] == [0, 0, 2000]


def test_of_two_times_to_live_asked_for_at_once_the_longer_holds() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(10), at, {10: ttl}, wait=10) for at, ttl in ((0, "1h"), (1, "5m"))]
    later = [forest.prompt(blocks(10), at, {10: "5m"}) for at in (400, 3000, 6000)]
    assert [one.read for one in forest.serve(ANTHROPIC, *prompts, *later)] == [0, 0, 2000, 2000, 2000]


def test_a_breakpoint_below_the_minimum_makes_no_entry() -> None:
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [2, 10])
    assert forest.serve(ANTHROPIC, first, forest.prompt([*blocks(2), *blocks(9, name="else")], 60, [-1]))[1].read == 0


def test_a_place_marked_twice_takes_one_of_four_breakpoints() -> None:
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [6, 7, 8, 10])
    first = replace(first, marks=(*first.marks, first.marks[-1]))
    assert forest.serve(ANTHROPIC, first, forest.prompt([*blocks(6), Block("else", 500)], 60, [-1]))[1].read == 1200


def test_of_five_breakpoints_the_last_four_hold() -> None:
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [5, 6, 7, 8, 10])
    reads = [
        forest.serve(ANTHROPIC, first, forest.prompt([*blocks(kept), Block("else", 500)], 60, [-1]))[1].read
        for kept in (5, 6)
    ]
    assert reads == [0, 1200]


def test_a_breakpoint_may_stand_behind_a_hidden_prefix() -> None:
    forest = Forest()
    prompts = [
        forest.prompt([Block(session, 700)], at, {0: "1h", 1: "5m"}, offset=8000)
        for session, at in (("one", 0), ("two", 60), ("one", 1000))
    ]
    served = forest.serve(ANTHROPIC, *prompts)
    assert [(one.read, one.writes, one.hit) for one in served] == [
        (0, {"1h": 8000, "5m": 700}, None), (8000, {"5m": 700}, 0), (8000, {"5m": 700}, 0),
    ]  # fmt: skip


def test_no_hidden_prefix_without_a_breakpoint_behind_it() -> None:
    forest = Forest()
    prompts = [forest.prompt([Block(name, 700)], at, [1], offset=8000) for name, at in (("one", 0), ("two", 60))]
    assert [one.read for one in forest.serve(ANTHROPIC, *prompts)] == [0, 0]


def test_lengths_that_disagree_still_sum_to_the_prompt() -> None:
    """The writer was billed 2,300 tokens for what a reader that was told nothing of it takes for 2,000."""
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [10])
    first = replace(first, total=2300, known=(first.leaf, 2300))
    again = forest.prompt(blocks(10), 60, [10])
    longer = forest.prompt(blocks(14), 120, [14], plain=70)
    served = forest.serve(ANTHROPIC, first, again, longer)
    assert [tokens(one) for one in served] == [(0, 2300, 0), (2000, 0, 0), (2000, 800, 70)]


@pytest.mark.parametrize(
    ("offset", "known", "expected"), [(-500, None, 0), (0, None, 200), (50, None, 250), (0, 90, 90), (0, 900, 200)]
)
def test_a_length_is_between_nothing_and_the_prompt(offset: int, known: int | None, expected: int) -> None:
    prompt = Forest().prompt(blocks(1), offset=offset)
    assert replace(prompt, known=None if known is None else (1, known)).tokens(1) == expected


def test_a_hit_at_the_last_breakpoint_writes_nothing_whatever_its_length() -> None:
    """The writer's 1,900 tokens against the reader's 2,000: the same block, so no new entry is billed, and as long as
    the reader's prompt has it."""
    forest = Forest()
    first = forest.prompt(blocks(10), 0, [10])
    served = forest.serve(ANTHROPIC, replace(first, known=(first.leaf, 1900)), after(first, 60))
    assert tokens(served[1]) == (2000, 0, 0)


@pytest.mark.parametrize("policy", ["bedrock-nova", "gemini-explicit"])
def test_writes_that_are_no_class_of_the_bill_are_plain(policy: str) -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 9000), 0, [1], plain=50, model="nova-pro")
    served = forest.serve(POLICIES[policy], first, replace(after(first, 60), model="nova-pro"))
    assert [tokens(one) for one in served] == [(0, 0, 9050), (9000, 0, 50)]


def test_reading_does_not_prolong_what_is_kept_for_a_fixed_time() -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 9000), 0, [1], plain=50)
    served = forest.serve(POLICIES["gemini-explicit"], first, after(first, 3000), after(first, 3700))
    assert [one.read for one in served] == [0, 9000, 0]


def test_an_entry_may_be_made_only_after_the_response() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(10), at, [10]) for at in (0, 3, 8)]
    assert [one.read for one in forest.serve(POLICIES["qwen-explicit"], *prompts)] == [0, 0, 2000]


@pytest.mark.parametrize(
    ("policy", "model", "ttl", "name"),
    [
        ("anthropic", "claude-opus-5", "", "5m"),
        ("anthropic-1h", "claude-opus-5", "", "1h"),
        ("bedrock", "claude-3-5-sonnet", "1h", "5m"),
        ("bedrock", "claude-sonnet-4-5", "1h", "1h"),
    ],
)
def test_what_is_written_bears_the_name_of_the_time_to_live_it_gets(
    policy: str, model: str, ttl: str, name: str
) -> None:
    forest = Forest()
    assert forest.serve(POLICIES[policy], forest.prompt(blocks(10), 0, {10: ttl}, model=model))[0].writes == {
        name: 2000
    }
