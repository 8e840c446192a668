"""Text is read again from its log when it is asked for: the record holds none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from agentcost.ingest.contract import Hand, Source
from agentcost.ingest.source import FileSource, StreamSource
from agentcost.loading import Reading, reader_named
from agentcost.model import Segment
from agentcost.record import Log, Record


@dataclass(slots=True)
class Wanted:
    """Stands in for the tree while a log is read again, and keeps the text of the segments that are wanted."""

    digests: Mapping[bytes, int]
    texts: dict[int, str] = field(default_factory=dict)

    def grow(self, node: int, segments: Sequence[Segment], model: str) -> list[int]:
        """Every segment is a node of its own: paths do not matter here."""
        del node, model
        for segment in segments:
            number = self.digests.get(segment.digest)
            if number is not None:
                self.texts[number] = segment.text
        return [0] * len(segments)


def texts_of(record: Record, segments: Collection[int], reading: Reading) -> dict[int, str]:
    """The text of segments by their number in the tree; one that cannot be found again is left out."""
    entries = record.tree.entries
    by_log: dict[int, list[int]] = {}
    for number in sorted(segments):
        by_log.setdefault(entries[number].place[0], []).append(number)
    wanted = Wanted({entries[number].digest: number for number in segments})
    for log, numbers in by_log.items():
        if 0 <= log < len(record.logs):
            places = sorted({entries[number].place[1:] for number in numbers})
            _read_again(record.logs[log], places, wanted, reading)
    return wanted.texts


def _read_again(log: Log, places: Iterable[tuple[int, int]], wanted: Wanted, reading: Reading) -> None:
    file = FileSource(log.name, Path(log.name))
    if not log.format or not file.path.is_file():
        return
    reader = reader_named(log.format)
    hand = Hand(wanted.grow, reading.prefix, reading.columns)
    sources: list[Source] = [file]
    if reader.standalone and file.is_plain():
        sources = [StreamSource(log.name, BytesIO(file.piece(*place))) for place in places]
    for source in sources:
        for _ in reader.read(source, hand):
            pass
