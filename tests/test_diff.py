"""Differences: exact for any two runs, the culprit first, the same from a baseline as from its log."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.building import Maker, system, tool, words
from tests.gates import GATE, SCENARIOS, command, compared, pair, printed, run

from agentcost.choices import Choices
from agentcost.gate.baseline import Baseline, Flow, Part, Payer, Stratum, dump, load
from agentcost.gate.verdicts import STAGES, Difference, Pair
from agentcost.gate.words import both, by_certainty, by_stage, headline
from agentcost.judging.changes import part_changes
from agentcost.judging.comments import LONGEST, MARKER, difference_github, difference_json, difference_markdown
from agentcost.judging.diff import difference
from agentcost.model import Usage
from agentcost.results import Ruler
from agentcost.summing.summed import summed_up
from agentcost.views.diff import diff as view

CULPRITS = {
    "tool-added": "Dearer: tool hold_at_counter added (188 tokens)",
    "description-doubled": "Dearer: tool track_parcel grown (84 → 145 tokens)",
    "timestamp": "Dearer: system prompt block 2 (holds a timestamp) breaks the cache: system changed, 0 → 31 requests",
    "history-not-truncated": "Dearer: history: tool results of track_parcel (+149 tokens a request)",
    "model-switched": "Dearer: model claude-sonnet-4-5-20250929 → claude-opus-4-1-20250805",
    "mcp-enabled": "Dearer: MCP server maps added: 6 tools (634 tokens)",
    "nothing": "Nothing changed",
}

LEADING = {
    "tool-added": "prefix", "description-doubled": "prefix", "timestamp": "cache", "history-not-truncated": "history",
    "model-switched": "model", "mcp-enabled": "prefix",
}  # fmt: skip


def test_scenarios_are_written_the_same_every_time(tmp_path: Path) -> None:
    runpy.run_path(str(GATE / "make.py"))["write"](tmp_path, lambda _: None)
    for scenario in SCENARIOS:
        for side in ("base.jsonl", "head.jsonl"):
            assert (tmp_path / scenario / side).read_bytes() == (GATE / scenario / side).read_bytes()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_first_line_names_the_culprit(scenario: str) -> None:
    found = compared(scenario)
    assert headline(found) == headline(found, public=True) == CULPRITS[scenario]
    assert printed(view(found, 140), 140).splitlines()[0] == CULPRITS[scenario]


@pytest.mark.parametrize("scenario", LEADING)
def test_the_culprits_stage_has_most_of_the_difference(scenario: str) -> None:
    found = compared(scenario)
    stages = by_stage(found.causes)
    assert max(STAGES, key=lambda stage: stages[stage][1] or Decimal(0)) == LEADING[scenario]


@pytest.mark.parametrize("scenario", ["tool-added", "description-doubled", "mcp-enabled", "timestamp"])
def test_what_changed_in_the_prefix_is_charged_to_it_with_what_the_template_puts_around(scenario: str) -> None:
    """To the token of each part: a part is rounded by itself, a prefix as a whole."""
    found = compared(scenario)
    (prefix,) = [one for one in found.pairs if one.name == "fixed prefix"]
    requests = found.pairs[0].head
    parts = 6 if scenario == "mcp-enabled" else 1
    assert abs(by_stage(found.causes)["prefix"][0] / requests - (prefix.head - prefix.base)) <= Decimal(parts) / 2 + 1
    assert all(not cause.noisy for cause in found.causes if cause.stage == "prefix")


def test_what_is_taken_back_in_the_same_stage_is_no_culprit() -> None:
    found = compared("tool-added")
    one = next(cause for cause in found.causes if cause.stage == "prefix")
    back_and_forth = [
        replace(one, stage="cache", kind="cause", what=f"cache missed: {sign}", cost=Decimal(sign), tokens=0)
        for sign in ("+7", "-7.0001")
    ]
    assert headline(replace(found, causes=(*found.causes, *back_and_forth))) == CULPRITS["tool-added"]


def test_another_model_is_no_change_of_what_was_sent() -> None:
    """Both sides are measured with one ruler: the same texts are as long, whichever model was billed for them."""
    base, head = pair("model-switched")
    found = difference(base, head, ("base", "head"))
    assert [(cause.stage, cause.tokens) for cause in found.causes] == [("model", 0)]
    (prefix,) = [one for one in found.pairs if one.name == "fixed prefix"]
    assert prefix.base == prefix.head
    assert found.notes == ("other models: they count the same texts alike",)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ("0.0587", "0.0596", ("$0.05870", "$0.05960")), ("0.0587", "0.0587", ("$0.059", "$0.059")),
        ("0.0018", "0.0092", ("$0.0018", "$0.0092")), ("1234.2", "1234.9", ("$1,234.20", "$1,234.90")),
        ("0", "0.5", ("$0.00", "$0.50")),
    ],
)  # fmt: skip
def test_both_costs_have_digits_enough_to_tell_them_apart(base: str, head: str, expected: tuple[str, str]) -> None:
    assert both(Pair("cost", Decimal(base), Decimal(head), "dollars")) == expected


def test_nothing_changed_has_no_cause_and_no_comment() -> None:
    found = compared("nothing")
    assert not found.causes
    assert not found.changes
    assert (found.tokens, found.cost) == (0, 0)
    assert difference_markdown(found) == ""


def exact(found: Difference) -> None:
    """The causes sum to the difference, by stage and by certainty too."""
    assert sum(cause.tokens for cause in found.causes) == found.tokens
    sums = [by_stage(found.causes), by_certainty(found.causes)]
    assert [sum(count for count, _ in one.values()) for one in sums] == [found.tokens] * 2
    if found.cost is not None:
        assert sum((cause.cost or Decimal(0) for cause in found.causes), Decimal(0)) == found.cost
        assert [sum((cost or Decimal(0) for _, cost in one.values()), Decimal(0)) for one in sums] == [found.cost] * 2


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_causes_sum_to_the_difference_of_the_bills(scenario: str, reverse: bool) -> None:
    found = compared(scenario, reverse=reverse)
    exact(found)
    sums = [_billed(scenario, side) for side in ("base", "head")]
    assert found.tokens == sums[1] - sums[0]
    assert found.base_tokens == sums[0]


def _billed(scenario: str, side: str) -> int:
    """Input and output tokens of a log, read from its lines."""
    total = 0
    for line in (GATE / scenario / f"{side}.jsonl").read_text(encoding="utf-8").splitlines():
        usage = json.loads(line)["response"]["usage"]
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        total += sum(usage[name] for name in names)
    return total


def test_half_of_the_same_requests_changes_their_number_and_no_part(tmp_path: Path) -> None:
    """Fitted alone, the half has another ruler; under base's its texts are as long as they were."""
    half = tmp_path / "half.jsonl"
    lines = (GATE / "nothing" / "base.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    half.write_text("".join(lines[:16]), encoding="utf-8")
    base = pair("nothing")[0]
    found = difference(base, run(half, tuple(base.rulers)), ("a", "b"))
    assert {cause.stage: cause.tokens for cause in found.causes} == {"requests": found.tokens, "cache": 0}
    assert not found.changes


def test_the_price_of_the_difference_is_that_of_its_tokens() -> None:
    """31 requests lose 60,000 tokens to a timestamp: read at $0.30 a million before, written at $3.75 after."""
    found = compared("timestamp")
    base, head = (pair("timestamp")[number].payers[0] for number in (0, 1))
    prices = {"plain": 3, "read": Decimal("0.3"), "write_5m": Decimal("3.75"), "output": 15}
    sums = [
        sum(Decimal(side.tokens.get(name, 0)) * price for name, price in prices.items()) / 10**6
        for side in (base, head)
    ]
    assert found.cost == sums[1] - sums[0]


# --- checked by hand --------------------------------------------------------------------------------------------------

PRICES = {"plain": 10, "read": 1, "output": 50}


def made(
    requests: int, prefix: int, history: int, output: int, *, read: int = 0, prices: dict[str, int] = PRICES,
    model: str = "m",
) -> Baseline:  # fmt: skip
    """A run of equal requests: tokens of each, and prices of one token. `read` of the prefix comes from the cache."""
    tokens = {"plain": requests * (prefix + history - read), "read": requests * read, "output": requests * output}
    payer = Payer("p", model, priced=True, requests=requests, tokens=tokens, listed=prices,
                  amounts={name: count * prices[name] for name, count in tokens.items()})  # fmt: skip
    flows = (
        Flow(0, "read", requests * read, 0), Flow(0, "plain", requests * (prefix - read), requests * history),
        Flow(0, "output", 0, requests * output),
    )  # fmt: skip
    return Baseline(
        requests=requests, sessions=1, roles={"main": requests}, payers=(payer,),
        rulers=(Ruler(model, "", "full", "e", "exact", 1.0, None, 0.0, 0, requests),),
        parts=(
            Part("prefix", "tool_definitions", "bash", size=prefix, place=1, digest=str(prefix)),
            Part("history", "user_text"),
        ),
        strata=(Stratum("main", True, requests, {0: requests * prefix, 1: requests * history}, flows),),
    )  # fmt: skip


BY_HAND = [
    # 2 requests cost 2 x (150 x 10 + 10 x 50) = 4,000; 3 of 120 + 80 and 20 at twice the price cost 18,000
    (made(3, 120, 80, 20, prices={"plain": 20, "read": 2, "output": 100}), False,
     {"requests": 2_000, "prefix": 600, "history": 900, "output": 1_500, "prices": 9_000}),
    (made(3, 120, 80, 20, prices={"plain": 20, "read": 2, "output": 100}), True,
     {"requests": 6_000, "prefix": 800, "history": 1_200, "output": 2_000, "prices": 4_000}),
    # 60 of 100 prefix tokens are read: 60 x 9 less in each of 2 requests
    (made(2, 100, 50, 10, read=60), False, {"cache": -1_080}),
    # another model that counts the same, at three times the price: 2 x 2 x 2,000
    (made(2, 100, 50, 10, prices={"plain": 30, "read": 3, "output": 150}, model="n"), False, {"model": 8_000}),
    # half of the requests
    (made(1, 100, 50, 10), False, {"requests": -2_000}),
]  # fmt: skip


@pytest.mark.parametrize(("head", "reverse", "expected"), BY_HAND)
def test_stages_are_what_they_are_by_hand(head: Baseline, reverse: bool, expected: dict[str, int]) -> None:
    found = difference(made(2, 100, 50, 10), head, ("a", "b"), reverse=reverse)
    exact(found)
    stages = {stage: cost for stage, (_, cost) in by_stage(found.causes).items() if cost}
    assert stages == {stage: Decimal(femto).scaleb(-15) for stage, femto in expected.items()}


def part(name: str, place: int, size: int = 10, digest: str = "d") -> Part:
    return Part("prefix", "tool_definitions", name, size=size, place=place, digest=digest)


def test_what_became_of_the_parts_of_a_prompt() -> None:
    base = Baseline(parts=(part("a", 1), part("b", 2), part("c", 3), part("d", 4), part("e", 5), part("f", 6)))
    head = Baseline(parts=(
        part("d", 1), part("a", 2), part("b", 3, 20, "new"), part("c", 4, 10, "new"), part("f", 5, 5, "new"),
        part("g", 6),
    ))  # fmt: skip
    assert [(one.change, one.name, one.before, one.now) for one in part_changes(base, head)] == [
        ("removed", "e", 10, None), ("moved", "d", 10, 10), ("grown", "b", 10, 20), ("changed", "c", 10, 10),
        ("shrunk", "f", 10, 5), ("added", "g", None, 10),
    ]  # fmt: skip


# --- any two runs -----------------------------------------------------------------------------------------------------

MODELS = (("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-haiku-4-5"), ("openai", "gpt-4o"), ("", "nobody-1"))
TOOLS = ("read", "grep", "mcp__maps__route", "mcp__maps__find", "edit")
BLOCKS = ("You help.", "You help people with their parcels, and nothing else at all.", "At 2026-01-01T10:00:00Z.")

usages = st.none() | st.builds(
    Usage, st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 900), st.integers(0, 900),
    output=st.none() | st.integers(0, 500),
)  # fmt: skip
requests = st.fixed_dictionaries({
    "model": st.sampled_from(MODELS), "tools": st.lists(st.sampled_from(TOOLS), unique=True, max_size=4),
    "system": st.sampled_from(BLOCKS), "said": st.integers(1, 5), "session": st.sampled_from(["a", "b"]),
    "task": st.sampled_from(["", "t"]), "usage": usages, "role": st.sampled_from(["main", "main", "subagent"]),
})  # fmt: skip
runs = st.lists(requests, max_size=8)


def summed(sent: list[dict[str, object]], base: Baseline | None = None) -> Baseline:
    maker = Maker()
    for number, one in enumerate(sent):
        provider, model = one["model"]  # type: ignore[misc]
        segments = [system(str(one["system"])), *map(tool, one["tools"])]  # type: ignore[arg-type]
        segments += words(*(f"word {place} of {one['session']}" for place in range(int(str(one["said"])))))
        maker.send(
            segments, provider=provider, model=model, session=one["session"], task=one["task"], usage=one["usage"],
            role=one["role"], started=1_760_000_000.0 + 10 * number, api=provider,
        )  # fmt: skip
    return summed_up(maker.made(), Choices(), base.rulers if base else ())


@settings(max_examples=60)
@given(runs, runs)
def test_causes_sum_to_the_difference_of_any_two_runs(
    first: list[dict[str, object]], second: list[dict[str, object]]
) -> None:
    base = summed(first)
    head = summed(second, base)
    forwards, backwards = (difference(base, head, ("a", "b"), reverse=reverse) for reverse in (False, True))
    exact(forwards)
    exact(backwards)
    assert (forwards.tokens, forwards.cost) == (backwards.tokens, backwards.cost)
    assert all(len(line) <= 80 for line in printed(view(forwards, 80, backwards), 80).splitlines())
    kept = [load(dump(side), "kept.json") for side in (base, head)]
    again = difference(kept[0], kept[1], ("a", "b"))
    assert [(cause.stage, cause.tokens, cause.cost) for cause in again.causes] == [
        (cause.stage, cause.tokens, cause.cost) for cause in forwards.causes
    ]


@settings(max_examples=30)
@given(runs)
def test_a_run_does_not_differ_from_itself(sent: list[dict[str, object]]) -> None:
    base = summed(sent)
    found = difference(base, summed(sent, base), ("a", "b"))
    assert not found.causes
    assert not found.changes


def test_no_request_is_nothing_to_compare() -> None:
    for base, head, says in (([], [], "base and head"), ([], None, "base"), (None, [], "head")):
        sides = [pair("nothing")[0] if sent is None else summed(sent) for sent in (base, head)]
        found = difference(sides[0], sides[1], ("a", "b"))
        exact(found)
        assert headline(found) == f"Nothing to compare: no request in {says}"


def test_a_side_without_a_price_is_compared_in_tokens() -> None:
    maker = Maker()
    maker.send([system("You help."), *words("hello")], provider="", model="nobody-1", usage=Usage(40, output=5))
    found = difference(pair("nothing")[0], summed_up(maker.made(), Choices()), ("a", "b"))
    exact(found)
    assert found.cost is None
    assert all(cause.cost is None for cause in found.causes)
    assert "tokens only" in " ".join(found.notes)


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_golden_text(scenario: str, width: int, golden: Callable[[str, str], None]) -> None:
    found = compared(scenario)
    short = replace(  # where this checkout lies must not show
        found, causes=tuple(replace(one, where=one.where.replace(f"{GATE}/", "")) for one in found.causes)
    )
    text = printed(view(short, width, compared(scenario, reverse=True)), width)
    golden(f"gate-diff-{scenario}-{width}.txt", text)


@pytest.mark.parametrize("width", [40, 60, 101, 220])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_line_is_wider_than_the_width(scenario: str, width: int) -> None:
    lines = printed(view(compared(scenario), width, compared(scenario, reverse=True)), width).splitlines()
    assert not [line for line in lines if len(line) > width or line != line.rstrip()]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_golden_forms(scenario: str, golden: Callable[[str, str], None]) -> None:
    found = compared(scenario)
    golden(f"gate-diff-{scenario}.md", difference_markdown(found))
    golden(f"gate-diff-{scenario}.github.txt", difference_github(found, places=False))


def test_golden_json(golden: Callable[[str, str], None]) -> None:
    content = difference_json(compared("tool-added"), compared("tool-added", reverse=True))
    document = json.loads(content, parse_float=Decimal)
    assert sum(cause["cost"] for cause in document["causes"]) == document["cost"]
    golden("gate-diff-tool-added.json", json.dumps(json.loads(content), indent=1, ensure_ascii=False) + "\n")


def test_a_comment_begins_with_its_marker_and_stays_short() -> None:
    maker = Maker()
    for number in range(800):
        maker.send([tool(f"mcp__s{number % 7}__{'x' * 90}{number}"), *words("hello")], usage=Usage(50, output=5))
    found = difference(pair("nothing")[0], summed_up(maker.made(), Choices()), ("a", "b"))
    text = difference_markdown(found)
    assert text.startswith(MARKER.format(kind="diff"))
    assert len(text) < LONGEST


def test_a_baseline_gives_what_its_log_gives(tmp_path: Path) -> None:
    kept = tmp_path / "base.json"
    status, content = command("baseline", GATE / "timestamp" / "base.jsonl", "--no-cache")
    kept.write_text(content, encoding="utf-8")
    head = GATE / "timestamp" / "head.jsonl"
    texts = [
        command("diff", base, head, "--no-cache", "--format", "md")
        for base in (kept, GATE / "timestamp" / "base.jsonl")
    ]
    assert status == 0
    assert texts[0] == texts[1]
    assert texts[0][0] == 0


@pytest.mark.parametrize("scenario", ["nothing", "timestamp"])
def test_a_difference_is_no_failure(scenario: str) -> None:
    status, text = command("diff", GATE / scenario / "base.jsonl", GATE / scenario / "head.jsonl", "--no-cache")
    assert status == 0
    assert text.splitlines()[0].startswith(CULPRITS[scenario][:70])
