"""Local times as instants, by Debian cron's daylight saving rule.

`FixedTimes`: each local time once, at the first instant at which the local clock reads it or a later time. That one
sentence is the whole rule: a time in a gap runs at the first instant after it, a doubled time at its first pass.
`RealPace`: whenever the local clock reads a member, so nothing is added in a gap and both passes of a fold count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from jobctl.schedule.wall import Wall

TICK = timedelta(microseconds=1)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC) - TICK  # a day of room: zone conversion must not overflow

# zoneinfo does not tell its transitions. No two of any zone since 1970 are closer than 6.9 days.
PROBE = timedelta(days=6)


class Rule(Protocol):
    """A set of instants (aware, UTC) without first or last."""

    def at_or_after(self, instant: datetime) -> datetime | None: ...

    def before(self, instant: datetime) -> datetime | None: ...

    def count(self, low: datetime, high: datetime) -> int:
        """Number of members with low <= x < high."""
        ...

    def note(self, instant: datetime) -> str: ...


@dataclass(frozen=True, slots=True)
class Change:
    """The zone's offset from UTC changes at an instant: forwards makes a gap, backwards a fold."""

    at: datetime
    earlier: timedelta
    later: timedelta

    @property
    def is_gap(self) -> bool:
        return self.later > self.earlier


@dataclass(frozen=True, slots=True)
class FixedTimes:
    """Each local time of `wall` once."""

    wall: Wall
    zone: tzinfo

    def at_or_after(self, instant: datetime) -> datetime | None:
        wall = self.wall.at_or_after(reached(self.zone, instant))
        return None if wall is None else first_reading(self.zone, wall)

    def before(self, instant: datetime) -> datetime | None:
        wall = self.wall.before(reached(self.zone, instant))
        return None if wall is None else first_reading(self.zone, wall)

    def count(self, low: datetime, high: datetime) -> int:
        total = self.wall.count(reached(self.zone, low), reached(self.zone, high))
        for change in changes(self.zone, low, high):
            if change.is_gap:  # its members and the one just after it all run at one instant
                total -= max(0, self._in_gap(change, and_after=TICK) - 1)
        return total

    def note(self, instant: datetime) -> str:
        change = last_change(self.zone, instant + TICK)
        if change is not None and change.at == instant and change.is_gap and self._in_gap(change):
            return "shifted out of the gap"
        local = instant.astimezone(self.zone)
        doubled = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
        return "once of two" if doubled else ""

    def _in_gap(self, change: Change, and_after: timedelta = timedelta(0)) -> int:
        return self.wall.count(_reading(change.at, change.earlier), _reading(change.at, change.later) + and_after)


@dataclass(frozen=True, slots=True)
class RealPace:
    """Every instant at which the local clock reads a time of `wall`."""

    wall: Wall
    zone: tzinfo

    def at_or_after(self, instant: datetime) -> datetime | None:
        while True:
            offset = offset_at(self.zone, instant)
            wall = self.wall.at_or_after(_reading(instant, offset))
            found = None if wall is None else wall.replace(tzinfo=UTC) - offset
            change = next(changes(self.zone, instant + TICK, LATEST if found is None else found + TICK), None)
            if change is None:
                return found
            instant = change.at

    def before(self, instant: datetime) -> datetime | None:
        while instant > EARLIEST:
            offset = offset_at(self.zone, instant - TICK)
            wall = self.wall.before(_reading(instant, offset))
            found = EARLIEST if wall is None else wall.replace(tzinfo=UTC) - offset
            change = last_change(self.zone, instant, back_to=found)
            if change is None or change.at <= found:
                return None if wall is None else found
            instant = change.at
        return None

    def count(self, low: datetime, high: datetime) -> int:
        total = 0
        for change in changes(self.zone, low + TICK, high):
            total += self.wall.count(_reading(low, change.earlier), _reading(change.at, change.earlier))
            low = change.at
        offset = offset_at(self.zone, low)
        return total + self.wall.count(_reading(low, offset), _reading(high, offset))

    def note(self, instant: datetime) -> str:
        return ""


def first_reading(zone: tzinfo, wall: datetime) -> datetime:
    """The first instant (UTC) at which the local clock reads `wall` or later."""
    instant = wall.replace(tzinfo=UTC) - _offset(wall.replace(tzinfo=zone, fold=0))
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    change = last_change(zone, instant + TICK)  # in a gap, read with the offset from before it
    return instant if change is None else change.at


def reached(zone: tzinfo, instant: datetime) -> datetime:
    """The local time all readings before `instant` stay under: after a fold it stands still until it is made up."""
    change = last_change(zone, instant)
    if change is None:
        return _reading(instant, offset_at(zone, instant - TICK))
    return max(_reading(instant, change.later), _reading(change.at, change.earlier))


def changes(zone: tzinfo, low: datetime, high: datetime) -> Iterator[Change]:
    """The changes with low <= at < high, in order."""
    for year in range(low.year, high.year + 1):
        for change in _changes_in_year(zone, year):
            if low <= change.at < high:
                yield change


def last_change(zone: tzinfo, instant: datetime, back_to: datetime | None = None) -> Change | None:
    """The latest change before `instant`; None when there is none since the year before it, or since `back_to`."""
    first_year = instant.year - 1 if back_to is None else back_to.year
    for year in range(instant.year, first_year - 1, -1):
        for change in reversed(_changes_in_year(zone, year)):
            if change.at < instant:
                return change
    return None


def offset_at(zone: tzinfo, instant: datetime) -> timedelta:
    """The zone's offset from UTC at an instant."""
    return _offset(instant.astimezone(zone))


@lru_cache(maxsize=8192)
def _changes_in_year(zone: tzinfo, year: int) -> tuple[Change, ...]:
    if zone.utcoffset(None) is not None:  # a fixed offset, such as UTC
        return ()
    low = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) if year < LATEST.year else LATEST + TICK
    found = []
    later = offset_at(zone, low - TICK)
    while low < end:
        high = low + min(PROBE, end - low)
        earlier, later = later, offset_at(zone, high - TICK)
        if earlier != later:
            found.append(Change(_first_second_with(zone, later, low, high), earlier, later))
        low = high
    return tuple(found)


def _first_second_with(zone: tzinfo, offset: timedelta, low: datetime, high: datetime) -> datetime:
    seconds = range(int((high - low).total_seconds()))
    index = bisect_left(seconds, True, key=lambda second: offset_at(zone, low + timedelta(seconds=second)) == offset)
    return low + timedelta(seconds=index)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta(0)


def _reading(instant: datetime, offset: timedelta) -> datetime:
    return instant.replace(tzinfo=None) + offset
