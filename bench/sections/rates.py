"""No-op callables and commands, submitted before; and submitting itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import jobctl
from bench.floors import commits, pipes, spawn
from bench.floors.engine import SETTINGS as FLOOR
from bench.measure import Contestant, Figures, Run, Section, Skip
from bench.own import FILL_READY, SETTINGS, Home
from bench.peers import programs
from bench.peers.python import APSCHEDULER, CELERY, HUEY, HUEY_RESULTS, HUEY_THREAD, RQ, Peer

RATE = ("per_second",)


def worked_off(home: Home, number: int, slots: int) -> float:
    """System jobs a second, from the first begin to the commit of the last outcome. Raises unless all succeeded."""
    home.drain(slots)
    columns = "count(*), sum(status = 30), min(started_on), max(modified_on)"
    ((rows, succeeded, first, last),) = home.query(f"SELECT {columns} FROM system_jobs WHERE state = 3")
    if (rows, succeeded) != (number, number):
        raise RuntimeError(f"{succeeded} of {number} system jobs succeeded, {rows} were completed")
    return float(number / ((last - first) / 1e6))


def own_callables(run: Run, slots: int = 2, section: str = "callables", name: str = "jobctl") -> Figures:
    home, number = Home(run.directory), run.amount(f"{section}.{name}", 700)
    home.add_callables()
    home.fill(FILL_READY, "noop", number)
    rate = worked_off(home, number, slots)
    ((results,),) = home.query("SELECT count(*) FROM payloads WHERE result = '1'")
    if results != number:
        raise RuntimeError(f"{results} of {number} results were kept")
    return {"per_second": rate}


def own_commands(run: Run, slots: int = 2, section: str = "commands", name: str = "jobctl") -> Figures:
    home, number = Home(run.directory), run.amount(f"{section}.{name}", 400)
    home("add", "true", "--command", "true")
    home.fill(FILL_READY, "true", number)
    return {"per_second": worked_off(home, number, slots)}


def own_commands_one_by_one(run: Run) -> Figures:
    """Nothing is handed ahead of a job with a concurrency limit, so two such jobs give depth 1 on two runners."""
    home, number = Home(run.directory), run.amount("commands.jobctl-depth-1", 400) // 2 * 2
    for name in ("one", "two"):
        home("add", name, "--concurrency", "1", "--command", "true")
        home.fill(FILL_READY, name, number // 2)
    # Both were filled with the same instants: the claim takes from each in turn.
    return {"per_second": worked_off(home, number, 2)}


def of_peer(peer: Peer, section: str, guess: float) -> Contestant:
    def measure(run: Run) -> Figures:
        number = run.amount(f"{section}.{peer.name}", guess, 40_000)
        act = peer.submission if section == "submit" else peer.throughput
        return {"per_second": act(run, number)}

    return Contestant(peer.name, peer.settings, measure, RATE, peer.lacks)


def of_rate(
    name: str,
    settings: str,
    rate: Callable[[Path, int], float],
    section: str,
    guess: float,
    lacks: Callable[[], str | None] = lambda: None,
) -> Contestant:
    def measure(run: Run) -> Figures:
        return {"per_second": rate(run.directory, run.amount(f"{section}.{name}", guess, 1_000_000))}

    return Contestant(name, settings, measure, RATE, lacks)


def pipe_floor(batch: int, guess: float) -> Contestant:
    settings = f"floor: daemon and 2 processes over pipes, batch {batch}; {FLOOR}"
    return of_rate(f"floor-pipes-{batch}", settings, partial(pipes.rate, batch=batch), "callables", guess)


CALLABLES = Section(
    "callables",
    "No-op Python callables, submitted before, 2 runners",
    "system jobs/s",
    (
        Contestant("jobctl", f"{SETTINGS}; 2 runners with warm workers", own_callables, RATE),
        of_peer(HUEY, "callables", 3700),
        of_peer(HUEY_THREAD, "callables", 4000),
        of_peer(HUEY_RESULTS, "callables", 2300),
        of_peer(APSCHEDULER, "callables", 900),
        of_peer(CELERY, "callables", 1100),
        of_peer(RQ, "callables", 500),
        pipe_floor(1, 7000),
        pipe_floor(100, 120_000),
    ),
)


def _tool(name: str, settings: str, rate: Callable[[Path, int], float], guess: float) -> Contestant:
    return of_rate(name, settings, rate, "commands", guess, programs.lacks(name))


COMMANDS = Section(
    "commands",
    "`true` through the shell, 2 at a time",
    "commands/s",
    (
        Contestant("jobctl", f"{SETTINGS}; log captured, process tree supervised", own_commands, RATE),
        Contestant(
            "jobctl-depth-1",
            f"{SETTINGS}; two jobs with --concurrency 1, so that nothing is handed ahead",
            own_commands_one_by_one,
            RATE,
        ),
        of_rate("floor-spawn", "floor: posix_spawn, log file, setsid; no record", spawn.rate, "commands", 1900),
        _tool("tsp", "output kept; nothing on disk", programs.throughput(programs.Spooler, 2), 1700),
        _tool("nq", "output kept; one at a time", programs.throughput(programs.Queue, 1), 900),
        _tool("parallel", "with its job log", programs.parallel, 460),
        _tool("xargs", "no output kept, no record", programs.xargs, 2200),
    ),
)


def own_submissions(run: Run) -> Figures:
    home, number = Home(run.directory), run.amount("submit.jobctl", 800)
    home.add_callables()
    seconds = float(home.drive("submit", number)["seconds"])
    ((rows,),) = home.query("SELECT count(*) FROM system_jobs")
    if rows != number + 1:
        raise RuntimeError(f"{rows} of {number + 1} submissions were stored")
    return {"per_second": number / seconds}


SUBMIT = Section(
    "submit",
    "Submitting from the library, one at a time",
    "system jobs/s",
    (
        Contestant("jobctl", f"jobctl.submit(); {SETTINGS}", own_submissions, RATE),
        of_rate("floor-commit", f"floor: a small row a commit; {FLOOR}", commits.bare, "submit", 7000),
        of_rate("floor-same-row", f"floor: jobctl's row and indexes; {FLOOR}", commits.same_row, "submit", 4000),
        of_peer(HUEY, "submit", 4400),
        of_peer(APSCHEDULER, "submit", 900),
        of_peer(CELERY, "submit", 2300),
        of_peer(RQ, "submit", 2300),
    ),
)


def own_batch(run: Run, name: str = "submit_many", data: str = "null") -> Figures:
    if not hasattr(jobctl, "submit_many"):
        raise Skip("this jobctl has no submit_many")
    home, number = Home(run.directory), run.amount(f"batches.{name}", 20_000)
    home.add_callables()
    seconds = float(home.drive("submit_many", number, data)["seconds"])
    return {"per_second": (_all_stored(home, number + 1) - 1) / seconds}


def own_file(run: Run) -> Figures:
    """The whole command, its start included."""
    import time

    home, number = Home(run.directory), run.amount("batches.run-from", 20_000)
    home.add_callables()
    if "--from" not in home("run", "--help"):
        raise Skip("this jobctl has no run --from")
    (run.directory / "lines").write_text("{}\n" * number)
    began = time.perf_counter()
    home("run", "noop", "--from", str(run.directory / "lines"))
    return {"per_second": _all_stored(home, number) / (time.perf_counter() - began)}


def _all_stored(home: Home, number: int) -> int:
    ((rows,),) = home.query("SELECT count(*) FROM system_jobs")
    if rows != number:
        raise RuntimeError(f"{rows} of {number} submissions were stored")
    return number


BATCHES = Section(
    "batches",
    "Submitting in batches",
    "system jobs/s",
    (
        Contestant("submit_many", f"jobctl.submit_many(); {SETTINGS}", own_batch, RATE),
        Contestant(
            "submit_many-data",
            f"the same, each with data, which is a row of its own; {SETTINGS}",
            partial(own_batch, name="submit_many-data", data="[]"),
            RATE,
        ),
        Contestant("run-from", f"jobctl run --from FILE, its start included; {SETTINGS}", own_file, RATE),
        of_rate(
            "floor-executemany",
            f"floor: rows of that size, no index, {commits.BATCH:,} a commit; {FLOOR}",
            commits.executemany,
            "batches",
            200_000,
        ),
    ),
)


def _by_slots(slots: int, kind: str) -> Contestant:
    name = f"{kind}-{slots}"
    measure = partial(own_callables if kind == "callables" else own_commands, slots=slots, section="slots", name=name)
    return Contestant(name, f"{SETTINGS}; --slots {slots}", measure, RATE)


def _huey_by_workers(workers: int) -> Contestant:
    def measure(run: Run) -> Figures:
        return {"per_second": HUEY.throughput(run, run.amount(f"slots.huey-{workers}", 3700, 40_000), workers)}

    return Contestant(
        f"huey-{workers}", f"SQLite WAL, synchronous=FULL, {workers} processes", measure, RATE, HUEY.lacks
    )


SLOTS = Section(
    "slots",
    "Throughput by slots",
    "system jobs/s",
    (
        *(_by_slots(slots, kind) for kind in ("callables", "commands") for slots in (1, 2, 4, 8)),
        *(_huey_by_workers(workers) for workers in (1, 2, 4, 8)),
    ),
    repetitions=3,
)
