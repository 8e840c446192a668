"""Where two texts differ, whether in more than their order, and that a mask holds no word."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.differences import CHANGED, SAME, SHOWN, difference, masked

MASKS = [
    ("2026-10-14T08:52:29Z", "9999-99-99A99:99:99A"),
    ("6f1d3a52-0b1c-4c7e", "9a9a9a99-9a9a-9a9a"),
    ("/home/ada/shop\n", "/aaaa/aaa/aaaa "),
    ("Été 京都 ½ №7", "Aaa aa · ·9"),
    ("sk-key_1 \x1b[2J\x00", "aa-aaa_9  [9A "),
]


@pytest.mark.parametrize(("text", "expected"), MASKS)
def test_a_mask_keeps_the_form(text: str, expected: str) -> None:
    assert masked(text) == expected


@given(st.text())
def test_a_mask_holds_no_letter_or_digit_of_the_text_and_is_as_long(text: str) -> None:
    found = masked(text)
    assert len(found) == len(text)
    assert {letter for letter in found if letter.isalnum()} <= set("aA9")
    assert masked(found) == found


PLACES = [
    ("Today is 2026-10-14T08:52 ok", "Today is 2026-10-14T09:10 ok", 21, "2026-10-14T08:52 ok", "2026-10-14T09:10 ok"),
    ("clean", "clean and more", 5, "clean", "clean and more"),
    ("", "new", 0, "", "new"),
    ("a" * 99 + "b", "a" * 99 + "c", 99, "…" + "a" * 20 + "b", "…" + "a" * 20 + "c"),
    ("x " + "y" * 90, "x " + "z" * 90, 2, "y" * SHOWN, "z" * SHOWN),
]


@pytest.mark.parametrize(("before", "now", "position", "left", "right"), PLACES)
def test_the_first_difference_is_shown_from_the_start_of_its_word(
    before: str, now: str, position: int, left: str, right: str
) -> None:
    found = difference(before, now)
    assert (found.position, found.change) == (position, CHANGED)
    assert found.before.lstrip("…")[:20] == left.lstrip("…")[:20]
    assert found.now.lstrip("…")[:20] == right.lstrip("…")[:20]
    assert max(len(found.before), len(found.now)) <= SHOWN


@given(st.text(), st.text(), st.text())
def test_the_position_is_the_length_of_the_common_beginning(start: str, left: str, right: str) -> None:
    before, now = start + left, start + right
    found = difference(before, now)
    if before == now:
        assert (found.position, found.change) == (None, SAME)
        return
    assert found.position is not None
    assert before[: found.position] == now[: found.position]
    assert before[found.position : found.position + 1] != now[found.position : found.position + 1]


# --- another order -------------------------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, min_size=2, max_size=6)


def shuffled(value: object, order: random.Random) -> object:
    """The same value with the keys of every object in another order."""
    if isinstance(value, Mapping):
        pairs = [(key, shuffled(one, order)) for key, one in value.items()]
        order.shuffle(pairs)
        return dict(pairs)
    return [shuffled(one, order) for one in value] if isinstance(value, list) else value


@given(OBJECTS, st.randoms(use_true_random=False), st.sampled_from(["", "read\n", "Edit: a tool {of sorts\n"]))
def test_shuffled_keys_are_told_as_reordered(value: dict[str, object], order: random.Random, head: str) -> None:
    before, now = head + json.dumps(value), head + json.dumps(shuffled(value, order))
    assert difference(before, now).change == (SAME if before == now else "JSON keys in another order")


@given(OBJECTS, st.randoms(use_true_random=False), st.integers(0, 5))
def test_shuffled_keys_and_one_changed_value_are_told_as_changed(
    value: dict[str, object], order: random.Random, place: int
) -> None:
    key = list(value)[place % len(value)]
    other = {**value, key: [value[key], "another"]}
    assert difference(json.dumps(value), json.dumps(shuffled(other, order))).change == CHANGED


ORDERS = [
    ('{"a":1,"b":2}', '{"b":2,"a":1}', "JSON keys in another order"),
    ('{"required":["a","b"],"x":1}', '{"x":1,"required":["b","a"]}', "JSON keys and lists in another order"),
    ("read\n{\"a\":1,\"b\":2} tail", "read\n{\"b\":2,\"a\":1} tail", "JSON keys in another order"),
    ("one\ntwo\nthree", "two\none\nthree", "lines in another order"),
    ('{"a":1,"b":2}', '{"b":1,"a":2}', CHANGED),
    ('{"a":1,"b":2}', '{"b":2,"a":1.0}', CHANGED),  # a number is what is written
    ('{"a":1,"a":2}', '{"a":2}', CHANGED),  # and so is a key that is repeated
    ('{"a":"1","b":2}', '{"b":2,"a":1}', CHANGED),
    ('{"a":1', '{"b":1', CHANGED),
    ("[" * 50_000, "[" * 50_001, CHANGED),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "change"), ORDERS)
def test_what_is_in_another_order_is_named(before: str, now: str, change: str) -> None:
    assert difference(before, now).change == change
    assert difference(now, before).change == change
