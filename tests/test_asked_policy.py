"""A policy that the user names is simulated beside the log's own: no other row of the table changes with it."""

from __future__ import annotations

import re
from functools import cache

import polars as pl
import pytest
from tests.reading import FIXTURES
from tests.replacing import replace

from agentcost.analyze import Choices, evaluate
from agentcost.cache.catalogue import load_policies, policy_named
from agentcost.cache.switches import apply
from agentcost.errors import UsageError
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.record import Record
from agentcost.results import Analysis, simulated
from agentcost.views.headline import rates

LOGS = ("quickstart.jsonl", "claude-code/session.jsonl", "codex/session.jsonl", "mooncake/bailian.jsonl")


@cache
def recorded(log: str) -> Record:
    return load_logs([open_source(FIXTURES / log)], Reading())


@cache
def evaluated(log: str, policy: str = "") -> Analysis:
    return evaluate(recorded(log), Choices(policy=policy, every_policy=True))


@pytest.mark.parametrize("policy", ["vllm", "openai-5.6", "anthropic-1h", "gemini-implicit"])
@pytest.mark.parametrize("log", LOGS)
def test_every_other_row_is_as_without_it(log: str, policy: str) -> None:
    own, asked = (evaluated(log, name).tables["caches"] for name in ("", policy))
    others = [frame.filter(pl.col("policy") != policy).rows() for frame in (own, asked)]
    assert others[0] == others[1]
    (row,) = asked.filter(policy=policy).to_dicts()
    assert row["basis"] == "asked"
    assert row["requests"] == len(recorded(log).requests)
    before = own.filter(policy=policy).drop("basis").to_dicts()  # hashed blocks are under no policy with breakpoints
    assert not before or before[0] == {name: value for name, value in row.items() if name != "basis"}
    assert simulated(asked) == row


def test_the_headline_names_the_policy() -> None:
    own, asked = evaluated("quickstart.jsonl"), evaluated("quickstart.jsonl", "vllm")
    assert rates(own)[0] == rates(asked)[0]
    assert rates(own)[2] == rates(asked)[2]
    assert "under" not in rates(own)[1]
    assert rates(asked)[1].endswith(" simulated under vllm")


@pytest.mark.parametrize("policy", sorted(load_policies()))
def test_what_is_simulated_is_the_asked_policy(policy: str) -> None:
    frame = evaluated("quickstart.jsonl", policy).tables["requests"]
    assert set(frame["policy"]) == {policy}
    row = simulated(evaluated("quickstart.jsonl", policy).tables["caches"])
    assert row is not None
    assert row["read"] == frame["simulated_read"].sum()


def test_a_switch_is_set_behind_the_name() -> None:
    """The same log under the same policy, but for that."""
    name = "anthropic,anthropic.lookback=21,expiry=inclusive"
    assert policy_named(name) == replace(
        apply(load_policies()["anthropic"], {"anthropic.lookback": "21", "expiry": "inclusive"}), name=name
    )
    frame = evaluated("quickstart.jsonl", "anthropic,anthropic.lookback=2").tables["requests"]
    assert (
        frame["simulated_read"].sum()
        < evaluated("quickstart.jsonl", "anthropic").tables["requests"]["simulated_read"].sum()
    )
    assert (
        "under anthropic,anthropic.lookback=2"
        in rates(evaluated("quickstart.jsonl", "anthropic,anthropic.lookback=2"))[1]
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("anthropc,expiry=inclusive", "did you mean anthropic?"),
        ("anthropic,anthropic.lookbak=21", "did you mean anthropic.lookback?"),
        ("anthropic,anthropic.refresh", "it is one of own_breakpoints, hit_only"),
    ],
)
def test_a_wrong_switch_names_the_nearest(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        policy_named(name)
