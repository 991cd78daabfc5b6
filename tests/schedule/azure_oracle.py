"""What an Azure recurrence should do, found the slow way: each minute or day is asked what the documents say of it."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from jobctl.schedule import Schedule, build, own_terms
from jobctl.schedule.azure import read

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LENGTHS = {"minute": MINUTE, "hour": 60 * MINUTE, "day": DAY, "week": 7 * DAY, "month": 30 * DAY}
LIMITS = {"minute": 1000, "hour": 1000, "day": 548, "week": 78, "month": 18}


def azure(document: dict[str, Any], now: datetime, zone: str | None = None) -> Schedule:
    """The schedule of a document given at `now`, as the command line makes it."""
    spec = read(json.dumps(document))
    own = own_terms(spec, zone)
    return build(spec, time_zone=zone or own.time_zone or "", start=own.start, end=own.end, anchor=now)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def recurring(start: str | None, frequency: str, interval: int = 1, **schedule: Any) -> dict[str, Any]:
    recurrence = {"frequency": frequency, "interval": interval, **({"schedule": schedule} if schedule else {})}
    return {"startTime": start, "recurrence": recurrence} if start else {"recurrence": recurrence}


def runs(document: dict[str, Any], number: int, now: datetime) -> list[str]:
    """The first so many runs of a document given at `now`."""
    schedule = azure(document, now)
    found: list[str] = []
    instant = schedule.first(now)
    while instant is not None and len(found) < number:
        found.append(f"{instant:%Y-%m-%d %H:%M:%S}".removesuffix(":00"))
        instant = schedule.next_after(instant)
    return found


class Literal:
    """A document with a recurrence, read sentence by sentence."""

    def __init__(self, document: dict[str, Any], now: datetime, zone: str = "UTC") -> None:
        recurrence = document["recurrence"]
        self.zone = ZoneInfo(zone)
        self.frequency: str = recurrence["frequency"]
        self.interval: int = recurrence.get("interval", 1)
        self.schedule = recurrence.get("schedule", {})
        self.has_start = "startTime" in document
        start = datetime.fromisoformat(document["startTime"]) if self.has_start else now
        self.anchor = start.replace(tzinfo=start.tzinfo or UTC).astimezone(UTC)
        self.local = self.reading(self.anchor)
        end = datetime.fromisoformat(recurrence["endTime"]) if "endTime" in recurrence else datetime.max
        self.end = end.replace(tzinfo=end.tzinfo or UTC)

    def between(self, low: datetime, high: datetime) -> list[datetime]:
        """Its instants with low < x <= high."""
        if not self.schedule:
            found = set(self._repeated(low, high)) | {self.anchor}
        elif self.frequency in ("minute", "hour"):
            found = set(self._minute_by_minute(low, high))
        else:
            found = set(self._day_by_day(low, high))
        if not self.has_start:
            found.add(self.anchor)
        return sorted(each for each in found if low < each <= high and self.anchor <= each <= self.end)

    def reading(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def _repeated(self, low: datetime, high: datetime) -> Iterator[datetime]:
        length = LENGTHS[self.frequency] * self.interval
        number = max(0, (low - self.anchor) // length - 3)
        instant = self.anchor
        while instant <= high:
            if self.frequency in ("minute", "hour"):
                instant = self.anchor + number * length
            elif self.frequency == "month":
                months = self.local.year * 12 + self.local.month - 1 + number * self.interval
                year, month = months // 12, months % 12 + 1
                day = min(self.local.day, monthrange(year, month)[1])
                instant = self.first_reading(self.local.replace(year=year, month=month, day=day))
            else:
                instant = self.first_reading(self.local + number * length)
            yield instant
            number += 1

    def _minute_by_minute(self, low: datetime, high: datetime) -> Iterator[datetime]:
        unit = LENGTHS[self.frequency] // MINUTE
        origin = self.local.replace(
            second=0, minute=0 if self.frequency == "hour" else self.local.minute, microsecond=0
        )
        first = self.anchor - (self.local - origin)
        start = max(-1, (low - first) // MINUTE - 1)
        for passed in range(start, (high - first) // MINUTE + 1):
            if passed // unit % self.interval == 0:
                instant = first + passed * MINUTE
                if self._at(self.reading(instant)):
                    yield instant + self._second() * SECOND

    def _day_by_day(self, low: datetime, high: datetime) -> Iterator[datetime]:
        minutes = [datetime.min + number * MINUTE for number in range(1440)]
        chosen = [each - datetime.min + self._second() * SECOND for each in minutes if self._at(each)]
        keeps_pace = len({length // (60 * MINUTE) for length in chosen}) == 24
        day = low.date() - 2 * DAY
        while day <= high.date() + 2 * DAY:
            if self._active(day) and self._on(day):
                for length in chosen:
                    wall = datetime.combine(day, datetime.min.time()) + length
                    yield from self.all_readings(wall) if keeps_pace else [self.first_reading(wall)]
            day += DAY

    def _second(self) -> int:
        return self.local.second if self.has_start else 0

    def _at(self, wall: datetime) -> bool:
        """Whether the schedule has this minute of the day."""
        hours: list[int] = _list(self.schedule.get("hours"))
        minutes: list[int] = _list(self.schedule.get("minutes"))
        if self.frequency == "minute":
            return (not hours or wall.hour in hours) and (not minutes or wall.minute in minutes)
        if self.frequency == "hour" or minutes:
            return (not hours or wall.hour in hours) and wall.minute in (minutes or [self.local.minute])
        return wall.hour in (hours or [self.local.hour]) and wall.minute == self.local.minute

    def _active(self, day: date) -> bool:
        first = self.local.date()
        if self.frequency == "month":
            return ((day.year - first.year) * 12 + day.month - first.month) % self.interval == 0
        if self.frequency == "week":
            return (_monday(day) - _monday(first)).days // 7 % self.interval == 0
        return (day - first).days % self.interval == 0

    def _on(self, day: date) -> bool:
        if self.frequency == "day":
            return True
        if self.frequency == "week":
            names = [each.lower() for each in _list(self.schedule.get("weekDays"))]
            return NAMES[day.weekday()] in names if names else day.weekday() == self.local.weekday()
        length = monthrange(day.year, day.month)[1]
        numbers, entries = _list(self.schedule.get("monthDays")), self.schedule.get("monthlyOccurrences")
        if not numbers and not entries:
            return day.day == min(self.local.day, length)
        by_number = not numbers or day.day in numbers or day.day - length - 1 in numbers
        return by_number and (not entries or any(_falls_on(day, length, entry) for entry in entries))

    def all_readings(self, wall: datetime) -> list[datetime]:
        """Every instant at which the local clock reads it."""
        guesses = {wall.replace(tzinfo=UTC) - self._offset(wall + days * DAY) for days in (-1, 1)}
        return sorted(each for each in guesses if self.reading(each) == wall)

    def first_reading(self, wall: datetime) -> datetime:
        """The first instant at which the local clock reads it, or where it never does, a later time."""
        if found := self.all_readings(wall):
            return found[0]
        low, high = (wall.replace(tzinfo=UTC) + days * DAY for days in (-2, 2))
        while high - low > SECOND:
            middle = low + (high - low) // SECOND // 2 * SECOND
            low, high = (low, middle) if self.reading(middle) >= wall else (middle, high)
        return high.replace(microsecond=0)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.replace(tzinfo=UTC).astimezone(self.zone).utcoffset() or timedelta(0)


def _falls_on(day: date, length: int, entry: dict[str, Any]) -> bool:
    if NAMES[day.weekday()] != entry["day"].lower():
        return False
    before = len(range(day.day - 7, 0, -7))
    after = len(range(day.day + 7, length + 1, 7))
    return entry.get("occurrence", before + 1) in (before + 1, -after - 1)


def _monday(day: date) -> date:
    while day.weekday():
        day -= DAY
    return day


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def document(random: Random) -> dict[str, Any]:
    """A random document with a recurrence."""
    frequency = random.choice(list(LIMITS))
    interval = random.choice([1, 1, 2, 3, 5, 7, 12, random.randint(1, LIMITS[frequency]), LIMITS[frequency]])
    recurrence: dict[str, Any] = {"frequency": frequency, "interval": min(interval, LIMITS[frequency])}
    schedule: dict[str, Any] = {}
    if random.random() < 0.5:
        schedule["minutes"] = _some(random, range(60))
    if random.random() < 0.5:
        schedule["hours"] = random.choice([_some(random, range(24)), list(range(24)), [8, 9, 10, 11, 12, 2, 1]])
    if frequency == "week" and random.random() < 0.7:
        schedule["weekDays"] = [random.choice([name, name.title()]) for name in _some(random, NAMES)]
    if frequency == "month" and random.random() < 0.5:
        schedule["monthDays"] = _some(random, [1, 2, 13, 28, 29, 30, 31, -1, -2, -28, -29, -30, -31, *range(1, 32)])
    if frequency == "month" and random.random() < 0.5:
        numbers = [1, 2, 3, 4, 5, -1, -2, -3, -4, -5]
        schedule["monthlyOccurrences"] = [
            {"day": name, **({"occurrence": random.choice(numbers)} if random.random() < 0.8 else {})}
            for name in _some(random, NAMES)
        ]
    if schedule or random.random() < 0.5:
        recurrence["schedule"] = schedule
    found: dict[str, Any] = {"recurrence": recurrence}
    if random.random() < 0.75:
        start = moment(random, 1975, 2026)
        shown = random.choice([start.isoformat(), f"{start:%Y-%m-%dT%H:%MZ}", f"{start:%Y-%m-%dT%H:%M:%S-08:00}"])
        found["startTime"] = random.choice([shown, f"{start:%Y-%m-}{random.choice(['28', '01'])}"])
    return found


def moment(random: Random, first_year: int, last_year: int) -> datetime:
    """A random second; the last days of a month are frequent."""
    year, month = random.randint(first_year, last_year), random.randint(1, 12)
    day = random.choice([random.randint(1, 28), monthrange(year, month)[1], min(29, monthrange(year, month)[1])])
    return datetime(year, month, day, tzinfo=UTC) + random.randrange(86_400) * SECOND


def _some(random: Random, values: Any) -> list[Any]:
    return [random.choice(values) for _ in range(random.choice([1, 1, 2, 3, 5]))]
