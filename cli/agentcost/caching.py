"""A record's requests as a cache sees them, simulated under policies, compared with the bill, and diagnosed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from agentcost.cache.catalogue import load_policies, policy_named
from agentcost.cache.causes import Miss, Pair, diagnose
from agentcost.cache.families import policy_of
from agentcost.cache.keys import key_settings
from agentcost.cache.partings import Partings
from agentcost.cache.placing import HARNESSES, Places
from agentcost.cache.policy import Policy, Salt
from agentcost.cache.references import Reference, kept_of, references, shared_with_another
from agentcost.cache.simulate import LEVELS, Prompt, Served, Shape, simulate
from agentcost.cache.stripping import Paths, Rendered, rendered, strips
from agentcost.cache.touches import branches_of, heaviest_children
from agentcost.lineage import Standing
from agentcost.measure import KINDS, Measured
from agentcost.model import ROOT, Ends, Kind, Knowledge, Request
from agentcost.prefix import Tree, shared_bytes

_TOOL_BLOCKS = frozenset({Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.FILE})
_READERS = frozenset({"user", "tool", "function", "developer", "system"})
"""Roles whose messages end a prompt: an endpoint may stand behind them."""

_MESSAGES = LEVELS["messages"]

_FIRST_TOKEN = 2.0
"""Seconds to the first token where the log does not tell."""

_SIBLINGS = 8
_LEAST = 64
"""Tokens from which on what was not read is a miss: less is rounding of rulers. Blocks are rounded more coarsely."""

BOUND = replace(
    policy_named("vllm"), name="content", title="any cache", grid=None, minimum=0,
    salts=(Salt("model", "tools", "model_changed"),), visible="first_token", hit_probability=1.0, ttls=(),
    caches_answer=True,
)  # fmt: skip
"""What content alone allows: everything that an earlier request of the same model began with."""


_MESSAGE, _TOOL_RUN = int(Ends.MESSAGE), int(Ends.TOOL_RUN)
"""As plain integers: a flag's own `&` is ten times slower."""


@dataclass(frozen=True, slots=True)
class Run:
    """The requests of a record under the policies they fell under: what was served, and what was missed and why.

    Every list is by request. `policies` names the policy ("" where none is known: `served` is None there),
    `bounds` what content alone allowed, `misses` the primary cause (None: nothing was lost), `reads` the tokens
    read, as billed where that is known, else simulated. `warm` are tokens read that the log cannot explain.
    Nodes are those of `shape`: the tree's, and behind them what only rendered paths have (see `stripping`);
    `segments` gives the tree's segment of each, `parted` of a miss is the tree's own node.
    """

    policies: list[str]
    served: list[Served | None]
    bounds: list[int]
    reads: list[int | None]
    warm: list[int]
    misses: list[Miss | None]
    shape: Shape
    prompts: list[Prompt]
    segments: Sequence[int]


@dataclass(frozen=True, slots=True)
class Asking:
    """What the user chose: a policy for all, what shares a cache, and the gap of logs without times in seconds."""

    policy: str = ""
    scope_by: str = ""
    assumed_gap: float | None = None


def shape_of(paths: Paths) -> Shape:
    """The tree as caches see it."""
    parents, ends = paths.parents, paths.ends
    levels, runs, closes = _by_node(paths)
    endings, opening = [ROOT] * len(parents), [ROOT] * len(parents)
    for node in range(1, len(parents)):
        parent = parents[node]
        eligible = ends[node] & _MESSAGE and (closes[node] == 1 or (closes[node] and ends[node] & _TOOL_RUN))
        endings[node] = node if eligible else endings[parent]
        opening[node] = node if levels[node] < _MESSAGES and opening[parent] == parent else opening[parent]
    siblings = _siblings(parents)
    return Shape(
        parents, levels, ends, runs, endings, opening, branches_of(parents, heaviest_children(parents)), siblings,
        _shared(paths, siblings),
    )  # fmt: skip


def _by_node(paths: Paths) -> tuple[list[int], list[bool], list[int]]:
    """Of every node its level, whether it is part of a run of tool calls or results, and whether a message that ends
    with it can end a prompt (2: if it also ends such a run)."""
    levels = [LEVELS[entry.level] for entry in paths.entries]
    runs = [entry.kind in _TOOL_BLOCKS and entry.level == "messages" for entry in paths.entries]
    closes = [2 if entry.role == "tool" else int(entry.role in _READERS) for entry in paths.entries]
    numbers = paths.segments[1:]
    return (
        [0, *[levels[number] for number in numbers]], [False, *[runs[number] for number in numbers]],
        [0, *[closes[number] for number in numbers]],
    )  # fmt: skip


def _siblings(parents: Sequence[int]) -> dict[int, list[int]]:
    """The latest children of every node that has several, if their texts may begin alike."""
    counts = Counter(parents[1:])
    children: dict[int, list[int]] = {parent: [] for parent, count in counts.items() if count > 1}
    for node in range(1, len(parents)):
        found = children.get(parents[node])
        if found is not None:
            found.append(node)
    return {parent: found[-_SIBLINGS:] for parent, found in children.items()}


def _shared(paths: Paths, siblings: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], float]:
    """The share of a node's text that a sibling begins with, where that is more than nothing."""
    found: dict[tuple[int, int], float] = {}
    for nodes in siblings.values():
        for node in nodes:
            own = paths.entries[paths.segments[node]]
            for other in nodes:
                runs = paths.entries[paths.segments[other]].runs
                alike = shared_bytes(own.runs, runs) if other != node else 0
                if alike:
                    found[node, other] = min(1.0, alike / max(1, own.size))
    return found


def prompts_of(
    requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking,
    seen: Rendered | None = None,
) -> list[Prompt]:  # fmt: skip
    """One prompt per request, in their order; on the paths of `seen` for models that strip thinking."""
    rulers = {row: (group, number) for group in measured for number, row in enumerate(group.rows)}
    reaches = {
        id(group): seen.reach(group.reach.tolist()) if seen and strips(group.ruler.model) else group.reach.tolist()
        for group in measured
    }
    clock = _clock(requests, standing, asking.assumed_gap)
    ttls: dict[str, str] = {}
    found = []
    for index, (request, stand) in enumerate(zip(requests, standing, strict=True)):
        group, number = rulers[index]
        start, own = clock[index], seen if strips(request.model) else None
        marks = tuple((_at(own, node, request), ttl) for node, ttl in _marks(request, stand.session, ttls))
        leaf, reach = _at(own, request.node, request), reaches[id(group)]
        total = int(group.kinds[number].sum())
        ended = request.ended is not None and request.started is not None
        end = start + (max(0.0, (request.ended or 0) - (request.started or 0)) if ended else _FIRST_TOKEN)
        found.append(
            Prompt(
                scope=_scope(request, stand, asking),
                model=request.model,
                leaf=leaf,
                total=total,
                start=start,
                first_token=min(end, start + _first_token(request)) if request.started is not None else start,
                end=end,
                reach=reach,
                offset=total - reach[leaf],
                known=_known(request, marks),
                marks=marks,
                settings=key_settings(request.model, dict(request.settings), images=_images(group, number)),
                answer=None if request.answer is None else _at(own, request.answer, request),
            )
        )
    return found


def _at(seen: Rendered | None, node: int, request: Request) -> int:
    """A node of a request's path where its model sees it."""
    return seen.at(node, request.node) if seen else node


def _images(group: Measured, number: int) -> bool:
    return bool(group.kinds[number][KINDS.index(Kind.IMAGE)])


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


def as_run(
    tree: Tree, requests: Sequence[Request], standing: Sequence[Standing], measured: Sequence[Measured], asking: Asking
) -> Run:
    """Every request under the policy it fell under."""
    seen = _seen(tree, requests)
    paths: Paths = seen or tree
    shape = shape_of(paths)
    prompts = prompts_of(requests, standing, measured, asking, seen)
    names = [asking.policy or _policy_name(request, prompt) for request, prompt in zip(requests, prompts, strict=True)]
    served = _simulated(shape, prompts, names)
    learned = [_learn(*one) for one in zip(requests, prompts, served, strict=True)]
    if any(learned):
        prompts = _with_lengths(prompts, measured, learned)
        served = _simulated(shape, prompts, names)
    bounds = [result.read for result in simulate(BOUND, shape, prompts)]
    reads = [_read(request, result) for request, result in zip(requests, served, strict=True)]
    warm = [_warm(read, bound) for read, bound in zip(reads, bounds, strict=True)]
    partings = Partings(shape, paths, len(tree))
    found = references(partings, prompts, [stand.before for stand in standing], _threads(tree, requests, standing))
    misses = [
        _missed(requests, partings, prompts, names, served, reads, row, reference)
        for row, reference in enumerate(found)
    ]
    if seen:
        misses = [_in_tree(miss, seen) for miss in misses]
    return Run(names, served, bounds, reads, warm, misses, shape, prompts, paths.segments)


def _seen(tree: Tree, requests: Sequence[Request]) -> Rendered | None:
    """The paths as models see them that strip thinking; None where that changes nothing."""
    own = [request for request in requests if strips(request.model)]
    return rendered(tree, [node for request in own for node in (request.answer or ROOT, request.node)])


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
    """The policy of a request; "" where none is known, or where its breakpoints cannot be: hashed blocks have none."""
    if request.knowledge is Knowledge.COUNTS:
        return ""
    name = policy_of(request.provider, request.model, request.api, explicit=bool(prompt.marks)) or ""
    if request.knowledge is Knowledge.BLOCKS and name and policy_named(name).mechanism in _EXACT:
        return ""
    return name


def _read(request: Request, served: Served | None) -> int | None:
    """Tokens read: as billed, else as simulated, else unknown."""
    if request.usage is not None and request.usage.classes_known:
        return request.usage.read
    return served.read if served else None


def _warm(read: int | None, bound: int) -> int:
    """Tokens read beyond what any earlier request of the log began with: their cache is older than the log."""
    beyond = (read or 0) - bound
    return beyond if beyond > max(_LEAST, (read or 0) // 100) else 0


def _threads(tree: Tree, requests: Sequence[Request], standing: Sequence[Standing]) -> list[Hashable]:
    """Of each request its session and role; calls with tools and calls without are different ones."""
    tools = [False] * len(tree)
    level = [entry.level == "tools" for entry in tree.entries]
    for node in range(1, len(tree)):
        tools[node] = tools[tree.parents[node]] or level[tree.segments[node]]
    return [
        (request.provider, stand.session, request.role, tools[request.node])
        for request, stand in zip(requests, standing, strict=True)
    ]


def _missed(
    requests: Sequence[Request], partings: Partings, prompts: Sequence[Prompt], names: Sequence[str],
    served: Sequence[Served | None], reads: Sequence[int | None], row: int, found: Reference | None,
) -> Miss | None:  # fmt: skip
    """What a request lost against its reference, and why; None where nothing is simulated."""
    prompt, result, read = prompts[row], served[row], reads[row]
    if result is None or read is None:
        return None
    policy, shape, least = policy_named(names[row]), partings.shape, _least(policy_named(names[row]), prompt)
    pair = Pair(prompt, result, read, None, 0, ROOT, hides=requests[row].knowledge is Knowledge.TRANSCRIPT)
    if found is None:
        return diagnose(policy, shape, pair, least)
    reference = prompts[found.row]
    pair = replace(pair, reference=reference, common=found.common, other=found.other)
    if found.other:
        left = shared_with_another(policy, partings, prompt, reference, found.common)
        common = found.common if result.blocked else left.node
        reference_or_none = reference if left.tokens or result.blocked else None
        pair = replace(pair, kept=left.tokens, changes=left.changes, common=common, reference=reference_or_none)
        return diagnose(policy, shape, pair, least)
    pair = replace(pair, kept=_kept(policy, requests[found.row], reference, served[found.row], reads[found.row]))
    if min(pair.kept, prompt.total) - read >= least:
        pair = replace(pair, changes=partings.changes(prompt.leaf, reference.leaf, found.common))
    return diagnose(policy, shape, pair, least)


def _least(policy: Policy, prompt: Prompt) -> int:
    """Tokens from which on what was not read is a miss."""
    if policy.mechanism in ("breakpoint", "endpoint"):
        return _LEAST
    return max(_LEAST, 2 * policy.grid.block if policy.grid else 0, prompt.total // 50)


def _kept(policy: Policy, request: Request, prompt: Prompt, served: Served | None, read: int | None) -> int:
    """Tokens that a request left in the cache: as billed where writes are, else as simulated."""
    usage = request.usage
    if usage and usage.classes_known and usage.writes:
        return usage.read + usage.writes
    if served is None or served.blocked:
        return 0
    if policy.mechanism in ("block", "best_effort"):
        return kept_of(policy, prompt, prompt.total)
    return (read or 0) + served.written


def _in_tree(miss: Miss | None, seen: Rendered) -> Miss | None:
    """The miss with its place in the tree of what was sent."""
    if miss is None or miss.parted is None:
        return miss
    return replace(miss, parted=seen.origin[miss.parted])


_MOST_BREAKPOINTS = 4
"""What every provider of breakpoints takes."""

_EXACT = ("breakpoint", "endpoint")
"""Mechanisms that keep what ends at a content block or a message, which a log of hashed blocks does not tell."""


def under_every_policy(run: Run, blocks: bool = False) -> dict[str, list[Served]]:
    """The same requests under each policy that is known; of hashed `blocks`, only under those that keep blocks.

    Where a policy needs breakpoints and the log has none, they stand where harnesses put them: behind the tools, the
    system prompt, and the last two messages.
    """
    shape, places = run.shape, Places(run.shape)
    placed = [
        prompt
        if prompt.marks
        else replace(
            prompt, marks=tuple((node, "") for node in places.nodes(HARNESSES, prompt.leaf, _MOST_BREAKPOINTS))
        )
        for prompt in run.prompts
    ]
    return {
        name: simulate(policy, shape, _asked(policy, placed) if policy.mechanism == "breakpoint" else run.prompts)
        for name, policy in sorted(load_policies().items())
        if not (blocks and policy.mechanism in _EXACT)
    }


def _asked(policy: Policy, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The prompts with the policy's own time to live, where it is longer than what harnesses ask for."""
    if policy.ttls[0].name != "1h":
        return prompts
    return [replace(prompt, marks=tuple((node, "1h") for node, _ in prompt.marks)) for prompt in prompts]
