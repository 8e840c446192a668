"""Which column of a table holds what: known layouts, usual names, and what the user said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentcost.errors import AgentcostError, UsageError

OURS = (
    "time", "input", "plain", "cached", "written", "output", "reasoning", "model", "session", "user", "project",
    "client", "provider", "cost", "id",
)  # fmt: skip
"""What a column can hold, in the order a user would ask for it."""

LAYOUTS: tuple[Mapping[str, str], ...] = (
    {"input": "ContextTokens", "output": "GeneratedTokens"},  # Azure LLM inference traces
    # Anthropic's names: input leaves cached tokens out
    {"plain": "input_tokens", "cached": "cache_read_input_tokens", "output": "output_tokens"},
    {"input": "prompt_tokens", "output": "completion_tokens"},  # OpenAI's names: cached tokens are inside
    {"input": "input_tokens", "output": "output_tokens"},
)
"""Columns that make a table ours without being told; the first layout whose columns are all there."""

USUAL: Mapping[str, tuple[str, ...]] = {
    "time": ("timestamp", "created_at", "time"),
    "cached": ("cached_tokens", "cache_read_tokens"),
    "written": ("cache_write_tokens", "cache_creation_input_tokens"),
    "reasoning": ("reasoning_tokens",),
    "model": ("model",),
    "session": ("session_id",),
}
"""Columns used where they are there and the user named no other."""


def columns_of(named: Mapping[str, str], present: Sequence[str], table: str) -> dict[str, str]:
    """The table's column for each of our names. Raises with the columns there are when one is missing."""
    _check_names(named)
    spelled = {column.lower(): column for column in reversed(present)}
    missing = [column for column in named.values() if column and column.lower() not in spelled]
    if missing:
        raise AgentcostError(f"{table} has no column {', '.join(missing)}. It has: {_listed(present)}")
    usual = {ours: next((spelled[name] for name in names if name in spelled), "") for ours, names in USUAL.items()}
    found = usual | layout(present)
    if named.keys() & {"input", "plain"}:
        found = {ours: column for ours, column in found.items() if ours not in ("input", "plain")}
    found |= {ours: column if column in present else spelled.get(column.lower(), "") for ours, column in named.items()}
    found = {ours: column for ours, column in found.items() if column}
    if not found.keys() & {"input", "plain"}:
        raise AgentcostError(
            f"{table}: which column holds the input tokens? Say --columns input=COLUMN. It has: {_listed(present)}"
        )
    return found


def _check_names(named: Mapping[str, str]) -> None:
    unknown = [name for name in named if name not in OURS]
    if unknown:
        raise UsageError(f"--columns knows no {', '.join(unknown)}; it knows {', '.join(OURS)}")
    if named.get("input") and named.get("plain"):
        raise UsageError("--columns: name input (cached tokens included) or plain (without them), not both")


def layout(present: Sequence[str]) -> dict[str, str]:
    """The first known layout that the table has all columns of, in the table's spelling."""
    spelled = {column.lower(): column for column in reversed(present)}
    for known in LAYOUTS:
        if all(column.lower() in spelled for column in known.values()):
            return {ours: spelled[column.lower()] for ours, column in known.items()}
    return {}


def _listed(present: Sequence[str]) -> str:
    shown = ", ".join(present[:40])
    return f"{shown} and {len(present) - 40} more" if len(present) > 40 else shown
