"""The parameters of a body that are settings: they decide caching, tier and billing, and are kept as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body


def chosen(body: Body, names: Collection[str]) -> dict[str, Any]:
    """Those of these parameters that a body has."""
    return {name: value for name, value in body.items() if name in names and value is not None}


def as_text(found: Mapping[str, Any]) -> dict[str, str]:
    """Text as it is, everything else as JSON; what is null is not set."""
    return {
        name: value if isinstance(value, str) else parts.canonical(value)
        for name, value in found.items()
        if value is not None
    }
