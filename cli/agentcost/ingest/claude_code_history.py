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

from dataclasses import dataclass, field

from agentcost.ingest.apis.contract import Calls
from agentcost.ingest.contract import Hand
from agentcost.ingest.turns import Part, turn_segments
from agentcost.model import Segment


@dataclass(slots=True)
class Answer:
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
    results: list[Part] = field(default_factory=list)
    behind: int | None = None
    continued: bool = False


@dataclass(slots=True)
class Step:
    """A record that says something, behind another; `node` is set when a call has read it, and the text let go."""

    before: Point
    answer: Answer | None
    role: str
    part: Part | None
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


@dataclass(slots=True)
class History:
    """The conversations of one log. `calls` tells which tool a result is of."""

    hand: Hand
    calls: Calls = field(default_factory=Calls)

    def say(self, before: Point, part: Part, time: float | None) -> Point:
        """The point behind a part that does not answer a tool."""
        return Step(before, answer_of(before), part.role, part, time)

    def ask(self, before: Point, model: str, own_prefix: bool, at: float | None) -> Answer:
        """A new call, its prompt grown. `at` is when its first record was written."""
        base, waiting = _waiting(before)
        turn = [step.part for step in waiting if step.part]
        node, goes_on, since = self._base(base, turn, model, own_prefix)
        lists = turn_segments(turn, self.calls, goes_on)
        nodes = self.hand.grow(node, [segment for segments in lists for segment in segments], model)
        number = 0
        results = len(turn) - len(waiting)
        del results
        for step, segments in zip(waiting, lists, strict=True):
            number += len(segments)
            step.node, step.part, step.before = nodes[number - 1], None, None
            since = later(since, step.time)
        prompt = nodes[-1] if nodes else node
        started = since if since is not None and (at is None or since <= at) else at
        return Answer(model, prompt, prompt, started)
