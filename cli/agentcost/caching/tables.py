"""The tables of the caches: what was served under each policy, what was missed and why, how far the bill agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import msgspec
import polars as pl

from agentcost.cache.catalogue import policy_named
from agentcost.cache.causes import MENDS, UNEXPLAINED
from agentcost.cache.policy import multipliers_of
from agentcost.cache.prompts import Served
from agentcost.caching.hitrates import TOKENS, Counted, rate_of
from agentcost.caching.misses import reported
from agentcost.caching.run import Run
from agentcost.costs.tables import MONEY
from agentcost.model import Request
from agentcost.units import in_tokens, percent
from agentcost.whatifs import LIVES

_REQUEST_SCHEMA: dict[str, pl.DataType] = {
    "policy": pl.String(), "simulated_read": pl.Int64(), "simulated_write": pl.Int64(), "simulated_plain": pl.Int64(),
    "readable": pl.Int64(), "warm_start": pl.Int64(), "cause": pl.String(), "lost": pl.Int64(), "evidence": pl.String(),
    "other_causes": pl.String(),
}  # fmt: skip


def request_columns(run: Run) -> pl.DataFrame:
    """Per request, in the record's order: its policy, what that would serve, and what was missed."""
    told = {
        "policy": run.policies,
        "simulated_read": [one.read if one else None for one in run.served],
        "simulated_write": [one.written if one else None for one in run.served],
        "simulated_plain": [one.plain if one else None for one in run.served],
        "readable": run.bounds,
        "warm_start": run.warm,
        "cause": [miss.cause if miss else "" for miss in run.misses],
        "lost": [miss.lost if miss else 0 for miss in run.misses],
        "evidence": [miss.evidence if miss else "" for miss in run.misses],
        "other_causes": [", ".join(miss.others) if miss else "" for miss in run.misses],
    }
    return pl.DataFrame(told, schema=_REQUEST_SCHEMA)


_MISSES: dict[str, pl.DataType] = {
    "cause": pl.String(), "requests": pl.Int64(), "sessions": pl.Int64(), "lost": pl.Int64(), "share": pl.Float64(),
    "cost_lost": MONEY, "unpriced_requests": pl.Int64(), "explained": pl.Boolean(), "evidence": pl.String(),
    "worst": pl.String(), "mend": pl.String(),
}  # fmt: skip


def misses(chosen: pl.DataFrame, replayed: pl.DataFrame | None = None) -> pl.DataFrame:
    """A row per cause, the one that lost the most first, with its worst request as evidence.

    `replayed` are the ways that save something, None where none was tried.
    """
    total = int(chosen["prompt"].sum())
    rows = []
    for (cause,), group in chosen.filter(pl.col("cause") != "").group_by("cause"):
        worst = group.sort("lost", "index", descending=[True, False]).row(0, named=True)
        lost, priced = int(group["lost"].sum()), group["cost_lost"].drop_nulls()
        rows.append((
            cause, len(group), group["session"].n_unique(), lost, lost / total if total else None,
            priced.sum() if len(priced) else None, len(group) - len(priced),
            str(cause) not in UNEXPLAINED, worst["evidence"], f"{worst['source']}:{worst['line']}",
            _mend(str(cause), replayed),
        ))  # fmt: skip
    return pl.DataFrame(rows, schema=_MISSES, orient="row").sort(
        "lost", "requests", "cause", descending=[True, True, False]
    )


def _mend(cause: str, replayed: pl.DataFrame | None) -> str:
    """What would mend a cause. A longer life of caches costs more: where it was replayed, what came of it decides."""
    if cause != "ttl_expired" or replayed is None:
        return MENDS[cause]
    longer = replayed.filter(pl.col("what_if").is_in(LIVES)).head(1)
    for how, share in longer.select("how", "share").iter_rows():
        return f"{how}; saves {percent(share)} of the input cost, replayed"
    return "nothing: a longer time to live and pings were replayed, and cost more than they save here"


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


_REASONS = {
    "reported": pl.String, "cause": pl.String, "requests": pl.Int64, "same": pl.Boolean, "lost": pl.Int64,
    "reported_tokens": pl.Int64, "worst": pl.String,
}  # fmt: skip


def reasons(requests: Sequence[Request], run: Run, chosen: Collection[int]) -> pl.DataFrame:
    """A row per reason that a provider gave and cause that was found here, of the requests that were compared by their
    provider: the most requests first.

    `cause` is empty where nothing was missed here. Two that name no cause agree: a hit, and nothing missed.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for row in sorted(chosen):
        reason, _ = reported(requests[row])
        if reason:
            miss = run.misses[row]
            found.setdefault((reason, miss.cause if miss else ""), []).append(row)
    rows: list[tuple[object, ...]] = []
    for (reason, cause), own in found.items():
        misses = [(miss.lost if (miss := run.misses[row]) else 0, -row) for row in own]
        told = [tokens for row in own if (tokens := reported(requests[row])[1]) is not None]
        same = reason == cause or (reason == "hit" and not cause)
        worst = str(requests[-max(misses)[1]].place)
        lost = sum(tokens for tokens, _ in misses)
        rows.append((reason, cause, len(own), same, lost, sum(told) if told else None, worst))
    frame = pl.DataFrame(rows, schema=_REASONS, orient="row")
    return frame.sort("requests", "reported", "cause", descending=[True, False, False])


ASKED = "asked"
"""The basis of the policy that the user named: it takes the place of the log's own in all but the row `as run`."""


_CACHES = {
    "policy": pl.String, "title": pl.String, "requests": pl.Int64, "read": pl.Int64, "write": pl.Int64,
    "plain": pl.Int64, "hit_rate": pl.Float64, "relative_cost": pl.Float64, "basis": pl.String,
    "hit_rate_of": pl.String,
}  # fmt: skip


class _Log(msgspec.Struct, frozen=True):
    """What the rows of the table of policies are made of: the selected requests by their row of the record, in order,
    with their sessions, the hit rate that was asked for, and the tokens of a block."""

    requests: Sequence[Request]
    run: Run
    sessions: Mapping[int, str]
    hit_rate: str
    block: int

    def row(
        self, name: str, title: str, splits: Sequence[tuple[int, int, int, int, bool]], cost: Decimal | None, basis: str
    ) -> tuple[object, ...]:
        """A row, of requests by (row, read, written, plain, whether anything of it can be kept)."""
        read, written = [split[1] for split in splits], [split[2] for split in splits]
        prompt = [split[1] + split[2] + split[3] for split in splits]
        counted = Counted(
            read, written, prompt, [self.run.bounds[row] for row, *_ in splits], [split[4] for split in splits],
            [self.sessions[row] for row, *_ in splits], self.block,
        )  # fmt: skip
        whole = sum(prompt)
        relative = float(cost / whole) if cost is not None and whole else None
        sums = (len(splits), sum(read), sum(written), whole - sum(read) - sum(written))
        return name, title, *sums, rate_of(self.hit_rate, counted), relative, basis, self.hit_rate


def caches(
    chosen: pl.DataFrame, requests: Sequence[Request], run: Run, others: Mapping[str, list[Served] | None],
    hit_rate: str = TOKENS, block: int = 1,
) -> pl.DataFrame:  # fmt: skip
    """A row for the bill, for the log's own policies, for the one that was asked for, for every other, and for what
    content allows.

    `relative_cost` is input cost over that of the same tokens uncached; null where a price is not known. `hit_rate` is
    that of RATES by the name, with blocks of `block` tokens. All is null of a policy under which nothing is known of
    the log.
    """
    log = _Log(requests, run, dict(zip(chosen["index"].to_list(), chosen["session"].to_list(), strict=True)), hit_rate,
               block)  # fmt: skip
    rows = [*_billed_row(chosen, log)]
    index = chosen["index"].to_list()
    own = [(row, run.own[row], served) for row in index if (served := run.as_run[row]) is not None]
    if own:
        rows.append(_row(log, "as run", "simulated: the policy of each request", own, "simulated"))
    asked = run.policies[0] if run.policies != run.own else ""
    if asked:
        told = [(row, asked, served) for row in index if (served := run.served[row]) is not None]
        rows.append(_row(log, asked, policy_named(asked).title, told, ASKED))
    for name, served_by in others.items():
        title = policy_named(name).title
        if name == asked:
            continue
        if served_by is None:
            rows.append((name, title, len(index), None, None, None, None, None, "what if", hit_rate))
            continue
        triples = [(row, name, served_by[row]) for row in index]
        rows.append(_row(log, name, title, triples, "what if"))
    rows.append(_bound_row(chosen, log))
    return pl.DataFrame(rows, schema=_CACHES, orient="row")


def _bound_row(chosen: pl.DataFrame, log: _Log) -> tuple[object, ...]:
    """What content allows: what an earlier request began with, and at least what was billed as read, which was sent
    before the log began."""
    bounds = log.run.bounds
    splits = []
    before = 0
    for row, prompt, read in chosen.select("index", "prompt", "read").iter_rows():
        most = max(bounds[row], min(prompt, read or 0))
        before += most - bounds[row]
        splits.append((row, most, 0, prompt - most, True))
    title = "any cache: everything seen before"
    more = f"; at least: {in_tokens(before)} of it as billed, sent before the log began" if before else ""
    return log.row("content bound", title + more, splits, None, "bound")


def _billed_row(chosen: pl.DataFrame, log: _Log) -> list[tuple[object, ...]]:
    known = chosen.filter(pl.col("read").is_not_null())
    if not len(known):
        return []
    splits = [
        (*split, split[1] > 0 or log.run.eligible[split[0]])
        for split in known.select("index", "read", "write", "plain").iter_rows()
    ]
    cost = _billed_cost(known["index"].to_list(), log)
    return [log.row("billed", "what the provider billed", splits, cost, "billed")]


def _row(log: _Log, name: str, title: str, own: Sequence[tuple[int, str, Served]], basis: str) -> tuple[object, ...]:
    sums: dict[tuple[str, str], _Sums] = {}
    for row, policy, served in own:
        sums.setdefault((policy, log.requests[row].model), _Sums()).add(served.read, served.writes, served.plain)
    splits = [(row, served.read, served.written, served.plain, not served.blocked) for row, _, served in own]
    return log.row(name, title, splits, _cost(sums), basis)


def _billed_cost(rows: Sequence[int], log: _Log) -> Decimal | None:
    """By the multipliers of the policy that each request fell under, whichever was simulated."""
    sums: dict[tuple[str, str], _Sums] = {}
    for row in rows:
        usage, name = log.requests[row].usage, log.run.own[row]
        if usage is None or not name:
            return None
        writes = {"5m": usage.write_5m + usage.write, "1h": usage.write_1h}
        sums.setdefault((name, log.requests[row].model), _Sums()).add(usage.read, writes, usage.plain)
    return _cost(sums)


class _Sums(msgspec.Struct):
    """Input tokens of many requests by class, written ones by time to live."""

    read: int = 0
    plain: int = 0
    writes: dict[str, int] = {}

    def add(self, read: int, writes: Mapping[str, int], plain: int) -> None:
        """One more request."""
        self.read += read
        self.plain += plain
        for ttl, tokens in writes.items():
            self.writes[ttl] = self.writes.get(ttl, 0) + tokens


def _cost(sums: Mapping[tuple[str, str], _Sums]) -> Decimal | None:
    """Input tokens by policy and model in units of plain ones; None where a multiplier that counts is not known."""
    cost = Decimal(0)
    for (policy, model), own in sums.items():
        times = multipliers_of(policy_named(policy), model)
        cost += own.plain
        written = [(tokens, times.writes.get(ttl)) for ttl, tokens in own.writes.items()]
        for tokens, factor in ((own.read, times.read), *written):
            if tokens and factor is None:
                return None
            cost += tokens * (factor or 0)
    return cost
