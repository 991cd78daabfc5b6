"""`jobctl wait`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import apsw
import pytest

from tests.conftest import Jobctl, StartDaemon, WaitUntil


def test_all_succeeded(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--", "sleep", "0.2", expect=0)
    jobctl("run", "--", "true", expect=0)
    found = jobctl("wait", "1", "2", expect=0)
    assert sorted(found.stdout.splitlines()) == ["1 adhoc: succeeded", "2 adhoc: succeeded"]
    assert found.stderr == ""


def test_one_failed(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "bad", "--command", "exit 7", expect=0)
    jobctl("run", "--", "true", expect=0)
    jobctl("run", "bad", expect=0)
    found = jobctl("wait", "1", "2", "--json", expect=1)
    assert [one["exit_code"] for one in found.json["system_jobs"]] == [0, 7]


def test_canceled_counts_as_failed(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    jobctl("cancel", "1", expect=0)
    assert jobctl("wait", "1", expect=1).stdout.startswith("1 adhoc: canceled (user)")


def test_time_is_up(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    found = jobctl("wait", "1", "--timeout", "200ms", expect=124)
    assert found.stderr.endswith("jobctl: the time is up: 1 adhoc is ready\n")
    assert "no daemon is running" in found.stderr
    assert jobctl("wait", "1", "--timeout", "0s", "--json", expect=124).json["system_jobs"][0]["state"] == "ready"


def test_a_name_stands_for_the_one_that_runs(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "one", "--", "sleep", "2", expect=0)
    jobctl("run", "one", expect=0)
    assert jobctl("wait", "one", expect=0).stdout == "1 one: succeeded\n"
    assert jobctl("wait", "one", expect=3).stderr.startswith("jobctl: job 'one' has no system job to wait for")


def test_unknown_ones_are_told_before_waiting(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    assert jobctl("wait", "1", "99", expect=3).stderr == "jobctl: no system job 99; see: jobctl monitor\n"


def test_one_deleted_meanwhile(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--", "sleep", "100", expect=0)
    jobctl("run", "--wait", "--", "true", expect=0)
    process = subprocess.Popen(
        jobctl.command("wait", "1", "2"),
        env=jobctl.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "2 adhoc: succeeded\n"
    jobctl("delete", "--force", "--wait", "1", expect=0)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (1, "", "jobctl: 1 adhoc was deleted\n")


@pytest.mark.parametrize("command", ["wait 1", "logs -f 1", "monitor --watch"])
def test_no_transaction_is_held_meanwhile(jobctl: Jobctl, home: Path, wait_until: WaitUntil, command: str) -> None:
    jobctl("run", "--", "true", expect=0)
    process = subprocess.Popen(
        jobctl.command(*command.split()), env=jobctl.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    database = str(home / "jobctl.db")

    def is_open() -> bool:
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                if os.readlink(link) == database:
                    return True
        return False

    wait_until(is_open)
    jobctl("run", "--", "true", expect=0)
    connection = apsw.Connection(database)
    connection.execute("SELECT 1 FROM system_jobs").fetchall()

    def is_free() -> bool:
        with contextlib.suppress(apsw.BusyError):  # it was just looking
            return connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)
        return False

    wait_until(is_free)
    connection.close()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
