"""The table of a log under other terms: a row per offer and way of paying, whose parts sum to it exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal

import polars as pl

from agentcost.costs.requests import COLUMN
from agentcost.costs.tables import MONEY
from agentcost.pricing import BESIDE, dollars, exact_sum
from agentcost.pricing.published import find
from agentcost.repricing.bills import Bill, Offer, Repricing, most_of
from agentcost.repricing.resending import Outcome, Sent

REPRICED: dict[str, pl.DataType] = {
    "what": pl.String(), "kind": pl.String(), "billing": pl.String(), "provider": pl.String(), "model": pl.String(),
    "tier": pl.String(), "requests": pl.Int64(), "unpriced_requests": pl.Int64(), "unpriced": pl.String(),
    "lower_bounds": pl.Int64(), "read": pl.Int64(), "write": pl.Int64(), "plain": pl.Int64(), "output": pl.Int64(),
    "cost": MONEY, "cost_read": MONEY, "cost_write": MONEY, "cost_plain": MONEY, "cost_output": MONEY,
    "cost_beside": MONEY, "against": MONEY, "change": pl.Float64(), "band": pl.Float64(), "tokens_factor": pl.Float64(),
    "basis": pl.String(), "policy": pl.String(), "too_long": pl.Int64(), "source": pl.String(), "assumes": pl.String(),
}  # fmt: skip

PARTS: dict[str, tuple[str, ...]] = {
    "read": ("read",), "write": ("write_5m", "write_1h", "write", "write_12h"), "plain": ("plain",),
    "output": ("output", "reasoning"), "beside": BESIDE,
}  # fmt: skip
"""The parts of a cost, by the classes of its tokens."""


def repriced(repricing: Repricing, offers: Sequence[Offer], chosen: Collection[int]) -> pl.DataFrame:
    """A row per offer and way of paying, of the chosen requests. Parts add up to the cost exactly.

    `against` is the cost as run, on the same basis, of the requests that have a price in both, and a known cache in
    both or in neither; `change` the share by which theirs differs from it.
    """
    billing = repricing.costs.billing
    ways = sorted({billing[row] for row in chosen})
    rows = [
        _row(repricing, offer, way, [row for row in sorted(chosen) if billing[row] == way])
        for offer in offers
        for way in ways
    ]
    return pl.DataFrame(rows, schema=REPRICED, orient="row")


def _row(repricing: Repricing, offer: Offer, way: str, rows: Sequence[int]) -> tuple[object, ...]:
    bill = offer.bill
    priced = [row for row in rows if bill.priced[row]]
    both = [row for row in priced if offer.against.priced[row] and _comparable(repricing, offer, row)]
    whole, then = bill.total(both), offer.against.total(both)
    parts = {name: [COLUMN[one] for one in classes] for name, classes in PARTS.items()}
    costs = [exact_sum(bill.amounts[priced][:, columns].sum(axis=1)) if priced else None for columns in parts.values()]
    counted = priced or list(rows)
    tokens = {name: int(bill.tokens[counted][:, columns].sum()) for name, columns in parts.items()}
    reasons = Counter(bill.reasons[row] for row in rows if bill.reasons[row])
    outcome, sent = offer.outcome, offer.sent
    factor, band = tokens_factor(repricing, outcome, rows) if outcome else (None, None)
    policies = Counter(outcome.policies[row] for row in rows if outcome.policies[row]) if outcome else Counter()
    return (
        offer.label, offer.kind, way, sent.host if sent else "", sent.model if sent else "", offer.tier, len(rows),
        len(rows) - len(priced), "; ".join(sorted(reasons)), _bounded(repricing, offer, rows),
        tokens["read"], tokens["write"], tokens["plain"], tokens["output"],
        dollars(sum(filter(None, costs))) if priced else None, *(_dollars(cost) for cost in costs),
        dollars(then) if both else None, whole / then - 1 if both and then else None, band, factor,
        _basis(repricing, offer, counted),
        ", ".join(sorted(policies)), _too_long(sent, bill, rows), "; ".join(_sources(bill, priced)),
        "; ".join(offer.assumes),
    )  # fmt: skip


def _basis(repricing: Repricing, offer: Offer, rows: Sequence[int]) -> str:
    """Whose classes the tokens of most of these requests are: as run where nothing was sent elsewhere."""
    as_run = offer.outcome is None and offer.kind in ("as run", "tier")
    return most_of([repricing.costs.basis[row] for row in rows]) if as_run else offer.basis


def tokens_factor(repricing: Repricing, outcome: Outcome, rows: Sequence[int]) -> tuple[float | None, float]:
    """Tokens of some requests for each of the log's own, and the relative error."""
    before = sum(repricing.resending.as_run.rebased.totals[row] for row in rows)
    whole = sum(outcome.rebased.totals[row] for row in rows)
    return whole / before if before else None, outcome.rebased.band(rows)


def _bounded(repricing: Repricing, offer: Offer, rows: Sequence[int]) -> int:
    """Requests whose cost is a lower bound: output that is not fully known, hours that are no more than a bound."""
    return len(rows) if offer.basis == "roofline" else sum(repricing.costs.bounded[row] for row in rows)


def _comparable(repricing: Repricing, offer: Offer, row: int) -> bool:
    """Whether a request's cost says anything beside the other: an upper bound beside a simulation does not."""
    if offer.outcome is None or offer.against is not repricing.simulated:
        return True
    before, after = repricing.resending.as_run.basis[row], offer.outcome.basis[row]
    return (before == "uncached") == (after == "uncached")


def _dollars(femto: int | None) -> Decimal | None:
    return None if femto is None else dollars(femto)


def _sources(bill: Bill, rows: Sequence[int]) -> list[str]:
    """Where the prices of some requests are from, as of when."""
    if bill.source:
        return [bill.source]
    found = set()
    for number in {int(bill.quoted.of[row]) for row in rows}:
        price = bill.quoted.prices[number]
        found.add(price.source + (f" as of {price.checked}" if price.checked else ""))
    return sorted(found)


def _too_long(sent: Sent | None, bill: Bill, rows: Sequence[int]) -> int | None:
    """Requests that do not fit the model's context; None where nobody says how long that is."""
    found = find(sent.host, sent.model) if sent else None
    window = found.info.context if found else None
    if not window:
        return None
    return int((bill.tokens[list(rows)][:, : COLUMN["searches"]].sum(axis=1) > window).sum())
