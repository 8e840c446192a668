"""The report on capacity: the hit rate of a cache of every size and age."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, gibibytes, in_tokens, memory, percent, plural, three_digits, tokens
from agentcost.views.layout import Column, Table, quiet, title
from agentcost.views.lifetimes import lifetimes
from agentcost.views.plots import TICK, Axis, line_plot, painted, shares

if TYPE_CHECKING:
    from polars import DataFrame

Row = dict[str, Any]

HEIGHT = 12
"""Lines of the plot, its axis included."""

KNEES = {
    "knee": "where memory buys less than on average", "half": "half of what can be read", "most": "90% of it",
    "nearly all": "99% of it", "all": "all of it", "room": "the memory named",
}  # fmt: skip
MARKED = ("knee", "room")


def capacity(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """The answer in a line, the curve, the knees with replicas beside them, times to live, and what all rests on."""
    basis = analysis.tables["capacity_basis"].row(0, named=True)
    curve = analysis.tables["capacity"].filter(analysis.tables["capacity"]["replicas"] == 1)
    if basis["bound_tokens"] is None:
        yield title("Hit rate by capacity: unknown, the log holds lengths only", width)
        return
    if not basis["bound_tokens"]:
        yield title("Hit rate by capacity: no request begins as an earlier one did, so no cache reads anything", width)
        return
    knees = analysis.tables["capacity_knees"]
    own = {row["knee"]: row for row in knees.filter(knees["replicas"] == 1).to_dicts()}
    yield title(_answer(own), width)
    yield from _plotted(curve, own, basis, width)
    yield _knees(knees, own, width)
    yield from lifetimes(analysis, width)
    yield Text()
    yield from (quiet(line, width) for line in _assumed(basis))


def _answer(own: dict[str, Row]) -> str:
    whole = f"Hit rate by capacity: {percent(own['all']['hit_rate'])} with {_size(own['all'])}, no more with any"
    room = own.get("room")
    if room:
        return f"{whole}; {percent(room['hit_rate'])} in the {_size(room)} named"
    return f"{whole}; half of that with {_size(own['half'])}"


def _size(row: Row) -> str:
    """Bytes, or tokens where no layout is known."""
    return in_tokens(row["capacity_tokens"]) if row["capacity_bytes"] is None else memory(row["capacity_bytes"])


def _plotted(curve: DataFrame, own: dict[str, Row], basis: Row, width: int) -> Iterator[RenderableType]:
    """The curve over memory, doubling by doubling."""
    rows = [row for row in curve.to_dicts() if row["capacity_tokens"]]
    per_token = (basis["block_bytes"] or 0) / basis["block_tokens"]
    if len(rows) < 2:
        return
    xs = [math.log2(row["capacity_tokens"]) for row in rows]
    ys = [100 * row["hit_rate"] for row in rows]
    marks: dict[float, str] = {}
    for name in MARKED:
        row = own.get(name)
        if row and row["capacity_tokens"] and xs[0] <= math.log2(row["capacity_tokens"]) <= xs[-1]:
            marks[math.log2(row["capacity_tokens"])] = f"{name} {percent(row['hit_rate'])}"
    across = _doublings(xs[0], xs[-1], per_token, width)
    yield painted(line_plot(xs, ys, width, HEIGHT, across, shares(max(ys)), marks))
    what = f"{basis['model']} in {basis['kv_format']}" if per_token else "tokens"
    yield quiet(f"Share of input tokens read, in %, by memory for KV ({what})", width)
    yield Text()


def _doublings(low: float, high: float, per_token: float, width: int) -> Axis:
    """An axis of powers of two of memory, or of tokens where no layout is known, a few of them named."""
    shift = math.log2(per_token) if per_token else 0.0
    first, last = math.ceil(low + shift), math.floor(high + shift)
    step = max(1, -(-(last - first + 1) // max(2, width // TICK)))
    return Axis(low, high, {place - shift: _power(place, bool(per_token)) for place in range(first, last + 1, step)})


def _power(place: int, memory: bool) -> str:
    if not memory:
        return tokens(2**place)
    units = ("KiB", "MiB", "GiB", "TiB", "PiB")
    level = min(max(place // 10, 1), len(units))
    return f"{2 ** (place - 10 * level):g}{units[level - 1]}"


def _knees(knees: DataFrame, own: dict[str, Row], width: int) -> Table:
    """A row per named capacity; the hit rates of as much memory divided among replicas stand beside it."""
    rows = list(own.values())
    columns = [
        Column("capacity", [row["knee"] for row in rows], name=10),
        Column("memory", [_size(row) for row in rows]),
        Column("tokens", [tokens(row["capacity_tokens"]) for row in rows], drop=2),
    ]
    if any(row["accelerators"] is not None for row in rows):
        columns.append(Column("accelerators", [_count(row["accelerators"]) for row in rows], drop=1))
    columns.append(Column("hit rate", [percent(row["hit_rate"]) for row in rows]))
    for (count, routing), group in _divided(knees):
        rates = {row["knee"]: row["hit_rate"] for row in group}
        columns.append(Column(f"÷{count} {routing}", [percent(rates.get(row["knee"])) for row in rows], drop=1))
    columns.append(Column("reads", [KNEES[row["knee"]] for row in rows], drop=3, name=12, keeps="start"))
    return Table(columns, width)


def _divided(knees: DataFrame) -> list[tuple[tuple[int, str], list[Row]]]:
    """The rows of replicas, by their number and routing."""
    rows = [row for row in knees.to_dicts() if row["replicas"] > 1]
    keys = list(dict.fromkeys((row["replicas"], row["routing"]) for row in rows))
    return [(key, [row for row in rows if (row["replicas"], row["routing"]) == key]) for key in keys]


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else three_digits(value)


def _assumed(basis: Row) -> Sequence[str]:
    """What the curve takes for granted, and what it leaves out."""
    counted, known = basis["requests"], basis["requests_with_end"]
    lines = [
        f"Exact for every capacity: LRU that evicts leaves first, blocks of {exact(basis['block_tokens'])} tokens, "
        "prompts and the answers whose text the log has."
    ]
    if basis["basis"] != "as is":
        lines.append("What two prompts share ends with the last segment that both have: not inside a text.")
    if known == counted:
        lines.append("What running requests hold cannot be evicted and is taken off the memory.")
    elif known:
        lines.append(
            f"What running requests hold is taken off the memory for {exact(known)} of {plural(counted, 'request')}; "
            "of the others the log does not tell the end."
        )
    else:
        lines.append("Memory that running requests hold is not taken off: the log does not tell when they end.")
    if basis["fixed_bytes"]:
        lines.append(
            f"Windows and states of fixed size come on top: {gibibytes(basis['fixed_bytes'])} for each prefix that is "
            "kept ready."
        )
    if basis["relative_clock"]:
        lines.append("Logs that count from their own start are taken to start together.")
    return lines
