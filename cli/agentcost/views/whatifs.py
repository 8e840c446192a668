"""What would help: ways of sending the same log otherwise, by what each would save."""

from __future__ import annotations

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import exact, percent, tokens
from agentcost.views.layout import Column, Table, quiet, title
from agentcost.views.notes import doubt
from agentcost.views.turns import Remarked

SHOWN = 8
"""Ways shown at most, beside the ways together."""


def what_ifs(analysis: Analysis, width: int) -> list[RenderableType]:
    """A row for each way, how it is done below it, then ways together; nothing where nothing was replayed."""
    frame = analysis.tables["whatifs"]
    if "what if" not in analysis.tables["caches"]["basis"].to_list():
        return []
    head = "What would help (simulated against simulated" + (", unreliable)" if doubt(analysis) else ")")
    if not len(frame):
        return [title(head, width), quiet("Nothing that was tried saves 0.5% of the input cost.", width)]
    alone, joint = frame.filter(frame["together"] == 1).head(SHOWN), frame.filter(frame["together"] > 1)
    rows = [*alone.to_dicts(), *joint.to_dicts()]
    table = Table(
        [
            Column("way", [row["what_if"] + " *" * row["changes_behaviour"] for row in rows], name=31),
            Column("saves", [tokens(row["saved"]) for row in rows]),
            Column("of cost", [percent(row["share"]) for row in rows]),
            Column("read", [tokens(row["read"]) for row in rows], 2),
            Column("write", [tokens(row["write"]) for row in rows], 3),
            Column("plain", [tokens(row["plain"]) for row in rows], 4),
            Column("requests", [exact(row["requests"]) for row in rows], 1),
        ],
        width,
        styles={number: "bold" for number, row in enumerate(rows) if row["together"] > 1},
        footer="saves: of input cost, in tokens of plain input; *: the model sees another prompt",
    )
    return [title(head, width), Remarked(table, {number: [f"  {row['how']}"] for number, row in enumerate(rows)})]
