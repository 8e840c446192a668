"""The report on turns: a row per request, in the order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from agentcost.results import Analysis, Excerpt
from agentcost.units import NONE, UNKNOWN, dollars, duration, exact, plural, printable, when
from agentcost.views import paid
from agentcost.views.analyze import closing, empty, opening
from agentcost.views.costchart import cost_charts
from agentcost.views.evidence import excerpts_of, explained
from agentcost.views.layout import Column, Table, filled, place_column, shorten
from agentcost.views.notes import words
from agentcost.views.order import ordered

if TYPE_CHECKING:
    from polars import DataFrame

SHORT = 8
"""How much of a session's id tells it from others, as a rule."""


def turns(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """A row per request, `limit` of them at most; `scope.sort` orders them."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    rows = turn_rows(_sorted(analysis), width, analysis.scope.zone, limit, excerpts=excerpts_of(analysis))
    charts = cost_charts(analysis.tables["requests"], width)
    return Group(*opening(analysis, width), *charts, Text(), rows, Text(), *closing(analysis, width))


def _sorted(analysis: Analysis) -> DataFrame:
    """The requests in the order that was asked for, by time unless told."""
    return ordered(with_new(analysis.tables["requests"]), analysis.scope.sort)


def with_new(frame: DataFrame) -> DataFrame:
    """The requests with what each adds to the turn before it; unknown where that turn is not selected, and where the
    prompt shrank: something went out of it, and how much came in is not told by its length."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    follows = pl.col("turn").diff().over("lineage", order_by="turn") == 1
    grown = pl.col("prompt").diff().over("lineage", order_by="turn")
    return frame.with_columns(
        new=pl.when(pl.col("turn") == 1).then(pl.col("prompt")).when(follows & (grown >= 0)).then(grown)
    )


def turn_rows(
    frame: DataFrame, width: int, zone: str, limit: int | None = None, more: Sequence[Column] = (),
    excerpts: Mapping[tuple[str, int, str], Excerpt] | None = None,
) -> RenderableType:  # fmt: skip
    """The table of turns, with `more` columns at its end and a line below each request that missed what was cached.

    Columns leave a narrow one in this order: lineage, role, plain, write, cause, model, gap, session, new, time, read.
    """
    shown = frame.head(limit) if limit else frame
    cells = {
        name: [exact(count) for count in shown[name].to_list()]
        for name in ("turn", "lineage", "prompt", "read", "write", "plain", "output", "new")
    }
    gaps = [
        duration(gap) if gap is not None else NONE if turn == 1 else UNKNOWN
        for gap, turn in zip(shown["gap_s"].to_list(), shown["turn"].to_list(), strict=True)
    ]
    places = [f"{source}:{line}" for source, line in shown.select("source", "line").iter_rows()]
    least = shown["output_is_lower_bound"].to_list()
    outputs = [f"≥{cell}" if bound else cell for cell, bound in zip(cells["output"], least, strict=True)]
    left = f"{plural(len(frame) - len(shown), 'more request')}; " if len(shown) < len(frame) else ""
    table = Table(
        filled(
            Column("time", times(shown["started"].to_list(), zone), 2, name=20),
            Column("gap", gaps, 5),
            Column("session", [session(name) for name in shown["session"].to_list()], 4, name=SHORT),
            Column("lineage", cells["lineage"], 11),
            Column("turn", cells["turn"]),
            Column("role", shown["role"].to_list(), 10, name=4),
            Column("model", [name or UNKNOWN for name in shown["model"].to_list()], 6, name=14),
            Column("prompt", cells["prompt"]),
            Column("new", cells["new"], 3),
            Column("read", cells["read"], 1),
            Column("write", cells["write"], 8),
            Column("plain", cells["plain"], 9),
            Column("output", outputs),
            *_dollars(shown),
            Column("cause", [words(cause) for cause in shown["cause"].to_list()], 7, name=14),
            place_column(places),
            *more,
        ),
        width,
        {number: "dim" for number, role in enumerate(shown["role"].to_list()) if role == "side"},
        "; ".join(part for part in (f"{left}prompt to output in tokens", paid.rests(frame)) if part),
    )
    return Remarked(table, _losses(shown, width, excerpts or {}))


def _dollars(shown: DataFrame) -> list[Column]:
    """What each request cost, and how it was paid where that differs; nothing where no request has a price."""
    ways = shown.filter(shown["cost"].is_not_null())["billing"].n_unique()
    costs = paid.cells(shown["cost"].to_list(), shown["cost_is_lower_bound"].to_list())
    paying = Column("paid", [paid.word(way) for way in shown["billing"].to_list()], name=len(paid.UNTOLD))
    return [*[Column("cost", costs)] * bool(ways), *[paying] * (ways > 1)]


def _losses(frame: DataFrame, width: int, excerpts: Mapping[tuple[str, int, str], Excerpt]) -> dict[int, list[str]]:
    """Under a request that missed what was cached: why, with the evidence, and how much."""
    rows = frame.select("lost", "cost_lost", "cause", "evidence", "source", "line", "id").rows()
    return {
        number: [_loss(lost, cost, cause, why, excerpts.get((source, line, id_)), width)]
        for number, (lost, cost, cause, why, source, line, id_) in enumerate(rows)
        if lost
    }


def _loss(lost: int, cost: Decimal | None, cause: str, evidence: str, excerpt: Excerpt | None, width: int) -> str:
    amount = f", {dollars(cost)}" if cost else ""
    start, end = f"  ↳ {words(cause)}{': ' if evidence else ''}", f" — {plural(lost, 'token')} lost{amount}"
    if len(start) + len(explained(evidence, excerpt)) + len(end) > width:
        end = f" — {exact(lost)} lost{amount}"
    return start + explained(evidence, excerpt, width - len(start) - len(end)) + end


class Remarked(msgspec.Struct, frozen=True):
    """A table with dim lines below some of its rows, by the number of the row."""

    table: Table
    remarks: Mapping[int, Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        row = -1  # the line of the titles
        for piece in self.table.__rich_console__(console, options):
            yield piece
            if not (isinstance(piece, Segment) and piece.text.endswith("\n")):
                continue
            for line in self.remarks.get(row, ()):
                short = shorten(printable(line), self.table.width, "start").rstrip()
                yield Segment(short + "\n", Style(dim=True))
            row += 1


def times(moments: Sequence[float | None], zone: str) -> list[str]:
    """Times as they are told apart: without the day, or without the year, where all share it."""
    texts = [when(moment, zone, precise=True) for moment in moments]
    known = [text for text, moment in zip(texts, moments, strict=True) if moment is not None]
    for start in (11, 5):
        if len({text[:start] for text in known}) == 1 and len(known[0]) > start + 5 and known[0][0] != "+":
            return [text[start:] if len(text) > start else text for text in texts]
    return texts


def session(name: str) -> str:
    """The start of an id; of a place its end, which tells one from another."""
    return name[:SHORT] if ":" not in name else "…" + name[1 - SHORT :] if len(name) > SHORT else name
