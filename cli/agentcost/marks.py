"""Volatile things in a prompt's text: what changes from call to call and so breaks a cache."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentcost.model import Mark

_DAY = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:s|nes|rs|ur)?(?:day)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"

PATTERNS = (
    ("timestamp", r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?"),
    ("date", r"\d{4}-\d{2}-\d{2}"),
    ("date", rf"{_DAY},? (?:\d{{1,2}} )?{_MONTH} \d{{1,4}}(?:,? \d{{4}})?"),
    ("clock", r"\b\d{1,2}:\d{2}:\d{2}\b"),
    ("uuid", r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
    ("hash", r"\b[0-9a-f]{40}\b"),
    ("temporary path", r"/(?:tmp|var/folders)/[\w./-]+"),
    ("epoch", r"\b1[5-9]\d{8}(?:\d{3})?\b"),
)
"""(what, pattern), the longer first; a stretch is told once."""

_ASCII = [pattern.replace(r"\d", "[0-9]") for _, pattern in PATTERNS]
_ALL = "|".join(f"(?:{pattern})" for pattern in _ASCII).replace(r"\b", r"(?-u:\b)")
"""All of them for the fast pass. Where a word ends is asked in ASCII, which finds no less, at six times the speed."""
_NAMED = "|".join(f"(?P<m{number}>{pattern})" for number, pattern in enumerate(_ASCII))
_MOST = 16
"""Marks kept per segment: a text with more is a listing, not a prompt with a volatile line."""


def marks_of(texts: Sequence[str]) -> list[tuple[Mark, ...]]:
    """The marks of each text. One fast pass tells which texts hold any."""
    import polars  # noqa: PLC0415 — heavy, and needed only where there is new text

    if not texts:
        return []
    try:
        series = polars.Series(texts, dtype=polars.String)
    except UnicodeEncodeError:  # half a surrogate pair, as real logs hold them: a question mark is as long
        series = polars.Series([text.encode("utf-8", "replace").decode() for text in texts], dtype=polars.String)
    holds = series.str.contains(_ALL)
    return [_marks(text) if held else () for text, held in zip(texts, holds, strict=True)]


def _marks(text: str) -> tuple[Mark, ...]:
    found = []
    for match in re.finditer(_NAMED, text):
        what = PATTERNS[int(str(match.lastgroup)[1:])][0]
        found.append(Mark(what, match.start(), match.end() - match.start()))
        if len(found) == _MOST:
            break
    return tuple(found)
