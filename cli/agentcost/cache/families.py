"""Which policy a logged request falls under, from the provider, the model and the API's dialect.

bedrock     us.anthropic.claude-opus-4-5-20251101-v1:0    bedrock
openrouter  anthropic/claude-opus-4.5                     anthropic
openai      gpt-5.6-sol                                   openai-5.6
openrouter  qwen/qwen3-coder                              openrouter: many hosts serve it
"""

from __future__ import annotations

import re

from agentcost.names import bare_name

HOSTS = {
    "deepseek": "deepseek", "xai": "xai", "x-ai": "xai", "moonshot": "kimi", "moonshotai": "kimi",
    "kimi": "kimi", "alibaba": "qwen-implicit", "dashscope": "qwen-implicit", "zai": "glm", "z-ai": "glm",
    "mistral": "mistral", "groq": "groq", "cerebras": "cerebras", "fireworks": "fireworks", "together": "together",
    "openrouter": "openrouter", "vllm": "vllm", "hosted_vllm": "vllm", "sglang": "sglang", "lmdeploy": "lmdeploy",
    "tensorrt-llm": "tensorrt-llm", "dynamo": "dynamo",
}  # fmt: skip
"""The policy of a provider that has one for all its models."""

CALLED = {
    "amazon-bedrock": "bedrock", "google-vertex": "vertex", "azure-openai-responses": "azure", "kimi-coding": "kimi",
}  # fmt: skip
"""Other names of hosts."""

CLAUDE = {"bedrock": "bedrock", "vertex": "vertex", "google": "vertex", "azure": "foundry"}
"""The policy of Claude by the cloud that serves it; anywhere else it is Anthropic's own."""

_NO_CLAUDE_NAME = frozenset(CLAUDE) - {"google"}
"""Clouds where a model may go by a deployment's own name: there the dialect tells that it is Claude."""

_EXPLICIT = {"qwen-implicit": "qwen-explicit", "gemini-implicit": "gemini-explicit"}
"""The policy instead, where a request carries markers or names kept content: the two exclude each other."""

_OPENAI = re.compile(r"(?:^|[.:])(?:gpt-(?P<version>\d+(?:\.\d+)?)(?P<omni>o?)|chatgpt-|o[134](?:-|$)|codex-)")
_GEMINI = re.compile(r"(?:^|\.)gemini-(?P<version>\d+(?:\.\d+)?)")
_FIRST_ENDPOINTS = (5, 6)
"""The first GPT that caches at exact boundaries."""


def policy_of(provider: str, model: str, api: str = "", *, explicit: bool = False) -> str | None:
    """The name of the policy; None where nothing is known about how the request was cached.

    `explicit` says that the request carries cache markers or names kept content. A model that only its maker
    serves falls under the maker's policy whatever router stands between; others under that of their host.
    """
    host, name = provider.lower(), bare_name(model)
    host = CALLED.get(host, host)
    found = _claude(host, name, api) or _openai(host, name) or _gemini(name) or _others(host, name)
    return _EXPLICIT.get(found, found) if found and explicit else found


def _claude(host: str, name: str, api: str) -> str | None:
    if "claude" in name or (api == "anthropic" and host in _NO_CLAUDE_NAME):
        return CLAUDE.get(host, "anthropic")
    return None


def _openai(host: str, name: str) -> str | None:
    found = _OPENAI.search(name)
    if host == "azure" and not found:
        return "azure"
    if not found or host == "bedrock":
        return None
    number = _number(found["version"])
    if number and number < (4, 1) and not found["omni"]:
        return None  # GPT-4 and before are not known to be cached
    if number >= _FIRST_ENDPOINTS:
        return "openai-5.6"
    return "azure" if host == "azure" else "openai"


def _gemini(name: str) -> str | None:
    found = _GEMINI.search(name)
    return "gemini-implicit" if found and _number(found["version"]) >= (2, 5) else None


def _others(host: str, name: str) -> str | None:
    if re.search(r"(?:^|\.)grok-", name):
        return "xai"
    if host == "bedrock" and re.search(r"(?:^|\.)nova-", name):
        return "bedrock-nova"
    return HOSTS.get(host)


def _number(version: str | None) -> tuple[int, ...]:
    """(5, 6) of 5.6, (6, 0) of 6; () of none."""
    if version is None:
        return ()
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)
