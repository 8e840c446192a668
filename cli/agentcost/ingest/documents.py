"""Logs that are one JSON document: the records are the elements of one of its lists.

{"info": {…}, "messages": [{"role": "system", …}, {"role": "user", …}]}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Source
from agentcost.ingest.json_values import BOM, read_value
from agentcost.model import Place


class Element(msgspec.Struct, frozen=True):
    """A record of the list: where it lies and its value, or the `reason` why there is none."""

    place: Place
    value: Any
    reason: str = ""


class Document(msgspec.Struct, frozen=True):
    """The document without its list, and the list's elements."""

    head: dict[str, Any]
    elements: list[Element]


def read_document(source: Source, key: str) -> Document:
    """The document of a log whose records lie under `key`. BrokenLog where it is no such document."""
    data = source.whole()
    try:
        values = msgspec.json.decode(data.removeprefix(BOM), type=dict[str, msgspec.Raw])
        raws = msgspec.json.decode(values[key], type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return _decoded_whole(source, data, key)
    at = 0
    for name, value in values.items():
        at = data.index(bytes(value).rstrip(), at)
        if name == key:
            break
        at += len(bytes(value).rstrip())
    head = {name: read_value(bytes(value))[0] for name, value in values.items() if name != key}
    return Document(head, list(placed(source.name, data, at, raws)))


def placed(name: str, data: bytes, start: int, raws: list[msgspec.Raw]) -> Iterator[Element]:
    """The elements with their places: only commas and white space lie between, so each is found where it begins."""
    line, counted = 1, 0
    for raw in raws:
        text = bytes(raw).rstrip()
        start = data.index(text, start)
        line += data.count(b"\n", counted, start)
        counted = start
        value, reason = read_value(text)
        yield Element(Place(name, line, start, len(text)), value, reason)
        start += len(text)


def _decoded_whole(source: Source, data: bytes, key: str) -> Document:
    """What only Python's decoder takes (NaN, lone surrogates): all elements lie where the document does."""
    value, reason = read_value(data)
    if not isinstance(value, dict) or not isinstance(value.get(key), list):
        raise BrokenLog(source.name, f"{reason or f'has no list of {key}'}; get it again, whole, or leave it out")
    where = Place(source.name, 1, 0, len(data))
    return Document({k: v for k, v in value.items() if k != key}, [Element(where, item) for item in value[key]])
