"""What a budget may limit: every figure by name, its unit, and which way is worse."""

from __future__ import annotations

from typing import Literal

import msgspec

Unit = Literal["tokens", "count", "share", "dollars", "bytes"]

AS_RUN = "as run"
"""The policies that the log itself fell under."""


class Metric(msgspec.Struct, frozen=True):
    """A figure: what it says, and of what there is one each (`of`; "" for one of the whole log).

    `log` says that only a log tells it, `money` that it needs prices. A `noisy` one comes and goes with luck and load.
    """

    says: str
    unit: Unit
    of: str = ""
    more_is_worse: bool = True
    log: bool = True
    money: bool = False
    noisy: bool = False
    example: str = ""


METRICS: dict[str, Metric] = {
    "fixed_prefix_tokens": Metric("tokens before the user's first words, the most of any session", "tokens", log=False),
    "tool_tokens": Metric("tokens of a tool's definition", "tokens", "tool", log=False, example="*"),
    "server_tokens": Metric("tokens of an MCP server's tools", "tokens", "MCP server", log=False, example="github"),
    "never_called_tools": Metric("tools that were defined and never called", "count"),
    "input_tokens_p50": Metric("input tokens of the median request", "tokens", noisy=True),
    "input_tokens_p90": Metric("input tokens that 90% of requests stay below", "tokens", noisy=True),
    "share_above": Metric("share of requests above N input tokens", "share", "tokens", noisy=True, example="128000"),
    "hit_rate": Metric(
        "share of input tokens read from cache, simulated", "share", "policy", more_is_worse=False, example=AS_RUN
    ),
    "cacheable_share": Metric(
        "share of input tokens that an earlier request began with", "share", more_is_worse=False
    ),
    "misses": Metric("share of requests that missed a cache for a cause", "share", "cause", example="system_changed"),
    "cost_per_session": Metric("dollars a session", "dollars", money=True, noisy=True),
    "cost_per_request": Metric("dollars a request", "dollars", money=True, noisy=True),
    "cost_per_task": Metric("dollars a task, where tasks are named", "dollars", money=True, noisy=True),
    "kv_bytes_per_session": Metric(
        "KV cache of the largest request of a session, 90% stay below", "bytes", "open model", noisy=True,
        example="qwen3-30b-a3b",
    ),
    "unpriced_models": Metric("models that have no price", "count"),
}  # fmt: skip

QUIET_CAUSES = frozenset({
    "no_breakpoint", "below_minimum", "model_changed", "speed_changed", "service_tier_changed",
    "prompt_cache_key_changed", "tools_changed", "system_changed", "tool_choice_changed", "thinking_changed",
    "images_toggled", "text_format_changed", "reasoning_effort_changed", "verbosity_changed", "messages_changed",
})  # fmt: skip
"""Causes of misses that follow from what was sent; the others come with time, load and luck."""

CAUSES = (
    *sorted(QUIET_CAUSES), "compaction", "ttl_expired", "concurrent_miss", "lookback_exceeded", "evicted_or_routed",
    "unavailable", "first_request",
)  # fmt: skip


def noisy(metric: str, of: str) -> bool:
    """Whether a figure comes and goes with luck and load."""
    return METRICS[metric].noisy or (metric == "misses" and of not in QUIET_CAUSES)
