"""What providers say of their misses is read, stands beside what is found here, and explains what the log cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests import faults
from tests.faults import session
from tests.reading import memory_source

from agentcost.analyze import evaluate
from agentcost.cache.causes import MENDS
from agentcost.caching.misses import reported
from agentcost.ingest.apis.diagnostics import diagnosis
from agentcost.loading.logs import Reading, load_logs
from agentcost.results import Analysis

Json = dict[str, Any]


def asked(reason: Json | None) -> Json:
    """Anthropic's field, with a reason or none."""
    return {"diagnostics": {"cache_miss_reason": reason}}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({}, ""),
        ({"diagnostics": None}, ""),
        (asked(None), ""),
        (asked({"type": "tools_changed", "cache_missed_input_tokens": 9120}), "tools_changed 9120"),
        (asked({"type": "system_changed"}), "system_changed"),
        (asked({"type": "previous_message_not_found"}), "previous_message_not_found"),
        (asked({"type": 5}), ""),
        (asked({"type": "two words"}), ""),
        ({"diagnostics": "text"}, ""),
        ({"prompt_cache_diagnostics": {"type": "cache_hit"}}, "hit"),
        ({"prompt_cache_diagnostics": {"type": "comparison_response_not_found"}}, "comparison_response_not_found"),
        ({"prompt_cache_diagnostics": {"type": "cache_miss", "reason": "input_changed", "cache_missed_tokens": 80,
                                       "comparison_reusable_tokens": 90}}, "messages_changed 80"),
        ({"prompt_cache_diagnostics": {"type": "cache_miss", "reason": "context_compacted"}}, "compaction"),
        ({"prompt_cache_diagnostics": {"type": "cache_miss", "reason": "verbosity_changed",
                                       "cache_missed_tokens": -1}}, "verbosity_changed"),
    ],
)  # fmt: skip
def test_an_answer_says_why(answer: Json, told: str) -> None:
    assert diagnosis(answer) == ({"cache_diagnosis": told} if told else {})


def analysed(log: str, said: dict[int, Json]) -> Analysis:
    """A made log, whose answers say more."""
    lines = [json.loads(line) for line in log.splitlines()]
    for row, more in said.items():
        lines[row]["response"]["body"].update(more)
    return evaluate(load_logs([memory_source("made.jsonl", "\n".join(map(json.dumps, lines)))], Reading()))


def test_a_reason_stands_beside_the_cause_that_is_found_here() -> None:
    steps = faults.tool_edited(3)(session("anthropic"), 4)
    log = faults.log("anthropic", steps, faults.billed("anthropic", steps))
    same = analysed(log, {4: asked({"type": "tools_changed", "cache_missed_input_tokens": 2000})}).tables["reasons"]
    assert same.select("reported", "cause", "requests", "same", "reported_tokens", "worst").rows() == [
        ("tools_changed", "tools_changed", 1, True, 2000, "made.jsonl:5")
    ]
    other = analysed(log, {4: asked({"type": "system_changed"})}).tables["reasons"]
    assert other.select("reported", "cause", "same", "reported_tokens").rows() == [
        ("system_changed", "tools_changed", False, None)
    ]


def test_what_the_log_does_not_explain_the_provider_does() -> None:
    steps = session("anthropic")
    bill = faults.evicted(faults.billed("anthropic", steps), 5)
    log = faults.log("anthropic", steps, bill)
    unexplained = analysed(log, {}).tables["misses"].row(0, named=True)
    assert (unexplained["cause"], unexplained["explained"]) == ("evicted_or_routed", False)
    told = analysed(log, {5: asked({"type": "system_changed"})})
    found = told.tables["misses"].row(0, named=True)
    assert (found["cause"], found["explained"], found["lost"]) == ("system_changed", True, unexplained["lost"])
    assert found["evidence"] == "the provider names it: system changed; the log shows no change"
    assert told.tables["requests"]["other_causes"][5] == "evicted_or_routed"


@pytest.mark.parametrize("reason", ["unavailable", "previous_message_not_found", "novel_reason"])
def test_a_provider_that_compared_nothing_explains_nothing(reason: str) -> None:
    steps = session("anthropic")
    log = faults.log("anthropic", steps, faults.evicted(faults.billed("anthropic", steps), 5))
    told = analysed(log, {5: asked({"type": reason})})
    assert told.tables["misses"]["cause"][0] == "evicted_or_routed"
    assert told.tables["reasons"].select("reported", "same").rows() == [(reason, False)]


def test_a_hit_and_nothing_missed_are_the_same() -> None:
    steps = session("openai-5.6")
    log = faults.log("openai-5.6", steps, faults.billed("openai-5.6", steps))
    found = analysed(log, {3: {"prompt_cache_diagnostics": {"type": "cache_hit"}}}).tables["reasons"]
    assert found.select("reported", "cause", "same", "lost").rows() == [("hit", "", True, 0)]


def test_reasons_are_causes_that_have_a_mend() -> None:
    openai = ("model_changed", "prompt_cache_key_changed", "tools_changed", "text_format_changed", "input_changed",
              "reasoning_effort_changed", "verbosity_changed", "context_compacted", "service_tier_changed")  # fmt: skip
    for reason in openai:
        told = diagnosis({"prompt_cache_diagnostics": {"type": "cache_miss", "reason": reason}})
        assert told["cache_diagnosis"] in MENDS


def test_a_request_without_a_diagnosis_reports_nothing() -> None:
    steps = session("anthropic", 2)
    record = load_logs([memory_source("made.jsonl", faults.log("anthropic", steps, None))], Reading())
    assert [reported(request) for request in record.ordered()] == [("", None), ("", None)]
