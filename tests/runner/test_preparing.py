"""Orders that come before the claim is committed: got ready, and begun at a word only."""

from __future__ import annotations

import os
from typing import Any

import pytest

from jobctl.model import Status
from jobctl.processes import members_of_run
from jobctl.runner import journal
from jobctl.runner.journal import read
from jobctl.runner.protocol import Message
from tests.conftest import wait_until
from tests.runner.calls import call, numbers, outcomes, warm, witness
from tests.runner.harness import RunnerProcess


def noted(runner: RunnerProcess) -> list[int]:
    """The runs that are written down as given to the worker."""
    found: dict[int, int] = {}
    for record in journal.plain(runner.journal):
        if record["k"] == "fed":
            found |= {ordinal: sequence for ordinal, sequence, *_ in record["runs"]}
        elif record["k"] == "unfed":
            for ordinal in record["ordinals"]:
                found.pop(ordinal)
    return list(found.values())


def test_what_is_prepared_is_written_down_and_begins_at_a_word_only(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "witness") for _ in range(3)]
    runner.daemon.prepare(*works)
    wait_until(lambda: noted(runner) == numbers(works))
    runner.daemon.send("take_back", sequences=[])  # answered after all before it
    runner.daemon.wait("returned")
    assert witness(runner) == []
    runner.daemon.send("go")
    assert {outcome["status"] for outcome in outcomes(runner, works)} == {Status.SUCCEEDED}
    assert witness(runner) == numbers(works)


@pytest.mark.parametrize("how", ["forgotten", "replaced", "lost", "killed"])
def test_what_was_prepared_and_never_committed_has_not_begun(runner: RunnerProcess, how: str) -> None:
    warm(runner)
    work = call(runner, "witness")
    runner.daemon.prepare(work)
    wait_until(lambda: noted(runner) == numbers([work]))
    if how == "forgotten":
        runner.daemon.send("forget")
        runner.daemon.send("go")
    elif how == "replaced":
        runner.daemon = runner.adopt()
        runner.daemon.send("go")
    elif how == "lost":
        runner.daemon.close()
        assert runner.process.wait(10) == 0
    else:
        runner.process.kill()
        runner.process.wait()
        wait_until(lambda: not members_of_run(runner.process.pid, runner.name))
    if how in ("forgotten", "replaced"):
        wait_until(lambda: noted(runner) == [])
        assert runner.daemon.outcome(runner.submit(call(runner, "witness")))["status"] == Status.SUCCEEDED
    assert work["sequence"] not in witness(runner)
    assert work["sequence"] not in {record.get("sequence") for record in read(runner.journal)}


@pytest.mark.parametrize("what", ["callable", "command", "isolated"])
def test_what_is_prepared_in_parts_begins_together_and_in_order(runner: RunnerProcess, what: str) -> None:
    warm(runner)
    works = [call(runner, "witness") for _ in range(3)]
    if what == "callable":
        last = call(runner, "witness", {"job": "other"})
    elif what == "isolated":
        last = call(runner, "witness", {"isolate": True})
    else:
        last = runner.work(argv=["/bin/sh", "-c", f"echo $JOBCTL_SEQUENCE >> {runner.home}/witness"])
    runner.daemon.prepare(*works[:2])
    runner.daemon.prepare(works[2])
    runner.daemon.prepare(last)
    wait_until(lambda: noted(runner) == (numbers([*works, last]) if what == "callable" else []))
    runner.daemon.send("go")
    assert {outcome["status"] for outcome in outcomes(runner, [*works, last])} == {Status.SUCCEEDED}
    assert witness(runner) == numbers([*works, last])


def test_a_word_about_nothing_changes_nothing(runner: RunnerProcess) -> None:
    warm(runner)
    runner.daemon.send("go")
    runner.daemon.send("forget")
    runner.daemon.send("go")
    assert runner.daemon.outcome(runner.submit(call(runner, "witness")))["status"] == Status.SUCCEEDED


@pytest.mark.parametrize("what", ["command", "no worker yet", "isolated", "another environment", "busy"])
def test_what_cannot_go_straight_to_the_worker_takes_the_longer_way(runner: RunnerProcess, what: str) -> None:
    before: list[Message] = []
    if what != "no worker yet":
        warm(runner)
    changes: dict[str, Any] = {}
    if what == "isolated":
        changes = {"isolate": True}
    elif what == "another environment":
        changes = {"environment": {"PATH": "/bin", "OTHER": "1"}}
    if what == "command":
        work = runner.work(argv=["/bin/sh", "-c", f"echo $JOBCTL_SEQUENCE >> {runner.home}/witness"])
    else:
        work = call(runner, "witness", changes)
    if what == "busy":
        before = [call(runner, "waits_for_gate"), call(runner, "witness")]
        runner.submit(*before)
        wait_until((runner.home / "ready").exists)
    runner.daemon.prepare(work)
    runner.daemon.send("go")
    (runner.home / "gate").touch()
    assert {outcome["status"] for outcome in outcomes(runner, [*before, work])} == {Status.SUCCEEDED}
    assert witness(runner) == numbers([*before[1:], work])


def test_a_file_changed_meanwhile_is_imported_anew(runner: RunnerProcess) -> None:
    module = runner.home / "fresh.py"
    module.write_text("def which():\n    return 'old'\n")
    os.utime(module, (1_600_000_000, 1_600_000_000))
    changes: dict[str, Any] = {"callable": "fresh:which", "path": [str(runner.home)]}
    assert runner.call("fresh:which", path=[str(runner.home)])["result"] == '"old"'
    work = runner.work(**changes)
    runner.daemon.prepare(work)
    wait_until(lambda: noted(runner) == numbers([work]))
    module.write_text("def which():\n    return 'new, and longer'\n")
    runner.daemon.send("go")
    assert runner.daemon.outcome(work["sequence"])["result"] == '"new, and longer"'
    assert work["sequence"] not in noted(runner)


def test_what_is_prepared_acknowledges_what_came_before(runner: RunnerProcess) -> None:
    warm(runner)
    runner.daemon.prepare(call(runner, "witness"), acked=runner.daemon.all("end")[-1]["n"])
    runner.daemon.send("forget")
    runner.daemon = runner.adopt()
    assert runner.daemon.wait("hello")["records"] == []
