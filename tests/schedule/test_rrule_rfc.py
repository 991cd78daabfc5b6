"""The examples of RFC 5545 section 3.8.5.3: America/New_York, from 1997-09-02 09:00 unless said otherwise."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from jobctl.schedule import own_terms
from tests.schedule.rrule_oracle import by_dateutil, rrule

ZONE = "America/New_York"

# What it is called there: start, rule, first occurrences as year-month and days or times; a "." is the end of the rule.
EXAMPLES = {
    "daily for 10 occurrences": ("19970902", "FREQ=DAILY;COUNT=10", "1997-09 2 3 4 5 6 7 8 9 10 11 ."),
    "daily until December 24": (
        "19970902",
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        f"1997-09 {' '.join(map(str, range(2, 31)))} 1997-10 {' '.join(map(str, range(1, 32)))} "
        f"1997-11 {' '.join(map(str, range(1, 31)))} 1997-12 {' '.join(map(str, range(1, 24)))} .",
    ),
    "every other day": (
        "19970902",
        "FREQ=DAILY;INTERVAL=2",
        "1997-09 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 1997-10 2",
    ),
    "every 10 days, 5 occurrences": ("19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09 2 12 22 1997-10 2 12 ."),
    "every day in January, for 3 years": (
        "19980101",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        " ".join(f"{year}-01 {' '.join(map(str, range(1, 32)))}" for year in (1998, 1999, 2000)) + " .",
    ),
    "the same, daily": (
        "19980101",
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        " ".join(f"{year}-01 {' '.join(map(str, range(1, 32)))}" for year in (1998, 1999, 2000)) + " .",
    ),
    "weekly for 10 occurrences": (
        "19970902",
        "FREQ=WEEKLY;COUNT=10",
        "1997-09 2 9 16 23 30 1997-10 7 14 21 28 1997-11 4 .",
    ),
    "weekly until December 24": (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997-09 2 9 16 23 30 1997-10 7 14 21 28 1997-11 4 11 18 25 1997-12 2 9 16 23 .",
    ),
    "every other week": (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997-09 2 16 30 1997-10 14 28 1997-11 11 25 1997-12 9 23 1998-01 6 20",
    ),
    "weekly on Tuesday and Thursday for five weeks": (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997-09 2 4 9 11 16 18 23 25 30 1997-10 2 .",
    ),
    "every other week on Monday, Wednesday and Friday": (
        "19970901",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997-09 1 3 5 15 17 19 29 1997-10 1 3 13 15 17 27 29 31 1997-11 10 12 14 24 26 28 1997-12 8 10 12 22 .",
    ),
    "every other week on Tuesday and Thursday, 8 occurrences": (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997-09 2 4 16 18 30 1997-10 2 14 16 .",
    ),
    "monthly on the first Friday for 10 occurrences": (
        "19970905",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09 5 1997-10 3 1997-11 7 1997-12 5 1998-01 2 1998-02 6 1998-03 6 1998-04 3 1998-05 1 1998-06 5 .",
    ),
    "monthly on the first Friday until December 24": (
        "19970905",
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997-09 5 1997-10 3 1997-11 7 1997-12 5 .",
    ),
    "every other month on the first and last Sunday": (
        "19970907",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09 7 28 1997-11 2 30 1998-01 4 25 1998-03 1 29 1998-05 3 31 .",
    ),
    "monthly on the second-to-last Monday": (
        "19970922",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09 22 1997-10 20 1997-11 17 1997-12 22 1998-01 19 1998-02 16 .",
    ),
    "monthly on the third-to-last day": (
        "19970928",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997-09 28 1997-10 29 1997-11 28 1997-12 29 1998-01 29 1998-02 26",
    ),
    "monthly on the 2nd and 15th": (
        "19970902",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997-09 2 15 1997-10 2 15 1997-11 2 15 1997-12 2 15 1998-01 2 15 .",
    ),
    "monthly on the first and last day": (
        "19970930",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09 30 1997-10 1 31 1997-11 1 30 1997-12 1 31 1998-01 1 31 1998-02 1 .",
    ),
    "every 18 months on the 10th to 15th": (
        "19970910",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09 10 11 12 13 14 15 1999-03 10 11 12 13 .",
    ),
    "every Tuesday, every other month": (
        "19970902",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997-09 2 9 16 23 30 1997-11 4 11 18 25 1998-01 6 13 20 27 1998-03 3 10 17 24 31",
    ),
    "yearly in June and July": (
        "19970610",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        " ".join(f"{year}-06 10 {year}-07 10" for year in range(1997, 2002)) + " .",
    ),
    "every other year in January, February and March": (
        "19970310",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997-03 10 " + " ".join(f"{year}-01 10 {year}-02 10 {year}-03 10" for year in (1999, 2001, 2003)) + " .",
    ),
    "every third year on the 1st, 100th and 200th day": (
        "19970101",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997-01 1 1997-04 10 1997-07 19 2000-01 1 2000-04 9 2000-07 18 2003-01 1 2003-04 10 2003-07 19 2006-01 1 .",
    ),
    "every 20th Monday of the year": ("19970519", "FREQ=YEARLY;BYDAY=20MO", "1997-05 19 1998-05 18 1999-05 17"),
    "Monday of week 20": ("19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05 12 1998-05 11 1999-05 17"),
    "every Thursday in March": (
        "19970313",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997-03 13 20 27 1998-03 5 12 19 26 1999-03 4 11 18 25",
    ),
    "every Thursday in June, July and August": (
        "19970605",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997-06 5 12 19 26 1997-07 3 10 17 24 31 1997-08 7 14 21 28 1998-06 4 11 18 25",
    ),
    "every Friday the 13th": (
        "19970902",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1998-02 13 1998-03 13 1998-11 13 1999-08 13 2000-10 13",
    ),
    "the first Saturday that follows the first Sunday": (
        "19970913",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09 13 1997-10 11 1997-11 8 1997-12 13 1998-01 10 1998-02 7 1998-03 7 1998-04 11 1998-05 9 1998-06 13",
    ),
    "presidential election day": (
        "19961105",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996-11 5 2000-11 7 2004-11 2",
    ),
    "the third Tuesday, Wednesday or Thursday of the month": (
        "19970904",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997-09 4 1997-10 7 1997-11 6 .",
    ),
    "the second-to-last weekday of the month": (
        "19970929",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997-09 29 1997-10 30 1997-11 27 1997-12 30 1998-01 29 1998-02 26 1998-03 30",
    ),
    # As corrected by the errata: 17:00 there is 21:00 UTC.
    "every 3 hours from 9:00 to 17:00": (
        "19970902",
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z",
        "1997-09-02 9:00 12:00 15:00 .",
    ),
    "every 15 minutes for 6 occurrences": (
        "19970902",
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "1997-09-02 9:00 9:15 9:30 9:45 10:00 10:15 .",
    ),
    "every hour and a half for 4 occurrences": (
        "19970902",
        "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
        "1997-09-02 9:00 10:30 12:00 13:30 .",
    ),
    "every 20 minutes from 9:00 to 16:40": (
        "19970902",
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "1997-09-02 "
        + " ".join(f"{hour}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40))
        + " 1997-09-03 9:00 9:20",
    ),
    "the same, minutely": (
        "19970902",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
        "1997-09-02 "
        + " ".join(f"{hour}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40))
        + " 1997-09-03 9:00 9:20",
    ),
    "weeks from Monday": ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08 5 10 19 24 ."),
    "weeks from Sunday": ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08 5 17 19 31 ."),
    "a day that does not exist": (
        "20070115",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007-01 15 30 2007-02 15 2007-03 15 30 .",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_rfc(name: str) -> None:
    day, rule, text = EXAMPLES[name]
    start, expected, ends = datetime.strptime(f"{day}09", "%Y%m%d%H"), _read(text), text.endswith(".")
    schedule = rrule(rule, ZONE, start.replace(tzinfo=ZoneInfo(ZONE)))
    count = own_terms({"notation": "rrule", "rule": rule}, ZONE).count
    found: list[datetime] = []
    instant = schedule.first(start.replace(tzinfo=ZoneInfo(ZONE)))
    while instant is not None and len(found) < (count or len(expected) + 1):
        found.append(instant.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None))
        instant = schedule.next_after(instant)
    assert (found if ends else found[: len(expected)]) == expected
    endless = ";".join(part for part in rule.split(";") if not part.startswith(("COUNT=", "UNTIL=")))
    assert list(islice(by_dateutil(endless, start, expected[-1]), len(expected))) == expected


def _read(text: str) -> list[datetime]:
    """`1997-09 2 3` and `1997-09-02 9:00 9:15` as local times."""
    found = []
    for word in text.rstrip(" .").split():
        if "-" in word:
            place = word
        elif ":" in word:
            found.append(datetime.strptime(f"{place} {word}", "%Y-%m-%d %H:%M"))
        else:
            found.append(datetime.strptime(f"{place}-{word} 9", "%Y-%m-%d %H"))
    return found
