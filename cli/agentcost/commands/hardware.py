"""`agentcost hardware`: the accelerators and storage tiers that are known, or all that is known of one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands import options
from agentcost.commands.report import draw, width
from agentcost.commands.sheets import CONFIDENCE, Rows, facts, write_tables
from agentcost.units import NONE, UNKNOWN, gibibytes, percent, three_digits

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.datasheets.hardware import Accelerator, GpuPrice, StorageTier


def hardware(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One accelerator or tier, with all of it.")] = "",
    json: options.AllAsJson = False,
) -> None:
    """Accelerators, kernel efficiencies, storage tiers and GPU prices, with sources and dates."""
    from agentcost.datasheets.hardware import accelerator_named, hardware_sheet  # noqa: PLC0415 — heavy

    known = hardware_sheet()
    tier = known.tiers.get(name.lower())
    if json:
        tables: dict[str, Rows] = {
            "accelerators": list(known.accelerators.values()), "efficiencies": list(known.efficiencies),
            "tiers": list(known.tiers.values()), "gpu_prices": list(known.prices.values()),
        }  # fmt: skip
        if name:
            tables = {"tiers": [tier]} if tier else {"accelerators": [accelerator_named(name)]}
        write_tables("hardware", tables)
        return
    if tier:
        draw(tier_sheet(tier, width()))
        return
    draw(accelerator_sheet(accelerator_named(name), width()) if name else overview(width()))


def rate(bytes_per_second: int | None) -> str:
    """Bytes a second: 3,350 GB/s. Unknown is a question mark."""
    return UNKNOWN if bytes_per_second is None else f"{three_digits(bytes_per_second / 1e9)} GB/s"


def flops(per_second: int | None) -> str:
    """Peak operations a second in TFLOP/s."""
    return UNKNOWN if per_second is None else f"{per_second / 1e12:,.0f}"


def price(known: GpuPrice | None) -> str:
    """Dollars an hour: the median, else the range."""
    if known is None:
        return UNKNOWN
    if known.median is not None:
        return f"{known.median:.2f}"
    return "–".join(f"{edge:.2f}" for edge in (known.low, known.high) if edge is not None)


def overview(columns: int) -> RenderableType:
    """A line per accelerator, then one per tier."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.datasheets.hardware import hardware_sheet  # noqa: PLC0415 — heavy
    from agentcost.views.layout import quiet, title  # noqa: PLC0415 — heavy

    known = hardware_sheet()
    return Group(
        _accelerators(list(known.accelerators.values()), columns),
        quiet("TFLOP/s: dense peaks. $/h: secondary sources, dated; agentcost hardware NAME says when", columns),
        Text(),
        title("storage tiers", columns),
        _tiers(list(known.tiers.values()), columns),
        quiet(CONFIDENCE, columns),
    )


def _accelerators(rows: Collection[Accelerator], columns: int) -> RenderableType:
    from agentcost.datasheets.hardware import hardware_sheet  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table  # noqa: PLC0415 — heavy

    prices = hardware_sheet().prices
    return Table(
        (
            Column("accelerator", [one.id for one in rows], name=18),
            Column("memory", [gibibytes(one.memory_bytes) for one in rows]),
            Column("bandwidth", [rate(one.memory_bandwidth) for one in rows]),
            Column("bf16 TFLOP/s", [flops(one.flops.get("bf16")) for one in rows]),
            Column("fp8", [flops(one.flops.get("fp8")) for one in rows], drop=2),
            Column("$/h", [price(prices.get(one.id)) for one in rows], drop=3),
            Column("", [one.confidence for one in rows], drop=1),
            Column("checked", [one.checked for one in rows], drop=4),
            Column("source", [one.source for one in rows], drop=5, name=20, keeps="start"),
        ),
        columns,
    )


def _tiers(rows: Collection[StorageTier], columns: int) -> RenderableType:
    from agentcost.views.layout import Column, Table  # noqa: PLC0415 — heavy

    return Table(
        (
            Column("tier", [one.id for one in rows], name=15),
            Column("what", [one.label for one in rows], drop=5, name=20, keeps="start"),
            Column("read", [rate(one.bandwidth) if one.bandwidth or not one.bandwidth_rule else "HBM" for one in rows]),
            Column("per", [one.scope for one in rows], name=8),
            Column("latency", [UNKNOWN if one.latency_s is None else f"{one.latency_s * 1e6:,g} µs" for one in rows]),
            Column("$/GB", [UNKNOWN if one.usd_per_gb is None else f"{one.usd_per_gb:g}" for one in rows]),
            Column("", [one.confidence for one in rows], drop=1),
            Column("as of", [one.as_of for one in rows], drop=3),
            Column("source", [one.source for one in rows], drop=4, name=20, keeps="start"),
        ),
        columns,
    )


def accelerator_sheet(one: Accelerator, columns: int) -> RenderableType:
    """Everything that is known of an accelerator."""
    from rich.console import Group  # noqa: PLC0415 — heavy

    from agentcost.views.layout import quiet, title  # noqa: PLC0415 — heavy

    return Group(title(f"{one.id}: {one.name}", columns), *facts(_facts(one), columns), quiet(CONFIDENCE, columns))


def _facts(one: Accelerator) -> Iterator[tuple[str, str]]:
    from agentcost.datasheets.hardware import efficiency_of, hardware_sheet  # noqa: PLC0415 — heavy

    known, hour = efficiency_of(one), hardware_sheet().prices.get(one.id)
    yield "aliases", ", ".join(one.aliases)
    yield "memory", f"{gibibytes(one.memory_bytes)} ({one.memory_bytes:,} bytes)"
    yield "memory bandwidth", rate(one.memory_bandwidth)
    yield "peak TFLOP/s, dense", ", ".join(f"{name} {flops(peak)}" for name, peak in one.flops.items()) or UNKNOWN
    yield "scale-up link", f"{rate(one.link_per_direction)} one way"
    yield "PCIe", f"{rate(one.pcie_per_direction)} one way"
    yield "network of a node", f"{rate(one.node_network_per_direction)} one way"
    yield "power", f"{one.power_w} W" if one.power_w else UNKNOWN
    yield (
        "efficiency",
        (
            f"GEMM bf16 {percent(known.gemm_bf16)}, attention {percent(known.attention_bf16)}, decode bandwidth "
            f"{percent(known.decode_bandwidth)} ({known.arch}; {known.source}; {known.confidence})"
        ),
    )
    if hour:
        ends = f"{hour.low or UNKNOWN} to {hour.high or UNKNOWN}, median {hour.median or UNKNOWN}"
        yield "$ an hour", f"{ends} ({hour.source}; {hour.as_of}; {hour.confidence})"
    yield "note", one.note
    yield "source", f"{one.source}; checked {one.checked}; {one.confidence}"


def tier_sheet(one: StorageTier, columns: int) -> RenderableType:
    """Everything that is known of a storage tier."""
    from rich.console import Group  # noqa: PLC0415 — heavy

    from agentcost.views.layout import quiet, title  # noqa: PLC0415 — heavy

    spread = " to ".join(rate(edge) for edge in one.range)
    dollars = NONE if one.usd_per_gb is None else f"{one.usd_per_gb:g} a GB over {one.amortise_months} months"
    pairs = [
        ("read", one.bandwidth_rule or f"{rate(one.bandwidth)} per {one.scope} {one.bandwidth_confidence}".rstrip()),
        ("measured", spread),
        ("interface", rate(one.peak) if one.peak else ""),
        ("write", rate(one.write_bandwidth) if one.write_bandwidth else ""),
        (
            "latency",
            f"{one.latency_s * 1e6:,g} µs ({one.latency_confidence})" if one.latency_s is not None else UNKNOWN,
        ),
        ("$", f"{one.usd_per_gb_month} a GB and month" if one.usd_per_gb_month else one.usd_rule or dollars),
        ("note", one.note),
        ("source", f"{one.source}; as of {one.as_of}; checked {one.checked}; {one.confidence}"),
    ]
    return Group(title(f"{one.id}: {one.label}", columns), *facts(pairs, columns), quiet(CONFIDENCE, columns))
