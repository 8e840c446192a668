"""Events of an OpenHands conversation as what each puts into a prompt, in the words of Chat Completions.

    events/event-00002-….json   {"kind":"ActionEvent","thought":[…],"tool_call":{"name":"terminal","arguments":"{…}"},
                                 "llm_response_id":"r1",…}

From its sources. An event names the one before it (`parent_id`). Calls of one answer are an event each. Of its own
tools a log holds names and descriptions; the schema of their parameters only of MCP servers' tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.errors import AgentcostError
from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import object_of, objects_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.source import FileSource
from agentcost.ingest.times import moment
from agentcost.model import Kind

_FOLDER, _FILES = "events", "event-*.json"
_ERROR = "[An error occurred during execution.]\n"
_MOST_OF_A_COMMAND, _MOST_OF_A_RESULT = 30_000, 50_000
"""Characters of a tool's result that are sent; the middle of a longer one is left out."""
_CLIPPED = "<response clipped>"


class Tool(msgspec.Struct, frozen=True):
    """A tool as Chat Completions declares it; whether its parameters are known (`whole`), and whether it is MCP's."""

    body: Body
    whole: bool
    mcp: bool = False


class Event(msgspec.Struct, frozen=True):
    """An event, or all those of one answer: `message` is what it adds to a prompt.

    `response` is the answer it is from; `calls` are the tool calls it makes, `result_of` the one it answers. `marks`
    tell of texts what they are. A condensation has `forgets` (ids of events), and its message stands at `offset`.
    """

    kind: str
    ids: tuple[str, ...]
    parent: str
    time: float | None
    message: Body | None = None
    response: str = ""
    calls: tuple[str, ...] = ()
    result_of: str = ""
    tools: tuple[Tool, ...] = ()
    marks: tuple[tuple[str, Kind, str], ...] = ()
    forgets: frozenset[str] = frozenset()
    offset: int | None = None


def is_event(record: Body) -> bool:
    """Whether a record is an event of such a conversation."""
    own = {"id", "timestamp", "source", "kind"} <= record.keys() and not record.keys() & {"role", "traceId"}
    return own and str(record["kind"]) in _KINDS


def events_beside(path: Path) -> list[Body]:
    """The events in the folder beside a conversation's state, in their order; those that cannot be read left out."""
    found: list[Body] = []
    for file in sorted((path.parent / _FOLDER).glob(_FILES)):
        try:
            found += [record.value for record in objects(FileSource(str(file), file)) if not record.reason]
        except AgentcostError:  # it says so itself where it is read
            continue
    return found


def events_of(records: Iterable[Body]) -> Iterator[Event]:
    """What records say, the calls of one answer together."""
    waiting: Event | None = None
    for record in records:
        event = _event(record)
        if waiting and event.kind == _ACTION and (waiting.kind, waiting.response) == (event.kind, event.response):
            waiting = _joined(waiting, event)
            continue
        if waiting:
            yield waiting
        waiting = event
    if waiting:
        yield waiting


def _event(record: Body) -> Event:
    kind = str(record.get("kind") or "")
    bare = Event(
        kind, (text_at(record, "id"),), text_at(record, "parent_id"), moment(record.get("timestamp"))[0],
        response=text_at(record, "llm_response_id"),
    )  # fmt: skip
    known = _KINDS.get(kind)
    return known(bare, record) if known else bare


def _joined(event: Event, more: Event) -> Event:
    """Calls made at once are one message."""
    message = dict(event.message or {})
    message["tool_calls"] = [*message["tool_calls"], *(more.message or {})["tool_calls"]]
    return replace(event, ids=event.ids + more.ids, message=message, calls=event.calls + more.calls)


def _system(event: Event, record: Body) -> Event:
    fixed, own = (text_at(object_of(record.get(key)), "text") for key in ("system_prompt", "dynamic_context"))
    content = [{"type": "text", "text": text} for text in (fixed, own) if text]
    tools = tuple(tool for given in objects_of(record.get("tools") or []) if (tool := _tool(given)))
    marks = ((own, Kind.MEMORY, "dynamic context"),) if own else ()
    return replace(event, message={"role": "system", "content": content}, tools=tools, marks=marks)


def _tool(given: Body) -> Tool | None:
    """A tool as it was declared, as far as the log tells."""
    mcp = object_of(given.get("mcp_tool"))
    if "function" not in given:
        schema = mcp.get("input_schema") or mcp.get("inputSchema")
        given = {**given, **mcp, "name": text_at(given, "name", "title") or text_at(mcp, "name"), "parameters": schema}
    body = retold.tool_of(given)
    return Tool(body, whole=bool(body["function"]["parameters"]), mcp=bool(mcp)) if body else None


def _said(event: Event, record: Body) -> Event:
    message = object_of(record.get("llm_message"))
    more = [text_at(part, "text") for part in objects_of(record.get("extended_content") or [])]
    skills = record.get("activated_skills")
    named = ", ".join(map(str, skills)) if isinstance(skills, list) else ""
    kind = (Kind.SKILL, named) if named else (Kind.MEMORY, "context")
    content = [*_content(message.get("content")), *({"type": "text", "text": text} for text in more if text)]
    told = {"role": str(message.get("role") or "user"), "content": content, **_thought(message)}
    return replace(event, message=told, marks=tuple((text, *kind) for text in more if text))


def _called(event: Event, record: Body) -> Event:
    call = object_of(record.get("tool_call"))
    inner = object_of(call.get("function")) or call
    key = text_at(record, "tool_call_id") or text_at(call, "id")
    name = text_at(inner, "name") or text_at(record, "tool_name")
    said = [part for part in _content(record.get("thought")) if part.get("text") != ""]
    message = {"role": "assistant", "content": said, "tool_calls": [retold.called(name, inner.get("arguments"), key)]}
    return replace(event, message={**message, **_thought(record)}, calls=(key,))


def _thought(holder: Body) -> Body:
    """Reasoning as it is kept: Anthropic's blocks, OpenRouter's details, or a text."""
    kept = ("thinking_blocks", "reasoning_details", "reasoning_content")
    return next(({key: holder[key]} for key in kept if holder.get(key)), {})


def _result(event: Event, record: Body) -> Event:
    given = object_of(record.get("observation"))
    content = _content(given["content"] if "content" in given else given.get("output"))
    more = [part for part in _content(record.get("extended_content")) if part.get("text")]
    shown = object_of(given.get("metadata"))
    if "suffix" in shown:
        content = [{"type": "text", "text": _of_a_command(content, shown)}]
    content = [{**part, "text": clipped(part["text"])} if "text" in part else part for part in content]
    if given.get("screenshot_data"):
        content.append(retold.picture(given["screenshot_data"]))
    error = [{"type": "text", "text": _ERROR}] if given.get("is_error") else []
    marks = tuple((part["text"], Kind.MEMORY, "context") for part in more)
    return replace(_answered(event, record, [*error, *content, *more]), marks=marks)


def _of_a_command(content: Sequence[Body], shown: Body) -> str:
    """What a terminal gave back, with what is told of its state."""
    text = "\n".join(str(part["text"]) for part in content if "text" in part)
    lines = [f"{shown.get('prefix') or ''}{text}{shown.get('suffix') or ''}"]
    if shown.get("working_dir"):
        lines.append(f"[Current working directory: {shown['working_dir']}]")
    if shown.get("py_interpreter_path"):
        lines.append(f"[Python interpreter: {shown['py_interpreter_path']}]")
    if shown.get("exit_code") != -1:
        lines.append(f"[Command finished with exit code {shown.get('exit_code')}]")
    return clipped("\n".join(lines), _MOST_OF_A_COMMAND)


def clipped(text: str, most: int = _MOST_OF_A_RESULT) -> str:
    """A text as it is sent: of one that is too long, the beginning and the end."""
    if len(text) <= most:
        return text
    kept = most - len(_CLIPPED)
    return text[: kept - kept // 2] + _CLIPPED + text[len(text) - kept // 2 :]


def _failed(event: Event, record: Body) -> Event:
    return _answered(event, record, str(record.get("error") or ""))


def _rejected(event: Event, record: Body) -> Event:
    return _answered(event, record, f"Action rejected: {record.get('rejection_reason') or ''}")


def _answered(event: Event, record: Body, content: Any) -> Event:
    key = text_at(record, "tool_call_id")
    return replace(event, message=retold.result(key, content, record.get("tool_name")), result_of=key)


def _summed_up(event: Event, record: Body) -> Event:
    forgets = record.get("forgotten_event_ids")
    forgotten = frozenset(map(str, forgets)) if isinstance(forgets, list) else frozenset()
    summary, offset = text_at(record, "summary"), count_at(record, "summary_offset")
    if not summary or (event.kind == _CONDENSATION and offset is None):
        return replace(event, forgets=forgotten)
    message = {"role": "user", "content": [{"type": "text", "text": summary}]}
    return replace(
        event, message=message, marks=((summary, Kind.SUMMARY, ""),), forgets=forgotten, offset=offset
    )  # fmt: skip


def _content(value: Any) -> list[Body]:
    """Texts and images as parts."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    found: list[Body] = []
    for part in objects_of(value or []):
        urls = part.get("image_urls")
        if isinstance(urls, list):
            found += [retold.picture(url) for url in urls]
        else:
            found.append({"type": "text", "text": text_at(part, "text")})
    return found


def _nothing(event: Event, record: Body) -> Event:
    del record
    return event


_ACTION, _CONDENSATION = "ActionEvent", "Condensation"
ANSWERS = ("MessageEvent", _ACTION)
"""Events that may be an answer of the agent's model."""
_KINDS: dict[str, Callable[[Event, Body], Event]] = {
    "SystemPromptEvent": _system, "MessageEvent": _said, _ACTION: _called, "ObservationEvent": _result,
    "AgentErrorEvent": _failed, "UserRejectObservation": _rejected, _CONDENSATION: _summed_up,
    "CondensationSummaryEvent": _summed_up, "CondensationRequest": _nothing, "ConversationStateUpdateEvent": _nothing,
    "ConversationErrorEvent": _nothing, "PauseEvent": _nothing, "InterruptEvent": _nothing, "TokenEvent": _nothing,
    "HookExecutionEvent": _nothing,
}  # fmt: skip
