"""What several reports ask of an analysis: totals, shares, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcost.model import Kind
from agentcost.results import FIXED, KIND_COLUMNS, Analysis, without_sessions

if TYPE_CHECKING:
    from polars import DataFrame

LABELS: dict[str, str] = {column: kind.value for kind, column in KIND_COLUMNS.items()}
"""The words of a component's column: `mcp_tool_definitions` is `MCP tool definitions`."""

CARRIED = tuple(KIND_COLUMNS[kind] for kind in FIXED if kind is not Kind.OVERHEAD)
"""Of the fixed prefix what later requests carry as it is: the template's own tokens grow with the messages."""

TOOLS = (KIND_COLUMNS[Kind.TOOL], KIND_COLUMNS[Kind.MCP_TOOL])

HISTORY = tuple(
    KIND_COLUMNS[kind]
    for kind in (
        Kind.USER, Kind.ASSISTANT, Kind.THINKING, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.FILE, Kind.IMAGE,
        Kind.DOCUMENT, Kind.SUMMARY,
    )
)  # fmt: skip
"""What a session adds turn by turn."""

OPAQUE = (KIND_COLUMNS[Kind.BLOCK], KIND_COLUMNS[Kind.UNKNOWN])
"""Lengths without content."""


def total(frame: DataFrame, column: str = "prompt") -> int:
    """The sum of the known values of a column."""
    return int(frame[column].sum() or 0)


def component_tokens(analysis: Analysis) -> dict[str, int]:
    """Tokens of every component that has some, the largest first."""
    frame = analysis.tables["components"]
    return dict(zip(frame["component"].to_list(), frame["tokens"].to_list(), strict=True))


def opaque(analysis: Analysis) -> bool:
    """Whether the log holds lengths but no content: nothing is known about components."""
    parts = component_tokens(analysis)
    return bool(parts) and all(name in OPAQUE for name, tokens in parts.items() if tokens)


def sessionless(analysis: Analysis) -> bool:
    """Whether nothing tells which requests are of one session."""
    return without_sessions(analysis.tables["requests"])


def outweighed(analysis: Analysis) -> bool:
    """Whether the text of the log measures so much more than was billed that shares of the bill mean nothing."""
    return -10 * component_tokens(analysis).get(KIND_COLUMNS[Kind.UNEXPLAINED], 0) > total(analysis.tables["requests"])


def median(values: list[int]) -> int:
    """The ceil(n / 2)-th smallest, as in the tables; 0 of nothing."""
    return sorted(values)[(len(values) + 1) // 2 - 1] if values else 0
