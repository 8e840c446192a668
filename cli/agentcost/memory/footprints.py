"""The tables of memory: what requests and sessions of a log weigh as KV cache on open models, and how many fit.

A footprint never falls with tokens, so the quantiles of bytes are the bytes of the quantiles of tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import msgspec
import numpy
import polars as pl

from agentcost.datasheets.hardware import accelerator_named
from agentcost.datasheets.models import TYPICAL_ONE, architecture_of, format_of
from agentcost.errors import UsageError
from agentcost.kv.concurrency import Moment, Running, moments
from agentcost.kv.footprint import needed
from agentcost.lineage import Standing
from agentcost.measuring.levels import Ints
from agentcost.memory.ask import FOOTPRINT, KvAsk, Pair, footprint_rows, formats, rooms
from agentcost.memory.tokens import TargetTokens, target_tokens
from agentcost.model import ROOT, Knowledge, Request
from agentcost.study import Study
from agentcost.tokens import encoding_of

MEASURES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))

DEFAULT_ACCELERATOR = "h100-sxm"
"""What the default report asks: how many sessions one of them holds."""


class Weighed(msgspec.Struct, frozen=True):
    """A log in one model's tokens: sizes of its requests and sessions, ascending, and what sessions share."""

    tokens: TargetTokens
    requests: tuple[int, ...]
    sessions: tuple[int, ...]
    distinct: int
    without_output: int


def quantiles(values: Sequence[int]) -> list[tuple[str, int]]:
    """The ceil(share x n)-th smallest of ascending values for each measure; nothing of nothing."""
    if not values:
        return []
    return [(name, values[max(0, -int(-share * len(values) // 1) - 1)]) for name, share in MEASURES]


def request_sizes(found: TargetTokens, chosen: Collection[int]) -> list[int]:
    """Prompt and answer of the chosen requests, ascending. An answer of unknown length counts as nothing."""
    return sorted(found.prompts[row] + (found.outputs[row] or 0) for row in chosen)


class Sessions(msgspec.Struct, frozen=True):
    """The chosen requests by session, and the nodes of the tree that sessions have: the same in every model's tokens.

    `rows` are requests, those of a session together from `firsts` on. `nodes` are each session's own, once, up to
    `ends`; `pooled` are those of each pool, once.
    """

    rows: Ints
    firsts: Ints
    nodes: Ints
    ends: Ints
    pooled: Ints


def sessions_of(study: Study, chosen: Collection[int]) -> Sessions:
    """The sessions of the chosen requests."""
    requests, parents = study.requests, study.record.tree.parents
    sessions: dict[str, list[int]] = {}
    for row in sorted(chosen):
        sessions.setdefault(study.standing[row].session, []).append(row)
    firsts, ends = [0], []
    nodes: list[int] = []
    pools: dict[str, set[int]] = {}
    for members in sessions.values():
        own = _on_paths(parents, [requests[row].node for row in members])
        firsts.append(firsts[-1] + len(members))
        nodes += own
        ends.append(len(nodes))
        pools.setdefault(pool_of(requests[members[0]], study.standing[members[0]]), set()).update(own)
    found = [*chain(*sessions.values())], firsts[:-1], nodes, ends, [*chain(*pools.values())]
    return Sessions(*(numpy.array(numbers, dtype=numpy.int64) for numbers in found))


def _on_paths(parents: Sequence[int], leaves: Sequence[int]) -> set[int]:
    """The nodes of several paths, the root left out."""
    found: set[int] = set()
    for leaf in leaves:
        node = leaf
        while node != ROOT and node not in found:
            found.add(node)
            node = parents[node]
    return found


def weigh(study: Study, found: TargetTokens, sessions: Sessions) -> Weighed:
    """The requests by size, prompt and output; a session is all that its requests sent.

    It has its nodes once, what stands in no node once at its largest, and its last output. Together sessions have every
    node of a pool once.
    """
    rows, firsts = sessions.rows, sessions.firsts
    if not len(rows):
        return Weighed(found, (), (), 0, 0)
    prompts = numpy.array(found.prompts, dtype=numpy.int64)[rows]
    outputs = numpy.array([found.outputs[row] or 0 for row in rows.tolist()], dtype=numpy.int64)
    leaves = numpy.array([study.requests[row].node for row in rows.tolist()], dtype=numpy.int64)
    reach = found.reach[leaves]
    sums = numpy.concatenate(([0], found.lengths[sessions.nodes].cumsum()))
    shared = numpy.diff(sums[sessions.ends], prepend=0)
    beside = numpy.maximum(0, numpy.maximum.reduceat(prompts - reach, firsts))
    last = outputs[numpy.append(firsts[1:], len(rows)) - 1]
    own = numpy.maximum(shared + beside + last, numpy.maximum.reduceat(prompts + outputs, firsts))
    distinct = own.sum() - shared.sum() + found.lengths[sessions.pooled].sum()
    missing = sum(found.outputs[row] is None for row in rows.tolist())
    sizes = request_sizes(found, rows.tolist())
    return Weighed(found, tuple(sizes), tuple(numpy.sort(own).tolist()), int(distinct), missing)


def pool_of(request: Request, stand: Standing) -> str:
    """What shares blocks: all requests, but a file where its ids are local, and a transcript's session alone, as what
    it hides stands before everything."""
    if request.local_ids:
        return request.place.source
    return stand.session if request.knowledge is Knowledge.TRANSCRIPT else ""


SHARING = {
    "model": pl.String, "kv_format": pl.String, "sessions": pl.Int64, "tokens_alone": pl.Int64,
    "tokens_distinct": pl.Int64, "bytes_alone": pl.Int64, "bytes_together": pl.Int64,
    "requests_without_output": pl.Int64,
}  # fmt: skip
CONCURRENCY = {
    "model": pl.String, "kv_format": pl.String, "peak_requests": pl.Int64, "peak_bytes_alone": pl.Int64,
    "peak_bytes": pl.Int64, "peak_at": pl.Float64, "room_bytes": pl.Int64, "overflows": pl.Boolean,
    "first_overflow": pl.Float64, "overflow_s": pl.Float64, "requests": pl.Int64, "requests_without_times": pl.Int64,
}  # fmt: skip


def log_tables(
    study: Study,
    chosen: Collection[int],
    ask: KvAsk,
    recounted: Mapping[str, Mapping[int, int]] | None = None,
) -> dict[str, pl.DataFrame]:
    """The tables for the chosen requests of a log. `recounted` gives counts of texts by encoding and segment."""
    sessions = sessions_of(study, chosen)
    weighed: dict[str, Weighed] = {}
    footprints: list[tuple[object, ...]] = []
    shared: list[tuple[object, ...]] = []
    for pair in ask.pairs:
        name = pair.model.id
        if name not in weighed:
            weighed[name] = _weighed(study, sessions, name, recounted, weighed)
        own = weighed[name]
        for of, sizes in (("request", own.requests), ("session", own.sessions)):
            footprints += footprint_rows(pair, of, quantiles(sizes), own.tokens.basis, own.tokens.band)
        if pair.groups:
            shared.append(_sharing(pair, own))
    return {
        "footprint": pl.DataFrame(footprints, schema=FOOTPRINT, orient="row"),
        "sharing": pl.DataFrame(shared, schema=SHARING, orient="row"),
        "concurrency": concurrency(study, weighed, chosen, ask),
        "served_models": served_models(study.requests, chosen),
        "room": rooms(ask),
        "kv_formats": formats(ask),
    }


SERVED = {"model": pl.String, "requests": pl.Int64, "architecture": pl.String}


def served_models(requests: Sequence[Request], chosen: Collection[int]) -> pl.DataFrame:
    """A row per model of the log; its architecture is empty where it is not known, as of every hosted model."""
    counts = Counter(requests[row].model for row in chosen)
    rows = [(model, count, _known(model)) for model, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    return pl.DataFrame(rows, schema=SERVED, orient="row")


def _known(model: str) -> str:
    try:
        return architecture_of(model).id
    except UsageError:
        return ""


def _weighed(
    study: Study,
    sessions: Sessions,
    model: str,
    recounted: Mapping[str, Mapping[int, int]] | None = None,
    known: Mapping[str, Weighed] | None = None,
) -> Weighed:
    encoding = encoding_of(model)
    for other, own in (known or {}).items():
        if encoding_of(other) == encoding or own.tokens.basis == "as is":
            return own
    again = (recounted or {}).get(encoding.name)
    found = target_tokens(study.record.tree, study.requests, study.measured, model, again)
    return weigh(study, found, sessions)


def _sharing(pair: Pair, own: Weighed) -> tuple[object, ...]:
    alone = sum(own.sessions)
    bytes_alone = sum(count * pair.whole(tokens) for tokens, count in Counter(own.sessions).items())
    together = bytes_alone - (pair.shared(alone) - pair.shared(own.distinct))
    return (
        pair.model.id, pair.format.name, len(own.sessions), alone, own.distinct, bytes_alone, together,
        own.without_output,
    )  # fmt: skip


def concurrency(study: Study, weighed: Mapping[str, Weighed], chosen: Collection[int], ask: KvAsk) -> pl.DataFrame:
    """A row per format on the first model: the most that requests held at once, and whether it overflows the room.

    Requests whose start and end are known are followed.
    """
    timed = _timed(study.requests, chosen)
    pairs = [pair for pair in ask.pairs if pair.model is ask.models[0] and pair.groups]
    rows = _concurrency(study, weighed[ask.models[0].id], timed, pairs) if timed else []
    rows = [(*row, len(timed), len(chosen) - len(timed)) for row in rows]
    return pl.DataFrame(rows, schema=CONCURRENCY, orient="row")


def _timed(requests: Sequence[Request], chosen: Collection[int]) -> list[int]:
    """The requests with a start and an end on one clock: logs that count from their own start have one each."""
    known = [row for row in sorted(chosen) if requests[row].started is not None and requests[row].ended is not None]
    relative = [row for row in known if ("clock", "relative") in requests[row].settings]
    if len(relative) == len(known) and len({requests[row].place.source for row in relative}) == 1:
        return known
    return sorted(set(known) - set(relative))


class _Peak(msgspec.Struct):
    """The most that was held at once, and how long it was more than the room has."""

    pair: Pair
    capacity: int | None
    copies: float
    held: int = -1
    moment: Moment | None = None
    alone: int = 0
    first: float | None = None
    over: float = 0.0
    since: float | None = None

    def see(self, moment: Moment, alone: int) -> None:
        held = alone - (self.pair.shared(moment.alone) - self.pair.shared(moment.distinct))
        if held > self.held:
            self.held, self.moment, self.alone = held, moment, alone
        if self.since is not None:
            self.over, self.since = self.over + moment.at - self.since, None
        if self.capacity is not None and held * self.copies > self.capacity:
            self.since = moment.at
            self.first = moment.at if self.first is None else self.first

    def row(self) -> tuple[object, ...]:
        known = self.capacity is not None
        running, at = (self.moment.running, self.moment.at) if self.moment else (0, None)
        return (
            self.pair.model.id, self.pair.format.name, running, self.alone, self.held, at, self.capacity,
            self.first is not None if known else None, self.first, self.over if known else None,
        )  # fmt: skip


def _concurrency(study: Study, own: Weighed, timed: Sequence[int], pairs: Sequence[Pair]) -> list[tuple[object, ...]]:
    found = own.tokens
    running = []
    for row in timed:
        tokens, request = found.prompts[row] + (found.outputs[row] or 0), study.requests[row]
        sizes = tuple(pair.whole(tokens) for pair in pairs)
        pool = pool_of(request, study.standing[row])
        running.append(Running(request.node, tokens, sizes, request.started or 0.0, request.ended or 0.0, pool))
    peaks = [_Peak(pair, pair.room.total if pair.room else None, _copies(pair)) for pair in pairs]
    for moment in moments(study.record.tree.parents, found.lengths.tolist(), running):
        for peak, alone in zip(peaks, moment.bytes, strict=True):
            peak.see(moment, alone)
    return [peak.row() for peak in peaks]


def _copies(pair: Pair) -> float:
    """How many times a sequence's bytes lie on the ranks that hold it: latents and few heads are replicated."""
    whole = pair.whole(REFERENCE)
    return needed(pair.groups, REFERENCE, pair.ask.layout) * pair.ranks() / whole if whole else 1.0


REFERENCE = 65_536
"""The tokens at which replication is measured."""


def kv_lines(study: Study, chosen: Collection[int]) -> pl.DataFrame:
    """The default report's footprint: a typical open model in bf16 and fp8 beside its weights on one accelerator."""
    ask = KvAsk(
        models=(architecture_of(TYPICAL_ONE),),
        formats=(format_of("bf16"), format_of("fp8")),
        accelerator=accelerator_named(DEFAULT_ACCELERATOR),
    )
    found = target_tokens(study.record.tree, study.requests, study.measured, TYPICAL_ONE)
    sizes = quantiles(request_sizes(found, chosen))
    rows = [row for pair in ask.pairs for row in footprint_rows(pair, "request", sizes, found.basis, found.band)]
    return pl.DataFrame(rows, schema=FOOTPRINT, orient="row")
