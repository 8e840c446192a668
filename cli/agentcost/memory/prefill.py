"""The table of prefill: what prompts take to compute, with nothing cached and with what a cache reads of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import polars as pl

from agentcost import capacity, prefill
from agentcost.datasheets.architecture import Architecture
from agentcost.datasheets.hardware import efficiency_of, hardware_sheet
from agentcost.errors import UsageError
from agentcost.memory.ask import KvAsk
from agentcost.memory.capacity import CapacityAsk, Scene
from agentcost.prefill import Rates

QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))

COMPUTES = {"fp8": "fp8", "nvfp4": "fp4", "mxfp4": "fp4"}
"""In which format accelerators multiply weights of that format, where they can; all others are widened to bf16."""


class Machine(msgspec.Struct, frozen=True, dict=True):
    """The accelerators of one replica: how fast measured kernels make them, and a flat half of the peak to plan with.

    `reason` says why the rates are not known.
    """

    name: str = ""
    kernels: Rates | None = None
    plan: Rates | None = None
    usd_per_hour: float | None = None
    priced: str = ""
    reason: str = ""


def machine(kv: KvAsk, usd_per_hour: float | None = None) -> Machine:
    """The accelerators that were asked for; dollars as given, else as published with their date."""
    accelerator, count = kv.accelerator, kv.layout.tp
    if accelerator is None:
        return Machine(reason="no accelerator was named")
    name = f"{count} × {accelerator.id}"
    wanted = COMPUTES.get(kv.weights.name, "bf16")
    dtype = wanted if wanted in accelerator.flops else "bf16"
    each, priced = usd_per_hour, "given"
    if each is None:
        price = hardware_sheet().prices.get(accelerator.id)
        each = (price.median or price.high) if price else None
        priced = f"{price.confidence} {price.as_of}" if price and each else ""
    dollars = None if each is None else each * count
    try:
        own = prefill.rates(accelerator, count, efficiency_of(accelerator), dtype)
    except UsageError as error:
        return Machine(name, usd_per_hour=dollars, priced=priced, reason=str(error))
    return Machine(name, own, prefill.planned(accelerator, count, dtype=dtype), dollars, priced)


PREFILL = {
    "model": pl.String, "measure": pl.String, "tokens": pl.Int64, "cached_tokens": pl.Int64, "flop_cold": pl.Float64,
    "flop_cached": pl.Float64, "attention_share_cold": pl.Float64, "attention_share_cached": pl.Float64,
    "crossing_tokens": pl.Int64, "machine": pl.String, "cold_s": pl.Float64, "cached_s": pl.Float64,
    "kernels_cold_s": pl.Float64, "kernels_cached_s": pl.Float64, "usd_per_million_cold": pl.Float64,
    "usd_per_million_cached": pl.Float64, "priced": pl.String, "attention_bytes_standard": pl.Float64,
    "attention_bytes_tiled": pl.Float64, "confidence": pl.String, "reason": pl.String,
}  # fmt: skip


CACHED = tuple(name for name in PREFILL if "cached" in name)
"""What is not known of a log that holds lengths only."""


def given_prefill(kv: KvAsk, tokens: int, cached: int, usd_per_hour: float | None = None) -> pl.DataFrame:
    """A row per model for one prompt, without a log."""
    own = machine(kv, usd_per_hour)
    rows = [row for model in kv.models for row in _rows(kv, own, model, [(tokens, cached)], (("given", 1.0),))]
    return pl.DataFrame(rows, schema=PREFILL, orient="row")


def prefill_table(scene: Scene, ask: CapacityAsk) -> pl.DataFrame:
    """Quantiles over prompts, each column by itself, and the sum of all, on the model of the scene. What is cached is
    what the named memory reads of a prompt, else all that was seen before."""
    size = scene.room if scene.room is not None else scene.curve.full
    read = capacity.by_request(scene.reuse, size)[1].tolist()
    prompts = [(scene.pool.tokens(row), min(read[row], scene.pool.tokens(row))) for row in scene.chosen]
    rows: list[tuple[object, ...]] = []
    if prompts:
        kv = scene.pair.ask
        rows = _rows(kv, machine(kv, ask.usd_per_hour), scene.pair.model, prompts, (*QUANTILES, ("all", None)))
    frame = pl.DataFrame(rows, schema=PREFILL, orient="row")
    return frame if scene.told else frame.with_columns(pl.lit(None, frame[name].dtype).alias(name) for name in CACHED)


def _rows(
    kv: KvAsk, own: Machine, model: Architecture, prompts: Sequence[tuple[int, int]],
    measures: Sequence[tuple[str, float | None]],
) -> list[tuple[object, ...]]:  # fmt: skip
    """A row per measure of prompts of (tokens, cached): a quantile, or (None) the sum."""
    sizes: list[list[float]] = [[float(total) for total, _ in prompts], [float(read) for _, read in prompts]]
    try:
        cold = [prefill.work(model, total) for total, _ in prompts]
        warm = [prefill.work(model, total, read) for total, read in prompts]
    except UsageError as error:
        return [(
            model.id, name, *(_whole(values, share) for values in sizes), *[None] * 5, own.name, *[None] * 6,
            own.priced, None, None, model.params_confidence, str(error),
        ) for name, share in measures]  # fmt: skip
    times = _times(kv, own, model, prompts)
    moved = [prefill.traffic(model, total, read) for total, read in prompts]
    rows: list[tuple[object, ...]] = []
    for name, share in measures:
        tokens = _whole(sizes[0], share)
        spent = [_summed(values, share) for values in times]
        dollars = [_dollars(elapsed, own, tokens) for elapsed in spent[:2]]
        rows.append((
            model.id, name, tokens, _whole(sizes[1], share), _summed([one.total for one in cold], share),
            _summed([one.total for one in warm], share), _share(cold, share), _share(warm, share),
            prefill.crossing(model), own.name, *spent, *dollars, own.priced if dollars[0] is not None else "",
            _summed([one.standard for one in moved], share), _summed([one.tiled for one in moved], share),
            model.params_confidence, own.reason,
        ))  # fmt: skip
    return rows


def _summed(values: Sequence[float], share: float | None) -> float | None:
    """The quantile, or the sum; None of nothing."""
    if share is None and values:
        return sum(values)
    return quantile(values, share or 0.0)


def _whole(values: Sequence[float], share: float | None) -> int:
    return round(_summed(values, share) or 0.0)


def _share(found: Sequence[prefill.Work], share: float | None) -> float | None:
    """Attention's share: the quantile over prompts, or of all work together."""
    if share is not None:
        return quantile([one.share for one in found], share)
    both = sum(one.gemm + one.attention for one in found)
    return sum(one.attention for one in found) / both if both else None


def _dollars(elapsed: float | None, own: Machine, tokens: int) -> float | None:
    if elapsed is None or own.usd_per_hour is None:
        return None
    return prefill.usd_per_million(elapsed, own.usd_per_hour, tokens)


def _times(
    kv: KvAsk, own: Machine, model: Architecture, prompts: Sequence[tuple[int, int]]
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Seconds of each prompt with nothing cached and with the cache, planned and by measured kernels; empty where they
    are not known."""
    found: list[list[float]] = [[], [], [], []]
    for place, speed in enumerate((own.plan, own.kernels)):
        if speed is not None:
            time = timer(kv, model, speed)
            found[2 * place] = [time(total, 0) for total, _ in prompts]
            found[2 * place + 1] = [time(total, read) for total, read in prompts]
    return found[0], found[1], found[2], found[3]


def timer(kv: KvAsk, model: Architecture, speed: Rates) -> Callable[[int, int], float]:
    """time(tokens, cached): computing them, no faster than the weights that they touch can be read."""
    parameters = model.total_params or 0
    weights = kv.weights_memory if kv.weights_memory is not None else int(parameters * kv.weights.bytes_per_parameter)

    def time(tokens: int, cached: int) -> float:
        read = prefill.weights_read(model, tokens - cached, weights)
        return prefill.seconds(prefill.work(model, tokens, cached), speed, read)

    return time


def quantile(values: Sequence[float], share: float) -> float | None:
    """The ceil(share x n)-th smallest; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else None
