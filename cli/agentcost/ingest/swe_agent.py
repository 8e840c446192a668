"""SWE-agent trajectories (`.traj`): one JSON document a run, its history of messages, no usage per request.

    {"history": [{"role": "system", "content": "…", "agent": "main"}, {"role": "user", "content": "…", "agent": "main"},
      {"role": "assistant", "content": "…", "thought": "…", "action": "ls", "agent": "main"}],
     "info": {"model_stats": {"tokens_sent": 9000, "api_calls": 1}}}

Every assistant message but those of demonstrations is one request, which sent what its agent's history held before
it. The log tells only sums of a run (`info.model_stats`), which cannot be split: usage is unknown. So are
times, and what the harness's history processors left out of a prompt (it may have sent old observations shortened).

Demonstrations (`is_demo`) are part of the prompt, written by whoever set the harness up: system prompt. A user
message behind the first answer is what a command gave back: a result of the tool that the answer's `action`
names, where that is one of SWE-agent's own commands, else of `bash`. With tool calls, results name their call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.documents import Element, read_document
from agentcost.ingest.exported import checked
from agentcost.ingest.trajectories import demonstration, observation
from agentcost.model import ROOT, Item, Knowledge, Other, Request, Segment, Skipped

_COMMANDS = frozenset({
    "open", "goto", "scroll_up", "scroll_down", "create", "edit", "insert", "search_dir", "search_file", "find_file",
    "str_replace_editor", "filemap", "submit",
})  # fmt: skip
"""Commands of SWE-agent's own interface; anything else is the shell."""


class _Agent(msgspec.Struct):
    """One agent's path so far; `pending` is what its next request is the first to send."""

    role: str
    pending: list[Segment]
    node: int = ROOT
    tool: str = ""
    calls: Calls = msgspec.field(default_factory=Calls)


class _Run(msgspec.Struct):
    """A run: its name, its model, and its agents by name, the first one leading."""

    name: str
    model: str
    hand: Hand
    agents: dict[str, _Agent] = {}

    def agent(self, name: str) -> _Agent:
        """The agent of a name; the tools the user captured stand before its history."""
        if name not in self.agents:
            tools = [segment for segment in self.hand.prefix if segment.level == "tools"]
            self.agents[name] = _Agent("subagent" if self.agents else "main", tools)
        return self.agents[name]


def sniff(peek: Peek) -> bool:
    """A document whose history is messages that name their agent, or (where it is long) has a trajectory too."""
    if "history" not in peek.keys:
        return False
    for record in peek.objects():
        history = record.get("history")
        first = history[0] if isinstance(history, list) and history else None
        return isinstance(first, dict) and {"role", "content", "agent"} <= set(first)
    return {"trajectory", "environment"} <= set(peek.keys)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every answer that a model gave; other messages are Others."""
    document = read_document(source, "history")
    run = _Run(source.name.rpartition("/")[2].removesuffix(".traj"), _model(document.head), hand)
    for element in document.elements:
        yield from checked(element.place, partial(_items, run, element))


def _items(run: _Run, element: Element) -> Iterator[Item]:
    yield _item(run, element)


def _model(head: Body) -> str:
    """The model that the configuration kept for replays names."""
    config: Any = head.get("replay_config")
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except ValueError:
            return ""
    for key in ("agent", "model"):
        config = config.get(key) if isinstance(config, dict) else None
    return str(config.get("name") or "") if isinstance(config, dict) else ""


def _item(run: _Run, element: Element) -> Item:
    message = element.value
    if element.reason or not isinstance(message, dict):
        return Skipped(element.place, element.reason or "not a message; mend or remove it")
    agent, role = run.agent(str(message.get("agent") or "")), str(message.get("role") or "")
    if role == "assistant" and not message.get("is_demo"):
        return _request(run, agent, element, message)
    agent.pending += _prompt_segments(agent, message, role)
    return Other(element.place, "demonstration" if message.get("is_demo") else f"{role} message")


def _prompt_segments(agent: _Agent, message: Body, role: str) -> list[Segment]:
    if message.get("is_demo"):
        return demonstration(role, message.get("content"))
    if role == "user" and agent.tool:
        return observation(message.get("content"), agent.tool)
    named = message.get("tool_call_ids")
    call_id = message.get("tool_call_id") or (named[0] if isinstance(named, list) and named else "")
    return openai_chat.elements([{**message, "tool_call_id": call_id}], 0, agent.calls)[0]


def _request(run: _Run, agent: _Agent, element: Element, message: Body) -> Request:
    grow, model = run.hand.grow, run.model
    node = [agent.node, *grow(agent.node, agent.pending, model)][-1]
    said = {"role": "assistant", **{key: value for key, value in message.items() if key in ("content", "tool_calls")}}
    answer = grow(node, openai_chat.elements([said], 0, agent.calls)[0], model)[-1]
    agent.pending, agent.node, agent.tool = [], answer, _command(message.get("action"))
    return Request(
        place=element.place,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=model.partition("/")[0].lower() if "/" in model else "",
        model=model,
        node=node,
        api="openai-chat",
        session=run.name,
        client="swe-agent",
        task=run.name,
        role=agent.role,
        answer=answer,
    )


def _command(action: Any) -> str:
    """The tool that an action calls."""
    word = str(action or "").strip().partition(" ")[0].partition("\n")[0]
    return word if word in _COMMANDS else "bash"


READER = Reader(
    name="swe-agent",
    about="SWE-agent trajectories (*.traj): the history of a run, with sums of usage for the run only",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"environment":"swe_main","trajectory":[],"history":[{"role":"system","content":"You are a programmer",'
        '"agent":"main"},{"role":"assistant","content":"Look around","action":"ls","agent":"main"}]}'
    ),
    identity="session, task: the file's name; client: swe-agent; user, project: none",
    sniff=sniff,
    read=read,
)
