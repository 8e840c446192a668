"""The prices of the genai-prices library: its bundled data only, never the network.

It ignores a tier, a speed or a region that it does not know without a word; so a variant is looked up here by itself,
and one that is not there is None. It is imported where it is used: that takes 0.2 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from agentcost.pricing.rates import FIRST, TOKEN_CLASSES, Price, Rates, Step
from agentcost.pricing.terms import ROUTERS, references

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, PriceVariant, TieredPrices

    Value = Decimal | TieredPrices

KEYS = {
    "plain": "input_mtok", "read": "cache_read_mtok", "write": "cache_write_mtok", "write_1h": "cache_write_1h_mtok",
    "output": "output_mtok", "reasoning": "output_reasoning_mtok", "search": "web_searches_kcount",
    "request": "requests_kcount",
}  # fmt: skip
"""The library's names of what Rates holds."""

STANDS_FOR = {
    "read": "plain", "write": "plain", "write_1h": "write", "write_12h": "write", "reasoning": "output",
}  # fmt: skip
"""The class whose price holds where a model has none, in an order that leaves no gap."""

CONTEXTS = {
    "batch": ("processing", "batch"), "flex": ("service_tier", "flex"), "priority": ("service_tier", "priority"),
    "fast": ("speed", "fast"),
}  # fmt: skip
"""How the library calls our tiers and speeds."""


class Found(msgspec.Struct, frozen=True):
    """A model of the library. Where it is another provider's (`own` is not set), its variants do not hold."""

    provider: str
    info: ModelInfo
    own: bool


def version() -> str:
    """The library's version."""
    from genai_prices import __version__  # noqa: PLC0415 — heavy

    return __version__


def hosts() -> list[str]:
    """Every provider of the library."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 — heavy

    return [provider.id for provider in get_snapshot().providers]


def size() -> tuple[int, int]:
    """How many providers and models the library has."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 — heavy

    providers = get_snapshot().providers
    return len(providers), sum(len(provider.models) for provider in providers)


@lru_cache(maxsize=4096)
def find(host: str, model: str) -> Found | None:
    """The model at a provider, by any of the ways to write it; None where the library does not have it."""
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot  # noqa: PLC0415 — heavy

    snapshot = get_snapshot()
    provider = find_provider_by_id(snapshot.providers, host) if host and host != "litellm" else None
    if provider is None:
        return None
    for reference in references(model):
        info = provider.find_model(reference, all_providers=snapshot.providers)
        if info is not None and (host in ROUTERS or not reference.endswith(":free")):
            return Found(provider.id, info, any(info is one for one in provider.models))
    return None


def standard(found: Found, moment: datetime) -> Price | None:
    """The price without any tier or speed; None where tokens are not what is priced, or nothing is."""
    return _price(found, _values(found.info.get_prices(moment)))


def is_empty(found: Found, moment: datetime) -> bool:
    """Whether the library has the model and no price at all: it is free, included in a plan, or not known."""
    return not any(value is not None for value in found.info.get_prices(moment).__dict__.values())


def variant(found: Found, moment: datetime, name: str) -> Price | None:
    """The price in a tier or at a speed of CONTEXTS; None where the library has none for the model.

    The library dates its variants from the day they were looked at. Before that day the same ratio to the standard
    price of each class is taken, and the price says so.
    """
    if not found.own or name not in CONTEXTS:
        return None
    key, value = CONTEXTS[name]
    fitting = [one for one in found.info.price_variants or () if one.when == {key: value}]
    now = [one for one in fitting if one.constraint is None or one.constraint.active(moment)]
    base = _values(found.info.get_prices(moment))
    if now:
        return _price(found, {**base, **_values(now[0].prices)})
    dated = [(start, one) for one in fitting if (start := _start(one)) is not None]
    if not dated:
        return None
    start, first = min(dated, key=lambda pair: pair[0])
    then = _values(found.info.get_prices(datetime.combine(start, time(12), UTC)))
    scaled = {key: _scaled(price, base.get(key), then.get(key)) for key, price in _values(first.prices).items()}
    price = _price(found, {**base, **scaled})
    return price and price.noted(f"{name}: the share of the standard price as of {start}, when it was first recorded")


def is_hourly(found: Found) -> bool:
    """Whether a model's price depends on the hour."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint  # noqa: PLC0415 — heavy

    prices = found.info.prices
    return not isinstance(prices, ModelPrice) and any(
        isinstance(one.constraint, TimeOfDateConstraint) for one in prices
    )


def _start(one: PriceVariant) -> date | None:
    return getattr(one.constraint, "start_date", None)


def _values(prices: ModelPrice) -> dict[str, Value]:
    """What of a model's prices Rates holds, by its names."""
    found = {name: getattr(prices, key) for name, key in KEYS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _scaled(price: Value, now: Value | None, then: Value | None) -> Value:
    from genai_prices.types import Tier, TieredPrices  # noqa: PLC0415 — heavy

    before, after = _at(then, FIRST), _at(now, FIRST)
    if not before or after is None or before == after:
        return price
    ratio = after / before
    if isinstance(price, TieredPrices):
        return TieredPrices(price.base * ratio, [Tier(tier.start, tier.price * ratio) for tier in price.tiers])
    return price * ratio


def _price(found: Found, values: Mapping[str, Value]) -> Price | None:
    """A price of ours; None where no price of input tokens is among the values."""
    if "plain" not in values:
        return None
    starts = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    steps = tuple(
        Step(over, rates({name: _at(value, over + 1) for name, value in values.items()})) for over in (FIRST, *starts)
    )
    filled = tuple(name for name in STANDS_FOR if name not in values)
    return Price(
        found.provider, found.info.id, steps, f"genai-prices {version()}", filled=filled, hourly=is_hourly(found)
    )


def _at(value: Value | None, prompt: int) -> Decimal | None:
    """A price for a prompt of so many tokens."""
    if value is None or isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if prompt > tier.start), value.base)


def rates(values: Mapping[str, Decimal | None]) -> Rates:
    """Rates of the classes that have a price, `plain` among them; the others take that of what they stand for."""
    known = {name: value for name, value in values.items() if value is not None}
    for name, other in STANDS_FOR.items():
        known.setdefault(name, known.get(other, Decimal(0)))
    return Rates(**{name: known.get(name, Decimal(0)) for name in (*TOKEN_CLASSES, "search", "request")})
