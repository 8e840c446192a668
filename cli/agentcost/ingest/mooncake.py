"""Mooncake traces: one request a line, its prompt as the ids of hashed blocks.

    {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48, 2353, 2354]}

A block holds 512 tokens unless the first lines show another size; the last block may be shorter. `timestamp`
counts milliseconds from the start of the trace. Bailian (Qwen) traces have the same shape with `chat_id`,
`parent_chat_id`, blocks of 16 tokens, and seconds. Cached counts are not recorded: all input is `plain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentcost.ingest.blocks import Name, Paths, surplus
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.counts import Count
from agentcost.ingest.rows import rows
from agentcost.model import Item, Knowledge, Place, Request, Skipped, Usage

BLOCK_SIZES = (512, 16, 32, 64, 128, 256, 1024)
"""Sizes tried in this order; the first that fits all of the first lines is the trace's."""


class Row(msgspec.Struct):
    """One line; what a trace leaves out is None or empty."""

    input_length: Count
    output_length: Count | None = None
    timestamp: float | None = None
    hash_ids: list[Name] | None = None
    session_id: Name = ""
    model: str = ""
    chat_id: Name | None = None
    parent_chat_id: Name = -1


def sniff(peek: Peek) -> bool:
    """The first record has both lengths, and either blocks or the time of arrival."""
    first = next(peek.objects(), {})
    return {"input_length", "output_length"} <= first.keys() and not first.keys().isdisjoint({"hash_ids", "timestamp"})


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every line. The ids mean something only inside the file: so does the cache."""
    size = block_size(source.peek())
    paths = Paths(hand.grow, source.name, size)
    sessions: dict[Name, str] = {}
    for found in rows(source, msgspec.json.Decoder(Row).decode, "a Mooncake row"):
        if isinstance(found, Skipped):
            yield found
            continue
        where, row = found
        extra = surplus(row.hash_ids or (), row.input_length, size)
        if extra:
            reason = f"names {extra} more blocks of {size} tokens than its input fills; check the block size"
            yield Skipped(where, reason)
            continue
        yield _request(row, where, paths, _session(row, sessions))


def block_size(peek: Peek) -> int:
    """The tokens of a block: the first of `BLOCK_SIZES` under which every first line names all its blocks."""
    rows = [(row.get("input_length"), row.get("hash_ids")) for row in peek.objects()]
    known = [(tokens, len(names)) for tokens, names in rows if isinstance(tokens, int) and isinstance(names, list)]
    for size in BLOCK_SIZES:
        if all(-(tokens // -size) == count for tokens, count in known):
            return size
    return BLOCK_SIZES[0]


def _session(row: Row, sessions: dict[Name, str]) -> str:
    """The session: named, or the first chat of the chain of parents."""
    if row.chat_id is None:
        return str(row.session_id)
    root = sessions.get(row.parent_chat_id, str(row.chat_id))
    sessions[row.chat_id] = root
    return root


def _request(row: Row, where: Place, paths: Paths, session: str) -> Request:
    ticks = 1 if row.chat_id is not None else 1000
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.BLOCKS if row.hash_ids is not None else Knowledge.COUNTS,
        provider="",
        model=row.model,
        node=paths.leaf(row.hash_ids or (), row.input_length, str(where.offset), row.model),
        session=session,
        started=None if row.timestamp is None else row.timestamp / ticks,
        usage=Usage(plain=row.input_length, output=row.output_length, classes_known=False),
        settings=(("clock", "relative"),),
        local_ids=True,
    )


_EXAMPLE: dict[str, Any] = {"timestamp": 1200, "input_length": 1300, "output_length": 40, "hash_ids": [0, 1, 2]}

READER = Reader(
    name="mooncake",
    about="Mooncake and Bailian traces: hashed blocks, lengths and arrival times, no content",
    knowledge=Knowledge.BLOCKS,
    example=msgspec.json.encode(_EXAMPLE).decode(),
    identity="session: session_id, or the first chat of the chain of parent_chat_id; user, project, client, task: none",
    sniff=sniff,
    read=read,
    unseen="Bailian",
)
