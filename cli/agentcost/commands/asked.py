"""What the user asked for, the same for every report: parsed once, then handed on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentcost.errors import AgentcostError, UsageError

if TYPE_CHECKING:
    from agentcost.choices import Choices
    from agentcost.costs.requests import Pricing
    from agentcost.ingest.inputs import Inputs
    from agentcost.loading.logs import Reading
    from agentcost.model import Segment
    from agentcost.units import Currency


BILLINGS = ("api", "seat", "credits")
"""How requests may have been paid for."""

SCOPES = ("session", "user", "project", "client", "task")
"""Fields of a request that may say what shares a cache."""


class Asked(msgspec.Struct, frozen=True):
    """The options that commands share, as they were given on the command line; see options.py."""

    logs: tuple[str, ...]
    input_format: str = ""
    columns: str = ""
    prefix: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    tz: str = "UTC"
    where: tuple[str, ...] = ()
    by: str = ""
    top: int | None = None
    sort: str = ""
    assume_gap: str = ""
    counter: str = "splintr"
    tokenizer: tuple[str, ...] = ()
    cache: bool = True
    jobs: int = 1
    strict: bool = False
    policy: str = ""
    scope_by: str = ""
    every_policy: bool = False
    hit_rate: str = "tokens"
    price_file: str = ""
    price_date: str = ""
    billing: str = ""
    rate: str = ""
    form: str = "text"
    output: str = ""
    table: str = ""

    @property
    def data(self) -> bool:
        """Whether tables leave, in place of a report that is drawn."""
        return bool(self.output or self.table or self.form != "text")

    def currency(self, *, data: bool = False) -> Currency:
        """What dollars are shown in: data stays in dollars, and says so. UsageError for what is no rate."""
        from agentcost.pricing import currency_of  # noqa: PLC0415 — heavy
        from agentcost.units import Currency  # noqa: PLC0415 — heavy

        found = currency_of(self.rate)
        if not self.rate or not (data or self.data):
            return found
        sys.stderr.write(f"agentcost: --rate {self.rate}: data stays in dollars; a rate is for reports that are read\n")
        return Currency()

    def choices(self) -> Choices:
        """What is evaluated. UsageError where an option cannot be understood."""
        from agentcost.cache.catalogue import policy_named  # noqa: PLC0415 — heavy
        from agentcost.caching.hitrates import checked_rate  # noqa: PLC0415 — heavy
        from agentcost.choices import Choices  # noqa: PLC0415 — heavy
        from agentcost.loading.labels import parse_labels  # noqa: PLC0415 — heavy
        from agentcost.selection import Selection, parse_where, zone_of  # noqa: PLC0415 — heavy

        zone_of(self.tz)
        labels = [label.name for label in parse_labels(self.label)]
        selection = Selection(self.since, self.until, self.tz, parse_where(self.where, labels))
        by = tuple(dict.fromkeys(key.strip() for key in self.by.split(",") if key.strip()))
        if self.policy:
            policy_named(self.policy)
        if self.scope_by and self.scope_by not in SCOPES:
            raise UsageError(f"--scope-by {self.scope_by}: one of {', '.join(SCOPES)}")
        gap = seconds(self.assume_gap) if self.assume_gap else None
        return Choices(
            selection, by, self.top or 10, self.sort, gap, self.policy, self.scope_by, every_policy=self.every_policy,
            hit_rate=checked_rate(self.hit_rate), pricing=self.pricing(),
        )  # fmt: skip

    def pricing(self) -> Pricing:
        """At which prices, and how it was paid for."""
        from agentcost import __version__  # noqa: PLC0415 — with the rest
        from agentcost.commands.prices import book_of  # noqa: PLC0415 — heavy
        from agentcost.costs.requests import Pricing  # noqa: PLC0415 — heavy
        from agentcost.pricing.published import keep_in  # noqa: PLC0415 — heavy

        if self.billing and self.billing not in BILLINGS:
            raise UsageError(f"--billing {self.billing}: one of {', '.join(BILLINGS)}")
        try:
            day = date.fromisoformat(self.price_date) if self.price_date else None
        except ValueError as error:
            raise UsageError(f"--price-date {self.price_date}: write it as 2026-11-20") from error
        book = book_of(self.price_file)
        keep_in(cache_folder() if self.cache else None, __version__)
        return Pricing(book, day, self.billing)

    def reading(self, optional: frozenset[str] = frozenset()) -> Reading:
        """How the logs are read."""
        from agentcost.loading.labels import parse_labels  # noqa: PLC0415 — heavy
        from agentcost.loading.logs import Reading  # noqa: PLC0415 — heavy
        from agentcost.tokens import given_of  # noqa: PLC0415 — heavy

        return Reading(
            input_format=self.input_format or ("table" if self.columns else ""),
            columns=columns(self.columns),
            prefix=prefix(self.prefix),
            labels=parse_labels(self.label),
            engine="tiktoken" if self.counter == "tiktoken" else "splintr",
            cache=cache_folder() if self.cache else None,
            jobs=self.jobs,
            optional=optional,
            tokenizers=tuple(map(given_of, self.tokenizer)),
        )


_GAP = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_GAP_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def seconds(text: str) -> float:
    """`30s`, `5m`, `1h` as seconds."""
    found = _GAP.fullmatch(text)
    if not found:
        raise UsageError(f"--assume-gap {text}: write it as 30s, 5m or 1h")
    return float(found[1]) * _GAP_UNITS[found[2]]


def columns(text: str) -> dict[str, str]:
    """`input=prompt_tokens,output=completion_tokens` as a mapping from our names to the table's."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not divider for _, divider, _ in pairs):
        raise UsageError(f"--columns {text}: write it as ours=theirs, for example input=prompt_tokens,time=created")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def prefix(arguments: Sequence[str]) -> tuple[Segment, ...]:
    """The segments of every `--prefix FILE` or `--prefix SERVER=FILE`."""
    from agentcost.ingest.captured_prefix import prefix_segments  # noqa: PLC0415 — heavy

    found: list[Segment] = []
    for argument in arguments:
        server, divider, file = argument.rpartition("=")
        path = Path(argument) if not divider or Path(argument).exists() else Path(file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise AgentcostError(f"--prefix {argument}: {path} cannot be read ({error.strerror})") from error
        found += prefix_segments(content, str(path), server if str(path) != argument else "")
    return tuple(found)


def cache_folder() -> Path:
    """Where counts and records are kept: $AGENTCOST_CACHE, else the user's cache folder."""
    from platformdirs import user_cache_path  # noqa: PLC0415

    own = os.environ.get("AGENTCOST_CACHE")
    return Path(own) if own else user_cache_path("agentcost", appauthor=False)


def inputs(logs: Sequence[str]) -> Inputs:
    """The logs that were named. No log and a piped standard input means read it."""
    from agentcost.ingest.inputs import find_sources  # noqa: PLC0415 — heavy

    if not logs and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("no log was named; `agentcost find` lists the agent logs on this machine")
    return find_sources(list(logs) or ["-"], sys.stdin.buffer if sys.stdin else None)
