"""The layout that all reports share: tables that fit a width, paragraphs, sections, bars and small charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from agentcost.units import head, middle, printable, tail

GAP = 2
"""Blanks between two columns."""

NAME = 12
"""The columns that a name keeps, unless its column says otherwise."""

EIGHTHS = " ▁▂▃▄▅▆▇█"
PARTS = " ▏▎▍▌▋▊▉█"


class Column(msgspec.Struct, frozen=True):
    """A column of a table: its title with the unit, and a text per row.

    `drop` is the order in which columns leave a narrow table: the highest first, those of 0 last and from the right,
    the first column never. Texts stand left and are shortened down to `name` columns, so that `keeps` stays: both
    ends, the start of a sentence, the end of a path. Numbers (`name` 0) stand right and are never shortened.
    `ends` is the text of the closing row.
    """

    title: str
    cells: Sequence[str]
    drop: int = 0
    name: int = 0
    style: str = ""
    ends: str = ""
    keeps: Literal["both", "start", "end"] = "both"


_SHORTENED: dict[str, Callable[[str, int], str]] = {"both": middle, "start": head, "end": tail}


class Table(msgspec.Struct, frozen=True):
    """A table without lines: a dim header, aligned columns, and a footer that names what did not fit.

    `styles` gives whole rows a style of their own.
    """

    columns: Sequence[Column]
    width: int
    styles: Mapping[int, str] = {}
    footer: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        places, widths = fit(self.columns, self.width)
        kept = [self.columns[place] for place in places]
        yield from _line([column.title for column in kept], kept, widths, ["dim"] * len(kept))
        styles = [column.style for column in kept]
        for number, row in enumerate(zip(*(column.cells for column in kept), strict=True)):
            own = self.styles.get(number)
            yield from _line(row, kept, widths, [own] * len(kept) if own else styles)
        if any(column.ends for column in kept):
            yield from _line([column.ends for column in kept], kept, widths, ["bold"] * len(kept))
        gone = [column.title for place, column in enumerate(self.columns) if place not in places and column.title]
        notes = [self.footer] * bool(self.footer)
        notes += [f"not shown at this width: {', '.join(gone)}"] * bool(gone)
        if notes:
            yield Paragraph(Text("; ".join(notes), style="dim"), self.width)


def fit(columns: Sequence[Column], width: int) -> tuple[list[int], list[int]]:
    """Which columns fit, the least important dropped first, and how wide each of them becomes."""
    kept = list(range(len(columns)))
    natural = [_natural(column) for column in columns]
    least = [min(size, column.name or size) for column, size in zip(columns, natural, strict=True)]
    while sum(least[place] for place in kept) + GAP * (len(kept) - 1) > width:
        loose = [place for place in kept if columns[place].drop] or kept[1:]
        if not loose:
            break
        kept.remove(max(loose, key=lambda place: (columns[place].drop, place)))
    spare = max(width - GAP * (len(kept) - 1) - sum(least[place] for place in kept), 0)
    widths = [least[place] for place in kept]
    short = [natural[place] - least[place] for place in kept]
    while spare and any(short):
        most = short.index(max(short))
        widths[most], short[most], spare = widths[most] + 1, short[most] - 1, spare - 1
    return kept, widths


def _natural(column: Column) -> int:
    texts = (column.title, column.ends, *column.cells)
    return max(len(text) if text.isascii() else cell_len(printable(text)) for text in texts)


def _line(
    texts: Iterable[str], columns: Sequence[Column], widths: Sequence[int], styles: Sequence[str]
) -> Iterator[Segment]:
    """A row: cells padded to their columns, nothing behind the last letter; one piece where one style serves."""
    cells = [_cell(text, column, width) for text, column, width in zip(texts, columns, widths, strict=True)]
    while cells and cells[-1].isspace():
        cells.pop()
    if len(set(styles)) == 1:
        yield Segment((" " * GAP).join(cells).rstrip() + "\n", _style(styles[0]))
        return
    for number, cell in enumerate(cells, 1):
        yield Segment(cell + " " * GAP if number < len(cells) else cell.rstrip(), _style(styles[number - 1]))
    yield Segment.line()


def _style(style: str) -> Style | None:
    return Style.parse(style) if style else None


def _cell(text: str, column: Column, width: int) -> str:
    clean = printable(text)
    if column.name:
        return shorten(clean, width, column.keeps)
    return clean.rjust(width) if clean.isascii() else " " * (width - cell_len(clean)) + clean


def shorten(text: str, width: int, keeps: str = "both") -> str:
    """Exactly `width` columns: shortened or padded."""
    short = _SHORTENED[keeps](text, width)
    return short.ljust(width) if short.isascii() else set_cell_size(short, width)


class Paragraph(msgspec.Struct, frozen=True):
    """Text wrapped to a width, behind a lead on the first line and blanks of its size on the others."""

    text: Text
    width: int
    lead: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lead, style = self.lead, console.get_style(self.text.style)
        for line in self.text.wrap(console, max(self.width - len(lead), 1)):
            line.rstrip()
            yield Segment(lead)
            yield from Segment.apply_style(line.render(console), style)
            yield Segment.line()
            lead = " " * len(lead)


def filled(*columns: Column) -> tuple[Column, ...]:
    """The columns of texts that hold one, and all numbers: a column without any text says nothing."""
    return tuple(column for column in columns if not column.name or any(column.cells))


PLACE = 20
"""The columns that a place keeps at most: longer names of files are shortened in front."""


def place_column(places: Sequence[str], drop: int = 0, title: str = "where") -> Column:
    """A column of FILE:LINE, which keeps the names of files, so that `agentcost show LOG` finds them."""
    longest = max((len(place.rpartition("/")[2]) for place in places), default=NAME)
    return Column(title, places, drop, name=max(NAME, min(longest, PLACE)), keeps="end")


def title(text: str, width: int) -> Paragraph:
    """The title of a section: bold, wrapped."""
    return Paragraph(Text(printable(text), style="bold"), width)


def plain(text: str, width: int) -> Paragraph:
    """A sentence: wrapped."""
    return Paragraph(Text(printable(text)), width)


def quiet(text: str, width: int) -> Paragraph:
    """A remark: dim, wrapped."""
    return Paragraph(Text(printable(text), style="dim"), width)


def packed(clauses: Iterable[str], width: int, separator: str = " · ") -> str:
    """As many clauses as one line holds, in their order; the first always."""
    line = ""
    for clause in clauses:
        more = line + separator + clause if line else clause
        if line and cell_len(more) > width:
            break
        line = more
    return line


def bar(share: float, width: int) -> str:
    """A share of 1 as a bar of at most `width` columns, in eighths of a column."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + PARTS[eighths % 8].strip()


def heights(values: Sequence[int], height: int) -> list[str]:
    """Values as columns of a chart `height` lines high, the top line first; the largest value fills it."""
    top = max(values, default=0) or 1
    filled = [max(round(value / top * height * 8), 1 if value else 0) for value in values]
    return [
        "".join(EIGHTHS[max(0, min(8, size - 8 * line))] for size in filled).rstrip()
        for line in reversed(range(height))
    ]


def chunks(values: Sequence[int], columns: int) -> list[int]:
    """At most `columns` values: where there are more, each stands for the largest of a run of neighbours."""
    if len(values) <= columns:
        return list(values)
    edges = [number * len(values) // columns for number in range(columns + 1)]
    return [max(values[start:end]) for start, end in pairwise(edges)]


def spread(count: int, most: int) -> list[int]:
    """At most `most` places of `count`, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(number * (count - 1) / (most - 1)) for number in range(most)]
