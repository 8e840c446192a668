"""The reports on logs: read, evaluate, show or write."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.reading import read, refuse_skips, refuse_to_overwrite, refuse_unused, warn
from agentcost.errors import UsageError
from agentcost.units import currency, shown_in

if TYPE_CHECKING:
    from polars import DataFrame
    from rich.console import RenderableType

    from agentcost.against import Bills
    from agentcost.record import Record
    from agentcost.results import Analysis
    from agentcost.study import Study

Save = Annotated[
    str,
    typer.Option("--save", metavar="FILE.agentcost", help="Write the text-free record; it is read wherever a log is."),
]
Full = Annotated[
    bool,
    typer.Option(
        "--full",
        help="All of it: every row, distribution, growth, how it was measured, logs, what was skipped.",
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option("--against", metavar="EXPORT", help="A usage export of the bill: logged against billed, by day."),
]
ShowFit = Annotated[
    bool, typer.Option("--show-fit", help="Counted against billed, by model, with the worst requests and why.")
]


def command(name: str) -> Callable[..., None]:
    """The command of a report; all take the same options."""

    @options.composed(
        asked=options.only(
            "logs", *options.READING, *options.SELECTION, "by", "top", "sort", "assume_gap", *options.SIMULATION,
            "hit_rate", *options.PRICES, "rate", *options.COUNTING, *options.COST, *options.DATA,
        )
    )  # fmt: skip
    def report(
        asked: Asked,
        quiet: options.Quiet = False,
        save: Save = "",
        full: Full = False,
        include_text: options.IncludeText = False,
        show_text: options.ShowText = False,
        against: Against = None,
        show_fit: ShowFit = False,
    ) -> None:
        from agentcost.views.order import checked_sort  # noqa: PLC0415 — heavy

        asked = replace(asked, sort=checked_sort(asked.sort, name, asked.by, full), every_policy=name == "cache")
        quiet = quiet or (not asked.data and sys.stdout.isatty())  # the report's last lines say what was skipped
        own = asked.currency()
        _check_texts(name, asked, include_text=include_text)
        billed = bills(name, against or ())
        analysis, study = studied(asked, quiet=quiet, save=save)
        refuse_skips(asked, study.record, *([billed.record] if billed else []))
        refuse_unused(asked, study.record)
        if show_fit:
            put_fit(name, analysis)
        if billed:
            put_beside(analysis, billed, asked, quiet=quiet)
        if asked.data:
            if include_text:
                analysis.tables["texts"] = texts(study.record, analysis, asked)
                add_excerpts(name, study, analysis, asked, show_text=True)
            logs = [*study.record.logs, *(billed.record.logs if billed else ())]
            deliver(analysis, name, asked, [log.name for log in logs])
            return
        add_excerpts(name, study, analysis, asked, show_text=show_text)
        with shown_in(own):
            draw(view_of(name, analysis, full=full, limit=asked.top))

    return report


def evaluated(asked: Asked, *, quiet: bool, save: str) -> tuple[Record, Analysis]:
    """The record of the logs and its analysis, warned about and saved as asked."""
    analysis, study = studied(asked, quiet=quiet, save=save)
    return study.record, analysis


def studied(asked: Asked, *, quiet: bool, save: str) -> tuple[Analysis, Study]:
    """The analysis of the logs and the study it rests on, with their record warned about and saved as asked."""
    choices = asked.choices()
    record = read(asked, quiet=quiet, save=save)
    from agentcost.analyze import asking_of, evaluate  # noqa: PLC0415 — after the logs are read: it starts threads, and forks fear them
    from agentcost.study import study  # noqa: PLC0415 — the same

    known = study(record, asking_of(choices))
    return evaluate(record, choices, known), known


def bills(name: str, exports: Sequence[str]) -> Bills | None:
    """The sums of the usage exports that were named; None without one. UsageError where no report shows them."""
    if not exports:
        return None
    if name != "analyze":
        raise UsageError(f"--against: {name} does not show a bill; use agentcost analyze")
    from agentcost.against import read_bills  # noqa: PLC0415 — heavy

    return read_bills(exports)


def put_fit(name: str, analysis: Analysis) -> None:
    """Put what is counted beside what was billed into an analysis, request by request."""
    from agentcost.measuring.tables import fit  # noqa: PLC0415 — heavy

    if name != "analyze":
        raise UsageError(f"--show-fit: {name} does not show it; use agentcost analyze")
    analysis.tables["fit"] = fit(analysis.tables["requests"])


def put_beside(analysis: Analysis, billed: Bills, asked: Asked, *, quiet: bool) -> None:
    """Put what was billed beside what was logged into an analysis."""
    from agentcost.against import with_bills  # noqa: PLC0415 — heavy

    if not quiet:
        warn(billed.record)
    analysis.tables.update(with_bills(analysis.tables, billed, asked.choices().selection))


def texts(record: Record, analysis: Analysis, asked: Asked) -> DataFrame:
    """The table of the selected requests' texts, read again from their logs."""
    from agentcost import tables  # noqa: PLC0415 — heavy
    from agentcost.analyze import segments_of  # noqa: PLC0415 — heavy
    from agentcost.paths.excerpts import texts_of  # noqa: PLC0415 — heavy

    found = texts_of(record, segments_of(record, analysis.tables["requests"]), asked.reading())
    return tables.texts(record.tree, found)


_ONE_TABLE = ("jsonl", "csv", "parquet", "arrow")
_EXPLAINED = {"turns": 40, "cache": 0}
"""The reports that show what differs in texts that broke a cache: how many, beside the worst of each cause."""


def _check_texts(name: str, asked: Asked, *, include_text: bool) -> None:
    """Texts are a table of their own: a format of one table cannot carry them beside another."""
    form, output = asked.form, asked.output
    if output and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        form = Path(output).suffix.removeprefix(".").lower()
    elif output:
        return
    if include_text and form in _ONE_TABLE and not asked.table:
        raise UsageError(
            f"--include-text: {form} carries one table; add --table texts for the texts, or use --json for {name} and "
            "texts together"
        )


def add_excerpts(name: str, study: Study, analysis: Analysis, asked: Asked, *, show_text: bool) -> None:
    """Put the table of excerpts into the analysis of a report that shows them, where a cache was broken by a text."""
    from agentcost.paths.excerpts import excerpts  # noqa: PLC0415 — heavy

    if name in _EXPLAINED:
        requests = analysis.tables["requests"]
        analysis.tables["excerpts"] = excerpts(
            study, requests, asked.reading(), most=_EXPLAINED[name], show_text=show_text
        )


def view_of(name: str, analysis: Analysis, *, full: bool, limit: int | None) -> RenderableType:
    """The report as it is drawn at the width of the terminal; `limit` is how many tools or turns were asked for."""
    from agentcost.views import VIEWS  # noqa: PLC0415 — heavy
    from agentcost.views.against import below_the_bill  # noqa: PLC0415 — heavy
    from agentcost.views.fit import fit  # noqa: PLC0415 — heavy
    from agentcost.views.full import with_accounts  # noqa: PLC0415 — heavy
    from agentcost.views.tools import tools  # noqa: PLC0415 — heavy
    from agentcost.views.turns import turns  # noqa: PLC0415 — heavy

    limited = {"tools": tools, "turns": turns}
    if name not in limited:
        if "fit" in analysis.tables:
            return fit(analysis, width())
        shown = VIEWS["full" if full and name == "analyze" else name](analysis, width())
        return below_the_bill(shown, analysis, width()) if "against" in analysis.tables else shown
    view = limited[name](analysis, width(), limit)
    return with_accounts(view, analysis, width()) if full else view


def width() -> int:
    """Columns: $COLUMNS, the terminal's, or 80 into a pipe."""
    own = os.environ.get("COLUMNS", "")
    if own.isdigit() and int(own) > 0:
        return max(40, int(own))
    return max(40, os.get_terminal_size(sys.stdout.fileno()).columns) if sys.stdout.isatty() else 80


def draw(view: RenderableType) -> None:
    """Print a view, and the rate of another currency. Colour follows the terminal and NO_COLOR."""
    from rich.console import Console  # noqa: PLC0415 — heavy

    Console(width=width(), soft_wrap=False, highlight=False, emoji=False, markup=False).print(with_rate(view, width()))


def with_rate(view: RenderableType, columns: int) -> RenderableType:
    """A view, and below it the rate of the currency that it is shown in."""
    if not currency().words:
        return view
    from rich.console import Group  # noqa: PLC0415 — heavy

    from agentcost.views.layout import quiet  # noqa: PLC0415 — heavy

    return Group(view, quiet(f"Amounts: {currency().words} (--rate)", columns))


def deliver(analysis: Analysis, kind: str, asked: Asked, logs: Sequence[str]) -> None:
    """Data instead of a report: to a file by its suffix, but none of the logs, or to standard output in a format."""
    from agentcost.export import describe_tables, export, write  # noqa: PLC0415 — heavy

    if asked.output:
        refuse_to_overwrite("-o", asked.output, logs)
    if asked.table == "list":
        sys.stdout.write(describe_tables(analysis, width()))
    elif asked.output:
        write(analysis, asked.output, kind, asked.table or None)
    else:
        form = "json" if asked.form == "text" else asked.form
        sys.stdout.buffer.write(export(analysis, kind, form, asked.table or None))
        sys.stdout.buffer.flush()
