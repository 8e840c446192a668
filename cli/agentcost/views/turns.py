"""The report on turns: a row per request, in the order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import NONE, UNKNOWN, duration, exact, head, plural, printable, when
from agentcost.views.analyze import closing, empty, opening
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
    rows = turn_rows(_sorted(analysis), width, analysis.scope.zone, limit)
    return Group(*opening(analysis, width), Text(), rows, Text(), *closing(analysis, width))


def _sorted(analysis: Analysis) -> DataFrame:
    """The requests in the order that was asked for, by time unless told."""
    return ordered(with_new(analysis.tables["requests"]), analysis.scope.sort)


def with_new(frame: DataFrame) -> DataFrame:
    """The requests with what each adds to the turn before it; unknown where that turn is not selected."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    follows = pl.col("turn").diff().over("lineage", order_by="turn") == 1
    grown = pl.col("prompt").diff().over("lineage", order_by="turn")
    return frame.with_columns(new=pl.when(pl.col("turn") == 1).then(pl.col("prompt")).when(follows).then(grown))


def turn_rows(
    frame: DataFrame, width: int, zone: str, limit: int | None = None, more: Sequence[Column] = ()
) -> RenderableType:
    """The table of turns, with `more` columns at its end and a line below each request that missed what was cached.

    Columns leave a narrow one in this order: lineage, role, plain, write, cause, model, gap, session, time, read.
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
            Column("gap", gaps, 4),
            Column("session", [session(name) for name in shown["session"].to_list()], 3, name=SHORT),
            Column("lineage", cells["lineage"], 10),
            Column("turn", cells["turn"]),
            Column("role", shown["role"].to_list(), 9, name=4),
            Column("model", [name or UNKNOWN for name in shown["model"].to_list()], 5, name=14),
            Column("prompt", cells["prompt"]),
            Column("new", cells["new"]),
            Column("read", cells["read"], 1),
            Column("write", cells["write"], 7),
            Column("plain", cells["plain"], 8),
            Column("output", outputs),
            Column("cause", [words(cause) for cause in shown["cause"].to_list()], 6, name=14),
            place_column(places),
            *more,
        ),
        width,
        {number: "dim" for number, role in enumerate(shown["role"].to_list()) if role == "side"},
        left + "prompt to output in tokens",
    )
    return Remarked(table, _losses(shown, width))


def _losses(frame: DataFrame, width: int) -> dict[int, list[str]]:
    """Under a request that missed what was cached: why, with the evidence, and how much."""
    rows = frame.select("lost", "cause", "evidence").iter_rows()
    return {number: [_loss(lost, cause, why, width)] for number, (lost, cause, why) in enumerate(rows) if lost}


def _loss(lost: int, cause: str, evidence: str, width: int) -> str:
    start, end = f"  ↳ {words(cause)}{': ' if evidence else ''}", f" — {exact(lost)} tokens lost"
    if len(start) + len(evidence) + len(end) > width:
        end = f" — {exact(lost)} lost"
    return start + head(evidence, max(0, width - len(start) - len(end))) + end


@dataclass(frozen=True, slots=True)
class Remarked:
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
