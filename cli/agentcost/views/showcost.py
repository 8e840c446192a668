"""What one request cost: by class of tokens, and by component up to where it parts and behind that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from agentcost.results import PathRow
from agentcost.units import dollars, exact, percent
from agentcost.views import money
from agentcost.views.figures import LABELS

MOST = 4
"""Components that are named."""

PARTS = (
    ("cost_read", "read", "read"), ("cost_write", "written", "write"), ("cost_plain", "plain", "plain"),
    ("cost_output", "output", "output"), ("cost_beside", "beside tokens", ""),
)  # fmt: skip
"""The column of dollars, what it is called, and the column of its tokens where they are billed."""

INPUT = ("cost_read", "cost_write", "cost_plain")


def by_class(request: Mapping[str, object]) -> str:
    """`Cost $0.0074 (billed tokens): read $0.0039, written $0.0027, output $0.00081.`; why there is none."""
    whole = _amount(request, "cost")
    if whole is None:
        return f"Cost unknown: {request['unpriced']}." if request["unpriced"] else ""
    billed = request["cost_basis"] == "billed"
    parts = []
    for name, what, column in PARTS:
        amount, count = _amount(request, name), request[column] if column else None
        if amount:
            told = f" for {exact(count)}" if billed and isinstance(count, int) else ""
            parts.append(f"{what} {dollars(amount)}{told}")
    low, high = request["cost_is_lower_bound"], request["cost_basis"] == "uncached"
    least = "~" if low and high else "≥" if low else "≤" if high else ""
    rests = [money.BASES.get(str(request["cost_basis"]), "")]
    rests += [f"not applied: {request['not_applied']}"] * bool(request["not_applied"])
    rests += ["the log tells no day: priced as of the price list's"] * bool(request["price_date_assumed"])
    lost, saved = _amount(request, "cost_lost"), _amount(request, "cost_saved")
    ends = [f"the miss cost {dollars(lost)} of it"] * bool(lost)
    if saved:
        ends.append(f"caching {'saved' if saved > 0 else 'added'} {dollars(abs(saved))}")
    end = f"; {', '.join(ends)}" if ends else ""
    head = money.BILLINGS[str(request["billing"])]
    return f"{head} {least}{dollars(whole)} ({'; '.join(rests)}): {', '.join(parts) or 'nothing'}{end}."


def by_component(request: Mapping[str, object], rows: Sequence[PathRow]) -> str:
    """What the part that is shared cost, and what stands behind it, by component."""
    shared = front(request, rows) or Decimal()
    shared += sum((row.cost for row in rows if row.cost is not None and row.shared), Decimal())
    added: dict[str, Decimal] = {}
    for row in rows:
        if row.cost is not None and not row.shared:
            added[row.component] = added.get(row.component, Decimal()) + row.cost
    new = sum(added.values(), Decimal())
    if not new or not any(row.shared for row in rows):
        return ""
    largest = sorted(added.items(), key=lambda part: (-part[1], part[0]))
    named = [f"{LABELS.get(name, name)} {dollars(amount)}" for name, amount in largest[:MOST] if amount]
    rest = sum((amount for _, amount in largest[MOST:]), Decimal())
    named += [f"other {dollars(rest)}"] * bool(rest)
    return (
        f"What it shares cost {dollars(shared)}, what follows {dollars(new)} "
        f"({percent(float(new / (shared + new)))} of both): {', '.join(named)}."
    )


def front(request: Mapping[str, object], rows: Sequence[PathRow]) -> Decimal | None:
    """The input dollars of what stands before the first row: all but those of the rows; None without a price."""
    known = [row.cost for row in rows if row.cost is not None]
    whole = [_amount(request, name) for name in INPUT]
    if not known or any(amount is None for amount in whole):
        return None
    return sum((amount for amount in whole if amount is not None), Decimal()) - sum(known, Decimal())


def _amount(request: Mapping[str, object], name: str) -> Decimal | None:
    value = request[name]
    return value if isinstance(value, Decimal) else None
