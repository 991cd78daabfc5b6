"""Callables in a worker: what they get, what they return, and every way in which they fail."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobctl.model import Status
from tests.conftest import wait_until
from tests.runner import callables
from tests.runner.harness import RunnerProcess

HERE = str(Path(callables.__file__).parent)
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(runner: RunnerProcess) -> Call:
    """Runs a function of callables.py with keyword arguments; gives the outcome."""

    def run(function: str, changes: dict[str, Any] | None = None, /, **data: Any) -> dict[str, Any]:
        work = {"path": [HERE], "data": json.dumps(data) if data else None, **(changes or {})}
        return runner.call(f"callables:{function}", **work)

    return run


def pythons() -> list[str]:
    """Other interpreters of this machine, where versions are installed side by side."""
    installed = Path(sys.base_prefix).parent.glob("3.*/bin/python3")
    return [str(path) for path in installed if path.parents[1].name.split(".")[1] in ("8", "9", "13")]


@pytest.mark.parametrize(
    ("data", "given"),
    [
        (None, [[], {}]),
        ("null", [[], {}]),
        ('{"a":1,"b":null}', [[], {"a": 1, "b": None}]),
        ("[1,[2]]", [[1, [2]], {}]),
        ('"text"', [["text"], {}]),
        ("0", [[0], {}]),
        ("false", [[False], {}]),
        ("{}", [[], {}]),
        ("[]", [[], {}]),
    ],
)
def test_data_becomes_arguments(call: Call, data: str | None, given: object) -> None:
    result = call("echo", {"data": data})
    assert result["status"] == Status.SUCCEEDED
    assert json.loads(result["result"]) == given


def test_data_that_does_not_fit_the_signature(call: Call) -> None:
    result = call("add", {"data": '{"c":1}'})
    assert (result["status"], result["reason"]) == (Status.FAILED, "arguments")
    assert "callables:add: " in result["message"]
    assert call("add")["reason"] == "arguments"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no.such.module:run", "ModuleNotFoundError: No module named 'no'"),
        ("callables:missing", "has no attribute 'missing'"),
        ("callables:os", "not callable but of type module"),
        ("breaks:run", "ZeroDivisionError"),
        ("leaves:run", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_imported(runner: RunnerProcess, name: str, text: str) -> None:
    (runner.home / "breaks.py").write_text("1 / 0\n")
    (runner.home / "leaves.py").write_text("import sys; sys.exit(3)\n")
    sequence = runner.submit(runner.work(callable=name, path=[HERE, str(runner.home)]))
    result = runner.daemon.outcome(sequence)
    assert (result["status"], result["reason"]) == (Status.FAILED, "import")
    assert name in result["message"] and text in result["message"]
    if "not callable" not in text:
        assert sys.executable in result["message"] and str(runner.home) in result["message"]
        assert text in runner.log(sequence, stream=2).decode()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ValueError", "ValueError: wrong"),
        ("SystemExit", "SystemExit"),
        ("SystemExit 0", "SystemExit: 0"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        ("Rude", "Rude: (its text cannot be shown)"),
        ("Surrogate", "ValueError: ?"),
    ],
)
def test_exceptions(runner: RunnerProcess, call: Call, name: str, message: str) -> None:
    result = call("raises", name=name)
    assert (result["status"], result["reason"], result["message"]) == (Status.FAILED, "exception", message)
    log = runner.log(1, stream=2).decode()
    assert log.startswith("Traceback") and "in raises" in log and "worker.py" not in log


def test_memory_error(call: Call) -> None:
    result = call("raises", name="MemoryError")
    assert (result["reason"], result["message"]) == ("memory", "MemoryError: no room")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NaN", "float"),
        ("set", "set"),
        ("lambda", "function"),
        ("nested", "object"),
        ("surrogate", "str"),
        ("unprintable", "Unprintable"),
        ("bytes", "bytes"),
    ],
)
def test_results_that_are_not_json(call: Call, name: str, kind: str) -> None:
    result = call("returns", name=name)
    assert (result["status"], result["reason"], result["result"]) == (Status.FAILED, "no_result", None)
    assert kind in result["message"]


@pytest.mark.parametrize("name", ["deep", "large", "huge", "circle"])
def test_results_that_are_too_large(call: Call, name: str) -> None:
    result = call("returns", name=name)
    assert result["reason"] == "result_too_large"
    assert ("64" if name in ("deep", "circle") else "1 MiB") in result["message"]


@pytest.mark.parametrize("name", ["exact", "wide", "almost deep", "text"])
def test_results_within_the_limits(call: Call, name: str) -> None:
    result = call("returns", name=name)
    assert result["status"] == Status.SUCCEEDED
    assert json.loads(result["result"]) == callables.returns(name)


@pytest.mark.parametrize(("how", "code"), [("exit 0", 0), ("exit 256", 0), ("exit 7", 7)])
def test_interpreter_that_exits(runner: RunnerProcess, call: Call, how: str, code: int) -> None:
    result = call("dies", how=how)
    assert (result["status"], result["reason"], result["exit_code"]) == (Status.FAILED, "no_result", code)
    assert runner.log(1) == b"last words\n"
    assert call("add", a=1)["result"] == '{"sum":2}'


@pytest.mark.parametrize(("how", "number"), [("segfault", 11), ("abort", 6), ("kill", 9)])
def test_interpreter_that_is_killed(call: Call, how: str, number: int) -> None:
    result = call("dies", how=how)
    assert (result["reason"], result["signal"], result["exit_code"]) == ("signal", number, None)
    assert call("add", a=1)["result"] == '{"sum":2}'


def test_connection_that_is_closed(runner: RunnerProcess, call: Call) -> None:
    assert call("dies", how="close")["reason"] == "no_result"
    result = call("closes_and_goes_on")
    assert (result["reason"], result["run_time"] < 3_000_000) == ("no_result", True)
    assert runner.members() == []


def test_closed_standard_descriptors(call: Call) -> None:
    assert call("closes_standard_descriptors")["result"] == "1"
    assert call("closes_standard_descriptors")["result"] == "1"


def test_output_cannot_forge_a_result(runner: RunnerProcess, call: Call) -> None:
    assert call("forges")["result"] == '"true one"'
    assert runner.log(1).count(b"forged") == 2


def test_nonsense_on_the_private_descriptor_is_no_result(runner: RunnerProcess, call: Call) -> None:
    assert call("forges_on_the_private_descriptor")["reason"] == "no_result"
    assert runner.members() == []
    assert call("add", a=1)["status"] == Status.SUCCEEDED


def test_forked_children_do_not_answer(runner: RunnerProcess, call: Call) -> None:
    assert json.loads(call("forks")["result"]) > 0
    assert call("forks_and_fails_in_the_child")["result"] == '"parent"'
    assert len(runner.daemon.all("end")) == 2


def test_output_goes_to_the_log(runner: RunnerProcess, call: Call) -> None:
    call("says", text="héllo", error="oh")
    assert (runner.log(1, stream=1), runner.log(1, stream=2)) == ("héllo\n".encode(), b"oh\n")
    call("partial_line")
    assert sorted(runner.log(2)) == sorted(b"no newlineraw \xff")
    assert call("says", text="\ud800")["status"] == Status.SUCCEEDED


def test_timeout_of_a_call_that_holds_the_interpreter_lock(runner: RunnerProcess, call: Call) -> None:
    result = call("holds_the_interpreter_lock", {"timeout": 0.3, "grace": 5.0}, seconds=999)
    assert (result["reason"], result["signal"]) == ("timeout", 15)
    assert runner.members() == []


def test_an_import_that_hangs_is_timed_out(runner: RunnerProcess) -> None:
    (runner.home / "hangs.py").write_text("while True: pass\n")
    assert runner.call("hangs:run", path=[str(runner.home)], timeout=0.3)["reason"] == "timeout"


def test_pause_continue_and_cancel(runner: RunnerProcess) -> None:
    sequence = runner.submit(runner.work(callable="callables:ignores_term", path=[HERE], grace=0.2))
    wait_until((runner.home / "ready").exists)
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    assert {member.state for member in runner.members()} == {"T"}
    runner.daemon.send("continue", sequence=sequence, claim=2)
    wait_until(lambda: "T" not in {member.state for member in runner.members()})
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    result = runner.daemon.outcome(sequence)
    assert (result["status"], result["signal"]) == (Status.CANCELED, 9)
    assert runner.members() == []


def test_current_knows_the_run(runner: RunnerProcess, call: Call) -> None:
    result = call("who", {"depth": 3, "id": "f" * 32, "attempt": 2, "sequence": 77})
    assert json.loads(result["result"]) == [77, "f" * 32, "test", 2, 3]


def test_the_last_progress_is_never_lost_and_few_are_told(runner: RunnerProcess, call: Call) -> None:
    result = call("reports", count=101)
    assert (result["progress"], result["stage"]) == (100.0, "step 100")
    told = runner.daemon.all("report")
    assert len(told) <= 2
    assert (told[-1]["progress"], told[-1]["stage"]) == (100.0, "step 100")
    assert runner.log(1) == b"logged\n"


@pytest.mark.parametrize("python", [sys.executable, *pythons()])
def test_any_python_without_jobctl(runner: RunnerProcess, tmp_path: Path, python: str) -> None:
    code = (
        "import jobctl, sys\n"
        "@jobctl.job(name='x', retries=3)\n"
        "def f(a):\n    jobctl.current().progress(50, stage='half')\n    return [a, sys.version_info[1]]\n"
        "@jobctl.job\n"
        "def g(): return jobctl.__doc__\n"
    )
    (tmp_path / "mine.py").write_text(code)
    result = runner.call("mine:f", path=[str(tmp_path)], python=python, data='{"a":1}', cwd="/")
    assert result["message"] is None
    assert json.loads(result["result"])[0] == 1
    assert (result["progress"], result["stage"]) == (50.0, "half")
    assert runner.call("mine:g", path=[str(tmp_path)], python=python, cwd="/")["status"] == Status.SUCCEEDED


def test_interpreter_that_is_not_there(runner: RunnerProcess) -> None:
    result = runner.call("callables:pid", python="/no/such/python", path=[HERE])
    assert (result["reason"], result["message"]) == (
        "spawn",
        "cannot start /no/such/python: No such file or directory (errno 2)",
    )
    result = runner.call("callables:pid", cwd="/no/such", path=[HERE])
    assert result["message"] == "cannot change to directory /no/such: No such file or directory (errno 2)"


def test_nothing_shadows_the_standard_library(runner: RunnerProcess, tmp_path: Path) -> None:
    for name in ("json", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "mine.py").write_text("import random, json, sys\ndef f(): return sys.path[-1]\n")
    result = runner.call("mine:f", path=[str(tmp_path)], cwd=str(tmp_path))
    assert json.loads(result["result"]) == str(tmp_path)


def test_only_the_callables_process_gets_descriptors(runner: RunnerProcess, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import subprocess\ndef f(): return subprocess.run(['ls', '/proc/self/fd'], capture_output=True, "
        "close_fds=False, text=True).stdout.split()\n"
    )
    assert json.loads(runner.call("mine:f", path=[str(tmp_path)])["result"]) == ["0", "1", "2", "3"]
    assert os.path.exists(tmp_path)
