"""Identities of processes, and who descends from whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jobctl import processes
from tests.conftest import wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "999"])
    yield process
    process.kill()
    process.wait()


def is_zombie(pid: int) -> bool:
    found = processes.inspect(pid)
    return found is not None and found.state == "Z"


def test_identity_of_a_living_process(sleeper: subprocess.Popen[bytes]) -> None:
    identity = processes.identity(sleeper.pid)
    assert identity == processes.identity(sleeper.pid)
    assert identity.start_time == processes.start_time(sleeper.pid)
    assert identity.boot_id == processes.boot_id() and identity.pid_namespace == processes.pid_namespace()
    assert processes.alive(identity)


@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"start_time": 1}, {"pid_namespace": "pid:[1]"}])
def test_another_process_is_neither_alive_nor_signalled(
    sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    other = processes.identity(sleeper.pid)._replace(**change)  # type: ignore[arg-type]
    assert not processes.alive(other)
    assert not processes.signal_if_same(other, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_zombie_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    identity = processes.identity(sleeper.pid)
    assert processes.signal_if_same(identity, signal.SIGKILL)
    wait_until(lambda: is_zombie(sleeper.pid))
    assert processes.start_time(sleeper.pid) is None
    assert not processes.alive(identity)
    assert not processes.signal_if_same(identity, signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        processes.identity(sleeper.pid)
    sleeper.wait()
    assert processes.inspect(sleeper.pid) is None


def test_names_with_brackets_and_spaces() -> None:
    code = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'a) (Z 1', 0, 0, 0); print(flush=True); time.sleep(999)"
    with subprocess.Popen(["python3", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = processes.inspect(process.pid)
        process.kill()
    assert found is not None
    assert (found.ppid, found.state in "SR") == (os.getpid(), True)


def test_descendants_at_any_depth(sleeper: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(["sh", "-c", "setsid sh -c 'sleep 999 & sleep 999' & wait"]) as process:
        wait_until(lambda: len(processes.descendants(process.pid)) == 3)
        found = processes.descendants(process.pid)
        assert process.pid not in {member.pid for member in found}
        inner = next(member.pid for member in found if member.ppid == process.pid)
        assert processes.descendants(process.pid, spared=inner) == []
        ours = {member.pid for member in processes.descendants(os.getpid())}
        assert {process.pid, inner, sleeper.pid} <= ours
        for member in found:
            assert processes.signal_member(member, signal.SIGKILL)
        process.kill()


def test_members_of_a_run_by_session_or_marker() -> None:
    marked = {"PATH": os.environ["PATH"], "JOBCTL_RUN": "0123456789abcdef"}
    with (
        subprocess.Popen(["sleep", "999"], env=marked) as one,
        subprocess.Popen(["sleep", "999"], start_new_session=True) as two,
        subprocess.Popen(["sleep", "999"], env={**marked, "JOBCTL_RUN": "0123456789abcdef0"}) as other,
    ):
        wait_until(lambda: len(processes.members_of_run(two.pid, "0123456789abcdef")) == 2)
        found = {member.pid for member in processes.members_of_run(two.pid, "0123456789abcdef")}
        for process in (one, two, other):
            process.kill()
        assert found == {one.pid, two.pid}


def test_a_subreaper_gets_the_orphans() -> None:
    code = (
        "import os, subprocess, sys\n"
        "from jobctl import processes\n"
        "processes.set_subreaper()\n"
        "subprocess.run(['sh', '-c', 'sleep 999 & echo $!'], check=True)\n"
        "(orphan,) = processes.descendants(os.getpid())\n"
        "os.kill(orphan.pid, 9)\n"
        "print(orphan.ppid == os.getpid())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.split()[-1] == "True"
