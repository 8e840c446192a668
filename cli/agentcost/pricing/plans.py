"""Plans that are paid by seat or by credits: what they include and what comes beyond.

copilot-business   19 a seat, 1,900 credits of $0.01 a seat, shared by all seats; beyond that at list price
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

CENTS = Decimal("0.01")


class Plan(msgspec.Struct, frozen=True):
    """A plan for a while: `until` is the first day it does not hold.

    `seat` is dollars a month, `included` the dollars of tokens a seat may use (None: no limit is published), `credit`
    what one credit stands for. `pooled` seats share what is included. `overage` multiplies the list price of what goes
    beyond (None: nothing does, the plan stops). `provider` has the price list that usage is billed by ("": each
    model's own).
    """

    name: str
    title: str
    seat: Decimal
    source: str
    checked: date | None = None
    mark: str = "V"
    provider: str = ""
    included: Decimal | None = None
    credit: Decimal | None = None
    pooled: bool = False
    overage: Decimal | None = None
    begins: date | None = None
    until: date | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("seat", "included", "credit", "overage"):
            value = getattr(self, name)
            if value is not None and not (value.is_finite() and value >= 0):
                raise ValueError(f"{name} must not be negative: {value}")

    @property
    def credits(self) -> Decimal | None:
        """Credits that a seat includes."""
        return self.included / self.credit if self.included is not None and self.credit else None

    def holds(self, day: date) -> bool:
        """Whether the plan is offered on a day."""
        return (self.begins is None or self.begins <= day) and (self.until is None or day < self.until)


def plans(day: date, *more: Plan) -> dict[str, Plan]:
    """The plans of a day by name; those of a price file (`more`) go before ours."""
    from agentcost.pricing.overlay import price_list  # noqa: PLC0415 — it reads plans too

    return {plan.name: plan for plan in (*price_list().plans, *more) if plan.holds(day)}
