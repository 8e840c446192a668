"""The same log under other terms: what changes nothing is as it was run, parts sum, what is unknown is no zero."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import running
from tests.building import Maker, said, system, tool, words
from tests.reading import FIXTURES, ROOT_FOLDER
from typer.testing import CliRunner

from agentcost.caching.prompts import Asking
from agentcost.costs.requests import COLUMN, Pricing, costs_of
from agentcost.datasheets.hardware import accelerator_named
from agentcost.datasheets.models import architecture_of
from agentcost.errors import UsageError
from agentcost.ingest.inputs import find_sources
from agentcost.loading.logs import Reading, load_logs
from agentcost.main import app
from agentcost.memory.tokens import OVER_O200K, SPREAD
from agentcost.model import Kind, Knowledge, Usage
from agentcost.prefill import gemm_params
from agentcost.pricing import Price, Terms, currency_of, dollars, exact_sum, price_of, read_price_file
from agentcost.record import Record
from agentcost.repricing.bills import MODELS, OPEN, SAME_TEXTS, UPPER, Ask, Repricing, sent_to
from agentcost.repricing.machines import Machine, roofline
from agentcost.repricing.resending import Resending, Sent, same_model
from agentcost.repricing.tables import REPRICED, repriced
from agentcost.schema import REPRICE_TABLES
from agentcost.study import study
from agentcost.units import Currency, shown_in
from agentcost.units import dollars as money
from agentcost.views.reprice import bound as view_bound

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = NOON.timestamp()
QUICKSTART = str(FIXTURES / "quickstart.jsonl")
TOOL_ADDED = FIXTURES / "gate" / "tool-added" / "head.jsonl"
LONG = "The cache keeps what is long enough to be kept, and nothing else. " * 120
SONNET = {"model": "claude-sonnet-4-5", "provider": "anthropic", "api": "anthropic"}


def repricing(record: Record, pricing: Pricing = Pricing()) -> Repricing:  # noqa: B008 — frozen
    studied = study(record, Asking())
    costs = costs_of(studied.requests, studied.measured, studied.run, pricing)
    return Repricing(Resending(studied), costs, pricing)


def rows(found: Repricing, ask: Ask = Ask()) -> dict[str, dict[str, Any]]:  # noqa: B008 — frozen
    """The rows by label, of a log that is paid for in one way."""
    frame = repriced(found, list(found.offers(ask)), range(len(found.requests)))
    return {row["what"]: row for row in frame.to_dicts()}


def logged(path: str) -> Record:
    return load_logs(find_sources([path], None).sources, Reading())


def billed(usage: Usage, **more: Any) -> Record:
    """One request with a bill."""
    maker = Maker()
    maker.send(words(LONG), usage=usage, started=START, **more)
    return maker.made()


def talk(turns: int = 3, **more: Any) -> Record:
    """A conversation without any bill, a turn a minute."""
    maker = Maker()
    said_so_far = [tool("read"), system(LONG), said("first question")]
    for number in range(turns):
        maker.send(said_so_far, answer=words(f"answer {number}"), started=START + 60 * number, **more)
        said_so_far = [*said_so_far, said(f"answer {number}", Kind.ASSISTANT), said(f"question {number}")]
    return maker.made()


# --- as run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [QUICKSTART, str(FIXTURES / "codex"), str(FIXTURES / "claude-code")])
def test_the_first_row_is_what_every_report_says(path: str) -> None:
    found = repricing(logged(path))
    first = next(iter(rows(found).values()))
    assert first["what"] == "as run"
    assert first["cost"] == dollars(exact_sum(found.costs.amounts))


@pytest.mark.parametrize("ask", [Ask(models=("gpt-5.5@openai",)), Ask(tiers=("standard",)), Ask(hosts=("openai",))])
def test_a_what_if_that_changes_nothing_is_as_it_was_run(ask: Ask) -> None:
    found = repricing(billed(Usage(1808, 8192, output=1000), model="gpt-5.5"))
    first, *_, last = rows(found, ask).values()
    names = ("cost", "read", "write", "plain", "output", "cost_read", "cost_output", "basis")
    assert [last[name] for name in names] == [first[name] for name in names]
    assert last["change"] == 0


def test_the_same_model_elsewhere_has_the_caches_of_the_simulation() -> None:
    """Azure serves gpt-4o under OpenAI's rules and at its price: nothing changes but who serves it."""
    found = repricing(talk())
    resent = found.resending.send([Sent("azure", "gpt-4o")] * 3)
    assert [one.read for one in resent.usages] == [one.read for one in found.resending.as_run.usages]
    assert resent.rebased.totals == found.resending.as_run.rebased.totals


@pytest.mark.parametrize("path", [QUICKSTART, str(FIXTURES / "claude-code"), str(FIXTURES / "mooncake")])
def test_parts_of_every_row_sum_to_it_exactly(path: str) -> None:
    for row in rows(repricing(logged(path))).values():
        parts = [row[f"cost_{name}"] for name in ("read", "write", "plain", "output", "beside")]
        assert row["cost"] == (None if row["cost"] is None else sum(parts))


def test_rows_of_two_halves_sum_to_those_of_all() -> None:
    """What lies outside a selection warms the caches as before."""
    found = repricing(logged(QUICKSTART))
    offers = list(found.offers(Ask()))
    whole, one, other = (repriced(found, offers, part) for part in (range(66), range(30), range(30, 66)))
    assert whole["cost"].to_list() == [
        None if left is None else left + right for left, right in zip(one["cost"], other["cost"], strict=True)
    ]


# --- tiers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "provider", "usage", "tier", "expected"),
    [
        ("gpt-5.5", "openai", Usage(1808, 8192, output=1000), "standard", "0.043136"),
        ("gpt-5.5", "openai", Usage(1808, 8192, output=1000), "flex", "0.021568"),
        ("gpt-5.5", "openai", Usage(1808, 8192, output=1000), "priority", "0.10784"),
        ("gpt-5.5", "openai", Usage(1808, 8192, output=1000), "fast", "0.10784"),
        ("claude-fable-5-2", "anthropic", Usage(50, 100_000, 3000, output=500), "fast", "0.1408"),
        ("claude-sonnet-5-5", "anthropic", Usage(20_000, 30_000, output=2000), "batch", "0.0315"),
        ("gemini-2.5-pro", "google", Usage(0, 100_000, output=0), "batch", "0.0125"),
    ],
)
def test_published_tiers(model: str, provider: str, usage: Usage, tier: str, expected: str) -> None:
    found = rows(repricing(billed(usage, model=model, provider=provider)), Ask(tiers=(tier,)))
    assert found[tier]["cost"] == Decimal(expected)


def test_a_tier_without_a_price_is_listed_with_its_reason_and_costs_nothing_known() -> None:
    row = rows(repricing(billed(Usage(100, output=1), **SONNET)), Ask(tiers=("flex",)))["flex"]
    assert (row["cost"], row["against"], row["change"], row["unpriced_requests"]) == (None, None, None, 1)
    assert row["unpriced"] == "no flex price is known for claude-sonnet-4-5 at anthropic"


def test_what_has_a_price_is_compared_with_itself_only() -> None:
    """Of two requests only Opus 5 has a fast mode: its row is compared with the one request."""
    maker = Maker()
    for model in ("claude-opus-5", "claude-sonnet-4-5"):
        maker.send(words("hello"), usage=Usage(1_000_000, output=0), started=START, **{**SONNET, "model": model})
    row = rows(repricing(maker.made()), Ask(tiers=("fast",)))["fast"]
    assert (row["cost"], row["against"], row["unpriced_requests"]) == (10, 5, 1)
    assert row["change"] == 1.0


# --- models and hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", True),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", True),
        ("gpt-4o-2024-05-13", "gpt-4o", True),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", False),
        ("claude-opus-4-5", "claude-opus-4-1", False),
    ],
)
def test_a_name_without_a_day_is_the_same_model(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) is same


def test_models_of_one_tokenizer_keep_their_tokens() -> None:
    """gpt-4o to gpt-4.1: 10,000 plain at 2 dollars, 1,000 out at 8; OpenAI's cache before 5.6 writes for nothing."""
    found = rows(repricing(billed(Usage(10_000, output=1000), model="gpt-4o")), Ask(models=("gpt-4.1",)))
    row = found["gpt-4.1@openai"]
    assert (row["tokens_factor"], row["band"], row["cost"]) == (1.0, 0.0, Decimal("0.028"))
    assert row["change"] == pytest.approx(-0.2)


def test_texts_are_counted_with_the_other_vocabulary_where_it_is_at_hand() -> None:
    """GPT's vocabulary is that of gpt-oss, but for special tokens."""
    record = talk(1, model="gpt-5.5")
    found = repricing(record)
    entries = record.tree.entries
    counted = sum(entry.counts["o200k_base"] for entry in entries[:3])
    rebased = found.resending.rebasing.to(["gpt-oss-120b"])
    assert found.resending.rebasing.texts["gpt-oss-120b"][0][:4].sum() == counted
    assert not rebased.same[0]
    assert rebased.bands[0] < 0.02


def test_texts_are_scaled_where_the_other_vocabulary_is_not_at_hand() -> None:
    """Claude's texts are counted with a smaller vocabulary than GPT's, which needs fewer tokens."""
    record = talk(1, **SONNET)
    found = repricing(record)
    counted = sum(entry.counts["cl100k_claude3"] for entry in record.tree.entries[:3])
    rebased = found.resending.rebasing.to(["gpt-5.5"])
    texts = found.resending.rebasing.texts["gpt-5.5"][0][:4].sum()
    assert texts == pytest.approx(counted / OVER_O200K["cl100k_claude3"])
    assert rebased.bands[0] == pytest.approx(SPREAD)
    assert 1 / 1.3 < rebased.ratios[0] < 1 / 1.1


def test_calibration_stays_with_claude_and_goes_with_others() -> None:
    """A bill that is twice the estimate: a later Claude has that too, GPT has it not."""
    maker = Maker()
    for number in range(4):
        usage = Usage(round(1.6 * 1600 * (number + 1)), output=0)
        maker.send(words(*[f"{number}" + LONG] * (number + 1)), usage=usage, started=START + number, **SONNET)
    found = repricing(maker.made())
    factor = found.resending.studied.measured[0].ruler.factor
    later, other = (found.resending.rebasing.to([name] * 4).totals[3] for name in ("claude-opus-5", "gpt-5.5"))
    assert factor > 1.2
    assert later > found.resending.as_run.rebased.totals[3] > other * factor


def test_the_bill_tells_no_lengths_in_another_models_tokens() -> None:
    """The bill's lengths of prefixes are in its own tokens: under other models none is read beyond what was sent."""
    found = repricing(logged(QUICKSTART))
    run = found.resending.studied.run
    bound = sum(run.bounds) / sum(prompt.total for prompt in run.prompts)
    models = ("claude-sonnet-5-5", "gpt-oss-120b@fireworks", "gpt-6.1-sol")
    every = [row for row in rows(found, Ask(models=models)).values() if row["tokens_factor"] not in (None, 1.0)]
    shares = [row["read"] / (row["read"] + row["write"] + row["plain"]) for row in every]
    assert len(shares) == len(models)
    assert max(shares) < bound + 0.005, "texts of another kind weigh a little more in another vocabulary"
    assert shares[0] == pytest.approx(run_share(found), abs=0.03), "the same rules, other tokens"


def run_share(found: Repricing) -> float:
    """The share of input that was read as run."""
    usages = found.resending.as_run.usages
    return sum(one.read or 0 for one in usages) / sum(one.prompt for one in usages)


def test_what_openai_cached_anthropic_caches_at_breakpoints_of_harnesses() -> None:
    row = rows(repricing(talk()), Ask(models=("claude-sonnet-5-5",)))["claude-sonnet-5-5@anthropic"]
    assert row["policy"] == "anthropic"
    assert row["read"] > 0
    assert row["write"] > 0
    assert row["plain"] == 0


def test_the_minimum_of_the_other_model_holds() -> None:
    """Haiku 4.5 caches from 4,096 tokens on, Sonnet 4.5 from 1,024: the same conversation is not cached there."""
    found = repricing(talk(**SONNET))
    prompts = found.resending.as_run.rebased.totals
    assert 1024 < min(prompts) <= max(prompts) < 4096
    row = rows(found, Ask(models=("claude-haiku-4-5",)))["claude-haiku-4-5@anthropic"]
    assert (row["read"], row["write"], row["tokens_factor"]) == (0, 0, 1.0)


def test_where_no_rules_are_known_all_is_plain_and_the_row_says_so() -> None:
    row = rows(repricing(talk()), Ask(models=("gpt-oss-120b",), hosts=("novita",)))["gpt-oss-120b@novita"]
    assert (row["read"], row["basis"], row["change"]) == (0, "uncached", None)
    assert UPPER in row["assumes"]
    assert row["cost"] > 0


def test_hashed_blocks_are_never_put_under_breakpoints() -> None:
    found = rows(repricing(logged(str(FIXTURES / "mooncake"))), Ask(models=("claude-opus-5", "deepseek-v4-pro")))
    assert found["claude-opus-5@anthropic"]["basis"] == "uncached"
    assert found["deepseek-v4-pro@deepseek"]["basis"] == "simulated"


def test_lengths_alone_keep_the_shares_of_the_bill() -> None:
    record = billed(Usage(1000, 9000, output=10), model="gpt-4o", knowledge=Knowledge.COUNTS)
    row = rows(repricing(record), Ask(models=("claude-haiku-5-5",)))["claude-haiku-5-5@anthropic"]
    assert row["basis"] == "shares"
    assert row["read"] == (row["read"] + row["plain"]) * 9 // 10
    assert row["band"] > 0.1


def test_an_unknown_model_is_no_zero() -> None:
    row = rows(repricing(talk()), Ask(models=("gpt-6.2-sol",)))["gpt-6.2-sol@openai"]
    assert row["cost"] is None
    assert "no price is known for gpt-6.2-sol" in row["unpriced"]


def test_prompts_that_do_not_fit_are_counted() -> None:
    record = billed(Usage(200_000, output=10), model="gpt-4.1")
    assert rows(repricing(record), Ask(models=("gpt-oss-120b@groq",)))["gpt-oss-120b@groq"]["too_long"] == 1


@pytest.mark.parametrize("name", [*MODELS, *OPEN])
def test_the_usual_rows_have_prices_and_rules(name: str) -> None:
    sent = sent_to(name)
    assert isinstance(price_of(Terms(*sent), NOON), Price)
    record = talk(1)
    assert repricing(record).resending.send([sent]).basis == ["simulated"]


@pytest.mark.parametrize(
    ("host", "model", "found"),
    [
        ("groq", "gpt-oss-120b", "openai/gpt-oss-120b"),
        ("fireworks", "glm-5.3", "glm-5p3"),
        ("github-copilot", "claude-sonnet-4-20250514", "claude-sonnet-4"),
    ],
)
def test_hosts_names_of_a_model_are_found(host: str, model: str, found: str) -> None:
    price = price_of(Terms(host, model), NOON)
    assert isinstance(price, Price)
    assert price.model == found


def test_a_model_that_many_hosts_serve_needs_one() -> None:
    with pytest.raises(UsageError, match="gpt-oss-120b@groq"):
        sent_to("gpt-oss-120b")


# --- caching and own machines --------------------------------------------------------------------------------------


def test_without_caching_all_is_plain() -> None:
    row = rows(repricing(billed(Usage(50, 100_000, 3000, output=500), **SONNET)))["no caching"]
    assert (row["read"], row["write"], row["plain"]) == (0, 0, 103_050)
    assert row["cost_plain"] == Decimal("0.30915")
    assert row["against"] == Decimal("0.0489")


def test_breakpoints_are_tried_where_there_are_none() -> None:
    found = rows(repricing(talk(**SONNET)))
    assert found["as run"]["read"] == 0
    assert found["caching asked for"]["read"] > 0
    assert found["caching asked for"]["cost"] < found["as run"]["cost"]


def test_an_own_machine_costs_its_hours() -> None:
    """3,000 tokens in and 600 out at a token a second are an hour."""
    record = billed(Usage(1000, 2000, output=600), model="gpt-4o")
    row = rows(repricing(record), Ask(machine=Machine(Decimal("2.5"), Decimal(1))))["self-hosted"]
    assert row["cost"] == Decimal("2.5")
    assert SAME_TEXTS in row["assumes"]


@pytest.mark.parametrize(("read", "output"), [(0, 0), (8_192, 0), (8_192, 300)])
def test_an_accelerator_at_its_peak_is_a_lower_bound(read: int, output: int) -> None:
    """8 192 tokens of a dense 8B model are 2 FLOP for each of its weights and token, and attention on top."""
    llama, h100 = architecture_of("llama-3.1-8b"), accelerator_named("h100-sxm")
    tokens = numpy.zeros((1, len(COLUMN)), dtype=numpy.int64)
    tokens[0, [COLUMN["plain"], COLUMN["read"], COLUMN["output"]]] = 8_192, read, output
    own = roofline(llama, h100, Decimal(2)).costs(tokens)[0]
    least = (2 * gemm_params(llama) * 8_192 + 2 * gemm_params(llama) * output) / h100.flops["bf16"] * 2 / 3600
    assert 1 < float(own) / least < 1.5
    assert roofline(llama, h100, Decimal(4)).costs(tokens)[0] == pytest.approx(2 * own)


def test_a_row_that_is_a_bound_says_so() -> None:
    machine = roofline(architecture_of("gpt-oss-120b"), accelerator_named("h100"), None)
    found = repricing(logged(QUICKSTART))
    row = rows(found, Ask(machine=machine))["self-hosted gpt-oss-120b"]
    assert (row["basis"], row["policy"], row["lower_bounds"]) == ("roofline", "vllm", row["requests"])
    assert 0 < row["cost"] == row["cost_beside"]
    assert "h100-sxm at its peak in bf16, $2.95 an hour" in row["assumes"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, ""), ({"lower_bounds": 1}, "≥"), ({"unpriced_requests": 1}, "≥"), ({"basis": "uncached"}, "≤"),
        ({"basis": "uncached", "kind": "caching"}, ""), ({"basis": "uncached", "lower_bounds": 2}, "~"),
    ],
)  # fmt: skip
def test_a_bound_says_which(row: dict[str, Any], expected: str) -> None:
    assert view_bound({"lower_bounds": 0, "unpriced_requests": 0, "basis": "billed", "kind": "model"} | row) == expected


# --- money ---------------------------------------------------------------------------------------------------------

FILE = """
[[prices]]
model = "{model}"
input = {plain}
read = {read}
output = {output}
"""
PRICES = st.decimals(0, 100, places=3)


@settings(max_examples=30)
@given(st.lists(st.tuples(PRICES, PRICES), min_size=3, max_size=3))
def test_a_cheaper_price_never_costs_more(pairs: list[tuple[Decimal, Decimal]]) -> None:
    low, high = (dict(zip(("plain", "read", "output"), map(pick, pairs), strict=True)) for pick in (min, max))
    costs = []
    for numbers in (low, high):
        book = read_price_file(FILE.format(model="gpt-4.1", **numbers), "own.toml")
        row = rows(repricing(RECORD, Pricing(book)), Ask(models=("gpt-4.1",)))["gpt-4.1@openai"]
        costs.append(row["cost"])
    assert costs[0] <= costs[1]


RECORD = talk(2)


def test_seats_and_tokens_stand_in_rows_of_their_own() -> None:
    maker = Maker()
    for client in ("seat-client", "script"):
        maker.send(words(client), usage=Usage(1_000_000, output=0), started=START, client=client)
    text = '[[plans]]\nname = "team"\nseat = 30\n[[billing]]\nclient = "seat-*"\nas = "seat"\nplan = "team"\n'
    found = repricing(maker.made(), Pricing(read_price_file(text, "own.toml")))
    frame = repriced(found, list(found.offers(Ask(tiers=("flex",)))), range(2))
    own = frame.filter(frame["what"] == "as run")
    assert own.select("billing", "requests", "cost").rows() == [("api", 1, Decimal("2.5")), ("seat", 1, Decimal("2.5"))]


@pytest.mark.parametrize(
    ("text", "amount", "expected"),
    [("", "12.3", "$12.30"), ("EUR=0.92", "12.3", "EUR 11.32"), ("jpy = 150", "-0.5", "-JPY 75.00")],
)
def test_another_currency_at_the_rate_that_was_given(text: str, amount: str, expected: str) -> None:
    with shown_in(currency_of(text)):
        assert money(Decimal(amount)) == expected
    assert money(Decimal("12.3")) == "$12.30"


def test_the_rate_is_told() -> None:
    assert currency_of("EUR=0.92") == Currency("EUR", Decimal("0.92"))
    assert currency_of("EUR=0.92").words == "EUR at 0.92 for a dollar"


@pytest.mark.parametrize("text", ["EUR", "EUR=", "EUR=0", "EUR=-1", "EURO=0.9", "USD=2", "EUR=0,92"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--rate"):
        currency_of(text)


# --- the command ---------------------------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, width: int = 80) -> str:
    return running.run(monkeypatch, "reprice", *arguments, "--no-cache", width=width)


RATED = [
    ("analyze", QUICKSTART), ("analyze", QUICKSTART, "--full"), ("analyze", QUICKSTART, "--by", "session"),
    ("tools", QUICKSTART), ("turns", QUICKSTART), ("cache", QUICKSTART), ("show", QUICKSTART, "3"),
    ("show", QUICKSTART, "9b143cdc"), ("reprice", QUICKSTART, "--month", "2026-10", "--route", "side->gpt-6-luna"),
    ("check", QUICKSTART, "--limit", "cost_per_task<=9"), ("diff", QUICKSTART, str(TOOL_ADDED)),
]  # fmt: skip


@pytest.mark.parametrize("arguments", RATED, ids=" ".join)
def test_every_report_on_dollars_is_shown_in_another_currency(arguments: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--rate", "EUR=1000", "--no-cache"], catch_exceptions=False).stdout
    assert "EUR " in shown
    assert "$" not in shown
    assert shown.endswith("Amounts: EUR at 1000 for a dollar (--rate)\n")


@pytest.mark.parametrize("arguments", RATED[:1] + RATED[-2:], ids=" ".join)
def test_data_stays_in_dollars_and_says_so(arguments: tuple[str, ...]) -> None:
    rated, usual = (
        CliRunner().invoke(app, [*arguments, *more, "--json", "--no-cache"], catch_exceptions=False)
        for more in (("--rate", "EUR=0.92"), ())
    )
    assert rated.stdout == usual.stdout
    assert "data stays in dollars" in rated.stderr


SHOWN = {
    "usual": ("fixtures/quickstart.jsonl",),
    "asked": (
        "fixtures/quickstart.jsonl", "--model", "claude-sonnet-5-5", "--tier", "batch", "--tier", "standard",
        "--route", "tool-only->claude-haiku-5-5", "--guardrail-retries", "10%", "--accelerator-price", "2.5",
        "--throughput", "3000", "--rate", "EUR=0.92",
    ),
    "plans": ("fixtures/quickstart.jsonl", "--month", "2026-10", "--developers", "3", "--plan", "copilot-pro", "--plan",
        "copilot-business", "--model", "claude-sonnet-5-5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", SHOWN)
def test_reports(monkeypatch: pytest.MonkeyPatch, golden: Callable[[str, str], None], name: str, width: int) -> None:
    golden(f"reprice-{name}-{width}.txt", run(monkeypatch, *SHOWN[name], width=width))


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize(
    "arguments",
    [*SHOWN.values(), ("fixtures/claude-code",), ("fixtures/mooncake",), ("fixtures/table/azure.csv",),
     ("fixtures/quickstart.jsonl", "--where", "model=none")],
    ids=" ".join,
)  # fmt: skip
def test_no_line_is_wider_than_the_width(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], width: int
) -> None:
    assert not running.too_wide(run(monkeypatch, *arguments, width=width), width)


def test_json_carries_rows_in_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(run(monkeypatch, *SHOWN["asked"], "--json"), parse_float=Decimal)
    tables = document["tables"]
    assert document["kind"] == "reprice"
    assert [row["what"] for row in tables["repriced"]][:3] == ["as run", "as run, simulated", "self-hosted"]
    assert tables["repriced"][0]["cost"] == Decimal("1.03626565")
    assert tables["routes"][0]["retry_rate"] == Decimal("0.1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "gpt-oss-120b"), "many hosts"),
        (("--model", "gpt-oss-120b@nowhere"), "nowhere: no prices of this host are known; there are "),
        (("--host", "nowhere"), "no prices of this host"),
        (("--route", "side->gpt-oss-120b@nowhere"), "no prices of this host"),
        (("--tier", "slow"), "write one of batch, flex, priority, fast, ultrafast, standard"),
        (("--throughput", "5"), "belong together"),
        (("--accelerator", "h100"), "belong together"),
        (("--self-hosted", "gpt-oss-120b", "--accelerator", "h100", "--throughput", "5"), "no --throughput"),
        (("--self-hosted", "gpt-oss-999b", "--accelerator", "h100"), "no such model"),
        (("--throughput", "0", "--accelerator-price", "1"), "above 0"),
        (("--route", "side"), "RULE->MODEL"),
        (("--route", "sidd->gpt-4o"), "there is no rule 'sidd'"),
        (("--guardrail-retries", "5%"), "name one"),
        (("--month", "2026-13"), "2026-10"),
        (("--month", "2026-09"), "it has 2026-10"),
        (("--plan", "copilot-free"), "no such plan"),
        (("--rate", "EUR"), "EUR=0.92"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(app, ["reprice", QUICKSTART, *arguments])
    assert told in str(result.exception)


def test_the_columns_are_documented() -> None:
    text = (ROOT_FOLDER / "docs" / "json.md").read_text(encoding="utf-8")
    assert REPRICE_TABLES["repriced"][1].split(", ") == list(REPRICED)
    for name, (what, columns) in REPRICE_TABLES.items():
        section = text.partition(f"\n### {name}\n\nA row is {what}.\n")[2].partition("\n### ")[0]
        assert section
        for column in columns.split(", "):
            assert f"| `{column}` |" in section, column


def test_what_has_no_price_is_no_part_of_the_log_as_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of six requests have none: the first line tells of the other four, as `analyze` does."""
    text = " ".join(run(monkeypatch, "fixtures/codex", "--model", "gpt-6-luna").split())
    assert "for 4 of 6 requests (" in text
    assert "change: of the requests that have a price as run and in the row" in text
