"""The command line: it alone prints, reads the environment, and exits."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Annotated

import typer

from agentcost import __version__
from agentcost.commands import (
    baseline,
    capture,
    check,
    diff,
    find,
    formats,
    hardware,
    kv,
    models,
    policies,
    prices,
    redact,
    report,
    show,
)
from agentcost.errors import AgentcostError, Interrupted, UsageError

app = typer.Typer(
    name="agentcost",
    help="See where the input tokens of LLM agents go: reads agent request logs, offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"agentcost {__version__}\n")
        raise typer.Exit


@app.callback()
def agentcost(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """See where the input tokens of LLM agents go: reads agent request logs, offline."""


for _name in report.NAMES:
    app.command(_name, help=report.NAMES[_name])(report.command(_name))
app.command("show", help="One session or request: its path as rows, and where it parted from the one before.")(
    show.show
)
app.command("kv", help="KV footprint of a log or of --tokens, how many fit, hit rate by capacity, tiers, prefill.")(
    kv.kv
)
app.command("check", help="The gate: a log, or a captured prefix, against the limits of a budget.")(check.check)
app.command("diff", help="What changed between two runs and why: tokens and dollars split exactly by cause.")(diff.diff)
app.command("baseline", help="A run summed up in small, text-free JSON, to be kept and compared with.")(
    baseline.baseline
)
app.command("models", help="The open models whose KV cache is known, and KV formats, with sources.")(models.models)
app.command("hardware", help="Accelerators and storage tiers, with sources.")(hardware.hardware)
app.command("policies", help="The cache policies that are simulated: values, sources, dates.")(policies.policies)
app.command("prices", help="What tokens of a model cost on a day, in every tier, from where.")(prices.prices)
app.command("formats", help="The log formats that are read, with an example of each.")(formats.formats)
app.command("capture", help="Save one request of a client, to explain a transcript's hidden prefix.")(capture.capture)
app.command("redact", help="A log without its text and names, to give away: it analyzes as the original does.")(
    redact.redact
)
app.command("find", help="Agent logs on this machine.")(find.find)


def run() -> None:
    """The console script: our own errors become one line and an exit status, 2 for wrong usage and 1 for the rest."""
    gc.disable()  # a record is many small objects and no cycles: collecting them took a third of the time
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except Interrupted as error:
        _fail(str(error), 130)
    except UsageError as error:
        _fail(str(error), 2)
    except AgentcostError as error:
        _fail(str(error), 1)
    except BrokenPipeError:  # the reader of our output has gone: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _interrupt(signal_number: int, frame: object) -> None:
    del signal_number, frame
    raise Interrupted("interrupted; nothing was written")


def _fail(message: str, status: int) -> None:
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    sys.stderr.write(f"{red}agentcost: {message}{plain}\n")
    sys.exit(status)
