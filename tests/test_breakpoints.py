"""Breakpoints against the algorithm as it is published, over whole paths."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caching import Case, cases, path
from tests.replacing import replace

from agentcost.cache.catalogue import load_policies
from agentcost.cache.policy import Policy, minimum_of, ttl_of
from agentcost.cache.prompts import Prompt, Shape, salted
from agentcost.cache.simulate import simulate
from agentcost.model import ROOT, Ends

POLICIES = load_policies()
MARKED = [name for name, policy in POLICIES.items() if policy.mechanism == "breakpoint" and policy.refresh != "none"]


@dataclass
class Published:
    """The reference algorithm over whole paths: every position of every window, and the deepest entry among them."""

    policy: Policy
    shape: Shape
    kept: dict[Hashable, list[float]] = field(default_factory=dict)

    def serve(self, prompt: Prompt) -> tuple[int, int | None, int]:
        """Read, the node of the hit, and the tokens up to the last breakpoint."""
        marks, least = list(dict(prompt.marks).items())[-4:], minimum_of(self.policy, prompt.model)
        if not marks or prompt.tokens(marks[-1][0]) < least:
            return 0, None, 0
        tested = {node for mark, _ in marks for node in self.window(path(self.shape, mark))}
        alive = [node for node in tested if self.alive(prompt, node)]
        hit = max(alive, key=prompt.tokens, default=None)
        read = prompt.tokens(hit) if hit is not None else 0
        for node, ttl in marks:
            behind = prompt.tokens(node) > read or hit is None
            if prompt.tokens(node) >= least and (behind or self.alive(prompt, node)):
                self.write(prompt, node, ttl, renewed=not behind)
        if hit is not None and self.policy.refresh != "none":
            entry = self.kept[self.key(prompt, hit)]
            entry[0] = max(entry[0], prompt.start + entry[2])
        return read, hit, max(read, prompt.tokens(marks[-1][0]))

    def key(self, prompt: Prompt, node: int) -> Hashable:
        return prompt.scope, salted(self.policy, prompt)[self.shape.levels[node]], node

    def alive(self, prompt: Prompt, node: int) -> bool:
        entry = self.kept.get(self.key(prompt, node))
        return entry is not None and entry[1] <= prompt.start < entry[0]

    def write(self, prompt: Prompt, node: int, ttl: str, *, renewed: bool) -> None:
        found = ttl_of(self.policy, prompt.model, ttl)
        assert found is not None
        visible = prompt.end if self.policy.visible == "end" else prompt.first_token
        old = self.kept.get(self.key(prompt, node), [0.0, 0.0, 0.0])
        if renewed:
            if self.policy.refresh != "hit_only":
                old[0] = max(old[0], prompt.start + found.seconds)
        elif old[0] > prompt.start:
            until = max(old[0], prompt.start + found.seconds)
            self.kept[self.key(prompt, node)] = [until, min(old[1], visible), max(old[2], found.seconds)]
        else:
            self.kept[self.key(prompt, node)] = [prompt.start + found.seconds, visible, found.seconds]

    def window(self, nodes: list[int]) -> list[int]:
        """The positions from the end of a path, a run of tool blocks as one where the policy says so."""
        collapsed = self.policy.collapse_tool_runs != "off"
        found = [nodes[-1]]
        inside = self.shape.runs[nodes[-1]]
        for node in reversed(nodes[:-1]):
            ends = self.shape.ends[node]
            if node != ROOT and not ends & Ends.BLOCK:
                continue
            if not (collapsed and inside and self.shape.runs[node] and not ends & Ends.TOOL_RUN):
                found.append(node)
            inside = self.shape.runs[node]
        return found[: self.policy.lookback]


@settings(max_examples=200)
@given(case=cases(consistent=True), lookback=st.sampled_from((1, 2, 3, 20)))
def test_breakpoints_follow_the_published_algorithm(case: Case, lookback: int) -> None:
    for name in MARKED:
        policy = replace(POLICIES[name], lookback=lookback)
        published = Published(policy, case.shape)
        for prompt, served in zip(case.prompts, simulate(policy, case.shape, case.prompts), strict=True):
            read, hit, reached = published.serve(prompt)
            priced = policy.ttls[0].write is not None
            assert (served.read, served.hit) == (read, hit if read else served.hit), name
            assert served.written == (reached - read if priced else 0), name
