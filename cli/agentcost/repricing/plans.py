"""A month of a log under plans: seats and what they include, credits and the day they run out, against tokens by price.

Only the days that the log has are counted. What a whole month would take is worked out where that is asked for, and
then every row says so. Dollars of seats and of tokens stand in columns of their own.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import msgspec
import polars as pl
from msgspec.structs import replace

from agentcost.costs.tables import MONEY
from agentcost.errors import AgentcostError, UsageError
from agentcost.pricing import FEMTO, Plan, dollars, exact_sum, plans, price_list
from agentcost.repricing.bills import REPLAYED, SAME_TEXTS, SAME_TOKENS, Bill, Repricing
from agentcost.repricing.resending import Sent


class PlanAsk(msgspec.Struct, frozen=True):
    """Which month ("": the log's last), how many seats (None: one per user), whether to extrapolate, which plans, and
    on which models (none: as the log was run)."""

    month: str = ""
    developers: int | None = None
    extrapolate: bool = False
    names: tuple[str, ...] = ()
    models: tuple[Sent, ...] = ()


class Month(msgspec.Struct, frozen=True):
    """What a log has of a month: its requests in the order of their start, by user, and the days they span (UTC).

    `times` is what usage is multiplied by: 1, or the month's days for each observed one.
    """

    first: date
    days: int
    rows: tuple[int, ...]
    dates: tuple[date, ...]
    users: tuple[str, ...]
    undated: int
    seats: int
    times: Fraction

    @property
    def span(self) -> int:
        """Days from the first request to the last, both counted."""
        return (self.dates[-1] - self.dates[0]).days + 1


def month_of(repricing: Repricing, ask: PlanAsk, chosen: Collection[int]) -> Month:
    """The chosen requests of the month. Requests whose log tells no day are counted and left out."""
    days = {row: _day(repricing, row) for row in sorted(chosen)}
    dated = {row: day for row, day in days.items() if day is not None}
    if not dated:
        raise AgentcostError("plans are billed by the month, and no request of this log tells its day")
    name = ask.month or f"{max(dated.values()):%Y-%m}"
    first = first_of(name)
    rows = sorted((row for row, day in dated.items() if (day.year, day.month) == (first.year, first.month)),
                  key=lambda row: (repricing.requests[row].started or 0.0, row))  # fmt: skip
    if not rows:
        known = ", ".join(sorted({f"{day:%Y-%m}" for day in dated.values()}))
        raise AgentcostError(f"--month {name}: the log has no request of that month; it has {known}")
    users = tuple(sorted({repricing.requests[row].user for row in rows}))
    seats = len(users) if ask.developers is None else ask.developers
    if seats < len([user for user in users if user]):
        raise UsageError(f"--developers {seats}: the log has {len(users)} users in {name}, and each needs a seat")
    whole = monthrange(first.year, first.month)[1]
    dates = tuple(dated[row] for row in rows)
    span = (dates[-1] - dates[0]).days + 1
    times = Fraction(whole, span) if ask.extrapolate else Fraction(1)
    return Month(first, whole, tuple(rows), dates, users, len(days) - len(dated), seats, times)


def first_of(month: str) -> date:
    """The first day of a month. UsageError where it is not written as one."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise UsageError(f"--month {month}: write it as 2026-10")
    return date(int(month[:4]), int(month[5:]), 1)


def _day(repricing: Repricing, row: int) -> date | None:
    request = repricing.requests[row]
    if repricing.costs.quoted.assumed[row] or request.started is None:
        return None
    return datetime.fromtimestamp(request.started, UTC).date()


# --- the tables ----------------------------------------------------------------------------------------------------

PLAN_MONTH: dict[str, pl.DataType] = {
    "month": pl.String(), "days": pl.Int64(), "first_day": pl.String(), "last_day": pl.String(),
    "days_spanned": pl.Int64(), "days_with_requests": pl.Int64(), "requests": pl.Int64(),
    "undated_requests": pl.Int64(), "users": pl.Int64(), "seats": pl.Int64(), "extrapolated_by": pl.Float64(),
}  # fmt: skip

PLANS: dict[str, pl.DataType] = {
    "plan": pl.String(), "model": pl.String(), "title": pl.String(), "kind": pl.String(), "seats": pl.Int64(),
    "seat_fee": MONEY,
    "included": MONEY, "pooled": pl.Boolean(), "usage": MONEY, "credits": MONEY, "credits_included": MONEY,
    "beyond": MONEY, "overage": MONEY, "bill": MONEY, "runs_out": pl.String(), "users_out": pl.Int64(),
    "requests": pl.Int64(), "unpriced_requests": pl.Int64(), "unpriced": pl.String(), "offered": pl.Boolean(),
    "extrapolated": pl.Boolean(), "source": pl.String(), "assumes": pl.String(),
}  # fmt: skip

PER_TOKEN = "by the token"
NO_LIMIT = "no limit is published: what it allows is not known"
STOPS = "nothing is sold beyond: usage there is not served"
EVEN = "the log names no users: usage is spread evenly over the seats"
LATER = "not offered in that month: as it was first offered"
ROUNDING = "credits are not rounded: how GitHub rounds them is not published"


def plan_month(month: Month) -> pl.DataFrame:
    """One row: what the log has of the month."""
    row = (
        f"{month.first:%Y-%m}", month.days, month.dates[0].isoformat(), month.dates[-1].isoformat(), month.span,
        len(set(month.dates)), len(month.rows), month.undated, len([user for user in month.users if user]),
        month.seats, float(month.times) if month.times != 1 else None,
    )  # fmt: skip
    return pl.DataFrame([row], schema=PLAN_MONTH, orient="row")


def plan_rows(repricing: Repricing, month: Month, ask: PlanAsk) -> pl.DataFrame:
    """The month by the token, then under each plan. UsageError for a plan that is not known."""
    known = _offered(repricing, month)
    missing = [name for name in ask.names if name not in known]
    if missing:
        raise UsageError(f"--plan {missing[0]}: no such plan; there are {', '.join(known)}")
    every = [name for name, (plan, _) in known.items() if plan.seat or plan.included != 0]
    chosen = [known[name] for name in ask.names or every]
    rows = []
    for model in ask.models or (None,):
        name = model.model if model else ""
        providers = dict.fromkeys(["", *(plan.provider for plan, _ in chosen)])
        uses = {one: _Use.of(repricing, month, _bill(repricing, one, model)) for one in providers}
        rows.append((PER_TOKEN, name, *_by_token(uses[""])))
        rows += [
            (plan.name, name, *_row(uses[plan.provider], plan, offered, moved=bool(name))) for plan, offered in chosen
        ]
    return pl.DataFrame(rows, schema=PLANS, orient="row")


def _bill(repricing: Repricing, provider: str, model: Sent | None) -> Bill:
    """What the log costs at a provider's price list ("": each model's own), as it was run or on another model."""
    if model is not None:
        return repricing.elsewhere(Sent(provider or model.host, model.model), "").bill
    if not provider:
        return repricing.as_run
    return repricing.priced(repricing.as_run.tokens, [replace(own, provider=provider) for own in repricing.terms])


def _offered(repricing: Repricing, month: Month) -> dict[str, tuple[Plan, bool]]:
    """The plans of the month, and those that came later as they were first offered."""
    book = repricing.pricing.book
    own = book.plans if book else ()
    now = {name: (plan, True) for name, plan in plans(month.first, *own).items()}
    later: dict[str, tuple[Plan, bool]] = {}
    for plan in sorted((*price_list().plans, *own), key=lambda plan: plan.begins or date.min):
        if plan.name not in now and plan.begins is not None and plan.begins > month.first:
            later.setdefault(plan.name, (plan, False))
    return now | later


class _Use(msgspec.Struct, frozen=True):
    """What a month used, in femtodollars at a price list: by request, in their order, and by user."""

    month: Month
    amounts: list[int]
    users: list[str]
    unpriced: Counter[str]

    @classmethod
    def of(cls, repricing: Repricing, month: Month, bill: Bill) -> _Use:
        amounts = [exact_sum(bill.amounts[row]) for row in month.rows]
        users = [repricing.requests[row].user for row in month.rows]
        return cls(month, amounts, users, Counter(bill.reasons[row] for row in month.rows if bill.reasons[row]))

    @property
    def known(self) -> bool:
        """Whether any request has a price."""
        return self.unpriced.total() < len(self.amounts)

    @property
    def total(self) -> Decimal:
        return self.scaled(sum(self.amounts))

    def scaled(self, femto: int) -> Decimal:
        """An amount for the month as it is counted: observed, or extrapolated."""
        times = self.month.times
        return dollars(femto) if times == 1 else dollars(round(femto * times))

    def accounts(self, plan: Plan) -> Iterator[tuple[Decimal, list[int]]]:
        """What is drawn from together: (dollars included, the requests' places): all of it, or a user's."""
        included = plan.included or Decimal(0)
        places = range(len(self.amounts))
        if plan.pooled or not any(self.users):
            yield included * self.month.seats, list(places)
            return
        for user in sorted(set(self.users)):
            yield included, [place for place in places if self.users[place] == user]


def _by_token(use: _Use) -> tuple[object, ...]:
    month, total = use.month, use.total if use.known else None
    return (
        "list price", "tokens", 0, None, None, False, total, None, None, None, None,
        total, None, None, len(month.rows), use.unpriced.total(), "; ".join(sorted(use.unpriced)), True,
        month.times != 1, "", "",
    )  # fmt: skip


def _row(use: _Use, plan: Plan, offered: bool, *, moved: bool) -> tuple[object, ...]:
    month = use.month
    fee = _money(plan.seat * month.seats)
    known = use.known
    beyond, out, users_out = _beyond(use, plan) if known and plan.included is not None else (None, None, None)
    overage = None if beyond is None or (plan.overage is None and beyond) else _money(beyond * (plan.overage or 0))
    told = [EVEN] * (plan.included is not None and not plan.pooled and month.seats > 1 and not any(use.users))
    told += [SAME_TEXTS, REPLAYED] if moved else [SAME_TOKENS]
    told += [LATER] * (not offered) + [NO_LIMIT] * (plan.included is None)
    told += [STOPS] * (plan.overage is None and bool(beyond)) + [ROUNDING] * (plan.credit is not None)
    bill = fee if plan.included is None else None if overage is None else fee + overage
    credit = plan.credit
    included = None if plan.included is None else _money(plan.included * month.seats)
    return (
        plan.title, "credits" if credit else "seats", month.seats, fee, included, plan.pooled,
        use.total if known else None, _money(use.total / credit) if known and credit else None,
        _money(included / credit) if included is not None and credit else None, beyond, overage, bill,
        out.isoformat() if out else None, users_out, len(month.rows), use.unpriced.total(),
        "; ".join(sorted(use.unpriced)), offered, month.times != 1, plan.source,
        "; ".join([*told, *filter(None, (plan.note,))]),
    )  # fmt: skip


def _beyond(use: _Use, plan: Plan) -> tuple[Decimal, date | None, int]:
    """Dollars of usage beyond what is included, the first observed day something ran out, and how many accounts did."""
    beyond, days = Decimal(0), []
    for included, places in use.accounts(plan):
        used = use.scaled(sum(use.amounts[place] for place in places))
        beyond += max(Decimal(0), used - included)
        day = _day_out([use.amounts[place] for place in places], [use.month.dates[place] for place in places], included)
        days += [day] if day else []
    return beyond, min(days, default=None), len(days)


def _day_out(amounts: Sequence[int], days: Sequence[date], included: Decimal) -> date | None:
    """The day on which usage came to be more than is included; None where that did not happen in the log."""
    drawn, limit = 0, int((included.scaleb(FEMTO)).to_integral_value(ROUND_HALF_EVEN))
    for amount, day in zip(amounts, days, strict=True):
        drawn += amount
        if drawn > limit:
            return day
    return None


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-FEMTO))
