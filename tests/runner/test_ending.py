"""Timeout, cancel and pause: of whole process trees, whatever they try."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from jobctl.model import Status
from jobctl.processes import ProcessInfo
from jobctl.runner.loop import Loop
from jobctl.runner.tree import Ending, Tree, stands_still
from tests.conftest import ClockFile, wait_until
from tests.runner.harness import RunnerProcess

HOSTILE = {
    "polite": "sleep 999",
    "ignores TERM": "trap '' TERM; touch ready; while :; do sleep 0.05; done",
    "new sessions": "setsid sleep 999 & setsid setsid sleep 999 & touch ready; wait",
    "double fork": "(setsid sh -c 'sleep 999 & sleep 999' &); touch ready; sleep 999",
    "pipe holder": "sleep 999 & touch ready; wait",
    "stops itself": "touch ready; kill -STOP $$; sleep 999",
    "forks on and on": "touch ready; while :; do sleep 0.01 & done",
}


def start(runner: RunnerProcess, text: str, **changes: object) -> int:
    """Start a command and wait until it is where the test wants it."""
    ready = runner.home / "ready"
    ready.unlink(missing_ok=True)
    sequence = runner.start(text if "ready" in text else f"touch ready; {text}", **changes)
    wait_until(ready.exists)
    return sequence


def states(runner: RunnerProcess) -> str:
    # Asleep in the kernel with the stop pending is as good as stopped.
    return "".join(sorted({"T" if stands_still(member, asleep=True) else member.state for member in runner.members()}))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_cancel_ends_every_descendant(runner: RunnerProcess, text: str) -> None:
    sequence = start(runner, text, grace=0.2)
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    result = runner.daemon.outcome(sequence)
    assert runner.members() == []
    assert (result["status"], result["reason"]) == (Status.CANCELED, "user")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_pause_stops_every_descendant_and_continue_lets_it_go_on(runner: RunnerProcess, text: str) -> None:
    sequence = start(runner, text, grace=0.2)
    runner.daemon.send("pause", sequence=sequence)
    assert runner.daemon.wait("paused", sequence)["run_time"] > 0
    assert states(runner) == "T"
    runner.daemon.send("continue", sequence=sequence, claim=2)
    wait_until(lambda: "T" not in states(runner))
    runner.daemon.send("cancel", sequence=sequence, reason="daemon_stopped")
    assert runner.daemon.outcome(sequence)["reason"] == "daemon_stopped"
    assert runner.daemon.wait("end", sequence)["claim"] == 2
    assert runner.members() == []


def test_cancel_of_a_paused_run(runner: RunnerProcess) -> None:
    sequence = start(runner, "trap 'echo bye; exit 0' TERM; sleep 999 & touch ready; wait")
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    result = runner.daemon.outcome(sequence)
    assert (result["status"], result["exit_code"]) == (Status.CANCELED, 0)
    assert runner.log(sequence) == b"bye\n"


def test_what_dies_while_paused_keeps_its_own_result(runner: RunnerProcess) -> None:
    sequence = start(runner, "exec sleep 999")
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    os.kill(runner.members()[0].pid, signal.SIGKILL)
    result = runner.daemon.outcome(sequence)
    assert (result["reason"], result["signal"]) == ("signal", 9)


def test_requests_may_be_repeated(runner: RunnerProcess) -> None:
    sequence = start(runner, "sleep 999")
    for _ in range(2):
        runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)  # the second request may come while the first is under way
    for claim in (2, 3):
        runner.daemon.send("continue", sequence=sequence, claim=claim)
    for _ in range(2):
        runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
    for kind in ("pause", "continue", "cancel"):
        runner.daemon.send(kind, sequence=sequence, claim=9, reason="user")
    assert runner.run("true")["status"] == Status.SUCCEEDED
    assert [end["claim"] for end in runner.daemon.all("end", sequence)] == [3]


def test_timeout(runner: RunnerProcess) -> None:
    result = runner.run("sleep 999", timeout=0.2)
    assert (result["status"], result["reason"], result["message"]) == (Status.FAILED, "timeout", "timed out after 0.2s")
    assert 200_000 <= result["run_time"] < 2_000_000


def test_timeout_reaches_those_who_ignore_it(runner: RunnerProcess) -> None:
    result = runner.run("trap '' TERM; (trap '' TERM; setsid sleep 999); sleep 999", timeout=0.2, grace=0.2)
    assert (result["reason"], result["signal"]) == ("timeout", 9)
    assert runner.members() == []


def test_the_grace_is_for_the_whole_tree(runner: RunnerProcess) -> None:
    clean = "trap 'sleep 0.3; echo cleaned; exit' TERM; touch ready; while :; do sleep 0.01; done"
    sequence = start(runner, f'sh -c "{clean}" & wait')
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
    assert runner.log(sequence, stream=1) == b"cleaned\n"


def test_one_reason_when_timeout_and_end_meet(runner: RunnerProcess) -> None:
    works = [runner.work(argv=["/bin/sleep", "0.02"], timeout=0.02) for _ in range(50)]
    runner.submit(*works)
    for work in works:
        result = runner.daemon.outcome(work["sequence"], 20)
        assert (result["reason"], result["exit_code"]) in ((None, 0), ("timeout", 0), ("timeout", None))
    assert len(runner.daemon.all("end")) == 50


def test_cancel_during_the_grace_of_a_timeout_wins(runner: RunnerProcess) -> None:
    sequence = start(
        runner, "trap 'touch told' TERM; touch ready; while :; do sleep 0.01; done", timeout=0.1, grace=1.0
    )
    wait_until((runner.home / "told").exists)
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    assert runner.daemon.outcome(sequence)["status"] == Status.CANCELED


def test_paused_time_does_not_count(timed_runner: RunnerProcess, clock_file: ClockFile) -> None:
    runner = timed_runner
    sequence = start(runner, "sleep 999", timeout=3600.0)
    clock_file.advance(3000)
    runner.daemon.send("pause", sequence=sequence)
    ran = runner.daemon.wait("paused", sequence)["run_time"]
    clock_file.advance(100_000)
    runner.daemon.send("continue", sequence=sequence, claim=2)
    wait_until(lambda: states(runner) == "S")
    assert not runner.daemon.all("end", sequence)
    clock_file.advance(590)
    runner.daemon.send("pause", sequence=sequence)
    wait_until(lambda: len(runner.daemon.all("paused", sequence)) == 2)
    assert runner.daemon.all("paused", sequence)[1]["run_time"] - ran < 600_000_000
    runner.daemon.send("continue", sequence=sequence, claim=3)
    clock_file.advance(20)
    result = runner.daemon.outcome(sequence)
    assert (result["reason"], result["message"]) == ("timeout", "timed out after 3600s")
    assert 3_600_000_000 <= result["run_time"] < 3_700_000_000


def test_what_ended_before_the_cancel_keeps_its_result(runner: RunnerProcess) -> None:
    sequence = start(runner, "until [ -e gate ]; do sleep 0.01; done; exit 7")
    os.kill(runner.process.pid, signal.SIGSTOP)
    (runner.home / "gate").touch()
    wait_until(lambda: runner.members() == [])
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    os.kill(runner.process.pid, signal.SIGCONT)
    assert runner.daemon.outcome(sequence)["exit_code"] == 7


def test_cancel_of_what_has_not_begun_prevents_it(runner: RunnerProcess) -> None:
    first, second, third = (runner.work(argv=["/bin/sh", "-c", "touch ready; sleep 999"]) for _ in range(3))
    runner.submit(first, second, third)
    runner.daemon.wait("begin", first["sequence"])
    runner.daemon.send("cancel", sequence=second["sequence"], reason="user")
    result = runner.daemon.outcome(second["sequence"])
    assert (result["status"], result["reason"], result["log_bytes"]) == (Status.CANCELED, "user", 0)
    runner.daemon.send("pause", sequence=third["sequence"])
    assert runner.daemon.wait("returned")["sequences"] == [third["sequence"]]
    runner.daemon.send("cancel", sequence=first["sequence"], reason="user")
    runner.daemon.outcome(first["sequence"])
    assert [begin["sequence"] for begin in runner.records("begin")] == [first["sequence"]]


class Immortal(Tree):
    """A tree with a member that no signal reaches, as in an uninterruptible sleep."""

    def __init__(self) -> None:
        super().__init__(os.getpid())

    def is_gone(self) -> bool:
        return False

    def signal(self, *numbers: int) -> list[ProcessInfo]:
        return [ProcessInfo(2, 1, "D", 2, 2, 0)]


def test_what_survives_a_kill_for_a_minute_is_stuck(clock_file: ClockFile) -> None:
    from jobctl.clock import system_clock

    loop = Loop(system_clock())
    stuck: list[int] = []
    Ending(loop, Immortal(), patience=0.0, grace=10.0, stuck=stuck.append)
    for seconds in (9, 2, 58):
        clock_file.advance(seconds)
        loop.turn(wait=True)
        assert stuck == []
    clock_file.advance(5)
    loop.turn(wait=True)
    assert stuck == [1]


def test_ctrl_c_and_friends_do_not_end_the_runner(runner: RunnerProcess) -> None:
    sequence = start(runner, "sleep 0.2; echo undisturbed")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        runner.process.send_signal(number)
    assert runner.daemon.outcome(sequence)["status"] == Status.SUCCEEDED
    assert runner.log(sequence) == b"undisturbed\n"


def test_a_fork_bomb_is_ended(runner: RunnerProcess) -> None:
    bomb = "import os, time\nfor _ in range(7):\n    os.fork()\nopen('ready', 'w').close()\ntime.sleep(999)\n"
    sequence = runner.submit(runner.work(argv=[sys.executable, "-I", "-S", "-c", bomb], grace=0.0))
    wait_until(lambda: len(runner.members()) > 50)
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
    assert runner.members() == []


def test_a_home_with_a_long_name(home: Path) -> None:
    runner = RunnerProcess(home / ("x" * 120))
    try:
        assert runner.run("true")["status"] == Status.SUCCEEDED
        assert runner.socket_path.stat().st_mode & 0o777 == 0o600
        assert runner.journal.stat().st_mode & 0o777 == 0o600
    finally:
        runner.close()
