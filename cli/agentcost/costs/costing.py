"""All tables of money of an analysis, from what every request cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from agentcost.caching.run import Run
from agentcost.costs.blame import blame, component_costs, tool_costs
from agentcost.costs.recorded import recorded
from agentcost.costs.requests import Costs
from agentcost.costs.tables import by_class, prices, spend
from agentcost.measuring.measure import Measured
from agentcost.model import Request
from agentcost.prefix import Tree


def cost_tables(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], run: Run, costs: Costs,
    chosen: pl.DataFrame, tools_of: Callable[[frozenset[int]], pl.DataFrame],
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """The tables of the chosen requests: rows of the requests table with its cost columns, `index` and `day`.

    `tools_of` gives the tools table of some requests. Costs of components, classes, days and prices sum to that of the
    requests exactly; those of different ways of paying are never summed."""
    rows = frozenset(chosen["index"].to_list())
    components, tools = [], []
    for billing in sorted({costs.billing[row] for row in rows}) or [""]:
        own = frozenset(row for row in rows if costs.billing[row] == billing)
        blamed = blame(tree, requests, measured, costs, own)
        word = pl.lit(billing).alias("billing")
        components.append(component_costs(tree, blamed, costs, own).with_columns(word))
        tools.append(tool_costs(tree, blamed, costs, run, own, tools_of(own)).with_columns(word))
    return {
        "costs": by_class(costs, rows),
        "component_costs": pl.concat(components),
        "tool_costs": pl.concat(tools),
        "spend": spend(chosen),
        "prices": prices(costs, requests, rows),
        "recorded": recorded(costs, requests, rows),
    }
