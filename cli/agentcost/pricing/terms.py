"""Under which terms a request was served: what its price depends on beside the moment and the size of its prompt.

Terms("anthropic", "claude-opus-5-fast")           claude-opus-5, speed fast
Terms("openai", "gpt-5.5", tier="fast")            tier priority: the older name of the same
Terms("vertex", "claude-opus-5[1m]", geo="global")  claude-opus-5
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from agentcost.model import Request, Usage
from agentcost.names import bare_name

LISTED_AS = {
    "bedrock": "aws", "amazon-bedrock": "aws", "vertex": "google", "google-vertex": "google", "gemini": "google",
    "vertex_ai": "google", "azure-openai-responses": "azure", "foundry": "azure", "xai": "x-ai",
    "moonshot": "moonshotai", "kimi": "moonshotai", "kimi-coding": "moonshotai", "z-ai": "zai",
    "copilot": "github-copilot", "together_ai": "together", "togetherai": "together",
    "fireworks_ai": "fireworks", "fireworks-ai": "fireworks", "openai-codex": "openai",
    "dashscope": "alibaba", "qwen": "alibaba",
}  # fmt: skip
"""Providers as the price tables call them."""

SELF_HOSTED = frozenset({
    "vllm", "hosted_vllm", "sglang", "lmdeploy", "tensorrt-llm", "dynamo", "ollama", "llamacpp", "llama.cpp",
    "lmstudio",
})  # fmt: skip
"""Engines that one runs oneself: nobody lists a price."""

ROUTERS = frozenset({"openrouter", "litellm", "litellm_proxy", ""})
"""Who passes a request on: where they list no price of their own, the maker's holds."""

MAKERS = {
    "claude": "anthropic", "gemini": "google", "grok": "x-ai", "gpt": "openai", "chatgpt": "openai", "o1": "openai",
    "o3": "openai", "o4": "openai", "codex": "openai", "deepseek": "deepseek", "kimi": "moonshotai", "glm": "zai",
    "qwen": "alibaba",
}  # fmt: skip
"""By the first word of a model's name, who makes and serves it."""

OPEN = re.compile(r"gpt-oss|deepseek|kimi|glm|qwen")
"""Models that anybody may serve: their maker's price says nothing about another host's."""

PLAIN_TIERS = frozenset({"", "standard", "default", "on_demand", "standard_only", "auto"})
PLAIN_SPEEDS = frozenset({"", "standard"})
PLAIN_GEOS = frozenset({"", "global", "not_available"})
"""Values that say what holds without them."""


class Terms(msgspec.Struct, frozen=True):
    """Provider and model as the log names them; "" where nothing is said.

    `tier`: batch, flex, priority, ultrafast…; `speed`: fast; `geo`: us, eu, a region; `cache_ttl`: how long OpenAI
    keeps what is written (12h). `beside` are what is billed that is no token of text: searches, file searches, media,
    the storage of an explicit cache.
    """

    provider: str
    model: str
    tier: str = ""
    speed: str = ""
    geo: str = ""
    cache_ttl: str = ""
    beside: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The provider as the price tables call it."""
        name = self.provider.lower().strip()
        return LISTED_AS.get(name, name)


def terms_of(request: Request) -> Terms:
    """The terms of a request, as its answer or else its body tells them. Requests of equal terms share them."""
    return _told(request.provider, request.model, request.tier, request.settings, beside(request.usage))


def beside(usage: Usage | None) -> tuple[str, ...]:
    """What a bill has beside tokens of text."""
    if usage is None:
        return ()
    counts = (("searches", usage.searches), ("file searches", usage.file_searches), ("media", usage.media))
    return tuple(name for name, count in counts if count)


@lru_cache(maxsize=65536)
def _told(provider: str, model: str, tier: str, given: tuple[tuple[str, str], ...], beside: tuple[str, ...]) -> Terms:
    settings = dict(given)
    kept = settings.get("prompt_cache_options", "") + settings.get("prompt_cache_retention", "")
    stored = ("cache storage",) if settings.get("cachedContent") else ()
    return Terms(
        provider, model, tier,
        settings.get("served_speed", settings.get("speed", "")),
        settings.get("served_inference_geo", settings.get("inference_geo", "")),
        "12h" if re.search(r"\b12h\b", kept) else "", beside + stored,
    )  # fmt: skip


def plainly(terms: Terms) -> Terms:
    """The same terms, written one way: what changes nothing is "", and a name holds no terms."""
    model = re.sub(r"\[1m\]$", "", terms.model.strip(), flags=re.IGNORECASE)
    tier, speed, geo = terms.tier.lower(), terms.speed.lower(), terms.geo.lower()
    if tier == "fast" and terms.host == "openai":
        tier = "priority"
    if terms.host == "anthropic" and model.endswith("-fast"):
        model, speed = model.removesuffix("-fast"), speed or "fast"
    return replace(
        terms,
        model=model,
        tier="" if tier in PLAIN_TIERS else tier,
        speed="" if speed in PLAIN_SPEEDS else speed,
        geo="" if geo in PLAIN_GEOS else geo,
    )


def maker_of(model: str) -> str:
    """Who serves a model itself; "" where the name does not tell."""
    name = bare_name(model)
    if "gpt-oss" in name:
        return ""
    return next((maker for word, maker in MAKERS.items() if re.match(rf"(?:\w+\.)*{word}(?![a-z])", name)), "")


def references(model: str) -> tuple[str, ...]:
    """The ways to look up a model, the log's own first: with and without its route, what follows a colon, its day."""
    name = model.lower()
    short = name.rsplit("/", 1)[-1]
    bare = bare_name(model)
    undated = re.sub(r"-20\d\d[-.]?[01]\d[-.]?[0-3]\d$", "", bare)
    found = [name, short, re.sub(r":[a-z]+$", "", name), re.sub(r":[a-z]+$", "", short), bare, undated]
    return tuple(dict.fromkeys(found))


def in_tier(terms: Terms, tier: str) -> Terms:
    """The terms in a tier or at a speed; "standard" in none, "" as they are."""
    if not tier:
        return terms
    if tier == "standard":
        return replace(terms, tier="", speed="")
    if tier == "fast" and terms.host != "openai":
        return replace(terms, tier="", speed=tier)
    return replace(terms, tier=tier, speed="")
