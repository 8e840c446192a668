"""Token counts as clients write them down."""

from __future__ import annotations

from agentcost.ingest.apis.contract import Body

_BEYOND = 10**12
"""No request has as many tokens."""


def count_at(holder: Body, *keys: str) -> int | None:
    """The first of these that is a count: no text, and nothing below zero or beyond all prompts (NaN is neither)."""
    for key in keys:
        value = holder.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _BEYOND:
            return int(value)
    return None
