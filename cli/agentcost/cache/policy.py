"""A cache policy as values: what a provider or engine keeps, for how long, and what it charges for that.

    anthropic = policy_named("anthropic")
    minimum_of(anthropic, "claude-opus-4-6")           4096
    multipliers_of(anthropic, "claude-opus-4-6")       read 0.1, writes {5m: 1.25, 1h: 2}

Numbers live in data/policies.toml. In every table of rows the first whose `models` is found in the model's bare
name decides; "" fits every model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta

from agentcost.model import Level
from agentcost.names import bare_name

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]

Mechanism = Literal["breakpoint", "endpoint", "block", "best_effort"]
"""Content blocks up to markers; exact message ends; fixed token blocks; token blocks that may fail at random."""

Creates = Literal["breakpoints", "message_ends", "full_blocks", "request_ends"]
"""Where entries are made. `request_ends`: end of the prompt, end of the answer, and prefixes seen twice."""

Mark = Literal["V", "S", "E", "U"]
"""How sure a fact is: verified at its source, second-hand, measured by somebody, uncertain."""


class Minimum(msgspec.Struct, frozen=True):
    """The shortest prefix that is cached for some models, in tokens."""

    name: str
    models: str
    tokens: Count
    mark: Mark
    source: str = ""


class Ttl(msgspec.Struct, frozen=True):
    """A time to live that may be asked for, or that some models have.

    `seconds` count from the start of the last request that wrote or, where `Policy.refresh` says so, read the
    entry; `at_most` from the start of its first write, None where reads prolong it for ever. `write` multiplies the
    input price of what is written; None: writes are no class of the bill, they are plain input.
    """

    name: str
    seconds: Positive
    mark: Mark
    models: str = ""
    at_most: Positive | None = None
    write: Decimal | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.write is not None and not self.write >= 0:
            raise ValueError(f"a multiplier must not be negative: {self.write}")


class Read(msgspec.Struct, frozen=True):
    """What a read costs for some models, times the input price; 1 is no discount."""

    models: str
    times: Decimal
    mark: Mark
    note: str = ""


class Salt(msgspec.Struct, frozen=True):
    """A setting that is part of the key from `level` on: when it changes, that level and all after it are lost."""

    name: str
    level: Level
    cause: str


class Grid(msgspec.Struct, frozen=True):
    """The token positions at which a prefix may end, counted with `hidden` tokens before the prompt.

    They are `first`, `first + block`… (every multiple of `block` where `first` is 0). What is reported is
    rounded down to a multiple of `rounding`. With `recompute_last` the prompt's last token is never served;
    with `partial` a block that agrees only in its beginning is served up to there.
    """

    block: Positive
    first: Count = 0
    hidden: Count = 0
    rounding: Positive = 1
    recompute_last: bool = False
    partial: bool = False


class Candidates(msgspec.Struct, frozen=True):
    """The exact boundaries that a lookup tests: explicit ones from the front and the back, and message ends.

    `endings` (how many earlier ends of eligible messages) and `initial` (the end of the opening developer
    messages) hold only where the endpoint is implicit.
    """

    first: Count
    latest: Count
    endings: Count
    initial: bool


class Switch(msgspec.Struct, frozen=True):
    """A rule on which sources conflict, or that is not published: its default, and what else it may be.

    A value is one of the `choices`, each of which sets some paths of the policy, or, where `sets` names paths, any
    value that fits them. `value` is what was chosen, "" for the default. `policies` are those it belongs to.
    """

    name: str
    default: str
    why: str
    choices: Mapping[str, Mapping[str, bool | int | str | tuple[str, ...]]] = {}
    sets: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    value: str = ""


class Policy(msgspec.Struct, frozen=True):
    """The rules of one provider's or engine's prompt cache.

    `lookback` is how many positions a lookup tests from each breakpoint, itself counted. `implicit_endpoint` is
    a breakpoint set without asking; it takes one of `max_breakpoints`. `scope` names what must be equal for two
    requests to share anything; `salts` what loses a part. `grid` None: the unit is a content block, an exact
    boundary, or not known. `build_seconds` None: not published. No `ttls`: entries live until evicted.
    `storage` names the provider whose price list charges by the hour for what is kept, "" where nothing is charged.
    `read` and `caches_answer` are None where nobody says. `hit_probability` is the share of predicted hits that happen.
    """

    name: str
    title: str
    mechanism: Mechanism
    creates: Creates
    source: str
    checked: date
    mark: Mark
    notes: tuple[str, ...] = ()
    order: tuple[Level, ...] = ("tools", "system", "messages")
    scope: tuple[str, ...] = ()
    salts: tuple[Salt, ...] = (Salt("model", "tools", "model_changed"),)
    images: Literal["presence", "any_change"] = "presence"
    max_breakpoints: Count = 0
    lookback: Count = 0
    collapse_tool_runs: Literal["since", "on", "off"] = "off"
    collapse_since: date | None = None
    implicit_endpoint: bool = False
    candidates: Candidates | None = None
    grid: Grid | None = None
    minimum: Count = 0
    minimums: tuple[Minimum, ...] = ()
    ttls: tuple[Ttl, ...] = ()
    refresh: Literal["own_breakpoints", "hit_only", "path", "none"] = "path"
    expiry: Literal["exclusive", "inclusive"] = "exclusive"
    visible: Literal["first_token", "end", "built"] = "first_token"
    build_seconds: Count | None = None
    eviction: Literal["ttl", "lru", "priority", "undocumented"] = "ttl"
    hit_probability: Share = 1.0
    caches_answer: bool | None = None
    read: Decimal | None = None
    reads: tuple[Read, ...] = ()
    storage: str = ""
    switches: tuple[Switch, ...] = ()

    def __hash__(self) -> int:  # switches hold mappings
        return hash(self.name)


class Multipliers(msgspec.Struct, frozen=True):
    """What a token costs, times the input price: read, and written by time to live. None is no class or not known."""

    read: Decimal | None
    writes: Mapping[str, Decimal | None]


class ForModels(Protocol):
    """A row of a table that holds for some models: a pattern of their bare names."""

    @property
    def models(self) -> str: ...


Row = TypeVar("Row", bound=ForModels)


def rows_for(rows: Sequence[Row], model: str) -> list[Row]:
    """The rows that hold for a model, in their order."""
    name = bare_name(model)
    return [row for row in rows if _holds(row.models, name)]


@lru_cache(maxsize=4096)
def _holds(pattern: str, name: str) -> bool:
    """Every request asks for the rows of its model, and logs have few models."""
    return re.search(pattern, name) is not None


def minimum_of(policy: Policy, model: str) -> int:
    """Tokens that a prefix must have to be cached; 0 where none is published."""
    rows = rows_for(policy.minimums, model)
    return rows[0].tokens if rows else policy.minimum


def multipliers_of(policy: Policy, model: str) -> Multipliers:
    """The multipliers of a model. They compare policies; for a bill the price table's own cache prices decide."""
    reads = rows_for(policy.reads, model)
    ttls = rows_for(policy.ttls, model)
    return Multipliers(reads[0].times if reads else policy.read, {ttl.name: ttl.write for ttl in ttls})


def ttl_of(policy: Policy, model: str, name: str = "") -> Ttl | None:
    """The time to live of that name, the model's default for "" or one it does not have; None: until evicted."""
    own = rows_for(policy.ttls, model)
    return next((ttl for ttl in own if ttl.name == name), own[0] if own else None)


def collapses(policy: Policy, day: date | None) -> bool:
    """Whether a run of tool calls or results is one position of the look-back, on a day; None is any late day."""
    if policy.collapse_tool_runs != "since":
        return policy.collapse_tool_runs == "on"
    return policy.collapse_since is not None and (day is None or day >= policy.collapse_since)
