"""What would help: replayed changes, what they rewrite, and the laws of savings."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.building import Maker, said, system, tool
from tests.caching import BOUND, Block, Forest, blocks
from tests.replacing import replace
from tests.staging import staged, table_of

from agentcost.cache.placing import STUDIED, Placement, Places, placements
from agentcost.cache.simulate import simulate
from agentcost.ingest import parts
from agentcost.ingest.parts import Spot
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.model import ROOT, Breakpoint, Kind, Segment
from agentcost.record import Record
from agentcost.whatifs.edits import CLEARED, SEARCH, Edit, Split
from agentcost.whatifs.growing import Set
from agentcost.whatifs.replay import Change, Markers, Outcome, Stage
from agentcost.whatifs.scene import rewritten
from agentcost.whatifs.sides import sides, with_sides
from agentcost.whatifs.unions import unions, with_union
from agentcost.whatifs.volatile import volatile

FIXTURES = Path(__file__).parents[1] / "fixtures"
LOGS = ("quickstart.jsonl", "claude-code/session.jsonl", "codex/session.jsonl", "litellm/payloads.jsonl")
START = 1_780_000_000.0


def read(name: str) -> Record:
    return load_logs([open_source(str(FIXTURES / name))], Reading())


def result(number: int, words: int = 100) -> list[Segment]:
    """A call of `look` and its result."""
    return [said(f"look {number}", Kind.TOOL_CALL, name="look"), said(f"seen{number} " * words, Kind.TOOL_RESULT)]


HEAD = [tool("look", "sees " * 600), tool("rare", "hides " * 600)]


def send(maker: Maker, segments: Sequence[Segment], at: float, marks: Sequence[int] = (-1,)) -> None:
    nodes = maker.growth.grow(ROOT, segments, "claude-sonnet-4-5")
    maker.send(
        segments, model="claude-sonnet-4-5", provider="anthropic", api="anthropic", session="one", started=START + at,
        first_token=START + at + 1, ended=START + at + 2, breakpoints=tuple(Breakpoint(nodes[mark]) for mark in marks),
    )  # fmt: skip


def session(
    turns: int = 8, gap: float = 10, clock: str = "", tools: Sequence[Segment] = HEAD, marks: Sequence[int] = (-1,)
) -> Record:
    """An agent that calls `look` in every turn; with `clock`, its system prompt tells the minute."""
    maker, history = Maker(), [said("go")]
    for turn in range(turns):
        prompt = [system("rules " * 600)] + [system(f"{clock}{turn:02}:00Z today")] * bool(clock)
        send(maker, [*tools, *prompt, *history], turn * gap, marks)
        history += result(turn)
    return maker.made()


def saved(stage: Stage, change: Change) -> Decimal:
    return stage.outcome(Change()).cost - stage.outcome(change).cost


def classes(outcome: Outcome) -> list[int]:
    return [one.read + one.written + one.plain for one in outcome.served.values()]


# --- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOGS)
def test_a_change_of_nothing_is_the_log_as_run(name: str) -> None:
    stage, run = staged(read(name))
    base = stage.outcome(Change())
    assert all(run.served[row] == one for row, one in base.served.items())
    assert len(base.served) + base.unpriced == len(run.served)
    stage.scenes[Edit()] = rewritten(stage.scene, stage.ground, Edit())
    assert stage.outcome(Change()) == base


IDLE = (
    Edit(cap=10**9),
    Edit(cleared=10**6),
    Edit(compacted=10**6),
    Edit(dropped=frozenset({10**6}), search=SEARCH),
    Edit(keyed=True),
)


@pytest.mark.parametrize("edit", IDLE)
@pytest.mark.parametrize("name", LOGS)
def test_what_touches_nothing_saves_nothing(name: str, edit: Edit) -> None:
    stage, _ = staged(read(name))
    assert stage.outcome(Change(edit)).served == stage.outcome(Change()).served


HEADS = (Edit(union=True), Edit(behind="carrying"), Edit(behind="all"), Edit(union=True, behind="all"))
EDITS = (
    *HEADS,
    Edit(union=True, behind="all", ordered=True, cap=50),
    Edit(ordered=True),
    Edit(cap=50),
    Edit(cleared=2),
    Edit(cap=80, cleared=3, ordered=True),
    Edit(compacted=2, summary=40),
    Edit(compacted=3, summary=9, cap=50, ordered=True),
    Edit(keyed=True),
    Edit(keyed=True, ordered=True, cap=50, cleared=2, union=True),
)


@pytest.mark.parametrize("name", LOGS)
def test_rewritten_prompts_add_up_and_no_cache_serves_more_than_their_content(name: str) -> None:
    stage, _ = staged(read(name))
    splits = volatile(stage.ground.tree, range(1, len(stage.ground.tree)))
    dropped = frozenset(number for number, entry in enumerate(stage.ground.tree.entries) if entry.level == "tools")
    for edit in (
        *EDITS,
        Edit(split=splits),
        Edit(dropped, search=SEARCH),
        Edit(dropped),
        Edit(split=splits, cleared=2),
        Edit(split=splits, compacted=2, summary=40),
    ):
        outcome = stage.outcome(Change(edit))
        scene = stage.scenes[edit]
        assert classes(outcome) == [scene.prompts[row].total for row in outcome.served]
        alone = [replace(prompt, scope=(prompt.scope, prompt.model), marks=()) for prompt in scene.prompts]
        bound = simulate(BOUND, scene.shape, alone)
        assert all(one.read <= bound[row].read for row, one in outcome.served.items()), edit


@pytest.mark.parametrize("name", LOGS)
def test_order_and_place_keep_every_token(name: str) -> None:
    stage, run = staged(read(name))
    splits = volatile(stage.ground.tree, range(1, len(stage.ground.tree)))
    for edit in (Edit(ordered=True), Edit(split=splits), Edit(split=splits, ordered=True)):
        scene = rewritten(stage.scene, stage.ground, edit)
        assert [prompt.total for prompt in scene.prompts] == [prompt.total for prompt in run.prompts]


def test_a_saving_is_simulated_less_simulated_and_together_is_never_less_than_the_best() -> None:
    record = read("quickstart.jsonl")
    frame = table_of(record)
    base = staged(record)[0].outcome(Change())
    for row in frame.iter_rows(named=True):
        cost = base.cost - row["saved"]
        assert abs(Decimal(row["read"]) / 10 + row["write"] * Decimal("1.25") + row["plain"] - cost) < 1
        assert row["share"] == pytest.approx(row["saved"] / float(base.cost), abs=1e-5)
        assert row["share"] >= 0.005
    alone = frame.filter(pl.col("together") == 1)
    safe, every = frame.filter(pl.col("together") > 1).sort("changes_behaviour").to_dicts()
    assert alone["saved"].to_list() == sorted(alone["saved"], reverse=True)
    assert safe["saved"] >= max(alone.filter(~pl.col("changes_behaviour"))["saved"])
    assert alone["saved"].sum() >= every["saved"] >= max(safe["saved"], *alone["saved"])
    assert every["changes_behaviour"]
    assert not safe["changes_behaviour"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.permutations(["a", "b", "c"]), st.integers(0, 3)), min_size=1, max_size=6))
def test_tools_in_a_fixed_order_read_what_sorted_tools_would(sent: list[tuple[list[str], int]]) -> None:
    """Sorting what was sent in any order is the log in which it was sent sorted."""

    def record(*, ordered: bool) -> Record:
        maker = Maker()
        for number, (names, turn) in enumerate(sent):
            tools = [tool(name, f"{name} does " * 700) for name in (sorted(names) if ordered else names)]
            send(maker, [*tools, said(f"turn {turn}")], 10 * number, marks=(2, -1))
        return maker.made()

    mixed, clean = staged(record(ordered=False))[0], staged(record(ordered=True))[0]
    asked = mixed.outcome(Change(Edit(ordered=True)))
    for row, one in asked.served.items():
        assert one.read == pytest.approx(clean.outcome(Change()).served[row].read, abs=4)  # rounding along paths


@pytest.mark.parametrize("edit", HEADS)
@pytest.mark.parametrize("name", LOGS)
def test_another_head_where_all_have_the_same_is_the_log_as_run(name: str, edit: Edit) -> None:
    """Exactly so: where nothing is to be changed nothing is rewritten."""
    stage, run = staged(read(name))
    touched = set(unions(stage.scene, stage.ground, stage.standing)) if edit.union else set()
    tree = stage.ground.tree
    touched |= set(sides(stage.scene, stage.requests, stage.standing, edit.behind, tree)) if edit.behind else set()
    outcome = stage.outcome(Change(edit))
    if not touched:
        assert outcome == stage.outcome(Change())
        assert stage.scenes[edit] is stage.scene
    for row, prompt in enumerate(stage.scenes[edit].prompts):
        if row not in touched:
            assert (prompt.leaf, prompt.total, prompt.marks) == (
                run.prompts[row].leaf, run.prompts[row].total, run.prompts[row].marks
            )  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True), min_size=1, max_size=6))
def test_the_union_of_tools_reads_what_a_log_that_always_sent_it_would(sent: list[list[str]]) -> None:
    """Sending all of a conversation's tools from the start is the log in which they were always sent."""
    every = list(dict.fromkeys(name for names in sent for name in names))

    def record(runs: Sequence[Sequence[str]]) -> Record:
        maker, history = Maker(), [said("go " * 300)]
        for number, names in enumerate(runs):
            tools = [tool(name, f"{name} does " * 700) for name in names]
            send(maker, [*tools, system("rules " * 300), *history], 10 * number, marks=(len(tools) - 1, -1))
            history += result(number)
        return maker.made()

    mixed, clean = staged(record(sent))[0], staged(record([every] * len(sent)))[0]
    asked, wanted = mixed.outcome(Change(Edit(union=True))), clean.outcome(Change())
    slack = 6 * len(every)  # rounding along paths
    for row, one in asked.served.items():
        assert one.read == pytest.approx(wanted.served[row].read, abs=slack)
        assert one.plain == pytest.approx(wanted.served[row].plain, abs=slack)
        assert one.written == pytest.approx(wanted.served[row].written, abs=slack)
    if len({tuple(names) for names in sent}) == 1:
        assert asked == mixed.outcome(Change())


def regrown(record: Record, *, behind: bool = False) -> tuple[Stage, Set]:
    stage, _ = staged(record)
    if behind:
        return stage, with_sides(stage.scene, stage.ground, stage.requests, stage.standing, "all")
    return stage, with_union(stage.scene, stage.ground, stage.standing)


# --- one by one ----------------------------------------------------------------------------------------------------


def test_a_clock_in_the_system_prompt_is_told_and_moved_to_the_end() -> None:
    record = session(clock="It is 2026-10-14T10:")
    stage, _ = staged(record)
    frame = table_of(record)
    row = frame.row(0, named=True)
    assert (row["what_if"], row["changes_behaviour"]) == ("volatile text moved to the end", False)
    assert row["how"] == "timestamp of the system prompt, behind the last message"
    served = stage.outcome(Change()).served
    assert not any(one.read for one in served.values())
    moved = stage.outcome(Change(Edit(split=volatile(record.tree, range(1, len(record.tree)))))).served
    assert not moved[0].read
    assert all(moved[row].read > 2_000 for row in range(1, len(moved)))
    assert all(one.plain < 60 for one in moved.values())


def test_what_does_not_change_is_not_volatile() -> None:
    stage, _ = staged(session(clock=""))
    assert not volatile(stage.ground.tree, range(1, len(stage.ground.tree)))


FORMS = [
    (["at 2026-10-14 ok", "at 2026-10-15 ok"], [0.0, 0.0]),
    (["x" * 64 + "2026-10-14", "x" * 64 + "2026-10-15"], [64 / 74] * 2),
    (["x" * 128 + " 2026-10-14", "x" * 128 + "more 2026-10-15"], [128 / 139, 128 / 143]),  # of different lengths
    (["x" * 64 + "2026-10-14", "y" * 64 + "2026-10-14"], [0.0, 0.0]),  # they differ in more than their dates
    (["no date", "none either"], []),
]


@pytest.mark.parametrize(("texts", "kept"), FORMS)
def test_what_stays_of_volatile_texts(texts: list[str], kept: list[float]) -> None:
    maker = Maker()
    for number, text in enumerate(texts):
        send(maker, [system(text), said("go")], number)
    tree = maker.made().tree
    found = {split.segment: split for split in volatile(tree, range(1, len(tree)))}
    assert [found[number].kept for number in sorted(found)] == pytest.approx(kept)
    assert len({split.alias for split in found.values()}) == min(1, len(kept))


def test_tools_that_nobody_called_are_dropped_or_deferred() -> None:
    record = session(marks=(1, -1))
    stage, run = staged(record)
    rare = frozenset(number for number, entry in enumerate(record.tree.entries) if entry.name == "rare")
    dropped = stage.outcome(Change(Edit(rare)))
    gone = {run.prompts[row].total - total for row, total in enumerate(classes(dropped))}
    assert len(gone) == 1
    assert 400 < gone.pop() < 1_500
    deferred = stage.outcome(Change(Edit(rare, search=SEARCH)))
    assert [a - b for a, b in zip(classes(deferred), classes(dropped), strict=True)] == [SEARCH] * 8
    names = table_of(record)["what_if"].to_list()
    assert "never-called tools dropped" in names
    assert names.index("never-called tools dropped") < names.index("never-called tools deferred")


def test_results_are_cut_to_the_token() -> None:
    stage, run = staged(session())
    lengths = run.prompts[-1].reach
    path = stage.ground.tree.path(run.prompts[-1].leaf)
    over = sum(
        max(0, lengths[node] - lengths[stage.ground.tree.parents[node]] - 30)
        for node in path if stage.ground.tree.entry(node).kind is Kind.TOOL_RESULT
    )  # fmt: skip
    assert over > 0
    cut = stage.outcome(Change(Edit(cap=30)))
    assert run.prompts[-1].total - classes(cut)[-1] == over


def test_old_results_are_cleared_in_steps() -> None:
    """With 3 kept, the 6th message of the client is the first to clear: 3 results stay, later 4 and 5, then 3 again."""
    stage, run = staged(session(turns=10))
    scene = rewritten(stage.scene, stage.ground, Edit(cleared=3))
    fewer = [was.total - now.total for was, now in zip(run.prompts, scene.prompts, strict=True)]
    assert fewer[:5] == [0] * 5
    assert 0 < fewer[5] == fewer[6] == fewer[7] < fewer[8] == fewer[9]
    assert scene.prompts[5].total > CLEARED * 2


def test_a_summary_takes_the_place_of_all_but_the_last_messages() -> None:
    """With 3 kept, the 6th message of the client is the first behind a summary, the 9th behind another one."""
    stage, run = staged(session(turns=10, marks=(2, -1)))
    edit = Edit(compacted=3, summary=50)
    scene = rewritten(stage.scene, stage.ground, edit)
    before, now = ([prompt.total for prompt in prompts] for prompts in (run.prompts, scene.prompts))
    assert now[:5] == before[:5]
    steps = [later - earlier for earlier, later in pairwise(before)]
    *_, head, _ = stage.ground.tree.path(run.prompts[0].leaf)
    assert now[5] == run.prompts[0].tokens(head) + 50 + sum(steps[2:5]), "a call stays with its result"
    assert now[6] - now[5] == steps[5]
    assert now[8] < now[7]
    served = stage.outcome(Change(edit)).served
    assert served[6].read == now[5], "between two compactions every request goes on from the one before"
    assert 1_000 < served[5].read < now[4], "of what was in the cache only tools and system are read again"
    row = next(
        row for row in table_of(session(turns=200)).to_dicts() if row["what_if"] == "compaction at another point"
    )
    assert row["changes_behaviour"]
    assert row["how"].startswith("to 2,000 tokens (assumed) but for the last 20 to 39 messages")


def test_an_expired_cache_is_kept_alive_or_lives_longer() -> None:
    stage, _ = staged(session(gap=400))
    assert not any(one.read for one in stage.outcome(Change()).served.values())
    pinged, longer = stage.outcome(Change(pings=1)), stage.outcome(Change(ttl="1h"))
    assert pinged.pings == 8  # one in each of the 7 gaps, and one that nothing follows
    assert all(pinged.served[row].read for row in range(1, 8))
    assert all(set(one.writes) <= {"1h"} for one in longer.served.values())
    assert saved(stage, Change(pings=1)) > 0
    assert saved(stage, Change(ttl="1h")) > 0
    short, _ = staged(session(gap=200))
    assert short.outcome(Change(pings=1)).pings == 1  # only where nothing follows


# --- where breakpoints stand ---------------------------------------------------------------------------------------

TREE = [
    Block("t1", 10, "tools"), Block("t2", 10, "tools"), Block("s1", 10, "system"), Block("s2", 10, "system"),
    *blocks(4), Block("call", 10, run="a", eligible=False), Block("result", 10, run="b"), Block("last", 10),
]  # fmt: skip
PLACED = [
    (Placement(tools=True), ["t2"]),
    (Placement(system="last", messages=1), ["s2", "last"]),
    (Placement(tools=True, system="each", messages=1), ["t2", "s1", "s2", "last"]),
    (Placement(tools=True, system="each", messages=2), ["s1", "s2", "result", "last"]),  # the first goes
    (Placement(messages=3), ["4", "result", "last"]),
    (STUDIED["without tool results"], ["t2", "s2", "4"]),
    (STUDIED["system prompt only"], ["t2", "s2"]),
    (STUDIED["full context"], ["t2", "s2", "last"]),
]


@pytest.mark.parametrize(("rule", "expected"), PLACED)
def test_a_rule_names_places(rule: Placement, expected: list[str]) -> None:
    forest = Forest()
    leaf = forest.path(TREE)[-1]
    nodes = Places(forest.shape()).nodes(rule, leaf, 4)
    assert [block.name for block in (forest.content[node] for node in nodes) if block] == expected


@pytest.mark.parametrize(("count", "anchor"), [(9, []), (10, []), (11, ["10"]), (20, ["10"]), (21, ["20"])])
def test_every_so_many_blocks(count: int, anchor: list[str]) -> None:
    forest = Forest()
    leaf = forest.path([Block("s", 10, "system"), *blocks(count)])[-1]
    nodes = Places(forest.shape()).nodes(Placement(messages=1, every=10), leaf, 4)
    assert [block.name for block in (forest.content[node] for node in nodes) if block] == [*anchor, str(count)]


def test_rules_fit_into_the_breakpoints_there_are() -> None:
    assert all(rule.least <= 4 for rule in placements(4))
    assert {rule.least for rule in placements(1)} == {1}


def test_breakpoints_are_placed_where_a_log_has_none() -> None:
    record = session(marks=())
    row = table_of(record).row(0, named=True)
    assert row["what_if"] == "breakpoints placed better"
    stage, _ = staged(record)
    assert saved(stage, Change(placement=Placement(messages=1))) == 0
    assert saved(stage, Change(placement=Placement(messages=1), everywhere=True)) > 0


def test_transcripts_do_not_tell_where_breakpoints_stand() -> None:
    stage, _ = staged(read("claude-code/session.jsonl"))
    assert not any(stage.placeable(row) for row in range(len(stage.requests)))


def test_a_marker_on_what_moves_stands_on_what_is_before_it() -> None:
    stage, run = staged(session(clock="It is 2026-10-14T10:", marks=(3, -1)))
    entry = next(number for number, one in enumerate(stage.ground.tree.entries) if one.marks)
    whole = frozenset(Split(number, b"gone", 0.0) for number, one in enumerate(stage.ground.tree.entries) if one.marks)
    assert entry
    scene = rewritten(stage.scene, stage.ground, Edit(split=whole))
    for was, now in zip(run.prompts, scene.prompts, strict=True):
        assert now.tokens(now.marks[0][0]) == was.tokens(stage.ground.tree.parents[was.marks[0][0]])
        assert now.marks[-1][0] != now.leaf
        assert now.tokens(now.leaf) == was.total


def test_a_memory_block_that_tells_the_date_goes_to_the_end() -> None:
    maker = Maker()
    for day in range(4):
        spot = Spot("messages", "user", opens=True)
        memory = parts.segment(spot, Kind.MEMORY, f"<system-reminder>2026-10-1{day}</system-reminder>")
        send(maker, [*HEAD, system("rules " * 600), memory, said("please " * 800)], day * 10)
    row = table_of(maker.made()).row(0, named=True)
    assert row["how"] == "date of the memory and reminders, behind the last message"


# --- another head --------------------------------------------------------------------------------------------------


def growing_tools(turns: int = 6) -> Record:
    """A conversation that gets a tool more half way."""
    maker, history = Maker(), [said("go")]
    more = [tool("late", "late does " * 600)]
    for turn in range(turns):
        tools = [*HEAD, *(more if turn >= turns // 2 else [])]
        send(maker, [*tools, system("rules " * 600), *history], turn * 10)
        history += result(turn)
    return maker.made()


def test_tools_that_come_late_are_sent_from_the_start() -> None:
    record = growing_tools()
    stage, found = regrown(record)
    names = [[found.ground.tree.entry(node).name for node in found.ground.tree.path(prompt.leaf)][:3]
             for prompt in found.scene.prompts]  # fmt: skip
    assert names == [["look", "rare", "late"]] * 6
    gained = [now.total - was.total for was, now in zip(stage.scene.prompts, found.scene.prompts, strict=True)]
    assert gained[3:] == [0, 0, 0]
    assert gained[0] == gained[1] == gained[2] > 1_000
    row = next(row for row in table_of(record).to_dicts() if row["what_if"] == "tools kept the same all session")
    assert row["changes_behaviour"]
    assert (
        row["how"]
        == "1 conversation whose tools change: up to 3 tools from the first request on, each as it was first sent"
    )
    served = stage.outcome(Change(Edit(union=True))).served
    assert all(served[row].read > 3_000 for row in range(1, 6))
    assert stage.outcome(Change()).served[3].read == 0


@pytest.mark.parametrize("edit", HEADS)
def test_heads_grow_beside_a_model_that_sees_other_paths(edit: Edit) -> None:
    """A model that strips thinking has paths of its own, which the ruler of the other one never measured."""
    maker, history, thinking = Maker(), [said("go")], [said("go")]
    for turn in range(4):
        own = tool("late" if turn > 1 else "early", "does " * 600)
        maker.send([*HEAD, own, system("rules"), *history], model="claude-opus-4-6", session="one",
                   provider="anthropic", api="anthropic", started=START + 20 * turn)  # fmt: skip
        send(maker, [system("rules " * 600), *thinking], 20 * turn + 10)
        history += result(turn)
        thinking += [said("hm " * 90, Kind.THINKING), said("so", Kind.ASSISTANT), said(f"and {turn}")]
    record = maker.made()
    stage, run = staged(record)
    assert len(run.shape.parents) > len(record.tree)
    outcome = stage.outcome(Change(edit))
    assert classes(outcome) == [stage.scenes[edit].prompts[row].total for row in outcome.served]


def test_a_tool_that_changes_stays_as_it_was_first_sent() -> None:
    maker, history = Maker(), [said("go")]
    for turn in range(4):
        clock = tool("clock", f"it is turn {turn} " * 300)
        send(maker, [HEAD[0], clock, system("rules " * 600), *history], turn * 10)
        history += result(turn)
    stage, found = regrown(maker.made())
    heads = {tuple(found.ground.tree.path(prompt.leaf)[:2]) for prompt in found.scene.prompts}
    assert len(heads) == 1
    assert saved(stage, Change(Edit(union=True))) > 0


def with_summary(*, repeats: bool) -> Record:
    """A main conversation, then a call without tools that tells to summarise it; or one that asks for a title."""
    maker, history = Maker(), [said("go " * 900)]
    for turn in range(4):
        send(maker, [*HEAD, system("rules " * 600), *history], turn * 10, marks=(1, -1))
        history += result(turn, words=400)
    talk = [*history[:-2], said("now summarise")] if repeats else [said("a title please")]
    send(maker, [system("You summarise. "), *talk], 50, marks=())
    return maker.made()


@pytest.mark.parametrize("repeats", [True, False])
def test_a_side_call_goes_behind_the_main_prompt(repeats: bool) -> None:
    record = with_summary(repeats=repeats)
    stage, found = regrown(record, behind=True)
    tree, side, main = found.ground.tree, found.scene.prompts[4], found.scene.prompts[3]
    kinds = [tree.entry(node) for node in tree.path(side.leaf)]
    assert [entry.level for entry in kinds][:3] == ["tools", "tools", "system"]
    assert tree.path(side.leaf)[: len(tree.path(main.leaf))] == tree.path(main.leaf)
    assert [entry.role for entry in kinds][-2:] == ["user", "user"]  # what it asks, and what its system prompt told
    assert not [entry for entry in kinds if entry.level == "system"][1:]
    served = stage.outcome(Change(Edit(behind="all"))).served[4]
    assert served.read == main.total
    assert 0 < side.total - main.total < 60
    assert (saved(stage, Change(Edit(behind="all"))) > 0) == repeats
    assert (stage.outcome(Change(Edit(behind="carrying"))) == stage.outcome(Change())) != repeats
    told = {row["what_if"]: row for row in table_of(record).to_dicts()}
    assert ("side calls in one lineage" in told) == repeats
    if repeats:
        assert told["side calls in one lineage"]["changes_behaviour"]


def test_a_side_call_of_another_model_stays_where_it_is() -> None:
    record = with_summary(repeats=True)
    record.requests[-1] = structs.replace(record.requests[-1], model="claude-haiku-4-5")
    stage, found = regrown(record, behind=True)
    assert found.scene is stage.scene


# --- markers beside message ends -----------------------------------------------------------------------------------


def judged(count: int = 6) -> Record:
    """One long prefix, each time with another tail: no message end of one is in another."""
    maker = Maker()
    for number in range(count):
        text = said(f"rate {number}: " + f"word{number} " * 900)
        maker.send([system("rules to rate " * 900), text], session=str(number), model="gpt-5.6-sol", api="openai-chat",
                   started=START + 20 * number, first_token=START + 20 * number + 1)  # fmt: skip
    return maker.made()


def test_a_marker_behind_the_shared_prefix_is_found() -> None:
    """Without one every call writes its whole prompt; with one and nothing else each tail is plain."""
    record = judged()
    stage, run = staged(record)
    assert set(run.policies) == {"openai-5.6"}
    served = stage.outcome(Change(markers=Markers(Placement(system="last"), only=True))).served
    assert all(one.read > 2_500 for row, one in served.items() if row)
    assert all(not one.written for row, one in served.items() if row)
    row = table_of(record).row(0, named=True)
    assert row["what_if"] == "explicit markers"
    assert row["how"] == "prompt_cache_breakpoint (GPT-5.6 and later) behind system, and nowhere else"
    assert not row["changes_behaviour"]
    assert row["saved"] == round(saved(stage, Change(markers=Markers(Placement(system="last"), only=True))))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.booleans(), st.sampled_from([1, 2, 3]))
def test_markers_keep_the_sum_and_the_limit(turns: list[int], only: bool, messages: int) -> None:
    maker, history = Maker(), [said("go " * 600)]
    for number, turn in enumerate(turns):
        history = history[: 1 + 2 * turn] + result(number)
        maker.send([*HEAD, system("rules " * 600), *history], model="gpt-5.6-sol", api="openai-responses", session="s",
                   started=START + 20 * number, first_token=START + 20 * number + 1)  # fmt: skip
    stage, run = staged(maker.made())
    outcome = stage.outcome(Change(markers=Markers(Placement(system="last", messages=messages), only)))
    assert classes(outcome) == [prompt.total for prompt in run.prompts]
    assert not any(stage.placeable(row) for row in range(len(turns)))


def test_markers_stand_on_no_tool_and_on_no_answer() -> None:
    maker = Maker()
    talk = [said("go"), *result(1), said("done", Kind.ASSISTANT), said("more")]
    maker.send([*HEAD, *talk], model="gpt-5.6-sol", api="openai-chat", started=START)
    stage, _ = staged(maker.made())
    prompts = stage.marked(
        stage.scene, Change(markers=Markers(Placement(system="last", messages=3, every=10), only=True))
    )
    tree = stage.ground.tree
    entries = [tree.entry(node) for node, _ in prompts[0].marks]
    assert entries
    assert all(entry.level == "messages" and entry.role == "user" for entry in entries)


def test_a_log_whose_policy_has_no_message_ends_has_no_markers_to_set() -> None:
    stage, _ = staged(session())
    markers = Change(markers=Markers(Placement(system="last"), only=True))
    assert stage.outcome(markers) == stage.outcome(Change())
