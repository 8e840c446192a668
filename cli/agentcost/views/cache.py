"""The report on caches: what was read, what was missed and why, and the same log under every policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, percent, plural, tokens
from agentcost.views.analyze import closing, empty
from agentcost.views.figures import total
from agentcost.views.headline import coverage
from agentcost.views.layout import Column, Table, plain, quiet, title

if TYPE_CHECKING:
    from polars import DataFrame

RELIABLE = 0.9
"""Share of reproduced requests below which a simulation does not advise."""


def cache(analysis: Analysis, width: int) -> RenderableType:
    """What was read and lost, the causes with their mends, how far the bill agrees, and every policy."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    causes = analysis.tables["misses"].filter(analysis.tables["misses"]["lost"] > 0)
    if len(causes):
        parts += [_causes(causes, width), *_mends(causes, width), Text()]
    parts += [*calibration(analysis, width), Text(), _policies(analysis.tables["caches"], width)]
    return Group(*parts, *_assumptions(analysis, width), Text(), *closing(analysis, width))


def answer(analysis: Analysis, width: int) -> list[RenderableType]:
    """The hit rate and what content would allow, what was lost, and to which cause most of it."""
    rows = {row["policy"]: row for row in analysis.tables["caches"].iter_rows(named=True)}
    best, own = rows["content bound"], rows.get("billed") or rows.get("as run")
    if own is None:
        return [title("No cache policy is known for these requests; --policy NAME simulates one.", width)]
    whole = own["read"] + own["write"] + own["plain"]
    how = "billed" if own["basis"] == "billed" else "simulated"
    lines: list[RenderableType] = [
        title(
            f"Hit rate {percent(own['read'], whole)} of input tokens ({how}); any cache could serve "
            f"{percent(best['read'], best['read'] + best['plain'])}",
            width,
        )
    ]
    misses = analysis.tables["misses"]
    lost = total(misses, "lost")
    if lost:
        first = misses.row(0, named=True)
        unknown = total(misses.filter(~misses["explained"]), "lost")
        lines.append(plain(
            f"{exact(lost)} tokens that were in the cache were not read ({percent(lost, whole)} of input); "
            f"{percent(unknown, lost)} of them unexplained", width,
        ))  # fmt: skip
        lines.append(
            plain(f"Most by {_words(first['cause'])} ({percent(first['lost'], lost)}): {first['mend']}", width)
        )
    else:
        lines.append(plain("Nothing that was in the cache was missed.", width))
    lines.append(quiet(" · ".join(coverage(analysis)), width))
    return lines


def _words(cause: str) -> str:
    return cause.replace("_", " ")


def _causes(causes: DataFrame, width: int) -> RenderableType:
    """A row per cause, the worst request as evidence."""
    lost = causes["lost"].to_list()
    return Table(
        [
            Column("cause", [_words(cause) for cause in causes["cause"]], name=14),
            Column("requests", [exact(count) for count in causes["requests"]], 3),
            Column("lost", [exact(count) for count in lost]),
            Column("share", [percent(count, sum(lost)) for count in lost], 2),
            Column("evidence (worst request)", causes["evidence"].to_list(), 1, name=20, keeps="start"),
            Column("where", causes["worst"].to_list(), 4, name=14, keeps="end"),
        ],
        width,
        footer="lost: tokens that were in the cache and were not read",
    )


def _mends(causes: DataFrame, width: int) -> list[RenderableType]:
    """What would mend the causes that lost the most."""
    rows = causes.head(3).iter_rows(named=True)
    return [plain(f"{number}. {_words(row['cause'])}: {row['mend']}", width) for number, row in enumerate(rows, 1)]


def calibration(analysis: Analysis, width: int) -> list[RenderableType]:
    """How many billed requests the simulation reproduces: what its advice rests on."""
    frame = analysis.tables["agreement"]
    count, near, same = total(frame, "requests"), total(frame, "near"), total(frame, "exact")
    if not count:
        return [quiet("Not compared with a bill: the log has no cached counts.", width)]
    text = (
        f"Simulated against billed: {exact(same)} of {plural(count, 'request')} to the token, "
        f"{percent(near, count)} within 1%; read {tokens(total(frame, 'simulated_read'))} against "
        f"{tokens(total(frame, 'billed_read'))}"
    )
    warm = total(frame, "warm_start")
    text += f", of it {tokens(warm)} cached before the log began" if warm else ""
    lines: list[RenderableType] = [quiet(text + ".", width)]
    if near < RELIABLE * count:
        lines.append(plain("Below 90% reproduced: take what follows as unreliable.", width))
    return lines


def _policies(frame: DataFrame, width: int) -> RenderableType:
    """The same log under every policy, the bill and the bound included."""
    rows = frame.to_dicts()
    return Table(
        [
            Column("policy", [row["policy"] for row in rows], name=13),
            Column("hit rate", [_rate(row["hit_rate"]) for row in rows]),
            Column("cost", [_rate(row["relative_cost"]) for row in rows]),
            Column("read", [tokens(row["read"]) for row in rows], 2),
            Column("write", [tokens(row["write"]) for row in rows], 3),
            Column("plain", [tokens(row["plain"]) for row in rows], 4),
            Column("what it is", [row["title"] for row in rows], 1, name=16, keeps="start"),
        ],
        width,
        styles={number: "bold" for number, row in enumerate(rows) if row["basis"] != "what if"},
        footer="hit rate: of all input tokens; cost: of input, against none cached; ?: a price is not published",
    )


def _rate(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f}%"


def _assumptions(analysis: Analysis, width: int) -> list[RenderableType]:
    """What a what-if takes for granted."""
    lines: list[RenderableType] = []
    if "what if" in analysis.tables["caches"]["basis"].to_list():
        lines.append(quiet(
            "What ifs take this log's tokens and times; the head is tools, then system, in every order of a provider's "
            "own; breakpoints stand as in the log, else behind tools, system and the last two messages.", width,
        ))  # fmt: skip
    if analysis.scope.untimed and analysis.scope.assumed_gap is None:
        lines.append(quiet("Requests without a time: nothing expires. --assume-gap 30s fills the gaps.", width))
    return lines
