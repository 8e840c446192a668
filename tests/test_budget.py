"""Budgets: what a file and a limit of the command line say, and what is an error with the nearest name."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agentcost.cache.causes import MENDS
from agentcost.errors import AgentcostError, UsageError
from agentcost.gate.metrics import CAUSES, METRICS
from agentcost.gate.verdicts import STAGES, Cause, Change, Difference, Pair, Verdict
from agentcost.judging.budget import Budget, Limit, read_budget, read_limit, shown

FILE = """
min_requests = 12
model = "claude-sonnet-4-5"
allow = ["unpriced", "server_tokens.github"]

[fail]
fixed_prefix_tokens = { max = 12_000, increase = 500, percent = 5 }
cost_per_session = 2.50
hit_rate = 0.7
tool_tokens = 1_500

[fail.server_tokens]
"*" = 3_000
github = { increase = 0 }

[fail.share_above]
128_000 = "5%"

[warn.misses]
system_changed = 0

[warn.kv_bytes_per_session]
qwen3-30b-a3b = "2 GiB"
"""


DOCS = (Path(__file__).parents[1] / "docs" / "gate.md").read_text(encoding="utf-8")


def test_the_documented_budget_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
    found = budget(text)
    assert {limit.metric for limit in found.limits} >= {"fixed_prefix_tokens", "hit_rate", "misses", "share_above"}
    written = re.findall(r"'(\S+[<>]=[^…']+)'`", DOCS)
    assert len([read_limit(text) for text in written]) >= 4


def test_every_limit_and_stage_is_documented() -> None:
    listed = re.findall(r"^\| (`.*?`) \| .*\| (yes|) ?\|$", DOCS, re.MULTILINE)
    found = {name: bool(static) for names, static in listed for name in re.findall(r"`(\w+)`", names)}
    assert found == {name: not metric.log for name, metric in METRICS.items()}
    assert re.findall(r"^\d\. `(\w+)`", DOCS, re.MULTILINE) == list(STAGES)


@pytest.mark.parametrize("struct", [Verdict, Difference, Cause, Change, Pair])
def test_every_key_of_the_documents_is_documented(struct: type[msgspec.Struct]) -> None:
    assert not [name for name in struct.__struct_fields__ if f"`{name}`" not in DOCS]


def budget(text: str) -> Budget:
    found = read_budget(text, "agentcost.toml")
    assert found is not None
    return found


def test_a_file_says_what_it_says() -> None:
    found = budget(FILE)
    assert (found.min_requests, found.model, found.allow) == (
        12,
        "claude-sonnet-4-5",
        ("unpriced", "server_tokens.github"),
    )
    assert [(one.level, one.name, one.bound, one.value) for one in found.limits] == [
        ("fail", "fixed_prefix_tokens", "max", 12_000),
        ("fail", "fixed_prefix_tokens", "increase", 500),
        ("fail", "fixed_prefix_tokens", "percent", 5),
        ("fail", "cost_per_session", "max", Decimal("2.5")),
        ("fail", "hit_rate.as run", "min", Decimal("0.7")),
        ("fail", "tool_tokens.*", "max", 1_500),
        ("fail", "server_tokens.*", "max", 3_000),
        ("fail", "server_tokens.github", "increase", 0),
        ("fail", "share_above.128000", "max", Decimal("0.05")),
        ("warn", "misses.system_changed", "max", 0),
        ("warn", "kv_bytes_per_session.qwen3-30b-a3b", "max", 2 * 2**30),
    ]
    assert found.wanted == (
        ("hit_rate", "as run"), ("kv_bytes_per_session", "qwen3-30b-a3b"), ("share_above", "128000"),
    )  # fmt: skip


def test_pyproject_has_its_own_table() -> None:
    assert read_budget("[tool.ruff]\nx = 1\n", "pyproject.toml", table=True) is None
    found = read_budget("[tool.agentcost.fail]\ncost_per_request = 0.1\n", "pyproject.toml", table=True)
    assert found is not None
    assert [one.written for one in found.limits] == ["cost_per_request max $0.100"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[fail]\nfixed_prefix_token = 3\n", "did you mean fixed_prefix_tokens?"),
        ("fixed_prefix_tokens = 3\n", r"put fixed_prefix_tokens below \[fail\]"),
        ("[fial]\ncost_per_session = 1\n", "did you mean fail?"),
        ("[fail.misses]\nsystem_change = 0\n", "did you mean system_changed?"),
        ("[fail]\nfixed_prefix_tokens = { maximum = 3 }\n", "did you mean max?"),
        ("[fail]\nhit_rate = { maxx = 0.5 }\n", "did you mean max?"),
        ("[fail]\nmisses = { maxx = 3 }\n", "did you mean max?"),
        ("[fail.hit_rate]\nincraese = 0.5\n", "did you mean increase?"),
        ("[fail.tool_tokens]\nbash = { incraese = 3 }\n", "did you mean increase?"),
        ("[fail]\ntool_tokens = { max = 3, incraese = 4 }\n", "did you mean increase?"),
        ('[fail]\ncost_per_session = "two"\n', "write a number"),
        ("[fail]\ncost_per_session = true\n", "write a number"),
        ("[fail]\ncost_per_session = nan\n", "write a number"),
        ("[fail]\nshare_above = 0.1\n", "share_above.128000"),
        ("[fail.share_above]\nlarge = 0.1\n", "write a number of tokens"),
        ('allow = ["unprised"]\n', "did you mean unpriced?"),
        ("allow = 3\n", "write a list"),
        ('min_requests = "many"\n', "whole number"),
        ("model = 3\n", "write a text"),
        ("fail = 3\n", r"\[fail\]"),
        ("[fail\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_an_error_with_the_nearest_name(text: str, says: str) -> None:
    with pytest.raises(AgentcostError, match=says) as error:
        read_budget(text, "agentcost.toml")
    assert str(error.value).startswith("agentcost.toml: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cost_per_session<=2.50", ("fail", "cost_per_session", "max", Decimal("2.5"))),
        (" warn: hit_rate >= 70% ", ("warn", "hit_rate.as run", "min", Decimal("0.7"))),
        ("server_tokens[github]+<=5%", ("fail", "server_tokens.github", "percent", 5)),
        ("server_tokens.github<=2_000", ("fail", "server_tokens.github", "max", 2_000)),
        ("tool_tokens[mcp__a-b__*]+<=0", ("fail", "tool_tokens.mcp__a-b__*", "increase", 0)),
        ("hit_rate[openai-24h]-<=0.05", ("fail", "hit_rate.openai-24h", "decrease", Decimal("0.05"))),
        ("fail:share_above[64000]<=0.1", ("fail", "share_above.64000", "max", Decimal("0.1"))),
    ],
)
def test_a_limit_of_the_command_line(text: str, expected: tuple[str, str, str, Decimal]) -> None:
    found = read_limit(text)
    assert (found.level, found.name, found.bound, found.value) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cost_per_session=2", "write it as METRIC<=VALUE"),
        ("cost_per_sesion<=2", "did you mean cost_per_session?"),
        ("misses[ttl]<=0", "did you mean ttl_expired?"),
        ("cost_per_session<=two", "write a number"),
    ],
)
def test_a_limit_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises((UsageError, AgentcostError), match=says):
        read_limit(text)


def test_every_cause_that_is_found_can_be_limited() -> None:
    assert set(CAUSES) == set(MENDS)


def test_every_metric_can_be_written() -> None:
    for name, metric in METRICS.items():
        text = f'[fail.{name}]\n"{metric.example}" = 1\n' if metric.of else f"[fail]\n{name} = 1\n"
        (limit,) = budget(text).limits
        assert isinstance(limit, Limit)
        assert limit.bound == ("max" if metric.more_is_worse else "min")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("12480", "tokens", "12,480 tokens"), ("2.5", "dollars", "$2.50"), ("0.0147", "dollars", "$0.0147"),
        ("0.713", "share", "71.3%"), ("0.7", "share", "70%"), ("5", "percent", "5%"), ("0.05", "points", "5 points"),
        ("1288490188.8", "bytes", "1.20 GiB"), ("500", "bytes", "500 B"), ("3", "count", "3"),
        ("-1", "dollars", "-$1.00"),
    ],
)  # fmt: skip
def test_figures_are_shown_in_their_unit(value: str, unit: str, expected: str) -> None:
    assert shown(Decimal(value), unit) == expected
