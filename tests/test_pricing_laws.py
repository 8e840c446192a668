"""What must hold of prices whatever the request: rows sum to totals, and a cheaper price never costs more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcost.pricing import CLASSES, Price, Terms, amounts, dollars, exact_sum, price_of, quote, read_price_file
from agentcost.pricing.amounts import INPUT, Ints

DAY, NOON = date(2026, 11, 20), datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2026, 4, 1, tzinfo=UTC).timestamp()
TERMS = [
    Terms(*one)
    for one in (
        ("anthropic", "claude-haiku-5-5"), ("anthropic", "claude-opus-5", "batch"), ("openai", "gpt-5.6-sol", "flex"),
        ("openai", "gpt-6.1-sol"), ("google", "gemini-3.1-pro-preview"), ("x-ai", "grok-4.7"),
        ("deepseek", "deepseek-v4-flash"), ("dashscope", "qwen3-coder-plus"), ("acme", "nothing"),
        ("github-copilot", "gpt-4.1"), ("anthropic", "claude-opus-5", "", "fast", "us"),
    )
]  # fmt: skip
COUNT = st.integers(0, 300_000)
TOKENS = st.lists(COUNT, min_size=len(CLASSES), max_size=len(CLASSES))
ROW = st.tuples(st.sampled_from(TERMS), st.floats(START, START + 86_400 * 300), TOKENS)


def matrix(rows: list[list[int]]) -> Ints:
    return numpy.array(rows, dtype=numpy.int64)


@settings(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=12))
def test_bulk_amounts_are_the_price_times_the_tokens(rows: list[tuple[Terms, float, list[int]]]) -> None:
    quoted = quote([one[0] for one in rows], [one[1] for one in rows], DAY)
    found = amounts(quoted, matrix([one[2] for one in rows]))
    whole = Decimal(0)
    with localcontext() as context:
        context.prec = 60
        for number, (terms, start, tokens) in enumerate(rows):
            price = price_of(terms, datetime.fromtimestamp(start, UTC))
            expected = Decimal(0)
            if isinstance(price, Price):
                rates = price.at(sum(tokens[: len(INPUT)]))
                classes = (rates.plain, rates.read, rates.write, rates.write_1h, rates.write, rates.write_12h,
                           rates.output, rates.reasoning)  # fmt: skip
                expected = sum((rate * count for rate, count in zip(classes, tokens, strict=False)), Decimal(0)) / 10**6
                expected += (
                    rates.search * tokens[8] + rates.file_search * tokens[9] + rates.request * tokens[10]
                ) / 1000
            assert dollars(exact_sum(found[number])) == expected
            whole += expected
        assert dollars(exact_sum(found)) == whole


@settings(max_examples=60)
@given(ROW, st.integers(0, 99))
def test_a_cheaper_price_never_costs_more(row: tuple[Terms, float, list[int]], percent: int) -> None:
    terms, start, tokens = row
    book = read_price_file(f'[[prices]]\nmodel = "*"\nfactor = 0.{percent:02}\n', "prices.toml")
    listed, cheaper = (exact_sum(amounts(quote([terms], [start], DAY, own), matrix([tokens]))) for own in (None, book))
    assert cheaper <= listed


@given(st.sampled_from(TERMS), st.floats(START, START + 86_400 * 300), TOKENS,
       st.sampled_from(range(8)), st.integers(1, 1000))  # fmt: skip
@settings(max_examples=60)
def test_more_tokens_never_cost_less(terms: Terms, start: float, tokens: list[int], column: int, more: int) -> None:
    larger = [count + more * (number == column) for number, count in enumerate(tokens)]
    quoted = quote([terms] * 2, [start] * 2, DAY)
    found = amounts(quoted, matrix([tokens, larger])).sum(axis=1)
    assert found[0] <= found[1]


@given(st.sampled_from(TERMS), st.floats(START, START + 86_400 * 300))
@settings(max_examples=60)
def test_what_is_read_is_never_dearer_than_what_is_plain(terms: Terms, start: float) -> None:
    price = price_of(terms, datetime.fromtimestamp(start, UTC))
    if isinstance(price, Price):
        for step in price.steps:
            assert 0 <= step.rates.read <= step.rates.plain <= step.rates.write <= step.rates.write_12h


def test_a_step_begins_behind_its_threshold() -> None:
    for terms in TERMS:
        price = price_of(terms, NOON)
        for before, step in zip(price.steps, price.steps[1:], strict=False) if isinstance(price, Price) else ():
            assert isinstance(price, Price)
            assert (price.at(step.over), price.at(step.over + 1)) == (before.rates, step.rates)
            for prompt, rates in ((step.over, before.rates), (step.over + 1, step.rates)):
                row = [prompt, *[0] * (len(CLASSES) - 1)]
                found = amounts(quote([terms], [NOON.timestamp()], DAY), matrix([row]))
                assert dollars(exact_sum(found)) == rates.plain * prompt / 10**6
