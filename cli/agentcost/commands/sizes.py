"""Sizes as options write them: memory as 568GiB, 2TiB or 80GB, tokens as 98304 or 98k."""

from __future__ import annotations

import re

from agentcost.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGTP])(i?)B?|B)", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def bytes_of(option: str, text: str) -> int:
    """Bytes. UsageError for what is no size."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{option} {text}: write it with its unit, as 568GiB, 2TiB or 80GB")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[(unit or "").upper()])


_TOKENS = re.compile(r"(\d+(?:\.\d+)?)([kM]?)(i?)")


def tokens_of(option: str, text: str) -> int:
    """Tokens. UsageError for what is no number of them."""
    found = _TOKENS.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{option} {text}: write a number of tokens, as 98304, 98k or 96ki")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.upper()])
