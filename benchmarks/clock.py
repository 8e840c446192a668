"""Runs whole processes and measures their time and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class Trial:
    """A process to run; `before` is run first and not timed."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    before: Callable[[], None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Run:
    """What a process took: seconds on the wall and on the processors, peak memory in bytes.

    Memory is that of the largest process of the trial, not of all together, and never less than this program's own
    (the kernel passes the parent's peak on), which is about 20 MB.
    """

    wall: float
    cpu: float
    memory: int
    status: int
    output: str
    errors: str


def run(trial: Trial) -> Run:
    """Run a process to its end."""
    if trial.before:
        trial.before()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        environment = {**os.environ, **dict(trial.environment)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its byte code
        process = subprocess.Popen(trial.argv, stdout=output, stderr=errors, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        memory = used.ru_maxrss * 1024
        cpu = used.ru_utime + used.ru_stime
        return Run(wall, cpu, memory, process.returncode, tail(output), tail(errors))


def tail(file: IO[bytes], limit: int = 1 << 20) -> str:
    """The end of what a process wrote."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
    return file.read().decode("utf-8", "replace")


def alternate(trials: Sequence[Trial], rounds: int) -> dict[Trial, list[Run]]:
    """Run distinct trials in turns, `rounds` times each, so that a slow minute of the machine meets all of them."""
    runs: dict[Trial, list[Run]] = {trial: [] for trial in trials}
    for _ in range(rounds):
        for trial, done in runs.items():
            if not done or done[-1].status == 0:
                done.append(run(trial))
    return runs


def warm(path: Path) -> None:
    """Read a file once, so that no trial waits for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass
