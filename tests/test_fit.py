"""Counted against billed: every billed request stands in the table, and what is far off has a reason."""

from __future__ import annotations

import re

import polars as pl
import pytest
from rich.console import Console
from tests.building import CLOSES, Maker, said, system, tool

from agentcost.analyze import evaluate
from agentcost.ingest import parts
from agentcost.ingest.parts import Spot
from agentcost.measuring.tables import fit
from agentcost.model import Kind, Knowledge, Segment, Usage
from agentcost.results import Analysis
from agentcost.schema import ADDED_TABLES
from agentcost.views.fit import fit as view

TEXT = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so every day. "
IMAGE = parts.segment(Spot("messages", "user", ends=CLOSES), Kind.IMAGE, "", identity="i", media="image")
THOUGHT = said(TEXT * 40, Kind.THINKING)


def analysed(maker: Maker) -> Analysis:
    found = evaluate(maker.made())
    found.tables["fit"] = fit(found.tables["requests"])
    return found


@pytest.mark.parametrize(
    ("path", "off", "knowledge", "model", "why"),
    [
        ([said(TEXT * 80)], 0, Knowledge.FULL, "gpt-4o", ""),
        ([said(TEXT * 80)], 2, Knowledge.FULL, "gpt-4o", ""),
        ([said(TEXT)], 9, Knowledge.FULL, "gpt-4o", "short"),
        ([said(TEXT * 80)], 5_000, Knowledge.FULL, "gpt-4o", "not in the log"),
        ([tool("web_search"), said(TEXT * 80)], 5_000, Knowledge.FULL, "gpt-4o", "provider-run tools"),
        ([IMAGE, said(TEXT * 80)], 900, Knowledge.FULL, "gpt-4o", "images"),
        ([said(TEXT * 80), THOUGHT], -600, Knowledge.FULL, "claude-opus-4-1", "not shown again"),
        ([said(TEXT * 80)], 200, Knowledge.FULL, "claude-opus-4-1", "not calibrated"),
        ([system(TEXT * 80), tool("ls")], 200, Knowledge.FULL, "claude-opus-4-1", "rendering of tools"),
        ([said(TEXT * 80)], 400, Knowledge.FULL, "gpt-4o", "template"),
    ],
)
def test_what_is_off_has_a_reason(path: list[Segment], off: int, knowledge: Knowledge, model: str, why: str) -> None:
    fields = {"model": model, "knowledge": knowledge, "api": "openai-chat"}
    bare = Maker()
    bare.send(path, **fields)
    counted = int(evaluate(bare.made()).tables["requests"]["prompt"][0])
    maker = Maker()
    maker.send(path, usage=Usage(counted + off), **fields)
    row = analysed(maker).tables["fit"].row(0, named=True)
    assert (row["billed"], row["counted"], row["off"]) == (counted + off, counted, -off)
    assert row["share"] == pytest.approx(abs(off) / (counted + off))
    assert why in row["why"] if why else row["why"] == ""


def test_the_columns_are_those_that_are_documented() -> None:
    maker = Maker()
    maker.send([said(TEXT)], usage=Usage(30))
    documented = ADDED_TABLES["fit"][1]
    assert all(column in documented for column in analysed(maker).tables["fit"].columns)


def test_the_furthest_comes_first_and_what_has_no_bill_is_left_out() -> None:
    maker = Maker()
    for billed in (None, 300, 900, 250):
        maker.send([said(TEXT * 12)], usage=None if billed is None else Usage(billed))
    frame = analysed(maker).tables["fit"]
    assert frame["billed"].to_list() == [900, 300, 250] or frame["share"].is_sorted(descending=True)
    assert len(frame) == 3


@pytest.mark.parametrize("width", [80, 140])
def test_the_report_answers_first_and_fits(width: int) -> None:
    maker = Maker()
    for turn in range(6):
        maker.send([said(f"{turn} {TEXT * 30}")], usage=Usage(700 + 5 * turn), model="claude-sonnet-4-5", client="x")
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(view(analysed(maker), width))
    lines = captured.get().splitlines()
    assert lines[0] == "Counted against billed"
    assert "6 billed requests: half of them are counted within" in lines[1]
    answer = " ".join(" ".join(lines).split())
    assert re.search(r"In all [\d,]+ tokens are counted, <?[\d.]+% (more|less) than the 4,275 billed\.", answer)
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(("billed", "told"), [(300, "-"), (250, "+")])
def test_the_sign_says_whether_the_count_is_above_the_bill(billed: int, told: str) -> None:
    maker = Maker()
    maker.send([said(TEXT * 14)], usage=Usage(billed))
    frame = analysed(maker).tables["fit"]
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(view(analysed(maker), 80))
    assert frame["counted"][0] - billed == frame["off"][0]
    assert f"{told}{frame['share'][0]:.1%}" in captured.get()


def test_a_log_without_bills_says_so() -> None:
    maker = Maker()
    maker.send([said(TEXT)])
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(view(analysed(maker), 80))
    assert "nothing to compare" in captured.get()


def test_an_empty_selection_is_an_empty_table() -> None:
    maker = Maker()
    maker.send([said(TEXT)], usage=Usage(30))
    frame = evaluate(maker.made()).tables["requests"].filter(pl.lit(value=False))
    assert fit(frame).is_empty()
