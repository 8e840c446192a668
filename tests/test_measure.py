"""Law 1: components add up to the bill, or to the ruler where there is none; and rulers find what made a log."""

from __future__ import annotations

from typing import Any

import numpy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.building import CLOSES, Maker, said, system, tool, words

from agentcost.analyze import evaluate
from agentcost.ingest import parts
from agentcost.ingest.parts import Spot
from agentcost.lineage import standings
from agentcost.measuring.levels import levels_of
from agentcost.measuring.measure import COLUMN, KINDS, Measured, estimate, measure
from agentcost.model import ROOT, Basis, Kind, Knowledge, Segment, Usage
from agentcost.results import KIND_COLUMNS
from agentcost.tokens import Shape, document_tokens, encoding_of, image_tokens, overhead, template_of

ON_PATHS = tuple(kind for kind in KINDS if kind not in (Kind.HIDDEN, Kind.OVERHEAD, Kind.UNEXPLAINED))
TEXT = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so every day."


def measured(maker: Maker) -> list[Measured]:
    record = maker.made()
    requests = record.ordered()
    return measure(record.tree, requests, [stand.lineage for stand in standings(record.tree, requests)])


def only(maker: Maker) -> Measured:
    found = measured(maker)
    assert len(found) == 1
    return found[0]


def of(group: Measured, kind: Kind) -> list[int]:
    return [int(value) for value in group.kinds[:, COLUMN[kind]]]


# --- law 1 ---------------------------------------------------------------------------------------------------------

IMAGE = parts.segment(Spot("messages", "user", ends=CLOSES), Kind.IMAGE, "", identity="i", media="image 640x480")
BLOCK = parts.segment(Spot("messages", "user"), Kind.BLOCK, "", identity="b", tokens=512)
PIECES: dict[str, Segment] = {
    "a": said(TEXT), "b": said(TEXT * 3, Kind.ASSISTANT), "c": said("漢字 🙂" * 9, Kind.FILE, name="Read"),
    "d": said('bash\n{"command":"ls"}', Kind.TOOL_CALL, name="bash"), "e": IMAGE, "g": BLOCK,
    "f": said("", Kind.THINKING),
}  # fmt: skip
REQUESTS = st.lists(
    st.fixed_dictionaries({
        "path": st.text("abcdefg", max_size=6),
        "head": st.booleans(),
        "model": st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "claude-opus-4-8", "mystery"]),
        "knowledge": st.sampled_from(list(Knowledge)),
        "session": st.sampled_from(["s", "t"]),
        "billed": st.one_of(st.none(), st.integers(0, 5000)),
    }),
    min_size=1,
    max_size=12,
)  # fmt: skip


def sent(calls: list[dict[str, Any]]) -> Maker:
    maker = Maker()
    for call in calls:
        head = [tool("bash"), tool("mcp__files__find"), system(TEXT)] if call["head"] else []
        usage = None if call["billed"] is None else Usage(call["billed"], read=7, write_5m=3)
        fields = {key: call[key] for key in ("model", "knowledge", "session")}
        maker.send([*head, *(PIECES[letter] for letter in call["path"])], usage=usage, **fields)
    return maker


@settings(max_examples=60)
@given(REQUESTS)
def test_components_add_up_to_the_bill_or_to_the_ruler(calls: list[dict[str, Any]]) -> None:
    record = sent(calls).made()
    requests = record.ordered()
    groups = measure(record.tree, requests, [stand.lineage for stand in standings(record.tree, requests)])
    assert sorted(row for group in groups for row in group.rows) == list(range(len(requests)))
    for group in groups:
        for row, kinds in zip(group.rows, group.kinds, strict=True):
            request, on_path = requests[row], sum(int(kinds[COLUMN[kind]]) for kind in ON_PATHS)
            assert on_path == sum(int(group.lengths[node]) for node in record.tree.path(request.node))
            if request.usage:
                assert int(kinds.sum()) == request.usage.prompt
            else:
                assert kinds[COLUMN[Kind.UNEXPLAINED]] == 0
        assert (group.lengths >= 0).all()
        assert group.lengths[group.passing == 0].sum() == 0


@settings(max_examples=30)
@given(REQUESTS)
def test_tables_sum_to_the_same_total(calls: list[dict[str, Any]]) -> None:
    tables = evaluate(sent(calls).made()).tables
    requests, components = tables["requests"], tables["components"]
    total = requests["prompt"].sum()
    columns = list(KIND_COLUMNS.values())
    assert requests.filter(pl.sum_horizontal(columns) != pl.col("prompt")).is_empty()
    assert components["tokens"].sum() == total == tables["sessions"]["prompt"].sum()
    assert dict(components.select("component", "tokens").iter_rows()) == {
        name: requests[name].sum() for name in columns if (requests[name] != 0).any()
    }
    carried = tables["parts"].group_by("component").agg(pl.col("tokens").sum()).filter(pl.col("tokens") != 0)
    on_paths = {KIND_COLUMNS[kind] for kind in ON_PATHS}
    assert dict(carried.iter_rows()) == {
        name: tokens for name, tokens in components.select("component", "tokens").iter_rows()
        if name in on_paths and tokens != 0
    }  # fmt: skip
    defined = components.filter(pl.col("component").is_in(["tool_definitions", "mcp_tool_definitions"]))
    assert tables["tools"]["schema_carried"].sum() == defined["tokens"].sum()
    assert tables["tools"]["call_carried"].sum() == requests["tool_calls"].sum()
    assert tables["servers"]["schema_carried"].sum() == requests["mcp_tool_definitions"].sum()


def test_the_skill_tool_tells_its_definition_from_what_it_gave() -> None:
    maker = Maker()
    call = said('Skill\n{"skill":"pdf"}', Kind.TOOL_CALL, name="Skill")
    given = said(TEXT * 20, Kind.SKILL, name="Skill")
    maker.send([tool("Skill", "Loads a skill."), *words("a"), call, given])
    row = evaluate(maker.made()).tables["tools"].row(0, named=True)
    assert row["schema_carried"] == row["schema_tokens"] < 20
    assert row["result_carried"] > 300


# --- splitting -----------------------------------------------------------------------------------------------------

REMINDERS = ["<system-reminder>\nUse tabs.\n</system-reminder>\n", "<environment_context>os</environment_context>\n"]
LINES = st.text("abc xyz.,é漢\n", max_size=40).map(lambda text: text + "\n")


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.sampled_from([*REMINDERS, "def f():\n    return 1\n" * 60]), LINES), max_size=8).map("".join),
    st.sampled_from(["gpt-4o", "gpt-4"]),
)
def test_splitting_a_block_changes_no_sum(text: str, model: str) -> None:
    sums = set()
    spot = Spot("messages", "user", opens=True, ends=CLOSES)
    for segments in ([parts.segment(spot, Kind.USER, text)], parts.text_segments(spot, Kind.USER, text)):
        maker = Maker()
        maker.send(segments, model=model)
        sums.add(int(only(maker).kinds.sum()))
        assert "".join(segment.text for segment in segments) == text
    assert len(sums) == 1


# --- rulers --------------------------------------------------------------------------------------------------------


def test_openai_text_is_exact() -> None:
    maker = Maker()
    maker.send(words("Hello there", "Hi"), usage=Usage(15), api="openai-chat")
    group = only(maker)
    assert (of(group, Kind.USER), of(group, Kind.ASSISTANT)) == ([2], [1])
    assert of(group, Kind.OVERHEAD) == [overhead(template_of("gpt-4o", "openai-chat"), Shape(messages=2))] == [11]
    assert of(group, Kind.UNEXPLAINED) == [1]
    assert (group.ruler.basis, group.ruler.factor, group.ruler.band) == (Basis.EXACT.value, 1.0, 0.0)


def generated(factor: float, knowledge: Knowledge, hidden: int = 0, model: str = "claude-sonnet-4-5") -> Maker:
    """A log of two sessions whose bills are made by `factor`, what stands around, and what is hidden."""
    maker, encoding = Maker(), encoding_of(model)
    for session in range(2):
        history = [] if hidden else [system(f"{TEXT * 40} {session}")]
        for turn in range(12):
            history = [*history, said(f"{session} {turn} {TEXT * (18 + turn)}"), said(TEXT * 5, Kind.ASSISTANT)]
            request = maker.send(history, model=model, knowledge=knowledge, session=f"s{session}", api="anthropic")
            maker.growth.flush()
            tree = maker.record.tree
            total = sum(estimate(tree.entry(node), encoding, model) for node in tree.path(request.node))
            around = overhead(template_of(model, "anthropic"), Shape(2 * turn + 2, replies=turn + 1))
            noise = (-6, 0, 6)[turn % 3] if hidden else 0
            billed = Usage(round(factor * total) + around + hidden * (1 + session) + noise)
            place = len(maker.record.requests) - 1
            maker.record.requests[place] = type(request)(**{
                **{name: getattr(request, name) for name in request.__slots__}, "usage": billed
            })  # fmt: skip
    return maker


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.3, 1.55])
def test_the_factor_that_made_the_bills_is_found(factor: float) -> None:
    group = only(generated(factor, Knowledge.FULL))
    assert group.ruler.factor == pytest.approx(factor, rel=2e-3)
    assert (group.ruler.basis, group.ruler.fitted, group.ruler.odd) == (Basis.CALIBRATED.value, 24, False)
    assert max(map(abs, of(group, Kind.UNEXPLAINED))) <= 10  # of 10,000: what is likely without a bill pulls a little
    assert group.ruler.band < 2e-3 and abs(group.ruler.added) <= 5
    assert group.ruler.error is not None and group.ruler.error < 1e-3


def test_an_odd_factor_is_marked_and_an_implausible_one_left() -> None:
    assert only(generated(1.8, Knowledge.FULL)).ruler.odd
    refused = only(generated(2.5, Knowledge.FULL)).ruler
    assert (refused.factor, refused.basis) == (1.0, Basis.ESTIMATED.value)
    assert refused.error is not None and refused.error > 0.5


@pytest.mark.parametrize("hidden", [300, 8_000, 20_000])
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-4o"])
def test_what_a_transcript_hides_is_found_within_its_interval(hidden: int, model: str) -> None:
    factor = 1.0 if model == "gpt-4o" else 1.2
    group = only(generated(factor, Knowledge.TRANSCRIPT, hidden, model))
    assert group.ruler.factor == pytest.approx(factor, rel=0.03)
    for row, found in enumerate(group.hidden):
        assert found is not None
        true = hidden * (1 + row // 12)
        middle, low, high = found
        assert low <= middle <= high
        assert low - 30 <= true <= high + 30
        assert abs(middle - true) <= max(40, 0.05 * true)
    assert of(group, Kind.HIDDEN) == [part[0] for part in group.hidden if part]


def test_a_log_without_bills_is_estimated() -> None:
    maker = Maker()
    maker.send(words(TEXT), model="claude-sonnet-4-5")
    group = only(maker)
    assert (group.ruler.basis, group.ruler.factor, group.ruler.error) == (Basis.ESTIMATED.value, 1.0, None)
    assert group.ruler.band == encoding_of("claude-sonnet-4-5").band


def test_media_are_counted_by_their_size_and_stay_out_of_the_fit() -> None:
    maker, model = Maker(), "claude-sonnet-4-5"
    spot = Spot("messages", "user", ends=CLOSES)
    for media in ("image 640x480", "image", "document 3", "document"):
        kind = Kind.IMAGE if media.startswith("image") else Kind.DOCUMENT
        maker.send([parts.segment(spot, kind, "", identity=media, media=media)], model=model, usage=Usage(10**6))
    group = only(maker)
    assert of(group, Kind.IMAGE) == [
        image_tokens(model, 640, 480, "auto"),
        image_tokens(model, None, None, "auto"),
        0,
        0,
    ]
    assert of(group, Kind.DOCUMENT) == [0, 0, document_tokens(model, 3), document_tokens(model, None)]
    assert (group.ruler.factor, group.ruler.fitted) == (1.0, 0)


@pytest.mark.parametrize("knowledge", [Knowledge.BLOCKS, Knowledge.COUNTS])
def test_lengths_that_the_log_tells_are_taken_as_they_are(knowledge: Knowledge) -> None:
    maker = Maker()
    blocks = [parts.segment(Spot("messages", "user"), Kind.BLOCK, "", identity=str(n), tokens=16 + n) for n in range(4)]
    for count in range(1, 5):
        maker.send(blocks[:count], knowledge=knowledge, model="claude-opus-4-8")
    group = only(maker)
    assert of(group, Kind.BLOCK) == [16, 33, 51, 70]
    assert group.kinds.sum() == 170
    assert (group.ruler.basis, group.ruler.encoding) == (Basis.EXACT.value, "")


def test_a_ruler_for_each_model_client_knowledge_and_api() -> None:
    maker = Maker()
    for fields in ({}, {"client": "x"}, {"model": "gpt-4"}, {"knowledge": Knowledge.TRANSCRIPT}, {"api": "y"}, {}):
        maker.send(words("a"), **fields)
    assert sorted(group.rows for group in measured(maker)) == [(0, 5), (1,), (2,), (3,), (4,)]


@given(st.lists(st.integers(0, 30), max_size=30))
def test_sums_down_and_up_the_tree(parents: list[int]) -> None:
    maker = Maker()
    tree = maker.record.tree
    for number, wanted in enumerate(parents):
        tree.child(wanted % len(tree), number)
    levels, own = levels_of(tree), numpy.arange(len(tree), dtype=numpy.int64)
    down = levels.down(own)
    assert [int(value) for value in down] == [sum(tree.path(node)) for node in range(len(tree))]
    leaves = [len(tree) - 1, len(tree) // 2, len(tree) - 1]
    up = levels.up(leaves)
    assert [int(up[node]) for node in range(1, len(tree))] == [
        sum(node in tree.path(leaf) for leaf in leaves) for node in range(1, len(tree))
    ]
    assert up[ROOT] == len(leaves) or len(tree) == 1
