"""The LiteLLM reader: its shapes, who pays and who asked, folded tools, repeated prefixes, the recorded logs."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading import (
    FIXTURES,
    SHARED,
    Reading,
    claimed,
    memory_source,
    needs_shared,
    read_all,
    read_file,
)

from agentcost.ingest.litellm import READER
from agentcost.ingest.litellm_routes import route, tagged
from agentcost.ingest.source import open_source
from agentcost.model import Kind, Knowledge, Other, Request, Skipped

FOLDER = FIXTURES / "litellm"
LOGS = SHARED / "raw-http" / "openhands-litellm"


def fixture(name: str) -> Reading:
    """A fixture, read from its file."""
    return read_all(READER, open_source(FOLDER / name, name))


def one(record: Any) -> Any:
    """The item of one record."""
    [item] = read_all(READER, memory_source("one", json.dumps(record))).items
    return item


def payload(**more: Any) -> dict[str, Any]:
    """A payload of one short call."""
    return {
        "id": "chatcmpl-1", "call_type": "acompletion", "status": "success", "model": "gpt-5-nano",
        "custom_llm_provider": "openai", "startTime": 1767000000.0, "endTime": 1767000001.0, "response_cost": 0.25,
        "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "metadata": {}, "model_parameters": {},
        "messages": [{"role": "user", "content": "Hello"}], "response": None, **more,
    }  # fmt: skip


def kinds(reading: Reading, request: Request) -> list[tuple[str, str]]:
    """Component and name of each segment of a call, its answer included."""
    return [(segment.kind.value, segment.name) for segment in reading.tree.path(request.answer or request.node)]


def test_every_record_of_the_fixture_is_one_item() -> None:
    reading = fixture("payloads.jsonl")
    assert [item.place.line for item in reading.items] == list(range(1, 13))
    others = {item.place.line: item.what for item in reading.items if isinstance(item, Other)}
    assert others == {
        5: "failed call", 6: "aembedding call", 7: "answer from LiteLLM's own cache, not asked of a provider",
    }  # fmt: skip
    [skipped] = [item for item in reading.items if isinstance(item, Skipped)]
    assert (skipped.place.line, "turn_off_message_logging" in skipped.reason) == (12, True)


def test_usage_is_disjoint_in_every_dialect() -> None:
    rows = [
        (request.place.line, request.api, usage.plain, usage.read, usage.writes, usage.output)
        for request in fixture("payloads.jsonl").requests
        if (usage := request.usage)
    ]
    assert rows == [
        (1, "openai-chat", 10, 0, 1200, 30),
        (2, "openai-chat", 60, 1200, 0, 8),
        (3, "openai-chat", 60, 1200, 0, 8),
        (4, "openai-chat", 100, 400, 0, 20),
        (8, "anthropic", 40, 10, 5, 3),
        (9, "openai-responses", 20, 0, 0, 3),
        (10, "openai-chat", 12, 0, 0, 2),
        (11, "openai-chat", 10, 0, 0, 8),
    ]


def test_a_turn_goes_on_from_the_answer_before_and_a_repeat_keeps_its_id() -> None:
    reading = fixture("payloads.jsonl")
    first, second, again = reading.requests[:3]
    assert first.answer in reading.tree.steps(second.node)
    assert (second.id, second.node, second.answer) == (again.id, again.node, again.answer)
    assert kinds(reading, second) == [
        (Kind.TOOL.value, "read_file"), (Kind.MCP_TOOL.value, "mcp__git__log"), (Kind.SYSTEM.value, ""),
        (Kind.USER.value, ""), (Kind.TOOL_CALL.value, "read_file"), (Kind.FILE.value, "read_file"),
        (Kind.ASSISTANT.value, ""),
    ]  # fmt: skip
    marked = reading.tree.segment[second.breakpoints[0].node]
    assert marked is not None
    assert (marked.kind, second.breakpoints[0].ttl) == (Kind.SYSTEM, "5m")


def test_times_cost_and_sender() -> None:
    first, second, *_ = fixture("payloads.jsonl").requests
    assert (first.started, first.first_token, first.ended) == (1767000000.5, None, 1767000003.0)
    assert (second.first_token, second.naive_time, second.recorded_cost) == (1767000011.25, False, "0.000615")
    who = (first.session, first.user, first.project, first.client, first.task, first.provider, first.model)
    assert who == ("s1", "ana", "search", "claude-code", "review", "anthropic", "claude-sonnet-4-5")
    assert dict(first.labels) == {"team": "search", "key": "ci", "cost_center": "42", "tags": "nightly"}


def test_a_row_of_the_spend_log() -> None:
    reading = fixture("payloads.jsonl")
    row = reading.requests[6]
    assert (row.id, row.session, row.user, row.project, row.provider, row.model, row.recorded_cost) == (
        "chatcmpl-8", "s2", "bo", "search", "deepseek", "deepseek-chat", "0.00012",
    )  # fmt: skip
    assert (row.started, row.first_token, row.ended, row.naive_time) == (
        1767000600.5, 1767000601.0, 1767000602.0, True,
    )  # fmt: skip
    assert kinds(reading, row) == [(Kind.USER.value, "")]


def test_messages_that_were_not_logged_leave_counts() -> None:
    reading = fixture("payloads.jsonl")
    request = reading.requests[3]
    [segment] = reading.tree.path(request.node)
    assert (request.knowledge, segment.kind, segment.tokens, segment.text, request.answer) == (
        Knowledge.COUNTS, Kind.UNKNOWN, 500, "", None,
    )  # fmt: skip


def test_openhands_calls_end_when_they_are_logged() -> None:
    reading = fixture("openhands.json")
    [request] = reading.requests
    assert (request.started, request.ended, request.recorded_cost) == (1767000000.5, 1767000004.5, "0.0012")
    assert (request.provider, request.model, request.client, request.session) == (
        "anthropic", "claude-sonnet-4-5", "openhands", "s3",
    )  # fmt: skip
    assert kinds(reading, request)[0] == (Kind.TOOL.value, "terminal")


def test_folded_tools_are_told_apart_in_what_was_sent() -> None:
    reading = fixture("openhands_folded.jsonl")
    first, second = reading.requests
    assert first.answer in reading.tree.steps(second.node)
    assert kinds(reading, second) == [
        (Kind.SYSTEM.value, ""), (Kind.TOOL.value, "terminal"), (Kind.SYSTEM.value, ""), (Kind.USER.value, ""),
        (Kind.ASSISTANT.value, ""), (Kind.TOOL_CALL.value, "terminal"), (Kind.TOOL_RESULT.value, "terminal"),
        (Kind.ASSISTANT.value, ""),
    ]  # fmt: skip
    record = json.loads((FOLDER / "openhands_folded.jsonl").read_bytes().splitlines()[1])
    sent = "".join(message["content"] for message in record["messages"])
    assert "".join(segment.text for segment in reading.tree.path(second.node)) == sent


def test_older_openhands_logs_have_no_latency_and_failed_calls_are_no_requests() -> None:
    request, failed = fixture("openhands_old.jsonl").items
    assert isinstance(request, Request)
    assert (request.started, request.ended, request.recorded_cost) == (1767000001.0, 1767000004.5, "")
    assert (request.provider, request.model) == ("openai", "gpt-5-nano")
    assert failed == Other(failed.place, "failed call (RateLimitError)")


def test_behind_a_gateway_stands_a_prompt_that_its_log_does_not_hold() -> None:
    [request] = fixture("gateway.json").requests
    assert (request.knowledge, request.provider, request.model) == (
        Knowledge.TRANSCRIPT, "anthropic", "claude-haiku-4-5",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("custom", "base", "name", "provider", "model"),
    [
        ("", "", "litellm_proxy/anthropic/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("", "", "litellm_proxy/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("", "", "litellm_proxy/deepseek/deepseek-chat", "deepseek", "deepseek-chat"),
        ("", "", "openrouter/anthropic/claude-opus-4.5", "openrouter", "anthropic/claude-opus-4.5"),
        ("openrouter", "", "anthropic/claude-opus-4.5", "openrouter", "anthropic/claude-opus-4.5"),
        ("openai", "http://localhost:8000/v1", "openai/Qwen/Qwen3-8B", "", "Qwen/Qwen3-8B"),
        ("openai", "https://api.deepseek.com/v1", "deepseek-chat", "deepseek", "deepseek-chat"),
        ("hosted_vllm", "http://localhost:8000/v1", "hosted_vllm/Qwen/Qwen3-8B", "vllm", "Qwen/Qwen3-8B"),
        ("vertex_ai", None, "claude-sonnet-4-5@20250929", "vertex", "claude-sonnet-4-5@20250929"),
        ("bedrock", None, "bedrock/us.anthropic.claude-v4", "bedrock", "us.anthropic.claude-v4"),
        (None, None, "o4-mini", "openai", "o4-mini"),
        (None, None, "my-model", "", "my-model"),
        (None, None, None, "", ""),
    ],
)
def test_routes(custom: Any, base: Any, name: Any, provider: str, model: str) -> None:
    found = route(custom, base, name)
    assert (found.provider, found.model) == (provider, model)


def test_tags_name_fields_labels_or_nothing() -> None:
    labels, who = tagged(["Task:fix", "user:ana", "agent:Coder", "model:x", "b", "a", "User-Agent: codex_cli_rs/1"])
    assert labels == (("agent", "Coder"), ("tags", "a,b"))
    assert (who.task, who.user, who.client) == ("fix", "ana", "codex")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"status": "failure"}, Other),
        ({"cache_hit": "True"}, Other),
        ({"call_type": "arerank"}, Other),
        ({"call_type": "text_completion", "messages": "Once upon"}, Request),
        ({"messages": '[{"role": "user", "content": "kept as text"}]'}, Request),
        ({"messages": ["bare", {"role": "user", "content": None}]}, Request),
        ({"metadata": None, "model_parameters": None, "request_tags": None}, Request),
        ({"response": "an answer that is no object"}, Request),
        ({"response": {"choices": []}}, Request),
        ({"messages": {}, "prompt_tokens": None}, Skipped),
    ],
)
def test_odd_payloads(change: dict[str, Any], kind: type) -> None:
    assert isinstance(one(payload(**change)), kind)


def test_a_cost_of_zero_is_unknown() -> None:
    assert (one(payload()).recorded_cost, one(payload(response_cost=0.0)).recorded_cost) == ("0.25", "")


@pytest.mark.parametrize("line", ["{", "[]", "1", '{"call_type": "x"}', '{"messages": []}'])
def test_a_broken_line_costs_only_itself(line: str) -> None:
    good = json.dumps(payload())
    reading = read_all(READER, memory_source("t", f"{good}\n{line}\n{good}\n"))
    assert len(reading.requests) == 2
    assert len(reading.items) == 3


def test_glued_records_are_both_read() -> None:
    good = json.dumps(payload())
    assert len(read_all(READER, memory_source("t", good + good)).requests) == 2


LONG = "All work and no play. " * 500
TOOLS = [{"type": "function", "function": {"name": "bash", "description": LONG, "parameters": {"type": "object"}}}]
TURNS = st.lists(
    st.tuples(st.integers(0, 2), st.booleans(), st.text(max_size=20) | st.just('"messages": [0, {"role": "user"}]')),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(TURNS)
def test_repeated_prefixes_are_read_as_if_each_line_stood_alone(turns: list[tuple[int, bool, str]]) -> None:
    histories: dict[int, list[Any]] = {}
    lines = []
    for session, tools, text in turns:
        history = histories.setdefault(
            session, [{"role": "system", "content": f"Working directory: /w{session % 2}\n{LONG}"}]
        )
        history.append({"role": "user", "content": text})
        given_tools = TOOLS if tools else []
        lines.append(json.dumps(payload(model_parameters={"tools": given_tools}, messages=list(history))))
    together = read_all(READER, memory_source("log", "\n".join(lines)))
    for line, request in zip(lines, together.requests, strict=True):
        alone = read_all(READER, memory_source("log", line))
        [expected] = alone.requests
        assert together.tree.path(request.node) == alone.tree.path(expected.node)
        assert (request.project, request.settings, request.usage) == (
            expected.project, expected.settings, expected.usage,
        )  # fmt: skip


def test_only_new_messages_are_grown() -> None:
    messages: list[Any] = [{"role": "system", "content": LONG}]
    lines = []
    for turn in range(20):
        messages.append({"role": "user", "content": f"turn {turn}"})
        lines.append(json.dumps(payload(messages=list(messages), model_parameters={"tools": TOOLS})))
    reading = read_all(READER, memory_source("log", "\n".join(lines)))
    assert reading.tree.asked == len(reading.tree.nodes) == 2 + 20


def test_its_own_example_is_read() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    [request] = read_all(READER, source).requests
    assert (request.usage is not None, request.answer) == (True, None)


@pytest.mark.parametrize(
    "record",
    [
        {"model": "gpt-5-nano", "messages": [{"role": "user", "content": "Hello"}]},
        {"request": {"url": "https://api.openai.com/v1/chat/completions", "body": {"messages": []}}, "response": {}},
        {"messages": [{"role": "user", "content": "Hello"}], "response": {"choices": []}, "timestamp": 1},
        {"startTime": 1, "endTime": 2, "input": "x", "model": "gpt-5-nano"},
        {"prompt_tokens": 1, "completion_tokens": 2, "response_cost": 0.1},
    ],
)
def test_other_formats_are_left_to_others(record: dict[str, Any]) -> None:
    assert not READER.sniff(memory_source("other", json.dumps(record)).peek())


def test_a_payload_longer_than_the_peek_is_known_by_its_keys() -> None:
    whole = json.dumps(payload())
    cut = open_source(FOLDER / "payloads.jsonl").peek()
    assert READER.sniff(cut)
    assert READER.sniff(type(cut)("cut", whole[:-20].encode(), (), ("id", "call_type", "model", "startTime"), False))


@needs_shared
def test_it_claims_the_recorded_calls_and_no_other_log() -> None:
    assert claimed(READER) == Counter({"llm-logs": 6, "nonfncall-llm-logs": 4, "openai_gateway": 2})


@needs_shared
def test_recorded_calls_to_the_token() -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_bytes())["sets"]["openhands"]
    cost = Decimal(0)
    for name, truth in truths.items():
        [request] = read_file(READER, LOGS / name).requests
        usage = request.usage
        assert usage is not None
        assert (usage.prompt, usage.read, usage.writes, usage.plain, usage.output) == tuple(
            truth[key] for key in ("input_total", "cached_read", "cache_write", "input_uncached", "output")
        )
        assert request.recorded_cost == ("" if truth["recorded_cost"] is None else str(truth["recorded_cost"]))
        cost += Decimal(request.recorded_cost or 0)
    assert (len(truths), round(cost, 8)) == (12, Decimal("0.12136726"))


@needs_shared
def test_recorded_sessions_go_on_from_answer_to_prompt() -> None:
    for folder, broken in (("llm-logs", 0), ("nonfncall-llm-logs", 1)):
        lines = [json.dumps(json.loads(path.read_bytes())) for path in sorted((LOGS / folder).iterdir())]
        reading = read_all(READER, memory_source(folder, "\n".join(lines)))
        pairs = list(zip(reading.requests, reading.requests[1:], strict=False))
        parted = [first for first, second in pairs if first.answer not in reading.tree.steps(second.node)]
        # the first folded answer called its function natively, and was folded when it was sent back
        assert len(parted) == broken
        assert all(first.node in reading.tree.steps(second.node) for first, second in pairs)
