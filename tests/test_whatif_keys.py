"""JSON sent again with its keys in another order: found, replayed as it was first sent, and what that saves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests import faults
from tests.faults import MODELS, Fault, Step, both, keys_swapped, on, once, session, setting
from tests.reading import memory_source
from tests.replacing import replace
from tests.staging import staged, table_of

from agentcost.ingest.parts import Spot, tool_call, unordered, unordered_of
from agentcost.loading.logs import Reading, load_logs
from agentcost.record import Record
from agentcost.sharing.redaction import Hiding, hidden_record, key_of
from agentcost.whatifs.edits import Edit
from agentcost.whatifs.keys import first_sent
from agentcost.whatifs.replay import Change, Stage

KEYED = Change(Edit(keyed=True))


def record_of(dialect: str, steps: Sequence[Step]) -> Record:
    return load_logs([memory_source("made.jsonl", faults.log(dialect, steps, None))], Reading())


def made(dialect: str, steps: Sequence[Step]) -> Stage:
    return staged(record_of(dialect, steps))[0]


def offers(dialect: str, steps: Sequence[Step]) -> pl.DataFrame:
    return table_of(record_of(dialect, steps))


def schema_swapped(step: Step) -> Step:
    return replace(step, swapped="tool2")


FORMAT: dict[str, Any] = {"type": "json_schema", "name": "a", "schema": {"type": "object", "required": ["a", "b"]}}
SWAPPED = {"schema": dict(reversed(FORMAT["schema"].items())), "name": "a", "type": "json_schema"}

SHUFFLES: dict[str, Fault] = {
    "a call": keys_swapped(1),
    "a call, once": once(lambda step: keys_swapped(1)([step], 0)[0]),
    "a schema": on(schema_swapped),
    "a schema, once": once(schema_swapped),
    "both": both(on(schema_swapped), keys_swapped(3)),
}


@pytest.mark.parametrize("position", [4, 5, 7])
@pytest.mark.parametrize("name", SHUFFLES)
@pytest.mark.parametrize("dialect", MODELS)
def test_keys_in_one_order_save_what_shuffled_keys_cost(dialect: str, name: str, position: int) -> None:
    clean, shuffled = (
        made(dialect, session(dialect)),
        made(dialect, SHUFFLES[name](session(dialect), position)),
    )
    wanted, was, now = clean.outcome(Change()), shuffled.outcome(Change()), shuffled.outcome(KEYED)
    for row, one in now.served.items():
        assert one.read == pytest.approx(wanted.served[row].read, abs=3)  # rounding along paths
        assert one.written == pytest.approx(wanted.served[row].written, abs=3)
        assert one.plain == pytest.approx(wanted.served[row].plain, abs=3)
    assert was.cost - wanted.cost > 300
    assert float(was.cost - now.cost) == pytest.approx(float(was.cost - wanted.cost), abs=10)


@pytest.mark.parametrize("dialect", MODELS)
def test_what_no_key_order_broke_is_the_log_as_run(dialect: str) -> None:
    """Twins of which a value differs, and a log without a fault: nothing is rewritten."""
    for fault in (faults.edited(1), faults.tool_edited(2), lambda steps, _: list(steps)):
        stage = made(dialect, fault(session(dialect), 4))
        assert stage.outcome(KEYED) == stage.outcome(Change())
        rows = offers(dialect, fault(session(dialect), 4))["what_if"].to_list()
        assert not [name for name in rows if "keys" in name]


@pytest.mark.parametrize("dialect", ["openai", "openai-5.6"])
def test_an_answers_schema_keeps_its_keys_order(dialect: str) -> None:
    steps = setting("text", {"format": FORMAT})(session(dialect), 0)
    shuffled = setting("text", {"format": SWAPPED})(steps, 4)
    other = setting("text", {"format": {**FORMAT, "schema": {"type": "object", "required": ["b", "a"]}}})(steps, 4)
    clean, stage, twin = made(dialect, steps), made(dialect, shuffled), made(dialect, other)
    assert stage.outcome(Change()).read < stage.outcome(KEYED).read
    assert stage.outcome(KEYED) == clean.outcome(Change())
    assert twin.outcome(KEYED) == twin.outcome(Change()), "the order of a list is content"


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        (keys_swapped(1), "tool calls: sort_keys=True, or the arguments string as the model sent it"),
        (on(schema_swapped), "tool definitions: sort_keys=True"),
    ],
)
def test_the_row_says_how_and_counts_among_all_that_change_nothing_else(fault: Fault, how: str) -> None:
    """A clock in the system prompt as well, four requests later: together they save what neither does alone."""
    clock = faults.in_system("T09:00:00Z", "T09:07:41Z")
    rows = {row["what_if"]: row for row in offers("anthropic", clock(fault(session("anthropic", 12), 4), 8)).to_dicts()}
    own, together = rows["JSON keys in one order"], rows["all that change no behaviour"]
    assert (own["how"], own["changes_behaviour"]) == (how, False)
    assert "JSON keys in one order" in together["how"]
    assert together["saved"] > own["saved"] > 0


def test_tools_and_keys_sorted_together_read_what_sorted_tools_would() -> None:
    """OpenAI's models are shown a tool by what stands before it: in another place it is another text."""
    for dialect in MODELS:
        steps = [faults.tools_reordered(step) if number % 2 else step for number, step in enumerate(session(dialect))]
        both_sorted = made(dialect, steps).outcome(Change(Edit(ordered=True, keyed=True)))
        clean = made(dialect, session(dialect)).outcome(Change())
        assert both_sorted.read == pytest.approx(clean.read, rel=0.01)
        assert "order" in " ".join(offers(dialect, steps)["what_if"])


def test_a_redacted_record_tells_the_same() -> None:
    record = record_of("anthropic", keys_swapped(1)(session("anthropic"), 4))
    hidden = hidden_record(record, Hiding(key_of(b"0123456789abcdef")))
    own, other = (first_sent(one.tree, [request.node for request in one.ordered()]) for one in (record, hidden))
    assert len(own) == 1
    assert own == other
    assert not {entry.unordered for entry in record.tree.entries} & {
        entry.unordered for entry in hidden.tree.entries
    } - {b""}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def turned(value: Any) -> Any:
    """The same value with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=2), VALUES, max_size=4), st.dictionaries(st.text(max_size=2), VALUES))
def test_a_digest_whatever_the_order_tells_values_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    spaced = json.dumps(turned(one), indent=1)
    assert unordered(json.dumps(one)) == unordered(spaced) != b""
    assert (unordered(json.dumps(one)) == unordered(json.dumps(other))) == (one == other)


@pytest.mark.parametrize("text", ["", "ls -l", '{"a":', '"a"', '{"a":"\ud800"}'])
def test_what_is_no_json_object_is_equal_to_itself_only(text: str) -> None:
    assert unordered(text) == b""


def test_a_call_is_the_same_with_its_own_id_and_place_only() -> None:
    spot = Spot("messages", "assistant")
    call = tool_call(spot, "look", '{"a":1,"b":2}', "c1")
    assert unordered_of(call) == unordered_of(tool_call(spot, "look", '{"b": 2, "a": 1}', "c1"))
    others = [
        tool_call(spot, "look", '{"b":1,"a":2}', "c1"), tool_call(spot, "look", '{"a":1,"b":2}', "c2"),
        tool_call(spot, "see", '{"a":1,"b":2}', "c1"), structs.replace(call, opens_message=True),
    ]  # fmt: skip
    assert unordered_of(call) not in {unordered_of(other) for other in others}
