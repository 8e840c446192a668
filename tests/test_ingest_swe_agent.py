"""The SWE-agent reader: which answers are requests, whose results are whose, and the recorded runs."""

from __future__ import annotations

import json

import pytest
from tests.reading import FIXTURES, SHARED, claimed, memory_source, needs_shared, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Hand
from agentcost.ingest.parts import Spot, segment
from agentcost.ingest.source import open_source
from agentcost.ingest.swe_agent import READER
from agentcost.model import Item, Kind, Other, Request

FIXTURE = FIXTURES / "swe-agent" / "acme__shop-7.traj"


def test_demonstrations_are_no_requests() -> None:
    reading = read_file(READER, FIXTURE)
    assert len(reading.items) == 9
    assert len(reading.requests) == 3
    assert [item.what for item in reading.items if isinstance(item, Other)] == [
        "system message", "demonstration", "demonstration", "user message", "user message", "tool message",
    ]  # fmt: skip


def test_what_a_request_says() -> None:
    rows = {
        (r.usage, r.started, r.recorded_cost, r.model, r.provider, r.session, r.role)
        for r in read_file(READER, FIXTURE).requests
    }
    assert rows == {(None, None, "", "openai/gpt-4o", "openai", "acme__shop-7", "main")}


def test_results_are_their_tools() -> None:
    reading = read_file(READER, FIXTURE)
    path = [(segment.kind, segment.role, segment.name) for segment in reading.tree.path(reading.requests[-1].node)]
    assert path == [
        (Kind.SYSTEM, "system", ""),
        (Kind.SYSTEM, "user", "demonstration"),
        (Kind.SYSTEM, "assistant", "demonstration"),
        (Kind.USER, "user", ""),
        (Kind.ASSISTANT, "assistant", ""),
        (Kind.FILE, "user", "open"),
        (Kind.ASSISTANT, "assistant", ""),
        (Kind.TOOL_CALL, "assistant", "bash"),
        (Kind.TOOL_RESULT, "tool", "bash"),
    ]


def test_agents_have_paths_of_their_own() -> None:
    history = [
        {"role": role, "content": f"{agent} {role}", "agent": agent}
        for agent in ("main", "helper")
        for role in ("user", "assistant")
    ]
    source = memory_source("two.traj", json.dumps({"history": history}))
    requests = read_all(READER, source).requests
    reading = read_all(READER, source)
    assert [request.role for request in requests] == ["main", "subagent"]
    assert [[segment.text for segment in reading.tree.path(request.node)] for request in reading.requests] == [
        ["main user"], ["helper user"],
    ]  # fmt: skip


def test_captured_tools_stand_first_and_a_captured_system_prompt_does_not() -> None:
    tool = segment(Spot("tools", "system"), Kind.TOOL, "open(path)", name="open")
    prompt = segment(Spot("system", "system"), Kind.SYSTEM, "Captured")
    tree = read_file(READER, FIXTURE).tree
    hand = Hand(tree.grow, (tool, prompt))
    items: list[Item] = list(READER.read(memory_source("a.traj", FIXTURE.read_bytes()), hand))
    last = [item for item in items if isinstance(item, Request)][-1]
    assert [segment.text for segment in tree.path(last.node)][:2] == ["open(path)", "You are a programmer."]


def test_a_broken_document() -> None:
    with pytest.raises(BrokenLog, match="get it again"):
        read_all(READER, memory_source("cut.traj", FIXTURE.read_bytes()[:-9]))


@needs_shared
def test_the_recorded_runs() -> None:
    truths = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["swe-agent"]
    for name, truth in truths.items():
        reading = read_all(READER, open_source(SHARED / "trajectories" / "swe-agent" / name))
        assert len(reading.items) == truth["history"]
        turns = truth["trajectory"] or 5  # the demonstration has a history only, with 5 answers
        assert len(reading.requests) == turns
        assert truth.get("api_calls") in (None, 0, len(reading.requests))
        assert all(request.usage is None for request in reading.requests)
    assert len(truths) == 5


@needs_shared
def test_claims_no_other_log() -> None:
    assert claimed(READER) == {"swe-agent": 5}


def test_sniffs_its_own() -> None:
    assert READER.sniff(memory_source("a.traj", FIXTURE.read_bytes()).peek())
    assert READER.sniff(memory_source("example", READER.example).peek())
