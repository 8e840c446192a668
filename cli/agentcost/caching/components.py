"""Which components were read from the cache, written to it, or sent in plain: as billed, and as simulated.

A prompt is read up to a position, written from there, and plain behind. What the log hides, the template's own tokens
and what the bill has beyond the text (`unexplained`) stand at the front, in this order; a boundary that falls into a
segment splits it, so parts add up to the bill, or to the simulation, exactly. Positions are those of what was sent:
thinking that a model does not see stands where it was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy
import polars as pl

from agentcost.caching.run import Run
from agentcost.costs.attribution import NOTHING, Attribution, Ladder, Stretches, attributed, paths_of, plus
from agentcost.measuring.levels import levels_of
from agentcost.measuring.measure import Measured
from agentcost.model import Kind, Request
from agentcost.prefix import Tree
from agentcost.results import KIND_COLUMNS

STATES = ("read", "write", "plain")

Split = tuple[int, int, int]
"""Tokens of a prompt read, written, and plain."""

_SCHEMA: dict[str, pl.DataType] = {
    "basis": pl.String(), "component": pl.String(), "read": pl.Int64(), "write": pl.Int64(), "plain": pl.Int64(),
    "tokens": pl.Int64(), "hit_rate": pl.Float64(),
}  # fmt: skip


def no_components() -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=_SCHEMA)


def components(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], run: Run, chosen: Collection[int]
) -> pl.DataFrame:
    """A row per basis and component, the one with the most tokens first.

    The rows of a basis add up to that of `billed` or `as run` in the table of policies.
    """
    rows: list[tuple[object, ...]] = []
    for basis, splits in (("billed", billed(requests, chosen)), ("simulated", simulated(run, chosen))):
        states = by_component(tree, requests, measured, splits)
        tokens = {kind: [state.get(kind, 0) for state in states] for kind in Kind}
        for kind, own in sorted(tokens.items(), key=lambda item: (-sum(item[1]), KIND_COLUMNS[item[0]])):
            if any(own):
                rate = own[0] / sum(own) if sum(own) > 0 and min(own) >= 0 else None
                rows.append((basis, KIND_COLUMNS[kind], *own, sum(own), rate))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def billed(requests: Sequence[Request], chosen: Collection[int]) -> dict[int, Split]:
    """What was billed, of the requests that tell it."""
    return {
        row: (usage.read, usage.writes, usage.plain)
        for row in sorted(chosen)
        if (usage := requests[row].usage) is not None and usage.classes_known
    }


def simulated(run: Run, chosen: Collection[int]) -> dict[int, Split]:
    """What was simulated, of the requests whose policy is known."""
    return {
        row: (served.read, served.written, served.plain)
        for row in sorted(chosen)
        if (served := run.served[row]) is not None
    }


def by_component(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], splits: Mapping[int, Split]
) -> list[dict[Kind, int]]:
    """Tokens read, written and plain (STATES) by component, of the requests that `splits` names by their row."""
    levels = levels_of(tree)
    ladder, found = Ladder.of(levels), [NOTHING] * len(STATES)
    for group in measured:
        places = [place for place, row in enumerate(group.rows) if row in splits]
        if not places:
            continue
        paths = paths_of(group, levels, ladder, places, [requests[group.rows[place]].node for place in places])
        own = numpy.array([splits[group.rows[place]] for place in places], dtype=numpy.int64)
        ends = own.cumsum(axis=1)[:, :-1]
        for number in range(len(STATES)):
            weights = numpy.zeros_like(own)
            weights[:, number] = 1
            found[number] = plus(found[number], attributed(tree, paths, Stretches(ends, weights)))
    return [_by_kind(tree, state) for state in found]


def _by_kind(tree: Tree, found: Attribution) -> dict[Kind, int]:
    return {kind: tokens for kind, tokens in found.by_kind(tree).items() if tokens}
