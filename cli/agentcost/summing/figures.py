"""The figures of a run that a budget may limit; `metrics` says what each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import polars as pl

from agentcost.caching.hitrates import TOKENS
from agentcost.caching.run import under_every_policy
from agentcost.gate.baseline import PREFIX, Baseline, Figure, part_words
from agentcost.gate.metrics import AS_RUN, CAUSES
from agentcost.gate.words import named
from agentcost.measuring.measure import KINDS
from agentcost.model import Kind, Knowledge
from agentcost.results import FIXED, KIND_COLUMNS, THRESHOLDS, Analysis, simulated, without_sessions
from agentcost.study import Study
from agentcost.units import agreed, finer_dollars, plural

TOOLS = tuple(KIND_COLUMNS[kind] for kind in (Kind.TOOL, Kind.MCP_TOOL, Kind.SKILL))

Wanted = Sequence[tuple[str, str]]
"""Metrics, and what they are of: a threshold, a policy, a model."""


def figures_of(study: Study, analysis: Analysis, side: Baseline, wanted: Wanted = ()) -> tuple[Figure, ...]:
    """Every figure that the run has, and those that were asked for by name."""
    requests = analysis.tables["requests"]
    if side.static:
        return (*_prefix(study, requests, side), *_tools(side))
    found = [
        *_prefix(study, requests, side), *_tools(side), *_never_called(analysis), *_inputs(requests, wanted),
        *_hits(study, analysis, wanted), *_misses(requests, side), *_costs(requests), *_kv(study, requests, wanted),
        *_unpriced(requests),
    ]  # fmt: skip
    return tuple(found)


def _figure(
    metric: str, value: float | Decimal | None, of: str = "", *, basis: str = "", reason: str = "", culprit: str = "",
    where: str = "",
) -> Figure:  # fmt: skip
    exact = value if value is None or isinstance(value, Decimal) else Decimal(repr(value))
    return Figure(metric, exact, of, basis, reason, culprit, where)


def at(row: dict[str, object]) -> str:
    """FILE:LINE of a request's row."""
    return f"{row['source']}:{row['line']}"


# --- what was sent ----------------------------------------------------------------------------------------------------


def _prefix(study: Study, requests: pl.DataFrame, side: Baseline) -> Iterator[Figure]:
    """The largest fixed prefix: of each session's first main request, under the common ruler."""
    main = requests.filter(requests["role"] == "main").group_by("session", maintain_order=True).first()
    if not len(main):
        return
    if main["knowledge"].is_in([Knowledge.BLOCKS.value, Knowledge.COUNTS.value]).all():
        yield _figure("fixed_prefix_tokens", None, reason="the log holds no content: what stands first is not known")
        return
    fixed = [KINDS.index(kind) for kind in FIXED]
    tokens = {
        row: int(group.kinds[place, fixed].sum()) for group in study.measured for place, row in enumerate(group.rows)
    }
    sizes = pl.Series([tokens[row] for row in study.rows_of(main)], dtype=pl.Int64)
    worst = int(sizes.arg_max() or 0)
    row = main.row(worst, named=True)
    parts = sorted((part for part in side.parts if part.section == PREFIX), key=lambda part: (-part.size, part.key))
    biggest = part_words(parts[0].component, "" if parts[0].private else parts[0].name) if parts else ""
    yield _figure(
        "fixed_prefix_tokens", int(sizes[worst]), basis=str(row["basis"]),
        culprit=biggest and f"{biggest}, the largest part",
        where=str(row["source"]) if side.static else at(row),
    )  # fmt: skip


LOOK = "agentcost tools LOG"


def _tools(side: Baseline) -> Iterator[Figure]:
    where = "" if side.static else LOOK
    basis = ", ".join(sorted({ruler.basis for ruler in side.rulers if ruler.basis}))
    servers: dict[str, list[tuple[int, str]]] = {}
    for part in side.parts:
        if part.section == PREFIX and part.component in TOOLS:
            yield _figure("tool_tokens", part.size, part.name, basis=basis, where=where,
                          culprit=part.server and f"MCP server {part.server}")  # fmt: skip
            if part.server:
                servers.setdefault(part.server, []).append((part.size, part.name))
    for server, tools in sorted(servers.items()):
        largest = [f"{name} {size:,}" for size, name in sorted(tools, key=lambda tool: (-tool[0], tool[1]))]
        total = sum(size for size, _ in tools)
        yield _figure("server_tokens", total, server, basis=basis, culprit=named(largest), where=where)


def _never_called(analysis: Analysis) -> Iterator[Figure]:
    tools = analysis.tables["tools"]
    if int((tools["schema_tokens"].is_not_null()).sum()):
        idle = tools.filter(tools["never_called"]).sort("schema_carried", "tool", descending=[True, False])
        yield _figure("never_called_tools", len(idle), culprit=named(idle["tool"].to_list()), where=LOOK)


# --- how large, and how cached ----------------------------------------------------------------------------------------


def _inputs(requests: pl.DataFrame, wanted: Wanted) -> Iterator[Figure]:
    if not len(requests):
        return
    prompts = requests["prompt"].sort()
    basis = "billed" if requests["billed"].all() else ", ".join(sorted(set(requests["basis"].to_list())))
    for name, share in (("input_tokens_p50", 0.5), ("input_tokens_p90", 0.9)):
        value = int(prompts[max(0, -int(-share * len(prompts) // 1) - 1)])
        row = requests.filter(requests["prompt"] == value).row(0, named=True)
        yield _figure(name, value, basis=basis, culprit=_largest(row), where=at(row))
    asked = {of for metric, of in wanted if metric == "share_above"}
    largest = requests.row(int(requests["prompt"].arg_max() or 0), named=True)
    for limit in sorted({*map(str, THRESHOLDS), *asked}, key=int):
        above = int((prompts > int(limit)).sum())
        told = {"culprit": f"{above:,} of {plural(len(prompts), 'request')}, the largest {largest['prompt']:,}"}
        yield _figure("share_above", above / len(prompts), limit, basis=basis, where=at(largest), **told)


def _largest(row: dict[str, object]) -> str:
    """The component that a request has most of."""
    parts = {name: size for name in KIND_COLUMNS.values() if isinstance(size := row[name], int)}
    name = max(parts, key=lambda one: parts[one])
    return f"{name.replace('_', ' ')} {parts[name]:,} of {row['prompt']:,}"


def _hits(study: Study, analysis: Analysis, wanted: Wanted) -> Iterator[Figure]:
    from agentcost.caching.tables import caches  # noqa: PLC0415

    asked = sorted({of for metric, of in wanted if metric == "hit_rate" and of not in ("", AS_RUN)})
    rows = {row["policy"]: row for row in analysis.tables["caches"].iter_rows(named=True)}
    if asked:
        others = under_every_policy(study.run)
        chosen = analysis.tables["requests"].with_columns(index=pl.Series(study.rows_of(analysis.tables["requests"])))
        found = caches(
            chosen, study.requests, study.run, {name: others[name] for name in asked if name in others}, TOKENS
        )
        rows |= {row["policy"]: row for row in found.iter_rows(named=True)}
    run_as = simulated(analysis.tables["caches"])
    rows |= {AS_RUN: run_as} if run_as else {}
    bound = rows.get("content bound")
    if bound and bound["hit_rate"] is not None and _has_content(analysis.tables["requests"]):
        yield _figure("cacheable_share", bound["hit_rate"], basis="content")
    cause = analysis.tables["misses"].row(0, named=True) if len(analysis.tables["misses"]) else None
    lost = bool(cause and cause["lost"])
    for name in (AS_RUN, *asked):
        row = rows.get(name)
        if row is None:
            continue
        partial = row["requests"] < len(analysis.tables["requests"])
        reason = "some requests fall under no known policy" if partial else ""
        yield _figure(
            "hit_rate", row["hit_rate"], name, basis="simulated", reason=reason,
            culprit=f"{cause['cause'].replace('_', ' ')}, which lost most" if cause and lost else "",
            where=cause["worst"] if cause and lost else "",
        )  # fmt: skip


def _has_content(requests: pl.DataFrame) -> bool:
    """Whether any prompt is more than a length."""
    return bool((requests["knowledge"] != Knowledge.COUNTS.value).any())


def _misses(requests: pl.DataFrame, side: Baseline) -> Iterator[Figure]:
    """The share of requests that missed, for every cause; none where no cache is simulated."""
    known = requests.filter(requests["policy"] != "")
    if not len(known):
        return
    for cause in CAUSES:
        own = [one for one in side.breaks if one.cause == cause]
        count = int((known["cause"] == cause).sum())
        block = (
            " ".join(filter(None, (own[0].block, f"({', '.join(own[0].marks)})" if own[0].marks else "")))
            if own
            else ""
        )
        told = f"{count:,} of {plural(len(known), 'request')}" + (f", {block}" if block else "")
        where = own[0].worst if own else ""
        yield _figure("misses", count / len(known), cause, basis="simulated", culprit=told, where=where)


# --- money and memory -------------------------------------------------------------------------------------------------


def _costs(requests: pl.DataFrame) -> Iterator[Figure]:
    """Means over what has a price."""
    priced = requests.filter(requests["cost"].is_not_null())
    for name, key in (("cost_per_request", ""), ("cost_per_session", "session"), ("cost_per_task", "task")):
        own = priced.filter(priced[key] != "") if key else priced
        if key == "session" and len(own) and without_sessions(own):
            yield _figure(name, None, reason="no request has a session id, and lengths show no chain")
            continue
        if not len(own):
            why = "no request names a task" if key == "task" and len(priced) else "no request has a price"
            yield _figure(name, None, reason=why)
            continue
        groups = (
            own.group_by(key).agg(pl.col("cost").sum(), pl.len()).sort("cost", key, descending=[True, False])
            if key
            else None
        )
        count = len(groups) if groups is not None else len(own)
        top = own.sort("cost", "source", "line", descending=[True, False, False])
        if groups is not None:
            top = top.filter(top[key] == groups[key][0])
        told = f"the dearest {key or 'request'}, {finer_dollars((top if groups is None else groups)['cost'][0])}"
        left = len(requests) - len(priced)
        basis = ", ".join(sorted({word for word in priced["cost_basis"].to_list() if word}))
        basis += ", a lower bound" if own["cost_is_lower_bound"].any() else ""
        basis += ", list-price equivalent" if (own["billing"] != "api").any() else ""
        yield _figure(
            name, _mean(own["cost"], count), basis=basis, culprit=told, where=at(top.row(0, named=True)),
            reason=f"{plural(left, 'request')} without a price {agreed(left, 'is', 'are')} left out" if left else "",
        )  # fmt: skip


def _mean(costs: pl.Series, count: int) -> Decimal:
    total = Decimal(str(costs.sum()))
    return (total / count).quantize(Decimal(1).scaleb(-12))


def _unpriced(requests: pl.DataFrame) -> Iterator[Figure]:
    without = requests.filter(requests["cost"].is_null())
    models = without["model"].unique().sort().to_list()
    where = at(without.row(0, named=True)) if models else ""
    yield _figure(
        "unpriced_models", len(models), culprit=named([model or "(no name)" for model in models]), where=where
    )


def _kv(study: Study, requests: pl.DataFrame, wanted: Wanted) -> Iterator[Figure]:
    asked = sorted({of for metric, of in wanted if metric == "kv_bytes_per_session"})
    if not asked:
        return
    from agentcost.datasheets.models import architecture_of, format_of  # noqa: PLC0415
    from agentcost.memory.ask import KvAsk  # noqa: PLC0415
    from agentcost.memory.tokens import target_tokens  # noqa: PLC0415

    rows = list(zip(study.rows_of(requests), requests["session"], strict=True))
    for name in asked:
        model, _, form = name.partition(":")
        ask = KvAsk(models=(architecture_of(model),), formats=(format_of(form or "bf16"),))
        found = target_tokens(study.record.tree, study.requests, study.measured, model)
        largest: dict[str, int] = {}
        for row, session in rows:
            tokens = found.prompts[row] + (found.outputs[row] or 0)
            largest[session] = max(largest.get(session, 0), tokens)
        ordered = sorted(largest.values())
        tokens = ordered[max(0, -int(-0.9 * len(ordered) // 1) - 1)] if ordered else 0
        pair = ask.pairs[0]
        size = int(pair.whole(tokens)) if pair.groups and ordered else None
        yield _figure("kv_bytes_per_session", size, name, basis=found.basis, where="agentcost kv LOG",
                      culprit=f"{tokens:,} tokens in {form or 'bf16'}",
                      reason="" if size is not None else pair.reason)  # fmt: skip
