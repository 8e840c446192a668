"""What the user asked of a record: which requests, grouped by what, under which caches."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentcost.selection import Selection


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user asked of a record: which requests, grouped by what, how many rows, in what order."""

    selection: Selection = field(default_factory=Selection)
    by: tuple[str, ...] = ()
    top: int = 10
    sort: str = ""
    assumed_gap: float | None = None
    policy: str = ""
    scope_by: str = ""
    every_policy: bool = False
