"""Numbers become text in one place; each line of a table is what a reader of a report would expect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost import units


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "?"), (0, "0"), (950, "950"), (9_999, "9,999"), (10_000, "10.0k"), (12_345, "12.3k"),
        (-12_345, "-12.3k"),
        (99_949, "99.9k"), (99_950, "100k"), (123_456, "123k"), (999_499, "999k"), (999_500, "1.00M"),
        (4_560_000, "4.56M"), (999_499_999, "999M"), (999_500_000, "1.00G"), (14_479_382_300, "14.5G"),
    ],
)  # fmt: skip
def test_tokens(count: int | None, text: str) -> None:
    assert units.tokens(count) == text


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_tokens_never_read_as_fewer(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert _value(units.tokens(low)) <= _value(units.tokens(high))


def _value(text: str) -> float:
    scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
    return float(text.rstrip("kMG").replace(",", "")) * scale


@pytest.mark.parametrize(("count", "text"), [(None, "?"), (0, "0"), (1_234_567, "1,234,567"), (-70, "-70")])
def test_exact(count: int | None, text: str) -> None:
    assert units.exact(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "?"), (0.0, "0"), (0.3, "<1"), (-0.3, ">-1"), (212.6, "213"), (-1_234.4, "-1,234"), (0.51, "1")],
)
def test_rounded(value: float | None, text: str) -> None:
    assert units.rounded(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "digits", "text"),
    [
        (None, 1, 1, "?"), (1, 0, 1, "–"), (0, 5, 1, "0%"), (5, 5, 1, "100%"), (1, 3, 1, "33.3%"), (1, 3, 0, "33%"),
        (1, 100_000, 1, "<0.1%"), (-1, 100_000, 1, ">-0.1%"), (99_999, 100_000, 1, ">99.9%"), (1, 200, 0, "<1%"),
        (199, 200, 0, ">99%"), (-1, 4, 1, "-25.0%"), (3, 2, 1, "150.0%"), (0.5, 1.0, 1, "50.0%"),
    ],
)  # fmt: skip
def test_percent(part: float | None, whole: float, digits: int, text: str) -> None:
    assert units.percent(part, whole, digits) == text


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 2))
def test_no_share_reads_as_nothing_or_everything_unless_it_is(part: int, whole: int, digits: int) -> None:
    text = units.percent(part, whole, digits)
    value = text.rstrip("%")
    assert (value.strip("0.") == "") == (part == 0)
    if part < whole:
        assert float(value.strip("<>")) < 100


@pytest.mark.parametrize(
    ("count", "noun", "many", "text"),
    [(0, "request", "", "0 requests"), (1, "request", "", "1 request"), (2_000, "entry", "entries", "2,000 entries")],
)
def test_plural(count: int, noun: str, many: str, text: str) -> None:
    assert units.plural(count, noun, many) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"), (0, "0s"), (0.42, "0.4s"), (3, "3s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m 00s"),
        (303, "5m 03s"),
        (3_599.6, "1h 00m"), (4_800, "1h 20m"), (86_400, "1d 0h"), (183_600, "2d 3h"), (-4, "-4s"),
    ],
)  # fmt: skip
def test_duration(seconds: float | None, text: str) -> None:
    assert units.duration(seconds) == text


NOON = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


@pytest.mark.parametrize(
    ("seconds", "zone", "precise", "text"),
    [
        (None, "UTC", False, "?"), (NOON, "UTC", False, "2026-09-21 14:13"), (NOON, "UTC", True, "2026-09-21 14:13:20"),
        (NOON, "Europe/Berlin", False, "2026-09-21 16:13"), (NOON, "Asia/Tokyo", False, "2026-09-21 23:13"),
        (71.5, "UTC", False, "+1m 12s"), (71.5, "UTC", True, "+71.5s"), (0.0, "Asia/Tokyo", False, "+0s"),
    ],
)  # fmt: skip
def test_when(seconds: float | None, zone: str, precise: bool, text: str) -> None:
    assert units.when(seconds, zone, precise) == text


@pytest.mark.parametrize(
    ("first", "last", "zone", "text"),
    [
        (NOON, NOON + 10, "UTC", "2026-09-21 14:13 UTC"),
        (NOON, NOON + 3_600, "UTC", "2026-09-21 14:13 to 15:13 UTC"),
        (NOON, NOON + 86_400, "UTC", "2026-09-21 14:13 to 09-22 14:13 UTC"),
        (NOON, NOON + 366 * 86_400, "UTC", "2026-09-21 14:13 to 2027-09-22 14:13 UTC"),
        (NOON, NOON + 3_600, "Asia/Tokyo", "2026-09-21 23:13 to 09-22 00:13 Asia/Tokyo"),
    ],
)
def test_span(first: float, last: float, zone: str, text: str) -> None:
    assert units.span(first, last, zone) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_000, "1.00 kB"), (2_882_056, "2.88 MB"), (10**9, "1.00 GB")]
)
def test_size(count: int, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mcp__figma__get", "mcp__figma__get"), ("a\nb\tc", "a b c"), ("\x1b[31mred\x1b[0m", " [31mred [0m"),
        ("日本語", "日本語"), ("left\u202eright", "left right"),
    ],
)  # fmt: skip
def test_text_of_a_log_cannot_steer_the_terminal(text: str, clean: str) -> None:
    assert units.printable(text) == clean


@given(st.text())
def test_printable_text_has_one_line_and_no_control(text: str) -> None:
    assert all(letter.isprintable() for letter in units.printable(text))


@given(st.text(), st.integers(0, 60))
def test_middle_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = units.middle(text, width)
    assert len(short) == min(len(text), width)
    if 5 <= width < len(text):
        head, tail = short.split("…", 1) if "…" not in text else (short[: (width - 1) // 2], short[-(width // 2) :])
        assert text.startswith(head)
        assert text.endswith(tail)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("fixtures/quickstart.jsonl:19", 28, "fixtures/quickstart.jsonl:19"),
        ("fixtures/quickstart.jsonl:19", 27, "…/quickstart.jsonl:19"),
        ("fixtures/quickstart.jsonl:19", 21, "…/quickstart.jsonl:19"),
        ("fixtures/quickstart.jsonl:19", 20, "quickstart.jsonl:19"),
        ("fixtures/quickstart.jsonl:19", 19, "quickstart.jsonl:19"),
        ("fixtures/quickstart.jsonl:19", 18, "…ickstart.jsonl:19"),
        ("a/b/run.jsonl:1", 14, "…/run.jsonl:1"),
        ("no-folder.jsonl", 9, "…er.jsonl"),
        ("a/b", 1, "b"),
        ("a/b", 0, ""),
    ],
)
def test_paths_keep_their_end(text: str, width: int, short: str) -> None:
    assert units.tail(text, width) == short
    assert len(short) <= width


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [("The tests", 9, "The tests"), ("The tests", 6, "The t…"), ("ab", 1, "…"), ("ab", 0, "")],
)
def test_sentences_keep_their_start(text: str, width: int, short: str) -> None:
    assert units.head(text, width) == short
