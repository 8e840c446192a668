"""Prices times tokens for many requests at once, in integers: a cent is never lost between rows and totals.

Amounts are in femtodollars (1e-15): a price of 2.5 dollars per million tokens is 2,500,000,000 of them a token. Unit
prices are kept to a billionth of a dollar per million tokens, which no published price needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from operator import mul

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.model import Usage
from agentcost.pricing import published, rates
from agentcost.pricing.lookup import price_of
from agentcost.pricing.price_file import Book
from agentcost.pricing.rates import Price, Rates, Unpriced
from agentcost.pricing.terms import Terms

Ints = NDArray[numpy.int64]

FEMTO = 15
"""Digits behind the point of an amount in dollars."""

CLASSES = (
    "plain", "read", "write_5m", "write_1h", "write", "write_12h", "output", "reasoning", "searches",
    "file_searches", "requests",
)  # fmt: skip
"""The columns of a matrix of tokens and of amounts. Output here is without reasoning; `write` is of the provider's
default time to live; `requests` is 1, for the few who charge for each."""

BESIDE = ("searches", "file_searches", "requests")
"""Those that are no tokens."""

INPUT = ("plain", "read", "write_5m", "write_1h", "write", "write_12h")

_RATES = (
    "plain", "read", "write", "write_1h", "write", "write_12h", "output", "reasoning", *rates.BESIDE,
)  # fmt: skip
"""The rate of each of the CLASSES."""

_DAY, _QUARTER = 86_400, 900
RELATIVE = 366 * 86_400
"""Times in the first year of the epoch are no dates."""

_SAFE = 2**59
"""So that the sum of all classes has 64 bits."""


def dollars(femto: int) -> Decimal:
    """An amount as dollars, to the last digit."""
    return Decimal(int(femto)).scaleb(-FEMTO)


def unit_prices(own: Rates) -> list[int]:
    """Femtodollars of one of each of the CLASSES."""
    found = []
    for name in _RATES:
        per = Decimal(10) ** (FEMTO - 3 if name in rates.BESIDE else FEMTO - 6)
        found.append(int((getattr(own, name) * per).to_integral_value(ROUND_HALF_EVEN)))
    return found


def tokens_of(usages: Sequence[Usage], terms: Sequence[Terms]) -> Ints:
    """The tokens of bills, by CLASSES. OpenAI's writes are those of the time to live that the request asked for."""
    found = numpy.zeros((len(usages), len(CLASSES)), dtype=numpy.int64)
    for column, name in enumerate(("plain", "read", "write_5m", "write_1h", "write")):
        found[:, column] = [getattr(usage, name) for usage in usages]
    found[:, CLASSES.index("reasoning")] = [usage.reasoning or 0 for usage in usages]
    found[:, CLASSES.index("output")] = [usage.output or 0 for usage in usages]
    found[:, CLASSES.index("output")] -= found[:, CLASSES.index("reasoning")]
    found[:, CLASSES.index("requests")] = 1
    for name in ("searches", "file_searches"):
        found[:, CLASSES.index(name)] = [getattr(usage, name) for usage in usages]
    return kept_longer(found, terms)


def kept_longer(tokens: Ints, terms: Sequence[Terms]) -> Ints:
    """The same with the writes of requests that asked for 12 hours as such."""
    long = numpy.array([own.cache_ttl == "12h" for own in terms], dtype=bool)
    tokens[long, CLASSES.index("write_12h")] = tokens[long, CLASSES.index("write")]
    tokens[long, CLASSES.index("write")] = 0
    return tokens


class Quoted(msgspec.Struct, frozen=True):
    """The price of every request: `of` is its number in `prices`, or less than 0: the number of its `reasons`, from -1.

    `assumed` says which requests have no date, and were priced as of `day`.
    """

    prices: tuple[Price, ...]
    reasons: tuple[Unpriced, ...]
    of: Ints
    assumed: NDArray[numpy.bool_]
    day: date

    def price(self, row: int) -> Price | Unpriced:
        """The price of a request, or why it has none."""
        number = int(self.of[row])
        return self.prices[number] if number >= 0 else self.reasons[-1 - number]


def quote(terms: Sequence[Terms], started: Sequence[float | None], day: date, book: Book | None = None) -> Quoted:
    """A price per request, each distinct one resolved once. Where no date is known it is that of `day` at noon, UTC."""
    noon = datetime.combine(day, time(12), UTC).timestamp()
    assumed = numpy.array([start is None or abs(start) < RELATIVE for start in started], dtype=bool)
    dated = [noon if none or start is None else start for start, none in zip(started, assumed.tolist(), strict=True)]
    known: dict[tuple[int, int, int], int] = {}
    fine: dict[int, int] = {}
    kept = {id(own): own for own in terms}
    outcomes = _Outcomes()
    of = []
    for name, start in zip(map(id, terms), dated, strict=True):
        bucket = fine.get(name, _DAY)
        key = name, bucket, int(start // bucket)
        number = known.get(key)
        if number is None:
            found = price_of(kept[name], datetime.fromtimestamp(start, UTC), book)
            if isinstance(found, Price) and found.hourly and bucket == _DAY:
                fine[name] = _QUARTER
                key = name, _QUARTER, int(start // _QUARTER)
            number = known[key] = outcomes.number(found)
        of.append(number)
    published.save()
    of_rows = numpy.array(of, dtype=numpy.int64)
    return Quoted(tuple(outcomes.prices), tuple(outcomes.reasons), of_rows, assumed, day)


class _Outcomes(msgspec.Struct):
    """The distinct prices and reasons, in the order in which they were met."""

    prices: list[Price] = []
    reasons: list[Unpriced] = []
    numbers: dict[Price | Unpriced, int] = {}

    def number(self, found: Price | Unpriced) -> int:
        """The number of a price, or less than 0 that of a reason."""
        if found not in self.numbers:
            if isinstance(found, Price):
                self.prices.append(found)
                self.numbers[found] = len(self.prices) - 1
            else:
                self.reasons.append(found)
                self.numbers[found] = -len(self.reasons)
        return self.numbers[found]


def units_of(quoted: Quoted, prompts: Ints) -> Ints:
    """Femtodollars of one of each of the CLASSES, by request and the size of its prompt; 0 for what has no price."""
    rows, starts = _step_rows(quoted.prices)
    found: Ints = numpy.zeros((len(prompts), len(CLASSES)), dtype=numpy.int64)
    for number, price in enumerate(quoted.prices):
        own = numpy.flatnonzero(quoted.of == number)
        overs = numpy.array([step.over for step in price.steps], dtype=numpy.int64)
        found[own] = rows[starts[number] + numpy.searchsorted(overs, prompts[own], side="left") - 1]
    return found


def amounts(quoted: Quoted, tokens: Ints) -> Ints:
    """Femtodollars by request and CLASSES; 0 for what has no price (look at `quoted.of`). `tokens` has their shape."""
    return exactly(tokens, units_of(quoted, tokens[:, : len(INPUT)].sum(axis=1)))


def _step_rows(prices: Sequence[Price]) -> tuple[Ints, list[int]]:
    """The unit prices of all steps of all prices, and where each price's begin."""
    rows: list[list[int]] = []
    starts: list[int] = []
    for price in prices:
        starts.append(len(rows))
        rows += [unit_prices(step.rates) for step in price.steps]
    return numpy.array(rows, dtype=numpy.int64).reshape(-1, len(CLASSES)), starts


def exactly(tokens: Ints, units: Ints) -> Ints:
    """Tokens times prices; where 64 bits are too few (a row that sums a month, an absurd price) in whole numbers of
    Python, which every sum here takes as well."""
    if len(tokens) and max(map(mul, tokens.max(axis=0).tolist(), units.max(axis=0).tolist())) >= _SAFE:
        tokens, units = tokens.astype(object), units.astype(object)
    product: Ints = tokens * units
    return product


def exact_sum(femto: Ints) -> int:
    """The sum of amounts, however large: 64 bits hold no more than 9,000 dollars."""
    if femto.dtype == object:
        return int(femto.sum())
    return (int((femto >> 32).sum()) << 32) + int((femto & 0xFFFFFFFF).sum())
