"""The grammar of instants and durations: a table of what is accepted and what is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.schedule.instants import format_duration, format_local, parse_duration, parse_end, parse_instant

MADRID = ZoneInfo("Europe/Madrid")
NOW = from_datetime(datetime(2026, 11, 21, 12, tzinfo=MADRID))  # a Saturday

ACCEPTED = {
    "now": "2026-11-21 12:00:00 +01:00",
    " now ": "2026-11-21 12:00:00 +01:00",
    "in 10m": "2026-11-21 12:10:00 +01:00",
    "10m": "2026-11-21 12:10:00 +01:00",
    "1.5h": "2026-11-21 13:30:00 +01:00",
    "in 2h30m": "2026-11-21 14:30:00 +01:00",
    "in 0s": "2026-11-21 12:00:00 +01:00",
    "in 1d": "2026-11-22 12:00:00 +01:00",
    "in 1w": "2026-11-28 12:00:00 +01:00",
    "PT30S": "2026-11-21 12:00:30 +01:00",
    "in P1DT12H": "2026-11-23 00:00:00 +01:00",
    "2026-12-01": "2026-12-01 00:00:00 +01:00",
    "2026-12-01T09:00": "2026-12-01 09:00:00 +01:00",
    "2026-12-01 09:00": "2026-12-01 09:00:00 +01:00",
    "2026-12-01T09:00:30": "2026-12-01 09:00:30 +01:00",
    "2026-12-01T09:00:30.999999": "2026-12-01 09:00:30 +01:00",
    "2026-12-01T09:00Z": "2026-12-01 10:00:00 +01:00",
    "2026-12-01T09:00:00+01:00": "2026-12-01 09:00:00 +01:00",
    "2026-12-01T09:00-0500": "2026-12-01 15:00:00 +01:00",
    "2026-12-01T09:00+05": "2026-12-01 05:00:00 +01:00",
    "2026-11-21 09:00:00 +01:00": "2026-11-21 09:00:00 +01:00",
    "2026-03-29T02:30": "2026-03-29 03:00:00 +02:00",
    "2026-10-25T02:30": "2026-10-25 02:30:00 +02:00",
    "2026-10-25T02:30+01:00": "2026-10-25 02:30:00 +01:00",
    "2028-02-29": "2028-02-29 00:00:00 +01:00",
    "13:00": "2026-11-21 13:00:00 +01:00",
    "12:00": "2026-11-21 12:00:00 +01:00",
    "11:59": "2026-11-22 11:59:00 +01:00",
    "11:59:30": "2026-11-22 11:59:30 +01:00",
    "today": "2026-11-21 00:00:00 +01:00",
    "today 18:00": "2026-11-21 18:00:00 +01:00",
    "tomorrow": "2026-11-22 00:00:00 +01:00",
    "Tomorrow 09:00": "2026-11-22 09:00:00 +01:00",
    "fri 22:30": "2026-11-27 22:30:00 +01:00",
    "FRIDAY": "2026-11-27 00:00:00 +01:00",
    "sat": "2026-11-28 00:00:00 +01:00",
    "sat 11:00": "2026-11-28 11:00:00 +01:00",
    "sat 13:00": "2026-11-21 13:00:00 +01:00",
    "@0": "1970-01-01 01:00:00 +01:00",
    "@1767225600": "2026-01-01 01:00:00 +01:00",
    "@4294967296": "2106-02-07 07:28:16 +01:00",
    "@1767225600.25": "2026-01-01 01:00:00 +01:00",
    "9999-12-30": "9999-12-30 00:00:00 +01:00",
}

REFUSED = [
    "",
    " ",
    "10",
    "0900",
    "20261201",
    "at 5",
    "5pm",
    "9:00",
    "noon",
    "yesterday",
    "next fri",
    "fri at 22:30",
    "in",
    "in foo",
    "in -5m",
    "-5m",
    "in 30m2h",
    "10 minutes",
    "P1M",
    "jan 5 2027",
    "2026-02-30",
    "2027-02-29",
    "2026-13-01",
    "2026-1-5",
    "2026/12/01",
    "2026-12-01T24:00",
    "2026-12-01T09:00:60",
    "2026-12-01T09",
    "2026-12-01T0900",
    "2026-12-01T09:00+25:00",
    "2026-12-01T09:00 CET",
    "2026-12-01t09:00z",
    "2021-W01-1",
    "2026-335",
    "24:00",
    "12:60",
    "@",
    "@-1",
    "@1e9",
    "@999999999999",
    "1969-12-31",
    "1970-01-01",  # in Madrid that is still 1969 in UTC
    "0000-01-01",
    "9999-12-31T00:00-01:00",
    "in 9999999w",
    "９:00",
    "in ٥m",
    "2026-12-01\n",
    "now\x00",
    "1" * 100,
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.items())
def test_accepted_instants(text: str, expected: str) -> None:
    assert format_local(parse_instant(text, NOW, MADRID), MADRID) == expected


@pytest.mark.parametrize("text", REFUSED)
def test_refused_instants_list_the_accepted_forms_in_one_sentence(text: str) -> None:
    for parse in (parse_instant, parse_end):
        if parse is parse_end and text == "1970-01-01":
            continue
        with pytest.raises(BadInput, match="accepted are now, in 10m, 2026-12-01") as raised:
            parse(text, NOW, MADRID)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("03/04/2026", "order of day and month open; write 2026-04-03 or 2026-03-04"),
        ("3-4-2026", "write 2026-04-03 or 2026-03-04"),
        ("03.04.2026 09:00", "write 2026-04-03 or 2026-03-04"),
        ("13/04/2026", "not ISO 8601; write 2026-04-13"),
        ("04/04/2026", "not ISO 8601; write 2026-04-04"),
        ("32/13/2026", "no date; accepted are"),
    ],
)
def test_day_and_month_in_doubt_are_refused_by_name(text: str, instead: str) -> None:
    with pytest.raises(BadInput, match=instead):
        parse_instant(text, NOW, MADRID)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", "2026-12-02T00:00:00+01:00"),
        ("today", "2026-11-22T00:00:00+01:00"),
        ("sat", "2026-11-22T00:00:00+01:00"),
        ("fri", "2026-11-28T00:00:00+01:00"),
        ("2026-10-25", "2026-10-26T00:00:00+01:00"),
    ],
)
def test_a_bare_day_as_end_is_included(text: str, expected: str) -> None:
    day_after = from_datetime(datetime.fromisoformat(expected))
    assert parse_end(text, NOW, MADRID) == day_after - 1
    assert parse_end("2026-12-01 09:00", NOW, MADRID) == parse_instant("2026-12-01 09:00", NOW, MADRID)


def test_the_day_before_a_midnight_gap_ends_where_the_clock_jumps() -> None:
    santiago = ZoneInfo("America/Santiago")
    jump = from_datetime(datetime(2026, 9, 6, 4, tzinfo=UTC))
    assert parse_end("2026-09-05", NOW, santiago) == jump - 1
    assert parse_instant("2026-09-06", NOW, santiago) == jump


def test_a_clock_time_in_the_doubled_hour_is_its_next_pass() -> None:
    first_pass, second_pass = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    for now, expected in (
        (first_pass - timedelta(minutes=5), first_pass),
        (first_pass + timedelta(minutes=5), second_pass),
        (second_pass + timedelta(minutes=5), second_pass + timedelta(days=1)),
    ):
        assert to_datetime(parse_instant("02:30", from_datetime(now), MADRID)) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("350ms", 0.35),
        ("90s", 90),
        ("2h30m", 9000),
        ("2h 30m", 9000),
        ("1d", 86400),
        ("1w2d3h4m5s6ms", 788645.006),
        ("1.5h", 5400),
        ("0.1ms", 0.0001),
        ("0s", 0),
        ("5 s", 5),
        ("PT30S", 30),
        ("PT0.5S", 0.5),
        ("P1D", 86400),
        ("P2W", 1209600),
        ("P1DT2H3M4S", 93784),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "1:30",
        "inf",
        "nan",
        "-5s",
        "+5s",
        "5",
        "5x",
        "30m2h",
        "1h1h",
        "5M",
        "5S",
        "1e3s",
        ".5s",
        "5.s",
        "P",
        "PT",
        "P1",
        "P1M",
        "P1Y",
        "P1Y2M3D",
        "PT1",
        "P1WT1H",
        "pt30s",
        "٥s",
        "1h,5m",
        "in 5m",
        "5 minutes",
        "999999999999w",
        "9999999d",
    ],
)
def test_refused_durations_list_the_accepted_forms_in_one_sentence(text: str) -> None:
    with pytest.raises(BadInput, match="accepted are 350ms, 90s, 2h30m") as raised:
        parse_duration(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.35, "350 ms"),
        (0.9996, "1s"),
        (1, "1s"),
        (1.26, "1.3s"),
        (59.97, "1m"),
        (60, "1m"),
        (3600, "1h"),
        (3723, "1h 2m 3s"),
        (90061, "1d 1h 1m 1s"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_are_shown_as_people_write_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(0, 10**9))
def test_a_shown_duration_can_be_typed_again(seconds: float) -> None:
    again = parse_duration(format_duration(seconds)).total_seconds()
    assert math.isclose(again, seconds, abs_tol=0.51 if seconds > 59 else 0.051)


@given(st.integers(0, from_datetime(datetime(9999, 12, 30, tzinfo=UTC)) // 10**6))
def test_a_shown_instant_can_be_typed_again(second: int) -> None:
    instant = second * 10**6
    assert parse_instant(format_local(instant, MADRID), NOW, MADRID) == instant
    assert parse_instant(f"@{second}", NOW, MADRID) == instant


@given(st.text(max_size=30))
def test_any_text_is_an_instant_or_a_sentence(text: str) -> None:
    for parse in (lambda each: parse_instant(each, NOW, MADRID), parse_duration):
        try:
            parse(text)
        except BadInput as error:
            assert "\n" not in str(error)
