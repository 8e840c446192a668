"""Two paths side by side where they part; over and under each other where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from rich.console import RenderableType

from agentcost.results import Excerpt, Parting, PartingRow, PathRow
from agentcost.units import duration, exact, plural
from agentcost.views.figures import LABELS
from agentcost.views.layout import Column, Table, quiet, title
from agentcost.views.turns import Remarked

WIDE = 110
"""Columns from which on the two paths stand side by side."""

SIGNS = {"same": "", "changed": "~", "reordered": "≈", "added": "+", "removed": "−", "moved": "↕"}
STYLES = {"same": "dim", "changed": "yellow", "reordered": "yellow", "added": "green", "removed": "red",
          "moved": "yellow"}  # fmt: skip

_EDGE = 2
"""Rows that stay at either end of a run of one kind that is folded."""

_MOST = 40
"""Rows that are shown at most."""


class Line(msgspec.Struct, frozen=True):
    """A line of the comparison, and what stands below it; `folded` stands for so many rows instead."""

    change: str
    before: PathRow | None = None
    now: PathRow | None = None
    remarks: Sequence[str] = ()
    folded: int = 0


def beside(parting: Parting, width: int) -> list[RenderableType]:
    """From a few rows before the parting on: what changed, came, went and moved on either side."""
    if not parting.rows:
        return []
    lines = list(_lines(parting.rows))
    wide = width >= WIDE
    if not wide:
        lines = [one for line in lines for one in _over_and_under(line)]
    more = len(lines) - _MOST
    lines = lines[:_MOST]
    columns = _side_by_side(lines) if wide else _stacked(lines)
    styles = {number: STYLES[line.change] for number, line in enumerate(lines)}
    remarks = {number: line.remarks for number, line in enumerate(lines) if line.remarks}
    table = Remarked(Table(columns, width, styles, _footer(lines, more)), remarks)
    found: list[RenderableType] = [title(f"Beside {_name(parting)}", width), table]
    changed = [row for row in parting.rows if row.change in ("changed", "reordered")]
    if changed and not any(row.excerpt for row in changed):
        found.append(quiet("What differs inside is not available: the text is gone or never was in the log.", width))
    return found


def _name(parting: Parting) -> str:
    what = "a request of another conversation" if parting.another else "the request it goes on from"
    gap = f", {duration(parting.gap_s)} before" if parting.gap_s is not None else ""
    return f"{parting.place}, {what}{gap}"


def _lines(rows: Sequence[PartingRow]) -> Iterator[Line]:
    """The rows, long runs of one kind folded in their middle; the first rows lead to the parting and stay."""
    start = 0
    while start < len(rows):
        change = rows[start].change
        end = start
        while end < len(rows) and rows[end].change == change:
            end += 1
        run = rows[start:end]
        if change in ("same", "added", "removed") and len(run) > 2 * _EDGE + 1:
            yield from map(_line, run[:_EDGE])
            yield Line(change, folded=len(run) - 2 * _EDGE)
            yield from map(_line, run[-_EDGE:])
        else:
            yield from map(_line, run)
        start = end


def _line(row: PartingRow) -> Line:
    return Line(row.change, row.before, row.now, tuple(_told(row)))


def _told(row: PartingRow) -> Iterator[str]:
    """What is known of two texts that differ."""
    if row.excerpt:
        place = where(row.excerpt)
        before, now = (" ".join(side.split()) for side in (row.excerpt.before, row.excerpt.now))
        if before == now:
            yield f"    {place}{': ' * bool(now)}{now}"
        else:
            yield f"    {place}:"
            yield f"    − {before}"
            yield f"    + {now}"
    elif row.change == "changed" and row.alike:
        yield f"    alike for its first {row.alike:,} bytes at least"


def where(excerpt: Excerpt) -> str:
    """Where two texts first differ, and whether in more than their order: `at character 214, in a timestamp`."""
    if excerpt.position is None:
        return excerpt.change
    inside = f", in a {excerpt.what}" if excerpt.what else ""
    order = f"{excerpt.change}, " if excerpt.change else ""
    return f"{order}at character {excerpt.position:,}{inside}"


def _over_and_under(line: Line) -> Iterator[Line]:
    """Two lines where both sides have something and it is not the same."""
    if line.before and line.now and line.change != "same":
        yield Line(line.change, before=line.before)
        yield Line(line.change, now=line.now, remarks=line.remarks)
    else:
        yield line


def _side_by_side(lines: Sequence[Line]) -> Sequence[Column]:
    return (
        *_side([(line, line.before) for line in lines], "before", "removed"),
        Column("", [SIGNS[line.change] for line in lines]),
        *_side([(line, line.now) for line in lines], "this request", "added"),
    )


def _side(cells: Sequence[tuple[Line, PathRow | None]], name: str, own: str) -> Sequence[Column]:
    folded = [line.folded and line.change in ("same", own) for line, _ in cells]
    return (
        Column("#", [exact(row.number) if row else "" for _, row in cells], 2),
        Column(
            name,
            [_fold(line) if fold else _label(row) for fold, (line, row) in zip(folded, cells, strict=True)],
            name=24,
        ),
        Column("tokens", [exact(row.tokens) if row else "" for _, row in cells], 1),
    )


def _stacked(lines: Sequence[Line]) -> Sequence[Column]:
    rows = [line.now or line.before for line in lines]
    signs = [
        ("−" if line.before else "+") if line.change in ("changed", "reordered") else SIGNS[line.change]
        for line in lines
    ]
    sides = ["" if line.change == "same" or not row else "this" if line.now else "before"
             for line, row in zip(lines, rows, strict=True)]  # fmt: skip
    return (
        Column("", signs),
        Column("#", [exact(row.number) if row else "" for row in rows]),
        Column("segment", [_fold(line) if line.folded else _label(row) for line, row in zip(lines, rows, strict=True)],
               name=24),
        Column("tokens", [exact(row.tokens) if row else "" for row in rows]),
        Column("of", sides, 1, name=6),
    )  # fmt: skip


def _fold(line: Line) -> str:
    return f"… {plural(line.folded, 'segment')} more"


def _label(row: PathRow | None) -> str:
    if row is None:
        return ""
    return " ".join(part for part in (LABELS.get(row.component, row.component), row.name) if part)


def _footer(lines: Sequence[Line], more: int) -> str:
    used = dict.fromkeys(line.change for line in lines if line.change != "same")
    left = f"{plural(more, 'more line')}; " if more > 0 else ""
    return left + ", ".join(f"{SIGNS[change]} {change}" for change in used)
