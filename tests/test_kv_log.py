"""A log as KV cache: in the target's tokens, shared parts once, and what its own concurrency holds."""

from __future__ import annotations

from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console
from tests.building import Maker, said, system, words
from tests.replacing import replace

from agentcost.caching.run import Run
from agentcost.datasheets.hardware import accelerator_named
from agentcost.datasheets.models import architecture_of, format_of
from agentcost.ingest.source import open_source
from agentcost.lineage import standings
from agentcost.loading.logs import Reading, load_logs
from agentcost.measuring.measure import measure
from agentcost.memory.ask import KvAsk
from agentcost.memory.footprints import kv_lines, log_tables
from agentcost.memory.tokens import OVER_O200K, SPREAD, per_o200k, spread_of, target_tokens
from agentcost.model import Kind, Knowledge, Request, Usage
from agentcost.record import Record
from agentcost.results import Analysis, Scope
from agentcost.study import Study
from agentcost.tokens import counter, encoding_of
from agentcost.views.memory import memory

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
TOKEN = 98_304
"""Bytes of a token on Qwen3-30B-A3B in bf16."""

ONE = KvAsk(models=(architecture_of("qwen3-30b-a3b"),), formats=(format_of("bf16"),))
LONG = "The cache keeps keys and values of every token that the model has read so far. " * 40


def studied(record: Record) -> Study:
    """A study without the simulation of caches, which memory does not look at."""
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    return Study(record, requests, standing, measured, cast(Run, None))


def read(*names: str) -> Study:
    return studied(load_logs([open_source(str(FIXTURES / name)) for name in names], Reading(cache=None)))


def everything(study: Study) -> set[int]:
    return set(range(len(study.requests)))


# --- vocabularies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", sorted(OVER_O200K))
def test_vocabularies_lie_as_far_apart_as_the_table_says(encoding: str) -> None:
    """On this project's own prose and code."""
    files = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "cli" / "agentcost").rglob("*.py"))[::10]]
    texts = [file.read_text(encoding="utf-8") for file in files]
    found = sum(counter(encoding, threads=False).count_all(texts))
    base = sum(counter("o200k_base", threads=False).count_all(texts))
    assert found / base == pytest.approx(OVER_O200K[encoding], rel=SPREAD + 0.02)


@pytest.mark.parametrize("published", [1.22, 1.31, 1.33, 1.47])
def test_the_band_holds_what_is_published_of_claudes_tokenizers(published: float) -> None:
    """Tokens of 4.7 for each of those before: middles over code, JSON, prose and Markdown (sol.ava.dev, 2026-04-17)."""
    new, old = encoding_of("claude-opus-4-7"), encoding_of("claude-opus-4-6")
    ours = per_o200k(new) / per_o200k(old)
    assert abs(published / ours - 1) < spread_of([new.name, old.name]) + new.band
    assert spread_of([new.name, old.name]) > spread_of([old.name]) == SPREAD


def test_a_log_of_the_same_vocabulary_is_exact() -> None:
    maker = Maker()
    maker.send([system(LONG), said("go on")], model="qwen3-30b-a3b", provider="")
    study = studied(maker.made())
    found = target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b")
    assert (found.basis, found.band, found.factor) == ("exact", 0.0, 1.0)
    assert found.prompts[0] == int(study.measured[0].kinds.sum())


def test_another_vocabulary_is_scaled_with_a_band() -> None:
    maker = Maker()
    maker.send([system(LONG), said("go on")], model="gpt-4o")
    study = studied(maker.made())
    found = target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b")
    assert (found.basis, found.band) == ("scaled", SPREAD)
    assert found.prompts[0] == pytest.approx(int(study.measured[0].kinds.sum()) * 1.03, abs=2)


def test_texts_that_are_counted_again_are_exact() -> None:
    maker = Maker()
    maker.send([system(LONG)], model="gpt-4o")
    study = studied(maker.made())
    own = counter("qwen3", threads=False).count(LONG)
    found = target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b", {0: own})
    assert (found.basis, found.band) == ("counted again", 0.0)
    assert int(found.lengths.sum()) == own


def test_a_claude_bill_becomes_an_open_models_tokens() -> None:
    """What the bill has beyond the text is scaled like the text."""
    study = read("quickstart.jsonl")
    found = target_tokens(study.record.tree, study.requests, study.measured, "qwen3-30b-a3b")
    billed = sum(int(group.kinds.sum()) for group in study.measured)
    assert found.factor == pytest.approx(sum(found.prompts) / billed)
    assert 0.7 < found.factor < 0.95


def test_counts_are_scaled_by_both_vocabularies() -> None:
    maker = Maker()
    usage = Usage(1_000, output=100)
    for _ in range(2):
        maker.send([said("", tokens=1_000)], model="gemma-4-31b", knowledge=Knowledge.COUNTS, usage=usage)
    study = studied(maker.made())
    found = target_tokens(maker.record.tree, study.requests, study.measured, "llama-3.1-70b")
    assert found.prompts == (870, 870)  # / 1.15
    assert found.outputs == (87, 87)
    assert (found.basis, found.band) == ("scaled", pytest.approx(SPREAD + encoding_of("gemma-4-31b").band))
    assert per_o200k(encoding_of("gemma-4-31b")) == 1.15


def test_blocks_are_taken_as_they_are() -> None:
    study = read("mooncake/bailian.jsonl")
    found = target_tokens(study.record.tree, study.requests, study.measured, "llama-3.1-70b")
    assert (found.basis, found.band) == ("as is", 0.0)
    assert found.prompts == tuple(request.usage.prompt for request in study.requests if request.usage)


# --- sizes ---------------------------------------------------------------------------------------------------------


def sent(maker: Maker, texts: list[str], **more: object) -> Request:
    fields = {"model": "qwen3-30b-a3b", "provider": "", "session": "one", **more}
    return maker.send([system(LONG), *words(*texts)], **fields)


def prompt_of(study: Study, row: int) -> int:
    return target_tokens(study.record.tree, study.requests, study.measured, "qwen3-30b-a3b").prompts[row]


def test_requests_weigh_prompt_and_answer() -> None:
    """The bill's 1,000 tokens, whatever the text measures, and 50 of the answer: 66 blocks of 16 tokens."""
    maker = Maker()
    sent(maker, ["a question"], usage=Usage(1_000, output=50), started=1.0)
    tables = log_tables(studied(maker.made()), {0}, ONE)
    row = tables["footprint"].row(0, named=True)
    assert (row["of"], row["measure"], row["tokens"]) == ("request", "p50", 1_050)
    assert row["needed_bytes"] == 1_050 * TOKEN
    assert row["allocated_bytes"] == 66 * 16 * TOKEN
    assert tables["sharing"]["requests_without_output"].to_list() == [0]


def test_a_session_holds_its_turns_once_and_sessions_share_their_start() -> None:
    maker = Maker()
    sent(maker, ["first"], session="one", started=1.0)
    sent(maker, ["first", "answer", "second"], session="one", started=2.0)
    sent(maker, ["another task"], session="two", started=3.0)
    study = studied(maker.made())
    first, longer, other = (prompt_of(study, row) for row in range(3))
    tables = log_tables(study, everything(study), ONE)
    sessions = tables["footprint"].filter(tables["footprint"]["of"] == "session")
    assert sorted(sessions["tokens"].unique()) == sorted({longer, other})
    row = tables["sharing"].row(0, named=True)
    assert row["sessions"] == 2
    assert row["tokens_alone"] == longer + other
    system_tokens = int(target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b").lengths[1])
    assert row["tokens_distinct"] == longer + other - system_tokens
    assert row["bytes_alone"] - row["bytes_together"] == system_tokens * TOKEN
    assert row["requests_without_output"] == 3
    assert first < longer


def test_a_selection_leaves_the_others_out() -> None:
    maker = Maker()
    sent(maker, ["first"], session="one", started=1.0)
    sent(maker, ["another " * 500], session="two", started=2.0)
    study = studied(maker.made())
    tables = log_tables(study, {0}, ONE)
    assert set(tables["footprint"]["tokens"]) == {prompt_of(study, 0)}
    assert tables["served_models"].rows() == [("qwen3-30b-a3b", 1, "qwen3-30b-a3b")]


def test_transcripts_share_within_a_session_only() -> None:
    """What a transcript hides stands before everything it shows."""
    maker = Maker()
    for name in ("one", "two"):
        sent(maker, ["first"], session=name, knowledge=Knowledge.TRANSCRIPT, started=1.0)
    study = studied(maker.made())
    row = log_tables(study, everything(study), ONE)["sharing"].row(0, named=True)
    assert row["tokens_distinct"] == row["tokens_alone"]


def test_what_runs_at_once_is_held_once() -> None:
    maker = Maker()
    sent(maker, ["first"], session="one", started=0.0, ended=10.0)
    sent(maker, ["another task"], session="two", started=5.0, ended=20.0)
    sent(maker, ["untimed"], session="two")
    study = studied(maker.made())
    one, two = prompt_of(study, 0), prompt_of(study, 1)
    shared = int(target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b").lengths[1])
    row = log_tables(study, everything(study), ONE)["concurrency"].row(0, named=True)
    assert (row["peak_requests"], row["peak_at"]) == (2, 5.0)
    assert row["peak_bytes_alone"] == (one + two) * TOKEN
    assert row["peak_bytes"] == (one + two - shared) * TOKEN
    assert row["overflows"] is None
    assert (row["requests"], row["requests_without_times"]) == (2, 1)
    small = replace(ONE, memory=max(one, two) * TOKEN)
    row = log_tables(study, everything(study), small)["concurrency"].row(0, named=True)
    assert (row["overflows"], row["first_overflow"], row["overflow_s"]) == (True, 5.0, 5.0)
    ample = replace(ONE, memory=(one + two) * TOKEN)
    row = log_tables(study, everything(study), ample)["concurrency"].row(0, named=True)
    assert (row["overflows"], row["first_overflow"], row["overflow_s"]) == (False, None, 0.0)


def test_a_log_without_ends_tells_nothing_of_concurrency() -> None:
    study = read("mooncake/shared_prefix.jsonl")
    assert log_tables(study, everything(study), ONE)["concurrency"].is_empty()


def test_hosted_models_are_unknown() -> None:
    study = read("quickstart.jsonl")
    tables = log_tables(study, everything(study), KvAsk())
    assert set(tables["served_models"]["architecture"]) == {""}
    assert tables["footprint"]["model"].n_unique() == 9
    absent = tables["footprint"].filter(tables["footprint"]["needed_bytes"].is_null())
    assert set(absent["reason"].str.contains("no layout is documented")) == {True}


def test_the_lines_of_the_default_report() -> None:
    study = read("quickstart.jsonl")
    frame = kv_lines(study, everything(study))
    assert frame["kv_format"].unique(maintain_order=True).to_list() == ["bf16", "fp8"]
    assert set(frame["room"]) == {"1 × h100-sxm"}
    row = frame.row(0, named=True)
    weights = 30_531_911_680 * 2
    room = int(accelerator_named("h100").memory_bytes * 0.9) - weights
    assert row["fit"] == room // row["allocated_bytes"]


def test_nothing_selected_gives_empty_tables() -> None:
    study = read("quickstart.jsonl")
    tables = log_tables(study, set(), ONE)
    assert tables["footprint"].is_empty()
    assert kv_lines(study, set()).is_empty()


def test_an_image_keeps_its_tokens() -> None:
    maker = Maker()
    maker.send([said("", Kind.IMAGE, media="image 1000x1000")], model="gpt-4o")
    study = studied(maker.made())
    found = target_tokens(maker.record.tree, study.requests, study.measured, "qwen3-30b-a3b")
    assert found.prompts[0] > 0


def sentence(study: Study, chosen: Collection[int]) -> str:
    """What the default report says of memory."""
    scope = Scope(len(study.requests), len(chosen), None, None, "UTC")
    with StringIO() as file:
        Console(file=file, width=80).print(*memory(Analysis(scope, (), {"footprint": kv_lines(study, chosen)}), 80))
        return " ".join(file.getvalue().split())


def test_the_sentence_of_the_default_report() -> None:
    study = read("quickstart.jsonl")
    text = sentence(study, everything(study))
    sizes = "1.15 and 1.69 GiB in bf16, 0.58 and 0.84 GiB in fp8"
    assert text.startswith(f"KV cache (±6%): median and p99 request {sizes} on ")
    assert text.endswith("; 1 × h100-sxm holds 13 and 8, 26 and 17.")


def test_the_sentence_on_one_request_says_no_figure_twice() -> None:
    text = sentence(read("quickstart.jsonl"), {0})
    assert "KV cache (±6%): the request 10.6 MiB in bf16, 5.30 MiB in fp8 on " in text
    assert text.endswith("; 1 × h100-sxm holds 1,291, 2,582.")
