"""Captured calls: where records keep body, answer, times and sender, and which records are no requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.reading import memory_source, read_all

from agentcost.errors import AgentcostError
from agentcost.ingest.captured import READER
from agentcost.ingest.captured_prefix import prefix_segments
from agentcost.ingest.envelopes import BODY_PATHS
from agentcost.model import Item, Kind, Other, Request, Skipped, Usage

Json = dict[str, Any]

BODY: Json = {"model": "claude-opus-4-6", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
ANSWER: Json = {
    "type": "message", "id": "msg_1", "content": [{"type": "text", "text": "Hello"}],
    "usage": {"input_tokens": 9, "output_tokens": 2},
}  # fmt: skip
START = {"type": "message_start", "message": ANSWER}
URL = "https://api.anthropic.com/v1/messages"
AT = 1_769_860_800.0


def item(record: Any) -> Item:
    """What the only record of a log becomes."""
    (found,) = read_all(READER, memory_source("log.jsonl", json.dumps(record))).items
    return found


def request(record: Any) -> Request:
    found = item(record)
    assert isinstance(found, Request)
    return found


def nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


@pytest.mark.parametrize("path", BODY_PATHS, ids=".".join)
@pytest.mark.parametrize("write", [lambda body: body, json.dumps], ids=["object", "string"])
def test_bodies_wherever_they_stand(path: tuple[str, ...], write: Any) -> None:
    if not path and write is json.dumps:
        pytest.skip("a bare string is no record")
    found = request(nested(path, write(BODY)))
    assert (found.model, found.api, found.provider) == ("claude-opus-4-6", "anthropic", "anthropic")


@pytest.mark.parametrize(
    "answer",
    [
        {"response": {"body": ANSWER}},
        {"response": {"body": json.dumps(ANSWER)}},
        {"response": ANSWER},
        {"response_body": ANSWER},
        {"response": {"body_raw": f"event: message_start\ndata: {json.dumps(START)}\n\n"}},
        {"response": {"events": [START]}},
        {"response": {"events": [{"data": json.dumps(START)}]}},
    ],
)  # fmt: skip
def test_answers_wherever_they_stand(answer: Json) -> None:
    found = request({"request": {"body": BODY}, **answer})
    assert (found.id, found.usage, found.finished) == ("msg_1", Usage(9, output=2), True)


@pytest.mark.parametrize(
    "answer", [{}, {"response": None}, {"response": "cut off"}, {"response": {"body": "{"}}, {"response": 5}]
)
def test_calls_without_an_answer_are_not_finished(answer: Json) -> None:
    found = request({"request": {"body": BODY}, **answer})
    assert (found.usage, found.answer, found.finished) == (None, None, False)


@pytest.mark.parametrize(
    ("record", "started", "ended", "naive"),
    [
        ({"timestamp": "2026-01-31T12:00:00Z"}, AT, None, False),
        ({"started_at": AT, "ended_at": AT + 2}, AT, AT + 2, False),
        ({"ts": AT * 1000, "latency_ms": 1500}, AT, AT + 1.5, False),
        ({"created": AT, "duration": 3}, AT, AT + 3, False),
        ({"time": "2026-01-31T12:00:00"}, AT, None, True),
        ({"request": {"timestamp": AT, "body": BODY}, "response": {"timestamp": AT + 4}}, AT, AT + 4, False),
        ({}, None, None, False),
        ({"timestamp": "soon"}, None, None, False),
    ],
)
def test_times(record: Json, started: float | None, ended: float | None, naive: bool) -> None:
    found = request({"request": {"body": BODY}, **record})
    assert (found.started, found.ended, found.naive_time) == (started, ended, naive)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"session_id": "s", "user": "u", "project": "p", "task": "t"}, ("s", "u", "p", "t", "")),
        ({"request": {"headers": {"User-Agent": "claude-cli/2.1 (x)"}, "body": BODY}}, ("", "", "", "", "claude-code")),
        ({"request": {"headers": {"X-Claude-Code-Session-Id": "h"}, "body": BODY}}, ("h", "", "", "", "")),
        (
            {"session_id": "s", "headers": {"session_id": "h", "user-agent": "my-agent/1"}},
            ("s", "", "", "", "my-agent"),
        ),
        ({"headers": {"user-agent": "Mozilla Firefox"}}, ("", "", "", "", "")),
        ({"session_id": 5, "headers": []}, ("", "", "", "", "")),
    ],
)
def test_senders(record: Json, expected: tuple[str, ...]) -> None:
    found = request({"request": {"body": BODY}, **record})
    assert (found.session, found.user, found.project, found.task, found.client) == expected


def test_what_the_record_says_of_its_sender_wins_over_the_body() -> None:
    body = {**BODY, "metadata": {"user_id": "user_u_account_a_session_inner"}}
    found = request({"session_id": "outer", "request": {"body": body}})
    assert (found.session, found.user) == ("outer", "u")


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        (URL, "anthropic"), ("https://openrouter.ai/api/v1/messages", "openrouter"),
        ("https://us-east5-aiplatform.googleapis.com/x:rawPredict", "vertex"), ("http://localhost:8080/", "anthropic"),
    ],
)  # fmt: skip
def test_providers(url: str, provider: str) -> None:
    assert request({"request": {"url": url, "body": BODY}}).provider == provider


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"request": {"url": URL + "/count_tokens", "body": BODY}}, "token count"),
        ({"request": {"url": URL, "body": BODY}, "response": {"status_code": 529, "body": {"type": "error"}}},
         "failed call (status 529)"),
        ({"request": {"body": BODY}, "status": 401}, "failed call (status 401)"),
        ({"request": {"url": "https://api.anthropic.com/v1/models"}}, "call to another API"),
        ({"event": "start"}, "record without a request body"),
        ({}, "record without a request body"),
    ],
)  # fmt: skip
def test_records_that_are_no_requests(record: Json, what: str) -> None:
    found = item(record)
    assert isinstance(found, Other)
    assert found.what == what


def test_a_failed_status_with_an_answer_was_billed() -> None:
    assert request({"request": {"body": BODY}, "response": {"status": 499, "body": ANSWER}}).usage == Usage(9, output=2)


@pytest.mark.parametrize("record", [5, "text", [1], None])
def test_what_is_no_record(record: Any) -> None:
    assert isinstance(item(record), Skipped)


def test_several_records_on_a_line_and_a_list_of_them() -> None:
    for content in (json.dumps(BODY) * 2, json.dumps([BODY, BODY]), json.dumps([BODY, BODY], indent=1)):
        assert len(read_all(READER, memory_source("log", content)).requests) == 2


# --- a prefix that was captured once -------------------------------------------------------------------------------

TOOL: Json = {"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("value", "server", "names"),
    [
        ({**BODY, "tools": [TOOL], "system": "You help."}, "", ["find", ""]),
        ({"request": {"body": json.dumps({**BODY, "tools": [TOOL]})}}, "", ["find"]),
        ([TOOL], "", ["find"]),
        ({"tools": [TOOL]}, "files", ["mcp__files__find"]),
        ({"jsonrpc": "2.0", "result": {"tools": [{"name": "find", "inputSchema": {}, "annotations": {}}]}}, "files",
         ["mcp__files__find"]),
        ([{"type": "function", "function": {"name": "find", "parameters": {}}}, "no tool", {}], "", ["find"]),
    ],
)  # fmt: skip
def test_prefixes(value: Any, server: str, names: list[str]) -> None:
    for content in (json.dumps(value), json.dumps(value, indent=1)):
        segments = prefix_segments(content.encode(), "p.json", server)
        assert [segment.name for segment in segments] == names
        assert segments[0].kind is (Kind.MCP_TOOL if server else Kind.TOOL)


def test_the_first_line_of_a_log_is_a_prefix() -> None:
    log = json.dumps({**BODY, "system": "You help."}) + "\n" + json.dumps(BODY)
    assert [segment.text for segment in prefix_segments(log.encode(), "log.jsonl")] == ["You help."]


def test_equal_tools_are_equal_however_they_were_captured() -> None:
    sent, listed = [TOOL], {"result": {"tools": [{**TOOL, "annotations": {"title": "x"}}]}}
    one, two = (prefix_segments(json.dumps(value).encode(), "p", "files") for value in (sent, listed))
    assert [segment.digest for segment in one] == [segment.digest for segment in two]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"{}", b"[]", b"[1]", b'{"tools": 5}', b'{"result": null}', b"\xff"]
)
def test_what_is_no_prefix(content: bytes) -> None:
    with pytest.raises(AgentcostError, match=r"--prefix p\.json"):
        prefix_segments(content, "p.json")
