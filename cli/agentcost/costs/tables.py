"""The tables of money by request, token class, price and day.

Dollars are exact decimals; what has no price is null and counted, never zero.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import numpy
import polars as pl

from agentcost.costs.requests import COLUMN, ORDER, Costs
from agentcost.measuring.levels import Ints
from agentcost.model import Request
from agentcost.pricing import BESIDE, CLASSES, FEMTO, Unpriced, dollars, exact_sum

MONEY = pl.Decimal(38, FEMTO)
"""Dollars, to the last digit that is counted."""

_UNIT = Decimal(1).scaleb(-FEMTO)
"""A femtodollar."""

OUTPUT = ("output", "reasoning")


def money(femto: Ints, known: Sequence[bool] | None = None) -> pl.Series:
    """Amounts as dollars; null where nothing is known."""
    if femto.dtype == object:
        series = pl.Series([dollars(value) for value in femto.tolist()], dtype=MONEY)
    else:  # exact: the same digits with the point elsewhere
        series = (pl.Series(femto).cast(pl.Decimal(38, 0)) * pl.Series([_UNIT], dtype=MONEY)).cast(MONEY)
    return series if known is None else series.set(~pl.Series(known, dtype=pl.Boolean), None)


def request_columns(costs: Costs) -> pl.DataFrame:
    """Per request, in the record's order: what it cost, by class, and what that rests on.

    `cost_saved` is what caching saved against the same tokens uncached, less what writing cost more than that.
    """
    known, of = costs.priced, costs.amounts
    plain = costs.units[:, [COLUMN["plain"]]]
    inputs = [COLUMN[name] for name in ORDER]
    saved = (costs.tokens[:, inputs] * (plain - costs.units[:, inputs])).sum(axis=1)
    parts = {
        "cost": of.sum(axis=1),
        "cost_read": of[:, COLUMN["read"]],
        "cost_write": of[:, [COLUMN[name] for name in ORDER if name.startswith("write")]].sum(axis=1),
        "cost_plain": of[:, COLUMN["plain"]],
        "cost_output": of[:, [COLUMN[name] for name in OUTPUT]].sum(axis=1),
        "cost_beside": of[:, [COLUMN[name] for name in BESIDE]].sum(axis=1),
        "cost_saved": saved,
        "cost_lost": costs.lost,
    }
    frame = pl.DataFrame({name: money(values, known) for name, values in parts.items()})
    quoted = costs.quoted
    basis = [one if there else None for one, there in zip(costs.basis, known, strict=True)]
    # a number below 0 is that of a reason, counted from the end
    unpriced = numpy.array([*("" for _ in quoted.prices), *(one.reason for one in reversed(quoted.reasons))], object)
    ignored = numpy.array([*(", ".join(one.ignored) for one in quoted.prices), *("" for _ in quoted.reasons)], object)
    return frame.with_columns(
        pl.Series("cost_basis", basis, pl.String),
        pl.Series("cost_is_lower_bound", costs.bounded, pl.Boolean),
        pl.Series("billing", costs.billing, pl.String),
        pl.Series("plan", costs.plans, pl.String),
        pl.Series("unpriced", unpriced[quoted.of].tolist(), pl.String),
        pl.Series("not_applied", ignored[quoted.of].tolist(), pl.String),
        pl.Series("price_date_assumed", quoted.assumed.tolist(), pl.Boolean),
    )


# --- by class, price and day ---------------------------------------------------------------------------------------

_CLASSES: dict[str, pl.DataType] = {
    "class": pl.String(), "billing": pl.String(), "tokens": pl.Int64(), "cost": MONEY, "share": pl.Float64(),
}  # fmt: skip


def by_class(costs: Costs, chosen: Collection[int]) -> pl.DataFrame:
    """A row per token class and way of paying, of the requests that have a price; share is of that way's dollars."""
    rows = []
    every = priced_rows(costs, sorted(chosen))
    for billing in sorted({costs.billing[row] for row in every}):
        own = [row for row in every if costs.billing[row] == billing]
        tokens, amounts = costs.tokens[own], costs.amounts[own]
        total = exact_sum(amounts)
        for column, name in enumerate(CLASSES):
            count, amount = int(tokens[:, column].sum()), exact_sum(amounts[:, column])
            if amount or (count and name != "requests"):
                rows.append((name, billing, count, dollars(amount), amount / total if total else None))
    return pl.DataFrame(rows, schema=_CLASSES, orient="row")


def priced_rows(costs: Costs, rows: Sequence[int]) -> list[int]:
    """Those of the requests that have a price."""
    return [row for row in rows if costs.priced[row]]


_PRICES: dict[str, pl.DataType] = {
    "provider": pl.String(), "model": pl.String(), "billing": pl.String(), "requests": pl.Int64(),
    "tokens": pl.Int64(), "cost": MONEY, "input_price": MONEY, "read_price": MONEY, "output_price": MONEY,
    "source": pl.String(),
    "checked": pl.String(), "mark": pl.String(), "included": pl.Boolean(), "not_applied": pl.String(),
    "notes": pl.String(), "unpriced": pl.String(),
}  # fmt: skip


def prices(costs: Costs, requests: Sequence[Request], chosen: Collection[int]) -> pl.DataFrame:
    """A row per price that was used, and per reason why there was none; the dearest first.

    Prices are those of the smallest prompts, in dollars per million tokens.
    """
    groups: dict[tuple[int, str, str, str], list[int]] = {}
    for row in sorted(chosen):
        request = requests[row]
        key = int(costs.quoted.of[row]), request.provider, request.model, costs.billing[row]
        groups.setdefault(key, []).append(row)
    rows = []
    for (_, provider, model, billing), own in groups.items():
        tokens = int(costs.tokens[own][:, : COLUMN["searches"]].sum())
        price = costs.quoted.price(own[0])
        told: tuple[object, ...]
        if isinstance(price, Unpriced):
            told = (None, None, None, None, "", None, "", False, "", "", price.reason)
        else:
            rates = price.steps[0].rates
            told = (
                dollars(exact_sum(costs.amounts[own])), rates.plain, rates.read, rates.output, price.source,
                price.checked and price.checked.isoformat(), price.mark, price.included, ", ".join(price.ignored),
                "; ".join(price.notes), "",
            )  # fmt: skip
        rows.append((provider, model, billing, len(own), tokens, *told))
    frame = pl.DataFrame(rows, schema=_PRICES, orient="row")
    return frame.sort("cost", "tokens", "provider", "model", "billing", "source", "notes",
                      descending=[True, True, *[False] * 5], nulls_last=True)  # fmt: skip


_SPEND: dict[str, pl.DataType] = {
    "day": pl.String(), "billing": pl.String(), "requests": pl.Int64(), "unpriced_requests": pl.Int64(),
    "lower_bounds": pl.Int64(), "cost": MONEY, "cumulative": MONEY,
}  # fmt: skip


def spend(chosen: pl.DataFrame) -> pl.DataFrame:
    """A row per day and way of paying, of the requests table with its cost columns and `day`; no day is null."""
    return (
        chosen.group_by("day", "billing")
        .agg(
            requests=pl.len().cast(pl.Int64),
            unpriced_requests=pl.col("cost").null_count().cast(pl.Int64),
            lower_bounds=pl.col("cost_is_lower_bound").sum().cast(pl.Int64),
            cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()),
        )
        .sort("billing", "day", nulls_last=True)
        .with_columns(cumulative=pl.col("cost").fill_null(0).cum_sum().over("billing").cast(MONEY))
        .select(pl.col(name).cast(kind) for name, kind in _SPEND.items())
    )
