"""What every stretch of a request's prompt cost, in the cache state that its tokens were in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from msgspec.structs import replace

from agentcost.costs.requests import COLUMN, ORDER, Costs
from agentcost.pricing import dollars
from agentcost.results import PathRow


def priced_path(rows: Sequence[PathRow], costs: Costs, index: int, *, hidden: bool = False) -> list[PathRow]:
    """The path with the dollars of each row: of the prompt from the row before to the end of it, its template included.

    They are the input dollars exactly; where the log hides what stands before the first row, those but for that.
    Without a price the rows are as they were.
    """
    if not costs.priced[index]:
        return list(rows)
    found, reached = [], 0
    for number, row in enumerate(rows):
        start = max(0, row.cumulative - row.tokens) if hidden and number == 0 else reached
        reached = max(row.cumulative, start)
        amount = _upto(costs, index, reached) - _upto(costs, index, start)
        found.append(replace(row, cost=dollars(amount)))
    return found


def _upto(costs: Costs, index: int, position: int) -> int:
    """Femtodollars of a prompt up to a position: what was read lies in front, what is plain at the end."""
    tokens = [int(costs.tokens[index, COLUMN[name]]) for name in ORDER]
    units = [int(costs.units[index, COLUMN[name]]) for name in ORDER]
    starts = [0, *accumulate(tokens)]
    parts = (
        max(0, min(count, position - start)) * unit for start, count, unit in zip(starts, tokens, units, strict=False)
    )
    return sum(parts)
