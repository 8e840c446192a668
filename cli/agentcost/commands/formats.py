"""`agentcost formats`: what is read, with an example line of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked, inputs
from agentcost.commands.doctor import doctor
from agentcost.commands.report import draw, width
from agentcost.errors import UsageError
from agentcost.ingest.contract import Origin

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.ingest.contract import Reader


@options.composed(reading=options.only("input_format", "columns"))
def formats(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One format, with its whole example.")] = "",
    log: Annotated[
        str,
        typer.Option("--doctor", metavar="FILE", help="What is recognised in a log, what is not, and how to map it."),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="What --doctor says, as JSON.")] = False,
    *,
    reading: Asked,
) -> None:
    """The log formats that are read, with an example of each."""
    if log:
        doctor(inputs([log]).sources, reading.reading(), json=json)
        return
    if json:
        raise UsageError("--json goes with --doctor FILE: formats are listed as text")
    from agentcost.ingest.readers import READERS  # noqa: PLC0415 — readers import the parsers

    if not name:
        draw(listed(READERS, width()))
        return
    found = next((reader for reader in READERS if reader.name == name), None)
    if found is None:
        names = [reader.name for reader in READERS]
        near = get_close_matches(name, names, n=1)
        raise UsageError(f"there is no format {name!r}; {f'did you mean {near[0]}?' if near else ', '.join(names)}")
    sys.stdout.write(described(found, width()))


def listed(readers: tuple[Reader, ...], columns: int) -> RenderableType:
    """Name, knowledge and what it is, then the two ends of an example line, per format."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.units import middle  # noqa: PLC0415 — with rich
    from agentcost.views.layout import Paragraph, quiet  # noqa: PLC0415 — heavy

    longest = max(len(reader.name) for reader in readers)
    kinds = max(len(reader.knowledge.value) for reader in readers)
    parts: list[RenderableType] = []
    for reader in readers:
        lead = f"{reader.name:<{longest}}  {reader.knowledge.value:<{kinds}}  "
        example = " ⏎ ".join(reader.example.split("\n"))
        parts.append(Paragraph(Text(f"{reader.about}{_unseen(reader)}"), columns, lead))
        parts.append(Text(f"  {middle(example, columns - 2)}", style="dim", no_wrap=True))
    parts += [
        Text(),
        quiet(
            "`agentcost formats NAME` shows the whole example, and what names sessions and users; `agentcost formats "
            "--doctor FILE` what is recognised in a log, and how to map one that is not; `from documentation` means "
            "that no recorded log could be had yet",
            columns,
        ),
    ]
    return Group(*parts)


def _unseen(reader: Reader) -> str:
    """What of a format was never seen recorded."""
    if reader.origin is Origin.DOCUMENTED:
        return f"; from {reader.origin}"
    return f"; {reader.unseen} from {Origin.DOCUMENTED}" if reader.unseen else ""


def described(reader: Reader, columns: int) -> str:
    """What a format is and tells, and its whole example, which is as wide as it is."""
    lines = (fill(line, columns, subsequent_indent="    ") for line in _sentences(reader))
    return "\n".join((*lines, "example:", reader.example, ""))


def _sentences(reader: Reader) -> Iterator[str]:
    yield f"{reader.name}: {reader.about}"
    yield f"knowledge: {reader.knowledge.value}"
    yield f"from: {reader.learned}"
    for field in reader.identity.split("; "):
        yield f"  {field}"
