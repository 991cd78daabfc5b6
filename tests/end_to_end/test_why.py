"""`jobctl why` with a real daemon and real processes: its last line is typed in, and things change."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobctl import presence
from jobctl.clock import MICROSECONDS, system_clock
from jobctl.config import Config
from jobctl.model import State, Status
from jobctl.store import Store
from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import submit
from tests.end_to_end.witness import runners

pytestmark = pytest.mark.thorough

AT_ONCE = ("--shutdown-timeout", "0s")
"""At the end of a test nobody waits for what runs."""


class Asked:
    """What `jobctl why` said of something."""

    def __init__(self, jobctl: Jobctl, subject: object) -> None:
        self.jobctl = jobctl
        found = jobctl("why", subject, "--json", expect=0).json["why"]
        self.reasons: list[dict[str, Any]] = found["reasons"]
        self.command: str | None = found["command"]

    @property
    def code(self) -> str:
        return str(self.reasons[0]["code"])

    def reason(self, code: str) -> dict[str, Any]:
        return next(reason for reason in self.reasons if reason["code"] == code)

    def says(self, text: str) -> bool:
        return any(text in reason["text"] for reason in self.reasons)

    def obey(self, **filled_in: str) -> str:
        """Type in the command it proposes; what that printed."""
        assert self.command is not None
        words = shlex.split(self.command)
        return self.jobctl(*[filled_in.get(word, word) for word in words[1:]], expect=0).stdout


@pytest.fixture
def why(jobctl: Jobctl) -> Callable[[object], Asked]:
    return lambda subject: Asked(jobctl, subject)


Why = Callable[[object], Asked]


class Rows:
    """What the store says, read here: asking it over and over by a command would take most of the time."""

    def __init__(self, jobctl: Jobctl) -> None:
        self.jobctl = jobctl
        self.store = Store.open(Config(Path(jobctl.environment["JOBCTL_HOME"])), system_clock(), "user:test")

    def reason(self, number: int, reason: str) -> None:
        """Once it has that reason."""
        wait_until(lambda: getattr(self.now(number), "reason", None) == reason, what=f"{number} is {reason}")

    def now(self, number: int) -> Any:
        return self.store.find_system_job(number)

    def runs(self, number: int) -> None:
        """Once it runs."""

        def begun() -> bool:
            row = self.now(number)
            return bool(row.status is Status.IN_PROGRESS and row.started_on is not None)

        wait_until(begun, what=f"{number} runs")

    def begin(self, *args: object) -> int:
        """A new one that runs."""
        number = submit(self.jobctl, *args)
        self.runs(number)
        return number

    def ended(self, number: int) -> Status:
        """How it ended, once it did."""
        wait_until(lambda: self.now(number).state is State.COMPLETED, what=f"{number} is completed")
        found: Status = self.now(number).status
        return found

    def succeeded(self, number: int) -> bool:
        return self.ended(number) is Status.SUCCEEDED


@pytest.fixture
def rows(jobctl: Jobctl) -> Iterator[Rows]:
    made = Rows(jobctl)
    yield made
    made.store.close()


def test_no_daemon(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    number = submit(jobctl, "--", "true")
    asked = why(number)
    assert (asked.code, asked.command) == ("no_daemon", "jobctl daemon") and asked.says("no daemon has ever run here")
    one = daemon(*AT_ONCE)
    assert rows.succeeded(number)
    one.stop()
    later = submit(jobctl, "--", "true")
    assert why(later).says("no daemon is running; the last one stopped at ")
    daemon(*AT_ONCE)
    assert rows.succeeded(later)


def test_missed_because_the_daemon_was_killed(
    jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, clock_file: ClockFile, home: Path
) -> None:
    """It left no word; its last sign of life tells how long there was none."""
    one = daemon(*AT_ONCE)
    jobctl("add", "hourly", "--every", "1h", "--start", "in 1h", "--catch-up", "none", "--", "true", expect=0)
    clock_file.advance(1800)
    killed_at = system_clock().now()
    config = Config(home)
    wait_until(lambda: (presence.last_seen(config) or 0) >= killed_at - MICROSECONDS, what="a sign of life")
    one.kill()
    clock_file.advance(3600)
    asked = why("hourly")
    assert asked.code == "no_daemon" and asked.says("the last one was last seen alive at ")
    assert asked.command == "jobctl daemon"
    daemon(*AT_ONCE)
    rows.reason(1, "missed")
    asked = why(1)
    assert asked.code == "missed" and asked.command == "jobctl rerun 1"
    absent = asked.reason("daemon_absent")
    since, until = (datetime.fromisoformat(absent[name]).timestamp() for name in ("since", "until"))
    assert abs(since - killed_at / MICROSECONDS) < 10 and 3590 < until - since < 3630
    assert rows.succeeded(int(asked.obey().split()[0]))


def test_what_people_did(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    daemon(*AT_ONCE)
    number = rows.begin("--", "sleep", "100")
    for request, code in ((["pause"], "paused"), (["postpone", "--for", "1h"], "postponed")):
        jobctl(*request, number, "--wait", expect=0)
        asked = why(number)
        assert (asked.code, asked.command) == (code, f"jobctl resume {number}")
        asked.obey()
        rows.runs(number)
    assert why(number).says("let it go on")
    jobctl("cancel", number, "--wait", expect=0)
    asked = why(number)
    assert asked.code == "canceled" and asked.reasons[0]["actor"].startswith("user:")
    again = int(asked.obey().split()[0])
    rows.runs(again)
    assert why(again).says(f"had {number} run again")


def test_what_others_take(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    """A token, a job's limit, and the slots."""
    daemon("--slots", 3, *AT_ONCE)
    jobctl("add", "disk", "--token", "disk", "--", "sleep", "100", expect=0)
    jobctl("add", "limited", "--concurrency", 1, "--", "sleep", "100", expect=0)
    holder, waiting = rows.begin("disk"), submit(jobctl, "disk")
    asked = why(waiting)
    assert (asked.code, asked.command) == ("token", f"jobctl cancel {holder}")
    asked.obey()
    rows.runs(waiting)
    first, second = rows.begin("limited"), submit(jobctl, "limited")
    asked = why(second)
    assert (asked.code, asked.command) == ("concurrency", f"jobctl pause {first}")
    asked.obey()
    rows.runs(second)
    last = rows.begin("--", "sleep", "100")
    crowded = submit(jobctl, "--", "true")
    asked = why(crowded)
    assert asked.code == "slots" and asked.reasons[0]["running"] == [waiting, second, last]
    assert asked.command == f"jobctl pause {last}"
    asked.obey()
    assert rows.succeeded(crowded)


def test_what_cannot_start(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, tmp_path: Path) -> None:
    """A program that is not there, a module that is not there, data that do not fit: mended, the command helps."""
    daemon(*AT_ONCE)
    program, module = tmp_path / "tool", tmp_path / "bills.py"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    jobctl("add", "tool", "--", program, expect=0)
    program.unlink()
    code = "def pay(month):\n    return month\n"
    module.write_text(code)
    jobctl("add", "pay", "--callable", "bills:pay", "--cwd", tmp_path, "--python", sys.executable, expect=0)
    module.rename(tmp_path / "elsewhere")
    numbers = [submit(jobctl, "tool"), submit(jobctl, "pay", "--data", '{"month": 1}')]
    for number in numbers:
        rows.ended(number)
    for number in numbers:
        asked = why(number)
        assert (asked.code, asked.command) == ("refused_at_start", f"jobctl rerun {number}"), asked.reasons
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    module.write_text(code)
    for number in numbers:
        assert rows.succeeded(int(why(number).obey().split()[0]))
    unfit = submit(jobctl, "pay", "--data", '{"year": 1}')
    rows.ended(unfit)
    asked = why(unfit)
    assert (asked.code, asked.command) == ("refused_at_start", "jobctl run pay --data JSON")
    assert rows.succeeded(int(asked.obey(JSON='{"month": 2}')))


def test_what_failed_and_is_tried_again(
    jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, tmp_path: Path
) -> None:
    daemon(*AT_ONCE)
    flag = tmp_path / "flag"
    options = ("--retries", 1, "--retry-delay", "1h")
    jobctl("add", "flaky", *options, "--command", f"[ -e {flag} ] || exit 7", expect=0)
    number = submit(jobctl, "flaky")
    rows.reason(number, "retrying")
    asked = why(number)
    assert (asked.code, asked.command) == ("retry", f"jobctl resume {number}") and asked.says(
        "(exit code 7); retry 1 of 1"
    )
    asked.obey()
    rows.ended(number)
    asked = why(number)
    assert asked.code == "failed" and asked.says("its retry was used up") and asked.says("attempt 1 failed at ")
    flag.touch()
    assert rows.succeeded(int(asked.obey().split()[0]))


def test_lost_three_times(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, home: Path) -> None:
    daemon(*AT_ONCE)
    jobctl("add", "fragile", "--on-lost", "retry", "--", "sleep", "100", expect=0)
    number = rows.begin("fragile")
    for losses in (1, 2, 3):
        runner = next(pid for pid, name in runners(home).items() if holds(home, name, number))
        os.kill(runner, signal.SIGKILL)
        wait_until(partial(lost, rows, number, losses), what=f"loss {losses} is recorded")
    asked = why(number)
    assert (asked.code, asked.command) == ("held_lost", f"jobctl resume {number}")
    asked.obey()
    rows.runs(number)


def lost(rows: Rows, number: int, losses: int) -> bool:
    """Whether it was lost so often, and runs again or is held."""
    row = rows.now(number)
    return bool(row.reason == "held" if losses == 3 else row.started_on and row.attempt > losses)


def holds(home: Path, runner: str, number: int) -> bool:
    """Whether that runner has begun the system job, by its journal."""
    try:
        return f'"sequence":{number}'.encode() in (home / "run" / f"{runner}.journal").read_bytes().replace(b" ", b"")
    except OSError:
        return False


def test_skipped_because_of_the_one_before(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    daemon(*AT_ONCE)
    jobctl("add", "slow", "--every", "1s", "--count", 3, "--command", "sleep 100", expect=0)
    rows.reason(2, "overlap")
    asked = why(2)
    assert (asked.code, asked.reasons[0]["system_jobs"], asked.command) == ("overlap", [1], "jobctl rerun 2")
    jobctl("cancel", 1, expect=0)
    again = int(asked.obey().split()[0])
    rows.runs(again)


def test_after_another_and_an_event(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    daemon(*AT_ONCE)
    first = submit(jobctl, "--on-event", "go ahead", "--", "true")
    second = submit(jobctl, "--after", first, "--", "true")
    asked = why(second)
    assert (asked.code, asked.command) == ("after", "jobctl emit 'go ahead'")
    assert why(first).command == asked.command
    asked.obey()
    assert rows.succeeded(second)
    assert why(second).says(f"it came after {first} true")
    assert jobctl("show", second, "--json").json["system_job"]["after"][0]["met_on"] is not None


def test_a_daemon_that_stands_still(
    jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, clock_file: ClockFile
) -> None:
    one = daemon(*AT_ONCE)
    one.send(signal.SIGSTOP)
    number = submit(jobctl, "--", "true")
    clock_file.advance(300)
    asked = why(number)
    assert (asked.code, asked.command) == ("daemon_stands_still", "jobctl daemon --takeover")
    daemon("--takeover", *AT_ONCE)
    assert rows.succeeded(number)
    assert why(number).says("the daemon or its machine stood still from ")


def test_a_daemon_that_waits_for_what_runs(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows) -> None:
    one = daemon("--drain")
    number = rows.begin("--", "sleep", "100")
    one.send(signal.SIGTERM)
    wait_until(lambda: "stopping" in one.output)
    waiting = submit(jobctl, "--", "true")
    wait_until(lambda: why(waiting).code == "daemon_stopping", what="it is told")
    jobctl("cancel", number, expect=0)
    assert one.wait() == 0
    asked = why(waiting)
    assert (asked.code, asked.command) == ("no_daemon", "jobctl daemon")
    daemon(*AT_ONCE)
    assert rows.succeeded(waiting)


def test_a_jump_of_the_clock(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, clock_file: ClockFile) -> None:
    daemon(*AT_ONCE)
    number = submit(jobctl, "--at", "in 25h", "--", "true")
    clock_file.set(wall=30 * 3600.0)
    wait_until(lambda: why(number).code == "clock_jump", what="the jump is seen")
    asked = why(number)
    assert asked.command == f"jobctl resume {number}" and asked.says("jumped ahead by 1d 6h")
    asked.obey()
    assert rows.succeeded(number)


def test_a_machine_that_slept(jobctl: Jobctl, daemon: StartDaemon, why: Why, rows: Rows, clock_file: ClockFile) -> None:
    daemon(*AT_ONCE)
    jobctl("add", "often", "--every", "10m", "--start", "in 10m", "--catch-up", "none", "--", "true", expect=0)
    slept_from = datetime.now().astimezone()
    clock_file.advance(1500)
    rows.reason(1, "missed")
    asked = why(1)
    still = asked.reason("daemon_stood_still")
    since, until = (datetime.fromisoformat(still[name]) for name in ("since", "until"))
    assert abs(since - slept_from) < timedelta(seconds=10) and abs(until - since - timedelta(seconds=1500)) < timedelta(
        seconds=10
    )
