"""How near the counts come to the bill: by model, and the requests they miss most, with why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis, Ruler
from agentcost.units import NONE, UNKNOWN, exact, percent, plural
from agentcost.views.layout import Column, Table, place_column, plain, quiet, title

if TYPE_CHECKING:
    from polars import DataFrame


def fit(analysis: Analysis, width: int) -> RenderableType:
    """Two sentences that answer, a row per model and client, the worst requests."""
    frame = analysis.tables["fit"]
    if not len(frame):
        text = "No selected request was billed, so there is nothing to compare the counts with."
        return Group(title("Counted against billed", width), quiet(text, width))
    parts: list[RenderableType] = [
        title("Counted against billed", width),
        plain(_answer(frame), width),
        Text(),
        _models(frame, analysis.rulers, width),
        Text(),
    ]
    worst = frame.filter(frame["why"] != "").head(analysis.scope.top)
    if len(worst):
        parts += [title("Furthest from the bill", width), _worst(worst, width)]
    else:
        parts.append(plain("No request is further from its bill than 1%.", width))
    return Group(*parts)


def _answer(frame: DataFrame) -> str:
    shares = frame["share"].to_list()
    counted, billed = int(frame["counted"].sum()), int(frame["billed"].sum())
    apart = f"{percent(abs(counted - billed), billed)} {'more' if counted > billed else 'less'} than"
    return (
        f"{plural(len(frame), 'billed request')}: half of them are counted within {percent(quantile(shares, 0.5))} of "
        f"the bill, nine of ten within {percent(quantile(shares, 0.9))}. In all {exact(counted)} tokens are counted, "
        f"{apart if counted != billed else 'as many as'} the {exact(billed)} billed."
    )


def quantile(values: Sequence[float], part: float) -> float:
    """The ceil(part * n)-th smallest."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def _models(frame: DataFrame, rulers: Sequence[Ruler], width: int) -> RenderableType:
    """A row per model, client and what the log holds, the one with the most requests first."""
    groups = frame.partition_by("model", "client", "knowledge", as_dict=True, maintain_order=True)
    keys = sorted(groups, key=lambda key: (-len(groups[key]), tuple(map(str, key))))
    own = {(ruler.model, ruler.client, ruler.knowledge): ruler for ruler in rulers}
    found = [own.get((str(model), str(client), str(knowledge))) for model, client, knowledge in keys]
    every = [groups[key] for key in keys]
    shares = [group["share"].to_list() for group in every]
    return Table(
        (
            Column("model", [str(key[0]) or UNKNOWN for key in keys], name=16),
            Column("client", [str(key[1]) or NONE for key in keys], 5, name=8),
            Column("basis", [ruler.basis if ruler else NONE for ruler in found], 3, name=10),
            Column("scaled", [f"×{ruler.factor:.3f}" if ruler else NONE for ruler in found], 4),
            Column("added", [exact(ruler.added) if ruler else NONE for ruler in found], 6),
            Column("requests", [exact(len(group)) for group in every]),
            Column("counted", [exact(int(group["counted"].sum())) for group in every], 1),
            Column("billed", [exact(int(group["billed"].sum())) for group in every], 1),
            Column("half", [percent(quantile(values, 0.5)) for values in shares]),
            Column("9 of 10", [percent(quantile(values, 0.9)) for values in shares]),
            Column("unseen", [_held_out(ruler) for ruler in found], 2),
        ),
        width,
        footer="half, 9 of 10: so many requests are counted this near to their bill; "
        "unseen: so are 9 of 10 prompts that the calibration had not seen",
    )


def _held_out(ruler: Ruler | None) -> str:
    """The error of prompts that were not fitted on; a transcript's hides its prefix, and says nothing of that."""
    if ruler is None or ruler.basis != "calibrated" or ruler.knowledge != "full":
        return NONE
    return percent(ruler.band)


def _signed(share: float, off: int) -> str:
    """By how much the count is above or below the bill."""
    return f"{'-' if off < 0 else '+'}{percent(share)}"


def _worst(frame: DataFrame, width: int) -> RenderableType:
    places = [f"{source}:{line}" for source, line in frame.select("source", "line").iter_rows()]
    return Table(
        (
            place_column(places),
            Column("model", [model or UNKNOWN for model in frame["model"].to_list()], 2, name=12),
            Column("counted", [exact(count) for count in frame["counted"].to_list()], 1),
            Column("billed", [exact(count) for count in frame["billed"].to_list()], 1),
            Column("off", [_signed(*row) for row in frame.select("share", "off").iter_rows()]),
            Column("why", frame["why"].to_list(), name=33, keeps="start"),
        ),
        width,
    )
