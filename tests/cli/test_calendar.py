"""`jobctl next --calendar`: a month and a week, counted and drawn."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobctl.almanac import calendar
from jobctl.clock import from_datetime
from jobctl.coming import Coming
from jobctl.output import Output
from jobctl.output.calendar_view import Calendar, draw, short, week_rows
from jobctl.schedule import Schedule, build
from tests.cli.terminal import on_terminal
from tests.conftest import ClockFile, Jobctl

ANSI = re.compile(r"\x1b\[[0-9;]*m")
NOW = from_datetime(datetime(2020, 1, 1, tzinfo=UTC))
CRON = {"notation": "cron", "expression": "30 2 * * *"}


def make(spec: Mapping[str, object], zone: str, start: datetime) -> Schedule:
    return build(spec, time_zone=zone, start=None, end=None, anchor=start)


def counted(spec: Mapping[str, object], unit: str, day: str, zone: str = "Europe/Madrid", now: int = NOW) -> Calendar:
    """The calendar of a schedule made at the first moment of a UTC day."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    schedule = make(spec, zone, start)
    first = schedule.first(start)
    coming = Coming(schedule, zone, None if first is None else from_datetime(first))
    return calendar(unit, [coming], schedule.describe(), from_datetime(start), now, zone)


def drawn(found: Calendar, capsys: pytest.CaptureFixture[str]) -> list[str]:
    draw(Output("plain", color=False, now=NOW), found)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isascii() and line == line.rstrip() for line in lines)
    assert max(len(line) for line in lines if line != found.words) <= 80
    return lines


# Counting


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Madrid", "2027-03-24"),
        ("Europe/Madrid", "2027-10-28"),
        ("America/Havana", "2026-03-05"),  # a day without midnight
        ("America/Santiago", "2026-04-03"),  # back from midnight
        ("Australia/Lord_Howe", "2026-10-01"),  # half an hour
        ("Pacific/Apia", "2011-12-28"),  # a date that never was
    ],
)
@pytest.mark.parametrize("unit", ["month", "week"])
def test_each_day_and_hour_has_what_the_list_has(zone: str, day: str, unit: str) -> None:
    specs: list[Mapping[str, object]] = [
        CRON,
        {"notation": "every", "every": "35m"},
        {**CRON, "expression": "*/15 0-3 * * *", "skip": [day]},
    ]
    for spec in specs:
        found = counted(spec, unit, day, zone)
        start = datetime.fromisoformat(day).replace(tzinfo=UTC)
        schedule, local = make(spec, zone, start), ZoneInfo(zone)
        hours: Counter[tuple[date, int]] = Counter()
        instant = schedule.first(start)
        furthest = datetime.min
        while instant is not None and instant < start + timedelta(days=45):
            # An hour ends when the clock first reads the next one: what comes round again stays with the later hour.
            furthest = max(furthest, instant.astimezone(local).replace(tzinfo=None))
            hours[furthest.date(), furthest.hour] += 1
            instant = schedule.next_after(instant)
        for one in found.days:
            expected = tuple(hours[one.date, hour] for hour in range(24))
            assert one.count == sum(expected)
            assert unit == "month" or one.counts == expected


class Blind:
    """A schedule that can only count."""

    def __init__(self, inner: Schedule) -> None:
        self.count_between = inner.count_between
        self.describe = inner.describe

    def _refuse(self, i: datetime) -> datetime | None:
        raise AssertionError(f"{i} was visited")

    first = next_after = last_before = _refuse

    def note(self, i: datetime) -> str:
        raise AssertionError(f"{i} was visited")


def test_nothing_is_visited_and_a_thousand_jobs_are_quick() -> None:
    start = datetime(2027, 3, 1, tzinfo=UTC)
    blind = Blind(make({"notation": "every", "every": "1s"}, "Europe/Madrid", start))
    coming = [Coming(blind, "Europe/Madrid", from_datetime(start), job=f"job{n}") for n in range(300)]
    began = time.perf_counter()
    found = calendar("week", coming, "", from_datetime(start), NOW, "Europe/Madrid")
    assert time.perf_counter() - began < 3
    assert found.days[1].counts == (3600 * 300,) * 24
    assert len(found.jobs) == 300 and found.jobs[0] == ("job0", 601_200)


def test_the_month_is_that_of_the_zone() -> None:
    assert counted(CRON, "month", "2027-01-01", "America/New_York").month == date(2026, 12, 1)
    assert counted(CRON, "week", "2027-01-01", "America/New_York").days[0].date == date(2026, 12, 31)


def test_only_started_weeks_are_filled() -> None:
    assert [len(counted(CRON, "month", day).days) for day in ("2027-02-01", "2027-03-01", "2027-05-01")] == [28, 35, 42]


def test_pauses_and_counts_are_kept() -> None:
    start = datetime(2027, 3, 1, tzinfo=UTC)
    schedule, first = make({"notation": "every", "every": "1h"}, "UTC", start), from_datetime(start)
    day = 86_400_000_000
    coming = Coming(schedule, "UTC", first, 100, (first + day, first + 3 * day), "one")
    found = calendar("month", [coming], "", first, first, "UTC")
    assert [one.count for one in found.own_days[:8]] == [24, 0, 0, 24, 24, 24, 4, 0]
    assert found.notes == ("one is paused until 2027-03-04 00:00:00 +00:00",)


# In JSON


def test_in_json(jobctl: Jobctl) -> None:
    every = ("next", "--every", "6h", "--start", "2027-02-27", "--tz", "UTC", "--from", "2027-02-26", "--json")
    month = jobctl(*every, "--calendar", expect=0).json
    assert month.keys() == {"schema", "calendar"} and month["calendar"].keys() == {"unit", "time_zone", "days"}
    assert [day["date"] for day in month["calendar"]["days"]] == [f"2027-02-{day:02}" for day in range(1, 29)]
    assert month["calendar"]["days"][-3:] == [
        {"date": "2027-02-26", "count": 0},
        {"date": "2027-02-27", "count": 4},
        {"date": "2027-02-28", "count": 4},
    ]
    week = jobctl(*every, "--calendar", "week", expect=0).json["calendar"]
    hours = [int(hour in (0, 6, 12, 18)) for hour in range(24)]
    assert week["unit"] == "week" and week["days"][1] == {"date": "2027-02-27", "count": 4, "hours": hours}
    assert len(week["days"]) == 7


# Drawn


def test_a_month(capsys: pytest.CaptureFixture[str]) -> None:
    spec = {"notation": "cron", "expression": "30 2 * * mon-fri", "skip": ["2027-03-19"]}
    found = counted(spec, "month", "2027-03-01")
    lines = drawn(found, capsys)
    assert lines.pop(1) == found.words
    assert lines == [
        "March 2027, Europe/Madrid",
        "",
        "Monday     Tuesday    Wednesday  Thursday   Friday     Saturday   Sunday",
        "1          2          3          4          5          6          7",
        "# 1        # 1        # 1        # 1        # 1",
        "8          9          10         11         12         13         14",
        "# 1        # 1        # 1        # 1        # 1",
        "15         16         17         18         19         20         21",
        "# 1        # 1        # 1        # 1",
        "22         23         24         25         26         27         28 *",
        "# 1        # 1        # 1        # 1        # 1",
        "29         30         31         1 Apr      2 Apr      3 Apr      4 Apr",
        "# 1        # 1        # 1        # 1        # 1",
        "",
        "22 this month, at most 1 a day",
        "* Sun 28 March: the clocks go forward from 02:00 to 03:00",
    ]


def test_a_week(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(counted({**CRON, "expression": "0,30 2,3 * * *"}, "week", "2027-03-25"), capsys)
    assert lines[0] == "Thu 25 to Wed 31 March 2027, Europe/Madrid"
    assert lines[3:] == [
        "      Thu 25    Fri 26    Sat 27    Sun 28 *  Mon 29    Tue 30    Wed 31",
        "00:00",
        "01:00",
        "02:00 ## 2      ## 2      ## 2      no hour   ## 2      ## 2      ## 2",
        "03:00 ## 2      ## 2      ## 2      ## 2      ## 2      ## 2      ## 2",
        "04-23",
        "",
        "26 this week, at most 4 a day",
        "* Sun 28 March: the clocks go forward from 02:00 to 03:00",
    ]


def test_the_present_moment_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    now = from_datetime(datetime(2027, 3, 2, 12, 34, tzinfo=UTC))
    week = drawn(counted({"notation": "every", "every": "day"}, "week", "2027-03-02", "UTC", now), capsys)
    assert week[4:8] == [
        "00:00 #         #         #         #         #         #         #",
        "01-11",
        "now   --12:34--------------------------------------------------------------",
        "12-23",
    ]
    month = drawn(counted({"notation": "every", "every": "day"}, "month", "2027-03-02", "UTC", now), capsys)
    assert month[4].startswith("1          2 today    3  ")


def test_an_empty_month_names_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    yearly = {"notation": "cron", "expression": "0 9 24 12 *"}
    lines = drawn(counted(yearly, "month", "2027-03-01"), capsys)
    assert lines[-3:] == [
        "no occurrences this month",
        "* Sun 28 March: the clocks go forward from 02:00 to 03:00",
        "the next one: 2027-12-24 09:00:00 +01:00",
    ]


def test_titles_across_months_and_years(capsys: pytest.CaptureFixture[str]) -> None:
    title = "Mon 28 December 2026 to Sun 3 January 2027, Europe/Madrid"
    assert drawn(counted(CRON, "week", "2026-12-28"), capsys)[0] == title
    assert drawn(counted(CRON, "week", "2027-03-29"), capsys)[0] == "Mon 29 March to Sun 4 April 2027, Europe/Madrid"


def test_bars_are_in_proportion(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(counted({"notation": "every", "every": "1s"}, "month", "2027-02-27T12:00", "UTC"), capsys)
    assert lines[10:12] == [
        "22         23         24         25         26         27         28",
        " " * 55 + "## 43200   #### 86400",
    ]


@pytest.mark.parametrize(
    ("count", "width", "text"), [(86_400, 5, "86400"), (86_400, 4, "86k"), (604_800, 5, "604k"), (10**9, 5, "1000M")]
)
def test_numbers_are_kept_short(count: int, width: int, text: str) -> None:
    assert short(count, width) == text


def test_a_low_terminal_gets_two_hours_in_a_row() -> None:
    week = counted({"notation": "every", "every": "1h"}, "week", "2027-03-01")
    assert len(week_rows(week, None)) == len(week_rows(week, 40)) == 24
    assert week_rows(week, 24) == [range(hour, hour + 2) for hour in range(0, 24, 2)]
    assert week_rows(counted(CRON, "week", "2027-03-01"), 24)[-1] == range(3, 24)


# On a terminal, and as a command


@pytest.mark.parametrize("unit", ["month", "week"])
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_on_a_terminal(jobctl: Jobctl, clock_file: ClockFile, unit: str, columns: int) -> None:
    clock_file.set(wall=datetime(2027, 3, 2, 12, 34, tzinfo=UTC).timestamp() - time.time())
    arguments = ("next", "--cron", "*/5 8-17 * * *", "--tz", "UTC", "--calendar", unit)
    shown, code = on_terminal(jobctl, *arguments, columns=columns, rows=24)
    text = ANSI.sub("", shown.decode())
    grid = [line.rstrip() for line in text.split("\r\n")][3:-3]
    assert code == 0 and len(text.splitlines()) <= 24
    assert max(map(len, grid)) <= columns and max(map(len, grid)) > columns * 0.8
    assert "#" not in text and ("\x1b[32m█" in shown.decode() or columns == 40)


def test_without_colour_it_is_ascii(jobctl: Jobctl, environment: dict[str, str]) -> None:
    environment["NO_COLOR"] = "1"
    shown, _ = on_terminal(jobctl, "next", "--every", "1h", "--calendar", "week", columns=80)
    assert shown.isascii() and b"\x1b" not in shown and b" ## 2 " in shown


def test_all_jobs_are_summed_and_the_busiest_named(jobctl: Jobctl) -> None:
    for name, interval in (("rare", "1d"), ("busy", "1h")):
        jobctl("add", name, "--every", interval, "--start", "2027-03-01", "--tz", "UTC", "--", "true", expect=0)
    arguments = ("next", "--all", "--calendar", "--from", "2027-02-28T12:00Z")
    found = jobctl(*arguments, "--json", env={"TZ": "Asia/Tokyo"}, expect=0).json["calendar"]
    assert found["time_zone"] == "Asia/Tokyo"
    assert found["days"][0] == {"date": "2027-02-01", "count": 0}
    march = ("next", "--all", "--calendar", "--from", "2027-03-01T00:00Z")
    text = jobctl(*march, env={"TZ": "UTC"}, expect=0).stdout.splitlines()
    assert text[:2] == ["March 2027, UTC", "all jobs with a schedule (2)"]
    assert text[-2:] == ["775 this month, at most 25 a day", "by job: busy 744, rare 31"]
    one = jobctl("next", "busy", "--calendar", "week", "--from", "2027-03-01", expect=0).stdout.splitlines()
    assert one[1].startswith("every hour from 2027-03-01")


def test_no_schedule_at_all(jobctl: Jobctl) -> None:
    found = jobctl("next", "--all", "--calendar", expect=0).stdout
    assert "all jobs with a schedule (0)" in found and "no occurrences this month" in found


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--calendar", "year"],
            "invalid value for '--calendar': 'year' is not month or week; a job's name goes before",
        ),
        (["--calendar", "-n", "3"], "--calendar draws a whole month or week"),
        (["--calendar", "--until", "tomorrow"], "--calendar draws a whole month or week"),
        (["--calendar", "--format", "csv"], "--calendar draws a whole month or week"),
        (["--calendar", "--from", "9999-12-01"], "no calendar is drawn after 9998; choose an earlier --from"),
    ],
)
def test_bad_input(jobctl: Jobctl, arguments: list[str], sentence: str) -> None:
    assert jobctl("next", "--every", "1h", *arguments, expect=2).stderr.startswith(f"jobctl: {sentence}")


@pytest.mark.parametrize("day", ["1970-01-01", "9998-12-31"])
@pytest.mark.parametrize("unit", ["month", "week"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_time(day: str, unit: str, zone: str) -> None:
    found = counted({"notation": "cron", "expression": "0 * * * *"}, unit, day, zone)
    assert sum(one.count for one in found.days) > 0
