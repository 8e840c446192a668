"""The accelerators, kernel efficiencies, storage tiers and GPU prices that are known, from data/hardware.toml.

>>> accelerator_named("H100").memory_bytes
85899345920
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

import msgspec

from agentcost.datasheets.reading import Toml, data_file, entries, entry_of
from agentcost.errors import UsageError


class Accelerator(msgspec.Struct, frozen=True):
    """Peaks are dense, per accelerator: `flops` by number format, bytes and bytes/s else. None is unknown."""

    id: str
    name: str
    memory_bytes: int
    memory_bandwidth: int
    source: str
    checked: str
    confidence: str
    aliases: tuple[str, ...] = ()
    flops: dict[str, int] = {}
    link_per_direction: int | None = None
    pcie_per_direction: int | None = None
    node_network_per_direction: int | None = None
    power_w: int | None = None
    note: str = ""


class Efficiency(msgspec.Struct, frozen=True):
    """Shares of the dense peak that measured kernels reach, for the accelerators of `applies_to`."""

    arch: str
    gemm_bf16: float
    attention_bf16: float
    decode_bandwidth: float
    applies_to: tuple[str, ...]
    source: str
    checked: str
    confidence: str
    gemm_fp8: float | None = None
    gemm_fp4: float | None = None
    note: str = ""


class StorageTier(msgspec.Struct, frozen=True):
    """Where a cache can be kept: read bandwidth toward the accelerator in bytes/s per `scope`, latency in seconds."""

    id: str
    label: str
    scope: str
    source: str
    as_of: str
    checked: str
    confidence: str
    bandwidth: int | None = None
    bandwidth_rule: str = ""
    bandwidth_confidence: str = ""
    write_bandwidth: int | None = None
    peak: int | None = None
    range: tuple[int, ...] = ()
    latency_s: float | None = None
    latency_confidence: str = ""
    capacity_bytes_typical: tuple[int, ...] = ()
    capacity_scope: str = ""
    usd_per_gb: float | None = None
    usd_per_gb_month: float | None = None
    usd_range: tuple[float, ...] = ()
    usd_rule: str = ""
    usd_confidence: str = ""
    amortise_months: int | None = None
    note: str = ""


class GpuPrice(msgspec.Struct, frozen=True):
    """Dollars per hour of an accelerator, as published on a day."""

    id: str
    as_of: str
    source: str
    checked: str
    confidence: str
    low: float | None = None
    high: float | None = None
    median: float | None = None


class HardwareSheet(msgspec.Struct, frozen=True):
    """Everything of data/hardware.toml, by id."""

    accelerators: Mapping[str, Accelerator]
    efficiencies: tuple[Efficiency, ...]
    tiers: Mapping[str, StorageTier]
    prices: Mapping[str, GpuPrice]


@cache
def hardware_sheet() -> HardwareSheet:
    """The shipped sheet."""
    return parse(data_file("hardware.toml"))


def parse(tables: Mapping[str, Toml]) -> HardwareSheet:
    """A sheet from its tables. ValueError, which names the entry, where it is not as it should be."""
    return HardwareSheet(
        MappingProxyType({one.id: one for one in entries(tables, "accelerator", Accelerator)}),
        entries(tables, "efficiency", Efficiency),
        MappingProxyType({one.id: one for one in entries(tables, "tier", StorageTier)}),
        MappingProxyType({one.id: one for one in entries(tables, "gpu_price", GpuPrice)}),
    )


def accelerator_named(name: str) -> Accelerator:
    """The accelerator of that id or alias. UsageError names the nearest."""
    wanted = name.lower()
    own = entry_of("hardware.toml", "accelerator", wanted, Accelerator)
    if own:
        return own
    known = hardware_sheet().accelerators
    names = {alias: one for one in known.values() for alias in (one.id, *one.aliases)}
    if wanted in names:
        return names[wanted]
    near = list(dict.fromkeys(names[alias].id for alias in get_close_matches(wanted, [*names], n=4, cutoff=0.5)))
    hint = f"did you mean {', '.join(near[:3])}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"{name}: no such accelerator; {hint}")


def efficiency_of(accelerator: Accelerator) -> Efficiency:
    """The measured efficiencies of its family, else the planning defaults."""
    rows = hardware_sheet().efficiencies
    return next((row for row in rows if accelerator.id in row.applies_to), rows[-1])
