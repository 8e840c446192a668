"""Plots keep to their size, show every value, and put marks where they belong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcost.views.plots import MARK, axis, histogram, line_plot, round_step, tick


def columns_of(plot: str) -> list[int]:
    """Where the mark stands in the lines that show it."""
    return [line.index(MARK) for line in plot.splitlines() if MARK in line]


def test_a_histogram_by_hand() -> None:
    plot, step = histogram([5, 15, 15, 15, 25, 25], 0, 8, 6)
    assert step == 10
    assert plot.splitlines() == [
        " │  ██",
        "2┤  ████",
        " │▄▄████",
        "0┤██████",
        " └┬─────",
        "  0",
    ]


def test_a_mark_stands_over_the_bars_with_its_name_beside_it() -> None:
    plot, step = histogram([10_000, 20_000, 190_000], 96_000, 80, 12, {96_000: "published"})
    lines = plot.splitlines()
    assert f"{MARK} published" in lines[0]
    places = columns_of(plot)
    assert (len(places), len(set(places))) == (10, 1)
    bars = -(-190_001 // step)
    room = max(map(len, lines)) - 2
    assert places[0] == 2 + 96_000 * room // (bars * step)


def test_the_axis_of_a_histogram_reaches_what_is_asked_for() -> None:
    plot, step = histogram([50_000], 96_000, 80, 12, {96_000: "96k"})
    assert columns_of(plot)
    assert step * 80 > 96_000


@pytest.mark.parametrize(
    ("place", "name", "line"),
    [(50, "knee", MARK + " knee "), (99, "knee", " knee " + MARK), (50, "k" * 60, MARK)],
)
def test_the_name_of_a_mark_is_on_the_side_that_has_room(place: int, name: str, line: str) -> None:
    top = line_plot([0, 100], [10, 10], 40, 8, marks={place: name}).splitlines()[0]
    assert top.replace("⠉", "")[3:] == line


def test_a_line_rises_from_the_left_to_the_right() -> None:
    lines = line_plot(list(range(41)), list(range(41)), 44, 12).splitlines()
    left = [min(place for place, letter in enumerate(line) if letter > "\u2800") for line in lines[:10]]
    assert left == sorted(left, reverse=True)
    assert (left[-1], len(lines[0])) == (3, 44)


def test_a_plot_leaves_nothing_for_the_next() -> None:
    first = line_plot([1, 2, 3], [3, 1, 2], 40, 8)
    line_plot([1, 9], [5, 7], 90, 20, axis(0, 20, 4), axis(0, 50, 4), {3: "mark"})
    histogram([1, 2, 3], 0, 60, 9, {2: "two"})
    assert line_plot([1, 2, 3], [3, 1, 2], 40, 8) == first


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=50),
    st.integers(30, 160),
    st.integers(6, 20),
    st.lists(st.integers(0, 10**5), max_size=2, unique=True),
)
def test_plots_keep_to_their_size(values: list[int], width: int, height: int, places: list[int]) -> None:
    marks = {float(place): f"at {place}" for place in places}
    plots = [
        histogram(values, 10**5, width, height, marks)[0],
        line_plot(list(range(len(values))), values, width, height, marks={0: "start"}),
    ]
    for plot in plots:
        lines = plot.split("\n")
        assert len(lines) == height
        assert all(len(line) <= width and line == line.rstrip() and "\x1b" not in line for line in lines)


@pytest.mark.parametrize("count", [1, 9, 99, 999, 1_000, 1_999, 6_500, 40_000, 1_500_000])
def test_the_counts_beside_a_histogram_take_no_more_than_their_room(count: int) -> None:
    values = list(range(min(count, 37))) + [40] * (count - 37)
    assert max(map(len, histogram(values, 40, 80, 12)[0].splitlines())) <= 80


@given(st.floats(-1e6, 1e6), st.floats(0, 1e9), st.integers(2, 20), st.sampled_from([0.01, 1]))
def test_ticks_are_few_round_and_inside(low: float, span: float, most: int, least: float) -> None:
    found = axis(low, low + span, most, least)
    assert found.low == low < found.high
    assert len(found.ticks) <= most
    assert all(low - 1e-6 <= place <= found.high + 1e-6 for place in found.ticks)


@pytest.mark.parametrize(
    ("least", "step"), [(1, 1), (1.01, 2), (2.5, 5), (5.1, 10), (1_000, 1_000), (0.03, 0.05), (999.9, 1_000)]
)
def test_round_step(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (200, "200"), (5_000, "5k"), (1_500_000, "1.5M"), (2 * 10**9, "2G"), (-50_000, "-50k")],
)
def test_tick(value: float, text: str) -> None:
    assert tick(value) == text
