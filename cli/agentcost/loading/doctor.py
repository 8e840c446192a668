"""What is recognised in one log, what is not, and why: the reader that takes it, the nearest ones, a way to map it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from shlex import quote
from typing import Any

import msgspec

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.guessing import columns, starter
from agentcost.ingest.json_values import first_keys
from agentcost.ingest.peeking import not_a_log, peek_of
from agentcost.ingest.readers import READERS
from agentcost.ingest.source import FileSource
from agentcost.loading.logs import Reading, reader_of
from agentcost.model import Item, Other, Place, Request, Segment, Skipped
from agentcost.record import MAGIC
from agentcost.sharing.redacted import is_redacted

_PLACES = 3
"""The first places of a kind that are named."""
_NEAREST = 3
_ALIKE = 0.15
"""The share of an example's keys, weighed, from which on a log resembles its format."""
_LINE = 64
"""Columns of a line of a command."""
_UNTOLD = ("record of another kind", "record without a request body", "call to another API")
"""What records are called that a reader could make nothing of."""
_LOOKED_AT = 1 << 16
"""Bytes of a record in which its keys are looked for."""


class Became(msgspec.Struct, frozen=True):
    """What records of a log became: `kind` is request, other or skipped, `what` says it closer.

    `places` are the first ones; `keys` those of the first of them, where it could be read again.
    """

    kind: str
    what: str
    count: int
    places: tuple[str, ...]
    keys: tuple[str, ...] = ()


class Near(msgspec.Struct, frozen=True):
    """A format that a log resembles: which keys of its example are there, and which are not."""

    format: str
    about: str
    has: tuple[str, ...]
    lacks: tuple[str, ...]


class Diagnosis(msgspec.Struct, frozen=True):
    """All that is known of how a log is read.

    `learned` is what the reader was written from; "" of the user's own. `reason` says why it can be no log at all.
    `also` are other formats that would take it. `tells` counts of its requests those that tell a thing. `starter` is a
    mapping, or the columns of a table, where it is not understood.
    """

    name: str
    format: str = ""
    about: str = ""
    learned: str = ""
    reason: str = ""
    also: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    became: tuple[Became, ...] = ()
    tells: dict[str, int] = {}
    near: tuple[Near, ...] = ()
    starter: str = ""

    @property
    def requests(self) -> int:
        """How many records are requests."""
        return sum(part.count for part in self.became if part.kind == "request")


def examine(source: Source, reading: Reading) -> Diagnosis:
    """What agentcost makes of a log."""
    peek = source.peek()
    if peek.head.startswith(MAGIC) or is_redacted(peek):
        return Diagnosis(source.name, "record", "a record that agentcost wrote: read as it is")
    reader = reader_of(peek, reading)
    reason = not_a_log(peek) if reader is None else ""
    also = tuple(other.name for other in READERS if other.sniff(peek) and other is not reader)
    items = list(_read(reader, source, reading)) if reader else []
    requests = [item for item in items if isinstance(item, Request)]
    unknown = not requests and not reason and not (reader and _explained(reader, items))
    return Diagnosis(
        name=source.name,
        format=reader.name if reader else "",
        about=reader.about if reader else "",
        learned=reader.learned if reader in READERS else "",
        reason=reason,
        also=also,
        keys=() if reason else peek.keys or tuple(_header(peek)),
        became=tuple(_became(items, source)),
        tells=_tells(requests),
        near=tuple(nearest(peek, reader)) if unknown else (),
        starter=_against(peek) if reader and reader.name == "bill" else _starter(peek) if unknown else "",
    )


def _explained(reader: Reader, items: Iterable[Item]) -> bool:
    """Whether a reader knew the log by its content, and its records say why none of them is a request."""
    return reader in READERS and any(isinstance(item, Other) and item.what not in _UNTOLD for item in items)


def _read(reader: Reader, source: Source, reading: Reading) -> Iterator[Item]:
    """The items of a log, without counting a token."""
    known: dict[tuple[int, bytes], int] = {}

    def grow(node: int, segments: Sequence[Segment], model: str) -> list[int]:
        del model
        nodes = []
        for segment in segments:
            node = known.setdefault((node, segment.digest), len(known) + 1)
            nodes.append(node)
        return nodes

    try:
        yield from reader.read(source, Hand(grow, reading.prefix, reading.columns))
    except BrokenLog as error:
        yield Skipped(Place(source.name, 0), error.reason)


def _became(items: Iterable[Item], source: Source) -> Iterator[Became]:
    """Requests first, then by number."""
    counts: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], list[Place]] = {}
    for item in items:
        key = _kind(item)
        counts[key] += 1
        known = places.setdefault(key, [])
        if len(known) < _PLACES and item.place.line not in [place.line for place in known]:
            known.append(item.place)
    order = ("request", "skipped", "other")
    for kind, what in sorted(counts, key=lambda key: (order.index(key[0]), -counts[key], key[1])):
        own = places[kind, what]
        lines = tuple(str(place.line) for place in own if place.line)
        yield Became(kind, what, counts[kind, what], lines, _keys(source, own[0]))


def _kind(item: Item) -> tuple[str, str]:
    if isinstance(item, Request):
        return "request", f"{item.role} request" if item.role != "main" else "request"
    return ("other", item.what) if isinstance(item, Other) else ("skipped", item.reason)


def _keys(source: Source, where: Place) -> tuple[str, ...]:
    """The keys of a record of a plain file."""
    if not isinstance(source, FileSource) or not where.length or not source.is_plain():
        return ()
    piece = source.piece(where.offset, min(where.length, _LOOKED_AT))
    return first_keys(piece) if piece.lstrip()[:1] in (b"{", b"[") else ()


_TOLD: dict[str, Callable[[Request], bool]] = {
    "usage": lambda request: request.usage is not None,
    "cache counts": lambda request: request.usage is not None and request.usage.classes_known,
    "a time": lambda request: request.started is not None,
    "a session": lambda request: bool(request.session),
    "a model": lambda request: bool(request.model),
    "a provider": lambda request: bool(request.provider),
    "an answer": lambda request: request.answer is not None,
    "an id": lambda request: bool(request.id),
    "a cost": lambda request: bool(request.recorded_cost),
}
"""What a request may tell, beside its prompt."""


def _tells(requests: Sequence[Request]) -> dict[str, int]:
    return {what: sum(map(tells, requests)) for what, tells in _TOLD.items()} if requests else {}


def nearest(peek: Peek, but: Reader | None = None) -> list[Near]:
    """The formats whose examples share most with a log; a key weighs the less the more formats have it."""
    examples = {reader: _shape(peek_of("", reader.example.encode(), complete=True)) for reader in _READABLE}
    common = Counter(key for keys in examples.values() for key in keys)
    own = _shape(peek)
    scores = {
        reader: sum(1 / common[key] for key in keys & own) / sum(1 / common[key] for key in keys)
        for reader, keys in examples.items()
        if keys & own and reader is not but
    }
    like = [reader for reader in scores if scores[reader] >= _ALIKE]
    best = sorted(like, key=lambda reader: (-scores[reader], reader.name))[:_NEAREST]
    return [
        Near(reader.name, reader.about, tuple(sorted(examples[reader] & own)), tuple(sorted(examples[reader] - own)))
        for reader in best
    ]


_READABLE = tuple(reader for reader in READERS if reader.example)


def _shape(peek: Peek) -> frozenset[str]:
    """The keys in a log's first records, however deep, or the columns of its header."""
    found = {key for record in peek.records for key in _inside(record)}
    return frozenset(found or peek.keys or _header(peek))


def _inside(value: Any) -> Iterator[str]:
    """Every key of the objects in a value; the elements of a list are alike."""
    if isinstance(value, list):
        for item in value[:_NEAREST]:
            yield from _inside(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _inside(inner)


def _header(peek: Peek) -> list[str]:
    """The columns of a table's first line; none where it is no table."""
    first = peek.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    if first[:1] in ("{", "[", ""):
        return []
    delimiter = max(",;\t", key=first.count)
    try:
        cells = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in cells] if len(cells) > 1 else []


def _starter(peek: Peek) -> str:
    """How the user tells it apart: a mapping, or the columns of a table."""
    if any(True for _ in peek.objects()):
        return starter(peek.records, peek.name)
    header = _header(peek)
    if not header:
        return ""
    found = columns(header)
    if not found.keys() & {"input", "plain"}:
        found = {"input": "COLUMN"} | found
    text = _broken([f"{ours}={theirs}" for ours, theirs in found.items()])
    return f"agentcost analyze {quote(peek.name)} \\\n  --columns {quote(text)}\n"


def _against(peek: Peek) -> str:
    """What a bill is for."""
    return f"agentcost analyze LOG \\\n  --against {quote(peek.name)}\n"


def _broken(pairs: Sequence[str]) -> str:
    """Pairs with commas between them, on lines that a narrow terminal shows whole; blanks beside a comma are none."""
    lines = [""]
    for pair in pairs:
        if lines[-1] and len(lines[-1]) + len(pair) > _LINE:
            lines.append("")
        lines[-1] += f"{pair},"
    return "\n    ".join(lines).removesuffix(",")
