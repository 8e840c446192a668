"""`agentcost policies`: the prompt caches that are known, or one of them with all its rules."""

from __future__ import annotations

from typing import Annotated

import typer

from agentcost.commands.report import draw, width


def policies(name: Annotated[str, typer.Argument(metavar="NAME", help="One policy, with all it says.")] = "") -> None:
    """The cache policies of providers and engines, with sources and dates."""
    from agentcost.cache.catalogue import load_policies, policy_named  # noqa: PLC0415 — heavy
    from agentcost.commands.policy_sheet import overview, sheet  # noqa: PLC0415 — heavy

    draw(sheet(policy_named(name), width()) if name else overview(load_policies().values(), width()))
