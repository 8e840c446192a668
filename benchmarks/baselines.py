"""What the analyzer is measured against, each as a process of its own.

python benchmarks/baselines.py parse LOG
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from agentcost.tokens import Template

LINE_BUFFER = 1 << 20


def raw_lines(path: str) -> Iterator[bytes]:
    """Lines of a log, read in large pieces."""
    with Path(path).open("rb", buffering=LINE_BUFFER) as file:
        yield from file


def parse(path: str) -> None:
    """`orjson.loads` of every line."""
    for line in raw_lines(path):
        orjson.loads(line)


def parse_inner(path: str) -> None:
    """`orjson.loads` of every line and of the body that it holds as a string."""
    for line in raw_lines(path):
        orjson.loads(orjson.loads(line)["body"])


def tokenize(path: str) -> None:
    """Parse every line and count every text in it with tiktoken; print the tokens and the seconds after loading."""
    from agentcost.tokens import counter, template_of  # noqa: PLC0415 (only here: it costs start-up)

    count = counter("o200k_base", "tiktoken").count
    start, tokens = time.perf_counter(), 0
    for line in raw_lines(path):
        body = orjson.loads(line)
        tokens += sum(map(count, texts(body))) + around(body, template_of(body.get("model", ""), "anthropic"))
    print(json.dumps({"tokens": tokens, "seconds": time.perf_counter() - start}))


def texts(body: dict[str, Any]) -> Iterator[str]:
    """Every text of a body as the model gets it: tools and calls as JSON, without cache marks."""
    for tool in body.get("tools", ()):
        yield text_of({key: value for key, value in tool.items() if key != "cache_control"})
    for block in body.get("system", ()):
        yield block["text"]
    for message in body["messages"]:
        yield from content_texts(message["content"])


def around(body: dict[str, Any], template: Template) -> int:
    """The tokens that the provider's template puts around tools and calls, which are counted as theirs."""
    found = template.per_tool * len(body.get("tools", ()))
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else ()
        calls = [place for place, block in enumerate(blocks) if "input" in block]
        found += template.per_call * len(calls) + template.per_more_calls * sum(place > 0 for place in calls)
    return found


def content_texts(content: str | list[dict[str, Any]]) -> Iterator[str]:
    """The texts of a message or of a tool result."""
    if isinstance(content, str):
        yield content
        return
    for block in content:
        if "input" in block:
            yield f"{block['name']}\n{text_of(block['input'])}"
        elif "content" in block:
            yield from content_texts(block["content"])
        else:
            yield block["text"]


def text_of(value: object) -> str:
    """Compact JSON."""
    return orjson.dumps(value).decode()


def imports(path: str) -> None:
    """Import what `python -X importtime` listed in a file, and nothing else: the floor of a command's memory."""
    for row in Path(path).read_text(encoding="utf-8").splitlines():
        name = row.rpartition("|")[2].strip()
        if row.startswith("import time:") and not name.startswith(("imported package", "site", "__main__")):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def mismatches(path: str) -> None:
    """Count every distinct text of a log, and of fuzz, with both engines; print how many counts differ."""
    from agentcost.tokens import counter  # noqa: PLC0415

    found = {text for line in raw_lines(path) for text in texts(orjson.loads(line))}
    found.update(
        fuzz(Random("fuzz"), 20_000), (" " * 400_000, "a" * 400_000, "\ud83d", "x\udc00\ud83d", "<|endoftext|>")
    )
    wrong = 0
    for encoding in ("o200k_base", "cl100k_base"):
        ours, reference = counter(encoding), counter(encoding, "tiktoken")
        ordered = sorted(found)
        wrong += sum(a != reference.count(text) for a, text in zip(ours.count_all(ordered), ordered, strict=True))
    print(json.dumps({"mismatches": wrong, "texts": len(found)}))


def fuzz(random: Random, number: int) -> Iterator[str]:
    """Short strings over all planes, with white space and letters more often."""
    alphabets = (
        range(32, 127),
        (9, 10, 13, 32, 160, 0x2003, 0x3000),
        range(0x80, 0x3000),
        range(0x3000, 0x11000),
        range(0x110000),
    )
    for _ in range(number):
        codes = (random.choice(random.choice(alphabets)) for _ in range(random.randint(1, 60)))
        yield "".join(map(chr, codes))


COMMANDS: Mapping[str, Callable[[str], None]] = {
    "parse": parse, "parse-inner": parse_inner, "tokenize": tokenize, "imports": imports, "mismatches": mismatches,
}  # fmt: skip

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](sys.argv[2])
