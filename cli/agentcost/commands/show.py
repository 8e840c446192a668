"""`agentcost show`: one session's requests, or one request's path."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.report import draw, evaluated, width
from agentcost.errors import UsageError

if TYPE_CHECKING:
    from polars import DataFrame


def show(
    logs: Annotated[
        list[str] | None, typer.Argument(metavar="LOG", help="Files, folders, globs, - for a pipe, saved records.")
    ] = None,
    *,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A session, a request's id, or FILE:LINE.")],
    input_format: options.InputFormat = "",
    prefix: options.Prefix = None,
    label: options.Label = None,
    counter: options.Counter = "splintr",
    no_cache: options.NoCache = False,
    include_text: options.IncludeText = False,
) -> None:
    """One session or request: its path as rows, and where it parted from the one before."""
    from agentcost.analyze import path, segments_of  # noqa: PLC0415 — heavy
    from agentcost.excerpts import texts_of  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis  # noqa: PLC0415 — heavy
    from agentcost.views.show import session, several  # noqa: PLC0415 — heavy
    from agentcost.views.show import show as view  # noqa: PLC0415 — heavy

    if not logs and sys.stdin.isatty():
        raise UsageError(
            f"show needs a log and an id; is {wanted} the log? Its sessions: agentcost analyze {wanted} --by session"
        )
    asked = Asked(
        logs=tuple(logs or ()), input_format=input_format, prefix=tuple(prefix or ()), label=tuple(label or ()),
        counter=counter, cache=not no_cache,
    )  # fmt: skip
    record, analysis = evaluated(asked, quiet=True, save="")
    requests = analysis.tables["requests"].with_row_index("index")
    found, whole = matching(requests, wanted)
    if len(found) == 1:
        row = found.row(0, named=True)
        found_texts = (
            texts_of(record, segments_of(record, found.drop("index")), asked.reading()) if include_text else {}
        )
        draw(view(row, path(record, int(row["index"]), found_texts), width(), analysis.scope.zone))
        return
    if not whole:
        draw(several(found.drop("index"), wanted, width(), analysis.scope.zone))
        return
    chosen = analysis.tables | {"requests": found.drop("index")}
    draw(session(Analysis(analysis.scope, analysis.rulers, chosen), width()))


def matching(requests: DataFrame, wanted: str) -> tuple[DataFrame, bool]:
    """The requests that an id, a FILE:LINE or a session names, and whether they are one whole session.

    A session and an id may be shortened at the end, a place in front, as the reports do. UsageError for none.
    """
    import polars as pl  # noqa: PLC0415 — heavy

    place = pl.col("source") + ":" + pl.col("line").cast(pl.String)
    ending = wanted.removeprefix("…") if wanted.startswith("…") else f"/{wanted}"
    for test in (
        pl.col("id") == wanted,
        (place == wanted) | place.str.ends_with(ending),
        pl.col("session") == wanted,
        pl.col("session").str.starts_with(wanted) | pl.col("session").str.ends_with(f"/{wanted}"),
        pl.col("id").str.starts_with(wanted),
    ):
        found = requests.filter(test)
        if len(found):
            own = requests.filter(pl.col("session") == found["session"][0])
            return found, own.equals(found)
    some = ", ".join(requests["session"].unique(maintain_order=True).head(3).to_list())
    raise UsageError(f"{wanted}: no such session or request; sessions are, for example, {some}")
