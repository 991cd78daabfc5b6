"""What a command imports: nothing heavy that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import Jobctl

HEAVY = {"rich", "tabulate", "croniter", "dateutil", "asyncio", "importlib.metadata"}


def imported(jobctl: Jobctl, *arguments: str) -> set[str]:
    """The modules that a command line imports."""
    argv = [sys.executable, "-X", "importtime", "-m", "jobctl", *arguments]
    done = subprocess.run(argv, env=jobctl.environment, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "--version",
        "monitor --json",
        "run once",
        "list --json",
        "show once --json",
        "next --every 5m --json",
    ],
)
def test_nothing_heavy_is_imported(jobctl: Jobctl, line: str) -> None:
    jobctl("add", "once", "--at", "2030-01-01", "--", "true", expect=0)
    assert imported(jobctl, *line.split()) & (HEAVY | {"platformdirs"}) == set()


OFTEN = ("--help", "monitor", "monitor --json", "run once")


@pytest.mark.parametrize("line", OFTEN)
def test_what_is_typed_often_brings_no_rules(jobctl: Jobctl, line: str) -> None:
    """Neither the grammar of schedules and instants nor what only other commands ask for; and no code is compiled."""
    jobctl("add", "once", "--", "true", expect=0)
    jobctl("run", "once", expect=0)
    found = imported(jobctl, *line.split())
    assert (
        found & {"dataclasses", "jobctl.control", "jobctl.ledger", "jobctl.alarms", "click.shell_completion"} == set()
    )
    assert {name for name in found if name.startswith("jobctl.schedule.")} <= {"jobctl.schedule.lengths"}


def test_help_needs_no_database(jobctl: Jobctl) -> None:
    assert imported(jobctl, "--help") & {"apsw", "zoneinfo", "subprocess", "socket", "logging"} == set()


def test_completion_of_a_name_stays_light(jobctl: Jobctl, environment: dict[str, str]) -> None:
    jobctl("add", "backup", "--cron", "@daily", "--", "true", expect=0)
    environment |= {"_JOBCTL_COMPLETE": "bash_complete", "COMP_WORDS": "jobctl show b", "COMP_CWORD": "2"}
    assert imported(jobctl) & HEAVY == set()


def test_importing_jobctl_is_light(jobctl: Jobctl) -> None:
    code = "import sys, jobctl; print(sorted({'apsw', 'click', 'dataclasses', 'json'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", code], env=jobctl.environment, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_every_heavy_module_is_recognised(jobctl: Jobctl) -> None:
    """The guard itself: where they are needed, the same reading of -X importtime does find them."""
    assert "tabulate" in imported(jobctl, "list", "--format", "html")
    assert "rich" in imported(jobctl, "--color", "always", "list")
    assert "croniter" in imported(jobctl, "next", "--cron", "@daily")
