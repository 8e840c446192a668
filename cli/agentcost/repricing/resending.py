"""A log's requests sent elsewhere, or with other caching: what the caches there would have served, replayed.

Every request is replayed, the ones that stay where they were too: what is sent elsewhere warms their cache no longer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from agentcost.cache.catalogue import policy_named
from agentcost.cache.families import policy_of
from agentcost.cache.placing import HARNESSES, Places
from agentcost.cache.policy import Policy, ttl_of
from agentcost.cache.prompts import Prompt, Served, Shape
from agentcost.cache.shapes import shape_of
from agentcost.cache.simulate import simulate
from agentcost.cache.stripping import Paths, Rendered, rendered, strips
from agentcost.cache.told import Told
from agentcost.caching.prompts import Asking, prompts_of
from agentcost.costs.requests import as_served
from agentcost.measuring.levels import levels_of
from agentcost.model import ROOT, Kind, Knowledge, Request, Usage
from agentcost.names import bare_name
from agentcost.pricing import Terms
from agentcost.repricing.rebasing import Rebased, Rebasing, rescaled
from agentcost.study import Study

Caching = Literal["", "off", "marked", "1h"]
"""As it is; nothing is read or written; breakpoints where harnesses put them, if there are none; an hour for all."""

Basis = Literal["billed", "simulated", "uncached", "shares"]
"""Whose token classes: the bill's; the simulated cache's; none, all is plain, an upper bound; the bill's shares, where
the log has lengths only or no policy is known."""


class Sent(NamedTuple):
    """Where a request is sent: the host as the price tables call it, and the model."""

    host: str
    model: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of every request: its tokens by class, whose they are, and the policy ("" where none is known)."""

    usages: list[Usage]
    basis: list[Basis]
    policies: list[str]
    rebased: Rebased
    served: list[Served | None]


class Resending(msgspec.Struct, dict=True):
    """A study whose requests are sent elsewhere, as often as is asked; what does not change is worked out once."""

    studied: Study
    asking: Asking = Asking()

    @cached_property
    def rebasing(self) -> Rebasing:
        studied = self.studied
        tree = studied.record.tree
        return Rebasing(tree, levels_of(tree), studied.requests, studied.measured)

    @cached_property
    def as_run(self) -> Outcome:
        """The requests where they were sent, simulated."""
        run = self.studied.run
        rebased = self.rebasing.to([""] * len(self.studied.requests))
        return self._outcome(self.studied.requests, rebased, run.served, run.policies)

    def send(self, targets: Sequence[Sent | None], caching: Caching = "") -> Outcome:
        """Every request sent to its target; None stays where it was. What changes nothing is as it was run."""
        requests = self.studied.requests
        moved = [_moved(request, target) for request, target in zip(requests, targets, strict=True)]
        if not caching and all(one is request for one, request in zip(moved, requests, strict=True)):
            return self.as_run
        rebased = self.rebasing.to(
            ["" if one is request else one.model for one, request in zip(moved, requests, strict=True)]
        )
        if caching == "off":
            return self._outcome(moved, rebased, [None] * len(moved), [""] * len(moved), off=True)
        seen, shape = self._seen(moved)
        prompts = self._prompts(moved, rebased, seen, shape)
        names = [self._policy(row, one) for row, one in enumerate(moved)]
        marked = _Marking(shape, self.studied.run.policies, names, caching)
        prompts = [
            marked.of(row, prompt, elsewhere=moved[row].provider != requests[row].provider)
            for row, prompt in enumerate(prompts)
        ]
        served: list[Served | None] = [None] * len(prompts)
        for name in sorted(set(filter(None, names))):
            rows = [row for row, own in enumerate(names) if own == name]
            results = simulate(policy_named(name), shape, [prompts[row] for row in rows])
            for row, result in zip(rows, results, strict=True):
                served[row] = result
        return self._outcome(moved, rebased, served, names)

    def _seen(self, moved: Sequence[Request]) -> tuple[Rendered | None, Shape]:
        """The paths as the models see them that strip thinking (None: as they were sent), and their shape."""
        tree, run = self.studied.record.tree, self.studied.run
        own = [request for request in moved if strips(request.model)]
        thinks = any(entry.kind is Kind.THINKING for entry in tree.entries)
        leaves = [node for request in own for node in (request.answer or ROOT, request.node)]
        seen = rendered(tree, leaves) if own and thinks else None
        paths: Paths = seen or tree
        return seen, run.shape if list(run.shape.parents) == list(paths.parents) else shape_of(paths)

    def _prompts(self, moved: Sequence[Request], rebased: Rebased, seen: Rendered | None, shape: Shape) -> list[Prompt]:
        """The prompts in the tokens of their models. What bills tell of lengths holds for the same tokens only."""
        studied = self.studied
        prompts = prompts_of(moved, studied.standing, studied.measured, self.asking, seen)
        long: dict[tuple[int, bool], Sequence[int]] = {}
        found = []
        for row, prompt in enumerate(prompts):
            if rebased.same[row]:
                told = studied.run.prompts[row].told if shape is studied.run.shape else Told()
                found.append(replace(prompt, told=told))
                continue
            reach, rendering = rebased.reach[row], seen if seen and strips(moved[row].model) else None
            key = id(reach), rendering is not None
            if key not in long:
                long[key] = rendering.reach(reach) if rendering else reach
            reach, total = long[key], rebased.totals[row]
            changed = replace(prompt, reach=reach, total=total, offset=total - reach[prompt.leaf], known=None)
            found.append(replace(changed, told=Told()))
        return found

    def _policy(self, row: int, request: Request) -> str:
        """The policy a request falls under where it is sent; "" where none is known or its rules need a text."""
        if request is self.studied.requests[row]:
            return self.studied.run.policies[row]
        if request.knowledge is Knowledge.COUNTS:
            return ""
        name = _rules(request.provider, request.model, request.api)
        needs_text = bool(name) and policy_named(name).mechanism in ("breakpoint", "endpoint")
        return "" if needs_text and request.knowledge is Knowledge.BLOCKS else name

    def _outcome(
        self, moved: Sequence[Request], rebased: Rebased, served: Sequence[Served | None], names: Sequence[str],
        *, off: bool = False,
    ) -> Outcome:  # fmt: skip
        usages: list[Usage] = []
        bases: list[Basis] = []
        for row, (request, result) in enumerate(zip(moved, served, strict=True)):
            bill = rescaled(request.usage, rebased.totals[row], rebased.ratios[row])
            usage, basis = _split(bill, result, rebased.totals[row], off=off or not self._keeps(row, request))
            usages.append(usage)
            bases.append(basis)
        return Outcome(usages, bases, list(names), rebased, list(served))

    def _keeps(self, row: int, request: Request) -> bool:
        """Whether the bill's shares may stand in for a simulation: where it was sent, and of lengths alone."""
        if request is self.studied.requests[row]:
            return True
        return request.knowledge is Knowledge.COUNTS and bool(_rules(request.provider, request.model, request.api))


@lru_cache(maxsize=65536)
def same_model(one: str, other: str) -> bool:
    """Whether two names are of one model: a version of a day is the model that is named without a day."""
    bare, others = bare_name(one), bare_name(other)
    return bare == others or _undated(bare) == others or bare == _undated(others)


def _undated(bare: str) -> str:
    return re.sub(r"[-@]20\d\d[-.]?[01]\d[-.]?[0-3]\d$", "", bare)


@lru_cache(maxsize=1024)
def _rules(provider: str, model: str, api: str) -> str:
    """The policy of a provider and model; "" where none is known."""
    return policy_of(provider, model, api) or ""


def _moved(request: Request, target: Sent | None) -> Request:
    """The request as it is sent; itself where it is sent to what it was sent to."""
    if target is None:
        return request
    host = Terms(request.provider, "").host
    if target.host == host and same_model(target.model, request.model):
        return request
    api = request.api if target.host == host else ""
    return replace(request, provider=target.host, model=target.model, api=api)


def _split(bill: Usage | None, served: Served | None, total: int, *, off: bool) -> tuple[Usage, Basis]:
    """The tokens of a request by class, and whose classes they are."""
    if served is not None:
        return as_served(bill or Usage(0), served), "simulated"
    if bill is not None and bill.classes_known and not off:
        return bill, "shares"
    return (bill or Usage(0)).recounted(total), "uncached"


class _Marking(msgspec.Struct, dict=True):
    """Puts the breakpoints where the policies of `names` take them, by row; `before` are the policies as run."""

    shape: Shape
    before: Sequence[str]
    names: Sequence[str]
    caching: Caching

    @cached_property
    def places(self) -> Places:
        return Places(self.shape)

    def of(self, row: int, prompt: Prompt, *, elsewhere: bool) -> Prompt:
        """The prompt with its breakpoints: those of another provider's client go; where a policy needs some and the
        one before needed none, they stand where harnesses put them."""
        if not _needs_marks(self.names[row]):
            return replace(prompt, marks=()) if elsewhere and prompt.marks else prompt
        policy, marks = policy_named(self.names[row]), prompt.marks
        if not marks and (self.caching == "marked" or not _needs_marks(self.before[row])):
            nodes = self.places.nodes(HARNESSES, prompt.leaf, policy.max_breakpoints)
            marks = tuple((node, "") for node in nodes)
        if self.caching == "1h" and _has_hour(policy, prompt.model):
            marks = tuple((node, "1h") for node, _ in marks)
        return replace(prompt, marks=marks)


def _needs_marks(name: str) -> bool:
    return bool(name) and policy_named(name).mechanism == "breakpoint"


def _has_hour(policy: Policy, model: str) -> bool:
    found = ttl_of(policy, model, "1h")
    return found is not None and found.name == "1h"
