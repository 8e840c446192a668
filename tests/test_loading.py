"""Law 8: every record of every log is accounted for; laws 5 and 6: in any order and any parts, the same record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from tests.building import canonical
from tests.reading import FIXTURES, ROOT_FOLDER, memory_source

from agentcost.analyze import evaluate
from agentcost.errors import AgentcostError, UsageError
from agentcost.ingest.contract import Source
from agentcost.ingest.json_values import is_document
from agentcost.ingest.readers import READERS
from agentcost.ingest.source import FileSource
from agentcost.loading import logs as loading
from agentcost.loading.growth import Growth
from agentcost.loading.labels import parse_labels
from agentcost.loading.logs import UNKNOWN_FORMAT, Reading, load_logs, read_log, reader_of
from agentcost.record import Record, load, save
from agentcost.tables import accounts

READING = Reading(threads=False)
COLUMNS = {
    "usage.csv": {"plain": "fresh", "cached": "Hits", "written": "Written", "output": "Out", "model": "Model"},
    "gateway.jsonl": {"time": "ts", "input": "prompt_tokens", "output": "completion_tokens"},
}
"""Tables of counts are read when their columns are named."""
LOGS = sorted(
    file for file in FIXTURES.rglob("*") if file.is_file() and file.suffix not in (".py", ".md", ".pyc", ".toml")
)
UNNAMED = [path for path in LOGS if path.name not in COLUMNS]
QUICKSTART = FIXTURES / "quickstart.jsonl"

every_fixture = pytest.mark.parametrize("path", LOGS, ids=lambda path: str(path.relative_to(FIXTURES)))


def source(path: Path, *, name: str = "", start: int = 0, line: int = 1, stop: int | None = None) -> FileSource:
    return FileSource(name or path.relative_to(FIXTURES).as_posix(), path, start, line, stop)


def loaded(sources: Sequence[Source], reading: Reading = READING) -> Record:
    return load_logs(sources, reading)


def of_fixture(path: Path) -> Record:
    columns = COLUMNS.get(path.name, {}) if path.parent.name == "table" else {}
    return loaded([source(path)], Reading(threads=False, columns=columns, input_format="table" if columns else ""))


def accounted(record: Record) -> None:
    """Records read = requests + duplicates + others + skipped: of every log, and of all together."""
    tables = accounts(record)
    rows = tables["sources"].select("records", "requests", "duplicates", "others", "skipped").rows()
    for records, *parts in rows:
        assert records == sum(parts)
        assert min(parts) >= 0
    assert tables["sources"]["requests"].sum() == len(record.requests)
    assert tables["sources"]["duplicates"].sum() == sum(record.duplicates.values())
    assert tables["sources"]["others"].sum() == tables["others"]["count"].sum()
    assert tables["sources"]["skipped"].sum() == len(tables["skipped"]) == len(record.skipped)
    assert tables["sources"]["source"].is_unique().all()


@every_fixture
def test_every_record_of_a_fixture_is_accounted_for(path: Path) -> None:
    record = of_fixture(path)
    assert record.requests or path.parent.name in ("bill", "events")  # sums by day; told by the state beside
    accounted(record)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_example_of_a_format_is_read(reader: object) -> None:
    example = memory_source("example", getattr(reader, "example"))  # noqa: B009
    assert reader_of(example.peek(), READING) is reader
    accounted(loaded([example]))


@every_fixture
def test_twice_the_same_bytes(path: Path) -> None:
    assert save(of_fixture(path)) == save(of_fixture(path))


def test_the_same_bytes_in_any_process() -> None:
    code = (
        "import sys, hashlib; from agentcost.loading.logs import *; from agentcost.ingest.source import open_source; "
        "from agentcost.record import save; "
        "print(hashlib.sha256(save(load_logs([open_source(name) for name in sys.argv[1:]], Reading()))).hexdigest())"
    )
    command = [sys.executable, "-c", code, *map(str, UNNAMED)]
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT_FOLDER / "cli")}
        found.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1


# --- several logs --------------------------------------------------------------------------------------------------


def test_all_formats_in_one_call() -> None:
    sources = [source(path) for path in UNNAMED]
    record = loaded(sources)
    accounted(record)
    assert len({log.format for log in record.logs}) >= 5
    assert canonical(loaded(sources[::-1])) == canonical(record)
    merged = Record()
    for one in sources:
        merged.merge(loaded([one]))
    assert canonical(merged) == canonical(record)


@pytest.mark.parametrize("cuts", [(0.5,), (0.1, 0.2, 0.9)])
@every_fixture
def test_a_log_whose_lines_stand_alone_may_be_read_in_parts(path: Path, cuts: tuple[float, ...]) -> None:
    whole, content = source(path), path.read_bytes()
    reader = reader_of(whole.peek(), READING)
    if reader is None or not reader.standalone or is_document(content) or content.count(b"\n") < 2:
        pytest.skip("its lines do not stand alone")
    edges = sorted({0, len(content), *(content.find(b"\n", int(len(content) * cut)) + 1 for cut in cuts)})
    merged = Record()
    for start, stop in list(pairwise(edges))[::-1]:
        part = Record()
        growth = Growth(part.tree, threads=False)
        stretch = source(path, start=start, stop=stop, line=content[:start].count(b"\n") + 1)
        read_log(part, growth, stretch, reader, READING)
        growth.finish()
        merged.merge(part)
    assert canonical(merged) == canonical(loaded([whole]))


# --- large logs: split among processes, and read on from where they ended ------------------------------------------


@pytest.fixture
def every_log_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE", 1)


@pytest.mark.usefixtures("every_log_is_large")
def test_a_log_read_by_several_processes() -> None:
    whole = loaded([source(QUICKSTART)], Reading(threads=False, jobs=1))
    parts = loaded([source(QUICKSTART)], Reading(threads=False, jobs=3))
    assert canonical(parts) == canonical(whole)
    assert parts.logs == whole.logs
    accounted(parts)


@pytest.mark.usefixtures("every_log_is_large")
def test_a_document_is_not_split() -> None:
    path = FIXTURES / "litellm" / "gateway.json"
    parts = loaded([source(path)], Reading(threads=False, jobs=2))
    assert canonical(parts) == canonical(loaded([source(path)]))


@pytest.mark.usefixtures("every_log_is_large")
@pytest.mark.parametrize("twice", [False, True], ids=["new lines", "lines repeated"])
def test_a_log_that_grew_is_read_on(tmp_path: Path, twice: bool) -> None:
    lines = QUICKSTART.read_bytes().splitlines(keepends=True)
    log, reading = tmp_path / "log.jsonl", Reading(threads=False, cache=tmp_path / "cache")
    for content in (lines[:30], lines[:30], [*lines, *lines] if twice else lines):
        log.write_bytes(b"".join(content))
        record, fresh = loaded([FileSource("log", log)], reading), loaded([FileSource("log", log)])
        assert canonical(record) == canonical(fresh)
        assert record.logs == fresh.logs
        accounted(record)


@pytest.mark.usefixtures("every_log_is_large")
def test_a_log_that_was_rewritten_is_read_anew(tmp_path: Path) -> None:
    lines = QUICKSTART.read_bytes().splitlines(keepends=True)
    log, reading = tmp_path / "log.jsonl", Reading(threads=False, cache=tmp_path / "cache")
    for content in (lines[:30], lines[10:50], lines[10:12]):
        log.write_bytes(b"".join(content))
        record = loaded([FileSource("log", log)], reading)
        assert canonical(record) == canonical(loaded([FileSource("log", log)]))
        assert len(record.requests) == len(content)


# --- saved records -------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.record"
    path.write_bytes(save(loaded([source(QUICKSTART)])))
    return path


def test_a_saved_record_beside_logs(saved: Path) -> None:
    others = [source(path) for path in UNNAMED if path != QUICKSTART]
    whole = loaded([source(QUICKSTART), *others])
    for sources in ([FileSource("saved", saved), *others], [*others, FileSource("saved", saved)]):
        record = loaded(sources)
        accounted(record)
        assert canonical(record) == canonical(whole)


def test_a_saved_record_alone_is_what_was_saved(saved: Path) -> None:
    record = loaded([FileSource("saved", saved)])
    assert save(record) == saved.read_bytes()
    fresh, again = evaluate(loaded([source(QUICKSTART)])), evaluate(record)
    assert all(fresh.tables[name].equals(again.tables[name]) for name in fresh.tables)


def test_a_saved_record_beside_its_own_log(saved: Path) -> None:
    one, again = source(QUICKSTART), FileSource("saved", saved)
    for sources in ([one, again], [again, one], [again, again], [one, one]):
        record = loaded(sources)
        assert canonical(record)[:2] == canonical(loaded([one]))[:2]
        assert sum(record.duplicates.values()) == len(record.requests)
        accounted(record)


def test_a_copy_of_a_log_counts_as_duplicates() -> None:
    record = loaded([source(QUICKSTART), source(QUICKSTART, name="copy.jsonl")])
    assert sum(record.duplicates.values()) == len(record.requests)
    accounted(record)


# --- what is no log ------------------------------------------------------------------------------------------------

LINE = {"model": "claude-opus-4-6", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


def test_broken_lines_and_others_are_counted() -> None:
    lines = [json.dumps(LINE), "{broken", json.dumps({"event": "start"}), "", "[1]", json.dumps(LINE)]
    record = loaded([memory_source("log", "\n".join(lines))])
    accounted(record)
    assert (len(record.requests), len(record.skipped), record.logs[0].records) == (2, 2, 5)
    assert accounts(record)["skipped"]["line"].to_list() == [2, 5]


def test_a_log_that_breaks_as_a_whole_is_one_skipped_record() -> None:
    record = loaded([memory_source("ok", json.dumps(LINE)), source(QUICKSTART)])
    accounted(record)
    assert [log.skipped for log in record.logs] == [0, 0]


@pytest.mark.parametrize("content", ["", "\n\n", "hello", '{"a": 1}\n', "a,b\n1,2\n"])
def test_what_no_reader_takes(content: str) -> None:
    nothing = memory_source("x.json", content)
    with pytest.raises(AgentcostError, match=r"^x\.json"):
        loaded([nothing])
    optional = Reading(threads=False, optional=frozenset({"x.json"}))
    with pytest.raises(AgentcostError, match="no agent log found"):
        loaded([nothing], optional)
    record = loaded([nothing, memory_source("ok", json.dumps(LINE))], optional)
    accounted(record)
    assert record.logs[0].others == {UNKNOWN_FORMAT: 1}


def test_a_format_that_is_forced() -> None:
    with pytest.raises(UsageError, match="known: "):
        loaded([memory_source("x", json.dumps(LINE))], Reading(input_format="nothing"))
    record = loaded([memory_source("x", json.dumps({"a": 1}))], Reading(input_format="requests"))
    assert (record.requests, record.logs[0].others) == ([], {"record without a request body": 1})


def test_labels_are_set_as_logs_are_read() -> None:
    reading = Reading(threads=False, labels=parse_labels(["user=path:1", "team=path:2"]))
    record = loaded([memory_source("alice/web/log.jsonl", json.dumps(LINE))], reading)
    assert (record.requests[0].user, record.requests[0].labels) == ("alice", (("team", "web"),))
    assert load(save(record)).requests == record.requests
