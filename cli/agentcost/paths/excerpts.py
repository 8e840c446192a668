"""Text is read again from its log when it is asked for, or for the few pairs that evidence needs.

The record holds none. A digest tells that the text found is the one meant; where the log is gone there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from io import BytesIO
from math import inf
from pathlib import Path

import msgspec
import polars as pl
from msgspec.structs import replace

from agentcost.cache.references import Reference
from agentcost.differences import CHANGED as CHANGED_TEXT
from agentcost.differences import KEYS, SHOWN, WIDE, difference, masked
from agentcost.differences import SAME as SAME_TEXT
from agentcost.errors import AgentcostError
from agentcost.ingest.contract import Hand, Source
from agentcost.ingest.source import FileSource, StreamSource
from agentcost.loading.logs import Reading, reader_named
from agentcost.marks import marks_of
from agentcost.model import Mark, Segment
from agentcost.paths.comparing import CHANGED, REORDERED, nodes_of, parting_of
from agentcost.record import Log, Record
from agentcost.results import Excerpt, Parting, PartingRow
from agentcost.study import Study

LEVELS = {"tools_changed": "tools", "system_changed": "system", "messages_changed": "messages"}
"""The causes that a text explains, and the level it stands at."""

_ON_SHOW = 8
"""Pairs of texts that are read again for one request."""

_LARGEST = 256_000_000
"""Bytes of a log that is read as a whole for a few texts at most."""


class Wanted(msgspec.Struct):
    """Stands in for the tree while a log is read again, and keeps the text of the segments that are wanted."""

    digests: Mapping[bytes, int]
    texts: dict[int, str] = {}

    def grow(self, node: int, segments: Sequence[Segment], model: str) -> list[int]:
        """Every segment is a node of its own: paths do not matter here."""
        del node, model
        for segment in segments:
            number = self.digests.get(segment.digest)
            if number is not None:
                self.texts[number] = segment.text
        return [0] * len(segments)


def texts_of(record: Record, segments: Collection[int], reading: Reading, largest: float = inf) -> dict[int, str]:
    """The text of segments by their number in the tree; one that cannot be found again is left out.

    A log of more than `largest` bytes that cannot be read in parts is let be.
    """
    entries = record.tree.entries
    by_log: dict[int, list[int]] = {}
    for number in sorted(segments):
        by_log.setdefault(entries[number].place[0], []).append(number)
    wanted = Wanted({entries[number].digest: number for number in segments})
    for log, numbers in by_log.items():
        if 0 <= log < len(record.logs):
            places = sorted({entries[number].place[1:] for number in numbers})
            _read_again(record.logs[log], places, wanted, reading, largest)
    return wanted.texts


def _read_again(log: Log, places: Iterable[tuple[int, int]], wanted: Wanted, reading: Reading, largest: float) -> None:
    file = FileSource(log.name, Path(log.name))
    if not log.format or not file.path.is_file():
        return
    try:
        reader = reader_named(log.format)
    except AgentcostError:  # a mapping that is not there any more
        return
    hand = Hand(wanted.grow, reading.prefix, reading.columns)
    sources: list[Source] = [file]
    if reader.standalone and file.is_plain():
        sources = [StreamSource(log.name, BytesIO(file.piece(*place))) for place in places]
    elif file.path.stat().st_size > largest:
        return
    try:
        for source in sources:
            for _ in reader.read(source, hand):
                if len(wanted.texts) == len(wanted.digests):
                    return
    except AgentcostError:  # damaged or not to be read any more: what was found stands
        return


# --- what differs, in a few letters --------------------------------------------------------------------------------


def excerpt(before: str, now: str, *, show_text: bool = False) -> Excerpt:
    """Where two texts first differ, masked unless told."""
    found = difference(before, now, WIDE if show_text else SHOWN)
    what = "" if found.position is None else _volatile(marks_of([now, before]), found.position)
    left, right = (found.before, found.now) if show_text else (masked(found.before), masked(found.now))
    position = None if found.position is None else found.position + 1
    return Excerpt(position, what, "" if found.change == CHANGED_TEXT else found.change, left, right)


def _excerpt_of(study: Study, left: int, right: int, texts: Mapping[int, str], show_text: bool) -> Excerpt:
    """The excerpt of two segments. A model is not always shown JSON: what was sent tells whether its keys moved."""
    found = excerpt(texts[left], texts[right], show_text=show_text)
    before, now = (study.record.tree.entries[number].unordered for number in (left, right))
    return replace(found, change=KEYS) if before and before == now else found


def _volatile(marks: Iterable[Sequence[Mark]], position: int) -> str:
    """The volatile thing at a place of either text."""
    found = (mark.what for own in marks for mark in own if mark.start <= position < mark.start + mark.length)
    return next(found, "")


def with_excerpts(
    study: Study, index: int, reference: Reference, parting: Parting, reading: Reading, *, show_text: bool = False
) -> Parting:
    """A parting with what differs in the first few texts that changed, as far as the log is still there."""
    now, before = nodes_of(study, index), nodes_of(study, reference.row)
    changed = [number for number, row in enumerate(parting.rows) if row.change == CHANGED][:_ON_SHOW]
    pairs = {number: _pair(study, before, now, parting.rows[number]) for number in changed}
    texts = _texts(study, pairs.values(), reading)
    rows = list(parting.rows)
    for number, (left, right) in pairs.items():
        if left in texts and right in texts:
            found = _excerpt_of(study, left, right, texts, show_text)
            change = REORDERED if found.change not in ("", SAME_TEXT) else CHANGED
            rows[number] = replace(rows[number], excerpt=found, change=change)
    return replace(parting, rows=tuple(rows))


def _pair(study: Study, before: Sequence[int], now: Sequence[int], row: PartingRow) -> tuple[int, int]:
    """The segments of a line that changed."""
    segments = study.run.segments
    left, right = (row.before.number if row.before else 0), (row.now.number if row.now else 0)
    return segments[before[left - 1]], segments[now[right - 1]]


def _texts(study: Study, pairs: Iterable[tuple[int, int]], reading: Reading) -> dict[int, str]:
    """The texts of pairs, as far as they have any and their log is still there."""
    found = texts_of(study.record, {number for pair in pairs for number in pair}, reading, _LARGEST)
    return {number: text for number, text in found.items() if text}


SCHEMA = {
    "source": pl.String, "line": pl.Int64, "id": pl.String, "cause": pl.String, "position": pl.Int64,
    "what": pl.String, "change": pl.String, "before": pl.String, "now": pl.String,
}  # fmt: skip


def excerpts(
    study: Study, requests: pl.DataFrame, reading: Reading, *, most: int = 40, show_text: bool = False
) -> pl.DataFrame:
    """What differs in the text that broke a request's cache: for the worst of each cause, and `most` that lost most.

    `requests` are rows of the requests table. One whose cause is no text, or whose text is gone, has no row.
    """
    rows = []
    placed = requests.with_columns(index=pl.Series(study.rows_of(requests), dtype=pl.Int64))
    missed = placed.filter(pl.col("cause").is_in(list(LEVELS)), pl.col("lost") > 0)
    ordered = missed.sort("lost", descending=True, maintain_order=True)
    worst = pl.concat([ordered.unique("cause", keep="first", maintain_order=True), ordered.head(most)]).unique(
        "index", keep="first", maintain_order=True
    )
    pairs: dict[int, tuple[int, int]] = {}
    for index, *row in worst.select("index", "source", "line", "id", "cause").rows():
        pair = _first_changed(study, index, study.run.references[index], LEVELS[row[3]])
        if pair:
            pairs[index] = pair
            rows.append((index, row))
    texts = _texts(study, pairs.values(), reading)
    told = []
    for index, row in rows:
        left, right = pairs[index]
        if left in texts and right in texts:
            one = _excerpt_of(study, left, right, texts, show_text)
            told.append((*row, one.position, one.what, one.change, one.before, one.now))
    return pl.DataFrame(told, schema=SCHEMA, orient="row")


def _first_changed(study: Study, index: int, reference: Reference | None, level: str) -> tuple[int, int] | None:
    """The first two texts of one thing that differ at a level."""
    if reference is None:
        return None
    for row in parting_of(study, index, reference).rows:
        if row.change == CHANGED and row.now and row.now.level == level:
            return _pair(study, nodes_of(study, reference.row), nodes_of(study, index), row)
    return None
