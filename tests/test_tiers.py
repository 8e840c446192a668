"""Tiers as they are given, break-even bandwidths and holding times against the tables of the fact sheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost import tiers
from agentcost.datasheets.hardware import accelerator_named, hardware_sheet
from agentcost.datasheets.models import architecture_of, format_of
from agentcost.errors import UsageError
from agentcost.kv.footprint import needed, stored
from agentcost.prefill import planned, seconds, work
from agentcost.tiers import Tier, break_even, found_in, holding_seconds, load_seconds, overlapped, parsed, rented


def kv(model: str, tokens: int) -> int:
    """Bytes in bf16."""
    return needed(stored(architecture_of(model), format_of("bf16")), tokens)


def recompute(model: str, tokens: int, accelerator: str, count: int) -> float:
    """Seconds at half of the peak."""
    found = work(architecture_of(model), tokens)
    return seconds(found, planned(accelerator_named(accelerator), count))


NEEDED = [
    ("llama-3.1-8b", 1, (4.02, 2.87, 1.63), (9.16, 6.54, 3.71)),
    ("llama-3.1-70b", 8, (8.78, 7.21, 4.88), (19.98, 16.40, 11.10)),
    ("qwen3-coder-480b-a35b", 8, (12.61, 8.58, 4.63), (28.68, 19.51, 10.53)),
    ("qwen3-30b-a3b", 1, (5.60, 2.65, 1.10), (12.74, 6.03, 2.51)),
    ("gpt-oss-120b", 1, (1.79, 1.31, 0.77), (4.07, 2.98, 1.76)),
    ("deepseek-v3", 1, (0.38, 0.23, 0.11), (0.86, 0.52, 0.25)),
    ("qwen3.5-397b-a17b", 1, (0.82, 0.47, 0.29), (1.87, 1.06, 0.67)),
]
"""GB/s from which on loading 8k, 32k and 96k tokens beats computing them, on H100 and B200."""


@pytest.mark.parametrize(("model", "count", "h100", "b200"), NEEDED)
def test_break_even_bandwidths(model: str, count: int, h100: tuple[float, ...], b200: tuple[float, ...]) -> None:
    for accelerator, expected in (("h100", h100), ("b200", b200)):
        for tokens, rate in zip((8_192, 32_768, 98_304), expected, strict=True):
            found = break_even(kv(model, tokens), recompute(model, tokens, accelerator, count))
            assert found is not None
            assert round(found / 1e9, 2) == pytest.approx(rate, abs=0.011)


@pytest.mark.parametrize(("flops", "rate"), [(8 * 312e12, 5.859), (8 * 989e12, 18.573)])
def test_the_bandwidth_that_mooncake_published(flops: float, rate: float) -> None:
    """FAST'25, equation 2, with its own count of FLOP: 4 n^2 d + 22 n d^2 a layer."""
    d, gqa, prefix = 8_192, 8, 8_192
    compute = (4 * prefix**2 * d + 22 * prefix * d**2) / flops
    found = break_even(2 * prefix * d * 2 / gqa, compute)
    assert found is not None
    assert round(found / 1e9, 3) == rate


def test_one_drive_beats_a_b200_from_27k_tokens_on() -> None:
    drive = parsed("nvme=8TiB@7GB/s,latency=1ns")
    shortest = tiers.first_faster(
        lambda tokens: (kv("llama-3.1-8b", tokens), recompute("llama-3.1-8b", tokens, "b200", 1)), drive, 131_072
    )
    assert shortest is not None
    assert 26_500 <= shortest <= 27_500
    slow = parsed("nvme=8TiB@1MB/s")
    assert tiers.first_faster(lambda tokens: (tokens * 1e6, 1e-3), slow, 1000) is None


def test_what_65b_took_to_load() -> None:
    """CachedAttention: 5 GB at 26 GB/s are 192 ms."""
    assert load_seconds(5e9, Tier("dram", 1, 26e9)) == pytest.approx(0.192, abs=0.0005)


@pytest.mark.parametrize(
    ("price", "hours"),
    [
        (rented(2.5, 80e9), 2.19 / 60),
        (parsed("dram=1TiB").usd_per_gb_second, 3.33),
        (parsed("object=1PB").usd_per_gb_second, 36.1),
        (parsed("nvme=8TiB").usd_per_gb_second, 266),
    ],
)
def test_holding_times(price: float, hours: float) -> None:
    """98,304 tokens of Llama-3.1-70B on 8 H100 at $2.5 an hour: 6.60 s, 32.21 GB, $0.0367."""
    elapsed, size = recompute("llama-3.1-70b", 98_304, "h100", 8), kv("llama-3.1-70b", 98_304)
    dollars = 8 * 2.5 / 3600 * elapsed
    assert (round(elapsed, 2), round(size / 1e9, 2), round(dollars, 4)) == (6.60, 32.21, 0.0367)
    held = holding_seconds(dollars, size, price)
    assert held is not None
    assert held / 3600 == pytest.approx(hours, rel=0.003)
    assert holding_seconds(dollars, 0, price) is None


# --- as they are given ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "capacity", "bandwidth", "latency", "basis"),
    [
        ("dram=2TiB@50GB/s", 2 * 2**40, 50e9, 1e-5, "latency UNV, price 2ND (host-dram-pcie5, 2026-06)"),
        ("dram=2TiB", 2 * 2**40, 50e9, 1e-5, "bandwidth SRC, latency UNV, price 2ND (host-dram-pcie5, 2026-06)"),
        ("NVMe = 3.84 TB @ 6500 MB/s", 3_840 * 10**9, 6.5e9, 1e-4, "latency UNV, price UNV (nvme-gen4, 2026-05-18)"),
        ("nvme-gen5=1TB,latency=80us,usd=0.2", 10**12, 12e9, 8e-5, "bandwidth UNV (nvme-gen5, 2026)"),
        ("network=1PiB@400Gb/s", 2**50, 50e9, 2e-5, "latency UNV, price 2ND (rdma-dram-400g, 2026-05-18)"),
        ("pod-flash=1PB@2GB/s", 10**15, 2e9, 0.0, "latency not known: 0 (pod-flash, 2026)"),
        ("mine=10GiB@1GiB/s", 10 * 2**30, 2**30, 0.0, "given"),
    ],
)  # fmt: skip
def test_tiers_are_read(text: str, capacity: int, bandwidth: float, latency: float, basis: str) -> None:
    found = parsed(text)
    assert (found.capacity, found.bandwidth, found.basis) == (capacity, bandwidth, basis)
    assert found.latency == pytest.approx(latency)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dram", "no capacity; write it as dram=2TiB@50GB/s"),
        ("dram=", "no capacity"),
        ("=2TiB", "'nothing' is no name"),
        ("dram=2tb@50GB/s", "cannot read the capacity '2tb'; write it as 2TiB"),
        ("dram=0GB", "cannot read the capacity '0GB'"),
        ("dram=-2TiB", "cannot read the capacity '-2TiB'"),
        ("dram=2TiB@", "cannot read the bandwidth ''"),
        ("dram=2TiB@50GB", "cannot read the bandwidth '50GB'; write it as 50GB/s"),
        ("dram=2TiB@50GB/s,latency=3", "cannot read the latency '3'; write it as 100us"),
        ("dram=2TiB,colour=red", "'colour=red' is no part of a tier; there are latency= and usd="),
        ("dram=2TiB,usd=cheap", "cannot read the usd 'cheap'"),
        ("pod-flash=1PB", "no bandwidth is known for pod-flash; add it: pod-flash=1PB@20GB/s"),
        ("mine=10GiB", "no bandwidth is known for mine"),
        ("hbm=80GiB", "own memory is given by --accelerator"),
    ],
)
def test_the_part_that_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        parsed(text)
    assert str(told.value).startswith(f"--tier {text}: ")
    assert words in str(told.value)


@pytest.mark.parametrize("name", sorted(set(hardware_sheet().tiers) - {"hbm"}))
def test_every_tier_of_the_sheet_can_be_named(name: str) -> None:
    assert parsed(f"{name}=1TB@1GB/s").level == tiers.LEVELS[name]


# --- laws ----------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.integers(1, 200))
def test_overlap_lies_between_the_longer_one_and_one_after_the_other(load: float, compute: float, layers: int) -> None:
    found = overlapped(load, compute, layers)
    assert found >= max(load, compute)
    assert found <= load + compute + load / layers + 1e-9


@given(st.lists(st.integers(0, 1000), max_size=5))
def test_what_tiers_add_is_what_the_best_of_them_reads(read: list[int]) -> None:
    assert sum(found_in(read)) == max(read, default=0)
    assert all(tokens >= 0 for tokens in found_in(read))


def test_nothing_takes_no_time() -> None:
    assert load_seconds(0, parsed("dram=1TiB")) == 0
    assert break_even(1, 0) is None
