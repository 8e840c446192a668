"""What is wrong with a record is said in words, with the place of the value."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from agentcost.ingest.faults import fault


class Inner(msgspec.Struct):
    tokens: int | None
    length: Annotated[int, msgspec.Meta(ge=0)] = 0


class Outer(msgspec.Struct):
    usage: Inner
    names: list[str] = []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"usage": {"tokens": "many"}}, "usage.tokens is text where a whole number or nothing belongs"),
        ({"usage": {"tokens": 1, "length": -1}}, "usage.length is not a whole number >= 0"),
        ({"usage": {}}, "usage has no tokens"),
        ({}, "it has no usage"),
        ({"usage": []}, "usage is a list where an object belongs"),
        ({"usage": {"tokens": 1}, "names": [True]}, "names[0] is true or false where text belongs"),
        ([], "it is a list where an object belongs"),
    ],
)
def test_a_value_of_a_wrong_type(value: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Outer)
    assert fault(caught.value) == words


def test_other_errors_stay_as_they_are() -> None:
    assert fault(ValueError("a lone surrogate where none may stand")) == "a lone surrogate where none may stand"
