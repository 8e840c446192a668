"""What every request cost: its tokens by class, billed or simulated, at the price of its own day and terms.

Money is counted in whole femtodollars (see pricing.amounts), so rows add up to every total exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Literal

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.cache.prompts import Served
from agentcost.caching.run import Run
from agentcost.measuring.levels import Ints
from agentcost.measuring.measure import Measured
from agentcost.model import Knowledge, Request, Usage
from agentcost.pricing import (
    CLASSES,
    INPUT,
    Book,
    Price,
    Quoted,
    Terms,
    exactly,
    kept_longer,
    price_list,
    quote,
    terms_of,
    tokens_of,
    units_of,
)

ORDER = ("read", "write_1h", "write_12h", "write_5m", "write", "plain")
"""The classes of input in the order in which they lie in a prompt."""

COLUMN = {name: number for number, name in enumerate(CLASSES)}

Basis = Literal["billed", "simulated", "uncached"]
"""Whose token classes were priced: the bill's, the simulated cache's, or none: all as plain input, an upper bound."""


class Pricing(msgspec.Struct, frozen=True):
    """How the user wants a log priced: negotiated prices, the day of requests that have none (None: that of the price
    list), and how they were paid for ("": a transcript does not tell)."""

    book: Book | None = None
    day: date | None = None
    billing: str = ""


class Costs(msgspec.Struct, frozen=True, dict=True):
    """What every request cost; arrays and lists are by request, matrices by request and CLASSES.

    `tokens` are those that were priced, `units` femtodollars of one of them, `amounts` both multiplied; all 0 where
    `priced` is not set: `quoted` says why. `bounded` says that the output is unknown or only in part: the amount is a
    lower bound. `lost` is what the tokens that a miss lost cost beyond reading them. `billing` is api, seat, credits or
    "" where nothing tells, `plans` the plan that was named.
    """

    quoted: Quoted
    basis: list[Basis]
    tokens: Ints
    units: Ints
    amounts: Ints
    bounded: list[bool]
    lost: Ints
    billing: list[str]
    plans: list[str]

    @cached_property
    def priced(self) -> list[bool]:
        """Whether a request has a price."""
        found: list[bool] = (self.quoted.of >= 0).tolist()
        return found

    def price(self, row: int) -> Price | None:
        """The price of a request."""
        found = self.quoted.price(row)
        return found if isinstance(found, Price) else None


def costs_of(requests: Sequence[Request], measured: Sequence[Measured], run: Run, pricing: Pricing) -> Costs:
    """The cost of every request, in their order."""
    payers = _payers(requests, pricing)
    terms = _terms(requests, payers, pricing)
    day = pricing.day or price_list().published.date
    quoted = quote(terms, [date_of(request) for request in requests], day, pricing.book)
    totals = _totals(measured, len(requests))
    split = [_usage(*one) for one in zip(requests, run.served, totals, strict=True)]
    tokens = kept_longer(tokens_of([usage for usage, _ in split], terms), terms)
    for row, (usage, basis) in enumerate(split):
        if basis == "simulated" and usage.write:
            _move_12h(tokens, row, run.served[row])
    units = units_of(quoted, tokens[:, : len(INPUT)].sum(axis=1))
    bounded = [
        request.usage is None or request.usage.output is None or request.usage.output_is_lower_bound or left_out
        for request, left_out in zip(requests, _left_out(quoted, tokens, units), strict=True)
    ]
    misses = numpy.array([miss.lost if miss else 0 for miss in run.misses], dtype=numpy.int64)
    return Costs(
        quoted, [basis for _, basis in split], tokens, units, exactly(tokens, units), bounded,
        _lost(tokens, units, misses), [billing for billing, _ in payers], [plan for _, plan in payers],
    )  # fmt: skip


def _left_out(quoted: Quoted, tokens: Ints, units: Ints) -> list[bool]:
    """Whether something beside the tokens of a request has no price that is known."""
    beside = [COLUMN[name] for name in ("searches", "file_searches")]
    if not tokens[:, beside].any():
        return [False] * len(tokens)
    included = numpy.array([price.included for price in quoted.prices] or [False], dtype=bool)
    priced = (quoted.of >= 0) & ~included[numpy.maximum(quoted.of, 0)]
    found: list[bool] = (priced & ((tokens[:, beside] > 0) & (units[:, beside] == 0)).any(axis=1)).tolist()
    return found


def date_of(request: Request) -> float | None:
    """When a request started; None where its clock counts from the log's own start."""
    return None if ("clock", "relative") in request.settings else request.started


def _totals(measured: Sequence[Measured], count: int) -> list[int]:
    """The tokens of every prompt."""
    found = numpy.zeros(count, dtype=numpy.int64)
    for group in measured:
        found[list(group.rows)] = group.kinds.sum(axis=1)
    return found.tolist()


def _usage(request: Request, served: Served | None, total: int) -> tuple[Usage, Basis]:
    """The tokens of a request by class, and whose they are."""
    usage = request.usage
    if usage is not None and usage.classes_known:
        return usage, "billed"
    bill = usage or Usage(0)
    return (bill.recounted(total), "uncached") if served is None else (as_served(bill, served), "simulated")


def as_served(bill: Usage, served: Served) -> Usage:
    """A bill with its prompt as a cache served it."""
    short, long = served.writes.get("5m", 0), served.writes.get("1h", 0)
    return bill.recounted(served.plain, served.read, short, long, served.written - short - long)


def _move_12h(tokens: Ints, row: int, served: Served | None) -> None:
    """What was simulated to be written for 12 hours is priced as such."""
    own, long = COLUMN["write"], COLUMN["write_12h"]
    moved = served.writes.get("12h", 0) if served and not tokens[row, long] else 0
    tokens[row, own] -= moved
    tokens[row, long] += moved


def _lost(tokens: Ints, units: Ints, lost: Ints) -> Ints:
    """Femtodollars that the tokens a miss lost cost more than if they had been read: the first behind what was."""
    order = [COLUMN[name] for name in ORDER]
    ends = tokens[:, order].cumsum(axis=1)
    upto = numpy.minimum(ends[:, 0] + lost, ends[:, -1])
    found = numpy.zeros(len(tokens), dtype=numpy.int64)
    for number, column in enumerate(order[1:], start=1):
        part = numpy.maximum(numpy.minimum(ends[:, number], upto) - ends[:, number - 1], 0)
        found += part * (units[:, column] - units[:, order[0]])
    return found


# --- who paid ------------------------------------------------------------------------------------------------------

_FIELDS = ("user", "client", "project", "session", "provider", "model")
"""What of a request may say how it was paid for."""


def _payers(requests: Sequence[Request], pricing: Pricing) -> list[tuple[str, str]]:
    """How each request was paid for, and under which plan."""
    usual = {True: (pricing.billing, ""), False: (pricing.billing or "api", "")}
    told = _transcripts(requests)
    if pricing.book is None or not pricing.book.billing:
        return [usual[transcript] for transcript in told]
    known: dict[tuple[str, ...], tuple[str, str]] = {}
    found = []
    for request, transcript in zip(requests, told, strict=True):
        key = (*(getattr(request, name) for name in _FIELDS), "transcript" if transcript else "")
        if key not in known:
            payer = pricing.book.payer_of(dict(zip(_FIELDS, key, strict=False)))
            known[key] = (payer.billing, payer.plan) if payer else usual[transcript]
        found.append(known[key])
    return found


def _transcripts(requests: Sequence[Request]) -> list[bool]:
    """Whether each request is a client's own; a bill without a prompt is paid as the transcripts of its format are."""
    formats = {request.format for request in requests if request.knowledge is Knowledge.TRANSCRIPT}
    own = (Knowledge.TRANSCRIPT, Knowledge.COUNTS)
    return [request.knowledge in own and request.format in formats for request in requests]


def _terms(requests: Sequence[Request], payers: Sequence[tuple[str, str]], pricing: Pricing) -> list[Terms]:
    """The terms of each request; under a plan with a price list of its own, at that list. Equal ones are one object."""
    every = (*price_list().plans, *(pricing.book.plans if pricing.book else ()))
    lists = {plan.name: plan.provider for plan in every if plan.provider}
    if not any(plan in lists for plan in {plan for _, plan in payers}):
        return [terms_of(request) for request in requests]
    moved: dict[tuple[int, str], Terms] = {}
    found = []
    for request, (_, plan) in zip(requests, payers, strict=True):
        own = terms_of(request)
        if plan in lists:
            own = moved.setdefault((id(own), plan), replace(own, provider=lists[plan]))
        found.append(own)
    return found


HEADINGS: Mapping[str, str] = {
    "api": "cost", "seat": "list-price equivalent, paid by the seat", "credits": "cost in credits, as dollars",
    "": "list-price equivalent",
}  # fmt: skip
"""What the dollars of each way of paying are called; they are never summed with each other."""
