"""The settings of a request by the names that policies salt their keys with; what means the same is written one way.

output_config {"effort":"high"}, tool_choice {"type":"auto"}      say what the API does unasked: nothing
prompt_cache_options {"mode":"explicit","ttl":"12h"}              cache_mode explicit, cache_ttl 12h
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_AS_IT_IS = (
    "service_tier", "speed", "prompt_cache_key", "text_format", "parallel_tool_calls", "verbosity",
    "context_management", "upstream", "text_format_unordered",
)  # fmt: skip

_UNASKED: dict[str, frozenset[str]] = {
    "service_tier": frozenset({"auto"}),
    "speed": frozenset({"standard"}),
    "parallel_tool_calls": frozenset({"true"}),
    "tool_choice": frozenset({"auto", '{"type":"auto"}', '{"type":"auto","disable_parallel_tool_use":false}'}),
    "thinking": frozenset({"off", '{"type":"disabled"}'}),
    "effort": frozenset({"high"}),
    "cache_mode": frozenset({"implicit"}),
}
"""Values that ask for what is done without them."""


def key_settings(model: str, given: Mapping[str, str], *, images: bool) -> dict[str, str]:
    """What is set, by salt; `cache_mode` and `cache_ttl` are how caching is asked for, `upstream` where it went."""
    options = given.get("prompt_cache_options", "")
    found = {
        "model": model,
        "images": "present" if images else "",
        "tool_choice": given.get("tool_choice", ""),
        "thinking": given.get("thinking", ""),
        "effort": _field(given.get("output_config", ""), "effort"),
        "reasoning_effort": given.get("reasoning_effort", "") or _field(given.get("reasoning", ""), "effort"),
        "cache_mode": _field(options, "mode"),
        "cache_ttl": _field(options, "ttl") or given.get("prompt_cache_retention", "").replace("-", "_"),
        **{name: given.get(name, "") for name in _AS_IT_IS},
    }
    return {name: value for name, value in found.items() if value and value not in _UNASKED.get(name, ())}


def _field(text: str, key: str) -> str:
    """A value of a JSON object; "" where there is none."""
    if not text.startswith("{"):
        return ""
    try:
        return str(msgspec.json.decode(text, type=dict).get(key) or "")
    except msgspec.DecodeError:
        return ""
