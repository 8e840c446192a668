"""The options of `agentcost kv` that say which memory it is about: models, KV formats, and the room there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands.sizes import bytes_of
from agentcost.errors import UsageError

if TYPE_CHECKING:
    from agentcost.datasheets.architecture import Architecture
    from agentcost.memory.ask import KvAsk

Model = Annotated[
    list[str] | None, typer.Option("--model", metavar="NAME", help="An open model of `agentcost models`; repeatable.")
]
HfConfig = Annotated[
    list[str] | None, typer.Option("--hf-config", metavar="FILE", help="Any model's config.json of Hugging Face.")
]
KvDtype = Annotated[
    list[str] | None,
    typer.Option("--kv-dtype", "--kv-cache-dtype", metavar="FORMAT", help="KV format, as engines name it; repeatable."),
]
AcceleratorName = Annotated[
    str, typer.Option("--accelerator", metavar="NAME", help="One of `agentcost hardware`.")
]  # fmt: skip
Count = Annotated[int | None, typer.Option("--count", metavar="N", help="Accelerators; --tp if it is not given.")]
Tp = Annotated[int | None, typer.Option("--tp", "--tensor-parallel-size", help="Ranks of a replica; all of --count.")]
DpAttention = Annotated[bool, typer.Option("--dp-attention", help="Every rank holds whole sequences of its own.")]
Dcp = Annotated[int, typer.Option("--dcp", "--decode-context-parallel-size", help="Ranks that share MLA tokens.")]
Utilization = Annotated[float, typer.Option("--gpu-memory-utilization", help="The share of memory in use.")]
WeightsDtype = Annotated[str, typer.Option("--weights-dtype", metavar="FORMAT", help="bf16, fp8, nvfp4, mxfp4, int4.")]
WeightsMemory = Annotated[str, typer.Option("--weights-memory", metavar="SIZE", help="The weights of a replica.")]
KvMemory = Annotated[str, typer.Option("--kv-memory", metavar="SIZE", help="Memory for KV instead of accelerators.")]
Blocks = Annotated[int | None, typer.Option("--num-gpu-blocks", metavar="N", help="An engine's blocks on each rank.")]
EngineName = Annotated[str, typer.Option("--engine", metavar="vllm|sglang", help="Whose pages are allocated.")]
SkipWindows = Annotated[
    bool, typer.Option("--skip-window-layers", help="Sliding-window layers stay bf16 (vLLM's skip-layers flag).")
]
Draft = Annotated[bool, typer.Option("--draft-layers", help="With the model's draft (MTP) layers.")]


def memory_ask(
    model: Model = None,
    hf_config: HfConfig = None,
    kv_dtype: KvDtype = None,
    accelerator: AcceleratorName = "",
    count: Count = None,
    tp: Tp = None,
    dp_attention: DpAttention = False,
    dcp: Dcp = 1,
    gpu_memory_utilization: Utilization = 0.9,
    weights_dtype: WeightsDtype = "bf16",
    weights_memory: WeightsMemory = "",
    kv_memory: KvMemory = "",
    num_gpu_blocks: Blocks = None,
    engine: EngineName = "vllm",
    skip_window_layers: SkipWindows = False,
    draft_layers: Draft = False,
) -> KvAsk:
    """What was asked of memory. UsageError where it cannot be."""
    from agentcost.datasheets.hardware import accelerator_named  # noqa: PLC0415 — heavy
    from agentcost.datasheets.models import format_of, weights_of  # noqa: PLC0415 — heavy
    from agentcost.kv.allocation import ENGINES  # noqa: PLC0415 — heavy
    from agentcost.kv.room import checked_layout  # noqa: PLC0415 — heavy
    from agentcost.kv.storage import Layout, with_draft  # noqa: PLC0415 — heavy
    from agentcost.memory.ask import KvAsk  # noqa: PLC0415 — heavy

    if engine not in ENGINES:
        raise UsageError(f"--engine {engine}: the allocation of {' and '.join(ENGINES)} is known")
    if sum(bool(one) for one in (accelerator, kv_memory, num_gpu_blocks is not None)) > 1:
        raise UsageError("--accelerator, --kv-memory and --num-gpu-blocks each say what the room is: take one")
    if (count is not None or weights_memory) and not accelerator:
        raise UsageError("--count and --weights-memory are of an --accelerator; `agentcost hardware` lists them")
    models = _models(model or (), hf_config or ())
    for one in models if draft_layers else ():
        with_draft(one)
    ranks = tp if tp is not None else count if count is not None else 1
    default = KvAsk()
    ask = KvAsk(
        models=models or default.models,
        named=bool(models),
        formats=tuple(map(format_of, _split(kv_dtype))) or default.formats,
        layout=Layout(ranks, dp_attention, dcp),
        engine=ENGINES[engine],
        accelerator=accelerator_named(accelerator) if accelerator else None,
        count=count if count is not None else ranks,
        utilization=gpu_memory_utilization,
        weights=weights_of(weights_dtype),
        weights_memory=bytes_of("--weights-memory", weights_memory) if weights_memory else None,
        memory=bytes_of("--kv-memory", kv_memory) if kv_memory else None,
        blocks=num_gpu_blocks,
        skip_windows=skip_window_layers,
        draft=draft_layers,
    )
    checked_layout(ask.layout, ask.count)
    ask.room(ask.models[0])  # what cannot be built is refused before anything is read
    return ask


def _models(names: Sequence[str], files: Sequence[str]) -> tuple[Architecture, ...]:
    """The models that were named; none where the typical ones are asked for."""
    from agentcost.datasheets.huggingface import architecture_from  # noqa: PLC0415 — heavy
    from agentcost.datasheets.models import architecture_of  # noqa: PLC0415 — heavy

    return (*map(architecture_of, _split(names)), *(architecture_from(Path(file)) for file in files))


def _split(given: Sequence[str] | None) -> list[str]:
    """The names of a repeatable option that also takes commas."""
    return [name for part in given or () for name in part.split(",") if name]
