"""Why a request read less than the request before it had left in the cache: one primary cause, from a closed list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentcost.cache.policy import Policy, ttl_of
from agentcost.cache.simulate import LEVELS, Prompt, Served, Shape
from agentcost.model import ROOT

MENDS: dict[str, str] = {
    "first_request": "nothing to mend: the first request of a prefix has nothing to read",
    "no_breakpoint": "ask for caching: set cache_control behind the tools, the system prompt and the last message",
    "below_minimum": "the prefix is shorter than this model caches; move stable text into it, or leave caching off",
    "model_changed": "stay on one model within a session, or give the other model's calls a short prompt of their own",
    "speed_changed": "stay at one speed within a session: fast and standard share nothing behind the tools",
    "service_tier_changed": "stay on one service tier within a session",
    "prompt_cache_key_changed": "keep prompt_cache_key the same for all requests that share a prefix",
    "tools_changed": "send the same tools in the same order all session long; defer rare ones behind a search tool",
    "system_changed": "move what changes out of the system prompt into the last user message",
    "tool_choice_changed": "keep tool_choice the same; ask for a tool in the text instead",
    "thinking_changed": "keep thinking and effort the same within a session",
    "images_toggled": "put images into sub-agents, or accept one rewrite of the messages",
    "text_format_changed": "keep the output format the same within a session",
    "reasoning_effort_changed": "keep the reasoning effort the same within a session",
    "verbosity_changed": "keep the verbosity the same within a session",
    "compaction": "compact less often, and keep the head of the history when compacting",
    "messages_changed": "append to the history, never rewrite it; serialise messages the same way every time",
    "ttl_expired": "ask for the 1h time to live, or keep the cache alive over idle gaps",
    "concurrent_miss": "start parallel requests after the first token of the one that writes the shared prefix",
    "lookback_exceeded": "set another breakpoint at most 20 blocks behind the last one",
    "evicted_or_routed": "unexplained: the cache should have served it; the provider evicted it or routed elsewhere",
    "unavailable": "unexplained: the log does not hold what a comparison needs",
}
"""Every cause, and what would mend it."""

UNEXPLAINED = frozenset({"evicted_or_routed", "unavailable"})

_KEYED = (
    ("model", "model_changed"), ("speed", "speed_changed"), ("service_tier", "service_tier_changed"),
    ("prompt_cache_key", "prompt_cache_key_changed"),
)  # fmt: skip
_MESSAGE_LEVEL = (
    ("tool_choice", "tool_choice_changed"), ("disable_parallel_tool_use", "tool_choice_changed"),
    ("thinking", "thinking_changed"), ("effort", "thinking_changed"), ("images", "images_toggled"),
    ("text_format", "text_format_changed"), ("reasoning_effort", "reasoning_effort_changed"),
    ("verbosity", "verbosity_changed"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Miss:
    """Tokens that were in the cache and were not read: why, with what evidence, and where the paths part.

    `parted` is the node of the reader's path at which it leaves the reference's (None: it does not).
    `others` are further causes that hold as well.
    """

    cause: str
    lost: int
    evidence: str
    parted: int | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A request, the request it is compared with, and how their paths lie.

    `common` is the last node both paths have. `kept` are the tokens that the reference left in the cache, `read`
    those that the request read. `summary` says that a summary stands where the reference's history stood.
    """

    prompt: Prompt
    served: Served
    read: int
    reference: Prompt | None
    kept: int
    common: int
    summary: bool = False


def diagnose(policy: Policy, shape: Shape, pair: Pair, least: int) -> Miss | None:
    """The miss of a request, None where it lost fewer than `least` tokens."""
    blocked = pair.served.blocked
    if pair.reference is None:
        return Miss("first_request", 0, "no earlier request shares its prefix") if not pair.read else None
    lost = max(0, min(pair.kept, pair.prompt.total) - pair.read)
    if lost < least:
        return None
    if blocked:
        return Miss(blocked, lost, _blocked_evidence(policy, pair))
    found = [*_settings(pair, _KEYED), *_content(shape, pair), *_settings(pair, _MESSAGE_LEVEL)]
    found.sort(key=lambda cause: cause[1])
    if not found:
        found = _timing(policy, pair)
    cause, _, evidence = found[0]
    parted = _parted(shape, pair)
    return Miss(cause, lost, evidence, parted, tuple(dict.fromkeys(name for name, _, _ in found[1:] if name != cause)))


_Cause = tuple[str, int, str]
"""Cause, order (the level at which it strikes), evidence."""


def _blocked_evidence(policy: Policy, pair: Pair) -> str:
    if pair.served.blocked == "below_minimum":
        node = pair.prompt.marks[-1][0] if pair.prompt.marks else pair.prompt.leaf
        return f"{pair.prompt.tokens(node):,} tokens up to the last breakpoint"
    return f"no breakpoint, and {policy.title} keeps nothing without one"


def _settings(pair: Pair, names: Sequence[tuple[str, str]]) -> list[_Cause]:
    """The settings that differ between the two requests."""
    reference = pair.reference
    if reference is None:
        return []
    found = []
    for name, cause in names:
        before, now = reference.settings.get(name, ""), pair.prompt.settings.get(name, "")
        if before != now:
            order = 0 if (name, cause) in _KEYED else 30
            found.append((cause, order, f"{name}: {before or 'not set'} → {now or 'not set'}"))
    return found


def _content(shape: Shape, pair: Pair) -> list[_Cause]:
    """Where the two paths part, if they do before the reference's end."""
    reference = pair.reference
    if reference is None or pair.common == reference.leaf:
        return []
    parted = _parted(shape, pair)
    lost = _child_towards(shape, reference.leaf, pair.common)
    level = shape.levels[parted if parted is not None else lost]
    if lost != ROOT and level != shape.levels[lost]:
        level = min(level, shape.levels[lost])
    if pair.summary and level == LEVELS["messages"]:
        return [("compaction", 40, "a summary took the place of the history")]
    names = ("tools_changed", "system_changed", "messages_changed")
    return [(names[level], 10 * (level + 1) + (10 if level == LEVELS["messages"] else 0), "")]


def _timing(policy: Policy, pair: Pair) -> list[_Cause]:
    """Content and settings agree: it is a matter of time, of place, or of the provider."""
    reference, prompt = pair.reference, pair.prompt
    if reference is None:
        return []
    ttl = ttl_of(policy, prompt.model, reference.marks[-1][1] if reference.marks else "")
    gap = prompt.start - reference.start
    if ttl is not None and gap >= ttl.seconds:
        return [("ttl_expired", 50, f"{_span(gap)} since the request before it, kept for {_span(ttl.seconds)}")]
    if reference.first_token > prompt.start:
        return [
            ("concurrent_miss", 51, f"started {_span(reference.first_token - prompt.start)} before its first token")
        ]
    if pair.served.read <= pair.read and pair.served.read < pair.kept:
        return [("lookback_exceeded", 52, "the entry lies outside the look-back of every breakpoint")]
    return [("evicted_or_routed", 60, f"{pair.served.read:,} tokens should have been read")]


def _span(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.1f} s" if minutes < 1 else f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"


def _parted(shape: Shape, pair: Pair) -> int | None:
    """The first node of the request's path that the reference's does not have."""
    if pair.prompt.leaf == pair.common:
        return None
    return _child_towards(shape, pair.prompt.leaf, pair.common)


def _child_towards(shape: Shape, node: int, above: int) -> int:
    """The node behind `above` on the path to `node`; `above` itself where the path ends there."""
    if node == above:
        return above
    while shape.parents[node] != above:
        node = shape.parents[node]
    return node
