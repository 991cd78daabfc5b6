"""A daemon with ten thousand schedules ahead and nothing to do: what it costs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bench import processes
from bench.measure import Contestant, Figures, Run, Section, say
from bench.own import SETTINGS, Home, wait_until
from jobctl.model import Definition
from jobctl.scheduling import Planned, plan_job
from jobctl.store import Store

METRICS = ("rows", "cpu_per_minute", "wakeups_per_minute", "daemon_mb", "runner_mb", "worker_mb")
SETTLE = 5.0
"""Seconds after the last work before the watch begins."""


def plan_many(store: Store, count: int) -> None:
    """As many jobs with a daily schedule, none of which falls due today; in one transaction of jobctl's own steps."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with store.write() as tx:
        for index in range(count):
            name = f"planned-{index}"
            job_id = tx.insert_job(name)
            tx.set_job_version(job_id, tx.insert_job_version(job_id, Definition(command="true")))
            start = round(tomorrow.timestamp() * 1e6) + index * 1_000_000
            spec = {"notation": "every", "every": "day"}
            plan_job(tx, tx.job(name), Planned(spec, "Europe/Madrid", start_at=start), "schedule")


def idle(run: Run) -> Figures:
    home = Home(run.directory)
    home.add_callables()
    schedules = 200 if run.short else run.options.get("schedules", 10_000)
    with home.store() as store:
        plan_many(store, schedules)
    seconds = 1.0 if run.short else float(run.options.get("idle_seconds", 45))
    with home.daemon(2) as daemon:
        warm(home)
        time.sleep(0.5 if run.short else SETTLE)
        family = processes.family(daemon.pid)
        before = processes.usage(family)
        time.sleep(seconds)
        if processes.family(daemon.pid) != family:
            say("idle: processes came or went meanwhile")
        after = processes.usage(family)
        runners = processes.children(daemon.pid)
        workers = [worker for runner in runners for worker in processes.children(runner)]
        return {
            "rows": float(schedules),
            "cpu_per_minute": (after.cpu - before.cpu) / seconds * 60,
            "wakeups_per_minute": (after.wakeups - before.wakeups) / seconds * 60,
            "daemon_mb": processes.resident(daemon.pid),
            "runner_mb": max(map(processes.resident, runners)),
            "worker_mb": max(map(processes.proportional, workers)),
        }


def warm(home: Home, slots: int = 2) -> None:
    """Each runner has run a callable: so many at a time that all are needed."""
    home("add", "nap", "--callable", "time:sleep")
    for _ in range(slots):
        home("run", "nap", "--data", "[0.5]")
    done = "SELECT count(*) FROM system_jobs WHERE state = 3"
    wait_until(lambda: home.query(done) == [(slots,)], 30)


IDLE = Section(
    "idle",
    "An idle daemon with 10,000 schedules ahead, its 2 runners and their warm workers",
    "",
    (Contestant("jobctl", f"{SETTINGS}; CPU and wake-ups of all its processes", idle, METRICS),),
    more_is_better=False,
    once=True,
)
