"""Writes a record that `redaction` made as the rows that `redacted` reads, with the blocks of each prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from agentcost.memory.pools import Pool, pool_of_record
from agentcost.model import ROOT, Breakpoint, Knowledge, Request
from agentcost.prefix import Entry, Tree
from agentcost.record import Record
from agentcost.sharing.redacted import VERSION, Header, Row, nodes_of

BLOCK = 512
"""Tokens of a block, as in Mooncake's own traces; a log of hashed blocks keeps its own."""


def lines(record: Record, kept: Iterable[str]) -> Iterator[bytes]:
    """The lines of a record that `redaction` made, in the order of its requests."""
    requests = record.ordered()
    pool = pool_of_record(record, _unit(requests))
    times, growth = _timestamps(requests), _Growth(record.tree)
    for row, (request, ids) in enumerate(zip(requests, hash_ids(record.tree, requests, pool), strict=True)):
        at = growth.at
        growth.take(nodes_of(request))
        if row == len(requests) - 1:
            growth.take(range(len(record.tree)))
        segments, grown = growth.taken()
        yield msgspec.json.encode(Row(
            redacted=None if row else _header(record, kept), timestamp=times[row], input_length=pool.tokens(row),
            output_length=request.usage.output if request.usage else None, hash_ids=ids, at=at, segments=segments,
            nodes=grown, request=_numbered(request, growth.nodes),
        )) + b"\n"  # fmt: skip


def _header(record: Record, kept: Iterable[str]) -> Header:
    return Header(VERSION, sorted(kept), record.logs, record.skipped, dict(sorted(record.duplicates.items())))


def _unit(requests: Sequence[Request]) -> int | None:
    hashed = all(request.knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS) for request in requests)
    return None if hashed else BLOCK


def _timestamps(requests: Sequence[Request]) -> list[int]:
    """Milliseconds since the first of the requests with one clock; those without a time come behind, one apart."""
    first: dict[bool, float] = {}
    found: list[int] = []
    for request in requests:
        if request.started is None:
            found.append(found[-1] + 1 if found else 0)
            continue
        relative = ("clock", "relative") in request.settings
        start = 0.0 if relative else first.setdefault(relative, request.started)
        found.append(round((request.started - start) * 1000))
    return found


class _Growth(msgspec.Struct):
    """The tree as far as rows have told it: `nodes` and `segments` are the numbers that its own have in the file."""

    tree: Tree
    nodes: dict[int, int] = msgspec.field(default_factory=lambda: {ROOT: ROOT})
    segments: dict[int, int] = {}
    fresh: list[int] = []

    @property
    def at(self) -> tuple[int, int]:
        """How many nodes and segments have been told."""
        return len(self.nodes), len(self.segments)

    def take(self, leaves: Iterable[int]) -> None:
        """What of these paths is new comes with the next row."""
        for leaf in leaves:
            path, node = [], leaf
            while node not in self.nodes:
                path.append(node)
                node = self.tree.parents[node]
            for node in reversed(path):
                self.nodes[node] = len(self.nodes)
                self.fresh.append(node)

    def taken(self) -> tuple[list[Entry], list[tuple[int, int, int]]]:
        """The new segments and nodes, once."""
        tree, fresh = self.tree, self.fresh
        self.fresh = []
        entries, nodes = [], []
        for node in fresh:
            segment = tree.segments[node]
            if segment not in self.segments:
                self.segments[segment] = len(self.segments)
                entries.append(tree.entries[segment])
            nodes.append((self.nodes[tree.parents[node]], self.segments[segment], tree.ends[node]))
        return entries, nodes


def _numbered(request: Request, nodes: dict[int, int]) -> Request:
    """The request with other numbers of its nodes."""
    return replace(
        request,
        node=nodes[request.node],
        answer=None if request.answer is None else nodes[request.answer],
        breakpoints=tuple(Breakpoint(nodes[mark.node], mark.ttl) for mark in request.breakpoints),
    )


# --- blocks --------------------------------------------------------------------------------------------------------


def hash_ids(tree: Tree, requests: Sequence[Request], pool: Pool) -> Iterator[list[int] | None]:
    """The blocks of every prompt: equal ids are equal content behind an equal prefix, in one scope and model.

    A block is named after the node it ends in, and lies where the capacity of a cache is counted (see `pools`): at one
    place for all requests of a scope. Of prompts that are no hashed blocks a last one that is not full is shared with
    nobody. None where only lengths are known.
    """
    digests = tree.digests()
    for row, request in enumerate(requests):
        if request.knowledge is Knowledge.COUNTS:
            yield None
            continue
        prompt = pool.prompts[row]
        scope = hashlib.blake2b(repr((prompt.scope, prompt.model)).encode(), digest_size=16).digest()
        before = pool.hidden[row]
        ends = [(before + prompt.reach[ROOT], scope)]
        ends += [(before + prompt.reach[node], digests[node]) for node in tree.path(request.node)]
        total, unit = pool.tokens(row), pool.unit
        ids = list(_blocks(ends, scope, total // unit, unit))
        if total % unit:
            own = b"" if pool.hashed[row] else request.id.encode()
            ids.append(_number(scope, digests[request.node], total.to_bytes(8, "little"), own))
        yield ids


def _blocks(ends: Sequence[tuple[int, bytes]], scope: bytes, count: int, unit: int) -> Iterator[int]:
    """The full blocks; `ends` are the tokens up to and with every node, and its digest."""
    at = 0
    for block in range(1, count + 1):
        while ends[at][0] < block * unit and at < len(ends) - 1:
            at += 1
        yield _number(scope, ends[at][1], block.to_bytes(8, "little"))


def _number(*parts: bytes) -> int:
    """63 bits, so that every reader's integers hold it."""
    return int.from_bytes(hashlib.blake2b(b"".join(parts), digest_size=8).digest(), "little") >> 1
