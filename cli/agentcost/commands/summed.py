"""A run that is compared: read from logs, saved records or a baseline, or from a captured prefix without any log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from agentcost.commands.asked import Asked
from agentcost.commands.reading import read, refuse_skips
from agentcost.errors import AgentcostError, UsageError
from agentcost.gate.baseline import Baseline
from agentcost.record import Record

if TYPE_CHECKING:
    from agentcost.fixedprefix import Captured


class Run(msgspec.Struct, frozen=True):
    """A run as it was read, before it is evaluated; `static` says that it is no log but a captured prefix.

    All runs are read before any is summed up: that starts threads, and reading may fork, which threads do not survive.
    """

    read: Record | Baseline
    asked: Asked
    static: bool = False

    def summed(self, base: Baseline | None = None, wanted: Sequence[tuple[str, str]] = ()) -> Baseline:
        """The run summed up, measured as `base` was where that knows its models."""
        if isinstance(self.read, Baseline):
            return self.read
        from agentcost.summing.summed import summed_up  # noqa: PLC0415 — heavy

        rulers = base.rulers if base else ()
        return summed_up(self.read, self.asked.choices(), rulers, wanted, static=self.static)


def run_of(logs: Sequence[str], asked: Asked, model: str = "", *, quiet: bool = False, static: bool = True) -> Run:
    """The run in logs, in one baseline, or (where `static` inputs may be) in captured prefixes, which `model` counts
    where they name none."""
    own = replace(asked, logs=tuple(logs))
    kept = baseline_in(logs)
    if kept:
        return Run(kept, own)
    files = prefixes_in(logs) if static else []
    if files:
        from agentcost.fixedprefix import fixed_prefix  # noqa: PLC0415 — heavy

        return Run(fixed_prefix(files, model), own, static=True)
    record = read(own, quiet=quiet)
    refuse_skips(own, record)
    return Run(record, own)


def baseline_in(logs: Sequence[str]) -> Baseline | None:
    """The baseline where that is what is named; None for logs. One baseline stands alone."""
    from agentcost.gate.baseline import is_baseline, load  # noqa: PLC0415 — heavy

    named = [Path(log) for log in logs if log != "-" and Path(log).is_file()]
    kept = [path for path in named if is_baseline(_head(path))]
    if kept and len(logs) > 1:
        raise UsageError(f"{kept[0]}: a baseline stands alone; leave out the other files")
    return load(kept[0].read_bytes(), str(kept[0])) if kept else None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(200)
    except OSError as error:
        raise AgentcostError(f"{path}: cannot be read ({error.strerror})") from error


def prefixes_in(logs: Sequence[str]) -> list[Captured]:
    """The captured prefixes where that is what is named (FILE, SERVER=FILE, or a folder of such); none for logs."""
    found: list[Captured] = []
    others: list[str] = []
    for argument in logs:
        server, divider, file = argument.rpartition("=")
        path = Path(argument) if not divider or Path(argument).exists() else Path(file)
        captured = _captured(path, server if str(path) != argument else "") if argument != "-" else []
        found += captured
        others += [argument] * (not captured)
    if found and others:
        raise UsageError(f"{found[0].name} is no log and {others[0]} is; check logs and captured prefixes one by one")
    return found


def _captured(path: Path, server: str) -> list[Captured]:
    """What a file, or all files of a folder hold of a prefix; nothing where any of them is something else.

    AgentcostError for an empty list: a gate that measured nothing must not pass.
    """
    from agentcost.fixedprefix import LARGEST, Captured, is_empty_list, is_fixed_prefix  # noqa: PLC0415 — heavy

    inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []
    files = inside or [path] * path.is_file()
    if any(file.stat().st_size > LARGEST or (inside and file.suffix != ".json") for file in files):
        return []
    found: list[Captured] = []
    for file in files:
        content = file.read_bytes()
        if is_empty_list(content):
            raise AgentcostError(f"{file}: an empty list: no tool and no request, so there is nothing to check")
        if not is_fixed_prefix(content):
            return []
        found.append(Captured(str(file), content, server))
    return found
