"""YAML as programs write it: the types of scalars, tags, where the items of a list lie, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest.yaml_values import listed, load

CASES: list[tuple[str, object]] = [
    ("", None),
    ("x", "x"),
    ("a: 1\nb: -2.5\nc: 1e3\nd: true\ne: null\nf: ~\ng:\n", {
        "a": 1, "b": -2.5, "c": 1000.0, "d": True, "e": None, "f": None, "g": None,
    }),
    ("when: 2026-01-10T20:00:00Z\n", {"when": "2026-01-10T20:00:00Z"}),
    ("a:\n- 1\n- b: c\n  d: e\n- - 2\n  - 3\n", {"a": [1, {"b": "c", "d": "e"}, [2, 3]]}),
    ("a:\n  - 1\n  -\n    b: c\n", {"a": [1, {"b": "c"}]}),
    ("a: one\n  two\n\n  three\nb: 1\n", {"a": "one two\nthree", "b": 1}),
    ("a: 'it''s\n  on'\n", {"a": "it's on"}),
    ('a: "one \\\n  \\ two\\n\\x41\\u00e9\\U0001f600\\\\\\""\n', {"a": 'one  two\nAé😀\\"'}),
    ("a: '\\ud83d\\ude00'\n", {"a": "\\ud83d\\ude00"}),
    ("a: |\n  x\n\n   y\nb: |-\n  z\n", {"a": "x\n\n y\n", "b": "z"}),
    ("a: |+\n  x\n\nb: |2\n   y\n", {"a": "x\n\n", "b": " y\n"}),
    ("a: >\n  one\n  two\n\n  three\n", {"a": "one two\nthree\n"}),
    ("a: {b: 'c', d: [1, ~, \"e\"], f: }\ng: []\nh: {}\n", {
        "a": {"b": "c", "d": [1, None, "e"], "f": None}, "g": [], "h": {},
    }),
    ("a: [1,\n  2]\nb: 3\n", {"a": [1, 2], "b": 3}),
    ("a: !!binary |\n  YXBw\nb: !binary |-\n  YXBw\n", {"a": b"app", "b": b"app"}),
    ("a: !ruby/object:Hash\n  b: !!python/tuple [1]\nc: !!python/unicode 'd'\n", {"a": {"b": [1]}, "c": "d"}),
    ("yes: no\n2: 1\nnull: 20:30\n", {"yes": "no", "2": 1, "null": "20:30"}),
    ("a: &k\n- 1\nb: *k\n", {"a": [1], "b": [1]}),
    ("'a b': 1\n\"c\\td\": 2\n? long\n: 3\nx-y: 4\n", {"a b": 1, "c\td": 2, "long": 3, "x-y": 4}),
    ("# note\na: 1 # one\n# more\nb: c#d\n...\n", {"a": 1, "b": "c#d"}),
    ("a: http://x/y:z\n", {"a": "http://x/y:z"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), CASES)
def test_values(text: str, value: object) -> None:
    assert load(text) == value


@pytest.mark.parametrize("text", ['a: "b\n', "a: [1, 2\n", "a: {b: 1\n", "a: 1\nb\n", "a: !!binary x\n", "- " * 5000])
def test_what_is_refused_is_told_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+"):
        load(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n: 1\né:\n- a: &x 1\n-\n  a: '- 2'\n- *x\n", [(8, {"a": 1}), (18, {"a": "- 2"}), (8, 1)]),
        ("é:\n  [1, {a: 2}]\n", [(6, 1), (9, {"a": 2})]),
        ("é: []\n", []),
        ("é: 1\n", None),
        ("- 1\n", None),
        ("", None),
    ],
)
def test_the_items_of_a_list_begin_at_their_dashes(text: str, expected: list[tuple[int, object]] | None) -> None:
    assert listed(text, ("é",)) == expected


TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
"""What JSON escapes without pairs of surrogates, which are no characters of YAML."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_is_yaml(value: object) -> None:
    assert load("a: " + json.dumps(value) + "\n") == {"a": value}


def block(value: object, depth: int) -> str:
    """The value in block style, as a recorder writes it."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"\n{pad}{json.dumps(key)}:{block(item, depth + 1)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{pad}-{block(item, depth + 1)}" for item in value)
    return " " + json.dumps(value)


@given(JSON)
def test_block_style_says_the_same(value: object) -> None:
    assert load("a:" + block(value, 1) + "\n") == {"a": value}
