"""A run summed up: small, text-free, versioned JSON that a change is compared with.

    {"kind": "agentcost baseline", "version": 2, "requests": 66, "figures": [...], "parts": [...], ...}

It names tools, MCP servers and models. It holds no text, no path, no user, no session and no time.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from agentcost.errors import AgentcostError
from agentcost.results import Ruler

KIND = "agentcost baseline"
VERSION = 2

PREFIX, HISTORY = "prefix", "history"


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named part of the prompts: a tool, a block of the system prompt, a memory file, the results of a tool.

    `size` is the most that one prompt holds of it, `place` its rank in the prompt from 1 (0: not in the usual one),
    `digest` tells texts apart ("" where there are many), `distinct` counts them. A `private` name is a path: it leaves
    as a digest.
    """

    section: str
    component: str
    name: str = ""
    server: str = ""
    size: int = 0
    place: int = 0
    distinct: int = 0
    digest: str = ""
    private: bool = False
    marks: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is the same part in another run, whether its name is still there or not."""
        return self.section, self.component, hidden_name(self.name) if self.private else self.name, self.server


class Payer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who was paid under which terms: tokens by class, what they cost in femtodollars, and the listed price of one.

    All is 0 where there is no price.
    """

    provider: str
    model: str
    terms: str = ""
    priced: bool = False
    requests: int = 0
    tokens: dict[str, int] = {}
    amounts: dict[str, int] = {}
    listed: dict[str, int] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Provider, model, terms."""
        return self.provider, self.model, self.terms


class Flow(msgspec.Struct, frozen=True, array_like=True):
    """Tokens of one class that a payer (its number) was paid for: of them those of the prefix, and the rest."""

    payer: int
    token_class: str
    prefix: int
    rest: int


class Stratum(msgspec.Struct, frozen=True, omit_defaults=True):
    """Requests of one role, with a price or without: their parts (tokens by number of the part) and flows."""

    role: str
    priced: bool
    requests: int
    parts: dict[int, int] = {}
    flows: tuple[Flow, ...] = ()


class Break(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was in a cache and not read, for one cause and by one block: `lost` tokens, their `cost` in femtodollars.

    `worst` is the place of the request that lost the most; it does not leave.
    """

    cause: str
    block: str = ""
    marks: tuple[str, ...] = ()
    requests: int = 0
    lost: int = 0
    cost: int = 0
    server: str = ""
    evidence: str = ""
    worst: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What is the same break in another run."""
        return self.cause, self.block


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure that a budget may limit, `of` something (a tool, a server, a cause, a threshold; "" for all).

    None is unknown, and `reason` says why. `culprit` is what it is mostly made of, `where` a place to look at:
    neither leaves.
    """

    metric: str
    value: Decimal | None
    of: str = ""
    basis: str = ""
    reason: str = ""
    culprit: str = ""
    where: str = ""


class Baseline(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run: how much of it there is, its figures, and what a difference to another is split by."""

    kind: str = KIND
    version: int = VERSION
    agentcost: str = ""
    requests: int = 0
    sessions: int = 0
    tasks: int = 0
    roles: dict[str, int] = {}
    static: bool = False
    unpriced_requests: int = 0
    unknown_outputs: int = 0
    figures: tuple[Figure, ...] = ()
    rulers: tuple[Ruler, ...] = ()
    parts: tuple[Part, ...] = ()
    payers: tuple[Payer, ...] = ()
    strata: tuple[Stratum, ...] = ()
    breaks: tuple[Break, ...] = ()

    def figure(self, metric: str, of: str = "") -> Figure | None:
        """A figure by its name; None where the run does not have it."""
        return next((one for one in self.figures if (one.metric, one.of) == (metric, of)), None)


_WORDS = {
    "tool_definitions": "tool", "mcp_tool_definitions": "tool", "memory_and_reminders": "memory", "skills": "skill",
}  # fmt: skip


def part_words(component: str, name: str) -> str:
    """`tool bash`, `system prompt block 2`, `memory CLAUDE.md`, `tool results of Read`."""
    word = _WORDS.get(component, component.replace("_", " "))
    if component in ("tool_results", "tool_calls", "file_contents") and name:
        return f"{word} of {name}"
    return f"{word} {name}".strip()


def hidden_name(name: str) -> str:
    """A path, or what a header says of the client, as it leaves: a digest that tells it from others."""
    if not name or name.startswith("#"):
        return name
    return "#" + hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def dump(baseline: Baseline) -> bytes:
    """The baseline as it is kept in a repository: a line per figure, part, payer, stratum and break."""
    kept = replace(
        baseline,
        figures=tuple(replace(figure, culprit="", where="") for figure in baseline.figures),
        parts=tuple(replace(part, name=part.key[2]) for part in baseline.parts),
        breaks=tuple(replace(one, evidence="", worst="") for one in baseline.breaks),
        rulers=tuple(replace(ruler, client=hidden_name(ruler.client)) for ruler in baseline.rulers),
    )
    fields = msgspec.to_builtins(kept, builtin_types=(Decimal,))
    lines = [f'"kind":"{KIND}"', f'"version":{VERSION}']
    for name, value in fields.items():
        if name not in ("kind", "version"):
            lines.append(f'"{name}":{_lines(value)}')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _lines(value: object) -> str:
    encoder = msgspec.json.Encoder(decimal_format="number")
    if isinstance(value, list | tuple) and value:
        return "[\n" + ",\n".join(encoder.encode(row).decode() for row in value) + "\n]"
    return encoder.encode(value).decode()


def is_baseline(head: bytes) -> bool:
    """Whether a file begins as a baseline does."""
    return KIND.encode() in head[:200]


class _Version(msgspec.Struct):
    version: int = 0


def load(content: bytes, name: str) -> Baseline:
    """The baseline in a file. AgentcostError where it is damaged, or of another version."""
    remake = f"make it again from its log: agentcost baseline LOG > {name}"
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version != VERSION:
            raise AgentcostError(f"{name}: a baseline of version {version}, this agentcost reads {VERSION}; {remake}")
        return msgspec.json.decode(content, type=Baseline)
    except msgspec.MsgspecError as error:
        raise AgentcostError(f"{name}: not a baseline that can be read ({error}); {remake}") from error
