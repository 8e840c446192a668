"""The options of `agentcost kv` on a log as one cache: replicas, routing, tiers, blocks, dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.errors import UsageError

if TYPE_CHECKING:
    from agentcost.capacitytables import CapacityAsk
    from agentcost.kvask import KvAsk

CachedTokens = Annotated[int, typer.Option("--cached-tokens", metavar="N", help="With --tokens: read from a cache.")]
Replicas = Annotated[str, typer.Option("--replicas", metavar="1,4,8", help="Replicas that divide the cache's memory.")]
Routing = Annotated[str, typer.Option("--routing", metavar="NAME", help="round-robin, session or prefix.")]
Tiers = Annotated[
    list[str] | None,
    typer.Option("--tier", metavar="NAME=SIZE[@RATE]", help="A tier below: dram=2TiB@50GB/s. Fastest first."),
]
BlockSize = Annotated[int | None, typer.Option("--block-size", metavar="N", help="Tokens of a block of the cache.")]
GpuPrice = Annotated[
    float | None, typer.Option("--gpu-price", metavar="USD", help="An accelerator's per hour; else as published.")
]


def capacity_ask(
    replicas: str, routing: str, tiers: list[str] | None, block_size: int | None, gpu_price: float | None, kv: KvAsk
) -> CapacityAsk:
    """What was asked. UsageError where it cannot be. Without --replicas, those that the accelerators form."""
    from agentcost.capacity import ROUTINGS  # noqa: PLC0415 — heavy
    from agentcost.capacitytables import CapacityAsk  # noqa: PLC0415 — heavy
    from agentcost.tiers import parsed  # noqa: PLC0415 — heavy

    if routing not in ROUTINGS:
        raise UsageError(f"--routing {routing}: one of {', '.join(ROUTINGS)}")
    if block_size is not None and block_size < 1:
        raise UsageError(f"--block-size {block_size}: a block holds at least one token")
    if gpu_price is not None and gpu_price < 0:
        raise UsageError(f"--gpu-price {gpu_price:g}: dollars per hour, not below 0")
    formed = kv.count // kv.layout.tp if kv.accelerator and kv.layout.tp else 1
    counts = tuple(_replicas(part, replicas) for part in replicas.split(",")) if replicas else (1, max(1, formed))
    return CapacityAsk(counts, routing, tuple(map(parsed, tiers or ())), gpu_price, block_size)


def _replicas(part: str, text: str) -> int:
    if not part.strip().isdecimal() or not 1 <= int(part) <= _MOST:
        raise UsageError(f"--replicas {text}: {part.strip()!r} is no number of replicas; write 1,4,8 (up to {_MOST:,})")
    return int(part)


_MOST = 1_024


def checked_cached(cached: int, tokens: int | None) -> int:
    """The tokens read of a prompt without a log. UsageError where there is none, or it has fewer."""
    if cached and tokens is None:
        raise UsageError("--cached-tokens is for a prompt without a log: --tokens N; of a log it is simulated")
    if not 0 <= cached <= (tokens or 0):
        raise UsageError(f"--cached-tokens {cached}: from 0 to the {tokens or 0:,} of the prompt")
    return cached
