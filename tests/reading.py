"""What tests of readers need: a log in memory, and a prefix tree that only numbers its nodes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentcost.ingest.contract import Hand, Line, Peek, Reader, Source
from agentcost.model import ROOT, Item, Request, Segment

ROOT_FOLDER = Path(__file__).parents[1]
FIXTURES = ROOT_FOLDER / "fixtures"
SHARED = ROOT_FOLDER.parent / "shared" / "data"
"""Recorded logs that are not part of the repository."""

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded sample logs are not here")


class Growth:
    """A prefix tree in memory: `grow` numbers nodes from 1, equal digests behind one parent are one node."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[int, bytes], int] = {}
        self.parent: list[int] = [ROOT]
        self.segment: list[Segment | None] = [None]
        self.models: list[str] = [""]
        self.asked = 0

    def grow(self, node: int, segments: Sequence[Segment], model: str) -> list[int]:
        """The node behind each segment."""
        grown = []
        for segment in segments:
            self.asked += 1
            key = (node, segment.digest)
            if key not in self.nodes:
                self.nodes[key] = len(self.parent)
                self.parent.append(node)
                self.segment.append(segment)
                self.models.append(model)
            node = self.nodes[key]
            grown.append(node)
        return grown

    def path(self, node: int) -> list[Segment]:
        """The segments from the root to a node."""
        return [segment for step in self.steps(node) if (segment := self.segment[step]) is not None]

    def steps(self, node: int) -> list[int]:
        """The nodes from the root (left out) to a node."""
        found = []
        while node != ROOT:
            found.append(node)
            node = self.parent[node]
        return found[::-1]


@dataclass(frozen=True)
class MemorySource:
    """A log that is a bytes object."""

    name: str
    data: bytes

    def peek(self) -> Peek:
        """The whole of it, its first 20 records decoded."""
        return Peek(self.name, self.data, self._records(), self._keys(), complete=True)

    def _records(self) -> tuple[object, ...]:
        try:
            return (json.loads(self.data),)
        except ValueError:
            return tuple(_decoded(line.bytes()) for line in list(self.lines())[:20])

    def _keys(self) -> tuple[str, ...]:
        first = next((record for record in self._records() if record is not None), None)
        return tuple(first) if isinstance(first, dict) else ()

    def lines(self) -> Iterator[Line]:
        """Every line that is not blank."""
        offset = 0
        for number, text in enumerate(self.data.split(b"\n"), 1):
            end = offset + len(text.rstrip(b"\r"))
            if text.strip():
                yield Line(self.data, offset, end, number, offset)
            offset += len(text) + 1

    def whole(self) -> bytes:
        """All of it."""
        return self.data


def _decoded(text: bytes) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value


def memory_source(name: str, data: bytes | str) -> Source:
    """A log in memory."""
    return MemorySource(name, data.encode() if isinstance(data, str) else data)


@dataclass(frozen=True)
class Reading:
    """What a reader made of a log, and the tree it grew."""

    items: list[Item]
    tree: Growth = field(repr=False)

    @property
    def requests(self) -> list[Request]:
        """The requests alone."""
        return [item for item in self.items if isinstance(item, Request)]


def read_all(reader: Reader, source: Source, columns: Mapping[str, str] | None = None) -> Reading:
    """Everything a reader makes of a log."""
    tree = Growth()
    return Reading(list(reader.read(source, Hand(tree.grow, columns=columns or {}))), tree)


def read_file(reader: Reader, path: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Everything a reader makes of a file, named by its last part."""
    return read_all(reader, memory_source(path.name, path.read_bytes()), columns)


def quantile(values: Sequence[int], part: float) -> int:
    """The ceil(part * n)-th smallest, as the truths define it."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def reused(reading: Reading, *, by_model: bool = False) -> int:
    """Prompt tokens an infinite cache would serve: of every path, the longest beginning some earlier path had."""
    seen: set[tuple[str, int]] = set()
    total = 0
    for request in sorted(reading.requests, key=lambda request: request.started or 0.0):
        keys = [(request.model if by_model else "", step) for step in reading.tree.steps(request.node)]
        known = next((depth for depth, key in enumerate(keys) if key not in seen), len(keys))
        total += sum(segment.tokens or 0 for segment in reading.tree.path(request.node)[:known])
        seen.update(keys)
    return total


def claimed(reader: Reader) -> Counter[str]:
    """The folders of the recorded logs with files that a reader says are its own, and how many."""
    files = [path for path in SHARED.rglob("*") if path.is_file()]
    peeks = ((path, memory_source(path.name, path.read_bytes()[: 1 << 20]).peek()) for path in files)
    return Counter(path.parent.name for path, peek in peeks if reader.sniff(peek))
