"""The tables of capacity, tiers and prefill of a log: what they hold, what they leave unknown, and how they look."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console, Group
from tests.replacing import replace

from agentcost.commands.asked import Asked
from agentcost.commands.curves import Prompt, cache_options, prompt_of
from agentcost.commands.report import studied
from agentcost.datasheets.hardware import accelerator_named
from agentcost.datasheets.models import architecture_of, format_of
from agentcost.errors import UsageError
from agentcost.kv.storage import Layout
from agentcost.memory.ask import KvAsk
from agentcost.memory.capacity import ASSUMED, CAPACITY, KNEES, LIFETIME_KNEES, LIFETIMES, CapacityAsk
from agentcost.memory.prefill import PREFILL, given_prefill
from agentcost.memory.tables import memory_tables
from agentcost.memory.tiers import TIERS
from agentcost.results import Analysis, Scope
from agentcost.schema import CAPACITY_TABLES
from agentcost.study import Study
from agentcost.tiers import parsed
from agentcost.views.capacity import capacity
from agentcost.views.prefill import prefill
from agentcost.views.tiers import tiers

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "json.md").read_text()
SHARED_PREFIX = ROOT / "fixtures" / "mooncake" / "shared_prefix.jsonl"
QUICKSTART = ROOT / "fixtures" / "quickstart.jsonl"

SMALL = KvAsk(models=(architecture_of("llama-3.1-8b"),), formats=(format_of("bf16"),))
ON_H100 = replace(SMALL, accelerator=accelerator_named("h100"), count=2, layout=Layout(1))


def read(*logs: Path) -> Study:
    return studied(Asked(tuple(map(str, logs)), cache=False), quiet=True, save="")[1]


@pytest.fixture(scope="module")
def quickstart() -> Study:
    """66 billed requests of text."""
    return read(QUICKSTART)


@pytest.fixture(scope="module")
def hashed() -> Study:
    """Six prompts of blocks of 512 tokens."""
    return read(SHARED_PREFIX)


def tables(study: Study, kv: KvAsk = SMALL, **ask: object) -> dict[str, pl.DataFrame]:
    return memory_tables(study, range(len(study.requests)), kv, CapacityAsk(**ask))  # type: ignore[arg-type]


SCHEMAS = {
    "capacity": CAPACITY, "capacity_knees": KNEES, "lifetimes": LIFETIMES,
    "lifetime_knees": LIFETIME_KNEES, "capacity_basis": ASSUMED, "prefill": PREFILL, "tiers": TIERS,
}  # fmt: skip
TYPES = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_documented_with_its_type(name: str) -> None:
    section = re.split(r"^#{2,3} ", DOCS.partition(f"\n### {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE))
    assert told == {column: TYPES[kind] for column, kind in SCHEMAS[name].items()}
    assert f"\n### {name}\n\nA row is {CAPACITY_TABLES[name][0]}.\n" in DOCS
    assert CAPACITY_TABLES[name][1].split(", ") == list(SCHEMAS[name])


def test_every_table_has_its_schema(quickstart: Study) -> None:
    assert CAPACITY_TABLES.keys() == SCHEMAS.keys()
    for name, frame in tables(quickstart, ON_H100, tiers=(parsed("dram=1TiB"),)).items():
        assert frame.schema == pl.Schema(SCHEMAS[name]), name
        assert len(frame), name


def test_the_curve_of_a_trace_by_hand(hashed: Study) -> None:
    """The whole curve: every hit is of the longest beginning that an earlier prompt had."""
    found = tables(hashed)
    basis = found["capacity_basis"].row(0, named=True)
    seen: set[tuple[int, ...]] = set()
    bound = 0
    for request in hashed.requests:
        path = hashed.record.tree.path(request.node)
        known = [node for node in path if (node,) in seen]
        bound += sum(hashed.record.tree.entry(node).tokens or 0 for node in known)
        seen.update((node,) for node in path)
    assert basis["bound_tokens"] == bound > 0
    assert basis["block_tokens"] == 512
    assert basis["block_bytes"] == 512 * 131_072
    last = found["capacity"].row(-1, named=True)
    assert (last["hit_tokens"], last["share_of_bound"]) == (bound, 1.0)
    assert last["capacity_bytes"] == last["capacity_tokens"] * 131_072


def test_the_rows_of_a_window_equal_those_of_the_whole(quickstart: Study) -> None:
    """What is not selected still warms the cache."""
    every = range(len(quickstart.requests))
    whole, one, other = (
        memory_tables(quickstart, rows, SMALL, CapacityAsk())["capacity_basis"].row(0, named=True)
        for rows in (every, every[: len(every) // 2], every[len(every) // 2 :])
    )
    assert one["bound_tokens"] + other["bound_tokens"] == whole["bound_tokens"]
    assert one["input_tokens"] + other["input_tokens"] == whole["input_tokens"]
    assert other["bound_tokens"] > 0


def test_one_replica_is_the_single_curve(quickstart: Study) -> None:
    own = tables(quickstart, replicas=(1,))["capacity"]
    both = tables(quickstart, replicas=(1, 2))["capacity"]
    assert both.filter(pl.col("replicas") == 1).equals(own)
    knees = tables(quickstart, ON_H100, replicas=(1, 2), routing="session")["capacity_knees"]
    assert set(knees["replicas"]) == {1, 2}
    single, divided = (knees.filter(pl.col("replicas") == count) for count in (1, 2))
    assert single["knee"].to_list() == divided["knee"].to_list()
    assert divided["routing"].to_list() == ["session"] * len(divided)
    assert "room" in single["knee"].to_list()


def test_capacity_in_accelerators(quickstart: Study) -> None:
    """The room of two H100 is two of them, to a block."""
    row = tables(quickstart, ON_H100)["capacity_knees"].filter(pl.col("knee") == "room").row(0, named=True)
    assert row["accelerators"] == pytest.approx(2, abs=0.001)
    assert row["capacity_bytes"] <= (ON_H100.room(ON_H100.models[0]) or pytest.fail("no room")).total


def test_a_latent_is_held_on_every_rank() -> None:
    """MLA on eight ranks takes eight times the memory of a block; in a tier below it lies once."""
    study = read(SHARED_PREFIX)
    kv = replace(SMALL, models=(architecture_of("deepseek-v3"),), layout=Layout(8), memory=8 * 10**12)
    found = tables(study, kv, tiers=(parsed("dram=1TB@50GB/s"),))
    assert found["capacity_basis"]["block_bytes"][0] == 8 * 512 * 70_272
    assert found["tiers"].row(1, named=True)["capacity_tokens"] == 10**12 // (512 * 70_272) * 512


# --- tiers ---------------------------------------------------------------------------------------------------------


def test_hits_of_all_places_and_what_is_computed_are_all_input(quickstart: Study) -> None:
    kv = replace(SMALL, memory=10**9)
    found = tables(quickstart, kv, tiers=(parsed("dram=1500MB@50GB/s"), parsed("nvme=1TB")))
    frame, basis = found["tiers"], found["capacity_basis"].row(0, named=True)
    assert frame["place"].to_list() == ["accelerators", "dram", "nvme", "computed"]
    assert frame["level"].to_list() == ["G1", "G2", "G3", ""]
    assert frame["hit_tokens"].sum() == basis["input_tokens"]
    assert basis["input_tokens"] - frame["hit_tokens"][-1] == basis["bound_tokens"]
    assert all(count > 0 for count in frame["hit_tokens"][:3])
    # without an accelerator nothing is known of computing, and loading is known
    assert frame["load_p50_s"][1] > 0
    assert frame["compute_p50_s"].null_count() == 4


def test_loading_against_computing(quickstart: Study) -> None:
    found = tables(quickstart, ON_H100, tiers=(parsed("dram=1TiB@50GB/s"), parsed("tape=1PB@1MB/s,latency=1s")))
    assert found["tiers"]["hit_tokens"][2] == 0
    slow = tables(quickstart, replace(ON_H100, weights_memory=77_000 * 10**6), tiers=(parsed("tape=1PB@1MB/s"),))
    row = slow["tiers"].row(1, named=True)
    assert row["faster"] == 0
    assert row["faster_from_tokens"] is None
    assert row["load_p50_s"] > row["compute_p50_s"]
    assert row["added_p50_s"] > 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("nvme=1TB@7GB/s", "dram=1TB@50GB/s"), "not fastest first"),
        (("dram=1TB@50GB/s", "dram=2TB@50GB/s"), "each tier once"),
    ],
)
def test_tiers_have_an_order(hashed: Study, given: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tables(hashed, tiers=tuple(map(parsed, given)))


# --- prefill -------------------------------------------------------------------------------------------------------


def test_prefill_of_one_prompt() -> None:
    kv = replace(SMALL, accelerator=accelerator_named("h100"))
    row = given_prefill(kv, 98_304, 96_256, 2.5).row(0, named=True)
    assert (row["tokens"], row["cached_tokens"], row["crossing_tokens"]) == (98_304, 96_256, 53_248)
    assert row["flop_cached"] / row["flop_cold"] == pytest.approx(0.034, abs=0.0005)
    assert row["cold_s"] == pytest.approx(row["flop_cold"] / (0.5 * 989e12))
    assert row["cached_s"] < row["cold_s"] / 20
    assert row["kernels_cold_s"] < row["cold_s"]
    assert row["usd_per_million_cold"] == pytest.approx(row["cold_s"] / 3600 * 2.5 / 98_304 * 1e6)
    assert row["priced"] == "given"


def test_prefill_of_all_is_the_sum(quickstart: Study) -> None:
    found = tables(quickstart, ON_H100)
    frame = found["prefill"]
    assert frame["measure"].to_list() == ["p50", "p90", "p99", "max", "all"]
    whole, basis = frame.row(-1, named=True), found["capacity_basis"].row(0, named=True)
    assert (whole["tokens"], whole["cached_tokens"]) == (basis["input_tokens"], basis["bound_tokens"])
    assert 0 < whole["flop_cached"] < whole["flop_cold"]
    assert "2ND" in whole["priced"]


def test_an_accelerator_whose_speed_is_unknown_has_no_times() -> None:
    kv = replace(SMALL, accelerator=accelerator_named("apple-m3-ultra"))
    row = given_prefill(kv, 1_000, 0).row(0, named=True)
    assert row["cold_s"] is None
    assert row["usd_per_million_cold"] is None
    assert "not known" in row["reason"]
    assert row["flop_cold"] > 0


# --- what is not known ---------------------------------------------------------------------------------------------


@pytest.fixture
def lengths(tmp_path: Path) -> Study:
    """Two requests of which only the lengths are known."""
    log = tmp_path / "lengths.csv"
    log.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,4808,10\n2023-11-16 18:15:50,3180,8\n")
    return read(log)


def test_lengths_alone_tell_no_hit(lengths: Study) -> None:
    found = tables(lengths, tiers=(parsed("dram=1TiB"),))
    assert found["capacity_basis"]["bound_tokens"].to_list() == [None]
    assert all(not len(found[name]) for name in ("capacity", "capacity_knees", "lifetimes", "tiers"))
    whole = found["prefill"].row(-1, named=True)
    assert (whole["tokens"], whole["cached_tokens"], whole["flop_cached"]) == (7_988, None, None)
    assert whole["flop_cold"] > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replicas": "1,x"}, "--replicas 1,x: 'x' is no number"),
        ({"replicas": "0"}, "--replicas 0"),
        ({"routing": "random"}, "--routing random: one of round-robin, session, prefix"),
        ({"block_size": 0}, "--block-size 0"),
        ({"gpu_price": -1.0}, "--gpu-price -1"),
        ({"tier": ["dram"]}, "--tier dram: no capacity"),
    ],
)
def test_what_cannot_be_asked(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as told:
        cache_options(**changes)  # type: ignore[arg-type]
    assert words in str(told.value)


def test_replicas_are_those_that_the_accelerators_form() -> None:
    assert cache_options(routing="prefix").of(ON_H100).replicas == (1, 2)
    assert cache_options("1, 4,8").of(ON_H100).replicas == (1, 4, 8)


@pytest.mark.parametrize(("cached", "tokens"), [("5", ""), ("11", "10"), ("-1", "10"), ("ten", "10")])
def test_cached_tokens_are_of_a_prompt(cached: str, tokens: str) -> None:
    with pytest.raises(UsageError, match="--cached-tokens"):
        prompt_of(tokens, cached_tokens=cached)


def test_tokens_are_written_short_or_whole() -> None:
    assert prompt_of() is None
    assert prompt_of("128k", "1.5k", "96ki") == Prompt(128_000, 1_500, 98_304)
    assert prompt_of("10", cached_tokens="10") == Prompt(10, 0, 10)
    with pytest.raises(UsageError, match="--tokens 98x: write a number of tokens"):
        prompt_of("98x")


def test_what_needs_a_log_is_told_without_one() -> None:
    assert cache_options(tier=["dram=2TiB"]).given == "--tier"
    assert cache_options(replicas="2", routing="session").given == "--replicas"
    assert not cache_options(gpu_price=2.0).given


# --- as they look --------------------------------------------------------------------------------------------------


def drawn(found: dict[str, pl.DataFrame], width: int) -> str:
    analysis = Analysis(Scope(1, 1, None, None, "UTC"), (), found)
    console = Console(width=width, highlight=False, no_color=True, record=True, file=None)
    with console.capture() as text:
        console.print(Group(*capacity(analysis, width), *tiers(analysis, width), *prefill(analysis, width)))
    return text.get()


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("memory", [None, 3 * 10**9])
def test_no_line_is_wider_than_the_terminal(quickstart: Study, width: int, memory: int | None) -> None:
    kv = replace(ON_H100, accelerator=None, memory=memory) if memory else ON_H100
    text = drawn(tables(quickstart, kv, replicas=(1, 2), tiers=(parsed("dram=5GB"),)), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.startswith("Hit rate by capacity: ")


def test_the_report_says_what_it_rests_on(quickstart: Study, hashed: Study, lengths: Study) -> None:
    text = " ".join(drawn(tables(quickstart), 80).split())
    assert "half of that with" in text
    assert "Lighthouse Attention's" in text
    assert "Times: name an --accelerator" in text
    assert "the log does not tell when they end" in " ".join(drawn(tables(hashed), 80).split())
    assert "unknown, the log holds lengths only" in drawn(tables(lengths), 80)


def test_a_log_without_anything_in_common(tmp_path: Path) -> None:
    log = tmp_path / "trace.jsonl"
    rows = [{"timestamp": n, "input_length": 512, "output_length": 1, "hash_ids": [n]} for n in range(3)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "no request begins as an earlier one did" in " ".join(drawn(tables(read(log)), 80).split())


# --- times to live -------------------------------------------------------------------------------------------------


def test_the_curves_by_time_to_live_are_told_twice(quickstart: Study) -> None:
    found = tables(quickstart)
    points, knees = found["lifetimes"], found["lifetime_knees"]
    bound = found["capacity_basis"]["bound_tokens"][0]
    by_use, by_write = (points.filter(points["renewed_by"] == name) for name in ("use", "write"))
    assert by_use["ttl_s"].to_list() == by_write["ttl_s"].to_list() == sorted(set(by_use["ttl_s"]))
    assert by_use["hit_tokens"].to_list() == sorted(by_use["hit_tokens"]) and by_use["hit_tokens"][-1] == bound
    assert all(one >= other for one, other in zip(by_use["hit_tokens"], by_write["hit_tokens"], strict=True))
    assert sum(one > other for one, other in zip(by_use["hit_tokens"], by_write["hit_tokens"], strict=True)) > 10
    own = {row["knee"]: row for row in knees.filter(knees["renewed_by"] == "use").to_dicts()}
    assert (own["all"]["hit_tokens"], own["all"]["share_of_bound"]) == (bound, 1.0)
    assert own["half"]["hit_tokens"] >= bound / 2 > _just_before(by_use, own["half"]["ttl_s"])
    assert {name: own[name]["ttl_s"] for name in ("10s", "5m", "1h", "1d")} == {
        "10s": 10, "5m": 300, "1h": 3_600, "1d": 86_400,
    }  # fmt: skip


def _just_before(points: pl.DataFrame, ttl: float) -> int:
    return int(points.filter(points["ttl_s"] < ttl)["hit_tokens"].max() or 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 140])
def test_the_report_on_times_to_live_answers_first(quickstart: Study, width: int) -> None:
    lines = drawn(tables(quickstart), width).splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("Hit rate by time to live: "))
    assert re.match(r"Hit rate by time to live: [\d.]+% with 5m, [\d.]+% with 1h, [\d.]+% with any$", lines[place])
    assert any("renewed by use" in line and "from the write" in line for line in lines[place:])
    assert max(map(len, lines)) <= width
