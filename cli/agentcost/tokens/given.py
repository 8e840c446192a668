"""Tokenizers that the user brings: a Hugging Face tokenizer.json makes the counts of an open model exact."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from agentcost.errors import UsageError
from agentcost.names import bare_name

PREFIX = "given-"
"""What the names of such encodings begin with; the digest of the file follows, so that counts are kept by content."""


class Given(msgspec.Struct, frozen=True):
    """A tokenizer of the user's, and the model it is of (a name or a pattern, as `glm-5*`)."""

    model: str
    path: str
    encoding: str


GIVEN: list[Given] = []
"""The tokenizers of this process; `give` sets them before anything is counted."""


def given_of(argument: str) -> Given:
    """`MODEL=path`. UsageError where the file cannot be read."""
    model, divider, file = argument.partition("=")
    if not divider or not model or not file:
        raise UsageError(f"--tokenizer {argument}: write it as MODEL=path/to/tokenizer.json")
    path = Path(file).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--tokenizer {argument}: {path} cannot be read ({error.strerror})") from error
    return Given(model, str(path), PREFIX + hashlib.blake2b(content, digest_size=8).hexdigest())


def give(tokenizers: Iterable[Given]) -> None:
    """Count these models with these tokenizers from now on."""
    GIVEN[:] = tokenizers


def given_to(model: str) -> Given | None:
    """The tokenizer that was given for a model, by its name as it is logged or without route and date."""
    names = (model.lower(), bare_name(model))
    return next((own for own in GIVEN if any(fnmatchcase(name, _pattern(own.model)) for name in names)), None)


def _pattern(model: str) -> str:
    return model.lower() if "*" in model or "/" in model else bare_name(model)


def path_of(encoding: str) -> str:
    """The file of a given encoding. UsageError where it was not given in this run."""
    found = next((own.path for own in GIVEN if own.encoding == encoding), None)
    if found is None:
        raise UsageError(f"{encoding}: this tokenizer was not given; name it with --tokenizer MODEL=path")
    return found
