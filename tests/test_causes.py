"""Every cause of a miss that can be put into a log is found there, named, with its evidence, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests import faults
from tests.faults import Fault, Turn, billed, both, in_system, on, once, replayed, session, setting, settled
from tests.replacing import replace

from agentcost.cache.causes import MENDS

DIALECTS = list(faults.MODELS)
POSITIONS = (1, 4, 7)
SUMMARIES = {
    "anthropic": "This session is being continued from a previous conversation",
    "openai-5.6": "Another language model started to solve this problem and produced a summary",
    "openai": "Another language model started to solve this problem and produced a summary",
}


@dataclass(frozen=True)
class Case:
    """A fault, the cause it must be given, and a part of the evidence."""

    cause: str
    evidence: str
    fault: Fault
    others: tuple[str, ...] = ()
    positions: tuple[int, ...] = POSITIONS


HEADS = {
    "description": Case("tools_changed", "tool tool3 changed", faults.tool_edited(3)),
    "first tool": Case("tools_changed", "tool tool0 changed", faults.tool_edited(0)),
    "tool added": Case("tools_changed", "tool extra added", faults.tool_added(6)),
    "tool put in": Case("tools_changed", "tool extra added", faults.tool_added(2)),
    "tool removed": Case("tools_changed", "tool tool5 removed", faults.tool_removed(5)),
    "first tool removed": Case("tools_changed", "tool tool0 removed", faults.tool_removed(0)),
    "tools reordered": Case("tools_changed", "the same tools in another order", on(faults.tools_reordered)),
    "schema's keys": Case("tools_changed", "tool tool2", on(lambda step: replace(step, swapped="tool2"))),
    "timestamp": Case("system_changed", "system prompt changed (holds a timestamp", in_system(
        "T09:00:00Z", "T09:07:41Z")),
    "uuid": Case("system_changed", "a uuid", in_system("6f1d3a52-0b1c-4c7e", "77aa3a52-0b1c-4c7e")),
    "git status": Case("system_changed", "system prompt changed", in_system("status: clean", "status: 2 files")),
    "directory": Case("system_changed", "system prompt changed", in_system("/home/ada/shop", "/home/ada/web")),
}  # fmt: skip

MESSAGES = {
    "first message edited": Case("messages_changed", "user text rewritten", faults.edited(0), positions=(2, 4, 7)),
    "result edited": Case("messages_changed", "tool results tool0 rewritten", faults.edited(4), positions=(4, 7)),
    "step dropped": Case("messages_changed", "tool calls tool0 dropped", faults.dropped(1, 2), positions=(4, 7)),
    "steps dropped": Case("messages_changed", "dropped", faults.dropped(1, 6), positions=(5, 7)),
    "steps reordered": Case("messages_changed", "in another order", faults.reordered(1, 3), positions=(4, 7)),
    "keys of a call": Case("messages_changed", "tool calls tool0 rewritten: the same", faults.keys_swapped(1),
                           positions=(2, 4, 7)),
    "call's id": Case("messages_changed", "tool calls tool0", on(
        lambda step: replace(step, turns=(*step.turns[:1], replace(step.turns[1], id="x"), *step.turns[2:]))),
        positions=(2, 7)),
}  # fmt: skip

CLAUDE = {
    "speed": Case("speed_changed", "speed: not set → fast", setting("speed", "fast")),
    "tool choice": Case("tool_choice_changed", "tool_choice: not set → type:any", setting(
        "tool_choice", {"type": "any"})),
    "one call at a time": Case("tool_choice_changed", "disable_parallel_tool_use:true", setting(
        "tool_choice", {"type": "auto", "disable_parallel_tool_use": True})),
    "thinking": Case("thinking_changed", "budget_tokens:8000", setting(
        "thinking", {"type": "enabled", "budget_tokens": 8000})),
    "adaptive thinking": Case("thinking_changed", "type:adaptive", setting("thinking", {"type": "adaptive"})),
    "effort": Case("thinking_changed", "effort: not set → low", setting("output_config", {"effort": "low"})),
    "image": Case("images_toggled", "images: not set → present", faults.said(0, Turn("image", faults.PIXEL))),
    "no marks": Case("no_breakpoint", "keeps nothing without one", once(lambda step: replace(step, marked=False))),
    "many blocks": Case("lookback_exceeded", "20 are looked at", faults.said(0, *faults.chatter(26)),
        positions=(2, 4, 7)),
    "away": Case("ttl_expired", "7.0 min since the request before it, kept for 5.0 min", faults.later(400),
        positions=(2, 7)),
}  # fmt: skip

OPENAI = {
    "tier": Case("service_tier_changed", "service_tier: not set → priority", setting("service_tier", "priority")),
    "key": Case("prompt_cache_key_changed", "prompt_cache_key: s1 → s2", on(lambda step: replace(step, session="s2"))),
    "one call at a time": Case("tool_choice_changed", "parallel_tool_calls: not set → false", setting(
        "parallel_tool_calls", False)),
    "format": Case("text_format_changed", "text_format: not set → json_schema", setting(
        "text", {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}})),
    "effort": Case("reasoning_effort_changed", "reasoning_effort: not set → high", setting(
        "reasoning", {"effort": "high"})),
    "verbosity": Case("verbosity_changed", "verbosity: not set → low", setting("text", {"verbosity": "low"})),
}  # fmt: skip

ENDPOINTS = {
    "no marks": Case("no_breakpoint", "keeps nothing without one", once(
        lambda step: replace(step, settings={"prompt_cache_options": {"mode": "explicit"}}))),
    "many messages": Case("lookback_exceeded", "outside the look-back", faults.said(0, *faults.chatter(44)),
        positions=(2, 7)),
    "away": Case("ttl_expired", "40.3 min since the request before it, kept for 30.0 min", faults.later(2400),
        positions=(2, 7)),
}  # fmt: skip

BLOCKS = {
    "away": Case("ttl_expired", "kept for 5.0 min", faults.later(400), positions=(2, 7)),
}


def _common(dialect: str) -> dict[str, Case]:
    return {
        **HEADS,
        **MESSAGES,
        "model": Case("model_changed", f"→ {faults.OTHER_MODELS[dialect]}", faults.another_model(dialect)),
        "short summary": Case("compaction", "summary", faults.compacted(SUMMARIES[dialect], 300), positions=(3, 7)),
        "long summary": Case("compaction", "summary", faults.compacted(SUMMARIES[dialect], 700), positions=(3, 7)),
        "at once": Case("concurrent_miss", "before the first token", faults.at_once, positions=(2, 4, 7)),
    }


CASES = {
    "anthropic": {**_common("anthropic"), **CLAUDE},
    "openai-5.6": {**_common("openai-5.6"), **OPENAI, **ENDPOINTS},
    "openai": {**_common("openai"), **OPENAI, **BLOCKS},
}
ALL = [
    pytest.param(dialect, case, position, id=f"{dialect}-{name}-{position}")
    for dialect, cases in CASES.items()
    for name, case in cases.items()
    for position in case.positions
]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_session_without_a_fault_is_reproduced_and_has_no_miss(dialect: str) -> None:
    steps = session(dialect)
    found = settled(dialect, steps)
    bill = [(u.read, {k: v for k, v in (("5m", u.write_5m), ("30m", u.write)) if v}, u.plain) for u in found.usages]
    assert found.bill == bill, "a generated log is reproduced exactly"
    assert found.run.policies == [dialect] * len(steps)
    assert all(read for read, _, _ in bill[1:])
    assert found.run.misses[0] is not None
    assert found.run.misses[0].cause == "first_request"
    assert found.lost() == {}


@pytest.mark.parametrize(("dialect", "case", "position"), ALL)
def test_a_fault_is_named_where_it_was_put(dialect: str, case: Case, position: int) -> None:
    steps = case.fault(session(dialect), position)
    misses = settled(dialect, steps).lost()
    assert {row: miss.cause for row, miss in misses.items()} == {position: case.cause}
    assert case.evidence in misses[position].evidence
    assert misses[position].others == case.others
    assert misses[position].lost > 0


PAIRS = [
    ("tools_changed", "system_changed", both(in_system("T09:00:00Z", "T09:07:41Z"), faults.tool_edited(5))),
    ("tools_changed", "messages_changed", both(faults.edited(0), faults.tool_removed(2))),
    ("system_changed", "messages_changed", both(faults.edited(4), in_system("clean", "2 files"))),
    ("model_changed", "tools_changed", both(faults.tool_added(0), faults.another_model("anthropic"))),
    ("model_changed", "messages_changed", both(faults.dropped(1, 2), faults.another_model("anthropic"))),
    ("speed_changed", "system_changed", both(setting("speed", "fast"), in_system("clean", "2 files"))),
    ("system_changed", "thinking_changed", both(
        setting("thinking", {"type": "adaptive"}), in_system("clean", "dirty"))),
    ("tool_choice_changed", "messages_changed", both(faults.edited(2), setting("tool_choice", {"type": "any"}))),
    ("images_toggled", "messages_changed", both(faults.edited(2), faults.said(0, Turn("image", faults.PIXEL)))),
    ("thinking_changed", "compaction", both(
        faults.compacted(SUMMARIES["anthropic"], 400), setting("output_config", {"effort": "low"}))),
    ("tools_changed", "ttl_expired", both(faults.later(400), faults.tool_edited(1))),
    ("messages_changed", "ttl_expired", both(faults.later(400), faults.edited(0))),
    ("tools_changed", "concurrent_miss", both(faults.at_once, on(faults.tools_reordered))),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "fault"), PAIRS, ids=[f"{first}-{second}" for first, second, _ in PAIRS])
@pytest.mark.parametrize("position", [4, 7])
def test_of_two_faults_the_first_in_the_order_of_the_prompt_leads(
    first: str, second: str, fault: Fault, position: int
) -> None:
    steps = fault(session("anthropic"), position)
    misses = settled("anthropic", steps).lost()
    assert {row: (miss.cause, miss.others) for row, miss in misses.items()} == {position: (first, (second,))}


def test_of_two_faults_at_openai_the_key_leads_and_the_content_follows() -> None:
    steps = both(setting("text", {"verbosity": "low"}), faults.tool_edited(2))(session("openai-5.6"), 4)
    [miss] = settled("openai-5.6", steps).lost().values()
    assert (miss.cause, miss.others) == ("verbosity_changed", ("tools_changed",))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("position", [1, 4, 7])
def test_a_bill_that_reads_nothing_without_a_reason(dialect: str, position: int) -> None:
    steps = session(dialect)
    bill = faults.evicted(billed(dialect, steps), position)
    misses = replayed(dialect, steps, bill).lost()
    assert {row: miss.cause for row, miss in misses.items()} == {position: "evicted_or_routed"}
    assert misses[position].evidence.startswith("0 of ")


def test_a_prefix_that_is_too_short_for_the_model() -> None:
    steps = session("anthropic", words=600, model="claude-opus-4-6")
    found = settled("anthropic", steps)
    short = {row for row, prompt in enumerate(found.run.prompts) if prompt.total < 4096}
    assert {0, 1} <= short < set(range(8)), "the session grows beyond the minimum"
    assert {row: miss.cause for row, miss in found.lost().items()} == dict.fromkeys(short - {0}, "below_minimum")
    assert "4,096 are the least" in found.lost()[1].evidence


def test_a_log_that_never_asks_for_caching_could_have_read_what_repeats() -> None:
    steps = [replace(step, marked=False) for step in session("anthropic")]
    found = settled("anthropic", steps)
    assert {miss.cause for miss in found.lost().values()} == {"no_breakpoint"}
    for row, miss in found.lost().items():
        before = found.run.prompts[row - 1]
        assert abs(miss.lost - before.total) <= 8, "the whole prompt before"


# ---------------------------------------------------------------- what a request is compared with


def _then(*steps: list[faults.Step]) -> list[faults.Step]:
    """Sessions one after another, a minute apart."""
    found, start = [], faults.START
    for number, own in enumerate(steps):
        found += [replace(step, at=step.at - own[0].at + start, session=f"s{number}") for step in own]
        start = found[-1].at + 60
    return found


def _about(topic: str, steps: list[faults.Step]) -> list[faults.Step]:
    """The same agent with another conversation."""
    return [
        replace(step, turns=tuple(replace(turn, text=f"{topic} {turn.text}", id=turn.id and topic + turn.id)
                                  for turn in step.turns))
        for step in steps
    ]  # fmt: skip


def test_a_second_session_finds_the_head_and_has_no_miss() -> None:
    steps = _then(session("anthropic", 3), _about("b", session("anthropic", 3)))
    found = settled("anthropic", steps)
    bill = found.bill
    assert bill[3][0] > 1024, "tools and system prompt are read"
    assert [miss.cause if miss else "" for miss in found.run.misses] == ["first_request", "", "", "", "", ""]


def test_a_second_session_whose_system_prompt_differs() -> None:
    other = [replace(step, system=(step.system[0], step.system[1].replace("shop", "web")))
             for step in _about("b", session("anthropic", 3))]  # fmt: skip
    steps = _then(session("anthropic", 3), other)
    [(row, miss)] = settled("anthropic", steps).lost().items()
    assert (row, miss.cause) == (3, "system_changed")
    assert miss.lost < 1200, "its head only, not what the first session said"


def test_a_second_session_that_comes_too_late() -> None:
    steps = _then(session("anthropic", 3), faults.later(400)(_about("b", session("anthropic", 3)), 0))
    steps = faults.later(400)(steps, 3)
    [(row, miss)] = settled("anthropic", steps).lost().items()
    assert (row, miss.cause) == (3, "ttl_expired")


def test_another_agent_is_a_first_request_and_breaks_nothing() -> None:
    steps = session("anthropic")
    agent = [
        replace(step, at=step.at + 10, tools=(("search", faults.text("search", 200)),), system=(faults.text("x", 900),))
        for step in _about("b", session("anthropic", 3))
    ]
    both_ = sorted([*steps, *agent], key=lambda step: step.at)
    found = settled("anthropic", both_)
    assert [miss.cause for miss in found.run.misses if miss] == ["first_request", "first_request"]


# ---------------------------------------------------------------- thinking that is not shown again


@pytest.mark.parametrize(("model", "strips"), [("claude-sonnet-4-5", True), ("claude-opus-4-8", False)])
@pytest.mark.parametrize("position", [3, 6])
def test_thinking_is_stripped_after_a_user_turn_on_models_that_keep_the_last(
    model: str, strips: bool, position: int
) -> None:
    steps = session("anthropic", model=model, thinking=True)
    said = (Turn("assistant", faults.text("done", 40)), Turn("user", faults.text("more", 40)))
    steps = faults.said(0, *said)(steps, position)
    found = settled("anthropic", steps)
    bill = found.bill
    causes = {row: miss.cause for row, miss in found.lost().items()}
    assert causes == ({position: "messages_changed"} if strips else {})
    if strips:
        assert found.lost()[position].evidence.startswith("thinking of earlier turns is stripped")
        assert all(read for read, _, _ in bill[position + 1 :])
        assert bill[position + 1][0] > bill[position][0], "within the turn the cache goes on"


def test_a_prompt_that_shrinks_while_its_history_grows_was_edited_on_its_way() -> None:
    steps = session("anthropic")
    bill = billed("anthropic", steps)
    read, written, plain = bill[5]
    shrunk = [*bill[:6], (0, {"5m": read + sum(written.values()) + plain - 1024}, 0), *bill[7:]]
    found = replayed("anthropic", steps, shrunk).run.misses[6]
    assert found is not None
    assert (found.cause, "the prompt shrank from" in found.evidence) == ("compaction", True)


# ---------------------------------------------------------------- the closed list, and the cost


def test_every_cause_that_can_be_put_into_a_log_is_tested() -> None:
    tested = {case.cause for cases in CASES.values() for case in cases.values()}
    tested |= {"first_request", "below_minimum", "evicted_or_routed"}
    assert set(MENDS) - tested == {"unavailable"}


def _lines_run(count: int) -> int:
    """Lines of code that diagnosing a session of so many requests runs, measured after the log is read."""
    steps = session("anthropic", count, words=20)
    replayed("anthropic", steps, None)  # what is only done once is done
    return faults.lines_of(lambda: replayed("anthropic", steps, None), "agentcost/cach")


def test_a_request_costs_its_new_content_however_long_its_path() -> None:
    short, middle, long = (_lines_run(count) for count in (40, 80, 160))
    assert middle < 2.1 * short
    assert long < 2.1 * middle


def test_a_prefix_that_is_read_all_the_time_ends_some_time_after_its_first_write() -> None:
    steps = [
        replace(step, at=faults.START + 240 * number) for number, step in enumerate(session("openai", 18, words=60))
    ]
    steps = [replace(step, settings={"prompt_cache_retention": "in_memory"}) for step in steps]
    found = replayed("openai", steps, None).lost()
    assert {row: miss.cause for row, miss in found.items()} == {15: "ttl_expired"}
    assert found[15].evidence == "kept for 1.0 h at most from its first write, however often it is read"
