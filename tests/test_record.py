"""Records: whoever reads, in whatever order and chunks, the union is one; what is saved is what is loaded."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from tests.building import Maker, canonical, said, system, tool, words

from agentcost.analyze import Choices, evaluate
from agentcost.errors import BrokenLog
from agentcost.model import Breakpoint, Kind, Place, Skipped, Usage
from agentcost.record import MAGIC, VERSION, Record, load, save

# --- law 5: union --------------------------------------------------------------------------------------------------

CALLS = st.lists(
    st.fixed_dictionaries({
        "path": st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
        "id": st.sampled_from(["", "", "x", "y"]),
        "finished": st.booleans(),
        "started": st.sampled_from([None, 1.0, 2.0]),
        "usage": st.sampled_from([None, Usage(1), Usage(2)]),
        "answer": st.sampled_from([(), ("d",)]),
    }),
    max_size=10,
)  # fmt: skip


def recorded(calls: list[tuple[int, dict[str, Any]]]) -> Record:
    """A record of numbered calls; the number is their line, wherever they are read."""
    maker = Maker()
    for line, call in calls:
        place = Place("made.jsonl", line + 1, line * 100, 100)
        fields = {key: call[key] for key in ("id", "finished", "started", "usage")}
        maker.send(
            words(*call["path"]), answer=[said(t, Kind.ASSISTANT) for t in call["answer"]], place=place, **fields
        )
    maker.record.skipped.append(Skipped(Place("made.jsonl", len(calls)), "broken"))
    return maker.made()


@settings(max_examples=80)
@given(CALLS, st.lists(st.integers(0, 3), min_size=10, max_size=10), st.permutations(range(4)))
def test_a_union_does_not_depend_on_order_or_chunks(
    calls: list[dict[str, Any]], chunks: list[int], order: list[int]
) -> None:
    numbered = list(enumerate(calls))
    merged = Record()
    for chunk in order:
        merged.merge(recorded([(n, call) for n, call in numbered if chunks[n] == chunk]))
    assert canonical(merged) == canonical(recorded(numbered)) == canonical(recorded(numbered[::-1]))
    assert sum(merged.duplicates.values()) == len(calls) - len(merged.requests)


def test_marks_move_with_their_nodes() -> None:
    maker = Maker()
    nodes = maker.growth.grow(0, words("a", "b"), "gpt-4o")
    maker.send(words("a", "b"), breakpoints=(Breakpoint(nodes[0], "1h"),), answer=[said("c", Kind.ASSISTANT)], id="m")
    merged = recorded([(0, {"path": ["b"], "id": "", "finished": True, "started": None, "usage": None, "answer": ()})])
    merged.merge(maker.made())
    moved = merged.requests[-1]
    texts = [merged.tree.entry(mark.node).digest for mark in moved.breakpoints]
    assert texts == [words("a")[0].digest]
    assert moved.answer is not None and merged.tree.parents[moved.answer] == moved.node


# --- which of two records of one call ------------------------------------------------------------------------------

BASE: dict[str, Any] = {"id": "x", "started": 5.0, "finished": True}


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        ({"finished": False, "started": 9.0}, {}),
        ({}, {"started": 6.0}),
        ({}, {"ended": 5.5}),
        ({"ended": 7.0, "started": 1.0}, {"ended": 8.0, "started": 0.0}),
        ({"started": None}, {}),
        ({"started": None, "finished": False}, {"started": None}),
    ],
)
def test_the_winner_is_the_same_in_any_order(loser: dict[str, Any], winner: dict[str, Any]) -> None:
    made = Maker()
    pair = [made.send(words("a"), **{**BASE, "id": "", **more}) for more in (loser, winner)]
    for order in (pair, pair[::-1]):
        record = Record()
        for request in order:
            record.add(replace(request, id="x"))
        assert record.requests == [replace(pair[1], id="x")]
        assert record.duplicates == {"made.jsonl": 1}


def test_records_that_differ_in_content_only_have_one_winner() -> None:
    made = Maker()
    usages = [None, Usage(1), Usage(2), Usage(1, output=3)]
    calls = [replace(made.send(words("a"), started=1.0, usage=usage), id="x") for usage in usages]
    winners = set()
    for order in itertools.permutations(calls):
        record = Record()
        for request in order:
            record.add(request)
        winners.add(repr(record.requests))
    assert len(winners) == 1


@pytest.mark.parametrize("offset", range(0, 2000, 100))
def test_the_winner_does_not_depend_on_how_lines_are_numbered(offset: int) -> None:
    """A stretch of a log that is read apart counts its lines from 1, and is told the true ones later."""
    made = Maker().send(words("a"), id="x")
    winners = set()
    for first in (1, 1000):
        record = Record()
        for n in range(2):
            record.add(replace(made, place=Place("log", first + n, offset + 50 * n, 50)))
        winners.add(record.requests[0].place.offset)
    assert len(winners) == 1


def test_calls_without_an_id_are_told_apart_by_their_place() -> None:
    record = recorded([(n, {**BASE, "id": "", "path": ["a"], "usage": None, "answer": ()}) for n in (0, 1, 1)])
    assert len(record.requests) == 2
    assert record.duplicates == {"made.jsonl": 1}


FIRST: dict[str, Any] = {"started": 5.0, "usage": Usage(9, output=1), "model": "gpt-4o"}


@pytest.mark.parametrize(
    "other",
    [
        {"path": ["b"]}, {"answer": ["c"]}, {"started": 6.0}, {"ended": 7.0}, {"usage": Usage(8, output=1)},
        {"usage": None}, {"model": "gpt-4.1"}, {"length": 99},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_calls_of_two_logs_of_one_name_are_all_kept(other: dict[str, Any]) -> None:
    """Two machines have a `log.jsonl` each; at one place of both lies a call without an id."""
    made = [record_of_one(FIRST), record_of_one({**FIRST, **other})]
    for records in (made, made[::-1]):
        merged = Record()
        for record in (*records, *records):
            merged.merge(load(save(record)))
        assert len(merged.requests) == 2
        assert merged.duplicates == {"made.jsonl": 2}  # each was merged twice
        assert evaluate(merged).tables["requests"].height == 2


def record_of_one(call: dict[str, Any]) -> Record:
    """A log of one call, which has no id."""
    maker, fields = Maker(), dict(call)
    path, answer = fields.pop("path", ["a"]), fields.pop("answer", [])
    place = Place("made.jsonl", 1, 0, fields.pop("length", 100))
    maker.send(words(*path), answer=[said(text, Kind.ASSISTANT) for text in answer], place=place, **fields)
    return maker.made()


def test_requests_come_by_time_then_by_place() -> None:
    made = Maker()
    for started in (3.0, None, 1.0, None, 3.0):
        made.send(words("a"), started=started)
    assert [request.place.line for request in made.record.ordered()] == [3, 1, 5, 2, 4]


# --- saving --------------------------------------------------------------------------------------------------------


def sample() -> Record:
    maker = Maker()
    head = [tool("bash"), tool("mcp__github__search"), system("You help. Today is 2026-01-31.")]
    history = words("Hello")
    for turn in range(6):
        usage = Usage(plain=40 + turn, read=10, write_5m=3, write_1h=2, output=9)
        call = [
            said('bash\n{"command":"ls"}', Kind.TOOL_CALL, name="bash"),
            said("a.py", Kind.TOOL_RESULT, name="bash"),
        ]
        maker.send(
            [*head, *history], usage=usage if turn % 2 else None, started=1e9 + turn, session=f"s{turn % 2}",
            answer=call[:1], settings=(("tool_choice", "auto"),), labels=(("team", "a"),), id=f"m{turn}",
        )  # fmt: skip
        history += [*call, said(f"Thanks {turn}")]
    maker.record.skipped.append(Skipped(Place("made.jsonl", 9), "broken"))
    maker.record.logs[0].others["title"] = 2
    maker.record.logs[0].skipped = 1
    return maker.made()


def test_a_loaded_record_is_the_record() -> None:
    record = sample()
    again = load(save(record))
    assert canonical(again) == canonical(record)
    assert [asdict(entry) for entry in again.tree.entries] == [asdict(entry) for entry in record.tree.entries]
    assert (again.requests, again.logs, again.skipped) == (record.requests, record.logs, record.skipped)
    assert again.by_key == record.by_key
    assert save(again) == save(record)


def test_a_loaded_record_evaluates_alike() -> None:
    record = sample()
    choices = Choices(by=("session", "model"))
    fresh, loaded = evaluate(record, choices), evaluate(load(save(record)), choices)
    assert (fresh.scope, fresh.rulers, list(fresh.tables)) == (loaded.scope, loaded.rulers, list(loaded.tables))
    for name, table in fresh.tables.items():
        assert isinstance(table, pl.DataFrame)
        assert table.equals(loaded.tables[name]) and table.schema == loaded.tables[name].schema, name


def test_a_loaded_record_goes_on() -> None:
    """It recognises what it has, and takes in what it has not."""
    again = load(save(sample()))
    nodes, requests = len(again.tree), len(again.requests)
    again.merge(sample())
    assert (len(again.tree), len(again.requests)) == (nodes, requests)
    assert again.duplicates["made.jsonl"] == requests


def test_equal_records_are_equal_bytes() -> None:
    assert save(sample()) == save(sample())


def packed(**fields: Any) -> bytes:
    value = msgspec.msgpack.decode(zstandard.decompress(save(sample()).removeprefix(MAGIC)))
    return MAGIC + zstandard.compress(msgspec.msgpack.encode({**value, **fields}))


WHOLE = save(sample())


@pytest.mark.parametrize(
    "content",
    [
        MAGIC,
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-1],
        WHOLE[:90] + bytes([WHOLE[90] ^ 1]) + WHOLE[91:],
        MAGIC + zstandard.compress(b"\xc1"),
        MAGIC + zstandard.compress(msgspec.msgpack.encode({"version": VERSION})),
        packed(version=VERSION + 1),
        packed(version=VERSION + 1, requests="of another shape"),
        packed(parents=b"odd"),
        packed(parents=b""),
    ],
    ids=["empty", "half", "short", "flipped", "no pack", "no fields", "version", "shape", "odd", "none"],
)
def test_damaged_records_say_so(content: bytes) -> None:
    with pytest.raises(BrokenLog, match="again from its log"):
        load(content, "x.record")
