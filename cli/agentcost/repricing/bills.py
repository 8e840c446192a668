"""The same log under other terms, a row each: other models, tiers, hosts, caching; what each row assumes stands in it.

A row on the bill's tokens is compared with the bill, one on simulated caches with the simulation of the log as it was
run: a saving is never simulated minus billed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.costs.requests import COLUMN, Costs, Pricing, date_of
from agentcost.errors import UsageError
from agentcost.measuring.levels import Ints
from agentcost.model import Request
from agentcost.pricing import (
    FEMTO,
    Price,
    Quoted,
    Terms,
    exact_sum,
    exactly,
    price_list,
    quote,
    terms_of,
    tokens_of,
    units_of,
)
from agentcost.pricing.amounts import INPUT
from agentcost.pricing.terms import in_tier, maker_of
from agentcost.repricing.machines import ENGINE, Machine, Roofline
from agentcost.repricing.resending import Outcome, Resending, Sent, same_model
from agentcost.tables import roles

TIERS = ("batch", "flex", "priority", "fast")
"""Tiers and speeds that are tried where none is named."""

OTHERS = ("ultrafast", "standard")  # what else may be asked for

MODELS = (
    "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "gpt-6.1-sol", "gpt-6-luna", "gemini-3.8-flash",
)  # fmt: skip
"""Closed models that are tried where none is named: a large and a small one of each maker."""

OPEN = (
    "deepseek-v4-pro@deepseek", "deepseek-v4-pro@fireworks", "kimi-k3@moonshotai", "kimi-k3@fireworks",
    "glm-5.3@zai", "glm-5.3@fireworks", "qwen3-coder-plus@alibaba", "qwen3-coder-480b-a35b-instruct@fireworks",
    "gpt-oss-120b@groq", "gpt-oss-120b@cerebras", "gpt-oss-120b@fireworks",
)  # fmt: skip
"""Open models at hosts that are tried where none is named."""

SAME_TOKENS = "the same tokens, cached as they were"
SAME_TEXTS = "the same texts and turns: what another model would write, and how well, is not modelled"
REPLAYED = "caches replayed under the rules of the host, without the markers of another"
BATCH = "batches answer within a day: no agent can wait for that turn by turn"
UPPER = "no cache rules are known there: all input as plain, an upper bound"
SHARES = "the log has lengths only: cached in the shares of the bill"
MARKED = "breakpoints where harnesses put them"


class Ask(msgspec.Struct, frozen=True):
    """What to try: models (`NAME` or `NAME@HOST`), tiers, hosts; every combination of those that are named. Nothing
    named: a list of usual ones."""

    models: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    machine: Machine | Roofline | None = None

    @property
    def targets(self) -> list[Sent]:
        """Where requests are sent, the hosts of the log's own models included."""
        models = [sent_to(model, host) for model in self.models for host in self.hosts or ("",)]
        return models or [Sent(Terms(host, "").host, "") for host in self.hosts]

    @property
    def named(self) -> bool:
        """Whether anything was."""
        return bool(self.models or self.tiers or self.hosts)


class Bill(msgspec.Struct, frozen=True, dict=True):
    """What every request would cost: femtodollars by request and CLASSES, 0 where `reasons` says why there is none."""

    quoted: Quoted
    tokens: Ints
    amounts: Ints
    reasons: list[str]
    source: str = ""

    @cached_property
    def priced(self) -> list[bool]:
        """Whether a request has a price."""
        return [not reason for reason in self.reasons]

    def total(self, rows: Sequence[int]) -> int:
        """Femtodollars of some requests."""
        return exact_sum(self.amounts[list(rows)].sum(axis=1)) if len(rows) else 0


class Offer(msgspec.Struct, frozen=True):
    """A row in the making: its label and kind, where and at which tier requests are served, what that assumes."""

    label: str
    kind: str
    bill: Bill
    outcome: Outcome | None
    against: Bill
    basis: str
    sent: Sent | None = None
    tier: str = ""
    assumes: tuple[str, ...] = ()


class Repricing(msgspec.Struct, dict=True):
    """A log that is priced again and again."""

    resending: Resending
    costs: Costs
    pricing: Pricing = Pricing()

    @cached_property
    def requests(self) -> Sequence[Request]:
        return self.resending.studied.requests

    @cached_property
    def roles(self) -> list[str]:
        """What every request is for, as reports show it: main, side, subagent."""
        studied = self.resending.studied
        return roles(studied.requests, studied.standing, studied.measured)

    @cached_property
    def terms(self) -> list[Terms]:
        """The terms of every request as it was run."""
        return [terms_of(request) for request in self.requests]

    @cached_property
    def as_run(self) -> Bill:
        """What the requests cost as they were run: exactly what every other report says."""
        costs = self.costs
        return Bill(costs.quoted, costs.tokens, costs.amounts, _reasons(costs.quoted))

    @cached_property
    def simulated(self) -> Bill:
        """The same with the tokens of the simulated cache."""
        return self.bill(self.resending.as_run, self.terms)

    def bill(self, outcome: Outcome, terms: Sequence[Terms], tier: str = "") -> Bill:
        """What the requests cost with these tokens under these terms; without a price of the tier, unpriced."""
        tokens = tokens_of(outcome.usages, terms)
        long, rest = COLUMN["write_12h"], COLUMN["write"]
        for row, served in enumerate(outcome.served):
            moved = served.writes.get("12h", 0) if served and not tokens[row, long] else 0
            tokens[row, rest], tokens[row, long] = tokens[row, rest] - moved, tokens[row, long] + moved
        return self.priced(tokens, terms, tier)

    def priced(self, tokens: Ints, terms: Sequence[Terms], tier: str = "") -> Bill:
        """Tokens under terms, each request at the price of its own day."""
        kept: dict[Terms, Terms] = {}
        terms = [kept.setdefault(own, own) for own in terms]
        day = self.pricing.day or price_list().published.date
        quoted = quote(terms, [date_of(request) for request in self.requests], day, self.pricing.book)
        reasons = _reasons(quoted, terms if tier else ())
        units = units_of(quoted, tokens[:, : len(INPUT)].sum(axis=1))
        units[[bool(reason) for reason in reasons]] = 0
        return Bill(quoted, tokens, exactly(tokens, units), reasons)

    # --- rows ------------------------------------------------------------------------------------------------------

    def offers(self, ask: Ask, *, alone: bool = False) -> Iterator[Offer]:
        """The log as it was run, then every row that was asked for; `alone` leaves out the usual ones."""
        basis = most_of(self.costs.basis)
        yield Offer("as run", "as run", self.as_run, None, self.as_run, basis)
        if "billed" in self.costs.basis:
            assumed = ("the caches as simulated: what rows on other models are compared with",)
            own = self.resending.as_run
            yield Offer(
                "as run, simulated", "simulated", self.simulated, own, self.simulated, "simulated", None, "", assumed
            )
        if ask.machine:
            yield self.self_hosted(ask.machine)
        if not ask.named and not ask.machine and not alone:
            yield from self.cachings()
            yield from (self.in_tier(tier) for tier in TIERS)
            yield from (self.elsewhere(sent_to(name), "") for name in (*MODELS, *OPEN))
            return
        for tier in (ask.tiers or ("",)) if ask.named else ():
            if not ask.models and not ask.hosts:
                yield self.in_tier(tier)
                continue
            for model in ask.models or tuple(self.own_models()):
                for host in ask.hosts or ("",):
                    yield self.elsewhere(sent_to(model, host), tier)

    def own_models(self) -> list[str]:
        """The models of the log, the one with the most requests first."""
        counts = Counter(request.model for request in self.requests if request.model)
        return sorted(counts, key=lambda name: (-counts[name], name))

    def cachings(self) -> Iterator[Offer]:
        """Without any cache; and, where breakpoints decide, with those of harnesses, and kept for an hour."""
        stay: list[Sent | None] = [None] * len(self.requests)
        if set(self.costs.basis) <= {"uncached"}:
            return
        off = self.resending.send(stay, "off")
        told = ("every prompt as plain input",)
        yield Offer("no caching", "caching", self.bill(off, self.terms), off, self.as_run, "uncached", None, "", told)
        if not any(policy for policy in self.resending.as_run.policies):
            return
        marked, hour = self.resending.send(stay, "marked"), self.resending.send(stay, "1h")
        for label, outcome, how in (
            ("caching asked for", marked, MARKED),
            ("kept for an hour", hour, "every write for an hour"),
        ):
            if outcome.usages != self.resending.as_run.usages:
                bill = self.bill(outcome, self.terms)
                yield Offer(label, "caching", bill, outcome, self.simulated, "simulated", None, "", (how, REPLAYED))

    def in_tier(self, tier: str) -> Offer:
        """The requests as they were run, in another tier or at another speed."""
        terms = [in_tier(own, tier) for own in self.terms]
        bill = self.as_run if terms == self.terms else self.priced(self.as_run.tokens, terms, tier)
        told = (SAME_TOKENS, BATCH) if tier == "batch" else (SAME_TOKENS,)
        return Offer(tier, "tier", bill, None, self.as_run, most_of(self.costs.basis), None, tier, told)

    def elsewhere(self, sent: Sent, tier: str) -> Offer:
        """Every request sent to a model at a host."""
        host, model = sent
        outcome = self.resending.send([sent] * len(self.requests))
        label = f"{model}@{host}" + f" {tier}" * bool(tier)
        own = any(same_model(model, name) for name in self.own_models())
        kind = "host" if own else "model"
        if outcome is self.resending.as_run:
            return replace(self.in_tier(tier), label=label, kind=kind, sent=sent)
        stays = self.resending.as_run.rebased
        terms = [
            in_tier(self.terms[row], tier) if self._stays(row, sent) else in_tier(Terms(host, model), tier)
            for row in range(len(self.requests))
        ]
        told = [SAME_TEXTS] if outcome.rebased.ratios != stays.ratios or not own else []
        told += [REPLAYED] * ("simulated" in outcome.basis)
        told += [UPPER] * ("uncached" in outcome.basis) + [SHARES] * ("shares" in outcome.basis)
        told += [BATCH] * (tier == "batch")
        bill = self.bill(outcome, terms, tier)
        return Offer(label, kind, bill, outcome, self.simulated, most_of(outcome.basis), sent, tier, tuple(told))

    def self_hosted(self, machine: Machine | Roofline) -> Offer:
        """Everything on a machine of one's own: as it was run, or a model of its own with an engine's cache."""
        outcome = self.resending.send([Sent(ENGINE, machine.model)] * len(self.requests)) if machine.model else None
        tokens = tokens_of(outcome.usages, self.terms) if outcome else self.as_run.tokens
        own = numpy.zeros(tokens.shape, dtype=object)
        own[:, COLUMN["requests"]] = [int(cost.scaleb(FEMTO).to_integral_value()) for cost in machine.costs(tokens)]
        bill = Bill(self.as_run.quoted, tokens, own, [""] * len(tokens), machine.source)
        label = " ".join(filter(None, ("self-hosted", machine.model)))
        against = self.simulated if outcome else self.as_run
        told = (*machine.assumes, SAME_TEXTS)
        return Offer(label, "self-hosted", bill, outcome, against, machine.basis, None, "", told)

    def _stays(self, row: int, sent: Sent) -> bool:
        own = self.terms[row]
        return own.host == sent.host and same_model(own.model, sent.model)


def sent_to(name: str, host: str = "") -> Sent:
    """Where `NAME@HOST` is; the host of a bare name is the model's maker."""
    model, _, own = name.partition("@")
    found = host or own or maker_of(model)
    if not found:
        raise UsageError(f"{model}: its maker is not known, or many hosts serve it; name one, as {model}@groq")
    return Sent(Terms(found, "").host, model)


def most_of(words: Sequence[str]) -> str:
    """The word of most requests."""
    counts = Counter(words)
    return max(sorted(counts), key=lambda word: counts[word]) if counts else ""


def _reasons(quoted: Quoted, terms: Sequence[Terms] = ()) -> list[str]:
    """Why requests have no price, "" where they have one. With `terms`, a tier that nobody knows a price of is none."""
    found = []
    for row in range(len(quoted.of)):
        price = quoted.price(row)
        if not isinstance(price, Price):
            found.append(price.reason)
            continue
        unknown = [one.partition("=")[2] for one in price.ignored if one.startswith(("tier=", "speed="))]
        own = terms[row] if terms and unknown else None
        found.append(f"no {unknown[0]} price is known for {own.model} at {own.host or 'its host'}" if own else "")
    return found
