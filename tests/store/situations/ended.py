"""How system jobs ended, or began late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jobctl import control, scheduling
from jobctl.control import Conditions
from jobctl.model import CatchUp, Overlap, Reason, Status, Wait
from tests.store.desk import Desk
from tests.store.situations.case import collection
from tests.store.world import HOUR, MINUTE, SECOND, START

situation, SITUATIONS = collection()


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
