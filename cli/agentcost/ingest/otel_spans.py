"""Spans and events of OpenTelemetry in the shapes that exporters write them, made alike.

{"resourceSpans": [{"resource": …, "scopeSpans": [{"spans": [{"spanId": …, "attributes": […]}]}]}]}   OTLP JSON
{"resourceLogs": [{"resource": …, "scopeLogs": [{"logRecords": [{"eventName": …, "body": …}]}]}]}     its events
{"name": …, "spanContext": {"spanId": …}, "attributes": {…}, "startTime": [s, ns]}                    JavaScript
{"name": …, "context": {"span_id": …}, "parent_id": …, "attributes": {…}, "start_time": …}            Python
{"eventName": …, "hrTime": [s, ns], "spanContext": {"spanId": …}, "attributes": {…}}                  SDKs' log records
{"gen_ai.request.model": …, "gen_ai.usage.input_tokens": 97}                                          attributes
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.times import moment

Attributes = dict[str, Any]

MARKS = ("gen_ai.", "llm.", "ai.", "openinference.", "traceloop.")
"""How the attributes begin that a span of a model's call has one of."""


_LOGGED = frozenset({"hrTime", "hrTimeObserved", "severityNumber", "severity_number", "observed_timestamp"})
"""What log records of the SDKs have, and spans have not."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a span, or a log record by itself; `body` is its own value where it has one."""

    name: str
    attributes: Attributes
    body: Any = None
    span: str = ""
    trace: str = ""
    time: float | None = None
    resource: Attributes = msgspec.field(default_factory=dict)


class Span(msgspec.Struct, frozen=True):
    """A span. `span` and `parent` are unique within `trace`; "" where the log does not tell."""

    name: str
    attributes: Attributes
    events: tuple[Event, ...] = ()
    span: str = ""
    parent: str = ""
    trace: str = ""
    started: float | None = None
    ended: float | None = None
    failed: bool = False
    resource: Attributes = msgspec.field(default_factory=dict)


def found_in(record: Any) -> Iterator[Span | Event]:
    """The spans and events of one JSON value; none where it is nothing of OpenTelemetry's."""
    if not isinstance(record, dict):
        return
    if "resourceSpans" in record or "resourceLogs" in record:
        yield from _otlp(record)
    elif isinstance(record.get("attributes"), dict | list):
        yield _span(record, {}) if _LOGGED.isdisjoint(record) else _event(record, _resource(record))
    elif any(key.startswith(MARKS) for key in record):
        yield Span("", record)


def _otlp(record: Body) -> Iterator[Span | Event]:
    for outer, scopes, inner in (
        ("resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords"),
        ("resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans"),
    ):
        for group in _dicts(record.get(outer)):
            resource = _attributes((group.get("resource") or {}).get("attributes"))
            for name in scopes:
                for scope in _dicts(group.get(name)):
                    for item in _dicts(scope.get(inner)):
                        yield _event(item, resource) if inner == "logRecords" else _span(item, resource)


def _span(value: Body, resource: Attributes) -> Span:
    context = value.get("spanContext") or value.get("context")
    context = context if isinstance(context, dict) else value
    parent = value.get("parentSpanContext")
    parent_id = parent.get("spanId") if isinstance(parent, dict) else None
    status = value.get("status")
    code = status.get("code", status.get("status_code")) if isinstance(status, dict) else None
    return Span(
        name=str(value.get("name") or ""),
        attributes=_attributes(value.get("attributes")),
        events=tuple(_event(item, {}) for item in _dicts(value.get("events"))),
        span=_first(context, "spanId", "span_id"),
        parent=str(parent_id or _first(value, "parentSpanId", "parent_id", "parent_span_id")),
        trace=_first(context, "traceId", "trace_id"),
        started=_time(value, "startTimeUnixNano", "startTime", "start_time"),
        ended=_time(value, "endTimeUnixNano", "endTime", "end_time"),
        failed=code in (2, "ERROR", "STATUS_CODE_ERROR"),
        resource=resource or _resource(value),
    )


def _resource(value: Body) -> Attributes:
    """What the SDKs print beside a span or a log record of where it is from."""
    own = value.get("resource")
    return _attributes(own.get("attributes") if isinstance(own, dict) else None)


def _event(value: Body, resource: Attributes) -> Event:
    attributes, body = _attributes(value.get("attributes")), _any_value(value.get("body"))
    context = value.get("spanContext")
    context = context if isinstance(context, dict) else value
    name = _first(value, "eventName", "event_name", "name") or str(attributes.get("event.name") or "")
    return Event(
        name=name or (body if isinstance(body, str) else ""),
        attributes=attributes,
        body=body,
        span=_first(context, "spanId", "span_id"),
        trace=_first(context, "traceId", "trace_id"),
        time=_time(value, "timeUnixNano", "time", "hrTime", "timestamp", "observedTimeUnixNano"),
        resource=resource,
    )


def _attributes(value: Any) -> Attributes:
    """A map of attributes, also where it is OTLP's list of keys and values."""
    if isinstance(value, dict):
        return value
    return {str(item["key"]): _any_value(item.get("value")) for item in _dicts(value) if "key" in item}


def _any_value(value: Any) -> Any:
    """OTLP's AnyValue as the value it is; every other value as it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(kind, inner)] = value.items()
    if kind == "intValue":
        return int(inner) if str(inner).lstrip("-").isdecimal() else None
    if kind == "arrayValue":
        return [_any_value(item) for item in _dicts((inner or {}).get("values"))]
    if kind == "kvlistValue":
        return _attributes((inner or {}).get("values"))
    return inner if kind in ("stringValue", "boolValue", "doubleValue", "bytesValue") else value


def _time(value: Body, *keys: str) -> float | None:
    """The first of these that is a time; JavaScript writes seconds and nanoseconds."""
    for key in keys:
        given = value.get(key)
        if isinstance(given, list) and len(given) == 2 and all(isinstance(part, int | float) for part in given):
            return float(given[0] + given[1] / 1e9)
        found, _ = moment(given)
        if found is not None:
            return found
    return None


def _first(value: Body, *keys: str) -> str:
    return next((str(value[key]) for key in keys if isinstance(value.get(key), str) and value[key]), "")


def _dicts(value: Any) -> list[Body]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
