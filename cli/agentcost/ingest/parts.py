"""Content blocks become segments: which component each piece of text belongs to, and its digest.

How each component is recognised:

- *MCP tools* by name: `mcp__server__tool` (Claude Code, Codex), `mcp_server__tool`… see `MCP_NAMES`; two
  underscores are the marker, so a plain tool named `mcp_x` is no MCP tool.
- *skills*: the `Skill` tool's definition and its results, and reminder blocks that list skills.
- *memory and reminders*: a block, or a run of whole lines in a user turn or tool result, that opens with a tag of
  `REMINDER_TAGS` at the start of a line and closes it at the end of one. A tag typed inside a sentence stays
  user text.
- *file contents*: results of a tool whose bare name is in `FILE_TOOLS`.
- *summaries*: text that opens as a compaction summary (`SUMMARY_OPENINGS`), or that the log marks as one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from agentcost.ingest.media import image_size, pdf_pages
from agentcost.model import Ends, Kind, Level, Segment

FILE_TOOLS = frozenset({
    "read", "read_file", "readfile", "read_many_files", "view", "view_file", "open_file", "cat", "notebookread",
    "get_file_contents", "read_text_file", "read_multiple_files", "read_resource", "fs_read", "readmcpresource",
    "file_read", "open",
})  # fmt: skip
"""Tools whose results are file contents, by bare lower-case name."""

SKILL_TOOLS = frozenset({"skill", "activate_skill", "use_skill", "load_skill"})

MCP_NAMES = (
    re.compile(r"mcp__(?P<server>.+?)__(?P<tool>.+)"),  # Claude Code, Codex, OpenCode
    re.compile(r"mcp_(?P<server>[A-Za-z0-9.-]+)__(?P<tool>.+)"),
    re.compile(r"mcp--(?P<server>.+?)--(?P<tool>.+)"),  # Roo Code
    re.compile(r"(?P<server>[A-Za-z0-9_.-]+?)__(?P<tool>[A-Za-z0-9].*)"),  # Gemini CLI: server__tool
)
"""How harnesses put a server's name into a tool's; two underscores divide them nearly everywhere."""

REMINDER_TAGS = (
    "system-reminder",
    "environment_context",
    "environment_details",
    "user_instructions",
    "INSTRUCTIONS",
    "session_context",
)

_REMINDER = re.compile(
    r"^[ \t]*<(?P<tag>" + "|".join(REMINDER_TAGS) + r")>.*?</(?P=tag)>[ \t]*$\n?", re.DOTALL | re.MULTILINE
)
_MEMORY_FILE = re.compile(r"\b((?:[A-Za-z]+\.)?(?:CLAUDE|AGENTS|GEMINI|MEMORY)(?:\.local)?\.md)\b")
_SKILL_LISTS = ("<available_skills>", "following skills are available")
_CLOSING_TAGS = tuple(f"</{tag}>" for tag in REMINDER_TAGS)

_HOLD_REMINDERS = frozenset({Kind.USER, Kind.TOOL_RESULT, Kind.FILE})

SUMMARY_OPENINGS = (
    "This session is being continued from a previous conversation",
    "The conversation history before this point was compacted into the following summary:",
    "Another language model started to solve this problem and produced a summary",
)

_LEAD = 1000
"""Characters of earlier text that decide how the next piece is tokenized; see `_clip`."""


def digest_of(*parts: str | bytes) -> bytes:
    """16 bytes over length-framed parts: collision-resistant, the same on every machine."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        piece = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(piece).to_bytes(8, "little"))
        state.update(piece)
    return state.digest()


def canonical(value: Any) -> str:
    """A JSON value as compact text: white space and escapes normalised, key and list order kept."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate, as real logs hold them
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unordered(text: str) -> bytes:
    """A digest of a JSON object or list whatever the order of keys and the white space in it; b"" of other text."""
    if not text.startswith(("{", "[")):
        return b""
    try:
        value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
        return digest_of(msgspec.json.encode(value, order="sorted"))
    except (ValueError, RecursionError):  # cut off, half a surrogate pair: it is only equal to itself
        return b""


def unordered_of(segment: Segment) -> bytes:
    """The same of a segment that is sent as JSON: equal ones are the same thing with its keys in another order."""
    own, text = segment.sent
    form = unordered(text)
    place = segment.level, segment.role, segment.kind, str(segment.opens_message), segment.name, segment.server, own
    return digest_of(*place, form) if form else b""


class Spot(msgspec.Struct):
    """Where a block stands: its level, role, and whether it opens its message; `breakpoint` behind it."""

    level: Level
    role: str
    opens: bool = False
    breakpoint: str = ""
    ends: Ends = Ends.BLOCK


def segment(spot: Spot, kind: Kind, text: str, *, name: str = "", server: str = "", lead: str = "",
            identity: str | bytes = b"", media: str = "", tokens: int | None = None,
            sent: tuple[str, str] = ("", "")) -> Segment:  # fmt: skip
    """One segment; `identity` is what the provider sees beside the text (a call id, a signature…)."""
    head = f"{spot.level} {spot.role} {kind} {spot.opens} {len(name)} {len(server)} {len(lead)} {len(text)} "
    seen = (head + name + server + lead + text).encode("utf-8", "surrogatepass")
    if identity:
        seen += identity.encode("utf-8", "surrogatepass") if isinstance(identity, str) else identity
    return Segment(
        spot.level, spot.role, kind, hashlib.blake2b(seen, digest_size=16).digest(), text, name, server,
        _clip(lead) if lead else "", spot.opens, spot.ends, media, tokens, spot.breakpoint, sent,
    )  # fmt: skip


def _clip(lead: str) -> str:
    """The end of the lead that can matter: from a line start (a sure token edge) at least `_LEAD` back."""
    at = len(lead) - _LEAD
    while at > 0:
        at = lead.rfind("\n", 0, at)
        if at >= 0 and lead[at + 1].isalpha():
            return lead[at + 1 :]
    return lead


class Piece(msgspec.Struct):
    """A stretch of one text block that belongs to one component."""

    kind: Kind
    text: str
    name: str = ""
    server: str = ""


def text_segments(
    spot: Spot, kind: Kind, text: str, *, name: str = "", server: str = "", identity: str = ""
) -> list[Segment]:
    """A text block, split where reminders stand in it. No text is lost: the pieces join to the block."""
    if kind is Kind.USER and text.startswith(SUMMARY_OPENINGS):
        kind = Kind.SUMMARY
    if not _may_hold_reminders(kind, text):
        return [segment(spot, kind, text, name=name, server=server, identity=identity)]
    return joined(spot, list(_pieces(kind, text, name, server)), identity)


def joined(spot: Spot, pieces: Sequence[Piece], identity: str = "") -> list[Segment]:
    """The segments of one block's pieces: each is led by what stands before it; the last ends what the block ends."""
    segments, lead = list[Segment](), ""
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        here = Spot(
            spot.level, spot.role, spot.opens and number == 0, spot.breakpoint if last else "",
            spot.ends if last else Ends.NOTHING,
        )  # fmt: skip
        segments.append(
            segment(here, piece.kind, piece.text, name=piece.name, server=piece.server, lead=lead, identity=identity)
        )
        lead += piece.text
    return segments


def _may_hold_reminders(kind: Kind, text: str) -> bool:
    """A look at closing tags only."""
    return kind in _HOLD_REMINDERS and "</" in text and any(tag in text for tag in _CLOSING_TAGS)


def _pieces(kind: Kind, text: str, name: str, server: str) -> Iterator[Piece]:
    at = 0
    for found in _REMINDER.finditer(text):
        if found.start() > at:
            yield Piece(kind, text[at : found.start()], name, server)
        yield reminder(found.group())
        at = found.end()
    if at < len(text) or at == 0:
        yield Piece(kind, text[at:], name, server)


def reminder(text: str) -> Piece:
    """What a reminder holds: a list of skills, a memory file (by its name), or a reminder proper."""
    if any(opening in text for opening in _SKILL_LISTS):
        return Piece(Kind.SKILL, text, "skill list")
    file = _MEMORY_FILE.search(text) if ".md" in text else None
    return Piece(Kind.MEMORY, text, file.group(1) if file else "reminder")


def split_mcp(name: str) -> tuple[str, str]:
    """(server, bare tool) of an MCP tool's name; ("", name) of any other."""
    for pattern in MCP_NAMES:
        found = pattern.fullmatch(name)
        if found:
            return found["server"], found["tool"]
    return "", name


def tool_definition(spot: Spot, name: str, text: str, *, server: str = "", lead: str = "", exact: str = "") -> Segment:
    """A tool's schema as the model sees it; `exact` is its JSON where that is not the text: a cache may see it."""
    server = server or split_mcp(name)[0]
    kind = Kind.MCP_TOOL if server else Kind.SKILL if name.lower() in SKILL_TOOLS else Kind.TOOL
    found = segment(spot, kind, text, name=name, server=server, lead=lead, sent=("", exact or text))
    return replace(found, digest=digest_of(found.digest, exact)) if exact else found


def tool_call(spot: Spot, name: str, arguments: str, call_id: str = "", *, text: str = "") -> Segment:
    """A tool call of the assistant: its name and arguments are text (or `text` is), its id is identity."""
    shown = text or f"{name}\n{arguments}"
    server = split_mcp(name)[0]
    return segment(spot, Kind.TOOL_CALL, shown, name=name, server=server, identity=call_id, sent=(call_id, arguments))


def state(spot: Spot, opaque: str) -> Segment:
    """Reasoning as a provider hands it out encrypted: its length tells about how long it is."""
    return segment(spot, Kind.THINKING, "", identity=opaque, media=f"state {len(opaque)}")


def result_kind(tool: str) -> Kind:
    """File contents or a plain tool result, by the tool that gave it."""
    bare = split_mcp(tool)[1].lower()
    if bare in SKILL_TOOLS:
        return Kind.SKILL
    return Kind.FILE if bare in FILE_TOOLS else Kind.TOOL_RESULT


def tool_result(spot: Spot, tool: str, text: str, call_id: str = "") -> list[Segment]:
    """A tool's result, reminders in it apart. An unknown tool has no name."""
    return text_segments(spot, result_kind(tool), text, name=tool, server=split_mcp(tool)[0], identity=call_id)


def image(spot: Spot, payload: str, detail: str = "") -> Segment:
    """An image: `payload` is base64 or a reference; its size is read from the bytes where they are there."""
    size = image_size(payload)
    words = ["image", f"{size[0]}x{size[1]}" if size else "", detail]
    return segment(spot, Kind.IMAGE, "", identity=payload, media=" ".join(word for word in words if word))


def document(spot: Spot, payload: str, pages: int | None = None) -> Segment:
    """A document sent as bytes; its pages are counted in a PDF's bytes where they are there."""
    found = pages if pages is not None else pdf_pages(payload)
    return segment(spot, Kind.DOCUMENT, "", identity=payload, media=f"document {found}" if found else "document")


def close_message(segments: list[Segment]) -> list[Segment]:
    """The same segments, the last of them marked as the end of its message."""
    if segments:
        segments[-1] = replace(segments[-1], ends=segments[-1].ends | Ends.MESSAGE)
    return segments


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in a string. ValueError where it holds none."""
    value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
