"""The tables of tools and of MCP servers: tokens and dollars, the dearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import NONE, currency, exact, percent, tokens
from agentcost.views import paid
from agentcost.views.figures import total
from agentcost.views.layout import NAME, Column, Table
from agentcost.views.order import ordered

if TYPE_CHECKING:
    from polars import DataFrame

NO_SERVER = "(no server)"

PARTS = ("schema_cost", "call_cost", "result_cost")
"""What a tool's own tokens cost; `break_cost` beside them is what other tokens cost because of it."""

COUNTS = ("schema_tokens", "requests", "schema_carried", "calls", "call_carried", "result_carried", "all")
MONEY = ("cost", *PARTS, "break_cost")


def with_costs(analysis: Analysis) -> DataFrame:
    """The tools with their dollars, the dearest first; null where none are known, as of a definition that is not in the
    log, or where they do not add up."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    costs = paid.of_one_way(analysis, "tool_costs").drop("calls")
    every = pl.col("schema_carried") + pl.col("call_carried") + pl.col("result_carried")
    frame = analysis.tables["tools"].join(costs, on=["tool", "server"], how="left", maintain_order="left")
    defined = pl.col("schema_tokens").is_not_null()
    frame = frame.with_columns(all=every, schema_cost=pl.when(defined).then("schema_cost"))
    if not paid.one_way(analysis):
        return frame.with_columns(pl.lit(None, frame.schema[name]).alias(name) for name in (*MONEY, "cost_per_call"))
    return frame.sort("cost", "all", "tool", "server", descending=[True, True, False, False], nulls_last=True)


def servers(analysis: Analysis, width: int) -> RenderableType:
    """A row per MCP server, the dearest first, and one for the tools without."""
    priced, every = paid.one_way(analysis), with_costs(analysis)
    frame, own = analysis.tables["servers"], every.filter(every["server"] == "")
    amounts = [paid.summed(every.filter(every["server"] == name)["cost"].to_list()) for name in frame["server"]]
    order = sorted(range(len(frame)), key=lambda row: (-(amounts[row] or 0), row))
    frame, amounts = frame[order], [amounts[row] for row in order]
    whole = total(analysis.tables["requests"])
    names = ("tools", "tools_called", "schema_tokens", "requests", "schema_carried", "calls", "result_carried")
    counts = {name: frame[name].to_list() for name in names}
    if len(own):
        rest = (
            len(own), int((own["calls"] > 0).sum()), total(own, "schema_tokens"), own["requests"].max(),
            total(own, "schema_carried"), total(own, "calls"), total(own, "result_carried"),
        )  # fmt: skip
        for name, value in zip(names, rest, strict=True):
            counts[name].append(value)
        amounts.append(paid.summed(own["cost"].to_list()))
    return Table(
        (
            Column("server", [*frame["server"], *[NO_SERVER] * bool(len(own))], name=NAME),
            Column("tools", [exact(count) for count in counts["tools"]]),
            Column("called", [exact(count) for count in counts["tools_called"]]),
            Column("schema", [tokens(count) for count in counts["schema_tokens"]], 2),
            Column("requests", [exact(count) for count in counts["requests"]], 3),
            Column("sent", [exact(count) for count in counts["schema_carried"]]),
            Column("of input", [percent(count, whole) for count in counts["schema_carried"]]),
            Column("calls", [exact(count) for count in counts["calls"]], 1),
            Column("results", [exact(count) for count in counts["result_carried"]], 1),
            *[Column("cost", paid.cells(amounts))] * priced,
        ),
        width,
        {number: "yellow" for number, called in enumerate(counts["tools_called"]) if not called},
    )


def tool_rows(analysis: Analysis, width: int, limit: int | None = None) -> RenderableType:
    """A row per tool, `limit` of them, the rest in one row; those never called are marked.

    Columns leave a narrow one in this order: call tokens, calls $, requests, kind, sent, schema, results, of input,
    all, breaks $, results $, schema $; without prices: kind, requests, call tokens, schema, sent, results.
    """
    priced = paid.one_way(analysis)
    frame = ordered(with_costs(analysis), analysis.scope.sort, "tool", "server")
    shown, rest = frame.head(limit or len(frame)), frame.slice(limit or len(frame))
    whole = total(analysis.tables["requests"])
    counts = _counts(shown, rest)
    cells = {name: [exact(count) for count in counts[name]] for name in COUNTS}
    other = [f"other ({len(rest)})"] * bool(len(rest))
    steps = (8, 6, 10, 7, 13, 5, 3, 4) if priced else (6, 3, 5, 2, 4, 1, 0, 0)
    kind, schema, carried, sent, called, results, every, share = steps
    return Table(
        (
            Column("tool", [*shown["tool"].to_list(), *other], name=24),
            Column("kind", [*shown["kind"].to_list(), *[""] * len(other)], kind, name=9),
            Column("schema", cells["schema_tokens"], schema),
            Column("requests", cells["requests"], carried),
            Column("sent", cells["schema_carried"], sent),
            Column("calls", cells["calls"]),
            Column("call tokens", cells["call_carried"], called),
            Column("results", cells["result_carried"], results),
            Column("all", cells["all"], every),
            Column("of input", [percent(count, whole) for count in counts["all"]], share),
            *(_dollars(shown, rest) if priced else ()),
        ),
        width,
        {number: "yellow" for number, never in enumerate(shown["never_called"].to_list()) if never},
        f"in tokens, but for requests, calls and {currency().name}"
        if priced
        else "in tokens, but for requests and calls",
    )


def _dollars(shown: DataFrame, rest: DataFrame) -> tuple[Column, ...]:
    """The columns of dollars: of what, in all, and by call."""
    amounts = {name: [*shown[name].to_list()] for name in MONEY}
    calls, bounds = shown["calls"].to_list(), [size is None for size in shown["schema_tokens"].to_list()]
    if len(rest):
        bounds.append(bool(rest["schema_tokens"].null_count()))
        for name in MONEY:
            amounts[name].append(paid.summed(rest[name].to_list()))
        calls.append(total(rest, "calls"))
    each = [
        None if cost is None or not count else cost / count for cost, count in zip(amounts["cost"], calls, strict=True)
    ]
    per_call = [text if count else NONE for text, count in zip(paid.cells(each, bounds), calls, strict=True)]
    sign = currency().sign
    schemas = [Column(f"schema {sign}", paid.cells(amounts["schema_cost"]), 1)] * (not all(bounds))
    breaks = [Column(f"breaks {sign}", paid.cells(amounts["break_cost"]), 2)] * any(amounts["break_cost"])
    return (
        *schemas,
        Column(f"calls {sign}", paid.cells(amounts["call_cost"]), 11),
        Column(f"results {sign}", paid.cells(amounts["result_cost"]), 1),
        *breaks,
        Column("cost", paid.cells(amounts["cost"], bounds)),
        Column("per call", per_call),
    )


def _counts(shown: DataFrame, rest: DataFrame) -> dict[str, list[int | None]]:
    """The tokens, requests and calls of each row."""
    counts: dict[str, list[int | None]] = {name: shown[name].to_list() for name in COUNTS}
    for name in ("requests", "schema_carried"):  # 0 where no definition is in the log
        sizes = zip(counts["schema_tokens"], counts[name], strict=True)
        counts[name] = [None if size is None else count for size, count in sizes]
    if len(rest):
        for name, value in _rest(rest).items():
            counts[name].append(value)
    return counts


def _rest(rest: DataFrame) -> dict[str, int | None]:
    """The sums of the tools that have no row of their own; of requests the most that carry one of them."""
    known = rest.filter(rest["schema_tokens"].is_not_null())
    defined: dict[str, int | None] = {"schema_tokens": None, "schema_carried": None, "requests": None}
    if len(known):
        most = max(known["requests"].to_list())
        defined = {name: total(known, name) for name in ("schema_tokens", "schema_carried")} | {"requests": most}
    return defined | {name: total(rest, name) for name in ("calls", "call_carried", "result_carried", "all")}
