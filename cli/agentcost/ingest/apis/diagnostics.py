"""What a provider says itself of why its cache was missed, where it was asked to compare with an earlier call.

    Anthropic    "diagnostics": {"cache_miss_reason": {"type": "tools_changed", "cache_missed_input_tokens": 9120}}
    OpenAI       "prompt_cache_diagnostics": {"type": "cache_miss", "reason": "input_changed", "cache_missed_tokens": 8}

Becomes the setting `cache_diagnosis`: `tools_changed 9120`, `hit`, or why nothing could be compared. Anthropic's null
says that nothing differed, or that there was nothing to compare with: that is no setting, and neither is an answer
that is still pending.
"""

from __future__ import annotations

from typing import Any

from agentcost.ingest.apis.contract import Body

SETTING = "cache_diagnosis"

_SAME = {"input_changed": "messages_changed", "context_compacted": "compaction", "cache_hit": "hit"}
"""Names of one thing: OpenAI's, and the one that causes have here."""


def diagnosis(answer: Body | None) -> dict[str, str]:
    """The setting, or none where the answer tells nothing."""
    if not answer:
        return {}
    told = answer.get("prompt_cache_diagnostics")
    if isinstance(told, dict):
        missed = told.get("type") == "cache_miss"
        return _setting(told.get("reason" if missed else "type"), told.get("cache_missed_tokens"))
    told = answer.get("diagnostics")
    reason = told.get("cache_miss_reason") if isinstance(told, dict) else None
    if isinstance(reason, dict):
        return _setting(reason.get("type"), reason.get("cache_missed_input_tokens"))
    return {}


def _setting(reason: Any, tokens: Any) -> dict[str, str]:
    if not isinstance(reason, str) or not reason.isidentifier():
        return {}
    known = isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0
    return {SETTING: _SAME.get(reason, reason) + (f" {tokens}" if known else "")}
