"""Recorded calls with what they were billed, and how far the counts are from that, before and after calibration."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.ingest.inputs import find_sources
from agentcost.ingest.source import FileSource
from agentcost.loading.logs import Reading, load_logs
from agentcost.measuring.calibration import fitted, folds_of
from agentcost.measuring.measure import uncalibrated
from agentcost.model import Kind, Knowledge, Request
from agentcost.names import bare_name
from agentcost.prefix import Entry
from agentcost.record import Record
from agentcost.tokens import encoding_of

FULL_LOGS = ("cassettes", "raw-http", "eval-logs", "otel-spans")
"""The recorded sets that hold whole prompts and their bills."""

SERVER_TOOLS = re.compile(
    r"(openrouter:)?(web_search|web_fetch|google_?[sS]earch|urlContext|code_?[eE]xecution|tool_search|advisor|compound"
    r"|image_generation|file_search|mcp_list_tools)[\w-]*"
)
"""Tools that the provider runs: what they put into the prompt no log of the client shows."""

BY_REFERENCE = ("previous_response_id", "conversation", "prompt", "cachedContent", "context_management", "container")
"""Settings with which a part of the prompt is sent by reference, or taken out of it."""

EDITED = re.compile(
    r"test_tools_streaming_variant|replay|receive_web_search|generateObject"
    r"|multimodal_tool_return_matrix\[direct-(binary|url-image-google)"
)
"""Recordings whose answer came from another model than the one named, whose history no model ever gave, or which
leave out the schema."""

FAMILIES: tuple[tuple[str, str], ...] = (
    (r"claude", "Anthropic"),
    (r"gemini|gemma", "Gemini"),
    (r"deepseek", "DeepSeek"),
    (r"nova|titan|cohere|command", "Amazon and Cohere on Bedrock"),
    (r"[a-z]*stral\b", "Mistral"),
    (r"qwen", "Qwen"),
    (r"kimi|moonshot", "Kimi"),
    (r"glm", "GLM"),
    (r"gpt-oss", "gpt-oss"),
    (r"gpt|^o\d", "OpenAI"),
    (r"llama", "Llama"),
)
"""Who made a model, by its bare name."""


class Pair(msgspec.Struct, frozen=True):
    """A billed prompt: `text` and `around` are what is counted without looking at the bill."""

    recording: str
    family: str
    route: str
    model: str
    api: str
    feature: str
    text: float
    around: int
    billed: int

    @property
    def before(self) -> float:
        """The relative error before calibration."""
        return abs(self.text + self.around - self.billed) / self.billed


def pairs_in(folders: Sequence[Path]) -> list[Pair]:
    """Every full prompt with a bill under the folders, one of those that repeat another of their recording."""
    sources = [source for folder in folders for source in _in(folder)]
    record = load_logs(sources, Reading(threads=False, optional=frozenset(source.name for source in sources)))
    paths = {source.name: source.path for source in sources}
    found: dict[tuple[str, int, int], Pair] = {}
    text, around = uncalibrated(record.tree, record.requests)
    for row, request in enumerate(record.requests):
        if request.knowledge is not Knowledge.FULL or not request.usage or not request.usage.prompt:
            continue
        recording, billed = recording_of(request, paths), request.usage.prompt
        pair = Pair(
            recording, family_of(request.model), request.provider, request.model, request.api,
            feature_of(record, request, recording), float(text[row]), int(around[row]), billed,
        )  # fmt: skip
        found[recording, request.node, billed] = pair
    return [found[key] for key in sorted(found, key=lambda key: (key[0], found[key].billed, found[key].text))]


def _in(folder: Path) -> list[FileSource]:
    """The files of a folder, named from it on: what is measured must not depend on where it lies."""
    found = (member.source for member in find_sources([str(folder)]).members)
    return [
        replace(source, name=str(source.path.relative_to(folder.parent)))
        for source in found
        if isinstance(source, FileSource)
    ]


def recording_of(request: Request, paths: Mapping[str, Path]) -> str:
    """The test or session a call was recorded in."""
    source = paths[request.place.source]
    if source.name == "pairs.jsonl":
        return Path(recorded_in(source)[request.place.line - 1]).name
    return "/".join(source.parts[-2:]) if source.suffix == ".json" else source.name


@cache
def recorded_in(source: Path) -> tuple[str, ...]:
    """The recording of each line of a file of pairs."""
    return tuple(json.loads(line)["file"] for line in source.read_bytes().splitlines())


def family_of(model: str) -> str:
    """Who made the model."""
    name = bare_name(model)
    return next((family for pattern, family in FAMILIES if re.search(pattern, name)), "others")


def feature_of(record: Record, request: Request, recording: str) -> str:
    """What makes a prompt hard to count: the hardest thing it has."""
    path = [record.tree.entry(node) for node in record.tree.path(request.node)]
    settings = dict(request.settings)
    tests = (
        ("beyond the log", EDITED.search(recording) or _beyond(request, path, settings)),
        ("images, documents", any(entry.media and not entry.media.startswith("state") for entry in path)),
        ("thinking", "thinking" in settings or any(entry.kind is Kind.THINKING for entry in path)),
        ("schema", _has_schema(path, settings)),
        ("tools", any(entry.level == "tools" or entry.kind is Kind.TOOL_CALL for entry in path)),
    )
    return next((feature for feature, there in tests if there), "text")


def _beyond(request: Request, path: Sequence[Entry], settings: dict[str, str]) -> bool:
    """Whether the provider saw what the log does not show."""
    if any(settings.get(key) for key in BY_REFERENCE) or SERVER_TOOLS.match(request.model):
        return True
    named = (entry.name for entry in path if entry.level == "tools" or entry.kind in (Kind.TOOL_CALL, Kind.TOOL_RESULT))
    return any(SERVER_TOOLS.fullmatch(name) is not None for name in named)


def _has_schema(path: Sequence[Entry], settings: dict[str, str]) -> bool:
    return any(entry.name == "response format" for entry in path) or "responseSchema" in settings or (
        '"json_schema"' in settings.get("output_config", "")
    )  # fmt: skip


def after(pairs: Sequence[Pair]) -> list[float | None]:
    """The relative error of each pair under a calibration on all other recordings of its model and API.

    Of a model with a single recording a fifth is left out at a time; None where it has a single prompt. Exact counts
    are not calibrated, and neither are those whose others are too few or too short.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, pair in enumerate(pairs):
        if pair.feature not in ("beyond the log", "images, documents"):
            groups[bare_name(pair.model), pair.api].append(row)
    found: list[float | None] = [None] * len(pairs)
    for rows in groups.values():
        for row, error in zip(rows, _left_out([pairs[row] for row in rows]), strict=True):
            found[row] = error
    return found


def _left_out(pairs: Sequence[Pair]) -> list[float | None]:
    if encoding_of(pairs[0].model).basis == "exact":
        return [pair.before for pair in pairs]
    text = numpy.array([pair.text for pair in pairs])
    around = numpy.array([pair.around for pair in pairs], dtype=numpy.int64)
    billed = numpy.array([pair.billed for pair in pairs], dtype=numpy.float64)
    _, recordings = numpy.unique([pair.recording for pair in pairs], return_inverse=True)
    groups = folds_of(recordings)
    found: list[float | None] = []
    for row, pair in enumerate(pairs):
        others = groups != groups[row]
        line = fitted(text[others], around[others], billed[others], groups[others]) if others.any() else None
        estimate = pair.around + (line.added + line.factor * pair.text if line else pair.text)
        found.append(abs(estimate - pair.billed) / pair.billed if others.any() else None)  # a single prompt has none
    return found
