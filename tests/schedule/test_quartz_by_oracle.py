"""Quartz cron agrees with an oracle that asks each day, minute and second alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from jobctl.errors import BadInput
from jobctl.schedule import Schedule
from jobctl.schedule.daylight import Change, changes
from tests.schedule.oracle import walk, walk_back
from tests.schedule.quartz_oracle import date_holds, days, quartz, scan, scan_minutes, times

TICK = timedelta(microseconds=1)
ZONES = ("Europe/Madrid", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "America/New_York")


def assert_whole(schedule: Schedule, expected: list[datetime], low: datetime, high: datetime, which: object) -> None:
    """Walked forwards, backwards and counted alike, and as expected."""
    assert walk(schedule, low, high) == expected, which
    assert walk_back(schedule, low + TICK, high + TICK) == expected, which
    assert schedule.count_between(low, high) == len(expected), which


def transitions(since: int, until: int) -> list[tuple[str, Change]]:
    low, high = datetime(since, 1, 1, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC)
    return [(name, change) for name in ZONES for change in changes(ZoneInfo(name), low, high)]


def compare(random: Random, cases: int) -> None:
    """Random expressions over a day and a half around transitions, minute by minute."""
    pool = transitions(1973, 2037)
    while cases:
        name, change = random.choice(pool)
        low = change.at - timedelta(minutes=random.randint(0, 2000))
        high = low + timedelta(hours=36)
        text = f"{times(random)} {days(random)}"
        try:
            schedule = quartz(text, name)
        except BadInput as refused:
            assert "nothing would ever run" in str(refused), text
            assert not any(date_holds(text, date(1970, 1, 1) + timedelta(days=n)) for n in range(11000)), text
            continue
        expected = scan_minutes(text, ZoneInfo(name), low, high)
        assert_whole(schedule, expected, low, high, (text, name, low))
        cases -= 1


def test_agrees_with_the_oracle_around_transitions() -> None:
    compare(Random(11), 60)


@pytest.mark.campaign
def test_agrees_with_the_oracle_around_many_transitions() -> None:
    compare(Random(12), 5000)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Europe/Madrid", "2026-03-29T00:00Z"),
        ("Europe/Madrid", "2026-10-25T00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T14:45Z"),
        ("Australia/Lord_Howe", "2027-04-03T14:00Z"),
        ("America/Santiago", "2026-09-06T03:30Z"),
        ("Africa/Monrovia", "1972-01-07T00:00Z"),  # by 44 minutes and 30 seconds
    ],
)
def test_agrees_with_a_scan_of_every_second(name: str, day: str) -> None:
    low = datetime.fromisoformat(day)
    high = low + timedelta(hours=2)
    for text in ("30 0/15 * * * ?", "*/20 15,45 1-3 * * ?", "15 30,59 0-3 * * ?"):
        assert_whole(quartz(text, name), scan(text, ZoneInfo(name), low, high), low, high, (text, name))


def test_days_agree_with_the_oracle_over_years() -> None:
    random = Random(13)
    compared = 0
    for _ in range(120):
        text = f"0 30 12 {days(random)}"
        first = date(random.randint(1970, 2097), 1, 1)
        span = [first + timedelta(days=n) for n in range(800)]
        expected = [
            datetime(each.year, each.month, each.day, 12, 30, tzinfo=UTC) for each in span if date_holds(text, each)
        ]
        low = datetime(first.year, 1, 1, tzinfo=UTC)
        try:
            schedule = quartz(text, "UTC")
        except BadInput:
            assert expected == [], text
            continue
        assert_whole(schedule, expected, low, low + timedelta(days=800), text)
        compared += 1
    assert compared > 100
