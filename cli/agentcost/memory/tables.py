"""Every table of a log as one cache on the first model that was asked for: capacity, tiers, prefill."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from agentcost.memory.ask import KvAsk
from agentcost.memory.capacity import CapacityAsk, capacity_tables, scene
from agentcost.memory.prefill import prefill_table
from agentcost.memory.tiers import tiers_table
from agentcost.memory.tokens import target_tokens
from agentcost.study import Study
from agentcost.tokens import encoding_of


def memory_tables(
    study: Study,
    chosen: Collection[int],
    kv: KvAsk,
    ask: CapacityAsk,
    recounted: Mapping[str, Mapping[int, int]] | None = None,
) -> dict[str, pl.DataFrame]:
    """The tables of the chosen requests; all others warm the cache. `recounted` are counts by encoding and segment."""
    model = kv.models[0].id
    again = (recounted or {}).get(encoding_of(model).name)
    found = target_tokens(study.record.tree, study.requests, study.measured, model, again)
    own = scene(study, chosen, kv, found, ask.block)
    return {**capacity_tables(own, ask, found), "prefill": prefill_table(own, ask), "tiers": tiers_table(own, ask)}
