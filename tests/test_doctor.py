"""The doctor says of any log what takes it, what became of every record, and what would make it readable."""

from __future__ import annotations

import json
import shlex
from io import BytesIO
from pathlib import Path

import pytest
from rich.console import Console
from tests.reading import FIXTURES
from tests.test_cli import agentcost

from agentcost.commands.doctor import diagnosis
from agentcost.commands.formats import described
from agentcost.errors import AgentcostError
from agentcost.ingest.contract import Reader
from agentcost.ingest.readers import READERS
from agentcost.ingest.source import StreamSource, open_source
from agentcost.loading.doctor import Diagnosis, examine
from agentcost.loading.logs import Reading, load_logs

LOGS = sorted(path for path in FIXTURES.glob("*/*") if path.is_file() and path.suffix not in (".toml", ".py"))
READING = Reading(threads=False)


def printed(found: Diagnosis, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(diagnosis(found, width))
    text = capture.get()
    assert all(len(line) <= width for line in text.splitlines())
    return text


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_record_is_counted_as_a_report_counts_it(path: Path) -> None:
    found = examine(open_source(path), READING)
    try:
        log = load_logs([open_source(path)], READING).logs[0]
    except AgentcostError:  # a table whose columns have to be named
        assert not found.format
        assert found.starter.startswith("agentcost analyze") or "[fields]" in found.starter
        return
    assert found.format == log.format
    assert sum(part.count for part in found.became) == log.records
    assert found.requests == log.requests
    assert sum(part.count for part in found.became if part.kind == "skipped") == log.skipped
    text = " ".join(printed(found).split())
    assert text.startswith(str(path)[:20])
    assert [part.what for part in found.became if part.what not in text] == []  # nothing is cut off


UNKNOWN: dict[str, tuple[str, list[str]]] = {
    "another format's first record": (
        '{"type":"user","message":{"role":"user","content":"x"},"uuid":"1","sessionId":"s"}',
        ["no format that agentcost knows", "Nearest: claude-code", "parentUuid", "[fields]"],
    ),
    "a table": (
        "When,Prompt Tokens,Completion Tokens\n1,5,6\n",
        ["has When, Prompt Tokens", "--columns 'input=Prompt Tokens,output=Completion Tokens'"],
    ),
    "a dump of mitmproxy": (
        "1234:9:websocket;0:~8:response;",
        ["is a dump of mitmproxy", "hardump=log.har"],
    ),
    "a zip": ("PK\x03\x04\x14", ["is a binary file, a zip archive; unpack it"]),
    "its own words": (
        '{"when":"2026-01-10T20:00:00Z","usage":{"prompt_tokens":20,"completion_tokens":3,"cached":0}}',
        ['time = "when"', 'cached = "usage.cached"'],
    ),
    "prose": ("not a log\n", ["no JSON object and no line of named columns"]),
    "nothing": ("", ["is empty"]),
    "half a record": ('{"kind": "llm", "prompt": {"mess', ["first record has kind, prompt"]),
    "numbers": ("1\n2\n", ["no JSON object"]),
    "a list of nothing": ("[]", ["no JSON object"]),
}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("width", [40, 80, 140])
def test_what_is_not_recognised_says_why(name: str, width: int) -> None:
    text, says = UNKNOWN[name]
    found = examine(StreamSource("own.log", BytesIO(text.encode())), READING)
    told = " ".join((printed(found, width) + found.starter).split())
    assert [words for words in says if words not in told] == []


@pytest.mark.parametrize("path", [path for path in LOGS if path.parent.name == "bill"], ids=lambda path: path.name)
def test_a_bill_is_for_comparing(path: Path) -> None:
    found = examine(open_source(path), READING)
    assert found.starter == f"agentcost analyze LOG \\\n  --against {path}\n"
    assert not found.near
    assert "compared with logs of the same days" in " ".join(printed(found).split())


def test_a_log_whose_records_say_where_their_calls_are_needs_no_mapping() -> None:
    event = next((FIXTURES / "openhands" / "conversation" / "events").iterdir())
    found = examine(open_source(event), READING)
    assert (found.format, found.requests, found.near, found.starter) == ("openhands", 0, (), "")


def test_the_columns_of_a_table_stand_on_lines_that_can_be_read_and_pasted(tmp_path: Path) -> None:
    names = "Prompt Tokens,Cache Read Tokens,Cache Write Tokens,Completion Tokens,Model Name,Session ID"
    (tmp_path / "the log.csv").write_text(f"{names}\n9,1,0,2,gpt-4.1,s\n")
    found = examine(open_source(tmp_path / "the log.csv"), READING)
    command = found.starter.replace(f"{tmp_path}/", "")
    assert all(len(line) <= 80 for line in command.splitlines())
    program, *words = shlex.split(command.replace("\\\n", " "))
    assert program == "agentcost"
    done = agentcost(tmp_path / "cache", *(word.replace("the log", f"{tmp_path}/the log") for word in words), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["totals"]["input_tokens"] == 9
    (tmp_path / "own.csv").write_text("When,What\n1,2\n")
    assert "--columns input=COLUMN" in examine(open_source(tmp_path / "own.csv"), READING).starter


def test_a_log_that_is_read_and_holds_no_request_is_explained(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('only = { kind = "llm" }\n[fields]\ninput = "input_tokens"\n')
    (tmp_path / "own.jsonl").write_text('{"kind": "call", "input_tokens": 5}\n{"kind": "tool"}\n')
    form = ("--input-format", tmp_path / "map.toml")
    done = agentcost(tmp_path / "cache", "formats", "--doctor", tmp_path / "own.jsonl", *form)
    text = " ".join(done.stdout.decode().split())
    assert done.returncode == 0, done.stderr
    assert "without any request" in text
    assert "learned from" not in text  # nobody but the user knows
    assert "2 other record of another kind 1, 2 kind, input_tokens" in text
    assert 'only = { kind = "call" }' in text


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_format_is_described_in_the_width_and_its_example_is_whole(reader: Reader) -> None:
    before, _, example = described(reader, 80).partition("example:\n")
    assert [line for line in before.splitlines() if len(line) > 80] == []
    assert example == f"{reader.example}\n"
    assert reader.about.split()[-1] in before


def test_the_doctor_speaks_json(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"kind": "call", "tokens": 5}\n')
    done = agentcost(tmp_path / "cache", "formats", "--doctor", tmp_path / "own.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (log,) = document["tables"]["logs"]
    assert (document["kind"], log["format"], log["keys"]) == ("doctor", "", ["kind", "tokens"])
    assert "[fields]" in log["starter"]
    assert agentcost(tmp_path / "cache", "formats", "--json").returncode == 2


def test_formats_that_would_also_take_a_log_are_named() -> None:
    claimed = [examine(open_source(path), READING) for path in LOGS if path.parent.name == "mooncake"]
    assert all(found.format == "mooncake" and "mooncake" not in found.also for found in claimed)
