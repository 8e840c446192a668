"""Conversations that a tracer wrote down in its own words, as the bodies of the API that the model speaks.

The words in the middle are those of Chat Completions: a role, content that is text or parts, calls, a call's id.
For Claude they become Anthropic's: the system apart, calls and results as blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from agentcost.ingest import parts
from agentcost.ingest.apis import anthropic, openai_chat
from agentcost.ingest.apis.contract import Api, Body
from agentcost.ingest.exported import objects_of, opened

_TOOL_ROLES = ("tool", "function")
_SYSTEM_ROLES = ("system", "developer")

_ROLES = {
    "human": "user", "HumanMessage": "user", "HumanMessageChunk": "user", "ai": "assistant", "AIMessage": "assistant",
    "AIMessageChunk": "assistant", "system": "system", "SystemMessage": "system", "tool": "tool", "model": "assistant",
    "ToolMessage": "tool", "function": "tool", "FunctionMessage": "tool",
}  # fmt: skip
"""Roles by the names that LangChain and others have for them."""


class Told(msgspec.Struct, frozen=True):
    """A prompt and its answer in the dialect that the model speaks.

    `hides` says that a tool was called and none was recorded: their definitions were sent and are not here.
    """

    api: Api
    body: Body
    answer: Body | None
    hides: bool


def told(model: str, messages: Sequence[Body], tools: Sequence[Body], answers: Sequence[Body]) -> Told:
    """What a tracer recorded of a call; of several answers the first choice."""
    api, body = body_of(model, messages, tools)
    calls = any(said.get("tool_calls") or said.get("role") in _TOOL_ROLES for said in (*messages, *answers))
    return Told(api, body, answer_of(api, answers), hides=calls and not tools)


def body_of(model: str, messages: Sequence[Body], tools: Sequence[Body]) -> tuple[Api, Body]:
    """The dialect that a model speaks, and the body that sent these messages and tools."""
    if "claude" not in model.lower():
        return openai_chat.API, {"model": model, "tools": list(tools), "messages": list(messages)}
    system = [block for message in messages if message.get("role") in _SYSTEM_ROLES for block in _blocks(message)]
    declared = [
        {"name": tool["name"], "description": tool.get("description") or "", "input_schema": tool.get("parameters")}
        for tool in (tool["function"] for tool in tools)
    ]
    return anthropic.API, {"model": model, "tools": declared, "system": system, "messages": _turns(messages)}


def answer_of(api: Api, messages: Sequence[Body]) -> Body | None:
    """The answer that these messages of the assistant were; None without one."""
    if not messages:
        return None
    if api is anthropic.API:
        return {"content": [block for turn in _turns(messages) for block in turn["content"]]}
    return {"choices": [{"message": messages[0]}]}


def tool_of(value: Any) -> Body | None:
    """A tool as Chat Completions declares it, from whichever shape it was recorded in; None where it is none."""
    tool = opened(value)
    if not isinstance(tool, dict):
        return None
    inner = tool.get("function")
    own = inner if isinstance(inner, dict) else tool.get("toolSpec", tool)
    name = own.get("name") or own.get("id")
    if not isinstance(name, str):
        return None
    given = next((own[key] for key in ("parameters", "input_schema", "inputSchema") if own.get(key)), None)
    found = opened(given)
    schema: Body = found.get("json", found) if isinstance(found, dict) else {}
    return {"type": "function", "function": {"name": name, "description": own.get("description") or "",
                                             "parameters": schema}}  # fmt: skip


def tools_of(values: Any) -> list[Body]:
    """The tools of a list, which may be kept as text."""
    found = opened(values)
    given: Iterable[Any] = found if isinstance(found, list) else ()
    return [tool for tool in map(tool_of, given) if tool]


def messages_of(value: Any) -> list[Body]:
    """The messages in what a tracer keeps of a prompt or an answer: a text, a message, a list, a body; of a batch the
    first."""
    return list(_messages(opened(value)))


def _messages(value: Any) -> Iterator[Body]:
    if isinstance(value, str):
        if value:
            yield {"role": "user", "content": value}
    elif isinstance(value, list):
        given = value[0] if value and isinstance(value[0], list) else value
        for item in given:
            yield from _messages(item)
    elif isinstance(value, dict):
        if "messages" in value:
            yield from _messages(opened(value["messages"]))
        elif {"role", "content", "kwargs", "data", "tool_calls"} & value.keys():
            yield chat(value)


def chat(message: Body) -> Body:
    """A message in the words of Chat Completions, from LangChain's, Anthropic's parts, or calls that lie flat."""
    kind, inner = message.get("type"), message.get("kwargs", message.get("data"))
    known = dict(inner) if isinstance(inner, dict) else dict(message)
    if isinstance(message.get("id"), list) and message["id"]:  # LangChain's path of the class
        kind = message["id"][-1]
    known["role"] = _ROLES.get(str(kind), str(known.get("role") or message.get("role") or "user"))
    known["role"] = _ROLES.get(known["role"], known["role"])
    extra = known.get("additional_kwargs")
    given = known.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, dict) else None)
    known["tool_calls"] = [_flat_call(call) for call in objects_of(given)]
    content = known.get("content")
    if isinstance(content, str) and content.lstrip().startswith("[{"):
        content = opened(content)
    if isinstance(content, list):
        content = [_renamed(part) for part in content if not _takes(known, part)]
    known["content"] = content
    return known


def _flat_call(call: Body) -> Body:
    if isinstance(call.get("function"), dict):
        return call
    return called(call.get("name"), call.get("arguments", call.get("args")), call.get("id"))


def _takes(known: Body, part: Any) -> bool:
    """Whether a part is no content: a call, which may be told twice, or thinking."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "tool_use":
        if not any(call.get("id") == part.get("id") for call in known["tool_calls"]):
            known["tool_calls"].append(called(part.get("name"), part.get("input"), part.get("id")))
        return True
    if kind == "thinking":
        known["reasoning_content"] = known.get("reasoning_content", "") + str(part.get("thinking") or "")
        return True
    return False


def _renamed(part: Any) -> Any:
    """An image or document of Anthropic's in the words of Chat Completions; every other part as it is."""
    source = part.get("source") if isinstance(part, dict) else None
    if not isinstance(source, dict) or part.get("type") not in ("image", "document"):
        return part
    return picture(source.get("data") or source.get("url"), "application/pdf" if part["type"] == "document" else "")


def called(name: Any, arguments: Any, call_id: Any) -> Body:
    """A call in a message of the assistant; arguments are text, or values that were."""
    text = arguments if isinstance(arguments, str) else parts.canonical({} if arguments is None else arguments)
    return {"id": str(call_id or ""), "type": "function", "function": {"name": str(name or ""), "arguments": text}}


def result(call_id: Any, content: Any, name: Any = "") -> Body:
    """What a tool gave back; values other than texts and parts as JSON."""
    listed = isinstance(content, list) and all(isinstance(item, dict) and "type" in item for item in content)
    text = content if isinstance(content, str) or listed else parts.canonical(content)
    return {"role": "tool", "tool_call_id": str(call_id or ""), "name": str(name or ""), "content": text}


def picture(payload: Any, mime: Any = "") -> Body:
    """A part of bytes or a reference: an image, unless its MIME type says that it is a document."""
    text, kind = str(payload or ""), str(mime or "")
    if kind and not kind.startswith("image"):
        return {"type": "file", "file": {"file_data": text}}
    return {"type": "image_url", "image_url": {"url": text}}


def _turns(messages: Sequence[Body]) -> list[Body]:
    """Messages as Anthropic's API has them: results are blocks of a user's message."""
    turns: list[Body] = []
    results = False
    for message in messages:
        role = str(message.get("role", "user"))
        if role in _SYSTEM_ROLES:
            continue
        tool = role in _TOOL_ROLES
        blocks = [_result_block(message)] if tool else _blocks(message)
        if tool and results:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": "user" if tool else role, "content": blocks})
        results = tool
    return turns


def _result_block(message: Body) -> Body:
    call_id = str(message.get("tool_call_id") or "")
    return {"type": "tool_result", "tool_use_id": call_id, "content": _content(message.get("content"))}


def _blocks(message: Body) -> list[Body]:
    """A message's thinking, content and calls as blocks."""
    thought = message.get("reasoning_content")
    blocks: list[Body] = [{"type": "thinking", "thinking": thought}] if isinstance(thought, str) and thought else []
    blocks += _content(message.get("content"))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        given = opened(function.get("arguments"))
        blocks.append({"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given})
    return blocks


def _content(content: Any) -> list[Body]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_block(part) for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _block(part: Body) -> Body:
    """A part as a block; what Anthropic has no name for stays as it is."""
    kind = part.get("type")
    inner = part.get(str(kind))
    if kind == "image_url" and isinstance(inner, dict):
        return {"type": "image", "source": {"type": "base64", "data": str(inner.get("url") or "")}}
    if kind == "file" and isinstance(inner, dict):
        return {"type": "document", "source": {"type": "base64", "data": str(inner.get("file_data") or "")}}
    return part
