"""The days of an RRULE and, with the times of day, its local times (RFC 5545 section 3.3.10).

Every BY part of a day says which days may be; together they leave those that pass all of them. For days that is the
same as the table of the RFC, where some of them "expand" and others "limit".
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from jobctl.schedule.wall import LAST_YEAR, Grid, Wall

FIRST_YEAR = 1969
"""No local time of an instant since 1970 lies before it."""
MOST_MONTHS = 4800
"""A search gives up after so many; in 400 years the Gregorian calendar begins anew."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that pass all BY parts, period by period, whatever INTERVAL says."""

    period: str
    """DAILY, WEEKLY, MONTHLY or YEARLY."""
    week_start: int
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    week_numbers: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    """(weekday, ordinal), where 0 is every one."""
    ordinals_in_month: bool
    """Whether the ordinals count within the month, else within the year."""
    known: dict[int, tuple[tuple[date, ...], ...]] = field(default_factory=dict, init=False, compare=False, repr=False)
    chosen: dict[tuple[int, frozenset[int]], tuple[tuple[int, ...], ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """By the year and the positions chosen: the days of its twelve months."""

    def periods(self, year: int) -> tuple[tuple[date, ...], ...]:
        """The days of each period that touches a year."""
        if year not in self.known:
            # A week may reach into the years beside.
            first = date(year, 1, 1).toordinal() - 6
            last = date(year, 12, 31).toordinal() + 6
            days = (date.fromordinal(ordinal) for ordinal in range(first, last + 1))
            groups = groupby(filter(self._matches, days), key=self.number_of)
            self.known[year] = tuple(tuple(group) for _, group in groups)
        return self.known[year]

    def number_of(self, day: date) -> int:
        """The number of the period in which a day lies."""
        if self.period == "YEARLY":
            return day.year
        if self.period == "MONTHLY":
            return day.year * 12 + day.month
        ordinal = day.toordinal()
        return ordinal if self.period == "DAILY" else (ordinal - 1 - self.week_start) // 7

    def first_day(self, number: int) -> date | None:
        """The first day of a period; None outside the years 1 to 9999."""
        try:
            if self.period == "YEARLY":
                return date(number, 1, 1)
            if self.period == "MONTHLY":
                return date((number - 1) // 12, (number - 1) % 12 + 1, 1)
            return date.fromordinal(number if self.period == "DAILY" else number * 7 + 1 + self.week_start)
        except (ValueError, OverflowError):
            return None

    def _matches(self, day: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.weekdays and not self._on_weekday(day):
            return False
        if self.month_days and not _named(day.day, monthrange(day.year, day.month)[1], self.month_days):
            return False
        if self.year_days and not _named(_day_of_year(day), 365 + isleap(day.year), self.year_days):
            return False
        return not self.week_numbers or _named(*_week(day, self.week_start), self.week_numbers)

    def _on_weekday(self, day: date) -> bool:
        weekday = day.weekday()
        if (weekday, 0) in self.weekdays:
            return True
        number, size = _day_of_year(day), 365 + isleap(day.year)
        if self.ordinals_in_month:
            number, size = day.day, monthrange(day.year, day.month)[1]
        return (weekday, (number + 6) // 7) in self.weekdays or (weekday, -((size - number) // 7) - 1) in self.weekdays


@dataclass(frozen=True, slots=True)
class RuleDays:
    """The Days of a calendar in every so many periods, where asked for at chosen positions of each period."""

    calendar: Calendar
    interval: int
    origin: int
    """The number of a period that counts."""
    positions: frozenset[int]
    """Python's indices into the days of a period; empty: all of them."""

    def in_month(self, year: int, month: int) -> Sequence[int]:
        days = self._in_year(years_alike()[year % 400])[month - 1]
        if self.interval == 1 or not days:
            return days
        if self.calendar.period in ("MONTHLY", "YEARLY"):
            return () if self._beside(date(year, month, 1)) else days
        return [day for day in days if not self._beside(date(year, month, day))]

    def month_after(self, year: int, month: int) -> tuple[int, int] | None:
        for _ in range(MOST_MONTHS):
            if (year, month) >= (LAST_YEAR, 12):
                return None
            day: date | None = date(year + month // 12, month % 12 + 1, 1)
            if day and (beside := self._beside(day)):
                day = self.calendar.first_day(self.calendar.number_of(day) - beside + self.interval)
            if day is None:
                return None
            year, month = day.year, day.month
            if self.in_month(year, month):
                return year, month
        return None

    def month_before(self, year: int, month: int) -> tuple[int, int] | None:
        for _ in range(MOST_MONTHS):
            day: date | None = date(year, month, 1) - ONE_DAY
            if day and (beside := self._beside(day)):
                following = self.calendar.first_day(self.calendar.number_of(day) - beside + 1)
                day = following and following - ONE_DAY
            if day is None or day.year < FIRST_YEAR:
                return None
            year, month = day.year, day.month
            if self.in_month(year, month):
                return year, month
        return None

    def ever(self, start: date) -> bool:
        """Whether there is such a day from the month of `start` on."""
        here = start.year, start.month
        return bool(self.in_month(*here)) or self.month_after(*here) is not None

    def _beside(self, day: date) -> int:
        """How many periods lie between the day's own and the last one that counts."""
        return (self.calendar.number_of(day) - self.origin) % self.interval

    def _in_year(self, year: int) -> tuple[tuple[int, ...], ...]:
        """Days of the twelve months of a year."""
        known = self.calendar.chosen
        if (year, self.positions) not in known:
            months: list[list[int]] = [[] for _ in range(12)]
            for days in self.calendar.periods(year):
                for day in self._chosen(days):
                    if day.year == year:
                        months[day.month - 1].append(day.day)
            known[year, self.positions] = tuple(tuple(month) for month in months)
        return known[year, self.positions]

    def _chosen(self, days: tuple[date, ...]) -> Iterator[date]:
        for place, day in enumerate(days):
            if not self.positions or place in self.positions or place - len(days) in self.positions:
                yield day


@dataclass(frozen=True, slots=True)
class Either:
    """A Wall of several that have no member in common."""

    walls: Sequence[Wall]

    def at_or_after(self, wall: datetime) -> datetime | None:
        return min((found for each in self.walls if (found := each.at_or_after(wall))), default=None)

    def before(self, wall: datetime) -> datetime | None:
        return max((found for each in self.walls if (found := each.before(wall))), default=None)

    def count(self, low: datetime, high: datetime) -> int:
        return sum(each.count(low, high) for each in self.walls)


def by_time_of_day(positions: frozenset[int], times: int) -> dict[frozenset[int], list[int]]:
    """BYSETPOS in a period of days with so many times each: which times go with which indices of days."""
    days: dict[int, set[int]] = {}
    for position in positions:
        day, time = divmod(position - (position > 0), times)
        days.setdefault(time, set()).add(day)
    grouped: dict[frozenset[int], list[int]] = {}
    for time in sorted(days):
        grouped.setdefault(frozenset(days[time]), []).append(time)
    return grouped


def local_times(days: RuleDays, times: Sequence[int], positions: frozenset[int]) -> Wall:
    """All `times` (seconds since midnight) on all days, or those at chosen positions of each period, from 1."""
    if not positions:
        return Grid(days, times)
    grids = [
        Grid(replace(days, positions=chosen), tuple(times[index] for index in indices))
        for chosen, indices in by_time_of_day(positions, len(times)).items()
    ]
    return grids[0] if len(grids) == 1 else Either(grids)


@lru_cache(maxsize=1)
def years_alike() -> tuple[int, ...]:
    """For each year of the 400 after which all comes again, from 2000 on, the first one with the same days."""
    first: dict[tuple[int, ...], int] = {}
    # The weeks at both ends may belong to the years beside, whose lengths number them.
    return tuple(
        first.setdefault((date(year, 1, 1).weekday(), isleap(year - 1), isleap(year), isleap(year + 1)), year)
        for year in range(2000, 2400)
    )


def _named(number: int, size: int, numbers: frozenset[int]) -> bool:
    """Whether a place of 1 to `size` is among numbers that count from the start or, negative, from the end."""
    return number in numbers or number - size - 1 in numbers


def _day_of_year(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _week(day: date, week_start: int) -> tuple[int, int]:
    """The number of the week a day lies in, and how many weeks that year has: the one with the week's fourth day."""
    fourth = date.fromordinal(day.toordinal() - (day.weekday() - week_start) % 7 + 3)
    number, size = _day_of_year(fourth), 365 + isleap(fourth.year)
    return (number + 6) // 7, (size - (number - 1) % 7 + 6) // 7
