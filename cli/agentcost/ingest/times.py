"""Points in time as logs write them: ISO 8601 with any fraction, epoch seconds, milliseconds, micro- or nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(value: object) -> tuple[float | None, bool]:
    """(seconds since the epoch or None, whether no zone was given and UTC is assumed)."""
    if isinstance(value, bool) or value is None:
        return None, False
    if isinstance(value, int | float):
        return _from_epoch(value), False
    text = str(value).strip()
    if text.replace(".", "", 1).isdecimal():
        return _from_epoch(float(text)), False
    try:
        found = datetime.fromisoformat(text)  # of a fraction it takes six digits
    except ValueError:
        return None, False
    naive = found.tzinfo is None
    seconds = (found.replace(tzinfo=UTC) if naive else found).timestamp()
    return (seconds, naive) if seconds > 0 else (None, False)  # Go writes year 1 for no time


def _from_epoch(value: int | float) -> float | None:
    """Seconds from an epoch count in s, ms, µs or ns, told by its size."""
    for limit, divisor in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)):
        if abs(value) < limit:
            return value / divisor
    return value / 1e9 if value < 1e20 else None
