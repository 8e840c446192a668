"""Why a request read less than the request before it had left in the cache: one primary cause, from a closed list."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from agentcost.cache.partings import Change
from agentcost.cache.policy import Policy, Salt, minimum_of, ttl_of
from agentcost.cache.prompts import LEVELS, Prompt, Served, Shape
from agentcost.model import Ends
from agentcost.units import plural

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
    "ttl_expired": "where it pays, a longer time to live or pings; `agentcost cache` replays both",
    "concurrent_miss": "start parallel requests after the first token of the one that writes the shared prefix",
    "lookback_exceeded": "set another breakpoint at most 20 blocks behind the last one",
    "evicted_or_routed": "unexplained: the cache should have served it; the provider evicted it or routed elsewhere",
    "unavailable": "unexplained: the log does not hold what a comparison needs",
}
"""Every cause, and what would mend it."""

UNEXPLAINED = frozenset({"evicted_or_routed", "unavailable"})

_FIRST = frozenset({"model", "speed", "service_tier", "prompt_cache_key"})
"""Settings that are named before any content, whatever level they strike at."""

_BY_LEVEL = {"tools": 5, "system": 15, "messages": 30}
_BY_CAUSE = {"tools_changed": 10, "system_changed": 20, "compaction": 40, "messages_changed": 50}
"""Where a change strikes in the order of the prompt; what comes first is the primary cause."""

_SHRUNK = 1_000
"""Tokens by which a prompt is billed shorter than the one it goes on from, when earlier content was taken out."""


class Miss(msgspec.Struct, frozen=True):
    """Tokens that were in the cache and were not read: why, with what evidence, and where the paths part.

    Without a breakpoint nothing is in the cache: `lost` is then what could have been read. `parted` is the node of the
    reader's path at which it leaves the reference's (None: it does not). `others` are further causes that hold as well.
    """

    cause: str
    lost: int
    evidence: str
    parted: int | None = None
    others: tuple[str, ...] = ()


class Pair(msgspec.Struct, frozen=True):
    """A request, the request it is compared with, and how their paths lie.

    `common` is the last node both paths have, `changes` what differs behind it, the first first. `kept` are the tokens
    that the reference left in the cache, `read` those that the request read. `other` says that the request is of
    another conversation: it can share the reference's head only; `hides` that the log does not hold all of a prompt.
    """

    prompt: Prompt
    served: Served
    read: int
    reference: Prompt | None
    kept: int
    common: int
    changes: Sequence[Change] = ()
    other: bool = False
    hides: bool = False


def diagnose(policy: Policy, shape: Shape, pair: Pair, least: int) -> Miss | None:
    """The miss of a request, None where it lost fewer than `least` tokens."""
    if pair.reference is None:
        return Miss("first_request", 0, "no earlier request left a prefix that it shares") if not pair.read else None
    lost = max(0, min(pair.kept, pair.prompt.total) - pair.read)
    if pair.served.blocked:
        return _blocked(policy, pair, lost, least)
    if lost < least:
        return None
    found = sorted([*_settings(policy, shape, pair), *_content(pair), *_shrunk(pair)], key=lambda cause: cause.order)
    found += _timing(policy, pair)
    if not found:
        found = [_aged(policy, pair) or _rest(policy, shape, pair)]
    first = found[0]
    parted = next((change.node for change in pair.changes if change.node is not None), None)
    others = dict.fromkeys(cause.name for cause in found[1:] if cause.name != first.name)
    return Miss(first.name, lost, first.evidence, parted, tuple(others))


class Cause(msgspec.Struct, frozen=True):
    """A cause that holds; `order` is where it strikes."""

    name: str
    order: int
    evidence: str


def _blocked(policy: Policy, pair: Pair, lost: int, least: int) -> Miss | None:
    """Nothing could be kept: too short, or caching was not asked for."""
    blocked, prompt = pair.served.blocked, pair.prompt
    shared = prompt.tokens(pair.common)
    if shared < least and lost < least:
        return None
    minimum = minimum_of(policy, prompt.model)
    if blocked == "below_minimum":
        node = prompt.marks[-1][0] if prompt.marks else prompt.leaf
        told = f"{plural(prompt.tokens(node), 'token')} up to the last breakpoint, {minimum:,} are the least"
        return Miss(blocked, lost, told)
    could = shared - pair.read if shared >= minimum else 0
    return Miss(blocked, max(lost, could), f"no breakpoint, and {policy.title} keeps nothing without one")


def _settings(policy: Policy, shape: Shape, pair: Pair) -> list[Cause]:
    """The settings that differ between the two requests and are part of the policy's key."""
    reference = pair.reference
    if reference is None:
        return []
    found = []
    deepest = shape.levels[pair.common] if pair.other else LEVELS["messages"]
    for salt in policy.salts:
        before, now = reference.settings.get(salt.name, ""), pair.prompt.settings.get(salt.name, "")
        if before != now and LEVELS[salt.level] <= deepest:
            told = f"{salt.name}: {_plain(before)} → {_plain(now)}"
            found.append(Cause(salt.cause, _order(salt), told))
    return found


def _order(salt: Salt) -> int:
    return 0 if salt.name in _FIRST else _BY_LEVEL[salt.level]


def _plain(value: str) -> str:
    """A setting as words: {"type":"enabled","budget_tokens":8000} is type:enabled, budget_tokens:8000."""
    return re.sub(r'[{}"]', "", value).replace(",", ", ") or "not set"


def _content(pair: Pair) -> list[Cause]:
    """What differs in the two paths. The order of a provider that puts the system prompt first holds."""
    found = [Cause(change.cause, _BY_CAUSE[change.cause], change.evidence) for change in pair.changes]
    if [cause.name for cause in found[:2]] == ["system_changed", "tools_changed"]:
        found[0] = Cause(found[0].name, _BY_CAUSE["tools_changed"] - 1, found[0].evidence)
    return found


def _shrunk(pair: Pair) -> list[Cause]:
    """The history grew and the prompt is shorter: something before was taken out of it, where the log does not show."""
    reference, prompt = pair.reference, pair.prompt
    if reference is None or pair.other or pair.changes or prompt.total >= reference.total - _SHRUNK:
        return []
    told = f"the prompt shrank from {reference.total:,} to {prompt.total:,} tokens while the history grew"
    return [Cause("compaction", _BY_CAUSE["compaction"], f"{told}: earlier content was taken out")]


def _timing(policy: Policy, pair: Pair) -> list[Cause]:
    """The entry was gone already, or not there yet."""
    reference, prompt = pair.reference, pair.prompt
    if reference is None or pair.served.read >= pair.kept:
        return []
    asked = reference.marks[-1][1] if reference.marks else reference.settings.get("cache_ttl", "")
    ttl = ttl_of(policy, prompt.model, asked)
    gap = prompt.start - reference.start
    if ttl is not None and gap >= ttl.seconds:
        told = f"{_span(gap)} since the request before it, kept for {_span(ttl.seconds)}"
        return [Cause("ttl_expired", 60, told)]
    if reference.first_token > prompt.start:
        told = f"started {_span(reference.first_token - prompt.start)} before the first token of what it shares"
        return [Cause("concurrent_miss", 61, told)]
    return []


def _aged(policy: Policy, pair: Pair) -> Cause | None:
    """The entry ended some time after its first write, however often it was read: nothing else keeps it from being
    read in the simulation."""
    reference, prompt = pair.reference, pair.prompt
    if reference is None or pair.served.read:
        return None
    ttl = ttl_of(policy, prompt.model, prompt.settings.get("cache_ttl", ""))
    if ttl is None or ttl.at_most is None:
        return None
    return Cause(
        "ttl_expired", 62, f"kept for {_span(ttl.at_most)} at most from its first write, however often it is read"
    )


def _rest(policy: Policy, shape: Shape, pair: Pair) -> Cause:
    """Content, settings and times agree: it is a matter of place, or of the provider."""
    prompt, reference = pair.prompt, pair.reference
    predicted = pair.served.read
    if policy.mechanism in ("breakpoint", "endpoint") and predicted <= pair.read and predicted < pair.kept:
        return Cause("lookback_exceeded", 70, _distance(policy, shape, pair))
    before, now = (reference.settings.get("upstream", "") if reference else ""), prompt.settings.get("upstream", "")
    if before != now:
        return Cause("evicted_or_routed", 71, f"routed elsewhere: {before or 'unknown'} → {now or 'unknown'}")
    there = plural(max(predicted, min(pair.kept, prompt.total)), "token")
    told = f"{pair.read:,} of {there} read that should have been there"
    hidden = ": evicted, or what the log hides changed" if pair.hides else ""
    return Cause("evicted_or_routed", 72, told + hidden)


def _distance(policy: Policy, shape: Shape, pair: Pair) -> str:
    """How far the last breakpoint stands from the reference's."""
    reference = pair.reference
    if policy.mechanism == "breakpoint" and reference and reference.marks and pair.prompt.marks:
        node, blocks = pair.prompt.marks[-1][0], 0
        depth, end = shape.branches.depth, shape.branches.depth[reference.marks[-1][0]]
        while depth[node] > end:
            blocks += bool(shape.ends[node] & Ends.BLOCK)
            node = shape.parents[node]
        if blocks >= policy.lookback:
            away = plural(blocks, "block")
            return f"the entry lies {away} before the last breakpoint, and {policy.lookback} are looked at"
    return "the entry lies outside the look-back of every breakpoint"


def _span(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.1f} s" if minutes < 1 else f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"
