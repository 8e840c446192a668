"""KV footprints equal published sizes, formats take the bytes they are documented to, and laws hold for every model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.datasheets.architecture import Architecture, KvFormat, LayerGroup
from agentcost.datasheets.models import TYPICAL, TYPICAL_ONE, architecture_of, format_of, model_sheet
from agentcost.errors import UsageError
from agentcost.kv.allocation import ENGINES, allocated
from agentcost.kv.footprint import fitting_tokens, formula, growing, needed, parts
from agentcost.kv.storage import Layout, Stored, stored

GIB, MIB = 2**30, 2**20
SHEET = model_sheet()
VLLM = ENGINES["vllm"]
MODELS = st.sampled_from(sorted(SHEET.architectures))
FORMATS = st.sampled_from(sorted(SHEET.formats))
TOKENS = st.integers(0, 2_000_000)
LAYOUTS = st.builds(Layout, st.sampled_from([1, 2, 4, 8, 16]), st.booleans())


def groups(model: str, format_: str = "bf16", **more: bool) -> tuple[Stored, ...]:
    return stored(architecture_of(model), format_of(format_), **more)


def kv(model: str, tokens: int, format_: str = "bf16", layout: Layout | None = None, **more: bool) -> int:
    return needed(groups(model, format_, **more), tokens, layout or Layout())


def made(*layers: LayerGroup) -> Architecture:
    return Architecture("made", 4096, sum(group.count for group in layers), 32, layers, "here", "2026-11-22", "SRC")


def without_state(model: str, tokens: int) -> int:
    state = sum(group.count * group.state_bytes for group in architecture_of(model).layer_groups)
    return kv(model, tokens) - state


# --- published sizes: each to the tolerance of its source ----------------------------------------------------------

MILLION = 1_048_576
MHA = made(LayerGroup("full", 32, num_kv_heads=32, head_dim=128))
V2_LITE = made(LayerGroup("mla", 27, kv_lora_rank=512, qk_rope_head_dim=64))
RATIO_V4 = {"deepseek-v4-pro": (5_036, 0.10), "deepseek-v4-flash": (3_517, 0.07)}


@pytest.mark.parametrize(
    ("computed", "published", "tolerance"),
    [
        # 1-3: Insights into DeepSeek-V3, ISCA 2025, Table 1; Mooncake, FAST 2025, 5.3
        (kv("deepseek-v3", 1), 70_272, 0),
        (kv("qwen2.5-72b", 1), 327_680, 0),
        (kv("llama-3.1-405b", 1), 516_096, 0),
        (kv("llama-3.1-70b", 1), 320 * 1024, 0),
        # 4-6: vLLM blog 2026-04-24
        (kv("deepseek-v3.2", MILLION) / GIB, 83.9, 0.001),
        (without_state("deepseek-v4-pro", MILLION) / GIB, 9.62, 0.001),
        # 7: community notes
        (without_state("deepseek-v4-flash", MILLION) / GIB, 6.72, 0.002),
        # 11: vendor notes, one MTP layer more
        (kv("glm-5.2", MILLION, draft=True) / GIB, 94.4, 0.001),
        # 12: vLLM blog 2026-05-06, "about 3.8"
        (kv("kimi-k2.5", 100_000, "fp8") / 1e9, 3.8, 0.08),
        (kv("kimi-k2.5", 100_000, "fp8_ds_mla") / 1e9, 3.8, 0.08),
        # 13: Jamba paper
        (kv("jamba-v0.1", 262_144) - 28 * 573_440, 4 * GIB, 0),
        (kv("mixtral-8x7b", 262_144), 32 * GIB, 0),
        (needed(stored(MHA, format_of("bf16")), 262_144), 128 * GIB, 0),
        # 14, 15: vLLM issue 21348; keys alone are half
        (kv("qwen3-235b-a22b", 367_404, layout=Layout(4)) / 2 / GIB, 8.23, 0.001),
        (fitting_tokens(int(8.11 * GIB), lambda n: kv("qwen3-235b-a22b", n, layout=Layout(4))), 178_880, 0.012),
        # 16, 17: vLLM blog 2026-01-08, blocks of 16 and 64 tokens
        (kv("llama-3.1-8b", 16) / MIB, 2, 0),
        (kv("llama-3.1-70b", 16, layout=Layout(4)) / MIB, 1.25, 0),
        (kv("qwen3-32b", 16, layout=Layout(2)) / MIB, 2, 0),
        (kv("qwen3-4b", 16) / MIB, 2.25, 0),
        (kv("qwen2.5-7b", 16) / MIB, 0.87, 0.01),
        (needed(stored(V2_LITE, format_of("bf16")), 64) / MIB, 1.90, 0.01),
        # 18: LMCache documentation
        (kv("llama-3.1-8b", 1_002) / GIB, 0.1223, 0.001),
        # 21: geometry test of a port
        (growing(groups("deepseek-v4.1-flash"), 2), 2 * 3_200, 0),
    ],
)
def test_published_sizes(computed: float, published: float, tolerance: float) -> None:
    assert computed == pytest.approx(published, rel=tolerance, abs=0)


@pytest.mark.parametrize(("ratio", "exact", "published"), [(4, 320.125, 320.1), (128, 8.125, 8.1)])
def test_a_compressed_layer(ratio: int, exact: float, published: float) -> None:
    """Row 6, vLLM blog 2026-04-24: MiB of one layer at 1,048,576 tokens."""
    index = 128 if ratio == 4 else 0
    layer = made(LayerGroup("latent", 1, latent_dim=512, window=128, ratio=ratio, index_head_dim=index))
    found = needed(stored(layer, format_of("bf16")), MILLION) / MIB
    assert found == exact
    assert found == pytest.approx(published, rel=0.004)


@pytest.mark.parametrize("model", sorted(RATIO_V4))
def test_compressed_beside_sparse(model: str) -> None:
    """Rows 8 and 9, the V4 model card: 10 % and 7 % of V3.2; fp8 latents with an mxfp4 index."""
    bytes_a_token, published = RATIO_V4[model]
    state = sum(group.count * group.state_bytes for group in architecture_of(model).layer_groups)
    own = (kv(model, MILLION, "fp8") - state) / MILLION
    assert own == pytest.approx(bytes_a_token, abs=1)
    assert own / (kv("deepseek-v3.2", MILLION, "fp8") / MILLION) == pytest.approx(published, rel=0.06)


def test_the_shipped_form_of_v4_1() -> None:
    """Row 10, vLLM recipe: nvfp4 entries and mxfp4 index keys are 890 bytes a token."""
    assert growing(groups("deepseek-v4.1-flash", "nvfp4"), 2) == 2 * 890


@pytest.mark.parametrize(
    ("model", "format_", "times", "published"),
    [
        ("llama-3.1-70b", "turboquant_4bit_nc", 3.349, 3.4),
        ("llama-3.1-70b", "turboquant_k8v4", 2.417, 2.4),
        ("qwen3-30b-a3b", "turboquant_k8v4", 2.303, 2.3),
        ("qwen3-30b-a3b", "turboquant_3bit_nc", 3.760, 3.7),
    ],
)
def test_turboquant_keeps_four_layers_in_bf16(model: str, format_: str, times: float, published: float) -> None:
    """Row 19, vLLM blog 2026-05-11."""
    found = kv(model, 1_000) / kv(model, 1_000, format_)
    assert found == pytest.approx(times, abs=0.0006)
    assert found == pytest.approx(published, rel=0.02)


def test_turboquant_keeps_no_layer_of_a_hybrid() -> None:
    assert {one.format for one in groups("gpt-oss-120b", "turboquant_k8v4")} == {"turboquant_k8v4"}


@pytest.mark.parametrize(("format_", "mebibytes"), [("q8_0", 552.5), ("q4_0", 292.5)])
def test_llama_cpp_blocks(format_: str, mebibytes: float) -> None:
    """Row 20, llama.cpp pull request 21551: 1,040 MiB in f16."""
    tokens = 1_040 * MIB // 131_072
    assert kv("llama-3.1-8b", tokens, format_) == mebibytes * MIB


@pytest.mark.parametrize("model", sorted(SHEET.architectures))
def test_the_geometry_of_every_model(model: str) -> None:
    """What the loader computes at the reference length is what the sheet says."""
    assert kv(model, 98_304) == SHEET.architectures[model].kv_98304_bf16_bytes


@pytest.mark.parametrize(
    ("model", "growing_bytes", "window_bytes", "window", "constant"),
    [
        ("llama-4-scout", 49_152, 147_456, 8_192, 0),
        ("qwen3.5-397b-a17b", 30_720, 0, 0, 192_061_440),
        ("qwen3.5-27b", 65_536, 0, 0, 153_944_064),
        ("deepseek-v3.2", 85_888, 0, 0, 0),
        ("deepseek-v4-flash", 6_880, 44_032, 128, 11_345_920),
        ("deepseek-v4-pro", 9_848, 62_464, 128, 17_481_728),
        ("deepseek-v4.1-flash", 3_200, 40_960, 128, 0),
        ("kimi-k3", 27_648, 0, 0, 449_372_160),
        ("glm-5", 109_824, 0, 0, 0),
        ("glm-5.2", 95_232, 0, 0, 0),
        ("minimax-m3", 137_472, 0, 0, 0),
        ("gpt-oss-120b", 36_864, 36_864, 128, 0),
        ("gemma-3-27b", 81_920, 425_984, 1_024, 0),
        ("gemma-4-31b", 81_920, 819_200, 1_024, 0),
        ("mimo-v2-flash", 23_040, 199_680, 128, 0),
        ("nemotron-3-super-120b-a12b", 8_192, 0, 0, 170_229_760),
        ("mistral-small-4", 23_040, 0, 0, 0),
    ],
)
def test_growing_windowed_and_constant(
    model: str, growing_bytes: int, window_bytes: int, window: int, constant: int
) -> None:
    rows, tokens = groups(model), 12_800
    assert growing(rows, tokens) == growing_bytes * tokens
    assert needed(rows, tokens) == growing_bytes * tokens + window_bytes * min(window, tokens) + constant


@pytest.mark.parametrize(
    ("model", "bytes_a_token"),
    [("deepseek-v3.2", 48_068), ("deepseek-v4-flash", 3_514.25), ("deepseek-v4-pro", 5_031.4375)],
)
def test_fp8_with_its_index(model: str, bytes_a_token: float) -> None:
    assert growing(groups(model, "fp8"), 1_024) == bytes_a_token * 1_024


# --- formats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", SHEET.formats.values(), ids=SHEET.formats)
def test_bytes_of_a_head(format_: KvFormat) -> None:
    """The table of exact bytes for one KV head and token."""
    for dim, expected in ((128, format_.expect_128), (256, format_.expect_256)):
        if expected is not None:
            assert format_.head_bytes(dim, dim) == expected
    assert format_.k_bits == 0 or format_.expect_128 or format_.expect_256


@pytest.mark.parametrize(("format_", "expected"), [("int8", 136), ("int4", 72), ("turboquant_4bit", 70)])
def test_overheads_are_per_head(format_: str, expected: int) -> None:
    assert format_of(format_).head_bytes(64, 64) == expected


@pytest.mark.parametrize("name", SHEET.records)
def test_packed_records(name: str) -> None:
    record = SHEET.records[name]
    main, rope = {"mla": (512, 64), "latent": (448, 64), "index": (128, 0)}[record.family]
    assert record.size(main, rope) == record.bytes


@pytest.mark.parametrize(("format_", "bytes_"), [("fp8_ds_mla", 256 + 4 * 2 + 128), ("fp8", 320), ("bf16", 640)])
def test_records_of_another_rank(format_: str, bytes_: int) -> None:
    """Mistral Small 4 keeps a latent of rank 256."""
    assert kv("mistral-small-4", 1, format_) == 36 * bytes_


@pytest.mark.parametrize(
    ("model", "format_", "named"),
    [
        ("kimi-k2.5", "int4", "MLA layers"),
        ("kimi-k2.5", "lmdeploy_turboquant42", "MLA layers"),
        ("deepseek-v4-pro", "nvfp4", "compressed latents"),
        ("deepseek-v4.1-flash", "fp8", "compressed latents"),
        ("minimax-m3", "nvfp4", "index keys"),
        ("llama-3.1-8b", "fp8_ds_mla", "layers with KV heads"),
        ("llama-3.1-8b", "octave_k3v3", "head size 128"),
    ],
)
def test_what_is_not_documented_is_not_computed(model: str, format_: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        groups(model, format_)


def test_the_index_of_minimax_stays_bf16() -> None:
    assert kv("minimax-m3", 1, "fp8") == 60 * 4 * 256 + 57 * 256


def test_windows_can_stay_bf16() -> None:
    """vLLM's skip-layers flag: half of gpt-oss' layers slide."""
    assert kv("gpt-oss-20b", 1_000, "fp8", skip_windows=True) == 12 * 8 * (1_000 * 128 + 128 * 256)


def test_keys_and_values_of_two_formats() -> None:
    assert format_of("q8_0/q4_0").head_bytes(128, 128) == 136 + 72
    assert format_of("f16/q5_1").head_bytes(128, 128) == 256 + 96
    with pytest.raises(UsageError, match=r"only llama\.cpp takes two"):
        format_of("fp8/q4_0")


@pytest.mark.parametrize("format_", SHEET.formats.values(), ids=SHEET.formats)
def test_every_format_says_how_accurate_it_is(format_: KvFormat) -> None:
    assert format_.accuracy
    assert format_.accuracy_source or format_.accuracy in ("the reference", "not published")


# --- several accelerators ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tp", "times"),
    [
        ("llama-3.1-70b", 8, 1),  # 8 KV heads
        ("qwen3-30b-a3b", 8, 2),  # 4 KV heads, each on two ranks
        ("kimi-k2.5", 8, 8),  # a latent is replicated
        ("deepseek-v4-pro", 4, 4),
    ],
)
def test_tensor_parallel_replicates(model: str, tp: int, times: int) -> None:
    assert kv(model, 10_000, layout=Layout(tp)) * tp == times * kv(model, 10_000)


def test_states_are_split_by_heads() -> None:
    own = groups("qwen3.5-27b")  # 48 value heads
    assert needed(own, 0) == 0
    assert needed(own, 1, Layout(16)) == 16 * 1 * 1_024 + 48 * 3_207_168 // 16


def test_decode_context_parallel() -> None:
    """vLLM recipe: Kimi-K2-Thinking holds 715,072 tokens with TP8 and 5,721,088 with DCP8 besides, 8.0 times."""
    one = kv("kimi-k2.5", 715_072, layout=Layout(8))
    assert fitting_tokens(one, lambda n: kv("kimi-k2.5", n, layout=Layout(8, dcp=8))) == pytest.approx(
        5_721_088, rel=0.001
    )


def test_data_parallel_attention_keeps_whole_sequences() -> None:
    assert kv("kimi-k2.5", 10_000, layout=Layout(8, dp_attention=True)) == kv("kimi-k2.5", 10_000)


# --- what an engine allocates --------------------------------------------------------------------------------------


def test_the_hybrid_pool_of_the_design_document() -> None:
    """10 full and 20 window layers, block 16, window 32, 112 tokens: 7 + 2 + 2 blocks, each 10 layers wide."""
    model = made(
        LayerGroup("full", 10, num_kv_heads=8, head_dim=128),
        LayerGroup("swa", 20, num_kv_heads=8, head_dim=128, window=32),
    )
    found = allocated(stored(model, format_of("bf16")), 112, VLLM)
    assert found.blocks == 11
    assert found.bytes == 11 * 10 * 16 * 4_096


def test_gemma_gets_eight_padding_layers() -> None:
    found = allocated(groups("gemma-3-27b"), 16, VLLM)
    assert found.blocks == 7
    assert "groups of 10 layers, 8 of them padding" in found.rule


def test_the_attention_block_grows_to_hold_a_state() -> None:
    """Nemotron-3-Super: 4,224 tokens a block (2ND)."""
    found = allocated(groups("nemotron-3-super-120b-a12b"), 1, VLLM)
    assert found.block_tokens == 4_224
    assert found.blocks == 1 + 5


@pytest.mark.parametrize(("layers", "expected"), [("needed", 53_940), ("allocated", 61_464)])
def test_index_keys_on_every_layer(layers: str, expected: int) -> None:
    """GLM-5.2 owns index keys on 21 of 78 layers; some engines allocate them on all."""
    rows = groups("glm-5.2", "fp8")
    found = needed(rows, 16) if layers == "needed" else allocated(rows, 16, VLLM).bytes
    assert found == 16 * expected


def test_pages_of_v4_are_rounded_up() -> None:
    """A block of 256 tokens has 64 entries of 584 bytes (37,376, up to 37,440) or 2 (1,168, up to 1,728)."""
    rows = groups("deepseek-v4-flash", "fp8")
    more = allocated(rows, 512, VLLM).bytes - allocated(rows, 256, VLLM).bytes
    assert more == 21 * (37_440 + 64 * 68) + 20 * 1_728


def test_sglang_may_hold_five_states() -> None:
    """Kimi-K3: 5 x 449 MB = 2.25 GB."""
    found = allocated(groups("kimi-k3"), 1, ENGINES["sglang"])
    assert found.bytes - 27_648 == 5 * 449_372_160


# --- laws ----------------------------------------------------------------------------------------------------------


def documented(model: str, format_: str) -> tuple[Stored, ...]:
    """The model under the format, or under bf16 where that is not documented."""
    try:
        return groups(model, format_)
    except UsageError:
        return groups(model)


@given(MODELS, FORMATS, TOKENS, TOKENS, LAYOUTS)
def test_a_footprint_never_falls(model: str, format_: str, one: int, other: int, layout: Layout) -> None:
    rows = documented(model, format_)
    assert needed(rows, min(one, other), layout) <= needed(rows, max(one, other), layout)


@given(MODELS, FORMATS, TOKENS, LAYOUTS, st.sampled_from(sorted(ENGINES)))
def test_an_engine_allocates_at_least_what_is_needed(
    model: str, format_: str, tokens: int, layout: Layout, engine: str
) -> None:
    rows = documented(model, format_)
    assert allocated(rows, tokens, ENGINES[engine], layout).bytes >= needed(rows, tokens, layout)


@given(MODELS, TOKENS, st.sampled_from([2, 4, 8, 16]))
def test_ranks_together_hold_the_whole(model: str, tokens: int, tp: int) -> None:
    rows = groups(model)
    assert needed(rows, tokens, Layout(tp)) * tp >= needed(rows, tokens)


@given(MODELS, st.integers(0, 64 * GIB))
def test_bisection_inverts(model: str, budget: int) -> None:
    rows = groups(model)
    tokens = fitting_tokens(budget, lambda n: needed(rows, n), most=1 << 24)
    assert tokens == 0 or needed(rows, tokens) <= budget
    assert tokens == 1 << 24 or needed(rows, tokens + 1) > budget


@given(MODELS, FORMATS, TOKENS)
def test_parts_sum_to_the_whole(model: str, format_: str, tokens: int) -> None:
    rows = documented(model, format_)
    found = parts(rows, tokens)
    assert sum(part.bytes for part in found) == needed(rows, tokens)
    assert sum(part.grows for part in found) == growing(rows, tokens)
    assert all(0 <= part.resident <= part.bytes for part in found)


def test_a_chunk_keeps_the_position_inside_it() -> None:
    (_, chunked) = parts(groups("llama-4-scout"), 8_192 + 100)
    assert chunked.resident == 36 * 100 * 4_096
    assert chunked.bytes == 36 * 8_192 * 4_096


def test_formulas_are_said() -> None:
    assert [formula(one) for one in groups("gpt-oss-120b")] == [
        "18 × N × 8 × 256",
        "18 × min(N, 128) × 8 × 256",
    ]
    assert formula(groups("deepseek-v4-flash", "fp8")[0]) == "21 × (min(N, 128) × 584 + ⌊N/4⌋ × 652 + 40,960)"


def test_the_typical_models_are_known() -> None:
    assert {architecture_of(name).id for name in (*TYPICAL, TYPICAL_ONE)} == set(TYPICAL)
