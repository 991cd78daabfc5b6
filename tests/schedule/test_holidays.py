"""`--skip`: dates as people write them, lists in files, and calendars of public holidays."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from dateutil.rrule import rrulestr

from jobctl.errors import BadInput
from jobctl.schedule.holidays import MOST_BYTES, MOST_DATES, read_skip

DAY = timedelta(days=1)


def event(*lines: str, summary: str = "Feast") -> str:
    return "\r\n".join(["BEGIN:VEVENT", "UID:1@example.org", f"SUMMARY:{summary}", *lines, "END:VEVENT", ""])


def calendar(*events: str) -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x\r\n{''.join(events)}END:VCALENDAR\r\n"


def skipped(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_skip(f"@{path}")


def refusal(path: Path, content: str | bytes) -> str:
    with pytest.raises(BadInput) as error:
        skipped(path, content)
    sentence = str(error.value)
    assert len(sentence) < 400 and sentence.startswith((f"{path}", "cannot read"))
    return sentence.removeprefix(f"{path}: ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "holidays"


# Written out


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("2026-12-25", ["2026-12-25"]),
        ("2026-12-26,2026-12-25", ["2026-12-25", "2026-12-26"]),
        (" 2026-12-25 , 2026-12-25", ["2026-12-25"]),
        ("2026-12-30..2027-01-02", ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]),
        ("2027-02-27 .. 2027-03-01,2027-02-28", ["2027-02-27", "2027-02-28", "2027-03-01"]),
        ("2026-12-25..2026-12-25", ["2026-12-25"]),
    ],
)
def test_dates_and_ranges(text: str, dates: list[str]) -> None:
    assert read_skip(text) == dates


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a date is missing in ''; write dates and ranges as in"),
        ("2026-12-25,,2026-12-26", "a date is missing"),
        ("2026-12-25,", "a date is missing"),
        ("christmas", "'christmas' is no date; write one like 2026-12-25"),
        ("25.12.2026", "'25.12.2026' is no date"),
        ("2026-12-25...2026-12-26", "'.2026-12-26' is no date"),
        ("2026-12-25..", "'' is no date"),
        ("2026-02-30", "there is no 2026-02-30"),
        ("2026-12-26..2026-12-25", "the range 2026-12-26..2026-12-25 ends before it begins"),
        ("2026-12-25\x002026", "is no date"),
        ("٢٠٢٦-12-25", "is no date"),
        ("2000-01-01..2099-12-31", f"36525 dates are too many to skip; the most are {MOST_DATES}"),
        ("1969-12-31", "lies outside"),
        ("@", "the file's name is missing after @"),
        ("@/none/such", "cannot read '/none/such': No such file or directory"),
        ("@\0", "not a file's name"),
        ("@\ud800", "not a file's name"),
        ("@/", "cannot read '/': Is a directory"),
        ("@" + "x" * 5000, "File name too long"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(BadInput) as error:
        read_skip(text)
    assert reason in str(error.value)


# In a text file


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_file_of_lines(path: Path, newline: str) -> None:
    lines = [
        "\ufeff# public holidays",
        "",
        "2026-12-25   # Christmas",
        " 2027-01-01..2027-01-02,2027-01-06",
        "#2027-05-01",
    ]
    assert skipped(path, newline.join(lines)) == ["2026-12-25", "2027-01-01", "2027-01-02", "2027-01-06"]


def test_a_file_is_found_from_the_home_directory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("2026-12-25\n")
    monkeypatch.setenv("HOME", str(path.parent))
    assert read_skip("@~/holidays") == ["2026-12-25"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("2026-12-25\nnew year\n", "line 2: 'new year' is no date"),
        ("\n\n2026-12-25..2026-13-01", "line 3: there is no 2026-13-01"),
        ("", "it names no date to skip"),
        ("# nothing yet\n", "it names no date to skip"),
        ("1970-01-01..9999-12-30\n" * 1000, "dates are too many to skip"),
        (b"2026-12-25\n\xe9t\xe9\n", "is not UTF-8 (byte 11)"),
        (b"\xff\xfe2\x000\x00", "is not UTF-8"),
        ("2026-12-25\0\n", "line 1: '2026-12-25\\x00' is no date"),
        ("#" * (MOST_BYTES + 1), "is larger than 5 MB"),
        ("x" * 4_000_000, "line 1: 'xxx"),
    ],
)
def test_a_broken_file_is_one_sentence(path: Path, content: str | bytes, reason: str) -> None:
    assert reason in refusal(path, content)


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(BadInput, match="is not a regular file"):
        read_skip(f"@{path}")


def test_a_file_one_may_not_read(path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read '/proc/self/mem/x': Not a directory"):
        read_skip("@/proc/self/mem/x")


# iCalendar


@pytest.mark.parametrize(
    ("lines", "dates"),
    [
        (["DTSTART;VALUE=DATE:20261225"], ["2026-12-25"]),
        (["DTSTART:20261225"], ["2026-12-25"]),
        (["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261227"], ["2026-12-25", "2026-12-26"]),
        (["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261225"], ["2026-12-25"]),
        (["DTSTART;VALUE=DATE:20261225", "DURATION:P2D"], ["2026-12-25", "2026-12-26"]),
        (["DTSTART;VALUE=DATE:20270301", "DURATION:P1W"], [f"2027-03-0{day}" for day in range(1, 8)]),
        (["DTSTART:20261225T000000", "DTEND:20261226T000000"], ["2026-12-25"]),
        (["DTSTART:20261225T000000Z", "DTEND:20261226T000000Z"], ["2026-12-25"]),
        (["DTSTART:20261225T000000", "DURATION:PT24H"], ["2026-12-25"]),
        # 23 hours long on the clock: the spring change lies in it
        (["DTSTART;TZID=Europe/Madrid:20270328T000000", "DTEND;TZID=Europe/Madrid:20270329T000000"], ["2027-03-28"]),
        (["DTSTART;TZID=No/Where:20270328T000000", "DTEND;TZID=No/Where:20270329T000000"], ["2027-03-28"]),
        (["DTSTART;VALUE=DATE:20261225", "TRANSP:TRANSPARENT", "CLASS:PUBLIC", "X-FOO:1"], ["2026-12-25"]),
        (
            ["DTSTART;VALUE=DATE:20261225", "RDATE;VALUE=DATE:20270101,20270106"],
            ["2026-12-25", "2027-01-01", "2027-01-06"],
        ),
        (["DTSTART;VALUE=DATE:20261225", "BEGIN:VALARM", "TRIGGER:-PT9H", "END:VALARM"], ["2026-12-25"]),
    ],
)
def test_whole_day_events(path: Path, lines: list[str], dates: list[str]) -> None:
    assert skipped(path, calendar(event(*lines))) == dates


def by_dateutil(start: date, rule: str, days: int = 1, without: Iterable[date] = ()) -> list[str]:
    """What dateutil makes of a rule on naive dates, from 1970 to 2100."""
    found = rrulestr(rule, dtstart=datetime(start.year, start.month, start.day))
    dates = set()
    for moment in found.xafter(datetime(1969, 12, 1), inc=True):
        if moment.year > 2100:
            break
        if moment.date() not in without:
            dates |= {moment.date() + n * DAY for n in range(days)}
    return [str(each) for each in sorted(dates) if each.year >= 1970]


RULES = [
    (date(2020, 12, 25), "FREQ=YEARLY"),
    (date(2024, 2, 29), "FREQ=YEARLY"),
    (date(2024, 1, 31), "FREQ=MONTHLY;COUNT=20"),
    (date(1604, 7, 4), "FREQ=YEARLY"),
    (date(1604, 2, 29), "FREQ=YEARLY"),
    (date(1900, 11, 1), "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"),
    (date(1900, 5, 7), "FREQ=WEEKLY;UNTIL=19700601"),
    (date(2026, 5, 25), "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"),
    (date(2026, 1, 1), "FREQ=YEARLY;BYYEARDAY=1,-1;UNTIL=20301231"),
    (date(2026, 5, 11), "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"),
    (date(2026, 1, 13), "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"),
    (date(2026, 6, 30), "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=50"),
    (date(2026, 1, 4), "FREQ=WEEKLY;INTERVAL=2;UNTIL=20300101"),
    (date(2026, 1, 5), "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO;COUNT=70"),
    (date(2026, 12, 24), "FREQ=DAILY;COUNT=9"),
    (date(2026, 12, 24), "FREQ=DAILY;BYMONTH=12;BYMONTHDAY=24,25,26;UNTIL=20401231T000000Z"),
    (date(2020, 3, 1), "FREQ=YEARLY;INTERVAL=4;UNTIL=20800301"),
]


@pytest.mark.parametrize(("start", "rule"), RULES)
def test_rules_are_expanded_as_dateutil_does(path: Path, start: date, rule: str) -> None:
    expected = by_dateutil(start, rule.replace("T000000Z", ""))
    assert expected
    content = calendar(event(f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"RRULE:{rule}"))
    assert skipped(path, content) == expected


def test_a_week_of_the_year_has_the_weekday_of_the_start(path: Path) -> None:
    """RFC 5545: what the rule leaves out comes from DTSTART. dateutil gives the whole week instead."""
    lines = ["DTSTART;VALUE=DATE:20260512", "RRULE:FREQ=YEARLY;BYWEEKNO=20;COUNT=2"]
    assert skipped(path, calendar(event(*lines))) == ["2026-05-12", "2027-05-18"]


def test_random_rules_with_exceptions_and_lengths(path: Path) -> None:
    random = Random(8)
    for _ in range(40):
        start = date(random.randrange(1990, 2040), random.randrange(1, 13), random.randrange(1, 29))
        weekday = random.choice(["1MO", "2SU", "-1FR"])
        rule = random.choice(
            [
                f"FREQ=YEARLY;INTERVAL={random.randrange(1, 4)}",
                f"FREQ=YEARLY;BYMONTH={random.randrange(1, 13)};BYDAY={weekday}",
                f"FREQ=MONTHLY;INTERVAL={random.randrange(1, 30)};BYMONTHDAY={random.choice([1, 31, -1])}",
                f"FREQ=WEEKLY;INTERVAL={random.randrange(1, 9)};COUNT={random.randrange(1, 99)}",
            ]
        )
        days = random.randrange(1, 4)
        whole = by_dateutil(start, rule)
        gone = [date.fromisoformat(each) for each in random.sample(whole, min(2, len(whole)))]
        lines = [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DURATION:P{days}D", f"RRULE:{rule}"]
        lines += [f"EXDATE;VALUE=DATE:{each:%Y%m%d}" for each in gone]
        expected = by_dateutil(start, rule, days, gone)
        if expected:
            assert skipped(path, calendar(event(*lines))) == expected, (start, rule, days, gone)


def test_until_is_read_in_the_zone_of_the_start(path: Path) -> None:
    """Midnight in Madrid is 23:00 of the day before in UTC."""
    zone = ";TZID=Europe/Madrid"
    lines = [
        f"DTSTART{zone}:20261225T000000",
        f"DTEND{zone}:20261226T000000",
        "RRULE:FREQ=YEARLY;UNTIL=20281224T230000Z",
    ]
    assert skipped(path, calendar(event(*lines))) == ["2026-12-25", "2027-12-25", "2028-12-25"]


def test_cancelled_and_moved_occurrences(path: Path) -> None:
    content = calendar(
        event("DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=YEARLY;COUNT=5"),
        event("DTSTART;VALUE=DATE:20270503", "RECURRENCE-ID;VALUE=DATE:20270501"),
        event("DTSTART;VALUE=DATE:20280501", "RECURRENCE-ID;VALUE=DATE:20280501", "STATUS:CANCELLED"),
        event("DTSTART:20261111T090000", "STATUS:CANCELLED"),
        event("DTSTART;VALUE=DATE:20290501").replace("UID:1@", "UID:2@"),
    )
    assert skipped(path, content) == ["2026-05-01", "2027-05-03", "2029-05-01", "2030-05-01"]


def test_a_calendar_is_known_by_its_content(path: Path) -> None:
    folded = calendar(event("DTSTART;VALUE=DATE\r\n :2026\r\n 1225", summary="Weihnachten\\, erster \r\n Tag"))
    assert skipped(path.with_suffix(".txt"), "\ufeff\n" + folded.replace("\r\n", "\n").lower()) == ["2026-12-25"]
    assert skipped(path, folded + calendar(event("DTSTART:20270101"))) == ["2026-12-25", "2027-01-01"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["DTSTART:20261225T090000", "DTEND:20261225T100000"], "it has a time of day; only whole days can be skipped"),
        (["DTSTART:20261225T000000", "DTEND:20261225T100000"], "it has a time of day"),
        (["DTSTART:20261225T000000"], "it has a time of day"),
        (["DTSTART;VALUE=DATE:20261225", "DURATION:PT3H"], "it has a time of day"),
        (["DTSTART;VALUE=DATE:20261225", "EXDATE:20261225T090000"], "it has a time of day"),
        (["DTSTART;VALUE=DATE:20261225", "DTEND:20261226T000000"], "its DTEND is no date of the same kind"),
        (["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261224"], "it ends before it begins"),
        (["DTSTART;VALUE=DATE:20261225", "DURATION:-P1D"], "it ends before it begins"),
        (
            ["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261226", "DURATION:P1D"],
            "it has both DTEND and DURATION",
        ),
        (["DTSTART;VALUE=DATE:20261325"], "its DTSTART cannot be read"),
        (["DTSTART;VALUE=DATE:20261225", "DURATION:P99999999999D"], "its DURATION cannot be read"),
        (["DTSTART;VALUE=DATE:20261225", "DTSTART;VALUE=DATE:20261226"], "its DTSTART is no single date"),
        (["DTSTART:120000"], "its DTSTART is no single date"),
        (["RRULE:FREQ=YEARLY"], "it has no DTSTART"),
        (["DTSTART:20261225", "FOO"], "its text cannot be read"),
        (["DTSTART:20261225", "RRULE:FREQ=SECONDLY"], "its rule 'FREQ=SECONDLY' repeats within the day"),
        (["DTSTART:20261225", "RRULE:FREQ=HOURLY;COUNT=2"], "its rule 'FREQ=HOURLY;COUNT=2' repeats within the day"),
        (["DTSTART:20261225", "RRULE:FREQ=DAILY;BYHOUR=9"], "its rule 'FREQ=DAILY;BYHOUR=9' repeats within the day"),
        (["DTSTART:20261225", "RRULE:FREQ=FORTNIGHTLY"], "its RRULE cannot be read"),
        (["DTSTART:20261225", "RRULE:FREQ=YEARLY;INTERVAL=0"], "INTERVAL cannot be '0'"),
        (["DTSTART:20261225", "RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20301225"], "COUNT and UNTIL exclude each other"),
        (["DTSTART:20261225", "RRULE:FREQ=YEARLY", "RRULE:FREQ=DAILY"], "it has several RRULEs"),
        (["DTSTART:20261225", "EXRULE:FREQ=YEARLY"], "EXRULE, which RFC 5545 no longer has, is not supported"),
        (["DTSTART:20261225", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"], "nothing would ever run"),
        (
            ["DTSTART:19600101", "RRULE:FREQ=YEARLY;INTERVAL=2"],
            "its rule counts from 1960-01-01, which lies before 1970",
        ),
        (["DTSTART:19600101", "RRULE:FREQ=DAILY;COUNT=9999"], "its rule counts from 1960-01-01"),
        (["DTSTART:20261225", "RRULE:FREQ=DAILY"], "the calendar's rules give more than 20000 dates up to 2100"),
        (["DTSTART:20261225", "RDATE;VALUE=PERIOD:20261225T000000Z/P1D"], "one of its dates is a period"),
        (["DTSTART:20261225", "RDATE:junk"], "its RDATE cannot be read"),
        (
            ["DTSTART:20261225", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261225"],
            "RECURRENCE-ID with RANGE is not supported",
        ),
    ],
)
def test_what_is_no_whole_day_is_refused_by_name(path: Path, lines: list[str], reason: str) -> None:
    began = time.perf_counter()
    assert refusal(path, calendar(event(*lines, summary="Team lunch"))).startswith(f"the event 'Team lunch': {reason}")
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (calendar(), "the calendar holds no events"),
        (calendar("BEGIN:VTODO\r\nDUE:20261225\r\nEND:VTODO\r\n"), "the calendar holds no events"),
        (calendar(event("DTSTART:19601225")), "it names no date to skip"),
        (calendar(event("DTSTART:20261225", "STATUS:CANCELLED")), "it names no date to skip"),
        (calendar(event("DTSTART:20261225") * 9)[:-60], "some BEGIN has no END"),
        (calendar(event("DTSTART:20261225")) + "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "some BEGIN has no END"),
        (calendar(event("DTSTART:20261225").replace("END:VEVENT", "")), "some BEGIN has no END"),
        ("BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "the iCalendar file is broken"),
        (calendar("BEGIN:X\r\n" * 50_000), "some BEGIN has no END"),
        (calendar("BEGIN:X\r\n" * 9_000 + "END:X\r\n" * 9_000), "the calendar holds no events"),
        (calendar(event("DTSTART:x", summary="\x1b[31m" + "long " * 100)), "the event '\\x1b[31mlong long"),
        (calendar(event("DTSTART:x")).replace("SUMMARY:Feast\r\n", ""), "the event '1@example.org': its DTSTART"),
        (calendar(event("DTSTART:20261225", "RRULE:FREQ=DAILY;COUNT=400") * 100), "rules give more than 20000 dates"),
    ],
)
def test_broken_calendars_are_one_sentence(path: Path, content: str, reason: str) -> None:
    assert reason in refusal(path, content)


def test_mangled_calendars_are_read_or_refused(path: Path) -> None:
    """Whatever a disk or a person does to a file, it is dates or one sentence."""
    random = Random(5)
    whole = calendar(
        event("DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=YEARLY;COUNT=5;BYDAY=1FR", "EXDATE;VALUE=DATE:20270507"),
        event("DTSTART;TZID=Europe/Madrid:20270503T000000", "DURATION:P1D", "RECURRENCE-ID;VALUE=DATE:20270501"),
        event("DTSTART:20261225T000000Z", "DTEND:20261226T000000Z", "RDATE:20270101T000000Z", "STATUS:CONFIRMED"),
    )
    outcomes = set()
    for _ in range(300):
        text = list(whole)
        for _ in range(random.randrange(1, 6)):
            place = random.randrange(len(text))
            match random.randrange(3):
                case 0:
                    del text[place : place + random.choice([1, 1, 20])]
                case 1:
                    text[place] = random.choice(';:=,\r\n0129TZP-+\\"^\0é\ud800X')
                case 2:
                    text[place:place] = text[random.randrange(len(text)) :][: random.randrange(1, 80)]
        try:
            read = skipped(path, "".join(text).encode(errors="surrogatepass"))
            assert read == sorted(set(read)) and len(read) <= MOST_DATES
            outcomes.add(True)
        except BadInput as error:
            assert len(str(error)) < 400
            outcomes.add(False)
    assert outcomes == {True, False}


def test_the_library_is_imported_only_for_a_calendar(path: Path) -> None:
    path.write_text("2026-12-25\n")
    code = (
        "import sys; from jobctl.schedule.holidays import read_skip\n"
        f"read_skip('@{path}'); print({{'icalendar', 'dateutil'}} & set(sys.modules))"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
