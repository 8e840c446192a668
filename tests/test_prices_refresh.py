"""A fetched price list: checked before it is kept, told by its day, and never a surprise. No test uses the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcost.errors import AgentcostError
from agentcost.main import app
from agentcost.pricing import Price, Terms, price_of, published
from agentcost.pricing.refresh import NAME, refresh, use_kept

DAY = date(2026, 12, 24)
MOMENT = datetime(2026, 12, 24, 12, tzinfo=UTC)
LIST = json.dumps([
    {"id": "openai", "name": "OpenAI", "api_pattern": "api", "models": [
        {"id": "gpt-9", "match": {"equals": "gpt-9"}, "prices": {"input_mtok": 7, "output_mtok": 70}}]},
]).encode()  # fmt: skip


@pytest.fixture(autouse=True)
def bundled() -> Iterator[None]:
    yield
    published.use(None)


def price(model: str) -> Price | None:
    found = price_of(Terms("openai", model), MOMENT)
    return found if isinstance(found, Price) else None


def test_a_fetched_list_is_kept_and_used_with_its_day(tmp_path: Path) -> None:
    assert refresh(tmp_path, DAY, lambda: LIST) == (1, 1)
    published.use(None)
    assert price("gpt-9") is None
    assert use_kept(tmp_path)
    found = price("gpt-9")
    assert found is not None
    assert (found.steps[0].rates.plain, found.checked) == (Decimal(7), DAY)
    assert found.source.endswith("list of 2026-12-24")


def test_back_to_the_librarys_own(tmp_path: Path) -> None:
    refresh(tmp_path, DAY, lambda: LIST)
    assert price("gpt-4o") is None
    published.use(None)
    assert price("gpt-4o") is not None


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b'[{"id": 1}]', b"null"])
def test_what_is_no_list_is_never_kept(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(AgentcostError, match="no price list"):
        refresh(tmp_path, DAY, lambda: content)
    assert not list(tmp_path.iterdir())
    assert price("gpt-4o") is not None


def test_without_a_kept_list_nothing_changes(tmp_path: Path) -> None:
    assert not use_kept(tmp_path)
    assert price("gpt-4o") is not None


@pytest.mark.parametrize("content", ["", "{", "2026-12-24\n{"])
def test_a_broken_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content, encoding="utf-8")
    with pytest.raises(AgentcostError, match="--refresh-prices"):
        assert use_kept(tmp_path) and price("gpt-4o")


def test_a_list_is_read_only_where_an_answer_is_not_kept(tmp_path: Path) -> None:
    refresh(tmp_path, DAY, lambda: LIST)
    published.keep_in(tmp_path, "1")
    known = price("gpt-9")
    published.save()
    use_kept(tmp_path)
    published.keep_in(tmp_path, "1")
    (tmp_path / NAME).unlink()
    assert price("gpt-9") == known


def test_commands_use_the_kept_list_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(tmp_path, DAY, lambda: LIST)
    published.use(None)
    monkeypatch.setenv("AGENTCOST_CACHE", str(tmp_path))
    assert CliRunner().invoke(app, ["prices", "gpt-9", "--on", "2026-12-24"]).exit_code == 1
    monkeypatch.delenv("AGENTCOST_PRICE_LIST")
    found = CliRunner().invoke(app, ["prices", "gpt-9", "--on", "2026-12-24"])
    assert "list of 2026-12-24" in " ".join(found.output.split())
