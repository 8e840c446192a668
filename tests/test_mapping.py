"""Formats that only the user knows: a TOML file maps them, and the mapping to start from reads what it was made of."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reading import memory_source, read_all
from tests.test_cli import agentcost

from agentcost.errors import UsageError
from agentcost.ingest.guessing import columns, starter
from agentcost.ingest.mapped import reader_of_mapping
from agentcost.ingest.mapping import FIELDS, read_mapping, value_at
from agentcost.loading.logs import Reading, reader_named
from agentcost.model import Kind, Knowledge, Other, Request, Skipped, Usage

TRACE = [
    {
        "kind": "llm", "ts": "2026-01-10T20:00:01Z", "llm": {"model": "gpt-4.1", "vendor": "OpenAI"}, "chat_id": "c1",
        "prompt": {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]},
        "completion": "Hi there.", "usage": {"prompt_tokens": 19, "completion_tokens": 4, "cached_tokens": 5},
        "latency_ms": 900, "team": "search", "price_usd": 0.5,
    },
    {"kind": "tool", "ts": "2026-01-10T20:00:03Z", "name": "grep", "chat_id": "c1"},
]  # fmt: skip
"""A tracer of nobody's: a call in words of its own, and what is no call."""

MAP = """
only = { kind = "llm" }
[fields]
messages = "prompt.messages"
reply = "completion"
input = ["usage.input", "usage.prompt_tokens"]
cached = "usage.cached_tokens"
output = "usage.completion_tokens"
model = "llm.model"
provider = "llm.vendor"
time = "ts"
duration_ms = "latency_ms"
session = "chat_id"
cost = "price_usd"
[constants]
project = "shop"
[labels]
team = "team"
"""


def lines(*records: Any) -> str:
    return "\n".join(map(json.dumps, records))


def mapped(mapping: str, log: str) -> list[Any]:
    reader = reader_of_mapping(read_mapping(mapping, "map.toml"))
    return read_all(reader, memory_source("own.jsonl", log)).items


def test_a_call_in_words_of_its_own() -> None:
    reading = read_all(reader_of_mapping(read_mapping(MAP, "map.toml")), memory_source("own.jsonl", lines(*TRACE)))
    call, other = reading.items
    assert isinstance(call, Request)
    assert isinstance(other, Other)
    assert call.usage == Usage(plain=14, read=5, output=4)
    assert (call.model, call.provider, call.session, call.project) == ("gpt-4.1", "openai", "c1", "shop")
    assert (call.started, call.ended) == (1768075201.0, 1768075201.9)
    assert (call.recorded_cost, call.labels, call.format) == ("0.5", (("team", "search"),), "map.toml")
    assert [segment.kind for segment in reading.tree.path(call.node)] == [Kind.SYSTEM, Kind.USER]
    assert call.answer is not None
    assert reading.tree.path(call.answer)[-1].text == "Hi there."


BODY = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}],
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 30, "output_tokens": 2},
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "answer"), [(BODY, ANSWER), (json.dumps(BODY), json.dumps(ANSWER))], ids=["objects", "texts"]
)
def test_calls_listed_in_a_record_and_what_it_tells_of_all(body: Any, answer: Any) -> None:
    record = {
        "run": {"who": "ada"},
        "steps": [{"in": {"req": body}, "out": answer}, {"in": {"req": body}, "out": answer}],
    }
    mapping = 'records = "steps"\n[fields]\nbody = "in.req"\nanswer = "out"\nuser = "run.who"\n'
    found = mapped(mapping, lines(record))
    assert [(call.provider, call.api, call.id, call.user) for call in found] == [
        ("anthropic", "anthropic", "msg_1", "ada")
    ] * 2
    assert found[0].usage == Usage(plain=10, read=30, output=2)


def test_a_bill_alone() -> None:
    (call,) = mapped(
        '[fields]\nplain = "in"\nwritten_1h = "w"\noutput = "out"\n', lines({"in": "1,000", "w": 5, "out": 2.0})
    )
    assert call.usage == Usage(plain=1000, write_1h=5, output=2)
    assert call.knowledge is Knowledge.COUNTS


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"in": 5, "read": 9}, "more than the input; map it as plain"),
        ({"in": -1}, "no token count"),
        ({"in": True}, "no token count"),
        ({"in": [1]}, "no token count"),
        ({"in": 1e30}, "no token count"),
        ({"other": 1}, "neither messages nor usage"),
    ],
)
def test_what_does_not_add_up_is_skipped(record: Any, reason: str) -> None:
    (item,) = mapped('[fields]\ninput = "in"\ncached = "read"\n', lines(record))
    assert isinstance(item, Skipped)
    assert reason in item.reason


def test_a_clock_that_starts_with_the_log() -> None:
    (call,) = mapped('[fields]\ninput = "in"\ntime = "t"\n', lines({"in": 5, "t": 12.5}))
    assert call.started == 12.5
    assert ("clock", "relative") in call.settings


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1), ("a.c.0", 2), ("a.c.-1", 3), ("a.c.9", None), ("a.c.x", None), ("d.e", 4), ("a.b.c", None),
        ("f.g.h", 5), ("", None), ("none", None),
    ],
)  # fmt: skip
def test_paths(path: str, value: Any) -> None:
    holder = {"a": {"b": 1, "c": [2, 3]}, "d.e": 4, "f": {"g.h": 5}}
    assert (value_at(holder, tuple(path.split("."))) if path else None) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fields = ", "is no TOML"),
        ('[fields]\nmesages = "x"', "there is no mesages; did you mean messages?"),
        ('[fields]\nmodel = "x"', "maps no call"),
        ("[fields]\nbody = 5", "is no path"),
        ("[fields]\nbody = []", "is no path"),
        ('field = "x"', "did you mean fields?"),
        ("fields = 5", "fields is no table"),
        ('[constants]\nbody = "x"', "there is no body"),
    ],
)
def test_a_mapping_that_is_wrong_says_why(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=r"map\.toml") as raised:
        read_mapping(text, "map.toml")
    assert says in str(raised.value)


def test_a_changed_mapping_reads_anew(tmp_path: Path) -> None:
    """What is kept of a large log depends on what its mapping says, not on what it is called."""
    path = tmp_path / "map.toml"
    path.write_text('[fields]\ninput = "in"\n')
    before = Reading(str(path)).key
    path.write_text('[fields]\ninput = "out"\n')
    assert Reading(str(path)).key != before
    assert reader_named(str(path)).name == str(path)
    with pytest.raises(UsageError, match="cannot be read"):
        reader_named("nowhere.toml")


# --- the mapping to start from -------------------------------------------------------------------------------------


LOGS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "words of its own": (TRACE, {"model": "gpt-4.1", "session": "c1", "usage": Usage(plain=14, read=5, output=4)}),
    "a list of calls": (
        [{"user": "ada", "calls": [{"request": {"sent": json.dumps(BODY)}, "got": ANSWER, "at": 1768075200.5}]}],
        {"model": "claude-sonnet-4-5", "user": "ada", "started": 1768075200.5, "id": "msg_1"},
    ),
    "counts apart": (
        [{"u": {"input_tokens": 3, "cache_read_input_tokens": 9, "output_tokens": 1}, "modelId": "x", "cost": "0.25"}],
        {"usage": Usage(plain=3, read=9, output=1), "model": "x", "recorded_cost": "0.25"},
    ),
    "a text and times": (
        [{"prompt": "Hello", "completion": "Hi", "startTime": "2026-01-10T20:00:01", "provider_name": "Mistral"}],
        {"started": 1768075201.0, "naive_time": True, "provider": "mistral", "knowledge": Knowledge.FULL},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_the_mapping_to_start_from_reads_its_own_log(name: str) -> None:
    records, wanted = LOGS[name]
    text = starter(records, "own.jsonl")
    call = mapped(text, lines(*records))[0]
    assert isinstance(call, Request), call
    assert {field: getattr(call, field) for field in wanted} == wanted
    assert all(len(line) <= 80 for line in text.splitlines())


KEYS = st.sampled_from(["messages", "usage", "role", "input_tokens", "x.y", '"', "\n", "é"]) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(st.lists(VALUES, max_size=4))
def test_a_mapping_to_start_from_is_always_toml(records: list[Any]) -> None:
    told = tomllib.loads(starter(records, "own.jsonl"))
    assert set(told["fields"]) <= set(FIELDS)


def test_columns_to_start_from() -> None:
    assert columns(["When", "Prompt Tokens", "Completion Tokens", "User ID", "created_at"]) == {
        "input": "Prompt Tokens", "output": "Completion Tokens", "time": "created_at", "user": "User ID",
    }  # fmt: skip


# --- on the command line -------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "own.jsonl").write_text(lines(*TRACE))
    return tmp_path / "own.jsonl"


def test_a_report_by_a_mapping(log: Path, tmp_path: Path) -> None:
    form = ("--input-format", tmp_path / "map.toml")
    done = agentcost(tmp_path / "cache", "turns", log, *form, "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["tables"]["requests"]
    assert (row["prompt"], row["read"], row["project"], row["label_team"]) == (19, 5, "shop", "search")
    texts = agentcost(tmp_path / "cache", "analyze", log, *form, "--include-text", "--json")
    assert b"Be brief." in texts.stdout  # read again, by the same mapping


def test_a_log_of_an_unknown_format_names_the_doctor(log: Path, tmp_path: Path) -> None:
    done = agentcost(tmp_path / "cache", "analyze", log)
    assert done.returncode == 1
    assert f"`agentcost formats --doctor {log}`" in done.stderr.decode()


def test_equal_calls_of_a_record_without_id_and_time_are_two_calls(tmp_path: Path) -> None:
    mapping, log = tmp_path / "map.toml", tmp_path / "own.jsonl"
    mapping.write_text('records = "calls"\n[fields]\ninput = "in"\noutput = "out"\n')
    log.write_text('{"calls": [{"in": 100, "out": 5}, {"in": 100, "out": 5}]}\n' * 2)
    read = agentcost(tmp_path / "cache", "analyze", log, "--input-format", mapping, "--json")
    assert read.returncode == 0, read.stderr
    totals = json.loads(read.stdout)["totals"]
    assert (totals["requests"], totals["input_tokens"]) == (4, 400)
