"""kv-cache-tester traces (WEKA): one JSON document a session, its prompts as hashed blocks, sub-agents nested.

    {"id": "trace_1", "block_size": 64, "hash_id_scope": "local", "requests": [
      {"t": 0.0, "type": "n", "model": "claude-opus-4-6", "in": 200, "out": 9, "hash_ids": [1, 2, 3], "api_time": 2.5},
      {"t": 60.0, "type": "subagent", "agent_id": "agent_001", "duration_ms": 40000, "requests": [{"t": 0.0, ...}]}]}

`t` is seconds from the start of the trace. A sub-agent has its own clock, which starts at zero when the
sub-agent does: at its `t` less its duration, because with a duration `t` is when it *finished*; without one, `t` is
its launch. Only full blocks are listed; the tail of a prompt is shared with nothing. Cached counts are not
recorded: all input is `plain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec.structs import replace

from agentcost.errors import BrokenLog
from agentcost.ingest.blocks import Name, Paths, surplus
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.counts import Count
from agentcost.ingest.faults import fault
from agentcost.model import Item, Knowledge, Other, Place, Request, Skipped, Usage


class Trace(msgspec.Struct):
    """The document: its requests stay undecoded, so that each can be placed and can fail alone."""

    requests: list[msgspec.Raw]
    block_size: Annotated[int, msgspec.Meta(ge=1)] = 64
    hash_id_scope: str = "local"
    id: str = ""


class Entry(msgspec.Struct, rename={"input": "in", "output": "out"}):
    """A request, or a sub-agent with requests of its own (`duration_ms` is a sub-agent's)."""

    t: float
    type: str = ""
    model: str = ""
    input: Count | None = None
    output: Count | None = None
    hash_ids: list[Name] | None = None
    api_time: float | None = None
    ttft: float | None = None
    duration_ms: float | None = None
    requests: list[msgspec.Raw] | None = None


class _Clock(msgspec.Struct, frozen=True):
    """Whose requests these are: the second at which their clock shows zero, and their role."""

    zero: float = 0.0
    role: str = "main"


class _Places:
    """Finds where each value of a document lies, going forward only."""

    def __init__(self, source: str, data: bytes, line: int, offset: int) -> None:
        self._source, self._data, self._line, self._start = source, data, line, offset
        self._at = 0

    def of(self, value: bytes) -> Place:
        """The place of the next occurrence of a value; a nested one begins behind the beginning of its parent."""
        found = self._data.index(value, self._at)
        self._line += self._data.count(b"\n", self._at, found)
        self._at = found + 1
        return Place(self._source, self._line, self._start + found, len(value))


def sniff(peek: Peek) -> bool:
    """A document that says its block size, its scope of ids, and has requests."""
    return {"block_size", "hash_id_scope", "requests"} <= set(peek.keys)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """An item for every request, those of sub-agents included; a sub-agent's own entry is an Other."""
    data = source.whole()
    trace = _decode(data)
    if trace is not None:
        yield from _Session(trace, source.name, hand).items(_Places(source.name, data, 1, 0))
        return
    offset = 0
    for number, text in enumerate(data.split(b"\n"), 1):
        if text.strip():
            yield from _line(text, Place(source.name, number, offset, len(text)), hand)
        offset += len(text) + 1


def _decode(data: bytes) -> Trace | None:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=Trace)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _line(text: bytes, where: Place, hand: Hand) -> Iterator[Item]:
    """A trace of a file with one trace on each line."""
    trace = _decode(text)
    if trace is not None:
        yield from _Session(trace, where.source, hand).items(_Places(where.source, text, where.line, where.offset))
    elif where.offset == 0:
        raise BrokenLog(
            where.source, "is no complete kv-cache-tester trace; get it again, one JSON document a file (or a line)"
        )
    else:
        yield Skipped(where, "not a kv-cache-tester trace; put one whole JSON document on each line")


class _Session:
    """One trace being read: its paths, shared by the main thread and its sub-agents."""

    def __init__(self, trace: Trace, source: str, hand: Hand) -> None:
        self._trace = trace
        self._local = trace.hash_id_scope != "global"
        scope = f"{source}\n{trace.id}" if self._local else ""
        self._paths = Paths(hand.grow, scope, trace.block_size)
        self._source = source

    def items(self, places: _Places) -> Iterator[Item]:
        """All of the trace, in its order."""
        return self._entries(self._trace.requests, _Clock(), places)

    def _entries(self, raws: Sequence[msgspec.Raw], clock: _Clock, places: _Places) -> Iterator[Item]:
        for raw in raws:
            where = places.of(bytes(raw))
            try:
                entry = msgspec.json.decode(raw, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield Skipped(where, f"not a request of a trace ({fault(error)}); mend or remove it")
                continue
            if entry.requests is None:
                yield self._request(entry, where, clock)
                continue
            yield Other(where, "sub-agent")
            started = clock.zero + entry.t - (entry.duration_ms or 0) / 1000
            yield from self._entries(entry.requests, _Clock(started, "subagent"), places)

    def _request(self, entry: Entry, where: Place, clock: _Clock) -> Item:
        size, names = self._trace.block_size, entry.hash_ids or ()
        if entry.input is None:
            return Skipped(where, "a request without `in`; its input tokens have to be there")
        if surplus(names, entry.input, size):
            return Skipped(where, f"names more blocks of {size} tokens than its input fills; check block_size")
        own = f"{where.source}:{where.offset}"
        request = Request(
            place=where,
            format=READER.name,
            knowledge=Knowledge.COUNTS if entry.hash_ids is None else Knowledge.BLOCKS,
            provider="anthropic" if entry.model.startswith("claude") else "",
            model=entry.model,
            node=self._paths.leaf(names, entry.input, own, entry.model),
            session=self._trace.id or self._source,
            role=clock.role,
            usage=Usage(plain=entry.input, output=entry.output, classes_known=False),
            settings=(("clock", "relative"),),
            local_ids=self._local,
        )
        return _timed(request, clock.zero + entry.t, entry)


def _timed(request: Request, started: float, entry: Entry) -> Request:
    return replace(
        request,
        started=started,
        first_token=None if entry.ttft is None else started + entry.ttft,
        ended=None if entry.api_time is None else started + entry.api_time,
    )


READER = Reader(
    name="kv-cache-tester",
    about="kv-cache-tester traces (WEKA): hashed blocks of coding sessions with their sub-agents, no content",
    knowledge=Knowledge.BLOCKS,
    example='{"id":"trace_1","block_size":64,"hash_id_scope":"local","requests":'
    '[{"t":0.0,"type":"n","model":"claude-opus-4-6","in":200,"out":9,"hash_ids":[1,2,3],"api_time":2.5}]}',
    identity="session: the trace's id; user, project, client, task: none",
    sniff=sniff,
    read=read,
)
