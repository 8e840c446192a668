"""The simulation of exact endpoints, of token blocks and of caches that may fail, against cases worked out by hand."""

from __future__ import annotations

import pytest
from tests.caching import Block, Forest, after, blocks, tokens
from tests.replacing import replace

from agentcost.cache.branches import branches_of
from agentcost.cache.catalogue import load_policies
from agentcost.cache.policy import Policy
from agentcost.cache.prompts import Prompt, Served, Shape
from agentcost.cache.simulate import simulate
from agentcost.cache.switches import apply

POLICIES = load_policies()
GPT = "gpt-6.1-sol"


def served_again(policy: Policy, matched: int, total: int) -> Served:
    """What is served to a prompt that has `matched` of its `total` tokens in common with the one before."""
    forest = Forest()
    common = [Block("common", matched)]
    first = forest.prompt(common, 0, plain=1, model="gpt-4o")
    second = forest.prompt(common, 60, plain=total - matched, model="gpt-4o")
    return forest.serve(policy, first, second)[1]


# ---------------------------------------------------------------- token blocks

HIDDEN = {"openai.gen1_grid": "2048", "openai.gen1_hidden": "100"}


@pytest.mark.parametrize(
    ("policy", "switches", "matched", "total", "read"),
    [
        ("openai", {}, 1023, 2000, 0),
        ("openai", {}, 1024, 2000, 1024),
        ("openai", {}, 1151, 2000, 1024),
        ("openai", {}, 1152, 2000, 1152),
        ("openai", {}, 1400, 2000, 1280),
        ("openai", {}, 2000, 9000, 1920),
        ("openai", {}, 5000, 9000, 4992),
        ("openai", HIDDEN, 1900, 20_000, 0),
        ("openai", HIDDEN, 1948, 20_000, 1920),
        ("openai", HIDDEN, 5000, 20_000, 3968),
        ("openai", HIDDEN, 10_000, 20_000, 8064),
        ("azure", {}, 3000, 9000, 2944),
        ("azure", {}, 1000, 9000, 0),
        ("vllm", {}, 1600, 1600, 1584),
        ("vllm", {}, 1601, 1601, 1600),
        ("vllm", {}, 1590, 1650, 1584),
        ("sglang", {}, 1600, 1600, 1599),
        ("sglang", {"sglang.page": "64"}, 1600, 1600, 1536),
        ("sglang", {"sglang.page": "64"}, 1600, 1650, 1600),
        ("lmdeploy", {}, 1600, 1600, 1536),
        ("lmdeploy", {}, 1601, 1601, 1600),
        ("lmcache", {}, 1600, 1600, 1536),
        ("lmcache", {}, 1600, 1900, 1536),
        ("tensorrt-llm", {}, 1610, 1650, 1610),
        ("tensorrt-llm", {}, 1600, 1600, 1599),
        ("xai", {}, 1000, 2000, 896),
    ],
)
def test_common_tokens_are_served_on_the_grid(
    policy: str, switches: dict[str, str], matched: int, total: int, read: int
) -> None:
    served = served_again(apply(POLICIES[policy], switches), matched, total)
    assert tokens(served) == (read, 0, total - read)
    assert served.hit == (1 if read else None)


@pytest.mark.parametrize(
    ("second", "third", "reads"),
    [
        ("C", "D", [0, 0, 960]),
        ("B", "D", [0, 1472, 0]),
    ],
    ids=["common by then", "never seen to be common"],
)
def test_deepseek_reads_whole_units_and_finds_out_what_is_common(second: str, third: str, reads: list[int]) -> None:
    forest, lengths = Forest(), {"B": 500, "C": 600, "D": 400}
    contents = [[Block("A", 1000), Block(name, lengths[name])] for name in ("B", second, third)]
    served = forest.serve(
        POLICIES["deepseek"], *(forest.prompt(content, 60 * turn) for turn, content in enumerate(contents))
    )
    assert [one.read for one in served] == reads
    assert [one.read + one.plain for one in served] == [1000 + lengths[name] for name in ("B", second, third)]


def test_deepseek_goes_on_from_an_answer() -> None:
    forest = Forest()
    answer = Block("answer", 640, eligible=False)
    served = forest.serve(
        POLICIES["deepseek"],
        forest.prompt(blocks(1, 1280), 0, answer=answer),
        forest.prompt([*blocks(1, 1280), answer, Block("user", 100)], 60),
        forest.prompt([*blocks(1, 1280), Block("another answer", 640), Block("user", 100)], 120),
    )
    assert [one.read for one in served] == [0, 1920, 1280]


def test_a_deepseek_unit_that_expired_does_not_come_back_by_passing_over_it() -> None:
    forest, day = Forest(), 86_400.0
    served = forest.serve(
        POLICIES["deepseek"],
        forest.prompt(blocks(1, 1280), 0),
        forest.prompt([*blocks(1, 1280), Block("B", 640)], day),
        forest.prompt([*blocks(1, 1280), Block("C", 640)], day + 60),
    )
    assert [one.read for one in served] == [0, 0, 0]


def test_a_deepseek_unit_can_be_read_once_it_is_built() -> None:
    forest, content = Forest(), [Block("A", 1000), Block("B", 500)]
    prompts = [forest.prompt(content, at, wait=wait) for at, wait in ((0, 2), (1, 30), (5, 2))]
    assert [one.read for one in forest.serve(POLICIES["deepseek"], *prompts)] == [0, 0, 1472]
    shorter = [forest.prompt(content[:1], 60, wait=10), forest.prompt([content[0], Block("D", 400)], 61)]
    assert forest.serve(POLICIES["deepseek"], prompts[0], *shorter)[2].read == 0


def test_gemini_is_expected_to_read_a_share() -> None:
    served = served_again(POLICIES["gemini-implicit"], 18_000, 20_000)
    assert tokens(served) == (12_600, 0, 7400)
    always = apply(POLICIES["gemini-implicit"], {"gemini.implicit_hit_probability": "1"})
    assert tokens(served_again(always, 18_000, 20_000)) == (18_000, 0, 2000)
    assert served_again(POLICIES["gemini-implicit"], 2000, 20_000).read == 0


@pytest.mark.parametrize(("answers", "read"), [("vllm", 1904), ("lmcache", 1536)])
def test_an_answers_blocks_may_be_kept(answers: str, read: int) -> None:
    forest, answer = Forest(), Block("answer", 304)
    served = forest.serve(
        POLICIES[answers],
        forest.prompt(blocks(1, 1600), 0, answer=answer),
        forest.prompt([*blocks(1, 1600), answer, Block("user", 100)], 60),
    )
    assert served[1].read == read


def test_an_end_that_lies_before_the_start_is_taken_for_the_start() -> None:
    forest = Forest()
    first = replace(forest.prompt(blocks(1, 1601), 10), end=0.0)
    late = replace(POLICIES["vllm"], visible="end")
    assert [one.read for one in forest.serve(late, first, after(first, 60))] == [0, 1600]


def test_an_answer_is_there_when_it_ends() -> None:
    forest, answer = Forest(), Block("answer", 304)
    longer = [*blocks(1, 1600), answer, Block("user", 100)]
    prompts = [forest.prompt(blocks(1, 1600), 0, answer=answer), forest.prompt(longer, 3), forest.prompt(longer, 4)]
    assert [one.read for one in forest.serve(POLICIES["vllm"], *prompts)] == [0, 1600, 1904]


def test_a_block_is_renewed_when_the_request_that_reads_it_starts() -> None:
    """The second request's first token takes 400 s; what it read at 250 s is still there at 500 s."""
    forest = Forest()
    prompts = [forest.prompt(blocks(1, 2048), at, wait=wait) for at, wait in ((0, 2), (250, 400), (500, 2))]
    assert [one.read for one in forest.serve(POLICIES["azure"], *prompts)] == [0, 2048, 2048]


def test_a_block_is_gone_when_idle_and_there_from_the_first_token_on() -> None:
    forest = Forest()
    prompts = [forest.prompt(blocks(1, 2048), at) for at in (0, 1, 2, 301, 602)]
    assert [one.read for one in forest.serve(POLICIES["azure"], *prompts)] == [0, 0, 2048, 2048, 0]


def test_the_time_to_live_that_a_request_asks_for() -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 2048), 0, model="gpt-5.4")
    for ttl, read in (("24h", 2048), ("in_memory", 0)):
        asked = replace(first, settings={"cache_ttl": ttl})
        assert forest.serve(POLICIES["openai"], asked, after(asked, 600))[1].read == read


def test_what_texts_begin_with_is_served_too_and_no_more_than_the_share() -> None:
    forest = Forest()
    nodes = [forest.path([Block(name, 4000)])[-1] for name in ("one", "two", "three")]
    forest.shared = {(nodes[1], nodes[0]): 0.5, (nodes[2], nodes[0]): 0.25, (nodes[2], nodes[1]): 0.75}
    prompts = [forest.prompt([Block(name, 4000)], 60 * turn) for turn, name in enumerate(("one", "two", "three"))]
    served = forest.serve(POLICIES["vllm"], *prompts)
    assert [(one.read, one.hit) for one in served] == [(0, None), (2000, 0), (2992, 0)]
    assert [one.read for one in forest.serve(POLICIES["vllm"], prompts[0], prompts[2])] == [0, 992]


def test_what_texts_begin_with_is_gone_with_the_text() -> None:
    forest = Forest()
    one, two = (forest.path([Block(name, 4096)])[-1] for name in ("one", "two"))
    forest.shared = {(two, one): 0.5}
    for at, read in ((299, 2048), (301, 0)):
        prompts = [forest.prompt([Block("one", 4096)], 0), forest.prompt([Block("two", 4096)], at)]
        assert forest.serve(POLICIES["azure"], *prompts)[1].read == read


def test_what_texts_begin_with_counts_behind_a_common_prefix() -> None:
    forest = Forest()
    one, two = ([Block("common", 1600), Block(name, 800)] for name in ("one", "two"))
    forest.shared = {(forest.path(two)[-1], forest.path(one)[-1]): 0.5}
    served = forest.serve(POLICIES["vllm"], forest.prompt(one, 0), forest.prompt(two, 60))
    assert (served[1].read, served[1].hit) == (2000, 1)


def test_a_hidden_prefix_is_shared_where_a_breakpoint_stands_behind_it() -> None:
    forest = Forest()
    for marks, read in (([0], 8000), ((), 0)):
        prompts = [forest.prompt([Block(name, 700)], at, marks, offset=8000) for name, at in (("a", 0), ("b", 60))]
        served = forest.serve(POLICIES["vllm"], *prompts)
        assert (served[1].read, served[1].hit) == (read, 0 if read else None)


def test_a_hidden_prefix_is_renewed_when_it_is_read_and_there_from_the_first_token_on() -> None:
    forest = Forest()
    prompts = [
        forest.prompt([Block(name, 700)], at, [0], offset=8192, wait=wait)
        for name, at, wait in (("a", 0, 2), ("b", 1, 2), ("c", 250, 400), ("d", 500, 2), ("e", 900, 2))
    ]
    assert [one.read for one in forest.serve(POLICIES["azure"], *prompts)] == [0, 0, 8192, 8192, 0]


def test_writes_of_blocks_are_billed_where_they_are_a_class() -> None:
    forest = Forest()
    first = forest.prompt(blocks(4, 256), 0, model="kimi-k3")
    served = forest.serve(POLICIES["kimi"], first, forest.prompt(blocks(6, 256), 60, model="kimi-k3"))
    assert [(one.read, one.writes, one.plain) for one in served] == [(0, {"5m": 1024}, 0), (1024, {"5m": 512}, 0)]
    older = [replace(first, model="kimi-k2.7"), after(replace(first, model="kimi-k2.7"), 60)]
    assert [tokens(one) for one in forest.serve(POLICIES["kimi"], *older)] == [(0, 0, 1024), (1024, 0, 0)]


def test_what_is_too_short_is_said_to_be() -> None:
    forest = Forest()
    assert forest.serve(POLICIES["openai"], forest.prompt(blocks(1, 1000)))[0].blocked == "below_minimum"
    assert forest.serve(POLICIES["openai"], forest.prompt(blocks(1, 1024)))[0].blocked == ""


def test_an_empty_prompt_is_served_by_every_policy() -> None:
    empty = Prompt("", "any", 0, 0, 0.0, 0.0, 0.0, [0])
    shape = Shape([0], [0], [0], [False], [0], [0], branches_of([0]))
    for policy in POLICIES.values():
        assert [tokens(one) for one in simulate(policy, shape, [empty, empty])] == [(0, 0, 0)] * 2


# ---------------------------------------------------------------- exact endpoints: OpenAI 5.6 and later

LATEST = POLICIES["openai-5.6"]
ANSWER = Block("answer", 500, eligible=False)


def test_a_conversation_goes_on_from_its_last_endpoint() -> None:
    forest = Forest()
    served = forest.serve(
        LATEST,
        forest.prompt(blocks(1, 12_000), 0, model=GPT),
        forest.prompt([*blocks(1, 12_000), ANSWER, Block("user", 2500)], 60, model=GPT),
    )
    assert [(one.read, one.writes, one.plain) for one in served] == [
        (0, {"30m": 12_000}, 0), (12_000, {"30m": 3000}, 0),
    ]  # fmt: skip


def test_a_last_message_that_grows_loses_its_endpoint() -> None:
    forest = Forest()
    start = Block("message", 12_000, whole=False, eligible=False)
    served = forest.serve(
        LATEST,
        forest.prompt([replace(start, whole=True, eligible=True)], 0),
        forest.prompt([start, Block("more", 200)], 60),
    )
    assert tokens(served[1]) == (0, 12_200, 0)


@pytest.mark.parametrize(
    ("length", "mode", "marks", "expected", "blocked"),
    [
        (12_000, "explicit", [], (0, 0, 12_000), "no_breakpoint"),
        (12_000, "explicit", [1], (0, 12_000, 0), ""),
        (1000, "implicit", [], (0, 0, 1000), "below_minimum"),
        (1024, "implicit", [], (0, 1024, 0), ""),
    ],
)
def test_what_keeps_an_endpoint_from_being_made(
    length: int, mode: str, marks: list[int], expected: tuple[int, int, int], blocked: str
) -> None:
    forest = Forest()
    served = forest.serve(LATEST, forest.prompt(blocks(1, length), 0, marks, settings={"cache_mode": mode}))[0]
    assert (tokens(served), served.blocked) == (expected, blocked)


@pytest.mark.parametrize(("marks", "read"), [([], 0), ([1], 9000)], ids=["unmarked", "marked"])
def test_a_prefix_before_a_tail_of_its_own_needs_a_marker(marks: list[int], read: int) -> None:
    forest = Forest()
    common = Block("schema", 9000, eligible=False)
    served = forest.serve(LATEST, *(forest.prompt([common, Block(f"tail {at}", 200)], at, marks) for at in (0, 60)))
    assert tokens(served[1]) == (read, 9200 - read, 0)


def test_a_marker_inside_what_was_read_makes_an_entry() -> None:
    forest = Forest()
    common = Block("schema", 9000, eligible=False)
    one = [common, Block("one", 200)]
    served = forest.serve(
        LATEST, forest.prompt(one, 0), forest.prompt(one, 60, [1]), forest.prompt([common, Block("two", 200)], 120)
    )
    assert [tokens(result) for result in served[1:]] == [(9200, 0, 0), (0, 9200, 0)]
    marked = forest.prompt([common, Block("three", 200)], 180, [1])
    assert forest.serve(LATEST, forest.prompt(one, 0), forest.prompt(one, 60, [1]), marked)[2].read == 9000


def test_a_marker_before_what_is_read_is_not_renewed() -> None:
    forest = Forest()
    common = Block("schema", 9000, eligible=False)
    prompts = [forest.prompt([common, Block("one", 200)], at, [1]) for at in (0, 1000)]
    served = forest.serve(LATEST, *prompts, forest.prompt([common, Block("two", 200)], 2000, [1]))
    assert [one.read for one in served] == [0, 9200, 0]


def test_a_marker_below_the_minimum_makes_no_entry() -> None:
    forest = Forest()
    common = Block("short", 500, eligible=False)
    prompts = [forest.prompt([common, Block(name, 2000)], at, [1]) for name, at in (("one", 0), ("two", 60))]
    assert [one.read for one in forest.serve(LATEST, *prompts)] == [0, 0]


@pytest.mark.parametrize(("turns", "candidates", "read"), [(20, "guide", 2000), (21, "guide", 0), (21, "sdk80", 2000)])
def test_twenty_earlier_endings_are_tested(turns: int, candidates: str, read: int) -> None:
    forest = Forest()
    policy = apply(LATEST, {"openai.gen2_candidates": candidates})
    served = forest.serve(policy, forest.prompt(blocks(1, 2000), 0), forest.prompt(blocks(1 + turns, 2000), 60))
    assert served[1].read == read


def test_the_end_of_the_opening_messages_is_tested() -> None:
    forest = Forest()
    opening = Block("developer", 3000, "system")
    served = forest.serve(LATEST, forest.prompt([opening], 0), forest.prompt([opening, *blocks(30, 2000)], 60))
    assert tokens(served[1]) == (3000, 60_000, 0)


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize(
    ("mode", "marks", "again", "read"),
    [
        ("implicit", [1, 2, 3, 4], 1, 0),
        ("implicit", [1, 2, 3, 4], 2, 4000),
        ("explicit", [1, 2, 3, 4], 1, 2000),
        ("explicit", [1, 2, 3, 4, 5], 1, 0),
    ],
)
def test_only_the_latest_markers_make_entries(
    mode: str, marks: list[int], again: int, read: int, endpoint: bool
) -> None:
    forest = Forest()
    plain = [replace(block, eligible=False) for block in blocks(5, 2000)]
    served = forest.serve(
        LATEST,
        forest.prompt([*plain, Block("user", 100, eligible=endpoint)], 0, marks, settings={"cache_mode": mode}),
        forest.prompt(plain[:again], 60, [again], settings={"cache_mode": "explicit"}),
    )
    assert served[1].read == read


def test_two_times_to_live_split_what_an_endpoint_writes() -> None:
    forest = Forest()
    served = forest.serve(LATEST, forest.prompt(blocks(2, 2000), 0, {1: "12h"}))[0]
    assert served.writes == {"12h": 2000, "30m": 2000}
    asked = forest.serve(LATEST, forest.prompt(blocks(2, 2000), 0, settings={"cache_ttl": "12h"}))[0]
    assert asked.writes == {"12h": 4000}
    marked = forest.serve(LATEST, forest.prompt(blocks(2, 2000), 0, [1], settings={"cache_ttl": "12h"}))[0]
    assert marked.writes == {"12h": 4000}
    explicit = {"cache_ttl": "12h", "cache_mode": "explicit"}
    assert forest.serve(LATEST, forest.prompt(blocks(2, 2000), 0, [1], settings=explicit))[0].writes == {"12h": 2000}


def test_an_endpoint_is_renewed_by_reuse_and_then_gone() -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 2000), 0)
    served = forest.serve(LATEST, *(after(first, at) for at in (0, 1799, 3500, 5301)))
    assert [one.read for one in served] == [0, 2000, 2000, 0]


@pytest.mark.parametrize("setting", ["prompt_cache_key", "service_tier", "text_format", "reasoning_effort"])
@pytest.mark.parametrize("policy", ["openai", "openai-5.6"])
def test_a_setting_that_is_part_of_the_key_loses_everything(policy: str, setting: str) -> None:
    forest = Forest()
    first = forest.prompt(blocks(1, 4096), 0)
    changed = replace(after(first, 60), settings={setting: "other"})
    assert [one.read for one in forest.serve(POLICIES[policy], first, changed, after(first, 90))] == [0, 0, 4096]


# ---------------------------------------------------------------- an end some time after the first write


def kept_alive(policy: str, gap: float, count: int, model: str) -> list[int]:
    """Tokens read by equal prompts that follow each other at a distance."""
    forest = Forest()
    content = [Block("common", 4096)]
    prompts = [forest.prompt(content, number * gap, plain=1, model=model) for number in range(count)]
    return [served.read for served in forest.serve(POLICIES[policy], *prompts)]


@pytest.mark.parametrize(("policy", "model"), [("azure", "gpt-4o"), ("openai", "gpt-4o"), ("cerebras", "llama-4")])
def test_reads_prolong_a_prefix_an_hour_at_most(policy: str, model: str) -> None:
    reads = kept_alive(policy, 240, 32, model)
    lost = [number for number, read in enumerate(reads) if not read]
    assert lost == [0, 15, 30]  # 3,600 s after each first write


def test_a_prefix_that_idled_out_begins_its_hour_anew() -> None:
    forest = Forest()
    content = [Block("common", 4096)]
    times = [0, *range(2000, 2000 + 15 * 240, 240)]
    prompts = [forest.prompt(content, at, plain=1, model="gpt-4o") for at in times]
    assert [served.read > 0 for served in forest.serve(POLICIES["azure"], *prompts)] == [False, False, *[True] * 14]


def test_only_the_prefix_that_is_old_ends() -> None:
    forest = Forest()
    old, new = [Block("old", 4096)], [Block("new", 4096)]
    prompts = [forest.prompt(old, at, plain=1, model="gpt-4o") for at in range(0, 3600, 240)]
    prompts += [forest.prompt(new, at, plain=1, model="gpt-4o") for at in (3500, 3600, 3700)]
    prompts += [forest.prompt(old, 3701, plain=1, model="gpt-4o")]
    reads = [served.read > 0 for served in forest.serve(POLICIES["azure"], *prompts)]
    assert reads[15:] == [False, True, True, False]


def test_without_such_an_end_reads_prolong_it_for_ever() -> None:
    assert all(kept_alive("groq", 240, 32, "llama-4")[1:])
