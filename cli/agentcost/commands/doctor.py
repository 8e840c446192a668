"""`agentcost formats --doctor`: what is recognised in a log, what is not and why, and how to map it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentcost.commands.report import draw, width
from agentcost.commands.sheets import write_tables
from agentcost.units import plural

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.ingest.contract import Source
    from agentcost.loading.doctor import Became, Diagnosis, Near
    from agentcost.loading.logs import Reading

_MOST_KEYS = 8
_BESIDE = 20
"""Columns of the numbers and kinds of records beside what they are, which is told in full: lines and keys give way."""


def doctor(sources: Sequence[Source], reading: Reading, *, json: bool) -> None:
    """Print what becomes of each log."""
    from agentcost.loading.doctor import examine  # noqa: PLC0415 — heavy

    if json:
        write_tables("doctor", {"logs": [examine(source, reading) for source in sources]})
        return
    for number, source in enumerate(sources):
        found = examine(source, reading)
        if number:
            sys.stdout.write("\n")
        draw(diagnosis(found, width()))
        if found.starter:
            sys.stdout.write(f"\n{found.starter}")


def diagnosis(found: Diagnosis, columns: int) -> RenderableType:
    """What takes the log, what its records became, what requests tell, and what it resembles."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.views.layout import plain, title  # noqa: PLC0415 — heavy

    parts: list[RenderableType] = [title(_verdict(found), columns)]
    parts += [plain(sentence, columns) for sentence in _sentences(found)]
    read = [part for part in found.became if part.kind != "skipped"]
    if found.became:
        parts += [Text(), *([_table(read, columns)] if read else [])]
        parts += _skipped([part for part in found.became if part.kind == "skipped"], columns)
    for near in found.near:
        parts += [Text(), *_near(near, columns)]
    if found.starter:
        parts += [Text(), plain(_remedy(found), columns)]
    return Group(*parts)


def _verdict(found: Diagnosis) -> str:
    if found.reason:
        return f"{found.name} {found.reason}."
    if not found.format:
        return f"{found.name}: no format that agentcost knows."
    if found.requests:
        return f"{found.name}: read as {found.format}, {plural(found.requests, 'request')}."
    return f"{found.name}: read as {found.format}, without any request."


def _sentences(found: Diagnosis) -> Iterator[str]:
    if found.about:
        learned = f" Read as learned from {found.learned}." if found.learned else ""
        yield f"{found.format}: {found.about}.{learned}"
    if found.also:
        yield f"It would also pass for {', '.join(found.also)}; --input-format NAME forces one."
    if found.tells:
        of = found.requests
        yield (
            "Requests tell " + ", ".join(_share(what, count, of) for what, count in found.tells.items() if count) + "."
        )
        missing = [what for what, count in found.tells.items() if not count]
        if missing:
            yield f"None tells {', '.join(missing)}."
    if not found.format and found.keys:
        yield f"Its first record has {_listed(found.keys)}."
    if not found.format and not found.keys and not found.reason:
        yield "It has no JSON object and no line of named columns: logs are JSON, a value a line or whole, or CSV."


def _share(what: str, count: int, of: int) -> str:
    return what if count == of else f"{what} ({count:,} of {of:,})"


def _listed(keys: Sequence[str]) -> str:
    left = len(keys) - _MOST_KEYS
    return ", ".join(keys[:_MOST_KEYS]) + (f" and {left:,} more" if left > 0 else "")


def _table(became: Sequence[Became], columns: int) -> RenderableType:
    """Requests and other records by kind."""
    from agentcost.views.layout import Column, Table, filled  # noqa: PLC0415 — heavy

    whats = [part.what.removeprefix("request") for part in became]
    return Table(
        filled(
            Column("records", [f"{part.count:,}" for part in became]),
            Column("became", [part.kind for part in became], name=7),
            Column("what", whats, name=max(36, min(max(map(len, whats)), columns - _BESIDE)), keeps="start"),
            Column("first lines", [", ".join(part.places) for part in became], 1, name=11, keeps="start"),
            Column("keys", [", ".join(part.keys) for part in became], 2, name=16, keeps="start"),
        ),
        columns,
    )


def _skipped(became: Sequence[Became], columns: int) -> Iterator[RenderableType]:
    """Why records could not be read, in full."""
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.units import printable  # noqa: PLC0415 — with rich
    from agentcost.views.layout import Paragraph  # noqa: PLC0415 — heavy

    for part in became:
        lines = f"({'line' if len(part.places) == 1 else 'first lines'} {', '.join(part.places)})"
        text = f"{part.what} {lines}" if part.places else part.what
        yield Paragraph(Text(printable(text), style="yellow"), columns, f"{part.count:>7,}  skipped  ")


def _near(near: Near, columns: int) -> Iterator[RenderableType]:
    from agentcost.views.layout import plain, quiet  # noqa: PLC0415 — heavy

    yield plain(f"Nearest: {near.format} ({near.about}).", columns)
    yield quiet(f"has {_listed(near.has)}; lacks {_listed(near.lacks) or 'nothing'}", columns)


def _remedy(found: Diagnosis) -> str:
    if found.format == "bill":
        return "The sums of a bill are compared with logs of the same days:"
    if found.starter.startswith("agentcost"):
        return "A table is read when its columns are named; guessed from its header:"
    return "A mapping of its fields makes it readable. To start from:"
