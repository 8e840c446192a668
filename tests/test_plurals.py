"""One of a thing is not said as several."""

from __future__ import annotations

import pytest

from agentcost.units import agreed, in_tokens, plural


@pytest.mark.parametrize(
    ("count", "told"), [(None, "? tokens"), (0, "0 tokens"), (1, "1 token"), (2, "2 tokens"), (12_345, "12.3k tokens")]
)
def test_tokens_with_their_noun(count: int | None, told: str) -> None:
    assert in_tokens(count) == told


def test_a_verb_goes_with_its_count() -> None:
    assert [f"{plural(count, 'tool')} {agreed(count, 'was', 'were')}" for count in (0, 1, 2)] == [
        "0 tools were", "1 tool was", "2 tools were",
    ]  # fmt: skip
