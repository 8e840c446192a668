"""What spans say was billed, under the names that there have been for it.

gen_ai.usage.input_tokens, gen_ai.usage.cache_read.input_tokens, llm.token_count.prompt, ai.usage.inputTokens, …
"""

from __future__ import annotations

from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.counts import count_at
from agentcost.ingest.otel_spans import Attributes
from agentcost.model import Usage

_TOKENS: dict[str, tuple[str, ...]] = {
    "prompt_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "ai.usage.inputTokens",
        "ai.usage.promptTokens", "llm.usage.prompt_tokens",
    ),
    "completion_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
        "ai.usage.outputTokens", "ai.usage.completionTokens", "llm.usage.completion_tokens",
    ),
    "total_tokens": (
        "gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens",
    ),
    "cache_read_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached", "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens", "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cache_read_tokens", "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "llm.token_count.prompt_details.cache_read", "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ),
    "cache_creation_input_tokens": (
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens", "gen_ai.usage.cache_creation_tokens",
        "gen_ai.usage.cache_write_tokens", "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.output_tokens.reasoning", "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens", "llm.token_count.completion_details.reasoning",
        "ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens",
    ),
}  # fmt: skip
"""Usage under the names it is recorded by; the first that is a count counts: JavaScript writes NaN for none."""


def tokens_of(attributes: Attributes) -> dict[str, int]:
    """The counts that are recorded, under the names of Chat Completions."""
    found = {ours: count_at(attributes, *keys) for ours, keys in _TOKENS.items()}
    return {name: count for name, count in found.items() if count is not None}


def billed(attributes: Attributes) -> Usage | None:
    """The billed tokens: the input includes cached ones, unless the total, or more of them than input, say no."""
    counts = tokens_of(attributes)
    reasoning = counts.pop("reasoning_tokens", None)
    details = {"completion_tokens_details": {"reasoning_tokens": reasoning}} if reasoning is not None else {}
    fresh = count_at(attributes, "ai.usage.inputTokenDetails.noCacheTokens")
    if fresh is not None:
        read, written = counts.get("cache_read_input_tokens", 0), counts.get("cache_creation_input_tokens", 0)
        counts["prompt_tokens"] = fresh + read + written
    return usage_of({**counts, **details})
