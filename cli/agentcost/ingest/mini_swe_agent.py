"""mini-swe-agent trajectories: one JSON document a run, the messages with each answer's billed response beside it.

    {"info": {"model_stats": {"instance_cost": 0.01, "api_calls": 1}}, "instance_id": "acme__shop-7", "messages": [
      {"role": "system", "content": "…"}, {"role": "user", "content": "…"},
      {"role": "assistant", "content": "…", "extra": {"response": {"id": "gen-1", "usage": {…}}}}]}

Every request sends all messages before its answer, and no tools unless the answers hold tool calls: the prompt
is in the log as a whole. A user message behind the first answer is what a command gave back (the harness's
observation, or its complaint that an answer held no command), so it is a result of the tool `bash`. Of an answer
the next prompt holds the message only, not the reasoning that the response brought.

The recorded cost is the response's own `usage.cost` (OpenRouter), else what the harness computed (`extra.cost`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.documents import Element, read_document
from agentcost.ingest.exported import checked
from agentcost.ingest.times import moment
from agentcost.ingest.trajectories import observation
from agentcost.model import ROOT, Item, Knowledge, Other, Request, Segment, Skipped

_TOOL = "bash"


class _Run(msgspec.Struct, frozen=True):
    """What all requests of a run have in common."""

    name: str
    model: str
    client_type: str


class _Conversation(msgspec.Struct):
    """The path so far; `pending` are messages that the next request is the first to send."""

    run: _Run
    hand: Hand
    node: int = ROOT
    pending: list[Segment] = []
    answered: bool = False
    calls: Calls = msgspec.field(default_factory=Calls)


def sniff(peek: Peek) -> bool:
    """A document of messages that names its format, or the version of mini-swe-agent."""
    if not {"info", "messages"} <= set(peek.keys):
        return False
    for record in peek.objects():
        info = record.get("info")
        named = str(record.get("trajectory_format", "")).startswith("mini-swe-agent")
        return named or (isinstance(info, dict) and "mini_version" in info)
    return "trajectory_format" in peek.keys


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every answer; other messages are Others."""
    document = read_document(source, "messages")
    tools = [segment for segment in hand.prefix if segment.level == "tools"]  # the system prompt is a message here
    conversation = _Conversation(_run(document.head, source.name), hand, pending=tools)
    for element in document.elements:
        yield from checked(element.place, partial(_items, conversation, element))


def _items(conversation: _Conversation, element: Element) -> Iterator[Item]:
    yield _item(conversation, element)


def _run(head: Body, source: str) -> _Run:
    info = _inner(head, "info")
    config = _inner(info, "config")
    model = _inner(config, "model")
    name = str(head.get("instance_id") or source.rpartition("/")[2].partition(".traj")[0])
    return _Run(name, str(model.get("model_name") or ""), str(config.get("model_type") or ""))


def _item(conversation: _Conversation, element: Element) -> Item:
    message = element.value
    if element.reason or not isinstance(message, dict):
        return Skipped(element.place, element.reason or "not a message; mend or remove it")
    if message.get("object") == "response" or message.get("type") == "function_call_output":
        return Skipped(element.place, "a message of the Responses API, which is not read in these trajectories yet")
    role = str(message.get("role") or "")
    if role == "assistant":
        return _request(conversation, element, message)
    if role == "exit":
        return Other(element.place, "end of the run")
    conversation.pending += _prompt_segments(conversation, message, role)
    return Other(element.place, f"{role} message")


def _prompt_segments(conversation: _Conversation, message: Body, role: str) -> list[Segment]:
    if role == "user" and conversation.answered:
        return observation(message.get("content"), _TOOL)
    return openai_chat.elements([message], 0, conversation.calls)[0]


def _request(conversation: _Conversation, element: Element, message: Body) -> Request:
    extra = _inner(message, "extra")
    response, run, grow = _inner(extra, "response"), conversation.run, conversation.hand.grow
    model = str(response.get("model") or run.model)
    node = [conversation.node, *grow(conversation.node, conversation.pending, model)][-1]
    said = {"role": "assistant", **{key: value for key, value in message.items() if key in ("content", "tool_calls")}}
    answer = grow(node, openai_chat.elements([said], 0, conversation.calls)[0], model)[-1]
    conversation.pending, conversation.node, conversation.answered = [], answer, True
    provider, upstream = _provider(run, response)
    started, naive = moment(response.get("created") or extra.get("timestamp"))
    billed = _inner(response, "usage")
    return Request(
        place=element.place,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=provider,
        model=model,
        node=node,
        api="openai-chat",
        id=str(response.get("id") or ""),
        session=run.name,
        client="mini-swe-agent",
        task=run.name,
        tier=str(response.get("service_tier") or ""),
        started=started,
        naive_time=naive,
        usage=usage_of(billed),
        recorded_cost=_cost(billed.get("cost", extra.get("cost"))),
        answer=answer,
        settings=(("upstream", upstream),) if upstream else (),
    )


def _provider(run: _Run, response: Body) -> tuple[str, str]:
    """(who was called, who served it where that is another): OpenRouter names its back end in the response."""
    named = str(response.get("provider") or "")
    if "OpenRouter" in run.client_type or str(response.get("id")).startswith("gen-"):
        return "openrouter", named
    prefix = run.model.partition("/")[0] if "/" in run.model else ""
    return (named or prefix).lower(), ""


def _cost(value: Any) -> str:
    """A JSON number as a decimal text, to its last digit."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f"{Decimal(repr(value)):f}"


def _inner(value: Body, key: str) -> Body:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


READER = Reader(
    name="mini-swe-agent",
    about="mini-swe-agent trajectories (*.traj.json): messages with the provider's responses and their usage",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"info":{"mini_version":"1.15.0"},"trajectory_format":"mini-swe-agent-1","instance_id":"acme__shop-7","messages":'
        '[{"role":"user","content":"Fix the total"},{"role":"assistant","content":"ls"}]}'
    ),
    identity=(
        "session, task: instance_id, else the file's name; client: mini-swe-agent; user, project: none; "
        "settings.upstream: the provider behind OpenRouter"
    ),
    sniff=sniff,
    read=read,
)
