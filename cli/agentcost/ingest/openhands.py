"""OpenHands: its conversations (`base_state.json`, `events/`), evaluations (`output.jsonl`), and older events.

    {"id":"c1","stats":{"usage_to_metrics":{"agent":{"model_name":"…","token_usages":[{"prompt_tokens":10,…}]}}}}

From its sources. Metrics list a bill per call; prompts are rebuilt from the events in the folder beside, or in an
evaluation's `history`, each joined to its bill by the answer's id. Bills that no event tells of stay bills; the
completion logs OpenHands can keep are read by `litellm`. Prompt tokens hold the cached ones, unless more was cached
than came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import Route, route
from agentcost.ingest.openhands_conversation import Conversation, knowledge_of, servers_of
from agentcost.ingest.openhands_events import ANSWERS, Event, events_beside, events_of, is_event
from agentcost.ingest.source import FileSource
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Request, Skipped, Usage

_MAIN = ("agent", "default", "")
"""Uses of a model that are the agent's own; every other (a condenser, a title) is beside it."""


def sniff(peek: Peek) -> bool:
    """A state with its statistics, an evaluation with its metrics, or events."""
    return any(_is_state(record) or _metrics(record) or _is_event(record) for record in peek.objects())


def _is_state(record: Body) -> bool:
    return {"agent", "workspace"} <= record.keys() and "usage_to_metrics" in object_of(record.get("stats"))


def _metrics(record: Body) -> list[tuple[str, Body]]:
    """The metrics in a record, by what the model was used for."""
    uses = object_of(object_of(record.get("stats")).get("usage_to_metrics"))
    found = [(use, object_of(metrics)) for use, metrics in uses.items()]
    own = record.get("metrics")
    if "instance_id" in record and isinstance(own, dict):
        found.append(("agent", own))
    return [(use, metrics) for use, metrics in found if isinstance(metrics.get("token_usages"), list)]


def _is_event(record: Body) -> bool:
    own = {"id", "timestamp", "source"} <= record.keys()
    return is_event(record) or (own and bool(record.keys() & {"llm_metrics", "tool_call_metadata"}))


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call that was billed; events and states without one are Others."""
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        else:
            yield from checked(record.place, partial(_items, source, record.value, record.place, hand))


def _items(source: Source, record: Body, where: Place, hand: Hand) -> Iterator[Item]:
    uses = _metrics(record)
    if not uses and not _is_state(record):
        yield _event(record, where, hand)
        return
    task = text_at(record, "instance_id")
    who = Identity(text_at(record, "id") or task, client="openhands", task=task)
    main = (*_MAIN, text_at(object_of(object_of(record.get("agent")).get("llm")), "usage_id"))
    bills = [bill for use, metrics in uses for bill in _calls(use, metrics, who, "main" if use in main else "side")]
    own = {bill.id: bill for bill in bills}
    found, known = _calls_told(source, record, hand, own)
    for call in found:
        yield _request(call, own.get(call.id), where, who, known)
    told = {call.id for call in found}
    for bill in bills:
        if bill.id not in told:
            yield request_of(bill, where, hand, READER.name)
    if not found and not bills:
        yield Other(where, "conversation without calls")


def _calls_told(
    source: Source, record: Body, hand: Hand, bills: Mapping[str, Exported]
) -> tuple[list[_Call], Knowledge]:
    """The calls that events tell of, and how much of their prompts; tools told in text have an example beside them."""
    agent = object_of(record.get("agent"))
    model = object_of(agent.get("llm"))
    events = list(events_of(_events(source, record)))
    talk = Conversation(hand.grow, hand.prefix, servers_of(events, object_of(agent.get("mcp_config"))))
    folded = model.get("native_tool_calling") is False
    known = Knowledge.TRANSCRIPT if folded else knowledge_of(events)
    return list(_asked(talk, events, bills, route("", "", text_at(model, "model")))), known


def _events(source: Source, record: Body) -> list[Body]:
    """The events of a conversation: in the folder beside its state, or in an evaluation's history."""
    if "history" in record:
        return [event for event in objects_of(record["history"] or []) if is_event(event)]
    return events_beside(source.path) if isinstance(source, FileSource) else []


class _Call(msgspec.Struct, frozen=True):
    """A call of a conversation: nodes of its prompt and answer, and when the event before and its own came."""

    id: str
    route: Route
    node: int
    answer: int
    started: float | None
    ended: float | None


def _asked(talk: Conversation, events: Sequence[Event], bills: Mapping[str, Exported], usual: Route) -> Iterator[_Call]:
    """The calls that the agent's answers came from."""
    since, answered = None, set[str]()
    for event in events:
        talk.turn(event)
        if event.kind in ANSWERS and event.response and event.response not in answered:
            answered.add(event.response)
            bill = bills.get(event.response)
            named = Route(bill.provider, bill.model) if bill else usual
            node = talk.ask(named.model)
            yield _Call(event.response, named, node, talk.answer(event, named.model), since, event.time)
        else:
            talk.hear(event)
        since = event.time


def _request(call: _Call, bill: Exported | None, where: Place, who: Identity, known: Knowledge) -> Request:
    return Request(
        place=where,
        format=READER.name,
        knowledge=known,
        provider=call.route.provider,
        model=call.route.model,
        node=call.node,
        api=retold.body_of(call.route.model, [], [])[0].name,
        id=call.id,
        session=who.session,
        client=who.client,
        task=who.task,
        started=bill.times.started if bill else call.started,
        ended=bill.times.ended if bill else call.ended,
        naive_time=bill is None,
        usage=bill.usage if bill else None,
        recorded_cost=bill.cost if bill else "",
        answer=call.answer,
    )


def _calls(use: str, metrics: Body, who: Identity, role: str) -> Iterator[Exported]:
    """The bills of a use; costs and times are told apart from them, in the same order."""
    usages, costs = objects_of(metrics["token_usages"]), objects_of(metrics.get("costs") or [])
    latencies = {
        text_at(one, "response_id"): one.get("latency") for one in objects_of(metrics.get("response_latencies") or [])
    }
    paired = costs if len(costs) == len(usages) else [{} for _ in usages]
    for number, (billed, paid) in enumerate(zip(usages, paired, strict=True)):
        usage = _usage(billed)
        if usage is None:
            continue
        named = route("", "", text_at(billed, "model"), text_at(metrics, "model_name"))
        key = text_at(billed, "response_id")
        ended, lasted = moment(paid.get("timestamp"))[0], latencies.get(key)
        timed = ended is not None and isinstance(lasted, int | float) and 0 <= lasted < ended
        yield Exported(
            provider=named.provider,
            model=named.model,
            usage=usage,
            id=key or f"{who.session}/{use}/{number}",
            identity=who,
            times=Times(ended - lasted if timed and ended is not None and lasted is not None else ended, None, ended),
            cost=cost_at(paid, "cost"),
            role=role,
        )


def _usage(billed: Body) -> Usage | None:
    whole, read, write = (
        count_at(billed, key) or 0 for key in ("prompt_tokens", "cache_read_tokens", "cache_write_tokens")
    )
    output = count_at(billed, "completion_tokens")
    if not any((whole, read, write, output)):
        return None
    beside = read + write > whole
    return Usage(
        plain=whole if beside else whole - read - write,
        read=read,
        write=write,
        output=output,
        reasoning=count_at(billed, "reasoning_tokens"),
    )


def _event(record: Body, where: Place, hand: Hand) -> Item:
    """An event of an older conversation: the first one that an answer led to holds its bill."""
    if is_event(record):
        return Other(where, "event of a conversation; its calls are in base_state.json")
    answer = object_of(object_of(record.get("tool_call_metadata")).get("model_response"))
    usage = usage_of(answer.get("usage"))
    if usage is None or "observation" in record:  # what a tool gave back repeats the answer that called it
        what = text_at(record, "action", "observation", "kind")
        return Other(where, f"event: {what}" if what else "record of another kind")
    named = route("", "", text_at(answer, "model"))
    ended, naive = moment(record.get("timestamp"))
    call = Exported(
        provider=named.provider,
        model=named.model,
        usage=usage,
        id=text_at(answer, "id"),
        identity=Identity(client="openhands"),
        times=Times(ended, None, ended, naive),
    )
    return request_of(call, where, hand, READER.name)


READER = Reader(
    name="openhands",
    about="OpenHands: conversations (base_state.json with events/ beside it), evaluations, older events",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"id":"c1","stats":{"usage_to_metrics":{"agent":{"model_name":"claude-sonnet-4-5","token_usages":[{"model":'
        '"claude-sonnet-4-5","prompt_tokens":10,"completion_tokens":2,"cache_read_tokens":0,"cache_write_tokens":0,'
        '"response_id":"r1"}],"costs":[{"model":"claude-sonnet-4-5","cost":0.00006,"timestamp":1768075201.0}]}}}}'
    ),
    identity="session: the conversation; task: instance_id of an evaluation; client: openhands; user, project: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
