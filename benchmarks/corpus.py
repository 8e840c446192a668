"""Writes a log of agent sessions, the same bytes for the same options.

    python benchmarks/corpus.py out.jsonl --sessions 200 --turns 40 --layout messages-first --marks moving --seed 1

One line is one request: a bare Anthropic body, or a record that holds it as a string (`--layout escaped`). Layouts
and cache marks change how the conversation is written, never what it says. Beside the log, `out.jsonl.facts` tells
its lines, bytes and distinct bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import IO

import oddities
from sessions import (
    ATTACHED_BYTES,
    MEMORY_BYTES,
    MODEL,
    ROUND_BYTES,
    SYSTEM_BYTES,
    TOOL_BYTES,
    Block,
    Json,
    Message,
    Session,
    Shape,
    session,
    text_bytes,
)

EPHEMERAL: Json = {"type": "ephemeral"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a client writes a body: the order of keys, the separators, and whether the body is a string in a record."""

    order: tuple[str, ...]
    separators: tuple[str, str] = (",", ":")
    ascii: bool = False
    escaped: bool = False


HEAD_FIRST = ("model", "max_tokens", "metadata", "system", "tools", "messages")
LAYOUTS: Mapping[str, Layout] = {
    "head-first": Layout(HEAD_FIRST),
    "messages-first": Layout(("model", "messages", "system", "tools", "metadata", "max_tokens")),
    "spaced": Layout(HEAD_FIRST, (", ", ": "), ascii=True),
    "escaped": Layout(HEAD_FIRST, escaped=True),
}
"""`messages-first` is Claude Code's order, `spaced` is what Python's json.dumps writes unless told otherwise."""

MARKS = ("static", "moving", "changing")
"""Where cache_control stands: on system and tools; on the last message too; there a bare string when it has moved."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a log is made from."""

    sessions: int
    shape: Shape
    layout: str = "head-first"
    marks: str = "static"
    seed: int = 1
    interleave: int = 8


@dataclass(slots=True)
class Facts:
    """What was written: bytes of the file, of the text in all its requests, and of that text once."""

    lines: int = 0
    sessions: int = 0
    bytes: int = 0
    text_bytes: int = 0
    distinct_bytes: int = 0
    redundancy: float = 0.0
    seen: set[str] = field(default_factory=set, repr=False)

    def once(self, key: str, amount: int) -> None:
        """Count text that is shared under this key only the first time."""
        if key not in self.seen:
            self.seen.add(key)
            self.distinct_bytes += amount


def lines(corpus: Corpus, facts: Facts) -> Iterator[bytes]:
    """The log's lines: `interleave` sessions at a time, the next request of any of them."""
    layout, order = LAYOUTS[corpus.layout], Random(f"order {corpus.seed}")
    opened = (requests(session(corpus.seed, number, corpus.shape), corpus, facts) for number in range(corpus.sessions))
    active = [one for _, one in zip(range(corpus.interleave), opened, strict=False)]
    clock = count(1_790_000_000, 7)
    while active:
        place = int(order.random() * len(active))
        parts = next(active[place], None)
        if parts is not None:
            yield b"".join((*wrapped(parts, next(clock), layout), b"\n"))
        elif (another := next(opened, None)) is not None:
            active[place] = another
        else:
            del active[place]


def wrapped(parts: tuple[bytes, ...], moment: int, layout: Layout) -> tuple[bytes, ...]:
    """The parts of a line: a body, or the record around it."""
    if not layout.escaped:
        return parts
    return (b'{"timestamp":%d,"body":"' % moment, *parts, b'","status":200}')


def requests(made: Session, corpus: Corpus, facts: Facts) -> Iterator[tuple[bytes, ...]]:
    """Each request of a session in parts. What repeats is written once and joined, so this is fast."""
    layout = LAYOUTS[corpus.layout]
    before, behind, comma = frame(made, layout)
    known, fixed = bytearray(), count_fixed(made, facts)
    facts.sessions += 1
    for turn in made.turns:
        added = sum(message.text_bytes for message in turn)
        fixed += added
        facts.distinct_bytes += added
        facts.text_bytes += fixed
        facts.lines += 1
        for message in turn[:-1]:
            known += piece(written(message, corpus.marks), layout) + comma
        yield before, bytes(known), piece(written(turn[-1], corpus.marks, last=True), layout), behind
        known += piece(written(turn[-1], corpus.marks), layout) + comma


def count_fixed(made: Session, facts: Facts) -> int:
    """Bytes of system and tools, counted as distinct where no earlier session sent them."""
    texts = {str(block["text"]): text_bytes(block) for block in made.system}
    texts |= {str(tool["name"]): len(json.dumps(tool, ensure_ascii=False).encode()) for tool in made.tools}
    for key, amount in texts.items():
        facts.once(key, amount)
    return sum(texts.values())


def frame(made: Session, layout: Layout) -> tuple[bytes, bytes, bytes]:
    """The bytes of a body before and behind its messages, and between two."""
    body: dict[str, Json] = {
        "model": made.model,
        "max_tokens": 32000,
        "metadata": {"user_id": made.user_id},
        "system": marked(made.system),
        "tools": marked(made.tools),
        "messages": ["MESSAGES"],
    }
    whole = piece({key: body[key] for key in layout.order}, layout)
    before, _, behind = whole.partition(piece("MESSAGES", layout))
    return before, behind, layout.separators[0].encode()


def marked(blocks: list[Block]) -> list[Json]:
    """Blocks with a cache mark on the last."""
    return [*blocks[:-1], {**blocks[-1], "cache_control": EPHEMERAL}]


def written(message: Message, marks: str, last: bool = False) -> Block:
    """A message as a client with this way of marking sends it."""
    content: Json = list[Json](message.blocks)
    if last and marks != "static":
        content = marked(message.blocks)
    elif marks == "changing" and [block["type"] for block in message.blocks] == ["text"]:
        content = message.blocks[0]["text"]
    return {"role": message.role, "content": content}


def piece(value: Json, layout: Layout) -> bytes:
    """JSON in this layout; where the body is a string, escaped once more, which works piece by piece."""
    text = json.dumps(value, ensure_ascii=layout.ascii, separators=layout.separators)
    return (json.dumps(text, ensure_ascii=False)[1:-1] if layout.escaped else text).encode()


def sessions_for(gigabytes: float, shape: Shape) -> int:
    """How many sessions of this shape fill so many gigabytes, from the sizes that are asked for."""
    rounds = shape.turns - 1 if shape.rounds is None else shape.rounds
    head = 1.1 * (SYSTEM_BYTES + sum(TOOL_BYTES) / len(TOOL_BYTES) + MEMORY_BYTES + ATTACHED_BYTES)
    line = head + rounds * (0.95 * shape.round_bytes + 100) / 2
    return max(1, round(gigabytes * 1e9 / (line * shape.turns)))


def write(path: Path, content: Callable[[Facts], Iterator[bytes]]) -> Facts:
    """Write a log and its facts; an interrupted log is never left under its name."""
    facts, unfinished = Facts(), path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("wb", buffering=1 << 20) as file:
        facts.bytes = poured(file, content(facts))
    facts.redundancy = round(facts.bytes / max(facts.distinct_bytes, 1), 2)
    unfinished.replace(path)
    told = {key: value for key, value in asdict(facts).items() if key != "seen"}
    facts_path(path).write_text(json.dumps(told) + "\n", encoding="utf-8")
    return facts


def poured(file: IO[bytes], content: Iterator[bytes]) -> int:
    """Write lines and count their bytes."""
    return sum(file.write(line) for line in content)


def facts_path(path: Path) -> Path:
    """Where the facts of a log stand."""
    return path.with_name(path.name + ".facts")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("path", type=Path, metavar="OUT.jsonl")
    add("--sessions", type=int, default=4)
    add("--turns", type=int, default=40, help="requests per session, in the mean")
    add("--layout", choices=LAYOUTS, default="head-first")
    add("--marks", choices=MARKS, default="static", help="where cache_control stands")
    add("--seed", type=int, default=1)
    add("--interleave", type=int, default=8, metavar="N", help="sessions that run at a time")
    add("--gigabytes", type=float, metavar="G", help="as many sessions as give about this size")
    add("--rounds", type=int, metavar="R", help="spread the text of exactly R rounds over exactly --turns requests")
    add("--round-bytes", type=int, default=ROUND_BYTES, metavar="B", help="new text per round")
    add("--model", default=MODEL)
    add("--short", action="store_true", help="one-shot requests of 1.5 KB, sessions x turns of them")
    add("--hostile", action="store_true", help="lines that break readers and tokenizers, --sessions groups of them")
    return parser


def content(options: argparse.Namespace) -> Callable[[Facts], Iterator[bytes]]:
    """What the options ask to write."""
    seed = int(options.seed)
    if options.hostile:
        return lambda facts: oddities.counted(oddities.hostile(seed, options.sessions), facts)
    if options.short:
        number = int(options.gigabytes * 1e9 / 1500) if options.gigabytes else options.sessions * options.turns
        return lambda facts: oddities.counted(oddities.short(seed, number), facts)
    shape = Shape(options.turns, options.rounds, options.round_bytes, options.model)
    number = sessions_for(options.gigabytes, shape) if options.gigabytes else options.sessions
    corpus = Corpus(number, shape, options.layout, options.marks, seed, options.interleave)
    return lambda facts: lines(corpus, facts)


def main() -> None:
    """Write the log that the command line asks for and say what it is."""
    options = arguments().parse_args()
    facts = write(options.path, content(options))
    print(
        f"{options.path}: {facts.lines:,} lines, {facts.bytes / 1e6:,.1f} MB, "
        f"{facts.distinct_bytes / 1e6:,.1f} MB distinct text, redundancy {facts.redundancy:.1f}"
    )


if __name__ == "__main__":
    main()
