"""The Chat Completions API, as OpenAI, DeepSeek, Groq, Mistral, xAI, OpenRouter, LiteLLM and engines speak it.

OpenAI renders tools before the conversation, then the schema of the answer, then the messages in their order;
system and developer messages are messages of level `system`. Item ids, statuses and cache markers are no
part of the canonical form. Session: `metadata.session_id`, `session_id`, `litellm_session_id`, else
`prompt_cache_key`; user: `user`, `safety_identifier`, `metadata.user_id`; project and client: the first system
message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from agentcost.ingest import parts
from agentcost.ingest.apis import anthropic
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.openai_chat_stream import assemble
from agentcost.ingest.apis.openai_content import (
    Write,
    content_segments,
    identity_of,
    opening_client,
    response_format,
    sound_or_film,
    text_of,
    tool_segments,
    ttl_of,
)
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.apis.parameters import as_text, chosen
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Level, Segment, Usage
from agentcost.rendering import shown_calls

_DIRECTORY = re.compile(r"(?:[Ww]orking directory: *|<cwd>)([^\s<]+)")
_SETTINGS = frozenset({
    "tool_choice", "parallel_tool_calls", "reasoning_effort", "reasoning", "verbosity", "service_tier", "max_tokens",
    "max_completion_tokens", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "modalities",
    "thinking", "provider", "store",
})  # fmt: skip
_CONVERSE = ("inferenceConfig", "toolConfig", "additionalModelRequestFields")


def owns(body: Body) -> bool:
    """Messages that are not Anthropic's and not Bedrock's."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(item, dict) and "role" in item for item in messages[:1]):
        return False
    if "input" in body or "contents" in body or any(key in body for key in _CONVERSE):
        return False
    return not anthropic.owns(body)


def head(body: Body) -> list[Segment]:
    """Tools in their order, legacy functions, the schema of the answer."""
    functions = body.get("functions")
    legacy = [{"type": "function", "function": item} for item in functions] if isinstance(functions, list) else []
    tools = body.get("tools")
    declared = [*(tools if isinstance(tools, list) else ()), *legacy]
    model = str(body.get("model") or "")
    return tool_segments("tools", "system", declared, model) + response_format(body.get("response_format"))


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message; the last of a run of tool messages ends the run."""
    del start
    groups = []
    for number, item in enumerate(items):
        run_ends = number + 1 == len(items) or not _is_result(items[number + 1])
        groups.append(parts.close_message(_message(item, calls, run_ends)) if isinstance(item, dict) else [])
    return groups


def _is_result(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in ("tool", "function")


def _message(message: Body, calls: Calls, run_ends: bool) -> list[Segment]:
    role, ttl = str(message.get("role", "user")), ttl_of(message)
    segments = _result(message, calls, run_ends) if _is_result(message) else _turn(role, message, calls)
    if ttl:
        segments[-1] = replace(segments[-1], breakpoint=ttl)
    return segments


def _turn(role: str, message: Body, calls: Calls) -> list[Segment]:
    """A message's thinking, content and calls, in this order; an empty message is one empty text."""
    level: Level = "system" if role in ("system", "developer") else "messages"
    kind = {"user": Kind.USER, "assistant": Kind.ASSISTANT}.get(role, Kind.SYSTEM)
    write = _writer(kind, str(message.get("name") or ""))
    segments = _thinking(Spot(level, role, True), message)
    segments += content_segments(Spot(level, role, not segments), message.get("content"), write)
    segments += content_segments(Spot(level, role, not segments), message.get("refusal"), write)
    audio = message.get("audio")
    if isinstance(audio, dict):
        segments.append(sound_or_film(Spot(level, role, not segments), str(audio.get("id", "")), "audio"))
    segments += _calls(Spot(level, role, not segments), message, calls)
    return segments or write(Spot(level, role, True), "")


def _writer(kind: Kind, name: str) -> Write:
    """Writes a message's own text; the `name` of its author is part of what the model sees."""
    return lambda spot, text: parts.text_segments(spot, kind, text, name=name)


def _thinking(spot: Spot, message: Body) -> list[Segment]:
    """Reasoning as the providers return it: plain text, or details with signatures and encrypted state."""
    given = message.get("reasoning_details") or message.get("thinking_blocks")
    details = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    opaque = "".join(str(item.get("data") or item.get("signature") or "") for item in details)
    text = "".join(str(item.get("text") or item.get("thinking") or "") for item in details)
    plain = message.get("reasoning_content") or message.get("reasoning")
    if not text and not opaque:  # with encrypted state, the plain text is a summary that no model reads again
        text = plain if isinstance(plain, str) else ""
    if opaque and not text:
        return [parts.state(spot, opaque)]
    return [parts.segment(spot, Kind.THINKING, text, identity=opaque)] if text else []


def _calls(spot: Spot, message: Body, calls: Calls) -> list[Segment]:
    given = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        given.append({"function": legacy})
    asked = [_asked(call) for call in given]
    segments = []
    for number, (call, (name, arguments), text) in enumerate(
        zip(given, asked, shown_calls(asked, calls.model), strict=True)
    ):
        last = number + 1 == len(given)
        ends = Ends.BLOCK | Ends.TOOL_RUN if last else Ends.BLOCK
        here = Spot(spot.level, spot.role, spot.opens and not number, ttl_of(call), ends)
        call_id, extra = str(call.get("id") or ""), call.get("extra_content")  # Gemini's thought signature
        calls.tools[call_id or name] = name
        identity = call_id + (parts.canonical(extra) if extra else "")
        segments.append(parts.tool_call(here, name, arguments, identity, text=text))
    return segments


def _asked(call: Body) -> tuple[str, str]:
    """The name of the function called, and its arguments as they were written."""
    inner = call.get("function") or call.get("custom") or {}
    given = inner.get("arguments") if "arguments" in inner else inner.get("input")
    arguments = given if isinstance(given, str) else parts.canonical(given) if given is not None else ""
    return str(inner.get("name") or ""), arguments


def _result(message: Body, calls: Calls, run_ends: bool) -> list[Segment]:
    name, call_id = str(message.get("name") or ""), str(message.get("tool_call_id") or "")
    tool = calls.named(call_id, name) if call_id else name
    spot = Spot("messages", str(message["role"]), True, ends=Ends.BLOCK | Ends.TOOL_RUN if run_ends else Ends.BLOCK)

    def write(here: Spot, text: str) -> list[Segment]:
        return parts.tool_result(here, tool, text, call_id)

    return content_segments(spot, message.get("content"), write) or write(spot, "")


def settings(body: Body) -> dict[str, str]:
    """What decides caching, tier and billing; the schema of the answer stands in the head."""
    return as_text(chosen(body, _SETTINGS))


def identity(body: Body) -> Identity:
    """Who sent it, from parameters and the first system message."""
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    system = first if isinstance(first, dict) and first.get("role") in ("system", "developer") else {}
    text = text_of(system.get("content"))
    directory = _DIRECTORY.search(text)
    project = directory.group(1).rstrip("/").rpartition("/")[2] if directory else ""
    return identity_of(body, str(body.get("prompt_cache_key") or ""), project, opening_client(text))


def answers(answer: Body) -> bool:
    """A completion: choices with a message; one that failed on its way counts if it was billed."""
    choices = answer.get("choices")
    given = isinstance(choices, list) and any(
        isinstance(c, dict) and isinstance(c.get("message"), dict) for c in choices
    )
    return given and (not answer.get("error") or isinstance(answer.get("usage"), dict))


def usage(answer: Body) -> Usage | None:
    """Billed tokens, see `openai_usage`."""
    return usage_of(answer.get("usage"))


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The first choice as the assistant message it becomes in the next prompt."""
    choices = answer.get("choices") or [{}]
    return elements([{**(choices[0].get("message") or {}), "role": "assistant"}], 0, calls)[0]


API = Api(
    name="openai-chat",
    provider="openai",
    growing="messages",
    stable=("tools", "functions", "response_format"),
    owns=owns,
    head=head,
    elements=elements,
    settings=settings,
    identity=identity,
    answers=answers,
    usage=usage,
    answer=answer,
    assemble=assemble,
)
