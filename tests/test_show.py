"""`agentcost show`: what names a request, the two paths side by side, and the same as data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests import faults
from tests.faults import Fault, in_system
from tests.test_cli import agentcost
from tests.test_excerpts import POSITION, studied, written
from tests.test_views import analysis, at_root, printed, record

from agentcost.caching.prompts import Asking
from agentcost.commands.show import matching
from agentcost.errors import UsageError
from agentcost.export import REPORTS
from agentcost.loading.logs import Reading
from agentcost.paths.comparing import parting_of, path_of
from agentcost.paths.excerpts import with_excerpts
from agentcost.results import Parting
from agentcost.schema import ADDED_TABLES
from agentcost.study import Study, study
from agentcost.units import middle
from agentcost.views.beside import beside
from agentcost.views.show import show

__all__ = ["at_root"]

ROOT = Path(__file__).parents[1]
WIDTHS = (40, 60, 80, 109, 110, 140, 220)
DOCS = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")


def parting(found: Study, index: int, *, text: bool = False) -> Parting:
    reference = found.run.references[index]
    assert reference is not None
    made = parting_of(found, index, reference)
    return with_excerpts(found, index, reference, made, Reading(), show_text=text)


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("row", [30, 20])
def test_golden_beside(row: int, width: int, golden: Callable[[str, str], None]) -> None:
    found = study(record("quickstart"), Asking())
    references = found.run.references
    request = analysis("quickstart").tables["requests"].row(row, named=True)
    text = printed(show(request, path_of(found, row, references[row]), width, "UTC", parting(found, row)))
    golden(f"quickstart-show-{row}-beside-{width}.txt", text)


FAULTS: dict[str, Fault] = {
    "timestamp": in_system("T09:00:00Z", "T09:07:41Z"),
    "keys": faults.keys_swapped(1),
    "tools": faults.on(faults.tools_reordered),
    "more": faults.both(faults.tool_added(2), faults.edited(2), faults.dropped(4, 1)),
    "chatter": faults.both(faults.tool_removed(0), faults.said(0, *faults.chatter(26))),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("text", [False, True])
def test_no_line_is_wider_than_the_width(tmp_path: Path, name: str, width: int, text: bool) -> None:
    made = parting(studied(written(tmp_path, FAULTS[name])), POSITION, text=text)
    for part in beside(made, width):
        for line in printed(part).splitlines():
            assert cell_len(line) <= width
            assert line == line.rstrip()


SEEN = {
    "timestamp": (r"− +8  system prompt", r"\+ +8  system prompt", r"in a timestamp: …9999-99-99A99:99:99A"),
    "keys": (r"− +10  tool calls tool0", r"JSON keys in another order, at character \d+"),
    "tools": (r"↕ +1  tool definitions tool5", r"↕ +6  tool definitions tool5 +\d+  before"),
    "more": (r"\+ +3  tool definitions extra", r"at character 1"),
    "chatter": (r"− +1  tool definitions tool0 +\d+  before", r"… \d+ segments more"),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_happened_is_seen(tmp_path: Path, name: str) -> None:
    made = parting(studied(written(tmp_path, FAULTS[name])), POSITION)
    text = "".join(printed(part) for part in beside(made, 80))
    for pattern in SEEN[name]:
        assert re.search(pattern, text), (pattern, text)


def test_wide_terminals_have_both_sides_in_one_line(tmp_path: Path) -> None:
    made = parting(studied(written(tmp_path, FAULTS["timestamp"])), POSITION)
    text = "".join(printed(part) for part in beside(made, 140))
    assert re.search(r"^ *8  system prompt +\d+  ~ +8  system prompt +\d+$", text, re.MULTILINE)
    assert re.search(r"^ +\+ +\d+  tool results tool0 +\d+$", text, re.MULTILINE)


def test_a_text_that_is_gone_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, FAULTS["timestamp"])
    found = studied(file)
    file.unlink()
    text = "".join(printed(part) for part in beside(parting(found, POSITION), 80))
    assert "alike for its first 384 bytes at least" in text
    assert "not available" in text


# --- names ---------------------------------------------------------------------------------------------------------

NAMED = [
    ("1", [1], False),
    ("31", [31], False),
    ("#31", [31], False),
    ("3b379599/2", [21], False),
    ("3b379599-2268-4d4c-a643-7719934f4363/12", [31], False),
    ("quickstart.jsonl:31", [31], False),
    ("msg_01ajoNe31KxpjMSXkCuAdzY6", [31], False),
    ("9b143cdc", list(range(1, 20)), True),
]


@pytest.mark.parametrize(("wanted", "lines", "whole"), NAMED)
def test_what_names_a_request(wanted: str, lines: list[int], whole: bool) -> None:
    found, is_whole = matching(analysis("quickstart").tables["requests"], wanted)
    assert found["line"].to_list() == lines
    assert is_whole == whole


@pytest.mark.parametrize("wanted", ["nothing/1", "/1", "-1"])
def test_what_names_none(wanted: str) -> None:
    with pytest.raises(UsageError, match="no such session or request"):
        matching(analysis("quickstart").tables["requests"], wanted)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("0", "0: the log has 66 requests; write 1 to 66"),
        ("67", "67: the log has 66 requests; write 1 to 66"),
        ("3b379599/99", "session 3b379599 has 13 requests; write 3b379599/1 to 3b379599/13"),
    ],
)
def test_a_number_that_counts_too_far_is_told_how_far_it_goes(wanted: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        matching(analysis("quickstart").tables["requests"], wanted)


def test_requests_of_one_document_are_opened_by_their_number() -> None:
    requests = analysis("subagent").tables["requests"]
    for number in range(1, len(requests) + 1):
        for wanted in (str(number), f"trace_1/{number}"):
            found, _ = matching(requests, wanted)
            assert found.rows() == requests.slice(number - 1, 1).rows()


# --- as data -------------------------------------------------------------------------------------------------------


def test_a_request_as_data(tmp_path: Path) -> None:
    done = agentcost(tmp_path / "cache", "show", "fixtures/quickstart.jsonl", "31", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    tables = document["tables"]
    assert document["kind"] == "show"
    assert list(tables) == [name for name in REPORTS["show"] if name in tables]
    assert [row["line"] for row in tables["requests"]] == [31]
    assert tables["path"][-1]["cumulative"] == tables["requests"][0]["prompt"] == document["totals"]["input_tokens"]
    assert [row["change"] for row in tables["parting"]][:4] == ["same", "same", "same", "changed"]
    for name in ("path", "parting"):
        for column in tables[name][0]:
            assert column in ADDED_TABLES[name][1], column


@pytest.mark.parametrize("name", ADDED_TABLES)
def test_the_documents_name_every_column(name: str) -> None:
    section = re.split(r"^### ", DOCS.partition(f"\n### {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    told = re.sub(r"\([^()]*\)", "", ADDED_TABLES[name][1]).replace(" and ", ", ")
    assert listed == [column.strip() for column in told.split(",") if column.strip()]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["31", "--format", "csv"], 0, "number,level,role"),
        (["31", "--format", "jsonl", "--table", "parting"], 0, '"change":"same"'),
        (["9b143cdc", "--json"], 0, '"kind":"show"'),
        (["msg_", "--json"], 2, "66 requests match msg_; name one of them"),
        (["quickstart.jsonl:31", "--policy", "nothing"], 2, "nothing"),
    ],
)
def test_data_of_what_was_named(tmp_path: Path, arguments: list[str], status: int, says: str) -> None:
    done = agentcost(tmp_path / "cache", "show", "fixtures/quickstart.jsonl", *arguments)
    assert done.returncode == status, done.stderr
    assert says in (done.stderr if status else done.stdout).decode()


def test_a_log_is_not_written_over(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((ROOT / "fixtures" / "quickstart.jsonl").read_bytes())
    assert agentcost(tmp_path / "cache", "show", log, "31", "-o", log).returncode == 2
    assert log.stat().st_size == (ROOT / "fixtures" / "quickstart.jsonl").stat().st_size


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("log", ["quickstart", "codex", "subagent", "azure"])
def test_a_request_fits_every_width(log: str, width: int) -> None:
    found = study(record(log), Asking())
    references, requests = found.run.references, analysis(log).tables["requests"]
    for row in range(0, len(requests), 7):
        reference = references[row]
        made = parting_of(found, row, reference) if reference else None
        text = printed(show(requests.row(row, named=True), path_of(found, row, reference), width, "UTC", made))
        for line in text.splitlines():
            assert cell_len(line) <= width


@pytest.mark.parametrize("width", [20, 24, 40])
def test_a_session_is_found_as_a_finding_shortens_it(width: int) -> None:
    """`…` in the middle: of a path as a session's name, or of a provider's id."""
    requests = analysis("quickstart").tables["requests"]
    requests = requests.with_columns(session=requests["session"] + "/home/ada/shop/logs/run.jsonl")
    for name in requests["session"].unique(maintain_order=True).to_list():
        found, whole = matching(requests, middle(name, width))
        assert whole
        assert found["session"].unique().to_list() == [name]
    place = f"{requests['id'][30][:9]}…{requests['id'][30][-9:]}"
    assert matching(requests, place)[0]["line"].to_list() == [31]
