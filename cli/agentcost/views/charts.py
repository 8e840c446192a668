"""Input tokens per request in pictures: over the log or a session, and by size."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import THRESHOLDS, Analysis
from agentcost.units import exact, percent, plural, tokens
from agentcost.views.layout import Column, Table, bar, chunks, heights, quiet
from agentcost.views.plots import histogram, painted, tick

HEIGHT = 4
"""Lines of the chart over the log. It is made of blocks: plotext has 2 levels a line where these have 8, spends
2 lines on the axis, joins requests that do not follow each other, and takes 0.1 s to import."""

BAR = 24

PLOT = 12
"""Lines of the plot by size, its axis included."""

EDGES = (0, 1_000, 2_000, 4_000, 8_000, 16_000, *THRESHOLDS, 400_000)
"""Where the sizes of prompts are parted: powers of two thousand, then the published thresholds."""

PUBLISHED = 96_000
"""Median input of 432,000 coding-agent requests, in tokens, as SemiAnalysis published it."""


def chart(analysis: Analysis, width: int) -> list[RenderableType]:
    """Input tokens per request: over the log, or over the largest session where the log is long. May be nothing."""
    requests, room = analysis.tables["requests"], width - 9
    values, what = requests["prompt"].to_list(), f"input tokens of {plural(len(requests), 'request')} in order"
    if len(values) > 2 * room:
        own = requests.filter(requests["session"] == analysis.tables["sessions"]["session"][0])
        values, what = own["prompt"].to_list(), f"input tokens of the largest session's {plural(len(own), 'request')}"
    if len(values) < 4:
        return []
    columns = chunks(values, room)
    if len(columns) < len(values):
        what += f", max of every {-(-len(values) // len(columns))} or fewer"
    wide = max(1, min(4, room // len(columns)))
    lines = heights([value for value in columns for _ in range(wide)], HEIGHT)
    scale = [tokens(max(values)), *[""] * (HEIGHT - 2), "0"]
    rows = [
        Text.assemble((mark.rjust(7), "dim"), "  ", (line, "cyan"), no_wrap=True)
        for mark, line in zip(scale, lines, strict=True)
    ]
    return [Text(), quiet(what, width), *rows]


def plot_of_sizes(analysis: Analysis, width: int) -> RenderableType:
    """How many requests are of which size, beside the published median: on the plot unless that is far off it."""
    own, shares = (
        dict(analysis.tables["distribution"].select("measure", column).iter_rows()) for column in ("value", "share")
    )
    marks = {own["p50"]: f"median {tokens(own['p50'])}"}
    far = own["max"] < PUBLISHED / 2
    if not far:
        marks[PUBLISHED] = f"{tick(PUBLISHED)} published median"
    prompts = analysis.tables["requests"]["prompt"].to_list()
    plot, step = histogram(prompts, 0 if far else PUBLISHED, width, PLOT, marks)
    off = f", {PUBLISHED / max(own['max'], 1):,.0f} times the largest here and so off the plot" if far else ""
    caption = (
        f"Requests by input tokens, a bar for every {exact(step)}. Half are above {tokens(own['p50'])}, "
        f"{percent(shares['above_96000'])} above 96k. For comparison: SemiAnalysis published a median of about 96k "
        f"over 432,000 coding-agent requests{off}; the claim beside it, that about half exceed 128k, cannot hold "
        "together with that median."
    )
    return Group(painted(plot), quiet(caption, width))


def sizes(analysis: Analysis, width: int) -> RenderableType:
    """How many requests are of which size, and what they carry."""
    prompts = analysis.tables["requests"]["prompt"]
    whole = int(prompts.sum())
    rows: list[tuple[int, int | None, int, int]] = []
    for low, high in zip(EDGES, (*EDGES[1:], None), strict=True):
        inside = prompts.filter((prompts >= low) & (prompts < high) if high else prompts >= low)
        rows.append((low, high, len(inside), int(inside.sum())))
    used = [number for number, row in enumerate(rows) if row[2]]
    rows = rows[used[0] : used[-1] + 1] if used else []
    largest = max((count for _, _, count, _ in rows), default=1)
    return Table(
        (
            Column("input tokens of a request", [_range(low, high) for low, high, _, _ in rows], name=24),
            Column("requests", [exact(count) for _, _, count, _ in rows]),
            Column("share", [percent(count, len(prompts)) for _, _, count, _ in rows]),
            Column("of input", [percent(carried, whole) for *_, carried in rows], 1),
            Column("", [bar(count / largest, BAR) for _, _, count, _ in rows], 2, name=BAR, style="cyan"),
        ),
        width,
    )


def _range(low: int, high: int | None) -> str:
    """`64k to 96k`."""
    start = f"{low // 1000}k" if low else "0"
    return f"{start} to {high // 1000}k" if high else f"{start} and more"
