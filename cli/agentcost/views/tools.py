"""The report on tools and MCP servers: what their definitions, calls and results cost, in dollars and in tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import agreed, dollars, percent, plural
from agentcost.views import money, paid
from agentcost.views.analyze import closing, empty
from agentcost.views.figures import outweighed, total
from agentcost.views.headline import coverage, held
from agentcost.views.layout import packed, plain, quiet, title
from agentcost.views.toolrows import PARTS, servers, tool_rows, with_costs

if TYPE_CHECKING:
    from polars import DataFrame

REMARK = "every request sends definitions and history again: calls and results count until the session ends"

NAMED = 8
"""Tools that the first line names, at most."""


def tools(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """Every server, every tool (`limit` of them, the rest in one row), and the account of records."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    if not len(analysis.tables["tools"]):
        silent = analysis.tables["requests"]["knowledge"].is_in(("blocks", "counts")).all()
        nothing = f"The log holds {held(analysis)}: which tools were sent or called is unknown." if silent else ""
        nothing = nothing or "No tool was defined or called in the log."
        return Group(title(nothing, width), *closing(analysis, width))
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    if len(analysis.tables["servers"]):
        parts += [servers(analysis, width), Text()]
    return Group(*parts, tool_rows(analysis, width, limit), Text(), *closing(analysis, width))


def answer(analysis: Analysis, width: int) -> list[RenderableType]:
    """Which tools cost most; which were never called and what those cost; what definitions, calls and results do."""
    frame = with_costs(analysis)
    told = _dearest(analysis, frame, width), _unused(analysis, frame), _shares(analysis, frame)
    lines = [text for text in told if text]
    remarks = [*coverage(analysis), REMARK]
    if paid.one_way(analysis):
        remarks.append(paid.rests(analysis.tables["requests"]))
    found: list[RenderableType] = [title(lines[0], width), *(plain(line, width) for line in lines[1:])]
    if not frame["schema_tokens"].count():
        found.append(quiet("Capture one request and pass --prefix FILE to see what definitions take.", width))
    apart = paid.apart(analysis)
    return [*found, *[plain(apart, width)] * bool(apart), quiet(" · ".join(remarks), width)]


def _dearest(analysis: Analysis, frame: DataFrame, width: int) -> str:
    """`Tools take $0.64 of $1.01 (63%): Read $0.16, Edit $0.11`; "" where dollars are unknown or do not add up."""
    if not paid.one_way(analysis):
        return ""
    requests = analysis.tables["requests"]
    priced = requests.filter(requests["cost"].is_not_null())
    own = paid.summed(amount for name in PARTS for amount in frame[name].to_list())
    whole, bound = money.dollars(priced), bool(priced["cost_is_lower_bound"].any())
    if not own or not whole:
        return ""
    share = f"{'≤' if bound else ''}{percent(float(own / whole), 1.0, 0)}"
    called = " at list prices" if priced["billing"][0] in ("", "seat") else ""
    top = frame.filter(frame["cost"] > 0).head(NAMED).select("tool", "cost").iter_rows()
    first = f"Tools take {dollars(own)} of {'≥' * bound}{dollars(whole)}{called} ({share}): "
    named = packed((f"{tool} {dollars(cost)}" for tool, cost in top), max(1, width - len(first)), ", ")
    return first + named


def _unused(analysis: Analysis, frame: DataFrame) -> str:
    """How many tools were never called, and what that costs."""
    unused = frame.filter(frame["never_called"])
    if not frame["schema_tokens"].count():
        return f"{plural(len(frame), 'tool')} called; their definitions are not in the log."
    if not len(unused):
        return f"Every tool was called: {plural(len(frame), 'tool')}"
    idle, cost = total(unused, "schema_carried"), paid.summed(unused["cost"].to_list())
    share = "" if outweighed(analysis) else f"{percent(idle, total(analysis.tables['requests']))} of all input, "
    lost = f"{dollars(cost)}, " if cost is not None else ""
    never = f"{len(unused)} of {plural(len(frame), 'tool')} {agreed(len(unused), 'was', 'were')} never called"
    return f"{never}: {lost}{share}{plural(idle, 'token')}"


def _shares(analysis: Analysis, frame: DataFrame) -> str:
    """What definitions, calls and results are of all input; what changed definitions cost in broken caches."""
    whole, found = total(analysis.tables["requests"]), []
    skills = total(frame.filter(frame["kind"] == "skill"), "schema_carried")  # a component of their own elsewhere
    for name, what in zip(PARTS, ("definitions", "calls", "results"), strict=True):
        count, cost = total(frame, name.replace("_cost", "_carried")), paid.summed(frame[name].to_list())
        if outweighed(analysis) or not (count or frame["schema_tokens"].count()):
            continue
        inside = [dollars(cost)] if cost is not None else []
        inside += [f"skills' {percent(skills, whole)} among them"] if skills and what == "definitions" else []
        found.append(f"{what} {percent(count, whole)}" + (f" ({', '.join(inside)})" if inside else ""))
    broken = paid.summed(frame["break_cost"].to_list())
    breaks = f"; caches that changed definitions broke: {dollars(broken)}" if broken else ""
    return f"Of all input: {', '.join(found)}{breaks}" if found else ""
