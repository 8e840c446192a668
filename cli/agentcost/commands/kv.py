"""`agentcost kv`: what prompts weigh as KV cache on open models, and how many sessions a memory holds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentcost.commands import curves, options
from agentcost.commands.asked import Asked
from agentcost.commands.curves import CacheOptions, Prompt
from agentcost.commands.memory import memory_ask
from agentcost.commands.reading import refuse_skips
from agentcost.commands.sheets import write_tables
from agentcost.errors import UsageError
from agentcost.units import shown_in

if TYPE_CHECKING:
    from agentcost.memory.ask import KvAsk
    from agentcost.memory.capacity import CapacityAsk
    from agentcost.record import Record
    from agentcost.results import Analysis
    from agentcost.study import Study


@options.composed(
    prompt=curves.prompt_of,
    ask=memory_ask,
    cache=curves.cache_options,
    asked=options.only(
        "logs", *options.READING, *options.SELECTION, *options.COUNTING, *options.COST, "rate", *options.DATA
    ),
)
def kv(
    prompt: Prompt | None,
    ask: KvAsk,
    cache: CacheOptions,
    asked: Asked,
    quiet: options.Quiet = False,
) -> None:
    """Footprint by model and KV format of a log or of --tokens, how many fit, hit rate by capacity, tiers, prefill."""
    from agentcost.commands.report import deliver, draw, width  # noqa: PLC0415 — heavy
    from agentcost.views.kv import kv as view  # noqa: PLC0415 — heavy

    currency = asked.currency()
    if prompt is not None:
        _refuse_log(asked, cache)
        analysis = _of_a_prompt(prompt, ask, cache.gpu_price)
        if asked.form == "json":
            write_tables("kv", analysis.tables)
        else:
            with shown_in(currency):
                draw(view(analysis, width()))
        return
    if not asked.logs and sys.stdin.isatty():
        raise UsageError("kv needs a log, or --tokens N for a prompt without one")
    analysis, record = _of_a_log(asked, ask, cache.of(ask), quiet=quiet)
    refuse_skips(asked, record)
    if asked.data:
        deliver(analysis, "kv", asked, analysis.tables["sources"]["source"].to_list())
    else:
        with shown_in(currency):
            draw(view(analysis, width()))


def _refuse_log(asked: Asked, cache: CacheOptions) -> None:
    """UsageError for what only a log can answer."""
    if asked.logs:
        raise UsageError("--tokens stands for a prompt without a log; leave one of both out")
    if asked.output or asked.table or asked.form not in ("text", "json"):
        raise UsageError("--tokens: --json or the report; -o, --table and other formats are for logs")
    if cache.given:
        raise UsageError(f"--tokens: {cache.given} is of a log, whose requests share a cache; name one in place of it")


def _of_a_prompt(prompt: Prompt, ask: KvAsk, gpu_price: float | None) -> Analysis:
    """The tables of a prompt without a log."""
    from agentcost.memory.ask import given_tables  # noqa: PLC0415 — heavy
    from agentcost.memory.prefill import given_prefill  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis, Scope  # noqa: PLC0415 — heavy

    prefill = given_prefill(ask, prompt.tokens, prompt.cached, gpu_price)
    tables = given_tables(ask, prompt.tokens + prompt.output) | {"prefill": prefill}
    return Analysis(Scope(0, 0, None, None, "UTC"), (), tables)


def _of_a_log(asked: Asked, ask: KvAsk, cache: CapacityAsk, *, quiet: bool) -> tuple[Analysis, Record]:
    """The analysis of the logs with the tables of memory beside those of its requests and records."""
    from agentcost.commands.report import studied  # noqa: PLC0415 — heavy
    from agentcost.memory.footprints import log_tables  # noqa: PLC0415 — heavy
    from agentcost.memory.tables import memory_tables  # noqa: PLC0415 — heavy
    from agentcost.results import Analysis  # noqa: PLC0415 — heavy

    analysis, study = studied(asked, quiet=quiet, save="")
    chosen = set(study.rows_of(analysis.tables["requests"]))
    again = _counted_again(asked, ask, study) if ask.named else {}
    kept = ("requests", "components", "hidden", "rulers", "sources", "others", "skipped")
    own = log_tables(study, chosen, ask, again) | memory_tables(study, chosen, ask, cache, again)
    tables = own | {name: analysis.tables[name] for name in kept}
    return Analysis(analysis.scope, analysis.rulers, tables), study.record


def _counted_again(asked: Asked, ask: KvAsk, study: Study) -> dict[str, dict[int, int]]:
    """Counts of the log's texts in the vocabularies of the named models, by encoding and segment."""
    from agentcost.paths.excerpts import texts_of  # noqa: PLC0415 — heavy
    from agentcost.tokens import counter, encoding_of  # noqa: PLC0415 — heavy

    found: dict[str, dict[int, int]] = {}
    for encoding in {encoding_of(model.id).name for model in ask.models}:
        entries = study.record.tree.entries
        missing = [
            number
            for number, entry in enumerate(entries)
            if entry.tokens is None and not entry.media and entry.counts and encoding not in entry.counts
        ]
        if missing:
            texts = texts_of(study.record, missing, asked.reading())
            counts = counter(encoding, threads=False).count_all(list(texts.values()))
            found[encoding] = dict(zip(texts, counts, strict=True))
    return found
