"""What every request of a record missed, against the request that it is compared with, and why."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.cache.branches import nearest
from agentcost.cache.catalogue import policy_named
from agentcost.cache.causes import MENDS, UNEXPLAINED, Miss, Pair, diagnose
from agentcost.cache.partings import Partings
from agentcost.cache.policy import Policy
from agentcost.cache.prompts import Prompt, Served
from agentcost.cache.references import Reference, kept_of, shared_with_another
from agentcost.cache.stripping import Paths, Rendered
from agentcost.lineage import Standing
from agentcost.model import ROOT, Knowledge, Request

LEAST = 64
"""Tokens from which on what was not read is a miss: less is rounding of rulers. Blocks are rounded more coarsely."""


class Record(msgspec.Struct, frozen=True):
    """What misses are told from, by request: the request, as a cache sees it, its policy, what was served and read."""

    requests: Sequence[Request]
    prompts: Sequence[Prompt]
    policies: Sequence[str]
    served: Sequence[Served | None]
    reads: Sequence[int | None]


def misses_of(record: Record, partings: Partings, found: Sequence[Reference | None]) -> list[Miss | None]:
    """One per request, against its reference: None where nothing was lost, or nothing is simulated."""
    policies = {name: policy_named(name) for name in set(record.policies) if name}
    misses: list[Miss | None] = []
    for row, reference in enumerate(found):
        result, read, policy = record.served[row], record.reads[row], policies.get(record.policies[row])
        if result is None or read is None or policy is None:
            misses.append(None)
        else:
            miss = _missed(record, partings, policy, row, reference, result, read)
            misses.append(_as_reported(miss, record.requests[row]) if miss and miss.cause in UNEXPLAINED else miss)
    return misses


def reported(request: Request) -> tuple[str, int | None]:
    """What the provider says of why its cache was missed, and of how many tokens; "" where the log has nothing."""
    told = next((value for name, value in request.settings if name == "cache_diagnosis"), "")
    reason, _, tokens = told.partition(" ")
    return reason, int(tokens) if tokens else None


def _as_reported(miss: Miss, request: Request) -> Miss:
    """A miss that the log does not explain, by the provider's own reason where there is one."""
    reason, _ = reported(request)
    if reason not in MENDS or reason in UNEXPLAINED:
        return miss
    told = f"the provider names it: {reason.replace('_', ' ')}; the log shows no change"
    return replace(miss, cause=reason, evidence=told, others=(miss.cause, *miss.others))


def _missed(
    record: Record, partings: Partings, policy: Policy, row: int, found: Reference | None, result: Served, read: int
) -> Miss | None:
    """What a request lost against its reference, and why."""
    prompt, hides = record.prompts[row], record.requests[row].knowledge is Knowledge.TRANSCRIPT
    least = _least(policy, prompt)
    if found is None:
        return diagnose(policy, partings.shape, Pair(prompt, result, read, None, 0, ROOT, hides=hides), least)
    reference = record.prompts[found.row]
    if found.other:
        left = shared_with_another(policy, partings, prompt, reference, found.common)
        common = found.common if result.blocked else left.node
        reference_or_none = reference if left.tokens or result.blocked else None
        pair = Pair(prompt, result, read, reference_or_none, left.tokens, common, left.changes, other=True, hides=hides)
        return diagnose(policy, partings.shape, pair, least)
    kept = _kept(policy, record.requests[found.row], reference, record.served[found.row], record.reads[found.row])
    lost = min(kept, prompt.total) - read >= least
    if not lost and not result.blocked:
        return None
    changes = partings.changes(prompt.leaf, reference.leaf, found.common) if lost else ()
    pair = Pair(prompt, result, read, reference, kept, found.common, changes, hides=hides)
    return diagnose(policy, partings.shape, pair, least)


def _least(policy: Policy, prompt: Prompt) -> int:
    """Tokens from which on what was not read is a miss."""
    if policy.mechanism in ("breakpoint", "endpoint"):
        return LEAST
    return max(LEAST, 2 * policy.grid.block if policy.grid else 0, prompt.total // 50)


def _kept(policy: Policy, request: Request, prompt: Prompt, served: Served | None, read: int | None) -> int:
    """Tokens that a request left in the cache: as billed where writes are, else as simulated."""
    usage = request.usage
    if usage and usage.classes_known and usage.writes:
        return usage.read + usage.writes
    if served is None or served.blocked:
        return 0
    if policy.mechanism in ("block", "best_effort"):
        return kept_of(policy, prompt, prompt.total)
    return (read or 0) + served.written


def threads_of(tree: Paths, requests: Sequence[Request], standing: Sequence[Standing]) -> list[Hashable]:
    """Of each request its session and role; calls with tools and calls without are different ones."""
    level = numpy.array([*(entry.level == "tools" for entry in tree.entries), False])
    segments, parents = (numpy.array(numbers, dtype=numpy.int64) for numbers in (tree.segments, tree.parents))
    tools = (nearest(parents, level[segments]) != ROOT).tolist()
    return [
        (request.provider, stand.session, request.role, tools[request.node])
        for request, stand in zip(requests, standing, strict=True)
    ]


def in_tree(miss: Miss | None, seen: Rendered) -> Miss | None:
    """The miss with its place in the tree of what was sent."""
    if miss is None or miss.parted is None:
        return miss
    return replace(miss, parted=seen.origin[miss.parted])
