"""What a log cost, as the default report says it: the total, its averages, what caching saved and what misses cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import dollars as shown
from agentcost.units import percent, plural
from agentcost.views.figures import LABELS, sessionless
from agentcost.views.layout import Paragraph

if TYPE_CHECKING:
    from polars import DataFrame

BILLINGS = {
    "api": "Cost", "seat": "List-price equivalent (paid by the seat)", "credits": "Cost in credits, as dollars",
    "": "List-price equivalent",
}  # fmt: skip
"""What the dollars of each way of paying are called; they are never summed with each other."""

BASES = {"billed": "billed tokens", "simulated": "simulated caching", "uncached": "no caching known: an upper bound"}
"""Whose token classes were priced."""

PARTS = {"output": "output", "beside_tokens": "searches"}


def dollars(frame: DataFrame, column: str = "cost") -> Decimal | None:
    """The sum of a column of money; None where nothing in it is known."""
    amounts = frame[column]
    return Decimal(amounts.sum()) if amounts.null_count() < len(amounts) else None


def by_billing(requests: DataFrame) -> list[tuple[str, DataFrame]]:
    """The requests of each way of paying, priced or not, the dearest first."""
    groups = [(billing, requests.filter(requests["billing"] == billing)) for billing in BILLINGS]
    found = [(billing, own) for billing, own in groups if len(own)]
    return sorted(found, key=lambda group: -(dollars(group[1]) or 0))


def total(analysis: Analysis) -> str:
    """`$1.93`, `≥$1.93`, `≤$1.93`; "" where nothing is priced or several ways of paying do not add up."""
    groups = by_billing(analysis.tables["requests"])
    amount = dollars(groups[0][1]) if len(groups) == 1 else None
    return "" if amount is None else f"{bound(groups[0][1])}{shown(amount)}"


def cost(analysis: Analysis, width: int) -> list[RenderableType]:
    """A paragraph per way of paying; nothing where nothing is priced but a word on why."""
    requests = analysis.tables["requests"]
    groups = by_billing(requests)
    priced = [(billing, own) for billing, own in groups if dollars(own) is not None]
    parts: list[RenderableType] = []
    for billing, own in priced:
        lead = f"{BILLINGS[billing]}: {bound(own)}{shown(dollars(own))}"
        said = "; ".join(_said(own, unchained=sessionless(analysis)))
        text = f"({said}). {_dearest(analysis, billing)}".rstrip()
        parts.append(Paragraph(Text.assemble((lead, "bold"), " ", text), width))
    if not priced and len(requests):
        why = sorted(set(requests["unpriced"].to_list()))
        parts.append(Paragraph(Text.assemble(("Cost: unknown,", "bold"), f" {'; '.join(why[:2])}."), width))
    return [Text(), *parts] if parts else []


def bound(requests: DataFrame) -> str:
    """What the sum of costs is: `≥` a lower bound (output not fully known, or no price), `≤` an upper one (input of
    which no caching is known), `~` where both are in it."""
    low = requests["cost_is_lower_bound"].any() or requests["cost"].null_count()
    high = (requests["cost_basis"] == "uncached").any()
    return "~" if low and high else "≥" if low else "≤" if high else ""


def _said(own: DataFrame, *, unchained: bool) -> list[str]:
    """What the amount rests on and how it divides: among sessions too, but where those are unknown (`unchained`)."""
    priced = own.filter(own["cost"].is_not_null())
    amount = dollars(priced) or Decimal()
    bases = [word for name, word in BASES.items() if (priced["cost_basis"] == name).any()]
    found = [f"{', '.join(bases)} {dated(priced)}"]
    if own["cost"].null_count():
        found.append(f"{plural(own['cost'].null_count(), 'request')} without a price left out")
    unknown = int((priced["output"].is_null() | priced["output_is_lower_bound"]).sum())
    if unknown:
        found.append(f"output not fully known of {'all' if unknown == len(priced) else plural(unknown, 'request')}")
    left = {term for text in priced["not_applied"].unique().to_list() for term in text.split(", ") if term}
    if left:
        found.append(f"not applied: {', '.join(sorted(left))}")
    sessions = priced["session"].unique()
    sign = bound(own.filter(own["session"].is_in(sessions.implode())))
    each = [] if unchained else [f"{sign}{shown(amount / len(sessions))} a session"]
    found.append(", ".join([*each, f"{bound(priced)}{shown(amount / len(priced))} a request"]))
    saved, lost = dollars(priced, "cost_saved") or Decimal(), dollars(priced, "cost_lost") or Decimal()
    if saved:
        whole = amount + saved
        word = "saved" if saved > 0 else "added"
        found.append(f"caching {word} {shown(abs(saved))} ({percent(float(abs(saved) / whole))})")
    if lost:
        found.append(f"misses cost {shown(lost)} ({percent(float(lost / amount))})")
    return found


def dated(priced: DataFrame) -> str:
    """Of which day the prices are."""
    undated = int(priced["price_date_assumed"].sum())
    if undated == len(priced):
        return "at the newest list prices, as the log tells no day"
    told = f" ({plural(undated, 'request')} without a day at the newest)" if undated else ""
    return f"at list prices of their day{told}"


def _dearest(analysis: Analysis, billing: str) -> str:
    """The dearest components and tool of a way of paying."""
    parts, tools = analysis.tables["component_costs"], analysis.tables["tool_costs"]
    parts = parts.filter((parts["billing"] == billing) & (parts["cost"] > 0))
    if not len(parts):
        return ""
    parts = parts.sort("cost", "component", descending=[True, False])
    named = [
        f"{PARTS.get(name) or LABELS.get(name, name)} {percent(share, 1.0, 0)}"
        for name, share in parts.head(3).select("component", "share").iter_rows()
    ]
    tools = tools.filter((tools["billing"] == billing) & (tools["cost"] > 0)).sort(
        "cost", "tool", descending=[True, False]
    )
    tool = f"; dearest tool {tools['tool'][0]}, {shown(tools['cost'][0])}" if len(tools) else ""
    return f"Of it {', '.join(named)}{tool}."
