"""What is billed beside plain tokens of text: searches that a provider runs, tokens of audio and of made images.

Anthropic, LiteLLM, OpenRouter   "usage": {"server_tool_use": {"web_search_requests": 2}}
OpenAI                           "output": [{"type": "web_search_call", "status": "completed", …}]
Gemini 3 and later               "groundingMetadata": {"webSearchQueries": ["…", "…"]}: each is billed
Gemini before                    the same, billed once for the prompt
OpenAI                           "completion_tokens_details": {"audio_tokens": 120}
Gemini                           "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 64}]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.counts import count_at
from agentcost.model import Usage

_DETAILS = (
    "prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details",
)  # fmt: skip
_DEAR = ("audio_tokens", "image_output_tokens")
"""Counts in OpenAI's details of tokens that have a price of their own."""


def with_server_tools(usage: Usage | None, billed: Any) -> Usage | None:
    """The bill with the searches of `server_tool_use`, and with tokens of audio that are among the others."""
    if usage is None or not isinstance(billed, dict):
        return usage
    tools = billed.get("server_tool_use")
    searches = count_at(tools, "web_search_requests") if isinstance(tools, dict) else None
    details = [inner for name in _DETAILS if isinstance(inner := billed.get(name), dict)]
    media = sum(count_at(inner, name) or 0 for inner in details for name in _DEAR)
    return replace(usage, searches=searches or 0, media=media) if searches or media else usage


def with_items(usage: Usage | None, items: Any) -> Usage | None:
    """The bill with the searches among OpenAI's output items; one that opens a page or looks into it is free."""
    if usage is None or not isinstance(items, list):
        return usage
    calls = [item for item in items if isinstance(item, dict) and item.get("status") in (None, "completed")]
    web = sum(item.get("type") == "web_search_call" and _searches(item) for item in calls)
    files = sum(item.get("type") == "file_search_call" for item in calls)
    return replace(usage, searches=usage.searches + web, file_searches=files) if web or files else usage


def _searches(item: Body) -> bool:
    action = item.get("action")
    return not isinstance(action, dict) or action.get("type") in (None, "search")


def with_grounding(usage: Usage | None, candidates: Any, model: str, details: Iterable[Any]) -> Usage | None:
    """Gemini's bill with its searches, and with tokens that are no text: audio in, everything but text out."""
    if usage is None:
        return None
    queries = 0
    for candidate in candidates if isinstance(candidates, list) else ():
        grounding = candidate.get("groundingMetadata") if isinstance(candidate, dict) else None
        found = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
        queries += len(found) if isinstance(found, list) else 0
    by_prompt = re.search(r"gemini-(1|2)[.-]", model)
    media = sum(count_at(one, "tokenCount") or 0 for one in details if isinstance(one, dict))
    searches = min(queries, 1) if by_prompt else queries
    return replace(usage, searches=searches, media=media) if searches or media else usage
