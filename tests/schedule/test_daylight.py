"""One table of daylight saving cases: every notation with a time of day obeys Debian cron's rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from jobctl.schedule import Schedule, build
from jobctl.schedule.daylight import changes, first_reading
from tests.schedule.oracle import cron, walk, walk_back

GAP = "shifted out of the gap"
FOLD = "once of two"

# zone, local date, expression: local times with offset from that midnight to the next, and the note of each
CASES = [
    ("Europe/Madrid", "2026-03-29", "30 2 * * *", ["03:00+02:00"], [GAP]),
    ("Europe/Madrid", "2026-03-29", "0,30 2 * * *", ["03:00+02:00"], [GAP]),
    ("Europe/Madrid", "2026-03-29", "0 2,3 * * *", ["03:00+02:00"], [GAP]),
    ("Europe/Madrid", "2026-03-29", "0 3 * * *", ["03:00+02:00"], [""]),
    ("Europe/Madrid", "2026-03-29", "0 0-4 * * *", ["00:00+01:00", "01:00+01:00", "03:00+02:00", "04:00+02:00"], None),
    ("Europe/Madrid", "2026-03-29", "30 0-4/2 * * *", ["00:30+01:00", "03:00+02:00", "04:30+02:00"], ["", GAP, ""]),
    (
        "Europe/Madrid",
        "2026-03-29",
        "*/30 1-3 * * *",
        ["01:00+01:00", "01:30+01:00", "03:00+02:00", "03:30+02:00"],
        None,
    ),
    ("Europe/Madrid", "2026-03-29", "*/30 2 * * *", [], []),
    ("Europe/Madrid", "2026-10-25", "30 2 * * *", ["02:30+02:00"], [FOLD]),
    ("Europe/Madrid", "2026-10-25", "0 3 * * *", ["03:00+01:00"], [""]),
    ("Europe/Madrid", "2026-10-25", "0 1-4 * * *", ["01:00+02:00", "02:00+02:00", "03:00+01:00", "04:00+01:00"], None),
    (
        "Europe/Madrid",
        "2026-10-25",
        "*/30 2 * * *",
        ["02:00+02:00", "02:30+02:00", "02:00+01:00", "02:30+01:00"],
        [""] * 4,
    ),
    ("Europe/Madrid", "2026-03-29", "30 */2 * * *", None, [""] * 11),
    ("Europe/Riga", "2021-03-28", "30 3 * * *", ["04:00+03:00"], [GAP]),
    ("Europe/Riga", "2021-10-31", "30 3 * * *", ["03:30+03:00"], [FOLD]),
    ("America/New_York", "2026-03-08", "30 2 * * *", ["03:00-04:00"], [GAP]),
    ("America/New_York", "2026-11-01", "30 1 * * *", ["01:30-04:00"], [FOLD]),
    ("Australia/Lord_Howe", "2026-10-04", "15 2 * * *", ["02:30+11:00"], [GAP]),
    ("Australia/Lord_Howe", "2027-04-04", "45 1 * * *", ["01:45+11:00"], [FOLD]),
    ("Australia/Lord_Howe", "2027-04-04", "*/12 1 * * *", None, None),
    ("America/Santiago", "2026-09-06", "0 0 * * *", ["01:00-03:00"], [GAP]),
    ("America/Santiago", "2026-04-04", "30 23 * * *", ["23:30-03:00"], [FOLD]),
    ("Africa/Cairo", "2026-04-24", "@daily", ["01:00+03:00"], [GAP]),
    ("Pacific/Apia", "2011-12-31", "0 12 30 12 *", ["00:00+14:00"], [GAP]),
    ("Africa/Monrovia", "1972-01-07", "20 0 * * *", ["00:44:30+00:00"], [GAP]),
    ("America/Goose_Bay", "2009-03-08", "0 0 * * *", ["00:00-04:00"], [""]),
]


@pytest.mark.parametrize(("name", "day", "text", "expected", "notes"), CASES)
def test_cron_on_a_transition_day(
    name: str, day: str, text: str, expected: list[str] | None, notes: list[str] | None
) -> None:
    zone = ZoneInfo(name)
    low = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    high = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
    tick = timedelta(microseconds=1)
    schedule = cron(text, name)
    found = walk(schedule, low - tick, high - tick)
    shown = [each.astimezone(zone).time().isoformat().removesuffix(":00") for each in found]
    offsets = [each.astimezone(zone).isoformat()[-6:] for each in found]
    if expected is not None:
        assert [time + offset for time, offset in zip(shown, offsets, strict=True)] == expected
    if notes is not None:
        assert [schedule.note(each) for each in found] == notes
    assert walk_back(schedule, low, high) == found
    assert schedule.count_between(low - tick, high - tick) == len(found)


def daily(name: str, start: datetime, every: str = "day") -> Schedule:
    return build({"notation": "every", "every": every}, time_zone=name, start=start, end=None, anchor=start)


def test_every_day_obeys_the_same_rule_as_cron() -> None:
    for name in ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"):
        for hour, minute in ((0, 0), (1, 45), (2, 15), (2, 30), (23, 30)):
            start = first_reading(ZoneInfo(name), datetime(2009, 1, 1, hour, minute))
            until = start + timedelta(days=1500)
            schedule = daily(name, start)
            by_cron = cron(f"{minute} {hour} * * *", name)
            assert walk(schedule, start, until) == walk(by_cron, start, until), (name, hour, minute)
            assert schedule.count_between(start, until) == by_cron.count_between(start, until)


def test_an_anchor_in_the_second_pass_of_a_doubled_hour_is_kept() -> None:
    anchor = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30+01:00
    schedule = daily("Europe/Madrid", anchor)
    following = datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    assert schedule.first(anchor) == anchor
    assert schedule.next_after(anchor) == following
    assert schedule.last_before(following) == anchor
    assert schedule.count_between(anchor - timedelta(hours=3), following) == 2


def test_thirty_minutes_keep_their_pace_through_gap_and_fold() -> None:
    for day in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)):
        found = walk(daily("Europe/Madrid", day, "30m"), day, day + timedelta(days=3))
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=30)}


def test_every_transition_of_a_zone_is_found() -> None:
    low, high = datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    for name in ("Africa/Casablanca", "America/Boa_Vista"):  # the shortest there are
        zone = ZoneInfo(name)
        offsets = ((low + n * hour).astimezone(zone).utcoffset() for n in range((high - low) // hour))
        assert len(list(changes(zone, low, high))) == sum(before != after for before, after in pairwise(offsets))


@pytest.mark.parametrize("text", ["30 2 * * *", "*/15 * * * *", "0 0 * * *"])
def test_never_more_than_a_period_and_the_shift_apart_in_any_zone(text: str) -> None:
    period = timedelta(minutes=15) if text.startswith("*") else timedelta(days=1)
    names = sorted(available_timezones() - {"localtime"})[::6]
    for name in names:
        schedule = cron(text, name)
        for change in list(changes(ZoneInfo(name), datetime(1980, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)))[
            ::9
        ]:
            around = walk(schedule, change.at - 2 * period, change.at + 2 * period)
            longest = max(later - earlier for earlier, later in pairwise(around))
            assert longest <= period + abs(change.later - change.earlier), (name, change)
