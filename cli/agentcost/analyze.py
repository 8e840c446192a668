"""From a record to an analysis, in the order it happens: stand, measure, tabulate, select, sum."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from agentcost import cachetables, tables, tooltables
from agentcost.caching import Asking, as_run, under_every_policy
from agentcost.choices import Choices
from agentcost.lineage import standings
from agentcost.measure import measure
from agentcost.model import ROOT, Knowledge
from agentcost.record import Record
from agentcost.results import KIND_COLUMNS, Analysis, PathRow, Scope
from agentcost.selection import calendar, checked_key, offered, select
from agentcost.whatifs.table import no_what_ifs, what_ifs

__all__ = ["Choices", "evaluate", "path", "segments_of"]


def evaluate(record: Record, choices: Choices | None = None) -> Analysis:
    """The analysis of a record. Nothing outside the record and the choices is looked at."""
    choices = choices or Choices()
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    asking = Asking(choices.policy, choices.scope_by, choices.assumed_gap)
    run = as_run(record.tree, requests, standing, measured, asking)
    rows = tables.requests(requests, standing, measured, choices.assumed_gap).hstack(cachetables.request_columns(run))
    every = calendar(rows, choices.selection.zone)
    chosen = select(every, choices.selection)
    indexes = frozenset(chosen["index"].to_list())
    parts = tooltables.parts(record.tree, requests, measured, indexes)
    labels = [column.removeprefix("label_") for column in every.columns if column.startswith("label_")]
    keys = [checked_key(key, labels) for key in choices.by]
    known = {request.knowledge for request in requests}
    compared = choices.every_policy and known != {Knowledge.COUNTS}  # lengths alone are under no policy
    found = {
        "requests": chosen.drop("index"),
        "components": tables.components(chosen),
        "parts": parts,
        "tools": tooltables.tools(record.tree, requests, measured, indexes, parts),
        "sessions": tables.sessions(chosen),
        "distribution": tables.distribution(chosen),
        "groups": tables.groups(chosen, keys),
        "caches": cachetables.caches(
            chosen, requests, run, under_every_policy(run, Knowledge.BLOCKS in known) if compared else {}
        ),
        "misses": cachetables.misses(chosen),
        "whatifs": (
            what_ifs(record.tree, requests, standing, measured, run, indexes)
            if compared and any(run.policies)
            else no_what_ifs()
        ),
        "agreement": cachetables.agreement(requests, run, indexes),
        "hidden": tables.hidden(standing, measured, indexes),
        "rulers": tables.rulers([found.ruler for found in measured]),
        **tables.accounts(record),
    }
    found["servers"] = tooltables.servers(found["tools"])
    return Analysis(_scope(every, chosen, choices), tuple(m.ruler for m in measured), found)


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
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    lengths = next(group.lengths for group in measured if index in group.rows)
    request, before = requests[index], standing[index].before
    known = set(record.tree.path(requests[before].node)) if before is not None else set()
    markers = {mark.node: mark.ttl for mark in request.breakpoints}
    rows, total = [], 0
    for node in record.tree.path(request.node):
        entry = record.tree.entry(node)
        total += int(lengths[node])
        rows.append(
            PathRow(
                level=entry.level,
                role=entry.role,
                component=KIND_COLUMNS[entry.kind],
                name=entry.name,
                server=entry.server,
                tokens=int(lengths[node]),
                cumulative=total,
                shared=node in known,
                breakpoint=markers.get(node, ""),
                marks=tuple(sorted({mark.what for mark in entry.marks})),
                place=_place(record, entry.place),
                text=(texts or {}).get(record.tree.segments[node], ""),
            )
        )
    return rows


def _place(record: Record, place: tuple[int, int, int]) -> str:
    source, offset, _ = place
    return f"{record.logs[source].name}@{offset}" if 0 <= source < len(record.logs) else ""


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
