"""LiteLLM's names of models and its tags: the provider behind a route, and whom a tag names.

litellm_proxy/anthropic/claude-sonnet-4-5   anthropic, claude-sonnet-4-5
openrouter/anthropic/claude-sonnet-4-5      openrouter, anthropic/claude-sonnet-4-5
claude-sonnet-4-5                           anthropic by the model's name
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from agentcost.ingest import envelopes
from agentcost.ingest.apis.contract import Identity

PROXY = "litellm_proxy"
PROTOCOLS = frozenset({"", "openai", "custom_openai", "openai_like", "custom", PROXY})
"""Routes that tell how a server is spoken to, not whose it is."""

PROVIDERS = {
    "anthropic": "anthropic", "azure": "azure", "azure_ai": "azure", "bedrock": "bedrock",
    "bedrock_converse": "bedrock", "vertex_ai": "vertex", "vertex_ai_beta": "vertex", "gemini": "google",
    "deepseek": "deepseek", "openrouter": "openrouter", "groq": "groq", "mistral": "mistral", "xai": "xai",
    "fireworks_ai": "fireworks", "together_ai": "together", "cerebras": "cerebras", "moonshot": "moonshot",
    "dashscope": "alibaba", "zai": "zai", "hosted_vllm": "vllm", "vllm": "vllm", "ollama": "ollama",
    "ollama_chat": "ollama", "github_copilot": "github", "deepinfra": "deepinfra", "perplexity": "perplexity",
    "sambanova": "sambanova", "novita": "novita", "minimax": "minimax",
}  # fmt: skip
"""Our name of a provider by LiteLLM's."""

_FAMILIES = (
    ("claude", "anthropic"), ("gpt-oss", ""), ("gpt-", "openai"), ("chatgpt", "openai"), ("codex", "openai"),
    ("o1", "openai"), ("o3", "openai"), ("o4", "openai"), ("gemini", "google"), ("deepseek", "deepseek"),
    ("grok", "xai"), ("mistral", "mistral"), ("codestral", "mistral"), ("devstral", "mistral"), ("kimi", "moonshot"),
    ("glm-", "zai"), ("qwen", "alibaba"),
)  # fmt: skip
"""Who serves a model that no route is given for, by the beginning of its name."""

_TAG = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*):(?P<value>\S+)")
_AGENT = "User-Agent: "
_FIELDS = ("session", "user", "project", "client", "task")
_TAKEN = ("provider", "model", "tier", "lineage", "role", "format", "day", "week", "month")
"""What a request already tells under these names."""


class Route(msgspec.Struct, frozen=True):
    """Who serves a model, "" where unknown, and the model's name without the route to it."""

    provider: str
    model: str


def route(custom: Any, base: Any, *names: Any) -> Route:
    """The route of the first name that is one; `custom` is LiteLLM's provider, `base` the URL it called."""
    custom, base = custom if isinstance(custom, str) else "", base if isinstance(base, str) else ""
    given = next((name for name in names if isinstance(name, str) and name), "")
    model = given.removeprefix(PROXY + "/")
    first, slash, rest = model.partition("/")
    if slash and (first == custom or (custom in PROTOCOLS and (first in PROVIDERS or first in PROTOCOLS))):
        custom, model = first, rest
    return Route(_provider(custom, base, model), model)


def _provider(custom: str, base: str, model: str) -> str:
    host = next((name for part, name in envelopes.PROVIDERS if part in base), "")
    if host:
        return host
    if custom not in PROTOCOLS:
        return PROVIDERS.get(custom, custom)
    if base and custom != PROXY:
        return ""  # somebody's own server that speaks OpenAI's protocol
    name = model.rpartition("/")[2].lower()
    return next((provider for start, provider in _FAMILIES if name.startswith(start)), "")


def tagged(tags: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], Identity]:
    """Labels and identity in tags: `team:search` is a label, `task:x` the task, a bare tag one of `tags`."""
    named: dict[str, str] = {}
    bare, agent = [], ""
    for tag in tags:
        found = _TAG.fullmatch(tag)
        if found:
            named.setdefault(found["name"].lower(), found["value"])
        elif tag.startswith(_AGENT):
            agent = tag.removeprefix(_AGENT)
        else:
            bare.append(tag)
    fields = {name: named.pop(name) for name in _FIELDS if name in named}
    labels = [(name, value) for name, value in named.items() if name not in _TAKEN]
    labels += [("tags", ",".join(sorted(set(bare))))] if bare else []
    client = envelopes.sender_of({"headers": {"user-agent": agent}})
    return tuple(labels), envelopes.merged(Identity(**fields), client)
