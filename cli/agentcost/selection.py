"""Which requests a report is about: dates, zones and globs, given as words and kept as words.

A selection is applied after everything is measured and simulated: what lies outside still happened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agentcost.errors import UsageError

if TYPE_CHECKING:
    from polars import DataFrame, Expr

KEYS = (
    "session", "project", "user", "client", "provider", "model", "tier", "lineage", "task", "role", "format", "day",
    "week", "month",
)  # fmt: skip
"""What requests can be selected and grouped by, beside `label_<name>`."""

_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_BACK = re.compile(r"(\d+)([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Selection(msgspec.Struct, frozen=True):
    """`since` and `until` as the user wrote them, the zone days are told in, and (key, glob) pairs."""

    since: str = ""
    until: str = ""
    zone: str = "UTC"
    where: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The selection for a report's header."""
        dates = [f"since {self.since}"] * bool(self.since) + [f"until {self.until}"] * bool(self.until)
        return (*dates, *(f"{key}={glob}" for key, glob in self.where))


def parse_where(arguments: Sequence[str], labels: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """`key=glob` arguments. UsageError names the nearest key for one that is unknown."""
    pairs = []
    for argument in arguments:
        key, divider, glob = argument.partition("=")
        if not divider:
            raise UsageError(f"--where {argument}: write it as key=glob, for example --where 'model=claude-*'")
        pairs.append((checked_key(key, labels), glob))
    return tuple(pairs)


def checked_key(key: str, labels: Sequence[str] = ()) -> str:
    """The column of a key. UsageError where there is no such key."""
    if key in labels:
        return f"label_{key}"
    if key not in KEYS:
        known = [*KEYS, *labels]
        near = get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known keys: " + ", ".join(known)
        raise UsageError(f"there is no key {key!r}: {hint}")
    return key


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name. UsageError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"--tz {name}: no such time zone; write it like Europe/Berlin or UTC") from error


def moment_of(text: str, zone: ZoneInfo, last: float | None, end: bool) -> float:
    """Seconds since the epoch of a date, a time, or `7d` back from the log's last request.

    A day means its start, or its end where `end` is set: days are inclusive.
    """
    back, day = _BACK.fullmatch(text), _DAY.fullmatch(text)
    if back and last is None:
        raise UsageError(f"{text}: no request of the log has a time to count back from")
    try:
        if back and last is not None:
            return last - timedelta(**{_UNITS[back[2]]: int(back[1])}).total_seconds()
        if day:
            start = datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=zone)
            return (start + timedelta(days=1)).timestamp() - 1e-6 if end else start.timestamp()
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text}: write a date as 2026-01-31 or 20260131, a time as ISO 8601, or 7d") from error
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


def calendar(requests: DataFrame, zone: str) -> DataFrame:
    """The requests with their day, ISO week and month in a zone; null where they have no time, or only a log's own.

    UsageError where there is no such zone.
    """
    import polars as pl  # noqa: PLC0415

    local = pl.from_epoch((pl.col("started") * 1e6).cast(pl.Int64), time_unit="us").dt.replace_time_zone("UTC")
    local = pl.when(~pl.col("relative_clock")).then(local.dt.convert_time_zone(zone_of(zone).key))
    return requests.with_columns(
        day=local.dt.strftime("%Y-%m-%d"), week=local.dt.strftime("%G-W%V"), month=local.dt.strftime("%Y-%m")
    )


def select(requests: DataFrame, selection: Selection) -> DataFrame:
    """The rows that pass. Requests without a time pass no date."""
    import polars as pl  # noqa: PLC0415

    tests = list(_dates(requests, selection))
    for key, glob in selection.where:
        wanted = f"{glob}*" if key == "session" and not {"*", "?"} & set(glob) else glob  # reports print short ids
        tests.append(pl.col(key).cast(pl.String).fill_null("").str.contains(_pattern(wanted)))
    return requests.filter(*tests) if tests else requests


def _dates(requests: DataFrame, selection: Selection) -> Iterator[Expr]:
    """The tests of dates. Times that count from a log's own start pass none, unless there are no others: then the
    last of them is what `1h` counts back from."""
    import polars as pl  # noqa: PLC0415

    zone, relative = zone_of(selection.zone), requests["relative_clock"]
    days = requests.filter(~relative)["started"]
    own = bool(relative.any()) and not days.count()
    last = requests["started"].max() if own else days.max()
    latest = float(last) if isinstance(last, int | float) else None
    for text, end in ((selection.since, False), (selection.until, True)):
        if own and text and not _BACK.fullmatch(text):
            raise UsageError(f"{text}: this log has no days, its times count from its own start; write 1h or 7d")
        if text:
            moment = moment_of(text, zone, latest, end)
            started = pl.col("started")
            yield (started <= moment if end else started >= moment) & (pl.lit(own) | ~pl.col("relative_clock"))


_OFFERED = 5


def offered(every: DataFrame, selection: Selection) -> tuple[str, ...]:
    """What there is to select for each key and date that was asked for: `model is claude-opus-4-6 or gpt-4o`."""
    import polars as pl  # noqa: PLC0415

    found = []
    for key in dict.fromkeys(key for key, _ in selection.where):
        counts = (
            every.group_by(pl.col(key).cast(pl.String).fill_null("")).len().sort("len", key, descending=[True, False])
        )
        names = [name or "(empty)" for name in counts[key].to_list()]
        more = [f"one of {len(names) - _OFFERED} more"] if len(names) > _OFFERED else []
        *some, last = [*names[:_OFFERED], *more] or [""]
        found.append(f"{key.removeprefix('label_')} is {', '.join(some)}{' or ' * bool(some)}{last}")
    days = every["day"].drop_nulls().sort().to_list()
    if (selection.since or selection.until) and days:
        found.append(f"days are {days[0]} to {days[-1]}")
    return tuple(found)


def _pattern(glob: str) -> str:
    """A glob of * and ? as a pattern over the whole value."""
    wild = {"*": ".*", "?": "."}
    return "(?s)^" + "".join(wild.get(letter) or re.escape(letter) for letter in glob) + "$"
