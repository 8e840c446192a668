"""What a log says that nothing can keep is mended or skipped, wherever in a record it stands."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.reading import FIXTURES
from tests.replacing import replace
from tests.test_ingest_fuzz import places, replaced

from agentcost.analyze import evaluate
from agentcost.ingest.inputs import find_sources
from agentcost.ingest.source import StreamSource
from agentcost.loading.logs import Reading, load_logs
from agentcost.loading.soundness import sound_item, sound_text
from agentcost.model import Knowledge as Known
from agentcost.model import Other, Place, Request, Skipped, Usage
from agentcost.record import load, save

WHERE = Place("log", 1)
CALL = Request(WHERE, "requests", Known.FULL, "openai", "gpt-4.1", 1, session="\u00e9", labels=(("team", "a"),))

RECORD: dict[str, Any] = {
    "timestamp": "2026-01-10T20:00:01Z", "session_id": "s1", "user": "ada",
    "request": {"url": "https://api.anthropic.com/v1/messages", "headers": {"user-agent": "cli/1"}, "body": {
        "model": "claude-sonnet-4-5", "max_tokens": 9, "system": "Be brief.",
        "tools": [{"name": "mcp__files__read", "description": "Reads.", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t1", "name": "mcp__files__read", "input": {"a": "b"}},
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]},
        ],
    }},
    "response": {"body": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                          "content": [{"type": "text", "text": "Hi"}],
                          "usage": {"input_tokens": 90, "output_tokens": 2}}},
}  # fmt: skip


@pytest.mark.parametrize("time", [1e30, -1e30, 1e11, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["started", "first_token", "ended"])
def test_what_is_no_time_is_unknown(name: str, time: float) -> None:
    times = {"started": 5.0, "first_token": 6.0, "ended": 7.0}
    found = sound_item(replace(CALL, **{**times, name: time}))
    assert isinstance(found, Request)
    assert {key: getattr(found, key) for key in times} == {**times, name: None}
    assert sound_item(replace(CALL, **times)) == replace(CALL, **times)


@pytest.mark.parametrize("cost", ["1e+30", "-1", "nan", "inf", "1000000000.0", "much"])
def test_what_no_call_costs_is_unknown(cost: str) -> None:
    found = sound_item(replace(CALL, recorded_cost=cost))
    assert isinstance(found, Request)
    assert found.recorded_cost == ""
    assert sound_item(replace(CALL, recorded_cost="0.0012")) == replace(CALL, recorded_cost="0.0012")


def test_a_log_with_a_cost_of_nothing_on_earth_is_evaluated() -> None:
    log = json.loads((FIXTURES / "openhands" / "base_state.json").read_text())
    log["stats"]["usage_to_metrics"]["agent"]["costs"][0]["cost"] = 1e30
    source = StreamSource("log", BytesIO(json.dumps(log).encode()))
    record = load_logs([source], Reading(input_format="openhands", threads=False))
    assert [request.recorded_cost for request in record.requests] == ["", "0.002", ""]
    evaluate(record)


def test_a_log_whose_times_are_none_is_evaluated() -> None:
    row = {"timestamp": 1e30, "request_id": "r1", "model_name": "gpt-4.1", "chunk_size": 256, "seq_len": 256,
           "chunk_hashes": ["0xab"]}  # fmt: skip
    source = StreamSource("log", BytesIO(json.dumps(row).encode()))
    record = load_logs([source], Reading(input_format="lmcache", threads=False))
    assert [request.started for request in record.requests] == [None]
    evaluate(record)


@pytest.mark.parametrize("path", list(places(RECORD)), ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize(
    "strange", ["x\ud800y", 10**30, float("nan"), -1], ids=["surrogate", "huge", "nan", "negative"]
)
def test_a_strange_value_anywhere_is_read_evaluated_and_saved(path: tuple[Any, ...], strange: Any) -> None:
    data = json.dumps(replaced(RECORD, path, strange)).encode()
    reading = Reading(input_format="requests", threads=False)
    record = load_logs([StreamSource("log", BytesIO(data))], reading)
    (log,) = record.logs
    assert log.records == log.requests + log.skipped + sum(log.others.values()) == 1
    evaluate(record)
    assert load(save(record)).requests == record.requests


@pytest.mark.parametrize(
    ("text", "sound"),
    [("Read", "Read"), ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"), ("a\ud800b", "a?b"), ("", "")],
)
def test_only_what_cannot_be_kept_changes(text: str, sound: str) -> None:
    assert sound_text(text) == sound


@pytest.mark.parametrize(
    "usage",
    [Usage(-1), Usage(5, read=-1), Usage(5, write_5m=-3), Usage(5, output=-1), Usage(10**12), Usage(1, read=10**40)],
)
def test_counts_that_nobody_can_mean_are_skipped(usage: Usage) -> None:
    found = sound_item(replace(CALL, usage=usage))
    assert isinstance(found, Skipped)
    assert "mend or remove it" in found.reason


@pytest.mark.parametrize("item", [CALL, Other(WHERE, "\u00e9"), Skipped(WHERE, "why")])
def test_what_can_be_kept_is_kept(item: Request | Other | Skipped) -> None:
    assert sound_item(item) == item


@pytest.mark.parametrize("usage", [Usage(10**12), Usage(1, read=10**40), Usage(1, output=10**12)])
def test_more_tokens_than_a_request_can_have(usage: Usage) -> None:
    assert isinstance(sound_item(replace(CALL, usage=usage)), Skipped)


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        (Usage(-1), "tells -1 plain input tokens, which is no count"),
        (Usage(9, read=-2), "tells -2 tokens read from the cache"),
        (Usage(-5, read=9), "tells -5 plain input tokens"),
        (Usage(9, write_1h=-1), "tells -1 tokens written for an hour"),
        (Usage(9, output=-1), "tells -1 output tokens"),
        (Usage(9, output=3, reasoning=2.5), "tells 2.5 reasoning tokens"),  # type: ignore[arg-type]  # as JSON has it
        (Usage(9, searches=-1), "tells -1 searches of the web"),
    ],
)
def test_less_than_nothing_is_no_bill(usage: Usage, says: str) -> None:
    item = sound_item(replace(CALL, usage=usage))
    assert isinstance(item, Skipped)
    assert item.reason.startswith(says)


@pytest.mark.parametrize("key", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
def test_a_negative_bill_is_skipped_and_counted(key: str) -> None:
    data = json.dumps(replaced(RECORD, ("response", "body", "usage"), {"input_tokens": 90, key: -7})).encode()
    record = load_logs([StreamSource("log", BytesIO(data))], Reading(input_format="requests", threads=False))
    assert (record.requests, record.logs[0].skipped) == ([], 1)
    assert record.skipped[0].reason.startswith("tells -7 ")


def test_a_length_that_cannot_be_is_not_kept_in_the_tree() -> None:
    row = {
        "id": "c1",
        "call_type": "completion",
        "model": "gpt-4.1",
        "startTime": 1767000000.5,
        "spend": 0.1,
        "response": {"usage": {"prompt_tokens": 10**11, "prompt_tokens_details": {"cached_tokens": 99 * 10**10}}},
    }
    data = json.dumps(row).encode()
    record = load_logs([StreamSource("log", BytesIO(data))], Reading(input_format="litellm", threads=False))
    assert (record.requests, len(record.skipped)) == ([], 1)
    assert all(entry.tokens is None for entry in record.tree.entries)
    evaluate(load(save(record)))


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    try:
        path.write_text(json.dumps(RECORD))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    record = load_logs(find_sources([str(tmp_path)]).sources, Reading(threads=False))
    assert record.logs[0].name.endswith("/caf?.jsonl")
    evaluate(record)
