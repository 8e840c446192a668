"""The targets: what is compared with what, by which figure, and how far apart the two may be."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clock import Run, Trial


@dataclass(frozen=True, slots=True)
class Target:
    """A comparison of two trials. `limit` None is for information; `scale` multiplies the baseline's seconds.

    `amount` is what `figure` needs besides the runs: bytes for "speed", lines for "counted".
    """

    name: str
    what: str
    ours: Trial
    baseline: Trial | None
    limit: float | None
    figure: str = "ratio"
    scale: float = 1.0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A target's result as the table shows it; `met` is None where there is nothing to meet."""

    name: str
    what: str
    ours: str
    baseline: str
    value: str
    limit: str
    met: bool | None
    memory: str


def judged(target: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> Row:
    """The row of a target."""
    failed = next((run for run in (*ours, *baseline) if run.status), None)
    if failed:
        reason = (failed.errors.strip().splitlines() or ["no message"])[-1][:90]
        return Row(
            target.name, target.what, f"status {failed.status}", reason, "–", "", False if target.limit else None, ""
        )
    figure = FIGURES[target.figure]
    value = figure.value(target, ours, baseline)
    met = None if target.limit is None else figure.meets(value, target.limit)
    return Row(
        target.name,
        target.what,
        figure.shown(ours, 1.0),
        figure.shown(baseline, target.scale) if baseline else "–",
        figure.form.format(value) if math.isfinite(value) else "unknown",
        "" if target.limit is None else f"{figure.sign} {figure.form.format(target.limit)}",
        met,
        " / ".join(f"{megabytes(runs):.0f}" for runs in (ours, baseline) if runs),
    )


def wall(runs: Sequence[Run]) -> float:
    """Median seconds."""
    return statistics.median(run.wall for run in runs)


def megabytes(runs: Sequence[Run]) -> float:
    """Median peak memory in MB."""
    return statistics.median(run.memory for run in runs) / 1e6


def seconds_inside(run: Run) -> float:
    """The seconds a baseline reports after loading, else those on the wall."""
    told = told_by(run)
    return float(told["seconds"]) if "seconds" in told else run.wall


def told_by(run: Run) -> dict[str, float]:
    """The figures of a baseline that prints one JSON object of numbers."""
    text = run.output.strip()
    if not text.startswith("{") or "\n" in text:
        return {}
    found = json.loads(text)
    return {key: value for key, value in found.items() if isinstance(value, int | float)}


def ratio(target: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """The median over pairs of ours / baseline."""
    pairs = zip(ours, baseline, strict=True)
    return statistics.median(one.wall / (target.scale * seconds_inside(other)) for one, other in pairs)


def step(_: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """The median over pairs of the step that ours reports / baseline."""
    return statistics.median(
        told_by(one)["step_s"] / seconds_inside(other) for one, other in zip(ours, baseline, strict=True)
    )


def of_reading(_: Target, ours: Sequence[Run], __: Sequence[Run]) -> float:
    """The median of the step that ours reports / its reading of the log, in the same process."""
    return statistics.median(told_by(one)["step_s"] / told_by(one)["read_s"] for one in ours)


def steps(_: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """The median over pairs of the step that ours reports / that of the baseline."""
    pairs = zip(ours, baseline, strict=True)
    return statistics.median(told_by(one)["step_s"] / told_by(other)["step_s"] for one, other in pairs)


def speed(target: Target, ours: Sequence[Run], _: Sequence[Run]) -> float:
    """MB of log per second, start-up included."""
    return target.amount / 1e6 / wall(ours)


def growth(_: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """MB of peak memory above the baseline's."""
    return megabytes(ours) - megabytes(baseline)


def memory_ratio(_: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """Peak memory over the baseline's."""
    return megabytes(ours) / megabytes(baseline)


def mismatched(_: Target, ours: Sequence[Run], __: Sequence[Run]) -> float:
    """How many counts differ."""
    return told_by(ours[-1])["mismatches"]


def uncounted(target: Target, ours: Sequence[Run], _: Sequence[Run]) -> float:
    """Lines of the log that its `sources` table leaves out; NaN where the output has no such table."""
    found = rows_with(COUNTED, ours[-1])
    return target.amount - sum(int(str(row[key])) for row in found for key in COUNTED) if found else math.nan


def miscounted(_: Target, ours: Sequence[Run], baseline: Sequence[Run]) -> float:
    """By how many tokens the components, but for what the provider adds, differ from the baseline's total."""
    found = rows_with(COMPONENT, ours[-1])
    tokens = sum(int(str(row["tokens"])) for row in found if row["component"] not in ADDED)
    return abs(tokens - told_by(baseline[-1])["tokens"]) if found else math.nan


COUNTED = ("requests", "duplicates", "others", "skipped")
COMPONENT = ("component", "tokens", "share")
ADDED = ("template_overhead",)


def rows_with(columns: Sequence[str], run: Run) -> list[dict[str, object]]:
    """The rows of a JSON report that have these columns, wherever it holds them; none where it is no JSON."""
    return list(found_in(json.loads(run.output), columns)) if run.output.lstrip().startswith("{") else []


def found_in(value: object, columns: Sequence[str]) -> Iterator[dict[str, object]]:
    """The objects with these keys in a JSON value."""
    if isinstance(value, dict):
        if set(columns) <= value.keys():
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from found_in(item, columns)


def seconds(runs: Sequence[Run], scale: float) -> str:
    """Median seconds as text; scaled ones from what the baseline reports."""
    if scale != 1.0:
        return f"{scale * statistics.median(map(seconds_inside, runs)):.1f} s scaled"
    value = wall(runs)
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def stepped(runs: Sequence[Run], scale: float) -> str:
    """Median seconds of the step that a trial reports, else those on the wall."""
    steps = [told_by(run).get("step_s", run.wall) for run in runs]
    return f"{scale * statistics.median(steps) * 1000:.0f} ms"


def memory(runs: Sequence[Run], _: float) -> str:
    """Median peak memory as text."""
    return f"{megabytes(runs):.0f} MB"


@dataclass(frozen=True, slots=True)
class Figure:
    """What is compared: how it is computed, written, and met."""

    value: Callable[[Target, Sequence[Run], Sequence[Run]], float]
    form: str
    shown: Callable[[Sequence[Run], float], str] = seconds
    sign: str = "≤"

    def meets(self, value: float, limit: float) -> bool:
        """Whether a value is on the right side of the limit."""
        return value >= limit if self.sign == "≥" else value <= limit


FIGURES: Mapping[str, Figure] = {
    "ratio": Figure(ratio, "{:.3g}"),
    "step": Figure(step, "{:.3g}", stepped),
    "of reading": Figure(of_reading, "{:.3g}", stepped),
    "steps": Figure(steps, "{:.3g}", stepped),
    "speed": Figure(speed, "{:.1f} MB/s", sign="≥"),
    "growth": Figure(growth, "{:+.0f} MB", memory),
    "memory": Figure(memory_ratio, "{:.2f}", memory),
    "mismatches": Figure(mismatched, "{:.0f}"),
    "miscounted": Figure(miscounted, "{:.0f} tokens"),
    "uncounted": Figure(uncounted, "{:.0f} lines"),
}
