"""When a worker serves again, and when the next run gets a new one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobctl.runner.begun import Begun
from jobctl.runner.interpreter import SCRIPT, decode
from jobctl.runner.protocol import FrameReader
from tests.conftest import wait_until
from tests.runner import callables
from tests.runner.harness import RunnerProcess

HERE = str(Path(callables.__file__).parent)


def pid(runner: RunnerProcess, **changes: Any) -> int:
    """The process in which a callable runs now."""
    answer: int = json.loads(runner.call("callables:pid", **{"path": [HERE], **changes})["result"])
    return answer


def call(runner: RunnerProcess, function: str, *data: Any) -> dict[str, Any]:
    return runner.call(f"callables:{function}", path=[HERE], data=json.dumps(data))


def test_equal_runs_share_a_worker(runner: RunnerProcess) -> None:
    first = pid(runner)
    for name in ("ValueError", "SystemExit"):
        assert call(runner, "raises", name)["reason"] == "exception"
    assert call(runner, "returns", "set")["reason"] == "no_result"
    assert call(runner, "leaves", "nothing")["message"] is None
    assert runner.run("true")["status"] == 30
    assert pid(runner) == first


@pytest.mark.parametrize("change", ["python", "path", "cwd", "environment", "isolate"])
def test_different_runs_do_not(runner: RunnerProcess, tmp_path: Path, change: str) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    other: Any = {
        "python": str(link),
        "path": [str(tmp_path), HERE],
        "cwd": "/",
        "environment": {"PATH": "/usr/bin:/bin", "B": "2"},
        "isolate": True,
    }[change]
    first = pid(runner)
    second = pid(runner, **{change: other})
    assert second != first
    third = pid(runner, **{change: other})
    assert (third == second) is (change != "isolate")
    assert len(runner.members()) == (change != "isolate")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("thread", "ended 1 leftover thread"),
        ("daemon thread", "ended 1 leftover thread"),
        ("child", "ended 1 leftover process"),
        ("orphan", "ended 2 leftover processes"),
        ("descriptor", None),
        ("stdout", None),
        ("memory", None),
    ],
)
def test_a_run_that_leaves_something_spoils_its_worker(runner: RunnerProcess, what: str, message: str | None) -> None:
    first = pid(runner)
    result = call(runner, "leaves", what)
    assert (result["status"], result["message"]) == (30, message)
    assert runner.members() == []
    assert pid(runner) != first


def test_cancel_and_pause_spoil_a_worker(runner: RunnerProcess) -> None:
    first = pid(runner)
    sequence = runner.submit(runner.work(callable="callables:sleeps", path=[HERE], data="[0.2]"))
    wait_until((runner.home / "ready").exists)
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    runner.daemon.send("continue", sequence=sequence, claim=2)
    assert runner.daemon.outcome(sequence)["status"] == 30
    assert pid(runner) != first


def test_surroundings_are_restored(runner: RunnerProcess) -> None:
    first = pid(runner)
    call(runner, "spoil")
    environment = json.loads(call(runner, "environment")["result"])
    assert "SPOILED" not in environment
    cwd, umask, arguments, _ = json.loads(call(runner, "surroundings")["result"])
    assert (cwd, umask, arguments) == (str(runner.home), 0o022, [])
    assert pid(runner) == first


def test_another_environment_in_its_place_is_undone_too(runner: RunnerProcess) -> None:
    first = pid(runner)
    call(runner, "replaces_environment")
    environment = json.loads(call(runner, "environment")["result"])
    assert environment["JOBCTL_JOB"] == "test" and "SPOILED" not in environment
    assert pid(runner) == first


def test_variables_of_the_run_are_set_anew(runner: RunnerProcess) -> None:
    first = pid(runner)
    for number in (1, 2):
        changes: dict[str, Any] = {"id": f"{number:032x}", "job": f"job{number}", "depth": number, "data": "{}"}
        environment = json.loads(runner.call("callables:environment", path=[HERE], **changes)["result"])
        assert (environment["JOBCTL_ID"], environment["JOBCTL_JOB"]) == (f"{number:032x}", f"job{number}")
        assert (environment["JOBCTL_DEPTH"], environment["JOBCTL_ATTEMPT"]) == (str(number), "1")
        assert (environment["JOBCTL_RUN"], environment["JOBCTL_HOME"]) == (runner.name, str(runner.home))
        assert environment["JOBCTL_DATA"] == "{}"
    assert "JOBCTL_DATA" not in json.loads(runner.call("callables:environment", path=[HERE])["result"])
    assert pid(runner) == first


def test_changed_source_is_seen(runner: RunnerProcess, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    helper = tmp_path / "helper.py"
    source.write_text("import os, helper\ndef f(): return [helper.N, os.getpid()]\n")
    helper.write_text("N = 1\n")
    for path in (source, helper):
        os.utime(path, (1, 1))

    def f() -> Any:
        return json.loads(runner.call("mine:f", path=[str(tmp_path)])["result"])

    first = f()
    assert f() == first
    helper.write_text("N = 22\n")
    second = f()
    assert second[0] == 22 and second[1] != first[1]
    helper.unlink()
    assert runner.call("mine:f", path=[str(tmp_path)])["reason"] == "import"


def test_source_changed_while_it_runs_is_not_used_again(runner: RunnerProcess, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "def f():\n    text = open(__file__).read()\n    open(__file__, 'w').write(text + '#')\n    return text\n"
    )
    os.utime(source, (1, 1))
    lengths = [len(json.loads(runner.call("mine:f", path=[str(tmp_path)])["result"])) for _ in range(2)]
    assert lengths[1] == lengths[0] + 1


def test_a_module_that_appears_is_found(runner: RunnerProcess, tmp_path: Path) -> None:
    assert runner.call("late:f", path=[str(tmp_path)])["reason"] == "import"
    (tmp_path / "late.py").write_text("def f(): return 1\n")
    assert runner.call("late:f", path=[str(tmp_path)])["result"] == "1"


def test_the_first_run_of_a_shared_worker_is_told_apart(runner: RunnerProcess) -> None:
    for function, changes in (("pid", {}), ("pid", {}), ("pid", {"isolate": True}), ("sleeps", {"data": "0.05"})):
        runner.call(f"callables:{function}", path=[HERE], **changes)
    runner.run("true")
    assert [end.get("cold", False) for end in runner.daemon.all("end")] == [True, False, False, True, False]
    begins = {begin["sequence"]: begin.get("cold", False) for begin in runner.daemon.all("begin")}
    assert begins[runner.daemon.all("end")[3]["sequence"]] is True
    assert not any(begins.get(runner.daemon.all("end")[number]["sequence"]) for number in (1, 2, 4))


def much_used(runner: RunnerProcess) -> int:
    """The process of a worker that has run so much that it has turned to quicker ways."""
    works = [runner.work(callable="callables:pid", path=[HERE]) for _ in range(120)]
    runner.submit(*works)
    return int(runner.daemon.outcome(works[-1]["sequence"])["result"])


def test_a_much_used_worker_gives_each_run_its_own_variables(runner: RunnerProcess) -> None:
    first = much_used(runner)
    works = [runner.work(callable="callables:environments", path=[HERE]) for _ in range(6)]
    works.insert(3, runner.work(callable="callables:moves_variables", path=[HERE]))
    runner.submit(*works[:2])
    runner.submit(*works[2:])
    outcomes = [runner.daemon.outcome(work["sequence"]) for work in works]
    del works[3], outcomes[3]
    for work, outcome in zip(works, outcomes, strict=True):
        assert json.loads(outcome["result"]) == [[work["id"]] * 3, [str(work["sequence"])] * 3]
    assert pid(runner) == first


def test_each_run_gets_its_own_of_what_is_told_in_brief(runner: RunnerProcess, tmp_path: Path) -> None:
    """Runs of several definitions in turn, with and without data, taken back now and then by one that fails."""
    kinds: list[dict[str, Any]] = [
        {"callable": "callables:told", "data": '["\u017c", "\\ud800", 1]'},
        {"callable": "callables:told", "cwd": str(tmp_path)},
        {"callable": "callables:told", "data": "[]", "attempt": 3, "depth": 2},
        {"callable": "callables:raises", "data": '["ValueError"]'},
    ]
    works = [runner.work(path=[HERE], job=f"job {number % 4}", **kinds[number % 4]) for number in range(200)]
    for start in range(0, 200, 40):
        runner.submit(*works[start : start + 40])
        for work in works[start : start + 40]:
            outcome = runner.daemon.outcome(work["sequence"])
            if work["callable"] == "callables:raises":
                assert outcome["reason"] == "exception"
                continue
            data = ascii(tuple([] if work["data"] is None else json.loads(work["data"])))
            told = [work["id"], work["sequence"], work["job"], work["attempt"], work["depth"], work["cwd"], data]
            assert json.loads(outcome["result"]) == told


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("thread", "ended 1 leftover thread"),
        ("child", "ended 1 leftover process"),
        ("descriptor", None),
        ("stdout", None),
    ],
)
def test_a_much_used_worker_is_watched_as_closely(runner: RunnerProcess, what: str, message: str | None) -> None:
    first = much_used(runner)
    assert call(runner, "leaves", "nothing")["message"] is None
    assert pid(runner) == first
    assert call(runner, "leaves", what)["message"] == message
    assert pid(runner) != first


def test_a_much_used_worker_keeps_each_output_with_its_run(runner: RunnerProcess) -> None:
    first = much_used(runner)
    works = [
        runner.work(callable="callables:says", path=[HERE], data=json.dumps([f"out {number}", f"error {number}"]))
        for number in range(20)
    ]
    runner.submit(*works)
    for work in works:
        runner.daemon.outcome(work["sequence"])
    for number, work in enumerate(works):
        log = runner.log(work["sequence"])
        assert f"out {number}".encode() in log and f"error {number}".encode() in log and log.count(b"out ") == 1
    assert pid(runner) == first


LIMITED = """
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType
loader = SourceFileLoader("worker", sys.argv.pop(1))
worker = sys.modules["worker"] = ModuleType("worker")
worker.__file__ = loader.path
loader.exec_module(worker)
worker.MAX_RUNS = 3
worker.main()
"""


def test_a_worker_ends_after_its_last_run(tmp_path: Path) -> None:
    """Of as many runs as it may serve; that the runner then starts another one is seen wherever a worker is spoilt."""
    begun = Begun(str(tmp_path / "begun"))
    answers, said = socket.socketpair()
    requests, taken = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    passed = (taken.fileno(), said.fileno(), begun.descriptor)
    argv = [sys.executable, "-c", LIMITED, SCRIPT, *map(str, passed), HERE]
    worker = subprocess.Popen(argv, pass_fds=passed)
    taken.close()
    said.close()
    for ordinal in range(1, 5):
        request = [ordinal, "callables:pid", str(tmp_path), 0o22, "job", ordinal, "0" * 32, 1, 0, None, None]
        requests.send(json.dumps(request).encode())
    assert worker.wait(20) == 0
    heard = FrameReader(decode).feed(answers.recv(1 << 16))
    assert [end["keep"] if isinstance(end, dict) else True for end in heard] == [True, True, False]
    assert [begun.has(ordinal) for ordinal in range(1, 5)] == [True, True, True, False]


def test_a_worker_that_was_killed_while_idle_is_replaced(runner: RunnerProcess) -> None:
    first = pid(runner)
    os.kill(first, 9)
    wait_until(lambda: runner.members() == [])
    assert pid(runner) != first


def test_a_command_leaves_the_idle_worker_alone(runner: RunnerProcess) -> None:
    first = pid(runner)
    assert runner.run("sleep 999 & exit 0")["message"] == "ended 1 leftover process"
    sequence = runner.start("touch ready; sleep 999 & sleep 999")
    wait_until((runner.home / "ready").exists)
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    assert {member.pid: member.state for member in runner.members()}[first] == "S"
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
    assert [member.pid for member in runner.members()] == [first]
    assert pid(runner) == first


def test_a_worker_killed_during_a_command_is_forgotten(runner: RunnerProcess) -> None:
    first = pid(runner)
    sequence = runner.start("touch ready; sleep 999 & sleep 999")
    wait_until((runner.home / "ready").exists)
    os.kill(first, 9)
    wait_until(lambda: first not in {member.pid for member in runner.members()})
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
    assert runner.members() == []
    assert pid(runner) != first


def test_a_run_that_meets_a_dead_worker_gets_a_fresh_one(runner: RunnerProcess) -> None:
    first = pid(runner)
    os.kill(runner.process.pid, signal.SIGSTOP)  # so that the order is there before the death is noticed
    sequence = runner.submit(runner.work(callable="callables:pid", path=[HERE]))
    os.kill(first, signal.SIGKILL)
    os.kill(runner.process.pid, signal.SIGCONT)
    outcome = runner.daemon.outcome(sequence)
    assert (outcome["status"], outcome["reason"]) == (30, None)
    assert json.loads(outcome["result"]) != first
