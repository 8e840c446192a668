"""`agentcost kv`: what prompts weigh as KV cache on open models, and how many sessions a memory holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands import curves, options
from agentcost.commands.asked import Asked
from agentcost.commands.sizes import bytes_of
from agentcost.errors import UsageError

if TYPE_CHECKING:
    from agentcost.capacitytables import CapacityAsk
    from agentcost.datasheets.architecture import Architecture
    from agentcost.kvask import KvAsk
    from agentcost.results import Analysis
    from agentcost.study import Study

Tokens = Annotated[int | None, typer.Option("--tokens", metavar="N", help="A prompt of N tokens, and no log.")]
OutputTokens = Annotated[int, typer.Option("--output-tokens", metavar="N", help="With --tokens: its answer's.")]
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


def kv(
    logs: options.Logs = None,
    tokens: Tokens = None,
    output_tokens: OutputTokens = 0,
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
    cached_tokens: curves.CachedTokens = 0,
    replicas: curves.Replicas = "",
    routing: curves.Routing = "round-robin",
    tier: curves.Tiers = None,
    block_size: curves.BlockSize = None,
    gpu_price: curves.GpuPrice = None,
    input_format: options.InputFormat = "",
    columns: options.Columns = "",
    prefix: options.Prefix = None,
    label: options.Label = None,
    since: options.Since = "",
    until: options.Until = "",
    tz: options.Zone = "UTC",
    where: options.Where = None,
    counter: options.Counter = "splintr",
    no_cache: options.NoCache = False,
    jobs: options.Jobs = 1,
    format_: options.As = "text",
    json: options.Json = False,
    output: options.Output = "",
    table: options.Table = "",
    quiet: options.Quiet = False,
) -> None:
    """Footprint by model and KV format of a log or of --tokens, how many fit, hit rate by capacity, tiers, prefill."""
    from agentcost.commands.report import deliver, draw, refuse_to_overwrite, width  # noqa: PLC0415 — heavy
    from agentcost.kvask import given_tables  # noqa: PLC0415 — heavy
    from agentcost.prefilltables import given_prefill  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis, Scope  # noqa: PLC0415 — heavy
    from agentcost.views.kv import kv as view  # noqa: PLC0415 — heavy

    ask = _ask(
        _models(model or (), hf_config or ()), tuple(kv_dtype or ()), accelerator, count, tp, dp_attention, dcp,
        gpu_memory_utilization, weights_dtype, weights_memory, kv_memory, num_gpu_blocks, engine, skip_window_layers,
        draft_layers,
    )  # fmt: skip
    cache = curves.capacity_ask(replicas, routing, tier, block_size, gpu_price, ask)
    cached = curves.checked_cached(cached_tokens, tokens)
    form = "json" if json else format_
    if tokens is not None:
        if logs:
            raise UsageError("--tokens stands for a prompt without a log; leave one of both out")
        if tokens < 1 or output_tokens < 0:
            raise UsageError(f"--tokens {tokens}: a prompt has at least one token")
        given = given_tables(ask, tokens + output_tokens) | {"prefill": given_prefill(ask, tokens, cached, gpu_price)}
        analysis = Analysis(Scope(0, 0, None, None, "UTC"), (), given)
        if output or table or form not in ("text", "json"):
            raise UsageError("--tokens: --json or the report; -o, --table and other formats are for logs")
        if form == "json":
            from agentcost.commands.sheets import write_tables  # noqa: PLC0415 — heavy

            write_tables("kv", analysis.tables)
            return
        draw(view(analysis, width()))
        return
    asked = Asked(
        logs=tuple(logs or ()), input_format=input_format, columns=columns, prefix=tuple(prefix or ()),
        label=tuple(label or ()), since=since, until=until, tz=tz, where=tuple(where or ()), counter=counter,
        cache=not no_cache, jobs=jobs,
    )  # fmt: skip
    if not logs and sys.stdin.isatty():
        raise UsageError("kv needs a log, or --tokens N for a prompt without one")
    analysis = _of_a_log(asked, ask, cache, named=bool(model or hf_config), quiet=quiet)
    if output or table or form != "text":
        if output:
            refuse_to_overwrite("-o", Path(output), analysis.tables["sources"]["source"].to_list())
        deliver(analysis, "kv", form, output, table)
        return
    draw(view(analysis, width()))


def _of_a_log(asked: Asked, ask: KvAsk, cache: CapacityAsk, *, named: bool, quiet: bool) -> Analysis:
    """The analysis of the logs with the tables of memory beside those of its requests and records."""
    from agentcost.commands.report import studied  # noqa: PLC0415 — heavy
    from agentcost.kvtables import chosen_rows, log_tables  # noqa: PLC0415 — heavy
    from agentcost.memorytables import memory_tables  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis  # noqa: PLC0415 — heavy

    analysis, study = studied(asked, quiet=quiet, save="")
    chosen = chosen_rows(study, analysis.tables["requests"])
    again = _counted_again(asked, ask, study) if named else {}
    kept = ("requests", "components", "hidden", "rulers", "sources", "others", "skipped")
    own = log_tables(study, chosen, ask, again) | memory_tables(study, chosen, ask, cache, again)
    return Analysis(analysis.scope, analysis.rulers, own | {name: analysis.tables[name] for name in kept})


def _counted_again(asked: Asked, ask: KvAsk, study: Study) -> dict[str, dict[int, int]]:
    """Counts of the log's texts in the vocabularies of the named models, by encoding and segment."""
    from agentcost.excerpts import texts_of  # noqa: PLC0415 — heavy
    from agentcost.tokens import counter, encoding_of  # noqa: PLC0415 — heavy

    found: dict[str, dict[int, int]] = {}
    for encoding in {encoding_of(model.id).name for model in ask.models}:
        entries = study.record.tree.entries
        missing = [
            number
            for number, entry in enumerate(entries)
            if entry.tokens is None and not entry.media and entry.counts and encoding not in entry.counts
        ]
        if missing:
            texts = texts_of(study.record, missing, asked.reading())
            counts = counter(encoding, threads=False).count_all(list(texts.values()))
            found[encoding] = dict(zip(texts, counts, strict=True))
    return found


def _models(names: tuple[str, ...] | list[str], files: tuple[str, ...] | list[str]) -> tuple[Architecture, ...]:
    """The models that were named; none where the typical ones are asked for."""
    from agentcost.datasheets.huggingface import architecture_from  # noqa: PLC0415 — heavy
    from agentcost.datasheets.models import architecture_of  # noqa: PLC0415 — heavy

    named = (name for part in names for name in part.split(",") if name)
    return (*(architecture_of(name) for name in named), *(architecture_from(Path(file)) for file in files))


def _ask(
    models: tuple[Architecture, ...], kv_dtype: tuple[str, ...], accelerator: str, count: int | None, tp: int | None,
    dp_attention: bool, dcp: int, utilization: float, weights_dtype: str, weights_memory: str, kv_memory: str,
    blocks: int | None, engine: str, skip_windows: bool, draft: bool,
) -> KvAsk:  # fmt: skip
    """What was asked of memory. UsageError where it cannot be."""
    from agentcost.datasheets.hardware import accelerator_named  # noqa: PLC0415 — heavy
    from agentcost.datasheets.models import format_of, weights_of  # noqa: PLC0415 — heavy
    from agentcost.kv.allocation import ENGINES  # noqa: PLC0415 — heavy
    from agentcost.kv.room import checked_layout  # noqa: PLC0415 — heavy
    from agentcost.kv.storage import Layout, with_draft  # noqa: PLC0415 — heavy
    from agentcost.kvask import KvAsk  # noqa: PLC0415 — heavy

    if engine not in ENGINES:
        raise UsageError(f"--engine {engine}: the allocation of {' and '.join(ENGINES)} is known")
    if sum(bool(one) for one in (accelerator, kv_memory, blocks is not None)) > 1:
        raise UsageError("--accelerator, --kv-memory and --num-gpu-blocks each say what the room is: take one")
    if (count is not None or weights_memory) and not accelerator:
        raise UsageError("--count and --weights-memory are of an --accelerator; `agentcost hardware` lists them")
    for model in models if draft else ():
        with_draft(model)
    ranks = tp if tp is not None else count if count is not None else 1
    default = KvAsk()
    ask = KvAsk(
        models=models or default.models,
        formats=tuple(format_of(name) for part in kv_dtype for name in part.split(",") if name) or default.formats,
        layout=Layout(ranks, dp_attention, dcp),
        engine=ENGINES[engine],
        accelerator=accelerator_named(accelerator) if accelerator else None,
        count=count if count is not None else ranks,
        utilization=utilization,
        weights=weights_of(weights_dtype),
        weights_memory=bytes_of("--weights-memory", weights_memory) if weights_memory else None,
        memory=bytes_of("--kv-memory", kv_memory) if kv_memory else None,
        blocks=blocks,
        skip_windows=skip_windows,
        draft=draft,
    )
    checked_layout(ask.layout, ask.count)
    ask.room(ask.models[0])  # what cannot be built is refused before anything is read
    return ask
