"""`agentcost redact`: a log without its text and its names, to give away."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentcost.commands import options
from agentcost.commands.asked import Asked
from agentcost.commands.reading import read, refuse_skips, refuse_to_overwrite
from agentcost.errors import AgentcostError, UsageError

if TYPE_CHECKING:
    from agentcost.sharing.redaction import Hiding

SaltFile = Annotated[
    str,
    typer.Option(
        "--salt-file",
        metavar="FILE",
        help="A secret of your own: what is redacted with the same one can be merged. Else a random one, not kept.",
    ),
]
Keep = Annotated[
    str, typer.Option("--keep", metavar="A,B", help="Names to leave as they are: users, paths, tools, labels.")
]
Output = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE", help="x.jsonl or x.jsonl.zst; else standard output.")
]


@options.composed(asked=options.only("logs", *options.READING, *options.COST))
def redact(
    asked: Asked, salt_file: SaltFile = "", keep: Keep = "", output: Output = "", quiet: options.Quiet = False
) -> None:
    """A log without its text and names, to give away: it analyzes as the original does."""
    from agentcost.sharing.redaction import Hiding, hidden_record, key_of  # noqa: PLC0415 — heavy

    kept, compressed = _kept(keep), _compressed(output)
    hiding = Hiding(key_of(_salt(salt_file)), kept)
    record = read(asked, quiet=quiet)
    refuse_skips(asked, record)
    if not record.requests:
        raise AgentcostError("no request was found, so there is nothing to redact; see agentcost analyze")
    from agentcost.sharing.rows import lines  # noqa: PLC0415 — after the logs are read: it starts threads

    rows = lines(hidden_record(record, hiding), kept)
    if output:
        refuse_to_overwrite("-o", output, [log.name for log in record.logs])
        _write(Path(output), rows, compressed=compressed)
    else:
        _print(rows)
    if not quiet:
        sys.stderr.writelines(f"agentcost: {line}\n" for line in _told(hiding, len(record.requests), salt_file))


def _kept(keep: str) -> frozenset[str]:
    from agentcost.sharing.redaction import KEEPABLE  # noqa: PLC0415 — heavy

    words = frozenset(word.strip() for word in keep.split(",") if word.strip())
    unknown = sorted(words - KEEPABLE.keys())
    if unknown:
        raise UsageError(f"--keep {unknown[0]}: there is no such choice; write any of {','.join(KEEPABLE)}")
    return words


def _compressed(output: str) -> bool:
    if output and not output.endswith((".jsonl", ".jsonl.zst")):
        raise UsageError(f"-o {output}: what is written are JSON lines; name it .jsonl or .jsonl.zst")
    return output.endswith(".zst")


def _salt(file: str) -> bytes:
    """The salt that was given, or one that nobody will know again."""
    if not file:
        return secrets.token_bytes(32)
    try:
        return Path(file).read_bytes()
    except FileNotFoundError as error:
        raise AgentcostError(
            f"--salt-file {file} does not exist; make it once, and keep it secret: openssl rand -hex 32 > {file}"
        ) from error
    except OSError as error:
        raise AgentcostError(f"--salt-file {file}: cannot be read ({error.strerror})") from error


def _write(target: Path, rows: Iterable[bytes], *, compressed: bool) -> None:
    """Beside the target first: a redaction that breaks off leaves nothing that looks whole."""
    import zstandard  # noqa: PLC0415 — heavy

    beside = target.with_name(f".{target.name}.{os.getpid()}")
    # repeated prompts repeat their blocks: a long window finds them
    options = zstandard.ZstdCompressionParameters.from_level(6, window_log=24, enable_ldm=True, write_checksum=True)
    try:
        with beside.open("wb") as file:
            if compressed:
                with zstandard.ZstdCompressor(compression_params=options).stream_writer(file, closefd=False) as packed:
                    for row in rows:
                        packed.write(row)
            else:
                file.writelines(rows)
        beside.replace(target)
    except OSError as error:
        raise AgentcostError(f"-o {target}: cannot be written ({error.strerror})") from error
    finally:
        beside.unlink(missing_ok=True)


def _print(rows: Iterable[bytes]) -> None:
    for row in rows:
        sys.stdout.buffer.write(row)
    sys.stdout.buffer.flush()


_SHOWN = 8
_CALLED: dict[str, tuple[str, str]] = {
    "log": ("log", "logs"), "session": ("session", "sessions"), "id": ("provider id", "provider ids"),
    "user": ("user", "users"), "project": ("project", "projects"), "task": ("task", "tasks"),
    "tool": ("tool", "tools"), "server": ("MCP server", "MCP servers"),
    "part": ("name in prompts", "names in prompts"), "label": ("label", "labels"),
    "field": ("label's name", "labels' names"), "provider": ("provider", "providers"),
    "model": ("model", "models"), "client": ("client", "clients"), "owner": ("model's owner", "models' owners"),
    "text": ("word in settings", "words in settings"), "record": ("kind of record", "kinds of records"),
    "role": ("role", "roles"),
}  # fmt: skip
"""What names are of, in the order in which it is told."""


def _told(hiding: Hiding, requests: int, salt_file: str) -> Iterator[str]:
    """What was hashed, what was kept, and under which salt."""
    counts = [(len(hiding.hidden.get(what, ())), called) for what, called in _CALLED.items()]
    hashed = ", ".join(f"{count:,} {called[count != 1]}" for count, called in counts if count)
    salt = "a random salt that is not kept, so nothing else can be merged with it"
    if salt_file:
        salt = f"the salt of {salt_file}; what is redacted with the same one can be merged with it"
    yield f"{requests:,} request{'s' * (requests != 1)} redacted under {salt}"
    yield f"hashed: {hashed or 'no name'}; no text of a prompt is in it"
    yield "kept: times, token counts, sizes, and settings that decide caching and price"
    for what, called in _CALLED.items():
        names = sorted(hiding.kept.get(what, ()))
        if names:
            rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield f"kept {called[len(names) != 1]}: {', '.join(names[:_SHOWN])}{rest}"
