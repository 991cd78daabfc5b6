"""A million due at one instant with four slots: whether the command line still answers."""

from __future__ import annotations

import statistics
import time

from bench.measure import Contestant, Figures, Run, Section, say
from bench.own import FILL_DUE, SETTINGS, Home, command, wait_until
from bench.sections.idle import warm
from bench.sections.startup import wall

COMMANDS = ("monitor", "show", "run", "why")
METRICS = (
    "rows",
    *(f"{name}_{when}" for name in COMMANDS for when in ("idle", "median", "worst")),
    "worst_ratio",
    "promoted",
)


def measure(run: Run) -> Figures:
    rows = 1000 if run.short else run.options.get("burst_rows", 1_000_000)
    home = Home(run.directory)
    home.add_callables()
    home.fill(FILL_DUE, "noop", rows, due_at=2**52)
    home("add", "nothing", "--command", "true")
    with home.daemon(4):
        warm(home, 4)
        idle = _idle(home, 1 if run.short else 15)
        fall_due(home)
        busy = _meanwhile(home, rows, 1.0 if run.short else float(run.options.get("burst_seconds", 40)))
        ((promoted, done),) = home.query("SELECT sum(state != 1), sum(state = 3) FROM system_jobs")
    say(f"burst: {promoted:,} promoted and {done:,} completed of {rows:,} in the time watched")
    figures: dict[str, float | list[float]] = {"rows": float(rows), "promoted": float(promoted)}
    for name in COMMANDS:
        worst, base = max(busy[name]), statistics.median(idle[name])
        figures |= {f"{name}_idle": base, f"{name}_worst": worst, f"{name}_median": statistics.median(busy[name])}
        figures[f"{name}_ms"] = busy[name]
    figures["worst_ratio"] = max(max(busy[name]) / statistics.median(idle[name]) for name in COMMANDS)
    return figures


def fall_due(home: Home) -> None:
    """Let all of them be due at one instant, a moment from now."""
    with home.store() as store, store.write() as tx:
        tx.database.connection.execute(
            "UPDATE system_jobs SET due_at = ? WHERE state = 1 AND reason = 'scheduled'", (tx.now,)
        )


def lines(home: Home) -> dict[str, list[str]]:
    ((newest,),) = home.query("SELECT max(sequence) FROM system_jobs")
    return {
        "monitor": ["monitor", "--json"],
        "show": ["show", str(newest)],
        "run": ["run", "nothing"],
        "why": ["why", str(newest)],
    }


def _idle(home: Home, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, line in lines(home).items():
            found[name].append(wall([*command(), *line], home.environment))
            wait_until(lambda: home.query("SELECT count(*) FROM system_jobs WHERE state IN (0, 2)") == [(0,)], 30)
            time.sleep(0.02)
    return found


def _meanwhile(home: Home, rows: int, seconds: float) -> dict[str, list[float]]:
    """The same commands, one after the other, until all are done or the time is up."""
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    limit = time.monotonic() + seconds
    while time.monotonic() < limit or not found["why"]:
        for name, line in lines(home).items():
            found[name].append(wall([*command(), *line], home.environment))
            time.sleep(0.05)
        if home.query("SELECT EXISTS (SELECT 1 FROM system_jobs WHERE state < 3)") == [(0,)]:
            break
    return found


BURST = Section(
    "burst",
    "A million due at one instant, 4 slots: commands meanwhile",
    "ms",
    (Contestant("jobctl", f"no-op callables; {SETTINGS}", measure, METRICS),),
    more_is_better=False,
    once=True,
)
