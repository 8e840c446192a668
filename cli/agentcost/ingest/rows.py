"""The rows of a log whose lines are decoded straight into a type, two of them glued on a line included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from agentcost.ingest.contract import Source, place
from agentcost.ingest.faults import fault
from agentcost.ingest.json_values import BOM, values
from agentcost.model import Place, Skipped

Row = TypeVar("Row")


def rows(source: Source, decode: Callable[[bytes], Row], what: str) -> Iterator[tuple[Place, Row] | Skipped]:
    """Every row with its place; a Skipped for what is none: `what` says what it should be."""
    for line in source.lines():
        where, data = place(source, line), line.bytes().removeprefix(BOM)
        try:
            yield where, decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            pieces = list(values(data)) if data[:1] == b"{" else []
            if len(pieces) < 2:
                yield _skipped(where, what, error)
                continue
            for piece in pieces:
                at = Place(where.source, where.line, where.offset + piece.offset, piece.length)
                yield _decoded(at, data[piece.offset : piece.offset + piece.length], decode, what)


def _decoded(where: Place, data: bytes, decode: Callable[[bytes], Row], what: str) -> tuple[Place, Row] | Skipped:
    try:
        return where, decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _skipped(where, what, error)


def _skipped(where: Place, what: str, error: Exception) -> Skipped:
    return Skipped(where, f"not {what} ({fault(error)}); mend or remove the line")
