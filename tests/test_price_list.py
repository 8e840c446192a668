"""The library's prices as they are kept: equal to the library's own for every model, and read back without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider, TieredPrices

from agentcost.pricing import Terms, genai, price_of, published
from agentcost.pricing.genai import KEYS, priced
from agentcost.pricing.kept import MOST, Answers, shelf_in
from agentcost.pricing.priced import Found, Priced, Tiered

MOMENTS = (
    datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 9, 5, 0, 29, 59, tzinfo=UTC),
    datetime(2025, 9, 5, 0, 30, tzinfo=UTC), datetime(2025, 9, 5, 16, 30, tzinfo=UTC),
    datetime(2026, 3, 13, 23, 30, tzinfo=timezone(timedelta(hours=-8))), datetime(2026, 10, 14, 7, tzinfo=UTC),
    datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip
VARIANTS = ({"processing": "batch"}, {"service_tier": "flex"}, {"service_tier": "priority"}, {"speed": "fast"})


def models() -> Iterator[tuple[Provider, ModelInfo]]:
    return ((provider, info) for provider in get_snapshot().providers for info in provider.models)


def again(found: Priced) -> Priced:
    """As it is read back from the disk."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Priced)


@pytest.mark.parametrize("provider", get_snapshot().providers, ids=lambda provider: provider.id)
def test_every_model_has_the_library_s_prices_at_every_moment(provider: Provider) -> None:
    for info in provider.models:
        ours = again(priced(info))
        assert (ours.id, ours.context) == (info.id, info.context_window)
        for moment in MOMENTS:
            theirs = info.get_prices(moment)
            now = ours.at(moment)
            assert now.empty == all(value is None for value in vars(theirs).values())
            assert set(now.values) == {name for name, key in KEYS.items() if getattr(theirs, key) is not None}
            for name, value in now.values.items():
                expected = getattr(theirs, KEYS[name])
                for prompt in (0, 128_000, 128_001, 200_001, 272_001, 10_000_000):
                    wanted = tiered(expected, prompt) if isinstance(expected, TieredPrices) else expected
                    assert (value.at(prompt) if isinstance(value, Tiered) else value) == wanted, (info.id, name)


def tiered(price: TieredPrices, prompt: int) -> object:
    """By the library's own arithmetic: what a million tokens cost in a request of that size."""
    from genai_prices.types import calc_unit_price  # noqa: PLC0415

    return calc_unit_price(price, 1_000_000, prompt, 1_000_000)


def test_every_variant_has_the_library_s_prices() -> None:
    compared = 0
    for _, info in models():
        ours = again(priced(info))
        for when in VARIANTS:
            for moment in MOMENTS:
                theirs = info.get_prices(moment, when)
                own = [one.prices for one in ours.variants if one.when == when and one.prices.holds(moment)]
                values = {**ours.at(moment).values, **(own[0].values if own else {})}
                for name, key in KEYS.items():
                    expected = getattr(theirs, key)
                    if not isinstance(expected, TieredPrices):
                        assert values.get(name) == expected, (info.id, when, name)
                        compared += bool(own)
    assert compared > 1_000


def test_a_model_that_was_looked_up_is_answered_without_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = MOMENTS[-2]
    asked = [Terms("anthropic", "claude-sonnet-4-5"), Terms("nowhere", "nothing-9"), Terms("openai", "gpt-5.5", "flex")]
    fresh = [price_of(terms, noon) for terms in asked]
    try:
        for known in (False, True):
            published.find.cache_clear()
            published.is_host.cache_clear()
            published.keep_in(None, "")  # as the next run begins
            published.keep_in(tmp_path, "1")
            if known:
                monkeypatch.setattr(genai, "find", None)
                monkeypatch.setattr(genai, "is_host", None)
            assert [price_of(terms, noon) for terms in asked] == fresh
            published.save()
    finally:
        published.keep_in(None, "")


FOUND = Found("here", priced(get_snapshot().providers[0].models[0]), own=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:-20] + b"0" + content[-19:],
        lambda content: content[:0],
        lambda content: content.replace(b"edition-1", b"edition-2"),
    ],
    ids=["cut", "changed", "empty", "another"],
)
def test_a_broken_or_foreign_file_is_read_as_empty(tmp_path: Path, damage: object) -> None:
    shelf = shelf_in(tmp_path, "edition-1")
    shelf.answers.models["here it"] = FOUND
    shelf.new = True
    shelf.save()
    assert shelf_in(tmp_path, "edition-1").answers.models == {"here it": FOUND}
    assert callable(damage)
    shelf.path.write_bytes(damage(shelf.path.read_bytes()))
    assert shelf_in(tmp_path, "edition-1").answers == Answers()


def test_the_file_is_the_owner_s_and_does_not_grow_without_end(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path / "new", "1")
    shelf.answers.models |= {f"here {number}": None for number in range(MOST + 1)}
    shelf.new = True
    shelf.save()
    assert shelf.path.stat().st_mode & 0o077 == 0
    assert shelf_in(tmp_path / "new", "1").answers == Answers()
