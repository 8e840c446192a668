"""What the gate gives: a difference split by cause, and the verdicts on a budget's limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

STAGES = ("requests", "prefix", "history", "cache", "output", "model", "prices")
"""The order in which head's factors take the place of base's: each stage is one of them, at what it then is."""

STAGE_WORDS = {
    "requests": "number of requests",
    "prefix": "what stands before the conversation",
    "history": "history of conversations",
    "cache": "what the cache did",
    "output": "length of answers",
    "model": "models and service tiers",
    "prices": "prices",
}


class Cause(msgspec.Struct, frozen=True):
    """A cause of a difference: so many tokens and dollars more (or less) because of it.

    `what` says it in words, `per_request` is by how many tokens a request grew. A `noisy` cause comes and goes with
    luck and load; the others follow from what was sent. `private` words (`what` without them is `public`) hold a path.
    """

    stage: str
    what: str
    tokens: int
    cost: Decimal | None
    per_request: float | None = None
    noisy: bool = False
    kind: str = ""
    server: str = ""
    public: str = ""
    where: str = ""
    evidence: str = ""

    @property
    def told(self) -> str:
        """The cause in words that may leave the machine."""
        return self.public or self.what


Unit = Literal["count", "tokens", "dollars", "share"]


class Pair(msgspec.Struct, frozen=True):
    """The same figure of both runs; None is unknown."""

    name: str
    base: Decimal | None
    head: Decimal | None
    unit: Unit = "count"


class Difference(msgspec.Struct, frozen=True):
    """HEAD less BASE: the causes sum to `tokens` and to `cost` exactly.

    `cost` is None where either run has no price at all; `unpriced` requests of base and head are left out of it.
    `notes` say what the figures rest on.
    """

    base: str
    head: str
    tokens: int
    cost: Decimal | None
    base_tokens: int
    base_cost: Decimal | None
    pairs: tuple[Pair, ...]
    causes: tuple[Cause, ...]
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    reverse: bool = False


class Change(msgspec.Struct, frozen=True):
    """A part of the prompt that was added, removed, grown, shrunk, changed or moved; sizes in tokens.

    `public` is `what` without paths.
    """

    change: str
    component: str
    name: str
    server: str
    before: int | None
    now: int | None
    what: str = ""
    public: str = ""
    marks: tuple[str, ...] = ()


Status = Literal["ok", "warn", "fail", "n/a"]


class Verdict(msgspec.Struct, frozen=True):
    """A limit and what came of it: the value, the baseline's, what is behind it, and where to look.

    `limit` is as the budget writes it. `public` is `culprit` without paths.
    """

    status: Status
    limit: str
    metric: str
    of: str
    bound: str
    allowed: Decimal | None
    value: Decimal | None
    baseline: Decimal | None
    unit: str
    message: str
    culprit: str = ""
    public: str = ""
    where: str = ""
    basis: str = ""


class Judgement(msgspec.Struct, frozen=True):
    """All verdicts, the worst first, of a budget on some logs."""

    budget: str
    logs: tuple[str, ...]
    requests: int
    static: bool
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> bool:
        """Whether any limit that fails is broken."""
        return any(verdict.status == "fail" for verdict in self.verdicts)
