"""The report on times to live: the hit rate of a cache that forgets by age."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, duration, in_tokens, memory, percent
from agentcost.views.layout import Column, Table, plain, quiet, title
from agentcost.views.plots import Axis, line_plot, painted, shares

if TYPE_CHECKING:
    from polars import DataFrame

Row = dict[str, Any]

HEIGHT = 10
"""Lines of the plot, its axis included."""

TICKS = {"0.1s": 0.1, "1s": 1, "10s": 10, "1m": 60, "5m": 300, "30m": 1_800, "4h": 14_400, "1d": 86_400, "1w": 604_800}
"""Times on the axis."""

PROVIDERS = ("5m", "1h")
"""Times to live that providers sell."""

SHARES = {"knee": "the knee", "half": "50% of all", "most": "90% of all", "nearly all": "99% of all", "all": "all"}
"""What the times read that are named for it."""


def lifetimes(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """The answer in a line, the curve where every use renews, and the times that have a name."""
    points, knees = analysis.tables["lifetimes"], analysis.tables["lifetime_knees"]
    if not len(points):
        yield plain("By time to live: unknown, the log does not tell when requests start.", width)
        return
    used = knees.filter(knees["renewed_by"] == "use").to_dicts()
    written = knees.filter(knees["renewed_by"] == "write").to_dicts()
    own = {row["knee"]: row for row in used}
    told = ", ".join(f"{percent(own[name]['hit_rate'])} with {name}" for name in PROVIDERS)
    yield Text()
    yield title(f"Hit rate by time to live: {told}, {percent(own['all']['hit_rate'])} with any", width)
    yield from _plotted(points.filter(points["renewed_by"] == "use"), own, width)
    yield _named(used, written, width)


def _plotted(points: DataFrame, own: dict[str, Row], width: int) -> Iterator[RenderableType]:
    """The curve over time, doubling by doubling, up to where it reads all."""
    rows = [row for row in points.to_dicts() if 0 < row["ttl_s"] <= own["all"]["ttl_s"]]
    if len(rows) < 2:
        return
    xs, ys = [math.log2(row["ttl_s"]) for row in rows], [100 * row["hit_rate"] for row in rows]
    ticks = {math.log2(seconds): name for name, seconds in TICKS.items() if xs[0] <= math.log2(seconds) <= xs[-1]}
    marks = {
        math.log2(own[name]["ttl_s"]): f"{name} {percent(own[name]['hit_rate'])}"
        for name in PROVIDERS
        if xs[0] <= math.log2(own[name]["ttl_s"]) <= xs[-1]
    }
    yield painted(line_plot(xs, ys, width, HEIGHT, Axis(xs[0], xs[-1], ticks), shares(max(ys)), marks))
    yield quiet("Share of input tokens read, in %, by time since the last use", width)
    yield Text()


def _named(used: Sequence[Row], written: Sequence[Row], width: int) -> Table:
    """A row per time with a name; of round ones those are left out that read no more than the one before."""
    rows: list[tuple[Row, Row]] = []
    for row, other in zip(used, written, strict=True):
        reads = row["hit_tokens"], other["hit_tokens"]
        if row["knee"] in SHARES or not rows or reads != (rows[-1][0]["hit_tokens"], rows[-1][1]["hit_tokens"]):
            rows.append((row, other))
    return Table(
        [
            Column("time to live", [duration(row["ttl_s"]) for row, _ in rows]),
            Column("renewed by use", [percent(row["hit_rate"]) for row, _ in rows]),
            Column("from the write", [percent(other["hit_rate"]) for _, other in rows], drop=2),
            Column("most alive", [_held(row) for row, _ in rows], drop=1),
            Column("reads", [SHARES.get(row["knee"], "") for row, _ in rows], drop=3, name=10, keeps="start"),
        ],
        width,
    )


def _held(row: Row) -> str:
    if row["peak_bytes"]:
        return memory(row["peak_bytes"])
    return UNKNOWN if row["peak_tokens"] is None else in_tokens(row["peak_tokens"])
