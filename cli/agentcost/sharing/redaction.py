"""A record that can be given away: every digest re-keyed by a salt, every name that tells whose it is hashed."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from agentcost.errors import UsageError
from agentcost.model import Breakpoint, Place, Request, Skipped
from agentcost.prefix import Entry, Tree
from agentcost.record import Log, Record
from agentcost.sharing import wellknown

KEEPABLE: dict[str, str] = {
    "users": "users",
    "paths": "logs, projects, and names of files in prompts",
    "tools": "custom tools, skills and MCP servers",
    "labels": "tasks and labels",
}
"""What may be left as it is, and which names that are."""

UNREADABLE = "could not be read in the log that was redacted"
_SHORTEST_SALT = 16
_COST = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_RUN = 8
"""Bytes of the digest of a 64-byte run of text."""


def key_of(salt: bytes) -> bytes:
    """The key that a salt gives; white space around it does not count. UsageError for one that could be guessed."""
    salt = salt.strip()
    if len(salt) < _SHORTEST_SALT:
        raise UsageError(
            f"the salt has {len(salt)} bytes, and fewer than {_SHORTEST_SALT} can be guessed; make one with: "
            "openssl rand -hex 32"
        )
    return hashlib.blake2b(salt, digest_size=32, person=b"agentcost redact").digest()


class Hiding(msgspec.Struct):
    """Names as hashes of a key: one name is one hash wherever it stands. `hidden` are what was hashed, by what it
    names, `kept` what was not."""

    key: bytes
    keep: frozenset[str] = frozenset()
    hidden: dict[str, dict[str, str]] = {}
    kept: dict[str, set[str]] = {}

    def digest(self, content: bytes, size: int = 16) -> bytes:
        """What stands for a digest."""
        return hashlib.blake2b(content, digest_size=size, key=self.key).digest()

    def name(self, what: str, text: str, kept: str = "", size: int = 6) -> str:
        """What stands for a name, with a hash of `size` bytes; the name itself where its sort is kept."""
        if not text:
            return ""
        if kept and kept in self.keep:
            return self.keeping(what, text)
        known = self.hidden.setdefault(what, {})
        if text not in known:
            known[text] = f"{what}-{self.digest(f'{what} {text}'.encode('utf-8', 'surrogatepass'), size).hex()}"
        return known[text]

    def keeping(self, what: str, text: str) -> str:
        """The name as it is."""
        self.kept.setdefault(what, set()).add(text)
        return text


def hidden_record(record: Record, hiding: Hiding) -> Record:
    """The record without what tells whose it is: it evaluates as the record does, but for names."""
    sources = _sources(record, hiding)
    tree = _tree(record.tree, hiding)
    found = Record(
        tree, [], [_log(log, sources, hiding) for log in record.logs],
        [Skipped(_place(skip.place, sources), UNREADABLE) for skip in record.skipped],
        Counter({sources[name]: count for name, count in record.duplicates.items()}),
    )  # fmt: skip
    paths = tree.digests()
    for request in record.requests:
        found.add(_request(request, _id(request, paths[request.node], hiding), sources, hiding))
    return found


def _sources(record: Record, hiding: Hiding) -> dict[str, str]:
    """What stands for every log. Their order is kept: that of requests without a time is theirs."""
    names = {log.name for log in record.logs} | {request.place.source for request in record.requests}
    names |= {skip.place.source for skip in record.skipped} | set(record.duplicates)
    if "paths" in hiding.keep:
        return {name: hiding.keeping("log", name) for name in names}
    width = len(str(len(names)))
    return {name: f"{at:0{width}}-{hiding.name('log', name)}" for at, name in enumerate(sorted(names), 1)}


def _place(place: Place, sources: Mapping[str, str]) -> Place:
    return replace(place, source=sources[place.source])


def _log(log: Log, sources: Mapping[str, str], hiding: Hiding) -> Log:
    others: Counter[str] = Counter()
    for what, count in log.others.items():
        others[what if wellknown.is_record(what) else hiding.name("record", what)] += count
    return replace(log, name=sources[log.name], others=dict(others))


# --- the tree ------------------------------------------------------------------------------------------------------


def _tree(tree: Tree, hiding: Hiding) -> Tree:
    entries = [_entry(entry, hiding) for entry in tree.entries]
    found = Tree(entries, array("q", tree.parents), array("q", tree.segments), array("b", tree.ends))
    found.by_digest = {entry.digest: number for number, entry in enumerate(entries)}
    found.children = dict(tree.children)
    return found


def _entry(entry: Entry, hiding: Hiding) -> Entry:
    runs = entry.runs
    server = hiding.name("server", entry.server, "tools")
    return Entry(
        hiding.digest(entry.digest), entry.level, _role(entry.role, hiding), entry.kind, _part(entry, hiding), server,
        entry.opens_message, wellknown.media_of(entry.media), entry.tokens, entry.size, entry.characters, (-1, 0, 0),
        b"".join(hiding.digest(runs[at : at + _RUN], _RUN) for at in range(0, len(runs), _RUN)), entry.marks,
        dict(entry.counts), hiding.digest(entry.unordered) if entry.unordered else b"",
    )  # fmt: skip


def _part(entry: Entry, hiding: Hiding) -> str:
    """The name of a tool, a skill, a file or a block."""
    name = entry.name
    if entry.kind in wellknown.TOOLED:
        known = wellknown.is_tool(name, entry.server)
        return hiding.keeping("tool", name) if name and known else hiding.name("tool", name, "tools")
    return name if name in wellknown.PARTS else hiding.name("part", name, "paths")


def _role(role: str, hiding: Hiding) -> str:
    return role if role in wellknown.ROLES else hiding.name("role", role)


# --- requests ------------------------------------------------------------------------------------------------------


def _request(request: Request, own: str, sources: Mapping[str, str], hiding: Hiding) -> Request:
    provider, client = request.provider, request.client
    known = wellknown.is_provider(provider)
    return replace(
        request,
        place=_place(request.place, sources),
        id=own,
        provider=hiding.keeping("provider", provider) if provider and known else hiding.name("provider", provider),
        model=_model(request.model, hiding),
        session=hiding.name("session", request.session, size=8),
        user=hiding.name("user", request.user, "users"),
        project=hiding.name("project", request.project, "paths"),
        client=hiding.keeping("client", client) if client in wellknown.CLIENTS else hiding.name("client", client),
        task=hiding.name("task", request.task, "labels"),
        role=_role(request.role, hiding),
        tier=_words(request.tier, hiding),
        breakpoints=tuple(Breakpoint(mark.node, _words(mark.ttl, hiding)) for mark in request.breakpoints),
        recorded_cost=request.recorded_cost if _COST.fullmatch(request.recorded_cost) else "",
        settings=tuple((name, _setting(value, hiding)) for name, value in request.settings),
        labels=tuple((_label(name, hiding), hiding.name("label", value, "labels")) for name, value in request.labels),
    )


def _model(model: str, hiding: Hiding) -> str:
    public = wellknown.public_part(model)
    rest = hiding.name("owner", model) if public.endswith((":", "/")) else ""
    return hiding.keeping("model", public + rest) if model else ""


def _label(name: str, hiding: Hiding) -> str:
    return name if name in wellknown.LABELS else hiding.name("field", name, "labels").replace("-", "_")


def _id(request: Request, path: bytes, hiding: Hiding) -> str:
    """The provider's id hashed; else what makes a call of an unnamed log one, so that its copies stay one."""
    if request.id:
        return hiding.name("id", request.id, size=8)
    place = request.place
    own = repr((place.source, place.offset, place.line, path, request.started, request.usage))
    return f"call-{hiding.digest(own.encode('utf-8', 'surrogatepass'), 8).hex()}"


# --- settings ------------------------------------------------------------------------------------------------------

_MOST_WORDS, _DEEPEST = 3, 2


def _setting(value: str, hiding: Hiding) -> str:
    """A setting whose own words stay and whose other words are hashed, so that equal ones stay equal."""
    if value[:1] not in ("{", "["):
        return _words(value, hiding)
    try:
        found: object = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError):
        return hiding.name("text", value)
    hidden = _inner(found, hiding, 0)
    return value if hidden == found else msgspec.json.encode(hidden).decode()


def _words(value: str, hiding: Hiding) -> str:
    words = value.split(" ")
    if len(words) > _MOST_WORDS:
        return hiding.name("text", value)
    return " ".join(word if wellknown.is_setting(word) else hiding.name("text", word) for word in words)


def _inner(value: object, hiding: Hiding, depth: int) -> object:
    if isinstance(value, str):
        return _words(value, hiding)
    if isinstance(value, dict | list) and depth > _DEEPEST:
        return hiding.name("text", msgspec.json.encode(value).decode())
    if isinstance(value, dict):
        return {_words(str(key), hiding): _inner(inner, hiding, depth + 1) for key, inner in value.items()}
    return [_inner(inner, hiding, depth + 1) for inner in value] if isinstance(value, list) else value
