"""The table of tiers: where a hit lies, what loading it takes against computing it, and how long keeping it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec
import polars as pl

from agentcost import capacity, prefill, tiers
from agentcost.errors import UsageError
from agentcost.memory.capacity import CapacityAsk, Scene
from agentcost.memory.prefill import Machine, machine, quantile, timer
from agentcost.tiers import Tier

TIERS = {
    "place": pl.String, "level": pl.String, "capacity_bytes": pl.Int64, "capacity_tokens": pl.Int64,
    "bandwidth": pl.Float64, "latency_s": pl.Float64, "hit_tokens": pl.Int64, "share": pl.Float64,
    "requests": pl.Int64, "load_p50_s": pl.Float64, "load_p99_s": pl.Float64, "compute_p50_s": pl.Float64,
    "compute_p99_s": pl.Float64, "added_p50_s": pl.Float64, "added_p99_s": pl.Float64, "break_even": pl.Float64,
    "faster": pl.Float64, "faster_from_tokens": pl.Int64, "hold_s": pl.Float64, "basis": pl.String,
}  # fmt: skip


def tiers_table(scene: Scene, ask: CapacityAsk) -> pl.DataFrame:
    """A row for the accelerators' memory where it is known, for each tier, and for what is computed. Times are planned:
    at half of the peak. UsageError where tiers are not in order."""
    if not ask.tiers or not scene.told:
        return pl.DataFrame([], schema=TIERS, orient="row")
    _checked(ask.tiers)
    found = _Places(scene, ask)
    rows = [found.row(place) for place in range(scene.room is None, len(found.sizes))]
    computed = scene.total - sum(found.tokens(place) for place in range(len(found.sizes)))
    rest = ("computed", "", None, None, None, None, computed, computed / scene.total if scene.total else None)
    rows.append((*rest, len(scene.chosen), *[None] * 10, ""))
    return pl.DataFrame(rows, schema=TIERS, orient="row")


def _checked(given: Sequence[Tier]) -> None:
    names = [tier.name for tier in given]
    if len(set(names)) < len(names):
        raise UsageError(f"--tier: {', '.join(names)}: each tier once; add up what is of one kind")
    rates = [tier.bandwidth or 0 for tier in given]
    if rates != sorted(rates, reverse=True):
        raise UsageError(f"--tier: {', '.join(names)} are not fastest first; put the one with the most GB/s in front")


class _Places(msgspec.Struct, frozen=True, dict=True):
    """The accelerators' memory and the tiers, with what each of the chosen requests finds where."""

    scene: Scene
    ask: CapacityAsk

    @cached_property
    def sizes(self) -> list[int]:
        """Blocks of each place; the first is the accelerators' memory, 0 where none was named."""
        kept = self.scene.kept_bytes
        return [self.scene.room or 0, *(int(tier.capacity // kept) if kept else 0 for tier in self.ask.tiers)]

    @cached_property
    def reads(self) -> list[list[int]]:
        """By place the tokens of each chosen request that it and those above it hold."""
        found: list[list[int]] = []
        for size in self.sizes:
            tokens = capacity.by_request(self.scene.reuse, size)[1].tolist()
            own = [tokens[row] for row in self.scene.chosen]
            found.append([max(pair) for pair in zip(own, found[-1], strict=True)] if found else own)
        return found

    @cached_property
    def machine(self) -> Machine:
        """What computes."""
        return machine(self.scene.pair.ask, self.ask.usd_per_hour)

    @cached_property
    def time(self) -> Callable[[int, int], float] | None:
        """Seconds to compute, planned; None where no accelerator is named or its speed is not known."""
        plan, pair = self.machine.plan, self.scene.pair
        try:
            prefill.gemm_params(pair.model)
        except UsageError:
            return None
        return timer(pair.ask, pair.model, plan) if plan else None

    def spans(self, place: int) -> list[tuple[int, int, int]]:
        """(prompt, from, to) in tokens of every chosen request that finds something at this place and not above."""
        above = self.reads[place - 1] if place else [0] * len(self.reads[0])
        whole = (self.scene.pool.tokens(row) for row in self.scene.chosen)
        rows = zip(whole, above, self.reads[place], strict=True)
        return [(total, low, high) for total, low, high in rows if high > low]

    def tokens(self, place: int) -> int:
        """Tokens found at this place."""
        return sum(high - low for _, low, high in self.spans(place))

    def row(self, place: int) -> tuple[object, ...]:
        """The row of the table."""
        scene, spans = self.scene, self.spans(place)
        tier = self.ask.tiers[place - 1] if place else None
        size = tier.capacity if tier else scene.bytes_of(self.sizes[0])
        share = self.tokens(place) / scene.total if scene.total else None
        return (
            tier.name if tier else "accelerators", tier.level if tier else "G1", size,
            self.sizes[place] * scene.pool.unit, tier.bandwidth if tier else None,
            tier.latency if tier else None, self.tokens(place), share, len(spans),
            *self._times(tier, spans), self._held(tier, spans), tier.basis if tier else "",
        )  # fmt: skip

    def _times(self, tier: Tier | None, spans: Sequence[tuple[int, int, int]]) -> tuple[float | int | None, ...]:
        """Loading, computing, what loading adds to a turn, break-even, how often loading is faster, and from where."""
        if tier is None or not self.scene.pair.groups:
            return (None,) * 9
        pair, time = self.scene.pair, self.time
        sizes = [pair.whole(high) - pair.whole(low) for _, low, high in spans]
        loads = sorted(tiers.load_seconds(size, tier) for size in sizes)
        if time is None:
            return (quantile(loads, 0.5), quantile(loads, 0.99), *[None] * 7)
        computes = [time(high, low) for _, low, high in spans]
        added, rates, faster = [], [], 0
        for (total, _, high), size, compute in zip(spans, sizes, computes, strict=True):
            load, rest = tiers.load_seconds(size, tier), time(total, high)
            added.append(tiers.overlapped(load, rest, pair.model.num_layers) - rest)
            rates.append(tiers.break_even(size, compute) or 0.0)
            faster += load < compute
        limit = pair.model.max_context or REACH
        first = tiers.first_faster(lambda tokens: (pair.whole(tokens), time(tokens, 0)), tier, limit)
        return (
            quantile(loads, 0.5), quantile(loads, 0.99), quantile(computes, 0.5), quantile(computes, 0.99),
            quantile(added, 0.5), quantile(added, 0.99), quantile(rates, 0.5),
            faster / len(spans) if spans else None, first,
        )  # fmt: skip

    def _held(self, tier: Tier | None, spans: Sequence[tuple[int, int, int]]) -> float | None:
        """How long what is found here may be held for what computing it costs."""
        price = tier.usd_per_gb_second if tier else self._rented()
        if price is None or self.time is None or self.machine.usd_per_hour is None or not self.scene.pair.groups:
            return None
        pair = self.scene.pair
        seconds = sum(self.time(high, low) for _, low, high in spans)
        size = sum(pair.whole(high) - pair.whole(low) for _, low, high in spans)
        return tiers.holding_seconds(seconds / 3600 * self.machine.usd_per_hour, size, price)

    def _rented(self) -> float | None:
        kv = self.scene.pair.ask
        if kv.accelerator is None or self.machine.usd_per_hour is None:
            return None
        return tiers.rented(self.machine.usd_per_hour / kv.layout.tp, kv.accelerator.memory_bytes)


REACH = 1 << 20
"""Tokens up to which a prefix that loads faster is looked for where the model's context is not known."""
