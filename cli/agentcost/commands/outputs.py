"""Where a report of the gate goes: one form to standard output, others into files by their suffix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcost.commands.asked import Asked
from agentcost.commands.reading import refuse_to_overwrite, write
from agentcost.commands.report import draw, width, with_rate
from agentcost.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.units import Currency

FORMATS = ("text", "json", "md", "github", "junit")
SUFFIXES = {".json": "json", ".md": "md", ".xml": "junit", ".txt": "text"}

Forms = Mapping[str, Callable[..., Any]]
"""By form: bytes, and for `text` a view at a width."""


def currency_for(form: str, files: Sequence[str], asked: Asked) -> Currency:
    """What dollars are shown in; a report for machines, and what is written beside it, is in dollars."""
    forms = [form, *(SUFFIXES.get(Path(file).suffix.lower(), "") for file in files)]
    return asked.currency(data=any(one in ("json", "junit") for one in forms))


def write_out(form: str, files: Sequence[str], forms: Forms, logs: Sequence[str]) -> None:
    """Print a report in a form, and write it to files. A log is never written over."""
    for file in files:
        own = SUFFIXES.get(Path(file).suffix.lower(), "")
        if own not in forms:
            known = " ".join(suffix for suffix, name in SUFFIXES.items() if name in forms)
            raise UsageError(f"-o {file}: the suffix says the format; there are {known}")
        refuse_to_overwrite("-o", file, logs)
        content = _drawn(forms["text"]) if own == "text" else forms[own]()
        assert isinstance(content, bytes)
        write("-o", file, content)
    if form == "text":
        view = forms["text"](width())
        draw(view)
        return
    content = forms[form]()
    assert isinstance(content, bytes)
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _drawn(view: Callable[..., RenderableType]) -> bytes:
    """A view as text of 80 columns."""
    from io import StringIO  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415 — heavy

    file = StringIO()
    console = Console(file=file, width=80, no_color=True, highlight=False, emoji=False, markup=False)
    console.print(with_rate(view(80), 80))
    return file.getvalue().encode()
