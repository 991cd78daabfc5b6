"""`jobctl monitor`."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess

import pytest

from tests.cli.terminal import Terminal, on_terminal
from tests.conftest import Jobctl, StartDaemon

TITLES = ["NUMBER", "JOB", "STATUS", "DUE", "START", "END", "DURATION", "ATTEMPT", "MESSAGE"]


def numbers(jobctl: Jobctl, *filters: str) -> list[int]:
    return [one["sequence"] for one in jobctl("monitor", "--json", *filters, expect=0).json["system_jobs"]]


def test_one_row_each_newest_first(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "bad", "--command", "exit 3", expect=0)
    jobctl("run", "--wait", "--", "true", expect=0)
    jobctl("run", "--wait", "bad", expect=1)
    titles, second, first = jobctl("monitor", expect=0).stdout.splitlines()
    assert titles.split() == TITLES
    assert re.fullmatch(r" +2  bad .* failed \(exit 3\) .* 1 +exit code 3", " " + second)
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d", first)) == 3
    (row, _) = csv.DictReader(io.StringIO(jobctl("monitor", "--format", "csv", expect=0).stdout))
    assert (row["number"], row["job"], row["status"], row["attempt"]) == ("2", "bad", "failed", "1")


def test_filters(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--token", "disk", "--tag", "night", "--", "true", expect=0)
    jobctl("run", "one", expect=0)
    jobctl("run", "--", "true", expect=0)
    jobctl("run", "one", "--at", "in 1h", expect=0)
    jobctl("run", "--", "true", expect=0)
    jobctl("cancel", "4", expect=0)
    owner = jobctl("show", "1", "--json").json["system_job"]["owner"]
    for filters, expected in (
        ("", [4, 3, 2, 1]),
        ("--job one", [3, 1]),
        ("--job adhoc", [4, 2]),
        ("--state ready", [2, 1]),
        ("--state suspended,Completed", [4, 3]),
        ("--status canceled", [4]),
        ("--status waiting-for-resources --job one", [1]),
        ("--token disk", [3, 1]),
        ("--tag night", [3, 1]),
        ("--type workflow --limit 2", [4, 3]),
        ("--type 13", []),
        (f"--owner {owner}", [4, 3, 2, 1]),
        (f"--owner {owner.partition(':')[2]} --limit 1", [4]),
        ("--owner user:nobody-of-that-name", []),
        ("--since 1970-01-01 --until 2000-01-01", []),
        ("--until now", [4, 3, 2, 1]),
    ):
        assert numbers(jobctl, *filters.split()) == expected, filters


def test_an_unknown_job_is_an_error_but_a_removed_one_is_not(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    assert numbers(jobctl, "--job", "backup") == []
    found = jobctl("monitor", "--job", "bakup", expect=3)
    assert found.stderr == "jobctl: no job named 'bakup'; did you mean 'backup'?\n"
    jobctl("run", "backup", expect=0)
    jobctl("remove", "backup", expect=0)
    assert numbers(jobctl, "--job", "backup") == [1]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("--state runing", "is none of ready, suspended, locked, completed"),
        ("--status ready", "is none of waiting_for_resources"),
        ("--type backup", "is no operation type"),
        ("--limit 0", "--limit"),
        ("--since 32:00", "--since"),
        ("--watch --format csv", "exclude each other"),
        ("--json --format csv", "exclude each other"),
        ("--column x", "no such option"),
    ],
)
def test_bad_input(jobctl: Jobctl, args: str, sentence: str) -> None:
    found = jobctl("monitor", *args.split(), expect=2)
    assert sentence in found.stderr and found.stderr.count("\n") == 1


def test_fits_eighty_columns(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "a-name-that-is-rather-long-for-a-job", "--command", "exit 3", expect=0)
    jobctl("run", "--wait", "a-name-that-is-rather-long-for-a-job", expect=1)
    jobctl("run", "--wait", "--", "/no/such/program/in/a/directory/far/away/from/here", expect=1)
    shown, code = on_terminal(jobctl, "--color", "never", "monitor")
    lines = [line.rstrip() for line in shown.decode().splitlines()]
    assert code == 0 and all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["number", "job", "status", "when", "took", "try", "message"]
    assert "failed (spawn)" in lines[2] and "failed (exit 3)" in lines[3]
    shown, _ = on_terminal(jobctl, "--color", "never", "monitor", columns=160)
    titles = ["number", "job", "status", "due", "start", "end", "took", "try", "message"]
    assert shown.decode().split("\n")[0].split() == titles


def test_progress_and_stage_of_a_running_one(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    report = " ".join(jobctl.command("report", "--progress", "40", "--stage", "rendering"))
    path = jobctl.environment["PYTHONPATH"]
    jobctl("add", "one", "--env", f"PYTHONPATH={path}", "--command", f"{report}; sleep 100", expect=0)
    jobctl("run", "one", expect=0)
    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"40% rendering" in shown)
    jobctl("pause", "1", "--wait", expect=0)
    terminal.until(lambda shown: b"paused" in shown)
    assert "40" in jobctl("show", "1", expect=0).stdout
    terminal.type(b"q")
    assert terminal.end() == 0
    jobctl("cancel", "1", "--wait", expect=0)


@pytest.mark.parametrize(("keys", "code"), [(b"q", 0), (b"\x03", 130), (b"\x04", 0)])
def test_watch_follows_the_store_and_leaves_the_terminal_as_it_was(jobctl: Jobctl, keys: bytes, code: int) -> None:
    jobctl("run", "--", "true", expect=0)
    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"ready" in shown)
    jobctl("cancel", "1", expect=0)
    terminal.until(lambda shown: b"canceled (user)" in shown)
    terminal.type(keys)
    assert terminal.end() == code
    assert terminal.shown.rstrip().endswith(b"\x1b[?1049l")
    assert b"\x1b[2J" not in terminal.shown


def test_watch_survives_sigterm_with_the_terminal_in_order(jobctl: Jobctl) -> None:
    import os

    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"q quits" in shown)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert b"\x1b[?1049l" in terminal.shown


def test_watch_in_a_pipe_prints_each_change(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    process = subprocess.Popen(
        jobctl.command("monitor", "--watch", "--json"),
        env=jobctl.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    seen = [json.loads(process.stdout.readline())["system_job"]]
    jobctl("run", "--", "true", expect=0)
    seen.append(json.loads(process.stdout.readline())["system_job"])
    jobctl("cancel", "1", expect=0)
    seen.append(json.loads(process.stdout.readline())["system_job"])
    assert [(one["sequence"], one["status"]) for one in seen] == [
        (1, "waiting_for_resources"),
        (2, "waiting_for_resources"),
        (1, "canceled"),
    ]
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


def test_names_and_messages_cannot_speak_to_the_terminal(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--wait", "--", "/no/such\u202e\u2066/program", expect=1)
    for args in (("monitor",), ("show", "1")):
        shown, _ = on_terminal(jobctl, "--color", "never", *args, columns=160)
        assert shown.replace(b"\r\n", b"").decode().isprintable()
