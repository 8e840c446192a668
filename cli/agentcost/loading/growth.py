"""New segments on their way into the prefix tree: their text is counted, digested by runs, scanned, and let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy

from agentcost.ingest.parts import unordered_of
from agentcost.marks import marks_of
from agentcost.model import Kind, Segment
from agentcost.prefix import Entry, Tree, entry_of
from agentcost.tokens.counters import Engine, counter, version_of
from agentcost.tokens.counts import Counts
from agentcost.tokens.encodings import encoding_of

_BATCH = 1_000_000
"""Characters of text held until they are counted together."""

_FIXED = frozenset({Kind.SYSTEM, Kind.TOOL, Kind.MCP_TOOL, Kind.SKILL, Kind.MEMORY})
"""Kinds that should not change within a session: only in them a volatile mark is a finding."""

_UNCOUNTED = -1


def tokenizer_of(model: str) -> str:
    """The name of the encoding that counts a model's text."""
    return encoding_of(model).name


class Pending(msgspec.Struct):
    """A new text that waits to be counted in one encoding; `fresh` when it is also new to the tree."""

    entry: Entry
    segment: Segment
    encoding: str
    fresh: bool


class Growth(msgspec.Struct):
    """Puts segments into a tree. Call `settle` when a record ends and `finish` when the log does.

    With `threads`, texts are counted beside the reading, one batch at a time.
    """

    tree: Tree
    engine: Engine = "splintr"
    cache: Path | None = None
    threads: bool = True
    pending: list[Pending] = []
    characters: int = 0
    unplaced: int = 0
    stores: dict[str, Counts] = {}
    beside: ThreadPoolExecutor | None = None
    batch: Future[None] | None = None

    def grow(self, node: int, segments: Sequence[Segment], model: str) -> list[int]:
        """The nodes behind each segment of a path that goes on from `node`."""
        tree, encoding, nodes = self.tree, tokenizer_of(model), []
        for segment in segments:
            number = tree.by_digest.get(segment.digest)
            if number is None:
                entry = entry_of(segment, (-1, 0, 0))
                number = tree.add(entry)
                self._wait(Pending(entry, segment, encoding, fresh=True))
            elif encoding not in tree.entries[number].counts and segment.tokens is None:
                self._wait(Pending(tree.entries[number], segment, encoding, fresh=False))
            node = tree.child(node, number, segment.ends)
            nodes.append(node)
        return nodes

    def _wait(self, new: Pending) -> None:
        if new.segment.text:
            new.entry.counts[new.encoding] = _UNCOUNTED
            self.pending.append(new)
            self.characters += len(new.segment.text) + len(new.segment.lead)

    def settle(self, place: tuple[int, int, int]) -> None:
        """The record at `place` has ended: what was new in it lies there."""
        entries = self.tree.entries
        for number in range(self.unplaced, len(entries)):
            entries[number].place = place
        self.unplaced = len(entries)
        if self.characters > _BATCH:
            self.flush()

    def flush(self) -> None:
        """Count, digest and scan the texts that wait, and let them go: beside what follows, where threads may run."""
        pending, self.pending, self.characters = self.pending, [], 0
        if not self.threads:
            self._settle_texts(pending)
            return
        if self.beside is None:
            self.beside = ThreadPoolExecutor(1)
        if self.batch:
            self.batch.result()  # one batch at a time: texts must not pile up
        self.batch = self.beside.submit(self._settle_texts, pending)

    def _settle_texts(self, pending: Sequence[Pending]) -> None:
        for encoding in {new.encoding for new in pending}:
            self._count(encoding, [new for new in pending if new.encoding == encoding])
        fresh = [new for new in pending if new.fresh]
        for new, runs in zip(fresh, runs_of([new.segment.text for new in fresh]), strict=True):
            new.entry.runs = runs
            new.entry.unordered = unordered_of(new.segment)
        fixed = [new for new in fresh if new.segment.kind in _FIXED]
        for new, marks in zip(fixed, marks_of([new.segment.text for new in fixed]), strict=True):
            new.entry.marks = marks

    def _count(self, encoding: str, pending: Sequence[Pending]) -> None:
        store = self._store(encoding)
        unknown = []
        for new in pending:
            known = store.get(new.segment.digest) if store else None
            if known is None:
                unknown.append(new)
            else:
                new.entry.counts[encoding] = known
        if not unknown:
            return  # a vocabulary takes longer to load than a small log to read
        count_all = counter(encoding, self.engine, self.threads).count_all
        for new, count in zip(unknown, _counts([new.segment for new in unknown], count_all), strict=True):
            new.entry.counts[encoding] = count
            if store:
                store.put(new.segment.digest, count)

    def _store(self, encoding: str) -> Counts | None:
        if self.cache is None:
            return None
        found = self.stores.get(encoding)
        if found is None:
            version = version_of(encoding, self.engine)
            found = self.stores[encoding] = Counts(self.cache, encoding, version)
        return found

    def finish(self) -> None:
        """Nothing more comes: count the rest and keep the counts."""
        self.flush()
        if self.batch:
            self.batch.result()
        if self.beside:
            self.beside.shutdown()
            self.beside, self.batch = None, None
        for store in self.stores.values():
            store.save()


def _counts(segments: Sequence[Segment], count_all: Callable[[Sequence[str]], list[int]]) -> list[int]:
    """Tokens of each segment; of one that follows a lead, what it adds to the lead's."""
    led = [segment for segment in segments if segment.lead]
    counts = count_all([segment.lead + segment.text if segment.lead else segment.text for segment in segments])
    leads = iter(count_all([segment.lead for segment in led]))
    return [count - next(leads) if segment.lead else count for segment, count in zip(segments, counts, strict=True)]


_ODD = numpy.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93,
     0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 0x2545F4914F6CDD1D, 0x9FB21C651E98DF25], dtype=numpy.uint64,
)  # fmt: skip
"""Odd 64-bit constants of published mixing functions (splitmix64, MurmurHash3)."""


def runs_of(texts: Sequence[str]) -> list[bytes]:
    """8-byte digests of every whole 64-byte run of each text, all texts in one pass.

    Good enough to tell how far two texts go together; no proof that they do.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    whole = [len(piece) // 64 for piece in encoded]
    joined = b"".join(piece[: 64 * runs] for piece, runs in zip(encoded, whole, strict=True))
    words = numpy.frombuffer(joined, dtype="<u8").reshape(-1, 8)
    mixed = (words ^ (words >> numpy.uint64(29))) * _ODD
    digests = (mixed ^ (mixed >> numpy.uint64(32))).sum(axis=1, dtype=numpy.uint64).astype("<u8").tobytes()
    found, at = [], 0
    for runs in whole:
        found.append(digests[8 * at : 8 * (at + runs)])
        at += runs
    return found
