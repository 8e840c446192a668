"""Where the large values of a request body stand in the bytes of its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import numpy

_BRACE = ord("{")


class Spread(msgspec.Struct, frozen=True):
    """Where a body's values stand in its document: byte ranges by key, and the elements of the growing list."""

    values: dict[str, tuple[int, int]]
    elements: list[tuple[int, int]]


@cache
def _decoder(path: tuple[str, ...], growing: str, stable: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """What finds the raw bytes of a body's large values, `path` deep in a record."""
    absent = msgspec.field(default=msgspec.Raw(b""))
    shape: Any = msgspec.defstruct(
        "Body",
        [
            ("value0", list[msgspec.Raw]),
            *((f"value{number}", msgspec.Raw, absent) for number in range(1, len(stable) + 1)),
        ],
        rename={f"value{number}": key for number, key in enumerate((growing, *stable))},
    )
    for key in reversed(path):
        shape = msgspec.defstruct("Outer", [("value0", shape)], rename={"value0": key})
    return msgspec.json.Decoder(shape)


def _raw(raw: Any, base: int) -> tuple[int, int]:
    """The byte range of a msgspec.Raw within the document it was decoded from."""
    view = numpy.frombuffer(raw, numpy.uint8)
    start = int(view.__array_interface__["data"][0]) - base
    return start, start + len(view)


def _address(document: bytes) -> int:
    return int(numpy.frombuffer(document, numpy.uint8).__array_interface__["data"][0])


def spread(document: bytes, path: tuple[str, ...], growing: str, stable: tuple[str, ...]) -> Spread | None:
    """The byte ranges of a body's large values; None where the list does not grow by elements."""
    try:
        found = _decoder(path, growing, stable).decode(document)
    except msgspec.DecodeError:
        return None
    for _ in path:
        found = found.value0
    if not found.value0:
        return None
    base = _address(document)
    values = {}
    for number, key in enumerate(stable, 1):
        raw = getattr(found, f"value{number}")
        if memoryview(raw):
            values[key] = _raw(raw, base)
    return Spread(values, _elements(document, base, found.value0))


def ends_behind(document: bytes, path: tuple[str, ...], growing: str, start: int) -> list[int] | None:
    """Where the elements of a body's growing list end, but for its first, which is one byte at `start`.

    None where they are not all objects: between two objects there is no other brace, so lengths tell it all.
    """
    try:
        found = _decoder(path, growing, ()).decode(document)
    except msgspec.DecodeError:
        return None
    for _ in path:
        found = found.value0
    ends, end = [], start + 1
    for raw in found.value0[1:]:
        view = memoryview(raw)
        if view[0] != _BRACE:
            return None
        end = document.find(b"{", end) + len(view)
        ends.append(end)
    return ends


def _elements(document: bytes, base: int, raws: Sequence[msgspec.Raw]) -> list[tuple[int, int]]:
    """The byte ranges of a list's elements. Between two objects there is no other brace: no address is needed."""
    found: list[tuple[int, int]] = []
    for raw in raws:
        view = memoryview(raw)
        if found and view[0] == _BRACE:
            start = document.find(b"{", found[-1][1])
            found.append((start, start + len(view)))
        else:
            found.append(_raw(raw, base))
    return found


@cache
def _string_shape(path: tuple[str, ...]) -> Any:
    shape: Any = msgspec.Raw
    for key in reversed(path):
        shape = msgspec.defstruct("Outer", [("value0", shape)], rename={"value0": key})
    return shape


def string_at(document: bytes, path: tuple[str, ...]) -> tuple[int, int] | None:
    """The byte range between the quotes of a string value, `path` deep in a record."""
    try:
        found = msgspec.json.decode(document, type=_string_shape(path))
    except msgspec.DecodeError:
        return None
    for _ in path:
        found = found.value0
    start, end = _raw(found, _address(document))
    return start + 1, end - 1


_ESCAPES: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1],
)


def escaped_offsets(inner: bytes, offsets: Sequence[int], escaped: bytes) -> list[int] | None:
    """Byte offsets of a JSON string's text as offsets of its escaped form; None where its escapes are unusual.

    `offsets` ascend.
    """
    edges = [0, *offsets, len(inner)]
    texts = [inner[start:end].decode() for start, end in pairwise(edges)]
    for escape in _ESCAPES:
        pieces = [escape(text).encode() for text in texts]
        if b"".join(pieces) == escaped:
            ends, total = [], 0
            for piece in pieces[:-1]:
                total += len(piece)
                ends.append(total)
            return ends
    return None


def locate(document: bytes, path: tuple[str, ...], inner: bytes | None, growing: str,
           stable: tuple[str, ...]) -> Spread | None:  # fmt: skip
    """The byte ranges of a body's large values in its line's document, be the body an object or a string."""
    if inner is None:
        return spread(document, path, growing, stable)
    found, string = spread(inner, (), growing, stable), string_at(document, path)
    if not found or not string:
        return None
    edges = sorted({edge for edges in (*found.values.values(), *found.elements) for edge in edges})
    outer = escaped_offsets(inner, edges, document[string[0] : string[1]])
    if outer is None:
        return None
    moved = {edge: string[0] + offset for edge, offset in zip(edges, outer, strict=True)}
    return Spread(
        {key: (moved[start], moved[end]) for key, (start, end) in found.values.items()},
        [(moved[start], moved[end]) for start, end in found.elements],
    )
