"""The table of --by: a row per combination of keys, and one for all that did not fit."""

from __future__ import annotations

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, exact, percent, tokens
from agentcost.views.figures import total
from agentcost.views.layout import NAME, Column, Table
from agentcost.views.order import ordered

SUMS = ("requests", "prompt", "read", "write", "plain", "output")


def groups(analysis: Analysis, width: int) -> RenderableType:
    """A row per group in the order of `scope.sort`, `scope.top` of them, the rest in one row."""
    scope, frame = analysis.scope, analysis.tables["groups"]
    keys = frame.columns[: len(scope.by)]
    frame = ordered(frame, scope.sort, *keys)
    shown, rest = frame.head(scope.top), frame.slice(scope.top)
    whole = total(frame)
    cells = {name: shown[name].to_list() for name in (*SUMS, "sessions", "largest_prompt")}
    named = {key: [UNKNOWN if value in (None, "") else str(value) for value in shown[key].to_list()] for key in keys}
    if len(rest):
        for name in SUMS:
            known = len(rest) > rest[name].null_count()
            cells[name].append(total(rest, name) if known else None)
        cells["sessions"].append(None)
        cells["largest_prompt"].append(rest["largest_prompt"].max())
        for number, key in enumerate(keys):
            named[key].append(f"other ({len(rest)})" if number == 0 else "")
    sessions = [exact(count) if count is not None else "" for count in cells["sessions"]]
    return Table(
        (
            *(Column(key.removeprefix("label_"), named[key], name=NAME) for key in keys),
            Column("requests", [exact(count) for count in cells["requests"]]),
            Column("sessions", sessions, 3),
            Column("input", [tokens(count) for count in cells["prompt"]]),
            Column("of input", [percent(count, whole) for count in cells["prompt"]]),
            Column("read", [_share(*pair) for pair in zip(cells["read"], cells["prompt"], strict=True)], 2),
            Column("output", [tokens(count) for count in cells["output"]], 1),
            Column("largest", [tokens(count) for count in cells["largest_prompt"]], 4),
        ),
        width,
    )


def _share(read: int | None, prompt: int) -> str:
    return UNKNOWN if read is None else percent(read, prompt)
