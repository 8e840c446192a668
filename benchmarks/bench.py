"""Makes the logs of a benchmark, and the trials over them, in one folder that later runs use again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from clock import Trial, run, warm

HERE = Path(__file__).parent
ROOT = HERE.parent
SOURCES = ("corpus.py", "oddities.py", "sessions.py", "wording.py")
SIZES = {"small": 4, "medium": 40, "full": 200}
"""Sessions of the main corpus: about 40 MB, 0.45 GB and 2.3 GB."""

OURS = f"{shlex.quote(sys.executable)} -c 'from agentcost.main import main; main()'"


@dataclass(frozen=True, slots=True)
class Log:
    """A log with its facts."""

    path: Path
    lines: int
    bytes: int
    distinct_bytes: int
    redundancy: float


@dataclass(slots=True)
class Bench:
    """Where logs are kept, how large they are, which command is measured, and the logs made so far."""

    folder: Path
    size: str
    command: tuple[str, ...]
    logs: dict[str, Log] = field(default_factory=dict)

    @property
    def sessions(self) -> int:
        """Sessions of the main corpus."""
        return SIZES[self.size]

    def log(self, *options: str) -> Log:
        """The log of these options of corpus.py, made unless it is there, and read once to be warm."""
        name = "_".join(option.lstrip("-") for option in options) + ".jsonl"
        path = self.folder / name
        stamp = path.with_suffix(".stamp")
        made_by = sha256(b"".join((HERE / source).read_bytes() for source in SOURCES)).hexdigest()
        if not path.exists() or not stamp.exists() or stamp.read_text() != made_by:
            subprocess.run(
                (sys.executable, str(HERE / "corpus.py"), str(path), *options), check=True, stdout=sys.stderr
            )
            stamp.write_text(made_by)
        facts = json.loads(path.with_name(name + ".facts").read_text())
        self.logs[name] = Log(path, facts["lines"], facts["bytes"], facts["distinct_bytes"], facts["redundancy"])
        warm(path)
        return self.logs[name]

    def ours(self, *arguments: str, cache: Path | None = None, before: Callable[[], None] | None = None) -> Trial:
        """A trial of the measured command; without a cache folder it runs cold."""
        cold = () if cache or "analyze" not in arguments else ("--no-cache",)
        kept = (("AGENTCOST_CACHE", str(cache)),) if cache else ()
        return Trial((*self.command, *arguments, *cold), (("PYTHONPATH", str(ROOT / "cli")), *kept), before)

    def analyze(self, log: Log, *options: str) -> Trial:
        """A cold analysis in one process, unless the options say otherwise."""
        jobs = () if "--jobs" in options else ("--jobs", "1")
        return self.ours("analyze", str(log.path), "-q", *jobs, *options)

    def again(self, log: Log) -> Trial:
        """An analysis with the counts that an earlier one persisted."""
        cache = self.folder / "cache" / log.path.stem
        trial = self.ours("analyze", str(log.path), "-q", "--jobs", "1", cache=cache)
        shutil.rmtree(cache, ignore_errors=True)
        return Trial(trial.argv, trial.environment, partial(populated, cache, trial))

    def baseline(self, command: str, path: Path) -> Trial:
        """A trial of baselines.py."""
        argv = (sys.executable, str(HERE / "baselines.py"), command, str(path))
        return Trial(argv, (("PYTHONPATH", str(ROOT / "cli")),))

    def trace(self, requests: int) -> Path:
        """A trace of hashed blocks of capacity.py, made unless it is there, and read once to be warm."""
        path = self.folder / f"trace_{requests}.jsonl"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            written = path.with_suffix(".part")
            argv = (sys.executable, str(HERE / "capacity.py"), "write", str(written), str(requests))
            subprocess.run(argv, check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "cli")})
            written.rename(path)
        warm(path)
        return path

    def curve(self, path: Path) -> Trial:
        """The capacity curve of a trace, read from its file."""
        argv = (sys.executable, str(HERE / "capacity.py"), "curve", str(path))
        return Trial(argv, (("PYTHONPATH", str(ROOT / "cli")),))

    def caches(self, log: Log) -> Trial:
        """A log simulated under every cache policy, read in the same process."""
        argv = (sys.executable, str(HERE / "caches.py"), str(log.path))
        return Trial(argv, (("PYTHONPATH", str(ROOT / "cli")),))

    def imports(self, log: Log) -> Trial:
        """A process that imports what an analysis of this log imports, and does nothing with it."""
        trial = self.analyze(log)
        listed = run(Trial(trial.argv, (*trial.environment, ("PYTHONPROFILEIMPORTTIME", "1"))))
        path = self.folder / "imports.txt"
        path.write_text(listed.errors, encoding="utf-8")
        return self.baseline("imports", path)

    def appended(self, log: Log) -> tuple[Trial, Trial]:
        """(an analysis of a log that grew by 1 % since its counts were persisted, a cold one of the grown log)."""
        grown = Growing(self.folder / "appended.jsonl", log, self.folder / "cache" / "appended")
        trial = self.ours("analyze", str(grown.path), "-q", "--jobs", "1", cache=grown.cache)
        cold = self.ours("analyze", str(grown.path), "-q", "--jobs", "1")
        grown.prepare(trial)
        return Trial(trial.argv, trial.environment, grown.grow), cold


def populated(cache: Path, trial: Trial) -> None:
    """Run a trial once if its cache folder is not there."""
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        run(trial)


@dataclass(frozen=True, slots=True)
class Growing:
    """A log of which the last 1 % can be taken away and appended again, with the cache of the shorter log."""

    path: Path
    log: Log
    cache: Path

    def prepare(self, trial: Trial) -> None:
        """Copy 99 % of the log, analyse it, and keep its cache aside."""
        shutil.copyfile(self.log.path, self.path)
        with self.path.open("r+b") as file:
            file.truncate(self.cut())
        for folder in (self.cache, self.kept):
            shutil.rmtree(folder, ignore_errors=True)
        populated(self.cache, trial)
        if self.cache.exists():
            shutil.copytree(self.cache, self.kept)

    @property
    def kept(self) -> Path:
        """Where the cache of the shorter log is kept."""
        return self.cache.with_name("kept")

    def cut(self) -> int:
        """The end of the line at 99 % of the log."""
        with self.log.path.open("rb") as file:
            file.seek(int(self.log.bytes * 0.99))
            file.readline()
            return file.tell()

    def grow(self) -> None:
        """Take the log and the cache back to 99 %, and append the rest."""
        shutil.rmtree(self.cache, ignore_errors=True)
        if self.kept.exists():
            shutil.copytree(self.kept, self.cache)
        cut = self.cut()
        with self.path.open("r+b") as file, self.log.path.open("rb") as whole:
            file.truncate(cut)
            file.seek(cut)
            whole.seek(cut)
            shutil.copyfileobj(whole, file)
