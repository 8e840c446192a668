"""The gate: what fails, warns and is not applicable, what it exits with, and that it never passes without looking."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from tests.gates import GATE, SCENARIOS, command, pair, printed, run
from tests.reading import FIXTURES

from agentcost.errors import AgentcostError, UsageError
from agentcost.gate.baseline import VERSION, Baseline, dump, load
from agentcost.gate.verdicts import Judgement
from agentcost.gate.words import verdict
from agentcost.judging.budget import Budget, read_budget, read_limit
from agentcost.judging.comments import judged_github, judged_json, judged_junit, judged_markdown
from agentcost.judging.starter import starter
from agentcost.judging.verdict import judge
from agentcost.main import app
from agentcost.views.check import check as view

HEAD = GATE / "tool-added" / "head.jsonl"
BASE = GATE / "tool-added" / "base.jsonl"
LOGS = {
    "gate": HEAD, "quickstart": GATE.parent / "quickstart.jsonl", "blocks": GATE.parent / "mooncake" / "bailian.jsonl",
    "counts": GATE.parent / "table" / "azure.csv", "transcript": GATE.parent / "claude-code" / "session.jsonl",
}  # fmt: skip

BODY = {
    "model": "claude-sonnet-4-5", "max_tokens": 9, "system": "You help.",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"name": "bash", "description": "Runs a command.", "input_schema": {"type": "object"}}],
}  # fmt: skip
LIST = {"result": {"tools": [{"name": "find", "description": "Finds parcels.", "inputSchema": {"type": "object"}}]}}


def limits(*texts: str, **more: object) -> Budget:
    return replace(Budget("--limit", tuple(map(read_limit, texts))), **more)  # type: ignore[arg-type]


def statuses(budget: Budget, head: Baseline, base: Baseline | None = None) -> list[str]:
    return [one.status for one in judge(budget, head, base)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("fixed_prefix_tokens<=1000", "fail"), ("fixed_prefix_tokens<=9000", "ok"),
        ("warn:fixed_prefix_tokens<=1", "warn"), ("fixed_prefix_tokens+<=100", "fail"),
        ("fixed_prefix_tokens+<=200", "ok"), ("fixed_prefix_tokens+<=5%", "fail"),
        ("fixed_prefix_tokens+<=15%", "ok"), ("tool_tokens[hold_at_counter]<=187", "fail"), ("tool_tokens<=188", "ok"),
        ("tool_tokens+<=0", "fail"), ("tool_tokens[track_*]+<=0", "ok"), ("never_called_tools<=3", "fail"),
        ("input_tokens_p50<=3000", "ok"), ("input_tokens_p90<=2000", "fail"), ("share_above[2000]<=0.5", "fail"),
        ("share_above[64000]<=0", "ok"), ("hit_rate>=0.9", "ok"), ("hit_rate>=0.95", "fail"), ("hit_rate-<=0", "ok"),
        ("misses[system_changed]<=0", "ok"), ("misses<=0", "ok"), ("misses[first_request]<=0.01", "fail"),
        ("cost_per_session<=0.02", "ok"), ("cost_per_session<=0.01", "fail"), ("cost_per_request<=0.001", "fail"),
        ("cost_per_task<=0.02", "ok"), ("cost_per_task+<=1%", "fail"), ("unpriced_models<=0", "ok"),
        ("kv_bytes_per_session[qwen3-30b-a3b]<=100MiB", "fail"), ("kv_bytes_per_session[qwen3-30b-a3b]<=1GiB", "ok"),
        ("hit_rate[deepseek]>=0.1", "ok"),
        ("cacheable_share>=0.9", "ok"), ("cacheable_share>=0.99", "fail"), ("cacheable_share-<=0", "ok"),
    ],
)  # fmt: skip
def test_every_limit(limit: str, expected: str) -> None:
    budget = limits(limit)
    base = run(BASE, wanted=budget.wanted)
    head = run(HEAD, tuple(base.rulers), budget.wanted)
    found = judge(budget, head, base)
    assert {one.status for one in found} == {expected}
    assert all(one.value is not None for one in found)


def test_a_tool_is_as_large_as_in_the_report_on_tools() -> None:
    """Both count what the template puts around it; a prompt's lengths are rounded along its path."""
    figures = {one.of: one.value for one in run(LOGS["quickstart"]).figures if one.metric == "tool_tokens"}
    tools = json.loads(command("tools", LOGS["quickstart"], "--json", "--no-cache")[1])["tables"]["tools"]
    sizes = {row["tool"]: row["schema_tokens"] for row in tools if row["schema_tokens"] is not None}
    assert set(figures) == set(sizes)
    assert all(abs(int(figures[name] or 0) - size) <= 1 for name, size in sizes.items())


def test_a_breach_names_everything() -> None:
    base, head = pair("tool-added")
    (one,) = judge(limits("fixed_prefix_tokens+<=100"), head, base)
    assert (one.limit, one.value, one.baseline) == (
        "fixed_prefix_tokens increase 100 tokens",
        Decimal(1625),
        Decimal(1437),
    )
    assert one.culprit == "tool hold_at_counter added (+188)"
    assert one.where.endswith("tool-added/head.jsonl:1")


@pytest.mark.parametrize(
    ("scenario", "limit", "culprit"),
    [
        ("tool-added", "cost_per_session+<=0", "tool hold_at_counter added (188 tokens)"),
        ("mcp-enabled", "server_tokens+<=0", "MCP server maps added, 6 tools (+634)"),
        ("mcp-enabled", "fixed_prefix_tokens+<=0", "MCP server maps added, 6 tools (+634)"),
        ("description-doubled", "tool_tokens+<=0", "tool track_parcel grown (+61)"),
        ("timestamp", "misses+<=0", "31 of 32 requests, system prompt block 2 (timestamp)"),
        ("timestamp", "cost_per_session+<=0", "system prompt block 2 (holds a timestamp) breaks the cache"),
        ("history-not-truncated", "input_tokens_p90+<=0", "history: tool results of track_parcel"),
        ("model-switched", "cost_per_request+<=10%", "model claude-sonnet-4-5-20250929 → claude-opus-4-1-20250805"),
    ],
)
def test_the_first_line_names_the_culprit(scenario: str, limit: str, culprit: str) -> None:
    base, head = pair(scenario)
    found = Judgement("b.toml", ("head.jsonl",), head.requests, False, judge(limits(limit), head, base))
    assert found.failed
    assert culprit in verdict(found)
    assert culprit in verdict(found, public=True)
    assert culprit in printed(view(found, 400), 400).splitlines()[0]


# --- no vacuous pass --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [
        ("server_tokens<=100", "server_tokens.*"), ("tool_tokens[nobody]<=100", "tool_tokens.nobody"),
        ("fixed_prefix_tokens+<=1", "no_baseline"), ("hit_rate[nobody]>=0.1", "hit_rate.nobody"),
    ],
)  # fmt: skip
def test_a_rule_that_matches_nothing_fails_unless_it_is_allowed(limit: str, allowed: str) -> None:
    head = pair("nothing")[1]
    assert statuses(limits(limit), head) == ["fail"]
    assert "fail" not in statuses(limits(limit, "unpriced_models<=0", allow=(allowed,)), head)
    assert statuses(limits(limit, allow=(allowed,)), head) == ["fail", "n/a"]  # no rule is left


def test_no_requests_fail_unless_allowed() -> None:
    nothing = Baseline()
    assert "fail" in statuses(limits("warn:unpriced_models<=0"), nothing)
    assert "no_requests" in judge(limits("warn:unpriced_models<=0"), nothing, None)[0].message


def test_nothing_priced_fails_unless_allowed() -> None:
    head = run(LOGS["counts"])
    assert head.requests == head.unpriced_requests
    assert statuses(limits("input_tokens_p50<=1GB".replace("GB", "000000")), head) == ["fail", "ok"]
    assert statuses(limits("input_tokens_p50<=1000000", allow=("unpriced",)), head) == ["ok"]
    assert statuses(limits("cost_per_session<=1", allow=("unpriced",)), head) == ["fail"]


def test_a_noisy_regression_fails_only_with_enough_requests_on_both_sides() -> None:
    base, head = pair("history-not-truncated")
    few = replace(base, requests=29)
    assert statuses(limits("input_tokens_p90+<=0"), head, base) == ["fail"]
    assert statuses(limits("input_tokens_p90+<=0"), head, few) == ["warn"]
    assert statuses(limits("input_tokens_p90+<=0", min_requests=20), head, few) == ["fail"]
    assert statuses(limits("input_tokens_p90<=10"), head, few) == ["fail"]  # an absolute limit is no regression
    grown = pair("tool-added")
    assert statuses(limits("fixed_prefix_tokens+<=0"), grown[1], replace(grown[0], requests=1)) == ["fail"]


# --- starter budgets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", LOGS)
def test_a_starter_budget_is_kept_by_its_own_run(log: str) -> None:
    head = run(LOGS[log])
    budget = read_budget(starter(head), "agentcost.toml")
    assert budget is not None
    assert [one for one in judge(budget, head, None) if one.status in ("fail", "warn")] == []


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with no budget above it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_exit_status() -> None:
    assert command("check", HEAD, "--no-cache", "--limit", "cost_per_session<=1")[0] == 0
    assert command("check", HEAD, "--no-cache", "--limit", "warn:cost_per_session<=0")[0] == 0
    assert command("check", HEAD, "--no-cache", "--limit", "cost_per_session<=0")[0] == 3
    for limit in ("cost_per_sesion<=0", "hit_rate[deepsek]>=0"):
        with pytest.raises(AgentcostError, match="did you mean"):
            command("check", HEAD, "--no-cache", "--limit", limit)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("hit_rate.anthropc = 0.3", "did you mean anthropic?"),
        ('kv_bytes_per_session."qwen3-30b-a3" = "2 GiB"', "did you mean qwen3-30b-a3b"),
        ('kv_bytes_per_session."qwen3-30b-a3b:fp9" = "2 GiB"', "did you mean fp8?"),
    ],
)
def test_a_name_that_there_is_not_is_an_error_of_the_budget(elsewhere: Path, limit: str, says: str) -> None:
    (elsewhere / "agentcost.toml").write_text(f"[fail]\n{limit}\n", encoding="utf-8")
    with pytest.raises(AgentcostError, match=says) as error:
        command("check", HEAD, "--no-cache")
    assert str(error.value).startswith("agentcost.toml: ")
    assert not isinstance(error.value, UsageError), "exit status 2 is for no budget at all"


def test_without_a_budget_it_prints_one(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="no budget"):
        app(["check", str(HEAD), "--no-cache"])
    (elsewhere / "agentcost.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert command("check", HEAD, "--no-cache")[0] == 0


def test_the_budget_is_looked_for_upward(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = elsewhere / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    (elsewhere / "pyproject.toml").write_text("[tool.agentcost.fail]\ncost_per_session = 0\n", encoding="utf-8")
    (elsewhere / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    status, text = command("check", HEAD, "--no-cache")
    assert (status, "budget ../../pyproject.toml" in text) == (3, True)
    (elsewhere / "a" / "agentcost.toml").write_text("[fail]\ncost_per_session = 1\n", encoding="utf-8")
    assert command("check", HEAD, "--no-cache")[0] == 0
    assert command("check", HEAD, "--no-cache", "--budget", elsewhere / "pyproject.toml")[0] == 3


def test_a_budget_names_its_baseline(elsewhere: Path) -> None:
    (elsewhere / "base.json").write_text(command("baseline", BASE, "--no-cache")[1], encoding="utf-8")
    text = 'baseline = "base.json"\n[fail]\nfixed_prefix_tokens = { increase = 100 }\n'
    (elsewhere / "agentcost.toml").write_text(text, encoding="utf-8")
    status, told = command("check", HEAD, "--no-cache")
    assert status == 3
    assert told.startswith("Over budget: tool hold_at_counter added (+188)")


def written(folder: Path, name: str, value: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body.json", BODY),
        ("tools.json", BODY["tools"]),
        ("wrapped.json", {"tools": BODY["tools"]}),
        ("mcp.json", LIST),
    ],
)
def test_static_inputs_are_gated_without_a_log(elsewhere: Path, name: str, value: object) -> None:
    path = written(elsewhere, name, value)
    budget = ["--model", "claude-sonnet-4-5", "--limit", "fixed_prefix_tokens<=5000", "--limit", "cost_per_session<=1"]
    status, text = command("check", path, "--no-cache", *budget, "--json")
    document = json.loads(text)
    assert (status, document["static"]) == (0, True)
    assert {one["metric"]: one["status"] for one in document["verdicts"]} == {
        "fixed_prefix_tokens": "ok", "cost_per_session": "n/a",
    }  # fmt: skip
    assert command("check", path, "--no-cache", "--model", "gpt-4o", "--limit", "tool_tokens<=3")[0] == 3
    assert command("check", path, "--no-cache", "--model", "gpt-4o", "--limit", "cost_per_session<=1")[0] == 3


def test_a_folder_of_tools_one_by_one_is_the_list_of_them(elsewhere: Path) -> None:
    folder = elsewhere / "tools"
    folder.mkdir()
    tools = BODY["tools"]
    assert isinstance(tools, list)
    for number, tool in enumerate(tools):
        written(folder, f"{number:02}.json", tool)
    given = ["--no-cache", "--model", "claude-sonnet-4-5", "--limit", "fixed_prefix_tokens<=1", "--json"]
    paths = (folder, written(elsewhere, "tools.json", tools))
    found = [json.loads(command("check", path, *given)[1])["verdicts"][0]["value"] for path in paths]
    assert found[0] == found[1] > 0
    (folder / "notes.txt").write_text("no tool", encoding="utf-8")
    with pytest.raises(AgentcostError, match="no agent log"):  # a folder with anything else is no folder of tools
        command("check", folder, *given)


@pytest.mark.parametrize("value", [[], {"tools": []}])
def test_an_empty_list_is_said_to_be_empty(elsewhere: Path, value: object) -> None:
    path = written(elsewhere, "tools.json", value)
    with pytest.raises(AgentcostError, match="an empty list"):
        command("check", path, "--model", "claude-sonnet-4-5", "--limit", "fixed_prefix_tokens<=9")


def test_without_limits_a_baseline_is_said_to_need_some(elsewhere: Path) -> None:
    path = written(elsewhere, "tools.json", BODY["tools"])
    with pytest.raises(UsageError, match=r"how much more than .*tools.json is too much; add --limit '\w+\+<=5%'"):
        command("check", path, "--model", "claude-sonnet-4-5", "--baseline", path)


def test_a_first_budget_fits_a_terminal() -> None:
    assert max(map(len, starter(run(GATE.parent / "quickstart.jsonl")).splitlines())) <= 80


SHOP = "You help the customers of a shop that sells books, in short sentences. "
FIND = {"type": "object", "properties": {"number": {"type": "string", "description": "The order's number."}}}
CHAT_TOOL = {"name": "find", "description": "Finds an order by its number.", "parameters": FIND}
USER = {"role": "user", "content": "Where is order 7?"}
MANY = [
    ("gpt-4o", "chat/completions", {"messages": [{"role": "system", "content": SHOP * 9}, USER]}),
    ("gpt-4o", "chat/completions", {"messages": [{"role": "developer", "content": SHOP}, USER, USER],
                                    "tools": [{"type": "function", "function": CHAT_TOOL}],
                                    "tool_choice": "required"}),
    ("gpt-4o", "responses", {"instructions": SHOP, "input": "Where is it?",
                             "tools": [{"type": "function", **CHAT_TOOL}]}),
    ("gpt-4o", "responses", {"input": [{"role": "developer", "content": SHOP}, USER]}),
    ("claude-sonnet-4-5", "messages", {"max_tokens": 9, "system": SHOP, "messages": [USER],
                                       "tools": [{"name": "find", "description": "Finds.", "input_schema": FIND}]}),
    ("gemini-2.5-pro", "models/gemini-2.5-pro:generateContent",
     {"systemInstruction": {"parts": [{"text": SHOP}]}, "contents": [{"role": "user", "parts": [{"text": "Where?"}]}],
      "tools": [{"functionDeclarations": [CHAT_TOOL]}]}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "call", "body"), MANY, ids=[f"{call}-{n}" for n, (_, call, _) in enumerate(MANY)])
def test_a_body_counts_as_the_same_request_does_in_a_log(
    elsewhere: Path, model: str, call: str, body: dict[str, object]
) -> None:
    own = body if "contents" in body else {"model": model, **body}
    path = written(elsewhere, "body.json", own)
    log = elsewhere / "log.jsonl"
    sent = {"url": f"https://host/v1/{call}", "timestamp": "2026-11-02T09:00:00Z", "request": own}
    log.write_text(json.dumps(sent) + "\n", encoding="utf-8")
    asked = ["--no-cache", "--model", model, "--limit", "fixed_prefix_tokens<=1", "--json"]
    found = [json.loads(command("check", file, *asked)[1]) for file in (path, log)]
    assert [one["static"] for one in found] == [True, False]
    values = [verdict["value"] for one in found for verdict in one["verdicts"] if verdict["limit"].startswith("fixed")]
    assert len(values) == 2
    assert values[0] == values[1] > 15


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro"])
def test_a_tool_counts_the_same_in_a_list_and_in_a_body(elsewhere: Path, model: str) -> None:
    tool = {"name": "find", "description": "Finds.", "inputSchema": FIND}
    chat = {"name": "find", "description": "Finds.", "parameters": FIND}
    bodies = {
        "gpt-4o": {"messages": [USER], "tools": [{"type": "function", "function": chat}]},
        "claude-sonnet-4-5": {"messages": [USER], "max_tokens": 9, "tools": [
            {"name": "find", "description": "Finds.", "input_schema": FIND}]},
        "gemini-2.5-pro": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}],
                           "tools": [{"functionDeclarations": [chat]}]},
    }  # fmt: skip
    files = [
        written(elsewhere, "list.json", {"result": {"tools": [tool]}}),
        written(elsewhere, "body.json", {**bodies[model], "model": model}),
    ]
    asked = ["--no-cache", "--model", model, "--limit", "tool_tokens<=1", "--json"]
    values = [json.loads(command("check", file, *asked)[1])["verdicts"][0]["value"] for file in files]
    assert values[0] == values[1]


def test_a_tools_list_needs_a_model_and_may_name_its_server(elsewhere: Path) -> None:
    path = written(elsewhere, "mcp.json", LIST)
    with pytest.raises(AgentcostError, match="names no model"):
        command("check", path, "--limit", "tool_tokens<=300")
    status, text = command("check", f"post={path}", "--model", "gpt-4o", "--limit", "server_tokens[post]<=1", "--json")
    (one,) = json.loads(text)["verdicts"]
    assert status == 3
    assert one["of"] == "post"


def test_a_prompt_change_is_gated_on_the_tokens_it_adds(elsewhere: Path) -> None:
    base = written(elsewhere, "old.json", BODY)
    tools = [*BODY["tools"], {"name": "grep", "description": "Searches. " * 9, "input_schema": {}}]  # type: ignore[misc]
    head = written(elsewhere, "new.json", {**BODY, "tools": tools})
    (elsewhere / "base.json").write_text(command("baseline", base, "--no-cache")[1], encoding="utf-8")
    for name in ("old.json", "base.json"):
        status, text = command("check", head, "--baseline", elsewhere / name, "--limit", "fixed_prefix_tokens+<=9")
        assert status == 3
        assert text.startswith("Over budget: tool grep added")
    status, _ = command("check", base, "--baseline", elsewhere / "base.json", "--limit", "fixed_prefix_tokens+<=0")
    assert status == 0


# --- baselines --------------------------------------------------------------------------------------------------------


def test_a_baseline_is_small_and_comes_back() -> None:
    for side in pair("mcp-enabled"):
        content = dump(side)
        assert len(content) < 20_000
        again = load(content, "base.json")
        assert dump(again) == content
        assert again.figures == tuple(replace(one, culprit="", where="") for one in side.figures)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"kind":"agentcost baseline","version":0}',
        b'{"kind":"agentcost baseline","version":%d,"requests":"x"}' % VERSION,
    ],
)
def test_a_baseline_that_cannot_be_read_says_how_to_make_it_again(content: bytes) -> None:
    with pytest.raises(AgentcostError, match=r"agentcost baseline LOG > base\.json"):
        load(content, "base.json")


# --- forms ------------------------------------------------------------------------------------------------------------

BUDGET = """
[fail]
fixed_prefix_tokens = { max = 9_000, increase = 100 }
cost_per_session = { max = 2.50, percent = 50 }
hit_rate = { min = 0.5, decrease = 0.05 }
[fail.tool_tokens]
"*" = 1_000
[warn]
never_called_tools = 3
server_tokens = 3_000
"""


def judged(scenario: str) -> Judgement:
    budget = read_budget(BUDGET, "ci/agentcost.toml")
    assert budget is not None
    base, head = pair(scenario)
    return Judgement(budget.name, ("head.jsonl",), head.requests, False, judge(budget, head, base))


def without_folder(text: str) -> str:
    return text.replace(f"{GATE}/", "")


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("width", [80, 140])
def test_golden_text(scenario: str, width: int, golden: Callable[[str, str], None]) -> None:
    found = judged(scenario)
    short = replace(found, verdicts=tuple(replace(one, where=without_folder(one.where)) for one in found.verdicts))
    text = printed(view(short, width), width)
    assert all(len(line) <= width for line in text.splitlines())
    golden(f"gate-check-{scenario}-{width}.txt", text)


@pytest.mark.parametrize("width", [40, 60, 101, 220])
def test_no_line_is_wider_than_the_width(width: int) -> None:
    lines = printed(view(judged("timestamp"), width), width).splitlines()
    assert not [line for line in lines if len(line) > width or line != line.rstrip()]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_golden_forms(scenario: str, golden: Callable[[str, str], None]) -> None:
    found = judged(scenario)
    golden(f"gate-check-{scenario}.md", judged_markdown(found))
    golden(f"gate-check-{scenario}.github.txt", judged_github(found, places=False))
    golden(f"gate-check-{scenario}.xml", judged_junit(found))
    content = without_folder(judged_json(found).decode())
    golden(f"gate-check-{scenario}.json", json.dumps(json.loads(content), indent=1, ensure_ascii=False) + "\n")


def test_junit_counts_its_cases() -> None:
    found = judged("tool-added")
    (suite,) = ElementTree.fromstring(judged_junit(found))
    assert int(suite.attrib["tests"]) == len(suite) == len(found.verdicts)
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) == 1


def test_annotations_have_paths_only_when_asked() -> None:
    found = judged("tool-added")
    assert "head.jsonl" not in judged_github(found, places=False)
    assert f"::error file={HEAD},line=1,title=" in judged_github(found, places=True)


def test_files_are_written_beside_what_is_printed(elsewhere: Path) -> None:
    names = ("out.md", "out.json", "out.xml", "out.txt")
    status, text = command(
        "check", HEAD, "--no-cache", "--limit", "cost_per_session<=0", "--format", "github",
        *(word for name in names for word in ("-o", elsewhere / name)),
    )  # fmt: skip
    assert status == 3
    assert text.startswith("::error ")
    assert (elsewhere / "out.md").read_text(encoding="utf-8").startswith("<!-- agentcost check -->")
    assert json.loads((elsewhere / "out.json").read_text(encoding="utf-8"))["passed"] is False
    assert ElementTree.parse(elsewhere / "out.xml").getroot().tag == "testsuites"
    assert (elsewhere / "out.txt").read_text(encoding="utf-8").startswith("Over budget")
    with pytest.raises(UsageError, match="suffix says the format"):
        command("check", HEAD, "--no-cache", "--limit", "cost_per_session<=0", "-o", elsewhere / "out.csv")


# --- what must not leave --------------------------------------------------------------------------------------------

CANARY = "canary7f3a"


def log_with_a_canary(rule: str, tokens: int) -> str:
    """Requests with a canary in prompt, memory's path, tool argument and result, user, header and project."""
    reminder = (
        f"<system-reminder>\nContents of /home/{CANARY}/CLAUDE.md (project instructions):\n\n{rule}\n</system-reminder>"
    )
    use = {"type": "tool_use", "id": "t", "name": "bash", "input": {"x": CANARY}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": CANARY}
    lines = []
    for number in range(6):
        body = {
            **BODY, "system": f"You help {CANARY} at {number}.", "metadata": {"user_id": f"user_{CANARY}"},
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": text} for text in (reminder, CANARY)]},
                {"role": "assistant", "content": [use]},
                {"role": "user", "content": [result]},
            ],
        }  # fmt: skip
        answer = {"id": f"m{number}", "usage": {"input_tokens": tokens, "output_tokens": 5}}
        request = {"headers": {"x-user": CANARY, "user-agent": f"{CANARY}/1.0"}, "body": body}
        lines.append(json.dumps({"request": request, "response": answer, "project": CANARY}))
    return "\n".join(lines)


def test_nothing_of_a_log_leaves(elsewhere: Path) -> None:
    """The canary is in no baseline, comment, annotation or test report."""
    folder = elsewhere / CANARY
    folder.mkdir()
    paths = [folder / "base.jsonl", folder / "head.jsonl"]
    paths[0].write_text(log_with_a_canary("Be brief.", 900), encoding="utf-8")
    paths[1].write_text(log_with_a_canary(f"Be very brief, and kind. {CANARY} " * 40, 999), encoding="utf-8")
    metrics = ("fixed_prefix_tokens", "cost_per_session", "input_tokens_p90", "tool_tokens")
    limit = [word for metric in metrics for word in ("--limit", f"{metric}+<=0")]
    texts = [command("baseline", path, "--no-cache")[1] for path in paths]
    texts += [command("diff", *paths, "--no-cache", "--format", form)[1] for form in ("md", "github")]
    texts += [
        command("check", paths[1], "--baseline", paths[0], *limit, "--no-cache", "--format", form)[1]
        for form in ("md", "github", "junit")
    ]
    assert all(texts)
    assert not [text for text in texts if CANARY in text]
    assert "memory CLAUDE.md grown" in command("diff", *paths, "--no-cache", "--json")[1]
    assert not [text for text in texts if "CLAUDE.md" in text]  # nor a file's name


def test_calls_on_one_line_of_a_log_are_measured_each(tmp_path: Path) -> None:
    """A trace is one object: its calls have no ids, and share a line when it is written on one."""
    lines = FIXTURES / "kv-cache-tester" / "subagent.json"
    line = tmp_path / lines.name
    line.write_text(json.dumps(json.loads(lines.read_text())))
    one, other = run(line), run(lines)
    assert one.roles == other.roles == {"main": 2, "subagent": 3}
    assert (one.payers, one.strata) == (other.payers, other.strata)
