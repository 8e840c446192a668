"""A large log is read by several processes, each a stretch of whole lines; their records are merged."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

from msgspec.structs import replace

from agentcost.ingest.compression import MAGIC_BYTES, engine_of
from agentcost.ingest.contract import Reader
from agentcost.ingest.source import FileSource
from agentcost.loading.growth import Growth
from agentcost.loading.logs import Reading, read_log, reader_named
from agentcost.record import Record, load, save
from agentcost.tokens import use_tokenizers


def read_in_parts(record: Record, source: FileSource, reader: Reader, reading: Reading) -> bool:
    """Read a log into a record with `reading.jobs` processes; False where it cannot be split."""
    stretches = split(source, reading.jobs)
    if len(stretches) < 2:
        return False
    with ProcessPoolExecutor(len(stretches), mp_context=_context()) as pool:
        packed = list(pool.map(_read_part, stretches, [reader.name] * len(stretches), [reading] * len(stretches)))
    parts = [load(content, source.name) for content in packed]
    if any(_refers(part) for part in parts):
        return False
    lines = source.line - 1
    for part in parts:
        read = part.logs[0].lines
        _shift(part, lines)
        lines += read
        record.merge(part)
        added = record.logs.pop()
        known = next((number for number, log in enumerate(record.logs) if log.name == source.name), None)
        if known is None:
            record.logs.append(added)
        else:
            record.logs[known] = record.logs[known].plus(added)
    return True


def _refers(part: Record) -> bool:
    """Whether a request goes on from an answer by its id: then its lines do not stand alone."""
    return any(name == "previous_response_id" for request in part.requests for name, _ in request.settings)


def _context() -> multiprocessing.context.BaseContext:
    """Forking is quickest, and safe only while no library has started threads."""
    quick = sys.platform == "linux" and "polars" not in sys.modules
    return multiprocessing.get_context("fork" if quick else "spawn")


def _read_part(source: FileSource, name: str, reading: Reading) -> bytes:
    """In a worker: the record of a stretch, its lines counted from 1."""
    gc.disable()  # as in the command itself
    use_tokenizers(reading.tokenizers)
    record = Record()
    growth = Growth(record.tree, reading.engine, reading.cache, threads=False)
    read_log(record, growth, source, reader_named(name), reading)
    growth.finish()
    with source.path.open("rb") as file:
        file.seek(source.start)
        length = (source.stop or 0) - source.start
        record.logs[0].lines = sum(
            file.read(min(1 << 22, length - at)).count(b"\n") for at in range(0, length, 1 << 22)
        )
    return save(record)


def split(source: FileSource, count: int) -> list[FileSource]:
    """Stretches of about equal size that begin and end with lines; one where the file cannot be split."""
    size = source.path.stat().st_size
    with source.path.open("rb") as file:
        if engine_of(file.read(MAGIC_BYTES)):
            return [source]
        edges = [source.start]
        for number in range(1, count):
            file.seek(source.start + (size - source.start) * number // count)
            file.readline()
            edges.append(min(file.tell(), size))
    edges = sorted({*edges, size})
    return [replace(source, start=start, stop=stop, line=1) for start, stop in pairwise(edges)]


def _shift(part: Record, lines: int) -> None:
    """Count the lines of a stretch from the log's beginning."""
    part.requests = [
        replace(request, place=replace(request.place, line=request.place.line + lines)) for request in part.requests
    ]
    part.skipped = [replace(skip, place=replace(skip.place, line=skip.place.line + lines)) for skip in part.skipped]
    part.logs[0].lines += lines
