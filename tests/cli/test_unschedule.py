"""`jobctl unschedule`: a schedule ends, or rests until an instant."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from tests.conftest import ClockFile, Jobctl
from tests.end_to_end.timeline import Row, Timeline

pytestmark = pytest.mark.thorough

HOURLY = ("--every", "1h", "--start", "2027-06-01T10:00Z")


@pytest.fixture
def timeline(jobctl: Jobctl, clock_file: ClockFile) -> Timeline:
    """A quarter to eleven, and jobs with and without a schedule; there is no daemon."""
    timeline = Timeline(jobctl, clock_file, "10:45:00")
    timeline.add("backup", *HOURLY)
    timeline.add("idle")
    return timeline


def pause_of(job: Row) -> tuple[str | None, ...]:
    """From when, until when and why, instants as hours and minutes."""
    schedule = job["schedule"]
    begin, end = (schedule[key] and schedule[key][11:16] for key in ("paused_from", "paused_until"))
    return begin, end, schedule["pause_reason"]


def test_until_an_instant_with_a_reason(jobctl: Jobctl, timeline: Timeline) -> None:
    done = jobctl("unschedule", "backup", "--until", "13:30", "--reason", "moving disks", expect=0)
    assert done.stdout.startswith(
        "backup: no run is started by its schedule until 2027-06-01 13:30:00 +00:00 (in 2h 44m"
    )
    job = timeline.job("backup")
    assert pause_of(job) == ("10:45", "13:30", "moving disks")
    assert (job["request_status"], job["state"], job["schedule"]["active"]) == ("SCH", "enabled", True)
    page = jobctl("show", "backup", expect=0).stdout
    assert "paused       until 2027-06-01 13:30:00 +00:00 (in 2h 44m" in page and "): moving disks" in page
    assert "11:00:00 +00:00 UTC (in 14m" in page and "3 not run" in page and "14:00:00 +00:00" in page
    line = jobctl("list", expect=0).stdout.splitlines()[1]
    assert line.split()[:3] == ["backup", "SCH", "(paused)"]
    assert "paused" not in jobctl("list", "--format", "csv", expect=0).stdout


def test_a_rest_is_prolonged_shortened_and_ended(jobctl: Jobctl, timeline: Timeline) -> None:
    for text, reason, expected in (
        ("13:30", "disks", ("10:45", "13:30", "disks")),
        ("15:30", None, ("10:45", "15:30", "disks")),
        ("12:30", "discs", ("10:45", "12:30", "discs")),
    ):
        options = () if reason is None else ("--reason", reason)
        job = jobctl("unschedule", "backup", "--until", text, *options, "--json", expect=0).json["job"]
        assert pause_of(job) == expected
        assert timeline.told("backup") == {"backup": ["11:00 scheduled"]}
    for text in ("now", "2020-01-01"):
        assert jobctl("unschedule", "backup", "--until", text, expect=0).stdout == "backup: its schedule goes on\n"
    assert timeline.told("backup") == {"backup": ["11:00 scheduled"]}
    assert timeline.job("backup")["next_at"].startswith("2027-06-01T11:00")


def test_what_fell_due_is_recorded_when_the_rest_is_ended(jobctl: Jobctl, timeline: Timeline) -> None:
    jobctl("unschedule", "backup", "--until", "2027-06-03", "--reason", "holiday", expect=0)
    timeline.go("13:10:00")
    assert timeline.told("backup") == {"backup": ["11:00 scheduled"]}
    jobctl("unschedule", "backup", "--until", "now", expect=0)
    assert timeline.told("backup") == {"backup": ["11:00 paused_schedule 3", "14:00 scheduled"]}
    record = timeline.record("backup", "paused_schedule")
    assert record["message"].startswith("3 occurrences not run: the schedule was paused until 2027-06-01 13:10:0")
    assert record["message"].endswith(" UTC: holiday") and record["status"] == "canceled"
    assert "stands for  3 occurrences not run" in jobctl("show", record["sequence"], expect=0).stdout


def test_a_second_rest_leaves_the_first_one_as_it_was(jobctl: Jobctl, timeline: Timeline) -> None:
    jobctl("unschedule", "backup", "--until", "11:30", "--reason", "first", expect=0)
    timeline.go("12:10:00")
    job = jobctl("unschedule", "backup", "--until", "14:30", "--json", expect=0).json["job"]
    assert pause_of(job) == ("12:10", "14:30", None)
    assert timeline.told("backup") == {"backup": ["11:00 paused_schedule 1", "12:00 scheduled"]}
    assert timeline.record("backup", "paused_schedule")["message"].endswith(": first")


def test_all_schedules(jobctl: Jobctl, timeline: Timeline) -> None:
    jobctl("unschedule", "--all", "--until", "now", expect=0)
    timeline.add("once", "--at", "12:00")
    timeline.add("over", *HOURLY)
    jobctl("unschedule", "over", expect=0)
    done = jobctl("unschedule", "--all", "--until", "in 2h", "--reason", "maintenance", expect=0)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["backup", "once"]
    again = jobctl("unschedule", "--all", "--until", "now", "--json", expect=0).json
    assert sorted(again) == ["jobs", "schema"]
    assert [(job["name"], pause_of(job)[2]) for job in again["jobs"]] == [
        ("backup", "maintenance"),
        ("once", "maintenance"),
    ]


def test_all_although_one_of_them_cannot_be_computed(jobctl: Jobctl, timeline: Timeline, tmp_path: Path) -> None:
    """Its time zone has vanished: it is held, the others go on."""
    (tmp_path / "Gone").write_bytes((resources.files("tzdata") / "zoneinfo" / "UTC").read_bytes())
    jobctl.environment = {**jobctl.environment, "PYTHONTZPATH": str(tmp_path)}
    timeline.add("abroad", *HOURLY, "--tz", "Gone")
    jobctl("unschedule", "--all", "--until", "15:00", expect=0)
    (tmp_path / "Gone").unlink()
    timeline.go("12:10:00")
    jobctl("unschedule", "--all", "--until", "now", expect=0)
    assert timeline.told("abroad", "backup") == {
        "abroad": ["11:00 held"],
        "backup": ["11:00 paused_schedule 2", "13:00 scheduled"],
    }
    assert "no time zone named 'Gone'" in timeline.record("abroad", "held")["message"]


def test_for_good_with_a_reason(jobctl: Jobctl, timeline: Timeline) -> None:
    job = jobctl("unschedule", "backup", "--reason", "replaced by rsync", "--json", expect=0).json["job"]
    assert (job["request_status"], job["state"], job["next_at"]) == ("UNS", "disabled", None)
    record = timeline.record("backup", "unscheduled")
    assert (record["message"], record["dropped"]) == ("the job was unscheduled: replaced by rsync", None)
    assert jobctl("unschedule", "backup", "--until", "now", expect=4).stderr == "jobctl: job 'backup' has no schedule\n"


def test_a_new_schedule_does_not_rest(jobctl: Jobctl, timeline: Timeline) -> None:
    jobctl("unschedule", "backup", "--until", "13:30", expect=0)
    changed = jobctl("reschedule", "backup", "--overlap", "queue", "--json", expect=0).json["job"]
    assert pause_of(changed) == ("10:45", "13:30", None), "other policies leave it at rest"
    anew = jobctl("reschedule", "backup", "--json", expect=0).json["job"]
    assert pause_of(anew) == (None, None, None) and anew["next_at"].startswith("2027-06-01T11:00")


REFUSALS: list[tuple[list[str], int, str]] = [
    ([], 2, "give the name of a job, or --all --until INSTANT"),
    (["backup", "--all", "--until", "now"], 2, "give the name of a job, or --all --until INSTANT"),
    (["--until", "now"], 2, "give the name of a job, or --all --until INSTANT"),
    (["--all"], 2, "--all goes with --until; to end schedules for good, name their jobs"),
    (["--all", "--reason", "x"], 2, "--all goes with --until"),
    (["backup", "--until", "soon"], 2, "invalid value for '--until': 'soon' is no instant"),
    (["backup", "--until", ""], 2, "invalid value for '--until': '' is no instant"),
    (["backup", "--until", "9999-12-31"], 2, "invalid value for '--until': '9999-12-31' lies outside 1970-01-01"),
    (["backup", "--reason", "a\x1b[2J"], 2, "--reason contains the control character U+001B"),
    (["bakcup", "--until", "now"], 3, "no job named 'bakcup'; did you mean 'backup'?"),
    (["idle", "--until", "now"], 4, "job 'idle' has no schedule"),
    (["idle"], 4, "job 'idle' has no schedule"),
]


def test_refusals_change_nothing(jobctl: Jobctl, timeline: Timeline) -> None:
    before = timeline.job("backup"), timeline.rows()
    for arguments, code, sentence in REFUSALS:
        refused = jobctl("unschedule", *arguments, expect=code)
        assert refused.stderr.startswith(f"jobctl: {sentence}")
        assert refused.stderr.count("\n") == 1 and refused.stdout == ""
    assert (timeline.job("backup"), timeline.rows()) == before


def test_all_without_any_schedule(jobctl: Jobctl) -> None:
    jobctl("add", "idle", "--", "true", expect=0)
    assert jobctl("unschedule", "--all", "--until", "in 1h", expect=4).stderr == "jobctl: no job has a schedule\n"
