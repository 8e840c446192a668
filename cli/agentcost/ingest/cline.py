"""Cline and Roo Code: the bills in a task's `ui_messages.json`.

    [{"ts":1768075201000,"type":"say","say":"api_req_started","text":"{\\"tokensIn\\":10,\\"tokensOut\\":2,…}"}]

From their sources. `tokensIn` leaves out what was cached, but where Roo Code says that the API is OpenAI's. What was
sent lies beside it in `api_conversation_history.json`, whose messages carry no bill: they are counted as Others, so
that no call of a folder is read twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_KINDS = ("say", "ask")


def sniff(peek: Peek) -> bool:
    """Messages of the task's window, or of the model's conversation as a task keeps it."""
    found = list(peek.objects())
    return bool(found) and (_is_shown(found[0]) or all(map(_is_sent, found)))


def _is_shown(message: Body) -> bool:
    kind = message.get("type")
    return isinstance(message.get("ts"), int | float) and kind in _KINDS and str(kind) in message


def _is_sent(message: Body) -> bool:
    """Cline's conversation: Anthropic's messages with the time or the model beside them."""
    if message.get("role") not in ("user", "assistant") or not isinstance(message.get("content"), list | str):
        return False
    return bool(message.keys() & {"ts", "modelInfo"}) and not message.keys() & {"type", "timestamp"}


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call that was billed; other messages are Others."""
    task = PurePosixPath(source.name.replace("\\", "/")).parent.name
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif _is_shown(record.value):
            yield from checked(record.place, partial(_shown, record.value, record.place, hand, task))
        elif _is_sent(record.value):
            yield Other(record.place, "message of the conversation; its bill is in ui_messages.json")
        else:
            yield Other(record.place, "record of another kind")


def _shown(message: Body, where: Place, hand: Hand, task: str) -> Iterator[Item]:
    kind = str(message.get(str(message["type"])) or "")
    if kind != "api_req_started":
        yield Other(where, kind.replace("_", " ") or "message without a kind")
        return
    told = object_of(message.get("text"))
    usage = _usage(told)
    if usage is None:
        yield Other(where, "call that was interrupted" if told.get("cancelReason") else "call without usage")
        return
    info = object_of(message.get("modelInfo"))
    model = text_at(info, "modelId") or text_at(told, "modelId")
    provider = text_at(info, "providerId") or text_at(told, "providerId")
    started, naive = moment(message["ts"])
    call = Exported(
        provider=provider or route("", "", model).provider,
        model=model,
        usage=usage,
        identity=Identity(session=task, client="cline"),
        times=Times(started, None, None, naive),
        cost=cost_at(told, "cost"),
    )
    yield request_of(call, where, hand, READER.name)


def _usage(told: Body) -> Usage | None:
    """Billed tokens; None where nothing was, or the call has not ended."""
    given, output = count_at(told, "tokensIn"), count_at(told, "tokensOut")
    read, write = count_at(told, "cacheReads") or 0, count_at(told, "cacheWrites") or 0
    if given is None or not any((given, output, read, write)):
        return None
    inside = told.get("apiProtocol") == "openai" and read + write <= given
    return Usage(plain=given - read - write if inside else given, read=read, write=write, output=output)


READER = Reader(
    name="cline",
    about="Cline and Roo Code tasks (ui_messages.json): billed calls without their prompts",
    knowledge=Knowledge.COUNTS,
    example=(
        '{"ts":1768075201000,"type":"say","say":"api_req_started","text":"{\\"tokensIn\\":10,\\"tokensOut\\":2,'
        '\\"cacheWrites\\":0,\\"cacheReads\\":0,\\"cost\\":0.00006}"}'
    ),
    identity="session: the folder of the task; client: cline; user, project, task: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
