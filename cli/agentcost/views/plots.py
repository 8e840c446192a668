"""Plots drawn by plotext, as plain text of a fixed size: a histogram, and lines that are marked where it matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agentcost.units import tokens

if TYPE_CHECKING:
    pass

MARK = "┊"
"""What a vertical reference line is drawn with: told from the axes by its dashes, in a pipe as well."""


def histogram(
    values: Sequence[int], width: int, height: int, top: int, marks: Mapping[float, str]
) -> tuple[str, int]:
    rows = height - 2
    room = width - 1 - len(f"{len(values):,}")
    step = nice(top / max(8, min(room // 2, round(2 * math.sqrt(len(values))) + 8)))
    bins = max(1, math.ceil(top / step))
    if top % step == 0: bins = max(1, int(top // step))
    counts = [0] * bins
    for v in values:
        counts[min(int(v // step), bins - 1)] += 1
    largest = max(counts)
    high, yticks = scale(largest, rows)
    wide = max(1, room // bins)
    f = figure(len(f"{yticks[-1]:,}") + 1 + bins * wide, height, (0, bins * step), (0, high))
    cell = step / wide
    xs, ys = [], []
    for n, c in enumerate(counts):
        if c:
            for k in range(wide):
                for q in (.25, .75):
                    xs.append(n * step + (k + q) * cell); ys.append(c)
    f.draw(f.signal(xs, ys, marker="hd").fillx())
    f.ruler("y").ticks(yticks, [f"{y:,}" for y in yticks])
    xt = scale(bins * step, max(2, bins * wide // 10))[1]
    f.ruler("x").ticks(xt, [tokens(int(x)) for x in xt])
    for x, label in marks.items():
        f.draw(f.segment((x, x), (0, high), marker=MARK))
        f.draw(f.text(x + cell, high, label))
    return f.build().string(colorless=True), step


def nice(v):
    p = 10 ** math.floor(math.log10(v))
    return next(int(m * p) if m * p >= 1 else 1 for m in (1, 2, 5, 10) if m * p >= v * 0.999)

def scale(high, most):
    step = nice(high / max(1, most//2))
    ticks = list(range(0, int(math.ceil(high / step)) * step + 1, step))
    return ticks[-1], ticks


def figure(width: int, height: int, x, y):
    import plotext
    plotext.terminal.limit(False, False)
    f = plotext.figure
    f.clear()
    f.plot_size(width, height)
    f.axes(False, axis="x", side="upper")
    f.axes(False, axis="y", side="right")
    f.ruler("x").lim(*x).alignment(lim="edge")
    f.ruler("y").lim(*y).alignment(lim="edge")
    return f
