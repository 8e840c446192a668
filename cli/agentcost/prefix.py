"""The prefix tree: every distinct segment once, every distinct path of segments once.

Nodes are numbered as they are first seen, a parent always before its children; node 0 is the empty prefix.
Nothing that depends on those numbers may reach the user: two trees of the same content merge to the same union.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping

import msgspec

from agentcost.model import ROOT, Ends, Kind, Level, Mark, Segment


class Entry(msgspec.Struct, gc=False):
    """What the tree keeps of a segment once its text is let go.

    `place` is (source number, byte offset, byte length) of the record that first held it. `runs` are 8-byte
    digests of every 64-byte run of the canonical text, `counts` tokens by encoding, `characters` and `size`
    the text's length in characters and in UTF-8 bytes. `unordered` is the digest of what was sent as JSON whatever
    the order of its keys; b"" of anything else.
    """

    digest: bytes
    level: Level
    role: str
    kind: Kind
    name: str
    server: str
    opens_message: bool
    media: str
    tokens: int | None
    size: int
    characters: int
    place: tuple[int, int, int] = (-1, 0, 0)
    runs: bytes = b""
    marks: tuple[Mark, ...] = ()
    counts: dict[str, int] = {}
    unordered: bytes = b""


class Tree(msgspec.Struct):
    """Segments and nodes. `parents[n]` and `segments[n]` say what node n goes on from, and with what."""

    entries: list[Entry] = []
    parents: array[int] = msgspec.field(default_factory=lambda: array("q", [ROOT]))
    segments: array[int] = msgspec.field(default_factory=lambda: array("q", [-1]))
    ends: array[int] = msgspec.field(default_factory=lambda: array("b", [0]))
    by_digest: dict[bytes, int] = {}
    children: dict[int, int] = {}

    def __len__(self) -> int:
        """Nodes, the root included."""
        return len(self.parents)

    def child(self, node: int, segment: int, ends: Ends = Ends.NOTHING) -> int:
        """The node behind `segment` after `node`; made when it is new."""
        key = node << 32 | segment
        found = self.children.get(key)
        if found is None:
            found = self.children[key] = len(self.parents)
            self.parents.append(node)
            self.segments.append(segment)
            self.ends.append(ends)
        elif self.ends[found] | int(ends) != self.ends[found]:  # as integers: a flag's own operators are slow
            self.ends[found] |= int(ends)
        return found

    def add(self, entry: Entry) -> int:
        """The number of a segment; made when its digest is new."""
        found = self.by_digest.get(entry.digest)
        if found is None:
            found = self.by_digest[entry.digest] = len(self.entries)
            self.entries.append(entry)
        return found

    def path(self, node: int) -> list[int]:
        """The nodes from the first segment to `node`, the root left out."""
        found = []
        while node != ROOT:
            found.append(node)
            node = self.parents[node]
        return found[::-1]

    def entry(self, node: int) -> Entry:
        """The segment that a node ends with. The root has none."""
        return self.entries[self.segments[node]]

    def digests(self) -> list[bytes]:
        """A digest per node of its whole path: hash(digest(parent), digest(segment)); the root's is zero."""
        found = [bytes(16)]
        for parent, segment in zip(self.parents[1:], self.segments[1:], strict=True):
            joined = found[parent] + self.entries[segment].digest
            found.append(hashlib.blake2b(joined, digest_size=16).digest())
        return found

    def merge(self, other: Tree, sources: Mapping[int, int]) -> list[int]:
        """Take in another tree; returns where its nodes went. `sources` renumbers its sources."""
        numbers = [self._take(entry, sources) for entry in other.entries]
        moved = [ROOT]
        for parent, segment, ends in zip(other.parents[1:], other.segments[1:], other.ends[1:], strict=True):
            moved.append(self.child(moved[parent], numbers[segment], Ends(ends)))
        return moved

    def _take(self, entry: Entry, sources: Mapping[int, int]) -> int:
        source, offset, length = entry.place
        place = (sources.get(source, -1), offset, length)
        known = self.by_digest.get(entry.digest)
        if known is None:
            return self.add(copied(entry, place))
        mine = self.entries[known]
        mine.counts.update(entry.counts)
        if (place[0] < 0, place) < (mine.place[0] < 0, mine.place):
            mine.place = place
        return known


def copied(entry: Entry, place: tuple[int, int, int]) -> Entry:
    """The same segment at another place, sharing nothing that changes."""
    return Entry(
        entry.digest, entry.level, entry.role, entry.kind, entry.name, entry.server, entry.opens_message, entry.media,
        entry.tokens, entry.size, entry.characters, place, entry.runs, entry.marks, dict(entry.counts),
        entry.unordered,
    )  # fmt: skip


def entry_of(segment: Segment, place: tuple[int, int, int]) -> Entry:
    """A segment without its text."""
    text = segment.text
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return Entry(
        segment.digest, segment.level, segment.role, segment.kind, segment.name, segment.server,
        segment.opens_message, segment.media, segment.tokens, size, len(text), place,
    )  # fmt: skip


def shared_bytes(left: bytes, right: bytes) -> int:
    """How many bytes two texts surely share at their start, by their runs' digests; short by at most 63."""
    width, runs = 8, min(len(left), len(right)) // 8
    count = 0
    while count < runs and left[count * width : (count + 1) * width] == right[count * width : (count + 1) * width]:
        count += 1
    return count * 64
