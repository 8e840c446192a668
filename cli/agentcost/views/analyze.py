"""The default report: where the input tokens go, what stands out, and what the figures rest on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, percent, plural, rounded, tokens
from agentcost.views.figures import LABELS, total
from agentcost.views.findings import findings
from agentcost.views.groups import groups
from agentcost.views.headline import coverage, headline
from agentcost.views.layout import Column, Paragraph, Table, bar, chunks, heights, quiet, title
from agentcost.views.notes import accounts, basis, skips

BAR = 14
FOLD = 0.005
"""Components below this share join one row, unless everything is asked for."""

MOST_ROWS = 12
CHART = 4


def analyze(analysis: Analysis, width: int) -> RenderableType:
    """The report that a first look needs, in at most 40 lines of 80 columns."""
    return report(analysis, width, whole=False)


def report(analysis: Analysis, width: int, whole: bool) -> RenderableType:
    """The report; `whole` keeps every component's row."""
    if not analysis.scope.selected:
        return empty(analysis, width)
    parts: list[RenderableType] = [*opening(analysis, width), Text()]
    found = findings(analysis, 3)
    for number, finding in enumerate(found, 1):
        text = Text.assemble((finding.lead, "bold"), " ", finding.text)
        parts.append(Paragraph(text, width, f"{number}. "))
    parts += [Text()] * bool(found) + [components(analysis, width, whole)]
    if analysis.scope.by:
        parts += [Text(), groups(analysis, width)]
    parts += [Text(), *chart(analysis, width), Text(), *closing(analysis, width)]
    return Group(*parts)


def opening(analysis: Analysis, width: int) -> list[RenderableType]:
    """The three lines that answer, and what they cover."""
    first, second, third = headline(analysis, width)
    return [title(first), Text(second), Text(third), quiet(" · ".join(coverage(analysis)), width)]


def closing(analysis: Analysis, width: int) -> list[RenderableType]:
    """What the figures rest on, and the account of records."""
    sentences = [*basis(analysis), accounts(analysis)]
    skipped = skips(analysis)
    warned: list[RenderableType] = [Paragraph(Text(skipped, style="yellow"), width)] if skipped else []
    return [quiet(". ".join(sentences) + ".", width), *warned]


def empty(analysis: Analysis, width: int) -> RenderableType:
    """What to say where nothing is selected."""
    scope = analysis.scope
    if scope.total:
        text = f"None of {plural(scope.total, 'request')} passes {', '.join(scope.filters)}: widen --since, --until or --where."
    else:
        text = "No request in the log: `agentcost formats` shows what is read; the account below says what was found."
    return Group(Paragraph(Text(text, style="bold"), width), *closing(analysis, width))


def components(analysis: Analysis, width: int, whole: bool) -> RenderableType:
    """A row per component with its share; small ones together, unless `whole`."""
    frame = analysis.tables["components"]
    input_tokens = total(analysis.tables["requests"])
    keep = len(frame) if whole else _kept(frame["share"].to_list())
    shown, rest = frame.head(keep), frame.slice(keep)
    names = [LABELS[name] for name in shown["component"]]
    counts, shares = shown["tokens"].to_list(), shown["share"].to_list()
    requests, medians, growths = (
        [form(value) for value in shown[name].to_list()]
        for name, form in (("requests", exact), ("median", tokens), ("growth", rounded))
    )
    if len(rest):
        names.append(f"other ({len(rest)})")
        counts.append(total(rest, "tokens"))
        shares.append(counts[-1] / input_tokens if input_tokens else None)
        requests, medians, growths = [*requests, ""], [*medians, ""], [*growths, ""]
    largest = max((share or 0 for share in shares), default=0) or 1
    return Table(
        (
            Column("component", names, name=True, ends="all input"),
            Column("tokens", [exact(count) for count in counts], ends=exact(input_tokens)),
            Column("of input", [percent(share) for share in shares], ends="100%" if input_tokens else UNKNOWN),
            Column("", [bar((share or 0) / largest, BAR).ljust(BAR) for share in shares], 4, style="cyan"),
            Column("requests", requests, 2, ends=exact(analysis.scope.selected)),
            Column("median", medians, 1),
            Column("growth/turn", growths, 3),
        ),
        width,
    )


def _kept(shares: Sequence[float | None]) -> int:
    """How many rows stay; a single small one is not worth folding."""
    large = min(sum(abs(share or 0) >= FOLD for share in shares), MOST_ROWS)
    return len(shares) if len(shares) - large <= 1 else large


def chart(analysis: Analysis, width: int) -> list[RenderableType]:
    """Input tokens per request: over the log, or over the turns of its largest session where the log is long."""
    requests = analysis.tables["requests"]
    room = width - 9
    what = "input tokens per request, in order"
    values = requests["prompt"].to_list()
    if len(values) > 2 * room:
        own = requests.filter(requests["session"] == analysis.tables["sessions"]["session"][0])
        if len(own) >= room // 4:
            values, what = own["prompt"].to_list(), "input tokens per request of the largest session"
    if len(values) < 2:
        return []
    columns = chunks(values, room)
    if len(columns) < len(values):
        what += f" (each column the largest of about {round(len(values) / len(columns))})"
    wide = max(1, min(4, room // len(columns)))
    lines = heights([value for value in columns for _ in range(wide)], CHART)
    top = tokens(max(values)).rjust(7)
    rows = [Text.assemble((top if number == 0 else " " * 7, "dim"), "  ", (line, "cyan")) for number, line in enumerate(lines)]
    rows[-1] = Text.assemble(("0".rjust(7), "dim"), "  ", (lines[-1], "cyan"))
    return [Text(what, style="dim"), *rows]
