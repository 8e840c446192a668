"""`agentcost find`: agent logs on this machine, where the clients keep them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

PLACES: tuple[tuple[str, str, str, str], ...] = (
    ("Claude Code", "CLAUDE_CONFIG_DIR", ".claude", "projects/**/*.jsonl"),
    ("Codex", "CODEX_HOME", ".codex", "sessions/**/*.jsonl"),
    ("Gemini CLI", "", ".gemini", "tmp/*/chats/*.json*"),
    ("pi", "PI_CODING_AGENT_DIR", ".pi/agent", "sessions/**/*.jsonl"),
    ("claude-trace", "", "", ".claude-trace/*.jsonl"),
)
"""Client, the variable that moves its folder, the folder below home, and where its logs lie in it."""


def find() -> None:
    """Agent logs on this machine, where the clients keep them."""
    found = list(_found())
    for client, folder, files, size in found:
        sys.stdout.write(f"{client:<14}{files:>6} logs {size / 1e6:>9,.1f} MB  {folder}\n")
    if found:
        sys.stdout.write(f"\nagentcost analyze {found[0][1]}\n")
    else:
        sys.stdout.write("no agent logs found; name a file or a folder: agentcost analyze LOG\n")


def _found() -> Iterator[tuple[str, Path, int, int]]:
    for client, variable, folder, pattern in PLACES:
        own = os.environ.get(variable) if variable else None
        base = Path(own) if own else Path.home() / folder
        files = [path for path in base.glob(pattern) if path.is_file()]
        if files:
            yield client, base / pattern.partition("/")[0], len(files), sum(path.stat().st_size for path in files)
