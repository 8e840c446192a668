"""A month under plans: seats, credits and what goes beyond, beside tokens by price; the two are never summed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import NONE, exact, plural
from agentcost.units import dollars as shown
from agentcost.views.layout import Column, Paragraph, Table, plain, quiet, title

Row = dict[str, Any]


def plans(analysis: Analysis, width: int) -> list[RenderableType]:
    """What the month has, a row per plan, and what each assumes; nothing where no plan was asked for."""
    if "plans" not in analysis.tables:
        return []
    month, rows = analysis.tables["plan_month"].row(0, named=True), analysis.tables["plans"].to_dicts()
    return [Text(), title(f"Plans, {month['month']}", width), plain(_observed(month), width),
            _table(rows, width), *_notes(rows, width)]  # fmt: skip


def lead(analysis: Analysis) -> list[str]:
    """`Plans, 2026-10 (2 of 31 days): by the token $1.01; of plans copilot-pro least, $10.00 for 1 seat`."""
    if "plans" not in analysis.tables:
        return []
    month, rows = analysis.tables["plan_month"].row(0, named=True), analysis.tables["plans"].to_dicts()
    tokens = rows[0]
    own = [row for row in rows[1:] if row["model"] == tokens["model"]]
    offers = [
        row for row in own if row["bill"] is not None and row["included"] is not None and not row["unpriced_requests"]
    ]
    best = min(offers, key=lambda row: (row["bill"], row["plan"]), default=None)
    on = f" on {tokens['model']}" if tokens["model"] else ""
    days = f"{month['days_spanned']} of {month['days']} days{', extrapolated' * bool(month['extrapolated_by'])}"
    told = f"Plans, {month['month']}{on} ({days}): by the token {_usage(tokens)}"
    if best is None:
        why = ": not all its models are on their price lists (--model)" * any(row["unpriced_requests"] for row in own)
        return [f"{told}; no plan's bill is known for this usage{why}"]
    return [f"{told}; of plans {best['plan']} least, {shown(best['bill'])} for {plural(best['seats'], 'seat')}"]


def _observed(month: Row) -> str:
    """How much of the month the log has, and what was made of that."""
    text = (
        f"{plural(month['requests'], 'request')} on {plural(month['days_with_requests'], 'day')}, "
        f"{month['first_day']} to {month['last_day']} (UTC): {month['days_spanned']} of {month['days']} days"
    )
    text += f"; {plural(month['undated_requests'], 'request')} without a day left out" * bool(month["undated_requests"])
    if month["extrapolated_by"]:
        return f"{text}. Extrapolated: usage × {month['extrapolated_by']:.2f}, as if every day were like these."
    if month["days_spanned"] < month["days"]:
        return f"{text}. Only what was observed of the month is counted (--extrapolate scales it)."
    return f"{text}."


def _table(rows: Sequence[Row], width: int) -> Table:
    columns = [
        Column("", [row["plan"] for row in rows], name=18),
        *([Column("on", [row["model"] for row in rows], drop=4, name=12)] if any(row["model"] for row in rows) else []),
        Column("seats", [f"{row['seats']}" if row["seats"] else NONE for row in rows]),
        Column("seat fee", [_or_none(row, "seat_fee") for row in rows]),
        Column("included", [_or_none(row, "included") for row in rows], drop=2),
        Column("usage", [_usage(row) for row in rows]),
        Column("credits", [_credits(row) for row in rows], drop=3),
        Column("beyond", [_or_none(row, "overage") for row in rows]),
        Column("bill", [_or_none(row, "bill") for row in rows]),
        Column("runs out", [_out(row) for row in rows], drop=1),
    ]
    return Table(columns, width)


def _usage(row: Row) -> str:
    return ("≥" if row["unpriced_requests"] and row["usage"] is not None else "") + shown(row["usage"])


def _or_none(row: Row, name: str) -> str:
    if row["kind"] == "tokens" and name != "bill":
        return NONE
    if name == "overage" and row["included"] is None:
        return NONE
    least = row["unpriced_requests"] and row[name] is not None and name in ("overage", "bill")
    return "≥" * bool(least) + shown(row[name])


def _credits(row: Row) -> str:
    if row["credits_included"] is None:
        return NONE
    used = "?" if row["credits"] is None else exact(round(row["credits"]))
    return f"{used} of {exact(round(row['credits_included']))}"


def _out(row: Row) -> str:
    if row["included"] is None or row["usage"] is None:
        return NONE
    users = (
        f" ({row['users_out']} of {row['seats']})"
        if row["users_out"] and not row["pooled"] and row["seats"] > 1
        else ""
    )
    return (row["runs_out"] or "not") + users


def _notes(rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """What has no price under a plan, and what rows assume, each once."""
    reasons: dict[str, list[str]] = {}
    assumed: dict[str, list[str]] = {}
    for row in rows:
        if row["unpriced_requests"]:
            why = f"{row['unpriced']} ({exact(row['unpriced_requests'])} of {plural(row['requests'], 'request')})"
            reasons.setdefault(why, []).append(row["plan"])
        for one in filter(None, row["assumes"].split("; ")):
            assumed.setdefault(one, []).append(row["plan"])
    plans = {row["plan"] for row in rows if row["kind"] != "tokens"}
    for why, names in reasons.items():
        yield Paragraph(Text.assemble(("Without a price: ", "bold"), f"{_named(names, plans)}: {why}."), width)
    for one, names in assumed.items():
        yield quiet(f"{_named(names, plans)}: {one}", width)
    yield quiet("A bill is seats and what goes beyond, at each plan's own price list; it stands beside tokens by price "
                "and is never added to them", width)  # fmt: skip


def _named(names: Sequence[str], plans: Collection[str]) -> str:
    """Plans by name; all of them as such."""
    own = list(dict.fromkeys(names))
    return "every plan" if len(plans) > 1 and set(own) == set(plans) else ", ".join(own)
