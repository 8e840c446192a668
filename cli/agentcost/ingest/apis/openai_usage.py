"""What an OpenAI-like answer says was billed, in disjoint classes, for both OpenAI dialects and who speaks them.

The whole input includes what was cached, under these names:

| read | OpenAI, xAI, Groq, Qwen, GLM `*_tokens_details.cached_tokens`; DeepSeek `prompt_cache_hit_tokens`; |
|      | Kimi `cached_tokens`; Mistral `num_cached_tokens`; LiteLLM `cache_read_input_tokens`               |
| write | OpenAI 5.6, OpenRouter `*_tokens_details.cache_write_tokens`; LiteLLM `cache_creation_input_tokens` |

`total_tokens` settles what a gateway left out: xAI counts reasoning beside the completion, and an input below
what was read and written excludes both.
"""

from __future__ import annotations

from typing import Any

from agentcost.ingest.apis.extras import with_server_tools
from agentcost.ingest.counts import count_at
from agentcost.model import Usage


def usage_of(billed: Any) -> Usage | None:
    """The billed tokens of a `usage` object; None where it names no input, or is all zeros: nobody counted."""
    if not isinstance(billed, dict):
        return None
    prompt = count_at(billed, "prompt_tokens", "input_tokens")
    if prompt is None:
        return None
    details = _inner(billed, "prompt_tokens_details", "input_tokens_details")
    read = max(
        _count(details, "cached_tokens"),
        *(
            _count(billed, key)
            for key in ("prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens", "num_cached_tokens")
        ),
    )
    write = max(
        _count(details, "cache_write_tokens"),
        _count(details, "cache_creation_tokens"),
        _count(billed, "cache_creation_input_tokens"),
    )
    ttl = _inner(billed, "cache_creation") or _inner(details, "cache_creation_token_details")
    short, long = _count(ttl, "ephemeral_5m_input_tokens"), _count(ttl, "ephemeral_1h_input_tokens")
    output, reasoning = _output(billed, prompt)
    cached = read + max(write, short + long)
    if not (prompt or cached or output):
        return None
    found = Usage(
        plain=prompt if _excludes(billed, prompt, output, cached) else prompt - cached,
        read=read,
        write_5m=short,
        write_1h=long,
        write=max(0, write - short - long),
        output=output,
        reasoning=reasoning,
    )
    return with_server_tools(found, billed)


def _excludes(billed: dict[str, Any], prompt: int, output: int | None, cached: int) -> bool:
    """Whether the prompt count leaves out what was read and written."""
    total = count_at(billed, "total_tokens")
    return cached > prompt or (cached > 0 and total is not None and total == prompt + cached + (output or 0))


def _output(billed: dict[str, Any], prompt: int) -> tuple[int | None, int | None]:
    """(output, reasoning): the output includes the reasoning, also where the log counts it beside."""
    output = count_at(billed, "completion_tokens", "output_tokens")
    details = _inner(billed, "completion_tokens_details", "output_tokens_details")
    reasoning = count_at(details, "reasoning_tokens")
    if output is None or reasoning is None:
        return output, reasoning
    if count_at(billed, "total_tokens") == prompt + output + reasoning:
        output += reasoning
    return output, min(reasoning, output)


def _inner(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return next((value[key] for key in keys if isinstance(value.get(key), dict)), {})


def _count(value: dict[str, Any], key: str) -> int:
    return count_at(value, key) or 0
