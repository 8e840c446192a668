"""Hit rates by what they are a share of: names that dashboards and papers mean by the one word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from agentcost.errors import UsageError

TOKENS = "tokens"


class Counted(msgspec.Struct, frozen=True):
    """What hit rates of requests are made of, one of each in their order: tokens read and written, those of the
    prompt, those that an earlier request began with (`known`), whether anything of it could be kept at all, and its
    session. `block` is the tokens of a block."""

    read: Sequence[int]
    written: Sequence[int]
    prompt: Sequence[int]
    known: Sequence[int]
    eligible: Sequence[bool]
    session: Sequence[str]
    block: int

    @property
    def blocks(self) -> Iterator[tuple[int, int]]:
        """Of each prompt the blocks that were read whole, and all of them: its last may be shorter."""
        for read, prompt in zip(self.read, self.prompt, strict=True):
            yield -(-read // self.block) if read == prompt else read // self.block, -(-prompt // self.block)


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


def _of_blocks(counted: Counted) -> float | None:
    pairs = list(counted.blocks)
    return _share(sum(hit for hit, _ in pairs), sum(blocks for _, blocks in pairs))


def _of_full_blocks(counted: Counted) -> float | None:
    """The last block of a prompt is left out where it is shorter."""
    whole = sum(prompt // counted.block for prompt in counted.prompt)
    return _share(sum(read // counted.block for read in counted.read), whole)


def _by_block(counted: Counted) -> float | None:
    return _mean([_share(hit, blocks) for hit, blocks in counted.blocks])


def _later(rate: Callable[[Counted], float | None]) -> Callable[[Counted], float | None]:
    """The same rate of the later half of the requests, whose cache the first half has warmed."""

    def later(counted: Counted) -> float | None:
        start = len(counted.read) // 2
        return rate(Counted(
            counted.read[start:], counted.written[start:], counted.prompt[start:], counted.known[start:],
            counted.eligible[start:], counted.session[start:], counted.block,
        ))  # fmt: skip

    return later


RATES: Mapping[str, Callable[[Counted], float | None]] = {
    TOKENS: _of_tokens, "cacheable": _of_cacheable, "eligible": _of_eligible, "cached": _of_cached,
    "requests": _of_requests, "request-mean": _by_request, "session-mean": _by_session, "last-half": _later(_of_tokens),
    "blocks": _of_blocks, "full-blocks": _of_full_blocks, "block-mean": _by_block,
    "last-half-blocks": _later(_of_blocks), "last-half-block-mean": _later(_by_block),
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
