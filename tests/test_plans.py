"""A month under plans: seats, credits and the day they run out, computed by hand; nothing extrapolated in silence."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import Maker, words
from tests.test_reprice import repricing

from agentcost.costs.requests import Pricing
from agentcost.errors import AgentcostError, UsageError
from agentcost.model import Usage
from agentcost.pricing import read_price_file
from agentcost.record import Record
from agentcost.repricing.bills import SAME_TEXTS
from agentcost.repricing.plans import (
    EVEN,
    LATER,
    NO_LIMIT,
    PLAN_MONTH,
    PLANS,
    STOPS,
    PlanAsk,
    month_of,
    plan_month,
    plan_rows,
)
from agentcost.repricing.resending import Sent
from agentcost.schema import REPRICE_TABLES

OPUS = {"model": "claude-opus-5-5", "provider": "anthropic", "api": "anthropic"}
"""4 dollars per million of plain input, at Anthropic as at Copilot."""


def used(*days: tuple[str, int, str], model: str = "claude-opus-5-5") -> Record:
    """A request per (day, dollars, user): 250,000 plain tokens a dollar."""
    maker = Maker()
    for number, (day, amount, user) in enumerate(days):
        moment = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC).timestamp() + number
        usage = Usage(250_000 * amount, output=0)
        maker.send(words(f"{day} {number}"), usage=usage, started=moment, user=user, **{**OPUS, "model": model})
    return maker.made()


def table(record: Record, ask: PlanAsk = PlanAsk(), file: str = "") -> dict[str, dict[str, Any]]:  # noqa: B008 — frozen
    pricing = Pricing(read_price_file(file, "own.toml")) if file else Pricing()
    found = repricing(record, pricing)
    month = month_of(found, ask, range(len(found.requests)))
    return {row["plan"]: row for row in plan_rows(found, month, ask).to_dicts()}


def observed(record: Record, ask: PlanAsk = PlanAsk()) -> dict[str, Any]:  # noqa: B008 — frozen
    found = repricing(record)
    return plan_month(month_of(found, ask, range(len(found.requests)))).row(0, named=True)


MONTH = (("2026-10-02", 12, ""), ("2026-10-05", 10, ""), ("2026-10-09", 30, ""))
"""52 dollars on three days, by nobody that is named."""


@pytest.mark.parametrize(
    ("plan", "seats", "fee", "included", "beyond", "out"),
    [
        ("copilot-pro", 1, 10, 15, 37, "2026-10-05"),
        ("copilot-pro-plus", 1, 39, 70, 0, None),
        ("copilot-max", 1, 100, 200, 0, None),
        ("copilot-business", 1, 19, 19, 33, "2026-10-05"),
        ("copilot-business", 2, 38, 38, 14, "2026-10-09"),
        ("copilot-business", 3, 57, 57, 0, None),
        ("copilot-enterprise", 1, 39, 39, 13, "2026-10-09"),
    ],
)
def test_seats_credits_and_the_day_they_run_out(
    plan: str, seats: int, fee: int, included: int, beyond: int, out: str | None
) -> None:
    row = table(used(*MONTH), PlanAsk(developers=seats))[plan]
    assert (row["usage"], row["credits"], row["credits_included"]) == (52, 5200, 100 * included)
    assert (row["seat_fee"], row["included"], row["beyond"], row["overage"]) == (fee, included, beyond, beyond)
    assert (row["bill"], row["runs_out"]) == (fee + beyond, out)


def test_what_is_used_up_to_the_last_credit_has_not_run_out() -> None:
    row = table(used(("2026-10-02", 15, "")))["copilot-pro"]
    assert (row["beyond"], row["runs_out"]) == (0, None)


def test_users_have_credits_of_their_own_unless_they_are_pooled() -> None:
    """Ann uses 30 dollars, Bob 1: Pro has 15 for each, Business 38 for both."""
    record = used(("2026-10-02", 30, "ann"), ("2026-10-03", 1, "bob"))
    found = table(record)
    assert found["copilot-pro"]["seats"] == 2
    assert (found["copilot-pro"]["beyond"], found["copilot-pro"]["users_out"]) == (15, 1)
    assert (found["copilot-business"]["beyond"], found["copilot-business"]["users_out"]) == (0, 0)
    assert EVEN not in found["copilot-pro"]["assumes"]


def test_usage_without_users_is_spread_evenly_and_says_so() -> None:
    row = table(used(*MONTH), PlanAsk(developers=3))["copilot-pro"]
    assert row["beyond"] == 52 - 45
    assert EVEN in row["assumes"]


def test_a_plan_is_that_of_its_month() -> None:
    """Business had 3,000 credits from June to August 2026, and 1,900 after."""
    included = {day: table(used((day, 1, "")))["copilot-business"]["included"] for day in ("2026-08-31", "2026-09-01")}
    assert included == {"2026-08-31": 30, "2026-09-01": 19}


def test_a_plan_that_came_later_says_so() -> None:
    row = table(used(("2026-03-02", 1, "")))["copilot-business"]
    assert (row["offered"], row["included"]) == (False, 30)
    assert LATER in row["assumes"]


def test_the_observed_days_are_told_and_nothing_is_extrapolated() -> None:
    found = observed(used(*MONTH))
    assert (found["days"], found["days_spanned"], found["days_with_requests"]) == (31, 8, 3)
    assert (found["first_day"], found["last_day"]) == ("2026-10-02", "2026-10-09")
    assert found["extrapolated_by"] is None


def test_extrapolation_is_asked_for_and_told() -> None:
    """52 dollars on 8 days are 201.50 on 31."""
    found = table(used(*MONTH), PlanAsk(extrapolate=True))
    assert found["by the token"]["usage"] == Decimal("201.5")
    assert (found["copilot-max"]["beyond"], found["copilot-max"]["extrapolated"]) == (Decimal("1.5"), True)
    assert found["copilot-max"]["runs_out"] is None
    assert observed(used(*MONTH), PlanAsk(extrapolate=True))["extrapolated_by"] == 31 / 8


def test_other_months_and_requests_without_a_day_are_left_out() -> None:
    maker = Maker()
    for started in (None, datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC).timestamp(),
                    datetime(2026, 10, 1, tzinfo=UTC).timestamp()):  # fmt: skip
        maker.send(words(f"{started}"), usage=Usage(250_000, output=0), started=started, **OPUS)
    found = observed(maker.made())
    assert (found["month"], found["requests"], found["undated_requests"]) == ("2026-10", 1, 1)
    assert observed(maker.made(), PlanAsk("2026-09"))["requests"] == 1


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (PlanAsk("2026-1"), UsageError, "write it as"),
        (PlanAsk("2026-11"), AgentcostError, "it has 2026-10"),
        (PlanAsk(developers=1), UsageError, "2 users"),
        (PlanAsk(names=("team",)), UsageError, "no such plan"),
    ],
)
def test_what_cannot_be_is_refused(ask: PlanAsk, error: type[Exception], told: str) -> None:
    record = used(("2026-10-02", 1, "ann"), ("2026-10-02", 1, "bob"))
    with pytest.raises(error, match=told):
        table(record, ask)


def test_a_log_without_days_has_no_month() -> None:
    maker = Maker()
    maker.send(words("hello"), usage=Usage(10, output=0), **OPUS)
    with pytest.raises(AgentcostError, match="tells its day"):
        table(maker.made())


FILE = """
[[plans]]
name = "flat"
seat = 20

[[plans]]
name = "limited"
seat = 25
included = 40

[[plans]]
name = "double"
seat = 0
included = 10
overage = 2
"""


def test_plans_of_the_price_file() -> None:
    """No limit is invented, nothing is sold beyond where no overage is told, and overage multiplies the list price."""
    found = table(used(*MONTH), file=FILE)
    flat, limited, double = (found[name] for name in ("flat", "limited", "double"))
    assert (flat["bill"], flat["beyond"], flat["included"]) == (20, None, None)
    assert NO_LIMIT in flat["assumes"]
    assert (limited["beyond"], limited["overage"], limited["bill"], limited["runs_out"]) == (
        12,
        None,
        None,
        "2026-10-09",
    )
    assert STOPS in limited["assumes"]
    assert (double["overage"], double["bill"]) == (84, 84)


def test_what_a_plan_has_no_price_for_is_unpriced() -> None:
    """Copilot has no Opus 4.5 any more; with seats that is no bill that is known."""
    row = table(used(*MONTH, model="claude-opus-4-5"))["copilot-pro"]
    assert (row["usage"], row["overage"], row["bill"], row["unpriced_requests"]) == (None, None, None, 3)
    assert "github-copilot" in row["unpriced"]


def test_usage_on_another_model() -> None:
    """Copilot has no Opus 4.5 any more; on Opus 5.5 the same texts have a price there, which is Anthropic's."""
    record = used(*MONTH, model="claude-opus-4-5")
    found = table(record, PlanAsk(models=(Sent("anthropic", "claude-opus-5-5"),)))
    row = found["copilot-business"]
    assert (row["model"], row["unpriced_requests"]) == ("claude-opus-5-5", 0)
    assert row["usage"] == found["by the token"]["usage"] > 0
    assert SAME_TEXTS in row["assumes"]


def test_units_of_a_list_price_are_shown_where_they_are_named() -> None:
    """Claude Consumption Units: a cent of list price each."""
    assert "claude-units" not in table(used(*MONTH))
    row = table(used(*MONTH), PlanAsk(names=("claude-units",)))["claude-units"]
    assert (row["seat_fee"], row["credits"], row["bill"]) == (0, 5200, 52)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 28), st.integers(0, 40)), min_size=1, max_size=8), st.integers(1, 4))
def test_more_seats_never_leave_more_beyond(days: list[tuple[int, int]], seats: int) -> None:
    record = used(*((f"2026-10-{day:02}", amount, "") for day, amount in days))
    fewer, more = (table(record, PlanAsk(developers=count)) for count in (seats, seats + 1))
    for name, row in fewer.items():
        if row["beyond"] is not None:
            assert more[name]["beyond"] <= row["beyond"]
            assert row["bill"] == row["seat_fee"] + row["overage"]
            assert (row["runs_out"] is not None) == (row["beyond"] > 0)


@pytest.mark.parametrize(("name", "schema"), [("plans", PLANS), ("plan_month", PLAN_MONTH)])
def test_columns_are_those_that_are_documented(name: str, schema: dict[str, object]) -> None:
    assert REPRICE_TABLES[name][1].split(", ") == list(schema)
