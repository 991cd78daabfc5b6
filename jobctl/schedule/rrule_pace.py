"""Seconds, minutes or hours of an RRULE with BY parts: INTERVAL counts real time, BY parts read the local clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from jobctl.schedule.daylight import EARLIEST, LATEST, TICK, changes, offset_at
from jobctl.schedule.wall import Days

DAY = 86_400
EPOCH = EARLIEST.toordinal()
SECOND = timedelta(seconds=1)
HORIZON = timedelta(days=50 * 366)
"""A search gives up after so long; no day of a calendar is rarer than a weekday on 29 February, every 40 years."""
YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Pace:
    """A Rule: in every so many units of real time, whenever the local clock reads one of `times` on one of `days`.

    As with cron's stars, nothing is added in a gap and both passes of a fold count.
    """

    days: Days
    times: Sequence[int]
    """Seconds since midnight, increasing."""
    unit: int
    """Seconds."""
    interval: int
    origin: datetime
    """The beginning of a unit that counts; UTC, and no member lies before it."""
    zone: tzinfo
    known: dict[int, Sequence[int]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def at_or_after(self, instant: datetime) -> datetime | None:
        high = min(instant, LATEST - HORIZON) + HORIZON
        for stretch in stretches(self.zone, instant, high):
            for day, times in self._within(*stretch):
                return _instant(day * DAY + times[0] - stretch[2])
        return None

    def before(self, instant: datetime) -> datetime | None:
        floor = max(self.origin, instant - HORIZON)
        while instant > floor:
            low = max(floor, instant - YEAR)
            for stretch in reversed(list(stretches(self.zone, low, instant))):
                for day, times in self._within(*stretch, backwards=True):
                    return _instant(day * DAY + times[-1] - stretch[2])
            instant = low
        return None

    def count(self, low: datetime, high: datetime) -> int:
        found = (self._within(*stretch) for stretch in stretches(self.zone, low, high))
        return sum(len(times) for days in found for _, times in days)

    def note(self, instant: datetime) -> str:
        return ""

    def _within(self, low: int, high: int, offset: int, backwards: bool = False) -> Iterator[tuple[int, Sequence[int]]]:
        """Days (since 1970) with their times of low <= x < high, which are local; none without a time."""
        start = _second(self.origin) + offset
        for day in _numbers(self.days, low // DAY, (high - 1) // DAY, backwards):
            midnight = day * DAY
            times = self._times((midnight - start) % (self.unit * self.interval))
            if midnight < low:
                times = times[bisect_left(times, low - midnight) :]
            if midnight + DAY > high:
                times = times[: bisect_left(times, high - midnight)]
            if times:
                yield day, times

    def _times(self, phase: int) -> Sequence[int]:
        """The times of a day that begins so many seconds into the interval."""
        if self.interval == 1:
            return self.times
        if phase not in self.known:
            begins = range(-phase, DAY, self.unit * self.interval)
            slices = ((bisect_left(self.times, each), bisect_left(self.times, each + self.unit)) for each in begins)
            self.known[phase] = tuple(time for low, high in slices for time in self.times[low:high])
        return self.known[phase]


def stretches(zone: tzinfo, low: datetime, high: datetime) -> Iterator[tuple[int, int, int]]:
    """The parts of low <= x < high in which the zone's offset stays the same: local seconds since 1970, and offset."""
    for change in changes(zone, low + TICK, high):
        yield _stretch(low, change.at, change.earlier)
        low = change.at
    yield _stretch(low, high, offset_at(zone, low))


def _stretch(low: datetime, high: datetime, offset: timedelta) -> tuple[int, int, int]:
    shift = offset // SECOND
    return _second(low) + shift, _second(high) + shift, shift


def _numbers(days: Days, low: int, high: int, backwards: bool) -> Iterator[int]:
    """Days since 1970 from low to high."""
    if high < low:
        return
    first, last = date.fromordinal(EPOCH + low), date.fromordinal(EPOCH + high)
    months: Sequence[int] = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    for month in reversed(months) if backwards else months:
        year, index = divmod(month, 12)
        chosen = days.in_month(year, index + 1)
        before = date(year, index + 1, 1).toordinal() - EPOCH - 1 if chosen else 0
        for day in reversed(chosen) if backwards else chosen:
            if low <= before + day <= high:
                yield before + day


def _second(instant: datetime) -> int:
    """The first whole second since 1970 at or after an instant."""
    return -((EARLIEST - instant) // SECOND)


def _instant(second: int) -> datetime:
    return EARLIEST + timedelta(seconds=second)
