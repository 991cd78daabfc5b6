"""`jobctl list`."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess

import pytest

from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

LONG = ["echo", "a" * 200]


@pytest.fixture
def jobs(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--cron", "0 3 * * *", "--tz", "UTC", "--", *LONG, expect=0)
    jobctl("add", "adder", "--command", "=1+1 | cat\nx", expect=0)


@pytest.mark.usefixtures("jobs")
def test_a_pipe_gets_everything_untruncated(jobctl: Jobctl) -> None:
    shown = jobctl("list", expect=0).stdout
    header, *lines = shown.splitlines()
    assert header.split() == ["JOB", "STATUS", "RUNS", "SCHEDULE", "NEXT", "LAST"]
    assert len(lines) == 2
    backup = next(line for line in lines if line.startswith("backup"))
    assert " ".join(LONG) in backup and "(cron 0 3 * * *), UTC time" in backup and " (in " in backup
    assert "\x1b" not in shown and r"cat\nx" in shown


@pytest.mark.usefixtures("jobs")
def test_json_has_the_documented_shape(jobctl: Jobctl) -> None:
    document = jobctl("list", "--json", expect=0).json
    assert document["schema"] == 1
    jobs = {job["name"]: job for job in document["jobs"]}
    assert jobs["backup"]["schedule"]["expression"] == "0 3 * * *"
    assert jobs["backup"]["next_at"].endswith("T03:00:00.000000+00:00")
    assert (jobs["adder"]["schedule"], jobs["adder"]["next_at"], jobs["adder"]["last"]) == (None, None, None)


@pytest.mark.usefixtures("jobs")
def test_spreadsheets_get_no_formulas(jobctl: Jobctl) -> None:
    rows = list(csv.reader(io.StringIO(jobctl("list", "--format", "csv", expect=0).stdout)))
    assert rows[0] == ["job", "status", "runs", "schedule", "next", "last"]
    assert next(row for row in rows if row[0] == "adder")[2] == r"'=1+1 | cat\nx"
    lines = [line.split("\t") for line in jobctl("list", "--format", "tsv", expect=0).stdout.splitlines()]
    assert lines == rows


@pytest.mark.usefixtures("jobs")
def test_markup_formats_quote_their_own_signs(jobctl: Jobctl) -> None:
    jobctl("edit", "adder", "--command", "a | <b>", expect=0)
    assert r"a \| <b>" in jobctl("list", "--format", "github", expect=0).stdout
    assert "a | &lt;b&gt;" in jobctl("list", "--format", "html", expect=0).stdout


@pytest.mark.parametrize("format", ["plain", "csv", "tsv", "github", "html"])
def test_no_jobs_are_an_empty_table(jobctl: Jobctl, format: str) -> None:
    shown = jobctl("list", "--format", format, expect=0)
    assert "job" in shown.stdout.lower() and not shown.stderr
    assert jobctl("list", "--json").json == {"schema": 1, "jobs": []}


def on_a_terminal(jobctl: Jobctl, *arguments: str, **environment: str) -> str:
    """What a command shows on a terminal of 70 columns."""
    ours, theirs = pty.openpty()
    env = {**jobctl.environment, "COLUMNS": "70", "TERM": "xterm", **environment}
    with subprocess.Popen(jobctl.command(*arguments), env=env, stdout=theirs, stdin=theirs, cwd="/") as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # EIO: the other end is closed
                break
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


@pytest.mark.usefixtures("jobs")
def test_a_terminal_shows_whole_names_and_shortened_commands(jobctl: Jobctl) -> None:
    lines = on_a_terminal(jobctl, "list", NO_COLOR="1").splitlines()
    assert all(len(line.rstrip()) <= 70 for line in lines)
    backup = next(line for line in lines if "backup" in line)
    assert "…" in backup and " (in " in backup
    assert "\x1b" not in "".join(lines)


@pytest.mark.usefixtures("jobs")
def test_colour_follows_the_terminal_and_its_wishes(jobctl: Jobctl) -> None:
    assert "\x1b[1m" in on_a_terminal(jobctl, "list")
    assert "\x1b" not in on_a_terminal(jobctl, "--color", "never", "list")
    assert "\x1b" in on_a_terminal(jobctl, "--color", "always", "list", NO_COLOR="1")
    assert "\x1b[1m" in on_a_terminal(jobctl, "show", "backup")


def test_an_empty_terminal_says_what_to_do(jobctl: Jobctl) -> None:
    ours, theirs = pty.openpty()
    argv = jobctl.command("list")
    done = subprocess.run(argv, env=jobctl.environment, stdout=theirs, stderr=subprocess.PIPE, text=True, cwd="/")
    os.close(ours)
    os.close(theirs)
    assert done.stderr == "jobctl: no jobs yet; define one: jobctl add --help\n"
