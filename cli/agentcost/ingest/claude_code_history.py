"""What stood before each call of a Claude Code session, grown once.

Records name the record before them, and a call's answer is several records. Tools run while it is still being
written, so the log interleaves what the next prompt holds in order:

    answer "I look" ◄─ answer tool 1 ◄─ result 1 ◄─ answer tool 2 ◄─ result 2        as logged
    assistant: "I look", tool 1, tool 2;  user: result 1, result 2                   as sent

and where results hang side by side on their own tool calls, only one of them is an ancestor of the next call.
So an answer takes its blocks in the order of the log, and all results of its tools, whichever of them a later record
goes on from.
"""

from __future__ import annotations

from itertools import accumulate

import msgspec
from msgspec.structs import replace

from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.contract import Hand
from agentcost.ingest.turns import Part, turn_segments, without
from agentcost.model import ROOT, Ends, Segment


class Answer(msgspec.Struct):
    """A call: the `prompt` it was given, and its answer as far as the log has come.

    `leaf` is the node behind the answer's blocks, `behind` the one behind the results that a call went on from,
    `results` are those that wait for one. `last` is the answer's last segment and the node before it.
    """

    model: str
    prompt: int
    leaf: int
    started: float | None
    latest: float | None = None
    last: tuple[int, Segment] | None = None
    results: list[Part] = []
    behind: int | None = None
    continued: bool = False


class Step(msgspec.Struct):
    """A record that says something, behind another; `node` is set when a call has read it, and the text let go."""

    before: Point
    answer: Answer | None
    part: Part | None
    role: str
    time: float | None
    node: int | None = None


Point = Step | Answer | None
"""Where a conversation stands: behind a record, behind an answer and its results, or at its beginning."""


def later(one: float | None, other: float | None) -> float | None:
    """The later of two times, either of which may be unknown."""
    return max((time for time in (one, other) if time is not None), default=None)


def answer_of(point: Point) -> Answer | None:
    """The last answer at or before a point."""
    return point.answer if isinstance(point, Step) else point


def said(before: Point, part: Part, time: float | None) -> Step:
    """The point behind a record that answers no tool."""
    return Step(before, answer_of(before), part, part.role, time)


class _Base(msgspec.Struct, frozen=True):
    """The grown part of a path: its last node, whose words it ends with, since when; and the results that wait."""

    node: int
    role: str = ""
    since: float | None = None
    results: tuple[Part, ...] = ()


class History(msgspec.Struct):
    """The conversations of one log. `calls` tells which tool a result is of."""

    hand: Hand
    calls: Calls = msgspec.field(default_factory=Calls)

    def ask(self, before: Point, model: str, prefixed: bool, at: float | None) -> Answer:
        """A new call with its prompt grown. `at` is when the first record of its answer was written.

        A conversation begins with the user's captured prefix where it is `prefixed`: sub-agents have another one.
        """
        waiting, point = _waiting(before)
        base = self._base(point, model, prefixed)
        turn = [*base.results, *(step.part for step in waiting if step.part)]
        lists = turn_segments(turn, self.calls, bool(turn) and turn[0].role == base.role)
        nodes = self.hand.grow(base.node, [segment for segments in lists for segment in segments], model)
        behind = [nodes[count - 1] for count in accumulate(map(len, lists))]
        if isinstance(point, Answer) and base.results:
            point.behind, point.results = behind[len(base.results) - 1], []
        since = base.since
        for step, node in zip(waiting, behind[len(base.results) :], strict=True):
            step.node, step.part, step.before = node, None, None
            since = later(since, step.time)
        prompt = nodes[-1] if nodes else base.node
        return Answer(model, prompt, prompt, at if since is None or (at is not None and at < since) else since)

    def _base(self, point: Point, model: str, prefixed: bool) -> _Base:
        if isinstance(point, Answer):
            self.close(point)
            results = tuple(point.results)
            if point.behind is None:
                return _Base(point.leaf, "assistant", point.latest, results)
            return _Base(point.behind, "user", point.latest, results)
        if point:
            return _Base(point.node or ROOT, point.role, point.time)
        nodes = self.hand.grow(ROOT, self.hand.prefix, model) if prefixed else []
        return _Base(nodes[-1] if nodes else ROOT)

    def write(self, answer: Answer, blocks: list[Body], time: float | None) -> None:
        """More of an answer. What a later call has gone on from is complete: more of it is a repeat."""
        answer.latest = later(answer.latest, time)
        if not blocks or answer.continued:
            return
        segments = turn_segments([Part("assistant", blocks)], self.calls, answer.last is not None)[0]
        open_end = without(segments[-1], Ends.MESSAGE | Ends.TOOL_RUN)
        nodes = self.hand.grow(answer.leaf, [*segments[:-1], open_end], answer.model)
        answer.last = [answer.leaf, *nodes][-2], replace(segments[-1], text="")
        answer.leaf = nodes[-1]

    def close(self, answer: Answer) -> None:
        """No block follows: the answer's last one ends its message."""
        if answer.last:
            self.hand.grow(answer.last[0], [answer.last[1]], answer.model)
        answer.last, answer.continued = None, True


def receive(answer: Answer, results: Part, time: float | None) -> None:
    """A tool that the answer called has given its results."""
    answer.results.append(results)
    answer.latest = later(answer.latest, time)


def _waiting(point: Point) -> tuple[list[Step], Point]:
    """The steps up to a point that no call has read yet, the oldest first, and the point before them."""
    found = []
    while isinstance(point, Step) and point.node is None:
        found.append(point)
        point = point.before
    return found[::-1], point
