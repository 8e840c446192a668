"""What logs hold beside what was billed: the share that is logged, what is missed, and where."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import NONE, UNKNOWN, currency, dollars, exact, percent, plural, tokens
from agentcost.views.figures import total
from agentcost.views.layout import Column, Table, filled, plain, quiet, title

if TYPE_CHECKING:
    from polars import DataFrame

COMPARED = ("both", "only billed", "only logged")
"""The rows that are summed: of days and providers that the bill covers."""

LEFT_OUT = {
    "outside": "of days that are not in both",
    "no day": "without a day",
    "other provider": "of providers that the bill is not of",
}


def against(analysis: Analysis, width: int) -> RenderableType:
    """The section: two sentences that answer, the days, users and models that miss most, what was left out."""
    frame = analysis.tables["against"]
    rows = frame.filter(frame["status"].is_in(list(COMPARED)))
    if not len(rows):
        head = f"Against the bill: nothing can be compared{_apart(frame)}."
        return Group(title(head, width), quiet(f"Left out: {'; '.join(_left_out(frame)) or 'nothing'}.", width))
    missed = _beyond(rows, "billed_prompt", "logged_prompt")
    order = sorted(range(len(rows)), key=lambda row: (-missed[row], row))[: analysis.scope.top]
    return Group(
        title(_headline(rows, sum(missed)), width),
        plain(" ".join(_sentences(rows, sum(missed))), width),
        _table(rows[order], rows, width),
        quiet(" ".join(_notes(frame, rows)), width),
    )


def below_the_bill(view: RenderableType, analysis: Analysis, width: int) -> RenderableType:
    """A report below what it misses of the bill: that was asked for, so it comes first."""
    return Group(against(analysis, width), Text(), view)


def _apart(frame: DataFrame) -> str:
    """Which days either side is of."""
    known = frame.filter(frame["day"].is_not_null())
    logged = known.filter(known["logged_requests"].is_not_null())["day"].to_list()
    billed = known.filter(known["bill"].is_not_null())["day"].to_list()
    if not logged or not billed:
        return f", as no {'day of the logs' if not logged else 'sum of the bill'} is selected"
    return f", as the logs are of {_span(logged)} and the bill is of {_span(billed)}"


def _beyond(rows: DataFrame, more: str, less: str) -> list[int]:
    """By how much one column is above another, row by row; 0 where it is not, or where the first is unknown."""
    pairs = zip(rows[more].to_list(), rows[less].to_list(), strict=True)
    return [0 if left is None else max(0, left - (right or 0)) for left, right in pairs]


def _headline(rows: DataFrame, missed: int) -> str:
    sources = ", ".join(sorted({name for text in rows["bill"].drop_nulls() for name in text.split(", ")}))
    days, whole = rows["day"].drop_nulls().sort().to_list(), total(rows, "billed_prompt")
    said = f"the logs hold {percent(whole - missed, whole)} of its input" if whole else "it tells no input tokens"
    return f"Against the bill ({', '.join((sources or 'no sum', _span(days)))}): {said}."


def _span(days: list[str]) -> str:
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _sentences(rows: DataFrame, missed: int) -> Iterator[str]:
    """Input, output and money of both sides, and how much of what is missed has no log at all."""
    whole, logged = total(rows, "billed_prompt"), total(rows, "logged_prompt")
    alone = total(rows.filter(rows["status"] == "only billed"), "billed_prompt")
    beyond = sum(_beyond(rows.filter(rows["billed_prompt"].is_not_null()), "logged_prompt", "billed_prompt"))
    beyond += total(rows.filter(rows["status"] == "only logged"), "logged_prompt")
    if whole:
        none = f", {exact(alone)} of them of days, users or models without any log" if alone else ""
        yield f"Input: {exact(whole)} billed, {exact(logged)} logged; {exact(missed)} are missed{none}."
    if beyond:
        yield f"{exact(beyond)} logged input tokens are not on the bill."
    least = "≥" if total(rows, "logged_lower_bounds") else ""
    out = rows["billed_output"].drop_nulls()
    if len(out):
        billed, told = exact(total(rows, "billed_output")), exact(total(rows, "logged_output"))
        yield f"Output: {billed} billed, {least}{told} logged."
    yield from _money(rows)


def _money(rows: DataFrame) -> Iterator[str]:
    known = {name: _sum(rows, name) for name in ("billed_cost", "billed_gross", "logged_cost")}
    net, gross = known["billed_cost"], known["billed_gross"]
    if net is None and gross is None:
        return
    before = f" ({dollars(gross)} before discounts)" if net is not None and gross is not None else ""
    paid = dollars(gross if net is None else net)
    yield f"Cost: {paid} billed{before}, {dollars(known['logged_cost'])} logged at list prices."


def _sum(rows: DataFrame, column: str) -> Decimal | None:
    values = [value for value in rows[column].to_list() if value is not None]
    return sum(values, Decimal()) if values else None


def _table(shown: DataFrame, rows: DataFrame, width: int) -> RenderableType:
    """The rows that miss most, and the sum of all."""
    left = len(rows) - len(shown)
    billed, logged = shown["billed_prompt"].to_list(), shown["logged_prompt"].to_list()
    shares = [
        (UNKNOWN if whole is None else percent(part or 0, whole)) if status != "only logged" else NONE
        for part, whole, status in zip(logged, billed, shown["status"].to_list(), strict=True)
    ]
    return Table(
        filled(
            Column("day", shown["day"].to_list(), name=10, ends=f"all {len(rows)}"),
            Column("user", [user or "" for user in shown["user"].to_list()], 1, name=10),
            Column("model", shown["model"].to_list(), name=14),
            Column("billed", _counts(shown, "billed_prompt", "only logged"), ends=tokens(total(rows, "billed_prompt"))),
            Column("logged", _counts(shown, "logged_prompt", "only billed"), ends=tokens(total(rows, "logged_prompt"))),
            Column("of billed", shares),
            Column("requests", _exact(shown, "logged_requests"), 4, ends=exact(total(rows, "logged_requests"))),
            Column("output billed", _counts(shown, "billed_output", "only logged"), 2),
            Column("logged", _counts(shown, "logged_output", "only billed"), 2),
            Column(f"{currency().sign} billed", _dollars(shown, "billed_cost", "billed_gross"), 3),
            Column("logged", _dollars(shown, "logged_cost"), 3),
        ),
        width,
        footer="input in tokens" + (f"; {left:,} more, --top N shows more" if left else ""),
    )


def _counts(rows: DataFrame, column: str, absent: str) -> list[str]:
    """Tokens; a dash where that side has nothing, a question mark where it does not tell."""
    pairs = zip(rows[column].to_list(), rows["status"].to_list(), strict=True)
    return [NONE if status == absent else tokens(value) for value, status in pairs]


def _exact(rows: DataFrame, column: str) -> list[str]:
    return [NONE if value is None else exact(value) for value in rows[column].to_list()]


def _dollars(rows: DataFrame, *columns: str) -> list[str]:
    """Money of the first column that tells it."""
    found = zip(*(rows[name].to_list() for name in columns), strict=True)
    values = (next((value for value in row if value is not None), None) for row in found)
    return [NONE if value is None else dollars(value) for value in values]


def _notes(frame: DataFrame, rows: DataFrame) -> Iterator[str]:
    """What the comparison rests on, and what it leaves out."""
    yield "Days are of UTC; the first and the last may not be logged from their start to their end."
    if not rows["user"].count():
        yield "By day and model: logs and bill do not name users alike."
    estimated = total(rows, "logged_estimated")
    if estimated:
        yield f"{plural(estimated, 'logged request')} without usage {'is' if estimated == 1 else 'are'} estimated."
    if total(rows, "logged_lower_bounds"):
        yield "Logged output is a lower bound: the logs were written before answers had ended."
    said = "; ".join(_left_out(frame))
    if said:
        yield f"Left out: {said}."


def _left_out(frame: DataFrame) -> Iterator[str]:
    for status, words in LEFT_OUT.items():
        own = frame.filter(frame["status"] == status)
        if len(own):
            sides = f"{tokens(total(own, 'billed_prompt'))} billed and {tokens(total(own, 'logged_prompt'))} logged"
            yield f"{sides} input tokens {words}"
