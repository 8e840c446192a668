"""`agentcost models`: the open models whose cache is known, or one of them with all that is known of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from agentcost.commands import options
from agentcost.commands.report import draw, width
from agentcost.commands.sheets import CONFIDENCE, Rows, facts, write_tables
from agentcost.errors import UsageError
from agentcost.units import NONE, UNKNOWN, exact, gibibytes, tokens

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.datasheets.architecture import Architecture, KvFormat


def models(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One model, with all that is known of it.")] = "",
    json: options.AllAsJson = False,
) -> None:
    """The open models whose KV cache is known, the KV formats, with sources and dates."""
    from agentcost.datasheets.models import architecture_of, model_sheet  # noqa: PLC0415 — heavy

    known = model_sheet()
    chosen = [architecture_of(name)] if name else list(known.architectures.values())
    if json:
        tables: dict[str, Rows] = {
            "models": [plain(one) for one in chosen],
            "kv_formats": list(known.formats.values()),
            "records": list(known.records.values()),
            "weights_formats": list(known.weights.values()),
            "not_modelled": list(known.not_modelled.values()),
        }
        write_tables("models", {"models": tables["models"]} if name else tables)
        return
    draw(sheet(chosen[0], width()) if name else overview(chosen, width()))


def plain(model: Architecture) -> dict[str, object]:
    """A model's fields; of its layer groups only those that their kind has."""
    groups = [{name: value for name, value in asdict(group).items() if value} for group in model.layer_groups]
    return asdict(model) | {"layer_groups": groups}


def kinds(model: Architecture) -> str:
    """How its layers keep their cache: 18 full + 18 swa."""
    counts: dict[str, int] = {}
    for group in model.layer_groups:
        if group.kind != "indexer":
            counts[group.kind] = counts.get(group.kind, 0) + group.count
    index = " + index" if "indexer" in model.kinds else ""
    return " + ".join(f"{count} {kind}" for kind, count in counts.items()) + index


def overview(chosen: Collection[Architecture], columns: int) -> RenderableType:
    """A line per model, then the KV formats and what they do to accuracy."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.datasheets.models import REFERENCE_TOKENS, model_sheet  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table, quiet, title  # noqa: PLC0415 — heavy

    sizes = {one.id: footprints(one) for one in chosen}
    known = model_sheet()
    listed = [
        Column("model", [one.id for one in chosen], name=30),
        Column("params", [parameters(one.total_params) for one in chosen], drop=3),
        Column("active", [parameters(one.active_params) for one in chosen], drop=4),
        Column("KV bf16", [gibibytes(sizes[one.id].get("bf16")) for one in chosen]),
        Column("fp8", [gibibytes(sizes[one.id].get("fp8")) for one in chosen]),
        Column("layers", [kinds(one) for one in chosen], name=16),
        Column("", [one.confidence for one in chosen], drop=1),
        Column("checked", [one.checked for one in chosen], drop=2),
        Column("source", [one.source for one in chosen], drop=5, name=20, keeps="start"),
    ]
    formats = list(known.formats.values())
    table = [
        Column("KV format", [one.name for one in formats], name=20),
        Column("bytes", [head_bytes(one) for one in formats]),
        Column("accuracy, as published", [one.accuracy for one in formats], name=20, keeps="start"),
        Column("", [one.confidence for one in formats], drop=1),
    ]  # fmt: skip
    absent = ", ".join(known.not_modelled)
    return Group(
        Table(listed, columns),
        quiet(f"KV: of a sequence of {exact(REFERENCE_TOKENS)} tokens; {CONFIDENCE}", columns),
        quiet(f"known by name only, not modelled: {absent}", columns),
        Text(),
        title("KV formats", columns),
        Table(table, columns),
        quiet("bytes: one KV head's key and value of size 128 (octave: 256) for one token, scales included", columns),
        quiet("agentcost models NAME shows all of a model; kv --hf-config FILE takes any other", columns),
    )


def head_bytes(format_: KvFormat) -> str:
    """Bytes of one head's key and value for a token, at the head size of the published figure."""
    size = format_.head_dims[0] if format_.head_dims else 128
    return exact(format_.head_bytes(size, size)) if format_.k_bits else NONE


def parameters(count: int | None) -> str:
    """Parameters: 8.03B, 1.03T."""
    text = tokens(count)
    if count is None or count >= 10**12:
        return UNKNOWN if count is None else f"{count / 10**12:.2f}T"
    return text.replace("G", "B")


def footprints(model: Architecture) -> dict[str, int]:
    """Bytes of the reference sequence under every format that has a layout for the model."""
    from agentcost.datasheets.models import REFERENCE_TOKENS, model_sheet  # noqa: PLC0415 — heavy
    from agentcost.kv.footprint import needed, stored  # noqa: PLC0415 — heavy

    found = {}
    for format_ in model_sheet().formats.values():
        try:
            found[format_.name] = needed(stored(model, format_), REFERENCE_TOKENS)
        except UsageError:
            continue
    return found


def sheet(model: Architecture, columns: int) -> RenderableType:
    """Everything that is known of one model: facts, layer groups, footprint by format."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.datasheets.models import REFERENCE_TOKENS, format_of, model_sheet  # noqa: PLC0415 — heavy
    from agentcost.kv.footprint import parts, stored  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table, quiet, title  # noqa: PLC0415 — heavy

    groups = parts(stored(model, format_of("bf16")), REFERENCE_TOKENS)
    sizes = footprints(model)
    formats = [model_sheet().formats[name] for name in sizes]
    return Group(
        title(f"{model.id}: {kinds(model)}", columns),
        *facts(_facts(model), columns),
        Text(),
        title(f"KV of a sequence of {exact(REFERENCE_TOKENS)} tokens in bf16, by layer group", columns),
        Table(
            (
                Column("kind", [one.kind for one in groups], name=8),
                Column("layers", [exact(one.layers) for one in groups]),
                Column("KV", [gibibytes(one.bytes) for one in groups], ends=gibibytes(sum(g.bytes for g in groups))),
                Column("bytes", [one.formula for one in groups], name=20),
            ),
            columns,
        ),
        Text(),
        title("and by KV format", columns),
        Table(
            (
                Column("KV format", [one.name for one in formats], name=20),
                Column("KV", [gibibytes(sizes[one.name]) for one in formats]),
                Column("× bf16", [f"{sizes[one.name] / sizes['bf16']:.2f}" for one in formats]),
                Column("accuracy, as published", [one.accuracy for one in formats], name=20, keeps="start"),
            ),
            columns,
        ),
        quiet(f"formats without a documented layout for its layers are left out; {CONFIDENCE}", columns),
    )


def _facts(model: Architecture) -> Iterator[tuple[str, str]]:
    yield "aliases", ", ".join(model.aliases)
    yield (
        "parameters",
        f"{parameters(model.total_params)}, active {parameters(model.active_params)} ({model.params_confidence})",
    )
    yield "layers", f"{model.num_layers}" + f" and {model.mtp_layers} draft" * bool(model.mtp_layers)
    yield "hidden size", exact(model.hidden_size)
    yield "attention heads", exact(model.num_attention_heads)
    yield "vocabulary", exact(model.vocab_size)
    yield "context", f"{exact(model.max_context)} tokens"
    yield "note", model.note
    yield "source", f"{model.source}; checked {model.checked}; {model.confidence}"
