"""The shell of examples/ci runs as it stands: on a repository of its own, against stand-ins of GitHub and GitLab."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from tests.reading import FIXTURES, ROOT_FOLDER

from agentcost.ingest.yaml_values import load

EXAMPLES = ROOT_FOLDER / "examples" / "ci"
GATE = FIXTURES / "gate"
BUDGET = """\
min_requests = 10

[fail]
fixed_prefix_tokens = { increase = 40 }
"""
NEEDED = ("bash", "git", "jq", "curl")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"the runners' shells have {', '.join(NEEDED)}; this machine does not"
)


def example(name: str) -> Any:
    """An example's YAML as values."""
    return load((EXAMPLES / name).read_text(encoding="utf-8"))


class Machine:
    """A checkout with a remote, as a runner has it: `main` holds a budget, the pull request a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.tool("agentcost", f'exec "{sys.executable}" -m agentcost "$@"\n')
        for name in ("pip", "make"):
            self.tool(name, "exit 0\n")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(folder / "remote.git"), at=folder)
        self.git("clone", "--quiet", str(folder / "remote.git"), "work", at=folder)
        self.git("checkout", "--quiet", "-B", "main")
        (self.work / "agentcost.toml").write_text(BUDGET)
        self.git("add", "agentcost.toml")
        self.git("commit", "--quiet", "-m", "budget")
        self.git("push", "--quiet", "-u", "origin", "main")

    def tool(self, name: str, script: str) -> None:
        """A command on the runner's path."""
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{script}")
        path.chmod(0o755)

    def git(self, *arguments: str, at: Path | None = None) -> str:
        """Run git, its output."""
        found = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments], cwd=at or self.work,
            env=self.environment({}), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What a step finds in its environment."""
        kept = {name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR")}
        return kept | {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT_FOLDER / "cli"), "AGENTCOST_CACHE": str(self.folder / "cache"),
            "GIT_CONFIG_NOSYSTEM": "1", **more,
        }  # fmt: skip

    def shell(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub's and GitLab's runners do."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=self.work,
            env=self.environment(variables), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def log(self, scenario: str, side: str) -> None:
        """What the agent's run has recorded."""
        shutil.copyfile(GATE / scenario / f"{side}.jsonl", self.work / "agent-log.jsonl")

    def file(self, name: str) -> str:
        """The text of a file of the checkout; "" where it is not there."""
        path = self.work / name
        return path.read_text() if path.is_file() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# --- GitHub --------------------------------------------------------------------------------------------------------

GH = r"""
# gh api PATH [--paginate --jq FILTER | --method METHOD -F body=@FILE]: comments as a list of {id, body} in a file
store="$COMMENTS"; [ -f "$store" ] || echo '[]' > "$store"
[ "$1" = api ] && [ -n "$GH_TOKEN" ] || exit 9
shift; method=GET; filter=.; path=""
while [ $# -gt 0 ]; do
  case "$1" in
    --method) method=$2; shift 2;;
    --jq) filter=$2; shift 2;;
    -F) file=${2#body=@}; shift 2;;
    --paginate) shift;;
    *) path=$1; shift;;
  esac
done
echo "$method $path" >> "$store.calls"
case "$method $path" in
  "GET repos/acme/agent/issues/7/comments") jq -r "$filter" "$store";;
  "POST repos/acme/agent/issues/7/comments")
    jq --rawfile body "$file" '. + [{id: (length + 101), body: $body}]' "$store" \
      > "$store.new" && mv "$store.new" "$store";;
  "PATCH repos/acme/agent/issues/comments/"*)
    jq --rawfile body "$file" --argjson id "${path##*/}" 'map(if .id == $id then .body = $body else . end)' "$store" \
      > "$store.new" && mv "$store.new" "$store";;
  *) exit 9;;
esac
"""


class Workflow:
    """The jobs of github.yml on a machine, their steps one after the other."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.file = example("github.yml")
        self.comments = machine.folder / "comments.json"
        self.summary = machine.folder / "summary.md"
        machine.tool("gh", GH)

    def said(self) -> list[str]:
        """The bodies of the pull request's comments."""
        return [one["body"] for one in json.loads(self.comments.read_text())] if self.comments.exists() else []

    def run(self, job: str) -> dict[str, subprocess.CompletedProcess[str]]:
        """Run a job: what each of its steps did, those left out that a failure before them stops."""
        found: dict[str, subprocess.CompletedProcess[str]] = {}
        failed = False
        for step in self.file["jobs"][job]["steps"]:
            if "run" not in step or (failed and not step.get("if", "").startswith("always()")):
                continue
            own = {name: "7" if "event.number" in value else "a token" for name, value in step.get("env", {}).items()}
            done = self.machine.shell(
                step["run"], **self.file["env"], **own, GITHUB_BASE_REF="main", GITHUB_REPOSITORY="acme/agent",
                GITHUB_STEP_SUMMARY=str(self.summary), COMMENTS=str(self.comments),
            )  # fmt: skip
            found[step["name"]] = done
            failed = failed or done.returncode != 0
        return found


@pytest.fixture
def workflow(machine: Machine) -> Workflow:
    """A workflow whose main branch has kept a baseline."""
    flow = Workflow(machine)
    machine.log("tool-added", "base")
    done = flow.run("baseline")
    assert {name: one.returncode for name, one in done.items()} == dict.fromkeys(done, 0), done
    machine.git("checkout", "--quiet", "-b", "change")
    return flow


def test_main_keeps_its_baseline_and_commits_it_only_when_it_changed(workflow: Workflow) -> None:
    machine = workflow.machine
    kept = machine.git("show", "origin/main:agentcost-base.json")
    assert kept.startswith('{\n"kind":"agentcost baseline"')
    assert machine.git("log", "-1", "--format=%s", "origin/main").strip() == "agentcost: baseline [skip ci]"
    machine.git("checkout", "--quiet", "main")
    before = machine.git("rev-parse", "origin/main")
    assert workflow.run("baseline")["Keep the baseline"].returncode == 0
    assert machine.git("rev-parse", "origin/main") == before


def test_a_pull_request_over_budget_fails_with_annotations_and_one_comment(workflow: Workflow) -> None:
    workflow.machine.log("tool-added", "head")
    done = workflow.run("check")
    assert done["Check against the budget"].returncode == 3
    assert done["Check against the budget"].stdout.startswith("::error")
    assert (done["Say what changed"].returncode, done["Comment"].returncode) == (0, 0), done
    [comment] = workflow.said()
    assert comment.startswith("<!-- agentcost check -->\n### agentcost: over budget")
    assert "<!-- agentcost diff -->" in comment
    assert "fixed_prefix_tokens" in comment
    assert str(workflow.machine.folder) not in comment
    assert workflow.summary.read_text().strip()


def test_the_comment_is_changed_and_never_added_to(workflow: Workflow) -> None:
    workflow.machine.log("tool-added", "head")
    workflow.run("check")
    workflow.machine.log("mcp-enabled", "head")
    workflow.run("check")
    [comment] = workflow.said()
    assert "figma" in comment or "MCP" in comment
    workflow.machine.log("nothing", "head")
    done = workflow.run("check")
    assert {name: one.returncode for name, one in done.items()} == dict.fromkeys(done, 0)
    assert workflow.said() == ["<!-- agentcost check -->\nagentcost: within budget, and nothing moved.\n"]


def test_where_nothing_moved_nothing_is_said(workflow: Workflow) -> None:
    workflow.machine.log("nothing", "head")
    done = workflow.run("check")
    assert {name: one.returncode for name, one in done.items()} == dict.fromkeys(done, 0)
    assert done["Comment"].stdout == "nothing to say\n"
    assert workflow.said() == []


def test_another_comment_is_left_alone(workflow: Workflow) -> None:
    theirs = "I looked at <!-- agentcost check --> and it is fine."
    workflow.comments.write_text(json.dumps([{"id": 5, "body": theirs}]))
    workflow.machine.log("tool-added", "head")
    workflow.run("check")
    assert workflow.said()[0] == theirs
    assert len(workflow.said()) == 2


def test_a_baseline_that_the_pull_request_rewrites_does_not_count(workflow: Workflow) -> None:
    machine = workflow.machine
    machine.log("tool-added", "head")
    made = machine.shell("agentcost baseline agent-log.jsonl > agentcost-base.json; git add -A; git commit -qm x",
                         GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@localhost", GIT_COMMITTER_NAME="a",
                         GIT_COMMITTER_EMAIL="a@localhost")  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert workflow.run("check")["Check against the budget"].returncode == 3


def test_without_a_baseline_the_budget_alone_is_checked(machine: Machine) -> None:
    flow = Workflow(machine)
    (machine.work / "agentcost.toml").write_text("[fail]\nfixed_prefix_tokens = 10\n")
    machine.log("tool-added", "head")
    done = flow.run("check")
    assert done["Check against the budget"].returncode == 3
    assert done["Comment"].returncode == 0
    assert len(flow.said()) == 1
    assert "<!-- agentcost diff -->" not in flow.said()[0]


def test_a_log_that_cannot_be_read_fails_and_says_nothing(workflow: Workflow) -> None:
    (workflow.machine.work / "agent-log.jsonl").write_text("")
    done = workflow.run("check")
    assert done["Check against the budget"].returncode == 1
    assert workflow.said() == []


def test_a_forks_token_is_not_asked_to_write() -> None:
    [step] = [step for step in example("github.yml")["jobs"]["check"]["steps"] if step.get("name") == "Comment"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in step["if"]
    for job in example("github.yml")["jobs"].values():
        for one in job["steps"]:
            assert "${{" not in one.get("run", ""), "an expression in a script can be written by who names a branch"


# --- GitLab --------------------------------------------------------------------------------------------------------


class Notes(BaseHTTPRequestHandler):
    """The notes of one merge request, as GitLab's API keeps them."""

    kept: ClassVar[list[dict[str, Any]]] = []
    path_of: ClassVar[str] = "/api/v4/projects/3/merge_requests/7/notes"

    def _answer(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> str:
        return parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["body"][0]

    def _allowed(self) -> bool:
        if self.headers.get("PRIVATE-TOKEN") == "a token" and self.path.partition("?")[0].startswith(self.path_of):
            return True
        self._answer({}, 403)
        return False

    def do_GET(self) -> None:
        """All notes."""
        if self._allowed():
            self._answer(self.kept)

    def do_POST(self) -> None:
        """One more note."""
        if self._allowed():
            self.kept.append({"id": len(self.kept) + 201, "body": self._body()})
            self._answer(self.kept[-1], 201)

    def do_PUT(self) -> None:
        """A note changed."""
        if self._allowed():
            [note] = [note for note in self.kept if str(note["id"]) == self.path.rpartition("/")[2]]
            note["body"] = self._body()
            self._answer(note)

    def log_message(self, *arguments: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def gitlab() -> Iterator[str]:
    """The address of an API with one merge request."""
    Notes.kept.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v4"
    server.shutdown()
    server.server_close()


def pipeline(machine: Machine, api: str, **variables: str) -> list[subprocess.CompletedProcess[str]]:
    """The scripts of gitlab.yml: what they did; what comes after the job runs whatever became of it."""
    job = example("gitlab.yml")["agentcost"]
    given = {
        **job["variables"], "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_API_V4_URL": api, "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "7", "no_proxy": "127.0.0.1", **variables,
    }  # fmt: skip
    return [machine.shell("\n".join(job[part]), **given) for part in ("before_script", "script", "after_script")]


def with_baseline(machine: Machine) -> None:
    """Main with the baseline that the example asks for."""
    machine.log("tool-added", "base")
    assert machine.shell("agentcost baseline agent-log.jsonl > agentcost-base.json").returncode == 0
    machine.git("add", "agentcost-base.json")
    machine.git("commit", "--quiet", "-m", "baseline")
    machine.git("push", "--quiet")
    machine.git("checkout", "--quiet", "-b", "change")


def test_a_merge_request_gets_one_note_and_a_report(machine: Machine, gitlab: str) -> None:
    with_baseline(machine)
    machine.log("tool-added", "head")
    _, checked, after = pipeline(machine, gitlab, AGENTCOST_TOKEN="a token")
    assert (checked.returncode, after.returncode) == (3, 0), after.stderr
    assert [note["body"].splitlines()[0] for note in Notes.kept] == ["<!-- agentcost check -->"]
    report = ElementTree.fromstring(machine.file("check.xml"))
    assert report.findall(".//failure")
    machine.log("nothing", "head")
    _, checked, after = pipeline(machine, gitlab, AGENTCOST_TOKEN="a token")
    assert (checked.returncode, after.returncode) == (0, 0), after.stderr
    assert [note["body"].strip() for note in Notes.kept] == [
        "<!-- agentcost check -->\nagentcost: within budget, and nothing moved."
    ]


def test_without_a_token_the_note_is_printed(machine: Machine, gitlab: str) -> None:
    with_baseline(machine)
    machine.log("tool-added", "head")
    _, checked, after = pipeline(machine, gitlab)
    assert (checked.returncode, after.returncode) == (3, 0)
    assert "### agentcost: over budget" in after.stdout
    assert Notes.kept == []


# --- pre-commit ----------------------------------------------------------------------------------------------------


def hook() -> dict[str, Any]:
    """The hook of pre-commit-config.yaml."""
    [repository] = example("pre-commit-config.yaml")["repos"]
    [found] = repository["hooks"]
    assert isinstance(found, dict)
    return found


def test_the_hook_gates_a_committed_prompt_without_a_log(machine: Machine) -> None:
    (machine.work / "prompts").mkdir()
    (machine.work / "agentcost.toml").write_text("[fail]\nfixed_prefix_tokens = 60\ncost_per_session = 1\n")
    prompt = machine.work / "prompts" / "request.json"
    body: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 64, "system": "You answer customers.",
                            "messages": [{"role": "user", "content": "Hello"}]}  # fmt: skip
    prompt.write_text(json.dumps(body))
    assert machine.shell(hook()["entry"]).returncode == 0
    body["system"] *= 40
    prompt.write_text(json.dumps(body))
    over = machine.shell(hook()["entry"])
    assert over.returncode == 3
    assert "fixed_prefix_tokens" in over.stdout


@pytest.mark.parametrize(
    ("path", "runs"),
    [("prompts/request.json", True), ("prompts/tools/mcp.json", True), ("agentcost.toml", True), ("src/app.py", False)],
)
def test_the_hook_runs_when_what_it_reads_has_changed(path: str, runs: bool) -> None:
    assert bool(re.search(hook()["files"], path)) == runs
    assert hook()["pass_filenames"] is False
