"""The tables of dollars of the whole report: by class, component and day, the dearest requests, prices, and records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from agentcost.results import Analysis
from agentcost.units import NONE, UNKNOWN, dollars, exact, in_tokens, percent, plural, tokens
from agentcost.views import money, paid
from agentcost.views.costchart import days_chart
from agentcost.views.figures import LABELS
from agentcost.views.layout import Column, Table, bar, filled, place_column, plain
from agentcost.views.notes import words
from agentcost.views.turns import Remarked

if TYPE_CHECKING:
    from polars import DataFrame

Section = tuple[str, RenderableType]

CLASSES = {
    "plain": "plain input", "read": "read from cache", "write_5m": "written, 5 minutes", "write_1h": "written, 1 hour",
    "write_12h": "written, 12 hours", "write": "written", "output": "output", "reasoning": "reasoning",
    "searches": "web searches", "file_searches": "file searches", "requests": "requests",
}  # fmt: skip
"""What the classes of tokens are called."""

BESIDE = {"output": "output", "beside_tokens": "beside tokens"}

BAR = 12

DAYS = 14
"""Days that have a row of their own, at least."""

LONG = 24
"""Letters of a source from which on it has a line of its own."""


def sections(analysis: Analysis, width: int) -> Iterator[Section]:
    """A section per table of dollars that has rows; those of each way of paying apart."""
    requests, tables = analysis.tables["requests"], analysis.tables
    ways = paid.priced_ways(requests)
    for billing, own in ways:
        head = money.BILLINGS[billing]
        yield f"{head} by class", classes(tables["costs"].filter(tables["costs"]["billing"] == billing), width)
        yield f"{head}: the dearest requests", dearest(own, width, analysis.scope.top)
        spent = tables["spend"].filter(tables["spend"]["billing"] == billing)
        yield f"{head} by day", spend(spent, width, max(analysis.scope.top, DAYS))
    apart = paid.apart(analysis)
    if apart:
        yield "Dollars by component and tool", plain(apart, width)
    elif paid.one_way(analysis):
        yield (
            f"{money.BILLINGS[ways[0][0]]} by component",
            components(paid.of_one_way(analysis, "component_costs"), width),
        )
    if len(tables["recorded"]):
        yield "Dollars that the logs record, beside those computed here", recorded(tables["recorded"], width)
    if len(tables["prices"]):
        yield "Prices, in dollars per million tokens", prices(tables["prices"], width)


def classes(frame: DataFrame, width: int) -> RenderableType:
    """What each class of tokens cost."""
    counts, amounts = frame["tokens"].to_list(), frame["cost"].to_list()
    return Table(
        (
            Column("class", [CLASSES.get(name, name) for name in frame["class"].to_list()], name=18, ends="all"),
            Column("tokens", [exact(count) for count in counts]),
            Column("cost", paid.cells(amounts), ends=dollars(paid.summed(amounts))),
            Column("share", [percent(share) for share in frame["share"].to_list()]),
            Column("per million", [_million(*row) for row in frame.select("class", "cost", "tokens").iter_rows()], 1),
        ),
        width,
    )


def _million(name: str, amount: Decimal, count: int) -> str:
    return dollars(amount * 10**6 / count) if count and name not in ("searches", "file_searches", "requests") else NONE


def components(frame: DataFrame, width: int) -> RenderableType:
    """What each component cost in the state its tokens were in; the rows sum to all dollars."""
    amounts = frame["cost"].to_list()
    largest = max([*amounts, Decimal(0)]) or Decimal(1)
    states = {name: ["" if one is None else dollars(one) for one in frame[name].to_list()]
              for name in ("cost_read", "cost_write", "cost_plain")}  # fmt: skip
    return Table(
        (
            Column(
                "component", [BESIDE.get(name) or LABELS.get(name, name) for name in frame["component"].to_list()],
                name=20, ends="all",
            ),
            Column("cost", paid.cells(amounts), ends=dollars(paid.summed(amounts))),
            Column("share", [percent(share) for share in frame["share"].to_list()]),
            Column("", [bar(float(amount / largest), BAR) for amount in amounts], 2, name=BAR, style="cyan"),
            Column("as read", states["cost_read"], 1),
            Column("as written", states["cost_write"], 1),
            Column("as plain", states["cost_plain"], 1),
        ),
        width,
    )  # fmt: skip


def dearest(requests: DataFrame, width: int, most: int) -> RenderableType:
    """The requests that cost most, and what most of it was for."""
    known = requests.filter(requests["cost"] > 0)
    shown = known.sort("cost", "source", "line", descending=[True, False, False], maintain_order=True).head(most)
    rows = list(shown.iter_rows(named=True))
    amounts = [row["cost"] for row in rows]
    whole = money.dollars(known) or Decimal(1)
    return Table(
        filled(
            Column("cost", paid.cells(amounts, [row["cost_is_lower_bound"] for row in rows])),
            Column("share", [percent(float(amount / whole)) for amount in amounts], 4),
            Column("model", [row["model"] or UNKNOWN for row in rows], 3, name=14),
            Column("prompt", [exact(row["prompt"]) for row in rows], 1),
            Column("output", [exact(row["output"]) for row in rows], 2),
            Column("most of it for", [reason(row) for row in rows], name=30, keeps="start"),
            place_column([f"{row['source']}:{row['line']}" for row in rows]),
        ),
        width,
        footer=f"these {len(shown)} are {percent(float(sum(amounts) / whole))} of all" * (len(shown) < len(known)),
    )


def reason(row: Mapping[str, object]) -> str:
    """What the largest part of a request's dollars was for: a miss by its cause, its size, what was new, its output."""
    lost = _amount(row, "cost_lost")
    parts = [
        (lost, f"{words(str(row['cause']))}, {_count(row, 'lost')} lost"),
        (_amount(row, "cost_read"), f"its size, {_tokens(row, 'prompt')}"),
        (_amount(row, "cost_write") + _amount(row, "cost_plain") - lost, "input new or not cached"),
        (_amount(row, "cost_output"), f"output, {_tokens(row, 'output')}"),
        (_amount(row, "cost_beside"), "searches and other charges"),
    ]
    amount, text = max(parts, key=lambda part: part[0])
    return f"{percent(float(amount / _amount(row, 'cost')), 1.0, 0)} {text}"


def _amount(row: Mapping[str, object], name: str) -> Decimal:
    value = row[name]
    return value if isinstance(value, Decimal) else Decimal()


def _tokens(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    return in_tokens(value if isinstance(value, int) else None)


def _count(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    return tokens(value if isinstance(value, int) else None)


def spend(frame: DataFrame, width: int, most: int) -> RenderableType:
    """Dollars over time: a chart of all days, and the days in their order, where they are many the dearest of them."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    bound = pl.col("unpriced_requests") + pl.col("lower_bounds") > 0
    frame = frame.with_columns(bound=bound, since=bound.cum_max(), known=pl.col("cost").is_not_null().cum_max())
    kept = frame.sort("cost", "day", descending=[True, False], nulls_last=True).head(most)
    shown = kept.sort("day", nulls_last=True)
    amounts = [amount or Decimal() for amount in shown["cost"].to_list()]
    largest = max([*amounts, Decimal()]) or Decimal(1)
    without = frame["unpriced_requests"].to_list()
    left = f"the dearest {len(shown)} of {plural(len(frame), 'day')}" if len(shown) < len(frame) else ""
    sums = [amount if known else None for amount, known in shown.select("cumulative", "known").iter_rows()]
    table = Table(
        (
            Column("day", [day or "no day told" for day in shown["day"].to_list()], name=11),
            Column("requests", [exact(count) for count in shown["requests"].to_list()], 1),
            *[Column("unpriced", [exact(count) for count in shown["unpriced_requests"].to_list()])] * any(without),
            Column("cost", paid.cells(shown["cost"].to_list(), shown["bound"].to_list())),
            Column("so far", paid.cells(sums, shown["since"].to_list()), 2),
            Column("", [bar(float(amount / largest), 2 * BAR) for amount in amounts], 3, name=2 * BAR, style="cyan"),
        ),
        width,
        footer=left,
    )
    return Group(*days_chart(frame, width), table)


def recorded(frame: DataFrame, width: int) -> RenderableType:
    """How many recorded costs equal ours, and the others by model and by the rule that explains them."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    equal = int(frame["equal"].sum() or 0)
    told = paid.summed(frame["recorded"].to_list())
    first = f"{equal:,} of {plural(len(frame), 'recorded cost')} equal ours within $0.000001"
    first += f"; recorded in all: {dollars(told)}"
    if equal == len(frame):
        return plain(f"{first}.", width)
    both = pl.col("computed").is_not_null()
    other = (
        frame.filter(~pl.col("equal").fill_null(value=False))
        .with_columns(place=pl.col("source") + ":" + pl.col("line").cast(pl.String), unpriced=~both)
        .group_by("model", "explained", "unpriced", maintain_order=True)
        .agg(pl.len().alias("requests"), pl.col("recorded").sum(), pl.col("computed").sum(), pl.col("place").first())
    )
    rows = list(other.iter_rows(named=True))
    ours = [None if row["unpriced"] else row["computed"] for row in rows]
    table = Table(
        (
            Column("model", [row["model"] or UNKNOWN for row in rows], 2, name=14),
            Column("requests", [exact(row["requests"]) for row in rows]),
            Column("recorded", [dollars(row["recorded"]) for row in rows]),
            Column("ours", [dollars(amount) for amount in ours]),
            Column("difference", [NONE if own is None else dollars(row["recorded"] - own)
                                  for row, own in zip(rows, ours, strict=True)], 1),
            Column("explained by", [_why(row) for row in rows], name=24, keeps="start"),
            place_column([row["place"] for row in rows], 3, "largest at"),
        ),
        width,
    )  # fmt: skip
    return Group(plain(f"{first}. The others:", width), table)


def _why(row: Mapping[str, object]) -> str:
    return "no price is known" if row["unpriced"] else str(row["explained"]) or "nothing known here"


def prices(frame: DataFrame, width: int) -> RenderableType:
    """Every price that was used, with its source and the day that was looked at; below it what was assumed."""
    rows = list(frame.iter_rows(named=True))
    remarks = {number: _remarks(row) for number, row in enumerate(rows)}
    table = Table(
        filled(
            Column("model", [row["model"] or UNKNOWN for row in rows], name=14),
            Column("provider", [row["provider"] for row in rows], 3, name=8),
            Column("paid", [row["billing"] for row in rows], 4, name=6),
            Column("requests", [exact(row["requests"]) for row in rows], 2),
            *(Column(name, [_rate(row, f"{name}_price") for row in rows]) for name in ("input", "read", "output")),
            Column("cost", ["included" if row["included"] else dollars(row["cost"]) for row in rows]),
            Column("checked", [row["checked"] or ("" if row["unpriced"] else UNKNOWN) for row in rows], name=10),
            Column("mark", [row["mark"] for row in rows], 1, name=4),
            Column("source", [row["source"] for row in rows], name=12, keeps="start"),
        ),
        width,
        footer="mark: V verified at its source, S second-hand, U uncertain; prices are those of the smallest prompts",
    )
    return Remarked(table, remarks)


def _rate(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    if not isinstance(value, Decimal):
        return NONE if row["unpriced"] or row["source"] else UNKNOWN
    return f"{value.normalize():f}"


def _remarks(row: Mapping[str, object]) -> list[str]:
    """A long source of a price, what was assumed, and which terms it leaves out; or why there is none."""
    if row["unpriced"]:
        return [f"  ↳ no price: {row['unpriced']}"]
    found = [f"  ↳ from {row['source']}"] * (len(str(row["source"])) > LONG)
    found += [f"  ↳ {note}" for note in str(row["notes"]).split("; ") if note]
    return found + [f"  ↳ not applied: {row['not_applied']}"] * bool(row["not_applied"])
