"""A record stood, measured and simulated: what its tables, and a look at one of its requests, both start from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from agentcost.caching.prompts import Asking
from agentcost.caching.run import Run, as_run
from agentcost.lineage import Standing, standings
from agentcost.measuring.measure import Measured, measure
from agentcost.model import Request
from agentcost.record import Record

if TYPE_CHECKING:
    import polars as pl


class Study(msgspec.Struct, frozen=True):
    """The requests of a record in its order, where each stands, how long it is, and what its cache made of it."""

    record: Record
    requests: Sequence[Request]
    standing: Sequence[Standing]
    measured: Sequence[Measured]
    run: Run

    def rows_of(self, selected: pl.DataFrame) -> list[int]:
        """The places in the record's order of the rows of a requests table, which keeps that order.

        Requests of one line of a log (a trace is one object) share its place: what else names them has to agree too.
        """
        rows = iter(selected.select("source", "line", "id", "model", "started").iter_rows())
        found, wanted = [], next(rows, None)
        for number, request in enumerate(self.requests):
            if (request.place.source, request.place.line, request.id, request.model, request.started) == wanted:
                found.append(number)
                wanted = next(rows, None)
        assert wanted is None  # the table was made of these requests
        return found


def study(record: Record, asking: Asking) -> Study:
    """Every request of a record. Nothing outside the record and what was asked is looked at."""
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    return Study(record, requests, standing, measured, as_run(record.tree, requests, standing, measured, asking))
