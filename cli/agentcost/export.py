"""An analysis as data: JSON, JSON lines, CSV, Markdown, Parquet, Arrow; docs/json.md is the schema.

Equal analyses give equal bytes. What is unknown is null (an empty cell in CSV and Markdown), never NaN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from agentcost import __version__
from agentcost.errors import AgentcostError, UsageError
from agentcost.results import Analysis
from agentcost.schema import ADDED_TABLES, CAPACITY_TABLES, REPRICE_TABLES, SCHEMA_VERSION, TABLES
from agentcost.units import printable

if TYPE_CHECKING:
    from polars import DataFrame

_ACCOUNTS = ("rulers", "sources", "others", "skipped")

REPORTS: dict[str, tuple[str, ...]] = {
    "analyze": ("components", *(name for name in TABLES if name not in ("components", "requests")), "requests"),
    "tools": ("tools", "servers", "parts", *_ACCOUNTS),
    "cache": ("caches", "misses", "whatifs", "agreement", "requests", *_ACCOUNTS),
    "turns": ("requests", "hidden", *_ACCOUNTS),
    "kv": (
        "footprint",
        "room",
        "sharing",
        "concurrency",
        *CAPACITY_TABLES,
        "kv_formats",
        "served_models",
        "requests",
        *_ACCOUNTS,
    ),
    "reprice": ("repriced", "routes", "plans", "plan_month", "requests", *_ACCOUNTS),
    "show": ("path", "parting", "requests", *_ACCOUNTS),
}
"""The tables of each report; the first is what a format of one table carries when none is named."""

_ASKED = ("texts", "excerpts")
"""Tables that are there only where texts were asked for: every report carries them."""

MONEY = ("recorded_cost",)
"""Columns that hold dollars as text in the tables; they leave as Decimal, to 12 places."""


def table_names(analysis: Analysis, kind: str) -> tuple[str, ...]:
    """The tables of a report that the analysis has, the main one first; every one for a report without its own list."""
    listed = REPORTS.get(kind, REPORTS["analyze"])
    rest = analysis.tables if listed is REPORTS["analyze"] else _ASKED
    return tuple(dict.fromkeys(name for name in (*listed, *rest) if name in analysis.tables))


def describe_tables(analysis: Analysis, width: int = 1_000) -> str:
    """Per table its name, how many rows it has, what a row is; in so many columns."""
    names = table_names(analysis, "analyze")
    described = TABLES | ADDED_TABLES | CAPACITY_TABLES | REPRICE_TABLES
    counts = {name: f"{len(analysis.tables[name]):,}" for name in names}
    left, right = max(map(len, names), default=0), max(map(len, counts.values()), default=0)
    room, indent = max(width, left + right + 24), " " * (left + right + 4)
    rows = (
        wrap(described.get(name, ("a row", ""))[0], room, subsequent_indent=indent, break_on_hyphens=False,
             initial_indent=f"{name:<{left}}  {counts[name]:>{right}}  ")
        for name in names
    )  # fmt: skip
    return "".join(f"{line}\n" for row in rows for line in row)


def export(analysis: Analysis, kind: str, form: str, table: str | None = None) -> bytes:
    """The report in a format: `json` and `md` carry all its tables or the one named, the others carry one.

    Any table of the analysis can be named, whatever the report.
    """
    if form not in FORMATS:
        raise UsageError(f"--format {form}: no such format{_near(form, FORMATS)}; there are {', '.join(FORMATS)}")
    names = (_checked(analysis, table),) if table else table_names(analysis, kind)
    if form in _ONE:
        return _ONE[form](_ready(analysis.tables[_checked(analysis, names[0])]))
    frames = {name: _ready(analysis.tables[name]) for name in names}
    return (
        _json(analysis, kind, frames) if form == "json" else _markdown(kind, {} if table else totals(analysis), frames)
    )


def write(analysis: Analysis, output: str | Path, kind: str, table: str | None = None) -> None:
    """Write the report to a file by its suffix, or a CSV file per table into a folder (an existing one, or `name/`).

    A file is replaced as a whole or not at all.
    """
    path = Path(output)
    folder = path.is_dir() or str(output).endswith(("/", os.sep))
    if folder:
        names = (_checked(analysis, table),) if table else table_names(analysis, kind)
        filled = [name for name in names if analysis.tables[name].width]
        contents = {path / f"{name}.csv": export(analysis, kind, "csv", name) for name in filled}
    else:
        contents = {path: export(analysis, kind, _by_suffix(path), table)}
    try:
        if folder:
            path.mkdir(parents=True, exist_ok=True)
        for file, content in contents.items():
            _replace(file, content)
    except OSError as error:
        raise AgentcostError(f"-o {output}: cannot be written ({error.strerror}); name another place") from error


def _replace(path: Path, content: bytes) -> None:
    """Written beside its place and then moved, so that no reader sees half; a link stays and its target changes."""
    path = path.resolve()
    with TemporaryDirectory(prefix=".agentcost-", dir=path.parent) as folder:
        whole = Path(folder) / path.name
        whole.write_bytes(content)
        whole.replace(path)


def _by_suffix(path: Path) -> str:
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        what = f"{path.suffix} is no format{_near(form, FORMATS, '.')}" if form else "no suffix says the format"
        known = " ".join(f".{name}" for name in FORMATS)
        raise UsageError(f"-o {path}: {what}; there are {known}, and a folder is named with / at its end")
    return form


def _checked(analysis: Analysis, table: str) -> str:
    if table not in analysis.tables:
        names = table_names(analysis, "analyze")
        raise UsageError(f"--table {table}: no such table{_near(table, names)}; there are {', '.join(names)}")
    if not analysis.tables[table].width:
        raise UsageError(f"--table {table}: it has no columns here; groups needs --by KEYS")
    return table


def _near(word: str, known: tuple[str, ...], before: str = "") -> str:
    found = get_close_matches(word.lower(), known, n=1)
    return f", did you mean {before}{found[0]}?" if found else ""


def _ready(frame: DataFrame) -> DataFrame:
    """What every format gets: no NaN or infinity, and money as Decimal."""
    import polars as pl  # noqa: PLC0415 — heavy

    changes = [
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name, dtype in frame.schema.items()
        if dtype.is_float()
    ]
    changes += [
        pl.col(name).cast(pl.Decimal(38, 12), strict=False) for name in MONEY if frame.schema.get(name) == pl.String
    ]
    return frame.with_columns(changes)


def _json(analysis: Analysis, kind: str, frames: dict[str, DataFrame]) -> bytes:
    """A line per key of the document, and a line per row of its tables."""
    encode = msgspec.json.encode
    tables = (b"%b:[%b]" % (encode(name), _rows(frame)) for name, frame in frames.items())
    parts = {
        "kind": encode(kind),
        "schema_version": encode(SCHEMA_VERSION),
        "agentcost": encode(__version__),
        "scope": encode(asdict(analysis.scope)),
        "totals": encode({name: _cell(value) for name, value in totals(analysis).items()}),
        "rulers": encode([asdict(ruler) for ruler in analysis.rulers]),
        "tables": b"{\n%b\n}" % b",\n".join(tables),
    }
    return b"{\n%b\n}\n" % b",\n".join(b"%b:%b" % (encode(name), value) for name, value in parts.items())


def _rows(frame: DataFrame) -> bytes:
    lines = _json_lines(frame)
    return b"\n%b\n" % lines.removesuffix(b"\n").replace(b"\n", b",\n") if lines else b""


def _json_lines(frame: DataFrame) -> bytes:
    """An object a line. A struct type made for the columns is twice as fast here as dictionaries."""
    if frame.is_empty():
        return b""
    fields = [f"column_{number}" for number in range(frame.width)]
    row = msgspec.defstruct(
        "Row", [(name, object) for name in fields], rename=dict(zip(fields, frame.columns, strict=True)), gc=False
    )
    columns = [
        [_cell(value) for value in column] if column.dtype.is_decimal() else column.to_list() for column in frame
    ]
    return msgspec.json.Encoder().encode_lines(list(map(row, *columns)))


def _cell(value: object) -> object:
    """A Decimal as a JSON number, to its last digit; all else as it is."""
    return msgspec.Raw(_digits(value).encode()) if isinstance(value, Decimal) else value


def _digits(value: Decimal) -> str:
    """No exponent, no zeros at the end: 0.1, not 0.100000000000 or 1E-1."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def totals(analysis: Analysis) -> dict[str, int | float | str | Decimal | None]:
    """Sums over the selected requests, each beside how many requests it leaves out; null where none tells.

    The last four count records of the whole input.
    """
    requests, sources = _ready(analysis.tables["requests"]), analysis.tables["sources"]
    cached = requests.filter(requests["read"].is_not_null())
    read, within = _sum(cached, "read"), _sum(cached, "prompt")
    return {
        "requests": len(requests),
        "sessions": requests["session"].n_unique(),
        "input_tokens": _sum(requests, "prompt") or 0,
        "requests_not_billed": int((~requests["billed"]).sum()),
        "cache_read_tokens": read,
        "cache_write_tokens": _sum(cached, "write"),
        "plain_tokens": _sum(cached, "plain"),
        "requests_without_cache_counts": len(requests) - len(cached),
        "input_tokens_with_cache_counts": within or 0,
        "hit_rate": read / within if read is not None and within else None,
        "hit_rate_denominator": "input_tokens",
        "output_tokens": _sum(requests, "output"),
        "requests_without_output": requests["output"].null_count(),
        "output_is_lower_bound": int(requests["output_is_lower_bound"].sum()),
        "recorded_cost": _money(requests, "recorded_cost"),
        "requests_without_recorded_cost": requests["recorded_cost"].null_count(),
        "records": _sum(sources, "records") or 0,
        "duplicates": _sum(sources, "duplicates") or 0,
        "other_records": _sum(sources, "others") or 0,
        "skipped_records": _sum(sources, "skipped") or 0,
    }


def _sum(frame: DataFrame, column: str) -> int | None:
    known = frame[column].drop_nulls()
    return int(known.sum()) if len(known) else None


def _money(frame: DataFrame, column: str) -> Decimal | None:
    """Summed by polars in Decimal(38, 12); Python's context would round at 28 digits."""
    known = frame[column].drop_nulls()
    return Decimal(str(known.sum())) if len(known) else None


def _csv(frame: DataFrame) -> bytes:
    return frame.write_csv().encode()


def _parquet(frame: DataFrame) -> bytes:
    file = BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def _arrow(frame: DataFrame) -> bytes:
    file = BytesIO()
    frame.write_ipc(file)
    return file.getvalue()


def _markdown(kind: str, sums: Mapping[str, object], frames: Mapping[str, DataFrame]) -> bytes:
    """A heading and a table each, for a pull request or a page; what has no rows is left out."""
    parts = [f"# agentcost {kind}\n"]
    if sums:
        parts.append(_markdown_table("totals", {"total": [*sums], "value": [*sums.values()]}))
    for name, frame in frames.items():
        if not frame.is_empty():
            numbers = [column for column, dtype in frame.schema.items() if dtype.is_numeric()]
            parts.append(_markdown_table(name, frame.to_dict(as_series=False), numbers))
    return "\n".join(parts).encode()


def _markdown_table(name: str, columns: Mapping[str, Sequence[object]], right: Collection[str] = ("value",)) -> str:
    head = [escaped(column) for column in columns], ["---:" if column in right else "---" for column in columns]
    rows = zip(*([_markdown_cell(value) for value in column] for column in columns.values()), strict=True)
    return f"## {name}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in [*head, *rows])


def _markdown_cell(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return _digits(value) if isinstance(value, Decimal) else escaped(str(value))


def escaped(text: str) -> str:
    r"""Text that GitHub shows letter by letter: `a|b` is `a\|b`, `__init__` is not bold, `<x>` is no tag."""
    return _SPECIAL.sub(lambda found: "".join(f"\\{letter}" for letter in found[0]), printable(text))


_SPECIAL = re.compile(r"[\\|`*<>&\[\]~]|(?<!_)(?:(?<![^\W_])_++|_++(?![^\W_]))")
"""What Markdown reads; an underscore only at the edge of a word, so that `tool_calls` stays readable."""

_ONE: dict[str, Callable[[DataFrame], bytes]] = {
    "jsonl": _json_lines,
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}
"""The formats that carry one table."""

FORMATS = ("json", "md", *_ONE)
