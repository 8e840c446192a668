"""The tables of an analysis, each from the measured requests; `schema` documents their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter

import numpy
import polars as pl
from msgspec.structs import asdict

from agentcost.lineage import Standing
from agentcost.measuring.measure import KINDS, Measured
from agentcost.model import Kind, Request
from agentcost.prefix import Tree
from agentcost.record import Log, Record
from agentcost.results import FIXED, KIND_COLUMNS, QUANTILES, THRESHOLDS, Ruler

_REQUEST_SCHEMA: dict[str, pl.DataType] = {
    "index": pl.Int64(), "source": pl.String(), "line": pl.Int64(), "id": pl.String(), "format": pl.String(),
    "knowledge": pl.String(), "session": pl.String(), "session_inferred": pl.Boolean(), "lineage": pl.Int64(),
    "turn": pl.Int64(), "role": pl.String(), "user": pl.String(), "project": pl.String(), "client": pl.String(),
    "task": pl.String(), "provider": pl.String(), "model": pl.String(), "tier": pl.String(), "started": pl.Float64(),
    "ended": pl.Float64(), "naive_time": pl.Boolean(), "relative_clock": pl.Boolean(), "gap_s": pl.Float64(),
    "prompt": pl.Int64(), "read": pl.Int64(), "write": pl.Int64(), "write_5m": pl.Int64(), "write_1h": pl.Int64(),
    "plain": pl.Int64(), "output": pl.Int64(), "reasoning": pl.Int64(), "output_is_lower_bound": pl.Boolean(),
    "billed": pl.Boolean(), "basis": pl.String(), "recorded_cost": pl.String(),
}  # fmt: skip


def requests(
    requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], assumed_gap: float | None
) -> pl.DataFrame:
    """A row per request, in the order of their start."""
    kinds = numpy.zeros((len(requests), len(KINDS)), dtype=numpy.int64)
    basis = [""] * len(requests)
    for group in measured:
        kinds[list(group.rows)] = group.kinds
        for row in group.rows:
            basis[row] = group.ruler.basis
    told = _columns(requests, standing, assumed_gap)
    frame = pl.DataFrame({**told, "basis": basis}, schema=_REQUEST_SCHEMA)
    columns = [pl.Series(KIND_COLUMNS[kind], kinds[:, number]) for number, kind in enumerate(KINDS)]
    labels = sorted({name for request in requests for name, _ in request.labels})
    columns += [
        pl.Series(f"label_{name}", [dict(request.labels).get(name) for request in requests], dtype=pl.String)
        for name in labels
    ]
    return frame.with_columns(
        *columns,
        prompt=pl.when(pl.col("billed")).then(pl.col("prompt")).otherwise(pl.Series(kinds.sum(axis=1))),
        role=pl.Series(roles(requests, standing, measured), dtype=pl.String),
    )


def _columns(
    requests: Sequence[Request], standing: Sequence[Standing], assumed_gap: float | None
) -> dict[str, Sequence[object]]:
    """What requests say, a list a column."""
    places, bills = [request.place for request in requests], [request.usage for request in requests]
    classes = [usage if usage and usage.classes_known else None for usage in bills]
    return {
        "index": range(len(requests)),
        "source": [place.source for place in places],
        "line": [place.line for place in places],
        "knowledge": [request.knowledge for request in requests],
        "session": [stand.session for stand in standing],
        "session_inferred": [stand.inferred for stand in standing],
        "lineage": [stand.lineage for stand in standing],
        "turn": [stand.turn for stand in standing],
        **{name: list(map(attrgetter(name), requests)) for name in _AS_THEY_ARE},
        "relative_clock": [("clock", "relative") in request.settings for request in requests],
        "gap_s": [_gap(*one, requests, assumed_gap) for one in zip(requests, standing, strict=True)],
        "prompt": [usage.prompt if usage else None for usage in bills],
        "read": [usage.read if usage else None for usage in classes],
        "write": [usage.writes if usage else None for usage in classes],
        "write_5m": [usage.write_5m if usage else None for usage in classes],
        "write_1h": [usage.write_1h if usage else None for usage in classes],
        "plain": [usage.plain if usage else None for usage in classes],
        "output": [usage.output if usage else None for usage in bills],
        "reasoning": [usage.reasoning if usage else None for usage in bills],
        "output_is_lower_bound": [bool(usage and usage.output_is_lower_bound) for usage in bills],
        "billed": [usage is not None for usage in bills],
    }


_AS_THEY_ARE = (
    "id", "format", "role", "user", "project", "client", "task", "provider", "model", "tier", "started", "ended",
    "naive_time", "recorded_cost",
)  # fmt: skip


def _gap(request: Request, stand: Standing, every: Sequence[Request], assumed: float | None) -> float | None:
    """Seconds since the request before it in its lineage; unknown without times, unless the user assumed one."""
    if stand.before is None:
        return None
    before = every[stand.before].started
    if request.started is None or before is None:
        return assumed
    return round(request.started - before, 6)


def roles(requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured]) -> list[str]:
    """A call without tools in a session (a log, where it names none) that has them is a side call: a title, a probe."""
    columns = [KINDS.index(kind) for kind in (Kind.TOOL, Kind.MCP_TOOL)]
    has = [False] * len(requests)
    for group in measured:
        for row, count in zip(group.rows, group.kinds[:, columns].sum(axis=1).tolist(), strict=True):
            has[row] = count > 0
    scopes = [
        request.place.source if stand.inferred else stand.session
        for request, stand in zip(requests, standing, strict=True)
    ]
    tooled = {scope for scope, own in zip(scopes, has, strict=True) if own}
    return [
        "side" if request.role == "main" and scope in tooled and not own else request.role
        for request, scope, own in zip(requests, scopes, has, strict=True)
    ]


def components(chosen: pl.DataFrame) -> pl.DataFrame:
    """A row per component that has tokens, the largest first."""
    total = int(chosen["prompt"].sum())
    rows = []
    in_turn = chosen.select("lineage", "turn", *KIND_COLUMNS.values()).sort("lineage", "turn")
    goes_on = in_turn["lineage"].diff() == 0
    for column in KIND_COLUMNS.values():
        values = chosen[column]
        carried = values.filter(values != 0)
        if len(carried):
            growth = in_turn[column].diff().filter(goes_on).mean()
            rows.append((column, int(values.sum()), len(carried), _quantile(carried, 0.5), growth))
    schema = {
        "component": pl.String,
        "tokens": pl.Int64,
        "requests": pl.Int64,
        "median": pl.Int64,
        "growth": pl.Float64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row").sort("tokens", "component", descending=[True, False])
    return frame.with_columns(share=pl.col("tokens") / total if total else pl.lit(None, pl.Float64))


def _quantile(values: pl.Series, share: float) -> int | None:
    """The ceil(share x n)-th smallest."""
    if not len(values):
        return None
    ordered = values.sort()
    return int(ordered[max(0, -int(-share * len(ordered) // 1) - 1)])


_SUMS = ("prompt", "read", "write", "plain", "output")
_MONEY = ("cost", "cost_saved", "cost_lost")
_SUMMED = (*_SUMS, *_MONEY, "unpriced_requests", "lower_bounds", "billings")


def _summed(chosen: pl.DataFrame, keys: Sequence[str], **own: pl.Expr) -> pl.DataFrame:
    """A row per combination of keys, in the order of their first: aggregates of its own, and sums over known values.

    A sum is null where no value is known, so that unknown never reads as zero, and of dollars that were paid in several
    ways.
    """
    found = chosen.group_by(*keys, maintain_order=True).agg(
        requests=pl.len().cast(pl.Int64),
        largest_prompt=pl.col("prompt").max(),
        **own,
        **{name: pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).cast(pl.Int64) for name in _SUMS},
        **{name: pl.col(name).sum() for name in _MONEY},
        unpriced_requests=pl.col("cost").null_count().cast(pl.Int64),
        lower_bounds=pl.col("cost_is_lower_bound").filter(pl.col("cost").is_not_null()).sum().cast(pl.Int64),
    )
    told = pl.when(pl.col("billing") == "").then(pl.lit("not told")).otherwise(pl.col("billing"))
    paid = _each(chosen.filter(pl.col("cost").is_not_null()), keys, "billing", told.alias("told"))
    one = pl.col("billing").list.len() == 1
    return (
        found.join(paid, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            *(pl.when(one).then(pl.col(name)) for name in _MONEY),
            billings=pl.when(one).then(pl.col("billing").list.first()).otherwise(pl.col("told").list.join(" + ")),
        )
        .with_columns(pl.col("billings").fill_null(""))
        .drop("billing", "told")
    )


def _each(chosen: pl.DataFrame, keys: Sequence[str], column: str, *others: pl.Expr) -> pl.DataFrame:
    """Per combination of keys the distinct values of a column, sorted, as a list: one sort for all of them."""
    distinct = chosen.select(*keys, column).unique().sort(column).with_columns(*others)
    return distinct.group_by(*keys, maintain_order=True).agg(pl.exclude(*keys))


def sessions(chosen: pl.DataFrame) -> pl.DataFrame:
    """A row per session, the one with the most input first."""
    fixed = pl.sum_horizontal(KIND_COLUMNS[kind] for kind in FIXED)
    main = pl.col("role") == "main"
    found = _summed(
        chosen.sort("index"),
        ["session"],
        inferred=pl.col("session_inferred").first(),
        project=pl.col("project").first(),
        lineages=pl.col("lineage").n_unique().cast(pl.Int64),
        started=pl.col("started").min(),
        ended=pl.col("started").max(),
        first_prompt=pl.col("prompt").filter(main).first(),
        last_prompt=pl.col("prompt").filter(main).last(),
        fixed_prefix=fixed.filter(main).first(),
    )
    models = _each(chosen, ["session"], "model").with_columns(models=pl.col("model").list.join(", "))
    return (
        found.join(models, on="session", how="left", maintain_order="left")
        .select(*_SESSION)
        .sort("prompt", "session", descending=[True, False])
    )


_SESSION = (
    "session", "inferred", "project", "models", "requests", "lineages", "started", "ended", "first_prompt",
    "last_prompt", "largest_prompt", "fixed_prefix", *_SUMMED,
)  # fmt: skip


def groups(chosen: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """A row per combination of keys, the one with the most input first; no rows without keys."""
    if not keys:
        return pl.DataFrame()
    found = _summed(chosen, keys, sessions=pl.col("session").n_unique().cast(pl.Int64))
    return found.select(*keys, "requests", "sessions", "largest_prompt", *_SUMMED).sort(
        "prompt", *keys, descending=[True, *([False] * len(keys))]
    )


def distribution(chosen: pl.DataFrame) -> pl.DataFrame:
    """Quantiles of input tokens per request, and how many requests are above the published thresholds."""
    values = chosen["prompt"]
    rows: list[tuple[str, int | None, float | None]] = [(name, _quantile(values, at), at) for name, at in QUANTILES]
    for limit in THRESHOLDS:
        above = int((values > limit).sum())
        rows.append((f"above_{limit}", above, above / len(values) if len(values) else None))
    return pl.DataFrame(rows, schema={"measure": pl.String, "value": pl.Int64, "share": pl.Float64}, orient="row")


def hidden(standing: Sequence[Standing], measured: Sequence[Measured], chosen: Collection[int]) -> pl.DataFrame:
    """A row per lineage of a transcript: what it hides, with its interval."""
    found: dict[tuple[str, int], tuple[int, int, int]] = {}
    count: Counter[tuple[str, int]] = Counter()
    for group in measured:
        for row, part in zip(group.rows, group.hidden, strict=True):
            if part and row in chosen:
                key = standing[row].session, standing[row].lineage
                found[key] = part
                count[key] += 1
    rows = [(*key, count[key], *found[key]) for key in sorted(found)]
    schema = {"session": pl.String, "lineage": pl.Int64, "requests": pl.Int64, "hidden": pl.Int64, "low": pl.Int64,
              "high": pl.Int64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def rulers(found: Iterable[Ruler]) -> pl.DataFrame:
    """A row per ruler, the one that measured the most requests first."""
    schema = {
        "model": pl.String, "client": pl.String, "knowledge": pl.String, "encoding": pl.String, "basis": pl.String,
        "factor": pl.Float64, "error": pl.Float64, "band": pl.Float64, "fitted": pl.Int64, "requests": pl.Int64,
        "odd": pl.Boolean, "added": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame([asdict(ruler) for ruler in found], schema=schema)
    return frame.sort("requests", "model", "client", "knowledge", descending=[True, False, False, False])


def texts(tree: Tree, found: Mapping[int, str]) -> pl.DataFrame:
    """A row per text that was read again, the largest first."""
    rows = [
        (KIND_COLUMNS[entry.kind], entry.name, entry.server, entry.role, entry.characters, found[number])
        for number, entry in enumerate(tree.entries)
        if number in found
    ]
    schema = {
        "component": pl.String, "name": pl.String, "server": pl.String, "role": pl.String, "characters": pl.Int64,
        "text": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("characters", "component", "name", "text", descending=[True, False, False, False])


def accounts(record: Record) -> dict[str, pl.DataFrame]:
    """What became of every record of every log."""
    skipped = sorted((skip.place.source, skip.place.line, skip.reason) for skip in record.skipped)
    known: dict[str, Log] = {}
    for log in record.logs:  # a log beside its own saved record is there twice
        known[log.name] = known[log.name].plus(log) if log.name in known else log
    logs = [known[name] for name in sorted(known)]
    sources = []
    for log in logs:
        repeats = record.duplicates[log.name]
        counts = log.records, log.requests - repeats, repeats, sum(log.others.values()), log.skipped
        sources.append((log.name, log.format, log.size, *counts))
    others = [(log.name, what, count) for log in logs for what, count in sorted(log.others.items())]
    names = ("source", "format", "bytes", "records", "requests", "duplicates", "others", "skipped")
    return {
        "sources": pl.DataFrame(
            sources, schema={name: pl.Int64 if n > 1 else pl.String for n, name in enumerate(names)}, orient="row"
        ),
        "others": pl.DataFrame(
            others, schema={"source": pl.String, "what": pl.String, "count": pl.Int64}, orient="row"
        ),
        "skipped": pl.DataFrame(
            skipped, schema={"source": pl.String, "line": pl.Int64, "reason": pl.String}, orient="row"
        ),
    }
