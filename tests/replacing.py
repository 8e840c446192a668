"""A copy of a value with some fields changed, be it a dataclass or a msgspec struct."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")


def replace(value: Value, **changes: Any) -> Value:
    """The same value with these fields."""
    copy: Any = msgspec.structs.replace if isinstance(value, msgspec.Struct) else dataclasses.replace
    found: Value = copy(value, **changes)
    return found
