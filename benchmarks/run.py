"""Prints how the analyzer compares with other work on the same logs, side by side in one run.

python benchmarks/run.py --size small --only P1,P3
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from bench import OURS, ROOT, SIZES, Bench, Log
from clock import Trial, alternate
from targets import Row, Target, judged

ESCAPED_NOTE = "escaped string / loads of line and body"
P5_TEXT = ("--rounds", "160", "--round-bytes", "1800")


def main_corpus(bench: Bench, layout: str = "head-first", marks: str = "static") -> Log:
    """The main corpus in a layout."""
    return bench.log("--sessions", str(bench.sessions), "--layout", layout, "--marks", marks)


def head_first(bench: Bench) -> Iterator[Target]:
    """Everything that is compared with parsing the main corpus."""
    log = main_corpus(bench)
    parse = bench.baseline("parse", log.path)
    yield Target("P1", "head-first, cold / orjson.loads", bench.analyze(log), parse, 0.75)
    yield Target("P1", "head-first, --jobs 2", bench.analyze(log, "--jobs", "2"), parse, 0.45)
    yield Target("P2", "head-first, tiktoken", bench.analyze(log, "--counter", "tiktoken"), parse, 1.75)
    yield Target("P3", "head-first, second run", bench.again(log), parse, 0.25)
    yield Target("", "floor: wc -l / orjson.loads", Trial(("wc", "-l", str(log.path))), parse, None)


def messages_first(bench: Bench) -> Iterator[Target]:
    """The order of keys that Claude Code writes."""
    log = main_corpus(bench, "messages-first")
    parse = bench.baseline("parse", log.path)
    yield Target("P1", "messages-first, cold", bench.analyze(log), parse, 0.75)
    yield Target("P1", "messages-first, --jobs 2", bench.analyze(log, "--jobs", "2"), parse, 0.45)
    yield Target("P2", "messages-first, tiktoken", bench.analyze(log, "--counter", "tiktoken"), parse, 1.75)
    yield Target("P3", "messages-first, second run", bench.again(log), parse, 0.25)


def other_layouts(bench: Bench) -> Iterator[Target]:
    """Bodies with white space, and bodies in a string."""
    spaced, escaped = main_corpus(bench, "spaced"), main_corpus(bench, "escaped")
    yield Target("P1", 'separated by ": "', bench.analyze(spaced), bench.baseline("parse", spaced.path), 1.0)
    yield Target("P1", "escaped string", bench.analyze(escaped), bench.baseline("parse", escaped.path), 1.0)
    yield Target("", ESCAPED_NOTE, bench.analyze(escaped), bench.baseline("parse-inner", escaped.path), None)


def tokenize_everything(bench: Bench) -> Iterator[Target]:
    """Against counting every text of every request, measured on a small log and scaled by bytes."""
    log, small = main_corpus(bench), bench.log("--sessions", str(SIZES["small"]), "--seed", "2")
    everything = bench.baseline("tokenize", small.path)
    yield Target(
        "P4", "cold / parse and tokenize all", bench.analyze(log), everything, 1 / 40, scale=log.bytes / small.bytes
    )


def same_totals(bench: Bench) -> Iterator[Target]:
    """Whether skipping what is known leaves the totals as they are; the model's encoding must be an exact one."""
    log = bench.log("--sessions", str(SIZES["small"]), "--seed", "2", "--model", "gpt-4o")
    everything = bench.baseline("tokenize", log.path)
    yield Target("P4", "tokens apart from those of all", bench.analyze(log, "--json"), everything, 0, "miscounted")


def growth_of_log(bench: Bench) -> Iterator[Target]:
    """The same new text over more requests."""
    sessions = ("--sessions", str(max(2, bench.sessions // 5)))
    few = bench.log(*sessions, "--turns", "20", *P5_TEXT)
    for turns in ("105", "160"):
        many = bench.log(*sessions, "--turns", turns, *P5_TEXT)
        what = f"{turns} turns / 20, log {many.bytes / few.bytes:.2f}x larger"
        yield Target("P5", what, bench.analyze(many), bench.analyze(few), 1.4 if turns == "105" else None)
        parse, parse_few = bench.baseline("parse", many.path), bench.baseline("parse", few.path)
        yield Target("", f"orjson.loads, {turns} turns / 20", parse, parse_few, None)


def memory(bench: Bench) -> Iterator[Target]:
    """Peak memory above the imports, and against a tenth of the log."""
    log, tenth = main_corpus(bench), bench.log("--sessions", str(max(1, bench.sessions // 10)))
    floor = bench.imports(tenth)
    yield Target("P6", "peak memory over imports", bench.analyze(log), floor, 60, "growth")
    yield Target("P6", "peak memory / of a tenth", bench.analyze(log), bench.analyze(tenth), 1.35, "memory")


def cache_marks(bench: Bench) -> Iterator[Target]:
    """A mark that moves to the last message each turn."""
    static = bench.analyze(main_corpus(bench))
    moving = bench.analyze(main_corpus(bench, marks="moving"))
    changing = bench.analyze(main_corpus(bench, marks="changing"))
    yield Target("P7", "moving mark / static", moving, static, 1.2)
    yield Target("P7", "moving mark, changing shape / static", changing, static, 1.2)


def short_lines(bench: Bench) -> Iterator[Target]:
    """One-shot requests."""
    log = bench.log("--short", "--sessions", str(min(bench.sessions * 125, 2500)), "--turns", "40")
    yield Target("P8", "lines of 1.5 KB / orjson.loads", bench.analyze(log), bench.baseline("parse", log.path), 3.5)


def capacity_curve(bench: Bench) -> Iterator[Target]:
    """Every capacity of a trace of hashed blocks: the curve alone, and all from the file on."""
    path = bench.trace({"small": 700}.get(bench.size, 7_000))
    parse, ours = bench.baseline("parse", path), bench.curve(path)
    yield Target("P9", "curve of every capacity / orjson.loads of the trace", ours, parse, 3, "step")
    yield Target("", "the same, reading the trace included", ours, parse, None)


def all_policies(bench: Bench) -> Iterator[Target]:
    """The log under every cache policy, beside reading it; and what longer prompts and more of them add to that."""
    ours = bench.caches(main_corpus(bench))
    yield Target("P15", "all policies / reading the log, CPU", ours, None, 1, "of reading")
    sessions = ("--sessions", str(max(2, bench.sessions // 5)), "--round-bytes", "1800")
    few = bench.caches(bench.log(*sessions, "--rounds", "160", "--turns", "20"))
    many = bench.caches(bench.log(*sessions, "--rounds", "160", "--turns", "160"))
    short = bench.caches(bench.log(*sessions, "--rounds", "20", "--turns", "20"))
    yield Target("P15", "all policies, prompts 8x longer / as many short ones", few, short, 1.5, "steps")
    yield Target("P15", "all policies, the same text in 160 turns / in 20", many, few, 8, "steps")


def start_up(bench: Bench) -> Iterator[Target]:
    """The time until help appears."""
    yield Target("P11", "--help / python -c pass", bench.ours("--help"), Trial((sys.executable, "-c", "pass")), 8)


def counts(bench: Bench) -> Iterator[Target]:
    """Whether both engines count alike."""
    log = bench.log("--sessions", str(SIZES["small"]), "--seed", "2")
    yield Target(
        "P12", "counts that differ from tiktoken's", bench.baseline("mismatches", log.path), None, 0, "mismatches"
    )


def appended(bench: Bench) -> Iterator[Target]:
    """A log that grew since it was analysed."""
    grown, cold = bench.appended(main_corpus(bench))
    yield Target("P13", "1 % appended / cold", grown, cold, 0.1)


def hostile_lines(bench: Bench) -> Iterator[Target]:
    """Lines that break readers."""
    log = bench.log("--hostile", "--sessions", str({"small": 4}.get(bench.size, 20)))
    trial = bench.analyze(log)
    yield Target("P14", "hostile lines, speed", trial, None, 1.5, "speed", amount=log.bytes)
    counted = bench.analyze(log, "--json")
    yield Target("P14", "hostile lines, not accounted for", counted, None, 0, "uncounted", amount=log.lines)


GROUPS: Sequence[tuple[tuple[str, ...], Callable[[Bench], Iterator[Target]]]] = (
    (("P1", "P2", "P3"), head_first),
    (("P1", "P2", "P3"), messages_first),
    (("P1",), other_layouts),
    (("P4",), tokenize_everything),
    (("P4",), same_totals),
    (("P5",), growth_of_log),
    (("P6",), memory),
    (("P7",), cache_marks),
    (("P8",), short_lines),
    (("P9",), capacity_curve),
    (("P15",), all_policies),
    (("P11",), start_up),
    (("P12",), counts),
    (("P13",), appended),
    (("P14",), hostile_lines),
)
"""The targets that each group measures; its trials run in turns."""

ONCE = {"mismatches", "miscounted", "uncounted"}
"""Figures that do not vary from run to run."""


def measured(targets: Sequence[Target], pairs: int) -> Iterator[Row]:
    """The rows of a group, every distinct trial run in turns with the others."""
    rounds = 1 if {target.figure for target in targets} <= ONCE else pairs
    trials = [trial for target in targets for trial in (target.ours, target.baseline) if trial]
    runs = alternate(trials, rounds)
    for target in targets:
        yield judged(target, runs[target.ours], runs[target.baseline] if target.baseline else ())


def report(rows: Sequence[Row], logs: Sequence[Log]) -> str:
    """The table, and the logs it rests on."""
    heading = ("", "what", "ours", "baseline", "value", "target", "met", "peak MB")
    marks = {True: "yes", False: "NO", None: ""}
    cells = [
        heading,
        *(tuple(marks[cell] if cell in (True, False, None) else str(cell) for cell in astuple(row)) for row in rows),
    ]
    listed = [("log", "lines", "MB", "distinct MB", "redundancy")]
    listed += [
        (
            log.path.stem,
            f"{log.lines:,}",
            f"{log.bytes / 1e6:,.1f}",
            f"{log.distinct_bytes / 1e6:.1f}",
            f"{log.redundancy:.1f}x",
        )
        for log in logs
    ]
    return f"{aligned(cells)}\n\n{aligned(listed)}"


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--only", default="", metavar="P1,P3", help="targets to measure; all by default")
    parser.add_argument("--pairs", type=int, default=5, help="times that each process is run")
    parser.add_argument("--command", default=OURS, help="the command to measure in place of this checkout's")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench", help="where logs are kept")
    return parser


def main() -> None:
    """Measure what the command line asks for; status 3 if a target is missed."""
    options = arguments().parse_args()
    wanted = {name.strip() for name in options.only.upper().split(",") if name.strip()}
    bench = Bench(options.folder.resolve(), options.size, tuple(shlex.split(options.command)))
    os.environ.pop("AGENTCOST_CACHE", None)
    rows: list[Row] = []
    for names, group in GROUPS:
        if wanted and not wanted & {*names}:
            continue
        print(f"{', '.join(names)}: {group.__name__.replace('_', ' ')}", file=sys.stderr)
        targets = [target for target in group(bench) if not wanted or target.name in wanted or not target.name]
        rows += measured(targets, options.pairs * 3 if "P11" in names else options.pairs)
    print(f"size {options.size}, medians of {options.pairs} runs in turns\n\n{report(rows, list(bench.logs.values()))}")
    sys.exit(3 if any(row.met is False for row in rows) else 0)


if __name__ == "__main__":
    main()
