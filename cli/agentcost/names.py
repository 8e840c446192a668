"""A model's name as tables look it up, however a provider, router or cloud writes it."""

from __future__ import annotations

import re
from functools import lru_cache

CLAUDE_NAME = r"claude|mythos|fable|\b(opus|sonnet|haiku)\b"
GEMINI_NAME = r"gemini|gemma"
"""How bare names of a family's models are known."""


@lru_cache(maxsize=4096)
def bare_name(model: str) -> str:
    """The name without routes and capitals, with versions and Claude's names written one way.

    >>> bare_name("openrouter/anthropic/Claude-Opus-4-6")
    'claude-opus-4.6'
    >>> bare_name("claude-3-5-sonnet-20241022")
    'claude-sonnet-3.5-20241022'
    """
    name = model.lower().rsplit("/", 1)[-1]
    name = re.sub(r"(?<=\d)[-_p](?=\d{1,2}(?!\d|b\b))", ".", name)
    return re.sub(r"claude-(\d[\d.]*)-(opus|sonnet|haiku)", r"claude-\2-\1", name)
