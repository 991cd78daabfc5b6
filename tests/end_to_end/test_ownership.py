"""One daemon per home, whatever happens to it; what it owns, and what it must leave alone."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobctl.locks import FileLock
from tests.conftest import Daemon, Jobctl, StartDaemon, is_up, wait_until
from tests.end_to_end.witness import Witness, is_alive, runners, state_of


def test_a_second_daemon_names_the_first_and_leaves_within_a_second(
    daemon: StartDaemon, jobctl: Jobctl, home: Path
) -> None:
    first = daemon()
    began = time.monotonic()
    jobctl("daemon", "--help", expect=0)
    told = time.monotonic()
    second = jobctl("daemon", expect=75)
    assert time.monotonic() - told < (told - began) + 1.0  # beyond what any command takes to start
    assert f"pid {first.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    assert first.alive


def test_of_twenty_daemons_at_once_one_survives(daemon: StartDaemon, home: Path) -> None:
    started = [daemon(ready=False) for _ in range(20)]
    wait_until(lambda: sum(one.alive for one in started) == 1 and any(is_up(home, one.pid) for one in started))
    ended = [one.process.returncode for one in started if not one.alive]
    assert ended == [75] * 19


def freeze(one: Daemon, home: Path) -> None:
    """Stop the daemon between two transactions: in the middle of one it would keep every other writer out."""

    def stands_outside() -> bool:
        one.send(signal.SIGSTOP)
        wait_until(lambda: state_of(one.pid) == "T")
        if FileLock(home / "write.lock").is_free():
            return True
        one.send(signal.SIGCONT)
        return False

    wait_until(stands_outside)


def test_a_frozen_daemon_that_was_replaced_changes_nothing(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 0.3")
    old = daemon()
    numbers = [witness.run("job") for _ in range(2)]
    witness.wait("S", count=2)
    freeze(old, home)
    numbers.append(witness.run("job"))
    (home / "daemon.lock").unlink()
    new = daemon()
    witness.ended(*numbers)
    before = witness.jobctl("monitor", "--json", expect=0).stdout
    waiting = witness.run("job", "--at", "in 1h")
    old.send(signal.SIGCONT)
    assert old.wait() == 75
    assert witness.row(waiting)["reason"] == "scheduled"
    witness.jobctl("delete", waiting, expect=0)
    assert witness.jobctl("monitor", "--json", expect=0).stdout == before
    assert new.alive
    assert len(witness.lines("S")) == len(witness.lines("E")) == 3


def test_a_frozen_daemon_wakes_while_the_new_one_runs_its_work(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("job", "sleep 1.5")
    old = daemon()
    number = witness.run("job")
    witness.wait("S")
    freeze(old, home)
    (home / "daemon.lock").unlink()
    daemon()
    old.send(signal.SIGCONT)
    assert old.wait() == 75
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"], len(witness.lines("E"))) == ("succeeded", 1, 1)


def test_takeover_ends_the_old_daemon_and_adopts_its_runs(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 3")
    old = daemon("--shutdown-timeout", "0.2s")
    number = witness.run("job")
    witness.wait("S")
    new = daemon("--takeover")
    assert old.wait() == 0
    assert new.alive
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"]) == ("succeeded", 1)


def test_takeover_of_a_frozen_daemon(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 0.2")
    old = daemon()
    freeze(old, home)
    number = witness.run("job")
    new = daemon("--takeover", "--shutdown-timeout", "0.1s")
    assert old.wait() == 0  # woken, it leaves politely
    assert new.alive
    assert witness.ending(number) == ("succeeded", None)


def test_term_lets_runs_end(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 2")
    first = daemon("--slots", 2)
    numbers = [witness.run("job") for _ in range(3)]
    witness.wait("S", count=2)
    assert first.stop() == 0
    assert len(witness.lines("E")) == 2
    states = [witness.row(number)["status"] for number in numbers]
    assert sorted(states) == ["succeeded", "succeeded", "waiting_for_resources"]


def test_term_leaves_what_takes_too_long_to_the_next_daemon(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 1.5")
    first = daemon("--shutdown-timeout", "0.2s")
    number = witness.run("job")
    witness.wait("S")
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 1.4
    assert f"#{number}" in first.output.splitlines()[-2]
    daemon()
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"], len(witness.lines("S"))) == ("succeeded", 1, 1)


def test_a_second_term_ends_what_runs(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 60", "--grace", "5s")
    first = daemon("--drain")
    number = witness.run("job")
    witness.wait("S")
    first.send(signal.SIGTERM)
    wait_until(lambda: "stopping" in first.output)
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 1
    row = witness.row(number)
    assert (row["status"], row["reason"]) == ("canceled", "daemon_stopped")


def test_a_paused_run_does_not_keep_the_daemon(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 2")  # long enough for a command to start on a busy machine
    first = daemon("--drain")
    number = witness.run("job")
    witness.wait("S")
    witness.jobctl("pause", number, "--wait", expect=0)
    assert first.stop() == 0
    daemon()
    witness.jobctl("resume", number, expect=0)
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"]) == ("succeeded", 1)


def test_control_c_reaches_the_daemon_and_no_job(
    environment: dict[str, str], jobctl: Jobctl, witness: Witness, home: Path, daemon: StartDaemon
) -> None:
    trap = f"trap 'echo I >>{witness.path}' INT HUP; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done"
    witness.add("job", trap)
    number = witness.run("job")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, jobctl.command("daemon"), environment)
    said = b""
    try:
        witness.wait("S")
        os.write(terminal, b"\x03")
        while True:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                break
        _, status = os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert witness.row(number)["status"] == "succeeded"
    assert not witness.lines("I")


def test_a_job_has_three_descriptors_and_an_empty_stdin(
    environment: dict[str, str], jobctl: Jobctl, witness: Witness, home: Path, daemon: StartDaemon
) -> None:
    listing = 'import os; print(sorted(map(int, os.listdir("/proc/self/fd")))[:-1])'
    witness.add("job", f"python3 -c '{listing}'; cat")
    extra = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(extra, True)
    process = subprocess.Popen(jobctl.command("daemon"), env=environment, cwd="/", pass_fds=(extra,))
    try:
        number = witness.run("job")
        assert witness.ending(number) == ("succeeded", None)
        assert witness.jobctl("logs", number).stdout == "[0, 1, 2]\n"
    finally:
        os.close(extra)
        process.terminate()
        assert process.wait(20) == 0


def test_a_daemon_whose_standard_descriptors_are_closed_works(
    environment: dict[str, str], jobctl: Jobctl, witness: Witness, home: Path, daemon: StartDaemon
) -> None:
    witness.add("job", "echo said; echo complained >&2; cat")
    shell = 'exec "$@" <&- >&- 2>&-'
    process = subprocess.Popen(["/bin/sh", "-c", shell, "sh", *jobctl.command("daemon")], env=environment, cwd="/")
    try:
        number = witness.run("job")
        assert witness.ending(number) == ("succeeded", None)
        assert witness.jobctl("logs", number).stdout == "said\ncomplained\n"
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_daemon_whose_log_cannot_be_written_works(
    environment: dict[str, str], jobctl: Jobctl, witness: Witness, home: Path, daemon: StartDaemon
) -> None:
    witness.add("job", "true")
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(jobctl.command("daemon"), env=environment, cwd="/", stdout=full, stderr=full)
    try:
        assert witness.ending(witness.run("job")) == ("succeeded", None)
    finally:
        process.terminate()
        assert process.wait(20) == 0


NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]


@pytest.fixture
def namespace(tmp_path: Path) -> list[str]:
    done = subprocess.run([*NAMESPACE, "sh", "-c", "echo 100 >/proc/sys/kernel/ns_last_pid"], capture_output=True)
    if done.returncode:
        pytest.skip(f"no pid namespace: {done.stderr.decode()}")
    return NAMESPACE


REUSE = """
import json, os, signal, subprocess, sys, time
import apsw
home, jobctl = sys.argv[1], [sys.executable, "-m", "jobctl"]
def until(condition):
    while not (value := condition()):
        time.sleep(0.01)
    return value
def query(text):
    database = apsw.Connection(home + "/jobctl.db")
    database.setbusytimeout(5000)
    try:
        return database.execute(text).fetchall()
    finally:
        database.close()
def start():
    return subprocess.Popen([*jobctl, "daemon", "--until-idle"], start_new_session=True)
def all_reaped():  # a session keeps its number for as long as any of it is unreaped
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
daemon = start()
until(lambda: query("SELECT 1 FROM system_jobs WHERE started_on IS NOT NULL"))
((runner,),) = query("SELECT pid FROM runners WHERE id = (SELECT runner_id FROM system_jobs WHERE state = 2)")
daemon.kill(); daemon.wait()
os.kill(runner, signal.SIGKILL)
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid() and b"sleep" in open("/proc/%s/cmdline" % name, "rb").read():
        os.kill(int(name), signal.SIGKILL)
until(all_reaped)
open("/proc/sys/kernel/ns_last_pid", "w").write(str(runner - 1))
victim = subprocess.Popen(["sleep", "100"], start_new_session=SESSION, env={"PATH": os.environ["PATH"]})
daemon = start() if victim.pid == runner else None
code = daemon and daemon.wait()
row = query("SELECT status, reason FROM system_jobs")
print(json.dumps([victim.pid == runner, victim.poll(), code, row]))
"""


@pytest.mark.parametrize("session", [False, True], ids=["its pid", "its pid and session"])
def test_a_process_that_got_a_dead_runners_pid_is_left_alone(
    namespace: list[str], environment: dict[str, str], witness: Witness, home: Path, session: bool
) -> None:
    witness.add("job", "sleep 100")
    witness.run("job")
    script = REUSE.replace("SESSION", repr(session))
    done = subprocess.run(
        [*namespace, sys.executable, "-c", script, str(home)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    reused, ended, code, rows = json.loads(done.stdout)
    if not reused:
        pytest.skip("the pid could not be reused")
    assert ended is None, "a stranger was killed"
    assert (code, rows) == (0, [[31, "lost"]])


OTHER_NAMESPACE = """
import json, subprocess, sys
victim = subprocess.Popen(["sleep", "100"], start_new_session=True, env={"PATH": "/usr/bin:/bin"})
import apsw
database = apsw.Connection(sys.argv[1] + "/jobctl.db")
database.execute("UPDATE runners SET pid = ?", (victim.pid,))
database.close()
code = subprocess.run([sys.executable, "-m", "jobctl", "daemon", "--until-idle"]).returncode
print(json.dumps([victim.poll(), code]))
"""


def test_a_runners_number_means_nothing_in_another_pid_namespace(
    namespace: list[str], environment: dict[str, str], daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    """As after the restart of a container: same boot, other processes."""
    witness.add("job", "sleep 60")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    wait_until(lambda: witness.row(number)["started_on"])
    pid = int(witness.lines("S")[0].split()[3])
    for one in [first.pid, *runners(home), pid]:
        os.kill(one, signal.SIGKILL)
    first.wait()
    wait_until(lambda: not is_alive(pid))
    done = subprocess.run(
        [*namespace, sys.executable, "-c", OTHER_NAMESPACE, str(home)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ended, code = json.loads(done.stdout)
    assert ended is None, "a stranger was killed"
    assert code == 0
    assert witness.ending(number) == ("failed", "lost")
