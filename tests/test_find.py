"""`agentcost find` finds what clients left where they leave it, and says the command that reads it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.opencode_database import write
from tests.reading import FIXTURES, ROOT_FOLDER

from agentcost.commands.find import CLIENTS
from agentcost.ingest.readers import READERS

# client, where its log lies below home or the working directory, the variable that moves it, where it lies then
KEPT = [
    ("Claude Code", "home/.claude/projects/-srv-app/s.jsonl", "CLAUDE_CONFIG_DIR", "projects/-srv-app/s.jsonl",
     "claude-code/session.jsonl"),
    ("Codex", "home/.codex/sessions/2026/03/01/rollout-1.jsonl", "CODEX_HOME", "sessions/2026/03/01/rollout-1.jsonl",
     "codex/session.jsonl"),
    ("Gemini CLI", "home/.gemini/tmp/ab12/chats/session-1.json", "GEMINI_CLI_HOME",
     ".gemini/tmp/ab12/chats/session-1.json", "gemini-cli/session.json"),
    ("pi", "home/.pi/agent/sessions/--srv--/s.jsonl", "PI_CODING_AGENT_DIR", "sessions/--srv--/s.jsonl",
     "pi/tree.jsonl"),
    ("opencode", "home/.local/share/opencode/storage/message/ses_1/msg_1.json", "", "", "opencode/message.json"),
    ("Cline", "home/.config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json", "", "",
     "cline/ui_messages.json"),
    ("Roo Code", "home/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline/tasks/1/ui_messages.json", "", "",
     "cline/ui_messages.json"),
    ("Copilot CLI", "home/.copilot/session-state/1/events.jsonl", "", "", "copilot-cli/events.jsonl"),
    ("mini-swe-agent", "home/.config/mini-swe-agent/last_mini_run.traj.json", "MSWEA_GLOBAL_CONFIG_DIR",
     "last_mini_run.traj.json", "mini-swe-agent/run.traj.json"),
    ("SWE-agent", "here/trajectories/ann/run/shop-7/shop-7.traj", "SWE_AGENT_TRAJECTORY_DIR", "ann/run/shop-7.traj",
     "swe-agent/acme__shop-7.traj"),
    ("Inspect", "here/logs/2026-03-01_mending.eval", "INSPECT_LOG_DIR", "2026-03-01_mending.eval",
     "inspect_ai/mending.json"),
    ("OpenHands", "home/.openhands/conversations/1/base_state.json", "", "", "openhands/conversation/base_state.json"),
    ("tau-bench", "here/results/run.json", "", "", "tau-bench/results.json"),
    ("claude-trace", "here/.claude-trace/log-1.jsonl", "", "", "quickstart.jsonl"),
]  # fmt: skip
MOVED = [row for row in KEPT if row[2]]


def agentcost(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a home and a working directory in a folder."""
    for name in ("home", "here"):
        (folder / name).mkdir(exist_ok=True)
    own = {client.variable for client in CLIENTS}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT_FOLDER / "cli"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "agentcost", *arguments], capture_output=True, text=True, env=environment,
        cwd=folder / "here", timeout=60, check=False,
    )  # fmt: skip


def put(path: Path, fixture: str) -> None:
    """A log where a client would have left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(FIXTURES / fixture, path)
    os.utime(path, (1772366400, 1772366400))


def test_every_client_is_looked_for() -> None:
    assert [row[0] for row in KEPT] == [client.name for client in CLIENTS]
    transcripts = {reader.name for reader in READERS if reader.knowledge == "transcript"}
    assert transcripts <= {client.name.lower().replace(" ", "-") for client in CLIENTS}


@pytest.mark.parametrize(("client", "where", "variable", "moved", "fixture"), KEPT, ids=[row[0] for row in KEPT])
def test_a_log_is_found_and_the_command_reads_it(
    client: str, where: str, variable: str, moved: str, fixture: str, tmp_path: Path
) -> None:
    del variable, moved
    put(tmp_path / where, fixture)
    found = agentcost(tmp_path, "find")
    head, command = found.stdout.splitlines()
    assert head.startswith(client)
    assert "1 log " in head
    assert head.endswith("MB   last written 2026-03-01")
    assert len(head) <= 80
    words = shlex.split(command.replace("~/", str(tmp_path / "home") + "/"))
    read = agentcost(tmp_path, *words[1:], "--json")
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["totals"]


@pytest.mark.parametrize(("client", "where", "variable", "moved", "fixture"), MOVED, ids=[row[0] for row in MOVED])
def test_the_variable_of_a_client_moves_its_logs(
    client: str, where: str, variable: str, moved: str, fixture: str, tmp_path: Path
) -> None:
    put(tmp_path / where, fixture)  # what lies in the old place is not the client's any more
    put(tmp_path / "else where" / moved, fixture)
    found = agentcost(tmp_path, "find", **{variable: str(tmp_path / "else where")})
    head, command = found.stdout.splitlines()
    assert head.startswith(client)
    folder = Path(shlex.split(command)[-1])
    assert folder.is_relative_to(tmp_path / "else where")
    assert list(folder.rglob(Path(moved).name))


def test_all_clients_are_told_one_after_the_other(tmp_path: Path) -> None:
    for _, where, _, _, fixture in KEPT:
        put(tmp_path / where, fixture)
    put(tmp_path / "home" / ".codex" / "archived_sessions" / "old.jsonl", "codex/session.jsonl")
    found = agentcost(tmp_path, "find").stdout.splitlines()
    assert len(found) == 2 * (len(KEPT) + 1)
    assert all(line.startswith("  agentcost analyze ") for line in found[1::2])
    assert found[1] == "  agentcost analyze ~/.claude/projects"


def test_completions_of_openhands_lie_where_it_was_run(tmp_path: Path) -> None:
    put(tmp_path / "here" / "logs" / "completions" / "app" / "1.json", "litellm/openhands.json")
    head, command = agentcost(tmp_path, "find").stdout.splitlines()
    assert head.startswith("OpenHands")
    assert command == "  agentcost analyze logs/completions"


def test_a_database_is_named_itself_and_not_the_folder_with_all_else(tmp_path: Path) -> None:
    place = tmp_path / "home" / ".local" / "share" / "opencode"
    place.mkdir(parents=True)
    write(place / "opencode.db", json.loads((FIXTURES / "opencode" / "session.json").read_text()))
    put(place / "storage" / "message" / "ses_1" / "msg_1.json", "opencode/message.json")
    found = agentcost(tmp_path, "find").stdout.splitlines()
    assert [line.strip() for line in found[1::2]] == [
        "agentcost analyze ~/.local/share/opencode/opencode.db",
        "agentcost analyze ~/.local/share/opencode/storage/message",
    ]
    read = agentcost(tmp_path, "analyze", str(place / "opencode.db"), "--json")
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["totals"]


def test_nothing_found_says_what_to_do(tmp_path: Path) -> None:
    found = agentcost(tmp_path, "find")
    assert found.returncode == 0
    assert "no agent logs found" in found.stdout
    for command in ("agentcost analyze LOG", "agentcost formats", "agentcost capture --help"):
        assert command in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80
