"""What the user asked of a record: which requests, grouped by what, under which caches and prices."""

from __future__ import annotations

import msgspec

from agentcost.costs.requests import Pricing
from agentcost.selection import Selection


class Choices(msgspec.Struct, frozen=True):
    """What the user asked of a record: which requests, grouped by what, how many rows, in what order."""

    selection: Selection = msgspec.field(default_factory=Selection)
    by: tuple[str, ...] = ()
    top: int = 10
    sort: str = ""
    assumed_gap: float | None = None
    policy: str = ""
    scope_by: str = ""
    every_policy: bool = False
    hit_rate: str = "tokens"
    pricing: Pricing = msgspec.field(default_factory=Pricing)
