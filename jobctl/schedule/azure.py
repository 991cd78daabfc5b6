"""Azure Scheduler's recurrences: `{"notation": "azure", "startTime": …, "recurrence": {"frequency": "day", …}}`.

The anchor A is startTime, else the moment of scheduling, at which such a plan runs once whatever its schedule says.

* Without a schedule A is repeated; the last day of a shorter month stands for A's day.
* With one, the interval counts whole units from the one A lies in: minutes and hours that really pass, days, weeks
  from Monday and months of the calendar. The schedule chooses within them, and nothing occurs before A. A time of day
  is every hour with every minute; an hour left out is A's, but every hour where minutes are given; a minute left out
  is A's. monthDays and monthlyOccurrences must both hold. Seconds are those of startTime, else 0.

Read in UTC unless another zone is asked for. Frequencies of minutes and hours, and schedules with all 24 hours, keep
their real pace; other times of day are fixed ones.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import gcd
from typing import TYPE_CHECKING, Any

from jobctl.errors import BadInput
from jobctl.schedule import once
from jobctl.schedule.azure_document import Document, Recurrence, Slots, check, parse
from jobctl.schedule.azure_words import described, month_days
from jobctl.schedule.daylight import LATEST, TICK, FixedTimes, RealPace, Rule, changes, last_change, offset_at
from jobctl.schedule.every import FIXED, Anchored, Interval, Numbered, RealPaceFrom
from jobctl.schedule.recurring import OwnTerms, Recurring, Terms
from jobctl.schedule.wall import LAST_YEAR, Grid
from jobctl.schedule.words import MONTHS, amount, clock, listed

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NOT_AZURES = ("notation", "skip")
"""Keys that jobctl adds to the document."""

SECOND = timedelta(seconds=1)
DAY = 86_400
FIRST_WALL = datetime(1968, 1, 1)
LAST_WALL = LATEST.replace(tzinfo=None)
HORIZON = timedelta(days=50 * 366)
"""How far a chosen hour is looked for: a zone's changes can keep it from every one that counts, for centuries."""
CALENDAR = 400 * 12
"""Months after which the Gregorian calendar begins again, weekdays included."""


def read(text: str) -> dict[str, Any]:
    """The spec of a document in JSON: the whole of it, or its recurrence alone. Raises BadInput."""
    return {"notation": "azure", **parse(text)}


def own_terms(spec: Mapping[str, object], time_zone: str | None) -> OwnTerms:
    """Start, end and count of the document. It is read in UTC, and what repeats makes up for nothing missed."""
    document = _document(spec)
    start = None if document.start is None else _whole_seconds(document.start)
    if document.recurrence is None:
        return OwnTerms(start=start, time_zone="UTC")
    recurrence = document.recurrence
    return OwnTerms(start, recurrence.end, recurrence.count, time_zone="UTC", catch_up="none")


def build(spec: Mapping[str, object], terms: Terms) -> once.Once | Recurring:
    """The schedule of a spec; BadInput names the element that is wrong."""
    recurrence = _document(spec).recurrence
    if recurrence is None:
        at = max(terms.start or terms.anchor, terms.anchor)
        return once.build({"at": at.isoformat()}, terms)
    anchor = terms.anchor if terms.start is None else _whole_seconds(terms.start)
    local = anchor.replace(tzinfo=None) + offset_at(terms.zone, anchor)
    if recurrence.slots is None:
        words = described(recurrence, local, ())
        return Recurring.under(terms, _repeated(recurrence, anchor, local, terms.zone), words, anchor)
    hours, minutes = _hours_and_minutes(recurrence, recurrence.slots, local)
    second = 0 if terms.start is None else local.second
    times = tuple(hour * 3600 + minute * 60 + second for hour in hours for minute in minutes)
    words = described(recurrence, local, times)
    rule: Rule
    if recurrence.frequency in FIXED:
        rule = _in_passing_units(recurrence, anchor, local, times, terms)
    else:
        grid = Grid(_days(recurrence, recurrence.slots, local), times)
        rule = RealPace(grid, terms.zone) if len(hours) == 24 else FixedTimes(grid, terms.zone)
    if terms.start is None:
        rule = Anchored(anchor, rule)
        words = f"once when scheduled, then {words}"
    return Recurring.under(terms, rule, words, anchor)


def _document(spec: Mapping[str, object]) -> Document:
    return check({name: value for name, value in spec.items() if name not in NOT_AZURES})


def _whole_seconds(instant: datetime) -> datetime:
    """Rounded up, so that nothing comes before it."""
    return instant.replace(microsecond=0) + SECOND if instant.microsecond else instant


def _repeated(recurrence: Recurrence, anchor: datetime, local: datetime, zone: ZoneInfo) -> Rule:
    """The rule without a schedule."""
    interval = Interval(recurrence.interval, recurrence.frequency)
    if interval.pace is not None:
        return RealPaceFrom(anchor, interval.pace)
    return Anchored(anchor, FixedTimes(interval.wall(local), zone))


def _hours_and_minutes(recurrence: Recurrence, slots: Slots, local: datetime) -> tuple[list[int], list[int]]:
    """Hours and minutes, increasing, with the defaults for what the schedule leaves out."""
    every_hour = slots.minutes is not None or recurrence.frequency in FIXED
    hours = slots.hours or (range(24) if every_hour else [local.hour])
    minutes = slots.minutes or (range(60) if recurrence.frequency == "minute" else [local.minute])
    return sorted(set(hours)), sorted(set(minutes))


def _in_passing_units(
    recurrence: Recurrence, anchor: datetime, local: datetime, times: tuple[int, ...], terms: Terms
) -> ActiveUnits:
    unit = FIXED[recurrence.frequency]
    began = local.replace(second=0, microsecond=0, minute=0 if recurrence.frequency == "hour" else local.minute)
    rule = ActiveUnits(anchor - (local - began), unit, recurrence.interval, times, terms.zone)
    if rule.at_or_after(max(anchor, terms.anchor)) is None:
        paced = f"{amount(recurrence.interval, recurrence.frequency)} from {clock(_second_of_day(began))}"
        raise BadInput(f"nothing would ever run: {paced} never meets the schedule's hours and minutes")
    return rule


def _days(recurrence: Recurrence, slots: Slots, local: datetime) -> EveryDays | EveryMonths:
    if recurrence.frequency == "day":
        return EveryDays(local.toordinal(), recurrence.interval, (0,))
    if recurrence.frequency == "week":
        monday = local.toordinal() - local.weekday()
        return EveryDays(monday, recurrence.interval * 7, tuple(sorted(set(slots.weekdays or [local.weekday()]))))
    days = EveryMonths(
        local.year * 12 + local.month - 1,
        recurrence.interval,
        local.day,
        None if slots.month_days is None else frozenset(slots.month_days),
        None if slots.nth_weekdays is None else frozenset(slots.nth_weekdays),
    )
    if not days.ever():
        met = sorted({(local.month - 1 + turn * recurrence.interval) % 12 for turn in range(12)})
        months = "all months" if len(met) == 12 else listed(MONTHS[month] for month in met)
        raise BadInput(
            f"nothing would ever run: {amount(recurrence.interval, 'month')} from {MONTHS[local.month - 1]} "
            f"{local.year} meets {months}, but never {month_days(slots)}"
        )
    return days


def _second_of_day(wall: datetime) -> int:
    return wall.hour * 3600 + wall.minute * 60 + wall.second


@dataclass(frozen=True)
class EveryDays:
    """Days: those `offsets` days after the date `first`, and again every `length` days."""

    first: int
    """Proleptic Gregorian ordinal."""
    length: int
    offsets: tuple[int, ...]
    known: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Days by where in the turn a month begins, and its length."""

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        begins = (date(year, month, 1).toordinal() - self.first) % self.length
        last = monthrange(year, month)[1]
        if (begins, last) not in self.known:
            starts = ((offset - begins) % self.length + 1 for offset in self.offsets)
            self.known[begins, last] = tuple(
                sorted(day for start in starts for day in range(start, last + 1, self.length))
            )
        return self.known[begins, last]


@dataclass(frozen=True)
class EveryMonths:
    """Days of every `step`th month from the one numbered `first` (year * 12 + month - 1)."""

    first: int
    step: int
    own_day: int
    """Stands where neither numbers nor weekdays are given; the last day where a month is too short."""
    numbers: frozenset[int] | None
    """-1 is the last day."""
    nth_weekdays: frozenset[tuple[int, int | None]] | None
    """(weekday, which one of the month), as in Slots; they must hold together with `numbers`."""
    known: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Days by the weekday of the 1st and the length: there are no more than 28 different months."""

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        if (year * 12 + month - 1 - self.first) % self.step:
            return ()
        shape = monthrange(year, month)
        if shape not in self.known:
            self.known[shape] = tuple(day for day in range(1, shape[1] + 1) if self._matches(day, *shape))
        return self.known[shape]

    def ever(self) -> bool:
        """Whether there is any such day."""
        months = range(self.first, min(self.first + CALENDAR, (LAST_YEAR + 1) * 12), self.step)
        return any(self.in_month(month // 12, month % 12 + 1) for month in months)

    def _matches(self, day: int, first_weekday: int, length: int) -> bool:
        if self.numbers is None and self.nth_weekdays is None:
            return day == min(self.own_day, length)
        weekday = (first_weekday + day - 1) % 7
        names = {(weekday, None), (weekday, (day + 6) // 7), (weekday, -((length - day) // 7 + 1))}
        by_number = self.numbers is None or bool(self.numbers & {day, day - length - 1})
        return by_number and (self.nth_weekdays is None or bool(self.nth_weekdays & names))


@dataclass(frozen=True, slots=True)
class TimeCycle(Numbered):
    """A Wall: the same times again every so many days."""

    days: int
    offsets: tuple[int, ...]
    """Seconds since FIRST_WALL, increasing, less than `days`; none at all is possible."""

    def member(self, number: int) -> datetime | None:
        if not self.offsets:
            return None
        turn, place = divmod(number, len(self.offsets))
        seconds = turn * self.days * DAY + self.offsets[place]
        return FIRST_WALL + seconds * SECOND if seconds <= (LAST_WALL - FIRST_WALL) // SECOND else None

    def number_from(self, moment: datetime) -> int:
        turn, rest = divmod(-((FIRST_WALL - moment) // SECOND), self.days * DAY)
        return turn * len(self.offsets) + bisect_left(self.offsets, rest)


@dataclass(frozen=True)
class ActiveUnits:
    """A Rule: local times of day that fall in every `step`th of the minutes or hours passing since `origin`."""

    origin: datetime
    """A minute or hour of the local clock begins here."""
    unit: timedelta
    step: int
    times: tuple[int, ...]
    """Seconds since midnight, increasing."""
    zone: ZoneInfo
    known: dict[timedelta, TimeCycle] = field(default_factory=dict, compare=False, repr=False)
    """What the local clock reads then, by its offset from UTC."""

    def at_or_after(self, instant: datetime) -> datetime | None:
        horizon = instant + min(HORIZON, LATEST - instant)
        while True:
            offset = offset_at(self.zone, instant)
            wall = self._readings(offset).at_or_after(instant.replace(tzinfo=None) + offset)
            found = None if wall is None else wall.replace(tzinfo=UTC) - offset
            change = next(changes(self.zone, instant + TICK, (found or horizon) + TICK), None)
            if change is None:
                return found
            instant = change.at

    def before(self, instant: datetime) -> datetime | None:
        horizon = max(self.origin, instant - HORIZON) - TICK
        while instant > horizon:
            offset = offset_at(self.zone, instant - TICK)
            wall = self._readings(offset).before(instant.replace(tzinfo=None) + offset)
            found = horizon if wall is None else max(horizon, wall.replace(tzinfo=UTC) - offset)
            change = last_change(self.zone, instant, back_to=found)
            if change is None or change.at <= found:
                return found if wall is not None and found > horizon else None
            instant = change.at
        return None

    def count(self, low: datetime, high: datetime) -> int:
        total = 0
        for change in changes(self.zone, low + TICK, high):
            total += self._count(low, change.at, change.earlier)
            low = change.at
        return total + self._count(low, high, offset_at(self.zone, low))

    def note(self, instant: datetime) -> str:
        return ""

    def _count(self, low: datetime, high: datetime, offset: timedelta) -> int:
        readings = self._readings(offset)
        return readings.count(low.replace(tzinfo=None) + offset, high.replace(tzinfo=None) + offset)

    def _readings(self, offset: timedelta) -> TimeCycle:
        if offset not in self.known:
            self.known[offset] = self._cycle(self.origin.replace(tzinfo=None) + offset)
        return self.known[offset]

    def _cycle(self, origin: datetime) -> TimeCycle:
        """The times of day in the units counted from a local time, where the clock is not changed."""
        unit = self.unit // SECOND
        began = (origin - FIRST_WALL) // SECOND
        common = gcd(DAY // unit, self.step)
        days = self.step // common
        # On day d the time lies d * (DAY // unit) + passed units from the origin, which the step must divide.
        daily = pow(DAY // unit // common, -1, days)
        found = []
        for time in self.times:
            passed, rest = divmod((time - began) // unit, common)
            if rest == 0:
                found.append(-passed * daily % days * DAY + time)
        return TimeCycle(days, tuple(sorted(found)))
