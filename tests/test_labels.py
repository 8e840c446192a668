"""Labels from a log's path: they fill what a reader knows, or are keys of their own."""

from __future__ import annotations

import pytest
from tests.building import Maker, words
from tests.replacing import replace

from agentcost.errors import UsageError
from agentcost.loading.labels import FIELDS, Label, labelled, parse_labels
from agentcost.model import Place, Request

REQUEST = replace(
    Maker().send(words("a"), user="u", session="s"), place=Place("/logs/alice/web/run.jsonl", 3), labels=(("old", "x"),)
)


def under(*labels: Label, source: str = "/logs/alice/web/run.jsonl") -> Request:
    return labelled(replace(REQUEST, place=Place(source, 3)), labels)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("user=path:2", Label("user", 2)), ("team_1=path:-2", Label("team_1", -2)), ("_x=path:10", Label("_x", 10))],
)
def test_rules(argument: str, expected: Label) -> None:
    assert parse_labels([argument]) == (expected,)


@pytest.mark.parametrize(
    "argument", ["user", "user=2", "user=path:0", "user=path:", "1a=path:1", "a b=path:1", "=path:1"]
)
def test_what_is_no_rule(argument: str) -> None:
    with pytest.raises(UsageError, match="name=path:N"):
        parse_labels([argument])


@pytest.mark.parametrize(
    ("folder", "expected"),
    [(1, "logs"), (2, "alice"), (3, "web"), (-1, "web"), (-2, "alice"), (-3, "logs"), (4, ""), (-4, "")],
)
def test_folders_count_from_both_ends_and_the_file_is_none(folder: int, expected: str) -> None:
    assert dict(under(Label("team", folder)).labels) == {"old": "x", "team": expected}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_filled(name: str) -> None:
    assert getattr(under(Label(name, 2)), name) == "alice"
    assert getattr(under(Label(name, 9)), name) == getattr(REQUEST, name)


def test_relative_paths_and_names_without_folders() -> None:
    assert under(Label("user", 1), source="alice/run.jsonl").user == "alice"
    assert under(Label("user", 2), source="stdin").user == "u"


def test_labels_are_in_the_order_of_their_names() -> None:
    assert [name for name, _ in under(Label("z", 1), Label("a", 2)).labels] == ["a", "old", "z"]
    assert under() == REQUEST
