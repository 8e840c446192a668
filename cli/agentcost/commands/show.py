"""`agentcost show`: one session's requests, or one request beside the one it should have followed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.report import deliver, draw, studied, width
from agentcost.errors import UsageError
from agentcost.units import shown_in

if TYPE_CHECKING:
    from polars import DataFrame, Expr

    from agentcost.results import Analysis, Parting, PathRow
    from agentcost.study import Study


Wanted = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A session, SESSION/N its Nth request, a request's id, FILE:LINE, or N the log's Nth."
    ),
]


@options.composed(
    asked=options.only(
        "logs",
        *options.READING,
        "tz",
        *options.SIMULATION,
        *options.PRICES,
        "rate",
        *options.COUNTING,
        "no_cache",
        *options.DATA,
    )
)
def show(
    asked: Asked,
    *,
    wanted: Wanted,
    show_text: options.ShowText = False,
    include_text: options.IncludeText = False,
) -> None:
    """One session or request: its path as rows, and where it parted from the one before."""
    if not asked.logs and (sys.stdin.isatty() or Path(wanted).exists()):
        raise UsageError(
            f"show needs a log and an id; is {wanted} the log? Its sessions: agentcost analyze {wanted} --by session"
        )
    currency = asked.currency()
    analysis, study = studied(asked, quiet=True, save="")
    found, whole = matching(analysis.tables["requests"].with_row_index("index"), wanted)
    one = _one(study, found, asked, text=show_text or include_text) if len(found) == 1 else None
    if not asked.data:
        with shown_in(currency):
            _draw(analysis, found, wanted, one, whole=whole)
        return
    if one is None and not whole:
        raise UsageError(f"{len(found)} requests match {wanted}; name one of them (N, an id, FILE:LINE, SESSION/N)")
    tables = _data(analysis, found, one, include_text=include_text)
    deliver(tables, "show", asked, [log.name for log in study.record.logs])


class _One(msgspec.Struct, frozen=True):
    """A request's path, and where it parts from the one that it is compared with."""

    rows: list[PathRow]
    parting: Parting | None


def _one(study: Study, found: DataFrame, asked: Asked, *, text: bool) -> _One:
    from agentcost.costs.requests import costs_of  # noqa: PLC0415 — heavy
    from agentcost.paths.comparing import parting_of, path_of  # noqa: PLC0415 — heavy
    from agentcost.paths.costs import priced_path  # noqa: PLC0415 — heavy
    from agentcost.paths.excerpts import texts_of, with_excerpts  # noqa: PLC0415 — heavy

    index = int(found["index"][0])
    reference, reading, tree = study.run.references[index], asked.reading(), study.record.tree
    segments = {tree.segments[node] for node in tree.path(study.requests[index].node)} if text else set()
    rows = path_of(study, index, reference, texts_of(study.record, segments, reading) if text else None)
    costs = costs_of(study.requests, study.measured, study.run, asked.pricing())
    rows = priced_path(rows, costs, index, hidden=bool(found["hidden"][0]))
    if reference is None:
        return _One(rows, None)
    parting = parting_of(study, index, reference)
    return _One(rows, with_excerpts(study, index, reference, parting, reading, show_text=text))


def _draw(analysis: Analysis, found: DataFrame, wanted: str, one: _One | None, *, whole: bool) -> None:
    from agentcost.results import Analysis as Found  # noqa: PLC0415 — heavy
    from agentcost.views.show import session, several  # noqa: PLC0415 — heavy
    from agentcost.views.show import show as view  # noqa: PLC0415 — heavy

    own, zone = found.drop("index"), analysis.scope.zone
    if one:
        draw(view(own.row(0, named=True), one.rows, width(), zone, one.parting))
    elif whole:
        draw(session(Found(analysis.scope, analysis.rulers, analysis.tables | {"requests": own}), width()))
    else:
        draw(several(own, wanted, width(), zone, [number + 1 for number in found["index"].to_list()]))


def _data(analysis: Analysis, found: DataFrame, one: _One | None, *, include_text: bool) -> Analysis:
    """What leaves as data: the request's row with its path and its parting, or the rows of a session."""
    from agentcost.paths.tables import parting_table, path_table  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis as Found  # noqa: PLC0415 — heavy

    tables = {"requests": found.drop("index")}
    if one:
        tables |= {
            "path": path_table(one.rows, include_text=include_text),
            "parting": parting_table(one.parting, include_text=include_text),
        }
    return Found(analysis.scope, analysis.rulers, analysis.tables | tables)


_NUMBER = re.compile(r"#?(\d+)")


def matching(requests: DataFrame, wanted: str) -> tuple[DataFrame, bool]:
    """The requests that an id, a FILE:LINE, a session, SESSION/N or N names, and whether they are one whole session.

    A session and an id may be shortened at the end or in the middle, a place in front, as the reports do. N counts from
    1 in the order of time, as `turns` lists them. UsageError for none.
    """
    import polars as pl  # noqa: PLC0415 — heavy

    place = pl.col("source") + ":" + pl.col("line").cast(pl.String)
    ending = wanted.removeprefix("…") if wanted.startswith("…") else f"/{wanted}"
    exact = (
        pl.col("id") == wanted,
        (place == wanted) | place.str.ends_with(ending),
        pl.col("session") == wanted,
    )
    for test in exact:
        found = requests.filter(test)
        if len(found):
            return _with_session(requests, found)
    found = _nth(requests, wanted)
    if len(found):
        return found, False
    for test in (_session_like(wanted), _like(pl.col("id"), wanted)):
        found = requests.filter(test)
        if len(found):
            return _with_session(requests, found)
    _refuse_number(requests, wanted)
    some = ", ".join(requests["session"].unique(maintain_order=True).head(3).to_list())
    raise UsageError(f"{wanted}: no such session or request; sessions are, for example, {some}")


def _with_session(requests: DataFrame, found: DataFrame) -> tuple[DataFrame, bool]:
    own = requests.filter(requests["session"] == found["session"][0])
    return found, own.equals(found)


def _session_like(name: str) -> Expr:
    import polars as pl  # noqa: PLC0415 — heavy

    return _like(pl.col("session"), name) | pl.col("session").str.ends_with(f"/{name}")


def _like(column: Expr, name: str) -> Expr:
    """Names that begin so; of one that is shortened in its middle, that begin and end so."""
    start, _, end = name.partition("…")
    return column.str.starts_with(start) & column.str.ends_with(end)


def _nth(requests: DataFrame, wanted: str) -> DataFrame:
    """The Nth request of the log, or of the session in front of a slash; none where that is no number or too large."""
    own, number = _numbered(requests, wanted)
    return own.slice(number - 1, 1) if number else requests.clear()


def _numbered(requests: DataFrame, wanted: str) -> tuple[DataFrame, int]:
    """The requests that a number counts (all, or of the session in front of a slash), and the number; 0 for none."""
    session, slash, last = wanted.rpartition("/")
    number = _NUMBER.fullmatch(last)
    if not number or (slash and not session):
        return requests.clear(), 0
    if not slash:
        return requests, int(number[1])
    own = requests.filter(requests["session"] == session)
    own = own if len(own) else requests.filter(_session_like(session))
    return (own if own["session"].n_unique() == 1 else requests.clear()), int(number[1])


def _refuse_number(requests: DataFrame, wanted: str) -> None:
    """UsageError where a number counts requests that there are, but not so many."""
    own, _ = _numbered(requests, wanted)
    if len(own):
        session, slash, _ = wanted.rpartition("/")
        has = f"session {session} has" if slash else "the log has"
        raise UsageError(
            f"{wanted}: {has} {len(own):,} request{'s' * (len(own) != 1)}; write {session}{slash}1 to "
            f"{session}{slash}{len(own)}"
        )
