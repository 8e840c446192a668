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


def baseline(
    logs: options.Logs = None,
    kv_model: KvModel = None,
    input_format: options.InputFormat = "",
    columns: options.Columns = "",
    prefix: options.Prefix = None,
    label: options.Label = None,
    since: options.Since = "",
    until: options.Until = "",
    tz: options.Zone = "UTC",
    where: options.Where = None,
    assume_gap: options.Gap = "",
    policy: options.Policy = "",
    scope_by: options.ScopeBy = "",
    price_file: options.PriceFile = "",
    price_date: options.PriceDate = "",
    billing: options.Billing = "",
    counter: options.Counter = "splintr",
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Counts a tools list without a log.")] = "",
    no_cache: options.NoCache = False,
    jobs: options.Jobs = 1,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
) -> None:
    """A run summed up in small, text-free JSON, to be kept in a repository and compared with."""
    from agentcost.baseline import dump  # noqa: PLC0415 — heavy
    from agentcost.cache.catalogue import load_policies  # noqa: PLC0415 — heavy
    from agentcost.commands.summed import run_of  # noqa: PLC0415 — heavy

    asked = Asked(
        logs=tuple(logs or ()), input_format=input_format, columns=columns, prefix=tuple(prefix or ()),
        label=tuple(label or ()), since=since, until=until, tz=tz, where=tuple(where or ()), assume_gap=assume_gap,
        counter=counter, cache=not no_cache, jobs=jobs, strict=strict, policy=policy, scope_by=scope_by,
        price_file=price_file, price_date=price_date, billing=billing,
    )  # fmt: skip
    run = run_of(asked.logs, asked, model, quiet=quiet)
    wanted = [("hit_rate", name) for name in load_policies()] + [
        ("kv_bytes_per_session", name) for name in kv_model or ()
    ]
    found = run.summed(wanted=wanted)
    sys.stdout.buffer.write(dump(found))
    sys.stdout.buffer.flush()
