"""The occurrence ledger: the next occurrence always exists, and each instant is decided once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobctl import control, scheduling
from jobctl.errors import BadInput
from jobctl.model import Reason, State, SystemJob
from tests.store.world import MINUTE, SECOND, START, World, every, once


@pytest.fixture
def scheduled(world: World) -> World:
    """Every ten minutes, the first in a minute; no two runs overlap unless a test lets them."""
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE))
    return world


def pending(world: World, name: str = "backup") -> SystemJob | None:
    return world.store.pending_occurrence(world.store.job(name).id)


def minutes(instant: int | None) -> float | None:
    return None if instant is None else (instant - START) / MINUTE


def at(world: World, minute: float) -> None:
    """Set the clock and let the daemon take its turn."""
    world.clock.instant = START + round(minute * MINUTE)
    world.promote()


def next_minute(world: World) -> float | None:
    found = pending(world)
    return minutes(found.occurrence_at) if found else None


def run_head(world: World) -> int:
    sequence = world.start()
    world.end(sequence)
    return sequence


def test_the_following_is_created_when_the_head_falls_due(scheduled: World) -> None:
    assert next_minute(scheduled) == 1
    at(scheduled, 0.99)
    assert next_minute(scheduled) == 1
    at(scheduled, 1)
    assert scheduled.row(1).state is State.READY
    assert next_minute(scheduled) == 11


def test_a_gap_is_one_record_with_the_number_dropped_and_one_run(scheduled: World) -> None:
    at(scheduled, 57)
    record, latest, following = scheduled.rows()
    assert (record.reason, record.dropped, minutes(record.occurrence_at)) == (Reason.MISSED, 5, 1)
    assert (latest.state, minutes(latest.occurrence_at)) == (State.READY, 51)
    assert minutes(following.occurrence_at) == 61
    plan = scheduled.store.job("backup").plan
    assert plan is not None and (plan.fired, minutes(plan.planned_through)) == (1, 51)


def test_a_single_late_occurrence_runs_and_nothing_is_recorded_as_missed(scheduled: World) -> None:
    at(scheduled, 9)
    assert [row.reason for row in scheduled.rows()] == [None, Reason.SCHEDULED]


@pytest.mark.parametrize(("late", "missed"), [(60 * SECOND, 0), (60 * SECOND + 1, 1)])
def test_more_than_a_minute_late_is_missed(late: int, missed: int, world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("30s", START))
    world.clock.instant = START + late
    world.promote()
    assert sum(row.reason is Reason.MISSED for row in world.rows()) == missed


def test_a_daemon_back_after_a_year_writes_four_rows(scheduled: World) -> None:
    at(scheduled, 365 * 1440)
    assert len(scheduled.rows()) == 3
    assert scheduled.row(1).dropped == 365 * 144 - 1


def test_an_instant_before_activation_is_not_missed(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START - 600 * MINUTE))
    at(world, 0)
    assert [(row.reason, minutes(row.occurrence_at)) for row in world.rows()] == [(None, 0), (Reason.SCHEDULED, 10)]


def test_one_still_active_makes_the_next_be_skipped_and_recorded(scheduled: World) -> None:
    at(scheduled, 1)
    scheduled.start()
    at(scheduled, 11)
    skipped = scheduled.row(2)
    assert skipped.reason is Reason.OVERLAP and "#1" in (skipped.message or "")
    assert next_minute(scheduled) == 21
    plan = scheduled.store.job("backup").plan
    assert plan is not None and plan.fired == 1, "what was skipped does not count"


def leave_paused(world: World) -> None:
    world.start()
    control.pause(world.store, 1)
    world.paused(1)


def leave_retrying(world: World) -> None:
    control.edit_job(world.store, "backup", {"retries": 1, "retry_delay": 86400.0})
    world.start()
    world.fail(1)


def leave_held(world: World) -> None:
    control.edit_job(world.store, "backup", {"on_lost": "retry"})
    for _ in range(3):
        world.promote()
        world.start()
        world.lose(1)


def leave_paused_before_it_began(world: World) -> None:
    world.claim()
    control.pause(world.store, 1)
    world.returned(1)


@pytest.mark.parametrize(
    "leave",
    [
        leave_paused,
        leave_retrying,
        leave_held,
        leave_paused_before_it_began,
    ],
)
def test_paused_retrying_and_held_ones_are_still_active(leave: Callable[[World], None], scheduled: World) -> None:
    at(scheduled, 1)
    leave(scheduled)
    at(scheduled, 11)
    assert scheduled.row(2).reason is Reason.OVERLAP


def test_a_postponed_one_and_a_manual_run_are_not_active(scheduled: World) -> None:
    control.postpone(scheduled.store, 1, START + 500 * MINUTE)
    control.submit(scheduled.store, "backup")
    at(scheduled, 11)
    assert scheduled.row(2).state is State.READY


def test_count_limits_the_runs_not_the_instants(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE, count=2))
    at(world, 1)
    world.start()
    at(world, 11)
    assert world.row(2).reason is Reason.OVERLAP
    world.end(1)
    control.cancel(world.store, 3)
    control.submit(world.store, "backup")
    run_head(world)
    at(world, 31)
    assert minutes(world.row(run_head(world)).occurrence_at) == 31
    plan = world.store.job("backup").plan
    assert plan is not None and (plan.fired, plan.active, plan.ended_by) == (2, False, "finished")
    assert pending(world) is None


def test_a_postponed_one_holds_its_place_in_the_count(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE, count=1))
    control.postpone(world.store, 1, START + 15 * MINUTE)
    assert pending(world) is None
    plan = world.store.job("backup").plan
    assert plan is not None and plan.active
    control.cancel(world.store, 1)
    assert next_minute(world) == 11, "canceled, it does not count"


@pytest.mark.parametrize(("end", "last"), [(21, 21), (20.9, 11)])
def test_the_end_is_inclusive(end: float, last: int, world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE, START + round(end * MINUTE)))
    seen = []
    for minute in (1, 11, 21, 31):
        at(world, minute)
        if any(row.state is State.READY for row in world.rows()):
            seen.append(minutes(world.row(run_head(world)).occurrence_at))
    assert seen[-1] == last
    plan = world.store.job("backup").plan
    assert plan is not None and plan.ended_by == "finished"


def test_a_gap_past_the_end_runs_the_last_one_once(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE, START + 25 * MINUTE))
    at(world, 100)
    assert [minutes(row.occurrence_at) for row in world.rows()] == [1, 21]
    assert world.row(1).dropped == 2


@pytest.mark.parametrize("operation", ["cancel", "delete", "postpone", "resume"])
def test_the_following_takes_the_place_of_a_head_that_leaves(operation: str, scheduled: World) -> None:
    until = (START + 5 * MINUTE,) if operation == "postpone" else ()
    getattr(control, operation)(scheduled.store, 1, *until)
    assert next_minute(scheduled) == 11
    at(scheduled, 1)
    assert next_minute(scheduled) == 11


def test_a_deleted_occurrence_is_not_planned_again(scheduled: World) -> None:
    for sequence in (1, 2, 3):
        control.delete(scheduled.store, sequence)
    assert next_minute(scheduled) == 31


def test_one_resumed_early_counts_and_is_not_run_again_at_its_instant(scheduled: World) -> None:
    control.resume(scheduled.store, 1)
    run_head(scheduled)
    at(scheduled, 1)
    assert [row.state for row in scheduled.rows()] == [State.COMPLETED, State.SUSPENDED]
    plan = scheduled.store.job("backup").plan
    assert plan is not None and (plan.fired, minutes(plan.planned_through)) == (1, 1)


def test_a_new_plan_begins_strictly_after_what_was_ever_made_ready(scheduled: World) -> None:
    control.resume(scheduled.store, 1)
    scheduling.reschedule(scheduled.store, "backup", every("1m", START + MINUTE))
    assert next_minute(scheduled) == 2
    scheduling.unschedule(scheduled.store, "backup")
    with pytest.raises(BadInput):
        scheduling.schedule(scheduled.store, "backup", once(START + MINUTE))


def test_a_clock_set_back_repeats_nothing(scheduled: World) -> None:
    at(scheduled, 1)
    run_head(scheduled)
    at(scheduled, 11)
    run_head(scheduled)
    for minute in range(-500, 21):
        at(scheduled, minute)
    assert next_minute(scheduled) == 21
    at(scheduled, -500)
    scheduling.reschedule(scheduled.store, "backup", every("1m", START - 1000 * MINUTE))
    at(scheduled, 11)
    assert next_minute(scheduled) == 12
    assert sum(row.state is State.READY for row in scheduled.rows()) == 0


def test_a_clock_set_forward_and_back_leaves_the_schedule_where_it_was_ahead(scheduled: World) -> None:
    at(scheduled, 1001)
    run_head(scheduled)
    at(scheduled, 5)
    assert next_minute(scheduled) == 1011


def test_a_one_off_in_the_past_runs_once(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", once(START - 500 * MINUTE))
    at(world, 0)
    run_head(world)
    at(world, 1000)
    assert len(world.rows()) == 1 and world.row(1).dropped is None


def test_unscheduling_cancels_the_pending_and_lets_the_running_go_on(scheduled: World) -> None:
    at(scheduled, 1)
    scheduled.start()
    scheduling.unschedule(scheduled.store, "backup")
    assert scheduled.row(1).state is State.LOCKED
    assert scheduled.row(2).reason is Reason.UNSCHEDULED


def test_manual_runs_never_move_the_schedule(scheduled: World) -> None:
    before = scheduled.store.job("backup").plan
    control.submit(scheduled.store, "backup")
    run_head(scheduled)
    assert scheduled.store.job("backup").plan == before
    assert next_minute(scheduled) == 1


def test_a_schedule_shorter_than_a_turn_decides_each_instant_in_order(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10s", START + SECOND))
    world.clock.instant = START + 55 * SECOND
    world.promote()
    rows = world.rows()
    assert [row.occurrence_at for row in rows] == [START + (1 + 10 * number) * SECOND for number in range(7)]
    assert [row.reason for row in rows] == [None, *[Reason.OVERLAP] * 5, Reason.SCHEDULED]


def test_a_job_edited_before_its_occurrence_runs_as_it_is_then(scheduled: World) -> None:
    control.edit_job(scheduled.store, "backup", {"command": "false"})
    at(scheduled, 1)
    assert scheduled.row(scheduled.start()).job_version == 2


def test_a_schedule_that_cannot_be_read_any_more_stops_no_other(scheduled: World) -> None:
    scheduled.job("other")
    scheduling.schedule(scheduled.store, "other", every("10m", START + MINUTE))
    act = scheduled.store.database.connection.execute
    act("UPDATE schedules SET time_zone = 'Gone/Zone' WHERE job_id = 1")
    at(scheduled, 1)
    assert scheduled.row(2).state is State.READY
    held = scheduled.row(1)
    assert (held.state, held.reason) == (State.SUSPENDED, Reason.HELD) and "Gone/Zone" in (held.message or "")


@pytest.fixture(params=[1, 57])
def broken(request: pytest.FixtureRequest, scheduled: World) -> World:
    """Its schedule cannot be computed any more, and its occurrence, in time or late, has fallen due."""
    scheduled.store.database.connection.execute("UPDATE schedules SET time_zone = 'Gone/Zone'")
    at(scheduled, request.param)
    assert [row.reason for row in scheduled.rows()] == [Reason.HELD]
    return scheduled


@pytest.mark.parametrize("end", ["unschedule", "reschedule", "remove"])
def test_one_held_for_its_schedule_goes_with_the_schedule(end: str, broken: World) -> None:
    if end == "unschedule":
        scheduling.unschedule(broken.store, "backup")
    elif end == "reschedule":
        scheduling.reschedule(broken.store, "backup", every("5m"))
    else:
        control.remove_job(broken.store, "backup")
    assert broken.row(1).reason is Reason.UNSCHEDULED
    assert len(broken.rows()) == (2 if end == "reschedule" else 1)


@pytest.mark.parametrize("operation", ["cancel", "delete", "resume", "postpone"])
def test_one_held_for_its_schedule_obeys_what_is_legal(operation: str, broken: World) -> None:
    assert operation in control.legal_operations(broken.row(1))
    until = (START + 500 * MINUTE,) if operation == "postpone" else ()
    getattr(control, operation)(broken.store, 1, *until)


def test_what_it_was_held_for_is_forgotten_once_it_is_ready(broken: World) -> None:
    broken.store.database.connection.execute("UPDATE schedules SET time_zone = 'UTC'")
    control.resume(broken.store, 1)
    assert (broken.row(1).state, broken.row(1).message) == (State.READY, None)


def test_a_completed_occurrence_keeps_its_pattern_when_the_job_is_rescheduled(scheduled: World) -> None:
    at(scheduled, 1)
    run_head(scheduled)
    before = scheduled.row(1)
    scheduling.reschedule(scheduled.store, "backup", every("1h"))
    assert scheduled.row(1) == before


def test_renewing_a_one_off_that_is_still_ahead_keeps_its_instant(scheduled: World) -> None:
    at(scheduled, 1)
    run_head(scheduled)
    scheduling.reschedule(scheduled.store, "backup", once(START + 600 * MINUTE))
    scheduling.reschedule(scheduled.store, "backup", None)
    assert next_minute(scheduled) == 600
