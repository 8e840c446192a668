"""What is billed beside tokens of text, and under which terms an answer was served: read, priced, or named."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.building import Maker, words

from agentcost.analyze import evaluate
from agentcost.ingest.apis import anthropic, gemini, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api
from agentcost.ingest.apis.served import served_settings, served_tier
from agentcost.model import Usage
from agentcost.pricing import Price, Terms, price_of
from agentcost.results import Analysis
from agentcost.views import money

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def grounded(model: str, *queries: str) -> dict[str, Any]:
    return {
        "modelVersion": model,
        "candidates": [{"groundingMetadata": {"webSearchQueries": list(queries)}}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5},
    }


def items(*found: dict[str, Any]) -> dict[str, Any]:
    return {"output": list(found), "usage": {"input_tokens": 10, "output_tokens": 5}}


def call(kind: str, action: str = "search", status: str = "completed") -> dict[str, Any]:
    return {"type": kind, "status": status, "action": {"type": action}}


CLAUDE = {"input_tokens": 10, "output_tokens": 5}
CHAT = {"prompt_tokens": 10, "completion_tokens": 5}


@pytest.mark.parametrize(
    ("api", "answer", "searches", "files", "media"),
    [
        (anthropic.API, {"usage": {**CLAUDE, "server_tool_use": {"web_search_requests": 3}}}, 3, 0, 0),
        (anthropic.API, {"usage": {**CLAUDE, "server_tool_use": {"web_search_requests": None}}}, 0, 0, 0),
        (anthropic.API, {"usage": {**CLAUDE, "server_tool_use": None}}, 0, 0, 0),
        (openai_chat.API, {"usage": {**CHAT, "server_tool_use": {"web_search_requests": 1}}}, 1, 0, 0),
        (openai_chat.API, {"usage": {**CHAT, "completion_tokens_details": {"audio_tokens": 4}}}, 0, 0, 4),
        (openai_chat.API, {"usage": {**CHAT, "prompt_tokens_details": {"audio_tokens": 0}}}, 0, 0, 0),
        (openai_responses.API, items(call("web_search_call"), call("web_search_call")), 2, 0, 0),
        (openai_responses.API, items(call("web_search_call", "open_page")), 0, 0, 0),
        (openai_responses.API, items(call("web_search_call", status="failed")), 0, 0, 0),
        (openai_responses.API, items(call("file_search_call"), {"type": "message"}), 0, 1, 0),
        (gemini.API, grounded("gemini-3.7-flash", "a", "b"), 2, 0, 0),
        (gemini.API, grounded("gemini-2.5-pro", "a", "b"), 1, 0, 0),
        (gemini.API, grounded("gemini-2.5-pro"), 0, 0, 0),
        (
            gemini.API,
            {"usageMetadata": {
                "promptTokenCount": 10,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}, {"modality": "IMAGE", "tokenCount": 2}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
            }},
            0, 0, 9,
        ),
    ],
)  # fmt: skip
def test_what_is_billed_beside_tokens_of_text(
    api: Api, answer: dict[str, Any], searches: int, files: int, media: int
) -> None:
    usage = api.usage(answer)
    assert usage is not None
    assert (usage.prompt, usage.searches, usage.file_searches, usage.media) == (10, searches, files, media)


def analysis(usage: Usage, provider: str = "anthropic", model: str = "claude-opus-5") -> Analysis:
    maker = Maker()
    maker.send(words("find it"), usage=usage, started=NOON.timestamp(), provider=provider, model=model, api="")
    return evaluate(maker.made())


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        ("anthropic", "claude-opus-5", Usage(1_000, output=100, searches=3), "0.0375"),  # P23 of the price sheet
        ("openai", "gpt-4.1", Usage(1_000, output=100, searches=2, file_searches=4), "0.0328"),
        ("google", "gemini-2.5-pro", Usage(1_000, output=100, searches=1), "0.03725"),
    ],
)
def test_searches_are_priced(provider: str, model: str, usage: Usage, cost: str) -> None:
    found = analysis(usage, provider, model)
    row = found.tables["requests"].row(0, named=True)
    assert row["cost"] == Decimal(cost)
    assert row["cost_beside"] == row["cost"] - row["cost_plain"] - row["cost_output"]
    assert not row["cost_is_lower_bound"]
    counts = dict(found.tables["costs"].select("class", "tokens").iter_rows())
    assert (counts["searches"], counts.get("file_searches", 0)) == (usage.searches, usage.file_searches)


def test_searches_without_a_price_are_named_and_make_a_lower_bound() -> None:
    found = analysis(Usage(1_000, output=100, searches=3), "groq", "gpt-oss-120b")
    row = found.tables["requests"].row(0, named=True)
    assert row["cost_is_lower_bound"]
    assert row["not_applied"] == "web searches: no price of them is known"
    assert money.total(found).startswith("≥$")


def test_audio_is_named_as_taken_for_text() -> None:
    found = analysis(Usage(1_000, output=100, media=40), "openai", "gpt-4o")
    assert found.tables["requests"]["not_applied"].to_list() == ["audio and image tokens: priced as text"]
    assert found.tables["requests"]["cost"].to_list() == [Decimal("0.0035")]


def test_a_plan_that_includes_a_model_includes_what_it_searches() -> None:
    found = price_of(Terms("github-copilot", "gpt-4.1", beside=("searches",)), NOON)
    assert isinstance(found, Price)
    assert (found.included, found.ignored) == (True, ())


def test_a_bill_that_is_counted_anew_keeps_what_stands_beside_its_prompt() -> None:
    usage = Usage(7, 1, 1, 1, 1, 20, 5, output_is_lower_bound=True, classes_known=False, searches=2, media=3)
    found = usage.recounted(10, 2)
    assert (found.prompt, found.writes, found.classes_known) == (12, 0, True)
    assert (found.output, found.reasoning, found.searches, found.media) == (20, 5, 2, 3)
    assert found.output_is_lower_bound


@pytest.mark.parametrize(
    ("settings", "answer", "tier", "told"),
    [
        ({}, {"service_tier": "default"}, "default", {}),
        ({"service_tier": "flex"}, {"service_tier": "default"}, "default", {}),
        ({"service_tier": "auto"}, {"service_tier": "priority"}, "priority", {}),
        ({"service_tier": "flex"}, None, "flex", {}),
        ({}, {"usage": {"service_tier": "batch"}}, "batch", {}),
        ({"speed": "fast"}, {"usage": {"speed": "standard"}}, "", {"served_speed": "standard"}),
        ({"speed": "fast"}, {"usage": {"speed": "fast"}}, "", {}),
        ({}, {"usage": {"speed": "standard", "inference_geo": "not_available"}}, "", {}),
        ({}, {"usage": {"inference_geo": "us"}}, "", {"served_inference_geo": "us"}),
        ({}, {"usage": {"inference_geo": None, "speed": 3}}, "", {}),
    ],
)
def test_the_answer_says_what_was_served(
    settings: dict[str, str], answer: dict[str, Any] | None, tier: str, told: dict[str, str]
) -> None:
    assert served_tier(answer, settings) == tier
    assert served_settings(answer, settings) == told


@pytest.mark.parametrize(
    ("settings", "factor"),
    [
        ({"speed": "fast"}, 2), ({"speed": "fast", "served_speed": "standard"}, 1),
        ({"served_inference_geo": "us"}, Decimal("1.1")), ({"inference_geo": "us"}, Decimal("1.1")),
    ],
)  # fmt: skip
def test_what_was_served_is_what_is_priced(settings: dict[str, str], factor: Decimal) -> None:
    maker = Maker()
    maker.send(
        words("go"), usage=Usage(1_000), started=NOON.timestamp(), provider="anthropic", model="claude-opus-5", api="",
        settings=tuple(settings.items()),
    )  # fmt: skip
    assert evaluate(maker.made()).tables["requests"]["cost"].to_list() == [Decimal("0.005") * factor]
