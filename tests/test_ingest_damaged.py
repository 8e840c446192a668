"""Fixtures of formats that no recorded log is in, damaged as files are: read, counted and evaluated to the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO

import pytest
from tests.reading import FIXTURES
from tests.test_ingest_fuzz import reader_of
from tests.test_ingest_mutated import LINE_DAMAGES, doubled, halved, noisy, of_other_types, with_a_hole

from agentcost.analyze import evaluate
from agentcost.errors import AgentcostError
from agentcost.ingest.source import StreamSource
from agentcost.loading.logs import Reading, load_logs
from agentcost.record import Record

NAMES = (
    "cline/api_conversation_history.json", "cline/roo_conversation.json", "cline/ui_messages.json",
    "opencode/session.json", "openhands/output.jsonl", "openhands/conversation/base_state.json",
    "copilot-cli/events.jsonl", "har/proxy.har", "otel/vscode_agent_debug.json", "requests/servers.jsonl",
)  # fmt: skip
DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    damage.__name__: damage for damage in (halved, doubled, noisy, with_a_hole, of_other_types)
}
LINES = {damage.__name__: damage for damage in LINE_DAMAGES}
ROUNDS = 2


def damaged(name: str, data: bytes, luck: random.Random) -> bytes:
    if name in DAMAGES:
        return DAMAGES[name](data, luck)
    lines = data.splitlines()
    return b"\n".join(LINES[name](lines, luck.randrange(len(lines)), luck.randrange(len(lines)))) + b"\n"


def loaded(name: str, data: bytes) -> Record | None:
    """The record of a damaged log; None where it is said that nothing in it can be read."""
    reader = reader_of(FIXTURES / name)
    assert reader
    reading = Reading(input_format=reader.name, threads=False)
    try:
        return load_logs([StreamSource("log", BytesIO(data))], reading)
    except AgentcostError as error:
        assert str(error)
        return None


@pytest.mark.parametrize("damage", [*DAMAGES, *LINES])
@pytest.mark.parametrize("name", NAMES)
def test_every_record_of_a_damaged_log_is_accounted_for(name: str, damage: str) -> None:
    luck = random.Random(f"{name} {damage}")
    for number in range(ROUNDS):
        record = loaded(name, damaged(damage, (FIXTURES / name).read_bytes(), luck))
        if record is None:
            continue
        (log,) = record.logs
        assert log.records == log.requests + sum(log.others.values()) + log.skipped
        assert log.requests == len(record.requests) + record.duplicates["log"]
        assert all(skip.reason for skip in record.skipped)
        if record.requests and not number:
            evaluate(record)
