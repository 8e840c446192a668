"""Plots as text of a fixed size, drawn by plotext: histograms, and lines over an axis, with marks at what matters.

8┤             ┊ 96k published
 │             ┊
 │        ▄▄▄▄ ┊
 │    ▄▄▄▄████ ┊
0┤▄▄▄▄████████ ┊    ▄▄▄▄
 └┬───────────────┬───────
  0              100k
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
from rich.text import Text

MARK = "┊"
"""What a marked place is drawn with: its dashes tell it from the axes, without colours too."""

TICK = 12
"""The columns per tick of a horizontal axis, about."""

LABEL = 4
"""The columns of the longest tick of counts: 500, 1.5k, 200k."""

UNMARKED: Mapping[float, str] = {}


class Axis(msgspec.Struct, frozen=True):
    """From where to where an axis goes, and the places on it that are named."""

    low: float
    high: float
    ticks: Mapping[float, str]


def axis(low: float, high: float, most: int, least: float = 1) -> Axis:
    """An axis over exactly these values, with at most `most` round ticks, `least` or more apart: 1 for counts."""
    high = max(high, low + least)
    step = least
    while (high - low) / step > max(most - 1, 1):
        step = round_step(step * 1.01)
    first = math.ceil(low / step)
    return Axis(low, high, {step * place: tick(step * place) for place in range(first, math.floor(high / step) + 1)})


def shares(most: float) -> Axis:
    """Percent from 0 to what is read at most, rounded up."""
    step = next(step for step in (1, 2, 5, 10, 20, 25) if most / step <= 5)
    top = step * math.ceil(most / step)
    return Axis(0, top, {float(share): f"{share}" for share in range(0, top + 1, step)})


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    ten: float = 10.0 ** math.floor(math.log10(least))
    return next(digit * ten for digit in (1, 2, 5, 10) if digit * ten >= least)


def tick(value: float) -> str:
    """A round number in few letters: 0.5, 200, 5k, 1.5M."""
    limit, suffix = next(
        ((limit, suffix) for limit, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")) if abs(value) >= limit),
        (1, ""),
    )
    return f"{value / limit:g}{suffix}"


def line_plot(
    xs: Sequence[float],
    ys: Sequence[float],
    width: int,
    height: int,
    x: Axis | None = None,
    y: Axis | None = None,
    marks: Mapping[float, str] = UNMARKED,
) -> str:
    """A line through points in the order given, on the axes given or on those of counts: values of `xs`, 0 to the top.

    `marks` are values on the axis of x and their names; names stand in the upper rows, where the line may cross them.
    """
    across = x or axis(min(xs), max(xs), width // TICK)
    up = y or axis(0, max(ys), height // 2)
    return _drawn(xs, ys, False, across, up, marks, width, height)


def histogram(
    values: Sequence[int], top: int, width: int, height: int, marks: Mapping[float, str] = UNMARKED
) -> tuple[str, int]:
    """How many values are of which size, from 0 to `top` or what is largest, and the size that one bar stands for.

    Above the bars is a row per mark for its name. A mark lies on the axis.
    """
    room = width - 1 - min(len(str(len(values))), LABEL)
    top = max(top, *values, 1)
    wanted = min(room // 2, 8 + round(2 * math.sqrt(len(values))))
    step = max(int(round_step(top / wanted)), 1)
    counts = [0] * (top // step + 1)
    for value in values:
        counts[value // step] += 1
    wide = max(room // len(counts), 1)
    end = step * len(counts)
    rows = height - 2
    fullest = max(counts)
    ticks = axis(0, fullest, height // 2).ticks
    up = Axis(0, fullest * rows / max(rows - len(marks), 1), ticks)
    halves = 2 * wide * len(counts)
    filled = [half for half in range(halves) if counts[half // (2 * wide)]]
    xs = [(half + 0.5) / halves * end for half in filled]
    ys = [counts[half // (2 * wide)] for half in filled]
    columns = 1 + max(map(len, ticks.values())) + wide * len(counts)
    across = axis(0, end, columns // TICK)
    return _drawn(xs, ys, True, across, up, marks, columns, height), step


def _drawn(
    xs: Sequence[float],
    ys: Sequence[float],
    filled: bool,
    x: Axis,
    y: Axis,
    marks: Mapping[float, str],
    width: int,
    height: int,
) -> str:
    """The plot, no line with a blank at its end. plotext keeps one figure: everything of it is set anew here."""
    import plotext  # noqa: PLC0415 — it takes 0.1 s, and few reports draw

    plotext.terminal.limit(False, False)
    figure = plotext.figure.clear().plot_size(width, height)
    figure.axes(False, axis="x", side="upper").axes(False, axis="y", side="right")
    for name, along in (("x", x), ("y", y)):
        ruler = figure.ruler(name).lim(along.low, along.high).alignment(lim="edge")
        ruler.ticks(list(along.ticks), list(along.ticks.values()))
    points = figure.signal(list(xs), list(ys), marker="hd" if filled else "braille")
    figure.draw(points.fillx() if filled else points.lines())
    columns = width - 1 - max(map(len, y.ticks.values()))
    column_of = {place: min(int((place - x.low) / (x.high - x.low) * columns), columns - 1) for place in marks}
    middles = [x.low + (column + 0.5) / columns * (x.high - x.low) for column in range(columns)]
    for column in column_of.values():
        figure.draw(figure.segment((middles[column],) * 2, (y.low, y.high), marker=MARK))
    for row, (place, name) in enumerate(marks.items()):
        start = _beside(column_of[place], len(name) + 2, columns)
        if start is not None:
            level = y.high - (row + 0.5) / (height - 2) * (y.high - y.low)
            figure.draw(figure.text(middles[start], level, f" {name} "))
    return "\n".join(line.rstrip() for line in figure.build().string(colorless=True).splitlines())


def _beside(column: int, length: int, columns: int) -> int | None:
    """Where the name of a mark starts: right of its column, else left of it, else nowhere."""
    return next((start for start in (column + 1, column - length) if 0 <= start <= columns - length), None)


def painted(plot: str) -> Text:
    """A plot in the colours of the other charts; its characters alone tell everything."""
    text = Text(plot, no_wrap=True)
    text.highlight_regex(r"[▀-▟⠁-⣿]+", "cyan")
    text.highlight_regex(MARK + r"[^▀-▟⠁-⣿\n]*", "yellow")
    return text
