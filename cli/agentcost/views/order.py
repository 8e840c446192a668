"""The order of a report's rows: by the column that was asked for, under its name in the table or in the report."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from agentcost.errors import UsageError
from agentcost.results import KIND_COLUMNS

if TYPE_CHECKING:
    from polars import DataFrame

MOST = 16
"""Columns that an error names."""

_SUMS = ("requests", "read", "write", "plain", "output")
_MONEY = ("cost", "cost_saved", "cost_lost")

TITLES: dict[str, dict[str, str]] = {
    "caches": {"cost": "relative_cost", "hit rate": "hit_rate", "what it is": "title"},
    "groups": {"input": "prompt", "largest": "largest_prompt", "lost": "cost_lost", "unpriced": "unpriced_requests"},
    "sessions": {
        "input": "prompt", "before user": "fixed_prefix", "first": "first_prompt", "largest": "largest_prompt",
        "last": "last_prompt", "lost": "cost_lost", "unpriced": "unpriced_requests",
    },
    "tools": {
        "schema": "schema_tokens", "sent": "schema_carried", "call tokens": "call_carried",
        "results": "result_carried", "all": "all", "schema $": "schema_cost", "calls $": "call_cost",
        "results $": "result_cost", "breaks $": "break_cost", "per call": "cost_per_call",
    },
    "turns": {"time": "started", "gap": "gap_s"},
}  # fmt: skip
"""Columns that a report shows under a shorter title than the table's."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "caches": ("policy", "title", "requests", "read", "write", "plain", "hit_rate", "relative_cost", "basis"),
    "groups": (*_SUMS, *_MONEY, "prompt", "sessions", "largest_prompt", "unpriced_requests"),
    "sessions": (
        *_SUMS, *_MONEY, "unpriced_requests", "session", "project", "models", "lineages", "started", "ended", "prompt",
        "first_prompt", "largest_prompt", "last_prompt", "fixed_prefix",
    ),
    "tools": (
        "tool", "server", "kind", "schema_tokens", "requests", "schema_carried", "calls", "call_carried",
        "result_carried", "cost", "schema_cost", "call_cost", "result_cost", "break_cost", "breaks", "cost_per_call",
    ),
    "turns": (
        "started", "ended", "gap_s", "session", "lineage", "turn", "role", "user", "project", "client", "task",
        "provider", "model", "tier", "prompt", "new", "read", "write", "write_5m", "write_1h", "plain", "output",
        "reasoning", "simulated_read", "simulated_write", "simulated_plain", "readable", "cause", "lost", *_MONEY,
        "cost_read", "cost_write", "cost_plain", "cost_output", "cost_beside", "billing", "plan",
        *KIND_COLUMNS.values(),
    ),
}  # fmt: skip
"""What rows can be sorted by, beside the keys of --by and the labels."""


REPORTS = {"cache": "caches", "tools": "tools", "turns": "turns"}
"""Reports that sort the rows of one table, and that table."""


def checked_sort(sort: str, report: str, by: str = "", full: bool = False) -> str:
    """The column to sort a report by. UsageError names the nearest one, or says that nothing is there to sort."""
    if not sort or report not in ("analyze", *REPORTS):
        return sort
    keys = [key.strip() for key in by.split(",") if key.strip()]
    tables = [REPORTS[report]] if report != "analyze" else ["groups"] * bool(keys) + ["sessions"] * full
    if not tables:
        raise UsageError(f"--sort {sort}: it sorts the groups of --by KEYS or the sessions of --full; add one of them")
    titles = {title: column for table in tables for title, column in TITLES[table].items()}
    known = list(dict.fromkeys((*titles, *keys, *(column for table in tables for column in COLUMNS[table]))))
    if sort in known:
        return titles.get(sort, sort)
    near = get_close_matches(sort.lower(), known, n=1)
    some = ", ".join(known[:MOST]) + " and more" * (len(known) > MOST)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {some}"
    raise UsageError(f"--sort {sort}: no such column; {hint}")


def ordered(frame: DataFrame, sort: str, *ties: str) -> DataFrame:
    """The rows by a column: numbers from the largest, text from A, what is unknown last, `ties` in their order.

    The frame as it is where it has no such column: `sort` may be meant for another table of the report.
    """
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    column = sort if sort in frame.columns else f"label_{sort}"
    if column not in frame.columns:
        return frame
    others = [name for name in ties if name != column]
    down = [frame.schema[column] != pl.String, *([False] * len(others))]
    return frame.sort(column, *others, descending=down, nulls_last=True, maintain_order=True)
