"""The difference between two runs by cause, in tokens or dollars: one factor after the other takes HEAD's value.

What a run costs is, for the requests of each role,

    requests × (prefix tokens × its classes × prices + history tokens × its classes × prices + answers × price)

HEAD's factors take the place of BASE's in the order of `gate.STAGES`; a stage is what the whole changes by when its
factor does. So stages add up to the difference, whatever it is, and the order decides who is charged for what two
factors did together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import msgspec

from agentcost.gate.baseline import HISTORY, PREFIX, Baseline, Part, Payer
from agentcost.gate.verdicts import STAGES
from agentcost.judging.changes import BESIDE_TEXTS

INPUT = ("read", "write_5m", "write_1h", "write", "write_12h", "plain")
_OUTPUT = ("output", "reasoning")
BESIDE = ("searches", "file_searches", "requests")
_AROUND = ("template_overhead", "unexplained")

Key = tuple[str, str, str, str]
PayerKey = tuple[str, str, str]
ZERO, ONE = Fraction(0), Fraction(1)


class Factors(msgspec.Struct):
    """The requests of one role in one run: how many, their tokens by part, and by section, class and payer."""

    requests: int = 0
    parts: Counter[Key] = msgspec.field(default_factory=Counter)
    flows: Counter[tuple[str, str, PayerKey]] = msgspec.field(default_factory=Counter)

    def total(self, section: str, classes: Iterable[str]) -> int:
        """Tokens of a section in these classes."""
        wanted = set(classes)
        return sum(tokens for (own, name, _), tokens in self.flows.items() if own == section and name in wanted)

    def shares(self, section: str, classes: Sequence[str]) -> dict[str, Fraction]:
        """What share of a section's tokens each class has."""
        whole = self.total(section, classes)
        return {name: Fraction(self.total(section, (name,)), whole) for name in classes} if whole else {}

    def mix(self, section: str, name: str) -> dict[PayerKey, Fraction]:
        """What share of a class each payer has; of all tokens where there are none of it."""
        own = {key[2]: tokens for key, tokens in self.flows.items() if key[:2] == (section, name) and tokens}
        if not sum(own.values()):
            every: Counter[PayerKey] = Counter()
            for (_, other, payer), tokens in self.flows.items():
                if other in INPUT:
                    every[payer] += tokens
            own = dict(every)
        whole = sum(own.values())
        return {payer: Fraction(tokens, whole) for payer, tokens in own.items()} if whole else {}


class State(msgspec.Struct, frozen=True):
    """From which run each factor is taken."""

    base: Factors
    head: Factors
    prices: _Prices
    scales: Scales
    done: int

    def of(self, stage: str) -> Factors:
        """The run that this factor is of: HEAD's once its stage is done. A role that one run lacks is the other's."""
        head = self.done > STAGES.index(stage)
        first, second = (self.head, self.base) if head else (self.base, self.head)
        return first if first.requests or stage == "requests" else second

    def value(self) -> Fraction:
        """What the requests cost (or how many tokens they have)."""
        size = self.input_size(PREFIX, "prefix") + self.input_size(HISTORY, "history")
        return self.of("requests").requests * (size + self.answers())

    def input_size(self, section: str, stage: str) -> Fraction:
        """A section of a mean request, at its price."""
        return self.mean(section, stage) * self.price(section) * self.thickness(section)

    def mean(self, section: str, stage: str) -> Fraction:
        """Tokens of a section in a mean request, as BASE's models count them."""
        own = self.of(stage)
        return sum((self.part(own, key) for key in own.parts if key[0] == section), ZERO)

    def part(self, own: Factors, key: Key) -> Fraction:
        """Tokens of a part in a mean request, as BASE's models count them."""
        if not own.requests:
            return ZERO
        return Fraction(own.parts[key], own.requests) * (self.scales.of(key) if own is self.head else 1)

    def thickness(self, section: str) -> Fraction:
        """How many tokens the models need for one of BASE's."""
        if self.of("model") is not self.head or self.scales.same:
            return ONE
        counted = sum((self.part(self.head, key) for key in self.head.parts if key[0] == section), ZERO)
        sent = sum(tokens for key, tokens in self.head.parts.items() if key[0] == section)
        return Fraction(sent, self.head.requests) / counted if counted else ONE

    def price(self, section: str) -> Fraction:
        """What a token of a section costs, on the average of its classes."""
        shares = self.of("cache").shares(section, INPUT) or {"plain": ONE}
        return sum((share * self.rate(section, name) for name, share in shares.items() if share), ZERO)

    def rate(self, section: str, name: str) -> Fraction:
        """What a token of a class costs, on the average of its payers."""
        mix = self.of("model").mix(section, name)
        head = self.done > STAGES.index("prices")
        return sum((share * self.prices.of(payer, name, head=head) for payer, share in mix.items()), ZERO)

    def answers(self) -> Fraction:
        """The answer of a mean request, and what is paid beside tokens."""
        own = self.of("output")
        if not own.requests:
            return ZERO
        counts = ((name, own.total(HISTORY, (name,))) for name in (*_OUTPUT, *BESIDE))
        return sum((Fraction(count, own.requests) * self.rate(HISTORY, name) for name, count in counts if count), ZERO)


class _Prices:
    """What tokens are worth: dollars, in femtodollars, or with no payers one each."""

    def __init__(self, base: Sequence[Payer], head: Sequence[Payer], *, money: bool) -> None:
        self.money = money
        self.sides = tuple({payer.key: payer for payer in side if payer.priced} for side in (base, head))

    def of(self, payer: PayerKey, name: str, *, head: bool) -> Fraction:
        """The price of a token of a class under a payer's terms; where one run did not pay it, the other's."""
        if not self.money:
            return ZERO if name in BESIDE else ONE
        order = self.sides[::-1] if head else self.sides
        known = [side[payer] for side in order if payer in side]
        return _price(known[0], name) if known else ZERO


def _price(payer: Payer, name: str) -> Fraction:
    tokens = payer.tokens.get(name, 0)
    return Fraction(payer.amounts.get(name, 0), tokens) if tokens else Fraction(payer.listed.get(name, 0))


# --- one valuation --------------------------------------------------------------------------------------------------


class Item(msgspec.Struct, frozen=True):
    """A cause before it is put into words: its stage, what it is of, and its value."""

    stage: str
    of: object
    value: Fraction


def split(base: Baseline, head: Baseline, *, money: bool) -> list[Item]:
    """The difference in dollars or tokens by cause; the items sum to it exactly."""
    before, after = _factors(base, money=money), _factors(head, money=money)
    prices = _Prices(base.payers, head.payers, money=money)
    found: dict[tuple[str, object], Fraction] = {}
    for role in sorted({*before, *after}):
        pair = before.get(role, Factors()), after.get(role, Factors())
        scales = Scales.of_runs(base, head, *pair)
        states = [State(*pair, prices, scales, done) for done in range(len(STAGES) + 1)]
        for stage, old, new in zip(STAGES, states, states[1:], strict=False):
            for of, value in _items(stage, role, old, new, base, head):
                found[stage, of] = found.get((stage, of), ZERO) + value
    return [Item(stage, of, value) for (stage, of), value in found.items() if value]


def _factors(side: Baseline, *, money: bool) -> dict[str, Factors]:
    """By role; of dollars those requests only that have a price."""
    found: dict[str, Factors] = {}
    for stratum in side.strata:
        if money and not stratum.priced:
            continue
        own = found.setdefault(stratum.role, Factors())
        own.requests += stratum.requests
        for number, tokens in stratum.parts.items():
            key = side.parts[number].key
            own.parts[BESIDE_TEXTS if key[1] in _AROUND else key] += tokens
        for flow in stratum.flows:
            payer = side.payers[flow.payer].key
            own.flows[PREFIX, flow.token_class, payer] += flow.prefix
            own.flows[HISTORY, flow.token_class, payer] += flow.rest
    return found


class Scales(msgspec.Struct, frozen=True):
    """What HEAD's tokens of a part are multiplied by to be BASE's: one ruler for both.

    `same` says that the models are the same, and so are their tokens. For other models a text that both hold is as
    long as in BASE, other texts are by the `mean` of those, and what the bill has `beside` texts is what BASE has.
    """

    same: bool
    mean: Fraction = ONE
    parts: dict[Key, Fraction] = {}

    @classmethod
    def of_runs(cls, base: Baseline, head: Baseline, before: Factors, after: Factors) -> Scales:
        """The scales for the requests of one role."""
        if same_models(base, head):
            return cls(same=True)
        shared = list(shared_parts(base, head))
        parts = {mine.key: Fraction(theirs.size, mine.size) for theirs, mine in shared}
        sums = sum(theirs.size for theirs, _ in shared), sum(mine.size for _, mine in shared)
        for key in after.parts:
            if key == BESIDE_TEXTS and after.parts[key] and before.requests:
                mean = Fraction(before.parts[key], before.requests)
                parts[key] = mean / Fraction(after.parts[key], after.requests)
        return cls(same=False, mean=Fraction(*sums) if all(sums) else ONE, parts=parts)

    def of(self, key: Key) -> Fraction:
        """The scale of a part."""
        return ONE if self.same else self.parts.get(key, self.mean)


def shared_parts(base: Baseline, head: Baseline) -> Iterator[tuple[Part, Part]]:
    """The parts of the prefix that both runs have with the same text: BASE's and HEAD's."""
    known = {part.key: part for part in base.parts if part.size and part.digest}
    for part in head.parts:
        theirs = known.get(part.key)
        if theirs and part.size and part.digest == theirs.digest:
            yield theirs, part


def same_models(base: Baseline, head: Baseline) -> bool:
    """Whether HEAD's tokens are BASE's: one run has the models of the other, and perhaps more."""
    before, after = ({ruler.model for ruler in side.rulers} for side in (base, head))
    return before <= after or after <= before


def _items(
    stage: str, role: str, old: State, new: State, base: Baseline, head: Baseline
) -> Iterator[tuple[object, Fraction]]:
    """A stage's change by what it is of."""
    whole = new.value() - old.value()
    if stage in ("prefix", "history"):
        yield from _by_part(stage, old, new, whole)
    elif stage == "cache":
        yield from _by_break(new, whole, base, head)
    elif whole:
        yield (role if stage == "requests" else ""), whole


def _by_part(stage: str, old: State, new: State, whole: Fraction) -> Iterator[tuple[object, Fraction]]:
    """Every part of a section by what it grew; parts sum to their section."""
    before, after = old.of(stage), new.of(stage)
    if before is after:
        return
    price = old.of("requests").requests * old.price(stage) * old.thickness(stage)
    rest = whole
    for key in sorted({*before.parts, *after.parts}):
        if key[0] == stage:
            grown = (old.part(after, key) - old.part(before, key)) * price
            rest -= grown
            if grown:
                yield key, grown
    if rest:
        yield (stage, "", "", ""), rest


def _by_break(new: State, whole: Fraction, base: Baseline, head: Baseline) -> Iterator[tuple[object, Fraction]]:
    """What each break came to cost, for the roles together; the rest is what was written and read otherwise."""
    if not whole:
        return
    before, after = {one.key: one for one in base.breaks}, {one.key: one for one in head.breaks}
    each = new.of("requests").requests * _penalty(new)
    rest = whole
    for key in sorted({*before, *after}):
        lost = [
            Fraction(own[key].lost if key in own else 0, max(side.requests, 1))
            for own, side in ((before, base), (after, head))
        ]
        value = (lost[1] - lost[0]) * each
        if value:
            rest -= value
            yield key, value
    if rest:
        yield ("", ""), rest


def _penalty(state: State) -> Fraction:
    """What a token that was not read costs beyond reading it, at the prices of this state."""
    section = PREFIX if state.of("cache").total(PREFIX, INPUT) else HISTORY
    shares = state.of("cache").shares(section, INPUT)
    missed = {name: share for name, share in shares.items() if name != "read"}
    weight = sum(missed.values(), ZERO)
    if not weight:
        return ZERO
    mean = sum((share * state.rate(section, name) for name, share in missed.items()), ZERO) / weight
    return mean - state.rate(section, "read")
