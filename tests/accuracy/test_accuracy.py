"""How near the counts come to recorded bills, and that docs/accuracy.md says so."""

from __future__ import annotations

import re
from functools import cache

import pytest
from tests.accuracy.__main__ import PAGE, RECORDED
from tests.accuracy.pairs import FULL_LOGS, Pair, after, pairs_in
from tests.accuracy.report import NAMED, NOT_COUNTED, by_feature, by_provider, by_route, of_long_prompts, written

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded calls (../shared/data) are not part of the repository"
)


@cache
def recorded() -> tuple[tuple[Pair, ...], tuple[float | None, ...]]:
    """The recorded pairs, and their errors after calibration."""
    pairs = pairs_in([RECORDED / name for name in FULL_LOGS])
    return tuple(pairs), tuple(after(pairs))


def test_the_page_is_what_was_measured() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(recorded()[0]), "run `python -m tests.accuracy`"


@pytest.mark.parametrize(("pattern", "reason"), NAMED)
def test_what_is_named_is_still_off(pattern: str, reason: str) -> None:
    """A reason that fits nothing any more goes, and OpenAI is off nowhere else by more than a token."""
    pairs, _ = recorded()
    assert any(re.search(pattern, pair.recording) and pair.before for pair in pairs), reason


def test_openai_is_off_where_it_is_said_to_be() -> None:
    pairs = [pair for pair in recorded()[0] if pair.family == "OpenAI" and pair.feature not in NOT_COUNTED]
    off = [pair for pair in pairs if abs(pair.text + pair.around - pair.billed) > 1]
    assert [pair.recording for pair in off if not any(re.search(named, pair.recording) for named, _ in NAMED)] == []


def test_openai_text_is_what_was_billed() -> None:
    """All but the two prompts whose text was edited when the recording was anonymised."""
    pairs, _ = recorded()
    text = [pair for pair in pairs if (pair.family, pair.feature) == ("OpenAI", "text")]
    off = [pair for pair in text if pair.before]
    assert len(text) >= 50
    assert {pair.recording for pair in off} <= {"test_openai_responses_compact_stateful_mode.yaml"}
    assert max((pair.before for pair in off), default=0.0) < 0.01


def test_openai_with_tools() -> None:
    row = next(row for row in by_feature(*recorded()) if row.name == "OpenAI | tools")
    assert row.binds
    assert row.before[0] == 0.0
    assert row.before[1] < 0.01


@pytest.mark.parametrize(("family", "calibrated"), [("Anthropic", 0.01), ("Gemini", 0.01), ("DeepSeek", 0.01)])
def test_what_is_estimated(family: str, calibrated: float) -> None:
    """Targets: 5% before calibration, 1% after it."""
    row = next(row for row in by_provider(*recorded()) if row.name == family)
    assert row.binds and row.after
    assert row.before[0] < 0.05
    assert row.after[0] < calibrated


@pytest.mark.parametrize("route", ["anthropic", "bedrock", "deepseek", "google"])
def test_what_the_providers_themselves_bill(route: str) -> None:
    row = next(row for row in by_route(*recorded()) if row.name == route)
    assert row.binds and row.after
    assert row.before[0] < 0.05
    assert row.after[0] < 0.01


def test_what_openai_itself_bills() -> None:
    row = next(row for row in by_route(*recorded()) if row.name == "openai")
    assert row.binds
    assert row.before[0] == 0.0
    assert row.before[1] < 0.01


def test_prompts_as_agents_send_them() -> None:
    rows = {row.name: row for row in of_long_prompts(*recorded())}
    assert rows["Anthropic"].pairs >= 20
    assert rows["Anthropic"].before[0] < 0.01
    assert rows["OpenAI"].before[1] < 0.01
