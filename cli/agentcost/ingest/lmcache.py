"""LMCache's logs of looked-up hashes: one prompt a line, as the hashes of its full chunks.

    {"timestamp": 1768075200.5, "request_id": "r1", "model_name": "Qwen3-8B", "chunk_size": 256, "seq_len": 1024,
     "dtypes": ["bfloat16"], "shapes": [[2, 36, 256, 1024]], "chunk_hashes": ["0xab", "0xcd", "0xef", "0x01"]}

A hash is of a chunk and all before it, the same in every process of a deployment. What does not fill a chunk has none.
An engine that waits for room looks a request up again: its repeats have one id. Neither hits nor answers are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from agentcost.ingest.blocks import Name, Paths, surplus
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import Count
from agentcost.ingest.rows import rows
from agentcost.model import Item, Knowledge, Place, Request, Skipped, Usage

_SCOPE = "lmcache"


class Row(msgspec.Struct):
    """One line; shapes and types of the cache are left out."""

    chunk_hashes: list[Name]
    seq_len: Count
    chunk_size: Annotated[int, msgspec.Meta(ge=1)]
    timestamp: float | None = None
    request_id: str = ""
    model_name: str = ""


def sniff(peek: Peek) -> bool:
    """The first record has hashes of chunks, and their size."""
    return {"chunk_hashes", "chunk_size", "seq_len"} <= next(peek.objects(), {}).keys()


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every look-up."""
    paths: dict[tuple[str, int], Paths] = {}
    for found in rows(source, msgspec.json.Decoder(Row).decode, "a look-up of LMCache"):
        if isinstance(found, Skipped):
            yield found
            continue
        where, row = found
        extra = surplus(row.chunk_hashes, row.seq_len, row.chunk_size)
        if extra:
            reason = f"names {extra} more chunks of {row.chunk_size} tokens than its prompt fills; remove the line"
            yield Skipped(where, reason)
            continue
        scope = (row.model_name, row.chunk_size)
        known = paths.setdefault(scope, Paths(hand.grow, f"{_SCOPE} {row.model_name}", row.chunk_size))
        yield _request(row, where, known)


def _request(row: Row, where: Place, paths: Paths) -> Request:
    own = row.request_id or f"{where.source} {where.offset}"
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.BLOCKS,
        provider="",
        model=row.model_name,
        node=paths.leaf(row.chunk_hashes, row.seq_len, own, row.model_name),
        id=row.request_id,
        started=row.timestamp,
        usage=Usage(plain=row.seq_len, classes_known=False),
    )


READER = Reader(
    name="lmcache",
    about="LMCache look-up logs (lookup_hashes_*.jsonl): hashed chunks and lengths of prompts, no content",
    knowledge=Knowledge.BLOCKS,
    example=(
        '{"timestamp":1768075200.5,"request_id":"r1","model_name":"Qwen3-8B","chunk_size":256,"seq_len":700,'
        '"chunk_hashes":["0xab","0xcd"]}'
    ),
    identity="session, user, project, client, task: none",
    sniff=sniff,
    read=read,
    standalone=True,
    origin=Origin.DOCUMENTED,
)
