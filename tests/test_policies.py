"""Cache policies: what the file holds, who falls under which, the lengths they serve, and their switches."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.replacing import replace

from agentcost.cache.catalogue import load_policies, parse, policy_named
from agentcost.cache.families import policy_of
from agentcost.cache.lengths import cacheable
from agentcost.cache.policy import Policy, collapses, minimum_of, multipliers_of, ttl_of
from agentcost.cache.switches import apply, with_switch
from agentcost.commands.policies import policies as command
from agentcost.errors import UsageError
from agentcost.pricing import overlay

POLICIES = load_policies()
SWITCHES = [(policy.name, switch.name) for policy in POLICIES.values() for switch in policy.switches]


# ---------------------------------------------------------------- the file

SMALL = """
[policies.mine]
title = "Mine"
mechanism = "block"
creates = "full_blocks"
source = "my own"
checked = 2026-11-22
mark = "V"
grid = { block = 16 }
"""


def test_a_small_file_is_read() -> None:
    mine = parse(SMALL)["mine"]
    assert (mine.name, mine.checked, mine.mechanism, cacheable(mine, "any", 100, 100)) == (
        "mine", date(2026, 11, 22), "block", 96,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('source = "my own"', "", "mine: no source"),
        ("checked = 2026-11-22", "", "mine: no checked"),
        ('mark = "V"', 'mark = "V"\nlookbak = 3', "mine: unknown key lookbak"),
        ("block = 16", "block = 16, frist = 3", "mine: grid: unknown key frist"),
        ("block = 16", "block = 0", "mine: Expected `int` >= 1"),
        ('"block"', '"blocks"', "mine: Invalid enum value 'blocks'"),
        ('mark = "V"', 'mark = "V"\nhit_probability = 1.2', "mine: Expected `float` <= 1.0"),
        ('mark = "V"', 'mark = "V"\nlike = "yours"', "mine: like yours, which is not there"),
        ('mark = "V"', 'mark = "V"\nttls = [{ name = "a", seconds = 1, mark = "V", write = -1 }]', "not be negative"),
        ('mark = "V"', 'mark = "V"\nreads = [{ models = "(", times = 1, mark = "V" }]', "missing \\)"),
    ],
)
def test_a_broken_file_names_the_policy_and_what_is_wrong(old: str, new: str, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        parse(SMALL.replace(old, new, 1))


def test_likeness_takes_the_rules_and_not_the_source() -> None:
    more = '[policies.yours]\nlike = "mine"\ntitle = "Yours"\nsource = "yours"\nchecked = 2026-11-23\nmark = "S"\n'
    yours = parse(SMALL + more)["yours"]
    assert yours.grid == parse(SMALL)["mine"].grid
    assert (yours.source, yours.checked, yours.mark) == ("yours", date(2026, 11, 23), "S")
    with pytest.raises(ValueError, match="yours: no source"):
        parse(SMALL + more.replace('source = "yours"\n', ""))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_what_every_policy_must_have(policy: Policy) -> None:
    assert policy.source
    assert policy.checked <= date(2026, 11, 22)
    assert (policy.grid is not None) <= (policy.mechanism == "block")
    assert (policy.mechanism == "endpoint") == (policy.candidates is not None)
    assert (policy.mechanism == "breakpoint") == (policy.lookback > 0)
    assert bool(policy.ttls) == ("expiry" in {switch.name for switch in policy.switches})
    assert bool(policy.ttls) <= (policy.eviction in ("ttl", "undocumented"))
    assert (policy.visible == "built") == (policy.name == "deepseek")
    assert isinstance(hash(policy), int)


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean anthropic-1h"):
        policy_named("antropic-1h")
    with pytest.raises(UsageError, match=r"policies: anthropic, .*vllm"):
        policy_named("zzzzz")


# ---------------------------------------------------------------- numbers by model


@pytest.mark.parametrize(
    ("policy", "models", "tokens"),
    [
        ("anthropic", "claude-opus-5 claude-fable-5 claude-mythos-5-20260801 anthropic/claude-opus-5", 512),
        ("anthropic", "claude-fable-5-1 claude-mythos-5.1 claude-opus-5-5 claude-sonnet-5-5 claude-haiku-5-5", 512),
        ("anthropic", "claude-fable-5-2 claude-mythos-5-2", 512),
        ("anthropic", "claude-opus-4-8 claude-opus-4-1-20250805 claude-opus-4-20250514 claude-sonnet-5", 1024),
        ("anthropic", "claude-sonnet-4-6 claude-sonnet-4-5-20250929 claude-sonnet-4-20250514", 1024),
        ("anthropic", "claude-4.6-sonnet-20260217 claude-sonnet-4@20250514", 1024),
        ("anthropic", "claude-opus-4-7 claude-3-5-haiku-20241022 claude-mythos-preview", 2048),
        ("anthropic", "claude-opus-4-6 claude-opus-4-5-20251101 claude-haiku-4-5-20251001", 4096),
        ("anthropic-1h", "claude-haiku-4-5", 4096),
        ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0 anthropic.claude-opus-4-6-v1", 4096),
        ("bedrock", "global.anthropic.claude-opus-4-7", 2048),
        ("openai", "gpt-4o gpt-5.5", 1024),
        ("openai-5.6", "gpt-5.6-sol", 1024),
        ("gemini-implicit", "gemini-2.5-flash models/gemini-2.5-pro", 2048),
        ("gemini-implicit", "gemini-3.1-pro-preview gemini-3.5-flash gemini-3.8-flash gemini-4-argon", 4096),
        ("qwen-explicit", "qwen3-coder-plus", 1024),
        ("qwen-implicit", "qwen3-coder-plus", 256),
        ("vllm", "any", 0),
    ],
)
def test_the_minimum_of_a_model(policy: str, models: str, tokens: int) -> None:
    assert {minimum_of(POLICIES[policy], model) for model in models.split()} == {tokens}


@pytest.mark.parametrize(
    ("policy", "models", "read"),
    [
        ("anthropic", "claude-opus-5 claude-sonnet-5 claude-haiku-5-5 claude-fable-5 claude-opus-4-1", "0.1"),
        ("anthropic", "claude-opus-5-5 claude-sonnet-5-5", "0.05"),
        ("anthropic", "claude-fable-5-1 claude-fable-5-2 claude-mythos-5-1 claude-mythos-5-2", "0.025"),
        ("openai", "gpt-5 gpt-5.5 gpt-5.1-codex gpt-5-mini-2025-08-07", "0.1"),
        ("openai", "gpt-4.1 gpt-4.1-mini o3 o3-2025-04-16 o4-mini", "0.25"),
        ("openai", "gpt-4o gpt-4o-mini-2024-07-18 o1 o3-mini", "0.5"),
        ("openai", "gpt-5-pro gpt-5.2-pro gpt-5.4-pro gpt-5.5-pro", "1"),
        ("openai-5.6", "gpt-5.6 gpt-5.6-luna gpt-6-sol gpt-6-astra", "0.1"),
        ("openai-5.6", "gpt-6.1-sol gpt-6.1-terra", "0.05"),
        ("gemini-implicit", "gemini-2.5-pro gemini-3.6-flash", "0.1"),
        ("gemini-implicit", "gemini-4-argon", "0.05"),
        ("glm", "glm-4.6 glm-5.1 glm-5.3", "0.18"),
        ("glm", "glm-5 glm-5.3-flash", "0.2"),
        ("cerebras", "gpt-oss-120b", "1"),
        ("kimi", "kimi-k3 moonshotai/kimi-k3.1-pro", "0.1"),
    ],
)
def test_the_read_multiplier_of_a_model(policy: str, models: str, read: str) -> None:
    assert {multipliers_of(POLICIES[policy], model).read for model in models.split()} == {Decimal(read)}


@pytest.mark.parametrize(
    ("policy", "model", "writes"),
    [
        ("anthropic", "claude-opus-5", {"5m": "1.25", "1h": "2"}),
        ("bedrock", "anthropic.claude-sonnet-4-5", {"5m": "1.25", "1h": "2"}),
        ("bedrock", "anthropic.claude-opus-4-1", {"5m": "1.25"}),
        ("openai-5.6", "gpt-6-sol", {"30m": "1.25", "12h": "2.5"}),
        ("openai", "gpt-5.4", {"24h": None, "in_memory": None}),
        ("openai", "gpt-4o", {"in_memory": None}),
        ("kimi", "kimi-k3", {"5m": "1", "1h": "2", "automatic": None}),
        ("kimi", "kimi-k2.6", {"automatic": None}),
        ("qwen-explicit", "qwen3-max", {"5m": "1.25"}),
        ("vllm", "any", {}),
    ],
)
def test_the_write_multipliers_of_a_model(policy: str, model: str, writes: dict[str, str | None]) -> None:
    expected = {name: None if times is None else Decimal(times) for name, times in writes.items()}
    assert multipliers_of(POLICIES[policy], model).writes == expected


@pytest.mark.parametrize(
    ("policy", "model", "asked", "name", "seconds", "at_most"),
    [
        ("anthropic", "claude-opus-5", "", "5m", 300, None),
        ("anthropic", "claude-opus-5", "1h", "1h", 3600, None),
        ("anthropic-1h", "claude-opus-5", "", "1h", 3600, None),
        ("bedrock", "anthropic.claude-opus-4-1", "1h", "5m", 300, None),
        ("openai", "gpt-5.4-2026-03-05", "", "24h", 1800, 86400),
        ("openai", "gpt-5.1-codex", "", "24h", 1800, 86400),
        ("openai", "gpt-5-codex", "in_memory", "in_memory", 300, 3600),
        ("openai", "gpt-5-mini", "", "in_memory", 300, 3600),
        ("openai", "gpt-4o", "24h", "in_memory", 300, 3600),
        ("openai-5.6", "gpt-6-sol", "", "30m", 1800, None),
        ("groq", "gpt-oss-20b", "", "idle", 7200, None),
    ],
)
def test_the_time_to_live_of_a_model(
    policy: str, model: str, asked: str, name: str, seconds: int, at_most: int | None
) -> None:
    ttl = ttl_of(POLICIES[policy], model, asked)
    assert ttl is not None
    assert (ttl.name, ttl.seconds, ttl.at_most) == (name, seconds, at_most)


def test_an_engine_keeps_until_it_evicts() -> None:
    assert ttl_of(POLICIES["vllm"], "any") is None


@pytest.mark.parametrize(
    ("model", "day", "dollars"),
    [
        ("gemini-2.5-flash", date(2027, 1, 1), "1.00"),
        ("gemini-2.5-pro", date(2026, 11, 1), "4.50"),
        ("gemini-3.6-flash", date(2026, 12, 31), "0.50"),
        ("gemini-3.6-flash", date(2027, 1, 1), "1.00"),
        ("gemini-2.5-flash-lite", date(2026, 11, 1), None),
    ],
)
def test_the_price_of_keeping(model: str, day: date, dollars: str | None) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    listed = overlay.storage_of(POLICIES["gemini-explicit"].storage, model, noon)
    assert (listed.hourly if listed else None) == (None if dollars is None else Decimal(dollars))


@pytest.mark.parametrize(
    ("policy", "values", "day", "expected"),
    [
        ("anthropic", {}, date(2026, 9, 15), False),
        ("anthropic", {}, date(2026, 9, 16), True),
        ("anthropic", {}, None, True),
        ("anthropic", {"anthropic.collapse_tool_runs": "on"}, date(2026, 1, 1), True),
        ("anthropic", {"anthropic.collapse_tool_runs": "off"}, date(2026, 11, 1), False),
        ("bedrock", {}, date(2026, 11, 1), False),
        ("bedrock", {"anthropic.collapse_tool_runs": "since"}, date(2026, 11, 1), True),
        ("qwen-explicit", {}, None, False),
    ],
)
def test_tool_runs_collapse_from_a_day_on(
    policy: str, values: dict[str, str], day: date | None, expected: bool
) -> None:
    assert collapses(apply(POLICIES[policy], values), day) is expected


@pytest.mark.parametrize(
    ("setting", "level"),
    [
        ("model", "tools"), ("speed", "system"), ("web_search", "system"), ("web_fetch", "system"),
        ("citations", "system"), ("tool_choice", "messages"), ("disable_parallel_tool_use", "messages"),
        ("images", "messages"), ("thinking", "messages"), ("effort", "messages"),
    ],
)  # fmt: skip
def test_what_a_setting_invalidates_at_anthropic(setting: str, level: str) -> None:
    assert {salt.name: salt.level for salt in POLICIES["anthropic"].salts}[setting] == level


# ---------------------------------------------------------------- who falls under which


@pytest.mark.parametrize(
    ("provider", "model", "api", "expected"),
    [
        ("anthropic", "claude-opus-5", "anthropic", "anthropic"),
        ("bedrock", "us.anthropic.claude-opus-4-5-20251101-v1:0", "openai-chat", "bedrock"),
        ("bedrock", "arn:aws:bedrock:us-east-1:0:application-inference-profile/ab12", "anthropic", "bedrock"),
        ("bedrock", "amazon.nova-pro-v1:0", "openai-chat", "bedrock-nova"),
        ("bedrock", "meta.llama4-maverick", "openai-chat", None),
        ("bedrock", "openai.gpt-5.6-luna", "openai-responses", None),
        ("vertex", "claude-opus-4-5@20251101", "anthropic", "vertex"),
        ("google", "claude-sonnet-5", "", "vertex"),
        ("azure", "my-own-claude", "anthropic", "foundry"),
        ("azure", "claude-sonnet-5", "anthropic", "foundry"),
        ("azure", "gpt-4o", "openai-chat", "azure"),
        ("azure", "our-deployment", "openai-chat", "azure"),
        ("azure", "gpt-5.6-sol", "openai-responses", "openai-5.6"),
        ("openai", "gpt-5.5-2026-04-23", "openai-responses", "openai"),
        ("openai", "gpt-5.6", "openai-responses", "openai-5.6"),
        ("openai", "gpt-6.1-terra", "openai-responses", "openai-5.6"),
        ("openai", "gpt-5.10-sol", "openai-responses", "openai-5.6"),
        ("openai", "gpt-5.3-codex", "openai-responses", "openai"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:us:x", "openai-chat", "openai"),
        ("openai", "o3", "openai-chat", "openai"),
        ("openai", "gpt-4-0613", "openai-chat", None),
        ("openai", "llama-3.3-70b", "openai-chat", None),
        ("OpenRouter", "openai/gpt-5.6-sol", "openai-chat", "openai-5.6"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "openai-chat", "anthropic"),
        ("openrouter", "google/gemini-2.5-flash", "openai-chat", "gemini-implicit"),
        ("openrouter", "x-ai/grok-4.6", "openai-chat", "xai"),
        ("openrouter", "deepseek/deepseek-v4-flash", "openai-chat", "openrouter"),
        ("openrouter", "openai/gpt-oss-120b", "openai-chat", "openrouter"),
        ("google", "gemini-3-pro-preview", "gemini", "gemini-implicit"),
        ("google", "gemini-2.0-flash", "gemini", None),
        ("deepseek", "deepseek-chat", "openai-chat", "deepseek"),
        ("moonshot", "kimi-k3", "openai-chat", "kimi"),
        ("alibaba", "qwen3-coder-plus", "openai-chat", "qwen-implicit"),
        ("zai", "glm-5.3", "anthropic", "glm"),
        ("groq", "openai/gpt-oss-120b", "openai-chat", "groq"),
        ("vllm", "qwen3-32b", "openai-chat", "vllm"),
        ("", "glm-4.6", "anthropic", None),
        ("", "claude-opus-4-6", "anthropic", "anthropic"),
        ("", "", "", None),
        ("ollama", "llama3", "openai-chat", None),
    ],
)
def test_the_policy_of_a_request(provider: str, model: str, api: str, expected: str | None) -> None:
    assert policy_of(provider, model, api) == expected
    assert expected is None or expected in POLICIES


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("alibaba", "qwen3-coder-plus", "qwen-explicit"),
        ("google", "gemini-2.5-pro", "gemini-explicit"),
        ("anthropic", "claude-opus-5", "anthropic"),
        ("", "", None),
    ],
)
def test_markers_choose_the_explicit_policy(provider: str, model: str, expected: str | None) -> None:
    assert policy_of(provider, model, explicit=True) == expected


# ---------------------------------------------------------------- lengths

INTERVAL = {"openai.gen1_grid": "2048", "openai.gen1_hidden": "100"}


@pytest.mark.parametrize(
    ("policy", "values", "matched", "total", "served"),
    [
        ("openai", {}, 1023, 9000, 0),
        ("openai", {}, 1024, 9000, 1024),
        ("openai", {}, 1151, 9000, 1024),
        ("openai", {}, 1152, 9000, 1152),
        ("openai", {}, 1400, 9000, 1280),
        ("openai", {}, 2000, 9000, 1920),
        ("openai", {}, 5000, 9000, 4992),
        ("openai", {}, 1024, 1024, 1024),
        ("openai", INTERVAL, 1900, 20_000, 0),
        ("openai", INTERVAL, 1948, 20_000, 1920),
        ("openai", INTERVAL, 5000, 20_000, 3968),
        ("openai", INTERVAL, 10_000, 20_000, 8064),
        ("openai", {"openai.gen1_minimum": "2048"}, 2000, 9000, 0),
        ("openai", {"openai.gen1_minimum": "2048"}, 2048, 9000, 2048),
        ("azure", {}, 3000, 9000, 2944),
        ("azure", {}, 1023, 9000, 0),
        ("vllm", {}, 1600, 1600, 1584),
        ("vllm", {}, 1601, 1601, 1600),
        ("vllm", {}, 1590, 1650, 1584),
        ("sglang", {}, 1600, 1600, 1599),
        ("sglang", {"sglang.page": "64"}, 1600, 1600, 1536),
        ("sglang", {"sglang.page": "64"}, 1600, 1650, 1600),
        ("lmdeploy", {}, 1600, 1600, 1536),
        ("lmdeploy", {}, 1601, 1601, 1600),
        ("lmcache", {}, 1600, 1600, 1536),
        ("deepseek", {}, 1000, 1400, 960),
        ("deepseek", {"deepseek.unit": "1"}, 1000, 1400, 1000),
        ("tensorrt-llm", {}, 1590, 1650, 1590),
        ("tensorrt-llm", {}, 1600, 1600, 1599),
        ("openai-5.6", {}, 12_000, 15_000, 12_000),
        ("openai-5.6", {}, 1000, 1000, 0),
        ("gemini-implicit", {}, 2047, 20_000, 0),
        ("gemini-implicit", {}, 18_000, 20_000, 18_000),
        ("cerebras", {"cerebras.block": "600"}, 1300, 2000, 1200),
        ("vllm", {}, 0, 0, 0),
    ],
)
def test_the_tokens_served(policy: str, values: dict[str, str], matched: int, total: int, served: int) -> None:
    assert cacheable(apply(POLICIES[policy], values), "gpt-4o", matched, total) == served


def test_the_minimum_of_the_model_decides() -> None:
    anthropic = POLICIES["anthropic"]
    assert [cacheable(anthropic, model, 4000, 4100) for model in ("claude-opus-4-6", "claude-sonnet-5")] == [0, 4000]


@given(st.sampled_from(sorted(POLICIES)), st.integers(0, 300), st.integers(0, 20_000), st.integers(0, 20_000))
def test_no_more_is_served_than_agrees_and_never_less_for_a_longer_match(
    name: str, hidden: int, one: int, other: int
) -> None:
    policy = POLICIES[name]
    if policy.grid:
        policy = replace(policy, grid=replace(policy.grid, hidden=hidden))
    less, more = sorted((one, other))
    assert 0 <= cacheable(policy, "", less, more) <= less
    assert cacheable(policy, "", less, 20_000) <= cacheable(policy, "", more, 20_000)


# ---------------------------------------------------------------- switches


@pytest.mark.parametrize(("policy", "switch"), SWITCHES)
def test_the_default_of_a_switch_is_what_the_policy_says(policy: str, switch: str) -> None:
    own = {entry.name: entry for entry in POLICIES[policy].switches}[switch]
    assert with_switch(POLICIES[policy], switch, own.default) == POLICIES[policy]
    assert own.choices or own.sets


@pytest.mark.parametrize(("policy", "switch"), SWITCHES)
def test_every_other_choice_changes_the_policy_and_is_kept(policy: str, switch: str) -> None:
    before = POLICIES[policy]
    own = {entry.name: entry for entry in before.switches}[switch]
    for choice in set(own.choices) - {own.default}:
        after = with_switch(before, switch, choice)
        assert replace(after, switches=before.switches) != before
        assert {entry.name: entry.value for entry in after.switches}[switch] == choice


@pytest.mark.parametrize(
    ("policy", "switch", "value", "attribute", "expected"),
    [
        ("anthropic", "anthropic.lookback", "21", "lookback", 21),
        ("anthropic", "anthropic.images_policy", "any_change", "images", "any_change"),
        ("vertex", "anthropic.refresh", "hit_only", "refresh", "hit_only"),
        ("gemini-implicit", "gemini.implicit_hit_probability", "0.6", "hit_probability", 0.6),
        ("azure", "azure.hit_probability", "0.001", "hit_probability", 0.001),
        ("qwen-implicit", "qwen.implicit_minimum", "1024", "minimum", 1024),
        ("groq", "expiry", "inclusive", "expiry", "inclusive"),
    ],
)
def test_a_switch_sets_a_value(policy: str, switch: str, value: str, attribute: str, expected: object) -> None:
    assert getattr(with_switch(POLICIES[policy], switch, value), attribute) == expected


def test_switches_reach_into_rows() -> None:
    assert minimum_of(with_switch(POLICIES["bedrock"], "bedrock.min_opus_4_7", "4096"), "claude-opus-4-7") == 4096
    preview = with_switch(POLICIES["anthropic"], "anthropic.min_overrides", "litellm")
    assert minimum_of(preview, "claude-mythos-preview") == 512
    dear = with_switch(POLICIES["openai-5.6"], "openai.ttl12h_multiplier", "3.5")
    assert multipliers_of(dear, "gpt-6-sol").writes == {"30m": Decimal("1.25"), "12h": Decimal("3.5")}
    whole = with_switch(POLICIES["anthropic"], "anthropic.thinking_scope", "all")
    assert {salt.name for salt in whole.salts if salt.level == "tools"} == {"model", "thinking", "effort"}
    guess = with_switch(POLICIES["gemini-implicit"], "gemini.implicit_ttl", "600")
    assert [ttl.seconds for ttl in guess.ttls] == [600]
    for value, argon, flash in (("1024", 1024, 1024), ("2048", 2048, 2048), ("6144", 6144, 2048)):
        other = with_switch(POLICIES["gemini-implicit"], "gemini.minimum", value)
        assert (minimum_of(other, "gemini-4-argon"), minimum_of(other, "gemini-2.5-flash")) == (argon, flash)


@pytest.mark.parametrize(
    ("policy", "switch", "value", "complaint"),
    [
        ("anthropic", "anthropic.lokback", "21", "did you mean anthropic.lookback"),
        ("vllm", "anthropic.lookback", "21", "vllm has no switch anthropic.lookback"),
        ("anthropic", "anthropic.lookback", "many", r"anthropic.lookback=many: .*the default is 20"),
        ("anthropic", "anthropic.refresh", "sometimes", "it is one of own_breakpoints, hit_only"),
        ("gemini-implicit", "gemini.implicit_hit_probability", "70", r"<= 1.0; the default is 0.7"),
        ("openai-5.6", "openai.ttl12h_multiplier", "-1", "not be negative"),
        ("sglang", "sglang.page", "0", ">= 1"),
    ],
)
def test_a_wrong_switch_says_what_to_do(policy: str, switch: str, value: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        with_switch(POLICIES[policy], switch, value)


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("columns", [80, 140])
def test_the_table_fits_and_names_every_policy(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    command()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in lines[1 : len(POLICIES) + 1]] == list(POLICIES)


@pytest.mark.parametrize("name", POLICIES)
def test_a_sheet_says_all_of_a_policy(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command(name)
    out = capsys.readouterr().out
    policy, words = POLICIES[name], " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    assert all(switch.name in out for switch in policy.switches)
    assert all(note in words for note in policy.notes)
    assert f"checked {policy.checked}" in words
