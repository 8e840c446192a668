"""Cassettes of HTTP recorders: YAML and JSON, streams, compression, and every recorded cassette beside its pairs."""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.reading import FIXTURES, SHARED, Reading, memory_source, needs_shared, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest import captured
from agentcost.ingest.source import open_source
from agentcost.ingest.vcr import READER
from agentcost.model import Item, Other, Request, Skipped, Usage

YAML = FIXTURES / "vcr" / "cassette.yaml"


def read(name: str) -> Reading:
    return read_file(READER, FIXTURES / "vcr" / name)


def answers(reading: Reading) -> list[list[str]]:
    return [[segment.text for segment in reading.tree.path(r.answer or 0)] for r in reading.requests]


def test_yaml_with_bytes_streams_and_parsed_bodies() -> None:
    reading = read("cassette.yaml")
    assert [(r.provider, r.model, r.id) for r in reading.requests] == [
        ("anthropic", "claude-sonnet-4-5", "msg_1"), ("openai", "gpt-4.1", "chatcmpl-1"),
        ("google", "gemini-2.5-flash", "g1"),
    ]  # fmt: skip
    assert [request.usage for request in reading.requests] == [
        Usage(plain=12, output=3), Usage(plain=9, output=2), Usage(plain=4, output=9),
    ]  # fmt: skip
    assert answers(reading) == [
        ["Fix the total", "Done."], ["Hello", "Hi."], ["Hello", "Hi. This text goes on in another line."],
    ]  # fmt: skip
    assert reading.requests[0].client == "claude-code"
    assert {request.format for request in reading.requests} == {"vcr"}


def test_what_is_no_call() -> None:
    last = read("cassette.yaml").items[-1]
    assert isinstance(last, Other)
    assert last.what == "call to another API"


def test_places_begin_at_the_dash_of_an_interaction() -> None:
    data = YAML.read_bytes()
    items = read("cassette.yaml").items
    pieces = [data[item.place.offset : item.place.offset + item.place.length] for item in items]
    assert [piece.startswith(b"- request:") for piece in pieces] == [True] * 4
    assert [data.count(b"\n", 0, item.place.offset) + 1 for item in items] == [item.place.line for item in items]


def test_json_with_an_event_stream_of_aws() -> None:
    reading = read("cassette.json")
    [request] = reading.requests
    assert (request.provider, request.model) == ("bedrock", "eu.amazon.nova-lite-v1:0")
    assert request.usage == Usage(plain=3, read=1024, output=2)
    assert answers(reading) == [["Hello", "Hi."]]
    assert [item.what for item in reading.items if isinstance(item, Other)] == ["failed call (status 529)"]


def test_the_list_of_rubys_vcr() -> None:
    body = json.dumps({"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hello"}]})
    log = (
        "---\nhttp_interactions:\n- request:\n    method: post\n    uri: https://api.openai.com/v1/chat/completions\n"
        f"    body:\n      encoding: UTF-8\n      string: '{body}'\n  response:\n    status:\n      code: 200\n"
        "    body:\n      encoding: UTF-8\n      string: '{}'\n  recorded_at: Sat, 10 Jan 2026 20:00:00 GMT\n"
        "recorded_with: VCR 6.2.0\n"
    )
    source = memory_source("ruby.yml", log)
    assert READER.sniff(source.peek())
    assert [request.model for request in read_all(READER, source).requests] == ["gpt-4.1"]


def test_bodies_in_brotli_are_read_or_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = '{"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hello"}]}'
    log = (
        "interactions:\n- request:\n    method: POST\n    uri: https://api.openai.com/v1/chat/completions\n"
        f"    body: !!binary {base64.b64encode(stored(asked)).decode()}\n    headers: {{content-encoding: [br]}}\n"
        "  response:\n    status: {code: 200}\n    body: {string: '{}'}\n"
    )
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "brotli", None)
        [item] = read_all(READER, memory_source("c.yaml", log)).items
        assert isinstance(item, Skipped)
        assert "agentcost-analyzer[brotli]" in item.reason
    pytest.importorskip("brotli")
    assert [request.model for request in read_all(READER, memory_source("c.yaml", log)).requests] == ["gpt-4.1"]


def stored(text: str) -> bytes:
    """Brotli that packs nothing: a window of 16 bits, one block as it is, and an empty one to end (RFC 7932)."""
    data = text.encode()
    bits = 0 | (len(data) - 1) << 4 | 1 << 20  # window, last, nibbles of the length, the length, uncompressed
    return bits.to_bytes(3, "little") + data + b"\x03"


@pytest.mark.parametrize("log", ["interactions:\n- request: {\n", "interactions:\n- request:\n  x\n 'y\n", "a: b\n"])
def test_a_broken_cassette_says_what_to_do(log: str) -> None:
    with pytest.raises(BrokenLog, match=r"cassette|interactions"):
        read_all(READER, memory_source("c.yaml", log))


def test_the_example() -> None:
    source = memory_source("example", READER.example)
    assert READER.sniff(source.peek())
    assert [request.model for request in read_all(READER, source).requests] == ["gpt-4.1"]


def key(item: Item | None, reading: Reading) -> object:
    """What has to be the same of a call, however it was kept."""
    if not isinstance(item, Request):
        return None
    path = [segment.digest for segment in reading.tree.path(item.answer or item.node)]
    return item.provider, item.model, item.api, item.usage, path


@needs_shared
def test_every_recorded_cassette_says_what_its_pairs_say() -> None:
    folder = SHARED / "cassettes"
    pairs = read_file(captured.READER, folder / "pairs.jsonl")
    lines = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    wanted = {(pair["file"], pair["index"]): item for pair, item in zip(lines, pairs.items, strict=True)}
    compared: Counter[bool] = Counter()
    for path in sorted(folder.rglob("*.yaml")):
        reading = read_all(READER, open_source(path))
        name = str(Path("cassettes") / path.relative_to(folder))
        for number, item in enumerate(reading.items):
            pair = wanted.pop((name, number), None)
            compared[pair is not None] += 1
            if pair is not None:  # the pairs leave out what holds media
                assert key(item, reading) == key(pair, pairs), (name, number)
    assert compared[True] == len(lines) - len(wanted)
    assert compared[True] > 300


@needs_shared
def test_a_cache_write_and_its_read_on_bedrock() -> None:
    path = SHARED / "cassettes/pydantic-ai/test_bedrock/test_bedrock_cache_write_and_read.yaml"
    usages = [request.usage for request in read_all(READER, open_source(path)).requests]
    assert [(usage.writes, usage.read) for usage in usages if usage] == [(1322, 0), (0, 1322)]
