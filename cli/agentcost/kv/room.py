"""The memory that is left for KV beside a model's weights, and how many sessions it holds."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from agentcost.datasheets.architecture import Architecture, WeightsFormat
from agentcost.datasheets.hardware import Accelerator
from agentcost.errors import UsageError
from agentcost.kv.storage import Layout
from agentcost.units import gibibytes

UTILIZATION = 0.9
"""vLLM's default share of the memory that it may use."""


class Room(msgspec.Struct, frozen=True):
    """KV memory: `per_rank` bytes on each of `ranks` accelerators of each of `replicas`, or `blocks` of an engine.

    `problem` says why there is none; `per_rank` is then None. `weights` are the bytes of one replica's weights (None
    where they do not matter), `confidence` that of the parameter count.
    """

    name: str
    layout: Layout
    ranks: int
    replicas: int
    per_rank: int | None
    weights: int | None = None
    weights_format: str = ""
    confidence: str = ""
    blocks: int | None = None
    problem: str = ""

    @property
    def total(self) -> int | None:
        """KV bytes of all accelerators together."""
        return None if self.per_rank is None else self.per_rank * self.ranks * self.replicas

    def holds(self, per_rank: int, blocks: int | None = None) -> int | None:
        """How many sessions of so many bytes a rank (or so many blocks) fit at once; None where nothing is known."""
        lanes = self.replicas * (self.ranks if self.layout.dp_attention else 1)
        if self.blocks is not None:
            return None if not blocks else self.blocks // blocks * lanes
        if self.per_rank is None or not per_rank:
            return None
        return self.per_rank // per_rank * lanes


def beside_weights(
    accelerator: Accelerator, count: int, layout: Layout, utilization: float, weights: int | None,
    weights_format: str = "", confidence: str = "", heads: int = 0,
) -> Room:  # fmt: skip
    """The room on `count` accelerators, in replicas of `layout.tp`. Activations and graphs are not taken off.

    `weights` are one replica's bytes, None where they are unknown, `heads` the attention heads that ranks divide (0:
    not known). UsageError for what cannot be built.
    """
    checked_layout(layout, count)
    if not 0 < utilization <= 1:
        raise UsageError(f"--gpu-memory-utilization {utilization}: a share of the memory, above 0 and up to 1")
    name = f"{count} × {accelerator.id}"
    usable = int(accelerator.memory_bytes * utilization)
    replicas = count // layout.tp
    room = Room(name, layout, layout.tp, replicas, None, weights, weights_format, confidence)
    if weights is None:
        return _without(room, "its weights are unknown: pass --weights-memory")
    own = -(-weights // layout.tp)
    if own >= usable:
        text = (
            f"{gibibytes(weights)} of {weights_format} weights do not fit in "
            f"{gibibytes(usable * layout.tp)} ({layout.tp} × {accelerator.id} at {utilization:g}); "
            f"take {_dividing(heads, weights // usable + 1)} or more, or smaller weights"
        )
        return _without(room, text)
    return Room(name, layout, layout.tp, replicas, usable - own, weights, weights_format, confidence)


def in_memory(total: int, layout: Layout) -> Room:
    """A given memory for KV, over all ranks of one replica."""
    if total < 1:
        raise UsageError("--kv-memory 0: nothing fits in no memory; write it as 568GiB")
    checked_layout(layout, layout.tp)
    return Room(f"{gibibytes(total)} for KV", layout, layout.tp, 1, total // layout.tp)


def in_blocks(blocks: int, layout: Layout) -> Room:
    """The blocks that an engine says it has on each rank."""
    if blocks < 1:
        raise UsageError(f"--num-gpu-blocks {blocks}: an engine that serves has some")
    checked_layout(layout, layout.tp)
    return Room(f"{blocks:,} blocks", layout, layout.tp, 1, None, blocks=blocks)


def checked_layout(layout: Layout, count: int) -> None:
    """UsageError for ranks that the accelerators cannot form."""
    if count < 1:
        raise UsageError(f"--count {count}: at least one accelerator has to hold the model")
    if layout.tp < 1 or layout.dcp < 1:
        raise UsageError(f"--tp {layout.tp}, --dcp {layout.dcp}: at least 1 each")
    if count % layout.tp:
        raise UsageError(f"--tp {layout.tp} does not divide --count {count}: every replica takes {layout.tp}")
    if layout.tp % layout.dcp:
        raise UsageError(f"--dcp {layout.dcp} does not divide --tp {layout.tp}: it shares tokens among those ranks")
    if layout.dcp > 1 and layout.dp_attention:
        raise UsageError("--dcp and --dp-attention exclude each other: one splits a sequence, the other does not")


def uneven(model: Architecture, layout: Layout) -> str:
    """Why the ranks cannot share the model's attention heads; "" where they can.

    Engines refuse it: vLLM's "Total number of attention heads (64) must be divisible by tensor parallel size (3)"
    (vllm-project/vllm issue 52435, 2026-08-15; checked 2026-11-25).
    """
    heads = model.num_attention_heads
    if not heads or heads % layout.split == 0:
        return ""
    near = [ranks for ranks in range(1, heads + 1) if heads % ranks == 0]
    below = max(ranks for ranks in near if ranks < layout.split)
    above = next((ranks for ranks in near if ranks > layout.split), below)
    told = " or ".join(str(ranks) for ranks in sorted({below, above}))
    return f"{layout.split} ranks cannot divide its {heads} attention heads, which engines refuse; --tp {told} can"


def _dividing(heads: int, ranks: int) -> int:
    """The least number of ranks, that many or more, that divides the heads; as it is where none does."""
    return next((more for more in range(ranks, heads + 1) if heads % more == 0), ranks)


def weights_bytes(model: Architecture, format_: WeightsFormat) -> int | None:
    """The bytes of the model's weights; None where its parameters are not known."""
    return None if model.total_params is None else int(model.total_params * format_.bytes_per_parameter)


def _without(room: Room, problem: str) -> Room:
    return replace(room, per_rank=None, blocks=None, problem=problem)
