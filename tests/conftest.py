"""What every test runs under: a fixed width, no colour, one zone; and golden files with a flag that rewrites them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

GOLDEN = Path(__file__).parent / "golden"


settings.register_profile("untimed", deadline=None)  # machines differ, and tests run beside others
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the files of tests/golden/")


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the machine may show in an output."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "AGENTCOST_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("COLUMNS", "80"), ("NO_COLOR", "1"), ("TZ", "UTC"), ("TERM", "xterm-256color"),
                        ("AGENTCOST_PRICE_LIST", "bundled")):  # fmt: skip
        monkeypatch.setenv(name, value)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """golden(name, text): the text is that of the file, or becomes it under --update-golden."""

    def check(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.exists(), f"tests/golden/{name} is missing; pytest --update-golden writes it"
        assert text == file.read_text(encoding="utf-8"), f"tests/golden/{name} differs; if it should, --update-golden"

    return check
