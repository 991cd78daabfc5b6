"""What was claimed in the commit that submitted it, when its daemon or its runner is gone before it hears of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jobctl import offer
from tests.conftest import Daemon, StartDaemon, wait_until
from tests.end_to_end.witness import Witness, runners

StopAtGuest = Callable[[], tuple[Daemon, int]]


@pytest.fixture
def stopped_at_guest(daemon: StartDaemon, witness: Witness, home: Path) -> StopAtGuest:
    """A daemon of one slot that stands still, and what was claimed for its runner meanwhile."""

    def stop() -> tuple[Daemon, int]:
        witness.add("job", "true")
        first = daemon("--slots", 1)
        assert witness.ending(witness.run("job")) == ("succeeded", None)
        wait_until(lambda: any((home / "run" / offer.NAME).read_bytes()), what="an offer")
        first.send(signal.SIGSTOP)
        number = witness.run("job")
        row = witness.row(number)
        assert (row["state"], row["started_on"], row["attempt"]) == ("locked", None, 0)
        return first, number

    return stop


def ran_once(witness: Witness, number: int) -> None:
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"]) == ("succeeded", 1)
    assert len(witness.lines("S", number)) == 1


def test_it_runs_when_the_daemon_goes_on(stopped_at_guest: StopAtGuest, witness: Witness) -> None:
    first, number = stopped_at_guest()
    after = [witness.run("job") for _ in range(2)]
    assert [witness.row(other)["state"] for other in after] == ["ready"] * 2
    first.send(signal.SIGCONT)
    witness.ended(number, *after)
    assert [int(line.split()[1]) for line in witness.lines("S")][1:] == [number, *after], "in their order"


def test_the_next_daemon_runs_it_when_this_one_is_killed(
    stopped_at_guest: StopAtGuest, witness: Witness, daemon: StartDaemon
) -> None:
    first, number = stopped_at_guest()
    first.kill()
    daemon()
    ran_once(witness, number)


def test_the_next_daemon_runs_it_when_this_one_is_replaced(
    stopped_at_guest: StopAtGuest, witness: Witness, daemon: StartDaemon
) -> None:
    first, number = stopped_at_guest()
    second = daemon("--takeover", ready=False)
    first.send(signal.SIGCONT)
    ran_once(witness, number)
    assert second.alive


def test_it_is_ready_again_when_the_daemon_is_told_to_stop_before_it_heard(
    stopped_at_guest: StopAtGuest, witness: Witness, daemon: StartDaemon
) -> None:
    first, number = stopped_at_guest()
    first.send(signal.SIGTERM)
    first.send(signal.SIGCONT)
    assert first.wait() == 0
    assert witness.row(number)["state"] == "ready" and not witness.lines("S", number)
    daemon()
    ran_once(witness, number)


def test_another_runner_takes_it_when_its_own_is_killed(
    stopped_at_guest: StopAtGuest, witness: Witness, home: Path
) -> None:
    first, number = stopped_at_guest()
    (runner,) = runners(home)
    os.kill(runner, signal.SIGKILL)
    first.send(signal.SIGCONT)
    ran_once(witness, number)


@pytest.mark.parametrize("verb", [("cancel",), ("delete", "--force")])
def test_what_is_not_wanted_any_more_never_begins(
    stopped_at_guest: StopAtGuest, witness: Witness, verb: tuple[str, ...]
) -> None:
    first, number = stopped_at_guest()
    witness.jobctl(*verb, number, expect=0)
    first.send(signal.SIGCONT)
    if verb == ("cancel",):
        assert witness.ending(number) == ("canceled", "user")
    else:
        wait_until(lambda: witness.jobctl("show", number).returncode != 0, what="it is gone")
    assert not witness.lines("S", number)


def test_nobody_comes_that_way_once_the_daemon_has_left(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "true")
    first = daemon()
    assert witness.ending(witness.run("job")) == ("succeeded", None)
    first.kill()
    number = witness.run("job")
    assert witness.row(number)["state"] == "ready"
    daemon()
    ran_once(witness, number)
