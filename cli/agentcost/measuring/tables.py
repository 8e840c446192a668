"""What the counts make of every billed prompt, beside its bill: how far they are off, and why that may be."""

from __future__ import annotations

import polars as pl

from agentcost.model import Basis, Kind, Knowledge
from agentcost.results import KIND_COLUMNS

SHORT = 1_000
"""Billed tokens below which a few tokens are a large share."""

NEAR = 0.01
"""The share of the bill up to which nothing needs an explanation."""


def fit(chosen: pl.DataFrame) -> pl.DataFrame:
    """A row per billed request, the one that is off by the largest share first."""
    unexplained = pl.col(KIND_COLUMNS[Kind.UNEXPLAINED])
    return (
        chosen.filter(pl.col("billed") & (pl.col("prompt") > 0))
        .with_columns(counted=pl.col("prompt") - unexplained, off=-unexplained)
        .with_columns(share=pl.col("off").abs() / pl.col("prompt"), why=_why())
        .select(
            "source", "line", "id", "model", "client", "knowledge", "basis",
            pl.col("prompt").alias("billed"), "counted", "off", "share", "why",
        )
        .sort("share", "billed", "source", "line", descending=[True, True, False, False])
    )  # fmt: skip


def _why() -> pl.Expr:
    """The likeliest cause, the one that moves counts the most first; empty where a count is near."""
    columns = {kind: pl.col(KIND_COLUMNS[kind]) for kind in Kind}
    unexplained, prompt = columns[Kind.UNEXPLAINED], pl.col("prompt")
    tools = columns[Kind.TOOL] + columns[Kind.MCP_TOOL] > 0
    causes = (
        (unexplained.abs() <= NEAR * prompt, ""),
        (columns[Kind.HIDDEN] > 0, "its hidden prefix changed"),
        (columns[Kind.IMAGE] > 0, "images are estimated"),
        (columns[Kind.DOCUMENT] > 0, "documents are estimated"),
        (pl.col("knowledge") == Knowledge.TRANSCRIPT.value, "its hidden prefix is not known"),
        ((unexplained < 0) & (columns[Kind.THINKING] > NEAR * prompt), "thinking not shown again"),
        ((unexplained > prompt / 2) & tools, "provider-run tools, or not logged"),
        (unexplained > prompt / 2, "a part is not in the log"),
        (prompt < SHORT, "short: a few tokens weigh much"),
        (tools & (pl.col("basis") != Basis.EXACT.value), "rendering of tools is not public"),
        (pl.col("basis") == Basis.ESTIMATED.value, "not calibrated on bills"),
        (pl.col("basis") == Basis.CALIBRATED.value, "the tokenizer is not public"),
    )
    found = pl.lit("the template around the text")
    for there, reason in reversed(causes):
        found = pl.when(there).then(pl.lit(reason)).otherwise(found)
    return found
