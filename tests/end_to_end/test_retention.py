"""Purges and retention by a real daemon: what is deleted, how it is interrupted, and when nothing happens."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import apsw
import pytest

from jobctl import logs
from jobctl.clock import system_clock
from jobctl.config import Config
from jobctl.store import Filter, Store
from tests.conftest import ClockFile, Jobctl, StartDaemon, WaitUntil, processes_of

pytestmark = pytest.mark.thorough

DAY = 86_400
INTERNAL = b"jobctl.bulk_delete"

FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, message_name, due_at, created_on, created_by,
                         modified_on, modified_by, owner, ready_on, started_on, completed_on, run_time, exit_code,
                         log_bytes, attempt, claim)
SELECT randomblob(16), jobs.id, version_id, jobs.name, 3, 30, 'run', :at + i, :at + i, 1, :at + i, 1, 1, :at + i,
       :at + i, :at + i, 1, 0, 0, 1, 1
  FROM n, jobs WHERE jobs.name = :job
"""


def fill(home: Path, job: str, rows: int) -> None:
    """So many successes of a job, of ten days ago."""
    with Store.open(Config(home), system_clock(), "user:test") as store, store.database.write():
        at = store.clock.now() - 10 * DAY * 1_000_000
        store.database.connection.execute(FILL, {"rows": rows, "at": at, "job": job})


def left(home: Path, job: str) -> int:
    database = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        query = "SELECT sequence FROM system_jobs WHERE name = ?"
        return len(database.execute(query, (job,)).fetchall())
    finally:
        database.close()


def system_job(jobctl: Jobctl, number: object) -> dict[str, Any]:
    found: dict[str, Any] = jobctl("show", number, "--json", expect=0).json["system_job"]
    return found


def passes(jobctl: Jobctl) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = jobctl("monitor", "--type", "14", "--json", expect=0).json["system_jobs"]
    return found


def test_a_purge_deletes_what_it_says_and_nothing_else(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    jobctl("add", "talk", "--command", 'echo "$JOBCTL_DATA"', expect=0)
    jobctl("add", "fail", "--", "false", expect=0)
    jobctl("add", "sleep", "--", "sleep", "60", expect=0)
    daemon("--slots", 4)
    old = [int(jobctl("run", "talk", "--data", str(n), "--wait", expect=0).stdout) for n in range(2)]
    failed = int(jobctl("run", "fail", "--wait", expect=1).stdout)
    running = int(jobctl("run", "sleep", expect=0).stdout)
    wait_until(lambda: system_job(jobctl, running)["state"] == "locked")
    assert logs.attempts(home, old[0]) == [1]

    found = jobctl("purge", "--status", "succeeded", "--wait", expect=0)
    assert found.stderr.endswith("succeeded: 2 system jobs deleted\n")
    number = int(found.stdout)
    one = system_job(jobctl, number)
    result = one["result"]
    assert (result["deleted"], result["failed"], result["log_bytes"]) == (2, 0, 4)
    assert 0 < result["longest_transaction"] < 5 and one["operation_type"] == 13
    listed = [row["sequence"] for row in jobctl("monitor", "--json", expect=0).json["system_jobs"]]
    assert listed == [number, running, failed]
    assert logs.attempts(home, old[0]) == logs.attempts(home, old[1]) == []
    assert "2 system jobs deleted (completed, succeeded)" in jobctl("logs", number, expect=0).stdout
    jobctl("cancel", running, "--wait", expect=0)

    again = jobctl("rerun", number, "--wait", "--json", expect=0).json["system_jobs"][0]
    assert (again["operation_type"], again["result"]["deleted"]) == (13, 1), "the first purge is completed, too"


def test_a_canceled_purge_ends_between_two_batches(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    rows = 30_000
    jobctl("add", "old", "--", "true", expect=0)
    fill(home, "old", rows)
    daemon()
    number = int(jobctl("purge", "--older-than", "1d", expect=0).stdout)
    wait_until(lambda: left(home, "old") < rows)
    jobctl("cancel", number, "--wait", expect=0)
    one = system_job(jobctl, number)
    assert (one["status"], one["reason"], one["exit_code"]) == ("canceled", "user", 128 + signal.SIGTERM)
    assert one["result"]["deleted"] == rows - left(home, "old") < rows
    jobctl("run", "old", "--wait", expect=0)


def test_a_killed_purge_has_counted_what_it_deleted(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    rows = 10_000
    jobctl("add", "old", "--", "true", expect=0)
    fill(home, "old", rows)
    daemon()
    number = int(jobctl("purge", "--job", "old", expect=0).stdout)
    wait_until(lambda: left(home, "old") < rows)
    (child,) = (pid for pid in processes_of(home) if INTERNAL in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(child, signal.SIGKILL)
    jobctl("wait", number, expect=1)
    one = system_job(jobctl, number)
    assert (one["status"], one["reason"], one["signal"]) == ("failed", "signal", signal.SIGKILL)
    assert one["result"]["deleted"] == rows - left(home, "old") < rows
    jobctl("purge", "--job", "old", "--wait", expect=0)
    assert left(home, "old") == 0


def test_a_purge_recurs(jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil) -> None:
    jobctl("add", "old", "--", "true", expect=0)
    fill(home, "old", 10)
    jobctl("purge", "--job", "old", "--every", "1s", "--name", "tidy", expect=0)
    daemon()
    wait_until(lambda: left(home, "old") == 0)
    fill(home, "old", 10)
    wait_until(lambda: left(home, "old") == 0)
    done = jobctl("monitor", "--job", "tidy", "--status", "succeeded", "--json", expect=0).json["system_jobs"]
    assert sum(one["result"]["deleted"] for one in done) == 20
    assert {one["operation_type"] for one in done} == {13} and {one["message_name"] for one in done} == {"schedule"}


def test_history_is_kept_and_then_it_is_not(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil, clock_file: ClockFile
) -> None:
    jobctl("add", "talk", "--", "echo", "hello", expect=0)
    jobctl("add", "quiet", "--keep", "failed", "--", "true", expect=0)
    jobctl("add", "fail", "--keep", "1000d", "--", "false", expect=0)
    first = daemon()
    number = int(jobctl("run", "talk", "--wait", expect=0).stdout)
    jobctl("run", "quiet", "--wait", expect=0)
    kept = int(jobctl("run", "fail", "--wait", expect=1).stdout)
    assert passes(jobctl) == [] and logs.attempts(home, number) == [1]
    assert first.stop() == 0

    clock_file.set(wall=31.0 * DAY)
    daemon("--until-idle", ready=False).wait()
    (done,) = passes(jobctl)
    assert (done["status"], done["platform"], done["owner"]) == ("succeeded", True, "jobctl")
    assert done["result"]["deleted"] == 2 and logs.attempts(home, number) == []
    assert [one["sequence"] for one in jobctl("monitor", "--json", expect=0).json["system_jobs"]] == [kept]
    assert [job["name"] for job in jobctl("list", "--json", expect=0).json["jobs"]] == ["fail", "quiet", "talk"]
    daemon("--until-idle", ready=False).wait()
    assert len(passes(jobctl)) == 1, "nothing is left that has to go"


def test_successes_that_are_not_kept_go_while_the_daemon_runs(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, clock_file: ClockFile
) -> None:
    jobctl("add", "quiet", "--keep", "failed", "--", "true", expect=0)
    daemon()
    number = jobctl("run", "quiet", "--wait", expect=0).stdout.strip()
    clock_file.advance(3700)
    jobctl("run", "--", "true", expect=0)
    wait_until(lambda: jobctl("show", number).returncode == 3)
    wait_until(lambda: passes(jobctl)[0]["state"] == "completed")


def test_output_is_limited_and_its_system_jobs_stay(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    jobctl("add", "talk", "--command", "head -c 1000 /dev/zero", expect=0)
    settings = {"JOBCTL_RETENTION_LOGS": "2500", "JOBCTL_RETENTION": "off"}
    first = daemon(env=settings)
    numbers = [int(jobctl("run", "talk", "--wait", expect=0).stdout) for _ in range(4)]
    assert first.stop() == 0 and passes(jobctl) == []
    daemon("--until-idle", env=settings, ready=False).wait()
    assert [logs.attempts(home, number) for number in numbers] == [[], [], [1], [1]]
    (done,) = passes(jobctl)
    assert (done["result"]["logs_dropped"], done["result"]["logs_left"], done["result"]["deleted"]) == (2, 2000, 0)
    assert "it wrote 1,000 bytes, and they are gone" in jobctl("logs", numbers[0], expect=0).stderr
    daemon("--until-idle", env=settings, ready=False).wait()
    assert len(passes(jobctl)) == 1


def test_nothing_is_deleted_where_that_is_off(
    jobctl: Jobctl, home: Path, daemon: StartDaemon, clock_file: ClockFile
) -> None:
    jobctl("add", "old", "--", "true", expect=0)
    fill(home, "old", 10)
    clock_file.set(wall=100.0 * DAY)
    off = dict.fromkeys(("JOBCTL_RETENTION", "JOBCTL_RETENTION_FAILED", "JOBCTL_RETENTION_LOGS"), "off")
    daemon("--until-idle", env=off, ready=False).wait()
    assert left(home, "old") == 10 and passes(jobctl) == []


def test_an_unreadable_purge_fails_with_a_sentence(jobctl: Jobctl, daemon: StartDaemon) -> None:
    jobctl("purge", "--older-than", "1d", "--every", "day", expect=0)
    daemon()
    number = jobctl("run", "purge", "--data", '{"filter": {"colour": "red"}}', "--wait", expect=1).stdout.strip()
    one = system_job(jobctl, number)
    assert (one["reason"], one["exit_code"]) == ("exit", 2)
    assert jobctl("logs", number, expect=0).stdout == "the filter of a purge has no 'colour'\n"
    with Store.open(Config(Path(jobctl.environment["JOBCTL_HOME"])), system_clock(), "user:test") as store:
        assert json.loads(str(store.payload(int(number))[0])) == {"filter": {"colour": "red"}}
        assert [row.sequence for row in store.system_jobs(Filter(job="purge", message_name="run"))] == [int(number)]
