"""The evidence of a miss with what differs in the text, as far as that was read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from agentcost.results import Analysis, Excerpt
from agentcost.units import head

if TYPE_CHECKING:
    from polars import DataFrame

_PERHAPS = ", perhaps JSON keys in another order"
_LEAST = 12
"""Letters of the evidence that stay before an excerpt."""


def excerpts_of(analysis: Analysis) -> dict[tuple[str, int, str], Excerpt]:
    """What differs in the texts of a request, by its source, line and id; empty where no texts were read again."""
    frame: DataFrame | None = analysis.tables.get("excerpts")
    if frame is None:
        return {}
    return {
        (source, line, id_): Excerpt(position, what, change, before, now)
        for source, line, id_, _, position, what, change, before, now in frame.iter_rows()
    }


def worst_evidence(analysis: Analysis) -> Mapping[str, str]:
    """By cause the evidence of its worst request, with its excerpt where there is one."""
    known = {(f"{source}:{line}"): one for (source, line, _), one in excerpts_of(analysis).items()}
    frame = analysis.tables["misses"].select("cause", "worst", "evidence")
    return {cause: explained(evidence, known.get(worst)) for cause, worst, evidence in frame.iter_rows()}


def explained(evidence: str, excerpt: Excerpt | None, room: int = 1_000) -> str:
    """Evidence in so many columns: `system prompt changed (holds… · at 211: …9999-99-99A99:99:99A`.

    What differs stays, as far as some of the evidence has room before it.
    """
    if excerpt is None:
        return head(evidence, max(0, room))
    told = settled(evidence, excerpt.change)
    if told.endswith(excerpt.change) and excerpt.change:
        end = f" · {excerpt.change}"
        fits = len(told) <= room or room < _LEAST + len(end)
        return head(told, max(0, room)) if fits else head(evidence, room - len(end)) + end
    if excerpt.position is None:
        return head(told, max(0, room))
    pieces = [f" · at {excerpt.position:,}: {piece}" for piece in _pieces(excerpt)]
    for least in (len(told), _LEAST):
        for piece in pieces:
            if least + len(piece) <= room:
                return head(told, room - len(piece)) + piece
    return head(told, max(0, room))


def _pieces(excerpt: Excerpt) -> Iterator[str]:
    """What differs, the longest first: both sides, one side, its first word."""
    before, now = (" ".join(side.split()) for side in (excerpt.before, excerpt.now))
    if before != now:
        yield f"{before} → {now}"
    one = now or before
    yield one
    yield one.partition(" ")[0]


def settled(evidence: str, change: str | None) -> str:
    """Evidence with what the texts tell in place of a guess: what is in another order, "" where more changed."""
    if change is None or change.startswith("the same text"):
        return evidence
    if _PERHAPS in evidence:
        return evidence.replace(_PERHAPS, f", {change}" if change else ", changed in more than its order")
    return f"{evidence}, {change}" if change and change not in evidence else evidence
