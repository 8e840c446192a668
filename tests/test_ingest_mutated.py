"""Recorded logs, damaged as disks, editors and crashed writers damage them: nothing crashes, everything is counted.

What could be read is still reported: a line that is lost costs its own request and no other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.reading import SHARED, needs_shared
from tests.test_ingest_fuzz import STRANGE, places, replaced

from agentcost.analyze import evaluate
from agentcost.errors import AgentcostError
from agentcost.ingest.source import StreamSource, open_source
from agentcost.loading.logs import Reading, load_logs, reader_of
from agentcost.record import Record

pytestmark = needs_shared

LINES: dict[str, int] = {
    "sessions/tracelab/tracelab-claude.jsonl": 60,
    "sessions/claude-code/00ef13bd-99a1-4001-a829-09985a069ab2.jsonl": 60,
    "sessions/tracelab/tracelab-codex.jsonl": 60,
    "sessions/pi/large-session.jsonl": 40,
    "hash-block/mooncake/conversation_trace.jsonl": 40,
    "cassettes/pairs.jsonl": 30,
    "raw-http/vibe-coding-proxy": 4,
    "counts-only/azure-llm/AzureLLMInferenceTrace_code.csv": 40,
}
"""Logs of a record a line, and how many of them are taken. Of a folder the first log."""

DOCUMENTS = (
    "sessions/gemini-cli/2026-01-10-fa4593e0-f7e1-4dd1-b656-da95fb4d60fa.json",
    "trajectories/mini-swe-agent/django__django-11951.traj.json",
    "trajectories/swe-agent/function_calling_simple.traj",
    "hash-block/kv-cache-tester/trace_0034.json",
    "eval-logs/inspect_ai/log_with_nan.txt",
    "eval-logs/inspect_ai/log_length_stop_reason.txt",
    "otel-spans/genai/otel_genai_deprecated_client_span_tool_calls.json",
    "raw-http/openhands-litellm/openai_gateway/openai_nano_completion.json",
    "cassettes/pydantic-ai/test_anthropic/test_anthropic_count_tokens_keeps_memory_tool.yaml",
)

ROUNDS = 3
"""How often each log is damaged in each way, each time elsewhere."""


def path_of(name: str) -> Path:
    path = SHARED / name
    return next(file for file in sorted(path.rglob("*.jsonl"))) if path.is_dir() else path


@cache
def sample(name: str) -> bytes:
    data = path_of(name).read_bytes()
    return b"\n".join(data.splitlines()[: LINES[name]]) + b"\n" if name in LINES else data


@cache
def format_of(name: str) -> str:
    found = reader_of(open_source(path_of(name)).peek(), Reading())
    assert found is not None, name
    return found.name


def loaded(name: str, data: bytes) -> Record | None:
    """The record of a damaged log; None where it is said that nothing in it can be read."""
    reading = Reading(input_format=format_of(name), threads=False)
    try:
        record = load_logs([StreamSource("log", BytesIO(data))], reading)
    except AgentcostError as error:
        assert str(error)
        return None
    (log,) = record.logs
    assert log.records == log.requests + sum(log.others.values()) + log.skipped
    assert log.requests == len(record.requests) + record.duplicates["log"]
    assert log.skipped == len(record.skipped)
    assert all(skip.reason for skip in record.skipped)
    return record


def checked(name: str, data: bytes) -> None:
    """Read and evaluated, with the components of every request adding up to it."""
    record = loaded(name, data)
    if record is not None and record.requests:
        evaluate(record)


# --- lines ---------------------------------------------------------------------------------------------------------


def cut(lines: list[bytes], at: int, other: int) -> list[bytes]:
    return [line[: len(line) * (other + 1) // (len(lines) + 1)] if n == at else line for n, line in enumerate(lines)]


def ended(lines: list[bytes], at: int, other: int) -> list[bytes]:
    return [*lines[:at], lines[at][: len(lines[at]) * (other + 1) // (len(lines) + 1)]]


def repeated(lines: list[bytes], at: int, other: int) -> list[bytes]:
    return [*lines[: at + 1], lines[min(at, other)], *lines[at + 1 :]]


def glued(lines: list[bytes], at: int, other: int) -> list[bytes]:
    del other
    return [*lines[:at], b"".join(lines[at : at + 2]), *lines[at + 2 :]]


def foreign(lines: list[bytes], at: int, other: int) -> list[bytes]:
    del other
    return [*lines[:at], b'{"another": "log"}', b"\xff\xfe not text", b"[1, 2", b"null", *lines[at:]]


def swapped(lines: list[bytes], at: int, other: int) -> list[bytes]:
    found = list(lines)
    found[at], found[other] = found[other], found[at]
    return found


def backwards(lines: list[bytes], at: int, other: int) -> list[bytes]:
    del other
    return [*lines[:at], *reversed(lines[at:])]


def strange(lines: list[bytes], at: int, other: int) -> list[bytes]:
    try:
        value = json.loads(lines[at])
    except ValueError:
        return lines
    damaged = [json.dumps(one).encode() for one in with_strange_values(value, random.Random(f"{at} {other}"), 4)]
    return [*lines[:at], *damaged, *lines[at + 1 :]]


def flipped(lines: list[bytes], at: int, other: int) -> list[bytes]:
    line = bytearray(lines[at])
    for place in range(other % 7, len(line), 97):
        line[place] ^= 0x20
    return [*lines[:at], bytes(line).replace(b"\n", b" "), *lines[at + 1 :]]


LINE_DAMAGES: dict[Callable[[list[bytes], int, int], list[bytes]], int | None] = {
    cut: 1, repeated: 0, glued: 0, foreign: 0, strange: None, ended: None, swapped: None, backwards: None, flipped: 1,
}  # fmt: skip
"""Ways to damage a log, and how many requests each may cost; None where that depends."""


def with_strange_values(value: Any, luck: random.Random, count: int) -> list[Any]:
    """Copies of a value, each with something else in one place: another type, a huge number, NaN, half a surrogate."""
    found = list(places(value))
    return [replaced(value, luck.choice(found), luck.choice(STRANGE)) for _ in range(count)] if found else [value]


@pytest.mark.parametrize("damage", LINE_DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", LINES)
def test_lines(name: str, damage: Callable[[list[bytes], int, int], list[bytes]]) -> None:
    lines = sample(name).splitlines()
    whole = loaded(name, sample(name))
    assert whole is not None
    assert whole.requests
    luck, header = random.Random(f"{name} {damage.__name__}"), format_of(name) == "table"
    for _ in range(ROUNDS):
        at, other = (luck.randrange(header, len(lines)) for _ in range(2))
        damaged = b"\n".join(damage(lines, at, other)) + b"\n"
        checked(name, damaged)
        cost, record = LINE_DAMAGES[damage], loaded(name, damaged)
        if cost is not None and not header:
            assert record is not None
            assert len(record.requests) >= len(whole.requests) - cost, (at, other)


# --- documents -----------------------------------------------------------------------------------------------------


def halved(data: bytes, luck: random.Random) -> bytes:
    return data[: luck.randrange(len(data))]


def doubled(data: bytes, luck: random.Random) -> bytes:
    return data + luck.choice([b"", b"\n", b","]) + data


def noisy(data: bytes, luck: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(8):
        found[luck.randrange(len(found))] = luck.randrange(256)
    return bytes(found)


def with_a_hole(data: bytes, luck: random.Random) -> bytes:
    at = luck.randrange(len(data))
    return data[:at] + data[at + luck.randrange(200) :]


def of_other_types(data: bytes, luck: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        return noisy(data, luck)
    for _ in range(3):
        (value,) = with_strange_values(value, luck, 1)
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "damage", [halved, doubled, noisy, with_a_hole, of_other_types], ids=lambda damage: damage.__name__
)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str, damage: Callable[[bytes, random.Random], bytes]) -> None:
    luck = random.Random(f"{name} {damage.__name__}")
    for _ in range(ROUNDS):
        checked(name, damage(sample(name), luck))
