"""Five-field cron: what the fields mean, what is refused, and agreement with two independent oracles.

Of the forms croniter 7 reads otherwise, `test_times_of_day` holds `59/15`, `6/1`, `1-1` and `22-2`, `test_days…` the
days `1-1`, `*/n` with weekdays, `5L`, `L5` and `fri-mon`, REFUSED `*/61`, `R`, `H` and 31 February, and TRAPS with the
two tests after it what it does at transitions and to `@daily`.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.errors import BadInput
from jobctl.schedule.daylight import Change, changes
from tests.schedule.oracle import by_cronsim, cron, expression, finds_anything, scan, walk, walk_back

TICK = timedelta(microseconds=1)
# Zones whose clocks change by an hour and not at midnight: in the others cronsim errs, see the test below.
PLAIN_ZONES = (
    "Europe/Madrid Europe/London Europe/Riga America/New_York America/Denver Australia/Sydney Pacific/Auckland"
)
ODD_ZONES = (
    "Australia/Lord_Howe America/Santiago Africa/Cairo Africa/Casablanca Pacific/Apia Asia/Beirut America/Asuncion "
    "America/St_Johns America/Caracas Asia/Pyongyang Antarctica/Troll Asia/Kathmandu America/Goose_Bay UTC"
)


def days(text: str, year: int = 2026, month: int = 11) -> list[int]:
    """Days of a month on which a daily expression runs."""
    low = datetime(year, month, 1, tzinfo=UTC) - TICK
    high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) - TICK
    return [instant.day for instant in walk(cron(text, "UTC"), low, high)]


def clock(text: str) -> list[str]:
    """Times of day of one day."""
    low = datetime(2026, 11, 21, tzinfo=UTC) - TICK
    return [f"{instant:%H:%M}" for instant in walk(cron(text, "UTC"), low, low + timedelta(days=1))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("59/15 5 * * *", ["05:59"]),
        ("5/15 5 * * *", ["05:05", "05:20", "05:35", "05:50"]),
        ("0 22-2 * * *", ["00:00", "01:00", "02:00", "22:00", "23:00"]),
        ("0 22-5/3 * * *", ["01:00", "04:00", "22:00"]),  # croniter alone: 02, 05, 22
        ("7-7 5-5 * * *", ["05:07"]),  # croniter alone: every minute
        ("10-10/20 5 * * *", ["05:10"]),
        ("*/60 */12 * * *", ["00:00", "12:00"]),
        ("0 19/1 * * *", ["19:00", "20:00", "21:00", "22:00", "23:00"]),
        ("56/1 5 * * *", ["05:56", "05:57", "05:58", "05:59"]),
        ("1,2,2,1-3 0 * * *", ["00:01", "00:02", "00:03"]),
        ("@daily", ["00:00"]),
        ("@Midnight", ["00:00"]),
        (" 0\t6  * * * ", ["06:00"]),
    ],
)
def test_times_of_day(text: str, expected: list[str]) -> None:
    assert clock(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 L * *", [30]),
        ("0 0 1,L * *", [1, 30]),
        ("0 0 1-1 * *", [1]),
        ("0 0 * * 5L", [27]),
        ("0 0 * * L5", [27]),
        ("0 0 * * FRIL", [27]),
        ("0 0 * * Lfri", [27]),
        ("0 0 * * 7L", [29]),
        ("0 0 * * mon#2", [9]),
        ("0 0 * * 1#5", [30]),
        ("0 0 * * mon#2,fri", [6, 9, 13, 20, 27]),
        ("0 0 * * SUN", [1, 8, 15, 22, 29]),
        ("0 0 * * 7", [1, 8, 15, 22, 29]),
        ("0 0 * * fri-mon", [1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28, 29, 30]),
        ("0 0 * * 7-1", [1, 2, 8, 9, 15, 16, 22, 23, 29, 30]),
        ("0 0 * * mon-1", [2, 9, 16, 23, 30]),
        ("0 0 * * 5-7/2", [1, 6, 8, 13, 15, 20, 22, 27, 29]),
        ("0 0 * * 7/2", [1, 8, 15, 22, 29]),
        ("0 0 1-2 * 0-7", list(range(1, 31))),
        ("0 0 13 * fri", [6, 13, 20, 27]),
        ("0 0 1,15 * mon", [1, 2, 9, 15, 16, 23, 30]),
        ("0 0 */10 * mon", []),  # a star, even with a step, means both: no such Monday in November 2026
        ("0 0 */2 * mon", [9, 23]),
        ("0 0 1-7 * */7", [1]),
        ("0 0 31 * *", []),
        ("@weekly", [1, 8, 15, 22, 29]),
        ("@monthly", [1]),
        ("@yearly", []),
    ],
)
def test_days_of_november_2026(text: str, expected: list[int]) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    ("nickname", "count"),
    [("@hourly", 8760), ("@daily", 365), ("@weekly", 52), ("@monthly", 12), ("@yearly", 1), ("@annually", 1)],
)
def test_nicknames_in_a_year(nickname: str, count: int) -> None:
    low = datetime(2026, 1, 1, tzinfo=UTC) - TICK
    assert cron(nickname, "UTC").count_between(low, low + timedelta(days=365)) == count


REFUSED = [
    ("* * * *", "not 4"),
    ("", "not none"),
    ("0 0 12 * * *", "five fields"),
    ("0 0 12 * * ? 2027", "seconds and years are Quartz, write --quartz '0 0 12 * * ? 2027'"),
    ("@every\n5\0", "write --every 5m"),
    ("60 * * * *", "the minute field cannot be '60'; it goes from 0 to 59"),
    ("* 24 * * *", "the hour field"),
    ("* * 0 * *", "the day-of-month field"),
    ("* * 32 * *", "the day-of-month field"),
    ("* * * 13 *", "the month field"),
    ("* * * foo *", "1 to 12 or jan to dec"),
    ("* * * * 8", "the day-of-week field"),
    ("* * * * mon#6", "#1 to #5"),
    ("* * * * mon#0", "#1 to #5"),
    ("* * * * mon-fri#1", "one weekday"),
    ("* * * * L", "5L"),
    ("*/61 * * * *", "write --every 61m"),
    ("* */25 * * *", "write --every 25h"),
    ("*/0 * * * *", "cannot step by 0"),
    ("*/ * * * *", "the minute field"),
    ("1,,2 * * * *", "comma"),
    ("-1 * * * *", "the minute field"),
    ("R * * * *", "random"),
    ("R(0-30) 5 * * *", "random"),
    ("H H * * *", "choose a number"),
    ("0 0 ? * *", "write *"),
    ("0 0 15W * *", "Quartz"),
    ("0 0 LW * *", "Quartz"),
    ("0 0 L-3 * *", "L stands alone"),
    ("@reboot", "names no time"),
    ("@every 5m", "write --every 5m"),
    ("@fortnightly", "there are: @yearly"),
    ("@daily extra", "cron has no"),
    ("１ * * * *", "ASCII"),
    ("1\u00a0* * * *", "ASCII"),
    ("0 0 31 2 *", "the day-of-month field '31' never comes in the month field '2'"),
    ("0 0 30,31 feb *", "never comes"),
    ("0 0 31 4,6,9,11 *", "never comes"),
    ("*/5 * 30 2 *", "never comes"),
    ("0 0 31 2 */2", "no date has"),
    (",".join(["0"] * 129) + " * * * *", "at most 256"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_wrong_is_refused_in_one_sentence_and_at_once(text: str, reason: str) -> None:
    cron("* * * * *", "UTC")  # croniter is imported now
    began = time.process_time()
    with pytest.raises(BadInput, match=".+") as raised:
        cron(text, "UTC")
    assert time.process_time() - began < 0.05
    assert reason in str(raised.value)
    assert str(raised.value).isprintable()


@given(st.text(alphabet="0123456789*/-,#LlWR@?hmonfridecjan \t", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_schedule_or_a_sentence(text: str) -> None:
    try:
        schedule = cron(text, "Europe/Madrid")
    except BadInput:
        return
    first = schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert first is not None
    assert schedule.next_after(first) is not None


def test_leap_days_come_every_four_years_but_not_in_2100() -> None:
    schedule = cron("0 0 29 2 *", "UTC", datetime(2090, 1, 1, tzinfo=UTC))
    found = walk(schedule, datetime(2090, 1, 1, tzinfo=UTC), datetime(2109, 1, 1, tzinfo=UTC))
    assert [each.date() for each in found] == [
        date(2092, 2, 29),
        date(2096, 2, 29),
        date(2104, 2, 29),
        date(2108, 2, 29),
    ]


def transitions(zones: str | list[str], since: int, until: int) -> list[tuple[str, Change]]:
    """Every change of those zones that a minute scan can see."""
    names = zones.split() if isinstance(zones, str) else zones
    low, high = datetime(since, 1, 1, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC)
    found = [(name, change) for name in names for change in changes(ZoneInfo(name), low, high)]
    return [(name, change) for name, change in found if not (change.earlier.seconds % 60 or change.later.seconds % 60)]


def assert_whole(text: str, name: str, around: Change, random: Random, *, by_scan: bool) -> None:
    """Walked forwards, backwards and counted alike over four days, and as the oracle has it."""
    low = around.at - timedelta(minutes=random.randint(0, 3600))
    high = low + timedelta(days=4)
    try:
        schedule = cron(text, name)
    except BadInput:
        assert not finds_anything(text), text
        return
    found = walk(schedule, low, high)
    oracle = scan if by_scan else by_cronsim
    assert found == oracle(text, ZoneInfo(name), low, high), (text, name, low)
    assert walk_back(schedule, low + TICK, high + TICK) == found, (text, name, low)
    assert schedule.count_between(low, high) == len(found), (text, name, low)


def test_agrees_with_cronsim_around_transitions() -> None:
    random = Random(7)
    pool = transitions(PLAIN_ZONES, 1996, 2037)
    for _ in range(1000):
        name, change = random.choice(pool)
        assert_whole(expression(random), name, change, random, by_scan=False)


def test_agrees_with_a_scan_of_every_minute_in_odd_zones() -> None:
    random = Random(8)
    pool = transitions(ODD_ZONES, 1973, 2037)
    for _ in range(120):
        name, change = random.choice(pool)
        assert_whole(expression(random), name, change, random, by_scan=True)


@pytest.mark.campaign
def test_agrees_with_a_scan_around_every_transition_of_every_zone() -> None:
    random = Random(9)
    names = sorted(name for name in available_timezones() if not name.startswith(("right/", "posix/", "localtime")))
    compared = 0
    for name, change in transitions(names, 1973, 2037):
        assert_whole(expression(random), name, change, random, by_scan=True)
        compared += 1
    assert compared > 20_000


def test_cronsim_loses_half_an_hour_in_lord_howe_and_we_do_not() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    low = datetime(2026, 10, 3, 12, tzinfo=UTC)  # 2:00 becomes 2:30
    high = low + timedelta(hours=8)
    ours = walk(cron("* 3 * * *", zone.key), low, high)
    assert ours == scan("* 3 * * *", zone, low, high)
    assert len(ours) == 60
    assert ours != by_cronsim("* 3 * * *", zone, low, high)


# What croniter 7 reads or finds otherwise than Unix cron, measured: zone, expression, local day, local times.
TRAPS = [
    ("Europe/Madrid", "30 2 * * *", "2026-10-25", ["02:30+02:00"]),  # croniter: both passes
    ("Europe/Madrid", "0 1-4 * * *", "2026-10-25", ["01:00+02:00", "02:00+02:00", "03:00+01:00", "04:00+01:00"]),
    ("Europe/Madrid", "0 3 * * *", "2026-10-25", ["03:00+01:00"]),  # croniter 6 misses it
    ("Australia/Lord_Howe", "45 1 * * *", "2027-04-04", ["01:45+11:00"]),  # croniter: both passes
    ("Europe/Madrid", "30 */12,2 * * *", "2026-03-29", ["00:30+01:00", "12:30+02:00"]),  # croniter: 03:00 too
    (
        "Australia/Lord_Howe",
        "*/12 1 * * *",
        "2027-04-04",
        # croniter misses the last two
        [f"01:{minute:02}+11:00" for minute in range(0, 60, 12)] + ["01:36+10:30", "01:48+10:30"],
    ),
]


@pytest.mark.parametrize(("name", "text", "day", "expected"), TRAPS)
def test_where_croniter_errs_at_transitions(name: str, text: str, day: str, expected: list[str]) -> None:
    zone = ZoneInfo(name)
    low = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) - TICK
    found = [each.astimezone(zone) for each in walk(cron(text, name), low, low + timedelta(hours=24))]
    shown = [f"{each:%H:%M}{each.isoformat()[-6:]}" for each in found if each.date().isoformat() == day]
    assert shown == expected


def test_no_minute_is_added_after_the_gap_to_every_second_hour() -> None:
    low = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # 01:30, and 02:00 becomes 03:00
    found = walk(cron("* */2 * * *", "Europe/Madrid"), low, low + timedelta(hours=2))
    assert found == [datetime(2026, 3, 29, 2, minute, tzinfo=UTC) for minute in range(31)]


def test_daily_means_midnight_for_everyone() -> None:
    """croniter moves @daily to a time of its own where it is given something to hash."""
    assert clock("@daily") == clock("@midnight") == ["00:00"]
    for text in ("H 0 * * *", "H(0-5) * * * *", "R R * * *", "* * R * *"):
        with pytest.raises(BadInput, match="random or hashed"):
            cron(text, "UTC")


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), st.integers(0, 10**6), st.sampled_from(ODD_ZONES.split())
)
@settings(max_examples=300, deadline=None)
def test_next_and_last_enclose_any_instant(moment: datetime, seed: int, zone: str) -> None:
    instant = moment.replace(tzinfo=UTC)
    schedule = cron(expression(Random(seed)), zone)
    following, preceding = schedule.next_after(instant), schedule.last_before(instant)
    assert following is not None
    assert following > instant
    assert schedule.last_before(following + TICK) == following
    assert schedule.count_between(instant, following) == 1
    assert schedule.count_between(instant, following - TICK) == 0
    if preceding is not None:
        assert preceding < instant
        assert schedule.next_after(preceding - TICK) == preceding
        assert schedule.next_after(preceding) in (instant, following)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "Australia/Lord_Howe"])
def test_counting_a_minutely_year_visits_no_minute(zone: str) -> None:
    schedule = cron("* * * * *", zone)
    low = datetime(2026, 1, 1, tzinfo=UTC)
    high = datetime(2027, 1, 1, tzinfo=UTC)
    schedule.count_between(low, high)
    began = time.process_time()
    assert schedule.count_between(low, high) == 365 * 1440
    assert time.process_time() - began < 0.01


def test_the_ends_of_the_calendar_are_ends_and_no_errors() -> None:
    schedule = cron("*/20 * * * *", "Pacific/Kiritimati")
    assert schedule.last_before(datetime(1970, 1, 1, tzinfo=UTC)) is None
    last = schedule.last_before(datetime(9999, 12, 31, 23, tzinfo=UTC))
    assert last is not None
    assert last.year == 9999
    assert schedule.next_after(last) is None
    assert cron("0 12 * * *", "Etc/GMT+12").next_after(datetime(9999, 12, 30, 23, 59, tzinfo=UTC)) is None


def test_no_slower_than_croniter() -> None:
    from croniter import croniter

    start = datetime(2026, 11, 21, 8, tzinfo=UTC)
    ours = theirs = 0.0
    for text in ("*/5 * * * *", "30 2 * * *", "0 9 * * 1-5", "0 0 1 * *"):
        schedule, walker = cron(text, "Europe/Madrid"), croniter(text, start.astimezone(ZoneInfo("Europe/Madrid")))
        began = time.process_time()
        walk_of(schedule.next_after, start)
        half = time.process_time()
        for _ in range(300):
            walker.get_next(datetime)
        ours, theirs = ours + half - began, theirs + time.process_time() - half
    assert ours < 0.8 * theirs


def walk_of(step: object, instant: datetime | None, times: int = 300) -> None:
    assert callable(step)
    for _ in range(times):
        instant = step(instant)
