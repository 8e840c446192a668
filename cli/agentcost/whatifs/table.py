"""The table of what would help: each way of sending the log otherwise, and ways together, by what they would save."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import msgspec
import polars as pl

from agentcost.caching.run import Run
from agentcost.lineage import Standing
from agentcost.measuring.measure import Measured
from agentcost.model import Request
from agentcost.prefix import Tree
from agentcost.whatifs import SCHEMA, no_what_ifs
from agentcost.whatifs.candidates import Candidate, candidates
from agentcost.whatifs.replay import Change, Outcome, Stage
from agentcost.whatifs.scene import Scene, ground_of

LEAST = Decimal("0.005")
"""Share of the input cost from which on a saving is told."""


class Found(msgspec.Struct, frozen=True):
    """A candidate, what replaying it gave, and the tokens of plain input that it saves."""

    candidate: Candidate
    outcome: Outcome
    saved: Decimal


def what_ifs(
    tree: Tree, requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], run: Run,
    chosen: Collection[int],
) -> pl.DataFrame:  # fmt: skip
    """A row per way that saves something, the best of its kind, the one that saves most first; then ways together.

    A saving is the cost of the log as simulated less the cost of the log as simulated otherwise.
    """
    stage = stage_of(tree, requests, standing, measured, run, chosen)
    base = stage.outcome(Change())
    if base.cost <= 0:
        return no_what_ifs()
    found = [one for one in (_best(stage, base, tried) for tried in candidates(stage)) if one]
    shown = [one for one in found if one.saved >= LEAST * base.cost]
    shown.sort(key=lambda one: (-one.saved, one.candidate.name, one.candidate.words))
    rows = [_row(base, one, 1) for one in _once(shown)]
    return pl.DataFrame([*rows, *_together(stage, base, shown)], schema=SCHEMA, orient="row")


def stage_of(
    tree: Tree, requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], run: Run,
    chosen: Collection[int],
) -> Stage:  # fmt: skip
    """The log as it ran, to be replayed."""
    scene = Scene(run.shape, run.prompts, run.policies)
    return Stage(scene, ground_of(tree, measured, run), requests, standing, sorted(chosen))


def _best(stage: Stage, base: Outcome, tried: Sequence[Candidate]) -> Found | None:
    """The candidate that saves most, the first of equals."""
    best: Found | None = None
    for candidate in tried:
        outcome = stage.outcome(candidate.change)
        saved = base.cost - outcome.cost
        if best is None or saved > best.saved:
            best = Found(candidate, outcome, saved)
    return best


def _once(found: Sequence[Found]) -> list[Found]:
    """Without those that do what another one does."""
    seen: list[Change] = []
    kept = []
    for one in found:
        if one.candidate.change not in seen:
            seen.append(one.candidate.change)
            kept.append(one)
    return kept


def _row(base: Outcome, found: Found, together: int) -> tuple[object, ...]:
    outcome, candidate = found.outcome, found.candidate
    touched = sum(1 for row, result in outcome.served.items() if _differs(base, row, result))
    return (
        candidate.name, candidate.words, candidate.behaviour, round(found.saved), float(found.saved / base.cost),
        outcome.read, outcome.written, outcome.plain, touched, outcome.pings, together, outcome.unpriced,
    )  # fmt: skip


def _differs(base: Outcome, row: int, result: object) -> bool:
    return base.served[row] != result


# --- several together ----------------------------------------------------------------------------------------------


def _together(stage: Stage, base: Outcome, found: Sequence[Found]) -> list[tuple[object, ...]]:
    """What saves most without other text for the model, and what saves most at all; each where it is several ways."""
    parts: dict[str, Found] = {}
    for one in found:
        known = parts.get(one.candidate.kind)
        if known is None or one.saved > known.saved:
            parts[one.candidate.kind] = one
    ordered = sorted(parts.values(), key=lambda one: (-one.saved, one.candidate.name))
    safe = _joined(stage, base, [one for one in ordered if not one.candidate.behaviour], [])
    whole = [_joined(stage, base, ordered, start) for start in (safe, [])]
    every = max(whole, key=lambda names: _saved(stage, base, names))
    rows = []
    for title, names in (("all that change no behaviour", safe), ("all of these", every)):
        if len(names) > 1 and (names is safe or names != safe):
            rows.append(_joint_row(stage, base, title, names))
    return rows


def _joined(stage: Stage, base: Outcome, parts: Sequence[Found], start: Sequence[Found]) -> list[Found]:
    """Parts together, from a start on, those that save most first, each where it adds something.

    So a combination never saves less than its best part.
    """
    joined, saved = list(start), _saved(stage, base, start)
    for one in parts:
        if one not in joined:
            more = _saved(stage, base, [*joined, one])
            if more > saved:
                joined, saved = [*joined, one], more
    return joined


def _saved(stage: Stage, base: Outcome, parts: Sequence[Found]) -> Decimal:
    return base.cost - stage.cost(_sum(parts))


def _sum(parts: Sequence[Found]) -> Change:
    return sum((one.candidate.change for one in parts), Change())


def _joint_row(stage: Stage, base: Outcome, title: str, parts: Sequence[Found]) -> tuple[object, ...]:
    names = " + ".join(one.candidate.name for one in parts)
    behaviour = any(one.candidate.behaviour for one in parts)
    change = _sum(parts)
    outcome = stage.outcome(change)
    candidate = Candidate("all", title, names, change, behaviour)
    return _row(base, Found(candidate, outcome, base.cost - outcome.cost), len(parts))
