"""A policy with its rules lifted one after the other: what each of them keeps from being read.

    anthropic    minimum → time to live → when entries can be read → look-back → settings in the key → no guarantee

The order is fixed, and what is left when all are lifted is a matter of where entries end. So the parts add up, for
each request; one of them is negative where a rule makes a later read longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from agentcost.cache.bounds import content_bounds
from agentcost.cache.policy import Policy, Salt
from agentcost.cache.prompts import Prompt, Served, Shape
from agentcost.cache.simulate import simulate

_FAR = 1_000_000
"""Positions that any look-back is meant to see."""

_EXACT = ("breakpoint", "endpoint")


def _without_minimum(policy: Policy) -> Policy:
    grid = replace(policy.grid, first=0) if policy.grid else None
    return replace(policy, minimum=0, minimums=(), grid=grid)


def _without_lookback(policy: Policy) -> Policy:
    candidates = policy.candidates and replace(policy.candidates, first=_FAR, latest=_FAR, endings=_FAR, initial=True)
    return replace(policy, lookback=_FAR if policy.lookback else 0, candidates=candidates)


RULES: tuple[tuple[str, Callable[[Policy], Policy]], ...] = (
    ("minimum", _without_minimum),
    ("ttl", lambda policy: replace(policy, ttls=())),
    ("concurrency", lambda policy: replace(policy, visible="first_token", build_seconds=None)),
    ("look_back", _without_lookback),
    ("setting", lambda policy: replace(policy, salts=(Salt("model", "tools", "model_changed"),))),
    ("capacity_or_routing", lambda policy: replace(policy, hit_probability=1.0)),
)
"""The rules by the word for what they cost, in the order in which they are lifted."""


def kept_apart(
    policy: Policy, shape: Shape, prompts: Sequence[Prompt], served: Sequence[Served], bounds: Sequence[int]
) -> dict[str, list[int]]:
    """Per request, by word, the tokens between what was served and what content allows: their sum is the difference.

    `answer` are those of answers, which the policy does not keep; `breakpoint_placement` is what is left where entries
    end at breakpoints or messages, `block_size` where they are blocks.
    """
    found: dict[str, list[int]] = {}
    reads = [result.read for result in served]
    for word, lifted in RULES:
        policy, before = lifted(policy), policy
        if policy != before:
            more = [result.read for result in simulate(policy, shape, prompts)]
            found[word] = [now - then for now, then in zip(more, reads, strict=True)]
            reads = more
    sent = bounds if policy.caches_answer else content_bounds(shape, prompts, answers=False)
    rest = "breakpoint_placement" if policy.mechanism in _EXACT else "block_size"
    found[rest] = [now - then for now, then in zip(sent, reads, strict=True)]
    if sent is not bounds:
        found["answer"] = [now - then for now, then in zip(bounds, sent, strict=True)]
    return found
