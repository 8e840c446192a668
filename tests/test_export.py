"""Exports: every format holds the same tables, numbers are numbers, and docs/json.md says what is in them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.replacing import replace

from agentcost import __version__, tables
from agentcost.analyze import Choices, evaluate, segments_of
from agentcost.errors import AgentcostError, UsageError
from agentcost.export import FORMATS, REPORTS, describe_tables, escaped, export, table_names, totals, write
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.paths.excerpts import texts_of
from agentcost.results import Analysis
from agentcost.schema import TABLES
from agentcost.selection import Selection

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
DOCS = (ROOT / "docs" / "json.md").read_text()
COSTS = {"time": "ts", "reasoning": "usage.details.reasoning", "cost": "cost", "id": "response_id",
         "provider": "provider_name"}  # fmt: skip


@pytest.fixture(scope="module")
def quickstart() -> Analysis:
    """66 billed requests that tell no cost, grouped by day and model, their texts included."""
    record = load_logs([open_source(str(FIXTURES / "quickstart.jsonl"))], Reading())
    analysis = evaluate(record, Choices(by=("day", "model")))
    found = texts_of(record, segments_of(record, analysis.tables["requests"]), Reading())
    return replace(analysis, tables={**analysis.tables, "texts": tables.texts(record.tree, found)})


@pytest.fixture(scope="module")
def gateway() -> Analysis:
    """Two requests that cost 0.000235 and 0.00000448, and two records that cannot be read; no --by."""
    reading = Reading(input_format="table", columns=COSTS)
    return evaluate(load_logs([open_source(str(FIXTURES / "table" / "gateway.jsonl"))], reading))


@pytest.fixture(scope="module")
def empty() -> Analysis:
    """A log of which no request is selected."""
    record = load_logs([open_source(str(FIXTURES / "table" / "gateway.jsonl"))], Reading("table", COSTS))
    return evaluate(record, Choices(Selection(where=(("model", "none"),))))


@pytest.fixture(params=["quickstart", "gateway", "empty"])
def analysis(request: pytest.FixtureRequest) -> Analysis:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Analysis)
    return found


def with_requests(analysis: Analysis, **columns: pl.Expr) -> Analysis:
    """The analysis with columns of its requests changed."""
    return replace(
        analysis, tables={**analysis.tables, "requests": analysis.tables["requests"].with_columns(**columns)}
    )


def expected(analysis: Analysis, name: str) -> pl.DataFrame:
    """The table as it should leave: the same, but for money."""
    frame = analysis.tables[name]
    if name != "requests":
        return frame
    return frame.with_columns(
        pl.when(pl.col("recorded_cost") != "").then("recorded_cost").cast(pl.Decimal(38, 12)).alias("recorded_cost")
    )


def read_csv(content: bytes, schema: pl.Schema) -> pl.DataFrame:
    return pl.read_csv(StringIO(content.decode()), schema=schema)


def read_json_lines(content: bytes, schema: pl.Schema) -> pl.DataFrame:
    rows = [json.loads(line, parse_float=Decimal) for line in content.decode().splitlines()]
    return from_rows(rows, schema)


def from_rows(rows: list[dict[str, object]], schema: pl.Schema) -> pl.DataFrame:
    """Rows with every fraction as Decimal, as a frame."""
    for row in rows:
        assert list(row) == schema.names()
        row.update({name: float(str(row[name])) for name, kind in schema.items() if kind.is_float() and row[name]})
        row.update({name: Decimal(str(row[name])) for name, kind in schema.items() if kind.is_decimal() and row[name]})
    return pl.DataFrame(rows, schema=schema, orient="row")


READERS: dict[str, Callable[[bytes, pl.Schema], pl.DataFrame]] = {
    "csv": read_csv,
    "jsonl": read_json_lines,
    "parquet": lambda content, _: pl.read_parquet(BytesIO(content)),
    "arrow": lambda content, _: pl.read_ipc(BytesIO(content)),
}


@pytest.mark.parametrize("form", READERS)
def test_every_format_of_one_table_reads_back_as_the_same_table(analysis: Analysis, form: str) -> None:
    for name, frame in analysis.tables.items():
        if frame.width:
            wanted = expected(analysis, name)
            assert READERS[form](export(analysis, "analyze", form, name), wanted.schema).equals(wanted), name


def test_json_reads_back_as_the_same_tables(analysis: Analysis) -> None:
    document = json.loads(export(analysis, "analyze", "json"), parse_float=Decimal)
    assert document["tables"].keys() == analysis.tables.keys()
    for name, rows in document["tables"].items():
        wanted = expected(analysis, name)
        assert from_rows(rows, wanted.schema).equals(wanted), name


def test_the_head_of_the_json(gateway: Analysis) -> None:
    document = json.loads(export(gateway, "tools", "json"))
    assert {key: document[key] for key in ("kind", "schema_version", "agentcost")} == {
        "kind": "tools", "schema_version": 1, "agentcost": __version__,
    }  # fmt: skip
    assert document["scope"]["selected"] == 2
    assert [ruler["requests"] for ruler in document["rulers"]] == [2]
    assert list(document["tables"]) == list(REPORTS["tools"])


def test_totals_are_counted_by_hand(gateway: Analysis) -> None:
    """1647 in with 16 out, and 1647 in, 1536 of it read, with 18 out."""
    assert totals(gateway) == {
        "requests": 2, "sessions": 2, "input_tokens": 3294, "requests_not_billed": 0, "cache_read_tokens": 1536,
        "cache_write_tokens": 0, "plain_tokens": 1758, "requests_without_cache_counts": 0,
        "input_tokens_with_cache_counts": 3294, "hit_rate": 1536 / 3294, "hit_rate_denominator": "input_tokens",
        "output_tokens": 34, "requests_without_output": 0, "output_is_lower_bound": 0,
        "recorded_cost": Decimal("0.00023948"), "requests_without_recorded_cost": 0, "records": 4, "duplicates": 0,
        "other_records": 0, "skipped_records": 2,
    }  # fmt: skip


def test_every_record_is_in_the_totals(tmp_path: Path) -> None:
    """The same four records twice: two requests, repeated once each, and two unreadable ones, twice."""
    content = (FIXTURES / "table" / "gateway.jsonl").read_bytes()
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_bytes(content)
    sources = [open_source(str(tmp_path / name)) for name in ("one.jsonl", "two.jsonl")]
    found = totals(evaluate(load_logs(sources, Reading("table", COSTS))))
    counts = {"requests": 2, "records": 8, "duplicates": 2, "other_records": 0, "skipped_records": 4}
    assert {name: found[name] for name in counts} == counts
    assert found["recorded_cost"] == Decimal("0.00023948")


SECOND = pl.col("line") == 2


def blank_second(column: str) -> pl.Expr:
    """The column without the value of the second request."""
    return pl.when(~SECOND).then(column).alias(column)


def test_a_total_leaves_out_what_is_unknown_and_counts_it(gateway: Analysis) -> None:
    unknown = {name: blank_second(name) for name in ("read", "write", "plain", "output", "recorded_cost")}
    found = totals(with_requests(gateway, **unknown, billed=~SECOND, output_is_lower_bound=SECOND))
    assert found == {
        **totals(gateway), "requests_not_billed": 1, "cache_read_tokens": 0, "plain_tokens": 1647, "hit_rate": 0.0,
        "requests_without_cache_counts": 1, "input_tokens_with_cache_counts": 1647, "output_tokens": 16,
        "requests_without_output": 1, "output_is_lower_bound": 1, "recorded_cost": Decimal("0.000235"),
        "requests_without_recorded_cost": 1,
    }  # fmt: skip


def test_a_total_that_no_request_tells_is_null(empty: Analysis) -> None:
    found = json.loads(export(empty, "analyze", "json"))["totals"]
    unknown = [name for name, value in found.items() if value is None]
    assert unknown == [
        "cache_read_tokens", "cache_write_tokens", "plain_tokens", "hit_rate", "output_tokens", "recorded_cost",
    ]  # fmt: skip
    assert (found["requests"], found["input_tokens"]) == (0, 0)


@pytest.mark.parametrize(
    ("recorded", "written"),
    [
        ("0.10", "0.1"), ("0", "0"), ("100", "100"), ("0.000000000001", "0.000000000001"), ("-2.50", "-2.5"),
        ("12345678901234567890.123456789012", "12345678901234567890.123456789012"), ("1e-05", "0.00001"), ("", "null"),
    ],
)  # fmt: skip
def test_money_is_a_json_number_to_its_last_digit(gateway: Analysis, recorded: str, written: str) -> None:
    changed = with_requests(gateway, recorded_cost=pl.when(~SECOND).then(pl.lit(recorded)).otherwise(pl.lit("")))
    content = export(changed, "turns", "json").decode()
    assert re.findall(r'"recorded_cost":([^,}]+)', content) == [written, written, "null"]
    assert re.findall(r'"recorded_cost":([^,}]+)', export(changed, "turns", "jsonl").decode()) == [written, "null"]


def test_no_number_is_text_and_none_is_nan(analysis: Analysis) -> None:
    odd = with_requests(analysis, gap_s=pl.lit(float("nan")), ended=pl.lit(float("inf")))
    document = json.loads(export(odd, "analyze", "json"), parse_constant=pytest.fail)
    for name, rows in document["tables"].items():
        numeric = [column for column, kind in expected(odd, name).schema.items() if kind.is_numeric()]
        for row in rows:
            assert not {column: row[column] for column in numeric if isinstance(row[column], str | bool)}
    assert all(row["gap_s"] is None and row["ended"] is None for row in document["tables"]["requests"])
    assert not re.search(r"\b(NaN|inf)\b", export(odd, "turns", "csv").decode())


@pytest.mark.parametrize("form", FORMATS)
def test_equal_analyses_give_equal_bytes(quickstart: Analysis, form: str) -> None:
    record = load_logs([open_source(str(FIXTURES / "quickstart.jsonl"))], Reading())
    again = evaluate(record, Choices(by=("day", "model")))
    textless = replace(quickstart, tables={name: t for name, t in quickstart.tables.items() if name != "texts"})
    assert export(textless, "analyze", form, None) == export(again, "analyze", form, None)


@pytest.mark.parametrize(("kind", "main"), [("analyze", "component"), ("tools", "tool"), ("turns", "source")])
def test_the_main_table_of_a_report(quickstart: Analysis, kind: str, main: str) -> None:
    assert export(quickstart, kind, "csv").decode().partition(",")[0] == main


def test_a_report_without_its_own_list_has_every_table_known_or_not(quickstart: Analysis) -> None:
    more = replace(quickstart, tables={**quickstart.tables, "misses": pl.DataFrame({"cause": ["ttl"]})})
    assert set(table_names(more, "unlisted")) == {*TABLES, "misses"}
    assert table_names(more, "turns") == (*REPORTS["turns"], "texts")


def test_the_list_of_tables(gateway: Analysis) -> None:
    lines = describe_tables(gateway).splitlines()
    assert len(lines) == len(gateway.tables)
    assert [line.split(maxsplit=2) for line in lines if line.startswith(("skipped", "requests"))] == [
        ["skipped", "2", "a record that could not be read"],
        ["requests", "2", "a selected request"],
    ]


@pytest.mark.parametrize("width", [60, 80, 121])
def test_the_list_of_tables_keeps_to_a_width(gateway: Analysis, width: int) -> None:
    lines = describe_tables(gateway, width).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(describe_tables(gateway).split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mcp__github__issue_read", "mcp__github__issue_read"), ("a|b", r"a\|b"), ("a\\|b", r"a\\\|b"),
        ("__init__", r"\_\_init\_\_"), ("<img>&amp;", r"\<img\>\&amp;"), ("two\nlines", "two lines"),
        ("`a` *b* [c](d) ~e~", r"\`a\` \*b\* \[c\](d) \~e\~"), ("a _b_ c", r"a \_b\_ c"), ("", ""),
    ],
)  # fmt: skip
def test_markdown_shows_names_letter_by_letter(text: str, shown: str) -> None:
    assert escaped(text) == shown


def cells(line: str) -> list[str]:
    """A row of a GitHub table: cut at the pipes that no backslash escapes, and unescaped."""
    parts = re.findall(r"((?:\\.|[^|\\])*)\|", line.removeprefix("|"))
    return [re.sub(r"\\(.)", r"\1", part.strip()) for part in parts]


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126)), min_size=1))
def test_markdown_holds_every_name(names: list[str]) -> None:
    assert cells("|" + "".join(f" {escaped(name)} |" for name in names)) == names


def test_markdown_holds_the_tables_that_have_rows(gateway: Analysis) -> None:
    text = export(gateway, "analyze", "md").decode()
    headings = re.findall(r"^## (\w+)$", text, re.MULTILINE)
    filled = [name for name in table_names(gateway, "analyze") if len(gateway.tables[name])]
    assert headings == ["totals", *filled]
    assert "| recorded_cost | 0.00023948 |\n" in text.replace("\\", "")
    assert "| not_in_the_log | 3294 | 2 | 1647 |  | 1.0 |\n" in text
    alone = export(gateway, "analyze", "md", "sessions").decode()
    assert re.findall(r"^## (\w+)$", alone, re.MULTILINE) == ["sessions"]


def test_names_are_never_shortened(quickstart: Analysis) -> None:
    name = "mcp__a_server__" + "long" * 100
    tools = quickstart.tables["tools"].with_columns(tool=pl.lit(name))
    long = replace(quickstart, tables={**quickstart.tables, "tools": tools})
    for form in ("json", "jsonl", "csv", "md"):
        assert export(long, "tools", form, "tools").decode().count(name) == len(tools)


@pytest.mark.parametrize("suffix", [".json", ".md", ".csv", ".jsonl", ".parquet", ".arrow", ".JSON"])
def test_a_file_is_written_by_its_suffix_over_an_old_one(gateway: Analysis, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"report{suffix}"
    file.write_bytes(b"old" * 10_000)
    write(gateway, file, "turns", "requests")
    assert file.read_bytes() == export(gateway, "turns", suffix[1:].lower(), "requests")
    assert [found.name for found in tmp_path.iterdir()] == [file.name]


def test_a_file_has_the_permissions_of_any_new_file(gateway: Analysis, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write(gateway, tmp_path / "report.json", "analyze")
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_and_its_target_changes(gateway: Analysis, tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "link.json").symlink_to(tmp_path / "target")
    write(gateway, tmp_path / "link.json", "analyze")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target").read_bytes())["kind"] == "analyze"


@pytest.mark.parametrize(("output", "there"), [("tables", True), ("tables/", False), ("new/tables/", False)])
def test_a_folder_gets_a_file_per_table(gateway: Analysis, tmp_path: Path, output: str, there: bool) -> None:
    if there:
        (tmp_path / output).mkdir()
    write(gateway, f"{tmp_path}/{output}", "analyze")
    written = {file.name: file.read_bytes() for file in (tmp_path / output).iterdir()}
    names = set(gateway.tables) - {"groups"}  # it has no columns without --by
    assert written == {f"{name}.csv": export(gateway, "analyze", "csv", name) for name in names}


def test_a_folder_gets_the_table_that_is_named(gateway: Analysis, tmp_path: Path) -> None:
    write(gateway, tmp_path, "turns", "sessions")
    assert [file.name for file in tmp_path.iterdir()] == ["sessions.csv"]


@pytest.mark.parametrize(
    ("output", "table", "words"),
    [
        ("report.jsn", None, ".jsn is no format, did you mean .json?; there are .json .md"),
        ("report", None, "no suffix says the format"),
        ("report.csv", "request", "no such table, did you mean requests?; there are components, "),
        ("report.json", "zzz", "no such table; there are components, "),
        ("report.csv", "groups", "groups needs --by"),
        ("tables/", "request", "did you mean requests?"),
    ],
)
def test_wrong_usage_says_what_there_is(
    gateway: Analysis, tmp_path: Path, output: str, table: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        write(gateway, f"{tmp_path}/{output}", "analyze", table)
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_names_the_nearest(gateway: Analysis) -> None:
    with pytest.raises(UsageError, match="no such format, did you mean parquet"):
        export(gateway, "analyze", "parket")


def test_a_place_that_cannot_be_written(gateway: Analysis, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for output in ("missing/report.json", "file/"):
        with pytest.raises(AgentcostError, match="cannot be written"):
            write(gateway, f"{tmp_path}/{output}", "analyze")


def documented(heading: str) -> dict[str, str]:
    """The names of a section of docs/json.md with their types."""
    section = re.split(r"^#{2,3} ", DOCS.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE))


TYPES = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean", pl.Decimal: "money"}


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_documented_with_its_type(quickstart: Analysis, name: str) -> None:
    schema = expected(quickstart, name).schema
    columns = {column: TYPES[kind.base_type()] for column, kind in schema.items()}
    if name == "groups":
        columns = {column: kind for column, kind in columns.items() if column not in ("day", "model")}
    assert documented(f"### {name}") == columns
    assert f"\n### {name}\n\nA row is {TABLES[name][0]}.\n" in DOCS


def test_every_table_is_documented(quickstart: Analysis) -> None:
    assert quickstart.tables.keys() == TABLES.keys()


def test_every_key_is_documented_with_its_type(gateway: Analysis) -> None:
    document = json.loads(export(gateway, "analyze", "json"), parse_float=Decimal)
    assert list(documented("## JSON")) == list(document)
    words = {int: ("integer",), str: ("text",), bool: ("boolean",), list: ("array",), Decimal: ("number", "money")}
    for part in ("scope", "totals"):
        kinds = documented(f"### {part}")
        assert list(kinds) == list(document[part])
        for key, value in document[part].items():
            assert value is None or kinds[key] in words[type(value)], key


GATES = re.findall(r"^```jq\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
"""The gates of docs/json.md: on tokens, and on money."""


def passes(gate: str, document: dict[str, object], folder: Path) -> bool:
    """Whether `jq -e` exits 0 for the gate."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed")
    (folder / "gate.jq").write_text(gate)
    found = subprocess.run([jq, "-e", "-f", folder / "gate.jq"], input=json.dumps(document).encode(), check=False,
                           capture_output=True)  # fmt: skip
    assert found.returncode in (0, 1), found.stderr
    return found.returncode == 0


def limit(gate: int, totals: dict[str, object]) -> bool:
    """The same gates in Python."""
    if gate == 0:
        counts = totals["requests"] and not totals["skipped_records"] and not totals["requests_without_cache_counts"]
        tokens, rate = totals.get("input_tokens"), totals.get("hit_rate")
        return bool(counts) and type(tokens) is int and tokens <= 2_000_000 and type(rate) is float and rate >= 0.5
    cost = totals.get("recorded_cost")
    return (
        bool(totals["requests"] and not totals["requests_without_recorded_cost"]) and type(cost) is float and cost <= 5
    )


@pytest.mark.parametrize(
    ("gate", "change", "passed"),
    [
        (0, {}, True), (0, {"input_tokens": 2_000_001}, False), (0, {"input_tokens": None}, False),
        (0, {"input_tokens": "1"}, False), (0, {"hit_rate": 0.49}, False), (0, {"hit_rate": "0.49"}, False),
        (0, {"hit_rate": None}, False), (0, {"requests": 0}, False), (0, {"skipped_records": 1}, False),
        (0, {"requests_without_cache_counts": 1}, False), (1, {}, True), (1, {"recorded_cost": 5.01}, False),
        (1, {"recorded_cost": None}, False), (1, {"recorded_cost": "0.01"}, False), (1, {"requests": 0}, False),
        (1, {"requests_without_recorded_cost": 1}, False),
    ],
)  # fmt: skip
def test_the_gates_of_the_docs_cannot_pass_by_accident(
    quickstart: Analysis, gateway: Analysis, tmp_path: Path, gate: int, change: dict[str, object], passed: bool
) -> None:
    document = json.loads(export((quickstart, gateway)[gate], "analyze", "json"))
    document["totals"] |= change
    assert limit(gate, document["totals"]) is passed
    assert passes(GATES[gate], document, tmp_path) is passed


def test_the_gate_fails_what_priced_nothing(quickstart: Analysis, empty: Analysis, tmp_path: Path) -> None:
    for analysis, gate in ((quickstart, 1), (empty, 0), (empty, 1)):
        assert not passes(GATES[gate], json.loads(export(analysis, "analyze", "json")), tmp_path)


@pytest.mark.parametrize(("trap", "value"), [(".usd > 5", "0.01"), (".usd < 5", None)])
def test_the_traps_of_the_docs_are_real(trap: str, value: object, tmp_path: Path) -> None:
    assert f"`{trap}`" in DOCS
    assert passes(trap, {"usd": value}, tmp_path)
