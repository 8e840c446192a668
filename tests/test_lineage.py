"""Which request goes on from which: chains, forks, side calls, sub-agents, and conversations that name no session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.building import Maker, system, tool, words

from agentcost.lineage import Standing, standings
from agentcost.model import Segment

HEAD = [tool("bash"), system("You help.")]


def stood(*calls: tuple[str, dict[str, Any]]) -> list[Standing]:
    """Standings of calls: a letter a message, `head` before them, other fields as the request has them."""
    maker = Maker()
    for letters, fields in calls:
        head: Sequence[Segment] = fields.get("head", HEAD)
        maker.send([*head, *words(*letters)], **{key: value for key, value in fields.items() if key != "head"})
    return standings(maker.record.tree, maker.record.requests)


def lineages(*calls: tuple[str, dict[str, Any]]) -> list[tuple[int, int, int | None]]:
    return [(stand.lineage, stand.turn, stand.before) for stand in stood(*calls)]


def plain(*letters: str, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(text, {"session": "s", **fields}) for text in letters]


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        pytest.param(["a", "abc", "abcde"], [(0, 1, None), (0, 2, 0), (0, 3, 1)], id="chain"),
        pytest.param(["abc", "abc"], [(0, 1, None), (0, 2, 0)], id="retry"),
        pytest.param(["abcdefghij", "abcdefghXY"], [(0, 1, None), (0, 2, 0)], id="its end rewritten"),
        pytest.param(["abcdefghij", "abcdefgXYZ"], [(0, 1, None), (1, 1, None)], id="more than its end rewritten"),
        pytest.param(["abcdef", "Sum", "Sumx"], [(0, 1, None), (1, 1, None), (1, 2, 1)], id="compaction"),
        pytest.param(["ab", "xy", "abc", "xyz"], [(0, 1, None), (1, 1, None), (0, 2, 0), (1, 2, 1)], id="sub-agent"),
        pytest.param(
            ["abcde", "abcXY", "abcdef", "abcXYZ"], [(0, 1, None), (1, 1, None), (0, 2, 0), (1, 2, 1)], id="fork"
        ),
        pytest.param(["a", "abc", "a"], [(0, 1, None), (0, 2, 0), (1, 1, None)], id="started anew"),
    ],
)
def test_lineages_of_one_session(prompts: list[str], expected: list[tuple[int, int, int | None]]) -> None:
    assert lineages(*plain(*prompts)) == expected


def test_a_side_call_without_tools_is_its_own_lineage() -> None:
    bare = {"head": [system("Write a title.")], "session": "s"}
    calls = [*plain("a"), ("a", bare), *plain("abc"), ("abc", bare)]
    assert [(lineage, turn) for lineage, turn, _ in lineages(*calls)] == [(0, 1), (1, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize(
    "head",
    [
        [tool("bash"), system("You help. It is 12:01:00.")],
        [tool("bash"), tool("grep"), system("You help.")],
        [tool("bash")],
        [tool("bash"), system("You"), system("help.")],
    ],
    ids=["system prompt", "one tool more", "no system prompt", "two blocks"],
)
def test_what_breaks_a_cache_breaks_no_conversation(head: list[Segment]) -> None:
    calls = [("ab", {"session": "s"}), ("abcd", {"session": "s", "head": head}), ("abcdef", {"session": "s"})]
    assert lineages(*calls) == [(0, 1, None), (0, 2, 0), (0, 3, 1)]


def test_sessions_are_never_joined() -> None:
    calls = [*plain("a", session="s"), *plain("a", session="t"), *plain("abc", session="s"), *plain("abc", session="t")]
    standing = stood(*calls)
    assert [(s.session, s.lineage, s.turn, s.inferred) for s in standing] == [
        ("s", 0, 1, False), ("t", 1, 1, False), ("s", 0, 2, False), ("t", 1, 2, False),
    ]  # fmt: skip


def test_a_session_without_a_name_is_called_by_where_it_began() -> None:
    standing = stood(*[(text, {}) for text in ("ab", "xy", "abcd", "xyzw", "abcdef")])
    names = [(s.session, s.turn, s.inferred) for s in standing]
    first, second = "made.jsonl:1", "made.jsonl:2"
    assert names == [(first, 1, True), (second, 1, True), (first, 2, True), (second, 2, True), (first, 3, True)]


def test_without_sessions_models_are_kept_apart() -> None:
    calls = [("ab", {"model": "gpt-4o"}), ("abcd", {"model": "gpt-4.1"}), ("abcd", {"model": "gpt-4o"})]
    assert lineages(*calls) == [(0, 1, None), (1, 1, None), (0, 2, 0)]


def test_a_named_session_may_change_its_model() -> None:
    calls = [("ab", {"model": "gpt-4o", "session": "s"}), ("abcd", {"model": "gpt-4.1", "session": "s"})]
    assert lineages(*calls) == [(0, 1, None), (0, 2, 0)]


def test_requests_without_messages_stand_alone() -> None:
    assert lineages(*plain("", "", "a")) == [(0, 1, None), (1, 1, None), (2, 1, None)]
    assert stood() == []


def test_many_interleaved_conversations() -> None:
    """Ten conversations that begin alike, a turn of each at a time."""
    calls = [(f"{n}abcdefghij"[: 1 + 2 * turn], {}) for turn in range(5) for n in range(10)]
    standing = stood(*calls)
    assert [(s.lineage, s.turn) for s in standing] == [(n, turn) for turn in range(1, 6) for n in range(10)]
    assert all(s.before == index - 10 for index, s in enumerate(standing) if index >= 10)
