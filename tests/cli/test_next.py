"""`jobctl next` as a list: of a schedule, of a job, of all jobs."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import apsw
import pytest

from jobctl.clock import SystemClock, from_datetime, to_datetime
from jobctl.coming import Coming
from jobctl.commands.next import agenda
from jobctl.config import Config
from jobctl.control import add_job
from jobctl.model import Definition
from jobctl.schedule import Schedule, build
from jobctl.scheduling import Planned
from jobctl.store import Store
from tests.cli.terminal import on_terminal
from tests.conftest import ClockFile, Jobctl

pytestmark = pytest.mark.thorough

ANSI = re.compile(rb"\x1b\[[0-9;]*m")
SPRING = ("--cron", "30 2 * * *", "--tz", "Europe/Madrid", "--from", "2027-03-27T12:00Z", "-n", "2")


def instants(jobctl: Jobctl, *arguments: object) -> list[str]:
    document = jobctl("next", "--json", *arguments, expect=0).json
    assert document["schema"] == 1
    return [occurrence["at"][:19] for occurrence in document["occurrences"]]


def test_an_anchor_equal_to_from_is_listed_and_a_cron_match_is_not(jobctl: Jobctl) -> None:
    start = ("--from", "2030-01-01T00:00Z", "-n", "2", "--tz", "UTC")
    assert instants(jobctl, "--every", "1h", *start) == ["2030-01-01T00:00:00", "2030-01-01T01:00:00"]
    assert instants(jobctl, "--cron", "0 * * * *", *start) == ["2030-01-01T01:00:00", "2030-01-01T02:00:00"]


def test_daylight_saving_is_marked(jobctl: Jobctl) -> None:
    shifted, after = jobctl("next", *SPRING, "--json", expect=0).json["occurrences"]
    assert shifted == {
        "at": "2027-03-28T01:00:00.000000+00:00",
        "local": "2027-03-28 03:00:00 +02:00 Europe/Madrid",
        "note": "shifted out of the gap",
    }
    assert after["note"] == ""


def test_limits_are_kept(jobctl: Jobctl) -> None:
    every = ("--every", "1h", "--start", "2030-01-01", "--tz", "UTC")
    assert len(instants(jobctl, *every)) == 10
    assert len(instants(jobctl, *every, "--count", "3")) == 3
    assert instants(jobctl, *every, "--end", "2030-01-01T01:00")[-1] == "2030-01-01T01:00:00"
    assert instants(jobctl, "--at", "2030-01-01T05:00Z") == ["2030-01-01T05:00:00"]


def test_until_includes_a_bare_day(jobctl: Jobctl, environment: dict[str, str]) -> None:
    environment["TZ"] = "UTC"
    every = ("--every", "1h", "--start", "2030-01-01", "--tz", "UTC")
    assert len(instants(jobctl, *every, "--until", "2030-01-02")) == 48
    assert instants(jobctl, *every, "--until", "2030-01-01T02:00Z")[-1] == "2030-01-01T02:00:00"
    assert len(instants(jobctl, *every, "--until", "2030-01-02", "-n", "5")) == 5
    cut = jobctl("next", "--every", "1s", "--until", "in 1d", expect=0)
    assert len(cut.stdout.splitlines()) == 1001
    assert cut.stderr == "jobctl: there are more; these are the first 1000, and -n shows up to 10000\n"


def test_the_stored_schedule_of_a_job(jobctl: Jobctl) -> None:
    jobctl(
        "add", "one", "--every", "1h", "--start", "2030-01-01T00:30", "--count", "5", "--tz", "UTC", "--", "x", expect=0
    )
    expected = [f"2030-01-01T{hour:02}:30:00" for hour in range(5)]
    assert instants(jobctl, "one") == expected
    assert instants(jobctl, "one", "-n", "2") == expected[:2]
    assert instants(jobctl, "one", "-n", "1", "--from", "2030-01-01T02:30Z") == ["2030-01-01T02:30:00"]


def test_a_later_look_leaves_what_the_count_leaves(jobctl: Jobctl) -> None:
    every = ("--every", "1h", "--start", "2030-01-01T00:00", "--count", "5", "--tz", "UTC")
    jobctl("add", "one", *every, "--", "x", expect=0)
    assert instants(jobctl, "one", "--from", "2030-01-01T03:30Z") == ["2030-01-01T04:00:00"]
    assert instants(jobctl, "one", "--from", "2030-01-01T05:00Z") == []
    assert len(instants(jobctl, "one", "--from", "2020-01-01T05:00Z")) == 5


def test_an_earlier_look_ends_where_the_count_does(jobctl: Jobctl, clock_file: ClockFile) -> None:
    clock_file.set(wall=datetime(2027, 6, 1, tzinfo=UTC).timestamp() - time.time())
    jobctl("add", "yearly", "--cron", "0 0 1 1 *", "--count", "2", "--tz", "UTC", "--", "x", expect=0)
    assert [one[:4] for one in instants(jobctl, "yearly")] == ["2028", "2029"]
    assert [one[:4] for one in instants(jobctl, "yearly", "--from", "2026-02-01T00:00Z")] == ["2027", "2028", "2029"]


def test_a_preview_stores_nothing(jobctl: Jobctl) -> None:
    jobctl("next", "--every", "1h", expect=0)
    assert jobctl("monitor", "--json").json["system_jobs"] == []


def test_for_people_it_says_how_far(jobctl: Jobctl) -> None:
    header, line = jobctl("next", "--every", "1h", "--start", "in 2h", "-n", "1", expect=0).stdout.splitlines()
    assert header.split() == ["LOCAL", "UTC", "IN", "NOTE"]
    assert "in 1h 59m" in line or "in 2h" in line


def test_all_formats_agree(jobctl: Jobctl) -> None:
    """The same instants in the same columns; distances are seconds for machines and words for people."""
    found = jobctl("next", *SPRING, "--json", expect=0).json["occurrences"]
    for name, delimiter in (("csv", ","), ("tsv", "\t")):
        text = jobctl("next", *SPRING, "--format", name, expect=0).stdout
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
        assert [(row["utc"], row["local"], row["note"]) for row in rows] == [
            (one["at"], one["local"], one["note"]) for one in found
        ]
        for row in rows:
            expected = datetime.fromisoformat(row["utc"]).timestamp() - time.time()
            assert -1 <= int(row["in"]) - expected < 30
    for name in ("plain", "html"):
        text = jobctl("next", *SPRING, "--format", name, expect=0).stdout
        for one in found:
            assert one["local"] in text and f"{one['at'][:19].replace('T', ' ')}Z" in text
        days = (datetime.fromisoformat(found[0]["at"]) - datetime.now(UTC)).days
        assert re.search(rf"\bin {days}d", text) and "shifted out of the gap" in text


def test_on_a_terminal_everything_fits(jobctl: Jobctl) -> None:
    shown, code = on_terminal(jobctl, "next", *SPRING, columns=80)
    lines = [ANSI.sub(b"", line).decode().rstrip() for line in shown.splitlines()]
    assert code == 0 and max(map(len, lines)) <= 80
    assert re.split(r"  +", lines[0]) == ["local (Europe/Madrid)", "utc", "in", "note"]
    assert re.fullmatch(r"Sun 2027-03-28 03:00 CEST  2027-03-28 01:00  \d+d.*  shifted out of the gap", lines[2])
    assert lines[3].startswith("Mon 2027-03-29 02:30 CEST  2027-03-29 00:30  ")


# All jobs


JANUARY = from_datetime(datetime(2030, 1, 1, tzinfo=UTC))
FLEET = {
    "b-hourly": Planned({"notation": "every", "every": "1h"}, "UTC", JANUARY),
    "a-fast": Planned({"notation": "every", "every": "20m"}, "UTC", JANUARY, None, 4),
    "madrid": Planned({"notation": "cron", "expression": "30 1 * * *"}, "Europe/Madrid", JANUARY - 86_400_000_000),
    "idle": None,
}


@pytest.fixture
def fleet(jobctl: Jobctl, home: Path) -> Jobctl:
    """Three jobs with a schedule, and one without."""
    with Store.open(Config(home), SystemClock(), "user:test") as store:
        for name, plan in FLEET.items():
            add_job(store, name, Definition(argv=("true",)), plan)
    return jobctl


def of_all(jobctl: Jobctl, *arguments: object) -> list[tuple[str, str]]:
    found = jobctl("next", "--all", "--json", *arguments, expect=0).json["occurrences"]
    assert all(set(one) == {"at", "local", "note", "job"} for one in found)
    return [(one["at"][:16], one["job"]) for one in found]


def test_the_agenda_of_all_jobs_is_chronological(fleet: Jobctl) -> None:
    expected = [
        ("2029-12-31T00:30", "madrid"),
        ("2030-01-01T00:00", "a-fast"),
        ("2030-01-01T00:00", "b-hourly"),
        ("2030-01-01T00:20", "a-fast"),
        ("2030-01-01T00:30", "madrid"),
        ("2030-01-01T00:40", "a-fast"),
        ("2030-01-01T01:00", "a-fast"),
        ("2030-01-01T01:00", "b-hourly"),
        ("2030-01-01T02:00", "b-hourly"),
    ]
    assert of_all(fleet)[:9] == expected
    assert len(of_all(fleet)) == 20
    assert of_all(fleet, "-n", "5") == expected[:5]
    assert of_all(fleet, "--until", "2030-01-01T01:00Z") == expected[:8]
    later = [("2030-01-01T00:40", "a-fast"), ("2030-01-01T01:00", "a-fast"), ("2030-01-01T01:00", "b-hourly")]
    assert of_all(fleet, "--from", "2030-01-01T00:30Z", "-n", "3") == later
    header, first, *_ = fleet("next", "--all", expect=0).stdout.splitlines()
    assert header.split() == ["JOB", "LOCAL", "UTC", "IN", "NOTE"]
    assert first.startswith("madrid    2029-12-31 01:30:00 +01:00 Europe/Madrid  2029-12-31 00:30:00Z")


def test_the_agenda_fits_on_a_terminal_and_survives_a_schedule_it_cannot_read(fleet: Jobctl, home: Path) -> None:
    shown, _ = on_terminal(fleet, "next", "--all", "-n", "3", columns=80)
    lines = [ANSI.sub(b"", line).decode().rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("madrid    Mon 2029-12-31 01:30 CET  2029-12-31 00:30  ")
    assert lines[3].startswith("a-fast    Tue 2030-01-01 00:00 UTC  2030-01-01 00:00  ")
    database = apsw.Connection(str(home / "jobctl.db"))
    database.execute("UPDATE schedules SET time_zone = 'Gone/Away' WHERE spec LIKE '%30 1 *%'")
    database.close()
    found = fleet("next", "--all", "-n", "1", expect=0)
    assert found.stdout.splitlines()[1].startswith("a-fast")
    assert found.stderr.startswith("jobctl: job 'madrid' is left out: no time zone named 'Gone/Away'")


def test_an_empty_agenda_says_so(jobctl: Jobctl) -> None:
    found = jobctl("next", "--all", expect=0)
    assert found.stderr == "jobctl: there is nothing to list: no job has a schedule\n"
    assert jobctl("next", "--all", "--json", expect=0).json == {"schema": 1, "occurrences": []}


@dataclass
class Watched:
    """A schedule that counts how often its next occurrence is asked for."""

    inner: Schedule
    asked: list[datetime] = field(default_factory=list)
    counted: list[timedelta] = field(default_factory=list)

    def next_after(self, i: datetime) -> datetime | None:
        self.asked.append(i)
        return self.inner.next_after(i)

    def first(self, created: datetime) -> datetime | None:
        return self.inner.first(created)

    def last_before(self, i: datetime) -> datetime | None:
        return self.inner.last_before(i)

    def count_between(self, a: datetime, b: datetime) -> int:
        self.counted.append(b - a)
        return self.inner.count_between(a, b)

    def describe(self) -> str:
        return self.inner.describe()

    def note(self, i: datetime) -> str:
        return self.inner.note(i)


START = datetime(2027, 1, 1, tzinfo=UTC)


def make(spec: dict[str, object], zone: str = "UTC") -> Watched:
    return Watched(build(spec, time_zone=zone, start=None, end=None, anchor=START))


def test_the_agenda_looks_no_further_than_it_must() -> None:
    schedules = [make({"notation": "every", "every": f"{length}s"}) for length in range(1, 301)]
    found = agenda([Coming(one, "UTC", from_datetime(START), job=f"job{n}") for n, one in enumerate(schedules)])
    assert [one.at for one in islice(found, 300)] == [from_datetime(START)] * 300
    assert sum(len(one.asked) for one in schedules) < 300
    assert next(found).job == "job0"
    assert next(found).at == from_datetime(START) + 2_000_000


def brute(coming: Coming, until: int) -> list[int]:
    """The instants that run before `until`, one by one."""
    found: list[int] = []
    instant = coming.first
    while instant is not None and instant < until and (coming.left is None or len(found) < coming.left):
        if coming.pause is None or not coming.pause[0] <= instant < coming.pause[1]:
            found.append(instant)
        following = coming.schedule.next_after(to_datetime(instant))
        instant = None if following is None else from_datetime(following)
    return found


@pytest.mark.parametrize(
    "spec",
    [
        {"notation": "every", "every": "50m"},
        {"notation": "cron", "expression": "*/30 1-4 * * *"},
        {"notation": "cron", "expression": "30 2 * * *", "skip": ["2027-03-29"]},
    ],
)
def test_counts_are_those_of_the_list(spec: dict[str, object]) -> None:
    random = Random(3)
    schedule = make(spec, "Europe/Madrid").inner
    middle = datetime(2027, 3, 26, tzinfo=UTC)
    for _ in range(40):
        first = schedule.next_after(middle + timedelta(hours=random.randrange(48)))
        assert first is not None
        low = from_datetime(middle) + random.randrange(5 * 24) * 3_600_000_000
        pause = random.choice([None, (low, low + random.randrange(48) * 3_600_000_000)])
        left = random.choice([None, random.randrange(30)])
        coming = Coming(schedule, "Europe/Madrid", from_datetime(first), left, pause)
        bounds = sorted(from_datetime(middle) + random.randrange(7 * 24 * 2) * 1_800_000_000 for _ in range(12))
        running = brute(coming, bounds[-1])
        expected = [sum(a <= one < b for one in running) for a, b in zip(bounds, bounds[1:], strict=False)]
        assert coming.counts(bounds) == expected
        listed = [one for one in islice(coming.occurrences(), 500) if one.at < bounds[-1]]
        assert [one.at for one in listed if not one.note.startswith("paused")] == running
        later = next((one for one in brute(coming, bounds[-1] + 10**13) if one >= bounds[5]), None)
        assert coming.next_from(bounds[5]) == later


@pytest.mark.parametrize(("left", "times"), [(None, 1), (10**9, 2)])
def test_far_away_only_what_is_asked_about_is_counted(left: int | None, times: int) -> None:
    schedule = make({"notation": "cron", "expression": "*/7 * * * *"})
    begins = datetime(8000, 1, 1, tzinfo=UTC)
    bounds = [from_datetime(begins + timedelta(days=day)) for day in range(32)]
    assert sum(Coming(schedule, "UTC", from_datetime(START), left).counts(bounds)) == 31 * 24 * 9
    # From now to there at most once, to know how many are left.
    assert sum(schedule.counted, timedelta()) <= (times - 1) * (begins - START) + 2 * timedelta(days=31)


def test_a_pause_is_one_line_of_the_list() -> None:
    schedule = make({"notation": "every", "every": "1h"}).inner
    hour = 3_600_000_000
    start = from_datetime(START)
    coming = Coming(schedule, "Europe/Madrid", start, 3, (start + hour, start + 4 * hour))
    assert [(one.at - start, one.note) for one in coming.occurrences()] == [
        (0, ""),
        (hour, "paused until 2027-01-01 05:00:00 +01:00, 3 not run"),
        (4 * hour, ""),
        (5 * hour, ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "give one of the name of a job, --all, and a schedule: --now"),
        (["idle", "--every", "5m"], 2, "give one of the name of a job, --all, and a schedule"),
        (["idle", "--all"], 2, "give one of the name of a job, --all, and a schedule"),
        (["--all", "--cron", "@daily"], 2, "give one of the name of a job, --all, and a schedule"),
        (["idel"], 3, "no job named 'idel'; did you mean 'idle'?"),
        (["idle"], 4, "job 'idle' has no schedule; make one with: jobctl schedule idle …"),
        (["--every", "5m", "-n", "0"], 2, "invalid value for '-n': 0 is not in the range"),
        (["--every", "5m", "--from", "soon"], 2, "invalid value for '--from': 'soon' is no instant"),
        (["--every", "5m", "--until", "soon"], 2, "invalid value for '--until': 'soon' is no instant"),
    ],
)
def test_bad_input(fleet: Jobctl, arguments: Sequence[str], code: int, sentence: str) -> None:
    assert fleet("next", *arguments, expect=code).stderr.startswith(f"jobctl: {sentence}")


def test_the_distance_is_from_now_whatever_from_says(jobctl: Jobctl, clock_file: ClockFile) -> None:
    clock_file.set(wall=datetime(2027, 1, 1, tzinfo=UTC).timestamp() - time.time())
    every = ("--every", "1d", "--from", "2027-01-03T00:00:30Z", "--tz", "UTC", "-n", "1")
    row = next(csv.DictReader(io.StringIO(jobctl("next", *every, "--format", "csv", expect=0).stdout)))
    assert 2 * 86400 <= int(row["in"]) <= 2 * 86400 + 30
