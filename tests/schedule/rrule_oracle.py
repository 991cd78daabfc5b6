"""What a recurrence rule should do, found the slow way.

Local times of days and longer come from dateutil, walked from the start without any zone; a search through the zone's
own readings makes instants of them. Hours and shorter are looked for second by second.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import product, takewhile
from random import Random

from dateutil.rrule import rrulestr

from jobctl.schedule import Schedule, build, own_terms

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
UNITS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600}
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

ZONES = (
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Madrid",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
)


def rrule(rule: str, zone: str, start: datetime) -> Schedule:
    """The schedule as the command line plans it: the rule's own end becomes the plan's."""
    spec = {"notation": "rrule", "rule": rule}
    return build(spec, time_zone=zone, start=start, end=own_terms(spec, zone).end, anchor=start)


def parts_of(rule: str) -> dict[str, str]:
    return dict(part.split("=") for part in rule.upper().strip(";").split(";"))


def numbers(parts: dict[str, str], name: str, otherwise: list[int]) -> list[int]:
    return sorted({int(each) for each in parts[name].split(",")}) if name in parts else otherwise


# Days and longer ---------------------------------------------------------------------------------------------------


def by_dateutil(rule: str, start: datetime, until: datetime) -> list[datetime]:
    """Local times from the local `start` on, up to `until`."""
    return list(takewhile(lambda wall: wall <= until, _walked(rule, start)))


def comes(rule: str, start: datetime) -> bool:
    """Whether dateutil ever finds anything. It looks up to the year 9999, so the start moves there: all comes again."""
    cycle = 400 * int(parts_of(rule).get("INTERVAL", "1"))
    late = start.replace(year=start.year + ((9999 - start.year) // cycle - 1) * cycle)
    return next(_walked(rule, late), None) is not None


def _walked(rule: str, start: datetime) -> Iterator[datetime]:
    parts = parts_of(rule)
    assert not {"COUNT", "UNTIL"} & set(parts)
    if "BYDAY" in parts:
        # dateutil intersects what the RFC unites: WE,3TU.
        plain = [each for each in parts["BYDAY"].split(",") if len(each) == 2]
        if 0 < len(plain) < len(parts["BYDAY"].split(",")):
            most = 6 if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else 54
            each = [item for item in parts["BYDAY"].split(",") if item not in plain]
            parts["BYDAY"] = ",".join([*each, *(f"{number}{day}" for day in plain for number in range(1, most))])
    elif "BYWEEKNO" in parts and not {"BYMONTHDAY", "BYYEARDAY"} & set(parts):
        # The RFC takes what is missing from the start; dateutil takes all seven days.
        parts["BYDAY"] = WEEKDAYS[start.weekday()]
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    return iter(rrulestr(text, dtstart=start))


def first_reading(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the local clock reads `wall`, else the first at which it reads a later time."""
    guess = wall.replace(tzinfo=UTC)
    near = [guess + hours * timedelta(hours=1) for hours in range(-36, 37, 12)]
    offsets = {each.astimezone(zone).utcoffset() or timedelta(0) for each in near}
    exact = [guess - offset for offset in offsets if reading(guess - offset, zone) == wall]
    if exact:
        return min(exact)
    low, high = near[0], near[-1]
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        low, high = (low, middle) if reading(middle, zone) >= wall else (middle, high)
    return high


def reading(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def on_the_clock(walls: list[datetime], zone: tzinfo) -> list[datetime]:
    """Instants of local times, each instant once."""
    return sorted({first_reading(wall, zone) for wall in walls})


def day_rule(random: Random) -> str:
    """A random rule of days, weeks, months or years with BY parts that RFC 5545 allows."""
    frequency = random.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = {"FREQ": frequency}
    if random.random() < 0.6:
        parts["INTERVAL"] = str(random.choice([1, 2, 2, 3, 4, 5, 7, 12]))
    if random.random() < 0.3:
        parts["BYMONTH"] = _some(random, range(1, 13), 4)
    if frequency != "WEEKLY" and random.random() < 0.35:
        parts["BYMONTHDAY"] = _some(random, [*range(1, 32), *range(-31, 0)], 5)
    if frequency == "YEARLY" and random.random() < 0.2:
        parts["BYYEARDAY"] = _some(random, [*range(1, 367), *range(-366, 0)], 40)
    if frequency == "YEARLY" and random.random() < 0.25:
        # dateutil misses the days of January that belong to week 52 or 53 in some years, and those of December in -52.
        parts["BYWEEKNO"] = _some(random, [*range(1, 52), *range(-51, 0)], 4)
    if random.random() < 0.45:
        parts["BYDAY"] = ",".join(_weekday(random, parts) for _ in range(random.randint(1, 4)))
    parts |= _clock(random)
    if len(set(parts) - {"FREQ", "INTERVAL"}) == 0:
        parts["BYHOUR"] = "2"
    if random.random() < 0.25:
        parts["BYSETPOS"] = _some(random, [1, 2, 3, 4, 7, 30, 300, -1, -2, -3, -5, -60], 3)
    if random.random() < 0.3:
        parts["WKST"] = random.choice(WEEKDAYS)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _weekday(random: Random, parts: dict[str, str]) -> str:
    weekday = random.choice(WEEKDAYS)
    if parts["FREQ"] in ("DAILY", "WEEKLY") or "BYWEEKNO" in parts or random.random() < 0.5:
        return weekday
    most = 5 if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else 53
    return f"{random.choice([-1, 1]) * random.randint(1, most)}{weekday}"


def _clock(random: Random) -> dict[str, str]:
    parts = {}
    if random.random() < 0.6:
        parts["BYHOUR"] = _some(random, [0, 0, 1, 1, 2, 2, 3, 4, 23], 4)
    if random.random() < 0.4:
        parts["BYMINUTE"] = _some(random, [0, 15, 30, 45, 59], 3)
    if random.random() < 0.15:
        parts["BYSECOND"] = _some(random, [0, 30, 59], 2)
    return parts


def _some(random: Random, values: range | list[int], most: int) -> str:
    return ",".join(str(random.choice(values)) for _ in range(random.randint(1, most)))


# Hours and shorter -------------------------------------------------------------------------------------------------


def scan(rule: str, zone: tzinfo, start: datetime, low: datetime, high: datetime) -> list[datetime]:
    """Instants with low <= x < high, whole minutes and later than the start, by trying each second that could be."""
    parts = parts_of(rule)
    unit, interval = UNITS[parts["FREQ"]], int(parts.get("INTERVAL", "1"))
    local = reading(start, zone)
    begin = start - (local - local.replace(hour=0, minute=0, second=0)) % timedelta(seconds=unit)
    seconds = numbers(parts, "BYSECOND", list(range(60)) if unit == 1 else [local.second])
    minutes = numbers(parts, "BYMINUTE", [local.minute] if unit == 3600 else list(range(60)))
    found = []
    for instant in (minute + second * SECOND for minute in _minutes(low, high) for second in seconds):
        wall = reading(instant, zone)
        elapsed = (instant - begin) // timedelta(seconds=unit)
        if instant < start or elapsed % interval or wall.minute not in minutes:
            continue
        if "BYSETPOS" in parts and not _at_position(parts, unit, wall, minutes, seconds):
            continue
        if wall.hour in numbers(parts, "BYHOUR", list(range(24))) and _day_passes(parts, wall):
            found.append(instant)
    return found


def _minutes(low: datetime, high: datetime) -> Iterator[datetime]:
    while low < high:
        yield low
        low += timedelta(minutes=1)


def _at_position(parts: dict[str, str], unit: int, wall: datetime, minutes: list[int], seconds: list[int]) -> bool:
    """Whether a local time is one of those BYSETPOS chooses in its hour, minute or second."""
    choices = list(product(minutes if unit == 3600 else [wall.minute], seconds if unit > 1 else [wall.second]))
    place = choices.index((wall.minute, wall.second))
    return any(each in (place + 1, place - len(choices)) for each in numbers(parts, "BYSETPOS", []))


def _day_passes(parts: dict[str, str], wall: datetime) -> bool:
    day, length = wall.day, monthrange(wall.year, wall.month)[1]
    number = int(wall.strftime("%j"))
    size = int(wall.replace(month=12, day=31).strftime("%j"))
    return (
        wall.month in numbers(parts, "BYMONTH", [wall.month])
        and bool({day, day - length - 1} & set(numbers(parts, "BYMONTHDAY", [day])))
        and bool({number, number - size - 1} & set(numbers(parts, "BYYEARDAY", [number])))
        and WEEKDAYS[wall.weekday()] in parts.get("BYDAY", ",".join(WEEKDAYS)).split(",")
    )


def pace_rule(random: Random) -> str:
    """A random rule of hours, minutes or seconds with BY parts, dense enough to occur within days."""
    frequency = random.choice(["HOURLY", "HOURLY", "MINUTELY", "MINUTELY", "SECONDLY"])
    parts = {"FREQ": frequency}
    parts["INTERVAL"] = str(
        random.choice([1, 1, 2, 3, 5, 7, 11, 25, 90, 1000] if frequency != "HOURLY" else range(1, 9))
    )
    if random.random() < 0.6:
        parts["BYHOUR"] = _some(random, range(24), 12) + ",1,2"
    if random.random() < 0.5 or frequency == "SECONDLY":
        parts["BYMINUTE"] = _some(random, range(60), 6) + ",0,30"
    if random.random() < 0.3 or frequency == "SECONDLY":
        parts["BYSECOND"] = _some(random, range(60), 3)
    if random.random() < 0.4:
        parts["BYDAY"] = ",".join(random.sample(WEEKDAYS, random.randint(3, 6)))
    if random.random() < 0.15:
        parts["BYMONTHDAY"] = _some(random, [*range(1, 32), *range(-31, 0)], 30)
    if random.random() < 0.1:
        parts["BYYEARDAY"] = ",".join(str(number) for number in [*range(60, 130), *range(-130, -40)])
    if random.random() < 0.15:
        parts["BYMONTH"] = _some(random, range(1, 13), 12)
    if random.random() < 0.2 and len(parts) > 2:
        parts["BYSETPOS"] = random.choice(["1", "-1", "2", "1,-1"])
    if len(parts) == 2:
        parts["BYHOUR"] = "0,1,2,3,4"
    return ";".join(f"{name}={value}" for name, value in parts.items())
