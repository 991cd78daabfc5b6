"""Both cron dialects in plain words: what they say, and that they never say the same of what runs differently."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest

from jobctl.errors import BadInput
from jobctl.schedule import build, cron, quartz
from jobctl.schedule.cron_pattern import Reading

CRON = [
    ("0 3 * * mon-fri", "at 03:00 on Monday to Friday"),
    ("0 3 * * *", "at 03:00 every day"),
    ("0 6,18 * * sat,sun", "at 06:00 and 18:00 on Saturday and Sunday"),
    ("* * * * *", "every minute"),
    ("*/15 * * * *", "every 15 minutes"),
    ("0 * * * *", "every hour"),
    ("30 * * * *", "every hour at 30 past"),
    ("5,20 * * * *", "every hour at 5 and 20 past"),
    ("5,35 * * * *", "every 30 minutes from 00:05"),
    ("0 */2 * * *", "every 2 hours"),
    ("10 */6 * * *", "every 6 hours from 00:10"),
    ("0 0-23 * * *", "every hour, each once a day"),
    ("0 9-17 * * mon-fri", "every hour from 09:00 to 17:00 on Monday to Friday"),
    ("*/15 9-17 * * *", "every 15 minutes from 09:00 to 17:45"),
    ("0,15,30,45 9-17 * * *", "every 15 minutes from 09:00 to 17:45, each once a day"),
    ("5,20 9-17 * * *", "at 5 and 20 past every hour from 09 to 17"),
    ("*/20 3,7 * * *", "every 20 minutes of the hours 03 and 07"),
    ("*/7 * * * *", "every 7 minutes from 0 to 56 past every hour"),
    ("*/7 */5 * * *", "every 7 minutes from 0 to 56 past every 5th hour from 00 to 20"),
    ("*/30 3 * * *", "every 30 minutes from 03:00 to 03:30"),
    ("0 */24 * * *", "at 00:00 every day, as often as the clock shows it"),
    ("0 0 29 2 *", "at 00:00 on the 29th of February"),
    ("30 2 1,15 * *", "at 02:30 on the 1st and 15th of each month"),
    ("0 0 L * *", "at 00:00 on the last day of each month"),
    ("0 0 1-7,L * *", "at 00:00 on the 1st, 2nd, 3rd, 4th, 5th, 6th, 7th and last day of each month"),
    ("0 0 1 3,6 *", "at 00:00 on the 1st of March and June"),
    ("0 0 1 3-6 *", "at 00:00 on the 1st of each month from March to June"),
    ("0 0 * 3-6 *", "at 00:00 every day from March to June"),
    ("*/5 * * jul mon", "every 5 minutes on Monday in July"),
    ("0 0 1 * 1", "at 00:00 on the 1st of each month or on Monday"),
    ("0 0 1 feb 1", "at 00:00 on the 1st of February or on Monday in February"),
    ("0 0 13 * fri#2", "at 00:00 on the 13th of each month or on the 2nd Friday of each month"),
    ("0 9 * * 5L", "at 09:00 on the last Friday of each month"),
    ("0 9 * * mon#2,fri", "at 09:00 on Friday and on the 2nd Monday of each month"),
    ("0 0 */2 * *", "at 00:00 on every 2nd day from the 1st to the 31st of each month"),
    ("0 0 */2 * 1", "at 00:00 on every 2nd day from the 1st to the 31st of each month if it is Monday"),
    ("0 0 */20 * mon,5L", "at 00:00 on the 1st and 21st of each month if it is Monday or the last Friday"),
    ("0 0 1-31 * mon", "at 00:00 every day"),  # either field is enough, and one always holds
    ("0 0 * * 0-7", "at 00:00 every day"),
    ("@weekly", "at 00:00 on Sunday"),
    ("@yearly", "at 00:00 on the 1st of January"),
]
QUARTZ = [
    ("0 0 16 ? * 7L *", "at 16:00 on the last Saturday of each month"),
    ("* * * * * ?", "every second"),
    ("0/15 * * * * ?", "every 15 seconds"),
    ("30 * * * * ?", "every minute at 30 seconds past"),
    ("0 0/5 * ? * MON-FRI", "every 5 minutes on Monday to Friday"),
    ("0 0/15 9-17 * * ?", "every 15 minutes from 09:00 to 17:45, each once a day"),
    ("10,20 5 3 * * ?", "at 03:05:10 and 03:05:20 every day"),
    ("0 15 10 L-3 * ?", "at 10:15 on the 4th to last day of each month"),
    ("0 15 10 LW * ?", "at 10:15 on the last working day of each month"),
    ("0 15 10 15W * ?", "at 10:15 on the working day nearest the 15th of each month"),
    ("0 15 10 1,15W,L-1W * ?", "at 10:15 on the 1st, the working day nearest the 15th and the working day nearest "
     "the 2nd to last day of each month"),
    ("0 0 12 ? * 2#1 2027", "at 12:00 on the 1st Monday of each month in 2027"),
    ("0 0 12 1 1 ? 2026-2030", "at 12:00 on the 1st of January in the years 2026 to 2030"),
    ("0 0 12 1 1 ? 2026/4", "at 12:00 on the 1st of January in every 4th year from 2026 to 2098"),
]  # fmt: skip
TOO_MUCH = ["1-7,13,20-59/3 5,7,9 * * *", "0 1,2,3,5,8,13,21 * * *", "0 3 1-3,7,9,11-19,22,25,27 * *"]


@pytest.mark.parametrize(
    ("notation", "text", "words"),
    [("cron", *case) for case in CRON] + [("quartz", *case) for case in QUARTZ],
)
def test_plain_words_and_the_expression(notation: str, text: str, words: str) -> None:
    assert described(notation, text) == f"{words} ({notation} {text}), UTC time"


@pytest.mark.parametrize("text", TOO_MUCH)
def test_what_takes_too_many_words_is_shown_as_it_is(text: str) -> None:
    assert described("cron", text) == f"cron {text}, UTC time"
    assert described("quartz", f"0 {text[:-1]}?") == f"quartz 0 {text[:-1]}?, UTC time"


def described(notation: str, text: str) -> str:
    spec = {"notation": notation, "expression": text}
    return build(spec, time_zone="UTC", start=None, end=None, anchor=datetime(2026, 1, 1, tzinfo=UTC)).describe()


MINUTES = (
    "* */15 0,15,30,45 0/15 */30 0,30 0 */60 0-0 5 5,35 0-59 */7 0,7,14,21,28,35,42,49,56 */40 0,40 1-5 1-5/4 20-40 9"
)
HOURS = "* 0-23 */2 0-22/2 0/2 9-17 3 */24 0 */12 0,12 1,3,5 22-2 2,4 */5 0,5,10,15,20 0,1 2-4 */7 1,3,4 0-4 8-23"
DAYS = "* 1-31 1 L 1,L */2 1-31/2 1,15 28-31 1-7 */10 1,11,21,31 2-30/2"
MONTHS = "* 1-12 jan 1-3 1,2,3 */2 mar,jun 12"
WEEKDAYS = "* 0-6 1-7 mon 1-5 sat,sun fri-mon mon#1 5L 1,5L mon#1,mon#3 */2 0,2,4,6"
SECONDS = "0 * */15 0/15 0,15,30,45 30 0,30 */30 */7 10 59"
QUARTZ_DAYS = "* 1-31 1 L L-1 LW 1W 15W L-1W 1,L 28-31 1W,15 1,15 1/2 */2"
QUARTZ_WEEKDAYS = "* 1-7 MON 2 L 7 7L 2#1 MON#1 MON-FRI 2-6 SAT,SUN"
YEARS = "* 2026 2026-2028 2026,2027,2028 2026/2 2020-2098/2 1970-2099"


def test_equal_words_run_alike() -> None:
    """All times of day, all days, and some of both."""
    times, days = (
        list(product(MINUTES.split(), HOURS.split())),
        list(product(*map(str.split, (DAYS, MONTHS, WEEKDAYS)))),
    )
    random = Random(3)
    texts = [f"{minute} {hour} * * *" for minute, hour in times] + [f"0 3 {' '.join(each)}" for each in days]
    texts += [" ".join(random.choice(times) + random.choice(days)) for _ in range(500)]
    readings = [cron.parse(text) for text in texts if possible(text)]

    quartz_days = [f"{day} {month} ?" for day in QUARTZ_DAYS.split() for month in MONTHS.split()]
    quartz_days += [f"? {month} {weekday}" for month in MONTHS.split() for weekday in QUARTZ_WEEKDAYS.split()]
    texts = [
        f"{second} {minute} {hour} * * ?" for second in SECONDS.split() for minute, hour in random.sample(times, 90)
    ]
    texts += [f"0 0 3 {each} {year}" for each in quartz_days for year in YEARS.split()]
    readings += [quartz.parse(text.replace("*/60", "0").replace("*/24", "0")) for text in texts]

    alike: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        alike[said(reading)].append(reading)
    assert sum(len(each) > 1 for each in alike.values()) > 400
    for words, group in alike.items():
        assert len({all_of(reading) for reading in group}) == 1, (words, [reading.words for reading in group])


def possible(text: str) -> bool:
    try:
        return bool(cron.parse(text))
    except BadInput:
        return False


def said(reading: Reading) -> str:
    """The words without the expression."""
    return reading.words.rpartition(" (")[0] or reading.words


def all_of(reading: Reading) -> tuple[object, ...]:
    """Everything an expression says: its pace, its times of day, and its days in each kind of month of many years."""
    days = reading.grid.days
    known = tuple(tuple(days.in_month(year, month)) for year in (*range(2019, 2031), 2048) for month in range(1, 13))
    return reading.keeps_pace, tuple(reading.grid.times), known
