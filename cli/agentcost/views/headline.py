"""The first lines of a report: how much, where it goes, what the cache served, and what they cover."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentcost.model import Kind, Knowledge
from agentcost.results import KIND_COLUMNS, Analysis, simulated
from agentcost.units import duration, exact, percent, plural, span, tail, tokens
from agentcost.views import money
from agentcost.views.figures import LABELS, OPAQUE, component_tokens, opaque, outweighed, sessionless, total
from agentcost.views.layout import packed

if TYPE_CHECKING:
    from polars import DataFrame

MANY = 5
"""Formats that are counted, no longer named."""


def headline(analysis: Analysis, width: int) -> tuple[str, str, str]:
    """Three lines: how much there is, where the input goes, what the cache served."""
    requests = analysis.tables["requests"]
    return _size(analysis, money.total(analysis), width), _where(analysis, width), packed(_cache(requests), width, ", ")


def _size(analysis: Analysis, cost: str, width: int) -> str:
    """`66 requests · 4 sessions · 2 models · 799,890 input tokens (billed) · 11.8k output · $1.01`."""
    requests = analysis.tables["requests"]
    models = requests["model"].unique().to_list()
    start = [plural(len(requests), "request")]
    start += [] if sessionless(analysis) else [plural(requests["session"].n_unique(), "session")]
    start += [plural(len(models), "model")] if any(models) else []
    basis, written = _basis(requests), " · ".join(part for part in (_output(requests), cost) if part)
    forms = [
        [*start, f"{exact(total(requests))} input tokens{basis}", written],
        [*start, f"{exact(total(requests))} input tokens", written],
        [*start, f"{tokens(total(requests))} input tokens", written],
        [start[0], f"{tokens(total(requests))} input tokens", written, *start[1:]],
    ]
    lines = [" · ".join(form) for form in forms]
    return next((line for line in lines if len(line) <= width), packed(forms[-1], width))


def _basis(requests: DataFrame) -> str:
    billed = int(requests["billed"].sum())
    if not billed:
        return " (measured, nothing was billed)"
    if billed < len(requests):
        return f" ({percent(billed, len(requests))} of requests billed)"
    return " (billed)" if requests["knowledge"].is_in(("full", "transcript")).all() else ""


def _output(requests: DataFrame) -> str:
    unknown = requests["output"].null_count()
    if unknown == len(requests):
        return "output unknown"
    least = unknown or requests["output_is_lower_bound"].any()
    return f"{'≥' if least else ''}{tokens(total(requests, 'output'))} output"


def held(analysis: Analysis) -> str:
    """What a log without content holds."""
    return "block hashes and lengths" if OPAQUE[0] in component_tokens(analysis) else "lengths only"


def _where(analysis: Analysis, width: int) -> str:
    """`Input: 45.3% tool definitions (MCP 21.5%), 12.9% system prompt, 11.1% file contents`."""
    if opaque(analysis):
        return packed([f"Where it goes is unknown: the log holds {held(analysis)}", "no content"], width, ", ")
    if outweighed(analysis):
        return packed(
            ["Where it goes is uncertain: the log's text measures more than was billed", "see below"], width, ", "
        )
    whole = total(analysis.tables["requests"])
    return packed((text for _, text in _families(analysis, whole)), width, ", ") or "No input tokens"


def _families(analysis: Analysis, whole: int) -> Iterator[tuple[int, str]]:
    """Components with their share, the largest first; tool definitions with those of MCP servers."""
    parts = component_tokens(analysis)
    servers = parts.pop(KIND_COLUMNS[Kind.MCP_TOOL], 0)
    tool = KIND_COLUMNS[Kind.TOOL]
    if servers:
        parts[tool] = parts.get(tool, 0) + servers
    first = "of input is "
    for name, count in sorted(parts.items(), key=lambda part: (-part[1], part[0])):
        if count >= whole / 100 or (first and count > 0):
            also = f" (MCP {percent(servers, whole, 0)})" if servers and name == tool else ""
            yield count, f"{percent(count, whole, 0)} {first}{LABELS[name]}{also}"
            first = ""


def _cache(requests: DataFrame) -> list[str]:
    """`76.4% of input tokens were read from cache, 21.6% written to it, 1.9% plain`."""
    known = requests.filter(requests["read"].is_not_null())
    if not len(known):
        return ["Cache: unknown", "the log does not tell what was read from or written to it"]
    whole, read, write, plain = (total(known, name) for name in ("prompt", "read", "write", "plain"))
    if not read and not write and len(known) < len(requests):
        return [
            "Cache: unknown",
            f"the log tells no reads and writes of {plural(len(requests) - len(known), 'request')}",
        ]
    if not read and not write:
        return ["Cache: no reads and no writes are in the log"]
    some = f" (known for {percent(len(known), len(requests))} of requests)" if len(known) < len(requests) else ""
    return [
        f"{percent(read, whole)} of input tokens were read from cache{some}",
        f"{percent(write, whole)} written to it",
        f"{percent(plain, whole)} plain",
    ]


def counted(analysis: Analysis) -> bool:
    """Whether the log holds lengths only, so that no cache can be simulated."""
    return bool((analysis.tables["requests"]["knowledge"] == Knowledge.COUNTS).all())


def rates(analysis: Analysis) -> list[str]:
    """`76.4% billed`, `76.6% simulated`, `88.0% at best`: the hit rates that are known, and of how many requests where
    that is not all."""
    rows = {row["policy"]: row for row in analysis.tables["caches"].iter_rows(named=True)}
    run_as = simulated(analysis.tables["caches"]) or {"policy": "", "basis": ""}
    own = run_as["policy"]
    under = f"simulated under {own}" if run_as["basis"] == "asked" else "simulated"
    found = []
    for name, word in (("billed", "billed"), (own, under), ("content bound", "at best")):
        row = rows.get(name)
        if row and (name != "content bound" or not counted(analysis)) and row["hit_rate"] is not None:
            some = "" if row["requests"] == analysis.scope.selected else f" (of {plural(row['requests'], 'request')})"
            found.append(f"{percent(row['hit_rate'])} {word}{some}")
    return found


def unkept(analysis: Analysis) -> int:
    """Tokens that an earlier request began with, that were not read and that no cache had kept: no breakpoint stands
    behind them, or they are an answer."""
    frame = analysis.tables["requests"].filter(analysis.tables["requests"]["policy"] != "")
    names = ("readable", "read", "simulated_read", "lost")
    return sum(
        max(0, readable - (simulated if read is None else read) - lost)
        for readable, read, simulated, lost in frame.select(names).iter_rows()
    )


def coverage(analysis: Analysis) -> list[str]:
    """What the report covers: logs, times, filters, and what was assumed."""
    scope = analysis.scope
    logs = analysis.tables["sources"].filter(analysis.tables["sources"]["requests"] > 0)
    what = tail(logs["source"][0], 40) if len(logs) == 1 else plural(len(logs), "log")
    formats = logs["format"].unique().sort().to_list()
    found = [f"{what} ({', '.join(formats)})" if len(formats) < MANY else f"{what} in {len(formats)} formats"]
    if scope.first is not None and scope.last is not None:
        found.append(span(scope.first, scope.last, scope.zone))
    if scope.filters or scope.selected < scope.total:
        found.append(f"{scope.selected:,} of {plural(scope.total, 'request')} selected: {', '.join(scope.filters)}")
    return [*found, *_caveats(analysis)]


def _caveats(analysis: Analysis) -> Iterator[str]:
    scope, requests = analysis.scope, analysis.tables["requests"]
    if scope.selected and scope.untimed == scope.selected:
        yield "no times in the log: order kept; gaps, days and TTL unknown"
    elif scope.untimed:
        yield f"{plural(scope.untimed, 'request')} without a time"
    if scope.relative:
        own = requests.filter(requests["relative_clock"])["started"].drop_nulls().sort().to_list()
        yield f"{_some(len(own), len(requests))} times relative to their log's start, up to {duration(own[-1])}"
    if scope.naive:
        yield "times without a zone were read as UTC"
    if sessionless(analysis):
        yield "no request has a session id, and lengths show no chain: sessions are unknown"
    elif scope.inferred_sessions:
        inferred = int(requests["session_inferred"].sum())
        whose = "no request has a" if inferred == len(requests) else f"{_some(inferred, len(requests))} no"
        yield f"{whose} session id: a session is one chain of extending prompts"
    if scope.assumed_gap is not None:
        yield f"gaps assumed {duration(scope.assumed_gap)}"


def _some(count: int, every: int) -> str:
    """`all requests have`, `1 request has`."""
    if count == every:
        return "all requests have"
    return f"{plural(count, 'request')} {'has' if count == 1 else 'have'}"
