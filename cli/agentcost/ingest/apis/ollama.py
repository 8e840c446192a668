"""Ollama's own chat API: Chat Completions' messages, with answers and usage of its own.

    {"model": "qwen3:8b", "messages": […], "options": {"num_ctx": 8192}}
    {"model": "qwen3:8b", "message": {"role": "assistant", …}, "done": true, "prompt_eval_count": 26, "eval_count": 298}

Images lie beside the text as base64; arguments of calls are objects. `prompt_eval_count` is the whole prompt. Streams
are one object a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.apis.parameters import as_text, chosen
from agentcost.model import Segment, Usage

_OWN = ("options", "keep_alive", "think")
_SETTINGS = frozenset({"options", "keep_alive", "think", "format"})


def owns(body: Body) -> bool:
    """Chat messages beside parameters that only Ollama has."""
    return openai_chat.owns(body) and any(key in body for key in _OWN) and "thinking" not in body


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per message."""
    return openai_chat.elements([_chat(item) if isinstance(item, dict) else item for item in items], start, calls)


def _chat(message: Body) -> Body:
    """A message in the words of Chat Completions."""
    known = dict(message)
    images = known.pop("images", None)
    if isinstance(images, list) and images:
        pictures = [{"type": "image_url", "image_url": {"url": str(image)}} for image in images]
        known["content"] = [{"type": "text", "text": str(message.get("content") or "")}, *pictures]
    thought = known.pop("thinking", None)
    if isinstance(thought, str):
        known["reasoning_content"] = thought
    if message.get("tool_name"):
        known["name"] = message["tool_name"]
    return known


def settings(body: Body) -> dict[str, str]:
    """What decides the length of the context and billing."""
    return as_text(chosen(body, _SETTINGS))


def answers(answer: Body) -> bool:
    """A message, and whether it is done."""
    return isinstance(answer.get("message"), dict) and "done" in answer


def usage(answer: Body) -> Usage | None:
    """Evaluated tokens; None in a stream that was cut."""
    prompt = answer.get("prompt_eval_count")
    if not isinstance(prompt, int):
        return None
    return usage_of({"prompt_tokens": prompt, "completion_tokens": answer.get("eval_count")})


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The answer as the message it becomes in the next prompt."""
    return elements([{**answer["message"], "role": "assistant"}], 0, calls)[0]


def assemble(events: Sequence[Body]) -> Body:
    """Pieces of content and thinking joined, calls gathered; the last event has the counts."""
    whole: Body = {}
    message: Body = {"role": "assistant", "content": "", "thinking": "", "tool_calls": []}
    for event in events:
        whole.update(event)
        piece = event.get("message")
        if isinstance(piece, dict):
            message["content"] += str(piece.get("content") or "")
            message["thinking"] += str(piece.get("thinking") or "")
            message["tool_calls"] += piece.get("tool_calls") or []
    if "message" in whole:
        whole["message"] = {key: value for key, value in message.items() if value}
    return whole


API = replace(
    openai_chat.API,
    name="ollama",
    provider="ollama",
    stable=("tools",),
    owns=owns,
    elements=elements,
    settings=settings,
    answers=answers,
    usage=usage,
    answer=answer,
    assemble=assemble,
)
