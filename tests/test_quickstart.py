"""The quickstart log is written the same every time, is a valid conversation, and bills what it should."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[1] / "fixtures"
LOG = FIXTURES / "quickstart.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]

SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
ROUNDING = "9b143cdc-cc0a-4c57-aee2-27489b09c439"
IDEMPOTENCY = "3b379599-2268-4d4c-a643-7719934f4363"
RECONCILIATION = "81d43ec6-6f41-4b84-a530-479cad14e1b4"
EXPORT = "716bd8c4-d4c1-4328-af2f-9897b4f38f16"

# requests, plain, 5-minute writes, reads, output: added up from the file, not from the generator
TOTALS = {
    ROUNDING: (19, 181, 43805, 248433, 2338),
    IDEMPOTENCY: (13, 192, 93291, 95388, 2755),
    RECONCILIATION: (17, 14923, 21484, 100695, 3232),
    EXPORT: (17, 193, 20685, 193202, 3483),
    SONNET: (55, 220, 174352, 637718, 11002),
    HAIKU: (11, 15269, 4913, 0, 806),
}
ALL = (66, 15489, 179265, 637718, 11808)


def body(row: dict[str, Any]) -> dict[str, Any]:
    return row["request"]["body"]


def usage(row: dict[str, Any]) -> dict[str, Any]:
    return row["response"]["body"]["usage"]


def session(row: dict[str, Any]) -> str:
    return body(row)["metadata"]["user_id"].split("__session_")[1]


def totals(rows: list[dict[str, Any]]) -> tuple[int, ...]:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return (len(rows), *(sum(usage(row)[name] for row in rows) for name in names))


def test_the_generator_writes_these_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FIXTURES))
    import quickstart  # noqa: PLC0415

    assert "".join(quickstart.lines()).encode() == LOG.read_bytes()


def test_totals() -> None:
    assert totals(ROWS) == ALL
    for name, expected in TOTALS.items():
        assert totals([row for row in ROWS if name in (session(row), body(row)["model"])]) == expected, name
    assert len({body(row)["metadata"]["user_id"].split("_account_")[0] for row in ROWS}) == 2


def test_the_log_is_in_order_and_small() -> None:
    started = [row["timestamp"] for row in ROWS]
    assert started == sorted(set(started))
    assert len({row["response"]["body"]["id"] for row in ROWS}) == len(ROWS)
    assert LOG.stat().st_size < 3_500_000


def test_every_write_is_a_five_minute_write() -> None:
    for row in ROWS:
        split = usage(row)["cache_creation"]
        assert split["ephemeral_1h_input_tokens"] == 0
        assert split["ephemeral_5m_input_tokens"] == usage(row)["cache_creation_input_tokens"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["timestamp"])
def test_messages_are_valid(row: dict[str, Any]) -> None:
    """Roles alternate, every tool call is answered in the next message, at most four cache marks."""
    messages = body(row)["messages"]
    assert [message["role"] for message in messages] == (["user", "assistant"] * len(messages))[: len(messages)]
    for asked, answered in zip(messages[1::2], messages[2::2], strict=True):
        calls = [block["id"] for block in asked["content"] if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in answered["content"] if block["type"] == "tool_result"]
        assert calls == results
    assert json.dumps(body(row)).count('"cache_control"') <= 4


def main_requests(name: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if session(row) == name and body(row)["model"] == SONNET]


def read_and_written(name: str) -> list[tuple[int, int]]:
    rows = main_requests(name)
    return [(usage(row)["cache_read_input_tokens"], usage(row)["cache_creation_input_tokens"]) for row in rows]


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        (ROUNDING, 0, (0, 10322)),  # nothing is cached yet
        (ROUNDING, 1, (10322, 924)),  # then each request reads what the one before it wrote
        (ROUNDING, 8, (0, 15623)),  # the user was away for more than five minutes
        (ROUNDING, 12, (9795, 8787)),  # the first image: tools and system stay, messages go
        (IDEMPOTENCY, 0, (7949, 2437)),  # another user, the same tools
        (IDEMPOTENCY, 11, (7949, 11449)),  # the time in the system prompt: only the tools are ever read
        (RECONCILIATION, 3, (10377, 1316)),  # a plain user turn: earlier thinking is stripped
        (EXPORT, 8, (16717, 369)),  # the summary is asked for on top of the history
        (EXPORT, 9, (9801, 993)),  # and takes its place
    ],
)
def test_cache_stories(name: str, number: int, expected: tuple[int, int]) -> None:
    assert read_and_written(name)[number] == expected


def test_small_agents_stay_below_the_minimum_until_they_grow() -> None:
    rows = [row for row in ROWS if body(row)["model"] == HAIKU and "tools" in body(row)]
    written = [usage(row)["cache_creation_input_tokens"] for row in rows]
    assert [count for count in written if count] == [4913]
    assert all(usage(row)["input_tokens"] < 4096 for row in rows)


def test_tools_sent_and_called() -> None:
    """Fourteen built-in tools, twelve of GitHub's that are used, nine of Figma's that never are."""
    for name in (ROUNDING, IDEMPOTENCY, RECONCILIATION, EXPORT):
        for row in main_requests(name):
            servers = Counter(tool["name"].rpartition("__")[0] for tool in body(row)["tools"])
            assert servers == {"": 14, "mcp__github": 12, "mcp__figma": 9}
    called = Counter(
        block["name"] for row in ROWS for block in row["response"]["body"]["content"] if block["type"] == "tool_use"
    )
    assert called == {
        "Edit": 27,
        "Bash": 21,
        "Read": 17,
        "Grep": 7,
        "TodoWrite": 6,
        "Glob": 3,
        "Task": 2,
        "Write": 2,
        "Skill": 1,
        "mcp__github__create_pull_request": 1,
        "mcp__github__issue_read": 1,
        "mcp__github__list_commits": 1,
        "mcp__github__search_code": 1,
    }
