"""Local times as they are written, before any zone has its say: naive datetimes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast, overload

LAST_YEAR = 9999
SPELT_OUT = 1440
"""Searched faster, and small enough up to here."""


class Wall(Protocol):
    """A set of local times."""

    def at_or_after(self, wall: datetime) -> datetime | None:
        """The first member at or after `wall`."""
        ...

    def before(self, wall: datetime) -> datetime | None:
        """The last member before `wall`."""
        ...

    def count(self, low: datetime, high: datetime) -> int:
        """Number of members with low <= x < high, in at most O(days)."""
        ...


class Days(Protocol):
    """Which days of a month."""

    def in_month(self, year: int, month: int) -> Sequence[int]:
        """Day numbers, increasing."""
        ...


class FarDays(Days, Protocol):
    """Days that know their next month themselves, so that a Grid need not look into every month of many years."""

    def month_after(self, year: int, month: int) -> tuple[int, int] | None:
        """The first month after that one that has days."""
        ...

    def month_before(self, year: int, month: int) -> tuple[int, int] | None:
        """The last month before that one that has days."""
        ...


@dataclass(frozen=True, slots=True)
class Combined(Sequence[int]):
    """The seconds since midnight of every combination, not spelt out: there may be 86,400."""

    hours: Sequence[int]
    minutes: Sequence[int]
    seconds: Sequence[int]

    def __len__(self) -> int:
        return len(self.hours) * len(self.minutes) * len(self.seconds)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...

    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        rest, second = divmod(index, len(self.seconds))
        hour, minute = divmod(rest, len(self.minutes))
        return self.hours[hour] * 3600 + self.minutes[minute] * 60 + self.seconds[second]


def times_of_day(hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int] = (0,)) -> Sequence[int]:
    """Every combination of increasing hours, minutes and seconds, as a Grid takes them."""
    if len(hours) * len(minutes) * len(seconds) > SPELT_OUT:
        return Combined(hours, minutes, seconds)
    return tuple(hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds)


@dataclass(frozen=True, slots=True)
class Grid:
    """The same times of day on chosen days: a Wall that counts by months and never visits its members."""

    days: Days
    times: Sequence[int]
    """Seconds since midnight, increasing, never empty."""

    def at_or_after(self, wall: datetime) -> datetime | None:
        days, day, time = self._place(wall)
        if day < len(days) and days[day] == wall.day:
            if time < len(self.times):
                return self._member(wall.year, wall.month, days[day], self.times[time])
            day += 1
        year, month = wall.year, wall.month
        if day >= len(days):
            following = self._month_after(year, month)
            if following is None:
                return None
            year, month = following
            days, day = self.days.in_month(year, month), 0
        # The last day of all has no room for a zone's offset.
        if (year, month, days[day]) == (LAST_YEAR, 12, 31):
            return None
        return self._member(year, month, days[day], self.times[0])

    def before(self, wall: datetime) -> datetime | None:
        days, day, time = self._place(wall)
        if day < len(days) and days[day] == wall.day and time > 0:
            return self._member(wall.year, wall.month, days[day], self.times[time - 1])
        year, month = wall.year, wall.month
        if day == 0:
            preceding = self._month_before(year, month)
            if preceding is None:
                return None
            year, month = preceding
            days = self.days.in_month(year, month)
            day = len(days)
        return self._member(year, month, days[day - 1], self.times[-1])

    def count(self, low: datetime, high: datetime) -> int:
        if high <= low:
            return 0
        total = self._rank_in_month(high) - self._rank_in_month(low)
        for index in range(low.year * 12 + low.month - 1, high.year * 12 + high.month - 1):
            total += len(self.days.in_month(index // 12, index % 12 + 1)) * len(self.times)
        return total

    def _month_after(self, year: int, month: int) -> tuple[int, int] | None:
        """The next month with days."""
        if (far := _far(self.days)) is not None:
            return far.month_after(year, month)
        for index in range(year * 12 + month, (LAST_YEAR + 1) * 12):
            if self.days.in_month(index // 12, index % 12 + 1):
                return index // 12, index % 12 + 1
        return None

    def _month_before(self, year: int, month: int) -> tuple[int, int] | None:
        """The last month with days before that one."""
        if (far := _far(self.days)) is not None:
            return far.month_before(year, month)
        for index in range(year * 12 + month - 2, 11, -1):
            if self.days.in_month(index // 12, index % 12 + 1):
                return index // 12, index % 12 + 1
        return None

    def _place(self, wall: datetime) -> tuple[Sequence[int], int, int]:
        """Days of the month of `wall`, and how many days and times of day lie before it."""
        second = wall.hour * 3600 + wall.minute * 60 + wall.second + (wall.microsecond > 0)
        days = self.days.in_month(wall.year, wall.month)
        return days, bisect_left(days, wall.day), bisect_left(self.times, second)

    def _rank_in_month(self, wall: datetime) -> int:
        days, day, time = self._place(wall)
        today = day < len(days) and days[day] == wall.day
        return day * len(self.times) + (time if today else 0)

    @staticmethod
    def _member(year: int, month: int, day: int, second: int) -> datetime:
        return datetime(year, month, day) + timedelta(seconds=second)


def _far(days: Days) -> FarDays | None:
    return cast(FarDays, days) if hasattr(days, "month_after") else None
