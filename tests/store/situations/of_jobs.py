"""Why a job runs, or does not."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl import control, scheduling
from jobctl.scheduling import Planned
from tests.store.desk import Desk
from tests.store.situations.case import collection
from tests.store.world import HOUR, MINUTE, START, once

situation, SITUATIONS = collection()


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
