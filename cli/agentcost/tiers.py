"""Where a cache is kept below the accelerator's memory, and whether loading from there beats computing again.

    --tier dram=2TiB@50GB/s --tier nvme=8TiB@7GB/s,latency=100us,usd=0.15

Tiers stand fastest first, below the accelerators' own memory. Everything is written through, as Dynamo's KVBM and
HiCache do: a tier holds a copy of what is above it, so it adds what it holds beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from agentcost.datasheets.hardware import StorageTier, hardware_sheet
from agentcost.errors import UsageError

HOURS_PER_MONTH = 730

NAMES: Mapping[str, str] = {
    "dram": "host-dram-pcie5", "nvme": "nvme-gen4", "network": "rdma-dram-400g", "rdma": "rdma-dram-400g",
    "fs": "shared-fs",
}  # fmt: skip
"""Short names of tiers of data/hardware.toml; the ids there serve too."""

LEVELS: Mapping[str, str] = {
    "host-dram-pcie5": "G2", "host-dram-pcie4": "G2", "host-lpddr-c2c": "G2", "nvme-gen4": "G3", "nvme-gen5": "G3",
    "pod-flash": "G3.5", "rdma-dram-400g": "G4", "redis": "G4", "shared-fs": "G4", "object": "G4",
}  # fmt: skip
"""What NVIDIA Dynamo's KVBM calls them; LMCache's L0, L1, L2 and HiCache's L1, L2, L3 are G1, G2 and what is below."""


class Tier(msgspec.Struct, frozen=True):
    """A place for a cache: bytes, bytes per second toward the accelerators, seconds until the first byte.

    `usd_per_gb_second` is what holding 1e9 bytes for a second costs. None is unknown. `basis` says for each figure
    whether it was given, or how well the sheet knows it.
    """

    name: str
    capacity: int
    bandwidth: float | None
    latency: float = 0.0
    usd_per_gb_second: float | None = None
    level: str = ""
    basis: str = ""


def parsed(text: str) -> Tier:
    """A tier as the command line gives it: NAME=SIZE[@RATE][,latency=TIME][,usd=DOLLARS per GB]. What is not given is
    taken from data/hardware.toml. UsageError names the part that cannot be read."""
    name, equals, rest = text.partition("=")
    size, *options = rest.split(",")
    size, at, rate = size.partition("@")
    known = _sheet(name.strip().lower(), text)
    if not equals or not size.strip():
        raise UsageError(f"--tier {text}: no capacity; write it as {name.strip() or 'dram'}=2TiB@50GB/s")
    tier = Tier(
        name=name.strip().lower(),
        capacity=round(_number(_BYTES, size, "capacity", text, "2TiB, 500GB")),
        bandwidth=known.bandwidth if known else None,
        latency=(known.latency_s if known else None) or 0.0,
        usd_per_gb_second=_holding(known) if known else None,
        level=LEVELS.get(known.id, "") if known else "",
    )
    if at:
        tier = replace(tier, bandwidth=_number(_RATES, rate, "bandwidth", text, "50GB/s, 400Gb/s"))
    given = {"capacity", "bandwidth"} if at else {"capacity"}
    for option in options:
        tier, what = _option(tier, option, text, known)
        given.add(what)
    if tier.bandwidth is None:
        raise UsageError(f"--tier {text}: no bandwidth is known for {tier.name}; add it: {tier.name}={size}@20GB/s")
    return replace(tier, basis=_basis(known, given))


def _sheet(name: str, text: str) -> StorageTier | None:
    """What is known of a tier by that name."""
    sheet = hardware_sheet().tiers
    found = NAMES.get(name, name)
    if found == "hbm":
        raise UsageError(f"--tier {text}: the accelerators' own memory is given by --accelerator or --kv-memory")
    if not re.fullmatch(r"[a-z][a-z0-9._-]*", name):
        raise UsageError(f"--tier {text}: {name or 'nothing'!r} is no name; write NAME=SIZE@RATE, as dram=2TiB@50GB/s")
    return sheet.get(found)


def _option(tier: Tier, option: str, text: str, known: StorageTier | None) -> tuple[Tier, str]:
    key, _, value = option.partition("=")
    if key.strip() == "latency":
        return replace(tier, latency=_number(_TIMES, value, "latency", text, "100us, 2ms")), "latency"
    if key.strip() == "usd":
        dollars = _number({"": 1.0}, value, "usd", text, "0.15 (dollars per GB)")
        months = known.amortise_months if known and known.amortise_months else _MONTHS
        return replace(tier, usd_per_gb_second=_owned(dollars, months)), "price"
    raise UsageError(f"--tier {text}: {option!r} is no part of a tier; there are latency= and usd=")


_BYTES: Mapping[str, float] = {
    "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50,
}  # fmt: skip
_RATES: Mapping[str, float] = {
    **{f"{unit}/s": factor for unit, factor in _BYTES.items()},
    "Mb/s": 1e6 / 8, "Gb/s": 1e9 / 8, "Tb/s": 1e12 / 8,
}  # fmt: skip
"""A small b is a bit."""

_TIMES: Mapping[str, float] = {"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _number(units: Mapping[str, float], part: str, what: str, text: str, example: str) -> float:
    """A positive number with one of the units."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Zµ/]*)\s*", part)
    if not found or found[2] not in units or not float(found[1]):
        raise UsageError(f"--tier {text}: cannot read the {what} {part.strip()!r}; write it as {example}")
    return float(found[1]) * units[found[2]]


def _basis(known: StorageTier | None, given: set[str]) -> str:
    """Where each figure comes from: `bandwidth SRC 2026-01; latency UNV; price 2ND`; what was given is not named."""
    if known is None:
        return "given"
    marks = {
        "bandwidth": known.bandwidth_confidence or known.confidence,
        "latency": known.latency_confidence if known.latency_s is not None else "not known: 0",
        "price": known.usd_confidence if _holding(known) is not None else "",
    }
    rest = [f"{what} {mark}" for what, mark in marks.items() if what not in given and mark]
    return f"{', '.join(rest)} ({known.id}, {known.as_of})" if rest else "given"


# --- prices --------------------------------------------------------------------------------------------------------

_MONTHS = 48
"""Over how long hardware is paid off where nothing else is said."""


def _owned(usd_per_gb: float, months: float) -> float:
    return usd_per_gb / (months * HOURS_PER_MONTH * 3600)


def _holding(known: StorageTier) -> float | None:
    """Dollars for holding 1e9 bytes for a second: rented by the month, or bought and paid off."""
    if known.usd_per_gb_month is not None:
        return known.usd_per_gb_month / (HOURS_PER_MONTH * 3600)
    if known.usd_per_gb is None:
        return None
    return _owned(known.usd_per_gb, known.amortise_months or _MONTHS)


def rented(usd_per_hour: float, memory: float) -> float:
    """The same of an accelerator's memory, which is rented with it: so much per hour for so many bytes."""
    return usd_per_hour / 3600 / (memory / 1e9)


def holding_seconds(usd_to_compute: float, kv_bytes: float, usd_per_gb_second: float) -> float | None:
    """How long bytes may be held for what computing them once costs: the next use has to come sooner. None where
    holding costs nothing."""
    price = kv_bytes / 1e9 * usd_per_gb_second
    return usd_to_compute / price if price else None


# --- loading and computing -----------------------------------------------------------------------------------------


def load_seconds(kv_bytes: float, tier: Tier) -> float:
    """The time until so many bytes are there; 0 of nothing."""
    return tier.latency + kv_bytes / (tier.bandwidth or 1.0) if kv_bytes else 0.0


def break_even(kv_bytes: float, compute_seconds: float) -> float | None:
    """The bandwidth in bytes/s from which on loading is faster than computing; None where that takes no time."""
    return kv_bytes / compute_seconds if compute_seconds else None


def overlapped(load: float, compute: float, layers: int) -> float:
    """The time to the first token when the rest of a prompt is computed layer by layer while its prefix is loaded: the
    longer of both, and the first layer's load before it (an approximation)."""
    return max(load, compute) + load / layers


def first_faster(prefix: Callable[[int], tuple[float, float]], tier: Tier, most: int) -> int | None:
    """The shortest prefix that loads faster than it is computed; `prefix` gives (bytes, seconds to compute) of one.

    None where that holds for no prefix up to `most` tokens. With full attention the longer prefix gains more; the start
    of a prompt is the cheapest to compute again.
    """

    def faster(tokens: int) -> bool:
        kv_bytes, compute = prefix(tokens)
        return load_seconds(kv_bytes, tier) < compute

    if not faster(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if faster(middle) else (middle, high)
    return high


def found_in(read: Sequence[int]) -> list[int]:
    """What each place adds: tokens that a memory of its size reads and those above it do not. `read` is by place, the
    fastest first, each of its own size alone."""
    added, most = [], 0
    for tokens in read:
        added.append(max(0, tokens - most))
        most = max(most, tokens)
    return added
