"""Dialects of Bedrock and of servers that users run: their bodies, usage under their own names, and their streams."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.dialects import path
from tests.reading import FIXTURES, Reading, memory_source, read_all, read_file

from agentcost.ingest.apis import APIS, anthropic, bedrock, completions, ollama
from agentcost.ingest.apis.contract import Api, Body, Calls
from agentcost.ingest.captured import READER
from agentcost.model import Kind, Other, Usage

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
CONVERSE: Body = {
    "model": "claude-sonnet-4-5",
    "toolConfig": {"tools": [
        {"toolSpec": {"name": "ls", "description": "Lists", "inputSchema": {"json": SCHEMA}}},
        {"cachePoint": {"type": "default"}},
    ]},
    "system": [{"text": "You mend carts."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": [{"text": "Fix"}, {"image": {"format": "png", "source": {"bytes": "AAAA"}}}]},
        {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
            {"toolUse": {"toolUseId": "c", "name": "ls", "input": {"path": "."}}},
        ]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "c", "content": [{"text": "a.py"}]}}, {"cachePoint": {"type": "default"}},
        ]},
    ],
}  # fmt: skip
MESSAGES: Body = {
    "model": "claude-sonnet-4-5",
    "tools": [{"name": "ls", "description": "Lists", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}],
    "system": [
        {"type": "text", "text": "You mend carts.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "Fix"}, {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "sig"},
            {"type": "tool_use", "id": "c", "name": "ls", "input": {"path": "."}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "a.py"}],
             "cache_control": {"type": "ephemeral"}},
        ]},
    ],
}  # fmt: skip


def test_a_prompt_is_one_path_in_converse_and_in_messages() -> None:
    assert path(bedrock.API, CONVERSE) == path(anthropic.API, MESSAGES)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (CONVERSE, "bedrock"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "bedrock"),
        ({"model": "nova", "schemaVersion": "messages-v1", "messages": [{"role": "user", "content": []}]}, "bedrock"),
        (MESSAGES, "anthropic"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "options": {}}, "ollama"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}]}, "openai-chat"),
        ({"model": "m", "prompt": "x", "max_tokens": 5}, "completions"),
        ({"model": "m", "inputText": "x", "textGenerationConfig": {}}, "completions"),
        ({"text": "x", "sampling_params": {}}, "completions"),
        ({"model": "dall-e-3", "prompt": "x", "size": "1024x1024", "stream": False}, ""),
        ({"model": "embed", "inputText": "x"}, ""),
        ({"model": "m", "prompt": "x", "completion": "y"}, ""),  # a row of training data
        ({"level": "info", "message": "x", "max_tokens": 5}, ""),  # a logger's line
    ],
)
def test_which_dialect_owns_a_body(body: Body, name: str) -> None:
    assert next((api.name for api in APIS if api.owns(body)), "") == name


@pytest.mark.parametrize(
    ("api", "answer", "usage", "text"),
    [
        (
            bedrock.API,
            {
                "output": {"message": {"content": [{"text": "Hi"}]}},
                "usage": {
                    "inputTokens": 4, "outputTokens": 2, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 30,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 20}],
                },
            },
            Usage(plain=4, read=100, write_1h=20, write=10, output=2),
            "Hi",
        ),
        (ollama.API, {"message": {"content": "Hi"}, "done": True, "prompt_eval_count": 26, "eval_count": 3},
         Usage(plain=26, output=3), "Hi"),
        (completions.APIS[0], {"choices": [{"text": "Hi"}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
         Usage(plain=5, output=1), "Hi"),
        (completions.APIS[0], {"response": "Hi", "prompt_eval_count": 5, "eval_count": 1}, Usage(5, output=1), "Hi"),
        (completions.APIS[0], {"generation": "Hi", "prompt_token_count": 5, "generation_token_count": 1},
         Usage(plain=5, output=1), "Hi"),
        (completions.APIS[0], {"outputs": [{"text": "Hi"}]}, None, "Hi"),  # its bill stood in the headers
        (completions.APIS[0], {"inputTextTokenCount": 5, "results": [{"tokenCount": 1, "outputText": "Hi"}]},
         Usage(plain=5, output=1), "Hi"),
        (completions.APIS[0],
         {"text": "Hi", "meta_info": {"prompt_tokens": 64, "completion_tokens": 1, "cached_tokens": 60}},
         Usage(plain=4, read=60, output=1), "Hi"),
    ],
)  # fmt: skip
def test_answers_and_their_usage(api: Api, answer: Body, usage: Usage | None, text: str) -> None:
    assert api.answers(answer)
    assert api.usage(answer) == usage
    assert [segment.text for segment in api.answer(answer, Calls())] == [text]


CALL = {"toolUse": {"toolUseId": "c", "name": "ls", "input": {"path": "."}}}
STREAM: list[Body] = [
    {"role": "assistant"},
    {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}},
    {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "sig"}}},
    {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "c", "name": "ls"}}},
    {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"path"'}}},
    {"contentBlockIndex": 1, "delta": {"toolUse": {"input": ':"."}'}}},
    {"contentBlockIndex": 1},
    {"stopReason": "tool_use"},
    {"usage": {"inputTokens": 4, "outputTokens": 2}, "metrics": {"latencyMs": 5}},
]


def nova(event: Body) -> Body:
    """The event as Nova names it."""
    names = {"role": "messageStart", "start": "contentBlockStart", "delta": "contentBlockDelta",
             "stopReason": "messageStop", "usage": "metadata"}  # fmt: skip
    return {next((name for key, name in names.items() if key in event), "contentBlockStop"): event}


@pytest.mark.parametrize("events", [STREAM, [nova(event) for event in STREAM]], ids=["converse", "nova"])
def test_streams_of_bedrock(events: list[Body]) -> None:
    whole = bedrock.API.assemble(events)
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}}
    assert whole["output"]["message"]["content"] == [thought, CALL]
    assert bedrock.API.usage(whole) == Usage(plain=4, output=2)
    assert bedrock.API.assemble([]) == {}


def captured(url: str, body: Body, answer: Any) -> Reading:
    pair = {"request": {"url": url, "body": body}, "response": {"status_code": 200, "body": answer}}
    return read_all(READER, memory_source("log", json.dumps(pair)))


def test_ollama_streams_an_object_a_line() -> None:
    lines = [
        {"model": "m", "message": {"role": "assistant", "content": "Hel"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "lo"}, "done": True, "prompt_eval_count": 7,
         "eval_count": 2},
    ]  # fmt: skip
    body = {"model": "m", "messages": [{"role": "user", "content": "x", "images": ["AAAA"]}]}
    reading = captured("http://localhost:11434/api/chat", body, "\n".join(map(json.dumps, lines)))
    [request] = reading.requests
    assert (request.api, request.provider, request.usage) == ("ollama", "ollama", Usage(plain=7, output=2))
    assert [s.kind for s in reading.tree.path(request.answer or 0)] == [Kind.USER, Kind.IMAGE, Kind.ASSISTANT]


CHAT = {"messages": [{"role": "user", "content": "x"}]}
ANSWER = {"id": "a", "model": "gpt-4.1", "choices": [{"message": {"role": "assistant", "content": "y"}}]}


def test_a_server_that_speaks_as_openai_does_is_not_openai() -> None:
    for url, model, provider in (
        ("http://h:8000/v1/chat/completions", "Qwen/Qwen3-8B", ""),
        ("http://h:8000/v1/chat/completions", "gpt-oss-120b", ""),
        ("https://gateway.corp/v1/chat/completions", "claude-sonnet-4-5", ""),
        ("https://gateway.corp/v1/chat/completions", "gpt-4.1", "openai"),
        ("https://gateway.corp/v1/chat/completions", "o3-mini", "openai"),
        ("https://api.openai.com/v1/chat/completions", "own-model", "openai"),
        ("/v1/chat/completions", "own-model", "openai"),
        ("https://gateway.corp/v1/messages", "claude-sonnet-4-5", "anthropic"),
    ):
        body = {"model": model, **CHAT} | ({"system": "s"} if url.endswith("messages") else {})
        [request] = captured(url, body, {}).requests
        assert request.provider == provider, (url, model)


SERVERS = [
    ("azure", "gpt-4.1-2025-04-14", Usage(plain=8, output=3), ""),
    ("openrouter", "anthropic/claude-sonnet-4.5", Usage(plain=10, read=1100, write=100, output=5), "0.00081"),
    ("vertex", "gemini-2.5-flash", Usage(plain=6, read=1024, output=9, reasoning=7), ""),
    ("vertex", "claude-sonnet-4-5@20250929", Usage(plain=8, output=4), ""),
    ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", Usage(plain=12, output=4), ""),
    ("bedrock", "meta.llama3-70b-instruct-v1:0", Usage(plain=2, output=3), ""),
    ("ollama", "qwen3:8b", Usage(plain=9, output=3), ""),
    ("", "Qwen/Qwen3-8B", Usage(plain=9, output=3), ""),
    ("", "Qwen/Qwen3-8B", Usage(plain=1, read=8, output=3), ""),
]


def test_a_call_of_every_kind_of_server() -> None:
    reading = read_file(READER, FIXTURES / "requests" / "servers.jsonl")
    assert [(call.provider, call.model, call.usage, call.recorded_cost) for call in reading.requests] == SERVERS
    texts = [[part.text for part in reading.tree.path(call.answer or 0)][-2:] for call in reading.requests]
    assert texts == [["Hello", "Hi."]] * len(SERVERS)
    assert [item.what for item in reading.items if isinstance(item, Other)] == ["call to another API"]


@pytest.mark.parametrize(
    ("url", "usage", "wanted"),
    [
        # vLLM leaves details null, SGLang and vLLM with prefix caching fill them
        ("http://h:8000/v1/chat/completions",
         {"prompt_tokens": 20, "completion_tokens": 1, "prompt_tokens_details": None}, Usage(plain=20, output=1)),
        ("http://h:30000/v1/chat/completions",
         {"prompt_tokens": 20, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 16}},
         Usage(plain=4, read=16, output=1)),
        ("https://openrouter.ai/api/v1/chat/completions",
         {"prompt_tokens": 20, "completion_tokens": 1, "cost": 0.00021,
          "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4}},
         Usage(plain=8, read=8, write=4, output=1)),
    ],
)  # fmt: skip
def test_compatible_servers(url: str, usage: Body, wanted: Usage) -> None:
    [request] = captured(url, {"model": "m", **CHAT}, {**ANSWER, "usage": usage}).requests
    assert request.usage == wanted
    assert request.recorded_cost == str(usage.get("cost", ""))


@pytest.mark.parametrize("host", ["x.openai.azure.com/openai/deployments/mine", "x.services.ai.azure.com/models"])
def test_azure_tells_the_model_in_its_answer(host: str) -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 1}
    [request] = captured(f"https://{host}/chat/completions", CHAT, {**ANSWER, "usage": usage}).requests
    assert (request.provider, request.model) == ("azure", "gpt-4.1")


def test_bedrock_tells_the_model_in_its_url() -> None:
    url = (
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    )
    body = {key: value for key, value in CONVERSE.items() if key != "model"}
    [request] = captured(url, body, {"output": {"message": {"content": [{"text": "y"}]}}}).requests
    assert (request.provider, request.model) == ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert [mark.ttl for mark in request.breakpoints] == ["5m", "1h", "5m"]


def test_vertex_tells_the_model_of_claude_in_its_url() -> None:
    host = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic"
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, **CHAT}
    [request] = captured(f"{host}/models/claude-sonnet-4@20250514:rawPredict", body, {}).requests
    assert (request.provider, request.model, request.api) == ("vertex", "claude-sonnet-4@20250514", "anthropic")


def test_a_stored_embedding_is_no_request() -> None:
    [item] = captured("https://bedrock-runtime.x/model/embed/invoke", {"inputText": "x"}, {"embedding": []}).items
    assert item == Other(item.place, "call to another API")
