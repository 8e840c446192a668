"""The tables of capacity: how much is read from a cache of any size and age, and where the curve bends.

One model and KV format is followed: tokens are the same under every format, bytes are tokens times what a block takes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import msgspec
import numpy
import polars as pl
from msgspec.structs import replace

from agentcost import capacity
from agentcost.capacity import Curve, Lifetimes, Reuse
from agentcost.kv.footprint import growing
from agentcost.memory.ask import KvAsk, Pair
from agentcost.memory.pools import Pool, accesses, pool_of, reuse_of, routed
from agentcost.memory.tokens import TargetTokens
from agentcost.model import Knowledge
from agentcost.study import Study
from agentcost.tiers import Tier

SHOWN = 96
"""Capacities, and times to live, of a curve in the table, about; those with a name stand apart."""

TTLS = {"10s": 10, "1m": 60, "5m": 300, "10m": 600, "30m": 1_800, "1h": 3_600, "4h": 14_400, "1d": 86_400}
"""Times to live with a name, in seconds; 5m and 1h are those of providers."""

REFERENCE = 1 << 20
"""Tokens over which the bytes of a block are averaged: compressed latents come in steps."""


class CapacityAsk(msgspec.Struct, frozen=True):
    """What is asked beside the models and the memory: replicas that divide it, how requests reach them, tiers below it,
    dollars per accelerator and hour (None: as published), and the tokens of a block (None: as the log has them)."""

    replicas: tuple[int, ...] = (1,)
    routing: str = "round-robin"
    tiers: tuple[Tier, ...] = ()
    usd_per_hour: float | None = None
    block: int | None = None


class Scene(msgspec.Struct, frozen=True, dict=True):
    """A log in one memory, under the first model and format that were asked for.

    `chosen` are the rows that are summed; all others warm the cache.
    """

    study: Study
    pair: Pair
    pool: Pool
    chosen: Sequence[int]

    @cached_property
    def reuse(self) -> Reuse:
        """What is used again."""
        return reuse_of(self.pool)

    @cached_property
    def told(self) -> bool:
        """Whether the log tells which prompts begin alike: lengths alone do not."""
        return any(self.study.requests[row].knowledge is not Knowledge.COUNTS for row in self.chosen)

    @cached_property
    def total(self) -> int:
        """Tokens of the chosen prompts."""
        return sum(map(self.pool.tokens, self.chosen))

    @cached_property
    def curve(self) -> Curve:
        """The curve of one memory."""
        return capacity.curve([of_rows(self.reuse, self.chosen)], self.total, self.pool.unit)

    def divided(self, replicas: int, routing: str) -> Curve:
        """The curve of equal replicas."""
        parts = routed(self.pool, routing, replicas)
        wanted = set(self.chosen)
        reuses = [
            of_rows(reuse_of(self.pool.part(rows)), [place for place, row in enumerate(rows) if row in wanted])
            for rows in parts
        ]
        return capacity.curve(reuses, self.total, self.pool.unit)

    @cached_property
    def block_bytes(self) -> float:
        """Bytes of a block on all accelerators that hold a sequence, copies of latents and of few heads included."""
        return self._bytes(on_ranks=True)

    @cached_property
    def kept_bytes(self) -> float:
        """Bytes of a block in a tier below, where everything is kept once."""
        return self._bytes(on_ranks=False)

    def _bytes(self, *, on_ranks: bool) -> float:
        groups, layout = self.pair.groups, self.pair.ask.layout
        if on_ranks:
            return growing(groups, REFERENCE, layout) * layout.split / REFERENCE * self.pool.unit
        return growing(groups, REFERENCE) / REFERENCE * self.pool.unit

    @cached_property
    def room(self) -> int | None:
        """The blocks that the accelerators' memory holds; None where none was named, or nothing fits."""
        room = self.pair.room
        if room is None or not self.block_bytes:
            return None
        lanes = room.replicas * (room.ranks if room.layout.dp_attention else 1)
        if room.blocks is not None:
            return room.blocks * self.pair.ask.engine.block * lanes // self.pool.unit
        return None if room.total is None else int(room.total // self.block_bytes)

    def bytes_of(self, blocks: int) -> int | None:
        """Bytes of so many blocks; None where no layer grows with the tokens, or the format has no layout."""
        return round(blocks * self.block_bytes) if self.block_bytes else None

    def accelerators(self, blocks: int) -> float | None:
        """How many accelerators' memory for KV that is, beside the weights."""
        size, room = self.bytes_of(blocks), self.pair.room
        if size is None or room is None or not room.per_rank or self.pair.ask.accelerator is None:
            return None
        return size / room.per_rank


def scene(study: Study, chosen: Collection[int], kv: KvAsk, found: TargetTokens, block: int | None = None) -> Scene:
    """The log in the tokens of the first model (`found`), and the first of its formats that has a layout."""
    own = [pair for pair in kv.pairs if pair.model is kv.models[0]]
    pair = next((pair for pair in own if pair.groups), own[0])
    return Scene(study, pair, pool_of(study, found, block), sorted(chosen))


def of_rows(reuse: Reuse, rows: Sequence[int]) -> Reuse:
    """What these requests use again, and no others."""
    wanted = numpy.zeros(reuse.requests, dtype=numpy.bool_)
    wanted[list(rows)] = True
    kept = wanted[reuse.rows]
    return replace(
        reuse, rows=reuse.rows[kept], lasts=reuse.lasts[kept], depths=reuse.depths[kept], units=reuse.units[kept],
        tokens=reuse.tokens[kept],
    )  # fmt: skip


# --- tables --------------------------------------------------------------------------------------------------------

_KEYS = {"model": pl.String, "kv_format": pl.String, "replicas": pl.Int64, "routing": pl.String}
_PLACE = {
    "capacity_tokens": pl.Int64, "capacity_bytes": pl.Int64, "accelerators": pl.Float64, "hit_tokens": pl.Int64,
    "hit_rate": pl.Float64, "share_of_bound": pl.Float64,
}  # fmt: skip
CAPACITY = {**_KEYS, **_PLACE}
KNEES = {**_KEYS, "knee": pl.String, **_PLACE}
_AGE = {"ttl_s": pl.Float64, "hit_tokens": pl.Int64, "hit_rate": pl.Float64, "share_of_bound": pl.Float64}
LIFETIMES = {"renewed_by": pl.String, **_AGE}
LIFETIME_KNEES = {
    "renewed_by": pl.String, "knee": pl.String, **_AGE, "peak_tokens": pl.Int64, "peak_bytes": pl.Int64,
}  # fmt: skip
ASSUMED = {
    "model": pl.String, "kv_format": pl.String, "basis": pl.String, "band": pl.Float64, "input_tokens": pl.Int64,
    "bound_tokens": pl.Int64, "block_tokens": pl.Int64, "block_bytes": pl.Float64, "fixed_bytes": pl.Int64,
    "requests": pl.Int64, "requests_with_end": pl.Int64, "timed": pl.Boolean, "relative_clock": pl.Boolean,
}  # fmt: skip


def capacity_tables(scene: Scene, ask: CapacityAsk, found: TargetTokens) -> dict[str, pl.DataFrame]:
    """The curve of one memory and of replicas, its knees, the curve by time to live, and what all rests on.

    Replicas are shown at the knees of the one memory: the same bytes, divided.
    """
    single, counts = scene.curve, dict.fromkeys((1, *ask.replicas)) if scene.told else ()
    named = [(knee.name, knee.units) for knee in capacity.knees(single)]
    named += [("room", scene.room)] if scene.room is not None else []
    points: list[tuple[object, ...]] = []
    bends: list[tuple[object, ...]] = []
    for count in counts:
        curve = single if count == 1 else scene.divided(count, ask.routing)
        keys = (scene.pair.model.id, scene.pair.format.name, count, ask.routing if count > 1 else "")
        points += [(*keys, *_row(scene, curve, place)) for place in capacity.spread(curve, SHOWN)]
        bends += [(*keys, name, *_row(scene, curve, place)) for name, place in sorted(named, key=lambda one: one[1])]
    return {
        "capacity": pl.DataFrame(points, schema=CAPACITY, orient="row"),
        "capacity_knees": pl.DataFrame(bends, schema=KNEES, orient="row"),
        **_lifetimes(scene),
        "capacity_basis": _assumed(scene, found),
    }


def _row(scene: Scene, curve: Curve, blocks: int) -> tuple[object, ...]:
    hits, bound = curve.at(blocks), scene.curve.bound
    return (
        blocks * curve.unit, scene.bytes_of(blocks), scene.accelerators(blocks), hits,
        hits / curve.total if curve.total else None, hits / bound if bound else None,
    )  # fmt: skip


def _timed(scene: Scene) -> bool:
    return all(request.started is not None for request in scene.study.requests)


def _lifetimes(scene: Scene) -> dict[str, pl.DataFrame]:
    """The curves by time to live, renewed by use and counted from the write, and the times that have a name.

    Nothing where the log does not tell when requests start.
    """
    points: list[tuple[object, ...]] = []
    named: list[tuple[object, ...]] = []
    if _timed(scene) and scene.told and scene.curve.bound:
        starts = [prompt.start for prompt in scene.pool.prompts]
        found = capacity.lifetimes(of_rows(scene.reuse, scene.chosen), starts, scene.total)
        names = sorted((*TTLS.items(), *_bends(found)), key=lambda pair: pair[1])
        shown = sorted({*found.spread(SHOWN), *TTLS.values()})
        written = _from_write(scene, starts, (*shown, *(ttl for _, ttl in names)))
        points = [("use", *_aged(scene, ttl, found.at(ttl))) for ttl in shown]
        points += [("write", *_aged(scene, ttl, written[ttl])) for ttl in shown]
        for name, ttl in names:
            most = capacity.peak(scene.reuse, starts, ttl)
            held = (most * scene.pool.unit, scene.bytes_of(most))
            named.append(("use", name, *_aged(scene, ttl, found.at(ttl)), *held))
            named.append(("write", name, *_aged(scene, ttl, written[ttl]), None, None))
    return {
        "lifetimes": pl.DataFrame(points, schema=LIFETIMES, orient="row"),
        "lifetime_knees": pl.DataFrame(named, schema=LIFETIME_KNEES, orient="row"),
    }


def _bends(found: Lifetimes) -> list[tuple[str, float]]:
    """The shortest times to live that read a share of what any reads, and where the curve bends."""
    bends = [(name, found.needed(-int(-found.bound * share // 1))) for name, share in capacity.KNEES]
    return [("knee", found.bend()), *bends]


def _from_write(scene: Scene, starts: Sequence[float], ttls: Sequence[float]) -> dict[float, int]:
    wanted = sorted(set(ttls))
    found = capacity.from_write(accesses(scene.pool), starts, wanted, scene.chosen)
    return dict(zip(wanted, found, strict=True))


def _aged(scene: Scene, ttl: float, hits: int) -> tuple[object, ...]:
    return ttl, hits, hits / scene.total if scene.total else None, hits / scene.curve.bound


def _assumed(scene: Scene, found: TargetTokens) -> pl.DataFrame:
    pool, pair, requests = scene.pool, scene.pair, scene.study.requests
    fixed = pair.whole(REFERENCE) - pair.shared(REFERENCE) if pair.groups else None
    row = (
        pair.model.id, pair.format.name, found.basis, found.band, scene.total,
        scene.curve.bound if scene.told else None, pool.unit,
        scene.block_bytes or None, fixed, len(requests), sum(end is not None for end in pool.ends), _timed(scene),
        any(("clock", "relative") in request.settings for request in requests),
    )  # fmt: skip
    return pl.DataFrame([row], schema=ASSUMED, orient="row")
