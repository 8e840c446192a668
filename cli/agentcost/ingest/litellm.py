"""Calls that LiteLLM logged: its standard logging payload, its spend log, and OpenHands' completion logs.

One line (or one JSON document) is one call, with its whole prompt, its answer and its bill:

    {"id": "chatcmpl-1", "call_type": "acompletion", "model": "claude-sonnet-4-5", "messages": […],
     "model_parameters": {"tools": […]}, "response": {…}, "startTime": 1767000000.5, "response_cost": 0.0021, …}

See `litellm_calls` for the shapes. Lines of one session repeat each other; as in `captured`, only what is new in a
line is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.contract import Hand, Line, Peek, Reader, Source
from agentcost.ingest.json_values import Record, records
from agentcost.ingest.litellm_calls import Call, call_of, is_call
from agentcost.ingest.litellm_folded import unfolded
from agentcost.ingest.parts import digest_of
from agentcost.ingest.skipping import Cut, Skipper, extend_chain, new_chain
from agentcost.ingest.spread import locate
from agentcost.model import ROOT, Breakpoint, Ends, Item, Kind, Knowledge, Other, Request, Segment, Skipped

_STABLE = ("model_parameters", "tools", "kwargs", "proxy_server_request")
"""Large values of a record that a session's calls repeat."""


@dataclass(frozen=True, slots=True)
class State:
    """What a prompt amounts to behind one of its messages."""

    node: int
    breakpoints: tuple[Breakpoint, ...]
    messages: int


@dataclass(frozen=True, slots=True)
class Context:
    """What every line of a chain has in common: its large values, its model, its calls."""

    stable: tuple[str, ...]
    growing: str
    values: Body
    model: str
    calls: Calls


@dataclass(slots=True)
class Log:
    """What reading one log remembers."""

    hand: Hand
    skipper: Skipper = field(default_factory=Skipper)
    cut: Cut | None = None

    def shorten(self, line: Line) -> bytes | None:
        """The line without what is known of it; None where nothing is."""
        self.cut = self.skipper.cut(line)
        return self.cut.document if self.cut else None


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """Every record of the log as one item."""
    log = Log(hand)
    for record in records(source, log.shorten):
        yield _item(log, record)


def _item(log: Log, record: Record) -> Item:
    if record.reason:
        return Skipped(record.place, record.reason)
    if log.cut:
        item = _continued(log, record, log.cut)
        if item:
            return item
        record = record.whole()  # the zeros stand elsewhere: a look-alike, so nothing is known
    call = call_of(record.value)
    if call is None:
        return _no_call(record)
    if isinstance(call, str):
        return Other(record.place, call)
    if call.api.growing not in call.body:
        return _counted(log, record, call)
    return _opened(log, record, call)


def _no_call(record: Record) -> Item:
    if isinstance(record.value, dict):
        return Other(record.place, "record of another kind")
    return Skipped(record.place, "not a JSON object; one call of LiteLLM per line is expected")


def _opened(log: Log, record: Record, call: Call) -> Item:
    """A call read from its start."""
    model, calls = call.route.model, Calls()
    head = call.api.head(call.body)
    states = _grow(log, State(ROOT, (), 0), [head], model)
    items = call.body[call.api.growing]
    given = [{"role": "user", "content": items}] if isinstance(items, str) else items
    behind = _grow(log, State(states[-1].node, states[-1].breakpoints, 0), _groups(call, given, 0, calls), model)
    if record.line and call.growing in record.value and isinstance(items, list):
        values = {key: record.value[key] for key in _STABLE if key in record.value}
        spread = locate(record.document, (), None, call.growing, _STABLE)
        context = Context(_STABLE, call.growing, values, model, calls)
        chain = spread and new_chain(record.line, spread, call.growing, behind, context)
        if chain:
            log.skipper.add(chain)
    return _request(log, record, call, (behind or states)[-1], calls)


def _continued(log: Log, record: Record, cut: Cut) -> Item | None:
    """A call of which the part before `cut.boundary` is known; None where the cut does not hold."""
    context: Context = cut.chain.context
    value = record.value
    if not isinstance(value, dict) or not cut.holds(value, context.growing):
        return None
    call = call_of({**value, **context.values})
    if not isinstance(call, Call) or call.route.model != context.model:
        return None
    items = call.body.get(call.api.growing)
    if not isinstance(items, list) or items[:1] != [0]:
        return None
    groups = _groups(call, items[1:], cut.boundary.state.messages, context.calls)
    states = _grow(log, cut.boundary.state, groups, context.model)
    if states and record.line:
        spread = locate(record.document, (), None, context.growing, ())
        if spread:
            extend_chain(cut, record.line, spread, states)
    return _request(log, record, call, states[-1] if states else cut.boundary.state, context.calls)


def _groups(call: Call, items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message."""
    groups = call.api.elements(items, start, calls)
    return [unfolded(group) for group in groups] if call.folded else groups


def _grow(log: Log, state: State, groups: Sequence[Sequence[Segment]], model: str) -> list[State]:
    """The states behind each group of segments, grown from a state."""
    nodes = iter(log.hand.grow(state.node, [segment for group in groups for segment in group], model))
    states, node, marks = [], state.node, state.breakpoints
    for number, group in enumerate(groups, state.messages + 1):
        for segment in group:
            node = next(nodes)
            if segment.breakpoint:
                marks = (*marks, Breakpoint(node, segment.breakpoint))
        states.append(State(node, marks, number))
    return states


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
    return _request(log, record, call, State(node, (), 0), Calls(), Knowledge.COUNTS)


def _request(
    log: Log, record: Record, call: Call, state: State, calls: Calls, knowledge: Knowledge = Knowledge.FULL
) -> Request:
    settings, who, times = call.api.settings(call.body), call.identity, call.times
    reply = call.answer_api.answer(call.answer, calls) if call.answer else []
    reply = unfolded(reply) if call.folded else reply
    answer = log.hand.grow(state.node, reply, call.route.model)
    return Request(
        place=record.place,
        format=READER.name,
        knowledge=knowledge,
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
        tier=settings.get("service_tier", ""),
        started=times.started,
        first_token=times.first_token,
        ended=times.ended,
        naive_time=times.naive,
        usage=call.usage,
        recorded_cost=call.cost,
        answer=answer[-1] if answer else None,
        finished=call.answer is not None or call.usage is not None,
        breakpoints=state.breakpoints,
        settings=tuple(sorted(settings.items())),
        labels=call.labels,
    )


def sniff(peek: Peek) -> bool:
    """A record in one of LiteLLM's shapes, or the keys of one that is too long for the peek."""
    return any(is_call(record) for record in peek.objects()) or {"call_type", "startTime", "model"} <= set(peek.keys)


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
)
