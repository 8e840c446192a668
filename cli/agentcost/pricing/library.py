"""The genai-prices library: its bundled data only, never the network. Importing it takes longer than a small report."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from agentcost.pricing.priced import Dated, Found, Priced, Tiered, Value, Variant
from agentcost.pricing.terms import ROUTERS, references

KEYS = {
    "plain": "input_mtok", "read": "cache_read_mtok", "write": "cache_write_mtok", "write_1h": "cache_write_1h_mtok",
    "output": "output_mtok", "reasoning": "output_reasoning_mtok", "search": "web_searches_kcount",
    "request": "requests_kcount",
}  # fmt: skip
"""The library's names of what Rates holds."""


def hosts() -> list[str]:
    """Every provider of the library."""
    return [provider.id for provider in get_snapshot().providers]


def size() -> tuple[int, int]:
    """How many providers and models the library has."""
    providers = get_snapshot().providers
    return len(providers), sum(len(provider.models) for provider in providers)


def is_host(name: str) -> bool:
    """Whether the library has a provider of that name, by any of the ways to write it."""
    return find_provider_by_id(get_snapshot().providers, name) is not None


def find(host: str, model: str) -> Found | None:
    """The model at a provider, by any of the ways to write it; None where the library does not have it."""
    snapshot = get_snapshot()
    provider = find_provider_by_id(snapshot.providers, host) if host and host != "litellm" else None
    if provider is None:
        return None
    for reference in references(model):
        info = provider.find_model(reference, all_providers=snapshot.providers)
        if info is not None and (host in ROUTERS or not reference.endswith(":free")):
            return Found(provider.id, priced(info), any(info is one for one in provider.models))
    return None


def priced(info: ModelInfo) -> Priced:
    """A model of the library as ours."""
    prices = [ConditionalPrice(prices=info.prices)] if isinstance(info.prices, ModelPrice) else info.prices
    variants = [Variant(one.when, _dated(one)) for one in info.price_variants or ()]
    return Priced(info.id, tuple(map(_dated, prices)), tuple(variants))


def _dated(one: ConditionalPrice | PriceVariant) -> Dated:
    prices = one.prices
    found = {name: _value(value) for name, key in KEYS.items() if (value := getattr(prices, key)) is not None}
    empty = all(value is None for value in vars(prices).values())
    return Dated(found, empty, *_constraint(one.constraint))


def _value(value: Decimal | TieredPrices) -> Value:
    if isinstance(value, TieredPrices):
        return Tiered(value.base, tuple((tier.start, tier.price) for tier in value.tiers))
    return value


def _constraint(
    found: StartDateConstraint | TimeOfDateConstraint | None,
) -> tuple[date | None, tuple[time, time] | None]:
    if isinstance(found, TimeOfDateConstraint):
        return None, (_in_utc(found.start_time), _in_utc(found.end_time))
    return (found.start_date if found else None), None


def _in_utc(hour: time) -> time:
    """An hour of the day in UTC, without its zone."""
    if hour.tzinfo is None:
        return hour
    return datetime.combine(date(1970, 1, 1), hour).astimezone(UTC).time()
