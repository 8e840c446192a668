"""What the default report says of money: totals by way of paying, bounds, savings, and what is unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rich.console import Console
from tests.building import Maker, words
from tests.test_costs import SONNET, START

from agentcost.analyze import evaluate
from agentcost.choices import Choices
from agentcost.costs.requests import Pricing
from agentcost.model import Knowledge, Usage
from agentcost.results import Analysis
from agentcost.units import dollars
from agentcost.views import money


def analysis(*usages: Usage | None, billing: str = "", **more: object) -> Analysis:
    maker = Maker()
    for number, usage in enumerate(usages):
        fields = {"usage": usage, "started": START + number, **SONNET, **more}
        maker.send(words(f"question {number}"), **fields)
    return evaluate(maker.made(), Choices(pricing=Pricing(billing=billing)))


def printed(found: Analysis, width: int = 80) -> str:
    console = Console(width=width, color_system=None, file=None)
    with console.capture() as capture:
        for part in money.cost(found, width):
            console.print(part)
    text = capture.get()
    assert all(len(line) <= width for line in text.splitlines())
    return " ".join(text.split())


BILLED = Usage(1_000, output=100)
"""0.0045 dollars."""


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"), ("0.004249", "$0.0042"), ("0.05", "$0.050"), ("0.996", "$1.00"), ("12.346", "$12.35"),
        ("1234.5", "$1,234"), ("-0.5", "-$0.50"), ("0.00000012", "$0.00000012"),
    ],
)  # fmt: skip
def test_dollars_as_text(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


def test_an_unknown_amount_is_no_zero() -> None:
    assert dollars(None) == "?"


def test_a_billed_log() -> None:
    text = printed(analysis(BILLED, BILLED))
    assert text.startswith("Cost: $0.0090 (billed tokens at list prices of their day; ")
    assert "$0.0045 a request" in text


def test_a_log_that_does_not_tell_how_it_was_paid() -> None:
    found = analysis(BILLED, knowledge=Knowledge.TRANSCRIPT)
    assert printed(found).startswith("List-price equivalent: $0.0045 ")
    assert money.total(found) == "$0.0045"


def test_seats_are_no_cost() -> None:
    assert printed(analysis(BILLED, billing="seat")).startswith("List-price equivalent (paid by the seat): $0.0045 ")


def test_ways_of_paying_are_never_summed() -> None:
    maker = Maker()
    maker.send(words("a"), usage=BILLED, started=START, **SONNET)
    maker.send(words("b"), usage=BILLED, started=START, knowledge=Knowledge.TRANSCRIPT, **SONNET)
    found = evaluate(maker.made())
    text = printed(found)
    assert "Cost: $0.0045" in text
    assert "List-price equivalent: $0.0045" in text
    assert money.total(found) == ""


def test_an_unknown_output_is_a_lower_bound() -> None:
    assert printed(analysis(Usage(1_000, output=None))).startswith("Cost: ≥$0.0030 ")


def test_requests_without_a_price_are_left_out_and_said() -> None:
    maker = Maker()
    maker.send(words("a"), usage=BILLED, started=START, **SONNET)
    maker.send(words("b"), usage=BILLED, started=START, model="nobody-knows-1", provider="nowhere")
    text = printed(evaluate(maker.made()))
    assert text.startswith("Cost: ≥$0.0045 ")
    assert "1 request without a price left out" in text


def test_a_log_without_prices_says_why() -> None:
    text = printed(analysis(BILLED, model="nobody-knows-1", provider="nowhere"))
    assert text.startswith("Cost: unknown, ")
    assert "nobody-knows-1" in text


def test_what_caching_saved() -> None:
    assert "caching saved $0.27 (90.0%)" in printed(analysis(Usage(0, read=100_000, output=0)))
    assert "caching added $0.00075" in printed(analysis(Usage(0, write_5m=1_000, output=0)))


LOWER = Usage(1_000, output=100, output_is_lower_bound=True)
UNCACHED = Usage(1_000, output=100, classes_known=False)
BOTH = Usage(1_000, classes_known=False)
NOBODY = {"session": "s", "provider": "groq", "model": "gpt-oss-20b", "api": "", "knowledge": Knowledge.COUNTS}


@pytest.mark.parametrize(
    ("usages", "more", "sign"),
    [
        ([BILLED], {}, ""),
        ([BILLED, LOWER], {}, "≥"),
        ([UNCACHED], NOBODY, "≤"),
        ([BOTH], NOBODY, "~"),
    ],
)
def test_a_bound_stands_before_the_total_and_its_averages(
    usages: list[Usage], more: dict[str, object], sign: str
) -> None:
    found = analysis(*usages, **more)
    if sign in ("≤", "~"):
        assert found.tables["requests"]["cost_basis"].to_list() == ["uncached"]
    amounts = [word.strip("(;,") for word in printed(found).split() if "$" in word][:3]
    assert len(amounts) == 3
    assert [amount.partition("$")[0] for amount in amounts] == [sign] * 3
    assert money.total(found).partition("$")[0] == sign


def test_a_log_without_days_says_whose_prices() -> None:
    assert "at the newest list prices, as the log tells no day" in printed(analysis(BILLED, started=None))


def test_a_session_with_an_unpriced_request_costs_at_least_its_priced_ones() -> None:
    """A request's mean leaves out what has no price; a session's is a lower bound where it holds such a request."""
    maker = Maker()
    for number, model in enumerate((SONNET["model"], "nobody-1")):
        maker.send(words(f"q {number}"), usage=BILLED, started=START + number, session="s", **SONNET | {"model": model})
    found = evaluate(maker.made(), Choices())
    assert found.tables["requests"]["session"].n_unique() == 1
    assert "≥$0.0045 a session, $0.0045 a request" in printed(found)
