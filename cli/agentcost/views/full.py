"""The whole report: the default one with every row, and the tables behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import NONE, UNKNOWN, exact, percent, plural, size, tokens
from agentcost.views import costs
from agentcost.views.analyze import report
from agentcost.views.cache import causes_table
from agentcost.views.charts import plot_of_sizes, sizes
from agentcost.views.figures import opaque, sessionless, total
from agentcost.views.groups import dollar_columns
from agentcost.views.growth import growth, plot_of_growth
from agentcost.views.layout import NAME, Column, Paragraph, Table, title
from agentcost.views.order import ordered
from agentcost.views.toolrows import servers, tool_rows

if TYPE_CHECKING:
    from polars import DataFrame

Section = tuple[str, RenderableType]


def full(analysis: Analysis, width: int) -> RenderableType:
    """The default report with every component, then a section per table that has rows."""
    sections = (*_sections(analysis, width), *_accounts(analysis, width))
    return _joined(report(analysis, width, whole=True), sections, width)


def with_accounts(view: RenderableType, analysis: Analysis, width: int) -> RenderableType:
    """Another report, then how it was measured and what became of every record."""
    return _joined(view, _accounts(analysis, width), width)


def _joined(view: RenderableType, sections: Iterable[Section], width: int) -> RenderableType:
    parts = [view]
    for heading, body in sections:
        parts += [Text(), title(heading, width), body]
    return Group(*parts)


def _sections(analysis: Analysis, width: int) -> Iterator[Section]:
    tables = analysis.tables
    if analysis.scope.selected:
        yield "Input tokens of a request", distribution(analysis, width)
        yield "Requests by size", Group(plot_of_sizes(analysis, width), Text(), sizes(analysis, width))
        yield from _missed(analysis, width)
        yield from _largest(analysis, width)
        if not sessionless(analysis):
            yield "Sessions", sessions(analysis, width)
        yield from costs.sections(analysis, width)
    if len(tables["servers"]):
        yield "MCP servers", servers(analysis, width)
    if len(tables["tools"]):
        yield "Tools", tool_rows(analysis, width, analysis.scope.top)
    if len(tables["hidden"]):
        yield "Hidden prefix by session", hidden(analysis, width)


def _accounts(analysis: Analysis, width: int) -> Iterator[Section]:
    tables = analysis.tables
    if len(tables["rulers"]):
        yield "How tokens were measured", rulers(analysis, width)
    yield "Logs", sources(analysis, width)
    if len(tables["others"]):
        yield "Records that are no requests", others(tables["others"], width)
    if len(tables["skipped"]):
        yield "Skipped records", skipped(tables["skipped"], width)


def _missed(analysis: Analysis, width: int) -> Iterator[Section]:
    causes = analysis.tables["misses"]
    causes = causes.filter(causes["lost"] > 0)
    if len(causes):
        yield "Cached tokens that were not read, by cause", causes_table(analysis, causes, width)


def _largest(analysis: Analysis, width: int) -> Iterator[Section]:
    requests = analysis.tables["requests"]
    name = analysis.tables["sessions"]["session"][0]
    own = requests.filter(requests["session"] == name)
    if len(own) > 1:
        yield f"Growth of the largest session, {name}", Group(*plot_of_growth(own, width), growth(own, width))


def distribution(analysis: Analysis, width: int) -> RenderableType:
    """Quantiles, then how many requests are above the thresholds."""
    frame = analysis.tables["distribution"]
    names, values, shares = frame["measure"].to_list(), frame["value"].to_list(), frame["share"].to_list()
    above = [name.startswith("above_") for name in names]
    return Table(
        (
            Column(
                "",
                [f"above {int(n[6:]) // 1000}k" if over else n for n, over in zip(names, above, strict=True)],
                name=10,
            ),
            Column("tokens", ["" if over else exact(value) for value, over in zip(values, above, strict=True)]),
            Column("requests", [exact(value) if over else "" for value, over in zip(values, above, strict=True)]),
            Column("share", [percent(share) if over else "" for share, over in zip(shares, above, strict=True)]),
        ),
        width,
    )


def sessions(analysis: Analysis, width: int) -> RenderableType:
    """The largest sessions: what each takes and costs, and what stands before the user's first words."""
    scope, frame = analysis.scope, analysis.tables["sessions"]
    shown = ordered(frame, scope.sort, "session").head(scope.top)
    whole = total(frame)
    blind = opaque(analysis)
    left = f"{plural(len(frame) - len(shown), 'more session')}; --top N shows more; " if len(shown) < len(frame) else ""
    cells = {
        name: [tokens(count) for count in shown[name].to_list()]
        for name in ("prompt", "fixed_prefix", "first_prompt", "largest_prompt", "last_prompt", "output")
    }
    reads = [
        UNKNOWN if read is None else percent(read, prompt)
        for read, prompt in zip(shown["read"].to_list(), shown["prompt"].to_list(), strict=True)
    ]
    return Table(
        (
            Column("session", shown["session"].to_list(), name=NAME),
            Column("requests", [exact(count) for count in shown["requests"].to_list()]),
            Column("input", cells["prompt"]),
            Column("of input", [percent(count, whole) for count in shown["prompt"].to_list()]),
            Column("before user", [NONE] * len(shown) if blind else cells["fixed_prefix"], 1),
            Column("first", cells["first_prompt"], 8),
            Column("largest", cells["largest_prompt"], 2),
            Column("last", cells["last_prompt"], 9),
            Column("read", reads, 3),
            Column("output", cells["output"], 4),
            *dollar_columns(shown, shown.clear()),
        ),
        width,
        footer=left + "in tokens, but for requests and dollars",
    )


def hidden(analysis: Analysis, width: int) -> RenderableType:
    """What each lineage of a transcript hides, between what bounds."""
    every = analysis.tables["hidden"]
    frame = every.head(analysis.scope.top)
    left = f"{len(every) - len(frame):,} more" if len(frame) < len(every) else ""
    return Table(
        (
            Column("session", frame["session"].to_list(), name=NAME),
            Column("lineage", [exact(value) for value in frame["lineage"].to_list()], 1),
            Column("requests", [exact(value) for value in frame["requests"].to_list()]),
            Column("hidden tokens", [exact(value) for value in frame["hidden"].to_list()]),
            Column("at least", [exact(value) for value in frame["low"].to_list()]),
            Column("at most", [exact(value) for value in frame["high"].to_list()]),
        ),
        width,
        footer=left,
    )


def rulers(analysis: Analysis, width: int) -> RenderableType:
    """How the tokens of every model and client were measured."""
    own = sorted(analysis.rulers, key=lambda ruler: (-ruler.requests, ruler.model, ruler.client))
    return Table(
        (
            Column("model", [ruler.model or UNKNOWN for ruler in own], name=16),
            Column("client", [ruler.client or NONE for ruler in own], 4, name=8),
            Column("log holds", [ruler.knowledge for ruler in own], 3, name=9),
            Column("encoding", [ruler.encoding or NONE for ruler in own], 2, name=8),
            Column("basis", [ruler.basis + ", odd" * ruler.odd for ruler in own], name=10),
            Column("factor", [f"×{ruler.factor:.3f}" for ruler in own]),
            Column("error", [NONE if ruler.error is None else percent(ruler.error) for ruler in own]),
            Column("fitted", [exact(ruler.fitted) for ruler in own], 1),
            Column("requests", [exact(ruler.requests) for ruler in own]),
        ),
        width,
    )


def sources(analysis: Analysis, width: int) -> RenderableType:
    """What became of the records of every log; what a folder holds beside them is only counted."""
    every = analysis.tables["sources"]
    logs = every.filter(every["format"] != "")
    used = logs.filter(logs["requests"] + logs["duplicates"] + logs["skipped"] > 0)
    frame = used if len(used) else logs
    beside, idle = len(every) - len(logs), len(logs) - len(frame)
    notes = [f"{plural(idle, 'log')} beside them {'holds' if idle == 1 else 'hold'} no request"] * bool(idle)
    notes += [f"{plural(beside, 'file')} beside them {'is' if beside == 1 else 'are'} no log"] * bool(beside)
    names = ("records", "requests", "duplicates", "others", "skipped")
    return Table(
        (
            Column("log", frame["source"].to_list(), name=20, keeps="end"),
            Column("format", frame["format"].to_list(), 1, name=16),
            Column("size", [size(count) for count in frame["bytes"].to_list()], 2),
            *(Column(name, [exact(count) for count in frame[name].to_list()]) for name in names),
        ),
        width,
        footer="; ".join(notes),
    )


def others(frame: DataFrame, width: int) -> RenderableType:
    """Records that are no requests, by what they are."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    by_kind = frame.group_by("what").agg(pl.col("count").sum()).sort("count", "what", descending=[True, False])
    return Table(
        (
            Column("what", by_kind["what"].to_list(), name=30),
            Column("records", [exact(count) for count in by_kind["count"].to_list()]),
        ),
        width,
    )


def skipped(frame: DataFrame, width: int) -> RenderableType:
    """Every reason, how often, and where it was met first."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    place = pl.col("source") + ":" + pl.col("line").cast(pl.String)
    reasons = (
        frame.group_by("reason", maintain_order=True)
        .agg(count=pl.len().cast(pl.Int64), first=place.first())
        .sort("count", "reason", descending=[True, False])
    )
    return Group(
        *(
            Paragraph(Text(f"{reason} (first: {first})", style="yellow"), width, f"{count:>5,}  ")
            for reason, count, first in reasons.iter_rows()
        )
    )
