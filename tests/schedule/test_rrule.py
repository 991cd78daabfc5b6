"""Recurrence rules: the forms of system jobs, what the start means, what is refused, and how they read."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

import jobctl
from jobctl.errors import BadInput
from jobctl.schedule import build, own_terms
from tests.schedule.oracle import walk
from tests.schedule.rrule_oracle import day_rule, pace_rule, rrule

ANCHOR = datetime(2026, 11, 21, 8, tzinfo=UTC)  # a Saturday, 09:00 in Madrid
TICK = timedelta(microseconds=1)
MADRID = "Europe/Madrid"


def local(rule: str, count: int, zone: str = MADRID, start: datetime = ANCHOR) -> list[str]:
    """The first occurrences as the zone's clock shows them."""
    schedule = rrule(rule, zone, start)
    found = [schedule.first(start)]
    while len(found) < count and found[-1] is not None:
        found.append(schedule.next_after(found[-1]))
    return [f"{each.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for each in found if each is not None]


@pytest.mark.parametrize(
    ("rule", "words", "following"),
    [
        ("FREQ=MONTHLY;", "every month at 09:00 on the 21st", ["2026-12-21 09:00", "2027-01-21 09:00"]),
        ("FREQ=WEEKLY;", "every week at 09:00 on Saturday", ["2026-11-28 09:00", "2026-12-05 09:00"]),
        ("FREQ=DAILY;", "every day at 09:00", ["2026-11-22 09:00", "2026-11-23 09:00"]),
        ("FREQ=DAILY;INTERVAL=3;", "every 3 days at 09:00", ["2026-11-24 09:00", "2026-11-27 09:00"]),
        ("FREQ=HOURLY;", "every hour", ["2026-11-21 10:00", "2026-11-21 11:00"]),
        ("FREQ=YEARLY", "every year at 09:00 on 21 November", ["2027-11-21 09:00", "2028-11-21 09:00"]),
        ("FREQ=MINUTELY;INTERVAL=5", "every 5 minutes", ["2026-11-21 09:05", "2026-11-21 09:10"]),
        ("FREQ=SECONDLY;INTERVAL=60", "every 60 seconds", ["2026-11-21 09:01", "2026-11-21 09:02"]),
        ("FREQ=MONTHLY;INTERVAL=1;WKST=SU", "every month at 09:00 on the 21st", ["2026-12-21 09:00"]),
    ],
)
def test_the_patterns_of_system_jobs_begin_with_their_start(rule: str, words: str, following: list[str]) -> None:
    assert local(rule, 1 + len(following)) == ["2026-11-21 09:00", *following]
    assert rrule(rule, MADRID, ANCHOR).describe() == f"{words} from 2026-11-21 09:00 Europe/Madrid"


@pytest.mark.parametrize(
    "text",
    [
        "freq=daily;interval=3;",
        "RRULE:FREQ=DAILY;INTERVAL=3",
        "rrule:Interval=3;Freq=Daily;",
        " FREQ=DAILY; INTERVAL=03 ",
    ],
)
def test_case_prefix_order_and_last_semicolon_do_not_matter(text: str) -> None:
    assert local(text, 3) == local("FREQ=DAILY;INTERVAL=3", 3)


def test_once_a_month_is_twelve_times_a_year_without_drift() -> None:
    start = datetime(2027, 1, 31, 9, tzinfo=UTC)
    found = local("FREQ=MONTHLY;", 14, "UTC", start)
    assert [each[5:10] for each in found] == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31"),
        *("01-31", "02-29"),
    ]
    years = local("FREQ=YEARLY", 5, "UTC", datetime(2028, 2, 29, 9, tzinfo=UTC))
    assert [each[:10] for each in years] == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    words = rrule("FREQ=MONTHLY", "UTC", start).describe()
    assert words.startswith("every month at 09:00 on the 31st or the month's last day from")


def test_with_by_parts_a_month_without_the_day_is_left_out() -> None:
    start = datetime(2027, 1, 31, 9, tzinfo=UTC)
    assert [each[5:10] for each in local("FREQ=MONTHLY;BYHOUR=9", 4, "UTC", start)] == [
        "01-31",
        "03-31",
        "05-31",
        "07-31",
    ]
    assert [each[:10] for each in local("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 2)] == ["2028-02-29", "2032-02-29"]


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=WEEKLY;BYDAY=SA", "2026-11-21 09:00"),
        ("FREQ=WEEKLY;BYDAY=MO", "2026-11-23 09:00"),
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0", "2026-11-21 09:00"),
        ("FREQ=DAILY;BYHOUR=8", "2026-11-22 08:00"),
        ("FREQ=MONTHLY;BYDAY=3SA", "2026-11-21 09:00"),
        ("FREQ=MONTHLY;BYDAY=2TU", "2026-12-08 09:00"),
        ("FREQ=HOURLY;BYDAY=SA", "2026-11-21 09:00"),
        ("FREQ=HOURLY;INTERVAL=2;BYHOUR=10,11", "2026-11-21 11:00"),
        ("FREQ=MINUTELY;BYMINUTE=30", "2026-11-21 09:30"),
    ],
)
def test_the_start_counts_where_it_matches(rule: str, first: str) -> None:
    assert local(rule, 1) == [first]
    assert rrule(rule, MADRID, ANCHOR).last_before(ANCHOR) is None


def test_a_leap_second_is_the_last_of_its_minute() -> None:
    schedule = rrule("FREQ=DAILY;BYSECOND=60,59", MADRID, ANCHOR)
    assert schedule.first(ANCHOR) == ANCHOR + timedelta(seconds=59)
    assert schedule.next_after(ANCHOR + timedelta(seconds=59)) == ANCHOR + timedelta(days=1, seconds=59)


def test_no_occurrence_lies_before_a_start_within_a_second() -> None:
    start = ANCHOR + timedelta(microseconds=300_000)
    plain = rrule("FREQ=WEEKLY", MADRID, start)
    assert plain.next_after(start) == start + timedelta(days=7)
    # The times of BY parts are whole seconds: what the start stands for is the next one.
    schedule = rrule("FREQ=WEEKLY;BYDAY=SA,SU", MADRID, start)
    assert schedule.first(start) == ANCHOR + timedelta(seconds=1)
    assert rrule("FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0", MADRID, start).first(start) == ANCHOR + timedelta(days=1)


def test_the_start_of_the_plan_comes_before_the_moment_of_scheduling() -> None:
    spec = {"notation": "rrule", "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"}
    start = datetime(2026, 11, 9, 7, 30, tzinfo=UTC)
    schedule = build(spec, time_zone="UTC", start=start, end=None, anchor=ANCHOR)
    assert schedule.first(ANCHOR) == datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
    assert schedule.last_before(ANCHOR) == start


def test_a_start_in_the_second_pass_of_a_fold_counts() -> None:
    start = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Madrid, again
    for rule in ("FREQ=DAILY", "FREQ=DAILY;BYDAY=SU,MO", "FREQ=HOURLY;BYDAY=SU"):
        schedule = rrule(rule, MADRID, start)
        assert schedule.first(start) == start
        assert schedule.count_between(start - TICK, start) == 1
        assert schedule.last_before(start + TICK) == start


@pytest.mark.parametrize(
    ("rule", "zone", "count", "end"),
    [
        ("FREQ=DAILY;COUNT=10", None, 10, None),
        ("FREQ=DAILY;UNTIL=20261224T000000Z", MADRID, None, datetime(2026, 12, 24, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=20261224T090000", MADRID, None, datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("freq=daily;until=20260724t090000", MADRID, None, datetime(2026, 7, 24, 7, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=20261224", MADRID, None, datetime(2026, 12, 24, 23, tzinfo=UTC) - TICK),
        ("FREQ=DAILY;UNTIL=20261231T235960Z", "UTC", None, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=20260329T023000", MADRID, None, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=99991231T235959Z", None, None, None),
        ("FREQ=DAILY", None, None, None),
    ],
)
def test_count_and_until_become_the_plans(rule: str, zone: str | None, count: int | None, end: datetime | None) -> None:
    own = own_terms({"notation": "rrule", "rule": rule}, zone)
    assert (own.count, own.end) == (count, end)
    assert (own.start, own.time_zone, own.catch_up) == (None, None, None)


def test_until_is_inclusive_and_local_without_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    own = own_terms({"notation": "rrule", "rule": "FREQ=DAILY;UNTIL=20261224T090000"}, None)
    assert own.end == datetime(2026, 12, 24, 3, 30, tzinfo=UTC)
    assert local("FREQ=DAILY;UNTIL=20261123T090000", 9)[1:] == ["2026-11-22 09:00", "2026-11-23 09:00"]
    assert local("FREQ=DAILY;UNTIL=20261123", 9)[1:] == ["2026-11-22 09:00", "2026-11-23 09:00"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "an empty rule is no recurrence"),
        ("  ;", "an empty rule is no recurrence"),
        ("RRULE:", "an empty rule is no recurrence"),
        ("DAILY", "no part 'DAILY'"),
        ("INTERVAL=3", "no FREQ"),
        ("FREQ=", "FREQ has no value"),
        ("FREQ", "FREQ has no value"),
        ("FREQ=DAYLY", "FREQ cannot be 'DAYLY'; did you mean 'DAILY'"),
        ("FREQ=FORTNIGHTLY", "there are: SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=DAILY;;INTERVAL=2", "nothing between two semicolons"),
        ("FREQ=DAILY;FREQ=DAILY", "says FREQ twice"),
        ("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "says BYHOUR twice"),
        ("FREQ=DAILY;BYHOURS=9", "no part 'BYHOURS'; did you mean 'BYHOUR'"),
        ("FREQ=DAILY;X-MINE=1", "no part 'X-MINE'"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL cannot be '0'"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL cannot be '-1'"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL cannot be '1.5'"),
        ("FREQ=DAILY;INTERVAL=9999999999999999999", "it is a whole number from 1 to 99999999"),
        ("FREQ=DAILY;COUNT=0", "COUNT cannot be '0'"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20271231", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;UNTIL=2027-12-31", "UNTIL cannot be '2027-12-31': it is not written as 20261231"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL cannot be '20270230': day"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL cannot be '00000101'"),
        ("FREQ=DAILY;UNTIL=19691231", "UNTIL=19691231 lies before 1970"),
        ("FREQ=DAILY;UNTIL=00010101T000000", "lies before 1970"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY cannot be '0'; it goes from 1 to 31, or from the end -1 to -31"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY cannot be '32'"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY cannot be '-32'"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "something is missing beside a comma of BYMONTHDAY=1,,2"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY cannot be '367'"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO cannot be '54'"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH cannot be '-1'; it goes from 1 to 12$"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH cannot be '13'"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR cannot be '24'"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE cannot be '60'"),
        ("FREQ=DAILY;BYSECOND=61", "BYSECOND cannot be '61'"),
        ("FREQ=DAILY;BYHOUR=9.5", "BYHOUR cannot be '9.5'"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY cannot be '0MO'"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY cannot be '6MO'; the weekdays of a month go from 1 to 5"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=6MO", "the weekdays of a month go from 1 to 5"),
        ("FREQ=YEARLY;BYDAY=-54MO", "the weekdays of a year go from 1 to 53"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY cannot be '2MO' with FREQ=WEEKLY"),
        ("FREQ=HOURLY;BYDAY=-1FR", "BYDAY cannot be '-1FR' with FREQ=HOURLY"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=2MO", "BYDAY cannot be '2MO' beside BYWEEKNO"),
        ("FREQ=WEEKLY;BYDAY=MON", "BYDAY cannot be 'MON'; did you mean MO"),
        ("FREQ=WEEKLY;BYDAY=XX", "the weekdays are MO, TU"),
        ("FREQ=WEEKLY;BYDAY=MO-FR", "BYDAY cannot be 'MO-FR'"),
        ("FREQ=WEEKLY;WKST=1", "WKST cannot be '1'"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY cannot go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO cannot go with FREQ=MONTHLY .RFC 5545., only with YEARLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY cannot go with FREQ=DAILY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "only with SECONDLY, MINUTELY, HOURLY, YEARLY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS chooses among what another BY part names"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS cannot be '0'"),
        ("FREQ=MONTHLY;RSCALE=CHINESE", "RSCALE .RFC 7529. is not supported"),
        ("FREQ=MONTHLY;SKIP=FORWARD", "SKIP .RFC 7529. is not supported"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER is not in RFC 5545"),
        ("DTSTART:20261121T090000\nRRULE:FREQ=DAILY", "give the first moment with --start"),
        ("FREQ=DAILY;DTSTART=20261121T090000Z", "give the first moment with --start"),
        ("RRULE:FREQ=DAILY\nEXDATE:20261225T090000", "leave out days with --skip"),
        ("FREQ=DAILY;TZID=Europe/Madrid", "give the time zone with --tz"),
        ("FREQ=DAILY\x00", "holds characters a rule cannot have"),
        ("FREQ=DAILY;INTERVAL=٣", "holds characters a rule cannot have"),
        ("FREQ=DAILY;BYſECOND=1", "holds characters a rule cannot have"),
        ("FREQ=DAILY;BYHOUR=" + "1," * 600, "at most 1000 characters"),
        (
            f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))};BYSECOND=0,30",
            "name 2880 times of a day and at most 1440 are possible; write FREQ=MINUTELY or FREQ=SECONDLY",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(rule: str, reason: str) -> None:
    for refuse in (rrule, lambda rule, *_: own_terms({"notation": "rrule", "rule": rule}, None)):
        with pytest.raises(BadInput, match=reason) as refusal:
            refuse(rule, MADRID, ANCHOR)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("rule", [None, 3, ["FREQ=DAILY"], {"FREQ": "DAILY"}, b"FREQ=DAILY", True])
def test_a_rule_is_a_text(rule: object) -> None:
    with pytest.raises(BadInput, match="a recurrence rule is a text such as FREQ=DAILY"):
        build({"notation": "rrule", "rule": rule}, time_zone="UTC", start=None, end=None, anchor=ANCHOR)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30;BYHOUR=3",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;BYMONTH=4,6,9,11;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2",
        "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8",
        "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=1",
        "FREQ=YEARLY;BYYEARDAY=366;INTERVAL=4",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=DAILY;INTERVAL=99999999;BYHOUR=8",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3",
        "FREQ=WEEKLY;INTERVAL=99999999;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=HOURLY;INTERVAL=168;BYDAY=MO",
        "FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=3",
        "FREQ=SECONDLY;INTERVAL=604800;BYDAY=MO",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=4;BYYEARDAY=-1",
    ],
)
def test_what_can_never_come_is_refused_at_once(rule: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput, match="nothing would ever run"):
        rrule(rule, MADRID, ANCHOR)
    assert time.process_time() - began < 0.1  # a busy machine is slower than the 50 ms that are promised


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY;BYHOUR=9,17", "at 09:00 and 17:00 every day"),
        ("FREQ=DAILY;INTERVAL=2;BYHOUR=9", "at 09:00 every 2 days"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "at 09:00 on Monday to Friday"),
        ("FREQ=DAILY;BYMONTH=6,7,8", "at 09:00 every day in June to August"),
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=6,18", "at 06:00 and 18:00 on Monday and Friday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "at 09:00 on Monday and Friday, every 2 weeks"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR,SA,SU", "at 09:00 every day, every 2 weeks"),
        ("FREQ=WEEKLY;BYHOUR=7", "at 07:00 on Saturday"),
        ("FREQ=MONTHLY;BYDAY=2TU", "at 09:00 on the 2nd Tuesday of each month"),
        ("FREQ=MONTHLY;BYDAY=1SU,-1SU", "at 09:00 on the 1st Sunday and last Sunday of each month"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "at 09:00 on the 1st and 15th of each month"),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", "at 09:00 on the last day of every 3rd month"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "at 09:00 on the last weekday of each month"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "at 09:00 on the 4th Thursday of November"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25", "at 09:00 on the 24th and 25th of December"),
        ("FREQ=YEARLY;INTERVAL=2;BYHOUR=3", "at 03:00 on the 21st of November, every 2 years"),
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11", "every 20 minutes between 09:00 and 12:00"),
        ("FREQ=HOURLY;BYDAY=SA,SU;BYMINUTE=0,30", "every hour at 0 and 30 past on Saturday and Sunday"),
        ("FREQ=YEARLY;BYDAY=20MO", "every year where its parts allow (RRULE FREQ=YEARLY;BYDAY=20MO)"),
        ("freq=yearly;byyearday=9;", "every year where its parts allow (RRULE FREQ=YEARLY;BYYEARDAY=9)"),
    ],
)  # fmt: skip
def test_rules_in_plain_words(rule: str, words: str) -> None:
    assert rrule(rule, MADRID, ANCHOR).describe() == f"{words} from 2026-11-21 09:00 Europe/Madrid"


def test_every_random_rule_has_words_and_no_other_error_than_bad_input() -> None:
    random = Random(5545)
    letters = "FREQ=DAILYWKSTBYMONH;,-+0123456789:Z é\x00"
    for _ in range(400):
        rule = random.choice([day_rule, pace_rule])(random)
        for _ in range(random.randint(0, 3)):
            place = random.randrange(len(rule))
            rule = rule[:place] + random.choice(["", random.choice(letters)]) + rule[place + random.randint(0, 2) :]
        try:
            assert "Europe/Madrid" in rrule(rule, MADRID, ANCHOR).describe()
        except BadInput as error:
            assert "\n" not in str(error)


def test_rules_are_read_without_dateutil() -> None:
    code = (
        "import sys; from datetime import datetime, UTC; from jobctl.schedule import build;"
        "now = datetime.now(UTC); spec = {'notation': 'rrule', 'rule': 'FREQ=MONTHLY;BYDAY=2TU'};"
        "build(spec, time_zone='UTC', start=None, end=None, anchor=now).next_after(now);"
        "sys.exit(any(name.startswith(('dateutil', 'croniter')) for name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(jobctl.__file__).parent.parent, check=False)
    assert run.returncode == 0


def test_rules_of_equal_text_and_start_are_equal_values() -> None:
    for rule in ("FREQ=DAILY", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=HOURLY;BYDAY=MO"):
        assert rrule(rule, MADRID, ANCHOR) == rrule(rule.lower(), MADRID, ANCHOR)
        assert rrule(rule, MADRID, ANCHOR) != rrule(rule, "UTC", ANCHOR)
    assert walk(rrule("FREQ=DAILY;COUNT=2", MADRID, ANCHOR), ANCHOR, ANCHOR + timedelta(days=2))
