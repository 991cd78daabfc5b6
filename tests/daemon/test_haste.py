"""Claiming before all other looks, and being ready when an instant comes: how many commits, and nothing too early."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from jobctl import control, wake
from jobctl.clock import MICROSECONDS, SystemClock, wait_until
from jobctl.config import Config
from jobctl.errors import TryAgain
from jobctl.haste import BREATH
from jobctl.model import State
from jobctl.promoter import LEAD
from jobctl.store import Store
from tests.daemon.hands import Hasty, Running, daemon_of, kinds
from tests.store.world import START, FakeClock


def test_what_was_just_submitted_is_claimed_in_one_commit_before_any_other_look(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    hasty.watch()
    assert hasty.haste.claim() == ([], True)
    assert hasty.given() == [sequence]
    assert hasty.world.row(sequence).state is State.LOCKED
    assert hasty.statements.count("COMMIT") == 1
    assert hasty.statements.count("BEGIN") == 1
    assert hasty.checked == 1
    # Whether we are still the daemon was asked already; what is due, the queue, and the rest is writing.
    before = hasty.statements[: hasty.statements.index("COMMIT")]
    assert before.count("SELECT") <= 4


def test_it_makes_haste_only_once_between_two_full_turns(hasty: Hasty) -> None:
    assert hasty.haste.may()
    hasty.haste.claim()
    assert not hasty.haste.may()
    hasty.haste.looking()
    assert hasty.haste.may()


def test_after_a_failure_the_daemon_rests_as_after_any_other(hasty: Hasty) -> None:
    hasty.submit("job")
    hasty.world.store.database.set_wait(0.05)
    with Store.open(hasty.world.store.database.config, SystemClock(), "user:other") as other, other.write():
        with pytest.raises(TryAgain):
            hasty.haste.claim()
        assert hasty.haste.looks_within is None
    assert not any(runner.stored for runner in hasty.fleet.runners.values())
    hasty.haste.claim()
    assert len(hasty.given()) == 1 and hasty.haste.looks_within == BREATH


def test_it_makes_no_haste_while_something_else_is_to_be_done(hasty: Hasty) -> None:
    runner = next(iter(hasty.fleet.runners.values()))
    hasty.fleet.inbox.append((runner, {"k": "begin"}))
    assert not hasty.haste.may()
    hasty.fleet.inbox.clear()
    hasty.submit(*["job"] * 2)
    assert len(hasty.turn()) == 2  # both slots
    assert not hasty.haste.may()


def test_ends_are_recorded_before_all_other_looks_but_not_for_long(hasty: Hasty) -> None:
    runner = next(iter(hasty.fleet.runners.values()))
    assert not hasty.haste.may_record(), "there is nothing to record"
    hasty.fleet._take_in(runner, {"k": "end", "sequence": 1})
    assert hasty.haste.may_record()
    hasty.haste.left_out()
    assert hasty.haste.looks_within == 0.0
    hasty.world.clock.advance(round(BREATH * MICROSECONDS / 2))
    assert hasty.haste.may_record()
    hasty.haste.left_out()
    hasty.haste.breathe()
    assert hasty.haste.looks_within == pytest.approx(BREATH / 2, abs=1e-4)
    hasty.world.clock.advance(round(BREATH * MICROSECONDS / 2) + 100)
    assert not hasty.haste.may_record()
    hasty.haste.looking()
    assert hasty.haste.may_record()
    hasty.fleet._take_in(runner, {"k": "begin", "sequence": 2})
    assert not hasty.haste.may_record()


def test_an_end_and_the_next_claim_are_one_commit_and_few_statements(hasty: Hasty) -> None:
    with daemon_of(hasty) as daemon:
        first, second, third, fourth = hasty.submit(*["job"] * 4)
        daemon.step()
        assert [list(runner.given) for runner in hasty.fleet.runners.values()] == [[second], [first]]
        for number, following, looks in ((first, third, 0), (second, fourth, 1)):
            (name,) = (name for name, runner in hasty.fleet.runners.items() if number in runner.given)
            hasty.fleet._take_in(hasty.fleet.runners[name], hasty.ended(name, number))
            hasty.world.clock.advance(round(BREATH * MICROSECONDS + 100) * looks)
            hasty.statements.clear()
            hasty.watch()
            assert daemon.step()
            assert list(hasty.fleet.runners[name].given) == [following]
            assert hasty.statements.count("COMMIT") == 1 and hasty.statements.count("ROLLBACK") == looks
            assert len(hasty.statements) <= 10 + 6 * looks, hasty.statements


def test_what_is_late_is_not_claimed_together_with_an_end(hasty: Hasty) -> None:
    """Nobody has looked for it when ends are recorded before all other looks."""
    with daemon_of(hasty) as daemon:
        first, late, other = hasty.submit(*["job"] * 3)
        daemon.slots = hasty.dispatcher.slots = 1
        daemon.step()
        with hasty.world.store.write() as tx:
            late_by = "UPDATE system_jobs SET start_by = ? WHERE sequence = ?"
            tx.database.connection.execute(late_by, (hasty.world.clock.instant - MICROSECONDS, late))
        (name,) = (name for name, runner in hasty.fleet.runners.items() if first in runner.given)
        hasty.fleet._take_in(hasty.fleet.runners[name], hasty.ended(name, first))
        assert hasty.haste.may_record() and daemon.step()
        assert hasty.world.row(late).reason == "late"
        assert hasty.world.row(other).state is State.LOCKED


def test_what_can_no_longer_begin_in_time_is_not_claimed_in_haste(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    with hasty.world.store.write() as tx:
        tx.database.connection.execute(
            "UPDATE system_jobs SET start_by = ? WHERE sequence = ?",
            (hasty.world.clock.instant - MICROSECONDS, sequence),
        )
    claimed, found = hasty.haste.claim()
    assert claimed == [] and found
    assert hasty.world.row(sequence).reason == "late"


def test_a_rehearsal_changes_nothing_and_writes_nothing(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    version = hasty.world.store.data_version()
    hasty.watch()
    assert hasty.haste.heed([wake.SOON])[1] is False
    assert hasty.world.row(sequence).state is State.READY
    assert hasty.world.store.data_version() == version
    assert "COMMIT" not in hasty.statements and hasty.haste.may()
    assert kinds(hasty) == []


# An instant that is about to come


def test_what_comes_due_is_promoted_and_claimed_in_one_commit_as_of_its_instant(hasty: Hasty) -> None:
    sequence = hasty.plan(round(LEAD * MICROSECONDS) - 500)
    due = hasty.world.row(sequence).due_at
    hasty.watch()
    assert hasty.haste.claim(due) == ([], True)
    assert hasty.given() == [sequence]
    assert hasty.statements.count("COMMIT") == 1 and hasty.statements.count("BEGIN") == 1
    row = hasty.world.row(sequence)
    assert (row.state, row.ready_on, row.modified_on) == (State.LOCKED, due, due)


def test_nobody_sees_anything_of_it_before_its_instant(hasty: Hasty, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = hasty.plan(round(LEAD * MICROSECONDS) - 500)
    due = hasty.world.row(sequence).due_at
    seen: list[tuple[bool, State]] = []
    with Store.open(hasty.world.store.database.config, SystemClock(), "user:other") as other:

        class Watched(Running):
            def now(self) -> int:
                instant = super().now()
                seen.append((instant < due, other.system_job(sequence).state))
                return instant

        clock = Watched(hasty.world.clock.instant)
        hasty.world.store.clock = clock
        hasty.haste.claim(due)
        assert clock.instant >= due
        seen.append((False, other.system_job(sequence).state))
    assert (True, State.SUSPENDED) in seen
    assert {state for early, state in seen if early} == {State.SUSPENDED}
    assert seen[-1] == (False, State.LOCKED)


def test_a_clock_set_back_meanwhile_leaves_everything_as_it_was(hasty: Hasty) -> None:
    sequence = hasty.plan(round(LEAD * MICROSECONDS) - 500)
    due = hasty.world.row(sequence).due_at

    class SetBack(Running):
        looks = 0

        def now(self) -> int:
            self.looks += 1
            return super().now() - (0 if self.looks < 3 else 60 * MICROSECONDS)

    hasty.world.store.clock = SetBack(hasty.world.clock.instant)
    assert hasty.haste.claim(due) == ([], False)
    assert hasty.world.row(sequence).state is State.SUSPENDED
    assert not any(runner.stored for runner in hasty.fleet.runners.values())
    hasty.world.store.clock = hasty.world.clock
    told = kinds(hasty)
    assert "work" not in told and "go" not in told
    assert told[-2:] == ["prepare", "forget"]
    assert hasty.given() == []


def test_after_an_instant_the_next_one_is_known_at_once(hasty: Hasty) -> None:
    first = hasty.plan(round(LEAD * MICROSECONDS) - 500)
    later = hasty.plan(MICROSECONDS)
    hasty.promoter.look(hasty.world.store)
    hasty.haste.claim(hasty.world.row(first).due_at)
    assert hasty.promoter.next_due == hasty.world.row(later).due_at
    assert (hasty.promoter.alarm or 0) > hasty.world.clock.instant  # it would ring at once, and cost a turn


def test_one_that_was_canceled_meanwhile_is_not_waited_for(hasty: Hasty) -> None:
    sequence = hasty.plan(round(LEAD * MICROSECONDS) - 500)
    due = hasty.world.row(sequence).due_at
    control.cancel(hasty.world.store, sequence)
    began = hasty.world.clock.instant
    assert hasty.haste.claim(due) == ([], False)
    assert hasty.world.clock.instant < due and began < due


class Jumping(FakeClock):
    """Its wall clock can be moved alone."""

    ahead = 0

    def now(self) -> int:
        return self.instant + self.ahead


def test_a_jump_between_the_look_and_the_transaction_is_doubted_too(hasty: Hasty) -> None:
    clock = Jumping(hasty.world.clock.instant)
    hasty.world.store.clock = hasty.promoter.clock = clock
    number = hasty.plan(MICROSECONDS)
    assert hasty.promoter.look(hasty.world.store) is False
    clock.ahead = 70 * 365 * 86400 * MICROSECONDS
    with hasty.world.store.write() as tx:
        assert hasty.promoter.promote(tx) == 0
    assert hasty.promoter.holding
    assert hasty.world.row(number).state is State.SUSPENDED
    clock.instant += 61 * MICROSECONDS  # the minute is over: it is believed
    with hasty.world.store.write() as tx:
        assert hasty.promoter.promote(tx) == 1
    assert hasty.world.row(number).state is State.READY


def test_the_daemon_wakes_a_moment_before_an_instant_and_only_once(hasty: Hasty) -> None:
    lead = round(LEAD * MICROSECONDS)
    hasty.plan(60 * MICROSECONDS)
    assert hasty.promoter.look(hasty.world.store) is False
    assert hasty.promoter.next_due is not None
    assert hasty.promoter.alarm == hasty.promoter.next_due - lead
    hasty.world.clock.instant = hasty.promoter.next_due - lead + 100
    assert hasty.promoter.alarm == hasty.promoter.next_due


@pytest.mark.parametrize(
    ("before", "imminent"), [(round(LEAD * MICROSECONDS) + 100, False), (500, True), (0, False), (-MICROSECONDS, False)]
)
def test_an_instant_is_imminent_for_that_moment_only(hasty: Hasty, before: int, imminent: bool) -> None:
    hasty.plan(60 * MICROSECONDS)
    hasty.promoter.look(hasty.world.store)
    assert hasty.promoter.next_due is not None
    hasty.world.clock.instant = hasty.promoter.next_due - before
    assert hasty.promoter.is_imminent is imminent


def test_an_instant_is_never_reached_early() -> None:
    clock = SystemClock()
    for ahead in (50, 500, 1500):
        instant = clock.now() + ahead
        assert wait_until(clock, instant, LEAD)
        assert clock.now() >= instant


def test_an_instant_far_ahead_is_not_waited_for() -> None:
    clock = FakeClock(START)
    assert not wait_until(clock, START + MICROSECONDS, LEAD)
    assert wait_until(clock, START, LEAD)


# The bell


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[wake.Ear]:
    ear = wake.Ear(tmp_path)
    with closing(ear.socket):
        yield ear


def heard(ear: wake.Ear) -> list[bytes]:
    ear.hear()
    return ear.take()


def test_a_commit_is_announced_unless_the_daemon_is_awake(ear: wake.Ear, tmp_path: Path) -> None:
    bell = wake.Bell(tmp_path)
    with closing(bell):
        bell.announce(100.0)
        assert heard(ear) == [wake.SOON]
        bell.ring(100.001)
        assert heard(ear) == [wake.NOW]
        bell.announce(100.002)
        assert heard(ear) == []
        bell.announce(100.1)
        bell.ring(100.101)
        bell.announce(100.2)
        assert heard(ear) == [wake.SOON, wake.NOW, wake.SOON]
        assert heard(ear) == []


def test_what_was_committed_counts_whatever_is_announced_besides(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    assert hasty.haste.heed([wake.SOON, wake.NOW, wake.SOON]) == ([], True)
    assert hasty.given() == [sequence]


def waiting(ear: wake.Ear) -> list[bytes]:
    words = []
    with suppress(BlockingIOError):
        while word := os.read(ear.fileno(), 16):
            words.append(word)
    return words


def test_each_write_of_an_idle_program_rings_once_and_announces_once(tmp_path: Path) -> None:
    config = Config(tmp_path / "home")
    with Store.open(config, SystemClock(), "user:alice") as store:
        with store.write():
            pass  # the home is there now
        ear = wake.Ear(config.run_directory)
        with closing(ear.socket):
            for _ in range(3):
                with store.write() as tx:
                    tx.id_of("user:bob")
            words = waiting(ear)
    assert words.count(wake.NOW) == 3
    assert words.count(wake.SOON) <= 3
