"""The default report's lines on memory: what its requests weigh as KV cache, and how many one accelerator holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import exact, gibibytes, percent
from agentcost.views.layout import Paragraph

GUESSED = ("estimated", "scaled")
"""What tokens of a model rest on where its own vocabulary did not count them: they are off by up to the band."""


def memory(analysis: Analysis, width: int) -> list[RenderableType]:
    """The default report's lines: KV of the median and the p99 request, and how many one accelerator holds."""
    rows = {(row["kv_format"], row["measure"]): row for row in analysis.tables["footprint"].iter_rows(named=True)}
    formats = list(dict.fromkeys(name for name, _ in rows))
    if not rows:
        return []
    first = rows[formats[0], "p50"]
    sizes = [f"{_pair(rows, name, 'needed_bytes', gibibytes)} in {name}" for name in formats]
    measures = "the request" if analysis.scope.selected == 1 else "median and p99 request"
    text = f"{measures} {', '.join(sizes)} on {first['model']}"
    if first["fit"] is not None:
        fit = ", ".join(_pair(rows, name, "fit", exact) for name in formats)
        text += f"; {first['room']} holds {fit}"
    lead = f"KV cache (±{percent(first['band'], digits=0)}):" if first["basis"] in GUESSED else "KV cache:"
    return [Paragraph(Text.assemble((lead, "bold"), " ", f"{text}."), width)]


def _pair(rows: Mapping[tuple[str, str], Mapping[str, Any]], name: str, column: str, text: Callable[[int], str]) -> str:
    """A figure of the median and of the p99 request; once where they are alike."""
    median, high = (text(rows[name, measure][column]) for measure in ("p50", "p99"))
    if median == high:
        return high
    return f"{median.removesuffix(' GiB') if high.endswith(' GiB') else median} and {high}"
