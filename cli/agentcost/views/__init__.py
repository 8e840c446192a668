"""One terminal report per file: view(analysis, width) -> what rich can print. A new report is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.views.analyze import analyze

VIEWS: dict[str, Callable[[Analysis, int], RenderableType]] = {
    "analyze": analyze,
}
