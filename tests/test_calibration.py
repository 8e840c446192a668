"""Calibrations find what made the bills, and tell how good they are by prompts they were not fitted on."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcost.measuring.calibration import (
    Floats,
    Ints,
    Line,
    calibrate,
    fitted,
    folds_of,
    held_out_errors,
    normal_sums,
    solved,
)
from agentcost.model import Basis, Knowledge
from agentcost.tokens import encoding_of

LENGTHS = [400 + 700 * step for step in range(20)]


def line_through(factor: float, added: float, *, odd: dict[int, int] | None = None, groups: int = 4) -> Line | None:
    """The line through prompts that were billed so; `odd` adds tokens to the bills of some."""
    text = numpy.array(LENGTHS, dtype=numpy.float64)
    around = numpy.full(len(text), 30, dtype=numpy.int64)
    billed = numpy.rint(around + added + factor * text)
    for row, more in (odd or {}).items():
        billed[row] += more
    return fitted(text, around, billed, numpy.arange(len(text)) % groups)


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.12, 1.5])
@pytest.mark.parametrize("added", [-20, 60])
def test_factor_and_constant_are_found(factor: float, added: float) -> None:
    line = line_through(factor, added)
    assert line is not None
    assert line.factor == pytest.approx(factor, rel=0.01)
    assert line.added == pytest.approx(added, abs=25)
    assert line.held_out < 0.02


def test_prompts_far_off_do_not_carry_the_line() -> None:
    line = line_through(1.1, 0, odd={3: 20_000, 11: 9_000})
    assert line is not None
    assert line.factor == pytest.approx(1.1, rel=0.01)


@pytest.mark.parametrize(
    ("factor", "odd"),
    [
        (2.6, {}),  # no tokenizer is that far off
        (1.0, {row: (-1) ** row * 300 for row in range(20)}),  # right on average already
    ],
)
def test_a_line_that_helps_no_prompt_left_out_is_no_calibration(factor: float, odd: dict[int, int]) -> None:
    assert line_through(factor, 0, odd=odd) is None


def test_few_or_short_prompts_are_not_fitted() -> None:
    short, around = numpy.array([9.0, 12.0, 15.0, 40.0]), numpy.zeros(4, dtype=numpy.int64)
    assert fitted(short, around, short * 1.4, around) is None
    assert fitted(short[:2] * 1e5, around[:2], short[:2] * 1.4e5, around[:2]) is None


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(100, 50_000), st.integers(50, 90_000), st.integers(0, 3)), min_size=3, max_size=20)
)
def test_what_is_held_out_is_not_looked_at(prompts: list[tuple[int, int, int]]) -> None:
    """The errors of a group do not change when its bills do, but by that bill itself."""
    text = numpy.array([found[0] for found in prompts], dtype=numpy.float64)
    bills = numpy.array([found[1] for found in prompts], dtype=numpy.float64)
    folds = folds_of(numpy.array([found[2] for found in prompts], dtype=numpy.int64))

    def predicted(billed: Floats) -> Floats:
        errors = held_out_errors(normal_sums(text, billed, bills), folds, text, billed, bills)
        result: Floats = errors * bills + billed
        return result

    changed = bills + numpy.where(folds == folds[0], 77.0, 0.0)
    before, after = predicted(bills), predicted(changed)
    assert before[folds == folds[0]] == pytest.approx(after[folds == folds[0]], rel=1e-6, abs=1e-3)


def test_one_lineage_is_left_out_in_stretches() -> None:
    one: Ints = numpy.full(10, 7, dtype=numpy.int64)
    assert folds_of(one).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert folds_of(one[:3]).tolist() == [0, 1, 2]
    assert folds_of(numpy.array([5, 9, 5])).tolist() == [0, 1, 0]


def test_nothing_known_is_no_change() -> None:
    assert solved(numpy.zeros(5)).tolist() == [0.0, 1.0]


def test_exact_tokenizers_and_media_are_left_alone() -> None:
    text = numpy.array([5_000.0, 6_000.0, 7_000.0])
    none = numpy.zeros(3, dtype=numpy.int64)
    exact = calibrate(Knowledge.FULL, encoding_of("gpt-4o"), text, none, [6_000, 7_200, 8_400], [0, 1, 2], none)
    assert (exact.factor, exact.added, exact.basis, exact.held_out) == (1.0, 0, Basis.EXACT, None)
    media = calibrate(Knowledge.FULL, encoding_of("claude-opus-4-5"), text, none, [6_000] * 3, [0, 1, 2], none + 1)
    assert (media.factor, media.fitted, media.basis) == (1.0, 0, Basis.ESTIMATED)
