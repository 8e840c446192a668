"""One terminal report per file: view(analysis, width) -> what rich prints. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType

from agentcost.results import Analysis
from agentcost.views.analyze import analyze
from agentcost.views.cache import cache
from agentcost.views.full import full
from agentcost.views.tools import tools
from agentcost.views.turns import turns

VIEWS: dict[str, Callable[[Analysis, int], RenderableType]] = {
    "analyze": analyze,
    "cache": cache,
    "full": full,
    "tools": tools,
    "turns": turns,
}
