"""What content allows, and the words between all input and what was read: parts add up, and name what was put in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl
import pytest
from hypothesis import given
from tests import faults
from tests.caching import BOUND, Block, Case, Forest, blocks, cases
from tests.faults import Fault, Step, Usage, session, setting
from tests.reading import FIXTURES, memory_source
from tests.replacing import replace

from agentcost.cache.bounds import content_bounds
from agentcost.cache.catalogue import load_policies
from agentcost.cache.relaxing import kept_apart
from agentcost.cache.simulate import simulate
from agentcost.caching.bounds import bounds
from agentcost.caching.components import STATES, billed, by_component, components, simulated
from agentcost.caching.prompts import Asking
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.measuring.measure import KINDS
from agentcost.model import Kind
from agentcost.study import Study, study

POLICIES = load_policies()


@given(cases())
def test_the_bound_is_what_a_cache_reads_that_keeps_everything(case: Case) -> None:
    assert content_bounds(case.shape, case.prompts) == [one.read for one in simulate(BOUND, case.shape, case.prompts)]


@given(cases(consistent=True))
def test_fewer_things_known_never_raise_the_bound(case: Case) -> None:
    known = content_bounds(case.shape, case.prompts)
    sent = content_bounds(case.shape, case.prompts, answers=False)
    sooner = content_bounds(case.shape, case.prompts, at_once=True)
    for less, own, more in zip(sent, known, sooner, strict=True):
        assert less <= own <= more


def test_the_bound_of_a_case_worked_out_by_hand() -> None:
    forest = Forest()
    answered = forest.prompt(blocks(2), 0, answer=Block("said", 50))
    again = forest.prompt([*blocks(2), Block("said", 50), Block("next", 90)], 60)
    sooner = forest.prompt([*blocks(2), Block("other", 10)], 61)
    shape = forest.shape()
    assert content_bounds(shape, [answered, again, sooner]) == [0, 450, 400]
    assert content_bounds(shape, [answered, again, sooner], answers=False) == [0, 400, 400]
    early = replace(again, start=1, first_token=3, end=5)
    assert content_bounds(shape, [answered, early]) == [0, 0]
    assert content_bounds(shape, [answered, early], at_once=True) == [0, 450 - 50]


@given(cases())
def test_the_parts_between_a_policy_and_its_content_add_up(case: Case) -> None:
    known = content_bounds(case.shape, case.prompts)
    for policy in POLICIES.values():
        served = simulate(policy, case.shape, case.prompts)
        parts = kept_apart(policy, case.shape, case.prompts, served, known)
        for row, (bound, one) in enumerate(zip(known, served, strict=True)):
            assert sum(tokens[row] for tokens in parts.values()) == bound - one.read


# ---------------------------------------------------------------- words


def studied(dialect: str, steps: Sequence[Step], bill: Sequence[Usage] | None) -> Study:
    """A made session, simulated."""
    return study(load_logs([memory_source("made.jsonl", faults.log(dialect, steps, bill))], Reading()), Asking())


def gaps(known: Study) -> pl.DataFrame:
    """The bounds of all of it; the words of each gap add up to the difference of its levels."""
    found = bounds(known.requests, known.run, range(len(known.requests)))
    for _, own in found.group_by("policy", "gap"):
        assert own["tokens"].sum() == own["upper"][0] - own["lower"][0]
    return found


def said(found: pl.DataFrame, word: str) -> int:
    """Tokens of a word in all gaps."""
    return int(found.filter(pl.col("word") == word)["tokens"].sum())


PUT_IN: list[tuple[str, str, Fault]] = [
    ("edit", "anthropic", faults.in_system("T09:00:00Z", "T09:07:41Z")),
    ("edit", "anthropic", faults.edited(0)),
    ("edit", "openai", faults.tool_edited(0)),
    ("ttl", "anthropic", faults.later(400)),
    ("ttl", "openai-5.6", faults.later(4000)),
    ("setting", "anthropic", setting("tool_choice", {"type": "any"})),
    ("setting", "anthropic", faults.another_model("anthropic")),
    ("breakpoint_placement", "anthropic", faults.on(lambda step: replace(step, marked=False))),
    ("concurrency", "anthropic", faults.at_once),
    ("look_back", "anthropic", faults.said(4, *faults.chatter(50))),
]


@pytest.mark.parametrize(
    ("word", "dialect", "fault"), PUT_IN, ids=[f"{word}-{n}" for n, (word, *_) in enumerate(PUT_IN)]
)
def test_what_is_put_into_a_clean_session_grows_its_word_and_the_sums_hold(
    word: str, dialect: str, fault: Fault
) -> None:
    clean = session(dialect)
    before, now = (gaps(studied(dialect, steps, None)) for steps in (clean, fault(clean, 4)))
    assert said(now, word) > said(before, word) + 300


def test_a_bill_that_reads_nothing_is_capacity_or_routing() -> None:
    bill = faults.evicted(faults.billed("anthropic", session("anthropic")), 5)
    found = gaps(studied("anthropic", session("anthropic"), bill))
    unread = found.filter(pl.col("gap") == "simulated → billed")
    assert unread["word"].to_list() == ["capacity_or_routing"]
    assert unread["tokens"][0] == faults.billed("anthropic", session("anthropic"))[5][0]


def test_a_short_prompt_is_below_its_minimum() -> None:
    steps = [replace(step, tools=step.tools[:1], system=("be brief",)) for step in session("anthropic", 4, words=20)]
    longer = [replace(step, model="claude-opus-4-6") for step in steps]
    assert said(gaps(studied("anthropic", longer, None)), "minimum") > said(
        gaps(studied("anthropic", steps, None)), "minimum"
    )


# ---------------------------------------------------------------- components


@cache
def quickstart() -> Study:
    return study(load_logs([open_source(FIXTURES / "quickstart.jsonl")], Reading()), Asking())


def test_components_add_up_to_the_bill_and_to_the_simulation() -> None:
    known = quickstart()
    every = range(len(known.requests))
    frame = components(known.record.tree, known.requests, known.measured, known.run, every)
    for basis, splits in (("billed", billed(known.requests, every)), ("simulated", simulated(known.run, every))):
        own = frame.filter(pl.col("basis") == basis)
        assert [own[state].sum() for state in STATES] == [
            sum(split[place] for split in splits.values()) for place in range(3)
        ]
        assert own["tokens"].sum() == sum(prompt.total for prompt in known.run.prompts)


def test_a_component_has_as_many_tokens_as_requests_carry_of_it() -> None:
    known = quickstart()
    states = by_component(known.record.tree, known.requests, known.measured, billed(known.requests, range(66)))
    whole = sum(group.kinds.sum(axis=0) for group in known.measured)
    for kind, tokens in zip(KINDS, whole.tolist(), strict=True):
        assert sum(state.get(kind, 0) for state in states) == tokens


def test_what_stands_in_front_is_read_first() -> None:
    steps = session("anthropic")
    known = studied("anthropic", steps, faults.billed("anthropic", steps))
    read, written, plain = by_component(known.record.tree, known.requests, known.measured, billed(known.requests, [7]))
    assert read[Kind.TOOL] > 0
    assert read[Kind.SYSTEM] > 0
    assert Kind.TOOL not in written
    assert Kind.SYSTEM not in written
    assert written[Kind.TOOL_RESULT] > 0
    assert sum(plain.values()) == 0
