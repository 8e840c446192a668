"""The report on memory: what requests and sessions weigh as KV cache on open models, and how many fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.results import Analysis
from agentcost.units import UNKNOWN, duration, exact, gibibytes, in_tokens, percent, plural, tokens, when
from agentcost.views.analyze import closing, empty
from agentcost.views.capacity import capacity
from agentcost.views.headline import coverage
from agentcost.views.kvremarks import accuracy, beyond, missing, remarks, rooms, short
from agentcost.views.layout import Column, Table, plain, quiet, title
from agentcost.views.prefill import prefill
from agentcost.views.tiers import tiers

if TYPE_CHECKING:
    from polars import DataFrame

Row = dict[str, Any]

MEASURES = {"given": "", "p50": "median ", "p90": "p90 ", "p99": "p99 ", "max": "largest "}


NAME_A_ROOM = "How many fit: name a memory, --accelerator h200-sxm --count 8 or --kv-memory 568GiB"


def kv(analysis: Analysis, width: int) -> RenderableType:
    """What fits first, then the tables by model and KV format, then what the formats do to accuracy."""
    frame = analysis.tables["footprint"]
    if "requests" not in analysis.tables:
        return Group(*_given(analysis, width))
    if not analysis.scope.selected:
        return empty(analysis, width)
    of = {name: frame.filter(frame["of"] == name) for name in ("request", "session")}
    parts: list[RenderableType] = [*answer(analysis, width), Text()]
    parts += _grids(of["request"], width, ("p50", "p99"))
    parts += _grids(of["session"], width, ("p50",))
    parts += _shared(analysis, width)
    for section in (capacity, tiers, prefill):
        lines = list(section(analysis, width))
        parts += [Text(), *lines] if lines else []
    parts.append(Text())
    return Group(*parts, *remarks(analysis, width), Text(), *closing(analysis, width))


def answer(analysis: Analysis, width: int) -> list[RenderableType]:
    """The median and the p99 request on the first model, how many fit, and what the tokens rest on."""
    rows = {(row["kv_format"], row["of"], row["measure"]): row for row in _first(analysis)}
    formats = list(dict.fromkeys(key[0] for key in rows))
    main = next((name for name in formats if rows[name, "request", "p50"]["needed_bytes"] is not None), formats[0])
    median, most = rows[main, "request", "p50"], rows[main, "request", "p99"]
    lead = (
        f"KV in {main} on {median['model']}: median request {gibibytes(median['needed_bytes'])} "
        f"({in_tokens(median['tokens'])}), p99 {gibibytes(most['needed_bytes'])} ({tokens(most['tokens'])})"
    )
    return [
        title(lead, width),
        plain(_fits(rows, formats), width),
        plain(_basis(median, analysis), width),
        quiet(" · ".join(coverage(analysis)), width),
    ]


def _first(analysis: Analysis) -> list[Row]:
    """The rows of the first model."""
    frame = analysis.tables["footprint"]
    return frame.filter(frame["model"] == frame["model"][0]).to_dicts()


def _fits(rows: dict[tuple[str, str, str], Row], formats: Sequence[str]) -> str:
    row = rows[formats[0], "session", "p50"]
    if not row["room"]:
        return NAME_A_ROOM
    if row["fit"] is None:
        return f"{row['room']}: {row['reason'] or 'unknown'}"
    counts = [(rows[name, "session", "p50"]["fit"], name) for name in formats]
    told = ", ".join(f"{exact(count)} in {short(name)}" for count, name in counts if count is not None)
    return f"{row['room']} holds so many median sessions at once, sharing nothing: {told}"


def _basis(row: Row, analysis: Analysis) -> str:
    """Where the tokens of the first model come from, and which models are less sure."""
    bases = {
        "as is": "Tokens: the log's blocks as they are",
        "exact": "Tokens: counted with the model's own vocabulary",
        "counted again": "Tokens: texts counted again with the model's own vocabulary; what the log hides is scaled",
        "estimated": f"Tokens: counted with a near vocabulary, ±{percent(row['band'], digits=0)}",
        "scaled": f"Tokens: scaled from the log's, ±{percent(row['band'], digits=0)}; --model NAME counts texts again",
    }
    frame = analysis.tables["footprint"]
    worse = frame.filter(frame["band"] > row["band"] + 0.1).unique("model", maintain_order=True)
    others = ", ".join(f"{name} ±{percent(band, digits=0)}" for name, band in worse.select("model", "band").iter_rows())
    return f"{bases[row['basis']]}; answers included" + (f"; {others}" if others else "")


# --- tables by model and format ------------------------------------------------------------------------------------


def _grids(frame: DataFrame, width: int, measures: Sequence[str]) -> Iterator[RenderableType]:
    """One table per measure, models by formats; of one model one table, formats by measures."""
    if not len(frame):
        return
    of = frame["of"][0]
    if frame["model"].n_unique() == 1:
        yield title(f"A {of}'s KV on {frame['model'][0]}", width)
        yield _by_measure(_documented(frame), width)
        yield Text()
        return
    for measure in measures:
        yield title(f"KV of the {MEASURES[measure]}{of}" + ", and how many fit" * bool(frame["room"][0]), width)
        yield _by_format(frame.filter(frame["measure"] == measure), width)
        yield Text()


def _documented(frame: DataFrame) -> DataFrame:
    """The rows whose bytes are known; all where none is."""
    known = frame.filter(frame["needed_bytes"].is_not_null())
    return known if len(known) else frame


def _by_format(frame: DataFrame, width: int) -> Table:
    """Models by formats: bytes, and how many fit where a room was named."""
    models, formats = _names(frame, "model"), _names(frame, "kv_format")
    rows = {(row["model"], row["kv_format"]): row for row in frame.iter_rows(named=True)}
    sizes = [tokens(rows[model, formats[0]]["tokens"]) for model in models]
    columns = [
        Column(short(name), [_cell(rows[model, name]) for model in models], drop=max(0, place - 1))
        for place, name in enumerate(formats)
    ]
    return Table((Column("model", models, name=17), Column("tokens", sizes, drop=len(formats) + 1), *columns), width)


def _by_measure(frame: DataFrame, width: int) -> Table:
    """Formats by measures, with what the engine allocates and how many fit of the median."""
    measures, formats = _names(frame, "measure"), _names(frame, "kv_format")
    rows = {(row["kv_format"], row["measure"]): row for row in frame.iter_rows(named=True)}
    main = measures[0]
    columns = [
        Column(measure, [gibibytes(rows[name, measure]["needed_bytes"]) for name in formats], drop=1 + place)
        for place, measure in enumerate(measures)
    ]
    own = [rows[name, main] for name in formats]
    columns.append(Column(f"allocated {main}", [gibibytes(row["allocated_bytes"]) for row in own], drop=3))
    if own[0]["room"]:
        columns.append(Column(f"fit {main}", [exact(row["fit"]) for row in own]))
    return Table((Column("KV format", [short(name) for name in formats], name=12), *columns), width)


def _cell(row: Row) -> str:
    size = gibibytes(row["needed_bytes"])
    return f"{size} ×{exact(row['fit'])}" if row["fit"] is not None else size


def _names(frame: DataFrame, column: str) -> list[str]:
    return frame[column].unique(maintain_order=True).to_list()


# --- what requests and sessions share ------------------------------------------------------------------------------


def _shared(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    sharing, running = analysis.tables["sharing"], analysis.tables["concurrency"]
    if len(sharing):
        row = sharing.row(0, named=True)
        text = (
            f"{plural(row['sessions'], 'session')} kept whole on {row['model']} in {short(row['kv_format'])} "
            f"{'take' if row['sessions'] != 1 else 'takes'} {gibibytes(row['bytes_alone'])} each for itself, "
            f"{gibibytes(row['bytes_together'])} with what they share counted once "
            f"({exact(row['tokens_distinct'])} of {plural(row['tokens_alone'], 'token')})"
        )
        yield plain(text, width)
        if row["requests_without_output"]:
            yield quiet(f"{plural(row['requests_without_output'], 'request')} without known output count as 0", width)
    if not len(running):
        yield plain("What ran at once is unknown: no start and end of requests on one clock.", width)
        return
    yield plain(_at_once(running.to_dicts(), analysis.scope.zone), width)


def _at_once(rows: Sequence[Row], zone: str) -> str:
    """The most that was in use at once, and when it was more than the room has."""
    first, several = rows[0], len(rows) > 1
    sizes = ", ".join(f"{gibibytes(row['peak_bytes'])} in {short(row['kv_format'])}" for row in rows)
    text = (
        f"At most {sizes} {'were' if several else 'was'} in use at once on {first['model']}: "
        f"{plural(first['peak_requests'], 'request')} at {when(first['peak_at'], zone)}"
    )
    if first["peak_bytes_alone"] != first["peak_bytes"]:
        text += f" ({gibibytes(first['peak_bytes_alone'])} sharing nothing)"
    full = [row for row in rows if row["overflows"]]
    if full:
        room = gibibytes(first["room_bytes"])
        told = "; ".join(
            f"{short(row['kv_format'])} for {duration(row['overflow_s'])}, first at {when(row['first_overflow'], zone)}"
            for row in full
        )
        return f"{text}. More than the room of {room}: {told}"
    return text + (f". The room of {gibibytes(first['room_bytes'])} is never full" * (first["overflows"] is not None))


# --- without a log -------------------------------------------------------------------------------------------------


def _given(analysis: Analysis, width: int) -> Iterator[RenderableType]:
    """A sequence of so many tokens: bytes and fit by model and format, and by layer group for one model."""
    frame, layers = analysis.tables["footprint"], analysis.tables["layer_groups"]
    first = frame.row(0, named=True)
    alone = frame["model"].n_unique() == 1
    known = [row for row in frame.iter_rows(named=True) if row["model"] == first["model"] and row["needed_bytes"]]
    sizes = ", ".join(f"{gibibytes(row['needed_bytes'])} in {short(row['kv_format'])}" for row in known[:3])
    yield title(f"{plural(first['tokens'], 'token')} on {first['model']}: {sizes or 'not documented'}", width)
    if first["room"]:
        counts = ", ".join(
            f"{exact(row['fit'])} in {short(row['kv_format'])}" for row in known if row["fit"] is not None
        )
        yield plain(f"{first['room']}: {counts + ' fit at once' if counts else first['reason'] or UNKNOWN}", width)
    else:
        yield plain(NAME_A_ROOM, width)
    yield from beyond(frame, width)
    yield Text()
    yield _by_allocation(_documented(frame), width) if alone else _by_format(frame, width)
    if alone:
        yield Text()
        yield title("By layer group", width)
        yield _layers(layers, width)
    yield Text()
    yield from prefill(analysis, width)
    yield Text()
    yield from rooms(analysis, width)
    yield from missing(frame, width)
    yield from accuracy(analysis, width)


def _by_allocation(frame: DataFrame, width: int) -> Table:
    rows = frame.to_dicts()
    columns = [
        Column("KV format", [short(row["kv_format"]) for row in rows], name=12),
        Column("needed", [gibibytes(row["needed_bytes"]) for row in rows]),
        Column("allocated", [gibibytes(row["allocated_bytes"]) for row in rows]),
        Column("of bf16", [percent(row["needed_bytes"], rows[0]["needed_bytes"] or 0) for row in rows], drop=1),
    ]
    if rows[0]["room"]:
        columns.append(Column("fit", [exact(row["fit"]) for row in rows]))
    return Table(columns, width)


def _layers(frame: DataFrame, width: int) -> Table:
    rows = frame.to_dicts()
    return Table(
        (
            Column("KV format", [short(row["kv_format"]) for row in rows], name=10),
            Column("kind", [row["kind"] for row in rows], name=7),
            Column("layers", [exact(row["layers"]) for row in rows], drop=1),
            Column("KV", [gibibytes(row["bytes"]) for row in rows]),
            Column("bytes of a sequence of N tokens", [row["formula"] for row in rows], name=20),
        ),
        width,
    )
