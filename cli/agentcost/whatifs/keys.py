"""JSON that is sent again with its keys in another order: what it was when it was first sent.

call  {"path":"a","limit":4}      sent once, and from then on as
call  {"limit":4,"path":"a"}      breaks the cache there, though the model sees the same
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy
from msgspec.structs import replace

from agentcost.cache.prompts import Prompt
from agentcost.measuring.levels import Ints
from agentcost.model import ROOT
from agentcost.prefix import Tree

FORMAT, UNORDERED = "text_format", "text_format_unordered"
"""Settings: an answer's schema, and the same whatever the order of its keys."""


def first_sent(tree: Tree, leaves: Iterable[int]) -> dict[int, int]:
    """By segment the one that is equal but for the order of keys and was sent before it."""
    first: dict[bytes, int] = {}
    found = {}
    for segment in _segments(tree, leaves):
        unordered = tree.entries[segment].unordered
        if unordered and first.setdefault(unordered, segment) != segment:
            found[segment] = first[unordered]
    return found


def _segments(tree: Tree, leaves: Iterable[int]) -> Iterator[int]:
    """The segments of paths in the order in which they were sent: each node once."""
    seen = {ROOT}
    for leaf in leaves:
        path, node = [], leaf
        while node not in seen:
            path.append(node)
            seen.add(node)
            node = tree.parents[node]
        yield from (tree.segments[node] for node in reversed(path))


def lengths_as_first_sent(tree: Tree, first: Mapping[int, int], own: Ints, texts: Ints, passing: Ints) -> Ints:
    """Tokens of each node, where another order counts otherwise those of what was first sent under the same ruler."""
    if not first:
        return own
    groups = set(first.values())
    used = [node for node in numpy.flatnonzero(passing).tolist()
            if node != ROOT and (tree.segments[node] in first or tree.segments[node] in groups)]  # fmt: skip
    counted: dict[int, int] = {}
    leading: dict[int, int] = {}
    for node in used:
        segment = tree.segments[node]
        tokens = counted.setdefault(segment, int(texts[node] if node < len(texts) else own[node]))
        group = first.get(segment, segment)
        if group == segment:
            leading[group] = tokens
        else:
            leading.setdefault(group, tokens)
    found = own.copy()
    for node in used:
        segment = tree.segments[node]
        found[node] += leading[first.get(segment, segment)] - counted[segment]
    return found


def formats_as_first_sent(prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts with an answer's schema as it was first sent, where only the order of its keys has changed."""
    first: dict[str, str] = {}
    found = list(prompts)
    for row, prompt in enumerate(prompts):
        unordered, form = prompt.settings.get(UNORDERED, ""), prompt.settings.get(FORMAT, "")
        kept = first.setdefault(unordered, form) if unordered else form
        if kept != form:
            found[row] = replace(prompt, settings={**prompt.settings, FORMAT: kept})
    return found
