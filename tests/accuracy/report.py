"""The table of errors by provider and feature, as it stands in docs/accuracy.md."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec
from tests.accuracy.pairs import Pair, after

from agentcost.names import bare_name

NOT_COUNTED = ("beyond the log", "images, documents")
"""Features that no count of text can get right: they stand in the table, and in no target."""

ENOUGH = 20
"""Pairs from which on a provider's figures bind."""

LONG = 1_000
"""Billed tokens of a prompt from which on it is more like an agent's than like a unit test's."""

HEAD = """# How near the counts come

Written by `python -m tests.accuracy`, and not by hand. Every recorded call whose whole prompt and bill are known is
counted without looking at the bill ("before calibration"), then with the calibration of its model fitted on all
*other* recordings ("after"; of a model with one recording only, a fifth of it is left out at a time). The error is the
share by which the count misses the billed input, cached tokens included; nine of ten prompts are nearer than p90.

The recordings are third-party test cassettes and agent sessions that are not part of this repository. Most are unit
tests of a few dozen tokens, where one token is a percent or more; the second table shows the longer ones. Some template
constants have no published source and were read off these very recordings (`observed` in
`cli/agentcost/tokens/templates.py`): for those, "before" is no test. A figure binds where there are at least 20 pairs;
elsewhere it says "not verified here".
"""

NOTES = """
- **beyond the log**: the provider ran tools and put what they found into the prompt (web search, code execution, tool
  search), a part was sent by reference, a recording was edited, or another model answered. No count can be right.
- **images, documents** are counted by the published rules where their size is known; links without one are not.
- **thinking**: encrypted reasoning is estimated from its length (GPT-5, Gemini 3); the thinking of earlier turns, which
  some models do not see again, is counted and shows as unexplained.
- OpenAI's counts rest on its own vocabulary: they are not calibrated, so both columns are alike.
- Claude's and Gemini's vocabularies are not published. Gemini is counted with Gemma's. Claude is counted with cl100k's
  first 29,500 merges, and from Claude 4.7 on with its first 3,500: both numbers were fitted on 2026-11-26 on the pairs
  of the first table (`cli/agentcost/tokens/claude.py`), so of Claude "before" is no test of them. Fitted on all
  recordings but one, 29,500 is chosen 45 times of 47, and the prompts left out are half within 0.5%, nine of ten within
  6.3%. Of the new tokenizer there are 9 pairs only. No recording has letters other than Latin ones. One sentence
  repeated many times, as caching tests send it, magnifies what is off in that sentence.
- **Google** counts a JSON Schema under `parameters_json_schema` as JSON; what it makes of nested objects, `$defs` and a
  forced tool choice is not published, and three such prompts are 2% to 27% off. Tools through OpenRouter are likewise.
- The calibration of a log is fitted on that log: `agentcost analyze --show-fit` shows it, with its own held-out error.
"""

NAMED: tuple[tuple[str, str], ...] = (
    (r"test_openai_responses_model_retry", "the call before it was billed 0 tokens, and this one more than its text"),
    (r"non_reasoning_model_no_item_ids", "a call whose arguments are `{}`: two tokens fewer than elsewhere"),
    (r"interleaved_reasoning|encrypted_reasoning|phase_live|call_status_none", "encrypted reasoning, by its length"),
    (r"thinking_roundtrip", "asked to think, one token more than elsewhere; then thinking that is not shown again"),
    (r"empty_message_on_history", "the conversation begins with the assistant"),
    (r"bedrock_cache_usage|cache_all_settings", "one sentence, repeated many times"),
    (r"text_plain_document", "a document of plain text in a tool's result"),
    (r"deferred_capability", "tools that join the conversation on its way"),
    (r"ref_sibling|nested_models|strict_incompatible|google_nested", "nested objects, `$defs`, a forced choice"),
    (r"tool_config_any", "a forced choice, a tool without arguments"),
)
"""Recordings that are off by more than a few tokens, and what sets them apart: no count knows how these are billed."""


class Row(msgspec.Struct, frozen=True):
    """The errors of some pairs: how many, from how many recordings, median and p90 before and after."""

    name: str
    pairs: int
    recordings: int
    before: tuple[float, float]
    fitted: int
    after: tuple[float, float] | None

    @property
    def binds(self) -> bool:
        """Whether there are enough of them."""
        return self.pairs >= ENOUGH


def quantile(values: Sequence[float], part: float) -> float:
    """The ceil(part * n)-th smallest."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def rows(pairs: Sequence[Pair], errors: Sequence[float | None], key: Callable[[Pair], str | None]) -> list[Row]:
    """A row per key, None left out; the keys in order."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        name = key(pair)
        if name is not None:
            groups[name].append(place)
    return [
        _row(name, [pairs[at] for at in groups[name]], [errors[at] for at in groups[name]]) for name in sorted(groups)
    ]


def _row(name: str, pairs: Sequence[Pair], errors: Sequence[float | None]) -> Row:
    before, known = [pair.before for pair in pairs], [error for error in errors if error is not None]
    return Row(
        name,
        len(pairs),
        len({pair.recording for pair in pairs}),
        (quantile(before, 0.5), quantile(before, 0.9)),
        len(known),
        (quantile(known, 0.5), quantile(known, 0.9)) if known else None,
    )


def by_provider(pairs: Sequence[Pair], errors: Sequence[float | None]) -> list[Row]:
    """What can be counted, a row per maker of models."""
    return rows(pairs, errors, lambda pair: None if pair.feature in NOT_COUNTED else pair.family)


def by_route(pairs: Sequence[Pair], errors: Sequence[float | None]) -> list[Row]:
    """What can be counted, a row per API that was called."""
    return rows(pairs, errors, lambda pair: None if pair.feature in NOT_COUNTED else pair.route)


def by_feature(pairs: Sequence[Pair], errors: Sequence[float | None]) -> list[Row]:
    """A row per maker and feature."""
    return rows(pairs, errors, lambda pair: f"{pair.family} | {pair.feature}")


def of_long_prompts(pairs: Sequence[Pair], errors: Sequence[float | None]) -> list[Row]:
    """What can be counted of the longer prompts, a row per maker."""
    return rows(pairs, errors, lambda pair: None if pair.feature in NOT_COUNTED or pair.billed < LONG else pair.family)


def written(pairs: Sequence[Pair]) -> str:
    """docs/accuracy.md."""
    errors = after(pairs)
    return "\n".join((
        HEAD,
        "## By provider\n",
        *table(by_provider(pairs, errors), "provider"),
        f"\n## Prompts of {LONG:,} tokens and more\n",
        *table(of_long_prompts(pairs, errors), "provider"),
        "\n## By route\n",
        *table(by_route(pairs, errors), "who was called"),
        "\n## By provider and feature\n",
        *table(by_feature(pairs, errors), "provider | feature"),
        "\n## What is known to be off\n",
        *named(pairs),
        NOTES,
    ))  # fmt: skip


def table(found: Sequence[Row], names: str) -> Iterator[str]:
    """The rows as Markdown."""
    yield f"| {names} | pairs | recordings | median before | p90 before | median after | p90 after | |"
    yield "|---" * (names.count("|") + 1) + "|--:" * 6 + "|---|"
    for row in found:
        later = [percent(value) for value in row.after] if row.after else ["–", "–"]
        shown = [row.name, str(row.pairs), str(row.recordings), *map(percent, row.before), *later]
        yield "| " + " | ".join([*shown, "" if row.binds else "not verified here"]) + " |"


def named(pairs: Sequence[Pair]) -> Iterator[str]:
    """The prompts of NAMED that are off by more than 1 %, as Markdown: before calibration."""
    yield "| recording | model | billed | counted | what sets it apart |"
    yield "|---|---|--:|--:|---|"
    for pattern, reason in NAMED:
        own = [pair for pair in pairs if pair.feature not in NOT_COUNTED and re.search(pattern, pair.recording)]
        yield from dict.fromkeys(
            f"| {short(pair.recording)} | {bare_name(pair.model)} | {pair.billed:,} "
            f"| {pair.text + pair.around - pair.billed:+,.0f} | {reason} |"
            for pair in own
            if pair.before > 0.01
        )


def short(recording: str) -> str:
    """The name of a test without its parameters."""
    return re.split(r"[.\[]", recording.removeprefix("test_"))[0]


def percent(error: float) -> str:
    """2.3 %, and 0 only where nothing is off."""
    return "0" if error == 0 else f"{error:.1%}" if error >= 0.001 else "< 0.1%"
