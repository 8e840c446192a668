"""The user's price file: negotiated prices, plans, and who is billed how. Errors name the line and the key.

[[prices]]                          # of several that fit, the last one in the file holds
provider = "anthropic"
model = "claude-opus-*"             # a glob on the name, as logged or without its route
from = 2026-09-01
factor = 0.85                       # of the list price; or numbers: input, read, output, write, write_1h…

[[plans]]
name = "team"
seat = 30                           # dollars a month; also included, credit, pooled, overage

[[billing]]                         # of several that fit, the first one holds
client = "claude-code"              # globs on user, client, project, session, provider, model
as = "seat"                         # api, seat or credits
plan = "team"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Literal, TypeVar, get_args

import msgspec
from msgspec.structs import replace

from agentcost.errors import AgentcostError
from agentcost.names import bare_name
from agentcost.pricing.overlay import Numbers, Over, begun, given, steps_of
from agentcost.pricing.plans import Plan
from agentcost.pricing.rates import Price, Rates
from agentcost.pricing.terms import LISTED_AS, Terms

Billing = Literal["api", "seat", "credits"]
"""How usage is paid: by the token, by the seat, or in credits of a plan."""

WRITES = ("write", "write_1h", "write_12h")


class Negotiated(msgspec.Struct, frozen=True):
    """A price that was agreed on for some models: `numbers` (with their steps), or a `factor` of the list price."""

    provider: str
    model: str
    source: str
    begins: date | None = None
    until: date | None = None
    factor: Decimal | None = None
    numbers: Numbers | None = None
    over: tuple[Over, ...] = ()

    def fits(self, terms: Terms, moment: datetime) -> bool:
        """Whether it holds for these terms at a moment."""
        own = LISTED_AS.get(self.provider.lower(), self.provider.lower())
        names = (terms.model, terms.model.lower(), bare_name(terms.model))
        return (
            (not own or own == terms.host)
            and any(fnmatchcase(name, self.model) for name in names)
            and begun(self.begins, moment)
            and (self.until is None or not begun(self.until, moment))
        )

    def price(self, listed: Price | None) -> Price | None:
        """The price; None where a factor has no list price to be of.

        What is written costs as many times the input as in the list, where the file does not say.
        """
        if self.numbers is None:
            if listed is None:
                return None
            factor = self.factor or Decimal(0)
            scaled = listed.changed(lambda rates: rates.times(factor))
            return replace(scaled, source=f"{self.source}: × {factor} of {listed.source}")
        told = {name for name, value in given(self.numbers).items() if value is not None}
        rates = listed.steps[0].rates if listed else None
        beside = (rates.search, rates.file_search) if rates else (Decimal(0), Decimal(0))
        steps = steps_of(self.numbers, self.over, *beside)
        own = Price(
            self.provider, self.model, steps, self.source, filled=tuple(name for name in WRITES if name not in told)
        )
        if listed is None:
            return own
        return own.changed(lambda rates: _with_writes(rates, listed.steps[0].rates, told))


def _with_writes(rates: Rates, listed: Rates, told: set[str]) -> Rates:
    if not listed.plain:
        return rates
    missing = {name: rates.plain * getattr(listed, name) / listed.plain for name in WRITES if name not in told}
    return replace(rates, **missing)


class Payer(msgspec.Struct, frozen=True):
    """Who is billed how: globs by field of a request, and the plan where there is one."""

    globs: tuple[tuple[str, str], ...]
    billing: Billing
    plan: str = ""

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Whether a request with these fields is billed so."""
        return all(fnmatchcase(fields.get(name, ""), glob) for name, glob in self.globs)


class Book(msgspec.Struct, frozen=True):
    """What a price file says."""

    name: str = ""
    prices: tuple[Negotiated, ...] = ()
    plans: tuple[Plan, ...] = ()
    billing: tuple[Payer, ...] = ()

    def entry_of(self, terms: Terms, moment: datetime) -> Negotiated | None:
        """The negotiated price that holds."""
        return next((one for one in reversed(self.prices) if one.fits(terms, moment)), None)

    def payer_of(self, fields: Mapping[str, str]) -> Payer | None:
        """How a request is billed; None where the file does not say."""
        return next((one for one in self.billing if one.fits(fields)), None)


# --- reading -------------------------------------------------------------------------------------------------------

_MOVED = {"from": "begins", "as": "billing"}
_FIELDS = ("user", "client", "project", "session", "provider", "model")
_KEYS = {
    "prices": {"provider", "model", "from", "until", "factor", "over", "input", "output", "read", "reasoning", *WRITES},
    "plans": {
        "name",
        "title",
        "seat",
        "included",
        "credit",
        "credits",
        "pooled",
        "overage",
        "from",
        "until",
        "provider",
    },
    "billing": {*_FIELDS, "as", "plan"},
}
_NUMBERS = frozenset({"input", "output", "read", "reasoning", *WRITES})

Table = dict[str, object]
T = TypeVar("T")


class _Reading(msgspec.Struct, frozen=True):
    """A price file being read: where its tables and keys stand."""

    name: str
    text: str

    def fault(self, what: str, table: str = "", number: int = 0, key: str = "") -> AgentcostError:
        """The error about a key of the number-th table of that name."""
        line = line_of(self.text, table, number, key)
        return AgentcostError(f"--price-file {self.name}:{line}: {f'{key}: ' if key else ''}{what}")


def read_price_file(text: str, name: str) -> Book:
    """What the file says. AgentcostError, with line and key, where it is not as it should be."""
    reading = _Reading(name, text)
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        place = f":{found[1]}" if found else ""
        raise AgentcostError(f"--price-file {name}{place}: this is no TOML: {error}") from error
    for key in raw:
        if key not in _KEYS:
            raise reading.fault(f"unknown table; there are {', '.join(_KEYS)}", key, 0, "")
    tables = {table: _tables(reading, raw, table) for table in _KEYS}
    plans = tuple(_plan(reading, number, one) for number, one in enumerate(tables["plans"]))
    book = Book(
        name,
        tuple(_negotiated(reading, number, one) for number, one in enumerate(tables["prices"])),
        plans,
        tuple(_payer(reading, number, one) for number, one in enumerate(tables["billing"])),
    )
    _check_plans(reading, book)
    return book


def _tables(reading: _Reading, raw: Mapping[str, object], table: str) -> list[Table]:
    """The tables of that name, with known keys only."""
    found = raw.get(table, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise reading.fault(f"write every entry as [[{table}]]", table)
    for number, one in enumerate(found):
        for key in one:
            if key not in _KEYS[table]:
                raise reading.fault(f"no such key; there are {', '.join(sorted(_KEYS[table]))}", table, number, key)
    return found


def _negotiated(reading: _Reading, number: int, table: Table) -> Negotiated:
    given_numbers = {key: value for key, value in table.items() if key in _NUMBERS}
    if ("factor" in table) == bool(given_numbers):
        raise reading.fault("a price is either a factor of the list price or input, read and output", "prices", number)
    if "model" not in table:
        raise reading.fault("absent; name the models, * for all", "prices", number, "model")
    for key in ("input", "read", "output") if given_numbers else ():
        if key not in table:
            raise reading.fault("absent, and what is absent is not free", "prices", number, key)
    if "over" in table and not given_numbers:
        raise reading.fault("steps need prices, not a factor", "prices", number, "over")
    rest = {key: value for key, value in table.items() if key not in _NUMBERS}
    line = line_of(reading.text, "prices", number, "")
    whole = {
        "provider": "", **_renamed(rest), "source": f"{reading.name}:{line}",
        **({"numbers": given_numbers} if given_numbers else {}),
    }  # fmt: skip
    found = _converted(reading, "prices", number, whole, Negotiated)
    if found.factor is not None and not (found.factor.is_finite() and found.factor >= 0):
        raise reading.fault(f"must not be negative: {found.factor}", "prices", number, "factor")
    if found.begins and found.until and found.until <= found.begins:
        raise reading.fault(f"not after from, {found.begins}: it would never hold", "prices", number, "until")
    return found


def _plan(reading: _Reading, number: int, table: Table) -> Plan:
    for key in ("name", "seat"):
        if key not in table:
            raise reading.fault("absent", "plans", number, key)
    line = line_of(reading.text, "plans", number, "")
    whole = {"title": table["name"], **_renamed(table), "source": f"{reading.name}:{line}", "mark": "V"}
    credits_, credit = whole.pop("credits", None), whole.get("credit")
    if credits_ is not None:
        if "included" in whole or not isinstance(credit, int | Decimal) or not isinstance(credits_, int | Decimal):
            raise reading.fault("credits need credit (its dollars), and no included", "plans", number, "credits")
        whole["included"] = Decimal(credits_) * Decimal(credit)
    return _converted(reading, "plans", number, whole, Plan)


def _payer(reading: _Reading, number: int, table: Table) -> Payer:
    if "as" not in table:
        raise reading.fault("absent; api, seat or credits", "billing", number, "as")
    if table["as"] not in get_args(Billing):
        raise reading.fault(f"no such way: {table['as']}; write api, seat or credits", "billing", number, "as")
    globs = [(key, value) for key, value in table.items() if key in _FIELDS]
    for key, value in globs:
        if not isinstance(value, str):
            raise reading.fault("write a glob in quotes", "billing", number, key)
    whole = {"globs": globs, "billing": table["as"], "plan": table.get("plan", "")}
    return _converted(reading, "billing", number, whole, Payer)


def _check_plans(reading: _Reading, book: Book) -> None:
    """Every payer's plan is one that is known, and those of seats and credits have one."""
    from agentcost.pricing.overlay import price_list  # noqa: PLC0415 — only where there is a price file

    known = {plan.name for plan in (*price_list().plans, *book.plans)}
    for number, payer in enumerate(book.billing):
        if payer.plan and payer.plan not in known:
            raise reading.fault(f"no such plan; there are {', '.join(sorted(known))}", "billing", number, "plan")
        if payer.billing == "credits" and not payer.plan:
            raise reading.fault("absent; credits are those of a plan", "billing", number, "plan")


def _renamed(table: Table) -> Table:
    return {_MOVED.get(key, key): value for key, value in table.items()}


def _converted(reading: _Reading, table: str, number: int, value: Table, kind: type[T]) -> T:
    """The table as a value of ours; what does not fit is told by its key."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        keys = re.findall(r"\.(\w+)", path) + re.findall(r"^(\w+) must", what)
        back = {new: old for old, new in _MOVED.items()}
        key = "over" if "over" in keys else next((key for key in reversed(keys) if key not in ("numbers", "globs")), "")
        what = what.removeprefix(f"{key} ")
        raise reading.fault(what[:1].lower() + what[1:], table, number, back.get(key, key)) from error


def line_of(text: str, table: str, number: int, key: str) -> int:
    """The line, from 1, of a key of the number-th table of that name; the table's own where the key is absent."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(rf"\s*\[\[?\s*{re.escape(table)}\s*\]?\]", line)]
    if number >= len(heads):
        return next((at + 1 for at, line in enumerate(lines) if table and line.lstrip().startswith(table)), 1)
    start = heads[number]
    return _key_line(lines, start, key) + 1


def _key_line(lines: Sequence[str], start: int, key: str) -> int:
    for at in range(start + 1, len(lines)):
        if re.match(r"\s*\[", lines[at]):
            break
        if key and re.search(rf"(?:^|[{{,\s])[\"']?{re.escape(key)}[\"']?\s*=", lines[at]):
            return at
    return start
