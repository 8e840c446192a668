"""How a session grows: its requests in order, with what each family of components holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from agentcost.model import Kind
from agentcost.results import KIND_COLUMNS
from agentcost.units import exact, plural, tokens
from agentcost.views.layout import Column, Table, bar, quiet, spread
from agentcost.views.plots import line_plot, painted

if TYPE_CHECKING:
    from polars import DataFrame

MOST = 16
BAR = 12

PLOT = 11
"""Lines of the plot, its axis included."""

FAMILIES: tuple[tuple[str, tuple[Kind, ...], int], ...] = (
    ("definitions", (Kind.TOOL, Kind.MCP_TOOL), 3),
    ("instructions", (Kind.SYSTEM, Kind.SKILL, Kind.MEMORY), 4),
    ("hidden", (Kind.HIDDEN,), 2),
    ("talk", (Kind.USER, Kind.ASSISTANT, Kind.THINKING, Kind.SUMMARY), 5),
    ("calls", (Kind.TOOL_CALL,), 6),
    ("results", (Kind.TOOL_RESULT,), 1),
    ("files", (Kind.FILE, Kind.IMAGE, Kind.DOCUMENT), 1),
    ("rest", (Kind.OVERHEAD, Kind.UNEXPLAINED, Kind.UNKNOWN, Kind.BLOCK), 7),
)
"""A column's title, the components it sums, and when it leaves a narrow table."""


def growth(requests: DataFrame, width: int) -> RenderableType:
    """At most 16 turns of a session's largest lineage, evenly spread, the first and the last among them."""
    chain = _largest_lineage(requests)
    shown = chain[spread(len(chain), MOST)]
    prompts = shown["prompt"].to_list()
    largest = max([*prompts, 1])
    families = []
    for name, kinds, drop in FAMILIES:
        sums = [sum(row) for row in shown.select(KIND_COLUMNS[kind] for kind in kinds).iter_rows()]
        if any(sums):
            families.append(Column(name, [tokens(count) for count in sums], drop))
    left = (
        f"{len(shown)} of {plural(len(chain), 'turn')} of its largest lineage; " if len(shown) < len(requests) else ""
    )
    return Table(
        (
            Column("turn", [exact(turn) for turn in shown["turn"].to_list()]),
            Column("input", [exact(count) for count in prompts]),
            Column("", [bar(count / largest, BAR) for count in prompts], 8, name=BAR, style="cyan"),
            *families,
        ),
        width,
        footer=left + "in tokens",
    )


def plot_of_growth(requests: DataFrame, width: int) -> list[RenderableType]:
    """The input tokens of every turn of a session's largest lineage; nothing where the table tells as much."""
    chain = _largest_lineage(requests)
    if len(chain) < 4:
        return []
    return [
        painted(line_plot(chain["turn"].to_list(), chain["prompt"].to_list(), width, PLOT)),
        quiet(f"input tokens of {plural(len(chain), 'turn')} of its largest lineage, by turn", width),
        Text(),
    ]


def _largest_lineage(requests: DataFrame) -> DataFrame:
    """The turns, in order, of the lineage with the most input."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    largest_first = (
        requests.group_by("lineage").agg(pl.col("prompt").sum()).sort("prompt", "lineage", descending=[True, False])
    )
    return requests.filter(pl.col("lineage") == largest_first["lineage"][0]).sort("turn")
