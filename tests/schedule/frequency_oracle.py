"""What a frequency should do, found the slow way: every local day is asked, every local time searched for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NTH = ("first", "second", "third", "fourth", "fifth", "last")
ZONES = (
    "UTC",
    "Europe/Madrid",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Goose_Bay",
)
PACES = {"7m": 420, "30m": 1800, "90m": 5400, "5h": 18_000, "23h": 82_800, "24h": 86_400}


@dataclass(frozen=True)
class Case:
    """A frequency and the stretch of time in which it is looked at, both ends included."""

    zone: str
    start: datetime
    low: datetime
    high: datetime
    number: int
    unit: str
    on: tuple[str, ...] | None
    at: tuple[str, ...] | None

    @property
    def spec(self) -> dict[str, object]:
        every = self.unit if self.unit in PACES else f"{self.number} {self.unit}s"
        spec: dict[str, object] = {"notation": "frequency", "every": every}
        for name, items in (("on", self.on), ("at", self.at)):
            if items is not None:
                spec[name] = ",".join(items)
        return spec


def expected(case: Case) -> list[datetime]:
    """The occurrences of a case."""
    zone = ZoneInfo(case.zone)
    found = set(_paced(case, zone) if case.unit in PACES else _fixed(case, zone))
    return sorted(each for each in found if max(case.start, case.low) <= each <= case.high)


def random_case(random: Random, zone: str) -> Case:
    """A frequency that occurs, looked at from its start or from years later, preferably where the clock changes."""
    unit = random.choice(["day", "week", "month", "day", "week", "month", "year", *PACES])
    number = random.choice([1, 1, 1, 2, 3, 4, 5, 9, 12])
    length = {"day": 2, "week": 10, "month": 90, "year": 800}.get(unit, 3) * number
    seen = _near_a_change(random, ZoneInfo(zone)) - timedelta(days=random.uniform(0, length))
    start = seen = max(seen, EARLIEST)
    if random.random() < 0.5:
        start -= timedelta(seconds=random.randrange(86_400), days=random.randrange(0, 60 if unit in PACES else 9000))
        start = max(start, EARLIEST)
    on = _on(random, unit, start.astimezone(ZoneInfo(zone)).date(), number)
    at = _at(random)
    if unit in PACES:
        at = None
    elif on is None:
        at = at or ("02:30",)
    low = max(start, seen)
    return Case(zone, start, low, low + timedelta(days=2 * length + 10), number, unit, on, at)


def _fixed(case: Case, zone: ZoneInfo) -> Iterator[datetime]:
    begun = case.start.astimezone(zone)
    day = case.low.astimezone(zone).date() - 2 * DAY
    times = [begun.time()] if case.at is None else [time.fromisoformat(each) for each in case.at]
    while day <= case.high.astimezone(zone).date() + DAY:
        if _counted(case, day, begun.date()) and _chosen(case, day, begun.date()):
            for each in times:
                yield _first_reading(datetime.combine(day, each), zone)
            if case.at is None and day == begun.date():
                yield case.start
        day += DAY


def _paced(case: Case, zone: ZoneInfo) -> Iterator[datetime]:
    pace = timedelta(seconds=PACES[case.unit])
    instant = case.start
    if case.low > instant:
        instant += (case.low - instant) // pace * pace
    while instant <= case.high:
        if _chosen(case, instant.astimezone(zone).date(), date.min):
            yield instant
        instant += pace


def _counted(case: Case, day: date, start: date) -> bool:
    """Whether the day lies in one of the counted days, weeks, months or years."""
    if case.unit == "day":
        passed = (day - start).days
    elif case.unit == "week":
        passed = (_monday(day) - _monday(start)).days // 7
    elif case.unit == "month":
        passed = (day.year - start.year) * 12 + day.month - start.month
    else:
        passed = day.year - start.year
    return passed % case.number == 0


def _chosen(case: Case, day: date, start: date) -> bool:
    if case.on is not None:
        return any(_named(item, day) for item in case.on)
    if case.unit == "week":
        return day.weekday() == start.weekday()
    if case.unit == "year" and day.month != start.month:
        return False
    shortened = start.day > day.day and (day + DAY).month != day.month
    return case.unit == "day" or day.day == start.day or shortened


def _named(item: str, day: date) -> bool:
    """Whether an item of `on` names the day."""
    if item in WEEK:
        return f"{day:%a}".lower() == item
    if item == "weekdays":
        return day.isoweekday() < 6
    if item == "weekends":
        return day.isoweekday() > 5
    if item.removeprefix("-").isdigit():
        left = (_next_month(day) - day).days
        return int(item) in (day.day, -left)
    nth, _, weekday = item.partition("-")
    if not _named(weekday, day):
        return False
    alike = [each for each in _days_of_month(day) if each.weekday() == day.weekday()]
    return alike[-1] == day if nth == "last" else alike.index(day) == NTH.index(nth)


def _first_reading(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock reads `wall` or later, found by halving the time in which it comes."""

    def reads(second: int) -> datetime:
        return (base + timedelta(seconds=second)).astimezone(zone).replace(tzinfo=None)

    base = wall.replace(tzinfo=UTC, microsecond=0) - wall.replace(tzinfo=zone, fold=0, microsecond=0).utcoffset()  # type: ignore[operator]
    if reads(0) == wall.replace(microsecond=0):
        return base + timedelta(microseconds=wall.microsecond)
    low, high = -26 * 3600, 0  # read before the gap, and after it
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reads(middle) < wall else (low, middle)
    return base + timedelta(seconds=high)


def _near_a_change(random: Random, zone: ZoneInfo) -> datetime:
    """An instant of some day at whose end the clock is another one than at its begin, if there is one in that year."""
    year = 2011 if zone.key == "Pacific/Apia" and random.random() < 0.3 else random.randrange(1973, 2036)
    first = datetime(year, 1, 1, tzinfo=UTC)
    days = [first + number * DAY for number in range(365)]
    offsets = [each.astimezone(zone).utcoffset() for each in [*days, days[-1] + DAY]]
    changed = [day for number, day in enumerate(days) if offsets[number] != offsets[number + 1]]
    return random.choice(changed or days) + timedelta(microseconds=random.randrange(86_400_000_000))


def _on(random: Random, unit: str, start: date, number: int) -> tuple[str, ...] | None:
    kind = random.choice(["week", "month"]) if unit in PACES else {"day": "week", "year": None}.get(unit, unit)
    if kind is None or (unit not in PACES and random.random() < 0.3):
        return None
    if kind == "week":
        items = random.choice([["weekdays"], ["weekends"], random.sample(WEEK, random.randint(1, 3))])
        days = [start + step * number * DAY for step in range(7)]
        if unit == "day" and not any(_named(item, day) for item in items for day in days):
            items = [*items, WEEK[start.weekday()]]
        return tuple(items)
    choices = [
        *("1", "15", "28", "-1", "-2", "-28", "-31"),
        f"{random.choice(NTH)}-{random.choice(WEEK)}",
        f"last-{WEEK[0]}",
    ]
    return (
        *random.sample(choices, random.randint(1, 3)),
        random.choice(["29", "30", "31", "1", "-30", "fifth-sun"]),
        "7",
    )


def _at(random: Random) -> tuple[str, ...] | None:
    if random.random() < 0.35:
        return None
    usual = ["00:00", "00:01", "01:45", "02:00", "02:15", "02:30", "03:00", "12:00", "23:00", "23:30", "23:59:59"]
    return tuple(random.sample(usual, random.randint(1, 4)))


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=1)


def _days_of_month(day: date) -> list[date]:
    first = day.replace(day=1)
    return [first + number * DAY for number in range((_next_month(day) - first).days)]
