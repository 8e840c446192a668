"""The prefix tree: equal content is one node, a union does not depend on order, digests not on numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.building import said, system, tool, words

from agentcost.loading.growth import Growth
from agentcost.model import ROOT, Ends, Segment
from agentcost.prefix import Tree, entry_of, shared_bytes

PATHS = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), max_size=8)


def grown(paths: list[list[str]]) -> Tree:
    growth = Growth(Tree(), threads=False)
    for number, path in enumerate(paths):
        growth.grow(ROOT, [said(text) for text in path], "gpt-4o")
        growth.settle((0, number, 1))
    growth.finish()
    return growth.tree


def canonical(tree: Tree) -> dict[bytes, tuple[object, ...]]:
    """Nodes by the digest of their path, with all that does not depend on where they were read."""
    return {
        digest: (tree.ends[node], sorted(tree.entry(node).counts.items()), tree.entry(node).runs)
        for node, digest in enumerate(tree.digests())
        if node != ROOT
    }


@given(PATHS, PATHS, PATHS)
def test_a_union_does_not_depend_on_order_or_chunks(
    one: list[list[str]], two: list[list[str]], three: list[list[str]]
) -> None:
    whole = canonical(grown(one + two + three))
    for order in ((one, two, three), (three, one, two), (two, three, one, one)):
        merged = Tree()
        for paths in order:
            merged.merge(grown(paths), {0: 0})
        assert canonical(merged) == whole
    nested = grown(one)
    right = grown(two)
    right.merge(grown(three), {0: 0})
    nested.merge(right, {0: 0})
    assert canonical(nested) == whole


@given(PATHS)
def test_a_merge_tells_where_nodes_went(paths: list[list[str]]) -> None:
    mine, theirs = grown([["a", "b"], ["b"]]), grown(paths)
    before = theirs.digests()
    moved = mine.merge(theirs, {0: 0})
    after = mine.digests()
    assert [after[node] for node in moved] == before


@given(PATHS)
def test_parents_come_first_and_paths_are_what_was_grown(paths: list[list[str]]) -> None:
    tree = Tree()
    growth = Growth(tree, threads=False)
    for path in paths:
        nodes = growth.grow(ROOT, [said(text) for text in path], "gpt-4o")
        assert tree.path(nodes[-1]) == nodes
        assert [tree.entry(node).digest for node in nodes] == [said(text).digest for text in path]
    assert all(tree.parents[node] < node for node in range(1, len(tree)))
    assert len(tree) == 1 + len({tuple(path[:end]) for path in paths for end in range(1, len(path) + 1)})
    assert len(tree.entries) == len({text for path in paths for text in path})


def test_the_digest_of_a_node_is_of_its_whole_path() -> None:
    digests = grown([["a", "b"], ["b", "b"], ["b"]]).digests()
    assert len(set(digests)) == 5
    assert digests[0] == bytes(16)


def test_ends_are_joined_and_never_lost() -> None:
    tree = Tree()
    number = tree.add(entry_of(said("a"), (0, 0, 0)))
    node = tree.child(ROOT, number, Ends.BLOCK)
    assert tree.child(ROOT, number, Ends.TOOL_RUN) == node
    assert tree.child(ROOT, number) == node
    assert Ends(tree.ends[node]) == Ends.BLOCK | Ends.TOOL_RUN


def test_a_segment_is_placed_where_it_first_stood() -> None:
    """In whichever order trees are merged, of places in one source the first stays."""
    for order in ((0, 1), (1, 0)):
        merged = Tree()
        for first in order:
            growth = Growth(Tree(), threads=False)
            growth.grow(ROOT, [said("a")], "gpt-4o")
            growth.settle((0, 100 * first, 9))
            growth.finish()
            merged.merge(growth.tree, {0: 3})
        assert merged.entries[0].place == (3, 0, 9)


def test_a_known_place_wins_over_an_unknown_source() -> None:
    known, lost = Tree(), Tree()
    for tree in (known, lost):
        tree.add(entry_of(said("a"), (0, 5, 9)))
    merged = Tree()
    merged.merge(lost, {})
    assert merged.entries[0].place == (-1, 5, 9)
    merged.merge(known, {0: 2})
    assert merged.entries[0].place == (2, 5, 9)


def test_merging_shares_nothing_that_changes() -> None:
    theirs, mine = grown([["a"]]), Tree()
    mine.merge(theirs, {0: 0})
    mine.entries[0].counts["other"] = 7
    assert "other" not in theirs.entries[0].counts


def test_text_in_two_encodings_is_counted_in_both() -> None:
    growth = Growth(Tree(), threads=False)
    growth.grow(ROOT, [said("Hello there")], "gpt-4o")
    growth.flush()
    growth.grow(ROOT, [said("Hello there")], "gpt-4")
    growth.finish()
    assert growth.tree.entries[0].counts == {"o200k_base": 2, "cl100k_base": 2}


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_shared_bytes_fall_short_by_at_most_a_run(start: str, one: str, two: str) -> None:
    tree = grown([[start + "1" + one], [start + "2" + two]])
    left, right = (entry.runs for entry in tree.entries)
    same = len(start.encode())
    assert shared_bytes(left, right) <= same
    assert same - shared_bytes(left, right) <= 63


def test_entries_keep_sizes_and_names() -> None:
    segment: Segment = tool("mcp__files__read", "é" * 3)
    entry = entry_of(segment, (1, 2, 3))
    assert (entry.size, entry.characters, entry.server, entry.name) == (6, 3, "files", "mcp__files__read")
    assert entry_of(system("\ud83d"), (1, 2, 3)).size == 3
    assert [entry_of(word, (0, 0, 0)).role for word in words("a", "b")] == ["user", "assistant"]
