"""The report on tools and MCP servers: what their definitions, calls and results cost in input tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import exact, percent, plural, tokens
from agentcost.views.analyze import closing, empty
from agentcost.views.figures import outweighed, total
from agentcost.views.headline import coverage
from agentcost.views.layout import NAME, Column, Table, plain, quiet, title
from agentcost.views.order import ordered

if TYPE_CHECKING:
    from polars import DataFrame

NO_SERVER = "(no server)"

REMARK = "every request sends definitions and history again: calls and results count until the session ends"


def tools(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """Every server, every tool (`limit` of them, the rest in one row), and the account of records."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    if not len(analysis.tables["tools"]):
        silent = analysis.tables["requests"]["knowledge"].is_in(("blocks", "counts")).all()
        nothing = "The log holds lengths only: which tools were sent or called is unknown." if silent else ""
        nothing = nothing or "No tool was defined or called in the log."
        return Group(title(nothing, width), *closing(analysis, width))
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    if len(analysis.tables["servers"]):
        parts += [servers(analysis, width), Text()]
    return Group(*parts, tool_rows(analysis, width, limit), Text(), *closing(analysis, width))


def answer(analysis: Analysis, width: int) -> list[RenderableType]:
    """Which tools were never called and what that costs; what all of them cost."""
    frame, whole = analysis.tables["tools"], total(analysis.tables["requests"])
    unused = frame.filter(frame["never_called"])
    carried, called, results = (total(frame, f"{what}_carried") for what in ("schema", "call", "result"))
    lines: list[RenderableType] = []
    if not frame["schema_tokens"].count():
        lines.append(title(f"{plural(len(frame), 'tool')} called; their definitions are not in the log.", width))
        lines.append(quiet("Capture one request and pass --prefix FILE to see what they take.", width))
    elif len(unused):
        idle = total(unused, "schema_carried")
        share = "" if outweighed(analysis) else f"{percent(idle, whole)} of all input, "
        text = f"{len(unused)} of {plural(len(frame), 'tool')} were never called: {share}{exact(idle)} tokens"
        lines.append(title(text, width))
    else:
        lines.append(title(f"Every tool was called: {plural(len(frame), 'tool')}", width))
    shares = (("definitions", carried), ("calls", called), ("results", results))
    texts = [f"{what} {percent(count, whole)}" for what, count in shares if count or frame["schema_tokens"].count()]
    if not outweighed(analysis):
        lines.append(plain(f"Of all input: {', '.join(texts)}", width))
    lines.append(quiet(" · ".join((*coverage(analysis), REMARK)), width))
    return lines


def servers(analysis: Analysis, width: int) -> RenderableType:
    """A row per MCP server, and one for the tools without."""
    frame, every = analysis.tables["servers"], analysis.tables["tools"]
    own = every.filter(every["server"] == "")
    whole = total(analysis.tables["requests"])
    names = ("tools", "tools_called", "schema_tokens", "requests", "schema_carried", "calls", "result_carried")
    cells = {name: frame[name].to_list() for name in names}
    if len(own):
        rest = (
            len(own), int((own["calls"] > 0).sum()), total(own, "schema_tokens"), own["requests"].max(),
            total(own, "schema_carried"), total(own, "calls"), total(own, "result_carried"),
        )  # fmt: skip
        for name, value in zip(names, rest, strict=True):
            cells[name].append(value)
    return Table(
        (
            Column("server", [*frame["server"], *[NO_SERVER] * bool(len(own))], name=NAME),
            Column("tools", [exact(count) for count in cells["tools"]]),
            Column("called", [exact(count) for count in cells["tools_called"]]),
            Column("schema", [tokens(count) for count in cells["schema_tokens"]], 2),
            Column("requests", [exact(count) for count in cells["requests"]], 3),
            Column("sent", [exact(count) for count in cells["schema_carried"]]),
            Column("of input", [percent(count, whole) for count in cells["schema_carried"]]),
            Column("calls", [exact(count) for count in cells["calls"]], 1),
            Column("results", [exact(count) for count in cells["result_carried"]], 1),
        ),
        width,
        {number: "yellow" for number, called in enumerate(cells["tools_called"]) if not called},
    )


COUNTS = ("schema_tokens", "requests", "schema_carried", "calls", "call_carried", "result_carried", "all")


def tool_rows(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """A row per tool, `limit` of them, the rest in one row; those never called are marked."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    every = pl.col("schema_carried") + pl.col("call_carried") + pl.col("result_carried")
    frame = ordered(analysis.tables["tools"].with_columns(all=every), analysis.scope.sort, "tool", "server")
    shown, rest = frame.head(limit or len(frame)), frame.slice(limit or len(frame))
    whole = total(analysis.tables["requests"])
    counts: dict[str, list[int | None]] = {name: shown[name].to_list() for name in COUNTS}
    for name in ("requests", "schema_carried"):  # 0 where no definition is in the log
        sizes = zip(counts["schema_tokens"], counts[name], strict=True)
        counts[name] = [None if size is None else count for size, count in sizes]
    if len(rest):
        for name, value in _rest(rest).items():
            counts[name].append(value)
    cells = {name: [exact(count) for count in counts[name]] for name in COUNTS}
    other = [f"other ({len(rest)})"] * bool(len(rest))
    return Table(
        (
            Column("tool", [*shown["tool"].to_list(), *other], name=24),
            Column("kind", [*shown["kind"].to_list(), *[""] * len(other)], 6, name=9),
            Column("schema", cells["schema_tokens"], 3),
            Column("requests", cells["requests"], 5),
            Column("sent", cells["schema_carried"], 2),
            Column("calls", cells["calls"]),
            Column("call tokens", cells["call_carried"], 4),
            Column("results", cells["result_carried"], 1),
            Column("all", cells["all"]),
            Column("of input", [percent(count, whole) for count in counts["all"]]),
        ),
        width,
        {number: "yellow" for number, never in enumerate(shown["never_called"].to_list()) if never},
        "in tokens, but for requests and calls",
    )


def _rest(rest: DataFrame) -> dict[str, int | None]:
    """The sums of the tools that have no row of their own; of requests the most that carry one of them."""
    known = rest.filter(rest["schema_tokens"].is_not_null())
    defined: dict[str, int | None] = {"schema_tokens": None, "schema_carried": None, "requests": None}
    if len(known):
        most = max(known["requests"].to_list())
        defined = {name: total(known, name) for name in ("schema_tokens", "schema_carried")} | {"requests": most}
    return defined | {name: total(rest, name) for name in ("calls", "call_carried", "result_carried", "all")}
