"""Points in time, however a log writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest.times import moment

AT = 1_769_860_800.0
"""2026-01-31T12:00:00Z"""


@pytest.mark.parametrize(
    ("value", "seconds", "naive"),
    [
        ("2026-01-31T12:00:00Z", AT, False),
        ("2026-01-31T12:00:00+00:00", AT, False),
        ("2026-01-31T13:00:00+01:00", AT, False),
        ("2026-01-31T07:00:00-0500", AT, False),
        ("2026-01-31 12:00:00", AT, True),
        ("2026-01-31T12:00", AT, True),
        ("20260131T120000Z", AT, False),
        ("2026-01-31", AT - 43_200, True),
        ("2026-01-31T12:00:00.5Z", AT + 0.5, False),
        ("2026-01-31T12:00:00.123456789Z", AT + 0.123456, False),
        ("2026-01-31T12:00:00.1234567+00:00", AT + 0.123456, False),
        ("2026-01-31T12:00:00.25", AT + 0.25, True),
        (" 2026-01-31T12:00:00Z\n", AT, False),
        (1_769_860_800, AT, False),
        (1_769_860_800.5, AT + 0.5, False),
        (1_769_860_800_000, AT, False),
        (1_769_860_800_000_000, AT, False),
        (1_769_860_800_000_000_000, AT, False),
        ("1769860800", AT, False),
        ("1769860800.5", AT + 0.5, False),
        ("1769860800123", AT + 0.123, False),
        (0, 0.0, False),
        (12.5, 12.5, False),
        (None, None, False),
        (True, None, False),
        (False, None, False),
        ("", None, False),
        (".", None, False),
        ("soon", None, False),
        ("²", None, False),
        ("2026-02-30T00:00:00Z", None, False),
        ([], None, False),
        ({}, None, False),
        (float("nan"), None, False),
        (float("inf"), None, False),
        pytest.param(10**400, None, False, id="beyond floats"),
        (1e21, None, False),
    ],
)
def test_moments(value: Any, seconds: float | None, naive: bool) -> None:
    found, without_zone = moment(value)
    assert found == (None if seconds is None else pytest.approx(seconds, abs=1e-5))
    assert without_zone is naive


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.from_regex(r"\A[\d.:TZ+ -]{1,30}\Z")))
def test_nothing_crashes(value: Any) -> None:
    found, naive = moment(value)
    assert found is None or isinstance(found, float)
    assert not (found is None and naive)


@given(st.integers(1_000_000_000, 9_999_999_999), st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_the_unit_of_an_epoch_is_told_by_its_size(seconds: int, unit: int) -> None:
    assert moment(seconds * unit)[0] == pytest.approx(seconds, rel=1e-12)
