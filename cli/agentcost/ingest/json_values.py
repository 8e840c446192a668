"""The JSON values of a log: one a line, several glued on a line, or one document over many lines.

    {"model":…}\\n{"model":…}      a value a line
    {"model":…}{"model":…}        glued, as when two processes append to one log
    [{"model":…},\\n {"model":…}]  a list of objects: its elements are the records
    {\\n  "model": …\\n}            pretty-printed, one or several

`records` walks all of these alike, and what it cannot decode is a record with a reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Line, Source, place
from agentcost.model import Place

BOM = b"\xef\xbb\xbf"

CUT = "ends in the middle of a JSON value, as where writing was interrupted; remove it"
MALFORMED = "is not JSON; mend or remove it"
NOT_UTF8 = "has bytes that are not UTF-8; convert the log to UTF-8 (iconv -t utf-8) or remove it"
WRONG_TYPE = "has a value of a type that its API has not there; mend or remove it"
NO_OBJECT = "not a JSON object; mend or remove it"
TOO_DEEP = "is JSON nested too deeply to be read; remove it"

_INK = re.compile(rb"[^\s\x1e]")
"""Neither white space nor the record separator of RFC 7464."""
_STRING = rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_TOKEN = re.compile(rb'(?P<string>%b)|(?P<open>[{\[])|(?P<close>[}\]])(?P<bad>\s*+[^,}\]\s])?|(?P<cut>")' % _STRING)
"""What gives a value its extent. A bracket that closes inside a value is followed by a comma or another one."""
_KEY = re.compile(rb'(?P<key>%b)(?P<colon>\s*+:)?|(?P<open>[{\[])|(?P<close>[}\]])|(?P<cut>")' % _STRING)
_SCALAR = re.compile(rb"%b|[^\n{\[]+" % _STRING)
_LIST_OF_OBJECTS = re.compile(rb"\[\s*\{")
_NEXT_AT_MARGIN = re.compile(rb"\n(?=[{\[])")

_MOST_CUTS = 16
"""Each is a search to the end: behind so many of them the rest counts as one."""


class Extent(msgspec.Struct, frozen=True):
    """Where a value lies in its bytes; `reason` is set where it has no end (CUT) or none that fits (MALFORMED)."""

    offset: int
    length: int
    reason: str = ""


class Record(msgspec.Struct):
    """A value of a log, or the `reason` why there is none.

    `document` is what was decoded. `line` is the line where the value is alone on it; the document is then
    that line's bytes, or what `shorten` made of them.
    """

    place: Place
    value: Any
    document: bytes = b""
    line: Line | None = None
    reason: str = ""

    def whole(self) -> Record:
        """The record of the whole line, where `shorten` left some of it out."""
        if self.line is None:
            return self
        data = self.line.bytes()
        value, reason = read_value(data)
        return Record(self.place, value, data, self.line, reason)


def decode(data: bytes) -> Any:
    """The one value in `data`. Takes what real logs hold: lone surrogates, NaN, a BOM.

    Raises ValueError (UnicodeDecodeError where it is not UTF-8), and RecursionError from nesting of about 1,000.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(data)


def read_value(data: bytes) -> tuple[Any, str]:
    """The one value in `data` and "", or None and the reason why it cannot be read."""
    try:
        return decode(data), ""
    except RecursionError:
        return None, TOO_DEEP
    except UnicodeDecodeError:
        return None, NOT_UTF8
    except ValueError:
        return None, MALFORMED


def values(data: bytes) -> Iterator[Extent]:
    """The extents of glued or pretty-printed values; of a list of objects, those of its elements.

    Behind a value that is cut or malformed it goes on with the next line that begins with a bracket.
    """
    whole = _well_formed(data)
    if whole is not None:
        yield from whole
        return
    position = len(BOM) if data.startswith(BOM) else 0
    inside, cuts = False, 0
    while (position := _value_start(data, position)) < len(data):
        if inside and data[position] in b",]":
            inside = data[position] != 0x5D  # ]
            position += 1
        elif not inside and _LIST_OF_OBJECTS.match(data, position):
            inside = True
            position += 1
        else:
            extent = _extent(data, position) if cuts < _MOST_CUTS else Extent(position, len(data) - position, CUT)
            yield extent
            cuts += extent.reason == CUT
            inside = inside and not extent.reason
            position = extent.offset + extent.length


def _value_start(data: bytes, position: int = 0) -> int:
    ink = _INK.search(data, position)
    return ink.start() if ink else len(data)


def _well_formed(data: bytes) -> list[Extent] | None:
    """The extents of one document, which msgspec skips through quickly; None where it is no such thing."""
    start = _value_start(data)
    raws: list[msgspec.Raw]
    try:
        if _LIST_OF_OBJECTS.match(data, start):
            raws = msgspec.json.decode(data, type=list[msgspec.Raw])
        else:
            raws = [msgspec.json.decode(data, type=msgspec.Raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    extents = []
    for raw in raws:
        text = bytes(raw).rstrip()
        start = data.index(text, start)  # only commas and white space lie between: found where it begins
        extents.append(Extent(start, len(text)))
        start += len(text)
    return extents


def _extent(data: bytes, start: int) -> Extent:
    """The extent of the value that begins at `start`."""
    if data[start] not in b"{[":
        scalar = _SCALAR.match(data, start)
        return Extent(start, len(scalar.group().rstrip()) if scalar else len(data) - start)
    depth, reason = 0, CUT
    for token in _TOKEN.finditer(data, start):
        kind = token.lastgroup
        if kind == "string":
            continue
        if kind == "open":
            depth += 1
        elif kind == "cut":
            reason = CUT if data.find(b"\n", token.start()) < 0 else MALFORMED
            break
        else:
            depth -= 1
            if not depth:
                return Extent(start, token.end("close") - start)
            if kind == "bad":
                reason = MALFORMED
                break
    following = _NEXT_AT_MARGIN.search(data, start)
    return Extent(start, (following.start() if following else len(data)) - start, reason)


def records(source: Source, shorten: Callable[[Line], bytes | None] | None = None) -> Iterator[Record]:
    """Every value of the log in order. `shorten` may give a smaller document to decode in place of a line.

    An archive that breaks off ends in a record with that reason.
    """
    try:
        if is_document(source.peek().head):
            yield from _split(source.whole(), Place(source.name, 1))
            return
        for line in source.lines():
            short = shorten(line) if shorten else None
            data = line.bytes() if short is None else short
            value, reason = read_value(data)
            if reason or (type(value) is list and value and type(value[0]) is dict):
                yield from _split(line.bytes(), place(source, line), line if reason else None)
            else:
                yield Record(place(source, line), value, data, line)
    except BrokenLog as error:
        yield Record(Place(source.name, 0), None, reason=error.reason)


def objects(source: Source) -> Iterator[Record]:
    """The same of a log of JSON objects: what is none has that as its reason."""
    for record in records(source):
        if not record.reason and not isinstance(record.value, dict):
            record.reason = NO_OBJECT
        yield record


def _split(data: bytes, where: Place, line: Line | None = None) -> Iterator[Record]:
    """The records in bytes that begin at `where`; `line` is theirs where there is only one."""
    number, counted = where.line, 0
    extents = list(values(data)) if line is None or data.lstrip(BOM)[:1] in (b"{", b"[", b"\x1e") else []
    if not extents and data.strip():
        extents = [Extent(0, len(data))]
    for extent in extents:
        text = data[extent.offset : extent.offset + extent.length]
        number += data.count(b"\n", counted, extent.offset)
        counted = extent.offset
        value, reason = (None, extent.reason) if extent.reason else read_value(text)
        at = Place(where.source, number, where.offset + extent.offset, len(text))
        yield Record(at, value, text, line if len(extents) == 1 else None, reason)


def is_document(head: bytes) -> bool:
    """Whether the first value goes on behind its line: then all of the log is read as one document."""
    start = _value_start(head, len(BOM) if head.startswith(BOM) else 0)
    end = head.find(b"\n", start)
    if end < 0 or head[start] not in b"{[":
        return False
    first = list(values(head[start:end]))
    return bool(first) and first[-1].reason == CUT and _extent(head, start).reason != MALFORMED


def _key(text: bytes) -> str:
    """A key without its quotes; as it stands where its escapes are none."""
    shown = text.decode("utf-8", "replace")
    try:
        return str(json.loads(shown, strict=False))
    except ValueError:
        return shown[1:-1]


def first_keys(head: bytes) -> tuple[str, ...]:
    """The keys of the first object, also where it is cut off: of a list, those of its first element."""
    keys: list[str] = []
    depth = 0
    for token in _KEY.finditer(head, max(head.find(b"{"), 0)):
        kind = token.lastgroup
        if kind == "colon" and depth == 1:
            keys.append(_key(token["key"]))
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        if kind == "cut" or (kind == "close" and not depth):
            break
    return tuple(keys)
