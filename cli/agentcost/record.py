"""The record: everything a log tells, without its text. It is what is saved, merged and evaluated."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Hashable, Iterable

import msgspec
import zstandard
from msgspec.structs import replace

from agentcost.errors import BrokenLog
from agentcost.model import Breakpoint, Knowledge, Request, Skipped
from agentcost.prefix import Entry, Tree

MAGIC = b"agentcost record\n"
VERSION = 2


class Log(msgspec.Struct):
    """One source that was read. Every record of it is a request, a duplicate, another kind, or skipped.

    `size` is in bytes, `requests` includes duplicates, `lines` is the number of the last line.
    """

    name: str
    format: str
    size: int = 0
    lines: int = 0
    records: int = 0
    requests: int = 0
    others: dict[str, int] = {}
    skipped: int = 0

    def plus(self, more: Log) -> Log:
        """The account of both: of one log that was read twice, or in two parts."""
        kinds = Counter(self.others)
        kinds.update(more.others)
        return Log(
            self.name, self.format, max(self.size, more.size), max(self.lines, more.lines), self.records + more.records,
            self.requests + more.requests, dict(kinds), self.skipped + more.skipped,
        )  # fmt: skip


class Record(msgspec.Struct):
    """The tree, the requests that stand in it, and an account of every record read.

    `requests` are distinct; `duplicates` counts by source name the records that repeated one of them.
    """

    tree: Tree = msgspec.field(default_factory=Tree)
    requests: list[Request] = []
    logs: list[Log] = []
    skipped: list[Skipped] = []
    duplicates: Counter[str] = msgspec.field(default_factory=Counter)
    by_key: dict[Hashable, int] = {}

    def add(self, request: Request) -> None:
        """Take in a request; of records of one call the winner is the same in whatever order they come."""
        key = _key(request)
        known = self.by_key.get(key)
        if known is None:
            self.by_key[key] = len(self.requests)
            self.requests.append(request)
            return
        mine = self.requests[known]
        winner, loser = (request, mine) if _rank(request) > _rank(mine) else (mine, request)
        self.duplicates[loser.place.source] += 1
        self.requests[known] = winner

    def ordered(self) -> list[Request]:
        """Requests by start, those without a time in the order of their log."""
        return sorted(self.requests, key=_order)

    def merge(self, other: Record) -> None:
        """Take in another record. The union does not depend on the order of merging."""
        sources = {number: len(self.logs) + number for number in range(len(other.logs))}
        moved = self.tree.merge(other.tree, sources)
        self.logs += other.logs
        self.skipped += other.skipped
        self.duplicates.update(other.duplicates)
        for request in other.requests:
            self.add(_moved(request, moved))


def _key(request: Request) -> Hashable:
    """What makes a call one: the provider's id, else where it lies and what it says, for other logs may have its log's
    name, and other calls its line. In one tree equal prompts are one node."""
    if request.id:
        return request.id
    place = request.place
    return (
        place.source, place.offset, place.line, place.length, request.model, request.node, request.answer,
        request.started, request.ended, request.usage,
    )  # fmt: skip


def _rank(request: Request) -> tuple[bool, float, bool, bytes, int]:
    """Finished over unfinished, the later, what has a prompt over a bill alone, then by content; by its line last, as
    parts of a log count anew."""
    when, place = request.ended if request.ended is not None else request.started, request.place
    content = repr((request.usage, place.source, place.offset, request.model)).encode()
    digest = hashlib.blake2b(content).digest()
    told = request.knowledge is not Knowledge.COUNTS
    return request.finished, when if when is not None else float("-inf"), told, digest, place.line


def _order(request: Request) -> tuple[bool, float, str, int, int]:
    when = request.started
    return when is None, when or 0.0, request.place.source, request.place.offset, request.place.line


def _moved(request: Request, moved: list[int]) -> Request:
    """The request in a tree whose nodes have other numbers."""
    return replace(
        request,
        node=moved[request.node],
        answer=None if request.answer is None else moved[request.answer],
        breakpoints=tuple(Breakpoint(moved[mark.node], mark.ttl) for mark in request.breakpoints),
    )


# --- saving --------------------------------------------------------------------------------------------------------


class Saved(msgspec.Struct):
    """The record as it lies in a file."""

    version: int
    entries: list[Entry]
    parents: bytes
    segments: bytes
    ends: bytes
    requests: list[Request]
    logs: list[Log]
    skipped: list[Skipped]
    duplicates: dict[str, int]


def save(record: Record) -> bytes:
    """The record as bytes: equal records give equal bytes on every machine of one byte order."""
    tree = record.tree
    saved = Saved(
        VERSION, tree.entries, tree.parents.tobytes(), tree.segments.tobytes(), tree.ends.tobytes(),
        record.requests, record.logs, record.skipped, dict(sorted(record.duplicates.items())),
    )  # fmt: skip
    return MAGIC + zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(saved))


def load(content: bytes, name: str = "record") -> Record:
    """The record that `save` wrote. BrokenLog where it is damaged or of another version."""
    try:
        packed = zstandard.ZstdDecompressor().decompress(content.removeprefix(MAGIC))
        saved = msgspec.msgpack.decode(packed, type=Saved)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise BrokenLog(name, f"not a record of this version ({error}); save it again from its log") from error
    if saved.version != VERSION:
        raise BrokenLog(name, f"a record of version {saved.version}, this is {VERSION}; save it again from its log")
    try:
        tree = _tree(saved)
    except ValueError as error:
        raise BrokenLog(name, "a damaged record; save it again from its log") from error
    return Record(tree, saved.requests, saved.logs, saved.skipped, Counter(saved.duplicates), _keys(saved.requests))


def _tree(saved: Saved) -> Tree:
    tree = Tree(saved.entries)
    tree.parents, tree.segments, tree.ends = array("q"), array("q"), array("b")
    tree.parents.frombytes(saved.parents)
    tree.segments.frombytes(saved.segments)
    tree.ends.frombytes(saved.ends)
    tree.by_digest = {entry.digest: number for number, entry in enumerate(tree.entries)}
    pairs = zip(tree.parents[1:], tree.segments[1:], strict=True)
    tree.children = {node << 32 | segment: number for number, (node, segment) in enumerate(pairs, 1)}
    return tree


def _keys(requests: Iterable[Request]) -> dict[Hashable, int]:
    probe = Record()
    for request in requests:
        probe.add(request)
    return probe.by_key
