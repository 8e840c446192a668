"""Events that coding agents export for every call they made: the bill, and not the prompt.

claude_code.api_request    input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cost_usd
gemini_cli.api_response    input_token_count, output_token_count, cached_content_token_count, thoughts_token_count
codex.sse_event            input_token_count, output_token_count, cached_token_count (of response.completed)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agentcost.ingest.apis import anthropic, gemini, openai_responses
from agentcost.ingest.apis.contract import Api, Identity
from agentcost.ingest.counts import told_count
from agentcost.ingest.exported import Exported, Times, cost_at, text_at
from agentcost.ingest.otel_spans import Attributes, Event
from agentcost.ingest.times import moment
from agentcost.model import Usage

CLIENTS = {
    "claude-code": "claude-code", "gemini-cli": "gemini-cli", "codex_cli_rs": "codex", "codex": "codex",
    "copilot-chat": "copilot", "github-copilot": "copilot", "qwen-code": "qwen-code",
}  # fmt: skip
"""Coding agents by the name of their service."""


class _Agent(msgspec.Struct, frozen=True):
    """Whose event it is, the provider and dialect it calls, and how its usage is written."""

    client: str
    provider: str
    api: Api
    usage: Callable[[Attributes], Usage | None]


def agent_call(event: Event) -> Exported | None:
    """The call that an event of a coding agent tells of; None for every other event."""
    attributes = event.attributes
    agent = _AGENTS.get(event.name) or _AGENTS.get(str(event.body))
    usage = agent.usage(attributes) if agent else None
    if agent is None or usage is None:
        return None
    ended = event.time if event.time is not None else moment(attributes.get("event.timestamp"))[0]
    lasted = _number(attributes.get("duration_ms"))
    return Exported(
        provider=agent.provider,
        model=text_at(attributes, "model"),
        usage=usage,
        api=agent.api,
        id=text_at(attributes, "request_id", "response_id"),
        identity=Identity(
            session=text_at(attributes, "session.id", "conversation.id"),
            user=text_at(attributes, "user.id", "user.account_uuid", "user.account_id", "installation.id"),
            client=agent.client,
        ),
        times=Times(ended - lasted / 1e3 if ended is not None and lasted is not None else None, None, ended),
        cost=cost_at(attributes, "cost_usd"),
    )


def _claude_code(attributes: Attributes) -> Usage | None:
    plain = _count(attributes, "input_tokens")
    if plain is None:
        return None
    return Usage(
        plain=plain,
        read=_count(attributes, "cache_read_tokens") or 0,
        write=_count(attributes, "cache_creation_tokens") or 0,
        output=_count(attributes, "output_tokens"),
    )


def _gemini_cli(attributes: Attributes) -> Usage | None:
    given = _count(attributes, "input_token_count")
    if given is None:
        return None
    prompt = given + (_count(attributes, "tool_token_count") or 0)
    read, thoughts = _count(attributes, "cached_content_token_count") or 0, _count(attributes, "thoughts_token_count")
    output = (_count(attributes, "output_token_count") or 0) + (thoughts or 0)
    return Usage(plain=max(prompt, read) - read, read=read, output=output, reasoning=thoughts)


def _codex(attributes: Attributes) -> Usage | None:
    """Of a stream's events only the last tells of usage."""
    prompt = _count(attributes, "input_token_count")
    if prompt is None:
        return None
    read = min(_count(attributes, "cached_token_count") or 0, prompt)
    output, reasoning = _count(attributes, "output_token_count"), _count(attributes, "reasoning_token_count")
    return Usage(plain=prompt - read, read=read, output=output, reasoning=reasoning)


def _count(attributes: Attributes, key: str) -> int | None:
    return told_count(key, attributes.get(key))


def _number(value: Any) -> float | None:
    """A number, which some agents write as text."""
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_CLAUDE_CODE = _Agent("claude-code", "anthropic", anthropic.API, _claude_code)
_GEMINI_CLI = _Agent("gemini-cli", "google", gemini.API, _gemini_cli)
_CODEX = _Agent("codex", "openai", openai_responses.API, _codex)
_AGENTS = {
    "claude_code.api_request": _CLAUDE_CODE, "api_request": _CLAUDE_CODE, "gemini_cli.api_response": _GEMINI_CLI,
    "codex.sse_event": _CODEX,
}  # fmt: skip
