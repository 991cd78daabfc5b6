"""Instants that are delayed by jitter, come with a boot, or were moved by a calendar or a clock."""

from __future__ import annotations

from jobctl import control, ledger, scheduling
from jobctl.model import Reason, State
from jobctl.scheduling import Planned, Policies
from tests.store.backups import at, labels, minute_of, plan, schedule
from tests.store.world import HOUR, MINUTE, START, World, every


def test_jitter_is_a_stable_offset_of_the_job(world: World) -> None:
    schedule(world, jitter=5 * MINUTE)
    offset = world.row(1).due_at - START - MINUTE
    assert 0 <= offset < 5 * MINUTE and offset == ledger.offset(world.store.job("backup"), plan(world))
    at(world, 1)
    assert (world.row(1).state is State.SUSPENDED) is (offset > 0)
    world.clock.instant = world.row(1).due_at
    world.promote()
    assert world.row(1).state is State.READY and world.row(2).due_at == START + 11 * MINUTE + offset


def test_jitter_differs_between_jobs(world: World) -> None:
    for number in range(30):
        world.job(f"job-{number}")
        asked = Planned(every("1h", START).spec, "UTC", START, policies=Policies(jitter=HOUR))
        scheduling.schedule(world.store, f"job-{number}", asked)
    offsets = {row.due_at - START for row in world.rows()}
    assert len(offsets) == 30 and max(offsets) - min(offsets) > HOUR // 2


def test_what_is_delayed_by_jitter_is_not_missed(world: World) -> None:
    schedule(world, jitter=9 * MINUTE)
    due = world.row(1).due_at
    at(world, (due - START) / MINUTE + 0.5)
    assert labels(world) == ["1 waiting_for_resources", "11 scheduled"]


def boot(world: World, boot_id: str) -> None:
    with world.store.write() as tx:
        ledger.after_boot(tx, boot_id)
    world.promote()


def test_once_for_each_boot_but_not_for_the_one_in_which_it_was_made(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", Planned({"notation": "on_start"}, "UTC", count=2))
    this = plan(world).boot_id
    assert this
    boot(world, this)
    assert world.rows() == []
    for number, name in ((1, "second"), (2, "third")):
        world.clock.advance(HOUR)
        for _ in range(2):
            boot(world, name)
        assert world.start() == number and world.claim() is None
        world.end(number)
    assert plan(world).ended_by == "finished"
    boot(world, "fourth")
    assert len(world.rows()) == 2


def test_what_the_calendar_no_longer_has_is_planned_anew(world: World) -> None:
    schedule(world)
    at(world, 1)
    world.end(world.start())
    spec = '{"notation": "every", "every": "25m"}'
    world.store.database.connection.execute("UPDATE schedules SET spec = ?", (spec,))
    with world.store.write() as tx:
        ledger.realign(tx)
    assert labels(world) == ["1 succeeded", "26 scheduled"]
    (moved,) = [event for event in world.store.events(job_id=world.store.job("backup").id) if event.kind == "moved"]
    assert moved.detail == {"was": START + 11 * MINUTE, "to": START + 26 * MINUTE}


def test_after_a_wrong_future_it_goes_on_in_the_present(world: World) -> None:
    schedule(world)
    at(world, 1)
    world.end(world.start())
    world.clock.instant = START + 70 * 365 * 24 * HOUR
    with world.store.write() as tx:
        tx.event("clock_jump", seconds=1)
    world.promote()
    world.end(world.start())
    at(world, 15)
    for _ in range(2):
        with world.store.write() as tx:
            ledger.recover(tx)
    (following,) = [row for row in world.rows() if row.reason is Reason.SCHEDULED]
    assert (minute_of(following), plan(world).number) == (21, 2)
    at(world, 21)
    assert world.start() == following.sequence


def test_a_run_begun_early_is_no_wrong_future(world: World) -> None:
    schedule(world)
    control.resume(world.store, 1)
    before = world.rows()
    with world.store.write() as tx:
        ledger.recover(tx)
    assert world.rows() == before and plan(world).number == 1


def test_what_the_calendar_still_has_stays(world: World) -> None:
    schedule(world)
    before = world.row(1)
    with world.store.write() as tx:
        ledger.realign(tx)
    assert world.row(1) == before
