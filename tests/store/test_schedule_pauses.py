"""A schedule that rests: what falls due meanwhile is one record."""

from __future__ import annotations

from jobctl import control, scheduling
from jobctl.model import Reason, State
from tests.store.backups import at, labels, minute_of, plan, schedule
from tests.store.world import MINUTE, START, World, every


def test_what_falls_due_in_a_pause_is_one_record_with_its_number(world: World) -> None:
    schedule(world)
    at(world, 0)
    scheduling.pause_schedule(world.store, "backup", START + 31 * MINUTE, "moving")
    at(world, 12)
    assert labels(world) == ["1 scheduled"]
    at(world, 31)
    record, runs, _ = world.rows()
    assert (record.reason, record.dropped, minute_of(runs), runs.state) == (Reason.PAUSED_SCHEDULE, 3, 31, State.READY)
    assert record.message == "3 occurrences not run: the schedule was paused until 2027-01-15 08:31:00 UTC: moving"
    assert plan(world).fired == 1


def test_a_pause_ended_early_loses_only_what_fell_due(world: World) -> None:
    schedule(world)
    scheduling.pause_schedule(world.store, "backup", START + 1000 * MINUTE, "moving")
    world.clock.instant = START + 15 * MINUTE
    scheduling.pause_schedule(world.store, "backup", world.clock.instant)
    record, following = world.rows()
    assert (record.dropped, minute_of(following), following.due_at) == (2, 21, following.occurrence_at)
    assert str(record.message).endswith(": moving")


def test_a_pause_over_before_anything_fell_due_leaves_no_trace(world: World) -> None:
    schedule(world)
    scheduling.pause_schedule(world.store, "backup", START + 31 * MINUTE)
    scheduling.pause_schedule(world.store, "backup", START)
    at(world, 1)
    assert labels(world) == ["1 waiting_for_resources", "11 scheduled"]


def test_a_gap_around_a_pause_is_told_apart(world: World) -> None:
    schedule(world)
    world.clock.instant = START + 15 * MINUTE
    scheduling.pause_schedule(world.store, "backup", START + 35 * MINUTE)
    at(world, 65)
    found = [(minute_of(row), str(row.reason), row.dropped) for row in world.rows()]
    assert found == [
        (1, "missed", 1),
        (11, "None", None),
        (21, "paused_schedule", 2),
        (41, "missed", 2),
        (61, "overlap", None),
        (71, "scheduled", None),
    ]


def test_all_schedules_pause_at_once(world: World) -> None:
    schedule(world)
    world.job("other")
    scheduling.schedule(world.store, "other", every("10m", START + MINUTE))
    world.job("idle")
    jobs = scheduling.pause_schedule(world.store, None, START + 5 * MINUTE)
    assert [job.name for job in jobs] == ["backup", "other"]
    at(world, 1)
    assert all(row.state is State.SUSPENDED for row in world.rows())


def test_a_person_may_run_early_what_is_paused(world: World) -> None:
    schedule(world)
    scheduling.pause_schedule(world.store, "backup", START + 15 * MINUTE)
    control.resume(world.store, 1)
    assert world.start() == 1
    (following,) = [row for row in world.rows() if row.reason is Reason.SCHEDULED]
    assert (minute_of(following), following.due_at) == (11, START + 15 * MINUTE)


def test_a_paused_occurrence_takes_no_place_in_its_tokens_queue(world: World) -> None:
    schedule(world, definition={"token": "disk"})
    scheduling.pause_schedule(world.store, "backup", START + 60 * MINUTE)
    at(world, 2)
    world.job("other", token="disk")
    other = control.submit(world.store, "other")
    assert other.blocked_by is None and world.start() == other.sequence
