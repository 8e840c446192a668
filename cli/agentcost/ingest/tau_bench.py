"""tau-bench results: the conversations of an agent with a simulated user, task by task.

    [{"task_id": 0, "reward": 1.0, "info": {…}, "traj": [{"role": "system", "content": "…"}, …], "trial": 0}]
    {"info": {"agent_info": {"llm": "gpt-4.1"}, …}, "simulations": [{"id": "s1", "task_id": "0", "messages": [
      {"role": "assistant", "content": "…", "usage": {"prompt_tokens": 900, "completion_tokens": 20}, "cost": 0.002}]}]}

From the documentation of tau-bench (a list of results) and tau2-bench (simulations). Every message of the assistant is
one request; tools are not in the results, and of tau-bench neither the model nor a bill. What tau2's simulated user
was billed is a side call of which only the length is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec

from agentcost.ingest import retold
from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Calls, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.times import moment
from agentcost.model import ROOT, Item, Knowledge, Other, Place, Request, Segment, Skipped


class _Run(msgspec.Struct):
    """A conversation: the path so far, and what the next request is the first to send."""

    where: Place
    hand: Hand
    identity: Identity
    model: str
    user_model: str
    node: int
    pending: list[Segment]
    calls: Calls = msgspec.field(default_factory=Calls)
    since: float | None = None


def sniff(peek: Peek) -> bool:
    """A result with its trajectory and reward, or simulations of an agent."""
    return any(_is_result(record) or _is_tau2(record) for record in peek.objects()) or {
        "info", "tasks", "simulations",
    } <= set(peek.keys)  # fmt: skip


def _is_result(record: Body) -> bool:
    return {"task_id", "reward", "traj"} <= record.keys() and isinstance(record["traj"], list)


def _is_tau2(record: Body) -> bool:
    return isinstance(record.get("simulations"), list) and "agent_info" in object_of(record.get("info"))


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every message of an assistant; others are Others."""
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif _is_result(record.value):
            yield from checked(record.place, partial(_result, record.value, record.place, hand))
        elif _is_tau2(record.value):
            for simulation in objects_of(record.value["simulations"]):
                yield from checked(record.place, partial(_simulation, record.value, simulation, record.place, hand))
        else:
            yield Other(record.place, "record of another kind")


def _result(record: Body, where: Place, hand: Hand) -> Iterator[Item]:
    task, info = str(record["task_id"]), object_of(record.get("info"))
    model = text_at(info, "model", "agent_model")
    session = f"{task}:{record.get('trial', 0)}"
    tools = [segment for segment in hand.prefix if segment.level == "tools"]  # the system prompt is a message here
    yield from _messages(_run(where, hand, (session, task), (model, ""), tools), record["traj"])


def _simulation(record: Body, simulation: Body, where: Place, hand: Hand) -> Iterator[Item]:
    info, task = object_of(record["info"]), str(simulation.get("task_id", ""))
    models = tuple(text_at(object_of(info.get(key)), "llm") for key in ("agent_info", "user_info"))
    session = text_at(simulation, "id") or f"{task}:{simulation.get('trial', 0)}"
    run = _run(where, hand, (session, task), (models[0], models[1]), list(hand.prefix))
    yield from _messages(run, simulation.get("messages") or [])


def _run(where: Place, hand: Hand, names: tuple[str, str], models: tuple[str, str], pending: list[Segment]) -> _Run:
    session, task = names
    identity = Identity(session=session, client="tau-bench", task=task)
    return _Run(where, hand, identity, models[0], models[1], ROOT, pending)


def _messages(run: _Run, messages: list[Body]) -> Iterator[Item]:
    opened = False
    for message in objects_of(messages):
        role, time = text_at(message, "role"), moment(message.get("timestamp"))[0]
        known = retold.chat(message)
        if role == "tool":
            known["tool_call_id"] = text_at(message, "tool_call_id", "id")
        segments = openai_chat.elements([known], 0, run.calls)[0]
        if role == "assistant" and not opened:
            run.pending += segments
            yield Other(run.where, "greeting, which was asked of no model")
        elif role == "assistant":
            yield _request(run, message, segments, time)
        else:
            run.pending += segments
            yield (
                _simulated(run, message, time)
                if object_of(message.get("usage"))
                else Other(run.where, f"{role} message")
            )
        run.since, opened = time if time is not None else run.since, True


def _request(run: _Run, message: Body, said: list[Segment], time: float | None) -> Request:
    named = route("", "", run.model)
    node = [run.node, *run.hand.grow(run.node, run.pending, named.model)][-1]
    answer = run.hand.grow(node, said, named.model)[-1]
    run.pending, run.node = [], answer
    return Request(
        place=run.where,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=named.provider,
        model=named.model,
        node=node,
        api="openai-chat",
        session=run.identity.session,
        client=run.identity.client,
        task=run.identity.task,
        started=run.since,
        ended=time,
        usage=usage_of(message.get("usage")),
        recorded_cost=cost_at(message, "cost"),
        answer=answer,
    )


def _simulated(run: _Run, message: Body, time: float | None) -> Item:
    """A call that wrote a simulated user's message: its prompt is the conversation from the other side."""
    named = route("", "", run.user_model)
    call = Exported(
        provider=named.provider,
        model=named.model,
        usage=usage_of(message.get("usage")),
        identity=run.identity,
        times=Times(run.since, None, time),
        cost=cost_at(message, "cost"),
        role="side",
    )
    return request_of(call, run.where, run.hand, READER.name)


READER = Reader(
    name="tau-bench",
    about="tau-bench and tau2-bench results: conversations with a simulated user",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"task_id":0,"reward":1.0,"info":{},"traj":[{"role":"system","content":"Be brief."},{"role":"user","content":'
        '"Hello"},{"role":"assistant","content":"Hi."}],"trial":0}'
    ),
    identity="session: the simulation, or task and trial; task: task_id; client: tau-bench; user, project: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
