"""From a record to its baseline: studied, evaluated, summed up, with the figures that a budget may limit."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec.structs import replace

from agentcost.analyze import asking_of, evaluate
from agentcost.choices import Choices
from agentcost.costs.requests import costs_of
from agentcost.gate.baseline import Baseline
from agentcost.record import Record
from agentcost.results import Ruler
from agentcost.study import study
from agentcost.summing.figures import Wanted, figures_of
from agentcost.summing.sides import side_of, under_one_ruler


def summed_up(
    record: Record, choices: Choices, rulers: Sequence[Ruler] = (), wanted: Wanted = (), *, static: bool = False
) -> Baseline:
    """The selected requests of a record, measured under `rulers` (see `under_one_ruler`).

    `wanted` are figures that are found only where they are asked for, by metric and what they are of. `static` says
    that the record is no log but what stands before any conversation.
    """
    known = study(record, asking_of(choices))
    analysis = evaluate(record, choices, known)
    requests = analysis.tables["requests"]
    costs = costs_of(known.requests, known.measured, known.run, choices.pricing)
    alike = under_one_ruler(known, rulers)
    side = side_of(alike, requests.with_columns(index=pl.Series(known.rows_of(requests), dtype=pl.Int64)), costs)
    side = replace(side, static=static)
    return replace(side, figures=figures_of(alike, analysis, side, wanted))
