"""Portkey's export of logs: one JSON object a call, with the fields that were asked for.

    {"id": "l1", "trace_id": "t1", "created_at": "2026-01-10T20:00:01Z", "ai_org": "anthropic", "ai_model": "…",
     "request": {…}, "response": {…}, "req_units": 12, "res_units": 3, "response_time": 1500}

From the documentation of its API. Its cost is left out: the documents do not say in which unit it is. Units are tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentcost.ingest import envelopes
from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.exported import Exported, Times, object_of, pair_of, read_calls, text_at
from agentcost.ingest.litellm_routes import PROVIDERS
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge

_OWN = {"ai_org", "ai_model"}
_BESIDE = {"request", "response", "req_units", "total_units", "trace_id", "is_success"}


def sniff(peek: Peek) -> bool:
    """A record that names the provider and model as Portkey does."""
    return any(record.keys() >= _OWN and not _BESIDE.isdisjoint(record) for record in peek.objects())


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call."""
    yield from read_calls(source, hand, READER.name, _told)


def _told(row: Body) -> Iterator[Exported | str]:
    status = row.get("response_status_code")
    failed = isinstance(status, int) and status >= 400
    if not row.keys() >= _OWN:
        yield "record of another kind"
    elif failed or row.get("is_success") in (False, 0, "false"):
        yield f"failed call (status {status})" if failed else "failed call"
    else:
        yield _call(row)


def _call(row: Body) -> Exported:
    model, sent, given = text_at(row, "ai_model"), object_of(row.get("request")), object_of(row.get("response"))
    url = text_at(row, "request_url")
    pair = pair_of(sent.get("body") or sent, given.get("body") or given, model, url)
    metadata = object_of(row.get("metadata"))
    own = Identity(
        session=text_at(metadata, "session_id", "sessionId") or text_at(row, "trace_id"),
        user=text_at(metadata, "_user", "user"),
        project=text_at(metadata, "project"),
        task=text_at(metadata, "task"),
    )
    usage = pair.api.usage(pair.answer) if pair and pair.answer else None
    units = {"prompt_tokens": row.get("req_units"), "completion_tokens": row.get("res_units")}
    provider = text_at(row, "ai_org").lower()
    started, naive = moment(row.get("created_at"))
    lasted = row.get("response_time")
    ended = started + lasted / 1e3 if started is not None and isinstance(lasted, int | float) else None
    told = ("_user", "user", "session_id", "sessionId", "project", "task")
    labels = sorted((key, value) for key, value in metadata.items() if isinstance(value, str) and key not in told)
    return Exported(
        provider=PROVIDERS.get(provider.replace("-", "_"), provider),
        model=model,
        usage=usage or usage_of(units),
        api=pair.api if pair else openai_chat.API,
        body=pair.body if pair else None,
        answer=pair.answer if pair else None,
        id=(text_at(pair.answer, "id") if pair and pair.answer else "") or text_at(row, "id"),
        identity=envelopes.merged(own, pair.api.identity(pair.body)) if pair else own,
        times=Times(started, None, ended, naive),
        labels=tuple(labels),
    )


READER = Reader(
    name="portkey",
    about="Portkey log exports: bodies and units",
    knowledge=Knowledge.FULL,
    example=(
        '{"id":"l1","created_at":"2026-01-10T20:00:01Z","ai_org":"openai","ai_model":"gpt-4.1","request":{"messages":['
        '{"role":"user","content":"Hello"}]},"response":{},"req_units":8,"res_units":3,"response_time":900}'
    ),
    identity=(
        "session: metadata.session_id, else the trace; user: metadata._user; project, task: metadata; its other fields "
        "are labels"
    ),
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
