"""The reports on logs: read, evaluate, show or write."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentcost.commands import options
from agentcost.commands.asked import Asked, inputs
from agentcost.errors import AgentcostError, UsageError

if TYPE_CHECKING:
    from polars import DataFrame
    from rich.console import RenderableType

    from agentcost.against import Bills
    from agentcost.record import Record
    from agentcost.results import Analysis
    from agentcost.study import Study

NAMES = {
    "analyze": "Where the input tokens go: by component, over the log, and what to do about it.",
    "tools": "Every tool and MCP server: what its schema, calls and results carry, and which are never called.",
    "cache": "Every cache policy side by side, the misses by cause with evidence and mend.",
    "turns": "A row per request: turn, time, gap, tokens by cache class, output.",
}
"""The reports that show a whole log, and the help of each."""


def command(name: str) -> Callable[..., None]:
    """The command of a report; all take the same options."""

    def report(
        logs: options.Logs = None,
        input_format: options.InputFormat = "",
        columns: options.Columns = "",
        prefix: options.Prefix = None,
        label: options.Label = None,
        since: options.Since = "",
        until: options.Until = "",
        tz: options.Zone = "UTC",
        where: options.Where = None,
        by: options.By = "",
        top: options.Top = None,
        sort: options.Sort = "",
        assume_gap: options.Gap = "",
        counter: options.Counter = "splintr",
        no_cache: options.NoCache = False,
        jobs: options.Jobs = 1,
        strict: options.Strict = False,
        format_: options.As = "text",
        json: options.Json = False,
        output: options.Output = "",
        table: options.Table = "",
        quiet: options.Quiet = False,
        save: options.Save = "",
        full: options.Full = False,
        include_text: options.IncludeText = False,
        show_text: options.ShowText = False,
        policy: options.Policy = "",
        scope_by: options.ScopeBy = "",
        hit_rate: options.HitRate = "tokens",
        price_file: options.PriceFile = "",
        price_date: options.PriceDate = "",
        billing: options.Billing = "",
        against: options.Against = None,
    ) -> None:
        from agentcost.views.order import checked_sort  # noqa: PLC0415 — heavy

        asked = Asked(
            logs=tuple(logs or ()), input_format=input_format, columns=columns, prefix=tuple(prefix or ()),
            label=tuple(label or ()), since=since, until=until, tz=tz, where=tuple(where or ()), by=by, top=top,
            sort=checked_sort(sort, name, by, full), assume_gap=assume_gap, counter=counter, cache=not no_cache,
            jobs=jobs, strict=strict, policy=policy, scope_by=scope_by, every_policy=name == "cache", hit_rate=hit_rate,
            price_file=price_file, price_date=price_date, billing=billing,
        )  # fmt: skip
        data = bool(output or table or json or format_ != "text")
        told = not data and sys.stdout.isatty()  # the report's last lines say what was skipped
        _check_texts(name, "json" if json else format_, output, table, include_text=include_text)
        billed = bills(name, against or ())
        analysis, study = studied(asked, quiet=quiet or told, save=save)
        record = study.record
        skipped = [*record.skipped, *(billed.record.skipped if billed else ())]
        if strict and skipped:
            raise AgentcostError(f"{skipped[0].place}: {skipped[0].reason} ({len(skipped)} skipped in all; --strict)")
        if billed:
            put_beside(analysis, billed, asked, quiet=quiet or told)
        if data:
            if output:
                logs_read = [*record.logs, *(billed.record.logs if billed else ())]
                refuse_to_overwrite("-o", Path(output), [log.name for log in logs_read])
            if include_text:
                analysis.tables["texts"] = texts(record, analysis, asked)
                add_excerpts(name, study, analysis, asked, show_text=True)
            deliver(analysis, name, "json" if json else format_, output, table)
            return
        add_excerpts(name, study, analysis, asked, show_text=show_text)
        draw(view_of(name, analysis, full=full, limit=top))

    report.__doc__ = NAMES[name]
    return report


def evaluated(asked: Asked, *, quiet: bool, save: str) -> tuple[Record, Analysis]:
    """The record of the logs and its analysis, warned about and saved as asked."""
    analysis, study = studied(asked, quiet=quiet, save=save)
    return study.record, analysis


def studied(asked: Asked, *, quiet: bool, save: str) -> tuple[Analysis, Study]:
    """The analysis of the logs and the study it rests on, with their record warned about and saved as asked."""
    from agentcost.loading import load_logs  # noqa: PLC0415 — heavy
    from agentcost.record import save as packed  # noqa: PLC0415 — heavy

    choices = asked.choices()
    take_interrupts()
    found = inputs(asked.logs)
    optional = frozenset(member.source.name for member in found.members if not member.named)
    record = load_logs(found.sources, asked.reading(optional))
    if not quiet:
        warn(record)
    if save:
        refuse_to_overwrite("--save", Path(save), [source.name for source in found.sources])
        try:
            Path(save).write_bytes(packed(record))
        except OSError as error:
            raise AgentcostError(f"--save {save}: cannot be written ({error.strerror})") from error
    from agentcost.analyze import asking_of, evaluate  # noqa: PLC0415 — after the logs are read: it starts threads, and forks fear them
    from agentcost.study import study  # noqa: PLC0415 — the same

    known = study(record, asking_of(choices))
    return evaluate(record, choices, known), known


def refuse_to_overwrite(option: str, target: Path, logs: Sequence[str]) -> None:
    """A log is never written over; with --save neither is any other file that is no record."""
    if any(Path(log).exists() and target.exists() and target.samefile(log) for log in logs):
        raise UsageError(f"{option} {target}: that is one of the logs; name another file")
    from agentcost.record import MAGIC  # noqa: PLC0415 — heavy

    if option == "--save" and target.is_file() and target.stat().st_size:
        with target.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise UsageError(f"--save {target}: exists and is no record of agentcost; name another file")


def take_interrupts() -> None:
    """Ctrl-C ends a read that waits for a pipe, also when a library (polars) has installed a handler of its own."""
    import signal  # noqa: PLC0415

    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


def bills(name: str, exports: Sequence[str]) -> Bills | None:
    """The sums of the usage exports that were named; None without one. UsageError where no report shows them."""
    if not exports:
        return None
    if name != "analyze":
        raise UsageError(f"--against: {name} does not show a bill; use agentcost analyze")
    from agentcost.against import read_bills  # noqa: PLC0415 — heavy

    return read_bills(exports)


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
    from agentcost.excerpts import texts_of  # noqa: PLC0415 — heavy

    found = texts_of(record, segments_of(record, analysis.tables["requests"]), asked.reading())
    return tables.texts(record.tree, found)


_ONE_TABLE = ("jsonl", "csv", "parquet", "arrow")
_EXPLAINED = {"turns": 40, "cache": 0}
"""The reports that show what differs in texts that broke a cache: how many, beside the worst of each cause."""


def _check_texts(name: str, form: str, output: str, table: str, *, include_text: bool) -> None:
    """Texts are a table of their own: a format of one table cannot carry them beside another."""
    if output and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        form = Path(output).suffix.removeprefix(".").lower()
    elif output:
        return
    if include_text and form in _ONE_TABLE and not table:
        raise UsageError(
            f"--include-text: {form} carries one table; add --table texts for the texts, or use --json for {name} and "
            "texts together"
        )


def add_excerpts(name: str, study: Study, analysis: Analysis, asked: Asked, *, show_text: bool) -> None:
    """Put the table of excerpts into the analysis of a report that shows them, where a cache was broken by a text."""
    from agentcost.excerpts import excerpts  # noqa: PLC0415 — heavy

    if name in _EXPLAINED:
        requests = analysis.tables["requests"]
        analysis.tables["excerpts"] = excerpts(
            study, requests, asked.reading(), most=_EXPLAINED[name], show_text=show_text
        )


_WARNED = 3


def warn(record: Record) -> None:
    """What could not be read, on standard error."""
    for skip in record.skipped[:_WARNED]:
        sys.stderr.write(f"agentcost: {skip.place}: skipped: {skip.reason}\n")
    if len(record.skipped) > _WARNED:
        sys.stderr.write(f"agentcost: {len(record.skipped) - _WARNED} more records skipped; --full lists them\n")


def view_of(name: str, analysis: Analysis, *, full: bool, limit: int | None) -> RenderableType:
    """The report as it is drawn at the width of the terminal; `limit` is how many tools or turns were asked for."""
    from agentcost.views import VIEWS  # noqa: PLC0415 — heavy
    from agentcost.views.against import below_the_bill  # noqa: PLC0415 — heavy
    from agentcost.views.full import with_accounts  # noqa: PLC0415 — heavy
    from agentcost.views.tools import tools  # noqa: PLC0415 — heavy
    from agentcost.views.turns import turns  # noqa: PLC0415 — heavy

    limited = {"tools": tools, "turns": turns}
    if name not in limited:
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
    """Print a view. Colour follows the terminal and NO_COLOR."""
    from rich.console import Console  # noqa: PLC0415 — heavy

    Console(width=width(), soft_wrap=False, highlight=False, emoji=False, markup=False).print(view)


def deliver(analysis: Analysis, kind: str, form: str, output: str, table: str) -> None:
    """Data instead of a report: to a file by its suffix, or to standard output in a format."""
    from agentcost.export import describe_tables, export, write  # noqa: PLC0415 — heavy

    if table == "list":
        sys.stdout.write(describe_tables(analysis))
    elif output:
        write(analysis, output, kind, table or None)
    else:
        sys.stdout.buffer.write(export(analysis, kind, "json" if form == "text" else form, table or None))
        sys.stdout.buffer.flush()
