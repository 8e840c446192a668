"""What would be used for a model: its price at every provider that has it, in every tier that is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
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
    """A price that would be used: `under` says in which tier, at which speed or where ("" as usual).

    `oldest`: the list has none before it, and does not tell since when it holds.
    """

    under: str
    price: Price
    oldest: bool = False


def listing(model: str, moment: datetime, provider: str = "", book: Book | None = None) -> list[Listed] | Unpriced:
    """The prices of a model, its maker's first; why there is none where there is none."""
    hosts = [provider] if provider else _hosts(model)
    found = list(chain.from_iterable(_of(Terms(host, model), moment, book) for host in hosts))
    if found:
        return found
    missing = price_of(Terms(provider, model), moment, book)
    return [Listed("", missing)] if isinstance(missing, Price) else missing


def providers(book: Book | None = None) -> list[str]:
    """Every provider of which a price of tokens is listed or negotiated."""
    own = [entry.provider for entry in price_list().prices]
    agreed = [entry.provider for entry in book.prices] if book else []
    return sorted({Terms(host, "").host for host in (*published.hosts(), *own, *agreed) if host})


def providers_of(model: str, moment: datetime, book: Book | None = None) -> list[str]:
    """Those that have the model, its maker first."""
    return [host for host in _hosts(model) if _of(Terms(host, model), moment, book)]


def _hosts(model: str) -> list[str]:
    """Every provider, the model's maker first."""
    own, maker = providers(), maker_of(model)
    return sorted(own, key=lambda host: (host != maker, host))


def _of(terms: Terms, moment: datetime, book: Book | None) -> Sequence[Listed]:
    """The standard price and those that differ from it; nothing where the provider does not list the model."""
    standard = price_of(terms, moment, book)
    if isinstance(standard, Unpriced) or any("list price" in note for note in standard.notes):
        return ()
    found = [Listed("", standard, _unchanged(terms, standard, book))]
    for term, value in TERMS:
        own = replace(terms, **{term: value})
        other = price_of(own, moment, book)
        if isinstance(other, Price) and not other.ignored and other.steps != standard.steps:
            found.append(Listed(value if term == "tier" else f"{term} {value}", other, _unchanged(own, other, book)))
    return found


_LONG_AGO = datetime(1970, 1, 2, 12, tzinfo=UTC)


def _unchanged(terms: Terms, price: Price, book: Book | None) -> bool:
    """Whether the lists have no other price before it."""
    first = price_of(terms, _LONG_AGO, book)
    return isinstance(first, Price) and first.steps == price.steps
