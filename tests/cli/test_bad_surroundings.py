"""Whatever is wrong around jobctl, from a damaged database to a full disk: one sentence and nothing changed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.cli.sentences import one_sentence, rows, snapshot
from tests.conftest import Completed, Jobctl

pytestmark = pytest.mark.thorough

# What reads, and what writes; with each of them the state of the home is tried.

READERS = ["list", "show backup", "show 2", "next backup", "monitor", "monitor --json", "logs 2", "wait 4"]
WRITERS = [
    "add other -- true",
    "edit backup --timeout 1m",
    "remove backup",
    "schedule other --every 5m",
    "unschedule backup",
    "reschedule backup",
    "run backup",
    "run -- true",
    "pause 2",
    "resume 3",
    "cancel 2",
    "cancel --next backup",
    "postpone 2 --for 1h",
    "rerun 4",
    "delete 4",
]


def test_locked_for_longer_than_the_wait(jobctl: Jobctl, filled: Path) -> None:
    before = rows(filled)
    blocker = apsw.Connection(str(filled / "jobctl.db"))
    blocker.execute("BEGIN IMMEDIATE")
    running = [
        subprocess.Popen(
            jobctl.command(*line.split()),
            env=jobctl.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in ("run backup", "cancel 2", "add other -- true")
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        one_sentence(Completed(process.args, process.returncode, out, err), 75, "is locked by another")
    assert jobctl("monitor", expect=0).stderr == ""
    blocker.execute("ROLLBACK")
    blocker.close()
    assert rows(filled) == before


def test_the_writers_queue_is_held(jobctl: Jobctl, filled: Path) -> None:
    with open(filled / "write.lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        one_sentence(jobctl("run", "backup"), 75, "try again")


def test_damaged(jobctl: Jobctl, filled: Path) -> None:
    path = settled(filled)
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    before = snapshot(filled)
    for line in [*READERS, *WRITERS]:
        one_sentence(jobctl(*line.split()), 74, "is damaged")
    assert snapshot(filled) == before


def test_from_a_newer_version(jobctl: Jobctl, filled: Path) -> None:
    database = apsw.Connection(str(filled / "jobctl.db"))
    database.pragma("user_version", 9999)
    database.close()
    settled(filled)
    before = snapshot(filled)
    for line in [*READERS, *WRITERS, "daemon --until-idle"]:
        one_sentence(jobctl(*line.split()), 73, "9999", "newer jobctl")
    assert snapshot(filled) == before


@pytest.mark.parametrize("kind", ["text", "empty header", "other database"])
def test_not_a_database_of_jobctl(jobctl: Jobctl, home: Path, kind: str) -> None:
    path = home / "jobctl.db"
    if kind == "other database":
        other = apsw.Connection(str(path))
        other.execute("CREATE TABLE t (x); PRAGMA application_id = 77; PRAGMA user_version = 1")
        other.close()
    else:
        path.write_bytes(b"no database\n" * 1000 if kind == "text" else b"\0" * 8192)
    before = snapshot(home)
    for line in [*READERS, *WRITERS, "daemon --until-idle"]:
        one_sentence(jobctl(*line.split()), 73, "is not a jobctl database")
    assert snapshot(home) == before


def test_a_home_that_is_a_file(jobctl: Jobctl, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine", encoding="ascii")
    for line in [*READERS, *WRITERS, "daemon --until-idle"]:
        one_sentence(jobctl("--home", path, *line.split()), 73, str(path))
    assert path.read_text(encoding="ascii") == "mine"


def settled(home: Path) -> Path:
    """The database file, with all of its log moved into it."""
    database = apsw.Connection(str(home / "jobctl.db"))
    database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    database.close()
    for name in ("jobctl.db-wal", "jobctl.db-shm"):
        (home / name).unlink(missing_ok=True)
    return home / "jobctl.db"


# Read-only and full: in a mount namespace of their own, so that nothing of the machine changes.


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True).returncode == 0


needs_mount = pytest.mark.skipif(not may_mount(), reason="mounting in a namespace is not permitted here")


def namespaced(jobctl: Jobctl, setup: str, *lines: str) -> Iterator[Completed]:
    """Run each command line after `setup` (shell text; $JOBCTL_HOME is the home) in one mount namespace."""
    quoted = " ".join(f"'{word}'" for word in jobctl.command())
    runs = "\n".join(
        f"{quoted} {line} >$OUT/{index}.out 2>$OUT/{index}.err; echo $? >$OUT/{index}.code"
        for index, line in enumerate(lines)
    )
    directory = Path(jobctl.environment["HOME"])
    script = f"set -e\nmount --make-rprivate /\n{setup}\nset +e\n{runs}\n"
    environment = {**jobctl.environment, "OUT": str(directory)}
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for index, line in enumerate(lines):
        out, err, code = (
            (directory / f"{index}.{kind}").read_text(encoding="utf-8") for kind in ("out", "err", "code")
        )
        yield Completed(line, int(code), out, err)


@needs_mount
def test_read_only_home(jobctl: Jobctl, filled: Path) -> None:
    settled(filled)
    before = snapshot(filled)
    setup = 'mount --bind "$JOBCTL_HOME" "$JOBCTL_HOME"; mount -o remount,bind,ro "$JOBCTL_HOME"'
    for found in namespaced(jobctl, setup, *READERS, *WRITERS):
        if found.returncode == 0 and found.args in READERS:
            assert found.stdout and "Traceback" not in found.stderr
        elif found.args == "wait 4" and found.returncode == 1:
            assert "canceled" in found.stdout
        else:
            one_sentence(found, 73)
            assert "read-only" in found.stderr.lower() or "cannot open" in found.stderr, found.stderr
    assert snapshot(filled) == before


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can give the home away")
def test_another_users_home(jobctl: Jobctl, filled: Path) -> None:
    settled(filled)
    before = snapshot(filled)
    for path in (filled, *filled.rglob("*")):
        os.chown(path, 65534, 65534)
    unprivileged = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]
    for line in [*READERS, *WRITERS, "daemon --until-idle"]:
        command = [*unprivileged, *jobctl.command(*line.split())]
        done = subprocess.run(command, env=jobctl.environment, capture_output=True, text=True)
        one_sentence(Completed(line, done.returncode, done.stdout, done.stderr), 77, str(filled))
    assert snapshot(filled) == before


FILL = """
import os
file = open(os.environ["JOBCTL_HOME"] + "/ballast", "wb", 0)
try:
    while file.write(b"x" * 4096):
        pass
except OSError:
    # Room for the index of the write-ahead log, but not for the data.
    file.truncate(file.tell() - 128 * 1024)
"""


@needs_mount
def test_full_disk(jobctl: Jobctl, tmp_path: Path) -> None:
    (tmp_path / "data").write_text('"' + "x" * 200_000 + '"', encoding="ascii")
    (tmp_path / "fill.py").write_text(FILL, encoding="ascii")
    quoted = " ".join(f"'{word}'" for word in jobctl.command())
    setup = f"""
        mount -t tmpfs -o size=1m none "$JOBCTL_HOME"
        {quoted} add backup -- true
        {quoted} run backup
        '{sys.executable}' '{tmp_path / "fill.py"}'
    """
    lines = (f"run backup --data '@{tmp_path / 'data'}'", "monitor --json", "show backup --json")
    submitted, listed, shown = namespaced(jobctl, setup, *lines)
    one_sentence(submitted, 74, "disk is full")
    assert listed.returncode == shown.returncode == 0
    assert [one["sequence"] for one in listed.json["system_jobs"]] == [1]


@needs_mount
def test_disk_full_from_the_beginning(jobctl: Jobctl, home: Path) -> None:
    fill = 'head -c 60k /dev/zero > "$JOBCTL_HOME/ballast" || true'
    (found,) = namespaced(jobctl, f'mount -t tmpfs -o size=64k none "$JOBCTL_HOME"; {fill}', "run -- true")
    one_sentence(found, 74, "full")


def test_full_stdout(jobctl: Jobctl, filled: Path) -> None:
    for line in ("monitor", "list", "show backup", "monitor --json", "doctor", "next backup"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                jobctl.command(*line.split()), env=jobctl.environment, stdout=full, stderr=subprocess.PIPE, text=True
            )
        one_sentence(Completed(line, done.returncode, "", done.stderr), 74, "No space left")


def test_closed_stdout_and_closed_pipes(jobctl: Jobctl, filled: Path) -> None:
    for line in ("monitor", "list", "show 2", "logs 2", "run backup", "doctor", "next backup", "monitor --watch"):
        command = " ".join(f"'{word}'" for word in jobctl.command(*line.split()))
        for shell in (f"{command} >&-", f"{command} | :", f"{command} <&- | :"):
            if line == "monitor --watch" and ">&-" in shell:
                continue
            done = subprocess.run(["sh", "-c", shell], env=jobctl.environment, capture_output=True, text=True)
            assert "Traceback" not in done.stderr and "rror" not in done.stderr, (shell, done.stderr)
