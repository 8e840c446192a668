"""Every recorded log, read and evaluated as a user would: its numbers are those that were counted independently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from tests.reading import SHARED, needs_shared

from agentcost.commands.asked import Asked
from agentcost.commands.report import evaluated
from agentcost.record import Record
from agentcost.results import KIND_COLUMNS, Analysis

pytestmark = needs_shared

Truth = Mapping[str, Any]

CLAUDE_CODE, PI, GEMINI_CLI = "sessions/claude-code/*.jsonl", "sessions/pi/*.jsonl", "sessions/gemini-cli/*.json"
CLAUDE, CODEX = "sessions/tracelab/tracelab-claude.jsonl", "sessions/tracelab/tracelab-codex.jsonl"
MINI, TRAJECTORIES = "trajectories/mini-swe-agent/*.json", "trajectories/swe-agent/*.traj"
BLOCKS, GATEWAY, PAIRS = "hash-block/kv-cache-tester/*.json", "gateway/*/*.jsonl", "cassettes/pairs.jsonl"
OPENHANDS, EVALUATIONS = "raw-http/openhands-litellm", "eval-logs/inspect_ai"

COLUMNS = {
    GATEWAY: "input=prompt_tokens,cached=cache_read_tokens,output=completion_tokens,cost=cost,client=provider,"
    "session=request"
}
"""What a user says of a table that no reader knows."""


@cache
def truths(name: str) -> Truth:
    """What was counted in one set of logs."""
    found: Truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"][name]
    return found


@cache
def read(log: str, where: str) -> tuple[Record, Analysis]:
    """A recorded log, folder or glob, and its evaluation over the requests that pass."""
    path, chosen = str(SHARED / log), (where,) if where else ()
    return evaluated(Asked((path,), where=chosen, columns=COLUMNS.get(log, ""), cache=False), quiet=True, save="")


def tables(log: str, where: str = "") -> dict[str, pl.DataFrame]:
    """The tables of that evaluation."""
    return read(log, where)[1].tables


# --- requests and tokens -------------------------------------------------------------------------------------------

DISTINCT = {
    "requests": "requests", "prompt": "context_total", "read": "cache_read", "write": "cache_write",
    "write_5m": "cache_write_5m", "write_1h": "cache_write_1h", "plain": "input_uncached", "output": "output",
}  # fmt: skip
CALLS = {
    "requests": "requests", "prompt": "input_total", "read": "cached_read", "write": "cache_write",
    "plain": "input_uncached", "output": "output"}  # fmt: skip
"""Our columns, and what two families of truths call them."""


def sums(rows: pl.DataFrame, names: Iterable[str]) -> dict[str, int]:
    """Requests, and the sums of some columns over them."""
    return {name: len(rows) if name == "requests" else int(rows[name].sum()) for name in names}


def named(truth: Truth, names: Mapping[str, str]) -> dict[str, int]:
    """A truth under our names."""
    return {ours: truth[theirs] for ours, theirs in names.items()}


@dataclass(frozen=True)
class Set:
    """A log, what was counted in it, and the quantiles of its input, where it has them."""

    log: str
    wanted: Mapping[str, int]
    quantiles: Truth | None = None
    where: str = ""


def sessions() -> dict[str, Set]:
    """Transcripts."""
    main, [pi] = truths("claude-code"), truths("pi").values()
    side = main["subagent_requests_in_agent_progress_lines"]
    claude, [codex] = truths("tracelab")["tracelab-claude.jsonl"], truths("codex").values()
    billed, spent = codex["sums_of_last_token_usage"], pi["tokens"]
    gemini = sum((Counter(turns["tokens"]) for turns in truths("gemini-cli").values()), Counter[str]())
    return {
        "claude-code": Set(CLAUDE_CODE, named(main["distinct"], DISTINCT), main["distinct"]["context"], "role=main"),
        "claude-code, sub-agents": Set(CLAUDE_CODE, named(side, DISTINCT), side["context"], "role=subagent"),
        "tracelab, claude": Set(CLAUDE, named(claude, DISTINCT), claude["context"]),
        "tracelab, codex": Set(CODEX, {
            "requests": codex["requests"], "prompt": billed["input_tokens"], "read": billed["cached_input_tokens"],
            "write": 0, "plain": codex["uncached_input"], "output": billed["output_tokens"],
            "reasoning": billed["reasoning_output_tokens"],
        }, codex["input"]),
        "pi": Set(PI, {
            "requests": pi["requests"], "prompt": pi["context"]["sum"], "read": spent["cacheRead"],
            "write": spent["cacheWrite"], "plain": spent["input"], "output": spent["output"],
        }, pi["context"]),
        "gemini-cli": Set(GEMINI_CLI, {
            "requests": sum(turns["model_turns_with_tokens"] for turns in truths("gemini-cli").values()),
            "prompt": gemini["input"], "read": gemini["cached"], "write": 0,
            "output": gemini["output"] + gemini["thoughts"], "reasoning": gemini["thoughts"],
        }),
    }  # fmt: skip


def others() -> dict[str, Set]:
    """Trajectories, traces of blocks, tables of counts, captured requests. Blocks and counts tell no cache classes."""
    mini, kv, [gateway] = truths("mini-swe-agent"), truths("kv-cache-tester"), truths("gateway").values()
    calls = sum((Counter(named(truth, CALLS)) for truth in truths("openhands").values()), Counter[str]())
    found = {
        "mini-swe-agent": Set(MINI, {
            "requests": mini["requests"], "prompt": mini["prompt_tokens"], "read": mini["cached_tokens"], "write": 0,
            "plain": mini["uncached_prompt_tokens"], "output": mini["completion_tokens"],
            # one row tells of 93 reasoning tokens in an output of 45: no more than the output is taken
            "reasoning": mini["of_which_reasoning"] - (93 - 45),
        }, mini["prompt"]),
        "kv-cache-tester": Set(BLOCKS, {
            "requests": kv["requests"], "prompt": kv["input_tokens"], "output": kv["output_tokens"],
        }, kv["input"]),
        "gateway": Set(GATEWAY, {
            "requests": gateway["rows"], "prompt": gateway["prompt_tokens"], "read": gateway["cache_read_tokens"],
            "output": gateway["completion_tokens"],
        }),
        "openhands": Set(OPENHANDS, calls),
    }  # fmt: skip
    for name, truth in truths("mooncake").items():
        wanted = {"requests": truth["requests"], "prompt": truth["input"]["sum"], "output": truth["output"]["sum"]}
        found[name] = Set(f"hash-block/mooncake/{name}", wanted, truth["input"])
    for name, truth in truths("azure-llm").items():
        wanted = {"requests": truth["rows"], "prompt": truth["context"]["sum"], "output": truth["generated"]["sum"]}
        found[name] = Set(f"counts-only/azure-llm/{name}", wanted, truth["context"])
    evaluations = [truth for truth in truths("inspect_ai").values() if "model_events" in truth]
    found["inspect_ai"] = Set(EVALUATIONS, {
        "requests": sum(truth["with_usage"] for truth in evaluations),
        "prompt": sum(truth["input"] for truth in evaluations), "read": sum(truth["cached"] for truth in evaluations),
        "output": sum(truth["output"] for truth in evaluations),
    })  # fmt: skip
    captures = {name: Set(f"raw-http/{name}", named(truth, CALLS)) for name, truth in truths("raw-http").items()}
    return found | captures


SETS = sessions() | others() if SHARED.is_dir() else {}
LOGS = sorted({found.log for found in SETS.values()} | {PAIRS, TRAJECTORIES})
every_log = pytest.mark.parametrize("log", LOGS)


@pytest.mark.parametrize("found", SETS.values(), ids=list(SETS))
def test_requests_tokens_and_their_distribution(found: Set) -> None:
    known = tables(found.log, found.where)
    assert sums(known["requests"], found.wanted) == found.wanted
    if found.quantiles:
        rows = dict(known["distribution"].select("measure", "value").iter_rows())
        rows["over_128000"] = rows["above_128000"]
        measures = ("p10", "p50", "p90", "p99", "max", "over_128000")
        assert {key: rows[key] for key in measures} == {key: found.quantiles[key] for key in measures}


@every_log
def test_components_sum_to_the_bill_of_every_request(log: str) -> None:
    rows = tables(log)["requests"]
    assert rows.filter(pl.sum_horizontal(KIND_COLUMNS.values()) != pl.col("prompt")).is_empty()
    assert tables(log)["components"]["tokens"].sum() == rows["prompt"].sum()
    billed = Counter(request.usage.prompt for request in read(log, "")[0].requests if request.usage)
    assert Counter(rows.filter("billed")["prompt"]) == billed


@every_log
def test_every_record_is_accounted_for_and_none_is_skipped(log: str) -> None:
    found, rows = tables(log)["sources"], tables(log)["requests"]
    counted = pl.col("requests") + pl.col("duplicates") + pl.col("others") + pl.col("skipped")
    assert found.filter(pl.col("records") != counted).is_empty()
    assert found["skipped"].sum() == len(tables(log)["skipped"]) == 0
    assert dict(found.filter(pl.col("requests") > 0).select("source", "requests").iter_rows()) == Counter(
        rows["source"]
    )


# --- what else is known of a log -----------------------------------------------------------------------------------


def account(log: str) -> Counter[str]:
    """Records, requests and duplicates of a log, and its other records by what they are."""
    found = Counter({name: int(tables(log)["sources"][name].sum()) for name in ("records", "requests", "duplicates")})
    for _, what, count in tables(log)["others"].iter_rows():
        found[what] += count
    return found


def test_claude_code_repeats_and_other_records() -> None:
    truth, found = truths("claude-code"), account(CLAUDE_CODE)
    lines, side = truth["lines"], truth["subagent_requests_in_agent_progress_lines"]["requests"]
    # 45 records of progress are a sub-agent's: 23 tell of its tools' results, 22 of its calls, some of them twice
    assert (found["records"], found["duplicates"]) == (lines["records"], lines["repeat_lines"] + 22 - side)
    assert (found["requests"], found["progress"]) == (
        truth["distinct"]["requests"] + side,
        lines["progress_lines"] - 45,
    )
    assert found["message that no model wrote"] == lines["synthetic_lines"]
    assert (found["compaction"], found["summary of a compaction"]) == (1, 1)
    names = {ours: theirs for ours, theirs in DISTINCT.items() if ours not in ("prompt", "write")}
    files = tables(CLAUDE_CODE, "role=main")["requests"].group_by("source")
    per_file = {str(source).rpartition("/")[2]: sums(rows, names) for [source], rows in files}
    assert per_file == {name: named(own, names) for name, own in truth["per_file"].items()}


def test_records_of_other_sessions() -> None:
    claude = truths("tracelab")["tracelab-claude.jsonl"]["lines"]
    assert (account(CLAUDE)["records"], account(CLAUDE)["duplicates"]) == (claude["records"], claude["repeat_lines"])
    [pi], [codex] = truths("pi").values(), truths("codex").values()
    assert (account(PI)["records"], account(PI)["aborted turn"]) == (pi["records"], pi["zero_usage_turns"])
    assert account(CODEX)["records"] == codex["records"]
    assert account(BLOCKS)["sub-agent"] == truths("kv-cache-tester")["subagent_items"]
    assert account(GEMINI_CLI)["records"] == sum(turns["messages"] for turns in truths("gemini-cli").values())
    for name, truth in truths("azure-llm").items():
        assert account(f"counts-only/azure-llm/{name}")["records"] == truth["rows"] + 1


def test_models_tasks_and_gateways() -> None:
    assert Counter(tables(BLOCKS)["requests"]["model"]) == truths("kv-cache-tester")["requests_by_model"]
    names = {"requests": "requests", "prompt": "prompt", "read": "cached", "output": "completion"}
    for task, truth in truths("mini-swe-agent")["per_session"].items():
        assert sums(tables(MINI)["requests"].filter(task=task), names) == named(truth, names)
    [gateway] = truths("gateway").values()
    names = {"requests": "rows", "prompt": "prompt_tokens", "read": "cache_read_tokens"}
    for key, truth in gateway["by_gateway_and_position"].items():
        rows = tables(GATEWAY)["requests"].filter(client=key.split()[0], session=key.split()[1])
        assert sums(rows, names) == named(truth, names)
        assert len(rows.filter(pl.col("read") > 0)) == truth["with_cache_read"]
        cost = sum(map(Decimal, rows["recorded_cost"]), Decimal())
        assert round(cost, 9) == round(Decimal(str(truth["cost"])), 9)


def test_swe_agent_requests_are_the_steps_of_each_run() -> None:
    rows = tables(TRAJECTORIES)["sources"].select("source", "records", "requests").iter_rows()
    found = {source.rpartition("/")[2]: (records, calls) for source, records, calls in rows}
    # the run without a trajectory is a demonstration, of five answers
    assert found == {name: (run["history"], run["trajectory"] or 5) for name, run in truths("swe-agent").items()}


@pytest.mark.parametrize("name", list(truths("raw-http")) if SHARED.is_dir() else [])
def test_captured_calls_line_by_line(name: str) -> None:
    (record, analysis), truth = read(f"raw-http/{name}", ""), truths("raw-http")[name]
    tree, rows = record.tree, analysis.tables["requests"].sort("line")
    tools = {
        request.place.line: sum(tree.entry(node).level == "tools" for node in tree.path(request.node))
        for request in record.requests
    }
    assert {str(n): calls for n, calls in Counter(tools.values()).items()} == truth["requests_by_number_of_tools"]
    found = rows.filter(pl.col("line").is_in([line for line, count in tools.items() if count]))
    lines = found.select(pl.col("line") - 1, "plain", "write", "read", "output").rows()
    assert list(map(list, lines)) == truth["requests_with_tools_as_line0_uncached_written_read_output"]
    models = {str(model): sums(own, CALLS) for [model], own in rows.group_by("model")}
    assert models == {model: named(own, CALLS) for model, own in truth["by_model"].items()}


def test_every_call_of_openhands() -> None:
    for name, truth in truths("openhands").items():
        rows = tables(OPENHANDS)["requests"].filter(pl.col("source").str.ends_with(name))
        assert sums(rows, CALLS) == named(truth, CALLS)
        assert (float(rows["recorded_cost"][0] or 0) or None) == truth["recorded_cost"]


# --- cassettes -----------------------------------------------------------------------------------------------------

PROVIDERS = {
    "openai": "openai", "anthropic": "anthropic", "google": "gemini", "vertex": "vertex", "deepseek": "deepseek",
    "openrouter": "openrouter", "groq": "groq", "mistral": "mistral", "bedrock": "bedrock"}  # fmt: skip
BESIDE = {
    "openai": Counter(requests=-3, prompt=-57 - 107 - 12, plain=-57 - 107 - 12, output=-17 - 15 - 5),
    "bedrock": Counter(requests=2, prompt=5 + 5, plain=5 + 5, output=10 + 10),
}
"""Calls of OpenAI that two cassettes hold: by the provider's id they count once. Titan and Llama count tokens under
names of their own, which the truths leave out."""

UNBILLED = {
    85: "a stream that was cut", 243: "a stream that ended in an error", 274: "a bill of zeros",
    46: "Command R", 47: "Command Light", 49: "Mistral 7B",
}  # fmt: skip
"""Of Bedrock's text models the bill of three stood in the headers, which the pairs leave out."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_cassettes_by_provider(provider: str) -> None:
    rows = tables(PAIRS)["requests"].filter("billed", pl.col("provider") == provider)
    wanted = named(truths("cassettes")["by_provider"][PROVIDERS[provider]], CALLS)
    beside = BESIDE.get(provider, Counter[str]())
    assert sums(rows, CALLS) == {key: tokens + beside[key] for key, tokens in wanted.items()}


def test_cassettes_that_are_no_billed_request() -> None:
    rows, rest = tables(PAIRS)["requests"], Counter[str]()
    for line, text in enumerate((SHARED / PAIRS).read_text().splitlines(), 1):
        pair = json.loads(text)
        url = pair["request"]["url"]
        if line not in rows["line"]:
            last = url.rpartition("/")[2].partition("?")[0]
            rest["failed" if pair["response"]["status_code"] >= 400 else last] += 1
    # the copies, and content that was stored to be read from the cache
    assert rest == {"failed": 9, "count_tokens": 3, "completions": account(PAIRS)["duplicates"], "cachedContents": 1}
    assert set(rows.filter(~pl.col("billed"), pl.col("provider").is_in(list(PROVIDERS)))["line"]) == set(UNBILLED)
