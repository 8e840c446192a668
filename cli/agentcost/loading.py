"""From logs to a record: each is recognised, read, grown into the tree, and every record of it accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentcost.errors import AgentcostError, BrokenLog, UsageError
from agentcost.growth import Growth
from agentcost.ingest import READERS
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.labels import Label, labelled
from agentcost.model import Item, Place, Request, Segment, Skipped
from agentcost.record import MAGIC, Log, Record, load
from agentcost.tokens import Engine

UNKNOWN_FORMAT = "not a log that agentcost reads"


@dataclass(frozen=True, slots=True)
class Reading:
    """How logs are read: the choices that decide what a record holds.

    `cache` is the user's folder for token counts and records, None for none. `prefix` stands before every
    transcript's history. `optional` names sources that may be no logs at all: what a folder holds.
    """

    input_format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[Segment, ...] = ()
    labels: tuple[Label, ...] = ()
    engine: Engine = "splintr"
    cache: Path | None = None
    threads: bool = True
    optional: frozenset[str] = frozenset()


def load_logs(sources: Sequence[Source], reading: Reading) -> Record:
    """One record of all sources. AgentcostError where a named source is no log, or none of a folder's is."""
    record = Record()
    growth = Growth(record.tree, reading.engine, reading.cache, reading.threads)
    for source in sources:
        peek = source.peek()
        if peek.head.startswith(MAGIC):
            growth.flush()
            record.merge(load(source.whole(), source.name))
            growth.unplaced = len(record.tree.entries)
        else:
            _read(record, growth, source, peek, reading)
    growth.finish()
    if not any(log.format for log in record.logs):
        raise AgentcostError(_nothing(sources))
    return record


def _nothing(sources: Sequence[Source]) -> str:
    where = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    return f"{where}: no agent log found; `agentcost formats` lists what is read, with an example of each"


def reader_of(peek: Peek, reading: Reading) -> Reader | None:
    """The reader of a log's format; None where no reader takes it."""
    if reading.input_format:
        found = next((reader for reader in READERS if reader.name == reading.input_format), None)
        if not found:
            known = ", ".join(reader.name for reader in READERS)
            raise UsageError(f"--input-format {reading.input_format}: no such format; known: {known}")
        return found
    return next((reader for reader in READERS if reader.sniff(peek)), None)


def _read(record: Record, growth: Growth, source: Source, peek: Peek, reading: Reading) -> None:
    log = Log(source.name, "", size=0)
    reader = reader_of(peek, reading)
    if reader is None:
        if source.name not in reading.optional:
            raise AgentcostError(_unreadable(source, peek))
        log.others[UNKNOWN_FORMAT] = log.records = 1
        record.logs.append(log)
        return
    log.format = reader.name
    number = len(record.logs)
    record.logs.append(log)
    hand = Hand(growth.grow, reading.prefix, reading.columns)
    try:
        for item in reader.read(source, hand):
            growth.settle((number, item.place.offset, item.place.length))
            take(record, log, item, reading.labels)
    except BrokenLog as error:
        take(record, log, Skipped(Place(source.name, 0), str(error)), ())


def take(record: Record, log: Log, item: Item, labels: Sequence[Label]) -> None:
    """Count an item into its log, and put it where it belongs."""
    log.records += 1
    log.size = max(log.size, item.place.offset + item.place.length)
    if isinstance(item, Request):
        log.requests += 1
        record.add(labelled(item, labels) if labels else item)
    elif isinstance(item, Skipped):
        log.skipped += 1
        record.skipped.append(item)
    else:
        log.others[item.what] = log.others.get(item.what, 0) + 1


def _unreadable(source: Source, peek: Peek) -> str:
    """Why no reader takes a log, and what to do."""
    name = source.name
    if not peek.head.strip():
        return f"{name} is empty: nothing to analyze; check that the log was written"
    if b"\0" in peek.head[:4096]:
        return f"{name} is a binary file, no log; gzip and zstd are read as they are, other archives must be unpacked"
    if peek.keys:
        keys = ", ".join(peek.keys[:6])
        return (
            f"{name}: no known format has records with the keys {keys}; `agentcost formats` lists what is read. "
            "A table of counts is read when its columns are named: --columns input=prompt_tokens,output=…"
        )
    return f"{name}: no JSON and no table that agentcost knows; `agentcost formats` lists what is read"
