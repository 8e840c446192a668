"""Cline and Roo Code: a task's conversation (`api_conversation_history.json`) and its bills (`ui_messages.json`).

    [{"ts":1768075201000,"type":"say","say":"api_req_started","text":"{\\"tokensIn\\":10,\\"tokensOut\\":2,…}"}]

From their sources. `tokensIn` leaves out what was cached, but where Roo Code says that the API is OpenAI's. Read alone
the bills have no prompts. The conversation takes them from the file beside it: a call has the same id in both, so
that one of a folder counts once. Where answers and bills cannot be paired, the bills alone are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from agentcost.errors import AgentcostError
from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.cline_conversation import Bill, Call, Conversation, is_answer, paired, provider_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at, count_of
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import Record, objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.source import FileSource
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Request, Skipped, Usage

_KINDS = ("say", "ask")
_BILLS, _HISTORY = "ui_messages.json", "api_conversation_history.json"


def sniff(peek: Peek) -> bool:
    """Messages of the task's window, or of the model's conversation as a task keeps it."""
    found = list(peek.objects())
    return bool(found) and (_is_shown(found[0]) or all(_is_sent(one, peek.name) for one in found))


def _is_shown(message: Body) -> bool:
    kind = message.get("type")
    return isinstance(message.get("ts"), int | float) and kind in _KINDS and str(kind) in message


def _is_sent(message: Body, name: str) -> bool:
    """A message of the conversation: a role and content with the time, the model or the file's name beside them; or
    the document that holds all of them (Roo Code's version 2)."""
    if message.get("version") == 2 and isinstance(message.get("messages"), list):
        return any(_is_sent(one, name) for one in objects_of(message["messages"]))
    if message.get("type") == "reasoning" and "role" not in message:
        return "encrypted_content" in message
    if message.get("role") not in ("user", "assistant", "tool") or not isinstance(message.get("content"), list | str):
        return False
    marked = bool(message.keys() & {"ts", "modelInfo"}) or name.endswith(_HISTORY)
    return marked and not message.keys() & {"type", "timestamp"}


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call of the conversation, or that was billed; other messages are Others."""
    task = PurePosixPath(source.name.replace("\\", "/")).parent.name
    sent: list[tuple[Place, Body]] = []
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif _is_shown(record.value):
            yield from checked(record.place, partial(_shown, record.value, record.place, hand, task))
        elif _is_sent(record.value, source.name):
            sent += _unpacked(record)
        else:
            yield Other(record.place, "record of another kind")
    if sent:
        yield from _conversation(source, hand, task, sent)


def _unpacked(record: Record) -> list[tuple[Place, Body]]:
    given = objects_of(record.value["messages"]) if "messages" in record.value else [record.value]
    return [(record.place, message) for message in given]


def _conversation(source: Source, hand: Hand, task: str, sent: list[tuple[Place, Body]]) -> Iterator[Item]:
    """The calls of a conversation, with the bills beside it."""
    bills = _beside(source)
    own = paired([message for _, message in sent], bills) if bills is not None else {}
    talk = Conversation(hand.grow, hand.prefix)
    for number, (where, message) in enumerate(sent):
        if own is None:
            yield Other(where, f"message of the conversation; its bill is in {_BILLS}")
        else:
            yield from checked(where, partial(_said, talk, where, message, own.get(number), task))


def _said(talk: Conversation, where: Place, message: Body, bill: Bill | None, task: str) -> Iterator[Item]:
    if is_answer(message):
        yield _request(talk.ask(message, bill), where, task)
        return
    talk.hear(message)
    yield Other(where, "summary" if message.get("isSummary") else f"{message.get('role') or 'reasoning'} message")


def _request(call: Call, where: Place, task: str) -> Request:
    bill = call.bill
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=call.provider or route("", "", call.model).provider,
        model=call.model,
        node=call.node,
        api=retold.body_of(call.model, [], [])[0].name,
        id=_id(task, bill) if bill else "",
        session=task,
        client="cline",
        started=call.started,
        ended=call.ended,
        usage=bill.usage if bill else None,
        recorded_cost=bill.cost if bill else "",
        answer=call.answer,
    )


def _beside(source: Source) -> list[Bill] | None:
    """The bills in the file beside a conversation; None where there is none to be read."""
    if not isinstance(source, FileSource):
        return None
    path = source.path.with_name(_BILLS)
    if not path.is_file():
        return None
    try:
        told = [record.value for record in objects(FileSource(str(path), path)) if not record.reason]
    except AgentcostError:  # it says so itself where it is read
        return None
    return [_bill(message) for message in told if _is_shown(message) and message.get("say") == "api_req_started"]


def _bill(message: Body) -> Bill:
    told, info = object_of(message.get("text")), object_of(message.get("modelInfo"))
    cut = message.get("conversationHistoryDeletedRange")
    ends = [count_of(end) for end in cut] if isinstance(cut, list) and len(cut) == 2 else []
    known = [end for end in ends if end is not None]
    return Bill(
        time=moment(message["ts"])[0] or 0.0,
        usage=_usage(told),
        cost=cost_at(told, "cost"),
        model=text_at(info, "modelId") or text_at(told, "modelId"),
        provider=provider_of(text_at(info, "providerId") or text_at(told, "providerId")),
        behind=behind if isinstance(behind := message.get("conversationHistoryIndex"), int) else None,  # from -1 on
        cut=(known[0], known[1]) if len(known) == 2 else None,
    )


def _id(task: str, bill: Bill) -> str:
    """One name of a call for both files; none where no folder names the task."""
    return f"{task}/{bill.time:.3f}" if task else ""


def _shown(message: Body, where: Place, hand: Hand, task: str) -> Iterator[Item]:
    kind = str(message.get(str(message["type"])) or "")
    if kind != "api_req_started":
        yield Other(where, kind.replace("_", " ") or "message without a kind")
        return
    bill = _bill(message)
    if bill.usage is None:
        stopped = object_of(message.get("text")).get("cancelReason")
        yield Other(where, "call that was interrupted" if stopped else "call without usage")
        return
    started, naive = moment(message["ts"])
    call = Exported(
        provider=bill.provider or route("", "", bill.model).provider,
        model=bill.model,
        usage=bill.usage,
        id=_id(task, bill),
        identity=Identity(session=task, client="cline"),
        times=Times(started, None, None, naive),
        cost=bill.cost,
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
    about="Cline and Roo Code tasks: conversations (api_conversation_history.json) and their bills (ui_messages.json)",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"ts":1768075201000,"type":"say","say":"api_req_started","text":"{\\"tokensIn\\":10,\\"tokensOut\\":2,'
        '\\"cacheWrites\\":0,\\"cacheReads\\":0,\\"cost\\":0.00006}"}'
    ),
    identity="session: the folder of the task; client: cline; user, project, task: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
