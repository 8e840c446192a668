"""What stands under the report on memory: where nothing fits and why, what is not documented, what formats cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, gibibytes
from agentcost.views.layout import Paragraph, quiet, title

if TYPE_CHECKING:
    from polars import DataFrame

Row = dict[str, Any]


def short(name: str) -> str:
    """A format as a heading: int8 for int8_per_token_head."""
    return name.removesuffix("_per_token_head")


def remarks(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    yield from _hosted(analysis, width)
    yield from beyond(analysis.tables["footprint"], width)
    yield from rooms(analysis, width)
    yield from missing(analysis.tables["footprint"], width)
    yield from accuracy(analysis, width)


def _hosted(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    frame = analysis.tables["served_models"]
    hosted = frame.filter(frame["architecture"] == "")["model"].to_list()
    if hosted == [""]:
        yield quiet("The log names no model: these are its prompts on open models.", width)
    elif hosted:
        hosted = [name or "an unnamed one" for name in hosted]
        more = f" and {len(hosted) - 3} more" if len(hosted) > 3 else ""
        names = ", ".join(hosted[:3]) + more
        yield quiet(f"The architecture of {names} is unknown: these are the same prompts on open models.", width)


def rooms(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """Where weights leave no room, and what the counts rest on."""
    rows = analysis.tables["room"].to_dicts()
    heavy = [row for row in rows if row["reason"] and row["weights_bytes"] is not None]
    others = [row for row in rows if row["reason"] and row["weights_bytes"] is None]
    for alike in (others, heavy if len(heavy) == 1 else []):
        if alike:
            likewise = f"; likewise {', '.join(row['model'] for row in alike[1:])}" if alike[1:] else ""
            yield Paragraph(Text(f"{alike[0]['model']}: {alike[0]['reason']}{likewise}", style="yellow"), width)
    if len(heavy) > 1:
        told = ", ".join(f"{row['model']} ({gibibytes(row['weights_bytes'])})" for row in heavy)
        text = f"{rows[0]['room']} cannot hold {rows[0]['weights_format']} weights of {told}: raise --count or pass a"
        yield Paragraph(Text(f"{text} smaller --weights-dtype", style="yellow"), width)
    if rows and rows[0]["weights_format"]:
        text = f"fit (×): beside {rows[0]['weights_format']} weights on {rows[0]['room']}, as the engine allocates"
        yield quiet(f"{text}; activations are not taken off", width)
    yield from _too_large(analysis.tables["footprint"], rows, width)
    yield from _copies(analysis.tables["footprint"], rows, width)


def _too_large(frame: DataFrame, rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """What does not even fit alone, said of the smallest that does not."""
    none = frame.filter(frame["fit"] == 0).sort("allocated_bytes", maintain_order=True)
    if len(none):
        row = none.row(0, named=True)
        sizes = {one["model"]: one for one in rows}[row["model"]]
        room = gibibytes(sizes["kv_bytes"]) if sizes["blocks"] is None else f"{exact(sizes['blocks'])} blocks"
        text = (
            f"×0 is larger than the room: {exact(row['tokens'])} tokens on {row['model']} in {short(row['kv_format'])} "
            f"take {gibibytes(row['allocated_bytes'])}, the room for its cache is {room}"
        )
        yield Paragraph(Text(text, style="yellow"), width)


def _copies(frame: DataFrame, rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """Why an engine allocates many times what is needed: latents are on every rank."""
    several = frame.filter(frame["allocated_bytes"] > 1.9 * frame["needed_bytes"])
    ranks = rows[0]["tp"] if rows else 1
    if len(several) and ranks > 1:
        names = ", ".join(several["model"].unique(maintain_order=True).to_list())
        text = f"{names}: keys and values lie on several of the {ranks} ranks"
        yield quiet(f"{text}; --dp-attention (or --dcp for MLA) keeps them once", width)


def beyond(frame: DataFrame, width: int) -> Iterator[RenderableType]:
    """The models that the largest size is too long for."""
    long = frame.filter(frame["tokens"] > frame["max_context"]).unique("model", maintain_order=True)
    if len(long):
        told = ", ".join(f"{name} {exact(most)}" for name, most in long.select("model", "max_context").iter_rows())
        more = exact(max(frame["tokens"].to_list()))
        yield Paragraph(Text(f"More than a model takes (up to {more} tokens): {told}", style="yellow"), width)


def missing(frame: DataFrame, width: int) -> Iterator[RenderableType]:
    """The formats that are not documented for a model, models of the same ones together."""
    absent = frame.filter(frame["needed_bytes"].is_null()).unique(("model", "kv_format"), maintain_order=True)
    by_model: dict[str, list[str]] = {}
    for row in absent.iter_rows(named=True):
        by_model.setdefault(row["model"], []).append(short(row["kv_format"]))
    alike: dict[str, list[str]] = {}
    for model, names in by_model.items():
        alike.setdefault(", ".join(names), []).append(model)
    if alike:
        told = "; ".join(f"{names} for {', '.join(models)}" for names, models in alike.items())
        yield quiet(f"{UNKNOWN}: no layout is documented of {told}", width)


def accuracy(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """What each format does to accuracy, as published: a smaller cache is not free."""
    yield Text()
    yield title("Accuracy, as published", width)
    sizes, frame = analysis.tables["footprint"], analysis.tables["kv_formats"]
    shown = sizes.filter(sizes["needed_bytes"].is_not_null())["kv_format"].unique().to_list()
    frame = frame.filter(frame["kv_format"].is_in(shown)) if shown else frame
    names = [short(name) for name in frame["kv_format"].to_list()]
    wide = max(map(len, names))
    for name, text, source in zip(names, frame["accuracy"].to_list(), frame["accuracy_source"].to_list(), strict=True):
        yield Paragraph(Text(text + (f" ({source})" if source else "")), width, f"{name:<{wide}}  ")
