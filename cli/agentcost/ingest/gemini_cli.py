"""Gemini CLI chat recordings: one JSON document a session, or (newer) one JSON line a record.

    {"sessionId": "s1", "projectHash": "p1", "messages": [
      {"id": "m1", "timestamp": "2026-01-10T20:00:21.501Z", "type": "user", "content": "Fix the total"},
      {"id": "m2", "timestamp": "2026-01-10T20:00:27.560Z", "type": "gemini", "content": "Done.",
       "model": "gemini-2.5-pro", "tokens": {"input": 12059, "output": 17, "cached": 0, "thoughts": 75}}]}

A `gemini` message is one request; its tool calls hold their results, which stand before the next request. `input`
includes the cached tokens, what tools put into the prompt (`tool`) and thoughts come on top. System prompt and tools
are not in the log, and thoughts are summaries that no model reads again. A request is taken to start when what it
answers was recorded, and to end at its own timestamp.

In JSON lines the first record is the session; a message that is written again replaces what it was (its repeats have
one id, and the one with tokens is finished); `$rewindTo` takes a message and all behind it back; `$set` changes the
session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from agentcost.ingest.apis import gemini
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.documents import Element, read_document
from agentcost.ingest.exported import checked
from agentcost.ingest.json_values import records
from agentcost.ingest.times import moment
from agentcost.model import ROOT, Item, Knowledge, Other, Request, Segment, Skipped, Usage


class _State(msgspec.Struct, frozen=True):
    """The session before a message: its path, what no request has sent yet, and when that was recorded."""

    node: int
    pending: tuple[Segment, ...]
    since: float | None = None


class _Session(msgspec.Struct):
    """The session as it stands; `before` holds the state before each message, by id, in their order."""

    hand: Hand
    head: Body
    state: _State
    before: dict[str, _State] = {}
    calls: Calls = msgspec.field(default_factory=Calls)

    def back_to(self, message_id: str) -> None:
        """Take back a message and all behind it; everything where it is not known."""
        while self.before:
            name, self.state = self.before.popitem()
            if name == message_id:
                return

    def is_last(self, message_id: str) -> bool:
        """Whether no message came behind this one."""
        return next(reversed(self.before), "") == message_id


def sniff(peek: Peek) -> bool:
    """A document, or a first line, that names a session and its project by hash."""
    return {"sessionId", "projectHash"} <= set(peek.keys)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every message of the model; others are Others."""
    session = _Session(hand, {}, _State(ROOT, hand.prefix))
    if "messages" in source.peek().keys:
        document = read_document(source, "messages")
        session.head = document.head
        for element in document.elements:
            yield from checked(element.place, partial(_items, session, element))
        return
    for record in records(source):
        element = Element(record.place, record.value, record.reason)
        yield from checked(element.place, partial(_records, session, element))


def _items(session: _Session, element: Element) -> Iterator[Item]:
    yield _item(session, element)


def _records(session: _Session, element: Element) -> Iterator[Item]:
    yield _record(session, element)


def _record(session: _Session, element: Element) -> Item:
    """A line: a message, or a change of the session."""
    value = element.value
    if element.reason or not isinstance(value, dict) or "id" in value:
        return _item(session, element)
    if "$rewindTo" in value:
        session.back_to(str(value["$rewindTo"]))
        return Other(element.place, "rewind")
    update = value.get("$set")
    changes = update if isinstance(update, dict) else value
    session.head = {**session.head, **{key: item for key, item in changes.items() if key != "messages"}}
    if isinstance(changes.get("messages"), list):
        session.back_to("")
        for message in changes["messages"]:
            _item(session, Element(element.place, message))
    return Other(element.place, "session")


def _item(session: _Session, element: Element) -> Item:
    message = element.value
    if element.reason or not isinstance(message, dict):
        return Skipped(element.place, element.reason or "not a message; mend or remove it")
    message_id, kind = str(message.get("id") or ""), str(message.get("type") or "")
    if kind not in ("user", "gemini"):
        return Other(element.place, f"{kind} message")
    if message_id in session.before and not session.is_last(message_id):
        return _rewritten(session, element, session.before[message_id])
    if message_id in session.before:
        session.back_to(message_id)
    if message_id:
        session.before[message_id] = session.state
    return _placed(session, element)


def _rewritten(session: _Session, element: Element, before: _State) -> Item:
    """A message written again after others came: what stands behind it is left as it was."""
    state, session.state = session.state, before
    item = _placed(session, element)
    session.state = state
    return item


def _placed(session: _Session, element: Element) -> Item:
    """A message at the end of the session."""
    message = element.value
    if message["type"] == "gemini":
        return _request(session, element, message)
    state = session.state
    added = _content(session, "user", _parts(message.get("content")))
    session.state = _State(state.node, (*state.pending, *added), _latest(state.since, message.get("timestamp")))
    return Other(element.place, "user message")


def _request(session: _Session, element: Element, message: Body) -> Request:
    state, head, grow = session.state, session.head, session.hand.grow
    model, tool_calls = str(message.get("model") or ""), _listed(message.get("toolCalls"))
    node = [state.node, *grow(state.node, state.pending, model)][-1]
    answer = [node, *grow(node, _content(session, "model", _said(message, tool_calls)), model)][-1]
    results = [part for call in tool_calls for part in _parts(call.get("result"))]
    ended, naive = moment(message.get("timestamp"))
    since = ended
    for call in tool_calls:
        since = _latest(since, call.get("timestamp"))
    session.state = _State(answer, tuple(_content(session, "user", results)), since)
    usage, name = _usage(message.get("tokens")), str(head.get("sessionId") or "")
    return Request(
        place=element.place,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider="google",
        model=model,
        node=node,
        api="gemini",
        id=f"{name}:{message['id']}" if message.get("id") else "",
        session=name,
        project=_project(head),
        client="gemini-cli",
        role="subagent" if head.get("kind") == "subagent" else "main",
        started=state.since,
        ended=ended,
        naive_time=naive,
        usage=usage,
        answer=answer if answer != node else None,
        finished=usage is not None,
    )


def _said(message: Body, tool_calls: Sequence[Body]) -> list[Body]:
    """The answer's parts: its text, then its calls."""
    calls = [
        {"functionCall": {"id": call.get("id"), "name": call.get("name"), "args": call.get("args")}}
        for call in tool_calls
    ]
    return [*_parts(message.get("content")), *calls]


def _content(session: _Session, role: str, parts: list[Body]) -> list[Segment]:
    """The segments of one content; nothing where it has no parts."""
    return gemini.elements([{"role": role, "parts": parts}], 0, session.calls)[0] if parts else []


def _parts(content: Any) -> list[Body]:
    """Parts of a content: a string, a part, or a list of both; an empty text is none."""
    given = content if isinstance(content, list) else [content]
    found = [{"text": part} if isinstance(part, str) else part for part in given]
    return [part for part in found if isinstance(part, dict) and part.get("text") != ""]


def _listed(value: Any) -> list[Body]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _usage(tokens: Any) -> Usage | None:
    """Billed tokens; None where the answer never ended."""
    given = count_at(tokens, "input") if isinstance(tokens, dict) else None
    if given is None:
        return None
    cached, thoughts, tool, written = (count_at(tokens, key) or 0 for key in ("cached", "thoughts", "tool", "output"))
    prompt = max(given + tool, cached)
    output = written + thoughts
    return Usage(plain=prompt - cached, read=cached, output=output, reasoning=thoughts)


def _latest(known: float | None, timestamp: Any) -> float | None:
    """The later of two times, each possibly unknown."""
    found, _ = moment(timestamp)
    return max((time for time in (known, found) if time is not None), default=None)


def _project(head: Body) -> str:
    """The first workspace folder's name where the log has it, else the project's hash."""
    folders = head.get("directories")
    first = str(folders[0]) if isinstance(folders, list) and folders else ""
    return first.rstrip("/").rpartition("/")[2] or str(head.get("projectHash") or "")


READER = Reader(
    name="gemini-cli",
    about="Gemini CLI chat recordings (chats/session-*.json, .jsonl): messages, tool calls and billed tokens",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"sessionId":"s1","projectHash":"p1","messages":[{"id":"m1","type":"user","content":"Hello"},{"id":"m2",'
        '"type":"gemini","content":"Hi.","model":"gemini-2.5-pro","tokens":{"input":12059,"output":17,"cached":0}}]}'
    ),
    identity=(
        "session: sessionId; project: the first of directories, else projectHash; client: gemini-cli; user, task: none"
    ),
    sniff=sniff,
    read=read,
    unseen="JSON lines",
)
