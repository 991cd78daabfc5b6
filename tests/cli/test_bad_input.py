"""Whatever is wrong outside jobctl: one sentence, the documented exit code, nothing changed, never a traceback."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jobctl.cli import COMMANDS
from tests.conftest import Completed, Jobctl

JSON_BOMB = "[" * 100_000 + "]" * 100_000
NEAR_ENOUGH = "did you mean 'backup'?"


def one_sentence(found: Completed, code: int, *texts: str) -> None:
    """It ended with that code and said one sentence on stderr, and that one holds the texts."""
    what = f"{found.args}: exit {found.returncode}\n{found.stdout}{found.stderr}"
    sentences = [line for line in found.stderr.splitlines() if not line.startswith("no daemon is running")]
    assert found.returncode == code, what
    assert len(sentences) == 1 and sentences[0].startswith("jobctl: "), what
    assert "Traceback" not in found.stderr and "internal error" not in found.stderr, what
    for text in texts:
        assert text in found.stderr, what
    assert all(character.isprintable() for character in sentences[0]), what


def snapshot(home: Path) -> dict[str, str]:
    """The content of the database file, hashed; the log and its index only when they are not empty."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.glob("jobctl.db*")
        if path.name == "jobctl.db" or (path.name.endswith("-wal") and path.stat().st_size)
    }


def rows(home: Path) -> list[tuple[object, ...]]:
    """Everything that is stored, as it would be read by anyone."""
    database = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = ("jobs", "job_versions", "schedules", "system_jobs", "payloads", "events")
        return [row for table in tables for row in database.execute(f"SELECT '{table}', * FROM {table}")]
    finally:
        database.close()


@pytest.fixture
def filled(jobctl: Jobctl, home: Path) -> Path:
    """A home with a job that has a schedule, and system jobs that are ready, suspended and completed."""
    jobctl("add", "backup", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    jobctl("run", "backup", expect=0)
    jobctl("run", "backup", "--at", "in 1h", expect=0)
    jobctl("run", "backup", expect=0)
    jobctl("cancel", "4", expect=0)
    return home


UNKNOWN_NAMES = [
    "edit bakup --timeout 1m",
    "remove bakup",
    "show bakup",
    "schedule bakup --every 5m",
    "unschedule bakup",
    "reschedule bakup",
    "next bakup",
    "run bakup",
    "monitor --job bakup",
    "logs bakup",
    "logs -f bakup",
    "wait bakup",
    "pause bakup",
    "resume bakup",
    "cancel bakup",
    "cancel --next bakup",
    "postpone bakup --for 1h",
    "rerun bakup",
    "delete bakup",
]
UNKNOWN_NUMBERS = [
    f"{command} {number}"
    for command in ("show", "logs", "wait", "pause", "resume", "cancel", "rerun", "delete", "postpone --for 1h")
    for number in ("99", "9" * 30, "id:00000000")
]


@pytest.mark.parametrize("line", UNKNOWN_NAMES)
def test_unknown_names_get_the_nearest_one(jobctl: Jobctl, filled: Path, line: str) -> None:
    before = rows(filled)
    one_sentence(jobctl(*line.split()), 3, "no job named 'bakup'", NEAR_ENOUGH)
    assert rows(filled) == before


def test_unknown_system_jobs(jobctl: Jobctl, filled: Path) -> None:
    before = rows(filled)
    for line in UNKNOWN_NUMBERS:
        one_sentence(jobctl(*line.split()), 3, "no system job")
    assert rows(filled) == before


def test_unknown_commands_and_options(jobctl: Jobctl) -> None:
    one_sentence(jobctl("moniter"), 2, "no such command 'moniter'", "did you mean 'monitor'?")
    for command in COMMANDS:
        one_sentence(jobctl(command, "--no-such-option"), 2, "--no-such-option")


IMPOSSIBLE = [
    ("run backup --at", "2026-02-30"),
    ("run backup --at", "25:00"),
    ("run backup --at", "yesterweek"),
    ("run backup --at", "@99999999999999999999"),
    ("run backup --at", "03/04/2026"),
    ("run backup --at", "２０２６-01-01"),
    ("run backup --at", ""),
    ("postpone 2 --until", "10000-01-01"),
    ("postpone 2 --for", "-1h"),
    ("postpone 2 --for", "5 parsecs"),
    ("wait 2 --timeout", "soon"),
    ("monitor --since", "noonish"),
    ("monitor --until", "2026-13-01"),
    ("schedule other --at", "2026-02-30 00:00"),
    ("schedule other --every", "0m"),
    ("schedule other --every", "5 fortnights"),
    ("schedule other --cron", "61 * * * *"),
    ("schedule other --cron", "* 24 * * *"),
    ("schedule other --cron", "* * 32 * *"),
    ("schedule other --cron", "* * * 13 *"),
    ("schedule other --cron", "* * * * 8"),
    ("schedule other --cron", "0 0 30 2 *"),
    ("schedule other --cron", "* * * *"),
    ("schedule other --cron", "* * * * * * * *"),
    ("schedule other --cron", "a b c d e"),
    ("next --cron", "0 0 31 4 *"),
    ("add other2 --timeout 1m --cron", "99 * * * *"),
    ("reschedule backup --tz Mars/Phobos --every", "5m"),
]


@pytest.mark.parametrize(("line", "value"), IMPOSSIBLE)
def test_impossible_instants_durations_and_cron_fields(jobctl: Jobctl, filled: Path, line: str, value: str) -> None:
    jobctl("add", "other", "--", "true", expect=0)
    before = rows(filled)
    command = ["--", "true"] if line.startswith("add") else []
    one_sentence(jobctl(*line.split(), value, *command), 2)
    assert rows(filled) == before


HOSTILE = ["\x1b[2J\x1b]0;x\x07", "a\rb", "a\nb", "\u202egnp.exe", "\x9b31m", "'; DROP TABLE jobs; --", "../../etc", ""]
PLACES = [
    "add {} -- true",
    "edit {} --timeout 1m",
    "remove {}",
    "show {}",
    "schedule {} --every 5m",
    "unschedule {}",
    "reschedule {}",
    "next {}",
    "run {}",
    "run backup --regarding {}",
    "run backup --data {}",
    "run backup --at {}",
    "monitor --job {}",
    "monitor --state {}",
    "monitor --type {}",
    "monitor --since {}",
    "logs {}",
    "wait {}",
    "pause {}",
    "cancel {}",
    "postpone {} --for 1h",
    "rerun {}",
    "delete {}",
    "completion {}",
    "{}",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_names_with_terminal_escapes_and_worse(jobctl: Jobctl, filled: Path, value: str) -> None:
    before = rows(filled)
    for place in PLACES:
        found = jobctl(*(value if word == "{}" else word for word in place.split()))
        one_sentence(found, found.returncode)
        assert found.returncode in (2, 3), found.stderr
    assert rows(filled) == before


def test_arguments_that_are_not_utf8(jobctl: Jobctl, filled: Path) -> None:
    before = rows(filled)
    for place in [*PLACES, "run -- echo {}", "add other -- echo {}", "add other --command {}", "run backup --data @{}"]:
        value = "caf\udce9"
        found = jobctl(*(word.replace("{}", value) for word in place.split()))
        one_sentence(found, found.returncode)
        assert found.returncode in (2, 3), (place, found.stderr)
    assert rows(filled) == before


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b'"\x00"', "not valid JSON"),
        (b"", "not valid JSON"),
        (JSON_BOMB.encode(), "deeper than 64"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'"' + b"x" * 1024 * 1024 + b'"', "1 MiB"),
        (b'"\\ud800"', ""),
        (b"1e999", ""),
        (b"9" * 5000, ""),
        (b'{"a": 1} x', "not valid JSON"),
    ],
)
def test_data_that_is_no_json(jobctl: Jobctl, filled: Path, tmp_path: Path, data: bytes, text: str) -> None:
    before = rows(filled)
    (tmp_path / "data").write_bytes(data)
    one_sentence(jobctl("run", "backup", "--data", f"@{tmp_path / 'data'}"), 2, text)
    process = subprocess.run(
        jobctl.command("run", "backup", "--data", "-"), input=data, env=jobctl.environment, capture_output=True
    )
    assert process.returncode == 2 and process.stderr.count(b"\n") == 1
    assert rows(filled) == before


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
