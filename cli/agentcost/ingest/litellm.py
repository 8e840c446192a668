"""Calls that LiteLLM logged: its standard logging payload, its spend log, and OpenHands' completion logs.

One line (or one JSON document) is one call, with its whole prompt, its answer and its bill:

    {"id": "chatcmpl-1", "call_type": "acompletion", "model": "claude-sonnet-4-5", "messages": […],
     "model_parameters": {"tools": […]}, "response": {…}, "startTime": 1767000000.5, "response_cost": 0.0021, …}

See `SHAPES` for all of its shapes. Lines of one session repeat each other; as in `captured`, only what is new in a
line is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import structs

from agentcost.ingest import envelopes
from agentcost.ingest.apis.contract import Body, Calls, Identity
from agentcost.ingest.apis.diagnostics import diagnosis
from agentcost.ingest.apis.served import served_settings, served_tier
from agentcost.ingest.chains import Chains, Location, State, advance, guarded
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.json_values import Record, records
from agentcost.ingest.litellm_calls import Call
from agentcost.ingest.litellm_folded import unfolded
from agentcost.ingest.litellm_openhands import gateway, is_gateway, is_openhands, openhands
from agentcost.ingest.litellm_payload import callback, is_callback, is_payload, payload
from agentcost.ingest.parts import digest_of
from agentcost.ingest.skipping import Cut
from agentcost.model import ROOT, Ends, Item, Kind, Knowledge, Other, Request, Segment, Skipped

SHAPES: tuple[tuple[Callable[[Body], bool], Callable[[Body], Call | str]], ...] = (
    (is_callback, callback),
    (is_payload, payload),
    (is_openhands, openhands),
    (is_gateway, gateway),
)
"""Whether a record has the shape, and the call it tells of, or what else it is."""

_STABLE = ("model_parameters", "tools", "kwargs", "proxy_server_request")
"""Large values of a record that a session's calls repeat."""


class Context(msgspec.Struct, frozen=True):
    """What every line of a chain has in common: its large values, its model, what its head tells, its calls."""

    stable: tuple[str, ...]
    growing: str
    values: Body
    model: str
    identity: Identity
    calls: Calls


class Log(msgspec.Struct):
    """What reading one log remembers."""

    hand: Hand
    chains: Chains = msgspec.field(default_factory=Chains)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """Every record of the log as one item."""
    log = Log(hand)
    for record in records(source, log.chains.shorten):
        yield guarded(record, partial(_call, log))


def _call(log: Log, record: Record) -> Item:
    if log.chains.cut:
        item = _continued(log, record, log.chains.cut)
        if item:
            return item
        record = record.whole()  # the zeros stand elsewhere: a look-alike, so nothing is known
    call = call_of(record.value)
    if call is None:
        return _no_call(record)
    if isinstance(call, str):
        return Other(record.place, call)
    if call.knowledge is Knowledge.COUNTS:
        return _counted(log, record, call)
    return _opened(log, record, call)


def call_of(record: Any) -> Call | str | None:
    """The call a record tells of, or what else it is; None where it is in no shape of LiteLLM's."""
    if not isinstance(record, dict):
        return None
    return next((told(record) for has, told in SHAPES if has(record)), None)


def _no_call(record: Record) -> Item:
    if isinstance(record.value, dict):
        return Other(record.place, "record of another kind")
    return Skipped(record.place, "not a JSON object; one call of LiteLLM per line is expected")


def _opened(log: Log, record: Record, call: Call) -> Item:
    """A call read from its start."""
    model = call.route.model
    calls = Calls(model=model)
    opened = advance(log.hand.grow, State(), [call.api.head({**call.body, "model": model})], model)[-1]
    groups = _groups(call, call.body[call.api.growing], 0, calls)
    states = advance(log.hand.grow, structs.replace(opened, messages=0), groups, model)
    if call.growing in record.value:
        values = {key: record.value[key] for key in _STABLE if key in record.value}
        context = Context(_STABLE, call.growing, values, model, _of_head(call), calls)
        log.chains.remember(record, Location((), None, call.growing, _STABLE), states, context)
    return _request(log, record, call, states[-1] if states else opened, calls)


def _of_head(call: Call) -> Identity:
    """What the first messages tell, which later lines do not show."""
    found = call.api.identity(call.body)
    return Identity(project=found.project, client=found.client)


def _continued(log: Log, record: Record, cut: Cut) -> Item | None:
    """A call of which the part before `cut.boundary` is known; None where the cut does not hold."""
    context: Context = cut.chain.context
    value = record.value
    if not isinstance(value, dict) or not cut.holds(value, context.growing):
        return None
    call = call_of({**value, **context.values})
    if not isinstance(call, Call) or call.knowledge is Knowledge.COUNTS or call.route.model != context.model:
        return None
    call = structs.replace(call, identity=envelopes.merged(call.identity, context.identity))
    items = call.body[call.api.growing][1:]  # the first is the zero
    groups = _groups(call, items, cut.boundary.state.messages, context.calls)
    states = advance(log.hand.grow, cut.boundary.state, groups, context.model)
    log.chains.go_on(record, Location((), None, context.growing, ()), states)
    return _request(log, record, call, states[-1] if states else cut.boundary.state, context.calls)


def _groups(call: Call, items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message."""
    groups = call.api.elements(items, start, calls)
    return [unfolded(group) for group in groups] if call.folded else groups


def _counted(log: Log, record: Record, call: Call) -> Item:
    """A call whose messages were not logged: its length is known where its usage is."""
    if call.usage is None:
        return Skipped(record.place, "has neither messages nor usage; log with turn_off_message_logging: false")
    where = record.place
    prompt = Segment(
        "messages", "", Kind.UNKNOWN, digest_of("litellm", where.source, str(where.offset)), ends=Ends.BLOCK,
        tokens=call.usage.prompt,
    )  # fmt: skip
    node = log.hand.grow(ROOT, [prompt], call.route.model)[-1]
    return _request(log, record, call, State(node), Calls())


def _request(log: Log, record: Record, call: Call, state: State, calls: Calls) -> Request:
    settings, who, times = call.api.settings(call.body), call.identity, call.times
    reply = call.answer_api.answer(call.answer, calls) if call.answer else []
    reply = unfolded(reply) if call.folded else reply
    answer = log.hand.grow(state.node, reply, call.route.model)
    return Request(
        place=record.place,
        format=READER.name,
        knowledge=call.knowledge,
        provider=call.route.provider,
        model=call.route.model,
        node=state.node,
        api=call.api.name,
        id=call.id,
        session=who.session,
        user=who.user,
        project=who.project,
        client=who.client,
        task=who.task,
        tier=served_tier(call.answer, settings),
        started=times.started,
        first_token=times.first_token,
        ended=times.ended,
        naive_time=times.naive,
        usage=call.usage,
        recorded_cost=call.cost,
        answer=answer[-1] if answer else None,
        finished=call.answer is not None or call.usage is not None,
        breakpoints=state.breakpoints,
        settings=tuple(sorted((settings | served_settings(call.answer, settings) | diagnosis(call.answer)).items())),
        labels=call.labels,
    )


def sniff(peek: Peek) -> bool:
    """A record in one of LiteLLM's shapes, or the keys of one that is too long for the peek."""
    known = any(has(record) for record in peek.objects() for has, _ in SHAPES)
    return known or {"call_type", "startTime", "model"} <= set(peek.keys)


READER = Reader(
    name="litellm",
    about="LiteLLM: standard logging payloads, spend logs with prompts, OpenHands completion logs",
    knowledge=Knowledge.FULL,
    example=(
        '{"id":"chatcmpl-1","call_type":"acompletion","status":"success","custom_llm_provider":"anthropic",'
        '"model":"claude-sonnet-4-5","startTime":1767000000.5,"endTime":1767000002.0,"response_cost":0.000045,'
        '"prompt_tokens":10,"completion_tokens":1,"messages":[{"role":"user","content":"Hello"}],"response":{}}'
    ),
    identity=(
        "session: session_id of the record or the requester's metadata, litellm_session_id, trace_id; user: end_user, "
        "the key's user; project: the key's team; client: user-agent; task: the requester's metadata; a request tag "
        "such as task:x names any of them, other tags are labels"
    ),
    sniff=sniff,
    read=read,
    standalone=True,
    unseen="logging payloads and spend logs",
)
