"""Dollars in the reports on tools, turns, one request, groups and in the whole report."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.building import Maker, said, system, tool, words
from tests.replacing import replace
from tests.test_costs import SONNET, START
from tests.test_views import LOGS, analysis, at_root, one_line, printed, record

from agentcost.analyze import evaluate
from agentcost.caching.prompts import Asking
from agentcost.choices import Choices
from agentcost.costs.requests import Pricing, costs_of
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.model import Kind, Knowledge, Segment, Usage
from agentcost.paths.comparing import path_of
from agentcost.paths.costs import priced_path
from agentcost.results import Analysis
from agentcost.study import study
from agentcost.views import VIEWS, costs
from agentcost.views.costchart import days_chart
from agentcost.views.showcost import by_class, by_component, front
from agentcost.views.toolrows import PARTS, with_costs

__all__ = ["at_root"]

BILLED = Usage(1_000, output=100)
"""0.0045 dollars."""

UNKNOWN = {"model": "nobody-knows-1", "provider": "nowhere", "api": ""}

DEARER = {"api": "Cost", "": "List-price equivalent", "seat": "List-price equivalent (paid by the seat)"}


def made(*requests: dict[str, object], billing: str = "", by: tuple[str, ...] = ()) -> Analysis:
    """An analysis of requests of one segment each, a minute apart."""
    maker = Maker()
    for number, own in enumerate(requests):
        fields = {"usage": BILLED, "started": START + 60 * number, **SONNET, **own}
        maker.send(words(f"question {number}"), **fields)
    return evaluate(maker.made(), Choices(by=by, pricing=Pricing(billing=billing)))


TRANSCRIPT: dict[str, object] = {"knowledge": Knowledge.TRANSCRIPT, "session": "told"}
MIXED = ({"session": "gateway"}, {"session": "gateway"}, TRANSCRIPT, TRANSCRIPT)


def test_a_bill_without_a_prompt_is_paid_as_the_transcripts_of_its_format() -> None:
    counts, told = {"knowledge": Knowledge.COUNTS, "format": "openhands"}, {**TRANSCRIPT, "format": "openhands"}
    other = {"knowledge": Knowledge.COUNTS, "format": "table"}
    for requests, wanted in (
        ((counts, told), ["", ""]), ((counts, counts), ["api", "api"]), ((other, told), ["api", ""]),
        (({"format": "openhands"}, told), ["api", ""]),
    ):  # fmt: skip
        assert made(*requests).tables["requests"]["billing"].to_list() == wanted


# --- tools ---------------------------------------------------------------------------------------------------------


def called(name: str = "read") -> list[Segment]:
    return [
        system("you are a helper"), tool(name, "reads a file " * 20), tool("idle", "does nothing " * 20),
        said("go"), said("{}", Kind.TOOL_CALL, name=name), said("a text " * 50, Kind.TOOL_RESULT, name=name),
    ]  # fmt: skip


def tooled(segments: Sequence[Segment], **more: object) -> Analysis:
    maker = Maker()
    maker.send(segments, usage=Usage(500, output=10), started=START, **{**SONNET, **more})
    return evaluate(maker.made())


def test_the_report_on_tools_says_first_what_they_cost() -> None:
    first, second, third = printed(VIEWS["tools"](analysis("quickstart"), 140)).splitlines()[:3]
    assert first.startswith("Tools take $0.67 of $1.04 (65%): Read $0.17, Edit $0.17, Bash $0.063, ")
    assert second == "22 of 35 tools were never called: $0.11, 24.4% of all input, 203,060 tokens"
    words = "Of all input: definitions 49.4% ($0.23, skills' 2.9% among them), calls 9.9% ($0.15), results 20.1%"
    assert third.startswith(words + " ($0.29)")


def test_tools_stand_in_the_order_of_their_cost() -> None:
    amounts = with_costs(analysis("quickstart"))["cost"].to_list()
    assert amounts == sorted(amounts, reverse=True)
    assert len(set(amounts)) > 20


def test_what_tools_cost_is_what_the_line_says() -> None:
    frame = with_costs(analysis("quickstart"))
    own = sum(frame[name].sum() for name in PARTS)
    components = analysis("quickstart").tables["component_costs"]
    carried = ("tool_definitions", "mcp_tool_definitions", "skills", "tool_calls", "tool_results", "file_contents")
    every = components.filter(pl.col("component").is_in(carried))["cost"].sum()
    assert 0 < own <= every
    assert own > every * Decimal("0.99")


def test_a_definition_that_is_not_in_the_log_costs_nobody_knows_what() -> None:
    found = tooled([said("go"), said("{}", Kind.TOOL_CALL, name="read"), said("text", Kind.TOOL_RESULT, name="read")])
    assert with_costs(found)["schema_cost"].to_list() == [None]
    text = printed(VIEWS["tools"](found, 140))
    assert "their definitions are not in the log" in text
    assert "schema $" not in text
    row = next(line for line in text.splitlines() if line.startswith("read "))
    assert row.split()[-2].startswith("≥$")
    assert row.split()[-1].startswith("≥$")


def test_a_tool_that_was_never_called_has_a_cost_and_none_by_call() -> None:
    lines = printed(VIEWS["tools"](tooled(called()), 140)).splitlines()
    row = next(line for line in lines if line.startswith("idle"))
    assert row.split()[-1] == "–"
    assert row.split()[-2].startswith("$0.000")


def test_tools_of_a_log_without_a_price_show_no_dollars() -> None:
    text = printed(VIEWS["tools"](tooled(called(), **UNKNOWN), 140))
    assert "$" not in text
    assert text.startswith("1 of 2 tools was never called: ")


def test_what_a_share_of_a_lower_bound_is() -> None:
    maker = Maker()
    maker.send(called(), usage=Usage(500, output=None), started=START, **SONNET)
    text = printed(VIEWS["tools"](evaluate(maker.made()), 140))
    first = text.splitlines()[0]
    assert " of ≥$" in first
    assert "(≤" in first


def test_tools_that_were_paid_for_in_two_ways_are_not_summed() -> None:
    maker = Maker()
    for knowledge in (Knowledge.FULL, Knowledge.TRANSCRIPT):
        maker.send(called(), usage=Usage(500, output=10), started=START, knowledge=knowledge, **SONNET)
    found = evaluate(maker.made())
    assert with_costs(found)["cost"].null_count() == 2
    text = one_line(VIEWS["tools"](found, 140))
    assert "$" not in text
    assert "paid for in 2 ways (api and list price), which are never summed" in text


# --- turns ---------------------------------------------------------------------------------------------------------


def test_turns_show_the_cost_of_each_request_and_of_what_was_lost() -> None:
    text = printed(VIEWS["turns"](analysis("quickstart"), 140))
    assert "Cost of 66 requests in order: $1.04 in all, of it $0.45 lost to misses" in text
    assert "15,532 tokens lost, $0.054" in text


@pytest.mark.parametrize(
    ("requests", "cells"),
    [
        (({}, {}), ["$0.0045", "$0.0045"]),
        (({"usage": Usage(1_000, output=None)}, {}), ["≥$0.0030", "$0.0045"]),
        (({}, UNKNOWN), ["$0.0045", "?"]),
    ],
)
def test_cells_of_cost(requests: tuple[dict[str, object], ...], cells: list[str]) -> None:
    lines = printed(VIEWS["turns"](made(*requests), 140)).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("time "))
    end = lines[start].index("cost") + len("cost")
    assert [line[:end].split()[-1] for line in lines[start + 1 : start + 1 + len(cells)]] == cells


def test_a_log_without_prices_has_no_column_of_cost() -> None:
    assert "cost" not in printed(VIEWS["turns"](made(UNKNOWN, UNKNOWN), 140))


def test_each_way_of_paying_has_a_chart_and_its_name_in_every_row() -> None:
    text = printed(VIEWS["turns"](made(*MIXED, *MIXED), 140))
    for way in ("Cost", "List-price equivalent"):
        assert f"{way} of 4 requests in order: $0.018 in all" in text
    assert text.count("list price") == 4
    assert "$0.036" not in text


# --- one request ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", ["quickstart", "codex"])
def test_the_rows_of_a_path_and_what_stands_before_them_are_the_input_dollars(log: str) -> None:
    found = study(record(log), Asking())
    costed = costs_of(found.requests, found.measured, found.run, Pricing())
    requests, references = analysis(log).tables["requests"], found.run.references
    for index in range(0, len(requests), 3):
        row = requests.row(index, named=True)
        rows = priced_path(path_of(found, index, references[index]), costed, index, hidden=bool(row["hidden"]))
        before = front(row, rows)
        assert before is not None
        assert (before > 0) == bool(row["hidden"])
        amounts = [one.cost for one in rows if one.cost is not None]
        assert sum(amounts) + before == row["cost_read"] + row["cost_write"] + row["cost_plain"]
        assert all(amount >= 0 for amount in amounts)


def test_a_path_without_a_price_has_no_dollars() -> None:
    maker = Maker()
    maker.send(words("hello"), usage=BILLED, started=START, **UNKNOWN)
    found = study(maker.made(), Asking())
    rows = path_of(found, 0, None)
    assert priced_path(rows, costs_of(found.requests, found.measured, found.run, Pricing()), 0) == rows
    row = evaluate(maker.made()).tables["requests"].row(0, named=True)
    assert by_class(row).startswith("Cost unknown: ")
    assert by_component(row, rows) == ""


def test_a_request_tells_its_dollars_by_class() -> None:
    row = made({"usage": Usage(100, read=1_000, write_5m=200, output=10)}).tables["requests"].row(0, named=True)
    assert by_class(row) == (
        "Cost $0.0015 (billed tokens): read $0.00030 for 1,000, written $0.00075 for 200, plain $0.00030 for 100, "
        "output $0.00015 for 10; caching saved $0.0026."
    )


@pytest.mark.parametrize("billing", DEARER)
def test_a_request_says_how_it_was_paid(billing: str) -> None:
    own = made({"knowledge": Knowledge.TRANSCRIPT, "usage": Usage(1_000, output=None)}, billing=billing)
    assert by_class(own.tables["requests"].row(0, named=True)).startswith(f"{DEARER[billing]} ≥$0.0030 (")


# --- groups and sessions -------------------------------------------------------------------------------------------


def test_dollars_of_a_group_that_was_paid_for_in_two_ways_are_unknown() -> None:
    found = made(*MIXED, by=("model",))
    (row,) = found.tables["groups"].rows(named=True)
    assert row["cost"] is row["cost_saved"] is row["cost_lost"] is None
    assert (row["billings"], row["unpriced_requests"]) == ("not told + api", 0)
    sessions = dict(found.tables["sessions"].select("session", "billings").iter_rows())
    assert sessions == {"gateway": "api", "told": ""}
    assert found.tables["sessions"]["cost"].to_list() == [Decimal("0.009")] * 2


_MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "nobody-knows-it")


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(_MODELS), st.booleans()), min_size=1))
def test_groups_and_sessions_are_the_sums_of_their_requests(calls: list[tuple[str, str, bool]]) -> None:
    own = [
        {"user": user, "session": f"of {user}", "model": model, "usage": Usage(1_000 + number, output=number)}
        | ({"knowledge": Knowledge.TRANSCRIPT} if transcript else {})
        for number, (user, model, transcript) in enumerate(calls)
    ]
    found = made(*own, by=("user",))
    rows = found.tables["requests"].rows(named=True)
    for table, key in (("groups", "user"), ("sessions", "session")):
        assert set(found.tables[table][key]) == {row[key] for row in rows}
        for group in found.tables[table].rows(named=True):
            mine = [row for row in rows if row[key] == group[key]]
            paid = [row for row in mine if row["cost"] is not None]
            ways = sorted({row["billing"] for row in paid})
            assert group["requests"] == len(mine)
            assert group["unpriced_requests"] == len(mine) - len(paid)
            assert group["prompt"] == sum(row["prompt"] for row in mine)
            assert group["cost"] == (sum(row["cost"] for row in paid) if len(ways) == 1 else None)
            assert group["billings"] == (ways[0] if len(ways) == 1 else " + ".join(way or "not told" for way in ways))
            if table == "sessions":
                assert group["models"] == ", ".join(sorted({row["model"] for row in mine}))


def group_rows(found: Analysis, width: int = 140) -> list[str]:
    lines = printed(VIEWS["analyze"](found, width)).splitlines()
    start = next(
        number for number, line in enumerate(lines) if line.startswith(found.scope.by[0]) and " of input" in line
    )
    return [line for line in lines[start : start + 6] if line]


def test_groups_say_how_they_were_paid_where_that_differs() -> None:
    head, *rows = group_rows(made(*MIXED, by=("session",)))
    assert head.split()[-1] == "paid"
    assert rows[0].split()[-1] == "api"
    assert rows[1].endswith("list price")
    assert "paid" not in group_rows(made({}, {}, by=("session",)))[0]


def test_groups_count_what_has_no_price_and_mark_what_is_a_lower_bound() -> None:
    bound = {"user": "b", "usage": Usage(1_000, output=None)}
    own = made({"user": "a"}, {"user": "a", **UNKNOWN}, bound, {"user": "c"}, by=("user",))
    head, *rows = group_rows(own)
    assert head.split()[-1] == "unpriced"
    found = {row.split()[0]: row for row in rows}
    assert "≥$0.0045" in found["a"]
    assert found["a"].split()[-1] == "1"
    assert "≥$0.0030" in found["b"]
    assert " $0.0045" in found["c"]


def test_the_rest_of_groups_that_were_paid_for_in_two_ways_is_not_summed() -> None:
    found = made(*MIXED, {"session": "third", "usage": Usage(9_000, output=100)}, by=("session",))
    text = "\n".join(group_rows(replace(found, scope=replace(found.scope, top=1))))
    assert "other (2)" in text
    assert "several" in text
    assert "$0.018" not in text


def test_groups_by_cost() -> None:
    requests = [{"user": "cheap", "usage": Usage(9_000, output=0), "model": "claude-haiku-4-5"}, {"user": "dear"}]
    dear = Usage(5_000, output=1_000)
    found = made(requests[0], {**requests[1], "usage": dear}, by=("user",))
    assert group_rows(found)[1].startswith("cheap")
    assert group_rows(replace(found, scope=replace(found.scope, sort="cost")))[1].startswith("dear")


# --- the whole report ----------------------------------------------------------------------------------------------


def a_request(**parts: object) -> dict[str, object]:
    nothing = {name: Decimal(0) for name in ("cost_read", "cost_write", "cost_plain", "cost_output", "cost_beside")}
    row = {"cost_lost": Decimal(0), "cause": "ttl_expired", "lost": 900, "prompt": 20_000, "output": 50, **nothing}
    row |= parts
    own = ("cost_read", "cost_write", "cost_plain", "cost_output", "cost_beside")
    return {**row, "cost": sum(row[name] for name in own)}  # type: ignore[misc]  # all are decimals


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"cost_write": Decimal(4), "cost_lost": Decimal(3)}, "75% ttl expired, 900 lost"),
        ({"cost_read": Decimal(3), "cost_output": Decimal(1)}, "75% its size, 20.0k tokens"),
        ({"cost_plain": Decimal(1), "cost_write": Decimal(1)}, "100% input new or not cached"),
        ({"cost_output": Decimal(3), "cost_read": Decimal(1)}, "75% output, 50 tokens"),
        ({"cost_beside": Decimal(1)}, "100% searches and other charges"),
    ],
)
def test_why_a_request_was_dear(parts: dict[str, object], says: str) -> None:
    assert costs.reason(a_request(**parts)) == says


@cache
def whole() -> str:
    return printed(VIEWS["full"](analysis("quickstart"), 140))


@pytest.mark.parametrize(
    "says",
    [
        "Cost by class", "read from cache     637,718   $0.19  18.5%        $0.30",
        "Cost: the dearest requests", "89% ttl expired, 15.5k lost",
        "Cost by day", "2026-10-15        17  $0.19   $1.04",
        "Cost by component", "Prices, in dollars per million tokens", "genai-prices",
    ],
)  # fmt: skip
def test_the_whole_report_has_every_table_of_dollars(says: str) -> None:
    assert says in whole()


def test_the_whole_report_keeps_ways_of_paying_apart() -> None:
    text = printed(VIEWS["full"](made(*MIXED), 140))
    for head in ("Cost", "List-price equivalent"):
        for section in (" by class", ": the dearest requests", " by day"):
            assert f"\n{head}{section}\n" in text
    assert "component  " not in text[text.index("Cost by class") : text.index("How tokens")]
    assert "never summed" in text
    assert "$0.018" not in text


def test_what_has_no_price_is_listed_with_the_reason() -> None:
    text = printed(VIEWS["full"](made({}, UNKNOWN), 140))
    row = next(line for line in text.splitlines() if line.startswith("nobody-knows-1 ") and "nowhere" in line)
    assert row.split()[2:] == ["api", "1", "–", "–", "–", "?"]
    assert "↳ no price: " in text


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        ("0.0045", "1 of 1 recorded cost equal ours"),
        ("0.0030", "output left out"),
        ("0.7", "nothing known here"),
    ],
)
def test_recorded_dollars_beside_ours(recorded: str, says: str) -> None:
    assert says in printed(VIEWS["full"](made({"recorded_cost": recorded}), 140))


def test_a_recorded_cost_of_what_has_no_price() -> None:
    text = printed(VIEWS["full"](made({"recorded_cost": "0.5", **UNKNOWN}), 140))
    assert "0 of 1 recorded cost equal ours" in text
    assert "no price is known" in text


def test_days_without_requests_are_in_the_chart_and_few_days_have_none() -> None:
    day = 86_400
    apart = made({}, {"started": START + 9 * day}).tables["spend"]
    (_, top, *_), none = days_chart(apart, 80), days_chart(made({}, {"started": START + day}).tables["spend"], 80)
    assert str(top).endswith(f"  ████{' ' * 32}████")
    assert none == []


def test_dollars_so_far_are_unknown_until_something_has_a_price() -> None:
    day = 86_400
    found = made(UNKNOWN, {"started": START + day}, {"started": START + 2 * day})
    lines = printed(VIEWS["full"](found, 140)).splitlines()
    rows = [line.split()[1:5] for line in lines if line.startswith("2026-11-2")]
    assert rows == [["1", "1", "?", "?"], ["1", "0", "$0.0045", "≥$0.0045"], ["1", "0", "$0.0045", "≥$0.0090"]]


EVERY = tuple(LOGS.values())


@cache
def together() -> Analysis:
    logs = [open_source(log) for log in (*EVERY, "fixtures/pi/tree.jsonl", "fixtures/claude-code/session.jsonl")]
    return evaluate(load_logs(logs, Reading()), Choices(by=("format",)))


@pytest.mark.parametrize("width", [40, 60, 80, 110, 140, 220])
@pytest.mark.parametrize("view", ["tools", "turns", "full"])
def test_no_line_is_wider_than_the_width(view: str, width: int) -> None:
    for line in printed(VIEWS[view](together(), width)).split("\n"):
        assert cell_len(line) <= width, line
        assert line == line.rstrip()
