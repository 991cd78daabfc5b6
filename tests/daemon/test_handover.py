"""Handing over around the commit of a claim: prepared before it, let go after it, or forgotten."""

from __future__ import annotations

import apsw
import pytest

from jobctl import claiming, control
from jobctl.assignment import Runner
from jobctl.fleet import Message
from jobctl.model import State
from tests.daemon.hands import Hasty, kinds


def test_a_runner_is_told_before_the_commit_and_let_go_after_it(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    told: list[tuple[bool, str]] = []
    send = hasty.fleet.send

    def noted(runner: Runner, message: Message) -> None:
        told.append((hasty.world.store.database.in_transaction, message["k"]))
        send(runner, message)

    hasty.fleet.send = noted  # type: ignore[method-assign]
    hasty.haste.claim()
    assert told == [(True, "define"), (True, "prepare"), (False, "go")]
    assert hasty.given() == [sequence]


@pytest.mark.parametrize("why", ["large data", "environment of the daemon"])
def test_what_takes_more_than_a_message_is_handed_over_after_the_commit(hasty: Hasty, why: str) -> None:
    data = '"' + "x" * (claiming.INLINE + 1) + '"' if why == "large data" else None
    hasty.job("special", None, environment_from_daemon=() if data else ("PATH",))
    sequence = control.submit(hasty.world.store, "special", data=data).sequence
    claimed, found = hasty.haste.claim()
    assert [one.sequence for one in claimed] == [sequence] and found
    hasty.handover.hand_over(claimed)
    assert hasty.given() == [sequence]
    told = kinds(hasty)
    assert "prepare" not in told and "work" in told


def test_what_could_not_be_committed_is_forgotten(hasty: Hasty) -> None:
    (sequence,) = hasty.submit("job")
    connection = hasty.world.store.database.connection
    connection.set_commit_hook(lambda: True)  # every commit fails
    with pytest.raises(apsw.ConstraintError):
        hasty.haste.claim()
    connection.set_commit_hook(None)
    assert kinds(hasty)[-1] == "forget" and hasty.given() == []
    assert hasty.world.row(sequence).state is State.READY
    hasty.haste.claim()
    assert hasty.given() == [sequence]


def test_several_jobs_are_prepared_for_one_runner_and_begin_at_one_word(hasty: Hasty) -> None:
    for name in ("a", "b"):
        hasty.job(name, 0.001)
    numbers = hasty.submit("a", "b", "a", "b", "b", "a", "a")
    hasty.haste.claim()
    assert sorted(hasty.given()) == numbers
    for name in hasty.ends:
        told = hasty.messages(name)
        held = [run[1] for message in told if message["k"] == "prepare" for run in message["runs"]]
        assert held == list(hasty.fleet.runners[name].given)
        assert [message["k"] for message in told].count("go") == 1 and told[-1]["k"] == "go"
