"""The room beside weights, what fits in it, and why there is none; what runs at once on a tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.commands.sizes import bytes_of
from agentcost.datasheets.hardware import accelerator_named
from agentcost.datasheets.models import architecture_of, format_of, weights_of
from agentcost.errors import UsageError
from agentcost.kv.concurrency import Moment, Running, moments
from agentcost.kv.room import Room, beside_weights, in_blocks, in_memory, weights_bytes
from agentcost.kv.storage import Layout
from agentcost.memory.ask import KvAsk, given_tables

GIB = 2**30
H100, H200 = accelerator_named("h100-sxm"), accelerator_named("h200-sxm")


def room_of(model: str, count: int, weights: str = "bf16", layout: Layout | None = None, share: float = 0.9) -> Room:
    found = weights_bytes(architecture_of(model), weights_of(weights))
    return beside_weights(H100, count, layout or Layout(count), share, found, weights)


def test_the_room_beside_weights() -> None:
    """80 GiB x 0.9 = 72 GiB; Llama-3.1-8B in bf16 takes 14.96 GiB of it."""
    room = room_of("llama-3.1-8b", 1)
    assert room.weights == 8_029_995_008 * 2
    assert room.per_rank == int(85_899_345_920 * 0.9) - 16_059_990_016
    assert room.holds(12 * GIB) == 4
    assert room.holds(57 * GIB) == 1
    assert room.holds(58 * GIB) == 0


def test_replicas_each_hold_the_weights() -> None:
    room = room_of("llama-3.1-8b", 8, layout=Layout(2))
    assert (room.ranks, room.replicas) == (2, 4)
    assert room.per_rank == int(85_899_345_920 * 0.9) - 8_029_995_008
    assert room.total == 8 * (room.per_rank or 0)
    assert room.holds(room.per_rank or 0) == 4


def test_data_parallel_attention_has_a_lane_per_rank() -> None:
    """Kimi-K2.5 in nvfp4: 538 of 16 x 72 GiB."""
    assert room_of("kimi-k2.5", 16, "nvfp4", Layout(16)).holds(10 * GIB) == 3
    assert room_of("kimi-k2.5", 16, "nvfp4", Layout(16, dp_attention=True)).holds(10 * GIB) == 16 * 3


@pytest.mark.parametrize(
    ("model", "count", "weights", "told"),
    [
        (
            "llama-3.1-405b",
            8,
            "bf16",
            r"756 GiB of bf16 weights do not fit in 576 GiB \(8 × h100-sxm at 0.9\); take 11",
        ),
        ("kimi-k2.5", 1, "fp8", "take 14 or more"),
    ],
)
def test_weights_larger_than_memory_are_explained(model: str, count: int, weights: str, told: str) -> None:
    room = room_of(model, count, weights)
    assert room.per_rank is None
    assert room.holds(GIB) is None
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(room.problem)


@given(st.sampled_from(["llama-3.1-405b", "kimi-k2.5", "deepseek-v3"]), st.sampled_from(["bf16", "fp8", "int4"]))
def test_the_number_that_is_advised_is_the_least_that_works(model: str, weights: str) -> None:
    problem = room_of(model, 1, weights).problem
    least = int(problem.partition("; take ")[2].split()[0])
    assert room_of(model, least, weights).per_rank is not None
    assert room_of(model, least - 1, weights).per_rank is None


@pytest.mark.parametrize(
    ("count", "layout", "share", "told"),
    [
        (0, Layout(1), 0.9, "--count 0: at least one accelerator"),
        (-4, Layout(1), 0.9, "--count -4"),
        (8, Layout(3), 0.9, "--tp 3 does not divide --count 8"),
        (8, Layout(0), 0.9, "--tp 0, --dcp 1: at least 1"),
        (8, Layout(8, dcp=3), 0.9, "--dcp 3 does not divide --tp 8"),
        (8, Layout(8, dp_attention=True, dcp=2), 0.9, "exclude each other"),
        (8, Layout(8), 0.0, "--gpu-memory-utilization 0"),
        (8, Layout(8), 1.5, "--gpu-memory-utilization 1.5"),
    ],
)
def test_impossible_hardware_is_explained(count: int, layout: Layout, share: float, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        beside_weights(H200, count, layout, share, GIB)


def test_unknown_weights_leave_the_room_unknown() -> None:
    room = beside_weights(H200, 1, Layout(), 0.9, None)
    assert room.per_rank is None
    assert "--weights-memory" in room.problem


def test_a_given_memory_is_shared_by_its_ranks() -> None:
    room = in_memory(568 * GIB, Layout(8))
    assert room.per_rank == 71 * GIB
    assert room.holds(10 * GIB) == 7
    with pytest.raises(UsageError, match="nothing fits"):
        in_memory(0, Layout())


def test_blocks_of_an_engine() -> None:
    room = in_blocks(1_000, Layout(8))
    assert room.holds(123, blocks=300) == 3
    assert room.holds(123, blocks=None) is None
    with pytest.raises(UsageError, match="--num-gpu-blocks 0"):
        in_blocks(0, Layout())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("568GiB", 568 * GIB), ("2TiB", 2 * 2**40), ("80GB", 80 * 10**9), ("1.5 GiB", 3 * GIB // 2), ("4096B", 4096)],
)
def test_sizes(text: str, expected: int) -> None:
    assert bytes_of("--kv-memory", text) == expected


@pytest.mark.parametrize("text", ["", "GiB", "-1GiB", "12 apples", "1e9", "10"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="write it with its unit, as 568GiB"):
        bytes_of("--kv-memory", text)


def test_a_table_without_a_log() -> None:
    """98,304 tokens of GLM-5.2 on 8 H200 in fp8: 16 GB of room a rank beside 87 GiB of weights, replicated latents."""
    ask = KvAsk(
        models=(architecture_of("glm-5.2"),), formats=(format_of("bf16"), format_of("int8")), layout=Layout(8),
        accelerator=H200, count=8, weights=weights_of("fp8"),
    )  # fmt: skip
    tables = given_tables(ask, 98_304)
    known, unknown = tables["footprint"].to_dicts()
    assert known["needed_bytes"] == 9_361_686_528
    assert known["allocated_bytes"] == 8 * 98_304 * 78 * (1_152 + 256)
    per_rank = int(H200.memory_bytes * 0.9) - -(-743_375_831_040 // 8)
    assert known["fit"] == per_rank // (98_304 * 78 * (1_152 + 256)) == 4
    assert unknown["needed_bytes"] is None
    assert "no layout is documented for MLA layers" in unknown["reason"]
    assert tables["layer_groups"]["bytes"].sum() == known["needed_bytes"]
    assert tables["room"]["kv_bytes"].to_list() == [8 * per_rank]


# --- what runs at once ---------------------------------------------------------------------------------------------

PARENTS = [0, 0, 1, 2, 1]
LENGTHS = [0, 100, 10, 1, 20]


def test_shared_nodes_are_held_once() -> None:
    """Two requests below node 1 (100 tokens): 111 + 5 of its own, and 120; together 136."""
    running = [Running(3, 116, (1_160,), 0.0, 10.0), Running(4, 120, (1_200,), 5.0, 20.0)]
    assert list(moments(PARENTS, LENGTHS, running)) == [
        Moment(0.0, 1, 116, 116, (1_160,)),
        Moment(5.0, 2, 236, 136, (2_360,)),
        Moment(10.0, 1, 120, 120, (1_200,)),
        Moment(20.0, 0, 0, 0, (0,)),
    ]


def test_one_that_ends_as_another_starts_is_gone() -> None:
    running = [Running(3, 111, (1,), 0.0, 10.0), Running(3, 111, (1,), 10.0, 20.0), Running(4, 120, (1,), 20.0, 20.0)]
    assert max(moment.running for moment in moments(PARENTS, LENGTHS, running)) == 1


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9), st.integers(0, 9)), max_size=10),
)
def test_the_union_of_paths_at_every_moment(above: list[int], calls: list[tuple[int, int, int]]) -> None:
    """Node n+1 hangs below one of the nodes before it; each moment holds the union of the paths that run."""
    parents = [0, *(min(parent, number) for number, parent in enumerate(above))]
    lengths = [0, *(1 << number for number in range(len(above)))]

    def path(node: int) -> set[int]:
        return set() if node == 0 else {node} | path(parents[node])

    running = []
    for node, start, length in calls:
        leaf = node % len(parents)
        tokens = sum(lengths[one] for one in path(leaf))
        running.append(Running(leaf, tokens, (7,), float(start), float(start + length)))
    found = list(moments(parents, lengths, running))
    for moment in found:
        now = [one for one in running if one.started <= moment.at < one.ended]
        brief = [one for one in running if one.started == moment.at == one.ended]
        inside = now + brief if moment.running > len(now) else now
        union = set().union(*(path(one.node) for one in inside))
        assert moment == Moment(
            moment.at,
            len(inside),
            sum(one.tokens for one in inside),
            sum(lengths[node] for node in union),
            (7 * len(inside),),
        )
    assert not found or found[-1].running == 0


@pytest.mark.parametrize(
    ("ranks", "told"),
    [(3, "3 ranks cannot divide its 64 attention heads, which engines refuse; --tp 2 or 4 can"), (8, ""), (64, "")],
)
def test_ranks_divide_the_attention_heads(ranks: int, told: str) -> None:
    llama = architecture_of("llama-3.1-70b")
    room = KvAsk(models=(llama,), layout=Layout(ranks), accelerator=H200, count=ranks).room(llama)
    assert room is not None
    assert (room.problem, room.per_rank is None) == (told, bool(told))
    alone = KvAsk(models=(llama,), layout=Layout(ranks, dp_attention=True), accelerator=H200, count=ranks).room(llama)
    assert alone is not None
    assert "attention heads" not in alone.problem


def test_as_many_accelerators_are_advised_as_can_share_the_heads() -> None:
    """113 GiB of weights need three L40S of 48 GB, but 32 heads take four."""
    model = architecture_of("qwen3-30b-a3b")
    room = beside_weights(accelerator_named("l40s"), 1, Layout(1), 0.9, 121 * 10**9, "bf16", heads=32)
    assert model.num_attention_heads == 32
    assert "take 4 or more" in room.problem
