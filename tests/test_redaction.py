"""A redacted log analyzes as the original, tells nothing of whose it is, and is read by readers of Mooncake traces."""

from __future__ import annotations

import json
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.building import Maker, said, system, tool
from tests.reading import FIXTURES, ROOT_FOLDER, memory_source
from tests.replacing import replace
from tests.test_cli import QUICKSTART, agentcost

from agentcost.analyze import Choices, evaluate
from agentcost.errors import BrokenLog, UsageError
from agentcost.ingest.inputs import find_sources
from agentcost.ingest.readers import READERS
from agentcost.loading.logs import Reading, load_logs
from agentcost.memory.pools import curve_of, pool_of_record
from agentcost.model import Kind, Knowledge, Request
from agentcost.prefix import Tree
from agentcost.record import MAGIC, Record, save
from agentcost.results import KIND_COLUMNS, Analysis
from agentcost.sharing import wellknown
from agentcost.sharing.redaction import KEEPABLE, Hiding, hidden_record, key_of
from agentcost.sharing.rows import lines

SALT = b"0123456789abcdef0123456789abcdef"
LOGS = sorted(
    path for path in FIXTURES.rglob("*")
    if path.is_file() and path.suffix != ".py"
    and path.parent.name not in ("bill", "events", "gate", "table", "__pycache__")
)  # fmt: skip
SOME = {
    "a folder of several": [FIXTURES / "claude-code", FIXTURES / "codex", FIXTURES / "vcr"],
    "several without times": [FIXTURES / "litellm" / "openhands.json", FIXTURES / "tau-bench"],
    "several with clocks of their own": [FIXTURES / "mooncake", FIXTURES / "table" / "azure.csv"],
}


def loaded(*paths: Path) -> Record:
    """A record of logs."""
    return load_logs(find_sources([str(path) for path in paths]).sources, Reading(threads=False))


def redacted(record: Record, salt: bytes = SALT, keep: Iterable[str] = ()) -> bytes:
    """A record's redacted rows."""
    return b"".join(lines(hidden_record(record, Hiding(key_of(salt), frozenset(keep))), keep))


def again(*files: bytes, **reading: Any) -> Record:
    """The record of redacted rows."""
    sources = [memory_source(f"x{number}.jsonl", data) for number, data in enumerate(files)]
    return load_logs(sources, Reading(threads=False, **reading))


# --- figures -------------------------------------------------------------------------------------------------------

NAMING = frozenset({
    "source", "line", "id", "session", "user", "project", "client", "task", "provider", "name", "server", "tool",
    "worst", "evidence", "place", "what", "reason", "what_if", "how", "together", "culprit",
})  # fmt: skip
"""Columns that name something, or tell of something by its name."""


def figures(analysis: Analysis) -> dict[str, list[str]]:
    """Every table of an analysis without its names, the rows that were ordered by them in an order of their own."""
    found = {}
    for name, table in analysis.tables.items():
        columns = [column for column in table.columns if column not in NAMING and not column.startswith("label_")]
        rows = [repr(row) for row in table.select(columns).iter_rows()]
        found[name] = [",".join(columns), *(rows if name == "requests" else sorted(rows))]
    return found


@pytest.mark.parametrize("paths", [[path] for path in LOGS] + list(SOME.values()), ids=lambda paths: paths[0].name)
def test_every_figure_is_that_of_the_original(paths: list[Path]) -> None:
    record = loaded(*paths)
    everything = Choices(every_policy=True)
    assert figures(evaluate(again(redacted(record)), everything)) == figures(evaluate(record, everything))


def test_figures_hold_for_records_without_times_in_several_logs() -> None:
    made = []
    for source in ("b.jsonl", "a.jsonl", "c.jsonl"):  # their order decides what is cached
        maker = Maker(source)
        for number in range(3):
            maker.send([tool("Bash"), system("Be brief."), said(f"{source} {number}")], started=None)
        made.append(maker.made())
    whole = Record()
    for record in made:
        whole.merge(record)
    assert figures(evaluate(again(redacted(whole)))) == figures(evaluate(whole))


def test_what_is_joined_with_one_salt_is_as_one_log() -> None:
    apart = [redacted(loaded(path)) for path in (FIXTURES / "codex" / "session.jsonl", QUICKSTART)]
    whole = figures(evaluate(loaded(FIXTURES / "codex" / "session.jsonl", QUICKSTART)))
    for joined in (again(*apart), again(b"".join(apart)), again(*reversed(apart))):
        assert figures(evaluate(joined)) == whole


def test_a_call_that_is_in_two_redacted_logs_counts_once() -> None:
    for path in (FIXTURES / "claude-code" / "session.jsonl", FIXTURES / "swe-agent" / "acme__shop-7.traj"):
        once = redacted(loaded(path))
        assert len(again(once, once).requests) == len(again(once).requests)


def test_calls_of_other_machines_stay_apart_though_their_logs_have_one_name() -> None:
    apart = []
    for text in ("one", "two"):
        maker = Maker("log.jsonl")
        maker.send([said(text)])
        apart.append(redacted(maker.made()))
    assert len(again(*apart).requests) == 2


def test_another_salt_has_nothing_in_common() -> None:
    record = loaded(FIXTURES / "codex" / "session.jsonl")
    one, other = again(redacted(record)), again(redacted(record, b"another salt that is long"))
    assert not {entry.digest for entry in one.tree.entries} & {entry.digest for entry in other.tree.entries}
    assert not {request.id for request in one.requests} & {request.id for request in other.requests}
    runs = [{entry.runs[:8] for entry in each.tree.entries if entry.runs} for each in (one, other)]
    assert runs[0]
    assert not runs[0] & runs[1]


def test_equal_input_and_salt_give_equal_bytes() -> None:
    assert redacted(loaded(QUICKSTART)) == redacted(loaded(QUICKSTART))


def test_a_redacted_log_can_be_redacted_again() -> None:
    record = loaded(QUICKSTART)
    twice = again(redacted(again(redacted(record)), b"another salt that is long"))
    assert figures(evaluate(twice)) == figures(evaluate(record))


# --- Mooncake ------------------------------------------------------------------------------------------------------


def prompts_alone(record: Record) -> Record:
    """What a trace of prompts tells: neither answers nor when a request was over."""
    requests = [replace(request, answer=None, ended=None, first_token=None) for request in record.requests]
    return Record(record.tree, requests, record.logs)


def lru_hits(rows: Sequence[dict[str, Any]], capacity: int) -> int:
    """Blocks read from a cache of so many that drops what was used longest ago: a Mooncake reader in a few lines."""
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for row in rows:
        ids = row["hash_ids"]
        hits += next((number for number, block in enumerate(ids) if block not in kept), len(ids))
        for block in reversed(ids):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > capacity:
            kept.popitem(last=False)
    return hits


@pytest.mark.parametrize(
    "log",
    ["quickstart.jsonl", "gate/timestamp/base.jsonl", "codex/session.jsonl", "otel/collector.jsonl",
     "kv-cache-tester/subagent.json", "mooncake/bailian.jsonl"],
)  # fmt: skip
def test_mooncake_readers_get_the_block_hit_rates_of_the_original(log: str) -> None:
    record = loaded(FIXTURES / log)
    raw = redacted(record)
    rows = [json.loads(line) for line in raw.splitlines()]
    trace = pool_of_record(again(raw, input_format="mooncake"))
    ours, original = curve_of(trace), curve_of(pool_of_record(prompts_alone(record), trace.unit))
    assert original.bound > 0
    assert ours.total == original.total == sum(row["input_length"] for row in rows)
    for blocks in (1, 2, 8, 20, 32, 64, 10_000):
        assert ours.at(blocks) == original.at(blocks) == lru_hits(rows, blocks) * trace.unit


def test_a_mooncake_trace_keeps_its_blocks() -> None:
    path = FIXTURES / "mooncake" / "shared_prefix.jsonl"
    rows = [json.loads(line) for line in redacted(loaded(path)).splitlines()]
    given = [json.loads(line) for line in path.read_text().splitlines()[:5]]  # the rest is skipped
    names: dict[int, int] = {}
    for row, old in zip(rows, given, strict=True):
        assert [row[key] for key in ("timestamp", "input_length", "output_length")] == [
            old[key] for key in ("timestamp", "input_length", "output_length")
        ]
        if "hash_ids" in old:
            pairs = zip(old["hash_ids"], row["hash_ids"], strict=True)
            assert [names.setdefault(one, other) for one, other in pairs] == row["hash_ids"]
        else:
            assert row["hash_ids"] is None


def test_every_row_has_what_a_mooncake_row_has() -> None:
    for path in LOGS:
        for line in redacted(loaded(path)).splitlines():
            row = json.loads(line)
            assert {"timestamp", "input_length", "output_length", "hash_ids"} <= row.keys()
            if row["hash_ids"] is not None:
                unit = {"bailian.jsonl": 16, "subagent.json": 64, "lookup_hashes.jsonl": 256}.get(path.name, 512)
                assert len(row["hash_ids"]) == -(-row["input_length"] // unit), path


def test_where_only_lengths_are_known_there_are_no_blocks() -> None:
    rows = [json.loads(line) for line in redacted(loaded(FIXTURES / "table" / "azure.csv")).splitlines()]
    assert {row["hash_ids"] for row in rows} == {None}
    assert all(row["input_length"] for row in rows)


def test_requests_without_a_time_keep_their_order() -> None:
    maker = Maker()
    for number in range(3):
        maker.send([said(f"say {number}")], started=None)
    rows = [json.loads(line) for line in redacted(maker.made()).splitlines()]
    assert [row["timestamp"] for row in rows] == [0, 1, 2]
    assert [row["request"]["started"] for row in rows] == [None] * 3


# --- what may stand in it ------------------------------------------------------------------------------------------

HASHED = re.compile(r"(?:\d+-)?[a-z]+[-_][0-9a-f]{12,16}")
WORDS = (
    {"", "system", "messages", "tools", "anthropic", "bedrock", "completions", "gemini", "openai-chat"}
    | {"openai-responses", "ollama", "clock", "relative", "date", "timestamp", "hash", "epoch", "uuid"}
    | {kind.value for kind in Kind} | {knowledge.value for knowledge in Knowledge}
    | {reader.name for reader in READERS} | wellknown.BUILT_IN | wellknown.PARTS | wellknown.CLIENTS | wellknown.ROLES
    | wellknown.LABELS | {"o200k_base", "cl100k_claude3", "deepseek_v3", "gemma4"}
)  # fmt: skip
MODEL = re.compile(r"[a-z0-9./-]*(?:claude|gpt|gemini|nova|deepseek|qwen|llama)[a-z0-9.:@-]*", re.IGNORECASE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)*(?:[eE]-?\d+)?|\d+[mh]|image(?: \d+x\d+)?|state \d+")
LEFT_OUT = frozenset({"digest", "runs", "unordered", "reason"})
"""Base64 of re-keyed digests, and one sentence of ours."""


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text in a JSON value, keys of mappings that are no record's fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, dict):
        if name in ("others", "duplicates", "counts"):
            yield from value
        for key, item in value.items():
            if key not in LEFT_OUT and key != "settings":
                yield from texts(item, key)


def test_nothing_but_known_words_and_hashes_stands_in_it() -> None:
    odd = Counter(
        text for path in LOGS for line in redacted(loaded(path)).splitlines() for text in texts(json.loads(line))
        if not (text in WORDS or wellknown.is_provider(text) or wellknown.is_record(text) or HASHED.fullmatch(text)
                or MODEL.fullmatch(text) or NUMBER.fullmatch(text) or wellknown.is_setting(text))
    )  # fmt: skip
    assert not odd


@pytest.mark.parametrize(
    ("value", "hashed"),
    [
        ("auto", False),
        ("65536", False),
        ("2.1.37", False),
        ('{"type":"enabled","budget_tokens":1024}', False),
        ('{"type":"auto","disable_parallel_tool_use":false}', False),
        ('{"mode":"explicit","ttl":"12h"}', False),
        ("acme-cache-key", True),
        ('{"type":"tool","name":"pay_salaries"}', True),
        ('{"format":{"type":"json_schema","schema":{"properties":{"salary":{"type":"number"}}}}}', True),
        ("{not json acme", True),
        ("Acme Payroll of the north", True),
    ],
)
def test_settings_keep_what_decides_and_hash_the_rest(value: str, hashed: bool) -> None:
    maker = Maker()
    maker.send([said("hello")], settings=(("some", value),))
    found = again(redacted(maker.made())).requests[0].settings[0][1]
    assert (found != value) == hashed
    assert not re.search("acme|salar|payroll", found, re.IGNORECASE)
    if '"name"' in value:  # a forced tool has overhead of its own
        assert found.startswith('{"type":"tool","name":"text-')


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("/home/ann/models/Llama-3.1-8B", "Llama-3.1-8B"),
        ("C:\\models\\qwen3-8b", "qwen3-8b"),
        ("ft:gpt-4.1-mini-2025-04-14:acme:support:B7xyz", "ft:gpt-4.1-mini-2025-04-14:owner-"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
         "arn:aws:bedrock:eu-west-1:000000000000:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2",
         "arn:aws:bedrock:eu-west-1:000000000000:application-inference-profile/owner-"),
    ],
)  # fmt: skip
def test_models_keep_their_name_and_lose_their_owner(model: str, shown: str) -> None:
    maker = Maker()
    maker.send([said("hello")], model=model)
    found = again(redacted(maker.made())).requests[0].model
    assert found == shown or (shown.endswith("owner-") and found.startswith(shown))


KEPT = {"users": "ada", "paths": "shop", "tools": "pay_salaries", "labels": "payroll"}


@pytest.mark.parametrize("keep", [(), *((word,) for word in KEPT), tuple(KEPT)], ids=",".join)
def test_names_are_hashed_unless_kept(keep: tuple[str, ...]) -> None:
    maker = Maker("/home/shop/log.jsonl")
    maker.send(
        [tool("pay_salaries"), tool("Bash"), said("hello")], user="ada", project="shop", task="payroll",
        session="s-acme", id="req-acme", labels=(("team", "payroll"),), client="acme-agent",
        provider="llm.acme.internal",
    )  # fmt: skip
    rows = redacted(maker.made(), keep=keep)
    assert {name for name in KEPT.values() if name.encode() in rows} == {KEPT[word] for word in keep}
    assert b"acme" not in rows
    assert b'"Bash"' in rows
    assert KEPT.keys() == KEEPABLE.keys()


def test_a_tool_of_a_server_is_never_a_built_in_one() -> None:
    assert wellknown.is_tool("Bash", "")
    assert not wellknown.is_tool("Bash", "acme")
    assert not wellknown.is_tool("mcp__acme__pay", "acme")


def test_the_documents_list_the_tools_that_stay() -> None:
    text = (ROOT_FOLDER / "docs" / "redacted.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([^`]+)`", text.partition("## Built-in tools")[2].partition("## The file")[0]))
    assert listed == wellknown.BUILT_IN


# --- canaries ------------------------------------------------------------------------------------------------------

PLANTED = {
    "prompt": "kestrelprompt", "argument": "kestrelargument", "path": "kestrelpath", "user": "kestreluser",
    "sender": "kestrelsender", "answer id": "kestrelanswer", "secret": "kestrelsecret",
}  # fmt: skip
SECRETS = {"prompt", "argument", "secret"}
"""What no file of the user's own holds either. Who sent what, and from where, is there to group by and to look up."""


SECRET_HEADERS = ("authorization", "x-api-key", "cookie", "anthropic-organization-id", "x-forwarded-for")


def canary_log(folder: Path, rows: int = 2) -> Path:
    """A capture with a canary in its prompt, a tool's argument, a path, its user, an id, and headers of two kinds:
    those that tell who sent it, and those that nobody needs."""
    place = folder / PLANTED["path"]
    place.mkdir()
    filler = " ".join(f"line {number} of {PLANTED['prompt']}" for number in range(12_000))
    call = {"type": "tool_use", "id": "t1", "name": "Read",
            "input": {"file_path": f"/srv/{PLANTED['path']}/notes.txt", "why": PLANTED["argument"]}}  # fmt: skip
    records = []
    for number in range(rows):
        body = {
            "model": "claude-sonnet-4-5",
            "max_tokens": 64,
            "tools": [{"name": "Read", "description": PLANTED["prompt"], "input_schema": {"type": "object"}}],
            "system": f"Working directory: /srv/{PLANTED['path']}\nYou are {PLANTED['prompt']}. {filler}",
            "messages": [
                {"role": "user", "content": f"{PLANTED['prompt']} {number}"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}]},
            ],
            "metadata": {"user_id": PLANTED["user"]},
        }
        headers = {"user-agent": f"{PLANTED['sender']}/1.0", "x-claude-code-session-id": PLANTED["sender"],
                   **dict.fromkeys(SECRET_HEADERS, f"Bearer {PLANTED['secret']}")}  # fmt: skip
        answer = {"id": f"msg_{PLANTED['answer id']}_{number}", "type": "message", "role": "assistant",
                  "content": [{"type": "text", "text": PLANTED["prompt"]}],
                  "usage": {"input_tokens": 900, "output_tokens": 5}}  # fmt: skip
        started = f"2026-03-01T10:{number // 60:02}:{number % 60:02}Z"
        records.append(json.dumps({
            "timestamp": started, "request": {"method": "POST", "url": "https://api.anthropic.com/v1/messages",
                                              "headers": headers, "body": body},
            "response": {"status_code": 200, "headers": {"x-org": PLANTED["secret"], "set-cookie": PLANTED["secret"]},
                         "body": answer},
        }))  # fmt: skip
    path = place / "log.jsonl"
    path.write_text("\n".join(records) + "\n")
    return path


def unpacked(data: bytes) -> bytes:
    """The bytes of a file, and what is compressed in it."""
    at = data.find(b"\x28\xb5\x2f\xfd")
    return data if at < 0 else data[:at] + zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])


def singing(data: bytes) -> set[str]:
    """The canaries that are in a file."""
    return {where for where, canary in PLANTED.items() if canary.encode() in unpacked(data)}


@pytest.mark.parametrize("where", PLANTED)
def test_a_canary_that_leaked_would_be_heard(where: str, tmp_path: Path) -> None:
    """In the log, in a saved record, and in a redacted file: as a setting, the place of all that headers could tell."""
    log = canary_log(tmp_path)
    assert where in singing(log.read_bytes())
    record = loaded(log)
    assert not singing(save(record)) & SECRETS
    record.requests[0] = replace(record.requests[0], settings=(("header", PLANTED[where]),))
    assert where in singing(save(record))
    assert where in singing(zstandard.compress(b"".join(lines(record, ()))))
    assert where not in singing(redacted(record))


def test_no_canary_is_in_a_redacted_log(tmp_path: Path) -> None:
    log, target = canary_log(tmp_path), tmp_path / "x.jsonl.zst"
    found = agentcost(tmp_path / "cache", "redact", log, "-o", target)
    assert found.returncode == 0, found.stderr
    assert len(unpacked(target.read_bytes())) > 1000
    assert not singing(target.read_bytes())
    assert not singing(found.stderr)
    assert not singing(agentcost(tmp_path / "cache", "redact", log).stdout)


def test_no_canary_of_a_prompt_or_a_secret_is_in_a_saved_record_or_the_cache(tmp_path: Path) -> None:
    log, saved = canary_log(tmp_path, rows=40), tmp_path / "x.agentcost"
    assert log.stat().st_size > 8_000_000  # large enough for a record of its own in the cache
    found = agentcost(tmp_path / "cache", "analyze", log, "--save", saved, "-q")
    assert found.returncode == 0, found.stderr
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert any(path.suffix == ".record" for path in kept)
    for path in (saved, *kept):
        assert not singing(path.read_bytes()) & SECRETS, path
    assert {"user", "sender", "answer id"} <= singing(saved.read_bytes())  # so the file is one in which canaries sing


def test_a_saved_record_of_a_redacted_log_is_as_silent(tmp_path: Path) -> None:
    assert not singing(save(again(redacted(loaded(canary_log(tmp_path))))))


def test_no_canary_is_in_a_baseline_or_a_comment(tmp_path: Path) -> None:
    log, base = canary_log(tmp_path), tmp_path / "base.json"
    made = agentcost(tmp_path / "cache", "baseline", log)
    assert made.returncode == 0, made.stderr
    assert not singing(made.stdout)
    base.write_bytes(made.stdout)
    other = canary_log(tmp_path / "cache", rows=3)
    compared = agentcost(tmp_path / "cache", "diff", base, other, "--format", "md")
    assert compared.returncode == 0, compared.stderr
    assert not singing(compared.stdout)
    checked = agentcost(tmp_path / "cache", "check", other, "--limit", "fixed_prefix_tokens<=1", "--format", "github")
    assert checked.returncode == 3, checked.stderr
    assert not singing(checked.stdout)


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_hashed_and_kept(tmp_path: Path) -> None:
    target = tmp_path / "x.jsonl.zst"
    found = agentcost(tmp_path, "redact", QUICKSTART, "-o", target, "--keep", "users")
    said = found.stderr.decode()
    assert found.returncode == 0
    assert found.stdout == b""
    assert said.splitlines()[0] == (
        "agentcost: 66 requests redacted under a random salt that is not kept, so nothing else can be merged with it"
    )
    assert "hashed: 1 log, 4 sessions, 66 provider ids, 1 project, " in said
    assert "kept users: " in said
    assert "kept tools: Bash, BashOutput, Edit" in said
    assert "kept models: claude-haiku-4-5-20251001, claude-sonnet-4-5-20250929" in said
    shown = [
        agentcost(tmp_path, "analyze", log, "--json", "--table", "components").stdout for log in (QUICKSTART, target)
    ]
    assert shown[0] == shown[1] != b""


def test_two_random_salts_differ_and_one_salt_file_does_not(tmp_path: Path) -> None:
    log, salt = FIXTURES / "codex" / "session.jsonl", tmp_path / "org.salt"
    salt.write_text("6f1c0c3d8f0e4b7a9d2e\n")
    random = {agentcost(tmp_path, "redact", log, "-q").stdout for _ in range(2)}
    salted = {agentcost(tmp_path, "redact", log, "-q", "--salt-file", salt).stdout for _ in range(2)}
    assert (len(random), len(salted)) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["-o", "x.json"], 2, "name it .jsonl or .jsonl.zst"),
        (["--keep", "user"], 2, "users,paths,tools,labels"),
        (["--salt-file", "none.salt"], 1, "openssl rand -hex 32 > none.salt"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(arguments: list[str], status: int, says: str, tmp_path: Path) -> None:
    found = agentcost(tmp_path, "redact", QUICKSTART, *arguments)
    assert (found.returncode, found.stdout) == (status, b"")
    assert says in found.stderr.decode()


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((FIXTURES / "codex" / "session.jsonl").read_bytes())
    found = agentcost(tmp_path, "redact", log, "-o", log)
    assert found.returncode == 2
    assert b"that is one of the logs" in found.stderr
    assert log.read_bytes() == (FIXTURES / "codex" / "session.jsonl").read_bytes()


@pytest.mark.parametrize("salt", [b"", b"short", b"   0123456789  \n"])
def test_a_salt_that_can_be_guessed_is_refused(salt: bytes) -> None:
    with pytest.raises(UsageError, match="can be guessed"):
        key_of(salt)


# --- damage --------------------------------------------------------------------------------------------------------


def damaged() -> Iterator[tuple[str, bytes, str]]:
    """What may become of a file of rows, and what is said of it."""
    rows = redacted(loaded(QUICKSTART)).splitlines(keepends=True)
    yield "a row left out", b"".join([*rows[:5], *rows[6:]]), "rows before it are missing"
    yield "a row cut off", b"".join(rows[:3]) + rows[3][:200], "not a row of a redacted log"
    yield "another version", rows[0].replace(b'"version":1', b'"version":9'), "of version 9"
    yield "a node out of reach", rows[0].replace(b'"nodes":[[0,0,', b'"nodes":[[7,0,'), "names what no row holds"
    yield "a request out of reach", re.sub(rb'"node":\d+', b'"node":77', rows[0]), "names what no row holds"


@pytest.mark.parametrize(
    ("data", "says"), [(data, says) for _, data, says in damaged()], ids=[n for n, _, _ in damaged()]
)
def test_damage_is_told_with_its_line(data: bytes, says: str) -> None:
    with pytest.raises(BrokenLog, match=says) as raised:
        again(data)
    assert re.search(r"x0\.jsonl:\d+: .*redact the log again", str(raised.value))


def test_the_tree_is_the_whole_of_it() -> None:
    record = loaded(QUICKSTART)
    back = again(redacted(record))

    def shape(tree: Tree, requests: Sequence[Request]) -> list[list[tuple[Kind, int, int]]]:
        return [
            [(tree.entry(node).kind, tree.entry(node).size, tree.ends[node]) for node in tree.path(request.node)]
            for request in requests
        ]

    assert len(back.tree) == len(record.tree)
    assert shape(back.tree, back.ordered()) == shape(record.tree, record.ordered())
    assert {KIND_COLUMNS[entry.kind] for entry in back.tree.entries} > {"system_prompt", "tool_results"}
    assert not redacted(record).startswith(MAGIC)
