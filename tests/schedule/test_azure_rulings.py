"""Azure recurrences: what their documentation leaves open or says in two ways, by the numbers of its rulings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobctl.errors import BadInput
from tests.schedule.azure_oracle import at, azure, recurring, runs
from tests.schedule.oracle import walk, walk_back

TICK = timedelta(microseconds=1)
NOW = datetime(2015, 3, 1, 8, tzinfo=UTC)
MAY = datetime(2015, 5, 1, tzinfo=UTC)
SUNDAYS = {"weekDays": ["sunday"]}

FRI_13 = {"monthDays": [13], "monthlyOccurrences": [{"day": "friday"}]}
NAMED = [
    ("D13", recurring(None, "week", weekDays=["sunday"]), ["2015-03-01 08:00", "2015-03-08 08:00"]),
    ("D15", recurring("2015-03-02", "day", hours=[0, 23]), ["2015-03-02 00:00", "2015-03-02 23:00"]),
    (
        "D17",
        recurring("2015-03-02", "day", hours=[17, 5], minutes=[45, 15]),
        ["2015-03-02 05:15", "2015-03-02 05:45", "2015-03-02 17:15", "2015-03-02 17:45", "2015-03-03 05:15"],
    ),
    (
        "D18 minutes",
        recurring("2015-03-02T05:10", "week", minutes=[30, 0]),
        ["2015-03-02 05:30", "2015-03-02 06:00", "2015-03-02 06:30"],
    ),
    ("D18 hours", recurring("2015-03-02T05:10", "day", hours=[6]), ["2015-03-02 06:10", "2015-03-03 06:10"]),
    (
        "D18 neither",
        recurring("2015-03-02T05:10", "month", monthDays=[2, 3]),
        ["2015-03-02 05:10", "2015-03-03 05:10", "2015-04-02 05:10"],
    ),
    (
        "hour: minute of the start",
        recurring("2015-03-02T05:10", "hour", hours=[6, 7]),
        ["2015-03-02 06:10", "2015-03-02 07:10", "2015-03-03 06:10"],
    ),
    (
        "hour: no limit on hours",
        recurring("2015-03-02T05:10", "hour", 2, minutes=[0, 20]),
        ["2015-03-02 05:20", "2015-03-02 07:00", "2015-03-02 07:20", "2015-03-02 09:00"],
    ),
    (
        "minute: hours limit",
        recurring("2015-03-02T05:10", "minute", 25, hours=[6]),
        ["2015-03-02 06:00", "2015-03-02 06:25", "2015-03-02 06:50", "2015-03-03 06:10"],
    ),
    (
        "minute: minutes limit",
        recurring("2015-03-02T05:10", "minute", 20, minutes=[30, 50]),
        ["2015-03-02 05:30", "2015-03-02 05:50", "2015-03-02 06:30"],
    ),
    (
        "day",
        recurring("2015-03-02T12:00", "day", 3, hours=[9, 15]),
        ["2015-03-02 15:00", "2015-03-05 09:00", "2015-03-05 15:00", "2015-03-08 09:00"],
    ),
    (
        "U17",
        recurring("2015-01-31T09:00", "month"),
        ["2015-03-31 09:00", "2015-04-30 09:00", "2015-05-31 09:00", "2015-06-30 09:00"],
    ),
    (
        "U17 with times only",
        recurring("2015-01-31T09:00", "month", 1, hours=[6]),
        ["2015-03-31 06:00", "2015-04-30 06:00", "2015-05-31 06:00"],
    ),
    (
        "U17 explicit days skip",
        recurring("2015-01-31T09:00", "month", 1, monthDays=[31]),
        ["2015-03-31 09:00", "2015-05-31 09:00", "2015-07-31 09:00"],
    ),
    (
        "30th",
        recurring("2015-01-31T09:00", "month", 1, monthDays=30),
        ["2015-03-30 09:00", "2015-04-30 09:00", "2015-05-30 09:00"],
    ),
    (
        "-31",
        recurring("2015-03-02", "month", 1, monthDays=-31),
        ["2015-05-01 00:00", "2015-07-01 00:00", "2015-08-01 00:00"],
    ),
    (
        "-30",
        recurring("2015-03-02", "month", 1, monthDays=-30),
        ["2015-03-02 00:00", "2015-04-01 00:00", "2015-05-02 00:00", "2015-06-01 00:00"],
    ),
    ("-29", recurring("2015-02-02", "month", 12, monthDays=-29), ["2016-02-01 00:00", "2020-02-01 00:00"]),
    (
        "-5",
        recurring("2015-03-02", "month", 1, monthlyOccurrences=[{"day": "friday", "occurrence": -5}]),
        ["2015-05-01 00:00", "2015-07-03 00:00", "2015-10-02 00:00"],
    ),
    ("U19", recurring("2015-02-27T08:00", "day", 2), ["2015-03-01 08:00", "2015-03-03 08:00"]),
    ("U20", recurring("2015-03-02", "day"), ["2015-03-02 00:00", "2015-03-03 00:00"]),
    (
        "U23",
        recurring("2015-03-06T09:00", "week", 2, weekDays=["sunday", "monday"]),
        ["2015-03-08 09:00", "2015-03-16 09:00", "2015-03-22 09:00", "2015-03-30 09:00"],
    ),
    (
        "U24",
        recurring("2015-03-01T09:00", "month", 1, **FRI_13),
        ["2015-03-13 09:00", "2015-11-13 09:00", "2016-05-13 09:00"],
    ),
    ("U28", recurring("2045-03-02", "day"), ["2045-03-02 00:00", "2045-03-03 00:00"]),
    ("U29", recurring("2015-03-01T23:30:00-08:00", "day", 1, hours=[7]), ["2015-03-02 07:30", "2015-03-03 07:30"]),
    (
        "U30",
        recurring("2015-03-02T05:10:42", "day", 1, hours=[6], minutes=[0]),
        ["2015-03-02 06:00:42", "2015-03-03 06:00:42"],
    ),
    ("U35", {"startTime": "2015-03-02", "recurrence": {"frequency": "day", "schedule": {}}}, ["2015-03-02 00:00"]),
    ("U39", recurring("2015-03-02", "MoNTh"), ["2015-03-02 00:00", "2015-04-02 00:00"]),
    ("one value", recurring("2015-03-02", "week", weekDays="FriDay", hours=5), ["2015-03-06 05:00"]),
    (
        "repetitions",
        recurring("2015-03-02", "day", hours=[5, 5], minutes=[1, 1]),
        ["2015-03-02 05:01", "2015-03-03 05:01"],
    ),
]


@pytest.mark.parametrize(("document", "expected"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_what_the_documentation_leaves_open(document: dict[str, Any], expected: list[str]) -> None:
    assert runs(document, len(expected), NOW) == expected


def test_u25_u36_without_a_start_the_moment_of_scheduling_is_the_first_run_whatever_the_schedule_says() -> None:
    now = datetime(2015, 3, 4, 12, 25, 33, 500_000, tzinfo=UTC)
    document = recurring(None, "week", 1, weekDays=["monday", "wednesday"])
    schedule = azure(document, now)
    monday, wednesday = at("2015-03-09T12:25"), at("2015-03-11T12:25")  # second 0, by U30
    assert schedule.first(now) == now
    assert walk(schedule, now - TICK, wednesday) == [now, monday, wednesday]
    assert walk_back(schedule, now, wednesday) == [now, monday]
    assert schedule.count_between(now - TICK, wednesday) == 3
    assert schedule.count_between(now, wednesday) == 2
    assert schedule.last_before(now) is None
    later = now + timedelta(days=1)
    assert azure(document, later).first(later) == later


def test_without_a_schedule_the_exact_moment_is_repeated() -> None:
    now = datetime(2015, 3, 4, 12, 25, 33, 500_000, tzinfo=UTC)
    for frequency, step in (("minute", timedelta(minutes=3)), ("hour", timedelta(hours=3)), ("day", timedelta(days=3))):
        assert walk(azure(recurring(None, frequency, 3), now), now - TICK, now + step) == [now, now + step]


def test_a_fraction_of_a_second_is_rounded_up() -> None:
    assert runs(recurring("2015-03-02T05:10:59.9999999Z", "day"), 1, NOW) == ["2015-03-02 05:11"]
    assert runs(recurring("2015-03-02T05:10:59.9Z", "day", 1, hours=[5]), 1, NOW) == ["2015-03-02 05:11"]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2015-03-04T05:00", 4),  # D19: the end itself still runs
        ("2015-03-04T04:59:59", 3),
        ("2015-03-05", 4),  # U20: the first moment of that day
        ("2015-03-05T07:00+02:00", 5),
    ],
)
def test_d19_u20_the_end_is_inclusive(end: str, last: int) -> None:
    document = {"startTime": "2015-03-02T05:00", "recurrence": {"frequency": "day", "endTime": end}}
    schedule = azure(document, NOW)
    assert walk(schedule, NOW, MAY) == [datetime(2015, 3, day, 5, tzinfo=UTC) for day in range(2, last + 1)]


def test_an_end_equal_to_the_start_is_one_run() -> None:
    document = {"startTime": "2015-03-02T05:00", "recurrence": {"frequency": "day", "endTime": "2015-03-02T05:00Z"}}
    assert walk(azure(document, NOW), NOW, MAY) == [at("2015-03-02T05:00")]


def test_d20_without_end_and_count_it_goes_on_for_ever() -> None:
    schedule = azure(recurring("2015-03-02", "day"), NOW)
    assert schedule.first(at("9999-12-29T00:00")) == at("9999-12-29T00:00")
    assert schedule.next_after(at("9999-12-30T00:00")) is None


def february_fridays() -> list[date]:
    return [date(year, 2, 29) for year in range(2000, 2125) if _leap(year) and date(year, 2, 29).weekday() == 4]


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def test_days_that_come_once_in_decades_are_found() -> None:
    fifth = recurring("2000-02-01", "month", 12, monthlyOccurrences=[{"day": "friday", "occurrence": 5}])
    found = walk(azure(fifth, at("2000-01-01T00:00")), at("2000-01-01T00:00"), at("2125-01-01T00:00"))
    assert [each.date() for each in found] == february_fridays()
    assert [each.year for each in found] == [2008, 2036, 2064, 2092, 2104]
    schedule = azure(recurring("2000-02-29T01:00", "month", 12, monthDays=[29]), at("2000-01-01T00:00"))
    years = [each.year for each in walk(schedule, at("2000-01-01T00:00"), at("2125-01-01T00:00"))]
    assert years == [year for year in range(2000, 2125) if _leap(year)]
    assert schedule.next_after(at("2096-03-01T00:00")) == at("2104-02-29T01:00")
    assert schedule.last_before(at("2104-02-29T01:00")) == at("2096-02-29T01:00")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (recurring("2015-02-01", "month", 12, monthDays=[30, 31]), "meets February, but never the 30th and 31st"),
        (recurring("2015-02-01", "month", 12, monthDays=[30], hours=[5]), "nothing would ever run"),
        (recurring("2015-04-01", "month", 12, monthDays=-31), "nothing would ever run"),
        (
            recurring("2015-01-01", "month", 1, monthDays=1, monthlyOccurrences=[{"day": "friday", "occurrence": 2}]),
            "2nd",
        ),
        (recurring("2015-02-01T07:00", "hour", 24, hours=[5]), "every 24 hours from 07:00 never meets"),
        (recurring(None, "hour", 2, hours=[5]), "every 2 hours from 08:00 never meets"),
        (recurring("2015-02-01T07:15", "minute", 60, minutes=[30]), "every 60 minutes from 07:15 never meets"),
        (recurring("2015-02-01T07:15", "minute", 1000, hours=[3], minutes=[16]), "nothing would ever run"),
        (
            {
                "startTime": "2015-03-02",
                "recurrence": {"frequency": "week", "endTime": "2015-03-03", "schedule": SUNDAYS},
            },
            "nothing would ever run",
        ),
        (
            {"startTime": "2015-02-02", "recurrence": {"frequency": "day", "endTime": "2015-03-01"}},
            "no occurrence left",
        ),
    ],
)
def test_u26_what_can_never_run_is_refused(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        azure(document, NOW)
