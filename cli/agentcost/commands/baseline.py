"""`agentcost baseline LOG`: a run summed up in small, text-free JSON, to be kept in a repository."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked

KvModel = Annotated[
    list[str] | None,
    typer.Option("--kv-model", metavar="NAME[:FORMAT]", help="Keep a session's KV cache on this open model too."),
]


Model = Annotated[str, typer.Option("--model", metavar="NAME", help="Counts a tools list without a log.")]


@options.composed(asked=options.only("logs", *options.RUN, *options.COST))
def baseline(
    asked: Asked,
    kv_model: KvModel = None,
    model: Model = "",
    quiet: options.Quiet = False,
) -> None:
    """A run summed up in small, text-free JSON, to be kept in a repository and compared with."""
    from agentcost.cache.catalogue import load_policies  # noqa: PLC0415 — heavy
    from agentcost.commands.summed import run_of  # noqa: PLC0415 — heavy
    from agentcost.gate.baseline import dump  # noqa: PLC0415 — heavy

    run = run_of(asked.logs, asked, model, quiet=quiet)
    wanted = [("hit_rate", name) for name in load_policies()] + [
        ("kv_bytes_per_session", name) for name in kv_model or ()
    ]
    found = run.summed(wanted=wanted)
    sys.stdout.buffer.write(dump(found))
    sys.stdout.buffer.flush()
