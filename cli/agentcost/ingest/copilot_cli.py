"""GitHub Copilot CLI: the events of a session (`~/.copilot/session-state/*/events.jsonl`).

    {"type":"session.start","data":{"sessionId":"s1","context":{"cwd":"/home/ada/shop"}},"id":"e1","timestamp":"…","parentId":null}
    {"type":"assistant.message","data":{"messageId":"m1","content":"Hi.","model":"claude-sonnet-4.5"},"id":"e2",…}

From GitHub's documentation. A message of the assistant is a call. What a call was billed is an event that is not kept
on disk: it is read where a program wrote it down (`assistant.usage`, behind its message); else input is estimated, and
the sums that a session ends with are counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import checked, object_of, objects_of, text_at
from agentcost.ingest.json_values import Record, objects
from agentcost.ingest.talking import Talk
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Request, Skipped, Usage

_FAMILIES = ("session.", "assistant.", "user.", "tool.", "system.", "subagent.", "hook.", "skill.")


def sniff(peek: Peek) -> bool:
    """Events with Copilot's envelope and names."""
    return any(_is_event(record) for record in peek.objects())


def _is_event(record: Body) -> bool:
    named = isinstance(record.get("type"), str) and record["type"].startswith(_FAMILIES)
    return named and {"data", "id", "timestamp", "parentId"} <= record.keys() and isinstance(record["data"], dict)


class _Session(msgspec.Struct):
    """What is known so far: `talks` by sub-agent ("" is the session's own), `held` waits for its usage."""

    hand: Hand
    talks: dict[str, Talk] = {}
    name: str = ""
    project: str = ""
    model: str = ""
    since: float | None = None
    held: Request | None = None

    def talk(self, agent: str) -> Talk:
        """The conversation of an agent."""
        return self.talks.setdefault(agent, Talk(self.hand.grow, () if agent else self.hand.prefix))


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every message of the assistant; other events are Others."""
    session = _Session(hand)
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif not _is_event(record.value):
            yield Other(record.place, "record of another kind")
        else:
            yield from checked(record.place, partial(_items, session, record))
    if session.held:
        yield session.held


def _items(session: _Session, record: Record) -> Iterator[Item]:
    event = record.value
    kind, content = event["type"], event["data"]
    agent = text_at(event, "agentId") or text_at(content, "parentToolCallId")
    if kind == "assistant.message":
        if session.held:
            yield session.held
        session.held = _request(session, record, agent)
        return
    if kind == "assistant.usage" and session.held:
        session.held = _billed(session.held, content)
    else:
        _note(session, kind, content, agent)
    session.since = moment(event.get("timestamp"))[0]
    yield Other(record.place, f"event: {kind}")


def _note(session: _Session, kind: str, content: Body, agent: str) -> None:
    """What an event adds to the next prompt, or tells of the session."""
    talk = session.talk(agent)
    if kind == "session.start":
        context = object_of(content.get("context"))
        session.name = text_at(content, "sessionId")
        session.project = PurePosixPath(text_at(context, "gitRoot", "cwd").replace("\\", "/")).name
        session.model = text_at(content, "selectedModel")
    elif kind == "session.model_change":
        session.model = text_at(content, "newModel") or session.model
    elif kind == "system.message":
        talk.hear({"role": "system", "content": text_at(content, "content")})
    elif kind == "user.message":
        talk.hear({"role": "user", "content": text_at(content, "transformedContent", "content")})
    elif kind == "tool.execution_complete":
        session.model = text_at(content, "model") or session.model
        talk.hear(retold.result(content.get("toolCallId"), _result(content), content.get("toolName")))
    elif kind == "session.compaction_complete" and content.get("success") is not False:
        talk.restart(text_at(content, "summaryContent"))


def _result(content: Body) -> str:
    given = content.get("result") or content.get("error")
    inner = object_of(given)
    return given if isinstance(given, str) and not inner else text_at(inner, "content", "message", "detailedContent")


def _request(session: _Session, record: Record, agent: str) -> Request:
    content = record.value["data"]
    model = text_at(content, "model") or session.model
    ended, naive = moment(record.value.get("timestamp"))
    talk = session.talk(agent)
    node = talk.ask(model)
    calls = [
        retold.called(call.get("name"), call.get("arguments"), call.get("toolCallId"))
        for call in objects_of(content.get("toolRequests") or [])
    ]
    said = {
        "role": "assistant", "content": text_at(content, "content"), "tool_calls": calls,
        "reasoning_content": text_at(content, "reasoningText"),
    }  # fmt: skip
    started, session.since = session.since, ended
    return Request(
        place=record.place,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider="github-copilot",
        model=model,
        node=node,
        api=retold.body_of(model, [], [])[0].name,
        id=text_at(content, "apiCallId", "messageId"),
        session=session.name,
        project=session.project,
        client="copilot-cli",
        role="subagent" if agent else "main",
        started=started if started is not None else ended,
        ended=ended,
        naive_time=naive,
        usage=usage_of(content.get("usage")),
        answer=talk.answer(said, model),
    )


def _billed(request: Request, told: Body) -> Request:
    """The request with what its usage event tells. `inputTokens` hold the cached ones, unless those are more."""
    whole = count_at(told, "inputTokens")
    if whole is None or (request.usage is not None):
        return request
    read, write = count_at(told, "cacheReadTokens") or 0, count_at(told, "cacheWriteTokens") or 0
    beside = read + write > whole
    usage = Usage(
        plain=whole if beside else whole - read - write, read=read, write=write,
        output=count_at(told, "outputTokens"), reasoning=count_at(told, "reasoningTokens"),
    )  # fmt: skip
    return replace(request, usage=usage)


READER = Reader(
    name="copilot-cli",
    about="GitHub Copilot CLI sessions (~/.copilot/session-state): conversations, mostly unbilled",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"type":"assistant.message","data":{"messageId":"m1","content":"Hi.","model":"claude-sonnet-4.5","toolRequests":'
        '[]},"id":"e2","timestamp":"2026-01-10T20:00:02Z","parentId":"e1"}'
    ),
    identity="session: sessionId; project: the repository's folder; client: copilot-cli; user, task: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
