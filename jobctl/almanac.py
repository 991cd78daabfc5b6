"""The occurrences of a month or a week, counted by day or hour; none of them is visited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.output.calendar_view import Calendar, Day
from jobctl.output.text import until
from jobctl.records import dataclass
from jobctl.saying import say
from jobctl.schedule.daylight import changes, first_reading
from jobctl.schedule.instants import format_local
from jobctl.schedule.words import MONTHS, WEEKDAYS
from jobctl.schedule.zones import zone

if TYPE_CHECKING:
    from jobctl.coming import Coming

DAY = timedelta(days=1)
HOUR = 3_600_000_000
LAST_YEAR = 9998
"""The last one with a whole year after it, as far as dates go."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The days of a calendar and how they are divided."""

    unit: str
    time_zone: str
    first: date
    days: int
    own: range
    """Which of the days belong to the month, where the others only fill its weeks."""

    @classmethod
    def around(cls, unit: str, instant: int, time_zone: str) -> Grid:
        """The weeks of the `month` that holds an instant, or a `week` from its day on."""
        day = to_datetime(instant).astimezone(zone(time_zone)).date()
        if day.year > LAST_YEAR:
            raise BadInput(f"no calendar is drawn after {LAST_YEAR}; choose an earlier --from")
        if unit == "week":
            return cls(unit, time_zone, day, 7, range(7))
        first = day.replace(day=1)
        following = (first + 31 * DAY).replace(day=1)
        before, length, after = first.weekday(), (following - first).days, -following.weekday() % 7
        return cls(unit, time_zone, first - before * DAY, before + length + after, range(before, before + length))

    @property
    def size(self) -> int:
        """How many cells a day has."""
        return 24 if self.unit == "week" else 1

    def bounds(self) -> list[int]:
        """The instants (microseconds UTC) at which the cells begin, and the end of the last."""
        cells = self.days * self.size
        walls = [datetime.combine(self.first, time()) + cell * DAY / self.size for cell in range(cells + 1)]
        return [from_datetime(first_reading(zone(self.time_zone), wall)) for wall in walls]

    def days_of(self, bounds: Sequence[int], counts: Sequence[int]) -> Iterator[Day]:
        for index in range(self.days):
            cells = range(index * self.size, (index + 1) * self.size)
            missing = frozenset(cell - cells.start for cell in cells if bounds[cell] == bounds[cell + 1])
            changes = bounds[cells.stop] - bounds[cells.start] != 24 * HOUR
            yield Day(self.first + index * DAY, tuple(counts[cell] for cell in cells), changes, missing)


def calendar(unit: str, coming: Sequence[Coming], words: str, start: int, now: int, time_zone: str) -> Calendar:
    """The `month` or `week` of the instant `start`, with what all of `coming` have in it together."""
    grid = Grid.around(unit, start, time_zone)
    bounds = grid.bounds()
    counts = [each.counts(bounds) for each in coming]
    sums = [sum(cells) for cells in zip(*counts, strict=True)] or [0] * (len(bounds) - 1)
    own = slice(grid.own.start * grid.size, grid.own.stop * grid.size)
    by_job = [(each.job, sum(cells[own])) for each, cells in zip(coming, counts, strict=True)]
    notes = [
        *_changes(time_zone, bounds[own.start], bounds[own.stop]),
        *_pauses(coming, bounds[own.stop], now, time_zone),
    ]
    if not any(sums[own]):
        notes += _next(coming, bounds[own.stop], time_zone)
    return Calendar(
        unit=unit,
        words=words,
        time_zone=time_zone,
        days=tuple(grid.days_of(bounds, sums)),
        month=grid.first + grid.own.start * DAY,
        now=to_datetime(now).astimezone(zone(time_zone)).replace(tzinfo=None),
        notes=tuple(notes),
        jobs=tuple(sorted(((name, number) for name, number in by_job if name and number), key=lambda job: -job[1])),
    )


def _changes(time_zone: str, low: int, high: int) -> Iterator[str]:
    """Where the clocks change: `* Sun 28 March: the clocks go forward from 02:00 to 03:00`."""
    for change in changes(zone(time_zone), to_datetime(low), to_datetime(high)):
        before, after = change.at + change.earlier, change.at + change.later
        weekday, month = say(WEEKDAYS[before.weekday()][:3]), say(MONTHS[before.month - 1])
        way = "* {weekday} {day} {month}: the clocks go back from {before:%H:%M} to {after:%H:%M}"
        if change.is_gap:
            way = "* {weekday} {day} {month}: the clocks go forward from {before:%H:%M} to {after:%H:%M}"
        yield say(way, weekday=weekday, day=before.day, month=month, before=before, after=after)


def _pauses(coming: Sequence[Coming], end: int, now: int, time_zone: str) -> Iterator[str]:
    """Which schedules are paused, so that what falls into the pause is not counted."""
    for each in coming:
        if each.pause is not None and each.pause[0] < end and each.pause[1] > now:
            words = until(each.pause[1], format_local(each.pause[1], zone(time_zone)))
            yield say("{schedule} is paused {until}", schedule=each.job or say("the schedule"), until=words)


def _next(coming: Sequence[Coming], end: int, time_zone: str) -> Iterator[str]:
    """When the first one after the calendar's end is."""
    moments = [each.next_from(end) for each in coming]
    found = min((moment for moment in moments if moment is not None), default=None)
    if found is not None:
        yield say("the next one: {at}", at=format_local(found, zone(time_zone)))
