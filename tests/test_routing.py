"""Routing: which requests a rule takes, and what their leaving does to the caches of both sides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import Maker, said, system, words
from tests.test_reprice import LONG, QUICKSTART, START, logged, repricing

from agentcost.errors import UsageError
from agentcost.model import Breakpoint, Kind, Usage
from agentcost.record import Record
from agentcost.repricing.bills import Repricing
from agentcost.repricing.resending import Sent
from agentcost.repricing.routing import ROUTES, parse_route, routed, routes
from agentcost.schema import REPRICE_TABLES

OPUS = {"model": "claude-opus-4-5", "provider": "anthropic", "api": "anthropic"}


def table(found: Repricing, *words_: str, retries: str = "0") -> list[dict[str, Any]]:
    asked = [parse_route(one) for one in words_]
    return routes(found, asked, Decimal(retries), range(len(found.requests))).to_dicts()


def mixed() -> Record:
    """Of four requests the second is a side call, the third a sub-agent's with a call as its answer."""
    maker = Maker()
    call = said("ls", Kind.TOOL_CALL)
    maker.send(words("one"), answer=words("first", "second")[1:], started=START, **OPUS)
    maker.send(words("two"), role="side", started=START + 1, **OPUS)
    maker.send(words("three"), answer=[said("hm", Kind.THINKING), call], role="subagent", started=START + 2, **OPUS)
    maker.send(words(LONG), answer=[*words("x", "text")[1:], call], started=START + 3, **{**OPUS, "model": "gpt-4o"})
    return maker.made()


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("side", [1]),
        ("subagent", [2]),
        ("main", [0, 3]),
        ("tool-only", [2]),
        ("<100", [0, 1, 2]),
        ("<0.1k", [0, 1, 2]),
        ("main&<100", [0]),
        ("model=gpt-*", [3]),
        ("model=claude-opus-4.5", [0, 1, 2]),
        ("side & <1", []),
    ],
)
def test_a_rule_takes_the_requests_that_meet_all_of_it(rule: str, taken: list[int]) -> None:
    record = mixed()
    requests = record.ordered()
    prompts = repricing(record).resending.as_run.rebased.totals
    found = routed(record.tree, requests, [one.role for one in requests], prompts, [parse_route(f"{rule}->gpt-5-mini")])
    assert [row for row, route in enumerate(found) if route] == taken


@pytest.mark.parametrize("text", ["", "side", "side->", "->gpt-4o", "all->gpt-4o", "<20x->gpt-4o", "side&->gpt-4o"])
def test_what_is_no_route_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="rules are"):
        parse_route(text)


def test_a_route_names_the_host_or_the_maker() -> None:
    assert parse_route("side->claude-haiku-4-5").sent == Sent("anthropic", "claude-haiku-4-5")
    assert parse_route("side->gpt-oss-120b@groq").sent == Sent("groq", "gpt-oss-120b")


def alternating() -> Record:
    """A conversation of six requests, each with a breakpoint at its end; every second one is a side call."""
    maker = Maker()
    path = [system(LONG * 3), said("first")]
    for number in range(6):
        role = "side" if number % 2 else "main"
        request = maker.send(path, started=START + 10 * number, ended=START + 10 * number + 1, role=role, **OPUS)
        maker.record.requests[-1] = type(request)(
            **{name: getattr(request, name) for name in request.__struct_fields__}
            | {"breakpoints": (Breakpoint(request.node),)}
        )
        path = [*path, said(f"answer {number} " * 400, Kind.ASSISTANT), said(f"go on {number}")]
    return maker.made()


def test_what_stays_finds_less_in_its_cache() -> None:
    """As run, each request reads all that the one before it wrote; on its own side it writes two turns each time."""
    found = repricing(alternating())
    row = table(found, "side->claude-haiku-4-5")[0]
    assert (row["requests"], row["routed"]) == (6, 3)
    assert row["lineages_split"] == row["lineages"] == 1
    assert row["stayed_after"] > row["stayed_before"]
    assert row["against"] == row["routed_before"] + row["stayed_before"]
    assert row["cost"] == row["routed_after"] + row["stayed_after"]


def test_a_route_that_takes_nothing_changes_nothing() -> None:
    found = repricing(alternating())
    row = table(found, "<1->claude-haiku-4-5")[0]
    assert (row["routed"], row["lineages_split"], row["change"], row["cost"]) == (0, 0, 0, row["against"])


def test_a_route_to_the_model_itself_changes_nothing() -> None:
    row = table(repricing(alternating()), "side->claude-opus-4-5")[0]
    assert (row["routed"], row["change"], row["cost"]) == (3, 0, row["against"])


def test_a_retry_reads_what_the_first_try_wrote() -> None:
    """Every second call again: of a million tokens written once, read at a tenth of the input price."""
    maker = Maker()
    request = maker.send(words(LONG * 3), usage=Usage(0, 0, 4000, output=100), started=START, **OPUS)
    maker.record.requests[0] = type(request)(
        **{name: getattr(request, name) for name in request.__struct_fields__}
        | {"breakpoints": (Breakpoint(request.node),)}
    )
    found = repricing(maker.made())
    row = table(found, "main->claude-sonnet-4-5", retries="0.5")[0]
    once = (4000 * Decimal("0.3") + 100 * 15) / 10**6
    assert row["retry_cost"] == once / 2
    assert row["cost"] == (4000 * Decimal("3.75") + 100 * 15) / 10**6 + once / 2


@settings(max_examples=10)
@given(st.decimals(0, 2, places=3), st.decimals(0, 2, places=3))
def test_more_retries_never_cost_less(one: Decimal, other: Decimal) -> None:
    few, many = sorted((one, other))
    costs = [table(ALTERNATING, "side->claude-haiku-4-5", retries=str(rate))[0]["cost"] for rate in (few, many)]
    assert costs[0] <= costs[1]


ALTERNATING = repricing(alternating())


def test_side_calls_are_those_that_reports_show() -> None:
    found = repricing(logged(QUICKSTART))
    assert [found.roles.count(role) for role in ("main", "side")] == [62, 4]
    assert table(found, "side->gpt-6-luna")[0]["routed"] == 4


def test_several_routes_stand_alone_and_together() -> None:
    found = table(repricing(logged(QUICKSTART)), "tool-only->claude-haiku-5-5", "main->gpt-6-luna")
    assert [row["route"] for row in found][2:] == ["all of these, the first that fits"]
    assert found[2]["routed"] == 62  # of 66, four are calls without tools in sessions that have them: titles
    assert all("quality is not modelled" in row["assumes"] for row in found)


def test_columns_are_those_that_are_documented() -> None:
    assert REPRICE_TABLES["routes"][1].split(", ") == list(ROUTES)
