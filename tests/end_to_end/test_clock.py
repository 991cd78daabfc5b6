"""Sleep, steps and jumps of the clock, absences, zones that change: what was planned runs once, and at its instant."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta
from importlib import resources
from itertools import product
from pathlib import Path

import apsw
import pytest

from jobctl import control
from jobctl.clock import system_clock
from jobctl.config import Config
from jobctl.model import Definition
from jobctl.scheduling import Planned
from jobctl.store import Store
from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.timeline import Timeline

pytestmark = pytest.mark.thorough


@pytest.fixture
def timeline(jobctl: Jobctl, clock_file: ClockFile) -> Timeline:
    return Timeline(jobctl, clock_file, "01:24:00")


def events(home: Path, kind: str) -> list[str]:
    database = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [detail for (detail,) in database.execute("SELECT detail FROM events WHERE kind = ?", (kind,))]
    finally:
        database.close()


# Steps


def test_the_machine_sleeps_for_eight_hours(jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon) -> None:
    """What became due meanwhile starts, or is recorded, within 2 s of waking up; a timeout does not count sleep."""
    timeline.add("due", "--every", "day", "--at", "09:23:30")
    timeline.add("missed", "--every", "day", "--at", "05:00", "--catch-up", "none")
    timeline.add("hourly", "--every", "1h", "--start", "2027-06-01T02:00Z")
    daemon("--slots", 4)
    long = jobctl("run", "--", "sleep", "999", expect=0).stdout.strip()
    timeline.add("timed", "--timeout", "1h", command="sleep 999")
    timed = jobctl("run", "timed", expect=0).stdout.strip()
    wait_until(lambda: len(timeline.rows(None, "--status", "in_progress")) == 2)
    woke = timeline.set("09:24:00")
    timeline.until(
        {
            "due": ["09:23 succeeded", "06-02 09:23 scheduled"],
            "missed": ["05:00 missed 1", "06-02 05:00 scheduled"],
            "hourly": ["02:00 missed 7", "09:00 succeeded", "10:00 scheduled"],
        }
    )
    decided = [row["ready_on"] or row["completed_on"] for row in timeline.rows() if row["completed_on"]]
    assert max(map(datetime.fromisoformat, decided)) - woke < timedelta(seconds=2)
    assert len(timeline.rows(None, "--status", "in_progress")) == 2
    jobctl("cancel", long, timed, "--wait", expect=0)
    timeline.check()


def test_the_clock_is_set_back(timeline: Timeline, daemon: StartDaemon) -> None:
    """No instant is repeated, neither by another daemon nor by a new schedule; what comes then runs at its instant."""
    timeline.add("five", "--cron", "*/5 * * * *")
    timeline.add("night", "--cron", "30 2 * * *")
    one = daemon()
    timeline.go("02:25:00")
    timeline.until({"five": ["01:25 missed 12", "02:25 succeeded", "02:30 scheduled"]})
    timeline.go("02:30:00")
    night, five = ["02:30 succeeded"], ["01:25 missed 12", "02:25 succeeded", "02:30 succeeded"]
    timeline.until({"night": [*night, "06-02 02:30 scheduled"], "five": [*five, "02:35 scheduled"]})
    timeline.set("01:30:00")
    timeline.jobctl("reschedule", "night", expect=0)
    night += ["06-02 02:30 unscheduled", "06-02 02:30 scheduled"]
    for text in ("01:35:00", "02:25:00", "02:30:00", "02:31:00"):
        timeline.go(text)
        assert timeline.jobctl("run", "--wait", "--", "true").returncode == 0, "the daemon has looked"
        if text == "01:35:00":
            one.stop()
            daemon()
    assert timeline.told("night", "five") == {"night": night, "five": [*five, "02:35 scheduled"]}
    timeline.go("02:35:00")
    timeline.until({"night": night, "five": [*five, "02:35 succeeded", "02:40 scheduled"]})
    timeline.check()


def test_a_retry_waits_no_longer_when_the_clock_is_set_back(timeline: Timeline, daemon: StartDaemon) -> None:
    timeline.add("retry", "--retries", 1, "--retry-delay", "1s", command="[ $JOBCTL_ATTEMPT = 2 ]")
    daemon()
    number = timeline.jobctl("run", "retry", expect=0).stdout.strip()
    wait_until(lambda: timeline.rows("retry", "--state", "suspended"))
    timeline.set("00:24:00")
    timeline.jobctl("wait", number, "--timeout", "5s", expect=0)


def test_the_clock_jumps_seventy_years_ahead(
    jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon, home: Path
) -> None:
    """For a minute it is not believed; then what was missed is decided once."""
    timeline.add("hourly", "--every", "1h", "--start", "2027-06-01T02:00Z")
    timeline.add("five", "--cron", "*/5 * * * *")
    one = daemon()
    before = timeline.rows()
    timeline.set("2097-06-01T01:24:00")
    wait_until(lambda: events(home, "clock_jump"))
    timeline.go("2097-06-01T01:24:40")
    assert jobctl("run", "--wait", "--", "true").returncode == 0, "what a person submits is run"
    assert timeline.rows("five") + timeline.rows("hourly") == before
    timeline.set("01:24:55")
    wait_until(lambda: len(events(home, "clock_jump")) == 2)
    timeline.go("01:25:00")
    timeline.until({"hourly": ["02:00 scheduled"], "five": ["01:25 succeeded", "01:30 scheduled"]})
    timeline.set("2097-06-01T01:25:30")
    wait_until(lambda: len(events(home, "clock_jump")) == 3)
    timeline.go("2097-06-01T01:26:31")
    hours = (datetime(2097, 6, 1, 1) - datetime(2027, 6, 1, 2)) // timedelta(hours=1)
    fives = (datetime(2097, 6, 1, 1, 25) - datetime(2027, 6, 1, 1, 30)) // timedelta(minutes=5)
    timeline.until(
        {
            "hourly": [f"02:00 missed {hours}", "06-01 01:00 succeeded", "06-01 02:00 scheduled"],
            "five": ["01:25 succeeded", f"01:30 missed {fives}", "06-01 01:25 succeeded", "06-01 01:30 scheduled"],
        }
    )
    ahead, back, again = (json.loads(detail) for detail in events(home, "clock_jump"))
    years = 70 * 365.25 * 86400
    assert all(abs(abs(event["seconds"]) - years) < 86400 for event in (ahead, back, again))
    assert (ahead["held_for"], back["held_for"]) == (60.0, 0) and back["seconds"] < 0
    assert one.output.count("the clock jumped by +") == 2
    timeline.check()


# Absences


def test_restarted_more_often_than_the_period(timeline: Timeline, home: Path) -> None:
    timeline.add("weekly", "--every", "week", "--on", "mon", "--at", "09:00")
    moment = datetime(2027, 6, 1, 1, 24)
    for _ in range(12):
        moment += timedelta(hours=56)
        timeline.go(moment.isoformat())
        timeline.jobctl("daemon", "--until-idle", expect=0)
    mondays = [f"06-{day:02} 09:00 succeeded" for day in (7, 14, 21, 28)]
    timeline.until({"weekly": [*mondays, "07-05 09:00 scheduled"]})


def test_fifty_schedules_after_three_days(timeline: Timeline, daemon: StartDaemon, home: Path) -> None:
    """One run of each, no more at a time than there are slots, and all that was missed is counted."""
    with contextlib.closing(Store.open(Config(home), system_clock(), "user:test")) as store:
        minutely = Planned({"notation": "cron", "expression": "* * * * *"}, "UTC")
        for number in range(50):
            control.add_job(store, f"job-{number}", Definition(command="true"), minutely)
    timeline.go("2027-06-04T01:24:02")
    daemon("--slots", 2)
    names = [f"job-{number}" for number in range(50)]
    decided = ["01:25 missed 4319", "06-04 01:24 succeeded", "06-04 01:25 scheduled"]
    timeline.until(dict.fromkeys(names, decided), timeout=30)
    ran = sorted((row["started_on"], row["completed_on"]) for row in timeline.rows() if row["started_on"])
    assert len(ran) == 50
    assert all(sum(begun <= at < over for begun, over in ran) <= 2 for at, _ in ran)
    timeline.check()


# Zones


def test_a_zone_changes_and_another_vanishes(
    jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon, tmp_path: Path
) -> None:
    """What is to come moves with the rules, what has been stays; only the schedule without a zone is held."""
    zones, known = tmp_path / "zones", resources.files("tzdata") / "zoneinfo"
    for name in ("Test", "Gone"):
        (zones / name).mkdir(parents=True)
        (zones / name / "Zone").write_bytes((known / "Europe" / "Madrid").read_bytes())
    jobctl.environment = {**jobctl.environment, "PYTHONTZPATH": str(zones)}
    refused = jobctl("add", "none", "--every", "day", "--tz", "Test/Zon", "--", "true", expect=2)
    assert refused.stderr == "jobctl: no time zone named 'Test/Zon'; did you mean 'Test/Zone'?\n"
    jobctl("next", "--every", "day", "--tz", "Asia/Tokyo", env={"PYTHONTZPATH": "/nonexistent"}, expect=0)
    for name, zone in {"moves": "Test/Zone", "gone": "Gone/Zone", "stays": "UTC"}.items():
        timeline.add(name, "--cron", "0 12 * * *", "--tz", zone)
    one = daemon()
    timeline.go("12:00:00")
    madrid = ["10:00 succeeded", "06-02 10:00 scheduled"]
    timeline.until({"moves": madrid, "gone": madrid, "stays": ["12:00 succeeded", "06-02 12:00 scheduled"]})
    one.stop()
    (zones / "Test" / "Zone").write_bytes((known / "Asia" / "Tokyo").read_bytes())
    (zones / "Gone" / "Zone").unlink()
    one = daemon()
    timeline.until({"moves": ["10:00 succeeded", "06-02 03:00 scheduled"], "gone": madrid})
    timeline.go("2027-06-02T12:00:00")
    timeline.until(
        {
            "moves": ["10:00 succeeded", "06-02 03:00 succeeded", "06-03 03:00 scheduled"],
            "gone": ["10:00 succeeded", "06-02 10:00 held"],
            "stays": ["12:00 succeeded", "06-02 12:00 succeeded", "06-03 12:00 scheduled"],
        }
    )
    assert (
        "the schedule cannot be computed: no time zone named 'Gone/Zone'" in timeline.record("gone", "held")["message"]
    )
    assert "cannot be read: no time zone named 'Gone/Zone'" in jobctl("show", "gone", expect=0).stdout
    one.stop()
    (zones / "Gone" / "Zone").write_bytes((known / "Europe" / "Madrid").read_bytes())
    daemon()
    jobctl("resume", "gone", expect=0)
    timeline.until({"gone": ["10:00 succeeded", "06-02 10:00 succeeded", "06-03 10:00 scheduled"]})
    timeline.check()


# The ends of the calendar


BEYOND = ("9999-12-31", "@253402214400", "10000-01-01", "1969-12-31", "@-1", "@99999999999999999999", "in 3000000d")
NO_TIMES = ("24:00", "12:00:60", "2021-W01-1")


def test_the_ends_of_the_calendar(jobctl: Jobctl, timeline: Timeline) -> None:
    assert timeline.add("later", "--at", "@4294967296")["next_at"] == "2106-02-07T06:28:16.000000+00:00"
    last = timeline.add(
        "last", "--every", "1d", "--start", "9999-12-30", "--jitter", "8000d", "--catch-up-window", "8000d"
    )
    assert last["next_at"] <= "9999-12-30T23:59:59.999999+00:00"
    jobctl("add", "one", "--", "true", expect=0)
    places = (
        "schedule one --every 1d --start",
        "schedule one --every 1d --end",
        "run one --at",
        "unschedule last --until",
    )
    for place, text in [*(("schedule one --at", text) for text in BEYOND + NO_TIMES), *product(places, BEYOND[::6])]:
        assert jobctl(*place.split(), text, expect=2).stderr.count("\n") == 1
    assert [occurrence["at"][:10] for occurrence in jobctl("next", "last", "--json").json["occurrences"]] == [
        "9999-12-30"
    ]
    assert len(timeline.rows()) == 2 and "9999-12-30" in jobctl("list", expect=0).stdout
    jobctl("daemon", "--until-idle", expect=0)
    timeline.until({"later": ["02-07 06:28 scheduled"], "last": ["12-30 00:00 scheduled"]})
