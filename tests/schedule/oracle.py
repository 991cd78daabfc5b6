"""What cron should do, found the slow way: cronsim reads the fields, a scan of every minute finds the instants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random

from cronsim import CronSim, CronSimError

from jobctl.schedule import Schedule, build

MINUTE = timedelta(minutes=1)


def cron(expression: str, zone: str, anchor: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> Schedule:
    spec = {"notation": "cron", "expression": expression}
    return build(spec, time_zone=zone, start=None, end=None, anchor=anchor)


def walk(schedule: Schedule, low: datetime, high: datetime) -> list[datetime]:
    """Occurrences with low < x <= high, one by one."""
    found = []
    instant = schedule.next_after(low)
    while instant is not None and instant <= high:
        found.append(instant)
        instant = schedule.next_after(instant)
    return found


def walk_back(schedule: Schedule, low: datetime, high: datetime) -> list[datetime]:
    """Occurrences with low <= x < high, one by one from the last, in order."""
    found = []
    instant = schedule.last_before(high)
    while instant is not None and instant >= low:
        found.append(instant)
        instant = schedule.last_before(instant)
    return found[::-1]


def scan(expression: str, zone: tzinfo, low: datetime, high: datetime) -> list[datetime]:
    """Occurrences with low < x <= high by Debian cron's rule, minute by minute."""
    fields = CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    keeps_pace = fields.parts[1].startswith("*") or fields.parts[2].startswith("*")

    def matches(wall: datetime) -> bool:
        in_day = wall.minute in fields.minutes and wall.hour in fields.hours
        return in_day and wall.month in fields.months and fields.match_day(wall.date())

    found = []
    instant = low - timedelta(days=2)
    furthest = _wall(instant, zone)
    while instant < high:
        instant += MINUTE
        wall = _wall(instant, zone)
        due = matches(wall) if keeps_pace else any(matches(each) for each in _minutes(furthest, wall))
        furthest = max(furthest, wall)
        if due and instant > low:
            found.append(instant)
    return found


def by_cronsim(expression: str, zone: tzinfo, low: datetime, high: datetime) -> list[datetime]:
    """What cronsim makes of it; it names an instant once for every missing time."""
    found: list[datetime] = []
    for local in CronSim(expression, low.astimezone(zone)):
        instant = local.astimezone(UTC)
        if instant > high:
            return found
        if instant > low and instant not in found[-1:]:
            found.append(instant)
    return found


def finds_anything(expression: str) -> bool:
    """Whether cronsim finds an occurrence within its fifty years."""
    try:
        return next(CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC)), None) is not None
    except CronSimError:
        return False


def expression(random: Random) -> str:
    """A random expression that both cronsim and Unix cron read alike."""
    minute = random.choice(["0", "30", "15,45", "5-20/5", "*", "*/7", "*/15", "*/30", "59", _some(random, 0, 59)])
    hour = random.choice(["*", "*/2", "2", "1-4", "0", "23", "2,3", "1/2", "*/5", _some(random, 0, 23)])
    day = random.choice(["*", "*", "*", "*/2", "L", "1-15", "L,28", _some(random, 1, 31)])
    month = random.choice(["*", "*", "*", "*/2", "mar-nov", "1/3", _some(random, 1, 12)])
    weekday = random.choice(["*", "*", "*", "sun", "1-5", "*/2", "5L", "sun#1,sun#4", "sun#2,3", "1/2", "7"])
    return f"{minute} {hour} {day} {month} {weekday}"


def _some(random: Random, low: int, high: int) -> str:
    return ",".join(str(random.randint(low, high)) for _ in range(random.randint(1, 3)))


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _minutes(after: datetime, until: datetime) -> Iterator[datetime]:
    while after < until:
        after += MINUTE
        yield after
