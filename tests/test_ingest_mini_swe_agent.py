"""The mini-swe-agent reader: prompts, observations, costs, and the recorded runs to the token."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest
from tests.reading import FIXTURES, SHARED, claimed, memory_source, needs_shared, quantile, read_all, read_file

from agentcost.errors import BrokenLog
from agentcost.ingest.mini_swe_agent import READER
from agentcost.ingest.source import open_source
from agentcost.model import Kind, Request, Usage

FIXTURE = FIXTURES / "mini-swe-agent" / "run.traj.json"


def test_requests_and_their_bills() -> None:
    reading = read_file(READER, FIXTURE)
    rows = [(r.id, r.usage, r.recorded_cost, r.started, r.settings) for r in reading.requests]
    assert rows == [
        ("gen-1", Usage(plain=100, output=8), "0.000296", 1763500100.0, (("upstream", "Google"),)),
        ("gen-2", Usage(plain=66, read=64, output=4), "0.000084", 1763500130.0, (("upstream", "Google AI Studio"),)),
        ("", None, "", None, ()),
    ]
    assert len(reading.items) == 7
    assert {(r.provider, r.session, r.task) for r in reading.requests[:2]} == {
        ("openrouter", "acme__shop-7", "acme__shop-7")
    }
    assert {request.model for request in reading.requests} == {"google/gemini-3-pro-preview"}


def test_messages_behind_the_first_answer_are_results() -> None:
    reading = read_file(READER, FIXTURE)
    path = [(segment.kind, segment.name) for segment in reading.tree.path(reading.requests[-1].node)]
    result = (Kind.TOOL_RESULT, "bash")
    said = (Kind.ASSISTANT, "")
    assert path == [(Kind.SYSTEM, ""), (Kind.USER, ""), said, result, said, result]
    assert reading.tree.asked == 7


def test_where_a_message_lies() -> None:
    data = FIXTURE.read_bytes()
    for item in read_file(READER, FIXTURE).items:
        text = data[item.place.offset : item.place.offset + item.place.length]
        assert "role" in json.loads(text)
        assert item.place.line == data.count(b"\n", 0, item.place.offset) + 1


def test_a_direct_call_and_the_harness_own_cost() -> None:
    answer = {"role": "assistant", "content": "Done.", "extra": {
        "cost": 0.004638, "response": {"id": "x-1", "model": "gemini", "provider": "google", "usage": {
            "prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24,
            "completion_tokens_details": {"reasoning_tokens": 9},
        }},
    }}  # fmt: skip
    document = {"info": {}, "trajectory_format": "mini-swe-agent-1", "messages": [answer, "?"]}
    reading = read_all(READER, memory_source("shop.traj.json", json.dumps(document)))
    (request,) = reading.requests
    assert (request.provider, request.recorded_cost, request.session) == ("google", "0.004638", "shop")
    assert request.usage == Usage(plain=20, output=4, reasoning=4)  # no more reasoning than output
    assert not isinstance(reading.items[1], Request)


def test_a_broken_document() -> None:
    with pytest.raises(BrokenLog, match="get it again"):
        read_all(READER, memory_source("cut.traj.json", FIXTURE.read_bytes()[:-9]))


def test_a_document_that_only_python_decodes() -> None:
    document = (
        FIXTURE.read_text().replace('"instance_cost": 0.0005', '"instance_cost": NaN').replace("Look.", "\\ud800")
    )
    reading = read_all(READER, memory_source("nan.traj.json", document))
    assert [request.id for request in reading.requests] == ["gen-1", "gen-2", ""]


@needs_shared
def test_the_recorded_runs() -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["mini-swe-agent"]
    requests: list[Request] = []
    for name, expected in truth["per_session"].items():
        reading = read_all(READER, open_source(SHARED / "trajectories" / "mini-swe-agent" / f"{name}.traj.json"))
        usages = [request.usage for request in reading.requests if request.usage]
        assert (len(reading.requests), len(usages)) == (expected["requests"], expected["requests"])
        assert sum(usage.prompt for usage in usages) == expected["prompt"]
        assert sum(usage.read for usage in usages) == expected["cached"]
        assert sum(usage.output or 0 for usage in usages) == expected["completion"]
        assert {request.session for request in reading.requests} == {name}
        cost = sum(Decimal(request.recorded_cost) for request in reading.requests)
        assert round(float(cost), 7) == round(expected["instance_cost"], 7)
        requests += reading.requests
    assert len(requests) == truth["requests"]
    assert sum(request.usage.plain for request in requests if request.usage) == truth["uncached_prompt_tokens"]
    prompts = [request.usage.prompt for request in requests if request.usage]
    assert [quantile(prompts, part) for part in (0.1, 0.5, 0.9, 0.99, 1)] == [
        truth["prompt"][key] for key in ("p10", "p50", "p90", "p99", "max")
    ]
    routed = [request for request in requests if request.provider == "openrouter"]
    assert sum(Decimal(request.recorded_cost) for request in routed) == Decimal("5.3540796")
    served = Counter(dict(request.settings).get("upstream") or request.provider for request in requests)
    assert served == {name: expected["requests"] for name, expected in truth["by_provider"].items()}


@needs_shared
def test_claims_no_other_log() -> None:
    assert claimed(READER) == {"mini-swe-agent": 10}


def test_sniffs_its_own() -> None:
    assert READER.sniff(memory_source("run.traj.json", FIXTURE.read_bytes()).peek())
    assert READER.sniff(memory_source("example", READER.example).peek())
