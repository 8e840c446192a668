"""Codex rollouts: the items of a session as they came, and behind each answer what was billed.

    {"timestamp":"2026-03-21T10:05:59.3Z","type":"session_meta","payload":{"id":"…","cwd":"/home/me/shop","base_instructions":{"text":"…"}}}
    {"timestamp":"2026-03-21T10:05:59.4Z","type":"turn_context","payload":{"turn_id":"…","model":"gpt-5.4","effort":"high"}}
    {"timestamp":"2026-03-21T10:06:05.5Z","type":"event_msg","payload":{"type":"token_count","info":{"last_token_usage":{…}}}}

A `token_count` is a request, unless the session's total has not changed: then it repeats the one before. Cached and
written tokens are inside the input, reasoning inside the output. The instructions are in the log, the tools are not.
A request is taken to start when the last thing it sent was recorded, and to end when it was billed.

The log of a fork or a sub-agent begins with a copy of its parent's, under new timestamps. Ids of threads and turns are
UUIDs in order of time, so a turn belongs to the youngest thread that is older than it: a copied request gets its own
thread's session and id, by which it is told from new ones, and no times.

Before September 2025 lines had no `payload`, no model and no usage: there every run of answer items is a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.codex_history import History, head_segments, is_answer
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.json_values import Record, objects
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Request, Skipped, Usage

_TOTALS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")
_COPYING = 1.0
"""Seconds within which a copy of a parent's log is written; no request ends as soon."""


class _Session(msgspec.Struct):
    """The session as it stands. `threads` are its own id, then those of the sessions it was copied from."""

    history: History
    hand: Hand
    name: str
    threads: list[str] = []
    provider: str = "openai"
    project: str = ""
    role: str = "main"
    opened: float | None = None
    turn: str = ""
    model: str = ""
    effort: str = ""
    since: float | None = None
    total: tuple[int, ...] = (0,) * len(_TOTALS)
    last: Request | None = None
    held: Place | None = None

    def owner(self, time: float | None) -> str:
        """The thread that what is read now belongs to."""
        if len(self.threads) < 2:
            return self.threads[0] if self.threads else self.name
        if all(map(_in_order_of_time, (self.turn, *self.threads))):
            return max((thread for thread in self.threads if thread <= self.turn), default=self.threads[-1])
        copied = time is not None and self.opened is not None and time <= self.opened + _COPYING
        return self.threads[1] if copied else self.threads[0]


def _in_order_of_time(name: str) -> bool:
    """Whether an id is a UUID of version 7, which begins with its time."""
    return len(name) == 36 and name[14] == "7"


def sniff(peek: Peek) -> bool:
    """The first record opens a session, wrapped or (before September 2025) bare."""
    first = next(peek.objects(), {})
    payload = first.get("payload")
    if isinstance(payload, dict):
        return first.get("type") in _READ and "timestamp" in first
    return {"id", "timestamp", "instructions"} <= set(first) and "type" not in first


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every bill; other records are Others."""
    name = source.name.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    session = _Session(History(hand.grow, hand.prefix), hand, name)
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif isinstance(record.value.get("payload"), dict):
            yield _item(session, record.place, record.value)
        else:
            yield from _bare(session, record)
    if session.held:
        yield _unbilled(session, session.held)


def _item(session: _Session, where: Place, value: Body) -> Item:
    kind = str(value.get("type") or "")
    return _READ.get(kind, _other)(session, where, value)


def _other(session: _Session, where: Place, value: Body) -> Item:
    del session
    return Other(where, str(value.get("type") or "record").replace("_", " "))


def _meta(session: _Session, where: Place, value: Body) -> Item:
    """The session's own record, or behind it that of the session it was copied from."""
    payload = value["payload"]
    parent = payload.get("forked_from_id") or payload.get("parent_thread_id") or _spawning_thread(payload)
    first = not session.threads
    names = [str(name) for name in (payload.get("id"), parent) if name]
    session.threads += [name for name in names if name not in session.threads]
    if first:
        _open(session, payload)
        session.opened = moment(value.get("timestamp"))[0]
    return Other(where, "session")


def _open(session: _Session, payload: Body) -> None:
    given = payload.get("base_instructions") or payload.get("instructions")
    session.history.head = head_segments(session.hand.prefix, given)
    session.provider = str(payload.get("model_provider") or "openai").lower()
    session.project = str(payload.get("cwd") or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    source = payload.get("source")
    spawned = payload.get("thread_source") == "subagent" or (isinstance(source, dict) and "subagent" in source)
    session.role = "subagent" if spawned else "main"


def _spawning_thread(payload: Body) -> str:
    found: Any = payload.get("source")
    for key in ("subagent", "thread_spawn", "parent_thread_id"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found or "")


def _context(session: _Session, where: Place, value: Body) -> Item:
    payload = value["payload"]
    session.turn = str(payload.get("turn_id") or session.turn)
    session.model = str(payload.get("model") or session.model)
    session.effort = str(payload.get("effort") or "")
    return Other(where, "turn context")


def _response_item(session: _Session, where: Place, value: Body) -> Item:
    item = value["payload"]
    session.history.add(item)
    if not is_answer(item):
        session.since = moment(value.get("timestamp"))[0] or session.since
    return Other(where, str(item.get("type") or "item").replace("_", " "))


def _compacted(session: _Session, where: Place, value: Body) -> Item:
    payload = value["payload"]
    items = payload.get("replacement_history")
    if isinstance(items, list):
        session.history.replace([item for item in items if isinstance(item, dict)], session.model)
    else:
        session.history.sum_up(str(payload.get("message") or ""), session.model)
    return Other(where, "compaction")


def _event(session: _Session, where: Place, value: Body) -> Item:
    payload = value["payload"]
    kind = str(payload.get("type") or "event")
    if kind == "token_count":
        return _count(session, where, payload.get("info"), *moment(value.get("timestamp")))
    if kind == "thread_rolled_back":
        session.history.roll_back(_number(payload, "num_turns"), session.model)
    session.turn = (
        str(payload.get("turn_id") or session.turn) if kind in ("task_started", "turn_started") else session.turn
    )
    return Other(where, kind.replace("_", " "))


_READ: dict[str, Callable[[_Session, Place, Body], Item]] = {
    "session_meta": _meta,
    "turn_context": _context,
    "response_item": _response_item,
    "compacted": _compacted,
    "event_msg": _event,
}


def _count(session: _Session, where: Place, info: Any, time: float | None, naive: bool) -> Item:
    """A bill: a request, the repeat of one, or limits only."""
    if not isinstance(info, dict):
        return Other(where, "rate limits")
    billed, summed = info.get("last_token_usage"), info.get("total_token_usage")
    if not isinstance(billed, dict) or not isinstance(summed, dict):
        return Skipped(where, "a token_count without last_token_usage and total_token_usage; update Codex or remove it")
    total = tuple(_number(summed, key) for key in _TOTALS)
    if total == session.total:
        return replace(session.last, place=where) if session.last else Other(where, "token count of nothing")
    session.total = total
    session.last = _request(session, where, _usage(billed), time, naive)
    session.since = time
    return session.last


def _request(session: _Session, where: Place, usage: Usage | None, time: float | None, naive: bool) -> Request:
    owner = session.owner(time)
    copied = bool(session.threads) and owner != session.threads[0]
    node, answer = session.history.bill(session.model)
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=session.provider,
        model=session.model,
        node=node,
        api="openai-responses",
        id=f"{owner}:{'/'.join(map(str, session.total))}" if usage else "",
        session=owner,
        project=session.project,
        client="codex",
        role="main" if copied else session.role,
        started=None if copied else session.since,
        ended=None if copied else time,
        naive_time=naive,
        usage=usage,
        answer=answer,
        settings=(("reasoning_effort", session.effort),) if session.effort else (),
    )


def _usage(billed: Body) -> Usage:
    """The classes made disjoint: cached and written tokens are inside the input."""
    read, write = _number(billed, "cached_input_tokens"), _number(billed, "cache_write_input_tokens")
    prompt = max(_number(billed, "input_tokens"), read + write)
    output, reasoning = _number(billed, "output_tokens"), _number(billed, "reasoning_output_tokens")
    return Usage(plain=prompt - read - write, read=read, write=write, output=output, reasoning=reasoning)


def _number(value: Body, key: str) -> int:
    return count_at(value, key) or 0


def _bare(session: _Session, record: Record) -> Iterator[Item]:
    """A line of the time before payloads. An answer's last line is known by the line behind it."""
    value, where = record.value, record.place
    answer = "type" in value and is_answer(value)
    if session.held:
        yield Other(session.held, "answer") if answer else _unbilled(session, session.held)
    session.held = where if answer else None
    if "instructions" in value and "type" not in value:
        session.threads = session.threads or [str(value.get("id") or session.name)]
        _open(session, value)
    elif "type" in value:
        session.history.add(value)
    if not answer:
        yield Other(where, str(value.get("type") or value.get("record_type") or "session").replace("_", " "))


def _unbilled(session: _Session, where: Place) -> Request:
    """A request of which the log holds no bill."""
    return _request(session, where, None, None, False)


READER = Reader(
    name="codex",
    about="Codex rollouts (~/.codex/sessions/**/rollout-*.jsonl): response items, turn contexts, token counts",
    knowledge=Knowledge.TRANSCRIPT,
    example=(
        '{"timestamp":"2026-03-21T10:05:59.326Z","type":"session_meta","payload":{"id":"01a7c9e4-6d12-7b3a-9f42-8c6d5e1a0b73",'
        '"cwd":"/home/me/shop","originator":"codex_cli_rs","cli_version":"0.114.0","model_provider":"openai"}}'
    ),
    identity="session: session_meta.id; project: the last folder of cwd; client: codex; user, task: none",
    sniff=sniff,
    read=read,
)
