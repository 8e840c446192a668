"""Every recorded log is claimed by the reader of its format, and no other reader takes it away."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tests.reading import FIXTURES, SHARED, needs_shared

from agentcost.ingest.contract import Origin, Peek, Reader
from agentcost.ingest.formats import FORMATS, candidates, recognised
from agentcost.ingest.peeking import peek_of
from agentcost.ingest.readers import READERS
from agentcost.ingest.source import open_source

CLAIMS: dict[str, dict[str, int]] = {
    "otel": {"otel-spans/genai": 5, "otel-spans/vercel-ai-sdk-v6": 5},
    "aider": {},
    "cline": {},
    "copilot-cli": {},
    "opencode": {},
    "openhands": {},
    "bedrock-log": {},
    "bill": {},
    "har": {},
    "helicone": {},
    "langfuse": {},
    "langsmith": {},
    "portkey": {},
    "tau-bench": {},
    "inspect_ai": {"eval-logs/inspect_ai": 9},
    "lmcache": {},
}
"""By format, the folders of recorded logs that it claims, and how many files of each."""


@cache
def claims() -> dict[str, list[Path]]:
    """The files that each reader's sniffing takes."""
    files = [path for path in sorted(SHARED.rglob("*")) if path.is_file()]
    peeks = [(path, open_source(path).peek()) for path in files]
    return {reader.name: [path for path, peek in peeks if reader.sniff(peek)] for reader in READERS}


@needs_shared
def test_every_recorded_cassette_is_claimed() -> None:
    assert claims()["vcr"] == sorted((SHARED / "cassettes").rglob("*.yaml"))


@needs_shared
@pytest.mark.parametrize("name", CLAIMS)
def test_claims_its_own_recorded_logs_and_no_other(name: str) -> None:
    folders = Counter(str(path.parent.relative_to(SHARED)) for path in claims()[name])
    assert folders == CLAIMS[name]


@needs_shared
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_format_is_from_documentation_where_no_recorded_log_is_in_it(reader: Reader) -> None:
    seen = any(recognised(open_source(path).peek()) is reader for path in claims()[reader.name])
    assert reader.origin is (Origin.RECORDED if seen else Origin.DOCUMENTED)
    assert not (reader.unseen and reader.origin is Origin.DOCUMENTED)


FILES = [path for path in sorted(FIXTURES.glob("*/*")) if path.is_file() and path.parent.name != "gate"]
"""The fixtures of the readers; those of the gate are runs of one format."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fixtures_are_claimed_by_the_reader_they_are_named_after(path: Path) -> None:
    peek = open_source(path).peek()
    first = next((reader.name for reader in READERS if reader.sniff(peek)), "none")
    assert path.parent.name in (first, "table")  # tables may need their columns named


def test_the_table_has_the_readers_names() -> None:
    assert [one.name for one in FORMATS] == [reader.name for reader in READERS]


def check_signs(peek: Peek) -> None:
    """Whoever takes a log is asked, and so the first of all readers is the one that is found."""
    takers = [reader for reader in READERS if reader.sniff(peek)]
    asked = [one.name for one in candidates(peek)]
    assert {reader.name for reader in takers} <= set(asked), peek.name
    assert recognised(peek) is (takers[0] if takers else None)


def variants(path: Path) -> list[Peek]:
    """The log, its lines from the second on, its first line alone, cut within its first line, behind a banner."""
    content = path.read_bytes()
    first, _, rest = content.partition(b"\n")
    forms = (content, rest, first, first[: len(first) // 2], b"\xef\xbb\xbf" + content, b"started\n" + content)
    return [peek_of(path.name, form[:CUT], complete=len(form) <= CUT) for form in forms]


CUT = 1 << 18


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_fixture_shows_the_signs_of_every_format_that_takes_it(path: Path) -> None:
    for peek in variants(path):
        check_signs(peek)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_an_example_shows_the_signs_of_its_format(reader: Reader) -> None:
    check_signs(peek_of("example", reader.example.encode(), complete=True))


@needs_shared
def test_a_recorded_log_shows_the_signs_of_every_format_that_takes_it() -> None:
    for path in sorted(SHARED.rglob("*")):
        if path.is_file():
            check_signs(open_source(path).peek())


def test_a_peek_has_objects_and_lists_and_no_bare_numbers_or_words() -> None:
    lines = b'ContextTokens\n4808\n"a"\n[1]\n{"a": 1}\n'
    assert peek_of("mixed", lines, complete=True).records == ([1], {"a": 1})
