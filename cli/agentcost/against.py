"""What logs hold beside what was billed for the same days, by day, user and model.

Rows of a usage export are sums (see ingest/bills.py); the requests of the logs are summed alike. A day is of UTC, as
bills have it, and a model's name is compared without its date, so that `claude-sonnet-4-5-20250929` is GitHub's
`claude-sonnet-4.5`. Where logs and bill do not name users alike, users are left out of the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from agentcost.errors import AgentcostError, UsageError
from agentcost.ingest import bills
from agentcost.ingest.bills import BilledSum
from agentcost.ingest.inputs import find_sources
from agentcost.loading.logs import UNKNOWN_FORMAT, take
from agentcost.model import Other
from agentcost.names import bare_name
from agentcost.record import Log, Record
from agentcost.selection import Selection, calendar, moment_of, zone_of

if TYPE_CHECKING:
    import polars as pl

TOKENS = ("prompt", "read", "write", "plain", "output")

PROVIDERS: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic",),
    "claude-code": ("anthropic",),
    "openai": ("openai",),
}
"""Whose requests a bill can hold; one that is not listed resells those of others."""

_DATE = re.compile(r"[-.@](?:\d{8}|\d{4}[-.]\d{2}[-.]\d{2})$")

Key = tuple[str, str, str]
"""Day, user, model."""


class Bills(msgspec.Struct, frozen=True):
    """The sums of all exports, and the account of their records."""

    sums: tuple[BilledSum, ...]
    record: Record


def read_bills(arguments: Sequence[str]) -> Bills:
    """The sums that the named exports hold. AgentcostError for a file that is none."""
    sums: list[BilledSum] = []
    record = Record()
    for member in find_sources(arguments).members:
        source = member.source
        if bills.sniff(source.peek()):
            record.logs.append(log := Log(source.name, bills.READER.name))
            for row in bills.rows(source):
                if isinstance(row, BilledSum):
                    sums.append(row)
                    take(record, log, Other(row.place, bills.NO_REQUEST))
                else:
                    take(record, log, row)
        elif member.named:
            raise AgentcostError(
                f"--against {source.name}: no usage export that agentcost knows; `agentcost formats bill` shows one, "
                "docs/formats.md lists them"
            )
        else:
            record.logs.append(Log(source.name, "", records=1, others={UNKNOWN_FORMAT: 1}))
    if not sums:
        raise AgentcostError(f"--against {' '.join(arguments)}: holds no billed sum; export the days of the logs")
    if {"anthropic", "claude-code"} <= {row.source for row in sums}:
        raise AgentcostError(
            "--against: Anthropic's usage report and its Claude Code analytics bill the same tokens; name one of them"
        )
    return Bills(tuple(sums), record)


def model_key(model: str) -> str:
    """A model's name as logs and bills are compared by it: without routes, capitals and date.

    >>> model_key("anthropic/claude-sonnet-4-5-20250929"), model_key("Claude Sonnet 4.5")
    ('claude-sonnet-4.5', 'claude-sonnet-4.5')
    """
    return _DATE.sub("", bare_name(model.strip().replace(" ", "-")))


def against(requests: pl.DataFrame, sums: Iterable[BilledSum], selection: Selection) -> pl.DataFrame:
    """A row per day, user and model of what is logged beside what is billed; `requests` are the selected ones."""
    import polars as pl  # noqa: PLC0415 — heavy

    chosen = _chosen(tuple(sums), selection)
    alike = _users_alike(requests["user"].to_list(), chosen)
    logged = _logged(calendar(requests, "UTC"), alike)
    billed = _billed(chosen, alike)
    days = _days(requests, [key[0] for key in logged], [key[0] for key in billed], selection)
    sources = {row.source for row in chosen}
    rows = [
        {
            "day": key[0] or None, "user": key[1] if alike else None, "model": key[2],
            "status": _status(key, logged.get(key), billed.get(key), days, sources),
            **_side("logged", logged.get(key)), **_side("billed", billed.get(key)),
        }
        for key in sorted(logged.keys() | billed.keys())
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_schema(), orient="row")


def _schema() -> dict[str, Any]:
    import polars as pl  # noqa: PLC0415 — heavy

    money = pl.Decimal(38, 12)
    counted = {f"{side}_{name}": pl.Int64() for name in ("requests", *TOKENS) for side in ("logged", "billed")}
    return {
        "day": pl.String(), "user": pl.String(), "model": pl.String(), "status": pl.String(), "bill": pl.String(),
        **counted, "logged_estimated": pl.Int64(), "logged_lower_bounds": pl.Int64(), "logged_unpriced": pl.Int64(),
        "logged_cost": money, "billed_cost": money, "billed_gross": money, "billed_credits": money,
    }  # fmt: skip


_LOGGED_ONLY = ("estimated", "lower_bounds", "unpriced")
_BILLED_ONLY = ("gross", "credits")


def _side(name: str, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of one side; all unknown where it has nothing of the day, user and model."""
    own = _LOGGED_ONLY if name == "logged" else _BILLED_ONLY
    values = {f"{name}_{key}": (found or {}).get(key) for key in ("requests", *TOKENS, *own, "cost")}
    return values if name == "logged" else {"bill": (found or {}).get("bill"), **values}


def _logged(requests: pl.DataFrame, alike: bool) -> dict[Key, dict[str, Any]]:
    """The sums of the logs; a class that no request tells is unknown."""
    import polars as pl  # noqa: PLC0415 — heavy

    names = {model: model_key(model) for model in requests["model"].unique().to_list()}
    keyed = requests.with_columns(
        pl.col("day").fill_null(""),
        pl.col("model").replace_strict(names, return_dtype=pl.String),
        user=pl.col("user").str.to_lowercase() if alike else pl.lit(""),
    )
    known = {name: pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in (*TOKENS, "cost")}
    frame = keyed.group_by("day", "user", "model").agg(
        requests=pl.len(),
        estimated=(~pl.col("billed")).sum(),
        lower_bounds=pl.col("output_is_lower_bound").sum(),
        unpriced=pl.col("cost").null_count(),
        providers=pl.col("provider").unique().sort(),
        **known,
    )
    return {(row["day"], row["user"], row["model"]): row for row in frame.iter_rows(named=True)}


def _billed(sums: Iterable[BilledSum], alike: bool) -> dict[Key, dict[str, Any]]:
    """The sums of the bill; what no row of a key tells is unknown."""
    groups: dict[Key, list[BilledSum]] = {}
    for row in sums:
        groups.setdefault((row.day, row.user.lower() if alike else "", model_key(row.model)), []).append(row)
    return {key: _total(rows) for key, rows in groups.items()}


def _total(rows: Sequence[BilledSum]) -> dict[str, Any]:
    usages = [row.usage for row in rows if row.usage]
    return {
        "bill": ", ".join(sorted({row.source for row in rows})),
        "requests": _sum(row.requests for row in rows),
        "prompt": _sum(usage.prompt for usage in usages),
        "read": _sum(usage.read for usage in usages),
        "write": _sum(usage.writes for usage in usages),
        "plain": _sum(usage.plain for usage in usages),
        "output": _sum(usage.output for usage in usages),
        "cost": _amount(row.cost for row in rows),
        "gross": _amount(row.gross for row in rows),
        "credits": _amount(row.credits for row in rows),
    }


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _amount(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal()) if known else None


def _users_alike(logged: Sequence[str], sums: Iterable[BilledSum]) -> bool:
    """Whether every request names a user, and one of them is on the bill."""
    own, theirs = {user.lower() for user in logged}, {row.user.lower() for row in sums}
    return bool(own) and "" not in own | theirs and bool(own & theirs)


def _days(
    requests: pl.DataFrame, logged: Iterable[str], billed: Iterable[str], selection: Selection
) -> tuple[str, str]:
    """The first and the last day that both sides cover: the logs by the selection's dates, where it has some."""
    own, theirs = (sorted({day for day in days if day}) for days in (logged, billed))
    if not own and not selection.since:
        return "9999", ""
    zone, last = zone_of(selection.zone), requests["started"].max()
    latest = float(last) if isinstance(last, int | float) else None
    first = _utc_day(moment_of(selection.since, zone, latest, end=False)) if selection.since else own[0]
    final = _utc_day(moment_of(selection.until, zone, latest, end=True)) if selection.until else (own or [first])[-1]
    return max(first, theirs[0] if theirs else "9999"), min(final, theirs[-1] if theirs else "")


def _utc_day(moment: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _status(
    key: Key, logged: Mapping[str, Any] | None, billed: Mapping[str, Any] | None, days: tuple[str, str],
    sources: Iterable[str],
) -> str:  # fmt: skip
    """Whether a row is in both, or why it is not."""
    if not key[0]:
        return "no day"
    if not days[0] <= key[0] <= days[1]:
        return "outside"
    if logged and billed:
        return "both"
    if billed:
        return "only billed"
    sold = [PROVIDERS.get(source, ()) for source in sources]
    whose = {name for names in sold for name in names}
    mine = set(logged["providers"]) if logged else set()
    return "only logged" if not all(sold) or mine & whose else "other provider"


_COMPARABLE: dict[str, Callable[[BilledSum], tuple[str, ...]]] = {
    "user": lambda row: (row.user,),
    "model": lambda row: (row.model, bare_name(row.model), model_key(row.model)),
    "day": lambda row: (row.day,),
    "month": lambda row: (row.day[:7],),
}
"""What of a selection can be asked of a bill as well."""


def _chosen(sums: tuple[BilledSum, ...], selection: Selection) -> tuple[BilledSum, ...]:
    """The sums that the selection lets pass. UsageError for a key that no bill has."""
    for key, _ in selection.where:
        if key not in _COMPARABLE:
            raise UsageError(
                f"--where {key}=…: a bill has no {key}; with --against select by {', '.join(_COMPARABLE)}, or dates"
            )
    return tuple(
        row
        for row in sums
        if all(
            any(fnmatchcase(value, glob) for value in _COMPARABLE[key](row) for glob in (wanted, bare_name(wanted)))
            for key, wanted in selection.where
        )
    )


def with_bills(tables: Mapping[str, pl.DataFrame], found: Bills, selection: Selection) -> dict[str, pl.DataFrame]:
    """The table `against`, and the accounts of records with those of the exports."""
    from agentcost.tables import accounts  # noqa: PLC0415 — heavy

    added = accounts(found.record)
    return {
        "against": against(tables["requests"], found.sums, selection),
        **{name: tables[name].vstack(frame) for name, frame in added.items()},
    }
