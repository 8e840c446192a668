"""Where the input went that was not read from the cache: gap by gap in words, and component by component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import percent, tokens
from agentcost.views.figures import LABELS, total
from agentcost.views.layout import Column, Paragraph, Table, quiet

if TYPE_CHECKING:
    from polars import DataFrame

GAPS = {
    "input → content": "is not what an earlier request began with",
    "content → simulated": "was sent before and the policy does not serve it",
    "simulated → billed": "should have been read and was not billed so",
}
"""Every gap, as a sentence about its share of input."""

MORE = "was billed as read beyond what is simulated"
"""The last gap where the bill has more: its parts then count what the bill has more."""

WORDS = {
    "new": "new text", "edit": "edits of what was sent before", "setting": "settings changed",
    "concurrency": "sent at the same time", "minimum": "below the minimum", "ttl": "time to live",
    "look_back": "look-back",
    "breakpoint_placement": "no breakpoint behind it", "block_size": "size of blocks", "answer": "answers, not kept",
    "capacity_or_routing": "capacity or routing (unexplained)", "rounding": "rounding",
    "warm_start": "cached before the log began", "read_beyond": "read beyond the simulation",
}  # fmt: skip
"""The words of the table of bounds, as they are read."""

ONCE = "Here each token counts once; a miss counts all that was in the cache before."

MOST = 5
"""Components that have a row of their own."""


def gaps(analysis: Analysis, width: int) -> list[RenderableType]:
    """A paragraph per gap that is one: its share of input, and what it is made of, the largest first."""
    frame = analysis.tables["bounds"]
    whole = total(analysis.tables["requests"])
    found: list[RenderableType] = []
    for gap, sentence in GAPS.items():
        own = frame.filter(frame["gap"] == gap)
        sums: dict[str, int] = {}
        for word, count in own.select("word", "tokens").iter_rows():
            sums[word] = sums.get(word, 0) + count
        if not any(sums.values()) or not whole:
            continue
        more = sum(sums.values()) < 0
        told = {word: -count if more else count for word, count in sums.items()}
        parts = [
            f"{_signed(count, whole)} {WORDS[word]}" for word, count in sorted(told.items(), key=lambda item: -item[1])
        ]
        lead = f"{percent(abs(sum(sums.values())), whole)} of input {MORE if more else sentence}:"
        found.append(Paragraph(Text.assemble((lead, "bold"), " ", ", ".join(parts)), width))
    return [*found, quiet(ONCE, width)] if found else []


def _signed(count: int, whole: int) -> str:
    return f"-{percent(-count, whole)}" if count < 0 else percent(count, whole)


def components(analysis: Analysis, width: int) -> list[RenderableType]:
    """What became of each component: as billed, where all of it was billed, else as simulated."""
    frame = analysis.tables["cache_components"]
    whole = total(analysis.tables["requests"])
    basis = next((name for name in ("billed", "simulated") if _covers(frame, name, whole)), "")
    own = frame.filter(frame["basis"] == basis) if basis else frame.clear()
    if not len(own):
        return []
    rows = list(own.head(MOST).select("component", "read", "write", "plain", "tokens", "hit_rate").iter_rows())
    small = own.slice(MOST)
    if len(small):
        sums = [total(small, name) for name in ("read", "write", "plain", "tokens")]
        rate = sums[0] / sums[3] if sums[3] > 0 and min(sums) >= 0 else None
        rows.append((f"{len(small)} smaller ones", *sums, rate))
    return [Table((
        Column("component", [LABELS.get(row[0], row[0]) for row in rows], name=12),
        Column("tokens", [_count(row[4]) for row in rows], 2),
        *(Column(title, [_count(row[place]) for row in rows], drop) for title, place, drop in _STATES),
        Column("hit rate", ["–" if row[5] is None else percent(row[5]) for row in rows]),
    ), width, footer=f"{basis}; hit rate: of the component's tokens")]  # fmt: skip


_STATES = (("read", 1, 3), ("write", 2, 3), ("plain", 3, 4))


def _covers(frame: DataFrame, basis: str, whole: int) -> bool:
    """Whether a basis holds all of the input, or the simulated one what there is of it."""
    tokens_of = total(frame.filter(frame["basis"] == basis), "tokens")
    return tokens_of == whole if basis == "billed" else tokens_of != 0


def _count(count: int) -> str:
    return f"-{tokens(-count)}" if count < 0 else tokens(count)
