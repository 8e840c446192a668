"""`agentcost find`: agent logs on this machine, where the clients keep them."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

import msgspec

from agentcost.commands.report import width


class Client(msgspec.Struct, frozen=True):
    """Who keeps logs, and where: `logs` are patterns in any of the `folders`, which are below home, or below the
    working directory where they begin with a dot and a slash. The folder that `variable` names takes their place, and
    the logs then lie in its `below`."""

    name: str
    folders: tuple[str, ...]
    logs: tuple[str, ...]
    variable: str = ""
    below: str = ""


_EXTENSIONS = tuple(
    f"{place}/Code/User/globalStorage" for place in (".config", "Library/Application Support", "AppData/Roaming")
)
"""Where VS Code's extensions keep what is theirs."""
_TASKS = ("tasks/*/ui_messages.json",)

CLIENTS: tuple[Client, ...] = (
    Client("Claude Code", (".claude", ".config/claude"), ("projects/**/*.jsonl",), "CLAUDE_CONFIG_DIR"),
    Client("Codex", (".codex",), ("sessions/**/*.jsonl", "archived_sessions/**/*.jsonl"), "CODEX_HOME"),
    Client("Gemini CLI", (".gemini",), ("tmp/*/chats/*.json*",), "GEMINI_CLI_HOME", ".gemini"),
    Client("pi", (".pi/agent",), ("sessions/**/*.jsonl",), "PI_CODING_AGENT_DIR"),
    Client("opencode", (".local/share/opencode",), ("opencode.db", "storage/message/*/*.json")),
    Client("Cline", tuple(f"{place}/saoudrizwan.claude-dev" for place in _EXTENSIONS), _TASKS),
    Client("Roo Code", tuple(f"{place}/rooveterinaryinc.roo-cline" for place in _EXTENSIONS), _TASKS),
    Client("Copilot CLI", (".copilot",), ("session-state/*/events.jsonl", "session-state/*.jsonl")),
    Client(
        "mini-swe-agent", (".config/mini-swe-agent", "Library/Application Support/mini-swe-agent"), ("*.traj.json",),
        "MSWEA_GLOBAL_CONFIG_DIR",
    ),
    Client("SWE-agent", ("./trajectories",), ("**/*.traj",), "SWE_AGENT_TRAJECTORY_DIR"),
    Client("Inspect", ("./logs",), ("**/*.eval",), "INSPECT_LOG_DIR"),
    Client("OpenHands", (".openhands", "./logs"), ("conversations/*/base_state.json", "completions/**/*.json")),
    Client("tau-bench", ("./results", "./data/simulations"), ("*.json",)),
    Client("claude-trace", ("./.claude-trace",), ("*.jsonl",)),
)  # fmt: skip
"""The clients whose logs are read, with the variables that each looks at itself."""


class Found(msgspec.Struct, frozen=True):
    """Logs of a client in a folder: how many, their bytes, and when the latest was written (seconds)."""

    client: str
    folder: Path
    files: int
    size: int
    latest: float


def find() -> None:
    """Agent logs on this machine, and how to analyze them."""
    found = [one for client in CLIENTS for one in logs_of(client, os.environ.get(client.variable, ""), Path.home())]
    for one in found:
        sys.stdout.write(_told(one, Path.home(), width()))
    if not found:
        sys.stdout.write(_nothing(width()))


def logs_of(client: Client, named: str, home: Path) -> Iterator[Found]:
    """The logs of a client, by the file or first folder of their patterns; `named` is what its variable says."""
    places = [Path(named).expanduser() / client.below] if named else [_place(name, home) for name in client.folders]
    for base in places:
        for pattern in client.logs:
            folder = _folder(base, pattern)
            status = [path.stat() for path in sorted(base.glob(pattern)) if path.is_file()]
            if status:
                sizes, times = [one.st_size for one in status], [one.st_mtime for one in status]
                yield Found(client.name, folder, len(status), sum(sizes), max(times))


def _place(name: str, home: Path) -> Path:
    return Path(name) if name.startswith("./") else home / name


def _folder(base: Path, pattern: str) -> Path:
    """What is analyzed: the folder that a pattern begins with, up to where it holds a wildcard, or the one file."""
    for part in pattern.split("/")[: -1 if "*" in pattern else None]:
        if "*" in part:
            break
        base /= part
    return base


def _told(found: Found, home: Path, columns: int) -> str:
    day = datetime.fromtimestamp(found.latest, UTC).date()
    logs = f"{found.files:,} log{'s' * (found.files != 1)}"
    head = f"{found.client:<16}{logs:>12}{found.size / 1e6:>12,.1f} MB   last written {day}"
    if len(head) > columns:
        head = fill(" ".join(head.split()), columns, subsequent_indent="  ")
    return f"{head}\n  agentcost analyze {_written(found.folder, home)}\n"


def _written(folder: Path, home: Path) -> str:
    """A folder as a shell takes it, the short way where it is below home."""
    if folder.is_relative_to(home):
        rest = folder.relative_to(home).as_posix()
        if shlex.quote(rest) == rest:
            return f"~/{rest}"
    return shlex.quote(str(folder))


def _nothing(columns: int) -> str:
    names: Sequence[str] = list(dict.fromkeys(client.name for client in CLIENTS))
    listed = fill(", ".join(names), columns, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return (
        "no agent logs found where these clients keep them:\n"
        f"{listed}\n"
        "name a log or a folder:      agentcost analyze LOG\n"
        "see what else is read:       agentcost formats\n"
        "record a client's requests:  agentcost capture --help\n"
    )
