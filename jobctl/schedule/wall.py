"""Local times as they are written, before any zone has its say: naive datetimes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

LAST_YEAR = 9999


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
        while day >= len(days):
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
            if year > LAST_YEAR:
                return None
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
        while day == 0:
            year, month = (year - 1, 12) if month == 1 else (year, month - 1)
            if year < 1:
                return None
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
