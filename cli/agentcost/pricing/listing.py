"""What would be used for a model: its price at every provider that has it, in every tier that is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import msgspec
from msgspec.structs import replace

from agentcost.pricing import published
from agentcost.pricing.lookup import price_of
from agentcost.pricing.overlay import price_list
from agentcost.pricing.price_file import Book
from agentcost.pricing.rates import Price, Unpriced
from agentcost.pricing.terms import Terms, maker_of

TERMS: tuple[tuple[str, str], ...] = (
    ("tier", "batch"), ("tier", "flex"), ("tier", "priority"), ("tier", "ultrafast"), ("speed", "fast"), ("geo", "us"),
    ("geo", "eu"), ("geo", "apac"),
)  # fmt: skip
"""The terms that are tried, one at a time."""


class Listed(msgspec.Struct, frozen=True):
    """A price that would be used: `under` says in which tier, at which speed or where ("" as usual)."""

    under: str
    price: Price


def listing(model: str, moment: datetime, provider: str = "", book: Book | None = None) -> list[Listed] | Unpriced:
    """The prices of a model, its maker's first; why there is none where there is none."""
    hosts = [provider] if provider else _hosts(model)
    found = list(chain.from_iterable(_of(Terms(host, model), moment, book) for host in hosts))
    if found:
        return found
    missing = price_of(Terms(provider, model), moment, book)
    return [Listed("", missing)] if isinstance(missing, Price) else missing


def _hosts(model: str) -> list[str]:
    """Every provider whose own list has the model."""
    own = {host for host in (*published.hosts(), *(entry.provider for entry in price_list().prices)) if host}
    maker = maker_of(model)
    return sorted(own, key=lambda host: (host != maker, host))


def _of(terms: Terms, moment: datetime, book: Book | None) -> Sequence[Listed]:
    """The standard price and those that differ from it; nothing where the provider does not list the model."""
    standard = price_of(terms, moment, book)
    if isinstance(standard, Unpriced) or any("list price" in note for note in standard.notes):
        return ()
    found = [Listed("", standard)]
    for term, value in TERMS:
        other = price_of(replace(terms, **{term: value}), moment, book)
        if isinstance(other, Price) and not other.ignored and other.steps != standard.steps:
            found.append(Listed(value if term == "tier" else f"{term} {value}", other))
    return found
