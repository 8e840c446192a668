"""`agentcost check`: the gate. Exit status 0 within budget, 3 over it, 1 for an error, 2 without a budget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.diff import Outputs, Places
from agentcost.commands.outputs import FORMATS, Forms, currency_for, write_out
from agentcost.commands.reading import text_of
from agentcost.errors import AgentcostError, UsageError
from agentcost.units import shown_in

if TYPE_CHECKING:
    from agentcost.gate.baseline import Baseline
    from agentcost.gate.verdicts import Judgement
    from agentcost.judging.budget import Budget, Limit

OVER = 3
"""The exit status over budget."""

BudgetFile = Annotated[
    str, typer.Option("--budget", metavar="FILE", help="The limits; else agentcost.toml or pyproject.toml, upward.")
]
BaselineFile = Annotated[
    str,
    typer.Option("--baseline", metavar="FILE", help="What increases are measured from: a baseline, a log, a record."),
]
Limits = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="'METRIC<=VALUE'", help="A limit without a file: 'cost_per_session<=2.50'."),
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Counts a tools list or a body that names no model.")
]
CheckFormat = Annotated[str, options.choice("--format", *FORMATS, says=options.PRINTED)]


@options.composed(asked=options.only("logs", *options.RUN, "rate", *options.COST))
def check(
    budget: BudgetFile = "",
    baseline: BaselineFile = "",
    limit: Limits = None,
    model: Model = "",
    *,
    asked: Asked,
    format_: CheckFormat = "text",
    json: options.Json = False,
    output: Outputs = None,
    show_paths: Places = False,
    quiet: options.Quiet = False,
) -> None:
    """The gate: a log, or a captured prefix, against the limits of a budget."""
    from agentcost.commands.summed import run_of  # noqa: PLC0415 — heavy
    from agentcost.gate.verdicts import Judgement  # noqa: PLC0415 — heavy
    from agentcost.judging.verdict import judge  # noqa: PLC0415 — heavy

    form = "json" if json else format_
    currency = currency_for(form, output or (), asked)
    limits = budget_of(budget, tuple(limit or ()))
    name = baseline or (limits.baseline if limits else "")
    own, wanted = model or (limits.model if limits else ""), limits.wanted if limits else ()
    kept = run_of([name], asked, own, quiet=quiet) if name else None
    run = run_of(asked.logs, asked, own, quiet=quiet)
    before = kept.summed(wanted=wanted) if kept else None
    with shown_in(currency):
        head = run.summed(before, wanted)
    if limits is None:
        _start(head, name)
        return
    with shown_in(currency):
        found = Judgement(limits.name, asked.logs or ("-",), head.requests, head.static, judge(limits, head, before))
        write_out(form, output or (), _forms(found, places=show_paths), [log for log in asked.logs if log != "-"])
    if found.failed:
        sys.exit(OVER)


def _forms(found: Judgement, *, places: bool) -> Forms:
    from agentcost.judging.comments import judged_github, judged_json, judged_junit, judged_markdown  # noqa: PLC0415 — heavy
    from agentcost.views.check import check as view  # noqa: PLC0415 — heavy

    return {
        "text": lambda width: view(found, width),
        "json": lambda: judged_json(found),
        "md": lambda: judged_markdown(found).encode(),
        "github": lambda: judged_github(found, places=places).encode(),
        "junit": lambda: judged_junit(found).encode(),
    }


def _start(head: Baseline, baseline: str) -> None:
    """No budget: print one that this run keeps, and say so."""
    from agentcost.judging.starter import starter  # noqa: PLC0415

    sys.stdout.write(starter(head))
    sys.stdout.flush()
    if baseline:
        raise UsageError(
            f"no budget: nothing says how much more than {baseline} is too much; add --limit "
            "'fixed_prefix_tokens+<=5%' (or increase and percent in a budget, as the one above), "
            "or compare with `agentcost diff`"
        )
    raise UsageError("no budget: write the above into agentcost.toml, or give --budget FILE or --limit 'METRIC<=VALUE'")


def budget_of(file: str, given: tuple[str, ...]) -> Budget | None:
    """The budget that was named, else the nearest one upward; with limits of the command line alone, none is looked
    for. None where there is none."""
    from agentcost.judging.budget import Budget, read_budget, read_limit  # noqa: PLC0415 — heavy

    more = tuple(map(read_limit, given))
    found: Budget | None = None
    if file:
        text = text_of("--budget", file)
        found = read_budget(text, file, table=Path(file).name == "pyproject.toml")
        if found is None:
            raise AgentcostError(f"{file}: has no [tool.agentcost]")
    elif not more:
        found = _nearest(Path.cwd())
    if more:
        found = replace(found, limits=(*found.limits, *more)) if found else Budget("--limit", more)
    for limit in found.limits if found else ():
        try:
            _known(limit)
        except UsageError as error:
            if limit in more:
                raise
            raise AgentcostError(f"{found.name if found else ''}: {limit.metric} {error}") from error
    if found is not None and not found.limits:
        raise AgentcostError(f"{found.name}: sets no limit; `agentcost check LOG` without a budget prints one to start")
    return found


def _known(limit: Limit) -> None:
    """A policy or model that is not there is an error, as any unknown key is. UsageError names the nearest."""
    from agentcost.gate.metrics import AS_RUN  # noqa: PLC0415 — heavy

    if limit.metric == "hit_rate" and limit.of != AS_RUN:
        from agentcost.cache.catalogue import policy_named  # noqa: PLC0415 — heavy

        policy_named(limit.of)
    if limit.metric == "kv_bytes_per_session":
        from agentcost.datasheets.models import architecture_of, format_of  # noqa: PLC0415 — heavy

        model, _, form = limit.of.partition(":")
        architecture_of(model)
        format_of(form or "bf16")


def _nearest(folder: Path) -> Budget | None:
    """agentcost.toml, else [tool.agentcost] of pyproject.toml, of this folder or the nearest above."""
    from agentcost.judging.budget import read_budget  # noqa: PLC0415 — heavy

    for above in (folder, *folder.parents):
        for name in ("agentcost.toml", "pyproject.toml"):
            path = above / name
            if path.is_file():
                text = text_of("--budget", str(path))
                if not text.strip():  # it is just being written: agentcost check LOG > agentcost.toml
                    continue
                found = read_budget(text, _near_name(path, folder), table=name == "pyproject.toml")
                if found is not None:
                    return found
    return None


def _near_name(path: Path, folder: Path) -> str:
    """The file's name from the working directory: ../agentcost.toml."""
    steps = len(folder.relative_to(path.parent).parts)
    return "../" * steps + path.name
