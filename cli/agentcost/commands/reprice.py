"""`agentcost reprice`: the same log under other terms: models, tiers, hosts, caching, plans, routings, own machines."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.reading import refuse_skips
from agentcost.errors import UsageError
from agentcost.units import shown_in

if TYPE_CHECKING:
    from polars import DataFrame

    from agentcost.choices import Choices
    from agentcost.pricing.price_file import Book
    from agentcost.repricing.bills import Ask
    from agentcost.repricing.machines import Machine, Roofline
    from agentcost.repricing.plans import PlanAsk
    from agentcost.repricing.routing import Route
    from agentcost.results import Analysis
    from agentcost.study import Study


class Wanted(msgspec.Struct, frozen=True):
    """Under which terms: what every request is sent to, which share goes where, and which month under which plans."""

    ask: Ask
    routes: tuple[Route, ...] = ()
    retries: Decimal = Decimal(0)
    plans: PlanAsk | None = None

    @property
    def alone(self) -> bool:
        """Whether only routes or plans were asked for, so that the usual rows would stand in their way."""
        return bool(self.routes or self.plans) and not self.ask.named and not self.ask.machine


def wanted_of(
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME[@HOST]", help="As if on this model; repeatable.")
    ] = None,
    tier: Annotated[
        list[str] | None,
        typer.Option("--tier", metavar="TIER", help="batch, flex, priority, fast, ultrafast, standard; repeatable."),
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", metavar="NAME", help="As if at this host; repeatable.")
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            "--route",
            metavar="'RULE->MODEL'",
            help="Send a share elsewhere: side, subagent, main, tool-only, <20k, model=GLOB; & joins.",
        ),
    ] = None,
    guardrail_retries: Annotated[
        str,
        typer.Option("--guardrail-retries", metavar="SHARE", help="The share of what is routed that is sent again."),
    ] = "",
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="A month under plans; the log's last.")] = "",
    developers: Annotated[
        int | None, typer.Option("--developers", metavar="N", min=1, help="Seats of a plan; one per user of the log.")
    ] = None,
    plan: Annotated[
        list[str] | None, typer.Option("--plan", metavar="NAME", help="One of `agentcost prices`; repeatable.")
    ] = None,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Scale the days that the log spans to the whole month.")
    ] = False,
    accelerator_price: Annotated[
        str,
        typer.Option(
            "--accelerator-price", metavar="$/HOUR", help="Your own machine's, with --throughput or --self-hosted."
        ),
    ] = "",
    throughput: Annotated[
        str, typer.Option("--throughput", metavar="TOKENS/S", help="Input and output tokens that it takes a second.")
    ] = "",
    self_hosted: Annotated[
        str, typer.Option("--self-hosted", metavar="MODEL", help="An open model on your own --accelerator, at best.")
    ] = "",
    accelerator: Annotated[
        str, typer.Option("--accelerator", metavar="NAME", help="With --self-hosted: one of `agentcost hardware`.")
    ] = "",
) -> Wanted:
    """What was asked for. UsageError where it cannot be: that is refused before anything is read."""
    from agentcost.repricing.routing import parse_route  # noqa: PLC0415 — heavy

    if guardrail_retries and not route:
        raise UsageError("--guardrail-retries is of what a --route sends elsewhere; name one")
    return Wanted(
        _ask(model or (), tier or (), host or (), _machine(accelerator_price, throughput, self_hosted, accelerator)),
        tuple(map(parse_route, route or ())),
        options.share("--guardrail-retries", guardrail_retries) if guardrail_retries else Decimal(0),
        _plan_ask(month, developers, plan or (), model or (), extrapolate=extrapolate),
    )


def _ask(models: Sequence[str], tiers: Sequence[str], hosts: Sequence[str], machine: Machine | Roofline | None) -> Ask:
    """What every request is sent to."""
    from agentcost.repricing.bills import OTHERS, TIERS, Ask  # noqa: PLC0415 — heavy

    for tier in tiers:
        if tier.lower() not in (*TIERS, *OTHERS):
            raise UsageError(f"--tier {tier}: there is no such tier; write one of {', '.join((*TIERS, *OTHERS))}")
    return Ask(tuple(models), tuple(tier.lower() for tier in tiers), tuple(hosts), machine)


def _check_hosts(wanted: Wanted, book: Book | None) -> None:
    """UsageError for a host that no prices are known of: its requests would be priced as their maker's."""
    from agentcost.pricing.listing import providers  # noqa: PLC0415 — heavy

    targets = [
        *wanted.ask.targets,
        *(route.sent for route in wanted.routes),
        *(wanted.plans.models if wanted.plans else ()),
    ]
    if not targets or (book and any(not price.provider for price in book.prices)):
        return
    known = providers(book)
    for sent in targets:
        if sent.host not in known:
            raise UsageError(f"{sent.host}: no prices of this host are known; there are {', '.join(known)}")


def _machine(price: str, throughput: str, model: str, accelerator: str) -> Machine | Roofline | None:
    """One's own machine: a price and a throughput, or a model on an accelerator; None where neither was given."""
    from agentcost.datasheets.hardware import accelerator_named  # noqa: PLC0415 — heavy
    from agentcost.datasheets.models import architecture_of  # noqa: PLC0415 — heavy
    from agentcost.repricing.machines import Machine, roofline  # noqa: PLC0415 — heavy

    if bool(model) != bool(accelerator) or (model and throughput):
        raise UsageError("--self-hosted MODEL and --accelerator NAME belong together, and take no --throughput")
    each = _number("--accelerator-price", price) if price else None
    if model:
        return roofline(architecture_of(model), accelerator_named(accelerator), each)
    if bool(price) != bool(throughput):
        raise UsageError("--accelerator-price and --throughput belong together: dollars an hour, tokens a second")
    return Machine(each, _number("--throughput", throughput)) if each else None


def _number(option: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found <= 0:
        raise UsageError(f"{option} {text}: write a number above 0, as 2.5")
    return found


def _plan_ask(
    month: str, developers: int | None, names: Sequence[str], models: Sequence[str], *, extrapolate: bool
) -> PlanAsk | None:
    """What was asked of plans; None where nothing was."""
    from agentcost.repricing.bills import sent_to  # noqa: PLC0415 — heavy
    from agentcost.repricing.plans import PlanAsk, first_of  # noqa: PLC0415 — heavy

    if not (month or developers is not None or names or extrapolate):
        return None
    if month:
        first_of(month)
    return PlanAsk(month, developers, extrapolate, tuple(names), tuple(map(sent_to, models)))


@options.composed(
    wanted=wanted_of,
    asked=options.only("logs", *options.RUN, "rate", *options.COST, *options.DATA),
)
def reprice(
    wanted: Wanted,
    asked: Asked,
    quiet: options.Quiet = False,
) -> None:
    """The same log under other models, tiers, hosts, caching, plans, routings: a row each, and what it assumes."""
    from agentcost.commands.report import deliver, draw, studied, width  # noqa: PLC0415 — heavy
    from agentcost.views.reprice import reprice as view  # noqa: PLC0415 — heavy

    currency = asked.currency()
    _check_hosts(wanted, asked.pricing().book)
    analysis, study = studied(asked, quiet=quiet or (not asked.data and sys.stdout.isatty()), save="")
    refuse_skips(asked, study.record)
    found = _analysis(analysis, study, asked, wanted)
    if asked.data:
        deliver(found, "reprice", asked, [log.name for log in study.record.logs])
    else:
        with shown_in(currency):
            draw(view(found, width()))


def _analysis(analysis: Analysis, study: Study, asked: Asked, wanted: Wanted) -> Analysis:
    """The analysis with the tables of what was asked for, in place of those of other reports."""
    from agentcost.results import Analysis  # noqa: PLC0415 — heavy

    kept = ("requests", "components", "hidden", "rulers", "sources", "others", "skipped")
    tables = {name: analysis.tables[name] for name in kept}
    chosen = set(study.rows_of(analysis.tables["requests"]))
    own = _tables(study, asked.choices(), wanted, chosen) if chosen else {}
    return Analysis(analysis.scope, analysis.rulers, own | tables)


def _tables(study: Study, choices: Choices, wanted: Wanted, chosen: Collection[int]) -> dict[str, DataFrame]:
    """The tables of what was asked for, of the chosen requests."""
    from agentcost.analyze import asking_of  # noqa: PLC0415 — heavy
    from agentcost.costs.requests import costs_of  # noqa: PLC0415 — heavy
    from agentcost.repricing.bills import Repricing  # noqa: PLC0415 — heavy
    from agentcost.repricing.plans import month_of, plan_month, plan_rows  # noqa: PLC0415 — heavy
    from agentcost.repricing.resending import Resending  # noqa: PLC0415 — heavy
    from agentcost.repricing.routing import routes  # noqa: PLC0415 — heavy
    from agentcost.repricing.tables import repriced  # noqa: PLC0415 — heavy

    costs = costs_of(study.requests, study.measured, study.run, choices.pricing)
    repricing = Repricing(Resending(study, asking_of(choices)), costs, choices.pricing)
    own = {"repriced": repriced(repricing, list(repricing.offers(wanted.ask, alone=wanted.alone)), chosen)}
    if wanted.routes:
        own["routes"] = routes(repricing, wanted.routes, wanted.retries, chosen)
    if wanted.plans:
        month = month_of(repricing, wanted.plans, chosen)
        own |= {"plans": plan_rows(repricing, month, wanted.plans), "plan_month": plan_month(month)}
    return own
