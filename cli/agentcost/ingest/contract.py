"""What a reader of a log format gets and gives: the source, the peek it sniffs, the reader's own entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from agentcost.model import Grow, Item, Knowledge, Place, Segment


class Line(msgspec.Struct):
    """One line of a log: bytes `start` to `end` of `buffer`, without its line end.

    `number` counts from 1, `offset` is the byte offset in the (decompressed) source.
    """

    buffer: bytes
    start: int
    end: int
    number: int
    offset: int

    def bytes(self) -> bytes:
        """The line's bytes, copied out of the buffer."""
        return self.buffer[self.start : self.end]


class Source(Protocol):
    """A log as the user named it: a file, a member of a folder, or standard input; decompressed."""

    @property
    def name(self) -> str:
        """The name the user knows it by."""

    def peek(self) -> Peek:
        """The beginning, for sniffing. Never consumes."""

    def lines(self) -> Iterator[Line]:
        """Every line that is not blank, in order."""

    def whole(self) -> bytes:
        """All of it, for formats that are one JSON document."""


class Peek(msgspec.Struct, frozen=True):
    """The beginning of a log.

    `head` is at least the first line (up to 32 MiB) or the first MiB; `records` are the objects and lists of its
    first complete lines (at most 20), or the one JSON document that fits in it; `keys` are the keys of
    the first JSON object as far as the head shows them, also where that object does not end in it;
    `complete` says that the head is the whole source.
    """

    name: str
    head: bytes
    records: tuple[Any, ...]
    keys: tuple[str, ...]
    complete: bool

    def objects(self) -> Iterator[dict[str, Any]]:
        """The records that are JSON objects."""
        return (record for record in self.records if isinstance(record, dict))


class Hand(msgspec.Struct, frozen=True):
    """What a reader is handed beside the source.

    `grow` puts segments into the prefix tree; `prefix` is the user's captured system prompt and tools, to
    stand before every transcript's history; `columns` maps our names to a table's (`input=ContextTokens`).
    `answers` gives the nodes of answers that were read before, by the provider's id.
    """

    grow: Grow
    prefix: tuple[Segment, ...] = ()
    columns: Mapping[str, str] = {}
    answers: Mapping[str, int] = {}


class Origin(StrEnum):
    """What a reader was written from; of a documented format its documents and sources alone, for want of a log."""

    RECORDED = "recorded logs"
    DOCUMENTED = "documentation"


class Reader(msgspec.Struct, frozen=True):
    """A log format. `sniff` says whether a log is in it; `read` turns every record into one item.

    A log that is in the format and broken as a whole raises BrokenLog; a broken record is a Skipped.
    `example` is one line of such a log; `identity` says where session, user, project, client and task
    come from. `standalone` means every line can be read without the lines before it, so that a log may be
    split and may be read on from where it ended. `unseen` are the parts of a recorded format that only documents
    tell of.
    """

    name: str
    about: str
    knowledge: Knowledge
    example: str
    identity: str
    sniff: Callable[[Peek], bool]
    read: Callable[[Source, Hand], Iterator[Item]]
    standalone: bool = False
    origin: Origin = Origin.RECORDED
    unseen: str = ""

    @property
    def learned(self) -> str:
        """What it was written from, in words: `recorded logs; Bailian from documentation`."""
        return f"{self.origin}; {self.unseen} from {Origin.DOCUMENTED}" if self.unseen else str(self.origin)


def place(source: Source, line: Line) -> Place:
    """Where a line lies."""
    return Place(source.name, line.number, line.offset, line.end - line.start)
