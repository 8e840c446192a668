"""Hit rates by what they are a share of: names that dashboards and papers mean by the one word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentcost.errors import UsageError

TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Counted:
    """What hit rates of requests are made of, one of each in their order: tokens read and written, those of the
    prompt, those that an earlier request began with (`known`), whether anything of it could be kept at all, and its
    session."""

    read: Sequence[int]
    written: Sequence[int]
    prompt: Sequence[int]
    known: Sequence[int]
    eligible: Sequence[bool]
    session: Sequence[str]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None


def _of_tokens(counted: Counted) -> float | None:
    return _share(sum(counted.read), sum(counted.prompt))


def _of_cacheable(counted: Counted) -> float | None:
    read = sum(min(read, known) for read, known in zip(counted.read, counted.known, strict=True))
    return _share(read, sum(counted.known))


def _of_eligible(counted: Counted) -> float | None:
    rows = [row for row, eligible in enumerate(counted.eligible) if eligible]
    return _share(sum(counted.read[row] for row in rows), sum(counted.prompt[row] for row in rows))


def _of_cached(counted: Counted) -> float | None:
    read = sum(counted.read)
    return _share(read, read + sum(counted.written))


def _of_requests(counted: Counted) -> float | None:
    return _share(sum(read > 0 for read in counted.read), len(counted.read))


def _by_request(counted: Counted) -> float | None:
    return _mean([_share(read, prompt) for read, prompt in zip(counted.read, counted.prompt, strict=True)])


def _by_session(counted: Counted) -> float | None:
    sums: dict[str, list[int]] = {}
    for session, read, prompt in zip(counted.session, counted.read, counted.prompt, strict=True):
        own = sums.setdefault(session, [0, 0])
        own[0], own[1] = own[0] + read, own[1] + prompt
    return _mean([_share(read, prompt) for read, prompt in sums.values()])


def _of_last_half(counted: Counted) -> float | None:
    start = len(counted.read) // 2
    return _share(sum(counted.read[start:]), sum(counted.prompt[start:]))


RATES: Mapping[str, Callable[[Counted], float | None]] = {
    TOKENS: _of_tokens, "cacheable": _of_cacheable, "eligible": _of_eligible, "cached": _of_cached,
    "requests": _of_requests, "request-mean": _by_request, "session-mean": _by_session, "last-half": _of_last_half,
}  # fmt: skip
"""Every hit rate of results.HIT_RATES, and how it is made."""


def checked_rate(name: str) -> str:
    """The name of a hit rate. UsageError for one that there is not."""
    if name not in RATES:
        raise UsageError(f"--hit-rate {name}: one of {', '.join(RATES)}")
    return name


def rate_of(name: str, counted: Counted) -> float | None:
    """The hit rate of that name; None where there is nothing that it could be of."""
    return RATES[name](counted)
