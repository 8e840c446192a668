"""The verdicts on a run: its figures against the limits of a budget, and no pass without looking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import PurePath

from agentcost.gate.baseline import Baseline, Figure
from agentcost.gate.metrics import METRICS, Metric, noisy
from agentcost.gate.verdicts import Cause, Status, Verdict
from agentcost.gate.words import named
from agentcost.judging.budget import Budget, Limit, shown
from agentcost.judging.changes import part_changes, whole_servers
from agentcost.judging.diff import difference
from agentcost.units import plural


def judge(budget: Budget, head: Baseline, base: Baseline | None) -> tuple[Verdict, ...]:
    """A verdict on every limit, and on what would make the gate pass without looking; the worst first."""
    found = [*_vacuous(budget, head)]
    blame = _Blame(head, base)
    for limit in budget.limits:
        found += _judged(budget, limit, head, base, blame)
    if not any(verdict.status != "n/a" for verdict in found):
        what = "a fixed prefix without a log" if head.static else "this log"
        found.append(_nothing("no rule applies", f"no limit of {PurePath(budget.name).name} applies to {what}"))
    order = ("fail", "warn", "ok", "n/a")
    return tuple(sorted(found, key=lambda verdict: order.index(verdict.status)))


def _nothing(limit: str, message: str, status: Status = "fail") -> Verdict:
    return Verdict(status, limit, limit.replace(" ", "_"), "", "", None, None, None, "count", message)


def _vacuous(budget: Budget, head: Baseline) -> Iterator[Verdict]:
    """No requests, or no price for any of them."""
    if not head.requests and "no_requests" not in budget.allow:
        yield _nothing("no requests", 'no request was read; if that is right, allow = ["no_requests"]')
    elif not head.static and head.requests == head.unpriced_requests and "unpriced" not in budget.allow:
        told = 'no request has a price; give --price-file, or allow = ["unpriced"]'
        yield _nothing("nothing priced", told)


def _judged(budget: Budget, limit: Limit, head: Baseline, base: Baseline | None, blame: _Blame) -> list[Verdict]:
    """A verdict on each figure that breaks a limit; else one on the figure that is nearest to it."""
    known = METRICS[limit.metric]
    if head.static and known.log:
        return [_verdict(limit, "n/a", None, None, "needs a log")]
    figures = [one for one in head.figures if one.metric == limit.metric and _matches(limit, one)]
    if not [one for one in figures if one.value is not None]:
        return [_unmatched(budget, limit, figures, known)]
    if limit.relative:
        unfounded = _unfounded(budget, limit, head, base)
        if unfounded:
            return [unfounded]
    measured = [(one, _before(limit, one, base)) for one in figures if one.value is not None]
    over = [(one, before) for one, before in measured if _excess(limit, one.value, before) > 0]
    if over:
        over.sort(key=lambda pair: (-_excess(limit, pair[0].value, pair[1]), pair[0].of))
        return [_breach(budget, limit, one, before, head, base, blame) for one, before in over]
    nearest, before = max(measured, key=lambda pair: _excess(limit, pair[0].value, pair[1]))
    partly = known.money and nearest.reason and "unpriced" not in budget.allow
    return [_verdict(limit, "warn" if partly else "ok", nearest, before, _said(limit, nearest, before))]


def _unfounded(budget: Budget, limit: Limit, head: Baseline, base: Baseline | None) -> Verdict | None:
    """The verdict on a limit of a change where there is nothing to compare with."""
    if base is None:
        if "no_baseline" in budget.allow:
            return _verdict(limit, "n/a", None, None, "needs a baseline")
        told = 'needs --baseline base.json (`agentcost baseline LOG > base.json`), or allow = ["no_baseline"]'
        return _verdict(limit, limit.level, None, None, told)
    if base.static != head.static and limit.metric == "fixed_prefix_tokens":
        kind = "a captured prefix" if head.static else "a log"
        told = f"this is {kind} and the baseline is not: make it again from the same kind"
        return _verdict(limit, limit.level, None, None, told)
    return None


def _matches(limit: Limit, figure: Figure) -> bool:
    """Whether a limit is on a figure. The first request of a prefix misses, and that is no fault: only by its name."""
    if limit.metric == "misses" and figure.of == "first_request":
        return limit.of == figure.of
    return not METRICS[limit.metric].of or figure.of == limit.of or fnmatchcase(figure.of, limit.of)


def _unmatched(budget: Budget, limit: Limit, figures: Sequence[Figure], known: Metric) -> Verdict:
    """Nothing to judge: that fails, unless it is allowed by name."""
    reason = next((one.reason for one in figures if one.reason), "")
    told = reason or (f"matched no {known.of}" if known.of else "unknown from this input")
    if limit.name in budget.allow:
        return _verdict(limit, "n/a", None, None, told)
    return _verdict(limit, limit.level, None, None, f'{told}; if that is right, allow = ["{limit.name}"]')


def _before(limit: Limit, figure: Figure, base: Baseline | None) -> Decimal | None:
    """The baseline's figure; what is new there was nothing before."""
    if base is None:
        return None
    before = base.figure(figure.metric, figure.of)
    if before is not None:
        return before.value
    return Decimal(0) if limit.metric in ("tool_tokens", "server_tokens", "misses") else None


def _excess(limit: Limit, value: Decimal | None, before: Decimal | None) -> Decimal:
    """By how much a limit is broken: above 0 it is. A change from what is not known breaks it."""
    value = value or Decimal(0)
    if limit.bound == "max":
        return value - limit.value
    if limit.bound == "min":
        return limit.value - value
    if before is None:
        return Decimal(1)
    worse = value - before if METRICS[limit.metric].more_is_worse else before - value
    if limit.bound == "increase":
        return (value - before) - limit.value
    if limit.bound == "decrease":
        return (before - value) - limit.value
    return worse - before * limit.value / 100


def _breach(
    budget: Budget, limit: Limit, figure: Figure, before: Decimal | None, head: Baseline, base: Baseline | None,
    blame: _Blame,
) -> Verdict:  # fmt: skip
    status: Status = limit.level
    told = _said(limit, figure, before)
    if limit.relative and before is None:
        told = f"{told}; the baseline does not have it: make it again with `agentcost baseline`"
    few = [side.requests for side in (head, base) if side is not None and side.requests < budget.min_requests]
    if status == "fail" and limit.relative and noisy(limit.metric, figure.of) and few:
        status = "warn"
        have = plural(min(few), "request")
        told += f"; only a warning: {have}, and a figure this noisy fails from {budget.min_requests:,}"
    culprit, public = blame.of(figure)
    return _verdict(limit, status, figure, before, told, culprit, public)


def _said(limit: Limit, figure: Figure, before: Decimal | None) -> str:
    """What a figure is, what it may be, and what it leaves out."""
    return _bounded(limit, figure, before) + (f"; {figure.reason}" if figure.reason else "")


def _bounded(limit: Limit, figure: Figure, before: Decimal | None) -> str:
    """`12,480 tokens, at most 12,000`, `+520 tokens (+4.3%), at most +500`."""
    value, unit = figure.value or Decimal(0), limit.unit
    words = {"max": "at most", "min": "at least"}
    of = f"{figure.of}: " if figure.of and figure.of != limit.of else ""
    if limit.bound in words:
        return f"{of}{shown(value, unit)}, {words[limit.bound]} {shown(limit.value, unit)}"
    if before is None:
        return f"{of}{shown(value, unit)}, was unknown"
    change = value - before
    sign = "+" if change >= 0 else "-"
    share = f" ({sign}{abs(change) / before * 100:.1f}%)" if before and unit != "share" else ""
    worse = (
        "-"
        if limit.bound == "decrease" or (limit.bound == "percent" and not METRICS[limit.metric].more_is_worse)
        else "+"
    )
    allowed = shown(limit.value, "percent") if limit.bound == "percent" else shown(limit.value, _change(unit))
    grown = f"{sign}{shown(abs(change), _change(unit))}{share}"
    moved = f"{shown(before, unit)} → {shown(value, unit)}, {grown}" if change else f"{shown(value, unit)}, unchanged"
    return f"{of}{moved}, at most {worse}{allowed}"


def _change(unit: str) -> str:
    """The unit of a change: shares change by points."""
    return "points" if unit == "share" else unit


def _verdict(
    limit: Limit, status: Status, figure: Figure | None, before: Decimal | None, message: str, culprit: str = "",
    public: str = "",
) -> Verdict:  # fmt: skip
    return Verdict(
        status, limit.written, limit.metric, figure.of if figure else limit.of, limit.bound, limit.value,
        figure.value if figure else None, before, limit.unit, message,
        culprit or (figure.culprit if figure else ""), public, figure.where if figure else "",
        figure.basis if figure else "",
    )  # fmt: skip


class _Blame:
    """What is behind a breach: what changed since the baseline, else what the figure is mostly made of."""

    def __init__(self, head: Baseline, base: Baseline | None) -> None:
        self.head, self.base = head, base
        self.causes: tuple[Cause, ...] | None = None

    def of(self, figure: Figure) -> tuple[str, str]:
        """In words, and in words without paths."""
        if self.base is None:
            return figure.culprit, figure.culprit
        if figure.metric in ("fixed_prefix_tokens", "server_tokens", "tool_tokens"):
            return self._parts(figure) or (figure.culprit, figure.culprit)
        if figure.metric in ("cost_per_session", "cost_per_request", "cost_per_task", "input_tokens_p50",
                             "input_tokens_p90", "share_above"):  # fmt: skip
            return self._cause(by_tokens=METRICS[figure.metric].unit != "dollars") or (figure.culprit, figure.culprit)
        return figure.culprit, figure.culprit

    def _parts(self, figure: Figure) -> tuple[str, str] | None:
        """The parts of the prefix that grew most; an MCP server that came is one."""
        if self.base is None:
            return None
        whole = {key[3]: len([one for one in self.head.parts if one.server == key[3] and one.section == key[0]])
                 for key in whole_servers(self.base, self.head)}  # fmt: skip
        grown: dict[str, int] = {}
        for change in part_changes(self.base, self.head):
            more = (change.now or 0) - (change.before or 0)
            if more > 0 and figure.of in ("", change.name, change.server):
                server = change.server if change.name != figure.of else ""
                what = f"MCP server {server} added, {whole[server]} tools" if server in whole else ""
                what = what or f"{change.public} {change.change}"
                grown[what] = grown.get(what, 0) + more
        told = [f"{what} (+{more:,})" for what, more in sorted(grown.items(), key=lambda pair: (-pair[1], pair[0]))]
        words = named(told)
        return (words, words) if told else None

    def _cause(self, *, by_tokens: bool) -> tuple[str, str] | None:
        if self.base is None:
            return None
        if self.causes is None:
            self.causes = difference(self.base, self.head, ("baseline", "this run")).causes
        causes = [
            one for one in self.causes if one.stage != "requests" and (one.tokens if by_tokens else one.cost or 0) > 0
        ]
        if not causes:
            return None
        worst = max(causes, key=lambda one: one.tokens if by_tokens else one.cost or 0)
        return worst.what, worst.told
