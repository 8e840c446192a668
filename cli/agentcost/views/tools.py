"""The report on tools and MCP servers: what their definitions, calls and results cost in input tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, percent, plural, tokens
from agentcost.views.analyze import closing, empty
from agentcost.views.figures import total
from agentcost.views.headline import coverage
from agentcost.views.layout import NAME, Column, Table, plain, quiet, title

if TYPE_CHECKING:
    from polars import DataFrame

NO_SERVER = "(no server)"

REMARK = "every request sends definitions and history again: calls and results count until the session ends"


def tools(analysis: Analysis, width: int) -> RenderableType:
    """Every server, every tool, and the account of records."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    if not len(analysis.tables["tools"]):
        nothing = "No tool was defined or called in the log."
        return Group(title(nothing, width), *closing(analysis, width))
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    if len(analysis.tables["servers"]):
        parts += [servers(analysis, width), Text()]
    return Group(*parts, tool_rows(analysis, width), Text(), *closing(analysis, width))


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
        share = percent(total(unused, "schema_carried"), whole)
        text = f"{len(unused)} of {plural(len(frame), 'tool')} were never called: {share} of all input"
        lines.append(title(f"{text}, {exact(total(unused, 'schema_carried'))} tokens", width))
    else:
        lines.append(title(f"Every tool was called: {plural(len(frame), 'tool')}", width))
    shares = (("definitions", carried), ("calls", called), ("results", results))
    texts = [f"{what} {percent(count, whole)}" for what, count in shares if count or frame["schema_tokens"].count()]
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


def tool_rows(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """A row per tool; those never called are marked."""
    frame, whole = _sorted(analysis), total(analysis.tables["requests"])
    shown = frame.head(limit) if limit else frame
    sums = (shown["schema_carried"] + shown["call_carried"] + shown["result_carried"]).to_list()
    known = [size is not None for size in shown["schema_tokens"].to_list()]
    cells = {
        name: [exact(count) for count in shown[name].to_list()]
        for name in shown.columns
        if shown[name].dtype.is_integer()
    }
    blind = [cell if sure else UNKNOWN for cell, sure in zip(cells["schema_carried"], known, strict=True)]
    carriers = [cell if sure else UNKNOWN for cell, sure in zip(cells["requests"], known, strict=True)]
    left = f"{plural(len(frame) - len(shown), 'more tool')}: `agentcost tools`; " if len(shown) < len(frame) else ""
    return Table(
        (
            Column("tool", shown["tool"].to_list(), name=24),
            Column("kind", shown["kind"].to_list(), 6, name=9),
            Column("schema", cells["schema_tokens"], 3),
            Column("requests", carriers, 5),
            Column("sent", blind, 2),
            Column("calls", cells["calls"]),
            Column("call tokens", cells["call_carried"], 4),
            Column("results", cells["result_carried"], 1),
            Column("all", [exact(count) for count in sums]),
            Column("of input", [percent(count, whole) for count in sums]),
        ),
        width,
        {number: "yellow" for number, never in enumerate(shown["never_called"].to_list()) if never},
        left + "in tokens, but for requests and calls",
    )


def _sorted(analysis: Analysis) -> DataFrame:
    frame, sort = analysis.tables["tools"], analysis.scope.sort
    return (
        frame.sort(sort, "tool", descending=[sort not in ("tool", "server", "kind"), False])
        if sort in frame.columns
        else frame
    )
