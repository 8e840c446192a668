"""Logged against billed: sums of both sides meet by day, user and model, and nothing of either side is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.building import Maker, words
from tests.reading import FIXTURES
from tests.test_cli import agentcost

from agentcost.against import against, model_key, read_bills
from agentcost.analyze import evaluate
from agentcost.errors import AgentcostError, UsageError
from agentcost.ingest.bills import BilledSum
from agentcost.model import Place, Usage
from agentcost.schema import ADDED_TABLES
from agentcost.selection import Selection
from agentcost.views.against import against as view

BILL = FIXTURES / "bill"
QUICKSTART = FIXTURES / "quickstart.jsonl"
DAY = 86_400.0
START = 1_768_046_400.0
"""2026-01-10T12:00:00Z."""


def logged(*calls: tuple[int, str, str, int], provider: str = "openai") -> pl.DataFrame:
    """Requests of (day from the first, user, model, input)."""
    maker = Maker()
    for number, (day, user, model, prompt) in enumerate(calls):
        maker.send(
            words(f"question {number}"), usage=Usage(prompt, output=1), started=START + day * DAY + number, user=user,
            model=model, provider=provider,
        )  # fmt: skip
    return evaluate(maker.made()).tables["requests"]


def billed(*sums: tuple[str, str, str, int], source: str = "github") -> list[BilledSum]:
    """Sums of (day, user, model, input)."""
    return [
        BilledSum(Place("bill.csv", n), source, day, user, model, Usage(prompt, output=2), cost=Decimal("0.5"))
        for n, (day, user, model, prompt) in enumerate(sums, 1)
    ]


def rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select("day", "user", "model", "status", "logged_prompt", "billed_prompt").rows()


FIRST, SECOND, FOURTH = "2026-01-10", "2026-01-11", "2026-01-13"


@pytest.mark.parametrize(
    ("calls", "sums", "wanted"),
    [
        pytest.param(
            [(0, "ada", "gpt-4o-2024-08-06", 100), (0, "Ada", "gpt-4o", 50)], [(FIRST, "ada", "GPT-4o", 200)],
            [(FIRST, "ada", "gpt-4o", "both", 150, 200)], id="names in other words",
        ),
        pytest.param(
            [(0, "ada", "gpt-4o", 100)], [(FIRST, "ada", "gpt-4o", 100), (FIRST, "bob", "gpt-4o", 70)],
            [(FIRST, "ada", "gpt-4o", "both", 100, 100), (FIRST, "bob", "gpt-4o", "only billed", None, 70)],
            id="a user without a log",
        ),
        pytest.param(
            [(0, "uuid", "gpt-4o", 100)], [(FIRST, "ada", "gpt-4o", 100), (FIRST, "bob", "gpt-4o", 70)],
            [(FIRST, None, "gpt-4o", "both", 100, 170)], id="users that nobody shares",
        ),
        pytest.param(
            [(0, "ada", "gpt-4o", 100), (0, "", "gpt-4o", 1)], [(FIRST, "ada", "gpt-4o", 100)],
            [(FIRST, None, "gpt-4o", "both", 101, 100)], id="a request that names nobody",
        ),
        pytest.param(
            [(0, "", "gpt-4o", 100), (1, "", "o3", 7), (1, "", "gpt-4o", 1)],
            [(FIRST, "", "gpt-4o", 9), (SECOND, "", "gpt-4o", 1)],
            [(FIRST, None, "gpt-4o", "both", 100, 9), (SECOND, None, "gpt-4o", "both", 1, 1),
             (SECOND, None, "o3", "only logged", 7, None)], id="a model that is not on the bill",
        ),
        pytest.param(
            [(0, "", "gpt-4o", 100), (1, "", "gpt-4o", 1)],
            [(SECOND, "", "gpt-4o", 5), (FOURTH, "", "gpt-4o", 6), ("", "", "gpt-4o", 8)],
            [(None, None, "gpt-4o", "no day", None, 8), (FIRST, None, "gpt-4o", "outside", 100, None),
             (SECOND, None, "gpt-4o", "both", 1, 5), (FOURTH, None, "gpt-4o", "outside", None, 6)], id="other days",
        ),
    ],
)  # fmt: skip
def test_sides_meet_by_day_user_and_model(
    calls: list[tuple[int, str, str, int]], sums: list[tuple[str, str, str, int]], wanted: list[tuple[object, ...]]
) -> None:
    assert rows(against(logged(*calls), billed(*sums), Selection())) == wanted


def test_requests_to_another_provider_are_not_missed_on_its_bill() -> None:
    requests = logged((0, "", "gemini-2.5-pro", 100), provider="google")
    for source, status in (("openai", "other provider"), ("github", "only logged")):
        frame = against(requests, billed((FIRST, "", "gpt-4o", 5), source=source), Selection())
        assert dict(zip(frame["model"], frame["status"], strict=True)) == {
            "gemini-2.5-pro": status,
            "gpt-4o": "only billed",
        }


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(where=(("model", "gpt-*"),)), {"gpt-4o"}),
        (Selection(where=(("model", "claude-sonnet-4-5*"),)), {"claude-sonnet-4.5"}),
        (Selection(where=(("day", SECOND),)), set()),
        (Selection(since=FIRST, until=FIRST), {"gpt-4o", "claude-sonnet-4.5"}),
    ],
)
def test_a_selection_is_asked_of_the_bill_too(selection: Selection, wanted: set[str]) -> None:
    bill = billed((FIRST, "", "gpt-4o", 1), (FIRST, "", "Claude Sonnet 4.5", 1))
    frame = against(logged((0, "", "gpt-4o", 1)).clear(), bill, selection)
    assert set(frame["model"]) == wanted


def test_days_that_were_asked_for_are_missed_and_not_outside() -> None:
    bill = billed((FIRST, "", "gpt-4o", 5), (SECOND, "", "gpt-4o", 6))
    for selection, status in ((Selection(), "outside"), (Selection(until=SECOND), "only billed")):
        assert rows(against(logged((0, "", "gpt-4o", 5)), bill, selection))[1][3] == status


def test_a_bill_cannot_be_selected_by_what_it_does_not_have() -> None:
    with pytest.raises(UsageError, match="a bill has no session"):
        against(logged((0, "", "gpt-4o", 1)), [], Selection(where=(("session", "x"),)))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("", "a")), st.sampled_from(("m", "n")), st.integers(0, 9))),
    st.lists(
        st.tuples(
            st.sampled_from(("", FIRST, SECOND)), st.sampled_from(("", "a", "b")), st.sampled_from(("m", "n")),
            st.integers(0, 9),
        )
    ),
)  # fmt: skip
def test_nothing_is_lost(calls: list[tuple[int, str, str, int]], sums: list[tuple[str, str, str, int]]) -> None:
    requests = pl.DataFrame(
        [(START + day * DAY, user, model, prompt, None, None, prompt, 1, "p", True, False, None, False)
         for day, user, model, prompt in calls],
        schema={"started": pl.Float64, "user": pl.String, "model": pl.String, "prompt": pl.Int64, "read": pl.Int64,
                "write": pl.Int64, "plain": pl.Int64, "output": pl.Int64, "provider": pl.String, "billed": pl.Boolean,
                "output_is_lower_bound": pl.Boolean, "cost": pl.Decimal(38, 12), "relative_clock": pl.Boolean},
        orient="row",
    )  # fmt: skip
    frame = against(requests, billed(*sums), Selection())
    assert frame["logged_prompt"].sum() == sum(call[3] for call in calls)
    assert frame["billed_prompt"].sum() == sum(row[3] for row in sums)
    assert frame["logged_requests"].sum() == len(calls)
    assert frame["logged_read"].count() == 0  # unknown is not zero


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4.5"), ("anthropic/claude-sonnet-4.5", "claude-sonnet-4.5"),
        ("Claude Sonnet 4.5", "claude-sonnet-4.5"), ("gpt-4o-2024-08-06", "gpt-4o"), ("GPT-5.1", "gpt-5.1"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4.5"), ("gpt-4.1-mini", "gpt-4.1-mini"),
    ],
)  # fmt: skip
def test_models_by_any_name(name: str, key: str) -> None:
    assert model_key(name) == key


def test_exports_that_bill_the_same_tokens_are_not_summed() -> None:
    with pytest.raises(AgentcostError, match="bill the same tokens"):
        read_bills([str(BILL / "anthropic_usage.json"), str(BILL / "claude_code_analytics.json")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"model": "x", "messages": []}', "no usage export"),
        ("date,model,net_amount,username\n", "holds no billed sum"),
    ],
)
def test_what_is_no_export_says_so(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "log.txt").write_text(text)
    with pytest.raises(AgentcostError, match=says):
        read_bills([str(tmp_path / "log.txt")])


def test_rows_of_a_folder_are_all_counted(tmp_path: Path) -> None:
    (tmp_path / "bill.csv").write_bytes((BILL / "github_ai_usage.csv").read_bytes())
    (tmp_path / "notes.txt").write_text("notes")
    found = read_bills([str(tmp_path)])
    logs = {log.name.rpartition("/")[2]: log for log in found.record.logs}
    assert len(found.sums) == 2
    assert (logs["bill.csv"].records, logs["bill.csv"].skipped) == (5, 1)
    assert logs["notes.txt"].format == ""


# --- as a report ---------------------------------------------------------------------------------------------------


def test_as_text(tmp_path: Path) -> None:
    done = agentcost(tmp_path, "analyze", QUICKSTART, "--against", BILL / "github_quickstart.csv")
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert text.startswith(
        "Against the bill (github, 2026-10-14 to 2026-10-15): the logs hold 96.0% of its\ninput.\n"
        "Input: 867,343 billed, 832,472 logged; 35,000 are missed, 15,000 of them of\n"
        "days, users or models without any log. 129 logged input tokens are not on the\n"
        "bill. Output: 13,225 billed, 11,808 logged. Cost: $1.07 billed ($1.10 before\n"
        "discounts), $1.04 logged at list prices.\n"
    )
    assert "\n66 requests · 4 sessions" in text  # the report itself
    assert all(len(line) <= 80 for line in text.splitlines())


def test_as_data(tmp_path: Path) -> None:
    done = agentcost(tmp_path, "analyze", QUICKSTART, "--against", BILL / "github_quickstart.csv", "--json")
    document = json.loads(done.stdout)
    found = document["tables"]["against"]
    assert list(found[0]) == [name.strip() for name in ADDED_TABLES["against"][1].split(",")]
    assert [row["status"] for row in found] == ["both", "both", "only logged", "both", "only billed", "outside"]
    assert sum(row["logged_prompt"] or 0 for row in found) == document["totals"]["input_tokens"]
    assert document["totals"]["records"] == 72  # 66 of the log, a header and 5 rows of the bill


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["turns", QUICKSTART, "--against", BILL / "openai_usage.json"], 2, "use agentcost analyze"),
        (["analyze", QUICKSTART, "--against", BILL / "github_ai_usage.csv", "--strict"], 1, "has no date"),
        (["analyze", QUICKSTART, "--against", "nowhere.csv"], 1, "does not exist"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, arguments: list[str | Path], status: int, says: str) -> None:
    done = agentcost(tmp_path, *arguments)
    assert (done.returncode, says in done.stderr.decode()) == (status, True), done.stderr


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("name", ["github_quickstart.csv", "github_ai_usage.csv", "openai_usage.json"])
def test_no_line_is_wider_than_asked(width: int, name: str) -> None:
    maker = Maker()
    maker.send(words("hello"), usage=Usage(1_500_000, output=1), started=START, model="gpt-4.1", user="user_ada")
    analysis = evaluate(maker.made())
    found = read_bills([str(BILL / name)])
    analysis.tables["against"] = against(analysis.tables["requests"], found.sums, Selection())
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(view(analysis, width))
    lines = capture.get().splitlines()
    assert lines[0].startswith("Against the bill")
    assert all(len(line) <= width for line in lines)
