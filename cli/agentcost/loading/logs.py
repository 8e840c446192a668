"""From logs to a record: each is recognised, read, grown into the tree, and every record of it accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

import msgspec
from msgspec.structs import replace

from agentcost import __version__
from agentcost.errors import AgentcostError, BrokenLog, UsageError
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.formats import FORMATS, recognised
from agentcost.ingest.json_values import is_document, read_value
from agentcost.ingest.mapping import SUFFIX
from agentcost.ingest.peeking import not_a_log
from agentcost.ingest.source import FileSource
from agentcost.loading.growth import Growth
from agentcost.loading.labels import Label, labelled
from agentcost.loading.resuming import Kept, keep, kept
from agentcost.loading.soundness import make_sound, sound_item
from agentcost.model import Item, Place, Request, Segment, Skipped
from agentcost.record import MAGIC, Log, Record, load
from agentcost.sharing.redacted import is_redacted, load_redacted
from agentcost.tokens import Engine, Given, use_tokenizers

UNKNOWN_FORMAT = "not a log that agentcost reads"

_DOCTOR = "`agentcost formats --doctor"

LARGE = 8_000_000
"""Bytes from which on a log is worth its own record: it is kept between runs, and split among processes."""


class Reading(msgspec.Struct, frozen=True):
    """How logs are read: the choices that decide what a record holds.

    `cache` is the user's folder for token counts and records, None for none. `prefix` stands before every
    transcript's history. `optional` names sources that may be no logs at all: what a folder holds.
    """

    input_format: str = ""
    columns: Mapping[str, str] = {}
    prefix: tuple[Segment, ...] = ()
    labels: tuple[Label, ...] = ()
    engine: Engine = "splintr"
    cache: Path | None = None
    threads: bool = True
    jobs: int = 1
    optional: frozenset[str] = frozenset()
    tokenizers: tuple[Given, ...] = ()

    @property
    def key(self) -> str:
        """What of these choices a kept record depends on."""
        prefix = b"".join(segment.digest for segment in self.prefix).hex()
        form = self.input_format
        if form.endswith(SUFFIX):  # what it says, whatever it is called
            form = Path(form).read_text(encoding="utf-8") if Path(form).is_file() else ""
        own = [(given.model, given.encoding) for given in self.tokenizers]
        return repr((__version__, form, self.engine, sorted(self.columns.items()), prefix, self.labels, own))


def load_logs(sources: Sequence[Source], reading: Reading) -> Record:
    """One record of all sources. AgentcostError where a named source is no log, or none of a folder's is."""
    use_tokenizers(reading.tokenizers)
    record = Record()
    growth = Growth(record.tree, reading.engine, reading.cache, reading.threads)
    for source in sources:
        known = kept(reading.cache, source, reading.key) if reading.cache and is_large(source) else None
        if known and known.complete:
            _join(record, growth, known.record)
            continue
        peek = source.peek()
        if peek.head.startswith(MAGIC):
            _join(record, growth, load(source.whole(), source.name))
            continue
        if not reading.input_format and is_redacted(peek):
            _join(record, growth, load_redacted(source))
            continue
        reader = reader_of(peek, reading)
        if reader is None:
            _note_unknown(record, source, peek, reading)
        elif is_large(source):
            alone = reader.standalone and not is_document(peek.head)
            _join(record, growth, large_log(source, reader, reading, known if alone else None, alone=alone))
        else:
            read_log(record, growth, source, reader, reading)
    growth.finish()
    if not any(log.format for log in record.logs):
        raise AgentcostError(_nothing(sources))
    return record


def _join(record: Record, growth: Growth, part: Record) -> None:
    """Take in a record that was made elsewhere."""
    growth.finish()
    if record.logs:
        record.merge(part)
    else:  # nothing to merge with: take it as it is
        for name in Record.__struct_fields__:
            setattr(record, name, getattr(part, name))
        growth.tree = record.tree
    growth.unplaced = len(record.tree.entries)


def _nothing(sources: Sequence[Source]) -> str:
    where = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    return f"{where}: no agent log found; `agentcost formats` lists what is read, with an example of each"


def reader_of(peek: Peek, reading: Reading) -> Reader | None:
    """The reader of a log's format; None where no reader takes it."""
    return reader_named(reading.input_format) if reading.input_format else recognised(peek)


def reader_named(name: str) -> Reader:
    """The reader of a format's name, or that a mapping file makes. UsageError where there is none."""
    if name.endswith(SUFFIX):
        from agentcost.ingest.mapped import reader_from  # noqa: PLC0415 — few logs need it

        return reader_from(name)
    found = next((one.reader for one in FORMATS if one.name == name), None)
    if not found:
        known = ", ".join(one.name for one in FORMATS)
        raise UsageError(f"--input-format {name}: no such format; known: {known}, or a mapping: FILE{SUFFIX}")
    return found


def _note_unknown(record: Record, source: Source, peek: Peek, reading: Reading) -> None:
    if source.name not in reading.optional:
        raise AgentcostError(_unreadable(source, peek))
    record.logs.append(Log(source.name, "", records=1, others={UNKNOWN_FORMAT: 1}))


def is_large(source: Source) -> TypeGuard[FileSource]:
    """Whether a source is a file that is worth its own record."""
    return isinstance(source, FileSource) and source.path.is_file() and source.path.stat().st_size >= LARGE


def large_log(source: FileSource, reader: Reader, reading: Reading, known: Kept | None, *, alone: bool) -> Record:
    """A record of one large file: what was kept of it, read on from there, by one process or several.

    `alone` says that its lines can be read each without the others.
    """
    if known:
        record, rest = known.record, replace(source, start=known.offset, line=known.line)
    else:
        record, rest = Record(), source
    _read_rest(record, rest, reader, reading, alone=alone)
    if reading.cache:
        keep(reading.cache, source, reading.key, record)
    return record


def _read_rest(record: Record, source: FileSource, reader: Reader, reading: Reading, *, alone: bool) -> None:
    from agentcost.loading.parallel import read_in_parts  # noqa: PLC0415 — it needs this module to read a part

    size = source.path.stat().st_size - source.start
    split = reading.jobs > 1 and alone and size >= LARGE
    if split and read_in_parts(record, source, reader, reading):
        return
    growth = Growth(record.tree, reading.engine, reading.cache, reading.threads, unplaced=len(record.tree.entries))
    read_log(record, growth, source, reader, reading)
    growth.finish()


def read_log(record: Record, growth: Growth, source: Source, reader: Reader, reading: Reading) -> None:
    """Read a log into a record; one that was read in part goes on in its account."""
    number = next((n for n, log in enumerate(record.logs) if log.name == source.name), len(record.logs))
    if number == len(record.logs):
        record.logs.append(Log(source.name, reader.name))
    log = record.logs[number]
    answers = {request.id: request.answer for request in record.requests if request.answer is not None}
    hand = Hand(growth.grow, reading.prefix, reading.columns, answers)
    labels = labels_from(source, reading.labels)
    try:
        for item in reader.read(source, hand):
            new = growth.unplaced
            growth.settle((number, item.place.offset, item.place.length))
            for entry in record.tree.entries[new:]:
                make_sound(entry)
            take(record, log, labels(item))
    except BrokenLog as error:
        take(record, log, Skipped(Place(source.name, 0), error.reason))


def labels_from(source: Source, labels: Sequence[Label]) -> Callable[[Item], Item]:
    """What labels the items of a log. Fields of records are read again from the file, which must be a plain one."""
    if not labels:
        return lambda item: item
    fields = any(label.keys for label in labels)
    if fields and not (isinstance(source, FileSource) and source.is_plain()):
        raise UsageError(f"{source.name}: --label json: needs a plain file; unpack it, or save the pipe to one")

    def label(item: Item) -> Item:
        if not isinstance(item, Request):
            return item
        value = None
        if fields and isinstance(source, FileSource):
            value, _ = read_value(source.piece(item.place.offset, item.place.length))
        return labelled(item, labels, value)

    return label


def take(record: Record, log: Log, item: Item) -> None:
    """Count an item into its log, and put it where it belongs."""
    item = sound_item(item)
    log.records += 1
    log.size = max(log.size, item.place.offset + item.place.length)
    log.lines = max(log.lines, item.place.line)
    if isinstance(item, Request):
        log.requests += 1
        record.add(item)
    elif isinstance(item, Skipped):
        log.skipped += 1
        record.skipped.append(item)
    else:
        log.others[item.what] = log.others.get(item.what, 0) + 1


def _unreadable(source: Source, peek: Peek) -> str:
    """Why no reader takes a log, and what to do."""
    reason = not_a_log(peek)
    if reason:
        return f"{source.name} {reason}"
    if peek.keys:
        keys = ", ".join(peek.keys[:6])
        return (
            f"{source.name}: no known format has records with the keys {keys}; {_DOCTOR} {source.name}` says what is "
            "missing and writes a mapping of its fields to start from"
        )
    return f"{source.name}: no JSON and no table that agentcost knows; {_DOCTOR} {source.name}` says why"
