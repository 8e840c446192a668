"""The report on caches: what was read, what was missed and why, and the same log under every policy."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import HIT_RATES, Analysis, simulated
from agentcost.units import UNKNOWN, agreed, currency, dollars, exact, percent, plural, tail, tokens
from agentcost.views.analyze import clauses, closing, empty
from agentcost.views.cachegaps import components, gaps
from agentcost.views.evidence import worst_evidence
from agentcost.views.figures import total
from agentcost.views.headline import counted, coverage, rates
from agentcost.views.layout import NAME, Column, Table, filled, place_column, plain, quiet, title
from agentcost.views.notes import doubt, reproduced, words
from agentcost.views.order import ordered
from agentcost.views.turns import Remarked
from agentcost.views.whatifs import what_ifs

if TYPE_CHECKING:
    from polars import DataFrame

WIDE = 100
"""Columns from which on evidence and titles stand in the tables."""

NAMES = 36
"""Columns for the names of policies that serve the same; more of them stand below."""

MENDED = 3
"""Causes whose mend is told."""

BASES = ("billed", "simulated", "asked", "what if", "bound")
"""The order of the policies: the log's own, then those that another provider or engine has."""


def cache(analysis: Analysis, width: int) -> RenderableType:
    """What was read and lost, the causes with their mends, how far the bill agrees, and every policy."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    if counted(analysis):
        return Group(*parts, *closing(analysis, width))
    causes = analysis.tables["misses"].filter(analysis.tables["misses"]["lost"] > 0)
    if len(causes):
        parts += [causes_table(analysis, causes, width), Text()]
    parts += [*calibration(analysis, width), Text()]
    for more in (gaps(analysis, width), components(analysis, width)):
        parts += [*more, Text()] if more else []
    helps = what_ifs(analysis, width)
    parts += [*helps, Text()] if helps else []
    parts.append(_policies(analysis, width))
    return Group(*parts, *_assumptions(analysis, width), Text(), *closing(analysis, width))


def answer(analysis: Analysis, width: int) -> list[RenderableType]:
    """The hit rate and what content would allow, what was lost, and how much of that is unexplained."""
    of = HIT_RATES[analysis.tables["caches"]["hit_rate_of"][0]]
    first = f"Hit rate {', '.join(rates(analysis))}" if rates(analysis) else "Hit rate unknown"
    whole = f"{first}, {of}" if rates(analysis) else first
    lines: list[RenderableType] = [title(whole if len(whole) <= width else first, width)]
    lines += [quiet(f"Hit rate: {of}", width)] * (len(whole) > width)
    if counted(analysis):
        lines.append(plain("The log holds lengths only: without content no cache can be simulated.", width))
    elif simulated(analysis.tables["caches"]):
        lines.append(plain(_lost(analysis), width))
    else:
        lines.append(plain("No cache policy is known for these requests; --policy NAME simulates one.", width))
    return [*lines, quiet(" · ".join(coverage(analysis)), width)]


def _lost(analysis: Analysis) -> str:
    misses = analysis.tables["misses"]
    lost, whole = total(misses, "lost"), total(analysis.tables["requests"])
    if not lost:
        return "Nothing that was in the cache was missed."
    unknown = total(misses.filter(~misses["explained"]), "lost")
    rest = f"; {percent(unknown, lost)} of them unexplained" if unknown else ""
    were = agreed(lost, "was", "were")
    return f"{plural(lost, 'token')} that {were} in the cache {were} not read ({percent(lost, whole)} of input){rest}"


def causes_table(analysis: Analysis, causes: DataFrame, width: int) -> RenderableType:
    """A row per cause with the evidence of its worst request, below it where the width is small, and the mend."""
    lost = causes["lost"].to_list()
    wide = width >= WIDE
    told_of = worst_evidence(analysis)
    evidence = [told_of[cause] for cause in causes["cause"].to_list()]
    priced = causes["cost_lost"].count() > 0
    table = Table(
        (
            Column("cause", [words(cause) for cause in causes["cause"].to_list()], name=24),
            Column("requests", [exact(count) for count in causes["requests"].to_list()], 3),
            Column("lost", [exact(count) for count in lost]),
            Column("share", [percent(count, sum(lost)) for count in lost], 2),
            *(
                [Column(currency().name, [dollars(amount) for amount in causes["cost_lost"].to_list()], 1)]
                if priced
                else []
            ),
            *([Column("evidence of the worst request", evidence, 1, name=30, keeps="start")] if wide else []),
            place_column([tail(place, 30) for place in causes["worst"].to_list()], 4, "worst request"),
        ),
        width,
    )
    remarks = {}
    for number, (text, mend) in enumerate(zip(evidence, causes["mend"].to_list(), strict=True)):
        told = [] if wide else _remark("↳", text, width)
        remarks[number] = told + (_remark("→", clauses(mend, width - 4), width) if number < MENDED else [])
    return Remarked(table, remarks)


def _remark(sign: str, text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent=f"  {sign} ", subsequent_indent="    ", break_on_hyphens=False)


def calibration(analysis: Analysis, width: int) -> list[RenderableType]:
    """How many billed requests the simulation reproduces: what its advice rests on."""
    lines: list[RenderableType] = [quiet(f"Simulated{_under(analysis)} against billed: {reproduced(analysis)}.", width)]
    lines += [plain(text, width) for text in _reported(analysis)]
    doubtful = doubt(analysis)
    return [*lines, plain(doubtful, width)] if doubtful else lines


def _under(analysis: Analysis) -> str:
    """The policy that was asked for: causes, gaps and ways are of it."""
    row = simulated(analysis.tables["caches"])
    return f" under {row['policy']}" if row and row["basis"] == "asked" else ""


def _reported(analysis: Analysis) -> list[str]:
    """What providers say themselves of their misses, and where that is something else than what is found here."""
    frame = analysis.tables["reasons"]
    if not len(frame):
        return []
    same = total(frame.filter(frame["same"]), "requests")
    others = [
        f"{words(row['reported'])} where {words(row['cause']) or 'nothing missed'} stands here ({row['requests']}, "
        f"{tail(row['worst'], 30)})"
        for row in frame.filter(~frame["same"]).head(MENDED).iter_rows(named=True)
    ]
    told = f"The provider says why of {plural(total(frame, 'requests'), 'request')}, {same} as here"
    return [f"{told}{': ' if others else '.'}{'; '.join(others)}"]


def _policies(analysis: Analysis, width: int) -> RenderableType:
    """The same log under every policy, the bill and the bound included: those that serve the same stand in one row."""
    rows = _merged(_sorted(analysis)).to_dicts()
    room = min(NAMES, max(NAME, width - 22))
    names = [wrap(_covering(row, analysis.scope.selected), room, break_on_hyphens=False) for row in rows]
    wide = width >= WIDE
    table = Table(
        filled(
            Column("policy", [lines[0] for lines in names], name=room, keeps="start"),
            Column("hit rate", [_rate(row["hit_rate"]) for row in rows]),
            Column("cost", [_rate(row["relative_cost"]) for row in rows]),
            Column("read", [tokens(row["read"]) for row in rows], 2),
            Column("write", [tokens(row["write"]) for row in rows], 3),
            Column("plain", [tokens(row["plain"]) for row in rows], 4),
            Column("what it is", [row["title"] if wide else "" for row in rows], 1, name=16, keeps="start"),
        ),
        width,
        styles={number: "bold" for number, row in enumerate(rows) if row["basis"] != "what if"},
        footer=f"hit rate: {HIT_RATES[rows[0]['hit_rate_of']]}; cost: of input, uncached is 100%; ?: no price",
    )
    return Remarked(table, {number: _remark(" ", " ".join(more), width) for number, (_, *more) in enumerate(names)})


def _covering(row: dict[str, Any], selected: int) -> str:
    """A policy, and of how many requests its row tells: a bill or a policy may not be known of each."""
    some = "" if row["requests"] == selected else f" (of {plural(row['requests'], 'request')})"
    return f"{row['policy']}{some}"


def _sorted(analysis: Analysis) -> DataFrame:
    """The policies in the order that was asked for; else the log's own, then by cost, those without a price last."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    frame = analysis.tables["caches"]
    if analysis.scope.sort in frame.columns:
        return ordered(frame, analysis.scope.sort, "policy")
    rank = pl.col("basis").replace_strict({basis: rank for rank, basis in enumerate(BASES)}, return_dtype=pl.Int64)
    return frame.sort(rank, "relative_cost", "policy", nulls_last=True)


def _merged(frame: DataFrame) -> DataFrame:
    """One row for the policies that serve the same at the same cost, in the place of the first."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    own = pl.when(pl.col("basis") != "what if").then("policy").alias("own")
    figures = ("basis", "requests", "read", "write", "plain", "hit_rate", "relative_cost", "hit_rate_of")
    return frame.group_by(own, *figures, maintain_order=True).agg(
        pl.col("policy").str.join(", "), pl.col("title").str.join("; ")
    )


def _rate(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f}%"


def _assumptions(analysis: Analysis, width: int) -> list[RenderableType]:
    """What a what-if takes for granted."""
    lines: list[RenderableType] = []
    if "what if" in analysis.tables["caches"]["basis"].to_list():
        lines.append(quiet(
            "Other policies: with this log's tokens, order and times; breakpoints as in the log, else behind tools, "
            "system and the last two messages.", width,
        ))  # fmt: skip
    if analysis.scope.untimed and analysis.scope.assumed_gap is None:
        lines.append(quiet("Requests without a time: nothing expires. --assume-gap 30s fills the gaps.", width))
    return lines
