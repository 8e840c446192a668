"""The report on tiers: where hits lie, and whether loading them from there beats computing them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import duration, elapsed, exact, memory, percent, plural, rate
from agentcost.views.layout import Column, Table, plain, quiet, title

Row = dict[str, Any]


def tiers(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """Where hits lie, fastest first, and whether loading them from there beats computing them."""
    rows = analysis.tables["tiers"].to_dicts()
    if not rows:
        return
    below = [row for row in rows if row["bandwidth"] is not None]
    read = sum(row["share"] or 0 for row in below)
    own = (
        "below the accelerators' memory"
        if rows[0]["bandwidth"] is None
        else "from them; no accelerators are named above"
    )
    yield title(f"Tiers: {percent(read)} of input is read {own}", width)
    yield Table(
        (
            Column("place", [f"{row['level']} {row['place']}".strip() for row in rows], name=12),
            Column("size", [_size(row) for row in rows], drop=2),
            Column("of input", [percent(row["share"]) for row in rows]),
            Column("requests", [exact(row["requests"]) for row in rows], drop=4),
            Column("load", [_cell(row, "load_p50_s") for row in rows]),
            Column("p99", [_cell(row, "load_p99_s") for row in rows], drop=3),
            Column("compute", [_cell(row, "compute_p50_s") for row in rows]),
            Column("adds to a turn", [_cell(row, "added_p50_s") for row in rows], drop=1),
            Column("p99", [_cell(row, "added_p99_s") for row in rows], drop=3),
            Column("faster", [percent(row["faster"]) if row["faster"] is not None else "" for row in rows], drop=1),
            Column("pays within", [duration(row["hold_s"]) if row["hold_s"] else "" for row in rows], drop=2),
        ),
        width,
    )
    yield from (plain(line, width) for row in below for line in _verdict(row))
    yield quiet(
        "Every tier holds a copy of what is above it (write-through). Medians over the requests that find something "
        "there; loading overlaps computing layer by layer. pays within: the next use has to come that soon.", width,
    )  # fmt: skip


def _size(row: Row) -> str:
    return memory(row["capacity_bytes"]) if row["capacity_bytes"] is not None else ""


def _cell(row: Row, column: str) -> str:
    return elapsed(row[column]) if row[column] is not None else ""


def _verdict(row: Row) -> Iterator[str]:
    if row["break_even"] is not None:
        text = f"{row['place']}: {rate(row['bandwidth'])}; the median load breaks even at {rate(row['break_even'])}"
        first = row["faster_from_tokens"]
        if first is None:
            text += "; no prefix is faster to load than to compute"
        elif first > 1:
            text += f"; faster from {plural(first, 'token')} on"
        yield f"{text} · {row['basis']}"
    elif not row["hit_tokens"]:
        yield f"{row['place']}: nothing is found here that is not found above"
