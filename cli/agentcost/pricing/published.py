"""The prices of the genai-prices library, as far as it was asked before from the user's cache.

It ignores a tier, a speed or a region that it does not know without a word; so a variant is looked up here by itself,
and one that is not there is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from agentcost.pricing.kept import Shelf, shelf_in
from agentcost.pricing.priced import Found, Tiered, Value
from agentcost.pricing.rates import BESIDE, FIRST, TOKEN_CLASSES, Price, Rates, Step

STANDS_FOR = {
    "read": "plain", "write": "plain", "write_1h": "write", "write_12h": "write", "reasoning": "output",
}  # fmt: skip
"""The class whose price holds where a model has none, in an order that leaves no gap."""

CONTEXTS = {
    "batch": ("processing", "batch"), "flex": ("service_tier", "flex"), "priority": ("service_tier", "priority"),
    "fast": ("speed", "fast"),
}  # fmt: skip
"""How the library calls our tiers and speeds."""


class Kept(msgspec.Struct):
    """Where answers are kept between runs, nowhere unless `keep_in` was told; and the list that was fetched, if any.

    `fetched`: its file and its day, until `loaded` only a promise: whoever finds every answer kept never reads it.
    """

    shelf: Shelf | None = None
    fetched: tuple[Path, date] | None = None
    loaded: bool = True


_KEPT = Kept()


def keep_in(folder: Path | None, edition: str) -> None:
    """Keep answers in the user's cache from now on, apart by our own edition; None: keep none."""
    heading = f"genai-prices {version()} agentcost {edition}"
    if folder is None or _KEPT.shelf is None or not _KEPT.shelf.is_of(folder, heading):
        _KEPT.shelf = shelf_in(folder, heading) if folder else None


def save() -> None:
    """Write down what was asked for the first time."""
    if _KEPT.shelf:
        _KEPT.shelf.save()


def use(fetched: tuple[Path, date] | None) -> None:
    """Use a list that was fetched on a day, from its file; None: the library's own. What was kept is forgotten."""
    _KEPT.shelf, _KEPT.fetched, _KEPT.loaded = None, fetched, False
    find.cache_clear()
    is_host.cache_clear()


def _ready() -> None:
    """See to it that the library has the list that is to be used."""
    if not _KEPT.loaded:
        from agentcost.pricing import genai  # noqa: PLC0415 — heavy

        genai.use(_KEPT.fetched[0].read_bytes().partition(b"\n")[2] if _KEPT.fetched else None)
        _KEPT.loaded = True


def refreshed() -> date | None:
    """The day on which the list in use was fetched; None: it is the library's own."""
    return _KEPT.fetched[1] if _KEPT.fetched else None


def version() -> str:
    """The library's version; with the day of its list where a newer one is used than its own."""
    day = refreshed()
    return f"{_installed()}, list of {day}" if day else _installed()


@cache
def _installed() -> str:
    from importlib.metadata import version as installed  # noqa: PLC0415 — 5 ms

    return installed("genai-prices")


def hosts() -> list[str]:
    """Every provider of the library."""
    from agentcost.pricing import genai  # noqa: PLC0415 — heavy

    _ready()
    return genai.hosts()


def size() -> tuple[int, int]:
    """How many providers and models the library has."""
    from agentcost.pricing import genai  # noqa: PLC0415 — heavy

    _ready()
    return genai.size()


@lru_cache(maxsize=4096)
def is_host(name: str) -> bool:
    """Whether the library has a provider of that name, by any of the ways to write it."""
    known = _KEPT.shelf.answers.hosts if _KEPT.shelf else {}
    if name not in known:
        from agentcost.pricing import genai  # noqa: PLC0415 — heavy

        _ready()
        known[name] = genai.is_host(name)
        _note_new()
    return known[name]


@lru_cache(maxsize=4096)
def find(host: str, model: str) -> Found | None:
    """The model at a provider, by any of the ways to write it; None where the library does not have it."""
    known = _KEPT.shelf.answers.models if _KEPT.shelf else {}
    key = f"{host} {model}"
    if key not in known:
        from agentcost.pricing import genai  # noqa: PLC0415 — heavy

        _ready()
        known[key] = genai.find(host, model)
        _note_new()
    return known[key]


def _note_new() -> None:
    if _KEPT.shelf:
        _KEPT.shelf.new = True


def standard(found: Found, moment: datetime) -> Price | None:
    """The price without any tier or speed; None where tokens are not what is priced, or nothing is."""
    return _price(found, found.info.at(moment).values)


def is_empty(found: Found, moment: datetime) -> bool:
    """Whether the library has the model and no price at all: it is free, included in a plan, or not known."""
    return found.info.at(moment).empty


def variant(found: Found, moment: datetime, name: str) -> Price | None:
    """The price in a tier or at a speed of CONTEXTS; None where the library has none for the model.

    The library dates its variants from the day they were looked at. Before that day the same ratio to the standard
    price of each class is taken, and the price says so.
    """
    if not found.own or name not in CONTEXTS:
        return None
    key, value = CONTEXTS[name]
    fitting = [one.prices for one in found.info.variants if one.when == {key: value}]
    now = [one for one in fitting if one.holds(moment)]
    base = found.info.at(moment).values
    if now:
        return _price(found, {**base, **now[0].values})
    dated = [(one.start, one) for one in fitting if one.start is not None]
    if not dated:
        return None
    start, first = min(dated, key=lambda pair: pair[0])
    then = found.info.at(datetime.combine(start, time(12), UTC)).values
    scaled = {key: _scaled(price, base.get(key), then.get(key)) for key, price in first.values.items()}
    price = _price(found, {**base, **scaled})
    return price and price.noted(f"{name}: the share of the standard price as of {start}, when it was first recorded")


def _scaled(price: Value, now: Value | None, then: Value | None) -> Value:
    before, after = _at(then, FIRST), _at(now, FIRST)
    if not before or after is None or before == after:
        return price
    ratio = after / before
    if isinstance(price, Tiered):
        return Tiered(price.base * ratio, tuple((start, one * ratio) for start, one in price.tiers))
    return price * ratio


def _price(found: Found, values: Mapping[str, Value]) -> Price | None:
    """A price of ours; None where no price of input tokens is among the values."""
    if "plain" not in values:
        return None
    starts = sorted({start for value in values.values() if isinstance(value, Tiered) for start, _ in value.tiers})
    steps = tuple(
        Step(over, rates({name: _at(value, over + 1) for name, value in values.items()})) for over in (FIRST, *starts)
    )
    filled = tuple(name for name in STANDS_FOR if name not in values)
    source = f"genai-prices {version()}"
    return Price(found.provider, found.info.id, steps, source, filled=filled, hourly=found.info.hourly)


def _at(value: Value | None, prompt: int) -> Decimal | None:
    """A price for a prompt of so many tokens."""
    return value.at(prompt) if isinstance(value, Tiered) else value


def rates(values: Mapping[str, Decimal | None]) -> Rates:
    """Rates of the classes that have a price, `plain` among them; the others take that of what they stand for."""
    known = {name: value for name, value in values.items() if value is not None}
    for name, other in STANDS_FOR.items():
        known.setdefault(name, known.get(other, Decimal(0)))
    return Rates(**{name: known.get(name, Decimal(0)) for name in (*TOKEN_CLASSES, *BESIDE)})
