"""Every recorded log is claimed by the reader of its format, and no other reader takes it away."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tests.reading import FIXTURES, SHARED, needs_shared

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


FILES = [path for path in sorted(FIXTURES.glob("*/*")) if path.parent.name != "gate"]
"""The fixtures of the readers; those of the gate are runs of one format."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fixtures_are_claimed_by_the_reader_they_are_named_after(path: Path) -> None:
    peek = open_source(path).peek()
    first = next((reader.name for reader in READERS if reader.sniff(peek)), "none")
    assert path.parent.name in (first, "table")  # tables may need their columns named
