"""Two runs compared: the difference in tokens and dollars, split exactly by cause and put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from agentcost.gate.baseline import Baseline, Break
from agentcost.gate.verdicts import STAGES, Cause, Difference, Pair, Unit
from agentcost.judging.changes import described, part_changes, quiet_break, whole_servers
from agentcost.judging.substitution import BESIDE, ZERO, Item, same_models, shared_parts, split
from agentcost.units import agreed, plural

_FEMTO = 15
SENT = ("prefix", "history", "output")


def difference(base: Baseline, head: Baseline, names: tuple[str, str], *, reverse: bool = False) -> Difference:
    """HEAD less BASE by cause, the largest first. `names` are what the runs are called."""
    tokens, dollars = _totals(base), _totals(head)
    priced = all(any(stratum.priced for stratum in side.strata) for side in (base, head))
    found: dict[tuple[str, object], list[Fraction]] = {}
    whole = whole_servers(base, head)
    for column, money in enumerate((False, True)):
        for item in _directed(base, head, money=money, reverse=reverse) if priced or not money else ():
            of = ("prefix", "", "", item.of[3]) if isinstance(item.of, tuple) and item.of in whole else item.of
            found.setdefault((item.stage, of), [ZERO, ZERO])[column] += item.value
    keys = sorted(found, key=lambda key: (STAGES.index(key[0]), str(key[1])))
    counts = _whole([found[key][0] for key in keys])
    costs = _whole([found[key][1] for key in keys])
    causes = [
        _cause(key, count, Decimal(cost).scaleb(-_FEMTO) if priced else None, base, head)
        for key, count, cost in zip(keys, counts, costs, strict=True)
    ]
    return Difference(
        base=names[0],
        head=names[1],
        tokens=dollars[0] - tokens[0],
        cost=Decimal(dollars[1] - tokens[1]).scaleb(-_FEMTO) if priced else None,
        base_tokens=tokens[0],
        base_cost=Decimal(tokens[1]).scaleb(-_FEMTO) if priced else None,
        pairs=tuple(_pairs(base, head, tokens, dollars, priced=priced)),
        causes=tuple(sorted((cause for cause in causes if cause.tokens or cause.cost), key=_weight)),
        changes=tuple(part_changes(base, head)),
        notes=tuple(_notes(base, head, sum(cause.tokens for cause in causes if cause.stage == "model"), priced=priced)),
        reverse=reverse,
    )


def _directed(base: Baseline, head: Baseline, *, money: bool, reverse: bool) -> list[Item]:
    """In the opposite order HEAD is where the substitution starts, and every change has the other sign."""
    if not reverse:
        return split(base, head, money=money)
    return [Item(item.stage, item.of, -item.value) for item in split(head, base, money=money)]


def _weight(cause: Cause) -> tuple[Decimal, int, int, str]:
    return -abs(cause.cost or Decimal(0)), -abs(cause.tokens), STAGES.index(cause.stage), cause.what


def _whole(values: Sequence[Fraction]) -> list[int]:
    """Whole numbers that sum to what the values do: every running total is rounded, never a value."""
    found, total, before = [], ZERO, 0
    for value in values:
        total += value
        found.append(round(total) - before)
        before = round(total)
    return found


def _totals(side: Baseline) -> tuple[int, int]:
    """Tokens, and femtodollars of what has a price."""
    tokens = sum(
        flow.prefix + flow.rest for stratum in side.strata for flow in stratum.flows if flow.token_class not in BESIDE
    )
    return tokens, sum(sum(payer.amounts.values()) for payer in side.payers)


def _cause(key: tuple[str, object], tokens: int, cost: Decimal | None, base: Baseline, head: Baseline) -> Cause:
    stage, of = key
    each = tokens / head.requests if head.requests else None
    breaks = {one.key: one for one in (*base.breaks, *head.breaks)}
    broken: Break | None = breaks.get(of) if stage == "cache" else None  # type: ignore[call-overload]
    hides = isinstance(of, tuple) and "hidden" in of
    noisy = stage in ("requests", "output", "history") or (stage == "cache" and not (broken and quiet_break(broken)))
    what, public, kind, server = described(stage, of, base, head)
    if (stage in ("history", "output") or hides) and kind != "rest" and each:
        what = f"{what} ({each:+,.{0 if abs(each) >= 10 else 1}f} tokens a request)"
    return Cause(
        stage, what, tokens, cost, each if stage in SENT else None, noisy or hides, kind, server,
        public, broken.worst if broken else "", broken.evidence if broken else "",
    )  # fmt: skip


def _pairs(
    base: Baseline, head: Baseline, before: tuple[int, int], after: tuple[int, int], *, priced: bool
) -> Iterator[Pair]:
    """How much there is on both sides, and what one request, session and task has of it."""
    counts = {name: (getattr(base, f"{name}s"), getattr(head, f"{name}s")) for name in ("request", "session", "task")}
    for name, (one, other) in counts.items():
        if one or other or name == "request":
            yield Pair(f"{name}s", Decimal(one), Decimal(other))
    sums: list[tuple[str, Unit, Decimal, Decimal]] = [("tokens", "tokens", Decimal(before[0]), Decimal(after[0]))]
    if priced:
        sums.append(("cost", "dollars", Decimal(before[1]).scaleb(-_FEMTO), Decimal(after[1]).scaleb(-_FEMTO)))
    for what, unit, old, new in sums:
        yield Pair(what, old, new, unit)
        for name, (one, other) in counts.items():
            if one and other:
                yield Pair(f"{what} a {name}", old / one, new / other, unit)
    figures = [side.figure("fixed_prefix_tokens") for side in (base, head)]
    if figures[0] and figures[1]:
        yield Pair("fixed prefix", figures[0].value, figures[1].value, "tokens")
    for name, metric, of in (("cacheable", "cacheable_share", ""), ("hit rate", "hit_rate", "as run")):
        rates = [side.figure(metric, of) for side in (base, head)]
        if rates[0] and rates[1]:
            yield Pair(name, rates[0].value, rates[1].value, "share")


def _notes(base: Baseline, head: Baseline, thicker: int, *, priced: bool) -> Iterator[str]:
    for name, side in (("base", base), ("head", head)):
        if side.unpriced_requests and priced:
            count = side.unpriced_requests
            some = f"{count:,} of {plural(side.requests, 'request')} of {name}"
            yield f"{some} {agreed(count, 'has', 'have')} no price: left out"
        if side.unknown_outputs:
            of = plural(side.requests, "request")
            yield f"the answers of {side.unknown_outputs:,} of {of} of {name} are unknown"
    if not priced:
        yield "no price is known on one side: tokens only"
    if not same_models(base, head):
        yield f"other models: {_thickness(base, head, thicker)}"


def _thickness(base: Baseline, head: Baseline, thicker: int) -> str:
    """How many tokens HEAD's models need for what they were sent, beside what BASE's would have needed."""
    if not any(shared_parts(base, head)):
        return "no text in both tells how their tokens compare"
    whole = _totals(head)[0]
    if not thicker or not whole:
        return "they count the same texts alike"
    return f"head's {whole:,} tokens are {whole - thicker:,} as base's models count them"
