"""A studied run summed up as a baseline: its parts, what was paid for them by class, and the caches that broke.

Two runs are compared under one ruler: `rulers` are those of the run that this one is compared with. A text counts
under them what it would have counted there; what the bill has beyond that stays with the rest of the prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy
import polars as pl
from msgspec.structs import replace

from agentcost import __version__
from agentcost.cache.causes import Miss
from agentcost.costs.attribution import Ladder, Paths, charged, paths_of, placed
from agentcost.costs.requests import COLUMN, ORDER, Costs
from agentcost.gate.baseline import HISTORY, PREFIX, Baseline, Break, Flow, Payer, Stratum, hidden_name
from agentcost.measuring.levels import Ints, Levels, levels_of
from agentcost.measuring.measure import KINDS, Measured, estimate, measure
from agentcost.model import Kind, Request
from agentcost.prefix import Tree
from agentcost.pricing import CLASSES, exact_sum, terms_of
from agentcost.results import KIND_COLUMNS, Ruler
from agentcost.study import Study
from agentcost.summing.names import Numbered, key_of, numbered
from agentcost.tokens import encoding_of

BESIDE = ("output", "reasoning", "searches", "file_searches", "requests")
"""The classes that are no input."""

Key = tuple[str, bool, int]
"""Role, whether it has a price, number of the payer."""


class Sums(msgspec.Struct):
    """What is added up while requests are gone through."""

    parts: dict[tuple[str, bool], Counter[int]] = {}
    flows: dict[tuple[str, bool], Counter[tuple[int, str, str]]] = {}
    requests: Counter[tuple[str, bool]] = msgspec.field(default_factory=Counter)


def side_of(study: Study, chosen: pl.DataFrame, costs: Costs) -> Baseline:
    """The chosen requests (rows of the requests table with their `index`) summed up, without figures."""
    roles = dict(chosen.select("index", "role").iter_rows())
    tree = study.record.tree
    known = numbered(tree, study, roles)
    payers, payer_of = _payers(study.requests, costs, roles)
    sums = Sums()
    levels = levels_of(tree)
    ladder = Ladder.of(levels)
    sizes = [sizes_of(tree, group) for group in study.measured]
    for group, own in zip(study.measured, sizes, strict=True):
        for key, places in _groups(group, roles, costs, payer_of).items():
            _add(sums, study, costs, known, levels, ladder, group, key, places, own)
    parts = known.parts(study.measured, sizes)
    strata = tuple(
        Stratum(
            *key, sums.requests[key],
            {number: tokens for number, tokens in sorted(sums.parts[key].items()) if tokens},
            _flows(sums.flows[key]),
        )
        for key in sorted(sums.requests)
    )  # fmt: skip
    return Baseline(
        agentcost=__version__,
        requests=len(chosen),
        sessions=chosen["session"].n_unique(),
        tasks=chosen["task"].filter(chosen["task"] != "").n_unique(),
        roles=dict(sorted(Counter(roles.values()).items())),
        unpriced_requests=int(chosen["cost"].null_count()),
        unknown_outputs=int(chosen["output"].null_count()),
        rulers=tuple(group.ruler for group in study.measured),
        parts=parts,
        payers=payers,
        strata=strata,
        breaks=_breaks(study, costs, sorted(roles)),
    )


def under_one_ruler(study: Study, rulers: Sequence[Ruler]) -> Study:
    """The study measured under `rulers`, those of another run; its caches stay as they were simulated."""
    if not rulers:
        return study
    lineages = [stand.lineage for stand in study.standing]
    measured = measure(study.record.tree, study.requests, lineages, lambda model, client: _given(model, client, rulers))
    return replace(study, measured=measured)


def _given(model: str, client: str, rulers: Sequence[Ruler]) -> Ruler | None:
    """The ruler for the same model, of the same client where there are several; else, of another model that counts by
    the same vocabulary, the one that measured most. None of logs whose lengths stand in the log."""
    encoding = encoding_of(model).name
    alike = [one for one in rulers if one.encoding == encoding]
    same = [one for one in alike if one.model == model]
    hidden = hidden_name(client)
    return max(same or alike, key=lambda one: (hidden_name(one.client) == hidden, one.requests), default=None)


# --- who was paid ---------------------------------------------------------------------------------------------------


def _payers(requests: Sequence[Request], costs: Costs, rows: Iterable[int]) -> tuple[tuple[Payer, ...], dict[int, int]]:
    """Every payer, and the number of each request's."""
    own: dict[tuple[str, str, str, bool], list[int]] = {}
    for row in sorted(rows):
        own.setdefault((*_payer(requests[row], costs.billing[row]), costs.priced[row]), []).append(row)
    found, payer_of = [], {}
    for number, (key, members) in enumerate(sorted(own.items())):
        provider, model, terms, priced = key
        payer_of.update(dict.fromkeys(members, number))
        tokens, amounts = costs.tokens[members], costs.amounts[members]
        found.append(
            Payer(
                provider,
                model,
                terms,
                priced,
                len(members),
                {name: count for name in CLASSES if (count := int(tokens[:, COLUMN[name]].sum()))},
                {name: cost for name in CLASSES if priced and (cost := exact_sum(amounts[:, COLUMN[name]]))},
                _listed(costs, members) if priced else {},
            )
        )
    return tuple(found), payer_of


def _payer(request: Request, billing: str) -> tuple[str, str, str]:
    """Provider, model, and the terms that a price depends on."""
    own = terms_of(request)
    terms = " ".join(
        word for word in (own.tier, own.speed, own.geo, billing if billing in ("seat", "credits") else "") if word
    )
    return request.provider, own.model, terms


def _listed(costs: Costs, rows: Sequence[int]) -> dict[str, int]:
    """The price of one token of each class, in femtodollars: the usual one of the requests."""
    found = {}
    for name in CLASSES:
        units, counts = numpy.unique(costs.units[rows][:, COLUMN[name]], return_counts=True)
        unit = int(units[counts.argmax()])
        if unit:
            found[name] = unit
    return found


# --- what was sent, by part and class --------------------------------------------------------------------------------


def _groups(
    group: Measured, roles: Mapping[int, str], costs: Costs, payer_of: Mapping[int, int]
) -> dict[Key, list[int]]:
    """Places in the group of the chosen requests, by what they are summed up under."""
    found: dict[Key, list[int]] = {}
    for place, row in enumerate(group.rows):
        if row in roles:
            found.setdefault((roles[row], costs.priced[row], payer_of[row]), []).append(place)
    return found


def _add(
    sums: Sums, study: Study, costs: Costs, known: Numbered, levels: Levels, ladder: Ladder, group: Measured, key: Key,
    places: Sequence[int], sizes: Mapping[int, int],
) -> None:  # fmt: skip
    """Add the requests of one role and payer under one ruler. `sizes` are tokens by segment."""
    role, priced, payer = key
    rows = [group.rows[place] for place in places]
    stratum = role, priced
    sums.requests[stratum] += len(rows)
    flows = sums.flows.setdefault(stratum, Counter())
    tokens = costs.tokens[rows]
    names = [name for name in ORDER if name == "plain" or tokens[:, COLUMN[name]].any()]
    whole = {name: int(tokens[:, COLUMN[name]].sum()) for name in names}
    leaves = [study.requests[row].node for row in rows]
    parts = _parts(known, group, places, levels.up(leaves), sizes, sum(whole.values()))
    sums.parts.setdefault(stratum, Counter()).update(parts)
    paths = paths_of(group, levels, ladder, places, leaves)
    prefix = _prefixes(known, paths, tokens[:, [COLUMN[name] for name in names]])
    rest = sum(count for part, count in parts.items() if known.keys[part][0] == PREFIX) - sum(prefix)
    prefix[max(range(len(names)), key=lambda number: prefix[number])] += rest  # lengths rounded otherwise
    for name, own in zip(names, prefix, strict=True):
        flows[payer, name, PREFIX] += own
        flows[payer, name, HISTORY] += whole[name] - own
    for name in BESIDE:
        flows[payer, name, HISTORY] += int(tokens[:, COLUMN[name]].sum())


def _parts(
    known: Numbered, group: Measured, places: Sequence[int], passing: Ints, sizes: Mapping[int, int], whole: int
) -> Counter[int]:
    """Tokens by number of the part: a text is as long in every prompt; what the bill has beyond is unexplained."""
    parts: Counter[int] = Counter()
    segments = known.tree.segments
    used = numpy.flatnonzero(passing)[1:]
    for node, count in zip(used.tolist(), passing[used].tolist(), strict=True):
        parts[known.of_segment[segments[node]]] += sizes[segments[node]] * count
    for kind in (Kind.HIDDEN, Kind.OVERHEAD):
        parts[known.of_kind(kind)] += int(group.kinds[list(places), KINDS.index(kind)].sum())
    parts[known.of_kind(Kind.UNEXPLAINED)] += whole - sum(parts.values())
    return parts


def _prefixes(known: Numbered, paths: Paths, tokens: Ints) -> list[int]:
    """How many tokens of each class are of the prefix; `tokens` are by request and class, in the prompt's order."""
    place = placed(paths, tokens.cumsum(axis=1)[:, :-1])
    found = []
    for number in range(tokens.shape[1]):
        weights: Ints = numpy.zeros_like(tokens)
        weights[:, number] = 1
        own = charged(known.tree, place, weights)
        prefix = own.kinds.get(Kind.HIDDEN, 0)
        prefix += sum(
            count for segment, count in own.segments.items() if known.keys[known.of_segment[segment]][0] == PREFIX
        )
        found.append(prefix)
    return found


def sizes_of(tree: Tree, group: Measured) -> dict[int, int]:
    """Tokens of every segment of a ruler's requests, wherever it stands: the same text is as long in every prompt.
    What the template puts around a tool or a call is the tool's or the call's."""
    encoding, found, framed = encoding_of(group.counted_as), {}, group.framed
    for node in numpy.flatnonzero(group.passing)[1:].tolist():
        segment = tree.segments[node]
        if segment not in found:
            text = round(estimate(tree.entries[segment], encoding, group.counted_as) * group.ruler.factor)
            found[segment] = text + int(framed[node] - framed[tree.parents[node]])
    return found


def _flows(found: Counter[tuple[int, str, str]]) -> tuple[Flow, ...]:
    keys = sorted({(payer, name) for (payer, name, _), tokens in found.items() if tokens})
    return tuple(
        Flow(payer, name, found[payer, name, PREFIX], found[payer, name, HISTORY])
        for payer, name in sorted(keys, key=lambda key: (key[0], CLASSES.index(key[1])))
    )


# --- caches that broke ------------------------------------------------------------------------------------------------


def _breaks(study: Study, costs: Costs, rows: Sequence[int]) -> tuple[Break, ...]:
    """A break per cause and block, the one that lost the most first."""
    found: dict[tuple[str, str, tuple[str, ...], str], list[int]] = {}
    for row in rows:
        miss = study.run.misses[row]
        if miss and miss.lost:
            found.setdefault((miss.cause, *_block(study, miss)), []).append(row)
    breaks = []
    for (cause, block, marks, server), own in found.items():
        worst = max(own, key=lambda row: (_lost(study, row), -row))
        told = study.run.misses[worst]
        breaks.append(
            Break(
                cause,
                block,
                marks,
                len(own),
                sum(_lost(study, row) for row in own),
                exact_sum(costs.lost[own]),
                server,
                told.evidence if told else "",
                str(study.requests[worst].place),
            )
        )
    return tuple(sorted(breaks, key=lambda one: (-one.lost, one.key)))


def _lost(study: Study, row: int) -> int:
    miss = study.run.misses[row]
    return miss.lost if miss else 0


def _block(study: Study, miss: Miss) -> tuple[str, tuple[str, ...], str]:
    """The block that broke a cache: its words, what is volatile in it, and the server of a tool."""
    if miss.parted is None:
        return "", (), ""
    tree = study.record.tree
    entry = tree.entry(miss.parted)
    marks = tuple(sorted({mark.what for mark in entry.marks}))
    if entry.level == "messages":  # a memory's name is a path
        return KIND_COLUMNS[entry.kind].replace("_", " "), marks if entry.kind is Kind.MEMORY else (), ""
    key = key_of(tree, miss.parted)
    return " ".join(word for word in (key[1].replace("_", " "), key[2]) if word), marks, entry.server
