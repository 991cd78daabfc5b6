"""Azure recurrences against a literal reading of their documents, and what holds for every one of them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from jobctl.errors import BadInput
from tests.schedule.azure_oracle import DAY, LENGTHS, MINUTE, Literal, azure, document, moment
from tests.schedule.oracle import walk, walk_back

TICK = timedelta(microseconds=1)
ZONES = [
    "Europe/Madrid",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
]
CHANGES = (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC))
LONGEST = {"minute": 60, "hour": 200, "day": 2000, "week": 3000, "month": 6000}
"""Days that the oracle looks at, at most."""


def span(random: Random, written: dict[str, Any], literal: Literal) -> tuple[datetime, datetime]:
    """A stretch of time after the anchor, or over it, with a fair number of occurrences."""
    recurrence = written["recurrence"]
    length = LENGTHS[recurrence["frequency"]] * recurrence["interval"] * random.choice([3, 10, 40])
    length = min(max(length, 2 * DAY), LONGEST[recurrence["frequency"]] * DAY)
    low = literal.anchor + random.choice([-DAY, timedelta(0), random.randrange(20 * 365) * DAY + 7 * MINUTE])
    return low, low + length


def compare(written: dict[str, Any], now: datetime, zone: str, low: datetime, high: datetime) -> int:
    """How many occurrences both find between two instants, forwards, backwards and by counting."""
    literal = Literal(written, now, zone)
    expected = literal.between(low, high)
    try:
        schedule = azure(written, now, zone)
    except BadInput as error:
        assert "nothing would ever run" in str(error)
        begin = max(now, literal.anchor) - TICK * literal.has_start
        assert literal.between(begin, begin + (15_000 if literal.frequency == "month" else 1_001) * DAY) == []
        return 0
    assert walk(schedule, low, high) == expected
    assert walk_back(schedule, low + TICK, high + TICK) == expected
    assert schedule.count_between(low, high) == len(expected)
    for number in (len(expected) // 3, len(expected) * 2 // 3):
        if number < len(expected):
            assert schedule.count_between(low, expected[number]) == number + 1
            assert schedule.count_between(expected[number], high) == len(expected) - number - 1
            assert schedule.first(expected[number]) == expected[number]
    if expected:
        assert schedule.first(low + TICK) == expected[0]
    return len(expected)


def campaign(seed: int, number: int, zones: list[str]) -> tuple[int, int]:
    """How many documents were compared, and how many occurrences they had."""
    random = Random(seed)
    compared = occurrences = 0
    while compared < number:
        written, now, zone = document(random), moment(random, 1975, 2026), random.choice(zones)
        if zone != "UTC" and "startTime" not in written and random.random() < 0.5:
            now = random.choice(CHANGES) - random.randrange(5) * DAY
        low, high = span(random, written, Literal(written, now, zone))
        try:
            occurrences += compare(written, now, zone, low, high)
        except AssertionError:
            print(seed, compared, written, now, zone, low, high)
            raise
        compared += 1
    return compared, occurrences


@pytest.mark.parametrize(("seed", "zones"), [(1, ["UTC"]), (4, ["UTC"]), (8, ZONES)])
def test_a_literal_reading_finds_the_same(seed: int, zones: list[str]) -> None:
    compared, occurrences = campaign(seed, 50, zones)
    assert compared == 50
    assert occurrences > 500


def calls(written: dict[str, Any], now: datetime) -> int:
    """How many function calls it takes to find the run after `now`, once the zone's changes are known."""
    schedule = azure(written, now, "Europe/Madrid")
    schedule.next_after(now)
    number = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        schedule.next_after(now)
    finally:
        sys.setprofile(None)
    return number


@pytest.mark.parametrize(
    "recurrence",
    [
        {"frequency": "minute", "interval": 7},
        {"frequency": "minute", "interval": 7, "schedule": {"hours": [5]}},
        {"frequency": "hour", "interval": 5, "schedule": {"hours": [5], "minutes": [1, 2]}},
        {"frequency": "day", "interval": 2},
        {"frequency": "day", "interval": 2, "schedule": {"minutes": [0, 30]}},
        {"frequency": "week", "interval": 2, "schedule": {"weekDays": ["monday"]}},
        {"frequency": "month", "interval": 2},
        {"frequency": "month", "interval": 2, "schedule": {"monthDays": [-1]}},
    ],
)
def test_a_start_long_ago_takes_no_more_steps(recurrence: dict[str, Any]) -> None:
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)
    young, ten, fifty = (
        calls({"startTime": start, "recurrence": recurrence}, now)
        for start in ("2026-10-31T08:00", "2016-10-31T08:00", "1976-10-31T08:00")
    )
    assert max(ten, fifty) <= young + 25


@pytest.mark.campaign
@pytest.mark.parametrize(("seed", "zones"), [(11, ["UTC"]), (12, ["UTC"]), (13, ["UTC"]), (14, ZONES), (15, ZONES)])
def test_a_literal_reading_of_thousands_finds_the_same(seed: int, zones: list[str]) -> None:
    compared, occurrences = campaign(seed, 800, zones)
    print(f"seed {seed}: {compared} documents, {occurrences} occurrences, no difference")
    assert occurrences > 10_000
