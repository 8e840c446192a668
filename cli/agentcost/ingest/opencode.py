"""opencode: its database, a session as `opencode export` writes it, or the messages of its old storage, a file each.

    {"info":{"id":"ses_1","directory":"/home/ada/shop"},"messages":[{"info":{"id":"msg_2","role":"assistant","modelID":
     "claude-sonnet-4-5","providerID":"anthropic","tokens":{…}},"parts":[{"type":"text","text":"Hi"},{"type":"step-finish",…}]}]}

From its sources. A `step-finish` part is a call to a model; a message without one is a call itself. `input` leaves
cached tokens out, and `output` reasoning, unless `total` says otherwise. A message of the storage is a bill alone:
its parts lie in other files. The last call of a message has its id: the storage stays when the database is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.opencode_history import History, Said
from agentcost.ingest.peeking import SQLITE
from agentcost.ingest.talking import Talk
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Request, Skipped, Usage

_PROVIDERS = {"amazon-bedrock": "bedrock", "google-vertex": "vertex", "google-vertex-anthropic": "vertex"}
"""Our name of a provider by opencode's, where it has another."""
_TEXT_FILES = ("text/plain", "application/x-directory")
"""Attachments that stand as text parts beside themselves."""


def sniff(peek: Peek) -> bool:
    """A database by its tables, an export by its messages, or a message by its session and model."""
    if peek.head.startswith(SQLITE):
        from agentcost.ingest.opencode_database import is_database  # noqa: PLC0415 — sqlite3, for this form alone

        return is_database(peek)
    if any(_is_export(record) or _is_message(record) for record in peek.objects()):
        return True
    return {"info", "messages"} <= set(peek.keys) and not peek.complete and b'"sessionID"' in peek.head


def _is_export(record: Body) -> bool:
    messages = record.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(record.get("info"), dict) and isinstance(first, dict) and _is_message(first.get("info"))


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and {"id", "sessionID", "role"} <= value.keys() and "time" in value


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call of a session, and for every message of the storage that a model answered with."""
    if source.peek().head.startswith(SQLITE):
        yield from _database(source, hand)
        return
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif _is_export(record.value):
            yield from _export(record.value, record.place, hand)
        elif _is_message(record.value):
            yield from checked(record.place, partial(_stored, record.value, record.place, hand))
        else:
            yield Other(record.place, "record of another kind")


def _database(source: Source, hand: Hand) -> Iterator[Item]:
    from agentcost.ingest.opencode_database import sessions  # noqa: PLC0415 — sqlite3, for this form alone

    for element in sessions(source):
        if element.reason:
            yield Skipped(element.place, element.reason)
        elif not element.value["messages"]:
            yield Other(element.place, "session without messages")
        else:
            yield from _export(element.value, element.place, hand)


class _Session(msgspec.Struct):
    """A session as far as it was read: `tails` are the messages that a compaction keeps from, by the one that asks."""

    where: Place
    head: Body
    history: History
    since: float | None = None
    tails: dict[str, str] = {}


def _export(document: Body, where: Place, hand: Hand) -> Iterator[Item]:
    session = _Session(where, object_of(document.get("info")), History(Talk(hand.grow, hand.prefix)))
    for message in objects_of(document["messages"]):
        yield from checked(where, partial(_message, session, message))


def _message(session: _Session, message: Body) -> Iterator[Item]:
    info, parts = object_of(message.get("info")), objects_of(message.get("parts") or [])
    if info.get("role") == "assistant":
        yield from _answers(session, info, parts)
        return
    said: list[Body] = [{"role": "system", "content": str(info["system"])}] if info.get("system") else []
    asked = [part for item in parts for part in _asked(item)]
    said += [{"role": "user", "content": asked}] if asked else []
    session.history.hear([Said(message, text_at(info, "id")) for message in said])
    session.tails |= {text_at(info, "id"): kept for item in parts if (kept := text_at(item, "tail_start_id"))}
    session.since = _moment(info, "created")
    yield Other(session.where, "user message")


def _asked(part: Body) -> Iterator[Body]:
    kind = part.get("type")
    if kind == "text" and not part.get("ignored"):
        yield {"type": "text", "text": str(part.get("text") or "")}
    elif kind == "file" and part.get("mime") not in _TEXT_FILES:
        yield retold.picture(part.get("url"), part.get("mime"))


def _answers(session: _Session, info: Body, parts: list[Body]) -> Iterator[Item]:
    """The calls of a message: its steps, each with the tools it called."""
    steps = _steps(parts)
    for number, step in enumerate(steps):
        last = number + 1 == len(steps)
        finish = next((part for part in step if part.get("type") == "step-finish"), None)
        billed = finish or (info if len(steps) == 1 else {})
        usage = _usage(object_of(billed.get("tokens")))
        said, results = _said(step)
        if usage is None and (info.get("error") or not step):
            yield Other(session.where, "call that failed or was interrupted")
            continue
        ended = _moment(info, "completed") if last else None
        own = info if last or not billed.get("id") else billed
        call = _Call(text_at(own, "id"), usage, cost_at(billed, "cost"), ended)
        yield _request(session, info, call, said)
        session.history.hear([replace(one, source=text_at(info, "id")) for one in results])
        session.since = max((end for end in map(_ended, step) if end is not None), default=None)
        if info.get("summary") is True and last and not info.get("error"):
            kept = session.tails.get(text_at(info, "parentID"), "")
            session.history.restart(str(said.get("content") or ""), kept)


def _steps(parts: list[Body]) -> list[list[Body]]:
    """The parts of each step; those behind the last one belong to it."""
    steps: list[list[Body]] = [[]]
    for part in parts:
        if part.get("type") == "step-start" and steps[-1]:
            steps.append([])
        steps[-1].append(part)
    return steps


def _said(step: list[Body]) -> tuple[Body, list[Said]]:
    """The answer that a step was, and what its tools gave back."""
    texts = [str(part.get("text") or "") for part in step if part.get("type") == "text"]
    thoughts = [str(part.get("text") or "") for part in step if part.get("type") == "reasoning"]
    tools = [part for part in step if part.get("type") == "tool"]
    states = [object_of(tool.get("state")) for tool in tools]
    message = {
        "role": "assistant", "content": "".join(texts), "reasoning_content": "".join(thoughts),
        "tool_calls": [
            retold.called(tool.get("tool"), state.get("input"), tool.get("callID"))
            for tool, state in zip(tools, states, strict=True)
        ],
    }  # fmt: skip
    results = [
        Said(retold.result(tool.get("callID"), _output(state), tool.get("tool")), "", _moment(state, "compacted"))
        for tool, state in zip(tools, states, strict=True)
    ]
    return message, results


def _output(state: Body) -> Any:
    """What a tool gave back, with the pictures and documents beside it."""
    text = state.get("output") or state.get("error") or ""
    beside = [retold.picture(one.get("url"), one.get("mime")) for one in objects_of(state.get("attachments") or [])]
    return [{"type": "text", "text": str(text)}, *beside] if beside else text


def _moment(state: Body, key: str) -> float | None:
    return moment(object_of(state.get("time")).get(key))[0]


def _ended(part: Body) -> float | None:
    return _moment(object_of(part.get("state")), "end")


class _Call(msgspec.Struct, frozen=True):
    id: str
    usage: Usage | None
    cost: str
    ended: float | None


def _request(session: _Session, info: Body, call: _Call, said: Body) -> Request:
    head, who = session.head, _identity(info, session.head)
    named = _named(info)
    started = session.since if session.since is not None else _moment(info, "created")
    node = session.history.ask(named.model, started)
    return Request(
        place=session.where,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=named.provider,
        model=named.model,
        node=node,
        api=retold.body_of(named.model, [], [])[0].name,
        id=call.id,
        session=who.session,
        project=who.project,
        client=who.client,
        role="subagent" if head.get("parentID") else "main",
        started=started,
        ended=call.ended,
        usage=call.usage,
        recorded_cost=call.cost,
        answer=session.history.answer(said, named.model, text_at(info, "id")),
    )


class _Named(msgspec.Struct, frozen=True):
    provider: str
    model: str


def _named(info: Body) -> _Named:
    given, model = text_at(info, "providerID"), text_at(info, "modelID")
    provider = _PROVIDERS.get(given, given)
    return _Named(provider or route("", "", model).provider, model)


def _identity(info: Body, head: Body) -> Identity:
    folder = text_at(object_of(info.get("path")), "root", "cwd") or text_at(head, "directory")
    return Identity(
        session=text_at(head, "id") or text_at(info, "sessionID"),
        project=PurePosixPath(folder.replace("\\", "/")).name,
        client="opencode",
    )


def _usage(tokens: Body) -> Usage | None:
    """Billed tokens; None where nothing was."""
    cache = object_of(tokens.get("cache"))
    plain, output, reasoning = (count_at(tokens, key) or 0 for key in ("input", "output", "reasoning"))
    read, write = count_at(cache, "read") or 0, count_at(cache, "write") or 0
    if not any((plain, output, reasoning, read, write)):
        return None
    if tokens.get("total") != plain + output + read + write:
        output += reasoning
    return Usage(plain=plain, read=read, write=write, output=output, reasoning=reasoning)


def _stored(info: Body, where: Place, hand: Hand) -> Iterator[Item]:
    """A message of the storage: a bill where a model answered."""
    usage = _usage(object_of(info.get("tokens"))) if info.get("role") == "assistant" else None
    if usage is None:
        yield Other(where, "user message" if info.get("role") == "user" else "message without usage")
        return
    named = _named(info)
    call = Exported(
        provider=named.provider,
        model=named.model,
        usage=usage,
        id=text_at(info, "id"),
        identity=_identity(info, {}),
        times=Times(_moment(info, "created"), None, _moment(info, "completed")),
        cost=cost_at(info, "cost"),
    )
    yield request_of(call, where, hand, READER.name)


READER = Reader(
    name="opencode",
    about="opencode (opencode.db, opencode export): sessions and their billed usage; messages of its old storage",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"info":{"id":"ses_1","directory":"/home/ada/shop"},"messages":[{"info":{"id":"msg_1","sessionID":"ses_1",'
        '"role":"assistant","modelID":"claude-sonnet-4-5","providerID":"anthropic","time":{"created":1768075201000},'
        '"tokens":{"input":10,"output":2,"reasoning":0,"cache":{"read":0,"write":0}}},"parts":[{"type":"text","text":'
        '"Hi."}]}]}'
    ),
    identity="session: the session; project: its folder; client: opencode; user, task: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
