"""A request's path, and where it parts from another, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from agentcost.costs.tables import MONEY
from agentcost.results import Parting, PathRow

_PATH: dict[str, pl.DataType] = {
    "number": pl.Int64(), "level": pl.String(), "role": pl.String(), "component": pl.String(), "name": pl.String(),
    "server": pl.String(), "tokens": pl.Int64(), "cumulative": pl.Int64(), "shared": pl.Boolean(),
    "stripped": pl.Boolean(), "breakpoint": pl.String(), "marks": pl.String(), "place": pl.String(),
    "cost": MONEY,
}  # fmt: skip

_LAST = ("marks", "place", "cost")
_SIDE = ("number", "component", "name", "server", "tokens")
_PARTING: dict[str, pl.DataType] = {
    "change": pl.String(), "level": pl.String(),
    **{f"{side}_{name}": pl.Int64() if name in ("number", "tokens") else pl.String()
       for side in ("before", "now") for name in _SIDE},
    "alike_bytes": pl.Int64(), "position": pl.Int64(), "what": pl.String(), "order": pl.String(),
}  # fmt: skip


def path_table(rows: Sequence[PathRow], *, include_text: bool = False) -> pl.DataFrame:
    """A row per segment; its text as far as it was read again, where that was asked for."""
    told = [
        (*(getattr(row, name) for name in _PATH if name not in _LAST), ", ".join(row.marks), row.place, row.cost)
        for row in rows
    ]
    frame = pl.DataFrame(told, schema=_PATH, orient="row")
    return frame.with_columns(pl.Series("text", [row.text for row in rows], pl.String)) if include_text else frame


def parting_table(parting: Parting | None, *, include_text: bool = False) -> pl.DataFrame:
    """A row per line of two paths side by side; what the texts say there only where that was asked for."""
    rows = parting.rows if parting else ()
    told = []
    for row in rows:
        side = row.now or row.before
        found = row.excerpt
        told.append((
            row.change, side.level if side else "", *_side(row.before), *_side(row.now),
            row.alike if row.change in ("changed", "reordered") else None, found.position if found else None,
            found.what if found else None, found.change if found else None,
        ))  # fmt: skip
    frame = pl.DataFrame(told, schema=_PARTING, orient="row")
    if not include_text:
        return frame
    return frame.with_columns(
        pl.Series("before_text", [row.excerpt.before if row.excerpt else None for row in rows], pl.String),
        pl.Series("now_text", [row.excerpt.now if row.excerpt else None for row in rows], pl.String),
    )


def _side(row: PathRow | None) -> tuple[object, ...]:
    return tuple(getattr(row, name) if row else None for name in _SIDE)
