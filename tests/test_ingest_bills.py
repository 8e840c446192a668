"""Exports of bills: what was billed by day, user and model, in whichever words, and that no row is a request."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from tests.reading import FIXTURES, memory_source, read_all, read_file

from agentcost.ingest.bills import READER, BilledSum, rows
from agentcost.ingest.source import open_source
from agentcost.model import Other, Skipped, Usage


def sums(name: str) -> list[BilledSum]:
    return [row for row in rows(open_source(FIXTURES / "bill" / name)) if isinstance(row, BilledSum)]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("github_ai_usage.csv", [
            ("github", "2026-01-10", "ada", "claude-sonnet-4.5", "acme/shop",
             Usage(plain=1000, read=40_000, write=3000, output=200)),
            ("github", "2026-01-10", "bob", "gpt-5.1", "carts", Usage(plain=500, output=60)),
        ]),
        ("anthropic_usage.json", [
            ("anthropic", "2026-01-10", "apikey_a", "claude-sonnet-4-5", "wrkspc_shop",
             Usage(plain=1500, read=20_000, write_5m=500, write_1h=1000, output=500)),
        ]),
        ("openai_usage.json", [
            ("openai", "2026-01-10", "user_ada", "gpt-4.1", "proj_shop", Usage(plain=200, read=800, output=500)),
        ]),
        ("claude_code_analytics.json", [
            ("claude-code", "2026-01-10", "ada@example.com", "claude-sonnet-4-5", "",
             Usage(plain=100, read=10_000, write=500, output=35)),
        ]),
    ],
)  # fmt: skip
def test_sums_by_day_user_and_model(name: str, wanted: list[tuple[object, ...]]) -> None:
    assert [(row.source, row.day, row.user, row.model, row.project, row.usage) for row in sums(name)] == wanted


def test_money_credits_and_requests() -> None:
    ada, bob = sums("github_ai_usage.csv")
    assert (ada.cost, ada.gross, ada.credits) == (Decimal(1), Decimal("1.255"), Decimal("125.5"))
    assert (bob.cost, bob.gross) == (Decimal(0), Decimal("0.1"))
    assert [row.requests for row in sums("openai_usage.json")] == [5]
    assert [row.gross for row in sums("claude_code_analytics.json")] == [Decimal("1.25")]  # cents


def test_tokens_that_a_report_lacks_are_unknown() -> None:
    report = "date,username,model,quantity,net_amount\n2026-01-10,ada,gpt-5.1,3,0.03\n"
    source = memory_source("report.csv", report)
    assert READER.sniff(source.peek())
    assert [row.usage for row in rows(source) if isinstance(row, BilledSum)] == [None]


def test_read_as_a_log_no_row_is_a_request() -> None:
    reading = read_file(READER, FIXTURES / "bill" / "github_ai_usage.csv")
    assert Counter(item.what for item in reading.items if isinstance(item, Other)) == {
        "header": 1, "billed sum of a day, a user and a model, without its requests": 2, "row of another product": 1,
    }  # fmt: skip
    assert [item.reason for item in reading.items if isinstance(item, Skipped)] == [
        "has no date; export the report again, or remove the line"
    ]
    assert not reading.requests


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).items) == 2
