"""How many tokens of a common prefix a cache serves: on its grid, above its minimum.

1,400 tokens in common under a first step of 1,024 and blocks of 128 are 1,280 served.
"""

from __future__ import annotations

from agentcost.cache.policy import Grid, Policy, minimum_of


def cacheable(policy: Policy, model: str, matched: int, total: int) -> int:
    """Tokens served when `matched` leading tokens agree with what is kept and the prompt has `total`.

    Never more than `matched`, and never less for a longer match. Without a grid every position counts.
    """
    if matched < minimum_of(policy, model):
        return 0
    return floored(policy.grid, matched, total) if policy.grid else min(matched, total)


def floored(grid: Grid, matched: int, total: int) -> int:
    """The tokens up to the last point of the grid that the match reaches."""
    usable = max(min(matched, total - 1 if grid.recompute_last else total), 0)
    if grid.partial:
        return usable
    reached = usable + grid.hidden - grid.first
    if reached < 0:
        return 0
    visible = grid.first + reached // grid.block * grid.block - grid.hidden
    return max(visible, 0) // grid.rounding * grid.rounding
