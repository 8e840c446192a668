"""What would help: the same requests sent otherwise, replayed, and what each way would save."""

from __future__ import annotations

import polars as pl

SCHEMA = {
    "what_if": pl.String, "how": pl.String, "changes_behaviour": pl.Boolean, "saved": pl.Int64, "share": pl.Float64,
    "read": pl.Int64, "write": pl.Int64, "plain": pl.Int64, "requests": pl.Int64, "pings": pl.Int64,
    "together": pl.Int64, "unpriced_requests": pl.Int64,
}  # fmt: skip
"""The columns of the table; see `schema`."""


TIME, PINGS = LIVES = ("time to live", "cache kept alive")
"""Ways that let a cache live longer, of which one at most has a row of its own."""


def no_what_ifs() -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame([], schema=SCHEMA, orient="row")
