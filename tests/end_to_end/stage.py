"""A home in which real system jobs stand in every state that a person can find one in."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw

from jobctl import config, control
from jobctl.clock import MICROSECONDS, system_clock
from jobctl.control import Conditions
from jobctl.model import Definition, SystemJob, Wait
from jobctl.store import Store
from tests.conftest import SOURCE, Daemon, Jobctl, end_processes, is_up, wait_until
from tests.end_to_end.witness import runners

HOUR = 3600 * MICROSECONDS
STATES = (
    *("ready", "scheduled", "postponed", "paused", "retrying", "held", "after", "waiting_for_event"),
    *("stopping", "locked", "canceling", "succeeded", "failed", "canceled"),
)
"""`stopping`: paused, then canceled, and its processes do not go; `canceling`: the same, without the pause."""
STANDING = {
    "ready": "waiting_for_resources",
    "stopping": "canceling",
    "locked": "in_progress",
    "failed": "exit",
    "canceled": "user",
}
"""The reason or status of a state, where it is called otherwise."""
STUBBORN = "trap '' TERM; touch $PWD/stubborn.$JOBCTL_SEQUENCE; while :; do sleep 1000; done"
JOBS = {
    "long": Definition(command="sleep 1000"),
    "short": Definition(command="true"),
    "failing": Definition(command="exit 3"),
    "queue": Definition(command="sleep 1000", token="queue"),
    "flaky": Definition(command="exit 3", retries=1, retry_delay=3600.0),
    "fragile": Definition(command="sleep 1000", on_lost="retry"),
    "stubborn": Definition(command=STUBBORN),
}


@dataclass
class Stage:
    """Puts system jobs into states, in-process; what is tried on them goes through the command line."""

    jobctl: Jobctl
    store: Store
    home: Path
    plays: dict[str, list[int]] = field(default_factory=dict)
    """What stands in each state and was not taken yet."""

    def define(self) -> None:
        for name, definition in JOBS.items():
            control.add_job(self.store, name, self._here(definition))
        self.holder = self.submit("queue")
        self.await_standing([self.holder], "in_progress")

    def _here(self, definition: Definition) -> Definition:
        return replace(definition, cwd=str(self.home), grace=3600.0, environment={"PATH": os.environ["PATH"]})

    def submit(self, job: str, at: int | None = None, conditions: Conditions | None = None) -> int:
        return control.submit(self.store, job, at=at, conditions=conditions or Conditions()).sequence

    def set_up(self, wanted: dict[str, int]) -> None:
        """So many system jobs of each state, all at once."""
        assert set(wanted) <= set(STATES)
        self.plays = {name: getattr(self, f"_begin_{name}")(count) for name, count in wanted.items()}
        for name, numbers in self.plays.items():
            getattr(self, f"_bring_{name}", lambda numbers: None)(numbers)
        for name, numbers in self.plays.items():
            self.await_standing(numbers, STANDING.get(name, name))

    def take(self, state: str) -> int:
        """One that stands in the state and is nobody else's."""
        return self.plays[state].pop()

    def await_standing(self, numbers: list[int], standing: str) -> None:
        """Until all of them stand so; what is in progress has begun, too."""

        def all_do() -> bool:
            begun = standing != "in_progress" or all(self.row(number).started_on for number in numbers)
            return begun and {self.standing(number) for number in numbers} <= {standing}

        wait_until(all_do, what=f"{numbers} are {standing}")

    def row(self, number: int) -> SystemJob:
        return self.store.system_job(number)

    def standing(self, number: int) -> str:
        """Its reason, or its status if it has none; `gone`."""
        row = self.store.find_system_job(number)
        return "gone" if row is None else str(row.reason or row.status.label)

    def stored(self, number: int) -> list[tuple[Any, ...]]:
        """All that the database has of it."""
        database = apsw.Connection(str(self.home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            tables = ("system_jobs", "payloads", "waits", "events")
            query = "SELECT '{0}', * FROM {0} WHERE sequence = ?"
            return [row for table in tables for row in database.execute(query.format(table), (number,))]
        finally:
            database.close()

    def make_platform(self, number: int) -> None:
        """As if it were jobctl's own maintenance."""
        database = apsw.Connection(str(self.home / "jobctl.db"))
        database.setbusytimeout(5000)
        database.execute("UPDATE system_jobs SET platform = 1 WHERE sequence = ?", (number,))
        database.close()

    # Each state: `_begin_…` submits, `_bring_…` brings them there once all are submitted.

    def _begin_ready(self, count: int) -> list[int]:
        return [self.submit("queue") for _ in range(count)]

    def _begin_scheduled(self, count: int) -> list[int]:
        return [self.submit("short", at=self.store.clock.now() + HOUR) for _ in range(count)]

    _begin_postponed = _begin_scheduled

    def _bring_postponed(self, numbers: list[int]) -> None:
        for number in numbers:
            control.postpone(self.store, number, self.store.clock.now() + 2 * HOUR)

    def _begin_locked(self, count: int) -> list[int]:
        return [self.submit("long") for _ in range(count)]

    _begin_paused = _begin_locked

    def _bring_paused(self, numbers: list[int]) -> None:
        self.await_standing(numbers, "in_progress")
        for number in numbers:
            control.pause(self.store, number)

    def _begin_retrying(self, count: int) -> list[int]:
        return [self.submit("flaky") for _ in range(count)]

    def _begin_held(self, count: int) -> list[int]:
        return [self.submit("fragile") for _ in range(count)]

    def _bring_held(self, numbers: list[int]) -> None:
        """Each loses its runner three times."""
        killed: set[str | None] = set()

        def all_held() -> bool:
            rows = [self.row(number) for number in numbers]
            pids = {runner: pid for pid, runner in runners(self.home).items()}
            for row in rows:
                if row.started_on and row.runner_id in pids and row.runner_id not in killed:
                    killed.add(row.runner_id)
                    os.kill(pids[row.runner_id], signal.SIGKILL)
            return all(row.reason == "held" for row in rows)

        wait_until(all_held, 40, f"{numbers} were lost three times")

    def _begin_after(self, count: int) -> list[int]:
        conditions = Conditions(after=(Wait(self.holder, "success"),))
        return [self.submit("short", conditions=conditions) for _ in range(count)]

    def _begin_waiting_for_event(self, count: int) -> list[int]:
        return [self.submit("short", conditions=Conditions(event="never")) for _ in range(count)]

    def _begin_canceling(self, count: int) -> list[int]:
        return [self.submit("stubborn") for _ in range(count)]

    def _bring_canceling(self, numbers: list[int]) -> None:
        for number in numbers:
            wait_until((self.home / f"stubborn.{number}").exists, what=f"#{number} ignores SIGTERM")
            self.await_standing([number], "in_progress")
            control.cancel(self.store, number)

    _begin_stopping = _begin_canceling

    def _bring_stopping(self, numbers: list[int]) -> None:
        for number in numbers:
            wait_until((self.home / f"stubborn.{number}").exists, what=f"#{number} ignores SIGTERM")
        self._bring_paused(numbers)
        self.await_standing(numbers, "paused")
        for number in numbers:
            control.cancel(self.store, number)

    def _begin_succeeded(self, count: int) -> list[int]:
        return [self.submit("short") for _ in range(count)]

    def _begin_failed(self, count: int) -> list[int]:
        return [self.submit("failing") for _ in range(count)]

    def _begin_canceled(self, count: int) -> list[int]:
        numbers = self._begin_scheduled(count)
        for number in numbers:
            control.cancel(self.store, number)
        return numbers


@contextmanager
def stage(directory: Path, slots: int) -> Iterator[Stage]:
    """A home with a daemon for a whole module of tests; everything of it is ended and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="jobctl-", dir="/tmp"))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "USER", "LOGNAME", "TZ") if name in os.environ},
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "JOBCTL_HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    jobctl = Jobctl(environment)
    daemon = Daemon(jobctl, ("--slots", slots, "--shutdown-timeout", "0s"), None, directory / "daemon.log")
    try:
        wait_until(lambda: is_up(home, daemon.pid), what="the daemon is up")
        with Store.open(config.load(environment), system_clock(), "user:tester") as store:
            yield Stage(jobctl, store, home)
        assert daemon.alive and "Traceback" not in daemon.output, daemon.output
        assert daemon.stop() == 0
    finally:
        if daemon.alive:
            daemon.kill()
        end_processes(home)
        shutil.rmtree(home, ignore_errors=True)
