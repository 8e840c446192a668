"""Conversations that grow, fork, are edited and compacted, and how each API and each layout writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.replacing import replace

Json = dict[str, Any]

LOOK_ALIKE: Json = {
    "model": "claude-opus-4-6",
    "tools": [{"name": "tool0", "description": "d", "input_schema": {"type": "object"}}],
    "system": [{"type": "text", "text": "You help."}],
    "messages": [{"role": "user", "content": "Hello"}],
    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
    "input": [{"role": "user", "content": "Hello"}],
    "instructions": "You help.",
}
"""What a tool call may carry: a request body, with the very keys that are looked for."""


@dataclass(frozen=True)
class Turn:
    """Something said: text of one side, a tool's `call` or its `result`; `nested` puts LOOK_ALIKE into the call."""

    kind: Literal["user", "assistant", "call", "result"]
    text: str
    id: str = ""
    nested: bool = False


@dataclass(frozen=True)
class Talk:
    """What one request sends: who, with what tools and system prompt, and the turns so far."""

    session: str = "s0"
    system: str = "You help."
    tools: int = 2
    turns: tuple[Turn, ...] = ()
    anonymous: bool = False
    limit: int = 100

    def said(self, *turns: Turn) -> Talk:
        """With more turns."""
        return replace(self, turns=(*self.turns, *turns))


def _arguments(turn: Turn) -> Json:
    return {"command": turn.text, **({"body": LOOK_ALIKE} if turn.nested else {})}


def _marked(block: Json, mark: bool) -> Json:
    return {**block, "cache_control": {"type": "ephemeral"}} if mark else block


def _anthropic_turn(turn: Turn, mark: bool, bare: bool) -> Json:
    role = "assistant" if turn.kind in ("assistant", "call") else "user"
    if turn.kind == "call":
        block: Json = {"type": "tool_use", "id": turn.id, "name": "bash", "input": _arguments(turn)}
    elif turn.kind == "result":
        block = {"type": "tool_result", "tool_use_id": turn.id, "content": turn.text}
    elif bare and not mark:
        return {"role": role, "content": turn.text}
    else:
        block = {"type": "text", "text": turn.text}
    return {"role": role, "content": [_marked(block, mark)]}


def anthropic(talk: Talk, marks: str) -> Json:
    """A Messages body; `marks`: none, moving with the last message, or changing its shape as well."""
    tools = [{"name": f"tool{n}", "description": "d", "input_schema": {"type": "object"}} for n in range(talk.tools)]
    last = len(talk.turns) - 1
    return {
        "model": "claude-opus-4-6",
        "max_tokens": talk.limit,
        **({} if talk.anonymous else {"metadata": {"user_id": f"user_u_account_a_session_{talk.session}"}}),
        "system": [{"type": "text", "text": talk.system}],
        **({"tools": tools} if tools else {}),
        "messages": [
            _anthropic_turn(turn, marks != "none" and n == last, marks == "shape") for n, turn in enumerate(talk.turns)
        ],
    }


def _functions(talk: Talk) -> list[Json]:
    return [{"name": f"tool{n}", "description": "d", "parameters": {"type": "object"}} for n in range(talk.tools)]


def _chat_turn(turn: Turn) -> Json:
    if turn.kind == "call":
        call = {"name": "bash", "arguments": json.dumps(_arguments(turn))}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": turn.id, "type": "function", "function": call}],
        }
    if turn.kind == "result":
        return {"role": "tool", "tool_call_id": turn.id, "content": turn.text}
    return {"role": turn.kind, "content": turn.text}


def chat(talk: Talk, _: str) -> Json:
    """A Chat Completions body."""
    tools = [{"type": "function", "function": function} for function in _functions(talk)]
    system = {"role": "system", "content": talk.system}
    return {
        "model": "gpt-4.1",
        "max_tokens": talk.limit,
        **({} if talk.anonymous else {"user": "u", "prompt_cache_key": talk.session}),
        **({"tools": tools} if tools else {}),
        "messages": [system, *map(_chat_turn, talk.turns)],
    }


def _responses_turn(turn: Turn) -> Json:
    if turn.kind == "call":
        call = json.dumps(_arguments(turn))
        return {"type": "function_call", "call_id": turn.id, "name": "bash", "arguments": call}
    if turn.kind == "result":
        return {"type": "function_call_output", "call_id": turn.id, "output": turn.text}
    kind = "input_text" if turn.kind == "user" else "output_text"
    return {"type": "message", "role": turn.kind, "content": [{"type": kind, "text": turn.text}]}


def responses(talk: Talk, _: str) -> Json:
    """A Responses body."""
    return {
        "model": "gpt-5",
        "max_output_tokens": talk.limit,
        **({} if talk.anonymous else {"user": "u", "prompt_cache_key": talk.session}),
        "instructions": talk.system,
        **({"tools": [{"type": "function", **function} for function in _functions(talk)]} if talk.tools else {}),
        "input": [_responses_turn(turn) for turn in talk.turns],
    }


def _gemini_turn(turn: Turn) -> Json:
    if turn.kind == "call":
        return {"role": "model", "parts": [{"functionCall": {"name": "bash", "args": _arguments(turn)}}]}
    if turn.kind == "result":
        return {
            "role": "user",
            "parts": [{"functionResponse": {"name": "bash", "response": {"output": turn.text}}}],
        }
    return {"role": "model" if turn.kind == "assistant" else "user", "parts": [{"text": turn.text}]}


def gemini(talk: Talk, _: str) -> Json:
    """A generateContent body, its model in the body as some captures write it."""
    return {
        "model": "gemini-2.5-pro",
        **({} if talk.anonymous else {"labels": {"session_id": talk.session, "user_id": "u"}}),
        "generationConfig": {"maxOutputTokens": talk.limit},
        "systemInstruction": {"parts": [{"text": talk.system}]},
        **({"tools": [{"functionDeclarations": _functions(talk)}]} if talk.tools else {}),
        "contents": [_gemini_turn(turn) for turn in talk.turns],
    }


BODIES: dict[str, Callable[[Talk, str], Json]] = {
    "anthropic": anthropic,
    "chat": chat,
    "responses": responses,
    "gemini": gemini,
}
GROWING = ("messages", "contents", "input")


def _growing_first(body: Json) -> Json:
    return {
        **{key: body[key] for key in ("model", *GROWING) if key in body},
        **{key: value for key, value in body.items() if key not in ("model", *GROWING)},
    }


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _pair(body: Json, number: int, arguments: Json) -> str:
    """Answer and volatile time before the request."""
    content = [{"type": "tool_use", "id": f"answer{number}", "name": "bash", "input": arguments}]
    usage = {"input_tokens": 7 + number, "output_tokens": number}
    answer = {"type": "message", "id": f"msg{number}", "role": "assistant", "content": content, "usage": usage}
    record = {
        "timestamp": f"2026-01-01T00:00:{number % 60:02}.{number:06}Z",
        "response": {"body": answer},
        "request": {"url": "https://api.example.com/v1/x", "body": body},
    }
    return _compact(record)


LAYOUTS: dict[str, Callable[[Json, int], str]] = {
    "head-first": lambda body, _: _compact(body),
    "messages-first": lambda body, _: _compact(_growing_first(body)),
    "spaced": lambda body, _: json.dumps(body),
    "escaped": lambda body, number: _compact({"timestamp": number, "body": _compact(body), "status": 200}),
    "escaped-ascii": lambda body, number: json.dumps({"timestamp": number, "body": json.dumps(_growing_first(body))}),
    "pair": lambda body, number: _pair(body, number, {"command": "ls"}),
    "pair-look-alike": lambda body, number: _pair(body, number, LOOK_ALIKE),
}


@dataclass
class Log:
    """The lines of a log, written as they come."""

    api: str
    layout: str
    marks: str = "none"
    lines: list[str] = field(default_factory=list)

    def send(self, talk: Talk) -> None:
        """One more request."""
        self.lines.append(LAYOUTS[self.layout](BODIES[self.api](talk, self.marks), len(self.lines)))

    def content(self) -> bytes:
        """The log as a file."""
        return "".join(line + "\n" for line in self.lines).encode()
