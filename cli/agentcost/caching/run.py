"""A record's requests simulated under the policies that they fell under, compared with the bill, and diagnosed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentcost.cache.bounds import content_bounds
from agentcost.cache.catalogue import load_policies, policy_named
from agentcost.cache.causes import Miss
from agentcost.cache.families import policy_of
from agentcost.cache.partings import Partings
from agentcost.cache.placing import HARNESSES, Places
from agentcost.cache.prompts import Prompt, Served, Shape
from agentcost.cache.references import Reference, references
from agentcost.cache.shapes import shape_of
from agentcost.cache.simulate import simulate
from agentcost.cache.stripping import Paths, Rendered, rendered, strips
from agentcost.cache.told import Told
from agentcost.caching.misses import LEAST, Record, in_tree, misses_of, threads_of
from agentcost.caching.prompts import Asking, prompts_of
from agentcost.lineage import Standing
from agentcost.measuring.measure import Measured
from agentcost.model import ROOT, Kind, Knowledge, Request
from agentcost.prefix import Tree


class Run(msgspec.Struct, frozen=True):
    """The requests of a record under the policies they fell under: what was served, and what was missed and why.

    Every list is by request. `own` names the policy that each falls under by itself ("" where none is known), `as_run`
    is what that serves; `policies` and `served` are the same, unless the user named a policy: then they are of that.
    What is served is None where no policy is known. `bounds` are what content alone allowed, `eligible` says whether
    its own policy could keep anything of it. `misses` are the primary causes (None: nothing was lost), `reads` the
    tokens read, as billed where that is known, else simulated, `warm` those of them that the log cannot explain,
    `references` the requests each is compared with. `sent` are the prompts as the log has them, `prompts` as they are
    simulated (see `_placed`). Nodes are those of `shape`: the tree's, and behind them what only rendered paths have
    (see `stripping`); `segments` gives the tree's segment of each, `parted` of a miss is the tree's own node.
    """

    own: list[str]
    as_run: list[Served | None]
    policies: list[str]
    served: list[Served | None]
    bounds: list[int]
    eligible: list[bool]
    reads: list[int | None]
    warm: list[int]
    misses: list[Miss | None]
    shape: Shape
    sent: list[Prompt]
    prompts: list[Prompt]
    segments: Sequence[int]
    references: Sequence[Reference | None]


def as_run(
    tree: Tree, requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking
) -> Run:
    """Every request under the policy it fell under, or under the one that was asked for."""
    seen = _seen(tree, requests)
    paths: Paths = seen or tree
    shape = shape_of(paths)
    told = [Told() for _ in measured]
    prompts = prompts_of(requests, standing, measured, asking, seen, told)
    for bills in told:
        bills.settle(shape.parents)
    own = _policies(requests, prompts)
    ran = _ran(shape, requests, prompts, own, measured, told)
    eligible = [result is not None and not result.blocked for result in ran]
    names, served, sent = own, ran, prompts
    if asking.policy:
        names = [asking.policy] * len(requests)
        prompts = _placed(shape, prompts) if policy_named(asking.policy).mechanism == "breakpoint" else prompts
        served = _simulated(shape, prompts, names, [asking.policy])
    bounds = content_bounds(shape, prompts)
    reads = [_read(request, result) for request, result in zip(requests, served, strict=True)]
    warm = [_warm(read, bound) for read, bound in zip(reads, bounds, strict=True)]
    partings = Partings(shape, paths, len(tree))
    found = references(partings, prompts, [stand.before for stand in standing], threads_of(tree, requests, standing))
    misses = misses_of(Record(requests, prompts, names, served, reads), partings, found)
    if seen:
        misses = [in_tree(miss, seen) for miss in misses]
    return Run(
        own, ran, names, served, bounds, eligible, reads, warm, misses, shape, sent, prompts, paths.segments, found
    )


def _ran(
    shape: Shape, requests: Sequence[Request], prompts: Sequence[Prompt], own: Sequence[str],
    measured: Sequence[Measured], told: Sequence[Told],
) -> list[Served | None]:  # fmt: skip
    """What the policies served that the requests fell under. How long prefixes are is learned from the bill, so under
    the policy that the bill came from, whichever is asked for."""
    first = _simulated(shape, prompts, own, sorted(set(own)))
    again = _learned(requests, prompts, first, own, measured, told, shape)
    if not again:
        return first
    return [new or old for new, old in zip(_simulated(shape, prompts, own, again), first, strict=True)]


def _seen(tree: Tree, requests: Sequence[Request]) -> Rendered | None:
    """The paths as models see them that strip thinking; None where that changes nothing."""
    thinking = Kind.THINKING
    own = [request for request in requests if strips(request.model)]
    if not own or not any(entry.kind is thinking for entry in tree.entries):
        return None
    return rendered(tree, [node for request in own for node in (request.answer or ROOT, request.node)])


def _simulated(
    shape: Shape, prompts: Sequence[Prompt], names: Sequence[str], chosen: Sequence[str]
) -> list[Served | None]:
    """Every prompt of the chosen policies under its own; None of the others, and where none is known."""
    served: list[Served | None] = [None] * len(prompts)
    for name in filter(None, chosen):
        rows = [row for row, own in enumerate(names) if own == name]
        for row, result in zip(rows, simulate(policy_named(name), shape, [prompts[row] for row in rows]), strict=True):
            served[row] = result
    return served


_NEAR = 0.08
"""A billed read within this share of a simulated one is of the same node: it tells how long its prefix is."""


def _learned(
    requests: Sequence[Request], prompts: Sequence[Prompt], served: Sequence[Served | None], names: Sequence[str],
    measured: Sequence[Measured], told: Sequence[Told], shape: Shape,
) -> list[str]:  # fmt: skip
    """Puts what bills tell of the lengths of prefixes into `told`, by ruler, the first that was told of each; returns
    the policies of those whose prompts are now of other lengths."""
    again: set[str] = set()
    for group, bills in zip(measured, told, strict=True):
        known = len(bills.lengths)
        for row in group.rows:
            pair = _length(requests[row], prompts[row], served[row])
            if pair:
                bills.lengths.setdefault(*pair)
        if len(bills.lengths) > known:
            bills.settle(shape.parents)
            again.update(names[row] for row in group.rows)
    return sorted(again)


def _length(request: Request, prompt: Prompt, served: Served | None) -> tuple[int, int] | None:
    """(node, tokens) where a billed read tells the length of a prefix that is only estimated."""
    usage = request.usage
    if served is None or served.hit is None or usage is None or not usage.classes_known or not prompt.marks:
        return None
    if usage.read == served.read or abs(usage.read - served.read) > _NEAR * served.read:
        return None
    return served.hit, usage.read


_EXACT = ("breakpoint", "endpoint")
"""Mechanisms that keep what ends at a content block or a message, which a log of hashed blocks does not tell."""


def _policies(requests: Sequence[Request], prompts: Sequence[Prompt]) -> list[str]:
    """The policy of each request; "" where none is known."""
    known: dict[tuple[str, str, str, Knowledge, bool], str] = {}
    found = []
    for request, prompt in zip(requests, prompts, strict=True):
        key = request.provider, request.model, request.api, request.knowledge, bool(prompt.marks)
        name = known.get(key)
        if name is None:
            name = known[key] = _policy_name(*key)
        found.append(name)
    return found


def _policy_name(provider: str, model: str, api: str, knowledge: Knowledge, explicit: bool) -> str:
    """The policy; "" where none is known, or where its breakpoints cannot be: hashed blocks have none."""
    if knowledge is Knowledge.COUNTS:
        return ""
    name = policy_of(provider, model, api, explicit=explicit) or ""
    if knowledge is Knowledge.BLOCKS and name and policy_named(name).mechanism in _EXACT:
        return ""
    return name


def _read(request: Request, served: Served | None) -> int | None:
    """Tokens read: as billed, else as simulated, else unknown."""
    if request.usage is not None and request.usage.classes_known:
        return request.usage.read
    return served.read if served else None


def _warm(read: int | None, bound: int) -> int:
    """Tokens read beyond what any earlier request of the log began with: their cache is older than the log."""
    beyond = (read or 0) - bound
    return beyond if beyond > max(LEAST, (read or 0) // 100) else 0


_MOST_BREAKPOINTS = 4
"""What every provider of breakpoints takes."""


def _placed(shape: Shape, prompts: Sequence[Prompt]) -> list[Prompt]:
    """Prompts without breakpoints with those that harnesses set: behind the tools, the system prompt, and the last two
    messages."""
    places = Places(shape)
    return [
        prompt
        if prompt.marks
        else replace(
            prompt, marks=tuple((node, "") for node in places.nodes(HARNESSES, prompt.leaf, _MOST_BREAKPOINTS))
        )
        for prompt in prompts
    ]


def under_every_policy(run: Run, blocks: bool = False) -> dict[str, list[Served] | None]:
    """The same requests under each policy that is known; of hashed `blocks`, only under those that keep blocks.

    Where a policy needs breakpoints and the log has none, they stand where harnesses put them (see `_placed`). None of
    a policy that keeps what clients name, for rent (`storage`), where a log is not of that policy: nobody knows what
    its client would have kept.
    """
    shape, placed = run.shape, _placed(run.shape, run.sent)
    return {
        name: None
        if policy.storage and set(run.own) != {name}
        else simulate(policy, shape, placed if policy.mechanism == "breakpoint" else run.sent)
        for name, policy in sorted(load_policies().items())
        if not (blocks and policy.mechanism in _EXACT)
    }
