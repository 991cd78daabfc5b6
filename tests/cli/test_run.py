"""`jobctl run`."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Jobctl, StartDaemon, WaitUntil

NO_DAEMON = "no daemon is running; start: jobctl daemon\n"


def test_prints_the_number_and_says_that_no_daemon_runs(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    first, second = jobctl("run", "one", expect=0), jobctl("run", "one", expect=0)
    assert (first.stdout, second.stdout) == ("1\n", "2\n")
    assert first.stderr == NO_DAEMON


def test_json_is_the_system_job(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--token", "disk", "--", "true", expect=0)
    found = jobctl("run", "one", "--data", '{"b": 2, "a": [1, null]}', "--json", expect=0)
    document = found.json["system_job"]
    assert found.json["schema"] == 1
    assert (document["sequence"], document["job"], document["state"]) == (1, "one", "ready")
    assert document["data"] == {"b": 2, "a": [1, None]} and document["dependency_token"] == "disk"
    assert document["message_name"] == "run" and found.stderr == NO_DAEMON


def test_later_is_suspended_and_the_instant_is_echoed(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    found = jobctl("run", "one", "--at", "2099-01-02 03:04", expect=0, env={"TZ": "Europe/Madrid"})
    assert "1 one is due 2099-01-02 03:04:00 +01:00" in found.stderr
    assert jobctl("show", "1", "--json").json["system_job"]["due_at"] == "2099-01-02T02:04:00.000000+00:00"


@pytest.mark.parametrize("source", ["-", "@file"])
def test_data_from_stdin_or_a_file(jobctl: Jobctl, tmp_path: Path, source: str) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    text = json.dumps({"text": "ñ" * 1000})
    (tmp_path / "data").write_text(text, encoding="utf-8")
    given = source if source == "-" else f"@{tmp_path / 'data'}"
    found = jobctl("run", "one", "--json", "--data", given, input=text if source == "-" else None, expect=0)
    assert found.json["system_job"]["data"] == json.loads(text)


def test_a_command_without_a_definition(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    jobctl("run", "--wait", "--", "sh", "-c", 'pwd; echo "$1"', "--", "--wait", cwd=tmp_path, expect=0)
    assert jobctl("logs", "1", expect=0).stdout == f"{tmp_path}\n--wait\n"
    assert jobctl("show", "1", "--json", expect=0).json["system_job"]["job"] == "adhoc"
    assert jobctl("list", "--json", expect=0).json["jobs"] == []


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 3", 1), ("kill -9 $$", 1)])
def test_wait_exits_as_it_ended(jobctl: Jobctl, daemon: StartDaemon, command: str, code: int) -> None:
    daemon()
    jobctl("add", "one", "--command", command, expect=0)
    found = jobctl("run", "one", "--wait", expect=code)
    assert found.stdout == "1\n"
    assert found.stderr.startswith("jobctl: 1 one: " + ("succeeded" if code == 0 else "failed"))
    found = jobctl("run", "one", "--wait", "--json", expect=code)
    assert found.json["system_job"]["state"] == "completed"


def test_interrupting_the_wait_leaves_it_alone(jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil) -> None:
    daemon()
    process = subprocess.Popen(
        jobctl.command("run", "--wait", "--", "sleep", "100"),
        env=jobctl.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    wait_until(lambda: jobctl("show", "1", "--json").json["system_job"]["status"] == "in_progress")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "1 adhoc goes on; to stop it: jobctl cancel 1" in err
    jobctl("cancel", "1", "--wait", expect=0)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "name a job, or give a command after --"),
        (("one", "--", "true"), "not both"),
        (("--",), "nothing follows --"),
        (("one", "--data", "{"), "not valid JSON"),
        (("one", "--data", '{"a": 1, "a": 2}'), "a key appears twice"),
        (("one", "--data", "NaN"), "NaN"),
        (("one", "--data", "@/no/such/file"), "cannot read '/no/such/file': No such file or directory"),
        (("one", "--data", "@/etc"), "cannot read '/etc': Is a directory"),
        (("one", "--regarding", "invoice"), "is not TYPE:ID"),
        (("one", "--at", "03/04/2026"), "--at"),
    ],
)
def test_bad_input_is_refused_and_nothing_stored(jobctl: Jobctl, args: tuple[str, ...], sentence: str) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    found = jobctl("run", *args, expect=2)
    assert sentence in found.stderr and found.stderr.count("\n") == 1, found.stderr
    assert jobctl("monitor", "--json").json["system_jobs"] == []
