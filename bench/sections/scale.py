"""A million ready system jobs, ten million completed ones: what everything costs then, beside an empty database."""

from __future__ import annotations

import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import plans, processes
from bench.measure import Contestant, Figures, Run, Section, say
from bench.own import FILL_COMPLETED, FILL_READY, ROOT, SETTINGS, Home, command, wait_until
from bench.sections.startup import PAGE, median

METRICS = ("rows", "turn_ms", "job_ms", "monitor", "show", "why_ready", "why_completed", "start_s", "full_scans")
TURNS = 300
SETTLE = 1500
"""Turns before they count: a daemon that starts looks through the sizes of old output, a little in each turn."""
QUEUE = 5_000
"""Ready ones that the daemon has to work off, in each home."""
WORKED = 5.0
"""Seconds for which the daemon works off ready ones, at most."""


def size(run: Run, name: str, default: int) -> int:
    return min(2000, default) if run.short else run.options.get(name, default)


def queue(run: Run) -> int:
    return 400 if run.short else QUEUE


def empty(run: Run) -> Home:
    return _made(run, "empty", 0, 0)


def million_ready(run: Run) -> Home:
    return _made(run, "ready", size(run, "ready_rows", 1_000_000), 0)


def completed(run: Run) -> Home:
    return _made(run, "completed", 0, size(run, "completed_rows", 10_000_000))


def _made(run: Run, name: str, ready: int, ended: int) -> Home:
    """The home, made once for all repetitions; each has a page of completed system jobs at least."""
    directory = run.data / f"{name}-{ready}-{ended}"
    done = directory / "made"
    directory.mkdir(parents=True, exist_ok=True)
    home = Home(directory)
    if done.exists():
        return home
    began = time.monotonic()
    home.add_callables()
    home("add", "nothing", "--command", "true")
    home("add", "hold", "--priority", "100", "--callable", "time:sleep")
    home.fill(FILL_COMPLETED, "nothing", max(PAGE, ended))
    home.fill(FILL_READY, "noop", ready)
    home.query("PRAGMA wal_checkpoint(TRUNCATE)")
    done.touch()
    say(
        f"scale: {name} made in {time.monotonic() - began:.0f} s,"
        f" {(home.path / 'jobctl.db').stat().st_size / 1e6:.0f} MB"
    )
    return home


def measure(make: Callable[[Run], Home], run: Run) -> Figures:
    home = make(run)
    wanted = queue(run) + (size(run, "ready_rows", 1_000_000) if make is million_ready else 0)
    _top_up(home, wanted)
    figures = {**_commands(home, 3 if run.short else 10), **_daemon(home, run)}
    _top_up(home, wanted)
    ((rows,),) = home.query("SELECT count(*) FROM system_jobs")
    return {**figures, "rows": float(rows), "full_scans": float(len(full_scans(home, run)))}


def _top_up(home: Home, wanted: int) -> None:
    """Make up for what has been worked off."""
    ((ready,),) = home.query("SELECT count(*) FROM system_jobs WHERE state = 0")
    home.fill(FILL_READY, "noop", max(0, wanted - ready))


def _commands(home: Home, rounds: int) -> dict[str, float]:
    """Milliseconds of whole commands: on the last ready one, and on a completed one in the middle."""
    ((ready,),) = home.query("SELECT max(sequence) FROM system_jobs WHERE state = 0")
    ((half,),) = home.query("SELECT max(sequence) / 2 FROM system_jobs")
    ((ended,),) = home.query(
        "SELECT sequence FROM system_jobs WHERE sequence <= max(:half, 1) AND state = 3 ORDER BY sequence DESC LIMIT 1",
        {"half": half},
    )
    lines = {
        "monitor": ["monitor"],
        "show": ["show", str(ended)],
        "why_ready": ["why", str(ready)],
        "why_completed": ["why", str(ended)],
    }
    return {name: median([*command(), *line], home.environment, rounds) for name, line in lines.items()}


def _daemon(home: Home, run: Run) -> dict[str, float]:
    """What starting takes, a system job at work (wall time), and a turn that finds nothing to do (CPU time)."""
    ((after,),) = home.query("SELECT min(sequence) - 1 FROM system_jobs WHERE state = 0")
    began = time.monotonic()
    with home.daemon(2) as daemon:
        started = time.monotonic() - began
        worked = _work(home, (after + 50, after + queue(run) - 50), 0.7 if run.short else WORKED)
        with held(home, daemon):
            turn = _turn(home, daemon.pid, 20 if run.short else TURNS)
    return {"start_s": started, "job_ms": worked, "turn_ms": turn}


def _work(home: Home, numbers: tuple[int, int], seconds: float) -> float:
    """Milliseconds for each of those numbers, from a begin to the commit of the last outcome; before them all got warm.

    They are the first of the queue, and looked for by number, so that looking costs the same in each home.
    """
    bounds: dict[str, object] = {"after": numbers[0], "through": numbers[1]}
    chosen = "FROM system_jobs WHERE sequence > :after AND sequence <= :through AND status = 30"
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and home.query(f"SELECT count(*) {chosen}", bounds) != [(numbers[1] - numbers[0],)]:
        time.sleep(0.2)
    ((done, first, last),) = home.query(f"SELECT count(*), min(started_on), max(modified_on) {chosen}", bounds)
    if done < 20:
        raise RuntimeError(f"only {done} system jobs have succeeded within {seconds:g} s")
    return float((last - first) / 1000 / done)


@contextmanager
def held(home: Home, daemon: subprocess.Popen[bytes]) -> Iterator[None]:
    """Both slots are taken by what sleeps, so that the daemon finds nothing it could start."""
    for _ in range(2):
        home("run", "hold", "--data", "[600]")
    running = "SELECT count(*) FROM system_jobs WHERE state = 2 AND name = 'hold' AND started_on IS NOT NULL"
    wait_until(lambda: home.query(running) == [(2,)], 60)
    time.sleep(0.5)
    yield
    daemon.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    daemon.send_signal(signal.SIGTERM)
    wait_until(lambda: daemon.poll() is not None, 60)


def _turn(home: Home, pid: int, turns: int) -> float:
    """Milliseconds of CPU for each wake-up, by the datagram that every command sends."""
    mouth, ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(home.path / "run" / "wake.sock")

    def wake(times: int, pause: float) -> float:
        before = processes.usage([pid])
        for _ in range(times):
            mouth.sendto(b"w", ear)
            time.sleep(pause)
        return (processes.usage([pid]).cpu - before.cpu) / times * 1000

    wake(turns * (SETTLE // TURNS), 0.003)
    costs = [wake(turns // 5, 0.004) for _ in range(5)]
    mouth.close()
    return statistics.median(costs)


def full_scans(home: Home, run: Run) -> list[plans.Statement]:
    """The statements that walk over history: of the daemon at work, of monitor, show and why."""
    trace = run.directory / "trace"
    ((ready, last),) = home.query("SELECT max(sequence) FILTER (WHERE state = 0), max(sequence) FROM system_jobs")
    lines = [["monitor"], ["monitor", "--json"], ["show", str(last)], ["why", str(ready or last)], ["why", "noop"]]
    for line in lines:
        traced(home, trace, *line).wait()
    daemon = traced(home, trace, "daemon", "--slots", "2")
    try:
        wait_until(lambda: "UPDATE system_jobs" in trace.read_text(encoding="utf-8"), 60)
        time.sleep(0.5 if run.short else 2.0)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
    found = [statement for statement in plans.read(home, trace) if statement.full]
    for statement in found:
        say(f"scale: {statement.steps:,} rows walked over, {statement.scans}: {' '.join(statement.sql.split())[:150]}")
    return found


def traced(home: Home, trace: Path, *arguments: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "bench.traced", str(trace), *arguments]
    environment = {**home.environment, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        argv, env=environment, cwd=home.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _of(name: str, words: str, make: Callable[[Run], Home]) -> Contestant:
    return Contestant(name, f"{words}; {SETTINGS}", partial(measure, make), METRICS)


SCALE = Section(
    "scale",
    "Cost by size: ms of a command, of the daemon's CPU for a turn, of wall time for a system job",
    "ms",
    (
        _of("empty", f"{PAGE} completed and {QUEUE:,} ready system jobs", empty),
        _of("ready", "a million ready ones", million_ready),
        _of("completed", "ten million completed ones", completed),
    ),
    more_is_better=False,
    repetitions=3,
)
