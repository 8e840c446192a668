"""The command line: it alone prints, reads the environment, and exits."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from errno import ENOSPC
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from agentcost import __version__
from agentcost.errors import AgentcostError, Interrupted, UsageError

REPORTS = {
    "analyze": "Where the input tokens go: by component, over the log, and what to do about it.",
    "tools": "Every tool and MCP server: what its schema, calls and results carry, and which are never called.",
    "cache": "Every cache policy side by side, the misses by cause with evidence and mend.",
    "turns": "A row per request: turn, time, gap, tokens by cache class, output.",
}
"""The reports that show a whole log, and the help of each: they share commands/report.py."""

COMMANDS = REPORTS | {
    "show": "One session or request: its path as rows, and where it parted from the one before.",
    "kv": "KV footprint of a log or of --tokens, how many fit, hit rate by capacity, tiers, prefill.",
    "reprice": "The same log under other models, tiers, hosts, caching, plans, routings: a row each.",
    "check": "The gate: a log, or a captured prefix, against the limits of a budget.",
    "diff": "What changed between two runs and why: tokens and dollars split exactly by cause.",
    "baseline": "A run summed up in small, text-free JSON, to be kept and compared with.",
    "models": "The open models whose KV cache is known, and KV formats, with sources.",
    "hardware": "Accelerators and storage tiers, with sources.",
    "policies": "The cache policies that are simulated: values, sources, dates.",
    "prices": "What tokens of a model cost on a day, in every tier, from where.",
    "formats": "The log formats that are read, with an example of each.",
    "capture": "Save one request of a client, to explain a transcript's hidden prefix.",
    "redact": "A log without its text and names, to give away: it analyzes as the original does.",
    "find": "Agent logs on this machine.",
}
"""Every command and its help; all but the reports are the function of their name in commands/<name>.py."""


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"agentcost {__version__}\n")
        raise typer.Exit


def agentcost(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """See where the input tokens of LLM agents go: reads agent request logs, offline."""


def application(imported: Collection[str]) -> typer.Typer:
    """The application with those commands imported; of the others it has the names and the help."""
    app = typer.Typer(
        name="agentcost",
        help="See where the input tokens of LLM agents go: reads agent request logs, offline.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(agentcost)
    for name, words in COMMANDS.items():
        app.command(name, help=words)(_function(name) if name in imported else _not_asked_for)
    return app


def _function(name: str) -> Callable[..., None]:
    module = import_module(f"agentcost.commands.{'report' if name in REPORTS else name}")
    function: Callable[..., None] = module.command(name) if name in REPORTS else getattr(module, name)
    return function


def _not_asked_for() -> None:
    raise AssertionError("a command runs that the arguments do not name")


def __getattr__(name: str) -> typer.Typer:
    """`app` with every command, for those who look at all of it: a run imports the one that it was asked for."""
    if name != "app":
        raise AttributeError(name)
    return application(COMMANDS)


def main() -> NoReturn:
    """The console script: `run`, and away.

    What a run has built goes with its process: to take it apart object by object took a fifth of a small run.
    """
    status: object = 0
    try:
        run()
    except SystemExit as end:
        status = end.code
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status if isinstance(status, int) else bool(status))


def run() -> None:
    """A command: our own errors become one line and an exit status, 2 for wrong usage and 1 for the rest."""
    gc.disable()  # a record is many small objects and no cycles: collecting them took a third of the time
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # where text is no UTF-8, a bar that it lacks becomes a question mark
    try:
        try:
            application(COMMANDS.keys() & set(sys.argv))()
        finally:
            sys.stdout.flush()
    except Interrupted as error:
        _fail(str(error), 130)
    except UsageError as error:
        _fail(str(error), 2)
    except AgentcostError as error:
        _fail(str(error), 1)
    except BrokenPipeError:  # the reader of our output has gone: `| head`
        _drop_output()
        sys.exit(_CLOSED_PIPE)
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        _drop_output()
        _fail("no space is left where the output goes; free some, or write it elsewhere", 1)


def _drop_output() -> None:
    """What could not be written is not tried again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_CLOSED_PIPE = 128 + 13
"""What a shell tells of a command that SIGPIPE ended."""


def _interrupt(signal_number: int, frame: object) -> None:
    del signal_number, frame
    raise Interrupted("interrupted; nothing was written")


def _fail(message: str, status: int) -> None:
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    sys.stderr.write(f"{red}agentcost: {message}{plain}\n")
    sys.exit(status)
