"""What becomes of late and overlapping runs, as asked for and shown; what Etendo and Azure call a job's state."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.end_to_end.witness import runners

pytestmark = pytest.mark.thorough

DEFAULTS = {"overlap": "skip", "catch_up": "latest", "catch_up_window": None, "late_limit": None, "jitter": 0.0}
EVERY = ("--every", "1h", "--start", "2030-01-01T00:00Z")
AZURE = json.dumps({"startTime": "2030-01-01T00:00:00Z", "recurrence": {"frequency": "day"}})


def document(jobctl: Jobctl, command: str, name: str, *options: object) -> dict[str, Any]:
    end = ("--", "true") if command == "add" else ()
    found: dict[str, Any] = jobctl(command, name, *options, "--json", *end, expect=0).json["job"]
    return found


def policies(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job["schedule"][name] for name in DEFAULTS}


@pytest.mark.parametrize(
    ("options", "expected", "lines"),
    [
        ((), {}, []),
        (("--overlap", "queue"), {"overlap": "queue"}, ["overlap queue"]),
        (("--overlap", "allow", "--catch-up", "none"), {"overlap": "allow", "catch_up": "none"}, ["catch-up none"]),
        (
            ("--overlap", "replace", "--catch-up", "all", "--catch-up-window", "36h"),
            {"overlap": "replace", "catch_up": "all", "catch_up_window": 129600.0},
            ["overlap replace", "catch-up all if no later than 1d 12h"],
        ),
        (("--catch-up-window", "90s"), {"catch_up_window": 90.0}, ["catch-up latest if no later than 1m 30s"]),
        (
            ("--late-limit", "PT5M", "--jitter", "350ms"),
            {"late_limit": 300.0, "jitter": 0.35},
            ["late limit 5m", "jitter within 350 ms"],
        ),
        (
            ("--late-limit", "0s", "--jitter", "0s", "--catch-up-window", "0s"),
            {"late_limit": 0.0, "catch_up_window": 0.0},
            ["late limit 0 ms", "catch-up latest if no later than 0 ms"],
        ),
    ],
)
def test_options_are_kept_and_shown(
    jobctl: Jobctl, options: tuple[str, ...], expected: dict[str, object], lines: list[str]
) -> None:
    job = document(jobctl, "add", "one", *EVERY, *options)
    assert policies(job) == {**DEFAULTS, **expected}
    page = [" ".join(line.split()) for line in jobctl("show", "one", expect=0).stdout.splitlines()]
    assert set(lines) <= set(page)
    labels = {name.replace("_", " ").replace("catch up", "catch-up").removesuffix(" window") for name in expected}
    shown = {
        label for label in ("overlap", "catch-up", "late limit", "jitter") if any(x.startswith(label) for x in page)
    }
    assert shown == labels, "what is at its default is left out"


def test_azure_recurrences_make_up_for_nothing_unless_asked(jobctl: Jobctl) -> None:
    assert policies(document(jobctl, "add", "azure", "--recurrence", AZURE))["catch_up"] == "none"
    asked = document(jobctl, "add", "asked", "--recurrence", AZURE, "--catch-up", "latest", "--catch-up-window", "1h")
    assert policies(asked) == {**DEFAULTS, "catch_up_window": 3600.0}


def test_policies_change_alone_and_go_with_a_new_schedule(jobctl: Jobctl) -> None:
    first = document(jobctl, "add", "one", *EVERY, "--overlap", "queue", "--late-limit", "5m")
    changed = document(jobctl, "reschedule", "one", "--overlap", "allow", "--jitter", "1m")
    assert policies(changed) == {**DEFAULTS, "overlap": "allow", "late_limit": 300.0, "jitter": 60.0}
    kept = ("plan", "every", "start", "activated_at", "fired")
    assert [changed["schedule"][key] for key in kept] == [first["schedule"][key] for key in kept]
    renewed = document(jobctl, "reschedule", "one")
    assert policies(renewed) == policies(changed) and renewed["schedule"]["plan"] == 2
    assert policies(document(jobctl, "reschedule", "one", "--every", "2h")) == DEFAULTS
    jobctl("unschedule", "one", expect=0)
    refused = jobctl("reschedule", "one", "--overlap", "allow", expect=4)
    assert refused.stderr == "jobctl: job 'one' has no schedule\n"


ONCE = "--catch-up is for a schedule of many instants; {} has one, and runs it late"
REFUSALS: list[tuple[str, str]] = [
    ("--every 1h --overlap maybe", "invalid value for '--overlap': 'maybe' is not one of 'skip', 'queue', 'allow'"),
    ("--every 1h --catch-up some", "invalid value for '--catch-up': 'some' is not one of 'latest', 'all', 'none'"),
    ("--every 1h --catch-up none --catch-up-window 1h", "--catch-up-window limits what is made up for"),
    ("--every 1h --jitter soon", "invalid value for '--jitter': 'soon' is no duration"),
    ("--every 1h --jitter -5s", "invalid value for '--jitter': '-5s' is no duration"),
    ("--every 1h --late-limit 5", "invalid value for '--late-limit': '5' is no duration"),
    ("--every 1h --catch-up-window 99999999999d", "invalid value for '--catch-up-window': '99999999999d' is longer"),
    ("--every 1h --count 99999999999999999999", "invalid value for '--count': 99999999999999999999 is not in"),
    ("--now --catch-up none", ONCE.format("--now")),
    ("--at 2030-01-01 --catch-up-window 1h", ONCE.format("--at")),
    ("--on-start --catch-up all", ONCE.format("--on-start")),
    ("--on-start --start tomorrow", "--start does not go with --on-start: it follows no calendar"),
    ("--overlap queue", "say when: --now, --at, --every"),
]


def test_refusals_store_nothing(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    for line, sentence in REFUSALS:
        refused = jobctl("schedule", "one", *line.split())
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), f"{line}: {refused.stderr}"
        assert refused.stderr.startswith(f"jobctl: {sentence}"), line
    refused = jobctl("add", "two", "--jitter", "5m", "--", "true", expect=2)
    assert refused.stderr.startswith("jobctl: --overlap, --catch-up, --late-limit and --jitter need a schedule: --now")
    assert [job["schedule"] for job in jobctl("list", "--json").json["jobs"]] == [None]


# What Etendo and Azure call it


def test_the_states_of_a_job(jobctl: Jobctl, daemon: StartDaemon) -> None:
    jobctl("add", "draft", "--", "true", expect=0)
    jobctl("add", "active", *EVERY, "--", "true", expect=0)
    jobctl("add", "resting", *EVERY, "--", "true", expect=0)
    jobctl("unschedule", "resting", "--until", "2031-01-01", expect=0)
    jobctl("add", "ended", *EVERY, "--", "true", expect=0)
    jobctl("unschedule", "ended", expect=0)
    jobctl("add", "good", "--now", "--", "true", expect=0)
    jobctl("add", "bad", "--now", "--", "false", expect=0)
    jobctl("add", "several", "--every", "1s", "--count", 2, "--command", "exit 3", expect=0)
    jobctl("run", "draft", expect=0)
    expected = {
        "draft": ("", None),
        "active": ("SCH", "enabled"),
        "resting": ("SCH", "enabled"),
        "ended": ("UNS", "disabled"),
        "good": ("COM", "completed"),
        "bad": ("COM", "faulted"),
        "several": ("COM", "faulted"),
    }
    daemon()

    def states() -> dict[str, tuple[str, str | None]]:
        return {job["name"]: (job["request_status"], job["state"]) for job in jobctl("list", "--json").json["jobs"]}

    wait_until(lambda: states() == expected, what=f"the states are as they should be; last {states()}")
    table = jobctl("list", "--format", "csv", expect=0).stdout.splitlines()
    assert {line.split(",")[0]: line.split(",")[1] for line in table[1:]} == {
        name: status for name, (status, _) in expected.items()
    }
    jobctl("rerun", "bad", expect=0)
    jobctl("run", "good", "--wait", expect=0)
    wait_until(lambda: states() == expected, what="a rerun that fails again leaves it faulted")


def test_an_immediate_run_that_is_lost(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    """SYR, Etendo's System Restart: not repeated. What repeats goes on being scheduled."""
    jobctl("add", "immediate", "--now", "--", "sleep", "999", expect=0)
    jobctl("add", "often", "--every", "1h", "--", "sleep", "999", expect=0)
    daemon()
    wait_until(lambda: len(jobctl("monitor", "--status", "in_progress", "--json").json["system_jobs"]) == 2)
    for pid in runners(home):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(jobctl("monitor", "--status", "failed", "--json").json["system_jobs"]) == 2)
    found = {job["name"]: job for job in jobctl("list", "--json").json["jobs"]}
    assert (found["immediate"]["request_status"], found["immediate"]["state"]) == ("SYR", "faulted")
    assert (found["often"]["request_status"], found["often"]["state"]) == ("SCH", "enabled")
    assert {found[name]["last"]["reason"] for name in found} == {"lost"}
    jobctl("reschedule", "immediate", expect=0)
    wait_until(lambda: jobctl("monitor", "--status", "in_progress", "--json").json["system_jobs"])
    jobctl("cancel", "immediate", "--wait", expect=0)
    again = jobctl("show", "immediate", "--json").json["job"]
    assert (again["request_status"], again["state"]) == ("COM", "completed"), "a person canceled it"
