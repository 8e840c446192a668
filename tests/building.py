"""Records made by hand: segments of plain text, and requests that stand behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.replacing import replace

from agentcost.ingest import parts
from agentcost.ingest.parts import Spot
from agentcost.loading.growth import Growth
from agentcost.model import ROOT, Ends, Kind, Knowledge, Level, Place, Request, Segment
from agentcost.record import Log, Record

CLOSES = Ends.BLOCK | Ends.MESSAGE


def said(text: str, kind: Kind = Kind.USER, **more: Any) -> Segment:
    """A message of one block."""
    role = "assistant" if kind in (Kind.ASSISTANT, Kind.THINKING, Kind.TOOL_CALL) else "user"
    return parts.segment(Spot("messages", role, opens=True, ends=CLOSES), kind, text, **more)


def system(text: str) -> Segment:
    """A block of the system prompt."""
    return parts.segment(Spot("system", "system"), Kind.SYSTEM, text)


def tool(name: str, text: str = "does things") -> Segment:
    """A tool's definition."""
    level: Level = "tools"
    return parts.tool_definition(Spot(level, "system"), name, text)


def words(*texts: str) -> list[Segment]:
    """Messages, of the user and the assistant in turn."""
    return [said(text, Kind.ASSISTANT if number % 2 else Kind.USER) for number, text in enumerate(texts)]


@dataclass
class Maker:
    """A record in the making: `send` puts a request into it."""

    source: str = "made.jsonl"
    record: Record = field(default_factory=Record)
    threads: bool = False
    growth: Growth = field(init=False)

    def __post_init__(self) -> None:
        self.growth = Growth(self.record.tree, threads=self.threads)
        self.record.logs.append(Log(self.source, "made"))

    def send(self, segments: Sequence[Segment], *, answer: Sequence[Segment] = (), **more: Any) -> Request:
        """A request of these segments; its place is the next line."""
        log = self.record.logs[0]
        fields = {"model": "gpt-4o", "provider": "openai", "knowledge": Knowledge.FULL, "format": "made", **more}
        nodes = self.growth.grow(ROOT, segments, fields["model"])
        node = nodes[-1] if nodes else ROOT
        replies = self.growth.grow(node, answer, fields["model"])
        place = Place(self.source, log.records + 1, log.records * 100, 100)
        request = Request(**{"place": place, "node": node, "answer": replies[-1] if replies else None, **fields})
        log.records, log.requests, log.lines = log.records + 1, log.requests + 1, log.lines + 1
        self.growth.settle((0, request.place.offset, 100))
        self.record.add(request)
        return request

    def made(self) -> Record:
        """The record, every text counted."""
        self.growth.finish()
        return self.record


def canonical(record: Record) -> tuple[object, ...]:
    """What a record says, free of its numbers."""
    digests = record.tree.digests()

    def written(request: Request) -> str:
        marks = [(digests[mark.node], mark.ttl) for mark in request.breakpoints]
        answer = None if request.answer is None else digests[request.answer]
        return repr((digests[request.node], answer, marks, replace(request, node=0, answer=None, breakpoints=())))

    nodes = sorted(zip(digests, record.tree.ends, strict=True))
    return nodes, sorted(map(written, record.requests)), +record.duplicates
