"""Read what was named: the record of logs, warned about and saved, and what is refused of files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentcost.commands.asked import Asked, inputs
from agentcost.errors import AgentcostError, UsageError

if TYPE_CHECKING:
    from agentcost.record import Record


def read(asked: Asked, *, quiet: bool, save: str = "") -> Record:
    """The record of the logs, warned about and saved as asked."""
    from agentcost.loading.logs import load_logs  # noqa: PLC0415 — heavy
    from agentcost.record import save as packed  # noqa: PLC0415 — heavy

    take_interrupts()
    found = inputs(asked.logs)
    optional = frozenset(member.source.name for member in found.members if not member.named)
    record = load_logs(found.sources, asked.reading(optional))
    refuse_uncounted(asked, record)
    if not quiet:
        warn(record)
    if save:
        refuse_to_overwrite("--save", save, [source.name for source in found.sources])
        write("--save", save, packed(record))
    return record


def refuse_uncounted(asked: Asked, record: Record) -> None:
    """A saved record has no text: what its tokenizer did not count then cannot be counted with another now."""
    if not asked.tokenizer:
        return
    from agentcost.tokens.given import given_to  # noqa: PLC0415 — heavy

    for model in sorted({request.model for request in record.requests}):
        own = given_to(model)
        nodes = [request.node for request in record.requests if request.model == model and request.node]
        counted = (record.tree.entry(node).counts for node in nodes)
        if own and any(counts and own.encoding not in counts for counts in counted):
            raise UsageError(f"--tokenizer {own.model}={own.path}: a saved record has no text to count; name its log")


def refuse_unused(asked: Asked, record: Record) -> None:
    """A tokenizer for a model that no request is of is a name that was mistyped."""
    if not asked.tokenizer or not record.requests:
        return
    from agentcost.tokens.given import GIVEN, given_to  # noqa: PLC0415 — heavy

    models = sorted({request.model for request in record.requests})
    used = {given_to(model) for model in models}
    for own in GIVEN:
        if own not in used:
            named = ", ".join(model or "no name" for model in models[:_NAMED]) + (", …" if len(models) > _NAMED else "")
            raise UsageError(f"--tokenizer {own.model}={own.path}: no request is of this model; the log has {named}")


_NAMED = 5
"""Models of a log that a message names."""


def take_interrupts() -> None:
    """Ctrl-C ends a read that waits for a pipe, also when a library (polars) has installed a handler of its own."""
    import signal  # noqa: PLC0415

    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


_WARNED = 3


def warn(record: Record) -> None:
    """What could not be read, on standard error."""
    for skip in record.skipped[:_WARNED]:
        sys.stderr.write(f"agentcost: {skip.place}: skipped: {skip.reason}\n")
    if len(record.skipped) > _WARNED:
        sys.stderr.write(f"agentcost: {len(record.skipped) - _WARNED} more records skipped; --full lists them\n")


def refuse_skips(asked: Asked, *records: Record) -> None:
    """With --strict, a record that could not be read is an error."""
    skipped = [skip for record in records for skip in record.skipped]
    if asked.strict and skipped:
        raise AgentcostError(f"{skipped[0].place}: {skipped[0].reason} ({len(skipped)} skipped in all; --strict)")


def refuse_to_overwrite(option: str, file: str, logs: Sequence[str]) -> None:
    """A log is never written over; with --save neither is any other file that is no record."""
    target = Path(file)
    if any(Path(log).exists() and target.exists() and target.samefile(log) for log in logs):
        raise UsageError(f"{option} {target}: that is one of the logs; name another file")
    if option == "--save" and target.is_file() and target.stat().st_size:
        from agentcost.record import MAGIC  # noqa: PLC0415 — heavy

        with target.open("rb") as content:
            if content.read(len(MAGIC)) != MAGIC:
                raise UsageError(f"--save {target}: exists and is no record of agentcost; name another file")


def write(option: str, file: str, content: bytes) -> None:
    """Write a file that was asked for."""
    try:
        Path(file).write_bytes(content)
    except OSError as error:
        raise AgentcostError(f"{option} {file}: cannot be written ({error.strerror}); name another place") from error


def text_of(option: str, file: str) -> str:
    """The text of a TOML file that was named."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise AgentcostError(f"{option} {file}: cannot be read ({error.strerror}); name a TOML file") from error
    except UnicodeDecodeError as error:
        raise AgentcostError(f"{option} {file}: cannot be read: it is no UTF-8; name a TOML file") from error
