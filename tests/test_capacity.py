"""Capacity curves: the published example, any log against an LRU that is simulated block by block, and their laws."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcost import capacity
from agentcost.capacity import NEW, Access, Curve, Run

EXAMPLE = (("ABC", 13), ("ABD", 12), ("ABC", 13), ("AE", 8), ("AE", 8))
"""Published with LiteHit (Alibaba Tair KVCache): blocks of 4 tokens, a letter a block; the 13th token is not kept."""


@dataclass
class Naive:
    """Last uses of every block, by hand: what `accesses` of a record gives, without its shortcuts."""

    seen: dict[str, int] = field(default_factory=dict)
    row: int = 0

    def access(self, path: str, tokens: int = 4, **more: float) -> Access:
        """A path of one-letter blocks, each known by all letters up to it."""
        runs: list[Run] = []
        for length in range(1, len(path) + 1):
            last = self.seen.get(path[:length], NEW)
            if runs and runs[-1].last == last:
                runs[-1] = runs[-1]._replace(units=runs[-1].units + 1)
            else:
                runs.append(Run(last, 1, tokens))
        for length in range(1, len(path) + 1):
            self.seen[path[:length]] = self.row
        self.row += 1
        return Access(runs, **more)  # type: ignore[arg-type]


def accesses(paths: Sequence[str]) -> list[Access]:
    naive = Naive()
    return [naive.access(path) for path in paths]


def curve(paths: Sequence[str], total: int = 1) -> Curve:
    return capacity.curve([capacity.reuse(accesses(paths), len(paths))], total, 4)


def lru(paths: Sequence[str], size: float) -> list[int]:
    """Blocks that each path reads from a cache of `size` blocks: evicted after the path is kept, oldest first."""
    kept: OrderedDict[str, None] = OrderedDict()
    found = []
    for path in paths:
        blocks = [path[:length] for length in range(1, len(path) + 1)]
        found.append(next((place for place, block in enumerate(blocks) if block not in kept), len(blocks)))
        for block in reversed(blocks):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > size:
            kept.popitem(last=False)
    return found


def test_the_published_example() -> None:
    paths = [path for path, _ in EXAMPLE]
    reuse = capacity.reuse(accesses(paths), len(paths))
    runs = zip(reuse.rows.tolist(), (reuse.depths + 1).tolist(), reuse.units.tolist(), strict=True)
    assert list(runs) == [(1, 1, 2), (2, 1, 2), (2, 4, 1), (3, 1, 1), (4, 1, 2)]
    expected = {0: [0, 0, 0, 0, 0], 1: [0, 1, 1, 1, 1], 2: [0, 2, 2, 1, 2], 3: [0, 2, 2, 1, 2], 4: [0, 2, 3, 1, 2]}
    for size, hits in expected.items():
        assert capacity.by_request(reuse, size)[0].tolist() == hits


@pytest.mark.parametrize(("blocks", "tokens", "rate"), [(1, 16, 29.63), (2, 28, 51.85), (3, 28, 51.85), (4, 32, 59.26)])
def test_rates_of_the_published_example(blocks: int, tokens: int, rate: float) -> None:
    found = curve([path for path, _ in EXAMPLE], sum(total for _, total in EXAMPLE))
    assert found.at(blocks) == tokens
    assert round(100 * (found.rate(blocks) or 0), 2) == rate
    assert (found.bound, found.full) == (32, 4)


PATHS = st.lists(st.text("ABC", min_size=1, max_size=7), max_size=14)


@given(PATHS)
def test_every_capacity_equals_an_lru_of_that_size(paths: list[str]) -> None:
    reuse = capacity.reuse(accesses(paths), len(paths))
    found = capacity.curve([reuse], 1, 4)
    for size in (0, 1, 2, 4, 9, 10**9):
        hits = lru(paths, size)
        assert capacity.by_request(reuse, size)[0].tolist() == hits
        assert found.at(size) == 4 * sum(hits)


@given(PATHS)
def test_more_memory_never_reads_less_and_in_the_end_all_that_was_seen(paths: list[str]) -> None:
    found = curve(paths)
    read = [found.at(size) for size in range(60)]
    assert read == sorted(read)
    distinct = {path[:length] for path in paths for length in range(1, len(path) + 1)}
    assert found.bound == found.at(10**9) == 4 * (sum(map(len, paths)) - len(distinct))
    assert found.at(found.full) == found.bound
    assert not found.full or found.at(found.full - 1) < found.bound


@given(PATHS, st.integers(0, 200))
def test_needed_is_the_smallest_capacity_that_reads_so_much(paths: list[str], tokens: int) -> None:
    found = curve(paths)
    needed = found.needed(tokens)
    if needed is None:
        assert tokens > found.bound
    else:
        assert found.at(needed) >= tokens
        assert not needed or found.at(needed - 1) < tokens


@given(PATHS)
def test_knees_are_on_the_curve_and_in_order(paths: list[str]) -> None:
    found = curve(paths)
    knees = capacity.knees(found)
    assert bool(knees) == bool(found.bound)
    assert [knee.units for knee in knees] == sorted(knee.units for knee in knees)
    assert all(knee.hits == found.at(knee.units) for knee in knees)
    shares = dict(capacity.KNEES)
    assert all(knee.hits >= shares.get(knee.name, 0) * found.bound for knee in knees)


@given(PATHS, st.integers(2, 12))
def test_a_spread_shows_the_curve_from_end_to_end(paths: list[str], most: int) -> None:
    found = curve(paths)
    shown = capacity.spread(found, most)
    assert shown == sorted(set(shown))
    assert shown[0] == 0
    assert found.at(shown[-1]) == found.bound
    assert len(shown) <= most + 3


# --- times to live -------------------------------------------------------------------------------------------------


def alive(paths: Sequence[str], starts: Sequence[float], ttl: float) -> tuple[int, int]:
    """(blocks read, most blocks alive) of a cache that keeps what was used at most `ttl` before."""
    last: dict[str, float] = {}
    read = most = 0
    for path, now in zip(paths, starts, strict=True):
        blocks = [path[:length] for length in range(1, len(path) + 1)]
        read += next((n for n, block in enumerate(blocks) if not now - last.get(block, -1e9) <= ttl), len(blocks))
        last.update(dict.fromkeys(blocks, now))
        most = max(most, sum(now - use <= ttl for use in last.values()))
    return read, most


@given(PATHS, st.data())
def test_every_time_to_live_equals_a_cache_with_it(paths: list[str], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.sampled_from((0, 1, 5, 60)), min_size=len(paths), max_size=len(paths)))
    starts = [1.7e9 + sum(gaps[: row + 1]) for row in range(len(paths))]
    reuse = capacity.reuse(accesses(paths), len(paths))
    found = capacity.lifetimes(reuse, starts, 1)
    for ttl in (0, 1, 6, 61, 10_000):
        read, most = alive(paths, starts, ttl)
        assert found.at(ttl) == 4 * read
        assert capacity.peak(reuse, starts, ttl) == most


def kept_from_write(paths: Sequence[str], starts: Sequence[float], ttl: float) -> int:
    """Blocks read of a cache that keeps what was written at most `ttl` before, however often it was used since."""
    written: dict[str, float] = {}
    read = 0
    for path, now in zip(paths, starts, strict=True):
        blocks = [path[:length] for length in range(1, len(path) + 1)]
        alive = [now - written.get(block, -1e9) <= ttl for block in blocks]
        read += next((place for place, lives in enumerate(alive) if not lives), len(blocks))
        written.update({block: now for block, lives in zip(blocks, alive, strict=True) if not lives})
    return read


@given(PATHS, st.data())
def test_every_time_to_live_from_the_write_equals_a_cache_with_it(paths: list[str], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.sampled_from((0, 1, 5, 60)), min_size=len(paths), max_size=len(paths)))
    starts = [1.7e9 + sum(gaps[: row + 1]) for row in range(len(paths))]
    ttls = (0, 1, 6, 61, 10_000)
    found = capacity.from_write(accesses(paths), starts, ttls, range(len(paths)))
    assert found == [4 * kept_from_write(paths, starts, ttl) for ttl in ttls]
    renewed = capacity.lifetimes(capacity.reuse(accesses(paths), len(paths)), starts, 1)
    assert all(tokens <= renewed.at(ttl) for tokens, ttl in zip(found, ttls, strict=True))


def test_a_live_block_behind_a_forgotten_one_is_not_read() -> None:
    """AB is written at 0 and ABC at 6; at 12 A and B are gone and written anew, C is alive and waits for them; at 14
    all is read, but at 18 C is gone."""
    paths, starts = ["AB", "ABC", "ABC", "ABC", "ABC"], [0.0, 6.0, 12.0, 14.0, 18.0]
    found = [capacity.from_write(accesses(paths), starts, [10], [row]) for row in range(len(paths))]
    assert found == [[0], [8], [0], [12], [8]]


@given(PATHS, st.data())
def test_the_shown_times_to_live_are_the_steps_of_the_curve(paths: list[str], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(0, 10**6), min_size=len(paths), max_size=len(paths)))
    starts = [sum(gaps[: row + 1]) / 1e3 for row in range(len(paths))]
    found = capacity.lifetimes(capacity.reuse(accesses(paths), len(paths)), starts, 1)
    shown = found.spread(3)
    hits = [found.at(ttl) for ttl in shown]
    assert len(shown) <= 3
    assert hits == sorted(set(hits))
    assert not found.bound or (hits[-1], shown[0]) == (found.bound, found.needed(1))
    for tokens in range(1, found.bound, 5):
        ttl = found.needed(tokens)
        assert found.at(ttl) >= tokens > found.at(ttl - 1e-6)


# --- running requests ----------------------------------------------------------------------------------------------


def test_what_runs_leaves_less_room() -> None:
    """While ABCD runs (0 to 9 s) its blocks CD, below A and B in the stack, take room; once it is over they do not."""
    naive = Naive()
    one = [
        naive.access("ABCD", start=0, end=9), naive.access("AE", start=1), naive.access("AE", start=2),
        naive.access("AE", start=9),
    ]  # fmt: skip
    reuse = capacity.reuse(one, 4)
    assert list(zip(reuse.rows.tolist(), reuse.depths.tolist(), reuse.units.tolist(), strict=True)) == [
        (1, 0, 1), (2, 3, 2), (3, 0, 2),
    ]  # fmt: skip
    assert capacity.curve([reuse], 1, 4).at(4) == 4 * (1 + 1 + 2)


@given(PATHS)
def test_requests_that_are_over_at_once_pin_nothing(paths: list[str]) -> None:
    naive = Naive()
    timed = [naive.access(path, start=row, end=row) for row, path in enumerate(paths)]
    one, other = (capacity.reuse(found, len(paths)) for found in (timed, accesses(paths)))
    assert one.depths.tolist() == other.depths.tolist()


@given(PATHS, st.lists(st.integers(0, 9), min_size=14, max_size=14))
def test_pinning_never_helps(paths: list[str], lengths: list[int]) -> None:
    naive = Naive()
    timed = [naive.access(path, start=row, end=row + lengths[row]) for row, path in enumerate(paths)]
    pinned, free = (
        capacity.curve([capacity.reuse(found, len(paths))], 1, 4) for found in (timed, accesses(paths))
    )  # fmt: skip
    assert pinned.bound == free.bound
    assert all(pinned.at(size) <= free.at(size) for size in range(50))


# --- answers -------------------------------------------------------------------------------------------------------


def test_an_answer_is_kept_but_not_read_by_its_own_request() -> None:
    first = Access([Run(NEW, 2, 4)], behind=[Run(NEW, 1, 4)], own=1)
    second = Access([Run(0, 3, 4), Run(NEW, 1, 4)])
    reuse = capacity.reuse([first, second], 2)
    assert (reuse.units.tolist(), reuse.left.tolist()) == ([3], [1, 4])
    assert capacity.curve([reuse], 1, 4).at(3) == 12


# --- replicas ------------------------------------------------------------------------------------------------------


@given(PATHS, st.integers(1, 4))
@settings(max_examples=50)
def test_replicas_share_the_memory_equally(paths: list[str], replicas: int) -> None:
    parts = [paths[own::replicas] for own in range(replicas)]
    found = capacity.curve([capacity.reuse(accesses(part), len(part)) for part in parts], 1, 4)
    for size in (0, 1, 3, 8, 20, 10**9):
        assert found.at(size) == 4 * sum(sum(lru(part, size // replicas)) for part in parts)
        needed = found.needed(found.at(size))
        assert needed is not None
        assert needed <= size or not found.at(size)


@pytest.mark.parametrize(
    ("matches", "work", "expected"),
    [
        ((0, 90), (0, 500), 1),  # most of the prompt was seen there
        ((0, 30), (0, 500), 0),  # 30 % is not above the threshold: to the one with the least work
        ((50, 50), (7, 5), 1),  # seen alike: to the one with less work
        ((0, 0), (3, 3), 0),
    ],
)
def test_the_nearest_replica(matches: tuple[int, ...], work: tuple[int, ...], expected: int) -> None:
    assert capacity.nearest(matches, 100, work) == expected


def test_routing_by_turns_and_by_session() -> None:
    assert capacity.round_robin(5, 2) == [0, 1, 0, 1, 0]
    assert capacity.by_session(["a", "b", "a", "c", "b"], 2) == [0, 1, 0, 0, 1]
