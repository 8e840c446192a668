"""A budget: limits on figures, read from TOML or the command line.

min_requests = 30                    # below it a noisy regression only warns

[fail]
fixed_prefix_tokens = { max = 12_000, increase = 500 }
cost_per_session = 2.50
hit_rate = { min = 0.70, decrease = 0.05 }

[fail.server_tokens]
"*" = 3_000
github = { max = 2_000, percent = 10 }

[warn.misses]
system_changed = 0
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Literal

import msgspec

from agentcost.errors import AgentcostError, UsageError
from agentcost.gate.metrics import AS_RUN, CAUSES, METRICS
from agentcost.units import finer_dollars

Level = Literal["warn", "fail"]
BOUNDS = ("max", "min", "increase", "decrease", "percent")
LEVELS: tuple[Level, ...] = ("fail", "warn")
SETTINGS = ("model", "min_requests", "allow", "baseline")
ALLOWED = ("no_requests", "unpriced", "no_baseline")
"""What may be allowed by name, beside limits that match nothing."""

_LISTED = ("hit_rate", "misses", "share_above", "kv_bytes_per_session")
"""Metrics whose limits are of names that are known beforehand: one that is nearly a bound is a bound, mistyped."""

_MISTYPED = 0.75
"""How alike a key and a bound are from which on one is taken for the other."""

_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class Limit(msgspec.Struct, frozen=True):
    """A bound on a figure: `max` and `min` on itself; on how it changed from the baseline `increase`, `decrease` (in
    its unit) and `percent` (of the baseline's, in the direction that is worse)."""

    level: Level
    metric: str
    of: str
    bound: str
    value: Decimal

    @property
    def name(self) -> str:
        """How a budget names what it limits: server_tokens.github."""
        return f"{self.metric}.{self.of}" if METRICS[self.metric].of else self.metric

    @property
    def written(self) -> str:
        """`fixed_prefix_tokens max 12,000`."""
        return f"{self.name} {self.bound} {shown(self.value, 'percent' if self.bound == 'percent' else self.unit)}"

    @property
    def unit(self) -> str:
        """The unit of its figure."""
        return METRICS[self.metric].unit

    @property
    def relative(self) -> bool:
        """Whether it needs a baseline."""
        return self.bound in ("increase", "decrease", "percent")


class Budget(msgspec.Struct, frozen=True):
    """Limits, and what they hold for. `name` is the file they come from."""

    name: str
    limits: tuple[Limit, ...]
    model: str = ""
    min_requests: int = 30
    allow: tuple[str, ...] = ()
    baseline: str = ""

    @property
    def wanted(self) -> tuple[tuple[str, str], ...]:
        """The figures that are found only where they are asked for."""
        named = ("share_above", "hit_rate", "kv_bytes_per_session")
        return tuple(sorted({(limit.metric, limit.of) for limit in self.limits if limit.metric in named}))


# --- reading ----------------------------------------------------------------------------------------------------------


def read_budget(text: str, name: str, *, table: bool = False) -> Budget | None:
    """The budget in a TOML file; of `[tool.agentcost]` where `table` is set: None where there is no such table."""
    try:
        document: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AgentcostError(f"{name}: not valid TOML: {error}") from error
    if table:
        tool = document.get("tool")
        own = tool.get("agentcost") if isinstance(tool, dict) else None
        if not isinstance(own, dict):
            return None
        document = own
    for key in document:
        if key not in (*LEVELS, *SETTINGS):
            raise _unknown(name, key, (*LEVELS, *SETTINGS, *METRICS))
    limits = tuple(limit for level in LEVELS for limit in _section(name, level, document.get(level, {})))
    allow = _list(name, document.get("allow", []))
    names = {limit.name for limit in limits}
    for word in allow:
        if word not in names and word not in ALLOWED:
            raise _unknown(name, f"allow {word}", (*ALLOWED, *sorted(names)))
    return Budget(
        name, limits, _text(name, "model", document), _number(name, document.get("min_requests", 30)), allow,
        _text(name, "baseline", document),
    )  # fmt: skip


def _unknown(name: str, key: str, known: Sequence[str]) -> AgentcostError:
    near = get_close_matches(key.rpartition(" ")[2], known, n=1, cutoff=0.4)
    if near and near[0] in METRICS and " " not in key:
        return AgentcostError(f"{name}: {key} stands in no section; put {near[0]} below [fail] or [warn]")
    told = f", did you mean {near[0]}?" if near else ""
    return AgentcostError(f"{name}: {key}: there is no such key{told}; known: {', '.join(known)}")


def _list(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise AgentcostError(f'{name}: allow: write a list of names, as allow = ["unpriced"]')
    return tuple(value)


def _text(name: str, key: str, document: Mapping[str, object]) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise AgentcostError(f"{name}: {key}: write a text")
    return value


def _number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AgentcostError(f"{name}: min_requests: write a whole number")
    return value


def _section(name: str, level: Level, section: object) -> Iterator[Limit]:
    """The limits below [fail] or [warn]."""
    if not isinstance(section, dict):
        raise AgentcostError(f"{name}: {level}: write it as a table: [{level}]")
    for metric, value in section.items():
        if metric not in METRICS:
            raise _unknown(name, f"{level} {metric}", tuple(METRICS))
        known = METRICS[metric]
        several = isinstance(value, dict) and not set(value) <= set(BOUNDS)
        if several and (not known.of or any(isinstance(value.get(bound), int | float | str) for bound in BOUNDS)):
            wrong = next(key for key in value if key not in BOUNDS)
            raise _unknown(name, f"{level}.{metric} {wrong}", BOUNDS)
        mistyped = [key for key in value if get_close_matches(key, BOUNDS, 1, _MISTYPED)] if several else []
        if mistyped and metric in _LISTED:
            raise _unknown(name, f"{level}.{metric} {mistyped[0]}", BOUNDS)
        if several:
            for of, own in value.items():
                yield from _limits(name, level, metric, checked_of(name, metric, str(of)), own)
        else:
            yield from _limits(name, level, metric, usual_of(name, metric), value)


def usual_of(name: str, metric: str) -> str:
    """What a limit is of when it does not say: everything, or the policies of the log."""
    if metric in ("share_above", "kv_bytes_per_session"):
        example = METRICS[metric].example
        raise AgentcostError(f"{name}: {metric}: say of which {METRICS[metric].of}: {metric}.{example}")
    return AS_RUN if metric == "hit_rate" else "*" if METRICS[metric].of else ""


def checked_of(name: str, metric: str, of: str) -> str:
    """What a limit is of. AgentcostError where there can be no such thing."""
    if metric == "misses" and not any(letter in of for letter in "*?[") and of not in CAUSES:
        raise _unknown(name, f"misses {of}", CAUSES)
    if metric == "share_above" and not of.replace("_", "").isdigit():
        raise AgentcostError(f"{name}: share_above {of}: write a number of tokens, as share_above.128000 = 0.05")
    return of.replace("_", "") if metric == "share_above" else of


def _limits(name: str, level: Level, metric: str, of: str, value: object) -> Iterator[Limit]:
    """The bounds of one figure: a number alone is the most (of a hit rate the least)."""
    bounds = value if isinstance(value, dict) else {"max" if METRICS[metric].more_is_worse else "min": value}
    for bound, own in bounds.items():
        if bound not in BOUNDS:
            raise _unknown(name, f"{level}.{metric} {bound}", BOUNDS)
        yield Limit(level, metric, of, bound, amount(name, metric, bound, own))


def amount(name: str, metric: str, bound: str, value: object) -> Decimal:
    """A number of a budget: 12_000, 0.05, "5%", "2 GiB"."""
    text = str(value).replace("_", "").replace(",", "").strip()
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        if text.endswith("%"):
            share = Decimal(text[:-1])
            return share if bound == "percent" else share / 100
        found = re.fullmatch(r"([\d.]+)\s*([kKMG]i?B|B)", text)
        if found and METRICS[metric].unit == "bytes":
            return Decimal(found[1]) * _BYTES[found[2].upper()]
        number = Decimal(text.lstrip("$"))
    except InvalidOperation:
        raise AgentcostError(f"{name}: {metric} {bound} {value}: write a number") from None
    if not number.is_finite():
        raise AgentcostError(f"{name}: {metric} {bound} {value}: write a number")
    return number


_LIMIT = re.compile(r"(?:(warn|fail):)?\s*(\w+)(?:\[([^\]]*)\]|\.([^<>=+\s-][^<>=+]*?))?\s*(<=|>=|\+<=|-<=)\s*(.+)")


def read_limit(text: str) -> Limit:
    """A limit of the command line: `cost_per_session<=2.50`, `server_tokens[github]+<=5%`, `warn:hit_rate>=0.7`."""
    found = _LIMIT.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"--limit {text}: write it as METRIC<=VALUE, METRIC>=VALUE, METRIC[NAME]<=VALUE, METRIC+<=VALUE or "
            "METRIC+<=5%"
        )
    level, metric, bracketed, dotted, sign, value = found.groups()
    if metric not in METRICS:
        raise UsageError(str(_unknown(f"--limit {text}", f"limit {metric}", tuple(METRICS))))
    of = bracketed or dotted
    of = checked_of("--limit", metric, of.strip()) if of else usual_of("--limit", metric)
    bound = {"<=": "max", ">=": "min", "+<=": "increase", "-<=": "decrease"}[sign]
    if bound in ("increase", "decrease") and value.strip().endswith("%"):
        bound = "percent"
    return Limit("warn" if level == "warn" else "fail", metric, of, bound, amount("--limit", metric, bound, value))


def shown(value: Decimal, unit: str) -> str:
    """A figure in its unit: `12,480 tokens`, `$2.50`, `71.3%`, `1.20 GiB`."""
    if unit == "dollars":
        return finer_dollars(value)
    if unit == "share":
        return f"{_plain(value * 100, 1)}%"
    if unit == "percent":
        return f"{_plain(value, 1)}%"
    if unit == "points":
        return f"{_plain(value * 100, 1)} points"
    if unit == "bytes":
        for name, unit_size in (("GiB", 2**30), ("MiB", 2**20)):
            if abs(value) >= unit_size:
                return f"{value / unit_size:,.2f} {name}"
        return f"{value:,.0f} B"
    return f"{value:,.0f}" + (" tokens" if unit == "tokens" else "")


def _plain(value: Decimal, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removesuffix("." + "0" * digits)
