"""Dependency tokens: one at a time, in the order of joining."""

from __future__ import annotations

import pytest

from jobctl import control, scheduling
from jobctl.model import State
from tests.store.world import MINUTE, World, every


def queue(world: World) -> list[tuple[int, int | None]]:
    """Number and blocked_by of what has joined and is not completed, in order."""
    rows = [row for row in world.rows() if row.token_seq is not None and row.state is not State.COMPLETED]
    return [(row.sequence, row.blocked_by) for row in sorted(rows, key=lambda row: row.token_seq or 0)]


def chain(world: World, number: int = 3) -> list[int]:
    world.job(token="ledger")
    return [control.submit(world.store, "backup").sequence for _ in range(number)]


def test_equal_tokens_run_one_at_a_time_in_the_order_of_submission(world: World) -> None:
    first, second, third = chain(world)
    started = []
    for _ in range(3):
        started.append(world.start())
        assert world.claim() is None, "two of one token at a time"
        world.end(started[-1])
    assert started == [first, second, third]


def test_priority_never_reorders_within_a_token(world: World) -> None:
    (first,) = chain(world, 1)
    control.edit_job(world.store, "backup", {"priority": 9})
    control.submit(world.store, "backup")
    assert world.start() == first


def test_different_tokens_and_none_run_side_by_side(world: World) -> None:
    for name, token in (("a", "x"), ("b", "y"), ("c", None), ("d", None)):
        world.job(name, token=token)
        control.submit(world.store, name)
    assert len({world.start() for _ in range(4)}) == 4


def test_a_postponed_holder_keeps_blocking(world: World) -> None:
    first, second, _ = chain(world)
    control.postpone(world.store, first, world.clock.now() + MINUTE)
    assert world.claim() is None
    world.clock.advance(MINUTE)
    world.promote()
    assert world.start() == first
    assert world.row(second).blocked_by == first


def test_one_submitted_for_later_blocks_those_behind_it(world: World) -> None:
    world.job(token="ledger")
    later = control.submit(world.store, "backup", at=world.clock.now() + MINUTE)
    behind = control.submit(world.store, "backup")
    assert behind.blocked_by == later.sequence
    assert world.claim() is None


@pytest.mark.parametrize("end", ["succeed", "fail", "lose", "cancel", "cancel waiting", "delete"])
def test_any_end_releases_the_next(end: str, world: World) -> None:
    first, second, _ = chain(world)
    if end in ("succeed", "fail", "lose", "cancel"):
        world.start()
    if end == "succeed":
        world.end(first)
    elif end == "fail":
        world.fail(first)
    elif end == "lose":
        world.lose(first)
    elif end == "delete":
        control.delete(world.store, first)
    else:
        control.cancel(world.store, first)
        if end == "cancel":
            assert world.claim() is None, "its processes may still live"
            world.end(first)
    assert world.start() == second


def test_one_that_leaves_the_middle_closes_the_gap(world: World) -> None:
    first, second, third = chain(world)
    control.cancel(world.store, second)
    assert queue(world) == [(first, None), (third, first)]


def test_a_retry_keeps_its_place(world: World) -> None:
    world.job(token="ledger", retries=1, retry_delay=60.0)
    first, second = (control.submit(world.store, "backup").sequence for _ in range(2))
    world.start()
    world.fail(first)
    assert queue(world) == [(first, None), (second, first)]
    assert world.claim() is None


def test_a_paused_holder_keeps_its_place(world: World) -> None:
    first, second, third = chain(world)
    world.start()
    control.pause(world.store, first)
    world.paused(first)
    assert queue(world) == [(first, None), (second, first), (third, second)]
    assert world.claim() is None


def test_an_occurrence_joins_at_its_planned_instant(world: World) -> None:
    world.job("hourly", token="ledger")
    scheduling.schedule(world.store, "hourly", every("1h", world.clock.now() + 2 * MINUTE))
    world.job("other", token="ledger")
    before = control.submit(world.store, "other")
    assert queue(world) == [(before.sequence, None)], "the occurrence has not joined yet"
    world.clock.advance(3 * MINUTE)
    after = control.submit(world.store, "other")
    assert queue(world) == [(2, None), (1, 2), (after.sequence, 1)]


def test_occurrences_join_in_the_order_of_their_planned_instants(world: World) -> None:
    for name, minute in (("late", 3), ("early", 1), ("middle", 2)):
        world.job(name, token="ledger")
        scheduling.schedule(world.store, name, every("1h", world.clock.now() + minute * MINUTE))
    world.clock.advance(3 * MINUTE)
    world.promote()
    assert [world.row(number).job for number, _ in queue(world)] == ["early", "middle", "late"]


def test_what_is_resumed_does_not_jump_an_occurrence_that_is_due(world: World) -> None:
    for name, minute in (("due", 1), ("future", 50)):
        world.job(name, token="ledger")
        scheduling.schedule(world.store, name, every("1h", world.clock.now() + minute * MINUTE))
    world.clock.advance(2 * MINUTE)
    control.resume(world.store, 2)
    world.promote()
    assert [world.row(number).job for number, _ in queue(world)] == ["due", "future"]


def test_missed_occurrences_of_one_token_do_not_wedge_it(world: World) -> None:
    for name, interval in (("ten", "10m"), ("seven", "7m")):
        world.job(name, token="ledger")
        scheduling.schedule(world.store, name, every(interval, world.clock.now() + MINUTE))
    world.clock.advance(63 * MINUTE)
    world.promote()
    first = world.start()
    world.end(first)
    assert world.claim() is not None, f"the token is closed for good: {queue(world)}"


def test_removing_a_job_with_several_in_the_queue_does_not_wedge_it(world: World) -> None:
    chain(world, 2)
    world.job("other", token="ledger")
    control.submit(world.store, "other")
    control.remove_job(world.store, "backup")
    assert world.claim() is not None, f"the token is closed for good: {queue(world)}"


def test_unscheduling_with_several_postponed_ones_does_not_wedge_the_token(world: World) -> None:
    world.job(token="ledger")
    scheduling.schedule(world.store, "backup", every("10m", world.clock.now() + MINUTE))
    for number in (1, 2):
        control.postpone(world.store, number, world.clock.now() + 300 * MINUTE)
    world.clock.advance(15 * MINUTE)
    world.promote()
    world.job("other", token="ledger")
    control.submit(world.store, "other")
    scheduling.unschedule(world.store, "backup")
    assert world.claim() is not None, f"the token is closed for good: {queue(world)}"


def test_the_runs_for_two_gaps_join_in_the_order_of_their_planned_instants(world: World) -> None:
    for name, interval, start in (("ten", "10m", 1), ("seven", "7m", 2)):
        world.job(name, token="ledger")
        scheduling.schedule(world.store, name, every(interval, world.clock.now() + start * MINUTE))
    world.clock.advance(62 * MINUTE)
    world.promote()
    planned = [world.row(number).occurrence_at or 0 for number, _ in queue(world)]
    assert len(planned) == 2 and planned == sorted(planned)


def late_for_a_gap(world: World) -> None:
    """The daemon was away: the head and five further instants have passed."""
    world.job(token="ledger")
    scheduling.schedule(world.store, "backup", every("10m", world.clock.now() + MINUTE))
    world.job("other", token="ledger")
    world.clock.advance(60 * MINUTE)


def test_what_is_submitted_after_a_gap_does_not_jump_the_run_for_it(world: World) -> None:
    late_for_a_gap(world)
    control.submit(world.store, "other")
    world.promote()
    assert [world.row(number).job for number, _ in queue(world)] == ["backup", "other"]


def test_what_is_resumed_after_a_gap_does_not_jump_the_run_for_it(world: World) -> None:
    late_for_a_gap(world)
    scheduling.schedule(world.store, "other", every("10m", world.clock.now() + 500 * MINUTE))
    control.resume(world.store, 2)
    world.promote()
    assert [world.row(number).job for number, _ in queue(world)] == ["backup", "other"]
