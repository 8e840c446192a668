"""FLOP of prompts against the verification tables of the fact sheet, and what must hold for every model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.replacing import replace

from agentcost import prefill
from agentcost.datasheets.hardware import accelerator_named, efficiency_of
from agentcost.datasheets.models import architecture_of, model_sheet
from agentcost.errors import UsageError
from agentcost.prefill import Work, crossing, decode, planned, rates, seconds, traffic, work

COLD, PREFIX = 98_304, 96_256

SHARES = [
    ("llama-3.1-8b", 1.372, 2.533, 64.9, 53_248, 133.0, 78.5, 3.4),
    ("llama-3.1-70b", 13.458, 12.666, 48.5, 104_448, 802.6, 65.1, 3.1),
    ("llama-3.1-405b", 78.967, 39.899, 33.6, 194_560, 3_290.3, 50.0, 2.8),
    ("qwen3-32b", 6.135, 10.133, 62.3, 59_520, 545.6, 76.6, 3.4),
    ("qwen3-30b-a3b", 0.537, 3.800, 87.6, 13_888, 167.9, 93.3, 3.9),
    ("qwen3-235b-a22b", 4.118, 14.883, 78.3, 27_200, 699.5, 87.7, 3.7),
    ("qwen3-coder-480b-a35b", 6.607, 14.725, 69.0, 44_112, 744.8, 81.5, 3.5),
    ("deepseek-v3", 7.018, 24.145, 77.5, 28_575, 1_141.8, 87.2, 3.7),
    ("kimi-k2.5", 5.999, 12.073, 66.8, 48_847, 622.8, 79.9, 3.4),
    ("glm-4.6", 5.986, 21.849, 78.5, 26_933, 1_025.6, 87.8, 3.7),
    ("minimax-m2", 1.927, 7.362, 79.3, 25_728, 343.7, 88.3, 3.7),
    ("gpt-oss-120b", 0.895, 1.429, 61.5, 61_740, 77.5, 75.9, 3.3),
    ("gpt-oss-20b", 0.595, 0.952, 61.5, 61_605, 51.6, 76.0, 3.3),
    ("qwen3.5-397b-a17b", 3.010, 2.375, 44.1, 124_610, 160.6, 61.0, 3.0),
    ("qwen3.5-27b", 4.788, 1.900, 28.4, 247_707, 178.1, 44.0, 2.7),
    ("gemma-3-27b", 5.033, 0.877, 14.8, 624_960, 139.3, 24.7, 2.4),
]
"""GEMM and attention in PF, attention's share in %, where both are equal; of a suffix TF, share, and % of cold."""


@pytest.mark.parametrize(("name", "gemm", "attention", "share", "equal", "suffix", "late", "of_cold"), SHARES)
def test_attention_shares(
    name: str, gemm: float, attention: float, share: float, equal: int, suffix: float, late: float, of_cold: float
) -> None:
    model = architecture_of(name)
    cold, warm = work(model, COLD), work(model, COLD, PREFIX)
    assert (round(cold.gemm / 1e15, 3), round(cold.attention / 1e15, 3)) == (gemm, attention)
    assert round(100 * cold.share, 1) == share
    assert crossing(model) == equal
    both = warm.gemm + warm.attention
    assert round(both / 1e12, 1) == suffix
    assert round(100 * warm.share, 1) == late
    assert round(100 * both / (cold.gemm + cold.attention), 1) == of_cold


def test_sparse_attention_halves_the_work() -> None:
    model = architecture_of("deepseek-v3.2")
    cold = work(model, COLD)
    assert round(cold.gemm / 1e15, 2) == 7.19
    assert round(cold.attention / 1e15, 2) == round(4.83 + 3.42, 2)
    mla = tuple(replace(one, sparse_topk=0) for one in model.layer_groups if one.kind == "mla")
    dense = work(replace(model, layer_groups=mla), COLD)
    assert round((dense.gemm + dense.attention) / 1e15, 2) == 31.33
    assert round((cold.gemm + cold.attention) / (dense.gemm + dense.attention), 3) == 0.493


@pytest.mark.parametrize(
    ("name", "giga"), [("deepseek-v3.2", 1_156.8), ("deepseek-v4-pro", 303.5), ("deepseek-v4-flash", 139.8)]
)
def test_decoding_at_a_million_tokens(name: str, giga: float) -> None:
    assert round(decode(architecture_of(name), 1_048_576) / 1e9, 1) == giga


@pytest.mark.parametrize(("cached", "low", "high"), [(0.95, 7, 9), (0.90, 14, 18)])
@pytest.mark.parametrize("name", [row[0] for row in SHARES if row[3] > 44])
def test_a_hit_rate_understates_what_is_left(name: str, cached: float, low: int, high: int) -> None:
    model = architecture_of(name)
    left = work(model, COLD, round(cached * COLD)).total / work(model, COLD).total
    assert low <= round(100 * left) <= high


MODELS = sorted(model_sheet().architectures)


def computable(name: str) -> bool:
    try:
        prefill.gemm_params(architecture_of(name))
    except UsageError:
        return False
    return True


@given(st.sampled_from([name for name in MODELS if computable(name)]), st.integers(0, 300_000), st.integers(0, 300_000))
def test_a_longer_prefix_never_costs_more(name: str, one: int, other: int) -> None:
    model, (short, long) = architecture_of(name), sorted((one, other))
    total = 300_000
    assert work(model, total, long).total <= work(model, total, short).total
    assert work(model, total, total).total == 0
    if model.kinds <= {"full", "mla", "none"} and not any(group.sparse_topk for group in model.layer_groups):
        steps = work(model, total, long).attention + work(model, long, short).attention
        assert steps == pytest.approx(work(model, total, short).attention)


def test_a_prompt_has_no_more_cached_than_it_has() -> None:
    with pytest.raises(UsageError, match="cannot have 11 of them cached"):
        work(architecture_of("llama-3.1-8b"), 10, 11)


# --- time ----------------------------------------------------------------------------------------------------------


def test_the_time_of_a_published_miss() -> None:
    """64k tokens of Qwen3-Coder-30B-A3B on one H20: 2.047 PF, 13.83 s at the peak, 15.2 s measured."""
    model, h20 = architecture_of("qwen3-30b-a3b"), accelerator_named("h20")
    found = work(model, 65_536)
    assert round((found.gemm + found.attention) / 1e15, 3) == 2.047
    at_peak = seconds(found, planned(h20, 1, share=1.0))
    assert at_peak == pytest.approx(13.83, abs=0.01)
    assert at_peak / 15.2 == pytest.approx(0.910, abs=0.001)


def test_rates_are_measured_shares_of_the_peak() -> None:
    h100 = accelerator_named("h100")
    found = rates(h100, 8, efficiency_of(h100), "fp8")
    assert found.gemm == pytest.approx(8 * 1978e12 * 0.60)
    assert found.attention == pytest.approx(8 * 989e12 * 0.68)
    assert planned(h100, 2, dtype="fp8") == prefill.Rates(1978e12, 989e12, 3.35e12)
    assert seconds(Work(989e12, 0), rates(h100, 1, efficiency_of(h100))) == pytest.approx(1 / 0.77)


def test_few_tokens_wait_for_the_weights() -> None:
    """One token of a 70B model in bf16: 141 GB at 3.35 TB/s, of which reads get 0.88."""
    model, h100 = architecture_of("llama-3.1-70b"), accelerator_named("h100")
    weights = 2 * (model.total_params or 0)
    read = prefill.weights_read(model, 1, weights)
    assert read == weights
    assert seconds(work(model, 1), rates(h100, 1, efficiency_of(h100)), read) == pytest.approx(0.0479, abs=0.0001)


def test_experts_are_read_as_tokens_choose_them() -> None:
    model = architecture_of("qwen3-30b-a3b")
    assert model.total_params and model.active_params
    one = prefill.weights_read(model, 1, model.total_params)
    assert one == pytest.approx(model.active_params)
    assert prefill.weights_read(model, 1000, model.total_params) == pytest.approx(model.total_params)
    assert prefill.weights_read(model, 0, model.total_params) == 0


@pytest.mark.parametrize(
    ("name", "count", "dtype", "words"),
    [
        ("a100", 1, "fp8", "a100-sxm-80gb: how fast it multiplies in fp8 is not known (known: bf16)"),
        ("apple-m3-ultra", 1, "bf16", "(known: none)"),
        ("h100", 0, "bf16", "0 accelerators compute nothing"),
    ],
)
def test_unknown_speed_is_not_guessed(name: str, count: int, dtype: str, words: str) -> None:
    accelerator = accelerator_named(name)
    with pytest.raises(UsageError) as told:
        rates(accelerator, count, efficiency_of(accelerator), dtype)
    assert words in str(told.value)


def test_dollars_per_million() -> None:
    assert prefill.usd_per_million(3.6, 20.0, 100_000) == pytest.approx(0.2)
    assert prefill.usd_per_million(1.0, 1.0, 0) is None


# --- traffic -------------------------------------------------------------------------------------------------------


def test_tiles_move_less_and_the_more_so_the_longer() -> None:
    model = architecture_of("llama-3.1-8b")
    ratios = [found.standard / found.tiled for found in (traffic(model, tokens) for tokens in (1_000, 10_000, 98_304))]
    assert ratios == sorted(ratios)
    assert ratios[0] > 1
    # both grow with the square: 4 elements for each pair against 256 for each tile of 224 rows
    longest = traffic(model, 10**7)
    assert longest.standard / longest.tiled == pytest.approx(4 * 224 / 256, rel=0.01)


def test_nothing_new_moves_nothing_with_scores() -> None:
    model = architecture_of("llama-3.1-8b")
    assert traffic(model, 1000, 1000).tiled == 0
