"""KV bytes that attention needs for one sequence, summed over layer groups: never bytes per token times tokens.

>>> from agentcost.datasheets.models import architecture_of, format_of
>>> needed(stored(architecture_of("llama-3.1-8b"), format_of("bf16")), 98_304)
12884901888
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import msgspec

from agentcost.datasheets.architecture import RECURRENT, WINDOWED
from agentcost.kv.storage import ALONE, Layout, Stored, on_a_rank, stored

__all__ = ["Part", "fitting_tokens", "growing", "needed", "parts", "stored"]


class Part(msgspec.Struct, frozen=True):
    """The bytes of one layer group for a sequence, and by which formula. `resident` is below `bytes` for chunked
    attention only, which keeps the position inside its chunk.
    """

    kind: str
    layers: int
    format: str
    bytes: int
    resident: int
    grows: int
    formula: str


def needed(groups: Sequence[Stored], tokens: int, layout: Layout = ALONE) -> int:
    """Bytes on each accelerator for a sequence of so many tokens. It never falls with the tokens."""
    return sum(_bytes(on_a_rank(one, layout), _share(one, tokens, layout)) for one in groups)


def growing(groups: Sequence[Stored], tokens: int, layout: Layout = ALONE) -> int:
    """The part of `needed` that every token adds to: what sequences with the same beginning can share."""
    return sum(_growing(on_a_rank(one, layout), _share(one, tokens, layout)) for one in groups)


def parts(groups: Sequence[Stored], tokens: int, layout: Layout = ALONE) -> list[Part]:
    """`needed` by layer group; groups that keep nothing are left out."""
    rows = []
    for one in groups:
        own, count = on_a_rank(one, layout), _share(one, tokens, layout)
        total = _bytes(own, count)
        if total:
            rows.append(
                Part(own.group.kind, own.group.count, own.format, total, _resident(own, count), _growing(own, count),
                     formula(own))
            )  # fmt: skip
    return rows


def fitting_tokens(budget: int, footprint: Callable[[int], int], most: int = 1 << 40) -> int:
    """The longest sequence whose bytes fit, by bisection: a footprint is no straight line. 0 where none does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if footprint(middle) <= budget else (low, middle - 1)
    return low


def formula(one: Stored) -> str:
    """How the bytes of a group come about, with N for tokens: 32 x N x 8 x 512."""
    group = one.group
    if group.kind in RECURRENT:
        return f"{group.count} × {group.state_bytes:,}"
    if group.kind in WINDOWED:
        return f"{group.count} × min(N, {group.window:,}) × {one.heads} × {one.head_bytes:,}"
    if group.kind != "latent":
        heads = f"{one.heads} × " if one.heads > 1 else ""
        return f"{group.count} × N × {heads}{one.head_bytes:,}"
    window = f"min(N, {group.window}) × {one.window_bytes:,}"
    state = f" + {group.state_bytes:,}" if group.state_bytes else ""
    if not group.ratio:
        return f"{group.count} × ({window}{state})"
    return f"{group.count} × ({window} + ⌊N/{group.ratio}⌋ × {one.head_bytes + one.index_bytes:,}{state})"


def _share(one: Stored, tokens: int, layout: Layout) -> int:
    """The tokens that a rank holds: latents can be split along the sequence, index keys with them."""
    return ceil(tokens / layout.dcp) if one.group.kind in ("mla", "indexer") else tokens


def _bytes(one: Stored, tokens: int) -> int:
    group = one.group
    if group.kind in WINDOWED:
        return group.count * min(tokens, group.window) * one.entry
    fixed = min(tokens, group.window) * one.window_bytes if group.kind == "latent" else 0
    return _growing(one, tokens) + group.count * (fixed + (group.state_bytes if tokens else 0))


def _growing(one: Stored, tokens: int) -> int:
    group = one.group
    if group.kind == "latent":
        return group.count * (tokens // group.ratio * (one.entry + one.index_bytes) if group.ratio else 0)
    return group.count * tokens * one.entry if group.kind in ("full", "mla", "indexer") else 0


def _resident(one: Stored, tokens: int) -> int:
    group = one.group
    if group.kind != "chunked":
        return _bytes(one, tokens)
    inside = tokens % group.window or min(tokens, group.window)
    return group.count * inside * one.entry
