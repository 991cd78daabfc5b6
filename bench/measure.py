"""What is measured and how: contestants that take turns, and the figures of each."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Figures = Mapping[str, float | list[float]]
"""By metric. A list holds single samples (of a latency, say), for the plots; its percentiles are metrics of their own.
"""


@dataclass
class Run:
    """One repetition of one contestant: where it may write, and how much it should do."""

    directory: Path
    """Its own, empty, removed afterwards."""
    short: bool
    seconds: float
    """How long a measurement of a rate should take."""
    data: Path
    """For what is too expensive to be made in each repetition; the sections name their files."""
    rates: dict[str, float] = field(default_factory=dict)
    """What was measured before, by contestant: sizes the next repetition."""
    options: Mapping[str, int] = field(default_factory=dict)

    def amount(self, name: str, guess: float, most: int = 200_000) -> int:
        """How many of something take about `seconds`, given what `name` did before, else a guess at its rate."""
        return max(20, min(most, round(self.rates.get(name, guess) * self.seconds)))


class Skip(Exception):
    """A contestant cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Contestant:
    """Something that is measured: jobctl, a peer, or a floor."""

    name: str
    settings: str
    """How it is set up, durability above all; for the table's readers."""
    measure: Callable[[Run], Figures]
    """One repetition. Raises Skip when a part of it is missing on this machine."""
    metrics: tuple[str, ...]
    lacks: Callable[[], str | None] = lambda: None
    """What is missing here to measure it, in words."""


@dataclass(frozen=True)
class Section:
    """Contestants that are measured in turn, for one or more rows of the table of targets."""

    name: str
    title: str
    unit: str
    contestants: tuple[Contestant, ...]
    more_is_better: bool = True
    repetitions: int = 5
    once: bool = False
    """Measured in one repetition, however many are asked for: it takes minutes."""

    def names(self) -> set[str]:
        return {contestant.name for contestant in self.contestants}


@dataclass
class Result:
    """What a contestant yielded: a sample of each metric for each repetition, or why there is none."""

    settings: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    single: dict[str, list[float]] = field(default_factory=dict)
    """Samples of one event each, of all repetitions."""
    skipped: str | None = None

    def take(self, figures: Figures) -> None:
        for name, value in figures.items():
            if isinstance(value, list):
                self.single.setdefault(name, []).extend(value)
            else:
                self.samples.setdefault(name, []).append(value)

    def median(self, metric: str) -> float | None:
        found = self.samples.get(metric)
        return statistics.median(found) if found else None

    def document(self) -> dict[str, Any]:
        return {"settings": self.settings, "samples": self.samples, "single": self.single, "skipped": self.skipped}


Results = dict[str, dict[str, Result]]
"""By section and contestant."""


def spread(samples: Sequence[float]) -> dict[str, float]:
    """The 50th and the 99th percentile, interpolated between neighbours; needs a sample at least."""
    if len(samples) == 1:
        return {"p50": samples[0], "p99": samples[0]}
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98]}


def in_turn(contestants: Sequence[Contestant], repetition: int) -> list[Contestant]:
    """Each repetition begins with another one, so that none is always the first after a pause."""
    start = repetition % len(contestants) if contestants else 0
    return [*contestants[start:], *contestants[:start]]


def measure(
    section: Section,
    repetitions: int,
    make_run: Callable[[Path], Run],
    wanted: Iterable[str] = (),
    results: dict[str, Result] | None = None,
) -> dict[str, Result]:
    """All contestants of a section in turn; one that fails is left out from then on, with the reason.

    What is found goes into `results` at once, so that nothing of it is lost with the rest.
    """
    chosen = set(wanted)
    contestants = [one for one in section.contestants if not chosen or one.name in chosen]
    results = {} if results is None else results
    results |= {one.name: Result(one.settings, skipped=one.lacks()) for one in contestants}
    for repetition in range(1 if section.once else repetitions):
        for contestant in in_turn(contestants, repetition):
            result = results[contestant.name]
            if result.skipped is None:
                _once(section, contestant, result, make_run)
    for name, result in results.items():
        if result.skipped:
            say(f"{section.name}: {name} is skipped: {result.skipped}")
    return results


def _once(section: Section, contestant: Contestant, result: Result, make_run: Callable[[Path], Run]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="jobctl-bench-"))
    run, began = make_run(directory), time.monotonic()
    try:
        if "per_second" in contestant.metrics and not run.short:
            _try_out(section, contestant, run)
        figures = contestant.measure(run)
        result.take(figures)
        rate = figures.get("per_second")
        if isinstance(rate, float):
            run.rates[f"{section.name}.{contestant.name}"] = rate
        told = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items() if isinstance(value, float))
        say(f"{section.name}: {contestant.name}: {told} ({time.monotonic() - began:.1f} s)")
    except Skip as missing:
        result.skipped = str(missing)
    except Exception as error:  # one that fails must not take the others' figures with it; the table says so
        result.skipped = f"it failed: {type(error).__name__}: {error}"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _try_out(section: Section, contestant: Contestant, run: Run) -> None:
    """Where nobody knows its rate yet: a first, smaller measurement, which only sizes those that count."""
    name = f"{section.name}.{contestant.name}"
    if name not in run.rates:
        (run.directory / "trial").mkdir()
        trial = replace(run, directory=run.directory / "trial", seconds=run.seconds / 3)
        rate = contestant.measure(trial)["per_second"]
        assert isinstance(rate, float)
        run.rates[name] = rate


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
