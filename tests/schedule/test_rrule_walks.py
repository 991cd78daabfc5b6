"""Recurrence rules across transitions, over long times, and against dateutil and plain searches."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from jobctl.errors import BadInput
from jobctl.schedule import Schedule
from jobctl.schedule.daylight import changes
from tests.schedule.oracle import walk, walk_back
from tests.schedule.rrule_oracle import (
    DAY,
    SECOND,
    WEEKDAYS,
    ZONES,
    by_dateutil,
    comes,
    day_rule,
    on_the_clock,
    pace_rule,
    reading,
    rrule,
    scan,
)

MADRID = ZoneInfo("Europe/Madrid")
TICK = timedelta(microseconds=1)
MOST = 300
"""Instants of a case."""


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def planned(rule: str, zone: str, start: datetime) -> Schedule | None:
    """The schedule; None when it is refused."""
    try:
        return rrule(rule, zone, start)
    except BadInput:
        return None


def agrees(schedule: Schedule, start: datetime, high: datetime, expected: list[datetime], random: Random) -> bool:
    """Whether walks forwards and backwards and counts all give what is expected of start <= x <= high."""
    low = start + (high - start) * random.random()
    return (
        walk(schedule, start - TICK, high) == expected
        and walk_back(schedule, start, high + TICK) == expected
        and schedule.count_between(low, high) == sum(low < each <= high for each in expected)
        and schedule.count_between(start - DAY, low) == sum(each <= low for each in expected)
    )


def days_agree(seed: int, refusals: bool = True) -> int:
    """Compares a random rule of days or longer with dateutil; how many instants that were."""
    random = Random(seed)
    rule, zone = day_rule(random), random.choice(ZONES)
    start = utc(
        random.randint(1995, 2030), random.randint(1, 12), random.randint(1, 28), random.choice([0, 1, 3, 9, 23]), 7
    )
    if "WEEKLY" in rule and "BYSETPOS" in rule:
        # dateutil takes the first week to begin with the start; begin it on a day on which all weeks may begin.
        rule, zone, start = rule.split(";WKST")[0], "UTC", start - start.weekday() * DAY
    place = ZoneInfo(zone)
    local, high = reading(start, place), start + random.choice([300, 1500, 5000]) * DAY
    schedule = planned(rule, zone, start)
    if schedule is None:
        assert not refusals or not comes(rule, local), (rule, zone, start)
        return 0
    walls = by_dateutil(rule, local, reading(high, place) + 2 * DAY)[:MOST]
    if len(walls) == MOST:
        high = on_the_clock(walls[-4:-3], place)[0] - TICK
    found = {*on_the_clock(walls, place), *([start] if local in walls else [])}
    expected = sorted(each for each in found if start <= each <= high)
    assert agrees(schedule, start, high, expected, random), (rule, zone, start)
    return len(expected)


def paces_agree(seed: int) -> int:
    """Compares a random rule of hours or shorter with a search of the hours around a transition."""
    random = Random(seed)
    rule, zone, year = pace_rule(random), random.choice(ZONES), random.randint(2005, 2024)
    transitions = [change.at for change in changes(ZoneInfo(zone), utc(year, 1, 1), utc(year + 1, 1, 1))]
    low = random.choice(transitions or [utc(year, 5, 5)]).replace(second=0) - timedelta(hours=random.choice([3, 20]))
    high = low + timedelta(hours=8 if "SECONDLY" in rule else random.choice([8, 40]))
    start = low - timedelta(
        days=random.randint(0, 400), minutes=random.randint(0, 1440), seconds=random.choice([0, 17])
    )
    expected = scan(rule, ZoneInfo(zone), start, low, high)
    schedule, case = planned(rule, zone, start), (rule, zone, start, low)
    if schedule is None:
        assert not expected, case
        return 0
    assert walk(schedule, low - TICK, high - TICK) == expected, case
    assert walk_back(schedule, low, high) == expected, case
    middle = low + (high - low) * random.random()
    assert schedule.count_between(middle, high - TICK) == sum(middle < each for each in expected), case
    return len(expected)


def paces_agree_with_dateutil(seed: int) -> int:
    """Compares a random rule of hours or shorter with dateutil, where there is no daylight saving."""
    random = Random(seed)
    rule = pace_rule(random)
    start = utc(random.randint(1995, 2030), random.randint(1, 12), random.randint(1, 28), random.randint(0, 23), 7)
    high = start + (DAY / 3 if "SECONDLY" in rule else 10 * DAY)
    schedule = planned(rule, "UTC", start)
    if schedule is None:
        return 0
    walls = by_dateutil(rule, start.replace(tzinfo=None), high.replace(tzinfo=None))
    expected = [wall.replace(tzinfo=UTC) for wall in walls]
    assert agrees(schedule, start, high, expected, random), (rule, start)
    return len(expected)


@pytest.mark.parametrize("seeds", [range(first, first + 40) for first in range(0, 160, 40)])
def test_days_and_longer_agree_with_dateutil(seeds: range) -> None:
    # dateutil is slow to say that nothing comes.
    assert sum(days_agree(seed, refusals=seed % 8 == 0) for seed in seeds) > 1000


@pytest.mark.parametrize("seeds", [range(first, first + 40) for first in range(0, 160, 40)])
def test_hours_and_shorter_agree_with_a_search(seeds: range) -> None:
    assert sum(map(paces_agree, seeds)) > 1000


def test_hours_and_shorter_agree_with_dateutil_without_daylight_saving() -> None:
    assert sum(map(paces_agree_with_dateutil, range(40))) > 1000


@pytest.mark.campaign
def test_many_more_rules_agree() -> None:
    assert sum(map(days_agree, range(1000, 4000))) > 100_000
    assert sum(map(paces_agree, range(1000, 4000))) > 100_000
    assert sum(map(paces_agree_with_dateutil, range(1000, 1500))) > 10_000


def clock(rule: str, zone: ZoneInfo, low: datetime, high: datetime) -> list[str]:
    """Readings of the occurrences of low < x <= high of a rule that starts at `low`."""
    found = walk(rrule(rule, zone.key, low), low, high)
    return [f"{each.astimezone(zone):%H:%M%z}".removesuffix("00") for each in found]


def test_a_time_in_the_gap_comes_once_after_it_and_a_doubled_one_at_its_first_pass() -> None:
    rule = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0"
    gap, fold = utc(2026, 3, 28, 12), utc(2026, 10, 24, 12)
    assert clock(rule, MADRID, gap, gap + 2 * DAY) == ["03:00+02", "02:30+02"]
    assert clock(rule, MADRID, fold, fold + 2 * DAY) == ["02:30+02", "02:30+01"]
    schedule = rrule(rule, MADRID.key, gap)
    assert schedule.note(utc(2026, 3, 29, 1)) == "shifted out of the gap"
    assert schedule.note(utc(2026, 10, 25, 0, 30)) == "once of two"
    both = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0;BYSECOND=0"
    assert clock(both, MADRID, gap, gap + DAY) == ["03:00+02"]


@pytest.mark.parametrize(
    "rule", ["FREQ=HOURLY", "FREQ=HOURLY;BYMONTH=3,10", "FREQ=MINUTELY;INTERVAL=60;BYDAY=SU,MO,SA"]
)
def test_hours_keep_their_pace_through_gap_and_fold(rule: str) -> None:
    gap, fold = utc(2026, 3, 28, 23), utc(2026, 10, 24, 22)
    assert clock(rule, MADRID, gap, gap + DAY / 6) == ["01:00+01", "03:00+02", "04:00+02", "05:00+02"]
    assert clock(rule, MADRID, fold, fold + DAY / 6) == ["01:00+02", "02:00+02", "02:00+01", "03:00+01"]


def test_an_interval_of_hours_counts_real_hours_and_reads_its_parts_from_the_clock() -> None:
    start = utc(2026, 10, 24, 12)  # 14:00 in Madrid
    rule = "FREQ=HOURLY;INTERVAL=6;BYHOUR=2,8,14,20,1,7,13,19"
    assert clock(rule, MADRID, start, start + 2 * DAY)[:5] == [
        "20:00+02",
        "02:00+02",
        "07:00+01",
        "13:00+01",
        "19:00+01",
    ]
    half = ZoneInfo("Australia/Lord_Howe")  # its summer time is half an hour; minutes are the clock's
    start = utc(2026, 10, 3, 11, 30)  # 22:00 there
    assert clock("FREQ=HOURLY;BYMINUTE=0,45", half, start, start + DAY / 4)[:8] == [
        *("22:45+1030", "23:00+1030", "23:45+1030", "00:00+1030"),
        *("00:45+1030", "01:00+1030", "01:45+1030", "02:45+11"),
    ]


def test_plain_and_numbered_weekdays_are_united() -> None:
    start = utc(2026, 11, 1, 9)
    found = walk(rrule("FREQ=MONTHLY;BYDAY=WE,3TU", "UTC", start), start, utc(2026, 12, 1))
    assert [each.day for each in found] == [4, 11, 17, 18, 25]
    year = walk(rrule("FREQ=YEARLY;BYDAY=53TH,-1MO,1FR", "UTC", start), start, utc(2028, 1, 1))
    assert [each.date().isoformat() for each in year] == ["2026-12-28", "2026-12-31", "2027-01-01", "2027-12-27"]


def test_weeks_of_the_year_are_numbered_from_both_ends_and_by_the_weeks_first_day() -> None:
    start = utc(2026, 1, 1, 9)  # a Thursday of week 1 of 2026, which has 53
    first = walk(rrule("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,SU", "UTC", start), start, utc(2030, 1, 1))
    assert [each.date().isoformat() for each in first] == [
        *("2026-01-04", "2027-01-04", "2027-01-10", "2028-01-03", "2028-01-09"),
        *("2029-01-01", "2029-01-07", "2029-12-31"),
    ]
    as_52nd = walk(rrule("FREQ=YEARLY;BYWEEKNO=-52;BYDAY=MO,SU", "UTC", start), utc(2027, 1, 1), utc(2030, 1, 1))
    assert as_52nd == [each for each in first if each.year > 2026]
    last = walk(rrule("FREQ=YEARLY;BYWEEKNO=-1,53;BYDAY=SU", "UTC", start), start, utc(2029, 1, 1))
    assert [each.date().isoformat() for each in last] == ["2027-01-03", "2028-01-02", "2028-12-31"]
    from_sunday = rrule("FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU;WKST=SU", "UTC", start)
    assert [each.date().isoformat() for each in walk(from_sunday, start, utc(2028, 12, 1))] == [
        "2026-01-04",
        "2027-01-03",
        "2028-01-02",
    ]
    on_thursdays = walk(rrule("FREQ=YEARLY;BYWEEKNO=20", "UTC", start), start, utc(2028, 1, 1))
    assert [each.date().isoformat() for each in on_thursdays] == ["2026-05-14", "2027-05-20"]


@pytest.mark.parametrize("week_start", range(7))
@pytest.mark.parametrize("number", [1, 2, 52, 53, -1, -2, -52, -53])
def test_a_week_belongs_to_the_year_that_has_most_of_it(number: int, week_start: int) -> None:
    low, high = date(2000, 1, 1), date(2030, 12, 31)
    weeks: dict[int, list[date]] = {}  # the first days of a year's weeks
    for begin in (low + days * DAY for days in range(-400, (high - low).days + 400)):
        if begin.weekday() == week_start:
            weeks.setdefault((begin + 3 * DAY).year, []).append(begin)
    chosen = [year[number - 1 if number > 0 else number] for year in weeks.values() if abs(number) <= len(year)]
    expected = [begin + days * DAY for begin in chosen for days in range(7) if low < begin + days * DAY <= high]
    rule = f"FREQ=YEARLY;BYWEEKNO={number};BYDAY=MO,TU,WE,TH,FR,SA,SU;WKST={WEEKDAYS[week_start]}"
    found = walk(rrule(rule, "UTC", utc(2000, 1, 1, 9)), utc(2000, 1, 1, 9), utc(2030, 12, 31, 9))
    assert [each.date() for each in found] == expected


@pytest.mark.parametrize(("position", "weekday"), [(1, 3), (-1, 2), (4, 6), (7, 2), (-7, 3)])
def test_positions_of_a_week_count_through_the_new_year(position: int, weekday: int) -> None:
    start = utc(2026, 1, 1, 9)
    rule = f"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS={position};WKST=TH"
    found = walk(rrule(rule, "UTC", start), start, start + 28 * 365 * DAY)
    assert {each.weekday() for each in found} == {weekday}
    assert {later - earlier for earlier, later in pairwise(found)} == {7 * DAY}


def test_positions_choose_among_days_and_times() -> None:
    start = utc(2026, 11, 1)
    rule = "FREQ=MONTHLY;BYDAY=SA;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0;BYSETPOS=2,3,-1"
    found = walk(rrule(rule, "UTC", start), start, utc(2026, 12, 1))
    assert [f"{each:%d %H}" for each in found] == ["07 18", "14 06", "28 18"]
    few = walk(
        rrule("FREQ=MONTHLY;BYMONTHDAY=5;BYHOUR=8;BYMINUTE=0;BYSETPOS=1,-1", "UTC", start), start, utc(2027, 2, 1)
    )
    assert [each.month for each in few] == [11, 12, 1]


@pytest.mark.parametrize("years", [10, 50])
@pytest.mark.parametrize(
    ("rule", "period", "length"),
    [
        ("FREQ=SECONDLY;INTERVAL=10", "second", 10),
        ("FREQ=MINUTELY", "minute", 1),
        ("FREQ=MINUTELY;INTERVAL=7;BYHOUR=2,3,9", "minute", 7),
        ("FREQ=HOURLY;INTERVAL=5;BYDAY=SU,MO", "hour", 5),
        ("FREQ=DAILY;INTERVAL=3;BYHOUR=2,9;BYMINUTE=30", "day", 3),
        ("FREQ=DAILY;INTERVAL=3", "day", 3),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU", "week", 2),
        ("FREQ=MONTHLY;INTERVAL=5;BYDAY=MO,TU,FR;BYSETPOS=-2", "month", 5),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2,10;BYDAY=-1SU", "year", 2),
    ],
)
def test_a_start_long_ago_is_as_good_as_a_near_one(rule: str, period: str, length: int, years: int) -> None:
    near = datetime(2026, 2, 1, 2, 30, tzinfo=MADRID)
    if period in ("second", "minute", "hour"):
        step = length * timedelta(**{f"{period}s": 1})
        far = near.astimezone(UTC) - years * 365 * DAY // step * step
    elif period in ("day", "week"):
        step = length * (DAY if period == "day" else 7 * DAY)
        far = near - years * 365 * DAY // step * step
    else:
        months = length * (1 if period == "month" else 12)
        index = near.year * 12 + near.month - 1 - years * 12 // months * months
        far = near.replace(year=index // 12, month=index % 12 + 1)
    low = near.astimezone(UTC)
    expected = walk(rrule(rule, MADRID.key, low), low, low + (600 * DAY if period in ("month", "year") else DAY))
    schedule = rrule(rule, MADRID.key, far.astimezone(UTC))
    began = time.process_time()
    assert walk(schedule, low, low + (600 * DAY if period in ("month", "year") else DAY)) == expected
    assert time.process_time() - began < 0.02 + 100e-6 * len(expected)
    assert schedule.count_between(low, low + 600 * DAY) >= len(expected)


def test_rules_without_daylight_saving_recur_after_400_years() -> None:
    start = utc(2024, 2, 29, 9)
    for rule in ("FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", "FREQ=MONTHLY;INTERVAL=1200;BYMONTHDAY=29"):
        century = utc(2000, 2, 29, 9)
        assert rrule(rule, "UTC", century).next_after(century) == utc(2400, 2, 29, 9)
    fifth = walk(rrule("FREQ=MONTHLY;INTERVAL=12;BYDAY=5FR", "UTC", start), start, utc(2140, 1, 1))
    assert [each.year for each in fifth] == [2036, 2064, 2092, 2104, 2132]
    hours = rrule("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TH;BYHOUR=10", "UTC", start)
    assert [each.year for each in walk(hours, start, utc(2110, 1, 1))] == [2024, 2052, 2080]
    assert [each.year for each in walk_back(hours, start, utc(2110, 1, 1))] == [2024, 2052, 2080]


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ("FREQ=DAILY;BYHOUR=9", 18_262),
        ("FREQ=DAILY;INTERVAL=2;BYHOUR=9", 9131),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9", 13_044),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYHOUR=9,10;BYSETPOS=1,-1", 1200),
        ("FREQ=YEARLY;BYWEEKNO=20;BYHOUR=9", 50),
        ("FREQ=MINUTELY;BYHOUR=9,10", 2 * 60 * 18_262),
        ("FREQ=SECONDLY;INTERVAL=7;BYDAY=MO", None),
    ],
)
def test_fifty_years_are_counted_without_visiting_them(rule: str, number: int | None) -> None:
    start = utc(2026, 1, 1)
    schedule = rrule(rule, "Asia/Kolkata", start)
    began = time.process_time()
    counted = schedule.count_between(start, utc(2076, 1, 1) - SECOND)
    assert time.process_time() - began < 0.3
    assert number in (None, counted)


def test_the_next_occurrence_is_found_in_no_time() -> None:
    start, moment = utc(1976, 11, 21, 8), utc(2026, 11, 21, 8)
    for rule in ("FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11"):
        schedule = rrule(rule, MADRID.key, start)
        instants = walk(schedule, moment, moment + 200 * DAY)[:200]
        began = time.process_time()
        for instant in instants:
            schedule.next_after(instant)
        assert time.process_time() - began < 300e-6 * len(instants)


def test_a_schedule_ends_with_the_calendar() -> None:
    start = utc(9999, 12, 1)
    for rule in (
        "FREQ=DAILY;BYHOUR=9",
        "FREQ=HOURLY;BYDAY=MO",
        "FREQ=YEARLY;INTERVAL=99999999",
        "FREQ=SECONDLY;BYHOUR=9",
    ):
        for zone in ("Pacific/Apia", "America/New_York"):
            schedule = rrule(rule, zone, start)
            last = schedule.last_before(utc(9999, 12, 30, 23, 59, 59))
            assert last is not None
            assert schedule.next_after(utc(9999, 12, 30, 23, 59, 59)) is None
            assert schedule.count_between(last - TICK, utc(9999, 12, 30, 23, 59, 58)) == 1
