"""Azure recurrences: the examples of Azure Scheduler's documentation, and its table of start times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.schedule.azure_oracle import at, azure, recurring, runs
from tests.schedule.oracle import walk, walk_back

TICK = timedelta(microseconds=1)
NOW = datetime(2015, 3, 1, 8, tzinfo=UTC)
APRIL = datetime(2015, 4, 1, tzinfo=UTC) - TICK
MAY, JULY = datetime(2015, 5, 1, tzinfo=UTC) - TICK, datetime(2015, 7, 1, tzinfo=UTC) - TICK

EVERY_DAY = " ".join(f"04-{day:02}" for day in range(1, 31))
MON_WED_FRI = "04-01 04-03 04-06 04-08 04-10 04-13 04-15 04-17 04-20 04-22 04-24 04-27 04-29"
WORKING_DAYS = (
    "04-01 04-02 04-03 04-06 04-07 04-08 04-09 04-10 04-13 04-14 04-15 04-16 04-17 "
    "04-20 04-21 04-22 04-23 04-24 04-27 04-28 04-29 04-30"
)
HOURS = [f"{hour:02}" for hour in range(24)]
ON_THE_HOUR = " ".join(f"{hour}:00" for hour in HOURS)
QUARTER_PAST = " ".join(f"{hour}:15" for hour in HOURS)
PAST_25 = " ".join(f"{hour}:25" for hour in HOURS)
QUARTERS = " ".join(f"{hour}:{minute}" for hour in HOURS for minute in ("00", "15", "30", "45"))
OFFICE_QUARTERS = " ".join(f"{hour:02}:{minute}" for hour in range(9, 17) for minute in ("00", "15", "30", "45"))

MWF = ["monday", "wednesday", "friday"]
WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
FRIDAY_1, FRIDAY_LAST = {"day": "friday", "occurrence": 1}, {"day": "friday", "occurrence": -1}
MIDNIGHT, MORNING, NOON = "2015-04-01T00:00Z", "2015-04-01T09:30Z", "2015-03-01T12:25Z"

# Every row of the documentation's table of schedules, in its order: the schedule, the frequency it goes with, a
# startTime, and the days and times of April 2015 (with a month's frequency: April to June) on which it runs.
ROWS: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"hours": [5]}, "day", MIDNIGHT, EVERY_DAY, "05:00"),
    ({"minutes": [15], "hours": [5]}, "day", MIDNIGHT, EVERY_DAY, "05:15"),
    ({"minutes": [15], "hours": [5, 17]}, "day", MIDNIGHT, EVERY_DAY, "05:15 17:15"),
    ({"minutes": [15, 45], "hours": [5, 17]}, "day", MIDNIGHT, EVERY_DAY, "05:15 05:45 17:15 17:45"),
    ({"minutes": [0, 15, 30, 45]}, "day", MIDNIGHT, EVERY_DAY, QUARTERS),
    ({"hours": list(range(24))}, "day", NOON, EVERY_DAY, PAST_25),
    ({"hours": list(range(24))}, "month", NOON, "04-01 05-01 06-01", PAST_25),
    ({"minutes": [0]}, "day", MIDNIGHT, EVERY_DAY, ON_THE_HOUR),
    ({"minutes": [0]}, "week", MIDNIGHT, "04-01 04-08 04-15 04-22 04-29", ON_THE_HOUR),
    ({"minutes": [0]}, "month", MIDNIGHT, "04-01 05-01 06-01", ON_THE_HOUR),
    ({"minutes": [15]}, "day", MIDNIGHT, EVERY_DAY, QUARTER_PAST),
    ({"hours": [17], "weekDays": ["saturday"]}, "week", MIDNIGHT, "04-04 04-11 04-18 04-25", "17:00"),
    ({"hours": [17], "weekDays": MWF}, "week", MIDNIGHT, MON_WED_FRI, "17:00"),
    ({"minutes": [15, 45], "hours": [17], "weekDays": MWF}, "week", MIDNIGHT, MON_WED_FRI, "17:15 17:45"),
    ({"hours": [5, 17], "weekDays": MWF}, "week", MIDNIGHT, MON_WED_FRI, "05:00 17:00"),
    (
        {"minutes": [15, 45], "hours": [5, 17], "weekDays": MWF},
        "week",
        MIDNIGHT,
        MON_WED_FRI,
        "05:15 05:45 17:15 17:45",
    ),
    ({"minutes": [0, 15, 30, 45], "weekDays": WORKDAYS}, "week", MIDNIGHT, WORKING_DAYS, QUARTERS),
    (
        {"minutes": [0, 15, 30, 45], "hours": [9, 10, 11, 12, 13, 14, 15, 16], "weekDays": WORKDAYS},
        "week",
        MIDNIGHT,
        WORKING_DAYS,
        OFFICE_QUARTERS,
    ),
    ({"weekDays": ["sunday"]}, "week", MORNING, "04-05 04-12 04-19 04-26", "09:30"),
    (
        {"weekDays": ["tuesday", "thursday"]},
        "week",
        MORNING,
        "04-02 04-07 04-09 04-14 04-16 04-21 04-23 04-28 04-30",
        "09:30",
    ),
    ({"minutes": [0], "hours": [6], "monthDays": [28]}, "month", MIDNIGHT, "04-28 05-28 06-28", "06:00"),
    ({"minutes": [0], "hours": [6], "monthDays": [-1]}, "month", MIDNIGHT, "04-30 05-31 06-30", "06:00"),
    (
        {"minutes": [0], "hours": [6], "monthDays": [1, -1]},
        "month",
        MIDNIGHT,
        "04-01 04-30 05-01 05-31 06-01 06-30",
        "06:00",
    ),
    ({"monthDays": [1, -1]}, "month", MORNING, "04-01 04-30 05-01 05-31 06-01 06-30", "09:30"),
    ({"monthDays": [1, 14]}, "month", MORNING, "04-01 04-14 05-01 05-14 06-01 06-14", "09:30"),
    ({"monthDays": [2]}, "month", MORNING, "04-02 05-02 06-02", "09:30"),
    (
        {"minutes": [0], "hours": [5], "monthlyOccurrences": [FRIDAY_1]},
        "month",
        MIDNIGHT,
        "04-03 05-01 06-05",
        "05:00",
    ),
    ({"monthlyOccurrences": [FRIDAY_1]}, "month", MORNING, "04-03 05-01 06-05", "09:30"),
    (
        {"monthlyOccurrences": [{"day": "friday", "occurrence": -3}]},
        "month",
        MORNING,
        "04-10 05-15 06-12",
        "09:30",
    ),
    (
        {"minutes": [15], "hours": [5], "monthlyOccurrences": [FRIDAY_1, FRIDAY_LAST]},
        "month",
        MIDNIGHT,
        "04-03 04-24 05-01 05-29 06-05 06-26",
        "05:15",
    ),
    (
        {"monthlyOccurrences": [FRIDAY_1, FRIDAY_LAST]},
        "month",
        MORNING,
        "04-03 04-24 05-01 05-29 06-05 06-26",
        "09:30",
    ),
    ({"monthlyOccurrences": [{"day": "friday", "occurrence": 5}]}, "month", MORNING, "05-29", "09:30"),
    (
        {"minutes": [0, 15, 30, 45], "monthlyOccurrences": [FRIDAY_LAST]},
        "month",
        MIDNIGHT,
        "04-24 05-29 06-26",
        QUARTERS,
    ),
    (
        {"minutes": [15, 45], "hours": [5, 17], "monthlyOccurrences": [{"day": "wednesday", "occurrence": 3}]},
        "month",
        MIDNIGHT,
        "04-15 05-20 06-17",
        "05:15 05:45 17:15 17:45",
    ),
]


def instants(days: str, times: str) -> list[datetime]:
    return [at(f"2015-{day}T{time}") for day in days.split() for time in times.split()]


@pytest.mark.parametrize(("schedule", "frequency", "start", "days", "times"), ROWS)
def test_every_example_of_the_documentation(
    schedule: dict[str, Any], frequency: str, start: str, days: str, times: str
) -> None:
    built = azure(recurring(start, frequency, **schedule), NOW)
    until = JULY if frequency == "month" else MAY
    expected = instants(days, times)
    assert walk(built, APRIL, until) == expected
    assert walk_back(built, APRIL, until) == expected
    assert built.count_between(APRIL, until) == len(expected)


@pytest.mark.parametrize(
    ("start", "schedule"), [("2015-03-01T12:25Z", {"hours": list(range(24))}), ("2015-03-01T12:00Z", {"minutes": [0]})]
)
def test_the_examples_that_equal_an_hourly_frequency(start: str, schedule: dict[str, Any]) -> None:
    hourly = azure(recurring(start, "hour"), NOW)
    assert walk(azure(recurring(start, "day", **schedule), NOW), NOW, MAY) == walk(hourly, NOW, MAY)


PRESENT = at("2015-04-08T13:00")  # a Wednesday
NOON_ON_SUNDAYS = {"schedule": {"weekDays": ["sunday"], "hours": [12], "minutes": [0]}}


@pytest.mark.parametrize(
    ("start", "recurrence", "expected"),
    [
        (None, None, ["2015-04-08 13:00"]),
        (None, {"frequency": "day", "interval": 2}, ["2015-04-08 13:00", "2015-04-10 13:00", "2015-04-12 13:00"]),
        (None, {"frequency": "week", **NOON_ON_SUNDAYS}, ["2015-04-08 13:00", "2015-04-12 12:00", "2015-04-19 12:00"]),
        ("2015-04-07T14:00", None, ["2015-04-08 13:00"]),
        ("2015-04-07T14:00", {"frequency": "day", "interval": 2}, ["2015-04-09 14:00", "2015-04-11 14:00"]),
        ("2015-03-01T14:00", {"frequency": "week", **NOON_ON_SUNDAYS}, ["2015-04-12 12:00", "2015-04-19 12:00"]),
        ("2015-04-08T13:00", None, ["2015-04-08 13:00"]),
        ("2015-04-08T13:00", {"frequency": "day", "interval": 2}, ["2015-04-08 13:00", "2015-04-10 13:00"]),
        ("2015-04-08T13:00", {"frequency": "week", **NOON_ON_SUNDAYS}, ["2015-04-12 12:00", "2015-04-19 12:00"]),
        ("2015-04-20T06:30", None, ["2015-04-20 06:30"]),
        ("2015-04-20T06:30", {"frequency": "day", "interval": 2}, ["2015-04-20 06:30", "2015-04-22 06:30"]),
        ("2015-04-20T06:30", {"frequency": "week", **NOON_ON_SUNDAYS}, ["2015-04-26 12:00", "2015-05-03 12:00"]),
    ],
)
def test_the_table_of_start_times(start: str | None, recurrence: dict[str, Any] | None, expected: list[str]) -> None:
    document = {name: value for name, value in (("startTime", start), ("recurrence", recurrence)) if value}
    assert runs(document, len(expected), PRESENT) == expected
    if recurrence is None:
        assert azure(document, PRESENT).next_after(at(expected[0])) is None


@pytest.mark.parametrize("start", ["2015-04-07 14:00", "2015-04-05 14:00", "2015-04-01 14:00"])
def test_the_worked_example_counts_from_the_start(start: str) -> None:
    expected = ["2015-04-09 14:00", "2015-04-11 14:00", "2015-04-13 14:00", "2015-04-15 14:00"]
    assert runs(recurring(start, "day", 2), 4, PRESENT) == expected


def test_a_single_run_happens_once_and_is_said_so() -> None:
    schedule = azure({"startTime": "2015-04-20T06:30+02:00"}, NOW)
    assert schedule.describe() == "once at 2015-04-20 04:30 UTC"
    assert schedule.next_after(at("2015-04-20T04:30")) is None
    assert schedule.count_between(NOW, MAY) == 1
    assert azure({}, NOW).first(NOW) == NOW


OFFICE: dict[str, Any] = {"hours": [9, 10, 11], "minutes": [0, 15, 30, 45]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (recurring(MORNING, "day", 2), "at 09:30 every 2 days"),
        (recurring(MORNING, "minute", 15), "every 15 minutes"),
        (recurring(MORNING, "hour"), "every hour"),
        (recurring(MORNING, "week"), "at 09:30 on Wednesday"),
        (recurring(MORNING, "month"), "at 09:30 on the 1st of each month"),
        (recurring("2015-01-31T09:30", "month", 3), "at 09:30 on the 31st or else the last day, every 3 months"),
        (recurring(MORNING, "day", hours=[5, 17], minutes=15), "at 05:15 and 17:15 every day"),
        (recurring(MORNING, "day", minutes=[0, 15, 30, 45]), "every 15 minutes"),
        (recurring(MORNING, "day", 3, minutes=[0, 15, 30, 45]), "every 15 minutes on every 3rd day"),
        (recurring(MORNING, "hour", **OFFICE), "every 15 minutes from 09:00 to 11:45 every day"),
        (recurring(MORNING, "hour", 2, **OFFICE), "every 2 hours at 0, 15, 30 and 45 past, only in the hours 09 to 11"),
        (recurring(MORNING, "hour", 5, minutes=[30, 15]), "every 5 hours at 15 and 30 past"),
        (recurring(MORNING, "hour", 5, hours=4), "every 5 hours at 30 past, only in the hour 04"),
        (
            recurring(MORNING, "minute", 7, minutes=[5], hours=[2, 4]),
            "every 7 minutes, only at 5 past, only in the hours 02 and 04",
        ),
        (recurring(MORNING, "minute", 7, minutes=list(range(0, 60, 5))), "every 7 minutes, only at 12 minutes past"),
        (recurring(MORNING, "week", hours=17, weekDays=MWF), "at 17:30 on Monday, Wednesday and Friday"),
        (recurring(MORNING, "week", 2, hours=17, weekDays=WORKDAYS), "at 17:30 on Monday to Friday, every 2 weeks"),
        (recurring(MORNING, "week", weekDays=[*WORKDAYS, "saturday", "sunday"]), "at 09:30 every day"),
        (recurring(MORNING, "month", monthDays=[-1, 1]), "at 09:30 on the 1st and last day of each month"),
        (recurring(MORNING, "month", 2, monthDays=28), "at 09:30 on the 28th, every 2 months"),
        (
            recurring(
                MORNING, "month", hours=[5, 17], minutes=15, monthlyOccurrences=[{"day": "wednesday", "occurrence": 3}]
            ),
            "at 05:15 and 17:15 on the 3rd Wednesday of each month",
        ),
        (
            recurring(MORNING, "month", monthlyOccurrences=[FRIDAY_LAST, {"day": "monday"}, FRIDAY_1]),
            "at 09:30 on every Monday and the 1st and last Friday of each month",
        ),
        (
            recurring(MORNING, "month", monthDays=13, monthlyOccurrences=[{"day": "friday"}]),
            "at 09:30 on the 13th of each month where that is a Friday",
        ),
    ],
)
def test_a_schedule_in_words(document: dict[str, Any], words: str) -> None:
    start = f"{document['startTime'][:10]} 09:30 UTC"
    assert azure(document, NOW).describe() == f"{words} from {start}"


def test_the_words_without_a_start_and_with_an_end() -> None:
    document = {"recurrence": {"frequency": "day", "endTime": "2015-04-01", "schedule": {"hours": [5]}}}
    period = "from 2015-03-01 08:00 UTC until 2015-04-01 00:00 UTC"
    assert azure(document, NOW).describe() == f"once when scheduled, then at 05:00 every day {period}"
