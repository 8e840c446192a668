"""How dollars stand in the tables of reports: cells, bounds, and what those of each way of paying are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from agentcost.results import Analysis
from agentcost.units import currency, dollars, plural
from agentcost.views import money

if TYPE_CHECKING:
    from polars import DataFrame

UNTOLD = "list price"
"""The word in a cell for a way of paying that nothing tells."""

BASES = {
    "billed": "billed tokens", "simulated": "simulated caching", "uncached": "input taken as uncached (an upper bound)",
}  # fmt: skip
"""Whose token classes were priced."""

MODELS = 2
"""Models without a price that a remark names."""


def priced_ways(requests: DataFrame) -> list[tuple[str, DataFrame]]:
    """The requests of each way of paying in which something has a price, the dearest first."""
    return [(billing, own) for billing, own in money.by_billing(requests) if money.dollars(own) is not None]


def one_way(analysis: Analysis) -> bool:
    """Whether dollars are known and of one way of paying, so that tables over all requests may show them."""
    return len(priced_ways(analysis.tables["requests"])) == 1


def of_one_way(analysis: Analysis, table: str) -> DataFrame:
    """The rows of a table of money that are of the one way of paying in which something has a price."""
    frame = analysis.tables[table]
    ways = priced_ways(analysis.tables["requests"])
    return frame.filter(frame["billing"] == (ways[0][0] if ways else "")).drop("billing")


def summed(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal()) if known else None


def cells(amounts: Iterable[Decimal | None], bounds: Sequence[object] = ()) -> list[str]:
    """Dollars as text, with ≥ where a bound is set: `$0.25`, `≥$0.25`."""
    texts = [dollars(amount) for amount in amounts]
    marks: Sequence[object] = bounds or [False] * len(texts)
    return [f"≥{text}" if bound and text[-1].isdigit() else text for text, bound in zip(texts, marks, strict=True)]


def word(billing: str) -> str:
    """A way of paying in a cell."""
    return billing or UNTOLD


def rests(requests: DataFrame) -> str:
    """What the dollars of requests are and rest on: `list-price equivalent, of billed tokens`."""
    ways = priced_ways(requests)
    names = [money.BILLINGS[billing] for billing, _ in ways]
    bases = [text for name, text in BASES.items() if (requests["cost_basis"] == name).any()]
    heads = " or ".join(name[:1].lower() + name[1:] for name in names)
    called = "" if heads == "cost" else f" ({heads})"
    found = [f"{currency().name}{called} of {' and of '.join(bases)}"] if bases else []
    if requests.filter(requests["cost"].is_not_null())["cost_is_lower_bound"].any():
        found.append("≥ where output is not fully known")
    return "; ".join([*found, *unpriced(requests)])


def unpriced(requests: DataFrame) -> list[str]:
    """Which requests the dollars leave out: `3 requests without a price left out (nobody-1)`."""
    without = requests.filter(requests["cost"].is_null())
    if not len(without) or len(without) == len(requests):
        return []
    models = without["model"].unique().sort().to_list()
    named = ", ".join(model or "no model named" for model in models[:MODELS])
    more = f" and {len(models) - MODELS} more" if len(models) > MODELS else ""
    return [f"{plural(len(without), 'request')} without a price left out ({named}{more})"]


def apart(analysis: Analysis) -> str:
    """Why tables over all requests show no dollars: they were paid for in several ways. "" where they do."""
    ways = priced_ways(analysis.tables["requests"])
    if len(ways) < 2:
        return ""
    named = " and ".join(word(billing) for billing, _ in ways)
    return (
        f"Requests were paid for in {len(ways)} ways ({named}), which are never summed: select one by "
        "--where (format, client, user…), or take all as paid through an API by --billing api."
    )
