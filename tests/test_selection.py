"""What a report is about: days are inclusive and told in a zone, globs are whole, and a window changes no row."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import Maker, said, system, tool, words

from agentcost.analyze import Choices, evaluate
from agentcost.errors import UsageError
from agentcost.model import Kind, Usage
from agentcost.record import Record
from agentcost.selection import (
    Selection,
    calendar,
    checked_key,
    moment_of,
    offered,
    parse_where,
    select,
    zone_of,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


STARTED = {
    "before": at("2026-01-30T23:59:59"), "start": at("2026-01-31T00:00:00"), "last": at("2026-01-31T23:59:59.5"),
    "after": at("2026-02-01T00:00:00"), "never": None,
}  # fmt: skip
FRAME = pl.DataFrame(
    {
        "name": list(STARTED),
        "started": list(STARTED.values()),
        "relative_clock": False,
        "model": ["claude-opus-4-6", "claude-haiku-4-5", "gpt-4o", "gpt-4o-mini", None],
        "lineage": [0, 1, 10, 11, 12],
        "project": ["a", "a.b", "a*b", "A", "line\nbreak"],
    }
)


def chosen(selection: Selection) -> list[str]:
    return select(calendar(FRAME, selection.zone), selection)["name"].to_list()


@pytest.mark.parametrize(
    ("since", "until", "zone", "expected"),
    [
        ("", "", "UTC", list(STARTED)),
        ("2026-01-31", "", "UTC", ["start", "last", "after"]),
        ("", "2026-01-31", "UTC", ["before", "start", "last"]),
        ("2026-01-31", "2026-01-31", "UTC", ["start", "last"]),
        ("20260131", "20260131", "UTC", ["start", "last"]),
        ("2026-01-31", "2026-01-31", "Europe/Berlin", ["before", "start"]),
        ("2026-01-31", "2026-01-31", "America/New_York", ["last", "after"]),
        ("2026-01-31T23:00", "", "UTC", ["last", "after"]),
        ("2026-02-01T00:30", "", "Europe/Berlin", ["last", "after"]),
        ("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "Europe/Berlin", ["last", "after"]),
        ("", "2026-01-31T00:00:00+00:00", "UTC", ["before", "start"]),
        ("1d", "", "UTC", ["start", "last", "after"]),
        ("25h", "", "UTC", ["before", "start", "last", "after"]),
        ("1w", "1d", "UTC", ["before", "start"]),
        ("0d", "", "UTC", ["after"]),
    ],
)
def test_dates(since: str, until: str, zone: str, expected: list[str]) -> None:
    assert chosen(Selection(since, until, zone)) == expected


@pytest.mark.parametrize(
    ("key", "glob", "expected"),
    [
        ("model", "claude-*", ["before", "start"]),
        ("model", "gpt-4o", ["last"]),
        ("model", "*4?", ["last"]),
        ("model", "*", list(STARTED)),
        ("model", "", ["never"]),
        ("lineage", "1", ["start"]),
        ("lineage", "1?", ["last", "after", "never"]),
        ("project", "a.b", ["start"]),
        ("project", "a*b", ["start", "last"]),
        ("project", "a", ["before"]),
        ("project", "line*", ["never"]),
        ("day", "2026-01-31", ["start", "last"]),
        ("week", "2026-W05", ["before", "start", "last", "after"]),
        ("month", "2026-0[2]", []),
        ("month", "2026-02", ["after"]),
    ],
)
def test_globs(key: str, glob: str, expected: list[str]) -> None:
    assert chosen(Selection(where=((key, glob),))) == expected


def test_every_test_must_pass() -> None:
    assert chosen(Selection("2026-01-31", where=(("model", "*gpt*"), ("lineage", "1*")))) == ["last", "after"]


@pytest.mark.parametrize(
    ("zone", "day", "week", "month"),
    [("UTC", "2026-01-31", "2026-W05", "2026-01"), ("Asia/Tokyo", "2026-02-01", "2026-W05", "2026-02")],
)
def test_the_calendar_is_told_in_the_zone(zone: str, day: str, week: str, month: str) -> None:
    row = calendar(FRAME, zone).row(2, named=True)
    assert (row["day"], row["week"], row["month"]) == (day, week, month)
    assert calendar(FRAME, zone).row(4, named=True)["day"] is None


@pytest.mark.parametrize(
    ("text", "zone", "end", "expected"),
    [
        ("2026-03-29", BERLIN, False, at("2026-03-28T23:00")),  # 23 hours long: the clocks go forward
        ("2026-03-29", BERLIN, True, at("2026-03-29T22:00") - 1e-6),
        ("2026-10-25", BERLIN, True, at("2026-10-25T23:00") - 1e-6),  # 25 hours long
        ("2026-01-31T12:00", BERLIN, True, at("2026-01-31T11:00")),
    ],
)
def test_days_where_clocks_change(text: str, zone: ZoneInfo, end: bool, expected: float) -> None:
    assert moment_of(text, zone, None, end) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-02-30",
        "2026-1-1",
        "31.01.2026",
        "7 d",
        "-1d",
        "2026-13-01T00:00",
        "",
        "99999999999d",
        "9999-12-31",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(UsageError):
        moment_of(text, ZoneInfo("UTC"), 1e9, True)


def test_nothing_to_count_back_from() -> None:
    with pytest.raises(UsageError, match="no request of the log has a time"):
        select(FRAME.filter(pl.col("started").is_null()), Selection("7d"))


RELATIVE = pl.DataFrame(
    {
        "name": ["start", "hour", "day", "dated"],
        "started": [0.0, 3_600.0, 86_400.0, at("2026-01-31T12:00")],
        "relative_clock": [True, True, True, False],
    }
)


def test_times_from_a_logs_own_start_have_no_day() -> None:
    found = calendar(RELATIVE, "UTC")
    assert found["day"].to_list() == [None, None, None, "2026-01-31"]
    for selection in (Selection("2020-01-01"), Selection(until="2026-02-01"), Selection("90d")):
        assert select(found, selection)["name"].to_list() == ["dated"]


def test_a_log_without_days_is_counted_back_on_its_own_clock() -> None:
    own = RELATIVE.filter("relative_clock")
    assert select(own, Selection("23h"))["name"].to_list() == ["hour", "day"]
    assert select(own, Selection(until="24h"))["name"].to_list() == ["start"]
    with pytest.raises(UsageError, match="this log has no days"):
        select(own, Selection("2026-01-31"))


def test_what_there_is_to_select() -> None:
    frame = calendar(FRAME, "UTC")
    assert offered(frame, Selection("2030-01-01", where=(("model", "x"), ("lineage", "7")))) == (
        "model is (empty), claude-haiku-4-5, claude-opus-4-6, gpt-4o or gpt-4o-mini",
        "lineage is 0, 1, 10, 11 or 12",
        "days are 2026-01-30 to 2026-02-01",
    )
    longer = pl.concat([frame, frame.with_columns(model=pl.lit("gpt-5"))])
    (text,) = offered(longer, Selection(where=(("model", "x"),)))
    assert text == "model is gpt-5, (empty), claude-haiku-4-5, claude-opus-4-6, gpt-4o or one of 1 more"


def test_keys() -> None:
    assert parse_where(["model=a=b*", "team=x"], ["team"]) == (("model", "a=b*"), ("label_team", "x"))
    assert checked_key("session") == "session"
    with pytest.raises(UsageError, match="did you mean 'model'"):
        checked_key("modle")
    with pytest.raises(UsageError, match="did you mean 'team'"):
        checked_key("taem", ["team"])
    with pytest.raises(UsageError, match="known keys: session, "):
        checked_key("zzz")
    with pytest.raises(UsageError, match="key=glob"):
        parse_where(["model"])


@pytest.mark.parametrize("name", ["Europe/Berln", "", "/etc/passwd", "../UTC", "Mars/Olympus"])
def test_zones_that_there_are_not(name: str) -> None:
    with pytest.raises(UsageError, match="no such time zone"):
        zone_of(name)
    with pytest.raises(UsageError, match="no such time zone"):
        evaluate(made(), Choices(Selection(zone=name)))


def test_the_words_of_a_selection() -> None:
    words_ = Selection("7d", "2026-01-31", "UTC", (("model", "a*"),)).words
    assert words_ == ("since 7d", "until 2026-01-31", "model=a*")
    assert Selection().words == ()


# --- law 9: a window shows the rows of the whole -------------------------------------------------------------------


def made() -> Record:
    maker = Maker()
    for session in ("s", "t", ""):
        history = words("Hello " * 50 + session)
        for turn in range(4):
            call = said('bash\n{"command":"ls"}', Kind.TOOL_CALL, name="bash")
            history = [*history, call, said(f"{turn} " * 200, Kind.TOOL_RESULT, name="bash")]
            maker.send(
                [tool("bash"), system("You help."), *history], session=session, model="claude-opus-4-6",
                started=at(f"2026-01-3{turn // 2}T0{turn}:00"), usage=Usage(900 + 300 * turn, read=10 * turn),
                labels=(("team", session or "none"),),
            )  # fmt: skip
    return maker.made()


WHOLE = evaluate(made())


@settings(max_examples=25)
@given(
    st.sampled_from(["", "2026-01-31", "12h"]),
    st.sampled_from(["", "2026-01-30"]),
    st.sampled_from([(), (("session", "s"),), (("lineage", "[12]"),), (("label_team", "none"),), (("model", "x"),)]),
)
def test_rows_of_a_window_are_those_of_the_whole(since: str, until: str, where: tuple[tuple[str, str], ...]) -> None:
    selection = Selection(since, until, where=where)
    window, whole = evaluate(made(), Choices(selection)), WHOLE
    expected = select(whole.tables["requests"], selection)
    assert window.tables["requests"].equals(expected)
    assert window.rulers == whole.rulers
    assert (window.scope.selected, window.scope.total) == (len(expected), 12)
    total = expected["prompt"].sum()
    for name in ("components", "sessions"):
        column = "tokens" if name == "components" else "prompt"
        assert window.tables[name][column].sum() == total
    assert window.tables["parts"]["tokens"].sum() <= whole.tables["parts"]["tokens"].sum()
    assert window.tables["sources"].equals(whole.tables["sources"])


def test_groups() -> None:
    table = evaluate(made(), Choices(by=("day", "team"))).tables["groups"]
    assert table.select("day", "label_team", "requests", "sessions").sort("day", "label_team").rows() == [
        (day, team, 2, 1) for day in ("2026-01-30", "2026-01-31") for team in ("none", "s", "t")
    ]
    assert table["prompt"].sum() == WHOLE.tables["requests"]["prompt"].sum()
    with pytest.raises(UsageError, match="did you mean"):
        evaluate(made(), Choices(by=("sesion",)))
