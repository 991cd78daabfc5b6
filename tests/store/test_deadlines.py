"""A success that is expected: when, and what is told where none comes."""

from __future__ import annotations

from jobctl import alarms, control
from tests.store.telling import HOOK, document, notifications, ring, run, told
from tests.store.world import HOUR, MINUTE, SECOND, START, World


def deadline(world: World) -> int | None:
    return alarms.next_deadline(world.store)


def test_a_success_is_expected_from_when_it_is_said(world: World) -> None:
    world.job(expect=3600.0, notify=("exec:true",))
    assert deadline(world) == START + HOUR
    world.clock.instant = START + HOUR - 1
    assert ring(world) == 0
    world.clock.advance(1)
    assert ring(world) == 1 and ring(world) == 0 and deadline(world) is None
    assert told(world) == ["overdue"]
    said = document(world, notifications(world)[0])
    assert said["text"] == "backup is overdue: no success yet, for 1h, and one is expected every 1h"
    assert said["system_job"] is None


def test_and_counted_from_the_last_success(world: World) -> None:
    world.job(expect=3600.0, notify=("exec:true",))
    world.clock.advance(30 * MINUTE)
    run(world)
    assert deadline(world) == world.clock.now() + HOUR
    world.clock.advance(30 * MINUTE)
    number = run(world, well=False)
    assert told(world) == ["failed"] and deadline(world) == world.clock.now() + 30 * MINUTE - SECOND
    world.clock.advance(30 * MINUTE)
    assert ring(world) == 1 and told(world) == ["failed", "overdue"]
    assert document(world, notifications(world)[1])["system_job"]["sequence"] == number
    run(world)
    assert told(world)[2:] == ["recovered"] and deadline(world) == world.clock.now() + HOUR


def test_an_old_success_counts_when_a_deadline_is_set(world: World) -> None:
    world.job()
    run(world)
    at = world.clock.now()
    world.clock.advance(HOUR)
    control.edit_job(world.store, "backup", {"expect": 1800.0})
    assert deadline(world) == at + 30 * MINUTE
    control.edit_job(world.store, "backup", {"expect": 7200.0})
    assert deadline(world) == at + 2 * HOUR
    control.edit_job(world.store, "backup", {"timeout": 5.0})
    assert deadline(world) == at + 2 * HOUR
    control.edit_job(world.store, "backup", {"expect": None})
    assert deadline(world) is None


def test_somebody_who_comes_later_is_told_what_is_overdue(world: World) -> None:
    world.job(expect=60.0)
    world.clock.advance(HOUR)
    assert ring(world) == 1 and told(world) == [] and ring(world) == 0
    control.edit_job(world.store, "backup", {"notify": ("exec:true",)})
    assert ring(world) == 1 and told(world) == ["overdue"]
    control.edit_job(world.store, "backup", {"notify": (HOOK,)})
    assert ring(world) == 0


def test_nothing_is_expected_of_a_job_that_was_removed(world: World) -> None:
    world.job(expect=60.0, notify=("exec:true",))
    control.remove_job(world.store, "backup")
    world.job(notify=("exec:true",))
    world.clock.advance(HOUR)
    assert ring(world) == 1 and told(world) == [] and deadline(world) is None


def test_a_clock_that_was_ahead_moves_no_deadline_for_long(world: World) -> None:
    world.job(expect=3600.0, notify=("exec:true",))
    world.clock.advance(1000 * HOUR)
    run(world)
    world.clock.instant = START + 2 * HOUR
    with world.store.write() as tx:
        alarms.recover(tx)
    assert deadline(world) == START + 3 * HOUR
    run(world)
    assert deadline(world) == START + 3 * HOUR + SECOND
    with world.store.write() as tx:
        alarms.recover(tx)
    assert deadline(world) == START + 3 * HOUR + SECOND
