"""What is told of a job: once for each change, in the transaction that makes it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jobctl import alarms, control, promotion, scheduling
from jobctl.alarms import NOTIFICATIONS, Alarm, Change, judge
from jobctl.errors import BadInput, Refused
from jobctl.model import CatchUp, Definition, Reason, State, Status, SystemJob
from jobctl.scheduling import Planned, Policies
from tests.store.telling import HOOK, default, document, notifications, run, told
from tests.store.world import HOUR, MINUTE, SECOND, START, World, every

# The rule


def test_ten_failures_are_told_once_and_their_end_once(world: World) -> None:
    world.job(notify=("exec:true",))
    for _ in range(10):
        run(world, well=False)
    assert told(world) == ["failed"]
    run(world)
    run(world)
    assert told(world) == ["failed", "recovered"]
    run(world, well=False)
    assert told(world) == ["failed", "recovered", "failed"]


def test_a_success_from_the_start_is_no_news(world: World) -> None:
    world.job(notify=("exec:true",))
    run(world)
    assert told(world) == []


def test_each_target_is_told_once_whoever_named_it(world: World) -> None:
    default(world, HOOK, "exec:log")
    world.job(notify=("exec:true", HOOK))
    run(world, well=False)
    targets = [world.store.job_version(row.job_version_id).definition.notify for row in notifications(world)]
    assert targets == [("exec:true",), (HOOK,), ("exec:log",)]


def test_a_failure_is_told_only_when_no_retry_is_left(world: World) -> None:
    world.job(notify=("exec:true",), retries=1, retry_delay=0.0)
    control.submit(world.store, "backup")
    world.start()
    world.fail(1)
    assert told(world) == []
    world.promote()
    world.start()
    world.fail(1)
    assert told(world) == ["failed"]


def test_a_cancellation_is_neither_trouble_nor_recovery(world: World) -> None:
    world.job(notify=("exec:true",))
    run(world, well=False)
    row = control.submit(world.store, "backup")
    control.cancel(world.store, row.sequence)
    assert told(world) == ["failed"]
    run(world, well=False)
    assert told(world) == ["failed"]


def test_what_is_held_for_a_person_is_told(world: World) -> None:
    world.job(notify=("exec:true",), on_lost="retry")
    control.submit(world.store, "backup")
    for _ in range(3):
        world.promote()
        world.start()
        world.lose(1)
    assert world.row(1).reason is Reason.HELD
    (row,) = notifications(world)
    assert "is held until a person decides" in document(world, row)["text"]
    control.resume(world.store, 1)
    world.end(row.sequence) if world.start() == row.sequence else None
    assert world.start() == 1
    world.end(1)
    assert told(world) == ["failed", "recovered"]


def test_without_anybody_to_tell_nothing_is_kept(world: World) -> None:
    world.job()
    run(world, well=False)
    assert world.store.database.connection.execute("SELECT * FROM alarms").fetchall() == []
    control.edit_job(world.store, "backup", {"notify": ("exec:true",)})
    run(world, well=False)
    assert told(world) == ["failed"], "nobody has heard of it yet"


def test_the_definition_in_force_says_whom_to_tell(world: World) -> None:
    world.job()
    control.submit(world.store, "backup")
    world.start()
    control.edit_job(world.store, "backup", {"notify": ("exec:true",)})
    world.fail(1)
    assert told(world) == ["failed"]


def test_a_success_that_is_not_kept_still_counts(world: World) -> None:
    """History is not asked: retention may have deleted what it would say."""
    world.job(notify=("exec:true",), keep="failed")
    run(world, well=False)
    control.delete(world.store, run(world))
    run(world, well=False)
    assert told(world) == ["failed", "recovered", "failed"]


@pytest.mark.parametrize("kind", [Change.FAILED, Change.MISSED, Change.LATE, Change.OVERDUE])
def test_every_trouble_is_told_until_a_success(kind: Change) -> None:
    job = Definition(command="true")
    alarm, change = judge(Alarm(), kind, 5, job, True)
    assert change is kind and judge(alarm, kind, 6, job, True) == (alarm, None)
    after, change = judge(alarm, Change.RECOVERED, 7, job, True)
    assert after == Alarm()
    assert change is (Change.RECOVERED if kind in (Change.FAILED, Change.OVERDUE) else None)
    assert judge(after, kind, 8, job, True)[1] is kind


# Occurrences that are not run


def planned(world: World, **policies: Any) -> None:
    world.job(notify=("exec:true",))
    asked = every("10m", START + MINUTE)
    terms = Planned(asked.spec, asked.time_zone, asked.start_at, policies=Policies(**policies))
    scheduling.schedule(world.store, "backup", terms)


def test_missed_ones_are_told_once_until_the_next_success(world: World) -> None:
    planned(world, catch_up=CatchUp.NONE)
    for minute in (35, 65):
        world.clock.instant = START + minute * MINUTE
        world.promote()
    assert told(world) == ["missed"]
    (row,) = notifications(world)
    assert "4 occurrences missed" in document(world, row)["text"]
    run(world)
    world.clock.instant = START + 95 * MINUTE
    world.promote()
    assert told(world) == ["missed", "missed"]


def test_a_late_one_is_told(world: World) -> None:
    planned(world, late_limit=5 * MINUTE)
    world.clock.instant = START + MINUTE
    world.promote()
    world.clock.advance(6 * MINUTE)
    world.promote()
    assert told(world) == ["late"]
    assert "could not begin by" in document(world, notifications(world)[0])["text"]


def test_what_a_command_decides_as_missed_is_told_by_what_the_daemon_was_told(world: World) -> None:
    """A submission closes gaps of its token's queue, in a process that knows nothing of the daemon's environment."""
    default(world, "exec:true")
    world.job(token="disk")
    asked = every("10m", START + MINUTE)
    terms = Planned(asked.spec, asked.time_zone, asked.start_at, policies=Policies(catch_up=CatchUp.NONE))
    scheduling.schedule(world.store, "backup", terms)
    world.clock.instant = START + 35 * MINUTE
    control.submit(world.store, "backup")
    assert told(world) == ["missed"]


def test_a_schedule_that_cannot_be_computed_is_told(world: World) -> None:
    planned(world)
    run_sql = world.store.database.connection.execute
    run_sql("""UPDATE schedules SET time_zone = 'Mars/Phobos'""")
    world.clock.instant = START + MINUTE
    world.promote()
    assert told(world) == ["failed"]
    assert "the schedule cannot be computed" in document(world, notifications(world)[0])["text"]


# The notification


def test_it_is_a_system_job_of_its_own_that_says_what_was(world: World) -> None:
    world.job(notify=(HOOK,), cwd="/srv", environment={"PATH": "/bin"})
    number = run(world, well=False)
    (row,) = notifications(world)
    assert (row.state, row.operation_type, row.platform, row.message_name) == (State.READY, 1, False, "notify")
    assert (row.name, row.regarding) == ("notify: backup failed", f"system_job:{number}")
    said = document(world, row)
    assert (said["schema"], said["event"], said["job"]) == (1, "failed", "backup")
    assert (said["system_job"]["sequence"], said["system_job"]["status"]) == (number, "failed")
    assert said["target"] == "https://hooks.example.com/…"
    assert said["text"].startswith(f"backup failed: exit (#{number} on ")
    definition = world.store.job_version(row.job_version_id).definition
    assert (definition.internal, definition.notify, definition.cwd) == ("notify", (HOOK,), "/srv")
    assert definition.environment == {"PATH": "/bin"} and definition.on_lost == "retry"
    assert "secret" not in json.dumps(said)


def test_it_is_stored_with_the_outcome_or_not_at_all(world: World) -> None:
    world.job(notify=("exec:true",))
    control.submit(world.store, "backup")
    world.start()
    before = world.dump()
    with pytest.raises(RuntimeError), world.store.write() as tx:
        promotion.promote(tx)
        row = tx.system_job(1)
        alarms.notice(tx, tx.save(row, _failed(row, tx.now)))
        raise RuntimeError
    assert world.dump() == before
    world.fail(1)
    assert told(world) == ["failed"]


def _failed(row: SystemJob, now: int) -> SystemJob:
    done = replace(row, state=State.COMPLETED, status=Status.FAILED, reason=Reason.EXIT, completed_on=now)
    return replace(done, runner_id=None)


def test_its_own_failure_tells_nobody(world: World) -> None:
    default(world, "exec:true")
    world.job()
    run(world, well=False)
    (row,) = notifications(world)
    for _ in range(9):
        world.clock.instant = max(world.clock.now(), world.row(row.sequence).due_at)
        world.promote()
        assert world.start() == row.sequence
        world.fail(row.sequence)
    assert world.row(row.sequence).status is Status.FAILED
    assert told(world) == ["failed"]
    assert HOUR < world.clock.now() - START < 2 * HOUR, "the other side may be away for an hour"


def test_commands_without_a_definition_are_not_told_of(world: World) -> None:
    default(world, "exec:true")
    control.submit_adhoc(world.store, Definition(argv=("false",)))
    world.start()
    world.fail(1)
    assert notifications(world) == []


def test_equal_ones_share_a_version(world: World) -> None:
    world.job(notify=("exec:true",))
    for _ in range(3):
        run(world, well=False)
        run(world)
    assert len(told(world)) == 6
    assert len({row.job_version_id for row in notifications(world)}) == 1


def test_no_job_of_a_person_is_in_the_way(world: World) -> None:
    with pytest.raises(BadInput):
        world.job(NOTIFICATIONS)
    world.job("notifications", notify=("exec:true",))
    run(world, well=False, name="notifications")
    assert told(world) == ["failed"]
    assert world.store.job_names() == ["notifications"]


def test_a_person_may_cancel_one_that_is_tried_again(world: World) -> None:
    world.job(notify=("exec:true",))
    run(world, well=False)
    (row,) = notifications(world)
    world.start()
    world.fail(row.sequence)
    assert world.row(row.sequence).reason is Reason.RETRYING
    assert control.cancel(world.store, row.sequence).state is State.COMPLETED


def test_one_that_was_given_up_can_be_told_after_all(world: World) -> None:
    world.job(notify=(HOOK,))
    run(world, well=False)
    (row,) = notifications(world)
    world.start()
    control.cancel(world.store, row.sequence)
    world.end(row.sequence)
    again = control.rerun(world.store, row.sequence)
    assert (again.name, again.operation_type, again.job_version_id) == (row.name, 1, row.job_version_id)
    assert document(world, again) == document(world, row)


def test_circles_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notification starts is deeper by one than what it tells of."""
    world.job(notify=("exec:jobctl run backup",))
    monkeypatch.setenv("JOBCTL_ID", "0" * 32)
    for depth in range(1, 17):
        monkeypatch.setenv("JOBCTL_DEPTH", str(depth - 1))
        run(world, well=False)
        assert notifications(world)[-1].depth == depth
        run(world)
    monkeypatch.setenv("JOBCTL_DEPTH", "16")
    with pytest.raises(Refused):
        control.submit(world.store, "backup")


def test_a_default_that_is_no_target_is_refused(world: World) -> None:
    with pytest.raises(BadInput, match="JOBCTL_NOTIFY: 'mailto"), world.store.write() as tx:
        alarms.set_default(tx, ["mailto:root"])


@pytest.mark.parametrize(
    ("length", "text"),
    [(999, "1s"), (90 * SECOND, "1m 30s"), (3 * HOUR + 90 * SECOND, "3h 1m"), (50 * HOUR + 90 * SECOND, "2d 2h")],
)
def test_lengths_of_time(length: int, text: str) -> None:
    assert alarms.words(length) == text
