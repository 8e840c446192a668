"""The data on models and hardware is whole and sourced, names are found, and config.json gives the same geometry."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from agentcost.datasheets import hardware, models
from agentcost.datasheets.architecture import LayerGroup
from agentcost.datasheets.hardware import accelerator_named, efficiency_of, hardware_sheet
from agentcost.datasheets.huggingface import architecture, architecture_from
from agentcost.datasheets.models import architecture_of, format_of, model_sheet, weights_of
from agentcost.datasheets.reading import data_file
from agentcost.errors import AgentcostError, UsageError
from agentcost.kv.footprint import needed
from agentcost.kv.storage import stored

LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8,
}  # fmt: skip
DEEPSEEK = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128,
    "num_key_value_heads": 128, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
    "v_head_dim": 128, "num_nextn_predict_layers": 1,
}  # fmt: skip
GLM = DEEPSEEK | {
    "hidden_size": 6144, "num_hidden_layers": 78, "num_attention_heads": 64, "head_dim": 64, "index_head_dim": 128,
    "index_topk": 2048, "index_n_heads": 32,
}  # fmt: skip
QWEN_NEXT = {
    "hidden_size": 4096, "num_hidden_layers": 60, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 256,
    "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_num_value_heads": 64,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4,
}  # fmt: skip
MAMBA = {"ssm_state_size": 128, "mamba_num_heads": 128, "mamba_head_dim": 64, "n_groups": 8, "conv_kernel": 4}
V4 = {
    "model_type": "deepseek_v4", "hidden_size": 4096, "num_hidden_layers": 43, "num_attention_heads": 64,
    "head_dim": 512, "sliding_window": 128, "index_head_dim": 128, "index_topk": 512,
}  # fmt: skip

CONFIGS: list[tuple[str, dict[str, Any]]] = [
    ("llama-3.1-8b", LLAMA),
    ("qwen3-32b", LLAMA | {"hidden_size": 5120, "num_hidden_layers": 64, "num_attention_heads": 64, "head_dim": 128,
                           "sliding_window": 131_072, "use_sliding_window": False}),
    ("mistral-7b-v0.1", LLAMA | {"model_type": "mistral", "sliding_window": 4096}),
    ("mistral-7b-v0.2", LLAMA | {"model_type": "mistral", "sliding_window": None}),
    ("deepseek-v3", DEEPSEEK),
    ("deepseek-v3.2", DEEPSEEK | {"index_head_dim": 128, "index_topk": 2048}),
    ("glm-5.2", GLM | {"indexer_types": ["full"] * 3 + (["shared"] * 3 + ["full"]) * 18 + ["shared"] * 3}),
    ("glm-5.2", GLM | {"index_topk_freq": 4, "index_skip_topk_offset": 3}),
    ("deepseek-v4-flash", V4 | {"compress_ratios": [0, 0] + [4, 128] * 20 + [4] + [0]}),  # one draft entry
    ("deepseek-v4.1-flash", V4 | {"num_hidden_layers": 40, "compress_ratios": [0, 0] + [2] * 18 + [1] * 20,
                                  "kv_source_layers": [2, 8, 14, 20], "index_source_layers": [2, 8, 14, 20]}),
    ("gpt-oss-120b", {"model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 36, "head_dim": 64,
                      "num_attention_heads": 64, "num_key_value_heads": 8, "sliding_window": 128,
                      "layer_types": ["sliding_attention", "full_attention"] * 18}),
    ("gemma-3-27b", {"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "hidden_size": 5376, "num_hidden_layers": 62, "num_attention_heads": 32,
        "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024}}),
    ("gemma-4-31b", {"hidden_size": 5376, "num_hidden_layers": 60, "num_attention_heads": 32,
                     "num_key_value_heads": 16, "head_dim": 256, "num_global_key_value_heads": 4,
                     "global_head_dim": 512, "sliding_window": 1024,
                     "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 10}),
    ("gemma-3n-e4b", {"hidden_size": 2048, "num_hidden_layers": 35, "num_attention_heads": 8,
                      "num_key_value_heads": 2, "head_dim": 256, "sliding_window": 512, "num_kv_shared_layers": 15,
                      "layer_types": (["sliding_attention"] * 4 + ["full_attention"]) * 7}),
    ("llama-4-scout", {"model_type": "llama4", "text_config": {
        "model_type": "llama4_text", "hidden_size": 5120, "num_hidden_layers": 48, "num_attention_heads": 40,
        "num_key_value_heads": 8, "head_dim": 128, "attention_chunk_size": 8192}}),
    ("mimo-v2-flash", {"hidden_size": 4096, "num_hidden_layers": 48, "num_attention_heads": 64,
                       "num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128, "swa_num_key_value_heads": 8,
                       "swa_head_dim": 192, "sliding_window": 128, "hybrid_layer_pattern": [0] * 9 + [1] * 39}),
    ("qwen3.5-397b-a17b", QWEN_NEXT | {"full_attention_interval": 4}),
    ("qwen3.5-397b-a17b", QWEN_NEXT | {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 15}),
    ("kimi-linear-48b-a3b", DEEPSEEK | {
        "hidden_size": 2304, "num_hidden_layers": 27, "num_attention_heads": 32,
        "linear_attn_config": {"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "num_heads": 32, "head_dim": 128,
                               "short_conv_kernel_size": 4}}),
    ("nemotron-3-super-120b-a12b", MAMBA | {
        "hidden_size": 4096, "num_hidden_layers": 88, "num_attention_heads": 32, "num_key_value_heads": 2,
        "head_dim": 128, "hybrid_override_pattern": "MEMEMEMEM*E" * 8}),
    ("jamba-v0.1", {"model_type": "jamba", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
                    "num_key_value_heads": 8, "attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_state": 16,
                    "mamba_d_conv": 4, "mamba_expand": 2}),
    ("llama-3.3-nemotron-super-49b", {
        "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
        "block_configs": [{"attention": {"n_heads_in_group": 8}}] * 49 + [{"attention": {"no_op": True}}] * 31}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "config"), CONFIGS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(CONFIGS)])
def test_a_config_gives_the_geometry_of_the_table(model: str, config: dict[str, Any]) -> None:
    found = architecture(config, "config.json")
    for tokens in (1, 1_000, 98_304):
        for format_ in ("bf16", "fp8"):
            try:
                expected = needed(stored(architecture_of(model), format_of(format_)), tokens)
            except UsageError:
                continue
            assert needed(stored(found, format_of(format_)), tokens) == expected
    assert sum(group.count for group in found.layer_groups if group.kind != "indexer") == found.num_layers


def test_multi_head_models_name_no_kv_heads() -> None:
    found = architecture({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12}, "config.json")
    assert found.layer_groups == (LayerGroup("full", 12, num_kv_heads=12, head_dim=64),)


def test_multi_query_keeps_one_head() -> None:
    found = architecture(LLAMA | {"num_key_value_heads": None, "multi_query": True}, "config.json")
    assert found.layer_groups[0].num_kv_heads == 1


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "no num_hidden_layers"),
        ({key: value for key, value in LLAMA.items() if key != "hidden_size"}, "no hidden_size"),
        (LLAMA | {"model_type": "newer", "num_key_value_heads": None}, "no num_key_value_heads"),
        (LLAMA | {"num_hidden_layers": 0}, "no num_hidden_layers"),
        ({**DEEPSEEK, "qk_rope_head_dim": None}, "no qk_rope_head_dim"),
        (LLAMA | {"layer_types": ["sliding_attention"] * 32}, "no sliding_window"),
        (LLAMA | {"layer_types": ["new_attention"] * 32}, "'new_attention', whose cache is not known"),
        (LLAMA | {"index_head_dim": 128}, "which layers keep index keys is not said"),
        ({**QWEN_NEXT, "full_attention_interval": 4, "linear_num_value_heads": None}, "no linear_num_value_heads"),
    ],
)
def test_what_a_config_lacks_is_named(config: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        architecture(config, "config.json")


def test_a_config_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "llama" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps(LLAMA))
    assert architecture_from(file).id == "llama"
    file.write_text("[1")
    with pytest.raises(AgentcostError, match=r"no config\.json"):
        architecture_from(file)
    with pytest.raises(AgentcostError, match="cannot be read"):
        architecture_from(tmp_path)


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("llama-3.1-8b", "llama-3.1-8b"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.1-70b"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("accounts/fireworks/models/deepseek-v3p1", "deepseek-v3"),
        ("zai.glm-4.6", "glm-4.6"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("qwen/qwen3-next-80b-a3b-thinking", "qwen3-next-80b-a3b"),
        ("kimi-k2-0905", "kimi-k2"),
        ("moonshotai/Kimi-K2.5", "kimi-k2.5"),
        ("mistral-large-2411", "mistral-large-2407"),
    ],
)
def test_names_are_found_as_providers_write_them(name: str, model: str) -> None:
    assert architecture_of(name).id == model


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lama-3.1-8", "did you mean llama-3.1-8b"),
        ("deepseek-chat", "no such model"),  # a moving name is never mapped
        ("mistral-large-2512", "no such model"),
        ("glm-4.5-air", "not modelled: different geometry from GLM-4.5"),
        ("claude-opus-5", "no such model"),
    ],
)
def test_unknown_names_list_near_ones(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        architecture_of(name)


def test_every_alias_leads_to_its_model() -> None:
    for model in model_sheet().architectures.values():
        assert {architecture_of(alias).id for alias in (model.id, *model.aliases)} == {model.id}


@pytest.mark.parametrize(
    ("look_up", "name", "told"),
    [
        (format_of, "fp9", "--kv-dtype fp9: no such KV format; did you mean fp8"),
        (format_of, "zzz", "there are bf16, fp8"),
        (weights_of, "bf17", "did you mean bf16"),
        (accelerator_named, "h10", "did you mean h100-sxm"),
        (accelerator_named, "zzz", "there are a100-sxm-80gb"),
    ],
)
def test_unknown_formats_and_accelerators(look_up: Any, name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        look_up(name)


def test_engine_flags_are_names() -> None:
    for flag, name in (("fp8_e4m3", "fp8"), ("auto", "bf16"), ("fp4_e2m1", "nvfp4"), ("INT8", "int8_per_token_head")):
        assert format_of(flag).name == name
    assert accelerator_named("H100").id == "h100-sxm"


# --- the data ------------------------------------------------------------------------------------------------------


def test_everything_has_a_source_and_a_date() -> None:
    sheets = (model_sheet(), hardware_sheet())
    entries = [
        *sheets[0].architectures.values(), *sheets[0].formats.values(), *sheets[0].records.values(),
        *sheets[0].weights.values(), *sheets[1].accelerators.values(), *sheets[1].efficiencies,
        *sheets[1].tiers.values(), *sheets[1].prices.values(),
    ]  # fmt: skip
    assert len(entries) > 140
    for entry in entries:
        assert entry.source, entry
        assert entry.checked.startswith("2026-"), entry
        assert entry.confidence in ("SRC", "CALC", "2ND", "UNV"), entry


def test_every_price_is_of_a_known_accelerator() -> None:
    assert set(hardware_sheet().prices) <= set(hardware_sheet().accelerators)


def test_efficiencies_fall_back_to_the_planning_default() -> None:
    assert efficiency_of(accelerator_named("h200")).arch == "hopper"
    assert efficiency_of(accelerator_named("mi300x")).arch == "default"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": ""}, "model llama-3.1-8b: no source"),
        ({"checked": ""}, "model llama-3.1-8b: no checked"),
        ({"hidden_sizes": 1}, "unknown hidden_sizes"),
        ({"num_layers": 33}, "32 layers, not 33"),
        ({"layer_groups": [{"kind": "fuller", "count": 32}]}, "model llama-3.1-8b: Invalid enum value"),
        ({"id": "llama-3.1-70b"}, "two entries of one id"),
    ],
)
def test_a_broken_model_is_refused(change: dict[str, Any], told: str) -> None:
    tables: Any = deepcopy(data_file("models.toml"))
    tables["model"][0].update(change)
    with pytest.raises(ValueError, match=told):
        models.parse(tables)


def test_a_format_names_records_that_are_there() -> None:
    tables: Any = deepcopy(data_file("models.toml"))
    tables["record"] = [row for row in tables["record"] if row["name"] != "fp8_ds_mla"]
    with pytest.raises(ValueError, match="no record fp8_ds_mla"):
        models.parse(tables)


def test_broken_hardware_is_refused() -> None:
    tables: Any = deepcopy(data_file("hardware.toml"))
    tables["accelerator"][0]["memory"] = 1
    with pytest.raises(ValueError, match="accelerator a100-sxm-80gb: unknown memory"):
        hardware.parse(tables)
