"""OpenTelemetry: spans of model calls, by the GenAI conventions and by those of its forerunners.

    {"resourceSpans": [{"resource": {"attributes": […]}, "scopeSpans": [{"spans": [{"name": "chat gpt-4.1", …}]}]}]}

One JSON document, or one a line as the collector's file exporter writes them; also the spans that the SDKs print. A
span of a model call is one request, every other span an Other: spans of agents and wrappers repeat the usage of the
calls in them, so a span whose child is a call of a model is none. See `otel_messages` for what of a prompt is read
and `otel_agents` for the events of coding agents. A call without messages waits for its events, which may come later.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Identity
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.exported import Exported, Times, checked, cost_at, request_of, text_at
from agentcost.ingest.json_values import WRONG_TYPE, records
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.otel_agents import CLIENTS, agent_call
from agentcost.ingest.otel_messages import Content, content_of
from agentcost.ingest.otel_spans import MARKS, Attributes, Event, Span, found_in
from agentcost.ingest.otel_usage import billed, tokens_of
from agentcost.model import Item, Knowledge, Other, Place, Skipped

_GENERATES = ("chat", "text_completion", "completion", "generate_content", "generate", "message", "responses")
_DETAILS = "gen_ai.client.inference.operation.details"
_TOOLS = "gen_ai.tool.definitions"
_MOST_WAITING = 10_000
_BESIDE = frozenset({"resourceMetrics", "scopeMetrics", "resourceSpans", "resourceLogs"})
"""Keys of telemetry that may hold no span: metrics, and exports that were empty."""

_MODELS = (
    "gen_ai.response.model", "gen_ai.request.model", "ai.response.model", "ai.model.id", "llm.response.model",
    "llm.model_name", "llm.request.model",
)  # fmt: skip
_IDS = ("gen_ai.response.id", "ai.response.id", "llm.response.id")
_SESSIONS = (
    "copilot_chat.chat_session_id", "gen_ai.conversation.id", "copilot_chat.session_id", "session.id",
    "langfuse.session.id", "ai.telemetry.metadata.sessionId",
    "traceloop.association.properties.session_id", "conversation.id", "thread.id",
)  # fmt: skip
_USERS = (
    "user.id", "enduser.id", "langfuse.user.id", "ai.telemetry.metadata.userId",
    "traceloop.association.properties.user_id",
)  # fmt: skip
_COSTS = ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost", "llm.cost.total")

_PROVIDERS = (
    ("az.ai", "azure"), ("azure", "azure"), ("aws", "bedrock"), ("amazon", "bedrock"), ("bedrock", "bedrock"),
    ("gcp.vertex", "vertex"), ("google.vertex", "vertex"), ("vertex", "vertex"), ("gcp", "google"),
    ("google", "google"), ("gemini", "google"), ("mistral", "mistral"), ("x_ai", "xai"), ("xai", "xai"),
    ("anthropic", "anthropic"), ("openai", "openai"), ("openrouter", "openrouter"),
)  # fmt: skip
"""Our name of a provider by how its own begins (`gcp.vertex_ai`, `openai.responses`, `AWS`)."""


class _Log(msgspec.Struct):
    """What reading one log remembers: spans with a call in them, the tools of agents, events by their span, calls that
    wait for theirs."""

    hand: Hand
    wrappers: set[tuple[str, str]] = msgspec.field(default_factory=set)
    calls: set[tuple[str, str]] = msgspec.field(default_factory=set)
    tools: dict[tuple[str, str], Any] = msgspec.field(default_factory=dict)
    events: dict[tuple[str, str], list[Event]] = msgspec.field(default_factory=dict)
    waiting: OrderedDict[tuple[str, str], tuple[Place, Span]] = msgspec.field(default_factory=OrderedDict)
    details: list[tuple[Place, Event]] = msgspec.field(default_factory=list)


def sniff(peek: Peek) -> bool:
    """A span or event with attributes of a model's call, or OTLP whatever the spans at its beginning are of."""
    if not {"resourceSpans", "resourceLogs"}.isdisjoint(peek.keys):
        return True
    return any(_is_ours(item) for record in peek.objects() for item in found_in(record))


def _is_ours(item: Span | Event) -> bool:
    attributes = item.attributes
    own = attributes.keys() - {"ai.telemetry.functionId"}
    return any(key.startswith(MARKS) and "." in key for key in own)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call; other spans and events are Others."""
    log = _Log(hand)
    for record in records(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
            continue
        try:
            found = list(found_in(record.value))
        except (AttributeError, TypeError) as error:
            yield Skipped(record.place, f"{WRONG_TYPE} ({error})")
            continue
        if not found:
            yield _nothing(record.place, record.value)
        calls = (item for item in found if isinstance(item, Span) and item.parent and not _kind(item))
        log.wrappers.update((span.trace, span.parent) for span in calls)
        log.tools.update(_declared(found))
        for item in found:
            yield from checked(record.place, partial(_items, log, record.place, item))
    for where, span in log.waiting.values():
        yield from checked(where, partial(_late, log, where, span))
    for where, event in log.details:
        yield from checked(where, partial(_detailed, log, where, event))


def _declared(found: Sequence[Span | Event]) -> Iterator[tuple[tuple[str, str], Any]]:
    """The tools that spans of agents declare for the calls in them, as VS Code's do."""
    for item in found:
        if isinstance(item, Span) and _kind(item) and (told := item.attributes.get(_TOOLS)):
            yield (item.trace, item.span), told


def _nothing(where: Place, value: Any) -> Item:
    if value == {} or (isinstance(value, dict) and not _BESIDE.isdisjoint(value)):
        return Other(where, "telemetry without spans")
    return Skipped(where, "is no span; OTLP JSON, or one span a line, is expected")


def _items(log: _Log, where: Place, item: Span | Event) -> Iterator[Item]:
    """The item of a span or event, unless it has to wait; a call that waited for too long comes with it."""
    if isinstance(item, Event):
        yield from _event(log, where, item)
        return
    what = _kind(item) or ("span around a call, which it repeats" if (item.trace, item.span) in log.wrappers else "")
    if what:
        yield Other(where, what)
        return
    key = (item.trace, item.span)
    log.calls.add(key)
    content = _content(log, item)
    if not item.span or content.messages:
        yield _request(log, where, item, content)
        return
    log.waiting[key] = (where, item)
    if len(log.waiting) > _MOST_WAITING:
        _, (place, span) = log.waiting.popitem(last=False)
        yield _request(log, place, span, _content(log, span))


def _content(log: _Log, span: Span) -> Content:
    """What was recorded of a call; tools that it does not tell are its agent's."""
    content = content_of(span.attributes, (*span.events, *log.events.get((span.trace, span.span), ())))
    agents = log.tools.get((span.trace, span.parent))
    return replace(content, tools=retold.tools_of(agents)) if agents and not content.tools else content


def _event(log: _Log, where: Place, event: Event) -> Iterator[Item]:
    call = agent_call(event)
    if call:
        yield request_of(call, where, log.hand, READER.name)
    elif event.name == _DETAILS:
        log.events.setdefault((event.trace, event.span), []).append(event)
        log.details.append((where, event))
    else:
        if event.name.startswith("gen_ai."):
            log.events.setdefault((event.trace, event.span), []).append(event)
        yield Other(where, f"event {event.name}" if event.name else "log record")


def _late(log: _Log, where: Place, span: Span) -> Iterator[Item]:
    """A call that has waited for its events."""
    yield _request(log, where, span, _content(log, span))


def _detailed(log: _Log, where: Place, event: Event) -> Iterator[Item]:
    """The details of a call: of one whose span is here too, or a call by themselves."""
    if (event.trace, event.span) in log.calls:
        yield Other(where, f"event {event.name}")
        return
    span = Span("", event.attributes, (), event.span, "", event.trace, None, event.time, False, event.resource)
    yield _request(log, where, span, _content(log, span))


def _kind(span: Span) -> str:
    """What a span is that is no call of a model; "" where it is one."""
    attributes = span.attributes
    for key in ("openinference.span.kind", "traceloop.span.kind"):
        kind = str(attributes.get(key) or "").lower()
        if kind:
            return "" if kind == "llm" else f"{kind} span"
    operation = str(attributes.get("gen_ai.operation.name") or attributes.get("llm.request.type") or "").lower()
    if operation:
        return "" if operation in _GENERATES else f"{operation} span"
    vercel = str(attributes.get("ai.operationId") or "")
    if vercel:
        generates = ".do" in vercel and "embed" not in vercel
        return "" if generates else f"{vercel} span"
    told = text_at(attributes, *_MODELS) and tokens_of(attributes)
    return "" if told else "span of another kind"


def _request(log: _Log, where: Place, span: Span, content: Content) -> Item:
    attributes = span.attributes
    usage, model = billed(attributes), text_at(attributes, *_MODELS)
    if span.failed and usage is None:
        return Other(where, "failed call")
    told = retold.told(model, content.messages, content.tools, content.answers)
    tier = text_at(attributes, "openai.response.service_tier", "gen_ai.openai.response.service_tier")
    call = Exported(
        provider=_provider(attributes),
        model=model,
        usage=usage,
        api=told.api,
        body=told.body,
        answer=told.answer,
        id=text_at(attributes, *_IDS) or (f"{span.trace}:{span.span}" if span.span else ""),
        identity=_identity(span),
        times=_times(span),
        cost=cost_at(attributes, *_COSTS),
        labels=_labels(attributes),
        tier=tier,
        hides=told.hides,
    )
    return request_of(call, where, log.hand, READER.name)


def _provider(attributes: Attributes) -> str:
    name = text_at(attributes, "gen_ai.provider.name", "gen_ai.system", "ai.model.provider", "llm.provider",
                   "llm.system").lower()  # fmt: skip
    known = next((ours for start, ours in _PROVIDERS if name.startswith(start)), name.partition(".")[0])
    return known or route("", "", text_at(attributes, *_MODELS)).provider


def _identity(span: Span) -> Identity:
    """The session is the conversation, else the trace; the service is the client where it is an agent we know."""
    attributes, service = span.attributes, text_at(span.resource, "service.name")
    known = "" if service.startswith("unknown_service") else service
    return Identity(
        session=text_at(attributes, *_SESSIONS) or text_at(span.resource, "session.id") or span.trace,
        user=text_at(attributes, *_USERS) or text_at(span.resource, *_USERS),
        project="" if known in CLIENTS else known,
        client=CLIENTS.get(known, ""),
        task=text_at(attributes, "gen_ai.workflow.name", "traceloop.workflow.name", "ai.telemetry.functionId"),
    )


def _times(span: Span) -> Times:
    """The first token by an event, or by how long it took in seconds or milliseconds."""
    first = next((event.time for event in span.events if event.name == "ai.stream.firstChunk"), None)
    if first is None and span.started is not None:
        for key, unit in (
            ("gen_ai.response.time_to_first_chunk", 1.0), ("gen_ai.server.time_to_first_token", 1.0),
            ("ai.response.msToFirstChunk", 1e-3), ("copilot_chat.time_to_first_token", 1e-3),
        ):  # fmt: skip
            took = span.attributes.get(key)
            if isinstance(took, int | float):
                first = span.started + took * unit
    return Times(span.started, first, span.ended)


def _labels(attributes: Attributes) -> tuple[tuple[str, str], ...]:
    agent = text_at(attributes, "gen_ai.agent.name")
    return (("agent", agent),) if agent else ()


READER = Reader(
    name="otel",
    about=(
        "OpenTelemetry GenAI spans: OTLP JSON, the collector's files, VS Code's agent debug export, OpenInference, "
        "OpenLLMetry, Vercel AI SDK"
    ),
    knowledge=Knowledge.FULL,
    example=(
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"t1","spanId":"s1","name":"chat gpt-4.1","attributes":['
        '{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.response.model","value":'
        '{"stringValue":"gpt-4.1"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"97"}}]}]}]}]}'
    ),
    identity=(
        "session: gen_ai.conversation.id, session.id, else the trace; user: user.id, enduser.id; project: "
        "service.name; client: service.name of an agent that is known; task: the workflow, or the function's id"
    ),
    sniff=sniff,
    read=read,
    unseen="OTLP, OpenLLMetry and events",
)
