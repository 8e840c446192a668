"""Token counts as clients write them down."""

from __future__ import annotations

from agentcost.ingest.apis.contract import Body

_BEYOND = 10**12
"""No request has as many tokens."""


def count_of(value: object) -> int | None:
    """The value as a count: a number from zero to beyond all prompts (NaN, as JavaScript writes, is none)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _BEYOND:
        return None
    return int(value)


def count_at(holder: Body, *keys: str) -> int | None:
    """The first of these that is a count."""
    return next((count for key in keys if (count := count_of(holder.get(key))) is not None), None)
