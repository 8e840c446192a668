"""Numbers become text here, and nowhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

UNKNOWN = "?"
"""What stands where the log does not tell; an en dash stands where there is nothing to tell."""

NONE = "–"

RELATIVE = 366 * 86_400
"""Times in the first year of the epoch are no dates: the log counts from its own start."""


def tokens(count: int | None) -> str:
    """A token count for people: 950, 12.3k, 4.56M. Unknown is a question mark."""
    if count is None:
        return UNKNOWN
    for limit, divisor, suffix in ((10_000, 1, ""), (999_500, 1_000, "k"), (999_500_000, 10**6, "M")):
        if abs(count) < limit:
            return f"{count:,}" if divisor == 1 else three_digits(count / divisor) + suffix
    return three_digits(count / 10**9) + "G"


def exact(count: int | None) -> str:
    """Every digit of a count: 1,234,567. Unknown is a question mark."""
    return UNKNOWN if count is None else f"{count:,}"


def rounded(value: float | None) -> str:
    """A mean of counts as a whole number: 213. Unknown is a question mark; what is not zero never reads as 0."""
    if value is None:
        return UNKNOWN
    if value and abs(value) < 0.5:
        return "<1" if value > 0 else ">-1"
    return f"{round(value):,}"


def three_digits(value: float) -> str:
    """Three significant digits, without an exponent: 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    return f"{value:,.2f}" if size < 9.995 else f"{value:,.1f}" if size < 99.95 else f"{value:,.0f}"


class Currency(NamedTuple):
    """What dollars are shown in: `rate` units of `code` for a dollar, as the user gave it."""

    code: str = "USD"
    rate: Decimal = Decimal(1)

    @property
    def sign(self) -> str:
        """What a column of amounts is headed by: `$`, `EUR`."""
        return "$" if self.code == "USD" else self.code

    @property
    def name(self) -> str:
        """`dollars`, `EUR`."""
        return "dollars" if self.code == "USD" else self.code

    @property
    def words(self) -> str:
        """`EUR at 0.92 for a dollar`, to stand beside amounts; "" for dollars themselves."""
        return "" if self.code == "USD" else f"{self.code} at {self.rate:f} for a dollar"


_CURRENCY = ContextVar("currency", default=Currency())  # noqa: B039 — frozen


def currency() -> Currency:
    """What dollars are shown in here."""
    return _CURRENCY.get()


@contextmanager
def shown_in(other: Currency) -> Iterator[None]:
    """Dollars become text in another currency inside, as numbers round otherwise inside decimal.localcontext: the
    amounts themselves, and all data, stay in dollars."""
    token = _CURRENCY.set(other)
    try:
        yield
    finally:
        _CURRENCY.reset(token)


def dollars(amount: Decimal | None, digits: int | None = None) -> str:
    """`$1,234`, `$12.30`, `$0.0042`: two digits behind the point from a dollar on, below it two that count.

    In another currency, where the report is shown in one: `EUR 11.32`, `-EUR 0.0039`.
    """
    if amount is None:
        return UNKNOWN
    own = currency()
    sign = own.sign + " " * (own.code != "USD")
    size = abs(amount * own.rate)
    if digits is None:
        if not size:
            return f"{sign}0"
        digits = 0 if size >= 1000 else 2 if size >= Decimal("0.995") else max(2, 1 - size.adjusted())
    return f"{'-' if amount < 0 else ''}{sign}{size:,.{digits}f}"


def finer_dollars(amount: Decimal) -> str:
    """Dollars that are held against a limit: below a dollar three digits that count, `$0.0199`."""
    size = abs(amount * currency().rate)
    return dollars(amount, 2 if size >= 1 or not size else max(2, 2 - size.adjusted()))


def percent(part: float | None, whole: float = 1.0, digits: int = 1) -> str:
    """A share of a whole; never 0 % or 100 % unless that is exactly so."""
    if part is None:
        return UNKNOWN
    if whole == 0:
        return NONE
    share, least = 100 * part / whole, 10.0**-digits
    if 0 < abs(share) < least:
        return f"<{least:.{digits}f}%" if share > 0 else f">-{least:.{digits}f}%"
    if 100 - least < share < 100:
        return f">{100 - least:.{digits}f}%"
    return f"{share:.{digits}f}%" if part not in (0, whole) else f"{share:.0f}%"


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 request`, `2 requests`; `many` for a plural without s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def in_tokens(count: int | None) -> str:
    """A token count for people with its noun: `1 token`, `950 tokens`, `12.3k tokens`, `? tokens`."""
    return f"{tokens(count)} token{'s' if count != 1 else ''}"


def agreed(count: int, one: str, many: str) -> str:
    """The form of a verb that goes with a count: `1 tool was`, `2 tools were`."""
    return one if count == 1 else many


def memory(count: float) -> str:
    """Memory in GiB; from 1,024 of them on in TiB."""
    return gibibytes(round(count)) if count < 2**40 else f"{three_digits(count / 2**40)} TiB"


def duration(seconds: float | None) -> str:
    """A span of time in its two largest units: 0.4s, 42s, 5m 03s, 1h 20m, 2d 3h. Unknown is a question mark."""
    if seconds is None:
        return UNKNOWN
    sign, size = "-" if seconds < 0 else "", abs(seconds)
    if size < 9.95:
        return f"{sign}{size:.1f}s" if size % 1 else f"{sign}{size:.0f}s"
    whole = round(size)
    if whole < 60:
        return f"{sign}{whole}s"
    if whole < 3_600:
        return f"{sign}{whole // 60}m {whole % 60:02}s"
    if whole < 86_400:
        return f"{sign}{whole // 3_600}h {whole % 3_600 // 60:02}m"
    return f"{sign}{whole // 86_400}d {whole % 86_400 // 3_600}h"


def when(seconds: float | None, zone: str = "UTC", precise: bool = False) -> str:
    """A moment for people, in the zone: 2026-01-31 14:05, with seconds where `precise`.

    A log that counts from its own start gives `+1m 12s`. Unknown is a question mark.
    """
    if seconds is None:
        return UNKNOWN
    if abs(seconds) < RELATIVE:
        return f"+{seconds:,.1f}s" if precise else f"+{duration(seconds)}"
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    return moment.strftime("%Y-%m-%d %H:%M:%S" if precise else "%Y-%m-%d %H:%M")


def span(first: float, last: float, zone: str = "UTC") -> str:
    """From one moment to another; the day and the year are said once where they are the same."""
    start, end = when(first, zone), when(last, zone)
    if start == end:
        return f"{start} {zone}"
    shared = next((known for known in (11, 5) if start[:known] == end[:known]), 0)
    return f"{start} to {end[shared:]} {zone}"


def size(count: int) -> str:
    """Bytes: 950 B, 12.3 kB, 4.56 MB."""
    for limit, divisor, suffix in ((1_000, 1, "B"), (999_500, 1_000, "kB"), (999_500_000, 10**6, "MB")):
        if count < limit:
            return f"{count} B" if divisor == 1 else f"{three_digits(count / divisor)} {suffix}"
    return f"{three_digits(count / 10**9)} GB"


def gibibytes(count: int | None) -> str:
    """Memory in GiB: 12.0 GiB; the smallest in MiB. Unknown is a question mark."""
    if count is None:
        return UNKNOWN
    if abs(count) < 0.0995 * 2**30:
        return f"{three_digits(count / 2**20)} MiB" if count else "0 GiB"
    return f"{three_digits(count / 2**30)} GiB"


def flop(count: float | None) -> str:
    """Floating-point operations: 950 GF, 12.3 TF, 1.37 PF, 26.0 EF. Unknown is a question mark."""
    if count is None:
        return UNKNOWN
    for limit, divisor, suffix in ((9.995e11, 1e9, "GF"), (9.995e14, 1e12, "TF"), (9.995e17, 1e15, "PF")):
        if abs(count) < limit:
            return f"{three_digits(count / divisor)} {suffix}" if count else "0"
    return f"{three_digits(count / 1e18)} EF"


def rate(bytes_per_second: float | None) -> str:
    """A bandwidth: 50.0 GB/s. Unknown is a question mark."""
    return UNKNOWN if bytes_per_second is None else f"{three_digits(bytes_per_second / 1e9)} GB/s"


def elapsed(seconds: float | None) -> str:
    """A short time with three digits: 0.75ms, 33.6ms, 4.38s; from a minute on as durations are. Unknown is a question
    mark."""
    if seconds is None:
        return UNKNOWN
    if seconds >= 59.95:
        return duration(seconds)
    return f"{three_digits(seconds * 1e3)}ms" if seconds < 0.9995 else f"{three_digits(seconds)}s"


def printable(text: str) -> str:
    """Text of a log on one line: what would move the cursor, colour the terminal or hide becomes a blank."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)


def middle(text: str, width: int) -> str:
    """Shorten a long name in its middle, so that both ends stay readable."""
    if len(text) <= width:
        return text
    if width < 5:
        return text[:width]
    head = (width - 1) // 2
    return text[:head] + "…" + text[len(text) - (width - 1 - head) :]


def tail(text: str, width: int) -> str:
    """Shorten a path in front, at a folder where that fits: …/shop/run.jsonl:19, …un.jsonl:19."""
    if len(text) <= width:
        return text
    if width < 1:
        return ""
    kept = text[len(text) - width + 1 :]
    folder = kept.find("/")
    whole = text.rpartition("/")[2]
    return whole if folder < 0 and len(whole) <= width else "…" + kept[max(folder, 0) :]


def head(text: str, width: int) -> str:
    """Shorten a text at its end, so that it still begins as it does: The tests fai…"""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…" * (width > 0)
