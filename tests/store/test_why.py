"""`jobctl why`: in each situation the sentence that decides, and a command that does change it.

The store, the rules and the command line are the real ones; the daemon's part is played by the test, with two slots.
"""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from jobctl import cli, control, presence, scheduling
from jobctl.config import Config
from jobctl.control import Conditions
from jobctl.locks import FileLock
from jobctl.model import CatchUp, Overlap, Reason, State, Status, SystemJob, Wait
from jobctl.scheduling import Planned, Policies
from jobctl.why import Explanation, why_job, why_system_job
from jobctl.why.queues import holders_of_slots
from tests.store.machine import LifeOfSystemJobs
from tests.store.world import HOUR, MINUTE, SECOND, START, Template, World, every, once

SLOTS = 2


@dataclass
class Told:
    """What `jobctl why` said."""

    codes: list[str]
    texts: list[str]
    command: str | None
    reasons: list[dict[str, Any]]


class Desk:
    """A world with somebody at its daemon, and a person at the command line."""

    def __init__(self, world: World, clock: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.store = world.store
        self.clock = clock
        self.capsys = capsys
        self.config: Config = world.store.database.config
        self.lock = FileLock(self.config.daemon_lock)
        self.holding = False
        """Nothing planned is promoted: the clock has just jumped."""

    # The daemon

    def open(self) -> None:
        """A daemon holds the home, and has just taken a turn."""
        assert self.lock.held or self.lock.acquire()
        self.lock.write(json.dumps({"boot_id": "b", "pid_namespace": "n", "pid": 1, "start_time": 1}))
        presence.show(self.config, self.world.clock.now())

    def close(self) -> None:
        self.lock.release()

    def absent(self, since: float, until: float) -> None:
        """From one minute to another there is no daemon; then the next one starts."""
        clock, before = self.world.clock.instant, self.world.daemon_id
        values = {"boot_id": "b", "pid_namespace": "n", "pid": 1, "start_time": 1, "version": "0", "slots": SLOTS}
        with self.store.write() as tx:
            tx.database.run("stop_daemon", {"id": before, "now": START + round(since * MINUTE)})
            parameters = {**values, "host_id": self.world.host_id, "now": START + round(until * MINUTE)}
            ((self.world.daemon_id,),) = tx.database.run("insert_daemon", parameters)
        self.world.clock.instant = clock

    def turn(self) -> None:
        """What a daemon does: wishes take effect, what is due is promoted, free slots are filled."""
        presence.show(self.config, self.world.clock.now())
        for row in self.world.rows():
            if row.status is Status.PAUSING:
                self.world.paused(row.sequence, run_time=MINUTE)
            elif row.status is Status.CANCELING or row.reason is Reason.CANCELING:
                self.world.end(row.sequence, Status.CANCELED, Reason.USER)
        if not self.holding:
            self.world.promote()
        while sum(row.state is State.LOCKED for row in self.world.rows()) < SLOTS:
            claimed = self.world.claim()
            if claimed is None:
                return
            if not claimed.continued:
                self.world.begin(claimed.sequence)

    def pass_(self, microseconds: int) -> None:
        self.world.clock.advance(microseconds)
        presence.show(self.config, self.world.clock.now())

    def begun(self, subject: object) -> int:
        """How often something of it was begun or went on: the system job itself, its reruns, or those of the job."""
        rows = [row for row in self.world.rows() if subject in (row.sequence, row.rerun_of, row.job)]
        return sum(row.claim for row in rows if row.started_on is not None)

    # People

    def submit(self, name: str = "job", *, job: dict[str, Any] | None = None, **rest: Any) -> int:
        if self.store.find_job(name) is None:
            self.world.job(name, **(job or {}))
        return control.submit(self.store, name, **rest).sequence

    def running(self, name: str = "job", **job: Any) -> int:
        number = self.submit(name, job=job)
        self.turn()
        assert self.world.row(number).started_on is not None
        return number

    def plan(self, name: str = "backup", interval: str = "10m", **terms: Any) -> None:
        """A job with a schedule, the first in a minute."""
        asked = every(interval, START + MINUTE)
        limits = {key: terms.pop(key) for key in ("count", "end_at") if key in terms}
        spec = {**asked.spec, **terms.pop("spec", {})}
        self.world.job(name, **terms.pop("job", {}))
        scheduling.schedule(
            self.store, name, Planned(spec, "UTC", asked.start_at, policies=Policies(**terms), **limits)
        )

    def at(self, minute: float) -> None:
        """That minute comes, and the daemon takes its turn."""
        self.world.clock.instant = START + round(minute * MINUTE)
        self.turn()

    def command(self, *arguments: object) -> str:
        """Run a command line as it is; what it printed."""
        offset = self.world.clock.now() / 1_000_000 - time.time()
        self.clock.write_text(f"{offset!r} 0", encoding="ascii")
        self.capsys.readouterr()
        code = cli.run([str(word) for word in arguments])
        printed = self.capsys.readouterr()
        assert code == 0, f"{arguments}: {printed.err}"
        self.world.clock.advance(SECOND)
        return printed.out

    def why(self, subject: object) -> Told:
        document = json.loads(self.command("why", subject, "--json"))["why"]
        reasons = document["reasons"]
        lines = self.command("why", subject).splitlines()[1:]
        command = document["command"]
        texts = [reason["text"] for reason in reasons]
        assert len(lines) == len(texts) + (command is not None)
        assert command is None or lines[-1] == f"to change it: {command}"
        return Told([reason["code"] for reason in reasons], texts, command, reasons)

    def obey(self, command: str, **filled_in: str) -> None:
        """Do what the last line proposes."""
        words = shlex.split(command)
        assert words[0] == "jobctl"
        if words[1] == "daemon":
            self.close()
            self.open()
        else:
            self.command(*[filled_in.get(word, word) for word in words[1:]])


@pytest.fixture
def desk(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    clock = tmp_path / "clock"
    home = str(world.store.database.config.home)
    for name, value in {"JOBCTL_HOME": home, "JOBCTL_TEST": "1", "JOBCTL_CLOCK": str(clock), "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)
    time.tzset()
    made = Desk(world, clock, capsys)
    made.open()
    yield made
    made.close()
    monkeypatch.undo()
    time.tzset()


Build = Callable[[Desk], Iterator[Any]]


@dataclass(frozen=True)
class Situation:
    """Up to its first `yield` the builder brings it about and gives what to ask for; from there on it goes on."""

    build: Build
    says: tuple[str, ...]
    """The code of the decisive sentence, and what the sentences hold."""
    command: str | None
    whose: str | None = None
    """The job whose next run is what changes; else it is the system job itself, or its rerun."""


SITUATIONS: dict[str, Situation] = {}


def situation(*says: str, command: str | None, whose: str | None = None) -> Callable[[Build], Build]:
    def note(build: Build) -> Build:
        SITUATIONS[build.__name__.replace("_", " ")] = Situation(build, says, command, whose)
        return build

    return note


# What a system job waits for


@situation(
    "paused", "user:alice paused it at 2027-01-15 08:05:00 (6s ago), after it had run 1m", command="jobctl resume 1"
)
def paused(desk: Desk) -> Iterator[int]:
    number = desk.running()
    desk.world.clock.advance(5 * MINUTE)
    control.pause(desk.store, number)
    desk.turn()
    desk.pass_(6 * SECOND)
    yield number


@situation(
    "postponed", "user:alice postponed it at 2027-01-15 08:00:00, until 2027-01-15 09:00:00", command="jobctl resume 1"
)
def postponed(desk: Desk) -> Iterator[int]:
    number = desk.submit()
    control.postpone(desk.store, number, START + HOUR)
    yield number


@situation("postponed", "its processes stand still", command="jobctl resume 1")
def postponed_while_it_ran(desk: Desk) -> Iterator[int]:
    number = desk.running()
    control.postpone(desk.store, number, START + HOUR)
    desk.turn()
    yield number


@situation("not_due", "user:alice submitted it for 2027-01-15 09:00:00", command="jobctl resume 1")
def submitted_for_later(desk: Desk) -> Iterator[int]:
    yield desk.submit(at=START + HOUR)


@situation("not_due", "its schedule planned it for 2027-01-15 08:01:00", command="jobctl resume 1")
def planned_for_later(desk: Desk) -> Iterator[int]:
    desk.plan()
    yield 1


@situation("not_due", "its jitter delays it until 2027-01-15 08:", command="jobctl resume 1")
def delayed_by_jitter(desk: Desk) -> Iterator[int]:
    desk.plan(jitter=9 * MINUTE)
    yield 1


@situation(
    "retry", "attempt 1 failed (exit code 3); retry 1 of 2 is due 2027-01-15 08:10:00", command="jobctl resume 1"
)
def retrying(desk: Desk) -> Iterator[int]:
    number = desk.running(retries=2, retry_delay=600.0)
    desk.world.end(number, Status.FAILED, Reason.EXIT, exit_code=3, message="exit code 3")
    yield number


@situation("held_lost", "lost 3 times, last at 2027-01-15 08:03:00", command="jobctl resume 1")
def lost_three_times(desk: Desk) -> Iterator[int]:
    number = desk.submit(job={"on_lost": "retry"})
    for _ in range(3):
        desk.world.clock.advance(MINUTE)
        desk.turn()
        desk.world.lose(number)
    yield number


@situation("held_schedule", "no time zone named 'Gone/Zone'", "jobctl reschedule backup", command="jobctl resume 1")
def held_because_its_zone_is_gone(desk: Desk) -> Iterator[int]:
    desk.plan()
    desk.store.database.connection.execute("UPDATE schedules SET time_zone = 'Gone/Zone'")
    desk.at(1)
    yield 1


@situation(
    "schedule_rests",
    "rests until 2027-01-15 10:00:00",
    "(moving disks), as user:alice asked",
    command="jobctl resume 1",
)
def its_schedule_rests_and_its_instant_is_over(desk: Desk) -> Iterator[int]:
    desk.plan()
    scheduling.pause_schedule(desk.store, "backup", START + 2 * HOUR, "moving disks")
    desk.at(5)
    yield 1


@situation("schedule_rests", command="jobctl unschedule backup --until now")
def its_schedule_rests_and_its_instant_is_ahead(desk: Desk) -> Iterator[int]:
    desk.plan()
    scheduling.pause_schedule(desk.store, "backup", START + 2 * HOUR)
    yield 1
    desk.at(1)


@situation("waits_for_event", "it waits for the event 'orders in'", command="jobctl emit 'orders in'")
def waits_for_an_event(desk: Desk) -> Iterator[int]:
    yield desk.submit(conditions=Conditions(event="orders in"))


@situation("after", "it comes after 1 job, which must succeed first: that is running", command="jobctl resume 2")
def after_one_that_runs(desk: Desk) -> Iterator[int]:
    first = desk.running()
    yield desk.submit(conditions=Conditions((Wait(first, "success"),)))


@situation("after", "1 job, which must fail first: that is paused", command="jobctl resume 1")
def after_one_that_is_paused(desk: Desk) -> Iterator[int]:
    first = desk.running()
    control.pause(desk.store, first)
    desk.turn()
    yield desk.submit(conditions=Conditions((Wait(first, "failure"),)))
    desk.world.fail(first)


@situation(
    "token", "the token 'disk' behind 1 job, which is running, begun 2027-01-15 08:00:00", command="jobctl cancel 1"
)
def behind_the_holder_of_its_token(desk: Desk) -> Iterator[int]:
    desk.running(token="disk")
    yield desk.submit()


@situation("token", "behind 2 job", "2 are before it, and 1 job has the token, paused", command="jobctl resume 1")
def third_in_its_tokens_queue_behind_a_paused_one(desk: Desk) -> Iterator[int]:
    first = desk.running(token="disk")
    control.pause(desk.store, first)
    desk.turn()
    second = desk.submit()
    yield desk.submit()
    for number in (first, second):
        desk.turn()
        desk.world.end(number)


@situation("overlap", "the end of 1 backup, which is running", "an earlier occurrence", command="jobctl cancel 1")
def queued_behind_the_occurrence_before(desk: Desk) -> Iterator[int]:
    desk.plan(overlap=Overlap.QUEUE)
    desk.at(1)
    desk.at(11)
    yield 2


@situation("concurrency", "no more than 1 of limited run at a time, and 1 limited does", command="jobctl pause 1")
def its_jobs_limit_is_reached(desk: Desk) -> Iterator[int]:
    desk.running("limited", concurrency=1)
    yield desk.submit("limited")


@situation("slots", "all 2 slots are taken, by 1 low and 2 high", "1 ready one is before it", command="jobctl pause 1")
def all_slots_are_taken(desk: Desk) -> Iterator[int]:
    desk.running("low", priority=-1)
    desk.running("high")
    before = desk.submit("before", job={"priority": 5})
    yield desk.submit("waits")
    desk.world.end(before)


@situation(
    "no_daemon",
    "no daemon is running; the last one stopped at 2027-01-15 08:00:00 (7m ago)",
    "it is ready since",
    command="jobctl daemon",
)
def no_daemon_is_running(desk: Desk) -> Iterator[int]:
    with desk.store.write() as tx:
        tx.database.run("stop_daemon", {"id": desk.world.daemon_id, "now": tx.now})
    desk.close()
    number = desk.submit()
    desk.pass_(7 * MINUTE)
    yield number


@situation("no_daemon", "the last one was last seen alive at 2027-01-15 08:02:00 (10m ago)", command="jobctl daemon")
def the_daemon_was_killed_before_it_fell_due(desk: Desk) -> Iterator[int]:
    number = desk.submit(at=START + 5 * MINUTE)
    desk.pass_(2 * MINUTE)
    desk.close()
    desk.world.clock.advance(10 * MINUTE)
    yield number


@situation(
    "daemon_stands_still",
    "(pid 1) has taken no turn since 2027-01-15 08:00:00 (5m)",
    command="jobctl daemon --takeover",
)
def the_daemon_stands_still(desk: Desk) -> Iterator[int]:
    number = desk.submit()
    desk.world.clock.advance(5 * MINUTE)
    yield number


@situation("clock_jump", "ahead by 1d 6h", "held back until 2027-01-15 08:01:00", command="jobctl resume 1")
def held_back_after_a_jump_of_the_clock(desk: Desk) -> Iterator[int]:
    desk.plan()
    with desk.store.write() as tx:
        tx.event("clock_jump", seconds=30 * 3600, held_for=60.0)
    desk.holding = True
    desk.store.database.connection.execute("UPDATE system_jobs SET due_at = due_at - 120000000")
    yield 1


# How they ended


@situation("canceled", "user:alice canceled it at 2027-01-15 08:00:00", "it stood still from", command="jobctl rerun 1")
def canceled_by_a_person_while_paused(desk: Desk) -> Iterator[int]:
    number = desk.running()
    control.pause(desk.store, number)
    desk.turn()
    control.cancel(desk.store, number)
    desk.turn()
    yield number


@situation(
    "overlap",
    "not run: #1 of the same schedule was still active (in progress) (at 2027-01-15 08:11:00)",
    "1 backup: running, begun 2027-01-15 08:01:00",
    command="jobctl rerun 2",
)
def skipped_because_of_the_one_before(desk: Desk) -> Iterator[int]:
    desk.plan()
    desk.at(1)
    desk.at(11)
    yield 2


@situation("replaced", "replaced by #2, the next occurrence", "2 backup: ", command="jobctl rerun 1")
def replaced_by_the_next_one(desk: Desk) -> Iterator[int]:
    desk.plan(overlap=Overlap.REPLACE)
    desk.at(1)
    desk.at(11)
    desk.turn()
    yield 1


@situation(
    "missed",
    "3 occurrences missed, from 2027-01-15 08:01:00 UTC to 2027-01-15 08:21:00 UTC",
    "2 backup was run for the instants missed: running, begun 2027-01-15 08:35:00",
    "no daemon was at work from 2027-01-15 08:00:30 to 08:34:50 (34m 20s)",
    command="jobctl rerun 1",
)
def missed_without_a_daemon(desk: Desk) -> Iterator[int]:
    desk.plan()
    desk.absent(0.5, 34 + 50 / 60)
    desk.at(35)
    yield 1


@situation(
    "missed",
    "the daemon or its machine stood still from 2027-01-15 08:00:30 to 08:05:00 (4m 30s)",
    command="jobctl rerun 1",
)
def missed_while_the_machine_slept(desk: Desk) -> Iterator[int]:
    desk.plan(catch_up=CatchUp.NONE)
    desk.world.clock.instant = START + 5 * MINUTE
    with desk.store.write() as tx:
        tx.event("stood_still", since=START + 30 * SECOND, until=tx.now)
    desk.turn()
    yield 1


@situation(
    "late",
    "not run: it could not begin by 2027-01-15 08:03:00 UTC",
    "it was ready from 2027-01-15 08:01:00 on and waited 4m; meanwhile others ran: 1 long and 2 long, until 2027-01-15",
    command="jobctl rerun 3",
)
def too_late_after_waiting_for_a_slot(desk: Desk) -> Iterator[int]:
    for _ in range(2):
        desk.running("long")
    desk.plan(late_limit=2 * MINUTE)
    desk.at(1)
    desk.at(2)
    for number in (1, 2):
        desk.world.end(number)
    desk.world.clock.instant = START + 5 * MINUTE
    desk.world.promote()
    yield 3


@situation(
    "schedule_rested",
    "1 occurrence not run: the schedule was paused until 2027-01-15 08:05:00 UTC: moving disks",
    "user:alice asked for it at 2027-01-15 08:00:00 (moving disks)",
    command="jobctl rerun 1",
)
def not_run_while_its_schedule_rested(desk: Desk) -> Iterator[int]:
    desk.plan()
    scheduling.pause_schedule(desk.store, "backup", START + 5 * MINUTE, "moving disks")
    desk.at(6)
    yield 1


@situation("unscheduled", "not run: the job was unscheduled: too loud, by user:alice at 2027", command="jobctl rerun 1")
def unscheduled_before_its_instant(desk: Desk) -> Iterator[int]:
    desk.plan()
    scheduling.unschedule(desk.store, "backup", "too loud")
    yield 1


@situation(
    "dependency", "once #1 had succeeded, and that failed", "1 job: began 2027-01-15 08:00:00", command="jobctl rerun 2"
)
def its_predecessor_failed(desk: Desk) -> Iterator[int]:
    first = desk.running()
    number = desk.submit(conditions=Conditions((Wait(first, "success"),)))
    desk.world.fail(first)
    yield number


@situation("daemon_stopped", "the daemon was told twice to stop, and ended it", command="jobctl rerun 1")
def ended_with_the_daemon(desk: Desk) -> Iterator[int]:
    number = desk.running()
    row = desk.world.row(number)
    with desk.store.write() as tx:
        tx.save(row, replace(row, status=Status.CANCELING))
    desk.world.end(number, Status.CANCELED, Reason.DAEMON_STOPPED)
    yield number


@situation(
    "failed",
    "it failed at 2027-01-15 08:11:00 (now) after running 10m: timed out after 600s",
    "its retry was used up",
    "attempt 1 failed at 2027-01-15 08:00:00 (exit code 3); the next was due after 10 s",
    command="jobctl rerun 1",
)
def failed_after_its_retry(desk: Desk) -> Iterator[int]:
    number = desk.running(retries=1)
    desk.world.end(number, Status.FAILED, Reason.EXIT, exit_code=3, message="exit code 3")
    desk.at(1)
    desk.world.clock.advance(10 * MINUTE)
    desk.world.end(number, Status.FAILED, Reason.TIMEOUT, message="timed out after 600s", run_time=10 * MINUTE)
    yield number


@situation(
    "lost",
    "its runner or its machine was gone",
    "no daemon was at work from 2027-01-15 08:01:00 to 08:20:00 (19m)",
    command="jobctl rerun 1",
)
def lost_with_its_machine(desk: Desk) -> Iterator[int]:
    number = desk.running()
    desk.absent(1, 20)
    desk.world.clock.instant = START + 20 * MINUTE
    desk.world.lose(number)
    yield number


@situation(
    "refused_at_start",
    "it could not start at 2027-01-15 08:00:00 (now): no such program: tarr; mend that first",
    "it was not retried: trying again cannot mend that",
    command="jobctl rerun 1",
)
def its_program_is_not_there(desk: Desk) -> Iterator[int]:
    number = desk.running(retries=3)
    desk.world.end(number, Status.FAILED, Reason.SPAWN, message="no such program: tarr")
    yield number


@situation("refused_at_start", "no module named 'bils'", "mend that first", command="jobctl rerun 1")
def its_module_cannot_be_imported(desk: Desk) -> Iterator[int]:
    number = desk.running(command=None, callable="bils:pay")
    desk.world.end(number, Status.FAILED, Reason.IMPORT, message="no module named 'bils'")
    yield number


@situation(
    "refused_at_start", "pay() takes no x; give it data that fits", command="jobctl run pay --data JSON", whose="pay"
)
def its_data_does_not_fit(desk: Desk) -> Iterator[int]:
    number = desk.running("pay", command=None, callable="bills:pay")
    desk.world.end(number, Status.FAILED, Reason.ARGUMENTS, message="pay() takes no x")
    yield number


@situation(
    "succeeded",
    "it succeeded at 2027-01-15 08:36:00 (now)",
    "it began at 2027-01-15 08:35:00, 34m after it was due",
    "no daemon was at work from 2027-01-15 08:00:30 to 08:34:30 (34m)",
    command=None,
)
def succeeded_late_because_there_was_no_daemon(desk: Desk) -> Iterator[int]:
    number = desk.submit(at=START + MINUTE)
    desk.absent(0.5, 34.5)
    desk.at(35)
    desk.pass_(MINUTE)
    desk.world.end(number)
    yield number


@situation(
    "succeeded",
    "user:alice emitted the event 'go' at 2027-01-15 08:01:00",
    "it came after 1 job, which ended at 2027-01-15 08:05:00",
    command=None,
)
def succeeded_after_all_it_waited_for(desk: Desk) -> Iterator[int]:
    first = desk.running()
    number = desk.submit(conditions=Conditions((Wait(first, "any"),), "go"))
    desk.pass_(MINUTE)
    control.emit(desk.store, "go")
    desk.pass_(4 * MINUTE)
    desk.world.end(first)
    desk.turn()
    desk.world.end(number)
    yield number


@situation(
    "running",
    "it is running since 2027-01-15 08:30:00 (0s)",
    "it began at 2027-01-15 08:30:00, 30m after it was due",
    "waited 30m; meanwhile its token 'disk' was taken: 1 job, until 2027-01-15 08:30:00",
    command=None,
)
def running_late_because_of_its_token(desk: Desk) -> Iterator[int]:
    first = desk.running(token="disk")
    number = desk.submit()
    desk.pass_(30 * MINUTE)
    desk.world.end(first)
    desk.turn()
    yield number


@situation("canceled", "user:alice canceled it at 2027-01-15 08:00:00 (now) (the job was removed)", command=None)
def its_job_was_removed(desk: Desk) -> Iterator[int]:
    number = desk.submit(at=START + HOUR)
    control.remove_job(desk.store, "job")
    yield number


# Jobs


@situation("no_schedule", "it has no schedule: it runs when somebody submits it", command="jobctl run job")
def a_job_without_a_schedule(desk: Desk) -> Iterator[str]:
    desk.world.job("job")
    yield "job"


@situation(
    "not_due",
    "next, 2: not due yet: its schedule planned it for 2027-01-15 08:11:00",
    "last, 1: it failed at 2027-01-15 08:01:00",
    command="jobctl resume 2",
)
def a_job_that_waits_for_its_next_occurrence(desk: Desk) -> Iterator[str]:
    desk.plan()
    desk.at(1)
    desk.world.fail(1)
    yield "backup"


@situation("paused", "1: user:alice paused it", "next, 2: not due yet", command="jobctl resume 1")
def a_job_whose_run_is_paused(desk: Desk) -> Iterator[str]:
    desk.plan()
    desk.at(1)
    control.pause(desk.store, 1)
    desk.turn()
    yield "backup"


@situation("running", "1: it is running since", "next, 2: not due yet", command=None)
def a_job_that_runs(desk: Desk) -> Iterator[str]:
    desk.plan()
    desk.at(1)
    yield "backup"


@situation("schedule_rests", "next, 1: its schedule rests", command="jobctl unschedule backup --until now")
def a_job_whose_schedule_rests(desk: Desk) -> Iterator[str]:
    desk.plan()
    scheduling.pause_schedule(desk.store, "backup", START + HOUR)
    yield "backup"
    desk.at(1)


@situation(
    "not_due", "planned it for 2027-01-16 08:01:00", "--skip leaves out 2027-01-15 08:01:00", command="jobctl resume 1"
)
def a_job_whose_next_date_is_skipped(desk: Desk) -> Iterator[str]:
    desk.plan(interval="24h", spec={"skip": ["2027-01-15"]})
    yield "backup"


@situation(
    "unscheduled",
    "user:alice ended its schedule at 2027-01-15 08:00:00 (now) (too loud)",
    "last, 1: not run: the job was unscheduled",
    command="jobctl reschedule backup",
)
def a_job_that_was_unscheduled(desk: Desk) -> Iterator[str]:
    desk.plan()
    scheduling.unschedule(desk.store, "backup", "too loud")
    yield "backup"
    desk.at(1)


@situation(
    "count_used_up",
    "is over since 2027-01-15 08:11:00: all 2 of its --count have run",
    "last, 2: it succeeded",
    "before, 1: it succeeded",
    command="jobctl reschedule backup",
)
def a_job_whose_count_is_used_up(desk: Desk) -> Iterator[str]:
    desk.plan(count=2)
    for minute, number in ((1, 1), (11, 2)):
        desk.at(minute)
        desk.world.end(number)
    yield "backup"
    desk.at(21)


@situation("window_passed", "it had nothing left before its --end, 2027-01-15 08:05:00", command="jobctl run backup")
def a_job_whose_window_has_passed(desk: Desk) -> Iterator[str]:
    desk.plan(end_at=START + 5 * MINUTE)
    desk.at(1)
    desk.world.end(1)
    desk.at(6)
    yield "backup"


@situation("was_once", "its schedule was for once, and is over since 2027-01-15 08:01:00", command="jobctl run job")
def a_job_that_was_for_once(desk: Desk) -> Iterator[str]:
    desk.world.job("job")
    scheduling.schedule(desk.store, "job", once(START + MINUTE))
    desk.at(1)
    desk.world.end(1)
    yield "job"


@situation("next_boot", "after the next start of the machine", command="jobctl run job")
def a_job_that_waits_for_the_next_boot(desk: Desk) -> Iterator[str]:
    desk.world.job("job")
    scheduling.schedule(desk.store, "job", Planned({"notation": "on_start"}, "UTC"))
    yield "job"


@situation("schedule_broken", "nothing is planned: no time zone named 'Gone/Zone'", command="jobctl run backup")
def a_job_whose_zone_is_gone(desk: Desk) -> Iterator[str]:
    desk.plan()
    desk.store.database.connection.execute("UPDATE schedules SET time_zone = 'Gone/Zone'")
    control.cancel(desk.store, 1)
    yield "backup"


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_sentence_that_decides_and_the_command_that_changes_it(desk: Desk, name: str) -> None:
    case = SITUATIONS[name]
    build = case.build(desk)
    subject = next(build)
    told = desk.why(subject)
    assert told.codes[0] == case.says[0], told.texts
    for text in case.says[1:]:
        assert any(text in sentence for sentence in told.texts), (text, told.texts)
    assert told.command == case.command
    if case.command is None:
        return
    counted = case.whose or subject
    before = desk.begun(counted)
    if desk.lock.held and case.says[0] != "daemon_stands_still":
        desk.turn()
        assert desk.begun(counted) == before, "without the command it would have gone on as well"
    desk.obey(case.command, JSON='{"month": 1}')
    desk.turn()
    for _ in build:
        pass
    desk.turn()
    assert desk.begun(counted) > before


# What holds of every explanation


def test_one_that_ran_when_it_was_due_has_no_excuses(desk: Desk) -> None:
    desk.plan()
    desk.at(1)
    desk.world.end(1)
    assert desk.why(1).codes == ["succeeded"]


def test_what_waits_for_one_that_waits_is_followed_to_the_first(desk: Desk) -> None:
    """4 comes after 3, which stands behind 2, which has the token and waits for a person."""
    desk.running("busy")
    second = desk.running("job", token="disk")
    control.pause(desk.store, second)
    desk.turn()
    third = desk.submit("job")
    fourth = desk.submit("last", conditions=Conditions((Wait(third, "success"),)))
    assert [desk.why(number).command for number in (third, fourth)] == ["jobctl resume 2"] * 2


def test_many_that_wait_for_many_are_asked_about_once_each(desk: Desk) -> None:
    """Each layer of five waits for the whole layer before: far more ways than system jobs."""
    layer: list[int] = []
    for _ in range(30):
        waits = tuple(Wait(number, "success") for number in layer)
        layer = [desk.submit(at=START + HOUR, conditions=Conditions(waits)) for _ in range(5)]
    told = desk.why(layer[-1])
    assert told.codes[0] == "after" and "and after 2 more; see: jobctl show 150" in told.texts


def test_a_place_in_a_tokens_queue_tells_who_had_it_though_that_never_ran(desk: Desk) -> None:
    first = desk.submit(job={"token": "disk"}, at=START + HOUR)
    second = desk.submit()
    desk.pass_(20 * MINUTE)
    control.cancel(desk.store, first)
    desk.turn()
    told = desk.why(second)
    assert any("meanwhile its token 'disk' was taken: 1 job, until 2027-01-15 08:20:00" in text for text in told.texts)


def test_a_wait_is_told_also_where_nothing_ended_meanwhile(desk: Desk) -> None:
    for _ in range(SLOTS):
        desk.running()
    number = desk.submit()
    desk.pass_(5 * MINUTE)
    desk.world.start()  # a daemon with more slots
    told = desk.why(number)
    assert told.codes == ["running", "late_start", "submitted", "waited"]
    assert told.texts[-1] == "it was ready from 2027-01-15 08:00:00 on and waited 5m"


def test_a_limit_comes_before_the_slots(desk: Desk) -> None:
    desk.running("other")
    desk.running("limited", concurrency=1)
    told = desk.why(desk.submit("limited"))
    assert told.codes == ["concurrency", "slots", "ready"] and told.command == "jobctl pause 2"


def test_jobctls_own_maintenance_is_told_nothing_it_refuses(desk: Desk) -> None:
    desk.world.job("purge")
    with desk.store.write() as tx:
        version = tx.job("purge").version
        ours = [tx.insert_system_job(version, platform=True, ready_on=tx.now, message_name="run") for _ in range(3)]
    for _ in range(SLOTS):
        desk.world.start()
    told = desk.why(ours[2].sequence)
    assert (told.codes[0], told.command) == ("slots", None)


def test_facts_are_numbers_and_utc_instants(desk: Desk) -> None:
    number = desk.running()
    control.postpone(desk.store, number, START + HOUR)
    desk.turn()
    (reason,) = desk.why(number).reasons
    assert reason["until"] == "2027-01-15T09:00:00.000000+00:00" and reason["actor"] == "user:alice"


class Questioned(LifeOfSystemJobs):
    """Any life there can be; at its end everything is asked about, with a daemon and without one."""

    asked: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.question(self.driver.world)
        super().teardown()

    def question(self, world: World) -> None:
        lock = FileLock(world.store.database.config.daemon_lock)
        now = world.clock.now()
        for attended in (False, True):
            assert not attended or lock.acquire()
            found = [why_system_job(world.store, row, now) for row in world.rows()]
            found += [why_job(world.store, job, now) for job in world.store.jobs()]
            for explanation in found:
                self.check(world, explanation, attended)
        lock.release()

    def check(self, world: World, explanation: Explanation, attended: bool) -> None:
        assert explanation.facts and all(fact.text for fact in explanation.facts)
        json.dumps(explanation.document())
        type(self).asked.update(fact.code for fact in explanation.facts)
        if explanation.command is None:
            return
        _, verb, *words = shlex.split(explanation.command)
        if verb in ("run", "reschedule", "unschedule"):
            assert world.store.find_job(words[0]) is not None
        elif verb == "daemon":
            assert not attended
        else:
            assert verb in control.legal_operations(world.row(int(words[0]))), explanation


def test_what_is_proposed_is_never_refused(template: Template) -> None:
    """In any state that a random life comes to; and most sentences there are have been said."""
    Questioned.template = template
    logging.disable(logging.CRITICAL)  # the recorder tells of every failed run
    try:
        run_state_machine_as_test(
            Questioned,
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                database=None,
                derandomize=True,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
    assert len(Questioned.asked) > 25, Questioned.asked


def test_what_a_runner_was_handed_ahead_holds_no_slot() -> None:
    def row(sequence: int, runner: str, began: int | None, message: str | None = None) -> SystemJob:
        blank = dict.fromkeys(field.name for field in fields(SystemJob))
        told = {"sequence": sequence, "runner_id": runner, "started_on": began, "message": message}
        return SystemJob(**{**blank, **told})  # type: ignore[arg-type]

    locked = [row(1, "a", None), row(2, "a", 5), row(3, "a", None), row(4, "b", None), row(5, "c", 6, "stuck: 1")]
    assert [one.sequence for one in holders_of_slots(locked)] == [2, 4]
