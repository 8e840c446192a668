"""The genai-prices library, its own list or one that was fetched. Importing it takes longer than a small report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

from genai_prices.data_snapshot import DataSnapshot, find_provider_by_id, get_snapshot, set_custom_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
    _providers_from_raw,
)

from agentcost.errors import AgentcostError
from agentcost.names import bare_name
from agentcost.pricing.priced import Dated, Found, Priced, Tiered, Value, Variant
from agentcost.pricing.terms import ROUTERS, references

KEYS = {
    "plain": "input_mtok", "read": "cache_read_mtok", "write": "cache_write_mtok", "write_1h": "cache_write_1h_mtok",
    "output": "output_mtok", "reasoning": "output_reasoning_mtok", "search": "web_searches_kcount",
    "file_search": "storage_searches_kcount", "request": "requests_kcount",
}  # fmt: skip
"""The library's names of what Rates holds."""


def use(content: bytes | None) -> None:
    """Use this list from now on, as the library's project publishes it; None: the library's own copy.

    AgentcostError where it is no list that this version can read.
    """
    if content is None:
        set_custom_snapshot(None)
        return
    try:
        providers = _providers_from_raw(json.loads(content))  # the only way to read the list
    except (ValueError, KeyError, TypeError) as error:
        raise AgentcostError(
            "what was fetched is no price list of this version; run agentcost prices --refresh-prices"
        ) from error
    set_custom_snapshot(DataSnapshot(providers, from_auto_update=True))


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
    """The model at a provider, by any of the ways to write it; None where the library does not have it.

    Hosts of open models put the maker before the name (openai/gpt-oss-120b at Groq), which logs leave out.
    """
    snapshot = get_snapshot()
    provider = find_provider_by_id(snapshot.providers, host) if host and host != "litellm" else None
    if provider is None:
        return None
    for reference in references(model):
        info = provider.find_model(reference, all_providers=snapshot.providers)
        if info is not None and (host in ROUTERS or not reference.endswith(":free")):
            return Found(provider.id, priced(info), any(info is one for one in provider.models))
    name = bare_name(model)
    same = [info for info in provider.models if bare_name(info.id) == name]
    return Found(provider.id, priced(same[0]), own=True) if len(same) == 1 else None


def priced(info: ModelInfo) -> Priced:
    """A model of the library as ours."""
    prices = [ConditionalPrice(prices=info.prices)] if isinstance(info.prices, ModelPrice) else info.prices
    variants = [Variant(one.when, _dated(one)) for one in info.price_variants or ()]
    return Priced(info.id, tuple(map(_dated, prices)), tuple(variants), info.context_window)


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
