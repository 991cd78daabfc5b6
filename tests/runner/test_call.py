"""A runner that is called before it is given anything: awake by then, with its worker, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from jobctl.model import Status
from tests.conftest import wait_until
from tests.runner import callables
from tests.runner.harness import RunnerProcess
from tests.runner.test_handing_ahead import call, ended, numbers, outcomes, warm, witness


def wakings(pid: int) -> int:
    """How often a process has gone to sleep, and so has been woken."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def test_a_call_wakes_the_worker_and_runs_nothing(runner: RunnerProcess) -> None:
    pid = warm(runner)
    before = wakings(pid)
    for number in range(1, 4):
        runner.daemon.send("soon")
        wait_until(lambda number=number: wakings(pid) >= before + number)  # type: ignore[misc]
    works = [call(runner, "witness")]
    runner.submit(*works)
    assert [outcome["status"] for outcome in outcomes(runner, works)] == [Status.SUCCEEDED]
    assert witness(runner) == numbers(works)
    assert ended(runner) == [1, *numbers(works)]
    assert warm(runner) == pid


def test_a_call_starts_no_worker(runner: RunnerProcess) -> None:
    runner.daemon.send("soon")
    assert runner.run("true")["status"] == Status.SUCCEEDED
    assert runner.members() == []
    runner.daemon.send("soon")
    assert warm(runner)


def test_a_call_is_nothing_that_could_be_taken_back(runner: RunnerProcess) -> None:
    warm(runner)
    works = []
    for _ in range(20):
        batch = [call(runner, "witness", seconds=0.0005) for _ in range(5)]
        works += batch
        runner.daemon.send("soon")
        runner.submit(*batch)
        runner.daemon.send("soon")
        runner.daemon.send("take_back", sequences=numbers(batch))
    wait_until(lambda: len(runner.daemon.all("returned")) == 20)
    returned = [sequence for message in runner.daemon.all("returned") for sequence in message["sequences"]]
    wait_until(lambda: len(ended(runner)) == 1 + 100 - len(returned))
    assert sorted(witness(runner) + returned) == numbers(works)
    assert {end["outcome"]["status"] for end in runner.daemon.all("end")} == {Status.SUCCEEDED}


def test_a_rehearsal_leaves_the_next_run_as_good_as_new(runner: RunnerProcess, tmp_path: Path) -> None:
    here = str(Path(callables.__file__).parent)
    environment = {"PATH": "/usr/bin:/bin", "A": "1"}
    first = json.loads(runner.call("callables:pid", path=[here], environment=environment, cwd=str(tmp_path))["result"])
    tmp_path.rmdir()  # what a rehearsal cannot do again is no matter
    runner.daemon.send("soon")
    runner.daemon.send("soon")
    wait_until(lambda: wakings(first) > 2)
    tmp_path.mkdir()
    again = json.loads(runner.call("callables:pid", path=[here], environment=environment, cwd=str(tmp_path))["result"])
    assert again == first
