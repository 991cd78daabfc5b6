"""From a submission, or a due instant, to the first line of the job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.floors import instants
from bench.measure import Contestant, Figures, Run, Section, spread
from bench.own import SETTINGS, Home
from bench.peers import programs
from bench.peers.python import APSCHEDULER, CELERY, HUEY, HUEY_POLLING, RQ, Peer

LATENCY = ("p50", "p99")
LATENESS = ("p50", "p99", "early")
GAP = 0.04
"""Seconds between two, on average: everybody is idle again."""
WARM = 10
"""Run before it counts, so that runners and workers stand."""


def number(run: Run) -> int:
    return 20 if run.short else run.options.get("instants", 200)


SLOW_GAP = {"huey": 0.3, "apscheduler": 1.0}
"""Of those that poll at such intervals: seconds between two, so that they are not always met right after a look."""


def figures(latencies: list[float]) -> Figures:
    return {**spread(latencies), "ms": latencies}


def lateness(latencies: list[float]) -> Figures:
    return {**figures(latencies), "early": float(sum(late < 0 for late in latencies))}


def warmed(home: Home) -> None:
    """Every runner has its worker: as many at a time as there are slots."""
    home.add_callables()
    for index in range(WARM):
        home("run", "stamp", "--data", f'["{home.directory}/warm", {index}]', "--wait")


def own_latency(run: Run) -> Figures:
    home, path = Home(run.directory), run.directory / "stamps"
    home("list")
    with home.daemon(2):
        warmed(home)
        return figures(home.drive("trickle", number(run) // 2, GAP, path)["latencies"])


def own_lateness(run: Run) -> Figures:
    """Submitted with `at`; 200 instants that lie 50 to 75 ms apart."""
    home, path = Home(run.directory), run.directory / "stamps"
    home("list")
    with home.daemon(2):
        warmed(home)
        found = home.drive("dues", number(run), GAP, path, 1.0 + number(run) * 0.01)
        return lateness(found["latencies"])


def of_peer(peer: Peer) -> Contestant:
    """Of what is slow a tenth must do."""
    gap = SLOW_GAP.get(peer.name)

    def measure(run: Run) -> Figures:
        return figures(peer.latencies(run, number(run) // 2 if gap is None else max(5, number(run) // 10), gap or GAP))

    return Contestant(peer.name, peer.settings, measure, LATENCY, peer.lacks)


def late_peer(peer: Peer) -> Contestant:
    def measure(run: Run) -> Figures:
        return lateness(peer.lateness(run, number(run), GAP))

    return Contestant(peer.name, peer.settings, measure, LATENESS, peer.lacks)


def of_program(program: str, make: Callable[[Path], programs.Spooler | programs.Queue]) -> Contestant:
    def measure(run: Run) -> Figures:
        return figures(programs.latencies(make)(run.directory, number(run) // 2, GAP))

    settings = "a client of its own for each, its start included; to the first byte of `sh -c echo`; nothing on disk"
    return Contestant(program, settings, measure, LATENCY, programs.lacks(program))


def floor_latency(run: Run) -> Figures:
    return figures(instants.datagrams(run.directory, number(run) // 2, GAP))


def floor_lateness(run: Run) -> Figures:
    return lateness(instants.dues(run.directory, number(run), GAP))


LATENCIES = Section(
    "latency",
    "Submitted in one process → first line of a no-op callable in a warm worker, idle daemon",
    "ms",
    (
        Contestant("jobctl", f"jobctl.submit(); {SETTINGS}", own_latency, LATENCY),
        Contestant("floor-datagram", "floor: insert FULL, datagram, claim FULL", floor_latency, LATENCY),
        of_program("tsp", programs.Spooler),
        of_program("nq", programs.Queue),
        of_peer(RQ),
        of_peer(CELERY),
        of_peer(HUEY),
        of_peer(HUEY_POLLING),
        of_peer(APSCHEDULER),
    ),
    more_is_better=False,
    repetitions=3,
)

DUES = Section(
    "due",
    "Due instant → first line of a no-op callable in a warm worker",
    "ms",
    (
        Contestant("jobctl", f"jobctl.submit(at=…); {SETTINGS}", own_lateness, LATENESS),
        Contestant("floor-due", "floor: dues in SQLite, sleep, claim FULL", floor_lateness, LATENESS),
        late_peer(APSCHEDULER),
        late_peer(CELERY),
    ),
    more_is_better=False,
    repetitions=3,
)
