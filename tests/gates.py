"""What tests of the gate need: its scenarios, runs summed up from records, and the commands."""

from __future__ import annotations

from functools import lru_cache
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType
from typer.testing import CliRunner

from agentcost.choices import Choices
from agentcost.gate.baseline import Baseline
from agentcost.gate.verdicts import Difference
from agentcost.ingest.inputs import find_sources
from agentcost.judging.diff import difference
from agentcost.loading.logs import Reading, load_logs
from agentcost.main import app
from agentcost.record import Record
from agentcost.results import Ruler
from agentcost.summing.summed import summed_up

GATE = Path(__file__).parents[1] / "fixtures" / "gate"
SCENARIOS = ("description-doubled", "history-not-truncated", "mcp-enabled", "model-switched", "nothing", "timestamp",
             "tool-added")  # fmt: skip


@lru_cache(maxsize=32)
def record(path: str) -> Record:
    """The record of a log."""
    return load_logs(find_sources([path], None).sources, Reading(threads=False))


def run(path: Path | str, rulers: tuple[Ruler, ...] = (), wanted: tuple[tuple[str, str], ...] = ()) -> Baseline:
    """A log summed up."""
    return summed_up(record(str(path)), Choices(), rulers, wanted)


@lru_cache(maxsize=32)
def pair(scenario: str) -> tuple[Baseline, Baseline]:
    """Both runs of a scenario, under one ruler."""
    base = run(GATE / scenario / "base.jsonl")
    return base, run(GATE / scenario / "head.jsonl", tuple(base.rulers))


def compared(scenario: str, *, reverse: bool = False) -> Difference:
    """A scenario's difference."""
    return difference(*pair(scenario), ("base.jsonl", "head.jsonl"), reverse=reverse)


def printed(view: RenderableType, width: int) -> str:
    """A view as plain text."""
    file = StringIO()
    Console(file=file, width=width, no_color=True, highlight=False, emoji=False, markup=False).print(view)
    return file.getvalue()


def command(*arguments: object) -> tuple[int, str]:
    """Exit status and standard output of a command; an error of ours is raised."""
    found = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return found.exit_code, found.stdout
