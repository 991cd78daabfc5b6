"""Every notation through the door of `jobctl next` and `jobctl schedule`: what it finds, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Jobctl


def instants(jobctl: Jobctl, *arguments: str) -> list[str]:
    """UTC, to the minute."""
    found = jobctl("next", *arguments, "--json", expect=0).json["occurrences"]
    return [one["at"][:16] for one in found]


def azure(start: str | None = None, **recurrence: object) -> str:
    document = {"recurrence": recurrence} | ({} if start is None else {"startTime": start})
    return json.dumps(document)


FOUND = [
    (
        ["--recurrence", azure("2015-04-07T14:00Z", frequency="day", interval=2), "--from", "2015-04-08T13:00Z"],
        ["2015-04-09T14:00", "2015-04-11T14:00", "2015-04-13T14:00"],
    ),
    (
        [
            "--recurrence",
            azure(
                "2015-04-01T00:00Z",
                frequency="month",
                schedule={
                    "minutes": [15, 45],
                    "hours": [5, 17],
                    "monthlyOccurrences": [{"day": "wednesday", "occurrence": 3}],
                },
            ),
            "--from",
            "2015-04-08T13:00Z",
        ],
        ["2015-04-15T05:15", "2015-04-15T05:45", "2015-04-15T17:15"],
    ),
    (
        ["--quartz", "0 0 16 ? * 7L *", "--tz", "UTC", "--from", "2019-09-23"],
        ["2019-09-28T16:00", "2019-10-26T16:00", "2019-11-30T16:00"],
    ),
    (
        ["--every", "week", "--on", "mon,fri,sat", "--start", "2019-09-23T01:11:23Z", "--from", "2019-09-23T01:11:23Z"],
        ["2019-09-23T01:11", "2019-09-27T01:11", "2019-09-28T01:11"],
    ),
    (
        ["--rrule", "freq=monthly;", "--start", "2027-01-31T09:00Z", "--from", "2027-01-01"],
        ["2027-01-31T09:00", "2027-02-28T09:00", "2027-03-31T09:00"],
    ),
    (
        ["--rrule", "FREQ=DAILY;COUNT=2", "--start", "2027-01-31T09:00Z", "--from", "2027-01-01"],
        ["2027-01-31T09:00", "2027-02-01T09:00"],
    ),
    (
        ["--cron", "30 2 * * *", "--tz", "Europe/Madrid", "--from", "2027-03-27T12:00Z"],
        ["2027-03-28T01:00", "2027-03-29T00:30", "2027-03-30T00:30"],
    ),
    (
        ["--cron", "0 9 * * *", "--tz", "UTC", "--from", "2026-12-24T10:00Z", "--skip", "2026-12-25..2026-12-26"],
        ["2026-12-27T09:00", "2026-12-28T09:00", "2026-12-29T09:00"],
    ),
    (
        ["--every", "month", "--on", "last-fri", "--at", "17:30", "--tz", "Europe/Madrid", "--from", "2026-11-01"],
        ["2026-11-27T16:30", "2026-12-25T16:30", "2027-01-29T16:30"],
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), FOUND)
def test_what_each_notation_finds(jobctl: Jobctl, arguments: list[str], expected: list[str]) -> None:
    assert instants(jobctl, *arguments, "-n", "3") == expected


def test_a_recurrence_comes_from_a_file_or_stdin_too(jobctl: Jobctl, tmp_path: Path) -> None:
    text = azure("2027-01-01T00:00Z", frequency="week")
    (tmp_path / "plan.json").write_text(text)
    expected = ["2027-01-01T00:00", "2027-01-08T00:00"]
    assert instants(jobctl, "--recurrence", f"@{tmp_path}/plan.json", "-n", "2") == expected
    done = jobctl("next", "--recurrence", "-", "-n", "2", "--json", input=text, expect=0)
    assert [one["at"][:16] for one in done.json["occurrences"]] == expected


REFUSED = [
    (["--recurrence", azure(frequency="year")], 'recurrence.frequency cannot be "year"'),
    (["--recurrence", azure(frequency="day", interval=549)], "recurrence.interval"),
    (["--recurrence", azure(frequency="day", schedule={"hours": [5, 24]})], "recurrence.schedule.hours[1]"),
    (["--recurrence", azure(frequency="day", schedule={"weekDays": ["monday"]})], "recurrence.schedule.weekDays"),
    (["--recurrence", azure(frequency="day", count=1, endTime="2030-01-01")], "recurrence has both count and endTime"),
    (["--recurrence", azure(frequency="day", bogus=1)], "bogus"),
    (["--recurrence", "{"], "JSON"),
    (["--recurrence", azure(frequency="day"), "--count", "3"], "--count does not go with --recurrence"),
    (["--recurrence", "@/nonexistent"], "--recurrence: cannot read '/nonexistent'"),
    (["--quartz", "0 0 16 * *"], "--cron"),
    (["--quartz", "0 0 25 ? * 2"], "the hour field cannot be '25'"),
    (["--rrule", "FREQ=DAILY;BYFOO=1"], "BYFOO"),
    (["--rrule", "FREQ=DAILY;INTERVAL=0"], "INTERVAL"),
    (["--rrule", "FREQ=DAILY;COUNT=2", "--count", "3"], "--count is given, and --rrule says it, too"),
    (["--every", "week", "--on", "blursday"], "--on"),
    (["--every", "30s", "--at", "06:00"], "--at"),
    (["--cron", "0 3 * * *", "--on", "mon"], "--on names the days of an interval"),
    (["--cron", "0 3 * * *", "--skip", "2026-13-01"], "--skip: "),
    (["--cron", "@reboot"], "--on-start"),
    (["--on-start", "--skip", "2026-12-25"], "--skip does not go with --on-start"),
    (["--cron", "0 0 30 2 *"], "nothing would ever run"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_what_is_wrong_is_named(jobctl: Jobctl, arguments: list[str], words: str) -> None:
    refused = jobctl("next", *arguments, expect=2)
    assert words in refused.stderr and refused.stderr.count("\n") == 1 and refused.stdout == ""


def test_an_end_in_the_past_is_refused_where_it_would_be_stored(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    refused = jobctl("schedule", "one", "--recurrence", azure(frequency="day", endTime="2020-01-01"), expect=2)
    assert "in the past" in refused.stderr
    assert jobctl("show", "one", "--json", expect=0).json["job"]["schedule"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cron", "0 3 * * mon-fri"], "at 03:00 on Monday to Friday (cron 0 3 * * mon-fri), UTC time"),
        (["--every", "week", "--on", "mon,fri", "--at", "06:00,18:00"], "at 06:00 and 18:00 on Monday and Friday"),
        (["--recurrence", azure("2030-01-01T14:00Z", frequency="day", interval=2)], "at 14:00 every 2 days"),
        (["--quartz", "0 0 16 ? * 7L *"], "at 16:00 on the last Saturday of each month"),
        (["--rrule", "FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0;BYSECOND=0"], "at 09:00 on the 2nd Tuesday"),
        (["--on-start"], "once after each start of the machine"),
    ],
)
def test_it_is_told_in_plain_words(jobctl: Jobctl, arguments: list[str], words: str) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    told = jobctl("schedule", "one", *arguments, env={"TZ": "UTC"}, expect=0).stdout
    assert told.startswith(f"scheduled one: {words}")
    assert words in jobctl("show", "one", env={"TZ": "UTC"}, expect=0).stdout
