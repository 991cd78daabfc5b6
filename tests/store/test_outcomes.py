"""What becomes of a system job when its attempt has ended."""

from __future__ import annotations

from typing import Any

import pytest

from jobctl import control
from jobctl.model import Reason, State, Status
from tests.store.world import MINUTE, SECOND, START, World


def begun(world: World, **definition: Any) -> int:
    world.job(**definition)
    control.submit(world.store, "backup")
    return world.start()


def state(world: World, sequence: int = 1) -> tuple[str, str, str | None]:
    row = world.row(sequence)
    return row.state.label, row.status.label, row.reason


@pytest.mark.parametrize(
    ("backoff", "delays"), [(1.0, [30, 30, 30]), (2.0, [30, 60, 120]), (1000.0, [30, 30_000, 86_400])]
)
def test_retries_wait_as_long_as_was_asked(backoff: float, delays: list[int], world: World) -> None:
    sequence = begun(world, retries=3, retry_delay=30.0, retry_backoff=backoff)
    for number, delay in enumerate(delays, 1):
        world.clock.advance(7 * SECOND)
        world.fail(sequence)
        row = world.row(sequence)
        assert (row.reason, row.retry_count, row.due_at) == (
            Reason.RETRYING,
            number,
            world.clock.now() + delay * SECOND,
        )
        assert row.runner_id is None and row.attempt == number
        world.clock.instant = row.due_at - 1
        world.promote()
        assert world.claim() is None
        world.clock.advance(1)
        world.promote()
        assert world.start() == sequence
    world.fail(sequence)
    assert state(world) == ("completed", "failed", "exit")
    assert (world.row(sequence).attempt, world.row(sequence).retry_count) == (4, 3)


def test_a_success_after_a_retry_is_a_success(world: World) -> None:
    begun(world, retries=1, retry_delay=0.0)
    world.fail(1)
    world.promote()
    world.start()
    world.end(1, result='{"done": true}', exit_code=0)
    row = world.row(1)
    assert state(world) == ("completed", "succeeded", None)
    assert (row.exit_code, row.error_code, row.attempt) == (0, None, 2)
    assert world.store.payload(1) == (None, '{"done": true}')


@pytest.mark.parametrize("reason", [Reason.SPAWN, Reason.IMPORT, Reason.ARGUMENTS, Reason.RESULT_TOO_LARGE])
def test_what_trying_again_cannot_mend_is_not_retried(reason: Reason, world: World) -> None:
    begun(world, retries=5)
    world.fail(1, reason)
    assert state(world) == ("completed", "failed", reason)


def test_a_lost_one_fails_unless_it_may_be_retried(world: World) -> None:
    begun(world, retries=5)
    world.lose(1)
    assert state(world) == ("completed", "failed", "lost")


def test_a_job_lost_three_times_is_held_for_a_person(world: World) -> None:
    begun(world, on_lost="retry")
    for losses in (1, 2):
        world.lose(1)
        assert (state(world)[2], world.row(1).lost_count) == ("retrying", losses)
        world.promote()
        world.start()
    world.lose(1)
    assert state(world) == ("suspended", "waiting", "held")
    world.clock.advance(10**6 * MINUTE)
    world.promote()
    assert state(world)[2] == "held"
    control.resume(world.store, 1)
    assert world.start() == 1
    world.lose(1)
    assert state(world)[2] == "retrying", "released, it has three losses again"


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
def test_cancel_wins_over_how_it_ended(status: Status, world: World) -> None:
    begun(world, retries=3)
    control.cancel(world.store, 1)
    world.end(1, status, Reason.EXIT if status is Status.FAILED else None, result="1")
    assert state(world) == ("completed", "canceled", "user")


def test_cancel_wins_over_a_loss(world: World) -> None:
    begun(world, on_lost="retry")
    control.cancel(world.store, 1)
    world.lose(1)
    assert state(world) == ("completed", "canceled", "user")


def test_a_cancel_before_the_begin_prevents_it(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    world.claim()
    control.cancel(world.store, 1)
    world.returned(1)
    assert state(world) == ("completed", "canceled", "user")
    assert world.row(1).attempt == 0 and world.row(1).started_on is None


@pytest.mark.parametrize("ending", ["succeeded", "failed"])
def test_an_end_overtakes_a_pause(ending: str, world: World) -> None:
    begun(world)
    control.pause(world.store, 1)
    world.end(1) if ending == "succeeded" else world.fail(1)
    world.paused(1)
    assert state(world)[:2] == ("completed", ending)


def test_a_pause_keeps_the_process_and_a_resume_goes_on_with_it(world: World) -> None:
    begun(world)
    runner = world.row(1).runner_id
    control.pause(world.store, 1)
    world.paused(1, run_time=5)
    assert state(world) == ("suspended", "waiting", "paused")
    assert (world.row(1).runner_id, world.row(1).run_time) == (runner, 5)
    control.edit_job(world.store, "backup", {"command": "false"})
    control.resume(world.store, 1)
    claimed = world.claim()
    assert claimed is not None and claimed.continued and claimed.runner_id == runner
    row = world.row(1)
    assert (row.attempt, row.claim, row.job_version) == (1, 2, 1)
    world.end(1)
    assert state(world) == ("completed", "succeeded", None)


def test_a_paused_one_waits_for_a_person_however_long(world: World) -> None:
    begun(world)
    control.pause(world.store, 1)
    world.paused(1)
    world.clock.advance(10**6 * MINUTE)
    world.promote()
    assert state(world)[2] == "paused"


def test_a_postponed_running_one_goes_on_by_itself(world: World) -> None:
    begun(world)
    control.postpone(world.store, 1, START + 5 * MINUTE)
    world.paused(1)
    assert state(world) == ("suspended", "waiting", "postponed")
    world.clock.advance(5 * MINUTE)
    world.promote()
    claimed = world.claim()
    assert claimed is not None and claimed.continued


def test_a_pause_after_a_postponement_waits_for_a_person(world: World) -> None:
    begun(world)
    control.postpone(world.store, 1, START + 5 * MINUTE)
    control.pause(world.store, 1)
    world.paused(1)
    assert state(world)[2] == "paused"


def test_handed_back_it_is_ready_as_if_nobody_had_claimed_it(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    before = world.row(1)
    world.claim()
    world.clock.advance(SECOND)
    world.returned(1)
    after = world.row(1)
    assert (after.state, after.attempt, after.retry_count) == (State.READY, 0, 0)
    assert (after.ready_on, after.runner_id, after.claim) == (before.ready_on, None, 1)


def test_one_that_no_process_could_be_started_for_keeps_its_attempts(world: World) -> None:
    begun(world)
    world.report(1, "unbegun", message="EAGAIN")
    assert state(world) == ("ready", "waiting_for_resources", None)
    assert world.row(1).attempt == 0


@pytest.mark.parametrize("report", ["end", "paused", "unbegun"])
def test_a_report_about_an_earlier_attempt_changes_nothing(report: str, world: World) -> None:
    begun(world, retries=1, retry_delay=0.0)
    world.fail(1)
    world.promote()
    world.start()
    before, old = world.row(1), world.held[1][0]
    if report == "end":
        world.end(1, held=old)
    else:
        world.report(1, report, old, run_time=1, message="late")
    assert world.row(1) == before


@pytest.mark.parametrize("end", ["ends", "is lost"])
def test_what_is_deleted_by_force_goes_when_its_processes_have(end: str, world: World) -> None:
    begun(world, on_lost="retry")
    control.delete(world.store, 1, force=True)
    assert state(world) == ("locked", "canceling", None)
    world.end(1) if end == "ends" else world.lose(1)
    assert world.store.find_system_job(1) is None


def test_a_paused_one_is_canceled_once_its_processes_are_gone(world: World) -> None:
    begun(world)
    control.pause(world.store, 1)
    world.paused(1)
    control.cancel(world.store, 1)
    assert state(world) == ("suspended", "waiting", "canceling")
    world.end(1, Status.CANCELED, Reason.USER)
    assert state(world) == ("completed", "canceled", "user")


def test_postponed_before_it_began_and_handed_back_late_it_runs_by_itself(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    world.claim()
    control.postpone(world.store, 1, START + MINUTE)
    world.clock.advance(2 * MINUTE)
    world.returned(1)
    world.promote()
    assert state(world)[0] == "ready", state(world)


def test_paused_after_being_postponed_before_it_began_it_waits_for_a_person(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    world.claim()
    control.postpone(world.store, 1, START + MINUTE)
    control.pause(world.store, 1)
    world.returned(1)
    assert state(world)[2] == "paused"


def test_postponed_after_the_clock_was_set_back_it_goes_on_by_itself(world: World) -> None:
    begun(world)
    world.clock.advance(-60 * MINUTE)
    until = world.clock.now() + MINUTE
    control.postpone(world.store, 1, until)
    world.paused(1)
    assert (state(world)[2], world.row(1).due_at) == ("postponed", until)


def test_handed_back_it_waits_until_the_instant_that_was_asked_for(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    world.claim()
    world.clock.advance(-60 * MINUTE)
    until = world.clock.now() + MINUTE
    control.postpone(world.store, 1, until)
    world.returned(1)
    assert (state(world)[2], world.row(1).due_at) == ("postponed", until)


@pytest.mark.parametrize("standing", [False, True])
def test_a_retry_of_one_that_was_to_pause_waits_for_a_person(standing: bool, world: World) -> None:
    begun(world, retries=1)
    control.pause(world.store, 1)
    if standing:
        world.paused(1)
    world.fail(1)
    row = world.row(1)
    assert (row.reason, row.retry_count, row.runner_id, row.pause_until) == (Reason.PAUSED, 1, None, None)
    control.resume(world.store, 1)
    assert world.start() == 1 and world.row(1).attempt == 2


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize(("delay", "minutes"), [(60.0, 5), (600.0, 10)])
def test_a_retry_of_one_that_was_postponed_waits_for_the_later_instant(
    delay: float, minutes: int, standing: bool, world: World
) -> None:
    begun(world, retries=1, retry_delay=delay)
    control.postpone(world.store, 1, START + 5 * MINUTE)
    if standing:
        world.paused(1)
    world.fail(1)
    row = world.row(1)
    assert (row.reason, row.retry_count, row.runner_id) == (Reason.POSTPONED, 1, None)
    assert row.due_at == START + minutes * MINUTE


def test_what_could_not_be_started_says_so_until_it_begins(world: World) -> None:
    world.job()
    sequence = control.submit(world.store, "backup").sequence
    world.claim()
    world.report(sequence, "unbegun", message="cannot start true: Resource temporarily unavailable (errno 11)")
    words = "could not be started yet: cannot start true: Resource temporarily unavailable (errno 11)"
    assert (world.row(sequence).state.label, world.row(sequence).message) == ("ready", words)
    world.start()
    world.end(sequence)
    assert world.row(sequence).message is None
