"""A pause is real: the whole tree stands still, through the daemon's death, and goes on where it was."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import check_nothing_left, ended, show, submit
from tests.end_to_end.witness import is_alive, state_of

pytestmark = pytest.mark.thorough

HOUR = 3600.0
TREE = """
import os, signal, sys, time
from pathlib import Path

here, manners = Path(sys.argv[1]), sys.argv[2]
name = "parent"
for child in ("child", "grandchild"):
    if os.fork():
        break
    name = child
if name == "grandchild":
    os.setsid()  # out of reach for whoever signals a group or a session
def goodbye(*_):
    (here / f"{name}.bye").touch()
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if manners == "rude" else goodbye)
(here / f"{name}.pid").write_text(str(os.getpid()))
steps, step = open(here / f"{name}.steps", "a", buffering=1), 0
while not (here / "stop").exists():
    step += 1
    steps.write(f"{step}\\n")
    time.sleep(0.01)
if name != "grandchild":
    os.wait()
"""
MOMENT = "import time\nfor _ in range(30): time.sleep(0.01)"
"""In this time an unpaused tree makes about thirty steps."""


class Tree:
    """A system job of three processes, each of which counts its steps in a file of its own."""

    NAMES = ("parent", "child", "grandchild")

    def __init__(self, jobctl: Jobctl, here: Path, *options: object, manners: str = "polite") -> None:
        self.jobctl = jobctl
        self.here = here
        here.mkdir()
        (here / "tree.py").write_text(TREE)
        argv = [sys.executable, here / "tree.py", here, manners]
        jobctl("add", "tree", *options, "--", *argv, expect=0)
        self.number = submit(jobctl, "tree")
        self.goes_on(dict.fromkeys(self.NAMES, 0))

    def steps(self) -> dict[str, int]:
        """How many steps each process has made; fails if one was left out or made twice."""
        found = {}
        for name in self.NAMES:
            path = self.here / f"{name}.steps"
            lines = path.read_text().splitlines() if path.exists() else []
            assert lines == [str(number) for number in range(1, len(lines) + 1)], f"{name}: {lines}"
            found[name] = len(lines)
        return found

    def goes_on(self, since: dict[str, int]) -> None:
        wait_until(
            lambda: all(count > since[name] for name, count in self.steps().items()), what="every process goes on"
        )

    def stands_still(self) -> dict[str, int]:
        """Not one step in a moment, and every process stopped by the kernel; the steps."""
        before = self.steps()
        subprocess.run([sys.executable, "-c", MOMENT], check=True)
        assert self.steps() == before
        assert {name: state_of(pid) for name, pid in self.pids().items()} == dict.fromkeys(self.NAMES, "T")
        return before

    def pids(self) -> dict[str, int]:
        return {name: int((self.here / f"{name}.pid").read_text()) for name in self.NAMES}

    def row(self) -> dict[str, Any]:
        return show(self.jobctl, self.number)

    def standing(self) -> tuple[str, str | None]:
        row = self.row()
        return row["status"], row["reason"]

    def finish(self) -> dict[str, Any]:
        """Let it come to its own end; how it ended."""
        (self.here / "stop").touch()
        row = ended(self.jobctl, [self.number])[self.number]
        self.steps()
        assert (row["status"], row["exit_code"], row["attempt"], row["message"]) == ("succeeded", 0, 1, None)
        return row


def test_a_paused_tree_stands_still_through_the_death_of_the_daemon_and_loses_no_step(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path, home: Path
) -> None:
    first = daemon("--slots", 1)
    tree = Tree(jobctl, tmp_path / "tree")
    jobctl("pause", tree.number, "--wait", expect=0)
    seen = tree.stands_still()
    jobctl("run", "--wait", "--", "true", expect=0)  # in the only slot, which is free
    first.kill()
    assert tree.stands_still() == seen
    second = daemon("--slots", 1)
    jobctl("run", "--wait", "--", "true", expect=0)
    assert tree.stands_still() == seen and tree.standing() == ("waiting", "paused")
    second.kill()
    assert jobctl("resume", tree.number, expect=0).stderr == "no daemon is running; start: jobctl daemon\n"
    assert tree.stands_still() == seen
    daemon("--slots", 1)
    tree.goes_on(seen)
    assert tree.standing() == ("in_progress", None)
    tree.finish()
    check_nothing_left(home)


def test_a_pause_asked_for_without_a_daemon_takes_effect_with_the_next_one(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path
) -> None:
    first = daemon()
    tree = Tree(jobctl, tmp_path / "tree")
    first.kill()
    assert "no daemon is running" in jobctl("pause", tree.number, expect=0).stderr
    assert tree.standing() == ("pausing", None)
    tree.goes_on(tree.steps())
    daemon()
    wait_until(lambda: tree.standing() == ("waiting", "paused"))
    seen = tree.stands_still()
    jobctl("resume", tree.number, "--wait", expect=0)
    tree.goes_on(seen)
    tree.finish()


def test_the_timeout_does_not_run_while_it_stands(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile, tmp_path: Path
) -> None:
    first = daemon()
    tree = Tree(jobctl, tmp_path / "tree", "--timeout", "10m", "--grace", "1h")
    jobctl("pause", tree.number, "--wait", expect=0)
    clock_file.advance(HOUR)
    seen = tree.stands_still()
    first.kill()
    clock_file.advance(HOUR)
    assert tree.stands_still() == seen
    daemon()
    jobctl("resume", tree.number, "--wait", expect=0)
    tree.goes_on(seen)
    clock_file.advance(HOUR)
    row = ended(jobctl, [tree.number])[tree.number]
    assert (row["status"], row["reason"]) == ("failed", "timeout"), "what it runs after the pause still counts"
    assert HOUR <= row["execution_time_span"] < HOUR + 60


def test_the_time_it_stood_is_not_part_of_the_time_it_took(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile, tmp_path: Path
) -> None:
    daemon()
    tree = Tree(jobctl, tmp_path / "tree")
    jobctl("pause", tree.number, "--wait", expect=0)
    clock_file.advance(HOUR)
    jobctl("resume", tree.number, "--wait", expect=0)
    row = tree.finish()
    assert row["execution_time_span"] < 60
    assert moment(row["completed_on"]) - moment(row["started_on"]) >= HOUR


def moment(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


@pytest.mark.parametrize("manners", ["polite", "rude"])
def test_a_paused_one_is_canceled_within_its_grace(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path, home: Path, manners: str
) -> None:
    """It is let go on to say goodbye, and killed when it does not."""
    daemon()
    grace = 60.0 if manners == "polite" else 0.5
    tree = Tree(jobctl, tmp_path / "tree", "--grace", f"{grace}s", manners=manners)
    jobctl("pause", tree.number, "--wait", expect=0)
    tree.stands_still()
    found = jobctl("cancel", tree.number, expect=0)
    assert found.stdout == f"{tree.number} tree: canceling\n"
    row = ended(jobctl, [tree.number])[tree.number]
    assert (row["status"], row["reason"], row["signal"]) == ("canceled", "user", None if manners == "polite" else 9)
    (asked,) = [
        event["at"] for event in jobctl("show", tree.number, "--json").json["events"] if event["kind"] == "cancel"
    ]
    took = moment(row["completed_on"]) - moment(asked)
    assert took < 10 if manners == "polite" else grace <= took < grace + 10
    assert all((tree.here / f"{name}.bye").exists() == (manners == "polite") for name in tree.NAMES)
    assert not any(map(is_alive, tree.pids().values()))
    check_nothing_left(home)


@pytest.mark.parametrize("restart", ["no", "before the instant", "after the instant"])
def test_a_postponed_tree_goes_on_by_itself_at_its_instant(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile, tmp_path: Path, restart: str
) -> None:
    one = daemon("--slots", 1)
    tree = Tree(jobctl, tmp_path / "tree", "--timeout", "10m")
    jobctl("postpone", tree.number, "--for", "1h", "--wait", expect=0)
    row = tree.row()
    assert (row["status"], row["reason"]) == ("waiting", "postponed")
    assert row["postpone_until"] == row["due_at"] and moment(row["due_at"]) - moment(row["started_on"]) >= HOUR
    seen = tree.stands_still()
    if restart != "no":
        one.kill()
    if restart == "before the instant":
        daemon("--slots", 1)
    clock_file.advance(HOUR - 120)
    if restart != "after the instant":
        jobctl("run", "--wait", "--", "true", expect=0)
    assert tree.stands_still() == seen, "it is not yet time"
    clock_file.advance(120)
    if restart == "after the instant":
        assert tree.stands_still() == seen, "nobody is there to let it go on"
        daemon("--slots", 1)
    tree.goes_on(seen)
    wait_until(lambda: tree.standing() == ("in_progress", None))
    assert tree.row()["postpone_until"] is None
    assert tree.finish()["execution_time_span"] < 60
