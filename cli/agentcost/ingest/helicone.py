"""Helicone's export of requests: one JSON object a call, as its API and its export tool write them.

    {"request_id": "r1", "request_created_at": "2026-01-10T20:00:01Z", "request_body": {…}, "response_body": {…},
     "provider": "ANTHROPIC", "model": "claude-sonnet-4-5", "delay_ms": 1500, "prompt_tokens": 12, "cost": 0.0021}

From the documentation of its API. Without bodies (the tool's `--include-body`) the counts beside them are the bill;
Anthropic's prompt tokens leave out what was cached. An answer from Helicone's own cache was not billed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentcost.ingest import envelopes
from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.exported import Exported, Times, cost_at, object_of, objects_of, pair_of, read_calls, text_at
from agentcost.ingest.litellm_routes import PROVIDERS, route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Usage

_OWN = {"request_id", "request_created_at"}
_BESIDE = {"request_body", "response_body", "prompt_tokens", "delay_ms", "request_model", "signed_body_url"}
_NO_CACHE = ("", "00000000-0000-0000-0000-000000000000")


def sniff(peek: Peek) -> bool:
    """A record with Helicone's names, or a page of them."""
    return any(_is_ours(record) for record in peek.objects())


def _is_ours(record: Body) -> bool:
    rows = record["data"][:1] if isinstance(record.get("data"), list) else [record]
    return any(isinstance(row, dict) and row.keys() >= _OWN and not _BESIDE.isdisjoint(row) for row in rows)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call."""
    yield from read_calls(source, hand, READER.name, _told)


def _told(record: Body) -> Iterator[Exported | str]:
    rows = objects_of(record["data"]) if isinstance(record.get("data"), list) else [record]
    for row in rows:
        yield _call(row) if row.keys() >= _OWN else "record of another kind"


def _call(row: Body) -> Exported | str:
    status = row.get("response_status")
    if isinstance(status, int) and (status >= 400 or status < 0):
        return f"failed call (status {status})"
    if str(row.get("cache_reference_id") or "") not in _NO_CACHE:
        return "answer from Helicone's own cache, not asked of a provider"
    model = text_at(row, "response_model", "model", "request_model", "model_override")
    url = text_at(row, "target_url", "request_path")
    pair = pair_of(row.get("request_body"), row.get("response_body"), text_at(row, "request_model"), url)
    named = {**object_of(row.get("request_properties")), **object_of(row.get("properties"))}
    own = Identity(
        session=_named(named, "Helicone-Session-Id"),
        user=text_at(row, "request_user_id", "user_id") or _named(named, "Helicone-User-Id"),
        project=_named(named, "project"),
        task=_named(named, "task"),
    )
    billed = pair.api.usage(pair.answer) if pair and pair.answer else None
    call = Exported(
        provider=_provider(row, model, url),
        model=model,
        usage=billed or _usage(row),
        api=pair.api if pair else openai_chat.API,
        body=pair.body if pair else None,
        answer=pair.answer if pair else None,
        id=(text_at(pair.answer, "id") if pair and pair.answer else "") or text_at(row, "request_id"),
        identity=envelopes.merged(own, pair.api.identity(pair.body)) if pair else own,
        times=_times(row),
        cost=cost_at(row, "cost", "costUSD", "cost_usd"),
        labels=tuple(sorted(_labels(named))),
    )
    if not call.messages and call.usage is None:
        return "call without tokens"
    return call


def _labels(named: Body) -> Iterator[tuple[str, str]]:
    """Properties that the user gave, without Helicone's own."""
    for key, value in named.items():
        if isinstance(value, str) and not key.lower().startswith("helicone") and key not in ("project", "task"):
            yield key, value


def _named(named: Body, key: str) -> str:
    return next((str(value) for name, value in named.items() if name.lower() == key.lower() and value), "")


def _provider(row: Body, model: str, url: str) -> str:
    """The provider by its address, by Helicone's name (`ANTHROPIC`), else by the model's."""
    name = text_at(row, "provider").lower()
    host = next((ours for part, ours in envelopes.PROVIDERS if part in url), "")
    return host or PROVIDERS.get(name, "" if name == "custom" else name) or route("", "", model).provider


def _usage(row: Body) -> Usage | None:
    """The counts beside the bodies."""
    read, written = row.get("prompt_cache_read_tokens"), row.get("prompt_cache_write_tokens")
    prompt: Any = row.get("prompt_tokens")
    if not isinstance(prompt, int):
        return None
    if text_at(row, "provider").upper() in ("ANTHROPIC", "BEDROCK", "AWS"):
        prompt += sum(count for count in (read, written) if isinstance(count, int))
    return usage_of({
        "prompt_tokens": prompt, "completion_tokens": row.get("completion_tokens"), "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "completion_tokens_details": {"reasoning_tokens": row.get("reasoning_tokens")},
    })  # fmt: skip


def _times(row: Body) -> Times:
    (started, naive), (ended, _) = moment(row["request_created_at"]), moment(row.get("response_created_at"))
    lasted, first = row.get("delay_ms"), row.get("time_to_first_token")
    if started is None:
        return Times()
    if ended is None and isinstance(lasted, int | float):
        ended = started + lasted / 1e3
    return Times(started, started + first / 1e3 if isinstance(first, int | float) and first else None, ended, naive)


READER = Reader(
    name="helicone",
    about="Helicone request exports (API, @helicone/export): bodies and counts",
    knowledge=Knowledge.FULL,
    example=(
        '{"request_id":"r1","request_created_at":"2026-01-10T20:00:01Z","provider":"OPENAI","model":"gpt-4.1",'
        '"request_body":{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]},"prompt_tokens":8,'
        '"completion_tokens":3,"delay_ms":900}'
    ),
    identity=(
        "session: the property Helicone-Session-Id; user: request_user_id; project, task: properties of that name; "
        "other properties are labels"
    ),
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
