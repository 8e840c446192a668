"""Langfuse's observations: of its API, of its interface's export, of its blob storage, and traces that hold them.

    {"id": "o1", "type": "GENERATION", "traceId": "t1", "startTime": "2026-01-10T20:00:01Z",
     "model": "claude-sonnet-4-5", "input": [{"role": "user", "content": "…"}], "output": "…",
     "usageDetails": {"input": 12, "cache_read_input_tokens": 1100, "output": 5, "total": 1117}}

From its documentation. Names are those of the API (camelCase) or of the blob storage (snake_case); JSON may be kept as
text. A generation is one request, every other observation an Other. Kinds of usage are disjoint, unless the total says
that the input holds the cached tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_of
from agentcost.ingest.exported import (
    Exported,
    Times,
    cost_at,
    object_of,
    objects_of,
    opened,
    pair_of,
    read_calls,
    text_at,
)  # fmt: skip
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Usage

_CALL = "GENERATION"
_TYPES = frozenset({
    "GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL",
})  # fmt: skip
_STARTS = ("startTime", "start_time")
_TRACES = ("traceId", "trace_id")
_READS = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens", "input_cached")
_WRITES = ("cache_creation_input_tokens", "input_cache_creation", "cache_write_input_tokens", "input_cache_write")
_SHORT = ("input_cache_creation_5m", "cache_creation_5m_input_tokens", "ephemeral_5m_input_tokens")
_LONG = ("input_cache_creation_1h", "cache_creation_1h_input_tokens", "ephemeral_1h_input_tokens")
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def sniff(peek: Peek) -> bool:
    """An observation, a trace of them, or a page of the API."""
    return any(_is_observation(row) for record in peek.objects() for row in _rows(record))


def _rows(record: Body) -> list[Body]:
    """The observations that a record is or holds, each with what its trace tells."""
    for key in ("observations", "data"):
        if isinstance(record.get(key), list):
            told = {key: record[key] for key in ("sessionId", "userId", "session_id", "user_id") if record.get(key)}
            return [{**told, **row} for item in objects_of(record[key]) for row in _rows(item)]
    return [record]


def _is_observation(row: Body) -> bool:
    known = any(key in row for key in _STARTS) and any(key in row for key in _TRACES)
    return known and str(row.get("type", "")).upper() in _TYPES


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every generation."""
    yield from read_calls(source, hand, READER.name, _told)


def _told(record: Body) -> Iterator[Exported | str]:
    for row in _rows(record):
        kind = str(row.get("type", "")).upper()
        if kind == _CALL:
            yield _call(row)
        else:
            yield f"{kind.lower()} observation" if kind else "record of another kind"


def _call(row: Body) -> Exported | str:
    usage = _usage(object_of(row.get("usageDetails", row.get("usage_details"))) or object_of(row.get("usage")))
    if row.get("level") == "ERROR" and usage is None:
        return "failed call"
    model = text_at(row, "model", "providedModelName", "provided_model_name", "internalModelId")
    given, said = opened(row.get("input")), opened(row.get("output"))
    pair = pair_of(given, said, model) if isinstance(given, dict) and "messages" in given else None
    if pair and pair.answer:
        told = retold.Told(pair.api, pair.body, pair.answer, hides=False)
    else:
        tools = retold.tools_of(given.get("tools")) if isinstance(given, dict) else []
        told = retold.told(model, retold.messages_of(given), tools, _answers(said))
    metadata = object_of(row.get("metadata"))
    started, naive = moment(next((row[key] for key in _STARTS if key in row), None))
    first, _ = moment(row.get("completionStartTime", row.get("completion_start_time")))
    ended, _ = moment(row.get("endTime", row.get("end_time")))
    costs = object_of(row.get("costDetails", row.get("cost_details")))
    name = text_at(row, "name")
    return Exported(
        provider=route("", "", model).provider,
        model=model,
        usage=usage,
        api=told.api,
        body=told.body,
        answer=told.answer,
        id=text_at(row, "id"),
        identity=_identity(row, metadata),
        times=Times(started, first, ended, naive),
        cost=cost_at(costs, "total") or cost_at(row, "totalCost", "total_cost", "calculatedTotalCost"),
        labels=(("observation", name),) if name else (),
        hides=told.hides,
    )


def _answers(said: Any) -> list[Body]:
    """The answer as messages of the assistant."""
    return [{**message, "role": "assistant"} for message in retold.messages_of(said)]


def _identity(row: Body, metadata: Body) -> Identity:
    return Identity(
        session=text_at(row, "sessionId", "session_id") or text_at(row, *_TRACES),
        user=text_at(row, "userId", "user_id"),
        project=text_at(metadata, "project") or text_at(row, "traceName", "trace_name"),
        task=text_at(metadata, "task"),
    )


def _usage(details: Body) -> Usage | None:
    """Billed tokens by Langfuse's kinds of usage, or by the names that a provider has for them."""
    counts = {key: count for key, value in details.items() if (count := count_of(value)) is not None}
    given = _first(counts, "input", "input_tokens", "prompt_tokens", "promptTokens")
    if given is None:
        return None
    read, short, long = (_first(counts, *names) or 0 for names in (_READS, _SHORT, _LONG))
    written = max(_first(counts, *_WRITES) or 0, short + long)
    cached, output = read + written, _first(counts, "output", "output_tokens", "completion_tokens", "completionTokens")
    reasoning, total = _first(counts, *_REASONING), _first(counts, "total", "total_tokens", "totalTokens")
    if output is not None and reasoning and total == given + cached + output + reasoning:
        output += reasoning
    inside = cached > 0 and cached <= given and total == given + (output or 0)
    if not (given or cached or output):
        return None
    return Usage(
        plain=given - cached if inside else given,
        read=read,
        write_5m=short,
        write_1h=long,
        write=written - short - long,
        output=output,
        reasoning=reasoning,
    )


def _first(counts: dict[str, int], *keys: str) -> int | None:
    return next((counts[key] for key in keys if key in counts), None)


READER = Reader(
    name="langfuse",
    about="Langfuse observations (API, export, blob storage) and traces that hold them",
    knowledge=Knowledge.FULL,
    example=(
        '{"id":"o1","type":"GENERATION","traceId":"t1","startTime":"2026-01-10T20:00:01Z","model":"gpt-4.1","input":[{'
        '"role":"user","content":"Hello"}],"output":"Hi.","usageDetails":{"input":8,"output":3,"total":11}}'
    ),
    identity=(
        "session: the trace's session, else the trace; user: the trace's; project: metadata.project, else the trace's "
        "name; task: metadata.task; the observation's name is a label"
    ),
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
