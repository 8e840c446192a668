"""The command as a shell sees it: exit statuses, streams, and what it says of bad input."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentcost.ingest.contract import Origin
from agentcost.ingest.readers import READERS

ROOT = Path(__file__).parents[1]
QUICKSTART = ROOT / "fixtures" / "quickstart.jsonl"


def environment(cache: Path) -> dict[str, str]:
    """The environment of a command: its own cache, no colour, the tree's own sources."""
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return kept | {"PYTHONPATH": str(ROOT / "cli"), "AGENTCOST_CACHE": str(cache), "PYTHONIOENCODING": "utf-8"}


def agentcost(cache: Path, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "agentcost", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, env=environment(cache), timeout=120, check=False)


def body(text: str = "Hello") -> bytes:
    """One bare request."""
    return json.dumps(
        {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
    ).encode()


DEEP = b'{"model":"claude-sonnet-4-5","max_tokens":1,"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

# content, exit status, requests that are read all the same, what standard error says
BAD_INPUT = {
    "empty": (b"", 1, 0, "empty"),
    "blank": (b"\n \n\n", 1, 0, "empty"),
    "binary": (bytes(range(256)) * 64, 1, 0, "binary"),
    "unknown": (b'{"colour":"red"}\n', 1, 0, "agentcost formats"),
    "prose": (b"not a log at all\nreally not\n", 1, 0, "agentcost formats"),
    "truncated last line": (body() + b"\n" + body()[:60], 0, 1, "interrupted"),
    "invalid utf-8": (body() + b"\n" + body("caf\u00e9").replace(b"\\u00e9", b"\xe9") + b"\n", 0, 1, "UTF-8"),
    "glued": (body() + body("again") + b"\n", 0, 2, ""),
    "pretty-printed": (json.dumps(json.loads(body()), indent=2).encode(), 0, 1, ""),
    "a list": (b"[" + body() + b",\n" + body("again") + b"]", 0, 2, ""),
    "deeply nested": (body() + b"\n" + DEEP + b"\n", 0, 1, "deep"),
    "bom": (b"\xef\xbb\xbf" + body() + b"\n", 0, 1, ""),
    "crlf": (body() + b"\r\n" + body("again") + b"\r\n", 0, 2, ""),
    "lone surrogate": (body().replace(b"Hello", b"\\ud83d") + b"\n", 0, 1, ""),
    "nan": (body().replace(b"64", b"NaN") + b"\n", 0, 1, ""),
    "spaces": (body(" " * 1_500_000) + b"\n", 0, 1, ""),
    "one letter": (body("a" * 1_000_000) + b"\n", 0, 1, ""),
    "gzip": (gzip.compress(body() + b"\n"), 0, 1, ""),
    "truncated gzip": (gzip.compress(body() + b"\n" + os.urandom(4000).hex().encode() + b"\n")[:-1500], 0, 1, ""),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input(case: str, tmp_path: Path) -> None:
    content, status, requests, says = BAD_INPUT[case]
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)
    done = agentcost(tmp_path / "cache", "analyze", log, "--json")
    error = done.stderr.decode()
    assert "Traceback" not in error
    assert done.returncode == status, error
    assert says in error
    if status:
        assert not done.stdout
        assert error.count("\n") == 1
    else:
        assert json.loads(done.stdout)["scope"]["total"] == requests


def test_a_line_of_100_mb(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(body("word " * 20_000_000) + b"\n" + body() + b"\n")
    done = agentcost(tmp_path / "cache", "analyze", log, "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["scope"]["total"] == 2


def test_strict_makes_a_skip_fatal(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(body() + b"\n{broken\n")
    done = agentcost(tmp_path / "cache", "analyze", log, "--strict")
    assert done.returncode == 1
    assert b"log.jsonl:2" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["analyze", "gone.jsonl"], 1, "does not exist"),
        (["analyze", str(QUICKSTART), "--where", "modell=x"], 2, "model"),
        (["analyze", str(QUICKSTART), "--where", "model"], 2, "key=glob"),
        (["analyze", str(QUICKSTART), "--since", "yesterday"], 2, "2026-01-31"),
        (["analyze", str(QUICKSTART), "--tz", "Mars/Olympus"], 2, "Europe/Berlin"),
        (["analyze", str(QUICKSTART), "--by", "colour"], 2, "session"),
        (["analyze", str(QUICKSTART), "--assume-gap", "soon"], 2, "30s"),
        (["analyze", str(QUICKSTART), "--input-format", "xml"], 2, "requests"),
        (["analyze", str(QUICKSTART), "--label", "user=2"], 2, "path:N"),
        (["analyze", str(QUICKSTART), "--table", "tolls", "--json"], 2, "tools"),
        (["analyze", str(QUICKSTART), "-o", "x.docx"], 2, ".json"),
        (["show", str(QUICKSTART), "nothing-like-it"], 2, "no such session"),
        (["tools", str(QUICKSTART), "--sort", "call"], 2, "did you mean 'calls'"),
        (["analyze", str(QUICKSTART), "--format", "xml"], 2, "text, json, jsonl, csv, md"),
        (["analyze", str(QUICKSTART), "--counter", "mine"], 2, "splintr, tiktoken"),
        (["formats", "codx"], 2, "did you mean codex"),
        (["analyze", "--no-such-option"], 2, "No such option"),
    ],
)
def test_usage_errors(arguments: list[str], status: int, says: str, tmp_path: Path) -> None:
    done = agentcost(tmp_path / "cache", *arguments)
    assert done.returncode == status, done.stderr.decode()
    assert says in done.stderr.decode()
    assert not done.stdout


def test_a_key_that_is_named_twice_groups_once(tmp_path: Path) -> None:
    once, twice = (agentcost(tmp_path / "c", "analyze", QUICKSTART, "--by", by) for by in ("model", "model, model"))
    assert not twice.returncode, twice.stderr.decode()
    assert twice.stdout == once.stdout


def test_a_folder_without_a_log(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no log\n")
    done = agentcost(tmp_path / "cache", "analyze", tmp_path)
    assert done.returncode == 1
    assert b"agentcost formats" in done.stderr


def test_a_folder_with_other_files_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no log\n")
    (tmp_path / "a.jsonl").write_bytes(body() + b"\n")
    done = agentcost(tmp_path / "cache", "analyze", tmp_path, "--json")
    assert json.loads(done.stdout)["scope"]["total"] == 1


def test_standard_input_is_read_when_it_is_piped(tmp_path: Path) -> None:
    for arguments in (["analyze", "--json"], ["analyze", "-", "--json"]):
        done = agentcost(tmp_path / "cache", *arguments, stdin=body() + b"\n")
        assert json.loads(done.stdout)["scope"]["total"] == 1


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentcost", "turns", str(QUICKSTART), "--format", "jsonl", "--table", "requests"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert b"Traceback" not in running.stderr.read()


def _take_interrupts() -> None:
    """Jobs in the background of a shell ignore them, and so do the commands they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "agentcost", "analyze", str(pipe)]
    with (
        subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            preexec_fn=_take_interrupts,  # noqa: PLW1509 — no threads here
        ) as running,
        pipe.open("wb") as writer,
    ):  # opens when the command reads: it is past its start then
        writer.write(body() + b"\n")
        writer.flush()
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"interrupted" in error
    assert b"Traceback" not in error


def test_nothing_of_a_prompt_is_exported(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(body("xyzzy-plugh-0042") + b"\n")
    saved = tmp_path / "run.agentcost"
    out = tmp_path / "out"
    done = agentcost(tmp_path / "cache", "analyze", log, "--save", saved, "-o", f"{out}/")
    assert done.returncode == 0, done.stderr.decode()
    from agentcost.record import load  # noqa: PLC0415

    assert len(load(saved.read_bytes()).requests) == 1
    written = [path for path in (*tmp_path.rglob("*"),) if path.is_file() and path != log]
    assert len(written) > 3
    assert not [path for path in written if b"xyzzy-plugh" in path.read_bytes()]


def test_a_saved_record_stands_for_its_log(tmp_path: Path) -> None:
    saved = tmp_path / "run.agentcost"
    first = agentcost(tmp_path / "cache", "analyze", QUICKSTART, "--save", saved, "--full")
    again = agentcost(tmp_path / "cache", "analyze", saved, "--full")
    assert first.returncode == again.returncode == 0, again.stderr.decode()
    assert again.stdout == first.stdout


def test_an_archive_that_is_cut_is_told_once_by_its_name_and_without_a_line(tmp_path: Path) -> None:
    log = tmp_path / "cut.jsonl.gz"
    log.write_bytes(gzip.compress(QUICKSTART.read_bytes(), mtime=0)[:40_000])
    done = agentcost(tmp_path / "cache", "analyze", log)
    told = [line for line in done.stderr.decode().splitlines() if "cut off" in line]
    assert told == [
        f"agentcost: {log}: skipped: the archive is cut off; only what stands before was read, copy it again"
    ]
    examined = " ".join(agentcost(tmp_path / "cache", "formats", "--doctor", log).stdout.decode().split())
    assert "skipped the archive is cut off; only what stands before was read, copy it again" in examined
    assert "line 0" not in examined


def test_formats_are_listed_with_an_example_and_shown_whole(tmp_path: Path) -> None:
    listed = agentcost(tmp_path, "formats").stdout.decode()
    for reader in READERS:
        assert f"\n{reader.name} " in f"\n{listed}"
        assert f"\n  {reader.example[:20]}" in listed
        whole = agentcost(tmp_path, "formats", reader.name).stdout.decode()
        assert reader.example in whole
        assert f"from: {reader.learned}\n" in whole
    told = " ".join(listed.split())
    assert told.count("; from documentation") == sum(reader.origin is Origin.DOCUMENTED for reader in READERS) > 0
    assert max(map(len, listed.splitlines())) <= 80


HEAVY = (
    "polars", "pyarrow", "numpy", "tiktoken", "splintr", "plotext", "rich.console", "genai_prices",
    "zstandard", "hypothesis",
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_stream_that_is_no_utf_8_gets_what_it_can_show(tmp_path: Path, encoding: str) -> None:
    command = [sys.executable, "-m", "agentcost", "analyze", str(ROOT / "fixtures" / "quickstart.jsonl")]
    done = subprocess.run(
        command,
        capture_output=True,
        env=environment(tmp_path) | {"PYTHONIOENCODING": encoding},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"66 requests ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["formats"], ["analyze", ROOT / "fixtures" / "quickstart.jsonl"]])
def test_a_full_disk_is_told(tmp_path: Path, arguments: list[object]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agentcost", *map(str, arguments)],
            stdout=full, stderr=subprocess.PIPE, env=environment(tmp_path), check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode().startswith("agentcost: no space is left where the output goes")


def imported(tmp_path: Path, *arguments: object) -> set[str]:
    """What of HEAVY, and of our own commands and readers, a run imports."""
    code = (
        "import sys; from agentcost.main import run; sys.argv = ['agentcost', *sys.argv[1:]]\n"
        "try: run()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, env=environment(tmp_path), check=True, timeout=60,
    )  # fmt: skip
    modules = done.stderr.decode().split()
    ours = {name for name in modules if name.startswith(("agentcost.commands.", "agentcost.ingest."))}
    return ours | (set(HEAVY) & set(modules))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["analyze", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert not imported(tmp_path, *arguments) & set(HEAVY)


def test_a_run_imports_only_its_own_command_and_reader(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(body() + b"\n")
    imported(tmp_path, "analyze", log)  # now its prices and counts are known
    found = imported(tmp_path, "analyze", log)
    assert "polars" in found
    assert not found & (set(HEAVY) - {"polars", "numpy", "splintr", "rich.console", "zstandard"})
    assert not found & {"agentcost.commands.kv", "agentcost.commands.redact", "agentcost.ingest.otel"}
    assert "agentcost.ingest.captured" in found


@pytest.mark.parametrize("option", ["--save", "-o"])
def test_a_log_is_never_written_over(option: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(body() + b"\n")
    done = agentcost(tmp_path / "cache", "turns", log, option, log)
    assert done.returncode == 2
    assert b"one of the logs" in done.stderr
    assert log.read_bytes() == body() + b"\n"


def test_a_record_replaces_only_a_record(tmp_path: Path) -> None:
    log, other = tmp_path / "log.jsonl", tmp_path / "notes.txt"
    log.write_bytes(body() + b"\n")
    other.write_text("mine")
    assert agentcost(tmp_path / "cache", "analyze", log, "--save", other).returncode == 2
    assert other.read_text() == "mine"
    record = tmp_path / "run.agentcost"
    for _ in range(2):
        assert agentcost(tmp_path / "cache", "analyze", log, "--save", record).returncode == 0


def test_capture_needs_a_folder_before_it_waits(tmp_path: Path) -> None:
    done = agentcost(tmp_path / "cache", "capture", tmp_path / "nowhere" / "x.json")
    assert done.returncode == 1
    assert b"there is no folder" in done.stderr
