"""What the commands on data files share: tables as JSON, and facts as lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from agentcost import __version__
from agentcost.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from polars import DataFrame
    from rich.console import RenderableType

CONFIDENCE = "SRC primary source, CALC recomputed, 2ND secondary source, UNV not verified"

Rows = Sequence[object]
"""Entries of one kind, a row each."""


def write_tables(kind: str, tables: Mapping[str, DataFrame | Rows]) -> None:
    """A document of tables on standard output: a row is an object, unknown is null."""
    rows = {name: table if isinstance(table, Sequence) else table.to_dicts() for name, table in tables.items()}
    document = {"kind": kind, "schema_version": SCHEMA_VERSION, "agentcost": __version__, "tables": rows}
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    sys.stdout.buffer.flush()


def facts(pairs: Iterable[tuple[str, str]], width: int) -> list[RenderableType]:
    """A line per fact that there is: its name, then its text wrapped behind it."""
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.views.layout import Paragraph  # noqa: PLC0415 — heavy

    return [Paragraph(Text(text), width, f"{name:<22}") for name, text in pairs if text]
