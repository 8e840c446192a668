"""What a model keeps per token, layer group by layer group, and how formats store it.

LayerGroup(kind="full", count=32, num_kv_heads=8, head_dim=128)    of Llama-3.1-8B
"""

from __future__ import annotations

from math import ceil
from typing import Literal

import msgspec

GroupKind = Literal[
    "full", "swa", "chunked", "mla", "indexer", "latent", "gdn", "kda", "mamba1", "mamba2", "lightning", "none"
]

WITH_HEADS = ("full", "swa", "chunked")
WINDOWED = ("swa", "chunked")
RECURRENT = ("gdn", "kda", "mamba1", "mamba2", "lightning")

LATENT_ROPE = 64
"""The last dims of a compressed latent carry RoPE."""


class LayerGroup(msgspec.Struct, frozen=True):
    """Layers of one kind. Which fields matter depends on the kind: data/models.toml says how.

    Heads and dims count elements, `window` tokens, `ratio` tokens per compressed entry, `state_bytes` bytes per
    layer and sequence.
    """

    kind: GroupKind
    count: int
    num_kv_heads: int = 0
    head_dim: int = 0
    v_head_dim: int = 0
    window: int = 0
    kv_lora_rank: int = 0
    qk_rope_head_dim: int = 0
    qk_nope_head_dim: int = 0
    sparse_topk: int = 0
    index_head_dim: int = 0
    index_n_heads: int = 0
    index_topk: int = 0
    allocated_count: int = 0
    latent_dim: int = 0
    ratio: int = 0
    generation: str = ""
    state_bytes: int = 0
    num_heads: int = 0
    num_k_heads: int = 0
    k_head_dim: int = 0
    num_v_heads: int = 0
    state_size: int = 0
    n_groups: int = 0
    inner_size: int = 0
    conv_kernel: int = 0

    @property
    def value_dim(self) -> int:
        """The head dim of values: as of keys unless it is given."""
        return self.v_head_dim or self.head_dim


class Architecture(msgspec.Struct, frozen=True):
    """A model's geometry. None is unknown; `checked` is when the source was last read."""

    id: str
    hidden_size: int
    num_layers: int
    num_attention_heads: int
    layer_groups: tuple[LayerGroup, ...]
    source: str
    checked: str
    confidence: str
    aliases: tuple[str, ...] = ()
    vocab_size: int | None = None
    tie_word_embeddings: bool = False
    total_params: int | None = None
    active_params: int | None = None
    prefill_gemm_params: int | None = None
    params_confidence: str = ""
    max_context: int | None = None
    mtp_layers: int = 0
    kv_98304_bf16_bytes: int | None = None
    note: str = ""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of its layer groups."""
        return frozenset(group.kind for group in self.layer_groups)

    @property
    def hybrid(self) -> bool:
        """Whether some of its layers keep less than every token."""
        return bool(self.kinds & {*WINDOWED, *RECURRENT, "latent"})


class NotModelled(msgspec.Struct, frozen=True):
    """A model that is known by name only."""

    id: str
    reason: str
    checked: str


class PackedRecord(msgspec.Struct, frozen=True):
    """An entry of a latent or an index: `bits` per element, scales per `block` elements, the RoPE part apart."""

    name: str
    family: Literal["mla", "latent", "index"]
    bytes: int
    bits: int
    parts: str
    source: str
    checked: str
    confidence: str
    rope_bits: int | None = None
    block: int = 0
    scale_bytes: int = 0
    pad: int = 0
    page_multiple: int = 1

    def size(self, main: int, rope: int = 0) -> int:
        """Bytes of an entry of `main` elements and `rope` more with RoPE."""
        scaled, apart = (main, rope) if self.rope_bits is not None else (main + rope, 0)
        scales = ceil(scaled / self.block) * self.scale_bytes if self.block else 0
        return _bits(scaled, self.bits) + scales + _bits(apart, self.rope_bits or 0) + self.pad


class KvFormat(msgspec.Struct, frozen=True):
    """How an engine stores keys and values; data/models.toml says what the fields mean.

    `k_bits` 0: there is no layout for layers with heads. `accuracy` is the published caveat.
    """

    name: str
    flags: tuple[str, ...]
    accuracy: str
    source: str
    checked: str
    confidence: str
    aliases: tuple[str, ...] = ()
    k_bits: int = 0
    v_bits: int = 0
    k_extra: int = 0
    v_extra: int = 0
    block: int = 0
    block_scale_bytes: int = 0
    v_block_scale_bytes: int | None = None
    head_dims: tuple[int, ...] = ()
    expect_128: int | None = None
    expect_256: int | None = None
    boundary_layers_bf16: int = 0
    mla: str = ""
    mla_sparse: str = ""
    index_mla: str = ""
    index_full: str = ""
    latent: dict[str, tuple[str, str, str]] = {}
    accuracy_source: str = ""
    accuracy_confidence: str = ""
    note: str = ""

    def head_bytes(self, key_dim: int, value_dim: int) -> int:
        """Bytes of one KV head's key and value for one token, scales included."""
        own = _bits(key_dim, self.k_bits) + self.k_extra + _bits(value_dim, self.v_bits) + self.v_extra
        if self.block:
            values = self.block_scale_bytes if self.v_block_scale_bytes is None else self.v_block_scale_bytes
            own += (key_dim // self.block) * self.block_scale_bytes + (value_dim // self.block) * values
        return own + own % 2


class WeightsFormat(msgspec.Struct, frozen=True):
    """How weights are stored."""

    name: str
    bytes_per_parameter: float
    parts: str
    source: str
    checked: str
    confidence: str
    aliases: tuple[str, ...] = ()


def _bits(elements: int, bits: int) -> int:
    """Whole bytes that so many elements take."""
    return -(-elements * bits // 8)
