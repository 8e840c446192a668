"""`agentcost diff BASE HEAD`: what changed between two runs, and why."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.outputs import FORMATS, Forms, currency_for, write_out
from agentcost.errors import UsageError
from agentcost.units import shown_in

Base = Annotated[str, typer.Argument(metavar="BASE", help="A log, a folder, a saved record or a baseline.")]
Head = Annotated[str, typer.Argument(metavar="HEAD", help="The same, after the change.")]
Reverse = Annotated[
    bool, typer.Option("--reverse", help="Beside it the split in the opposite order: how much the order matters.")
]
Threshold = Annotated[
    str, typer.Option("--threshold", metavar="1%", help="Markdown is empty where a request changed by less than this.")
]
_KINDS = tuple(name for name in FORMATS if name != "junit")
DiffFormat = Annotated[str, options.choice("--format", *_KINDS, says=options.PRINTED)]
Outputs = Annotated[
    list[str] | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write here too, by suffix: .json .md .xml .txt; repeatable."),
]
Places = Annotated[bool, typer.Option("--show-paths", help="With --format github: paths and lines too.")]


@options.composed(asked=options.only(*options.RUN, "rate", *options.COST))
def diff(
    base: Base,
    head: Head,
    reverse: Reverse = False,
    threshold: Threshold = "1%",
    *,
    asked: Asked,
    format_: DiffFormat = "text",
    json: options.Json = False,
    output: Outputs = None,
    show_paths: Places = False,
    quiet: options.Quiet = False,
) -> None:
    """What changed between two runs and why: tokens and dollars split exactly by cause."""
    from agentcost.commands.summed import run_of  # noqa: PLC0415 — heavy
    from agentcost.judging.comments import difference_github, difference_json, difference_markdown  # noqa: PLC0415 — heavy
    from agentcost.judging.diff import difference  # noqa: PLC0415 — heavy
    from agentcost.views.diff import diff as view  # noqa: PLC0415 — heavy

    if base == head == "-":
        raise UsageError("diff - -: one of both can come from a pipe")
    least = options.share("--threshold", threshold)
    form = "json" if json else format_
    currency = currency_for(form, output or (), asked)
    runs = [run_of([name], asked, quiet=quiet) for name in (base, head)]
    before = runs[0].summed()
    after = runs[1].summed(before)
    names = base, head
    found = difference(before, after, names)
    turned = difference(before, after, names, reverse=True) if reverse else None
    forms: Forms = {
        "text": lambda width: view(found, width, turned),
        "json": lambda: difference_json(found, turned),
        "md": lambda: difference_markdown(found, least).encode(),
        "github": lambda: difference_github(found, places=show_paths, least=least).encode(),
    }
    with shown_in(currency):
        write_out(form, output or (), forms, [log for log in names if log != "-"])
    sys.stdout.flush()
