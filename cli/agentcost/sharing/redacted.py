"""A redacted record as JSON lines, a request each, that readers of Mooncake traces can use too.

    {"redacted": {"version": 1, "logs": [...], ...}, "timestamp": 0, "input_length": 1300, "output_length": 40,
     "hash_ids": [5160, 907, 12], "at": [1, 0], "segments": [{"digest": "…", "kind": "system prompt", ...}],
     "nodes": [[0, 0, 9]], "request": {"model": "gpt-5.5", "node": 1, ...}}

A row holds what of the prefix tree no row before it had: `segments`, and `nodes` as [parent, segment, ends]; both are
numbered as they come, the root is node 0, and `at` says how many there were before. The first row has the header, so
that files can be joined with cat.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Peek, Source
from agentcost.model import Ends, Request, Skipped
from agentcost.prefix import Entry
from agentcost.record import Log, Record

VERSION = 1

_AGAIN = "redact the log again"


class Header(msgspec.Struct):
    """What no request tells: the account of the logs, and what was left as it was."""

    version: int
    kept: list[str]
    logs: list[Log]
    skipped: list[Skipped]
    duplicates: dict[str, int]


class Row(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One line. `timestamp` is in milliseconds since the first request, or the place in order where there is no time.

    `input_length` is what the blocks of `hash_ids` cover: the prompt as its ruler measures it, so that what prompts
    have in common is equally long in each; the bill is in `request`. Null stands for what the log does not tell.
    """

    redacted: Header | None = None
    timestamp: int
    input_length: int
    output_length: int | None
    hash_ids: list[int] | None
    at: tuple[int, int]
    segments: list[Entry] = []
    nodes: list[tuple[int, int, int]] = []
    request: Request


def is_redacted(peek: Peek) -> bool:
    """Whether a log begins with a row that `lines` wrote."""
    return peek.keys[:1] == ("redacted",)


def load_redacted(source: Source) -> Record:
    """The record of a file of redacted rows, or of several that were joined. BrokenLog where rows are missing."""
    record, part = Record(), Record()
    decode = msgspec.json.Decoder(Row).decode
    for line in source.lines():
        where = f"{source.name}:{line.number}"
        try:
            row = decode(line.bytes())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BrokenLog(where, f"not a row of a redacted log ({error}); copy it again, or {_AGAIN}") from error
        if row.redacted:
            record.merge(part)
            part = _begun(row.redacted, where)
        _add(part, row, where)
    record.merge(part)
    return record


def _begun(header: Header, where: str) -> Record:
    if header.version != VERSION:
        raise BrokenLog(where, f"a redacted log of version {header.version}, this is {VERSION}; {_AGAIN}")
    return Record(logs=header.logs, skipped=header.skipped, duplicates=Counter(header.duplicates))


def _add(record: Record, row: Row, where: str) -> None:
    tree = record.tree
    if row.at != (len(tree), len(tree.entries)):
        raise BrokenLog(where, f"rows before it are missing; take the whole file, or {_AGAIN}")
    for entry in row.segments:
        tree.add(entry)
    for parent, segment, ends in row.nodes:
        if not (0 <= parent < len(tree) and 0 <= segment < len(tree.entries) and 0 <= ends <= _ENDS):
            raise BrokenLog(where, f"names what no row holds; {_AGAIN}")
        tree.child(parent, segment, Ends(ends))
    if not all(0 <= node < len(tree) for node in nodes_of(row.request)):
        raise BrokenLog(where, f"names what no row holds; {_AGAIN}")
    record.add(row.request)


_ENDS = int(Ends.BLOCK | Ends.TOOL_RUN | Ends.MESSAGE | Ends.LEVEL)


def nodes_of(request: Request) -> list[int]:
    """The nodes that a request names."""
    found = [request.node, *(mark.node for mark in request.breakpoints)]
    return found if request.answer is None else [*found, request.answer]
