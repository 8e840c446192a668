"""One log has many hit rates: each by its denominator, worked out by hand."""

from __future__ import annotations

import pytest
from tests.reading import FIXTURES, SHARED, needs_shared

from agentcost.analyze import Choices, evaluate
from agentcost.cache.bounds import content_bounds
from agentcost.caching.hitrates import RATES, Counted, checked_rate, rate_of
from agentcost.caching.prompts import Asking
from agentcost.errors import UsageError
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.memory.pools import block_of
from agentcost.results import HIT_RATES
from agentcost.study import study

LOG = Counted(
    read=[0, 800, 900, 0],
    written=[1000, 100, 100, 0],
    prompt=[1000, 1000, 2000, 500],
    known=[0, 900, 600, 500],
    eligible=[True, True, True, False],
    session=["a", "a", "b", "b"],
    block=300,
)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("tokens", 1700 / 4500),
        ("cacheable", (800 + 600) / 2000),  # 300 were read from before the log
        ("eligible", 1700 / 4000),
        ("cached", 1700 / 2900),
        ("requests", 2 / 4),
        ("request-mean", (0 + 0.8 + 0.45 + 0) / 4),
        ("session-mean", (800 / 2000 + 900 / 2500) / 2),
        ("last-half", 900 / 2500),
        ("blocks", (2 + 3) / (4 + 4 + 7 + 2)),
        ("full-blocks", (2 + 3) / (3 + 3 + 6 + 1)),
        ("block-mean", (0 + 2 / 4 + 3 / 7 + 0) / 4),
        ("last-half-blocks", 3 / 9),
        ("last-half-block-mean", (3 / 7 + 0) / 2),
    ],
)
def test_a_rate_is_a_share_of_what_it_names(name: str, rate: float) -> None:
    assert rate_of(name, LOG) == pytest.approx(rate)


@pytest.mark.parametrize("name", list(RATES))
def test_without_anything_to_be_of_a_rate_is_unknown(name: str) -> None:
    assert rate_of(name, Counted([], [], [], [], [], [], 16)) is None
    if name != "requests":
        assert rate_of(name, Counted([0], [0], [0], [0], [False], ["s"], 16)) is None


GOLDEN = {
    "conversation_trace.jsonl": {"tokens": 0.3736, "blocks": 0.3664, "full-blocks": 0.3819, "block-mean": 0.3843,
                                 "last-half": 0.3981, "last-half-blocks": 0.3900, "last-half-block-mean": 0.4042},
    "synthetic_trace.jsonl": {"tokens": 0.6512, "blocks": 0.6396, "full-blocks": 0.6594, "block-mean": 0.4232,
                              "last-half": 0.8627, "last-half-blocks": 0.8511, "last-half-block-mean": 0.6741},
}  # fmt: skip
"""Of Mooncake's traces in a cache that keeps everything, by other means."""


@needs_shared
@pytest.mark.parametrize("name", GOLDEN)
def test_the_rates_of_published_traces(name: str) -> None:
    record = load_logs([open_source(SHARED / "hash-block" / "mooncake" / name)], Reading())
    requests = record.ordered()
    known = study(record, Asking())
    read = content_bounds(known.run.shape, known.run.prompts, at_once=True)
    prompt = [one.total for one in known.run.prompts]
    none = [0] * len(read)
    counted = Counted(read, none, prompt, none, [True] * len(read), [""] * len(read), block_of(record.tree, requests))
    assert counted.block == 512
    assert {rate: rate_of(rate, counted) for rate in GOLDEN[name]} == pytest.approx(GOLDEN[name], abs=5.1e-5)


def test_every_rate_has_its_words() -> None:
    assert list(RATES) == list(HIT_RATES)


def test_an_unknown_rate_is_refused_with_those_that_there_are() -> None:
    assert checked_rate("cached") == "cached"
    with pytest.raises(UsageError, match="--hit-rate hits: one of tokens, cacheable"):
        checked_rate("hits")


def test_the_table_of_policies_has_the_rate_that_was_asked_for() -> None:
    record = load_logs([open_source(FIXTURES / "quickstart.jsonl")], Reading())
    frames = {name: evaluate(record, Choices(hit_rate=name)).tables["caches"] for name in RATES}
    for name, frame in frames.items():
        assert set(frame["hit_rate_of"]) == {name}
    bound = {name: frame.row(-1, named=True)["hit_rate"] for name, frame in frames.items()}
    assert bound["cacheable"] == 1
    assert bound["tokens"] < 1
    others = [frame.drop("hit_rate", "hit_rate_of").rows() for frame in frames.values()]
    assert all(rows == others[0] for rows in others)
