"""pi coding agent sessions: ~/.pi/agent/sessions/<folder>/<time>_<id>.jsonl, one JSON entry a line.

    {"type":"session","version":3,"id":"s1","timestamp":"2026-01-10T20:00:00.000Z","cwd":"/home/me/shop"}
    {"type":"message","id":"e1","parentId":null,"timestamp":"…","message":{"role":"user","content":"Fix it"}}
    {"type":"message","id":"e2","parentId":"e1","timestamp":"…","message":{"role":"assistant","provider":"anthropic",
     "api":"anthropic-messages","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Done."}],
     "usage":{"input":3,"output":9,"cacheRead":0,"cacheWrite":1684,"cost":{"total":0.0064}},"stopReason":"stop"}}

An assistant message is a request; its own timestamp is when it started, its entry's when it ended. Input excludes
what the cache gave or took; a usage of zeros is a turn that was aborted before the provider answered. Entries form a
tree (in version 1 a list). A compaction begins a new context: its summary, then what was kept. System prompt and
tools are not in the log. Texts are kept in memory until the session ends, as a compaction or another model needs
them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.faults import fault
from agentcost.ingest.json_values import Record, records
from agentcost.ingest.pi_entries import Billed, Entry, Message, blocks_of, entry_of, part_of, summary_part
from agentcost.ingest.times import moment
from agentcost.ingest.turns import Part, text_block, turn_segments
from agentcost.model import ROOT, Item, Kind, Knowledge, Other, Place, Request, Skipped, Usage

_APIS = {
    "anthropic-messages": "anthropic",
    "openai-completions": "openai-chat",
    "openai-responses": "openai-responses",
    "openai-codex-responses": "openai-responses",
    "google-generative-ai": "gemini",
    "google-vertex": "gemini",
}

_BROKEN_OFF = frozenset({"aborted", "error"})

_PLACE = frozenset({"type", "id", "parentId"})
"""What of an entry is read that no model reads."""

_SKIPS_BROKEN_OFF = 3
"""From this version on a broken-off answer is not sent again; before, its texts were."""


class Step(msgspec.Struct):
    """An entry that says something, behind another; `nodes` are the nodes behind it, by the model that read it."""

    before: Step | None
    part: Part
    nodes: dict[str, int] = {}


class Stand(msgspec.Struct, frozen=True):
    """Where an entry stands: the last step up to it, and whether that is its own."""

    step: Step | None
    own: bool = False


class Session(msgspec.Struct):
    """What reading one log remembers; `stands` by the entries' ids, and by their numbers in the file."""

    hand: Hand
    head: Entry = msgspec.field(default_factory=Entry)
    calls: Calls = msgspec.field(default_factory=Calls)
    stands: dict[str, Stand] = {}
    tip: Stand = msgspec.field(default_factory=lambda: Stand(None))
    thinking: str = ""
    entries: int = 0

    def before(self, entry: Entry) -> Step | None:
        """The last step before an entry."""
        parent = entry.parent_id
        if parent is None:
            return None
        return self.stands.get(parent, self.tip).step if isinstance(parent, str) else self.tip.step

    def stand(self, entry: Entry, stand: Stand) -> None:
        """The entry stands there."""
        self.tip = self.stands[f"#{self.entries - 1}"] = stand
        if entry.id:
            self.stands[entry.id] = stand

    def grown(self, step: Step | None, model: str) -> int:
        """The node behind a step, for a model that reads the path up to it."""
        waiting = []
        while step and model not in step.nodes:
            waiting.append(step)
            step = step.before
        waiting.reverse()
        turn = [step.part for step in waiting]
        if step:
            node, goes_on = step.nodes[model], bool(turn) and turn[0].role == step.part.role
        else:
            nodes = self.hand.grow(ROOT, self.hand.prefix, model)
            node, goes_on = nodes[-1] if nodes else ROOT, False
        lists = turn_segments(turn, self.calls, goes_on)
        nodes = self.hand.grow(node, [segment for segments in lists for segment in segments], model)
        for reached, count in zip(waiting, accumulate(map(len, lists)), strict=True):
            reached.nodes[model] = nodes[count - 1]
        return nodes[-1] if nodes else node


def sniff(peek: Peek) -> bool:
    """The first line is the session with its folder; or entries whose usage is in pi's words."""
    found = list(peek.objects())
    if found and found[0].get("type") == "session" and {"id", "cwd", "timestamp"} <= found[0].keys():
        return True
    return any(_is_answer(value) for value in found)


def _is_answer(value: Body) -> bool:
    message = value.get("message")
    usage = message.get("usage") if value.get("type") == "message" and isinstance(message, dict) else None
    return isinstance(usage, dict) and {"input", "output", "cacheRead", "cacheWrite"} <= usage.keys()


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """An item for every entry: requests where a provider answered."""
    session = Session(hand)
    for record in records(source):
        yield _item(session, record)


def _item(session: Session, record: Record) -> Item:
    value = record.value
    if record.reason or not isinstance(value, dict):
        return Skipped(record.place, record.reason or "not a JSON object; mend or remove the line")
    session.entries += 1
    kind = str(value.get("type", ""))
    try:
        entry = entry_of(value if kind in _ITEMS else {key: value[key] for key in _PLACE & value.keys()})
        return _ITEMS.get(kind, _note)(session, record.place, entry)
    except msgspec.ValidationError as error:
        return Skipped(record.place, f"not an entry of pi ({fault(error)}); mend or remove it")


def _note(session: Session, where: Place, entry: Entry) -> Item:
    """An entry that no model reads."""
    session.stand(entry, Stand(session.before(entry)))
    return Other(where, entry.type.replace("_", " ") or "entry without a type")


def _head(session: Session, where: Place, entry: Entry) -> Item:
    session.head, session.thinking = entry, entry.thinking_level
    session.stand(entry, Stand(None))
    return Other(where, "session")


def _thinking_level(session: Session, where: Place, entry: Entry) -> Item:
    session.thinking = entry.thinking_level
    return _note(session, where, entry)


def _compaction(session: Session, where: Place, entry: Entry) -> Item:
    """A new context: the summary, then the steps from the first that was kept."""
    index = entry.first_kept_entry_index
    first = session.stands.get(entry.first_kept_entry_id or f"#{index}")
    kept, step = [], session.before(entry)
    while first and step and step is not first.step:
        kept.append(step.part)
        step = step.before
    if first and first.own and step:
        kept.append(step.part)
    text = f"{parts.SUMMARY_OPENINGS[1]}\n\n<summary>\n{entry.summary}\n</summary>"
    step = Step(None, Part("user", [text_block(text)], Kind.SUMMARY))
    for part in reversed(kept):
        step = Step(step, part)
    session.stand(entry, Stand(step, own=True))
    return Other(where, "compaction")


def _said(session: Session, entry: Entry, part: Part | None) -> None:
    session.stand(entry, _behind(session.before(entry), part))


def _behind(before: Step | None, part: Part | None) -> Stand:
    """Where an entry stands that says `part`, or nothing."""
    return Stand(Step(before, part), own=True) if part and part.blocks else Stand(before)


def _branch_summary(session: Session, where: Place, entry: Entry) -> Item:
    _said(session, entry, summary_part(entry.summary))
    return Other(where, "branch summary")


def _custom_message(session: Session, where: Place, entry: Entry) -> Item:
    _said(session, entry, Part("user", blocks_of(entry.content), Kind.MEMORY, entry.custom_type))
    return Other(where, "custom message")


def _message(session: Session, where: Place, entry: Entry) -> Item:
    message = entry.message or Message()
    if message.role == "assistant":
        return _assistant(session, where, entry, message)
    _said(session, entry, part_of(message, session.calls))
    return Other(where, "tool result" if message.role == "toolResult" else f"{message.role or 'unknown'} message")


def _assistant(session: Session, where: Place, entry: Entry, message: Message) -> Item:
    billed, blocks = message.usage or Billed(), blocks_of(message.content)
    broken_off = message.stop_reason in _BROKEN_OFF
    usage = _usage(billed, broken_off)
    kept = _kept(session, blocks) if broken_off else blocks
    if usage is None and (broken_off or not blocks):
        _said(session, entry, Part("assistant", kept))
        return Other(where, "aborted turn")
    before = session.before(entry)
    said = _behind(before, Part("assistant", blocks))
    node, answer = session.grown(before, message.model), session.grown(said.step, message.model)
    session.stand(entry, _behind(before, Part("assistant", kept)) if broken_off else said)
    request = Request(where, READER.name, Knowledge.TRANSCRIPT, message.provider, message.model, node)
    return _described(replace(request, usage=usage, answer=answer, finished=not broken_off), session, entry, message)


def _kept(session: Session, blocks: list[Body]) -> list[Body]:
    """What a later prompt still holds of an answer that broke off: no tool ran, so no call."""
    if session.head.version >= _SKIPS_BROKEN_OFF:
        return []
    return [block for block in blocks if block.get("type") == "text"]


def _usage(billed: Billed, broken_off: bool) -> Usage | None:
    """The bill; None where nothing was counted. pi does not tell for how long the cache was written."""
    if not billed.input + billed.output + billed.cache_read + billed.cache_write:
        return None
    return Usage(
        plain=billed.input,
        read=billed.cache_read,
        write=billed.cache_write,
        output=billed.output,
        output_is_lower_bound=broken_off,
    )


def _described(request: Request, session: Session, entry: Entry, message: Message) -> Request:
    """The request with what the log says about it."""
    started, naive = moment(message.timestamp)
    ended, also_naive = moment(entry.timestamp)
    cost = message.usage.cost.total if message.usage and message.usage.cost else None
    return replace(
        request,
        api=_APIS.get(message.api, message.api),
        id=_identity(message, request.usage),
        session=session.head.id,
        project=PurePosixPath(session.head.cwd.replace("\\", "/")).name,
        client=READER.name,
        started=ended if started is None else started,
        ended=ended,
        naive_time=naive or also_naive,
        recorded_cost="" if cost is None else str(cost),
        settings=(("thinking", session.thinking),) if session.thinking else (),
    )


def _identity(message: Message, usage: Usage | None) -> str:
    """The provider's id, else the moment and the bill of the call: a branched session's file repeats its entries."""
    if message.response_id or message.timestamp is None or usage is None:
        return message.response_id or ""
    bill = f"{usage.plain}+{usage.read}+{usage.write}+{usage.output}"
    return f"{message.provider}/{message.model}@{message.timestamp}:{bill}"


_ITEMS: dict[str, Callable[[Session, Place, Entry], Item]] = {
    "session": _head,
    "message": _message,
    "thinking_level_change": _thinking_level,
    "compaction": _compaction,
    "branch_summary": _branch_summary,
    "custom_message": _custom_message,
}

READER = Reader(
    name="pi",
    about="pi coding agent sessions (~/.pi/agent/sessions): history, billed usage and recorded cost",
    knowledge=Knowledge.TRANSCRIPT,
    example='{"type":"message","id":"e2","parentId":null,"timestamp":"2026-01-10T20:00:07.000Z","message":{"role":'
    '"assistant","provider":"anthropic","api":"anthropic-messages","model":"claude-sonnet-4-5","content":[{"type":'
    '"text","text":"Done."}],"usage":{"input":3,"output":9,"cacheRead":0,"cacheWrite":1684,"cost":{"total":0.0064}},'
    '"stopReason":"stop","timestamp":1768075203000}}',
    identity="session: the first line's id; project: the last folder of its cwd; client: pi; user, task: none",
    sniff=sniff,
    read=read,
)
