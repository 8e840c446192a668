"""What the user named, as sources: files, folders, globs, and standard input."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from agentcost.errors import AgentcostError
from agentcost.ingest.contract import Source
from agentcost.ingest.source import FileSource, StreamSource

STANDARD_INPUT = "-"

SUFFIXES = frozenset(
    {
        "",
        ".csv",
        ".agentcost",
        ".db",
        ".eval",
        ".har",
        ".json",
        ".jsonl",
        ".log",
        ".ndjson",
        ".traj",
        ".tsv",
        ".txt",
        ".yaml",
        ".yml",
        ".gz",
        ".gzip",
        ".zst",
        ".zstd",
    }
)
"""Of files in folders that may be logs. A file the user names may have any."""


class Input(msgspec.Struct, frozen=True):
    """A source. `named` says that the user meant this very file, so that it has to be a log."""

    source: Source
    named: bool


class Inputs(msgspec.Struct, frozen=True):
    """The sources in order: arguments as given, the files of a folder or glob sorted. No file comes twice."""

    members: tuple[Input, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources alone."""
        return tuple(member.source for member in self.members)


def find_sources(arguments: Sequence[str], standard_input: BinaryIO | None = None) -> Inputs:
    """What the arguments name. AgentcostError for a path that is not there and a folder without a log."""
    members: list[Input] = []
    seen: set[Path] = set()
    for argument in arguments:
        if argument == STANDARD_INPUT:
            members.append(Input(_standard_input(standard_input, members), named=True))
            continue
        for member, path in _named(argument):
            real = path.resolve()
            if real not in seen:
                seen.add(real)
                members.append(member)
    return Inputs(tuple(members))


def _standard_input(stream: BinaryIO | None, members: Sequence[Input]) -> StreamSource:
    if stream is None:
        raise AgentcostError("nothing is piped to standard input; name a log, or pipe one in")
    if any(isinstance(member.source, StreamSource) and member.source.stream is stream for member in members):
        raise AgentcostError("- is named twice; standard input can be read only once")
    return StreamSource("standard input", stream)


def _named(argument: str) -> Iterator[tuple[Input, Path]]:
    path = Path(argument).expanduser()
    if path.is_dir():
        yield from _in_folder(path)
    elif path.exists():
        yield Input(_source(path), named=True), path
    else:
        yield from _in_glob(argument, path)


def _source(path: Path) -> Source:
    """A pipe in the file system (`<(zcat log)`) is a stream: it cannot be mapped, nor read twice."""
    if path.is_file():
        return FileSource(_shown(path), path)
    return StreamSource(_shown(path), path.open("rb"))


def _shown(path: Path) -> str:
    """The path as text; a name that is not UTF-8, as file systems may hold one, with question marks."""
    return str(path).encode("utf-8", "replace").decode()


def _in_folder(folder: Path) -> Iterator[tuple[Input, Path]]:
    paths = sorted(_files(folder))
    if not paths:
        raise AgentcostError(
            f"{folder} holds no log ({' '.join(sorted(SUFFIXES)).strip()}); name a file or folder of logs"
        )
    for path in paths:
        yield Input(FileSource(_shown(path), path), named=False), path


def _files(folder: Path) -> Iterator[Path]:
    """The files that may be logs; hidden ones and hidden folders below are left out, links to folders not followed."""
    try:
        entries = list(folder.iterdir())
    except PermissionError as error:
        raise AgentcostError(f"{folder} may not be read; allow it (chmod u+rx) or leave it out") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        elif entry.is_file() and _may_be_log(entry):
            yield entry


def _may_be_log(path: Path) -> bool:
    """By its suffix; a number is what rotation makes of it (`requests.log.1`)."""
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or suffix[1:].isdigit()


def _in_glob(argument: str, path: Path) -> Iterator[tuple[Input, Path]]:
    if not glob.has_magic(argument):
        raise AgentcostError(f"{argument} does not exist; {_suggestion(path)}")
    found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # takes absolute patterns too
    for match in map(Path, found):
        for file in sorted(_files(match)) if match.is_dir() else [match]:
            yield Input(_source(file), named=False), file
    if not found:
        raise AgentcostError(f"no file matches {argument}; check the pattern (** goes into folders)")


def _suggestion(path: Path) -> str:
    """The sibling whose name is nearest, or the part of the path that is missing."""
    parent = path.parent
    if not parent.is_dir():
        missing = next(folder for folder in (*reversed(parent.parents), parent) if not folder.is_dir())
        return f"there is no folder {missing}"
    near = difflib.get_close_matches(path.name, sorted(entry.name for entry in parent.iterdir()), n=1)
    return f"did you mean {parent / near[0]}?" if near else f"look what there is with: ls {parent}"
