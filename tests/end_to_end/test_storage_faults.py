"""The file system and the database misbehave under a running daemon."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.conftest import Daemon, StartDaemon, wait_until
from tests.end_to_end.witness import Witness


def delete(home: Path) -> None:
    for path in home.glob("jobctl.db*"):
        path.unlink()


def move_away(home: Path) -> None:
    (home / "jobctl.db").rename(home / "elsewhere.db")


def replace_by_a_copy(home: Path) -> None:
    shutil.copy2(home / "jobctl.db", home / "copy.db")
    (home / "copy.db").rename(home / "jobctl.db")


def delete_the_home(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("harm", [delete, move_away, replace_by_a_copy, delete_the_home])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_database_that_is_gone_ends_the_daemon(
    daemon: StartDaemon, witness: Witness, home: Path, harm: Callable[[Path], None], busy: bool
) -> None:
    witness.add("job", "sleep 0.3")
    first = daemon()
    if busy:
        for _ in range(3):
            witness.run("job")
        witness.wait("S")
    harm(home)
    began = time.monotonic()
    assert first.wait(10) == 74
    assert time.monotonic() - began < 2
    assert "Traceback" not in first.output
    if harm in (delete, move_away):
        assert not (home / "jobctl.db").exists(), "no new, empty one takes its place"


def hold_the_lock(home: Path) -> apsw.Connection:
    """A writer that does not queue, such as the sqlite3 command."""
    foreign = apsw.Connection(str(home / "jobctl.db"))
    foreign.setbusytimeout(5000)
    foreign.execute("BEGIN IMMEDIATE")
    return foreign


def test_results_wait_for_a_foreign_writer(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 0.3; echo done")
    first = daemon("--slots", 3)
    numbers = [witness.run("job") for _ in range(3)]
    witness.wait("S", count=3)
    wait_until(lambda: all(witness.row(number)["started_on"] for number in numbers))
    foreign = hold_the_lock(home)
    witness.wait("E", count=3)
    refused = witness.jobctl("run", "job", expect=75)
    assert "locked" in refused.stderr
    assert first.alive
    foreign.execute("COMMIT")
    foreign.close()
    rows = witness.ended(*numbers)
    assert [(row["status"], row["attempt"], row["execution_time_span"] < 2) for row in rows] == [
        ("succeeded", 1, True)
    ] * 3
    assert len(witness.lines("S")) == 3
    assert "Traceback" not in first.output


@pytest.mark.campaign
def test_results_wait_longer_than_the_daemon_does(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 0.3")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    foreign = hold_the_lock(home)
    wait_until(lambda: "locked" in first.output, timeout=60)
    assert first.alive
    foreign.execute("COMMIT")
    foreign.close()
    assert witness.ending(number) == ("succeeded", None)


MOUNT = ["unshare", "--user", "--map-root-user", "--mount"]
FULL = """
import json, os, subprocess, sys, time
import apsw
home, witness = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", home], check=True)
os.environ["JOBCTL_HOME"] = home
def jobctl(*args):
    return subprocess.run([sys.executable, "-m", "jobctl", *args], capture_output=True, text=True, cwd="/")
def until(condition):
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline, (condition, open(witness).read())
        time.sleep(0.02)
    return value
def seen(kind):
    return [line.split()[1] for line in open(witness) if line[0] == kind]
note = 'echo "%s $JOBCTL_SEQUENCE" >>' + witness
command = f"{note % 'S'}; sleep 1; {note % 'E'}; echo out; exit 3"
assert jobctl("add", "job", "--command", command).returncode == 0
log = open(witness + ".log", "w")
daemon = subprocess.Popen([sys.executable, "-m", "jobctl", "daemon"], stdout=log, stderr=log, cwd="/")
numbers = [int(jobctl("run", "job").stdout) for _ in range(2)]
until(lambda: len(seen("S")) == 2)
time.sleep(0.1)
fill = os.open(home + "/fill", os.O_WRONLY | os.O_CREAT)
for size in (65536, 4096, 1):
    try:
        while True:
            os.write(fill, bytes(size))
    except OSError:
        pass
refused = []
while not refused or refused[-1].returncode == 0:
    refused.append(jobctl("run", "job", "--data", json.dumps("x" * 60000)))
    if refused[-1].returncode == 0:
        numbers.append(int(refused[-1].stdout))
until(lambda: len(seen("E")) >= 2)
time.sleep(1.5)
alive = daemon.poll() is None
os.ftruncate(fill, 0)
os.close(fill)
code = jobctl("wait", *map(str, numbers), "--timeout", "30s").returncode
numbers.append(int(jobctl("run", "job").stdout))
jobctl("wait", *map(str, numbers), "--timeout", "30s")
rows = json.loads(jobctl("monitor", "--json").stdout)["system_jobs"]
daemon.terminate()
left = daemon.wait(20)
database = apsw.Connection(home + "/jobctl.db")
check = database.execute("PRAGMA integrity_check").fetchall()
print(json.dumps({"refused": [refused[-1].returncode, refused[-1].stderr], "alive": alive, "wait": code, "left": left,
    "accepted": sorted(numbers), "started": sorted(map(int, seen("S"))), "check": check,
    "rows": sorted([row["sequence"], row["status"], row["exit_code"], row["attempt"]] for row in rows)}))
"""


def test_a_full_disk_loses_nothing_and_the_daemon_goes_on(
    environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    allowed = subprocess.run([*MOUNT, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    if allowed.returncode:
        pytest.skip(f"cannot mount a small file system: {allowed.stderr.decode()}")
    witness = tmp_path / "witness"
    witness.touch()
    done = subprocess.run(
        [*MOUNT, sys.executable, "-c", FULL, str(home), str(witness)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
    )
    log = Path(f"{witness}.log").read_text()
    assert done.returncode == 0, done.stderr + log
    told = json.loads(done.stdout)
    assert told["refused"][0] == 74, told
    assert "full" in told["refused"][1]
    assert told["alive"], log
    assert told["left"] == 0
    assert told["rows"] == [[number, "failed", 3, 1] for number in told["accepted"]], log
    assert told["started"] == told["accepted"]
    assert told["check"] == [["ok"]]
    assert "Traceback" not in log


def test_a_missing_run_directory_does_not_make_the_daemon_spin(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("job", "true")
    first: Daemon = daemon()
    wait_until(lambda: "started" in first.output)
    shutil.rmtree(home / "run")
    witness.run("job")
    used, began = cpu(first), time.monotonic()
    wait_until(lambda: time.monotonic() > began + 2 or not first.alive, what="two seconds")
    assert first.alive, first.output
    assert cpu(first) - used < 1.0


def cpu(one: Daemon) -> float:
    """Seconds of processor time, of its ended children too."""
    fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
