"""How a session grows: its requests in order, with what each family of components holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType

from agentcost.model import Kind
from agentcost.results import KIND_COLUMNS
from agentcost.units import exact, plural, tokens
from agentcost.views.layout import Column, Table, bar, spread

if TYPE_CHECKING:
    from polars import DataFrame

MOST = 16
BAR = 12

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
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    largest_first = (
        requests.group_by("lineage").agg(pl.col("prompt").sum()).sort("prompt", "lineage", descending=[True, False])
    )
    chain = requests.filter(pl.col("lineage") == largest_first["lineage"][0]).sort("turn")
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
