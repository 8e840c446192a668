"""The benchmark's logs say the same however they are laid out, and the same every time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import corpus
import oddities
import targets
from clock import Run, Trial, run
from sessions import Shape

SHAPE = Shape(turns=4, round_bytes=600)
LAYOUTS = list(corpus.LAYOUTS)
MARKED = {"static": 0, "moving": 1, "changing": 1}


def written(layout: str = "head-first", marks: str = "static", shape: Shape = SHAPE, seed: int = 1) -> list[bytes]:
    made = corpus.Corpus(3, shape, layout, marks, seed, interleave=2)
    return list(corpus.lines(made, corpus.Facts()))


def body(line: bytes) -> dict[str, Any]:
    record = json.loads(line)
    found: dict[str, Any] = json.loads(record["body"]) if "body" in record else record
    return found


def canonical(value: Any) -> Any:
    """Without cache marks, a bare content as one text block."""
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: canonical(item) for key, item in value.items() if key != "cache_control"}
    if "role" in plain and isinstance(plain["content"], str):
        plain["content"] = [{"type": "text", "text": plain["content"]}]
    return plain


def marks_in(messages: Any) -> int:
    return json.dumps(messages).count('"cache_control"')


SAID = [canonical(body(line)) for line in written()]


@pytest.mark.parametrize("marks", corpus.MARKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_mark_says_the_same(layout: str, marks: str) -> None:
    assert [canonical(body(line)) for line in written(layout, marks)] == SAID


@pytest.mark.parametrize("layout", LAYOUTS)
def test_equal_options_write_equal_bytes(layout: str) -> None:
    assert written(layout, "moving") == written(layout, "moving")
    assert written(layout, seed=2) != written(layout)


def test_orders_and_separators() -> None:
    first = {layout: written(layout)[0] for layout in LAYOUTS}
    assert list(body(first["head-first"])) == ["model", "max_tokens", "metadata", "system", "tools", "messages"]
    assert list(body(first["messages-first"])) == ["model", "messages", "system", "tools", "metadata", "max_tokens"]
    whole = body(first["spaced"])
    assert first["spaced"] == json.dumps(whole).encode() + b"\n"
    assert first["head-first"].decode() == json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert set(json.loads(first["escaped"])) == {"timestamp", "body", "status"}


@pytest.mark.parametrize("marks", corpus.MARKS)
def test_marks_stand_on_the_last_message_only(marks: str) -> None:
    for request in map(body, written(marks=marks)):
        assert marks_in(request["system"]) == marks_in(request["tools"]) == 1
        assert marks_in(request["messages"]) == marks_in(request["messages"][-1]["content"][-1:]) == MARKED[marks]


def test_a_mark_that_moves_on_leaves_a_bare_string_behind() -> None:
    for request in map(body, written(marks="changing")):
        reminders = [m["content"] for m in request["messages"][1:] if m["role"] == "user" and says(m, "text")]
        assert [isinstance(content, str) for content in reminders[:-1]] == [True] * (len(reminders) - 1)
        assert isinstance(request["messages"][-1]["content"], list)


def says(message: dict[str, Any], kind: str) -> bool:
    return isinstance(message["content"], str) or message["content"][0]["type"] == kind


def test_a_request_extends_the_one_before_it_in_its_session() -> None:
    sessions: dict[str, list[Any]] = {}
    for request in SAID:
        before = sessions.get(request["metadata"]["user_id"], [])
        assert request["messages"][: len(before)] == before
        assert len(request["messages"]) > len(before)
        sessions[request["metadata"]["user_id"]] = request["messages"]
    assert len(sessions) == 3


def test_interleaved_sessions_take_turns() -> None:
    order = [request["metadata"]["user_id"] for request in SAID]
    assert sum(a != b for a, b in pairwise(order)) > 3


def test_tools_and_calls_fit_together() -> None:
    for request in SAID:
        names = [tool["name"] for tool in request["tools"]]
        assert len(set(names)) == len(names)
        assert any(name.startswith("mcp__") for name in names)
        blocks = [block for message in request["messages"] for block in message["content"]]
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert calls == [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]


@pytest.mark.parametrize("turns", [2, 5, 8, 13])
def test_rounds_spread_over_more_turns_are_the_same_text(turns: int) -> None:
    lines = written(shape=Shape(turns, rounds=12, round_bytes=300))
    assert len(lines) == 3 * turns
    assert last_messages(lines) == last_messages(written(shape=Shape(4, rounds=12, round_bytes=300)))


def last_messages(lines: list[bytes]) -> dict[str, Any]:
    return {request["metadata"]["user_id"]: request["messages"] for request in map(body, lines)}


def test_facts_are_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    facts = corpus.write(path, lambda facts: corpus.lines(corpus.Corpus(3, SHAPE, interleave=2), facts))
    assert path.read_bytes() == b"".join(written())
    assert (facts.bytes, facts.lines, facts.sessions) == (path.stat().st_size, len(SAID), 3)
    assert facts.distinct_bytes < facts.text_bytes < facts.bytes
    assert json.loads(corpus.facts_path(path).read_text())["redundancy"] == facts.redundancy
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".part")] == []


def odd(content: Iterator[Any]) -> list[bytes]:
    return list(oddities.counted(content, corpus.Facts()))


def test_short_lines_are_requests_of_about_1500_bytes() -> None:
    lines = odd(oddities.short(1, 200))
    assert 1300 < sum(map(len, lines)) / 200 < 1700
    assert len({body(line)["system"][0]["text"] for line in lines}) <= oddities.PROMPTS
    assert len({body(line)["messages"][0]["content"] for line in lines}) == 200


def strict(line: bytes) -> str:
    """What a strict JSON reader makes of a line."""
    import orjson  # noqa: PLC0415

    try:
        orjson.loads(line)
    except ValueError:
        return "rejected"
    return "read"


def test_hostile_lines_break_what_they_should() -> None:
    lines = odd(oddities.hostile(1, 1))
    bom, spaces, letters, surrogates, bytes_, nan, cut, sound = lines
    assert bom.startswith(b"\xef\xbb\xbf{")
    assert b" " * 1_500_000 in spaces
    assert b"a" * 1_000_000 in letters
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert [strict(line) for line in (spaces, letters, sound)] == ["read"] * 3
    assert [strict(line) for line in (bom, surrogates, bytes_, nan, cut)] == ["rejected"] * 5
    assert b"\xff" in bytes_
    assert json.loads(surrogates)["messages"][0]["content"].count("\ud83d") == 2


def a_run(wall: float = 1.0, memory: int = 0, status: int = 0, output: str = "") -> Run:
    return Run(wall, wall, memory, status, output, "no room\n")


TRIAL = Trial(("ours",))
SOURCES = {"tables": {"sources": [{"requests": 5, "duplicates": 0, "others": 1, "skipped": 2}]}}
COMPONENTS = {
    "components": [
        {"component": "user text", "tokens": 10, "share": 0.8},
        {"component": "template_overhead", "tokens": 2, "share": 0.2},
    ]
}


@pytest.mark.parametrize(
    ("figure", "limit", "ours", "baseline", "value", "met"),
    [
        ("ratio", 0.75, [a_run(1), a_run(2), a_run(9)], [a_run(2), a_run(4), a_run(3)], "0.5", True),
        ("ratio", 0.45, [a_run(1)], [a_run(2)], "0.5", False),
        ("ratio", None, [a_run(1)], [a_run(2)], "0.5", None),
        ("of reading", 1, [a_run(output='{"step_s": 1, "read_s": 4}')], [], "0.25", True),
        ("steps", 1.5, [a_run(output='{"step_s": 1}')], [a_run(output='{"step_s": 0.5}')], "2", False),
        ("speed", 1.5, [a_run(2)], [], "4.0 MB/s", True),
        ("speed", 5, [a_run(2)], [], "4.0 MB/s", False),
        ("growth", 60, [a_run(memory=150_000_000)], [a_run(memory=82_000_000)], "+68 MB", False),
        ("memory", 1.35, [a_run(memory=130)], [a_run(memory=100)], "1.30", True),
        ("mismatches", 0, [a_run(output='{"mismatches": 0}')], [], "0", True),
        ("uncounted", 0, [a_run(output=json.dumps(SOURCES))], [], "7999992 lines", False),
        ("uncounted", 0, [a_run(output="{}")], [], "unknown", False),
        ("miscounted", 0, [a_run(output=json.dumps(COMPONENTS))], [a_run(output='{"tokens": 9}')], "1 tokens", False),
        ("ratio", 0.75, [a_run(status=1)], [a_run()], "–", False),
    ],
)
def test_judging(
    figure: str, limit: float | None, ours: list[Run], baseline: list[Run], value: str, met: bool | None
) -> None:
    target = targets.Target("P0", "a thing", TRIAL, TRIAL, limit, figure, amount=8_000_000)
    row = targets.judged(target, ours, baseline)
    assert (row.value, row.met) == (value, met)


def test_a_scaled_baseline_takes_the_seconds_it_reports() -> None:
    target = targets.Target("P4", "all", TRIAL, TRIAL, 1 / 40, scale=50)
    row = targets.judged(target, [a_run(2)], [a_run(3, output='{"tokens": 7, "seconds": 2.0}')])
    assert (row.value, row.met, row.baseline) == ("0.02", True, "100.0 s scaled")


def test_a_process_is_measured_to_its_end() -> None:
    code = "import sys; print('out'); sys.stderr.write('err'); b = b'x' * 50_000_000; sys.exit(4)"
    done = run(Trial((sys.executable, "-c", code)))
    assert (done.status, done.output, done.errors) == (4, "out\n", "err")
    assert done.memory > 50_000_000
    assert done.wall > 0
