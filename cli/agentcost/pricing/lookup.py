"""Which price holds for a model under its terms at a moment: the price file's, else our overlay's, else the library's.

On that come the tier, the speed, the region, the hour, and 12-hour writes; last, a negotiated factor. A term that
nothing is known of leaves the standard price and stands in `ignored`, never in silence.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from agentcost.names import bare_name
from agentcost.pricing import published
from agentcost.pricing.overlay import (
    alias_of,
    at_peak,
    entry_of,
    factor_of,
    is_fine,
    peak_of,
    price_list,
    price_of_entry,
    write_12h_of,
)
from agentcost.pricing.priced import Found
from agentcost.pricing.rates import Price, Rates, Step, Unpriced
from agentcost.pricing.terms import OPEN, ROUTERS, SELF_HOSTED, Terms, maker_of, plainly

if TYPE_CHECKING:
    from agentcost.pricing.price_file import Book

NEXT = "; name its price with --price-file"


class Base(msgspec.Struct, frozen=True):
    """A standard price, and the library's model where it is the library's."""

    price: Price
    found: Found | None = None


def price_of(terms: Terms, moment: datetime, book: Book | None = None) -> Price | Unpriced:
    """The price under these terms at a moment (with its zone), or why there is none."""
    found = _price_of(plainly(terms), moment, book)
    return _beside(found, terms) if terms.beside and isinstance(found, Price) and not found.included else found


def _price_of(terms: Terms, moment: datetime, book: Book | None) -> Price | Unpriced:
    listed = listed_price(terms, moment)
    negotiated = book.entry_of(terms, moment) if book else None
    if negotiated is None:
        return listed
    price = negotiated.price(listed if isinstance(listed, Price) else None)
    if price is None:
        return listed
    said = [f"{term}={value}" for term in ("tier", "speed", "geo") if (value := getattr(terms, term))]
    return replace(price, ignored=tuple(said)) if negotiated.numbers else price


BESIDE = {
    "searches": ("search", "web searches: no price of them is known"),
    "file searches": ("file_search", "file searches: no price of them is known"),
    "media": ("", "audio and image tokens: priced as text"),
    "cache storage": ("", "cache storage: billed by the hour for a time that no log tells"),
}
"""What is no token of text: its rate, and what is said where there is none."""


def _beside(price: Price, terms: Terms) -> Price:
    """The price, saying what of the bill it leaves out or takes for text."""
    rates = price.steps[0].rates
    unknown = (text for name, text in map(BESIDE.__getitem__, terms.beside) if not name or not getattr(rates, name))
    return replace(price, ignored=(*price.ignored, *unknown))


def listed_price(terms: Terms, moment: datetime) -> Price | Unpriced:
    """The list price: what everybody pays."""
    base = _base(terms, moment)
    if isinstance(base, Unpriced):
        return base
    price = _under(base, _in_tier(base, terms, moment), "geo", terms, moment)
    peak = peak_of(terms.host, terms.model)
    if peak is not None and at_peak(peak, moment):
        price = price.changed(partial(Rates.times, factor=peak.times)).noted("peak hour")
    return _with_12h(price, terms)


def _base(terms: Terms, moment: datetime) -> Base | Unpriced:
    """The standard price where the request was sent; a router's is that of the maker unless it lists its own."""
    host = terms.host
    if host in SELF_HOSTED:
        return Unpriced(f"{terms.provider} is run by oneself: nobody lists a price{NEXT}")
    if not terms.model:
        return Unpriced("the log names no model")
    found = _at(host, terms.model, moment)
    if found is not None:
        return found
    maker = maker_of(terms.model)
    passed_on = host in ROUTERS or (not _is_known(host) and not OPEN.search(bare_name(terms.model)))
    if host == "openrouter" and terms.model.endswith(":free"):
        return Base(_free("openrouter", terms.model))
    if maker and maker != host and passed_on:
        found = _at(maker, terms.model, moment)
        if isinstance(found, Base):
            return replace(
                found, price=found.price.noted(f"{maker}'s list price; the log names {host or 'no provider'}")
            )
    known = "no price is known" if _is_known(host) or host in ROUTERS else f"no prices of {host} are known"
    return Unpriced(f"{known} for {terms.model}{f' at {host}' if host and _is_known(host) else ''}{NEXT}")


def _at(host: str, model: str, moment: datetime) -> Base | Unpriced | None:
    """The standard price of a model at a provider; None where neither the overlay nor the library has it."""
    alias = alias_of(host, model)
    if alias:
        model = alias.billed_as
    entry = entry_of(host, model, moment)
    if entry:
        return Base(price_of_entry(entry, model, hourly=is_fine(host, model)))
    found = published.find(host, model)
    if found is None:
        return None
    price = published.standard(found, moment)
    if price is None:
        return _without_price(found, host, model, moment)
    notes = ["in-region price: the model's id names no region"] if _guessed_region(found, model) else []
    notes += [f"billed as {alias.billed_as}"] if alias else []
    fine = price.hourly or is_fine(host, model)
    return Base(replace(price, checked=_list_date(), hourly=fine).noted(*notes), found)


def _without_price(found: Found, host: str, model: str, moment: datetime) -> Base | Unpriced:
    """A model that the library has without a price of tokens: included in a plan, free, or not known."""
    if not published.is_empty(found, moment):
        return Unpriced(f"{model} at {host} is not billed by tokens{NEXT}")
    if host == "github-copilot":
        return Base(replace(_free(host, found.info.id), included=True).noted("included in the plan"))
    if found.info.id.endswith(":free"):
        return Base(_free(host, found.info.id))
    return Unpriced(f"the price list has {model} at {host} without a price{NEXT}")


def _free(host: str, model: str) -> Price:
    nothing = published.rates({})
    return Price(host, model, (Step(-1, nothing),), f"genai-prices {published.version()}", _list_date()).noted("free")


def _guessed_region(found: Found, model: str) -> bool:
    """Whether the library took the in-region price of a cloud because the model's id named no region."""
    return found.info.id.startswith("regional.") and not re.match(r"(?:global|us|eu|apac|jp|au|ca)[.-]", model.lower())


def _is_known(host: str) -> bool:
    """Whether anybody's prices at a provider are known."""
    return any(entry.provider == host for entry in price_list().prices) or published.is_host(host)


def _list_date() -> date | None:
    """The day of the library's prices; None for a version that the overlay was not made beside."""
    known, day = price_list().published, published.refreshed()
    if day:
        return day
    return known.date if known.version == published.version() else None


def _in_tier(base: Base, terms: Terms, moment: datetime) -> Price:
    """The price in the tier and at the speed of the request. What has a tier of its own has no other speed."""
    price = _under(base, base.price, "tier", terms, moment)
    if terms.speed and price.steps != base.price.steps:
        return replace(price, ignored=(*price.ignored, f"speed={terms.speed}"))
    return _under(base, price, "speed", terms, moment)


def _under(base: Base, price: Price, term: Literal["tier", "speed", "geo"], terms: Terms, moment: datetime) -> Price:
    """The price under one term: the library's own, else by our factor, else unchanged and `ignored`."""
    value: str = getattr(terms, term)
    if not value:
        return price
    own = published.variant(base.found, moment, value) if base.found and term != "geo" else None
    if own is not None:
        kept = replace(price, steps=own.steps, filled=own.filled)
        return kept.noted(f"{term} {value}", *own.notes)
    factor = factor_of(term, value, terms)
    if factor is None:
        return replace(price, ignored=(*price.ignored, f"{term}={value}"))
    changed = price.changed(lambda rates: rates.times(factor.times, factor.kept))
    return changed.noted(f"{term} {value}: × {factor.times} ({factor.source})", factor.note)


def _with_12h(price: Price, terms: Terms) -> Price:
    """The price with that of writes that live 12 hours, which is a multiple of plain input in every tier and step."""
    row = write_12h_of(terms.host, terms.model)
    if row is None:
        return price
    times = row.times
    filled = tuple(name for name in price.filled if name != "write_12h")
    return replace(price.changed(lambda rates: replace(rates, write_12h=rates.plain * times)), filled=filled)
