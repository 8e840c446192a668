"""Two paths side by side: what is the same, and what was changed, put in, taken out or moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import faults
from tests.building import Maker, said, system, tool
from tests.faults import Fault, in_system, log, session
from tests.reading import memory_source

from agentcost.caching.prompts import Asking
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.model import Kind, Segment
from agentcost.paths.comparing import aligned, nodes_of, parting_of, path_of, reached
from agentcost.results import KIND_COLUMNS, Parting
from agentcost.study import Study, study

FIXTURES = Path(__file__).parents[1] / "fixtures"
LOGS = ("quickstart.jsonl", "claude-code/session.jsonl", "codex/session.jsonl", "kv-cache-tester/subagent.json")


def slots(numbers: Sequence[int]) -> list[int]:
    """Numbers of one ten are states of one thing."""
    return [number // 10 for number in numbers]


ALIGNED = [
    ([1, 20, 30], [1, 20, 30], "same same same"),
    ([1, 20, 30], [1, 21, 30], "same changed same"),
    ([1, 20], [1, 20, 30], "same same added"),
    ([1, 20, 30], [1, 30], "same removed same"),
    ([1, 20, 30], [1, 40, 30], "same removed added same"),
    ([10, 20, 30], [30, 10, 20], "moved same same moved"),
    ([10, 20], [11, 21, 30], "changed changed added"),
    ([10, 11], [11, 12], "removed same added"),
    ([], [10], "added"),
    ([], [], ""),
]


@pytest.mark.parametrize(("before", "now", "changes"), ALIGNED)
def test_two_sequences_side_by_side(before: list[int], now: list[int], changes: str) -> None:
    assert " ".join(pair.change for pair in aligned(before, now, slots(before), slots(now))) == changes


@given(st.lists(st.integers(0, 39), max_size=14), st.lists(st.integers(0, 39), max_size=14))
def test_every_place_of_either_side_stands_once_and_in_its_order(before: list[int], now: list[int]) -> None:
    pairs = aligned(before, now, slots(before), slots(now))
    assert [pair.before for pair in pairs if pair.before is not None] == list(range(len(before)))
    assert [pair.now for pair in pairs if pair.now is not None] == list(range(len(now)))
    for pair in pairs:
        if pair.before is not None and pair.now is not None:
            assert (before[pair.before] == now[pair.now]) == (pair.change == "same")
            assert slots(before)[pair.before] == slots(now)[pair.now]


# --- the requests of a log -----------------------------------------------------------------------------------------


def studied(name: str) -> Study:
    return study(load_logs([open_source(str(FIXTURES / name))], Reading()), Asking())


@pytest.mark.parametrize("name", LOGS)
def test_a_path_rises_to_its_prompt_and_its_texts_sum_to_what_the_tables_say(name: str) -> None:
    found = studied(name)
    references = found.run.references
    for index, prompt in enumerate(found.run.prompts):
        rows = path_of(found, index, references[index])
        lengths = [row.cumulative for row in rows]
        assert lengths == sorted(lengths)
        if rows:
            assert lengths[-1] == prompt.total
            assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        group = next(group for group in found.measured if index in group.rows)
        kinds = group.kinds[group.rows.index(index)]
        around = (Kind.HIDDEN, Kind.OVERHEAD, Kind.UNEXPLAINED, Kind.UNKNOWN)
        beside = sum(int(kinds[list(KIND_COLUMNS).index(kind)]) for kind in around)
        assert sum(row.tokens for row in rows) + beside == prompt.total


@pytest.mark.parametrize("name", LOGS)
def test_what_two_paths_share_stands_in_front_of_where_they_part(name: str) -> None:
    found = studied(name)
    for index, reference in enumerate(found.run.references):
        if reference is None:
            continue
        parting = parting_of(found, index, reference)
        shared = [row for row in path_of(found, index, reference) if row.shared]
        assert parting.segments == len(shared)
        if shared:
            assert parting.shared == shared[-1].cumulative
        front = [row.change for row in parting.rows][: min(3, parting.segments)]
        assert set(front) <= {"same"}
        if parting.rows:
            assert {row.change for row in parting.rows} - {"same"}


def test_the_bill_says_how_long_a_prefix_is() -> None:
    found = studied("quickstart.jsonl")
    told = 0
    for index, prompt in enumerate(found.run.prompts):
        path = nodes_of(found, index)
        lengths = reached(found, index, path)
        for node, tokens in ({**prompt.told.lengths, **dict([prompt.known] if prompt.known else [])}).items():
            if node in path[:-1]:
                told += 1
                assert lengths[path.index(node) + 1] == tokens
    assert told > 20


def parted(fault: Fault, position: int = 4, dialect: str = "anthropic") -> Parting:
    steps = fault(session(dialect), position)
    found = study(load_logs([memory_source("made.jsonl", log(dialect, steps, None))], Reading()), Asking())
    reference = found.run.references[position]
    assert reference is not None
    assert reference.row == position - 1
    return parting_of(found, position, reference)


NEW = ["added", "added"]  # the call and its result that every step brings
PARTED: list[tuple[Fault, list[tuple[str, str]]]] = [
    (faults.tool_edited(3), [("changed", "tool3")]),
    (faults.tool_added(2), [("added", "extra")]),
    (faults.tool_removed(5), [("removed", "tool5")]),
    (faults.on(faults.tools_reordered), [("moved", "tool5"), ("moved", "tool5")]),
    (in_system("status: clean", "status: 2 files"), [("changed", "")]),
    (faults.edited(4), [("changed", "tool0")]),
    (faults.both(faults.tool_edited(3), faults.edited(0)), [("changed", "tool3"), ("changed", "")]),
]


@pytest.mark.parametrize(("fault", "expected"), PARTED)
@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
def test_a_fault_is_what_differs(dialect: str, fault: Fault, expected: list[tuple[str, str]]) -> None:
    rows = [row for row in parted(fault, dialect=dialect).rows if row.change != "same"]
    told = [(row.change, (row.now or row.before or rows[0].now).name) for row in rows]  # type: ignore[union-attr] # one side is there
    assert [change for change, _ in told[len(expected) :]] == NEW
    assert sorted(told[: len(expected)]) == sorted(expected)


def test_a_request_that_goes_on_has_no_rows() -> None:
    parting = parted(lambda steps, _: steps)
    assert (parting.rows, parting.added, parting.another) == ((), 2, False)
    assert parting.gap_s == pytest.approx(20)


def test_what_a_model_does_not_see_again_is_marked() -> None:
    """Haiku 4.5 is not shown the thinking of an earlier turn: there the paths part."""
    maker = Maker()
    head = [tool("look", "sees " * 200), system("rules " * 900), said("go")]
    turn = [said("hm " * 60, Kind.THINKING), said("look 1", Kind.TOOL_CALL, name="look")]
    seen: list[list[Segment]] = [head, [*head, *turn, said("seen", Kind.TOOL_RESULT)]]
    seen.append([*seen[1], said("done", Kind.ASSISTANT), said("and now?")])
    for number, segments in enumerate(seen):
        maker.send(segments, model="claude-haiku-4-5", provider="anthropic", session="s", started=1e9 + number)
    found = study(maker.made(), Asking())
    reference = found.run.references[2]
    rows = path_of(found, 2, reference)
    assert [row.component for row in rows if row.stripped] == ["thinking"]
    assert rows[-1].cumulative == found.run.prompts[2].total
    assert reference is not None
    assert [row.change for row in parting_of(found, 2, reference).rows].count("removed") == 1
