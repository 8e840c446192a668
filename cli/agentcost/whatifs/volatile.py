"""What is volatile in the head of prompts: parts that differ from request to request and break the cache.

…Today is 2026-10-14 08:52      …Today is 2026-10-14 09:10      differ in one run of 64 bytes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain

from agentcost.model import Kind
from agentcost.prefix import Entry, Tree, shared_bytes
from agentcost.whatifs.edits import Split

_RUN, _DIGEST = 64, 8


def volatile(tree: Tree, used: Iterable[int]) -> frozenset[Split]:
    """What could be sent behind the last message instead: the lines that hold a date, a path… where texts of one form
    differ in nothing else; else all behind the common start of texts that follow on the same prefix.
    """
    nodes = [node for node in used if _is_head(tree.entry(node))]
    segments = sorted({tree.segments[node] for node in nodes if tree.entry(node).marks})
    formed = {split.segment: split for split in _by_form(tree, segments)}
    children: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for node in nodes:
        number = tree.segments[node]
        if number not in formed:
            children.setdefault((tree.parents[node], _slot(tree.entry(node))), []).append(number)
    others = chain.from_iterable(_by_start(tree, sorted(set(group))) for group in children.values())
    for split in others:
        formed.setdefault(split.segment, split)
    return frozenset(formed.values())


def _is_head(entry: Entry) -> bool:
    return entry.level != "messages" or entry.kind is Kind.MEMORY


def _slot(entry: Entry) -> tuple[str, ...]:
    return entry.level, entry.role, entry.kind.value, entry.name


def _by_form(tree: Tree, segments: Sequence[int]) -> Iterator[Split]:
    """Segments that are alike but for the runs that hold their marks."""
    forms: dict[bytes, list[int]] = {}
    for number in segments:
        forms.setdefault(_form(tree.entries[number]), []).append(number)
    for form, numbers in forms.items():
        if len(numbers) > 1:
            yield from (Split(number, form, 1 - _held(tree.entries[number]) / tree.entries[number].size)
                        for number in numbers)  # fmt: skip


def _by_start(tree: Tree, numbers: Sequence[int]) -> Iterator[Split]:
    """Segments that follow on one prefix and hold marks: what they begin with stays."""
    entries = [tree.entries[number] for number in numbers]
    if len(entries) < 2 or not any(entry.marks for entry in entries):
        return
    common = min(shared_bytes(entries[0].runs, entry.runs) for entry in entries[1:])
    alias = blake2b(b"".join(sorted(entry.digest for entry in entries)), digest_size=16).digest()
    for number, entry in zip(numbers, entries, strict=True):
        yield Split(number, alias, min(1.0, common / entry.size) if entry.size else 0.0, formed=False)


def _form(entry: Entry) -> bytes:
    """A digest of all but the runs that hold marks."""
    runs = bytearray(entry.runs)
    for place in _places(entry):
        runs[place * _DIGEST : (place + 1) * _DIGEST] = bytes(len(runs[place * _DIGEST : (place + 1) * _DIGEST]))
    slot = "/".join((*_slot(entry), str(entry.size)))
    return blake2b(slot.encode() + b"/" + bytes(runs), digest_size=16).digest()


def _held(entry: Entry) -> int:
    """Bytes in the runs that hold marks."""
    return sum(max(0, min(_RUN, entry.size - place * _RUN)) for place in _places(entry))


def _places(entry: Entry) -> list[int]:
    """The runs that hold marks. Where letters have several bytes, a mark stands somewhere behind its place."""
    found: set[int] = set()
    more = entry.size - entry.characters
    for mark in entry.marks:
        found.update(range(mark.start // _RUN, (mark.start + mark.length - 1 + more) // _RUN + 1))
    return sorted(found)
