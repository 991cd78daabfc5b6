"""What becomes of late and overlapping occurrences, as the schedule says."""

from __future__ import annotations

import pytest

from jobctl import control, scheduling
from jobctl.errors import BadInput
from jobctl.model import CatchUp, Overlap, Reason, State, Status
from jobctl.scheduling import Planned, Policies
from tests.store.backups import at, labels, minute_of, plan, schedule, start_head
from tests.store.world import HOUR, MINUTE, SECOND, START, World, every, once

# Overlap


def test_queue_lets_one_wait_and_skips_further_ones(world: World) -> None:
    schedule(world, overlap=Overlap.QUEUE)
    start_head(world)
    at(world, 11)
    waiting = world.row(2)
    assert (waiting.state, waiting.blocked_by, plan(world).fired) == (State.READY, 1, 2)
    assert world.claim() is None
    at(world, 21)
    skipped = world.row(3)
    assert skipped.reason is Reason.OVERLAP and "#1 of the same schedule" in str(skipped.message)
    assert "#2 waits already" in str(skipped.message) and plan(world).fired == 2
    world.end(1)
    assert world.row(2).blocked_by is None and world.start() == 2


@pytest.mark.parametrize("way_out", ["cancel", "delete"])
def test_the_one_behind_a_queued_one_that_goes_waits_for_the_one_before(world: World, way_out: str) -> None:
    schedule(world, overlap=Overlap.QUEUE, catch_up=CatchUp.ALL)
    start_head(world)
    at(world, 33)  # 11, 21 and 31 were missed or are due: each behind the one before
    assert [world.row(number).blocked_by for number in (2, 3)] == [1, 2]
    getattr(control, way_out)(world.store, 2)
    assert world.row(3).blocked_by == 1 and world.claim() is None
    world.end(1)
    assert world.start() == 3


def test_allow_runs_beside(world: World) -> None:
    schedule(world, overlap=Overlap.ALLOW)
    start_head(world)
    at(world, 11)
    assert world.start() == 2
    assert [row.state for row in world.rows()] == [State.LOCKED, State.LOCKED, State.SUSPENDED]


def test_replace_cancels_the_old_one_and_waits_until_its_tree_is_gone(world: World) -> None:
    schedule(world, overlap=Overlap.REPLACE)
    start_head(world)
    at(world, 11)
    old, new = world.row(1), world.row(2)
    assert (old.status, new.state, new.blocked_by) == (Status.CANCELING, State.READY, 1)
    assert world.claim() is None
    world.end(1, Status.CANCELED, Reason.USER)
    old = world.row(1)
    assert (old.reason, old.message) == (Reason.REPLACED, "replaced by #2, the next occurrence")
    assert world.start() == 2


def test_replace_cancels_at_once_what_has_no_process(world: World) -> None:
    schedule(world, overlap=Overlap.REPLACE)
    at(world, 1)
    at(world, 11)
    assert labels(world) == ["1 replaced", "11 waiting_for_resources", "21 scheduled"]
    assert world.start() == 2


def test_replace_ends_a_paused_one(world: World) -> None:
    schedule(world, overlap=Overlap.REPLACE)
    start_head(world)
    control.pause(world.store, 1)
    world.paused(1)
    at(world, 11)
    assert (world.row(1).reason, world.row(2).blocked_by) == (Reason.CANCELING, 1)
    world.end(1, Status.CANCELED, Reason.USER)
    assert world.row(1).reason is Reason.REPLACED and world.start() == 2


def test_two_living_ones_are_both_waited_for(world: World) -> None:
    schedule(world, overlap=Overlap.ALLOW)
    start_head(world)
    at(world, 11)
    world.start()
    scheduling.change_policies(world.store, "backup", {"overlap": Overlap.REPLACE})
    at(world, 21)
    assert world.row(3).blocked_by == 1
    world.end(1, Status.CANCELED, Reason.USER)
    assert world.row(3).blocked_by == 2 and world.claim() is None
    world.end(2, Status.CANCELED, Reason.USER)
    assert world.start() == 3


def test_a_queued_one_with_a_token_waits_in_the_tokens_queue(world: World) -> None:
    schedule(world, overlap=Overlap.QUEUE, definition={"token": "disk"})
    start_head(world)
    at(world, 11)
    assert world.row(2).blocked_by == 1
    world.end(1)
    assert world.start() == 2


def test_one_that_would_have_to_wait_for_two_is_skipped(world: World) -> None:
    schedule(world, overlap=Overlap.QUEUE)
    start_head(world)
    control.edit_job(world.store, "backup", {"token": "disk"})
    world.job("other", token="disk")
    control.submit(world.store, "other")
    at(world, 11)
    assert world.row(2).reason is Reason.OVERLAP


# Catch-up


def test_all_runs_each_in_order_one_after_the_other(world: World) -> None:
    schedule(world, catch_up=CatchUp.ALL)
    at(world, 35)
    assert labels(world) == [*(f"{minute} waiting_for_resources" for minute in (1, 11, 21, 31)), "41 scheduled"]
    for number in (1, 2, 3, 4):
        assert world.start() == number and world.claim() is None
        world.end(number)


def test_all_runs_no_more_than_the_last_hundred_of_a_gap(world: World) -> None:
    schedule(world, catch_up=CatchUp.ALL)
    at(world, 10 * 250)
    dropped, *others = world.rows()
    assert (dropped.reason, dropped.dropped) == (Reason.MISSED, 150)
    assert len([row for row in others if row.state is State.READY]) == 100
    assert [minute_of(row) for row in others[:1]] == [1501]


def test_none_records_the_gap_and_goes_on_in_phase(world: World) -> None:
    schedule(world, catch_up=CatchUp.NONE)
    at(world, 35)
    (record, following) = world.rows()
    assert (record.reason, record.dropped, minute_of(following)) == (Reason.MISSED, 4, 41)
    assert record.message == (
        "4 occurrences missed, from 2027-01-15 08:01:00 UTC to 2027-01-15 08:31:00 UTC: no daemon started them in time"
    )
    assert plan(world).fired == 0


def test_none_drops_also_a_single_late_one(world: World) -> None:
    schedule(world, catch_up=CatchUp.NONE)
    at(world, 2)
    assert labels(world) == ["1 waiting_for_resources", "11 scheduled"], "up to a minute late is not missed"
    world.end(world.start())
    at(world, 12.5)
    assert labels(world)[1:] == ["11 missed", "21 scheduled"]


def test_the_run_with_which_a_plan_begins_is_never_missed(world: World) -> None:
    schedule(world, start=None, catch_up=CatchUp.NONE)
    at(world, 35)
    assert labels(world) == ["0 waiting_for_resources", "10 missed", "40 scheduled"]
    assert world.row(2).dropped == 3


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (4 * MINUTE, ["1 missed", "31 waiting_for_resources", "41 scheduled"]),
        (4 * MINUTE - 1, ["1 missed", "41 scheduled"]),
    ],
)
def test_the_window_limits_how_late_the_latest_may_be(world: World, window: int, expected: list[str]) -> None:
    schedule(world, catch_up_window=window)
    at(world, 35)
    assert labels(world) == expected


def test_the_window_limits_all_too(world: World) -> None:
    schedule(world, catch_up=CatchUp.ALL, catch_up_window=15 * MINUTE)
    at(world, 35)
    assert labels(world) == ["1 missed", "21 waiting_for_resources", "31 waiting_for_resources", "41 scheduled"]
    assert world.row(1).dropped == 2


def test_counted_plans_catch_up_with_no_more_than_is_left(world: World) -> None:
    schedule(world, catch_up=CatchUp.ALL, count=2)
    at(world, 55)
    assert labels(world) == ["1 waiting_for_resources", "11 waiting_for_resources"]
    assert plan(world).ended_by == "finished"


def test_one_off_runs_are_not_missed(world: World) -> None:
    world.job()
    asked = once(START + MINUTE)
    with pytest.raises(BadInput, match="runs once, however late"):
        policies = Policies(catch_up=CatchUp.NONE)
        scheduling.schedule(world.store, "backup", Planned(asked.spec, "UTC", policies=policies))
    scheduling.schedule(world.store, "backup", asked)
    at(world, 500)
    assert labels(world) == ["1 waiting_for_resources"]


def test_a_thousand_schedules_by_the_second_are_decided_after_a_year(world: World) -> None:
    for number in range(1000):
        world.job(f"job-{number}")
        scheduling.schedule(world.store, f"job-{number}", every("1s", START + number * 1000))
    year = 365 * 24 * HOUR
    world.clock.instant = START + year
    while world.promote():
        pass
    rows = world.rows()
    missed = [row for row in rows if row.reason is Reason.MISSED]
    assert len(missed) == 1000 and {row.dropped for row in missed[1:]} == {year // SECOND - 1}
    assert missed[0].dropped == year // SECOND
    assert sum(row.state is State.READY for row in rows) == 1000
    assert sum(row.reason is Reason.SCHEDULED for row in rows) == 1000


# Late


def test_what_waited_for_a_slot_too_long_is_not_begun(world: World) -> None:
    schedule(world, late_limit=2 * MINUTE)
    at(world, 1)
    at(world, 3)
    assert world.row(1).state is State.READY, "exactly the limit is not beyond it"
    at(world, 3.01)
    late = world.row(1)
    assert (late.reason, late.message) == (Reason.LATE, "not run: it could not begin by 2027-01-15 08:03:00 UTC")


def test_what_is_promoted_too_late_is_not_run(world: World) -> None:
    schedule(world, late_limit=2 * MINUTE)
    at(world, 35)
    assert labels(world) == ["1 missed", "31 late", "41 scheduled"]
    assert plan(world).fired == 0


def test_a_retry_is_never_late(world: World) -> None:
    schedule(world, late_limit=2 * MINUTE, definition={"retries": 1, "retry_delay": 300.0})
    start_head(world)
    world.fail(1)
    at(world, 9)
    assert world.start() == 1


def test_a_person_overrides_the_late_limit(world: World) -> None:
    schedule(world, late_limit=2 * MINUTE)
    control.postpone(world.store, 1, START + 8 * MINUTE)
    at(world, 8)
    at(world, 12)
    assert world.row(1).state is State.READY


def test_the_end_of_a_run_later_is_the_latest_instant_at_which_it_may_begin(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", once(START + MINUTE, end=START + 5 * MINUTE))
    at(world, 5.01)
    assert labels(world) == ["1 late"]
    assert plan(world).ended_by == "finished"


# Changing them


def test_policies_change_without_moving_the_schedule(world: World) -> None:
    schedule(world)
    scheduling.change_policies(world.store, "backup", {"late_limit": MINUTE, "overlap": Overlap.ALLOW})
    assert (plan(world).overlap, plan(world).number) == (Overlap.ALLOW, 1)
    assert world.row(1).start_by == START + 2 * MINUTE


def test_a_renewed_schedule_keeps_its_policies(world: World) -> None:
    schedule(world, overlap=Overlap.QUEUE, catch_up=CatchUp.ALL, late_limit=HOUR, jitter=SECOND)
    scheduling.reschedule(world.store, "backup", None)
    now = plan(world)
    assert (now.overlap, now.catch_up, now.late_limit, now.jitter) == (Overlap.QUEUE, CatchUp.ALL, HOUR, SECOND)
    assert now.paused_until is None
