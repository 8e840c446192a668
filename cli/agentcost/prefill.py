"""What computing a prompt takes: FLOP given its cached prefix, the share of attention, and the time on accelerators.

A cached prefix of p tokens saves the matrix products of p tokens, but the n - p new ones still attend to all n: their
attention is a difference of squares. A multiply-add is 2 FLOP. No speed-up of IO-aware attention is applied: measured
rates hold it already (views/prefill.py says where the often quoted 1.4-1.7x at 98k comes from: pre-training).

>>> from agentcost.datasheets.models import architecture_of
>>> round(work(architecture_of("llama-3.1-8b"), 98_304).share, 3)
0.649
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from agentcost.datasheets.architecture import Architecture, LayerGroup
from agentcost.datasheets.hardware import Accelerator, Efficiency
from agentcost.errors import UsageError

PLANNED = 0.5
"""End-to-end share of the peak to plan with (unverified): one measured time to first token calibrates it."""


class Work(msgspec.Struct, frozen=True):
    """FLOP of computing the tokens of a prompt behind its cached prefix: matrix products, attention (scores, values and
    the index of sparse attention), and the logits of the last token."""

    gemm: float
    attention: float
    logits: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.gemm + self.attention + self.logits

    @property
    def share(self) -> float:
        """Attention's share of matrix products and attention; 0 of nothing."""
        both = self.gemm + self.attention
        return self.attention / both if both else 0.0


def work(model: Architecture, tokens: int, cached: int = 0) -> Work:
    """FLOP of a prompt of so many tokens whose first `cached` are there already. UsageError where the parameters of the
    model are not known."""
    if not 0 <= cached <= tokens:
        raise UsageError(f"a prompt of {tokens:,} tokens cannot have {cached:,} of them cached; take 0 to {tokens:,}")
    fresh = tokens - cached
    costs = [_cost(model, group, tokens) for group in model.layer_groups]
    squares = sum(square for square, _ in costs) * (tokens * tokens - cached * cached)
    logits = 2.0 * (model.vocab_size or 0) * model.hidden_size if fresh else 0.0
    return Work(2.0 * gemm_params(model) * fresh, squares + sum(token for _, token in costs) * fresh, logits)


def gemm_params(model: Architecture) -> int:
    """Weights that multiply every token of a prompt: no embedding, no logits, of experts only those that are active."""
    if model.prefill_gemm_params is not None:
        return model.prefill_gemm_params
    if model.active_params is None or model.vocab_size is None:
        raise UsageError(f"{model.id}: its active parameters are not known, so its prefill cannot be computed")
    return model.active_params - model.vocab_size * model.hidden_size * (1 if model.tie_word_embeddings else 2)


def crossing(model: Architecture) -> int | None:
    """The cold prompt of which attention is half: from there on it outweighs the matrix products. None where attention
    grows with no square. Windows are left out, the fixed part of sparse attention is not."""
    square = fixed = 0.0
    for group in model.layer_groups:
        own, token = _cost(model, group, 1 << 40)
        square += own if group.kind not in ("chunked",) else 0.0
        fixed += token if group.sparse_topk else 0.0
    return max(0, round((2 * gemm_params(model) - fixed) / square)) if square else None


def decode(model: Architecture, context: int) -> float:
    """FLOP of one more token behind so many. UsageError where the active parameters are not known."""
    if model.active_params is None:
        raise UsageError(f"{model.id}: its active parameters are not known, so its decoding cannot be computed")
    total = 2.0 * model.active_params
    for group in model.layer_groups:
        seen = min(context, group.sparse_topk or context)
        if group.kind == "mla":
            width = 2 * group.kv_lora_rank + group.qk_rope_head_dim
            total += 2.0 * group.count * model.num_attention_heads * width * seen
        else:
            square, token = _cost(model, group, context)
            total += 2.0 * square * context + token
    return total


Cost = tuple[float, float]
"""FLOP for each of n^2 - p^2, and for each new token."""


def _cost(model: Architecture, group: LayerGroup, tokens: int) -> Cost:
    price = _COSTS.get(group.kind)
    return price(model.num_attention_heads, group, tokens) if price else (0.0, 0.0)


def _full(heads: int, group: LayerGroup, tokens: int) -> Cost:
    width = heads * (group.head_dim + group.value_dim) * group.count
    return (0.0, 2.0 * width * min(group.sparse_topk, tokens)) if group.sparse_topk else (float(width), 0.0)


def _window(heads: int, group: LayerGroup, tokens: int) -> Cost:
    """The upper form, exact within the square of the window. A chunk is half full in the mean."""
    seen = min(group.window, tokens) * (0.5 if group.kind == "chunked" else 1.0)
    return 0.0, 2.0 * group.count * heads * (group.head_dim + group.value_dim) * seen


def _mla(heads: int, group: LayerGroup, tokens: int) -> Cost:
    """Latents are expanded for all pairs; sparse attention works on the latents of the tokens it has chosen."""
    if group.sparse_topk:
        width = 2 * group.kv_lora_rank + group.qk_rope_head_dim
        return 0.0, 2.0 * group.count * heads * width * min(group.sparse_topk, tokens)
    value = group.v_head_dim or group.qk_nope_head_dim
    return float(group.count * heads * (group.qk_nope_head_dim + group.qk_rope_head_dim + value)), 0.0


def _index(_: int, group: LayerGroup, __: int) -> Cost:
    return float(group.count * group.index_n_heads * group.index_head_dim), 0.0


def _latent(heads: int, group: LayerGroup, tokens: int) -> Cost:
    """A window, and of the compressed entries all, or those that an index chooses after scoring all."""
    pair = 2.0 * group.count * heads * 2 * group.latent_dim
    window = pair * min(group.window, tokens)
    if not group.ratio:
        return 0.0, window
    if group.index_topk:
        scored = group.count * group.index_n_heads * group.index_head_dim / group.ratio
        return scored, window + pair * min(group.index_topk, tokens // group.ratio)
    return pair / (2 * group.ratio), window


_COSTS: Mapping[str, Callable[[int, LayerGroup, int], Cost]] = {
    "full": _full, "swa": _window, "chunked": _window, "mla": _mla, "indexer": _index, "latent": _latent,
}  # fmt: skip
"""Recurrent layers have none: their state costs little next to the matrix products."""


# --- time ----------------------------------------------------------------------------------------------------------


class Rates(msgspec.Struct, frozen=True):
    """What a group of accelerators does in a second: FLOP of matrix products and of attention, bytes of memory."""

    gemm: float
    attention: float
    memory: float


def rates(accelerator: Accelerator, count: int, efficiency: Efficiency, dtype: str = "bf16") -> Rates:
    """What measured kernels reach, without communication. `dtype` is that of the matrix products: bf16, fp8, fp4.
    UsageError where the accelerator's peak for it is not known."""
    shares = {"bf16": efficiency.gemm_bf16, "fp8": efficiency.gemm_fp8, "fp4": efficiency.gemm_fp4}
    share = shares.get(dtype)
    peak, plain = accelerator.flops.get(dtype), accelerator.flops.get("bf16")
    if count < 1:
        raise UsageError(f"{count} accelerators compute nothing; take 1 or more")
    if peak is None or plain is None or share is None:
        known = ", ".join(name for name in shares if name in accelerator.flops and shares[name]) or "none"
        raise UsageError(f"{accelerator.id}: how fast it multiplies in {dtype} is not known (known: {known})")
    return Rates(
        count * peak * share, count * plain * efficiency.attention_bf16,
        count * accelerator.memory_bandwidth * efficiency.decode_bandwidth,
    )  # fmt: skip


def planned(accelerator: Accelerator, count: int, share: float = PLANNED, dtype: str = "bf16") -> Rates:
    """A flat share of the peaks of computing and reading: what a plan should use until a measured time says more.
    Attention stays in bf16."""
    peak, plain = accelerator.flops.get(dtype), accelerator.flops.get("bf16")
    if peak is None or plain is None:
        raise UsageError(f"{accelerator.id}: how fast it multiplies in {dtype} is not known")
    return Rates(count * peak * share, count * plain * share, count * accelerator.memory_bandwidth * share)


def seconds(found: Work, speed: Rates, weights: float = 0.0) -> float:
    """The roofline: the time to compute, or to read the bytes of the weights once, whichever is longer."""
    computed = (found.gemm + found.logits) / speed.gemm + found.attention / speed.attention
    return max(computed, weights / speed.memory)


def weights_read(model: Architecture, tokens: int, weights: int) -> float:
    """Bytes of weights that so many tokens touch: all of a dense model's; of experts those that some token chooses,
    if every token chooses at random."""
    if not model.total_params or not model.active_params or tokens < 1:
        return float(weights if tokens > 0 else 0)
    idle = max(0.0, 1 - model.active_params / model.total_params)
    return weights * (1 - idle**tokens)


def usd_per_million(elapsed: float, usd_per_hour: float, tokens: int) -> float | None:
    """Dollars per million input tokens that a prefill of so many seconds implies, on accelerators that do nothing else
    and are never idle. None of no tokens."""
    return elapsed / 3600 * usd_per_hour / tokens * 1e6 if tokens else None


# --- memory traffic of attention -----------------------------------------------------------------------------------

ON_CHIP = 114_688
"""Elements of bf16 in the 224 KiB of shared memory that an H100's multiprocessor leaves to one block."""


class Traffic(msgspec.Struct, frozen=True):
    """Bytes that attention moves through the accelerator's memory: with the scores written out, and in tiles."""

    standard: float
    tiled: float


def traffic(model: Architecture, tokens: int, cached: int = 0, element: int = 2) -> Traffic:
    """Of the layers that attend to everything. Scores are written and read twice; in tiles of the on-chip memory keys
    and values are read once for every tile of queries instead. The FLOP are the same."""
    fresh, standard, tiled = tokens - cached, 0.0, 0.0
    for key, value, layers in _dims(model):
        width = key + value
        heads = model.num_attention_heads * layers
        moved = heads * width * (fresh + tokens)
        rows = max(1, ON_CHIP // (2 * width))
        standard += moved + 4.0 * heads * fresh * tokens
        tiled += heads * width * fresh + heads * width * tokens * -(-fresh // rows)
    return Traffic(standard * element, tiled * element)


def _dims(model: Architecture) -> Iterator[tuple[int, int, int]]:
    """(key dims, value dims, layers) of every group that attends to everything."""
    for group in model.layer_groups:
        if group.sparse_topk:
            continue
        if group.kind == "full":
            yield group.head_dim, group.value_dim, group.count
        elif group.kind == "mla":
            value = group.v_head_dim or group.qk_nope_head_dim
            yield group.qk_nope_head_dim + group.qk_rope_head_dim, value, group.count
