"""A row says of how many requests it tells, and no bound lies below what was billed."""

from __future__ import annotations

import pytest
from tests.building import Maker, said, system
from tests.test_views import analysis, one_line

from agentcost.analyze import Choices, evaluate
from agentcost.model import Usage
from agentcost.results import Analysis
from agentcost.views.analyze import analyze
from agentcost.views.cache import cache
from agentcost.views.full import full


def billed(*reads: int | None, plain: int = 3_000) -> Analysis:
    """Requests of one prompt each with a read that began before the log; None: no bill."""
    maker = Maker()
    for number, read in enumerate(reads):
        usage = None if read is None else Usage(plain - read, read=read, output=9)
        maker.send([system("rules " * 900), said(f"go {number}")], started=1.79e9 + number, session="s", usage=usage)
    return evaluate(maker.made(), Choices(every_policy=True))


def rows(found: Analysis) -> dict[str, dict[str, object]]:
    return {str(row["policy"]): row for row in found.tables["caches"].iter_rows(named=True)}


def test_at_best_is_never_below_what_was_billed() -> None:
    found = rows(billed(2_500, 2_500))
    assert found["content bound"]["read"] >= found["billed"]["read"]  # type: ignore[operator]
    assert "sent before the log began" in str(found["content bound"]["title"])
    assert "before the log" not in str(rows(billed(0, 0))["content bound"]["title"])


def test_a_row_that_tells_of_some_requests_says_of_how_many() -> None:
    found = billed(0, None, 0)
    assert rows(found)["billed"]["requests"] == 2
    assert "billed (of 2 requests)" in one_line(cache(found, 120))
    assert "(of " not in one_line(cache(billed(0, 0), 120)).partition("what it is")[2]


@pytest.mark.parametrize("view", [analyze, full, cache])
def test_lengths_alone_tell_no_session(view: object) -> None:
    text = one_line(view(analysis("azure"), 120))  # type: ignore[operator]
    assert "sessions are unknown" in text
    assert "3 sessions" not in text
    assert "chain of extending prompts" not in text


def test_one_prompt_is_not_said_as_several() -> None:
    found = billed(0, plain=200_000)
    assert "1 prompt of 1 above 128k tokens (100%) carries" in one_line(analyze(found, 200))
