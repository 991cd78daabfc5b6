"""What a system job waits for beside its time: the ends of others, events, its token, its job's limit."""

from __future__ import annotations

import pytest

from jobctl import control, scheduling
from jobctl.control import Conditions
from jobctl.errors import Refused, SystemJobNotFound
from jobctl.model import Reason, State, Status, SystemJob, Wait
from tests.store.world import MINUTE, START, World, every


def submit(world: World, *after: tuple[int, str], event: str | None = None, name: str = "job", **rest: object) -> int:
    if world.store.find_job(name) is None:
        world.job(name)
    key = rest.pop("key", None)
    waits = tuple(Wait(*one) for one in after)
    conditions = Conditions(waits, event, None if key is None else str(key))
    return control.submit(world.store, name, conditions=conditions, **rest).sequence  # type: ignore[arg-type]


def standing(row: SystemJob) -> str:
    return str(row.reason or row.status.label)


ENDS = {
    "succeeded": (Status.SUCCEEDED, None),
    "failed": (Status.FAILED, Reason.EXIT),
    "canceled": (Status.CANCELED, Reason.USER),
}


@pytest.mark.parametrize("late", [False, True], ids=["submitted before the end", "submitted after it"])
@pytest.mark.parametrize(
    ("condition", "end", "expected"),
    [
        ("success", "succeeded", "waiting_for_resources"),
        ("success", "failed", "dependency"),
        ("success", "canceled", "dependency"),
        ("failure", "succeeded", "dependency"),
        ("failure", "failed", "waiting_for_resources"),
        ("failure", "canceled", "dependency"),
        ("any", "succeeded", "waiting_for_resources"),
        ("any", "failed", "waiting_for_resources"),
        ("any", "canceled", "waiting_for_resources"),
    ],
)
def test_a_dependent_runs_or_can_no_longer(world: World, condition: str, end: str, expected: str, late: bool) -> None:
    first = submit(world)
    second = 0 if late else submit(world, (first, condition))
    if not late:
        assert standing(world.row(second)) == "after"
    world.start()
    if end == "canceled":
        control.cancel(world.store, first)
    world.end(first, *ENDS[end])
    second = submit(world, (first, condition)) if late else second
    row = world.row(second)
    assert standing(row) == expected
    if expected == "dependency":
        assert str(row.message).startswith(f"not run: it was to run once #{first} had ")


def test_it_waits_for_all_of_them(world: World) -> None:
    first, second = submit(world), submit(world)
    third = submit(world, (first, "success"), (second, "any"))
    for number in (first, second):
        assert standing(world.row(third)) == "after"
        world.start()
        world.end(number)
    assert world.row(third).state is State.READY
    assert [wait.met_on is not None for wait in world.store.waits(third)] == [True, True]


def test_a_retry_is_no_end(world: World) -> None:
    world.job("job", retries=1, retry_delay=1.0)
    first = submit(world)
    second = submit(world, (first, "failure"))
    world.start()
    world.fail(first)
    assert standing(world.row(second)) == "after"


def test_a_long_chain_falls_at_once(world: World) -> None:
    numbers = [submit(world)]
    for _ in range(2000):
        numbers.append(submit(world, (numbers[-1], "success")))
    control.cancel(world.store, numbers[0])
    assert {standing(world.row(number)) for number in numbers[1:]} == {"dependency"}


@pytest.mark.parametrize("way", ["delete", "remove"])
def test_what_is_deleted_can_no_longer_succeed(world: World, way: str) -> None:
    first = submit(world, name="first")
    second = submit(world, (first, "success"))
    if way == "delete":
        control.delete(world.store, first)
    else:
        control.remove_job(world.store, "first")
    assert standing(world.row(second)) == "dependency"


def test_forced_deletion_of_a_running_one_tells_its_dependents(world: World) -> None:
    first = submit(world)
    second = submit(world, (first, "success"))
    world.start()
    control.delete(world.store, first, force=True)
    assert standing(world.row(second)) == "after"
    world.end(first, Status.CANCELED, Reason.USER)
    assert standing(world.row(second)) == "dependency"
    assert "was deleted" in str(world.row(second).message)


def test_resume_waives_the_condition_and_says_so(world: World) -> None:
    first = submit(world)
    second = submit(world, (first, "success"), event="go")
    control.resume(world.store, second)
    row = world.row(second)
    assert row.state is State.READY and row.message == "user:alice waived what it was to wait for"
    control.cancel(world.store, first)
    assert world.row(second).state is State.READY


def test_postponed_it_still_waits_for_both(world: World) -> None:
    first = submit(world)
    second = submit(world, (first, "success"))
    control.postpone(world.store, second, START + 10 * MINUTE)
    world.clock.advance(20 * MINUTE)
    world.promote()
    assert standing(world.row(second)) == "after"
    third = submit(world, (first, "success"), at=START + 60 * MINUTE)
    world.start()
    world.end(first)
    assert world.row(second).state is State.READY
    assert standing(world.row(third)) == "scheduled"


def test_an_unknown_predecessor_is_not_found_and_nothing_is_stored(world: World) -> None:
    world.job("job")
    with pytest.raises(SystemJobNotFound):
        submit(world, (41, "any"))
    assert world.rows() == []


def test_it_joins_its_tokens_queue_only_once_it_may_run(world: World) -> None:
    world.job("job", token="disk")
    world.job("hourly", token="disk")
    scheduling.schedule(world.store, "hourly", every("1h", START + MINUTE))
    second = submit(world, (1, "any"))  # 1 is the occurrence to come: it will join later than this was submitted
    world.clock.advance(2 * MINUTE)
    world.promote()
    assert world.start() == 1
    world.end(1)
    assert world.row(second).state is State.READY and world.start() == second


# Events


def test_an_event_releases_what_waits_for_it_now(world: World) -> None:
    waiting = [submit(world, event="go"), submit(world, event="go"), submit(world, event="stop")]
    assert [standing(world.row(number)) for number in waiting] == ["waiting_for_event"] * 3
    assert [row.sequence for row in control.emit(world.store, "go")] == waiting[:2]
    assert [standing(world.row(number)) for number in waiting] == [*["waiting_for_resources"] * 2, "waiting_for_event"]
    assert control.emit(world.store, "go") == []
    later = submit(world, event="go")
    assert standing(world.row(later)) == "waiting_for_event"


def test_an_event_counts_also_while_others_are_waited_for(world: World) -> None:
    first = submit(world)
    second = submit(world, (first, "success"), event="go")
    assert len(control.emit(world.store, "go")) == 1
    assert standing(world.row(second)) == "after"
    world.start()
    world.end(first)
    assert world.row(second).state is State.READY


def test_a_canceled_one_no_longer_waits(world: World) -> None:
    number = submit(world, event="go")
    control.cancel(world.store, number)
    assert control.emit(world.store, "go") == []


# Keys


def test_the_same_key_is_the_same_request(world: World) -> None:
    first = submit(world, key="k", data='{"a": 1}')
    assert submit(world, key="k", data='{"a": 1}') == first
    assert len(world.rows()) == 1
    with pytest.raises(Refused, match=f"system job {first} with other data"):
        submit(world, key="k", data='{"a": 2}')
    assert submit(world, name="other", key="k", data='{"a": 2}') != first


def test_a_key_is_free_again_when_its_system_job_is_deleted(world: World) -> None:
    first = submit(world, key="k")
    control.delete(world.store, first)
    assert submit(world, key="k") != first


# The limit of a job


def test_no_more_of_a_job_run_than_its_limit(world: World) -> None:
    world.job("job", concurrency=2)
    for _ in range(4):
        submit(world)
    other = submit(world, name="other")
    assert [world.start(), world.start(), world.start()] == [1, 2, other]
    assert world.claim() is None
    world.end(2)
    assert world.start() == 3


def test_a_paused_one_leaves_its_place_and_waits_for_one(world: World) -> None:
    world.job("job", concurrency=1)
    submit(world)
    submit(world)
    world.start()
    control.pause(world.store, 1)
    world.paused(1)
    assert world.start() == 2
    control.resume(world.store, 1)
    assert world.claim() is None
    world.end(2)
    claimed = world.claim()
    assert claimed is not None and claimed.sequence == 1 and claimed.continued


def test_the_limit_can_be_changed_and_taken_away(world: World) -> None:
    world.job("job", concurrency=1)
    for _ in range(3):
        submit(world)
    world.start()
    control.edit_job(world.store, "job", {"concurrency": 2})
    assert world.start() == 2 and world.claim() is None
    control.edit_job(world.store, "job", {"concurrency": None})
    assert world.start() == 3
