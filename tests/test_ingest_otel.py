"""The OpenTelemetry reader: conventions that say the same, spans that repeat others, events, and the recorded spans."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.reading import FIXTURES, SHARED, Reading, memory_source, needs_shared, read_all, read_file

from agentcost.ingest.otel import READER
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading as Choices
from agentcost.loading.logs import load_logs
from agentcost.model import Kind, Knowledge, Other, Skipped, Usage

NOON = 1768075200.0
"""2026-01-10T20:00:00Z."""


def read(name: str) -> Reading:
    return read_file(READER, FIXTURES / "otel" / name)


def texts(reading: Reading, node: int) -> list[str]:
    return [segment.text for segment in reading.tree.path(node)]


def others(reading: Reading) -> Counter[str]:
    return Counter(item.what for item in reading.items if isinstance(item, Other))


def test_one_conversation_in_every_convention_is_one_path() -> None:
    reading = read("conventions.jsonl")
    assert [request.id for request in reading.requests] == [
        "t9:current", "t9:events", "t9:first", "t9:openllmetry", "t9:openinference", "t9:vercel",
    ]  # fmt: skip
    assert len({(request.node, request.answer) for request in reading.requests}) == 1
    assert {request.usage for request in reading.requests} == {Usage(plain=33, read=64, output=5)}
    assert {(r.provider, r.model, r.project, r.knowledge) for r in reading.requests} == {
        ("openai", "gpt-4.1", "shop", Knowledge.FULL)
    }
    first = reading.requests[0]
    assert [segment.kind for segment in reading.tree.path(first.answer or 0)] == [
        Kind.TOOL, Kind.SYSTEM, Kind.USER, Kind.TOOL_CALL, Kind.FILE, Kind.ASSISTANT,
    ]  # fmt: skip


def test_a_collectors_file() -> None:
    reading = read("collector.jsonl")
    first, second, third = reading.requests
    assert [request.usage for request in reading.requests] == [
        Usage(plain=100, write=1100, output=20), Usage(plain=160, read=1100, output=5), Usage(plain=50, output=3),
    ]  # fmt: skip
    assert (first.started, first.first_token, first.ended) == (NOON + 1, NOON + 1.5, NOON + 3)
    assert (first.session, first.api, first.provider, first.project) == ("k1", "anthropic", "anthropic", "shop")
    assert first.answer in reading.tree.steps(second.node)
    assert third.session == "t2"
    assert (texts(reading, third.node), texts(reading, third.answer or 0)) == (["Hello"], ["Hello", "Hi."])


def test_what_is_no_call_is_counted() -> None:
    assert others(read("collector.jsonl")) == {
        "execute_tool span": 1, "invoke_agent span": 1, "span around a call, which it repeats": 1, "failed call": 1,
        "event gen_ai.user.message": 1, "event gen_ai.choice": 1, "telemetry without spans": 1,
    }  # fmt: skip


def test_agents_events_are_bills_without_prompts() -> None:
    reading = read("agents.jsonl")
    assert [(r.client, r.provider, r.session, r.recorded_cost) for r in reading.requests] == [
        ("claude-code", "anthropic", "cc1", "0.0021"), ("gemini-cli", "google", "g1", ""),
        ("codex", "openai", "x1", ""),
    ]  # fmt: skip
    assert [request.usage for request in reading.requests] == [
        Usage(plain=10, read=900, write=90, output=7),
        Usage(plain=200, read=800, output=10, reasoning=6),
        Usage(plain=60, read=640, output=30, reasoning=12),
    ]
    assert {request.knowledge for request in reading.requests} == {Knowledge.COUNTS}
    assert (reading.requests[0].started, reading.requests[0].ended) == (NOON + 3, NOON + 5)


def span(**attributes: object) -> str:
    return json.dumps({"name": "x", "spanContext": {"traceId": "t", "spanId": "s"}, "attributes": attributes})


CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1"}


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        ({"input_tokens": 100, "cache_read.input_tokens": 60}, Usage(plain=40, read=60)),  # cached is inside
        ({"input_tokens": 10, "cache_read_input_tokens": 60}, Usage(plain=10, read=60)),  # it cannot be inside
        (
            {"input_tokens": 100, "output_tokens": 5, "total_tokens": 165, "cache_read_tokens": 60},
            Usage(plain=100, read=60, output=5),  # the total tells that it is beside
        ),
        ({"input_tokens": 100, "input_tokens.cache_write": 30}, Usage(plain=70, write=30)),
        ({"input_tokens": 9, "output_tokens": float("nan")}, Usage(plain=9)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "reasoning.output_tokens": 3},
         Usage(plain=9, output=4, reasoning=3)),
    ],
)  # fmt: skip
def test_spellings_of_usage(attributes: dict[str, object], usage: Usage) -> None:
    named = {f"gen_ai.usage.{key}": value for key, value in attributes.items()}
    [request] = read_all(READER, memory_source("s", span(**CALL, **named))).requests
    assert request.usage == usage


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("aws.bedrock", "bedrock"), ("az.ai.openai", "azure"), ("gcp.vertex_ai", "vertex"), ("gcp.gemini", "google"),
        ("anthropic.messages", "anthropic"), ("mistral_ai", "mistral"), ("x_ai", "xai"), ("", "openai"),
    ],
)  # fmt: skip
def test_providers_by_their_names(name: str, provider: str) -> None:
    log = span(**CALL, **{"gen_ai.system": name, "gen_ai.usage.input_tokens": 1})
    assert [request.provider for request in read_all(READER, memory_source("s", log)).requests] == [provider]


def test_a_call_without_anything_says_what_to_do() -> None:
    [item] = read_all(READER, memory_source("s", span(**CALL))).items
    assert isinstance(item, Skipped)
    assert "turn on the recording" in item.reason


def test_tools_that_were_not_recorded_are_hidden() -> None:
    parts = [{"type": "tool_call", "id": "c", "name": "ls", "arguments": {}}]
    answer = json.dumps([{"role": "assistant", "parts": parts}])
    log = span(**CALL, **{"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"x"}]}]',
                          "gen_ai.output.messages": answer})  # fmt: skip
    [request] = read_all(READER, memory_source("s", log)).requests
    assert (request.knowledge, request.usage) == (Knowledge.TRANSCRIPT, None)


def test_the_debug_export_of_vs_code() -> None:
    reading = read_file(READER, FIXTURES / "otel" / "vscode_agent_debug.json")
    first, second = reading.requests
    assert [call.usage for call in (first, second)] == [
        Usage(plain=63, output=20), Usage(plain=105, output=14, reasoning=0),
    ]  # fmt: skip
    assert (first.session, first.client, first.provider, first.model) == (
        "9c1f",
        "copilot",
        "github",
        "gpt-4.1-2025-04-14",
    )
    assert (first.started, first.first_token, first.ended) == (NOON + 0.1, NOON + 0.55, NOON + 2.0)
    path = reading.tree.path(second.node)
    assert [(segment.kind, segment.name) for segment in path] == [
        (Kind.TOOL, "read_file"), (Kind.SYSTEM, ""), (Kind.USER, ""), (Kind.TOOL_CALL, "read_file"),
        (Kind.FILE, "read_file"),
    ]  # fmt: skip
    assert path[:4] == reading.tree.path(first.answer or 0)
    assert [item.what for item in reading.items if isinstance(item, Other)] == [
        "invoke_agent span", "execute_tool span", "content_event span",
    ]  # fmt: skip


def test_the_file_of_copilots_exporter_has_spans_their_details_and_metrics() -> None:
    own = {"gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4.1", "gen_ai.usage.input_tokens": 9}
    told = {"gen_ai.response.id": "r1", **own}
    lines = [
        {"resource": {"attributes": {"service.name": "copilot-chat"}}, "traceId": "t", "spanId": "s", "name": "chat",
         "startTime": [1768075200, 5], "endTime": [1768075201, 0], "attributes": told},
        {"hrTime": [1768075201, 0], "spanContext": {"traceId": "t", "spanId": "s"}, "resource": {"attributes": {}},
         "attributes": {"event.name": "gen_ai.client.inference.operation.details", **told}},
        {"resource": {"attributes": {}}, "scopeMetrics": []},
        {},
    ]  # fmt: skip
    record = load_logs([memory_source("copilot.jsonl", "\n".join(map(json.dumps, lines)))], Choices(threads=False))
    [request] = record.requests
    assert (request.id, request.started, request.client) == ("r1", 1768075200.000000005, "copilot")
    beside = {"telemetry without spans": 2, "event gen_ai.client.inference.operation.details": 1}
    assert record.logs[0].others == beside


def test_results_that_name_no_call_belong_to_the_calls_before_them() -> None:
    def part(kind: str, **own: object) -> dict[str, object]:
        return {"type": kind, **own}

    calls = [part("tool_call", id=name, name=name, arguments={}) for name in ("read", "bash")]
    told = [
        {"role": "assistant", "parts": calls},
        {"role": "tool", "parts": [part("text", content="a file")]},
        {"role": "tool", "parts": [part("text", content="a command")]},
        {"role": "tool", "parts": [part("text", content="nobody's")]},
    ]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1", "gen_ai.input.messages": told}
    [request] = read_all(READER, memory_source("log", json.dumps({"name": "chat", "attributes": attributes}))).requests
    reading = read_all(READER, memory_source("log", json.dumps({"name": "chat", "attributes": attributes})))
    path = reading.tree.path(request.node)
    assert [(part.kind, part.name) for part in path[2:]] == [
        (Kind.FILE, "read"), (Kind.TOOL_RESULT, "bash"), (Kind.TOOL_RESULT, ""),
    ]  # fmt: skip


def test_details_of_a_call_are_its_content_or_a_call_by_themselves() -> None:
    message = [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    details = {
        "eventName": "gen_ai.client.inference.operation.details", "spanId": "s", "traceId": "t",
        "attributes": [
            {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(message)}},
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4.1"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "8"}},
        ],
    }  # fmt: skip
    event = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [details]}]}]})
    own = span(**CALL, **{"gen_ai.usage.input_tokens": 8})
    for log in (event, event + "\n" + own, own + "\n" + event):
        reading = read_all(READER, memory_source("s.jsonl", log))
        [request] = reading.requests
        assert texts(reading, request.node) == ["Hello"]
        assert request.usage == Usage(plain=8)
        assert len(reading.items) == log.count("\n") + 1


@needs_shared
def test_the_recorded_spans() -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["otel-spans"]
    for name, truth in truths.items():
        reading = read_all(READER, open_source(SHARED / "otel-spans" / name))
        # a wrapper repeats the usage of the call inside it, which another file holds
        wanted = [] if name in ("vercel-ai-sdk-v6/ai-generateText.json", "vercel-ai-sdk-v6/ai-streamText.json") else [
            (
                usage.get("gen_ai.usage.input_tokens", usage.get("llm.token_count.prompt")),
                usage.get("gen_ai.usage.output_tokens", usage.get("llm.token_count.completion")),
            )
            for usage in truth["usage"]
        ]  # fmt: skip
        assert [(r.usage.prompt, r.usage.output) for r in reading.requests if r.usage] == wanted
        assert len(reading.items) == truth["spans"]
        assert not [item for item in reading.items if isinstance(item, Skipped)]


@pytest.mark.parametrize("name", ["collector.jsonl", "conventions.jsonl", "agents.jsonl"])
def test_sniffs_its_own(name: str) -> None:
    assert READER.sniff(open_source(FIXTURES / "otel" / name).peek())
    assert READER.sniff(memory_source("example", READER.example).peek())
    assert len(read_all(READER, memory_source("example", READER.example)).requests) == 1
