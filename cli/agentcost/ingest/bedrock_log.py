"""Bedrock's model invocation logs, as they are delivered to S3 and CloudWatch: one JSON object a call.

    {"schemaType": "ModelInvocationLog", "timestamp": "2026-01-10T20:00:01Z", "requestId": "r1",
     "operation": "Converse", "modelId": "anthropic.claude-sonnet-4-5-20250929-v1:0",
     "input": {"inputBodyJson": {…}, "inputTokenCount": 12}, "output": {"outputBodyJson": {…}, "outputTokenCount": 5},
     "identity": {"arn": "…:assumed-role/agents/ada"}}

Bodies are those of the API that was called; a stream's answer is the list of its events. A body of more than 100 kB is
kept beside the log (`inputBodyS3Path`): of its call only the counts are known. CloudWatch wraps the object in a
`message`, or in `logEvents`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from agentcost.ingest import envelopes
from agentcost.ingest.apis import APIS
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import records
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_NO_CALLS = ("CountTokens", "ApplyGuardrail")
_TOLD = ("session_id", "sessionId", "user_id", "userId", "project", "task")
"""Of a request's metadata what is no label."""


def sniff(peek: Peek) -> bool:
    """A record that says that it is an invocation log, or that holds one."""
    return any(call is not None for record in peek.objects() for call in _logged(record))


def _logged(record: Body) -> Iterator[Body | None]:
    """The calls in a record; one None where it holds none."""
    events = record.get("logEvents")
    for holder in objects_of(events) if isinstance(events, list) else [record]:
        inner = object_of(holder.get("message", holder.get("@message")))
        found = inner if "schemaType" in inner else holder
        yield found if found.get("schemaType") == "ModelInvocationLog" else None


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call."""
    for record in records(source):
        if record.reason or not isinstance(record.value, dict):
            yield Skipped(record.place, record.reason or "not a JSON object; one invocation per line is expected")
            continue
        yield from checked(record.place, partial(_items, record.value, record.place, hand))


def _items(record: Body, where: Place, hand: Hand) -> Iterator[Item]:
    for call in _logged(record):
        if call is None:
            yield Other(where, "record of another kind")
        else:
            yield _item(call, where, hand)


def _item(record: Body, where: Place, hand: Hand) -> Item:
    operation = text_at(record, "operation")
    if operation in _NO_CALLS:
        return Other(where, f"{operation} call")
    given, made = object_of(record.get("input")), object_of(record.get("output"))
    if "errorCode" in record:
        return Other(where, f"failed call ({record['errorCode']})")
    model = text_at(record, "modelId").rpartition("/")[2]
    body = object_of(given.get("inputBodyJson"))
    body.setdefault("model", model)
    api = next((api for api in APIS if api.owns(body)), None)
    if api is None and "inputBodyJson" in given and not _counted(given, made):
        return Other(where, "call that asks for no text")
    return request_of(_call(record, api, model, body), where, hand, READER.name)


def _call(record: Body, api: Api | None, model: str, body: Body) -> Exported:
    given, made = object_of(record.get("input")), object_of(record.get("output"))
    dialect = api or APIS[0]
    answer = envelopes.answer_of({"response": {"body": made.get("outputBodyJson")}}, dialect)
    started, naive = moment(record.get("timestamp"))
    lasted = ((answer or {}).get("metrics") or {}).get("latencyMs")
    ended = started + lasted / 1e3 if started is not None and isinstance(lasted, int | float) else None
    who = dialect.identity(body) if api else Identity()
    named = object_of(record.get("requestMetadata"))
    own = Identity(
        session=text_at(named, "session_id", "sessionId"),
        user=text_at(named, "user_id", "userId") or _user(object_of(record.get("identity"))),
        project=text_at(named, "project"),
        task=text_at(named, "task"),
    )
    labels = sorted((key, value) for key, value in named.items() if isinstance(value, str) and key not in _TOLD)
    region = text_at(record, "region")
    return Exported(
        provider="bedrock",
        model=model,
        usage=(dialect.usage(answer) if answer else None) or _counted(given, made),
        api=dialect,
        body=body if api else None,
        answer=answer,
        id=text_at(record, "requestId"),
        identity=envelopes.merged(own, who),
        times=Times(started, None, ended, naive),
        labels=(*([("region", region)] if region else []), *labels),
    )


def _counted(given: Body, made: Body) -> Usage | None:
    """The counts beside the bodies: input leaves out what was read from and written to the cache."""
    plain = count_at(given, "inputTokenCount")
    if plain is None:
        return None
    return Usage(
        plain=plain,
        read=count_at(given, "cacheReadInputTokenCount") or 0,
        write=count_at(given, "cacheWriteInputTokenCount") or 0,
        output=count_at(made, "outputTokenCount"),
    )


def _user(identity: Any) -> str:
    """Who called, without the account: the part of the ARN behind it."""
    return text_at(identity, "arn").rpartition(":")[2]


READER = Reader(
    name="bedrock-log",
    about="Amazon Bedrock model invocation logs (S3, CloudWatch): bodies of Converse and InvokeModel, and their counts",
    knowledge=Knowledge.FULL,
    example=(
        '{"schemaType":"ModelInvocationLog","timestamp":"2026-01-10T20:00:01Z","requestId":"r1","operation":"Converse",'
        '"modelId":"amazon.nova-micro-v1:0","input":{"inputBodyJson":{"messages":[{"role":"user","content":[{"text":'
        '"Hello"}]}]},"inputTokenCount":2},"output":{"outputBodyJson":{},"outputTokenCount":3}}'
    ),
    identity=(
        "session: requestMetadata.session_id; user: requestMetadata.user_id, else the caller's ARN without its "
        "account; project, task: requestMetadata; its other fields and the region are labels"
    ),
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
