"""`agentcost prices`: what would be used, from where, as of when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcost.commands.prices import moment_of
from agentcost.errors import AgentcostError, UsageError
from agentcost.main import app

ON = ("--on", "2026-11-20")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["prices", *arguments])
    if isinstance(result.exception, AgentcostError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_model_is_shown_with_source_and_date_in_three_lines() -> None:
    head = run("claude-opus-5-5", *ON).splitlines()[:4]
    assert head[0].startswith("claude-opus-5-5 on 2026-11-20 12:00 UTC")
    assert "genai-prices 0.2." in head[1]
    assert "as of 2026-11-10" in head[1]
    assert head[3].split() == ["anthropic", "4", "0.2", "5", "8", "20"]


def test_steps_and_tiers_are_rows_of_their_own() -> None:
    lines = run("gpt-5.6-sol", *ON, "--provider", "openai").splitlines()
    assert any(line.split()[:6] == ["openai", "flex", ">", "272,000", "4", "0.4"] for line in lines)


@pytest.mark.parametrize("width", ["60", "80", "140"])
@pytest.mark.parametrize("arguments", [("gpt-5.6-sol", *ON), ON])
def test_no_line_is_wider_than_the_terminal(
    width: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert max(map(len, run(*arguments).splitlines())) <= int(width)


def test_json_carries_numbers() -> None:
    found = json.loads(run("gemini-2.5-pro", *ON, "--json"))
    first = found["tables"]["prices"][0]
    assert (first["provider"], first["plain"], first["over_tokens"]) == ("google", 1.25, None)
    assert found["tables"]["unpriced"] == []


def test_the_list_as_json_carries_our_own_prices_and_plans() -> None:
    tables = json.loads(run("--json", *ON))["tables"]
    assert tables["plans"][0]["seat"] == 10
    assert tables["factors"][0]["times"] == 0.5


def test_a_price_file_goes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("own.toml")
    file.write_text('[[prices]]\nmodel = "claude-opus-5-5"\nfactor = 0.5\n', encoding="utf-8")
    output = run("claude-opus-5-5", *ON, "--provider", "anthropic", "--price-file", str(file))
    assert "own.toml:1" in "".join(output.split())  # a long path is broken over lines
    assert ["2", "0.1", "2.5"] in [line.split()[1:4] for line in output.splitlines()]


def test_a_model_without_a_price_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(AgentcostError, match="--price-file"):
        run("gpt-6.2-sol", *ON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T02:00", datetime(2026, 11, 20, 2, tzinfo=UTC)),
        ("2026-11-20T02:00+02:00", datetime(2026, 11, 20, 0, tzinfo=UTC)),
    ],
)
def test_the_moment_that_is_meant(text: str, expected: datetime) -> None:
    assert moment_of(text) == expected


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(UsageError, match="2026-11-20"):
        moment_of("yesterday")


def test_an_unreadable_price_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgentcostError, match="cannot be read"):
        run("gpt-4o", "--price-file", str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpt-5", "--provider", "nope"), r"gpt-5 has prices at openai, azure, openrouter"),
        (("gpt-99", "--provider", "nope"), r"there are .*anthropic.*openai"),
        (("--provider", "openai"), r"agentcost prices MODEL"),
        (("gpt-5", "--on", "2020-01-01"), r"before 2020-06-11"),
    ],
)
def test_what_cannot_be_is_refused_with_what_there_is(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(*arguments)


@pytest.mark.parametrize(
    ("model", "on", "unsure"),
    [("gpt-5", "2022-01-01", True), ("gpt-5", "2026-11-20", False), ("gpt-5.6-sol", "2026-09-20", False)],
)
def test_a_price_without_a_beginning_says_that_an_old_day_proves_nothing(model: str, on: str, unsure: bool) -> None:
    text = " ".join(run(model, "--on", on, "--provider", "openai").split())
    assert (f"nothing says that it was sold on {on}" in text) is unsure
    rows = json.loads(run(model, "--on", on, "--provider", "openai", "--json"))["tables"]["prices"]
    assert rows[0]["oldest_on_record"] is (model == "gpt-5")
