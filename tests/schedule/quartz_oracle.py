"""What Quartz cron should do, found the slow way: every field is asked whether it holds for a day or a second.

Written from the rules of Quartz' CronTrigger tutorial: nothing is listed or computed ahead, each value is judged alone.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from random import Random

from jobctl.schedule import Schedule, build

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NAMES = {
    name: number
    for names in ("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", "SUN MON TUE WED THU FRI SAT")
    for number, name in enumerate(names.split(), 1)
}


def quartz(expression: str, zone: str, anchor: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> Schedule:
    spec = {"notation": "quartz", "expression": expression}
    return build(spec, time_zone=zone, start=None, end=None, anchor=anchor)


def scan(expression: str, zone: tzinfo, low: datetime, high: datetime) -> list[datetime]:
    """Occurrences with low < x <= high by Debian cron's daylight saving rule, second by second."""
    paced = keeps_pace(expression)
    found = []
    instant = low - timedelta(hours=3)
    furthest = wall(instant, zone)
    while instant < high:
        instant += SECOND
        local = wall(instant, zone)
        due = holds(expression, local) if paced else any(holds(expression, each) for each in _until(furthest, local))
        furthest = max(furthest, local)
        if due and instant > low:
            found.append(instant)
    return found


def scan_minutes(expression: str, zone: tzinfo, low: datetime, high: datetime) -> list[datetime]:
    """The same for whole minutes low and high and clocks that change at whole minutes, faster."""
    paced = keeps_pace(expression)
    within = [second for second in range(60) if field_holds(expression.split()[0], second, 0, 59)]
    found = set()
    instant = low - timedelta(hours=3)
    furthest = wall(instant, zone)
    while instant < high + MINUTE:
        local = wall(instant, zone)
        if paced or local >= furthest:
            if not paced and any(minute_holds(expression, each) for each in _until(furthest, local, MINUTE)):
                found.add(instant)
            if minute_holds(expression, local):
                found |= {instant + second * SECOND for second in within}
        furthest = max(furthest, local + MINUTE)
        instant += MINUTE
    return sorted(each for each in found if low < each <= high)


def keeps_pace(expression: str) -> bool:
    return any(part.startswith(("*", "/")) for part in expression.split()[:3])


def holds(expression: str, local: datetime) -> bool:
    """Whether a local second is named by an expression."""
    return field_holds(expression.split()[0], local.second, 0, 59) and minute_holds(expression, local)


def minute_holds(expression: str, local: datetime) -> bool:
    _, minute, hour, *_ = expression.split()
    in_day = field_holds(minute, local.minute, 0, 59) and field_holds(hour, local.hour, 0, 23)
    return in_day and date_holds(expression, local.date())


@lru_cache(maxsize=4096)
def date_holds(expression: str, day: date) -> bool:
    """Whether a day is named by an expression."""
    _, _, _, days, month, weekdays, year = [*expression.split(), "*"][:7]
    return (
        (year == "*" or field_holds(year, day.year, 1970, 2099))
        and field_holds(month, day.month, 1, 12)
        and (days == "?" or any(_day_holds(item, day) for item in days.upper().split(",")))
        and (weekdays == "?" or any(_weekday_holds(item, day) for item in weekdays.upper().split(",")))
    )


@lru_cache(maxsize=65536)
def field_holds(text: str, value: int, low: int, high: int) -> bool:
    """Whether a field names a value, beyond its end and round again where a range is upside down."""
    return any(_item_holds(item, value, low, high) for item in text.upper().split(","))


def _item_holds(item: str, value: int, low: int, high: int) -> bool:
    body, slash, step = item.partition("/")
    if body in ("*", ""):
        first, last = low, high
    else:
        first, last = (_number(part) for part in (body.partition("-")[0], body.rpartition("-")[2]))
        if slash and "-" not in body:
            last = high
    size = high - low + 1
    distance = (value - first) % size
    return distance <= (last - first) % size and distance % int(step or 1) == 0


def _day_holds(item: str, day: date) -> bool:
    if item[0] != "L" and item[-1] != "W":
        return _item_holds(item, day.day, 1, 31)
    length = monthrange(day.year, day.month)[1]
    plain = item.rstrip("W")
    target = length - int(plain[2:] or 0) if item[0] == "L" else int(plain)
    if not 1 <= target <= length:
        return False
    return day.day == (_nearest(day, target, length) if item[-1] == "W" else target)


def _nearest(day: date, target: int, length: int) -> int:
    working = [each for each in range(1, length + 1) if day.replace(day=each).isoweekday() <= 5]
    return min(working, key=lambda each: abs(each - target))


def _weekday_holds(item: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    if item == "L":
        return number == 7
    if item[-1] == "L":
        return number == _number(item[:-1]) and (day + timedelta(days=7)).month != day.month
    if "#" in item:
        weekday, _, nth = item.partition("#")
        return number == _number(weekday) and len(range(day.day, 0, -7)) == int(nth)
    return _item_holds(item, number, 1, 7)


def _number(text: str) -> int:
    return NAMES[text] if text in NAMES else int(text)


def wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _until(after: datetime, until: datetime, step: timedelta = SECOND) -> Iterator[datetime]:
    """Local times after `after` up to and with `until`; with whole minutes, from `after` and without it."""
    if step == SECOND:
        after += step
    while after < until or (step == SECOND and after == until):
        yield after
        after += step


def times(random: Random) -> str:
    """Random second, minute and hour fields."""
    second = random.choice(["0", "0", "30", "15,45", "0/25", "*/20", "50-10/10", "59", _some(random, 0, 59)])
    minute = random.choice(["0", "30", "15,45", "*", "0/15", "*/7", "58-3", "5-20/5", "/30", _some(random, 0, 59)])
    hour = random.choice(["*", "0", "2", "1-4", "23", "*/2", "0/3", "22-2", "23-4/2", _some(random, 0, 23)])
    return f"{second} {minute} {hour}"


def days(random: Random) -> str:
    """Random fields from day-of-month on, with and without a year."""
    month = random.choice(["*", "*", "*", "*/2", "NOV-FEB", "mar-oct", "1/3", "2", _some(random, 1, 12)])
    day, weekday = "?", "?"
    if random.random() < 0.5:
        forms = ["*", "L", "LW", "L-3", "L-3W", "1W", "15W", "31W", "30W,1", "1/5", "*/2", "28-3", "1-15", "L,10"]
        day = random.choice([*forms, _some(random, 1, 31), f"{random.randint(1, 31)}W", f"L-{random.randint(0, 30)}"])
    else:
        forms = [
            "*",
            "L",
            "7L",
            "SATL",
            "MON#1",
            "6#3",
            "1#5",
            "MON-FRI",
            "FRI-MON",
            "6-2",
            "SUN",
            "2/2",
            "*/3",
            "2-6/2",
        ]
        weekday = random.choice([*forms, _some(random, 1, 7), f"{random.randint(1, 7)}#{random.randint(1, 5)}"])
    year = random.choice(["", "", "", " *", " 1970-2099", " 2000/1", " */2", " 2026-2028,2031"])
    return f"{day} {month} {weekday}{year}"


def _some(random: Random, low: int, high: int) -> str:
    return ",".join(str(random.randint(low, high)) for _ in range(random.randint(1, 3)))
