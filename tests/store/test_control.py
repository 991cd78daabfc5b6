"""What people ask for: which system job they mean, what is legal, and what a refusal says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobctl import control, scheduling
from jobctl.errors import BadInput, JobNotFound, NotFound, Refused, SystemJobNotFound
from jobctl.model import Definition, Reason, State, Status, SystemJob
from tests.store.expected_life import legal
from tests.store.reaching import STATES
from tests.store.world import MINUTE, START, Template, World, every

COMMAND = Definition(command="true")


def submit(world: World, name: str = "backup") -> int:
    return control.submit(world.store, name).sequence


def resolve(world: World, text: str, verb: str) -> int:
    return control.resolve(world.store, text, verb).sequence


# Which one is meant


def test_digits_are_a_number_and_id_forces_a_prefix(world: World) -> None:
    world.job()
    row = world.row(submit(world))
    assert resolve(world, "1", "show") == 1
    for text in (row.id, row.id[:8] + row.id[8:].upper(), f"id:{row.id[:8]}", f"id:{row.id}"):
        assert resolve(world, text, "show") == 1
    with pytest.raises(SystemJobNotFound):
        resolve(world, "2", "show")
    with pytest.raises(SystemJobNotFound):
        resolve(world, "9" * 40, "show")
    with pytest.raises(BadInput):
        resolve(world, f"id:{row.id[:7]}", "show")
    with pytest.raises(JobNotFound):
        resolve(world, "nonesuch", "pause")


def test_a_name_is_tried_before_a_prefix(world: World) -> None:
    world.job("deadbeef")
    number = submit(world, "deadbeef")
    assert resolve(world, "deadbeef", "wait") == number
    with pytest.raises(SystemJobNotFound):
        resolve(world, "id:deadbeef", "wait")


def test_a_near_miss_is_suggested(world: World) -> None:
    world.job("nightly")
    with pytest.raises(JobNotFound, match="did you mean 'nightly'"):
        resolve(world, "nigthly", "wait")


def test_a_prefix_of_two_is_refused_with_both(world: World) -> None:
    world.job()
    submit(world)
    submit(world)
    act = world.store.database.connection.execute
    act("UPDATE system_jobs SET id_given = 1, id = unhex('abcdef01' || printf('%024x', sequence))")
    with pytest.raises(BadInput, match="1 and 2"):
        resolve(world, "abcdef01", "show")


VERBS = ("pause", "cancel", "wait", "follow")


@pytest.mark.parametrize("verb", VERBS)
def test_a_name_means_the_running_then_paused_then_retrying_then_ready_one(verb: str, world: World) -> None:
    world.job(retries=1, retry_delay=86400.0)
    order = [submit(world) for _ in range(4)]
    running, paused, retrying, ready = order
    for number in order[:3]:
        assert world.start() == number
    control.pause(world.store, paused)
    world.paused(paused)
    world.fail(retrying)
    for number in (running, paused, retrying, ready):
        assert resolve(world, "backup", verb) == number
        control.cancel(world.store, number)
        if number in (running, paused):
            world.end(number)
    with pytest.raises(NotFound):
        resolve(world, "backup", verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_name_never_means_the_pending_occurrence(verb: str, world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m"))
    with pytest.raises(NotFound):
        resolve(world, "backup", verb)
    control.postpone(world.store, 1, START + MINUTE)
    with pytest.raises(NotFound):
        resolve(world, "backup", verb)


@pytest.mark.parametrize("verb", ["postpone", "resume", "cancel-next"])
def test_postpone_resume_and_cancel_next_mean_the_pending_occurrence(verb: str, world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m"))
    assert resolve(world, "backup", verb) == 1


def test_rerun_means_the_newest_completed_and_logs_the_newest_begun(world: World) -> None:
    world.job()
    for _ in range(2):
        submit(world)
        world.end(world.start())
    control.cancel(world.store, submit(world))
    assert resolve(world, "backup", "rerun") == 3
    assert resolve(world, "backup", "logs") == 2


def test_several_candidates_are_named(world: World) -> None:
    world.job()
    submit(world)
    submit(world)
    with pytest.raises(BadInput, match="1, 2"):
        resolve(world, "backup", "cancel")


def test_delete_wants_a_number(world: World) -> None:
    world.job()
    submit(world)
    with pytest.raises(BadInput):
        resolve(world, "backup", "delete")


# Depth


def test_a_run_that_submits_is_the_parent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.job()
    parent = world.row(submit(world))
    monkeypatch.setenv("JOBCTL_ID", parent.id)
    monkeypatch.setenv("JOBCTL_DEPTH", "15")
    child = world.row(submit(world))
    assert (child.depth, child.parent) == (16, parent.id)


@pytest.mark.parametrize("act", [lambda world: submit(world), lambda world: control.rerun(world.store, 1)])
def test_deeper_than_sixteen_is_refused(
    act: Callable[[World], object], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.job()
    control.cancel(world.store, submit(world))
    monkeypatch.setenv("JOBCTL_ID", "0" * 32)
    monkeypatch.setenv("JOBCTL_DEPTH", "16")
    before = world.dump()
    with pytest.raises(Refused, match="16"):
        act(world)
    assert world.dump() == before


def test_a_refused_submission_leaves_nothing_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as inside:
        inside.setenv("JOBCTL_ID", "0" * 32)
        inside.setenv("JOBCTL_DEPTH", "16")
        with pytest.raises(Refused):
            control.submit_adhoc(world.store, Definition(command="rm", token="refused", priority=9))
    row = control.submit_adhoc(world.store, COMMAND)
    assert (row.dependency_token, row.priority) == (None, 0)


# Rerun, delete, remove


def test_rerun_takes_the_current_definition_and_the_same_data(world: World) -> None:
    world.job()
    row = control.submit(world.store, "backup", data='{"a": 1}', regarding="invoice:7")
    control.cancel(world.store, row.sequence)
    control.edit_job(world.store, "backup", {"command": "false", "token": "ledger"})
    again = control.rerun(world.store, row.sequence)
    assert (again.job_version, again.rerun_of, again.message_name) == (2, row.sequence, "rerun")
    assert (again.dependency_token, again.regarding) == ("ledger", "invoice:7")
    assert world.store.payload(again.sequence) == ('{"a": 1}', None)


def test_rerun_of_a_removed_job_is_refused_even_if_its_name_is_taken_again(world: World) -> None:
    world.job()
    control.cancel(world.store, submit(world))
    control.remove_job(world.store, "backup")
    world.job()
    with pytest.raises(Refused):
        control.rerun(world.store, 1)


def test_rerun_of_a_command_without_a_definition_repeats_it(world: World) -> None:
    first = control.submit_adhoc(world.store, COMMAND)
    control.submit_adhoc(world.store, Definition(command="false"))
    control.cancel(world.store, first.sequence)
    assert control.rerun(world.store, first.sequence).job_version_id == first.job_version_id


def test_remove_refuses_while_one_runs_and_keeps_history(world: World) -> None:
    world.job()
    control.cancel(world.store, submit(world))
    running = submit(world)
    world.start()
    waiting = submit(world)
    with pytest.raises(Refused, match=str(running)):
        control.remove_job(world.store, "backup")
    world.end(running)
    control.remove_job(world.store, "backup")
    assert world.row(waiting).reason is Reason.USER
    assert len(world.rows()) == 3 and world.store.find_job("backup") is None


def test_delete_takes_data_result_and_log_with_it(world: World) -> None:
    world.job()
    row = control.submit(world.store, "backup", data="1")
    world.start()
    world.end(row.sequence, result="2")
    control.delete(world.store, row.sequence)
    assert world.store.find_system_job(row.sequence) is None
    assert world.store.payload(row.sequence) == (None, None)
    assert submit(world) == row.sequence + 1, "numbers are never used again"


@pytest.mark.parametrize("forced", [False, True])
def test_delete_takes_its_events_with_it_and_leaves_those_of_others(forced: bool, world: World) -> None:
    world.job()
    gone, kept = submit(world), submit(world)
    for number in (gone, kept):
        control.postpone(world.store, number, world.clock.now() + MINUTE)
    if forced:
        control.resume(world.store, gone)
        assert world.start() == gone
    control.delete(world.store, gone, force=forced)
    if forced:
        assert {event.kind for event in world.store.events(sequence=gone)} >= {"postpone", "delete"}
        world.end(gone, Status.CANCELED, Reason.USER)
    assert world.store.find_system_job(gone) is None
    assert world.store.events(sequence=gone) == []
    assert [event.kind for event in world.store.events(sequence=kept)] == ["postpone"]


def test_delete_needs_force_while_a_process_lives(world: World) -> None:
    world.job()
    number = submit(world)
    world.start()
    with pytest.raises(Refused, match="--force"):
        control.delete(world.store, number)
    assert control.delete(world.store, number, force=True).delete_requested


def test_one_resumed_that_waits_for_a_slot_can_be_deleted_by_force(world: World) -> None:
    world.job()
    number = submit(world)
    world.start()
    control.pause(world.store, number)
    world.paused(number)
    control.resume(world.store, number)
    marked = control.delete(world.store, number, force=True)
    assert (marked.state, marked.reason, marked.delete_requested) == (State.SUSPENDED, Reason.CANCELING, True)
    world.lose(number)
    assert world.store.find_system_job(number) is None


def test_remove_refuses_a_paused_one_without_a_process(world: World) -> None:
    world.job()
    number = submit(world)
    world.claim()
    control.pause(world.store, number)
    world.returned(number)
    with pytest.raises(Refused, match=str(number)):
        control.remove_job(world.store, "backup")


# jobctl's own


@pytest.mark.parametrize("state", STATES)
def test_maintenance_refuses_pause_resume_and_cancel_in_every_state(state: str, template: Template) -> None:
    from tests.store.driver import Driver

    driver = Driver(template.world())
    sequence = STATES[state](driver)
    store = driver.world.store
    store.database.connection.execute("UPDATE system_jobs SET platform = 1")
    before = driver.world.dump()
    for request in (control.pause, control.resume, control.cancel):
        with pytest.raises(Refused):
            request(store, sequence)
    assert driver.world.dump() == before
    assert store.system_jobs() == []
    template.discard(driver.world)


# Refusals


LISTED = ("pause", "resume", "postpone", "cancel", "rerun", "delete --force", "delete")


def offered(error: Refused) -> set[str]:
    return set(str(error).rpartition("legal: ")[2].split(", "))


@pytest.mark.parametrize("state", STATES)
def test_a_refusal_names_just_what_is_legal(state: str, template: Template) -> None:
    from tests.store.driver import Driver

    driver = Driver(template.world())
    sequence = STATES[state](driver)
    row = driver.books.rows[sequence]
    request = control.rerun if row.state != "completed" else control.pause
    try:
        with pytest.raises(Refused) as refusal:
            request(driver.world.store, sequence)
        assert offered(refusal.value) == legal(row)
    finally:
        template.discard(driver.world)


@pytest.mark.parametrize("name", ["", "1a", "-a", "a b", "a/b", "ä", "a" * 101, "adhoc", "a\n"])
def test_a_name_that_is_none_is_refused(name: str, world: World) -> None:
    with pytest.raises(BadInput):
        world.job(name)


def test_a_taken_name_a_second_schedule_and_a_schedule_too_little_are_refused(world: World) -> None:
    world.job()
    with pytest.raises(Refused):
        world.job()
    for request in (scheduling.unschedule, lambda store, name: scheduling.reschedule(store, name, None)):
        with pytest.raises(Refused):
            request(world.store, "backup")
    scheduling.schedule(world.store, "backup", every("1m"))
    with pytest.raises(Refused):
        scheduling.schedule(world.store, "backup", every("1m"))
    with pytest.raises(BadInput):
        scheduling.reschedule(world.store, "backup", every("1m", end=START - 1))
    assert world.store.pending_occurrence(1) is not None


def test_postpone_wants_the_future(world: World) -> None:
    world.job()
    number = submit(world)
    with pytest.raises(BadInput):
        control.postpone(world.store, number, START)


def waiting(world: World) -> list[SystemJob]:
    return [row for row in world.rows() if row.state is State.READY]


def test_an_edit_of_the_token_reaches_the_pending_occurrence_only(world: World) -> None:
    world.job()
    scheduling.schedule(world.store, "backup", every("10m", START + MINUTE))
    submit(world)
    control.edit_job(world.store, "backup", {"token": "ledger"})
    assert [row.dependency_token for row in world.rows()] == ["ledger", None]
    assert len(waiting(world)) == 1
