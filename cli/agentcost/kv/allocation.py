"""KV bytes that an engine sets aside for one sequence: whole pages, one page size for all layers, padding.

vLLM's hybrid pool: 10 full and 20 window layers, block 16, window 32, 112 tokens: 7 + 2 + 2 blocks of 10 layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec

from agentcost.datasheets.architecture import RECURRENT, WINDOWED
from agentcost.kv.footprint import needed
from agentcost.kv.storage import ALONE, Layout, Stored, on_a_rank


class Engine(msgspec.Struct, frozen=True):
    """How an engine cuts its cache: `block` tokens a page, `latent_block` for compressed latents.

    `state_block` is what a block of an attention layer beside recurrent ones is a multiple of (0: no common page);
    `states` how many recurrent states a request holds. `confidence` as in the data files.
    """

    name: str
    block: int
    latent_block: int
    state_block: int
    states: int
    source: str
    checked: str
    confidence: str


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("vllm", 16, 256, 128, 1, "vLLM 0.33.0, hybrid KV-cache design document", "2026-11-22", "SRC"),
        Engine("sglang", 1, 256, 0, 5, "aiconfigurator-core 0.12.0 (5 states a request); page of 1 token assumed",
               "2026-11-22", "UNV"),
    )
}  # fmt: skip
"""The engines whose allocation is known, by name."""


class Allocation(msgspec.Struct, frozen=True):
    """What a sequence takes on each accelerator: `blocks` of `block_tokens` tokens; None where pages differ."""

    bytes: int
    blocks: int | None
    block_tokens: int
    rule: str
    confidence: str


def allocated(groups: Sequence[Stored], tokens: int, engine: Engine, layout: Layout = ALONE) -> Allocation:
    """What the engine allocates for a sequence of so many tokens. It is never less than attention needs."""
    rows = [on_a_rank(one, layout) for one in groups if one.group.kind != "none"]
    kinds = {one.group.kind for one in rows}
    if "latent" in kinds:
        return _latents(rows, tokens, engine)
    if kinds & set(RECURRENT):
        return _recurrent(rows, tokens, engine, layout)
    if kinds & set(WINDOWED):
        return _windows(rows, tokens, engine)
    held = ceil(tokens / layout.dcp) if kinds & {"mla"} else tokens
    blocks = ceil(held / engine.block)
    page = engine.block * sum(one.allocated * one.entry for one in rows)
    return Allocation(blocks * page, blocks, engine.block, f"blocks of {engine.block} tokens", engine.confidence)


def _windows(rows: Sequence[Stored], tokens: int, engine: Engine) -> Allocation:
    """Full and window layers in groups of equally many, every group with a table of blocks of its own."""
    if not engine.state_block:
        return _pools(rows, tokens, engine)
    page = engine.block * max(one.entry for one in rows)
    counts: dict[tuple[str, int, int], int] = {}
    for one in rows:
        key = (one.group.kind, one.group.window, one.entry)
        counts[key] = counts.get(key, 0) + one.group.count
    width = min(counts.values())
    blocks = 0
    for (kind, window, entry), count in counts.items():
        held = min(tokens, window) if kind in WINDOWED else tokens
        per_page = page // entry // engine.block * engine.block
        blocks += ceil(count / width) * ceil(held / per_page)
    padding = sum(ceil(count / width) * width - count for count in counts.values())
    rule = f"groups of {width} layers" + f", {padding} of them padding" * bool(padding)
    same = len({entry for _, _, entry in counts}) == 1
    return Allocation(blocks * width * page, blocks, engine.block, rule, "SRC" if same else "CALC")


def _recurrent(rows: Sequence[Stored], tokens: int, engine: Engine, layout: Layout) -> Allocation:
    """The attention block grows until its page holds a recurrent state; states are padded to that page."""
    states = [one for one in rows if one.group.kind in RECURRENT]
    attention = [one for one in rows if one.group.kind not in RECURRENT]
    if not engine.state_block or not attention or any(one.group.kind in WINDOWED for one in attention):
        return _pools(rows, tokens, engine)
    entry = max(one.entry for one in attention)
    state = max(one.group.state_bytes for one in states)
    block = ceil(state / entry / engine.state_block) * engine.state_block
    held = ceil(tokens / layout.dcp) if any(one.group.kind == "mla" for one in attention) else tokens
    counts = sum(one.allocated for one in attention), sum(one.group.count for one in states)
    width = min(counts)
    blocks = ceil(counts[0] / width) * ceil(held / block) + ceil(counts[1] / width) * engine.states
    rule = f"attention blocks grow to {block:,} tokens, a page that holds a state"
    return Allocation(blocks * width * block * entry, blocks, block, rule, "2ND")


def _latents(rows: Sequence[Stored], tokens: int, engine: Engine) -> Allocation:
    """Blocks of 256 tokens hold 256/ratio entries, pages rounded up; the window is a page of its own."""
    blocks = ceil(tokens / engine.latent_block)
    total = 0
    for one in rows:
        group, entries = one.group, engine.latent_block // one.group.ratio if one.group.ratio else 0
        page = _up(entries * one.entry, one.page_multiple) + entries * one.index_bytes
        window = _up(min(tokens, group.window) * one.window_bytes, one.page_multiple)
        total += group.count * (blocks * page + window + (group.state_bytes if tokens else 0))
    rule = f"blocks of {engine.latent_block} tokens, pages rounded up"
    return Allocation(total, blocks, engine.latent_block, rule, "CALC")


def _pools(rows: Sequence[Stored], tokens: int, engine: Engine) -> Allocation:
    """A pool per kind of layer: tokens in pages, windows whole, several states a request."""
    up = _up(tokens, engine.block)
    total = needed(rows, up)
    more = sum(one.group.count * one.group.state_bytes for one in rows if one.group.kind in RECURRENT)
    total += (engine.states - 1) * more * bool(tokens)
    rule = f"a pool per kind of layer, {engine.states} states a request" if more else "a pool per kind of layer"
    return Allocation(total, None, engine.block, rule, engine.confidence)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
