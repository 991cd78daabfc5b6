"""What a daemon sees of a runner: begin and end, its death and return, and who may command."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jobctl.fleet import BOOT, PACKAGE_PARENT
from jobctl.runner.journal import read
from jobctl.runner.protocol import encode
from tests.conftest import wait_until
from tests.runner import callables
from tests.runner.harness import Daemon, RunnerProcess

HERE = str(Path(callables.__file__).parent)


def ask(runner: RunnerProcess, **report: Any) -> str:
    """What the runner answers to a client inside a run."""
    client = runner.connect()
    client.send("report", **report)
    wait_until(lambda: client.heard or client.listen(0.1))
    client.close()
    kind: str = client.heard[0]["k"]
    return kind


def gate(runner: RunnerProcess, text: str = "exit 7", **changes: Any) -> int:
    """Start a command that waits for `open_gate`."""
    sequence = runner.start(f"until [ -e gate ]; do sleep 0.005; done; echo done; {text}", **changes)
    runner.daemon.wait("begin", sequence)
    return sequence


def open_gate(runner: RunnerProcess) -> None:
    (runner.home / "gate").touch()


def test_hello(runner: RunnerProcess) -> None:
    hello = runner.daemon.wait("hello")
    assert hello == {
        "k": "hello",
        "protocol": 4,
        "runner": runner.name,
        "pid": runner.process.pid,
        "current": None,
        "queued": [],
        "records": [],
    }


def test_runs_begin_in_order_one_at_a_time(runner: RunnerProcess) -> None:
    works = [runner.work(argv=["/bin/sh", "-c", f"echo {n} >> order"]) for n in range(20)]
    runner.submit(*works)
    runner.daemon.outcome(works[-1]["sequence"])
    assert (runner.home / "order").read_text().split() == [str(n) for n in range(20)]
    records = [record for record in read(runner.journal) if "n" in record]
    assert [record["n"] for record in records] == list(range(1, 41))
    assert [record["k"] for record in records] == ["begin", "end"] * 20
    ends = runner.daemon.all("end")
    assert [end["n"] for end in ends] == list(range(2, 41, 2))
    assert (ends[3]["claim"], ends[3]["attempt"]) == (1, 1)
    assert ends[3]["at"] == records[6]["at"] < ends[3]["outcome"]["ended_on"]
    assert abs(ends[3]["at"] / 1e6 - time.time()) < 60


def test_a_begin_is_told_once_it_goes_on(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    begin = runner.daemon.wait("begin", sequence)
    open_gate(runner)
    runner.daemon.outcome(sequence)
    end = runner.daemon.wait("end", sequence)
    assert (begin["claim"], begin["attempt"], begin["at"]) == (1, 1, end["at"])
    assert end["outcome"]["run_time"] >= 10_000
    assert len(runner.daemon.all("begin")) == 1


def test_what_has_not_begun_can_be_taken_back(runner: RunnerProcess) -> None:
    first = gate(runner)
    second, third = runner.start("echo no"), runner.start("echo third")
    runner.daemon.send("take_back", sequences=[first, second, 999])
    assert runner.daemon.wait("returned")["sequences"] == [second]
    open_gate(runner)
    runner.daemon.outcome(third)
    assert [m["sequence"] for m in runner.records("begin")] == [first, third]


def test_a_run_outlives_the_daemon(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    queued = runner.start("echo must not begin >> witness")
    runner.daemon.close()
    open_gate(runner)
    runner.process.wait(10)
    assert runner.process.returncode == 0
    assert not (runner.home / "witness").exists()
    (end,) = runner.records("end")
    assert (end["sequence"], end["outcome"]["exit_code"]) == (sequence, 7)
    assert [record["sequence"] for record in runner.records("begin")] == [sequence]
    assert queued != sequence
    assert runner.log(sequence) == b"done\n"
    assert not runner.socket_path.exists()


def test_the_next_daemon_adopts_what_lives(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    queued = runner.start("echo second")
    runner.daemon.wait("begin", sequence)
    runner.daemon.close()
    daemon = runner.daemon = runner.adopt()
    hello = daemon.wait("hello")
    current = hello["current"]
    assert (current["sequence"], current["claim"], current["attempt"]) == (sequence, 1, 1)
    assert (current["paused"], current["pausing"], current["canceling"]) == (False, False, False)
    assert hello["queued"] == [queued]
    assert [record["k"] for record in hello["records"]] == ["begin"]
    open_gate(runner)
    assert daemon.outcome(sequence)["exit_code"] == 7
    assert daemon.outcome(queued)["exit_code"] == 0


def test_pause_cancel_and_timeout_work_after_adoption(runner: RunnerProcess) -> None:
    sequence = gate(runner, timeout=30.0)
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    runner.daemon.close()
    daemon = runner.daemon = runner.adopt()
    assert daemon.wait("hello")["current"]["paused"] is True
    daemon.send("continue", sequence=sequence, claim=5)
    wait_until(lambda: "T" not in {member.state for member in runner.members()})
    daemon.send("cancel", sequence=sequence, reason="user")
    assert daemon.outcome(sequence)["status"] == 32
    assert daemon.wait("end", sequence)["claim"] == 5


def test_a_paused_run_waits_for_the_next_daemon(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    runner.daemon.send("pause", sequence=sequence)
    runner.daemon.wait("paused", sequence)
    open_gate(runner)
    runner.daemon.close()
    daemon = runner.daemon = runner.adopt()
    daemon.send("continue", sequence=sequence, claim=2)
    assert daemon.outcome(sequence)["exit_code"] == 7


def test_a_timeout_needs_no_daemon(runner: RunnerProcess) -> None:
    sequence = gate(runner, timeout=0.2)
    runner.daemon.close()
    runner.process.wait(10)
    assert [r["outcome"]["reason"] for r in runner.records("end")] == ["timeout"]
    assert sequence == runner.records("end")[0]["sequence"]


def test_unacknowledged_records_are_told_again(runner: RunnerProcess) -> None:
    first, second = runner.start("exit 1"), runner.start("exit 2")
    runner.daemon.outcome(second)
    third = gate(runner)
    last = runner.daemon.wait("end", first)["n"]
    runner.daemon.send("ack", upto=last)
    runner.daemon.close()
    daemon = runner.daemon = runner.adopt()
    records = daemon.wait("hello")["records"]
    assert [(r["k"], r["sequence"]) for r in records] == [("begin", second), ("end", second), ("begin", third)]
    open_gate(runner)
    daemon.outcome(third)


def test_records_too_large_for_one_hello_follow_it(runner: RunnerProcess) -> None:
    works = [
        runner.work(callable="callables:returns", path=[HERE], data='{"name":"exact"}'),
        runner.work(callable="callables:returns", path=[HERE], data='{"name":"wide"}'),
        runner.work(callable="callables:returns", path=[HERE], data='{"name":"exact"}'),
    ]
    runner.submit(*works)
    runner.daemon.outcome(works[2]["sequence"])
    gate(runner)
    daemon = runner.adopt()
    assert daemon.wait("hello")["records"] == []
    for work in works:
        assert len(daemon.outcome(work["sequence"])["result"]) > 400_000
    told = [record["n"] for record in daemon.heard if "n" in record]
    assert told == list(range(1, len(told) + 1))
    runner.daemon = daemon


def test_the_higher_generation_commands(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    second = runner.adopt(generation=5)
    wait_until(lambda: runner.daemon.listen(0.1) and runner.daemon.lost)
    late = runner.connect()
    late.send("hello", generation=4, protocol=2)
    wait_until(lambda: late.listen(0.1) and late.lost)
    assert late.heard == []
    again = runner.adopt(generation=5)
    wait_until(lambda: second.listen(0.1) and second.lost)
    again.send("cancel", sequence=sequence, reason="user")
    assert again.outcome(sequence)["status"] == 32
    runner.daemon = again


def test_strangers_cannot_command(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    for frame in (
        encode({"k": "cancel", "sequence": sequence, "reason": "user"}),
        encode({"k": "hello", "generation": "high"}),
        b"\xff\xff\xff\xff",
        b"\0\0\0\2[]",
        b"\0\0\0\1{",
    ):
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(str(runner.socket_path))
        stranger.sendall(frame)
        stranger.settimeout(10)
        assert stranger.recv(1) == b""
        stranger.close()
    open_gate(runner)
    assert runner.daemon.outcome(sequence)["exit_code"] == 7


def test_nonsense_from_the_daemon_costs_nothing(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    nonsense: dict[str, dict[str, Any]] = {
        "cancel": {},
        "work": {"runs": 3},
        "take_back": {"sequences": 1},
        "dance": {},
    }
    for kind, values in nonsense.items():
        runner.daemon.send(kind, **values)
    open_gate(runner)
    assert runner.daemon.outcome(sequence)["exit_code"] == 7


def test_exit_is_for_idle_runners(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    runner.daemon.send("exit")
    open_gate(runner)
    runner.daemon.outcome(sequence)
    assert runner.run("true")["status"] == 30
    assert runner.call("callables:add", path=[HERE], data="1")["status"] == 30
    runner.daemon.send("exit")
    assert runner.process.wait(10) == 0
    assert not runner.socket_path.exists()
    assert runner.journal.exists()


def test_an_idle_runner_leaves_with_its_daemon(runner: RunnerProcess) -> None:
    runner.run("true")
    runner.daemon.close()
    assert runner.process.wait(10) == 0


def test_progress_from_inside_a_command(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    assert ask(runner, sequence=sequence, progress=10, stage="first", message=None) == "ok"
    assert runner.daemon.wait("report")["progress"] == 10.0
    for number in range(11, 31):
        assert ask(runner, sequence=sequence, progress=number, stage=None, message="hello") == "ok"
    assert ask(runner, sequence=sequence + 1, progress=99, stage=None, message=None) == "refused"
    assert ask(runner, sequence=sequence, progress="NaN", stage=["x"], message="\ud800") == "ok"
    open_gate(runner)
    result = runner.daemon.outcome(sequence)
    assert (result["progress"], result["stage"]) == (30.0, "first")
    told = runner.daemon.all("report", sequence)
    assert len(told) <= 3
    assert (told[-1]["progress"], told[-1]["stage"], told[-1]["message"]) == (30.0, "first", "?")
    assert ask(runner, sequence=sequence, progress=1, stage=None, message=None) == "refused"


def test_a_daemon_that_does_not_read_delays_nothing(runner: RunnerProcess) -> None:
    works = [runner.work(argv=["/bin/true"], job="x" * 1000) for _ in range(300)]
    runner.submit(*works)
    wait_until(lambda: len(runner.records("end")) == 300)
    assert runner.daemon.outcome(works[-1]["sequence"])["status"] == 30


def test_too_many_clients_do_not_make_it_spin(runner: RunnerProcess) -> None:
    sequence = gate(runner)
    used = len(os.listdir(f"/proc/{runner.process.pid}/fd"))
    before = resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, (used + 3, before[1]))
    clients = [runner.connect() for _ in range(10)]

    def seconds() -> float:
        fields = Path(f"/proc/{runner.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    spent, started = seconds(), time.monotonic()
    wait_until(lambda: time.monotonic() - started > 0.5)
    assert seconds() - spent < 0.1
    for client in clients:
        client.close()
    resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, before)
    assert ask(runner, sequence=sequence, progress=1, stage=None, message=None) == "ok"
    open_gate(runner)
    runner.daemon.outcome(sequence)


def test_nothing_begins_that_cannot_be_written_down(runner: RunnerProcess) -> None:
    runner.run("true")
    before = resource.prlimit(runner.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(runner.process.pid, resource.RLIMIT_FSIZE, (runner.journal.stat().st_size + 10, before[1]))
    sequence = runner.start("touch witness")
    message = runner.daemon.wait("unbegun", sequence)["message"]
    assert message.startswith("cannot write the journal: ")
    resource.prlimit(runner.process.pid, resource.RLIMIT_FSIZE, before)
    assert not (runner.home / "witness").exists()
    following = runner.start("exit 5")
    assert runner.daemon.outcome(following)["exit_code"] == 5
    told = [(m["n"], m["k"], m["sequence"]) for m in runner.daemon.heard if "n" in m]
    assert told == [(2, "end", 1), (4, "unbegun", 2), (6, "end", 3)]
    assert [(r["n"], r["k"], r["sequence"]) for kind in ("end", "unbegun") for r in runner.records(kind)] == [
        told[0],
        told[2],
        told[1],
    ]


def test_a_runner_killed_with_its_work_is_found_by_session_and_marker(runner: RunnerProcess) -> None:
    from jobctl.processes import members_of_run

    runner.start("setsid sleep 999 & touch ready; sleep 999")
    wait_until((runner.home / "ready").exists)
    wait_until(lambda: len(members_of_run(runner.process.pid, runner.name)) == 4)
    runner.process.kill()
    runner.process.wait()
    assert len(members_of_run(runner.process.pid, runner.name)) == 3


@pytest.mark.parametrize("kind", ["command", "callable"])
def test_a_torn_record_hides_nothing_before_it(runner: RunnerProcess, kind: str) -> None:
    if kind == "command":
        runner.run("exit 3")
    else:
        runner.call("callables:add", path=[HERE], data="1")
    whole = runner.journal.read_bytes()
    records = read(runner.journal)
    assert [record["k"] for record in records] == ["journal", "begin", "end"]
    runner.journal.with_suffix(".torn").write_bytes(whole[:-1])
    assert read(runner.journal.with_suffix(".torn")) == records[:2]
    assert json.dumps(records[2]["outcome"])


def test_connection_of_the_parent_counts_before_it_speaks(runner: RunnerProcess) -> None:
    assert isinstance(runner.daemon, Daemon)
    wait_until(runner.socket_path.exists)
    assert runner.process.poll() is None


def test_a_runner_whose_home_is_gone_says_so_in_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "gone"
    mine, theirs = socket.socketpair()
    with mine, theirs:
        argv = [sys.executable, "-I", "-S", "-c", BOOT, PACKAGE_PARENT, str(home), "ab" * 8, str(theirs.fileno())]
        done = subprocess.run(argv, pass_fds=[theirs.fileno()], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == f"jobctl: a runner cannot start in {home}: No such file or directory\n"
