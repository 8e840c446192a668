"""What is volatile in a text, each with its twin that is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcost.marks import _marks, marks_of

UUID = "6fa459ea-ee8a-3ca4-894e-db77e160355e"
SHA = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("2026-01-31T12:00:00Z", "timestamp"),
        ("2026-01-31 12:00", "timestamp"),
        ("2026-01-31T12:00:00.123+01:00", "timestamp"),
        ("2026-01-31", "date"),
        ("Saturday, January 31, 2026", "date"),
        ("Sat Jan 31", "date"),
        ("Thu, 29 Jan 2026", "date"),
        ("Wednesday, 4 February 2026", "date"),
        ("Tue Mar 3 2026", "date"),
        ("Thurs Mar 5", "date"),
        ("9:05:07", "clock"),
        (UUID, "uuid"),
        (UUID.upper(), "uuid"),
        (SHA, "hash"),
        ("/tmp/claude-1/scratch.txt", "temporary path"),
        ("/var/folders/x8/abc", "temporary path"),
        ("1769860800", "epoch"),
        ("1769860800123", "epoch"),
    ],
)
def test_marks(text: str, what: str) -> None:
    for before, behind in (("", ""), ("It is ", "."), ("é漢🙂 (", ")\n")):
        (found,) = marks_of([before + text + behind])
        assert [(mark.what, (before + text + behind)[mark.start : mark.start + mark.length]) for mark in found] == [
            (what, text + behind if what == "temporary path" and behind == "." else text)
        ]


@pytest.mark.parametrize(
    "text",
    ["", "Hello", "version 1.2.3", "2026", "12-31", "9:05", "port 8080", "a1b2c3d4-1234", "deadbeef", SHA + "0",
     SHA[:39], "/temp/a", "tmp/a", "1234567890", "17698608001", "Monitor Issues 12",
     "Thus Section 12", "Sun Tzu 13", "Friday", "Monday Mornings 9"],
)  # fmt: skip
def test_twins_without_marks(text: str) -> None:
    assert marks_of([text]) == [()]


def test_several_in_one_text_stand_in_their_order() -> None:
    text = f"Today is 2026-01-31, the session {UUID}, the commit {SHA} in /tmp/x since 10:20:30"
    (found,) = marks_of([text])
    assert [mark.what for mark in found] == ["date", "uuid", "hash", "temporary path", "clock"]
    assert [text[mark.start : mark.start + 2] for mark in found] == ["20", "6f", "2f", "/t", "10"]


def test_a_listing_keeps_its_first_marks() -> None:
    (found,) = marks_of(["2026-01-31\n" * 50])
    assert [mark.start for mark in found] == [11 * n for n in range(16)]


@given(
    st.lists(st.lists(st.sampled_from(["2026-01-31", UUID, "é", " ", "text", "10:20:30 "]), max_size=4).map("".join))
)
def test_each_text_for_itself(texts: list[str]) -> None:
    """The marks of many texts are those of each; a text without any has none."""
    assert marks_of(texts) == [marks_of([text])[0] for text in texts]


AROUND = st.sampled_from(["", " ", "é", "漢", "x", "_", "٣", "🙂", "-", "\n", "9"])


@given(AROUND, st.sampled_from(["9:05:07", SHA, "1769860800", "Sat Jan 31", "2026-01-31"]), AROUND)
@settings(max_examples=300)
def test_the_fast_pass_over_texts_finds_no_less_than_a_look_at_each(before: str, mark: str, behind: str) -> None:
    text = before + mark + behind
    alone = _marks(text)
    assert marks_of(["nothing", text, text + "\n2026-01-31"])[:2] == [(), alone]
