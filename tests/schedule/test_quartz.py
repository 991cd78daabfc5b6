"""Quartz cron: what the fields mean, what is refused, where it ends and what it costs."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.errors import BadInput
from jobctl.schedule import build
from jobctl.schedule.quartz import parse
from tests.schedule.oracle import walk, walk_back
from tests.schedule.quartz_oracle import quartz

TICK = timedelta(microseconds=1)


def days_of(text: str, year: int = 2026, month: int = 11) -> list[int]:
    """Days of a month on which an expression runs at noon."""
    low = datetime(year, month, 1, tzinfo=UTC) - TICK
    high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) - TICK
    return [instant.day for instant in walk(quartz(f"0 0 12 {text}", "UTC"), low, high)]


def clock(text: str, hours: int = 24) -> list[str]:
    """Times of one day."""
    low = datetime(2026, 11, 21, tzinfo=UTC) - TICK
    return [f"{each:%H:%M:%S}" for each in walk(quartz(f"{text} * * ?", "UTC"), low, low + timedelta(hours=hours))]


def test_the_last_saturday_of_each_month_at_16() -> None:
    schedule = quartz("0 0 16 ? * 7L *", "UTC")
    found = walk(schedule, datetime(2026, 8, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    assert [f"{each:%m-%d %H:%M}" for each in found] == [
        "08-29 16:00",
        "09-26 16:00",
        "10-31 16:00",
        "11-28 16:00",
        "12-26 16:00",
        "01-30 16:00",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 12", ["12:00:00"]),
        ("15,45 30 5", ["05:30:15", "05:30:45"]),
        ("59/15 0 0", ["00:00:59"]),
        ("0 0/20 5", ["05:00:00", "05:20:00", "05:40:00"]),
        ("0 /20 5", ["05:00:00", "05:20:00", "05:40:00"]),
        ("0 5/20 5", ["05:05:00", "05:25:00", "05:45:00"]),
        ("0 10-30/10 5", ["05:10:00", "05:20:00", "05:30:00"]),
        ("0 5-5 5-5", ["05:05:00"]),
        ("0 0 22-2", ["00:00:00", "01:00:00", "02:00:00", "22:00:00", "23:00:00"]),
        ("0 0 22-5/3", ["01:00:00", "04:00:00", "22:00:00"]),
        ("50-5/5 0 0", ["00:00:00", "00:00:05", "00:00:50", "00:00:55"]),
        ("0\t0  0", ["00:00:00"]),
    ],
)
def test_times_of_day(text: str, expected: list[str]) -> None:
    assert clock(text) == expected


def test_every_second_of_an_hour() -> None:
    assert clock("* * *", 1) == [f"00:{second // 60:02}:{second % 60:02}" for second in range(3600)]


def test_more_times_than_are_spelt_out() -> None:
    seconds, minutes, hours = range(5, 51, 9), [*range(4), *range(20, 60)], [*range(23, 24), *range(22)]
    expected = sorted(f"{h:02}:{m:02}:{s:02}" for h in hours for m in minutes for s in seconds)
    text = "5-50/9 20-3 23-21"
    assert clock(text) == expected
    schedule, low = quartz(f"{text} * * ?", "UTC"), datetime(2026, 11, 21, 12, 30, 10, tzinfo=UTC)
    assert [f"{each:%H:%M:%S}" for each in walk_back(schedule, low - timedelta(hours=3), low)] == [
        each for each in expected if "09:30:10" <= each < "12:30:10"
    ]
    rest = sum(each > "12:30:10" for each in expected)
    assert schedule.count_between(low, datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)) == rest


@pytest.mark.parametrize(
    ("text", "year", "month", "expected"),
    [
        ("* * ?", 2026, 2, list(range(1, 29))),
        ("? * *", 2026, 11, list(range(1, 31))),
        ("13 * ?", 2026, 11, [13]),
        ("1/10 * ?", 2026, 12, [1, 11, 21, 31]),
        ("*/10 * ?", 2026, 11, [1, 11, 21]),
        ("10-20/5 * ?", 2026, 11, [10, 15, 20]),
        ("28-3 * ?", 2026, 11, [1, 2, 3, 28, 29, 30]),
        ("L * ?", 2026, 11, [30]),
        ("L * ?", 2028, 2, [29]),
        ("L-3 * ?", 2026, 10, [28]),  # as Quartz counts: three days before the last one
        ("L-0 * ?", 2026, 10, [31]),
        ("L-30 * ?", 2026, 10, [1]),
        ("L-30 * ?", 2026, 11, []),
        ("LW * ?", 2026, 10, [30]),  # the 31st is a Saturday
        ("LW * ?", 2026, 5, [29]),  # the 31st is a Sunday
        ("LW * ?", 2026, 12, [31]),
        ("L-1W * ?", 2026, 10, [30]),
        ("15W * ?", 2026, 8, [14]),  # a Saturday
        ("15W * ?", 2026, 11, [16]),  # a Sunday
        ("15W * ?", 2026, 9, [15]),
        ("1W * ?", 2026, 8, [3]),  # a Saturday, and the Friday before is in July
        ("1W * ?", 2026, 11, [2]),
        ("31W * ?", 2026, 5, [29]),  # a Sunday, and the Monday after is in June
        ("31W * ?", 2026, 11, []),
        ("1,L * ?", 2026, 11, [1, 30]),
        ("1W,15W * ?", 2026, 11, [2, 16]),
        ("? * 1", 2026, 11, [1, 8, 15, 22, 29]),
        ("? * SUN", 2026, 11, [1, 8, 15, 22, 29]),
        ("? * 7", 2026, 11, [7, 14, 21, 28]),
        ("? * L", 2026, 11, [7, 14, 21, 28]),
        ("? * mon", 2026, 11, [2, 9, 16, 23, 30]),
        ("? * 2-6", 2026, 11, [*range(2, 7), *range(9, 14), *range(16, 21), *range(23, 28), 30]),
        ("? * MON-FRI/2", 2026, 11, [2, 4, 6, 9, 11, 13, 16, 18, 20, 23, 25, 27, 30]),
        ("? * FRI-MON", 2026, 11, [1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28, 29, 30]),
        ("? * 6-2", 2026, 11, [1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28, 29, 30]),
        ("? * 5/2", 2026, 11, [5, 7, 12, 14, 19, 21, 26, 28]),
        ("? * 6L", 2026, 11, [27]),
        ("? * FRIL", 2026, 11, [27]),
        ("? * 1L", 2026, 11, [29]),
        ("? * 6#3", 2026, 11, [20]),
        ("? * MON#1", 2026, 11, [2]),
        ("? * 2#1", 2026, 11, [2]),
        ("? * 2#5", 2026, 11, [30]),
        ("? * 4#5", 2026, 11, []),
        ("* NOV-FEB ?", 2026, 10, []),
        ("1 NOV-FEB ?", 2027, 2, [1]),
        ("1 nov,dec ?", 2026, 11, [1]),
        ("1 */2 ?", 2026, 11, [1]),
        ("1 */2 ?", 2026, 10, []),
        ("1 * ? 2026", 2026, 11, [1]),
        ("1 * ? 2025,2027-2030", 2026, 11, []),
        ("1 * ? 2020/3", 2026, 11, [1]),
        ("1 * ? 2020-2099/4", 2026, 11, []),
        ("1 * ? *", 2026, 11, [1]),
    ],
)
def test_days(text: str, year: int, month: int, expected: list[int]) -> None:
    assert days_of(text, year, month) == expected


REFUSED = [
    ("0 0 12 * *", "six or seven fields (second minute hour day-of-month month day-of-week [year]), not 5"),
    ("0 0 12 * *", "five fields are Unix cron, write --cron '0 0 12 * *'"),
    ("", "not none"),
    ("0 0 0 1 1 ? 2027 2028", "not 8"),
    ("@daily", "write --cron"),
    ("0 0 12 * * *", "? in exactly one of the fields day-of-month and day-of-week; write '0 0 12 * * ?'"),
    ("0 0 12 * * MON", "write '0 0 12 ? * MON'"),
    ("0 0 12 1 * * 2027", "write '0 0 12 1 * ? 2027'"),
    ("0 0 12 ? * ?", "write '0 0 12 * * ?'"),
    ("0 0 12 1 * MON", "cannot combine day-of-month '1' with day-of-week 'mon'"),
    ("0 0 12 ?,1 * *", "the day-of-month field cannot be '?,1'"),
    ("0 0 12 * * ?/2", "the day-of-week field cannot be '?/2'"),
    ("? 0 12 * * ?", "the second field cannot be '?'"),
    ("0 0 12 1 ? ?", "the month field cannot be '?'"),
    ("0 0 12 1 * ? ?", "the year field cannot be '?'"),
    ("60 * * * * ?", "the second field cannot be '60'; it goes from 0 to 59"),
    ("0 60 * * * ?", "the minute field cannot be '60'"),
    ("0 0 24 * * ?", "the hour field cannot be '24'"),
    ("0 0 0 0 * ?", "the day-of-month field cannot be '0'"),
    ("0 0 0 32 * ?", "the day-of-month field cannot be '32'"),
    ("0 0 0 1 13 ?", "the month field cannot be '13'; it goes from 1 to 12 or jan to dec"),
    ("0 0 0 1 foo ?", "the month field cannot be 'foo'"),
    ("0 0 0 ? * 0", "the day-of-week field cannot be '0'; it goes from 1 to 7 or sun to sat"),
    ("0 0 0 ? * 8", "the day-of-week field cannot be '8'"),
    ("0 0 0 ? * monday", "the day-of-week field cannot be 'monday'"),
    ("0 0 0 1 * ? 1969", "the year field cannot be '1969'; it goes from 1970 to 2099"),
    ("0 0 0 1 * ? 2100", "the year field cannot be '2100'"),
    ("0 0 0 1 * ? 2030-2026", "years do not begin anew, write 2026-2030"),
    ("*/60 * * * * ?", "the second field cannot step by 60 in '*/60'; a step is 1 to 59; write --every 60s"),
    ("0 0/90 * * * ?", "write --every 90m"),
    ("0 0 */24 * * ?", "write --every 24h"),
    ("0 */0 * * * ?", "cannot step by 0"),
    ("0 0 0 */32 * ?", "the day-of-month field cannot step by 32"),
    ("0 0 0 ? * */8", "the day-of-week field cannot step by 8"),
    ("0 0 0 1 * ? */130", "the year field cannot step by 130"),
    ("*/ * * * * ?", "the second field cannot be '*/'"),
    ("0 0 0 1,,2 * ?", "something is missing beside a comma"),
    ("0 0 0 W * ?", "W goes with one day"),
    ("0 0 0 10-15W * ?", "W goes with one day"),
    ("0 0 0 0W * ?", "the day-of-month field cannot be '0'"),
    ("0 0 0 L-31 * ?", "it goes back to L-30"),
    ("0 0 0 5L * ?", "write the last one as L or L-3"),
    ("0 0 0 ? * LFRI", "6L or FRIL"),
    ("0 0 0 ? * L-3", "6L or FRIL"),
    ("0 0 0 ? * 8L", "the day-of-week field cannot be '8'"),
    ("0 0 0 ? * 6L,2", "Quartz takes '6l' only by itself"),
    ("0 0 0 ? * MON#1,MON#3", "--cron with five fields takes lists"),
    ("0 0 0 ? * MON#6", "#1 to #5"),
    ("0 0 0 ? * 0#1", "the day-of-week field cannot be '0'"),
    ("0 0 0 ? * MON-FRI#1", "# goes with one weekday"),
    ("0 0 0 5C * ?", "calendars (C) are not supported"),
    ("H * * * * ?", "no random or hashed values"),
    ("0 0 L * * ?", "the hour field cannot be 'l': L, W and # are for days"),
    ("１ * * * * ?", "ASCII"),
    ("\0 * * * * ?", "the second field cannot be '\\x00'"),
    ("0 0 0 30 2 ?", "no date has day-of-month '30' and month '2'"),
    ("0 0 0 31W 4,6,9,11 ?", "no date has day-of-month '31w'"),
    ("0 0 0 L-29 FEB ?", "no date has day-of-month 'l-29' and month 'feb'"),
    ("* * * 29 2 ? 2025-2027", "no date has day-of-month '29', month '2' and year '2025-2027'"),
    ("0 0 0 ? 2 MON#5 2026", "no date has day-of-week 'mon#5', month '2' and year '2026'"),
    ("0 0 0 1 1 ? 2020", "has no occurrence left in that period"),
    (",".join(["0"] * 129) + " * * * * ?", "at most 256"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_wrong_is_refused_in_one_sentence_and_at_once(text: str, reason: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput, match=".+") as raised:
        quartz(text, "UTC", datetime(2026, 11, 21, tzinfo=UTC))
    assert time.process_time() - began < 0.05
    assert reason in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("expression", [None, 5, [], {"second": 0}, True, "\n"])
def test_an_expression_that_is_no_text_is_refused(expression: object) -> None:
    spec = {"notation": "quartz", "expression": expression}
    with pytest.raises(BadInput, match="six or seven fields"):
        build(spec, time_zone="UTC", start=None, end=None, anchor=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_start_after_the_last_year_is_refused() -> None:
    spec = {"notation": "quartz", "expression": "0 0 12 * * ? 2026-2028"}
    anchor, start = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    with pytest.raises(BadInput, match="no occurrence left"):
        build(spec, time_zone="UTC", start=start, end=None, anchor=anchor)
    assert build(spec, time_zone="UTC", start=None, end=None, anchor=anchor).first(anchor) is not None


@given(st.text(alphabet="0123456789*/-,#?LlWwCRH@monfridecjan \t", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_schedule_or_a_sentence(text: str) -> None:
    assert_schedule_or_sentence(text)


FIELD = st.text(alphabet="0123456789*/-,#?LWmonfri", min_size=1, max_size=5)


@given(st.lists(FIELD, min_size=6, max_size=7), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_fields_are_a_schedule_or_a_sentence(fields: list[str], by_day: bool) -> None:
    fields[5 if by_day else 3] = "?"
    assert_schedule_or_sentence(" ".join(fields))


def assert_schedule_or_sentence(text: str) -> None:
    try:
        schedule = quartz(text, "Europe/Madrid", datetime(2026, 1, 1, tzinfo=UTC))
    except BadInput as refused:
        assert "\n" not in str(refused)
        return
    assert schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    assert schedule.describe().isprintable()


@pytest.mark.parametrize(
    ("text", "date", "expected"),
    [
        ("0 30 2 * * ?", "2026-03-29", ["03:00:00+02:00"]),
        ("0 30 2 * * ?", "2026-10-25", ["02:30:00+02:00"]),
        ("*/30 30 2 * * ?", "2026-03-29", []),
        ("*/30 30 2 * * ?", "2026-10-25", [f"02:30:{s}+0{o}:00" for o in (2, 1) for s in ("00", "30")]),
        ("0,30 30 2 * * ?", "2026-03-29", ["03:00:00+02:00"]),
        ("0 /30 2 * * ?", "2026-10-25", [f"02:{m}:00+0{o}:00" for o in (2, 1) for m in ("00", "30")]),
        ("0 0/30 2 * * ?", "2026-10-25", ["02:00:00+02:00", "02:30:00+02:00"]),
    ],
)
def test_daylight_saving(text: str, date: str, expected: list[str]) -> None:
    zone = ZoneInfo("Europe/Madrid")
    low = datetime.fromisoformat(date).replace(tzinfo=zone).astimezone(UTC) - TICK
    found = walk(quartz(text, zone.key), low, low + timedelta(hours=23))
    assert [each.astimezone(zone).isoformat()[11:] for each in found] == expected


def test_the_last_year_ends_a_schedule() -> None:
    schedule = quartz("0 0 12 31 12 ? 2026-2027", "Europe/Madrid")
    last = datetime(2027, 12, 31, 11, tzinfo=UTC)
    began = time.process_time()
    assert schedule.next_after(last - TICK) == last
    assert schedule.next_after(last) is None
    assert schedule.next_after(datetime(9000, 1, 1, tzinfo=UTC)) is None
    assert schedule.last_before(datetime(9000, 1, 1, tzinfo=UTC)) == last
    assert schedule.last_before(datetime(2026, 12, 31, 11, tzinfo=UTC)) is None
    assert time.process_time() - began < 0.01
    assert schedule.count_between(datetime(1970, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)) == 2


def test_without_a_year_or_with_a_star_there_is_no_last_year() -> None:
    for text in ("0 0 0 1 1 ?", "0 0 0 1 1 ? *"):
        found = quartz(text, "UTC").next_after(datetime(2300, 1, 1, tzinfo=UTC))
        assert found == datetime(2301, 1, 1, tzinfo=UTC)


def test_rare_days_are_found_far_away() -> None:
    schedule = quartz("0 0 0 ? 2 2#5", "UTC")  # 29 February as a Monday
    found = walk(schedule, datetime(2020, 1, 1, tzinfo=UTC), datetime(2130, 1, 1, tzinfo=UTC))
    assert [each.year for each in found] == [2044, 2072, 2112]
    assert schedule.last_before(found[0]) == datetime(2016, 2, 29, tzinfo=UTC)
    only = quartz("0 0 0 1 1 ? 2090", "UTC")
    assert only.next_after(datetime(1970, 1, 1, tzinfo=UTC)) == datetime(2090, 1, 1, tzinfo=UTC)
    assert only.last_before(datetime(2099, 1, 1, tzinfo=UTC)) == datetime(2090, 1, 1, tzinfo=UTC)


def test_every_second_is_neither_slow_nor_large() -> None:
    start = datetime(2026, 11, 21, 8, tzinfo=UTC)
    quartz("* * * * * ?", "Europe/Madrid").next_after(start)
    parse.cache_clear()
    tracemalloc.start()
    quartz("* * * * * ?", "Europe/Madrid")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000
    for text in ("* * * * * ?", "0 * * * * ?", "1-59 1/7 * ? * MON-FRI", "0 0 16 ? * 7L *", "0 15 10 15W * ?"):
        parse.cache_clear()
        began = time.process_time()
        schedule = quartz(text, "Europe/Madrid")
        assert time.process_time() - began < 0.005
        instant = schedule.next_after(start)
        began = time.process_time()
        for _ in range(300):
            assert instant is not None
            instant = schedule.next_after(instant)
        assert time.process_time() - began < 300 * 50e-6


def test_counting_seconds_of_years_visits_none() -> None:
    schedule = quartz("* * * * * ?", "Europe/Madrid")
    low, high = datetime(2024, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    schedule.count_between(low, high)
    began = time.process_time()
    assert schedule.count_between(low, high) == (high - low).total_seconds()
    assert time.process_time() - began < 0.01
