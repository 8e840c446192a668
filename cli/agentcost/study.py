"""A record stood, measured and simulated: what its tables, and a look at one of its requests, both start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentcost.caching.prompts import Asking
from agentcost.caching.run import Run, as_run
from agentcost.lineage import Standing, standings
from agentcost.measuring.measure import Measured, measure
from agentcost.model import Request
from agentcost.record import Record


@dataclass(frozen=True, slots=True)
class Study:
    """The requests of a record in its order, where each stands, how long it is, and what its cache made of it."""

    record: Record
    requests: Sequence[Request]
    standing: Sequence[Standing]
    measured: Sequence[Measured]
    run: Run

    @property
    def numbers(self) -> dict[tuple[str, int, str], int]:
        """The place of every request in the record's order, by what names it in the tables: source, line, id."""
        return {
            (request.place.source, request.place.line, request.id): row for row, request in enumerate(self.requests)
        }


def study(record: Record, asking: Asking) -> Study:
    """Every request of a record. Nothing outside the record and what was asked is looked at."""
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    return Study(record, requests, standing, measured, as_run(record.tree, requests, standing, measured, asking))
