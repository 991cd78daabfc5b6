"""`jobctl why`: in each situation the sentence that decides, and a command that does change it.

The store, the rules and the command line are the real ones; the daemon's part is played by the test, with two slots.
"""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from jobctl import control
from jobctl.control import Conditions
from jobctl.locks import FileLock
from jobctl.model import SystemJob, Wait
from jobctl.why import Explanation, queues, why_job, why_system_job
from jobctl.why.queues import holders_of_slots
from tests.store.desk import SLOTS, Desk
from tests.store.machine import LifeOfSystemJobs
from tests.store.situations import ended, of_jobs, waiting
from tests.store.world import HOUR, MINUTE, START, Template, World

SITUATIONS = {**waiting.SITUATIONS, **ended.SITUATIONS, **of_jobs.SITUATIONS}


@pytest.fixture
def desk(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    clock = tmp_path / "clock"
    home = str(world.store.database.config.home)
    for name, value in {"JOBCTL_HOME": home, "JOBCTL_TEST": "1", "JOBCTL_CLOCK": str(clock), "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)
    time.tzset()
    made = Desk(world, clock, capsys)
    made.open()
    yield made
    made.close()
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_sentence_that_decides_and_the_command_that_changes_it(desk: Desk, name: str) -> None:
    case = SITUATIONS[name]
    build = case.build(desk)
    subject = next(build)
    told = desk.why(subject)
    assert told.codes[0] == case.says[0], told.texts
    for text in case.says[1:]:
        assert any(text in sentence for sentence in told.texts), (text, told.texts)
    assert told.command == case.command
    if case.command is None:
        return
    counted = case.whose or subject
    before = desk.begun(counted)
    if desk.lock.held and case.says[0] != "daemon_stands_still":
        desk.turn()
        assert desk.begun(counted) == before, "without the command it would have gone on as well"
    desk.obey(case.command, JSON='{"month": 1}')
    desk.turn()
    for _ in build:
        pass
    desk.turn()
    assert desk.begun(counted) > before


# What holds of every explanation


def test_one_that_ran_when_it_was_due_has_no_excuses(desk: Desk) -> None:
    desk.plan()
    desk.at(1)
    desk.world.end(1)
    assert desk.why(1).codes == ["succeeded"]


def test_what_waits_for_one_that_waits_is_followed_to_the_first(desk: Desk) -> None:
    """4 comes after 3, which stands behind 2, which has the token and waits for a person."""
    desk.running("busy")
    second = desk.running("job", token="disk")
    control.pause(desk.store, second)
    desk.turn()
    third = desk.submit("job")
    fourth = desk.submit("last", conditions=Conditions((Wait(third, "success"),)))
    assert [desk.why(number).command for number in (third, fourth)] == ["jobctl resume 2"] * 2


def test_many_that_wait_for_many_are_asked_about_once_each(desk: Desk) -> None:
    """Each layer of five waits for the whole layer before: far more ways than system jobs."""
    layer: list[int] = []
    for _ in range(30):
        waits = tuple(Wait(number, "success") for number in layer)
        layer = [desk.submit(at=START + HOUR, conditions=Conditions(waits)) for _ in range(5)]
    told = desk.why(layer[-1])
    assert told.codes[0] == "after" and "and after 2 more; see: jobctl show 150" in told.texts


def test_a_place_in_a_tokens_queue_tells_who_had_it_though_that_never_ran(desk: Desk) -> None:
    first = desk.submit(job={"token": "disk"}, at=START + HOUR)
    second = desk.submit()
    desk.pass_(20 * MINUTE)
    control.cancel(desk.store, first)
    desk.turn()
    told = desk.why(second)
    assert any("meanwhile its token 'disk' was taken: 1 job, until 2027-01-15 08:20:00" in text for text in told.texts)


def test_a_wait_is_told_also_where_nothing_ended_meanwhile(desk: Desk) -> None:
    for _ in range(SLOTS):
        desk.running()
    number = desk.submit()
    desk.pass_(5 * MINUTE)
    desk.world.start()  # a daemon with more slots
    told = desk.why(number)
    assert told.codes == ["running", "late_start", "submitted", "waited"]
    assert told.texts[-1] == "it was ready from 2027-01-15 08:00:00 on and waited 5m"


def test_a_limit_comes_before_the_slots(desk: Desk) -> None:
    desk.running("other")
    desk.running("limited", concurrency=1)
    told = desk.why(desk.submit("limited"))
    assert told.codes == ["concurrency", "slots", "ready"] and told.command == "jobctl pause 2"


def test_many_that_come_before_are_not_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "MOST_COUNTED", 2)
    for _ in range(SLOTS):
        desk.running()
    numbers = [desk.submit("urgent", job={"priority": 5}), *(desk.submit() for _ in range(3))]
    told = [desk.why(number).reasons[0] for number in numbers]
    assert [(fact["before"], fact.get("more_before", False)) for fact in told] == [
        (0, False),
        (1, False),
        (2, False),
        (2, True),
    ]
    assert told[2]["text"].endswith("2 ready ones are before it")
    assert told[3]["text"].endswith("; more than 2 ready ones are before it")


def test_jobctls_own_maintenance_is_told_nothing_it_refuses(desk: Desk) -> None:
    desk.world.job("purge")
    with desk.store.write() as tx:
        version = tx.job("purge").version
        ours = [tx.insert_system_job(version, platform=True, ready_on=tx.now, message_name="run") for _ in range(3)]
    for _ in range(SLOTS):
        desk.world.start()
    told = desk.why(ours[2].sequence)
    assert (told.codes[0], told.command) == ("slots", None)


def test_facts_are_numbers_and_utc_instants(desk: Desk) -> None:
    number = desk.running()
    control.postpone(desk.store, number, START + HOUR)
    desk.turn()
    (reason,) = desk.why(number).reasons
    assert reason["until"] == "2027-01-15T09:00:00.000000+00:00" and reason["actor"] == "user:alice"


class Questioned(LifeOfSystemJobs):
    """Any life there can be; at its end everything is asked about, with a daemon and without one."""

    asked: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.question(self.driver.world)
        super().teardown()

    def question(self, world: World) -> None:
        lock = FileLock(world.store.database.config.daemon_lock)
        now = world.clock.now()
        for attended in (False, True):
            assert not attended or lock.acquire()
            found = [why_system_job(world.store, row, now) for row in world.rows()]
            found += [why_job(world.store, job, now) for job in world.store.jobs()]
            for explanation in found:
                self.check(world, explanation, attended)
        lock.release()

    def check(self, world: World, explanation: Explanation, attended: bool) -> None:
        assert explanation.facts and all(fact.text for fact in explanation.facts)
        json.dumps(explanation.document())
        type(self).asked.update(fact.code for fact in explanation.facts)
        if explanation.command is None:
            return
        _, verb, *words = shlex.split(explanation.command)
        if verb in ("run", "reschedule", "unschedule"):
            assert world.store.find_job(words[0]) is not None
        elif verb == "daemon":
            assert not attended
        else:
            assert verb in control.legal_operations(world.row(int(words[0]))), explanation


def test_what_is_proposed_is_never_refused(template: Template) -> None:
    """In any state that a random life comes to; and most sentences there are have been said."""
    Questioned.template = template
    logging.disable(logging.CRITICAL)  # the recorder tells of every failed run
    try:
        run_state_machine_as_test(
            Questioned,
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                database=None,
                derandomize=True,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
    assert len(Questioned.asked) > 25, Questioned.asked


def test_what_a_runner_was_handed_ahead_holds_no_slot() -> None:
    def row(sequence: int, runner: str, began: int | None, message: str | None = None) -> SystemJob:
        blank = dict.fromkeys(field.name for field in fields(SystemJob))
        told = {"sequence": sequence, "runner_id": runner, "started_on": began, "message": message}
        return SystemJob(**{**blank, **told})  # type: ignore[arg-type]

    locked = [row(1, "a", None), row(2, "a", 5), row(3, "a", None), row(4, "b", None), row(5, "c", 6, "stuck: 1")]
    assert [one.sequence for one in holders_of_slots(locked)] == [2, 4]
