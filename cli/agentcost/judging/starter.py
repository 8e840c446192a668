"""A first budget, made from a run: every limit a little above what it is now."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from agentcost.gate.baseline import Baseline

ROOM = Decimal("1.1")
"""How far above today's figure a limit stands."""


def starter(head: Baseline) -> str:
    """The text of agentcost.toml for this run."""
    lines = [
        "# agentcost.toml: limits a tenth above this run.",
        "# `agentcost check LOG` exits with 3 over [fail].",
        "",
    ]
    models = sorted({payer.model for payer in head.payers})
    if head.static and models:
        lines += [f'model = "{models[0]}"', ""]
    if not head.static and head.requests == head.unpriced_requests:
        lines += ['allow = ["unpriced"]', ""]
    lines += ["[fail]", *_usual(head), *_servers(head)]
    warned = [*_warned(head)]
    causes = [one for one in head.figures if one.metric == "misses" and one.of in _CAUSES and one.value is not None]
    lines += ["", "[warn]", *warned] if warned else []
    lines += ["", "[warn.misses]  # shares of requests"] if causes else []
    return "\n".join([*lines, *(f"{one.of} = {_above(one.value or Decimal(0))}" for one in causes)]) + "\n"


_CAUSES = ("system_changed", "tools_changed")


def _usual(head: Baseline) -> Iterator[str]:
    """What every log has, as far as it is known."""
    for metric in ("fixed_prefix_tokens", "cost_per_session", "cost_per_request", "input_tokens_p90"):
        figure = head.figure(metric)
        if figure and figure.value:
            yield f"{metric} = {_above(figure.value)}"
    rate = head.figure("hit_rate", "as run")
    if rate and rate.value:
        yield f"hit_rate = {_below(rate.value)}"
    if not head.static and not head.unpriced_requests:
        yield "unpriced_models = 0"


def _servers(head: Baseline) -> Iterator[str]:
    sizes = [one.value for one in head.figures if one.metric == "server_tokens" and one.value]
    if sizes:
        yield f"server_tokens = {{ max = {_above(max(sizes))} }}  # of each MCP server"


def _warned(head: Baseline) -> Iterator[str]:
    sizes = [one.value for one in head.figures if one.metric == "tool_tokens" and one.value]
    if sizes:
        yield f"tool_tokens = {_above(max(sizes))}  # of each tool"
    idle = head.figure("never_called_tools")
    if idle and idle.value is not None:
        yield f"never_called_tools = {idle.value}"


def _above(value: Decimal) -> str:
    """A tenth more, with two digits."""
    return "0" if not value else _two(value * ROOM, ROUND_CEILING)


def _below(value: Decimal) -> str:
    return _two(value / ROOM, ROUND_FLOOR)


def _two(value: Decimal, rounding: str) -> str:
    step = Decimal(1).scaleb(value.adjusted() - 1)
    found = (value / step).to_integral_value(rounding) * step
    return f"{found:f}".rstrip("0").rstrip(".") if found != found.to_integral_value() else f"{found:.0f}"
