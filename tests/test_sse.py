"""Event streams as captures hold them: padded, cut short, with either line end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest.sse import events

A, B = {"type": "a", "n": 1}, {"type": "b"}
ONE, TWO = json.dumps(A), json.dumps(B)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"event: a\ndata: {ONE}\n\nevent: b\ndata: {TWO}\n\ndata: [DONE]\n\n", [A, B]),
        (f"event: a\r\ndata: {ONE}\r\n\r\ndata:{TWO}\r\n\r\n", [A, B]),
        (f"data: {ONE}\rdata: {TWO}\r", [A, B]),
        (f": PROCESSING\n\n   data: {ONE}   \n\n\n\n{' ' * 99}data: {TWO}{' ' * 99}", [A, B]),
        (f"data: {ONE}\ndata: {TWO}", [A, B]),
        ('data: {"type": "a",\ndata: "n": 1}\n\ndata: {"type": "b"}\n\n', [A, B]),
        (f"id: 7\nretry: 10\ndata: {ONE}\n\ndata: {TWO[:-3]}", [A]),
        (f"data: {ONE[:-3]}\n\ndata: {TWO}\n\n", [B]),
        (f"[{ONE},\r\n{TWO}]", [A, B]),
        (f"{ONE}\n{TWO}\n", [A, B]),
        ("data: 7\n\ndata: null\n\n", []),
        ("", []),
        ("[", []),
        ("no stream at all", []),
    ],
)
def test_streams(text: str, expected: list[dict[str, object]]) -> None:
    assert events(text) == expected


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
        )
    )
)
def test_what_was_sent_is_read(sent: list[dict[str, str]]) -> None:
    """U+2028, U+0085 and their like are no line ends, however unescaped."""
    stream = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in sent)
    assert events(stream) == sent
