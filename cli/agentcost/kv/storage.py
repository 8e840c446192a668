"""How each layer group of a model is stored under a KV format: bytes per token, per entry, per sequence.

stored(architecture_of("llama-3.1-8b"), format_of("fp8"))    32 layers x 8 heads x 256 bytes a token
"""

from __future__ import annotations

from math import ceil

import msgspec
from msgspec.structs import replace

from agentcost.datasheets.architecture import LATENT_ROPE, WITH_HEADS, Architecture, KvFormat, LayerGroup, PackedRecord
from agentcost.datasheets.models import format_of, model_sheet
from agentcost.errors import UsageError


class Stored(msgspec.Struct, frozen=True):
    """A layer group and the bytes of what it keeps, for one layer.

    `heads` of `head_bytes` each are kept per token (or per compressed entry of a latent); a latent keeps
    `window_bytes` for each token of its window besides, and `index_bytes` for each entry where it owns an index.
    An engine rounds its pages up to `page_multiple` bytes, and allocates `allocated` layers.
    """

    group: LayerGroup
    format: str
    heads: int = 0
    head_bytes: int = 0
    window_bytes: int = 0
    index_bytes: int = 0
    page_multiple: int = 1
    allocated: int = 0

    @property
    def entry(self) -> int:
        """Bytes per token, or per compressed entry, of one layer on one accelerator that holds all of it."""
        return self.heads * self.head_bytes


class Layout(msgspec.Struct, frozen=True):
    """How a replica's accelerators share a sequence, named as vLLM names it.

    `tp`: tensor parallel ranks. With `dp_attention` every rank holds whole sequences of its own. `dcp`: ranks that
    share the tokens of latents (decode-context parallel).
    """

    tp: int = 1
    dp_attention: bool = False
    dcp: int = 1

    @property
    def split(self) -> int:
        """The ranks that heads are split over."""
        return 1 if self.dp_attention else self.tp


ALONE = Layout()


def stored(
    model: Architecture, format_: KvFormat, *, skip_windows: bool = False, draft: bool = False
) -> tuple[Stored, ...]:
    """The model's layer groups under a format. UsageError where the format has no layout for one of them.

    `skip_windows` leaves sliding-window layers in bf16, `draft` adds the model's draft (MTP) layers.
    """
    plain = format_of("bf16")
    rows: list[Stored] = []
    for group in with_draft(model) if draft else model.layer_groups:
        own = plain if skip_windows and group.kind in ("swa", "chunked") else format_
        kept = min(group.count, 0 if model.hybrid or group.kind != "full" else own.boundary_layers_bf16)
        if kept:
            rows.append(_stored(model, replace(group, count=kept), plain))
        if group.count > kept:
            rows.append(_stored(model, replace(group, count=group.count - kept), own))
    return tuple(rows)


def _stored(model: Architecture, group: LayerGroup, format_: KvFormat) -> Stored:
    base = Stored(group, format_.name, allocated=group.allocated_count or group.count)
    if group.kind in WITH_HEADS:
        if not format_.k_bits:
            raise _undocumented(model, format_, "layers with KV heads")
        if format_.head_dims and not {group.head_dim, group.value_dim} <= set(format_.head_dims):
            known = ", ".join(map(str, format_.head_dims))
            raise _undocumented(model, format_, f"head size {group.head_dim} (known for {known})")
        return replace(base, heads=group.num_kv_heads, head_bytes=format_.head_bytes(group.head_dim, group.value_dim))
    if group.kind == "latent":
        return _latent(model, base, format_)
    if group.kind == "mla":
        record = _record(model, format_, format_.mla_sparse if group.sparse_topk else format_.mla, "MLA layers")
        return replace(base, heads=1, head_bytes=record.size(group.kv_lora_rank, group.qk_rope_head_dim))
    if group.kind == "indexer":
        name = format_.index_mla if "mla" in model.kinds else format_.index_full
        record = _record(model, format_, name, "index keys")
        return replace(base, heads=1, head_bytes=record.size(group.index_head_dim))
    return base


def _latent(model: Architecture, base: Stored, format_: KvFormat) -> Stored:
    group = base.group
    names = format_.latent.get(group.generation or "v4", ("", "", ""))
    window, compressed, index = (_record(model, format_, name, "compressed latents") for name in names)
    main = group.latent_dim - LATENT_ROPE
    return replace(
        base,
        heads=1,
        head_bytes=compressed.size(main, LATENT_ROPE),
        window_bytes=window.size(main, LATENT_ROPE),
        index_bytes=index.size(group.index_head_dim) if group.index_head_dim else 0,
        page_multiple=compressed.page_multiple,
    )


def _record(model: Architecture, format_: KvFormat, name: str, what: str) -> PackedRecord:
    if not name:
        raise _undocumented(model, format_, what)
    return model_sheet().records[name]


def _undocumented(model: Architecture, format_: KvFormat, what: str) -> UsageError:
    return UsageError(
        f"--kv-dtype {format_.name}: no layout is documented for {what}, which {model.id} has; bf16 is there for all"
    )


def with_draft(model: Architecture) -> tuple[LayerGroup, ...]:
    """The layer groups and the draft layers: each is one more MLA layer, and one more index where there is one."""
    if not model.mtp_layers or "mla" not in model.kinds:
        raise UsageError(f"{model.id}: the cache of its draft layers is not documented")
    return tuple(
        replace(
            group, count=group.count + model.mtp_layers,
            allocated_count=group.allocated_count and group.allocated_count + model.mtp_layers,
        )
        if group.kind in ("mla", "indexer")
        else group
        for group in model.layer_groups
    )  # fmt: skip


def on_a_rank(one: Stored, layout: Layout) -> Stored:
    """The group as one accelerator holds it.

    KV heads are split and, where there are fewer than ranks, replicated; latents and index keys are replicated on
    every rank; recurrent states are split by their heads.
    """
    group = one.group
    if layout.split == 1:
        return one
    if group.kind in WITH_HEADS:
        return replace(one, heads=ceil(one.heads / layout.split))
    heads = group.num_v_heads or group.num_heads or group.inner_size
    if group.state_bytes and group.kind != "latent" and heads:
        return replace(one, group=replace(group, state_bytes=ceil(group.state_bytes * _share(heads, layout.split))))
    return one


def _share(heads: int, ranks: int) -> float:
    return ceil(heads / ranks) / heads
