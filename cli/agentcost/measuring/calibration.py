"""What makes estimated prompts meet their bills: a factor, a constant, and for transcripts what each lineage hides.

    billed = around + added + factor * text

`around` is the template's. Both are pulled towards what is known without a bill (0 and 1), so that a few short
prompts do not carry them far. How good a calibration is, is told by prompts it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
import numpy

from agentcost.measuring.levels import Floats, Ints
from agentcost.model import Basis, Knowledge
from agentcost.results import Ruler
from agentcost.tokens import Encoding

Hidden = tuple[int, int, int] | None
"""(tokens, low, high) of what a transcript's lineage hides; None where nothing is, or nothing is known of it."""

FEWEST, LIGHTEST = 3, 2_000
"""Billed prompts, and estimated tokens in them, from which on a calibration is fitted."""

PLAUSIBLE = (0.5, 2.0)
"""A fitted factor outside tells of something else than a tokenizer (hidden text, tools run by the provider)."""

NOISE, NOISE_TOKENS = 0.01, 10.0
"""What of a bill no calibration explains: a share of it, and tokens."""

FACTOR_MAY_BE_OFF, TEMPLATE_MAY_BE_OFF = 0.1, 30.0
"""How far a factor is likely to lie from 1, and what a template adds (in tokens) from 0."""

FAR = 3.0
"""How many times the usual noise a prompt may be off before it counts for less."""

_ROUNDING = 1e-9
"""What an error of floats is, and no error of a line: bills that are the estimate itself are met by both."""

FOLDS = 5
"""Stretches that are left out in turn where all prompts are of one lineage."""


class Fit(msgspec.Struct, frozen=True):
    """What a group's bills say. `held_out` is the error within which 9 of 10 prompts lie that were left out."""

    factor: float
    basis: Basis
    added: int = 0
    fitted: int = 0
    held_out: float | None = None
    hidden: tuple[Hidden, ...] = ()


def calibrate(knowledge: Knowledge, encoding: Encoding, text: Floats, around: Ints, billed: Sequence[int | None],
              lineages: Sequence[int], media: Ints) -> Fit:  # fmt: skip
    """The calibration of the prompts of one ruler; those with media, and those without a bill, are no part of it."""
    nothing: tuple[Hidden, ...] = (None,) * len(billed)
    if knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS):
        return Fit(1.0, Basis.EXACT, hidden=nothing)
    totals = numpy.array([total or 0 for total in billed], dtype=numpy.float64)
    usable = numpy.flatnonzero((totals > 0) & (text > 0) & (media == 0))
    if knowledge is Knowledge.TRANSCRIPT:
        return _of_transcripts(encoding, text, around, billed, lineages, usable)
    if encoding.basis is Basis.EXACT:
        return Fit(1.0, encoding.basis, hidden=nothing)
    groups = numpy.array([lineages[row] for row in usable.tolist()], dtype=numpy.int64)
    found = fitted(text[usable], around[usable], totals[usable], groups)
    if found is None:
        return Fit(1.0, encoding.basis, hidden=nothing)
    return Fit(found.factor, Basis.CALIBRATED, round(found.added), len(usable), found.held_out, nothing)


def taken(ruler: Ruler, knowledge: Knowledge, text: Floats, around: Ints, billed: Sequence[int | None],
          lineages: Sequence[int]) -> Fit:  # fmt: skip
    """The calibration of another run's ruler; what transcripts hide is their own."""
    hidden: tuple[Hidden, ...] = (None,) * len(billed)
    if knowledge is Knowledge.TRANSCRIPT:
        hidden = _hidden(ruler.factor, text, around, billed, lineages)
    return Fit(ruler.factor, Basis(ruler.basis), ruler.added, ruler.fitted, ruler.band, hidden)


# --- full prompts --------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True):
    """billed = around + added + factor * text, and the error within which 9 of 10 prompts lie that were left out."""

    added: float
    factor: float
    held_out: float


def fitted(text: Floats, around: Ints, billed: Floats, groups: Ints) -> Line | None:
    """The line through billed prompts; None where they are too few, or where prompts left out are not nearer with it.

    All prompts of a group (a lineage, a recording) are left out together.
    """
    if len(text) < FEWEST or text.sum() < LIGHTEST:
        return None
    over = billed - around
    sums = _trusted(normal_sums(text, over, billed), text, over, billed)
    added, factor = (float(value) for value in solved(sums.sum(axis=0)))
    if not PLAUSIBLE[0] <= factor <= PLAUSIBLE[1]:
        return None
    errors = numpy.abs(held_out_errors(sums, folds_of(groups), text, over, billed))
    if middle(errors) > middle(numpy.abs(text - over) / billed) + _ROUNDING:
        return None
    return Line(added, factor, float(numpy.quantile(errors, 0.9)))


def middle(values: Floats) -> float:
    """The median. numpy's own imports its masked arrays, for every small run."""
    ordered, half = numpy.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def normal_sums(text: Floats, over: Floats, billed: Floats) -> Floats:
    """Per prompt, what the normal equations sum: 1, text, text², what is over the template, text * that; weighted."""
    weight = 1.0 / _variance(billed)
    return numpy.stack((weight, weight * text, weight * text**2, weight * over, weight * text * over), axis=1)


def _variance(billed: Floats) -> Floats:
    return (NOISE * billed) ** 2 + NOISE_TOKENS**2


def _trusted(sums: Floats, text: Floats, over: Floats, billed: Floats) -> Floats:
    """The same with prompts far off the line weighted down: what they hold is not what the log shows."""
    found = sums
    for _ in range(3):
        added, factor = solved(found.sum(axis=0))
        off = (added + factor * text - over) ** 2 / _variance(billed)
        found = sums / (1.0 + off / FAR**2)[:, None]
    return found


def solved(sums: Floats) -> Floats:
    """(added, factor) per row of sums, with what is likely before any bill taken in."""
    ones, texts, squares, bills, products = numpy.moveaxis(sums, -1, 0)
    ones = ones + 1.0 / TEMPLATE_MAY_BE_OFF**2
    squares, products = squares + 1.0 / FACTOR_MAY_BE_OFF**2, products + 1.0 / FACTOR_MAY_BE_OFF**2
    divisor = ones * squares - texts**2
    found: Floats = numpy.stack(
        ((bills * squares - texts * products) / divisor, (ones * products - texts * bills) / divisor), axis=-1
    )
    return found


def folds_of(groups: Ints) -> Ints:
    """The fold of each prompt: its group, or a stretch of the log where there is one group only."""
    _, folds = numpy.unique(groups, return_inverse=True)
    if folds.max() == 0:
        folds = numpy.arange(len(folds)) * min(FOLDS, len(folds)) // len(folds)
    return folds.astype(numpy.int64)


def held_out_errors(sums: Floats, folds: Ints, text: Floats, over: Floats, billed: Floats) -> Floats:
    """The relative error of each prompt under the line through all folds but its own."""
    of_folds = numpy.zeros((int(folds.max()) + 1, sums.shape[1]))
    numpy.add.at(of_folds, folds, sums)
    lines = solved(sums.sum(axis=0) - of_folds)[folds]
    found: Floats = (lines[:, 0] + lines[:, 1] * text - over) / billed
    return found


# --- transcripts ---------------------------------------------------------------------------------------------------


def _of_transcripts(encoding: Encoding, text: Floats, around: Ints, billed: Sequence[int | None],
                    lineages: Sequence[int], usable: Ints) -> Fit:  # fmt: skip
    rows = usable.tolist()
    over = [(float(text[row]), float((billed[row] or 0) - around[row])) for row in rows]
    slope = None if encoding.basis is Basis.EXACT else _common_slope([lineages[row] for row in rows], over)
    basis = encoding.basis if slope is None else Basis.CALIBRATED
    factor = 1.0 if slope is None else slope
    hidden = _hidden(factor, text, around, billed, lineages)
    return Fit(factor, basis, fitted=len(rows) if slope else 0, hidden=hidden)


def _common_slope(lineages: Sequence[int], over: Sequence[tuple[float, float]]) -> float | None:
    """How much the bill grows per estimated token within lineages: each hides its own constant.

    None where too little grows to tell. The median of the growth between neighbours withstands the turns at
    which a harness changes what it hides.
    """
    last: dict[int, tuple[float, float]] = {}
    slopes: list[tuple[float, float]] = []
    for lineage, (estimate, total) in zip(lineages, over, strict=True):
        before = last.get(lineage)
        if before and estimate - before[0] >= 200 and total > before[1]:
            slopes.append(((total - before[1]) / (estimate - before[0]), estimate - before[0]))
        last[lineage] = (estimate, total)
    if len(slopes) < 3:
        return None
    found = _weighted_median(slopes)
    return found if PLAUSIBLE[0] <= found <= PLAUSIBLE[1] else None


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    half, seen = sum(weight for _, weight in pairs) / 2, 0.0
    for value, weight in sorted(pairs):
        seen += weight
        if seen >= half:
            return value
    return 1.0


def _hidden(factor: float, text: Floats, around: Ints, billed: Sequence[int | None],
            lineages: Sequence[int]) -> tuple[Hidden, ...]:  # fmt: skip
    """Per request, what its lineage hides: the median of the bill beyond what is seen, and the middle 80 %."""
    beyond: dict[int, list[float]] = {}
    for row, total in enumerate(billed):
        if total is not None:
            beyond.setdefault(lineages[row], []).append(total - int(around[row]) - factor * float(text[row]))
    found = {}
    for lineage, values in beyond.items():
        ordered = sorted(max(0.0, value) for value in values)
        low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
        found[lineage] = (round(median(ordered)), round(low), round(high))
    return tuple(found.get(lineage) for lineage in lineages)
