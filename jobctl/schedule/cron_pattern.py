"""What an expression of either cron dialect means: days of the calendar, times of day, and whether they keep pace."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from jobctl.schedule.daylight import FixedTimes, RealPace
from jobctl.schedule.recurring import Recurring, Terms
from jobctl.schedule.wall import LAST_YEAR, Grid, times_of_day

LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
ALL_DAYS = frozenset(range(1, 32))
ALL_WEEKDAYS = frozenset(range(7))
ALL_MONTHS = tuple(range(1, 13))
ALL_YEARS = range(1, LAST_YEAR + 1)
CYCLE = 400
"""Years after which the calendar repeats."""


@dataclass(frozen=True)
class CronDays:
    """Days by two fields of an expression, in some months and years."""

    days: frozenset[int] = ALL_DAYS
    """Negative ones from the end of the month: -1 is its last day."""
    nearest: frozenset[int] = frozenset()
    """Days as above, each moved to the nearest Monday to Friday of the same month."""
    weekdays: frozenset[int] = ALL_WEEKDAYS
    """Monday is 0."""
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    """(weekday, 1 to 5), or (weekday, -1) for the last of the month."""
    months: tuple[int, ...] = ALL_MONTHS
    """Increasing."""
    years: Sequence[int] = ALL_YEARS
    """Increasing."""
    both: bool = True
    """Whether a day has to please day-of-month and day-of-week, or either."""
    known: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Days by the month's length and first weekday: there are 28 different ones."""
    known_years: dict[tuple[int, bool], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Months that have days, by the year's first weekday and whether it is a leap year: 14 different ones."""

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        if month not in self.months or year not in self.years:
            return ()
        shape = (LENGTHS[month] + (month == 2 and isleap(year)), date(year, month, 1).weekday())
        found = self.known.get(shape)
        if found is None:
            found = self.known[shape] = self._in_shape(*shape)
        return found

    def month_after(self, year: int, month: int) -> tuple[int, int] | None:
        for later in self.months[bisect_right(self.months, month) :]:
            if self.in_month(year, later):
                return year, later
        for index in range(bisect_right(self.years, year), len(self.years)):
            if months := self._in_year(self.years[index]):
                return self.years[index], months[0]
        return None

    def month_before(self, year: int, month: int) -> tuple[int, int] | None:
        for earlier in reversed(self.months[: bisect_left(self.months, month)]):
            if self.in_month(year, earlier):
                return year, earlier
        for index in reversed(range(bisect_left(self.years, year))):
            if months := self._in_year(self.years[index]):
                return self.years[index], months[-1]
        return None

    def ever(self) -> bool:
        """Whether there is such a day in any year."""
        return any(self._in_year(year) for year in self.years[:CYCLE])

    def _in_year(self, year: int) -> tuple[int, ...]:
        """The months of a year that have days."""
        shape = (date(year, 1, 1).weekday(), isleap(year))
        found = self.known_years.get(shape)
        if found is None:
            found = self.known_years[shape] = tuple(month for month in self.months if self.in_month(year, month))
        return found

    def _in_shape(self, length: int, first: int) -> tuple[int, ...]:
        """Days of any month of that length whose 1st falls on the weekday `first`."""
        by_day = {
            *_existing(self.days, length),
            *(_nearest(day, length, first) for day in _existing(self.nearest, length)),
        }
        by_weekday = {day for day in range(1, length + 1) if (first + day - 1) % 7 in self.weekdays}
        for weekday, nth in self.nth_weekdays:
            days = range((weekday - first) % 7 + 1, length + 1, 7)
            if nth <= len(days):
                by_weekday.add(days[nth - 1 if nth > 0 else nth])
        return tuple(sorted(by_day & by_weekday if self.both else by_day | by_weekday))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the fields say; hours, minutes and seconds are increasing and never empty."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    days: CronDays
    keeps_pace: bool
    """Whether a field of the time begins with a star, by which Debian cron tells what recurs within the day."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression that has been read, whatever the plan's zone."""

    grid: Grid
    keeps_pace: bool
    words: str

    @classmethod
    def of(cls, pattern: Pattern, words: str) -> Reading:
        times = times_of_day(pattern.hours, pattern.minutes, pattern.seconds)
        return cls(Grid(pattern.days, times), pattern.keeps_pace, words)

    def under(self, terms: Terms) -> Recurring:
        """The schedule of a plan."""
        rule = RealPace(self.grid, terms.zone) if self.keeps_pace else FixedTimes(self.grid, terms.zone)
        return Recurring.under(terms, rule, self.words)


def _existing(days: Iterable[int], length: int) -> set[int]:
    """Those a month of that length has, counted from its beginning."""
    counted = (day if day > 0 else length + 1 + day for day in days)
    return {day for day in counted if 1 <= day <= length}


def _nearest(day: int, length: int, first: int) -> int:
    """The Monday to Friday nearest to a day, without leaving the month."""
    weekday = (first + day - 1) % 7
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day
