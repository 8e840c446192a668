"""Writes the logs that are no agent sessions: short one-shot requests, and lines that break readers and tokenizers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Protocol

from sessions import MODEL, size
from wording import Wording

PROMPTS, PROMPT_BYTES, ITEM_BYTES = 12, 1150, 90
"""A batch job's requests: one of a few long instructions and a short item. Most of a line repeats."""

GAP = "@gap@"


class Tally(Protocol):
    """What counts lines and text."""

    lines: int
    text_bytes: int
    distinct_bytes: int

    def once(self, key: str, amount: int) -> None:
        """Count text that is shared under this key only the first time."""


Line = tuple[bytes, tuple[str, ...]]
"""A line and the texts in it."""


def counted(content: Iterator[Line], facts: Tally) -> Iterator[bytes]:
    """The lines, with their text counted."""
    for line, texts in content:
        facts.lines += 1
        for text in texts:
            facts.text_bytes += size(text)
            facts.once(text, size(text))
        yield line


def short(seed: int, number: int) -> Iterator[Line]:
    """One-shot requests of about 1.5 KB."""
    words, choice = Wording(f"short {seed}"), Random(f"prompt {seed}").choice
    prompts = [words.text("prose", PROMPT_BYTES).strip() for _ in range(PROMPTS)]
    for _ in range(number):
        prompt, item = choice(prompts), words.text("prose", ITEM_BYTES).strip()
        yield one_shot(prompt, item, words.hex(16)), (prompt, item)


def one_shot(system: str, user: str, user_id: str = "") -> bytes:
    """A request without history."""
    body = {
        "model": MODEL,
        "max_tokens": 256,
        "metadata": {"user_id": user_id},
        "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": user}],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def hostile(seed: int, groups: int) -> Iterator[Line]:
    """Per group eight lines: seven that broke some reader or tokenizer, and one that is sound.

    The file begins with a byte order mark, and its truncated lines end in the middle of a string.
    """
    words = Wording(f"hostile {seed}")
    for _ in range(groups):
        prompt, item = words.text("prose", 300), words.text("code", 400)
        sound = one_shot(prompt, item)
        texts = (prompt, item)
        gap = one_shot(prompt, f"{item}{GAP}{item}")
        yield b"\xef\xbb\xbf" + sound, texts
        for filler in (" " * 1_500_000, "a" * 1_000_000):
            yield one_shot(prompt, item + filler + item), (*texts, filler)
        for bytes_in_text in (rb"\ud83d \udc00\ud83d", b"\xff\xfe \xc3( \xed\xa0\x80"):
            yield gap.replace(GAP.encode(), bytes_in_text), texts
        yield sound.replace(b'"max_tokens":256', b'"max_tokens":256,"temperature":NaN'), texts
        yield sound[: len(sound) * 3 // 4] + b"\n", ()
        yield sound, texts
