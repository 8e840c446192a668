"""The table of --by: a row per combination of keys, and one for all that did not fit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, percent, tokens
from agentcost.views import paid
from agentcost.views.figures import total
from agentcost.views.layout import NAME, Column, Table
from agentcost.views.order import ordered

if TYPE_CHECKING:
    from polars import DataFrame

SUMS = ("requests", "prompt", "read", "write", "plain", "output")


def groups(analysis: Analysis, width: int) -> RenderableType:
    """A row per group in the order of `scope.sort`, `scope.top` of them, the rest in one row.

    Columns leave a narrow one in this order: largest, saved, lost, sessions, read, output.
    """
    scope, frame = analysis.scope, analysis.tables["groups"]
    keys = frame.columns[: len(scope.by)]
    frame = ordered(frame, scope.sort, *keys)
    shown, rest = frame.head(scope.top), frame.slice(scope.top)
    whole = total(frame)
    cells = {name: shown[name].to_list() for name in (*SUMS, "sessions", "largest_prompt")}
    named = {key: [UNKNOWN if value in (None, "") else str(value) for value in shown[key].to_list()] for key in keys}
    if len(rest):
        for name in SUMS:
            known = len(rest) > rest[name].null_count()
            cells[name].append(total(rest, name) if known else None)
        cells["sessions"].append(None)
        cells["largest_prompt"].append(rest["largest_prompt"].max())
        for number, key in enumerate(keys):
            named[key].append(f"other ({len(rest)})" if number == 0 else "")
    sessions = [exact(count) if count is not None else "" for count in cells["sessions"]]
    return Table(
        (
            *(Column(key.removeprefix("label_"), named[key], name=NAME) for key in keys),
            Column("requests", [exact(count) for count in cells["requests"]]),
            Column("sessions", sessions, 4),
            Column("input", [tokens(count) for count in cells["prompt"]]),
            Column("of input", [percent(count, whole) for count in cells["prompt"]], 1),
            Column("read", [_share(*pair) for pair in zip(cells["read"], cells["prompt"], strict=True)], 3),
            Column("output", [tokens(count) for count in cells["output"]], 2),
            Column("largest", [tokens(count) for count in cells["largest_prompt"]], 7),
            *dollar_columns(shown, rest),
        ),
        width,
        footer=paid.rests(analysis.tables["requests"]),
    )


def dollar_columns(shown: DataFrame, rest: DataFrame) -> list[Column]:
    """The cost of each row and what misses and caching were of it, how many requests have no price, and how they were
    paid where that differs; none where no request has a price. Dollars paid in several ways are not summed."""
    every = [*_ways(shown), *_ways(rest)]
    known = {way for way in every if way is not None}
    if not known:
        return []
    frames = [shown[[row]] for row in range(len(shown))] + [rest] * bool(len(rest))
    amounts = {name: [_added(frame, name) for frame in frames] for name in ("cost", "cost_lost", "cost_saved")}
    without = [total(frame, "unpriced_requests") for frame in frames]
    bounds = [bool(left or total(frame, "lower_bounds")) for left, frame in zip(without, frames, strict=True)]
    paying = [_paid(set(_ways(frame)) - {None}) for frame in frames]
    return [
        Column("cost", paid.cells(amounts["cost"], bounds)),
        Column("lost", paid.cells(amounts["cost_lost"]), 5),
        Column("saved", paid.cells(amounts["cost_saved"]), 6),
        *[Column("unpriced", [exact(count) for count in without])] * any(without),
        *[Column("paid", paying, name=len(paid.UNTOLD))] * (len(known) > 1),
    ]


def _ways(frame: DataFrame) -> list[str | None]:
    """How each row was paid; None where nothing of it has a price."""
    counts = frame.select("billings", "unpriced_requests", "requests").iter_rows()
    return [None if without == requests else way for way, without, requests in counts]


def _added(frame: DataFrame, name: str) -> Decimal | None:
    return paid.summed(frame[name].to_list()) if len(set(_ways(frame)) - {None}) == 1 else None


def _paid(ways: set[str | None]) -> str:
    found = sorted(way for way in ways if way is not None)
    return "" if not found else paid.word(found[0]) if len(found) == 1 else "several"


def _share(read: int | None, prompt: int) -> str:
    return UNKNOWN if read is None else percent(read, prompt)
