"""Skipped dates: the same occurrences without those of whole local days, whatever the clocks do at midnight."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from jobctl.errors import BadInput
from jobctl.schedule import Schedule, build
from jobctl.schedule.recurring import Terms
from jobctl.schedule.skip import Without
from tests.schedule.oracle import MINUTE, walk, walk_back

DAY = timedelta(days=1)
ANCHOR = datetime(2026, 11, 21, 8, tzinfo=UTC)

TRANSITIONS = [
    ("Europe/Madrid", datetime(2027, 3, 28, tzinfo=UTC)),
    ("Europe/Madrid", datetime(2027, 10, 31, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, tzinfo=UTC)),  # no midnight
    ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC)),  # two midnights
    ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC)),  # no midnight
    ("America/Santiago", datetime(2026, 4, 5, tzinfo=UTC)),  # back from midnight to 23:00
    ("America/St_Johns", datetime(2006, 10, 29, tzinfo=UTC)),  # back from 00:01 to 23:01 of the day before
    ("America/St_Johns", datetime(2006, 4, 2, tzinfo=UTC)),  # forward from 00:01
    ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),  # a date that never was
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
]
RULES: list[dict[str, object]] = [
    {"notation": "cron", "expression": "0 0 * * *"},
    {"notation": "cron", "expression": "30 23,0 * * *"},
    {"notation": "cron", "expression": "*/20 * * * *"},
    {"notation": "every", "every": "50m"},
    {"notation": "every", "every": "day"},
]


def make(spec: Mapping[str, object], zone: str = "Europe/Madrid", anchor: datetime = ANCHOR) -> Schedule:
    return build(spec, time_zone=zone, start=None, end=None, anchor=anchor)


def dates_by_minute(zone: str, low: datetime, high: datetime) -> dict[datetime, date]:
    """The day each minute belongs to: the latest one whose midnight the local clock has read or passed."""
    tz, found = ZoneInfo(zone), {}
    instant, furthest = low - 2 * DAY, datetime.min
    while instant <= high:
        furthest = max(furthest, instant.astimezone(tz).replace(tzinfo=None))
        found[instant] = furthest.date()
        instant += MINUTE
    return found


@pytest.mark.parametrize(("zone", "around"), TRANSITIONS)
def test_it_is_the_schedule_without_those_days_minute_by_minute(zone: str, around: datetime) -> None:
    random = Random(f"{zone} {around}")
    low, high = around - 5 * DAY, around + 5 * DAY
    belongs = dates_by_minute(zone, low, high)
    middle = around.date()
    choices = [[middle], [middle - DAY, middle], [middle, middle + DAY], [middle - DAY, middle + DAY]]
    for spec in RULES:
        inner = make(spec, zone, low)
        whole = walk(inner, low, high)
        for dates in choices:
            schedule = make({**spec, "skip": [each.isoformat() for each in dates]}, zone, low)
            expected = [instant for instant in whole if belongs[instant] not in dates]
            assert len(expected) < len(whole) or zone == "Pacific/Apia"
            assert walk(schedule, low, high) == expected
            assert walk_back(schedule, low + MINUTE, high + MINUTE) == expected
            for _ in range(20):
                a, b = sorted(low + MINUTE * random.randrange(14_400) for _ in range(2))
                assert schedule.count_between(a, b) == sum(a < each <= b for each in expected)


def test_the_second_before_and_the_first_of_the_next_day_stay() -> None:
    every_second = make({"notation": "every", "every": "1s", "skip": ["2026-12-25"]})
    last = datetime(2026, 12, 24, 22, 59, 59, tzinfo=UTC)
    assert every_second.next_after(last) == last + DAY + timedelta(seconds=1)
    assert every_second.last_before(last + DAY) == last
    assert every_second.count_between(last - timedelta(seconds=1), last + DAY + timedelta(seconds=1)) == 2


def test_an_anchor_on_a_skipped_day_is_not_its_first_occurrence() -> None:
    spec = {"notation": "every", "every": "day"}
    assert make({**spec, "skip": ["2026-11-20"]}).first(ANCHOR) == ANCHOR
    assert make({**spec, "skip": ["2026-11-22", "2026-11-21"]}).first(ANCHOR) == ANCHOR + 2 * DAY


def test_nothing_left_is_refused() -> None:
    with pytest.raises(BadInput, match="nothing would ever run: once at .* not on 2026-12-25 has no occurrence left"):
        make({"notation": "once", "at": "2026-12-25T09:00:00+01:00", "skip": ["2026-12-25"]})
    assert Without.under(TERMS, make({"notation": "cron", "expression": "0 9 * * *"}), []).first(ANCHOR) is not None
    end = datetime(2026, 11, 22, tzinfo=UTC)
    with pytest.raises(BadInput, match="nothing would ever run"):
        spec = {"notation": "every", "every": "1h", "skip": ["2026-11-21", "2026-11-22"]}
        build(spec, time_zone="UTC", start=None, end=end, anchor=ANCHOR)


def test_notes_are_those_of_the_schedule() -> None:
    spec = {"notation": "cron", "expression": "30 2 * * *", "skip": ["2027-03-27"]}
    schedule = make(spec)
    shifted = schedule.next_after(datetime(2027, 3, 26, 12, tzinfo=UTC))
    assert shifted == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert schedule.note(shifted) == "shifted out of the gap"


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["2026-12-25"], "not on 2026-12-25"),
        (["2026-12-26", "2026-12-25", "2026-12-25"], "not on 2026-12-25 and 2026-12-26"),
        (["2027-01-01", "2026-12-25", "2026-12-26", "2027-01-06"], "not on 2026-12-25, 2026-12-26, 2027-01-01 and "),
        ([f"2026-12-{day}" for day in range(24, 32)], "not on 2026-12-24 to 2026-12-31"),
        ([f"2027-{month:02}-06" for month in range(1, 13)], "not on 12 dates"),
    ],
)
def test_in_plain_words(dates: list[str], words: str) -> None:
    for spec in ({"notation": "cron", "expression": "0 9 * * *"}, {"notation": "every", "every": "2 weeks"}):
        assert make({**spec, "skip": dates}).describe().startswith(f"{make(spec).describe()}, {words}")


TERMS = Terms.of("Europe/Madrid", None, None, ANCHOR)


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        ("2026-12-25", "skip is a list of dates such as 2026-12-25, not '2026-12-25'"),
        ({"2026-12-25": 1}, "skip is a list of dates"),
        (7, "skip is a list of dates"),
        ([20261225], "20261225 is no date"),
        ([["2026-12-25"]], "is no date"),
        ([None], "None is no date"),
        (["2026-12-25", "20261226"], "'20261226' is no date; write one like 2026-12-25"),
        (["2026-12-25T00:00"], "is no date"),
        (["2026-W52-5"], "is no date"),
        (["٢٠٢٦-12-25"], "is no date"),
        (["2026-02-29"], "there is no 2026-02-29"),
        (["0000-01-01"], "there is no 0000-01-01"),
        (["1969-12-31"], "lies outside 1970-01-01 to 9999-12-30"),
        (["9999-12-31"], "lies outside 1970-01-01 to 9999-12-30"),
        (["x" * 10_000], "…"),
    ],
)
def test_malformed_dates_are_named(dates: object, reason: str) -> None:
    with pytest.raises(BadInput) as error:
        Without.under(TERMS, make({"notation": "every", "every": "day"}), dates)
    assert reason in str(error.value)
    assert len(str(error.value)) < 150


@pytest.mark.parametrize(
    ("zone", "edge", "low", "hours"),
    [
        ("Pacific/Kiritimati", "1970-01-01", datetime(1969, 12, 31, tzinfo=UTC), 72),
        ("Etc/GMT+12", "1970-01-01", datetime(1969, 12, 31, tzinfo=UTC), 72),
        ("Pacific/Kiritimati", "9999-12-30", datetime(9999, 12, 28, tzinfo=UTC), 48 + 9),
        ("Etc/GMT+12", "9999-12-30", datetime(9999, 12, 28, tzinfo=UTC), 71),
    ],
)
def test_the_ends_of_the_calendar(zone: str, edge: str, low: datetime, hours: int) -> None:
    spec = {"notation": "cron", "expression": "0 * * * *"}
    inner, schedule = make(spec, zone), make({**spec, "skip": [edge]}, zone)
    high = low + timedelta(hours=hours)
    expected = [i for i in walk(inner, low, high) if str(i.astimezone(ZoneInfo(zone)).date()) != edge]
    assert 0 < len(expected) < len(walk(inner, low, high))
    assert walk(schedule, low, high) == expected
    assert schedule.count_between(low, high) == len(expected)
    assert schedule.count_between(datetime(1, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)) <= 1


def test_weeks_of_skipped_days_cost_one_step() -> None:
    """Ten years of skipped days in one stretch, and a Sunday schedule without 3,900 Sundays."""
    decade = [(date(2027, 1, 1) + n * DAY).isoformat() for n in range(3652)]
    schedule = make({"notation": "every", "every": "1s", "skip": decade})
    began = time.perf_counter()
    assert schedule.next_after(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)) == datetime(2036, 12, 30, 23, tzinfo=UTC)
    assert schedule.count_between(ANCHOR, datetime(2036, 12, 30, 23, tzinfo=UTC)) == 40 * 86400 + 54000
    assert time.perf_counter() - began < 0.05
    sundays = [(date(2026, 11, 22) + 7 * n * DAY).isoformat() for n in range(3900)]
    began = time.perf_counter()
    weekly = make({"notation": "cron", "expression": "0 9 * * sun", "skip": sundays})
    assert weekly.next_after(ANCHOR) == datetime(2101, 8, 21, 7, tzinfo=UTC)
    assert time.perf_counter() - began < 2
