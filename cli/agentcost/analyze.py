"""From a record to an analysis, in the order it happens: stand, measure, tabulate, select, sum."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from agentcost import tables, tooltables
from agentcost.caching import bounds as cachebounds
from agentcost.caching import components as cachecomponents
from agentcost.caching import tables as cachetables
from agentcost.caching.prompts import Asking
from agentcost.caching.run import under_every_policy
from agentcost.choices import Choices
from agentcost.costs import tables as costtables
from agentcost.costs.costing import cost_tables
from agentcost.costs.requests import costs_of
from agentcost.memory.footprints import kv_lines
from agentcost.memory.pools import block_of
from agentcost.model import ROOT, Knowledge
from agentcost.paths.comparing import path_of
from agentcost.record import Record
from agentcost.results import Analysis, PathRow, Scope, simulated
from agentcost.selection import calendar, checked_key, offered, select
from agentcost.study import Study, study
from agentcost.whatifs import no_what_ifs

__all__ = ["Choices", "asking_of", "evaluate", "path", "segments_of"]


def evaluate(record: Record, choices: Choices | None = None, studied: Study | None = None) -> Analysis:
    """The analysis of a record. Nothing outside the record and the choices is looked at.

    `studied` is the study of the same record under the same choices, where it is known already.
    """
    choices = choices or Choices()
    known = studied or study(record, asking_of(choices))
    tree, requests, measured, run = record.tree, known.requests, known.measured, known.run
    costs = costs_of(requests, measured, run, choices.pricing)
    rows = tables.requests(requests, known.standing, measured, choices.assumed_gap)
    rows = rows.hstack(cachetables.request_columns(run)).hstack(costtables.request_columns(costs))
    every = calendar(rows, choices.selection.zone)
    chosen = select(every, choices.selection)
    indexes = frozenset(chosen["index"].to_list())
    parts = tooltables.parts(tree, requests, measured, indexes)
    tools = tooltables.tools(tree, requests, measured, indexes, parts)

    def tools_of(rows: frozenset[int]) -> pl.DataFrame:
        if rows == indexes:
            return tools
        return tooltables.tools(tree, requests, measured, rows, tooltables.parts(tree, requests, measured, rows))

    labels = [column.removeprefix("label_") for column in every.columns if column.startswith("label_")]
    found = {
        "requests": chosen.drop("index"),
        "components": tables.components(chosen),
        "parts": parts,
        "tools": tools,
        "servers": tooltables.servers(tools),
        "sessions": tables.sessions(chosen),
        "distribution": tables.distribution(chosen),
        "groups": tables.groups(chosen, [checked_key(key, labels) for key in choices.by]),
        "footprint": kv_lines(known, indexes),
        "hidden": tables.hidden(known.standing, measured, indexes),
        "rulers": tables.rulers([group.ruler for group in measured]),
        **cost_tables(tree, requests, measured, run, costs, chosen, tools_of),
        **_cache_tables(known, choices, chosen, indexes),
        **tables.accounts(record),
    }
    return Analysis(_scope(every, chosen, choices), tuple(group.ruler for group in measured), found)


def _cache_tables(
    studied: Study, choices: Choices, chosen: pl.DataFrame, indexes: frozenset[int]
) -> dict[str, pl.DataFrame]:
    """What caches did and could do. The slow ones only where every policy is asked for."""
    tree, requests, measured, run = studied.record.tree, studied.requests, studied.measured, studied.run
    knowledge = {request.knowledge for request in requests}
    compared = choices.every_policy and knowledge != {Knowledge.COUNTS}  # lengths alone are under no policy
    others = under_every_policy(run, Knowledge.BLOCKS in knowledge) if compared else {}
    block = block_of(tree, requests) if "block" in choices.hit_rate else 1
    found = {
        "caches": cachetables.caches(chosen, requests, run, others, choices.hit_rate, block),
        "cache_components": cachecomponents.no_components(),
        "bounds": cachebounds.no_bounds(),
        "whatifs": no_what_ifs(),
        "agreement": cachetables.agreement(requests, run, indexes),
        "reasons": cachetables.reasons(requests, run, indexes),
    }
    if compared:
        found["cache_components"] = cachecomponents.components(tree, requests, measured, run, indexes)
        found["bounds"] = cachebounds.bounds(requests, run, indexes)
        found["whatifs"] = _what_ifs(studied, indexes)
    as_run = simulated(found["caches"])
    replayed = compared and as_run is not None and as_run["relative_cost"] is not None
    found["misses"] = cachetables.misses(chosen, found["whatifs"] if replayed else None)
    return found


def _what_ifs(studied: Study, indexes: Collection[int]) -> pl.DataFrame:
    """Other ways of sending the log, replayed; none where no cache policy is known."""
    from agentcost.whatifs.table import what_ifs  # noqa: PLC0415 — heavy, and one report needs it

    if not any(studied.run.policies):
        return no_what_ifs()
    return what_ifs(studied.record.tree, studied.requests, studied.standing, studied.measured, studied.run, indexes)


def asking_of(choices: Choices) -> Asking:
    """What of the choices decides what a cache would have done."""
    return Asking(choices.policy, choices.scope_by, choices.assumed_gap)


def _scope(every: pl.DataFrame, chosen: pl.DataFrame, choices: Choices) -> Scope:
    times = chosen["started"].filter(~chosen["relative_clock"])
    return Scope(
        total=len(every),
        selected=len(chosen),
        first=_number(times.min()),
        last=_number(times.max()),
        zone=choices.selection.zone,
        filters=choices.selection.words,
        untimed=int(chosen["started"].null_count()),
        naive=int(chosen["naive_time"].sum()),
        relative=int((chosen["relative_clock"] & chosen["started"].is_not_null()).sum()),
        inferred_sessions=bool(chosen["session_inferred"].any()),
        assumed_gap=choices.assumed_gap,
        by=choices.by,
        top=choices.top,
        sort=choices.sort,
        offered=() if len(chosen) else offered(every, choices.selection),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def path(record: Record, index: int, texts: Mapping[int, str] | None = None) -> list[PathRow]:
    """The path of the request at `index` of the record's order, segment by segment; `texts` by segment number."""
    studied = study(record, Asking())
    return path_of(studied, index, studied.run.references[index], texts)


def segments_of(record: Record, requests: pl.DataFrame) -> list[int]:
    """The numbers of the segments on the paths of the given requests (rows of the requests table), each once."""
    chosen = set(requests.select("source", "line", "id").iter_rows())
    found: set[int] = set()
    seen = {ROOT}
    for request in record.requests:
        if (request.place.source, request.place.line, request.id) in chosen:
            node = request.node
            while node not in seen:
                seen.add(node)
                found.add(record.tree.segments[node])
                node = record.tree.parents[node]
    return sorted(found)
