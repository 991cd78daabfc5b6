"""Fixed intervals and single instants: anchors, bounds, O(1) arithmetic."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.errors import BadInput
from jobctl.schedule import Schedule, build
from tests.schedule.oracle import walk, walk_back

ANCHOR = datetime(2026, 11, 21, 8, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def make(
    every: str,
    zone: str = "Europe/Madrid",
    start: datetime | None = None,
    end: datetime | None = None,
    anchor: datetime = ANCHOR,
) -> Schedule:
    return build({"notation": "every", "every": every}, time_zone=zone, start=start, end=end, anchor=anchor)


@pytest.mark.parametrize(
    ("text", "words", "second"),
    [
        ("30s", "every 30 seconds", ANCHOR + timedelta(seconds=30)),
        ("90s", "every 90 seconds", ANCHOR + timedelta(seconds=90)),
        ("91s", "every 1m 31s", ANCHOR + timedelta(seconds=91)),
        ("5m", "every 5 minutes", ANCHOR + timedelta(minutes=5)),
        ("300s", "every 5 minutes", ANCHOR + timedelta(minutes=5)),
        ("2h30m", "every 2h 30m", ANCHOR + timedelta(minutes=150)),
        ("PT30S", "every 30 seconds", ANCHOR + timedelta(seconds=30)),
        ("0.5h", "every 30 minutes", ANCHOR + timedelta(minutes=30)),
        ("hour", "every hour", ANCHOR + timedelta(hours=1)),
        ("24h", "every 24 hours", ANCHOR + timedelta(hours=24)),
        ("2 minutes", "every 2 minutes", ANCHOR + timedelta(minutes=2)),
        ("Day", "every day", ANCHOR + timedelta(days=1)),
        ("1d", "every day", ANCHOR + timedelta(days=1)),
        ("P1D", "every day", ANCHOR + timedelta(days=1)),
        ("2 weeks", "every 2 weeks", ANCHOR + timedelta(days=14)),
        ("2w", "every 2 weeks", ANCHOR + timedelta(days=14)),
        ("month", "every month", datetime(2026, 12, 21, 8, tzinfo=UTC)),
        ("P1M", "every month", datetime(2026, 12, 21, 8, tzinfo=UTC)),
        ("year", "every year", datetime(2027, 11, 21, 8, tzinfo=UTC)),
        ("6 months", "every 6 months", datetime(2027, 5, 21, 7, tzinfo=UTC)),
    ],
)
def test_intervals_are_anchored_at_the_moment_of_scheduling(text: str, words: str, second: datetime) -> None:
    schedule = make(text)
    assert schedule.first(ANCHOR) == ANCHOR
    assert schedule.next_after(ANCHOR) == second
    assert schedule.describe() == f"{words} from 2026-11-21 09:00 Europe/Madrid"
    assert schedule.note(second) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0s", "the shortest is 1s"),
        ("0 days", "the shortest is 1s"),
        ("100ms", "whole seconds"),
        ("1.5s", "whole seconds"),
        ("1d12h", "write 36h"),
        ("1.5d", "write 36h"),
        ("-5m", "not understood"),
        ("5", "not understood"),
        ("", "not understood"),
        ("fortnight", "not understood"),
        ("5 m 3", "not understood"),
        ("٥m", "not understood"),
        ("99999999999999 hours", "not understood"),
        ("ſecond", "not understood"),
        ("weeK" + "ſ", "not understood"),
        ("x" * 10_000, "'x{63}…' is not understood"),
        ("monday", "--every week with --on"),
        ("weekend", "--every week with --on"),
    ],
)
def test_other_intervals_are_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        make(text)


def test_months_clamp_to_the_last_day_without_drift() -> None:
    start = datetime(2027, 1, 31, 9, tzinfo=UTC)
    found = walk(make("month", "UTC", start=start), start, datetime(2028, 3, 31, 10, tzinfo=UTC))
    assert [each.day for each in found] == [28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29, 31]
    leap = datetime(2028, 2, 29, 9, tzinfo=UTC)
    years = walk(make("year", "UTC", start=leap), leap, datetime(2033, 1, 1, tzinfo=UTC))
    assert [(each.month, each.day) for each in years] == [(2, 28), (2, 28), (2, 28), (2, 29)]


@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days", "weeks", "months", "years"])
def test_the_longest_interval_there_is_occurs_once(unit: str) -> None:
    schedule = make(f"999999999 {unit}")
    assert schedule.first(ANCHOR) == ANCHOR
    end = datetime(9999, 12, 30, 23, tzinfo=UTC)
    following = walk(schedule, ANCHOR, end)
    assert len(following) == {"seconds": 251, "minutes": 4}.get(unit, 0)
    assert schedule.count_between(ANCHOR - TICK, end) == len(following) + 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("every", ["1s", "day", "week", "month"])
def test_the_calendar_ends_quietly(every: str, zone: str) -> None:
    start, end = datetime(9999, 9, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999_999, UTC)
    schedule = make(every, zone, start=start)
    low = max(start, end - timedelta(minutes=5)) if every == "1s" else start
    found = walk(schedule, low, end)
    assert schedule.count_between(low, end) == len(found) > 0
    assert walk_back(schedule, low + TICK, end) == found
    assert schedule.next_after(end) is None


def test_days_keep_the_local_time() -> None:
    zone = ZoneInfo("Europe/Madrid")
    found = walk(make("day"), ANCHOR, ANCHOR + timedelta(days=400))
    assert {each.astimezone(zone).hour for each in found} == {9}
    assert {each.hour for each in found} == {7, 8}


def test_an_interval_started_years_ago_goes_on_in_step_and_at_once() -> None:
    start = datetime(1990, 5, 5, 5, 5, 5, tzinfo=UTC)
    schedule = make("7s", start=start)
    began = time.process_time()
    first = schedule.first(ANCHOR)
    assert first is not None
    assert (first - start) % timedelta(seconds=7) == timedelta(0)
    assert ANCHOR <= first < ANCHOR + timedelta(seconds=7)
    assert schedule.count_between(start, first) == (first - start) // timedelta(seconds=7)
    assert time.process_time() - began < 0.01


@given(
    st.sampled_from(["1s", "7s", "5m", "3h", "day", "3 days", "2 weeks", "month", "5 months", "year"]),
    st.datetimes(datetime(1975, 1, 1), datetime(2030, 1, 1)),
    st.datetimes(datetime(1971, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(["UTC", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago"]),
)
@settings(max_examples=400, deadline=None)
def test_next_last_and_count_agree(every: str, start: datetime, moment: datetime, zone: str) -> None:
    schedule = make(every, zone, start=start.replace(tzinfo=UTC), anchor=datetime(1971, 1, 1, tzinfo=UTC))
    instant = moment.replace(tzinfo=UTC)
    following = schedule.next_after(instant)
    assert following is not None
    assert following > instant
    preceding = schedule.last_before(following)
    assert preceding is None or preceding <= instant
    assert schedule.count_between(instant, following) == 1
    assert schedule.last_before(following + TICK) == following
    if preceding is not None:
        assert schedule.next_after(preceding) == following


def test_the_end_is_inclusive_and_the_start_a_floor() -> None:
    end = ANCHOR + timedelta(minutes=10)
    schedule = make("5m", end=end)
    both = [ANCHOR + timedelta(minutes=5), end]
    assert walk(schedule, ANCHOR, end + timedelta(days=1)) == both
    assert schedule.next_after(end) is None
    assert schedule.last_before(ANCHOR) is None
    assert schedule.last_before(end + timedelta(days=9)) == end
    assert walk_back(schedule, ANCHOR, end + TICK) == [ANCHOR, *both]
    assert schedule.count_between(ANCHOR - timedelta(days=9), end + timedelta(days=9)) == 3
    assert schedule.describe().endswith("until 2026-11-21 09:10 Europe/Madrid")


def test_a_cron_match_counts_at_the_start_but_not_at_the_moment_of_scheduling() -> None:
    spec = {"notation": "cron", "expression": "0 8 * * *"}
    plain = build(spec, time_zone="UTC", start=None, end=None, anchor=ANCHOR)
    assert plain.first(ANCHOR) == ANCHOR + timedelta(days=1)
    later = build(spec, time_zone="UTC", start=ANCHOR + timedelta(days=3), end=None, anchor=ANCHOR)
    assert later.first(ANCHOR) == ANCHOR + timedelta(days=3)
    assert later.last_before(ANCHOR + timedelta(days=3)) is None
    assert later.describe().endswith(" from 2026-11-24 08:00 UTC")


def test_a_single_instant_also_when_it_has_passed() -> None:
    spec = {"notation": "once", "at": "2026-11-20T09:00:00+01:00"}
    schedule = build(spec, time_zone="Europe/Madrid", start=None, end=None, anchor=ANCHOR)
    at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert schedule.first(ANCHOR) == at
    assert schedule.next_after(at - TICK) == at
    assert schedule.next_after(at) is None
    assert schedule.last_before(at) is None
    assert schedule.last_before(at + TICK) == at
    assert schedule.count_between(at - TICK, at) == 1
    assert schedule.count_between(at, ANCHOR) == 0
    assert schedule.describe() == "once at 2026-11-20 09:00 Europe/Madrid"


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("spec", "zone", "start", "end", "reason"),
    [
        ({"notation": "cron", "expression": "0 9 * * *"}, "UTC", None, ANCHOR + HOUR / 2, "nothing would ever run"),
        ({"notation": "every", "every": "5m"}, "UTC", None, ANCHOR - HOUR, "nothing would ever run"),
        ({"notation": "every", "every": "5m"}, "UTC", ANCHOR + HOUR, ANCHOR, "lies before the start"),
        ({"notation": "once", "at": "2026-12-01T00:00:00Z"}, "UTC", None, ANCHOR, "lies after the end"),
        ({"notation": "once", "at": "2026-11-01T00:00:00Z"}, "UTC", ANCHOR, None, "lies before the start"),
        ({"notation": "once", "at": "2026-12-01T00:00:00"}, "UTC", None, None, "no offset"),
        ({"notation": "once", "at": "soon"}, "UTC", None, None, "no instant"),
        ({"notation": "once"}, "UTC", None, None, "no instant"),
        ({"notation": "once", "at": "1969-12-31T23:00:00Z"}, "UTC", None, None, "outside 1970-01-01 to 9999-12-30"),
        ({"notation": "crom"}, "UTC", None, None, "did you mean 'cron'"),
        ({}, "UTC", None, None, "there are: once, every, frequency, cron"),
        ({"notation": "every", "every": "5m"}, "europe/madrid", None, None, "did you mean 'Europe/Madrid'"),
    ],
)
def test_what_can_never_run_is_refused(
    spec: dict[str, object], zone: str, start: datetime | None, end: datetime | None, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        build(spec, time_zone=zone, start=start, end=end, anchor=ANCHOR)


def test_schedules_of_equal_terms_are_equal_values() -> None:
    assert make("5m") == make("5m")
    assert make("day") == make("1d")
    assert make("5m") != make("6m")
