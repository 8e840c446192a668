"""Reports against golden files at two widths, and what must hold of every report at every width."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.text import Text
from tests.reading import FIXTURES
from tests.replacing import replace
from tests.test_cli import agentcost

from agentcost.analyze import Choices, evaluate, path
from agentcost.commands.show import matching
from agentcost.errors import UsageError
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.record import Record
from agentcost.results import Analysis, PathRow
from agentcost.selection import Selection
from agentcost.tables import components as components_of
from agentcost.views import VIEWS
from agentcost.views.cachegaps import gaps
from agentcost.views.findings import findings
from agentcost.views.full import sources
from agentcost.views.layout import Column, Table, bar, chunks, fit, heights, packed, spread
from agentcost.views.order import COLUMNS as SORTED
from agentcost.views.order import TITLES, checked_sort, ordered
from agentcost.views.show import session, several, show
from agentcost.views.toolrows import with_costs
from agentcost.views.tools import tools
from agentcost.views.turns import with_new
from agentcost.views.whatifs import what_ifs

ROOT = Path(__file__).parents[1]
WIDTHS = (80, 140)

LOGS = {
    "quickstart": "fixtures/quickstart.jsonl",
    "azure": "fixtures/table/azure.csv",
    "mooncake": "fixtures/mooncake/shared_prefix.jsonl",
    "subagent": "fixtures/kv-cache-tester/subagent.json",
    "codex": "fixtures/codex/session.jsonl",
}

CHOICES: Mapping[str, Choices] = {
    "": Choices(),
    "by-model": Choices(by=("model", "role"), top=2),
    "every-policy": Choices(every_policy=True),
    "none": Choices(selection=Selection(where=(("model", "nothing-*"),))),
}

GOLDENS = [
    ("quickstart", "analyze", ""), ("quickstart", "full", ""), ("quickstart", "tools", ""), ("quickstart", "turns", ""),
    ("quickstart", "cache", "every-policy"), ("azure", "cache", ""), ("mooncake", "cache", "every-policy"),
    ("quickstart", "analyze", "by-model"), ("quickstart", "analyze", "none"), ("azure", "analyze", ""),
    ("mooncake", "full", ""), ("subagent", "analyze", ""), ("subagent", "turns", ""), ("codex", "analyze", ""),
    ("codex", "tools", ""),
]  # fmt: skip


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are named as from the root of the repository."""
    monkeypatch.chdir(ROOT)


@cache
def record(log: str) -> Record:
    return load_logs([open_source(LOGS[log])], Reading())


@cache
def analysis(log: str, choices: str = "") -> Analysis:
    return evaluate(record(log), CHOICES[choices])


def printed(view: RenderableType, columns: int = 1_000) -> str:
    """What a pipe gets. The console is wider than any report: the view alone keeps to its width."""
    file = io.StringIO()
    Console(file=file, width=columns, highlight=False, markup=False, emoji=False).print(view)
    return file.getvalue()


def one_line(view: RenderableType) -> str:
    """A report without its line breaks."""
    return " ".join(printed(view).split())


def request(log: str, row: int) -> tuple[dict[str, object], Sequence[PathRow]]:
    return analysis(log).tables["requests"].row(row, named=True), path(record(log), row)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("log", "view", "choices"), GOLDENS)
def test_golden(log: str, view: str, choices: str, width: int, golden: Callable[[str, str], None]) -> None:
    name = "-".join(part for part in (log, view, choices, str(width)) if part)
    golden(f"{name}.txt", printed(VIEWS[view](analysis(log, choices), width)))


def test_a_bill_that_reads_more_than_is_simulated_is_told_as_more() -> None:
    log = load_logs([open_source("fixtures/gemini-cli/session.jsonl")], Reading())
    text = one_line(Group(*gaps(evaluate(log, CHOICES["every-policy"]), 80)))
    assert "of input was billed as read beyond what is simulated: 57.5% read beyond the simulation" in text
    assert "should have been read" not in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("log", "row"), [("quickstart", 5), ("quickstart", 0), ("azure", 0), ("codex", 1)])
def test_golden_request(log: str, row: int, width: int, golden: Callable[[str, str], None]) -> None:
    golden(f"{log}-show-{row}-{width}.txt", printed(show(*request(log, row), width)))


@pytest.mark.parametrize("width", WIDTHS)
def test_golden_session(width: int, golden: Callable[[str, str], None]) -> None:
    whole = analysis("quickstart")
    own = whole.tables["requests"].filter(pl.col("session").str.starts_with("3b379599"))
    golden(f"quickstart-session-{width}.txt", printed(session(replace(whole, tables={"requests": own}), width)))


@pytest.mark.parametrize("width", [40, 60, 80, 101, 140, 220])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("log", LOGS)
def test_no_line_is_wider_than_the_width_or_ends_in_a_blank(log: str, view: str, width: int) -> None:
    for line in printed(VIEWS[view](analysis(log), width)).split("\n"):
        assert cell_len(line) <= width, line
        assert line == line.rstrip()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("log", LOGS)
def test_a_pipe_gets_the_text_of_the_terminal_without_its_colours(
    log: str, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR")
    piped = printed(VIEWS[view](analysis(log), 80), 80)
    file = io.StringIO()
    Console(file=file, width=80, force_terminal=True, color_system="standard", highlight=False).print(
        VIEWS[view](analysis(log), 80)
    )
    assert "\x1b" not in piped
    assert "\x1b[" in file.getvalue()
    assert Text.from_ansi(file.getvalue()).plain.rstrip() == piped.rstrip()


@pytest.mark.parametrize("log", LOGS)
def test_the_default_report_fits_a_screen(log: str) -> None:
    assert len(printed(VIEWS["analyze"](analysis(log), 80)).splitlines()) <= 48


def test_three_lines_answer() -> None:
    first, second, third = printed(VIEWS["analyze"](analysis("quickstart"), 140)).splitlines()[:3]
    assert first == "66 requests · 4 sessions · 2 models · 832,472 input tokens (billed) · 11.8k output · $1.04"
    assert second.startswith("46% of input is tool definitions (MCP 23%), 11% system prompt, 11% file contents")
    assert third == "76.6% of input tokens were read from cache, 21.5% written to it, 1.9% plain"


def test_components_fold_and_still_sum_to_the_whole() -> None:
    for view in ("analyze", "full"):
        lines = printed(VIEWS[view](analysis("quickstart"), 140)).splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("component "))
        stop = next(number for number, line in enumerate(lines) if line.startswith("all input"))
        counts = [int(line[20:].split()[0].replace(",", "")) for line in lines[start + 1 : stop]]
        assert sum(counts) == int(lines[stop].split()[2].replace(",", "")) == 832_472
        assert any(line.startswith("other (") for line in lines[start:stop]) == (view == "analyze")


def test_groups_that_do_not_fit_are_summed_in_one_row() -> None:
    lines = printed(VIEWS["analyze"](analysis("quickstart", "by-model"), 140)).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("model "))
    rows = [line for line in lines[start + 1 : lines.index("", start)] if not line.startswith("dollars ")]
    assert [row.split()[0] for row in rows] == ["claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001", "other"]
    assert "other (1)" in rows[-1]


def test_a_path_ends_at_the_input_tokens_of_its_request() -> None:
    row, segments = request("quickstart", 5)
    last = printed(show(row, segments, 80)).splitlines()[-2].split()
    assert last[-1] == f"{row['prompt']:,}" == "14,386"


def test_names_of_a_log_cannot_steer_the_terminal() -> None:
    whole = analysis("quickstart")
    dirty = whole.tables["requests"].with_columns(session=pl.lit("\x1b[2J\n[bold]x"), model=pl.lit("[red]m\x07"))
    text = printed(VIEWS["turns"](replace(whole, tables=whole.tables | {"requests": dirty}), 140))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]m" in text


def test_what_is_unknown_of_some_requests_is_said() -> None:
    whole = analysis("quickstart")
    known = pl.int_range(pl.len()) >= 4
    changed = whole.tables["requests"].with_columns(pl.when(known).then(pl.col("read", "write", "plain")))
    text = one_line(VIEWS["analyze"](replace(whole, tables=whole.tables | {"requests": changed}), 140))
    assert "read from cache (known for 93.9% of requests)" in text
    assert "Unknown: cache reads and writes of 4 requests" in text


def test_the_first_skipped_record_is_named_with_its_reason() -> None:
    assert "Skipped fixtures/mooncake/shared_prefix.jsonl:6: names 1 more" in one_line(
        VIEWS["analyze"](analysis("mooncake"), 140)
    )


def test_logs_without_requests_are_only_counted_beside_those_with_some() -> None:
    files = sorted((FIXTURES / "openhands" / "conversation").rglob("*.json"))
    found = evaluate(load_logs([open_source(path) for path in files], Reading(threads=False)))
    text = one_line(sources(found, 140))
    assert "10 logs beside them hold no request" in text
    assert text.count("openhands") == 2  # the path of the one that is shown, and its format
    alone = evaluate(load_logs([open_source(path) for path in files[1:3]], Reading(threads=False)))
    assert "beside" not in one_line(sources(alone, 140))


def test_a_log_without_requests_says_what_it_holds() -> None:
    events = sorted((FIXTURES / "openhands" / "conversation" / "events").iterdir())
    none = evaluate(load_logs([open_source(path) for path in events], Reading(threads=False)))
    told = "It holds 10 × event of a conversation; its calls are in base_state.json."
    assert f"No request is in the log. {told}" in one_line(VIEWS["analyze"](none, 80))
    bill = evaluate(load_logs([open_source(FIXTURES / "bill" / "github_ai_usage.csv")], Reading(threads=False)))
    assert "2 × billed sum of a day, a user and a model" in one_line(VIEWS["analyze"](bill, 80))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("total", "filters", "sentence"),
    [(0, (), "No request is in the log."), (66, ("since 2030",), "None of 66 requests passes since 2030")],
)
def test_nothing_selected_is_a_sentence(view: str, total: int, filters: tuple[str, ...], sentence: str) -> None:
    none = analysis("quickstart", "none")
    scope = replace(none.scope, total=total, selected=0, filters=filters)
    assert one_line(VIEWS[view](replace(none, scope=scope), 80)).startswith(sentence)


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ({}, "2026-10-14 08:52 to 10-15 07:41 UTC"),
        ({"zone": "Asia/Tokyo"}, "2026-10-14 17:52 to 10-15 16:41 Asia/Tokyo"),
        ({"untimed": 66, "first": None, "last": None}, "no times in the log: order kept; gaps, days and TTL unknown"),
        ({"untimed": 2}, "2 requests without a time"),
        ({"naive": 1}, "times without a zone were read as UTC"),
        ({"assumed_gap": 30.0}, "gaps assumed 30s"),
        ({"total": 90, "filters": ("model=claude-*",)}, "66 of 90 requests selected: model=claude-*"),
    ],
)
def test_the_header_says_what_is_covered_and_assumed(scope: dict[str, Any], sentence: str) -> None:
    whole = analysis("quickstart")
    assert sentence in one_line(VIEWS["analyze"](replace(whole, scope=replace(whole.scope, **scope)), 140))


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"output_is_lower_bound": True}, "≥11.8k output"),
        (
            {"output_is_lower_bound": True},
            "Output of 66 requests was logged before it ended: output sums are lower bounds",
        ),
        ({"output": None}, "output unknown"),
        ({"read": None, "write": None, "plain": None}, "Cache: unknown, the log does not tell what was read"),
        ({"read": None, "write": None, "plain": None}, "Unknown: cache reads and writes of all requests"),
        ({"read": 0, "write": 0}, "Cache: no reads and no writes are in the log"),
        ({"billed": False}, "(measured, nothing was billed)"),
        ({"prompt": 130_000}, "66 prompts of 66 above 128k tokens"),
        ({"role": "subagent"}, "66 subagent requests:"),
        ({"session_inferred": True}, "no request has a session id: a session is one chain of extending prompts"),
        (
            {"relative_clock": True, "started": 72.0},
            "all requests have times relative to their log's start, up to 1m 12s",
        ),
    ],
)
def test_what_the_requests_tell_is_told(columns: dict[str, Any], sentence: str) -> None:
    whole = analysis("quickstart")
    frame = whole.tables["requests"]
    changed = frame.with_columns(pl.lit(value, frame[name].dtype).alias(name) for name, value in columns.items())
    scope = replace(whole.scope, inferred_sessions=True, relative=66 if "relative_clock" in columns else 0)
    other = replace(whole, scope=scope, tables=whole.tables | {"requests": changed})
    assert sentence in one_line(VIEWS["analyze"](other, 140))


@pytest.mark.parametrize(
    ("largest", "on_plot", "sentence"),
    [
        (47_999, False, "agent requests, 2 times the largest here and so off the plot; the claim beside it"),
        (48_000, True, "432,000 coding-agent requests; the claim beside it, that about half exceed 128k, cannot hold"),
        (300_000, True, "Half are above 300k, 100% above 96k"),
    ],
)
def test_the_published_median_is_on_the_plot_or_said_to_be_off_it(largest: int, on_plot: bool, sentence: str) -> None:
    whole = analysis("quickstart")
    above = 1.0 if largest > 96_000 else 0.0
    tables = {
        "requests": whole.tables["requests"].with_columns(prompt=pl.lit(largest)),
        "distribution": whole.tables["distribution"].with_columns(value=pl.lit(largest), share=pl.lit(above)),
    }
    changed = replace(whole, tables=whole.tables | tables)
    assert ("96k published median" in printed(VIEWS["full"](changed, 100))) == on_plot
    assert sentence in one_line(VIEWS["full"](changed, 100))


MIXED = ("fixtures/quickstart.jsonl", "fixtures/mooncake/shared_prefix.jsonl", "fixtures/table/azure.csv")


def test_logs_with_and_without_a_calendar() -> None:
    mixed = evaluate(load_logs([open_source(log) for log in MIXED], Reading()), Choices())
    text = one_line(VIEWS["analyze"](mixed, 140))
    assert "2023-11-16 18:17 to 2026-10-15 07:41 UTC" in text
    assert "5 requests have times relative to their log's start, up to 3s" in text
    assert mixed.tables["requests"].filter("relative_clock")["day"].null_count() == mixed.scope.relative == 5


def weighed(log: str, factor: float, **components: int) -> Analysis:
    """The analysis with its bill multiplied, and these components of every request set."""
    whole = analysis(log)
    requests = whole.tables["requests"].with_columns(
        prompt=(pl.col("prompt") * factor).cast(pl.Int64),
        **{name: pl.lit(count, pl.Int64) for name, count in components.items()},
    )
    tables = whole.tables | {"requests": requests, "components": components_of(requests)}
    return replace(whole, tables=tables)


def test_a_bill_below_the_text_makes_no_headline() -> None:
    other = weighed("quickstart", 0.1, unexplained=-10_000)
    for view in ("analyze", "tools"):
        text = one_line(VIEWS[view](other, 140))
        assert "The log's text measures 660k tokens more than the 83.2k that were billed" in text
    assert "Where it goes is uncertain" in one_line(VIEWS["analyze"](other, 140))
    assert all(finding.tokens <= 80_000 for finding in findings(other, 99))


def test_what_prompts_hide_is_told_from_the_least_to_the_most() -> None:
    wanted = {
        "codex/session.jsonl": "870 to 1,014 tokens of a prompt",
        "tau-bench/simulations.json": "890 tokens of each prompt",
    }
    for name, words in wanted.items():
        found = findings(evaluate(load_logs([open_source(FIXTURES / name)], Reading(threads=False))), 99)
        assert [finding.lead for finding in found if "not in the transcript" in finding.lead] == [
            f"{words} are not in the transcript:"
        ]


def test_small_amounts_are_no_findings() -> None:
    for factor in (0.001, 1.0, 1_000.0):
        other = weighed("quickstart", factor)
        whole = other.tables["requests"]["prompt"].sum()
        assert all(500 <= finding.tokens >= whole / 100 for finding in findings(other, 99))
    assert findings(weighed("quickstart", 0.0005), 99) == []


def test_what_an_exact_ruler_cannot_explain() -> None:
    sentence = "server-side tools, encrypted reasoning and built-in tools are billed but not in the log"
    other = weighed("quickstart", 1.0, unexplained=300)
    assert sentence not in one_line(VIEWS["analyze"](other, 140))
    exact = other.tables["requests"].with_columns(basis=pl.lit("exact"))
    text = one_line(VIEWS["analyze"](replace(other, tables=other.tables | {"requests": exact}), 140))
    assert f"Unexplained: 19.8k tokens of exactly measured prompts; {sentence}" in text


@pytest.mark.parametrize(("limit", "last"), [(3, "other (32)"), (34, "other (1)"), (35, ""), (99, "")])
def test_tools_that_do_not_fit_are_summed_in_one_row(limit: int, last: str) -> None:
    lines = printed(tools(analysis("quickstart"), 220, limit)).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("tool "))
    stop = next(number for number, line in enumerate(lines) if line.startswith("in tokens"))
    rows = lines[start + 1 : stop]
    assert len(rows) == min(limit + 1, 35)
    assert rows[-1].startswith(last)
    assert ("other" in rows[-1]) == bool(last)
    every = analysis("quickstart").tables["tools"]
    carried = sum(every[f"{what}_carried"].sum() for what in ("schema", "call", "result"))
    place = lines[start].index("  all  ") + len("  all")
    assert sum(int(row[:place].split()[-1].replace(",", "")) for row in rows) == carried


def test_a_place_can_be_given_back() -> None:
    whole = analysis("quickstart").tables["requests"]
    for width in (60, 80, 140):
        lines = printed(VIEWS["turns"](analysis("quickstart"), width)).splitlines()
        (line,) = [line for line in lines if line.endswith("quickstart.jsonl:19")]
        found, session_ = matching(whole, line.split()[-1])
        assert found["line"].to_list() == [19]
        assert not session_


def test_a_request_with_its_texts() -> None:
    row, segments = request("quickstart", 5)
    texts = [replace(segment, text="First\x1b[2J line\n second " * 9) for segment in segments]
    for width in (80, 140):
        text = printed(show(row, texts, width))
        assert "First [2J line second" in text
        assert max(map(len, text.splitlines())) <= width


def test_several_requests_are_listed() -> None:
    requests = analysis("quickstart").tables["requests"]
    text = printed(several(requests, "msg_", 80))
    assert text.startswith("66 requests of 4 sessions match msg_; name one of them\n")
    assert len(text.splitlines()) == 17
    assert text.count("quickstart.jsonl:") == 10


# --- what the cache missed -----------------------------------------------------------------------------------------


def test_the_cache_report_without_its_what_ifs_fits_a_screen() -> None:
    whole = analysis("quickstart", "every-policy")
    helps = printed(Group(*what_ifs(whole, 80))).splitlines()
    assert len(printed(VIEWS["cache"](whole, 80)).splitlines()) - len(helps) <= 72


@pytest.mark.parametrize("view", ["analyze", "cache"])
@pytest.mark.parametrize(("near", "doubted"), [(60, False), (59, True), (0, True)])
def test_below_nine_tenths_reproduced_the_advice_is_doubted(view: str, near: int, doubted: bool) -> None:
    whole = analysis("quickstart")
    compared = whole.tables["agreement"].with_columns(near=pl.lit(near), exact=pl.lit(near))
    text = one_line(VIEWS[view](replace(whole, tables=whole.tables | {"agreement": compared}), 80))
    assert f"{near} of 66 requests reproduced to the token" in text
    assert ("take causes and what-ifs as unreliable" in text) == doubted


@pytest.mark.parametrize(
    ("log", "sentences"),
    [
        ("azure", ("Hit rate unknown", "The log holds lengths only")),
        ("mooncake", ("at best", "No cache policy is known for these requests")),
        ("subagent", ("No cache policy is known for these requests", "no bill in the log to compare with")),
    ],
)
def test_what_a_log_cannot_tell_of_its_cache_is_said(log: str, sentences: tuple[str, ...]) -> None:
    text = one_line(VIEWS["cache"](analysis(log), 140))
    assert all(sentence in text for sentence in sentences)
    assert ("tokens missed" in one_line(VIEWS["analyze"](analysis(log), 140))) is False


@pytest.mark.parametrize("log", ["quickstart", "subagent"])
@pytest.mark.parametrize("width", [40, 80, 140])
def test_policies_that_serve_the_same_are_all_named(log: str, width: int) -> None:
    own = evaluate(record(log), CHOICES["every-policy"])
    text = printed(VIEWS["cache"](own, width))
    words = set(text[text.index("\npolicy ") : text.index("\nhit rate:")].replace(",", " ").split())
    assert set(" ".join(own.tables["caches"]["policy"].to_list()).split()) <= words


@pytest.mark.parametrize(("sort", "first"), [("", "billed"), ("read", "content bound"), ("policy", "anthropic")])
def test_policies_are_ordered_by_cost_unless_told(sort: str, first: str) -> None:
    whole = analysis("quickstart", "every-policy")
    lines = printed(VIEWS["cache"](replace(whole, scope=replace(whole.scope, sort=sort)), 80)).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("policy "))
    rows = lines[start + 1 : next(number for number, line in enumerate(lines) if line.startswith("hit rate:"))]
    assert rows[0].startswith(first)
    if not sort:
        costs = [float(row.split("%")[1]) for row in rows if row.count("%") == 2][2:]
        assert costs == sorted(costs)
        assert rows[-1].startswith("content bound")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_line_tells_why_a_turn_missed_what_was_cached(width: int) -> None:
    lines = printed(VIEWS["turns"](analysis("quickstart"), width)).splitlines()
    lost = analysis("quickstart").tables["requests"].filter(pl.col("lost") > 0)
    told = [(above, line) for above, line in pairwise(lines) if line.startswith("  ↳ ")]
    assert len(told) == len(lost) > 0
    for (above, line), (number, cause, tokens) in zip(
        told, lost.select("line", "cause", "lost").iter_rows(), strict=True
    ):
        assert above.endswith(f"quickstart.jsonl:{number}")
        assert line.startswith(f"  ↳ {cause.replace('_', ' ')}")
        assert f" — {tokens:,} " in line


def test_a_request_tells_what_it_missed_and_where_it_parts() -> None:
    row, segments = request("quickstart", 31)
    text = printed(show(row, segments, 140))
    assert f"Missed {row['lost']:,} tokens that were cached, system changed: {row['evidence']}" in text
    (parting,) = [line for line in text.splitlines() if line.rstrip().endswith("parts") or "  parts  " in line]
    first = next(number for number, segment in enumerate(segments, 1) if not segment.shared)
    assert parting.split()[:3] == [str(first), "system", "system"]
    assert f"parts in system at segment {first}: system prompt (holds a " in text


def test_a_request_that_only_adds_misses_nothing() -> None:
    assert "Missed" not in printed(show(*request("quickstart", 5), 140))


# --- the order of rows ---------------------------------------------------------------------------------------------


def test_every_column_of_the_order_exists() -> None:
    whole = evaluate(record("quickstart"), Choices(by=("model",)))
    tables = whole.tables | {"turns": with_new(whole.tables["requests"]), "tools": with_costs(whole)}
    for name, columns in SORTED.items():
        assert set(columns) <= set(tables[name].columns), name
        assert {*TITLES[name].values()} - {"all"} <= set(columns), name


@pytest.mark.parametrize(
    ("sort", "report", "by", "full", "column"),
    [
        ("calls", "tools", "", False, "calls"),
        ("sent", "tools", "", False, "schema_carried"),
        ("input", "analyze", "model", False, "prompt"),
        ("team", "analyze", "model, team", False, "team"),
        ("first", "analyze", "", True, "first_prompt"),
        ("gap", "turns", "", False, "gap_s"),
        ("tool_results", "turns", "", False, "tool_results"),
        ("cost", "tools", "", False, "cost"),
        ("per call", "tools", "", False, "cost_per_call"),
        ("cost", "turns", "", False, "cost"),
        ("cost", "analyze", "model", False, "cost"),
        ("lost", "analyze", "model", True, "cost_lost"),
        ("lost", "turns", "", False, "lost"),
        ("cost", "cache", "", False, "relative_cost"),
        ("hit_rate", "cache", "", False, "hit_rate"),
        ("", "analyze", "", False, ""),
    ],
)
def test_a_column_may_have_the_title_it_is_shown_under(
    sort: str, report: str, by: str, full: bool, column: str
) -> None:
    assert checked_sort(sort, report, by, full) == column


@pytest.mark.parametrize(
    ("sort", "report", "by", "says"),
    [
        ("call", "tools", "", "did you mean 'calls'"),
        ("Output", "turns", "", "did you mean 'output'"),
        ("reads", "cache", "", "did you mean 'read'"),
        ("foo", "tools", "", "there are schema, sent, call tokens, "),
        ("output", "analyze", "", "add one of them"),
        ("calls", "analyze", "model", "no such column"),
    ],
)
def test_an_unknown_column_is_an_error(sort: str, report: str, by: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        checked_sort(sort, report, by)


def test_numbers_from_the_largest_and_text_from_a() -> None:
    frame = pl.DataFrame({"label_team": ["b", None, "a"], "n": [1, 3, None]})
    assert ordered(frame, "team")["label_team"].to_list() == ["a", "b", None]
    assert ordered(frame, "n", "label_team")["n"].to_list() == [3, 1, None]
    assert ordered(frame, "other").equals(frame)


def test_the_account_of_records_adds_up() -> None:
    text = one_line(VIEWS["analyze"](analysis("codex"), 140))
    assert "21 records = 3 requests + 2 duplicates + 15 others + 1 skipped" in text


# --- the layout ----------------------------------------------------------------------------------------------------

COLUMNS = st.lists(
    st.builds(
        Column,
        title=st.text("abc", min_size=1, max_size=8),
        cells=st.lists(st.text("xyz日", max_size=30), min_size=2, max_size=2),
        drop=st.integers(0, 5),
        name=st.integers(0, 12),
    ),
    min_size=1,
    max_size=8,
)


@given(COLUMNS, st.integers(40, 120))
def test_a_table_fits_and_keeps_what_matters_more(columns: list[Column], width: int) -> None:
    kept, widths = fit(columns, width)
    assert kept == sorted(kept)
    assert kept[0] == 0 or columns[0].drop
    if len(kept) > 1:
        assert sum(widths) + 2 * (len(kept) - 1) <= width
    gone = [column.drop for place, column in enumerate(columns) if place not in kept]
    assert all(columns[place].drop <= min(gone, default=5) for place in kept)


def test_dropped_columns_are_named_below_the_table() -> None:
    table = Table((Column("tool", ["a"], name=4), Column("tokens", ["1" * 30], 2), Column("calls", ["2" * 30], 1)), 50)
    lines = printed(table).splitlines()
    assert lines[0].split() == ["tool", "calls"]
    assert lines[-1] == "not shown at this width: tokens"


def test_long_names_are_shortened_in_the_middle() -> None:
    table = Table((Column("name", ["first-half-second-half"], name=10), Column("n", ["1,234"])), 18)
    assert printed(table).splitlines()[1] == "first…-half  1,234"


@pytest.mark.parametrize(
    ("share", "width", "text"),
    [(0, 4, ""), (1, 4, "████"), (0.5, 4, "██"), (0.53, 4, "██▏"), (2, 3, "███"), (-1, 3, "")],
)
def test_bar(share: float, width: int, text: str) -> None:
    assert bar(share, width) == text


@pytest.mark.parametrize(
    ("values", "height", "lines"),
    [
        ([0, 8, 16], 2, ["  █", " ██"]),
        ([1, 1_000], 1, ["▁█"]),
        ([], 2, ["", ""]),
        ([0, 0], 1, [""]),
        ([3, 4], 1, ["▆█"]),
    ],
)
def test_heights(values: list[int], height: int, lines: list[str]) -> None:
    assert heights(values, height) == lines


@given(st.lists(st.integers(0, 10**6), max_size=300), st.integers(1, 80))
def test_chunks_keep_the_largest_and_the_order(values: list[int], columns: int) -> None:
    found = chunks(values, columns)
    assert len(found) == min(len(values), columns)
    assert max(found, default=0) == max(values, default=0)
    assert set(found) <= set(values)


@given(st.integers(0, 500), st.integers(2, 40))
def test_spread_has_both_ends_and_no_place_twice(count: int, most: int) -> None:
    places = spread(count, most)
    assert len(places) == len(set(places)) == min(count, most)
    assert places == sorted(places)
    if count:
        assert (places[0], places[-1]) == (0, count - 1)


@pytest.mark.parametrize(
    ("clauses", "width", "line"),
    [(["a", "b", "c"], 5, "a · b"), (["long", "b"], 3, "long"), ([], 9, ""), (["a", "bbbb", "c"], 5, "a")],
)
def test_packed(clauses: list[str], width: int, line: str) -> None:
    assert packed(clauses, width) == line


@pytest.mark.parametrize(
    ("prompts", "new"), [([1000, 1200], [1000, 200]), ([1000, 1000], [1000, 0]), ([1000, 876], [1000, None])]
)
def test_what_came_into_a_prompt_that_shrank_is_unknown(prompts: list[int], new: list[int | None]) -> None:
    frame = pl.DataFrame({"lineage": [0, 0], "turn": [1, 2], "prompt": prompts})
    assert with_new(frame)["new"].to_list() == new


@pytest.mark.parametrize(
    ("name", "held"),
    [("mooncake/shared_prefix.jsonl", "block hashes and lengths"), ("table/azure.csv", "lengths only")],
)
def test_tools_say_what_a_log_without_content_holds(name: str, held: str, tmp_path: Path) -> None:
    told = agentcost(tmp_path, "tools", FIXTURES / name).stdout.decode()
    assert f"The log holds {held}: which tools" in " ".join(told.split())
