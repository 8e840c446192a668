"""What became of the parts of a prompt between two runs, and every cause of a difference in words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby

from agentcost.gate.baseline import HISTORY, PREFIX, Baseline, Break, Part, part_words
from agentcost.gate.metrics import QUIET_CAUSES
from agentcost.gate.verdicts import Change
from agentcost.units import plural

BESIDE_TEXTS = (HISTORY, "beside_texts", "", "")
"""What the bill has beside texts: the template around them, and what no text explains."""

WholeKey = tuple[str, str, str, str]


def quiet_break(one: Break) -> bool:
    """Whether a break follows from what was sent, not from time and luck."""
    return one.cause in QUIET_CAUSES


def part_changes(base: Baseline, head: Baseline) -> Iterator[Change]:
    """The parts of the prefix that are not as they were, in the order of HEAD's prompt; those that went, first."""
    before = {part.key: part for part in base.parts if part.section == PREFIX and part.size}
    after = {part.key: part for part in head.parts if part.section == PREFIX and part.size}
    for key, part in before.items():
        if key not in after:
            yield _change("removed", part, part.size, None)
    moved = _moved(before, after)
    for key, part in sorted(after.items(), key=lambda pair: (pair[1].place or 1_000_000, pair[0])):
        old = before.get(key)
        word = _changed(old, part) or ("moved" if key in moved else "")
        if word:
            yield _change(word, part, old.size if old else None, part.size)


def _changed(old: Part | None, part: Part) -> str:
    if old is None:
        return "added"
    if old.size != part.size and (not old.digest or old.digest != part.digest):
        return "grown" if part.size > old.size else "shrunk"
    if old.digest != part.digest and (old.digest or part.digest):
        return "changed"
    return ""


def _change(word: str, part: Part, before: int | None, now: int | None) -> Change:
    what, public = (part_words(part.component, name) for name in (part.name, "" if part.private else part.name))
    return Change(word, part.component, part.name, part.server, before, now, what, public, part.marks)


def _moved(before: dict[tuple[str, str, str, str], Part], after: dict[tuple[str, str, str, str], Part]) -> set[object]:
    """The parts that stand elsewhere among those that both have: as few as can be."""
    common = [key for key in before if key in after and before[key].place and after[key].place]
    common.sort(key=lambda key: before[key].place)
    kept = _longest_rising([after[key].place for key in common])
    return {key for number, key in enumerate(common) if number not in kept}


def _longest_rising(values: Sequence[int]) -> set[int]:
    """The places of the longest rising subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    above: list[int] = []
    for number, value in enumerate(values):
        at = bisect_left(tails, value)
        above.append(ends[at - 1] if at else -1)
        if at == len(tails):
            tails.append(value)
            ends.append(number)
        else:
            tails[at], ends[at] = value, number
    found, number = set(), ends[-1] if ends else -1
    while number >= 0:
        found.add(number)
        number = above[number]
    return found


def whole_servers(base: Baseline, head: Baseline) -> set[WholeKey]:
    """The tools of MCP servers that one run has and the other has not, where there are several."""
    sides = [{part.key for part in side.parts if part.section == PREFIX and part.server} for side in (base, head)]
    servers = [{key[3] for key in side} for side in sides]
    alone = servers[0] ^ servers[1]
    return {key for side in sides for key in side if key[3] in alone and sum(one[3] == key[3] for one in side) > 1}


# --- causes in words --------------------------------------------------------------------------------------------------


def described(stage: str, of: object, base: Baseline, head: Baseline) -> tuple[str, str, str, str]:
    """A cause in words, in words without paths ("" where those are the same), its kind, and its MCP server."""
    if stage in ("prefix", "history") and isinstance(of, tuple):
        return _part(of, base, head)
    if stage == "cache" and isinstance(of, tuple):
        return _break(of, base, head)
    if stage == "requests":
        counts = [side.roles.get(str(of), 0) for side in (base, head)]
        return f"{of} requests {counts[0]:,} → {counts[1]:,}", "", "volume", ""
    if stage == "output":
        return "length of answers", "", "output", ""
    if stage == "model":
        return f"model {_models(base, head)}", "", "model", ""
    return "prices of the same models", "", "prices", ""


def _server(server: str, base: Baseline, head: Baseline) -> tuple[str, str, str, str]:
    """`MCP server maps added: 6 tools (565 tokens)`."""
    sizes = [
        [part.size for part in side.parts if part.server == server and part.section == PREFIX] for side in (base, head)
    ]
    word, own = ("added", sizes[1]) if sizes[1] else ("removed", sizes[0])
    return f"MCP server {server} {word}: {plural(len(own), 'tool')} ({plural(sum(own), 'token')})", "", word, server


def _part(key: tuple[str, str, str, str], base: Baseline, head: Baseline) -> tuple[str, str, str, str]:
    if key == BESIDE_TEXTS:
        return "what is billed beside texts: template, rounding", "", "rest", ""
    if key[3] and not key[1]:
        return _server(key[3], base, head)
    if key[1] == "hidden":
        return "what transcripts hide", "", "hidden", ""
    old = next((part for part in base.parts if part.key == key), None)
    new = next((part for part in head.parts if part.key == key), None)
    part = new or old
    if part is None:
        return "rounding", "", "rest", ""
    word, size = "", ""
    if part.section == PREFIX:
        word = "removed" if new is None else "added" if old is None else _changed(old, new) or "carried differently"
        size = _size(old, new)
    name = part_words(part.component, part.name)
    public = part_words(part.component, "" if part.private else part.name)
    tail = " ".join(filter(None, (word, size)))
    if part.section == HISTORY:
        name = public = f"history: {name}"
    same = public == name
    return f"{name} {tail}".strip(), "" if same else f"{public} {tail}".strip(), word or "history", part.server


def _size(old: Part | None, new: Part | None) -> str:
    if old is None or new is None:
        size = (new or old).size if new or old else 0  # type: ignore[union-attr]
        return f"({plural(size, 'token')})" if size else ""
    return f"({old.size:,} → {plural(new.size, 'token')})" if old.size != new.size else ""


def _break(key: tuple[str, str], base: Baseline, head: Baseline) -> tuple[str, str, str, str]:
    old = next((one for one in base.breaks if one.key == key), None)
    new = next((one for one in head.breaks if one.key == key), None)
    one = new or old
    if one is None:
        return "how much of the input is new to the cache, misses aside", "", "rest", ""
    holds = f" (holds a {', a '.join(one.marks)})" if one.marks else ""
    cause = one.cause.replace("_", " ")
    what = f"{one.block}{holds} breaks the cache: " if one.block else "cache missed: "
    counts = f"{old.requests if old else 0:,} → {plural(new.requests if new else 0, 'request')}"
    return f"{what}{cause}, {counts}", "", "break", one.server


def _models(base: Baseline, head: Baseline) -> str:
    """`claude-sonnet-4-5 → claude-opus-4-5`; shares where the same models are used otherwise."""
    sides = [_named(side) for side in (base, head)]
    return " → ".join(sides) if sides[0] != sides[1] else f"mix of models and terms: {sides[0]}"


def _named(side: Baseline) -> str:
    ordered = sorted(side.payers, key=lambda payer: (-payer.requests, payer.key))
    names = [name for name, _ in groupby(" ".join(filter(None, (payer.model, payer.terms))) for payer in ordered)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
