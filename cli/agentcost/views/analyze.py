"""The default report: where the input tokens go, what stands out, and what the figures rest on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis, simulated
from agentcost.units import NONE, UNKNOWN, dollars, exact, percent, plural, printable, rounded, tokens
from agentcost.views import money
from agentcost.views.charts import chart, sizes
from agentcost.views.figures import LABELS, opaque, total
from agentcost.views.findings import findings
from agentcost.views.groups import groups
from agentcost.views.headline import coverage, headline, rates, unkept
from agentcost.views.layout import Column, Paragraph, Table, bar, plain, quiet, title
from agentcost.views.memory import memory
from agentcost.views.notes import accounts, basis, doubt, reproduced, skips, words

BAR = 10
FOLD = 0.005
"""Components below this share join one row, unless everything is asked for."""

MOST_ROWS = 9

_MOST_KINDS = 2
"""Kinds of records that are named where none is a request."""

MOST_CAUSES = 3
"""Causes of misses that the report names."""

UNKEPT = 0.05
"""The share of input from which on it is told that it was sent before and never kept."""

CLAUSE = re.compile(r"[,;](?= )")


def analyze(analysis: Analysis, width: int) -> RenderableType:
    """The report that a first look needs, in at most 48 lines of 80 columns."""
    return report(analysis, width, whole=False)


def report(analysis: Analysis, width: int, whole: bool) -> RenderableType:
    """The report; `whole` keeps every component's row. A log without content has its sizes in their place."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    parts = opening(analysis, width)
    for number, finding in enumerate(findings(analysis, 3), 1):
        parts += [Text()] * (number == 1)
        parts.append(Paragraph(Text.assemble((finding.lead, "bold"), " ", finding.text), width, f"{number}. "))
    parts += money.cost(analysis, width)
    parts += caches(analysis, width)
    unknown = opaque(analysis)
    parts += [Text(), sizes(analysis, width) if unknown else components(analysis, width, whole)]
    if analysis.scope.by:
        parts += [Text(), groups(analysis, width)]
    parts += [*chart(analysis, width), Text(), *memory(analysis, width), *closing(analysis, width)]
    return Group(*parts)


def caches(analysis: Analysis, width: int) -> list[RenderableType]:
    """What was missed that was cached, how far that can be relied on, and the heaviest causes with their mends.

    Nothing where nothing can be told.
    """
    rows = {row["policy"]: row for row in analysis.tables["caches"].iter_rows(named=True)}
    if not simulated(analysis.tables["caches"]):
        share = rows["content bound"]["hit_rate"]
        text = (
            "misses are unknown, as no cache policy is known for these requests; at best a cache serves "
            f"{percent(share)} of input. `agentcost cache` simulates the known ones."
        )
        return [Text(), _led("Cache:", text, width)] if share else []
    causes = analysis.tables["misses"]
    causes = causes.filter(causes["lost"] > 0)
    lost, doubtful = total(causes, "lost"), doubt(analysis)
    lead = f"Cache: {plural(lost, 'token')} missed" if lost else "Cache: nothing that was cached was missed;"
    share = f"({percent(lost, total(analysis.tables['requests']))} of input); " if lost else ""
    text = f"{share}hit rate of input {', '.join(rates(analysis))}{_unkept(analysis)}; {reproduced(analysis)}."
    parts: list[RenderableType] = [Text(), _led(lead, text, width)]
    if doubtful:
        parts.append(Paragraph(Text(doubtful, style="yellow"), width))
    top = causes.head(MOST_CAUSES)
    counts = [exact(count) for count in top["lost"].to_list()]
    amounts = [f" ({dollars(amount)})" if amount else "" for amount in top["cost_lost"].to_list()]
    for count, amount, cause, mend in zip(counts, amounts, top["cause"].to_list(), top["mend"].to_list(), strict=True):
        start = f"   {count.rjust(len(counts[0]))}  "
        text = f"{words(cause)}{amount}: {mend}"
        parts.append(Paragraph(Text(clauses(text, width - len(start))), width, start))
    return parts


def _unkept(analysis: Analysis) -> str:
    """What lies between the hit rate and the best one, where it is no miss."""
    tokens, whole = unkept(analysis), total(analysis.tables["requests"])
    if tokens < UNKEPT * whole or not tokens:
        return ""
    return f", as {percent(tokens, whole)} of input was sent before and not kept (`agentcost cache` says why)"


def clauses(text: str, width: int) -> str:
    """As many clauses of a sentence as one line holds; the whole where not even the first one fits."""
    ends = [len(text), *sorted((found.start() for found in CLAUSE.finditer(text)), reverse=True)]
    return text[: next((end for end in ends if end <= width), len(text))]


def _led(lead: str, text: str, width: int) -> Paragraph:
    return Paragraph(Text.assemble((lead, "bold"), " ", text), width)


def opening(analysis: Analysis, width: int) -> list[RenderableType]:
    """The three lines that answer, and what they cover."""
    first, second, third = headline(analysis, width)
    return [
        title(first, width),
        plain(second, width),
        plain(third, width),
        quiet(" · ".join(coverage(analysis)), width),
    ]


def closing(analysis: Analysis, width: int) -> list[RenderableType]:
    """What the figures rest on, and the account of records."""
    skipped = skips(analysis)
    warned: list[RenderableType] = [Paragraph(Text(skipped, style="yellow"), width)] if skipped else []
    return [quiet(". ".join((*basis(analysis), accounts(analysis))) + ".", width), *warned]


def empty(analysis: Analysis, width: int) -> RenderableType:
    """What to say where no request is selected."""
    scope = analysis.scope
    text = (
        f"None of {plural(scope.total, 'request')} passes {', '.join(scope.filters)}: "
        f"{'; '.join(scope.offered) or 'widen the selection'}."
        if scope.total
        else f"No request is in the log. {_instead(analysis)}`agentcost formats` shows what is read, and --against "
        "compares a bill with logs; what the log holds is counted below."
    )
    return Group(title(text, width), *closing(analysis, width))


def _instead(analysis: Analysis) -> str:
    """What most records are where none is a request: that may say where requests are."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    sums = analysis.tables["others"].group_by("what").agg(pl.col("count").sum())
    most = sums.sort(["count", "what"], descending=[True, False]).head(_MOST_KINDS)
    told = [f"{exact(count)} × {printable(what)}" for what, count in most.iter_rows()]
    return f"It holds {'; '.join(told)}{'; and more' if len(sums) > len(told) else ''}. " if told else ""


def components(analysis: Analysis, width: int, whole: bool) -> RenderableType:
    """A row per component with its share; small ones together, unless `whole`."""
    frame = analysis.tables["components"]
    input_tokens = total(analysis.tables["requests"])
    large = range(len(frame)) if whole else _large(frame["share"].to_list())
    shown, rest = frame[list(large)], frame[[row for row in range(len(frame)) if row not in large]]
    names = [LABELS[name] for name in shown["component"]]
    counts = shown["tokens"].to_list()
    requests = [exact(count) for count in shown["requests"].to_list()]
    medians = [tokens(count) for count in shown["median"].to_list()]
    growths = [NONE if mean is None else rounded(mean) for mean in shown["growth"].to_list()]
    if len(rest):
        names.append(f"other ({len(rest)})")
        counts.append(total(rest, "tokens"))
        requests, medians, growths = [*requests, ""], [*medians, ""], [*growths, ""]
    largest = max([*counts, 1])
    return Table(
        (
            Column("component", names, name=20, ends="all input"),
            Column("tokens", [exact(count) for count in counts], ends=exact(input_tokens)),
            Column(
                "of input", [percent(count, input_tokens) for count in counts], ends="100%" if input_tokens else UNKNOWN
            ),
            Column("", [bar(count / largest, BAR) for count in counts], 4, name=BAR, style="cyan"),
            Column("requests", requests, 2, ends=exact(analysis.scope.selected)),
            Column("median", medians, 1),
            Column("+/turn", growths, 3),
        ),
        width,
    )


def _large(shares: Sequence[float | None]) -> list[int]:
    """The rows that stay, in their order; a single small one is not worth folding."""
    sizes = [abs(share or 0) for share in shares]
    most = sorted(range(len(sizes)), key=lambda row: (-sizes[row], row))[:MOST_ROWS]
    large = sorted(row for row in most if sizes[row] >= FOLD)
    return list(range(len(sizes))) if len(sizes) - len(large) <= 1 else large
