"""What the library lacks or has wrong: our own dated prices and factors, read from data/prices.toml.

Of several prices that fit, the last one in the file that has begun and not ended holds; of several factors for one
term, the first that fits. Patterns are searched for in the bare name of the model (see names.py).
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from agentcost.names import bare_name
from agentcost.pricing.plans import Plan
from agentcost.pricing.published import STANDS_FOR, rates
from agentcost.pricing.rates import FIRST, Price, Step
from agentcost.pricing.terms import Terms

Mark = Literal["V", "S", "U"]

MOST = Decimal(10**6)


class Numbers(msgspec.Struct, frozen=True):
    """Dollars per million tokens of every class that has its own price."""

    input: Decimal
    output: Decimal
    read: Decimal | None = None
    write: Decimal | None = None
    write_1h: Decimal | None = None
    write_12h: Decimal | None = None
    reasoning: Decimal | None = None

    def __post_init__(self) -> None:
        for name, value in given(self).items():
            shown = name.replace("plain", "input")
            if value is not None and not (value.is_finite() and value >= 0):
                raise ValueError(f"{shown} must not be negative: {value}")
            if value is not None and value > MOST:
                raise ValueError(f"{shown} must be dollars per million tokens: {value} is more than a dollar a token")


class Over(Numbers, frozen=True):
    """The prices of a whole request with a prompt of more than `tokens`."""

    tokens: int = 0


class Fact(msgspec.Struct, frozen=True):
    """Where a number is from: V read at its source, S second-hand, U uncertain."""

    source: str
    checked: date
    mark: Mark
    note: str = ""


class Entry(Fact, frozen=True):
    """The price of some models at a provider, for a while: `until` is the first day or moment it does not hold."""

    provider: str = ""
    models: str = ""
    numbers: Numbers | None = None
    over: tuple[Over, ...] = ()
    search: Decimal = Decimal(0)
    begins: datetime | None = None
    until: datetime | None = None


class Factor(Fact, frozen=True):
    """What a tier, a speed or a region (a whole match) multiplies the prices of some models by, but the `kept` classes.

    `hosts` is searched for in the provider as the log names it. `write_12h` may have its own factor, of plain input.
    """

    hosts: str = ""
    models: str = ""
    term: Literal["tier", "speed", "geo"] = "tier"
    value: str = ""
    times: Decimal = Decimal(1)
    kept: tuple[str, ...] = ()


class Write12h(Fact, frozen=True):
    """What a write that lives 12 hours costs for some models, times plain input."""

    provider: str = ""
    models: str = ""
    times: Decimal = Decimal(1)


class Storage(Fact, frozen=True):
    """What an explicit cache of some models costs while it is kept: dollars per million tokens and hour."""

    provider: str = ""
    models: str = ""
    hourly: Decimal = Decimal(0)
    begins: date | None = None


class Peak(Fact, frozen=True):
    """Hours (UTC, from and up to) of working days at which some models cost a multiple, from a day on.

    From `weekends` on Saturdays, Sundays and `holidays` have no peak.
    """

    provider: str = ""
    models: str = ""
    times: Decimal = Decimal(1)
    begins: date = date.min
    hours: tuple[tuple[time, time], ...] = ()
    weekends: date = date.max
    holidays: tuple[date, ...] = ()


class Alias(Fact, frozen=True):
    """Models that a provider bills as another one."""

    provider: str = ""
    models: str = ""
    billed_as: str = ""


class Published(msgspec.Struct, frozen=True):
    """The version of the library that the overlay was made beside, and its date: the day of the price list."""

    version: str
    date: date


class PriceList(msgspec.Struct, frozen=True):
    """The whole of data/prices.toml."""

    published: Published
    prices: tuple[Entry, ...] = ()
    factors: tuple[Factor, ...] = ()
    writes_12h: tuple[Write12h, ...] = ()
    storage: tuple[Storage, ...] = ()
    peaks: tuple[Peak, ...] = ()
    aliases: tuple[Alias, ...] = ()
    plans: tuple[Plan, ...] = ()


@cache
def price_list() -> PriceList:
    """Our own prices, factors and plans."""
    text = (files("agentcost") / "data" / "prices.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text, parse_float=Decimal)
    for entry in tables["prices"]:
        for key in ("begins", "until"):
            if key in entry:
                entry[key] = _moment(entry[key])
    return msgspec.convert(tables, PriceList)


def alias_of(host: str, model: str) -> Alias | None:
    """The model that another one is billed as."""
    name = bare_name(model)
    return next((one for one in price_list().aliases if one.provider == host and re.search(one.models, name)), None)


def entry_of(host: str, model: str, moment: datetime) -> Entry | None:
    """The price that holds for a model at a moment; None where the overlay has none."""
    name = bare_name(model)
    return next(
        (one for one in reversed(entries_of(host, name)) if begun(one.begins, moment) and not _ended(one, moment)), None
    )


@cache
def entries_of(host: str, name: str) -> tuple[Entry, ...]:
    """Every price of a model at a provider, past and to come."""
    return tuple(one for one in price_list().prices if one.provider == host and re.search(one.models, name))


def is_fine(host: str, model: str) -> bool:
    """Whether a price changes within a day: at an hour of every day, or once."""
    name = bare_name(model)
    return peak_of(host, model) is not None or any(
        moment is not None and moment.time() != time()
        for one in entries_of(host, name)
        for moment in (one.begins, one.until)
    )


def begun(begins: date | datetime | None, moment: datetime) -> bool:
    """Whether a day (or moment) has come; None always has."""
    return begins is None or moment >= _moment(begins)


def _ended(entry: Entry, moment: datetime) -> bool:
    return entry.until is not None and begun(entry.until, moment)


def _moment(day: datetime | date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time(), UTC)


def steps_of(
    numbers: Numbers, over: tuple[Over, ...], search: Decimal, file_search: Decimal = Decimal(0)
) -> tuple[Step, ...]:
    """Prices by step, with what a class without its own stands for."""
    rows = [(FIRST, numbers), *((one.tokens, one) for one in sorted(over, key=lambda one: one.tokens))]
    return tuple(
        Step(start, rates({**given(one), "search": search, "file_search": file_search})) for start, one in rows
    )


def given(numbers: Numbers) -> dict[str, Decimal | None]:
    """The prices that are told, by the names of Rates."""
    return {"plain": numbers.input, **{name: getattr(numbers, name) for name in ("output", *STANDS_FOR)}}


def price_of_entry(entry: Entry, model: str, hourly: bool) -> Price:
    """The overlay's price as every other."""
    assert entry.numbers is not None
    numbers = given(entry.numbers)
    return Price(
        entry.provider, model, steps_of(entry.numbers, entry.over, entry.search), entry.source, entry.checked,
        entry.mark, tuple(name for name in STANDS_FOR if numbers[name] is None), hourly=hourly,
    ).noted(entry.note)  # fmt: skip


def factor_of(term: Literal["tier", "speed", "geo"], value: str, terms: Terms) -> Factor | None:
    """What a term multiplies a model's prices by; None where nothing is known."""
    name = bare_name(terms.model)
    return next(
        (
            one
            for one in price_list().factors
            if one.term == term
            and re.fullmatch(one.value, value)
            and re.fullmatch(one.hosts, terms.provider.lower())
            and re.search(one.models, name)
        ),
        None,
    )


def write_12h_of(host: str, model: str) -> Write12h | None:
    """The price of a write that lives 12 hours."""
    name = bare_name(model)
    return next((one for one in price_list().writes_12h if one.provider == host and re.search(one.models, name)), None)


def storage_of(host: str, model: str, moment: datetime) -> Storage | None:
    """What keeping a cache of a model costs at a moment; None where nobody says, or nothing is charged."""
    name = bare_name(model)
    fits = [one for one in price_list().storage if one.provider == host and re.search(one.models, name)]
    return next((one for one in reversed(fits) if begun(one.begins, moment)), None)


def peak_of(host: str, model: str) -> Peak | None:
    """The peak hours of a model."""
    name = bare_name(model)
    return next((one for one in price_list().peaks if one.provider == host and re.search(one.models, name)), None)


def at_peak(peak: Peak, moment: datetime) -> bool:
    """Whether a moment is within the peak hours of a working day."""
    day, hour = moment.date(), moment.time()
    if day < peak.begins or not any(start <= hour < end for start, end in peak.hours):
        return False
    return day < peak.weekends or (day.weekday() < 5 and day not in peak.holidays)
