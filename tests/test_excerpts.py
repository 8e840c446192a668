"""Texts read again: what differs is shown masked, as far as the log is still there, and never leaves unasked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from tests import faults
from tests.faults import Fault, billed, in_system, log, session
from tests.replacing import replace
from tests.test_cli import agentcost

from agentcost.analyze import Choices, evaluate
from agentcost.caching.prompts import Asking
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.paths.comparing import parting_of
from agentcost.paths.excerpts import excerpts, texts_of, with_excerpts
from agentcost.record import load, save
from agentcost.results import Excerpt, PartingRow
from agentcost.study import Study, study
from agentcost.views.evidence import explained, settled, worst_evidence

POSITION = 4
TIMESTAMP = in_system("T09:00:00Z", "T09:07:41Z")


def written(folder: Path, fault: Fault, dialect: str = "anthropic", form: str = "made.jsonl") -> Path:
    """A log with a fault in it, billed as the simulation bills it."""
    steps = fault(session(dialect), POSITION)
    file = folder / form
    file.write_text(log(dialect, steps, billed(dialect, steps)), encoding="utf-8")
    return file


def studied(file: Path) -> Study:
    return study(load_logs([open_source(str(file))], Reading()), Asking())


def told(found: Study, *, show_text: bool = False) -> pl.DataFrame:
    requests = evaluate(found.record, Choices(), found).tables["requests"]
    return excerpts(found, requests, Reading(), show_text=show_text)


def changed(found: Study, *, show_text: bool = False) -> Sequence[PartingRow]:
    """The lines of the request with the fault that changed."""
    reference = found.run.references[POSITION]
    assert reference is not None
    parting = parting_of(found, POSITION, reference)
    rows = with_excerpts(found, POSITION, reference, parting, Reading(), show_text=show_text).rows
    return [row for row in rows if row.change in ("changed", "reordered")]


def test_a_timestamp_is_recognised_though_nothing_of_it_is_shown(tmp_path: Path) -> None:
    found = studied(written(tmp_path, TIMESTAMP))
    (row,) = told(found).to_dicts()
    assert (row["line"], row["cause"], row["what"], row["change"]) == (5, "system_changed", "timestamp", "")
    assert row["before"] == row["now"]
    assert row["now"].startswith("…9999-99-99A99:99:99A ")
    (line,) = changed(found)
    assert line.excerpt
    assert (line.change, line.excerpt.now, line.excerpt.position) == ("changed", row["now"], row["position"])
    text = json.loads((tmp_path / "made.jsonl").read_text().splitlines()[4])["request"]["body"]["system"][1]["text"]
    assert text[row["position"] - 1 :].startswith("7:41Z")


def test_the_text_itself_is_shown_where_asked(tmp_path: Path) -> None:
    found = studied(written(tmp_path, TIMESTAMP))
    (row,) = told(found, show_text=True).to_dicts()
    assert row["before"].startswith("…2026-10-20T09:00:00Z\n")
    assert row["now"].startswith("…2026-10-20T09:07:41Z\n")


REORDERED = [
    ("anthropic", faults.keys_swapped(1), "reordered", "JSON keys in another order"),
    ("openai", faults.keys_swapped(1), "reordered", "JSON keys in another order"),
    ("anthropic", faults.on(lambda step: replace(step, swapped="tool2")), "reordered", "JSON keys in another order"),
    ("anthropic", faults.edited(2), "changed", ""),
    ("anthropic", faults.tool_edited(3), "changed", ""),
]


@pytest.mark.parametrize(("dialect", "fault", "change", "order"), REORDERED)
def test_another_order_is_told_from_another_text(
    tmp_path: Path, dialect: str, fault: Fault, change: str, order: str
) -> None:
    found = studied(written(tmp_path, fault, dialect))
    (line,) = changed(found)
    assert line.excerpt
    assert (line.change, line.excerpt.change) == (change, order)
    (row,) = told(found).to_dicts()
    assert row["change"] == order


@pytest.mark.parametrize("how", ["gone", "rewritten", "saved"])
def test_where_the_source_is_gone_there_is_no_excerpt(tmp_path: Path, how: str) -> None:
    file = written(tmp_path, TIMESTAMP)
    found = studied(file)
    if how == "saved":
        found = study(load(save(found.record)), Asking())
    if how == "rewritten":
        file.write_text("{}\n" * 8)
    else:
        file.unlink()
    assert not len(told(found))
    (line,) = changed(found)
    assert (line.change, line.excerpt) == ("changed", None)
    assert line.alike > 64


def test_a_packed_log_is_read_again(tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    file = written(tmp_path, TIMESTAMP)
    packed = tmp_path / "made.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert told(studied(packed))["what"].to_list() == ["timestamp"]


def test_a_log_that_is_too_large_to_read_as_a_whole_is_let_be(tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    file = tmp_path / "made.jsonl.gz"
    file.write_bytes(gzip.compress(written(tmp_path, TIMESTAMP).read_bytes()))
    found = studied(file)
    assert texts_of(found.record, {0}, Reading())
    assert not texts_of(found.record, {0}, Reading(), largest=10)


def test_only_the_pairs_that_are_needed_are_read(tmp_path: Path) -> None:
    """What was put in has no counterpart, what was lost to time no text; most=0 leaves the worst of each cause."""
    clock = faults.on(lambda step: replace(step, system=(*step.system, f"now {step.at}")))
    found = studied(written(tmp_path, faults.both(clock, faults.later(400))))
    requests = evaluate(found.record, Choices(), found).tables["requests"]
    lost = requests.filter(pl.col("cause") == "system_changed", pl.col("lost") > 0)
    assert len(lost) >= 4
    assert excerpts(found, requests, Reading())["line"].sort().to_list() == lost["line"].to_list()[1:]
    (row,) = excerpts(found, requests, Reading(), most=0).to_dicts()
    assert row["line"] == lost.sort("lost", descending=True, maintain_order=True)["line"][0]
    timed = studied(written(tmp_path, faults.later(400)))
    assert not len(told(timed))


# --- in reports and exports ----------------------------------------------------------------------------------------


def test_the_evidence_of_the_worst_request_has_its_excerpt(tmp_path: Path) -> None:
    found = studied(written(tmp_path, TIMESTAMP))
    analysis = evaluate(found.record, Choices(), found)
    before = worst_evidence(analysis)
    analysis.tables["excerpts"] = told(found)
    after = worst_evidence(analysis)
    assert before.keys() == after.keys() == set(analysis.tables["misses"]["cause"].to_list())
    assert after["system_changed"].startswith(before["system_changed"] + " · at ")
    assert after["system_changed"].endswith(": …9999-99-99A99:99:99A Aaaaaaa 9a9a9a99-…")
    for room in range(0, 100, 7):
        row = {(one.pop("source"), one.pop("line"), one.pop("id")): one for one in told(found).to_dicts()}
        assert len(row) == 1
        assert len(explained(before["system_changed"], None, room)) <= room


SETTLED = [
    ("x rewritten: the same length, perhaps JSON keys in another order", None, None),
    ("x rewritten: the same length, perhaps JSON keys in another order", "JSON keys and lists in another order",
     "x rewritten: the same length, JSON keys and lists in another order"),
    ("x rewritten: the same length, perhaps JSON keys in another order", "",
     "x rewritten: the same length, changed in more than its order"),
    ("tool x changed", "JSON keys in another order", "tool x changed, JSON keys in another order"),
    ("tool x changed", "", "tool x changed"),
]  # fmt: skip


@pytest.mark.parametrize(("evidence", "change", "expected"), SETTLED)
def test_a_guess_is_settled_by_the_texts(evidence: str, change: str | None, expected: str | None) -> None:
    assert settled(evidence, change) == (expected or evidence)


KEYS = Excerpt(9, "", "JSON keys in another order", "x", "y")
CUT = [
    (KEYS, 80, "call rewritten: the same length, JSON keys in another order"),
    (KEYS, 50, "call rewritten: the … · JSON keys in another order"),
    (KEYS, 20, "call rewritten: the…"),
    (Excerpt(9, "", "", "aa 9", "aa 8"), 99, "call rewritten: the same length, changed in more than its order · at 9: aa 9 → aa 8"),  # noqa: E501 — a line of a report
    (Excerpt(9, "", "", "aa 9", "aa 9"), 40, "call rewritten: the same l… · at 9: aa 9"),
    (Excerpt(9, "", "", "aaaaaa 9999", "aaaaaa 9999"), 30, "call rewritten… · at 9: aaaaaa"),
    (None, 12, "call rewrit…"),
]  # fmt: skip


@pytest.mark.parametrize(("excerpt", "room", "expected"), CUT)
def test_what_differs_stays_where_evidence_is_cut(excerpt: Excerpt | None, room: int, expected: str) -> None:
    found = explained("call rewritten: the same length, perhaps JSON keys in another order", excerpt, room)
    assert len(found) <= room
    assert found == expected


@pytest.mark.parametrize("report", ["turns", "cache", "show"])
def test_no_text_leaves_unless_it_is_asked_for(tmp_path: Path, report: str) -> None:
    file = written(tmp_path, TIMESTAMP)
    which = [str(file), "5"] if report == "show" else [str(file)]
    plain = agentcost(tmp_path / "cache", report, *which, "--json")
    asked = agentcost(tmp_path / "cache", report, *which, "--json", "--include-text")
    assert plain.returncode == asked.returncode == 0, plain.stderr + asked.stderr
    assert b"9999-99" not in plain.stdout
    assert b"07:41Z" not in plain.stdout
    assert b"07:41Z" in asked.stdout
    assert "excerpts" not in json.loads(plain.stdout)["tables"]


def test_texts_beside_a_format_of_one_table_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, TIMESTAMP)
    for where in (["--format", "jsonl"], ["--format", "csv"], ["-o", str(tmp_path / "x.parquet")]):
        done = agentcost(tmp_path / "cache", "turns", str(file), *where, "--include-text")
        assert done.returncode == 2
        assert b"--table texts" in done.stderr
    done = agentcost(tmp_path / "cache", "turns", str(file), "--format", "jsonl", "--include-text", "--table", "texts")
    assert all("text" in json.loads(line) for line in done.stdout.splitlines())
    assert done.stdout
    done = agentcost(tmp_path / "cache", "turns", str(file), "-o", f"{tmp_path}/tables/", "--include-text")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tables" / "texts.csv").exists()
