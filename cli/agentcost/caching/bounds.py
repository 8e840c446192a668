"""What stands between all input and what was read from the cache, in words: three gaps, each split exactly.

    input → content        new text, edits of what was sent before, what was sent at the same time
    content → simulated    rules of the policy: time to live, minimum, look-back, settings, where entries end
    simulated → billed     what was edited out of sight, what the provider did not serve, what was warm before the log

`content` is what an earlier request of the same model began with. The last gap is there for billed requests only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from agentcost.cache.bounds import content_bounds
from agentcost.cache.catalogue import policy_named
from agentcost.cache.relaxing import kept_apart
from agentcost.caching.misses import LEAST
from agentcost.caching.run import Run
from agentcost.model import Request

_SCHEMA: dict[str, pl.DataType] = {
    "policy": pl.String(), "gap": pl.String(), "word": pl.String(), "tokens": pl.Int64(), "share": pl.Float64(),
    "requests": pl.Int64(), "upper": pl.Int64(), "lower": pl.Int64(),
}  # fmt: skip

INPUT, POLICY, BILL = "input → content", "content → simulated", "simulated → billed"

Parts = Mapping[str, Sequence[int]]
"""By word, tokens per request."""

Levels = Sequence[int | None] | Mapping[int, int]
"""Tokens per request."""

_EDITS = frozenset({"tools_changed", "system_changed", "messages_changed", "compaction"})
"""Causes of misses that are edits."""


def no_bounds() -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=_SCHEMA)


def bounds(requests: Sequence[Request], run: Run, chosen: Collection[int]) -> pl.DataFrame:
    """A row per policy, gap and word: its tokens, their share of input, how many requests have any, and both levels.

    The words of a gap add up to `upper - lower`. Those of a policy come in the order of the gaps, the largest first.
    """
    rows: list[tuple[object, ...]] = []
    totals = [prompt.total for prompt in run.prompts]
    sent = _sent(run, totals)
    for name in sorted(set(run.policies)):
        every = [row for row, own in enumerate(run.policies) if own == name]
        own = [row for row in every if row in chosen]
        gaps: list[tuple[str, Parts, Sequence[int], Levels, Levels]] = [(INPUT, sent, own, totals, run.bounds)]
        reads = {row: result.read for row in every if (result := run.served[row]) is not None}
        if reads:
            told = [row for row in own if (usage := requests[row].usage) is not None and usage.classes_known]
            gaps += [
                (POLICY, _apart(run, name, every), own, run.bounds, reads),
                (BILL, _unbilled(run, reads, told), told, reads, run.reads),
            ]
        for gap, parts, counted, upper, lower in gaps:
            whole = sum(totals[row] for row in counted)
            rows += [(name, gap, *row) for row in _gap(parts, counted, upper, lower, whole)]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _gap(
    parts: Parts, rows: Sequence[int], upper: Levels, lower: Levels, whole: int
) -> Iterator[tuple[str, int, float | None, int, int, int]]:
    """The words of a gap, the largest part first."""
    high, low = (sum(level[row] or 0 for row in rows) for level in (upper, lower))
    sums = {word: sum(tokens[row] for row in rows) for word, tokens in parts.items()}
    for word, tokens in sorted(sums.items(), key=lambda item: (-item[1], item[0])):
        count = sum(parts[word][row] != 0 for row in rows)
        if count:
            yield word, tokens, tokens / whole if whole else None, count, high, low


def _sent(run: Run, totals: Sequence[int]) -> dict[str, list[int]]:
    """Of every prompt what no earlier request began with: `edit` is what the request that it goes on from held at
    least in its place (`setting`: of another model), `concurrency` what was sent and had no first token yet."""
    at_once = content_bounds(run.shape, run.prompts, at_once=True)
    found = {word: [0] * len(totals) for word in ("new", "edit", "setting", "concurrency")}
    for row, (total, most, bound, reference) in enumerate(
        zip(totals, at_once, run.bounds, run.references, strict=True)
    ):
        lost = 0
        if reference and not reference.other:
            before = run.prompts[reference.row]
            lost = max(0, min(total, before.total) - most)
            found["edit" if before.model == run.prompts[row].model else "setting"][row] = lost
        found["concurrency"][row] = most - bound
        found["new"][row] = total - most - lost
    return found


def _apart(run: Run, name: str, rows: Sequence[int]) -> Parts:
    """What the rules of a policy keep from being read, of the requests that fell under it."""
    served = [result for row in rows if (result := run.served[row]) is not None]
    apart = kept_apart(
        policy_named(name), run.shape, [run.prompts[row] for row in rows], served, [run.bounds[row] for row in rows]
    )
    found = {word: [0] * len(run.prompts) for word in apart}
    for word, tokens in apart.items():
        for row, part in zip(rows, tokens, strict=True):
            found[word][row] = part
    return found


def _unbilled(run: Run, reads: Mapping[int, int], rows: Sequence[int]) -> Parts:
    """What was simulated to be read and was not billed so; less than nothing where more was billed: `warm_start` from
    before the log, `read_beyond` for no reason that is known."""
    words = ("edit", "capacity_or_routing", "rounding", "warm_start", "read_beyond")
    found = {word: [0] * len(run.prompts) for word in words}
    for row in rows:
        less, warm = reads[row] - (run.reads[row] or 0), run.warm[row]
        if less < 0:
            found["warm_start"][row] = -min(warm, -less)
            found["read_beyond"][row] = less + min(warm, -less)
        else:
            found[_word(run, row, reads[row])][row] = less
    return found


def _word(run: Run, row: int, simulated: int) -> str:
    """Why less was billed as read: an edit that the log does not hold, the provider, or no miss at all."""
    miss, read = run.misses[row], run.reads[row] or 0
    if miss is None:
        return "rounding"
    hidden = miss.cause in _EDITS and simulated + LEAST >= read + miss.lost
    return "edit" if hidden else "capacity_or_routing"
