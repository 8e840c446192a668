"""Hashed blocks as paths: nothing is lost, and two prompts share exactly what they name alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.reading import Growth

from agentcost.ingest.blocks import Paths, common, surplus
from agentcost.model import Kind

SIZE = 4
prompts = st.lists(
    st.tuples(st.lists(st.integers(0, 2), max_size=6), st.integers(0, 3 * SIZE)).map(
        lambda drawn: (drawn[0], max(0, len(drawn[0]) * SIZE - SIZE + 1 + drawn[1]) if drawn[0] else drawn[1])
    ),
    max_size=8,
)
"""Prompts whose blocks fit: (names, tokens), the last block full, short, or followed by an unlisted tail."""


def blocks(names: list[int], tokens: int) -> list[tuple[int, int]]:
    """What the log says of a prompt's blocks, worked out the slow way: (name, length) of each."""
    return [(name, min(SIZE, tokens - SIZE * index)) for index, name in enumerate(names)]


@given(prompts)
def test_a_path_holds_every_token_of_its_prompt(drawn: list[tuple[list[int], int]]) -> None:
    tree = Growth()
    paths = Paths(tree.grow, "file", SIZE)
    for number, (names, tokens) in enumerate(drawn):
        leaf = paths.leaf(names, tokens, str(number), "")
        assert sum(segment.tokens or 0 for segment in tree.path(leaf)) == tokens


@given(prompts)
def test_prompts_share_exactly_their_common_blocks(drawn: list[tuple[list[int], int]]) -> None:
    tree = Growth()
    paths = Paths(tree.grow, "file", SIZE)
    steps = [tree.steps(paths.leaf(names, tokens, str(number), "")) for number, (names, tokens) in enumerate(drawn)]
    for one, (one_names, one_tokens) in enumerate(drawn):
        for two, (two_names, two_tokens) in list(enumerate(drawn))[:one]:
            pairs = zip(blocks(one_names, one_tokens), blocks(two_names, two_tokens), strict=False)
            alike = [left == right for left, right in pairs]
            expected = alike.index(False) if False in alike else len(alike)
            assert len(set(steps[one]) & set(steps[two])) == expected


@given(prompts)
def test_no_block_is_grown_twice(drawn: list[tuple[list[int], int]]) -> None:
    tree = Growth()
    paths = Paths(tree.grow, "file", SIZE)
    for number, (names, tokens) in enumerate(drawn):
        paths.leaf(names, tokens, str(number), "")
    assert tree.asked == len(tree.nodes)


def test_scopes_do_not_mix() -> None:
    tree = Growth()
    one = Paths(tree.grow, "one.jsonl", SIZE).leaf([1, 2], 8, "0", "")
    two = Paths(tree.grow, "two.jsonl", SIZE).leaf([1, 2], 8, "0", "")
    again = Paths(tree.grow, "one.jsonl", SIZE).leaf([1, 2], 8, "0", "")
    assert one == again
    assert not set(tree.steps(one)) & set(tree.steps(two))


def test_kinds_say_what_is_hashed_and_what_is_not_in_the_log() -> None:
    tree = Growth()
    paths = Paths(tree.grow, "file", SIZE)
    tail = tree.path(paths.leaf([1], 6, "a", ""))
    bare = tree.path(paths.leaf([], 6, "b", ""))
    assert [(segment.kind, segment.tokens, segment.level, segment.text) for segment in tail] == [
        (Kind.BLOCK, 4, "messages", ""),
        (Kind.BLOCK, 2, "messages", ""),
    ]
    assert [(segment.kind, segment.tokens) for segment in bare] == [(Kind.UNKNOWN, 6)]


def test_surplus_counts_the_blocks_that_do_not_fit() -> None:
    table = [(0, 0, 0), (1, 1, 0), (1, 4, 0), (2, 4, 1), (2, 5, 0), (3, 0, 3), (1, 100, 0)]
    assert [surplus([1] * names, tokens, SIZE) for names, tokens, _ in table] == [extra for _, _, extra in table]


@given(st.lists(st.integers(0, 1), max_size=90), st.lists(st.integers(0, 1), max_size=90), st.integers(0, 90))
def test_lists_that_begin_alike(left: list[int], right: list[int], shared: int) -> None:
    right = left[:shared] + right
    expected = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    assert common(left, right) == expected
