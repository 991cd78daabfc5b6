"""`jobctl schedule`, `reschedule` and `unschedule`."""

from __future__ import annotations

import pytest

from tests.conftest import ClockFile, Jobctl


@pytest.fixture(autouse=True)
def one(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)


@pytest.mark.parametrize(
    ("arguments", "words", "zone"),
    [
        (
            ["--every", "5m", "--start", "2030-06-01 09:00", "--tz", "Europe/Madrid"],
            "every 5 minutes",
            "2030-06-01 09:00:00 +02:00",
        ),
        (
            ["--cron", "30 4 * * mon", "--tz", "Asia/Tokyo"],
            "at 04:30 on Monday (cron 30 4 * * mon)",
            " 04:30:00 +09:00 Asia/Tokyo",
        ),
        (
            ["--at", "2030-01-02T03:04:05Z", "--tz", "UTC"],
            "once at 2030-01-02 03:04:05 UTC",
            "2030-01-02 03:04:05 +00:00 UTC",
        ),
    ],
)
def test_the_first_instant_is_echoed_with_its_zone(jobctl: Jobctl, arguments: list[str], words: str, zone: str) -> None:
    done = jobctl("schedule", "one", *arguments, expect=0)
    first, second = done.stdout.splitlines()
    assert first.startswith(f"scheduled one: {words}")
    assert second.startswith("first: ") and zone in second and "(in " in second
    assert done.stderr == "no daemon is running; start: jobctl daemon\n"


def test_schedule_in_json(jobctl: Jobctl) -> None:
    document = jobctl("schedule", "one", "--every", "day", "--count", "3", "--json", expect=0).json
    schedule = document["job"]["schedule"]
    assert (schedule["notation"], schedule["every"], schedule["count"], schedule["active"]) == ("every", "day", 3, True)
    assert document["job"]["next_at"] == schedule["activated_at"]


def test_now_is_due_at_once(jobctl: Jobctl) -> None:
    job = jobctl("schedule", "one", "--now", "--json", expect=0).json["job"]
    assert job["schedule"]["notation"] == "once"
    assert job["next_at"] <= job["schedule"]["activated_at"]


def test_a_second_schedule_is_refused_until_it_replaces_the_first(jobctl: Jobctl) -> None:
    jobctl("schedule", "one", "--every", "1h", expect=0)
    refused = jobctl("schedule", "one", "--every", "2h", expect=4)
    assert refused.stderr.startswith("jobctl: job 'one' has a schedule already (every hour")
    replaced = jobctl("reschedule", "one", "--every", "2h", expect=0)
    assert replaced.stdout.startswith("rescheduled one: every 2 hours")
    jobctl("unschedule", "one", expect=0)
    jobctl("schedule", "one", "--every", "3h", expect=0)


def test_unschedule_cancels_what_waits(jobctl: Jobctl) -> None:
    jobctl("schedule", "one", "--every", "1h", "--start", "in 1h", expect=0)
    assert jobctl("unschedule", "one", expect=0).stdout == "unscheduled one\n"
    waited = jobctl("monitor", "--json").json["system_jobs"][0]
    assert (waited["status"], waited["reason"]) == ("canceled", "unscheduled")
    assert jobctl("unschedule", "one", expect=4).stderr == "jobctl: job 'one' has no schedule\n"
    assert jobctl("show", "one", "--json").json["job"]["schedule"]["ended_by"] == "unscheduled"


def test_reschedule_without_a_schedule_begins_the_last_one_anew(jobctl: Jobctl, clock_file: ClockFile) -> None:
    assert jobctl("reschedule", "one", expect=4).stderr.startswith("jobctl: job 'one' never had a schedule")
    before = jobctl("schedule", "one", "--every", "1h", "--json", expect=0).json["job"]
    clock_file.advance(1000)
    after = jobctl("reschedule", "one", "--json", expect=0).json["job"]
    assert after["schedule"]["every"] == "1h"
    assert after["schedule"]["plan"] == before["schedule"]["plan"] + 1
    assert after["next_at"] > before["next_at"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["one"], 2, "say when: --now, --at, --every, --cron, --quartz, --rrule, --recurrence or --on-start"),
        (["noe", "--now"], 3, "no job named 'noe'; did you mean 'one'?"),
        (["one", "--at", "03/04/2026"], 2, "--at: '03/04/2026' leaves the order of day and month open"),
        (["one", "--at", "2026-02-30"], 2, "--at: "),
        (["one", "--cron", "61 * * * *"], 2, "the minute field cannot be '61'; it goes from 0 to 59"),
        (["one", "--cron", "* * *"], 2, ""),
        (["one", "--cron", "0 0 30 2 *"], 2, ""),
        (["one", "--every", "0s"], 2, ""),
        (["one", "--every", "1h", "--cron", "@daily"], 2, "give one of --now"),
        (["one", "--every", "1h", "--start", "2030-01-02", "--end", "2030-01-01"], 2, "--end is before --start"),
        (["one", "--every", "1h", "--end", "2020-01-01"], 2, "the end of the schedule is in the past"),
        (["one", "--every", "1h", "--count", "0"], 2, "invalid value for '--count': 0 is not in the range 1<=x"),
        (["one", "--at", "fri", "--count", "2"], 2, "--count is for a schedule that repeats"),
        (["one", "--every", "5m\x1b[0m"], 2, "--every contains the control character U+001B"),
        (["one", "--at", "٢٠٢٧-01-01"], 2, "--at: "),
    ],
)
def test_bad_schedules_store_nothing(jobctl: Jobctl, arguments: list[str], code: int, sentence: str) -> None:
    refused = jobctl("schedule", *arguments, expect=code)
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert refused.stderr.count("\n") == 1 and "\x1b" not in refused.stderr
    assert jobctl("show", "one", "--json").json["job"]["schedule"] is None
