"""What is asked of memory: models, KV formats and room; and the tables that need no log to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec
import polars as pl
from msgspec.structs import replace

from agentcost.datasheets.architecture import Architecture, KvFormat, WeightsFormat
from agentcost.datasheets.hardware import Accelerator
from agentcost.datasheets.models import TYPICAL, architecture_of, format_of, weights_of
from agentcost.errors import UsageError
from agentcost.kv.allocation import ENGINES, Allocation, Engine, allocated
from agentcost.kv.footprint import growing, needed, parts
from agentcost.kv.room import UTILIZATION, Room, beside_weights, in_blocks, in_memory, uneven, weights_bytes
from agentcost.kv.storage import ALONE, Layout, Stored, stored

SHOWN_FORMATS = ("bf16", "fp8", "int8_per_token_head", "int4_per_token_head", "nvfp4")
"""Side by side where no format is named."""


class KvAsk(msgspec.Struct, frozen=True, dict=True):
    """Which models, formats and memory the tables are about. Without accelerator, memory or blocks nothing is fitted.

    Weights are `weights` per parameter, or `weights_memory` bytes for all of them. `named` says that the user named the
    models, so that a log's texts are worth counting again in their vocabularies.
    """

    models: tuple[Architecture, ...] = msgspec.field(default_factory=lambda: tuple(map(architecture_of, TYPICAL)))
    formats: tuple[KvFormat, ...] = msgspec.field(default_factory=lambda: tuple(map(format_of, SHOWN_FORMATS)))
    layout: Layout = ALONE
    engine: Engine = ENGINES["vllm"]
    accelerator: Accelerator | None = None
    count: int = 1
    utilization: float = UTILIZATION
    weights: WeightsFormat = msgspec.field(default_factory=lambda: weights_of("bf16"))
    weights_memory: int | None = None
    memory: int | None = None
    blocks: int | None = None
    skip_windows: bool = False
    draft: bool = False
    named: bool = False

    def room(self, model: Architecture) -> Room | None:
        """The memory for a model's cache, or why there is none; None where none was asked for."""
        found = self._room(model)
        problem = uneven(model, self.layout) if found else ""
        return replace(found, per_rank=None, weights=None, blocks=None, problem=problem) if found and problem else found

    def _room(self, model: Architecture) -> Room | None:
        if self.blocks is not None:
            return in_blocks(self.blocks, self.layout)
        if self.memory is not None:
            return in_memory(self.memory, self.layout)
        if self.accelerator is None:
            return None
        own = weights_bytes(model, self.weights) if self.weights_memory is None else self.weights_memory
        name, confidence = self.weights.name, model.params_confidence
        if self.weights_memory is not None:
            name, confidence = "given", ""
        return beside_weights(
            self.accelerator, self.count, self.layout, self.utilization, own, name, confidence,
            1 if self.layout.dp_attention else model.num_attention_heads,
        )  # fmt: skip

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every model under every format."""
        return tuple(self._pair(model, format_) for model in self.models for format_ in self.formats)

    def _pair(self, model: Architecture, format_: KvFormat) -> Pair:
        try:
            groups = stored(model, format_, skip_windows=self.skip_windows, draft=self.draft)
        except UsageError as error:
            if len(self.models) == 1 and len(self.formats) == 1:
                raise
            return Pair(model, format_, (), self, str(error).partition(": ")[2])
        return Pair(model, format_, groups, self)


class Pair(msgspec.Struct, frozen=True, dict=True):
    """A model under a format; `reason` says why there are no groups."""

    model: Architecture
    format: KvFormat
    groups: tuple[Stored, ...]
    ask: KvAsk
    reason: str = ""

    @cached_property
    def room(self) -> Room | None:
        return self.ask.room(self.model)

    def whole(self, tokens: int) -> int:
        """Bytes that attention needs on all accelerators that hold a sequence, replicas of heads and latents once."""
        return needed(self.groups, tokens)

    def shared(self, tokens: int) -> int:
        """Bytes of `whole` that other sequences with the same beginning can use too."""
        return growing(self.groups, tokens)

    def takes(self, tokens: int) -> Allocation:
        """What the engine allocates for a sequence on each rank."""
        return allocated(self.groups, tokens, self.ask.engine, self.ask.layout)

    def ranks(self) -> int:
        """Accelerators that a sequence lies on."""
        return self.ask.layout.split

    def fit(self, tokens: int) -> int | None:
        """Sequences of so many tokens that fit at once, as the engine allocates."""
        if self.room is None or not tokens:
            return None
        found = self.takes(tokens)
        return self.room.holds(found.bytes, found.blocks)


FOOTPRINT = {
    "model": pl.String, "kv_format": pl.String, "of": pl.String, "measure": pl.String, "tokens": pl.Int64,
    "needed_bytes": pl.Int64, "allocated_bytes": pl.Int64, "fit": pl.Int64, "room": pl.String, "reason": pl.String,
    "basis": pl.String, "band": pl.Float64, "max_context": pl.Int64,
}  # fmt: skip


def footprint_rows(
    pair: Pair, of: str, sizes: Sequence[tuple[str, int]], basis: str, band: float
) -> Iterator[tuple[object, ...]]:
    """A row per measure: `allocated_bytes` are on all accelerators that a sequence lies on, replicas included."""
    room = pair.room
    why = pair.reason or (room.problem if room else "")
    for measure, tokens in sizes:
        known = bool(pair.groups)
        yield (
            pair.model.id, pair.format.name, of, measure, tokens,
            pair.whole(tokens) if known else None,
            pair.takes(tokens).bytes * pair.ranks() if known else None,
            pair.fit(tokens) if known else None,
            room.name if room else "", why, basis, band, pair.model.max_context,
        )  # fmt: skip


LAYER_GROUPS = {
    "model": pl.String, "kv_format": pl.String, "kind": pl.String, "layers": pl.Int64, "stored_as": pl.String,
    "bytes": pl.Int64, "resident_bytes": pl.Int64, "shareable_bytes": pl.Int64, "formula": pl.String,
}  # fmt: skip
ROOM = {
    "model": pl.String, "room": pl.String, "replicas": pl.Int64, "tp": pl.Int64, "dp_attention": pl.Boolean,
    "weights_format": pl.String, "weights_bytes": pl.Int64, "weights_confidence": pl.String, "kv_bytes": pl.Int64,
    "blocks": pl.Int64, "reason": pl.String,
}  # fmt: skip
FORMATS = {
    "kv_format": pl.String, "flags": pl.String, "bytes_per_head_128": pl.Int64, "accuracy": pl.String,
    "accuracy_source": pl.String, "accuracy_confidence": pl.String, "source": pl.String, "confidence": pl.String,
    "checked": pl.String,
}  # fmt: skip


def rooms(ask: KvAsk) -> pl.DataFrame:
    """A row per model: the memory that its cache has."""
    rows = []
    for model in ask.models:
        room = ask.room(model)
        if room:
            rows.append((
                model.id, room.name, room.replicas, room.layout.tp, room.layout.dp_attention, room.weights_format,
                room.weights, room.confidence, room.total, room.blocks, room.problem,
            ))  # fmt: skip
    return pl.DataFrame(rows, schema=ROOM, orient="row")


def formats(ask: KvAsk) -> pl.DataFrame:
    """A row per format, with its published accuracy."""
    rows = [
        (
            one.name, "; ".join(one.flags), one.head_bytes(128, 128) if one.k_bits and not one.head_dims else None,
            one.accuracy, one.accuracy_source, one.accuracy_confidence, one.source, one.confidence, one.checked,
        )
        for one in ask.formats
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=FORMATS, orient="row")


def given_tables(ask: KvAsk, tokens: int) -> dict[str, pl.DataFrame]:
    """The tables for a sequence of so many tokens, without a log."""
    rows = [row for pair in ask.pairs for row in footprint_rows(pair, "sequence", [("given", tokens)], "given", 0.0)]
    layers = [
        (pair.model.id, pair.format.name, part.kind, part.layers, part.format, part.bytes, part.resident, part.grows,
         part.formula)
        for pair in ask.pairs
        for part in parts(pair.groups, tokens)
    ]  # fmt: skip
    return {
        "footprint": pl.DataFrame(rows, schema=FOOTPRINT, orient="row"),
        "layer_groups": pl.DataFrame(layers, schema=LAYER_GROUPS, orient="row"),
        "room": rooms(ask),
        "kv_formats": formats(ask),
    }
