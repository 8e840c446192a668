"""The dollars that a log records beside ours, and what of other rules of pricing would explain a difference."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

import polars as pl

from agentcost.costs.requests import COLUMN, Costs
from agentcost.costs.tables import MONEY, OUTPUT
from agentcost.model import Request
from agentcost.pricing import FEMTO, INPUT, dollars, exact_sum

_RECORDED: dict[str, pl.DataType] = {
    "source": pl.String(), "line": pl.Int64(), "id": pl.String(), "session": pl.String(), "model": pl.String(),
    "recorded": MONEY, "computed": MONEY, "difference": MONEY, "equal": pl.Boolean(), "explained": pl.String(),
}  # fmt: skip
NEAR = Decimal("0.000001")
"""Dollars by which a recorded cost may differ from ours and be called equal: clients round."""


def recorded(costs: Costs, requests: Sequence[Request], chosen: Collection[int]) -> pl.DataFrame:
    """A row per request that a log records dollars of, the largest difference first; why, where a rule gives it."""
    rows = []
    rates = _implied(costs, requests, chosen)
    for row in sorted(chosen):
        request = requests[row]
        told = _decimal(request.recorded_cost)
        if told is None:
            continue
        own = dollars(exact_sum(costs.amounts[row])) if costs.priced[row] else None
        equal = None if own is None else abs(told - own) <= NEAR
        why = _explained(costs, row, told, rates.get(_group(request), ())) if equal is False else ""
        rows.append((
            request.place.source, request.place.line, request.id, request.session, request.model, told, own,
            None if own is None else told - own, equal, why,
        ))  # fmt: skip
    return pl.DataFrame(rows, schema=_RECORDED, orient="row").sort(
        pl.col("difference").abs(), "source", "line", descending=[True, False, False], nulls_last=True
    )


def _decimal(text: str) -> Decimal | None:
    return Decimal(text).quantize(Decimal(1).scaleb(-FEMTO)) if text else None


Rule = tuple[str, Decimal]
"""What a rule is called, and the dollars of a request under it."""

Implied = tuple[str, Decimal]
"""`read`, the price of what is read in dollars per million, or `times`, a multiple of every price."""


def _explained(costs: Costs, row: int, told: Decimal, implied: Sequence[Implied]) -> str:
    """The rule under which our price would be the recorded one; "" where none of these gives it."""
    rules = (*_rules(costs, row), *(_under(costs, row, one) for one in implied))
    found = next((why for why, other in rules if abs(told - other) <= NEAR), "")
    return found or ("the log tells no day" if costs.quoted.assumed[row] else "")


def _rules(costs: Costs, row: int) -> Iterator[Rule]:
    """What a request would cost as some clients price it."""
    tokens, units = costs.tokens[row].tolist(), costs.units[row].tolist()
    own = [count * unit for count, unit in zip(tokens, units, strict=True)]
    whole, plain = sum(own), units[COLUMN["plain"]]
    hour, short = COLUMN["write_1h"], units[COLUMN["write_5m"]]
    writes = [COLUMN[name] for name in INPUT if name.startswith("write")]
    yield "output left out", dollars(whole - sum(own[COLUMN[name]] for name in OUTPUT))
    yield "no discount for what was read", dollars(whole - own[COLUMN["read"]] + tokens[COLUMN["read"]] * plain)
    yield "writes priced as plain input", dollars(whole + sum(tokens[one] * plain - own[one] for one in writes))
    yield "all input priced as plain", dollars(whole + sum(tokens[one] * plain - own[one] for one in range(len(INPUT))))
    yield "writes of an hour priced as those of five minutes", dollars(whole + tokens[hour] * short - own[hour])
    yield "writes left out", dollars(whole - sum(own[one] for one in writes))


def _under(costs: Costs, row: int, implied: Implied) -> Rule:
    """A request under a price that other requests imply."""
    what, value = implied
    column = COLUMN["read"]
    whole, read = exact_sum(costs.amounts[row]), int(costs.amounts[row, column])
    if what == "times":
        return f"{value.normalize():f} times our price", dollars(whole) * value
    listed = dollars(int(costs.units[row, column]) * 10**6).normalize()
    other = dollars(whole - read) + value * int(costs.tokens[row, column]) / 10**6
    return f"reads at {value.normalize():f} instead of {listed:f} dollars per million", other


def _group(request: Request) -> tuple[str, str]:
    return request.session or request.place.source, request.model


def _implied(
    costs: Costs, requests: Sequence[Request], chosen: Collection[int]
) -> dict[tuple[str, str], list[Implied]]:
    """What the records of a session imply, each by the request that tells it best, where another one agrees: a single
    request would fit any price."""
    groups: dict[tuple[str, str], list[tuple[int, Decimal]]] = {}
    for row in sorted(chosen):
        told = _decimal(requests[row].recorded_cost)
        if told is not None and costs.priced[row] and costs.amounts[row].any():
            groups.setdefault(_group(requests[row]), []).append((row, told))
    found = {}
    for key, rows in groups.items():
        guesses = [
            ("read", _read_price(costs, *max(rows, key=lambda one: int(costs.tokens[one[0], COLUMN["read"]])))),
            ("times", _multiple(costs, *max(rows, key=lambda one: exact_sum(costs.amounts[one[0]])))),
        ]
        known = [(what, value) for what, value in guesses if value is not None]
        found[key] = [one for one in known if _agreeing(costs, rows, one) > 1]
    return found


def _agreeing(costs: Costs, rows: Sequence[tuple[int, Decimal]], implied: Implied) -> int:
    return sum(abs(told - _under(costs, row, implied)[1]) <= NEAR for row, told in rows)


def _read_price(costs: Costs, row: int, told: Decimal) -> Decimal | None:
    """The price of reads, in dollars per million to four digits, that gives the recorded cost; None if below 0."""
    column = COLUMN["read"]
    tokens = int(costs.tokens[row, column])
    if not tokens:
        return None
    rest = exact_sum(costs.amounts[row]) - int(costs.amounts[row, column])
    rate = (told - dollars(rest)) * 10**6 / tokens
    return round(rate, 4) if rate >= 0 else None


def _multiple(costs: Costs, row: int, told: Decimal) -> Decimal | None:
    """How many times our price was recorded, to three digits."""
    times = round(told / dollars(exact_sum(costs.amounts[row])), 3)
    return times if times != 1 else None
