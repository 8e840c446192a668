"""The Gemini API (and Vertex AI): tools, then the system instruction, then contents.

The model stands in the URL: whoever reads the body puts it into `model`. Keys may be camelCase, as sent, or
snake_case, as the SDK logs them. The answer's schema is part of the prompt but is kept as a setting only.
`cachedContent` names content that the log shows elsewhere, or nowhere. Session: `labels.session_id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.extras import with_grounding
from agentcost.ingest.apis.gemini_parts import holding, part_segments, renamed, runs_end, value_of
from agentcost.ingest.apis.openai_content import opening_client
from agentcost.ingest.apis.parameters import as_text
from agentcost.ingest.counts import count_of
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment, Usage
from agentcost.rendering import gemini_tool

_CONFIG = ("thinkingConfig", "maxOutputTokens", "responseMimeType", "responseModalities", "mediaResolution")
_SCHEMAS = ("responseSchema", "responseJsonSchema")
_ROLES = {"model": "assistant", "function": "tool"}
_STORED = ("ttl", "expireTime", "displayName")
"""Keys of content that is sent to be cached, which asks no model for anything."""


def owns(body: Body) -> bool:
    """A list of contents that have parts, and no sign that they are to be stored."""
    contents = body.get("contents")
    if any(holding(body, key) for key in _STORED):
        return False
    return isinstance(contents, list) and all(isinstance(item, dict) and "parts" in item for item in contents[:1])


def head(body: Body) -> list[Segment]:
    """Declared functions and built-in tools in their order, then the system instruction."""
    tools = body.get("tools")
    segments = [
        segment
        for tool in (tools if isinstance(tools, list) else ())
        if isinstance(tool, dict)
        for segment in _tool(tool)
    ]
    given = value_of(body, "systemInstruction")
    blocks = given.get("parts") if isinstance(given, dict) else given if isinstance(given, list) else [given]
    spot = Spot("system", "system")
    texts = [block if isinstance(block, str) else str(block.get("text") or "") for block in blocks or () if block]
    return segments + [found for text in texts for found in parts.text_segments(spot, Kind.SYSTEM, text)]


def _tool(tool: Body) -> list[Segment]:
    """One segment per declared function; a built-in tool or a server is one by itself."""
    spot = Spot("tools", "system")
    segments = []
    for key, value in tool.items():
        name = renamed(key)
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            own = str(entry.get("name") or name) if isinstance(entry, dict) else name
            exact = parts.canonical(entry if name == "functionDeclarations" else {name: _shown(entry)})
            declared = name == "functionDeclarations" and isinstance(entry, dict)
            server = own if name == "mcpServers" else ""
            text, exactly = (gemini_tool(entry), exact) if declared else (exact, "")
            segments.append(parts.tool_definition(spot, own, text, server=server, exact=exactly))
    return segments


def _shown(entry: Any) -> Any:
    """A server's entry without its transport, which holds headers and keys."""
    return {k: v for k, v in entry.items() if "ransport" not in k} if isinstance(entry, dict) else entry


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per content."""
    del start
    return [parts.close_message(_content(item, calls)) if isinstance(item, dict) else [] for item in items]


def _content(content: Body, calls: Calls) -> list[Segment]:
    role = _ROLES.get(str(content.get("role")), "user")
    blocks = [block for block in content.get("parts") or () if isinstance(block, dict)]
    segments: list[Segment] = []
    for number, block in enumerate(blocks):
        ends = Ends.BLOCK | Ends.TOOL_RUN if runs_end(blocks, number) else Ends.BLOCK
        segments += part_segments(Spot("messages", role, not segments, ends=ends), block, calls)
    own = Kind.ASSISTANT if role == "assistant" else Kind.USER
    return segments or [parts.segment(Spot("messages", role, True), own, "")]


def settings(body: Body) -> dict[str, str]:
    """What decides caching, tier and billing; the answer's schema by its digest."""
    config = value_of(body, "generationConfig")
    config = config if isinstance(config, dict) else {}
    found = {key: value_of(config, key) for key in _CONFIG}
    found |= {key: value_of(body, key) for key in ("cachedContent", "toolConfig", "serviceTier")}
    schema = next((value_of(config, key) for key in _SCHEMAS if value_of(config, key)), None)
    if schema:
        found["responseSchema"] = parts.digest_of(parts.canonical(schema)).hex()
    return as_text(found)


def identity(body: Body) -> Identity:
    """Session and user from the labels, the client from the system instruction."""
    labels = body.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    given = value_of(body, "systemInstruction")
    blocks = given.get("parts") if isinstance(given, dict) else None
    text = str(blocks[0].get("text") or "") if blocks and isinstance(blocks[0], dict) else ""
    return Identity(
        session=str(labels.get("session_id") or body.get("session_id") or ""),
        user=str(labels.get("user_id") or ""),
        client=opening_client(text),
    )


def answers(answer: Body) -> bool:
    """Candidates, or word that the prompt was blocked; no count and no cache entry."""
    if isinstance(answer.get("candidates"), list):
        return True
    return holding(answer, "promptFeedback") and holding(answer, "usageMetadata")


def usage(answer: Body) -> Usage | None:
    """Billed tokens: the prompt count includes the cached ones; what tools put into the prompt comes on top."""
    billed = value_of(answer, "usageMetadata")
    if not isinstance(billed, dict):
        return None
    prompt, total = _count(billed, "promptTokenCount"), _count(billed, "totalTokenCount")
    if prompt is None:
        return None
    prompt += _count(billed, "toolUsePromptTokenCount") or 0
    read = _count(billed, "cachedContentTokenCount") or 0
    written, thoughts = _count(billed, "candidatesTokenCount"), _count(billed, "thoughtsTokenCount")
    output: int | None = (written or 0) + (thoughts or 0)
    if written is None and thoughts is None:
        output = total - prompt if total is not None and total >= prompt else None
    found = Usage(plain=max(prompt, read) - read, read=read, output=output, reasoning=thoughts)
    return with_grounding(found, answer.get("candidates"), str(value_of(answer, "modelVersion") or ""), _media(billed))


def _media(billed: Body) -> Iterator[Body]:
    """The counts of what has a price of its own: audio in, all but text out."""
    for name, dear in (("promptTokensDetails", ("AUDIO",)), ("candidatesTokensDetails", ("AUDIO", "IMAGE", "VIDEO"))):
        details = value_of(billed, name)
        for one in details if isinstance(details, list) else ():
            if isinstance(one, dict) and one.get("modality") in dear:
                yield {"tokenCount": value_of(one, "tokenCount")}


def _count(billed: Body, key: str) -> int | None:
    return count_of(value_of(billed, key))


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The first candidate's content as it stands in the next prompt."""
    candidates = answer.get("candidates") or [{}]
    return elements([{**(candidates[0].get("content") or {}), "role": "model"}], 0, calls)[0]


def assemble(events: Sequence[Body]) -> Body:
    """Parts of each candidate in order, neighbouring texts joined; usage as the last chunks have it."""
    whole: Body = {}
    candidates: dict[int, Body] = {}
    for event in events:
        billed = {**(value_of(whole, "usageMetadata") or {}), **(value_of(event, "usageMetadata") or {})}
        whole.update({key: value for key, value in event.items() if key != "candidates" and value is not None})
        if billed:
            whole.pop("usage_metadata", None)
            whole["usageMetadata"] = billed
        for candidate in event.get("candidates") or ():
            known = candidates.setdefault(int(candidate.get("index") or 0), {"content": {"role": "model", "parts": []}})
            known.update({key: value for key, value in candidate.items() if key != "content"})
            _add_parts(known["content"]["parts"], (candidate.get("content") or {}).get("parts") or ())
    if candidates:
        whole["candidates"] = [candidates[index] for index in sorted(candidates)]
    return whole


def _add_parts(known: list[Body], more: Sequence[Body]) -> None:
    """A text goes on the text before it, unless that one is signed or of the other kind."""
    for part in more:
        last = known[-1] if known else {}
        joins = "text" in part and "text" in last and not value_of(last, "thoughtSignature")
        if joins and bool(part.get("thought")) == bool(last.get("thought")):
            known[-1] = {**last, **part, "text": str(last["text"]) + str(part["text"])}
        else:
            known.append(dict(part))


API = Api(
    name="gemini",
    provider="google",
    growing="contents",
    stable=("tools", "systemInstruction", "system_instruction"),
    owns=owns,
    head=head,
    elements=elements,
    settings=settings,
    identity=identity,
    answers=answers,
    usage=usage,
    answer=answer,
    assemble=assemble,
)
