"""The commands kv, models and hardware: what they print at every width, their JSON, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running import run, too_wide
from typer.testing import CliRunner

from agentcost.errors import UsageError
from agentcost.main import app
from agentcost.units import gibibytes

ROOT = Path(__file__).parents[1]
QUICKSTART = str(ROOT / "fixtures" / "quickstart.jsonl")
LOGS = [
    QUICKSTART,
    *(str(ROOT / "fixtures" / name) for name in ("table/azure.csv", "mooncake/bailian.jsonl", "codex/session.jsonl",
                                                "kv-cache-tester/subagent.json", "claude-code/session.jsonl")),
]  # fmt: skip
LLAMA = ["--model", "llama-3.1-8b"]


def tables(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, list[dict[str, object]]]:
    document = json.loads(run(monkeypatch, *arguments, "--json"))
    assert document["schema_version"] == 1
    found: dict[str, list[dict[str, object]]] = document["tables"]
    return found


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize(
    "arguments",
    [
        ("models",), ("models", "deepseek-v4-flash"), ("models", "nemotron-3-super-120b-a12b"), ("hardware",),
        ("hardware", "h100"), ("hardware", "nvme-gen4"), ("hardware", "pod-flash"), ("kv", "--tokens", "98304"),
        ("kv", "--tokens", "98304", "--model", "glm-5.2", "--accelerator", "h200", "--count", "8"),
        ("kv", "--tokens", "1", "--model", "kimi-k3,llama-4-scout", "--kv-memory", "568GiB"),
        *(("kv", log, "--no-cache") for log in LOGS),
        ("kv", QUICKSTART, "--model", "qwen3-30b-a3b", "--accelerator", "h100", "--no-cache"),
        ("kv", QUICKSTART, "--accelerator", "h100", "--count", "4", "--no-cache"),
        ("kv", QUICKSTART, "--where", "model=none", "--no-cache"),
    ],
    ids=lambda words: " ".join(Path(word).name for word in words),
)  # fmt: skip
def test_no_line_is_wider_than_the_width(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], width: int
) -> None:
    assert not too_wide(run(monkeypatch, *arguments, width=width), width)


def test_a_prompt_without_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    text = run(monkeypatch, "kv", "--tokens", "98304", *LLAMA, "--accelerator", "h100")
    words = " ".join(text.split())
    assert words.startswith("98,304 tokens on llama-3.1-8b: 12.0 GiB in bf16, 6.00 GiB in fp8, 6.19 GiB in int8")
    assert "1 × h100-sxm: 4 in bf16, 9 in fp8" in words
    assert "32 × N × 8 × 512" in words
    assert "gpt-oss-120b AIME25 75 % to 35 %" in words  # four bits do not look free


def test_the_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = tables(monkeypatch, "kv", "--tokens", "1000", "--output-tokens", "24", *LLAMA, "--kv-dtype", "bf16")[
        "footprint"
    ]
    assert (row["tokens"], row["needed_bytes"]) == (1_024, 1_024 * 131_072)


def test_of_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(run(monkeypatch, "kv", QUICKSTART, "--no-cache", width=140).split())
    assert text.startswith("KV in bf16 on qwen3-coder-30b-a3b: median request 1.15 GiB (12.6k tokens)")
    assert "name a memory" in text
    assert "The architecture of claude-sonnet-4-5-20250929, claude-haiku-4-5-20251001 is unknown" in text
    assert "minimax-m2 ±36%" in text


def test_requests_of_one_line_are_all_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace is one object: its requests share a line."""
    log = str(ROOT / "fixtures" / "kv-cache-tester" / "subagent.json")
    found = tables(monkeypatch, "kv", log, "--no-cache", "-q", "--model", "llama-3.1-8b", "--kv-dtype", "bf16")
    sizes = sorted(int(str(row["prompt"])) + int(str(row["output"])) for row in found["requests"])
    largest = next(row for row in found["footprint"] if (row["of"], row["measure"]) == ("request", "max"))
    median = next(row for row in found["footprint"] if (row["of"], row["measure"]) == ("request", "p50"))
    assert len(sizes) > 2
    assert (median["tokens"], largest["tokens"]) == (sizes[(len(sizes) + 1) // 2 - 1], sizes[-1])


def test_a_named_model_counts_the_texts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    named = tables(monkeypatch, "kv", QUICKSTART, "--no-cache", "--model", "qwen3-30b-a3b")["footprint"]
    assert {row["basis"] for row in named} == {"counted again"}
    scaled = tables(monkeypatch, "kv", QUICKSTART, "--no-cache")["footprint"][0]
    assert scaled["basis"] == "scaled"
    assert named[0]["tokens"] == pytest.approx(scaled["tokens"], rel=0.06)


def test_an_engines_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """98,304 tokens are 6,144 blocks of 16."""
    arguments = ("kv", "--tokens", "98304", *LLAMA, "--kv-dtype", "bf16", "--num-gpu-blocks", "20000")
    assert tables(monkeypatch, *arguments)["footprint"][0]["fit"] == 3


def test_what_is_larger_than_the_room_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("kv", "--tokens", "1000000", *LLAMA, "--kv-dtype", "bf16", "--accelerator", "h100")
    text = " ".join(run(monkeypatch, *arguments).split())
    assert "1 × h100-sxm: 0 in bf16 fit at once" in text
    assert "1,000,000 tokens on llama-3.1-8b in bf16 take 122 GiB, the room for its cache is 57.0 GiB" in text


def test_a_config_of_hugging_face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    fields = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
    file.write_text(json.dumps(fields | {"num_key_value_heads": 8}))
    arguments = ("kv", "--tokens", "98304", "--hf-config", str(file), "--kv-dtype", "bf16", "--accelerator", "h100")
    found = tables(monkeypatch, *arguments)
    assert found["footprint"][0]["needed_bytes"] == 12_884_901_888
    assert "--weights-memory" in str(found["room"][0]["reason"])
    found = tables(monkeypatch, *arguments, "--weights-memory", "15GiB")
    assert found["footprint"][0]["fit"] == 4


def test_data_in_other_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, "kv", QUICKSTART, "--no-cache", "--format", "csv").splitlines()
    assert lines[0].startswith("model,kv_format,of,measure,tokens,needed_bytes")
    assert len(lines) == 1 + 9 * 5 * 2 * 4
    text = run(monkeypatch, "kv", QUICKSTART, "--no-cache", "--format", "jsonl", "--table", "sharing")
    assert json.loads(text.splitlines()[0])["sessions"] == 4


def test_the_sheets_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tables(monkeypatch, "models")
    assert {name: len(rows) for name, rows in found.items()} == {
        "models": 69, "kv_formats": 20, "records": 11, "weights_formats": 5, "not_modelled": 9,
    }  # fmt: skip
    assert found["models"][0]["layer_groups"] == [{"kind": "full", "count": 32, "num_kv_heads": 8, "head_dim": 128}]
    assert [row["id"] for row in tables(monkeypatch, "models", "glm-4.6")["models"]] == ["glm-4.6"]
    hardware = tables(monkeypatch, "hardware")
    assert {name: len(rows) for name, rows in hardware.items()} == {
        "accelerators": 32, "efficiencies": 4, "tiers": 11, "gpu_prices": 5,
    }  # fmt: skip
    assert tables(monkeypatch, "hardware", "redis")["tiers"][0]["bandwidth"] == 5_900_000_000
    assert hardware["accelerators"][2]["link_per_direction"] == 32_000_000_000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("models", "lama"), "did you mean llama"),
        (("hardware", "h10"), "did you mean h100-sxm"),
        (("kv", "--tokens", "0"), "at least one token"),
        (("kv", "--tokens", "5", QUICKSTART), "leave one of both out"),
        (("kv", "--tokens", "5", "--format", "csv"), "--json or the report"),
        (("kv", "--tokens", "5", "--model", "claude-opus-5"), "no such model"),
        (("kv", "--tokens", "5", "--kv-dtype", "fp9"), "did you mean fp8"),
        (("kv", "--tokens", "5", "--engine", "x"), "vllm and sglang"),
        (("kv", "--tokens", "5", "--count", "8"), "are of an --accelerator"),
        (("kv", "--tokens", "5", "--accelerator", "h100", "--count", "0"), "--count 0"),
        (("kv", "--tokens", "5", "--accelerator", "h100", "--kv-memory", "1GiB"), "take one"),
        (("kv", "--tokens", "5", "--accelerator", "h100", "--count", "8", "--tp", "3"), "does not divide"),
        (("kv", "--tokens", "5", "--kv-memory", "lots"), "write it with its unit, as 568GiB"),
        (("kv", "--tokens", "5", "--model", "kimi-k2.5", "--kv-dtype", "int4"), "documented for MLA layers"),
        (("kv", "--tokens", "5", "--model", "llama-3.1-8b", "--draft-layers"), "not documented"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "?"), (0, "0 GiB"), (12 * 2**30, "12.0 GiB"), (2**20, "1.00 MiB"), (1_300 * 2**30, "1,300 GiB")],
)
def test_gibibytes(count: int | None, text: str) -> None:
    assert gibibytes(count) == text


def test_a_file_by_its_suffix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "memory.csv"
    run(monkeypatch, "kv", QUICKSTART, "--no-cache", "-o", str(target))
    assert target.read_text().startswith("model,kv_format,of,measure")
    log = tmp_path / "log.jsonl"
    log.write_bytes(Path(QUICKSTART).read_bytes())
    with pytest.raises(UsageError, match="one of the logs"):
        CliRunner().invoke(app, ["kv", str(log), "--no-cache", "-o", str(log)], catch_exceptions=False)


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tokens", ("--tokens", "98304")),
        ("tokens-one-model", ("--tokens", "98304", "--model", "glm-5.2", "--accelerator", "h200", "--count", "8",
                              "--weights-dtype", "fp8")),
    ],
)  # fmt: skip
def test_golden(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arguments: tuple[str, ...],
    width: int,
    golden: Callable[[str, str], None],
) -> None:
    golden(f"kv-{name}-{width}.txt", run(monkeypatch, "kv", *arguments, width=width))


def test_another_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("kv", "--tokens", "98304", "--model", "llama-3.1-8b", "--accelerator", "h100-sxm", "--gpu-price", "2")
    own, other = run(monkeypatch, *asked, width=140), run(monkeypatch, *asked, "--rate", "EUR=0.5", width=140)
    (row,), (half,) = (
        [line.split() for line in text.splitlines() if line.startswith("llama-3.1-8b ") and "PF" in line]
        for text in (own, other)
    )
    assert float(half[-1]) == pytest.approx(float(row[-1]) / 2, abs=1e-3)
    assert "EUR/M" in other and "(--rate)" in other and "$/M" not in other
    assert "$/M" in own
