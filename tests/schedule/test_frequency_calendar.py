"""Chosen days and times of day against every local day walked one by one, and over the whole calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.schedule import build
from jobctl.schedule.frequency import EveryMonths, MonthDays
from tests.schedule.frequency_oracle import ZONES, Case, expected, random_case
from tests.schedule.oracle import walk, walk_back
from tests.schedule.test_frequency import DAY, TICK, make


def compare(case: Case, random: Random) -> int:
    """Both walks and the counts against the brute force; the number of occurrences compared."""
    schedule = build(case.spec, time_zone=case.zone, start=case.start, end=None, anchor=case.start)
    wanted = expected(case)
    assert walk(schedule, case.low - TICK, case.high) == wanted, case
    assert walk_back(schedule, case.low, case.high + TICK) == wanted, case
    first = next((each for each in wanted if each >= case.start), None)
    assert case.low > case.start or schedule.first(case.start - DAY) == (first or schedule.next_after(case.high)), case
    edges = [case.low, case.high, *random.sample(wanted, min(4, len(wanted)))]
    edges += [each + shift for each in edges for shift in (-TICK, TICK) if case.low < each < case.high]
    for _ in range(8):
        a, b = sorted(random.choices(edges, k=2))
        assert schedule.count_between(a, b) == sum(a < each <= b for each in wanted), (case, a, b)
    return len(wanted)


@pytest.mark.parametrize("zone", ZONES)
def test_random_frequencies_agree_with_walking_every_local_day(zone: str) -> None:
    random = Random(f"frequency {zone}")
    assert sum(compare(random_case(random, zone), random) for _ in range(40)) > 500


@pytest.mark.campaign
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(10))
def test_many_random_frequencies_agree_with_walking_every_local_day(zone: str, seed: int) -> None:
    random = Random(f"frequency {zone} {seed}")
    for _ in range(150):
        compare(random_case(random, zone), random)


@given(
    st.sampled_from(["day", "2 days", "week", "3 weeks", "month", "5 months", "year"]),
    st.sampled_from(["00:00", "02:30", "02:00,02:15,03:00", "23:59:59"]),
    st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1)),
    st.sampled_from(ZONES),
)
@settings(max_examples=200, deadline=None)
def test_next_last_and_count_agree_up_to_the_end_of_the_calendar(
    every: str, at: str, moment: datetime, zone: str
) -> None:
    schedule = make(every, at=at, zone=zone, anchor=datetime(1970, 1, 31, 12, tzinfo=UTC))
    instant = moment.replace(tzinfo=UTC)
    following = schedule.next_after(instant)
    assert following is not None and following > instant
    preceding = schedule.last_before(following)
    assert preceding is None or preceding <= instant
    assert schedule.count_between(instant, following) == 1
    assert schedule.last_before(following + TICK) == following
    assert preceding is None or schedule.next_after(preceding) == following


@pytest.mark.parametrize(
    ("every", "on", "at", "number"),
    [
        ("week", "mon,fri", "06:00,18:00", 20_871 * 4),
        ("3 weeks", "weekdays", "06:00", 20_871 * 5 // 3),
        ("day", None, "06:00", 146_097),
        ("day", "weekends", "06:00", 20_871 * 2),
        ("month", "1,-1", "06:00", 9600),
        ("month", "31", "06:00", 2800),
        ("month", "fifth-mon", "06:00", 20_871 - 4 * 4800),
        ("12 months", "29", "06:00", 97),
        ("3h", "sun", None, 20_871 * 8),
    ],
)
def test_the_calendar_repeats_after_400_years(every: str, on: str | None, at: str | None, number: int) -> None:
    start = datetime(2096, 2, 1, tzinfo=UTC)
    schedule = make(every, on, at, "UTC", start=start)
    low, high = start + TICK, start.replace(year=2496) + TICK
    assert schedule.count_between(low, high) == number
    assert schedule.count_between(low, low + 2 * (high - low)) == 2 * number


class CountedDays(MonthDays):
    """MonthDays that knows how often it was asked."""

    asked = 0

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        CountedDays.asked += 1
        return super().in_month(year, month)


def test_a_start_long_ago_is_not_walked_from() -> None:
    wall = EveryMonths(1970 * 12, 7, CountedDays(frozenset({1, -1}), frozenset()))
    moment = datetime(9000, 5, 5)
    following = wall.at_or_after(moment)
    preceding = wall.before(moment)
    assert following is not None and preceding is not None and preceding < moment <= following
    assert CountedDays.asked <= 8
    assert following - preceding <= timedelta(days=220)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
@pytest.mark.parametrize(
    ("every", "on", "at"),
    [("day", None, "00:00,23:59:59"), ("week", "mon-sun", None), ("month", "-1", "23:59"), ("7h", "weekdays", None)],
)
def test_the_calendar_ends_quietly(every: str, on: str | None, at: str | None, zone: str) -> None:
    start, end = datetime(9999, 10, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999_999, UTC)
    schedule = make(every, on, at, zone, start=start)
    found = walk(schedule, start, end)
    assert found and end - found[-1] < 40 * DAY
    assert walk_back(schedule, start + TICK, end + TICK) == found
    assert schedule.count_between(start, end) == len(found)
    assert schedule.next_after(end) is None
