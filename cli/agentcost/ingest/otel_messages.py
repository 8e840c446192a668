"""What spans recorded of a prompt and its answer, in the conventions that there have been, as messages.

| convention    | prompt                                                                   | answer                 |
| ------------- | ------------------------------------------------------------------------ | ---------------------- |
| GenAI, now    | `gen_ai.system_instructions`, `.input.messages`, `.tool.definitions`     | `.output.messages`     |
| GenAI, events | `gen_ai.system.message`, `.user.message`, `.assistant…`, `.tool…`        | `gen_ai.choice`        |
| GenAI, first  | `gen_ai.prompt`, or an event `gen_ai.content.prompt`                     | `gen_ai.completion`    |
| OpenLLMetry   | `gen_ai.prompt.0.content`, `llm.request.functions.0.name`                | `gen_ai.completion.0…` |
| OpenInference | `llm.input_messages.0.message.content`, `llm.tools.0.tool.json_schema`   | `llm.output_messages…` |
| Vercel AI SDK | `ai.prompt.messages`, `ai.prompt.tools`                                  | `ai.response.text`     |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.exported import object_of, objects_of, opened
from agentcost.ingest.otel_spans import Attributes, Event

_EVENTS = {
    "gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}  # fmt: skip
_CHOICE = "gen_ai.choice"


class Content(msgspec.Struct, frozen=True):
    """What was recorded of a call: messages, tools and answers in the words of Chat Completions."""

    messages: Sequence[Body] = ()
    tools: Sequence[Body] = ()
    answers: Sequence[Body] = ()


def content_of(attributes: Attributes, events: Sequence[Event]) -> Content:
    """What the first convention that recorded a prompt tells; the answer is of the first that recorded one."""
    read = [convention(attributes, events) for convention in _CONVENTIONS]
    return Content(
        next((content.messages for content in read if content.messages), ()),
        next((content.tools for content in read if content.tools), ()),
        next((content.answers for content in read if content.answers), ()),
    )


def _current(attributes: Attributes, events: Sequence[Event]) -> Content:
    """Messages of parts, on the span or on its event of the operation's details."""
    for event in events:
        if event.name == "gen_ai.client.inference.operation.details":
            attributes = {**event.attributes, **attributes}
    given = opened(attributes.get("gen_ai.system_instructions"))
    blocks = given if isinstance(given, list) else [given] if given else []
    system = [
        {"role": "system", "content": item if isinstance(item, str) else str(item.get("content") or "")}
        for item in blocks
        if isinstance(item, str | dict)
    ]
    spoken = _spoken(attributes.get("gen_ai.input.messages"))
    return Content(
        [*system, *spoken] if spoken else [],
        retold.tools_of(attributes.get("gen_ai.tool.definitions", attributes.get("gen_ai.request.available_tools"))),
        _spoken(attributes.get("gen_ai.output.messages")),
    )


def _spoken(value: Any) -> list[Body]:
    return _answering([message for item in objects_of(value) for message in _of_parts(item)])


def _answering(messages: list[Body]) -> list[Body]:
    """The messages, with results that name no call (VS Code's) given to the calls before them, one after another."""
    waiting: list[str] = []
    for message in messages:
        if message.get("role") == "assistant":
            waiting = [str(call.get("id") or "") for call in message.get("tool_calls") or ()]
        elif message.get("role") == "tool" and waiting:
            own = message.setdefault("tool_call_id", waiting[0])
            waiting = [call for call in waiting if call != own]
    return messages


def _of_parts(message: Body) -> list[Body]:
    """A message of parts; one that holds results is one message per result, and what it says besides."""
    given = message.get("parts")
    if not isinstance(given, list):
        return [retold.chat(message)]
    said: Body = {"role": str(message.get("role") or "user"), "content": []}
    results = []
    for part in given:
        if isinstance(part, dict):
            answer = _part(said, part)
            results += [answer] if answer else []
        elif isinstance(part, str):
            said["content"].append({"type": "text", "text": part})
    return [*results, said] if len(said) > 2 or said["content"] else results


def _part(said: Body, part: Body) -> Body | None:
    """Put a part into its message; a tool's response is a message of its own."""
    kind, content = str(part.get("type", "text")), part.get("content")
    if kind in ("tool_call_response", "tool_response"):
        given = next((part[key] for key in ("response", "result", "content") if part.get(key) is not None), "")
        return retold.result(part.get("id"), given, part.get("name"))
    if kind == "tool_call":
        said.setdefault("tool_calls", []).append(retold.called(part.get("name"), part.get("arguments"), part.get("id")))
    elif kind in ("reasoning", "thinking"):
        said["reasoning_content"] = said.get("reasoning_content", "") + str(content or "")
    elif kind in ("blob", "uri", "file"):
        payload = content or part.get("data") or part.get("uri") or part.get("file_id")
        said["content"].append(retold.picture(payload, part.get("mime_type") or part.get("modality")))
    elif kind == "text" and isinstance(content, str):
        said["content"].append({"type": "text", "text": content})
    else:
        said["content"].append(part)
    return None


def _by_events(attributes: Attributes, events: Sequence[Event]) -> Content:
    """One event per message; Logfire keeps them as one attribute."""
    listed = [Event(str(item.get("event.name") or ""), {}, item) for item in objects_of(attributes.get("events"))]
    messages, answers = [], []
    for event in (*events, *listed):
        body = event.body if isinstance(event.body, dict) else object_of(event.attributes.get("gen_ai.event.content"))
        body = body or {key: opened(value) for key, value in event.attributes.items() if not key.startswith("gen_ai.")}
        if event.name in _EVENTS:
            role = _EVENTS[event.name]
            call_id = {"tool_call_id": str(body.get("id") or "")} if role == "tool" else {}
            messages.append({**retold.chat({"role": role, **body}), **call_id})
        elif event.name == _CHOICE:
            said = object_of(body.get("message")) or body
            answers.append(retold.chat({"tool_calls": body.get("tool_calls"), **said, "role": "assistant"}))
    return Content(messages, [], answers)


def _first_ones(attributes: Attributes, events: Sequence[Event]) -> Content:
    """The prompt and the completion as one value each."""
    for event in events:
        if event.name in ("gen_ai.content.prompt", "gen_ai.content.completion"):
            attributes = {**event.attributes, **attributes}
    asked, said = opened(attributes.get("gen_ai.prompt")), opened(attributes.get("gen_ai.completion"))
    if isinstance(asked, dict) and isinstance(asked.get("messages"), list):
        asked = asked["messages"]
    if isinstance(said, dict) and "role" not in said:
        said = said.get("text", said.get("content"))
    answer = [{"role": "assistant", "content": said}] if isinstance(said, str) and said else _spoken(said)
    if isinstance(asked, str) and asked:
        return Content([{"role": "user", "content": asked}], [], answer)
    return Content(_spoken(asked), [], answer)


def _open_llmetry(attributes: Attributes, events: Sequence[Event]) -> Content:
    del events
    return Content(
        [retold.chat(message) for message in nested(attributes, "gen_ai.prompt")],
        retold.tools_of(nested(attributes, "llm.request.functions")),
        [retold.chat({"role": "assistant", **message}) for message in nested(attributes, "gen_ai.completion")],
    )


def _open_inference(attributes: Attributes, events: Sequence[Event]) -> Content:
    """Flattened messages; without them, a request body that was kept as the input."""
    del events
    tools = [entry.get("tool", {}).get("json_schema") for entry in nested(attributes, "llm.tools")]
    messages = [_inferred(entry) for entry in nested(attributes, "llm.input_messages")]
    answers = [_inferred(entry) for entry in nested(attributes, "llm.output_messages")]
    if messages or not str(attributes.get("openinference.span.kind", "")):
        return Content(messages, retold.tools_of(tools), answers)
    given, said = opened(attributes.get("input.value")), opened(attributes.get("output.value"))
    whole = given if isinstance(given, dict) else {}
    listed = whole.get("messages", given)
    if isinstance(said, dict) and isinstance(said.get("text"), str):
        said = said["text"]
    answers = answers or ([{"role": "assistant", "content": said}] if isinstance(said, str) and said else [])
    if isinstance(listed, str) and listed:
        return Content([{"role": "user", "content": listed}], [], answers)
    return Content(_spoken(listed), retold.tools_of(tools or whole.get("tools")), answers)


def _inferred(entry: Body) -> Body:
    message = entry.get("message")
    message = message if isinstance(message, dict) else {}
    calls = [call["tool_call"] for call in _list(message.get("tool_calls")) if isinstance(call.get("tool_call"), dict)]
    content: Any = message.get("content")
    parts = [part.get("message_content") for part in _list(message.get("contents"))]
    if parts:
        content = [_inferred_part(part) for part in parts if isinstance(part, dict)]
    known = {key: message[key] for key in ("tool_call_id", "name") if key in message}
    return {
        "role": str(message.get("role") or "user"), "content": content, **known,
        "tool_calls": [
            retold.called(function.get("name"), function.get("arguments"), call.get("id"))
            for call in calls
            if isinstance(function := call.get("function"), dict)
        ],
    }  # fmt: skip


def _inferred_part(part: Body) -> Body:
    if isinstance(part.get("image"), dict):
        image = part["image"].get("image")
        return retold.picture((image or {}).get("url") if isinstance(image, dict) else image)
    return {"type": "text", "text": str(part.get("text") or "")}


def _list(value: Any) -> list[Body]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _vercel(attributes: Attributes, events: Sequence[Event]) -> Content:
    del events
    messages = [message for item in objects_of(attributes.get("ai.prompt.messages")) for message in _vercel_turn(item)]
    said = attributes.get("ai.response.text") or attributes.get("ai.response.object") or ""
    calls = [
        retold.called(call.get("toolName"), call.get("input", call.get("args")), call.get("toolCallId"))
        for call in objects_of(attributes.get("ai.response.toolCalls"))
    ]
    thought = attributes.get("ai.response.reasoning")
    answer: Body = {"role": "assistant", "content": said, "tool_calls": calls}
    if isinstance(thought, str) and thought:
        answer["reasoning_content"] = thought
    tools = retold.tools_of(attributes.get("ai.prompt.tools"))
    return Content(messages, tools, [answer] if said or calls or thought else [])


def _vercel_turn(message: Body) -> list[Body]:
    given = message.get("content")
    if not isinstance(given, list):
        return [message]
    said: Body = {"role": str(message.get("role") or "user"), "content": []}
    results = []
    for part in _list(given):
        kind = part.get("type")
        if kind == "tool-result":
            output = part.get("output", part.get("result"))
            value = output["value"] if isinstance(output, dict) and "value" in output else output
            results.append(retold.result(part.get("toolCallId"), value, part.get("toolName")))
        elif kind == "tool-call":
            call = retold.called(part.get("toolName"), part.get("input", part.get("args")), part.get("toolCallId"))
            said.setdefault("tool_calls", []).append(call)
        elif kind == "reasoning":
            said["reasoning_content"] = said.get("reasoning_content", "") + str(part.get("text") or "")
        elif kind in ("image", "file"):
            mime = part.get("mediaType") or part.get("mimeType")
            said["content"].append(retold.picture(part.get("image") or part.get("data"), mime))
        else:
            said["content"].append(part)
    return [*results, said] if len(said) > 2 or said["content"] else results


_CONVENTIONS: tuple[Callable[[Attributes, Sequence[Event]], Content], ...] = (
    _current, _by_events, _vercel, _open_inference, _open_llmetry, _first_ones,
)  # fmt: skip


def nested(attributes: Attributes, prefix: str) -> list[Body]:
    """The objects of a list that was flattened into keys: `prefix.0.role`, `prefix.0.calls.1.name`."""
    tree: Body = {}
    for key, value in attributes.items():
        if not key.startswith(prefix + "."):
            continue
        *path, last = key[len(prefix) + 1 :].split(".")
        at = tree
        for step in path:
            inner = at.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            at = inner
        else:
            at[last] = value
    return _list(_listed(tree))


def _listed(value: Any) -> Any:
    """A tree of objects in which those with numbers for keys are lists."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(item) for key, item in value.items()}
