"""What a system job waits for."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl import control, scheduling
from jobctl.control import Conditions
from jobctl.model import Overlap, Reason, Status, Wait
from tests.store.desk import Desk
from tests.store.situations.case import collection
from tests.store.world import HOUR, MINUTE, SECOND, START

situation, SITUATIONS = collection()


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
