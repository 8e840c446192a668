"""The prompts of an OpenHands conversation: what its model was shown of its events, call by call.

A condensation takes events out of later prompts and puts a summary in their place. A call without its result, and a
result without its call, are not sent. Where an event names another one than the last as its parent, the conversation
went back there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.openhands_events import Event
from agentcost.model import ROOT, Grow, Kind, Knowledge, Segment

_READ_AGAIN = ("kimi-k2", "kimi-k3", "minimax-m2", "deepseek-reasoner", "deepseek-v4")
"""Models that are sent their earlier reasoning as text, by a part of their names."""


class Conversation(msgspec.Struct):
    """A conversation as far as it went: `view` are the events that a prompt may show, by number; `shown` is their set.

    `grown` are those of the last prompt and its answer, and `node` stands behind them; the first `settled` of both
    are the same. `makers` and `results` are the events of tool calls, `servers` the MCP servers of tools.
    """

    grow: Grow
    prefix: Sequence[Segment]
    servers: Mapping[str, str]
    events: list[Event] = []
    numbers: dict[str, int] = {}
    view: list[int] = []
    grown: list[int] = []
    settled: int = 0
    node: int = ROOT
    calls: Calls = msgspec.field(default_factory=Calls)
    shown: set[int] = set()
    makers: dict[str, int] = {}
    results: dict[str, int] = {}
    marks: dict[str, tuple[Kind, str]] = {}

    def turn(self, event: Event) -> None:
        """Go to where an event goes on from."""
        parent = self.numbers.get(event.parent)
        if parent is None or parent + 1 == len(self.events):
            return
        path = [parent]
        while (before := self._before(path[-1])) is not None:
            path.append(before)
        self.view, self.shown, self.settled = [], set(), 0
        for number in reversed(path):
            self._show(number)

    def _before(self, number: int) -> int | None:
        """The event before another one on its path; those that name none follow each other."""
        named = self.events[number].parent
        before = self.numbers.get(named) if named else number - 1
        return before if before is not None and 0 <= before < number else None

    def hear(self, event: Event) -> int:
        """An event that later prompts may show; its number."""
        number = len(self.events)
        self.events.append(event)
        self.numbers |= dict.fromkeys(event.ids, number)
        self.marks |= {text: (kind, name) for text, kind, name in event.marks}
        self.makers |= dict.fromkeys(event.calls, number)
        if event.result_of:
            self.results[event.result_of] = number
        self._show(number)
        return number

    def _show(self, number: int) -> None:
        event = self.events[number]
        if event.forgets or event.offset is not None:
            summary = event.message is not None
            self.view = [one for one in self.view if not self._forgotten(one, event.forgets, summary)]
            if summary:
                self.view.insert(len(self.view) if event.offset is None else event.offset, number)
            self.shown, self.settled = set(self.view), 0
        elif event.message is not None:
            self.view.append(number)
            self.shown.add(number)

    def _forgotten(self, number: int, forgets: frozenset[str], summary: bool) -> bool:
        """Whether an event is to be left out; a new summary takes the place of the one before."""
        event = self.events[number]
        if event.offset is not None:
            return summary or f"{event.ids[0]}-summary" in forgets
        return not forgets.isdisjoint(event.ids)

    def _whole(self, number: int) -> bool:
        """Whether all calls of an event have their results, or the call is there that it is the result of."""
        event = self.events[number]
        if event.result_of:
            maker = self.makers.get(event.result_of)
            return maker is not None and maker in self.shown and self._whole(maker)
        return all(self.results.get(call) in self.shown for call in event.calls)

    def ask(self, model: str) -> int:
        """The node of a prompt of all that is shown."""
        shown = [number for number in self.view[self.settled :] if self._whole(number)]
        more = len(self.grown) - self.settled
        if not self.grown or self.grown[self.settled :] != shown[:more]:
            self.node, self.grown, self.settled, more = ROOT, [], 0, 0
            shown = [number for number in self.view if self._whole(number)]
        self._extend(shown[more:], model)
        while self.settled < len(self.grown) and self.view[self.settled] == self.grown[self.settled]:
            self.settled += 1
        return self.node

    def answer(self, event: Event, model: str) -> int:
        """The node behind an answer to what was asked last."""
        self._extend([self.hear(event)], model)
        return self.node

    def _extend(self, numbers: Sequence[int], model: str) -> None:
        """Put events behind the path, the captured prefix and the tools before the first of them."""
        events = [self.events[number] for number in numbers]
        messages = [_sent(event.message, model) for event in events if event.message]
        captured = () if self.grown else self.prefix
        levels = {part.level for part in captured}
        tools = [tool.body for event in events for tool in event.tools] if "tools" not in levels else []
        if "system" in levels:
            messages = [message for message in messages if message["role"] != "system"]
        api, body = retold.body_of(model, messages, tools)
        segments = [*captured, *api.head(body)] if tools or body.get("system") else [*captured]
        segments += [part for group in api.elements(body[api.growing], 0, self.calls) for part in group]
        self.grown += numbers
        if segments:
            self.node = self.grow(self.node, [self._named(part) for part in segments], model)[-1]

    def _named(self, part: Segment) -> Segment:
        """A segment as what the events say that it is."""
        if part.text in self.marks:
            kind, name = self.marks[part.text]
            return replace(part, kind=kind, name=name)
        server = self.servers.get(part.name, "") if part.name else ""
        if not server or part.server:
            return part
        return replace(part, server=server, kind=Kind.MCP_TOOL if part.kind is Kind.TOOL else part.kind)


def _sent(message: Body, model: str) -> Body:
    """A message as it is sent to a model: Claude is sent its thinking as blocks, few others theirs at all."""
    if "claude" in model.lower() and message["role"] == "assistant":
        blocks = message.get("thinking_blocks")
        kept = blocks if isinstance(blocks, list) else []
        return {**message, "reasoning_content": "", "content": [*kept, *message["content"]]}
    if message.get("reasoning_content") and not any(name in model.lower() for name in _READ_AGAIN):
        return {**message, "reasoning_content": ""}
    return message


def servers_of(events: Sequence[Event], configured: Body) -> dict[str, str]:
    """The MCP server of every tool that has one; of several the one whose name begins the tool's."""
    servers = configured.get("mcpServers", configured)
    names = sorted(map(str, servers), key=len, reverse=True) if isinstance(servers, dict) else []
    tools = [tool.body["function"]["name"] for event in events for tool in event.tools if tool.mcp]
    return {tool: _server(tool, names) for tool in tools}


def knowledge_of(events: Sequence[Event]) -> Knowledge:
    """Whether all that was sent is in the events: the system prompt, and tools with their parameters."""
    tools = [tool for event in events for tool in event.tools]
    return Knowledge.FULL if tools and all(tool.whole for tool in tools) else Knowledge.TRANSCRIPT


def _server(tool: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return next((name for name in names if tool.startswith(f"{name}_")), "mcp")
