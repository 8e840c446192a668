"""Tokens of images and documents, which no tokenizer of text can count."""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil, floor, inf, sqrt

import msgspec

from agentcost.names import CLAUDE_NAME, GEMINI_NAME, bare_name
from agentcost.tokens.encodings import CLAUDE_NEW, encoding_of

TEXT_TOKENS_PER_PAGE = 2_250
"""The middle of 1,500-3,000 that Anthropic's docs give for a page of a PDF."""

OPENAI_TOKENS_PER_PAGE = 13
"""What litellm 1.109.1 adds to the text of a PDF page."""

GEMINI_TILE = 258
OPENAI_UNKNOWN_SIZE = 765


class ClaudeTier(msgspec.Struct, frozen=True):
    """The largest image a Claude model sees: its longer side in pixels, and its tokens."""

    edge: int
    budget: int


class Tiles(msgspec.Struct, frozen=True):
    """OpenAI's older rule: a base, and so many tokens for every tile of 512 by 512 pixels."""

    base: int
    tile: int


class Patches(msgspec.Struct, frozen=True):
    """OpenAI's newer rule: patches of 32 by 32 pixels after scaling to `side` and `budget`; None is no limit."""

    side: int | None
    budget: int | None
    multiplier: float = 1.2


STANDARD = ClaudeTier(1_568, 1_568)
HIGH = ClaudeTier(2_576, 4_784)
"""Anthropic docs, vision, 2026-08-21: Claude 4.7 and later."""

UP_TO_2048 = Patches(2_048, 2_500)
LOW = Patches(512, None)
NO_LIMIT = Patches(None, None)
OLDER_PATCHES = Patches(2_048, 6_144)

PATCH_MODELS: tuple[tuple[str, dict[str, Patches]], ...] = tuple(
    (pattern, rules)
    for pattern, rules in (
        (r"gpt-4\.1-mini", {"": Patches(2_048, 6_144, 1.62)}),
        (r"gpt-5\.2", {"": OLDER_PATCHES}),
        (r"gpt-5\.4", {"low": OLDER_PATCHES, "original": Patches(6_000, 10_000), "": UP_TO_2048}),
        (r"gpt-5\.5", {"low": LOW, "high": UP_TO_2048, "": Patches(6_000, 10_000)}),
        (r"gpt-5\.6", {"low": LOW, "high": UP_TO_2048, "": NO_LIMIT}),
        (r"gpt-6", {"low": LOW, "high": Patches(None, 2_500), "": NO_LIMIT}),
    )
)
"""Model, and its rule by detail; "" stands for `auto` and all other details (litellm 1.109.1)."""

TILE_MODELS: tuple[tuple[str, Tiles], ...] = tuple(
    (pattern, rule)
    for pattern, rule in (
        (r"gpt-4o-mini", Tiles(2_833, 5_667)),
        (r"gpt-5", Tiles(70, 140)),
        (r"^o[134]\b", Tiles(75, 150)),
        (r"", Tiles(85, 170)),
    )
)
"""Model and rule; models not known are counted like gpt-4o (litellm 1.109.1)."""


@lru_cache(maxsize=4096)
def image_tokens(model: str, width: int | None, height: int | None, detail: str = "auto") -> int:
    """Tokens of an image of this size in pixels. Where the size is unknown: Claude's tier maximum, OpenAI 765,
    Gemini 258; a size of no pixels counts as unknown."""
    name = bare_name(model)
    size = (width, height) if width and height else None
    if re.search(CLAUDE_NAME, name):
        return claude_image(claude_tier(model), size)
    if re.search(GEMINI_NAME, name):
        return gemini_image(size)
    return openai_image(name, size, detail)


def document_tokens(model: str, pages: int | None) -> int:
    """Tokens of a document of so many pages of text, each also seen as an image by Claude; unknown is one page."""
    name = bare_name(model)
    count = pages or 1
    if re.search(GEMINI_NAME, name):
        return count * GEMINI_TILE
    if re.search(CLAUDE_NAME, name):
        return count * (TEXT_TOKENS_PER_PAGE + claude_tier(model).budget)
    return count * (TEXT_TOKENS_PER_PAGE + OPENAI_TOKENS_PER_PAGE)


class State(msgspec.Struct, frozen=True):
    """Reasoning that a provider hands out encrypted: so many characters of base64 around it, and so many a token.

    `frame` are tokens that stand around it in the prompt, however long it is.
    """

    around: int
    per_token: float
    frame: int = 0


STATES: tuple[tuple[str, State], ...] = (
    (r"openai\.gpt-[56]", State(700, 6.05)),
    (r"gpt-[56]|^o[134]\b|codex", State(920, 6.05)),
    (r"gemini-[3-9]", State(0, 6.27, 17)),
    (r"gemini-2\.5", State(0, inf, 21)),
)
"""Models that are shown their state again, and what it holds: observed, gpt-5 and 5.5 (shorter on Bedrock), gemini-3.

Of Gemini's, 2026-11-26: seven signed calls of gemini-3-flash lie within 6 tokens of a line through the other six; three
of gemini-2.5-pro are billed the same whatever their length. Calls without a signature are billed 2.
"""


@lru_cache(maxsize=4096)
def state_tokens(model: str, characters: int) -> int:
    """Tokens of encrypted reasoning that is so many characters long; 0 for models that do not read it again."""
    name = bare_name(model)
    state = next((state for pattern, state in STATES if re.search(pattern, name)), None)
    return state.frame + max(0, round((characters - state.around) / state.per_token)) if state else 0


def claude_tier(model: str) -> ClaudeTier:
    """High resolution came with the new tokenizer, in Claude 4.7."""
    return HIGH if encoding_of(model) is CLAUDE_NEW else STANDARD


def claude_image(tier: ClaudeTier, size: tuple[int, int] | None) -> int:
    """Squares of 28 by 28 pixels, after downscaling to the largest size that meets both limits."""
    if size is None:
        return tier.budget
    long, short = max(size), min(size)

    def squares(side: int) -> int:
        return ceil(side / 28) * max(1, ceil(short * side / long / 28 - 1e-9))

    side = min(long, tier.edge)
    while side > 1 and squares(side) > tier.budget:
        side -= 1
    return squares(side)


def gemini_image(size: tuple[int, int] | None) -> int:
    """A small image is one tile, a larger one is cut into tiles of 768 by 768 pixels (Google docs, tokens)."""
    if size is None or max(size) <= 384:
        return GEMINI_TILE
    return ceil(size[0] / 768) * ceil(size[1] / 768) * GEMINI_TILE


def openai_image(name: str, size: tuple[int, int] | None, detail: str) -> int:
    """By patches in the models that have them, else by tiles."""
    for pattern, rules in PATCH_MODELS:
        if re.search(pattern, name):
            return patch_tokens(rules.get(detail, rules[""]), size)
    return tile_tokens(next(rule for pattern, rule in TILE_MODELS if re.search(pattern, name)), size, detail)


def tile_tokens(rule: Tiles, size: tuple[int, int] | None, detail: str) -> int:
    """Scaled to 2,048 on the long side and 768 on the short one, then tiles of 512; `low` is the base alone."""
    if detail == "low":
        return rule.base
    if size is None:
        return OPENAI_UNKNOWN_SIZE
    scale = min(1.0, 2_048 / max(size), 768 / min(size))
    across, down = (max(1, ceil(floor(side * scale) / 512)) for side in size)
    return rule.base + rule.tile * across * down


def patch_tokens(rule: Patches, size: tuple[int, int] | None) -> int:
    """Scaled to the side, then to the budget in whole patches, then multiplied."""
    if size is None:
        return OPENAI_UNKNOWN_SIZE
    scale = min(1.0, rule.side / max(size)) if rule.side else 1.0
    width, height = (max(1, round(side * scale)) for side in size)
    patches = ceil(width / 32) * ceil(height / 32)
    if rule.budget and patches > rule.budget:
        shrink = sqrt(1_024 * rule.budget / (width * height))
        across, down = width * shrink / 32, height * shrink / 32
        shrink *= min(floor(across) / across, floor(down) / down)
        patches = ceil(max(1, floor(width * shrink)) / 32) * ceil(max(1, floor(height * shrink)) / 32)
    return ceil(patches * rule.multiplier)
