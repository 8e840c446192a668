"""The words of agentcost: segments, usage, requests, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntFlag, StrEnum
from typing import Literal

import msgspec

Level = Literal["tools", "system", "messages"]

ROOT = 0
"""The node of the empty prefix."""

MOST_TOKENS = 10**12
"""No request has as many tokens, and no bill: a larger number means something else."""


class Kind(StrEnum):
    """The component a token of a prompt belongs to. Every token belongs to exactly one."""

    SYSTEM = "system prompt"
    TOOL = "tool definitions"
    MCP_TOOL = "MCP tool definitions"
    SKILL = "skills"
    MEMORY = "memory and reminders"
    USER = "user text"
    ASSISTANT = "assistant text"
    THINKING = "thinking"
    TOOL_CALL = "tool calls"
    TOOL_RESULT = "tool results"
    FILE = "file contents"
    IMAGE = "images"
    DOCUMENT = "documents"
    SUMMARY = "summaries"
    BLOCK = "hashed blocks"
    HIDDEN = "hidden"
    OVERHEAD = "template overhead"
    UNEXPLAINED = "unexplained"
    UNKNOWN = "not in the log"


class Knowledge(StrEnum):
    """How much of a prompt a log holds."""

    FULL = "full"
    TRANSCRIPT = "transcript"
    BLOCKS = "blocks"
    COUNTS = "counts"


class Basis(StrEnum):
    """What a token figure rests on."""

    EXACT = "exact"
    CALIBRATED = "calibrated"
    ESTIMATED = "estimated"


class Ends(IntFlag):
    """What a segment is the last piece of; cache policies may cut only there."""

    NOTHING = 0
    BLOCK = 1
    TOOL_RUN = 2
    MESSAGE = 4
    LEVEL = 8


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A volatile thing in a segment's text (a timestamp, a UUID…): `start` and `length` in characters."""

    what: str
    start: int
    length: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A piece of prompt that belongs to one component.

    `text` is what a tokenizer sees; `lead` is the text of the same content block before it, so that
    tokens(lead + text) - tokens(lead) is its count and splitting a block never changes the sum.
    `digest` (16 bytes) is of the canonical form: equal digests are the same content in the same place.
    `tokens` is set only where the log itself gives the length (hashed blocks). `media` tells what a
    tokenizer cannot: `image 1024x768 high`, `image` (size unknown), `document 3` (pages).
    `breakpoint` is the time to live of a cache marker behind this segment (`5m`, `1h`), not in the digest.
    `sent` is (id, JSON) of what is sent as JSON whose keys may come in any order: a tool, a call.
    """

    level: Level
    role: str
    kind: Kind
    digest: bytes
    text: str = ""
    name: str = ""
    server: str = ""
    lead: str = ""
    opens_message: bool = False
    ends: Ends = Ends.BLOCK
    media: str = ""
    tokens: int | None = None
    breakpoint: str = ""
    sent: tuple[str, str] = ("", "")


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What the provider billed, in disjoint classes: read + writes + plain = prompt. None is unknown.

    `output` includes `reasoning`, as every provider bills it. `output_is_lower_bound` marks logs that were
    written before the answer had ended. Where `classes_known` is not set only the sum is: it stands in `plain`.
    `searches` of the web and of files are charged beside tokens; `media` of the tokens are of audio or of images made.
    """

    plain: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    write: int = 0
    output: int | None = None
    reasoning: int | None = None
    output_is_lower_bound: bool = False
    classes_known: bool = True
    searches: int = 0
    file_searches: int = 0
    media: int = 0

    def recounted(self, plain: int, read: int = 0, write_5m: int = 0, write_1h: int = 0, write: int = 0) -> Usage:
        """The bill with its prompt in other classes; what is billed beside the prompt stays."""
        counts = {"plain": plain, "read": read, "write_5m": write_5m, "write_1h": write_1h, "write": write}
        return msgspec.structs.replace(self, **counts, classes_known=True)

    @property
    def writes(self) -> int:
        """Tokens written to the cache, whatever their time to live."""
        return self.write_5m + self.write_1h + self.write

    @property
    def prompt(self) -> int:
        """The whole input: read + writes + plain."""
        return self.plain + self.read + self.write_5m + self.write_1h + self.write


class Breakpoint(msgspec.Struct, frozen=True, gc=False):
    """A cache marker the client set: the node it stands on and its time to live."""

    node: int
    ttl: str = "5m"


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a record lies: the file as the user named it, the line from 1, the byte offset and length.

    Line 0 is the file as a whole.
    """

    source: str
    line: int
    offset: int = 0
    length: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Request(msgspec.Struct, frozen=True, gc=False):
    """A model call: a leaf of the prefix tree, and what the tree does not say.

    Times are seconds since the epoch (UTC), None where the log does not tell. `node` is the last segment
    of the prompt, `answer` the last of the answer grown behind it (None when the log has no answer).
    `id` is the provider's own id, by which repeats of one call are recognised; "" when there is none.
    `role` is `main`, `side` (titles, probes, summaries) or `subagent`. `local_ids` is set where block
    identities mean something only inside one file or session: requests then share a cache only within it.
    """

    place: Place
    format: str
    knowledge: Knowledge
    provider: str
    model: str
    node: int
    api: str = ""
    id: str = ""
    session: str = ""
    user: str = ""
    project: str = ""
    client: str = ""
    task: str = ""
    role: str = "main"
    tier: str = ""
    started: float | None = None
    first_token: float | None = None
    ended: float | None = None
    naive_time: bool = False
    usage: Usage | None = None
    recorded_cost: str = ""
    answer: int | None = None
    finished: bool = True
    breakpoints: tuple[Breakpoint, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    local_ids: bool = False


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A record that should have been a request and could not be read: why, and what to do."""

    place: Place
    reason: str


class Other(msgspec.Struct, frozen=True, gc=False):
    """A record that is no request: a title, a tool's progress, a count call."""

    place: Place
    what: str


Item = Request | Skipped | Other
"""What a reader makes of one record; every record of a log becomes exactly one."""

Grow = Callable[[int, Sequence[Segment], str], list[int]]
"""grow(node, segments, model) -> the node behind each segment, for a path that goes on from `node`.

The model tells which tokenizer has to have counted the text before it is let go."""
