"""Dollars in pictures: of every request in order, and of every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from agentcost.units import dollars, plural
from agentcost.views import money, paid
from agentcost.views.layout import chunks, heights, quiet

if TYPE_CHECKING:
    from polars import DataFrame

HEIGHT = 4
"""Lines of a chart."""

LABEL = 9
"""The columns of its scale."""

FEW = 4
"""Requests or days below which the table tells as much."""

FINEST = 15
"""Digits behind the point of a dollar that are drawn: all that are counted."""


def cost_charts(requests: DataFrame, width: int) -> list[RenderableType]:
    """A chart per way of paying, of its requests in the order of time, each under what it shows; none of a few."""
    parts: list[RenderableType] = []
    for billing, own in paid.priced_ways(requests):
        priced = own.filter(own["cost"].is_not_null())
        if len(priced) < FEW or not money.dollars(priced):
            continue
        amounts = priced["cost"].to_list()
        whole = f"{money.bound(own)}{dollars(sum(amounts))}"
        what = f"{money.BILLINGS[billing]} of {plural(len(priced), 'request')} in order: {whole} in all"
        lost = money.dollars(priced, "cost_lost")
        what += f", of it {dollars(lost)} lost to misses" if lost else ""
        parts += [Text(), *_chart(amounts, width, what, "max")]
    return parts


def days_chart(spend: DataFrame, width: int) -> list[RenderableType]:
    """What each calendar day cost, days without requests too, of one way of paying; nothing of a few days."""
    known = [(day, cost) for day, cost in spend.select("day", "cost").iter_rows() if day and cost is not None]
    if not known:
        return []
    costs = {date.fromisoformat(day): cost for day, cost in known}
    first, last = min(costs), max(costs)
    span = (last - first).days + 1
    if span < FEW or not any(costs.values()):
        return []
    amounts = [costs.get(first + timedelta(days=number), Decimal()) for number in range(span)]
    return _chart(amounts, width, f"dollars a day, {first} to {last}", "the dearest")


def _chart(amounts: Sequence[Decimal], width: int, what: str, chosen: str) -> list[RenderableType]:
    room = width - LABEL - 2
    whole = [int(amount.scaleb(FINEST)) for amount in amounts]
    columns = chunks(whole, room)
    if len(columns) < len(whole):
        what += f"; {chosen} of every {-(-len(whole) // len(columns))} or fewer"
    wide = max(1, min(4, room // len(columns)))
    lines = heights([value for value in columns for _ in range(wide)], HEIGHT)
    scale = [dollars(max(amounts)), *[""] * (HEIGHT - 2), "0"]
    return [
        quiet(what, width),
        *(
            Text.assemble((mark.rjust(LABEL), "dim"), "  ", (line, "cyan"), no_wrap=True)
            for mark, line in zip(scale, lines, strict=True)
        ),
    ]
