"""The tables of the caches: what was served under each policy, what was missed and why, how far the bill agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

import polars as pl

from agentcost.cache.catalogue import load_policies
from agentcost.cache.causes import MENDS, UNEXPLAINED
from agentcost.cache.policy import Multipliers, Policy, multipliers_of
from agentcost.cache.simulate import Served
from agentcost.caching import Run
from agentcost.model import Request

_REQUEST_SCHEMA: dict[str, pl.DataType] = {
    "policy": pl.String(), "simulated_read": pl.Int64(), "simulated_write": pl.Int64(), "simulated_plain": pl.Int64(),
    "readable": pl.Int64(), "warm_start": pl.Int64(), "cause": pl.String(), "lost": pl.Int64(), "evidence": pl.String(),
    "other_causes": pl.String(),
}  # fmt: skip


def request_columns(run: Run) -> pl.DataFrame:
    """Per request, in the record's order: its policy, what that would serve, and what was missed."""
    rows = []
    for name, served, bound, warm, miss in zip(run.policies, run.served, run.bounds, run.warm, run.misses, strict=True):
        simulated = (served.read, served.written, served.plain) if served else (None, None, None)
        told = (miss.cause, miss.lost, miss.evidence, ", ".join(miss.others)) if miss else ("", 0, "", "")
        rows.append((name, *simulated, bound, warm, *told))
    return pl.DataFrame(rows, schema=_REQUEST_SCHEMA, orient="row")


def misses(chosen: pl.DataFrame) -> pl.DataFrame:
    """A row per cause, the one that lost the most first, with its worst request as evidence."""
    total = int(chosen["prompt"].sum())
    rows = []
    for (cause,), group in chosen.filter(pl.col("cause") != "").group_by("cause"):
        worst = group.sort("lost", "index", descending=[True, False]).row(0, named=True)
        lost = int(group["lost"].sum())
        rows.append((
            cause, len(group), group["session"].n_unique(), lost, lost / total if total else None,
            str(cause) not in UNEXPLAINED, worst["evidence"], f"{worst['source']}:{worst['line']}", MENDS[str(cause)],
        ))  # fmt: skip
    schema = {
        "cause": pl.String, "requests": pl.Int64, "sessions": pl.Int64, "lost": pl.Int64, "share": pl.Float64,
        "explained": pl.Boolean, "evidence": pl.String, "worst": pl.String, "mend": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        "lost", "requests", "cause", descending=[True, True, False]
    )


_AGREEMENT = {
    "policy": pl.String, "requests": pl.Int64, "exact": pl.Int64, "near": pl.Int64, "billed_read": pl.Int64,
    "simulated_read": pl.Int64, "warm_start": pl.Int64, "both_hit": pl.Int64, "only_simulated": pl.Int64,
    "only_billed": pl.Int64, "both_miss": pl.Int64,
}  # fmt: skip


def agreement(requests: Sequence[Request], run: Run, chosen: Collection[int]) -> pl.DataFrame:
    """A row per policy: how many of the billed requests the simulation reproduces, to the token and within 1 %.

    Reads from before the log (`warm_start`) are set apart: they count as reproduced up to there.
    """
    found: dict[str, Counter[str]] = {}
    for row in sorted(chosen):
        usage, served, name = requests[row].usage, run.served[row], run.policies[row]
        if served is None or usage is None or not usage.classes_known:
            continue
        counts = found.setdefault(name, Counter())
        expected = served.read + run.warm[row]
        near = abs(expected - usage.read) * 100 <= usage.prompt
        outcome = ("both_miss", "only_billed", "only_simulated", "both_hit")[2 * (expected > 0) + (usage.read > 0)]
        counts.update({
            "requests": 1, "exact": int(expected == usage.read), "near": int(near), "billed_read": usage.read,
            "simulated_read": served.read, "warm_start": run.warm[row], outcome: 1,
        })  # fmt: skip
    rows = [(name, *(counts[key] for key in list(_AGREEMENT)[1:])) for name, counts in sorted(found.items())]
    return pl.DataFrame(rows, schema=_AGREEMENT, orient="row").sort("requests", "policy", descending=[True, False])


_CACHES = {
    "policy": pl.String, "title": pl.String, "requests": pl.Int64, "read": pl.Int64, "write": pl.Int64,
    "plain": pl.Int64, "hit_rate": pl.Float64, "relative_cost": pl.Float64, "basis": pl.String,
}  # fmt: skip


def caches(
    chosen: pl.DataFrame, requests: Sequence[Request], run: Run, others: dict[str, list[Served]]
) -> pl.DataFrame:
    """A row for the bill, for the log's own policies, for every other policy, and for what content allows.

    `relative_cost` is input cost over that of the same tokens uncached; null where a price is not known.
    """
    rows = [*_billed_row(chosen, requests)]
    index = chosen["index"].to_list()
    own = [(run.policies[row], run.served[row]) for row in index if run.served[row] is not None]
    if own:
        rows.append(_row("as run", "simulated: the policy of each request", own, requests, index, "simulated"))
    for name, served in others.items():
        pairs = [(name, served[row]) for row in index]
        rows.append(_row(name, load_policies()[name].title, pairs, requests, index, "what if"))
    total, bound = int(chosen["prompt"].sum()), int(chosen["readable"].sum())
    rows.append(("content bound", "any cache: everything seen before", len(index), bound, 0, total - bound,
                 bound / total if total else None, None, "bound"))  # fmt: skip
    return pl.DataFrame(rows, schema=_CACHES, orient="row")


def _billed_row(chosen: pl.DataFrame, requests: Sequence[Request]) -> list[tuple[object, ...]]:
    known = chosen.filter(pl.col("read").is_not_null())
    if not len(known):
        return []
    read, write, plain = (int(known[name].sum()) for name in ("read", "write", "plain"))
    total, cost = read + write + plain, _billed_cost(known, requests)
    relative = float(cost / total) if cost is not None and total else None
    rate = _rate(read, write, plain)
    return [("billed", "what the provider billed", len(known), read, write, plain, rate, relative, "billed")]


def _billed_cost(known: pl.DataFrame, requests: Sequence[Request]) -> Decimal | None:
    cost = Decimal(0)
    for row, name in zip(known["index"].to_list(), known["policy"].to_list(), strict=True):
        usage, policy = requests[row].usage, load_policies().get(name)
        if usage is None or policy is None:
            return None
        times = _times(name, requests[row].model)
        writes = {"5m": usage.write_5m + usage.write, "1h": usage.write_1h}
        part = _cost(times.read, times.writes, usage.read, writes, usage.plain)
        if part is None:
            return None
        cost += part
    return cost


def _rate(read: int, write: int, plain: int) -> float | None:
    total = read + write + plain
    return read / total if total else None


def _row(
    name: str, title: str, pairs: Sequence[tuple[str, Served | None]], requests: Sequence[Request],
    index: Sequence[int], basis: str,
) -> tuple[object, ...]:  # fmt: skip
    policies = load_policies()
    read = write = plain = 0
    cost: Decimal | None = Decimal(0)
    for (policy, served), row in zip(pairs, index, strict=False):
        if served is None:
            continue
        read, write, plain = read + served.read, write + served.written, plain + served.plain
        part = _priced(policies[policy], requests[row].model, served)
        cost = None if cost is None or part is None else cost + part
    total = read + write + plain
    relative = float(cost / total) if cost is not None and total else None
    return name, title, len(pairs), read, write, plain, _rate(read, write, plain), relative, basis


def _priced(policy: Policy, model: str, served: Served) -> Decimal | None:
    times = _times(policy.name, model)
    return _cost(times.read, times.writes, served.read, served.writes, served.plain)


@lru_cache(maxsize=4096)
def _times(policy: str, model: str) -> Multipliers:
    return multipliers_of(load_policies()[policy], model)


def _cost(
    read_times: Decimal | None,
    write_times: Mapping[str, Decimal | None],
    read: int,
    writes: Mapping[str, int],
    plain: int,
) -> Decimal | None:
    """Input tokens in units of plain ones; None where a multiplier that counts is not known."""
    if read and read_times is None:
        return None
    cost = Decimal(plain) + Decimal(read) * (read_times or Decimal(0))
    for ttl, tokens in writes.items():
        times = write_times.get(ttl)
        if tokens and times is None:
            return None
        cost += Decimal(tokens) * (times or Decimal(0))
    return cost
