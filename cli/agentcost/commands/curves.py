"""The options of `agentcost kv` that say what is put into memory: a prompt, or a log as one cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from agentcost.commands.sizes import tokens_of
from agentcost.errors import UsageError

if TYPE_CHECKING:
    from agentcost.memory.ask import KvAsk
    from agentcost.memory.capacity import CapacityAsk
    from agentcost.tiers import Tier

Tokens = Annotated[str, typer.Option("--tokens", metavar="N", help="A prompt of N tokens (98304, 98k), and no log.")]
OutputTokens = Annotated[str, typer.Option("--output-tokens", metavar="N", help="With --tokens: its answer's.")]
CachedTokens = Annotated[str, typer.Option("--cached-tokens", metavar="N", help="With --tokens: read from a cache.")]
Replicas = Annotated[str, typer.Option("--replicas", metavar="1,4,8", help="Replicas that divide the cache's memory.")]
Routing = Annotated[str, typer.Option("--routing", metavar="NAME", help="round-robin (default), session or prefix.")]
Tiers = Annotated[
    list[str] | None,
    typer.Option("--tier", metavar="NAME=SIZE[@RATE]", help="A tier below: dram=2TiB@50GB/s. Fastest first."),
]
BlockSize = Annotated[int | None, typer.Option("--block-size", metavar="N", help="Tokens of a block of the cache.")]
GpuPrice = Annotated[
    float | None, typer.Option("--gpu-price", metavar="USD", help="An accelerator's per hour; else as published.")
]


def prompt_of(tokens: Tokens = "", output_tokens: OutputTokens = "", cached_tokens: CachedTokens = "") -> Prompt | None:
    """The prompt that was given in place of a log; None without one. UsageError where it cannot be."""
    if not tokens:
        if cached_tokens or output_tokens:
            option = "--cached-tokens" if cached_tokens else "--output-tokens"
            raise UsageError(f"{option} is for a prompt without a log: --tokens N; of a log it is simulated")
        return None
    prompt, output = tokens_of("--tokens", tokens), tokens_of("--output-tokens", output_tokens or "0")
    cached = tokens_of("--cached-tokens", cached_tokens or "0")
    if prompt < 1:
        raise UsageError(f"--tokens {tokens}: a prompt has at least one token")
    if cached > prompt:
        raise UsageError(f"--cached-tokens {cached_tokens}: from 0 to the {prompt:,} of the prompt")
    return Prompt(prompt, output, cached)


class Prompt(msgspec.Struct, frozen=True):
    """Tokens of a prompt without a log, of its answer, and those of it that are read from a cache."""

    tokens: int
    output: int = 0
    cached: int = 0


def cache_options(
    replicas: Replicas = "",
    routing: Routing = "",
    tier: Tiers = None,
    block_size: BlockSize = None,
    gpu_price: GpuPrice = None,
) -> CacheOptions:
    """The options as given. UsageError where they cannot be."""
    from agentcost.capacity import ROUTINGS  # noqa: PLC0415 — heavy
    from agentcost.tiers import parsed  # noqa: PLC0415 — heavy

    if routing and routing not in ROUTINGS:
        raise UsageError(f"--routing {routing}: one of {', '.join(ROUTINGS)}")
    if block_size is not None and block_size < 1:
        raise UsageError(f"--block-size {block_size}: a block holds at least one token")
    if gpu_price is not None and gpu_price < 0:
        raise UsageError(f"--gpu-price {gpu_price:g}: dollars per hour, not below 0")
    counts = tuple(_replicas(part, replicas) for part in replicas.split(",")) if replicas else ()
    return CacheOptions(counts, routing, tuple(map(parsed, tier or ())), block_size, gpu_price)


class CacheOptions(msgspec.Struct, frozen=True):
    """The cache that a log is put into; empty and None where an option was not given."""

    replicas: tuple[int, ...] = ()
    routing: str = ""
    tiers: tuple[Tier, ...] = ()
    block: int | None = None
    gpu_price: float | None = None

    @property
    def given(self) -> str:
        """The first option that was given of those that need a log; "" for none."""
        options = {
            "--replicas": self.replicas, "--routing": self.routing, "--tier": self.tiers, "--block-size": self.block,
        }  # fmt: skip
        return next((name for name, value in options.items() if value), "")

    def of(self, kv: KvAsk) -> CapacityAsk:
        """What is asked in a memory. Without --replicas, those that its accelerators form."""
        from agentcost.memory.capacity import CapacityAsk  # noqa: PLC0415 — heavy

        formed = kv.count // kv.layout.tp if kv.accelerator and kv.layout.tp else 1
        counts = self.replicas or (1, max(1, formed))
        return CapacityAsk(counts, self.routing or "round-robin", self.tiers, self.gpu_price, self.block)


def _replicas(part: str, text: str) -> int:
    if not part.strip().isdecimal() or not 1 <= int(part) <= _MOST:
        raise UsageError(f"--replicas {text}: {part.strip()!r} is no number of replicas; write 1,4,8 (up to {_MOST:,})")
    return int(part)


_MOST = 1_024
