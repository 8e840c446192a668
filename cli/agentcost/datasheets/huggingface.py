"""The geometry of a model from its Hugging Face config.json, by the fields that say how each layer keeps its cache.

    {"model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, ...}

Only what the file says counts, not a library's class defaults. Where a field that decides is missing, it is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agentcost.datasheets.architecture import Architecture, GroupKind, LayerGroup
from agentcost.datasheets.configs import HIDDEN, KV_HEADS, QUERY_HEADS, Config
from agentcost.datasheets.reading import Toml
from agentcost.errors import AgentcostError, UsageError

TYPES: dict[str, str] = {
    "full_attention": "full", "attention": "full", "*": "full", "full": "full",
    "sliding_attention": "swa", "chunked_attention": "chunked",
    "linear_attention": "linear", "mamba": "mamba", "M": "mamba", "m": "mamba", "mamba2": "mamba",
    "mlp": "none", "moe": "none", "-": "none", "E": "none", "no_op": "none",
}  # fmt: skip
"""What configs call a layer, and how it keeps its cache."""

SLIDING = ("mistral", "mixtral", "phi3", "starcoder2")
"""Model types whose every layer slides where `sliding_window` is set; of others without a pattern, none does."""

PATTERNS = {"gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4, "gpt_oss": 2}
"""Model types of which every n-th layer is full and the others slide, where the file does not say so itself."""

MAMBA1 = ("jamba", "mamba", "falcon_mamba")

FP32, BF16 = 4, 2


def architecture_from(path: Path) -> Architecture:
    """The geometry that a config.json describes. AgentcostError where it is none, UsageError for a missing field."""
    try:
        fields: Toml = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise AgentcostError(f"--hf-config {path}: cannot be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise AgentcostError(f"--hf-config {path}: no config.json ({error})") from error
    if not isinstance(fields, dict):
        raise AgentcostError(f"--hf-config {path}: no config.json (it holds no object)")
    return architecture(fields, str(path))


def architecture(fields: dict[str, Toml], name: str) -> Architecture:
    """The geometry that the fields of a config.json describe; of a model with vision, that of its text."""
    outer = Config(name, fields)
    inner = next((outer.inner(key) for key in ("text_config", "llm_config", "language_config") if key in fields), None)
    config = Config(name, {**fields, **inner.fields}) if inner and inner.fields else outer
    config = Config(name, {key: value for key, value in config.fields.items() if value is not None})
    groups = tuple(_merged([*_groups(config)]))
    return Architecture(
        id=outer.text("_name_or_path").rstrip("/").rsplit("/", 1)[-1] or Path(name).parent.name or Path(name).name,
        hidden_size=config.must(*HIDDEN),
        num_layers=config.layers,
        num_attention_heads=config.number(*QUERY_HEADS) or 0,
        layer_groups=groups,
        source=f"config.json of the user, model_type {config.text('model_type') or 'not said'}",
        checked="",
        confidence="",
        vocab_size=config.number("vocab_size"),
        tie_word_embeddings=config.fields.get("tie_word_embeddings") is True,
        max_context=config.number("max_position_embeddings", "n_positions"),
        mtp_layers=config.number("num_nextn_predict_layers") or 0,
    )


def _groups(config: Config) -> Iterator[LayerGroup]:
    """The layers of a model, in order of their kinds."""
    if config.array("compress_ratios"):
        yield from _compressed(config)
        return
    if config.array("block_configs"):
        yield from _searched(config)
        return
    kinds = Counter(_kinds(config))
    shared = config.number("num_kv_shared_layers") or 0
    if shared:
        kinds = Counter(_kinds(config)[: config.layers - shared])
        kinds["none"] += shared
    for kind, count in kinds.items():
        yield _group(config, kind, count)
    yield from _index(config, kinds["full"])


def _kinds(config: Config) -> list[str]:
    """How each layer keeps its cache: full, swa, chunked, linear, mamba or none."""
    for name in ("layer_types", "layers_block_type"):
        listed = config.array(name)
        if listed:
            return [_kind(config, name, str(one)) for one in listed[: config.layers]]
    pattern = config.text("hybrid_override_pattern")
    if pattern:
        return [_kind(config, "hybrid_override_pattern", letter) for letter in pattern[: config.layers]]
    return _by_rule(config)


def _kind(config: Config, field: str, word: str) -> str:
    if word not in TYPES:
        raise UsageError(f"--hf-config {config.name}: {field} has {word!r}, whose cache is not known")
    return TYPES[word]


def _by_rule(config: Config) -> list[str]:
    """The layers of a file that lists none: by its numbers, as the model's own code reads them."""
    layers, kind = config.layers, config.text("model_type")
    linear = config.inner("linear_attn_config")
    if linear.array("full_attn_layers"):  # counted from 1
        full = set(linear.array("full_attn_layers"))
        return ["full" if layer + 1 in full else "kda" for layer in range(layers)]
    if config.array("attn_type_list"):  # MiniMax-01: 1 is softmax, 0 lightning
        return ["full" if one == 1 else "lightning" for one in config.array("attn_type_list")[:layers]]
    if config.array("hybrid_layer_pattern"):  # MiMo: 1 slides
        return ["swa" if one == 1 else "full" for one in config.array("hybrid_layer_pattern")[:layers]]
    every = config.number("full_attention_interval")
    if every:
        return ["full" if (layer + 1) % every == 0 else "linear" for layer in range(layers)]
    period = config.number("attn_layer_period")
    if period:
        offset = config.number("attn_layer_offset") or 0
        return ["full" if layer % period == offset else "mamba" for layer in range(layers)]
    if config.number("attention_chunk_size") and kind.startswith("llama4"):
        every = config.number("nope_layer_interval") or 4
        return ["full" if (layer + 1) % every == 0 else "chunked" for layer in range(layers)]
    return _windows(config, layers, kind)


def _windows(config: Config, layers: int, kind: str) -> list[str]:
    """Which layers slide. A `sliding_window` that is there need not be used."""
    window = config.number("sliding_window")
    every = config.number("sliding_window_pattern") or PATTERNS.get(kind)
    if window and every:
        return ["full" if (layer + 1) % every == 0 else "swa" for layer in range(layers)]
    if window and config.fields.get("use_sliding_window") is True:
        first = config.number("max_window_layers") or 0
        return ["full" if layer < first else "swa" for layer in range(layers)]
    return ["swa" if window and kind in SLIDING else "full"] * layers


def _group(config: Config, kind: str, count: int) -> LayerGroup:
    """`count` layers of a kind."""
    if kind == "none":
        return LayerGroup("none", count)
    if kind in ("linear", "kda", "mamba", "lightning"):
        return _recurrent(config, kind, count)
    if kind == "full" and config.number("kv_lora_rank"):
        return LayerGroup(
            "mla", count, kv_lora_rank=config.must("kv_lora_rank"), qk_rope_head_dim=config.must("qk_rope_head_dim"),
            qk_nope_head_dim=config.number("qk_nope_head_dim") or 0, v_head_dim=config.number("v_head_dim") or 0,
            sparse_topk=config.number("index_topk") or 0,
        )  # fmt: skip
    return _with_heads(config, kind, count)


def _with_heads(config: Config, kind: str, count: int) -> LayerGroup:
    """Layers that keep keys and values of heads; window layers may have heads and sizes of their own."""
    own = ("swa_num_key_value_heads",) if kind == "swa" else ("num_global_key_value_heads",)
    heads = config.number(*own, *KV_HEADS)
    if heads is None and config.fields.get("multi_query") is True:
        heads = 1
    if heads is None:
        heads = config.must(KV_HEADS[0]) if _modern(config) else config.must(*QUERY_HEADS)
    dims = ("swa_head_dim",) if kind == "swa" else ("global_head_dim",)
    size = config.number(*dims, "head_dim", "attention_head_dim")
    if size is None:
        size = config.must(*HIDDEN) // config.must(*QUERY_HEADS)
    values = config.number("swa_v_head_dim" if kind == "swa" else "v_head_dim", "v_head_dim") or 0
    found: GroupKind = "swa" if kind == "swa" else "chunked" if kind == "chunked" else "full"
    window = 0
    if found != "full":
        window = config.must("attention_chunk_size") if found == "chunked" else config.must("sliding_window")
    return LayerGroup(found, count, num_kv_heads=heads, head_dim=size, v_head_dim=values, window=window)


def _modern(config: Config) -> bool:
    """Whether a file that names no KV heads lacks them: older models (GPT-2, Llama) have as many as query heads."""
    return config.text("model_type") not in (
        "gpt2",
        "gptj",
        "gpt_neox",
        "opt",
        "bloom",
        "llama",
        "mpt",
        "stablelm",
        "phi",
    )


def _index(config: Config, layers: int) -> Iterator[LayerGroup]:
    """The index keys beside sparse MLA layers."""
    if not config.number("index_head_dim", "index_topk"):
        return
    if not config.number("kv_lora_rank"):
        raise UsageError(f"--hf-config {config.name}: index_head_dim, and which layers keep index keys is not said")
    owners = _index_owners(config, layers)
    yield LayerGroup(
        "indexer",
        owners,
        index_head_dim=config.must("index_head_dim"),
        index_n_heads=config.number("index_n_heads") or 0,
        index_topk=config.must("index_topk"),
        allocated_count=layers if owners < layers else 0,
    )


def _index_owners(config: Config, layers: int) -> int:
    """How many layers own index keys: those listed as `full`, or the first few and every n-th after them."""
    types = config.array("indexer_types")[: config.layers]
    if types:
        return sum(one == "full" for one in types)
    every, first = config.number("index_topk_freq") or 1, config.number("index_skip_topk_offset") or 0
    return first + (layers - first) // every if every > 1 else layers


def _recurrent(config: Config, kind: str, count: int) -> LayerGroup:
    """Layers with a constant state: fp32 state, bf16 tail of the convolution."""
    if kind == "kda":
        own = config.inner("linear_attn_config")
        heads, size, kernel = own.must("num_heads"), own.must("head_dim"), own.number("short_conv_kernel_size") or 4
        state = heads * size * size * FP32 + 3 * heads * size * (kernel - 1) * BF16
        return LayerGroup("kda", count, num_heads=heads, head_dim=size, conv_kernel=kernel, state_bytes=state)
    if kind == "lightning":
        heads, size = config.must(*QUERY_HEADS), config.must("head_dim")
        return LayerGroup("lightning", count, num_heads=heads, head_dim=size, state_bytes=heads * size * size * FP32)
    return _gated_delta(config, count) if kind == "linear" else _mamba(config, count)


def _gated_delta(config: Config, count: int) -> LayerGroup:
    keys, key = config.must("linear_num_key_heads"), config.must("linear_key_head_dim")
    values, value = config.must("linear_num_value_heads"), config.must("linear_value_head_dim")
    kernel = config.number("linear_conv_kernel_dim") or 4
    state = values * key * value * FP32 + (2 * keys * key + values * value) * (kernel - 1) * BF16
    return LayerGroup(
        "gdn", count, num_k_heads=keys, k_head_dim=key, num_v_heads=values, v_head_dim=value, conv_kernel=kernel,
        state_bytes=state,
    )  # fmt: skip


def _mamba(config: Config, count: int) -> LayerGroup:
    kernel = config.number("mamba_d_conv", "conv_kernel") or 4
    size = config.must("ssm_state_size", "mamba_d_state")
    if config.text("model_type") in MAMBA1:
        inner = config.must(*HIDDEN) * (config.number("mamba_expand") or 2)
        state = inner * size * FP32 + inner * (kernel - 1) * BF16
        return LayerGroup("mamba1", count, inner_size=inner, state_size=size, conv_kernel=kernel, state_bytes=state)
    heads, dim = config.must("mamba_num_heads", "mamba_n_heads"), config.must("mamba_head_dim", "mamba_d_head")
    ranks = config.number("n_groups", "mamba_n_groups") or 1
    state = heads * dim * size * FP32 + (heads * dim + 2 * ranks * size) * (kernel - 1) * BF16
    return LayerGroup(
        "mamba2", count, num_heads=heads, head_dim=dim, state_size=size, n_groups=ranks, conv_kernel=kernel,
        state_bytes=state,
    )  # fmt: skip


def _compressed(config: Config) -> Iterator[LayerGroup]:
    """DeepSeek V4 and V4.1: a window and, by its ratio, compressed entries per layer."""
    ratios = [int(one) for one in config.array("compress_ratios") if isinstance(one, int)][: config.layers]
    sources = config.array("kv_source_layers")
    generation = "v4.1" if sources else ""
    indexed = set(config.array("index_source_layers"))
    dim, window = config.must("head_dim"), config.must("sliding_window")
    own = [ratio if not sources or layer in sources else 0 for layer, ratio in enumerate(ratios)]
    for layer, ratio in enumerate(own):
        index = config.must("index_head_dim") if (layer in indexed if sources else ratio == 4) and ratio else 0
        yield LayerGroup(
            "latent", 1, latent_dim=dim, window=window, ratio=ratio, generation=generation, index_head_dim=index,
            index_n_heads=(config.number("index_n_heads") or 0) if index else 0,
            index_topk=(config.number("index_topk") or 0) if index else 0,
            state_bytes=0 if sources else _compressor(ratio, dim, index),
        )  # fmt: skip


def _compressor(ratio: int, dim: int, index: int) -> int:
    """The decode state of V4's compressor in fp32: a ratio of 4 pools two strides, 128 pools one."""
    if not ratio:
        return 0
    pooled = 2 if ratio == 4 else 1
    return 2 * ratio * pooled * (dim + index) * FP32


def _searched(config: Config) -> Iterator[LayerGroup]:
    """Models found by search (Nemotron NAS): each block says whether and how it attends."""
    heads, dim = config.must(*QUERY_HEADS), config.number("head_dim")
    size = dim or config.must(*HIDDEN) // heads
    for block in config.array("block_configs")[: config.layers]:
        attention = block.get("attention") if isinstance(block, dict) else None
        per_group = attention.get("n_heads_in_group") if isinstance(attention, dict) else None
        if isinstance(per_group, int) and per_group > 0:
            yield LayerGroup("full", 1, num_kv_heads=heads // per_group, head_dim=size)
        else:
            yield LayerGroup("none", 1)


def _merged(groups: Sequence[LayerGroup]) -> Iterator[LayerGroup]:
    """Groups that differ in nothing but their count become one."""
    counts: dict[LayerGroup, int] = {}
    for group in groups:
        alike = replace(group, count=0, allocated_count=0)
        counts[alike] = counts.get(alike, 0) + group.count
    for alike, count in counts.items():
        allocated = next(g.allocated_count for g in groups if replace(g, count=0, allocated_count=0) == alike)
        yield replace(alike, count=count, allocated_count=allocated)
