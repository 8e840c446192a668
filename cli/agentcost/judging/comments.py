"""What the gate found for machines and for pull requests: JSON, Markdown, GitHub annotations, JUnit XML.

All but JSON may be published: they name tools, servers and models, and no path, user or text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import PurePath
from xml.sax.saxutils import escape, quoteattr

import msgspec

from agentcost.export import escaped
from agentcost.gate.verdicts import Cause, Difference, Judgement, Verdict
from agentcost.gate.words import (
    SMALL,
    both,
    by_certainty,
    by_stage,
    counts,
    grown,
    headline,
    more,
    moved,
    sentence,
    signed,
    sizes,
    verdict,
)
from agentcost.schema import SCHEMA_VERSION
from agentcost.units import currency, printable

MARKER = "<!-- agentcost {kind} -->"
"""What a comment begins with, so that CI finds its own to change it."""

LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""

ROWS = 20
NAME = 120


# --- JSON -------------------------------------------------------------------------------------------------------------


def _document(kind: str, **fields: object) -> bytes:
    encoder = msgspec.json.Encoder(decimal_format="number")
    parts = {"kind": kind, "schema_version": SCHEMA_VERSION, **fields}
    return encoder.encode(parts) + b"\n"


def judged_json(judgement: Judgement) -> bytes:
    """A judgement with all its verdicts; `passed` is what the exit status says."""
    own = {name: getattr(judgement, name) for name in ("budget", "logs", "requests", "static")}
    return _document("check", passed=not judgement.failed, **own, verdicts=judgement.verdicts)


def difference_json(difference: Difference, other: Difference | None) -> bytes:
    """A difference with all its causes; `reversed` are the sums by stage in the opposite order."""
    own = {name: getattr(difference, name) for name in Difference.__struct_fields__}
    stages = [
        {"stage": stage, "tokens": count, "cost": cost}
        for stage, (count, cost) in (by_stage(other.causes) if other else {}).items()
    ]
    sums = {word: {"tokens": count, "cost": cost} for word, (count, cost) in by_certainty(difference.causes).items()}
    return _document("diff", headline=headline(difference), **own, **sums, reversed=stages or None)


# --- Markdown ---------------------------------------------------------------------------------------------------------


def difference_markdown(difference: Difference, least: Decimal = SMALL) -> str:
    """A comment on a difference; nothing where nothing moved by more than `least` of itself."""
    if not moved(difference, least):
        return ""
    lines = [
        MARKER.format(kind="diff"),
        f"### agentcost: {_text(headline(difference, public=True))}",
        "",
        sizes(difference),
        "",
    ]
    lines += _table(
        ("", "base", "head", "change"),
        ((pair.name, *both(pair), grown(pair)) for pair in difference.pairs),
    )
    money = difference.cost is not None
    causes = [(_text(cause.told), signed(cause.tokens), *([more(cause.cost)] * money), _kind(cause))
              for cause in difference.causes[:ROWS]]  # fmt: skip
    lines += ["", "<details><summary>Split by cause</summary>", ""]
    lines += _table(("cause", "tokens", *(["cost"] * money), "kind"), causes)
    lines += [*_left(len(difference.causes)), "", "</details>"]
    if difference.changes:
        lines += ["", "<details><summary>Parts of the prompt</summary>", ""]
        rows = [
            (_text(change.public), change.change, _size(change.before), _size(change.now))
            for change in difference.changes[:ROWS]
        ]
        lines += [*_table(("part", "", "base", "head"), rows), *_left(len(difference.changes)), "", "</details>"]
    lines += [f"<sub>{_text(note)}</sub>" for note in (*difference.notes, *_rate())]
    return _short(lines)


def _kind(cause: Cause) -> str:
    return "noisy" if cause.noisy else "exact"


def _size(size: int | None) -> str:
    return "" if size is None else f"{size:,}"


def judged_markdown(judgement: Judgement) -> str:
    """A comment on a judgement; nothing where every limit is kept."""
    broken = [one for one in judgement.verdicts if one.status in ("fail", "warn")]
    if not broken:
        return ""
    word = "over budget" if judgement.failed else "within budget, with warnings"
    lines = [MARKER.format(kind="check"), f"### agentcost: {word}", "", counts(judgement), ""]
    rows = [(one.status, _text(one.limit), _text(one.message), _text(one.public)) for one in broken[:ROWS]]
    lines += _table(("", "limit", "what", "because of"), rows)
    lines += _left(len(broken))
    lines += [f"<sub>{note}</sub>" for note in _rate()]
    return _short(lines)


def _rate() -> tuple[str, ...]:
    """What amounts are shown in, where that is not dollars."""
    return (f"Amounts: {currency().words}",) if currency().words else ()


def _left(count: int) -> list[str]:
    return ["", f"and {count - ROWS:,} more"] if count > ROWS else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    found = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return found + [f"| {' | '.join(row)} |" for row in rows]


def _text(text: str) -> str:
    return escaped(text if len(text) <= NAME else text[: NAME - 1] + "…")


def _short(lines: Sequence[str]) -> str:
    """As many whole lines as a comment may have."""
    found, size = [], 0
    for line in lines:
        size += len(line) + 1
        if size > LONGEST - 100:
            found += ["", "</details>", "cut: too long for a comment"]
            break
        found.append(line)
    return "\n".join(found) + "\n"


# --- GitHub annotations -----------------------------------------------------------------------------------------------


def judged_github(judgement: Judgement, *, places: bool) -> str:
    """An annotation for each limit that is broken, and one that sums up; `places` adds files and lines."""
    lines = [_annotation(one, places=places) for one in judgement.verdicts if one.status in ("fail", "warn")]
    lines.append(
        f"::notice title=agentcost check::{_message('; '.join((verdict(judgement, public=not places), *_rate())))}"
    )
    return "".join(f"{line}\n" for line in lines)


def _annotation(one: Verdict, *, places: bool) -> str:
    command = "error" if one.status == "fail" else "warning"
    file, _, line = one.where.rpartition(":") if places else ("", "", "")
    at = f"file={_property(file)},line={line}," if file and line.isdigit() else ""
    return f"::{command} {at}title=agentcost {_property(one.limit)}::{_message(sentence(one, public=not places))}"


def difference_github(difference: Difference, *, places: bool, least: Decimal = SMALL) -> str:
    """A warning with what a change did to cost; a notice where nothing moved."""
    if not moved(difference, least):
        return f"::notice title=agentcost diff::Nothing moved by more than {float(least):.0%}\n"
    told = "; ".join((headline(difference, public=not places), sizes(difference), *_rate()))
    grew = (difference.cost if difference.cost is not None else difference.tokens) > 0
    return f"::{'warning' if grew else 'notice'} title=agentcost diff::{_message(told)}\n"


def _message(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


# --- JUnit ------------------------------------------------------------------------------------------------------------


def judged_junit(judgement: Judgement) -> str:
    """A test case for each limit: a failure where it fails, a skip where it does not apply."""
    verdicts = judgement.verdicts
    failures = sum(one.status == "fail" for one in verdicts)
    skipped = sum(one.status == "n/a" for one in verdicts)
    name = quoteattr(f"agentcost check {PurePath(judgement.budget).name}".strip())
    sums = f'name={name} tests="{len(verdicts)}" failures="{failures}" errors="0" skipped="{skipped}"'
    cases = "".join(line for one in verdicts for line in _case(one))
    suite = f"<testsuite {sums}>\n{cases}</testsuite>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {sums}>\n{suite}\n</testsuites>\n'


def _case(one: Verdict) -> Iterator[str]:
    of = f" ({one.of})" if one.of and one.of not in one.limit else ""
    yield f'<testcase classname="agentcost.{one.metric}" name={quoteattr(_xml(one.limit + of))}>\n'
    told = _xml(sentence(one, public=True))
    if one.status == "fail":
        yield f"  <failure message={quoteattr(_xml(one.message))}>{escape(told)}</failure>\n"
    elif one.status == "n/a":
        yield f"  <skipped message={quoteattr(_xml(one.message))}/>\n"
    else:
        yield f"  <system-out>{escape(f'{one.status}: {told}')}</system-out>\n"
    yield "</testcase>\n"


def _xml(text: str) -> str:
    """Text without what XML cannot hold."""
    return printable(text).replace("\ufffe", " ").replace("\uffff", " ")
