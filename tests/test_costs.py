"""What requests cost: billed or simulated, by component and tool; every part sums to the whole exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import Maker, said, system, tool, words
from tests.reading import FIXTURES, ROOT_FOLDER, SHARED, needs_shared
from tests.replacing import replace

from agentcost import tables, tooltables
from agentcost.caching.prompts import Asking
from agentcost.costs.attribution import Ladder, Stretches, attributed, paths_of
from agentcost.costs.blame import blame
from agentcost.costs.costing import cost_tables
from agentcost.costs.requests import COLUMN, Costs, Pricing, costs_of
from agentcost.costs.tables import money, request_columns
from agentcost.ingest.inputs import find_sources
from agentcost.loading.logs import Reading, load_logs
from agentcost.measuring.levels import levels_of
from agentcost.measuring.measure import KINDS
from agentcost.model import Breakpoint, Kind, Knowledge, Segment, Usage
from agentcost.pricing import dollars, exact_sum, read_price_file
from agentcost.record import Record
from agentcost.results import KIND_COLUMNS
from agentcost.schema import TABLES
from agentcost.selection import calendar
from agentcost.study import Study, study

START = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
SONNET = {"model": "claude-sonnet-4-5", "provider": "anthropic", "api": "anthropic"}
"""Input 3, write 3.75, an hour 6, read 0.30, output 15 dollars per million."""


@dataclass(frozen=True)
class Found:
    """A log with its costs and their tables."""

    studied: Study
    costs: Costs
    frame: pl.DataFrame
    tables: dict[str, pl.DataFrame]

    @property
    def total(self) -> Decimal:
        return dollars(exact_sum(self.costs.amounts))


def costed(record: Record, pricing: Pricing = Pricing()) -> Found:  # noqa: B008 — frozen
    studied = study(record, Asking())
    every = frozenset(range(len(studied.requests)))
    costs = costs_of(studied.requests, studied.measured, studied.run, pricing)
    rows = tables.requests(studied.requests, studied.standing, studied.measured, None).hstack(request_columns(costs))
    frame = calendar(rows, "UTC")
    tree = record.tree
    parts = tooltables.parts(tree, studied.requests, studied.measured, every)
    tools = tooltables.tools(tree, studied.requests, studied.measured, every, parts)
    found = cost_tables(tree, studied.requests, studied.measured, studied.run, costs, frame, lambda _: tools)
    return Found(studied, costs, frame, found)


def read(path: Path) -> Record:
    return load_logs(find_sources([str(path)]).sources, Reading())


def one(usage: Usage | None, segments: Sequence[Segment] = (), **more: object) -> Found:
    maker = Maker()
    maker.send(segments or words("hello there"), usage=usage, started=START, **{**SONNET, **more})
    return costed(maker.made())


# --- a request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(1_000, output=100), "0.0045"),
        (Usage(50, read=100_000, write_5m=2_000, write_1h=1_000, output=0), "0.04365"),
        (Usage(0, write=1_000, output=0), "0.00375"),
        (Usage(1_000, output=100, reasoning=60), "0.0045"),
        (Usage(200_001, output=0), "1.200006"),
    ],
)
def test_billed_usage_is_priced_by_class(usage: Usage, expected: str) -> None:
    found = one(usage)
    assert found.frame["cost"].to_list() == [Decimal(expected)]
    assert found.frame["cost_basis"].to_list() == ["billed"]


def test_the_columns_of_a_request_sum_to_its_cost() -> None:
    frame = one(Usage(50, read=100_000, write_5m=2_000, write_1h=1_000, output=70, reasoning=20)).frame
    parts = ("cost_read", "cost_write", "cost_plain", "cost_output", "cost_beside")
    assert sum(frame[name][0] for name in parts) == frame["cost"][0]
    assert frame["cost_read"][0] == Decimal("0.03")
    assert frame["cost_write"][0] == Decimal("0.0135")
    assert frame["cost_saved"][0] == Decimal("0.2655")  # 0.27 saved by reading, 0.0015 and 0.003 more for writing


@pytest.mark.parametrize(
    ("usage", "bounded"),
    [
        (Usage(10, output=1), False),
        (Usage(10, output=None), True),
        (Usage(10, output=1, output_is_lower_bound=True), True),
        (None, True),
    ],
)
def test_an_output_that_is_not_known_makes_a_lower_bound(usage: Usage | None, bounded: bool) -> None:
    assert one(usage).frame["cost_is_lower_bound"].to_list() == [bounded]


def test_without_a_bill_the_simulated_cache_is_priced() -> None:
    maker, text = Maker(), "a long system prompt that says many things " * 300
    first = [system(text), *words("one")]
    for number, segments in enumerate((first, [*first, *words("", "two", "three")[1:]])):
        record_marks = {"started": START + 60 * number}
        request = maker.send(segments, **SONNET, **record_marks)
        maker.record.requests[-1] = replace(request, breakpoints=(Breakpoint(request.node, "5m"),))
    found = costed(maker.made())
    assert found.frame["cost_basis"].to_list() == ["simulated", "simulated"]
    served = [one for one in found.studied.run.served if one]
    for row, result in enumerate(served):
        tokens = found.costs.tokens[row]
        assert (tokens[COLUMN["read"]], tokens[COLUMN["write_5m"]]) == (result.read, result.writes.get("5m", 0))
    assert served[1].read > 0


def test_where_nothing_tells_of_a_cache_all_input_is_plain() -> None:
    found = one(Usage(1_000, output=0, classes_known=False), model="claude-sonnet-4-5", provider="anthropic",
                knowledge=Knowledge.COUNTS)  # fmt: skip
    assert found.frame["cost_basis"].to_list() == ["uncached"]
    assert found.total == Decimal("0.003")


def test_what_has_no_price_is_null_and_says_why() -> None:
    found = one(Usage(1_000, output=10), model="nobody-knows-9", provider="acme")
    assert found.frame["cost"].to_list() == [None]
    assert "acme" in found.frame["unpriced"][0]
    assert found.tables["prices"]["cost"].to_list() == [None]
    assert found.tables["spend"].select("cost", "unpriced_requests").rows() == [(None, 1)]


def test_a_term_that_is_not_applied_is_told() -> None:
    assert one(Usage(10, output=1), tier="priority").frame["not_applied"].to_list() == ["tier=priority"]


def test_a_request_without_a_day_is_priced_as_of_the_day_that_was_asked_for() -> None:
    more = {"model": "gpt-5.6-sol", "provider": "openai", "api": "openai-chat", "started": None}
    maker = Maker()
    maker.send(words("hello"), usage=Usage(1_000_000 // 4, output=0), **more)
    record = maker.made()
    before, now = costed(record, Pricing(day=date(2026, 8, 1))), costed(record)
    assert (before.total, now.total) == (Decimal("1.25"), Decimal(1))
    assert now.frame["price_date_assumed"].to_list() == [True]


# --- who paid ------------------------------------------------------------------------------------------------------

BOOK = """
[[plans]]
name = "team"
seat = 30
[[billing]]
user = "ann"
as = "seat"
plan = "team"
[[billing]]
user = "bob"
as = "credits"
plan = "copilot-business"
"""


def test_ways_of_paying_are_never_summed() -> None:
    maker = Maker()
    for user in ("ann", "bob", "eve"):
        more = {**SONNET, "model": "claude-opus-5-5"}
        maker.send(words("hello"), user=user, usage=Usage(1_000, output=0), started=START, **more)
    found = costed(maker.made(), Pricing(read_price_file(BOOK, "own.toml")))
    assert found.frame.select("user", "billing", "plan").rows() == [
        ("ann", "seat", "team"), ("bob", "credits", "copilot-business"), ("eve", "api", ""),
    ]  # fmt: skip
    assert found.tables["spend"]["billing"].to_list() == ["api", "credits", "seat"]
    assert set(found.tables["costs"]["billing"]) == {"api", "credits", "seat"}


@pytest.mark.parametrize(
    ("knowledge", "asked", "expected"),
    [(Knowledge.TRANSCRIPT, "", ""), (Knowledge.TRANSCRIPT, "seat", "seat"), (Knowledge.FULL, "", "api")],
)
def test_a_transcript_does_not_tell_how_it_was_paid(knowledge: Knowledge, asked: str, expected: str) -> None:
    maker = Maker()
    maker.send(words("hello"), usage=Usage(1_000, output=0), started=START, knowledge=knowledge, **SONNET)
    assert costed(maker.made(), Pricing(billing=asked)).frame["billing"].to_list() == [expected]


# --- what it was for -----------------------------------------------------------------------------------------------


def test_a_component_is_priced_by_the_state_its_tokens_were_in() -> None:
    """A tool definition is read, the system prompt behind it is written, the user's text is plain."""
    maker = Maker()
    segments = [tool("search", "finds things " * 50), system("be brief " * 50), said("hello " * 50)]
    maker.send(segments, usage=None, started=START, **SONNET)
    record = maker.made()
    plain = study(record, Asking())
    (group,) = plain.measured
    path = record.tree.path(plain.requests[0].node)
    ends = [int(group.reach[node]) for node in path]
    total = int(group.kinds[0].sum())
    usage = Usage(total - ends[1], read=ends[0], write_5m=ends[1] - ends[0], output=0)
    record.requests[0] = replace(record.requests[0], usage=usage)
    found = costed(record)
    rows = {row["component"]: row for row in found.tables["component_costs"].iter_rows(named=True)}
    lengths = [int(group.lengths[node]) for node in path]
    assert rows["tool_definitions"]["read"] == lengths[0]
    assert rows["tool_definitions"]["cost"] == Decimal(lengths[0]) * Decimal("0.3") / 10**6
    assert rows["system_prompt"]["cost"] == Decimal(lengths[1]) * Decimal("3.75") / 10**6
    assert rows["user_text"]["cost"] == Decimal(lengths[2]) * 3 / 10**6


def test_a_boundary_inside_a_segment_splits_it() -> None:
    maker = Maker()
    maker.send([said("word " * 1_000)], usage=Usage(600, read=400, output=0), started=START, **SONNET)
    rows = {row["component"]: row for row in costed(maker.made()).tables["component_costs"].iter_rows(named=True)}
    assert (
        rows["user_text"]["read"] + rows["template_overhead"]["read"] + rows.get("unexplained", {"read": 0})["read"]
        == 400
    )
    assert 0 < rows["user_text"]["read"] < rows["user_text"]["read"] + rows["user_text"]["plain"]


def test_a_tool_costs_its_schema_its_calls_its_results_and_the_caches_it_breaks() -> None:
    maker = Maker()
    head = [system("be brief " * 2_000), *words("go")]
    call = said("search(x)", Kind.TOOL_CALL, name="search")
    result = said("found much " * 200, Kind.TOOL_RESULT, name="search")
    for number, (definition, more) in enumerate((("finds", []), ("finds things", [call, result]))):
        segments = [tool("search", definition), *head, *more]
        read = 0
        request = maker.send(segments, usage=Usage(100, read, 6_000, output=5), started=START + 9 * number,
                             session="s", **SONNET)  # fmt: skip
        maker.record.requests[-1] = replace(request, breakpoints=(Breakpoint(request.node, "5m"),))
    found = costed(maker.made())
    row = found.tables["tool_costs"].row(0, named=True)
    assert (row["tool"], row["calls"], row["breaks"]) == ("search", 1, 1)
    assert min(row["schema_cost"], row["call_cost"], row["result_cost"], row["break_cost"]) > 0
    assert row["cost"] == row["schema_cost"] + row["call_cost"] + row["result_cost"] + row["break_cost"]
    assert found.costs.lost[1] == found.studied.run.misses[1].lost * (3_750_000_000 - 300_000_000)  # type: ignore[union-attr]


def consistent(found: Found) -> None:
    """All that has to hold of the costs of any log."""
    costs, own = found.costs, found.tables
    priced = [row for row, there in enumerate(costs.priced) if there]
    assert (found.frame["cost"].sum() or Decimal(0)) == found.total
    for name in ("costs", "component_costs"):
        assert (own[name]["cost"].sum() or Decimal(0)) == found.total, name
    assert sum((one or Decimal(0) for one in own["spend"]["cost"]), Decimal(0)) == found.total
    assert sum((one or Decimal(0) for one in own["prices"]["cost"]), Decimal(0)) == found.total
    rows = own["component_costs"]
    for column, names in (
        ("read", ("read",)),
        ("write", ("write_5m", "write_1h", "write", "write_12h")),
        ("plain", ("plain",)),
    ):
        assert (rows[column].sum() or 0) == sum(int(costs.tokens[priced][:, COLUMN[name]].sum()) for name in names)
    kinds = numpy.zeros(len(KINDS), dtype=numpy.int64)
    for group in found.studied.measured:
        chosen = [place for place, row in enumerate(group.rows) if costs.priced[row]]
        kinds += group.kinds[chosen].sum(axis=0)
    sums = rows.group_by("component").agg(pl.col("read", "write", "plain").sum())
    by_name = {row["component"]: row for row in sums.iter_rows(named=True)}
    for kind, tokens in zip(KINDS, kinds.tolist(), strict=True):
        row = by_name.get(KIND_COLUMNS[kind], {"read": 0, "write": 0, "plain": 0})
        assert row["read"] + row["write"] + row["plain"] == tokens, kind
    for name in ("cost_lost", "cost"):
        assert (found.frame[name].fill_null(0) >= 0).all()


WORD = st.sampled_from(["alpha beta gamma " * 30, "one two three four " * 80, "x", "lorem ipsum " * 300])


@st.composite
def logs(draw: st.DrawFn) -> Record:
    """Requests that go on from each other or not, billed anyhow: more or less than their text."""
    maker, history = Maker(), [tool("search"), system("be brief")]
    for number in range(draw(st.integers(1, 5))):
        history = [*(history[: draw(st.integers(0, len(history)))]), said(draw(WORD)), said(draw(WORD), Kind.ASSISTANT)]
        usage = draw(
            st.none()
            | st.builds(Usage, *[st.integers(0, 3_000)] * 5, output=st.integers(0, 500), classes_known=st.booleans())
        )
        if usage is not None and not usage.classes_known:
            usage = Usage(usage.prompt, output=usage.output, classes_known=False)
        model = draw(st.sampled_from(["claude-sonnet-4-5", "claude-opus-5"]))
        maker.send(history, usage=usage, started=START + 40 * number, **{**SONNET, "model": model})
    return maker.made()


@settings(max_examples=40)
@given(logs())
def test_every_part_sums_to_the_whole(record: Record) -> None:
    consistent(costed(record))


@settings(max_examples=25)
@given(logs())
def test_many_requests_together_are_blamed_as_each_alone(record: Record) -> None:
    studied = study(record, Asking())
    costs = costs_of(studied.requests, studied.measured, studied.run, Pricing())
    arguments = record.tree, studied.requests, studied.measured, costs
    whole = blame(*arguments, range(len(studied.requests))).cost
    alone: dict[Kind, int] = {}
    for row in range(len(studied.requests)):
        for kind, value in blame(*arguments, [row]).cost.by_kind(record.tree).items():
            alone[kind] = alone.get(kind, 0) + value
    assert {kind: value for kind, value in whole.by_kind(record.tree).items() if value} == {
        kind: value for kind, value in alone.items() if value
    }


@settings(max_examples=25)
@given(logs(), st.data())
def test_where_a_stretch_ends_is_found_as_by_walking(record: Record, data: st.DataObject) -> None:
    """The tokens of each segment before a position, by the ladder and by hand."""
    studied = study(record, Asking())
    levels = levels_of(record.tree)
    for group in studied.measured:
        place = data.draw(st.integers(0, len(group.rows) - 1))
        request = studied.requests[group.rows[place]]
        total = int(group.kinds[place].sum())
        front = total - int(group.reach[request.node])
        edges = [
            front + int(group.reach[node]) + near for node in record.tree.path(request.node) for near in (-1, 0, 1)
        ]
        end = data.draw(st.integers(0, total) | st.sampled_from([min(max(edge, 0), total) for edge in edges]))
        paths = paths_of(group, levels, Ladder.of(levels), [place], [request.node])
        found = attributed(record.tree, paths, Stretches(numpy.array([[end]]), numpy.array([[1, 0]])))
        expected: dict[int, int] = {}
        for node in record.tree.path(request.node) if end > 0 and end >= front else []:
            above = record.tree.parents[node]
            start, length = int(group.reach[above]) + front, int(group.lengths[node])
            around = int(group.reach[node] - group.reach[above]) - length
            inside = max(0, min(length, end - start - around))
            if inside:
                number = record.tree.segments[node]
                expected[number] = expected.get(number, 0) + inside
        assert found.segments == expected
        assert sum(found.segments.values()) + sum(found.kinds.values()) == end


LOGS = [
    FIXTURES / "quickstart.jsonl",
    *(path for path in sorted(FIXTURES.iterdir()) if path.is_dir() and path.name != "table"),
]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_every_fixture_adds_up(path: Path) -> None:
    consistent(costed(read(path)))


def test_money_of_any_size_is_exact() -> None:
    small, large = numpy.array([1, -5, 2**60], dtype=numpy.int64), numpy.array([10**20, 3], dtype=object)
    assert money(small).to_list() == [dollars(1), dollars(-5), dollars(2**60)]
    assert money(large).to_list() == [Decimal(100_000), dollars(3)]
    edges = [2**63 - 1, -(2**63)]
    assert money(numpy.array(edges, dtype=numpy.int64)).to_list() == [dollars(edge) for edge in edges]
    assert money(small, [True, False, True]).to_list() == [dollars(1), None, dollars(2**60)]


DOCS = (ROOT_FOLDER / "docs" / "json.md").read_text(encoding="utf-8")
TYPES = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean", pl.Decimal: "money"}


@pytest.mark.parametrize("name", ["costs", "component_costs", "tool_costs", "spend", "prices", "recorded"])
def test_the_documents_name_every_column_with_its_type(name: str) -> None:
    section = re.split(r"^### ", DOCS.partition(f"\n### {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    found = one(Usage(10, output=1), recorded_cost="0.1").tables[name]
    columns = {column: TYPES[kind.base_type()] for column, kind in found.schema.items()}
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)) == columns
    row, told = TABLES[name]
    assert section.startswith(f"\nA row is {row}.\n")
    assert [column.strip() for column in re.sub(r"\([^()]*\)", "", told).split(",")] == list(columns)


# --- against recorded dollars --------------------------------------------------------------------------------------


def recorded(*costs: str, **more: object) -> pl.DataFrame:
    maker = Maker()
    for number, cost in enumerate(costs):
        maker.send(words("hello", "there", f"turn {number}"), started=START + number, recorded_cost=cost, session="s",
                   usage=Usage(1_000, read=10_000 * (number + 1), output=100), **SONNET, **more)  # fmt: skip
    return costed(maker.made()).tables["recorded"]


def test_an_equal_cost_needs_no_explaining() -> None:
    assert recorded("0.0075", "0.0105004").select("equal", "explained").rows() == [(True, ""), (True, "")]


@pytest.mark.parametrize(
    ("costs", "why"),
    [
        (("0.006",), "output left out"),
        (("0.0345",), "no discount for what was read"),
        (("0.0055", "0.0065"), "reads at 0.1 instead of 0.3 dollars per million"),
        (("0.015", "0.021"), "2 times our price"),
    ],
)
def test_a_difference_is_explained_by_name(costs: tuple[str, ...], why: str) -> None:
    found = recorded(*costs)
    assert found["equal"].to_list() == [False] * len(costs)
    assert found["explained"].to_list() == [why] * len(costs)


def test_a_difference_may_be_that_of_another_day() -> None:
    maker = Maker()
    maker.send(words("hello"), usage=Usage(1_000, output=0), recorded_cost="7", **SONNET)
    assert costed(maker.made()).tables["recorded"]["explained"].to_list() == ["the log tells no day"]


def test_a_difference_that_no_rule_gives_stays_unexplained() -> None:
    assert recorded("0.5", "0.01").filter(pl.col("recorded") == 0.01)["explained"].to_list() == [""]


@needs_shared
@pytest.mark.parametrize(
    ("path", "equal", "explained"),
    [
        ("trajectories/mini-swe-agent", 499, {"reads at 0.125 instead of 0.2 dollars per million": 30}),
        ("sessions/pi/large-session.jsonl", 439, {}),
    ],
)
def test_recorded_dollars_of_real_logs_are_ours(path: str, equal: int, explained: dict[str, int]) -> None:
    found = costed(read(SHARED / path))
    table = found.tables["recorded"]
    assert int(table["equal"].sum()) == equal
    assert dict(table.filter(~pl.col("equal"))["explained"].value_counts().iter_rows()) == explained
    consistent(found)
