"""A record's requests as a cache sees them, simulated under policies, compared with the bill, and diagnosed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from agentcost.cache.catalogue import load_policies, policy_named
from agentcost.cache.causes import Miss, Pair, diagnose
from agentcost.cache.families import policy_of
from agentcost.cache.policy import Policy
from agentcost.cache.simulate import LEVELS, Prompt, Served, Shape, simulate
from agentcost.cache.touches import branches_of, heaviest_children
from agentcost.ingest.parts import json_object
from agentcost.lineage import Standing
from agentcost.measure import KINDS, Measured
from agentcost.model import ROOT, Ends, Kind, Knowledge, Request
from agentcost.prefix import Tree, shared_bytes

_TOOL_BLOCKS = frozenset({Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.FILE})
_READERS = frozenset({"user", "tool", "function", "developer", "system"})
"""Roles whose messages end a prompt: an endpoint may stand behind them."""

_FIRST_TOKEN = 2.0
"""Seconds to the first token where the log does not tell."""

_SIBLINGS = 8
_LEAST = 64
"""Tokens from which on what was not read is a miss: less is rounding of block sizes and of rulers."""

BOUND = replace(
    policy_named("vllm"), name="content", title="any cache", grid=None, minimum=0, salts=(), visible="first_token",
    hit_probability=1.0, ttls=(), caches_answer=True,
)  # fmt: skip
"""What content alone allows: everything that an earlier request of the same model began with."""


@dataclass(frozen=True, slots=True)
class Run:
    """The requests of a record under the policies they fell under: what was served, and what was missed and why.

    Every list is by request. `policies` names the policy ("" where none is known: `served` is None there),
    `bounds` what content alone allowed, `misses` the primary cause (None: nothing was lost), `reads` the tokens
    read, as billed where that is known, else simulated. `warm` are tokens read that the log cannot explain.
    """

    policies: list[str]
    served: list[Served | None]
    bounds: list[int]
    reads: list[int | None]
    warm: list[int]
    misses: list[Miss | None]
    shape: Shape
    prompts: list[Prompt]


@dataclass(frozen=True, slots=True)
class Asking:
    """What the user chose: a policy for all, what shares a cache, and the gap of logs without times in seconds."""

    policy: str = ""
    scope_by: str = ""
    assumed_gap: float | None = None


def shape_of(tree: Tree) -> Shape:
    """The tree as caches see it."""
    count = len(tree)
    levels, runs = [0] * count, [False] * count
    endings, opening = [ROOT] * count, [ROOT] * count
    for node in range(1, count):
        entry, parent, ends = tree.entry(node), tree.parents[node], tree.ends[node]
        levels[node] = LEVELS[entry.level]
        runs[node] = entry.kind in _TOOL_BLOCKS and entry.level == "messages"
        eligible = ends & Ends.MESSAGE and entry.role in _READERS and (entry.role != "tool" or ends & Ends.TOOL_RUN)
        endings[node] = node if eligible else endings[parent]
        opening[node] = node if levels[node] < 2 and opening[parent] == parent else opening[parent]
    siblings = _siblings(tree)
    return Shape(
        tree.parents, levels, tree.ends, runs, endings, opening,
        branches_of(tree.parents, heaviest_children(tree.parents)), siblings, _shared(tree, siblings),
    )  # fmt: skip


def _siblings(tree: Tree) -> dict[int, list[int]]:
    """The latest children of every node that has several, if their texts may begin alike."""
    children: dict[int, list[int]] = {}
    for node in range(1, len(tree)):
        children.setdefault(tree.parents[node], []).append(node)
    return {parent: found[-_SIBLINGS:] for parent, found in children.items() if len(found) > 1}


def _shared(tree: Tree, siblings: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], float]:
    """The share of a node's text that a sibling begins with, where that is more than nothing."""
    found: dict[tuple[int, int], float] = {}
    for nodes in siblings.values():
        for node in nodes:
            own = tree.entry(node)
            for other in nodes:
                alike = shared_bytes(own.runs, tree.entry(other).runs) if other != node else 0
                if alike:
                    found[node, other] = min(1.0, alike / max(1, own.size))
    return found


def prompts_of(
    requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking
) -> list[Prompt]:
    """One prompt per request, in their order."""
    rulers: dict[int, tuple[Measured, int]] = {
        row: (group, number) for group in measured for number, row in enumerate(group.rows)
    }
    reaches = {id(group): group.reach.tolist() for group in measured}
    clock = _clock(requests, standing, asking.assumed_gap)
    ttls: dict[str, str] = {}
    found = []
    for index, request in enumerate(requests):
        group, number = rulers[index]
        total = int(group.kinds[number].sum())
        start = clock[index]
        end = start + max(0.0, (request.ended or 0) - (request.started or 0)) if request.ended else start + _FIRST_TOKEN
        marks = _marks(request, standing[index].session, ttls)
        found.append(
            Prompt(
                scope=_scope(request, standing[index], asking),
                model=request.model,
                leaf=request.node,
                total=total,
                start=start,
                first_token=min(end, start + _first_token(request)) if request.started is not None else start,
                end=end,
                reach=reaches[id(group)],
                offset=total - int(group.reach[request.node]),
                known=_known(request, marks),
                marks=marks,
                settings=_settings(request, bool(group.kinds[number][KINDS.index(Kind.IMAGE)])),
                answer=request.answer,
            )
        )
    return found


def _first_token(request: Request) -> float:
    if request.first_token is not None and request.started is not None:
        return max(0.0, request.first_token - request.started)
    return _FIRST_TOKEN


def _clock(requests: Sequence[Request], standing: Sequence[Standing], gap: float | None) -> list[float]:
    """When each request starts. Without times the order is kept: nothing expires, unless a gap is assumed, which is
    then that between a request and the next of its session."""
    turns: Counter[str] = Counter()
    found = []
    for index, (request, stand) in enumerate(zip(requests, standing, strict=True)):
        turns[stand.session] += 1
        assumed = index * 1e-3 if gap is None else turns[stand.session] * gap
        found.append(assumed if request.started is None else request.started)
    return found


def _scope(request: Request, stand: Standing, asking: Asking) -> Hashable:
    """What shares a cache: everything of a provider, unless told; a file where ids are local to it.

    Transcripts of different sessions hide different prefixes: each is its own scope. So is what has another clock: a
    log with times relative to its start, or with none.
    """
    clock = "none" if request.started is None else "relative" if ("clock", "relative") in request.settings else ""
    if request.local_ids:
        return request.place.source, clock
    alone = request.knowledge is Knowledge.TRANSCRIPT or (clock == "none" and asking.assumed_gap is not None)
    shared = getattr(request, asking.scope_by, "") if asking.scope_by else ""
    source = request.place.source if clock == "relative" else ""
    return request.provider, stand.session if alone else "", shared, clock, source


def _marks(request: Request, session: str, ttls: dict[str, str]) -> tuple[tuple[int, str], ...]:
    """The breakpoints of a request. Where the bill tells of a cache and the log of no marker (transcripts, automatic
    caching), one stands behind the prompt, as clients set it; its time to live is that of the session's writes."""
    if request.breakpoints:
        return tuple((mark.node, mark.ttl) for mark in request.breakpoints)
    usage = request.usage
    automatic = any(name == "cache_control" for name, _ in request.settings)
    told = usage is not None and usage.classes_known and (usage.read or usage.writes)
    if not (automatic or (told and request.api == "anthropic")):
        return ()
    if usage and usage.writes:
        ttls[session] = "1h" if usage.write_1h else "5m"
    return ((request.node, ttls.get(session, "5m")),)


def _known(request: Request, marks: Sequence[tuple[int, str]]) -> tuple[int, int] | None:
    """The bill tells how many tokens lie up to the last breakpoint: what was read and written."""
    usage = request.usage
    if not marks or usage is None or not usage.classes_known or not usage.read + usage.writes:
        return None
    return marks[-1][0], usage.read + usage.writes


def _settings(request: Request, images: bool) -> dict[str, str]:
    """A request's settings by the names of the policies' salts."""
    own = dict(request.settings)
    found = {
        "model": request.model, "images": "present" if images else "", "service_tier": own.get("service_tier", ""),
        "speed": own.get("speed", ""), "tool_choice": own.get("tool_choice", ""), "thinking": own.get("thinking", ""),
        "prompt_cache_key": own.get("prompt_cache_key", ""), "text_format": own.get("text_format", ""),
        "parallel_tool_calls": own.get("parallel_tool_calls", ""), "verbosity": own.get("verbosity", ""),
        "context_management": own.get("context_management", ""),
        "effort": _field(own.get("output_config", ""), "effort"),
        "reasoning_effort": own.get("reasoning_effort", "") or _field(own.get("reasoning", ""), "effort"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _field(text: str, key: str) -> str:
    if not text.startswith("{"):
        return ""
    try:
        return str(json_object(text).get(key) or "")
    except ValueError:
        return ""


def as_run(
    tree: Tree, requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking
) -> Run:
    """Every request under the policy it fell under."""
    shape = shape_of(tree)
    prompts = prompts_of(requests, standing, measured, asking)
    names = [asking.policy or _policy_name(request, prompt) for request, prompt in zip(requests, prompts, strict=True)]
    served = _simulated(shape, prompts, names)
    learned = [_learn(*one) for one in zip(requests, prompts, served, strict=True)]
    if any(learned):
        prompts = _with_lengths(prompts, measured, learned)
        served = _simulated(shape, prompts, names)
    bounds = [result.read for result in simulate(BOUND, shape, [_in_model(prompt) for prompt in prompts])]
    reads = [_read(request, result) for request, result in zip(requests, served, strict=True)]
    warm = [_warm(read, bound) for read, bound in zip(reads, bounds, strict=True)]
    pairs = _pairs(tree, shape, prompts, standing, served, reads)
    misses = [
        diagnose(policy_named(name), shape, pair, _LEAST) if pair else None
        for name, pair in zip(names, pairs, strict=True)
    ]
    return Run(names, served, bounds, reads, warm, misses, shape, prompts)


def _simulated(shape: Shape, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Served | None]:
    """Every prompt under its policy; None where none is known."""
    served: list[Served | None] = [None] * len(prompts)
    for name in sorted({name for name in names if name}):
        rows = [row for row, own in enumerate(names) if own == name]
        for row, result in zip(rows, simulate(policy_named(name), shape, [prompts[row] for row in rows]), strict=True):
            served[row] = result
    return served


_NEAR = 0.08
"""A billed read within this share of a simulated one is of the same node: it tells how long its prefix is."""


def _learn(request: Request, prompt: Prompt, served: Served | None) -> tuple[int, int] | None:
    """(node, tokens) where a billed read tells the length of a prefix that is only estimated."""
    usage = request.usage
    if served is None or served.hit is None or usage is None or not usage.classes_known or not prompt.marks:
        return None
    if usage.read == served.read or abs(usage.read - served.read) > _NEAR * served.read:
        return None
    return served.hit, usage.read


def _with_lengths(
    prompts: Sequence[Prompt], measured: Sequence[Measured], learned: Sequence[tuple[int, int] | None]
) -> list[Prompt]:
    """The prompts with the lengths that the bill told, per ruler; the first that was told stands."""
    lengths: dict[int, dict[int, int]] = {}
    ruler = {row: number for number, group in enumerate(measured) for row in group.rows}
    for row, pair in enumerate(learned):
        if pair:
            lengths.setdefault(ruler[row], {}).setdefault(*pair)
    return [replace(prompt, lengths=lengths.get(ruler[row], {})) for row, prompt in enumerate(prompts)]


def _policy_name(request: Request, prompt: Prompt) -> str:
    if request.knowledge is Knowledge.COUNTS:
        return ""
    return policy_of(request.provider, request.model, request.api, explicit=bool(prompt.marks)) or ""


def _in_model(prompt: Prompt) -> Prompt:
    return replace(prompt, scope=(prompt.scope, prompt.model), marks=())


def _read(request: Request, served: Served | None) -> int | None:
    """Tokens read: as billed, else as simulated, else unknown."""
    if request.usage is not None and request.usage.classes_known:
        return request.usage.read
    return served.read if served else None


def _warm(read: int | None, bound: int) -> int:
    """Tokens read beyond what any earlier request of the log began with: their cache is older than the log."""
    beyond = (read or 0) - bound
    return beyond if beyond > max(_LEAST, (read or 0) // 100) else 0


def _pairs(
    tree: Tree, shape: Shape, prompts: Sequence[Prompt], standing: Sequence[Standing],
    served: Sequence[Served | None], reads: Sequence[int | None],
) -> list[Pair | None]:  # fmt: skip
    """Each request beside the one before it of its session and kind; None where nothing is simulated."""
    latest: dict[tuple[Hashable, str, bool], int] = {}
    found: list[Pair | None] = []
    for row, (prompt, result) in enumerate(zip(prompts, served, strict=True)):
        key = prompt.scope, standing[row].session, _has_tools(tree, shape, prompt.leaf)
        before = latest.get(key)
        latest[key] = row
        read = reads[row]
        if result is None or read is None:
            found.append(None)
            continue
        if before is None:
            found.append(Pair(prompt, result, read, None, 0, ROOT))
            continue
        reference = prompts[before]
        common = _common(tree, shape, prompt.leaf, reference.leaf)
        kept = _kept(reference, served[before], reads[before])
        summary = _has_summary(tree, prompt.leaf, common)
        found.append(Pair(prompt, result, read, reference, kept, common, summary))
    return found


def _kept(prompt: Prompt, served: Served | None, read: int | None) -> int:
    """Tokens that a request left in the cache."""
    if prompt.known:
        return prompt.known[1]
    if served is None:
        return 0
    written = served.written
    return (read or 0) + written if written or prompt.marks else served.read or _whole(prompt, served)


def _whole(prompt: Prompt, served: Served) -> int:
    return 0 if served.blocked else prompt.total


def _has_tools(tree: Tree, shape: Shape, leaf: int) -> bool:
    """Whether a path holds tool definitions: they come first."""
    top = shape.branches.stretches(leaf)[-1][0] if leaf != ROOT else None
    return top is not None and tree.entry(shape.branches.node(top, 1)).level == "tools"


def _common(tree: Tree, shape: Shape, left: int, right: int) -> int:
    """The last node that two paths have in common, found along their branches."""
    depth = shape.branches.depth
    while left != right:
        if depth[left] >= depth[right]:
            left = tree.parents[left]
        else:
            right = tree.parents[right]
    return left


def _has_summary(tree: Tree, leaf: int, above: int) -> bool:
    """Whether a summary stands on the path behind `above`."""
    while leaf != above:
        if tree.entry(leaf).kind is Kind.SUMMARY:
            return True
        leaf = tree.parents[leaf]
    return False


def under_every_policy(run: Run) -> dict[str, list[Served]]:
    """The same requests under each policy that is known. Where a policy needs breakpoints and the log has none, they
    stand where harnesses put them: behind the tools, the system prompt, and the last two messages."""
    shape = run.shape
    placed = [_placed(shape, prompt) for prompt in run.prompts]
    return {
        name: simulate(policy, shape, _asked(policy, placed) if policy.mechanism == "breakpoint" else run.prompts)
        for name, policy in sorted(load_policies().items())
    }


def _asked(policy: Policy, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The prompts with the policy's own time to live, where it is longer than what harnesses ask for."""
    if policy.ttls[0].name != "1h":
        return prompts
    return [replace(prompt, marks=tuple((node, "1h") for node, _ in prompt.marks)) for prompt in prompts]


def _placed(shape: Shape, prompt: Prompt) -> Prompt:
    if prompt.marks:
        return prompt
    nodes: list[int] = []
    node, level = prompt.leaf, LEVELS["messages"]
    ending = shape.endings[shape.parents[shape.endings[prompt.leaf]]]
    while node != ROOT and level:
        if shape.levels[node] < level:
            level = shape.levels[node]
            nodes.append(node)
        node = shape.parents[node]
    found = [*reversed(nodes), *([ending] if ending not in (ROOT, *nodes) else []), prompt.leaf]
    return replace(prompt, marks=tuple((node, "") for node in dict.fromkeys(found)))
