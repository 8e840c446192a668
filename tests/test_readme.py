"""The documents are true: their commands parse and run, their output is the real one, their tables and links hold."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from agentcost import __version__
from agentcost.commands.capture import CLIENTS
from agentcost.ingest.readers import READERS
from agentcost.main import app
from agentcost.pricing import read_price_file

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDED = [README, ROOT / "CONTRIBUTING.md", ROOT / "docs" / "formats.md", ROOT / "docs" / "prices.md"]
"""Documents whose commands exist."""

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]  # of a Typer application it is a group

SETUP = [
    "pip install . && agentcost analyze fixtures/quickstart.jsonl",
    "pip install '.[test]' && pytest",
]

_FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"(?<=^```text\n\$ agentcost )(?P<arguments>[^\n]*)\n(?P<output>[^`]*)(?=^```$)", re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)")
_MENTION = re.compile(r"`agentcost (?P<command>[a-z]\w*)")
_ROW = re.compile(r"^\| `(?P<name>[\w-]+)` \| (?P<knowledge>\w+) \|", re.MULTILINE)


def blocks(text: str, *kinds: str) -> list[str]:
    """The fenced blocks of these kinds."""
    return [found["text"] for found in _FENCE.finditer(text) if found["kind"] in kinds]


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `agentcost` in the shell blocks of a document; comments and other programs left out."""
    for block in blocks(text, "sh", "sh setup", "console"):
        for line in block.splitlines():
            words = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="&|;")
            words.whitespace_split = True
            simple: list[list[str]] = [[]]
            for word in words:
                if set(word) <= set("&|;"):
                    simple.append([])
                else:
                    simple[-1].append(word)
            yield from (part[1:] for part in simple if part[:1] == ["agentcost"])


def run(folder: Path, cache: Path, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    """A command as a shell would run it in `folder`, with the tree's own sources."""
    own = {"PYTHONPATH": str(ROOT / "cli"), "AGENTCOST_CACHE": str(cache), "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    command = [sys.executable, "-m", "agentcost", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | own,
        timeout=120,
        check=False,
    )


def test_setup_is_two_commands() -> None:
    assert [block.splitlines() for block in blocks(README.read_text(encoding="utf-8"), "sh setup")] == [SETUP]


def test_outputs_are_the_real_ones(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    real = {}
    for shown in _SHOWN.finditer(text):
        done = run(ROOT, tmp_path, shlex.split(shown["arguments"]))
        assert done.returncode == 0, done.stderr.decode()
        real[shown["arguments"]] = done.stdout.decode()
    assert [arguments.split()[0] for arguments in real] == ["analyze", "reprice"]
    assert not [line for output in real.values() for line in output.splitlines() if len(line) > 80]
    if request.config.getoption("--update-golden"):
        text = _SHOWN.sub(lambda shown: f"{shown['arguments']}\n{real[shown['arguments']]}", text)
        README.write_text(text, encoding="utf-8", newline="\n")
    found = {shown["arguments"]: shown["output"] for shown in _SHOWN.finditer(text)}
    assert found == real, "an output in README.md differs; if it should, pytest --update-golden"


def test_the_price_file_of_the_document_is_one() -> None:
    text = (ROOT / "docs" / "prices.md").read_text(encoding="utf-8")
    book = read_price_file("".join(blocks(text, "toml")), "docs/prices.md")
    assert (len(book.prices), len(book.plans), len(book.billing)) == (2, 1, 1)


@pytest.mark.parametrize("document", COMMANDED, ids=lambda path: path.name)
def test_commands_parse(document: Path) -> None:
    for name, *arguments in commands(document.read_text(encoding="utf-8")):
        assert name in COMMANDS, f"agentcost {name}"
        COMMANDS[name].make_context(name, arguments)  # raises for an option that there is not


def test_commands_on_fixtures_run(tmp_path: Path) -> None:
    """In their order and in one folder, so that one may read what another saved."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    ran = 0
    for arguments in (part for path in COMMANDED for part in commands(path.read_text(encoding="utf-8"))):
        if any((tmp_path / argument).exists() for argument in arguments[1:]):
            done = run(tmp_path, tmp_path / "cache", arguments)
            assert done.returncode == 0, (arguments, done.stderr.decode())
            ran += 1
    assert ran >= 5


def test_every_command_is_in_the_readme_and_no_other() -> None:
    mentioned = set(_MENTION.findall(README.read_text(encoding="utf-8")))
    assert mentioned == set(COMMANDS)


def test_no_document_names_an_unknown_command() -> None:
    for document in (*COMMANDED, ROOT / "CHANGELOG.md"):
        assert set(_MENTION.findall(document.read_text(encoding="utf-8"))) <= set(COMMANDS), document.name


def test_options_named_in_the_readme_exist() -> None:
    known = {name for command in COMMANDS.values() for option in command.params for name in option.opts}
    prose = _FENCE.sub("", README.read_text(encoding="utf-8"))
    assert set(re.findall(r"`(--[a-z-]+)", prose)) <= known


def test_formats_are_the_readers() -> None:
    section = README.read_text(encoding="utf-8").partition("## What it reads")[2].partition("\n## ")[0]
    assert _ROW.findall(section) == [(reader.name, reader.knowledge.value) for reader in READERS]


def test_the_table_of_formats_has_every_one_and_says_what_it_was_learned_from() -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in text.partition("| --- |")[2].partition("\n\n")[0].splitlines()[1:]]
    told = [(name, origin.strip()) for names, _, origin in rows for name in re.findall(r"`([^`]+)`", names)]
    assert sorted(name for name, _ in told) == sorted(reader.name for reader in READERS)
    assert dict(told) == {reader.name: reader.learned for reader in READERS}


def test_capture_shows_the_lines_of_the_clients() -> None:
    shown = "\n".join(blocks(README.read_text(encoding="utf-8"), "sh")).splitlines()
    lines = [line.strip() for line in CLIENTS.format(url="http://127.0.0.1:8787").splitlines()]
    assert lines
    assert set(lines) <= set(shown)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = [target for target in _LINK.findall(document.read_text(encoding="utf-8")) if "://" not in target]
    assert not [target for target in targets if not (document.parent / target).exists()]


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert sorted(_LINK.findall((folder / "README.md").read_text(encoding="utf-8"))) == records
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))


def test_changelog_has_this_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"Unreleased", __version__} & set(headings)
    assert len(headings) == len(set(headings))
