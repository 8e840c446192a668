"""`agentcost formats`: what is read, with an example line of each."""

from __future__ import annotations

import sys


def formats() -> None:
    """The log formats that are read, with an example of each."""
    from agentcost.ingest.readers import READERS  # noqa: PLC0415 — readers import the parsers

    for reader in READERS:
        sys.stdout.write(f"{reader.name} ({reader.knowledge.value})\n  {reader.about}\n")
        sys.stdout.write(f"  from the log: {reader.identity}\n  example: {reader.example}\n\n")
