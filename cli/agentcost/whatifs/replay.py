"""A change of how requests are sent, replayed: what they would have read and written, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

import msgspec
from msgspec.structs import replace

from agentcost.cache.catalogue import policy_named
from agentcost.cache.placing import Placement, Places, placed
from agentcost.cache.policy import Multipliers, multipliers_of, ttl_of
from agentcost.cache.prompts import LEVELS, Prompt, Served
from agentcost.cache.simulate import simulate
from agentcost.lineage import Standing
from agentcost.model import ROOT, Knowledge, Request
from agentcost.whatifs.edits import Behind, Edit
from agentcost.whatifs.growing import Set
from agentcost.whatifs.scene import Ground, Scene, rewritten
from agentcost.whatifs.sides import with_sides
from agentcost.whatifs.unions import with_union

MARGIN = 0.9
"""A ping is sent when this share of the time to live is over."""


_KEPT = 3
"""Rewritten logs that are kept."""


class Markers(msgspec.Struct, frozen=True):
    """Markers that a client sets where a policy keeps message ends: by a rule, and with `only` there alone."""

    rule: Placement
    only: bool = False


class Change(msgspec.Struct, frozen=True):
    """What is done otherwise: paths rewritten, breakpoints placed by a rule (also where there were none:
    `everywhere`), `markers` beside message ends, another time to live (`head` for tools and system only), and up to
    so many `pings` in idle gaps."""

    edit: Edit = msgspec.field(default_factory=Edit)
    placement: Placement | None = None
    everywhere: bool = False
    ttl: str = ""
    head: bool = False
    pings: int = 0
    markers: Markers | None = None

    def __add__(self, other: Change) -> Change:
        """Both; where both place breakpoints or set a time to live, the other decides."""
        timed = other if other.ttl or other.pings else self
        ruled = other if other.placement else self
        return Change(
            self.edit + other.edit, ruled.placement, ruled.everywhere, timed.ttl, timed.head, timed.pings,
            other.markers or self.markers,
        )  # fmt: skip


class Outcome(msgspec.Struct, frozen=True):
    """What became of the chosen requests: by row what was served, and the sums with the pings that were sent.

    `cost` is in tokens of plain input; rows whose multipliers are not known are left out of all sums (`unpriced`).
    """

    served: Mapping[int, Served]
    cost: Decimal
    read: int
    written: int
    plain: int
    pings: int
    unpriced: int


@dataclass(slots=True)
class Stage:
    """The log as a place to replay changes: `chosen` rows count, all take part.

    `scenes` are the requests by edit, the unedited ones first; `next` is when the one that goes on from each starts.
    """

    scene: Scene
    ground: Ground
    requests: Sequence[Request]
    standing: Sequence[Standing]
    chosen: Sequence[int]
    scenes: dict[Edit, Scene] = field(default_factory=dict)
    places: dict[Edit, Places] = field(default_factory=dict)
    costs: dict[Change, Decimal] = field(default_factory=dict)
    headed: dict[tuple[bool, Behind], Set] = field(default_factory=dict)
    next: list[float | None] = field(init=False)

    def __post_init__(self) -> None:
        self.scenes[Edit()] = self.scene
        self.next = [None] * len(self.requests)
        for row, stand in enumerate(self.standing):
            if stand.before is not None:
                self.next[stand.before] = self.scene.prompts[row].start

    def cost(self, change: Change) -> Decimal:
        """What the log would cost, in tokens of plain input; replayed once."""
        found = self.costs.get(change)
        if found is None:
            found = self.costs[change] = self.outcome(change).cost
        return found

    def outcome(self, change: Change) -> Outcome:
        """A change replayed."""
        scene = self._scene(change.edit)
        prompts = self.marked(scene, change)
        served: dict[int, Served] = {}
        pinged: list[tuple[int, Served]] = []
        for name in sorted(set(scene.policies) - {""}):
            calls = self._calls(name, prompts, change.pings)
            results = simulate(policy_named(name), scene.shape, [prompt for _, prompt, _ in calls])
            for (row, _, ping), result in zip(calls, results, strict=True):
                if ping:
                    pinged.append((row, result))
                else:
                    served[row] = result
        return self._summed(served, pinged)

    def _calls(self, name: str, prompts: Sequence[Prompt], pings: int) -> list[tuple[int, Prompt, bool]]:
        """(row, prompt, whether it is a ping) of the requests under a policy, in the order of their start."""
        rows = [row for row, own in enumerate(self.scene.policies) if own == name]
        calls = [(row, prompts[row], False) for row in rows]
        times = [prompts[row].start for row in rows]
        if not pings or policy_named(name).mechanism == "best_effort" or times != sorted(times):
            return calls
        more = [(row, ping, True) for row in rows for ping in self._pings(row, prompts[row], name, pings)]
        return sorted(calls + more, key=lambda call: (call[1].start, call[2]))

    def _scene(self, edit: Edit) -> Scene:
        """The requests under an edit. Few are kept: each has a tree of its own."""
        found = self.scenes.get(edit)
        if found is None:
            if len(self.scenes) > _KEPT:
                oldest = list(self.scenes)[1]
                del self.scenes[oldest]
                self.places.pop(oldest, None)
            start = self._headed(edit)
            found = (
                start.scene if edit.heads and edit.rest == Edit() else rewritten(start.scene, start.ground, edit.rest)
            )
            self.scenes[edit] = found
        return found

    def _headed(self, edit: Edit) -> Set:
        """The requests with the heads of an edit. One such log is kept, it has a tree of its own."""
        key = edit.union, edit.behind
        if key not in self.headed:
            found = Set(self.scene, self.ground)
            if edit.union:
                found = with_union(found.scene, found.ground, self.standing)
            if edit.behind:
                found = with_sides(found.scene, found.ground, self.requests, self.standing, edit.behind)
            self.headed = {(False, ""): Set(self.scene, self.ground), key: found}
        return self.headed[key]

    def _places(self, edit: Edit) -> Places:
        found = self.places.get(edit)
        if found is None:
            found = self.places[edit] = Places(self._scene(edit).shape)
        return found

    # --- breakpoints ------------------------------------------------------------------------------------------

    def placeable(self, row: int) -> bool:
        """Whether a request's breakpoints are the client's to place, and are in the log where there are any."""
        name = self.scene.policies[row]
        known = self.requests[row].knowledge is Knowledge.FULL
        return bool(name) and known and policy_named(name).mechanism == "breakpoint"

    def markable(self, row: int) -> bool:
        """Whether a client may set markers beside the message ends that a request's policy keeps."""
        name = self.scene.policies[row]
        known = self.requests[row].knowledge is Knowledge.FULL
        return bool(name) and known and policy_named(name).mechanism == "endpoint"

    def _with_markers(self, scene: Scene, prompts: list[Prompt], change: Change, markers: Markers) -> None:
        """Markers stand behind what a client sends as a message: the opening ones too, never a tool or an answer."""
        shape = scene.shape
        for row in filter(self.markable, range(len(prompts))):
            limit = policy_named(scene.policies[row]).max_breakpoints - (not markers.only)
            prompt, asked = prompts[row], prompts[row].settings.get("cache_ttl", "")
            nodes = self._places(change.edit).nodes(markers.rule, prompt.leaf, limit)
            places = (node if shape.levels[node] < LEVELS["messages"] else shape.endings[node] for node in nodes)
            marks = tuple((node, asked) for node in dict.fromkeys(places)
                          if node != ROOT and shape.levels[node] > LEVELS["tools"])  # fmt: skip
            mode = {"cache_mode": "explicit" if markers.only else "implicit"}
            prompts[row] = replace(prompt, marks=marks, settings={**prompt.settings, **mode})

    def marked(self, scene: Scene, change: Change) -> list[Prompt]:
        """The prompts with the breakpoints, markers and times to live of a change."""
        prompts = list(scene.prompts)
        if change.markers:
            self._with_markers(scene, prompts, change, change.markers)
        if change.placement:
            rows = [row for row in range(len(prompts)) if self.placeable(row)
                    and (change.everywhere or scene.prompts[row].marks)]  # fmt: skip
            most = {name: policy_named(name).max_breakpoints for name in {scene.policies[row] for row in rows}}
            for name, limit in most.items():
                own = [row for row in rows if scene.policies[row] == name]
                marks = placed(self._places(change.edit), [prompts[row] for row in own], change.placement, limit)
                for row, found in zip(own, marks, strict=True):
                    prompts[row] = replace(prompts[row], marks=found)
        if change.ttl:
            prompts = [_with_ttl(scene, row, prompt, change) for row, prompt in enumerate(prompts)]
        return prompts

    # --- pings ------------------------------------------------------------------------------------------------

    def _pings(self, row: int, prompt: Prompt, name: str, most: int) -> list[Prompt]:
        """The request sent again for no answer, while nothing follows it: a conversation's, not a single call's."""
        policy = policy_named(name)
        ttl = ttl_of(policy, prompt.model, prompt.marks[-1][1] if prompt.marks else "")
        if ttl is None or (policy.mechanism == "breakpoint" and not prompt.marks):
            return []
        request, until = self.requests[row], self.next[row]
        single = self.standing[row].turn < 2 and until is None
        if request.started is None or request.role != "main" or single:
            return []
        times = [prompt.start + MARGIN * ttl.seconds * number for number in range(1, most + 1)]
        wait = max(0.0, prompt.first_token - prompt.start)
        return [
            replace(prompt, start=time, first_token=time + wait, end=time + wait, answer=None)
            for time in times
            if until is None or time < until
        ]

    # --- sums -------------------------------------------------------------------------------------------------

    def _summed(self, served: Mapping[int, Served], pinged: Sequence[tuple[int, Served]]) -> Outcome:
        chosen = set(self.chosen)
        sums: Counter[tuple[str, str, str]] = Counter()
        read = written = plain = 0
        rows = [(row, served[row]) for row in self.chosen if row in served and self.priced(row)]
        sent = [(row, result) for row, result in pinged if row in chosen and self.priced(row)]
        for row, result in [*rows, *sent]:
            key = self.scene.policies[row], self.requests[row].model
            sums[*key, "read"] += result.read
            sums[*key, "plain"] += result.plain
            for ttl, tokens in result.writes.items():
                sums[*key, f"write {ttl}"] += tokens
            read, written, plain = read + result.read, written + result.written, plain + result.plain
        cost = sum((tokens * (_times(*key) or Decimal(0)) for key, tokens in sums.items()), Decimal(0))
        return Outcome(dict(rows), cost, read, written, plain, len(sent), len(self.chosen) - len(rows))

    def priced(self, row: int) -> bool:
        """Whether the policy of a request says what its tokens cost, whatever becomes of them."""
        name = self.scene.policies[row]
        if not name:
            return False
        return prices(name, self.requests[row].model).read is not None


@cache
def prices(policy: str, model: str) -> Multipliers:
    """What tokens of a model cost under a policy."""
    return multipliers_of(policy_named(policy), model)


def _times(policy: str, model: str, what: str) -> Decimal | None:
    if what == "plain":
        return Decimal(1)
    times = prices(policy, model)
    return times.read if what == "read" else times.writes.get(what.removeprefix("write "))


def _with_ttl(scene: Scene, row: int, prompt: Prompt, change: Change) -> Prompt:
    """A prompt that asks for another time to live, where its policy has one of that name and a price for it."""
    name = scene.policies[row]
    times = prices(name, prompt.model).writes if name else {}
    if times.get(change.ttl) is None:
        return prompt
    asked = tuple(
        (node, change.ttl if not change.head or scene.shape.levels[node] < LEVELS["messages"] else ttl)
        for node, ttl in prompt.marks
    )
    if policy_named(name).mechanism == "endpoint":
        return replace(prompt, marks=asked, settings={**prompt.settings, "cache_ttl": change.ttl})
    return replace(prompt, marks=asked)
