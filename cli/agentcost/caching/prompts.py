"""A record's requests as a cache sees them: what shares one, how long prefixes are, which settings count, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from agentcost.cache.catalogue import policy_named
from agentcost.cache.families import policy_of
from agentcost.cache.keys import key_settings
from agentcost.cache.prompts import Prompt
from agentcost.cache.stripping import Rendered, strips
from agentcost.cache.told import Told
from agentcost.lineage import Standing
from agentcost.measuring.measure import KINDS, Measured
from agentcost.model import Kind, Knowledge, Request

_FIRST_TOKEN = 2.0
"""Seconds to the first token where the log does not tell."""

_IMAGES = KINDS.index(Kind.IMAGE)


class Asking(msgspec.Struct, frozen=True):
    """What the user chose: a policy for all, what shares a cache, and the gap of logs without times in seconds."""

    policy: str = ""
    scope_by: str = ""
    assumed_gap: float | None = None


class Given(NamedTuple):
    """What a request's settings say: by the names of salts, whether its clock is relative, and whether caching is
    asked for without a marker."""

    salts: Mapping[str, str]
    relative: bool
    automatic: bool


class Length(NamedTuple):
    """What rulers say of a request: tokens up to every node, those of its prompt, whether it has images, and what
    bills told of its ruler."""

    reach: Sequence[int]
    total: int
    images: bool
    told: Told


class _Settings(msgspec.Struct):
    """The settings of requests, each looked at once: requests with equal ones share what is made of them."""

    known: dict[tuple[str, tuple[tuple[str, str], ...], bool], Given] = {}

    def of(self, request: Request, *, images: bool) -> Given:
        key = request.model, request.settings, images
        found = self.known.get(key)
        if found is None:
            settings = request.settings
            found = self.known[key] = Given(
                key_settings(request.model, dict(settings), images=images), ("clock", "relative") in settings,
                any(name == "cache_control" for name, _ in settings),
            )  # fmt: skip
        return found


def prompts_of(
    requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking,
    seen: Rendered | None = None, told: Sequence[Told] = (),
) -> list[Prompt]:  # fmt: skip
    """One prompt per request, in their order; on the paths of `seen` for models that strip thinking.

    `told` are by ruler the lengths that bills tell: every prompt of a ruler looks them up in the one of it, and puts
    its own there where none was told before. They are to be settled before they count.
    """
    lengths, clock, settings = _lengths(len(requests), measured, seen, told), _Clock(asking.assumed_gap), _Settings()
    ttls: dict[str, str] = {}
    found = []
    for request, stand, (reach, total, images, bills) in zip(requests, standing, lengths, strict=True):
        given = settings.of(request, images=images)
        own = seen if seen and strips(request.model) else None
        start, first_token, end = clock.of(request, stand.session)
        marks = _marks(request, stand.session, ttls, automatic=given.automatic)
        leaf, answer = request.node, request.answer
        if own:
            marks = tuple((own.at(node, leaf), ttl) for node, ttl in marks)
            answer = None if answer is None else own.at(answer, leaf)
            leaf = own.at(leaf, leaf)
        billed = _known(request, marks)
        if billed:
            bills.lengths.setdefault(*billed)
        found.append(Prompt(
            _scope(request, stand, asking, relative=given.relative), request.model, leaf, total, start, first_token,
            end, reach, total - reach[leaf], billed, bills, marks, given.salts, answer,
            request.knowledge is Knowledge.COUNTS,
        ))  # fmt: skip
    return found


def _lengths(count: int, measured: Sequence[Measured], seen: Rendered | None, told: Sequence[Told]) -> list[Length]:
    """What rulers say of every request."""
    found = [Length((), 0, False, Told())] * count
    for group, known in zip(measured, told or [Told() for _ in measured], strict=True):
        own = group.reach.tolist()
        reach = seen.reach(own) if seen and strips(group.ruler.model) else own
        totals, images = group.kinds.sum(axis=1).tolist(), (group.kinds[:, _IMAGES] != 0).tolist()
        for row, total, has in zip(group.rows, totals, images, strict=True):
            found[row] = Length(reach, total, has, known)
    return found


class _Clock(msgspec.Struct):
    """When requests start. Without times the order is kept: nothing expires, unless a `gap` is assumed, which is then
    that between a request and the next of its session."""

    gap: float | None
    index: int = -1
    turns: Counter[str] = msgspec.field(default_factory=Counter)

    def of(self, request: Request, session: str) -> tuple[float, float, float]:
        """When the next request starts, has its first token, and ends."""
        self.index += 1
        if self.gap is not None:
            self.turns[session] += 1
        started, first_token, ended = request.started, request.first_token, request.ended
        if started is None:
            start = self.index * 1e-3 if self.gap is None else self.turns[session] * self.gap
            return start, start, start + _FIRST_TOKEN
        end = started + (_FIRST_TOKEN if ended is None else max(0.0, ended - started))
        wait = _FIRST_TOKEN if first_token is None else max(0.0, first_token - started)
        return started, min(end, started + wait), end


def _scope(request: Request, stand: Standing, asking: Asking, *, relative: bool) -> Hashable:
    """What shares a cache: everything of a provider, unless told; a file where ids are local to it.

    Transcripts of different sessions hide different prefixes: each is its own scope. So is what has another clock: a
    log with times relative to its start, or with none.
    """
    clock = "none" if request.started is None else "relative" if relative else ""
    if request.local_ids:
        return request.place.source, clock
    alone = request.knowledge is Knowledge.TRANSCRIPT or (clock == "none" and asking.assumed_gap is not None)
    shared = getattr(request, asking.scope_by, "") if asking.scope_by else ""
    source = request.place.source if clock == "relative" else ""
    return request.provider, stand.session if alone else "", shared, clock, source


def _marks(request: Request, session: str, ttls: dict[str, str], *, automatic: bool) -> tuple[tuple[int, str], ...]:
    """The breakpoints of a request. Where the bill tells of a cache and the log of no marker (transcripts, automatic
    caching), one stands behind the prompt, as clients set it; its time to live is that of the session's writes."""
    if request.breakpoints:
        return tuple([(mark.node, mark.ttl) for mark in request.breakpoints])
    usage = request.usage
    told = usage is not None and usage.classes_known and (usage.read or usage.writes)
    if not (automatic or (told and request.api == "anthropic")):
        return ()
    if usage and usage.writes:
        ttls[session] = "1h" if usage.write_1h else "5m"
    return ((request.node, ttls.get(session, "5m")),)


def _known(request: Request, marks: Sequence[tuple[int, str]]) -> tuple[int, int] | None:
    """The bill tells how many tokens lie up to the last breakpoint: what was read and written. Not where the cache
    keeps blocks, whatever markers a client sets: DeepSeek reads up to its own grid."""
    usage = request.usage
    if not marks or usage is None or not usage.classes_known or not usage.read + usage.writes:
        return None
    if not _at_breakpoints(request.provider, request.model, request.api):
        return None
    return marks[-1][0], usage.read + usage.writes


@cache
def _at_breakpoints(provider: str, model: str, api: str) -> bool:
    """Whether what is kept of a request with markers ends at them; so where no policy is known."""
    name = policy_of(provider, model, api, explicit=True)
    return name is None or policy_named(name).mechanism == "breakpoint"
