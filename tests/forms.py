"""One request of each dialect as every full format writes it down, answered and billed with 900 tokens of input."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.dialects import ANTHROPIC, CHAT, GEMINI, RESPONSES, Body, Dialect

BILLED = 900

URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages", "openai-chat": "https://api.openai.com/v1/chat/completions",
    "openai-responses": "https://api.openai.com/v1/responses",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
}  # fmt: skip
STREAMS: dict[str, list[Body]] = {
    "anthropic": [
        {"type": "message_start", "message": {"id": "", "type": "message", "usage": {"input_tokens": BILLED}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Fine."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    ],
    "openai-chat": [
        {"id": "", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Fine."}}]},
        {"id": "", "choices": [], "usage": {"prompt_tokens": BILLED, "completion_tokens": 3}},
    ],
    "openai-responses": [
        {"type": "response.completed", "response": {"output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fine."}]}
        ], "usage": {"input_tokens": BILLED, "output_tokens": 3}}},
    ],
    "gemini": [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Fine."}]}}],
         "usageMetadata": {"promptTokenCount": BILLED, "candidatesTokenCount": 3}},
    ],
}  # fmt: skip


def captured(dialect: Dialect, body: Body) -> Body:
    """A proxy's capture: the body under `request`, the answer a stream. The model of Gemini is in the URL."""
    name = dialect.api.name
    sent = {key: value for key, value in body.items() if dialect is not GEMINI or key != "model"}
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in STREAMS[name])
    return {"request": {"url": URLS[name], "body": sent}, "response": {"status_code": 200, "body_raw": stream}}


def paired(dialect: Dialect, body: Body) -> Body:
    """A request/response pair: the answer in one piece."""
    answer = dialect.api.assemble(STREAMS[dialect.api.name])
    return captured(dialect, body) | {"response": {"status_code": 200, "body": answer}}


def escaped(_: Dialect, body: Body) -> Body:
    """The body as a string of JSON, no answer."""
    return {"request_body": json.dumps(body)}


def litellm(dialect: Dialect, body: Body) -> Body:
    """LiteLLM's standard logging payload."""
    growing = dialect.api.growing
    kinds = {"anthropic": "anthropic_messages", "openai-chat": "acompletion", "openai-responses": "aresponses"}
    rest = {key: value for key, value in body.items() if key not in (growing, "model")}
    return {
        "call_type": kinds[dialect.api.name], "model": body["model"], "messages": body[growing],
        "model_parameters": rest, "startTime": 1767000000.5, "response_cost": 0.25,
        "prompt_tokens": BILLED, "completion_tokens": 3,
    }  # fmt: skip


def openhands(_: Dialect, body: Body) -> Body:
    """OpenHands' completion log."""
    usage = {"prompt_tokens": BILLED, "completion_tokens": 3}
    return {
        "messages": body["messages"], "tools": body["tools"], "kwargs": {"model": body["model"]}, "cost": 0.25,
        "timestamp": 1767000000.5, "response": {"id": "", "model": body["model"], "choices": [], "usage": usage},
    }  # fmt: skip


Form = Callable[[Dialect, Body], Body]
FORMS: tuple[tuple[Form, tuple[Dialect, ...]], ...] = (
    (captured, (ANTHROPIC, CHAT, RESPONSES, GEMINI)),
    (paired, (ANTHROPIC, CHAT, RESPONSES, GEMINI)),
    (escaped, (ANTHROPIC, CHAT, RESPONSES, GEMINI)),
    (litellm, (ANTHROPIC, CHAT, RESPONSES)),
    (openhands, (CHAT,)),
)
"""Who writes a request down, and in which dialects."""
