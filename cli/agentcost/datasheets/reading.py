"""Turns the tables of a data file into typed entries, and refuses what no field takes or what has no source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

Toml = None | bool | int | float | str | list["Toml"] | dict[str, "Toml"]
Entry = TypeVar("Entry")

SOURCED = ("source", "checked", "confidence")


@cache
def data_file(name: str) -> Mapping[str, Toml]:
    """A file of `data/` as plain values."""
    return tomllib.loads(_text(name))


@cache
def _text(name: str) -> str:
    return (files("agentcost") / "data" / name).read_text(encoding="utf-8")


def entry_of(file: str, table: str, key: str, kind: type[Entry]) -> Entry | None:
    """The entry of that id or name, read without the others: most starts ask for one. None where there is none."""
    heading = f"\n[[{table}]]\n"
    for name in ("id", "name"):
        _, found, rest = _text(file).partition(f'{heading}{name} = "{key}"\n')
        if found:
            (row,) = tomllib.loads(found + rest.partition("\n[[")[0])[table]
            return _entry(row, table, kind)
    return None


def entries(tables: Mapping[str, Toml], name: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """The entries of an array of tables. ValueError names the entry that is not as it should be."""
    rows = tables.get(name, [])
    if not isinstance(rows, list):
        raise ValueError(f"{name}: not an array of tables")
    return tuple(_entry(row, name, kind) for row in rows)


def _entry(row: Toml, name: str, kind: type[Entry]) -> Entry:
    if not isinstance(row, dict):
        raise ValueError(f"{name}: not a table")
    which = f"{name} {row.get('id') or row.get('name') or row.get('arch')}"
    known = set(kind.__annotations__)
    unknown = sorted(set(row) - known)
    if unknown:
        raise ValueError(f"{which}: unknown {', '.join(unknown)}")
    lacking = [key for key in SOURCED if key in known and not row.get(key)]
    if lacking:
        raise ValueError(f"{which}: no {', '.join(lacking)}")
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{which}: {error}") from error
