"""Tables of token counts: a row a request, as CSV or as JSON lines, under column names known or given.

    TIMESTAMP,ContextTokens,GeneratedTokens
    2023-11-16 18:17:03.9799600,4808,10

`--columns input=prompt_tokens,cached=cache_read_tokens` maps our names (`columns.OURS`) to the table's; a dotted name
(`usage.prompt_tokens`) reaches into nested JSON, and `cached=` says that a column of a usual name is not meant.
`input` is the whole input, cached and written tokens included; where the table counts those apart, the column is
`plain`. Nothing is known of what a prompt holds, so no two rows share a prefix.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from agentcost.errors import AgentcostError
from agentcost.ingest.columns import columns_of, layout
from agentcost.ingest.contract import Hand, Line, Peek, Reader, Source, place
from agentcost.ingest.parts import digest_of
from agentcost.ingest.times import moment
from agentcost.model import (
    MOST_TOKENS,
    ROOT,
    Item,
    Kind,
    Knowledge,
    Other,
    Place,
    Request,
    Segment,
    Skipped,
    Usage,
)
from agentcost.units import plural

_EMPTY = frozenset({"", "-", "null", "none", "nan", "n/a", "na"})
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_FIRST_EPOCH = 10**8
"""Seconds below this (spring of 1973) are no date: the table counts from its own start."""
_SAFE_DIGITS = len(str(MOST_TOKENS)) - 1
"""Digits that are always fewer than too many tokens."""
_WIDEST_CELL = 1 << 30
"""Tables with prompts in them have cells beyond Python's 128 KiB."""

_NAMES = ("provider", "model", "id", "session", "user", "project", "client")
_Cells = dict[str, Any]
"""A row's cells by our names."""


class _Unreadable(Exception):
    """A cell that cannot be read: which, and what to do."""


def sniff(peek: Peek) -> bool:
    """CSV whose header holds a known layout. JSON lines are never claimed: force the reader and name the columns."""
    first = peek.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    if not first or first[0] in "{[":
        return False
    return bool(layout(_header(first)))


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every row; the header of a CSV is an Other."""
    peek = source.peek()
    opening = peek.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if opening == b"[":
        raise AgentcostError(f"{source.name} is one JSON list: write one object a line (jq -c '.[]')")
    rows = _json_rows(source, hand.columns) if opening == b"{" else _csv_rows(source, hand.columns)
    for row in rows:
        if not isinstance(row, tuple):
            yield row
            continue
        try:
            yield _request(row[0], row[1], hand)
        except _Unreadable as error:
            yield Skipped(row[0], str(error))


# Rows of CSV


def _header(line: str) -> list[str]:
    """The columns' names; none where the line is no CSV."""
    try:
        return [name.strip() for name in next(csv.reader([line.strip()], delimiter=_delimiter(line)), [])]
    except csv.Error:
        return []


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _csv_rows(source: Source, named: Mapping[str, str]) -> Iterator[tuple[Place, _Cells] | Item]:
    lines = source.lines()
    first = next(lines, None)
    if first is None:
        return
    text = first.bytes().decode("utf-8-sig", "replace")
    header = _header(text)
    columns = columns_of(named, header, source.name)
    yield Other(place(source, first), "header")
    at = {ours: header.index(column) for ours, column in columns.items()}
    taken: list[Line] = []
    csv.field_size_limit(_WIDEST_CELL)
    rows = csv.reader(_texts(lines, taken), delimiter=_delimiter(text), strict=True)
    while True:
        taken.clear()
        try:
            row = next(rows, None)
        except csv.Error as error:
            reason = f"no row of CSV ({error}), {plural(len(taken), 'line')} long; mend the quotes"
            yield Skipped(_span(source, taken), reason)
            continue
        if row is None:
            return
        where = _span(source, taken)
        if any(cell.strip() for cell in row[len(header) :]):
            reason = f'{len(row)} cells under {len(header)} columns; quote cells that hold the delimiter ("1,234")'
            yield Skipped(where, reason)
        else:
            yield where, {ours: row[index] if index < len(row) else "" for ours, index in at.items()}


def _texts(lines: Iterator[Line], taken: list[Line]) -> Iterator[str]:
    """The lines as text; each is noted in `taken`, because a quoted cell makes one row of several lines."""
    for line in lines:
        taken.append(line)
        yield line.bytes().decode("utf-8", "replace") + "\n"


def _span(source: Source, taken: Sequence[Line]) -> Place:
    first, last = taken[0], taken[-1]
    return Place(source.name, first.number, first.offset, last.offset + last.end - last.start - first.offset)


# Rows of JSON


def _json_rows(source: Source, named: Mapping[str, str]) -> Iterator[tuple[Place, _Cells] | Item]:
    present: dict[str, None] = {}
    for record in source.peek().objects():
        present |= dict.fromkeys(_paths(record))
    columns = columns_of(named, list(present), source.name)
    for line in source.lines():
        where = place(source, line)
        row = _object(line.bytes())
        if row is None:
            yield Skipped(where, "not a JSON object; mend or remove the line")
        else:
            yield where, {ours: _cell(row, column) for ours, column in columns.items()}


def _paths(record: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Every key, and those of nested objects behind a dot."""
    for key, value in record.items():
        yield before + key
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{key}.")


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            value = json.loads(text.decode("utf-8-sig", "replace"))  # it takes the NaN that some tables write
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _cell(record: Mapping[str, Any], column: str) -> Any:
    if column in record:
        return record[column]
    value: Any = record
    for key in column.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


# Cells


def _request(where: Place, cells: _Cells, hand: Hand) -> Request:
    usage = _usage(cells)
    started, naive = _started(cells.get("time"))
    provider, model, own, session, user, project, client = map(_text, map(cells.get, _NAMES))
    digest = digest_of("row", where.source, str(where.offset))
    prompt = Segment("messages", "", Kind.UNKNOWN, digest, tokens=usage.prompt)
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.COUNTS,
        provider=provider.lower(),
        model=model,
        node=hand.grow(ROOT, [prompt], model)[-1],
        id=own,
        session=session,
        user=user,
        project=project,
        client=client,
        started=started,
        naive_time=naive,
        usage=usage,
        recorded_cost=_cost(cells.get("cost")),
        settings=(("clock", "relative"),) if started is not None and abs(started) < _FIRST_EPOCH else (),
    )


def _usage(cells: _Cells) -> Usage:
    """The classes made disjoint: `input` holds cached and written tokens, `plain` does not."""
    read, written = _count(cells, "cached") or 0, _count(cells, "written") or 0
    whole = "input" in cells
    tokens = _count(cells, "input" if whole else "plain")
    if tokens is None:
        raise _Unreadable("no input tokens in this row; remove it if it is no request")
    plain = tokens - read - written if whole else tokens
    if plain < 0:
        raise _Unreadable(
            f"{read + written:,} cached and written tokens are more than the input of {tokens:,}; "
            "if that column leaves them out, name it as plain= instead of input="
        )
    output, reasoning = _count(cells, "output"), _count(cells, "reasoning")
    known = bool({"cached", "plain"} & set(cells))
    return Usage(plain=plain, read=read, write=written, output=output, reasoning=reasoning, classes_known=known)


def _count(cells: _Cells, ours: str) -> int | None:
    """A token count: 1234, "1,234", 1234.0; None where the cell is empty."""
    cell = cells.get(ours)
    if cell is None:
        return None
    if isinstance(cell, str) and cell.isdecimal() and len(cell) <= _SAFE_DIGITS:
        return int(cell)
    number = _number(cell)
    if number is None:
        return None
    if not 0 <= number < MOST_TOKENS or number != number.to_integral_value():
        raise _Unreadable(f"{ours} is {cells[ours]!r}, which is no token count; mend or remove the row")
    return int(number)


def _number(cell: Any) -> Decimal | None:
    """A finite number, or None for an empty cell. Raises for anything else."""
    text = str(cell).strip() if cell is not None else ""
    if text.lower() in _EMPTY:
        return None
    try:
        number = Decimal(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _Unreadable(f"{text[:40]!r} is no number; write digits, with a dot for decimals")
    return number


def _started(cell: Any) -> tuple[float | None, bool]:
    """Seconds since the epoch (or since the table's start), and whether the cell named no time zone."""
    text = str(cell).strip() if cell is not None else ""
    if text.lower() in _EMPTY:
        return None, False
    started, naive = moment(f"{text[:-4]}+00:00" if text.endswith(" UTC") else text)
    if started is None:
        raise _Unreadable(f"the time {text[:40]!r} is neither ISO 8601 nor epoch seconds; write it so")
    return started, naive


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _cost(cell: Any) -> str:
    """The recorded cost as a decimal text, without a currency sign; empty where the cell is."""
    number = _number(cell.strip().removeprefix("$") if isinstance(cell, str) else cell)
    return "" if number is None else str(number)


READER = Reader(
    name="table",
    about="tables of token counts (CSV, JSON lines): Azure LLM inference traces, usage exports, --columns for others",
    knowledge=Knowledge.COUNTS,
    example="TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10",
    identity="session, user, project, client: the columns named for them with --columns; task: none",
    sniff=sniff,
    read=read,
)
