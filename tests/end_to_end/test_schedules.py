"""What becomes of late and overlapping occurrences: real schedules, daemons and processes, on a clock the test sets."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest

from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import check_nothing_left, show
from tests.end_to_end.timeline import Timeline
from tests.end_to_end.witness import Witness, is_alive

pytestmark = pytest.mark.thorough

HOURLY = ("--every", "1h", "--start", "2027-06-01T10:00Z")


@pytest.fixture
def timeline(jobctl: Jobctl, clock_file: ClockFile) -> Timeline:
    return Timeline(jobctl, clock_file, "10:45:00")


# Missed


def test_etendos_misfires(timeline: Timeline, daemon: StartDaemon) -> None:
    """A firing more than 60 s late is dropped and recorded, the phase is kept, Run Later runs at once."""
    none = ("--catch-up", "none")
    assert timeline.add("hourly", *HOURLY, *none)["next_at"].startswith("2027-06-01T11:00:00")
    timeline.add("cron", "--cron", "0 * * * *", *none)
    timeline.add("daily", "--every", "day", "--at", "13:00", *none)
    timeline.add("quartz", "--quartz", "0 30 12 ? * TUE", *none)
    timeline.add("nearly", "--every", "day", "--at", "14:20", *none)
    timeline.add("barely", "--every", "day", "--at", "14:19:30", *none)
    timeline.add("later", "--at", "2027-06-01T09:00Z")
    timeline.add("ended", "--at", "12:00", "--end", "13:00")
    first = daemon()
    timeline.until({"later": ["09:00 succeeded"]})
    timeline.go("11:00:00")
    timeline.until({"hourly": ["11:00 succeeded", "12:00 scheduled"], "cron": ["11:00 succeeded", "12:00 scheduled"]})
    first.stop()
    timeline.go("14:20:35")
    daemon()
    timeline.until(
        {
            "hourly": ["11:00 succeeded", "12:00 missed 3", "15:00 scheduled"],
            "cron": ["11:00 succeeded", "12:00 missed 3", "15:00 scheduled"],
            "daily": ["13:00 missed 1", "06-02 13:00 scheduled"],
            "quartz": ["12:30 missed 1", "06-08 12:30 scheduled"],
            "nearly": ["14:20 succeeded", "06-02 14:20 scheduled"],
            "barely": ["14:19 missed 1", "06-02 14:19 scheduled"],
            "ended": ["12:00 late"],
        }
    )
    assert timeline.record("ended", "late")["message"] == "not run: it could not begin by 2027-06-01 13:00:00 UTC"
    record = timeline.record("hourly", "missed")
    assert (record["status"], record["started_on"], record["attempt"]) == ("canceled", None, 0)
    assert record["message"].startswith("3 occurrences missed, from 2027-06-01 12:00:00 UTC to 2027-06-01 14:00:00 UTC")
    assert {job["request_status"] for job in timeline.jobs("ended", "later").values()} == {"COM"}
    assert timeline.fired("ended", "later", "hourly", "nearly", "barely") == [0, 1, 1, 1, 0]
    timeline.check()


def test_catching_up_after_an_absence(timeline: Timeline, daemon: StartDaemon, witness: Witness) -> None:
    options: dict[str, tuple[str, ...]] = {
        "latest": (),
        "all": ("--catch-up", "all"),
        "none": ("--catch-up", "none"),
        "recent": ("--catch-up", "all", "--catch-up-window", "150m"),
        "stale": ("--catch-up-window", "10m"),
        "wide": ("--catch-up-window", "2900000d"),  # to before the calendar begins
    }
    for name, policy in options.items():
        timeline.add(name, *HOURLY, *policy, command=witness.command("sleep 0.1") if name == "all" else "true")
    timeline.go("15:20:00")
    daemon("--slots", 4)
    ran = [f"{hour}:00 succeeded" for hour in range(11, 16)]
    timeline.until(
        {
            "all": [*ran, "16:00 scheduled"],
            "latest": ["11:00 missed 4", "15:00 succeeded", "16:00 scheduled"],
            "none": ["11:00 missed 5", "16:00 scheduled"],
            "recent": ["11:00 missed 2", *ran[2:], "16:00 scheduled"],
            "stale": ["11:00 missed 5", "16:00 scheduled"],
            "wide": ["11:00 missed 4", "15:00 succeeded", "16:00 scheduled"],
        }
    )
    in_order = [row["sequence"] for row in timeline.rows("all", "--status", "succeeded")]
    seen = [line.split()[:2] for line in witness.lines()]
    assert seen == [[kind, str(number)] for number in in_order for kind in "SE"], "one after the other, in order"
    assert timeline.fired(*options) == [1, 5, 0, 3, 0, 1]
    timeline.check()


# Overlapping

STUBBORN = """
[ -e {pid} ] && kill -0 $(cat {pid}) 2>/dev/null && echo "$(cat {pid}) still lives" >>{broken}
sh -c 'trap "" TERM; echo $$ >{pid}.new; mv {pid}.new {pid}; while :; do sleep 0.05; done' &
wait
"""
"""It notes a child of the one before that lives on, and has a child of its own that does not end when asked to."""


def test_overlapping_runs(jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon, home: Path, tmp_path: Path) -> None:
    pid, broken = tmp_path / "pid", tmp_path / "broken"
    for policy in ("skip", "queue", "allow"):
        timeline.add(policy, *HOURLY, "--overlap", policy, command="exec sleep 999")
    stubborn = STUBBORN.format(pid=pid, broken=broken)
    timeline.add("replace", *HOURLY, "--overlap", "replace", "--grace", "0.5s", command=stubborn)
    daemon("--slots", 8)
    timeline.go("11:00:00")
    started = ["11:00 in_progress", "12:00 scheduled"]
    timeline.until(dict.fromkeys(("skip", "queue", "allow", "replace"), started))
    old = int(wait_until(lambda: pid.exists() and pid.read_text()))
    timeline.go("12:00:00")
    running = ["11:00 in_progress", "12:00 in_progress"]
    timeline.until(
        {
            "skip": ["11:00 in_progress", "12:00 overlap", "13:00 scheduled"],
            "queue": ["11:00 in_progress", "12:00 waiting_for_resources", "13:00 scheduled"],
            "allow": [*running, "13:00 scheduled"],
            "replace": ["11:00 replaced", "12:00 in_progress", "13:00 scheduled"],
        }
    )
    wait_until(lambda: int(pid.read_text()) != old, what="the new one got as far as the old one")
    assert not broken.exists() and not is_alive(old), "the old tree was gone before the new one began"
    gone, new = timeline.rows("replace")[:2]
    assert new["started_on"] >= gone["completed_on"] and gone["status"] == "canceled"
    assert gone["message"] == f"replaced by #{new['sequence']}, the next occurrence"
    first, second = timeline.rows("queue")[:2]
    assert second["blocked_by"] == first["sequence"]
    timeline.go("13:00:00")
    timeline.until(
        {
            "skip": ["11:00 in_progress", "12:00 overlap", "13:00 overlap", "14:00 scheduled"],
            "queue": ["11:00 in_progress", "12:00 waiting_for_resources", "13:00 overlap", "14:00 scheduled"],
            "allow": [*running, "13:00 in_progress", "14:00 scheduled"],
            "replace": ["11:00 replaced", "12:00 replaced", "13:00 in_progress", "14:00 scheduled"],
        }
    )
    message = f"not run: #{first['sequence']} of the same schedule was still active (in progress)"
    assert timeline.record("queue", "overlap")["message"] == f"{message}, and #{second['sequence']} waits already"
    assert timeline.fired("skip", "queue", "allow", "replace") == [1, 2, 3, 3]
    jobctl("cancel", first["sequence"], "--wait", expect=0)
    timeline.until({"queue": ["11:00 user", "12:00 in_progress", "13:00 overlap", "14:00 scheduled"]})
    timeline.check()
    assert not broken.exists()
    alive = [row["sequence"] for row in timeline.rows(None, "--state", "locked")]
    jobctl("cancel", *alive, "--wait", expect=0)
    check_nothing_left(home)


# Counts and ends


def test_counts_and_ends(jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon) -> None:
    """Counted from the moment of scheduling; the end belongs to the period; what a person runs is outside of it."""
    every = ("--every", "10m", "--start", "2027-06-01T10:00Z")
    timeline.add("counted", *every, "--count", 3)
    timeline.add("ended", *every, "--end", "11:00")
    timeline.add("short", *every, "--end", "10:59:59")
    timeline.add("today", "--every", "7h", "--start", "2027-06-01T17:00Z", "--end", "2027-06-01")
    daemon()
    timeline.go("10:50:00")
    timeline.until({name: ["10:50 succeeded", "11:00 scheduled"] for name in ("counted", "ended")})
    before = timeline.job("counted")
    jobctl("run", "counted", "--wait", expect=0)
    after = timeline.job("counted")
    assert (after["schedule"], after["next_at"]) == (before["schedule"], before["next_at"])
    assert after["schedule"]["fired"] == 1 and len(timeline.rows("counted")) == 3
    timeline.go("11:00:00")
    timeline.until(
        {
            "counted": ["10:50 succeeded", "11:00 succeeded", "11:10 scheduled"],
            "ended": ["10:50 succeeded", "11:00 succeeded"],
            "short": ["10:50 succeeded"],
        }
    )
    timeline.go("11:10:00")
    timeline.until({"counted": ["10:50 succeeded", "11:00 succeeded", "11:10 succeeded"]})
    timeline.go("17:00:00")
    timeline.until({"today": ["17:00 succeeded"]})
    over = ("counted", "ended", "short", "today")
    assert timeline.fired(*over) == [3, 2, 1, 1]
    assert {job["schedule"]["ended_by"] for job in timeline.jobs(*over).values()} == {"finished"}
    timeline.check()


def test_the_last_day_is_included(timeline: Timeline, daemon: StartDaemon) -> None:
    timeline.add("evening", "--every", "day", "--at", "23:59:59", "--end", "2027-06-02")
    daemon()
    timeline.go("23:59:59")
    timeline.until({"evening": ["23:59 succeeded", "06-02 23:59 scheduled"]})
    timeline.go("2027-06-02T23:59:59")
    timeline.until({"evening": ["23:59 succeeded", "06-02 23:59 succeeded"]})
    assert timeline.job("evening")["schedule"]["ended_by"] == "finished"


# Rests


def test_a_schedule_rests_until_an_instant(jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon) -> None:
    for name in ("moved", "other", "woken"):
        timeline.add(name, *HOURLY)
    one = daemon()
    jobctl("unschedule", "moved", "--until", "13:30", "--reason", "moving disks", expect=0)
    jobctl("unschedule", "--all", "--until", "12:00", expect=0)
    timeline.go("11:00:10")
    jobctl("unschedule", "woken", "--until", "now", expect=0)
    timeline.until({"woken": ["11:00 paused_schedule 1", "12:00 scheduled"]})
    jobctl("unschedule", "moved", "--until", "13:30", expect=0)
    timeline.go("12:00:00")
    timeline.until(
        {
            "moved": ["11:00 scheduled"],
            "other": ["11:00 paused_schedule 1", "12:00 succeeded", "13:00 scheduled"],
            "woken": ["11:00 paused_schedule 1", "12:00 succeeded", "13:00 scheduled"],
        }
    )
    one.stop()
    timeline.go("14:00:00")
    daemon()
    timeline.until({"moved": ["11:00 paused_schedule 3", "14:00 succeeded", "15:00 scheduled"]})
    assert timeline.record("moved", "paused_schedule")["message"] == (
        "3 occurrences not run: the schedule was paused until 2027-06-01 13:30:00 UTC: moving disks"
    )
    assert timeline.job("moved")["schedule"]["fired"] == 1
    timeline.check()


def test_too_late_for_a_slot(jobctl: Jobctl, timeline: Timeline, daemon: StartDaemon) -> None:
    """Recorded when its time is up, although nothing else happens then; a patient one runs later."""
    timeline.add("hasty", *HOURLY, "--late-limit", "5m")
    timeline.add("patient", *HOURLY)
    daemon("--slots", 1)
    busy = jobctl("run", "--", "sleep", 999, expect=0).stdout.strip()
    wait_until(lambda: timeline.rows(None, "--status", "in_progress"))
    timeline.go("11:00:00")
    ready = ["11:00 waiting_for_resources", "12:00 scheduled"]
    timeline.until({"hasty": ready, "patient": ready})
    timeline.go("11:04:30")
    assert timeline.told("hasty") == {"hasty": ready}
    timeline.go("11:05:01")
    timeline.until({"hasty": ["11:00 late", "12:00 scheduled"], "patient": ready})
    assert timeline.record("hasty", "late")["message"] == "not run: it could not begin by 2027-06-01 11:05:00 UTC"
    jobctl("cancel", busy, expect=0)
    timeline.until({"patient": ["11:00 succeeded", "12:00 scheduled"]})
    assert timeline.job("hasty")["schedule"]["fired"] == 1


def test_jitter_is_the_same_after_every_restart(timeline: Timeline, daemon: StartDaemon) -> None:
    timeline.add("spread", *HOURLY, "--jitter", "20m")
    offsets = set()
    for hour in (11, 12, 13):
        one = daemon()
        (pending,) = timeline.rows("spread", "--state", "suspended")
        planned, due = (datetime.fromisoformat(pending[key]) for key in ("occurrence_at", "due_at"))
        assert planned.hour == hour
        offsets.add(due - planned)
        timeline.go(f"{due - timedelta(seconds=20):%H:%M:%S}")
        assert timeline.rows("spread", "--state", "suspended") == [pending]
        timeline.go(f"{due + timedelta(seconds=1):%H:%M:%S}")
        number = pending["sequence"]
        timeline.jobctl("wait", number, expect=0)
        assert show(timeline.jobctl, number)["started_on"] >= pending["due_at"]
        one.stop()
    (offset,) = offsets
    assert timedelta(0) < offset < timedelta(minutes=20)


# Boots


def test_once_for_each_boot(timeline: Timeline, daemon: StartDaemon, home: Path) -> None:
    """Another boot is one that the schedule does not remember: a real one cannot be had here."""
    timeline.add("boot", "--on-start")
    timeline.add("twice", "--on-start", "--count", 1)
    for boot in ("scheduled in", "second", "third"):
        if boot != "scheduled in":
            database = apsw.Connection(str(home / "jobctl.db"))
            database.execute("UPDATE schedules SET boot_id = ?", (boot,))
            database.close()
        for _ in range(2):
            done = timeline.jobctl("daemon", "--until-idle", expect=0)
            assert "started" in done.stderr
        statuses = [row["status"] for row in timeline.rows("boot")]
        assert statuses == ["succeeded"] * ["scheduled in", "second", "third"].index(boot)
    once = timeline.job("twice")
    assert len(timeline.rows("twice")) == 1 and once["schedule"]["ended_by"] == "finished"
    ever = timeline.job("boot")
    assert (ever["request_status"], ever["next_at"]) == ("SCH", None)
