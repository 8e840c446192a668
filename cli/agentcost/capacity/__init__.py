"""Hit rate of a prefix cache of every capacity and of every time to live."""

from agentcost.capacity.curves import KNEES, Curve, Knee, curve, knees, spread
from agentcost.capacity.lifetimes import Lifetimes, from_write, lifetimes, peak
from agentcost.capacity.routing import PREFIX_SHARE, ROUTINGS, by_session, nearest, round_robin
from agentcost.capacity.stack import NEW, Access, Reuse, Run, by_request, reuse

__all__ = [
    "KNEES", "NEW", "PREFIX_SHARE", "ROUTINGS", "Access", "Curve", "Knee", "Lifetimes", "Reuse", "Run", "by_request",
    "by_session", "curve", "from_write", "knees", "lifetimes", "nearest", "peak", "reuse", "round_robin", "spread",
]  # fmt: skip
