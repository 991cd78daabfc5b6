"""`jobctl check`."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import apsw
import pytest

from jobctl.output.text import local
from tests.cli.terminal import on_terminal
from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until

pytestmark = pytest.mark.thorough

FIGURE = re.compile(r"(\w+)=([0-9.]+)(s?)")


def figures(line: str) -> dict[str, float]:
    """The performance data of the first line."""
    first, _, data = line.splitlines()[0].partition(" | ")
    assert "|" not in data and all(FIGURE.fullmatch(word) for word in data.split()), data
    return {name: float(value) for name, value, _ in FIGURE.findall(data)}


def problems(jobctl: Jobctl, *arguments: object) -> list[tuple[str, str, str | None]]:
    document = jobctl("check", "--json", *arguments).json["check"]
    return [(one["level"], one["kind"], one["job"]) for one in document["problems"]]


def test_all_is_well(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "backup", "--every", "1h", "--", "true", expect=0)
    jobctl("run", "backup", "--wait", expect=0)
    found = jobctl("check", expect=0)
    assert found.stdout.startswith("OK - 1 job, 0 failed, 0 overdue, a daemon is running | ")
    assert found.stdout.count("\n") == 1 and found.stderr == ""
    assert figures(found.stdout) == {
        **dict.fromkeys(("running", "failed", "overdue", "held", "stuck", "missed", "untold", "ready"), 0),
        "jobs": 1,
        "daemon": 1,
        "waiting": 0,
        "longest": 0,
    }
    document = jobctl("check", "--json", expect=0).json
    assert (document["schema"], document["check"]["status"], document["check"]["problems"]) == (1, "ok", [])


def test_no_daemon_and_nothing_to_do(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    assert jobctl("check", expect=0).stdout.startswith("OK - 1 job, 0 failed, 0 overdue, nothing to do for a daemon")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("run backup", r"no daemon has ever run \(1 ready\); start: jobctl daemon"),
        ("run backup --at 2030-01-01", r"no daemon has ever run \(one due in \d+d \d+h\)"),
        ("schedule backup --every 1h --start 2030-01-01", r"no daemon has ever run \(one due in \d+d \d+h\)"),
    ],
)
def test_no_daemon_though_there_is_work(jobctl: Jobctl, work: str, words: str) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    jobctl(*work.split(), expect=0)
    found = jobctl("check", expect=2)
    first, second = found.stdout.splitlines()
    assert first.startswith("CRITICAL - no daemon has ever run (1 job) | ")
    assert re.match(f"CRITICAL: {words}", second)


def test_since_when_there_is_no_daemon(jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile, home: Path) -> None:
    """A daemon that was killed is missed from its last sign of life on."""
    jobctl("add", "backup", "--every", "1d", "--", "true", expect=0)
    one = daemon()
    wait_until(lambda: jobctl("show", "1", "--json").json["system_job"]["state"] == "completed")
    one.kill()
    seen = (home / "daemon.lock").stat().st_mtime_ns // 1000
    clock_file.advance(7250)
    found = jobctl("check", expect=2).stdout
    assert found.startswith("CRITICAL - no daemon for 2h (1 job) | ")
    assert found.splitlines()[1].endswith(f"start: jobctl daemon (since {local(seen)})")
    (problem,) = jobctl("check", "--json").json["check"]["problems"]
    assert problem["since"].startswith("20") and problem["system_job"] is None


def test_a_daemon_that_is_stopped(jobctl: Jobctl, daemon: StartDaemon) -> None:
    one = daemon()
    one.send(signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in Path(f"/proc/{one.pid}/status").read_text())
    found = jobctl("check", expect=2)
    assert f"let it go on: kill -CONT {one.pid}" in found.stdout
    one.send(signal.SIGCONT)
    wait_until(lambda: "State:\tT" not in Path(f"/proc/{one.pid}/status").read_text())
    assert jobctl("check").returncode == 0


def test_a_daemon_without_a_sign_of_life(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    one = daemon()
    lock = home / "daemon.lock"
    wait_until(lambda: lock.stat().st_mtime > 0)
    os.utime(lock, (lock.stat().st_mtime - 600,) * 2)
    found = jobctl("check", expect=2)
    assert f"the daemon (process {one.pid}) has done nothing for 10m" in found.stdout


def test_failed_jobs(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "backup", "--command", "exit 3", expect=0)
    jobctl("add", "sync", "--", "true", expect=0)
    jobctl("run", "sync", "--wait", expect=0)
    numbers = [jobctl("run", "backup", "--wait").stdout.strip() for _ in range(3)]
    found = jobctl("check", expect=2)
    first, second = found.stdout.splitlines()
    assert first.startswith("CRITICAL - 1 failed: backup (2 jobs) | ") and figures(first)["failed"] == 1
    began = jobctl("show", numbers[0], "--json").json["system_job"]["completed_on"]
    assert second.startswith(
        f"CRITICAL: backup failed, 3 times in a row: exit code 3; jobctl logs {numbers[2]} (since "
    )
    (problem,) = jobctl("check", "--json").json["check"]["problems"]
    assert (problem["since"], problem["system_job"]) == (began, int(numbers[2]))
    assert jobctl("check", "sync").returncode == 0
    jobctl("edit", "backup", "--command", "true", expect=0)
    jobctl("run", "backup", "--wait", expect=0)
    assert jobctl("check").returncode == 0


def test_the_last_run_is_the_one_that_ended_last(jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile) -> None:
    """The occurrence to come is older than what is run by hand before it."""
    daemon()
    jobctl("add", "backup", "--every", "1h", "--start", "in 1h", "--command", "exit 3", expect=0)
    jobctl("run", "backup", "--wait", expect=1)
    jobctl("edit", "backup", "--command", "true", expect=0)
    clock_file.advance(3610)
    wait_until(lambda: jobctl("check").returncode == 0)


def test_what_is_missed_is_a_warning_until_a_success(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile
) -> None:
    jobctl("add", "backup", "--every", "10m", "--start", "in 1m", "--catch-up", "none", "--", "true", expect=0)
    clock_file.advance(3000)
    daemon()
    wait_until(lambda: problems(jobctl) == [("warning", "missed", "backup")])
    found = jobctl("check", expect=1)
    assert found.stdout.startswith("WARNING - 1 missed: backup (1 job) | ")
    assert "backup: 5 occurrences not run since its last success, the last one missed; jobctl show 1" in found.stdout
    jobctl("run", "backup", "--wait", expect=0)
    assert jobctl("check").returncode == 0


def test_overdue_without_a_daemon(jobctl: Jobctl, clock_file: ClockFile) -> None:
    jobctl("add", "backup", "--expect", "1d", "--", "true", expect=0)
    assert jobctl("check").returncode == 0
    clock_file.advance(90_000)
    found = jobctl("check", expect=2).stdout
    assert found.startswith("CRITICAL - 1 overdue: backup (1 job) | ")
    assert "CRITICAL: backup is overdue: no success yet, for 1d 1h, and one is expected every 1d (since " in found
    jobctl("edit", "backup", "--no-expect", expect=0)
    assert jobctl("check").returncode == 0


def plant(home: Path, text: str) -> None:
    """Change the database as only a hardship could."""
    database = apsw.Connection(str(home / "jobctl.db"))
    database.execute(text)
    database.close()


def test_held_and_stuck(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon("--shutdown-timeout", "0s")
    jobctl("add", "backup", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    plant(home, "UPDATE system_jobs SET reason = 'held', message = 'lost again' WHERE sequence = 1")
    number = jobctl("run", "--", "sleep", "60", expect=0).stdout.strip()
    wait_until(lambda: jobctl("show", number, "--json").json["system_job"]["started_on"])
    plant(home, f"UPDATE system_jobs SET message = 'stuck: 2 processes survive' WHERE sequence = {number}")
    found = jobctl("check", expect=2)
    assert problems(jobctl) == [("critical", "held", "backup"), ("critical", "stuck", "adhoc")]
    assert "CRITICAL: backup waits for a person: lost again; jobctl resume 1 (since " in found.stdout
    assert "CRITICAL: sleep 60 is stuck: 2 processes survive (since " in found.stdout
    assert problems(jobctl, "backup") == [("critical", "held", "backup")]


def test_who_could_not_be_told(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon()
    jobctl("add", "backup", "--notify", "exec:exit 9", "--command", "exit 3", expect=0)
    jobctl("run", "backup", "--wait", expect=1)
    wait_until(lambda: jobctl("show", "2", "--json").json["system_job"]["reason"] == "retrying")
    assert jobctl("check", "--warning", "failed=2").returncode == 0
    plant(home, "UPDATE system_jobs SET state = 3, status = 31, reason = 'exit', completed_on = 1 WHERE sequence = 2")
    found = jobctl("check", "--warning", "failed=2", expect=1)
    assert "WARNING: exec:exit 9 could not be told (backup failed); jobctl logs 2 (since " in found.stdout
    assert problems(jobctl) == [("critical", "failed", "backup"), ("warning", "untold", None)]


def test_limits(jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile) -> None:
    daemon("--slots", 1, "--shutdown-timeout", "0s")
    for name in ("one", "two"):
        jobctl("add", name, "--command", "exit 3", expect=0)
        jobctl("run", name, "--wait", expect=1)
    for arguments, code in (
        ("", 2),
        ("--critical failed=3", 0),
        ("--critical failed=3 --warning failed=2", 1),
        ("-c failed=2", 2),
        ("-w failed=1", 1),
        ("-w failed=1 one", 1),
        ("-w failed=2 one", 0),
    ):
        assert jobctl("check", *arguments.split()).returncode == code, arguments
    long = jobctl("run", "--", "sleep", "60", expect=0).stdout.strip()
    wait_until(lambda: jobctl("show", long, "--json").json["system_job"]["started_on"])
    jobctl("run", "--", "true", expect=0)
    clock_file.advance(660)
    quiet = ["-w", "failed=9"]
    wait_until(lambda: jobctl("check", *quiet).returncode == 0)
    for limit, code in (("ready=1", 1), ("ready=2", 0), ("waiting=10m", 1), ("waiting=12m", 0), ("longest=11m", 1)):
        assert jobctl("check", *quiet, "--warning", limit).returncode == code, limit
    found = jobctl("check", *quiet, "-c", "waiting=10m", "-w", "ready=1", "-w", "longest=1h", expect=2)
    assert "WARNING: 1 waits for a slot\n" in found.stdout
    assert re.search("CRITICAL: one has waited for a slot for 11m( [0-9]+s)?; jobctl monitor", found.stdout)
    assert "running for" not in found.stdout


UNKNOWN: list[tuple[str, str]] = [
    ("check bakup", "no job named 'bakup'; did you mean 'backup'?"),
    ("check --warning failed=0", "failed takes a number from 1 on"),
    ("check --warning faild=1", "did you mean 'failed'?"),
    ("check --critical waiting=3q", "3q"),
    ("check --warning failed=3 --critical failed=2", "it would never be reached"),
    ("check --no-such-option", "no such option"),
]


def test_what_cannot_be_answered_is_unknown(jobctl: Jobctl) -> None:
    """Not 2, as other commands exit with: that would be an alarm."""
    jobctl("add", "backup", "--", "true", expect=0)
    for line, words in UNKNOWN:
        found = jobctl(*line.split(), expect=3)
        assert found.stdout.startswith("UNKNOWN - ") and found.stdout.count("\n") == 1 and words in found.stdout
        assert found.stderr.startswith("jobctl: ") and words in found.stderr


def test_no_home_and_a_damaged_one(jobctl: Jobctl, home: Path) -> None:
    found = jobctl("--home", home / "nowhere", "check", expect=3)
    assert found.stdout == f"UNKNOWN - there is no jobctl database in {home}/nowhere; set JOBCTL_HOME\n"
    assert not (home / "nowhere").exists()
    (home / "jobctl.db").write_bytes(b"no database\n" * 1000)
    assert "is not a jobctl database" in jobctl("check", expect=3).stdout


def test_nothing_of_a_message_can_pass_for_performance_data(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "backup", "--command", "jobctl", "--cwd", "/nowhere|failed=0", expect=0)
    jobctl("run", "backup", "--wait", expect=1)
    found = jobctl("check", expect=2)
    assert [line.count("|") for line in found.stdout.splitlines()] == [1, 0]


def test_on_a_terminal_nothing_is_cut(jobctl: Jobctl, home: Path) -> None:
    jobctl("add", "backup", "--every", "1h", "--start", "2030-01-01", "--", "true", expect=0)
    seen, code = on_terminal(jobctl, "--color", "never", "check", columns=60)
    shown = seen.decode()
    assert code == 2 and "CRITICAL - no daemon has ever run (1 job)" in shown and " | " not in shown
    assert max(map(len, shown.splitlines())) <= 60 and "start: jobctl daemon" in " ".join(shown.split())
    colored, _ = on_terminal(jobctl, "check")
    assert colored.count(b"\x1b[31m\x1b[1mCRITICAL\x1b[0m") == 2
    once, _ = on_terminal(jobctl, "check", "nobody")
    assert once.count(b"no job named") == 1
