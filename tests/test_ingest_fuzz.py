"""Whatever a log holds, its reader neither crashes nor hangs, and says of every record what became of it."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading import FIXTURES, memory_source, read_all

from agentcost.errors import AgentcostError
from agentcost.ingest.contract import Reader
from agentcost.ingest.readers import READERS
from agentcost.ingest.source import open_source
from agentcost.loading.soundness import sound_item
from agentcost.model import Item, Other, Request, Skipped, Usage

FILES = [path for path in sorted(FIXTURES.glob("*/*")) if path.is_file() and path.parent.name != "gate"]
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
every_json_file = pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.suffix not in (".csv", ".yaml")],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)

STRANGE: list[Any] = [
    None, True, -1, 0, 2.5, 10**30, float("inf"), float("nan"), "", "x", "\ud800", "0x", [], [None], [[]], ["x", 1], {},
    {"a": 1}, {"type": "text"}, [{"role": 5}], "{", '{"a": [1', {"content": [{"type": []}]}, [{}],
]  # fmt: skip
"""What stands where another value belongs."""

COUNTS = ("plain", "read", "write_5m", "write_1h", "write", "output", "reasoning", "searches", "file_searches", "media")


def reader_of(path: Path) -> Reader | None:
    """The reader whose log a fixture is; None of one that needs to be told its columns."""
    peek = open_source(path).peek()
    return next((reader for reader in READERS if reader.sniff(peek)), None)


def values(path: Path) -> list[Any]:
    """The records of a fixture: its lines, or the one document."""
    text = path.read_text()
    try:
        return [json.loads(text)]
    except ValueError:
        return [value for line in text.splitlines() for value in parsed(line)]


def parsed(line: str) -> Iterator[Any]:
    try:
        yield json.loads(line)
    except ValueError:
        return  # fixtures hold broken lines on purpose


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value inside a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], strange: Any) -> Any:
    """A copy of the value with another one at a path."""
    whole = copy.deepcopy(value)
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = strange
    return whole


def read(reader: Reader, log: bytes | Path) -> list[Item]:
    """The items of a log as they come into a record; none where its reader says that it is broken as a whole."""
    source = open_source(log, "log") if isinstance(log, Path) else memory_source("log", log)
    try:
        return [sound_item(item) for item in read_all(reader, source).items]
    except AgentcostError as error:
        assert str(error)
        return []


def sound(items: list[Item]) -> bool:
    """Whether every item says where it is from, and what it is or why it is none."""
    told = [
        bool(item.what if isinstance(item, Other) else item.reason if isinstance(item, Skipped) else item.format)
        for item in items
    ]
    usages = [item.usage for item in items if isinstance(item, Request) and item.usage]
    return all(told) and all(item.place.source == "log" for item in items) and all(map(counted, usages))


def counted(usage: Usage) -> bool:
    """Whether every count of a bill is one, and no more than a request can have."""
    counts = [getattr(usage, name) for name in COUNTS]
    return all(count is None or (type(count) is int and 0 <= count < 10**12) for count in counts)


@pytest.mark.parametrize(
    "strange",
    [{"intValue": -1}, {"intValue": "-1"}, {"intValue": 10**12}, {"doubleValue": 2.5}, {"boolValue": True},
     {"stringValue": "many"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("event", ["claude-code", "gemini-cli", "codex_cli_rs"])
def test_an_agent_event_with_what_is_no_count_is_skipped_with_its_name(event: str, strange: dict[str, Any]) -> None:
    path = FIXTURES / "otel" / "agents.jsonl"
    record = next(json.loads(line) for line in path.read_text().splitlines() if f'"{event}"' in line)
    told = record["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    changed = 0
    for attribute in (one for log in told for one in log["attributes"]):
        if attribute["key"] in ("input_tokens", "input_token_count"):
            attribute["value"], changed = strange, changed + 1
    reader = reader_of(path)
    assert reader
    items = read(reader, json.dumps(record).encode())
    reasons = [item.reason for item in items if isinstance(item, Skipped)]
    assert len(reasons) == changed > 0
    assert all("input_token" in reason and "is no token count" in reason for reason in reasons)
    assert not [item for item in items if isinstance(item, Request)]


@every_json_file
@settings(max_examples=12)
@given(st.data())
def test_values_of_other_types(path: Path, data: st.DataObject) -> None:
    reader, records = reader_of(path), values(path)
    if reader is None:
        return
    number = data.draw(st.integers(0, len(records) - 1))
    found = list(places(records[number]))
    for _ in range(data.draw(st.integers(1, 3))):
        try:
            records[number] = replaced(
                records[number], data.draw(st.sampled_from(found)), data.draw(st.sampled_from(STRANGE))
            )
        except (KeyError, IndexError, TypeError):
            continue  # the path led through what was replaced
    assert sound(read(reader, b"\n".join(json.dumps(record).encode() for record in records)))


@every_file
@settings(max_examples=6)
@given(st.data())
def test_lines_cut_repeated_swapped_and_glued(path: Path, data: st.DataObject) -> None:
    reader = reader_of(path)
    if reader is None:
        return
    lines = path.read_bytes().splitlines()
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    changes = {
        "cut": [*lines[:first], lines[first][: data.draw(st.integers(0, len(lines[first])))], *lines[first + 1 :]],
        "ended": [*lines[:first], lines[first][: data.draw(st.integers(0, len(lines[first])))]],
        "repeated": [*lines[: first + 1], lines[second], *lines[first + 1 :]],
        "swapped": [
            lines[second] if n == first else lines[first] if n == second else line for n, line in enumerate(lines)
        ],
        "glued": [*lines[:first], lines[first] + lines[second], *lines[first + 1 :]],
        "foreign": [*lines[:first], b'{"another": "log"}', b"\xff\xfe not text", *lines[first:]],
    }
    log = b"\n".join(changes[data.draw(st.sampled_from(sorted(changes)))])
    assert sound(read(reader, log))


BESIDE = ("cline/api_conversation_history.json", "openhands/conversation/base_state.json")
"""Logs that are read with the files beside them."""


@pytest.mark.parametrize("name", BESIDE)
@settings(max_examples=25)
@given(st.data())
def test_values_of_other_types_in_the_files_beside_a_log(name: str, data: st.DataObject) -> None:
    reader = reader_of(FIXTURES / name)
    assert reader
    with TemporaryDirectory() as place:
        log = Path(shutil.copytree((FIXTURES / name).parent, Path(place) / "log")) / Path(name).name
        files = sorted(path for path in log.parent.rglob("*.json") if "roo" not in path.name)
        for _ in range(data.draw(st.integers(1, 3))):
            damage(data.draw(st.sampled_from(files)), data)
        assert sound(read(reader, log))


def damage(path: Path, data: st.DataObject) -> None:
    """Put something else in one place of a file, or cut it off."""
    try:
        value = json.loads(path.read_text())
        found = list(places(value))
        value = replaced(value, data.draw(st.sampled_from(found)), data.draw(st.sampled_from(STRANGE)))
    except (ValueError, IndexError):  # it is cut off already, or holds nothing
        return
    text = json.dumps(value)
    path.write_text(text[: data.draw(st.integers(0, len(text)))] if data.draw(st.booleans()) else text)


def test_the_files_of_every_reader_are_damaged() -> None:
    damaged = {path.parent.name for path in FILES} | {name.partition("/")[0] for name in BESIDE}
    assert {reader.name for reader in READERS} <= damaged
