"""A record as a place to replay changes, and its table of what-ifs."""

from __future__ import annotations

import polars as pl

from agentcost.caching.prompts import Asking
from agentcost.caching.run import Run
from agentcost.record import Record
from agentcost.study import study
from agentcost.whatifs.replay import Stage
from agentcost.whatifs.table import stage_of, what_ifs


def staged(record: Record) -> tuple[Stage, Run]:
    """All requests of a record, and its cache as run."""
    own = study(record, Asking())
    rows = range(len(own.requests))
    return stage_of(record.tree, own.requests, own.standing, own.measured, own.run, rows), own.run


def table_of(record: Record) -> pl.DataFrame:
    """The what-ifs of all requests of a record."""
    own = study(record, Asking())
    return what_ifs(record.tree, own.requests, own.standing, own.measured, own.run, range(len(own.requests)))
