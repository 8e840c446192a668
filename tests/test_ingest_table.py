"""The table reader: columns known and named, cells of every spelling, and the recorded tables to the token."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.reading import FIXTURES, SHARED, claimed, memory_source, needs_shared, quantile, read_all, read_file

from agentcost.errors import AgentcostError, UsageError
from agentcost.ingest.table import READER
from agentcost.model import Kind, Knowledge, Other, Request, Skipped

USAGE_COLUMNS = {"time": "Date", "user": "Who", "plain": "fresh", "cached": "Hits", "written": "Written",
                 "output": "Out", "cost": "Price"}  # fmt: skip
GATEWAY_COLUMNS = {"time": "ts", "reasoning": "usage.details.reasoning", "cost": "cost", "id": "response_id",
                   "provider": "provider_name"}  # fmt: skip


def one(header: str, row: str, **columns: str) -> Request | Skipped:
    """The only row of a table."""
    item = read_all(READER, memory_source("t.csv", f"{header}\n{row}\n"), columns).items[1]
    assert isinstance(item, Request | Skipped)
    return item


def classes(item: Request | Skipped) -> tuple[int, int, int, int | None]:
    """(plain, read, written, output) of a request."""
    assert isinstance(item, Request), item
    assert item.usage is not None
    return item.usage.plain, item.usage.read, item.usage.write, item.usage.output


def test_azure_times_have_seven_digits_and_may_have_a_zone() -> None:
    reading = read_file(READER, FIXTURES / "table" / "azure.csv")
    assert [(request.started, request.naive_time) for request in reading.requests] == [
        (datetime(2023, 11, 16, 18, 17, 3, 979960, UTC).timestamp(), True),
        (datetime(2023, 11, 16, 18, 17, 4, 31960, UTC).timestamp(), True),
        (datetime(2024, 5, 10, 0, 0, 0, 9930, UTC).timestamp(), False),
    ]
    assert [classes(request) for request in reading.requests] == [(4808, 0, 0, 10), (3180, 0, 0, 8), (1234, 0, 0, None)]
    assert [item.what for item in reading.items if isinstance(item, Other)] == ["header"]


def test_a_row_is_one_unshared_segment_of_unknown_content() -> None:
    reading = read_all(READER, memory_source("t", "ContextTokens,GeneratedTokens\n7,1\n7,1\n"))
    one_path, two_path = (reading.tree.path(request.node) for request in reading.requests)
    assert [(segment.kind, segment.tokens) for segment in one_path + two_path] == [(Kind.UNKNOWN, 7)] * 2
    assert one_path[0].digest != two_path[0].digest
    assert {request.knowledge for request in reading.requests} == {Knowledge.COUNTS}


def test_named_columns_in_a_table_from_elsewhere() -> None:
    reading = read_file(READER, FIXTURES / "table" / "usage.csv", USAGE_COLUMNS)
    rows = [
        (r.place.line, classes(r), r.user, r.model, r.recorded_cost, r.started, r.naive_time) for r in reading.requests
    ]
    assert rows == [
        (2, (10, 900, 1200, 50), "ann", "claude-opus-4-6", "0.0125", 1772359200.0, False),
        (4, (75, 0, 0, None), "bob", "gpt-5.2", "", 1772359260.0, False),
        (10, (1, 2, 3, 4), "ann", "gpt-5.2", "", 1772323200.0, True),
    ]
    skipped = [(item.place.line, item.reason) for item in reading.items if isinstance(item, Skipped)]
    expected = {5: "'1,5'", 6: "'free'", 7: "'Total'", 8: "no input tokens", 9: "10 cells under 9"}
    assert {line: words in reason for (line, reason), words in zip(skipped, expected.values(), strict=True)} == (
        dict.fromkeys(expected, True)
    )


def test_a_quoted_line_break_makes_one_row_of_two_lines() -> None:
    data = (FIXTURES / "table" / "usage.csv").read_bytes()
    row = read_file(READER, FIXTURES / "table" / "usage.csv", USAGE_COLUMNS).requests[0]
    text = data[row.place.offset : row.place.offset + row.place.length]
    assert (text[:10], text[-16:]) == (b"2026-03-01", b'lines; one cell"')


def test_an_open_quote_loses_nothing_in_silence() -> None:
    text = 'prompt_tokens,completion_tokens,note\n1,1,a\n2,2,"open\n3,3,b\n'
    items = read_all(READER, memory_source("t", text)).items
    assert isinstance(items[-1], Skipped)
    assert "2 lines long" in items[-1].reason
    assert [type(item) for item in items[:-1]] == [Other, Request]


def test_json_lines_with_nested_columns() -> None:
    reading = read_file(READER, FIXTURES / "table" / "gateway.jsonl", GATEWAY_COLUMNS)
    rows = [(r.id, classes(r), r.provider, r.started, r.settings) for r in reading.requests]
    relative = (("clock", "relative"),)
    assert rows == [
        ("r-1", (1647, 0, 0, 16), "deepseek", 12.5, relative),
        ("r-2", (111, 1536, 0, 18), "deepseek", 14.0, relative),
    ]
    assert [request.usage.reasoning for request in reading.requests if request.usage] == [4, None]
    assert sum(Decimal(request.recorded_cost) for request in reading.requests) == Decimal("0.00023948")
    reasons = [item.reason for item in reading.items if isinstance(item, Skipped)]
    assert [words in reason for words, reason in zip(("plain=", "JSON object"), reasons, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("header", "row", "columns", "expected"),
    [
        ("prompt_tokens,completion_tokens,cached_tokens", "100,5,40", {}, (60, 40, 0, 5)),
        ("input_tokens,output_tokens,cached_tokens", "100,5,40", {}, (60, 40, 0, 5)),
        ("input_tokens,output_tokens,cache_read_input_tokens", "100,5,400", {}, (100, 400, 0, 5)),
        ("input_tokens,cache_creation_input_tokens,cache_read_input_tokens,output_tokens", "1,2,3,4", {}, (1, 3, 2, 4)),
        ("a,b,c,d", "10,3,2,1", {"input": "a", "cached": "b", "written": "c", "output": "d"}, (5, 3, 2, 1)),
        ("a,b,c,d", "10,3,2,1", {"plain": "a", "cached": "b", "written": "c", "output": "d"}, (10, 3, 2, 1)),
        ("a,cached_tokens", "10,3", {"input": "a"}, (7, 3, 0, None)),
        ("a,cached_tokens", "10,3", {"input": "a", "cached": ""}, (10, 0, 0, None)),
        ("prompt_tokens,completion_tokens,cached_tokens", "10,5,40", {"plain": "prompt_tokens"}, (10, 40, 0, 5)),
        ("A\tB", "10\t2", {"input": "a", "output": "b"}, (10, 0, 0, 2)),
        ("ContextTokens,GeneratedTokens,", "7,2,", {}, (7, 0, 0, 2)),
        ('"ContextTokens","GeneratedTokens"', '"1,234,567",2.0', {}, (1234567, 0, 0, 2)),
        ("ContextTokens,GeneratedTokens", "0,nan", {}, (0, 0, 0, None)),
    ],
)
def test_columns_and_cells(
    header: str, row: str, columns: dict[str, str], expected: tuple[int, int, int, int | None]
) -> None:
    assert classes(one(header, row, **columns)) == expected


@pytest.mark.parametrize("cell", ["-1", "1.5", "12,34", "1 234", "true", "inf", "1e400", "many", '""', "1234567890123"])
def test_cells_that_are_no_count_skip_the_row(cell: str) -> None:
    assert isinstance(one("ContextTokens;GeneratedTokens", f"{cell};1"), Skipped)


@pytest.mark.parametrize(
    ("columns", "kind", "words"),
    [
        ({"input": "prompt"}, AgentcostError, "no column prompt. It has: when, tokens_in, tokens_out"),
        ({}, AgentcostError, "--columns input=COLUMN. It has: when, tokens_in, tokens_out"),
        ({"output": "tokens_out"}, AgentcostError, "which column holds the input tokens"),
        ({"inputs": "tokens_in"}, UsageError, "knows no inputs; it knows time, input"),
        ({"input": "tokens_in", "plain": "tokens_in"}, UsageError, "not both"),
    ],
)
@pytest.mark.parametrize("text", ["when,tokens_in,tokens_out\n", '{"when": 1, "tokens_in": 2, "tokens_out": 3}\n'])
def test_columns_that_are_not_there(columns: dict[str, str], kind: type[Exception], words: str, text: str) -> None:
    with pytest.raises(kind, match=words.replace(".", r"\.")):
        read_all(READER, memory_source("t", text), columns)


def test_a_json_list_says_how_to_become_lines() -> None:
    with pytest.raises(AgentcostError, match="one object a line"):
        read_all(READER, memory_source("t", '[{"prompt_tokens": 1}]'), {"input": "prompt_tokens"})


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_table_has_no_rows(text: str) -> None:
    assert read_all(READER, memory_source("t", text)).items == []


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("TIMESTAMP,ContextTokens,GeneratedTokens\r\n", True),
        ("\ufeffid;Prompt_Tokens;completion_tokens\n1;2;3\n", True),
        ("time,input_tokens,output_tokens\n", True),
        ("a,b,c\n1,2,3\n", False),
        ("ContextTokens\n1\n", False),
        ('{"prompt_tokens": 1, "completion_tokens": 2}\n', False),
        ("\x00\x01\rprompt_tokens\r\n", False),
        ("", False),
    ],
)
def test_sniff(text: str, ours: bool) -> None:
    assert READER.sniff(memory_source("t", text).peek()) is ours


def test_the_example_is_a_table() -> None:
    source = memory_source("t", READER.example)
    assert READER.sniff(source.peek())
    assert len(read_all(READER, source).requests) == 1


@needs_shared
@pytest.mark.parametrize("name", ["AzureLLMInferenceTrace_code.csv", "AzureLLMInferenceTrace_conv.csv"])
def test_recorded_azure_tables(name: str) -> None:
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["azure-llm"][name]
    requests = read_file(READER, SHARED / "counts-only" / "azure-llm" / name).requests
    assert len(requests) == truth["rows"]
    inputs = [request.usage.prompt for request in requests if request.usage]
    outputs = [request.usage.output or 0 for request in requests if request.usage]
    for values, expected in ((inputs, truth["context"]), (outputs, truth["generated"])):
        assert sum(values) == expected["sum"]
        assert [quantile(values, part) for part in (0.1, 0.5, 0.9, 0.99, 1)] == [
            expected[key] for key in ("p10", "p50", "p90", "p99", "max")
        ]
    assert sum(value > 128_000 for value in inputs) == truth["context"]["over_128000"]
    for request, key in ((requests[0], "first"), (requests[-1], "last")):
        written = datetime.strptime(truth[key][:26], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        assert request.started == written.timestamp()


@needs_shared
def test_recorded_gateway_table() -> None:
    path = next((SHARED / "gateway" / "prompt-cache-bench").glob("*.jsonl"))
    truth = json.loads((SHARED / "TRUTHS.json").read_text())["sets"]["gateway"][path.name]
    columns = {"input": "prompt_tokens", "cached": "cache_read_tokens", "output": "completion_tokens",
               "cost": "cost", "id": "response_id", "client": "provider", "session": "request"}  # fmt: skip
    requests = read_file(READER, path, columns).requests
    assert len(requests) == len({request.id for request in requests}) == truth["rows"]
    usages = [request.usage for request in requests if request.usage]
    assert sum(usage.prompt for usage in usages) == truth["prompt_tokens"]
    assert sum(usage.read for usage in usages) == truth["cache_read_tokens"]
    assert sum(usage.output or 0 for usage in usages) == truth["completion_tokens"]
    assert sum(Decimal(request.recorded_cost) for request in requests) == Decimal(str(truth["recorded_cost"]))
    hits = [
        sum(bool(r.usage and r.usage.read) for r in requests if (r.client, r.session) == (gateway, "second"))
        for gateway in ("infron", "openrouter")
    ]
    assert hits == [88, 71]


@needs_shared
def test_no_other_recorded_log_is_claimed() -> None:
    assert claimed(READER) == {"azure-llm": 2}
