"""One request as the path its model saw, or one session as what it grew by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.model import Kind
from agentcost.results import KIND_COLUMNS, Analysis, Parting, PathRow
from agentcost.units import (
    NONE,
    UNKNOWN,
    agreed,
    dollars,
    duration,
    exact,
    head,
    percent,
    plural,
    printable,
    tokens,
    when,
)
from agentcost.views import money
from agentcost.views.beside import beside
from agentcost.views.evidence import settled
from agentcost.views.figures import LABELS
from agentcost.views.growth import growth
from agentcost.views.layout import NAME, Column, Paragraph, Table, filled, place_column, plain, quiet, title
from agentcost.views.notes import words
from agentcost.views.showcost import by_class, by_component, front
from agentcost.views.turns import turn_rows, with_new

if TYPE_CHECKING:
    from polars import DataFrame

TEXT = 60
"""Letters of a text that are shown."""

MOST = 10
"""Requests that are listed where a name fits several."""


def show(
    request: Mapping[str, object],
    rows: Sequence[PathRow],
    width: int,
    zone: str = "UTC",
    parting: Parting | None = None,
) -> RenderableType:
    """A request, segment by segment: what it missed, what it shares with the one it is compared with, where they part.

    All its tokens are counted as the simulated caches count them: so that they end at the bill.
    """
    top: list[RenderableType] = [title(_name(request), width)]
    facts = quiet(", ".join(_facts(request, zone)), width)
    if not rows:
        return Group(*top, facts, quiet("The log holds no content of this request.", width))
    compared = beside(parting, width) if parting else []
    changes = [row.excerpt.change for row in parting.rows if row.excerpt] if parting else []
    return Group(
        *top,
        *_cached(request, settled(str(request["evidence"]), changes[0] if changes else None), width),
        plain(_parting(rows, parting), width),
        *(plain(text, width) for text in (by_class(request), by_component(request, rows)) if text),
        facts,
        *([Text(), *compared] if compared else []),
        Text(),
        *([title("Its path", width)] if compared else []),
        quiet(_ruler(request), width),
        path_rows([*_before(request, rows), *rows, *_beyond(request, rows)], width),
    )


def _name(request: Mapping[str, object]) -> str:
    name = f"{request['source']}:{request['line']}"
    return f"{name}  {request['id']}" if request["id"] else name


def _facts(request: Mapping[str, object], zone: str) -> Iterator[str]:
    yield f"turn {request['turn']} of lineage {request['lineage']}, session {request['session']}"
    yield str(request["model"] or f"model {UNKNOWN}")
    if isinstance(request["started"], float):
        yield when(request["started"], zone, precise=True)
    if isinstance(request["gap_s"], float):
        yield f"{duration(request['gap_s'])} after the one before"
    for name, noun in (
        ("prompt", "input"),
        ("read", "read"),
        ("write", "written"),
        ("plain", "plain"),
        ("output", "output"),
    ):
        count = request[name]
        if isinstance(count, int):
            yield f"{exact(count)} {noun}{' tokens' if name == 'prompt' else ''}"


def _parting(rows: Sequence[PathRow], parting: Parting | None) -> str:
    """Where the path leaves the one that it is compared with."""
    shown = [row for row in rows if not row.stripped]
    if not any(row.shared for row in shown) and (parting is None or not parting.segments):
        return "Nothing before it begins as it does."
    other = "the request before it" if parting is None or not parting.another else "a request of another conversation"
    first = next((number for number, row in enumerate(shown) if not row.shared), len(shown))
    kept, whole = (shown[first - 1].cumulative if first else 0), shown[-1].cumulative
    if first == len(shown):
        return f"All {plural(whole, 'token')} {agreed(whole, 'is', 'are')} shared with {other}."
    row = shown[first]
    what = " ".join(part for part in (LABELS.get(row.component, row.component), row.name) if part)
    holds = f" (holds a {', a '.join(row.marks)})" if row.marks else ""
    shared = f"{plural(kept, 'token')} ({percent(kept, whole)})"
    verb = "goes on" if parting and not parting.rows else "parts"
    return f"Shares {shared} with {other}, {verb} in {row.level} at segment {row.number or first + 1}: {what}{holds}."


def _cached(request: Mapping[str, object], evidence: str, width: int) -> Iterator[RenderableType]:
    """What was missed, with cause, evidence and what else would have broken it; what a cache serves, and could."""
    if isinstance(request["lost"], int) and request["lost"]:
        also = f"; also {words(str(request['other_causes']))}" if request["other_causes"] else ""
        why = f": {evidence}" if evidence else ""
        lost = f"{plural(request['lost'], 'token')} that {agreed(request['lost'], 'was', 'were')} cached"
        text = f"Missed {lost}, {words(str(request['cause']))}{why}{also}."
        yield Paragraph(Text(printable(text), style="yellow"), width)
    served = request["simulated_read"]
    if isinstance(served, int):
        billed = f", billed as read were {exact(request['read'])}" if isinstance(request["read"], int) else ""
        yield plain(f"Under {request['policy']} a cache serves {plural(served, 'token')} of it{billed}.", width)


def _ruler(request: Mapping[str, object]) -> str:
    """What the columns of tokens and dollars are."""
    rests = "ends at the bill" if request["billed"] else f"{request['basis']}, not billed"
    cost = "" if request["cost"] is None else "; cost: of the prompt from the row before to here"
    return f"tokens: of the text; up to here: of the prompt, its template too, {rests}{cost}"


def _before(request: Mapping[str, object], rows: Sequence[PathRow]) -> Iterator[PathRow]:
    """What the log hides of a prompt stands before its segments."""
    count = request.get(KIND_COLUMNS[Kind.HIDDEN])
    if isinstance(count, int) and count:
        reached = max(0, rows[0].cumulative - rows[0].tokens)
        cost = front(request, rows)
        yield PathRow("", "", KIND_COLUMNS[Kind.HIDDEN], "", "", count, reached, shared=False, cost=cost)


def _beyond(request: Mapping[str, object], rows: Sequence[PathRow]) -> Iterator[PathRow]:
    """What the prompt counts beside its text, so that the rows sum to its input tokens."""
    for kind in (Kind.OVERHEAD, Kind.UNEXPLAINED):
        count = request.get(KIND_COLUMNS[kind])
        if isinstance(count, int) and count:
            yield PathRow("", "", KIND_COLUMNS[kind], "", "", count, rows[-1].cumulative, shared=False)


def path_rows(rows: Sequence[PathRow], width: int) -> RenderableType:
    """The table of segments: the one at which the path parts from the one before stands out, those shared are dim."""
    first = next((number for number, row in enumerate(rows) if row.level and not row.shared and not row.stripped), 0)
    styles = {number: "dim" for number, row in enumerate(rows) if row.shared}
    if first:
        styles[first] = "bold yellow"
    return Table(
        filled(
            Column("#", [exact(row.number) if row.number else "" for row in rows], 4),
            Column("level", [row.level for row in rows], 7, name=8),
            Column("role", [row.role for row in rows], 4, name=9),
            Column("component", [LABELS.get(row.component, row.component) for row in rows], name=20),
            Column("name", [row.name for row in rows], 2, name=16),
            Column("server", [row.server for row in rows], 6, name=6),
            Column("tokens", [exact(row.tokens) for row in rows]),
            Column("up to here", [exact(row.cumulative) for row in rows]),
            *[Column("cost", [dollars(row.cost) if row.cost is not None else "" for row in rows], 3)]
            * any(row.cost is not None for row in rows),
            Column("breakpoint", [f"◆ {row.breakpoint}" if row.breakpoint else "" for row in rows], 2, name=10),
            Column("before", [_beside(row, number == first > 0) for number, row in enumerate(rows)], 1, name=6),
            Column("volatile", [", ".join(row.marks) for row in rows], 5, name=NAME),
            place_column([row.place for row in rows], 8),
            *_texts(rows, width),
        ),
        width,
        styles if len(styles) < len(rows) else {},
    )


def _beside(row: PathRow, first: bool) -> str:
    """How a segment lies beside the request before: the first that it does not have is where they part."""
    if row.stripped:
        return "stripped"
    return "same" if row.shared else "parts" if first else "new" if row.level else ""


def _texts(rows: Sequence[PathRow], width: int) -> Iterator[Column]:
    """How each text begins, where texts were asked for."""
    if any(row.text for row in rows):
        starts = [" ".join(printable(row.text[: 4 * TEXT]).split()) for row in rows]
        yield Column("text", [head(text, TEXT) for text in starts], name=max(24, min(TEXT, width - 80)), keeps="start")


def several(
    requests: DataFrame, wanted: str, width: int, zone: str = "UTC", ordinals: Sequence[int] = ()
) -> RenderableType:
    """The requests that a shortened id or place names, to choose from: by an id, or by their number in the log."""
    first = f"{plural(len(requests), 'request')} of {plural(requests['session'].n_unique(), 'session')} match {wanted}"
    ids = Column("id", requests["id"].head(MOST).to_list(), name=16)
    numbers = Column("#", [exact(number) for number in ordinals[:MOST]])
    return Group(
        title(f"{first}; name one of them", width),
        Text(),
        turn_rows(with_new(requests), width, zone, MOST, (numbers, ids) if ordinals else (ids,)),
    )


def session(analysis: Analysis, width: int) -> RenderableType:
    """The requests of one session, as selected in `analysis`, and what its components grow by."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    requests = analysis.tables["requests"]
    name = str(requests["session"][0]) if len(requests) else NONE
    prompt = int(requests["prompt"].sum())
    cost = money.total(analysis)
    first = f"session {name}: {plural(len(requests), 'request')}, {tokens(prompt)} input tokens"
    first += f", {cost}" * bool(cost)
    numbers = Column("#", [exact(number) for number in range(1, len(requests) + 1)])
    return Group(
        title(first, width),
        Text(),
        growth(requests, width),
        Text(),
        turn_rows(with_new(requests).with_columns(session=pl.lit("")), width, analysis.scope.zone, None, (numbers,)),
    )
