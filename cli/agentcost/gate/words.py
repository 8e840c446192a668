"""What the gate found in one sentence: the culprit first, and how much it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from agentcost.gate.verdicts import STAGES, Cause, Difference, Judgement, Pair, Verdict
from agentcost.units import UNKNOWN, currency, dollars, exact, percent, plural, rounded, tokens

SMALL = Decimal("0.01")
"""A change of a request's tokens or dollars below this share has not moved."""

_REST = Decimal("0.25")


def headline(difference: Difference, *, public: bool = False) -> str:
    """`Dearer: tool hold_at_counter added (170 tokens)`; without paths where `public`."""
    count = next(pair for pair in difference.pairs if pair.name == "requests")
    empty = [name for name, requests in (("base", count.base), ("head", count.head)) if not requests]
    if empty:
        return f"Nothing to compare: no request in {' and '.join(empty)}"
    cause = culprit(difference)
    if cause is None:
        return "Nothing changed" if not difference.changes else f"No more, no less: {changed(difference)}"
    told = cause.told if public else cause.what
    by = cause.cost if difference.cost is not None and cause.cost else Decimal(cause.tokens)
    words = ("Dearer", "Cheaper") if difference.cost is not None and cause.cost else ("Larger", "Smaller")
    return f"{words[by < 0]}: {told}"


def culprit(difference: Difference) -> Cause | None:
    """The cause that says most of what a change did: how many requests there were is no change, if there is another.

    What other causes of its stage take back says nothing.
    """
    causes = list(difference.causes)
    if not causes:
        return None
    nets: dict[str, Decimal] = {}
    for cause in causes:
        nets[cause.stage] = nets.get(cause.stage, Decimal(0)) + _amount(difference, cause)

    def weight(cause: Cause) -> tuple[Decimal, Decimal]:
        own, net = _amount(difference, cause), nets[cause.stage]
        return min(abs(own), abs(net)) if own * net > 0 else Decimal(0), abs(own)

    named = [cause for cause in causes if cause.stage != "requests" and cause.kind != "rest"]
    others = [cause for cause in causes if cause.stage != "requests"]
    best = max(named, key=weight, default=None)
    rest = max(others, key=weight, default=None)
    if best and rest and weight(best)[0] < _REST * weight(rest)[0]:
        best = rest
    best = best or rest
    if best and weight(best)[0] >= SMALL * _scale(difference):
        return best
    return max(causes, key=lambda cause: abs(_amount(difference, cause)))


def _amount(difference: Difference, cause: Cause) -> Decimal:
    """Its dollars, or its tokens where there are none."""
    return cause.cost if difference.cost is not None and cause.cost is not None else Decimal(cause.tokens)


def _scale(difference: Difference) -> Decimal:
    """What HEAD's requests would have been in BASE."""
    pairs = {pair.name: pair for pair in difference.pairs}
    each, count = pairs.get("cost a request" if difference.cost is not None else "tokens a request"), pairs["requests"]
    return each.base * count.head if each and each.base is not None and count.head is not None else Decimal(0)


def changed(difference: Difference) -> str:
    """`tool bash moved, tool grep moved and 3 more`."""
    told = [f"{change.public} {change.change}" for change in difference.changes]
    more = len(told) - 2
    return ", ".join(told[:2]) + (f" and {more} more" if more > 0 else "")


def sizes(difference: Difference) -> str:
    """`1,942 → 2,109 tokens in and out a request (+8.6%), $0.0018 → $0.0019 (+3.7%)`."""
    pairs = {pair.name: pair for pair in difference.pairs}
    found = []
    if "tokens a request" in pairs:
        pair = pairs["tokens a request"]
        before, after = rounded(_number(pair.base)), rounded(_number(pair.head))
        found.append(f"{before} → {after} tokens in and out a request ({grown(pair)})")
    if "cost a request" in pairs:
        pair = pairs["cost a request"]
        found.append(f"{' → '.join(both(pair))} ({grown(pair)})")
    return ", ".join(found) or f"{tokens(difference.base_tokens)} tokens in and out, {signed(difference.tokens)}"


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def moved(difference: Difference, least: Decimal = SMALL) -> bool:
    """Whether anything changed by more than a share: tokens or dollars of a request, a part of the prompt, a cache."""
    pairs = [pair for pair in difference.pairs if pair.name in ("tokens a request", "cost a request", "fixed prefix")]
    return any(_share(pair) >= least for pair in pairs) or any(_lasting(cause) for cause in difference.causes)


def _lasting(cause: Cause) -> bool:
    return cause.kind == "break" and not cause.noisy and (cause.cost or 0) > 0 and "0 →" in cause.what


def _share(pair: Pair) -> Decimal:
    if pair.base is None or pair.head is None:
        return Decimal(0)
    if not pair.base:
        return Decimal(bool(pair.head))
    return abs(pair.head - pair.base) / abs(pair.base)


def grown(pair: Pair) -> str:
    """`+8.6%`; the change itself of a share."""
    if pair.base is None or pair.head is None:
        return UNKNOWN
    change = pair.head - pair.base
    if not change:
        return "same"
    if pair.unit == "share":
        return f"{float(change * 100):+.1f} points"
    return ("+" if change > 0 else "") + percent(float(change), float(pair.base)) if pair.base else "new"


def shown(value: Decimal | None, unit: str) -> str:
    """A figure of a pair."""
    if value is None:
        return UNKNOWN
    if unit == "dollars":
        return dollars(value)
    if unit == "share":
        return percent(float(value))
    return exact(round(value))


def both(pair: Pair) -> tuple[str, str]:
    """Both figures of a pair; of dollars so many digits that the change shows: $0.0587 and $0.0596."""
    if pair.unit != "dollars" or pair.base is None or pair.head is None or pair.base == pair.head:
        return shown(pair.base, pair.unit), shown(pair.head, pair.unit)
    usual = max(_places(dollars(pair.base)), _places(dollars(pair.head)))
    digits = max(usual, min(_MOST_DIGITS, 1 - abs((pair.head - pair.base) * currency().rate).adjusted()))
    return dollars(pair.base, digits), dollars(pair.head, digits)


_MOST_DIGITS = 8


def _places(amount: str) -> int:
    """Digits behind the point."""
    return len(amount.partition(".")[2])


def named(words: Sequence[str], most: int = 3) -> str:
    """A few of them, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def signed(count: int) -> str:
    """`+5,440`."""
    return f"+{count:,}" if count > 0 else f"{count:,}"


def more(amount: Decimal | None) -> str:
    """`+$0.0022`."""
    return UNKNOWN if amount is None else ("+" if amount > 0 else "") + dollars(amount)


def by_stage(causes: Iterable[Cause]) -> dict[str, tuple[int, Decimal | None]]:
    """The sums of every stage, in their order."""
    found: dict[str, tuple[int, Decimal | None]] = dict.fromkeys(STAGES, (0, None))
    for cause in causes:
        count, cost = found[cause.stage]
        both = cause.cost if cost is None else cost if cause.cost is None else cost + cause.cost
        found[cause.stage] = count + cause.tokens, both
    return found


def by_certainty(causes: Iterable[Cause]) -> dict[str, tuple[int, Decimal | None]]:
    """The sums of the causes that follow from what was sent, and of those that come and go with luck and load."""
    found: dict[str, tuple[int, Decimal | None]] = {"deterministic": (0, None), "noisy": (0, None)}
    for cause in causes:
        word = "noisy" if cause.noisy else "deterministic"
        count, cost = found[word]
        both = cause.cost if cost is None else cost if cause.cost is None else cost + cause.cost
        found[word] = count + cause.tokens, both
    return found


# --- the verdict ----------------------------------------------------------------------------------------------------


def verdict(judgement: Judgement, *, public: bool = False) -> str:
    """`Over budget: server_tokens.maps 565 tokens, at most 500, because of …`."""
    broken = [one for one in judgement.verdicts if one.status in ("fail", "warn")]
    if not broken:
        return f"Within budget: {counts(judgement)}"
    word = "Over budget" if judgement.failed else "Within budget, with warnings"
    return f"{word}: {sentence(broken[0], public=public)}"


def sentence(one: Verdict, *, public: bool = False) -> str:
    """A limit that is broken, by how much, and what is behind it."""
    reason = one.public if public else one.culprit
    name = f"{one.metric}.{one.of}" if one.of and one.of not in ("*", "as run") else one.metric
    told = f"{name}: {one.message.removeprefix(f'{one.of}: ')}"
    if one.baseline is not None and reason:
        return f"{reason}: {told}"
    return told + (f"; {reason}" if reason else "")


def counts(judgement: Judgement) -> str:
    """`2 limits broken, 1 warning, 9 kept, 3 n/a`."""
    number = {
        status: sum(one.status == status for one in judgement.verdicts) for status in ("fail", "warn", "ok", "n/a")
    }
    found = [f"{plural(number['fail'], 'limit')} broken"] if number["fail"] else []
    found += [plural(number["warn"], "warning")] if number["warn"] else []
    found += [f"{number['ok']} kept"] if number["ok"] else []
    return ", ".join([*found, *([f"{number['n/a']} n/a"] if number["n/a"] else [])])
