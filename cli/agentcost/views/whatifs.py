"""What would help: ways of sending the same log otherwise, by what each would save."""

from __future__ import annotations

from rich.console import RenderableType

from agentcost.results import Analysis, simulated
from agentcost.units import exact, percent, tokens
from agentcost.views.layout import Column, Table, filled, quiet, title
from agentcost.views.notes import doubt
from agentcost.views.turns import Remarked

SHOWN = 6
"""Ways shown at most, beside the ways together."""

WIDE = 120
"""Columns from which on how it is done stands in the table, not below its rows."""


def what_ifs(analysis: Analysis, width: int) -> list[RenderableType]:
    """A row for each way and how it is done, then ways together; nothing where nothing was replayed."""
    run_as = simulated(analysis.tables["caches"])
    if run_as is None or "what if" not in analysis.tables["caches"]["basis"].to_list():
        return []
    if run_as["relative_cost"] is None:
        return [quiet("What would help is not known: cached tokens have no price under the rules of this log.", width)]
    frame = analysis.tables["whatifs"]
    head = title("What would help (simulated against simulated" + "; unreliable" * bool(doubt(analysis)) + ")", width)
    if not len(frame):
        return [head, quiet("Nothing that was tried saves 0.5% of the input cost.", width)]
    alone, joint = frame.filter(frame["together"] == 1).head(SHOWN), frame.filter(frame["together"] > 1)
    rows = [*alone.to_dicts(), *joint.to_dicts()]
    wide = width >= WIDE
    table = Table(
        filled(
            Column("way", [row["what_if"] + " *" * row["changes_behaviour"] for row in rows], name=31),
            Column("saves", [tokens(row["saved"]) for row in rows]),
            Column("of cost", [percent(row["share"]) for row in rows]),
            Column("read", [tokens(row["read"]) for row in rows], 3),
            Column("write", [tokens(row["write"]) for row in rows], 4),
            Column("plain", [tokens(row["plain"]) for row in rows], 5),
            Column("requests", [exact(row["requests"]) for row in rows], 2),
            Column("how", [row["how"] if wide else "" for row in rows], 1, name=40, keeps="start"),
        ),
        width,
        styles={number: "bold" for number, row in enumerate(rows) if row["together"] > 1},
        footer="saves: input cost, in tokens of plain input; *: the model sees another prompt",
    )
    return [head, Remarked(table, {} if wide else {number: [f"  {row['how']}"] for number, row in enumerate(rows)})]
