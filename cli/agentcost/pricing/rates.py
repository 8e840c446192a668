"""A price as numbers: dollars by token class, in steps of the prompt's size, and where they come from.

step 0          input 4, read 0.40, write 5, output 20     of gpt-5.6-sol
over 272,000    input 8, read 0.80, write 10, output 30    the whole request, not what lies beyond
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace


class Rates(msgspec.Struct, frozen=True):
    """Dollars per million tokens; BESIDE per thousand searches and requests, 0 where nobody knows a price of them.

    `write` is that of the provider's default time to live (Anthropic 5 minutes, OpenAI 30). Every class has a price:
    where a provider has none of its own the token is billed as the class it belongs to, and `Price.filled` names it.
    """

    plain: Decimal
    read: Decimal
    write: Decimal
    write_1h: Decimal
    write_12h: Decimal
    output: Decimal
    reasoning: Decimal
    search: Decimal = Decimal(0)
    file_search: Decimal = Decimal(0)
    request: Decimal = Decimal(0)

    def times(self, factor: Decimal, kept: Collection[str] = ()) -> Rates:
        """All token classes but the `kept` multiplied; searches and requests stay."""
        changed = {
            name: getattr(self, name) * factor for name in TOKEN_CLASSES if name not in kept and getattr(self, name)
        }
        return replace(self, **changed)


BESIDE = ("search", "file_search", "request")
"""The rates of what is no token."""

TOKEN_CLASSES = tuple(name for name in Rates.__struct_fields__ if name not in BESIDE)


class Step(msgspec.Struct, frozen=True):
    """The rates of a whole request whose prompt has more than `over` tokens, and no more than the next step's."""

    over: int
    rates: Rates


FIRST = -1
"""`over` of the step that holds for the smallest prompts."""


class Price(msgspec.Struct, frozen=True):
    """What a model costs under its terms at a moment.

    `steps` ascend, the first one's `over` is FIRST. `model` is the name in the `source`, `checked` the day that was
    last looked at (None: not known), `mark` how sure it is (see data/prices.toml). `filled` are classes without a
    price of their own, `ignored` terms that nothing is known of and that therefore changed nothing ("tier=scale"),
    `notes` what was assumed. `hourly` prices differ within a day. `included`: a plan pays for it, so it costs nothing.
    """

    provider: str
    model: str
    steps: tuple[Step, ...]
    source: str
    checked: date | None = None
    mark: str = "V"
    filled: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hourly: bool = False
    included: bool = False

    def at(self, prompt: int) -> Rates:
        """The rates of a request with a prompt of so many tokens."""
        return next(step.rates for step in reversed(self.steps) if prompt > step.over)

    def changed(self, change: Callable[[Rates], Rates]) -> Price:
        """The price with its rates changed in every step."""
        return replace(self, steps=tuple(Step(step.over, change(step.rates)) for step in self.steps))

    def noted(self, *notes: str) -> Price:
        """The price with more notes."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note and note not in self.notes)))


class Unpriced(msgspec.Struct, frozen=True):
    """That there is no price, and why."""

    reason: str
