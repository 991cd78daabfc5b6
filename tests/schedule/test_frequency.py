"""Chosen days and times of day: Etendo's confirmed firings, forms, starts and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.errors import BadInput
from jobctl.schedule import Schedule, build
from tests.schedule.oracle import walk, walk_back

ANCHOR = datetime(2026, 11, 21, 8, 12, 34, 567_891, UTC)  # a Saturday, 09:12:34 in Madrid
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


def make(
    every: str,
    on: str | None = None,
    at: str | None = None,
    zone: str = "Europe/Madrid",
    start: datetime | None = None,
    end: datetime | None = None,
    anchor: datetime = ANCHOR,
) -> Schedule:
    spec = {"notation": "every" if on is at is None else "frequency", "every": every, "on": on, "at": at}
    return build(spec, time_zone=zone, start=start, end=end, anchor=anchor)


def local(schedule: Schedule, zone: str, first: datetime, number: int) -> list[str]:
    """So many occurrences from `first` on, as the local clock reads them."""
    found: list[datetime] = []
    instant = schedule.first(first)
    while instant is not None and len(found) < number:
        found.append(instant)
        instant = schedule.next_after(instant)
    return [f"{each.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for each in found]


# Etendo's own confirmed firings: every, on, at, start, (year-)month-day of each
CONFIRMED = [
    ("day", "weekdays", "2019-09-27 17:45:29", ["2019-09-27", "2019-09-30", "2019-10-01"]),
    ("day", "weekends", "2019-09-27 17:45:29", ["2019-09-28", "2019-09-29", "2019-10-05", "2019-10-06"]),
    ("4 days", None, "2019-09-27 17:45:29", ["2019-09-27", "2019-10-01", "2019-10-05"]),
    ("week", "mon,fri,sat", "2019-09-23 01:11:23", ["2019-09-23", "2019-09-27", "2019-09-28", "2019-09-30"]),
    ("month", "first-mon", "2019-09-23 01:11:23", ["2019-10-07", "2019-11-04", "2019-12-02", "2020-01-06"]),
    ("month", "second-sun", "2019-09-23 01:11:23", ["2019-10-13", "2019-11-10", "2019-12-08", "2020-01-12"]),
    ("month", "-1", "2019-09-23 01:11:23", ["2019-09-30", "2019-10-31", "2019-11-30", "2019-12-31"]),
    ("month", "23", "2019-09-23 01:11:23", ["2019-09-23", "2019-10-23", "2019-11-23", "2019-12-23"]),
]


@pytest.mark.parametrize(("every", "on", "start", "days"), CONFIRMED)
@pytest.mark.parametrize("by_at", [False, True])
def test_etendos_days_are_kept_at_the_time_of_the_start(
    every: str, on: str | None, start: str, days: list[str], by_at: bool
) -> None:
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    schedule = make(every, on, start[11:] if by_at else None, "UTC", start=first, anchor=first - DAY)
    assert local(schedule, "UTC", first - DAY, len(days)) == [f"{day} {start[11:]}" for day in days]


def test_etendos_intervals_keep_their_real_pace() -> None:
    start = datetime(2019, 9, 23, 15, 10, tzinfo=UTC)
    seconds = make("30 seconds", zone="UTC", start=start, end=start + timedelta(seconds=31), anchor=start)
    assert local(seconds, "UTC", start, 9) == ["2019-09-23 15:10:00", "2019-09-23 15:10:30"]
    start = datetime(2019, 9, 23, 22, 15, 22, tzinfo=UTC)
    hourly = make("1 hour", zone="UTC", start=start, anchor=start)
    assert local(hourly, "UTC", start, 3) == ["2019-09-23 22:15:22", "2019-09-23 23:15:22", "2019-09-24 00:15:22"]


@pytest.mark.parametrize(
    ("every", "on", "at", "second"),
    [
        ("24 hours", None, None, "2019-10-27 12:10:00"),
        ("day", None, None, "2019-10-27 13:10:00"),
        ("day", None, "13:10", "2019-10-27 13:10:00"),
        ("24 hours", "weekends", None, "2019-10-27 12:10:00"),
    ],
)
def test_etendos_days_keep_the_clock_and_24_hours_do_not(
    every: str, on: str | None, at: str | None, second: str
) -> None:
    start = datetime(2019, 10, 26, 11, 10, tzinfo=UTC)
    schedule = make(every, on, at, start=start, anchor=start - DAY)
    assert local(schedule, "Europe/Madrid", start - DAY, 2) == ["2019-10-26 13:10:00", second]


FROM = " from 2026-11-21 09:12:34 Europe/Madrid"
HERE = ", Europe/Madrid time"


@pytest.mark.parametrize(
    ("every", "on", "at", "words", "found"),
    [
        (
            "week",
            "mon,fri",
            "06:00,18:00",
            f"at 06:00 and 18:00 on Monday and Friday{HERE}",
            ["23 06", "23 18", "27 06"],
        ),
        (
            "2 weeks",
            "FRIDAY, mon",
            "18:00,06:00,06:00",
            f"at 06:00 and 18:00 on Monday and Friday, every 2 weeks{FROM}",
            ["30 06", "30 18", "04 06"],
        ),
        ("week", "sat-mon", "06:00", f"at 06:00 on Monday, Saturday and Sunday{HERE}", ["22 06", "23 06", "28 06"]),
        ("week", "mon-sun", "06:00", f"at 06:00 on all days{HERE}", ["22 06", "23 06", "24 06"]),
        ("week", None, "06:00", f"at 06:00 on Saturday{HERE}", ["28 06", "05 06", "12 06"]),
        ("2 weeks", None, "10:00", f"at 10:00 on Saturday, every 2 weeks{FROM}", ["21 10", "05 10", "19 10"]),
        ("week", "mon,sat", None, f"at 09:12:34 on Monday and Saturday{FROM}", ["21 09", "23 09", "28 09"]),
        ("day", None, "06:00:30", f"at 06:00:30 every day{HERE}", ["22 06", "23 06", "24 06"]),
        ("3 days", None, "06:00,10:00", f"at 06:00 and 10:00 every 3 days{FROM}", ["21 10", "24 06", "24 10"]),
        ("day", "weekdays", None, f"at 09:12:34 on Monday to Friday{FROM}", ["23 09", "24 09", "25 09"]),
        (
            "3 days",
            "weekends",
            "06:00",
            f"at 06:00 on Saturday and Sunday, counting every 3 days{FROM}",
            ["06 06", "12 06", "27 06"],
        ),
        (
            "month",
            "1,15,-1",
            "06:00",
            f"at 06:00 on the 1st, 15th and last day of every month{HERE}",
            ["30 06", "01 06", "15 06"],
        ),
        (
            "month",
            "last-fri,first-monday",
            "06:00",
            f"at 06:00 on the first Monday and the last Friday of every month{HERE}",
            ["27 06", "07 06", "25 06"],
        ),
        ("month", "1-3", "06:00", f"at 06:00 on the 1st to 3rd of every month{HERE}", ["01 06", "02 06", "03 06"]),
        ("3 months", "22", None, f"at 09:12:34 on the 22nd, every 3 months{FROM}", ["22 09", "22 09", "22 09"]),
        ("month", None, "06:00", f"at 06:00 on the 21st of every month{HERE}", ["21 06", "21 06", "21 06"]),
        ("2 years", None, "06:00", f"at 06:00 on 21 November every 2 years{FROM}", ["21 06", "21 06", "21 06"]),
        ("6 hours", "sat", None, f"every 6 hours on Saturday{FROM}", ["21 09", "21 15", "21 21"]),
        (
            "12h",
            "-1,23",
            None,
            f"every 12 hours on the 23rd and last day of every month{FROM}",
            ["23 09", "23 21", "30 09"],
        ),
        (
            "day",
            None,
            "00:00,06:00,12:00,18:00",
            f"at 00:00, 06:00, 12:00 and 18:00 every day{HERE}",
            ["21 12", "21 18", "22 00"],
        ),
        (
            "day",
            None,
            ",".join(f"{hour:02}:00" for hour in range(24)),
            f"every hour, every day{HERE}",
            ["21 10", "21 11", "21 12"],
        ),
    ],
)
def test_forms_words_and_first_occurrences(
    every: str, on: str | None, at: str | None, words: str, found: list[str]
) -> None:
    schedule = make(every, on, at)
    assert schedule.describe() == words
    assert [each[8:13] for each in local(schedule, "Europe/Madrid", ANCHOR, 3)] == found


def test_a_start_at_a_short_months_last_day_does_not_drift() -> None:
    start = datetime(2027, 10, 31, 5, tzinfo=UTC)
    schedule = make("month", at="06:00", zone="UTC", start=start)
    assert [each[5:10] for each in local(schedule, "UTC", start, 6)] == [
        "10-31",
        "11-30",
        "12-31",
        "01-31",
        "02-29",
        "03-31",
    ]
    assert schedule.describe() == "at 06:00 on the 31st or else last day of every month from 2027-10-31 05:00 UTC"
    explicit = make("month", "31", "06:00", "UTC", start=start)
    assert [each[5:10] for each in local(explicit, "UTC", start, 4)] == ["10-31", "12-31", "01-31", "03-31"]
    leap = datetime(2028, 2, 29, 5, tzinfo=UTC)
    yearly = make("year", at="06:00", zone="UTC", start=leap)
    assert [each[5:10] for each in local(yearly, "UTC", leap, 5)] == ["02-29", "02-28", "02-28", "02-28", "02-29"]
    assert yearly.describe() == "at 06:00 on 29 February or else 28 every year from 2028-02-29 05:00 UTC"


def test_nothing_before_the_start_and_the_start_only_if_it_matches() -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    for on, at, hits in [("mon", "09:00", True), ("mon", None, True), ("tue", None, False), ("mon", "08:59:59", False)]:
        schedule = make("week", on, at, "UTC", start=monday)
        assert (schedule.first(ANCHOR) == monday) is hits, (on, at)
        following = schedule.next_after(monday)
        assert following is not None
        assert schedule.last_before(following) == (monday if hits else None)
        assert schedule.count_between(datetime(1970, 1, 1, tzinfo=UTC), monday) == hits
        assert schedule.last_before(monday) is None


def test_the_moment_of_scheduling_counts_only_where_it_gives_the_time_of_day() -> None:
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert make("week", "mon", zone="UTC", anchor=moment).first(moment) == moment
    assert make("week", "mon", "09:00", "UTC", anchor=moment).first(moment) == moment + 7 * DAY
    assert make("2 weeks", "mon", "08:00", "UTC", anchor=moment).first(moment) == moment + timedelta(days=14, hours=-1)
    assert make("2h", "mon", zone="UTC", anchor=moment).first(moment) == moment
    assert make("2h", "tue", zone="UTC", anchor=moment).first(moment) == moment + timedelta(hours=16)


def test_times_before_the_moment_of_scheduling_are_no_occurrences() -> None:
    schedule = make("week", "sat", "06:00")
    assert schedule.last_before(ANCHOR) is None
    assert schedule.count_between(datetime(1970, 1, 1, tzinfo=UTC), ANCHOR) == 0
    assert schedule.next_after(ANCHOR - 99 * DAY) == datetime(2026, 11, 28, 5, tzinfo=UTC)


def test_a_start_in_the_second_pass_of_a_doubled_hour_is_kept() -> None:
    start = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30+01:00, a Sunday
    schedule = make("week", "sun", start=start)
    assert schedule.first(ANCHOR - 99 * DAY) == start
    assert schedule.count_between(start - TICK, start + 7 * DAY) == 2
    fixed = make("week", "sun", "02:30", start=start)
    assert fixed.first(ANCHOR - 99 * DAY) == start + 7 * DAY


@pytest.mark.parametrize("on", ["sun", "1"])
def test_a_date_that_comes_back_is_no_end_of_its_first_pass(on: str) -> None:
    start = datetime(2009, 11, 1, 3, 0, 30, tzinfo=UTC)  # 00:00:30 in Goose Bay; after 00:01 comes 23:01 once more
    schedule = make("10m", on, zone="America/Goose_Bay", start=start)
    following = [start + 60 * timedelta(minutes=1), start + 70 * timedelta(minutes=1)]
    assert walk(schedule, start - TICK, following[-1]) == [start, *following]
    assert walk_back(schedule, start, following[-1]) == [start, following[0]]
    assert schedule.last_before(start + timedelta(minutes=30)) == start
    assert schedule.count_between(start - TICK, following[0]) == 2


def test_the_end_is_inclusive() -> None:
    end = datetime(2026, 11, 27, 5, tzinfo=UTC)
    schedule = make("week", "mon,fri", "06:00", end=end)
    assert walk(schedule, ANCHOR, end + 99 * DAY) == [end - 4 * DAY, end]
    assert schedule.last_before(end + 99 * DAY) == end
    assert (
        schedule.describe() == "at 06:00 on Monday and Friday, Europe/Madrid time until 2026-11-27 06:00 Europe/Madrid"
    )


@pytest.mark.parametrize(
    ("every", "on", "at", "reason"),
    [
        # Etendo's error answers: interval missing or below 1, no weekday, unknown monthly option, option without field
        ("0 days", "weekdays", None, "the shortest is 1s"),
        ("-1 days", "weekdays", None, "interval '-1 days' is not understood"),
        ("", "mon", None, "interval '' is not understood"),
        ("week", "", None, "--on names nothing; write mon,fri"),
        ("month", "sixth-mon", None, "'sixth-mon'; write .* first-mon to fifth-mon or last-fri"),
        ("month", "first", None, "'first'; write"),
        ("month", "32", None, "'32'; days of the month are 1 to 31"),
        ("month", "last", None, "the last day of the month is -1"),
        ("month", "L", None, "the last day of the month is -1"),
        ("month", "0", None, "'0'; days of the month"),
        ("month", "-32", None, "'-32'; days of the month"),
        ("month", "15-3", None, "'15-3'; days of the month"),
        ("month", "-3-5", None, "'-3-5'; days of the month"),
        ("month", "1,mon", None, "mixes days of the week with days of the month"),
        ("month", "mon", "06:00", "'mon' is every week; write --every week"),
        ("week", "1", "06:00", "'1' is a day of the month; it goes with --every month, not week"),
        ("day", "last-fri", "06:00", "'last-fri' is a day of the month"),
        ("year", "12-24", "06:00", "--on has no days of a year.*FREQ=YEARLY"),
        ("week", "mondy", None, "did you mean 'monday'"),
        ("week", "mon,,fri", None, "misses something beside a comma in 'mon,,fri'"),
        ("week", "mon-", None, "cannot be 'mon-'"),
        ("week", "m\0n", None, r"cannot be 'm\\x00n'"),
        ("week", "x" * 1001, None, "at most 1000 characters, not 1001"),
        ("week", "x" * 1000, None, "cannot be 'x{38}…"),
        ("week", "ſun", None, "cannot be 'ſun'"),
        ("month", "١", None, "cannot be '١'"),
        ("week", "mon", "24:00", "'24:00'; write times of day from 00:00 to 23:59:59"),
        ("week", "mon", "9:00", "'9:00'; write"),
        ("week", "mon", "6pm", "'6pm'; write"),
        ("week", "mon", "06:00Z", "'06:00z'; write"),
        ("week", "mon", "06:60", "'06:60'; write"),
        ("week", "mon", "٠٦:٠٠", "write times of day"),
        ("week", "mon", "", "--at names nothing; write 06:00,18:00"),
        ("week", "mon", "06:00,", "--at misses something beside a comma"),
        ("30m", None, "06:00", "every 30 minutes keeps its own pace: write --start"),
        ("30m", "mon", "06:00", "every 30 minutes keeps its own pace: write --start"),
        ("36h", "mon", None, "at most 24h of real time; write days"),
        ("monday", None, "06:00", "--every week with --on"),
        ("7 days", "mon", None, "every 7 days from Saturday 2026-11-21 never comes to Monday; write --every week"),
        ("14 days", "weekdays", "06:00", "never comes to Monday to Friday"),
        ("999999999 weeks", "mon", "06:00", "nothing would ever run"),
        ("999999999 months", "1", "06:00", "the 1st never comes"),
        ("999999999 days", None, "06:00", "nothing would ever run"),
    ],
)
def test_the_rest_is_refused_in_one_sentence(every: str, on: str | None, at: str | None, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as refusal:
        build(
            {"notation": "frequency", "every": every, "on": on, "at": at},
            time_zone="UTC",
            start=None,
            end=None,
            anchor=ANCHOR,
        )
    assert len(str(refusal.value)) < 300


def test_days_that_no_counted_month_has_are_refused() -> None:
    february = datetime(2027, 2, 1, tzinfo=UTC)
    with pytest.raises(BadInput, match="every 12 months from February 2027, the 30th never comes"):
        make("12 months", "30", start=february)
    with pytest.raises(BadInput, match="every 48 months from February 2027, the 29th never comes"):
        make("48 months", "29", start=february)
    schedule = make("12 months", "fifth-mon", "06:00", "UTC", start=february)
    assert local(schedule, "UTC", february, 2) == ["2044-02-29 06:00:00", "2072-02-29 06:00:00"]


@pytest.mark.parametrize("value", [["mon"], 15, {"days": 1}, True, 1.5])
def test_lists_that_are_no_text_are_refused(value: object) -> None:
    for spec in ({"on": value}, {"at": value}, {}):
        with pytest.raises(BadInput):
            build(
                {"notation": "frequency", "every": "week", **spec}, time_zone="UTC", start=None, end=None, anchor=ANCHOR
            )


WHAT = "mon fri - , 1 15 -1 31 first last weekdays 06:00 25:00 : 999999999999 ٣ \0"
PIECES = st.sampled_from([*WHAT.split(" "), " "])
TEXTS = st.one_of(st.none(), st.text(max_size=8), st.lists(PIECES, max_size=5).map("".join))


@given(st.sampled_from(["day", "week", "3 days", "month", "24 months", "year", "7s", "", "x"]), TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_typed_is_a_schedule_or_refused(every: str, on: str | None, at: str | None) -> None:
    try:
        schedule = make(every, on, at)
    except BadInput:
        return
    assert schedule.next_after(ANCHOR) is not None


def test_schedules_of_equal_terms_are_equal_values() -> None:
    assert make("week", "mon,fri", "06:00") == make("1w", "friday,mon", "06:00,06:00")
    assert make("month", "1", "06:00") != make("month", "2", "06:00")
    assert make("30m", "1") == make("0.5h", "1")


def notes(schedule: Schedule, instants: Sequence[datetime]) -> list[str]:
    return [schedule.note(each) for each in instants]


def test_daylight_saving_is_noted() -> None:
    low = datetime(2026, 3, 28, 12, tzinfo=UTC)
    schedule = make("day", at="02:00,02:30,03:00,04:00", start=low)
    found = walk(schedule, low, low + DAY)
    assert [f"{each:%H:%M}" for each in found] == ["01:00", "02:00"]
    assert notes(schedule, found) == ["shifted out of the gap", ""]
    low = datetime(2026, 10, 24, 12, tzinfo=UTC)
    schedule = make("week", "sun", "02:30", start=low)
    assert notes(schedule, walk(schedule, low, low + DAY)) == ["once of two"]
    paced = make("30m", "sun", start=low)
    assert len(walk(paced, low, low + 2 * DAY)) == 50
    assert set(notes(paced, walk(paced, low, low + 2 * DAY))) == {""}
