"""Which of several replicas serves a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ROUTINGS = ("round-robin", "session", "prefix")
"""How requests are divided among replicas."""

PREFIX_SHARE = 0.3
"""The share of a prompt that a replica must have seen to be sent it: the default of vLLM's and SGLang's routers
(`--cache-threshold`); below it the replica with the least work is chosen. Their fallback for an imbalance of running
requests is left out: it depends on how fast the engines are."""


def round_robin(requests: int, replicas: int) -> list[int]:
    """Each request to the next replica."""
    return [row % replicas for row in range(requests)]


def by_session(sessions: Iterable[str], replicas: int) -> list[int]:
    """Each session to one replica, dealt in the order in which sessions begin."""
    known: dict[str, int] = {}
    return [known.setdefault(session, len(known) % replicas) for session in sessions]


def nearest(matches: Sequence[int], total: int, work: Sequence[int]) -> int:
    """The replica that has seen the most of a prompt of `total` tokens, or the one with the least work where that is
    not enough; of equals the one with less work."""
    best = max(range(len(matches)), key=lambda replica: (matches[replica], -work[replica], -replica))
    if matches[best] > PREFIX_SHARE * total:
        return best
    return min(range(len(work)), key=lambda replica: (work[replica], replica))
