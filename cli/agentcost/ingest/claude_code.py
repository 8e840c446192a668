"""Claude Code sessions: ~/.claude/projects/<project>/<session>.jsonl, one JSON record a line.

    {"type":"user","uuid":"u1","parentUuid":null,"sessionId":"s1","cwd":"/home/me/shop","version":"2.1.37",
     "timestamp":"2026-02-06T09:27:19.311Z","message":{"role":"user","content":"Fix the total"}}
    {"type":"assistant","uuid":"a1","parentUuid":"u1","sessionId":"s1","requestId":"req_1","timestamp":"…","message":
     {"id":"msg_1","model":"claude-opus-4-6","content":[{"type":"text","text":"I look."}],"stop_reason":null,
      "usage":{"input_tokens":3,"cache_creation_input_tokens":320,"cache_read_input_tokens":26472,"output_tokens":9}}}

A call is several records, one per content block, that repeat its id and its usage: each becomes a request with the
same id, and the last one wins. Most are written before the answer has ended (no stop_reason): their output count is
a lower bound. `agent_progress` records hold the calls of sub-agents. System prompt, tools and the memory files of
the start are not in the log; `toolUseResult` is a copy for the user's screen. A request is taken to start when the
last record before it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import msgspec

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.claude_code_attachments import attachment_part
from agentcost.ingest.claude_code_history import Answer, History, Point, answer_of, receive, said
from agentcost.ingest.claude_code_records import Billed, Creation, Entry, Message, entry_of
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.faults import fault
from agentcost.ingest.json_values import Record, records
from agentcost.ingest.parts import SKILL_TOOLS
from agentcost.ingest.times import moment
from agentcost.ingest.turns import Part, is_result, text_block
from agentcost.model import Item, Kind, Knowledge, Other, Place, Request, Skipped, Usage


class Speaker(msgspec.Struct, frozen=True):
    """Whose conversation a record belongs to: its role, and a sub-agent's id."""

    role: str = "main"
    agent: str = ""


class Session(msgspec.Struct):
    """What reading one log remembers.

    `points` are the places behind its records, by uuid; `tips` the latest of each conversation, for records that do
    not say where they belong; `answers` the calls, by id.
    """

    history: History
    points: dict[str, Point] = {}
    tips: dict[Speaker, Point] = {}
    answers: dict[str, Answer] = {}

    def before(self, entry: Entry, speaker: Speaker) -> Point:
        """Where a record stands: behind its parent, else behind the latest of its conversation."""
        parent = entry.parent_uuid
        if parent is None:
            return None
        if isinstance(parent, str) and parent in self.points:
            return self.points[parent]
        return self.tips.get(speaker)

    def stand(self, entry: Entry, speaker: Speaker, point: Point) -> None:
        """The record's place is `point`."""
        if entry.uuid:
            self.points[entry.uuid] = point
        self.tips[speaker] = point


_TURNS = frozenset({"user", "assistant", "attachment", "system", "progress"})
"""Types of records that name their parent."""

_NOTES = frozenset({
    "summary", "file-history-snapshot", "queue-operation", "mode", "permission-mode", "ai-title", "custom-title",
    "last-prompt", "pr-link", "agent-name",
})  # fmt: skip
"""Types of records beside the conversation."""


def sniff(peek: Peek) -> bool:
    """Records that name their parent and their session; or notes alone, as of a session that was only opened."""
    if {"parentUuid", "sessionId"} <= set(peek.keys):
        return True
    found = list(peek.objects())
    return any(map(_is_turn, found)) or (bool(found) and all(map(_is_note, found)))


def _is_turn(value: Body) -> bool:
    return value.get("type") in _TURNS and "parentUuid" in value and "sessionId" in value


def _is_note(value: Body) -> bool:
    return value.get("type") in _NOTES and bool(value.keys() & {"sessionId", "leafUuid", "messageId"})


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """An item for every record: requests where an answer was billed."""
    session = Session(History(hand))
    for record in records(source):
        yield _item(session, record)
    for answer in session.answers.values():
        session.history.close(answer)


def _item(session: Session, record: Record) -> Item:
    value = record.value
    if record.reason or not isinstance(value, dict):
        return Skipped(record.place, record.reason or "not a JSON object; mend or remove the line")
    kind = str(value.get("type", ""))
    if kind not in _ITEMS:
        return Other(record.place, kind.replace("-", " ") or "record without a type")
    try:
        entry = entry_of(value)
        speaker = Speaker("subagent", entry.agent_id or "") if entry.is_sidechain else Speaker()
        return _ITEMS[kind](session, record.place, entry, speaker)
    except msgspec.ValidationError as error:
        return Skipped(record.place, f"not a record of Claude Code ({fault(error)}); mend or remove it")


def _user(session: Session, where: Place, entry: Entry, speaker: Speaker) -> Item:
    """What the user said, what tools gave, or the summary that a compacted conversation begins with."""
    before = None if entry.is_compact_summary else session.before(entry, speaker)
    time, _ = moment(entry.timestamp)
    blocks = entry.blocks
    what = "tool result" if any(map(is_result, blocks)) else "user message"
    answer = answer_of(before)
    if entry.uuid in session.points:
        return Other(where, "repeated record")
    if answer and what == "tool result":
        receive(answer, Part("user", [block for block in blocks if is_result(block)]), time)
        blocks = [block for block in blocks if not is_result(block)]
    kind, name = _said_as(session, entry, blocks)
    session.stand(entry, speaker, said(before, Part("user", blocks, kind, name), time) if blocks else before)
    return Other(where, "summary of a compaction" if entry.is_compact_summary else what)


_SKILL_FOLDER = re.compile(r"Base directory for this skill: (\S+)")


def _said_as(session: Session, entry: Entry, blocks: list[Body]) -> tuple[Kind | None, str]:
    """The component of a user record's texts, where more than the texts tell it."""
    if entry.is_compact_summary:
        return Kind.SUMMARY, ""
    if entry.is_meta and blocks:
        folder = _SKILL_FOLDER.match(str(blocks[0].get("text", "")))
        if folder:
            return Kind.SKILL, _last_folder(folder[1])
        tool = session.history.calls.named(entry.source_tool_use or "")
        if tool.lower() in SKILL_TOOLS:
            return Kind.SKILL, tool
    return None, ""


def _last_folder(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _assistant(session: Session, where: Place, entry: Entry, speaker: Speaker) -> Item:
    """A block of an answer, with the bill of its call."""
    message, blocks, before = entry.message or Message(), entry.blocks, session.before(entry, speaker)
    at, _ = moment(entry.timestamp)
    if message.model == "<synthetic>":
        sent = blocks and not entry.is_api_error_message and entry.uuid not in session.points
        session.stand(entry, speaker, said(before, Part("assistant", blocks), at) if sent else before)
        return Other(where, "message that no model wrote")
    key = f"{message.id or ''}:{entry.request_id or ''}"
    own = key if key != ":" else f"at {where}"
    answer = session.answers.get(own)
    if answer is None:
        answer = session.history.ask(before, message.model or "", speaker.role == "main", at)
        session.answers[own] = answer
    if not entry.uuid or entry.uuid not in session.points:
        session.history.write(answer, blocks, at)
    session.stand(entry, speaker, answer)
    return _request(where, entry, message, speaker, answer)


def _request(where: Place, entry: Entry, message: Message, speaker: Speaker, answer: Answer) -> Request:
    ended, naive = moment(entry.timestamp)
    billed, model = message.usage or Billed(), message.model or ""
    geo = "" if billed.inference_geo == "not_available" else billed.inference_geo
    settings = (("version", entry.version), ("speed", billed.speed), ("inference_geo", geo))
    labels = (("branch", entry.git_branch), ("agent", speaker.agent))
    known_id = message.id or entry.request_id
    return Request(
        place=where,
        format=READER.name,
        knowledge=Knowledge.TRANSCRIPT,
        provider=_provider(message.id or "", model),
        model=model,
        node=answer.prompt,
        api="anthropic",
        id=f"{message.id or ''}:{entry.request_id or ''}" if known_id else "",
        session=entry.session_id or "",
        project=_last_folder(entry.cwd or ""),
        client=READER.name,
        role=speaker.role,
        tier=billed.service_tier or "",
        started=answer.started,
        ended=ended,
        naive_time=naive,
        usage=_usage(billed, message.stop_reason is None),
        answer=answer.leaf,
        finished=message.stop_reason is not None,
        settings=tuple((name, value) for name, value in settings if value),
        labels=tuple((name, value) for name, value in labels if value),
    )


def _provider(message_id: str, model: str) -> str:
    """Who served a call, by the form of its id; Claude Code can be pointed at any server."""
    if message_id.startswith("msg_bdrk_"):
        return "bedrock"
    if message_id.startswith("msg_vrtx_"):
        return "vertex"
    return "anthropic" if model.startswith("claude") else ""


def _usage(billed: Billed, unfinished: bool) -> Usage | None:
    """The bill; None where the server counted nothing."""
    writes = billed.cache_creation or Creation()
    short, long = writes.ephemeral_5m_input_tokens or 0, writes.ephemeral_1h_input_tokens or 0
    usage = Usage(
        plain=billed.input_tokens or 0,
        read=billed.cache_read_input_tokens or 0,
        write_5m=short,
        write_1h=long,
        write=max(0, (billed.cache_creation_input_tokens or 0) - short - long),
        output=billed.output_tokens,
        output_is_lower_bound=unfinished,
        searches=(billed.server_tool_use and billed.server_tool_use.web_search_requests) or 0,
    )
    return usage if usage.prompt else None


def _attachment(session: Session, where: Place, entry: Entry, speaker: Speaker) -> Item:
    before = session.before(entry, speaker)
    part = attachment_part(entry.attachment or {}) if entry.uuid not in session.points else None
    time, _ = moment(entry.timestamp)
    session.stand(entry, speaker, said(before, part, time) if part else before)
    return Other(where, "attachment")


def _system(session: Session, where: Place, entry: Entry, speaker: Speaker) -> Item:
    """A note of the client. Of these only the commands that the user ran are sent."""
    before = session.before(entry, speaker)
    if entry.subtype == "local_command" and isinstance(entry.content, str) and entry.content:
        time, _ = moment(entry.timestamp)
        before = said(before, Part("user", [text_block(entry.content)]), time)
    session.stand(entry, speaker, before)
    return Other(where, "compaction" if entry.subtype == "compact_boundary" else "system note")


def _progress(session: Session, where: Place, entry: Entry, speaker: Speaker) -> Item:
    """A sign of life of a tool; a sub-agent's is a record of its own conversation."""
    session.stand(entry, speaker, session.before(entry, speaker))
    data = entry.data or {}
    inner = data.get("message")
    if data.get("type") != "agent_progress" or not isinstance(inner, dict) or str(inner.get("type")) not in _SPOKEN:
        return Other(where, "progress")
    own = entry_of(inner)
    own.session_id, own.cwd, own.version, own.git_branch = entry.session_id, entry.cwd, entry.version, entry.git_branch
    agent = Speaker("subagent", str(data.get("agentId") or entry.parent_tool_use or ""))
    return _SPOKEN[own.type](session, where, own, agent)


_Read = Callable[[Session, Place, Entry, Speaker], Item]

_SPOKEN: dict[str, _Read] = {"user": _user, "assistant": _assistant}

_ITEMS: dict[str, _Read] = {**_SPOKEN, "attachment": _attachment, "system": _system, "progress": _progress}

READER = Reader(
    name="claude-code",
    about="Claude Code sessions (~/.claude/projects): history and billed usage, sub-agents included",
    knowledge=Knowledge.TRANSCRIPT,
    example='{"type":"assistant","uuid":"a1","parentUuid":null,"sessionId":"s1","cwd":"/home/me/shop","version":"2.1.37",'
    '"requestId":"req_1","timestamp":"2026-02-06T09:27:21.887Z","message":{"id":"msg_1","model":"claude-opus-4-6",'
    '"content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn","usage":{"input_tokens":3,'
    '"cache_creation_input_tokens":320,"cache_read_input_tokens":26472,"output_tokens":9}}}',
    identity="session: sessionId; project: the last folder of cwd; client: claude-code, its version in settings; "
    "user, task: none; labels: branch (gitBranch), agent (a sub-agent's id)",
    sniff=sniff,
    read=read,
)
