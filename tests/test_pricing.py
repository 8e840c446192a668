"""Prices against worked examples: totals to the last digit, at dates, hours, tiers, regions and sizes of prompts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy
import pytest
from tests.building import Maker, words

from agentcost.model import Usage
from agentcost.pricing import (
    Price,
    Terms,
    Unpriced,
    dollars,
    exact_sum,
    plans,
    price_list,
    price_of,
    quote,
    tokens_of,
)
from agentcost.pricing.amounts import CLASSES, INPUT, Ints, amounts
from agentcost.pricing.overlay import storage_of
from agentcost.pricing.price_file import Book, read_price_file
from agentcost.pricing.terms import terms_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
SOL, OPUS = "gpt-5.6-sol", "claude-opus-5"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def usage(prompt: int, read: int = 0, write: int = 0, output: int = 0, *, write_1h: int = 0) -> Usage:
    """As the sheets of providers count: the prompt holds all, `write` holds the writes of an hour."""
    return Usage(prompt - read - write, read=read, write=write - write_1h, write_1h=write_1h, output=output)


U1 = usage(103_050, 100_000, 3_000, 500)


def by_class(terms: Terms, used: Usage, at: datetime = NOON, book: Book | None = None, searches: int = 0) -> Ints:
    """Femtodollars of one request."""
    tokens = tokens_of([used], [terms])
    tokens[0, CLASSES.index("searches")] = searches
    quoted = quote([terms], [at.timestamp()], DAY, book)
    assert len(quoted.prices) == 1, quoted.reasons
    found: Ints = amounts(quoted, tokens)[0]
    return found


def total(terms: Terms, used: Usage, at: datetime = NOON, book: Book | None = None, searches: int = 0) -> Decimal:
    return dollars(int(by_class(terms, used, at, book, searches).sum()))


def parts(terms: Terms, used: Usage, at: datetime = NOON) -> tuple[Decimal, Decimal]:
    """Dollars of input and of output."""
    found = by_class(terms, used, at)
    split = len(INPUT)
    return dollars(int(found[:split].sum())), dollars(int(found[split:].sum()))


def priced(terms: Terms, at: datetime = NOON, book: Book | None = None) -> Price:
    found = price_of(terms, at, book)
    assert isinstance(found, Price), found
    return found


ANTHROPIC = {name: Terms("anthropic", name) for name in (OPUS, "claude-opus-5-5", "claude-fable-5-2")}
SONNET = Terms("anthropic", "claude-sonnet-5-5", tier="batch")
HAIKU = Terms("anthropic", "claude-haiku-5-5")
LUNA = usage(200_001, 180_000, 0, 1_000)
FLASH = Terms("deepseek", "deepseek-flash")
FLASHED = usage(15_000, 12_000, 0, 500)
GEMINI = Terms("google", "gemini-3.1-pro-preview")
ARGON = Terms("google", "gemini-4-argon")


@pytest.mark.parametrize(
    ("terms", "used", "at", "expected"),
    [
        pytest.param(ANTHROPIC[OPUS], U1, NOON, "0.0815", id="P1"),
        pytest.param(ANTHROPIC[OPUS], usage(103_050, 100_000, 3_000, 500, write_1h=2_000), NOON, "0.089", id="P2"),
        pytest.param(ANTHROPIC["claude-opus-5-5"], U1, NOON, "0.0452", id="P3"),
        pytest.param(ANTHROPIC["claude-fable-5-2"], U1, NOON, "0.0704", id="P4"),
        pytest.param(Terms("anthropic", "claude-fable-5-2", speed="fast"), U1, NOON, "0.1408", id="P5"),
        pytest.param(SONNET, usage(50_000, 30_000, 0, 2_000), NOON, "0.0315", id="P6"),
        pytest.param(
            Terms("anthropic", "claude-sonnet-5-5"), usage(50_000, 30_000, 0, 2_000), moment("2026-10-13"), "0.063",
            id="P7 standard",
        ),
        pytest.param(SONNET, usage(50_000, 30_000, 0, 2_000), moment("2026-10-13"), "0.0315", id="P7 as it is billed"),
        pytest.param(HAIKU, usage(100_000, 90_000, 0, 1_000), NOON, "0.0024", id="P8"),
        pytest.param(HAIKU, usage(100_001, 90_000, 0, 1_000), NOON, "0.0120005", id="P9"),
        pytest.param(Terms("openai", "gpt-6.1-sol"), usage(15_000, 12_000, 3_000, 500), NOON, "0.0137", id="P10"),
        pytest.param(Terms("openai", SOL), usage(272_000, 200_000, 0, 1_000), NOON, "0.388", id="P11"),
        pytest.param(Terms("openai", SOL), usage(272_001, 200_000, 0, 1_000), NOON, "0.766008", id="P12"),
        pytest.param(Terms("openai", SOL), usage(272_000, 200_000, 0, 1_000), moment("2026-08-20"), "0.49", id="P13"),
        pytest.param(Terms("openai", "gpt-5.5"), usage(10_000, 8_192, 0, 1_000), NOON, "0.043136", id="P14"),
        pytest.param(
            Terms("openai", "gpt-5.5", tier="flex"), usage(10_000, 8_192, 0, 1_000), NOON, "0.021568", id="P14 flex"
        ),
        pytest.param(
            Terms("openai", "gpt-5.5", tier="priority"), usage(10_000, 8_192, 0, 1_000), NOON, "0.10784",
            id="P14 priority",
        ),
        pytest.param(Terms("openai", "gpt-4o"), usage(2_000, 1_280, 0, 300), NOON, "0.0064", id="P15"),
        pytest.param(GEMINI, usage(200_000, 150_000, 0, 2_000), NOON, "0.154", id="P16"),
        pytest.param(GEMINI, usage(200_001, 150_000, 0, 2_000), NOON, "0.296004", id="P16 above"),
        pytest.param(ARGON, usage(50_000, 40_000, 0, 1_000), moment("2026-11-30T23:00"), "0.034", id="P17"),
        pytest.param(ARGON, usage(50_000, 40_000, 0, 1_000), moment("2026-12-01"), "0.068", id="P17 after"),
        pytest.param(FLASH, FLASHED, NOON, "0.000786", id="P18"),
        pytest.param(FLASH, FLASHED, moment("2026-11-20T02:00"), "0.001572", id="P18 peak"),
        pytest.param(Terms("aws", "global.anthropic.claude-opus-5"), U1, NOON, "0.0815", id="P19"),
        pytest.param(Terms("aws", "us.anthropic.claude-opus-5"), U1, NOON, "0.08965", id="P19 regional"),
        pytest.param(Terms("openai", "gpt-5.6-luna"), LUNA, NOON, "0.0088002", id="P20"),
        pytest.param(Terms("github-copilot", "gpt-5.6-luna"), LUNA, NOON, "0.0170004", id="P20 Copilot"),
        pytest.param(
            Terms("moonshotai", "kimi-k3"), usage(20_000, 10_000, 6_000, 1_000, write_1h=2_000), NOON, "0.054", id="P21"
        ),
        pytest.param(Terms("x-ai", "grok-4.7"), usage(200_000, 100_000, 0, 1_000), NOON, "0.512", id="P22"),
        pytest.param(Terms("groq", "openai/gpt-oss-120b"), usage(10_000, 8_000, 0, 1_000), NOON, "0.0015", id="P24"),
        pytest.param(ANTHROPIC[OPUS], usage(50_000, 40_000, 0, 15_000), NOON, "0.445", id="P25"),
        pytest.param(
            Terms("google", "gemini-2.5-pro", tier="batch"), usage(100_000, 100_000), NOON, "0.0125", id="P26"
        ),
        pytest.param(Terms("github-copilot", "gpt-4.1"), usage(100_000, 0, 0, 1_000), NOON, "0", id="P27"),
        pytest.param(Terms("anthropic", OPUS, geo="us"), U1, NOON, "0.08965", id="P1 in the US"),
        pytest.param(
            Terms("openai", "gpt-6.1-sol", cache_ttl="12h"), usage(15_000, 12_000, 3_000, 500), NOON, "0.0212",
            id="P10 for 12 hours",
        ),
        pytest.param(FLASH, FLASHED, moment("2026-11-21T02:00"), "0.000786", id="P18 on a Saturday"),
        pytest.param(FLASH, FLASHED, moment("2026-10-01T02:00"), "0.000786", id="P18 on a holiday"),
        pytest.param(FLASH, FLASHED, moment("2026-10-08T09:59:59"), "0.001572", id="P18 at the end of a peak"),
        pytest.param(FLASH, FLASHED, moment("2026-10-08T10:00"), "0.000786", id="P18 behind it"),
        pytest.param(
            Terms("anthropic", "claude-sonnet-5-5"), usage(1_000_000, 1_000_000), moment("2026-10-07T23:59"), "0.2",
            id="reads of Sonnet 5.5 before they became cheaper",
        ),
        pytest.param(
            Terms("anthropic", "claude-sonnet-5-5"), usage(1_000_000, 1_000_000), moment("2026-10-08"), "0.1",
            id="and from then on",
        ),
        pytest.param(
            Terms("dashscope", "qwen3-coder-plus"), usage(40_000, 0, 0, 1_000), NOON, "0.081", id="Qwen above 32,000"
        ),
        pytest.param(Terms("anthropic", "claude-mythos-5-1"), usage(1_000_000), NOON, "10", id="Mythos 5.1"),
        pytest.param(Terms("openai", "gpt-6-astra", tier="ultrafast"), usage(1_000, 0, 0, 100), NOON, "0.09", id="6x"),
        pytest.param(
            Terms("deepseek", "deepseek-v4-pro"), usage(1_000_000), moment("2026-05-04T02:00"), "0.435",
            id="no peak before there were any",
        ),
        pytest.param(
            Terms("deepseek", "deepseek-v4-flash"), usage(1_000_000, 1_000_000), moment("2026-04-26T12:14"), "0.028",
            id="a price that changed at a quarter past noon",
        ),
        pytest.param(
            Terms("deepseek", "deepseek-v4-flash"), usage(1_000_000, 1_000_000), moment("2026-04-26T12:15"), "0.0028",
            id="and a minute later",
        ),
        pytest.param(
            Terms("openai", SOL, tier="flex"), usage(1_000_000), moment("2026-08-01"), "5",
            id="half of the price of that day, above the cliff",
        ),
        pytest.param(Terms("azure", "gpt-6.1-sol", geo="apac"), usage(1_000), NOON, "0.0024", id="an Azure data zone"),
        pytest.param(
            Terms("vertex", "claude-opus-5", geo="us-east5"), U1, NOON, "0.08965", id="a region of Vertex"
        ),
        pytest.param(Terms("vertex", "claude-opus-5", geo="global"), U1, NOON, "0.0815", id="Vertex without"),
        pytest.param(Terms("google", "gemini-3.7-flash", tier="priority"), usage(1_000_000), NOON, "1.35", id="1.8x"),
        pytest.param(Terms("anthropic", "claude-opus-4-8-fast"), usage(1_000), NOON, "0.01", id="the speed in a name"),
        pytest.param(
            Terms("openrouter", "google/gemini-3-pro-preview"), usage(1_000_000), NOON, "4",
            id="a router's: the maker's",
        ),
    ],
)  # fmt: skip
def test_worked_examples(terms: Terms, used: Usage, at: datetime, expected: str) -> None:
    assert total(terms, used, at) == Decimal(expected)


@pytest.mark.parametrize(
    ("terms", "used", "at", "into", "out"),
    [
        (ANTHROPIC[OPUS], U1, NOON, "0.069", "0.0125"),
        (ANTHROPIC[OPUS], usage(103_050, 100_000, 3_000, 500, write_1h=2_000), NOON, "0.0765", "0.0125"),
        (ANTHROPIC["claude-opus-5-5"], U1, NOON, "0.0352", "0.01"),
        (ANTHROPIC["claude-fable-5-2"], U1, NOON, "0.0504", "0.02"),
        (Terms("anthropic", "claude-fable-5-2", speed="fast"), U1, NOON, "0.1008", "0.04"),
        (SONNET, usage(50_000, 30_000, 0, 2_000), NOON, "0.0215", "0.01"),
        (HAIKU, usage(100_000, 90_000, 0, 1_000), NOON, "0.0019", "0.0005"),
        (HAIKU, usage(100_001, 90_000, 0, 1_000), NOON, "0.0095005", "0.0025"),
        (Terms("openai", "gpt-6.1-sol"), usage(15_000, 12_000, 3_000, 500), NOON, "0.0087", "0.005"),
        (Terms("openai", SOL), usage(272_000, 200_000, 0, 1_000), NOON, "0.368", "0.02"),
        (Terms("openai", SOL), usage(272_001, 200_000, 0, 1_000), NOON, "0.736008", "0.03"),
        (Terms("openai", SOL), usage(272_000, 200_000, 0, 1_000), moment("2026-08-20"), "0.46", "0.03"),
        (Terms("openai", "gpt-4o"), usage(2_000, 1_280, 0, 300), NOON, "0.0034", "0.003"),
        (Terms("moonshotai", "kimi-k3"), usage(20_000, 10_000, 6_000, 1_000, write_1h=2_000), NOON, "0.039", "0.015"),
        (Terms("x-ai", "grok-4.7"), usage(200_000, 100_000, 0, 1_000), NOON, "0.5", "0.012"),
        (Terms("groq", "openai/gpt-oss-120b"), usage(10_000, 8_000, 0, 1_000), NOON, "0.0009", "0.0006"),
    ],
)
def test_input_and_output(terms: Terms, used: Usage, at: datetime, into: str, out: str) -> None:
    assert parts(terms, used, at) == (Decimal(into), Decimal(out))


def test_searches_are_paid_beside_tokens() -> None:
    assert total(ANTHROPIC[OPUS], usage(1_000, 0, 0, 100), searches=3) == Decimal("0.0375")  # P23


def test_twelve_hours_cost_two_and_a_half_inputs_in_every_tier_and_step() -> None:
    price = priced(Terms("openai", "gpt-6-sol", tier="batch"))
    assert [step.rates.write_12h for step in price.steps] == [Decimal("2.5"), Decimal(5)]
    assert "write_12h" not in price.filled


@pytest.mark.parametrize(
    "terms",
    [
        Terms("openai", "gpt-4o", tier="scale"),
        Terms("openai", "gpt-4o", tier="ultrafast"),
        Terms("openai", "gpt-4o", geo="mars"),
        Terms("anthropic", "claude-opus-4-5", geo="us"),
        Terms("anthropic", "claude-opus-5", tier="priority"),
        Terms("anthropic", "claude-opus-4-7", speed="fast"),
        Terms("azure", "gpt-5.5", tier="flex"),
        Terms("vertex", "claude-opus-5", tier="batch"),
        Terms("bedrock", "global.anthropic.claude-opus-5", tier="batch"),
        Terms("anthropic", "claude-opus-5", tier="batch", speed="fast"),
    ],
)
def test_a_term_nobody_knows_is_caught(terms: Terms) -> None:
    assert priced(terms).ignored
    standard = priced(Terms(terms.provider, terms.model, tier="batch" if terms.speed and terms.tier else ""))
    assert priced(terms).steps == standard.steps


@pytest.mark.parametrize("tier", ["", "standard", "default", "auto", "on_demand", "Standard"])
def test_what_says_nothing_changes_nothing(tier: str) -> None:
    assert priced(Terms("openai", "gpt-4o", tier=tier)) == priced(Terms("openai", "gpt-4o"))


def test_case_does_not_matter_to_a_tier() -> None:
    assert priced(Terms("openai", "gpt-5.5", tier="Flex")) == priced(Terms("openai", "gpt-5.5", tier="flex"))


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        (Terms("openai", "gpt-6.2-sol"), "gpt-6.2-sol"),
        (Terms("vllm", "gpt-oss-120b"), "run by oneself"),
        (Terms("acme", "llama-9"), "no prices of acme"),
        (Terms("", ""), "no model"),
        (Terms("cerebras", "qwen-3-coder-480b"), "without a price"),
        (Terms("openai", "whisper-1"), "not billed by tokens"),
    ],
)
def test_what_has_no_price_says_why(terms: Terms, word: str) -> None:
    found = price_of(terms, NOON)
    assert isinstance(found, Unpriced)
    assert word in found.reason


@pytest.mark.parametrize(
    ("terms", "model"),
    [
        (Terms("anthropic", "anthropic/claude-opus-5"), "claude-opus-5"),
        (Terms("anthropic", "claude-opus-5[1m]"), "claude-opus-5"),
        (Terms("anthropic", "claude-opus-4.5"), "claude-opus-4-5"),
        (Terms("github-copilot", "claude-opus-5-5"), "claude-opus-5.5"),
        (Terms("github-copilot", "claude-opus-4.8-fast"), "claude-opus-4.8-fast"),
        (Terms("gateway.example", "claude-opus-5"), "claude-opus-5"),
        (Terms("", "gpt-4o"), "gpt-4o"),
    ],
)
def test_a_model_is_found_however_it_is_written(terms: Terms, model: str) -> None:
    assert priced(terms).model == model


def test_included_and_free_are_told_apart() -> None:
    included, free = priced(Terms("github-copilot", "gpt-4o")), priced(Terms("openrouter", "acme/thing:free"))
    assert (included.included, free.included) == (True, False)
    assert free.notes == ("free",)


def test_where_a_price_is_from_stands_with_it() -> None:
    ours, theirs = priced(FLASH), priced(ANTHROPIC[OPUS])
    assert (ours.mark, ours.checked) == ("V", date(2026, 11, 22))
    assert theirs.source.startswith("genai-prices 0.2.")
    batch = priced(SONNET, moment("2026-10-13"))
    assert any("2026-10-14" in note for note in batch.notes)


def test_a_plan_of_a_day() -> None:
    before, after = (plans(day)["copilot-business"] for day in (date(2026, 8, 31), date(2026, 9, 1)))
    assert (before.credits, after.credits, after.pooled) == (3000, 1900, True)
    assert "copilot-business" not in plans(date(2026, 5, 31))


def test_every_fact_has_a_source_and_a_date() -> None:
    known = price_list()
    facts = [*known.prices, *known.factors, *known.writes_12h, *known.storage, *known.peaks, *known.aliases]
    assert facts
    assert all(fact.source and fact.checked and fact.mark in "VSU" for fact in facts)
    assert all(plan.source and plan.checked for plan in known.plans)


# --- many at once --------------------------------------------------------------------------------------------------


def test_a_request_without_a_date_says_which_was_assumed() -> None:
    quoted = quote([Terms("openai", SOL)] * 3, [None, 5.0, NOON.timestamp()], date(2026, 8, 1))
    assert quoted.assumed.tolist() == [True, True, False]
    found = [quoted.price(row) for row in range(3)]
    assert [one.at(1).plain for one in found if isinstance(one, Price)] == [5, 5, 4]


def test_the_unpriced_are_listed_and_cost_nothing() -> None:
    quoted = quote([Terms("openai", SOL), Terms("openai", "gpt-9")], [NOON.timestamp()] * 2, DAY)
    found = amounts(quoted, numpy.ones((2, len(CLASSES)), dtype=numpy.int64))
    assert isinstance(quoted.price(1), Unpriced)
    assert found[1].sum() == 0 < found[0].sum()


def test_a_row_that_sums_a_year_is_counted_as_exactly() -> None:
    quoted = quote([Terms("openai", "gpt-4o")] * 2, [NOON.timestamp()] * 2, DAY)
    tokens = tokens_of([usage(10**13), usage(1)], [Terms("openai", "gpt-4o")] * 2)
    found = amounts(quoted, tokens)
    assert exact_sum(found.sum(axis=1)) == 25 * 10**21 + 25 * 10**8


def test_a_sum_beyond_64_bits_is_exact() -> None:
    many = numpy.full(100_000, 3 * 10**17 + 1, dtype=numpy.int64)
    assert exact_sum(many) == 100_000 * (3 * 10**17 + 1)
    assert exact_sum(-many) == -100_000 * (3 * 10**17 + 1)


# --- the price file ------------------------------------------------------------------------------------------------

FILE = """\
[[prices]]
provider = "anthropic"
model = "claude-opus-*"
from = 2026-09-01
factor = 0.85

[[prices]]
model = "llama-9"
input = 1
read = 0.5
output = 2
over = [{ tokens = 1000, input = 2, read = 1, output = 4 }]

[[prices]]
provider = "openai"
model = "gpt-5.6-sol"
input = 2
read = 0.2
output = 10

[[plans]]
name = "team"
seat = 30
credits = 1000
credit = 0.01

[[billing]]
client = "claude-code"
user = "ann*"
as = "seat"
plan = "team"

[[billing]]
as = "api"
"""
BOOK = read_price_file(FILE, "prices.toml")


@pytest.mark.parametrize(
    ("terms", "used", "at", "expected"),
    [
        (ANTHROPIC[OPUS], U1, NOON, "0.069275"),
        (ANTHROPIC[OPUS], U1, moment("2026-08-31"), "0.0815"),
        (Terms("acme", "llama-9"), usage(1_000, 500, 0, 10), NOON, "0.00077"),
        (Terms("acme", "llama-9"), usage(1_001, 500, 0, 10), NOON, "0.001542"),
        (Terms("openai", SOL), usage(1_000, 0, 1_000), NOON, "0.0025"),  # a write is 1.25 inputs, as in the list
        (Terms("openai", "gpt-4o"), usage(2_000, 1_280, 0, 300), NOON, "0.0064"),
    ],
)
def test_negotiated_prices(terms: Terms, used: Usage, at: datetime, expected: str) -> None:
    assert total(terms, used, at, BOOK) == Decimal(expected)


def test_a_negotiated_price_names_its_line() -> None:
    assert "prices.toml:1:" in priced(ANTHROPIC[OPUS], book=BOOK).source
    assert priced(Terms("acme", "llama-9"), book=BOOK).source == "prices.toml:7"
    assert priced(Terms("acme", "llama-9", tier="flex"), book=BOOK).ignored == ("tier=flex",)


def test_who_is_billed_how() -> None:
    ann, bob = ({"client": "claude-code", "user": user} for user in ("anna", "bob"))
    found = BOOK.payer_of(ann), BOOK.payer_of(bob)
    assert [(one.billing, one.plan) for one in found if one] == [("seat", "team"), ("api", "")]
    assert (BOOK.plans[0].included, BOOK.plans[0].credits) == (10, 1000)


@pytest.mark.parametrize(
    ("model", "day", "expected"),
    [
        ("gemini-2.5-flash", "2026-11-20", "0.20"), ("gemini-2.5-pro", "2026-11-20", "0.90"),
        ("gemini-3.8-flash", "2026-12-31", "0.10"), ("gemini-3.8-flash", "2027-01-01", "0.20"),
        ("gemini-3-flash-preview", "2026-11-20", "0.10"), ("gemini-2.5-flash-lite", "2026-11-20", None),
    ],
)  # fmt: skip
def test_a_cache_that_is_kept_costs_by_the_hour(model: str, day: str, expected: str | None) -> None:
    """100,000 tokens for two hours."""
    found = storage_of("google", model, moment(day))
    assert (found and found.hourly * 2 / 10) == (Decimal(expected) if expected else None)


def test_a_request_on_a_kept_cache_says_that_its_storage_is_not_in_the_log() -> None:
    kept = Maker().send(words("q"), provider="google", model="gemini-2.5-pro", settings=(("cachedContent", "x"),))
    price = price_of(terms_of(kept), NOON)
    assert isinstance(price, Price)
    assert [one for one in price.ignored if one.startswith("cache storage: billed by the hour")]
