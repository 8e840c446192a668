"""A model of a price list: its prices by day and hour, and those that hold in a tier or at a speed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

import msgspec


class Tiered(msgspec.Struct, frozen=True):
    """A price by the size of the prompt: `tiers` ascend, each holds for a whole request of more than its tokens."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...]

    def at(self, prompt: int) -> Decimal:
        """The price for a prompt of so many tokens."""
        return next((price for start, price in reversed(self.tiers) if prompt > start), self.base)


Value = Decimal | Tiered


class Dated(msgspec.Struct, frozen=True):
    """Prices by class of `Rates`, from a day on, or (`hours`, UTC, the end excluded) for a part of every day.

    `empty`: there is no price at all, not of images, minutes or characters either.
    """

    values: Mapping[str, Value]
    empty: bool
    start: date | None = None
    hours: tuple[time, time] | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment (with its zone) is in its time."""
        moment = moment.astimezone(UTC)
        if self.start is not None:
            return moment.date() >= self.start
        if self.hours is None:
            return True
        (begin, end), now = self.hours, moment.time()
        return (now >= begin or now < end) if end < begin else begin <= now < end


class Variant(msgspec.Struct, frozen=True):
    """Prices that hold instead where a request says so: {"service_tier": "flex"}."""

    when: Mapping[str, str]
    prices: Dated


class Priced(msgspec.Struct, frozen=True):
    """A model: of its `prices` the last that holds is its price, else the first. `context`: tokens that it takes."""

    id: str
    prices: tuple[Dated, ...]
    variants: tuple[Variant, ...] = ()
    context: int | None = None

    @property
    def hourly(self) -> bool:
        """Whether its price depends on the hour."""
        return any(one.hours for one in self.prices)

    def at(self, moment: datetime) -> Dated:
        """The standard prices at a moment."""
        return next((one for one in reversed(self.prices) if one.holds(moment)), self.prices[0])


class Found(msgspec.Struct, frozen=True):
    """A model at a provider. Where it is another provider's (`own` is not set), its variants do not hold."""

    provider: str
    info: Priced
    own: bool
