"""Capacity curves of records: recorded traces to the block, and any prompts against an LRU simulated block by block."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import Maker, said
from tests.caching import Case, Forest, blocks, cases, path
from tests.reading import SHARED, needs_shared
from tests.replacing import replace

from agentcost import capacity
from agentcost.cache.prompts import Prompt
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.memory.pools import Pool, accesses, curve_of, pool_of_record, reuse_of, routed
from agentcost.model import Kind

# --- recorded traces -----------------------------------------------------------------------------------------------


@cache
def recorded(*logs: str) -> Pool:
    """The pool of recorded logs."""
    return pool_of_record(load_logs([open_source(str(SHARED / log)) for log in logs], Reading()))


@cache
def mooncake(name: str) -> tuple[Pool, capacity.Reuse]:
    """A Mooncake trace of FAST'25 and what it uses again."""
    pool = recorded(f"hash-block/mooncake/{name}_trace.jsonl")
    return pool, reuse_of(pool)


HITS = {
    10**9: ((105_710, 0.3664, 0.3736, 0.3843), (77_953, 0.6396, 0.6512, 0.4232)),
    100_000: ((104_924, 0.3637, 0.3708, 0.3829), (77_953, 0.6396, 0.6512, 0.4232)),
    50_000: ((102_290, 0.3546, 0.3615, 0.3781), (77_953, 0.6396, 0.6512, 0.4232)),
    30_000: ((93_978, 0.3257, 0.3322, 0.3606), (76_077, 0.6242, 0.6356, 0.4138)),
    10_000: ((61_046, 0.2116, 0.2157, 0.2756), (51_669, 0.4239, 0.4318, 0.2848)),
    5_859: ((39_258, 0.1361, 0.1387, 0.2198), (37_703, 0.3094, 0.3151, 0.2130)),
    3_000: ((18_850, 0.0653, 0.0666, 0.1657), (23_226, 0.1906, 0.1942, 0.1351)),
    1_000: ((12_847, 0.0445, 0.0454, 0.1453), (10_252, 0.0841, 0.0857, 0.0610)),
}
"""By capacity in blocks: hits, and their rate by blocks, by tokens, and as a mean over requests."""

TRACES = ("conversation", "synthetic")
REFERENCES = {"conversation": 288_500, "synthetic": 121_877}


@needs_shared
@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("size", HITS)
def test_hits_of_mooncake_traces(trace: str, size: int) -> None:
    pool, reuse = mooncake(trace)
    hits, by_block, by_token, by_request = HITS[size][TRACES.index(trace)]
    read, tokens = capacity.by_request(reuse, size)
    assert int(read.sum()) == hits
    assert round(hits / REFERENCES[trace], 4) == by_block
    assert round(int(tokens.sum()) / pool.total, 4) == by_token
    lengths = numpy.array([-(-pool.tokens(row) // pool.unit) for row in range(len(pool.prompts))])
    assert round(float((read / lengths).mean()), 4) == by_request
    assert curve_of(pool).at(size) == int(tokens.sum())


@needs_shared
@pytest.mark.parametrize(
    ("trace", "total", "bound", "half"),
    [
        ("conversation", 144_793_823, 54_098_411, (27_038_068, 67_915_607)),
        ("synthetic", 61_194_628, 39_852_661, (31_535_563, 36_552_394)),
    ],
)
def test_tokens_of_mooncake_traces(trace: str, total: int, bound: int, half: tuple[int, int]) -> None:
    pool, reuse = mooncake(trace)
    assert (pool.unit, pool.total, curve_of(pool).bound) == (512, total, bound)
    tokens, middle = capacity.by_request(reuse, 10**9)[1], len(pool.prompts) // 2
    assert int(tokens[middle:].sum()) == half[0]
    assert sum(map(pool.tokens, range(middle, len(pool.prompts)))) == half[1]


LIFETIMES = {
    10: ((12_358, 12_052, 1_924), (13_024, 11_383, 2_366)),
    60: ((29_821, 26_943, 6_378), (39_202, 34_147, 7_877)),
    300: ((83_010, 71_668, 21_441), (71_228, 62_517, 23_017)),
    600: ((99_061, 87_826, 38_265), (77_265, 71_883, 36_426)),
    1_800: ((104_868, 102_561, 97_398), (77_953, 77_953, 43_924)),
    3_600: ((105_710, 105_710, 182_790), (77_953, 77_953, 43_924)),
}
"""By time to live in seconds: blocks read where every use renews it, where it counts from the write, and the most
blocks alive where every use renews it."""


@needs_shared
@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("ttl", LIFETIMES)
def test_times_to_live_of_mooncake_traces(trace: str, ttl: int) -> None:
    pool, reuse = mooncake(trace)
    hits, _, most = LIFETIMES[ttl][TRACES.index(trace)]
    starts = [prompt.start for prompt in pool.prompts]
    ones = replace(reuse, tokens=numpy.ones_like(reuse.tokens))
    assert capacity.lifetimes(ones, starts, 1).at(ttl) == hits
    assert capacity.peak(reuse, starts, ttl) == most


@needs_shared
@pytest.mark.parametrize("trace", TRACES)
def test_times_to_live_from_the_write_of_mooncake_traces(trace: str) -> None:
    pool, _ = mooncake(trace)
    ones = [of_one_token(access) for access in accesses(pool)]
    found = capacity.from_write(ones, [prompt.start for prompt in pool.prompts], list(LIFETIMES), range(len(ones)))
    assert found == [row[TRACES.index(trace)][1] for row in LIFETIMES.values()]


def of_one_token(access: capacity.Access) -> capacity.Access:
    """The same with blocks of one token."""
    return access._replace(runs=[run._replace(tokens=1) for run in access.runs])


@needs_shared
@pytest.mark.parametrize(
    ("trace", "ttl", "rate"),
    [("conversation", 60, 0.105371), ("conversation", 300, 0.293387),
     ("synthetic", 60, 0.327650), ("synthetic", 300, 0.595117)],
)  # fmt: skip
def test_rates_by_time_to_live_of_mooncake_traces(trace: str, ttl: int, rate: float) -> None:
    pool, reuse = mooncake(trace)
    found = capacity.lifetimes(reuse, [prompt.start for prompt in pool.prompts], pool.total)
    assert round(found.at(ttl) / pool.total, 6) == rate


@cache
def coding() -> Pool:
    """The kv-cache-tester traces of real Claude Code use; a cache serves one file, sub-agents included."""
    folder = SHARED / "hash-block" / "kv-cache-tester"
    return recorded(*(str(file.relative_to(SHARED)) for file in sorted(folder.rglob("*.json"))))


@needs_shared
@pytest.mark.parametrize(("one_model", "rate"), [(True, 0.941760), (False, 0.940194)])
def test_ideal_hit_ratio_of_kv_cache_tester(one_model: bool, rate: float) -> None:
    pool = coding()
    assert (len(pool.prompts), pool.unit, pool.total) == (825, 64, 67_248_568)
    if one_model:
        pool = replace(pool, prompts=[replace(prompt, model="") for prompt in pool.prompts])
    assert round(curve_of(pool).bound / pool.total, 6) == rate


# --- any prompts ---------------------------------------------------------------------------------------------------


def pool(case: Case, unit: int, hashed: bool) -> Pool:
    """The prompts of a case; what lies before them differs per scope."""
    scopes = [f"{prompt.scope} {prompt.model}" for prompt in case.prompts]
    hidden = [37 * len(scope) for scope in scopes]
    count = len(case.prompts)
    goes_on = [prompt.answer and prompt.leaf in path(case.shape, prompt.answer) for prompt in case.prompts]
    prompts = [
        prompt if goes else replace(prompt, answer=None) for prompt, goes in zip(case.prompts, goes_on, strict=True)
    ]
    return Pool(prompts, case.shape.branches, unit, [hashed] * count, hidden, [50] * count, [None] * count, scopes)


def named(case: Case, pool: Pool, row: int, prompt: Prompt) -> tuple[list[object], list[object]]:
    """Every block of a prompt by its content, and those held behind it: of the answer, and of what is partial."""
    unit, hashed = pool.unit, pool.hashed[row]
    scope = prompt.scope, prompt.model
    found: list[object] = []
    behind: list[object] = []
    end = prompt.leaf if hashed or prompt.answer is None else prompt.answer
    on_path, before = set(path(case.shape, prompt.leaf)), 0
    for node in path(case.shape, end):
        tokens = prompt.reach[node] + pool.hidden[row]
        upto = -(-tokens // unit) if hashed else tokens // unit
        (found if node in on_path else behind).extend((scope, node, place) for place in range(before, upto))
        before = max(before, upto)
    if not hashed and (prompt.reach[end] + pool.hidden[row]) % unit:
        behind.append((row, "partial"))
    if end == prompt.leaf or not any(isinstance(block, tuple) and len(block) == 3 for block in behind):
        behind += [(row, "answer", place) for place in range(pool.answers[row] // unit)]
    return found, behind


def lru(case: Case, pool: Pool, size: float) -> list[int]:
    """Blocks that each prompt reads from a cache of `size` blocks, the oldest of which go when it is kept."""
    kept: OrderedDict[object, None] = OrderedDict()
    read = []
    for row, prompt in enumerate(pool.prompts):
        found, behind = named(case, pool, row, prompt)
        read.append(next((place for place, block in enumerate(found) if block not in kept), len(found)))
        for block in reversed([*found, *behind]):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > size:
            kept.popitem(last=False)
    return read


@given(cases(consistent=True, at_once=True), st.sampled_from((64, 100, 256)))
@settings(max_examples=60)
def test_every_capacity_equals_an_lru_of_blocks(case: Case, unit: int) -> None:
    found = pool(case, unit, hashed=False)
    reuse = reuse_of(found)
    for size in (0, 1, 4, 9, 20, 60, 200, 10**9):
        assert capacity.by_request(reuse, size)[0].tolist() == lru(case, found, size)


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=1, max_size=9), st.booleans())
@settings(max_examples=60)
def test_every_capacity_equals_an_lru_of_hashed_blocks(letters: list[list[str]], partial: bool) -> None:
    """Blocks of 100 tokens, the last of a prompt shorter or not: it is another block than the full one."""
    forest, prompts = Forest(), []
    for row, names in enumerate(letters):
        content = [block for name in names[:-1] for block in blocks(1, 100, name)]
        content += blocks(1, 40 if partial and row % 2 else 100, names[-1])
        prompts.append(forest.prompt(content, at=row))
    case = Case(forest, forest.shape(), prompts)
    count = len(prompts)
    found = Pool(
        prompts, case.shape.branches, 100, [True] * count, [0] * count, [9] * count, [None] * count, [""] * count
    )
    reuse = reuse_of(found)
    for size in (0, 1, 2, 4, 9, 10**9):
        read, tokens = capacity.by_request(reuse, size)
        # an answer is held nowhere: hashed blocks are prompts alone
        naive = lru(case, replace(found, answers=[0] * count), size)
        assert read.tolist() == naive
        lengths = [[forest.reach[node] for node in path(case.shape, prompt.leaf)][:hit + 1][-1]
                   for prompt, hit in zip(prompts, naive, strict=True)]  # fmt: skip
        assert tokens.tolist() == lengths


@given(cases(consistent=True, at_once=True), st.sampled_from(capacity.ROUTINGS))
@settings(max_examples=40)
def test_one_replica_is_the_single_curve(case: Case, routing: str) -> None:
    found = pool(case, 64, hashed=False)
    rows = routed(found, routing, 1)
    assert rows == [list(range(len(found.prompts)))]
    one, single = curve_of(found, rows), curve_of(found)
    assert (one.edges.tolist(), one.hits.tolist(), one.total) == (
        single.edges.tolist(),
        single.hits.tolist(),
        single.total,
    )


@given(cases(consistent=True, at_once=True), st.sampled_from(capacity.ROUTINGS), st.integers(2, 4))
@settings(max_examples=40)
def test_replicas_serve_every_request_once(case: Case, routing: str, replicas: int) -> None:
    found = pool(case, 64, hashed=False)
    rows = routed(found, routing, replicas)
    assert sorted(row for part in rows for row in part) == list(range(len(found.prompts)))
    assert curve_of(found, rows).bound <= curve_of(found).bound


def conversations(sessions: int, turns: int) -> list[list[str]]:
    return [[f"s{session} t{turn}" for turn in range(upto + 1)] for upto in range(turns) for session in range(sessions)]


@pytest.mark.parametrize(("routing", "share"), [("round-robin", 0.5), ("session", 1.0), ("prefix", 1.0)])
def test_what_routing_costs(routing: str, share: float) -> None:
    """Three sessions of six turns on two replicas: turn by turn they alternate, so every other step is new there."""
    forest = Forest()
    prompts = [
        forest.prompt([block for name in names for block in blocks(1, 100, name)], at=row)
        for row, names in enumerate(conversations(3, 6))
    ]
    count = len(prompts)
    found = Pool(
        prompts, forest.shape().branches, 100, [True] * count, [0] * count, [0] * count, [None] * count,
        [f"session {row % 3}" for row in range(count)],
    )  # fmt: skip
    single, parted = curve_of(found), curve_of(found, routed(found, routing, 2))
    assert single.bound == 3 * 100 * sum(range(6))
    # round-robin: turn n of a session finds only what turn n - 2 left, two steps less than it has
    expected = {0.5: 3 * 100 * sum(max(0, turn - 1) for turn in range(6)), 1.0: single.bound}[share]
    assert parted.bound == expected


# --- records -------------------------------------------------------------------------------------------------------


def test_a_pool_of_text_keeps_answers_and_full_blocks() -> None:
    maker = Maker()
    first, answer = [said("one " * 300)], [said("two " * 300, Kind.ASSISTANT)]
    sent = maker.send(first, answer=answer, started=1.0, ended=5.0, session="a")
    maker.send([*first, *answer, said("three " * 90)], started=9.0, ended=10.0, session="a")
    found = pool_of_record(maker.made())
    assert (found.unit, found.hashed, found.ends) == (16, [False, False], [5.0, 10.0])
    one, two = accesses(found)
    assert sent.answer is not None
    kept = (found.prompts[1].reach[sent.answer] + found.hidden[1]) // 16
    assert [run.last for run in two.runs] == [0] * (len(two.runs) - 1) + [capacity.NEW]
    assert sum(run.units for run in two.runs if run.last == 0) == kept
    assert sum(run.units for run in (*one.runs, *one.behind)) == kept
    assert one.own == 1


def test_an_answer_beside_the_prompt_is_no_prefix_of_what_follows() -> None:
    """A rendered path may leave out what the answer began with: its tokens are held, and read by nobody."""
    forest = Forest()
    prompt = forest.prompt(blocks(2, 100), at=0)
    beside = forest.path(blocks(1, 100, "other"))[-1]
    found = Pool([replace(prompt, answer=beside)], forest.shape().branches, 64, [False], [0], [200], [None], [""])
    assert list(accesses(found)) == [capacity.Access([capacity.Run(capacity.NEW, 3, 64)], [], 1 + 3, 0, None)]
