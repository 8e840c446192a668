"""The report on prefill: what prompts take to compute, with and without a cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import (
    UNKNOWN,
    currency,
    elapsed,
    exact,
    flop,
    percent,
    three_digits,
    tokens,
)
from agentcost.views.layout import Column, Table, quiet, title

Row = dict[str, Any]

MEASURES = {"given": "prompt", "p50": "median", "p90": "p90", "p99": "p99", "max": "largest", "all": "all"}

LIGHTHOUSE = (
    "No speed-up of IO-aware attention is applied: kernel rates hold it already, and the FLOP are the same. The "
    "1.4-1.7x at 98k is Lighthouse Attention's (arXiv 2605.06554): the time of pre-training a 530M model against "
    "cuDNN, which is IO-aware itself. Inference is unchanged by it."
)


def prefill(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """FLOP, attention's share, time to the first token and dollars, of quantiles of the log's prompts or of one."""
    rows = analysis.tables["prefill"].to_dicts()
    if not rows:
        return
    last = rows[-1]
    alone = last["measure"] == "given"
    named = len({row["model"] for row in rows}) == 1
    yield title(_answer(rows), width)
    first = [row["model"] for row in rows] if alone else [MEASURES[row["measure"]] for row in rows]
    timed = any(row["cold_s"] is not None for row in rows)
    read = any(row["cached_tokens"] for row in rows)
    columns = [
        Column("model" if alone else "prefill of", first, name=14),
        Column("tokens", [tokens(row["tokens"]) for row in rows]),
        *([Column("read", [tokens(row["cached_tokens"]) for row in rows], drop=3)] if read else []),
        *_twice("FLOP", [(flop(row["flop_cold"]), flop(row["flop_cached"])) for row in rows], read, 2 * timed),
        Column("attention", [percent(row["attention_share_cold"]) for row in rows], drop=1),
    ]
    if timed:
        columns += _twice("TTFT", [(elapsed(row["cold_s"]), elapsed(row["cached_s"])) for row in rows], read, 0)
    if any(row["usd_per_million_cold"] is not None for row in rows):
        prices = [(_dollars(row["usd_per_million_cold"]), _dollars(row["usd_per_million_cached"])) for row in rows]
        columns += _twice(f"{currency().sign}/M", prices, read, 1)
    yield Table(columns, width)
    yield from (quiet(line, width) for line in _notes(rows, named))


def _twice(name: str, cells: list[tuple[str, str]], read: bool, drop: int) -> list[Column]:
    """What prefill takes with nothing cached and, where anything is read, with the cache."""
    cold = [one for one, _ in cells]
    if not read:
        return [Column(name, cold, drop=drop)]
    return [Column(f"{name} cold", cold, drop=drop), Column(f"{name} cached", [other for _, other in cells], drop=drop)]


def _answer(rows: list[Row]) -> str:
    """All prompts together, or the one that was given on the first model."""
    alone = rows[-1]["measure"] == "given"
    row = rows[0] if alone else rows[-1]
    if row["flop_cold"] is None:
        return f"Prefill: {row['reason'] or UNKNOWN}"
    text = f"Prefill{'' if alone else ' of all prompts'} on {row['model']}: {flop(row['flop_cold'])}"
    if not row["cached_tokens"]:
        return f"{text}, {percent(row['attention_share_cold'])} of them attention"
    return f"{text} with nothing cached, {percent(row['flop_cached'], row['flop_cold'])} of that with the cache"


def _notes(rows: list[Row], named: bool) -> Iterator[str]:
    """What the times, the dollars and the traffic rest on."""
    row = rows[-1]
    if row["measure"] == "all":
        yield "median, p90, p99 and largest: of each column by itself, so a row is no single prompt."
    if row["cold_s"] is None:
        yield f"Times are unknown: {row['reason']}" if row["machine"] else "Times: name an --accelerator"
    else:
        yield (
            f"TTFT: computing alone on {row['machine']}, planned at half of the peak (unverified); at the rates of "
            f"measured kernels {percent(row['kernels_cold_s'], row['cold_s'], 0)} of it. No queue, no communication."
        )
    if row["usd_per_million_cold"] is not None:
        million = f"{currency().sign}/M"
        yield f"{million}: of input tokens, by accelerators ({row['priced']}) that compute nothing else and never wait."
    if named and row["crossing_tokens"]:
        yield (
            f"Attention outweighs the rest from {exact(row['crossing_tokens'])} tokens on. A hit rate understates what "
            "is left: new tokens attend to all."
        )
    if row["attention_bytes_standard"]:
        yield (
            f"Memory traffic of full attention: {_bytes(row['attention_bytes_tiled'])} in tiles (FlashAttention), "
            f"{_bytes(row['attention_bytes_standard'])} with the scores written out."
        )
    yield LIGHTHOUSE


def _bytes(count: float) -> str:
    unit, size = next((unit, size) for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 0)) if count >= size)
    return f"{three_digits(count / (size or 1e9))} {unit}"


def _dollars(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    shown = value * float(currency().rate)
    return f"{shown:.4f}" if shown < 0.1 else f"{shown:.3f}"
