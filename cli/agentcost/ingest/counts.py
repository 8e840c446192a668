"""Token counts as logs write them down: what is one, and what only stands where one belongs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec

from agentcost.model import MOST_TOKENS

Count = Annotated[int, msgspec.Meta(ge=0, lt=MOST_TOKENS)]
"""A count in a log that is decoded straight into a type."""


def count_of(value: Any) -> int | None:
    """A value that is a count; None for text, and for what is below zero, beyond all prompts or not whole (NaN too)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None


def count_at(holder: Mapping[str, Any], *keys: str) -> int | None:
    """The first of these that is a count."""
    return next((found for key in keys if (found := count_of(holder.get(key))) is not None), None)


def told_count(field: str, value: Any) -> int | None:
    """A count that may be text (`1,234`); None where nothing is told. ValueError for what is told and is no count."""
    if value is None or value == "":
        return None
    try:
        number = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value).replace(",", "").strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number < MOST_TOKENS or number != number.to_integral_value():
        raise ValueError(f"{field}: {str(value)[:40]!r} is no token count")
    return int(number)
