"""The report on a budget: the worst breach first, every limit with its value, and where to look."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.gate.verdicts import Judgement, Verdict
from agentcost.gate.words import counts, verdict
from agentcost.units import plural, printable
from agentcost.views.layout import Paragraph, plain, quiet, title

_STYLES = {"fail": "bold red", "warn": "yellow", "ok": "green", "n/a": "dim"}


def check(judgement: Judgement, width: int) -> RenderableType:
    """Every verdict, the worst first."""
    what = "a fixed prefix, no log" if judgement.static else plural(judgement.requests, "request")
    broken = any(one.status in ("fail", "warn") for one in judgement.verdicts)
    head = [title(verdict(judgement), width)]
    if broken:
        head.append(plain(f"{counts(judgement)}.", width))
    head.append(quiet(f"budget {judgement.budget}; {what}", width))
    return Group(*head, Text(), *(line for one in judgement.verdicts for line in _lines(one, width)))


def _lines(one: Verdict, width: int) -> Iterator[RenderableType]:
    """The limit and what came of it; of a breach also what is behind it and where to look."""
    broken = one.status in ("fail", "warn")
    lead = f"{one.status.upper() if broken else one.status:<5}"
    style = _STYLES[one.status]
    name = one.limit.partition(f" {one.bound} ")[0] if one.bound else one.limit
    told = f"{name}: {one.message}" + (f" ({one.basis})" if one.basis else "")
    yield Paragraph(Text(printable(told), style=style if broken or one.status == "n/a" else ""), width, lead)
    if broken and one.culprit:
        yield Paragraph(Text(printable(f"because of {one.culprit}")), width, " " * len(lead))
    if broken and one.where:
        yield Paragraph(Text(printable(f"look at {one.where}"), style="dim"), width, " " * len(lead))
