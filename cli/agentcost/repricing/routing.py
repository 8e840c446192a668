"""A share of a log's requests sent to another model by a rule, and what that does to both sides.

side->claude-haiku-4-5              titles, probes and summaries
subagent&<20k->gpt-6-luna           requests of sub-agents with prompts under 20,000 tokens
tool-only->gpt-oss-120b@groq        turns whose whole answer is tool calls
model=claude-opus-*->claude-sonnet-5-5

What is sent away leaves its cache, and what stays finds less in it: both sides are replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase

import msgspec
import polars as pl

from agentcost.costs.requests import COLUMN
from agentcost.costs.tables import MONEY
from agentcost.errors import UsageError
from agentcost.measuring.levels import Ints
from agentcost.model import Kind, Request
from agentcost.names import bare_name
from agentcost.prefix import Tree
from agentcost.pricing import FEMTO, Terms, dollars
from agentcost.repricing.bills import Bill, Repricing, sent_to
from agentcost.repricing.resending import Outcome, Sent, same_model
from agentcost.repricing.tables import tokens_factor

RULES = "side, subagent, main, tool-only, <20k, model=GLOB, joined by &"


class Route(msgspec.Struct, frozen=True):
    """`words` as the user wrote them, the conditions a request must all meet, and where it is then sent."""

    words: str
    conditions: tuple[str, ...]
    sent: Sent


def parse_route(text: str) -> Route:
    """`RULE->MODEL` or `RULE->MODEL@HOST`. UsageError where it is not so."""
    rule, arrow, model = text.partition("->")
    conditions = tuple(part.strip() for part in rule.split("&"))
    if not arrow or not model.strip():
        raise UsageError(f"--route {text}: write it as 'RULE->MODEL'; rules are {RULES}")
    for one in conditions:
        if one not in _ROLES and one != "tool-only" and not one.startswith("model=") and _under(one) is None:
            raise UsageError(f"--route {text}: there is no rule {one!r}; rules are {RULES}")
    return Route(text.strip(), conditions, sent_to(model.strip()))


_ROLES = ("side", "subagent", "main")
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000}


def _under(condition: str) -> int | None:
    """20,000 of `<20k`; None where it is no such condition."""
    found = re.fullmatch(r"<\s*(\d+(?:\.\d+)?)([km]?)", condition.lower())
    return int(Decimal(found[1]) * _SIZES[found[2]]) if found else None


def routed(
    tree: Tree, requests: Sequence[Request], roles: Sequence[str], prompts: Sequence[int], routes: Sequence[Route]
) -> list[Route | None]:
    """The first route whose conditions a request meets; `roles` are those that reports show, `prompts` tokens."""
    found: list[Route | None] = []
    for request, role, prompt in zip(requests, roles, prompts, strict=True):
        met = _conditions(tree, request, role, prompt)
        found.append(next((route for route in routes if all(map(met, route.conditions))), None))
    return found


def _conditions(tree: Tree, request: Request, role: str, prompt: int) -> Callable[[str], bool]:
    def met(condition: str) -> bool:
        if condition in _ROLES:
            return role == condition
        if condition == "tool-only":
            return _only_calls(tree, request)
        if condition.startswith("model="):
            glob = condition.removeprefix("model=")
            return any(fnmatchcase(name, glob) for name in (request.model, bare_name(request.model)))
        under = _under(condition)
        return under is not None and prompt < under

    return met


def _only_calls(tree: Tree, request: Request) -> bool:
    """Whether the answer is tool calls and thinking only; not where the log has no answer."""
    if request.answer is None:
        return False
    kinds, node = set(), request.answer
    while node not in (request.node, 0):
        kinds.add(tree.entry(node).kind)
        node = tree.parents[node]
    return Kind.TOOL_CALL in kinds and kinds <= {Kind.TOOL_CALL, Kind.THINKING}


# --- the table -----------------------------------------------------------------------------------------------------

ROUTES: dict[str, pl.DataType] = {
    "route": pl.String(), "billing": pl.String(), "requests": pl.Int64(), "routed": pl.Int64(),
    "lineages": pl.Int64(), "lineages_split": pl.Int64(), "unpriced_requests": pl.Int64(), "unpriced": pl.String(),
    "cost": MONEY, "against": MONEY, "change": pl.Float64(), "routed_before": MONEY, "routed_after": MONEY,
    "stayed_before": MONEY, "stayed_after": MONEY, "retry_rate": MONEY, "retry_cost": MONEY, "band": pl.Float64(),
    "tokens_factor": pl.Float64(), "assumes": pl.String(),
}  # fmt: skip

QUALITY = "quality is not modelled: neither how well the other model does, nor the turns that a failure adds"
RETRIED = "a retry reads what the first try left in the cache, and answers as long again"
SPLIT = "the caches of both sides replayed: neither reads what the other wrote"


def routes(repricing: Repricing, asked: Sequence[Route], retries: Decimal, chosen: Collection[int]) -> pl.DataFrame:
    """A row per route and way of paying, then all of them together, a request by the first that fits.

    `cost` is that of what is routed, with its retries, and of what stays; `against` that of the log as simulated.
    """
    sets: list[tuple[str, tuple[Route, ...]]] = [(route.words, (route,)) for route in asked]
    sets += [("all of these, the first that fits", tuple(asked))] if len(asked) > 1 else []
    billing = repricing.costs.billing
    rows = []
    for words, together in sets:
        way = _Way(repricing, together, retries)
        for paid in sorted({billing[row] for row in chosen}):
            rows.append((words, paid, *way.row([row for row in sorted(chosen) if billing[row] == paid])))
    return pl.DataFrame(rows, schema=ROUTES, orient="row")


class _Way:
    """The log with some routes in force."""

    def __init__(self, repricing: Repricing, asked: Sequence[Route], retries: Decimal) -> None:
        self.repricing, self.retries = repricing, retries
        resending, requests = repricing.resending, repricing.requests
        prompts = resending.as_run.rebased.totals
        studied = resending.studied
        found = routed(studied.record.tree, requests, repricing.roles, prompts, asked)
        self.goes = [route is not None for route in found]
        self.outcome: Outcome = resending.send([route.sent if route else None for route in found])
        terms = [
            Terms(route.sent.host, route.sent.model) if route and self.leaves(row, route) else repricing.terms[row]
            for row, route in enumerate(found)
        ]
        self.bill: Bill = repricing.bill(self.outcome, terms)
        self.again: Bill = repricing.priced(_again(self.bill.tokens), terms)

    def leaves(self, row: int, route: Route) -> bool:
        own = self.repricing.terms[row]
        return own.host != route.sent.host or not same_model(own.model, route.sent.model)

    def row(self, rows: Sequence[int]) -> tuple[object, ...]:
        before, bill = self.repricing.simulated, self.bill
        both = [row for row in rows if bill.priced[row] and before.priced[row]]
        away, stays = [row for row in both if self.goes[row]], [row for row in both if not self.goes[row]]
        retry = _share(self.again.total(away), self.retries)
        cost, then = bill.total(both) + retry, before.total(both)
        reasons = sorted({bill.reasons[row] or before.reasons[row] for row in rows if row not in set(both)})
        lineages, split = self._split(rows)
        moved = [row for row in rows if self.goes[row]]
        factor, band = tokens_factor(self.repricing, self.outcome, moved)
        told = [QUALITY, SPLIT] + [RETRIED] * bool(self.retries)
        return (
            len(rows), len(moved), lineages, split, len(rows) - len(both), "; ".join(reasons),
            dollars(cost) if both else None, dollars(then) if both else None, cost / then - 1 if then else None,
            dollars(before.total(away)), dollars(bill.total(away) + retry), dollars(before.total(stays)),
            dollars(bill.total(stays)), self.retries.quantize(Decimal(1).scaleb(-FEMTO)), dollars(retry),
            band, factor,
            "; ".join(told),
        )  # fmt: skip

    def _split(self, rows: Sequence[int]) -> tuple[int, int]:
        """How many lineages there are, and how many have requests on both sides."""
        sides: dict[int, set[bool]] = {}
        for row in rows:
            sides.setdefault(self.repricing.resending.studied.standing[row].lineage, set()).add(self.goes[row])
        return len(sides), sum(len(both) > 1 for both in sides.values())


def _again(tokens: Ints) -> Ints:
    """The tokens of the same requests sent again at once: what they wrote is read."""
    found = tokens.copy()
    for name in ("write_5m", "write_1h", "write", "write_12h"):
        found[:, COLUMN["read"]] += found[:, COLUMN[name]]
        found[:, COLUMN[name]] = 0
    return found


def _share(femto: int, rate: Decimal) -> int:
    return int((Decimal(femto) * rate).to_integral_value(ROUND_HALF_EVEN))
