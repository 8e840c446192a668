"""What was billed, in disjoint classes: a table of providers' usage, recorded calls, and OpenAI's exact counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from tests.reading import SHARED, needs_shared

from agentcost.ingest.apis import anthropic, gemini, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api, Calls
from agentcost.ingest.sse import events
from agentcost.model import Kind, Usage
from agentcost.tokens import counter

Body = dict[str, Any]

BILLED: list[tuple[str, Body, Usage]] = [
    (
        "OpenAI 5.6: reads and writes inside the prompt",
        {"prompt_tokens": 4020, "completion_tokens": 4, "total_tokens": 4024,
         "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 3000}},
        Usage(plain=20, read=1000, write=3000, output=4),
    ),
    (
        "Responses: reasoning inside the output",
        {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 64}, "output_tokens": 30,
         "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 130},
        Usage(plain=36, read=64, output=30, reasoning=20),
    ),
    (
        "xAI: reasoning beside the completion",
        {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 130,
         "completion_tokens_details": {"reasoning_tokens": 20}},
        Usage(plain=100, output=30, reasoning=20),
    ),
    (
        "DeepSeek",
        {"prompt_tokens": 90, "completion_tokens": 5, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 26},
        Usage(plain=26, read=64, output=5),
    ),
    ("Mistral", {"prompt_tokens": 90, "completion_tokens": 5, "num_cached_tokens": 64}, Usage(26, 64, output=5)),
    ("Kimi", {"prompt_tokens": 90, "completion_tokens": 5, "cached_tokens": 80}, Usage(plain=10, read=80, output=5)),
    (
        "LiteLLM for Anthropic: inside the prompt",
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105, "cache_read_input_tokens": 60,
         "cache_creation_input_tokens": 30, "prompt_tokens_details": {"cached_tokens": 60, "cache_creation_tokens": 30,
         "cache_creation_token_details": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}},
        Usage(plain=10, read=60, write_5m=10, write_1h=20, output=5),
    ),
    (
        "a gateway that leaves the cached tokens out of the prompt",
        {"prompt_tokens": 10, "completion_tokens": 5, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30},
        Usage(plain=10, read=60, write=30, output=5),
    ),
    (
        "the same, told by the total alone",
        {"prompt_tokens": 70, "completion_tokens": 5, "total_tokens": 135, "cache_read_input_tokens": 60},
        Usage(plain=70, read=60, output=5),
    ),
    (
        "a router that counts more reasoning than output",
        {"prompt_tokens": 43, "completion_tokens": 10, "total_tokens": 53,
         "completion_tokens_details": {"reasoning_tokens": 11}},
        Usage(plain=43, output=10, reasoning=10),
    ),
    (
        "details that are null",
        {"prompt_tokens": 4812, "completion_tokens": 146, "completion_tokens_details": None,
         "prompt_tokens_details": {"cached_tokens": None}},
        Usage(plain=4812, output=146),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("billed", "usage"), [row[1:] for row in BILLED], ids=[row[0] for row in BILLED])
def test_usage_of_openai_like_answers(billed: Body, usage: Usage) -> None:
    assert openai_chat.API.usage({"usage": billed}) == usage
    assert openai_responses.API.usage({"usage": billed}) == usage
    assert usage.prompt == usage.read + usage.writes + usage.plain


@pytest.mark.parametrize(
    ("billed", "usage"),
    [
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 4,
            },
            Usage(plain=40, read=60, output=11, reasoning=4),
        ),
        (
            {"promptTokenCount": 100, "toolUsePromptTokenCount": 50, "candidatesTokenCount": 7},
            Usage(plain=150, output=7),
        ),
        ({"prompt_token_count": 8, "thoughts_token_count": 19}, Usage(plain=8, output=19, reasoning=19)),
        ({"promptTokenCount": 8, "totalTokenCount": 10}, Usage(plain=8, output=2)),
        ({"promptTokenCount": 8}, Usage(plain=8)),
    ],
)
def test_usage_of_gemini(billed: Body, usage: Usage) -> None:
    assert gemini.API.usage({"usageMetadata": billed}) == usage


@pytest.mark.parametrize(
    "api", [anthropic.API, openai_chat.API, openai_responses.API, gemini.API], ids=lambda a: a.name
)
def test_no_bill_is_unknown(api: Api) -> None:
    assert api.usage({}) is None
    assert api.usage({"usage": None, "usageMetadata": {"totalTokenCount": 3}}) is None


# --- recorded calls ------------------------------------------------------------------------------------------------

HOSTS = {
    "api.openai.com": "openai", "api.anthropic.com": "anthropic", "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "vertex", "api.deepseek.com": "deepseek", "openrouter.ai": "openrouter",
    "api.groq.com": "groq", "api.mistral.ai": "mistral",
}  # fmt: skip
BY_KEY = {"contents": gemini.API, "input": openai_responses.API, "messages": openai_chat.API}


@cache
def recorded() -> list[tuple[str, Api, Body, Body]]:
    """(provider, API, body, answer) of every recorded call whose response is an answer."""
    return list(_recorded())


def _recorded() -> Iterator[tuple[str, Api, Body, Body]]:
    for line in (SHARED / "cassettes" / "pairs.jsonl").read_text().split("\n"):
        pair: Any = json.loads(line) if line else {"request": {"url": ""}}
        provider = next((name for host, name in HOSTS.items() if host in pair["request"]["url"]), "")
        if not provider:
            continue
        body, response = pair["request"]["body"], pair["response"]
        api = anthropic.API if provider == "anthropic" else next(BY_KEY[key] for key in BY_KEY if key in body)
        answer = response["body"] if "body" in response else api.assemble(events(response["body_raw"]))
        if api.answers(answer):
            yield provider, api, body, answer


@needs_shared
@pytest.mark.parametrize("provider", HOSTS.values())
def test_recorded_calls_add_up_to_what_was_billed(provider: str) -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["cassettes"]["by_provider"][provider]
    sums: Counter[str] = Counter()
    for name, api, body, answer in recorded():
        usage = api.usage(answer)
        if name == provider and usage and usage.prompt:
            sums += Counter(
                requests=1, input_total=usage.prompt, cached_read=usage.read, cache_write=usage.writes,
                input_uncached=usage.plain, output=usage.output or 0, with_tools=bool(body.get("tools")),
                cached_over_0=usage.read > 0, written_over_0=usage.writes > 0,
            )  # fmt: skip
    wanted = ("requests", "input_total", "cached_read", "cache_write", "input_uncached", "output", "with_tools",
              "cached_over_0", "written_over_0")  # fmt: skip
    assert {key: sums[key] for key in wanted} == {key: truths[key] for key in wanted}


@needs_shared
def test_recorded_bodies_become_segments() -> None:
    kinds = Counter(
        segment.kind
        for _, api, body, answer in recorded()
        for calls in [Calls()]
        for group in [api.head(body), *api.elements(body[api.growing], 0, calls), api.answer(answer, calls)]
        for segment in group
    )
    common = (Kind.SYSTEM, Kind.TOOL, Kind.USER, Kind.ASSISTANT, Kind.THINKING, Kind.TOOL_CALL, Kind.TOOL_RESULT)
    assert min(kinds[kind] for kind in common) > 80


@needs_shared
def test_counts_of_plain_openai_prompts_are_exact() -> None:
    """3 + (3 + role + content) for every message, for text without tools: 11 of 11 recorded calls."""
    count, exact = counter("o200k_base").count, 0
    for provider, api, body, answer in recorded():
        model = str(body["model"] if provider == "openai" and api is openai_chat.API else "")
        if not model.startswith(("gpt-4o", "gpt-4.1")) or "audio" in model or _beyond_text(body):
            continue
        segments = [segment for group in api.elements(body["messages"], 0, Calls()) for segment in group]
        messages = sum(3 + count(segment.role) for segment in segments if segment.opens_message)
        usage = api.usage(answer)
        if usage:
            assert 3 + messages + sum(count(segment.text) for segment in segments) == usage.prompt
            exact += 1
    assert exact == 11


def _beyond_text(body: Body) -> bool:
    return any(key in body for key in ("tools", "functions", "response_format")) or any(
        not isinstance(message.get("content"), str) or "tool_calls" in message or "name" in message
        for message in body["messages"]
    )
