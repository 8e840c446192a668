"""Commands run in this process, as at the root of the project, in a terminal of some width."""

from __future__ import annotations

import pytest
from tests.reading import ROOT_FOLDER
from typer.testing import CliRunner

from agentcost.main import app


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, width: int = 80) -> str:
    """What a command that succeeds prints."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(ROOT_FOLDER)
    found = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def too_wide(printed: str, width: int) -> list[str]:
    """The lines that do not fit, or end in blanks; an output without any line is one that does not."""
    return [line for line in printed.splitlines() or [" "] if len(line) > width or line != line.rstrip()]
