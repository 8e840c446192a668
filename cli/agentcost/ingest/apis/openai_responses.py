"""The Responses API: tools, then instructions, then the items of `input`.

An item is a message, a call, a result, a reasoning or a compaction item; see `openai_items`. What is sent by
reference (`previous_response_id`, `conversation`, `prompt`) is a setting, so that a hidden prefix can be told.
Session: `metadata.session_id`, `session_id`, else `prompt_cache_key` (Codex: the conversation); user: `user`,
`safety_identifier`, `metadata.user_id`; project and client: the instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.extras import with_items
from agentcost.ingest.apis.openai_content import identity_of, opening_client, tool_segments
from agentcost.ingest.apis.openai_items import is_result, item_segments
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.apis.parameters import as_text, chosen
from agentcost.ingest.parts import Spot
from agentcost.model import Kind, Segment, Usage

_DIRECTORY = re.compile(r"(?:[Ww]orking directory: *|<cwd>)([^\s<]+)")
_SETTINGS = frozenset({
    "reasoning", "tool_choice", "parallel_tool_calls", "service_tier", "max_output_tokens", "max_tool_calls",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "previous_response_id", "conversation",
    "context_management", "truncation", "background", "store",
})  # fmt: skip


_OTHERS = ("messages", "contents", "encoding_format", "dimensions", "voice")
_OTHER_MODEL = re.compile("embed|moderation|tts|rerank")


def owns(body: Body) -> bool:
    """`input` as text or items, and a sign that it asks for a response rather than an embedding."""
    given = body.get("input")
    if any(key in body for key in _OTHERS) or _OTHER_MODEL.search(str(body.get("model", ""))):
        return False
    if isinstance(given, str):
        return "model" in body or "prompt" in body
    return isinstance(given, list) and all(
        isinstance(item, dict) and ("role" in item or "content" in item or isinstance(item.get("type"), str))
        for item in given
    )


def head(body: Body) -> list[Segment]:
    """Tools in their order, then the instructions (a text, or items of level system)."""
    segments = tool_segments("tools", "system", body.get("tools"), str(body.get("model") or ""))
    instructions = body.get("instructions")
    if isinstance(instructions, str) and instructions:
        segments += parts.text_segments(Spot("system", "system", True), Kind.SYSTEM, instructions)
    elif isinstance(instructions, list):
        segments += [segment for group in elements(instructions, 0, Calls()) for segment in group]
    return segments


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per item; the last of a run of results ends the run. A bare string is one message."""
    del start
    given: Sequence[Any] = [{"role": "user", "content": items}] if isinstance(items, str) else items
    groups = []
    for number, item in enumerate(given):
        run_ends = number + 1 == len(given) or not is_result(given[number + 1])
        groups.append(parts.close_message(item_segments(item, calls, run_ends)) if isinstance(item, dict) else [])
    return groups


def settings(body: Body) -> dict[str, str]:
    """What decides caching, tier and billing, and what is sent by reference; long values by their digest."""
    found = chosen(body, _SETTINGS)
    text = body.get("text")
    if isinstance(text, dict):
        found.update({key: text[key] for key in ("verbosity",) if text.get(key)})
        form = text.get("format")
        if isinstance(form, dict) and form.get("type") != "text":
            found["text_format"] = f"{form.get('type')} {parts.digest_of(parts.canonical(form)).hex()}"
            found["text_format_unordered"] = parts.unordered(parts.canonical(form)).hex()
    prompt = body.get("prompt")
    if isinstance(prompt, dict):
        found["prompt"] = f"{prompt.get('id', '')} {parts.digest_of(parts.canonical(prompt)).hex()}"
    return as_text(found)


def identity(body: Body) -> Identity:
    """Who sent it, from parameters and the instructions."""
    instructions = body.get("instructions")
    text = instructions if isinstance(instructions, str) else ""
    directory = _DIRECTORY.search(text)
    project = directory.group(1).rstrip("/").rpartition("/")[2] if directory else ""
    return identity_of(body, str(body.get("prompt_cache_key") or ""), project, opening_client(text))


def answers(answer: Body) -> bool:
    """A response with output; one that failed counts if it was billed."""
    if not isinstance(answer.get("output"), list):
        return False
    return not answer.get("error") or isinstance(answer.get("usage"), dict)


def usage(answer: Body) -> Usage | None:
    """Billed tokens, see `openai_usage`, and searches."""
    return with_items(usage_of(answer.get("usage")), answer.get("output"))


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The output items as they stand in the next input."""
    return [segment for group in elements(answer.get("output") or [], 0, calls) for segment in group]


def assemble(events: Sequence[Body]) -> Body:
    """The last event that holds the response; its items from their own events where it leaves them out."""
    whole: Body = {}
    done: dict[int, Any] = {}
    for event in events:
        if isinstance(event.get("response"), dict):
            whole = dict(event["response"])
        elif event.get("type") == "response.output_item.done":
            done[int(event.get("output_index") or len(done))] = event.get("item")
        elif event.get("type") == "error" or "error" in event:
            whole["error"] = event.get("error") or event.get("message")
    if done and not whole.get("output"):
        whole["output"] = [done[index] for index in sorted(done)]
    return whole


API = Api(
    name="openai-responses",
    provider="openai",
    growing="input",
    stable=("tools", "instructions"),
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
