"""What a cache would have served: one loop over the requests in the order of their start, for every mechanism.

A request costs its breakpoints times the look-back, or its branches, never its length: nodes are content-addressed,
so an entry is (scope, salts, node), and what lies before a node needs no comparing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from agentcost.cache.blocks import Blocks
from agentcost.cache.breakpoints import Breakpoints
from agentcost.cache.endpoints import Endpoints
from agentcost.cache.policy import Mechanism, Policy
from agentcost.cache.prompts import Prompt, Served, Shape


class Engine(Protocol):
    """A mechanism with what it has kept so far."""

    def __init__(self, policy: Policy, shape: Shape) -> None: ...

    def serve(self, prompt: Prompt) -> Served:
        """What becomes of the next prompt; what it writes is kept."""


ENGINES: Mapping[Mechanism, type[Engine]] = {
    "breakpoint": Breakpoints,
    "endpoint": Endpoints,
    "block": Blocks,
    "best_effort": Blocks,
}


def simulate(policy: Policy, shape: Shape, prompts: Sequence[Prompt]) -> list[Served]:
    """One Served per prompt; prompts come in the order of their start."""
    engine = ENGINES[policy.mechanism](policy, shape)
    return [engine.serve(prompt) for prompt in prompts]
