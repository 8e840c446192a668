"""The report on other terms: what the log would cost elsewhere, a row each, with what every row assumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import NONE, exact, percent, plural
from agentcost.units import dollars as shown
from agentcost.views.analyze import closing, empty
from agentcost.views.headline import coverage
from agentcost.views.layout import Column, Paragraph, Table, plain, quiet, title
from agentcost.views.money import BILLINGS, dated
from agentcost.views.plans import lead, plans

Row = dict[str, Any]

BASES = {
    "billed": "billed tokens", "simulated": "simulated caching", "uncached": "no caching known: an upper bound",
    "shares": "billed shares",
}  # fmt: skip


def reprice(analysis: Analysis, width: int) -> RenderableType:
    """What it cost and what is cheapest, the rows, what has no price, routings, plans, and what all rests on."""
    if "repriced" not in analysis.tables:
        return empty(analysis, width)
    frame = analysis.tables["repriced"]
    ways = frame["billing"].unique(maintain_order=True).to_list()
    parts: list[RenderableType] = []
    for way in ways:
        parts += opening(frame.filter(frame["billing"] == way).to_dicts(), way, _days(analysis, way), width)
        parts += [plain(_routing(row), width) for row in routes_of(analysis, way)[:1]]
    parts += [plain(line, width) for line in lead(analysis)]
    parts.append(quiet(" · ".join(coverage(analysis)), width))
    legend = Legend()
    for way in ways:
        own = frame.filter(frame["billing"] == way).to_dicts()
        if not {row["kind"] for row in own} <= {"as run", "simulated"}:
            parts += [Text(), *([title(BILLINGS[way], width)] if len(ways) > 1 else []), rows(own, width, legend)]
        parts += [*unpriced(own, width), *remarks(own, width)]
    parts += legend.lines(width)
    parts += [line for way in ways for line in routes(analysis, way, width)]
    parts += plans(analysis, width)
    return Group(*parts, Text(), *closing(analysis, width))


def _days(analysis: Analysis, way: str) -> str:
    """Of which days the prices as run are."""
    requests = analysis.tables["requests"]
    priced = requests.filter(requests["cost"].is_not_null() & (requests["billing"] == way))
    return dated(priced if len(priced) else requests)


def opening(own: Sequence[Row], way: str, days: str, width: int) -> list[RenderableType]:
    """Two lines: what it cost as it was run, and the least of what was tried."""
    first = own[0]
    whole = f"{BILLINGS[way]} as run: unknown for {plural(first['requests'], 'request')}, {first['unpriced']}"
    if first["cost"] is not None:
        whole = (
            f"{BILLINGS[way]} as run: {bound(first)}{shown(first['cost'])} for {_priced(first)} "
            f"({BASES[first['basis']]} {days})"
        )
    tried = [row for row in own[1:] if row["kind"] != "simulated" and row["cost"] is not None]
    complete = [row for row in tried if not (row["unpriced_requests"] or row["too_long"] or row["basis"] == "roofline")]
    cheapest = min(complete, key=lambda row: (row["cost"], row["what"]), default=None)
    if cheapest is None:
        return [title(whole, width)]
    least = f"{bound(cheapest)}{shown(cheapest['cost'])}{_by(cheapest, first)}"
    text = f"Least of {len(tried)}: {cheapest['what']}, {least}"
    off = next((row for row in tried if row["what"] == "no caching"), None)
    text += f"; without any caching {bound(off)}{shown(off['cost'])}{_by(off, first)}" if off else ""
    return [title(whole, width), plain(text, width)]


def _by(row: Row, first: Row) -> str:
    """` (-18.6%)`, with what that is of where it is not what the log cost as it was run."""
    if row["change"] is None:
        return ""
    near = first["cost"] and abs(row["against"] / first["cost"] - 1) <= _OFF
    return f" ({_change(row)}" + ("" if near else f" against {shown(row['against'])} as simulated") + ")"


class Legend:
    """Assumptions, each named by a letter once."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def of(self, assumes: str) -> str:
        """The letters of a row."""
        found = [one for one in assumes.split("; ") if one]
        return "".join(self.letters.setdefault(one, ascii_lowercase[len(self.letters) % 26]) for one in found)

    def lines(self, width: int) -> list[RenderableType]:
        """What the letters stand for."""
        return [Paragraph(Text(text, style="dim"), width, f"{letter}  ") for text, letter in self.letters.items()]


def rows(own: Sequence[Row], width: int, legend: Legend) -> Table:
    """A line per row that has a price."""
    priced = [row for row in own if row["cost"] is not None]
    table = [
        Column("", [row["what"] for row in priced], name=24),
        Column("cost", [bound(row) + shown(row["cost"]) for row in priced]),
        Column("change", [_change(row) for row in priced]),
        Column("tokens", [_factor(row) for row in priced], drop=3),
        Column("read", [_read(row) for row in priced], drop=2),
        Column("cached as", [_cached(row) for row in priced], drop=4, name=CACHED),
        Column("read cost", [_part(row, "cost_read") for row in priced], drop=8),
        Column("write cost", [_part(row, "cost_write") for row in priced], drop=7),
        Column("plain cost", [_part(row, "cost_plain") for row in priced], drop=6),
        Column("output cost", [_part(row, "cost_output") for row in priced], drop=5),
        Column("", [legend.of(row["assumes"]) for row in priced], name=4),
    ]
    return Table(table, width, styles={0: "bold"})


def _part(row: Row, name: str) -> str:
    return NONE if row["kind"] == "self-hosted" else shown(row[name])


def _cached(row: Row) -> str:
    """The policy, or whose shares."""
    return str(row["policy"]) or _BASIS.get(str(row["basis"]), "")


CACHED = 12
"""Columns that the name of a policy keeps, or it is not shown."""

_OFF = 0.05
"""The share by which a simulation may differ from the bill before that is said."""

_BASIS = {"billed": "as billed", "simulated": "simulated", "uncached": "not", "shares": "as billed", "given": NONE}


def bound(row: Row) -> str:
    """`≥` a lower bound (output not fully known, no price, hours at best), `≤` an upper one (no cache rules known), `~`
    where both are in it."""
    low = row["lower_bounds"] or row["unpriced_requests"]
    high = row["basis"] == "uncached" and row["kind"] != "caching"
    return "~" if low and high else "≥" if low else "≤" if high else ""


def _change(row: Row) -> str:
    change: float | None = row["change"]
    if change is None:
        return NONE
    return f"{'+' * (change > 0)}{percent(change)}" if change else "="


def _factor(row: Row) -> str:
    """`×0.90 ±6%`: tokens for each of the log's own, and the error."""
    if row["tokens_factor"] is None or (row["tokens_factor"] == 1 and not row["band"]):
        return "="
    return f"×{row['tokens_factor']:.2f} ±{percent(row['band'], digits=0)}"


def _read(row: Row) -> str:
    if row["kind"] == "self-hosted" and not row["policy"]:
        return NONE
    return percent(row["read"], row["read"] + row["write"] + row["plain"], 0)


def _priced(row: Row) -> str:
    """`66 requests`, `11 of 47 requests` where the others have no price."""
    some = f"{exact(row['requests'] - row['unpriced_requests'])} of " if row["unpriced_requests"] else ""
    return f"{some}{plural(row['requests'], 'request')}"


def unpriced(own: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """What has no price, wholly or in part, and why."""
    reasons: dict[str, list[str]] = {}
    for row in own:
        if row["unpriced_requests"]:
            part = "" if row["cost"] is None else f" ({exact(row['unpriced_requests'])} of {exact(row['requests'])})"
            why = _brief(row["unpriced"]).replace(f"no {row['tier']} price is known", "no such price is known", 1)
            reasons.setdefault(why, []).append(row["what"] + part)
    if reasons:
        text = ". ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
        yield Paragraph(Text.assemble(("Without a price: ", "bold"), f"{text}."), width)
        if own[0]["unpriced_requests"]:
            yield quiet(
                "change: of the requests that have a price as run and in the row; tokens: of those priced", width
            )


def _brief(reasons: str) -> str:
    """The first reason, and how many more there are."""
    first, *more = reasons.split("; no ")
    return first + (f" and {plural(len(more), 'more reason')}" if more else "")


def remarks(own: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """What holds of some rows only: prompts that are too long, a simulation that is not as it was billed."""
    first, replayed = own[0], next((row for row in own if row["kind"] == "simulated"), None)
    if replayed and first["cost"] and abs(replayed["cost"] / first["cost"] - 1) > _OFF:
        text = (
            f"the simulation reads {_read(replayed)} where {_read(first)} was billed, so rows on simulated caches are "
            f"{'too cheap' if replayed['cost'] < first['cost'] else 'too dear'} by as much."
        )
        yield Paragraph(Text.assemble(("Not as billed: ", "bold"), text), width)
    long = [f"{row['what']} ({exact(row['too_long'])} of {exact(row['requests'])})" for row in own if row["too_long"]]
    if long:
        yield Paragraph(Text.assemble(("Prompts longer than the context: ", "bold"), f"{', '.join(long)}."), width)


# --- routings ------------------------------------------------------------------------------------------------------


def routes_of(analysis: Analysis, way: str) -> list[Row]:
    """The routings of what was paid for in a way; none where none was asked for."""
    frame = analysis.tables.get("routes")
    return [] if frame is None else frame.filter(frame["billing"] == way).to_dicts()


def routes(analysis: Analysis, way: str, width: int) -> list[RenderableType]:
    """What routing does to both sides; nothing where none was asked for."""
    own, legend = routes_of(analysis, way), Legend()
    if not own:
        return []
    parts: list[RenderableType] = [Text(), title("Routing", width), _routes(own, width, legend)]
    reasons = sorted({row["unpriced"] for row in own if row["unpriced"]})
    parts += [quiet(f"Without a price, left out on both sides: {'; '.join(reasons)}", width)] if reasons else []
    return [*parts, *legend.lines(width)]


def _routing(row: Row) -> str:
    """`Routing side->gpt-6-luna: $1.04 as simulated becomes $1.03 (-0.2%); 4 of 66 requests go, …`."""
    if not row["routed"]:
        return f"Routing {row['route']}: none of {plural(row['requests'], 'request')} meets the rule"
    return (
        f"Routing {row['route']}: {shown(row['against'])} as simulated becomes "
        f"{shown(row['cost'])} ({_change(row)}); {exact(row['routed'])} of {plural(row['requests'], 'request')} "
        f"go, {plural(row['lineages_split'], 'lineage')} of {exact(row['lineages'])} split"
    )


def _routes(own: Sequence[Row], width: int, legend: Legend) -> RenderableType:
    table = [
        Column("route", [row["route"] for row in own], name=20),
        Column("routed", [exact(row["routed"]) for row in own]),
        Column("split", [exact(row["lineages_split"]) for row in own], drop=3),
        Column("cost", [shown(row["cost"]) for row in own]),
        Column("change", [_change(row) for row in own]),
        Column("routed side", [_side(row, "routed") for row in own], drop=2),
        Column("other side", [_side(row, "stayed") for row in own], drop=1),
        Column("tokens", [_factor(row) for row in own], drop=4),
        Column("retries", [shown(row["retry_cost"]) for row in own], drop=5),
        Column("", [legend.of(row["assumes"]) for row in own], name=4),
    ]
    return Table([column for column in table if column.title != "retries" or own[0]["retry_rate"]], width)


def _side(row: Row, side: str) -> str:
    return f"{shown(row[f'{side}_before'])} → {shown(row[f'{side}_after'])}"
